//! Why a judgment has its tier: every arm of every rule, and by how much each condition held or failed.

use serde::{Deserialize, Serialize};

use super::{Amount, Fact};
use crate::cells::literal;
use crate::tier::{Cents, DecidedBy, JudgmentFacts, Score, Span, Tier, TierOutcome, TierPolicy};

/// One outcome with everything that led to it
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The tier.
    pub tier: Tier,
    /// The rule and the arm that decided; `None` when the fallback did.
    pub decided_by: Option<DecidedBy>,
    /// The reason, as it is stored.
    pub reason: String,
    /// Every rule in the order in which they are tried.
    pub rules: Vec<RuleTrace>,
    /// The tier of what no rule matches.
    pub fallback: Tier,
}

/// What became of one rule
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTrace {
    /// The rule's id.
    pub id: String,
    /// The tier that it gives.
    pub tier: Tier,
    /// Its arms in their order.
    pub arms: Vec<ArmTrace>,
}

/// What became of one arm
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmTrace {
    /// Whether it decided.
    pub verdict: Verdict,
    /// Its conditions in the order score, balance, signals; each range is a condition at either end.
    pub conditions: Vec<ConditionTrace>,
}

/// How an arm fared
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is the first that holds.
    Decides,
    /// It holds, but an earlier arm decided.
    Shadowed,
    /// At least one condition fails.
    Fails,
}

/// One condition against one judgment
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionTrace {
    /// What is tested.
    pub fact: Fact,
    /// On which side of the limit the value must lie.
    pub bound: Bound,
    /// The limit's value.
    pub limit: Amount,
    /// The limit's name; `None` for a literal and for signals.
    pub limit_name: Option<String>,
    /// The judgment's value; `None` where it is missing and compared as 0.
    pub value: Option<Amount>,
    /// Whether the condition holds.
    pub holds: bool,
    /// The distance between value and limit, never negative; 0 where they are equal.
    pub by: Amount,
    /// The smallest change of the value that turns the condition; `None` where no possible value does.
    pub to_turn: Option<Amount>,
}

/// The side of a limit
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The limit or more.
    From,
    /// Less than the limit.
    Below,
}

/// Explains the outcome of one judgment
///
/// `tier`, `decided_by` and `reason` are what [`TierPolicy::evaluate`] gives.
pub fn explain(policy: &TierPolicy, facts: &JudgmentFacts) -> Explanation {
    let TierOutcome { tier, decided_by, reason } = policy.evaluate(facts);
    let mut has_decided = false;
    let rules = policy
        .rules
        .iter()
        .zip(&policy.document().rules)
        .map(|(rule, document)| RuleTrace {
            id: rule.id.clone(),
            tier: rule.tier,
            arms: rule
                .arms
                .iter()
                .zip(&document.any)
                .map(|(arm, names)| {
                    let score = Subject {
                        fact: Fact::CollectabilityScore,
                        value: facts.score.map(|score| i64::from(score.hundredths())),
                        max: i64::from(Score::MAX.hundredths()),
                    };
                    let balance = Subject {
                        fact: Fact::Balance,
                        value: facts.balance.map(Cents::cents),
                        max: Cents::MAX.cents(),
                    };
                    let mut conditions = score.conditions(arm.score, [&names.score_from, &names.score_below]);
                    conditions
                        .extend(balance.conditions(arm.balance, [&names.balance_from, &names.balance_below]));
                    if arm.signals_min > 0 {
                        let count = facts.signals.count_of(policy.assets);
                        conditions.push(signals_condition(i64::from(count), i64::from(arm.signals_min)));
                    }
                    let verdict = match (conditions.iter().all(|condition| condition.holds), has_decided) {
                        (false, _) => Verdict::Fails,
                        (true, true) => Verdict::Shadowed,
                        (true, false) => Verdict::Decides,
                    };
                    has_decided |= verdict == Verdict::Decides;
                    ArmTrace { verdict, conditions }
                })
                .collect(),
        })
        .collect();
    Explanation { tier, decided_by, reason, rules, fallback: policy.fallback }
}

/// A fact of the judgment, in hundredths
struct Subject {
    fact: Fact,
    value: Option<i64>,
    max: i64,
}

impl Subject {
    /// The conditions of a span, with the texts that the document has for its bounds
    fn conditions(&self, span: Span, texts: [&Option<String>; 2]) -> Vec<ConditionTrace> {
        let [from_text, below_text] = texts;
        let from = span.from.map(|limit| self.condition(Bound::From, limit, from_text));
        let below = span.below.map(|limit| self.condition(Bound::Below, limit, below_text));
        from.into_iter().chain(below).collect()
    }

