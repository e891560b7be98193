// The module of routing: it repeats, call by call, what the native crate has answered on made-up pools, and simulates to the
// same bits; shapes and typed errors. That the answers are right is tested in the policy crate.
// 10,000 states; `soak` asks for 40 times as many and more.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { test } from "node:test";

const require = createRequire(import.meta.url);
const routing = require(`${process.env.DRAGONFLY_POLICY_WASM}/policy_routing.js`);
const { PoolRouter } = routing;

const rounds = Number(process.env.DRAGONFLY_SOAK ?? 1);
const [SCRIPTS, STEPS] = rounds > 1 ? [100, 250] : [50, 200];

test("the module answers what the native crate answers", () => {
  for (let round = 0; round < rounds; round++) repeatFrom(round * SCRIPTS);
});

function repeatFrom(first) {
  const run = ["run", "--quiet", "--package", "policy", "--example", "routing", "--", `${SCRIPTS}`, `${STEPS}`, `${first}`];
  const lines = execFileSync("cargo", run, {
    cwd: new URL("../../..", import.meta.url), encoding: "utf8", maxBuffer: 1 << 28,
  });
  const [scripts, scenarios] = [[], []];
  for (const line of lines.trim().split("\n").map((line) => JSON.parse(line))) (line.script ? scripts : scenarios).push(line);
  assert.equal(scripts.length, SCRIPTS);
  for (const { script, answers } of scripts) {
    const { steps, ...config } = script;
    const router = new PoolRouter(config);
    for (const [number, step] of steps.entries()) assert.deepEqual(answer(router, step), answers[number], JSON.stringify(step));
    // The same at once, and from the state in which it ends.
    assert.deepEqual(routing.runScript(script), answers);
    const restored = PoolRouter.restore(router.config(), router.state());
    assert.deepEqual(restored.state(), router.state());
    restored.free();
    router.free();
  }
  assert.equal(scenarios.length, 4);
  for (const { scenario, simulated, compared, exact, moves, sought, stress } of scenarios) {
    assert.deepEqual(routing.simulate(scenario), simulated);
    const [member] = compared.saved.agents;
    assert.deepEqual(routing.compareRanks(scenario, [{ agentId: member.agent_id, priorityRank: 99 }]), compared);
    assert.deepEqual(routing.exact(scenario), exact);
    assert.deepEqual(routing.moves(scenario), moves);
    assert.deepEqual(routing.goalSeek(scenario, { tier1ShareMin: undefined, tier1_share_min: 0.7, occupancyMax: 0.9 }), sought);
    if (stress) assert.deepEqual(routing.stress(scenario), stress);
    else assert.throws(() => routing.stress(scenario), { field: "away" });
  }
}

/** What a step of a script answers, by the methods of the router */
function answer(router, step) {
  try {
    switch (step.do) {
      case "route": {
        const question = { poolId: step.pool_id, visitorId: step.visitor_id, excludeAgentId: step.exclude_agent_id };
        const { refused, ...traced } = router.explain(question);
        const decision = router.route(question);
        for (const [name, value] of Object.entries(decision)) assert.deepEqual(traced[name], value);
        return { ...decision, refused };
      }
      case "release": return void router.release(step.visitor_id) ?? {};
      case "status": return router.setStatus(step.agent_id, step.status) ?? {};
      case "membership": return router.setMemberships(step.agent_id, step.memberships) ?? {};
      case "remove": return typeof router.removeFromPool(step.agent_id, step.pool_id) === "boolean" ? {} : undefined;
      case "reassign": {
        const { reassigned, unassigned } = router.reassign(step.agent_id);
        return { reassigned, unassigned };
      }
      default: return undefined;
    }
  } catch (error) {
    assert.equal(error.name, "DragonflyError", error.stack);
    return { error: `${error.field}: ${error.message}` };
  }
}

const config = () => ({
  pools: [
    { id: "sales", orgId: "o", fallback: "none", members: [{ agentId: "ann", priorityRank: 1 }, { agent_id: "bob", priority_rank: 2 }] },
    { id: "care", org_id: "o" },
  ],
  agents: [
    { id: "ann", org_id: "o", status: "idle", capacity: 1 },
    { id: "bob", orgId: "o", status: "idle", capacity: 2 },
  ],
  pages: [{
    org_id: "o", default_pool_id: "care",
    rules: [{ id: "pricing", pool_id: "sales", conditions: [{ field: "path", operator: "starts_with", value: "/pricing" }] }],
  }],
});

function refused(call, field, message) {
  assert.throws(call, (error) => {
    assert.deepEqual({ name: error.name, field: error.field }, { name: "DragonflyError", field });
    assert.match(error.message, message);
    return true;
  });
  // A trap would have poisoned the module.
  assert.equal(routing.erlangB(1, 1), 0.5);
}

