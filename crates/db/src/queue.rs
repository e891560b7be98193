//! The queue: PGMQ's messages, and what is built on them: ledger, attempts, dead letters, pause, heartbeats.
//!
//! A worker reads messages, which hides them for a while and counts the reading, in a transaction of
//! its own; then, in another, it fences those that are still its own, does their work, and finishes,
//! delays or buries them. What it read and did not answer for shows up again by itself.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::{DeadLetter, JobAttempt, LiveEvent, QueueStats};
use serde_json::Value;
use sqlx::postgres::PgListener;
use sqlx::postgres::types::PgInterval;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{Actor, Database, SqlError, Transaction, wire};

/// Somebody enqueued, or paused or resumed a kind
const QUEUE_CHANNEL: &str = "dragonfly_queue";
/// Somebody began a refresh
const REFRESH_CHANNEL: &str = "dragonfly_refresh";
/// Somebody wrote an event of a case
const EVENTS_CHANNEL: &str = "enforcement_events_channel";
const DEAD_LETTERS_MAX: i64 = 500;

/// A message in a worker's hand
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub msg_id: i64,
    /// Counts every reading, this one included: who holds the highest number holds the message.
    pub read_ct: i32,
    /// As it was sent: an object with `payload`, when it came by `queue_job`.
    pub body: Value,
}

impl Message {
    /// The ledger's row that the message names; None for one that came past `queue_job`
    pub fn job_id(&self) -> Option<i64> {
        self.body.get("job_id")?.as_i64()
    }
}

/// What one reading gave
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Oldest first; empty when there is nothing to read or the kind is paused.
    pub messages: Vec<Message>,
    /// A message is tried this often.
    pub attempts_max: i32,
}

/// Reads up to `quantity` messages of `kind`, oldest first, and hides them for the kind's visibility timeout
///
/// Commits before it answers, so that a message that kills its worker is counted all the same.
pub async fn read(db: &Database, kind: &str, quantity: u32) -> Result<Batch, SqlError> {
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    let rows: Vec<(i32, i64, i32, Option<Value>)> = sqlx::query_as(
        "select k.attempts_max, m.msg_id, m.read_ct, m.message
           from public.queue_kinds k, pgmq.read(k.kind, k.visibility_timeout_seconds, $2) m
          where k.kind = $1 and not k.is_paused
          order by m.msg_id",
    )
    .bind(kind)
    .bind(i32::try_from(quantity).unwrap_or(i32::MAX))
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    let attempts_max = rows.first().map_or(0, |(attempts_max, ..)| *attempts_max);
    let messages = rows
        .into_iter()
        .map(|(_, msg_id, read_ct, body)| Message { msg_id, read_ct, body: body.unwrap_or_default() })
        .collect();
    Ok(Batch { messages, attempts_max })
}

/// How long until the next message of `kind` can be read; None while there is none
pub async fn next_visible(db: &Database, kind: &str) -> Result<Option<Duration>, SqlError> {
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    let (wait,): (Option<PgInterval>,) =
        sqlx::query_as("select public.queue_next_visible($1)").bind(kind).fetch_one(&mut *tx).await?;
    Ok(wait.map(|wait| {
        // Differences of two instants come in days and microseconds, and visibility timeouts end within days.
        let micros = wait.microseconds + i64::from(wait.days) * 86_400_000_000;
        Duration::from_micros(micros.try_into().unwrap_or(0))
    }))
}

/// Keeps those of the messages that are still the caller's, and locks them until the transaction ends
///
/// What is left out was read by another worker since, or is finished.
pub async fn fence(tx: &mut Transaction, kind: &str, messages: &[Message]) -> Result<Vec<Message>, SqlError> {
    let (msg_ids, read_cts): (Vec<i64>, Vec<i32>) =
        messages.iter().map(|message| (message.msg_id, message.read_ct)).unzip();
    let held: Vec<(i64,)> = sqlx::query_as("select public.queue_fence($1, $2, $3)")
        .bind(kind)
        .bind(msg_ids)
        .bind(read_cts)
        .fetch_all(&mut **tx)
        .await?;
    let held: HashSet<i64> = held.into_iter().map(|(msg_id,)| msg_id).collect();
    Ok(messages.iter().filter(|message| held.contains(&message.msg_id)).cloned().collect())
}

/// Whether a message that cannot be done now will not be tried again
pub async fn is_last_attempt(tx: &mut Transaction, kind: &str, message: &Message) -> Result<bool, SqlError> {
    let (is_last,) =
        sqlx::query_as("select $2 >= k.attempts_max from public.queue_kinds k where k.kind = $1")
            .bind(kind)
            .bind(message.read_ct)
            .fetch_one(&mut **tx)
            .await?;
    Ok(is_last)
}

