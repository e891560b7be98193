//! What a change of policy moves: counts and money from tier to tier, and the judgments that move.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{NO_TIER, Portfolio};
use crate::tier::{JointGrid, Tier, TierGrid};

/// The outcome of comparing two policies over a portfolio
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierMigration {
    /// Judgments, by tier before and tier after.
    pub counts: [[u32; 4]; 4],
    /// Their balances in cents; a missing balance adds nothing.
    pub balance_cents: [[i64; 4]; 4],
    /// The rows whose tier changes, ascending.
    pub moved: Vec<u32>,
}

/// The tier migration matrix as JSON: `counts[before][after]` and `balance[before][after]`, money as strings
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MigrationMatrix {
    /// Judgments, by tier before and tier after.
    pub counts: [[u32; 4]; 4],
    /// Their balances, with two decimals.
    pub balance: [[Decimal; 4]; 4],
}

/// Judgments of one tier
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TierTotal {
    /// How many.
    pub count: u32,
    /// Their balance in cents.
    pub balance_cents: i64,
}

/// Rows whose stored tier is not what a policy gives
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StaleTiers {
    /// Rows that have another tier, ascending.
    pub rows: Vec<u32>,
    /// Rows that were never tiered; they are not among `rows`.
    pub never_tiered: u32,
}

impl TierMigration {
    /// Evaluates both policies over every row, in one pass.
    pub fn between(before: &TierGrid, after: &TierGrid, portfolio: &Portfolio) -> TierMigration {
        let joint = JointGrid::new(before, after);
        let columns = portfolio.columns();
        let mut codes = [0; JointGrid::CHUNK];
        let mut tally = Tally::default();
        let mut moved = Vec::new();
        let mut rows = [0; JointGrid::CHUNK];
        let mut first_row = 0_u32;
        for ((score, balance), bits) in columns
            .score
            .chunks(JointGrid::CHUNK)
            .zip(columns.balance_cents.chunks(JointGrid::CHUNK))
            .zip(columns.bits.chunks(JointGrid::CHUNK))
        {
            joint.codes(score, balance, bits, &mut codes);
            tally.add(&codes, balance);
            moved.extend_from_slice(compact_moved(first_row, &codes, score.len(), &mut rows));
            first_row += score.len() as u32;
        }
        let (counts, balance_cents) = tally.by_pair();
        TierMigration { counts, balance_cents, moved }
    }

    /// The matrix as JSON has it.
    pub fn matrix(&self) -> MigrationMatrix {
        MigrationMatrix::of(self.counts, self.balance_cents)
    }

    /// Each tier after: the sums of the matrix's columns.
    pub fn after_totals(&self) -> [TierTotal; 4] {
        std::array::from_fn(|tier| sum(&self.counts, &self.balance_cents, |_, after| after == tier))
    }

    /// Rows whose stored tier differs from what `before` gives.
    pub fn stale(before: &TierGrid, portfolio: &Portfolio) -> StaleTiers {
        let mut stale = StaleTiers::default();
        let stored = &portfolio.columns().stored_tier;
        for ((row, computed), stored) in (0..).zip(before.evaluate(portfolio)).zip(stored) {
            if *stored == NO_TIER {
                stale.never_tiered += 1;
            } else if *stored != computed {
                stale.rows.push(row);
            }
        }
        stale
    }

    /// Each tier as it takes effect: the override where one is in force, else what the policy gives.
    pub fn effective_totals(grid: &TierGrid, portfolio: &Portfolio) -> [TierTotal; 4] {
        let mut tally = Tally::default();
        let overrides = &portfolio.columns().override_tier;
        let mut effective = grid.evaluate(portfolio);
        for (tier, overriding) in effective.iter_mut().zip(overrides) {
            if *overriding != NO_TIER {
                *tier = *overriding;
            }
        }
        tally.add(&effective, &portfolio.columns().balance_cents);
        let (counts, balance_cents) = tally.by_pair();
        // Codes below 4 are pairs whose first tier is 0.
        let [counts, ..] = counts;
        let [balance_cents, ..] = balance_cents;
        let mut totals = [TierTotal::default(); 4];
        for ((total, count), cents) in totals.iter_mut().zip(counts).zip(balance_cents) {
            *total = TierTotal { count, balance_cents: cents };
        }
        totals
    }
}

impl MigrationMatrix {
    pub(super) fn of(counts: [[u32; 4]; 4], balance_cents: [[i64; 4]; 4]) -> MigrationMatrix {
        let balance = balance_cents.map(|row| row.map(|cents| Decimal::new(cents, 2)));
        MigrationMatrix { counts, balance }
    }

