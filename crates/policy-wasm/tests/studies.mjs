// What the module of studies promises to JavaScript: shapes, exact text, typed errors. That the studies are right is
// tested in the policy crate.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

const require = createRequire(import.meta.url);
const { Portfolio, defaultTierPolicy, evaluateTier, explain, monotoneTierPolicy, nearestChanges, possibleTiers, toSql } =
  require(`${process.env.DRAGONFLY_POLICY_WASM}/policy_studies.js`);

const onTheCliff = { collectability_score: 40, balance: "50000", bank_name: "Chase" };
const portfolio = () => Portfolio.fromColumns({
  judgmentNo: [11, 12, 15],
  score: [8000, 0, 3499],
  balanceCents: [100, 5_000_000, 4_999_999],
  bits: [0, 1 + 16, 1],
});

function refused(call, field, message) {
  assert.throws(call, (error) => {
    assert.deepEqual({ name: error.name, field: error.field }, { name: "DragonflyError", field });
    assert.match(error.message, message);
    return true;
  });
  // A trap would have poisoned the module.
  assert.equal(evaluateTier(defaultTierPolicy(), { collectability_score: 80 }).tier, 3);
}

test("an outcome is explained condition by condition", () => {
  const explanation = explain(defaultTierPolicy(), onTheCliff);
  assert.deepEqual(explanation.decided_by, { rule: "t1", arm: 0 });
  assert.deepEqual(explanation.rules.map((rule) => rule.arms.map((arm) => arm.verdict)),
    [["fails", "fails"], ["fails", "fails"], ["decides", "fails"]]);
  assert.deepEqual(explanation.rules[1].arms[1].conditions[1], {
    fact: "balance", bound: "below", limit: "50000", limit_name: "balance_3", value: "50000", holds: false, by: "0",
    to_turn: "-0.01",
  });
});

test("the nearest changes and the possible tiers of a judgment", () => {
  const changes = nearestChanges(defaultTierPolicy(), onTheCliff);
  assert.deepEqual(changes.map(({ tier, is_reachable }) => [tier, is_reachable]), [[0, true], [2, true], [3, true]]);
  assert.deepEqual(changes[1].changes[1],
    { collectability_score: null, balance: { by: "-0.01", to: "49999.99" }, asset_signals: null });
  assert.deepEqual(changes[2].changes[1].asset_signals,
    { by: 1, to: 2, among: ["employer_name", "real_property_lead", "vehicle_lead"] });
  assert.deepEqual(
    possibleTiers(defaultTierPolicy(), onTheCliff, { collectability_score: true, asset_signals: ["vehicle_lead"] }),
    { tier: 1, lowest: 0, highest: 3, possible: [0, 1, 2, 3] },
  );
});

test("a limit is swept in columns", () => {
  const sweep = portfolio().sweep(defaultTierPolicy(), "balance_3");
  assert.deepEqual([sweep.fact, sweep.current, sweep.min, sweep.max],
    ["balance", "50000", "15000.01", "999999999999.99"]);
  assert.deepEqual([...sweep.steps.from], [1_500_001, 5_000_000, 5_000_001]);
  assert.ok(sweep.steps.counts instanceof Uint32Array && sweep.steps.balanceCents instanceof Float64Array);
  assert.deepEqual([...sweep.steps.counts], [2, 0, 0, 1, 1, 0, 1, 1, 0, 0, 2, 1]);
  assert.deepEqual([...sweep.steps.balanceCents.slice(8)], [0, 0, 9_999_999, 100]);
  assert.deepEqual(sweep.cliffs.map((cliff) => cliff.from), ["50000", "50000.01"]);
});

test("limits are sought for a goal", () => {
  const goal = { within: [{ tier: 2, count_max: 1 }], best: { tier: 2, of: "balance", extreme: "most" } };
  const found = portfolio().seek(defaultTierPolicy(), [{ limit: "balance_2", step: 1 }], goal);
  assert.deepEqual(found.limits, [{ limit: "balance_2", current: "15000", value: "15000" }]);
  assert.deepEqual(found.tiers[2], { count: 1, balance: "49999.99" });
  goal.within[0].count_min = 2;
  assert.equal(portfolio().seek(defaultTierPolicy(), [{ limit: "balance_2" }], goal), null);
});

test("the edits of a draft share what it moves", () => {
  const { whole, shares } = portfolio().attribute(defaultTierPolicy(), monotoneTierPolicy());
  assert.equal(whole.balance[0][2], "50000.00");
  assert.deepEqual(shares.map((share) => share.edits),
    [[{ kind: "rule_changed", rule: "t2" }], [{ kind: "rule_changed", rule: "t1" }]]);
  // Either edit alone lifts the judgment: to tier 2, or only to 1.
  assert.deepEqual(shares.map((share) => share.movement.tiers[2].balance), ["50000.00", "0.00"]);
});

test("fragile judgments and look-ups come with the most money first", () => {
  const margins = { collectability_score: 1, balance: "0.01", asset_signals: 0 };
  const fragile = portfolio().fragileJudgments(defaultTierPolicy(), margins, 1);
  assert.deepEqual(fragile.total, { count: 3, balance: "100000.99" });
  assert.deepEqual(fragile.rows, [{
    row: 1, judgment_no: 12, tier: 0, balance: "50000.00", nudges: [{ fact: "balance", by: "-0.01", tier: 2 }],
  }]);
  const lookUps = portfolio().rankLookUps(defaultTierPolicy(), 1);
  assert.deepEqual(lookUps.rows, [{
    row: 1, judgment_no: 12, fact: "collectability_score", balance: "50000.00",
    tiers: { tier: 0, lowest: 0, highest: 3, possible: [0, 1, 2, 3] },
  }]);
  assert.equal(lookUps.groups[0].total.balance, "50000.00");
});

test("each dialect has its own SQL", () => {
  for (const [dialect, part] of [["postgres", /::smallint$/], ["duckdb", /^cast\(.* as smallint\)$/s], ["spark", /shiftright/]]) {
    assert.match(toSql(defaultTierPolicy(), dialect).tier, part);
  }
});

test("what cannot be studied is refused, and the module stays usable", () => {
  const policy = defaultTierPolicy();
  const all = portfolio();
  refused(() => explain({}, {}), "policy", /missing field/);
  refused(() => explain(policy, { collectability_score: 101 }), "collectability_score", /outside 0 to 100/);
  refused(() => possibleTiers(policy, {}, { score: true }), "unknown", /unknown field `score`/);
  refused(() => toSql(policy, "oracle"), "dialect", /unknown variant `oracle`/);
  refused(() => all.sweep(policy, "score_4"), "limit", /unknown limit `score_4`/);
  refused(() => all.sweep(policy, 5), "limit", /invalid type/);
  refused(() => all.seek(policy, [], { best: { tier: 3, of: "count", extreme: "most" } }), "turns", /one or two/);
  refused(() => all.seek(policy, [{ limit: "score_3" }], {}), "goal", /missing field `best`/);
  refused(() => all.fragileJudgments(policy, { balance: -1 }, 5), "margins", /negative|missing/);
  refused(() => all.rankLookUps(policy, -1), "rowsMax", /invalid value/);
  for (const value of [undefined, null, NaN, 7n, Symbol("x"), () => 0, [], "x"]) {
    assert.throws(() => all.attribute(value, policy), { name: "DragonflyError" });
    assert.throws(() => all.fragileJudgments(policy, value, value), { name: "DragonflyError" });
    assert.throws(() => explain(policy, value), { name: "DragonflyError" });
  }
});
