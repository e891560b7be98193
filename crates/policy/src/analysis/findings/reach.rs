//! Which rules and arms decide anything, which get into each other's way, and which tiers come of it.

use super::subject::{PlacedArm, Subject};
use super::{Finding, FindingCode, NamedRule, Severity};
use crate::analysis::Region;
use crate::analysis::sorted;
use crate::analysis::words;
use crate::tier::Tier;

/// What decides where the arms hold
pub(super) struct Reach<'a> {
    subject: &'a Subject<'a>,
    /// Of each arm, the arms that decide where it holds, ascending, each with the first cell in which it does.
    met: Vec<Vec<(u16, usize)>>,
    /// Of each rule, whether it decides anything.
    rules: Vec<bool>,
}

impl<'a> Reach<'a> {
    pub(super) fn new(subject: &'a Subject<'a>) -> Reach<'a> {
        let met = subject.arms.iter().map(|arm| deciders_of(subject, arm)).collect();
        let mut reach = Reach { subject, met, rules: vec![false; subject.policy.rules.len()] };
        for arm in subject.arms.iter().filter(|arm| reach.decides(arm)).collect::<Vec<_>>() {
            reach.rules.get_mut(arm.rule).into_iter().for_each(|decides| *decides = true);
        }
        reach
    }

    fn met(&self, number: u16) -> &[(u16, usize)] {
        self.met.get(usize::from(number)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether an arm decides anything.
    fn decides(&self, arm: &PlacedArm) -> bool {
        // No later arm decides where this one holds.
        self.met(arm.number).last().is_some_and(|(last, _)| *last == arm.number)
    }

    fn rule_decides(&self, rule: usize) -> bool {
        self.rules.get(rule).copied().unwrap_or(false)
    }
}

fn deciders_of(subject: &Subject, arm: &PlacedArm) -> Vec<(u16, usize)> {
    let mut met = Vec::new();
    let mut last = None;
    for cells in arm.cells.lines(&subject.axes) {
        let line = subject.deciders.get(cells.clone()).unwrap_or_default();
        for (cell, decider) in cells.zip(line) {
            // Neighbours mostly have the same decider.
            if last != Some(*decider) {
                last = Some(*decider);
                if let Err(place) = met.binary_search_by_key(decider, |(known, _)| *known) {
                    met.insert(place, (*decider, cell));
                }
            }
        }
    }
    met
}

pub(super) fn shadowed_rules(reach: &Reach) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in (0..reach.subject.policy.rules.len()).filter(|rule| !reach.rule_decides(*rule)) {
        let arms: Vec<&PlacedArm> = reach.subject.arms.iter().filter(|arm| arm.rule == rule).collect();
        findings.extend(arms.first().map(|first| shadowed_finding(reach, first, &arms, true)));
    }
    findings
}

pub(super) fn shadowed_arms(reach: &Reach) -> Vec<Finding> {
    let mut findings = Vec::new();
    for arm in reach.subject.arms.iter().filter(|arm| !reach.decides(arm) && reach.rule_decides(arm.rule)) {
        findings.push(shadowed_finding(reach, arm, &[arm], false));
    }
    findings
}

/// `arms` are one arm of a rule, or all of them
fn shadowed_finding(reach: &Reach, first: &PlacedArm, arms: &[&PlacedArm], is_rule: bool) -> Finding {
    let subject = reach.subject;
    let mut covering = Vec::new();
    let mut first_cell = usize::MAX;
    for (number, cell) in arms.iter().flat_map(|arm| reach.met(arm.number)) {
        sorted::insert(&mut covering, *number);
        first_cell = first_cell.min(*cell);
    }
    let gives =
        |tier: &Tier| covering.iter().any(|number| subject.arm(*number).is_some_and(|arm| arm.tier == *tier));
    let tiers: Vec<Tier> = Tier::ALL.into_iter().filter(gives).collect();
    let gets_another_tier = tiers.iter().any(|tier| *tier != first.tier);
    let others = subject.named(&covering);
    let others: Vec<&str> = others.iter().map(|named| named.rule.as_str()).collect();
    let others = words::listed_some(&others);
    let names_itself =
        covering.iter().any(|number| subject.arm(*number).is_some_and(|arm| arm.rule == first.rule));
    let takers = match (covering.len(), names_itself) {
        (1, true) => "an earlier arm of the same rule takes".to_owned(),
        (_, true) => format!("earlier arms of {others} take"),
        (1, false) => format!("rule {others}, which stands before it, takes"),
        (_, false) => format!("what stands before it ({others}) takes"),
    };
    let whose = if is_rule {
        format!("Rule {} never decides: {takers} every judgment that it matches", first.id)
    } else {
        let judgments =
            words::of_judgments(&Region::of(&subject.axes, &first.cells), subject.axes.counted, None);
        format!("An arm of rule {} never decides: {takers} {judgments} first", first.id)
    };
    let consequence = if gets_another_tier {
        let tiers: Vec<String> = tiers.iter().map(|tier| words::of_tier(*tier)).collect();
        format!(", with {} instead of {}", words::listed(&tiers, "or"), words::of_tier(first.tier))
    } else {
        format!(", with the same {}", words::of_tier(first.tier))
    };
    let (code, severity) = match (is_rule, gets_another_tier) {
        (true, true) => (FindingCode::ShadowedRule, Severity::Error),
        (true, false) => (FindingCode::ShadowedRule, Severity::Warning),
        (false, true) => (FindingCode::ShadowedArm, Severity::Warning),
        (false, false) => (FindingCode::ShadowedArm, Severity::Note),
    };
    let mut finding = subject.finding(severity, code, format!("{whose}{consequence}"));
    finding.rules = subject.named(&arms.iter().map(|arm| arm.number).collect::<Vec<_>>());
    finding.rules.extend(subject.named(&covering));
    finding.fields = vec![if is_rule { format!("rules[{}]", first.rule) } else { first.field() }];
    finding.examples = vec![subject.example(first_cell)];
    finding
}