    /// A matrix of nothing.
    pub fn empty() -> MigrationMatrix {
        MigrationMatrix { counts: [[0; 4]; 4], balance: [[Decimal::new(0, 2); 4]; 4] }
    }

    /// Adds judgments that go from `before` to `after`, with their balance.
    pub fn add(&mut self, before: Tier, after: Tier, count: u32, balance: Decimal) {
        let cell = |number: Tier| usize::from(number.number());
        if let Some(cell) = self.counts.get_mut(cell(before)).and_then(|row| row.get_mut(cell(after))) {
            *cell += count;
        }
        if let Some(cell) = self.balance.get_mut(cell(before)).and_then(|row| row.get_mut(cell(after))) {
            *cell += balance;
        }
    }
}

/// Counts and sums by code
///
/// Four lanes, since rows that follow each other often have the same code and would wait for one another.
#[derive(Default)]
struct Tally {
    lanes: [Lane; 4],
}

#[derive(Default, Clone, Copy)]
struct Lane {
    counts: [u32; 16],
    cents: [i64; 16],
}

impl Tally {
    fn add(&mut self, codes: &[u8], balance_cents: &[i64]) {
        let [a, b, c, d] = &mut self.lanes;
        let whole = codes.len().min(balance_cents.len()) / 4 * 4;
        let (codes, codes_left) = codes.split_at(whole);
        let (cents, cents_left) = balance_cents.split_at(whole);
        for (codes, cents) in codes.as_chunks::<4>().0.iter().zip(cents.as_chunks::<4>().0) {
            let ([code_a, code_b, code_c, code_d], [cents_a, cents_b, cents_c, cents_d]) = (*codes, *cents);
            a.add(code_a, cents_a);
            b.add(code_b, cents_b);
            c.add(code_c, cents_c);
            d.add(code_d, cents_d);
        }
        for (code, cents) in codes_left.iter().zip(cents_left) {
            a.add(*code, *cents);
        }
    }

    fn by_pair(&self) -> ([[u32; 4]; 4], [[i64; 4]; 4]) {
        let mut counts = [[0; 4]; 4];
        let mut cents = [[0; 4]; 4];
        for lane in &self.lanes {
            for (sum, count) in counts.as_flattened_mut().iter_mut().zip(lane.counts) {
                *sum += count;
            }
            for (sum, part) in cents.as_flattened_mut().iter_mut().zip(lane.cents) {
                *sum += part;
            }
        }
        (counts, cents)
    }
}

/// Writes the rows that move into `rows` and gives those written
///
/// Every row is written and kept only if the next one is written behind it: there is no branch to mispredict.
fn compact_moved<'a>(first_row: u32, codes: &[u8], count: usize, rows: &'a mut [u32]) -> &'a [u32] {
    let mut kept = 0;
    for (row, code) in (first_row..).zip(codes).take(count) {
        if let Some(place) = rows.get_mut(kept) {
            *place = row;
        }
        kept += usize::from(code >> 2 != code & 3);
    }
    rows.get(..kept).unwrap_or_default()
}

/// The rows with an override, and it; few have one, so that eight without are passed over at once
pub(super) fn overrides(column: &[u8]) -> impl Iterator<Item = (u32, u8)> {
    let (eights, rest) = column.as_chunks::<8>();
    let some = eights.iter().zip((0..).step_by(8)).filter(|(eight, _)| **eight != [NO_TIER; 8]);
    let of_eights = some.flat_map(|(eight, first)| (first..).zip(eight));
    let of_rest = (8 * eights.len() as u32..).zip(rest);
    of_eights.chain(of_rest).map(|(row, tier)| (row, *tier)).filter(|(_, tier)| *tier != NO_TIER)
}

impl Lane {
    #[inline(always)]
    fn add(&mut self, code: u8, cents: i64) {
        let code = usize::from(code & 15);
        if let (Some(count), Some(sum)) = (self.counts.get_mut(code), self.cents.get_mut(code)) {
            *count += 1;
            *sum += cents;
        }
    }
}

/// The cells of a matrix that `holds` says, given tier before and tier after
pub(super) fn sum(
    counts: &[[u32; 4]; 4],
    balance_cents: &[[i64; 4]; 4],
    holds: impl Fn(usize, usize) -> bool,
) -> TierTotal {
    let mut total = TierTotal::default();
    for (before, (counts, sums)) in counts.iter().zip(balance_cents).enumerate() {
        for (after, (count, cents)) in counts.iter().zip(sums).enumerate() {
            if holds(before, after) {
                total.count += count;
                total.balance_cents += cents;
            }
        }
    }
    total
}
