//! The types that TypeScript sees.

use wasm_bindgen::prelude::*;

#[cfg(feature = "tiers")]
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

/** One entry a judgment in each column; any other property is an error. */
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
"#;

#[wasm_bindgen(typescript_custom_section)]
const ERRORS: &str = r#"
/** What every function throws where its input is not valid; the module stays usable. */
export interface DragonflyError extends Error {
  name: "DragonflyError";
  /** Lower-case, without a full stop. */
  message: string;
  /** The path of the field, such as `rules[1].any[0].score_from` or `balanceCents[7]`. */
  field: string;
}
"#;
