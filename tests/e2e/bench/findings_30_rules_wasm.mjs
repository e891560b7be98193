// Milliseconds from a policy of 30 rules to its findings as JavaScript objects, in the module of studies under Node.

import { createRequire } from "node:module";
import { milliseconds, policyOf30Rules } from "./policies.mjs";
import { options } from "./portfolio.mjs";

const require = createRequire(import.meta.url);
const { analyzePolicy } = require(`${process.env.POLICY_WASM_NODE}/policy_studies.js`);

const policy = policyOf30Rules(1);
console.log(JSON.stringify(milliseconds(options(process.argv).runs, () => analyzePolicy(policy))));
