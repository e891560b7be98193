// Repeats in the WASM module what the native crate has decided for made-up policies, facts and a portfolio.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { test } from "node:test";

const require = createRequire(import.meta.url);
const { Portfolio, analyzePolicy, comparePolicies, defaultTierPolicy, evaluateTier, policyDigest, semanticDiff } =
  require(`${process.env.DRAGONFLY_POLICY_WASM}/policy_wasm.js`);

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

  let before = defaultTierPolicy();
  for (const { policy, digest, cases, matrix, moved, tiers, findings, difference } of rest) {
    assert.equal(policyDigest(policy), digest);
    for (const { facts, ...outcome } of cases) {
      assert.deepEqual(evaluateTier(policy, JSON.parse(facts)), outcome, facts);
    }
    assert.deepEqual([...portfolio.evaluate(policy)], tiers);
    const migration = comparePolicies(portfolio, before, policy);
    assert.deepEqual({ counts: migration.counts, balance: migration.balance }, matrix);
    assert.deepEqual([...migration.moved], moved);
    assert.deepEqual(analyzePolicy(policy), findings);
    assert.deepEqual(semanticDiff(before, policy, portfolio), difference);
    before = policy;
  }
}
