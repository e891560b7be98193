//! Live routing: one task an organisation decides who takes its leads, in batches, on any number of servers at once.
//!
//! What is asked while a batch is being written makes the next one. A batch is one transaction: it locks the organisation's
//! `routing_state`, applies to its memory what other servers did since, decides everything with
//! [`policy::routing::Router`], writes decisions and log, commits, and only then answers. So every decision rests on the newest
//! committed state, whatever server made it; what was answered is durable; and the price of durability is shared by the batch.
//! Where a commit fails, or nobody knows whether it did, the memory is thrown away and read again.
//!
//! Nothing but the sockets themselves lives in the process: presence is rows, and every server looks every second for agents
//! whose socket, or whose server, is gone ([`Desks::tick`]).

mod batch;
mod memory;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contract::{LeadStatus, LiveEvent};
use db::live::LiveNotice;
use db::routing::{self, RoutingListener};
use db::{Actor, Database, SqlError, leads};
use policy::routing::AgentStatus;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, broadcast, mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};
use uuid::Uuid;

use crate::error::ApiError;
use batch::Batch;
use memory::{Fault, Memory};

/// What can be asked before the first of it is answered; more is refused
const ASKED_MAX: usize = 4096;
/// What a transaction decides at most
const BATCH_MAX: usize = 256;
/// An organisation that nobody asks for is forgotten after this long
const IDLE_MAX: Duration = Duration::from_secs(15 * 60);
const TICK: Duration = Duration::from_secs(1);
/// Every so many ticks leads that wait are looked after too, in case a notice was lost
const WAITING_EVERY: u64 = 5;
const RECONNECT_AFTER: Duration = Duration::from_secs(1);
/// Consoles are told at most this often that something has changed
const LIVE_EVERY: Duration = Duration::from_secs(1);

/// A visitor who asks for an agent
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) key: String,
    /// Of the page, where a browser names one that is not ours.
    pub(crate) origin: Option<String>,
    pub(crate) visitor: Uuid,
    pub(crate) page_url: Option<String>,
    pub(crate) pool: Option<Uuid>,
    pub(crate) name: Option<String>,
    pub(crate) contact: Option<String>,
}

/// What can be asked of an organisation's desk; an agent's asks name the socket that they came by
#[derive(Debug, Clone)]
pub(crate) enum What {
    Arrive(Arrival),
    Cancel {
        lead: Uuid,
        visitor: Uuid,
    },
    Connect {
        agent: Uuid,
        socket: Uuid,
    },
    Status {
        agent: Uuid,
        status: AgentStatus,
        /// None for an admin.
        socket: Option<Uuid>,
    },
    Accept {
        agent: Uuid,
        socket: Uuid,
        lead: Uuid,
    },
    Decline {
        agent: Uuid,
        socket: Uuid,
        lead: Uuid,
    },
    End {
        agent: Uuid,
        socket: Uuid,
        lead: Uuid,
    },
    /// Look for what is due.
    Sweep,
    /// Others may have changed something: tell the pages that show it, and serve those who wait.
    Look,
}

/// What a desk answers
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Lead(LeadStatus),
    Done,
}

struct Ask {
    what: What,
    reply: oneshot::Sender<Result<Answer, ApiError>>,
}

/// A desk as others on this server have it
#[derive(Debug, Clone)]
struct Handle {
    asks: mpsc::Sender<Ask>,
    /// Number of the last change that it knows.
    known: Arc<AtomicI64>,
    has_waiting: Arc<AtomicBool>,
}

type Watchers = Mutex<HashMap<Uuid, Vec<Arc<Notify>>>>;

/// The desks of this server
#[derive(Debug)]
pub(crate) struct Desks {
    db: Database,
    process_id: Uuid,
    desks: Mutex<HashMap<Uuid, Handle>>,
    /// Pages that show an agent or a lead.
    watchers: Arc<Watchers>,
    /// What signs visitors' tokens: an organisation's never changes.
    secrets: Mutex<HashMap<Uuid, Arc<[u8]>>>,
    /// Whose a key is, which never changes either; whether it still counts is asked under the lock.
    organisations: Mutex<HashMap<String, Uuid>>,
}

impl std::fmt::Debug for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.what.fmt(f)
    }
}

/// Hears of every change of an agent or a lead until it is dropped
#[derive(Debug)]
pub(crate) struct Watch {
    id: Uuid,
    changed: Arc<Notify>,
    watchers: Arc<Watchers>,
}

