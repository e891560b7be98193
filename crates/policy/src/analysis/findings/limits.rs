//! Limits and conditions that change no tier.

use std::ops::Range;

use super::subject::{PlacedArm, Subject};
use super::{Finding, FindingCode, Severity};
use crate::analysis::boxes::{Along, CellBox};
use crate::analysis::sorted;
use crate::analysis::words;
use crate::tier::{Arm, Cents, Score, Tier, TierArmDocument};

/// A condition of an arm
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    ScoreFrom,
    ScoreBelow,
    BalanceFrom,
    BalanceBelow,
    SignalsMin,
}

impl Condition {
    const ALL: [Condition; 5] = [
        Condition::ScoreFrom,
        Condition::ScoreBelow,
        Condition::BalanceFrom,
        Condition::BalanceBelow,
        Condition::SignalsMin,
    ];

    const BOUNDS: [Condition; 4] =
        [Condition::ScoreFrom, Condition::ScoreBelow, Condition::BalanceFrom, Condition::BalanceBelow];

    fn field(self) -> &'static str {
        match self {
            Condition::ScoreFrom => "score_from",
            Condition::ScoreBelow => "score_below",
            Condition::BalanceFrom => "balance_from",
            Condition::BalanceBelow => "balance_below",
            Condition::SignalsMin => "signals_min",
        }
    }

    fn along(self) -> Along {
        match self {
            Condition::ScoreFrom | Condition::ScoreBelow => Along::Score,
            Condition::BalanceFrom | Condition::BalanceBelow => Along::Balance,
            Condition::SignalsMin => Along::Signals,
        }
    }

    fn is_from(self) -> bool {
        matches!(self, Condition::ScoreFrom | Condition::BalanceFrom)
    }

    /// What an arm asks for, in hundredths or signals.
    fn value(self, arm: &Arm) -> Option<i64> {
        match self {
            Condition::ScoreFrom => arm.score.from,
            Condition::ScoreBelow => arm.score.below,
            Condition::BalanceFrom => arm.balance.from,
            Condition::BalanceBelow => arm.balance.below,
            Condition::SignalsMin => Some(i64::from(arm.signals_min)).filter(|signals| *signals > 0),
        }
    }

    /// The bound as the document writes it: a limit's name or a decimal.
    fn text(self, arm: &TierArmDocument) -> Option<&str> {
        match self {
            Condition::ScoreFrom => arm.score_from.as_deref(),
            Condition::ScoreBelow => arm.score_below.as_deref(),
            Condition::BalanceFrom => arm.balance_from.as_deref(),
            Condition::BalanceBelow => arm.balance_below.as_deref(),
            Condition::SignalsMin => None,
        }
    }

    /// The cells that only this condition keeps from the arm.
    fn kept_out(self, subject: &Subject, arm: &PlacedArm) -> CellBox {
        let all = arm.cells.clone();
        match self {
            Condition::ScoreFrom => CellBox { columns: 0..all.columns.start, ..all },
            Condition::ScoreBelow => CellBox { columns: all.columns.end..subject.axes.width(), ..all },
            Condition::BalanceFrom => CellBox { rows: 0..all.rows.start, ..all },
            Condition::BalanceBelow => CellBox { rows: all.rows.end..subject.axes.height(), ..all },
            Condition::SignalsMin => CellBox { planes: (1 << arm.arm.signals_min) - 1, ..all },
        }
    }
}

/// Conditions that arms which decide could do without, each for itself
///
/// Without a condition an arm takes what the condition keeps out and no earlier arm takes; that changes nothing
/// where all of it has the arm's tier anyway.
pub(super) fn idle_conditions(subject: &Subject) -> Vec<Finding> {
    let mut decides = vec![false; subject.arms.len()];
    for decider in &subject.deciders {
        decides.get_mut(usize::from(*decider)).into_iter().for_each(|decides| *decides = true);
    }
    // Of each cell and each tier, 1 + the decider if it gives another tier, else 0.
    let rivals = Tier::ALL.map(|tier| {
        let decided = subject.deciders.iter().zip(&subject.tiers);
        decided
            .map(|(decider, number)| if *number == tier.number() { 0 } else { decider + 1 })
            .collect::<Vec<u16>>()
    });
    let mut idle: [Vec<(&PlacedArm, CellBox)>; 5] = Default::default();
    for (arm, _) in subject.arms.iter().zip(decides).filter(|(_, decides)| *decides) {
        let Some(rivals) = rivals.get(usize::from(arm.tier.number())) else { continue };
        for (condition, idle) in Condition::ALL.into_iter().zip(&mut idle) {
            if condition.value(arm.arm).is_none() {
                continue;
            }
            let kept_out = condition.kept_out(subject, arm);
            let last_rival = |cells: Range<usize>| {
                rivals.get(cells).unwrap_or_default().iter().fold(0, |last, rival| (*rival).max(last))
            };
            if kept_out.lines(&subject.axes).all(|cells| last_rival(cells) <= arm.number + 1) {
                idle.push((arm, kept_out));
            }
        }
    }
    let mut findings = Vec::new();
    for (condition, arms) in Condition::ALL.into_iter().zip(&idle) {
        findings.extend(arms.first().map(|first| idle_condition(subject, condition, arms, first)));
    }
    findings
}

