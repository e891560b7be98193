// Repeats in the WASM module what the native crate has decided, by columns and rule by rule, for made-up policies, facts
// and portfolios; one of these has judgments in every cell of every policy and on both sides of every limit.
// 250 pairs of policies; `soak` asks for 10,000, over more than 10^7 rows.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { test } from "node:test";

const require = createRequire(import.meta.url);
const { Portfolio, comparePolicies, defaultTierPolicy, evaluateTier, policyDigest } =
  require(`${process.env.DRAGONFLY_POLICY_WASM}/policy_wasm.js`);
const studies = require(`${process.env.DRAGONFLY_POLICY_WASM}/policy_studies.js`);

const POLICIES = 250;
const rounds = Number(process.env.DRAGONFLY_SOAK ?? 1);

test("the module decides what the native crate decides", () => {
  for (let round = 0; round < rounds; round++) checkFrom(round * POLICIES);
});

function checkFrom(firstPolicy) {
  const run = ["run", "--quiet", "--package", "policy", "--example", "outcomes", "--", `${POLICIES}`, `${firstPolicy}`];
  const lines = execFileSync("cargo", run, {
    cwd: new URL("../../..", import.meta.url),
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  const [first, ...rest] = lines.trim().split("\n").map((line) => JSON.parse(line));
  assert.equal(rest.length, POLICIES);

  const portfolio = Portfolio.decode(Uint8Array.from(first.encoded));
  assert.equal(portfolio.digest(), first.digest);
  assert.deepEqual([...portfolio.encode()], first.encoded);

  const edges = Portfolio.decode(Uint8Array.from(first.edges));
  let edgeTiersBefore = edges.evaluate(defaultTierPolicy()).join("");
  const toStudy = studies.Portfolio.decode(Uint8Array.from(first.encoded));
  let before = defaultTierPolicy();
  for (const line of rest) {
    const { policy, digest, cases, matrix, moved, tiers, edge_tiers: edgeTiers, findings, difference } = line;
    const { assertions, checked, studied } = line;
    assert.equal(policyDigest(policy), digest);
    for (const { facts, ...outcome } of cases) {
      assert.deepEqual(evaluateTier(policy, JSON.parse(facts)), outcome, facts);
    }
    assert.equal(portfolio.evaluate(policy).join(""), tiers);
    assert.equal(edges.evaluate(policy).join(""), edgeTiers);
    checkComparison(comparePolicies(edges, before, policy), edgeTiersBefore, edgeTiers);
    edgeTiersBefore = edgeTiers;
    const migration = comparePolicies(portfolio, before, policy);
    assert.deepEqual({ counts: migration.counts, balance: migration.balance }, matrix);
    assert.deepEqual([...migration.moved], moved);
    assert.deepEqual(studies.analyzePolicy(policy), findings);
    assert.deepEqual(studies.semanticDiff(before, policy, toStudy), difference);
    assert.deepEqual(studies.checkAssertions(assertions, before, policy, toStudy), checked);
    if (studied) {
      const facts = JSON.parse(cases[0].facts);
      assert.deepEqual(studies.explain(policy, facts), studied.explanation);
      assert.deepEqual(studies.nearestChanges(policy, facts), studied.nearest);
      assert.deepEqual(studies.toSql(policy, "spark"), studied.sql);
      assert.deepEqual(toStudy.attribute(before, policy), studied.attribution);
      assert.deepEqual(toStudy.rankLookUps(policy, 100), studied.look_ups);
      for (const { steps, ...expected } of studied.sweeps) {
        const { steps: columns, ...sweep } = toStudy.sweep(policy, expected.limit);
        assert.deepEqual(sweep, expected);
        assert.deepEqual([...columns.from], steps.map((step) => Math.round(Number(step.from) * 100)));
        const totals = steps.flatMap((step) => step.tiers);
        assert.deepEqual([...columns.counts], totals.map((total) => total.count));
        assert.deepEqual([...columns.balanceCents], totals.map((total) => Math.round(Number(total.balance) * 100)));
      }
    }
    before = policy;
  }
}

/** What moves, against the tiers of each row before and after */
function checkComparison({ counts, moved }, before, after) {
  const expected = Array.from({ length: 4 }, () => [0, 0, 0, 0]);
  const expectedMoved = [];
  for (let row = 0; row < after.length; row += 1) {
    expected[before[row]][after[row]] += 1;
    if (before[row] !== after[row]) expectedMoved.push(row);
  }
  assert.deepEqual(counts, expected);
  assert.deepEqual(moved, Uint32Array.from(expectedMoved));
}
