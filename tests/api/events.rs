//! Live events.

use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn an_open_console_hears_of_its_organisation_and_no_other() {
    let app = TestApp::new().await;
    let (ours, theirs) = (app.firm("ours").await, app.firm("theirs").await);
    app.until_listening().await;
    let mut events = ours.viewer.events().await;
    let published = |revision: u32| json!({ "kind": "policy_published", "revision": revision });
    app.notify(Some(theirs.id), published(66)).await;
    app.notify(Some(ours.id), published(2)).await;
    app.notify(None, published(3)).await;
    let mut heard = Vec::new();
    while heard.last() != Some(&published(3)) {
        heard.push(events.next().await.expect("the stream goes on"));
    }
    heard.retain(|event| event["kind"] == "policy_published");
    assert_eq!(heard, [published(2), published(3)]);
}

#[tokio::test]
async fn what_an_admin_does_reaches_everybody_at_once() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    app.until_listening().await;
    let mut events = firm.viewer.events().await;
    firm.admin.order("/api/queues/tier_assignment/pause").await.ok();
    events.until(json!({ "kind": "queues" })).await;
}

#[tokio::test]
async fn streams_end_when_the_server_does() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let mut events = firm.viewer.events().await;
    let ended = async { while events.next().await.is_some() {} };
    tokio::join!(app.end(), ended);
}
