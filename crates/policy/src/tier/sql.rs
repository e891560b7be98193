//! A policy as SQL expressions, so that a database can tier a whole table where it lies.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::policy::{Arm, Span};
use super::reason::{Measure, NO_RULES, SEPARATOR, Spans};
use super::{AssetSignals, TierPolicy};

/// Whose SQL is meant
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SqlDialect {
    /// PostgreSQL 13 or newer.
    Postgres,
    /// DuckDB 1.0 or newer.
    DuckDb,
    /// Spark SQL 3.0 or newer.
    Spark,
}

/// Three SQL expressions that give what [`TierPolicy::evaluate`] gives, to the letter
///
/// They stand over the columns `collectability_score`, `balance_due` (both `numeric`; in DuckDB and Spark
/// `decimal(5,2)` and `decimal(14,2)`) and `asset_signals smallint` (the bits of
/// [`AssetSignal`](super::AssetSignal)), where null means missing, and use nothing but built-in functions. Values
/// must lie where the crate's do: scores 0 to 100 and balances from 0, with at most two decimals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierSql {
    /// `smallint`, 0 to 3.
    pub tier: String,
    /// Text such as `t1/0` (rule and arm); null where the fallback decides.
    pub decided_by: String,
    /// Text.
    pub reason: String,
}

/// What PostgreSQL stores with a published policy
pub type PostgresTierCase = TierSql;

impl TierPolicy {
    /// Compiles the policy for PostgreSQL.
    pub fn to_postgres(&self) -> PostgresTierCase {
        self.to_sql(SqlDialect::Postgres)
    }

    /// Compiles the policy for a database.
    pub fn to_sql(&self, dialect: SqlDialect) -> TierSql {
        let holds = |arm: &Arm| dialect.holds(arm, self.assets);
        let tiers = self.arms().map(|(rule, arm)| (holds(arm), rule.tier.number().to_string()));
        // Rule ids and limit texts hold no quote: see `check_name` and `Measure::limit_text`.
        let deciders = self.rules.iter().flat_map(|rule| {
            (0..).zip(&rule.arms).map(|(place, arm): (u32, _)| (holds(arm), format!("'{}/{place}'", rule.id)))
        });
        let reasons = self.arms().map(|(_, arm)| (holds(arm), dialect.arm_reason(arm, self.assets)));
        TierSql {
            tier: dialect.cast(&case(tiers, &self.fallback.number().to_string()), "smallint"),
            decided_by: dialect.cast(&case(deciders, "null"), dialect.text_type()),
            reason: dialect.cast(&case(reasons, &dialect.fallback_reason(self)), dialect.text_type()),
        }
    }
}

/// What the dialects write differently, and what rests on that
impl SqlDialect {
    fn text_type(self) -> &'static str {
        match self {
            SqlDialect::Postgres => "text",
            SqlDialect::DuckDb => "varchar",
            SqlDialect::Spark => "string",
        }
    }

    fn cast(self, expression: &str, target: &str) -> String {
        match self {
            SqlDialect::Postgres => format!("({expression})::{target}"),
            SqlDialect::DuckDb | SqlDialect::Spark => format!("cast({expression} as {target})"),
        }
    }

    fn signal_count(self, assets: AssetSignals) -> String {
        let bits = assets.iter().map(|signal| signal.bit().trailing_zeros());
        let bits: Vec<String> = match self {
            SqlDialect::Postgres => {
                bits.map(|bit| format!("(coalesce(asset_signals, 0) >> {bit} & 1)")).collect()
            }
            SqlDialect::DuckDb => {
                bits.map(|bit| format!("((coalesce(asset_signals, 0) >> {bit}) & 1)")).collect()
            }
            // The operator is there from Spark 4 only.
            SqlDialect::Spark => {
                bits.map(|bit| format!("(shiftright(coalesce(asset_signals, 0), {bit}) & 1)")).collect()
            }
        };
        if bits.is_empty() { "0".to_owned() } else { format!("({})", bits.join(" + ")) }
    }

    /// The value as reasons print it
    fn value_text(self, measure: Measure) -> String {
        let column = column(measure);
        let digits =
            |precision| self.cast(&self.cast(column, &format!("decimal({precision},2)")), self.text_type());
        let grouped = match (self, measure) {
            (SqlDialect::Postgres, Measure::Score) => return format!("trim_scale({column})::text"),
            (SqlDialect::Postgres, Measure::Balance) => {
                return format!(
                    "'$' || to_char({column}, case when {column} = trunc({column}) then 'FM999,999,999,990' else 'FM999,999,999,990.00' end)"
                );
            }
            (_, Measure::Score) => {
                return format!("trim(trailing '.' from trim(trailing '0' from {}))", digits(5));
            }
            (SqlDialect::DuckDb, Measure::Balance) => {
                format!("format('{{:,}}', cast(floor({column}) as bigint))")
            }
            (SqlDialect::Spark, Measure::Balance) => format!("format_number(floor({column}), 0)"),
        };
        format!(
            "'$' || {grouped} || case when {column} = floor({column}) then '' else right({}, 3) end",
            digits(14)
        )
    }

    fn holds(self, arm: &Arm, assets: AssetSignals) -> String {
        let mut conditions = ranges_hold(arm);
        if arm.signals_min > 0 {
            conditions.push(format!("{} >= {}", self.signal_count(assets), arm.signals_min));
        }
        conditions.join(" and ")
    }

    /// A condition on a fact with `relation`, an SQL text expression, behind the value
    fn condition(self, measure: Measure, relation: &str) -> String {
        let (name, column) = (measure.name(), column(measure));
        format!(
            "case when {column} is null then '{name} missing' else '{name}=' || {} || {relation} end",
            self.value_text(measure)
        )
    }

    fn arm_reason(self, arm: &Arm, assets: AssetSignals) -> String {
        let mut conditions = Vec::with_capacity(3);
        for measure in [Measure::Score, Measure::Balance] {
            let span = measure.span(arm);
            if !span.is_open() {
                conditions.push(self.condition(measure, &text(&measure.within_text(span))));
            }
        }
        match arm.signals_min {
            0 => {}
            1 => conditions.push(text("has_asset_hints")),
            _ => conditions.push(format!("'asset_signals=' || {}", self.signal_count(assets))),
        }
        joined(&conditions)
    }

    fn fallback_reason(self, policy: &TierPolicy) -> String {
        let mut parts: Vec<String> = [Measure::Score, Measure::Balance]
            .into_iter()
            .filter_map(|measure| self.missed_range(policy, measure))
            .collect();
        parts.extend(self.missed_signals(policy));
        if parts.is_empty() { text(NO_RULES) } else { joined(&parts) }
    }

    fn missed_range(self, policy: &TierPolicy, measure: Measure) -> Option<String> {
        let Spans(spans) = Spans::of(policy, measure);
        if spans.is_empty() {
            return None;
        }
        let froms: BTreeSet<i64> = spans.iter().filter_map(|span| span.from).collect();
        let belows: BTreeSet<i64> = spans.iter().filter_map(|span| span.below).collect();
        let value = compared(measure);
        let within = spans
            .iter()
            .map(|span| (contains(measure, *span).join(" and "), text(&measure.within_text(*span))));
        let short = froms.iter().map(|from| {
            (format!("{value} < {}", number(*from)), text(&format!("<{}", measure.limit_text(*from))))
        });
        let beyond = belows.iter().rev().map(|below| {
            (format!("{value} >= {}", number(*below)), text(&format!(">={}", measure.limit_text(*below))))
        });
        Some(self.condition(measure, &case(within.chain(short).chain(beyond), "''")))
    }

    fn missed_signals(self, policy: &TierPolicy) -> Option<String> {
        // By need, so that the first whose ranges hold has the smallest.
        let of_need = |need| policy.arms().map(|(_, arm)| arm).filter(move |arm| arm.signals_min == need);
        let arms: Vec<&Arm> = (1..=4).flat_map(of_need).collect();
        if arms.is_empty() {
            return None;
        }
        let needs = arms.iter().map(|arm| {
            let conditions = ranges_hold(arm);
            let condition = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" and ") };
            (condition, text(&format!("<{}", arm.signals_min)))
        });
        Some(format!("'asset_signals=' || {} || {}", self.signal_count(policy.assets), case(needs, "null")))
    }
}