impl Watch {
    /// Waits for the next change; changes meanwhile are one
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watchers = lock(&self.watchers);
        if let Some(list) = watchers.get_mut(&self.id) {
            list.retain(|other| !Arc::ptr_eq(other, &self.changed));
            if list.is_empty() {
                watchers.remove(&self.id);
            }
        }
    }
}

impl Desks {
    pub(crate) fn new(db: Database) -> Self {
        Self {
            db,
            process_id: Uuid::new_v4(),
            desks: Mutex::default(),
            watchers: Arc::default(),
            secrets: Mutex::default(),
            organisations: Mutex::default(),
        }
    }

    /// Asks the desk of an organisation, and waits for the answer to be durable
    pub(crate) async fn ask(&self, org_id: Uuid, what: What) -> Result<Answer, ApiError> {
        let (reply, answer) = oneshot::channel();
        self.send(org_id, Ask { what, reply })?;
        answer.await.unwrap_or_else(|_| Err(ApiError::unavailable("the desk has ended")))
    }

    /// The same, where nobody waits for an answer
    fn nudge(&self, org_id: Uuid, what: What) {
        let (reply, _) = oneshot::channel();
        // A desk that has too much to do looks after it all the same.
        let _ = self.send(org_id, Ask { what, reply });
    }

    fn send(&self, org_id: Uuid, mut ask: Ask) -> Result<(), ApiError> {
        let mut desks = lock(&self.desks);
        if let Some(handle) = desks.get(&org_id) {
            match handle.asks.try_send(ask) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(_)) => {
                    return Err(ApiError::unavailable("more is asked than can be decided"));
                }
                // It has just gone for want of work: another takes its place.
                Err(TrySendError::Closed(refused)) => ask = refused,
            }
        }
        let (sender, asks) = mpsc::channel(ASKED_MAX);
        let handle = Handle { asks: sender, known: Arc::default(), has_waiting: Arc::default() };
        let desk = Desk {
            db: self.db.clone(),
            org_id,
            process_id: self.process_id,
            watchers: self.watchers.clone(),
            known: handle.known.clone(),
            has_waiting: handle.has_waiting.clone(),
            memory: None,
        };
        tokio::spawn(desk.run(asks));
        let sent = handle.asks.try_send(ask).map_err(ApiError::unavailable);
        desks.insert(org_id, handle);
        sent
    }

    /// Has the desk of an organisation look at what others have done, where it matters to anybody here
    fn hear(&self, org_id: Uuid, no: Option<i64>) {
        let handle = lock(&self.desks).get(&org_id).cloned();
        let is_news = handle.is_some_and(|handle| {
            no.is_none_or(|no| no > handle.known.load(Ordering::Relaxed))
                && (handle.has_waiting.load(Ordering::Relaxed) || !lock(&self.watchers).is_empty())
        });
        if is_news {
            self.nudge(org_id, What::Look);
        }
    }

    /// Hears of every change of an agent or a lead
    pub(crate) fn watch(&self, id: Uuid) -> Watch {
        let changed = Arc::new(Notify::new());
        lock(&self.watchers).entry(id).or_default().push(changed.clone());
        Watch { id, changed, watchers: self.watchers.clone() }
    }

    /// Whose a public key is; None for one that there is not
    pub(crate) async fn organisation_of(&self, key: &str) -> Result<Option<Uuid>, SqlError> {
        let known = lock(&self.organisations).get(key).copied();
        if known.is_some() {
            return Ok(known);
        }
        let mut tx = self.db.begin_as(&Actor::lead_router(None)).await?;
        let found = leads::organisation_of_key(&mut tx, key).await?;
        if let Some(org_id) = found {
            lock(&self.organisations).insert(key.to_owned(), org_id);
        }
        Ok(found)
    }

    /// What signs the tokens of an organisation's visitors
    pub(crate) async fn secret_of(&self, org_id: Uuid) -> Result<Option<Arc<[u8]>>, SqlError> {
        let known = lock(&self.secrets).get(&org_id).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let mut tx = self.db.begin_as(&Actor::lead_router(org_id)).await?;
        let found: Option<Arc<[u8]>> = leads::secret(&mut tx).await?.map(Arc::from);
        if let Some(secret) = &found {
            lock(&self.secrets).insert(org_id, secret.clone());
        }
        Ok(found)
    }

    /// Says every second that this server is there, and has done what is due, forever
    pub(crate) async fn tick(self: Arc<Self>) {
        let mut interval = tokio::time::interval(TICK);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut number: u64 = 0;
        loop {
            interval.tick().await;
            // The first tick looks after those who waited when the last server ended.
            match routing::tick(&self.db, self.process_id, number.is_multiple_of(WAITING_EVERY)).await {
                Ok(due) => due.into_iter().for_each(|org_id| self.nudge(org_id, What::Sweep)),
                Err(error) => tracing::warn!(%error, "routing_tick_failed"),
            }
            number += 1;
        }
    }

    /// Notes that the server ends, so that other servers need not find out
    pub(crate) async fn end(&self) {
        if let Err(error) = routing::end_process(&self.db, self.process_id).await {
            tracing::warn!(%error, "routing_end_failed");
        }
    }

    /// Has desks look at what other servers have done, and tells consoles, forever
    pub(crate) async fn listen(self: Arc<Self>, consoles: broadcast::Sender<LiveNotice>) {
        let mut told: HashMap<Uuid, Instant> = HashMap::new();
        let mut untold: Vec<Uuid> = Vec::new();
        let mut interval = tokio::time::interval(LIVE_EVERY);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let lost = match RoutingListener::connect(&self.db).await {
                Ok(mut listener) => loop {
                    tokio::select! {
                        heard = listener.next() => match heard {
                            Ok(Some((org_id, no))) => {
                                self.hear(org_id, no);
                                match told.get(&org_id) {
                                    Some(at) if at.elapsed() < LIVE_EVERY => {
                                        if !untold.contains(&org_id) {
                                            untold.push(org_id);
                                        }
                                    }
                                    _ => {
                                        told.insert(org_id, Instant::now());
                                        tell(&consoles, Some(org_id));
                                    }
                                }
                            }
                            Ok(None) => {
                                let known: Vec<Uuid> = lock(&self.desks).keys().copied().collect();
                                known.into_iter().for_each(|org_id| self.hear(org_id, None));
                                tell(&consoles, None);
                            }
                            Err(error) => break error,
                        },
                        _ = interval.tick() => {
                            told.retain(|_, at| at.elapsed() < LIVE_EVERY);
                            for org_id in untold.drain(..) {
                                told.insert(org_id, Instant::now());
                                tell(&consoles, Some(org_id));
                            }
                        }
                    }
                },
                Err(error) => error,
            };
            tracing::warn!(error = %lost, "routing_notices_interrupted");
            tokio::time::sleep(RECONNECT_AFTER).await;
        }
    }
}

