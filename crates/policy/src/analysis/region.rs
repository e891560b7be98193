//! Regions of judgments, exact and in words.

use serde::{Deserialize, Serialize};

use super::boxes::{Along, CellBox};
use super::words;
use crate::cells::Axes;
use crate::tier::{AssetSignals, Cents, JudgmentFacts, Score};

/// Judgments with a score, a balance and signals within bounds
///
/// A missing score or balance counts as 0, as policies compare it. All bounds are inclusive: `score_max` is a
/// hundredth of a point below the limit that ends the region, `balance_max` a cent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// The smallest score.
    pub score_min: Score,
    /// The largest score.
    pub score_max: Score,
    /// The smallest balance.
    pub balance_min: Cents,
    /// The largest balance.
    pub balance_max: Cents,
    /// The sets of signals, ascending, each as the sum of its [`AssetSignal::bit`](crate::tier::AssetSignal::bit)s;
    /// all 16 where signals do not matter.
    pub signal_sets: Vec<u8>,
    /// Such as `score 75 to 79.99, any balance, 1 asset signal`.
    pub words: String,
}

impl Region {
    pub(super) fn of(axes: &Axes, cells: &CellBox) -> Region {
        let mut region = Region {
            score_min: score(axes.score.first(cells.columns.start)),
            score_max: score(axes.score.last(cells.columns.end.saturating_sub(1))),
            balance_min: cents(axes.balance.first(cells.rows.start)),
            balance_max: cents(axes.balance.last(cells.rows.end.saturating_sub(1))),
            signal_sets: cells.signal_sets(axes),
            words: String::new(),
        };
        region.words = words::of_region(&region, axes.counted);
        region
    }

    /// The edge at which `cells` begin: its judgments have their smallest score, balance or number of signals.
    pub(super) fn edge(axes: &Axes, cells: &CellBox, along: Along) -> Region {
        let mut region = Region::of(axes, cells);
        match along {
            Along::Score => region.score_max = region.score_min,
            Along::Balance => region.balance_max = region.balance_min,
            Along::Signals => {
                let counted = axes.counted.unwrap_or_default();
                let (fewest, _) = region.signal_counts(counted);
                region.signal_sets.retain(|bits| AssetSignals::from_bits(*bits).count_of(counted) == fewest);
            }
        }
        region.words = words::of_region(&region, axes.counted);
        region
    }

    /// Whether a judgment lies in the region.
    pub fn contains(&self, facts: &JudgmentFacts) -> bool {
        (self.score_min..=self.score_max).contains(&score(facts.compared_score()))
            && (self.balance_min..=self.balance_max).contains(&cents(facts.compared_balance()))
            && self.signal_sets.contains(&facts.signals.bits())
    }

    /// Of each of the 16 sets of signals, whether it is in the region.
    pub(super) fn set_bits(&self) -> u16 {
        self.signal_sets.iter().fold(0, |sets, bits| sets | 1 << (bits & 15))
    }

    /// The least and the greatest number of signals, of those `counted`.
    pub(super) fn signal_counts(&self, counted: AssetSignals) -> (u8, u8) {
        let counts = || self.signal_sets.iter().map(|bits| AssetSignals::from_bits(*bits).count_of(counted));
        (counts().min().unwrap_or(0), counts().max().unwrap_or(0))
    }
}

fn score(hundredths: i64) -> Score {
    u16::try_from(hundredths).ok().and_then(Score::from_hundredths).unwrap_or(Score::MAX)
}

fn cents(cents: i64) -> Cents {
    Cents::from_cents(cents).unwrap_or(Cents::MAX)
}
