//! Past days: replayed under a policy, and as a snapshot to preview on.

use contract::{ReplayReport, SnapshotMeta};
use policy::portfolio::Portfolio;
use policy::tier::{Tier, TierPolicy};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::policies::{draft, policy};
use crate::portfolio::snapshot_of;
use crate::support::{Client, Firm, Judgment, TestApp};

const REPLAY: &str = "/api/tier-policies/replay";

/// A judgment of the case number with facts from instants of the past on: score, balance, status
async fn past(app: &TestApp, firm: &Firm, case_number: &str, facts: &[(&str, &str, &str, &str)]) -> Uuid {
    let id = firm.add(app, Judgment { case_number, ..Default::default() }).await;
    for (valid_from, score, balance, status) in facts {
        sqlx::query(
            "insert into public.judgment_facts (org_id, judgment_id, valid_from, collectability_score, balance_due, asset_signals, status)
             values ($1, $2, $3::text::timestamptz, nullif($4, '')::numeric, $5::text::numeric, 0, $6)",
        )
        .bind(firm.id)
        .bind(id)
        .bind(valid_from)
        .bind(score)
        .bind(balance)
        .bind(status)
        .execute(app.owner())
        .await
        .unwrap();
    }
    id
}

/// New York changes its clocks on 9 March 2025: until then its days end at 05:00 UTC, from then on at 04:00
async fn march(app: &TestApp) -> Firm {
    let firm = app.firm("firm").await;
    past(
        app,
        &firm,
        "CV-1",
        &[
            ("2025-03-01T12:00:00Z", "65", "100.00", "unsatisfied"),
            ("2025-03-08T12:00:00Z", "20", "100.00", "unsatisfied"),
            // The last second of the 8th, and the first of the 9th.
            ("2025-03-09T04:59:59Z", "85", "90.50", "in_progress"),
            ("2025-03-09T05:00:00Z", "70", "90.50", "in_progress"),
            // The last second of the 9th, which has 23 hours.
            ("2025-03-10T03:59:59Z", "90", "80.00", "in_progress"),
        ],
    )
    .await;
    past(
        app,
        &firm,
        "CV-2",
        &[
            ("2025-03-08T20:00:00Z", "", "6000.00", "unsatisfied"),
            ("2025-03-10T04:00:00Z", "", "6000.00", "satisfied"),
        ],
    )
    .await;
    firm
}

async fn replayed(client: &Client, from: &str, to: &str, policy: &Value) -> ReplayReport {
    client.post(REPLAY, json!({ "from": from, "to": to, "policy": policy })).await.json()
}

#[tokio::test]
async fn each_day_is_taken_as_it_ended_on_the_wall_of_the_organisation() {
    let app = TestApp::new().await;
    let firm = march(&app).await;
    let report = replayed(&firm.viewer, "2025-03-07", "2025-03-10", &json!(policy("80"))).await;
    assert_eq!(report.policy_digest, TierPolicy::revision_1().digest().as_str());
    let days: Vec<_> = report
        .days
        .iter()
        .map(|day| (day.date.as_str(), day.counts, day.balance.join(" "), day.tier_changes))
        .collect();
    assert_eq!(
        days,
        [
            ("2025-03-07", [0, 0, 1, 0], "0.00 0.00 100.00 0.00".to_owned(), 0),
            ("2025-03-08", [0, 1, 0, 1], "0.00 6000.00 0.00 90.50".to_owned(), 1),
            ("2025-03-09", [0, 1, 0, 1], "0.00 6000.00 0.00 80.00".to_owned(), 0),
            ("2025-03-10", [0, 0, 0, 1], "0.00 0.00 0.00 80.00".to_owned(), 0),
        ]
    );
    let flips: Vec<_> = report.flips.iter().map(|flips| (flips.flips, flips.judgments)).collect();
    assert_eq!(flips, [(0, 1), (1, 1)]);
    let [flipped] = &report.most_flipped[..] else { panic!("{report:?}") };
    assert_eq!(
        (flipped.judgment.case_number.as_str(), flipped.flips, flipped.first_tier, flipped.last_tier),
        ("CV-1", 1, Tier::ActiveEnforcement, Tier::StrategicPriority)
    );
}

