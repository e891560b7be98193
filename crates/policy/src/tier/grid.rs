//! A policy compiled to a grid: its limits cut score × balance × signals into cells with one tier each.
//!
//! Evaluation is a lookup without a branch on the data, whatever the number of rules: one table turns the
//! score into its band, one the signals into their class, and a short search the balance into its band.

use std::collections::BTreeSet;
use std::ops::Range;

use super::policy::Arm;
use super::{AssetSignals, Cents, JudgmentFacts, Score, Tier, TierPolicy};
use crate::portfolio::Portfolio;

/// A [`TierPolicy`] compiled for evaluating many judgments
///
/// Gives the same tier as [`TierPolicy::tier_of`] for every judgment.
#[derive(Debug, Clone)]
pub struct TierGrid {
    score_cuts: Vec<u16>,
    balance_cuts: Vec<i64>,
    /// The class of each of the 16 sets of signals.
    classes: [u8; 16],
    grid: Grid<u8>,
}

impl TierPolicy {
    /// Compiles the policy to a grid; takes microseconds for a policy of usual size.
    pub fn compile(&self) -> TierGrid {
        let score_cuts = score_cuts(self.score_bounds());
        let balance_cuts = balance_cuts(self.balance_bounds());
        let signals_max = self.arms().map(|(_, arm)| arm.signals_min).max().unwrap_or(0);
        let classes = signal_sets().map(|signals| signals.count_of(self.assets).min(signals_max));

        let tiers: Vec<_> = self.arms().map(|(rule, arm)| (arm, rule.tier.number())).collect();
        let grid = Grid::of_arms(&score_cuts, &balance_cuts, classes, self.fallback.number(), &tiers);
        TierGrid { score_cuts, balance_cuts, classes, grid }
    }
}

impl TierGrid {
    /// The tier of one judgment.
    pub fn tier_of(&self, facts: &JudgmentFacts) -> Tier {
        let score = facts.score.map_or(0, Score::hundredths);
        let balance = facts.balance.map_or(0, Cents::cents);
        Tier::from_low_bits(self.number_of(score, balance, facts.signals.bits()))
    }

    /// The tier number of a row of a portfolio.
    #[inline(always)]
    pub(crate) fn number_of(&self, score: u16, balance: i64, bits: u8) -> u8 {
        self.grid.code(score, balance, bits)
    }

    /// Where two policies differ
    pub(crate) fn differing(left: &TierGrid, right: &TierGrid) -> Differing {
        let bands = |cuts: Vec<u16>| ranges(&cuts, 0, Score::MAX.hundredths() + 1).collect::<Vec<_>>();
        let scores = bands(merged(&left.score_cuts, &right.score_cuts));
        let balances = merged(&left.balance_cuts, &right.balance_cuts);
        let balances: Vec<_> = ranges(&balances, 0, Cents::MAX.cents() + 1).collect();
        let mut differs = (vec![false; scores.len()], vec![false; balances.len()]);
        for bits in ClassPairs::new(left, right).bits {
            for ((balance, _), of_balance) in balances.iter().zip(&mut differs.1) {
                for ((score, _), of_score) in scores.iter().zip(&mut differs.0) {
                    if left.number_of(*score, *balance, bits) != right.number_of(*score, *balance, bits) {
                        (*of_score, *of_balance) = (true, true);
                    }
                }
            }
        }
        let kept = |differs: Vec<bool>| differs.into_iter().enumerate().filter(|(_, differs)| *differs);
        Differing {
            scores: kept(differs.0)
                .filter_map(|(band, _)| scores.get(band))
                .map(|(start, end)| *start..*end)
                .collect(),
            balances: kept(differs.1)
                .filter_map(|(band, _)| balances.get(band))
                .map(|(start, end)| *start..*end)
                .collect(),
        }
    }

