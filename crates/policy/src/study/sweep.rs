//! What each value of a limit would give, over a whole portfolio.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Amount, Fact, Money, Total, sort};
use crate::cells::{Axes, Row, Table, limit_values, literal};
use crate::portfolio::Portfolio;
use crate::tier::{AssetSignals, Cents, Score, Tier, TierPolicy, TierPolicyDocument, decimal};

/// A step that moves at least one part in so many of the portfolio's judgments, or of its money, is a cliff.
const CLIFF_PARTS: i64 = 100;

/// The tiers' totals for every value of one limit, everything else staying as it is
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    /// The limit's name.
    pub limit: String,
    /// What it bounds: scores or balances.
    pub fact: Fact,
    /// Its value in the policy.
    pub current: Amount,
    /// The least value that leaves the bounds of every arm in order.
    pub min: Amount,
    /// The largest such value.
    pub max: Amount,
    /// Ascending; the first begins at `min`. Each holds up to the next, so that together they are the curve.
    pub steps: Vec<SweepStep>,
    /// The steps at which the curve jumps, ascending.
    pub cliffs: Vec<SweepCliff>,
}

/// A stretch of values that all give the same totals
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepStep {
    /// Its first value.
    pub from: Amount,
    /// By tier.
    pub tiers: [Total; 4],
}

/// A value at which many judgments, or much money, change their tier at once
///
/// At least a hundredth of the portfolio's judgments or of its money moves between `from` less a hundredth and
/// `from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepCliff {
    /// The first value of the step.
    pub from: Amount,
    /// The judgments that change their tier there, and their balance.
    pub moved: Total,
}

/// Why a limit cannot be swept
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// The policy has no limit of this name.
    #[error("unknown limit `{0}`")]
    UnknownLimit(String),
    /// The limit is there, but nothing refers to it.
    #[error("no arm uses the limit `{0}`")]
    UnusedLimit(String),
    /// The limit bounds scores in one arm and balances in another.
    #[error("the limit `{0}` bounds both scores and balances")]
    MixedLimit(String),
}

/// Finds the totals for every value of a limit, in one pass over the portfolio
///
/// A judgment's tier changes at most once on the way: where the limit passes its score or balance. So the curve
/// has one step for each different score or balance of the judgments that the limit can move.
pub fn sweep(policy: &TierPolicy, limit: &str, portfolio: &Portfolio) -> Result<Sweep, SweepError> {
    let dial = Dial::new(policy, limit, None)?;
    let tables = [i64::MIN, i64::MAX].map(|value| dial.table([(&dial, value)]));
    let axes = Axes::of(&tables);
    let [below, above] = tables.each_ref().map(|table| axes.tiers(table));

    let mut totals = Totals::default();
    let mut moves = Vec::new();
    for row in axes.rows(portfolio) {
        let value = dial.value(&row);
        let cell = axes.cell_of(&row);
        let (Some(&tier_below), Some(&tier_above)) = (below.get(cell), above.get(cell)) else { continue };
        totals.add(if value < dial.min { tier_above } else { tier_below }, 1, row.balance_cents);
        if tier_below != tier_above && (dial.min..dial.max).contains(&value) {
            moves.push(Move { value, from: tier_below, to: tier_above, balance_cents: row.balance_cents });
        }
    }
    let mut order: Vec<(i64, u64)> = (0..).zip(&moves).map(|(place, moved)| (moved.value, place)).collect();
    sort(&mut order);

    let is_cliff = {
        let columns = portfolio.columns();
        let money: i64 = columns.balance_cents.iter().sum();
        let count = i64::from(portfolio.len());
        move |moved: &Total| {
            let parts = |part: i64| i128::from(part) * i128::from(CLIFF_PARTS);
            parts(i64::from(moved.count)) >= i128::from(count)
                || (money > 0 && parts(moved.balance.0) >= i128::from(money))
        }
    };
    let mut steps = vec![SweepStep { from: Amount(dial.min), tiers: totals.by_tier() }];
    let mut cliffs = Vec::new();
    for same in order.chunk_by(|left, right| left.0 == right.0) {
        let mut moved = Total::default();
        for Move { from, to, balance_cents, .. } in
            same.iter().filter_map(|(_, place)| moves.get(*place as usize))
        {
            totals.add(*from, -1, -balance_cents);
            totals.add(*to, 1, *balance_cents);
            moved.count += 1;
            moved.balance.0 += balance_cents;
        }
        let from = Amount(same.first().map_or(dial.min, |(value, _)| value + 1));
        steps.push(SweepStep { from, tiers: totals.by_tier() });
        if is_cliff(&moved) {
            cliffs.push(SweepCliff { from, moved });
        }
    }
    Ok(Sweep {
        limit: limit.to_owned(),
        fact: dial.fact,
        current: Amount(dial.current),
        min: Amount(dial.min),
        max: Amount(dial.max),
        steps,
        cliffs,
    })
}

impl Sweep {
    /// The step that holds a value; `None` outside of `min` to `max`.
    pub fn at(&self, value: Amount) -> Option<&SweepStep> {
        let place = self.steps.partition_point(|step| step.from <= value);
        self.steps.get(place.checked_sub(1)?).filter(|_| value <= self.max)
    }
}

/// A judgment that changes its tier when the limit rises above `value`
struct Move {
    value: i64,
    from: Tier,
    to: Tier,
    balance_cents: i64,
}

/// Running totals by tier; they may pass below 0 on the way
#[derive(Clone, Copy, Default)]
pub(super) struct Totals([(i64, i64); 4]);

impl Totals {
    #[inline]
    pub(super) fn add(&mut self, tier: Tier, count: i64, balance_cents: i64) {
        if let Some((counts, cents)) = self.0.get_mut(usize::from(tier.number())) {
            *counts += count;
            *cents += balance_cents;
        }
    }

