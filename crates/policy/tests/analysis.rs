//! What the analysis says of a policy, held against evaluating judgments one by one.

#![allow(clippy::unwrap_used)] // the helpers of tests stand outside of tests

use std::collections::{BTreeMap, BTreeSet};

use policy::analysis::{
    DifferenceError, DifferenceRegion, ExampleJudgment, Finding, FindingCode, REGIONS_MAX,
    SemanticDifference, Severity, analyze,
};
use policy::portfolio::{Portfolio, TierMigration};
use policy::sample;
use policy::tier::{
    AssetSignals, Cents, DecidedBy, JudgmentFacts, Score, Tier, TierArmDocument, TierPolicy,
    TierPolicyDocument, TierRuleDocument,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Limits at both ends of what there is, on neighbouring values, and apart.
const SCORES: [&str; 5] = ["0", "20", "20.01", "80", "100"];
const BALANCES: [&str; 5] = ["0", "0.01", "5000", "15000", "999999999999.99"];

/// Policies of few limits, of which every judgment can be looked at
fn small_policies() -> impl Strategy<Value = TierPolicy> {
    let rules = prop::collection::vec((tiers(), prop::collection::vec(arms(), 1..4)), 0..5);
    (rules, 0..16_u8, tiers()).prop_map(|(rules, assets, fallback)| {
        let named = |fact: &str, texts: [&str; 5]| {
            let named = texts.into_iter().zip(0..);
            named.map(|(text, place)| (format!("{fact}_{place}"), text.to_owned())).collect::<Vec<_>>()
        };
        let assets = AssetSignals::from_bits(assets);
        let mut document = TierPolicyDocument {
            limits: named("score", SCORES).into_iter().chain(named("balance", BALANCES)).collect(),
            asset_signals: assets.iter().collect(),
            rules: Vec::new(),
            fallback,
        };
        for (place, (tier, mut any)) in rules.into_iter().enumerate() {
            for arm in &mut any {
                arm.signals_min = arm.signals_min.filter(|signals| *signals <= assets.count_of(assets));
                if *arm == TierArmDocument::default() {
                    arm.score_from = Some("score_3".to_owned());
                }
            }
            document.rules.push(TierRuleDocument { id: format!("r{place}"), tier, any });
        }
        document.try_into().unwrap()
    })
}

fn policies() -> impl Strategy<Value = TierPolicy> {
    prop_oneof![
        1 => Just(TierPolicy::revision_1()),
        1 => Just(TierPolicy::monotone_draft()),
        8 => small_policies(),
    ]
}

fn tiers() -> impl Strategy<Value = Tier> {
    select(Tier::ALL.to_vec())
}

fn arms() -> impl Strategy<Value = TierArmDocument> {
    let range = |fact: &'static str, texts: [&'static str; 5]| {
        (0..5_usize, 1..5_usize, 0..16_u8).prop_map(move |(from, width, kinds)| {
            let bound = |place: usize, kind: u8| match kind {
                0 | 1 => None,
                2 => texts.get(place).map(|text| (*text).to_owned()),
                _ => texts.get(place).map(|_| format!("{fact}_{place}")),
            };
            (bound(from, kinds & 3), bound(from + width, kinds >> 2))
        })
    };
    (range("score", SCORES), range("balance", BALANCES), prop::option::of(1..5_u8)).prop_map(
        |((score_from, score_below), (balance_from, balance_below), signals_min)| TierArmDocument {
            score_from,
            score_below,
            balance_from,
            balance_below,
            signals_min,
        },
    )
}

/// Judgments on both sides of every limit of some policies, each number of signals by every set
fn judgments(policies: &[&TierPolicy]) -> Vec<JudgmentFacts> {
    let mut all = TierPolicy::revision_1().document().clone();
    all.limits.clear();
    all.rules.clear();
    for (number, policy) in policies.iter().enumerate() {
        for (name, value) in &policy.document().limits {
            all.limits.insert(format!("{number}.{name}"), value.clone());
        }
        for rule in &policy.document().rules {
            let renamed = |bound: &Option<String>| {
                bound.as_ref().map(|text| {
                    let name = format!("{number}.{text}");
                    if policy.document().limits.contains_key(text) { name } else { text.clone() }
                })
            };
            let any = rule.any.iter().map(|arm| TierArmDocument {
                score_from: renamed(&arm.score_from),
                score_below: renamed(&arm.score_below),
                balance_from: renamed(&arm.balance_from),
                balance_below: renamed(&arm.balance_below),
                signals_min: arm.signals_min,
            });
            let id = format!("{number}.{}", rule.id);
            all.rules.push(TierRuleDocument { id, tier: rule.tier, any: any.collect() });
        }
    }
    TierPolicy::try_from(all).unwrap().boundary_facts().collect()
}

fn score(facts: &JudgmentFacts) -> u16 {
    facts.score.map_or(0, Score::hundredths)
}

fn cents(facts: &JudgmentFacts) -> i64 {
    facts.balance.map_or(0, Cents::cents)
}

fn facts_of(example: &ExampleJudgment) -> JudgmentFacts {
    JudgmentFacts {
        score: Some(example.collectability_score),
        balance: Some(example.balance),
        signals: example.signals.iter().copied().collect(),
    }
}

