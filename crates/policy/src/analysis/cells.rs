//! Cells of one policy or of several at once, and boxes of like cells.

use std::ops::Range;

use super::sorted;
use crate::tier::{Arm, AssetSignals, Cents, JudgmentFacts, Score, Span, Tier, TierPolicy};

/// The bands of one fact, from 0 to its largest value
#[derive(Debug, Clone)]
pub(super) struct Axis {
    /// Where each band begins, ascending, the first at 0.
    pub(super) starts: Vec<i64>,
    max: i64,
}

impl Axis {
    fn new(bounds: impl Iterator<Item = i64>, max: i64) -> Axis {
        let mut starts = vec![0];
        for bound in bounds {
            sorted::insert(&mut starts, bound);
        }
        Axis { starts, max }
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The band that begins at `bound`, which must be one of the axis.
    pub(super) fn at(&self, bound: i64) -> usize {
        self.starts.partition_point(|start| *start < bound)
    }

    /// The band in which `value` lies.
    pub(super) fn band(&self, value: i64) -> usize {
        self.starts.partition_point(|start| *start <= value).saturating_sub(1)
    }

    /// The bands that a range covers.
    pub(super) fn bands(&self, span: Span) -> Range<usize> {
        span.from.map_or(0, |from| self.at(from))..span.below.map_or(self.len(), |below| self.at(below))
    }

    /// The smallest value of a band.
    pub(super) fn first(&self, band: usize) -> i64 {
        self.starts.get(band).copied().unwrap_or(self.max)
    }

    /// The largest value of a band.
    pub(super) fn last(&self, band: usize) -> i64 {
        self.starts.get(band + 1).map_or(self.max, |next| next - 1)
    }
}

/// Sets of signals that no policy in question tells apart
#[derive(Debug, Clone, Copy)]
pub(super) struct Plane {
    /// Of each of the 16 sets, whether it is one of them.
    pub(super) sets: u16,
    /// The one with the lowest bits.
    pub(super) smallest: AssetSignals,
}

/// How the limits of one or more policies cut up all judgments
///
/// A cell is a plane, a row (balance) and a column (score); cells are numbered in this order, so that the
/// first of several cells has the fewest signals, then the smallest balance, then the smallest score.
#[derive(Debug)]
pub(super) struct Axes {
    pub(super) score: Axis,
    pub(super) balance: Axis,
    pub(super) planes: Vec<Plane>,
    /// The asset signals, where planes are ascending numbers of them: of which, if policies use any, all
    /// count the same.
    pub(super) counted: Option<AssetSignals>,
}

impl Axes {
    pub(super) fn of(policies: &[&TierPolicy]) -> Axes {
        let signals_max =
            |policy: &TierPolicy| policy.arms().map(|(_, arm)| arm.signals_min).max().unwrap_or(0);
        let counting: Vec<(AssetSignals, u8)> = policies
            .iter()
            .map(|policy| (policy.assets, signals_max(policy)))
            .filter(|(_, signals_max)| *signals_max > 0)
            .collect();
        let mut planes: Vec<(Vec<u8>, Plane)> = Vec::new();
        for bits in 0..16_u8 {
            let signals = AssetSignals::from_bits(bits);
            let class: Vec<u8> =
                counting.iter().map(|(assets, max)| signals.count_of(*assets).min(*max)).collect();
            match planes.iter_mut().find(|(known, _)| *known == class) {
                Some((_, plane)) => plane.sets |= 1 << bits,
                None => planes.push((class, Plane { sets: 1 << bits, smallest: signals })),
            }
        }
        let mut assets = counting.iter().map(|(assets, _)| *assets);
        let first = assets.next().or(policies.first().map(|policy| policy.assets)).unwrap_or_default();
        Axes {
            score: Axis::new(
                policies.iter().flat_map(|policy| policy.score_bounds()),
                i64::from(Score::MAX.hundredths()),
            ),
            balance: Axis::new(
                policies.iter().flat_map(|policy| policy.balance_bounds()),
                Cents::MAX.cents(),
            ),
            planes: planes.into_iter().map(|(_, plane)| plane).collect(),
            counted: assets.all(|other| other == first).then_some(first),
        }
    }

