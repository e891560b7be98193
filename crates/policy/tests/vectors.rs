//! Runs `tests/vectors/tier_*.toml`, and shows that a policy changed by one step fails them.

#![allow(clippy::unwrap_used)] // the helpers of tests stand outside of tests

use std::path::Path;

use policy::tier::{DecidedBy, JudgmentFacts, TierOutcome, TierPolicy, TierPolicyDocument};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    policy: Option<String>,
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    policy: Option<String>,
    facts: Option<String>,
    tier: Option<u8>,
    decided_by: Option<DecidedBy>,
    reason: Option<String>,
    error: Option<ExpectedError>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedError {
    field: String,
    message: String,
}

fn vectors(file: &str) -> Vectors {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(file);
    toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn policy(text: &str) -> Result<TierPolicy, ExpectedError> {
    match text {
        "revision_1" => Ok(TierPolicy::revision_1()),
        "monotone_draft" => Ok(TierPolicy::monotone_draft()),
        json => TierPolicy::from_json(json)
            .map_err(|error| ExpectedError { field: error.field, message: error.message }),
    }
}

impl Case {
    fn expected(&self) -> Result<TierOutcome, &ExpectedError> {
        match &self.error {
            Some(error) => Err(error),
            None => Ok(TierOutcome {
                tier: self.tier.expect(&self.name).try_into().unwrap(),
                decided_by: self.decided_by.clone(),
                reason: self.reason.clone().expect(&self.name),
            }),
        }
    }

    fn outcome(&self, policy: &TierPolicy) -> Result<TierOutcome, ExpectedError> {
        JudgmentFacts::from_json(self.facts.as_deref().unwrap_or("{}"))
            .map(|facts| policy.evaluate(&facts))
            .map_err(|error| ExpectedError { field: error.field, message: error.message })
    }
}

#[track_caller]
fn check(file: &str) {
    let vectors = vectors(file);
    for case in &vectors.case {
        let text = case.policy.as_ref().or(vectors.policy.as_ref()).expect(&case.name);
        let outcome = policy(text).and_then(|policy| case.outcome(&policy));
        assert_eq!(
            outcome.as_ref(),
            case.expected().as_ref().map_err(|error| *error),
            "{file}: {}",
            case.name
        );
    }
    let mut names: Vec<&str> = vectors.case.iter().map(|case| case.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), vectors.case.len(), "{file}: a name stands twice");
}

#[test]
fn revision_1_decides_as_the_vectors_say() {
    check("tier_revision_1.toml");
}

#[test]
fn the_monotone_draft_decides_as_the_vectors_say() {
    check("tier_monotone.toml");
}

#[test]
fn documents_are_read_and_refused_as_the_vectors_say() {
    check("tier_documents.toml");
}

#[test]
fn the_vectors_catch_every_small_mutation() {
    for (file, original) in [
        ("tier_revision_1.toml", TierPolicy::revision_1()),
        ("tier_monotone.toml", TierPolicy::monotone_draft()),
    ] {
        let cases: Vec<Case> = vectors(file).case.into_iter().filter(|case| case.error.is_none()).collect();
        for (mutation, document) in mutations(original.document()) {
            let Ok(mutant) = TierPolicy::try_from(document) else { continue };
            // Tiers and places alone must tell: the reasons print the limits and would tell too easily.
            let caught = cases.iter().any(|case| {
                let (mutated, expected) = (case.outcome(&mutant).unwrap(), case.expected().unwrap());
                (mutated.tier, mutated.decided_by) != (expected.tier, expected.decided_by)
            });
            assert!(caught, "{file}: no case notices {mutation}");
        }
    }
}

/// Each limit moved by a hundredth both ways, each pair of neighbouring rules swapped, each rule, arm and
/// asset signal removed
fn mutations(document: &TierPolicyDocument) -> Vec<(String, TierPolicyDocument)> {
    let mut mutations = Vec::new();
    let mut mutate = |what: String, change: &dyn Fn(&mut TierPolicyDocument)| {
        let mut mutant = document.clone();
        change(&mut mutant);
        mutations.push((what, mutant));
    };
    for (name, limit) in &document.limits {
        for step in ["0.01", "-0.01"] {
            let sum = |text: &str| text.parse::<rust_decimal::Decimal>().unwrap();
            let moved = (sum(limit) + sum(step)).to_string();
            mutate(format!("{name} {step}"), &|mutant| {
                mutant.limits.insert(name.clone(), moved.clone());
            });
        }
    }
    for (place, rule) in document.rules.iter().enumerate() {
        mutate(format!("rule {} removed", rule.id), &|mutant| {
            mutant.rules.remove(place);
        });
        for arm in 0..rule.any.len() {
            mutate(format!("arm {}/{arm} removed", rule.id), &|mutant| {
                mutant.rules[place].any.remove(arm);
            });
        }
        if place > 0 {
            mutate(format!("rule {} swapped with the one before", rule.id), &|mutant| {
                mutant.rules.swap(place - 1, place);
            });
        }
    }
    for place in 0..document.asset_signals.len() {
        mutate(format!("asset signal {place} removed"), &|mutant| {
            mutant.asset_signals.remove(place);
        });
    }
    mutations
}
