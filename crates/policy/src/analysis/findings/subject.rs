//! A policy taken apart for its analysis.

use std::slice;

use super::{ExampleJudgment, Finding, FindingCode, NamedRule, REGIONS_LISTED_MAX, Severity};
use crate::analysis::Region;
use crate::analysis::boxes::{Along, CellBox};
use crate::cells::{Axes, Axis, Table};
use crate::tier::{Arm, Cents, DecidedBy, JudgmentFacts, Score, Tier, TierArmDocument, TierPolicy};

/// A policy, its arms numbered over all rules, and what decides in each of its cells
pub(super) struct Subject<'a> {
    pub(super) policy: &'a TierPolicy,
    pub(super) axes: Axes,
    pub(super) arms: Vec<PlacedArm<'a>>,
    /// Of each cell, the number of the arm that decides; the number of arms where the fallback does.
    pub(super) deciders: Vec<u16>,
    /// Of each cell, its tier's number.
    pub(super) tiers: Vec<u8>,
}

/// An arm with its place in the policy
pub(super) struct PlacedArm<'a> {
    /// Over all rules, from 0.
    pub(super) number: u16,
    pub(super) arm: &'a Arm,
    pub(super) document: &'a TierArmDocument,
    pub(super) tier: Tier,
    pub(super) id: &'a str,
    pub(super) rule: usize,
    /// In its rule, from 0.
    pub(super) place: usize,
    /// Where it holds.
    pub(super) cells: CellBox,
}

impl PlacedArm<'_> {
    /// The arm's path in the document.
    pub(super) fn field(&self) -> String {
        format!("rules[{}].any[{}]", self.rule, self.place)
    }
}

impl<'a> Subject<'a> {
    pub(super) fn new(policy: &'a TierPolicy) -> Subject<'a> {
        let table = Table::of(policy);
        let axes = Axes::of(slice::from_ref(&table));
        let deciders = axes.deciders(&table);
        let tiers = deciders.iter().map(|decider| table.tier(*decider).number()).collect();
        let arms = policy
            .rules
            .iter()
            .zip(&policy.document().rules)
            .enumerate()
            .flat_map(|(rule, (read, document))| {
                let arms = read.arms.iter().zip(&document.any).enumerate();
                arms.map(move |(place, (arm, document))| (rule, read, place, arm, document))
            })
            .zip(0..)
            .map(|((rule, read, place, arm, document), number)| PlacedArm {
                number,
                arm,
                document,
                tier: read.tier,
                id: &read.id,
                rule,
                place,
                cells: cells_of(&axes, arm),
            })
            .collect();
        Subject { policy, axes, arms, deciders, tiers }
    }

    /// The number that stands for the fallback.
    pub(super) fn fallback(&self) -> u16 {
        self.arms.len() as u16
    }

    /// The arm that decides in a cell; `None` where the fallback does.
    pub(super) fn decider(&self, cell: usize) -> Option<&PlacedArm<'a>> {
        self.arm(self.deciders.get(cell).copied()?)
    }

    pub(super) fn arm(&self, number: u16) -> Option<&PlacedArm<'a>> {
        self.arms.get(usize::from(number))
    }

    pub(super) fn tier(&self, cell: usize) -> Tier {
        Tier::from_low_bits(self.tiers.get(cell).copied().unwrap_or(0))
    }

    /// The smallest judgment of a cell.
    pub(super) fn example(&self, cell: usize) -> ExampleJudgment {
        let facts = self.axes.smallest(cell);
        self.example_of(&facts, cell)
    }

    /// `facts`, which lie in `cell`.
    pub(super) fn example_of(&self, facts: &JudgmentFacts, cell: usize) -> ExampleJudgment {
        ExampleJudgment {
            collectability_score: facts.score.unwrap_or(Score::MAX),
            balance: facts.balance.unwrap_or(Cents::MAX),
            signals: facts.signals.iter().collect(),
            tier: self.tier(cell),
            decided_by: self
                .decider(cell)
                .map(|arm| DecidedBy { rule: arm.id.to_owned(), arm: arm.place as u32 }),
        }
    }

    /// A finding that names nothing yet.
    pub(super) fn finding(&self, severity: Severity, code: FindingCode, message: String) -> Finding {
        Finding {
            severity,
            code,
            message,
            rules: Vec::new(),
            fields: Vec::new(),
            examples: Vec::new(),
            regions: Vec::new(),
            regions_left_out: 0,
        }
    }

    /// Arms, ascending, by their rules.
    pub(super) fn named(&self, numbers: &[u16]) -> Vec<NamedRule> {
        let mut rules: Vec<NamedRule> = Vec::new();
        for arm in numbers.iter().filter_map(|number| self.arm(*number)) {
            let place = arm.place as u32;
            match rules.last_mut().filter(|named| named.rule == arm.id) {
                Some(named) => named.arms.push(place),
                None => rules.push(NamedRule { rule: arm.id.to_owned(), arms: vec![place] }),
            }
        }
        rules
    }
}

/// The cells in which an arm holds; the planes of one policy are its numbers of signals.
fn cells_of(axes: &Axes, arm: &Arm) -> CellBox {
    CellBox {
        label: 0,
        planes: (usize::from(arm.signals_min)..axes.planes.len())
            .fold(0, |planes, plane| planes | 1 << plane),
        rows: axes.balance.bands(arm.balance),
        columns: axes.score.bands(arm.score),
    }
}

impl Finding {
    pub(super) fn with_regions(mut self, regions: impl ExactSizeIterator<Item = Region>) -> Finding {
        self.regions_left_out = regions.len().saturating_sub(REGIONS_LISTED_MAX) as u32;
        self.regions = regions.take(REGIONS_LISTED_MAX).collect();
        self
    }
}

impl Along {
    /// The bands of a score or a balance.
    pub(super) fn axis(self, axes: &Axes) -> &Axis {
        if self == Along::Score { &axes.score } else { &axes.balance }
    }

    /// How many bands there are.
    pub(super) fn bands(self, axes: &Axes) -> usize {
        match self {
            Along::Score => axes.width(),
            Along::Balance => axes.height(),
            Along::Signals => axes.planes.len(),
        }
    }

    /// Cells from one band to the next.
    pub(super) fn stride(self, axes: &Axes) -> usize {
        match self {
            Along::Score => 1,
            Along::Balance => axes.width(),
            Along::Signals => axes.width() * axes.height(),
        }
    }

    /// The band of a cell.
    pub(super) fn band(self, axes: &Axes, cell: usize) -> usize {
        let [plane, row, column] = axes.place(cell);
        match self {
            Along::Score => column,
            Along::Balance => row,
            Along::Signals => plane,
        }
    }
}
