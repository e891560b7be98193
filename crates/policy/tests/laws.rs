//! What holds for every policy and every judgment.

#![allow(clippy::unwrap_used)] // the helpers of tests stand outside of tests

use policy::portfolio::{NO_TIER, Portfolio, PortfolioError, Shelves, TierFlow, TierMigration, TierTotal};
use policy::sample;
use policy::tier::{
    AssetSignals, Cents, JudgmentFacts, JudgmentFactsDocument, Score, Tier, TierGrid, TierOutcome,
    TierPolicy, TierPolicyDocument,
};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn policies() -> impl Strategy<Value = TierPolicy> {
    prop_oneof![
        1 => Just(TierPolicy::revision_1()),
        1 => Just(TierPolicy::monotone_draft()),
        8 => any::<u64>().prop_map(|seed| sample::policy_document(seed).try_into().unwrap()),
    ]
}

fn facts() -> impl Strategy<Value = JudgmentFacts> {
    let score = proptest::option::weighted(0.9, 0..=10_000_u16);
    let balance = proptest::option::weighted(0.9, prop_oneof![0..=10_000_000_i64, 0..=Cents::MAX.cents()]);
    (score, balance, 0..16_u8).prop_map(|(score, balance, bits)| JudgmentFacts {
        score: score.and_then(Score::from_hundredths),
        balance: balance.and_then(Cents::from_cents),
        signals: AssetSignals::from_bits(bits),
    })
}

fn portfolios() -> impl Strategy<Value = Portfolio> {
    (any::<u64>(), prop_oneof![0..40_u32, Just(4095), Just(4096), Just(9001)])
        .prop_map(|(seed, rows)| Portfolio::from_columns(sample::portfolio_columns(seed, rows)).unwrap())
}

fn rows(portfolio: &Portfolio) -> impl Iterator<Item = (u32, JudgmentFacts)> {
    (0..portfolio.len()).map(|row| (row, portfolio.facts(row).unwrap()))
}