/// Fewest signals that count, then the smallest balance, then the smallest score.
fn size(policy: &TierPolicy, facts: &JudgmentFacts) -> (u8, i64, u16) {
    (facts.signals.count_of(assets(policy)), cents(facts), score(facts))
}

fn assets(policy: &TierPolicy) -> AssetSignals {
    policy.document().asset_signals.iter().copied().collect()
}

fn of_code(findings: &[Finding], code: FindingCode) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(move |finding| finding.code == code)
}

/// The judgments with one step less of score, of balance and of each asset signal
fn steps_back(policy: &TierPolicy, facts: &JudgmentFacts) -> Vec<(&'static str, i64, JudgmentFacts)> {
    let mut steps = Vec::new();
    if let Some(less) = facts.score.and_then(|score| score.hundredths().checked_sub(1)) {
        let less = JudgmentFacts { score: Score::from_hundredths(less), ..*facts };
        steps.push(("score", i64::from(score(facts)), less));
    }
    if let Some(less) = facts.balance.and_then(|balance| Cents::from_cents(balance.cents() - 1)) {
        steps.push(("balance", cents(facts), JudgmentFacts { balance: Some(less), ..*facts }));
    }
    let count = facts.signals.count_of(assets(policy));
    for signal in facts.signals.iter().filter(|signal| assets(policy).contains(*signal)) {
        let signals = AssetSignals::from_bits(facts.signals.bits() & !signal.bit());
        steps.push(("signals", i64::from(count), JudgmentFacts { signals, ..*facts }));
    }
    steps
}

fn place_of(policy: &TierPolicy, cliff: &Finding) -> (&'static str, i64) {
    let [below, past] = [0, 1].map(|place| facts_of(&cliff.examples[place]));
    let steps = steps_back(policy, &past);
    let (along, place, _) = steps.into_iter().find(|(_, _, step)| *step == below).unwrap();
    (along, place)
}

