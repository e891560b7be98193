// What the module promises to JavaScript: shapes, and typed errors for whatever comes in.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { brotliCompressSync } from "node:zlib";

const require = createRequire(import.meta.url);
const folder = process.env.DRAGONFLY_POLICY_WASM;
const { Portfolio, comparePolicies, defaultTierPolicy, evaluateTier, monotoneTierPolicy, policyDigest } =
  require(`${folder}/policy_wasm.js`);

const columns = (changes = {}) => ({
  judgmentNo: new Float64Array([1, 2, 5]),
  score: new Uint16Array([8000, 0, 3499]),
  balanceCents: [100, 5_000_000, 4_999_999],
  bits: new Uint8Array([0, 1 + 16, 1]),
  ...changes,
});

function refused(call, field, message) {
  assert.throws(call, (error) => {
    assert.ok(error instanceof Error, String(error));
    assert.deepEqual({ name: error.name, field: error.field }, { name: "DragonflyError", field });
    assert.match(error.message, message);
    return true;
  });
  // A trap would have poisoned the module.
  assert.equal(evaluateTier(defaultTierPolicy(), { collectability_score: 80 }).tier, 3);
}

test("an outcome has the shape that HTTP and the command line give", () => {
  assert.deepEqual(evaluateTier(defaultTierPolicy(), { collectability_score: 45.5, balance: "3000.00" }), {
    tier: 1,
    tier_label: "Warm Prospects",
    reason: "collectability_score=45.5 in [35,60)",
    decided_by: { rule: "t1", arm: 0 },
  });
  assert.equal(evaluateTier(defaultTierPolicy(), {}).decided_by, null);
});

test("the tier module is small: below 100,000 bytes of brotli", () => {
  const bytes = brotliCompressSync(readFileSync(`${folder}/policy_wasm_bg.wasm`)).length;
  assert.ok(bytes < 100_000, `${bytes} bytes`);
});

test("the shipped policies are plain JSON and have a digest", () => {
  const policy = defaultTierPolicy();
  assert.deepEqual(JSON.parse(JSON.stringify(policy)), policy);
  assert.equal(policy.limits.balance_3, "50000");
  assert.match(policyDigest(policy), /^[0-9a-f]{64}$/);
  assert.notEqual(policyDigest(monotoneTierPolicy()), policyDigest(policy));
  const respelt = { ...policy, limits: { ...policy.limits, balance_3: 50000, score_3: "80.00" } };
  assert.equal(policyDigest(respelt), policyDigest(policy));
});

