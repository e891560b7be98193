//! Writes made-up policies and facts with their outcomes, findings, differences and checked assertions, one JSON object a
//! line, for hosts of the WASM module to repeat: `cargo run --package policy --example outcomes -- POLICIES [FIRST]`

use policy::analysis::{SemanticDifference, analyze};
use policy::assertions::{ExpectedTier, Guardrail, Law, PolicyAssertions};
use policy::portfolio::{Portfolio, TierMigration};
use policy::sample;
use policy::study;
use policy::tier::{Cents, JudgmentFacts, SqlDialect, Tier, TierPolicy, TierPolicyDocument};
use rust_decimal::Decimal;
use serde_json::json;

/// Facts evaluated under each policy.
const FACTS: u64 = 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let policies: u64 = arguments.next().ok_or("how many policies?")?.parse()?;
    let first: u64 = arguments.next().map_or(Ok(0), |first| first.parse())?;
    let portfolio = Portfolio::from_columns(sample::portfolio_columns(1, 5_000))?;
    println!("{}", json!({ "encoded": portfolio.encode(), "digest": portfolio.digest() }));
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
                "tiers": after.compile().evaluate(&portfolio),
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