fn is_same(left: &TierPolicy, right: &TierPolicy, judgments: &[JudgmentFacts]) -> bool {
    judgments.iter().all(|facts| left.tier_of(facts) == right.tier_of(facts))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn cliffs_are_where_one_step_more_gives_a_lower_tier(policy in policies()) {
        let findings = analyze(&policy);
        let cliffs: BTreeMap<_, _> =
            of_code(&findings, FindingCode::Cliff).map(|cliff| (place_of(&policy, cliff), cliff)).collect();
        prop_assert_eq!(cliffs.len(), of_code(&findings, FindingCode::Cliff).count());
        let mut smallest = BTreeMap::new();
        for facts in judgments(&[&policy]) {
            for (along, place, less) in steps_back(&policy, &facts) {
                let falls = policy.tier_of(&facts) < policy.tier_of(&less);
                let told = cliffs.get(&(along, place)).is_some_and(|cliff| {
                    cliff.regions.iter().filter(|region| region.contains(&facts)).count() == 1
                });
                prop_assert_eq!(falls, told, "{} {}: {:?}", along, place, facts);
                if falls {
                    let least = smallest.entry((along, place)).or_insert(size(&policy, &facts));
                    *least = size(&policy, &facts).min(*least);
                }
            }
        }
        for (place, cliff) in &cliffs {
            for facts in judgments(&[&policy]).iter().filter(|facts| cliff.regions.iter().any(|region| region.contains(facts))) {
                let at = match place.0 {
                    "score" => i64::from(score(facts)),
                    "balance" => cents(facts),
                    _ => i64::from(facts.signals.count_of(assets(&policy))),
                };
                prop_assert_eq!(at, place.1);
            }
            prop_assert_eq!(cliff.severity, Severity::Error);
            prop_assert_eq!(smallest.get(place), Some(&size(&policy, &facts_of(&cliff.examples[1]))));
            prop_assert!(!cliff.rules.is_empty());
            prop_assert!(!cliff.fields.is_empty());
        }
    }

    #[test]
    fn examples_are_what_the_policy_says(policy in policies()) {
        for finding in analyze(&policy) {
            prop_assert!(!finding.message.is_empty() && !finding.message.ends_with('.'));
            for example in &finding.examples {
                let outcome = policy.evaluate(&facts_of(example));
                prop_assert_eq!((example.tier, &example.decided_by), (outcome.tier, &outcome.decided_by));
            }
            prop_assert_eq!(finding.regions_left_out, 0);
            let json = serde_json::to_string(&finding).unwrap();
            prop_assert_eq!(serde_json::from_str::<Finding>(&json).unwrap(), finding);
        }
    }

    #[test]
    fn shadowed_is_what_never_decides_and_unreachable_the_tier_that_nothing_gets(policy in policies()) {
        let mut deciding = BTreeSet::new();
        let mut reached = BTreeSet::new();
        for facts in judgments(&[&policy]) {
            let outcome = policy.evaluate(&facts);
            reached.insert(outcome.tier);
            deciding.extend(outcome.decided_by.map(|DecidedBy { rule, arm }| (rule, arm)));
        }
        let mut expect = BTreeSet::new();
        for (number, rule) in policy.document().rules.iter().enumerate() {
            let arms: Vec<u32> =
                (0..rule.any.len() as u32).filter(|arm| !deciding.contains(&(rule.id.clone(), *arm))).collect();
            if arms.len() == rule.any.len() {
                expect.insert(format!("rules[{number}]"));
            } else {
                expect.extend(arms.iter().map(|arm| format!("rules[{number}].any[{arm}]")));
            }
        }
        let findings = analyze(&policy);
        let is_shadow = |finding: &&Finding| {
            matches!(finding.code, FindingCode::ShadowedRule | FindingCode::ShadowedArm)
        };
        let found: BTreeSet<String> =
            findings.iter().filter(is_shadow).flat_map(|finding| finding.fields.clone()).collect();
        prop_assert_eq!(found, expect);
        for finding in findings.iter().filter(is_shadow) {
            // What it names takes the place of what never decides, at the smallest judgment that it matches.
            let by = finding.examples[0].decided_by.clone().unwrap();
            prop_assert!(finding.rules[1..].iter().any(|named| named.rule == by.rule && named.arms.contains(&by.arm)));
        }
        prop_assert_eq!(
            of_code(&findings, FindingCode::UnreachableTier).count(),
            Tier::ALL.len() - reached.len()
        );
    }

    #[test]
    fn a_gap_is_what_the_fallback_takes_between_rules(policy in small_policies()) {
        let taken: Vec<(JudgmentFacts, bool, Tier)> = judgments(&[&policy])
            .into_iter()
            .filter(|facts| facts.score.is_some() && facts.balance.is_some())
            // One set for each number of asset signals.
            .filter(|facts| {
                let signals = facts.signals;
                let is_first = |other: u8| AssetSignals::from_bits(other).count_of(assets(&policy)) != signals.count_of(assets(&policy));
                (0..signals.bits()).all(is_first)
            })
            .map(|facts| (facts, policy.evaluate(&facts).decided_by.is_some(), policy.tier_of(&facts)))
            .collect();
        let sizes = |facts: &JudgmentFacts| size(&policy, facts);
        let is_less = |less: (u8, i64, u16), more: (u8, i64, u16)| {
            less.0 <= more.0 && less.1 <= more.1 && less.2 <= more.2
        };
        let findings = analyze(&policy);
        for (facts, by_rule, _) in &taken {
            let of_rules = || taken.iter().filter(|(_, by_rule, _)| *by_rule);
            let is_between = !by_rule
                && of_rules().any(|(other, _, _)| is_less(sizes(other), sizes(facts)))
                && of_rules().any(|(other, _, _)| is_less(sizes(facts), sizes(other)));
            let told = of_code(&findings, FindingCode::Gap)
                .flat_map(|gap| &gap.regions)
                .filter(|region| region.contains(facts))
                .count();
            prop_assert_eq!(usize::from(is_between), told, "{:?}", facts);
        }
        let gap_of = |facts: &JudgmentFacts| {
            let mut gaps = of_code(&findings, FindingCode::Gap);
            gaps.position(|gap| gap.regions.iter().any(|region| region.contains(facts)))
        };
        for (facts, _, _) in &taken {
            for (_, _, less) in steps_back(&policy, facts) {
                let gaps = [gap_of(facts), gap_of(&less)];
                prop_assert!(gaps[0] == gaps[1] || gaps.contains(&None), "gaps {:?} touch", gaps);
            }
        }
        for gap in of_code(&findings, FindingCode::Gap) {
            prop_assert!(!gap.rules.is_empty() && !gap.fields.is_empty());
            let first = taken
                .iter()
                .filter(|(facts, _, _)| gap.regions.iter().any(|region| region.contains(facts)))
                .map(|(facts, _, _)| sizes(facts))
                .min();
            prop_assert_eq!(first, Some(sizes(&facts_of(&gap.examples[0]))));
            let is_in = |facts: &JudgmentFacts| gap.regions.iter().any(|region| region.contains(facts));
            let fallback = policy.document().fallback;
            let is_out_of_order = taken.iter().filter(|(facts, _, _)| is_in(facts)).any(|(facts, _, _)| {
                taken.iter().filter(|(_, by_rule, _)| *by_rule).any(|(other, _, tier)| {
                    is_less(sizes(other), sizes(facts)) && *tier > fallback
                        || is_less(sizes(facts), sizes(other)) && *tier < fallback
                })
            });
            prop_assert_eq!(gap.severity == Severity::Warning, is_out_of_order);
        }
    }

    #[test]
    fn rules_overlap_where_one_decides_and_another_with_another_tier_matches(policy in small_policies()) {
        let rules = &policy.document().rules;
        let alone: Vec<TierPolicy> = rules
            .iter()
            .map(|rule| TierPolicyDocument { rules: vec![rule.clone()], ..policy.document().clone() }.try_into().unwrap())
            .collect();
        let mut lost: BTreeMap<(String, bool), BTreeSet<String>> = BTreeMap::new();
        let mut deciding = BTreeSet::new();
        for facts in judgments(&[&policy]) {
            let outcome = policy.evaluate(&facts);
            let Some(winner) = outcome.decided_by else { continue };
            deciding.insert(winner.rule.clone());
            for (rule, alone) in rules.iter().zip(&alone) {
                if rule.tier != outcome.tier && alone.evaluate(&facts).decided_by.is_some() {
                    lost.entry((winner.rule.clone(), outcome.tier < rule.tier)).or_default().insert(rule.id.clone());
                }
            }
        }
        // What never decides is told of as shadowed.
        lost.values_mut().for_each(|losers| losers.retain(|loser| deciding.contains(loser)));
        lost.retain(|_, losers| !losers.is_empty());
        // All rules of a tier that win over lower ones are told of at once, and so those over higher ones.
        let mut expect: BTreeMap<(Tier, bool), [BTreeSet<String>; 2]> = BTreeMap::new();
        for ((winner, is_lower), losers) in lost {
            let tier = rules.iter().find(|rule| rule.id == winner).unwrap().tier;
            let [winners, all_losers] = expect.entry((tier, is_lower)).or_default();
            winners.insert(winner);
            all_losers.extend(losers);
        }
        let found = of_code(&analyze(&policy), FindingCode::Overlap)
            .map(|overlap| {
                let tier = overlap.examples[0].tier;
                let is_of_tier = |id: &String| rules.iter().any(|rule| rule.id == *id && rule.tier == tier);
                let ids = overlap.rules.iter().map(|named| named.rule.clone());
                let (winners, losers) = ids.partition(is_of_tier);
                ((tier, overlap.severity == Severity::Warning), [winners, losers])
            })
            .collect::<BTreeMap<_, _>>();
        prop_assert_eq!(found, expect);
    }

    #[test]
    fn a_condition_is_idle_where_leaving_it_out_changes_no_tier(policy in small_policies()) {
        let findings = analyze(&policy);
        let fields = |code| -> BTreeSet<String> {
            of_code(&findings, code).flat_map(|finding| finding.fields.clone()).collect()
        };
        let idle = fields(FindingCode::IdleCondition);
        let shadowed: Vec<String> =
            fields(FindingCode::ShadowedRule).into_iter().chain(fields(FindingCode::ShadowedArm)).collect();
        let judgments = judgments(&[&policy]);
        for (rule_no, rule) in policy.document().rules.iter().enumerate() {
            for arm_no in 0..rule.any.len() {
                let arm_field = format!("rules[{rule_no}].any[{arm_no}]");
                let is_shadowed = shadowed.iter().any(|field| arm_field.starts_with(field.as_str()));
                for (field, without) in without_conditions(&rule.any[arm_no]) {
                    let mut document = policy.document().clone();
                    document.rules[rule_no].any[arm_no] = without;
                    let changes_nothing = is_same(&policy, &document.try_into().unwrap(), &judgments);
                    let found = idle.contains(&format!("{arm_field}.{field}"));
                    prop_assert_eq!(found, changes_nothing && !is_shadowed, "{}.{}", arm_field, field);
                }
            }
        }
    }

    #[test]
    fn a_limit_is_idle_where_moving_it_to_its_neighbours_changes_no_tier(policy in small_policies()) {
        let findings = analyze(&policy);
        let limits = |code| -> BTreeSet<&str> {
            let fields = of_code(&findings, code).flat_map(|finding| &finding.fields);
            fields.map(String::as_str).filter(|field| field.starts_with("limits.")).collect()
        };
        let (found, unused) = (limits(FindingCode::IdleLimit), limits(FindingCode::UnusedLimit));
        let judgments = judgments(&[&policy]);
        for (name, value) in &policy.document().limits {
            let is_used = policy.document().rules.iter().flat_map(|rule| &rule.any).any(|arm| {
                [&arm.score_from, &arm.score_below, &arm.balance_from, &arm.balance_below]
                    .into_iter()
                    .any(|bound| bound.as_ref() == Some(name))
            });
            let fact = name.split('_').next().unwrap();
            // The neighbours are limits that stand in an arm of this fact.
            let mut values: BTreeSet<i64> = judgments
                .iter()
                .flat_map(|facts| steps_back(&policy, facts))
                .filter(|(along, place, _)| *along == fact && bounds(&policy, fact).contains(place))
                .map(|(_, place, _)| place)
                .collect();
            values.insert(0);
            let value = value.parse::<Cents>().unwrap().cents();
            let below = values.range(..value).next_back().copied();
            let above = values.range(value + 1..).next().copied();
            let is_idle = is_used
                && below.is_none_or(|below| is_same(&policy, &moved(&policy, name, Some(below)), &judgments))
                && is_same(&policy, &moved(&policy, name, above), &judgments);
            let field = format!("limits.{name}");
            prop_assert_eq!(found.contains(field.as_str()), is_idle, "{}", field);
            prop_assert_eq!(unused.contains(field.as_str()), !is_used, "{}", field);
        }
    }

    #[test]
    fn a_difference_is_every_judgment_whose_tier_changes_in_one_region(before in policies(), after in policies()) {
        let difference = SemanticDifference::between(&before, &after, None).unwrap();
        for facts in judgments(&[&before, &after]) {
            let pair = (before.tier_of(&facts), after.tier_of(&facts));
            let regions: Vec<&DifferenceRegion> =
                difference.regions.iter().filter(|region| region.region.contains(&facts)).collect();
            match regions.as_slice() {
                [] => prop_assert_eq!(pair.0, pair.1, "{:?}", facts),
                [region] => {
                    prop_assert_ne!(pair.0, pair.1);
                    prop_assert_eq!((region.before, region.after), pair, "{:?}", facts);
                }
                regions => prop_assert!(false, "{:?} in {} regions", facts, regions.len()),
            }
        }
        prop_assert_eq!(difference.is_equivalent, difference.regions.is_empty());
    }

    #[test]
    fn regions_sum_up_to_the_migration(before in any::<u64>(), after in any::<u64>(), seed in any::<u64>(), rows in 0..3000_u32) {
        let [before, after] = [before, after].map(|seed| TierPolicy::try_from(sample::policy_document(seed)).unwrap());
        let portfolio = Portfolio::from_columns(sample::portfolio_columns(seed, rows)).unwrap();
        let migration = TierMigration::between(&before.compile(), &after.compile(), &portfolio).matrix();
        let difference = SemanticDifference::between(&before, &after, Some(&portfolio)).unwrap();
        let mut sums = policy::portfolio::MigrationMatrix::empty();
        for region in &difference.regions {
            let share = region.portfolio.unwrap();
            sums.add(region.before, region.after, share.count, share.balance);
        }
        for from in 0..4 {
            for to in (0..4).filter(|to| *to != from) {
                prop_assert_eq!(sums.counts[from][to], migration.counts[from][to]);
                prop_assert_eq!(sums.balance[from][to], migration.balance[from][to]);
            }
        }
        let in_regions = |facts: &JudgmentFacts| difference.regions.iter().filter(|region| region.region.contains(facts)).count();
        for row in 0..portfolio.len().min(50) {
            let facts = portfolio.facts(row).unwrap();
            prop_assert_eq!(in_regions(&facts), usize::from(before.tier_of(&facts) != after.tier_of(&facts)));
        }
    }

    #[test]
    fn a_policy_written_differently_is_proved_equivalent(policy in policies(), edits in prop::collection::vec((0..4_u8, any::<Index>(), any::<Index>()), 1..6)) {
        let mut rewritten = policy.document().clone();
        for (edit, rule, arm) in edits {
            rewrite(&mut rewritten, edit, rule, arm);
        }
        let rewritten = TierPolicy::try_from(rewritten).unwrap();
        let difference = SemanticDifference::between(&policy, &rewritten, None).unwrap();
        prop_assert!(difference.is_equivalent, "{:?}", difference.regions);
    }
}

