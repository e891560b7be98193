//! Where more is worth less, and where nothing but the fallback stands between rules.

use super::subject::Subject;
use super::{Finding, FindingCode, Severity};
use crate::analysis::Region;
use crate::analysis::boxes::{Along, BoxFinder, CellBox};
use crate::analysis::sorted;
use crate::analysis::words;
use crate::cells::Axes;
use crate::tier::{Cents, JudgmentFacts, Score, Tier};

/// Regions that a sentence tells of; what is left out is counted.
const REGIONS_TOLD_MAX: usize = 3;

/// In the order of [`Axes::place`].
const ALONG: [Along; 3] = [Along::Signals, Along::Balance, Along::Score];

/// Findings of gaps; a policy with more has the rest of them in the last one.
const GAPS_MAX: usize = 50;

/// What stands on the two sides of one place at which tiers fall
#[derive(Default)]
struct Cliff {
    /// The first cell past the place, and the drops as boxes of such cells.
    first: Option<usize>,
    drops: Vec<CellBox>,
    /// The arms that decide on either side.
    arms: Vec<u16>,
}

/// One finding for each limit, or number of signals, at which any judgment falls
pub(super) fn cliffs(subject: &Subject) -> Vec<Finding> {
    ALONG.into_iter().flat_map(|along| cliffs_along(subject, along)).collect()
}

fn cliffs_along(subject: &Subject, along: Along) -> Vec<Finding> {
    let axes = &subject.axes;
    let stride = along.stride(axes);
    let mut cliffs: Vec<Cliff> = Vec::new();
    cliffs.resize_with(along.bands(axes), Cliff::default);

    let mut labels = vec![0; axes.cells()];
    let later = subject.tiers.iter().zip(subject.tiers.iter().skip(stride)).enumerate();
    for (cell, (below, past)) in later.filter(|(_, (below, past))| past < below) {
        let cell = cell + stride;
        let band = along.band(axes, cell);
        // In the first band the cell a stride before is no neighbour.
        if band == 0 {
            continue;
        }
        if let Some(label) = labels.get_mut(cell) {
            *label = 1 + (below << 2 | past);
        }
        if let Some(cliff) = cliffs.get_mut(band) {
            cliff.first.get_or_insert(cell);
            for decider in [cell - stride, cell].into_iter().filter_map(|cell| subject.deciders.get(cell)) {
                sorted::insert(&mut cliff.arms, *decider);
            }
        }
    }
    for found in BoxFinder::new(axes, labels, Some(along)) {
        if let Some(cliff) = cliffs.get_mut(along.band(axes, found.first(axes))) {
            cliff.drops.push(found);
        }
    }
    cliffs.iter().filter_map(|cliff| Some(cliff_finding(subject, along, cliff, cliff.first?))).collect()
}

fn cliff_finding(subject: &Subject, along: Along, cliff: &Cliff, first: usize) -> Finding {
    let axes = &subject.axes;
    let past = axes.smallest(first);
    let below = step_back(subject, along, first, past);
    let score = |facts: &JudgmentFacts| facts.score.unwrap_or(Score::MAX);
    let balance = |facts: &JudgmentFacts| facts.balance.unwrap_or(Cents::MAX);
    let count = |facts: &JudgmentFacts| facts.signals.count_of(subject.policy.assets);
    let place = match along {
        Along::Score => {
            format!("A higher score lowers the tier: from a score of {} to {}", score(&below), score(&past))
        }
        Along::Balance => {
            format!("A higher balance lowers the tier: from ${} to ${}", balance(&below), balance(&past))
        }
        Along::Signals => format!(
            "One more asset signal lowers the tier: from {} to {}",
            count(&below),
            words::signal_count(count(&past))
        ),
    };
    let told: Vec<String> = cliff
        .drops
        .iter()
        .take(REGIONS_TOLD_MAX)
        .map(|drop| {
            let judgments = words::of_judgments(&Region::of(axes, drop), axes.counted, Some(along));
            let pair = drop.label - 1;
            let [from, to] = [pair >> 2, pair].map(Tier::from_low_bits).map(words::of_tier);
            format!("{judgments} falls from {from} to {to}")
        })
        .collect();
    let message = format!("{place}, {}{}", told.join("; "), and_more(cliff.drops.len()));

    let limit = match along {
        Along::Score => i64::from(score(&past).hundredths()),
        Along::Balance => balance(&past).cents(),
        Along::Signals => i64::from(count(&past)),
    };
    let mut finding = subject
        .finding(Severity::Error, FindingCode::Cliff, message)
        .with_regions(cliff.drops.iter().map(|drop| Region::edge(axes, drop, along)));
    finding.rules = subject.named(&cliff.arms);
    finding.fields = fields_at(subject, along, limit, &cliff.arms);
    finding.examples =
        vec![subject.example_of(&below, first - along.stride(axes)), subject.example_of(&past, first)];
    finding
}

