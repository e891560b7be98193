//! The second module: studies of one judgment as functions, of a portfolio as its methods.

pub mod analysis;

use js_sys::{Float64Array, Object, Reflect, Uint32Array};
use policy::study;
use policy::tier::{JudgmentFacts, SqlDialect};
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;

use crate::{DragonflyError, Portfolio, Result, json_text, read_policy, to_js};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** Points of a score, money or a number of signals, or a difference of two, without trailing zeros: `"79.6"`. */
export type Amount = string;

/** Money or a difference of two sums, with two places: `"25000.00"`. */
export type Money = string;

/** What arms test. */
export type Fact = "collectability_score" | "balance" | "asset_signals";

/** Why a judgment has its tier. */
export interface Explanation {
  tier: Tier;
  decided_by: { rule: string; arm: number } | null;
  reason: string;
  /** Every rule in the order in which they are tried. */
  rules: { id: string; tier: Tier; arms: ArmTrace[] }[];
  fallback: Tier;
}

/** What became of one arm: it is the first that holds, it holds behind that one, or a condition fails. */
export interface ArmTrace {
  verdict: "decides" | "shadowed" | "fails";
  conditions: ConditionTrace[];
}

export interface ConditionTrace {
  fact: Fact;
  /** The limit or more; less than the limit. */
  bound: "from" | "below";
  limit: Amount;
  /** Null for a literal and for signals. */
  limit_name: string | null;
  /** Null where it is missing and compared as 0. */
  value: Amount | null;
  holds: boolean;
  /** The distance between value and limit. */
  by: Amount;
  /** The smallest change of the value that turns the condition; null where none does. */
  to_turn: Amount | null;
}

/** The minimal changes that give one other tier, those of a single fact first. */
export interface TierChanges {
  tier: Tier;
  /** Whether the policy gives this tier to any judgment at all. */
  is_reachable: boolean;
  changes: FactsChange[];
}

/** What is null stays as it is. */
export interface FactsChange {
  collectability_score: { by: Amount; to: Amount } | null;
  balance: { by: Amount; to: Amount } | null;
  /** `by` signals more, or fewer when negative, any of `among`; `to` is the new number. */
  asset_signals: { by: number; to: number; among: AssetSignal[] } | null;
}

/** What may turn out to be anything. */
export interface Unknown {
  collectability_score?: boolean;
  balance?: boolean;
  asset_signals?: AssetSignal[];
}

export interface PossibleTiers {
  /** The tier as long as nothing more is known. */
  tier: Tier;
  lowest: Tier;
  highest: Tier;
  /** Lowest first; there may be some between lowest and highest that no answer gives. */
  possible: Tier[];
}

export type SqlDialect = "postgres" | "duckdb" | "spark";

/**
 * Expressions over the columns `collectability_score`, `balance_due` (decimals) and `asset_signals` (the bits of
 * `PortfolioColumns`), where null means missing.
 */
export interface TierSql {
  tier: string;
  decided_by: string;
  reason: string;
}

export interface Total {
  count: number;
  balance: Money;
}

/** The totals for every value of one limit. */
export interface Sweep {
  limit: string;
  fact: Fact;
  current: Amount;
  /** The values that leave the bounds of every arm in order. */
  min: Amount;
  max: Amount;
  /** One entry a step, four a step by tier: each step holds from its first value up to the next step. */
  steps: {
    /** Hundredths of a point or cents, ascending. */
    from: Float64Array;
    counts: Uint32Array;
    balanceCents: Float64Array;
  };
  /** Where at least a hundredth of the judgments or of the money changes its tier at once. */
  cliffs: { from: Amount; moved: Total }[];
}

/** A limit that a search may turn; only multiples of `step` are tried, every hundredth when absent. */
export interface Turn {
  limit: string;
  step?: Decimal;
}

/** What the tiers' totals should be: all of `within` holds, and then `best` is as large or small as possible. */
export interface Goal {
  within?: { tier: Tier; count_min?: number; count_max?: number; balance_min?: Decimal; balance_max?: Decimal }[];
  best: { tier: Tier; of: "count" | "balance"; extreme: "most" | "least" };
}

export interface Sought {
  limits: { limit: string; current: Amount; value: Amount }[];
  tiers: ByTier<Total>;
}

/** What a draft moves, shared out among its edits; the shares add up to the whole in every number. */
export interface Attribution {
  whole: Movement;
  /** A share has several edits only where the draft has more than eight. */
  shares: { edits: Edit[]; movement: Movement }[];
}