    /// Tiles score × balance, for judgments with `signals`, by the tiers of two policies
    ///
    /// From the lowest balances up, and in each band of balances from the lowest scores up; neighbours with the
    /// same two tiers in one band are one cell.
    pub fn map(before: &TierGrid, after: &TierGrid, signals: AssetSignals) -> Vec<MapCell> {
        let scores = merged(&before.score_cuts, &after.score_cuts);
        let balances = merged(&before.balance_cuts, &after.balance_cuts);
        let score_end = Score::MAX.hundredths() + 1;
        let balance_end = Cents::MAX.cents() + 1;
        let mut cells: Vec<MapCell> = Vec::new();
        for (start, end) in ranges(&balances, 0, balance_end) {
            for (score_start, score_end) in ranges(&scores, 0, score_end) {
                let tier =
                    |grid: &TierGrid| Tier::from_low_bits(grid.grid.code(score_start, start, signals.bits()));
                let (before, after) = (tier(before), tier(after));
                match cells.last_mut().filter(|cell| {
                    cell.balance.start == start && cell.before == before && cell.after == after
                }) {
                    Some(cell) if cell.score.end == score_start => cell.score.end = score_end,
                    _ => cells.push(MapCell {
                        score: score_start..score_end,
                        balance: start..end,
                        before,
                        after,
                    }),
                }
            }
        }
        cells
    }

    /// The smallest judgment that loses its tier by having more: it and the one a step past it
    ///
    /// A step is a hundredth of a point, a cent or one more signal. `None` proves that there is no such judgment.
    pub fn first_drop(&self, axis: FactAxis) -> Option<(JudgmentFacts, JudgmentFacts)> {
        let mut sets = signal_sets();
        sets.sort_by_key(|signals| (signals.iter().count(), signals.bits()));
        let scores = || std::iter::once(0).chain(self.score_cuts.iter().copied());
        let balances = || std::iter::once(0).chain(self.balance_cuts.iter().copied());
        let facts = |signals: AssetSignals, balance: i64, score: u16| JudgmentFacts {
            score: Score::from_hundredths(score),
            balance: Cents::from_cents(balance),
            signals,
        };
        // Where a cell begins, everything before the limit that begins it is one step less.
        let places = sets.into_iter().flat_map(|signals| {
            balances().flat_map(move |balance| scores().map(move |score| (signals, balance, score)))
        });
        let steps = places.flat_map(|(signals, balance, score)| {
            let here = facts(signals, balance, score);
            let before: Vec<JudgmentFacts> = match axis {
                FactAxis::Score => {
                    score.checked_sub(1).map(|less| facts(signals, balance, less)).into_iter().collect()
                }
                FactAxis::Balance if balance > 0 => vec![facts(signals, balance - 1, score)],
                FactAxis::Balance => Vec::new(),
                FactAxis::Signals => signals
                    .iter()
                    .map(|signal| {
                        let fewer = AssetSignals::from_bits(signals.bits() & !signal.bit());
                        facts(fewer, balance, score)
                    })
                    .collect(),
            };
            before.into_iter().map(move |before| (before, here))
        });
        steps.into_iter().find(|(before, after)| self.tier_of(after) < self.tier_of(before))
    }

    /// The tier number of every row.
    pub fn evaluate(&self, portfolio: &Portfolio) -> Vec<u8> {
        let mut tiers = vec![0; portfolio.columns().score.len()];
        let columns = portfolio.columns();
        self.grid.codes(&columns.score, &columns.balance_cents, &columns.bits, &mut tiers);
        tiers
    }
}

/// A fact of which a judgment may have more
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactAxis {
    /// The score.
    Score,
    /// The balance.
    Balance,
    /// The number of asset signals.
    Signals,
}

/// A rectangle of score × balance in which each of two policies gives one tier
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapCell {
    /// Hundredths of a point.
    pub score: Range<u16>,
    /// Cents.
    pub balance: Range<i64>,
    /// The tier that the first policy gives.
    pub before: Tier,
    /// The tier that the second policy gives.
    pub after: Tier,
}

/// Where two policies give some judgment different tiers: scores in hundredths and balances in cents, ascending
///
/// What has its score in none of `scores`, or its balance in none of `balances`, gets the same tier from both.
#[derive(Debug)]
pub(crate) struct Differing {
    pub(crate) scores: Vec<Range<u16>>,
    pub(crate) balances: Vec<Range<i64>>,
}

/// The classes of signals that two policies tell apart together: a class is a pair of classes that some set has
struct ClassPairs {
    /// The class of each of the 16 sets of signals.
    classes: [u8; 16],
    /// Of each class, a set of signals that has it.
    bits: Vec<u8>,
}

