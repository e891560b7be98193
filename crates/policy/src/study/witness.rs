//! Judgments that between them show everything a policy does: for each arm, the fallback and each side of each limit one
//! that is made up and one of the portfolio.

use std::collections::BTreeMap;
use std::slice;

use serde::{Deserialize, Serialize};

use super::Fact;
use crate::cells::{Axes, Axis, Row, Table, literal};
use crate::portfolio::{MISSING_BALANCE, MISSING_SCORE, Portfolio};
use crate::tier::{AssetSignal, Cents, DecidedBy, JudgmentFacts, Score, Tier, TierPolicy};

/// A judgment that shows one thing that a policy does, and the tier that it gets
///
/// Kept with the policy: what a later draft makes of it tells what that draft changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitnessCase {
    /// What it shows.
    pub of: Witnessed,
    /// The judgment whose facts these are; `None` for one that is made up.
    pub judgment_no: Option<u64>,
    /// `None` where it is missing and compares as 0.
    pub collectability_score: Option<Score>,
    /// `None` where it is missing and compares as 0.
    pub balance: Option<Cents>,
    /// Those that are present.
    pub signals: Vec<AssetSignal>,
    /// The tier that it gets.
    pub tier: Tier,
    /// The arm that gives it, or the fallback.
    pub decided_by: Option<DecidedBy>,
}

/// What a witness shows
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Witnessed {
    /// This arm decides.
    Arm {
        /// The rule's id.
        rule: String,
        /// Its place among the rule's arms, from 0.
        arm: u32,
    },
    /// No arm holds.
    Fallback,
    /// A limit that is just reached, or closer to it than any other judgment of the portfolio.
    AtLimit {
        /// Its name.
        limit: String,
        /// What it bounds.
        fact: Fact,
    },
    /// A limit that is missed by the smallest step, or by less than any other judgment of the portfolio misses it.
    BelowLimit {
        /// Its name.
        limit: String,
        /// What it bounds.
        fact: Fact,
    },
}

impl WitnessCase {
    /// Its facts, ready to be evaluated.
    pub fn facts(&self) -> JudgmentFacts {
        JudgmentFacts {
            score: self.collectability_score,
            balance: self.balance,
            signals: self.signals.iter().copied().collect(),
        }
    }
}

/// Derives the witnesses of a policy: those of arms and fallback first, then those of limits by name
///
/// Of an arm that decides nothing there is none, of a limit that changes nothing neither. Where several judgments
/// show the same, the made-up one is that with the fewest signals, then the smallest balance, then the smallest score;
/// the one of the portfolio is that with the largest balance, or for a limit the closest one; of equals the first.
/// Without a portfolio, or where none of its judgments shows it, the made-up one stands alone.
pub fn witness_cases(policy: &TierPolicy, portfolio: Option<&Portfolio>) -> Vec<WitnessCase> {
    let table = Table::of(policy);
    let axes = Axes::of(slice::from_ref(&table));
    let deciders = axes.deciders(&table);
    let mut shown = Vec::new();
    // Each decider by its first cell, which holds the smallest judgment.
    let mut first_cells: BTreeMap<u16, usize> = BTreeMap::new();
    for (cell, decider) in deciders.iter().enumerate() {
        first_cells.entry(*decider).or_insert(cell);
    }
    let rules = &policy.document().rules;
    let arms = rules.iter().flat_map(|rule| (0..).zip(&rule.any).map(|(arm, _)| (rule.id.clone(), arm)));
    let names = arms.map(|(rule, arm)| Witnessed::Arm { rule, arm }).chain([Witnessed::Fallback]);
    for (decider, of) in (0..).zip(names) {
        if let Some(cell) = first_cells.get(&decider) {
            shown.push(Shown { of, made_up: axes.smallest(*cell), by: By::Decider(decider), best: None });
        }
    }
    shown.extend(limits(policy).into_iter().flat_map(|limit| limit.shown(&axes, &table, &deciders)));

    if let Some(portfolio) = portfolio {
        for row in axes.rows(portfolio) {
            let cell = axes.cell_of(&row);
            let decider = deciders.get(cell).copied();
            for shown in &mut shown {
                if let Some(rank) = shown.by.rank(&axes, &row, cell, decider)
                    && shown.best.is_none_or(|(best, _)| rank < best)
                {
                    shown.best = Some((rank, row.row));
                }
            }
        }
    }
    let mut cases = Vec::new();
    for Shown { of, made_up, best, .. } in shown {
        cases.push(case(policy, of.clone(), &made_up, None));
        let real = best.zip(portfolio).and_then(|((_, row), portfolio)| {
            Some(case(policy, of, &portfolio.facts(row)?, portfolio.judgment_no(row)))
        });
        cases.extend(real);
    }
    cases
}

