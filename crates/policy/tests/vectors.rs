//! Runs `tests/vectors/tier_*.toml`, and shows that a policy changed by one step fails them.

#![allow(clippy::unwrap_used)] // the helpers of tests stand outside of tests

use std::path::Path;

use policy::analysis::SemanticDifference;
use policy::tier::{
    DecidedBy, JudgmentFacts, Tier, TierArmDocument, TierOutcome, TierPolicy, TierPolicyDocument,
};
use rust_decimal::Decimal;
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

/// What the vectors let pass must be another way to write the same policy, which is proved, not tried.
#[test]
fn the_vectors_catch_every_small_mutation() {
    let mut missed = Vec::new();
    for (file, original, equivalent_expected) in [
        ("tier_revision_1.toml", TierPolicy::revision_1(), REVISION_1_EQUIVALENT),
        ("tier_monotone.toml", TierPolicy::monotone_draft(), MONOTONE_DRAFT_EQUIVALENT),
    ] {
        let cases: Vec<Case> = vectors(file).case.into_iter().filter(|case| case.error.is_none()).collect();
        let mut equivalent = Vec::new();
        for (mutation, document) in mutations(original.document()) {
            // Some mutants are no policies, such as one with a rule without arms: nobody can publish them.
            let Ok(mutant) = TierPolicy::try_from(document) else { continue };
            // Tiers and places alone must tell: the reasons print the limits and would tell too easily.
            let caught = cases.iter().any(|case| {
                let (mutated, expected) = (case.outcome(&mutant).unwrap(), case.expected().unwrap());
                (mutated.tier, mutated.decided_by) != (expected.tier, expected.decided_by)
            });
            if !caught {
                match SemanticDifference::between(&original, &mutant, None) {
                    Ok(difference) if difference.is_equivalent => equivalent.push(mutation),
                    _ => missed.push(format!("{file}: no case notices {mutation}")),
                }
            }
        }
        assert_eq!(equivalent, equivalent_expected, "{file}");
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// Each limit, and each bound of each arm by itself, moved by a hundredth both ways; each bound, arm, rule and asset
/// signal removed; each pair of rules swapped; each number of signals, tier of a rule and the fallback a step off
fn mutations(document: &TierPolicyDocument) -> Vec<(String, TierPolicyDocument)> {
    let mut mutations = Vec::new();
    let mut mutate = |what: String, change: &dyn Fn(&mut TierPolicyDocument)| {
        let mut mutant = document.clone();
        change(&mut mutant);
        mutations.push((what, mutant));
    };
    let decimal = |text: &str| text.parse::<Decimal>().unwrap();
    let moved = |text: &str, step: &str| {
        let value = document.limits.get(text).map_or(text, String::as_str);
        (decimal(value) + decimal(step)).to_string()
    };
    for name in document.limits.keys() {
        for step in STEPS {
            mutate(format!("{name} {step}"), &|mutant| {
                mutant.limits.insert(name.clone(), moved(name, step));
            });
        }
    }
    for (place, rule) in document.rules.iter().enumerate() {
        mutate(format!("rule {} removed", rule.id), &|mutant| {
            mutant.rules.remove(place);
        });
        for (number, arm) in rule.any.iter().enumerate() {
            let what = format!("{}/{number}", rule.id);
            mutate(format!("arm {what} removed"), &|mutant| {
                mutant.rules[place].any.remove(number);
            });
            for (bound, of) in BOUNDS {
                let Some(text) = of(&mut arm.clone()).clone() else { continue };
                mutate(format!("{bound} of {what} removed"), &|mutant| {
                    *of(&mut mutant.rules[place].any[number]) = None;
                });
                for step in STEPS {
                    mutate(format!("{bound} of {what} {step}"), &|mutant| {
                        *of(&mut mutant.rules[place].any[number]) = Some(moved(&text, step));
                    });
                }
            }
            let around = |signals: u8| [signals.checked_sub(1).filter(|less| *less > 0), Some(signals + 1)];
            for signals_min in arm.signals_min.into_iter().flat_map(around) {
                mutate(format!("signals_min of {what} {signals_min:?}"), &|mutant| {
                    mutant.rules[place].any[number].signals_min = signals_min;
                });
            }
        }
        for (other, with) in document.rules.iter().enumerate().take(place) {
            mutate(format!("rules {} and {} swapped", with.id, rule.id), &|mutant| {
                mutant.rules.swap(other, place);
            });
        }
        for tier in off_by_one(rule.tier) {
            mutate(format!("rule {} gives tier {}", rule.id, tier.number()), &|mutant| {
                mutant.rules[place].tier = tier;
            });
        }
    }
    for tier in off_by_one(document.fallback) {
        mutate(format!("fallback {}", tier.number()), &|mutant| mutant.fallback = tier);
    }
    for place in 0..document.asset_signals.len() {
        mutate(format!("asset signal {place} removed"), &|mutant| {
            mutant.asset_signals.remove(place);
        });
    }
    mutations
}

const STEPS: [&str; 2] = ["0.01", "-0.01"];

type Bound = fn(&mut TierArmDocument) -> &mut Option<String>;

const BOUNDS: [(&str, Bound); 4] = [
    ("score_from", |arm| &mut arm.score_from),
    ("score_below", |arm| &mut arm.score_below),
    ("balance_from", |arm| &mut arm.balance_from),
    ("balance_below", |arm| &mut arm.balance_below),
];

fn off_by_one(tier: Tier) -> impl Iterator<Item = Tier> {
    let number = tier.number();
    [number.checked_sub(1), Some(number + 1)]
        .into_iter()
        .flatten()
        .filter_map(|number| number.try_into().ok())
}

/// Mutants of revision 1 that are equivalent to it: what lies above the upper end of a score, the rule before has taken.
const REVISION_1_EQUIVALENT: &[&str] = &[
    "score_below of t2/0 removed",
    "score_below of t2/0 0.01",
    "score_below of t1/0 removed",
    "score_below of t1/0 0.01",
];

/// Mutants of the repaired policy that are equivalent to it.
const MONOTONE_DRAFT_EQUIVALENT: &[&str] = &[];