/// Rules of one tier, and others that lose to them
#[derive(Default)]
struct Lost {
    winning: Vec<u16>,
    losing: Vec<u16>,
    /// The first cell, and the arm that loses there.
    first: Option<(usize, u16)>,
}

/// One finding for the rules of each tier that win over rules of lower tiers, and one for those over higher ones
///
/// Two rules overlap where one decides and the other matches too: what they both leave to a third is no overlap
/// of theirs, and a rule that never decides is told of as such.
pub(super) fn overlaps(reach: &Reach) -> Vec<Finding> {
    let subject = reach.subject;
    // Of each tier, over lower and over higher ones.
    let mut overlaps: [[Lost; 2]; 4] = Default::default();
    for loser in subject.arms.iter().filter(|arm| reach.rule_decides(arm.rule)) {
        for (winning, cell) in reach.met(loser.number) {
            let Some(winner) = subject.arm(*winning) else { continue };
            if winner.rule == loser.rule || winner.tier == loser.tier {
                continue;
            }
            let Some([over_lower, over_higher]) = overlaps.get_mut(usize::from(winner.tier.number())) else {
                continue;
            };
            let lost = if winner.tier < loser.tier { over_higher } else { over_lower };
            sorted::insert(&mut lost.winning, *winning);
            sorted::insert(&mut lost.losing, loser.number);
            let here = (*cell, loser.number);
            lost.first = Some(lost.first.map_or(here, |first| first.min(here)));
        }
    }
    let mut findings = Vec::new();
    for [over_lower, over_higher] in overlaps.iter().rev() {
        for (lost, is_lower) in [(over_lower, false), (over_higher, true)] {
            findings.extend(lost.first.map(|first| overlap_finding(subject, is_lower, lost, first)));
        }
    }
    findings
}

fn overlap_finding(subject: &Subject, is_lower: bool, lost: &Lost, (cell, losing): (usize, u16)) -> Finding {
    let (winners, losers) = (subject.named(&lost.winning), subject.named(&lost.losing));
    let names = |rules: &[NamedRule]| {
        let names: Vec<&str> = rules.iter().map(|named| named.rule.as_str()).collect();
        words::listed_some(&names)
    };
    let [rule, wins, it_stands] =
        if winners.len() == 1 { ["Rule", "wins", "it stands"] } else { ["Rules", "win", "they stand"] };
    let loser = subject.arm(losing);
    let message = format!(
        "{rule} {} {wins} over {} where both match, since {it_stands} first: a judgment with {} gets {}, not the {} {} of {}",
        names(&winners),
        names(&losers),
        words::of_facts(&subject.axes.smallest(cell), subject.policy.assets),
        words::of_tier(subject.tier(cell)),
        if is_lower { "higher" } else { "lower" },
        loser.map(|loser| words::of_tier(loser.tier)).unwrap_or_default(),
        loser.map(|loser| loser.id).unwrap_or_default(),
    );
    let severity = if is_lower { Severity::Warning } else { Severity::Note };
    let mut finding = subject.finding(severity, FindingCode::Overlap, message);
    finding.fields = winners.iter().chain(&losers).map(|named| rule_field(subject, named)).collect();
    finding.rules = winners.into_iter().chain(losers).collect();
    finding.examples = vec![subject.example(cell)];
    finding
}

fn rule_field(subject: &Subject, named: &NamedRule) -> String {
    let place = subject.policy.rules.iter().position(|rule| rule.id == named.rule);
    format!("rules[{}]", place.unwrap_or_default())
}

pub(super) fn unreachable_tiers(subject: &Subject) -> Vec<Finding> {
    let missing = Tier::ALL.into_iter().filter(|tier| !subject.tiers.contains(&tier.number()));
    missing
        .map(|tier| {
            let arms = subject.arms.iter().filter(|arm| arm.tier == tier).map(|arm| arm.number);
            let rules = subject.named(&arms.collect::<Vec<_>>());
            let names: Vec<&str> = rules.iter().map(|named| named.rule.as_str()).collect();
            let is_fallback = tier == subject.policy.fallback;
            let why = match (names.as_slice(), is_fallback) {
                ([], false) => "no rule gives it, nor does the fallback".to_owned(),
                ([], true) => "rules take every judgment, and nothing is left to the fallback".to_owned(),
                (_, true) => format!(
                    "{} would give it but never decides, and nothing is left to the fallback",
                    words::listed_some(&names)
                ),
                ([only], false) => format!("rule {only} would give it but never decides"),
                (names, false) => format!("{} would give it but never decide", words::listed_some(names)),
            };
            let message = format!("No judgment can get {}: {why}", words::of_tier(tier));
            let mut finding = subject.finding(Severity::Warning, FindingCode::UnreachableTier, message);
            finding.fields = rules.iter().map(|named| rule_field(subject, named)).collect();
            if is_fallback {
                finding.fields.push("fallback".to_owned());
            }
            finding.rules = rules;
            finding
        })
        .collect()
}
