//! Publishing by two people and at a later time, and the log of it.

use chrono::{DateTime, TimeDelta, Utc};
use contract::{
    ApprovalState, OrganisationSettings, PolicyDetail, PolicyEvent, PolicyState, PolicySummary, Published,
    Role,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::policies::{assert_revision_1, draft, firm, policy, preview, publish};
use crate::support::{Client, Firm, TestApp};

const SETTINGS: &str = "/api/organisation/settings";

/// A firm that wants a second person, and that person
async fn careful(app: &TestApp) -> (Firm, Client) {
    let firm = firm(app).await;
    let second = app.person(firm.id, "second@firm.example", Role::Admin).await;
    let settings: OrganisationSettings =
        firm.admin.put(SETTINGS, json!({ "publish_needs_approval": true })).await.json();
    assert!(settings.publish_needs_approval);
    (firm, second)
}

fn approval(id: &str) -> String {
    format!("/api/tier-policies/{id}/approval")
}

fn answer(id: &str) -> String {
    format!("/api/tier-policies/{id}/approval/answer")
}

fn of_version(version: u32) -> Value {
    json!({ "expected_version": version, "note": "please look" })
}

fn approving(version: u32) -> Value {
    json!({ "expected_version": version, "is_approved": true, "note": "seen" })
}

async fn kinds(client: &Client, id: &str) -> Vec<String> {
    let events: Vec<PolicyEvent> = client.get(&format!("/api/tier-policies/{id}/events")).await.json();
    events.into_iter().rev().map(|event| event.kind).collect()
}

#[tokio::test]
async fn settings_are_seen_by_members_and_changed_by_admins() {
    let app = TestApp::new().await;
    let (ours, theirs) = (app.firm("ours").await, app.firm("theirs").await);
    let wanted = json!({ "publish_needs_approval": true });
    ours.operator.put(SETTINGS, &wanted).await.refused(403, "forbidden");
    ours.admin.put(SETTINGS, json!({ "publish_needs_approval": "yes" })).await.refused(422, "invalid");
    ours.admin.put(SETTINGS, &wanted).await.ok();
    ours.admin.put(SETTINGS, &wanted).await.ok();
    assert!(ours.viewer.get(SETTINGS).await.json::<OrganisationSettings>().publish_needs_approval);
    assert!(!theirs.viewer.get(SETTINGS).await.json::<OrganisationSettings>().publish_needs_approval);
    let events: Vec<PolicyEvent> = ours.viewer.get("/api/tier-policies/events").await.json();
    let changes: Vec<_> = events.iter().filter(|event| event.kind == "settings_changed").collect();
    assert_eq!(changes.len(), 1, "only what changes is noted");
    assert_eq!(
        (changes[0].actor.as_deref(), changes[0].note.as_deref()),
        (Some("admin@ours.example"), Some("publishing needs a second person"))
    );
}

#[tokio::test]
async fn a_draft_is_published_after_another_admin_has_approved_it() {
    let app = TestApp::new().await;
    let (firm, second) = careful(&app).await;
    let draft = draft(&firm.admin, "70").await;
    let request = preview(&firm.viewer, &policy("70")).await;
    publish(&firm.admin, &draft.id, &request).await.refused(409, "approval_required");
    second.post(&answer(&draft.id), approving(1)).await.refused(409, "conflict");
    firm.admin.post(&approval(&draft.id), of_version(2)).await.refused(409, "draft_moved");
    let asked: PolicySummary = firm.admin.post(&approval(&draft.id), of_version(1)).await.json();
    let approval_asked = asked.approval.unwrap();
    assert_eq!(
        (approval_asked.state, approval_asked.requested_by.as_str(), approval_asked.request_note.as_deref()),
        (ApprovalState::Requested, "admin@firm.example", Some("please look"))
    );
    firm.admin.post(&approval(&draft.id), of_version(1)).await.refused(409, "conflict");
    publish(&firm.admin, &draft.id, &request).await.refused(409, "approval_required");
    firm.admin.post(&answer(&draft.id), approving(1)).await.refused(403, "forbidden");
    second.post(&answer(&draft.id), approving(2)).await.refused(409, "draft_moved");
    assert_revision_1(&app, &firm).await;

    let approved: PolicySummary = second.post(&answer(&draft.id), approving(1)).await.json();
    let given = approved.approval.unwrap();
    assert_eq!(
        (given.state, given.answered_by.as_deref()),
        (ApprovalState::Approved, Some("second@firm.example"))
    );
    firm.admin.post(&approval(&draft.id), of_version(1)).await.refused(409, "conflict");
    publish(&firm.admin, &draft.id, &request).await.ok();
    assert_eq!(
        kinds(&firm.viewer, &draft.id).await,
        ["started", "approval_requested", "approved", "published"]
    );
}

#[tokio::test]
async fn a_save_clears_the_approval_and_a_declined_draft_can_be_put_up_again() {
    let app = TestApp::new().await;
    let (firm, second) = careful(&app).await;
    let draft = draft(&firm.admin, "70").await;
    firm.admin.post(&approval(&draft.id), of_version(1)).await.ok();
    let declining = |note: &str| json!({ "expected_version": 1, "is_approved": false, "note": note });
    let problem = second.post(&answer(&draft.id), declining(" ")).await.refused(422, "invalid");
    assert_eq!(problem.field.as_deref(), Some("note"));
    let declined: PolicySummary = second.post(&answer(&draft.id), declining("too low")).await.json();
    assert_eq!(declined.approval.unwrap().note.as_deref(), Some("too low"));
    firm.admin.post(&approval(&draft.id), of_version(1)).await.ok();
    second.post(&answer(&draft.id), approving(1)).await.ok();

    // The second person saves: what was approved is no longer what would be published, and is theirs as well.
    let path = format!("/api/tier-policies/{}", draft.id);
    let save = json!({ "name": "Draft", "policy": policy("72"), "expected_version": 1 });
    let saved: PolicySummary = second.put(&path, save).await.json();
    assert_eq!(saved.approval, None);
    assert_eq!(
        (saved.author.as_str(), saved.saved_by.as_str()),
        ("admin@firm.example", "second@firm.example")
    );
    assert_ne!(saved.author_id, saved.saved_by_id);
    let mut request = preview(&firm.viewer, &policy("72")).await;
    request["expected_version"] = json!(2);
    publish(&firm.admin, &draft.id, &request).await.refused(409, "approval_required");
    let third = app.person(firm.id, "third@firm.example", Role::Admin).await;
    third.post(&approval(&draft.id), of_version(2)).await.ok();
    for own in [&firm.admin, &second, &third] {
        own.post(&answer(&draft.id), approving(2)).await.refused(403, "forbidden");
    }
    let fourth = app.person(firm.id, "fourth@firm.example", Role::Admin).await;
    fourth.post(&answer(&draft.id), approving(2)).await.ok();
    publish(&third, &draft.id, &request).await.ok();
    assert_eq!(
        kinds(&firm.viewer, &draft.id).await,
        [
            "started",
            "approval_requested",
            "declined",
            "approval_requested",
            "approved",
            "saved",
            "approval_requested",
            "approved",
            "published"
        ]
    );
}

fn in_days(days: i64) -> DateTime<Utc> {
    Utc::now() + TimeDelta::days(days)
}

#[tokio::test]
async fn a_draft_waits_for_its_time_and_can_be_called_back() {
    let app = TestApp::new().await;
    let firm = firm(&app).await;
    let first = draft(&firm.admin, "70").await;
    let mut request = preview(&firm.viewer, &policy("70")).await;
    for wrong in [json!("tomorrow"), json!(in_days(-1)), json!(in_days(367)), json!("2030-01-01")] {
        request["effective_at"] = wrong;
        let problem = publish(&firm.admin, &first.id, &request).await.refused(422, "invalid");
        assert_eq!(problem.field.as_deref(), Some("effective_at"));
    }
    request["effective_at"] = json!(in_days(3));
    let mut dishonest = request.clone();
    dishonest["receipt"]["matrix"] = json!("0".repeat(64));
    publish(&firm.admin, &first.id, &dishonest).await.refused(409, "preview_differs");
    let published: Published = publish(&firm.admin, &first.id, &request).await.json();
    assert_eq!((published.revision, published.refresh_id), (2, None));
    assert_revision_1(&app, &firm).await;

    let path = format!("/api/tier-policies/{}", first.id);
    let waiting = firm.viewer.get(&path).await.json::<PolicyDetail>().summary;
    let schedule = waiting.schedule.unwrap();
    assert_eq!((waiting.state, waiting.revision, schedule.error), (PolicyState::Scheduled, None, None));
    assert_eq!((schedule.scheduled_by.as_str(), schedule.over_revision), ("admin@firm.example", 1));
    assert_eq!(json!(waiting.receipt), request["receipt"]);

    // Meanwhile it stays as it is, and it is the only one.
    let save = json!({ "name": "Draft", "policy": policy("65"), "expected_version": 1 });
    firm.admin.put(&path, save).await.refused(409, "conflict");
    firm.admin.delete(&path).await.refused(409, "conflict");
    publish(&firm.admin, &first.id, &request).await.refused(409, "conflict");
    let second = draft(&firm.admin, "75").await;
    let mut other = preview(&firm.viewer, &policy("75")).await;
    other["effective_at"] = json!(in_days(4));
    publish(&firm.admin, &second.id, &other).await.refused(409, "conflict");

    let cancel = format!("{path}/schedule");
    firm.operator.delete(&cancel).await.refused(403, "forbidden");
    let called_back: PolicySummary = firm.admin.delete(&cancel).await.json();
    assert_eq!(
        (called_back.state, called_back.schedule, called_back.receipt),
        (PolicyState::Draft, None, None)
    );
    firm.admin.delete(&cancel).await.refused(409, "conflict");
    publish(&firm.admin, &second.id, &other).await.ok();
    assert_eq!(kinds(&firm.viewer, &first.id).await, ["started", "scheduled", "schedule_cancelled"]);
}

#[tokio::test]
async fn the_log_tells_who_why_and_what_and_nobody_changes_it() {
    let app = TestApp::new().await;
    let (ours, theirs) = (firm(&app).await, app.firm("theirs").await);
    let draft = draft(&ours.admin, "70").await;
    publish(&ours.admin, &draft.id, &preview(&ours.viewer, &policy("70")).await).await.ok();
    let path = format!("/api/tier-policies/{}/events", draft.id);
    let events: Vec<PolicyEvent> = ours.viewer.get(&path).await.json();
    let published = &events[0];
    assert_eq!(
        (published.kind.as_str(), published.actor.as_deref(), published.note.as_deref(), published.revision),
        ("published", Some("admin@firm.example"), Some("more for tier 3"), Some(2))
    );
    assert_eq!(published.digest.as_ref(), Some(&draft.digest));
    assert_eq!(published.receipt.as_ref().unwrap().policy, draft.digest);
    theirs.admin.get(&path).await.refused(404, "not_found");
    ours.viewer.get(&format!("/api/tier-policies/{}/events", Uuid::new_v4())).await.refused(404, "not_found");

    // A discarded draft is gone, what was done with it is not.
    let discarded = crate::policies::draft(&ours.admin, "71").await;
    ours.admin.delete(&format!("/api/tier-policies/{}", discarded.id)).await.ok();
    assert_eq!(kinds(&ours.viewer, &discarded.id).await, ["started", "discarded"]);
    for change in ["update public.tier_policy_events set note = 'x'", "delete from public.tier_policy_events"]
    {
        let refused = sqlx::raw_sql(change).execute(app.owner()).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
}
