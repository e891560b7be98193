//! Assertions hold exactly where judgments do what they ask for.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use policy::assertions::{CheckedAssertion, ExpectedTier, Guardrail, Law, PolicyAssertions};
use policy::portfolio::{Portfolio, TierMigration};
use policy::sample;
use policy::tier::{AssetSignal, Cents, FactAxis, JudgmentFacts, Score, Tier, TierPolicy};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn policies() -> impl Strategy<Value = TierPolicy> {
    any::<u64>().prop_map(|seed| TierPolicy::try_from(sample::policy_document(seed)).unwrap())
}

fn check(
    assertions: &PolicyAssertions,
    before: &TierPolicy,
    after: &TierPolicy,
    portfolio: &Portfolio,
) -> Vec<CheckedAssertion> {
    assertions.validate().unwrap();
    let migration = TierMigration::between(&before.compile(), &after.compile(), portfolio);
    assertions.check(after, portfolio, &migration)
}

fn portfolio() -> Portfolio {
    Portfolio::from_columns(sample::portfolio_columns(4, 3_000)).unwrap()
}

fn cents(dollars: i64) -> Cents {
    Cents::from_cents(dollars * 100).unwrap()
}

fn with(guardrail: Guardrail) -> PolicyAssertions {
    PolicyAssertions { guardrails: vec![guardrail], ..PolicyAssertions::default() }
}

/// Facts with a little less of one thing
fn less(facts: &JudgmentFacts, axis: FactAxis) -> Vec<JudgmentFacts> {
    let JudgmentFacts { score, balance, signals } = *facts;
    match axis {
        FactAxis::Score => {
            let less =
                score.and_then(|score| score.hundredths().checked_sub(1)).and_then(Score::from_hundredths);
            less.map(|score| JudgmentFacts { score: Some(score), ..*facts }).into_iter().collect()
        }
        FactAxis::Balance => {
            let less = balance.and_then(|balance| Cents::from_cents(balance.cents() - 1));
            less.map(|balance| JudgmentFacts { balance: Some(balance), ..*facts }).into_iter().collect()
        }
        FactAxis::Signals => AssetSignal::ALL
            .into_iter()
            .filter(|signal| signals.contains(*signal))
            .map(|left_out| JudgmentFacts {
                signals: signals.iter().filter(|signal| *signal != left_out).collect(),
                ..*facts
            })
            .collect(),
    }
}