/// The judgment that has one step less than the smallest of `cell`.
fn step_back(subject: &Subject, along: Along, cell: usize, past: JudgmentFacts) -> JudgmentFacts {
    match along {
        Along::Score => JudgmentFacts {
            score: past.score.and_then(|score| Score::from_hundredths(score.hundredths().checked_sub(1)?)),
            ..past
        },
        Along::Balance => JudgmentFacts {
            balance: past.balance.and_then(|balance| Cents::from_cents(balance.cents() - 1)),
            ..past
        },
        Along::Signals => {
            let before = subject.axes.smallest(cell - along.stride(&subject.axes));
            JudgmentFacts { signals: before.signals, ..past }
        }
    }
}

/// The bounds of arms that stand at a limit.
fn fields_at(subject: &Subject, along: Along, limit: i64, arms: &[u16]) -> Vec<String> {
    let mut fields = Vec::new();
    for placed in arms.iter().filter_map(|number| subject.arm(*number)) {
        let arm = placed.arm;
        let bounds = match along {
            Along::Score => [("score_from", arm.score.from), ("score_below", arm.score.below)],
            Along::Balance => [("balance_from", arm.balance.from), ("balance_below", arm.balance.below)],
            Along::Signals => [("signals_min", Some(i64::from(arm.signals_min))), ("", None)],
        };
        let at_limit = bounds.into_iter().filter(|(_, bound)| *bound == Some(limit));
        fields.extend(at_limit.map(|(name, _)| format!("{}.{name}", placed.field())));
    }
    fields
}

fn and_more(regions: usize) -> String {
    match regions.saturating_sub(REGIONS_TOLD_MAX) {
        0 => String::new(),
        1 => "; and so in 1 more region".to_owned(),
        more => format!("; and so in {more} more regions"),
    }
}

/// One finding for each connected set of cells that a rule should perhaps take, up to [`GAPS_MAX`]
///
/// The fallback is there for what has less than every rule asks for, or more; a gap is what it takes *between*
/// rules: cells that have no less of score, balance and signals than some cell which a rule takes, and no more
/// than another.
pub(super) fn gaps(subject: &Subject) -> Vec<Finding> {
    let axes = &subject.axes;
    let fallback = subject.fallback();
    let taken = |cell: usize| subject.deciders.get(cell).is_some_and(|decider| *decider != fallback);

    // Of each cell, 1 + the highest tier that rules give to no more than its judgments have, and 4 - the lowest
    // that they give to no less; 0 where there is none.
    let mut less = vec![0_u8; axes.cells()];
    let mut more = less.clone();
    for (cell, tier) in subject.tiers.iter().enumerate().filter(|(cell, _)| taken(*cell)) {
        less.get_mut(cell).into_iter().for_each(|less| *less = 1 + tier);
        more.get_mut(cell).into_iter().for_each(|more| *more = 4 - tier);
    }
    for along in ALONG {
        let (stride, bands) = (along.stride(axes), along.bands(axes));
        for block in less.chunks_mut(stride * bands) {
            for band in 1..bands {
                let (before, rest) = block.split_at_mut(band * stride);
                raise(rest, before.get((band - 1) * stride..).unwrap_or_default());
            }
        }
        for block in more.chunks_mut(stride * bands) {
            for band in (1..bands).rev() {
                let (rest, behind) = block.split_at_mut(band * stride);
                raise(rest.get_mut((band - 1) * stride..).unwrap_or_default(), behind);
            }
        }
    }

    let labels: Vec<u8> = (less.iter().zip(&more).enumerate())
        .map(|(cell, (less, more))| u8::from(*less > 0 && *more > 0 && !taken(cell)))
        .collect();
    let boxes: Vec<CellBox> = BoxFinder::new(axes, labels, None).collect();
    let fallback = subject.policy.fallback.number();
    let is_out_of_order = |cell: usize| {
        less.get(cell).is_some_and(|less| *less > 1 + fallback)
            || more.get(cell).is_some_and(|more| *more > 4 - fallback)
    };
    connected(axes, &boxes)
        .iter()
        .map(|gap| {
            let mut cells = gap.iter().flat_map(|found| found.lines(axes)).flatten();
            gap_finding(subject, gap, cells.any(is_out_of_order))
        })
        .collect()
}

/// Raises each cell to the one in the same place of `others`; the shorter one ends it.
fn raise(cells: &mut [u8], others: &[u8]) {
    for (cell, other) in cells.iter_mut().zip(others) {
        *cell = (*cell).max(*other);
    }
}

