// The made-up judgments of the measurements; crates/bench makes the same ones. Runs in Node and in browsers.

/** Columns for `Portfolio.fromColumns`: scores evenly spread, balances over five orders of magnitude, some missing */
export function columns(count) {
  let state = 1;
  const next = (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    // The upper half of a 64-bit product, in exact pieces.
    return Math.floor(((state >>> 16) * below + Math.floor(((state & 0xffff) * below) / 65_536)) / 65_536);
  };
  const judgmentNo = new Float64Array(count);
  const score = new Uint16Array(count);
  const balanceCents = new Float64Array(count);
  const bits = new Uint8Array(count);
  for (let row = 0; row < count; row++) {
    const hasScore = next(20) > 0;
    const hasBalance = next(50) > 0;
    const points = next(10_001);
    const magnitude = 10 ** next(5);
    const cents = Math.floor((next(100_000) * magnitude) / 100);
    judgmentNo[row] = row + 1;
    score[row] = hasScore ? points : 0;
    balanceCents[row] = hasBalance ? cents : 0;
    bits[row] = next(16) | (hasScore ? 0 : 16) | (hasBalance ? 0 : 32);
  }
  return { judgmentNo, score, balanceCents, bits };
}

/** `--runs N --quick` as `cargo xtask bench` gives them */
export function options(args) {
  return { runs: Number(args[args.indexOf("--runs") + 1]), count: args.includes("--quick") ? 10_000 : 1_000_000 };
}
