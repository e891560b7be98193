//! The types that TypeScript sees.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const ROUTING: &str = r#"
/** A whole number from 1 (Primary, served first) to 99; 2 is Standard, 3 Backup. */
export type PriorityRank = number;

/** `idle` and `in_simulation` take leads while below capacity; only an `idle` agent without load goes before all others. */
export type AgentStatus = "idle" | "in_simulation" | "in_call" | "away" | "offline";

/** Pools, agents and page rules of all organisations. Names may be written `orgId` instead of `org_id` too. */
export interface RoutingConfig {
  /** Which state of the pools this is; 0 when absent. */
  revision?: number;
  pools: PoolConfig[];
  agents: AgentConfig[];
  pages?: OrganisationPages[];
}

export interface PoolConfig {
  /** Unique among the pools of all organisations. */
  id: string;
  org_id: string;
  /** What becomes of a visitor for whom the pool has nobody: unavailable, or any other agent of the organisation. */
  fallback?: "none" | "organisation";
  members?: { agent_id: string; priority_rank?: PriorityRank | null }[];
}

export interface AgentConfig {
  /** Unique among the agents of all organisations. */
  id: string;
  org_id: string;
  status: AgentStatus;
  /** How many visitors at a time, over all pools; 0 to 10,000. */
  capacity: number;
}

/** A pool of an agent; a missing rank is 1. */
export type Membership =
  | { poolId: string; priorityRank?: PriorityRank | null }
  | { pool_id: string; priority_rank?: PriorityRank | null };

export interface RankedMembership {
  pool_id: string;
  priority_rank: PriorityRank;
}

/** Who asks for an agent; `excludeAgentId` is left out, even where it serves the visitor. */
export type RouteQuestion =
  | { poolId: string; visitorId: string; excludeAgentId?: string | null }
  | { pool_id: string; visitor_id: string; exclude_agent_id?: string | null };

export type AssignQuestion =
  | { poolId: string; visitorId: string; agentId: string }
  | { pool_id: string; visitor_id: string; agent_id: string };

/** Who takes a lead. */
export interface Decision {
  /** Null is unavailable. */
  agent_id: string | null;
  /** Null where nobody takes it, and for a fallback. */
  priority_rank: PriorityRank | null;
  /** Whether the agent comes from the organisation instead of the pool. */
  fallback: boolean;
  reason: string;
}

/** The first that holds, in this order. */
export type RefusalReason = "offline" | "away" | "in_call" | "at_capacity" | "excluded";

export interface Refusal {
  agent_id: string;
  why: RefusalReason;
}

/** By what the chosen agent goes before the next best of its group. */
export type TieBreak = "only_candidate" | "idle" | "load" | "order" | "agent_id";

/** A decision with everything that it rests on. */
export interface DecisionTrace extends Decision {
  /** Everyone who was asked and refused. */
  refused: Refusal[];
  /** Every rank group, then the group of the fallback (rank null) if that was asked. */
  groups: {
    priority_rank: PriorityRank | null;
    /** Whether every group before it had nobody available. */
    is_reached: boolean;
    /** Best first. */
    candidates: {
      agent_id: string;
      status: AgentStatus;
      load: number;
      capacity: number;
      /** The lower, the longer unassigned in the pool; null is never assigned. */
      assignment_order: number | null;
    }[];
    refused: Refusal[];
  }[];
  tie_break: TieBreak | null;
  /** Of the configuration. */
  revision: number;
}

export interface PreviewedDecision extends DecisionTrace {
  pool_id: string;
}

/** Why a decision did not fall on an agent. */
export type WhyNot =
  | { why: "chosen" | "not_a_member" }
  | { why: "visitor_has_agent"; agent_id: string }
  | { why: "refused"; refusal: RefusalReason }
  | { why: "better_rank"; deciding_rank: PriorityRank; priority_rank: PriorityRank }
  | { why: "behind"; agent_id: string; by: TieBreak };

/** A visitor of a pool and the agent who serves it. */
export interface Assignment {
  visitor_id: string;
  pool_id: string;
  agent_id: string;
  fallback: boolean;
  is_in_call: boolean;
}

export interface RoutingState {
  /** In the order in which they were made. */
  assignments: Assignment[];
  /** The higher, the later; who is not here was never assigned in the pool. */
  orders: { pool_id: string; agent_id: string; assignment_order: number }[];
}