proptest! {
    #[test]
    fn every_judgment_gets_one_tier_and_a_reason_and_always_the_same(policy in policies(), facts in facts()) {
        let outcome = policy.evaluate(&facts);
        prop_assert!(!outcome.reason.is_empty());
        prop_assert_eq!(outcome.tier, policy.tier_of(&facts));
        prop_assert_eq!(outcome.tier, policy.compile().tier_of(&facts));
        prop_assert_eq!(outcome, policy.evaluate(&facts));
    }

    #[test]
    fn a_map_shows_every_judgment_once_with_both_tiers(before in policies(), after in policies(), facts in facts()) {
        let cells = TierGrid::map(&before.compile(), &after.compile(), facts.signals);
        let score = facts.score.map_or(0, Score::hundredths);
        let balance = facts.balance.map_or(0, Cents::cents);
        let found: Vec<_> =
            cells.iter().filter(|cell| cell.score.contains(&score) && cell.balance.contains(&balance)).collect();
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!((found[0].before, found[0].after), (before.tier_of(&facts), after.tier_of(&facts)));
    }

    /// Removing what stands behind the deciding rule changes nothing; removing the rule itself lets only
    /// later ones decide.
    #[test]
    fn the_first_rule_that_holds_decides(policy in policies(), facts in facts()) {
        let outcome = policy.evaluate(&facts);
        let place = outcome.decided_by.as_ref().map(|decided_by| {
            policy.document().rules.iter().position(|rule| rule.id == decided_by.rule).unwrap()
        });
        let Some(place) = place else { return Ok(()) };
        prop_assert_eq!(policy.document().rules[place].tier, outcome.tier);

        let mut without_later = policy.document().clone();
        without_later.rules.truncate(place + 1);
        prop_assert_eq!(TierPolicy::try_from(without_later).unwrap().evaluate(&facts), outcome);

        let mut without_it = policy.document().clone();
        without_it.rules.remove(place);
        let next = TierPolicy::try_from(without_it.clone()).unwrap().evaluate(&facts);
        if let Some(next) = next.decided_by {
            prop_assert!(without_it.rules.iter().skip(place).any(|rule| rule.id == next.rule));
        }
    }

    #[test]
    fn a_document_survives_the_round_trip_with_its_digest(policy in policies()) {
        let document = policy.document();
        let again = TierPolicy::from_json(&document.to_json()).unwrap();
        prop_assert_eq!(&again, &policy);
        prop_assert_eq!(again.digest(), policy.digest());
        let pretty = serde_json::to_string_pretty(document).unwrap();
        prop_assert_eq!(serde_json::from_str::<TierPolicy>(&pretty).unwrap().digest(), policy.digest());
        let value = serde_json::to_value(document).unwrap();
        prop_assert_eq!(&serde_json::from_value::<TierPolicyDocument>(value).unwrap(), document);
    }

    #[test]
    fn the_repaired_policy_never_lowers_a_tier_for_more(facts in facts(), more in facts()) {
        let policy = TierPolicy::monotone_draft();
        let more = JudgmentFacts {
            score: facts.score.max(more.score),
            balance: facts.balance.max(more.balance),
            signals: AssetSignals::from_bits(facts.signals.bits() | more.signals.bits()),
        };
        prop_assert!(policy.tier_of(&more) >= policy.tier_of(&facts));
    }

    #[test]
    fn columns_are_evaluated_like_rows(policy in policies(), portfolio in portfolios()) {
        let tiers = policy.compile().evaluate(&portfolio);
        for ((_, facts), tier) in rows(&portfolio).zip(&tiers) {
            prop_assert_eq!(policy.tier_of(&facts).number(), *tier);
        }
        prop_assert_eq!(tiers.len(), portfolio.len() as usize);
    }

    #[test]
    fn outcomes_of_many_are_those_of_each(policy in policies(), portfolio in portfolios(), step in 1..2000_usize) {
        let judgments: Vec<JudgmentFacts> =
            rows(&portfolio).map(|(_, facts)| facts).chain(policy.boundary_facts().step_by(step | 1)).collect();
        let grid = policy.compile_outcomes();
        let outcomes = grid.evaluate(judgments.iter().copied());
        prop_assert_eq!(outcomes.len(), judgments.len());
        for (facts, outcome) in judgments.iter().zip(outcomes.iter()) {
            prop_assert_eq!(TierOutcome::from(outcome), policy.evaluate(facts));
        }
    }

    #[test]
    fn a_migration_is_what_counting_row_by_row_gives(before in policies(), after in policies(), portfolio in portfolios()) {
        let migration = TierMigration::between(&before.compile(), &after.compile(), &portfolio);
        let mut counts = [[0; 4]; 4];
        let mut balance_cents = [[0; 4]; 4];
        let mut moved = Vec::new();
        let mut effective = [TierTotal::default(); 4];
        let mut stale = Vec::new();
        let mut never_tiered = 0;
        for (row, facts) in rows(&portfolio) {
            let (from, to) = (before.tier_of(&facts), after.tier_of(&facts));
            let cents = facts.balance.map_or(0, Cents::cents);
            counts[usize::from(from.number())][usize::from(to.number())] += 1;
            balance_cents[usize::from(from.number())][usize::from(to.number())] += cents;
            if from != to {
                moved.push(row);
            }
            let total = &mut effective[usize::from(portfolio.override_tier(row).unwrap_or(from).number())];
            total.count += 1;
            total.balance_cents += cents;
            match portfolio.stored_tier(row) {
                None => never_tiered += 1,
                Some(stored) if stored != from => stale.push(row),
                Some(_) => {}
            }
        }
        prop_assert_eq!(&migration, &TierMigration { counts, balance_cents, moved });
        prop_assert_eq!(TierMigration::effective_totals(&before.compile(), &portfolio), effective);
        let flow = TierFlow::of(&migration, &after.compile(), &portfolio);
        prop_assert_eq!((flow.counts, flow.balance_cents), (migration.counts, migration.balance_cents));
        prop_assert_eq!(flow.effective, TierMigration::effective_totals(&after.compile(), &portfolio));
        let moved = TierTotal {
            count: migration.moved.len() as u32,
            balance_cents: migration.moved.iter().map(|row| portfolio.columns().balance_cents[*row as usize]).sum(),
        };
        prop_assert_eq!(flow.moved(), moved);
        let found = TierMigration::stale(&before.compile(), &portfolio);
        prop_assert_eq!((found.rows, found.never_tiered), (stale, never_tiered));

        let before_totals = flow.before_totals();
        prop_assert_eq!(flow.after_totals(), migration.after_totals());
        let after_totals = migration.after_totals();
        for tier in Tier::ALL {
            let place = usize::from(tier.number());
            let of_tier = |tiers: Vec<u8>| tiers.iter().filter(|number| **number == tier.number()).count() as u32;
            prop_assert_eq!(before_totals[place].count, of_tier(before.compile().evaluate(&portfolio)));
            prop_assert_eq!(after_totals[place].count, of_tier(after.compile().evaluate(&portfolio)));
            prop_assert_eq!(after_totals[place].balance_cents, balance_cents.iter().map(|row| row[place]).sum::<i64>());
        }
    }

    /// Small steps touch a few shelves; a step to any other policy touches most.
    #[test]
    fn a_flow_that_is_stepped_is_one_that_is_counted_anew(
        before in policies(),
        after in policies(),
        steps in prop::collection::vec((any::<prop::sample::Index>(), any::<i16>(), 1..400_i64), 1..12),
        other in policies(),
        portfolio in portfolios(),
    ) {
        let shelves = Shelves::default();
        let before = before.compile();
        let mut last = after.compile();
        let mut flow = TierFlow::of(&TierMigration::between(&before, &last, &portfolio), &last, &portfolio);
        let mut document = after.document().clone();
        for (limit, by, scale) in steps {
            let names: Vec<String> = document.limits.keys().cloned().collect();
            if names.is_empty() {
                break;
            }
            let limit = document.limits.get_mut(limit.get(&names)).unwrap();
            let value = limit.parse::<Decimal>().unwrap() + Decimal::new(i64::from(by) * scale, 3).round_dp(2);
            *limit = value.max(Decimal::ZERO).to_string();
            let Ok(next) = TierPolicy::try_from(document.clone()) else {
                document = after.document().clone();
                continue;
            };
            let next = next.compile();
            flow = flow.step(&before, [&last, &next], &portfolio, &shelves);
            last = next;
            prop_assert_eq!(&flow, &TierFlow::of(&TierMigration::between(&before, &last, &portfolio), &last, &portfolio));
        }
        let next = other.compile();
        flow = flow.step(&before, [&last, &next], &portfolio, &shelves);
        prop_assert_eq!(&flow, &TierFlow::of(&TierMigration::between(&before, &next, &portfolio), &next, &portfolio));
    }

    #[test]
    fn a_portfolio_survives_its_bytes(portfolio in portfolios()) {
        let decoded = Portfolio::decode(&portfolio.encode()).unwrap();
        prop_assert_eq!(decoded.digest(), portfolio.digest());
        prop_assert_eq!(decoded, portfolio);
    }

    #[test]
    fn damaged_bytes_are_an_error_or_another_portfolio(portfolio in portfolios(), place in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = portfolio.encode();
        let cut = place.index(bytes.len());
        prop_assert!(Portfolio::decode(&bytes[..cut]).is_err());
        bytes[cut] = byte;
        let _ = Portfolio::decode(&bytes);
    }

    #[test]
    fn no_text_harms_the_readers(text in ".{0,200}", json in r#"[\[\]{}":,0-9a-z_. eE+-]{0,80}"#) {
        for text in [text, json] {
            let _ = TierPolicy::from_json(&text);
            let _ = JudgmentFactsDocument::from_json(&text);
            let _ = text.parse::<Score>();
            let _ = text.parse::<Cents>();
            let _ = Portfolio::decode(text.as_bytes());
        }
    }
}