export interface Movement {
  /** By tier before and tier after; 0 where they are the same. */
  counts: ByTier<ByTier<number>>;
  balance: ByTier<ByTier<Money>>;
  /** By how much each tier grows. */
  tiers: ByTier<{ count: number; balance: Money }>;
}

export type Edit =
  | { kind: "limit_moved"; limit: string; before: string; after: string }
  | { kind: "signal_toggled"; signal: AssetSignal; is_asset: boolean }
  | { kind: "rule_changed" | "rule_added" | "rule_removed"; rule: string }
  | { kind: "rules_reordered"; before: string[]; after: string[] }
  | { kind: "fallback_changed"; before: Tier; after: Tier };

/** How small a change is small; all three are asked for. */
export interface Margins {
  /** Points, at most. */
  collectability_score: Decimal;
  /** Money, at most. */
  balance: Decimal;
  /** Signals, at most. */
  asset_signals: number;
}

export interface FragileList {
  total: Total;
  /** Those with the largest balances. */
  rows: {
    row: number;
    judgment_no: number;
    tier: Tier;
    balance: Money;
    /** For each fact and direction the smallest change that gives another tier, and that tier. */
    nudges: { fact: Fact; by: Amount; tier: Tier }[];
  }[];
}

/** A judgment that shows one thing that a policy does. */
export interface WitnessCase {
  /** What it shows: an arm or the fallback decides, or a limit is just reached or just missed. */
  of:
    | { kind: "arm"; rule: string; arm: number }
    | { kind: "fallback" }
    | { kind: "at_limit" | "below_limit"; limit: string; fact: Fact };
  /** Null for a made-up one. */
  judgment_no: number | null;
  /** Null where it is missing and compares as 0. */
  collectability_score: Decimal | null;
  balance: Decimal | null;
  signals: AssetSignal[];
  tier: Tier;
  decided_by: { rule: string; arm: number } | null;
}

export type UnknownFact = "collectability_score" | "balance" | AssetSignal;

export interface LookUps {
  /** Look-ups of the same fact for judgments of the same prospects, those of most money per look-up first. */
  groups: { fact: UnknownFact; tiers: PossibleTiers; total: Total }[];
  /** The single look-ups of most money. */
  rows: { row: number; judgment_no: number; fact: UnknownFact; tiers: PossibleTiers; balance: Money }[];
}
"#;

/// Explains the outcome of one judgment: every arm, passed or failed, and by how much
#[wasm_bindgen(unchecked_return_type = "Explanation")]
pub fn explain(
    #[wasm_bindgen(unchecked_param_type = "TierPolicy")] policy: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "JudgmentFacts")] facts: &JsValue,
) -> Result<JsValue> {
    to_js(&study::explain(&read_policy(policy)?, &read_facts(facts)?))
}

/// Finds, for each tier that a judgment does not have, the minimal changes of its facts that would give it
#[wasm_bindgen(js_name = nearestChanges, unchecked_return_type = "TierChanges[]")]
pub fn nearest_changes(
    #[wasm_bindgen(unchecked_param_type = "TierPolicy")] policy: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "JudgmentFacts")] facts: &JsValue,
) -> Result<JsValue> {
    to_js(&study::nearest_changes(&read_policy(policy)?, &read_facts(facts)?))
}

/// Finds every tier that a judgment could have, given what is unknown of it
#[wasm_bindgen(js_name = possibleTiers, unchecked_return_type = "PossibleTiers")]
pub fn possible_tiers(
    #[wasm_bindgen(unchecked_param_type = "TierPolicy")] policy: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "JudgmentFacts")] facts: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "Unknown")] unknown: &JsValue,
) -> Result<JsValue> {
    to_js(&study::possible_tiers(&read_policy(policy)?, &read_facts(facts)?, &read(unknown, "unknown")?))
}

/// Compiles a policy to three SQL expressions, to tier a table where it lies
#[wasm_bindgen(js_name = toSql, unchecked_return_type = "TierSql")]
pub fn to_sql(
    #[wasm_bindgen(unchecked_param_type = "TierPolicy")] policy: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "SqlDialect")] dialect: &JsValue,
) -> Result<JsValue> {
    let dialect: SqlDialect = read(dialect, "dialect")?;
    to_js(&read_policy(policy)?.to_sql(dialect))
}

