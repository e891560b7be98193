//! The types that TypeScript sees.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** Enforcement tier: 0 Monitor, 1 Warm Prospects, 2 Active Enforcement, 3 Strategic/Priority. */
export type Tier = 0 | 1 | 2 | 3;

/** A number, or a decimal string such as `"49999.99"`. Results always carry strings: money is never a float. */
export type Decimal = string | number;

/** A trace of something that can be levied, garnished or seized. */
export type AssetSignal = "employer_name" | "bank_name" | "real_property_lead" | "vehicle_lead";

/** An ordered decision table: rules are tried from the first to the last, the first that holds decides. */
export interface TierPolicy {
  /** Decimals that rules refer to by name; scores 0 to 100, balances in dollars, at most two decimals. */
  limits?: Record<string, Decimal>;
  /** The signals that count as assets; all four when absent. */
  asset_signals?: AssetSignal[];
  rules: TierRule[];
  /** The tier of what no rule matches. */
  fallback: Tier;
}

/** A rule holds when any of its arms does. */
export interface TierRule {
  /** 1 to 64 of `A-Z a-z 0-9 _ . -`, unique in the policy. */
  id: string;
  tier: Tier;
  any: TierArm[];
}

/** An arm holds when all of its conditions do; it has at least one. A bound is a limit's name or a decimal. */
export interface TierArm {
  /** Score at or above. */
  score_from?: Decimal | null;
  /** Score below. */
  score_below?: Decimal | null;
  /** Balance at or above. */
  balance_from?: Decimal | null;
  /** Balance below. */
  balance_below?: Decimal | null;
  /** Asset signals at least. */
  signals_min?: 1 | 2 | 3 | 4 | null;
}

/** What is known of a judgment. Absent and null mean missing: compared as 0, and called missing in the reason. */
export interface JudgmentFacts {
  /** 0 to 100, at most two decimals. */
  collectability_score?: Decimal | null;
  /** 0 to 999,999,999,999.99, at most two decimals. */
  balance?: Decimal | null;
  /** Signals count when they are not blank. */
  employer_name?: string | null;
  bank_name?: string | null;
  real_property_lead?: string | null;
  vehicle_lead?: string | null;
  /** Ignored, as are `id` and `case_number`; any other field is an error. */
  judgment_id?: unknown;
  id?: unknown;
  case_number?: unknown;
}

export interface TierOutcome {
  tier: Tier;
  /** `"Monitor"`, `"Warm Prospects"`, `"Active Enforcement"` or `"Strategic/Priority"`. */
  tier_label: string;
  /** The conditions that held, or what the fallback missed; exact, never rounded. */
  reason: string;
  /** The rule and its arm, from 0; null where the fallback decided. */
  decided_by: { rule: string; arm: number } | null;
}

/** A column of whole numbers. */
export type Column =
  | number[] | Float64Array | Float32Array | Uint32Array | Int32Array | Uint16Array | Int16Array | Uint8Array
  | Uint8ClampedArray | Int8Array;

/** One entry a judgment in each column. */
export interface PortfolioColumns {
  /** Ascending, each number once, below 2^53. */
  judgmentNo: Column;
  /** Hundredths of a point, 0 to 10,000; 0 where missing. */
  score: Column;
  /** Cents, 0 to 99,999,999,999,999; 0 where missing. */
  balanceCents: Column;
  /**
   * The sum of 1 employer_name, 2 bank_name, 4 real_property_lead, 8 vehicle_lead, 16 score missing,
   * 32 balance missing.
   */
  bits: Column;
  /** The tier that is stored, 255 for none; none anywhere when absent. */
  storedTier?: Column | null;
  /** The override in force, 255 for none; none anywhere when absent. */
  overrideTier?: Column | null;
}

/** A row of four, by tier. */
export type ByTier<T> = [T, T, T, T];

/** What moves from tier to tier. */
export interface TierMigration {
  /** Judgments: `counts[before][after]`. */
  counts: ByTier<ByTier<number>>;
  /** Their balances: `balance[before][after]`, decimal strings with two places. */
  balance: ByTier<ByTier<string>>;
  /** The rows whose tier changes, ascending. */
  moved: Uint32Array;
}

/** A judgment that shows a finding, the smallest of its kind, and what the policy makes of it. */
export interface ExampleJudgment {
  /** A decimal string. */
  collectability_score: string;
  /** A decimal string with two places. */
  balance: string;
  signals: AssetSignal[];
  tier: Tier;
  decided_by: { rule: string; arm: number } | null;
}

/** Judgments within bounds, all inclusive; a missing score or balance counts as 0. */
export interface Region {
  score_min: string;
  score_max: string;
  balance_min: string;
  balance_max: string;
  /** The sets of signals, each as the sum of its bits (see `PortfolioColumns`); all 16 where signals do not matter. */
  signal_sets: number[];
  /** Such as `"score 75 to 79.99, any balance, 1 asset signal"`. */
  words: string;
}

/** `"error"`: no policy should have it. `"warning"`: look before you publish. `"note"`: harmless as it stands. */
export type Severity = "error" | "warning" | "note";

/**
 * - `cliff`: more score, more balance or one more signal gives a lower tier.
 * - `shadowed_rule`, `shadowed_arm`: it never decides; earlier ones take all that it matches.
 * - `gap`: only the fallback takes them, although rules take judgments with less and with more.
 * - `unreachable_tier`: no judgment can have it.
 * - `overlap`: rules with different tiers match the same judgment; the first one wins.
 * - `idle_limit`: limits each of which can stand anywhere between its neighbours without changing a tier.
 * - `idle_condition`: conditions each of which could go, and every judgment would keep its tier.
 * - `unused_limit`: limits that no rule refers to.
 */
export type FindingCode =
  | "cliff" | "shadowed_rule" | "shadowed_arm" | "gap" | "unreachable_tier" | "overlap" | "idle_limit"
  | "idle_condition" | "unused_limit";

/** Something that the author of a policy may want to mend. */
export interface Finding {
  severity: Severity;
  code: FindingCode;
  /** What it is and where, in one sentence. */
  message: string;
  /** The rules that it names, those to mend first, with the arms that matter, from 0. */
  rules: { rule: string; arms: number[] }[];
  /** The fields to look at, such as `rules[1].any[0].score_below` or `limits.score_2`. */
  fields: string[];
  /** A cliff has two, the one below and the one past it; unused limits and unreachable tiers have none. */
  examples: ExampleJudgment[];
  /** All judgments of a gap; of a cliff those right past it. Disjoint, at most 50. */
  regions: Region[];
  /** How many regions are not listed. */
  regions_left_out: number;
}

/** Every judgment, real or not, whose tier differs between two policies. */
export interface SemanticDifference {
  /** Whether there is none: the policies are equivalent, however differently they are written. */
  is_equivalent: boolean;
  /** Disjoint. */
  regions: DifferenceRegion[];
}

/** Judgments that all go from one tier to another. */
export interface DifferenceRegion {
  region: Region;
  before: Tier;
  after: Tier;
  /** Such as `"score 75 to 79.99, any balance: tier 2 → 3"`. */
  words: string;
  /** What lies in it today, if a portfolio was given; `balance` is a decimal string with two places. */
  portfolio: { count: number; balance: string } | null;
}

/** What every function throws where its input is not valid; the module stays usable. */
export interface DragonflyError extends Error {
  name: "DragonflyError";
  /** Lower-case, without a full stop. */
  message: string;
  /** The path of the field, such as `rules[1].any[0].score_from` or `balanceCents[7]`. */
  field: string;
}
"#;
