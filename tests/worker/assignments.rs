//! What a tier assignment writes, and that it never outlives the policy and the facts that it was made of.

use db::queue;
use policy::sample;
use policy::tier::{JudgmentFacts, TierPolicy};
use serde_json::json;
use uuid::Uuid;

use crate::support::{Firm, facts, some_facts, until};

#[tokio::test]
async fn the_worker_tiers_as_the_policy_crate_does() {
    let firm = Firm::new().await;
    let policy = TierPolicy::revision_1();
    let mut facts: Vec<JudgmentFacts> = (0..500).map(sample::facts).collect();
    facts.extend(policy.boundary_facts().step_by(17));
    let ids = firm.add(&facts).await;
    firm.execute(
        "insert into public.enforcement_cases (org_id, judgment_id, created_by, closed_at)
         select org_id, id, 'test', case when judgment_no % 3 = 0 then now() end from public.core_judgments",
    )
    .await;
    assert_eq!(firm.queue_stale().await, facts.len() as i64);
    assert_eq!(firm.worker().drain().await.unwrap(), facts.len() as u64);

    firm.assert_tiered_by(&policy, &ids, &facts).await;
    let differing_cases = "select count(*) from public.enforcement_cases c join public.core_judgments j on j.id = c.judgment_id
       where c.closed_at is null
         and (c.tier, c.tier_reason, c.tier_as_of) is distinct from (public.tier_text(j.tier), j.tier_reason, j.tier_as_of)
          or c.closed_at is null and c.collectability_score is distinct from j.collectability_score
          or c.closed_at is null and c.asset_flags is distinct from public.asset_flags(j.asset_signals)
          or c.closed_at is not null and c.tier is not null";
    assert_eq!(firm.number(differing_cases).await, 0);
    let history = "select count(*) from public.tier_assignments a join public.core_judgments j on j.id = a.judgment_id
       where a.old_tier is null and a.source = 'job' and a.policy_revision = 1
         and (a.new_tier, a.reason, a.policy_digest, a.assigned_at) = (j.tier, j.tier_reason, j.tier_policy_digest, j.tier_as_of)
         and a.decided_by is not distinct from j.tier_decided_by";
    assert_eq!(firm.number(history).await, facts.len() as i64);
}

#[tokio::test]
async fn an_assignment_that_changes_nothing_moves_only_its_time() {
    let firm = Firm::new().await;
    let id = firm.add_one().await;
    let assign = async |key: &str| {
        firm.queue(id, key).await;
        firm.worker().drain().await.unwrap();
    };
    assign("first").await;
    firm.execute("update public.core_judgments set tier_as_of = '2025-01-01'").await;
    assign("second").await;
    assert_eq!(
        firm.number("select count(*) from public.core_judgments where tier_as_of > '2025-01-02'").await,
        1
    );
    assert_eq!(firm.number("select count(*) from public.tier_assignments").await, 1);

    firm.execute("update public.core_judgments set collectability_score = 90").await;
    firm.worker().drain().await.unwrap();
    let history = "select concat_ws(' ', coalesce(old_tier::text, 'none'), new_tier, decided_by, reason)
                     from public.tier_assignments order by id";
    assert_eq!(
        firm.texts(history).await,
        ["none 2 t2/0 collectability_score=65 in [60,80)", "2 3 t3/0 collectability_score=90>=80"]
    );
}

#[tokio::test]
async fn a_changed_fact_queues_its_assignment() {
    let firm = Firm::new().await;
    let ids = firm.add(&[some_facts(); 2]).await;
    firm.queue_stale().await;
    firm.worker().drain().await.unwrap();
    firm.execute(&format!(
        "insert into public.debtor_intelligence (judgment_id, org_id, bank_name, vehicle_lead)
         values ('{}', '{}', 'A bank', ' ')",
        ids[0], firm.org_id
    ))
    .await;
    firm.execute(&format!("update public.core_judgments set status = 'vacated' where id = '{}'", ids[1]))
        .await;
    assert_eq!(firm.depth().await, 1, "closed judgments are not tiered");
    firm.worker().drain().await.unwrap();
    firm.assert_tiered_by(&TierPolicy::revision_1(), &ids[..1], &[facts("65", "25000.00", 2)]).await;
}

#[tokio::test]
async fn closed_judgments_are_skipped_and_acknowledged() {
    let firm = Firm::new().await;
    let ids = firm.add(&[some_facts(); 3]).await;
    for (id, status) in ids.iter().zip(["satisfied", "vacated", "expired"]) {
        firm.queue(*id, status).await;
        firm.execute(&format!("update public.core_judgments set status = '{status}' where id = '{id}'"))
            .await;
    }
    assert_eq!(firm.worker().drain().await.unwrap(), 3);
    assert_eq!(firm.number("select count(*) from public.core_judgments where tier is not null").await, 0);
    assert_eq!(firm.number("select count(*) from public.queue_jobs where state = 'done'").await, 3);
    assert_eq!((firm.depth().await, firm.dead().await), (0, vec![]));
}

#[tokio::test]
async fn the_judgment_is_found_in_three_places() {
    let firm = Firm::new().await;
    let ids = firm.add(&[some_facts(); 3]).await;
    firm.send(json!({ "judgment_id": ids[0] })).await;
    firm.send(json!({ "payload": { "judgment_id": ids[1] } })).await;
    firm.send(json!({ "payload": { "payload": { "judgment_id": ids[2] } } })).await;
    assert_eq!(firm.worker().drain().await.unwrap(), 3);
    firm.assert_tiered_by(&TierPolicy::revision_1(), &ids, &[some_facts(); 3]).await;
}