    fn condition(&self, bound: Bound, limit: i64, text: &Option<String>) -> ConditionTrace {
        let value = self.value.unwrap_or(0);
        let is_beyond = value >= limit;
        // The nearest value on the other side, whichever side is asked for.
        let turned = if is_beyond { limit - 1 } else { limit };
        ConditionTrace {
            fact: self.fact,
            bound,
            limit: Amount(limit),
            limit_name: text.clone().filter(|text| literal(text).is_none()),
            value: self.value.map(Amount),
            holds: is_beyond == (bound == Bound::From),
            by: Amount((value - limit).abs()),
            to_turn: (0..=self.max).contains(&turned).then_some(Amount(turned - value)),
        }
    }
}

fn signals_condition(count: i64, signals_min: i64) -> ConditionTrace {
    let holds = count >= signals_min;
    ConditionTrace {
        fact: Fact::AssetSignals,
        bound: Bound::From,
        limit: Amount::of_signals(signals_min),
        limit_name: None,
        value: Some(Amount::of_signals(count)),
        holds,
        by: Amount::of_signals((count - signals_min).abs()),
        // No valid arm asks for 0 signals or for more than there are.
        to_turn: Some(Amount::of_signals(if holds { signals_min - 1 - count } else { signals_min - count })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(json: &str) -> JudgmentFacts {
        JudgmentFacts::from_json(json).unwrap()
    }

    #[test]
    fn the_cliff_of_revision_1_is_explained_to_the_cent() {
        let judgment = facts(r#"{"balance": "50000.00", "collectability_score": 40, "bank_name": "Chase"}"#);
        let explanation = explain(&TierPolicy::revision_1(), &judgment);
        assert_eq!(explanation.tier, Tier::WarmProspects);
        let verdicts: Vec<Vec<Verdict>> =
            explanation.rules.iter().map(|rule| rule.arms.iter().map(|arm| arm.verdict).collect()).collect();
        use Verdict::{Decides, Fails};
        assert_eq!(verdicts, [[Fails, Fails], [Fails, Fails], [Decides, Fails]]);
        let condition = |rule: usize, arm: usize, place: usize| {
            serde_json::to_value(&explanation.rules[rule].arms[arm].conditions[place]).unwrap()
        };
        assert_eq!(
            condition(0, 1, 1),
            serde_json::json!({"fact": "asset_signals", "bound": "from", "limit": "2", "limit_name": null,
                "value": "1", "holds": false, "by": "1", "to_turn": "1"})
        );
        assert_eq!(
            condition(1, 1, 1),
            serde_json::json!({"fact": "balance", "bound": "below", "limit": "50000", "limit_name": "balance_3",
                "value": "50000", "holds": false, "by": "0", "to_turn": "-0.01"})
        );
        assert_eq!(
            condition(2, 0, 0),
            serde_json::json!({"fact": "collectability_score", "bound": "from", "limit": "35",
                "limit_name": "score_1", "value": "40", "holds": true, "by": "5", "to_turn": "-5.01"})
        );
    }

    #[test]
    fn an_arm_behind_the_deciding_one_is_shadowed_not_failed() {
        let judgment = facts(r#"{"collectability_score": 85}"#);
        let explanation = explain(&TierPolicy::monotone_draft(), &judgment);
        let first_arms: Vec<Verdict> = explanation.rules.iter().map(|rule| rule.arms[0].verdict).collect();
        assert_eq!(first_arms, [Verdict::Decides, Verdict::Shadowed, Verdict::Shadowed]);
        assert_eq!(explanation.rules[0].arms[1].conditions[0].value, None);
    }

    #[test]
    fn a_condition_that_nothing_can_turn_says_so() {
        let policy = TierPolicy::from_json(
            r#"{"rules": [{"id": "a", "tier": 1, "any": [{"score_from": "0", "balance_from": "0.01"}]}], "fallback": 0}"#,
        )
        .unwrap();
        let explanation = explain(&policy, &JudgmentFacts::default());
        let turns: Vec<Option<i64>> = explanation.rules[0].arms[0]
            .conditions
            .iter()
            .map(|condition| condition.to_turn.map(Amount::hundredths))
            .collect();
        assert_eq!(turns, [None, Some(1)]);
    }
}