/// Each condition of an arm with what the arm is without it
fn without_conditions(arm: &TierArmDocument) -> Vec<(&'static str, TierArmDocument)> {
    let all = [
        ("score_from", TierArmDocument { score_from: None, ..arm.clone() }),
        ("score_below", TierArmDocument { score_below: None, ..arm.clone() }),
        ("balance_from", TierArmDocument { balance_from: None, ..arm.clone() }),
        ("balance_below", TierArmDocument { balance_below: None, ..arm.clone() }),
        ("signals_min", TierArmDocument { signals_min: None, ..arm.clone() }),
    ];
    let mut conditions: Vec<_> = all.into_iter().filter(|(_, without)| without != arm).collect();
    for (_, without) in &mut conditions {
        // An arm that asks for nothing is written like this.
        if *without == TierArmDocument::default() {
            without.score_from = Some("0".to_owned());
        }
    }
    conditions
}

/// Every limit in hundredths that bounds one fact.
fn bounds(policy: &TierPolicy, fact: &str) -> BTreeSet<i64> {
    let document = policy.document();
    let arms = document.rules.iter().flat_map(|rule| &rule.any);
    arms.flat_map(|arm| match fact {
        "score" => [&arm.score_from, &arm.score_below],
        _ => [&arm.balance_from, &arm.balance_below],
    })
    .flatten()
    .map(|text| document.limits.get(text).unwrap_or(text).parse::<Cents>().unwrap().cents())
    .collect()
}

