// Milliseconds until a policy of 10,000 rules is refused, in the module of studies under Node.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { milliseconds } from "./policies.mjs";
import { options } from "./portfolio.mjs";

const require = createRequire(import.meta.url);
const { analyzePolicy } = require(`${process.env.POLICY_WASM_NODE}/policy_studies.js`);

const rules = Array.from({ length: 10_000 }, (_, rule) => ({ id: `r${rule}`, tier: 1, any: [{ score_from: "1" }] }));
const refuse = () => assert.throws(() => analyzePolicy({ rules, fallback: 0 }), /10000 rules/);
console.log(JSON.stringify(milliseconds(options(process.argv).runs, refuse)));
