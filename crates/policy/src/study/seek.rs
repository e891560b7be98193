//! The search from a goal to the limits that reach it.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::sweep::{Dial, SweepError, Totals};
use super::{Amount, Money, Total, sort};
use crate::cells::{Axes, Row};
use crate::portfolio::Portfolio;
use crate::tier::{Tier, TierPolicy};

/// More pairs of values than this are not tried; so many take less than a second.
const PAIRS_MAX: u64 = 100_000_000;

/// What the tiers' totals should be
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// What must hold.
    #[serde(default)]
    pub within: Vec<TierRange>,
    /// What is then to be as large or as small as possible.
    pub best: Objective,
}

/// Bounds on the total of one tier, all inclusive; what is absent is not asked for
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierRange {
    /// The tier.
    pub tier: Tier,
    /// So many judgments at least.
    #[serde(default)]
    pub count_min: Option<u32>,
    /// So many judgments at most.
    #[serde(default)]
    pub count_max: Option<u32>,
    /// So much money at least.
    #[serde(default)]
    pub balance_min: Option<Money>,
    /// So much money at most.
    #[serde(default)]
    pub balance_max: Option<Money>,
}

/// The number to make large or small
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// Of this tier,
    pub tier: Tier,
    /// the judgments or the money:
    pub of: Measured,
    /// the most or the least.
    pub extreme: Extreme,
}

/// What of a total is measured
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// Judgments.
    Count,
    /// Money.
    Balance,
}

/// Which end is wanted
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extreme {
    /// As large as possible.
    Most,
    /// As small as possible.
    Least,
}

/// A limit that the search may turn
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Its name.
    pub limit: String,
    /// Only multiples of this are tried; a hundredth, which is every value, when absent.
    #[serde(default)]
    pub step: Option<Amount>,
}

/// Values that reach a goal
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sought {
    /// The limits as they were asked for, each with its value.
    pub limits: Vec<SoughtLimit>,
    /// What the tiers then hold.
    pub tiers: [Total; 4],
}

/// The value of one limit
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoughtLimit {
    /// Its name.
    pub limit: String,
    /// Its value in the policy.
    pub current: Amount,
    /// The value that was found.
    pub value: Amount,
}

/// Why there is nothing to search
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeekError {
    /// A limit that cannot be turned.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// No limit, more than two, or one twice.
    #[error("one or two different limits can be turned")]
    WrongLimits,
    /// A step that is no step.
    #[error("the step of `{0}` is not above 0")]
    NoStep(String),
    /// More values than can be tried.
    #[error("{0} pairs of values are more than 100000000: take a coarser step")]
    TooManyPairs(u64),
}