#[tokio::test]
async fn two_messages_about_one_judgment_make_one_assignment() {
    let firm = Firm::new().await;
    let id = firm.add_one().await;
    for key in ["a", "b", "c", "d", "e", "f"] {
        firm.queue(id, key).await;
    }
    assert_eq!(firm.worker().drain().await.unwrap(), 6);
    assert_eq!(firm.number("select count(*) from public.tier_assignments").await, 1);
}

#[tokio::test]
async fn an_assignment_waits_for_a_publish_and_is_made_under_it() {
    let firm = Firm::new().await;
    let ids = firm.add(&[facts("20", "60000.00", 1)]).await;
    firm.queue_stale().await;
    let policy = TierPolicy::monotone_draft();
    let publish = firm.begin_publish(&policy).await;

    let worker = firm.worker();
    let drain = tokio::spawn(async move { worker.drain().await.unwrap() });
    firm.until_waiting(1).await;
    publish.commit().await.unwrap();
    drain.await.unwrap();
    firm.assert_tiered_by(&policy, &ids, &[facts("20", "60000.00", 1)]).await;
    assert_eq!(firm.texts("select policy_revision::text from public.tier_assignments").await, ["2"]);
}

#[tokio::test]
async fn an_assignment_waits_for_facts_in_change_and_is_made_of_the_new_ones() {
    let firm = Firm::new().await;
    let ids = firm.add(&[facts("10", "100.00", 0)]).await;
    firm.queue_stale().await;
    let mut change = firm.begin().await;
    sqlx::query("update public.core_judgments set collectability_score = 85")
        .execute(&mut *change)
        .await
        .unwrap();

    let worker = firm.worker();
    let drain = tokio::spawn(async move { worker.drain().await.unwrap() });
    firm.until_waiting(1).await;
    change.commit().await.unwrap();
    drain.await.unwrap();
    firm.worker().drain().await.unwrap();
    firm.assert_tiered_by(&TierPolicy::revision_1(), &ids, &[facts("85", "100.00", 0)]).await;
    assert_eq!(
        firm.number("select count(*) from public.tier_assignments").await,
        1,
        "none was made of the old ones"
    );
}

#[tokio::test]
async fn a_publish_during_a_drain_ends_with_every_judgment_under_the_new_revision() {
    let firm = Firm::new().await;
    let before = TierPolicy::revision_1();
    let after = TierPolicy::monotone_draft();
    let facts: Vec<JudgmentFacts> = (0..2000).map(sample::facts).collect();
    let ids = firm.add(&facts).await;
    firm.queue_stale().await;

    let (worker, other) = (firm.worker(), firm.worker());
    let drains = tokio::spawn(async move { tokio::join!(worker.drain(), other.drain()) });
    until(async || firm.number("select count(*) from public.tier_assignments").await > 0).await;
    firm.publish(&after).await;
    let under_revision_1 = async || -> Vec<Uuid> {
        let sql = "select id from public.core_judgments where tier_policy_revision = 1 order by judgment_no";
        sqlx::query_scalar(sql).fetch_all(firm.owner()).await.unwrap()
    };
    let early = under_revision_1().await;
    let (one, two) = drains.await.unwrap();
    assert_eq!(one.unwrap() + two.unwrap(), 2000);
    assert_eq!(under_revision_1().await, early, "none is made under the old revision after the publish");
    assert!(!early.is_empty() && early.len() < 2000, "the publish came in the middle: {}", early.len());
    let of_early: Vec<JudgmentFacts> = early
        .iter()
        .filter_map(|id| ids.iter().position(|other| other == id))
        .map(|place| facts[place])
        .collect();
    firm.assert_tiered_by(&before, &early, &of_early).await;

    let (_stopper, stop) = worker::stop_channel();
    worker::refresh::run_pending(&firm.db, &stop).await.unwrap();
    firm.assert_tiered_by(&after, &ids, &facts).await;
}

#[tokio::test]
async fn facts_that_change_during_a_drain_are_never_lost() {
    let firm = Firm::new().await;
    let mut facts: Vec<JudgmentFacts> = (0..600).map(sample::facts).collect();
    let ids = firm.add(&facts).await;
    firm.queue_stale().await;
    let worker = firm.worker();
    let drain = tokio::spawn(async move { worker.drain().await.unwrap() });
    for (place, (facts, id)) in (1_000..).zip(facts.iter_mut().zip(&ids)).step_by(7) {
        let changed = sample::facts(place);
        sqlx::query(
            "update public.core_judgments set collectability_score = $2, balance_due = $3 where id = $1",
        )
        .bind(id)
        .bind(changed.score.map(|score| score.to_decimal()))
        .bind(changed.balance.map(|balance| balance.to_decimal()))
        .execute(firm.owner())
        .await
        .unwrap();
        *facts = JudgmentFacts { signals: facts.signals, ..changed };
    }
    drain.await.unwrap();
    firm.worker().drain().await.unwrap();
    firm.assert_tiered_by(&TierPolicy::revision_1(), &ids, &facts).await;
    let mut tx = firm.begin().await;
    assert_eq!(queue::stats(&mut tx).await.unwrap()[0].depth, 0);
}