    #[inline]
    pub(super) fn add_all(&mut self, other: &Totals) {
        for ((counts, cents), (more_counts, more_cents)) in self.0.iter_mut().zip(other.0) {
            *counts += more_counts;
            *cents += more_cents;
        }
    }

    /// Judgments and cents of one tier.
    #[inline]
    pub(super) fn of(&self, tier: Tier) -> (i64, i64) {
        self.0.get(usize::from(tier.number())).copied().unwrap_or_default()
    }

    pub(super) fn by_tier(&self) -> [Total; 4] {
        self.0.map(|(count, cents)| Total { count: count as u32, balance: Money(cents) })
    }
}

/// A limit that may take other values, and which ones
pub(super) struct Dial<'a> {
    document: &'a TierPolicyDocument,
    limits: BTreeMap<&'a str, i64>,
    pub(super) name: &'a str,
    pub(super) fact: Fact,
    pub(super) current: i64,
    pub(super) min: i64,
    pub(super) max: i64,
}

impl<'a> Dial<'a> {
    /// Finds the values that keep the bounds of every arm in order, but for bounds that are the limit `free`.
    pub(super) fn new(
        policy: &'a TierPolicy,
        limit: &'a str,
        free: Option<&str>,
    ) -> Result<Dial<'a>, SweepError> {
        let document = policy.document();
        let limits = limit_values(document.limits.iter());
        let current = *limits.get(limit).ok_or_else(|| SweepError::UnknownLimit(decimal::quoted(limit)))?;
        let mut dial = Dial {
            document,
            limits,
            name: limit,
            fact: Fact::Balance,
            current,
            min: 0,
            max: Cents::MAX.cents(),
        };
        let mut uses = [false; 2];
        for arm in document.rules.iter().flat_map(|rule| &rule.any) {
            let [used_by_score, used_by_balance] = &mut uses;
            *used_by_score |= dial.narrow([&arm.score_from, &arm.score_below], free);
            *used_by_balance |= dial.narrow([&arm.balance_from, &arm.balance_below], free);
        }
        match uses {
            [false, false] => return Err(SweepError::UnusedLimit(limit.to_owned())),
            [true, true] => return Err(SweepError::MixedLimit(limit.to_owned())),
            [true, false] => {
                dial.fact = Fact::CollectabilityScore;
                dial.max = dial.max.min(i64::from(Score::MAX.hundredths()));
            }
            [false, true] => {}
        }
        Ok(dial)
    }

    /// Takes the bounds of one arm into account; whether the limit is one of them
    fn narrow(&mut self, bounds: [&Option<String>; 2], free: Option<&str>) -> bool {
        let [from, below] = bounds.map(Option::as_deref);
        let fixed = |text: Option<&str>| {
            let text = text.filter(|text| Some(*text) != free)?;
            literal(text).or_else(|| self.limits.get(text).copied())
        };
        let is_from = from == Some(self.name);
        let is_below = below == Some(self.name);
        if is_from && let Some(below) = fixed(below) {
            self.max = self.max.min(below - 1);
        }
        if is_below {
            self.min = self.min.max(fixed(from).unwrap_or(0) + 1);
        }
        is_from || is_below
    }

    /// Whether an arm reaches from this limit to the limit `other`
    pub(super) fn is_bounded_by(&self, other: &str) -> bool {
        let is_between = |from: &Option<String>, below: &Option<String>| {
            from.as_deref() == Some(self.name) && below.as_deref() == Some(other)
        };
        let mut arms = self.document.rules.iter().flat_map(|rule| &rule.any);
        arms.any(|arm| {
            is_between(&arm.score_from, &arm.score_below) || is_between(&arm.balance_from, &arm.balance_below)
        })
    }

    /// The policy with other values for some limits, whatever they are
    pub(super) fn table<const N: usize>(&self, values: [(&Dial<'_>, i64); N]) -> Table {
        let limit = |name: &str| {
            let dialled = values.iter().find(|(dial, _)| dial.name == name).map(|(_, value)| *value);
            dialled.or_else(|| self.limits.get(name).copied()).unwrap_or(0)
        };
        let assets: AssetSignals = self.document.asset_signals.iter().copied().collect();
        Table::from_rules(&self.document.rules, assets, self.document.fallback, limit)
    }

    /// What the limit is compared with
    #[inline]
    pub(super) fn value(&self, row: &Row) -> i64 {
        if self.fact == Fact::CollectabilityScore { row.score } else { row.balance_cents }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(limit: &str, expect: Result<[i64; 3], &str>) {
        let mut document = TierPolicy::revision_1().document().clone();
        document.limits.insert("idle".to_owned(), "1".to_owned());
        document.limits.insert("mixed".to_owned(), "1".to_owned());
        document.rules[0].any[0].balance_from = Some("mixed".to_owned());
        document.rules[0].any[1].score_from = Some("mixed".to_owned());
        let policy = TierPolicy::try_from(document).unwrap();
        let range = Dial::new(&policy, limit, None).map(|dial| [dial.min, dial.current, dial.max]);
        assert_eq!(range.map_err(|error| error.to_string()), expect.map_err(str::to_owned));
    }

    #[test]
    fn a_limit_stays_between_its_neighbours() {
        check("score_3", Ok([6_001, 8_000, 10_000]));
        check("score_2", Ok([3_501, 6_000, 7_999]));
        check("score_1", Ok([0, 3_500, 5_999]));
        check("balance_3", Ok([1_500_001, 5_000_000, Cents::MAX.cents()]));
        check("idle", Err("no arm uses the limit `idle`"));
        check("mixed", Err("the limit `mixed` bounds both scores and balances"));
        check("score_4", Err("unknown limit `score_4`"));
    }
}