#[tokio::test]
async fn any_stored_policy_can_be_replayed_and_days_before_all_facts_are_empty() {
    let app = TestApp::new().await;
    let firm = march(&app).await;
    // Under it 85 is not yet tier 3, and 90 is.
    let draft = draft(&firm.admin, "90").await;
    let report: ReplayReport = firm
        .viewer
        .post(REPLAY, json!({ "from": "2025-02-28", "to": "2025-03-09", "policy_id": draft.id }))
        .await
        .json();
    assert_eq!(report.policy_digest, draft.digest);
    assert_eq!(report.days.len(), 10);
    assert_eq!((report.days[0].counts, report.days[1].counts), ([0; 4], [0, 0, 1, 0]));
    assert_eq!(
        report.days.iter().map(|day| day.tier_changes).collect::<Vec<_>>(),
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    );
    let today = replayed(&firm.viewer, "2025-03-10", "2025-03-11", &json!(policy("80"))).await;
    assert_eq!(today.flips.len(), 1);
}

#[tokio::test]
async fn days_that_cannot_be_replayed_are_refused_with_their_field() {
    let app = TestApp::new().await;
    let (firm, theirs) = (app.firm("firm").await, app.firm("theirs").await);
    let document = json!(policy("80"));
    for (from, to, field) in [
        ("yesterday", "2025-03-01", "from"),
        ("2025-03-01", "2025-02-30", "to"),
        ("2025-03-02", "2025-03-01", "to"),
        ("2024-03-01", "2025-03-02", "to"),
        ("2999-03-01", "2999-03-01", "to"),
    ] {
        let problem = firm
            .viewer
            .post(REPLAY, json!({ "from": from, "to": to, "policy": document }))
            .await
            .refused(422, "invalid");
        assert_eq!(problem.field.as_deref(), Some(field), "{from} {to}");
    }
    let of = |policy_id: Value, policy: Value| json!({ "from": "2025-03-01", "to": "2025-03-02", "policy_id": policy_id, "policy": policy });
    let id = draft(&firm.admin, "70").await.id;
    firm.viewer.post(REPLAY, of(json!(id), document.clone())).await.refused(422, "invalid");
    firm.viewer.post(REPLAY, of(Value::Null, Value::Null)).await.refused(422, "invalid");
    theirs.viewer.post(REPLAY, of(json!(id), Value::Null)).await.refused(404, "not_found");
    firm.viewer.post(REPLAY, of(json!("x"), Value::Null)).await.refused(404, "not_found");
    let mut out_of_order = document;
    out_of_order["limits"]["score_2"] = json!("90");
    let problem = firm.viewer.post(REPLAY, of(Value::Null, out_of_order)).await.refused(422, "invalid");
    assert_eq!(problem.field.as_deref(), Some("rules[1].any[0].score_below"));
}

#[tokio::test]
async fn a_snapshot_of_a_past_day_holds_what_was_known_when_it_ended() {
    let app = TestApp::new().await;
    let firm = march(&app).await;
    app.execute(
        "insert into public.tier_assignments (org_id, judgment_id, assigned_at, new_tier, reason, policy_revision, policy_digest, source)
         select org_id, id, t.at, t.tier, 'r', 1, 'd', 'job' from public.core_judgments,
                (values (timestamptz '2025-03-08T12:00:00Z', 1), ('2025-03-09T05:00:00Z', 2)) t (at, tier)
          where case_number = 'CV-1' order by t.at",
    )
    .await;
    let of = async |day: &str| -> (SnapshotMeta, Portfolio) {
        snapshot_of(&firm.viewer, &format!("/api/portfolio/snapshot?as_of={day}")).await
    };
    let (meta, portfolio) = of("2025-03-08").await;
    assert_eq!(
        (meta.as_of.as_deref(), meta.taken_at.as_str()),
        (Some("2025-03-08"), "2025-03-09T05:00:00.000Z")
    );
    assert_eq!(meta.digest, portfolio.digest());
    let rows: Vec<_> = (0..portfolio.len())
        .map(|row| {
            let facts = portfolio.facts(row).unwrap();
            (
                facts.score.map(|score| score.hundredths()),
                facts.balance.unwrap().cents(),
                portfolio.stored_tier(row),
            )
        })
        .collect();
    assert_eq!(rows, [(Some(8_500), 9_050, Some(Tier::WarmProspects)), (None, 600_000, None)]);
    let (_, portfolio) = of("2025-03-10").await;
    assert_eq!((portfolio.len(), portfolio.stored_tier(0)), (1, Some(Tier::ActiveEnforcement)));
    assert_eq!(of("2025-02-28").await.1.len(), 0);

    for day in ["2999-01-01", "2025-02-30", "yesterday", ""] {
        let path = format!("/api/portfolio/snapshot?as_of={day}");
        let problem = firm.viewer.get(&path).await.refused(422, "invalid");
        assert_eq!(problem.field.as_deref(), Some("as_of"), "{day}");
    }
}