/// `case when … then … else … end`, or only the last part where there is nothing to choose
fn case(branches: impl Iterator<Item = (String, String)>, otherwise: &str) -> String {
    let branches: String =
        branches.map(|(condition, value)| format!(" when {condition} then {value}\n")).collect();
    if branches.is_empty() { otherwise.to_owned() } else { format!("case\n{branches} else {otherwise} end") }
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

fn text(literal: &str) -> String {
    format!("'{literal}'")
}

/// Joins text expressions; nulls among them are left out
fn joined(parts: &[String]) -> String {
    format!("concat_ws('{SEPARATOR}', {})", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tier::hex;
    use sha2::{Digest, Sha256};

    /// Expressions for PostgreSQL are stored with published policies: another text for the same policy would
    /// pass for drift.
    #[test]
    fn what_is_stored_for_postgresql_stays_the_same_to_the_byte() {
        for (policy, digest) in [
            (TierPolicy::revision_1(), "60ff60636f27a1aa1e22eb94610b224c1af29be727fd00eefab11235d9b5453b"),
            (
                TierPolicy::monotone_draft(),
                "836cff649d6812e8f460613f0e5b7fd5f5b3d1bdf206545aa354cc92eed6899d",
            ),
        ] {
            let TierSql { tier, decided_by, reason } = policy.to_sql(SqlDialect::Postgres);
            assert_eq!(hex(&Sha256::digest([tier, decided_by, reason].join("\n"))), digest);
        }
    }

    #[test]
    fn dialects_cast_shift_and_print_in_their_own_way() {
        let tiers = [SqlDialect::Postgres, SqlDialect::DuckDb, SqlDialect::Spark].map(|dialect| {
            let json = r#"{"asset_signals": ["bank_name"], "rules": [{"id": "a", "tier": 1, "any": [{"signals_min": 1}]}], "fallback": 0}"#;
            TierPolicy::from_json(json).unwrap().to_sql(dialect).tier
        });
        assert_eq!(
            tiers,
            [
                "(case\n when ((coalesce(asset_signals, 0) >> 1 & 1)) >= 1 then 1\n else 0 end)::smallint",
                "cast(case\n when (((coalesce(asset_signals, 0) >> 1) & 1)) >= 1 then 1\n else 0 end as smallint)",
                "cast(case\n when ((shiftright(coalesce(asset_signals, 0), 1) & 1)) >= 1 then 1\n else 0 end as smallint)",
            ]
        );
        let money = SqlDialect::Spark.value_text(Measure::Balance);
        assert_eq!(
            money,
            "'$' || format_number(floor(balance_due), 0) || case when balance_due = floor(balance_due) then '' else right(cast(cast(balance_due as decimal(14,2)) as string), 3) end"
        );
    }
}
