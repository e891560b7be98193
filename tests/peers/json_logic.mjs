// Decisions a second of json-logic-engine in Node, and of the policy module beside it, on the same judgments and rules.
//
// `node json_logic.mjs --runs N [--quick]` prints a JSON object: for each one number a run. The rule is compiled and the
// inputs are made beforehand, so that only deciding is measured. Both have to decide every judgment alike.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { LogicEngine } from "json-logic-engine";
import { columns } from "../e2e/bench/portfolio.mjs";

const require = createRequire(import.meta.url);
const { Portfolio, defaultTierPolicy } = require(`${process.env.POLICY_WASM_NODE}/policy_wasm.js`);

const runs = Number(process.argv[process.argv.indexOf("--runs") + 1]);
const count = process.argv.includes("--quick") ? 1_000 : 100_000;
const policy = defaultTierPolicy();
const made = columns(count);
const portfolio = Portfolio.fromColumns(made);
const expected = portfolio.evaluate(policy);

const limit = (text) => Math.round(Number(policy.limits[text] ?? text) * 100);
const conditions = (arm) => [
  arm.score_from && { ">=": [{ var: "score" }, limit(arm.score_from)] },
  arm.score_below && { "<": [{ var: "score" }, limit(arm.score_below)] },
  arm.balance_from && { ">=": [{ var: "balance" }, limit(arm.balance_from)] },
  arm.balance_below && { "<": [{ var: "balance" }, limit(arm.balance_below)] },
  arm.signals_min && { ">=": [{ var: "signals" }, arm.signals_min] },
].filter(Boolean);
const branches = policy.rules.flatMap(({ tier, any }) => [{ or: any.map((arm) => ({ and: conditions(arm) })) }, tier]);
const decide = new LogicEngine().build({ if: [...branches, policy.fallback] });

const signals = (bits) => [1, 2, 4, 8].filter((bit) => bits & bit).length;
const inputs = Array.from({ length: count }, (_, row) => (
  { score: made.score[row], balance: made.balanceCents[row], signals: signals(made.bits[row]) }
));

function measure(tiersOf) {
  assert.deepEqual(Uint8Array.from(tiersOf()), expected);
  // The first runs are those of an engine that is still compiling.
  for (let run = 0; run < 5; run += 1) tiersOf();
  return Array.from({ length: runs }, () => {
    const begun = performance.now();
    tiersOf();
    return (count * 1000) / (performance.now() - begun);
  });
}

console.log(JSON.stringify({
  dragonfly_tiers_node: measure(() => portfolio.evaluate(policy)),
  json_logic_engine_node: measure(() => {
    const tiers = new Uint8Array(count);
    for (let row = 0; row < count; row += 1) tiers[row] = decide(inputs[row]);
    return tiers;
  }),
}));
