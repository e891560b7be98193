//! What the studies of a policy promise, held against the plainest way of finding the same.

#![allow(clippy::unwrap_used)] // the helpers of tests stand outside of tests

use std::collections::BTreeSet;

use policy::portfolio::{Portfolio, TierMigration};
use policy::sample;
use policy::study::{
    Amount, Edit, Extreme, Fact, FactsChange, Goal, Margins, Measured, Money, Movement, Nudge, Objective,
    SeekError, TierRange, Total, Turn, Unknown, UnknownFact, Verdict, attribute, explain, fragile_judgments,
    nearest_changes, possible_tiers, rank_look_ups, seek, sweep,
};
use policy::tier::{
    AssetSignal, AssetSignals, Cents, JudgmentFacts, Score, Tier, TierPolicy, TierPolicyDocument,
};
use proptest::prelude::*;

fn policies() -> impl Strategy<Value = TierPolicy> {
    prop_oneof![
        1 => Just(TierPolicy::revision_1()),
        1 => Just(TierPolicy::monotone_draft()),
        8 => any::<u64>().prop_map(|seed| sample::policy_document(seed).try_into().unwrap()),
    ]
}

fn facts() -> impl Strategy<Value = JudgmentFacts> {
    any::<u64>().prop_map(sample::facts)
}

fn portfolios(rows: std::ops::Range<u32>) -> impl Strategy<Value = Portfolio> {
    (any::<u64>(), rows)
        .prop_map(|(seed, rows)| Portfolio::from_columns(sample::portfolio_columns(seed, rows)).unwrap())
}

/// The portfolio and some judgments on the very bounds of a policy
fn with_boundaries(portfolio: &Portfolio, policy: &TierPolicy) -> Portfolio {
    let mut columns = portfolio.clone().into_columns();
    let next = columns.judgment_no.last().map_or(1, |last| last + 1);
    let most: Vec<JudgmentFacts> = policy.boundary_facts().collect();
    for (number, facts) in (next..).zip(most.iter().step_by(most.len() / 50 + 1)) {
        columns.push(number, facts, None, None);
    }
    Portfolio::from_columns(columns).unwrap()
}

fn rows(portfolio: &Portfolio) -> impl Iterator<Item = JudgmentFacts> {
    (0..portfolio.len()).map(|row| portfolio.facts(row).unwrap())
}

fn score(facts: &JudgmentFacts) -> i64 {
    facts.score.map_or(0, |score| i64::from(score.hundredths()))
}

fn balance(facts: &JudgmentFacts) -> i64 {
    facts.balance.map_or(0, Cents::cents)
}

fn assets(policy: &TierPolicy) -> AssetSignals {
    policy.document().asset_signals.iter().copied().collect()
}

fn with(score: i64, balance: i64, signals: AssetSignals) -> JudgmentFacts {
    let score = Score::from_hundredths(u16::try_from(score).unwrap()).unwrap();
    JudgmentFacts { score: Some(score), balance: Some(Cents::from_cents(balance).unwrap()), signals }
}

/// The totals of a policy, one judgment after the other
fn totals(policy: &TierPolicy, portfolio: &Portfolio) -> [Total; 4] {
    let mut totals = [(0, 0); 4];
    for facts in rows(portfolio) {
        let total = &mut totals[usize::from(policy.tier_of(&facts).number())];
        total.0 += 1;
        total.1 += balance(&facts);
    }
    totals.map(|(count, cents)| Total { count, balance: Money::from_cents(cents) })
}

fn with_limit(policy: &TierPolicy, limit: &str, hundredths: i64) -> Option<TierPolicy> {
    let mut document = policy.document().clone();
    document.limits.insert(limit.to_owned(), Amount::from_hundredths(hundredths).to_string());
    TierPolicy::try_from(document).ok()
}

/// Signed differences of score, balance and number of signals
type Difference = [i64; 3];

fn difference(change: &FactsChange) -> Difference {
    [
        change.collectability_score.map_or(0, |change| change.by.hundredths()),
        change.balance.map_or(0, |change| change.by.hundredths()),
        change.asset_signals.as_ref().map_or(0, |change| i64::from(change.by)),
    ]
}

