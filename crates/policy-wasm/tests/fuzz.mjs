// Every function and method of both modules with whatever JavaScript has in every argument: a value or a typed error.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

const require = createRequire(import.meta.url);
const folder = process.env.DRAGONFLY_POLICY_WASM;
const CALLS = 4_000 * Number(process.env.DRAGONFLY_SOAK ?? 1);

/** A sequence of numbers below 1, a fixed function of the seed */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const columns = () => ({
  judgmentNo: [1, 2, 5],
  score: new Uint16Array([8000, 0, 3499]),
  balanceCents: new Float64Array([100, 5_000_000, 4_999_999]),
  bits: new Uint8Array([0, 17, 1]),
  storedTier: [0, 3, 255],
  overrideTier: null,
});

const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const refusing = (trap) => new Proxy({}, { [trap]: () => { throw new RangeError(`no ${trap}`); } });
const cyclic = () => {
  const cycle = { rules: [] };
  cycle.rules.push(cycle);
  return cycle;
};
const detached = () => {
  const array = new Uint8Array(8);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
};

/** Values that no function asks for, made anew each time since a call may keep or change them */
const odd = [
  () => undefined, () => null, () => true, () => 0, () => -1, () => 1.5, () => 2 ** 53, () => 1e300, () => NaN,
  () => -Infinity, () => 7n, () => -(2n ** 200n), () => "", () => "x", () => "\ud800", () => "9".repeat(5_000),
  () => "x".repeat(2_000_000), () => Symbol("x"), () => () => 1, () => class {}, () => [], () => [[[[]]]], () => {
    let deep = [];
    for (let depth = 0; depth < 3_000; depth += 1) deep = [deep];
    return deep;
  },
  () => Array(10_000).fill({ id: "r", tier: 1, any: [{ score_from: "1" }] }), () => ({}), () => Object.create(null),
  () => new Date(NaN), () => new Map([["rules", []]]), () => new Set(), () => /x/, () => new Error("x"),
  () => Promise.resolve(), () => new WeakMap(), () => globalThis, revoked, cyclic, detached,
  () => detached().buffer, () => new Uint8Array([68, 70, 80, 49, 255, 255, 255, 255]),
  () => new BigInt64Array(3), () => new DataView(new ArrayBuffer(3)), () => new SharedArrayBuffer(8),
  () => new Float64Array([NaN, -0, Infinity]), () => ({ length: 3 }), () => ({ __wbg_ptr: 1 }),
  () => ({ toJSON: () => { throw "thrown"; } }), () => ({ toJSON: () => undefined }), () => ({ valueOf: () => 5 }),
  () => ({ get rules() { throw new TypeError("no"); } }), () => ({ toJSON() { throw Object.assign(new Error(), { message: 5 }); } }),
  () => ({ toJSON() { throw Object.defineProperty(new Error(), "message", { get: () => { throw 1; } }); } }),
  () => ({ toJSON() { throw new Error("x".repeat(1_000_000)); } }), () => Object.create(Uint8Array.prototype),
  () => Object.create(ArrayBuffer.prototype), () => new Proxy(new Uint8Array(8), {}), () => [, 1],
  () => new Proxy([1, 2, 3], { get: (array, key) => { if (key === "1") throw new Error("no 1"); return array[key]; } }), () => ({ [Symbol.toPrimitive]: () => { throw 1; } }),
  ...["get", "has", "ownKeys", "getPrototypeOf", "getOwnPropertyDescriptor"].map((trap) => () => refusing(trap)),
  () => new Proxy([], {}), () => new Proxy(() => 1, {}), () => new Proxy(columns(), {}),
];

for (const [name, seed] of [["policy_wasm", 1], ["policy_studies", 2]]) {
  test(`${name} answers or throws a typed error, whatever its arguments`, () => {
    const module = require(`${folder}/${name}.js`);
    const { Portfolio, defaultTierPolicy, evaluateTier, monotoneTierPolicy } = module;
    const next = random(seed);
    const below = (count) => Math.floor(next() * count);
    const pick = (list) => list[below(list.length)];

    const valid = [
      defaultTierPolicy, monotoneTierPolicy, columns, () => Portfolio.fromColumns(columns()),
      () => Portfolio.fromColumns(columns()).encode(), () => ({ collectability_score: 45.5, balance: "3000.00" }),
      () => ({ collectability_score: true, asset_signals: ["bank_name"] }), () => "spark", () => "score_3", () => 10,
      () => [{ limit: "score_3", step: 5 }],
      () => ({ best: { tier: 3, of: "balance", extreme: "most" }, within: [{ tier: 3, count_max: 2 }] }),
      () => ({ collectability_score: 1, balance: "100", asset_signals: 1 }),
      () => ({ guardrails: [{ kind: "moved_at_most", percent: "5" }], laws: ["monotone_in_score"], examples: [] }),
    ];
    /** A valid value with something odd deep inside */
    const spoilt = () => {
      const value = pick(valid)();
      let place = value;
      while (place !== null && typeof place === "object" && !(place instanceof Portfolio)) {
        const key = pick([...Object.keys(place), "length", "extra"]);
        const inner = place[key];
        if (inner === null || typeof inner !== "object" || next() < 0.3) {
          try {
            place[key] = pick(odd)();
          } catch {
            // What typed arrays and the lengths of arrays do not take stays as it was.
          }
          break;
        }
        place = inner;
      }
      return value;
    };
    const argument = () => {
      const kind = next();
      return kind < 0.4 ? pick(valid)() : kind < 0.7 ? spoilt() : pick(odd)();
    };

    const portfolio = Portfolio.fromColumns(columns());
    const methods = Object.getOwnPropertyNames(Portfolio.prototype).filter(
      (method) => method !== "constructor" && method !== "free" && method !== "length" && !method.startsWith("__"),
    );
    const calls = [
      ...Object.keys(module).filter((key) => typeof module[key] === "function" && !/^[A-Z_]/.test(key)),
      ...["fromColumns", "decode"].map((method) => `Portfolio.${method}`),
      ...methods.map((method) => `portfolio.${method}`),
    ];
    assert.ok(calls.length >= 10, calls.join());
    const expected = { answered: 0, refused: 0 };
    for (let call = 0; call < CALLS; call += 1) {
      const [key, method] = pick(calls).split(".");
      const receiver = { Portfolio, portfolio }[key] ?? module;
      const called = receiver[method ?? key];
      const given = Array.from({ length: below(5) }, argument);
      try {
        called.apply(receiver, given);
        expected.answered += 1;
      } catch (error) {
        const told = `call ${call}: ${key}.${method ?? ""}: ${error?.stack ?? String(error)}`;
        assert.equal(error?.name, "DragonflyError", told);
        assert.equal(typeof error.field, "string", told);
        assert.ok(error.message.length > 0 && error.message.length < 2_000, told.slice(0, 4_000));
        expected.refused += 1;
      }
      if (call % 50 === 0) assert.equal(evaluateTier(defaultTierPolicy(), { collectability_score: 80 }).tier, 3);
    }
    assert.ok(expected.answered > CALLS / 100 && expected.refused > CALLS / 10, JSON.stringify(expected));
    assert.deepEqual([...portfolio.evaluate(defaultTierPolicy())], [3, 0, 2]);
  });
}
