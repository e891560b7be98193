//! What must hold of every text that is handed over as a policy; the fuzz target drives the same function.

use policy::analysis::{SemanticDifference, analyze};
use policy::tier::{JudgmentFacts, SqlDialect, TierOutcome, TierPolicy};

/// Longer than any message has to be: it quotes little of the text.
const ERROR_LENGTH_MAX: usize = 1_000;

/// So many facts around the limits of a policy are decided.
const FACTS: usize = 500;

/// Reads `json` as a policy: that gives an error which names a field and says little, or a policy with all that one
/// can do
pub(crate) fn check(json: &str) {
    let policy = match TierPolicy::from_json(json) {
        Ok(policy) => policy,
        Err(error) => {
            assert!(!error.field.is_empty() && !error.message.is_empty(), "{error}");
            assert!(error.to_string().len() < ERROR_LENGTH_MAX, "{error}");
            return;
        }
    };
    let again = TierPolicy::from_json(&policy.document().to_json());
    assert_eq!(again.as_ref(), Ok(&policy));
    assert_eq!(again.map(|again| again.digest()), Ok(policy.digest()));

    let (grid, outcomes) = (policy.compile(), policy.compile_outcomes());
    // An odd step visits every set of signals.
    let step = (policy.boundary_facts().count() / FACTS) | 1;
    let judgments: Vec<JudgmentFacts> = policy.boundary_facts().step_by(step).collect();
    for (facts, outcome) in judgments.iter().zip(outcomes.evaluate(judgments.iter().copied()).iter()) {
        assert_eq!(grid.tier_of(facts), policy.tier_of(facts), "{facts:?}");
        assert_eq!(TierOutcome::from(outcome), policy.evaluate(facts), "{facts:?}");
    }
    for finding in analyze(&policy) {
        assert!(!finding.message.is_empty());
    }
    let same = SemanticDifference::between(&policy, &policy, None);
    assert!(same.is_ok_and(|difference| difference.is_equivalent));
    for dialect in [SqlDialect::Postgres, SqlDialect::DuckDb, SqlDialect::Spark] {
        assert!(policy.to_sql(dialect).tier.contains("smallint"));
    }
}