    pub(super) fn width(&self) -> usize {
        self.score.len()
    }

    pub(super) fn height(&self) -> usize {
        self.balance.len()
    }

    pub(super) fn cells(&self) -> usize {
        self.width() * self.height() * self.planes.len()
    }

    pub(super) fn cell(&self, plane: usize, row: usize, column: usize) -> usize {
        (plane * self.height() + row) * self.width() + column
    }

    /// The sets of signals in the planes of a box, ascending.
    pub(super) fn signal_sets(&self, cells: &CellBox) -> Vec<u8> {
        let planes = (0..).zip(&self.planes).filter(|(place, _)| cells.planes >> place & 1 == 1);
        let sets = planes.fold(0, |sets, (_, plane)| sets | plane.sets);
        (0..16).filter(|bits| sets >> bits & 1 == 1).collect()
    }

    /// Plane, row and column of a cell.
    pub(super) fn place(&self, cell: usize) -> [usize; 3] {
        let (line, column) = (cell / self.width(), cell % self.width());
        [line / self.height(), line % self.height(), column]
    }

    /// The smallest judgment of a cell.
    pub(super) fn smallest(&self, cell: usize) -> JudgmentFacts {
        let [plane, row, column] = self.place(cell);
        JudgmentFacts {
            score: u16::try_from(self.score.first(column)).ok().and_then(Score::from_hundredths),
            balance: Cents::from_cents(self.balance.first(row)),
            signals: self.planes.get(plane).map(|plane| plane.smallest).unwrap_or_default(),
        }
    }

    /// The planes in which an arm of a policy with these asset signals can hold.
    fn planes_of(&self, arm: &Arm, assets: AssetSignals) -> impl Iterator<Item = usize> {
        let has_enough = move |plane: &Plane| plane.smallest.count_of(assets) >= arm.signals_min;
        self.planes.iter().enumerate().filter(move |(_, plane)| has_enough(plane)).map(|(place, _)| place)
    }

    /// The lines of cells that lie in some bands of each fact: the number of the first cell, then the cells.
    pub(super) fn lines<'a, T>(
        &self,
        cells: &'a [T],
        planes: Range<usize>,
        rows: Range<usize>,
        columns: Range<usize>,
    ) -> impl Iterator<Item = (usize, &'a [T])> {
        let (width, height) = (self.width(), self.height());
        planes.flat_map(move |plane| {
            let columns = columns.clone();
            rows.clone().map(move |row| {
                let line = (plane * height + row) * width;
                let line = line + columns.start..line + columns.end;
                (line.start, cells.get(line).unwrap_or_default())
            })
        })
    }

    /// Of each cell, the arm that decides, numbered over all rules; the number of arms where the fallback does
    pub(super) fn deciders(&self, policy: &TierPolicy) -> Vec<u16> {
        let arms: Vec<&Arm> = policy.arms().map(|(_, arm)| arm).collect();
        let mut deciders = vec![arms.len() as u16; self.cells()];
        // From the last arm to the first, so that what stands in the end is the first that holds.
        for (number, arm) in arms.into_iter().enumerate().rev() {
            let (rows, columns) = (self.balance.bands(arm.balance), self.score.bands(arm.score));
            for plane in self.planes_of(arm, policy.assets) {
                for row in rows.clone() {
                    let line = self.cell(plane, row, columns.start)..self.cell(plane, row, columns.end);
                    deciders.get_mut(line).unwrap_or_default().fill(number as u16);
                }
            }
        }
        deciders
    }
}

/// The tier of each arm, in the order of [`Axes::deciders`], the fallback's last
pub(super) fn tiers_of_deciders(policy: &TierPolicy) -> Vec<Tier> {
    policy.arms().map(|(rule, _)| rule.tier).chain([policy.fallback]).collect()
}

/// Like cells: every combination of some planes, rows and columns
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CellBox {
    pub(super) label: u8,
    /// Bit by plane.
    pub(super) planes: u16,
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
}

