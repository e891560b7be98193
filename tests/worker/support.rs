//! A firm with judgments, and what tests ask about them.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use db::queue::Message;
use db::testing::TestDatabase;
use db::{Actor, Database, organisations};
use policy::tier::{JudgmentFacts, TierPolicy};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;
use worker::{Options, Worker};

pub(crate) const KIND: &str = "tier_assignment";
/// Long enough for a loaded machine, and multiplied by [`soak`]; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many times as much `cargo xtask soak` asks for; 1 in a test
pub(crate) fn soak() -> u32 {
    std::env::var("DRAGONFLY_SOAK").map_or(1, |factor| factor.parse().unwrap())
}

/// The program under test, which is built beside the tests
pub(crate) fn program() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.ancestors().nth(2).unwrap().join("dragonfly")
}

/// A database with one organisation under revision 1
pub(crate) struct Firm {
    pub(crate) database: TestDatabase,
    pub(crate) db: Database,
    pub(crate) org_id: Uuid,
    plaintiff_id: Uuid,
}

impl Firm {
    pub(crate) async fn new() -> Self {
        Self::on(TestDatabase::new().await).await
    }

    pub(crate) async fn on(database: TestDatabase) -> Self {
        let db = database.database();
        let (org_id, plaintiff_id) = found(&database, "firm").await;
        Self { database, db, org_id, plaintiff_id }
    }

    /// A second organisation in the same database, with one judgment
    pub(crate) async fn neighbour(&self) -> (Uuid, Uuid) {
        let (org_id, plaintiff_id) = found(&self.database, "neighbour").await;
        (org_id, insert(self.owner(), org_id, plaintiff_id, &[some_facts()]).await[0])
    }

    pub(crate) fn owner(&self) -> &PgPool {
        self.database.owner()
    }

    pub(crate) fn worker(&self) -> Worker {
        Worker::new(self.db.clone(), options())
    }

    pub(crate) async fn begin(&self) -> db::Transaction {
        self.db.begin_as(&Actor::service(self.org_id)).await.unwrap()
    }

    /// Adds judgments that nothing queues; answers their ids in the order of their facts
    pub(crate) async fn add(&self, facts: &[JudgmentFacts]) -> Vec<Uuid> {
        insert(self.owner(), self.org_id, self.plaintiff_id, facts).await
    }

    /// Adds one judgment that nothing queues
    pub(crate) async fn add_one(&self) -> Uuid {
        self.add(&[some_facts()]).await[0]
    }

    pub(crate) async fn execute(&self, sql: &str) -> u64 {
        sqlx::raw_sql(sql).execute(self.owner()).await.unwrap().rows_affected()
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(self.owner()).await.unwrap()
    }

    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        sqlx::query_scalar(sql).fetch_all(self.owner()).await.unwrap()
    }

    /// Enqueues a tier assignment by `queue_job`
    pub(crate) async fn queue(&self, judgment_id: Uuid, key: &str) -> i64 {
        self.queue_payload(json!({ "judgment_id": judgment_id }), key).await
    }

    pub(crate) async fn queue_payload(&self, payload: Value, key: &str) -> i64 {
        let mut tx = self.begin().await;
        let job = json!({ "kind": KIND, "idempotency_key": key, "payload": payload });
        let msg_id =
            sqlx::query_scalar("select public.queue_job($1)").bind(job).fetch_one(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        msg_id
    }

    pub(crate) async fn queue_stale(&self) -> i64 {
        let mut tx = self.begin().await;
        let enqueued = db::queue::enqueue_stale_judgments(&mut tx, self.org_id).await.unwrap();
        tx.commit().await.unwrap();
        enqueued
    }

    /// Sends a message past `queue_job`
    pub(crate) async fn send(&self, message: Value) -> i64 {
        sqlx::query_scalar("select pgmq.send($1, $2)")
            .bind(KIND)
            .bind(message)
            .fetch_one(self.owner())
            .await
            .unwrap()
    }

    /// Lets every visibility timeout run out
    pub(crate) async fn show_all(&self) {
        self.execute("update pgmq.q_tier_assignment set vt = clock_timestamp()").await;
    }

    pub(crate) async fn depth(&self) -> i64 {
        self.number("select count(*) from pgmq.q_tier_assignment").await
    }

    /// Reads everything that can be read, as a worker does before it dies
    pub(crate) async fn read_all(&self) -> Vec<Message> {
        db::queue::read(&self.db, KIND, 1000).await.unwrap().messages
    }

    /// Messages of dead letters with their reasons, in order
    pub(crate) async fn dead(&self) -> Vec<(i64, String)> {
        sqlx::query_as(
            "select msg_id, reason from public.queue_dead_letters where state = 'dead' order by msg_id",
        )
        .fetch_all(self.owner())
        .await
        .unwrap()
    }

    /// Publishes a policy as an admin would, without a preview; its refresh is begun, not run
    pub(crate) async fn publish(&self, policy: &TierPolicy) {
        let tx = self.begin_publish(policy).await;
        tx.commit().await.unwrap();
    }

    /// The same, up to the commit
    pub(crate) async fn begin_publish(&self, policy: &TierPolicy) -> db::Transaction {
        let mut tx = self.begin().await;
        let id: Uuid = sqlx::query_scalar(
            "insert into public.tier_policies (org_id, name, document, digest) values ($1, 'Draft', $2, $3) returning id",
        )
        .bind(self.org_id)
        .bind(serde_json::to_value(policy.document()).unwrap())
        .bind(policy.digest().as_str())
        .fetch_one(&mut *tx)
        .await
        .unwrap();
        let compiled = policy.to_postgres();
        sqlx::query(
            "select public.publish_tier_policy($1, 1, p.revision, 'a test', $2, $3, $4, null, pg_current_snapshot())
               from public.tier_policies p where p.org_id = $5 and p.state = 'published'",
        )
        .bind(id)
        .bind(compiled.tier)
        .bind(compiled.decided_by)
        .bind(compiled.reason)
        .bind(self.org_id)
        .execute(&mut *tx)
        .await
        .unwrap();
        tx
    }

    /// Every judgment must have what the policy says of its facts
    pub(crate) async fn assert_tiered_by(&self, policy: &TierPolicy, ids: &[Uuid], facts: &[JudgmentFacts]) {
        type Row = (Uuid, Option<i16>, Option<String>, Option<String>, Option<String>);
        let rows: Vec<Row> = sqlx::query_as(
            "select j.id, j.tier, j.tier_reason, j.tier_decided_by, j.tier_policy_digest
               from unnest($1::uuid[]) with ordinality o (id, n) join public.core_judgments j using (id) order by o.n",
        )
        .bind(ids)
        .fetch_all(self.owner())
        .await
        .unwrap();
        assert_eq!(rows.len(), facts.len());
        let digest = policy.digest();
        for (row, facts) in rows.into_iter().zip(facts) {
            let outcome = policy.evaluate(facts);
            let expected = (
                row.0,
                Some(i16::from(outcome.tier.number())),
                Some(outcome.reason),
                outcome.decided_by.map(|place| format!("{}/{}", place.rule, place.arm)),
                Some(digest.to_string()),
            );
            assert_eq!(row, expected, "{facts:?}");
        }
    }

    /// Waits until so many backends wait for a lock, but for that of the database which whoever notifies has for a moment
    pub(crate) async fn until_waiting(&self, backends: i64) {
        let waiting = "select count(*) from pg_stat_activity
            where wait_event_type = 'Lock' and wait_event <> 'object' and datname = current_database()";
        until(async || self.number(waiting).await >= backends).await;
    }
}