/** What became of the visitors of an agent who leaves. */
export interface Reassignment {
  /** The new agent of each visitor. */
  reassigned: Record<string, string>;
  unassigned: string[];
  /** Both, in the order of assignment, with the decision. */
  moves: (Decision & { visitor_id: string; pool_id: string })[];
  /** Those in a call. */
  stayed: string[];
}

/** The page rules of an organisation. */
export interface OrganisationPages {
  org_id: string;
  default_pool_id?: string | null;
  rules?: PageRule[];
}

/** All conditions and patterns of a rule must hold. Rules are tried by priority, highest first, equal ones by id. */
export interface PageRule {
  id: string;
  pool_id: string;
  /** 0 when absent. */
  priority?: number;
  /** True when absent. */
  is_active?: boolean;
  conditions?: PageCondition[];
  /** `*`, `example.com` or `*.example.com`. */
  domain_pattern?: string;
  /** `*`, `/a`, `/a*`, `/a/*` (one segment below) or `/a/**` (the path and all below). */
  path_pattern?: string;
}

export interface PageCondition {
  field: "domain" | "path" | "query_param";
  /** The name of the query parameter. */
  param?: string;
  operator: "is_exactly" | "contains" | "does_not_contain" | "starts_with" | "ends_with";
  value: string;
}

/** The pool of a page, with what became of every rule. */
export interface PageMatch {
  pool_id: string | null;
  /** Null for the default pool and for none. */
  rule_id: string | null;
  reason: string;
  /** The page as rules see it: decoded, in lower case. */
  page: { domain: string | null; path: string; query: [string, string][] };
  rules: {
    rule_id: string;
    pool_id: string;
    verdict: "matched" | "failed" | "shadowed" | "inactive";
    conditions: { condition: string; actual: string[]; holds: boolean }[];
  }[];
}

/** What `dragonfly pool route` reads. */
export interface RoutingScript extends RoutingConfig {
  steps: unknown[];
}

export type ScriptAnswer =
  | (Decision & { refused: Refusal[] })
  | Pick<Reassignment, "reassigned" | "unassigned">
  | { error: string }
  | Record<string, never>;
"#;

#[wasm_bindgen(typescript_custom_section)]
const SIMULATION: &str = r#"
/** `scv` is the squared coefficient of variation: 4 and 1 when absent. */
export type Distribution =
  | { kind: "exponential" | "constant"; mean: number }
  | { kind: "hyperexponential" | "lognormal"; mean: number; scv?: number };

/** One pool with its members, visitors and rules of waiting. */
export interface Scenario {
  /** Equal members by rank. */
  groups?: { rank?: PriorityRank; agents: number; slots?: number; mean?: number }[];
  /** Members one by one. */
  members?: { agent_id: string; priority_rank?: PriorityRank; slots?: number; mean?: number }[];
  /** A constant rate; this or the next. */
  arrivals_per_unit?: number;
  /** The rates in the hours of a day, which begins empty; the unit of time is then the hour. */
  arrivals_by_hour?: number[];
  handling: Distribution;
  /** Whether visitors whom nobody can take wait; they are lost otherwise. */
  waiting?: boolean;
  patience?: Distribution;
  /** What the service level counts; 0 when absent. */
  service_level_within?: number;
  /** At a constant rate, 310 to 10,000,000; 100,000 when absent. */
  arrivals?: number;
  /** 1 when absent. */
  seed?: number;
  away?: { ranks?: PriorityRank[]; agents?: string[]; from: number; until: number }[];
  /** Whether the visitors of one who goes away are reassigned. */
  reassign?: boolean;
}

/** From, to: holds the true figure with a confidence of 99.9 %. */
export type Interval = [number, number];

export interface Estimate {
  value: number;
  interval: Interval;
}