impl ClassPairs {
    fn new(left: &TierGrid, right: &TierGrid) -> ClassPairs {
        let pairs: Vec<(u8, u8)> = left.classes.into_iter().zip(right.classes).collect();
        let mut seen: Vec<(u8, u8)> = Vec::new();
        let mut bits = Vec::new();
        let classes = signal_sets().map(|signals| {
            let pair = pairs.get(usize::from(signals.bits())).copied().unwrap_or_default();
            let class = seen.iter().position(|known| *known == pair).unwrap_or_else(|| {
                seen.push(pair);
                bits.push(signals.bits());
                seen.len() - 1
            });
            u8::try_from(class).unwrap_or(0)
        });
        ClassPairs { classes, bits }
    }
}

/// Two policies in one grid: each cell has the tier before and the tier after
pub(crate) struct JointGrid(Grid<u8>);

impl JointGrid {
    /// Rows that are evaluated at once, so that their codes stay in the nearest cache.
    pub(crate) const CHUNK: usize = 4096;

    pub(crate) fn new(before: &TierGrid, after: &TierGrid) -> JointGrid {
        let score_cuts = merged(&before.score_cuts, &after.score_cuts);
        let balance_cuts = merged(&before.balance_cuts, &after.balance_cuts);

        let pairs = ClassPairs::new(before, after);
        let mut cells =
            Vec::with_capacity(pairs.bits.len() * (score_cuts.len() + 1) * (balance_cuts.len() + 1));
        for bits in pairs.bits {
            for balance in std::iter::once(0).chain(balance_cuts.iter().copied()) {
                for score in std::iter::once(0).chain(score_cuts.iter().copied()) {
                    cells.push(
                        before.grid.code(score, balance, bits) << 2 | after.grid.code(score, balance, bits),
                    );
                }
            }
        }
        JointGrid(Grid::new(&score_cuts, &balance_cuts, pairs.classes, cells))
    }

    /// Writes `before << 2 | after` for every row.
    pub(crate) fn codes(&self, score: &[u16], balance: &[i64], bits: &[u8], codes: &mut [u8]) {
        self.0.codes(score, balance, bits, codes);
    }
}

/// Bands and cells: finds the code of a cell
#[derive(Debug, Clone)]
pub(super) struct Grid<C> {
    /// Of each score in hundredths, its band.
    score: Vec<u16>,
    balance: BalanceBands,
    /// Of each value of a portfolio's `bits`, the start of its plane of cells.
    planes: [u32; 64],
    /// Cells from one balance band to the next.
    width: u32,
    /// By signal class, balance band, score band.
    cells: Vec<C>,
}

impl<C: Copy + Default> Grid<C> {
    /// A cell has the code of the first arm that holds there, `fallback` where none does
    ///
    /// Judgments of class `n` have at least `n` signals that count.
    pub(super) fn of_arms(
        score_cuts: &[u16],
        balance_cuts: &[i64],
        classes: [u8; 16],
        fallback: C,
        arms: &[(&Arm, C)],
    ) -> Grid<C> {
        let (width, height) = (score_cuts.len() + 1, balance_cuts.len() + 1);
        let planes = usize::from(classes.into_iter().max().unwrap_or(0)) + 1;
        let mut cells = vec![fallback; width * height * planes];
        // From the last arm to the first, so that what stands in the end is the first that holds.
        for (arm, code) in arms.iter().rev() {
            let rectangle = Rectangle::of(arm, score_cuts, balance_cuts);
            for plane in cells.chunks_mut(width * height).skip(usize::from(arm.signals_min)) {
                rectangle.fill(plane, width, *code);
            }
        }
        Grid::new(score_cuts, balance_cuts, classes, cells)
    }

    fn new(score_cuts: &[u16], balance_cuts: &[i64], classes: [u8; 16], cells: Vec<C>) -> Grid<C> {
        let width = small(score_cuts.len() + 1);
        let plane = width * small(balance_cuts.len() + 1);
        // Whole bands at once: a policy is compiled on every step of a slider.
        let mut score = Vec::new();
        for (band, cut) in (0..).zip(score_cuts) {
            score.resize(usize::from(*cut), band);
        }
        score.resize(usize::from(Score::MAX.hundredths()) + 1, score_cuts.len() as u16);
        let mut planes = [0; 64];
        // Bits 0x10 and 0x20 say that a fact is missing, which the values 0 say already.
        for (start, class) in planes.iter_mut().zip(classes.into_iter().cycle()) {
            *start = plane * u32::from(class);
        }
        Grid { score, balance: BalanceBands::new(balance_cuts), planes, width, cells }
    }

