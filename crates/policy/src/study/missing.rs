//! What is not known, and which look-up could move most money.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Money, Total, sort};
use crate::cells::{Painted, Place, Row};
use crate::portfolio::{MISSING_BALANCE, MISSING_SCORE, Portfolio};
use crate::tier::{AssetSignal, AssetSignals, JudgmentFacts, Tier, TierPolicy};

/// The facts of a judgment that may turn out to be anything
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Unknown {
    /// The score may be any.
    pub collectability_score: bool,
    /// The balance may be any.
    pub balance: bool,
    /// Each of these may be there or not.
    pub asset_signals: Vec<AssetSignal>,
}

/// The tiers that a judgment could have
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PossibleTiers {
    /// The tier that it has as long as nothing more is known.
    pub tier: Tier,
    /// The lowest that it could have.
    pub lowest: Tier,
    /// The highest.
    pub highest: Tier,
    /// All of them, lowest first; there may be some between lowest and highest that no answer gives.
    pub possible: Vec<Tier>,
}

/// A fact that can be looked up
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownFact {
    /// The score.
    CollectabilityScore,
    /// The balance.
    Balance,
    /// Where the debtor works.
    EmployerName,
    /// Where the debtor banks.
    BankName,
    /// A hint of land or a house.
    RealPropertyLead,
    /// A hint of a vehicle.
    VehicleLead,
}

/// What is worth looking up in a portfolio
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookUps {
    /// Look-ups of the same fact for judgments of the same prospects, those of most money per look-up first.
    pub groups: Vec<LookUpGroup>,
    /// The single look-ups of most money, largest first; of equal ones the earlier row, then the earlier fact.
    pub rows: Vec<LookUp>,
}

/// Look-ups of one fact for judgments with the same tier and the same possible tiers
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookUpGroup {
    /// What to look up.
    pub fact: UnknownFact,
    /// What the judgments have and could have.
    pub tiers: PossibleTiers,
    /// The judgments, one look-up each, and the money that could move.
    pub total: Total,
}

/// A look-up of one fact of one judgment
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookUp {
    /// The row in the portfolio, from 0.
    pub row: u32,
    /// The judgment's number.
    pub judgment_no: u64,
    /// What to look up.
    pub fact: UnknownFact,
    /// What the judgment has and could have.
    pub tiers: PossibleTiers,
    /// The money that could move.
    pub balance: Money,
}

/// Finds every tier that a judgment could have, given what is unknown of it
///
/// A score or balance that is not unknown counts as it stands, a missing one as 0. An unknown signal counts as
/// both there and not there, whatever `facts` say.
pub fn possible_tiers(policy: &TierPolicy, facts: &JudgmentFacts, unknown: &Unknown) -> PossibleTiers {
    let painted = Painted::of(policy);
    let axes = &painted.axes;
    let place = Place {
        score: axes.score.band(facts.compared_score()),
        balance: axes.balance.band(facts.compared_balance()),
    };
    let open: AssetSignals = unknown.asset_signals.iter().copied().collect();
    let known = AssetSignals::from_bits(facts.signals.bits() & !open.bits());
    let least = painted.signals(known.bits());
    let signals = least..=least + painted.signals(open.bits());
    let scores =
        if unknown.collectability_score { 0..axes.score.len() } else { place.score..place.score + 1 };
    let balances = if unknown.balance { 0..axes.balance.len() } else { place.balance..place.balance + 1 };
    let mut set = 0;
    for signals in signals {
        for balance in balances.clone() {
            for score in scores.clone() {
                set |= bit(painted.tier(Place { score, balance }, signals));
            }
        }
    }
    possible(policy.tier_of(facts), set)
}

/// Ranks what could be looked up by the money that it could move
///
/// A look-up asks one fact of one judgment: a missing score, a missing balance, or an asset signal that is not
/// there and that counts as an asset. It could move the judgment's balance if some answer would give another tier
/// while all other facts stay as they are, else nothing; only look-ups that could are counted. How likely an answer
/// is, and what it costs, is not known here: this is what is at stake. A missing balance is at stake with no money,
/// since how much it is would be the answer.
///
/// At most `rows_max` single look-ups are listed; the groups count all, and come in the order of money per look-up.
pub fn rank_look_ups(policy: &TierPolicy, portfolio: &Portfolio, rows_max: u32) -> LookUps {
    let painted = Painted::of(policy);
    let axes = &painted.axes;
    let prospects = Prospects::new(&painted);
    let mut groups: BTreeMap<(UnknownFact, Tier, u8), Total> = BTreeMap::new();
    // Largest balance first, then by row and fact.
    let mut found: Vec<(i64, u64)> = Vec::new();
    for row in axes.rows(portfolio) {
        let signals = painted.signals(row.bits);
        let tier = painted.tier(row.place, signals);
        for (fact_place, fact) in (0..).zip(UnknownFact::ALL) {
            let Some(set) = prospects.set(fact, &row, signals).filter(|set| *set != bit(tier)) else {
                continue;
            };
            let total = groups.entry((fact, tier, set)).or_default();
            total.count += 1;
            total.balance.0 += row.balance_cents;
            found.push((-row.balance_cents, u64::from(row.row) << 3 | fact_place));
        }
    }
    sort(&mut found);
    found.truncate(usize::try_from(rows_max).unwrap_or(usize::MAX));
    let rows = found
        .into_iter()
        .filter_map(|(_, place)| {
            let row = axes.row(portfolio, (place >> 3) as u32)?;
            let fact = *UnknownFact::ALL.get((place & 7) as usize)?;
            let signals = painted.signals(row.bits);
            Some(LookUp {
                row: row.row,
                judgment_no: portfolio.judgment_no(row.row)?,
                fact,
                tiers: possible(painted.tier(row.place, signals), prospects.set(fact, &row, signals)?),
                balance: Money(row.balance_cents),
            })
        })
        .collect();
    let mut ranked: Vec<LookUpGroup> = Vec::new();
    for ((fact, tier, set), total) in groups {
        // Money per look-up, as fractions: no quotient is rounded.
        let cross = |money: &Total, count: &Total| i128::from(money.balance.0) * i128::from(count.count);
        let place =
            ranked.partition_point(|other| cross(&other.total, &total) >= cross(&total, &other.total));
        ranked.insert(place, LookUpGroup { fact, tiers: possible(tier, set), total });
    }
    LookUps { groups: ranked, rows }
}