/// Searches the values of one or two limits for those that reach a goal best
///
/// Tried are all values that leave the bounds of every arm in order and that are multiples of the step, but for
/// those that give each tier the same judgments as another: the outcome is the optimum, not a good guess. Of
/// values that are equally good, those are taken whose first limit is nearest to its value in the policy, then
/// those whose second is; of two at the same distance the smaller. `None` where no values fulfil the goal.
pub fn seek(
    policy: &TierPolicy,
    turns: &[Turn],
    goal: &Goal,
    portfolio: &Portfolio,
) -> Result<Option<Sought>, SeekError> {
    let (first, second) = match turns {
        [first] => (first, None),
        [first, second] if first.limit != second.limit => (first, Some(second)),
        _ => return Err(SeekError::WrongLimits),
    };
    let of_second = second.map(|turn| Dial::new(policy, &turn.limit, Some(&first.limit))).transpose()?;
    let of_first = Dial::new(policy, &first.limit, second.map(|turn| turn.limit.as_str()))?;
    let order = match &of_second {
        Some(second) if of_first.is_bounded_by(second.name) => Order::FirstBelow,
        Some(second) if second.is_bounded_by(of_first.name) => Order::SecondBelow,
        _ => Order::Free,
    };

    // Whether the first limit is at or below the judgment's value, then whether the second is.
    let table = |first: i64, second: i64| match &of_second {
        Some(dial) => of_first.table([(&of_first, first), (dial, second)]),
        None => of_first.table([(&of_first, first), (&of_first, first)]),
    };
    let tables = [
        [table(i64::MAX, i64::MAX), table(i64::MAX, i64::MIN)],
        [table(i64::MIN, i64::MAX), table(i64::MIN, i64::MIN)],
    ];
    let axes = Axes::of(tables.as_flattened());
    let painted = tables.each_ref().map(|tables| tables.each_ref().map(|table| axes.tiers(table)));

    let mut unmoved = Totals::default();
    let mut movers = Vec::new();
    for row in axes.rows(portfolio) {
        let cell = axes.cell_of(&row);
        let tier = |tiers: &Vec<Tier>| tiers.get(cell).copied().unwrap_or(Tier::Monitor);
        let tiers = painted.each_ref().map(|painted| painted.each_ref().map(tier));
        if tiers.as_flattened().iter().all(|tier| *tier == tiers[0][0]) {
            unmoved.add(tiers[0][0], 1, row.balance_cents);
        } else {
            movers.push((row, tiers));
        }
    }
    let moved_by_first = movers.iter().filter(|(_, [without, with])| without != with);
    let first_values = Values::new(&of_first, first.step, moved_by_first.map(|(row, _)| row))?;
    let second_values = match (&of_second, second) {
        (Some(dial), Some(turn)) => {
            let moved_by_second =
                movers.iter().filter(|(_, tiers)| tiers.iter().any(|[without, with]| without != with));
            Values::new(dial, turn.step, moved_by_second.map(|(row, _)| row))?
        }
        _ => Values::only(0),
    };
    let pairs = (first_values.starts.len() as u64).saturating_mul(second_values.starts.len() as u64);
    if pairs > PAIRS_MAX {
        return Err(SeekError::TooManyPairs(pairs));
    }

    let movers: Vec<Mover> = movers
        .into_iter()
        .map(|(row, tiers)| Mover {
            firsts: first_values.reached(of_first.value(&row)),
            seconds: of_second.as_ref().map_or(1, |dial| second_values.reached(dial.value(&row))),
            tiers,
            balance_cents: row.balance_cents,
        })
        .collect();
    let mut order_of_first: Vec<(i64, u64)> =
        (0..).zip(&movers).map(|(place, mover)| (mover.firsts as i64, place)).collect();
    sort(&mut order_of_first);

    // How the totals change from each value of the second limit to its next, at one value of the first; to begin
    // with at one below all, which every judgment reaches.
    let mut changes = vec![Totals::default(); second_values.starts.len()];
    if let Some(start) = changes.first_mut() {
        *start = unmoved;
    }
    for mover in &movers {
        mover.put(&mut changes, true, 1);
    }
    let mut waiting = order_of_first.as_slice();
    let mut best: Option<Candidate> = None;
    for first_place in 0..first_values.starts.len() {
        let passed = waiting.partition_point(|(firsts, _)| *firsts <= first_place as i64);
        let (passed, rest) = waiting.split_at(passed);
        waiting = rest;
        for mover in passed.iter().filter_map(|(_, place)| movers.get(*place as usize)) {
            mover.put(&mut changes, true, -1);
            mover.put(&mut changes, false, 1);
        }
        let mut totals = Totals::default();
        for (second_place, change) in changes.iter().enumerate() {
            totals.add_all(change);
            let Some(rank) =
                goal.rank(&totals).filter(|rank| best.as_ref().is_none_or(|best| *rank >= best.rank))
            else {
                continue;
            };
            let stretches = first_values.stretch(first_place).zip(second_values.stretch(second_place));
            let Some((first, second)) = stretches.and_then(|(first, second)| order.nearest(first, second))
            else {
                continue;
            };
            let distances = [first_values.distance(first), second_values.distance(second)];
            let is_better = best
                .as_ref()
                .is_none_or(|best| (rank, distances.map(Reverse)) > (best.rank, best.distances.map(Reverse)));
            if is_better {
                best = Some(Candidate { rank, distances, values: [first, second], totals });
            }
        }
    }
    Ok(best.map(|best| Sought {
        limits: std::iter::once(&of_first)
            .chain(&of_second)
            .zip(best.values)
            .map(|(dial, value)| SoughtLimit {
                limit: dial.name.to_owned(),
                current: Amount(dial.current),
                value: Amount(value),
            })
            .collect(),
        tiers: best.totals.by_tier(),
    }))
}

impl Goal {
    /// How good totals are, more being better; `None` where they do not fulfil the goal
    fn rank(&self, totals: &Totals) -> Option<i64> {
        let is_within = self.within.iter().all(|range| {
            let (count, cents) = totals.of(range.tier);
            range.count_min.is_none_or(|min| count >= i64::from(min))
                && range.count_max.is_none_or(|max| count <= i64::from(max))
                && range.balance_min.is_none_or(|min| cents >= min.0)
                && range.balance_max.is_none_or(|max| cents <= max.0)
        });
        let (count, cents) = totals.of(self.best.tier);
        let measured = if self.best.of == Measured::Count { count } else { cents };
        let rank = if self.best.extreme == Extreme::Most { measured } else { -measured };
        is_within.then_some(rank)
    }
}

/// The best so far
struct Candidate {
    rank: i64,
    distances: [(i64, i64); 2],
    values: [i64; 2],
    totals: Totals,
}

/// A judgment that the limits can move
struct Mover {
    /// How many of the first limit's values lie at or below its own.
    firsts: usize,
    /// And of the second limit's.
    seconds: usize,
    /// By whether it reaches the first limit, then the second.
    tiers: [[Tier; 2]; 2],
    balance_cents: i64,
}