test("an agent's pools, ranks, status and slots", () => {
  const router = new PoolRouter(config());
  assert.equal(router.priorityInPool("bob", "sales"), 2);
  assert.equal(router.priorityInPool("bob", "care"), null);
  router.setMemberships("bob", [{ poolId: "sales", priorityRank: 1 }, { poolId: "care" }]);
  assert.deepEqual(router.memberships("bob"), [{ pool_id: "care", priority_rank: 1 }, { pool_id: "sales", priority_rank: 1 }]);
  assert.equal(router.revision, 1);
  router.registerAgent({ id: "cy", orgId: "o", status: "idle", capacity: 1 });
  router.assign({ poolId: "sales", visitorId: "v1", agentId: "bob" });
  refused(() => router.assign({ poolId: "sales", visitorId: "v2", agentId: "cy" }), "agent_id", /not a member/);
  assert.equal(router.load("bob"), 1);
  const served = { visitor_id: "v1", pool_id: "sales", agent_id: "bob", fallback: false, is_in_call: false };
  assert.deepEqual(router.unregisterAgent("bob"), [served]);
  assert.equal(router.load("bob"), null);
  router.setCapacity("ann", 2);
  assert.equal(router.decide({ poolId: "sales", visitorId: "v1" }).agent_id, "ann");
});

test("decisions are previewed, explained and taken", () => {
  const router = new PoolRouter(config());
  const preview = router.preview(4, "sales");
  assert.deepEqual(preview.map(({ agent_id: agent }) => agent), ["ann", "bob", "bob", null]);
  assert.equal(router.preview(2).length, 4);
  assert.equal(preview[1].refused[0].why, "at_capacity");
  assert.deepEqual(router.whyNot({ poolId: "sales", visitorId: "v" }, "bob"),
    { why: "better_rank", deciding_rank: 1, priority_rank: 2 });
  const draft = router.copy();
  draft.setMemberships("bob", [{ poolId: "sales", priorityRank: 1 }]);
  draft.setMemberships("ann", [{ poolId: "sales", priorityRank: 2 }]);
  assert.deepEqual(draft.preview(2, "sales").map(({ agent_id: agent }) => agent), ["bob", "bob"]);
  assert.deepEqual(router.route({ pool_id: "sales", visitor_id: "v", exclude_agent_id: null }),
    { agent_id: "ann", priority_rank: 1, fallback: false, reason: "idle with no load, never assigned in the pool, of rank 1" });
  assert.equal(router.setInCall("v", "sales", true), true);
  assert.deepEqual(router.reassign("ann"), { reassigned: {}, unassigned: [], moves: [], stayed: ["v"] });
  router.setInCall("v", "sales", false);
  assert.deepEqual(router.reassign("ann").moves.map(({ visitor_id: visitor, agent_id: agent }) => [visitor, agent]), [["v", "bob"]]);
  assert.equal(router.release("v").length, 1);
  assert.deepEqual(router.release("v"), []);
});

test("pages lead to pools", () => {
  const router = new PoolRouter(config());
  const { pool_id: pool, rule_id: rule, rules } = router.matchPool("o", "https://example.com/Pricing?x=1");
  assert.deepEqual([pool, rule, rules[0].conditions[0].actual], ["sales", "pricing", ["/pricing"]]);
  assert.equal(router.matchPool("o", "/about").pool_id, "care");
  assert.equal(router.matchPool("unknown", "/about").pool_id, null);
  assert.deepEqual(routing.matchPage(config().pages[0], "/pricing"), router.matchPool("o", "/pricing"));
  router.setPages({ orgId: "o" });
  assert.equal(router.matchPool("o", "/pricing").pool_id, null);
  router.setPool({ id: "care", orgId: "o", members: [{ agentId: "bob" }] });
  assert.equal(router.priorityInPool("bob", "care"), 1);
  router.removePool("care");
  assert.equal(router.config().pools.length, 1);
});

