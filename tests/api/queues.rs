//! Queues and dead letters.

use contract::{DeadLetter, QueueStats, Queued};
use serde_json::json;
use uuid::Uuid;

use crate::support::{Client, Firm, Judgment, TestApp};

async fn stats(client: &Client) -> QueueStats {
    let kinds = client.get("/api/queues").await.json::<Vec<QueueStats>>();
    kinds.into_iter().find(|stats| stats.kind == "tier_assignment").unwrap()
}

/// Buries one message of the firm, as a worker does that has given up
async fn bury(app: &TestApp, firm: &Firm) -> DeadLetter {
    let id = firm.add(app, Judgment::default()).await;
    let queued: Queued = firm.operator.order(&format!("/api/judgments/{id}/retier")).await.json();
    sqlx::query("select public.queue_bury('tier_assignment', $1, 'w1', 'it cannot be')")
        .bind(queued.msg_id)
        .execute(app.owner())
        .await
        .unwrap();
    firm.viewer.get("/api/queues/dead-letters").await.json::<Vec<DeadLetter>>().remove(0)
}

#[tokio::test]
async fn a_queue_tells_how_it_stands() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let id = firm.add(&app, Judgment::default()).await;
    firm.operator.order(&format!("/api/judgments/{id}/retier")).await.ok();
    let stats = stats(&firm.viewer).await;
    assert_eq!((stats.kind.as_str(), stats.depth, stats.in_flight), ("tier_assignment", 1, 0));
    assert!(stats.oldest_seconds.is_some());
    assert!(!stats.is_paused);
}

#[tokio::test]
async fn a_queue_is_paused_and_resumed() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    for (verb, is_paused) in [("pause", true), ("pause", true), ("resume", false)] {
        firm.admin.order(&format!("/api/queues/tier_assignment/{verb}")).await.ok();
        assert_eq!(stats(&firm.viewer).await.is_paused, is_paused);
    }
    for kind in ["nothing", "%27", "%00"] {
        firm.admin.order(&format!("/api/queues/{kind}/pause")).await.refused(404, "not_found");
    }
    // The other's work waits in the same queues.
    app.firm("other").await;
    firm.admin.order("/api/queues/tier_assignment/pause").await.refused(403, "forbidden");
    assert!(!stats(&firm.viewer).await.is_paused);
}

#[tokio::test]
async fn a_dead_letter_is_retried_once() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let letter = bury(&app, &firm).await;
    assert_eq!((letter.reason.as_str(), letter.attempts.len()), ("it cannot be", 1));
    assert_eq!(stats(&firm.viewer).await.dead_letters, 1);
    let of_kind = |kind: &str| format!("/api/queues/dead-letters?kind={kind}");
    assert_eq!(firm.viewer.get(&of_kind("tier_assignment")).await.json::<Vec<DeadLetter>>().len(), 1);
    assert_eq!(firm.viewer.get(&of_kind("other")).await.json::<Vec<DeadLetter>>().len(), 0);

    let path = format!("/api/queues/dead-letters/{}/retry", letter.id);
    let queued: Queued = firm.operator.order(&path).await.json();
    assert_ne!(queued.msg_id, letter.msg_id);
    firm.operator.order(&path).await.refused(409, "conflict");
    assert_eq!((stats(&firm.viewer).await.depth, stats(&firm.viewer).await.dead_letters), (1, 0));
    firm.operator
        .order(&format!("/api/queues/dead-letters/{}/retry", Uuid::new_v4()))
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn a_discarded_dead_letter_is_off_the_list_and_kept() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let letter = bury(&app, &firm).await;
    let path = format!("/api/queues/dead-letters/{}", letter.id);
    firm.operator.delete(&path).await.ok();
    firm.operator.delete(&path).await.refused(409, "conflict");
    assert_eq!(firm.viewer.get("/api/queues/dead-letters").await.json::<serde_json::Value>(), json!([]));
    assert_eq!(app.number("select count(*) from public.queue_dead_letters where state = 'discarded' and resolved_by is not null").await, 1);
}
