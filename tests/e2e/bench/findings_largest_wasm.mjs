// Milliseconds from a policy as large as there may be to its findings as JavaScript objects, in the module of studies under Node.

import { createRequire } from "node:module";
import { largestPolicy, milliseconds } from "./policies.mjs";
import { options } from "./portfolio.mjs";

const require = createRequire(import.meta.url);
const { analyzePolicy } = require(`${process.env.POLICY_WASM_NODE}/policy_studies.js`);

const policy = largestPolicy();
console.log(JSON.stringify(milliseconds(options(process.argv).runs, () => analyzePolicy(policy))));