fn case(policy: &TierPolicy, of: Witnessed, facts: &JudgmentFacts, judgment_no: Option<u64>) -> WitnessCase {
    let outcome = policy.evaluate(facts);
    WitnessCase {
        of,
        judgment_no,
        collectability_score: facts.score,
        balance: facts.balance,
        signals: facts.signals.iter().collect(),
        tier: outcome.tier,
        decided_by: outcome.decided_by,
    }
}

/// One thing to be shown, and the best row found so far
struct Shown {
    of: Witnessed,
    made_up: JudgmentFacts,
    by: By,
    best: Option<(i64, u32)>,
}

/// Which rows show it
enum By {
    /// Those that this arm decides.
    Decider(u16),
    /// Those in a line of cells whose outcome changes at the limit, on one side of it.
    Limit {
        fact: Fact,
        value: i64,
        is_reached: bool,
        /// Of each line, whether its outcome changes.
        changes: Vec<bool>,
    },
}

impl By {
    /// How good a witness a row is, the lowest being the best; `None` where it is none.
    fn rank(&self, axes: &Axes, row: &Row, cell: usize, decider: Option<u16>) -> Option<i64> {
        match self {
            By::Decider(wanted) => (decider == Some(*wanted)).then_some(-row.balance_cents),
            By::Limit { fact, value, is_reached, changes } => {
                let (at, missing) = match fact {
                    Fact::Balance => (row.balance_cents, MISSING_BALANCE),
                    _ => (row.score, MISSING_SCORE),
                };
                if (at >= *value) != *is_reached || row.bits & missing != 0 {
                    return None;
                }
                let is_changing = changes.get(line_of(axes, *fact, cell)).copied().unwrap_or(false);
                is_changing.then_some((at - value).abs())
            }
        }
    }
}

/// A named limit of one fact
struct Limit {
    name: String,
    fact: Fact,
    value: i64,
}

/// The named limits that arms refer to, by name
fn limits(policy: &TierPolicy) -> Vec<Limit> {
    let document = policy.document();
    let arms = || document.rules.iter().flat_map(|rule| &rule.any);
    let bounds =
        |name: &str, bounds: [&Option<String>; 2]| bounds.iter().any(|bound| bound.as_deref() == Some(name));
    let mut limits = Vec::new();
    for (name, text) in &document.limits {
        let Some(value) = literal(text) else { continue };
        let mut push = |fact| limits.push(Limit { name: name.clone(), fact, value });
        if arms().any(|arm| bounds(name, [&arm.score_from, &arm.score_below])) {
            push(Fact::CollectabilityScore);
        }
        if arms().any(|arm| bounds(name, [&arm.balance_from, &arm.balance_below])) {
            push(Fact::Balance);
        }
    }
    limits
}

/// The cells that differ in one fact only, by number.
fn line_of(axes: &Axes, fact: Fact, cell: usize) -> usize {
    let [plane, row, column] = axes.place(cell);
    match fact {
        Fact::Balance => plane * axes.width() + column,
        _ => plane * axes.height() + row,
    }
}

