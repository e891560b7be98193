//! Boxes of like cells.

use std::ops::Range;

use crate::cells::Axes;

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
            rows.clone().all(|row| {
                let line = self.left.get(self.axes.line(plane, row, columns.clone())).unwrap_or_default();
                line.iter().all(|cell| *cell == label)
            })
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
            self.rows.clone().map(move |row| axes.line(plane, row, self.columns.clone()))
        })
    }

    /// The sets of signals in the planes, ascending.
    pub(super) fn signal_sets(&self, axes: &Axes) -> Vec<u8> {
        let planes = (0..).zip(&axes.planes).filter(|(place, _)| self.planes >> place & 1 == 1);
        let sets = planes.fold(0, |sets, (_, plane)| sets | plane.sets);
        (0..16).filter(|bits| sets >> bits & 1 == 1).collect()
    }
}
