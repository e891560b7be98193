//! Scripts call with tokens, on behalf of those who made them.

use contract::{ApiToken, CreatedApiToken, Session};
use serde_json::{Value, json};

use crate::support::{Client, Firm, Judgment, TestApp};

async fn create(firm: &Firm, role: &str) -> CreatedApiToken {
    let body = json!({ "name": "nightly", "role": role, "days": 30 });
    firm.admin.post("/api/tokens", body).await.json()
}

fn script(app: &TestApp, token: &str) -> Client {
    app.nobody().with("authorization", &format!("Bearer {token}"))
}

#[tokio::test]
async fn a_token_acts_for_its_member_with_its_own_role() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let judgment_id = firm.add(&app, Judgment::default()).await;
    let operator = script(&app, &create(&firm, "operator").await.token);
    let body = json!({ "judgment_id": judgment_id, "created_by": "a script" });
    operator.post("/rpc/open_enforcement_case", body).await.ok();
    let admins = "select count(*) from public.enforcement_history where actor = 'admin@firm.example' and actor_id is not null";
    assert_eq!(app.number(admins).await, 1);
    // What its maker may do is not what it may do.
    let settings = json!({ "stage": "bank_levy", "sla_days": 3 });
    operator.post("/rpc/set_enforcement_stage_settings", &settings).await.refused(403, "forbidden");
    operator.get("/api/tokens").await.refused(403, "forbidden");
    let admin = script(&app, &create(&firm, "admin").await.token);
    admin.post("/rpc/set_enforcement_stage_settings", &settings).await.ok();
    // And once its maker may do less, so may it.
    app.execute("update public.memberships set role = 'viewer' where role = 'admin'").await;
    admin.post("/rpc/set_enforcement_stage_settings", &settings).await.refused(403, "forbidden");
    admin.get("/api/judgments").await.ok();
}

#[tokio::test]
async fn a_token_ends_by_revocation_time_and_membership() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let neighbour = app.firm("neighbour").await;
    let [first, second, third] =
        [create(&firm, "viewer").await, create(&firm, "viewer").await, create(&firm, "viewer").await];
    let path = format!("/api/tokens/{}", first.id);
    neighbour.admin.delete(&path).await.refused(404, "not_found");
    assert_eq!(neighbour.admin.get("/api/tokens").await.json::<Value>(), json!([]));
    firm.operator.delete(&path).await.refused(403, "forbidden");
    script(&app, &first.token).get("/api/judgments").await.ok();
    firm.admin.delete(&path).await.ok();
    firm.admin.delete(&path).await.refused(404, "not_found");
    script(&app, &first.token).get("/api/judgments").await.refused(401, "unauthenticated");

    let listed: Vec<ApiToken> = firm.admin.get("/api/tokens").await.json();
    let good: Vec<bool> = listed.iter().map(|token| token.is_good).collect();
    assert_eq!(good.iter().filter(|good| **good).count(), 2);
    assert!(listed.iter().any(|token| token.id == first.id && token.used_at.is_some()));
    let body = serde_json::to_string(&listed).unwrap();
    assert!(!body.contains(&first.token), "the secret is shown once");

    app.execute(&format!("update public.api_tokens set expires_at = now() where id = '{}'", second.id)).await;
    script(&app, &second.token).get("/api/judgments").await.refused(401, "unauthenticated");
    app.execute("delete from public.memberships where role = 'admin'").await;
    script(&app, &third.token).get("/api/judgments").await.refused(401, "unauthenticated");
    assert_eq!(app.number("select count(*) from public.api_tokens").await, 0);
}

#[tokio::test]
async fn a_token_is_no_session() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let token = create(&firm, "admin").await.token;
    let client = script(&app, &token);
    let session: Session = client.get("/api/session").await.json();
    assert_eq!(session.email, "admin@firm.example");
    let password = json!({ "new": "a long enough password" });
    client.post("/api/session/password", password).await.refused(403, "forbidden");
    client.delete("/api/session").await.refused(403, "forbidden");
    let organisation = json!({ "organisation_id": firm.id });
    client.post("/api/session/organisation", organisation).await.refused(403, "forbidden");
    client.get("/api/events").await.refused(403, "forbidden");
    let another = json!({ "name": "another", "role": "admin", "days": 1 });
    client.post("/api/tokens", another).await.refused(403, "forbidden");
    // A token that is no good is not helped by a cookie.
    for header in ["Bearer nonsense", "Bearer", "Basic YTpi", &format!("bearer {token}x")] {
        let client = firm.admin.with("authorization", header);
        client.get("/api/session").await.refused(401, "unauthenticated");
    }
    script(&app, &token).with("cookie", "dragonfly_session=none").get("/api/session").await.ok();
}

#[tokio::test]
async fn a_token_must_say_what_it_is_for() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    for (field, body) in [
        ("name", json!({ "name": " ", "role": "viewer", "days": 1 })),
        ("days", json!({ "name": "x", "role": "viewer", "days": 0 })),
        ("days", json!({ "name": "x", "role": "viewer", "days": 367 })),
        ("role", json!({ "name": "x", "role": "god", "days": 1 })),
    ] {
        let problem = firm.admin.post("/api/tokens", body).await.refused(422, "invalid");
        assert_eq!(problem.field.as_deref(), Some(field));
    }
    firm.operator.get("/api/tokens").await.refused(403, "forbidden");
}
