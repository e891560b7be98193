//! What a policy moves while it is changed step by step, as by the hand on a slider.

use std::ops::Range;
use std::sync::OnceLock;

use super::migration::{overrides, sum};
use super::{MigrationMatrix, NO_TIER, Portfolio, TierMigration, TierTotal};
use crate::tier::{Cents, Differing, Score, TierGrid, balance_shelf, balance_shelves};

/// Counts and money from tier to tier: of a [`TierMigration`] all but the list of rows
///
/// Kept over the steps of an edit: [`step`](Self::step) looks only at the judgments between the old and the new limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierFlow {
    /// Judgments, by tier before and tier after.
    pub counts: [[u32; 4]; 4],
    /// Their balances in cents; a missing balance adds nothing.
    pub balance_cents: [[i64; 4]; 4],
    /// Each tier after, as it takes effect: the override where one is in force, else what the policy gives.
    pub effective: [TierTotal; 4],
}

impl TierFlow {
    /// The flow of a migration to the policy `after`.
    pub fn of(migration: &TierMigration, after: &TierGrid, portfolio: &Portfolio) -> TierFlow {
        let TierMigration { counts, balance_cents, .. } = *migration;
        let mut flow = TierFlow { counts, balance_cents, effective: [TierTotal::default(); 4] };
        flow.effective = flow.after_totals();
        let columns = portfolio.columns();
        for (row, overriding) in overrides(&columns.override_tier) {
            let Some(facts) = portfolio.facts(row) else { continue };
            let cents = facts.balance.map_or(0, Cents::cents);
            subtract(&mut flow.effective, after.tier_of(&facts).number(), cents);
            add(&mut flow.effective, overriding, cents);
        }
        flow
    }

    /// The flow from `before` to `next`, where this one is that from `before` to `after`
    ///
    /// `shelves` are those of `portfolio`. Where the two policies differ for a quarter of the portfolio or more, that
    /// is evaluated as a whole.
    pub fn step(
        &self,
        before: &TierGrid,
        [after, next]: [&TierGrid; 2],
        portfolio: &Portfolio,
        shelves: &Shelves,
    ) -> TierFlow {
        let rows = shelves.touched(&TierGrid::differing(after, next), portfolio);
        if rows.iter().map(|rows| rows.len()).sum::<usize>() >= portfolio.len().div_ceil(4) as usize {
            return TierFlow::of(&TierMigration::between(before, next, portfolio), next, portfolio);
        }
        let columns = portfolio.columns();
        let mut flow = self.clone();
        for row in rows.into_iter().flatten() {
            let row = *row as usize;
            let (Some(score), Some(cents), Some(bits)) =
                (columns.score.get(row), columns.balance_cents.get(row), columns.bits.get(row))
            else {
                continue;
            };
            let tier = |grid: &TierGrid| usize::from(grid.number_of(*score, *cents, *bits));
            let (old, new) = (tier(after), tier(next));
            if old == new {
                continue;
            }
            let from = tier(before);
            if let (Some(counts), Some(sums)) = (flow.counts.get_mut(from), flow.balance_cents.get_mut(from))
            {
                if let (Some(count), Some(sum)) = (counts.get_mut(old), sums.get_mut(old)) {
                    *count -= 1;
                    *sum -= cents;
                }
                if let (Some(count), Some(sum)) = (counts.get_mut(new), sums.get_mut(new)) {
                    *count += 1;
                    *sum += cents;
                }
            }
            if columns.override_tier.get(row) == Some(&NO_TIER) {
                subtract(&mut flow.effective, old as u8, *cents);
                add(&mut flow.effective, new as u8, *cents);
            }
        }
        flow
    }

    /// The matrix as JSON has it.
    pub fn matrix(&self) -> MigrationMatrix {
        MigrationMatrix::of(self.counts, self.balance_cents)
    }

    /// The judgments that change tier.
    pub fn moved(&self) -> TierTotal {
        self.sum(|before, after| before != after)
    }

