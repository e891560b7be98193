//! Shadows: started and stopped by admins, seen by members.

use contract::{PolicyEvent, ShadowDetail, ShadowSummary};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::policies::{draft, policy};
use crate::support::TestApp;

const SHADOWS: &str = "/api/tier-shadows";

#[tokio::test]
async fn one_shadow_runs_at_a_time_on_the_document_that_it_began_with() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let draft = draft(&firm.admin, "70").await;
    let order = json!({ "policy_id": draft.id, "days": 7 });
    firm.operator.post(SHADOWS, &order).await.refused(403, "forbidden");
    let started: ShadowSummary = firm.admin.post(SHADOWS, &order).await.json();
    assert_eq!((started.name.as_str(), started.days, started.is_running), ("Draft", 7, true));
    assert_eq!(started.started_by.as_deref(), Some("admin@firm.example"));
    firm.admin.post(SHADOWS, &order).await.refused(409, "conflict");

    let save = json!({ "name": "Draft", "policy": policy("75"), "expected_version": 1 });
    firm.admin.put(&format!("/api/tier-policies/{}", draft.id), save).await.ok();
    let path = format!("{SHADOWS}/{}", started.id);
    let detail: ShadowDetail = firm.viewer.get(&path).await.json();
    assert_eq!((&detail.policy, &detail.shadow), (&policy("70"), &started));
    assert_eq!((detail.days.len(), detail.judgments, detail.differing_balance.as_str()), (0, 0, "0.00"));

    firm.operator.delete(&path).await.refused(403, "forbidden");
    let stopped: ShadowSummary = firm.admin.delete(&path).await.json();
    assert!(!stopped.is_running && stopped.ended_at.is_some());
    firm.admin.delete(&path).await.refused(409, "conflict");
    let next: ShadowSummary = firm.admin.post(SHADOWS, &order).await.json();
    let listed: Vec<ShadowSummary> = firm.viewer.get(SHADOWS).await.json();
    assert_eq!(listed, [next, stopped]);
    let events: Vec<PolicyEvent> =
        firm.viewer.get(&format!("/api/tier-policies/{}/events", draft.id)).await.json();
    let kinds: Vec<&str> = events.iter().rev().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["started", "shadow_started", "saved", "shadow_stopped", "shadow_started"]);
}

#[tokio::test]
async fn what_cannot_be_shadowed_is_refused() {
    let app = TestApp::new().await;
    let (firm, theirs) = (app.firm("firm").await, app.firm("theirs").await);
    let id = draft(&firm.admin, "70").await.id;
    for days in [0, 61] {
        let problem =
            firm.admin.post(SHADOWS, json!({ "policy_id": id, "days": days })).await.refused(422, "invalid");
        assert_eq!(problem.field.as_deref(), Some("days"));
    }
    for unknown in [Uuid::new_v4().to_string(), "x".to_owned()] {
        firm.admin.post(SHADOWS, json!({ "policy_id": unknown, "days": 7 })).await.refused(404, "not_found");
    }
    theirs.admin.post(SHADOWS, json!({ "policy_id": id, "days": 7 })).await.refused(404, "not_found");
    let running: ShadowSummary = firm.admin.post(SHADOWS, json!({ "policy_id": id, "days": 7 })).await.json();
    let path = format!("{SHADOWS}/{}", running.id);
    theirs.admin.get(&path).await.refused(404, "not_found");
    theirs.admin.delete(&path).await.refused(404, "not_found");
    assert_eq!(theirs.viewer.get(SHADOWS).await.json::<Value>(), json!([]));
}
