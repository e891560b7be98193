//! Writes made-up policies and facts with their outcomes, findings, differences and checked assertions, one JSON object a
//! line, for hosts of the WASM module to repeat: `cargo run --package policy --example outcomes -- POLICIES [FIRST]`
//!
//! Fails where the crate itself does not decide by columns what it decides rule by rule.

use policy::analysis::{SemanticDifference, analyze};
use policy::assertions::{ExpectedTier, Guardrail, Law, PolicyAssertions};
use policy::portfolio::{Portfolio, PortfolioColumns, TierMigration};
use policy::sample;
use policy::study;
use policy::tier::{
    Cents, JudgmentFacts, SqlDialect, Tier, TierArmDocument, TierOutcome, TierPolicy, TierPolicyDocument,
    TierRuleDocument,
};
use rust_decimal::Decimal;
use serde_json::json;

/// Facts evaluated under each policy.
const FACTS: u64 = 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let policies: u64 = arguments.next().ok_or("how many policies?")?.parse()?;
    let first: u64 = arguments.next().map_or(Ok(0), |first| first.parse())?;
    let portfolio = Portfolio::from_columns(sample::portfolio_columns(1, 5_000))?;
    let edges = Portfolio::from_columns(edges()?)?;
    println!(
        "{}",
        json!({ "encoded": portfolio.encode(), "digest": portfolio.digest(), "edges": edges.encode() })
    );
    let mut before = TierPolicy::revision_1();
    for seed in first..first + policies {
        let after = TierPolicy::try_from(sample::policy_document(seed))?;
        let migration = TierMigration::between(&before.compile(), &after.compile(), &portfolio);
        let cases: Vec<_> = (seed * FACTS..(seed + 1) * FACTS)
            .map(|seed| {
                let facts = sample::facts(seed);
                let outcome = after.evaluate(&facts);
                json!({
                    "facts": sample::facts_json(&facts),
                    "tier": outcome.tier,
                    "tier_label": outcome.tier.label(),
                    "reason": outcome.reason,
                    "decided_by": outcome.decided_by,
                })
            })
            .collect();
        let tiers = after.compile().evaluate(&portfolio);
        let edge_tiers = after.compile().evaluate(&edges);
        by_rules(&after, &portfolio, &tiers)?;
        by_rules(&after, &edges, &edge_tiers)?;
        let facts = sample::facts(seed * FACTS);
        let assertions = assertions(&facts);
        let studied = (seed % 10 == 0).then(|| {
            let limits = after.document().limits.keys();
            json!({
                "explanation": study::explain(&after, &facts),
                "nearest": study::nearest_changes(&after, &facts),
                "attribution": study::attribute(&before, &after, &portfolio),
                "sweeps": limits.filter_map(|limit| study::sweep(&after, limit, &portfolio).ok()).collect::<Vec<_>>(),
                "look_ups": study::rank_look_ups(&after, &portfolio, 100),
                "sql": after.to_sql(SqlDialect::Spark),
            })
        });
        println!(
            "{}",
            json!({
                "policy": TierPolicyDocument::from(after.clone()),
                "digest": after.digest(),
                "cases": cases,
                "matrix": migration.matrix(),
                "moved": migration.moved,
                "studied": studied,
                "tiers": digits(&tiers),
                "edge_tiers": digits(&edge_tiers),
                "findings": analyze(&after),
                "difference": SemanticDifference::between(&before, &after, Some(&portfolio))?,
                "checked": assertions.check(&after, &portfolio, &migration),
                "assertions": assertions,
            })
        );
        before = after;
    }
    Ok(())
}

/// Judgments in every cell of every policy of [`sample`] and on both sides of every limit
fn edges() -> Result<PortfolioColumns, Box<dyn std::error::Error>> {
    let mut document = sample::policy_document(0);
    let rules = document.limits.keys().map(|limit| {
        let bound = Some(limit.clone());
        let arm = match limit.starts_with("score") {
            true => TierArmDocument { score_from: bound, ..TierArmDocument::default() },
            false => TierArmDocument { balance_from: bound, ..TierArmDocument::default() },
        };
        TierRuleDocument { id: limit.clone(), tier: Tier::Monitor, any: vec![arm] }
    });
    document.rules = rules.collect();
    let mut columns = PortfolioColumns::default();
    for (facts, number) in TierPolicy::try_from(document)?.boundary_facts().zip(1..) {
        columns.push(number, &facts, None, None);
    }
    Ok(columns)
}

/// Checks tiers and outcomes, decided by columns, against the rules
fn by_rules(policy: &TierPolicy, portfolio: &Portfolio, tiers: &[u8]) -> Result<(), String> {
    let grid = policy.compile_outcomes();
    let judgments = || (0..portfolio.len()).filter_map(|row| portfolio.facts(row));
    let outcomes = grid.evaluate(judgments());
    for ((facts, tier), outcome) in judgments().zip(tiers).zip(outcomes.iter()) {
        let expected = policy.evaluate(&facts);
        if expected.tier.number() != *tier || TierOutcome::from(outcome) != expected {
            return Err(format!("{facts:?} has {expected:?} by the rules, not {tier} and {outcome:?}"));
        }
    }
    Ok(())
}

fn digits(tiers: &[u8]) -> String {
    tiers.iter().map(|tier| char::from(b'0' + tier)).collect()
}

/// One assertion of every kind, which some policies keep and others break
fn assertions(facts: &JudgmentFacts) -> PolicyAssertions {
    let tier = Tier::WarmProspects;
    let percent = Decimal::new(255, 1);
    PolicyAssertions {
        examples: vec![ExpectedTier {
            name: "a sample".to_owned(),
            collectability_score: facts.score,
            balance: facts.balance,
            signals: facts.signals.iter().collect(),
            tier,
        }],
        guardrails: vec![
            Guardrail::LowestTier { tier, balance_from: Cents::from_cents(5_000_000), score_from: None },
            Guardrail::TierAtMost { tier, count: 1_000 },
            Guardrail::MoneyDownAtMost { percent },
            Guardrail::MovedAtMost { percent },
        ],
        laws: Law::ALL.to_vec(),
    }
}
