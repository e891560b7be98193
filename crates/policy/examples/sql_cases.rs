//! Writes made-up policies as SQL of one dialect, with facts and what the crate decides of them, one JSON object
//! a line, for a database to repeat: `cargo run --package policy --example sql_cases -- duckdb POLICIES`

use policy::sample;
use policy::tier::{JudgmentFacts, SqlDialect, TierPolicy};
use serde_json::json;

/// About so many facts of each policy lie on both sides of its limits; as many again lie anywhere.
const FACTS: u64 = 300;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let dialect: SqlDialect = serde_json::from_value(json!(arguments.next().ok_or("which dialect?")?))?;
    let policies: u64 = arguments.next().ok_or("how many policies?")?.parse()?;
    let shipped = [TierPolicy::revision_1(), TierPolicy::monotone_draft()].into_iter().map(Ok);
    let made_up = (0..policies).map(|seed| TierPolicy::try_from(sample::policy_document(seed)));
    for policy in shipped.chain(made_up) {
        let policy = policy?;
        let boundary_count = policy.boundary_facts().count();
        // An odd step visits every set of signals.
        let boundary_facts = policy.boundary_facts().step_by((boundary_count / FACTS as usize) | 1);
        let cases: Vec<_> =
            boundary_facts.chain((0..FACTS).map(sample::facts)).map(|facts| case(&policy, &facts)).collect();
        println!("{}", json!({ "sql": policy.to_sql(dialect), "cases": cases }));
    }
    Ok(())
}

/// Score, balance and signals as SQL has them, then tier, decider and reason
fn case(policy: &TierPolicy, facts: &JudgmentFacts) -> serde_json::Value {
    let outcome = policy.evaluate(facts);
    json!([
        facts.score.map(|score| score.to_decimal().to_string()),
        facts.balance.map(|balance| balance.to_decimal().to_string()),
        facts.signals.bits(),
        outcome.tier,
        outcome.decided_by.map(|place| place.to_string()),
        outcome.reason,
    ])
}
