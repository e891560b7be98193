// Judgments a second whose tier one thread decides in the policy module under Node.

import { createRequire } from "node:module";
import { columns, options } from "./portfolio.mjs";

const require = createRequire(import.meta.url);
const { Portfolio, defaultTierPolicy } = require(`${process.env.POLICY_WASM_NODE}/policy_wasm.js`);

const { runs, count } = options(process.argv);
const portfolio = Portfolio.fromColumns(columns(count));
const policy = defaultTierPolicy();
const measure = () => {
  const begun = performance.now();
  portfolio.evaluate(policy);
  return (count * 1000) / (performance.now() - begun);
};
// The first runs are those of an engine that is still compiling.
measure();
measure();
console.log(JSON.stringify(Array.from({ length: runs }, measure)));