#[test]
fn bytes_that_claim_more_rows_than_they_have_are_refused_without_making_room() {
    let mut bytes = b"DFP1".to_vec();
    bytes.extend(u32::MAX.to_le_bytes());
    bytes.extend([0; 64]);
    assert_eq!(Portfolio::decode(&bytes), Err(PortfolioError::Malformed("it is cut short")));
    assert!(Portfolio::decode(b"").is_err());
    assert!(Portfolio::decode(b"DFP2\0\0\0\0").is_err());
    assert_eq!(Portfolio::decode(b"DFP1\0\0\0\0").unwrap().len(), 0);
}

#[test]
fn columns_out_of_order_are_refused_with_column_and_row() {
    let columns = || sample::portfolio_columns(7, 3);
    let mut late = columns();
    late.judgment_no[2] = late.judgment_no[0];
    let mut high = columns();
    high.score[1] = 10_001;
    let mut negative = columns();
    negative.balance_cents[2] = -1;
    let mut missing = columns();
    (missing.score[0], missing.bits[0]) = (1, 0x10);
    let mut tier = columns();
    tier.stored_tier[1] = 4;
    let mut short = columns();
    short.override_tier.pop();
    let mut total = sample::portfolio_columns(7, 100_000);
    total.balance_cents.fill(Cents::MAX.cents());
    total.bits.fill(0);
    for (columns, expect) in [
        (late, "column `judgment_no`, row 1: is not below the next"),
        (high, "column `score`, row 1: is outside 0 to 10000 hundredths"),
        (negative, "column `balance_cents`, row 2: is outside 0 to 99999999999999 cents"),
        (missing, "column `score`, row 0: is missing but not 0"),
        (tier, "column `stored_tier`, row 1: is neither 0 to 3 nor 255"),
        (short, "column `override_tier` has 2 rows instead of 3"),
        (total, "the balances add up to more than 92,233,720,368,547,758.07"),
    ] {
        assert_eq!(Portfolio::from_columns(columns).unwrap_err().to_string(), expect);
    }
}

