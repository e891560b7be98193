//! The smallest changes of one judgment's facts that would give it another tier.

use serde::{Deserialize, Serialize};

use super::Amount;
use crate::cells::{Painted, Place, Way};
use crate::tier::{AssetSignal, JudgmentFacts, Tier, TierPolicy};

/// The minimal changes that give one other tier
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierChanges {
    /// The tier.
    pub tier: Tier,
    /// Whether the policy gives this tier to any judgment at all.
    pub is_reachable: bool,
    /// The changes, those of a single fact first; empty only where the tier is not reachable.
    pub changes: Vec<FactsChange>,
}

/// A change of up to three facts at once; what is `None` stays as it is
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactsChange {
    /// Of the score.
    pub collectability_score: Option<NumberChange>,
    /// Of the balance.
    pub balance: Option<NumberChange>,
    /// Of the signals.
    pub asset_signals: Option<SignalsChange>,
}

/// A change of a score or a balance; a missing one counts as 0
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberChange {
    /// The difference, never 0.
    pub by: Amount,
    /// The new value.
    pub to: Amount,
}

/// A change of the number of asset signals
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalsChange {
    /// How many to add, or to remove when negative; never 0.
    pub by: i8,
    /// The new number.
    pub to: u8,
    /// Among which to choose; any of them will do.
    pub among: Vec<AssetSignal>,
}

/// Differences of score, balance and number of signals
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Difference {
    score: i64,
    balance: i64,
    signals: i64,
}

/// Finds, for each tier that the judgment does not have, the minimal changes that would give it
///
/// A change is minimal when no smaller one gives the same tier. One change is smaller than another when it
/// moves no fact further and none the other way: by 3 points is smaller than by 5 points, and smaller than by
/// 3 points and one signal; by −3 points is neither smaller nor larger than by 5. So all of them stand beside
/// each other: the least rise, the least fall, and each combination that needs less of one for more of another.
pub fn nearest_changes(policy: &TierPolicy, facts: &JudgmentFacts) -> Vec<TierChanges> {
    let painted = Painted::of(policy);
    let axes = &painted.axes;
    let (score, balance) = (facts.compared_score(), facts.compared_balance());
    let signals = painted.signals(facts.signals.bits());
    let tier = policy.tier_of(facts);

    let mut found: [Vec<Difference>; 4] = Default::default();
    for score_way in Way::BOTH {
        for balance_way in Way::BOTH {
            for signals_way in Way::BOTH {
                // For each tier and number of signals moved, the least balance moved so far.
                let mut nearest = [[i64::MAX; 5]; 4];
                for (score_band, score_distance) in axes.score.outward(score, score_way) {
                    for moved in 0..=4_u8 {
                        let count = match signals_way {
                            Way::Up => signals.checked_add(moved).filter(|up| *up <= painted.signals_max()),
                            Way::Down => signals.checked_sub(moved),
                        };
                        let Some(count) = count else { break };
                        let mut distances = [i64::MAX; 4];
                        for (balance_band, distance) in axes.balance.outward(balance, balance_way) {
                            let place = Place { score: score_band, balance: balance_band };
                            let tier = painted.tier(place, count);
                            if let Some(nearest) = distances.get_mut(usize::from(tier.number())) {
                                *nearest = distance.min(*nearest);
                            }
                        }
                        for ((found, nearest), distance) in found.iter_mut().zip(&mut nearest).zip(distances)
                        {
                            // Whatever came before has moved score and signals no further.
                            let passed = nearest.iter().take(usize::from(moved) + 1);
                            if passed.copied().all(|nearer| distance < nearer) {
                                let difference = Difference {
                                    score: score_way.signed(score_distance),
                                    balance: balance_way.signed(distance),
                                    signals: signals_way.signed(i64::from(moved)),
                                };
                                // What keeps a fact as it is comes up on both of its ways.
                                let place = found.partition_point(|other| other.order() < difference.order());
                                if found.get(place) != Some(&difference) {
                                    found.insert(place, difference);
                                }
                            }
                            if let Some(nearest) = nearest.get_mut(usize::from(moved)) {
                                *nearest = distance.min(*nearest);
                            }
                        }
                    }
                }
            }
        }
    }

    Tier::ALL
        .into_iter()
        .zip(found)
        .filter(|(other, _)| *other != tier)
        .map(|(tier, found)| TierChanges {
            tier,
            is_reachable: !found.is_empty(),
            changes: found.into_iter().map(|change| change.of(policy, facts)).collect(),
        })
        .collect()
}

impl Difference {
    /// Few facts first, then score before balance before signals, then small before large, then less before more.
    fn order(&self) -> (usize, [bool; 3], [i64; 3], [i64; 3]) {
        let differences = [self.signals, self.balance, self.score];
        let is_changed = differences.map(|difference| difference != 0);
        let count = is_changed.iter().filter(|is_changed| **is_changed).count();
        (count, is_changed, differences.map(i64::abs), differences)
    }

    fn of(self, policy: &TierPolicy, facts: &JudgmentFacts) -> FactsChange {
        let number =
            |from: i64, by: i64| (by != 0).then(|| NumberChange { by: Amount(by), to: Amount(from + by) });
        let has_it_to_remove = |signal: AssetSignal| facts.signals.contains(signal) == (self.signals < 0);
        FactsChange {
            collectability_score: number(facts.compared_score(), self.score),
            balance: number(facts.compared_balance(), self.balance),
            asset_signals: (self.signals != 0).then(|| SignalsChange {
                by: self.signals as i8,
                to: (i64::from(facts.signals.count_of(policy.assets)) + self.signals) as u8,
                among: policy.assets.iter().filter(|signal| has_it_to_remove(*signal)).collect(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judgment_on_the_cliff_of_revision_1_comes_back_by_a_cent_or_a_signal() {
        let facts = JudgmentFacts::from_json(r#"{"balance": "50000", "employer_name": "Acme"}"#).unwrap();
        let changes = nearest_changes(&TierPolicy::revision_1(), &facts);
        let of_tier = |place: usize| serde_json::to_value(&changes[place]).unwrap();
        assert_eq!(
            of_tier(1),
            serde_json::json!({"tier": 2, "is_reachable": true, "changes": [
                {"collectability_score": {"by": "60", "to": "60"}, "balance": null, "asset_signals": null},
                {"collectability_score": null, "balance": {"by": "-0.01", "to": "49999.99"}, "asset_signals": null},
            ]})
        );
        assert_eq!(
            of_tier(2),
            serde_json::json!({"tier": 3, "is_reachable": true, "changes": [
                {"collectability_score": {"by": "80", "to": "80"}, "balance": null, "asset_signals": null},
                {"collectability_score": null, "balance": null, "asset_signals":
                    {"by": 1, "to": 2, "among": ["bank_name", "real_property_lead", "vehicle_lead"]}},
            ]})
        );
    }

    #[test]
    fn a_tier_that_no_judgment_gets_says_so() {
        let policy = TierPolicy::from_json(r#"{"rules": [], "fallback": 2}"#).unwrap();
        for changes in nearest_changes(&policy, &JudgmentFacts::default()) {
            assert!(!changes.is_reachable && changes.changes.is_empty(), "{changes:?}");
        }
    }
}