fn tell(consoles: &broadcast::Sender<LiveNotice>, org_id: Option<Uuid>) {
    // Nobody may be reading.
    let _ = consoles.send(LiveNotice { org_id, event: LiveEvent::Pools });
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The desk of one organisation
struct Desk {
    db: Database,
    org_id: Uuid,
    process_id: Uuid,
    watchers: Arc<Watchers>,
    known: Arc<AtomicI64>,
    has_waiting: Arc<AtomicBool>,
    memory: Option<Memory>,
}

impl Desk {
    /// Decides what is asked, until nobody has asked for long
    async fn run(mut self, mut asks: mpsc::Receiver<Ask>) {
        while let Ok(Some(first)) = tokio::time::timeout(IDLE_MAX, asks.recv()).await {
            let mut batch = vec![first];
            while batch.len() < BATCH_MAX
                && let Ok(ask) = asks.try_recv()
            {
                batch.push(ask);
            }
            self.work(batch).await;
        }
        // What was asked in the last moment has been sent, but not taken.
        asks.close();
        while let Some(ask) = asks.recv().await {
            self.work(vec![ask]).await;
        }
    }

    async fn work(&mut self, batch: Vec<Ask>) {
        if batch.iter().all(|ask| matches!(ask.what, What::Look)) {
            match self.look().await {
                // Somebody who waits could be served: that takes the lock.
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, org_id = %self.org_id, "routing_look_failed");
                    self.memory = None;
                    return;
                }
            }
        }
        match self.decide(&batch).await {
            Ok((answers, concerned)) => {
                for (ask, answer) in batch.into_iter().zip(answers) {
                    // Whoever asked may have gone.
                    let _ = ask.reply.send(answer);
                }
                self.tell(&concerned);
            }
            Err(fault) => {
                // Whether the transaction was committed may not be known: what is remembered is no longer worth anything.
                self.memory = None;
                tracing::warn!(error = %fault, org_id = %self.org_id, asked = batch.len(), "routing_batch_failed");
                for ask in batch {
                    let _ = ask.reply.send(Err(ApiError::unavailable(&fault)));
                }
            }
        }
    }

    async fn decide(&mut self, batch: &[Ask]) -> Result<(Vec<Result<Answer, ApiError>>, Vec<Uuid>), Fault> {
        let actor = Actor::lead_router(self.org_id);
        let mut tx = self.db.begin_as(&actor).await?;
        let known = self.memory.as_ref().map_or(-1, |memory| memory.sequence);
        let opened = routing::open(&mut tx, known).await?;
        let mut concerned = Vec::new();
        let mut current = None;
        if let (Some(mut memory), Some(changes)) = (self.memory.take(), &opened.changes)
            && follow(&mut memory, known, changes, &mut concerned)?
        {
            current = Some(memory);
        }
        let mut memory = match current {
            Some(memory) => memory,
            None => {
                let loaded = routing::load(&mut tx, self.org_id, opened.revision).await?;
                // Any page may show something else now.
                concerned = lock(&self.watchers).keys().copied().collect();
                Memory::new(self.org_id, opened.sequence, loaded)?
            }
        };
        memory.sequence = opened.sequence;
        memory.router.set_revision(u64::try_from(opened.revision).unwrap_or(0));
        let due = match batch.iter().any(|ask| matches!(ask.what, What::Sweep)) {
            true => Some(routing::due(&mut tx).await?),
            false => None,
        };
        let mut decided = Batch::new(self.org_id, self.process_id, &mut memory, &opened);
        decided.serve_waiting()?;
        let mut answers = Vec::with_capacity(batch.len());
        // One sweep does for all who ask for it.
        let mut due = due;
        for ask in batch {
            let due = if matches!(ask.what, What::Sweep) { due.take() } else { None };
            answers.push(decided.decide(&ask.what, due.as_ref())?);
        }
        let (writes, changed) = decided.finish();
        concerned.extend(changed);
        if let Some(writes) = writes {
            routing::write(&mut tx, self.org_id, &opened, &writes).await?;
            tx.commit().await?;
        }
        self.remember(memory);
        Ok((answers, concerned))
    }

    /// Applies what others have committed, without the lock; true where somebody who waits could be served
    async fn look(&mut self) -> Result<bool, Fault> {
        let Some(mut memory) = self.memory.take() else {
            // Nothing is remembered that could be out of date, but pages may show something.
            let watched: Vec<Uuid> = lock(&self.watchers).keys().copied().collect();
            self.tell(&watched);
            return Ok(false);
        };
        let mut tx = self.db.begin_as(&Actor::lead_router(self.org_id)).await?;
        let known = memory.sequence;
        let mut concerned = Vec::new();
        if let Some((last_no, _, changes)) = routing::look(&mut tx, known).await? {
            if !follow(&mut memory, known, &changes, &mut concerned)? {
                // To be read again, under the lock.
                return Ok(true);
            }
            memory.sequence = last_no;
        }
        let could_serve = memory.could_serve();
        self.remember(memory);
        self.tell(&concerned);
        Ok(could_serve)
    }

    fn remember(&mut self, memory: Memory) {
        self.known.store(memory.sequence, Ordering::Relaxed);
        self.has_waiting.store(memory.waiting.values().any(|waiting| !waiting.is_empty()), Ordering::Relaxed);
        self.memory = Some(memory);
    }

    /// Has pages that show any of these fetch them again
    fn tell(&self, concerned: &[Uuid]) {
        let watchers = lock(&self.watchers);
        for id in concerned {
            watchers.get(id).into_iter().flatten().for_each(|watcher| watcher.notify_one());
        }
    }
}

/// Applies changes of others in their order; false where everything has to be read again
fn follow(
    memory: &mut Memory,
    known: i64,
    changes: &[routing::Change],
    concerned: &mut Vec<Uuid>,
) -> Result<bool, Fault> {
    for (no, change) in (known + 1..).zip(changes) {
        concerned.extend(memory.concerned(change).into_iter().flatten());
        if !memory.follow(no, change)? {
            return Ok(false);
        }
    }
    Ok(true)
}
