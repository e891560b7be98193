//! Past days under one policy: what the tiers of each day would have been, and how often each judgment would have changed its own.
//!
//! Facts are kept as changes, and only these are evaluated: a judgment whose facts stay as they are for a year
//! costs as much as for a day.

use crate::tier::{Cents, JudgmentFacts, Tier};

/// The most days that are replayed at once.
pub const DAYS_MAX: u32 = 366;

/// The facts of a judgment from a day on, until its next change
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactsChange {
    /// Names the judgment.
    pub judgment_no: u64,
    /// From the first day, which is 0 and has everything earlier in it too.
    pub day: u32,
    /// `None` while the judgment is closed, and so has no tier.
    pub facts: Option<JudgmentFacts>,
}

/// What a policy would have made of a range of days; every day is taken as it ended
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// Day by day.
    pub days: Vec<ReplayedDay>,
    /// Judgments by how often they would have changed tier: entry 3 counts those that would have three times.
    pub flips: Vec<u32>,
    /// Those that would have changed tier at all, most often first, then by number.
    pub flipped: Vec<Flipped>,
}

/// One day of a [`Replay`]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReplayedDay {
    /// Active judgments of each tier.
    pub counts: [u32; 4],
    /// Their balances in cents; a missing balance adds nothing.
    pub balance_cents: [i128; 4],
    /// Judgments whose tier is another than the last that they had before; the first day has none.
    pub changes: u32,
}

/// A judgment that would have changed tier
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flipped {
    /// Names the judgment.
    pub judgment_no: u64,
    /// How often.
    pub flips: u32,
    /// Its tier at first.
    pub first: Tier,
    /// Its tier in the end.
    pub last: Tier,
}

/// Why changes cannot be replayed
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// A range of no day or of more than [`DAYS_MAX`].
    #[error("{0} days are not 1 to {DAYS_MAX}")]
    Days(u32),
    /// A change behind the last day.
    #[error("judgment {judgment_no} changes on day {day}, which is behind the last")]
    DayOutside {
        /// The judgment.
        judgment_no: u64,
        /// The day.
        day: u32,
    },
    /// Changes that are not ordered by judgment, then by day.
    #[error("the changes of judgment {0} are out of order")]
    OutOfOrder(u64),
}

/// Takes changes one by one, ordered by judgment, then by time; of several on one day the last counts
#[derive(Debug)]
pub struct Replayer<F> {
    tier_of: F,
    /// What each day adds to the day before; one more than there are days, for what ends with the last.
    steps: Vec<Step>,
    current: Option<Current>,
    flips: Vec<u32>,
    flipped: Vec<Flipped>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Step {
    counts: [i64; 4],
    balance_cents: [i128; 4],
    changes: u32,
}

/// The judgment whose changes are being taken
#[derive(Debug)]
struct Current {
    judgment_no: u64,
    /// The newest change: it holds from `day` until the next one comes.
    day: u32,
    facts: Option<JudgmentFacts>,
    /// What was evaluated last.
    evaluated: Option<(JudgmentFacts, Tier)>,
    first: Option<Tier>,
    flips: u32,
}

impl<F: FnMut(&JudgmentFacts) -> Tier> Replayer<F> {
    /// Begins a replay of so many days under the policy that `tier_of` evaluates.
    pub fn new(days: u32, tier_of: F) -> Result<Self, ReplayError> {
        if !(1..=DAYS_MAX).contains(&days) {
            return Err(ReplayError::Days(days));
        }
        let steps = vec![Step::default(); days as usize + 1];
        Ok(Self { tier_of, steps, current: None, flips: Vec::new(), flipped: Vec::new() })
    }

    /// Takes the next change.
    pub fn push(&mut self, change: FactsChange) -> Result<(), ReplayError> {
        let FactsChange { judgment_no, day, facts } = change;
        if day as usize + 1 >= self.steps.len() {
            return Err(ReplayError::DayOutside { judgment_no, day });
        }
        match &mut self.current {
            Some(current) if current.judgment_no == judgment_no && current.day == day => {
                current.facts = facts
            }
            Some(current) if current.judgment_no == judgment_no && current.day < day => {
                hold(&mut self.steps, &mut self.tier_of, current, day);
                (current.day, current.facts) = (day, facts);
            }
            Some(current) if current.judgment_no >= judgment_no => {
                return Err(ReplayError::OutOfOrder(judgment_no));
            }
            _ => {
                self.end_judgment();
                self.current =
                    Some(Current { judgment_no, day, facts, evaluated: None, first: None, flips: 0 });
            }
        }
        Ok(())
    }

