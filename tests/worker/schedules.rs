//! Policies that wait for their time: published once, by whatever worker, or stopped with the reason.

use chrono::{DateTime, Utc};
use contract::{PolicyState, PolicySummary, RefreshState};
use db::schedules::{self, Schedule};
use db::{Actor, DbRole, approvals, policies, policy_events, refreshes};
use policy::portfolio::TierMigration;
use policy::receipt::Receipt;
use policy::sample;
use policy::tier::{JudgmentFacts, TierPolicy};
use serde_json::json;
use uuid::Uuid;
use worker::{refresh, schedule};

use crate::support::Firm;

const EVE: &str = "2025-06-01T12:00:00Z";
const DUE: &str = "2025-06-02T12:00:00Z";
/// No policy was published
const NONE: [Uuid; 0] = [];

fn at(instant: &str) -> DateTime<Utc> {
    instant.parse().unwrap()
}

/// A firm on the eve of a schedule, its judgments, and what waits
struct Eve {
    firm: Firm,
    ids: Vec<Uuid>,
    facts: Vec<JudgmentFacts>,
    policy: TierPolicy,
    policy_id: Uuid,
}

impl Eve {
    async fn new() -> Self {
        Self::with(&json!({})).await
    }

    async fn with(assertions: &serde_json::Value) -> Self {
        Self::noted(assertions, None, &[]).await
    }

    /// Scheduled with a note that overrules the assertions at these places
    async fn noted(assertions: &serde_json::Value, override_note: Option<&str>, overruled: &[&str]) -> Self {
        let firm = Firm::new().await;
        firm.database.set_app_now(at(EVE)).await;
        let facts: Vec<JudgmentFacts> = (0..200).map(sample::facts).collect();
        let ids = firm.add(&facts).await;
        let policy = TierPolicy::monotone_draft();
        let assertions = serde_json::from_value(assertions.clone()).unwrap();
        let mut tx =
            firm.db.begin_as(&Actor { role: DbRole::Admin, ..Actor::service(firm.org_id) }).await.unwrap();
        let policy_id = policies::create_draft(&mut tx, "Draft", &policy, Some(&assertions)).await.unwrap();
        let portfolio = db::portfolio::read(&mut tx).await.unwrap();
        let matrix =
            TierMigration::between(&TierPolicy::revision_1().compile(), &policy.compile(), &portfolio)
                .matrix();
        let schedule = Schedule {
            expected_version: 1,
            expected_revision: 1,
            note: "from Monday on",
            override_note,
            receipt: &Receipt::of(&policy, &portfolio, &matrix),
            effective_at: DUE.parse().unwrap(),
        };
        schedules::schedule(&mut tx, policy_id, schedule).await.unwrap();
        policies::keep_overruled(&mut tx, policy_id, overruled).await.unwrap();
        tx.commit().await.unwrap();
        Self { firm, ids, facts, policy, policy_id }
    }

    async fn on_the_day(&self) -> Vec<Uuid> {
        self.firm.database.set_app_now(at(DUE)).await;
        schedule::run_due(&self.firm.db).await.unwrap()
    }

    async fn summary(&self) -> PolicySummary {
        let mut tx = self.firm.begin().await;
        policies::find(&mut tx, self.policy_id).await.unwrap().unwrap().summary
    }

    /// What was done to the policy since it was scheduled, with the reasons
    async fn events(&self) -> Vec<(String, Option<String>)> {
        let mut tx = self.firm.begin().await;
        let mut events = policy_events::list(&mut tx, Some(self.policy_id)).await.unwrap();
        events.reverse();
        events.into_iter().skip(2).map(|event| (event.kind, event.note)).collect()
    }

    async fn assert_stopped(&self, reason: &str) {
        assert_eq!(self.on_the_day().await, NONE);
        let summary = self.summary().await;
        assert_eq!(summary.state, PolicyState::Scheduled);
        assert_eq!(summary.schedule.unwrap().error.as_deref(), Some(reason));
        assert_eq!(self.events().await, [("schedule_failed".to_owned(), Some(reason.to_owned()))]);
        assert_eq!(schedule::run_due(&self.firm.db).await.unwrap(), NONE, "it waits for an admin");
        assert_eq!(self.events().await.len(), 1);

        let mut tx = self
            .firm
            .db
            .begin_as(&Actor { role: DbRole::Admin, ..Actor::service(self.firm.org_id) })
            .await
            .unwrap();
        schedules::cancel(&mut tx, self.policy_id).await.unwrap();
        tx.commit().await.unwrap();
        let summary = self.summary().await;
        assert_eq!((summary.state, summary.schedule), (PolicyState::Draft, None));
    }
}