impl Mover {
    /// Adds the judgment to the totals, or with `count` -1 takes it out.
    fn put(&self, changes: &mut [Totals], reaches_first: bool, count: i64) {
        let [not_reached, reached] = self.tiers;
        let [without, with] = if reaches_first { reached } else { not_reached };
        let cents = count * self.balance_cents;
        if let Some(start) = changes.first_mut().filter(|_| self.seconds > 0) {
            start.add(with, count, cents);
        }
        if let Some(change) = changes.get_mut(self.seconds) {
            if self.seconds > 0 {
                change.add(with, -count, -cents);
            }
            change.add(without, count, cents);
        }
    }
}

/// The values of a limit that are tried
struct Values {
    /// The first of each stretch of values that give every tier the same judgments; all multiples of `step`.
    starts: Vec<i64>,
    /// The last multiple.
    last: i64,
    step: i64,
    current: i64,
}

/// Values from `min` to `max`, multiples of `step`, to choose from
#[derive(Clone, Copy)]
struct Stretch {
    min: i64,
    max: i64,
    step: i64,
    current: i64,
}

impl Values {
    fn new<'a>(
        dial: &Dial<'_>,
        step: Option<Amount>,
        movers: impl Iterator<Item = &'a Row>,
    ) -> Result<Values, SeekError> {
        let step = step.map_or(1, Amount::hundredths);
        if step <= 0 {
            return Err(SeekError::NoStep(dial.name.to_owned()));
        }
        let min = up_to_multiple(dial.min, step);
        let last = dial.max - dial.max.rem_euclid(step);
        // A judgment no longer reaches the limit at the first value above its own.
        let starts = movers.map(|row| up_to_multiple(dial.value(row) + 1, step)).chain([min]);
        let mut starts: Vec<(i64, u64)> =
            starts.filter(|start| (min..=last).contains(start)).map(|start| (start, 0)).collect();
        sort(&mut starts);
        starts.dedup();
        let starts = starts.into_iter().map(|(start, _)| start).collect();
        Ok(Values { starts, last, step, current: dial.current })
    }

    fn only(value: i64) -> Values {
        Values { starts: vec![value], last: value, step: 1, current: value }
    }

    /// How many stretches lie at or below a judgment's value.
    fn reached(&self, value: i64) -> usize {
        self.starts.partition_point(|start| *start <= value)
    }

    fn stretch(&self, place: usize) -> Option<Stretch> {
        let min = *self.starts.get(place)?;
        let max = self.starts.get(place + 1).map_or(self.last, |next| next - self.step);
        Some(Stretch { min, max, step: self.step, current: self.current })
    }

    /// How far from today's value, then the value, to order by.
    fn distance(&self, value: i64) -> (i64, i64) {
        ((value - self.current).abs(), value)
    }
}

impl Stretch {
    fn nearest(self) -> Option<i64> {
        let down = self.current - self.current.rem_euclid(self.step);
        let up = up_to_multiple(self.current, self.step);
        let near = if up - self.current < self.current - down { up } else { down };
        (self.min <= self.max).then(|| near.clamp(self.min, self.max))
    }

    fn below(self, value: i64) -> Stretch {
        Stretch { max: self.max.min(value - 1 - (value - 1).rem_euclid(self.step)), ..self }
    }

    fn above(self, value: i64) -> Stretch {
        Stretch { min: self.min.max(up_to_multiple(value + 1, self.step)), ..self }
    }
}

fn up_to_multiple(value: i64, step: i64) -> i64 {
    let beyond = value.rem_euclid(step);
    if beyond == 0 { value } else { value.saturating_add(step - beyond) }
}

/// How two limits must stand to each other, because an arm lies between them
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Free,
    FirstBelow,
    SecondBelow,
}

impl Order {
    /// The values nearest to today's that are in order: of the first limit, then of the second.
    fn nearest(self, first: Stretch, second: Stretch) -> Option<(i64, i64)> {
        match self {
            Order::Free => first.nearest().zip(second.nearest()),
            Order::FirstBelow => {
                let value = first.below(second.max).nearest()?;
                Some(value).zip(second.above(value).nearest())
            }
            Order::SecondBelow => {
                let value = first.above(second.min).nearest()?;
                Some(value).zip(second.below(value).nearest())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch([min, max, step, current]: [i64; 4]) -> Stretch {
        Stretch { min, max, step, current }
    }

    #[test]
    fn values_of_two_limits_keep_their_order_and_stay_near() {
        let check = |order: Order, first: [i64; 4], second: [i64; 4], expect| {
            assert_eq!(order.nearest(stretch(first), stretch(second)), expect);
        };
        check(Order::Free, [0, 1000, 100, 150], [0, 800, 50, 170], Some((100, 150)));
        check(Order::FirstBelow, [0, 1000, 100, 900], [0, 800, 50, 300], Some((700, 750)));
        check(Order::FirstBelow, [0, 1000, 100, 200], [0, 800, 50, 300], Some((200, 300)));
        check(Order::FirstBelow, [800, 1000, 100, 900], [0, 800, 50, 300], None);
        check(Order::SecondBelow, [0, 500, 100, 0], [250, 800, 50, 400], Some((300, 250)));
        check(Order::SecondBelow, [0, 500, 100, 0], [500, 800, 50, 400], None);
    }
}