/** Shares are of all visitors; occupancies are shares of slots in use. What does not apply is null. */
export interface SimulatedPool {
  groups: {
    rank: PriorityRank;
    agents: number;
    slots: number;
    share: number;
    share_interval: Interval;
    share_exact: number | null;
    occupancy: number;
    occupancy_interval: Interval;
    occupancy_exact: number | null;
    /** Visitors who find this group and all before it without a free slot. */
    overflow: number;
    overflow_interval: Interval;
    overflow_exact: number | null;
    /** Jain's index of the members' occupancies: 1 where all are equally busy. */
    fairness: number;
    fairness_interval: Interval;
  }[];
  lost: number;
  lost_interval: Interval;
  lost_exact: number | null;
  p_wait: number | null;
  p_wait_interval: Interval | null;
  p_wait_exact: number | null;
  mean_wait: number | null;
  mean_wait_interval: Interval | null;
  mean_wait_exact: number | null;
  service_level: number;
  service_level_interval: Interval;
  service_level_exact: number | null;
  agents: {
    agent_id: string;
    rank: PriorityRank;
    share: number;
    share_interval: Interval;
    occupancy: number;
    occupancy_interval: Interval;
  }[];
  /** Erlangs. */
  offered_load: number;
  arrivals: number;
  method: "batch_means" | "replications";
  /** False where a waiting list has no end. */
  is_stable: boolean;
}

export interface MemberRank {
  agent_id: string;
  priority_rank: PriorityRank;
}

export interface LossTheorem {
  applies: boolean;
  reason: string;
}

/** Differences are draft less saved, with intervals of their own. */
export interface RankComparison {
  saved: SimulatedPool;
  draft: SimulatedPool;
  lost: Estimate;
  p_wait: Estimate | null;
  mean_wait: Estimate | null;
  service_level: Estimate;
  groups: { rank: PriorityRank; share: Estimate; occupancy: Estimate | null; overflow: Estimate }[];
  agents: {
    agent_id: string;
    saved_rank: PriorityRank;
    draft_rank: PriorityRank;
    share: Estimate;
    occupancy: Estimate;
  }[];
  /** Whether losses could differ at all. */
  theorem: LossTheorem;
}

export interface RankMoves {
  method: "exact" | "simulated";
  theorem: LossTheorem;
  moves: {
    /** Any one of these: they are equal in all that counts. */
    agents: string[];
    from: PriorityRank;
    to: PriorityRank;
    lost: Estimate;
    /** Of the best rank. */
    overflow: Estimate;
    /** Of the moved agent. */
    occupancy: Estimate;
    /** Of the busiest agent. */
    occupancy_max: number;
    /** Agents whose occupancy differs by more than noise, with what it is then. */
    changed: [string, number][];
  }[];
}

export interface StressCourse {
  bins: {
    from: number;
    until: number;
    lost: Estimate | null;
    groups: { rank: PriorityRank; load: Estimate; usual: number }[];
  }[];
  peaks: { rank: PriorityRank; slots: number; load: number; at: number; most: number; usual: number }[];
  /** Time after the last one is back until nothing can be told from the usual; null where that is not shown. */
  recovered_after: number | null;
  lost_more: Estimate;
}

/** Shares of visitors and of slots, 0 to 1; at least one target. */
export interface RankGoal {
  tier1_share_min?: number;
  occupancy_max?: number;
  /** Of ranks from 3 on. */
  backup_share_max?: number;
  /** That may be given; those in use and 1, 2, 3 when absent. */
  ranks?: PriorityRank[];
  /** Who keeps the rank. */
  fixed?: string[];
}

export interface SoughtRanks {
  is_met: boolean;
  /** Every way was tried, by formula: there is no better answer. */
  is_proof: boolean;
  method: "exact" | "simulated";
  tried: number;
  changes: { agent_id: string; from: PriorityRank; to: PriorityRank }[];
  targets: { target: "tier1_share" | "occupancy" | "backup_share"; wanted: number; found: number; by: number }[];
}

export interface ReplayDocument {
  saved: RoutingConfig;
  draft: RoutingConfig;
  arrivals: { at: number; pool_id: string; visitor_id: string; handling_seconds: number }[];
  statuses?: { at: number; agent_id: string; status: AgentStatus }[];
}

export interface Replay {
  leads: (Decision & { visitor_id: string; pool_id: string; at: number })[];
  groups: { pool_id: string; priority_rank: PriorityRank | null; served: number; busy_seconds: number }[];
  served: number;
  lost: number;
}

export interface Replays {
  saved: Replay;
  draft: Replay;
  /** Visitors who go to someone else, or to nobody; null is lost. */
  moved: {
    visitor_id: string;
    pool_id: string;
    at: number;
    saved_agent_id: string | null;
    draft_agent_id: string | null;
  }[];
}

export interface ExactPool {
  groups: { rank: PriorityRank; share: number; occupancy: number; overflow: number }[];
  lost: number;
  p_wait: number | null;
  mean_wait: number | null;
  service_level: number | null;
}
"#;
