//! Findings, differences and assertions: what a policy is in itself, without or with judgments.

use js_sys::JSON;
use policy::analysis::{self, SemanticDifference};
use policy::assertions::PolicyAssertions;
use policy::portfolio::{self, TierMigration};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::read;
use crate::tiers::{PortfolioOfHost, of_host};
use crate::{DragonflyError, Portfolio, Result, read_policy, to_js};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
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

/** What a policy promises about itself: at most 200 examples and 200 guardrails. */
export interface PolicyAssertions {
  /** Judgments with the tier that they must get. */
  examples?: ExpectedTier[];
  /** What must hold for the portfolio. */
  guardrails?: Guardrail[];
  /** What must hold for every judgment that there could be; each at most once. */
  laws?: Law[];
}

/** A judgment, real or made up, with the tier that it must get; a missing score or balance compares as 0. */
export interface ExpectedTier {
  /** 1 to 120 characters. */
  name: string;
  collectability_score?: Decimal | null;
  balance?: Decimal | null;
  signals?: AssetSignal[];
  tier: Tier;
}

/**
 * - `lowest_tier`: judgments that have at least this much get at least this tier.
 * - `tier_at_most`: so many judgments at most in a tier.
 * - `money_down_at_most`, `moved_at_most`: so much of the money at most moves to a lower tier, so many of the judgments
 *   at most change tier; in per cent, 0 to 100.
 */
export type Guardrail =
  | { kind: "lowest_tier"; tier: Tier; balance_from?: Decimal | null; score_from?: Decimal | null }
  | { kind: "tier_at_most"; tier: Tier; count: number }
  | { kind: "money_down_at_most" | "moved_at_most"; percent: Decimal };

/** More score, more balance or one more asset signal never lowers the tier. */
export type Law = "monotone_in_score" | "monotone_in_balance" | "monotone_in_signals";

/** What became of one assertion. */
export interface CheckedAssertion {
  /** Which one, such as `guardrails[1]`. */
  place: string;
  /** What it asks for, as a sentence without its full stop. */
  words: string;
  holds: boolean;
  /** What was found, as a sentence without its full stop. */
  found: string;
  /** A judgment of the portfolio that breaks it, where there is one. */
  judgment_no: number | null;
}
"#;

/// What is wrong with a policy in itself, for every judgment that there could be; the worst first
#[wasm_bindgen(js_name = analyzePolicy, unchecked_return_type = "Finding[]")]
pub fn analyze_policy(
    #[wasm_bindgen(unchecked_param_type = "TierPolicy")] policy: &JsValue,
) -> Result<JsValue> {
    to_js_as_text(&analysis::analyze(&read_policy(policy)?))
}

/// Every judgment that there could be whose tier differs between two policies, in few regions
///
/// With a portfolio, what lies in each region today. Without a region the policies are equivalent.
#[wasm_bindgen(js_name = semanticDiff, unchecked_return_type = "SemanticDifference")]
pub fn semantic_diff(
    #[wasm_bindgen(unchecked_param_type = "TierPolicy")] before: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "TierPolicy")] after: &JsValue,
    #[wasm_bindgen(unchecked_optional_param_type = "Portfolio | null")] portfolio: &JsValue,
) -> std::result::Result<JsValue, JsValue> {
    if portfolio.is_undefined() || portfolio.is_null() {
        return Ok(difference(before, after, None)?);
    }
    of_host(portfolio)?.difference(before, after)
}

/// Checks what a policy promises, against the one before it: examples first, then guardrails, then laws
#[wasm_bindgen(js_name = checkAssertions, unchecked_return_type = "CheckedAssertion[]")]
pub fn check_assertions(
    #[wasm_bindgen(unchecked_param_type = "PolicyAssertions")] assertions: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "TierPolicy")] before: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "TierPolicy")] after: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "Portfolio")] portfolio: &JsValue,
) -> std::result::Result<JsValue, JsValue> {
    of_host(portfolio)?.check(assertions, before, after)
}

fn difference(
    before: &JsValue,
    after: &JsValue,
    portfolio: Option<&portfolio::Portfolio>,
) -> Result<JsValue> {
    let difference = SemanticDifference::between(&read_policy(before)?, &read_policy(after)?, portfolio);
    to_js_as_text(&difference.map_err(|error| DragonflyError::new("policy", error.to_string()))?)
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(method, catch)]
    fn difference(
        this: &PortfolioOfHost,
        before: &JsValue,
        after: &JsValue,
    ) -> std::result::Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn check(
        this: &PortfolioOfHost,
        assertions: &JsValue,
        before: &JsValue,
        after: &JsValue,
    ) -> std::result::Result<JsValue, JsValue>;
}

#[wasm_bindgen]
impl Portfolio {
    /// What `semanticDiff` calls.
    #[wasm_bindgen(skip_typescript)]
    pub fn difference(&self, before: &JsValue, after: &JsValue) -> Result<JsValue> {
        difference(before, after, Some(&self.0))
    }

    /// What `checkAssertions` calls.
    #[wasm_bindgen(skip_typescript)]
    pub fn check(&self, assertions: &JsValue, before: &JsValue, after: &JsValue) -> Result<JsValue> {
        let assertions: PolicyAssertions = read(assertions, "assertions")?;
        assertions.validate()?;
        let (before, after) = (read_policy(before)?, read_policy(after)?);
        let migration = TierMigration::between(&before.compile(), &after.compile(), &self.0);
        to_js(&assertions.check(&after, &self.0, &migration))
    }
}

/// As [`to_js`], for what is large: JSON text crosses at once, where fields would cross one by one
fn to_js_as_text(value: &impl Serialize) -> Result<JsValue> {
    let text = serde_json::to_string(value).map_err(|error| DragonflyError::new("", error.to_string()))?;
    JSON::parse(&text).map_err(|error| DragonflyError::thrown("", &error))
}