/// Waits until a condition of the database holds; asking is waiting enough
pub(crate) async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let held = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE * soak(), held).await.expect("it comes to pass");
}

/// Small batches, so that there are many
pub(crate) fn options() -> Options {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("w{}", NEXT.fetch_add(1, Ordering::Relaxed));
    // Whatever a test waits for, it is not the poll.
    Options { batch_max: 50, poll_interval: Duration::from_secs(3600), ..Options::new(name) }
}

pub(crate) fn some_facts() -> JudgmentFacts {
    facts("65", "25000.00", 3)
}

pub(crate) fn facts(score: &str, balance: &str, signals: u8) -> JudgmentFacts {
    JudgmentFacts {
        score: Some(score.parse().unwrap()),
        balance: Some(balance.parse().unwrap()),
        signals: policy::tier::AssetSignals::from_bits(signals),
    }
}

async fn found(database: &TestDatabase, slug: &str) -> (Uuid, Uuid) {
    let org_id = organisations::create_organisation(&database.database(), slug, slug, "America/New_York")
        .await
        .unwrap();
    let plaintiff_id = sqlx::query_scalar(
        "insert into public.plaintiffs (org_id, name) values ($1, 'Plaintiff') returning id",
    )
    .bind(org_id)
    .fetch_one(database.owner())
    .await
    .unwrap();
    (org_id, plaintiff_id)
}

async fn insert(owner: &PgPool, org_id: Uuid, plaintiff_id: Uuid, facts: &[JudgmentFacts]) -> Vec<Uuid> {
    let mut tx = owner.begin().await.unwrap();
    sqlx::query("select set_config('dragonfly.refresh_follows', 'on', true)")
        .execute(&mut *tx)
        .await
        .unwrap();
    let ids: Vec<Uuid> = facts.iter().map(|_| Uuid::new_v4()).collect();
    sqlx::query(
        "insert into public.core_judgments
           (id, org_id, plaintiff_id, case_number, judgment_amount, collectability_score, balance_due, asset_signals)
         select f.id, $1, $2, f.id::text, 1000, f.score, f.balance, f.signals
           from unnest($3::uuid[], $4::numeric[], $5::numeric[], $6::smallint[]) with ordinality f (id, score, balance, signals, n)
          order by f.n",
    )
    .bind(org_id)
    .bind(plaintiff_id)
    .bind(&ids)
    .bind(facts.iter().map(|facts| facts.score.map(|score| score.to_decimal())).collect::<Vec<Option<Decimal>>>())
    .bind(facts.iter().map(|facts| facts.balance.map(|balance| balance.to_decimal())).collect::<Vec<Option<Decimal>>>())
    .bind(facts.iter().map(|facts| i16::from(facts.signals.bits())).collect::<Vec<_>>())
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    ids
}
