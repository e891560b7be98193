//! A policy that runs beside the published one: seen by every assignment and every refresh, and of no effect.

use chrono::{DateTime, Utc};
use contract::ShadowDetail;
use db::{Actor, DbRole, policies, shadows};
use policy::portfolio::{MigrationMatrix, TierMigration};
use policy::sample;
use policy::tier::{JudgmentFacts, TierPolicy};
use uuid::Uuid;
use worker::refresh;

use crate::support::Firm;

fn at(instant: &str) -> DateTime<Utc> {
    instant.parse().unwrap()
}

fn shadowing() -> TierPolicy {
    TierPolicy::try_from(sample::policy_document(11)).unwrap()
}

async fn as_admin(firm: &Firm) -> db::Transaction {
    firm.db.begin_as(&Actor { role: DbRole::Admin, ..Actor::service(firm.org_id) }).await.unwrap()
}

async fn start(firm: &Firm, days: u32) -> Uuid {
    let mut tx = as_admin(firm).await;
    let policy_id = policies::create_draft(&mut tx, "Shadow", &shadowing(), None).await.unwrap();
    let id = shadows::start(&mut tx, policy_id, days).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn find(firm: &Firm, id: Uuid) -> ShadowDetail {
    let mut tx = firm.begin().await;
    shadows::find(&mut tx, id).await.unwrap().unwrap()
}

async fn refresh(firm: &Firm) {
    assert_eq!(refresh::refresh_now(&firm.db, firm.org_id, |_| {}).await.unwrap().run.drifted, 0);
}

/// What the published policy and the shadow say of the facts as they are
async fn expected(firm: &Firm, published: &TierPolicy) -> MigrationMatrix {
    let mut tx = firm.begin().await;
    let portfolio = db::portfolio::read(&mut tx).await.unwrap();
    TierMigration::between(&published.compile(), &shadowing().compile(), &portfolio).matrix()
}

async fn matrices(firm: &Firm, id: Uuid) -> Vec<(String, MigrationMatrix)> {
    find(firm, id).await.days.into_iter().map(|day| (day.date, day.matrix)).collect()
}

/// A day and a night of a firm: a refresh, changes of facts that the queue tiers, a publish, another refresh
async fn live(firm: &Firm) {
    let facts: Vec<JudgmentFacts> = (0..300).map(sample::facts).collect();
    firm.add(&facts).await;
    refresh(firm).await;
    firm.execute("update public.core_judgments set balance_due = 70000, collectability_score = 81 where judgment_no <= 20").await;
    firm.execute("update public.core_judgments set status = 'vacated' where judgment_no = 21").await;
    firm.worker().drain().await.unwrap();
    firm.publish(&TierPolicy::monotone_draft()).await;
    refresh(firm).await;
}

async fn everything_tiered(firm: &Firm) -> Vec<String> {
    firm.texts(
        "select concat_ws(' ', j.judgment_no, j.tier, j.tier_reason, j.tier_decided_by, j.tier_policy_revision, j.tier_policy_digest,
                (select string_agg(concat_ws(' ', a.old_tier, a.new_tier, a.reason, a.decided_by, a.policy_digest, a.source), ';' order by a.id)
                   from public.tier_assignments a where a.judgment_id = j.id))
           from public.core_judgments j order by j.judgment_no",
    )
    .await
}

#[tokio::test]
async fn a_shadow_changes_no_tier_and_no_history() {
    let (plain, shadowed) = (Firm::new().await, Firm::new().await);
    let id = start(&shadowed, 60).await;
    live(&plain).await;
    live(&shadowed).await;
    assert_eq!(everything_tiered(&shadowed).await, everything_tiered(&plain).await);
    let detail = find(&shadowed, id).await;
    assert_eq!(detail.judgments, 300);
    assert!(detail.differing > 0, "or this shows nothing");
    assert_eq!(plain.number("select count(*) from public.tier_shadow_tiers").await, 0);
    shadowed.execute("delete from public.tier_shadows").await;
    assert_eq!(shadowed.number("select count(*) from public.tier_shadow_tiers").await, 0, "they go with it");
}

#[tokio::test]
async fn each_day_has_every_judgment_by_its_last_time() {
    let firm = Firm::new().await;
    firm.database.set_app_now(at("2025-06-02T15:00:00Z")).await;
    let id = start(&firm, 10).await;
    let facts: Vec<JudgmentFacts> = (0..120).map(sample::facts).collect();
    firm.add(&facts).await;
    let revision_1 = TierPolicy::revision_1();
    refresh(&firm).await;
    let monday = expected(&firm, &revision_1).await;
    assert_eq!(matrices(&firm, id).await, [("2025-06-02".to_owned(), monday)]);

    firm.execute("update public.core_judgments set balance_due = 70000, collectability_score = 81 where judgment_no <= 20").await;
    firm.worker().drain().await.unwrap();
    let monday = expected(&firm, &revision_1).await;
    assert_eq!(
        matrices(&firm, id).await,
        [("2025-06-02".to_owned(), monday.clone())],
        "20 of them for the second time"
    );

    // Midnight in New York has passed.
    firm.database.set_app_now(at("2025-06-03T04:00:00Z")).await;
    firm.publish(&TierPolicy::monotone_draft()).await;
    refresh(&firm).await;
    let tuesday = expected(&firm, &TierPolicy::monotone_draft()).await;
    assert_eq!(
        matrices(&firm, id).await,
        [("2025-06-02".to_owned(), monday), ("2025-06-03".to_owned(), tuesday.clone())]
    );

    let detail = find(&firm, id).await;
    let differing: u32 = (0..4)
        .flat_map(|row| (0..4).map(move |column| (row, column)))
        .filter(|(row, column)| row != column)
        .map(|(row, column)| tuesday.counts[row][column])
        .sum();
    assert_eq!((detail.judgments, detail.differing), (120, u64::from(differing)));
    assert!(detail.differing_most.iter().all(|judgment| judgment.published != judgment.shadow));
    assert_eq!(detail.differing_most.len() as u64, detail.differing.min(50));
}

#[tokio::test]
async fn a_shadow_ends_by_itself() {
    let firm = Firm::new().await;
    firm.database.set_app_now(at("2025-06-02T15:00:00Z")).await;
    let id = start(&firm, 1).await;
    firm.add(&(0..10).map(sample::facts).collect::<Vec<_>>()).await;
    refresh(&firm).await;
    firm.database.set_app_now(at("2025-06-03T15:00:00Z")).await;
    refresh(&firm).await;
    let ended = find(&firm, id).await;
    assert_eq!((ended.days.len(), ended.shadow.is_running), (1, false));
    assert_eq!(ended.shadow.ended_at.as_deref(), Some("2025-06-03T15:00:00.000Z"));
    let next = start(&firm, 60).await;
    refresh(&firm).await;
    assert_eq!(find(&firm, next).await.days.len(), 1);
    assert_eq!(find(&firm, id).await.shadow, ended.shadow);
}

#[tokio::test]
async fn a_shadow_that_cannot_be_read_keeps_nobody_from_tiering() {
    let firm = Firm::new().await;
    let id = start(&firm, 5).await;
    firm.execute("update public.tier_shadows set document = '{}'").await;
    let judgment_id = firm.add_one().await;
    refresh(&firm).await;
    firm.queue(judgment_id, "1").await;
    assert_eq!(firm.worker().drain().await.unwrap(), 1);
    assert_eq!(firm.number("select count(*) from public.core_judgments where tier is not null").await, 1);
    assert_eq!(
        firm.number(&format!("select count(*) from public.tier_shadow_days where shadow_id = '{id}'")).await,
        0
    );
}
