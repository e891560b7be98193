// What the module of studies promises to JavaScript: shapes, exact text, typed errors. That the studies are right is
// tested in the policy crate.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

const require = createRequire(import.meta.url);
const folder = process.env.DRAGONFLY_POLICY_WASM;
const {
  Portfolio, analyzePolicy, checkAssertions, comparePolicies, defaultTierPolicy, evaluateTier, explain,
  monotoneTierPolicy, nearestChanges, possibleTiers, semanticDiff, toSql,
} = require(`${folder}/policy_studies.js`);

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

test("findings name the place, the rules and the smallest judgment", () => {
  const findings = analyzePolicy(defaultTierPolicy());
  assert.deepEqual(findings[1], {
    severity: "error",
    code: "cliff",
    message:
      "A higher balance lowers the tier: from $49,999.99 to $50,000, a judgment with a score below 35 and 1 asset signal "
      + "falls from tier 2 (Active Enforcement) to tier 0 (Monitor); a judgment with a score of 35 to 59.99 and 1 asset "
      + "signal falls from tier 2 (Active Enforcement) to tier 1 (Warm Prospects)",
    rules: [{ rule: "t2", arms: [1] }, { rule: "t1", arms: [0] }],
    fields: ["rules[1].any[1].balance_below"],
    examples: [
      {
        collectability_score: "0",
        balance: "49999.99",
        signals: ["employer_name"],
        tier: 2,
        decided_by: { rule: "t2", arm: 1 },
      },
      { collectability_score: "0", balance: "50000.00", signals: ["employer_name"], tier: 0, decided_by: null },
    ],
    regions: [
      {
        score_min: "0",
        score_max: "34.99",
        balance_min: "50000.00",
        balance_max: "50000.00",
        signal_sets: [1, 2, 4, 8],
        words: "score below 35, balance $50,000, 1 asset signal",
      },
      {
        score_min: "35",
        score_max: "59.99",
        balance_min: "50000.00",
        balance_max: "50000.00",
        signal_sets: [1, 2, 4, 8],
        words: "score 35 to 59.99, balance $50,000, 1 asset signal",
      },
    ],
    regions_left_out: 0,
  });
  assert.ok(analyzePolicy(monotoneTierPolicy()).every(({ severity }) => severity === "note"));
});

test("a difference has every region, with what lies in it where a portfolio is given", () => {
  const [before, after] = [defaultTierPolicy(), monotoneTierPolicy()];
  const bare = semanticDiff(before, after);
  assert.equal(bare.is_equivalent, false);
  assert.deepEqual(bare.regions.map(({ words }) => words), [
    "score below 35, balance $15,000 or more, no asset signal: tier 0 → 1",
    "score below 35, balance $50,000 or more, 1 asset signal: tier 0 → 2",
    "score 35 to 59.99, balance $50,000 or more, 1 asset signal: tier 1 → 2",
  ]);
  assert.ok(bare.regions.every(({ portfolio }) => portfolio === null));
  assert.deepEqual(semanticDiff(before, after, null), bare);
  const counted = semanticDiff(before, after, portfolio());
  assert.deepEqual(counted.regions.map(({ portfolio }) => portfolio), [
    { count: 0, balance: "0.00" },
    { count: 1, balance: "50000.00" },
    { count: 0, balance: "0.00" },
  ]);
  assert.deepEqual(semanticDiff(after, after), { is_equivalent: true, regions: [] });
});

test("what differs in more regions than can be told is a typed error", () => {
  const stripes = (fact) => Array.from({ length: 120 }, (_, number) => ({
    [`${fact}_from`]: ((2 * number + 1) * 39) / 100,
    [`${fact}_below`]: ((2 * number + 2) * 39) / 100,
  }));
  const rules = [...stripes("score"), ...stripes("balance")].map((arm, number) => (
    { id: `r${number % 120}${number < 120 ? "s" : "b"}`, tier: number < 120 ? 1 : 2, any: [arm] }
  ));
  const grouped = Array.from({ length: 8 }, (_, group) => (
    { ...rules[group * 30], any: rules.slice(group * 30, group * 30 + 30).flatMap(({ any }) => any) }
  ));
  const striped = { rules: grouped, fallback: 0 };
  refused(() => semanticDiff(striped, monotoneTierPolicy()), "policy", /differ in more than 10000 regions/);
  assert.ok(analyzePolicy(striped).length < 1000);
});