    /// Adds up what was taken.
    pub fn finish(mut self) -> Replay {
        self.end_judgment();
        self.flipped.sort_by_key(|flipped| (std::cmp::Reverse(flipped.flips), flipped.judgment_no));
        self.steps.pop();
        let mut sum = Step::default();
        let days = self.steps.into_iter().map(|step| {
            for (sum, count) in sum.counts.iter_mut().zip(step.counts) {
                *sum += count;
            }
            for (sum, cents) in sum.balance_cents.iter_mut().zip(step.balance_cents) {
                *sum += cents;
            }
            ReplayedDay {
                // No more judgments than a portfolio has, and never fewer than none.
                counts: sum.counts.map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
                balance_cents: sum.balance_cents,
                changes: step.changes,
            }
        });
        Replay { days: days.collect(), flips: self.flips, flipped: self.flipped }
    }

    fn end_judgment(&mut self) {
        let Some(mut current) = self.current.take() else { return };
        let end = self.steps.len() as u32 - 1;
        hold(&mut self.steps, &mut self.tier_of, &mut current, end);
        // One that was closed all the time has no tier to count.
        let (Some(first), Some((_, last))) = (current.first, current.evaluated) else { return };
        let flips = current.flips as usize;
        if self.flips.len() <= flips {
            self.flips.resize(flips + 1, 0);
        }
        if let Some(count) = self.flips.get_mut(flips) {
            *count += 1;
        }
        if flips > 0 {
            self.flipped.push(Flipped {
                judgment_no: current.judgment_no,
                flips: current.flips,
                first,
                last,
            });
        }
    }
}

/// Counts the judgment's facts from their day until `end`, which is excluded
fn hold(
    steps: &mut [Step],
    tier_of: &mut impl FnMut(&JudgmentFacts) -> Tier,
    current: &mut Current,
    end: u32,
) {
    let Some(facts) = current.facts else { return };
    let (tier, flips) = match current.evaluated {
        Some((evaluated, tier)) if evaluated == facts => (tier, false),
        before => {
            let tier = tier_of(&facts);
            (tier, before.is_some_and(|(_, before)| before != tier))
        }
    };
    current.evaluated = Some((facts, tier));
    current.first.get_or_insert(tier);
    current.flips += u32::from(flips);
    let cents = i128::from(facts.balance.map_or(0, Cents::cents));
    for (day, sign) in [(current.day, 1), (end, -1)] {
        if let Some(step) = steps.get_mut(day as usize) {
            step.add(tier, sign, cents);
            step.changes += u32::from(flips && sign > 0);
        }
    }
}

impl Step {
    fn add(&mut self, tier: Tier, sign: i64, cents: i128) {
        let place = usize::from(tier.number());
        if let (Some(count), Some(sum)) = (self.counts.get_mut(place), self.balance_cents.get_mut(place)) {
            *count += sign;
            *sum += i128::from(sign) * cents;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use crate::tier::{AssetSignals, Score, TierPolicy};

    fn facts(score: u16, cents: i64) -> Option<JudgmentFacts> {
        Some(JudgmentFacts {
            score: Score::from_hundredths(score),
            balance: Cents::from_cents(cents),
            signals: AssetSignals::default(),
        })
    }

    fn change(judgment_no: u64, day: u32, facts: Option<JudgmentFacts>) -> FactsChange {
        FactsChange { judgment_no, day, facts }
    }

    fn replay(days: u32, changes: &[FactsChange]) -> Replay {
        let policy = TierPolicy::revision_1();
        let mut replayer = Replayer::new(days, |facts| policy.tier_of(facts)).unwrap();
        changes.iter().for_each(|change| replayer.push(*change).unwrap());
        replayer.finish()
    }

    #[test]
    fn a_judgment_counts_from_the_day_of_its_facts_until_it_is_closed() {
        let outcome = replay(
            4,
            &[
                change(1, 0, facts(9_000, 100)),
                change(1, 3, None),
                change(2, 1, facts(1_000, 7)),
                change(2, 1, facts(6_000, 70)),
                change(2, 2, facts(6_500, 50)),
                change(2, 3, facts(8_000, 50)),
                change(3, 0, None),
            ],
        );
        let day = |counts, balance_cents, changes| ReplayedDay { counts, balance_cents, changes };
        assert_eq!(
            outcome.days,
            [
                day([0, 0, 0, 1], [0, 0, 0, 100], 0),
                day([0, 0, 1, 1], [0, 0, 70, 100], 0),
                day([0, 0, 1, 1], [0, 0, 50, 100], 0),
                day([0, 0, 0, 1], [0, 0, 0, 50], 1),
            ]
        );
        assert_eq!(outcome.flips, [1, 1], "the one that was closed throughout is not counted");
        let flipped = Flipped {
            judgment_no: 2,
            flips: 1,
            first: Tier::ActiveEnforcement,
            last: Tier::StrategicPriority,
        };
        assert_eq!(outcome.flipped, [flipped]);
    }

    #[test]
    fn a_judgment_that_was_closed_for_a_while_is_compared_with_its_last_tier() {
        let reopened = |score| {
            replay(3, &[change(1, 0, facts(9_000, 1)), change(1, 1, None), change(1, 2, facts(score, 1))])
        };
        assert_eq!(reopened(9_500).flips, [1]);
        let outcome = reopened(1_000);
        assert_eq!((outcome.flips, outcome.days[2].changes), (vec![0, 1], 1));
        assert_eq!(outcome.days[1].counts, [0; 4]);
    }

    #[test]
    fn facts_that_stay_are_evaluated_once() {
        let mut evaluated = 0;
        let mut replayer = Replayer::new(DAYS_MAX, |_| {
            evaluated += 1;
            Tier::Monitor
        })
        .unwrap();
        for judgment_no in 1..=10 {
            for day in [0, 5, 5, 200] {
                replayer.push(change(judgment_no, day, facts(100, 100))).unwrap();
            }
            replayer.push(change(judgment_no, 300, facts(200, 100))).unwrap();
        }
        assert_eq!(replayer.finish().days[365].counts, [10, 0, 0, 0]);
        assert_eq!(evaluated, 20);
    }

    #[test]
    fn every_day_is_what_evaluating_all_of_it_gives() {
        const DAYS: u32 = 40;
        for seed in 0..50 {
            let policy = TierPolicy::try_from(sample::policy_document(seed)).unwrap();
            // So many judgments with so many changes at made-up days, some of them closures.
            let changes: Vec<FactsChange> = (1..=30)
                .flat_map(|judgment_no| {
                    let mut days: Vec<u64> = (0..judgment_no % 7 + 1)
                        .map(|n| (seed + 3) * judgment_no * (n + 11) % u64::from(DAYS))
                        .collect();
                    days.sort_unstable();
                    days.into_iter().map(move |day| {
                        let facts = sample::facts(seed * 1_000 + judgment_no * 50 + day);
                        change(judgment_no, day as u32, ((judgment_no + day) % 5 > 0).then_some(facts))
                    })
                })
                .collect();
            let mut replayer = Replayer::new(DAYS, |facts| policy.tier_of(facts)).unwrap();
            changes.iter().for_each(|change| replayer.push(*change).unwrap());
            let outcome = replayer.finish();

            let mut last: Vec<Option<Tier>> = vec![None; 31];
            let mut flips = vec![0_u32; 31];
            for day in 0..DAYS {
                let mut expected = ReplayedDay::default();
                for judgment_no in 1..=30_u64 {
                    let newest =
                        changes.iter().rfind(|change| change.judgment_no == judgment_no && change.day <= day);
                    let Some(facts) = newest.and_then(|change| change.facts) else { continue };
                    let tier = policy.tier_of(&facts);
                    let place = usize::from(tier.number());
                    expected.counts[place] += 1;
                    expected.balance_cents[place] += i128::from(facts.balance.map_or(0, Cents::cents));
                    let before = last[judgment_no as usize].replace(tier);
                    if before.is_some_and(|before| before != tier) {
                        expected.changes += 1;
                        flips[judgment_no as usize] += 1;
                    }
                }
                assert_eq!(outcome.days[day as usize], expected, "seed {seed}, day {day}");
            }
            for (judgment_no, flips) in (0..).zip(flips) {
                let found = outcome.flipped.iter().find(|flipped| flipped.judgment_no == judgment_no);
                assert_eq!(found.map_or(0, |flipped| flipped.flips), flips, "seed {seed}, {judgment_no}");
            }
            let counted: u32 = outcome.flips.iter().sum();
            assert_eq!(counted as usize, last.iter().flatten().count());
            assert!(outcome.flipped.is_sorted_by_key(|flipped| std::cmp::Reverse(flipped.flips)));
        }
    }

    #[test]
    fn what_cannot_be_replayed_is_refused() {
        let new = |days| Replayer::new(days, |_: &JudgmentFacts| Tier::Monitor);
        for days in [0, 367] {
            assert_eq!(new(days).err(), Some(ReplayError::Days(days)));
        }
        let mut replayer = new(3).unwrap();
        replayer.push(change(5, 1, None)).unwrap();
        assert_eq!(
            replayer.push(change(5, 3, None)),
            Err(ReplayError::DayOutside { judgment_no: 5, day: 3 })
        );
        assert_eq!(replayer.push(change(5, 0, None)), Err(ReplayError::OutOfOrder(5)));
        assert_eq!(replayer.push(change(4, 2, None)), Err(ReplayError::OutOfOrder(4)));
        assert_eq!(new(3).unwrap().finish().days, [ReplayedDay::default(); 3]);
    }
}