/// The policy with a limit moved, `None` beyond every value; arms that then hold nowhere are left out
fn moved(policy: &TierPolicy, name: &str, to: Option<i64>) -> TierPolicy {
    let mut document = policy.document().clone();
    let text = |cents: i64| Cents::from_cents(cents).unwrap().to_decimal().to_string();
    let values = document.limits.clone();
    for rule in &mut document.rules {
        rule.any.retain_mut(|arm| {
            let mut holds = true;
            for (from, below) in
                [(&mut arm.score_from, &mut arm.score_below), (&mut arm.balance_from, &mut arm.balance_below)]
            {
                if from.as_deref() == Some(name) {
                    holds &= to.is_some();
                    *from = to.map(text);
                }
                if below.as_deref() == Some(name) {
                    *below = to.map(text);
                }
                let value = |bound: &Option<String>| {
                    let text = bound.as_ref().map(|text| values.get(text).unwrap_or(text));
                    text.map(|text| text.parse::<Cents>().unwrap())
                };
                let least = value(from).unwrap_or(Cents::from_cents(0).unwrap());
                holds &= value(below).is_none_or(|below| below > least);
            }
            if *arm == TierArmDocument::default() {
                arm.score_from = Some("0".to_owned());
            }
            holds
        });
    }
    document.rules.retain(|rule| !rule.any.is_empty());
    document.try_into().unwrap()
}

