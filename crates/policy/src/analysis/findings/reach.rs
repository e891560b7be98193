//! Which rules and arms decide anything, which get into each other's way, and which tiers come of it.

use std::collections::{BTreeMap, BTreeSet};

use super::subject::{PlacedArm, Subject};
use super::{Finding, FindingCode, NamedRule, Severity};
use crate::analysis::Region;
use crate::analysis::words;
use crate::tier::Tier;

/// What decides where an arm holds: each arm that does, with the first cell in which it does
type Met = BTreeMap<u16, usize>;

pub(super) fn shadowed_overlapping_and_unreachable(subject: &Subject) -> Vec<Finding> {
    let met: Vec<Met> = subject.arms.iter().map(|arm| deciders_of(subject, arm)).collect();
    let mut findings = shadowed(subject, &met);
    findings.extend(overlaps(subject, &met));
    findings.extend(unreachable_tiers(subject));
    findings
}

fn deciders_of(subject: &Subject, arm: &PlacedArm) -> Met {
    let mut met = Met::new();
    let mut last = None;
    for cells in arm.cells.lines(&subject.axes) {
        let line = subject.deciders.get(cells.clone()).unwrap_or_default();
        for (cell, decider) in cells.zip(line) {
            // Neighbours mostly have the same decider.
            if last != Some(*decider) {
                met.entry(*decider).or_insert(cell);
                last = Some(*decider);
            }
        }
    }
    met
}

fn shadowed(subject: &Subject, met: &[Met]) -> Vec<Finding> {
    let decides = |number: &u16| met.get(usize::from(*number)).is_some_and(|met| met.contains_key(number));
    let numbers = || 0..subject.fallback();
    let deciding_rules: BTreeSet<usize> =
        numbers().filter(decides).filter_map(|number| subject.arm(number)).map(|arm| arm.rule).collect();

    let mut shadowed_rules: BTreeMap<usize, Vec<u16>> = BTreeMap::new();
    let mut findings = Vec::new();
    for number in numbers().filter(|number| !decides(number)) {
        let Some(arm) = subject.arm(number) else { continue };
        if deciding_rules.contains(&arm.rule) {
            findings.push(shadowed_finding(subject, met, arm, &[number]));
        } else {
            shadowed_rules.entry(arm.rule).or_default().push(number);
        }
    }
    for arms in shadowed_rules.values() {
        if let Some(rule) = arms.first().and_then(|number| subject.arm(*number)) {
            findings.push(shadowed_finding(subject, met, rule, arms));
        }
    }
    findings
}

/// `arms` are one arm of a rule, or all of them
fn shadowed_finding(subject: &Subject, met: &[Met], first: &PlacedArm, arms: &[u16]) -> Finding {
    let met = || arms.iter().filter_map(|number| met.get(usize::from(*number)));
    let covering: BTreeSet<u16> = met().flat_map(|met| met.keys().copied()).collect();
    let tiers: BTreeSet<Tier> =
        covering.iter().filter_map(|number| subject.arm(*number)).map(|arm| arm.tier).collect();
    let gets_another_tier = tiers.iter().any(|tier| *tier != first.tier);
    let is_rule = subject.policy.rules.get(first.rule).is_some_and(|rule| rule.arms.len() == arms.len());

    let others = words::listed(&subject.ids(covering.iter().copied()), "and");
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
    finding.rules = subject.named(arms.iter().copied());
    finding.rules.extend(subject.named(covering));
    finding.fields = vec![if is_rule { format!("rules[{}]", first.rule) } else { first.field() }];
    finding.examples = met()
        .flat_map(|met| met.values().copied())
        .min()
        .map(|cell| subject.example(cell))
        .into_iter()
        .collect();
    finding
}

/// Rules that lose to one that stands before them
#[derive(Default)]
struct Lost {
    winning: BTreeSet<u16>,
    losing: BTreeSet<u16>,
    /// The first cell, and the arm that loses there.
    first: Option<(usize, u16)>,
}

/// One finding for each rule that wins over rules of lower tiers, and one for those of higher tiers
///
/// Two rules overlap where one decides and the other matches too: what they both leave to a third is no overlap
/// of theirs, and a rule that never decides is told of as such.
fn overlaps(subject: &Subject, met: &[Met]) -> Vec<Finding> {
    let deciding = (0..).zip(met).filter(|(number, met)| met.contains_key(number));
    let deciding_rules: BTreeSet<usize> =
        deciding.filter_map(|(number, _)| subject.arm(number)).map(|arm| arm.rule).collect();
    let mut overlaps: BTreeMap<(usize, bool), Lost> = BTreeMap::new();
    for (losing, met) in (0..).zip(met) {
        let Some(loser) = subject.arm(losing).filter(|arm| deciding_rules.contains(&arm.rule)) else {
            continue;
        };
        for (winning, cell) in met {
            let Some(winner) = subject.arm(*winning) else { continue };
            if winner.rule == loser.rule || winner.tier == loser.tier {
                continue;
            }
            let lost = overlaps.entry((winner.rule, winner.tier < loser.tier)).or_default();
            lost.winning.insert(*winning);
            lost.losing.insert(losing);
            lost.first = lost.first.min(Some((*cell, losing))).or(Some((*cell, losing)));
        }
    }
    overlaps
        .iter()
        .filter_map(|((_, is_lower), lost)| Some(overlap_finding(subject, *is_lower, lost, lost.first?)))
        .collect()
}

fn overlap_finding(subject: &Subject, is_lower: bool, lost: &Lost, (cell, losing): (usize, u16)) -> Finding {
    let winners = subject.named(lost.winning.iter().copied());
    let winner = winners.iter().map(|named| named.rule.as_str()).next().unwrap_or_default();
    let losers = subject.named(lost.losing.iter().copied());
    let names: Vec<&str> = losers.iter().map(|named| named.rule.as_str()).collect();
    let loser = subject.arm(losing);
    let loser_tier = loser.map(|loser| words::of_tier(loser.tier)).unwrap_or_default();
    let loser_id = loser.map(|loser| loser.id).unwrap_or_default();
    let facts = words::of_facts(&subject.axes.smallest(cell), subject.policy.assets);
    let tier = words::of_tier(subject.tier(cell));
    let message = format!(
        "Rule {winner} stands before {} and wins where {} too: a judgment with {facts} gets {tier}, not the {} {loser_tier} of {loser_id}",
        words::listed(&names, "and"),
        if names.len() > 1 { "they match" } else { "it matches" },
        if is_lower { "higher" } else { "lower" },
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

fn unreachable_tiers(subject: &Subject) -> Vec<Finding> {
    let missing = Tier::ALL.into_iter().filter(|tier| !subject.tiers.contains(&tier.number()));
    missing
        .map(|tier| {
            let arms: Vec<u16> = (0..)
                .zip(&subject.arms)
                .filter(|(_, arm)| arm.tier == tier)
                .map(|(number, _)| number)
                .collect();
            let rules = subject.named(arms);
            let names: Vec<&str> = rules.iter().map(|named| named.rule.as_str()).collect();
            let is_fallback = tier == subject.policy.fallback;
            let why = match (names.as_slice(), is_fallback) {
                ([], false) => "no rule gives it, nor does the fallback".to_owned(),
                ([], true) => "rules take every judgment, and nothing is left to the fallback".to_owned(),
                (_, true) => format!(
                    "{} would give it but never decides, and nothing is left to the fallback",
                    words::listed(&names, "and")
                ),
                ([only], false) => format!("rule {only} would give it but never decides"),
                (names, false) => format!("{} would give it but never decide", words::listed(names, "and")),
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
