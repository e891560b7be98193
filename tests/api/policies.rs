//! Drafts, and what becomes of them.

use contract::{PolicyDetail, PolicyState, PolicySummary, Published, RefreshRun, RefreshState, TierOverview};
use db::refreshes;
use policy::portfolio::TierMigration;
use policy::receipt::{Receipt, pack_tiers, unpack_tiers};
use policy::tier::{TierPolicy, TierPolicyDocument};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::portfolio::snapshot;
use crate::support::{Answer, Client, Firm, Judgment, TestApp};

/// Revision 1 with another limit for tier 3
pub(crate) fn policy(score_3: &str) -> TierPolicyDocument {
    let mut document = TierPolicy::revision_1().document().clone();
    document.limits.insert("score_3".to_owned(), score_3.to_owned());
    document
}

pub(crate) async fn draft(client: &Client, score_3: &str) -> PolicySummary {
    client.post("/api/tier-policies", json!({ "name": "Draft", "policy": policy(score_3) })).await.json()
}

/// What a console sends after it has previewed `after` against revision 1
pub(crate) async fn preview(client: &Client, after: &TierPolicyDocument) -> Value {
    preview_against(client, TierPolicy::revision_1().document(), after).await
}

pub(crate) async fn preview_against(
    client: &Client,
    before: &TierPolicyDocument,
    after: &TierPolicyDocument,
) -> Value {
    let (meta, portfolio) = snapshot(client).await;
    let [before, after] = [before, after].map(|document| TierPolicy::try_from(document.clone()).unwrap());
    let grid = after.compile();
    let matrix = TierMigration::between(&before.compile(), &grid, &portfolio).matrix();
    json!({
        "expected_version": 1, "expected_revision": 1, "note": "more for tier 3",
        "snapshot": meta.snapshot, "previewed": matrix, "receipt": Receipt::of(&after, &portfolio, &matrix),
        "tiers": pack_tiers(&grid.evaluate(&portfolio)),
    })
}

pub(crate) async fn publish(client: &Client, id: &str, request: &Value) -> Answer {
    client.post(&format!("/api/tier-policies/{id}/publish"), request).await
}

pub(crate) async fn firm(app: &TestApp) -> Firm {
    let firm = app.firm("firm").await;
    firm.add_many(app, 400).await;
    firm
}

pub(crate) async fn assert_revision_1(app: &TestApp, firm: &Firm) {
    let published: PolicyDetail = firm.viewer.get("/api/tier-policies/published").await.json();
    assert_eq!(published.summary.revision, Some(1));
    assert_eq!(app.number("select count(*) from public.tier_refreshes").await, 0);
}

#[tokio::test]
async fn an_organisation_is_born_with_revision_1_and_its_repaired_draft() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let policies: Vec<PolicySummary> = firm.viewer.get("/api/tier-policies").await.json();
    let states: Vec<_> =
        policies.iter().map(|policy| (policy.name.as_str(), policy.state, policy.revision)).collect();
    assert_eq!(
        states,
        [("Revision 1", PolicyState::Published, Some(1)), ("Repaired revision 1", PolicyState::Draft, None)]
    );
    let published: PolicyDetail = firm.viewer.get("/api/tier-policies/published").await.json();
    assert_eq!(&published.policy, TierPolicy::revision_1().document());
    assert_eq!(published.summary.digest, TierPolicy::revision_1().digest().as_str());
    let repaired: PolicyDetail =
        firm.viewer.get(&format!("/api/tier-policies/{}", policies[1].id)).await.json();
    assert_eq!(&repaired.policy, TierPolicy::monotone_draft().document());
    assert_eq!(repaired.summary.based_on, Some(1));
}