/// Writes the same policy in another way
fn rewrite(document: &mut TierPolicyDocument, edit: u8, rule: Index, arm: Index) {
    let names = document.rules.len();
    let Some(place) = (!document.rules.is_empty()).then(|| rule.index(document.rules.len())) else { return };
    let chosen = &mut document.rules[place];
    let arm_no = arm.index(chosen.any.len());
    match edit {
        // An arm in two halves, the upper one first.
        0 if chosen.any.len() < 20 => {
            let arm = chosen.any[arm_no].clone();
            let mut halves = [arm.clone(), arm];
            halves[0].balance_from = Some("7500".to_owned());
            halves[1].balance_below = Some("7500".to_owned());
            let valid = halves.clone().map(|half| {
                let rule = TierRuleDocument { id: "half".to_owned(), tier: Tier::Monitor, any: vec![half] };
                TierPolicy::try_from(TierPolicyDocument { rules: vec![rule], ..document.clone() }).is_ok()
            });
            // A half is only a half where the arm reaches over the cut.
            let [from, below] = [&halves[1].balance_from, &halves[0].balance_below].map(|bound| {
                bound
                    .as_ref()
                    .map(|text| document.limits.get(text).unwrap_or(text).parse::<Cents>().unwrap().cents())
            });
            let reaches = from.is_none_or(|from| from < 750_000) && below.is_none_or(|below| below > 750_000);
            if valid == [true, true] && reaches {
                document.rules[place].any.splice(arm_no..=arm_no, halves);
            }
        }
        // The arms of a rule in another order.
        1 => chosen.any.rotate_left(arm_no),
        // An arm again in a rule of its own, behind the one that has it.
        2 => {
            let again = TierRuleDocument {
                id: format!("again-{names}"),
                tier: Tier::ALL[arm_no % 4],
                any: vec![chosen.any[arm_no].clone()],
            };
            document.rules.insert(place + 1, again);
        }
        // Each arm a rule.
        _ => {
            let rule = document.rules.remove(place);
            let parts = rule.any.into_iter().enumerate().map(|(part, arm)| TierRuleDocument {
                id: format!("{}-{names}-{part}", rule.id),
                tier: rule.tier,
                any: vec![arm],
            });
            document.rules.splice(place..place, parts.collect::<Vec<_>>());
        }
    }
}

fn policy(json: &str) -> TierPolicy {
    TierPolicy::from_json(json).unwrap()
}

/// Findings as people read them: severity, code and fields, the sentence, the regions, the examples.
fn listing(findings: &[Finding]) -> String {
    let mut lines = Vec::new();
    for finding in findings {
        let [severity, code] =
            [serde_json::to_value(finding.severity), serde_json::to_value(finding.code)].map(Result::unwrap);
        lines.push(format!(
            "{} {}: {}",
            severity.as_str().unwrap(),
            code.as_str().unwrap(),
            finding.fields.join(", ")
        ));
        lines.push(format!("  {}", finding.message));
        lines.extend(finding.regions.iter().map(|region| format!("  in {}", region.words)));
        lines.extend(finding.examples.iter().map(|example| {
            let by = example.decided_by.as_ref();
            let by = by.map_or("the fallback".to_owned(), |by| format!("{}.{}", by.rule, by.arm));
            let signals: Vec<&str> = example.signals.iter().map(|signal| signal.name()).collect();
            format!(
                "  example: score {}, ${}, [{}]: tier {} by {by}",
                example.collectability_score,
                example.balance,
                signals.join(", "),
                example.tier.number()
            )
        }));
    }
    lines.join("\n")
}

#[track_caller]
fn check_findings(policy: &TierPolicy, expect: &str) {
    let found = listing(&analyze(policy));
    assert_eq!(found, expect.trim_matches('\n'), "found:\n{found}\n");
}

#[track_caller]
fn check_difference(before: &TierPolicy, after: &TierPolicy, expect: &[&str]) {
    let difference = SemanticDifference::between(before, after, None).unwrap();
    let words: Vec<&str> = difference.regions.iter().map(|region| region.words.as_str()).collect();
    assert_eq!(words, expect);
}

#[test]
fn revision_1_has_cliffs_a_gap_and_overlaps() {
    check_findings(
        &TierPolicy::revision_1(),
        r"
error cliff: rules[2].any[1].balance_below
  A higher balance lowers the tier: from $14,999.99 to $15,000, a judgment with a score below 35 and no asset signal falls from tier 1 (Warm Prospects) to tier 0 (Monitor)
  in score below 35, balance $15,000, no asset signal
  example: score 0, $14,999.99, []: tier 1 by t1.1
  example: score 0, $15,000, []: tier 0 by the fallback
error cliff: rules[1].any[1].balance_below
  A higher balance lowers the tier: from $49,999.99 to $50,000, a judgment with a score below 35 and 1 asset signal falls from tier 2 (Active Enforcement) to tier 0 (Monitor); a judgment with a score of 35 to 59.99 and 1 asset signal falls from tier 2 (Active Enforcement) to tier 1 (Warm Prospects)
  in score below 35, balance $50,000, 1 asset signal
  in score 35 to 59.99, balance $50,000, 1 asset signal
  example: score 0, $49,999.99, [employer_name]: tier 2 by t2.1
  example: score 0, $50,000, [employer_name]: tier 0 by the fallback
warning gap: rules[1].any[1].balance_below, rules[2].any[1].balance_below
  No rule takes a judgment with a score below 35, a balance of $15,000 or more and no asset signal, nor a judgment with a score below 35, a balance of $50,000 or more and 1 asset signal: only the fallback does, with tier 0 (Monitor), although rules take judgments with less and with more
  in score below 35, balance $15,000 or more, no asset signal
  in score below 35, balance $50,000 or more, 1 asset signal
  example: score 0, $15,000, []: tier 0 by the fallback
note overlap: rules[0], rules[1], rules[2]
  Rule t3 wins over t2 and t1 where both match, since it stands first: a judgment with a score of 80, a balance of $5,000 and no asset signal gets tier 3 (Strategic/Priority), not the lower tier 1 (Warm Prospects) of t1
  example: score 80, $5,000, []: tier 3 by t3.0
note overlap: rules[1], rules[2]
  Rule t2 wins over t1 where both match, since it stands first: a judgment with a score of 60, a balance of $5,000 and no asset signal gets tier 2 (Active Enforcement), not the lower tier 1 (Warm Prospects) of t1
  example: score 60, $5,000, []: tier 2 by t2.0
note idle_condition: rules[1].any[0].score_below, rules[2].any[0].score_below
  The upper score limits 80 (score_3) in rule t2 and 60 (score_2) in rule t1 change nothing: without any one of them every judgment keeps its tier
  example: score 80, $0, []: tier 3 by t3.0
",
    );
}

