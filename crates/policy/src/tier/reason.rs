//! Reasons in words, exact to the letter: stored with every assignment and compared across hosts.

use super::policy::{Arm, Span};
use super::{AssetSignals, Cents, JudgmentFacts, Score, TierPolicy};

/// What stands between two conditions.
pub(super) const SEPARATOR: &str = "; ";

/// The reason of a fallback where there is nothing to miss.
pub(super) const NO_RULES: &str = "no rules";

/// The two facts that arms bound by ranges
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    Score,
    Balance,
}

impl Measure {
    /// The name in reasons.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Measure::Score => "collectability_score",
            Measure::Balance => "balance",
        }
    }

    /// The range that an arm puts on this fact.
    pub(super) const fn span(self, arm: &Arm) -> Span {
        match self {
            Measure::Score => arm.score,
            Measure::Balance => arm.balance,
        }
    }

    /// The fact in hundredths, unless it is missing.
    fn value(self, facts: &JudgmentFacts) -> Option<i64> {
        match self {
            Measure::Score => facts.score.map(|score| i64::from(score.hundredths())),
            Measure::Balance => facts.balance.map(Cents::cents),
        }
    }

    fn value_text(self, value: i64) -> String {
        match self {
            Measure::Score => self.limit_text(value),
            Measure::Balance => format!("${}", money(value)),
        }
    }

    /// A limit as reasons print it: `60`, `79.5`, `15k`, `12,500`.
    pub(super) fn limit_text(self, limit: i64) -> String {
        match self {
            Measure::Score => {
                u16::try_from(limit).ok().and_then(Score::from_hundredths).map(|score| score.to_string())
            }
            Measure::Balance if limit > 0 && limit % 100_000 == 0 => Some(format!("{}k", limit / 100_000)),
            Measure::Balance => Some(money(limit)),
        }
        .unwrap_or_default()
    }

    /// What follows the value where it lies in `span`: ` in [60,80)`, `>=80`, `<35`.
    pub(super) fn within_text(self, span: Span) -> String {
        match (span.from, span.below) {
            (Some(from), Some(below)) => {
                format!(" in [{},{})", self.limit_text(from), self.limit_text(below))
            }
            (Some(from), None) => format!(">={}", self.limit_text(from)),
            (None, Some(below)) => format!("<{}", self.limit_text(below)),
            (None, None) => String::new(),
        }
    }

    fn condition(self, facts: &JudgmentFacts, relation: &str) -> String {
        match self.value(facts) {
            Some(value) => format!("{}={}{relation}", self.name(), self.value_text(value)),
            None => format!("{} missing", self.name()),
        }
    }
}

fn money(cents: i64) -> String {
    Cents::from_cents(cents).map(|cents| cents.to_string()).unwrap_or_default()
}

/// The conditions of an arm that holds, in the order score, balance, signals
pub(super) fn of_arm(arm: &Arm, assets: AssetSignals, facts: &JudgmentFacts) -> String {
    let mut conditions = Vec::with_capacity(3);
    for measure in [Measure::Score, Measure::Balance] {
        let span = measure.span(arm);
        if !span.is_open() {
            conditions.push(measure.condition(facts, &measure.within_text(span)));
        }
    }
    match arm.signals_min {
        0 => {}
        1 => conditions.push("has_asset_hints".to_owned()),
        _ => conditions.push(format!("asset_signals={}", facts.signals.count_of(assets))),
    }
    conditions.join(SEPARATOR)
}

/// What the fallback missed, for each fact that any arm tests, in the order score, balance, signals
///
/// A score that lies in the range of some arm, which then failed on something else, is shown in the first
/// such range; otherwise against the nearest range above it (`30<35`), or, above all ranges, against the
/// nearest end below it (`90>=80`). The balance likewise. Signals are named where they alone kept an arm from
/// holding, with the smallest number that would have done.
pub(super) fn of_fallback(policy: &TierPolicy, facts: &JudgmentFacts) -> String {
    let mut missed = Vec::with_capacity(3);
    let (score, balance) = (facts.compared_score(), facts.compared_balance());
    for (measure, value) in [(Measure::Score, score), (Measure::Balance, balance)] {
        let spans = Spans::of(policy, measure);
        if let Some(relation) = spans.relation(measure, value) {
            missed.push(measure.condition(facts, &relation));
        }
    }
    let signals_needed = policy
        .arms()
        .filter(|(_, arm)| arm.score.contains(score) && arm.balance.contains(balance))
        .map(|(_, arm)| arm.signals_min)
        .min();
    if let Some(needed) = signals_needed {
        missed.push(format!("asset_signals={}<{needed}", facts.signals.count_of(policy.assets)));
    }
    if missed.is_empty() { NO_RULES.to_owned() } else { missed.join(SEPARATOR) }
}

/// The ranges that the arms of a policy put on one fact, in the order of the arms
pub(super) struct Spans(pub(super) Vec<Span>);

impl Spans {
    pub(super) fn of(policy: &TierPolicy, measure: Measure) -> Spans {
        Spans(policy.arms().map(|(_, arm)| measure.span(arm)).filter(|span| !span.is_open()).collect())
    }

    pub(super) fn relation(&self, measure: Measure, value: i64) -> Option<String> {
        let spans = || self.0.iter();
        if let Some(span) = spans().find(|span| span.contains(value)) {
            return Some(measure.within_text(*span));
        }
        let next_from = spans().filter_map(|span| span.from).filter(|from| *from > value).min();
        let last_below = spans().filter_map(|span| span.below).filter(|below| *below <= value).max();
        match (next_from, last_below) {
            (Some(from), _) => Some(format!("<{}", measure.limit_text(from))),
            (None, Some(below)) => Some(format!(">={}", measure.limit_text(below))),
            (None, None) => None,
        }
    }
}