/// `first` of some arms, each with the cells that the condition keeps out of it.
fn idle_condition(
    subject: &Subject,
    condition: Condition,
    arms: &[(&PlacedArm, CellBox)],
    (first, kept_out): &(&PlacedArm, CellBox),
) -> Finding {
    let what = match condition {
        Condition::ScoreFrom => "lower score limit",
        Condition::ScoreBelow => "upper score limit",
        Condition::BalanceFrom => "lower balance limit",
        Condition::BalanceBelow => "upper balance limit",
        Condition::SignalsMin => "least number of asset signals",
    };
    let mut told = Vec::new();
    for (arm, _) in arms {
        let value = value_text(condition.along(), condition.value(arm.arm).unwrap_or(0));
        let name =
            condition.text(arm.document).filter(|text| subject.policy.document().limits.contains_key(*text));
        let named = name.map(|name| format!(" ({name})")).unwrap_or_default();
        told.push(format!("{value}{named} in rule {}", arm.id));
    }
    let [s, changes, it] =
        if arms.len() == 1 { ["", "changes", "it"] } else { ["s", "change", "any one of them"] };
    let what = if condition == Condition::SignalsMin { what.to_owned() } else { format!("{what}{s}") };
    let message = format!(
        "The {what} {} {changes} nothing: without {it} every judgment keeps its tier",
        words::listed_some(&told)
    );
    let mut finding = subject.finding(Severity::Note, FindingCode::IdleCondition, message);
    finding.rules = subject.named(&arms.iter().map(|(arm, _)| arm.number).collect::<Vec<_>>());
    finding.fields = arms.iter().map(|(arm, _)| format!("{}.{}", arm.field(), condition.field())).collect();
    // A condition that keeps nothing out is shown by what the arm takes.
    let is_empty = kept_out.rows.is_empty() || kept_out.columns.is_empty();
    let shown = if is_empty { &first.cells } else { kept_out };
    finding.examples = vec![subject.example(shown.first(&subject.axes))];
    finding
}

/// Named limits that can move to their neighbours on both sides without changing a tier, each for itself
///
/// A name that bounds both scores and balances is left alone: it moves in two facts at once.
pub(super) fn idle_limits(subject: &Subject) -> Vec<Finding> {
    let mut findings = Vec::new();
    for along in [Along::Score, Along::Balance] {
        let mut idle = Vec::new();
        for name in subject.policy.document().limits.keys() {
            let uses = uses_of(subject, name);
            let value = uses.first().and_then(|(arm, condition)| condition.value(arm.arm));
            let is_along = uses.iter().all(|(_, condition)| condition.along() == along);
            if let Some(value) = value.filter(|value| is_along && is_idle(subject, along, *value, &uses)) {
                idle.push(NamedLimit { name, value, uses });
            }
        }
        findings.extend(idle.first().map(|first| idle_limit(subject, along, &idle, first)));
    }
    findings
}

/// A limit that arms refer to by its name
struct NamedLimit<'a> {
    name: &'a str,
    /// Hundredths.
    value: i64,
    uses: Vec<(&'a PlacedArm<'a>, Condition)>,
}

/// The arms that refer to a limit by its name, ascending, with the condition that does.
fn uses_of<'a>(subject: &'a Subject, name: &str) -> Vec<(&'a PlacedArm<'a>, Condition)> {
    let mut uses = Vec::new();
    for arm in &subject.arms {
        for condition in Condition::BOUNDS {
            if condition.text(arm.document) == Some(name) {
                uses.push((arm, condition));
            }
        }
    }
    uses
}

fn is_idle(subject: &Subject, along: Along, value: i64, uses: &[(&PlacedArm, Condition)]) -> bool {
    let at = along.axis(&subject.axes).at(value);
    // Moved down, the limit gives up the band below it; moved up, the band above.
    let down = at.checked_sub(1).is_none_or(|below| !changes_when_moved(subject, along, below, below, uses));
    down && !changes_when_moved(subject, along, at, at + 1, uses)
}

