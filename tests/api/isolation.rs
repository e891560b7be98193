//! Who may ask for what: without a session, in another role, in another organisation.

use contract::{CreatedApiToken, PolicySummary, QueueStats, RefreshRun, ShadowSummary};
use hyper::Method;
use policy::portfolio::MigrationMatrix;
use policy::receipt::Receipt;
use policy::tier::TierPolicy;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Client, Judgment, TestApp};

/// Every operation that the server says it has: method, path
async fn operations(client: &Client) -> Vec<(Method, String)> {
    let document: Value = client.get("/api/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap();
    let operations: Vec<_> = paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .keys()
                .map(|method| (method.to_uppercase().parse().unwrap(), path.clone()))
        })
        .collect();
    assert!(operations.len() > 25, "{operations:?}");
    operations
}

#[tokio::test]
async fn nothing_but_health_and_sign_in_answers_without_a_session() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let mut forged = app.nobody();
    forged.cookie = Some(format!("dragonfly_session={}", "0".repeat(64)));
    for (method, path) in operations(&firm.viewer).await {
        let is_open = path == "/api/health"
            || (method == Method::POST
                && (path == "/api/session" || path == "/api/session/link" || path == "/api/leads"));
        for client in [&app.nobody(), &forged] {
            let answer = client.send(method.clone(), &path, Some("{}".to_owned())).await;
            match is_open {
                true => assert_ne!(answer.status, 401, "{method} {path}"),
                false => drop(answer.refused(401, "unauthenticated")),
            }
        }
    }
}

#[tokio::test]
async fn viewers_read_operators_work_admins_decide() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let id = Uuid::new_v4();
    let draft = json!({ "name": "Draft", "policy": TierPolicy::monotone_draft().document() });
    let for_operators = [
        ("POST", "/api/tiers/refresh".to_owned()),
        ("POST", format!("/api/judgments/{id}/retier")),
        ("POST", format!("/api/queues/dead-letters/{id}/retry")),
        ("DELETE", format!("/api/queues/dead-letters/{id}")),
    ];
    let for_admins = [
        ("POST", "/api/tier-policies".to_owned()),
        ("PUT", format!("/api/tier-policies/{id}")),
        ("DELETE", format!("/api/tier-policies/{id}")),
        ("POST", format!("/api/tier-policies/{id}/publish")),
        ("POST", format!("/api/tier-policies/{id}/restore")),
        ("POST", format!("/api/tier-policies/{id}/approval")),
        ("POST", format!("/api/tier-policies/{id}/approval/answer")),
        ("DELETE", format!("/api/tier-policies/{id}/schedule")),
        ("PUT", "/api/organisation/settings".to_owned()),
        ("POST", "/api/queues/tier_assignment/pause".to_owned()),
        ("POST", "/api/queues/tier_assignment/resume".to_owned()),
        ("POST", "/api/pools".to_owned()),
        ("PUT", format!("/api/pools/{id}")),
        ("DELETE", format!("/api/pools/{id}")),
        ("POST", format!("/api/pools/{id}/members")),
        ("PUT", format!("/api/pools/{id}/members/{id}")),
        ("DELETE", format!("/api/pools/{id}/members/{id}")),
        ("PUT", format!("/api/pools/{id}/ranks")),
        ("PUT", "/api/pools/page-rules".to_owned()),
        ("POST", "/api/agents".to_owned()),
        ("PUT", format!("/api/agents/{id}")),
        ("DELETE", format!("/api/agents/{id}")),
        ("PUT", format!("/api/agents/{id}/status")),
        ("POST", "/api/visitor-keys".to_owned()),
        ("PUT", "/api/visitor-keys/pk_0".to_owned()),
        ("DELETE", "/api/visitor-keys/pk_0".to_owned()),
    ];
    for (method, path) in for_operators.iter().chain(&for_admins) {
        let send = |client: &Client| {
            let (client, body) = (client.clone(), draft.to_string());
            async move { client.send(method.parse().unwrap(), path, Some(body)).await }
        };
        let needs_admin = for_admins.contains(&(method, path.clone()));
        send(&firm.viewer).await.refused(403, "forbidden");
        match needs_admin {
            true => drop(send(&firm.operator).await.refused(403, "forbidden")),
            false => assert_ne!(send(&firm.operator).await.status, 403, "{method} {path}"),
        }
        assert_ne!(send(&firm.admin).await.status, 403, "{method} {path}");
    }
}

