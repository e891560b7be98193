// Runs tests/vectors/tier_*.toml in the WASM module. Needs DRAGONFLY_POLICY_WASM, the folder of its Node build,
// and `smol-toml` where NODE_PATH points; `cargo xtask test --only wasm` sets both.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

const require = createRequire(import.meta.url);
const policyWasm = require(`${process.env.DRAGONFLY_POLICY_WASM}/policy_wasm.js`);
const { parse } = require("smol-toml");

const shipped = { revision_1: policyWasm.defaultTierPolicy, monotone_draft: policyWasm.monotoneTierPolicy };

function outcome(policy, facts) {
  try {
    const { tier, decided_by, reason } = policyWasm.evaluateTier(policy, facts);
    return { tier, decided_by, reason };
  } catch (error) {
    assert.equal(error.name, "DragonflyError");
    assert.ok(error instanceof Error);
    return { error: { field: error.field, message: error.message } };
  }
}

const vectors = new URL("../../../tests/vectors/", import.meta.url);
for (const file of readdirSync(vectors).filter((name) => /^tier_.*\.toml$/.test(name))) {
  test(file, () => {
    const { policy: shared, case: cases } = parse(readFileSync(new URL(file, vectors), "utf8"));
    for (const { name, policy = shared, facts = "{}", tier, decided_by = null, reason, error } of cases) {
      const document = shipped[policy]?.() ?? JSON.parse(policy);
      const expected = error ? { error: { ...error } } : { tier, decided_by: decided_by && { ...decided_by }, reason };
      assert.deepEqual(outcome(document, JSON.parse(facts)), expected, name);
    }
  });
}