#[tokio::test]
async fn a_draft_is_started_saved_and_discarded() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let started = draft(&firm.admin, "75").await;
    assert_eq!((started.state, started.version, started.based_on), (PolicyState::Draft, 1, Some(1)));
    assert_eq!(started.author, "admin@firm.example");
    let path = format!("/api/tier-policies/{}", started.id);
    let save = json!({ "name": " Better ", "policy": policy("70"), "expected_version": 1 });
    let saved: PolicySummary = firm.admin.put(&path, &save).await.json();
    assert_eq!((saved.name.as_str(), saved.version), ("Better", 2));
    assert_ne!(saved.digest, started.digest);
    assert_eq!(firm.viewer.get(&path).await.json::<PolicyDetail>().policy, policy("70"));

    firm.admin.put(&path, &save).await.refused(409, "draft_moved");
    firm.admin.delete(&path).await.ok();
    firm.admin.delete(&path).await.refused(404, "not_found");
    firm.admin.put(&path, &save).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_policy_that_cannot_be_is_refused_with_its_field() {
    let app = TestApp::new().await;
    let admin = app.firm("firm").await.admin;
    let refused = |name: &str, policy: Value| {
        let body = json!({ "name": name, "policy": policy });
        let admin = admin.clone();
        async move { admin.post("/api/tier-policies", body).await.refused(422, "invalid").field.unwrap() }
    };
    let mut out_of_order = json!(policy("80"));
    out_of_order["limits"]["score_2"] = json!("90");
    assert_eq!(refused("x", out_of_order).await, "rules[1].any[0].score_below");
    let mut unknown = json!(policy("80"));
    unknown["rules"][0]["any"][0]["score_from"] = json!("score_9");
    assert_eq!(refused("x", unknown).await, "rules[0].any[0].score_from");
    assert_eq!(refused(" ", json!(policy("80"))).await, "name");
    assert_eq!(refused(&"x".repeat(121), json!(policy("80"))).await, "name");
}

#[tokio::test]
async fn what_a_preview_showed_is_what_a_publish_does() {
    let app = TestApp::new().await;
    let firm = firm(&app).await;
    let draft = draft(&firm.admin, "70").await;
    let request = preview(&firm.viewer, &policy("70")).await;
    let published: Published = publish(&firm.admin, &draft.id, &request).await.json();
    assert_eq!((published.revision, published.digest.as_str()), (2, draft.digest.as_str()));

    let refresh: Uuid = published.refresh_id.unwrap().parse().unwrap();
    while refreshes::step(&app.db, refresh, 150).await.unwrap().unwrap().run.state == RefreshState::Running {}
    let run: RefreshRun = firm.viewer.get(&format!("/api/tiers/refresh/{refresh}")).await.json();
    assert_eq!((run.state, run.done, run.facts_moved), (RefreshState::Done, 400, 0));
    assert_eq!(run.actual, run.previewed);
    assert_eq!(json!(run.actual), request["previewed"]);

    let overview: TierOverview = firm.viewer.get("/api/tiers").await.json();
    assert_eq!(overview.published.revision, Some(2));
    assert_eq!(overview.published.published_by.as_deref(), Some("admin@firm.example"));
    assert_eq!(overview.published.note.as_deref(), Some("more for tier 3"));
    let states: Vec<_> = firm
        .viewer
        .get("/api/tier-policies")
        .await
        .json::<Vec<PolicySummary>>()
        .iter()
        .map(|policy| policy.state)
        .collect();
    assert_eq!(states, [PolicyState::Published, PolicyState::Draft, PolicyState::Superseded]);

    // What was published never changes.
    let path = format!("/api/tier-policies/{}", draft.id);
    firm.admin
        .put(&path, json!({ "name": "x", "policy": policy("65"), "expected_version": 1 }))
        .await
        .refused(409, "conflict");
    firm.admin.delete(&path).await.refused(409, "conflict");
    publish(&firm.admin, &draft.id, &request).await.refused(409, "conflict");
}

#[tokio::test]
async fn a_publish_after_another_save_is_refused() {
    let app = TestApp::new().await;
    let firm = firm(&app).await;
    let draft = draft(&firm.admin, "70").await;
    let request = preview(&firm.viewer, &policy("70")).await;
    let save = json!({ "name": "Draft", "policy": policy("75"), "expected_version": 1 });
    firm.admin.put(&format!("/api/tier-policies/{}", draft.id), save).await.ok();
    publish(&firm.admin, &draft.id, &request).await.refused(409, "draft_moved");
    assert_revision_1(&app, &firm).await;
}