#[wasm_bindgen]
impl Portfolio {
    /// The tiers' totals for every value of one limit, in steps
    #[wasm_bindgen(unchecked_return_type = "Sweep")]
    pub fn sweep(
        &self,
        #[wasm_bindgen(unchecked_param_type = "TierPolicy")] policy: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "string")] limit: &JsValue,
    ) -> Result<JsValue> {
        let limit: String = read(limit, "limit")?;
        let mut sweep = study::sweep(&read_policy(policy)?, &limit, &self.0)?;
        // There may be as many steps as judgments: they cross as columns.
        let steps = std::mem::take(&mut sweep.steps);
        let starts: Vec<f64> = steps.iter().map(|step| step.from.hundredths() as f64).collect();
        let totals = || steps.iter().flat_map(|step| step.tiers);
        let counts: Vec<u32> = totals().map(|total| total.count).collect();
        let cents: Vec<f64> = totals().map(|total| total.balance.cents() as f64).collect();
        let columns = Object::new();
        for (name, column) in [
            ("from", Float64Array::from(starts.as_slice()).into()),
            ("counts", Uint32Array::from(counts.as_slice()).into()),
            ("balanceCents", Float64Array::from(cents.as_slice()).into()),
        ] {
            set(&columns, name, &column)?;
        }
        let sweep = to_js(&sweep)?;
        set(&sweep, "steps", &columns)?;
        Ok(sweep)
    }

    /// Searches the values of one or two limits for those that reach a goal best; null where none do
    #[wasm_bindgen(unchecked_return_type = "Sought | null")]
    pub fn seek(
        &self,
        #[wasm_bindgen(unchecked_param_type = "TierPolicy")] policy: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Turn[]")] turns: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Goal")] goal: &JsValue,
    ) -> Result<JsValue> {
        let turns: Vec<study::Turn> = read(turns, "turns")?;
        to_js(&study::seek(&read_policy(policy)?, &turns, &read(goal, "goal")?, &self.0)?)
    }

    /// Shares out among the edits of a draft what they move together
    #[wasm_bindgen(unchecked_return_type = "Attribution")]
    pub fn attribute(
        &self,
        #[wasm_bindgen(unchecked_param_type = "TierPolicy")] before: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "TierPolicy")] after: &JsValue,
    ) -> Result<JsValue> {
        to_js(&study::attribute(&read_policy(before)?, &read_policy(after)?, &self.0))
    }

    /// Lists the judgments that a small change of one fact would give another tier, those of most money first
    #[wasm_bindgen(js_name = fragileJudgments, unchecked_return_type = "FragileList")]
    pub fn fragile_judgments(
        &self,
        #[wasm_bindgen(unchecked_param_type = "TierPolicy")] policy: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Margins")] margins: &JsValue,
        #[wasm_bindgen(js_name = rowsMax, unchecked_param_type = "number")] rows_max: &JsValue,
    ) -> Result<JsValue> {
        let margins = read(margins, "margins")?;
        to_js(&study::fragile_judgments(&read_policy(policy)?, &margins, &self.0, read(rows_max, "rowsMax")?))
    }

    /// Judgments that show everything a policy does: one made up and one real for each arm and each side of each limit
    #[wasm_bindgen(js_name = witnessCases, unchecked_return_type = "WitnessCase[]")]
    pub fn witness_cases(
        &self,
        #[wasm_bindgen(unchecked_param_type = "TierPolicy")] policy: &JsValue,
    ) -> Result<JsValue> {
        to_js(&study::witness_cases(&read_policy(policy)?, Some(&self.0)))
    }

    /// Ranks what could be looked up by the money that it could move
    #[wasm_bindgen(js_name = rankLookUps, unchecked_return_type = "LookUps")]
    pub fn rank_look_ups(
        &self,
        #[wasm_bindgen(unchecked_param_type = "TierPolicy")] policy: &JsValue,
        #[wasm_bindgen(js_name = rowsMax, unchecked_param_type = "number")] rows_max: &JsValue,
    ) -> Result<JsValue> {
        to_js(&study::rank_look_ups(&read_policy(policy)?, &self.0, read(rows_max, "rowsMax")?))
    }
}

/// Reads what a host hands over besides policies and facts
fn read<T: DeserializeOwned>(value: &JsValue, field: &str) -> Result<T> {
    serde_json::from_str(&json_text(value, field)?)
        .map_err(|error| DragonflyError::new(field, error.to_string()))
}

fn read_facts(facts: &JsValue) -> Result<JudgmentFacts> {
    Ok(JudgmentFacts::from_json(&json_text(facts, "facts")?)?)
}

fn set(object: &JsValue, name: &str, value: &JsValue) -> Result<()> {
    Reflect::set(object, &name.into(), value).map_err(|error| DragonflyError::thrown(name, &error))?;
    Ok(())
}
