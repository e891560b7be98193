//! The cells into which limits cut the facts: what policies give in them, and what a portfolio has in them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::portfolio::Portfolio;
use crate::tier::{Arm, AssetSignals, Cents, Score, Span, Tier, TierPolicy, TierRuleDocument, decimal};

/// The bands of one fact, ascending; values are hundredths of a point or cents
pub(super) struct Axis {
    /// The least value of each band; the first is 0.
    firsts: Vec<i64>,
    max: i64,
}

impl Axis {
    fn new(bounds: &BTreeSet<i64>, max: i64) -> Axis {
        let inside = bounds.iter().copied().filter(|bound| (1..=max).contains(bound));
        Axis { firsts: std::iter::once(0).chain(inside).collect(), max }
    }

    /// How many bands there are, at least one.
    pub(super) fn len(&self) -> usize {
        self.firsts.len()
    }

    /// The band of a value from 0.
    pub(super) fn band(&self, value: i64) -> usize {
        self.firsts.partition_point(|first| *first <= value).saturating_sub(1)
    }

    /// The least value of a band.
    pub(super) fn first(&self, band: usize) -> i64 {
        self.firsts.get(band).copied().unwrap_or(self.max)
    }

    /// The largest value of a band.
    pub(super) fn last(&self, band: usize) -> i64 {
        self.firsts.get(band + 1).map_or(self.max, |next| next - 1)
    }

    /// The bands that a span covers, whose bounds must be among the bounds of the axis or outside of it.
    fn covered(&self, span: Span) -> Range<usize> {
        let bands_below = |bound: i64| self.firsts.partition_point(|first| *first < bound);
        let below = span.below.map_or(self.len(), bands_below);
        // A span whose bounds cross holds nowhere.
        span.from.map_or(0, bands_below).min(below)..below
    }

    /// Band and distance of `value`'s own band and of those beyond it, nearest first.
    pub(super) fn outward(&self, value: i64, way: Way) -> impl Iterator<Item = (usize, i64)> {
        let own = self.band(value);
        let (up, down) = match way {
            Way::Up => (own + 1..self.len(), 0..0),
            Way::Down => (0..0, 0..own),
        };
        let up = up.map(move |band| (band, self.first(band) - value));
        let down = down.rev().map(move |band| (band, value - self.last(band)));
        std::iter::once((own, 0)).chain(up).chain(down)
    }
}

/// The two ways in which a value can go
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Up,
    Down,
}

impl Way {
    pub(super) const BOTH: [Way; 2] = [Way::Up, Way::Down];

    /// `distance` as a difference.
    pub(super) fn signed(self, distance: i64) -> i64 {
        match self {
            Way::Up => distance,
            Way::Down => -distance,
        }
    }
}

/// Where the bounds of some tables cut scores and balances
pub(super) struct Axes {
    pub(super) score: Axis,
    pub(super) balance: Axis,
}

impl Axes {
    pub(super) fn of<'a>(tables: impl IntoIterator<Item = &'a Table>) -> Axes {
        let (mut scores, mut balances) = (BTreeSet::new(), BTreeSet::new());
        for (_, arm) in tables.into_iter().flat_map(|table| &table.arms) {
            scores.extend([arm.score.from, arm.score.below].into_iter().flatten());
            balances.extend([arm.balance.from, arm.balance.below].into_iter().flatten());
        }
        Axes {
            score: Axis::new(&scores, i64::from(Score::MAX.hundredths())),
            balance: Axis::new(&balances, Cents::MAX.cents()),
        }
    }

    /// One row of a portfolio with its place.
    pub(super) fn row(&self, portfolio: &Portfolio, row: u32) -> Option<Row> {
        let columns = portfolio.columns();
        let place = usize::try_from(row).ok()?;
        let score = i64::from(*columns.score.get(place)?);
        let balance_cents = *columns.balance_cents.get(place)?;
        let bits = *columns.bits.get(place)?;
        let place = Place { score: self.score.band(score), balance: self.balance.band(balance_cents) };
        Some(Row { row, score, balance_cents, bits, place })
    }

    /// Every row of a portfolio with its place, in the order of the rows.
    pub(super) fn rows<'a>(&'a self, portfolio: &'a Portfolio) -> impl Iterator<Item = Row> + 'a {
        let columns = portfolio.columns();
        let facts = columns.score.iter().zip(&columns.balance_cents).zip(&columns.bits);
        let score_bands: Vec<u16> = (0..=self.score.max).map(|score| self.score.band(score) as u16).collect();
        (0..).zip(facts).map(move |(row, ((score, balance), bits))| Row {
            row,
            score: i64::from(*score),
            balance_cents: *balance,
            bits: *bits,
            place: Place {
                score: score_bands.get(usize::from(*score)).copied().map_or(0, usize::from),
                balance: self.balance.band(*balance),
            },
        })
    }
}

