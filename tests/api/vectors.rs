//! The vectors of the policy crate over HTTP: `tier eval`, the browser and the server must agree.

use std::path::Path;

use contract::Outcome;
use policy::tier::{DecidedBy, TierPolicy};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::support::{Client, TestApp};

#[derive(Deserialize)]
struct Vectors {
    policy: Option<String>,
    case: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    policy: Option<String>,
    facts: Option<String>,
    tier: Option<u8>,
    decided_by: Option<DecidedBy>,
    reason: Option<String>,
    error: Option<ExpectedError>,
}

#[derive(Deserialize)]
struct ExpectedError {
    field: String,
    message: String,
}

async fn check(client: &Client, file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
    let vectors: Vectors = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for case in vectors.case {
        let name = format!("{file}: {}", case.name);
        let policy = match case.policy.as_ref().or(vectors.policy.as_ref()).map(String::as_str) {
            // Revision 1 is what is published.
            Some("revision_1") => None,
            Some("monotone_draft") => {
                Some(serde_json::to_string(TierPolicy::monotone_draft().document()).unwrap())
            }
            policy => policy.map(str::to_owned),
        };
        // Over HTTP, a policy of null is the published one.
        if policy.as_deref() == Some("null") {
            continue;
        }
        let is_published = policy.is_none();
        let facts = case.facts.as_deref().unwrap_or("{}");
        let is_json = [Some(facts), policy.as_deref()]
            .into_iter()
            .flatten()
            .all(|text| serde_json::from_str::<&RawValue>(text).is_ok());
        let body = match &policy {
            Some(policy) => format!(r#"{{"policy": {policy}, "facts": {facts}}}"#),
            None => format!(r#"{{"facts": {facts}}}"#),
        };
        let answer = client.post_text("/api/tier/evaluate", &body).await;
        match case.error {
            // Such text breaks the body around it.
            Some(_) if !is_json => drop(answer.refused(400, "invalid")),
            Some(expected) => {
                let problem = answer.refused(422, "invalid");
                assert_eq!(
                    (problem.field.as_deref(), problem.detail.as_deref()),
                    (Some(&*expected.field), Some(&*expected.message)),
                    "{name}"
                );
            }
            None => {
                let outcome: Outcome = answer.json();
                let tier = case.tier.unwrap().try_into().unwrap();
                assert_eq!((outcome.tier, Some(outcome.reason)), (tier, case.reason), "{name}");
                assert_eq!(outcome.decided_by, case.decided_by, "{name}");
                assert_eq!(outcome.tier_label, tier.label(), "{name}");
                assert_eq!(outcome.policy_revision, is_published.then_some(1), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn http_decides_as_the_vectors_say() {
    let app = TestApp::new().await;
    let viewer = app.firm("firm").await.viewer;
    for file in ["tier_revision_1.toml", "tier_monotone.toml", "tier_documents.toml"] {
        check(&viewer, file).await;
    }
}
