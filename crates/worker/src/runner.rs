//! Takes messages from the queue, has their work done, and answers for them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use contract::LiveEvent;
use db::queue::{self, Message, Wake, WakeListener};
use db::{Actor, Database, SqlError};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::chat::ChatModel;
use crate::failure::{Retry, is_passing};
use crate::mail::Mailer;
use crate::{Job, Stop, Verdict, alerts, nightly, refresh, schedule};

const HEARTBEAT: Duration = Duration::from_secs(5);
/// Consoles are told of changes at most this often.
const LIVE: Duration = Duration::from_millis(500);
/// How often the clock is asked for nights and scheduled policies.
const CLOCK: Duration = Duration::from_secs(30);

/// How a worker works
#[derive(Debug, Clone)]
pub struct Options {
    /// What the worker is called in heartbeats and in the history of attempts; unlike any other.
    pub name: String,
    /// So many messages at most share a transaction.
    pub batch_max: u32,
    /// So many transactions of a kind at most run at the same time.
    pub lanes: u32,
    /// The queue is looked at this often even where nothing calls for it.
    pub poll_interval: Duration,
    /// By which alerts go as e-mails; without one they wait for a worker that has one.
    pub mailer: Option<Mailer>,
    /// Who writes the briefs of cases; without one they are made of fixed sentences.
    pub chat_model: Option<ChatModel>,
}

impl Options {
    /// What suits most
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            batch_max: 1000,
            lanes: 2,
            poll_interval: Duration::from_secs(10),
            mailer: None,
            chat_model: None,
        }
    }
}

/// Takes jobs, runs refreshes, keeps the nightly schedule; clones are the same worker
#[derive(Clone)]
pub struct Worker {
    inner: Arc<Inner>,
}

struct Inner {
    db: Database,
    jobs: Vec<Arc<dyn Job>>,
    options: Options,
    /// Counts the calls to look at the queue, at refreshes and at alerts.
    queue_wake: watch::Sender<u64>,
    refresh_wake: watch::Sender<u64>,
    alert_wake: watch::Sender<u64>,
    jobs_ended: AtomicU64,
    /// Organisations whose consoles are to be told.
    touched: Mutex<BTreeSet<Uuid>>,
}

impl Worker {
    /// A worker of every kind of job
    pub fn new(db: Database, options: Options) -> Self {
        Self::with_jobs(db, crate::jobs::all(options.chat_model.clone()), options)
    }

    /// A worker of `jobs`
    pub fn with_jobs(db: Database, jobs: Vec<Arc<dyn Job>>, options: Options) -> Self {
        let inner = Inner {
            db,
            jobs,
            options,
            queue_wake: watch::Sender::new(0),
            refresh_wake: watch::Sender::new(0),
            alert_wake: watch::Sender::new(0),
            jobs_ended: AtomicU64::new(0),
            touched: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Works until it is told to stop, then finishes what is in hand
    ///
    /// Outlives failures of the database: it tries again until it is back.
    pub async fn run(&self, stop: Stop) {
        tracing::info!(worker = %self.inner.options.name, "worker_start");
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&self.inner).listen(stop.clone()));
        tasks.spawn(Arc::clone(&self.inner).beat(stop.clone()));
        tasks.spawn(Arc::clone(&self.inner).run_refreshes(stop.clone()));
        tasks.spawn(Arc::clone(&self.inner).send_alerts(stop.clone()));
        tasks.spawn(Arc::clone(&self.inner).keep_nights(stop.clone()));
        for lane in self.inner.lanes() {
            let (inner, stop) = (Arc::clone(&self.inner), stop.clone());
            tasks.spawn(async move {
                // A job that panics ends its lane, not the worker; its message comes back by itself and is counted.
                while !stop.is_stopped() {
                    let lane = Arc::clone(&inner).take_until_stopped(Arc::clone(&lane), stop.clone());
                    if let Err(error) = tokio::spawn(lane).await {
                        tracing::error!(%error, "worker_lane_ended");
                    }
                }
            });
        }
        while tasks.join_next().await.is_some() {}
        self.inner.tell_consoles().await;
        if let Err(error) = self.inner.sign_off().await {
            tracing::warn!(%error, "worker_sign_off_failed");
        }
        tracing::info!(worker = %self.inner.options.name, "worker_stop");
    }

