// Milliseconds from two policies of 30 rules to every region where they differ, in the module of studies under Node.

import { createRequire } from "node:module";
import { milliseconds, policyOf30Rules } from "./policies.mjs";
import { options } from "./portfolio.mjs";

const require = createRequire(import.meta.url);
const { semanticDiff } = require(`${process.env.POLICY_WASM_NODE}/policy_studies.js`);

const [before, after] = [1, 2].map(policyOf30Rules);
console.log(JSON.stringify(milliseconds(options(process.argv).runs, () => semanticDiff(before, after))));