    #[inline(always)]
    pub(super) fn code(&self, score: u16, balance: i64, bits: u8) -> C {
        self.code_searching(score, balance, bits, self.balance.crowd)
    }

    #[inline(always)]
    fn code_searching(&self, score: u16, balance: i64, bits: u8, crowd: usize) -> C {
        self.code_at(self.score_band(score), self.balance.band(balance, crowd), bits)
    }

    #[inline(always)]
    pub(super) fn code_at(&self, score_band: u32, balance_band: u32, bits: u8) -> C {
        let plane = self.planes.get(usize::from(bits & 63)).copied().unwrap_or(0);
        let cell = plane + balance_band * self.width + score_band;
        self.cells.get(cell as usize).copied().unwrap_or_default()
    }

    /// The place of a score among the cuts: how many lie at or below it.
    #[inline(always)]
    pub(super) fn score_band(&self, score: u16) -> u32 {
        u32::from(self.score.get(usize::from(score)).copied().unwrap_or(0))
    }

    /// The place of a balance among the cuts.
    #[inline(always)]
    pub(super) fn balance_band(&self, balance: i64) -> u32 {
        self.balance.band(balance, self.balance.crowd)
    }
}

impl Grid<u8> {
    fn codes(&self, score: &[u16], balance: &[i64], bits: &[u8], codes: &mut [u8]) {
        // Nearly every policy has at most one limit in a bucket: that loop has no inner one.
        match self.balance.crowd {
            0 | 1 => self.codes_searching(score, balance, bits, codes, 1),
            2 => self.codes_searching(score, balance, bits, codes, 2),
            crowd => self.codes_searching(score, balance, bits, codes, crowd),
        }
    }

    #[inline(always)]
    fn codes_searching(&self, score: &[u16], balance: &[i64], bits: &[u8], codes: &mut [u8], crowd: usize) {
        for (((code, score), balance), bits) in codes.iter_mut().zip(score).zip(balance).zip(bits) {
            *code = self.code_searching(*score, *balance, *bits, crowd);
        }
    }
}

/// The cells of score × balance that an arm covers
pub(super) struct Rectangle {
    score_bands: Range<usize>,
    balance_bands: Range<usize>,
}

impl Rectangle {
    pub(super) fn of(arm: &Arm, score_cuts: &[u16], balance_cuts: &[i64]) -> Rectangle {
        Rectangle {
            score_bands: bands(score_cuts, arm.score.from, arm.score.below, |cut| i64::from(*cut)),
            balance_bands: bands(balance_cuts, arm.balance.from, arm.balance.below, |cut| *cut),
        }
    }

    /// `cells` lie by balance band, `width` score bands in each.
    pub(super) fn fill<C: Copy>(&self, cells: &mut [C], width: usize, code: C) {
        for row in cells.chunks_mut(width).take(self.balance_bands.end).skip(self.balance_bands.start) {
            row.get_mut(self.score_bands.clone()).unwrap_or_default().fill(code);
        }
    }
}

/// Finds how many cuts lie at or below a balance
///
/// Balances fall into buckets, 64 for each power of two, as the leading digits of a float would have it. Of
/// each bucket the table knows how many cuts lie at or below its least balance; only the cuts inside it are
/// left to compare.
#[derive(Debug, Clone)]
struct BalanceBands {
    /// Of each bucket, the number of cuts at or below its least balance.
    start: Vec<u16>,
    /// The cuts, ascending, then `crowd` that no balance reaches.
    cuts: Vec<i64>,
    /// The most cuts inside one bucket.
    crowd: usize,
}

impl BalanceBands {
    fn new(cuts: &[i64]) -> BalanceBands {
        let mut start = Vec::new();
        let mut crowd = 0;
        let mut crowding = (0, 0);
        for (band, cut) in (0..).zip(cuts) {
            let bucket_of_cut = bucket(*cut);
            // A cut on the least balance of its bucket counts for the whole bucket.
            let is_inside = *cut > 0 && bucket(*cut - 1) == bucket_of_cut;
            start.resize(start.len().max(bucket_of_cut + usize::from(is_inside)), band);
            if is_inside {
                let (last, count) = crowding;
                crowding = (bucket_of_cut, if last == bucket_of_cut { count + 1 } else { 1 });
                crowd = crowd.max(crowding.1);
            }
        }
        start.resize(bucket(Cents::MAX.cents()) + 2, cuts.len() as u16);
        let beyond = std::iter::repeat_n(i64::MAX, crowd.max(2));
        BalanceBands { start, cuts: cuts.iter().copied().chain(beyond).collect(), crowd }
    }