test("assertions are checked against the policy before, each with what was found", () => {
  const [before, after] = [defaultTierPolicy(), monotoneTierPolicy()];
  const assertions = {
    examples: [{ name: "rich but unscored", balance: 50_000, signals: ["bank_name"], tier: 2 }],
    guardrails: [
      { kind: "lowest_tier", tier: 2, balance_from: "49999.99" },
      { kind: "tier_at_most", tier: 2, count: 0 },
      { kind: "money_down_at_most", percent: "0" },
      { kind: "moved_at_most", percent: 33.33 },
    ],
    laws: ["monotone_in_balance"],
  };
  const checked = checkAssertions(assertions, before, after, portfolio());
  assert.deepEqual(checked.map(({ place, holds }) => [place, holds]), [
    ["examples[0]", true], ["guardrails[0]", true], ["guardrails[1]", false], ["guardrails[2]", true],
    ["guardrails[3]", false], ["laws[0]", true],
  ]);
  assert.deepEqual(checked[4], {
    place: "guardrails[3]",
    words: "At most 33.33 % of the judgments change tier",
    holds: false,
    found: "33.33 % of the judgments change tier",
    judgment_no: null,
  });
  const back = checkAssertions(assertions, after, before, portfolio());
  assert.deepEqual(back.map(({ holds }) => holds), [false, false, false, false, false, false]);
  assert.equal(back[1].judgment_no, 12);
  assert.equal(back[3].found, "50.00 % of the money moves down");
  assert.deepEqual(checkAssertions({}, before, after, portfolio()), []);
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
    refused(() => analyzePolicy(value), "policy", /expected a policy/);
    refused(() => semanticDiff(policy, value), "policy", /expected a policy/);
    refused(() => semanticDiff(value, policy), "policy", /expected a policy/);
  }
  for (const odd of [undefined, null, NaN, 7n, "x", [5], { rules: [] }]) {
    refused(() => checkAssertions(odd, policy, policy, all), "assertions", /./);
  }
  refused(() => semanticDiff(policy, {}, all), "policy", /missing field `rules`/);
  refused(() => checkAssertions({}, policy, {}, all), "policy", /missing field `rules`/);
  refused(() => checkAssertions({ laws: ["monotone"] }, policy, policy, all), "assertions", /unknown variant `monotone`/);
  refused(() => checkAssertions({ guardrails: [{ kind: "moved_at_most", percent: 101 }] }, policy, policy, all),
    "guardrails[0].percent", /is not between 0 and 100/);
});

test("a portfolio that is none, freed or another module's is a typed error, however often", () => {
  const freed = portfolio();
  freed.free();
  const others = require(`${folder}/policy_wasm.js`).Portfolio
    .fromColumns({ judgmentNo: [11], score: [8000], balanceCents: [100], bits: [0] });
  const policy = defaultTierPolicy();
  for (const odd of [undefined, null, 5, "portfolio", [], {}, { __wbg_ptr: 8 }, { check: () => 1 }, Portfolio, freed, others]) {
    const calls = [() => checkAssertions({}, policy, policy, odd), () => comparePolicies(odd, policy, policy)];
    if (odd !== undefined && odd !== null) calls.push(() => semanticDiff(policy, policy, odd));
    for (const call of calls) {
      refused(call, "portfolio", /is not a Portfolio, or was freed/);
      for (let time = 0; time < 1000; time += 1) assert.throws(call);
    }
  }
});