/// Archives fenced messages, marks their jobs done and frees their keys
pub async fn finish(tx: &mut Transaction, kind: &str, messages: &[&Message]) -> Result<(), SqlError> {
    if messages.is_empty() {
        return Ok(());
    }
    let (msg_ids, job_ids): (Vec<i64>, Vec<Option<i64>>) =
        messages.iter().map(|message| (message.msg_id, message.job_id())).unzip();
    sqlx::query("select public.queue_finish($1, $2, $3)")
        .bind(kind)
        .bind(msg_ids)
        .bind(job_ids)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Records a failed attempt of a fenced message and hides it for `delay`, or else for its backoff
pub async fn retry_later(
    tx: &mut Transaction,
    kind: &str,
    message: &Message,
    worker: &str,
    error: &str,
    delay: Option<Duration>,
) -> Result<(), SqlError> {
    sqlx::query("select public.queue_retry_later($1, $2, $3, $4, $5, $6)")
        .bind(kind)
        .bind(message.msg_id)
        .bind(message.read_ct)
        .bind(worker)
        .bind(error)
        .bind(delay.map(|delay| i32::try_from(delay.as_secs()).unwrap_or(i32::MAX)))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Moves a fenced message to the dead letters
pub async fn bury(
    tx: &mut Transaction,
    kind: &str,
    message: &Message,
    worker: &str,
    reason: &str,
) -> Result<(), SqlError> {
    sqlx::query("select public.queue_bury($1, $2, $3, $4)")
        .bind(kind)
        .bind(message.msg_id)
        .bind(worker)
        .bind(reason)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// How many failed attempts of a message are recorded
pub async fn count_attempts(tx: &mut Transaction, kind: &str, msg_id: i64) -> Result<i64, SqlError> {
    let (attempts,) =
        sqlx::query_as("select count(*) from public.queue_attempts where kind = $1 and msg_id = $2")
            .bind(kind)
            .bind(msg_id)
            .fetch_one(&mut **tx)
            .await?;
    Ok(attempts)
}

/// Enqueues a tier assignment of one judgment of the caller's organisation; answers the message's id
///
/// A key that is still queued answers the message that holds it.
pub async fn enqueue_tier_assignment(
    tx: &mut Transaction,
    judgment_id: Uuid,
    idempotency_key: &str,
) -> Result<i64, SqlError> {
    let job = serde_json::json!({
        "kind": "tier_assignment", "idempotency_key": idempotency_key, "payload": { "judgment_id": judgment_id },
    });
    let (msg_id,) =
        sqlx::query_as("select public.queue_job($1)").bind(Json(job)).fetch_one(&mut **tx).await?;
    Ok(msg_id)
}

/// Enqueues a tier assignment of every active judgment of an organisation that was not tiered today
///
/// Answers how many were not enqueued yet.
pub async fn enqueue_stale_judgments(tx: &mut Transaction, org_id: Uuid) -> Result<i64, SqlError> {
    let (enqueued,) =
        sqlx::query_as("select public.queue_stale_judgments($1)").bind(org_id).fetch_one(&mut **tx).await?;
    Ok(enqueued)
}

/// Stops workers from reading a kind, or lets them again; takes the rights of an admin whose organisation is the only one
pub async fn pause(tx: &mut Transaction, kind: &str, is_paused: bool) -> Result<(), SqlError> {
    sqlx::query("select public.pause_queue($1, $2)").bind(kind).bind(is_paused).execute(&mut **tx).await?;
    Ok(())
}

/// How the queues stand for the caller's organisation, one row a kind
pub async fn stats(tx: &mut Transaction) -> Result<Vec<QueueStats>, SqlError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        kind: String,
        description: String,
        depth: i64,
        in_flight: i64,
        oldest_seconds: Option<i64>,
        dead_letters: i64,
        done_today: i64,
        is_paused: bool,
        worker_seen_at: Option<DateTime<Utc>>,
    }
    let rows: Vec<Row> =
        sqlx::query_as("select * from public.queue_statistics()").fetch_all(&mut **tx).await?;
    Ok(rows
        .into_iter()
        .map(|row| QueueStats {
            kind: row.kind,
            description: row.description,
            depth: wire::count(row.depth),
            in_flight: wire::count(row.in_flight),
            oldest_seconds: row.oldest_seconds.map(wire::count),
            dead_letters: wire::count(row.dead_letters),
            done_today: wire::count(row.done_today),
            is_paused: row.is_paused,
            worker_seen_at: row.worker_seen_at.map(wire::instant),
        })
        .collect())
}

/// The dead letters of the caller's organisation that nobody has retried or discarded, newest first, at most 500
pub async fn dead_letters(tx: &mut Transaction, kind: Option<&str>) -> Result<Vec<DeadLetter>, SqlError> {
    type Letter = (Uuid, String, i64, Option<String>, String, Value, DateTime<Utc>, DateTime<Utc>);
    let letters: Vec<Letter> = sqlx::query_as(
        "select id, kind, msg_id, idempotency_key, reason, message, enqueued_at, dead_at
           from public.queue_dead_letters
          where state = 'dead' and ($1 is null or kind = $1)
          order by dead_at desc, id
          limit $2",
    )
    .bind(kind)
    .bind(DEAD_LETTERS_MAX)
    .fetch_all(&mut **tx)
    .await?;

    let (kinds, msg_ids): (Vec<&str>, Vec<i64>) =
        letters.iter().map(|(_, kind, msg_id, ..)| (kind.as_str(), *msg_id)).unzip();
    let attempts: Vec<(String, i64, i32, DateTime<Utc>, String, String)> = sqlx::query_as(
        "select a.kind, a.msg_id, a.attempt, a.at, a.worker, a.error
           from public.queue_attempts a join unnest($1::text[], $2::bigint[]) as l (kind, msg_id) using (kind, msg_id)
          order by a.id",
    )
    .bind(kinds)
    .bind(msg_ids)
    .fetch_all(&mut **tx)
    .await?;
    let mut history: BTreeMap<(String, i64), Vec<JobAttempt>> = BTreeMap::new();
    for (kind, msg_id, attempt, at, worker, error) in attempts {
        history.entry((kind, msg_id)).or_default().push(JobAttempt {
            attempt: wire::revision(attempt),
            at: wire::instant(at),
            worker,
            error,
        });
    }

    Ok(letters
        .into_iter()
        .map(|(id, kind, msg_id, idempotency_key, reason, message, enqueued_at, dead_at)| DeadLetter {
            id: id.to_string(),
            attempts: history.remove(&(kind.clone(), msg_id)).unwrap_or_default(),
            kind,
            msg_id,
            idempotency_key,
            reason,
            message,
            enqueued_at: wire::instant(enqueued_at),
            dead_at: wire::instant(dead_at),
        })
        .collect())
}

/// Enqueues a dead letter of the caller's organisation again, under its old key; answers the message's id
pub async fn retry_dead_letter(tx: &mut Transaction, id: Uuid) -> Result<i64, SqlError> {
    let (msg_id,) =
        sqlx::query_as("select public.retry_dead_letter($1)").bind(id).fetch_one(&mut **tx).await?;
    Ok(msg_id)
}

/// Takes a dead letter of the caller's organisation off the list; it is kept all the same
pub async fn discard_dead_letter(tx: &mut Transaction, id: Uuid) -> Result<(), SqlError> {
    sqlx::query("select public.discard_dead_letter($1)").bind(id).execute(&mut **tx).await?;
    Ok(())
}

/// Says that a worker lives, what it reads and how many jobs it has done
pub async fn heartbeat(
    tx: &mut Transaction,
    worker: &str,
    kinds: &[String],
    jobs_done: i64,
) -> Result<(), SqlError> {
    sqlx::query(
        "insert into public.worker_heartbeats (worker, kinds, jobs_done) values ($1, $2, $3)
         on conflict (worker) do update
            set seen_at = clock_timestamp(), kinds = excluded.kinds, jobs_done = excluded.jobs_done",
    )
    .bind(worker)
    .bind(kinds)
    .bind(jobs_done)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Says that a worker has ended; sweeps those away that ended without a word a day ago
pub async fn sign_off(tx: &mut Transaction, worker: &str) -> Result<(), SqlError> {
    sqlx::query(
        "delete from public.worker_heartbeats
          where worker = $1 or seen_at < clock_timestamp() - interval '1 day'",
    )
    .bind(worker)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Tells the consoles of an organisation what has changed
pub async fn notify_live(tx: &mut Transaction, org_id: Uuid, event: &LiveEvent) -> Result<(), SqlError> {
    sqlx::query("select public.notify_live($1, $2)")
        .bind(org_id)
        .bind(Json(event))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// What a worker can be woken for
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wake {
    /// There are messages of this kind, or it was paused or resumed.
    Queue { kind: String },
    /// A refresh has begun.
    Refresh,
    /// Something has happened to a case, of which somebody may want to be told.
    Alert,
    /// The connection was lost and is back: anything may have happened.
    Anything,
}

/// Hears when there is work, on a connection of its own
#[derive(Debug)]
pub struct WakeListener {
    listener: PgListener,
}

impl WakeListener {
    /// Begins to listen
    pub async fn connect(db: &Database) -> Result<Self, SqlError> {
        Ok(Self { listener: db.listen(&[QUEUE_CHANNEL, REFRESH_CHANNEL, EVENTS_CHANNEL]).await? })
    }

    /// Waits until there is work; after a lost connection it connects again by itself
    pub async fn next(&mut self) -> Result<Wake, SqlError> {
        Ok(match self.listener.try_recv().await? {
            None => Wake::Anything,
            Some(notification) if notification.channel() == REFRESH_CHANNEL => Wake::Refresh,
            Some(notification) if notification.channel() == EVENTS_CHANNEL => Wake::Alert,
            Some(notification) => Wake::Queue { kind: notification.payload().to_owned() },
        })
    }
}
