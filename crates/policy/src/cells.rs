//! The cells into which limits cut score × balance × asset signals, in each of which a policy gives one tier.
//!
//! [`Axes`] are made of one policy or of several at once: what holds in each cell then holds for every judgment
//! that there could be. The analyses and the studies ask nothing but cells.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::slice;

use crate::portfolio::Portfolio;
use crate::tier::{
    Arm, AssetSignals, Cents, JudgmentFacts, Score, Span, Tier, TierPolicy, TierRuleDocument, decimal,
};

/// The bands of one fact, from 0 to its largest value, in hundredths of a point or cents
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    /// Where each band begins, ascending, the first at 0.
    pub(crate) starts: Vec<i64>,
    max: i64,
}

impl Axis {
    fn new(bounds: &BTreeSet<i64>, max: i64) -> Axis {
        let inside = bounds.iter().copied().filter(|bound| (1..=max).contains(bound));
        Axis { starts: std::iter::once(0).chain(inside).collect(), max }
    }

    /// How many bands there are, at least one.
    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The band that begins at `bound`, which must be one of the axis; the number of bands where it is beyond all.
    pub(crate) fn at(&self, bound: i64) -> usize {
        self.starts.partition_point(|start| *start < bound)
    }

    /// The band in which `value` lies, from 0.
    pub(crate) fn band(&self, value: i64) -> usize {
        self.starts.partition_point(|start| *start <= value).saturating_sub(1)
    }

    /// The bands that a span covers, whose bounds must be among those of the axis or outside of it.
    pub(crate) fn bands(&self, span: Span) -> Range<usize> {
        let below = span.below.map_or(self.len(), |below| self.at(below));
        // A span whose bounds cross holds nowhere.
        span.from.map_or(0, |from| self.at(from)).min(below)..below
    }

    /// The smallest value of a band.
    pub(crate) fn first(&self, band: usize) -> i64 {
        self.starts.get(band).copied().unwrap_or(self.max)
    }

    /// The largest value of a band.
    pub(crate) fn last(&self, band: usize) -> i64 {
        self.starts.get(band + 1).map_or(self.max, |next| next - 1)
    }

