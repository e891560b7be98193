//! Where more is worth less, and where nothing but the fallback stands between rules.

use super::subject::Subject;
use super::{Finding, FindingCode, Severity};
use crate::analysis::Region;
use crate::analysis::cells::{Along, BoxFinder, CellBox};
use crate::analysis::sorted;
use crate::analysis::words;
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
    let (gaps, gap_of) = connected(subject, &labels);
    let mut boxes = vec![Vec::new(); gaps.len()];
    for found in BoxFinder::new(axes, labels, None) {
        let gap = gap_of.get(found.first(axes)).and_then(|gap| boxes.get_mut(*gap as usize));
        gap.into_iter().for_each(|boxes| boxes.push(found.clone()));
    }
    let fallback = subject.policy.fallback.number();
    let is_out_of_order = |cell: &usize| {
        less.get(*cell).is_some_and(|less| *less > 1 + fallback)
            || more.get(*cell).is_some_and(|more| *more > 4 - fallback)
    };
    let findings = gaps.iter().zip(&boxes);
    findings.map(|(gap, boxes)| gap_finding(subject, gap, boxes, gap.iter().any(is_out_of_order))).collect()
}

/// Raises each cell to the one in the same place of `others`; the shorter one ends it.
fn raise(cells: &mut [u8], others: &[u8]) {
    for (cell, other) in cells.iter_mut().zip(others) {
        *cell = (*cell).max(*other);
    }
}

/// The labelled cells in sets that hang together, each with its first cell first, and of each cell the number of its set
///
/// Of more than [`GAPS_MAX`] sets the last one holds all the rest.
fn connected(subject: &Subject, labels: &[u8]) -> (Vec<Vec<usize>>, Vec<u32>) {
    let axes = &subject.axes;
    let mut sets: Vec<Vec<usize>> = Vec::new();
    let mut set_of = vec![u32::MAX; labels.len()];
    let mut open = Vec::new();
    for (first, _) in labels.iter().enumerate().filter(|(_, label)| **label != 0) {
        let mut found = Vec::new();
        let number = sets.len().min(GAPS_MAX - 1) as u32;
        open.push(first);
        while let Some(cell) = open.pop() {
            let is_labelled = labels.get(cell).is_some_and(|label| *label != 0);
            let Some(set) = set_of.get_mut(cell).filter(|set| is_labelled && **set == u32::MAX) else {
                continue;
            };
            *set = number;
            found.push(cell);
            for (along, band) in ALONG.into_iter().zip(axes.place(cell)) {
                if band > 0 {
                    open.push(cell - along.stride(axes));
                }
                if band + 1 < along.bands(axes) {
                    open.push(cell + along.stride(axes));
                }
            }
        }
        match sets.get_mut(GAPS_MAX - 1) {
            Some(rest) => rest.append(&mut found),
            None if found.is_empty() => {}
            None => sets.push(found),
        }
    }
    (sets, set_of)
}

fn gap_finding(subject: &Subject, gap: &[usize], boxes: &[CellBox], is_out_of_order: bool) -> Finding {
    let axes = &subject.axes;
    let regions: Vec<Region> = boxes.iter().map(|found| Region::of(axes, found)).collect();
    let told: Vec<String> = regions
        .iter()
        .take(REGIONS_TOLD_MAX)
        .map(|region| words::of_judgments(region, axes.counted, None))
        .collect();
    let message = format!(
        "No rule takes {}{}: only the fallback does, with {}, although rules take judgments with less and with more",
        told.join(", nor "),
        and_more(regions.len()),
        words::of_tier(subject.policy.fallback),
    );

    // The arms that end where the gap begins. Signals end no arm.
    let mut ending: Vec<(u16, &str)> = Vec::new();
    for found in boxes {
        let (rows, columns) = (found.rows.start, found.columns.start);
        let left = CellBox { columns: columns..columns + usize::from(columns > 0), ..found.clone() };
        let low = CellBox { rows: rows..rows + usize::from(rows > 0), ..found.clone() };
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
    let mut finding = subject.finding(severity, FindingCode::Gap, message).with_regions(regions.into_iter());
    let mut arms = Vec::new();
    for (number, name) in ending {
        sorted::insert(&mut arms, number);
        finding.fields.extend(subject.arm(number).map(|arm| format!("{}.{name}", arm.field())));
    }
    finding.rules = subject.named(&arms);
    finding.examples = gap.first().map(|cell| subject.example(*cell)).into_iter().collect();
    finding
}
