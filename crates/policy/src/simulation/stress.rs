//! What happens while agents are away: the cascade, its peak and the time to recover.

use serde::Serialize;

use super::engine::{Batch, GroupTally, Run, run};
use super::estimate::{BATCHES, Estimate, difference, estimate, share};
use super::outcome::of_arrivals;
use super::scenario::{ARRIVALS_MAX, Arrivals, Scenario};
use crate::routing::{PriorityRank, RoutingError};

/// Pieces that the shown time is cut into.
const BINS: u32 = 60;
/// About as many arrivals are simulated altogether.
const ARRIVALS: f64 = 200_000.0;
/// No more runs than this make one replication.
const RUNS_MAX: u64 = 20;

/// The course of a time in which agents are away, beside the same time without
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stress {
    /// One after the other, of equal length.
    pub bins: Vec<StressBin>,
    /// The peak of each rank group, by rank.
    pub peaks: Vec<StressPeak>,
    /// How long after the last one is back no group's load and no loss can be told from the usual any more; `None` where that is
    /// not within the time shown.
    pub recovered_after: Option<f64>,
    /// The share of all visitors of the time shown who are lost more than usual.
    pub lost_more: Estimate,
}

/// A piece of the time shown
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StressBin {
    /// From when.
    pub from: f64,
    /// Until when.
    pub until: f64,
    /// The share of its visitors who are lost or cut off; `None` where nobody came.
    pub lost: Option<Estimate>,
    /// By rank.
    pub groups: Vec<StressGroup>,
}

/// A rank group in a piece of the time shown
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StressGroup {
    /// Which.
    pub rank: PriorityRank,
    /// Slots in use, on average.
    pub load: Estimate,
    /// The same, had nobody been away.
    pub usual: f64,
}

/// The highest load of a rank group
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StressPeak {
    /// Which.
    pub rank: PriorityRank,
    /// Its slots.
    pub slots: u32,
    /// The highest average load of a piece of time.
    pub load: f64,
    /// When that piece begins.
    pub at: f64,
    /// Most slots in use at any moment of any run.
    pub most: u32,
    /// The highest average load, had nobody been away.
    pub usual: f64,
}

/// Shows what the absences of a scenario do
///
/// From half their length before them until four times their length after, at least ten handling times; a day by the hour from its
/// beginning to its end. Both courses meet the same visitors, in 30 replications of several runs each. Errors: a
/// scenario in which nobody is away, one so long that more than 10,000,000 visitors would come.
pub fn stress(scenario: &Scenario) -> Result<Stress, RoutingError> {
    let first = scenario.away.iter().map(|away| away.from).reduce(f64::min);
    let last = scenario.away.iter().map(|away| away.until).reduce(f64::max);
    let Some((first, last)) = first.zip(last) else {
        return Err(RoutingError::new("away", "is empty: nobody is away"));
    };
    let mean = scenario.handling.mean();
    let length = last - first;
    let [begin, show_from, show_until] = match &scenario.arrivals {
        Arrivals::ByHour(rates) => [0.0, 0.0, rates.len() as f64],
        Arrivals::Constant(_) => {
            let show_from = first - (0.5 * length).max(2.0 * mean);
            // Twenty handling times are enough to forget that the pool began empty.
            [show_from - 20.0 * mean, show_from, last + (4.0 * length).max(10.0 * mean)]
        }
    };
    let width = (show_until - show_from) / f64::from(BINS);
    let mut cuts: Vec<f64> = (1..=BINS).map(|bin| show_from + f64::from(bin) * width).collect();
    if begin < show_from {
        cuts.insert(0, show_from);
    }
    let skipped = cuts.len() - BINS as usize;

    let each = scenario.rate_mean() * (show_until - begin);
    if each * BATCHES as f64 > ARRIVALS_MAX as f64 {
        return Err(RoutingError::new(
            "away",
            "is so long that more than 10000000 visitors would come meanwhile",
        ));
    }
    let runs = (ARRIVALS / BATCHES as f64 / each.max(1.0)).clamp(1.0, RUNS_MAX as f64) as u64;
    let length = Run::Times { from: begin, cuts: &cuts };
    let calm = Scenario { away: Vec::new(), ..scenario.clone() };
    let [stressed, usual] = [scenario, &calm].map(|scenario| replications(scenario, runs, &length, skipped));

    let ranks: Vec<(PriorityRank, u32)> = scenario
        .groups()
        .into_iter()
        .map(|(rank, members)| (rank, members.iter().map(|member| member.slots).sum()))
        .collect();
    let bins = (0..BINS).zip(stressed.iter().zip(&usual)).map(|(bin, (stressed, usual))| {
        let from = show_from + f64::from(bin) * width;
        let groups = ranks.iter().enumerate().map(|(group, (rank, _))| StressGroup {
            rank: *rank,
            load: load(stressed, group),
            usual: load(usual, group).value,
        });
        let groups = groups.collect();
        StressBin { from, until: from + width, lost: share(stressed, &lost), groups }
    });
    let bins: Vec<StressBin> = bins.collect();

    let is_usual = |bin: usize| {
        let Some((stressed, usual)) = stressed.get(bin).zip(usual.get(bin)) else { return false };
        let same = |ratio: &dyn Fn(&Batch) -> (f64, f64)| {
            difference((usual, ratio), (stressed, ratio))
                .is_none_or(|difference| !difference.is_significant())
        };
        (0..ranks.len()).all(|group| same(&|batch| (tally(batch, group).busy, batch.time))) && same(&lost)
    };
    let recovered = bins.iter().enumerate().find(|(bin, of)| of.from >= last && is_usual(*bin));
    let peaks =
        ranks.iter().enumerate().map(|(group, (rank, slots))| peak(&bins, &stressed, group, *rank, *slots));
    let whole = |bins: &[Vec<Batch>]| -> Vec<Batch> {
        let replication =
            |number: usize| bins.iter().filter_map(|bin| bin.get(number)).fold(Batch::default(), added);
        (0..BATCHES as usize).map(replication).collect()
    };
    let lost_more = difference((&whole(&usual), &lost), (&whole(&stressed), &lost));
    Ok(Stress {
        peaks: peaks.collect(),
        recovered_after: recovered.map(|(_, bin)| bin.from - last),
        lost_more: lost_more.unwrap_or(Estimate::certain(0.0)),
        bins,
    })
}