#[tokio::test]
async fn of_two_publishes_at_once_one_is_refused() {
    let app = TestApp::new().await;
    let firm = firm(&app).await;
    let (one, other) = (draft(&firm.admin, "70").await, draft(&firm.admin, "75").await);
    let (for_one, for_other) =
        (preview(&firm.viewer, &policy("70")).await, preview(&firm.viewer, &policy("75")).await);
    let (first, second) =
        tokio::join!(publish(&firm.admin, &one.id, &for_one), publish(&firm.admin, &other.id, &for_other));
    let (won, lost) = if first.status == 200 { (first, second) } else { (second, first) };
    assert_eq!(won.json::<Published>().revision, 2);
    lost.refused(409, "revision_moved");
    assert_eq!(app.number("select count(*) from public.tier_refreshes").await, 1);
}

#[tokio::test]
async fn a_publish_after_facts_have_moved_names_the_judgments() {
    let app = TestApp::new().await;
    let firm = firm(&app).await;
    let draft = draft(&firm.admin, "70").await;
    let request = preview(&firm.viewer, &policy("70")).await;
    app.execute("update public.core_judgments set balance_due = 123 where case_number in ('CV-7', 'CV-9')")
        .await;
    firm.add(&app, Judgment { case_number: "NEW-1", ..Default::default() }).await;
    let problem = publish(&firm.admin, &draft.id, &request).await.refused(409, "facts_moved");
    let cases: Vec<&str> = problem.judgments.iter().map(|judgment| judgment.case_number.as_str()).collect();
    assert_eq!(cases, ["CV-7", "CV-9", "NEW-1"]);
    assert_revision_1(&app, &firm).await;

    publish(&firm.admin, &draft.id, &preview(&firm.viewer, &policy("70")).await).await.ok();
}

#[tokio::test]
async fn a_preview_that_the_server_does_not_count_is_refused() {
    let app = TestApp::new().await;
    let firm = firm(&app).await;
    let draft = draft(&firm.admin, "70").await;
    let honest = preview(&firm.viewer, &policy("70")).await;
    let mut other_matrix = honest.clone();
    other_matrix["previewed"]["counts"][0][0] = json!(9999);
    let problem = publish(&firm.admin, &draft.id, &other_matrix).await.refused(409, "preview_differs");
    assert_eq!(problem.field.as_deref(), Some("previewed"));
    for (digest, code) in [
        ("policy", "policy_differs"),
        ("build", "build_differs"),
        ("snapshot", "snapshot_differs"),
        ("matrix", "preview_differs"),
    ] {
        let mut dishonest = honest.clone();
        dishonest["receipt"][digest] = json!("0".repeat(64));
        let problem = publish(&firm.admin, &draft.id, &dishonest).await.refused(409, code);
        assert_eq!(problem.field, Some(format!("receipt.{digest}")));
    }
    assert_revision_1(&app, &firm).await;
    publish(&firm.admin, &draft.id, &honest).await.ok();
}

#[tokio::test]
async fn one_tier_that_the_server_decides_otherwise_is_refused_and_named() {
    let app = TestApp::new().await;
    let firm = firm(&app).await;
    let draft = draft(&firm.admin, "70").await;
    let mut request = preview(&firm.viewer, &policy("70")).await;
    let honest = request["tiers"].clone();
    let mut tiers = unpack_tiers(honest.as_str().unwrap(), 400).unwrap();
    let decided = tiers[41];
    tiers[41] = (decided + 1) % 4;
    request["tiers"] = json!(pack_tiers(&tiers));
    let problem = publish(&firm.admin, &draft.id, &request).await.refused(409, "preview_differs");
    let [named] = &problem.judgments[..] else { panic!("{problem:?}") };
    assert_eq!(named.case_number, "CV-42");
    assert_eq!(
        problem.detail,
        Some(format!(
            "judgment {} (CV-42): the preview showed tier {}, the server decides tier {decided}",
            named.judgment_no, tiers[41]
        ))
    );
    for (tiers, of) in [(json!(""), "of no judgment"), (json!(pack_tiers(&[0; 401])), "one too many")] {
        request["tiers"] = tiers;
        let problem = publish(&firm.admin, &draft.id, &request).await.refused(422, "invalid");
        assert_eq!(problem.field.as_deref(), Some("tiers"), "{of}");
    }
    assert_revision_1(&app, &firm).await;
    request["tiers"] = honest;
    publish(&firm.admin, &draft.id, &request).await.ok();
}