/// A cell but for its signals: bands of score and balance
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) score: usize,
    pub(super) balance: usize,
}

/// A row of a portfolio
pub(super) struct Row {
    pub(super) row: u32,
    /// Hundredths; 0 where missing.
    pub(super) score: i64,
    /// 0 where missing.
    pub(super) balance_cents: i64,
    /// As in [`PortfolioColumns`](crate::portfolio::PortfolioColumns).
    pub(super) bits: u8,
    pub(super) place: Place,
}

/// What a policy decides, without its names
///
/// Unlike a [`TierPolicy`] it need not be valid: an arm whose bounds cross, or which asks for more signals
/// than count as assets, holds for no judgment.
#[derive(Debug, Clone)]
pub(super) struct Table {
    arms: Vec<(Tier, Arm)>,
    assets: AssetSignals,
    fallback: Tier,
}

impl Table {
    pub(super) fn of(policy: &TierPolicy) -> Table {
        let arms = policy.arms().map(|(rule, arm)| (rule.tier, *arm)).collect();
        Table { arms, assets: policy.assets, fallback: policy.fallback }
    }

    /// Reads rules of valid policies; `limit` gives the value of each name.
    pub(super) fn from_rules<'a>(
        rules: impl IntoIterator<Item = &'a TierRuleDocument>,
        assets: AssetSignals,
        fallback: Tier,
        limit: impl Fn(&str) -> i64,
    ) -> Table {
        let bound =
            |text: &Option<String>| text.as_deref().map(|text| literal(text).unwrap_or_else(|| limit(text)));
        let arms = rules
            .into_iter()
            .flat_map(|rule| rule.any.iter().map(move |arm| (rule.tier, arm)))
            .map(|(tier, arm)| {
                let score = Span { from: bound(&arm.score_from), below: bound(&arm.score_below) };
                let balance = Span { from: bound(&arm.balance_from), below: bound(&arm.balance_below) };
                (tier, Arm { score, balance, signals_min: arm.signals_min.unwrap_or(0) })
            })
            .collect();
        Table { arms, assets, fallback }
    }

    /// Finds the tier of every cell; `axes` must know every bound of the table.
    pub(super) fn paint(&self, axes: &Axes) -> Painted {
        let (width, height) = (axes.score.len(), axes.balance.len());
        let signals = self.assets.count_of(self.assets);
        let mut cells = vec![self.fallback; width * height * (usize::from(signals) + 1)];
        // From the last arm to the first, so that what stands in the end is the first that holds.
        for (tier, arm) in self.arms.iter().rev() {
            let (columns, rows) = (axes.score.covered(arm.score), axes.balance.covered(arm.balance));
            for plane in cells.chunks_mut(width * height).skip(usize::from(arm.signals_min)) {
                for row in plane.chunks_mut(width).take(rows.end).skip(rows.start) {
                    row.get_mut(columns.clone()).unwrap_or_default().fill(*tier);
                }
            }
        }
        Painted { width, height, assets: self.assets, fallback: self.fallback, cells }
    }
}

/// The values of limits by name; of a name that comes twice the last one counts
pub(super) fn limit_values<'a>(
    limits: impl Iterator<Item = (&'a String, &'a String)>,
) -> BTreeMap<&'a str, i64> {
    let mut values = BTreeMap::new();
    for (name, value) in limits {
        values.extend(literal(value).map(|value| (name.as_str(), value)));
    }
    values
}