fn peak(
    bins: &[StressBin],
    stressed: &[Vec<Batch>],
    group: usize,
    rank: PriorityRank,
    slots: u32,
) -> StressPeak {
    let mut peak = StressPeak { rank, slots, load: 0.0, at: 0.0, most: 0, usual: 0.0 };
    for bin in bins {
        let Some(of) = bin.groups.get(group) else { continue };
        peak.usual = peak.usual.max(of.usual);
        if of.load.value > peak.load {
            (peak.load, peak.at) = (of.load.value, bin.from);
        }
    }
    peak.most = stressed.iter().flatten().map(|batch| tally(batch, group).peak).max().unwrap_or(0);
    peak
}

fn tally(batch: &Batch, group: usize) -> GroupTally {
    batch.groups.get(group).copied().unwrap_or_default()
}

fn lost(batch: &Batch) -> (f64, f64) {
    of_arrivals(batch.lost + batch.cut_off, batch)
}

fn load(batches: &[Batch], group: usize) -> Estimate {
    let load = estimate(batches, &|batch| (tally(batch, group).busy, batch.time));
    load.unwrap_or(Estimate::certain(0.0))
}

/// Of each piece of time: its replications, each the sum of some runs.
fn replications(scenario: &Scenario, runs: u64, length: &Run<'_>, skipped: usize) -> Vec<Vec<Batch>> {
    let mut bins: Vec<Vec<Batch>> = vec![Vec::new(); BINS as usize];
    for replication in 0..BATCHES {
        let mut sums: Vec<Batch> = vec![Batch::default(); BINS as usize];
        for number in 1..=runs {
            let batches = run(scenario, replication * runs + number, length);
            for (sum, batch) in sums.iter_mut().zip(batches.iter().skip(skipped)) {
                *sum = added(std::mem::take(sum), batch);
            }
        }
        for (bin, sum) in bins.iter_mut().zip(sums) {
            bin.push(sum);
        }
    }
    bins
}

fn added(mut sum: Batch, batch: &Batch) -> Batch {
    sum.arrivals += batch.arrivals;
    sum.time += batch.time;
    sum.lost += batch.lost;
    sum.cut_off += batch.cut_off;
    sum.groups.resize(batch.groups.len(), GroupTally::default());
    for (sum, group) in sum.groups.iter_mut().zip(&batch.groups) {
        sum.busy += group.busy;
        sum.peak = sum.peak.max(group.peak);
    }
    sum
}
