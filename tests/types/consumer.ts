// What another team might write against `@dragonfly/policy`: it has to compile under `tsc --strict`, and each line
// below `@ts-expect-error` must not.

import {
  Portfolio,
  comparePolicies,
  defaultTierPolicy,
  evaluateTier,
  monotoneTierPolicy,
  policyDigest,
} from "@dragonfly/policy";
import type { DragonflyError, JudgmentFacts, PortfolioColumns, Tier, TierMigration, TierPolicy } from "@dragonfly/policy";
import * as routing from "@dragonfly/policy/routing";
import * as studies from "@dragonfly/policy/studies";

const facts: JudgmentFacts = { collectability_score: 45.5, balance: "3000.00", employer_name: "Acme Corp", id: 7 };

/** A policy of one's own, with a limit by name and one as a literal */
export const policy: TierPolicy = {
  limits: { rich: "50000", score_3: 80 },
  asset_signals: ["employer_name", "bank_name"],
  rules: [
    { id: "t3", tier: 3, any: [{ score_from: "score_3" }, { balance_from: "rich", signals_min: 2 }] },
    { id: "t1", tier: 1, any: [{ score_from: 35, score_below: "score_3", balance_below: null }] },
  ],
  fallback: 0,
};

export function tierOf(document: TierPolicy): { tier: Tier; because: string; rule: string | undefined } {
  const { tier, tier_label: label, reason, decided_by: place } = evaluateTier(document, facts);
  return { tier, because: `${label}: ${reason}`, rule: place?.rule };
}

/** Errors are told apart by their name */
export function fieldInError(document: TierPolicy): string | null {
  try {
    return policyDigest(document) && null;
  } catch (thrown) {
    const error = thrown as DragonflyError;
    return error.name === "DragonflyError" ? error.field : null;
  }
}

const columns: PortfolioColumns = {
  judgmentNo: new Float64Array([101, 102]),
  score: new Uint16Array([8000, 7650]),
  balanceCents: [1_234_567, 2_500_000],
  bits: new Uint8Array([0, 1]),
  storedTier: null,
};

export function moved(draft: TierPolicy): { count: number; money: string; judgments: number[] } {
  using portfolio = Portfolio.fromColumns(columns);
  const migration: TierMigration = comparePolicies(portfolio, defaultTierPolicy(), draft);
  const numbers: Float64Array = portfolio.judgmentNumbers();
  const [, , [, , , toTier3]] = migration.counts;
  const judgments = Array.from(migration.moved, (row) => numbers[row] ?? 0);
  return { count: toTier3, money: migration.balance[2][3], judgments };
}

export function study(draft: TierPolicy): string[] {
  const portfolio = studies.Portfolio.decode(Portfolio.fromColumns(columns).encode());
  const before = studies.monotoneTierPolicy();
  const told: string[] = [];
  for (const finding of studies.analyzePolicy(draft)) {
    if (finding.severity === "error" && finding.code === "cliff") told.push(finding.message, finding.rules[0]?.rule ?? "");
  }
  const difference = studies.semanticDiff(before, draft, portfolio);
  for (const region of difference.regions) told.push(`${region.words}: ${region.portfolio?.count ?? 0}`);
  const explanation = studies.explain(draft, facts);
  for (const { id, arms } of explanation.rules) {
    for (const { verdict, conditions } of arms) told.push(`${id} ${verdict}`, ...conditions.map(({ by }) => by));
  }
  for (const { tier, changes } of studies.nearestChanges(draft, facts)) {
    told.push(`${tier}: ${changes[0]?.balance?.to ?? "no other balance"}`);
  }
  const sweep = portfolio.sweep(draft, "score_3");
  told.push(`${sweep.fact} ${sweep.steps.from.length} ${sweep.cliffs[0]?.moved.count ?? 0}`);
  const sought = portfolio.seek(draft, [{ limit: "score_3", step: 5 }], {
    within: [{ tier: 3, count_max: 2_500 }],
    best: { tier: 3, of: "balance", extreme: "most" },
  });
  told.push(sought === null ? "nothing" : sought.limits.map(({ value }) => value).join());
  for (const { edits, movement } of portfolio.attribute(before, draft).shares) {
    const names = edits.map((edit) => (edit.kind === "limit_moved" ? edit.limit : edit.kind));
    told.push(`${names.join()}: ${movement.tiers[3].balance}`);
  }
  const fragile = portfolio.fragileJudgments(draft, { collectability_score: 1, balance: "100", asset_signals: 1 }, 10);
  told.push(`${fragile.total.count} ${fragile.rows[0]?.nudges[0]?.by ?? ""}`);
  told.push(portfolio.rankLookUps(draft, 10).groups.map(({ fact, tiers }) => `${fact} ${tiers.highest}`).join());
  told.push(`${studies.possibleTiers(draft, facts, { balance: true }).possible.length}`);
  const guardrails = [{ kind: "moved_at_most", percent: "5" } as const];
  for (const { holds, words } of studies.checkAssertions({ guardrails }, before, draft, portfolio)) told.push(`${holds} ${words}`);
  told.push(studies.toSql(draft, "duckdb").tier);
  return told;
}

/** Pools, ranks, decisions and what they do */
export function route(config: routing.RoutingConfig, draft: routing.Membership[]): string[] {
  const router = new routing.PoolRouter(config);
  const next = router.copy();
  next.setMemberships("ann", draft);
  const told = next.preview(3, "sales").map(({ pool_id: pool, agent_id: agent }) => `${pool}: ${agent ?? "nobody"}`);
  const { agent_id: agent, priority_rank: rank, reason } = router.route({ poolId: "sales", visitorId: "v", excludeAgentId: null });
  told.push(`${agent ?? "nobody"} ${rank ?? "-"} ${reason}`);
  const answer = router.whyNot({ poolId: "sales", visitorId: "w" }, "ann");
  if (answer.why === "refused") told.push(answer.refusal satisfies routing.RefusalReason);
  const { moves, reassigned } = router.reassign("ann");
  told.push(`${moves[0]?.visitor_id} ${reassigned["v"] ?? "nobody"} ${router.matchPool("o", "/pricing").pool_id ?? "no pool"}`);
  const scenario: routing.Scenario = { groups: [{ agents: 5 }], arrivals_per_unit: 4, handling: { kind: "lognormal", mean: 1, scv: 2 } };
  const [from, to] = routing.simulate(scenario).lost_interval;
  told.push(`${from} ${to} ${routing.exact(scenario)?.lost ?? "unknown"}`);
  told.push(`${routing.goalSeek(scenario, { occupancy_max: 0.85 }).is_proof} ${routing.moves(scenario).moves[0]?.lost.value ?? 0}`);
  router.free();
  return told;
}

// @ts-expect-error: agents do not sleep
new routing.PoolRouter({ pools: [], agents: [] }).setStatus("ann", "asleep");
// @ts-expect-error: a visitor is missing
new routing.PoolRouter({ pools: [], agents: [] }).route({ poolId: "sales" });
// @ts-expect-error: there is no tier 4
export const noTier: Tier = 4;
// @ts-expect-error: a rule needs arms
export const noArms: TierPolicy = { rules: [{ id: "a", tier: 1 }], fallback: 0 };
// @ts-expect-error: no such fact
export const noFact: JudgmentFacts = { balanse: 1 };
// @ts-expect-error: a policy is asked for
evaluateTier("revision_1", facts);
// @ts-expect-error: dialects have names
studies.toSql(monotoneTierPolicy(), "oracle");
// @ts-expect-error: a portfolio of the other module
studies.semanticDiff(policy, policy, Portfolio.fromColumns(columns)).regions.length;