#[tokio::test]
async fn a_policy_is_published_when_its_time_has_come_and_once() {
    let eve = Eve::new().await;
    assert_eq!(schedule::run_due(&eve.firm.db).await.unwrap(), NONE, "not before");
    assert_eq!(eve.summary().await.state, PolicyState::Scheduled);
    eve.firm.database.set_app_now(at(DUE)).await;
    let db = &eve.firm.db;
    let (one, two, three) = tokio::join!(schedule::run_due(db), schedule::run_due(db), schedule::run_due(db));
    let published: Vec<Uuid> = [one, two, three].into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(published, [eve.policy_id]);
    let summary = eve.summary().await;
    assert_eq!((summary.state, summary.revision), (PolicyState::Published, Some(2)));
    assert_eq!(summary.published_at.as_deref(), Some("2025-06-02T12:00:00.000Z"));
    assert_eq!(eve.events().await, [("published".to_owned(), Some("from Monday on".to_owned()))]);

    let (_stopper, stop) = worker::stop_channel();
    refresh::run_pending(db, &stop).await.unwrap();
    let mut tx = eve.firm.begin().await;
    let run = refreshes::newest(&mut tx).await.unwrap().unwrap().run;
    assert_eq!((run.state, run.done, run.facts_moved, run.drifted), (RefreshState::Done, 200, 0, 0));
    assert_eq!(run.actual, run.previewed, "counted when it was published, not when it was scheduled");
    let witnesses = policies::find(&mut tx, eve.policy_id).await.unwrap().unwrap().witnesses;
    assert!(!witnesses.is_empty(), "kept with what is published by itself too");
    eve.firm.assert_tiered_by(&eve.policy, &eve.ids, &eve.facts).await;
}

#[tokio::test]
async fn a_worker_that_dies_while_it_publishes_leaves_it_to_the_next() {
    let eve = Eve::new().await;
    eve.firm.database.set_app_now(at(DUE)).await;
    let mut tx = eve.firm.begin().await;
    let due = schedules::lock_due(&mut tx, eve.firm.org_id, eve.policy_id).await.unwrap().unwrap();
    assert_eq!(schedule::run_due(&eve.firm.db).await.unwrap(), NONE, "another has it");
    let counted = policy::portfolio::MigrationMatrix::empty();
    let revision =
        schedules::publish(&mut tx, eve.policy_id, due.policy.to_postgres(), &counted, &due.snapshot)
            .await
            .unwrap();
    assert_eq!(revision, 2);
    tx.rollback().await.unwrap();
    assert_eq!(eve.summary().await.state, PolicyState::Scheduled);
    assert_eq!(eve.firm.number("select count(*) from public.tier_refreshes").await, 0);
    assert_eq!(schedule::run_due(&eve.firm.db).await.unwrap(), [eve.policy_id]);
}

#[tokio::test]
async fn assertions_are_checked_again_on_the_day() {
    let eve =
        Eve::with(&json!({ "guardrails": [{ "kind": "tier_at_most", "tier": 3, "count": 200 }] })).await;
    let more: Vec<JudgmentFacts> = vec![crate::support::facts("90", "100.00", 0); 201];
    eve.firm.add(&more).await;
    let count = eve.facts.iter().chain(&more).filter(|facts| eve.policy.tier_of(facts).number() == 3).count();
    eve.assert_stopped(&format!(
        "it breaks assertions that it carries: Tier 3 has at most 200 judgments: It has {count}"
    ))
    .await;
}

#[tokio::test]
async fn a_note_overrules_on_the_day_what_failed_when_it_was_written() {
    let assertions = json!({
        "guardrails": [
            { "kind": "tier_at_most", "tier": 2, "count": 0 },
            { "kind": "tier_at_most", "tier": 3, "count": 200 },
        ],
    });
    let note = Some("tier 2 is worked by another firm");
    let eve = Eve::noted(&assertions, note, &["guardrails[0]"]).await;
    assert_eq!(eve.on_the_day().await, [eve.policy_id]);
    assert_eq!(eve.summary().await.overruled, ["guardrails[0]"]);

    let eve = Eve::noted(&assertions, note, &["guardrails[0]"]).await;
    let more: Vec<JudgmentFacts> = vec![crate::support::facts("90", "100.00", 0); 201];
    eve.firm.add(&more).await;
    let count = eve.facts.iter().chain(&more).filter(|facts| eve.policy.tier_of(facts).number() == 3).count();
    eve.assert_stopped(&format!(
        "it breaks assertions that its note does not overrule: Tier 3 has at most 200 judgments: It has {count}"
    ))
    .await;
}

#[tokio::test]
async fn a_policy_does_not_follow_a_revision_that_it_was_not_previewed_against() {
    let eve = Eve::new().await;
    eve.firm.publish(&TierPolicy::try_from(sample::policy_document(7)).unwrap()).await;
    eve.assert_stopped("revision 2 was published after this was scheduled over revision 1").await;
}

#[tokio::test]
async fn an_approval_that_is_wanted_meanwhile_is_wanted_on_the_day() {
    let eve = Eve::new().await;
    let mut tx = eve
        .firm
        .db
        .begin_as(&Actor { role: DbRole::Admin, ..Actor::service(eve.firm.org_id) })
        .await
        .unwrap();
    approvals::set_settings(&mut tx, &contract::OrganisationSettings { publish_needs_approval: true })
        .await
        .unwrap();
    tx.commit().await.unwrap();
    eve.assert_stopped("publishing needs the approval of a second person").await;
}

#[tokio::test]
async fn a_document_that_was_changed_while_it_waited_is_not_published() {
    let eve = Eve::new().await;
    eve.firm
        .execute(
            "set session_replication_role = replica;
             update public.tier_policies set document = jsonb_set(document, '{limits,score_3}', '\"81\"') where state = 'scheduled';
             reset session_replication_role",
        )
        .await;
    eve.assert_stopped("its document is not the one that was scheduled").await;
}