#[test]
fn a_snapshot_is_the_same_while_its_facts_are() {
    let columns = sample::portfolio_columns(3, 100);
    let digest = |columns| Portfolio::from_columns(columns).unwrap().digest();
    let mut retiered = columns.clone();
    retiered.stored_tier.fill(NO_TIER);
    retiered.override_tier.fill(1);
    assert_eq!(digest(retiered), digest(columns.clone()));
    let mut moved = columns.clone();
    moved.bits[99] ^= 1;
    assert_ne!(digest(moved), digest(columns));
}

#[test]
fn revision_1_has_the_cliff_that_the_repaired_policy_has_not() {
    let judgment = |cents| JudgmentFacts {
        score: None,
        balance: Cents::from_cents(cents),
        signals: AssetSignals::from_bits(1),
    };
    let tiers =
        |policy: TierPolicy| [4_999_999, 5_000_000].map(|cents| policy.tier_of(&judgment(cents)).number());
    assert_eq!(tiers(TierPolicy::revision_1()), [2, 0]);
    assert_eq!(tiers(TierPolicy::monotone_draft()), [2, 2]);
}

#[test]
fn a_policy_as_large_as_allowed_compiles_and_a_larger_one_is_refused() {
    let document = |rules: usize, arms: usize| {
        let mut document = TierPolicy::revision_1().document().clone();
        let arm = |number: usize| {
            let bound = |number: usize| Some(format!("{}.{:02}", number % 99, number / 99));
            policy::tier::TierArmDocument {
                score_from: bound(number % 250),
                balance_from: bound(number % 250),
                ..Default::default()
            }
        };
        document.rules = (0..rules)
            .map(|rule| policy::tier::TierRuleDocument {
                id: format!("r{rule}"),
                tier: Tier::ALL[rule % 4],
                any: (0..arms).map(|place| arm(rule * arms + place)).collect(),
            })
            .collect();
        document
    };
    let largest = TierPolicy::try_from(document(200, 5)).unwrap();
    let grid = largest.compile();
    for facts in largest.boundary_facts().step_by(10_007) {
        assert_eq!(grid.tier_of(&facts), largest.tier_of(&facts));
    }
    for (document, expect) in [
        (document(201, 1), "rules: 201 rules are more than 200"),
        (document(10_000, 1), "rules: 10000 rules are more than 200"),
        (document(1, 33), "rules[0].any: 33 arms are more than 32"),
        (document(200, 6), "rules: 1200 arms are more than 1000"),
    ] {
        assert_eq!(TierPolicy::try_from(document).unwrap_err().to_string(), expect);
    }
}