#[tokio::test]
async fn the_tiers_of_a_million_judgments_fit_into_a_request() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let draft = draft(&firm.admin, "70").await;
    let mut request = preview(&firm.viewer, &policy("70")).await;
    request["tiers"] = json!(pack_tiers(&vec![2; 1_000_000]));
    let problem = publish(&firm.admin, &draft.id, &request).await.refused(422, "invalid");
    assert_eq!(
        problem.detail.as_deref(),
        Some("333336 characters instead of the 0 that the tiers of 0 judgments have")
    );
}

#[tokio::test]
async fn the_receipt_stays_with_the_revision() {
    let app = TestApp::new().await;
    let firm = firm(&app).await;
    let first = draft(&firm.admin, "70").await;
    assert_eq!(first.receipt, None);
    let request = preview(&firm.viewer, &policy("70")).await;
    publish(&firm.admin, &first.id, &request).await.ok();
    let path = format!("/api/tier-policies/{}", first.id);
    let published = firm.viewer.get(&path).await.json::<PolicyDetail>();
    let (kept, witnesses) = (published.summary.receipt, published.witnesses);
    assert_eq!(json!(kept), request["receipt"]);
    let decides = TierPolicy::try_from(published.policy).unwrap();
    assert!(witnesses.iter().any(|case| case.judgment_no.is_some()), "{witnesses:?}");
    for case in &witnesses {
        assert_eq!(case.tier, decides.evaluate(&case.facts()).tier, "{case:?}");
    }
    assert_eq!(kept.as_ref().unwrap().build, policy::BUILD);

    let next = draft(&firm.admin, "75").await;
    let mut request = preview_against(&firm.viewer, &policy("70"), &policy("75")).await;
    request["expected_revision"] = json!(2);
    publish(&firm.admin, &next.id, &request).await.ok();
    let superseded = firm.viewer.get(&path).await.json::<PolicyDetail>().summary;
    assert_eq!((superseded.state, superseded.receipt), (PolicyState::Superseded, kept));
    for change in ["receipt = null", "witnesses = '[]'", "document = '{}'", "note = 'another'"] {
        let tampered = format!("update public.tier_policies set {change} where id = '{}'", first.id);
        let refused = sqlx::raw_sql(&tampered).execute(app.owner()).await.unwrap_err();
        assert!(refused.to_string().contains("what was published never changes"), "{refused}");
    }
}

#[tokio::test]
async fn a_publish_needs_a_note_and_a_real_snapshot() {
    let app = TestApp::new().await;
    let firm = firm(&app).await;
    let draft = draft(&firm.admin, "70").await;
    let honest = preview(&firm.viewer, &policy("70")).await;
    for (field, value) in [
        ("note", json!("  ")),
        ("note", json!("a\0b")),
        ("snapshot", json!("")),
        ("snapshot", json!("1:2:3:4")),
        ("snapshot", json!("9:1:")),
        ("snapshot", json!("1:99999999999999999999:")),
        ("snapshot", json!("'; drop table public.users; --")),
    ] {
        let mut request = honest.clone();
        request[field] = value;
        let problem = publish(&firm.admin, &draft.id, &request).await.refused(422, "invalid");
        assert_eq!(problem.field.as_deref(), Some(field));
    }
    assert_revision_1(&app, &firm).await;
}