#[test]
fn the_repaired_policy_has_neither_cliff_nor_gap() {
    check_findings(
        &TierPolicy::monotone_draft(),
        r"
note overlap: rules[0], rules[1], rules[2]
  Rule t3 wins over t2 and t1 where both match, since it stands first: a judgment with a score of 80, a balance of $0 and no asset signal gets tier 3 (Strategic/Priority), not the lower tier 2 (Active Enforcement) of t2
  example: score 80, $0, []: tier 3 by t3.0
note overlap: rules[1], rules[2]
  Rule t2 wins over t1 where both match, since it stands first: a judgment with a score of 60, a balance of $0 and no asset signal gets tier 2 (Active Enforcement), not the lower tier 1 (Warm Prospects) of t1
  example: score 60, $0, []: tier 2 by t2.0
",
    );
}

#[test]
fn what_never_decides_is_named_with_all_that_stands_before_it() {
    check_findings(
        &policy(
            r#"{"limits": {"high": "80", "low": "20", "spare": "5"}, "rules": [
                {"id": "low", "tier": 2, "any": [{"score_below": "50"}]},
                {"id": "rest", "tier": 2, "any": [{"score_from": "40"}, {"balance_from": "100", "signals_min": 1}]},
                {"id": "never", "tier": 3, "any": [{"score_from": "low", "score_below": "high"}]}
            ], "fallback": 2}"#,
        ),
        r"
error shadowed_rule: rules[2]
  Rule never never decides: what stands before it (low and rest) takes every judgment that it matches, with tier 2 (Active Enforcement) instead of tier 3 (Strategic/Priority)
  example: score 20, $0, []: tier 2 by low.0
warning unreachable_tier: 
  No judgment can get tier 0 (Monitor): no rule gives it, nor does the fallback
warning unreachable_tier: 
  No judgment can get tier 1 (Warm Prospects): no rule gives it, nor does the fallback
warning unreachable_tier: rules[2]
  No judgment can get tier 3 (Strategic/Priority): rule never would give it but never decides
warning idle_limit: limits.high, rules[2].any[0].score_below, limits.low, rules[2].any[0].score_from
  Limits high (80, could be anywhere from 50 up) and low (20, could be anywhere from 0 to 40) change nothing: with any one of them moved so, every judgment keeps its tier
  example: score 80, $0, []: tier 2 by rest.0
note shadowed_arm: rules[1].any[1]
  An arm of rule rest never decides: earlier arms of low and rest take a judgment with a balance of $100 or more and 1 or more asset signals first, with the same tier 2 (Active Enforcement)
  example: score 0, $100, [employer_name]: tier 2 by low.0
note idle_condition: rules[1].any[0].score_from
  The lower score limit 40 in rule rest changes nothing: without it every judgment keeps its tier
  example: score 0, $0, []: tier 2 by low.0
note idle_condition: rules[0].any[0].score_below
  The upper score limit 50 in rule low changes nothing: without it every judgment keeps its tier
  example: score 50, $0, []: tier 2 by rest.0
note unused_limit: limits.spare
  Limit spare (5) is used by no rule
",
    );
}

#[test]
fn an_arm_that_asks_for_more_signals_than_there_are_is_refused() {
    let error = TierPolicy::from_json(
        r#"{"asset_signals": ["bank_name"], "rules": [{"id": "a", "tier": 3, "any": [{"signals_min": 2}]}], "fallback": 0}"#,
    );
    let message = "rules[0].any[0].signals_min: `2` is more than the number of asset signals, 1";
    assert_eq!(error.unwrap_err().to_string(), message);
}