impl Limit {
    /// What is to be shown on both sides of it; nothing where it changes nothing.
    fn shown(self, axes: &Axes, table: &Table, deciders: &[u16]) -> Vec<Shown> {
        let axis: &Axis = if self.fact == Fact::Balance { &axes.balance } else { &axes.score };
        let band = axis.at(self.value);
        if band == 0 || band >= axis.len() {
            return Vec::new();
        }
        let (across, lines) = match self.fact {
            Fact::Balance => (axes.width(), axes.planes.len() * axes.width()),
            _ => (axes.height(), axes.planes.len() * axes.height()),
        };
        let cell = |line: usize, band: usize| match self.fact {
            Fact::Balance => axes.cell(line / across, band, line % across),
            _ => axes.cell(line / across, line % across, band),
        };
        let decider = |line, band| deciders.get(cell(line, band)).copied();
        let changing = |is_other: &dyn Fn(u16, u16) -> bool| -> Vec<bool> {
            let is_changing =
                |line| decider(line, band - 1).zip(decider(line, band)).is_some_and(|(a, b)| is_other(a, b));
            (0..lines).map(is_changing).collect()
        };
        // Best where the tier changes; where none does, another arm at least gives it.
        let mut changes = changing(&|a, b| table.tier(a) != table.tier(b));
        if !changes.contains(&true) {
            changes = changing(&|a, b| a != b);
        }
        let Some(line) = changes.iter().position(|changes| *changes) else { return Vec::new() };
        let reached = axes.smallest(cell(line, band));
        let mut missed = reached;
        match self.fact {
            Fact::Balance => missed.balance = Cents::from_cents(axis.last(band - 1)),
            _ => missed.score = u16::try_from(axis.last(band - 1)).ok().and_then(Score::from_hundredths),
        }
        let Limit { name, fact, value } = self;
        let by = |is_reached, changes| By::Limit { fact, value, is_reached, changes };
        vec![
            Shown {
                of: Witnessed::BelowLimit { limit: name.clone(), fact },
                made_up: missed,
                by: by(false, changes.clone()),
                best: None,
            },
            Shown {
                of: Witnessed::AtLimit { limit: name, fact },
                made_up: reached,
                by: by(true, changes),
                best: None,
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portfolio::PortfolioColumns;
    use crate::sample;

    fn portfolio(policy: &TierPolicy) -> Portfolio {
        let mut columns = PortfolioColumns::default();
        let mut facts: Vec<JudgmentFacts> = policy.boundary_facts().collect();
        facts.push(JudgmentFacts::default());
        for (number, facts) in (1..).zip(&facts) {
            columns.push(number, facts, None, None);
        }
        Portfolio::from_columns(columns).unwrap()
    }

    #[test]
    fn every_arm_that_decides_and_every_limit_that_matters_has_witnesses_of_both_kinds() {
        for policy in (0..60).map(|seed| TierPolicy::try_from(sample::policy_document(seed)).unwrap()) {
            let portfolio = portfolio(&policy);
            let cases = witness_cases(&policy, Some(&portfolio));
            for case in &cases {
                let outcome = policy.evaluate(&case.facts());
                assert_eq!((case.tier, &case.decided_by), (outcome.tier, &outcome.decided_by));
                if let Witnessed::Arm { rule, arm } = &case.of {
                    assert_eq!(case.decided_by, Some(DecidedBy { rule: rule.clone(), arm: *arm }));
                }
                assert!(case.of != Witnessed::Fallback || case.decided_by.is_none());
                if let Some(number) = case.judgment_no {
                    assert_eq!(portfolio.facts(number as u32 - 1).as_ref(), Some(&case.facts()));
                }
            }
            // The portfolio has judgments on both sides of every limit: whatever decides one of them has a witness.
            for row in 0..portfolio.len() {
                let decided_by = policy.evaluate(&portfolio.facts(row).unwrap()).decided_by;
                let of = match decided_by {
                    Some(DecidedBy { rule, arm }) => Witnessed::Arm { rule, arm },
                    None => Witnessed::Fallback,
                };
                let kinds: Vec<bool> = cases
                    .iter()
                    .filter(|case| case.of == of)
                    .map(|case| case.judgment_no.is_some())
                    .collect();
                assert_eq!(kinds, [false, true], "{of:?}");
            }
        }
    }

    #[test]
    fn the_witnesses_of_a_limit_are_one_step_apart_and_end_differently() {
        let policy = TierPolicy::revision_1();
        let cases = witness_cases(&policy, None);
        let of = |wanted: &dyn Fn(&Witnessed) -> Option<String>| -> BTreeMap<String, WitnessCase> {
            cases.iter().filter_map(|case| Some((wanted(&case.of)?, case.clone()))).collect()
        };
        let at = of(&|of| match of {
            Witnessed::AtLimit { limit, .. } => Some(limit.clone()),
            _ => None,
        });
        let below = of(&|of| match of {
            Witnessed::BelowLimit { limit, .. } => Some(limit.clone()),
            _ => None,
        });
        assert_eq!(at.len(), policy.document().limits.len(), "{at:?}");
        for (name, reached) in &at {
            let missed = &below[name];
            let steps = (
                reached.facts().compared_score() - missed.facts().compared_score(),
                reached.facts().compared_balance() - missed.facts().compared_balance(),
            );
            assert!(matches!(steps, (1, 0) | (0, 1)), "{name}: {steps:?}");
            assert_ne!(reached.tier, missed.tier, "{name}");
        }
    }

    #[test]
    fn what_decides_nothing_has_no_witness() {
        let mut document = TierPolicy::revision_1().document().clone();
        let mut shadowed = document.rules[0].clone();
        shadowed.id = "again".to_owned();
        document.rules.push(shadowed);
        document.limits.insert("idle".to_owned(), "12".to_owned());
        let cases = witness_cases(&TierPolicy::try_from(document).unwrap(), None);
        assert!(cases.iter().all(|case| case.decided_by.as_ref().is_none_or(|by| by.rule != "again")));
        assert!(cases.iter().all(|case| !format!("{:?}", case.of).contains("idle")));
    }
}