    /// Band and distance of `value`'s own band and of those beyond it, nearest first.
    pub(crate) fn outward(&self, value: i64, way: Way) -> impl Iterator<Item = (usize, i64)> {
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
pub(crate) enum Way {
    Up,
    Down,
}

impl Way {
    pub(crate) const BOTH: [Way; 2] = [Way::Up, Way::Down];

    /// `distance` as a difference.
    pub(crate) fn signed(self, distance: i64) -> i64 {
        match self {
            Way::Up => distance,
            Way::Down => -distance,
        }
    }
}

/// Sets of signals that no policy in question tells apart
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plane {
    /// Of each of the 16 sets, whether it is one of them.
    pub(crate) sets: u16,
    /// The one with the lowest bits.
    pub(crate) smallest: AssetSignals,
}

/// How the limits of one or more policies cut up all judgments
///
/// A cell is a plane, a row (balance) and a column (score); cells are numbered in this order, so that the
/// first of several cells has the fewest signals, then the smallest balance, then the smallest score.
#[derive(Debug)]
pub(crate) struct Axes {
    pub(crate) score: Axis,
    pub(crate) balance: Axis,
    /// Of one policy, ascending numbers of its asset signals, the last being as many as any arm asks for or more.
    pub(crate) planes: Vec<Plane>,
    /// The asset signals, where planes are ascending numbers of them: of which, if policies use any, all
    /// count the same.
    pub(crate) counted: Option<AssetSignals>,
    /// The first cell of the plane of each of the 16 sets.
    plane_starts: [usize; 16],
}

impl Axes {
    pub(crate) fn of(tables: &[Table]) -> Axes {
        let (mut scores, mut balances) = (BTreeSet::new(), BTreeSet::new());
        // What counts, and up to which number, where a table looks at signals.
        let mut counting: Vec<(AssetSignals, u8)> = Vec::new();
        for table in tables {
            let mut signals_max = 0;
            for (_, arm) in &table.arms {
                scores.extend(arm.score.bounds());
                balances.extend(arm.balance.bounds());
                signals_max = arm.signals_min.max(signals_max);
            }
            let counts = (table.assets, signals_max);
            if signals_max > 0 && !counting.contains(&counts) {
                counting.push(counts);
            }
        }
        let mut planes: Vec<(Vec<u8>, Plane)> = Vec::new();
        let plane_of: [usize; 16] = std::array::from_fn(|bits| {
            let signals = AssetSignals::from_bits(bits as u8);
            let class: Vec<u8> =
                counting.iter().map(|(assets, max)| signals.count_of(*assets).min(*max)).collect();
            let known = planes.iter().position(|(known, _)| *known == class);
            let place = known.unwrap_or(planes.len());
            match planes.get_mut(place) {
                Some((_, plane)) => plane.sets |= 1 << bits,
                None => planes.push((class, Plane { sets: 1 << bits, smallest: signals })),
            }
            place
        });
        let mut assets = counting.iter().map(|(assets, _)| *assets);
        let first = assets.next().or(tables.first().map(|table| table.assets)).unwrap_or_default();
        let score = Axis::new(&scores, i64::from(Score::MAX.hundredths()));
        let balance = Axis::new(&balances, Cents::MAX.cents());
        Axes {
            plane_starts: plane_of.map(|plane| plane * balance.len() * score.len()),
            score,
            balance,
            planes: planes.into_iter().map(|(_, plane)| plane).collect(),
            counted: assets.all(|other| other == first).then_some(first),
        }
    }

    pub(crate) fn width(&self) -> usize {
        self.score.len()
    }

    pub(crate) fn height(&self) -> usize {
        self.balance.len()
    }

    pub(crate) fn cells(&self) -> usize {
        self.width() * self.height() * self.planes.len()
    }

    pub(crate) fn cell(&self, plane: usize, row: usize, column: usize) -> usize {
        (plane * self.height() + row) * self.width() + column
    }

    /// Some cells beside each other.
    pub(crate) fn line(&self, plane: usize, row: usize, columns: Range<usize>) -> Range<usize> {
        let first = self.cell(plane, row, 0);
        first + columns.start..first + columns.end
    }

    /// Plane, row and column of a cell.
    pub(crate) fn place(&self, cell: usize) -> [usize; 3] {
        let (line, column) = (cell / self.width(), cell % self.width());
        [line / self.height(), line % self.height(), column]
    }

    /// The cell of a row of a portfolio.
    #[inline]
    pub(crate) fn cell_of(&self, row: &Row) -> usize {
        let start = self.plane_starts.get(usize::from(row.bits & 15)).copied().unwrap_or(0);
        start + row.place.balance * self.width() + row.place.score
    }

    /// The smallest judgment of a cell.
    pub(crate) fn smallest(&self, cell: usize) -> JudgmentFacts {
        let [plane, row, column] = self.place(cell);
        JudgmentFacts {
            score: u16::try_from(self.score.first(column)).ok().and_then(Score::from_hundredths),
            balance: Cents::from_cents(self.balance.first(row)),
            signals: self.planes.get(plane).map(|plane| plane.smallest).unwrap_or_default(),
        }
    }

    /// Of each cell, the arm that decides, numbered over all rules; the number of arms where the fallback does
    pub(crate) fn deciders(&self, table: &Table) -> Vec<u16> {
        let arms = (0..).zip(&table.arms).map(|(number, (_, arm))| (number, arm));
        self.painted(table, arms.collect(), table.arms.len() as u16)
    }

    /// Of each cell, the tier
    pub(crate) fn tiers(&self, table: &Table) -> Vec<Tier> {
        self.painted(table, table.arms.iter().map(|(tier, arm)| (*tier, arm)).collect(), table.fallback)
    }

    /// What stands beside the first arm that holds in each cell; the axes must know every bound of the table.
    fn painted<T: Copy>(&self, table: &Table, arms: Vec<(T, &Arm)>, fallback: T) -> Vec<T> {
        let mut cells = vec![fallback; self.cells()];
        // From the last arm to the first, so that what stands in the end is the first that holds.
        for (value, arm) in arms.into_iter().rev() {
            let (rows, columns) = (self.balance.bands(arm.balance), self.score.bands(arm.score));
            for (place, plane) in self.planes.iter().enumerate() {
                if plane.smallest.count_of(table.assets) < arm.signals_min {
                    continue;
                }
                for row in rows.clone() {
                    let line = self.line(place, row, columns.clone());
                    cells.get_mut(line).unwrap_or_default().fill(value);
                }
            }
        }
        cells
    }

    /// One row of a portfolio with its place.
    pub(crate) fn row(&self, portfolio: &Portfolio, row: u32) -> Option<Row> {
        let columns = portfolio.columns();
        let place = usize::try_from(row).ok()?;
        let score = i64::from(*columns.score.get(place)?);
        let balance_cents = *columns.balance_cents.get(place)?;
        let bits = *columns.bits.get(place)?;
        let place = Place { score: self.score.band(score), balance: self.balance.band(balance_cents) };
        Some(Row { row, score, balance_cents, bits, place })
    }

    /// Every row of a portfolio with its place, in the order of the rows.
    pub(crate) fn rows<'a>(&'a self, portfolio: &'a Portfolio) -> impl Iterator<Item = Row> + 'a {
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
pub(crate) struct Place {
    pub(crate) score: usize,
    pub(crate) balance: usize,
}

/// A row of a portfolio
pub(crate) struct Row {
    pub(crate) row: u32,
    /// Hundredths; 0 where missing.
    pub(crate) score: i64,
    /// 0 where missing.
    pub(crate) balance_cents: i64,
    /// As in [`PortfolioColumns`](crate::portfolio::PortfolioColumns).
    pub(crate) bits: u8,
    pub(crate) place: Place,
}

/// What a policy decides, without its names
///
/// Unlike a [`TierPolicy`] it need not be valid: an arm whose bounds cross, or which asks for more signals
/// than count as assets, holds for no judgment.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    arms: Vec<(Tier, Arm)>,
    assets: AssetSignals,
    fallback: Tier,
}

impl Table {
    pub(crate) fn of(policy: &TierPolicy) -> Table {
        let arms = policy.arms().map(|(rule, arm)| (rule.tier, *arm)).collect();
        Table { arms, assets: policy.assets, fallback: policy.fallback }
    }

    /// The tier of a decider, as [`Axes::deciders`] numbers them.
    pub(crate) fn tier(&self, decider: u16) -> Tier {
        self.arms.get(usize::from(decider)).map_or(self.fallback, |(tier, _)| *tier)
    }

    /// Reads rules of valid policies; `limit` gives the value of each name.
    pub(crate) fn from_rules<'a>(
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
}

/// The values of limits by name; of a name that comes twice the last one counts
pub(crate) fn limit_values<'a>(
    limits: impl Iterator<Item = (&'a String, &'a String)>,
) -> BTreeMap<&'a str, i64> {
    let mut values = BTreeMap::new();
    for (name, value) in limits {
        values.extend(literal(value).map(|value| (name.as_str(), value)));
    }
    values
}

/// A bound that is no name, in hundredths
pub(crate) fn literal(text: &str) -> Option<i64> {
    if decimal::is_decimal(text) { text.parse::<Cents>().ok().map(Cents::cents) } else { None }
}

/// One policy with the tier of every cell
pub(crate) struct Painted {
    pub(crate) axes: Axes,
    assets: AssetSignals,
    fallback: Tier,
    tiers: Vec<Tier>,
    /// The first cell of each number of signals.
    plane_starts: [usize; 5],
}

impl Painted {
    pub(crate) fn of(policy: &TierPolicy) -> Painted {
        let table = Table::of(policy);
        let axes = Axes::of(slice::from_ref(&table));
        let tiers = axes.tiers(&table);
        let plane_starts = std::array::from_fn(|signals| axes.cell(signals.min(axes.planes.len() - 1), 0, 0));
        Painted { axes, assets: table.assets, fallback: table.fallback, tiers, plane_starts }
    }