/// The tiers that become possible where one fact is open
struct Prospects<'a> {
    painted: &'a Painted,
    assets: AssetSignals,
    /// By number of signals and balance band.
    any_score: Vec<u8>,
    /// By number of signals and score band.
    any_balance: Vec<u8>,
    heights: [usize; 2],
}

impl<'a> Prospects<'a> {
    fn new(painted: &'a Painted) -> Prospects<'a> {
        let (scores, balances) = (painted.axes.score.len(), painted.axes.balance.len());
        let union = |places: &mut dyn Iterator<Item = Place>, signals: u8| {
            places.fold(0, |set, place| set | bit(painted.tier(place, signals)))
        };
        let mut any_score = Vec::new();
        let mut any_balance = Vec::new();
        for signals in 0..=painted.signals_max() {
            any_score.extend(
                (0..balances)
                    .map(|balance| union(&mut (0..scores).map(|score| Place { score, balance }), signals)),
            );
            any_balance.extend(
                (0..scores)
                    .map(|score| union(&mut (0..balances).map(|balance| Place { score, balance }), signals)),
            );
        }
        Prospects { painted, assets: painted.assets(), any_score, any_balance, heights: [balances, scores] }
    }

    /// The tiers that an answer could give, as bits; `None` where there is nothing to look up
    fn set(&self, fact: UnknownFact, row: &Row, signals: u8) -> Option<u8> {
        let [balances, scores] = self.heights;
        let signals_place = usize::from(signals);
        match fact {
            UnknownFact::CollectabilityScore if row.bits & MISSING_SCORE != 0 => {
                self.any_score.get(signals_place * balances + row.place.balance).copied()
            }
            UnknownFact::Balance if row.bits & MISSING_BALANCE != 0 => {
                self.any_balance.get(signals_place * scores + row.place.score).copied()
            }
            fact => {
                let signal = fact.signal()?;
                let is_open = self.assets.contains(signal) && row.bits & signal.bit() == 0;
                let tier = |signals| self.painted.tier(row.place, signals);
                is_open.then(|| bit(tier(signals)) | bit(tier(signals + 1)))
            }
        }
    }
}

impl UnknownFact {
    const ALL: [UnknownFact; 6] = [
        UnknownFact::CollectabilityScore,
        UnknownFact::Balance,
        UnknownFact::EmployerName,
        UnknownFact::BankName,
        UnknownFact::RealPropertyLead,
        UnknownFact::VehicleLead,
    ];

    fn signal(self) -> Option<AssetSignal> {
        match self {
            UnknownFact::CollectabilityScore | UnknownFact::Balance => None,
            UnknownFact::EmployerName => Some(AssetSignal::EmployerName),
            UnknownFact::BankName => Some(AssetSignal::BankName),
            UnknownFact::RealPropertyLead => Some(AssetSignal::RealPropertyLead),
            UnknownFact::VehicleLead => Some(AssetSignal::VehicleLead),
        }
    }
}

fn bit(tier: Tier) -> u8 {
    1 << tier.number()
}

/// A set of tiers in words; `tier` is among them
fn possible(tier: Tier, set: u8) -> PossibleTiers {
    let possible: Vec<Tier> = Tier::ALL.into_iter().filter(|other| set & bit(*other) != 0).collect();
    PossibleTiers {
        tier,
        lowest: possible.first().copied().unwrap_or(tier),
        highest: possible.last().copied().unwrap_or(tier),
        possible,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(facts: &str, unknown: &str, expect: &[u8]) {
        let facts = JudgmentFacts::from_json(facts).unwrap();
        let unknown: Unknown = serde_json::from_str(unknown).unwrap();
        let tiers = possible_tiers(&TierPolicy::revision_1(), &facts, &unknown);
        let numbers: Vec<u8> = tiers.possible.iter().map(|tier| tier.number()).collect();
        assert_eq!(numbers, expect);
        assert_eq!(
            (Some(&tiers.lowest), Some(&tiers.highest)),
            (tiers.possible.first(), tiers.possible.last())
        );
    }

    #[test]
    fn what_is_unknown_opens_tiers_and_not_always_all_between() {
        check(r#"{"balance": 60000}"#, r#"{}"#, &[0]);
        check(r#"{"balance": 60000}"#, r#"{"asset_signals": ["bank_name"]}"#, &[0]);
        check(r#"{"balance": 60000}"#, r#"{"asset_signals": ["bank_name", "vehicle_lead"]}"#, &[0, 3]);
        check(r#"{"balance": 20000}"#, r#"{"collectability_score": true}"#, &[0, 1, 2, 3]);
        check(r#"{"balance": 20000, "bank_name": "x"}"#, r#"{"collectability_score": true}"#, &[2, 3]);
        check(r#"{"collectability_score": 40}"#, r#"{"balance": true}"#, &[1]);
    }
}