#[tokio::test]
async fn a_draft_that_breaks_its_assertions_is_published_with_a_reason_only() {
    let app = TestApp::new().await;
    let firm = firm(&app).await;
    let asserted = json!({
        "laws": ["monotone_in_balance"],
        "guardrails": [{ "kind": "moved_at_most", "percent": "100" }],
    });
    let new = json!({ "name": "Draft", "policy": policy("70"), "assertions": asserted });
    let draft: PolicySummary = firm.admin.post("/api/tier-policies", new).await.json();
    let mut request = preview(&firm.viewer, &policy("70")).await;
    let problem = publish(&firm.admin, &draft.id, &request).await.refused(409, "assertions_failed");
    let checked: Vec<(&str, bool)> =
        problem.assertions.iter().map(|assertion| (assertion.place.as_str(), assertion.holds)).collect();
    assert_eq!(checked, [("guardrails[0]", true), ("laws[0]", false)]);
    assert_revision_1(&app, &firm).await;

    request["override_note"] = json!(" ");
    let problem = publish(&firm.admin, &draft.id, &request).await.refused(422, "invalid");
    assert_eq!(problem.field.as_deref(), Some("override_note"));
    request["override_note"] = json!("the cliff is mended next week");
    request["overruled"] = json!(["laws[0]"]);
    publish(&firm.admin, &draft.id, &request).await.ok();
    let published: PolicyDetail = firm.viewer.get("/api/tier-policies/published").await.json();
    assert_eq!(published.summary.override_note.as_deref(), Some("the cliff is mended next week"));
    assert_eq!(published.summary.overruled, ["laws[0]"]);
    let tampered = "update public.tier_policies set overruled = '{laws[1]}' where state = 'published'";
    let refused = sqlx::raw_sql(tampered).execute(app.owner()).await.unwrap_err();
    assert!(refused.to_string().contains("what was published never changes"), "{refused}");
    assert_eq!(json!(published.assertions)["laws"], asserted["laws"]);

    // A new draft takes the assertions over; one that keeps them needs no reason, and none is taken.
    let repaired = TierPolicy::monotone_draft().document().clone();
    let next: PolicySummary =
        firm.admin.post("/api/tier-policies", json!({ "name": "Next", "policy": repaired })).await.json();
    let detail: PolicyDetail = firm.viewer.get(&format!("/api/tier-policies/{}", next.id)).await.json();
    assert_eq!(detail.assertions, published.assertions);
    let mut request = preview_against(&firm.viewer, &policy("70"), &repaired).await;
    request["expected_revision"] = json!(2);
    request["override_note"] = json!("just in case");
    let problem = publish(&firm.admin, &next.id, &request).await.refused(422, "invalid");
    assert_eq!(problem.field.as_deref(), Some("override_note"));
    request["override_note"] = Value::Null;
    publish(&firm.admin, &next.id, &request).await.ok();
}

#[tokio::test]
async fn a_note_overrules_what_it_was_written_about_and_nothing_else() {
    let app = TestApp::new().await;
    let firm = firm(&app).await;
    let asserted = json!({
        "laws": ["monotone_in_balance"],
        "guardrails": [{ "kind": "tier_at_most", "tier": 3, "count": 0 }],
    });
    let new = json!({ "name": "Draft", "policy": policy("70"), "assertions": asserted });
    let draft: PolicySummary = firm.admin.post("/api/tier-policies", new).await.json();
    let mut request = preview(&firm.viewer, &policy("70")).await;
    request["override_note"] = json!("the cliff is mended next week");
    // Written before the guardrail failed, or about nothing that anybody named.
    for (overruled, broken) in [
        (json!(["laws[0]"]), &["Tier 3 has at most 0 judgments"][..]),
        (json!([]), &["Tier 3 has at most 0 judgments", "More balance never lowers the tier"]),
        (json!(["laws[1]", "guardrails[0]"]), &["More balance never lowers the tier"]),
    ] {
        request["overruled"] = overruled;
        for later in [Value::Null, json!(chrono::Utc::now() + chrono::TimeDelta::days(3))] {
            request["effective_at"] = later;
            let problem = publish(&firm.admin, &draft.id, &request).await.refused(409, "assertions_failed");
            assert_eq!(problem.assertions.len(), 2);
            let detail = problem.detail.unwrap();
            for words in ["Tier 3 has at most 0 judgments", "More balance never lowers the tier"] {
                assert_eq!(detail.contains(words), broken.contains(&words), "{detail}");
            }
        }
    }
    assert_revision_1(&app, &firm).await;
    request["overruled"] = json!(["guardrails[0]", "laws[0]"]);
    request["effective_at"] = json!(chrono::Utc::now() + chrono::TimeDelta::days(3));
    publish(&firm.admin, &draft.id, &request).await.ok();
    let path = format!("/api/tier-policies/{}", draft.id);
    let scheduled = firm.viewer.get(&path).await.json::<PolicyDetail>().summary;
    assert_eq!((scheduled.state, scheduled.overruled.len()), (PolicyState::Scheduled, 2));
    let called_back: PolicySummary = firm.admin.delete(&format!("{path}/schedule")).await.json();
    assert!(called_back.override_note.is_none() && called_back.overruled.is_empty());
}