    /// The largest number of signals that a judgment can have.
    pub(crate) fn signals_max(&self) -> u8 {
        self.assets.count_of(self.assets)
    }

    /// The signals that count.
    pub(crate) fn assets(&self) -> AssetSignals {
        self.assets
    }

    /// The number of signals that count among the four low bits.
    #[inline]
    pub(crate) fn signals(&self, bits: u8) -> u8 {
        AssetSignals::from_bits(bits).count_of(self.assets)
    }

    /// The tier of a place with so many signals.
    #[inline]
    pub(crate) fn tier(&self, place: Place, signals: u8) -> Tier {
        let start = self.plane_starts.get(usize::from(signals)).copied().unwrap_or(0);
        let cell = start + place.balance * self.axes.width() + place.score;
        self.tiers.get(cell).copied().unwrap_or(self.fallback)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn policy(seed: u64) -> TierPolicy {
        TierPolicy::try_from(sample::policy_document(seed)).unwrap()
    }

    fn place(axes: &Axes, facts: &JudgmentFacts) -> Place {
        Place {
            score: axes.score.band(facts.compared_score()),
            balance: axes.balance.band(facts.compared_balance()),
        }
    }

    #[test]
    fn painted_cells_give_the_tier_of_the_rules_on_both_sides_of_every_bound() {
        for policy in (0..60).map(policy) {
            let painted = Painted::of(&policy);
            for facts in policy.boundary_facts() {
                let signals = painted.signals(facts.signals.bits());
                let tier = painted.tier(place(&painted.axes, &facts), signals);
                assert_eq!(tier, policy.tier_of(&facts), "{facts:?}");
            }
        }
    }

    #[test]
    fn cells_of_several_policies_give_the_tier_of_each() {
        for seed in 0..60 {
            let policies = [policy(seed), policy(seed + 1), policy(seed + 2)];
            let tables = policies.each_ref().map(Table::of);
            let axes = Axes::of(&tables);
            for (policy, table) in policies.iter().zip(&tables) {
                let (tiers, deciders) = (axes.tiers(table), axes.deciders(table));
                for facts in policies.iter().flat_map(TierPolicy::boundary_facts) {
                    let row = Row {
                        row: 0,
                        score: facts.compared_score(),
                        balance_cents: facts.compared_balance(),
                        bits: facts.signals.bits(),
                        place: place(&axes, &facts),
                    };
                    let cell = axes.cell_of(&row);
                    assert_eq!(tiers.get(cell), Some(&policy.tier_of(&facts)), "{facts:?}");
                    let decider = deciders.get(cell).map(|decider| table.tier(*decider));
                    assert_eq!(decider, Some(policy.tier_of(&facts)), "{facts:?}");
                }
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
        let axes = Axes::of(slice::from_ref(&table));
        assert_eq!((axes.score.len(), axes.balance.len()), (2, 2));
        assert_eq!(axes.tiers(&table).first(), Some(&Tier::StrategicPriority));
    }
}