/// Whether `smaller` moves nothing further than `larger` does, and nothing the other way
fn is_within(smaller: &Difference, larger: &Difference) -> bool {
    smaller.iter().zip(larger).all(|(small, large)| (*large.min(&0)..=*large.max(&0)).contains(small))
}

/// Every value at which a band of a policy begins or ends, and the fact's own
fn corners(policy: &TierPolicy, value: i64, of: impl Fn(&JudgmentFacts) -> i64) -> BTreeSet<i64> {
    policy.boundary_facts().map(|facts| of(&facts)).chain([value]).collect()
}

proptest! {
    #[test]
    fn an_explanation_agrees_with_the_outcome_and_with_itself(policy in policies(), facts in facts()) {
        let explanation = explain(&policy, &facts);
        let outcome = policy.evaluate(&facts);
        prop_assert_eq!((explanation.tier, &explanation.decided_by, &explanation.reason),
            (outcome.tier, &outcome.decided_by, &outcome.reason));
        let mut has_decided = false;
        for (rule, document) in explanation.rules.iter().zip(&policy.document().rules) {
            prop_assert_eq!((&rule.id, rule.tier, rule.arms.len()), (&document.id, document.tier, document.any.len()));
            for (place, arm) in (0..).zip(&rule.arms) {
                let holds = arm.conditions.iter().all(|condition| condition.holds);
                let decides = holds && !has_decided;
                has_decided |= holds;
                let expect = match (holds, decides) {
                    (_, true) => Verdict::Decides,
                    (true, false) => Verdict::Shadowed,
                    (false, false) => Verdict::Fails,
                };
                prop_assert_eq!(arm.verdict, expect);
                if decides {
                    let decided_by = outcome.decided_by.as_ref().unwrap();
                    prop_assert_eq!((&decided_by.rule, decided_by.arm), (&rule.id, place));
                }
            }
        }
        prop_assert_eq!(has_decided, outcome.decided_by.is_some());
    }

    /// Moving a fact by `to_turn` turns the condition, and by a step less does not.
    #[test]
    fn a_condition_turns_exactly_where_it_says(policy in policies(), facts in facts()) {
        let assets = assets(&policy);
        for (rule, arm) in explain(&policy, &facts).rules.iter().enumerate().flat_map(|(place, rule)| {
            rule.arms.iter().enumerate().map(move |(arm, trace)| ((place, arm), trace))
        }) {
            for (place, condition) in arm.conditions.iter().enumerate() {
                let holds_after = |by: i64| {
                    let changed = match condition.fact {
                        Fact::CollectabilityScore => with(score(&facts) + by, balance(&facts), facts.signals),
                        Fact::Balance => with(score(&facts), balance(&facts) + by, facts.signals),
                        Fact::AssetSignals => {
                            let count = i64::from(facts.signals.count_of(assets)) + by / 100;
                            let some = assets.iter().take(usize::try_from(count).unwrap()).collect();
                            with(score(&facts), balance(&facts), some)
                        }
                    };
                    explain(&policy, &changed).rules[rule.0].arms[rule.1].conditions[place].holds
                };
                let step = if condition.fact == Fact::AssetSignals { 100 } else { 1 };
                if let Some(turn) = condition.to_turn {
                    let turn = turn.hundredths();
                    prop_assert_eq!(holds_after(turn), !condition.holds);
                    prop_assert_eq!(holds_after(turn - turn.signum() * step), condition.holds);
                }
            }
        }
    }

    #[test]
    fn nearest_changes_are_all_the_minimal_ones(policy in policies(), facts in facts()) {
        let assets = assets(&policy);
        let own = policy.tier_of(&facts);
        let count = facts.signals.count_of(assets);
        // The least change into a cell ends at a corner of it, or keeps the fact's own value.
        let mut all: [Vec<Difference>; 4] = Default::default();
        for to_score in corners(&policy, score(&facts), score) {
            for to_balance in corners(&policy, balance(&facts), balance) {
                for to_count in 0..=assets.count_of(assets) {
                    let some: AssetSignals = assets.iter().take(usize::from(to_count)).collect();
                    let tier = policy.tier_of(&with(to_score, to_balance, some));
                    let signals = i64::from(to_count) - i64::from(count);
                    all[usize::from(tier.number())]
                        .push([to_score - score(&facts), to_balance - balance(&facts), signals]);
                }
            }
        }
        let nearest = nearest_changes(&policy, &facts);
        let tiers: Vec<Tier> = nearest.iter().map(|changes| changes.tier).collect();
        prop_assert_eq!(tiers, Tier::ALL.into_iter().filter(|tier| *tier != own).collect::<Vec<_>>());
        for found in nearest {
            let all = &all[usize::from(found.tier.number())];
            let minimal: BTreeSet<Difference> = all
                .iter()
                .filter(|change| !all.iter().any(|other| other != *change && is_within(other, change)))
                .copied()
                .collect();
            let differences: Vec<Difference> = found.changes.iter().map(difference).collect();
            prop_assert_eq!(&differences.iter().copied().collect::<BTreeSet<_>>(), &minimal);
            prop_assert_eq!((differences.len(), found.is_reachable), (minimal.len(), !all.is_empty()));
            let facts_moved = |change: &Difference| change.iter().filter(|by| **by != 0).count();
            prop_assert!(differences.is_sorted_by_key(facts_moved));

            for change in &found.changes {
                let mut bits = facts.signals.bits();
                if let Some(signals) = &change.asset_signals {
                    let needed = usize::from(signals.by.unsigned_abs());
                    prop_assert!(signals.among.len() >= needed);
                    bits = signals.among.iter().take(needed).fold(bits, |bits, signal| bits ^ signal.bit());
                    prop_assert_eq!(AssetSignals::from_bits(bits).count_of(assets), signals.to);
                }
                let changed = with(change.collectability_score.map_or(score(&facts), |change| change.to.hundredths()),
                    change.balance.map_or(balance(&facts), |change| change.to.hundredths()),
                    AssetSignals::from_bits(bits),
                );
                prop_assert_eq!(policy.tier_of(&changed), found.tier);
            }
        }
    }

    /// No judgment whatever is a smaller change than the listed ones and has the tier.
    #[test]
    fn nothing_nearer_gives_the_tier(policy in policies(), facts in facts(), other in facts()) {
        let assets = assets(&policy);
        let tier = policy.tier_of(&other);
        let change = [
            score(&other) - score(&facts),
            balance(&other) - balance(&facts),
            i64::from(other.signals.count_of(assets)) - i64::from(facts.signals.count_of(assets)),
        ];
        if let Some(found) = nearest_changes(&policy, &facts).iter().find(|found| found.tier == tier) {
            prop_assert!(found.changes.iter().any(|nearest| is_within(&difference(nearest), &change)));
        }
    }

    #[test]
    fn fragile_judgments_are_those_that_a_step_within_the_margin_moves(
        policy in policies(), portfolio in portfolios(0..60), points in prop_oneof![0..3_u16, 0..400_u16], cents in prop_oneof![0..3_i64, 0..300_000_i64], signals in 0..3_u8,
    ) {
        let portfolio = with_boundaries(&portfolio, &policy);
        let margins = Margins {
            collectability_score: Score::from_hundredths(points).unwrap(),
            balance: Cents::from_cents(cents).unwrap(),
            asset_signals: signals,
        };
        let assets = assets(&policy);
        let list = fragile_judgments(&policy, &margins, &portfolio, u32::MAX);
        let mut total = Total::default();
        for (row, facts) in (0..).zip(rows(&portfolio)) {
            let own = policy.tier_of(&facts);
            let mut nudges = Vec::new();
            let mut first = |fact, by: i64, changed: Option<JudgmentFacts>| {
                let Some(tier) = changed.map(|changed| policy.tier_of(&changed)).filter(|tier| *tier != own) else {
                    return false;
                };
                nudges.push(Nudge { fact, by: Amount::from_hundredths(by), tier });
                true
            };
            for way in [1, -1_i64] {
                let _ = (1..=i64::from(points)).filter(|_| facts.score.is_some()).any(|by| {
                    let moved = u16::try_from(score(&facts) + way * by).ok().and_then(Score::from_hundredths);
                    first(Fact::CollectabilityScore, way * by, moved.map(|score| JudgmentFacts { score: Some(score), ..facts }))
                });
            }
            let edges = corners(&policy, 0, balance);
            for way in [1, -1_i64] {
                let mut distances: Vec<i64> = edges.iter().map(|edge| way * (edge - balance(&facts))).collect();
                distances.sort_unstable();
                let _ = distances.into_iter().filter(|by| facts.balance.is_some() && (1..=cents).contains(by)).any(|by| {
                    let moved = Cents::from_cents(balance(&facts) + way * by);
                    first(Fact::Balance, way * by, moved.map(|balance| JudgmentFacts { balance: Some(balance), ..facts }))
                });
            }
            for way in [1, -1_i64] {
                let _ = (1..=i64::from(signals)).any(|by| {
                    let count = i64::from(facts.signals.count_of(assets)) + way * by;
                    let is_possible = (0..=i64::from(assets.count_of(assets))).contains(&count);
                    let some = assets.iter().take(usize::try_from(count).unwrap_or(0)).collect();
                    first(Fact::AssetSignals, way * by * 100, is_possible.then_some(JudgmentFacts { signals: some, ..facts }))
                });
            }
            let listed = list.rows.iter().find(|listed| listed.row == row);
            prop_assert_eq!(listed.map_or(&[][..], |listed| &listed.nudges), nudges);
            if let Some(listed) = listed {
                total.count += 1;
                total.balance = Money::from_cents(total.balance.cents() + balance(&facts));
                prop_assert_eq!(listed.tier, own);
                prop_assert_eq!(Some(listed.judgment_no), portfolio.judgment_no(row));
            }
        }
        prop_assert_eq!(list.total, total);
        prop_assert!(list.rows.is_sorted_by_key(|row| (-row.balance.cents(), row.row)));
        let first = fragile_judgments(&policy, &margins, &portfolio, 3);
        prop_assert_eq!((first.total, &first.rows[..]), (list.total, &list.rows[..list.rows.len().min(3)]));
    }

    #[test]
    fn a_sweep_gives_what_each_value_of_the_limit_gives(
        policy in policies(), portfolio in portfolios(0..80), place in any::<prop::sample::Index>(), values in prop::collection::vec(any::<u64>(), 8),
    ) {
        let portfolio = with_boundaries(&portfolio, &policy);
        let names = policy.document().limits.keys();
        let sweeps: Vec<_> = names.filter_map(|name| sweep(&policy, name, &portfolio).ok()).collect();
        let sweep = if sweeps.is_empty() { return Ok(()) } else { &sweeps[place.index(sweeps.len())] };
        let name = sweep.limit.as_str();
        let (min, max) = (sweep.min.hundredths(), sweep.max.hundredths());
        prop_assert!(min <= sweep.current.hundredths() && sweep.current.hundredths() <= max);
        prop_assert_eq!(sweep.at(sweep.current).unwrap().tiers, totals(&policy, &portfolio));
        // The range is as wide as it can be.
        let is_possible = |value: i64| {
            let max = if sweep.fact == Fact::Balance { Cents::MAX.cents() } else { 10_000 };
            (0..=max).contains(&value) && with_limit(&policy, name, value).is_some()
        };
        prop_assert!(is_possible(min) && is_possible(max) && !is_possible(min - 1) && !is_possible(max + 1));
        prop_assert_eq!((sweep.at(Amount::from_hundredths(min - 1)), sweep.at(Amount::from_hundredths(max + 1))), (None, None));
        // Both sides of every step, and anywhere.
        let edges = sweep.steps.iter().flat_map(|step| [step.from.hundredths() - 1, step.from.hundredths()]);
        let anywhere = values.into_iter().map(|value| min + (value % (max - min + 1) as u64) as i64);
        for value in edges.chain(anywhere).chain([max]).filter(|value| (min..=max).contains(value)) {
            let expect = totals(&with_limit(&policy, name, value).unwrap(), &portfolio);
            prop_assert_eq!(sweep.at(Amount::from_hundredths(value)).unwrap().tiers, expect, "{} at {}", name, value);
        }
        prop_assert!(sweep.steps.is_sorted_by(|left, right| left.from < right.from));
        prop_assert!(sweep.steps.iter().all(|step| sweep.min <= step.from && step.from <= sweep.max));
        for (left, right) in sweep.steps.iter().zip(sweep.steps.iter().skip(1)) {
            let moved = |tiers: [Total; 4]| tiers.iter().map(|total| i64::from(total.count)).sum::<i64>();
            prop_assert_eq!(moved(left.tiers), moved(right.tiers));
        }
    }

    #[test]
    fn possible_tiers_are_those_that_some_answer_gives(policy in policies(), facts in facts(), open in 0..16_u8, is_score_open: bool, is_balance_open: bool) {
        let open = AssetSignals::from_bits(open);
        let unknown = Unknown {
            collectability_score: is_score_open,
            balance: is_balance_open,
            asset_signals: open.iter().collect(),
        };
        let mut expect = BTreeSet::new();
        for answer in policy.boundary_facts() {
            let changed = JudgmentFacts {
                score: if is_score_open { answer.score } else { facts.score },
                balance: if is_balance_open { answer.balance } else { facts.balance },
                signals: AssetSignals::from_bits(facts.signals.bits() & !open.bits() | answer.signals.bits() & open.bits()),
            };
            expect.insert(policy.tier_of(&changed));
        }
        let tiers = possible_tiers(&policy, &facts, &unknown);
        prop_assert_eq!(tiers.tier, policy.tier_of(&facts));
        prop_assert_eq!((Some(&tiers.lowest), Some(&tiers.highest)), (expect.first(), expect.last()));
        prop_assert_eq!(tiers.possible, expect.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn look_ups_are_those_whose_answer_could_move_the_judgment(policy in policies(), portfolio in portfolios(0..150)) {
        let look_ups = rank_look_ups(&policy, &portfolio, u32::MAX);
        let mut expect = Vec::new();
        for (row, facts) in (0..).zip(rows(&portfolio)) {
            let mut open = Vec::new();
            if facts.score.is_none() {
                open.push((UnknownFact::CollectabilityScore, Unknown { collectability_score: true, ..Unknown::default() }));
            }
            if facts.balance.is_none() {
                open.push((UnknownFact::Balance, Unknown { balance: true, ..Unknown::default() }));
            }
            let facts_of_signals = [UnknownFact::EmployerName, UnknownFact::BankName, UnknownFact::RealPropertyLead, UnknownFact::VehicleLead];
            for (signal, fact) in AssetSignal::ALL.into_iter().zip(facts_of_signals) {
                if !facts.signals.contains(signal) {
                    open.push((fact, Unknown { asset_signals: vec![signal], ..Unknown::default() }));
                }
            }
            for (fact, unknown) in open {
                let tiers = possible_tiers(&policy, &facts, &unknown);
                if tiers.possible.len() > 1 {
                    expect.push((row, fact, tiers, balance(&facts)));
                }
            }
        }
        expect.sort_by_key(|(row, fact, _, cents)| (-cents, *row, *fact));
        let listed: Vec<_> = look_ups.rows.iter().map(|look_up| (look_up.row, look_up.fact, look_up.tiers.clone(), look_up.balance.cents())).collect();
        prop_assert_eq!(listed, expect);
        for group in &look_ups.groups {
            let members = look_ups.rows.iter().filter(|row| row.fact == group.fact && row.tiers == group.tiers);
            prop_assert_eq!(members.clone().count(), group.total.count as usize);
            prop_assert_eq!(members.map(|row| row.balance.cents()).sum::<i64>(), group.total.balance.cents());
        }
        prop_assert_eq!(look_ups.groups.iter().map(|group| group.total.count as usize).sum::<usize>(), look_ups.rows.len());
        let mean = |total: &Total| total.balance.cents() as f64 / f64::from(total.count);
        prop_assert!(look_ups.groups.is_sorted_by(|left, right| mean(&left.total) >= mean(&right.total)));
        let first = rank_look_ups(&policy, &portfolio, 2);
        prop_assert_eq!((first.groups, &first.rows[..]), (look_ups.groups, &look_ups.rows[..look_ups.rows.len().min(2)]));
    }

    #[test]
    fn shares_add_up_to_the_migration(before in policies(), after in policies(), portfolio in portfolios(0..60)) {
        let attribution = attribute(&before, &after, &portfolio);
        let migration = TierMigration::between(&before.compile(), &after.compile(), &portfolio);
        let expect = movement(|from, to| (i64::from(migration.counts[from][to]), migration.balance_cents[from][to]));
        prop_assert_eq!(&attribution.whole, &expect);
        prop_assert!(attribution.shares.len() <= 8);
        let sum = movement(|from, to| {
            let shares = attribution.shares.iter().map(|share| &share.movement);
            (shares.clone().map(|share| share.counts[from][to]).sum(), shares.map(|share| share.balance[from][to].cents()).sum())
        });
        prop_assert_eq!(&sum, &expect);
        let tiers: [_; 4] = std::array::from_fn(|tier| {
            let shares = attribution.shares.iter().map(|share| share.movement.tiers[tier]);
            (shares.clone().map(|change| change.count).sum::<i64>(), shares.map(|change| change.balance.cents()).sum::<i64>())
        });
        prop_assert_eq!(tiers, expect.tiers.map(|change| (change.count, change.balance.cents())));
    }

    /// Against the definition: the mean of what an edit adds, over every order of the edits.
    #[test]
    fn a_share_is_the_mean_over_all_orders(
        portfolio in portfolios(0..60), moves in prop::collection::vec((0..6_usize, -400..400_i64), 0..4), toggles in 0..16_u8, fallback in 0..4_u8,
    ) {
        let before = TierPolicy::monotone_draft();
        let mut after = before.document().clone();
        for (place, by) in moves {
            let name = before.document().limits.keys().nth(place).unwrap();
            let value: Cents = before.document().limits[name].parse().unwrap();
            after.limits.insert(name.clone(), Amount::from_hundredths(value.cents() + by).to_string());
        }
        // Two signals must count whatever is toggled, since a rule asks for two.
        after.asset_signals.retain(|signal| signal.bit() & 3 != 0 || signal.bit() & toggles != 0);
        after.fallback = Tier::try_from(fallback).unwrap();
        let attribution = attribute(&before, &TierPolicy::try_from(after).unwrap(), &portfolio);
        let edits: Vec<&Edit> = attribution.shares.iter().flat_map(|share| &share.edits).collect();
        prop_assert_eq!(edits.len(), attribution.shares.len());

        let with_edits = |subset: usize| {
            let mut document = before.document().clone();
            for (_, edit) in edits.iter().enumerate().filter(|(place, _)| subset >> place & 1 == 1) {
                make(edit, &mut document);
            }
            TierMigration::between(&before.compile(), &TierPolicy::try_from(document).unwrap().compile(), &portfolio)
        };
        let values: Vec<TierMigration> = (0..1 << edits.len()).map(with_edits).collect();
        let orders = orders(edits.len());
        for (place, share) in attribution.shares.iter().enumerate() {
            for (from, to) in (0..4).flat_map(|from| (0..4).map(move |to| (from, to))).filter(|(from, to)| from != to) {
                let mut sums = (0_i128, 0_i128);
                for order in &orders {
                    let earlier = order.iter().take_while(|other| **other != place).fold(0, |set, other| set | 1 << other);
                    let (without, with) = (&values[earlier], &values[earlier | 1 << place]);
                    sums.0 += i128::from(with.counts[from][to]) - i128::from(without.counts[from][to]);
                    sums.1 += i128::from(with.balance_cents[from][to] - without.balance_cents[from][to]);
                }
                let is_mean = |share: i64, sum: i128| (i128::from(share) * orders.len() as i128 - sum).abs() < orders.len() as i128;
                prop_assert!(is_mean(share.movement.counts[from][to], sums.0));
                prop_assert!(is_mean(share.movement.balance[from][to].cents(), sums.1));
            }
        }
    }
}

fn goals() -> impl Strategy<Value = Goal> {
    let range =
        (0..4_u8, prop::option::of(0..4_u32), prop::option::of(0..8_u32), prop::option::of(0..500_000_i64))
            .prop_map(|(tier, count_min, count_max, cents)| TierRange {
                tier: Tier::try_from(tier).unwrap(),
                count_min,
                count_max,
                balance_min: cents.filter(|cents| cents % 2 == 0).map(Money::from_cents),
                balance_max: cents.filter(|cents| cents % 2 == 1).map(|cents| Money::from_cents(cents * 100)),
            });
    (prop::collection::vec(range, 0..2), 0..4_u8, any::<bool>(), any::<bool>()).prop_map(
        |(within, tier, is_count, is_most)| Goal {
            within,
            best: Objective {
                tier: Tier::try_from(tier).unwrap(),
                of: if is_count { Measured::Count } else { Measured::Balance },
                extreme: if is_most { Extreme::Most } else { Extreme::Least },
            },
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Tries each value at which anything could change, or which is nearest to today's, one after the other.
    #[test]
    fn what_is_sought_is_the_best_there_is(
        policy in policies(), portfolio in portfolios(0..8), goal in goals(),
        places in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![Just(1), Just(100), Just(250), Just(700)]), 1..3),
    ) {
        let limits = &policy.document().limits;
        let usable: Vec<_> = limits.keys().filter_map(|name| sweep(&policy, name, &portfolio).ok()).collect();
        if usable.is_empty() {
            return Ok(());
        }
        let chosen: Vec<_> = places.iter().map(|(place, step)| (&usable[place.index(usable.len())], *step)).collect();
        let turns: Vec<Turn> = chosen
            .iter()
            .map(|(sweep, step)| Turn { limit: sweep.limit.clone(), step: Some(Amount::from_hundredths(*step)) })
            .collect();
        let found = seek(&policy, &turns, &goal, &portfolio);
        if turns.len() == 2 && turns[0].limit == turns[1].limit {
            prop_assert_eq!(found, Err(SeekError::WrongLimits));
            return Ok(());
        }

        // The values of a limit around some, where anything could change.
        let around = |sweep: &policy::study::Sweep, step: i64, values: &[i64]| -> Vec<i64> {
            let max = if sweep.fact == Fact::CollectabilityScore { 10_000 } else { Cents::MAX.cents() };
            let near: BTreeSet<i64> = values
                .iter()
                .flat_map(|value| (-1..=2).map(move |steps| value - value % step + steps * step))
                .filter(|value| (0..=max).contains(value))
                .collect();
            near.into_iter().collect()
        };
        let of_limit = |sweep: &policy::study::Sweep, step: i64| -> Vec<i64> {
            let is_score = sweep.fact == Fact::CollectabilityScore;
            let max = if is_score { 10_000 } else { Cents::MAX.cents() };
            let of_rows = rows(&portfolio).map(|facts| if is_score { score(&facts) } else { balance(&facts) });
            let of_limits = limits.values().map(|value| value.parse::<Cents>().unwrap().cents());
            around(sweep, step, &of_rows.chain(of_limits).chain([0, max]).collect::<Vec<_>>())
        };
        let current = |sweep: &policy::study::Sweep| sweep.current.hundredths();
        let mut best: Option<(i64, Vec<(i64, i64)>)> = None;
        let mut try_values = |values: &[i64]| {
            let mut document = policy.document().clone();
            for (turn, value) in turns.iter().zip(values) {
                document.limits.insert(turn.limit.clone(), Amount::from_hundredths(*value).to_string());
            }
            let Ok(policy) = TierPolicy::try_from(document) else { return };
            let tiers = totals(&policy, &portfolio);
            let is_within = goal.within.iter().all(|range| {
                let total = tiers[usize::from(range.tier.number())];
                range.count_min.is_none_or(|min| total.count >= min) && range.count_max.is_none_or(|max| total.count <= max)
                    && range.balance_min.is_none_or(|min| total.balance >= min) && range.balance_max.is_none_or(|max| total.balance <= max)
            });
            let total = tiers[usize::from(goal.best.tier.number())];
            let measured = if goal.best.of == Measured::Count { i64::from(total.count) } else { total.balance.cents() };
            let rank = if goal.best.extreme == Extreme::Most { -measured } else { measured };
            let distances = chosen.iter().zip(values).map(|((sweep, _), value)| ((value - current(sweep)).abs(), *value));
            let candidate = (rank, distances.collect());
            if is_within && best.as_ref().is_none_or(|best| candidate < *best) {
                best = Some(candidate);
            }
        };
        let candidates: Vec<Vec<i64>> = chosen.iter().map(|(sweep, step)| of_limit(sweep, *step)).collect();
        match (&candidates[..], &chosen[..]) {
            ([firsts, seconds], [one, other]) => {
                // Where one has to lie below the other, the nearest that it can have lies beside it.
                for first in firsts {
                    for second in seconds.iter().chain(&around(other.0, other.1, &[*first])) {
                        try_values(&[*first, *second]);
                    }
                }
                for second in seconds {
                    around(one.0, one.1, &[*second]).iter().for_each(|first| try_values(&[*first, *second]));
                }
            }
            _ => candidates[0].iter().for_each(|value| try_values(&[*value])),
        }
        let found = found.unwrap();
        let values = found.as_ref().map(|found| found.limits.iter().map(|limit| limit.value.hundredths()).collect::<Vec<_>>());
        prop_assert_eq!(values, best.map(|(_, distances)| distances.into_iter().map(|(_, value)| value).collect()));
        if let Some(found) = found {
            let mut document = policy.document().clone();
            for limit in &found.limits {
                document.limits.insert(limit.limit.clone(), limit.value.to_string());
            }
            prop_assert_eq!(found.tiers, totals(&TierPolicy::try_from(document).unwrap(), &portfolio));
        }
    }
}

#[test]
fn a_search_that_cannot_be_made_says_why() {
    let portfolio = Portfolio::from_columns(sample::portfolio_columns(1, 20_000)).unwrap();
    let goal = Goal {
        within: vec![],
        best: Objective { tier: Tier::StrategicPriority, of: Measured::Balance, extreme: Extreme::Most },
    };
    let check = |turns: &[(&str, Option<i64>)], expect: &str| {
        let turns: Vec<Turn> = turns
            .iter()
            .map(|(limit, step)| Turn { limit: (*limit).to_owned(), step: step.map(Amount::from_hundredths) })
            .collect();
        let error = seek(&TierPolicy::revision_1(), &turns, &goal, &portfolio).unwrap_err();
        assert_eq!(error.to_string(), expect);
    };
    check(&[], "one or two different limits can be turned");
    check(&[("score_3", None), ("score_3", None)], "one or two different limits can be turned");
    check(&[("score_4", None)], "unknown limit `score_4`");
    check(&[("score_3", Some(0))], "the step of `score_3` is not above 0");
    let message = seek(
        &TierPolicy::revision_1(),
        &["score_1", "balance_1"].map(|limit| Turn { limit: limit.to_owned(), step: None }),
        &goal,
        &Portfolio::from_columns(sample::portfolio_columns(1, 200_000)).unwrap(),
    );
    assert!(matches!(message, Err(SeekError::TooManyPairs(_))), "{message:?}");
}

fn movement(of: impl Fn(usize, usize) -> (i64, i64)) -> Movement {
    let mut movement = Movement::default();
    for (from, to) in (0..4).flat_map(|from| (0..4).map(move |to| (from, to))).filter(|(from, to)| from != to)
    {
        let (count, cents) = of(from, to);
        movement.counts[from][to] = count;
        movement.balance[from][to] = Money::from_cents(cents);
        for (tier, sign) in [(from, -1), (to, 1)] {
            movement.tiers[tier].count += sign * count;
            let balance = &mut movement.tiers[tier].balance;
            *balance = Money::from_cents(balance.cents() + sign * cents);
        }
    }
    movement
}

fn make(edit: &Edit, document: &mut TierPolicyDocument) {
    match edit {
        Edit::LimitMoved { limit, after, .. } => {
            document.limits.insert(limit.clone(), after.clone());
        }
        Edit::SignalToggled { signal, is_asset } => {
            document.asset_signals.retain(|other| other != signal);
            document.asset_signals.extend(is_asset.then_some(*signal));
        }
        Edit::FallbackChanged { after, .. } => document.fallback = *after,
        edit => panic!("not among the edits of this test: {edit:?}"),
    }
}

fn orders(count: usize) -> Vec<Vec<usize>> {
    let Some(last) = count.checked_sub(1) else { return vec![vec![]] };
    let shorter = orders(last);
    shorter
        .into_iter()
        .flat_map(|order| {
            (0..=last).map(move |place| {
                let mut order = order.clone();
                order.insert(place, last);
                order
            })
        })
        .collect()
}
