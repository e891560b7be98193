//! Tiers as work: how many people a tier needs, and how long the re-tiering takes that a publish starts.

use super::clock;
use contract::{RefreshRun, RefreshState};
use leptos::prelude::window;
use policy::portfolio::TierTotal;

/// What one person works, and how many persons there are
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Cases of each tier that one person works in a month; 0 where nobody works them.
    pub cases: [u32; 4],
    /// 0 where that is not known.
    pub people: u32,
}

impl Default for Capacity {
    /// Something to begin with, not a claim: the higher the tier, the more work a case is.
    fn default() -> Self {
        Self { cases: [5_000, 800, 200, 60], people: 0 }
    }
}

impl Capacity {
    /// Tenths of a person for each tier.
    pub fn needed(&self, totals: &[TierTotal; 4]) -> [u64; 4] {
        let mut needed = [0; 4];
        for ((needed, total), cases) in needed.iter_mut().zip(totals).zip(self.cases) {
            if cases > 0 {
                let (count, cases) = (u64::from(total.count), u64::from(cases));
                *needed = (count * 20 + cases) / (cases * 2);
            }
        }
        needed
    }

    /// What this browser keeps for an organisation, else the defaults.
    pub fn load(organisation: &str) -> Self {
        let text = window().local_storage().ok().flatten();
        let text = text.and_then(|storage| storage.get_item(&key(organisation)).ok().flatten());
        text.and_then(|text| Self::read(&text)).unwrap_or_default()
    }

    /// A browser that keeps nothing shows the defaults the next time.
    pub fn keep(&self, organisation: &str) {
        if let Ok(Some(storage)) = window().local_storage() {
            let _ = storage.set_item(&key(organisation), &self.text());
        }
    }

    /// Five numbers with a space between two.
    fn text(&self) -> String {
        let [a, b, c, d] = self.cases;
        format!("{a} {b} {c} {d} {}", self.people)
    }

    fn read(text: &str) -> Option<Self> {
        let numbers: Vec<u32> = text.split(' ').map(|number| number.parse().ok()).collect::<Option<_>>()?;
        let [a, b, c, d, people] = numbers.try_into().ok()?;
        Some(Self { cases: [a, b, c, d], people })
    }
}

fn key(organisation: &str) -> String {
    format!("dragonfly.workload.{organisation}")
}

/// Judgments a second, in thousandths, of a refresh that has ended well.
pub fn rate(run: &RefreshRun) -> Option<u64> {
    let millis = clock::millis_between(&run.started_at, run.finished_at.as_deref()?)?.max(1);
    (run.state == RefreshState::Done && run.done > 0).then(|| (run.done * 1_000_000 / millis).max(1))
}

/// Judgments that still wait so many seconds after all have been queued, at a [`rate`].
pub fn waiting(judgments: u64, rate: u64, seconds: u64) -> u64 {
    judgments.saturating_sub(rate.saturating_mul(seconds) / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_counted_in_tenths_half_up_and_nobody_works_a_tier_without_capacity() {
        let totals = [100, 20, 7, 3].map(|count| TierTotal { count, balance_cents: 0 });
        let capacity = Capacity { cases: [0, 200, 2, 20], people: 3 };
        assert_eq!(capacity.needed(&totals), [0, 1, 35, 2]);
    }

    #[test]
    fn what_is_kept_is_read_again_and_anything_else_is_not() {
        let capacity = Capacity { cases: [1, 2, 3, 4], people: 5 };
        assert_eq!(Capacity::read(&capacity.text()), Some(capacity));
        for text in ["", "1 2 3 4", "1 2 3 4 5 6", "1 2 3 4 x", "-1 2 3 4 5"] {
            assert_eq!(Capacity::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_queue_drains_at_the_rate_and_never_below_nothing() {
        assert_eq!(waiting(100_000, 10_500, 3_600), 62_200);
        assert_eq!(waiting(100_000, 10_500, 86_400), 0);
        assert_eq!(waiting(5, u64::MAX, 3_600), 0);
    }
}