proptest! {
    /// Against every judgment on both sides of every limit
    #[test]
    fn a_law_is_refuted_by_a_judgment_or_no_judgment_refutes_it(policy in policies()) {
        for axis in [FactAxis::Score, FactAxis::Balance, FactAxis::Signals] {
            match policy.compile().first_drop(axis) {
                Some((before, after)) => {
                    prop_assert!(less(&after, axis).contains(&before), "{:?} {:?}", before, after);
                    prop_assert!(policy.tier_of(&after) < policy.tier_of(&before));
                }
                None => {
                    for facts in policy.boundary_facts() {
                        for before in less(&facts, axis) {
                            prop_assert!(policy.tier_of(&facts) >= policy.tier_of(&before), "{facts:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn guardrails_count_what_the_rows_say(before in policies(), after in policies(), tier in 0_u8..4, dollars in 0_i64..80_000) {
        let portfolio = portfolio();
        let rows: Vec<(JudgmentFacts, Tier, Tier)> = (0..portfolio.len())
            .map(|row| portfolio.facts(row).unwrap())
            .map(|facts| (facts, before.tier_of(&facts), after.tier_of(&facts)))
            .collect();
        let tier = Tier::try_from(tier).unwrap();
        let floor = with(Guardrail::LowestTier { tier, balance_from: Some(cents(dollars)), score_from: None });
        let broken = rows.iter().filter(|(facts, _, given)| facts.balance.map_or(0, Cents::cents) >= dollars * 100 && *given < tier);
        prop_assert_eq!(check(&floor, &before, &after, &portfolio)[0].holds, broken.count() == 0);

        let has = rows.iter().filter(|(_, _, given)| *given == tier).count() as u32;
        for (count, holds) in [(has, true), (has.saturating_sub(1), has == 0)] {
            let most = with(Guardrail::TierAtMost { tier, count });
            prop_assert_eq!(check(&most, &before, &after, &portfolio)[0].holds, holds);
        }

        let money = |of: &dyn Fn(&(JudgmentFacts, Tier, Tier)) -> bool| -> i64 {
            rows.iter().filter(|row| of(row)).map(|(facts, ..)| facts.balance.map_or(0, Cents::cents)).sum()
        };
        let down = money(&|(_, before, after)| after < before);
        let percent = Decimal::from(down) * Decimal::ONE_HUNDRED / Decimal::from(money(&|_| true));
        for (percent, holds) in [(percent.round_dp(2) + Decimal::new(1, 2), true), (percent.round_dp(2) - Decimal::new(1, 2), false)] {
            if (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&percent) {
                let most = with(Guardrail::MoneyDownAtMost { percent });
                prop_assert_eq!(check(&most, &before, &after, &portfolio)[0].holds, holds);
            }
        }
    }
}

#[test]
fn revision_1_breaks_the_law_that_its_repair_keeps() {
    let laws = PolicyAssertions { laws: Law::ALL.to_vec(), ..PolicyAssertions::default() };
    let (revision_1, repaired) = (TierPolicy::revision_1(), TierPolicy::monotone_draft());
    let found = |after: &TierPolicy| -> Vec<(bool, String)> {
        check(&laws, &revision_1, after, &portfolio()).into_iter().map(|law| (law.holds, law.found)).collect()
    };
    let proved = || (true, "Proved for every judgment that there could be".to_owned());
    let refuted =
        "score 0, $14,999.99, no asset signal gets tier 1, but score 0, $15,000, no asset signal gets tier 0";
    assert_eq!(found(&revision_1), [proved(), (false, refuted.to_owned()), proved()]);
    assert_eq!(found(&repaired), [proved(), proved(), proved()]);
}

#[test]
fn assertions_are_said_in_words() {
    let revision_1 = TierPolicy::revision_1();
    let assertions = PolicyAssertions {
        examples: vec![ExpectedTier {
            name: "The bakery".to_owned(),
            collectability_score: Some("58".parse().unwrap()),
            balance: Some(cents(48_220)),
            signals: vec![AssetSignal::EmployerName],
            tier: Tier::StrategicPriority,
        }],
        guardrails: vec![
            Guardrail::LowestTier {
                tier: Tier::WarmProspects,
                balance_from: Some(cents(50_000)),
                score_from: None,
            },
            Guardrail::MovedAtMost { percent: Decimal::new(20, 1) },
        ],
        laws: Vec::new(),
    };
    let [example, floor, moved] =
        <[_; 3]>::try_from(check(&assertions, &revision_1, &revision_1, &portfolio())).unwrap();
    assert_eq!((example.place.as_str(), example.holds), ("examples[0]", false));
    assert_eq!(example.words, "The bakery gets tier 3");
    assert_eq!(example.found, "It gets tier 2: balance=$48,220 in [15k,50k); has_asset_hints");
    assert_eq!(floor.words, "Every judgment of $50,000 or more gets tier 1 or higher");
    let named = floor.judgment_no.unwrap();
    let row = portfolio().columns().judgment_no.iter().position(|no| *no == named).unwrap() as u32;
    let facts = portfolio().facts(row).unwrap();
    assert!(facts.balance.unwrap() >= cents(50_000) && revision_1.tier_of(&facts) == Tier::Monitor);
    assert_eq!(
        (moved.words.as_str(), moved.found.as_str()),
        ("At most 2 % of the judgments change tier", "0.00 % of the judgments change tier")
    );
    assert!(moved.holds);
}

#[test]
fn what_cannot_be_checked_is_refused_at_its_field() {
    let percent = with(Guardrail::MovedAtMost { percent: Decimal::from(101) });
    let twice = PolicyAssertions { laws: vec![Law::MonotoneInScore; 2], ..PolicyAssertions::default() };
    let example = r#"{"examples": [{"name": " ", "tier": 1}]}"#;
    for (assertions, field) in [
        (percent, "guardrails[0].percent"),
        (twice, "laws"),
        (serde_json::from_str(example).unwrap(), "examples[0].name"),
    ] {
        assert_eq!(assertions.validate().unwrap_err().field, field);
    }
    assert!(serde_json::from_str::<PolicyAssertions>(r#"{"laws": ["monotone"]}"#).is_err());
    assert!(serde_json::from_str::<PolicyAssertions>(r#"{"rules": []}"#).is_err());
    assert!(serde_json::from_str::<PolicyAssertions>("[]").is_err());
}