/// Whether any judgment of one band changes its tier when a limit moves to where the band `moved_to` begins
fn changes_when_moved(
    subject: &Subject,
    along: Along,
    band: usize,
    moved_to: usize,
    uses: &[(&PlacedArm, Condition)],
) -> bool {
    let axes = &subject.axes;
    // Of each plane, the tiers along the other fact.
    let length = if along == Along::Score { axes.height() } else { axes.width() };
    let mut moved = vec![subject.policy.fallback.number(); length * axes.planes.len()];
    for arm in subject.arms.iter().rev() {
        let (columns, rows) = (arm.cells.columns.clone(), arm.cells.rows.clone());
        let (mut bands, others) = if along == Along::Score { (columns, rows) } else { (rows, columns) };
        for (_, condition) in uses.iter().filter(|(user, _)| user.number == arm.number) {
            if condition.is_from() {
                bands.start = moved_to;
            } else {
                bands.end = moved_to;
            }
        }
        if bands.contains(&band) {
            for plane in moved.chunks_mut(length).skip(usize::from(arm.arm.signals_min)) {
                plane.get_mut(others.clone()).unwrap_or_default().fill(arm.tier.number());
            }
        }
    }
    moved.chunks(length).enumerate().any(|(plane, line)| {
        line.iter().enumerate().any(|(other, tier)| {
            let cell = match along {
                Along::Score => axes.cell(plane, other, band),
                _ => axes.cell(plane, band, other),
            };
            subject.tiers.get(cell) != Some(tier)
        })
    })
}

/// `first` of some limits.
fn idle_limit(subject: &Subject, along: Along, limits: &[NamedLimit], first: &NamedLimit) -> Finding {
    let axis = along.axis(&subject.axes);
    let text = |value: i64| value_text(along, value);
    let mut told = Vec::new();
    let mut arms = Vec::new();
    let mut fields = Vec::new();
    for NamedLimit { name, value, uses } in limits {
        let at = axis.at(*value);
        let from = text(at.checked_sub(1).map_or(0, |below| axis.first(below)));
        let range = match axis.starts.get(at + 1) {
            Some(next) => format!("from {from} to {}", text(*next)),
            None => format!("from {from} up"),
        };
        told.push(format!("{name} ({}, could be anywhere {range})", text(*value)));
        fields.push(format!("limits.{name}"));
        for (arm, condition) in uses {
            sorted::insert(&mut arms, arm.number);
            fields.push(format!("{}.{}", arm.field(), condition.field()));
        }
    }
    let [limit, changes, it] =
        if limits.len() == 1 { ["Limit", "changes", "it"] } else { ["Limits", "change", "any one of them"] };
    let message = format!(
        "{limit} {} {changes} nothing: with {it} moved so, every judgment keeps its tier",
        words::listed_some(&told)
    );
    let mut finding = subject.finding(Severity::Warning, FindingCode::IdleLimit, message);
    finding.rules = subject.named(&arms);
    finding.fields = fields;
    let at = axis.at(first.value);
    let cell = if along == Along::Score { subject.axes.cell(0, 0, at) } else { subject.axes.cell(0, at, 0) };
    finding.examples = vec![subject.example(cell)];
    finding
}

/// Named limits that no arm refers to
pub(super) fn unused_limits(subject: &Subject) -> Option<Finding> {
    let mut told = Vec::new();
    let mut fields = Vec::new();
    for (name, value) in &subject.policy.document().limits {
        if uses_of(subject, name).is_empty() {
            told.push(format!("{name} ({value})"));
            fields.push(format!("limits.{name}"));
        }
    }
    let limits_are = match told.len() {
        0 => return None,
        1 => ["Limit", "is"],
        _ => ["Limits", "are"],
    };
    let [limits, are] = limits_are;
    let message = format!("{limits} {} {are} used by no rule", words::listed_some(&told));
    let mut finding = subject.finding(Severity::Note, FindingCode::UnusedLimit, message);
    finding.fields = fields;
    Some(finding)
}

fn value_text(along: Along, value: i64) -> String {
    match along {
        Along::Score => {
            let score = u16::try_from(value).ok().and_then(Score::from_hundredths).unwrap_or(Score::MAX);
            score.to_string()
        }
        Along::Balance => format!("${}", Cents::from_cents(value).unwrap_or(Cents::MAX)),
        Along::Signals => value.to_string(),
    }
}