/// Joins cells of equal labels to few boxes; cells with the label 0 stay out
///
/// The boxes are disjoint and cover every labelled cell; each is grown from the first cell that is left, in
/// several orders of the facts, as far as it goes, and the largest is kept.
pub(super) struct BoxFinder<'a> {
    axes: &'a Axes,
    /// No two cells are joined along this fact.
    apart: Option<Along>,
    /// The labels of cells that no box has yet.
    left: Vec<u8>,
    /// No cell before this one is left.
    next_cell: usize,
}

/// A fact, as an axis of the cells
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Along {
    Signals,
    Balance,
    Score,
}

const ORDERS: [[Along; 3]; 4] = [
    [Along::Signals, Along::Score, Along::Balance],
    [Along::Signals, Along::Balance, Along::Score],
    [Along::Score, Along::Balance, Along::Signals],
    [Along::Balance, Along::Score, Along::Signals],
];

impl<'a> BoxFinder<'a> {
    pub(super) fn new(axes: &'a Axes, labels: Vec<u8>, apart: Option<Along>) -> BoxFinder<'a> {
        BoxFinder { axes, apart, left: labels, next_cell: 0 }
    }

    fn has(&self, planes: u16, rows: Range<usize>, columns: Range<usize>, label: u8) -> bool {
        (0..self.axes.planes.len()).filter(|plane| planes >> plane & 1 == 1).all(|plane| {
            self.axes
                .lines(&self.left, plane..plane + 1, rows.clone(), columns.clone())
                .all(|(_, line)| line.iter().all(|cell| *cell == label))
        })
    }

    fn grown(&self, [plane, row, column]: [usize; 3], label: u8, order: [Along; 3]) -> CellBox {
        let mut planes = 1_u16 << plane;
        let (mut rows, mut columns) = (row..row + 1, column..column + 1);
        for along in order.into_iter().filter(|along| self.apart != Some(*along)) {
            match along {
                Along::Signals => {
                    for next in plane + 1..self.axes.planes.len() {
                        if self.has(1 << next, rows.clone(), columns.clone(), label) {
                            planes |= 1 << next;
                        } else if self.axes.counted.is_some() {
                            // Numbers of signals are told as a range.
                            break;
                        }
                    }
                }
                Along::Balance => {
                    while rows.end < self.axes.height()
                        && self.has(planes, rows.end..rows.end + 1, columns.clone(), label)
                    {
                        rows.end += 1;
                    }
                }
                Along::Score => {
                    while columns.end < self.axes.width()
                        && self.has(planes, rows.clone(), columns.end..columns.end + 1, label)
                    {
                        columns.end += 1;
                    }
                }
            }
        }
        CellBox { label, planes, rows, columns }
    }

    fn take(&mut self, found: &CellBox) {
        for cells in found.lines(self.axes) {
            self.left.get_mut(cells).unwrap_or_default().fill(0);
        }
    }
}

impl Iterator for BoxFinder<'_> {
    type Item = CellBox;

    fn next(&mut self) -> Option<CellBox> {
        let rest = self.left.get(self.next_cell..)?;
        let skipped = rest.iter().position(|label| *label != 0)?;
        let label = rest.get(skipped).copied()?;
        self.next_cell += skipped;
        let place = self.axes.place(self.next_cell);
        // Of equally large ones the first, for the sake of shorter words.
        let found = ORDERS
            .into_iter()
            .map(|order| self.grown(place, label, order))
            .reduce(|best, next| if next.size() > best.size() { next } else { best })?;
        self.take(&found);
        Some(found)
    }
}

impl CellBox {
    /// The first cell, which has the smallest judgment.
    pub(super) fn first(&self, axes: &Axes) -> usize {
        axes.cell(self.planes.trailing_zeros() as usize, self.rows.start, self.columns.start)
    }

    /// How many cells there are.
    fn size(&self) -> usize {
        self.planes.count_ones() as usize * self.rows.len() * self.columns.len()
    }

    /// The numbers of the cells, line by line.
    pub(super) fn lines(&self, axes: &Axes) -> impl Iterator<Item = Range<usize>> {
        (0..axes.planes.len()).filter(|plane| self.planes >> plane & 1 == 1).flat_map(move |plane| {
            self.rows.clone().map(move |row| {
                axes.cell(plane, row, self.columns.start)..axes.cell(plane, row, self.columns.end)
            })
        })
    }
}