    #[inline(always)]
    fn band(&self, balance: i64, crowd: usize) -> u32 {
        let start = u32::from(self.start.get(bucket(balance)).copied().unwrap_or(0));
        (0..crowd).fold(start, |band, next| {
            let cut = self.cuts.get(start as usize + next).copied().unwrap_or(i64::MAX);
            band + u32::from(balance >= cut)
        })
    }
}

/// The bucket of a balance: exact below 128 cents, then 64 to each power of two
#[inline(always)]
fn bucket(balance: i64) -> usize {
    let shift = 57 - (balance | 64).leading_zeros();
    ((shift << 6) + (balance >> shift) as u32) as usize
}

/// The shelf on which a balance lies when balances are put in order: near ones share one
#[inline(always)]
pub(crate) fn balance_shelf(balance: i64) -> usize {
    bucket(balance)
}

/// How many such shelves there are
pub(crate) fn balance_shelves() -> usize {
    bucket(Cents::MAX.cents()) + 1
}

pub(super) fn signal_sets() -> [AssetSignals; 16] {
    std::array::from_fn(|bits| AssetSignals::from_bits(bits as u8))
}

/// A bound of 0 cuts nothing off.
pub(super) fn score_cuts(bounds: BTreeSet<i64>) -> Vec<u16> {
    bounds.into_iter().filter(|bound| *bound > 0).filter_map(|bound| u16::try_from(bound).ok()).collect()
}

pub(super) fn balance_cuts(bounds: BTreeSet<i64>) -> Vec<i64> {
    bounds.into_iter().filter(|bound| *bound > 0).collect()
}

/// The bands that a range covers
fn bands<T>(cuts: &[T], from: Option<i64>, below: Option<i64>, value: impl Fn(&T) -> i64) -> Range<usize> {
    let band = |bound: i64| cuts.partition_point(|cut| value(cut) <= bound);
    from.map_or(0, band)..below.map_or(cuts.len() + 1, band)
}

/// What `cuts` divide `start..end` into.
fn ranges<T: Copy>(cuts: &[T], start: T, end: T) -> impl Iterator<Item = (T, T)> {
    let starts = std::iter::once(start).chain(cuts.iter().copied());
    starts.zip(cuts.iter().copied().chain(std::iter::once(end)))
}

fn merged<T: Copy + Ord>(left: &[T], right: &[T]) -> Vec<T> {
    left.iter().chain(right).copied().collect::<BTreeSet<T>>().into_iter().collect()
}

/// Counts of cells: the caps on policies keep them far below `u32::MAX`.
fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_ascend_without_a_hole() {
        let mut last = 0;
        let mut balance: i64 = 0;
        while balance <= Cents::MAX.cents() {
            let next = bucket(balance);
            assert!(next == last || next == last + 1, "{balance}: {last} then {next}");
            last = next;
            balance += (balance / 200).max(1);
        }
    }

    #[test]
    fn a_band_counts_the_cuts_at_or_below() {
        for cuts in
            [vec![], vec![1, 2, 3], vec![100_000, 100_001, 100_200, 5_000_000], vec![Cents::MAX.cents()]]
        {
            let bands = BalanceBands::new(&cuts);
            let around = cuts.iter().flat_map(|cut| [cut - 1, *cut, cut + 1]).chain([0, 127, 128, 129]);
            for balance in around.filter(|balance| (0..=Cents::MAX.cents()).contains(balance)) {
                let expect = cuts.iter().filter(|cut| **cut <= balance).count();
                assert_eq!(bands.band(balance, bands.crowd), small(expect), "{balance} in {cuts:?}");
            }
        }
    }

    #[test]
    fn the_grid_gives_the_tier_of_the_rules_at_every_limit() {
        for policy in [TierPolicy::revision_1(), TierPolicy::monotone_draft()] {
            let grid = policy.compile();
            for facts in policy.boundary_facts() {
                assert_eq!(grid.tier_of(&facts), policy.tier_of(&facts), "{facts:?}");
            }
        }
    }
}