    /// Takes one message and answers for it; false if there was none
    pub async fn once(&self) -> Result<bool, SqlError> {
        for job in &self.inner.jobs {
            if self.inner.turn(&**job, 1).await?.read > 0 {
                self.inner.tell_consoles().await;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes messages until none can be read; answers how many it has answered for
    ///
    /// What waits out a backoff, or is in another worker's hand, is not waited for.
    pub async fn drain(&self) -> Result<u64, SqlError> {
        let before = self.inner.jobs_ended.load(Ordering::Relaxed);
        let mut lanes = JoinSet::new();
        for job in self.inner.lanes() {
            let inner = Arc::clone(&self.inner);
            lanes.spawn(async move {
                let mut pace = Pace::new(inner.options.batch_max.min(job.batch_max()));
                loop {
                    let turn = inner.turn(&*job, pace.quantity).await?;
                    if turn.read == 0 {
                        return Ok(());
                    }
                    pace.after(&turn);
                }
            });
        }
        let mut result = Ok(());
        while let Some(lane) = lanes.join_next().await {
            match lane {
                Ok(lane) => result = result.and(lane),
                Err(error) => tracing::error!(%error, "worker_lane_ended"),
            }
        }
        self.inner.tell_consoles().await;
        result.map(|()| self.inner.jobs_ended.load(Ordering::Relaxed) - before)
    }
}

/// What one look at the queue gave
#[derive(Debug, Clone, Copy)]
struct Turn {
    asked: u32,
    read: u32,
    /// Whether a message had been read so often that the next reading is its last or next to last.
    is_risky: bool,
}

/// How many messages to read next
///
/// A message that kills its worker costs every message read beside it one reading. So a worker begins
/// with one message, reads more as it goes well, and goes back to one when messages are near their end.
#[derive(Debug, Clone, Copy)]
struct Pace {
    quantity: u32,
    max: u32,
}

impl Pace {
    fn new(max: u32) -> Self {
        Self { quantity: 1, max: max.max(1) }
    }

    fn after(&mut self, turn: &Turn) {
        if turn.is_risky {
            self.quantity = 1;
        } else if turn.read == turn.asked {
            self.quantity = self.quantity.saturating_mul(4).min(self.max);
        }
    }
}

/// Messages in hand: those not answered for yet, in groups that share a transaction
struct Hand {
    groups: VecDeque<Vec<Message>>,
    attempts_max: i32,
}

impl Hand {
    /// A message that was read before may be what ended its worker: the oftener, the fewer share its transaction.
    fn new(messages: Vec<Message>, attempts_max: i32) -> Self {
        let mut by_reading: BTreeMap<i32, Vec<Message>> = BTreeMap::new();
        for message in messages {
            by_reading.entry(message.read_ct).or_default().push(message);
        }
        let mut groups = VecDeque::new();
        for (read_ct, messages) in by_reading {
            let largest = match read_ct {
                ..=1 => messages.len(),
                2 => 64,
                3 => 8,
                _ => 1,
            };
            groups.extend(messages.chunks(largest).map(<[Message]>::to_vec));
        }
        Self { groups, attempts_max }
    }
}

impl Inner {
    fn lanes(&self) -> impl Iterator<Item = Arc<dyn Job>> {
        let lanes = self.options.lanes.max(1);
        self.jobs.iter().flat_map(move |job| (0..lanes).map(move |_| Arc::clone(job)))
    }

    async fn take_until_stopped(self: Arc<Self>, job: Arc<dyn Job>, mut stop: Stop) {
        let mut wake = self.queue_wake.subscribe();
        let mut pace = Pace::new(self.options.batch_max.min(job.batch_max()));
        let mut retry = Retry::default();
        while !stop.is_stopped() {
            // Before the look, so that a call during it is not lost.
            wake.mark_unchanged();
            let waited = match self.take(&*job, &mut pace).await {
                Ok(idle) => {
                    retry = Retry::default();
                    idle
                }
                Err(error) => retry.after(&error),
            };
            tokio::select! {
                () = stop.stopped() => {}
                () = tokio::time::sleep(waited) => {}
                _ = wake.changed() => {}
            }
        }
    }

    /// One turn; answers how long there will be nothing to do
    async fn take(&self, job: &dyn Job, pace: &mut Pace) -> Result<Duration, SqlError> {
        let turn = self.turn(job, pace.quantity).await?;
        pace.after(&turn);
        if turn.read > 0 {
            return Ok(Duration::ZERO);
        }
        let next = queue::next_visible(&self.db, job.kind()).await?;
        // A paused kind may have messages that could be read: the resumption calls.
        let idle = next.filter(|next| !next.is_zero()).unwrap_or(self.options.poll_interval);
        Ok(idle.min(self.options.poll_interval))
    }

    /// Reads up to `quantity` messages and answers for them
    ///
    /// While the database is away it holds on to them: what it finds still its own afterwards, it goes on with.
    async fn turn(&self, job: &dyn Job, quantity: u32) -> Result<Turn, SqlError> {
        let batch = queue::read(&self.db, job.kind(), quantity).await?;
        let turn = Turn {
            asked: quantity,
            read: u32::try_from(batch.messages.len()).unwrap_or(u32::MAX),
            is_risky: batch.messages.iter().any(|message| message.read_ct + 1 >= batch.attempts_max),
        };
        let mut hand = Hand::new(batch.messages, batch.attempts_max);
        let mut retry = Retry::default();
        while let Err(error) = self.answer_for(job, &mut hand).await {
            if !is_passing(&error) || retry.is_exhausted() {
                return Err(error);
            }
            tokio::time::sleep(retry.after(&error)).await;
        }
        Ok(turn)
    }

    /// Answers for every message in hand, taking those out that are answered for
    async fn answer_for(&self, job: &dyn Job, hand: &mut Hand) -> Result<(), SqlError> {
        while let Some(group) = hand.groups.front() {
            match self.settle(job, group, hand.attempts_max).await {
                Err(error) if is_passing(&error) => return Err(error),
                Err(error) if group.len() == 1 => self.fail(job, group, hand.attempts_max, &error).await?,
                Err(_) => {
                    // One of them cannot be done; which, shows when each is tried alone.
                    let alone: Vec<Vec<Message>> =
                        group.iter().map(|message| vec![message.clone()]).collect();
                    hand.groups.pop_front();
                    alone.into_iter().rev().for_each(|message| hand.groups.push_front(message));
                    continue;
                }
                Ok(()) => {}
            }
            hand.groups.pop_front();
        }
        Ok(())
    }

    /// Does the work of messages and answers for them in one transaction
    async fn settle(&self, job: &dyn Job, messages: &[Message], attempts_max: i32) -> Result<(), SqlError> {
        let kind = job.kind();
        let mut tx = self.db.begin_as(&Actor::service(None)).await?;
        let held = queue::fence(&mut tx, kind, messages).await?;
        let (worn, held): (Vec<Message>, Vec<Message>) =
            held.into_iter().partition(|message| message.read_ct > attempts_max);
        let mut answers = Answers { inner: self, kind, attempts_max, lines: Vec::new() };
        for message in &worn {
            let attempts = queue::count_attempts(&mut tx, kind, message.msg_id).await?;
            let lost = i64::from(message.read_ct - 1) - attempts;
            let reason = format!(
                "read {lost} times without an answer: its workers were killed or outlasted by the visibility timeout"
            );
            answers.bury(&mut tx, message, reason).await?;
        }

        let report = job.run(&mut tx, &held).await?;
        let mut done = Vec::with_capacity(held.len());
        for (message, verdict) in held.iter().zip(report.verdicts) {
            match verdict {
                Verdict::Done => done.push(message),
                Verdict::Discard { reason } => answers.bury(&mut tx, message, reason).await?,
                Verdict::RetryAfter { delay, error } => {
                    answers.retry(&mut tx, message, error, Some(delay)).await?;
                }
                Verdict::Failed { error } => answers.retry(&mut tx, message, error, None).await?,
            }
        }
        queue::finish(&mut tx, kind, &done).await?;
        tx.commit().await?;

        (report.announce)();
        answers.lines.iter().for_each(|line| line.log(kind));
        let concerned = held.iter().chain(&worn).filter_map(organisation_of);
        self.touched().extend(report.touched.into_iter().chain(concerned));
        self.jobs_ended.fetch_add((held.len() + worn.len()) as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Answers for a message whose work ended in an error
    async fn fail(
        &self,
        job: &dyn Job,
        message: &[Message],
        attempts_max: i32,
        error: &SqlError,
    ) -> Result<(), SqlError> {
        let mut tx = self.db.begin_as(&Actor::service(None)).await?;
        let mut answers = Answers { inner: self, kind: job.kind(), attempts_max, lines: Vec::new() };
        for message in &queue::fence(&mut tx, job.kind(), message).await? {
            answers.retry(&mut tx, message, error.to_string(), None).await?;
        }
        tx.commit().await?;
        answers.lines.iter().for_each(|line| line.log(job.kind()));
        self.touched().extend(message.iter().filter_map(organisation_of));
        Ok(())
    }

    async fn listen(self: Arc<Self>, mut stop: Stop) {
        let mut retry = Retry::default();
        while !stop.is_stopped() {
            let heard = async {
                let mut listener = WakeListener::connect(&self.db).await?;
                // What came while nobody listened is found by looking.
                self.wake(&Wake::Anything);
                loop {
                    self.wake(&listener.next().await?);
                }
            };
            let heard: Result<(), SqlError> = tokio::select! {
                heard = heard => heard,
                () = stop.stopped() => return,
            };
            if let Err(error) = heard {
                stop.sleep(retry.after(&error)).await;
            }
        }
    }

    fn wake(&self, wake: &Wake) {
        let call = |listeners: &watch::Sender<u64>| listeners.send_modify(|calls| *calls += 1);
        if matches!(wake, Wake::Anything | Wake::Queue { .. }) {
            call(&self.queue_wake);
        }
        if matches!(wake, Wake::Anything | Wake::Refresh) {
            call(&self.refresh_wake);
        }
        if matches!(wake, Wake::Anything | Wake::Alert) {
            call(&self.alert_wake);
        }
    }

    async fn beat(self: Arc<Self>, mut stop: Stop) {
        let mut beaten_at: Option<Instant> = None;
        loop {
            if beaten_at.is_none_or(|beaten_at| beaten_at.elapsed() >= HEARTBEAT) {
                beaten_at = Some(Instant::now());
                if let Err(error) = self.heartbeat().await {
                    tracing::warn!(%error, "worker_heartbeat_failed");
                }
            }
            if !stop.sleep(LIVE).await {
                return;
            }
            self.tell_consoles().await;
        }
    }

    async fn heartbeat(&self) -> Result<(), SqlError> {
        let kinds: Vec<String> = self.jobs.iter().map(|job| job.kind().to_owned()).collect();
        let jobs_done = i64::try_from(self.jobs_ended.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
        let mut tx = self.db.begin_as(&Actor::service(None)).await?;
        queue::heartbeat(&mut tx, &self.options.name, &kinds, jobs_done).await?;
        tx.commit().await
    }

    async fn sign_off(&self) -> Result<(), SqlError> {
        let mut tx = self.db.begin_as(&Actor::service(None)).await?;
        queue::sign_off(&mut tx, &self.options.name).await?;
        tx.commit().await
    }

    async fn tell_consoles(&self) {
        let touched = std::mem::take(&mut *self.touched());
        if touched.is_empty() {
            return;
        }
        let told = async {
            let mut tx = self.db.begin_as(&Actor::service(None)).await?;
            for org_id in touched {
                queue::notify_live(&mut tx, org_id, &LiveEvent::Judgments).await?;
                queue::notify_live(&mut tx, org_id, &LiveEvent::Queues).await?;
            }
            tx.commit().await
        };
        if let Err(error) = told.await {
            tracing::warn!(%error, "worker_notify_failed");
        }
    }

    fn touched(&self) -> std::sync::MutexGuard<'_, BTreeSet<Uuid>> {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run_refreshes(self: Arc<Self>, mut stop: Stop) {
        let mut wake = self.refresh_wake.subscribe();
        let mut retry = Retry::default();
        while !stop.is_stopped() {
            wake.mark_unchanged();
            let waited = match refresh::run_pending(&self.db, &stop).await {
                Ok(()) => {
                    retry = Retry::default();
                    self.options.poll_interval
                }
                Err(error) => retry.after(&error),
            };
            tokio::select! {
                () = stop.stopped() => {}
                () = tokio::time::sleep(waited) => {}
                _ = wake.changed() => {}
            }
        }
    }

    async fn send_alerts(self: Arc<Self>, mut stop: Stop) {
        let mut wake = self.alert_wake.subscribe();
        let mut retry = Retry::default();
        while !stop.is_stopped() {
            wake.mark_unchanged();
            let waited = match alerts::run_due(&self.db, self.options.mailer.as_ref()).await {
                Ok(_) => {
                    retry = Retry::default();
                    self.options.poll_interval
                }
                Err(error) => retry.after(&error),
            };
            tokio::select! {
                () = stop.stopped() => {}
                () = tokio::time::sleep(waited) => {}
                _ = wake.changed() => {}
            }
        }
    }

    async fn keep_nights(self: Arc<Self>, mut stop: Stop) {
        let mut retry = Retry::default();
        loop {
            let run = async {
                schedule::run_due(&self.db).await?;
                nightly::run_due(&self.db).await
            };
            let waited = match run.await {
                Ok(_) => {
                    retry = Retry::default();
                    CLOCK
                }
                Err(error) => retry.after(&error),
            };
            if !stop.sleep(waited).await {
                return;
            }
        }
    }
}

/// Answers other than done, and what is to be logged of them once they are committed
struct Answers<'a> {
    inner: &'a Inner,
    kind: &'a str,
    attempts_max: i32,
    lines: Vec<Line>,
}

enum Line {
    Failed { msg_id: i64, attempt: i32, error: String },
    Buried { msg_id: i64, reason: String },
}

impl Answers<'_> {
    async fn retry(
        &mut self,
        tx: &mut db::Transaction,
        message: &Message,
        error: String,
        delay: Option<Duration>,
    ) -> Result<(), SqlError> {
        self.lines.push(Line::Failed {
            msg_id: message.msg_id,
            attempt: message.read_ct,
            error: error.clone(),
        });
        if message.read_ct >= self.attempts_max {
            return self.bury(tx, message, error).await;
        }
        queue::retry_later(tx, self.kind, message, &self.inner.options.name, &error, delay).await
    }

    async fn bury(
        &mut self,
        tx: &mut db::Transaction,
        message: &Message,
        reason: String,
    ) -> Result<(), SqlError> {
        queue::bury(tx, self.kind, message, &self.inner.options.name, &reason).await?;
        self.lines.push(Line::Buried { msg_id: message.msg_id, reason });
        Ok(())
    }
}

impl Line {
    fn log(&self, kind: &str) {
        match self {
            Line::Failed { msg_id, attempt, error } => {
                tracing::warn!(%kind, msg_id, attempt, %error, "{kind}_failed");
            }
            Line::Buried { msg_id, reason } => {
                tracing::warn!(%kind, msg_id, %reason, "{kind}_dead_lettered");
            }
        }
    }
}

/// The organisation that a message names; its console shows the queue
fn organisation_of(message: &Message) -> Option<Uuid> {
    message.body.get("org_id").and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pace: &mut Pace, read: u32, is_risky: bool, expect: u32) {
        pace.after(&Turn { asked: pace.quantity, read, is_risky });
        assert_eq!(pace.quantity, expect);
    }

    #[test]
    fn a_worker_reads_more_while_it_goes_well_and_one_when_messages_are_near_their_end() {
        let mut pace = Pace::new(50);
        check(&mut pace, 1, false, 4);
        check(&mut pace, 4, false, 16);
        check(&mut pace, 3, false, 16);
        check(&mut pace, 16, false, 50);
        check(&mut pace, 50, false, 50);
        check(&mut pace, 50, true, 1);
    }
}