#[tokio::test]
async fn assertions_that_cannot_be_checked_are_refused_with_their_field() {
    let app = TestApp::new().await;
    let admin = app.firm("firm").await.admin;
    for (assertions, field) in [
        (
            json!({ "guardrails": [{ "kind": "moved_at_most", "percent": "101" }] }),
            "assertions.guardrails[0].percent",
        ),
        (json!({ "laws": ["monotone_in_score", "monotone_in_score"] }), "assertions.laws"),
        (json!({ "examples": [{ "name": "", "tier": 1 }] }), "assertions.examples[0].name"),
    ] {
        let new = json!({ "name": "Draft", "policy": policy("80"), "assertions": assertions });
        let problem = admin.post("/api/tier-policies", new).await.refused(422, "invalid");
        assert_eq!(problem.field.as_deref(), Some(field));
    }
    let draft = draft(&admin, "80").await;
    let save = json!({ "name": "Draft", "policy": policy("80"), "expected_version": 1, "assertions": { "laws": ["any"] } });
    let problem = admin.put(&format!("/api/tier-policies/{}", draft.id), save).await.refused(422, "invalid");
    assert_eq!(problem.field.as_deref(), Some("assertions.laws[0]"));
}

#[tokio::test]
async fn a_revision_is_restored_as_a_draft_with_its_assertions() {
    let app = TestApp::new().await;
    let (firm, theirs) = (firm(&app).await, app.firm("theirs").await);
    let new =
        json!({ "name": "Draft", "policy": policy("70"), "assertions": { "laws": ["monotone_in_score"] } });
    let first: PolicySummary = firm.admin.post("/api/tier-policies", new).await.json();
    publish(&firm.admin, &first.id, &preview(&firm.viewer, &policy("70")).await).await.ok();
    let next: PolicySummary = firm
        .admin
        .post("/api/tier-policies", json!({ "name": "Next", "policy": policy("75"), "assertions": {} }))
        .await
        .json();
    let mut request = preview_against(&firm.viewer, &policy("70"), &policy("75")).await;
    request["expected_revision"] = json!(2);
    publish(&firm.admin, &next.id, &request).await.ok();

    let path = format!("/api/tier-policies/{}/restore", first.id);
    let second = app.person(firm.id, "second@firm.example", contract::Role::Admin).await;
    let restored: PolicySummary = second.post(&path, json!({ "name": " As it was " })).await.json();
    assert_eq!(
        (restored.name.as_str(), restored.state, restored.based_on),
        ("As it was", PolicyState::Draft, Some(2))
    );
    assert_eq!((restored.author.as_str(), &restored.digest), ("second@firm.example", &first.digest));
    let detail: PolicyDetail = firm.viewer.get(&format!("/api/tier-policies/{}", restored.id)).await.json();
    assert_eq!(detail.policy, policy("70"));
    assert_eq!(json!(detail.assertions)["laws"], json!(["monotone_in_score"]));

    // A copy of a draft is based on what the draft is based on.
    let copied: PolicySummary = firm
        .admin
        .post(&format!("/api/tier-policies/{}/restore", restored.id), json!({ "name": "Copy" }))
        .await
        .json();
    assert_eq!(copied.based_on, Some(2));
    let problem = firm.admin.post(&path, json!({ "name": " " })).await.refused(422, "invalid");
    assert_eq!(problem.field.as_deref(), Some("name"));
    theirs.admin.post(&path, json!({ "name": "Mine" })).await.refused(404, "not_found");
}
