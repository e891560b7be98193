//! What is refused, and in which words.

use contract::Health;
use db::testing::TestDatabase;
use hyper::Method;
use serde_json::json;
use server::ServerConfig;

use crate::support::{Answer, Client, TestApp, within_patience};

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let app = TestApp::new().await;
    let viewer = app.firm("firm").await.viewer;
    for path in ["/api", "/api/", "/api/nothing", "/api/judgments/a/b/c", "/rpc/a/b"] {
        viewer.get(path).await.refused(404, "not_found");
    }
    viewer.send(Method::PUT, "/api/judgments", None).await.refused(405, "invalid");
    viewer.get("/rpc/queue_job").await.refused(405, "invalid");
    viewer.send(Method::POST, "/tiers", None).await.refused(405, "invalid");
}

#[tokio::test]
async fn ids_that_name_nothing_are_not_found() {
    let app = TestApp::new().await;
    let viewer = app.firm("firm").await.viewer;
    for id in ["x", "00000000-0000-0000-0000-000000000000", "%00", "%FF"] {
        for path in ["judgments", "tier-policies", "tiers/refresh"] {
            viewer.get(&format!("/api/{path}/{id}")).await.refused(404, "not_found");
        }
    }
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused_with_the_field() {
    let app = TestApp::new().await;
    let admin = app.firm("firm").await.admin;
    let path = "/api/tier-policies";
    admin.post_text(path, "{").await.refused(400, "invalid");
    admin.post_text(path, "").await.refused(400, "invalid");
    admin.post_text(path, "{} {}").await.refused(422, "invalid");
    admin.with("content-type", "text/plain").post_text(path, "{}").await.refused(415, "invalid");
    admin.order(path).await.refused(415, "invalid");
    admin.post_text(path, &format!("\"{}\"", "x".repeat(3 << 20))).await.refused(413, "invalid");
    let numbers = admin.post("/api/judgments/by-no", json!({ "judgment_nos": [1, "two"] })).await;
    assert_eq!(numbers.refused(422, "invalid").field.as_deref(), Some("judgment_nos[1]"));
    let tier =
        json!({ "name": "x", "policy": { "rules": [{ "id": "a", "tier": 9, "any": [] }], "fallback": 0 } });
    assert_eq!(admin.post(path, tier).await.refused(422, "invalid").field.as_deref(), Some("rules[0].tier"));
    let empty =
        json!({ "name": "x", "policy": { "rules": [{ "id": "a", "tier": 3, "any": [] }], "fallback": 0 } });
    assert_eq!(admin.post(path, empty).await.refused(422, "invalid").field.as_deref(), Some("rules[0].any"));
}

#[tokio::test]
async fn writes_from_another_origin_are_refused() {
    let app = TestApp::new().await;
    let operator = app.firm("firm").await.operator;
    let path = "/api/tiers/refresh";
    for foreign in ["http://evil.example", "null", "https://127.0.0.1:1"] {
        operator.with("origin", foreign).order(path).await.refused(403, "forbidden");
    }
    operator.with("sec-fetch-site", "cross-site").order(path).await.refused(403, "forbidden");
    app.nobody().with("origin", "http://evil.example").order("/api/session").await.refused(403, "forbidden");
    operator.with("origin", &format!("http://{}", operator.host())).order(path).await.ok();
    operator.with("sec-fetch-site", "same-origin").order(path).await.ok();
    operator.with("origin", "http://evil.example").get("/api/tiers").await.ok();
}

#[tokio::test]
async fn every_answer_tells_browsers_to_be_careful() {
    let app = TestApp::new().await;
    for path in ["/", "/api/health", "/api/nothing", "/api/session"] {
        let answer = app.nobody().get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert!(!answer.header("permissions-policy").is_empty());
        assert!(!answer.header("cache-control").is_empty());
    }
}

#[tokio::test]
async fn the_server_outlives_its_database() {
    let app = TestApp::with(TestDatabase::on_own_server().await, ServerConfig::default()).await;
    let firm = app.firm("firm").await;
    firm.viewer.get("/api/tiers").await.ok();
    assert_eq!(app.nobody().get("/api/health").await.json::<Health>().database, "ok");
    let mut events = firm.viewer.events().await;

    app.database.kill_postgres();
    // Its processes end one by one, and each may still answer until then.
    let away = once_refused(&app.nobody(), "/api/health").await;
    assert_eq!(away.status, 503);
    assert_eq!(serde_json::from_slice::<Health>(&away.body).unwrap().database, "unavailable");
    let refused = once_refused(&firm.viewer, "/api/tiers").await.refused(503, "unavailable");
    assert_eq!(refused.detail.as_deref(), Some("the server cannot answer right now"));

    app.database.private().ensure_running().await.unwrap();
    within_patience(async { while firm.viewer.get("/api/tiers").await.status != 200 {} }).await;
    // The listener is back too, and says that something may have been missed.
    events.until(json!({ "kind": "judgments" })).await;
    app.notify(Some(firm.id), json!({ "kind": "policy_published", "revision": 7 })).await;
    events.until(json!({ "kind": "policy_published", "revision": 7 })).await;
}

/// The first answer that is not 200
async fn once_refused(client: &Client, path: &str) -> Answer {
    within_patience(async {
        loop {
            let answer = client.get(path).await;
            if answer.status != 200 {
                break answer;
            }
        }
    })
    .await
}