test("a comparison gives counts, money as text, and the rows that move", () => {
  const portfolio = Portfolio.fromColumns(columns());
  assert.equal(portfolio.length, 3);
  assert.deepEqual([...portfolio.judgmentNumbers()], [1, 2, 5]);
  const tiers = portfolio.evaluate(defaultTierPolicy());
  assert.ok(tiers instanceof Uint8Array);
  assert.deepEqual([...tiers], [3, 0, 2]);
  const migration = comparePolicies(portfolio, defaultTierPolicy(), monotoneTierPolicy());
  assert.ok(migration.moved instanceof Uint32Array);
  assert.deepEqual([...migration.moved], [1]);
  assert.deepEqual(migration.counts, [[0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]);
  assert.equal(migration.balance[0][2], "50000.00");
  assert.equal(migration.balance[3][3], "1.00");
  assert.equal(Portfolio.decode(portfolio.encode()).digest(), portfolio.digest());
});

test("every kind of column is read", () => {
  const digest = Portfolio.fromColumns(columns()).digest();
  for (const Kind of [Array, Float64Array, Float32Array, Uint32Array, Int32Array]) {
    const copy = Object.fromEntries(Object.entries(columns()).map(([name, column]) => [name, Kind.from(column)]));
    assert.equal(Portfolio.fromColumns(copy).digest(), digest, Kind.name);
  }
  assert.equal(Portfolio.fromColumns({ judgmentNo: [], score: [], balanceCents: [], bits: [] }).length, 0);
});

test("numbers that JSON does not have are refused, not taken as missing", () => {
  const policy = defaultTierPolicy();
  refused(() => evaluateTier(policy, { collectability_score: NaN }), "collectability_score", /`NaN` is not a decimal/);
  refused(() => evaluateTier(policy, { balance: Infinity }), "balance", /`Infinity` is not a decimal/);
  refused(() => evaluateTier(policy, { balance: -Infinity }), "balance", /`-Infinity` is not a decimal/);
  refused(() => evaluateTier(policy, { balance: 1e13 }), "balance", /outside 0 to/);
  refused(() => evaluateTier(policy, { balance: 1e21 }), "balance", /too many digits/);
  refused(() => evaluateTier(policy, { balance: 1e300 }), "balance", /./);
  assert.equal(evaluateTier(policy, { balance: 5000n }).tier, 1);
  assert.equal(evaluateTier(policy, { balance: undefined }).reason, evaluateTier(policy, {}).reason);
});

test("whatever is no policy and no facts is a typed error", () => {
  const facts = {};
  const cyclic = {};
  cyclic.rules = [cyclic];
  for (const odd of [undefined, null, 5, "", "x", true, NaN, [], () => 1, Symbol("x"), new Date(0), 7n]) {
    refused(() => evaluateTier(odd, facts), "policy", /expected a policy/);
    refused(() => evaluateTier(defaultTierPolicy(), odd), "facts", /expected an object with the facts/);
    refused(() => policyDigest(odd), "policy", /expected a policy/);
  }
  refused(() => evaluateTier(cyclic, facts), "policy", /circular/i);
  refused(() => evaluateTier({}, facts), "policy", /missing field `rules`/);
  refused(() => evaluateTier(new Map(), facts), "policy", /missing field `rules`/);
  const throwing = { get rules() { throw new TypeError("no rules today"); } };
  refused(() => evaluateTier(throwing, facts), "policy", /no rules today/);
  refused(() => evaluateTier({ toJSON() { throw "up"; } }, facts), "policy", /cannot be read/);
  const deep = JSON.parse("[".repeat(5000) + "]".repeat(5000));
  refused(() => evaluateTier({ rules: deep, fallback: 0 }, facts), "policy", /recursion limit|call stack/);
  refused(() => evaluateTier(defaultTierPolicy(), { id: deep }), "facts", /recursion limit|./);
  const huge = { ...defaultTierPolicy(), rules: Array(10_000).fill({ id: "r", tier: 1, any: [{ score_from: "1" }] }) };
  refused(() => evaluateTier(huge, facts), "rules", /10000 rules are more than 200/);
  refused(() => evaluateTier({ rules: "x".repeat(3_000_000) }, facts), "policy", /is longer than/);
});

test("whatever is no column is a typed error that names column and row", () => {
  const build = (changes) => () => Portfolio.fromColumns(columns(changes));
  for (const odd of [undefined, null, 5, "columns", true]) {
    refused(() => Portfolio.fromColumns(odd), "portfolio", /is not an object of columns/);
  }
  refused(() => Portfolio.fromColumns({}), "judgmentNo", /is not an array of numbers/);
  refused(build({ score: "123" }), "score", /is not an array of numbers/);
  refused(build({ score: new DataView(new ArrayBuffer(3)) }), "score", /is not an array of numbers/);
  refused(build({ score: [1, 2] }), "score", /has 2 rows instead of 3/);
  refused(build({ score: [1, 2, 10_001] }), "score[2]", /outside 0 to 10000/);
  refused(build({ score: [1, 79.5, 3] }), "score[1]", /`79.5` is not a whole number/);
  refused(build({ score: [1, NaN, 3] }), "score[1]", /`NaN` is not a whole number/);
  refused(build({ score: [1, "2", 3] }), "score[1]", /is not a whole number/);
  refused(build({ score: [1, , 3] }), "score[1]", /is not a whole number/);
  refused(build({ score: [1, Symbol("x"), 3] }), "score[1]", /is not a whole number/);
  refused(build({ balanceCents: [0, -1, 0] }), "balanceCents[1]", /`-1` is not a whole number/);
  refused(build({ balanceCents: new BigInt64Array(3) }), "balanceCents", /./);
  refused(build({ judgmentNo: [3, 2, 1] }), "judgmentNo[0]", /is not below the next/);
  refused(build({ judgmentNo: [1, 2, 2 ** 53] }), "judgmentNo[2]", /is not a whole number/);
  refused(build({ bits: [0, 0, 64] }), "bits[2]", /has a bit above/);
  refused(build({ storedTier: [0, 4, 255] }), "storedTier[1]", /neither 0 to 3 nor 255/);
  refused(build({ overrideTier: [0] }), "overrideTier", /has 1 rows instead of 3/);
  const throwing = { get judgmentNo() { throw new Error("not today"); } };
  refused(() => Portfolio.fromColumns(throwing), "judgmentNo", /not today/);
  refused(build({ judgmentNo: Array(4_000_000_000) }), "judgmentNo", /more than/);
});

test("a column of another name is refused by its name, since an optional one would pass for absent", () => {
  const build = (changes) => () => Portfolio.fromColumns(columns(changes));
  refused(build({ overideTier: [0, 1, 255] }), "overideTier", /is not a column/);
  refused(build({ stored_tier: null }), "stored_tier", /is not a column/);
  refused(build({ ["x".repeat(100_000)]: [] }), `${"x".repeat(400)}…`, /is not a column/);
  refused(() => Portfolio.fromColumns([[1], [2]]), "0", /is not a column/);
  const hiding = new Proxy({}, { ownKeys() { throw new Error("not today"); } });
  refused(() => Portfolio.fromColumns(hiding), "portfolio", /not today/);
  assert.equal(Portfolio.fromColumns(columns({ storedTier: null, overrideTier: undefined, [Symbol("own")]: 1 })).length, 3);
});

test("whatever is no encoded portfolio is a typed error", () => {
  const bytes = Portfolio.fromColumns(columns()).encode();
  for (const odd of [undefined, null, "DFP1", [68, 70], {}, new Uint16Array(4)]) {
    refused(() => Portfolio.decode(odd), "portfolio", /is not a Uint8Array/);
  }
  for (let length = 0; length < bytes.length; length += 1) {
    refused(() => Portfolio.decode(bytes.slice(0, length)), "portfolio", /not an encoded portfolio/);
  }
  refused(() => Portfolio.decode(Uint8Array.of(...bytes, 0)), "portfolio", /left over/);
  refused(() => Portfolio.decode(Uint8Array.of(0x44, 0x46, 0x50, 0x31, 255, 255, 255, 255)), "portfolio", /cut short/);
});

test("a portfolio that is none or freed is a typed error, however often", () => {
  const freed = Portfolio.fromColumns(columns());
  freed.free();
  const policy = defaultTierPolicy();
  for (const odd of [undefined, null, 5, "portfolio", [], {}, { __wbg_ptr: 8 }, { compare: () => 1 }, Portfolio, freed]) {
    refused(() => comparePolicies(odd, policy, policy), "portfolio", /is not a Portfolio, or was freed/);
    for (let time = 0; time < 1000; time += 1) assert.throws(() => comparePolicies(odd, policy, policy));
  }
  refused(() => comparePolicies(Portfolio.fromColumns(columns()), policy, {}), "policy", /missing field `rules`/);
});

test("the examples in the README run as they are printed", async () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const examples = [...readme.matchAll(/```js\n\/\/ node\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/g)];
  assert.equal(examples.length, readme.split("// node\n").length - 1);
  assert.equal(examples.length, 3);
  for (const [, example, expected] of examples) {
    const lines = [];
    const run = new Function("require", "console", example);
    run((name) => require(name.replace("./target/wasm/node", folder)), { log: (...line) => lines.push(line.join(" ")) });
    assert.equal(`${lines.join("\n")}\n`, expected);
  }
});