    /// Each tier before: the sums of the matrix's rows.
    pub fn before_totals(&self) -> [TierTotal; 4] {
        std::array::from_fn(|tier| self.sum(|before, _| before == tier))
    }

    /// Each tier after: the sums of the matrix's columns.
    pub fn after_totals(&self) -> [TierTotal; 4] {
        std::array::from_fn(|tier| self.sum(|_, after| after == tier))
    }

    fn sum(&self, holds: impl Fn(usize, usize) -> bool) -> TierTotal {
        sum(&self.counts, &self.balance_cents, holds)
    }
}

/// The rows of one portfolio, put on shelves by score and by balance; each order is made when it is first of use
#[derive(Debug, Default)]
pub struct Shelves {
    by_score: OnceLock<Order>,
    by_balance: OnceLock<Order>,
}

impl Shelves {
    /// Rows among which are all for which two policies differ: from the shelves by score or those by balance,
    /// whichever of the two takes fewer of its shelves
    fn touched(&self, differing: &Differing, portfolio: &Portfolio) -> Vec<&[u32]> {
        let columns = portfolio.columns();
        let scores: Vec<Range<usize>> =
            differing.scores.iter().map(|range| range.start.into()..range.end.into()).collect();
        let balances = merged(
            differing
                .balances
                .iter()
                .map(|range| balance_shelf(range.start)..balance_shelf(range.end - 1) + 1),
        );
        let score_shelves = usize::from(Score::MAX.hundredths()) + 1;
        let taken = |ranges: &[Range<usize>]| ranges.iter().map(Range::len).sum::<usize>();
        let (order, ranges) = if taken(&scores) * balance_shelves() <= taken(&balances) * score_shelves {
            let order = self
                .by_score
                .get_or_init(|| Order::new(score_shelves, columns.score.iter().map(|score| (*score).into())));
            (order, scores)
        } else {
            let order = self.by_balance.get_or_init(|| {
                Order::new(balance_shelves(), columns.balance_cents.iter().map(|cents| balance_shelf(*cents)))
            });
            (order, balances)
        };
        ranges.into_iter().map(|range| order.rows(range)).collect()
    }
}

/// Ascending ranges, none of which begins where another is: neighbours may share a shelf, whose rows come once
fn merged(ranges: impl Iterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// Rows by shelf, ascending on each
#[derive(Debug)]
struct Order {
    /// The place in `rows` at which each shelf begins, and where the last one ends.
    starts: Vec<u32>,
    rows: Vec<u32>,
}

impl Order {
    /// `shelf_of` has the shelf of each row, below `shelves`.
    fn new(shelves: usize, shelf_of: impl Iterator<Item = usize> + Clone) -> Order {
        // Counts, then sums, then places: each shelf's start moves to its end while rows are put on it.
        let mut starts = vec![0; shelves + 1];
        let mut count = 0;
        for shelf in shelf_of.clone() {
            if let Some(place) = starts.get_mut(shelf + 1) {
                *place += 1;
                count += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut next = starts.clone();
        let mut rows = vec![0; count];
        for (row, shelf) in (0..).zip(shelf_of) {
            if let Some(place) = next.get_mut(shelf)
                && let Some(slot) = rows.get_mut(*place as usize)
            {
                *slot = row;
                *place += 1;
            }
        }
        Order { starts, rows }
    }

    fn rows(&self, shelves: Range<usize>) -> &[u32] {
        let place = |shelf: usize| self.starts.get(shelf).copied().unwrap_or(0) as usize;
        self.rows.get(place(shelves.start)..place(shelves.end)).unwrap_or_default()
    }
}

fn add(totals: &mut [TierTotal; 4], tier: u8, cents: i64) {
    if let Some(total) = totals.get_mut(usize::from(tier)) {
        total.count += 1;
        total.balance_cents += cents;
    }
}

fn subtract(totals: &mut [TierTotal; 4], tier: u8, cents: i64) {
    if let Some(total) = totals.get_mut(usize::from(tier)) {
        total.count -= 1;
        total.balance_cents -= cents;
    }
}
