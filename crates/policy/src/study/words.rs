//! Explanations and changes as people read them.

use super::{Amount, Bound, ConditionTrace, Fact, FactsChange, NumberChange, SignalsChange};
use crate::tier::{Cents, Score};

impl Fact {
    /// An amount of this fact: `79.6`, `$49,999.99`, `2`.
    fn shown(self, amount: Amount) -> String {
        let magnitude = Amount(amount.0.saturating_abs());
        match self {
            Fact::Balance => match Cents::from_cents(magnitude.0) {
                Some(cents) => format!("${cents}"),
                None => format!("${magnitude}"),
            },
            Fact::CollectabilityScore => u16::try_from(magnitude.0)
                .ok()
                .and_then(Score::from_hundredths)
                .map_or_else(|| magnitude.to_string(), |score| score.to_string()),
            Fact::AssetSignals => magnitude.to_string(),
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Fact::CollectabilityScore => "score",
            Fact::Balance => "balance",
            Fact::AssetSignals => "number of asset signals",
        }
    }
}

impl ConditionTrace {
    /// Such as `score 58 is not 60 or more: 2 short`, or `balance $25,000 is below $50,000, by $25,000`
    pub fn words(&self) -> String {
        let fact = self.fact;
        let value = match self.value {
            Some(value) => format!("{} {}", fact.noun(), fact.shown(value)),
            None => format!("the {} is missing, counts as 0 and", fact.noun()),
        };
        let (limit, by) = (fact.shown(self.limit), fact.shown(self.by));
        match (self.bound, self.holds) {
            (Bound::From, true) if self.by.0 == 0 => format!("{value} is just {limit}"),
            (Bound::From, true) => format!("{value} is {limit} or more, by {by}"),
            (Bound::From, false) => format!("{value} is not {limit} or more: {by} short"),
            (Bound::Below, true) => format!("{value} is below {limit}, by {by}"),
            (Bound::Below, false) if self.by.0 == 0 => format!("{value} is not below {limit}"),
            (Bound::Below, false) => format!("{value} is not below {limit}: {by} over"),
        }
    }
}

impl FactsChange {
    /// Such as `score up by 2 to 60 and 1 more asset signal`
    pub fn words(&self) -> String {
        let number = |fact: Fact, change: &Option<NumberChange>| {
            change.map(|NumberChange { by, to }| {
                let way = if by.0 < 0 { "down" } else { "up" };
                format!("{} {way} by {} to {}", fact.noun(), fact.shown(by), fact.shown(to))
            })
        };
        let signals = self.asset_signals.as_ref().map(|SignalsChange { by, .. }| {
            let noun = if by.abs() == 1 { "asset signal" } else { "asset signals" };
            format!("{} {} {noun}", by.abs(), if *by < 0 { "fewer" } else { "more" })
        });
        let parts = [
            number(Fact::CollectabilityScore, &self.collectability_score),
            number(Fact::Balance, &self.balance),
            signals,
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
    }
}

#[cfg(test)]
mod tests {
    use crate::study::{Verdict, explain, nearest_changes};
    use crate::tier::{AssetSignals, Cents, JudgmentFacts, Score, TierPolicy};

    fn facts() -> JudgmentFacts {
        JudgmentFacts {
            score: Score::from_hundredths(5_850),
            balance: Cents::from_cents(4_999_999),
            signals: AssetSignals::from_bits(1),
        }
    }

    #[test]
    fn an_explanation_is_said_in_words() {
        let explained = explain(&TierPolicy::revision_1(), &facts());
        let arms = explained.rules.iter().flat_map(|rule| &rule.arms);
        let said: Vec<(Verdict, Vec<String>)> = arms
            .map(|arm| (arm.verdict, arm.conditions.iter().map(super::ConditionTrace::words).collect()))
            .collect();
        let lines = |words: &[&str]| words.iter().map(|words| (*words).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            said[..4],
            [
                (Verdict::Fails, lines(&["score 58.5 is not 80 or more: 21.5 short"])),
                (
                    Verdict::Fails,
                    lines(&[
                        "balance $49,999.99 is not $50,000 or more: $0.01 short",
                        "number of asset signals 1 is not 2 or more: 1 short"
                    ])
                ),
                (
                    Verdict::Fails,
                    lines(&["score 58.5 is not 60 or more: 1.5 short", "score 58.5 is below 80, by 21.5"])
                ),
                (
                    Verdict::Decides,
                    lines(&[
                        "balance $49,999.99 is $15,000 or more, by $34,999.99",
                        "balance $49,999.99 is below $50,000, by $0.01",
                        "number of asset signals 1 is just 1"
                    ])
                ),
            ]
        );
        let nothing = explain(&TierPolicy::revision_1(), &JudgmentFacts::default());
        let first = nothing.rules[0].arms[0].conditions[0].words();
        assert_eq!(first, "the score is missing, counts as 0 and is not 80 or more: 80 short");
    }

    #[test]
    fn changes_are_said_in_words() {
        let changes = nearest_changes(&TierPolicy::revision_1(), &facts());
        let said: Vec<Vec<String>> =
            changes.iter().map(|tier| tier.changes.iter().map(super::FactsChange::words).collect()).collect();
        assert!(said[2].contains(&"score up by 21.5 to 80".to_owned()), "{said:?}");
        assert!(
            said[2].contains(&"balance up by $0.01 to $50,000 and 1 more asset signal".to_owned()),
            "{said:?}"
        );
        assert!(said[1].contains(&"balance up by $0.01 to $50,000".to_owned()), "the cliff: {said:?}");
    }
}