/// A bound that is no name, in hundredths
pub(super) fn literal(text: &str) -> Option<i64> {
    if decimal::is_decimal(text) { text.parse::<Cents>().ok().map(Cents::cents) } else { None }
}

/// The tier of every cell
pub(super) struct Painted {
    width: usize,
    height: usize,
    assets: AssetSignals,
    fallback: Tier,
    /// By number of signals, balance band, score band.
    cells: Vec<Tier>,
}

impl Painted {
    /// The largest number of signals that a judgment can have.
    pub(super) fn signals_max(&self) -> u8 {
        self.assets.count_of(self.assets)
    }

    /// The signals that count.
    pub(super) fn assets(&self) -> AssetSignals {
        self.assets
    }

    /// The number of signals that count among the four low bits.
    #[inline]
    pub(super) fn signals(&self, bits: u8) -> u8 {
        AssetSignals::from_bits(bits).count_of(self.assets)
    }

    /// The tier of a cell.
    #[inline]
    pub(super) fn tier(&self, place: Place, signals: u8) -> Tier {
        let cell = (usize::from(signals) * self.height + place.balance) * self.width + place.score;
        self.cells.get(cell).copied().unwrap_or(self.fallback)
    }

    /// The tier of a row.
    #[inline]
    pub(super) fn tier_of(&self, row: &Row) -> Tier {
        self.tier(row.place, self.signals(row.bits))
    }
}

/// Puts pairs in order
///
/// Whatever the studies sort, they sort as pairs of a key and a place: one copy of a sorting algorithm instead of
/// many, which matters to what browsers download.
#[inline(never)]
pub(super) fn sort(pairs: &mut [(i64, u64)]) {
    pairs.sort_unstable();
}

/// The judgments of a portfolio in one cell
#[derive(Debug, Clone, Copy)]
pub(super) struct Crowd {
    pub(super) place: Place,
    /// The four low bits.
    pub(super) signals: u8,
    pub(super) count: i64,
    pub(super) balance_cents: i64,
}

/// Counts a portfolio by cell and set of signals; gives the cells that are not empty.
pub(super) fn crowds(axes: &Axes, portfolio: &Portfolio) -> Vec<Crowd> {
    let (width, height) = (axes.score.len(), axes.balance.len());
    let mut cells = vec![(0_i64, 0_i64); width * height * 16];
    for row in axes.rows(portfolio) {
        let cell = (usize::from(row.bits & 15) * height + row.place.balance) * width + row.place.score;
        if let Some((count, cents)) = cells.get_mut(cell) {
            *count += 1;
            *cents += row.balance_cents;
        }
    }
    (0..)
        .zip(cells)
        .filter(|(_, (count, _))| *count > 0)
        .map(|(cell, (count, balance_cents)): (usize, _)| Crowd {
            place: Place { score: cell % width, balance: cell / width % height },
            signals: (cell / (width * height)) as u8,
            count,
            balance_cents,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn the_painted_cells_give_the_tier_of_the_rules_on_both_sides_of_every_bound() {
        for seed in 0..60 {
            let policy = TierPolicy::try_from(sample::policy_document(seed)).unwrap();
            let table = Table::of(&policy);
            let axes = Axes::of([&table]);
            let painted = table.paint(&axes);
            for facts in policy.boundary_facts() {
                let place = Place {
                    score: axes.score.band(facts.compared_score()),
                    balance: axes.balance.band(facts.compared_balance()),
                };
                let signals = painted.signals(facts.signals.bits());
                assert_eq!(painted.tier(place, signals), policy.tier_of(&facts), "{facts:?}");
            }
        }
    }

    #[test]
    fn crossed_bounds_hold_nowhere() {
        let policy = TierPolicy::revision_1();
        let document = policy.document();
        let limit = |name: &str| match name {
            "score_2" => i64::MAX,
            "score_3" => i64::MIN,
            _ => 5_000,
        };
        let table = Table::from_rules(&document.rules, AssetSignals::default(), Tier::Monitor, limit);
        let axes = Axes::of([&table]);
        assert_eq!((axes.score.len(), axes.balance.len()), (2, 2));
        let tier = table.paint(&axes).tier(Place { score: 0, balance: 0 }, 0);
        assert_eq!(tier, Tier::StrategicPriority);
    }
}