/// Boxes in sets that hang together, each in the order of the boxes
///
/// Of more than [`GAPS_MAX`] sets the last one holds all the rest.
fn connected<'a>(axes: &Axes, boxes: &'a [CellBox]) -> Vec<Vec<&'a CellBox>> {
    let mut box_of = vec![usize::MAX; axes.cells()];
    for (number, found) in boxes.iter().enumerate() {
        for cells in found.lines(axes) {
            box_of.get_mut(cells).unwrap_or_default().fill(number);
        }
    }
    // Of each box, one of no higher number that hangs together with it; itself, if it is the first of its set.
    let mut joined: Vec<usize> = (0..boxes.len()).collect();
    for (number, found) in boxes.iter().enumerate() {
        let (rows, columns) = (found.rows.end, found.columns.end);
        let plane_behind = 1_u32 << (16 - found.planes.leading_zeros());
        let behind = [
            CellBox { columns: columns..(columns + 1).min(axes.width()), ..found.clone() },
            CellBox { rows: rows..(rows + 1).min(axes.height()), ..found.clone() },
            // None behind the last: the lines of planes that are not there are none.
            CellBox { planes: plane_behind as u16, ..found.clone() },
        ];
        let mut last = usize::MAX;
        for cells in behind.iter().flat_map(|face| face.lines(axes)) {
            for neighbour in box_of.get(cells).unwrap_or_default() {
                if *neighbour != last && *neighbour != usize::MAX {
                    last = *neighbour;
                    let (one, other) = (first_joined(&mut joined, number), first_joined(&mut joined, last));
                    joined.get_mut(one.max(other)).into_iter().for_each(|joined| *joined = one.min(other));
                }
            }
        }
    }
    let mut sets: Vec<Vec<&CellBox>> = Vec::new();
    let mut set_of = vec![0; boxes.len()];
    for (number, found) in boxes.iter().enumerate() {
        let first = first_joined(&mut joined, number);
        if first == number {
            let is_full = sets.len() == GAPS_MAX;
            if !is_full {
                sets.push(Vec::new());
            }
            set_of.get_mut(number).into_iter().for_each(|set| *set = sets.len() - 1);
        }
        let set = set_of.get(first).and_then(|set| sets.get_mut(*set));
        set.into_iter().for_each(|set| set.push(found));
    }
    sets
}

/// The first box of the set that a box is in, so far; shortens the way to it.
fn first_joined(joined: &mut [usize], number: usize) -> usize {
    let mut first = number;
    while let Some(next) = joined.get(first).copied().filter(|next| *next != first) {
        let after = joined.get(next).copied().unwrap_or(next);
        joined.get_mut(first).into_iter().for_each(|joined| *joined = after);
        first = next;
    }
    first
}

fn gap_finding(subject: &Subject, gap: &[&CellBox], is_out_of_order: bool) -> Finding {
    let axes = &subject.axes;
    let regions = || gap.iter().map(|found| Region::of(axes, found));
    let told: Vec<String> = regions()
        .take(REGIONS_TOLD_MAX)
        .map(|region| words::of_judgments(&region, axes.counted, None))
        .collect();
    let message = format!(
        "No rule takes {}{}: only the fallback does, with {}, although rules take judgments with less and with more",
        told.join(", nor "),
        and_more(gap.len()),
        words::of_tier(subject.policy.fallback),
    );

    // The arms that end where the gap begins. Signals end no arm.
    let mut ending: Vec<(u16, &str)> = Vec::new();
    for found in gap {
        let (rows, columns) = (found.rows.start, found.columns.start);
        let left = CellBox { columns: columns..columns + usize::from(columns > 0), ..(*found).clone() };
        let low = CellBox { rows: rows..rows + usize::from(rows > 0), ..(*found).clone() };
        for (edge, along, name) in
            [(left, Along::Score, "score_below"), (low, Along::Balance, "balance_below")]
        {
            for cell in edge.lines(axes).flatten() {
                let decider = subject.deciders.get(cell - along.stride(axes));
                if let Some(number) = decider.filter(|number| **number < subject.fallback()) {
                    sorted::insert(&mut ending, (*number, name));
                }
            }
        }
    }
    let severity = if is_out_of_order { Severity::Warning } else { Severity::Note };
    let mut finding = subject.finding(severity, FindingCode::Gap, message).with_regions(regions());
    let mut arms = Vec::new();
    for (number, name) in ending {
        sorted::insert(&mut arms, number);
        finding.fields.extend(subject.arm(number).map(|arm| format!("{}.{name}", arm.field())));
    }
    finding.rules = subject.named(&arms);
    finding.examples = gap.first().map(|found| subject.example(found.first(axes))).into_iter().collect();
    finding
}