#[tokio::test]
async fn nothing_of_another_organisation_can_be_reached() {
    let app = TestApp::new().await;
    let (ours, theirs) = (app.firm("ours").await, app.firm("theirs").await);
    let judgment = theirs.add(&app, Judgment::default()).await;
    let policies: Vec<PolicySummary> = theirs.admin.get("/api/tier-policies").await.json();
    let refresh: RefreshRun = theirs.operator.order("/api/tiers/refresh").await.json();
    let order = json!({ "policy_id": policies[0].id, "days": 7 });
    let shadow: ShadowSummary = theirs.admin.post("/api/tier-shadows", order).await.json();
    let pool = crate::pools::pool(&theirs.admin, "Theirs").await;
    let agent = crate::pools::member(&theirs, &pool, "Theirs", 1, 1).await;
    let dead: Uuid = sqlx::query_scalar(
        "insert into public.queue_dead_letters (org_id, kind, msg_id, reason, message, enqueued_at)
         values ($1, 'tier_assignment', 1, 'a test', '{}', now()) returning id",
    )
    .bind(theirs.id)
    .fetch_one(app.owner())
    .await
    .unwrap();
    let order = json!({ "name": "theirs", "role": "viewer", "days": 1 });
    let token: CreatedApiToken = theirs.admin.post("/api/tokens", order).await.json();

    let opened = theirs.operator.post("/rpc/open_enforcement_case", json!({ "judgment_id": judgment })).await;
    let case: Uuid = opened.json();
    let paper = json!({ "case_id": case, "doc_kind": "x", "storage_path": "theirs.pdf" });
    let paper: Uuid = theirs.operator.post("/rpc/add_enforcement_document", paper).await.json();

    let document = TierPolicy::revision_1().document().clone();
    let body = json!({
        "name": "Theirs", "policy": document, "expected_version": 1, "expected_revision": 1, "note": "mine now", "is_approved": true,
        "agent_id": agent, "ranks": [], "priority_rank": 2, "display_name": "Mine", "status": "away", "snapshot": "1:1:", "previewed": MigrationMatrix::empty(), "tiers": "",
        "receipt": Receipt { policy: String::new(), build: policy::BUILD.to_owned(), snapshot: String::new(), matrix: String::new() },
    });
    for (method, path) in operations(&ours.admin).await {
        let ids: Vec<String> = match path.as_str() {
            path if !path.contains("{id}") => continue,
            path if path.starts_with("/api/judgments/") => vec![judgment.to_string()],
            path if path.starts_with("/api/tier-policies/") => {
                policies.iter().map(|policy| policy.id.clone()).collect()
            }
            path if path.starts_with("/api/tier-shadows/") => vec![shadow.id.clone()],
            path if path.starts_with("/api/tiers/refresh/") => vec![refresh.id.clone()],
            path if path.starts_with("/api/queues/dead-letters/") => vec![dead.to_string()],
            path if path.starts_with("/api/pools/") => vec![pool.clone()],
            path if path.starts_with("/api/agents/") => vec![agent.clone()],
            // Visitors have tokens, not sessions.
            path if path.starts_with("/api/leads/") => continue,
            path if path.starts_with("/api/cases/") => vec![case.to_string()],
            path if path.starts_with("/api/documents/") => vec![paper.to_string()],
            path if path.starts_with("/api/tokens/") => vec![token.id.clone()],
            path if path.starts_with("/api/plaintiffs/") => vec![theirs.plaintiff_id.to_string()],
            path => panic!("no id of theirs for {path}"),
        };
        for id in ids {
            let path = path.replace("{id}", &id).replace("{agent_id}", &agent);
            ours.admin.send(method.clone(), &path, Some(body.to_string())).await.refused(404, "not_found");
        }
    }

    assert_eq!(crate::pools::overview(&ours.admin).await.agents, []);
    assert_eq!(ours.admin.get("/api/pools/decisions").await.json::<Value>(), json!([]));
    assert_eq!(ours.admin.get("/api/judgments").await.json::<Value>()["total"], 0);
    let number: i64 = app.number("select judgment_no from public.core_judgments").await;
    let named: Value =
        ours.admin.post("/api/judgments/by-no", json!({ "judgment_nos": [number] })).await.json();
    assert_eq!(named, json!([]));
    assert_eq!(ours.admin.get("/api/judgments.csv").await.ok().text().lines().count(), 1);
    assert_eq!(ours.admin.get("/api/judgments/facets").await.json::<Value>()["counties"], json!([]));
    assert_eq!(ours.admin.get("/api/queues/dead-letters").await.json::<Value>(), json!([]));
    let queues: Vec<QueueStats> = ours.admin.get("/api/queues").await.json();
    assert!(queues.iter().all(|stats| stats.dead_letters == 0));
    let tiers: Value = ours.admin.get("/api/tiers").await.json();
    assert_eq!((&tiers["coverage"]["active"], &tiers["refresh"]), (&json!(0), &Value::Null));
    let listed: Vec<PolicySummary> = ours.admin.get("/api/tier-policies").await.json();
    assert!(listed.iter().all(|policy| policies.iter().all(|other| other.id != policy.id)));
}
