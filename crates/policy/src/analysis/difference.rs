//! Where two policies give different tiers.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Region;
use super::boxes::{BoxFinder, CellBox};
use crate::cells::{Axes, Table};
use crate::portfolio::Portfolio;
use crate::tier::{Tier, TierPolicy};

/// The most regions that a difference may have; policies that people write differ in a few dozen.
pub const REGIONS_MAX: usize = 10_000;

/// All judgments, real or not, whose tier differs between two policies
///
/// Without a region, the policies are equivalent, however differently they are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SemanticDifference {
    /// Whether every judgment that there could be has the same tier under both policies.
    pub is_equivalent: bool,
    /// Disjoint; together they are exactly the judgments whose tier differs. Those with the smallest judgments
    /// (the fewest signals, then the smallest balance, then the smallest score) come first.
    pub regions: Vec<DifferenceRegion>,
}

/// Judgments that all go from the same tier to the same other tier
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferenceRegion {
    /// Which judgments.
    pub region: Region,
    /// Their tier under the policy before.
    pub before: Tier,
    /// Their tier under the policy after.
    pub after: Tier,
    /// Such as `score 75 to 79.99, any balance: tier 2 → 3`.
    pub words: String,
    /// What lies in the region today, where a portfolio was given.
    pub portfolio: Option<PortfolioShare>,
}

/// Judgments of a portfolio
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PortfolioShare {
    /// How many.
    pub count: u32,
    /// Their balance, with two decimals; a missing one adds nothing.
    pub balance: Decimal,
}

/// Policies whose difference is not worth telling region by region
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the policies differ in more than {REGIONS_MAX} regions")]
pub struct DifferenceError;

impl SemanticDifference {
    /// Compares two policies for every judgment that there could be, and counts those of `portfolio`
    ///
    /// The counts and balances of the regions add up to what [`TierMigration`](crate::portfolio::TierMigration)
    /// has beside its diagonal.
    pub fn between(
        before: &TierPolicy,
        after: &TierPolicy,
        portfolio: Option<&Portfolio>,
    ) -> Result<SemanticDifference, DifferenceError> {
        let tables = [before, after].map(Table::of);
        let axes = Axes::of(&tables);
        let [before, after] = tables.each_ref().map(|table| axes.tiers(table));
        // Of each cell, 1 + `before << 2 | after` where these differ, else 0.
        let label = |(before, after): (Tier, Tier)| {
            if before == after { 0 } else { 1 + (before.number() << 2 | after.number()) }
        };
        let labels = before.into_iter().zip(after).map(label).collect();
        let boxes: Vec<CellBox> = BoxFinder::new(&axes, labels, None).take(REGIONS_MAX + 1).collect();
        if boxes.len() > REGIONS_MAX {
            return Err(DifferenceError);
        }
        let shares = portfolio.map(|portfolio| shares(&axes, &boxes, portfolio));
        let shares = shares.into_iter().flatten().map(Some).chain(std::iter::repeat(None));
        let regions: Vec<DifferenceRegion> = boxes
            .iter()
            .zip(shares)
            .map(|(found, portfolio)| {
                let region = Region::of(&axes, found);
                let pair = found.label - 1;
                let [before, after] = [pair >> 2, pair].map(Tier::from_low_bits);
                let words = format!("{}: tier {} → {}", region.words, before.number(), after.number());
                DifferenceRegion { region, before, after, words, portfolio }
            })
            .collect();
        Ok(SemanticDifference { is_equivalent: regions.is_empty(), regions })
    }
}

/// What of a portfolio lies in each box
fn shares(axes: &Axes, boxes: &[CellBox], portfolio: &Portfolio) -> Vec<PortfolioShare> {
    // Of each cell, 1 + the number of its box; the first sum is of the cells in none.
    let mut box_of = vec![0_u16; axes.cells()];
    for (number, found) in (1..).zip(boxes) {
        for cells in found.lines(axes) {
            box_of.get_mut(cells).unwrap_or_default().fill(number);
        }
    }
    let mut sums = vec![(0_u32, 0_i64); boxes.len() + 1];
    for row in axes.rows(portfolio) {
        let number = box_of.get(axes.cell_of(&row)).copied().unwrap_or(0);
        if let Some((count, sum)) = sums.get_mut(usize::from(number)) {
            *count += 1;
            *sum += row.balance_cents;
        }
    }
    let share = |(count, cents): (u32, i64)| PortfolioShare { count, balance: Decimal::new(cents, 2) };
    sums.into_iter().skip(1).map(share).collect()
}
