//! A policy as SQL expressions, so that PostgreSQL can tier a whole table where it lies.

use super::policy::{Arm, Span};
use super::reason::{Measure, NO_RULES, SEPARATOR, Spans};
use super::{AssetSignals, TierPolicy};

/// Three SQL expressions that give what [`TierPolicy::evaluate`] gives, to the letter
///
/// They stand over the columns `collectability_score numeric`, `balance_due numeric` and `asset_signals
/// smallint` (the bits of [`AssetSignal`](super::AssetSignal)), where null means missing, and use nothing outside
/// `pg_catalog`. Values must lie where the crate's do: scores 0 to 100 and balances from 0, with at most two
/// decimals. PostgreSQL 13 or newer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresTierCase {
    /// `smallint`, 0 to 3.
    pub tier: String,
    /// `text` such as `t1/0` (rule and arm); null where the fallback decides.
    pub decided_by: String,
    /// `text`.
    pub reason: String,
}

impl TierPolicy {
    /// Compiles the policy for PostgreSQL.
    pub fn to_postgres(&self) -> PostgresTierCase {
        let tiers = self.arms().map(|(rule, arm)| (holds(arm, self.assets), rule.tier.number().to_string()));
        // Rule ids and limit texts hold no quote: see `check_name` and `Measure::limit_text`.
        let deciders = self.rules.iter().flat_map(|rule| {
            (0..)
                .zip(&rule.arms)
                .map(|(place, arm): (u32, _)| (holds(arm, self.assets), format!("'{}/{place}'", rule.id)))
        });
        let reasons = self.arms().map(|(_, arm)| (holds(arm, self.assets), arm_reason(arm, self.assets)));
        PostgresTierCase {
            tier: format!("({})::smallint", case(tiers, &self.fallback.number().to_string())),
            decided_by: format!("({})::text", case(deciders, "null")),
            reason: format!("({})::text", case(reasons, &fallback_reason(self))),
        }
    }
}

/// `case when … then … else … end`, or only the last part where there is nothing to choose
fn case(branches: impl Iterator<Item = (String, String)>, otherwise: &str) -> String {
    let branches: String =
        branches.map(|(condition, value)| format!(" when {condition} then {value}\n")).collect();
    if branches.is_empty() { otherwise.to_owned() } else { format!("case\n{branches} else {otherwise} end") }
}

fn holds(arm: &Arm, assets: AssetSignals) -> String {
    let mut conditions = ranges_hold(arm);
    if arm.signals_min > 0 {
        conditions.push(format!("{} >= {}", signal_count(assets), arm.signals_min));
    }
    conditions.join(" and ")
}

fn ranges_hold(arm: &Arm) -> Vec<String> {
    let mut conditions = contains(Measure::Score, arm.score);
    conditions.extend(contains(Measure::Balance, arm.balance));
    conditions
}

fn contains(measure: Measure, span: Span) -> Vec<String> {
    let from = span.from.map(|from| format!("{} >= {}", compared(measure), number(from)));
    let below = span.below.map(|below| format!("{} < {}", compared(measure), number(below)));
    from.into_iter().chain(below).collect()
}

fn column(measure: Measure) -> &'static str {
    match measure {
        Measure::Score => "collectability_score",
        Measure::Balance => "balance_due",
    }
}

fn compared(measure: Measure) -> String {
    format!("coalesce({}, 0)", column(measure))
}

/// Hundredths as a numeric literal
fn number(hundredths: i64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn signal_count(assets: AssetSignals) -> String {
    let bits: Vec<String> = assets
        .iter()
        .map(|signal| format!("(coalesce(asset_signals, 0) >> {} & 1)", signal.bit().trailing_zeros()))
        .collect();
    if bits.is_empty() { "0".to_owned() } else { format!("({})", bits.join(" + ")) }
}

fn text(literal: &str) -> String {
    format!("'{literal}'")
}

/// The value as reasons print it
fn value_text(measure: Measure) -> String {
    let column = column(measure);
    match measure {
        Measure::Score => format!("trim_scale({column})::text"),
        Measure::Balance => format!(
            "'$' || to_char({column}, case when {column} = trunc({column}) then 'FM999,999,999,990' else 'FM999,999,999,990.00' end)"
        ),
    }
}

/// A condition on a fact with `relation`, an SQL text expression, behind the value
fn condition(measure: Measure, relation: &str) -> String {
    let (name, column) = (measure.name(), column(measure));
    format!(
        "case when {column} is null then '{name} missing' else '{name}=' || {} || {relation} end",
        value_text(measure)
    )
}

fn arm_reason(arm: &Arm, assets: AssetSignals) -> String {
    let mut conditions = Vec::with_capacity(3);
    for measure in [Measure::Score, Measure::Balance] {
        let span = measure.span(arm);
        if !span.is_open() {
            conditions.push(condition(measure, &text(&measure.within_text(span))));
        }
    }
    match arm.signals_min {
        0 => {}
        1 => conditions.push(text("has_asset_hints")),
        _ => conditions.push(format!("'asset_signals=' || {}", signal_count(assets))),
    }
    joined(&conditions)
}

/// Joins text expressions; nulls among them are left out
fn joined(parts: &[String]) -> String {
    format!("concat_ws('{SEPARATOR}', {})", parts.join(", "))
}

fn fallback_reason(policy: &TierPolicy) -> String {
    let mut parts: Vec<String> = [Measure::Score, Measure::Balance]
        .into_iter()
        .filter_map(|measure| missed_range(policy, measure))
        .collect();
    parts.extend(missed_signals(policy));
    if parts.is_empty() { text(NO_RULES) } else { joined(&parts) }
}

fn missed_range(policy: &TierPolicy, measure: Measure) -> Option<String> {
    let Spans(spans) = Spans::of(policy, measure);
    if spans.is_empty() {
        return None;
    }
    let mut froms: Vec<i64> = spans.iter().filter_map(|span| span.from).collect();
    let mut belows: Vec<i64> = spans.iter().filter_map(|span| span.below).collect();
    froms.sort_unstable();
    froms.dedup();
    belows.sort_unstable_by(|a, b| b.cmp(a));
    belows.dedup();
    let value = compared(measure);
    let within =
        spans.iter().map(|span| (contains(measure, *span).join(" and "), text(&measure.within_text(*span))));
    let short = froms.iter().map(|from| {
        (format!("{value} < {}", number(*from)), text(&format!("<{}", measure.limit_text(*from))))
    });
    let beyond = belows.iter().map(|below| {
        (format!("{value} >= {}", number(*below)), text(&format!(">={}", measure.limit_text(*below))))
    });
    Some(condition(measure, &case(within.chain(short).chain(beyond), "''")))
}

fn missed_signals(policy: &TierPolicy) -> Option<String> {
    // By need, so that the first whose ranges hold has the smallest.
    let mut arms: Vec<&Arm> = policy.arms().map(|(_, arm)| arm).filter(|arm| arm.signals_min > 0).collect();
    arms.sort_by_key(|arm| arm.signals_min);
    if arms.is_empty() {
        return None;
    }
    let needs = arms.iter().map(|arm| {
        let conditions = ranges_hold(arm);
        let condition = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" and ") };
        (condition, text(&format!("<{}", arm.signals_min)))
    });
    Some(format!("'asset_signals=' || {} || {}", signal_count(policy.assets), case(needs, "null")))
}
