//! Judgments that a small change of one fact would give another tier.

use serde::{Deserialize, Serialize};

use super::{Amount, Fact, Money, Total, sort};
use crate::cells::{Painted, Place, Row, Way};
use crate::portfolio::{MISSING_BALANCE, MISSING_SCORE, Portfolio};
use crate::tier::{Cents, Score, Tier, TierPolicy};

/// How small a change is small
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Margins {
    /// Points up or down, at most.
    pub collectability_score: Score,
    /// Money up or down, at most.
    pub balance: Cents,
    /// Asset signals more or fewer, at most.
    pub asset_signals: u8,
}

/// The judgments of a portfolio whose tier hangs by little
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FragileList {
    /// All of them.
    pub total: Total,
    /// Those with the largest balances, largest first; of equal ones the earlier row first.
    pub rows: Vec<FragileRow>,
}

/// A judgment and the changes that would give it another tier
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FragileRow {
    /// Its row in the portfolio, from 0.
    pub row: u32,
    /// Its number.
    pub judgment_no: u64,
    /// The tier that it has.
    pub tier: Tier,
    /// Its balance.
    pub balance: Money,
    /// At least one; for each fact and direction the smallest that changes the tier, if that is within the margin.
    pub nudges: Vec<Nudge>,
}

/// A small change of one fact
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nudge {
    /// What changes.
    pub fact: Fact,
    /// The smallest change in this direction that changes the tier; never 0.
    pub by: Amount,
    /// The tier that the judgment then has.
    pub tier: Tier,
}

/// Lists the judgments that a change of one fact within the margins would give another tier
///
/// At most `rows_max` are listed; `total` counts all. A fact that is missing does not move by a little, so no
/// change of it is listed.
pub fn fragile_judgments(
    policy: &TierPolicy,
    margins: &Margins,
    portfolio: &Portfolio,
    rows_max: u32,
) -> FragileList {
    let painted = Painted::of(policy);
    let axes = &painted.axes;
    let ground = Ground { painted: &painted, margins };
    let mut total = Total::default();
    // Largest balance first, then by row.
    let mut fragile: Vec<(i64, u64)> = Vec::new();
    for row in axes.rows(portfolio) {
        if ground.nudges(&row).next().is_some() {
            total.count += 1;
            total.balance.0 += row.balance_cents;
            fragile.push((-row.balance_cents, u64::from(row.row)));
        }
    }
    sort(&mut fragile);
    fragile.truncate(usize::try_from(rows_max).unwrap_or(usize::MAX));
    let rows = fragile
        .iter()
        .filter_map(|(_, row)| axes.row(portfolio, *row as u32))
        .map(|row| FragileRow {
            row: row.row,
            judgment_no: portfolio.judgment_no(row.row).unwrap_or_default(),
            tier: painted.tier(row.place, painted.signals(row.bits)),
            balance: Money(row.balance_cents),
            nudges: ground.nudges(&row).collect(),
        })
        .collect();
    FragileList { total, rows }
}

/// What nudges are found on
struct Ground<'a> {
    painted: &'a Painted,
    margins: &'a Margins,
}

impl Ground<'_> {
    fn nudges<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = Nudge> + 'a {
        let Ground { painted, margins } = self;
        let axes = &painted.axes;
        let signals = painted.signals(row.bits);
        let own = painted.tier(row.place, signals);
        let nudge = move |fact, way: Way, distance, tier: Tier| {
            let by = Amount(way.signed(distance));
            (tier != own).then_some(Nudge { fact, by, tier })
        };
        let score_max = i64::from(margins.collectability_score.hundredths());
        let scores = Way::BOTH.into_iter().filter(|_| row.bits & MISSING_SCORE == 0).filter_map(move |way| {
            let near = axes.score.outward(row.score, way).take_while(|(_, distance)| *distance <= score_max);
            near.map(|(score, distance)| (Place { score, ..row.place }, distance)).find_map(
                |(place, distance)| {
                    nudge(Fact::CollectabilityScore, way, distance, painted.tier(place, signals))
                },
            )
        });
        let balance_max = margins.balance.cents();
        let balances =
            Way::BOTH.into_iter().filter(|_| row.bits & MISSING_BALANCE == 0).filter_map(move |way| {
                let near = axes.balance.outward(row.balance_cents, way);
                let near = near.take_while(|(_, distance)| *distance <= balance_max);
                near.map(|(balance, distance)| (Place { balance, ..row.place }, distance)).find_map(
                    |(place, distance)| nudge(Fact::Balance, way, distance, painted.tier(place, signals)),
                )
            });
        let counts = Way::BOTH.into_iter().filter_map(move |way| {
            (1..=margins.asset_signals).find_map(|moved| {
                let count = match way {
                    Way::Up => signals.checked_add(moved).filter(|up| *up <= painted.signals_max()),
                    Way::Down => signals.checked_sub(moved),
                }?;
                nudge(Fact::AssetSignals, way, i64::from(moved) * 100, painted.tier(row.place, count))
            })
        });
        scores.chain(balances).chain(counts)
    }
}