#[test]
fn a_difference_is_told_in_words() {
    let by_score = |limit: &str| {
        policy(&format!(
            r#"{{"rules": [{{"id": "a", "tier": 3, "any": [{{"score_from": "{limit}"}}]}},
                           {{"id": "b", "tier": 2, "any": [{{"score_from": "35"}}]}}], "fallback": 0}}"#
        ))
    };
    check_difference(&by_score("80"), &by_score("75"), &["score 75 to 79.99, any balance: tier 2 → 3"]);
    check_difference(&by_score("80"), &by_score("80.00"), &[]);
    check_difference(
        &TierPolicy::revision_1(),
        &TierPolicy::monotone_draft(),
        &[
            "score below 35, balance $15,000 or more, no asset signal: tier 0 → 1",
            "score below 35, balance $50,000 or more, 1 asset signal: tier 0 → 2",
            "score 35 to 59.99, balance $50,000 or more, 1 asset signal: tier 1 → 2",
        ],
    );
    let by_signals = |assets: &str| {
        policy(&format!(
            r#"{{"asset_signals": [{assets}], "rules": [{{"id": "a", "tier": 1, "any": [{{"signals_min": 1}}]}}], "fallback": 0}}"#
        ))
    };
    check_difference(
        &by_signals(r#""bank_name", "vehicle_lead""#),
        &by_signals(r#""bank_name", "employer_name""#),
        &[
            "any score, any balance, employer name but no bank name or vehicle lead: tier 0 → 1",
            "any score, any balance, vehicle lead but no employer name or bank name: tier 1 → 0",
        ],
    );
}

#[test]
fn a_region_that_is_empty_today_is_told_with_nothing_in_it() {
    let portfolio = Portfolio::from_columns(sample::portfolio_columns(1, 0)).unwrap();
    let [before, after] = [TierPolicy::revision_1(), TierPolicy::monotone_draft()];
    let difference = SemanticDifference::between(&before, &after, Some(&portfolio)).unwrap();
    let shares = difference.regions.iter().map(|region| region.portfolio.unwrap());
    assert!(shares.map(|share| (share.count, share.balance.to_string())).eq(vec![(0, "0.00".to_owned()); 3]));
}

/// A policy as large as any may be: boxes of many sizes, as hard to tell apart as can be
fn largest(seed: u32) -> TierPolicy {
    let mut state = seed;
    let mut next = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((u64::from(state) * u64::from(below)) >> 32) as u32
    };
    let mut document = TierPolicy::revision_1().document().clone();
    document.rules = (0..200)
        .map(|rule| TierRuleDocument {
            id: format!("r{rule}"),
            tier: Tier::ALL[next(4) as usize],
            any: (0..5)
                .map(|_| {
                    let [score, balance] = [0, 1].map(|_| next(240));
                    let [score_end, balance_end] = [score, balance].map(|from| from + 1 + next(14));
                    let bound = |number: u32| {
                        Some(Cents::from_cents(i64::from(number) * 39).unwrap().to_decimal().to_string())
                    };
                    TierArmDocument {
                        score_from: bound(score),
                        score_below: bound(score_end),
                        balance_from: bound(balance),
                        balance_below: bound(balance_end),
                        signals_min: Some(1 + next(4) as u8),
                    }
                })
                .collect(),
        })
        .collect();
    document.try_into().unwrap()
}

/// 120 stripes of scores over 120 stripes of balances, with the fallback between them
fn stripes() -> TierPolicy {
    let bound = |number: i64| Some(Cents::from_cents(number * 39).unwrap().to_decimal().to_string());
    let stripes = |number: i64| (bound(2 * number + 1), bound(2 * number + 2));
    let scores = (0..120).map(|number| {
        let (score_from, score_below) = stripes(number);
        TierArmDocument { score_from, score_below, ..TierArmDocument::default() }
    });
    let balances = (0..120).map(|number| {
        let (balance_from, balance_below) = stripes(number);
        TierArmDocument { balance_from, balance_below, ..TierArmDocument::default() }
    });
    let arms: Vec<TierArmDocument> = scores.chain(balances).collect();
    let mut document = TierPolicy::revision_1().document().clone();
    document.rules = arms
        .chunks(30)
        .enumerate()
        .map(|(number, any)| TierRuleDocument {
            id: format!("r{number}"),
            tier: if number < 4 { Tier::WarmProspects } else { Tier::ActiveEnforcement },
            any: any.to_vec(),
        })
        .collect();
    document.try_into().unwrap()
}

#[test]
fn the_largest_policies_are_analyzed() {
    let [before, after] = [1, 2].map(largest);
    let findings = analyze(&before);
    let codes: BTreeSet<FindingCode> = findings.iter().map(|finding| finding.code).collect();
    assert!(codes.contains(&FindingCode::Cliff) && codes.contains(&FindingCode::Gap));
    let difference = SemanticDifference::between(&before, &after, None).unwrap();
    for facts in before.boundary_facts().step_by(40_009) {
        let regions = difference.regions.iter().filter(|region| region.region.contains(&facts)).count();
        assert_eq!(regions, usize::from(before.tier_of(&facts) != after.tier_of(&facts)), "{facts:?}");
    }
}

#[test]
fn what_is_cut_into_more_than_can_be_told_is_summed_up_or_refused() {
    let policy = stripes();
    let gaps = analyze(&policy);
    let gaps: Vec<&Finding> = of_code(&gaps, FindingCode::Gap).collect();
    // All fallback cells but those at the low ends stand apart from each other, between rules.
    assert_eq!(gaps.len(), 50);
    let regions: u32 = gaps.iter().map(|gap| gap.regions.len() as u32 + gap.regions_left_out).sum();
    assert_eq!(regions, 121 * 121 - 2);
    let refused = SemanticDifference::between(&policy, &TierPolicy::monotone_draft(), None);
    assert_eq!(refused, Err(DifferenceError));
    let words = DifferenceError.to_string();
    assert_eq!(words, format!("the policies differ in more than {REGIONS_MAX} regions"));
    assert!(SemanticDifference::between(&policy, &policy, None).unwrap().is_equivalent);
}
