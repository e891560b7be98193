// A pool of agents in three ranks with five slots each, half of all slots in use: the same as in crates/bench/src/routing.rs.

export const CAPACITY = 5;

export function floor(count) {
  const ids = Array.from({ length: count }, (_, number) => `agent-${number}`);
  const members = ids.map((id, number) => ({ agent_id: id, priority_rank: 1 + (number % 3) }));
  return {
    config: {
      pools: [{ id: "pool", org_id: "org", members }],
      agents: ids.map((id) => ({ id, org_id: "org", status: "idle", capacity: CAPACITY })),
    },
    visitors: Array.from({ length: (count * CAPACITY) / 2 }, (_, number) => `visitor-${number}`),
  };
}

/** `--runs N [--quick]` */
export function options(argv) {
  const runs = Number(argv[argv.indexOf("--runs") + 1]);
  return { runs: argv.includes("--runs") ? runs : 9, quick: argv.includes("--quick") };
}
