// Made-up policies of 30 rules, harder than people write them: each of 60 arms has a box of its own.

/** A policy; another `seed` gives another one */
export function policyOf30Rules(seed) {
  let state = seed;
  const next = (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const limits = {};
  const bound = (name, hundredths) => {
    limits[name] = (hundredths / 100).toFixed(2);
    return name;
  };
  const arm = (name) => {
    const [score, balance] = [next(80), next(80)];
    return {
      score_from: bound(`${name}_score_from`, score * 100 + next(100)),
      score_below: bound(`${name}_score_below`, (score + 1) * 100 + next(1900)),
      balance_from: bound(`${name}_balance_from`, balance * 100_000 + next(100_000)),
      balance_below: bound(`${name}_balance_below`, (balance + 1) * 100_000 + next(1_900_000)),
      signals_min: 1 + next(4),
    };
  };
  const rules = Array.from({ length: 30 }, (_, rule) => (
    { id: `r${rule}`, tier: next(4), any: [arm(`r${rule}_0`), arm(`r${rule}_1`)] }
  ));
  return { limits, rules, fallback: 0 };
}

/** A policy with as many rules as there may be, each of five arms, and close to as many limits */
export function largestPolicy() {
  const arm = (number) => {
    const [score, balance] = [number % 240, (number * 7) % 240];
    return {
      score_from: `${score * 0.25}`,
      score_below: `${(score + 9) * 0.25}`,
      balance_from: `${balance * 2_000 + 100}`,
      balance_below: `${(balance + 11) * 2_000 + 100}`,
      ...(number % 3 < 2 && { signals_min: 1 + (number % 3) }),
    };
  };
  const rule = (rule) => (
    { id: `r${rule}`, tier: 3 - (rule % 3), any: Array.from({ length: 5 }, (_, place) => arm(rule * 5 + place)) }
  );
  return { rules: Array.from({ length: 200 }, (_, number) => rule(number)), fallback: 0 };
}

/** Milliseconds that a call takes, run by run */
export function milliseconds(runs, call) {
  const measure = () => {
    const begun = performance.now();
    call();
    return performance.now() - begun;
  };
  // The first runs are those of an engine that is still compiling.
  for (let run = 0; run < 20; run += 1) measure();
  return Array.from({ length: runs }, measure);
}