test("bad input is refused at the field and changes nothing", () => {
  const router = new PoolRouter(config());
  const before = [router.config(), router.state()];
  for (const rank of [0, 100, 1.5, "", NaN]) {
    refused(() => router.setMemberships("ann", [{ poolId: "sales", priorityRank: rank }]), "memberships[0].priority_rank", /from 1 to 99/);
  }
  refused(() => router.setMemberships("ann", [{ poolId: "none" }]), "memberships[0].pool_id", /no pool `none`/);
  refused(() => router.setMemberships("eve", []), "agent_id", /no agent `eve`/);
  refused(() => router.setStatus("ann", "asleep"), "status", /unknown variant `asleep`/);
  refused(() => router.route({ poolId: "sales" }), "visitor_id", /is not a text/);
  refused(() => router.route({ poolId: "sales", visitorId: "v", exclude: "ann" }), "question", /unknown field `exclude`/);
  refused(() => router.route({ poolId: "sales", visitorId: "v", excludeAgentId: "eve" }), "exclude_agent_id", /no agent `eve`/);
  refused(() => router.route(null), "question", /not an object/);
  refused(() => router.route(new Proxy({}, { ownKeys() { throw new Error("no") } })), "question", /no/);
  refused(() => router.preview(1e9), "n", /more than 10000/);
  refused(() => router.removePool("care"), "pool_id", /page rules lead/);
  refused(() => new PoolRouter({ pools: [], agents: [], more: 1 }), "more", /unknown field `more`/);
  const foreign = config();
  foreign.pools[0].orgId = "other";
  refused(() => new PoolRouter(foreign), "pools[0].members[0].agent_id", /another organisation/);
  refused(() => routing.simulate({ groups: [{ agents: 1 }] }), "handling", /missing/);
  refused(() => routing.erlangB(-1, 2), "slots", /./);
  refused(() => routing.erlangC(1, Infinity), "erlangs", /./);
  assert.deepEqual([router.config(), router.state()], before);
});

test("the formulas", () => {
  assert.equal(routing.erlangB(8, 4).toFixed(6), "0.030420");
  assert.equal(routing.erlangC(10, 8).toFixed(6), "0.409180");
  assert.equal(routing.erlangC(8, 8), null);
  const scenario = { groups: [{ agents: 2 }], arrivalsPerUnit: 1, handling: { kind: "constant", mean: 1 } };
  assert.equal(routing.lossesIgnoreRanks(scenario).applies, true);
  assert.equal(routing.exact(scenario).lost, 0.2);
});

test("recorded visitors are replayed under a draft", () => {
  const draft = config();
  draft.pools[0].members.reverse();
  draft.pools[0].members[0].priority_rank = 1;
  draft.pools[0].members[1].priorityRank = 2;
  const arrivals = [0, 1, 2, 3].map((at) => ({ at, poolId: "sales", visitorId: `v${at}`, handlingSeconds: 10 }));
  const { saved, draft: after, moved } = routing.replay({ saved: config(), draft, arrivals });
  assert.deepEqual(saved.leads.map(({ agent_id: agent }) => agent), ["ann", "bob", "bob", null]);
  assert.deepEqual(after.leads.map(({ agent_id: agent }) => agent), ["bob", "bob", "ann", null]);
  assert.deepEqual(moved.map(({ visitor_id: visitor }) => visitor), ["v0", "v2"]);
});

test("whatever the arguments, the answer is a value or a typed error", () => {
  const refusing = (trap) => new Proxy({}, { [trap]() { throw new TypeError("no"); } });
  const cycle = {};
  cycle.self = cycle;
  const odd = [
    undefined, null, true, NaN, -0, 1e308, 2n ** 70n, "", "x".repeat(201), "\ud800", Symbol("s"), () => 1, [], [[]], [, 1], {},
    cycle, new Date(NaN), new Map(), Object.create(null), Object.freeze({ poolId: {} }), { get poolId() { throw 1; } },
    { toJSON() { throw "thrown"; } }, { toJSON: () => undefined }, new Uint8Array(2), { __wbg_ptr: 1 },
    ...["get", "has", "ownKeys", "getPrototypeOf", "getOwnPropertyDescriptor"].map(refusing), new Proxy([], {}),
  ];
  const scenario = { groups: [{ agents: 2 }], arrivals_per_unit: 1, handling: { kind: "constant", mean: 1 }, arrivals: 310 };
  const valid = [config(), "ann", "sales", "v", 3, "idle", { poolId: "sales", visitorId: "v" }, [{ poolId: "sales" }], scenario, { occupancy_max: 0.9 }];
  const router = new PoolRouter(config());
  const methods = Object.getOwnPropertyNames(PoolRouter.prototype)
    .filter((name) => !["constructor", "free", "revision"].includes(name) && !name.startsWith("__"));
  const calls = [
    ...Object.keys(routing).filter((name) => typeof routing[name] === "function" && !/^[A-Z_]/.test(name)).map((name) => [routing, name]),
    ...methods.map((name) => [router, name]), [PoolRouter, "restore"],
  ];
  assert.ok(calls.length > 30);
  let state = 1;
  const below = (count) => (state = (state * 48271) % 2147483647) % count;
  for (let round = 0; round < 4000 * rounds; round++) {
    const [object, name] = calls[below(calls.length)];
    const given = Array.from({ length: 3 }, () => (below(3) ? valid[below(valid.length)] : odd[below(odd.length)]));
    try {
      object[name](...given);
    } catch (error) {
      assert.equal(error?.name, "DragonflyError", `${name}: ${error?.stack ?? error}`);
      assert.equal(typeof error.field, "string");
    }
  }
  for (const given of odd) assert.throws(() => new PoolRouter(given), { name: "DragonflyError" });
});
