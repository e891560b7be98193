//! What the jobs on cases share: one message after the other, each for its organisation and in a savepoint of its own, once all
//! that they lock is locked.

use std::collections::BTreeSet;
use std::pin::Pin;

use db::queue::{self, Message};
use db::{Refusal, SqlError, Transaction, casework};
use serde_json::Value;
use uuid::Uuid;

use crate::failure::is_passing;
use crate::{Report, Verdict};

/// The work of one message, on the payload that it carries
pub(super) trait CaseWork: Sync {
    const KIND: &'static str;
    const LOCKS: Locks = Locks::Judgments;

    /// Does the work; what it answers is logged as `skipped` where it says so
    fn work<'a>(&'a self, tx: &'a mut Transaction, payload: &'a Value) -> Working<'a>;

    /// What is done in the last attempt, where somebody outside has not done their part again, for the reason given
    fn work_without<'a>(
        &'a self,
        _tx: &'a mut Transaction,
        _payload: &'a Value,
        _error: &'a str,
    ) -> Option<Working<'a>> {
        None
    }
}

/// What the work of a kind locks beside its cases; locked for all messages of a transaction before the first is worked on
///
/// Two lanes have the messages of a kind in any order. In the order in which everybody locks, neither waits for the other in a circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locks {
    Nothing,
    Judgments,
    JudgmentsAndPlaintiffs,
}

pub(super) type Working<'a> = Pin<Box<dyn Future<Output = Result<Value, WorkError>> + Send + 'a>>;

/// Why the work of a message was not done
#[derive(Debug)]
pub(super) enum WorkError {
    Database(SqlError),
    /// Somebody outside did not do their part; another time they may.
    Outside(String),
}

impl From<SqlError> for WorkError {
    fn from(error: SqlError) -> Self {
        Self::Database(error)
    }
}

impl WorkError {
    fn verdict(self) -> Verdict {
        match self {
            Self::Outside(error) => Verdict::Failed { error },
            Self::Database(error) => match Refusal::of(&error) {
                Some(refusal) => Verdict::Discard { reason: refusal.message },
                None => Verdict::Failed { error: error.to_string() },
            },
        }
    }
}

/// Does the work of messages; what the database refuses can never be done and goes to the dead letters
pub(super) async fn run<W: CaseWork>(
    work: &W,
    tx: &mut Transaction,
    messages: &[Message],
) -> Result<Report, SqlError> {
    let mut verdicts = Vec::with_capacity(messages.len());
    let mut touched = BTreeSet::new();
    let mut lines = Vec::with_capacity(messages.len());
    lock(tx, W::LOCKS, messages).await?;
    for message in messages {
        let Some(org_id) = organisation(message) else {
            verdicts.push(Verdict::Discard { reason: "the message names no organisation".to_owned() });
            continue;
        };
        casework::begin(tx, org_id).await?;
        let mut done = work.work(tx, payload(message)).await;
        if let Err(WorkError::Outside(error)) = &done
            && queue::is_last_attempt(tx, W::KIND, message).await?
        {
            let error = error.clone();
            if let Some(without) = work.work_without(tx, payload(message), &error) {
                done = without.await;
            }
        }
        verdicts.push(match done {
            Ok(answer) => {
                casework::keep(tx).await?;
                touched.insert(org_id);
                lines.push(Line { msg_id: message.msg_id, org_id, skipped: skipped(&answer) });
                Verdict::Done
            }
            Err(WorkError::Database(error)) if is_passing(&error) => return Err(error),
            // After this the transaction goes on, whatever was wrong with the message.
            Err(error) => {
                casework::undo(tx).await?;
                error.verdict()
            }
        });
    }
    let announce = move || lines.iter().for_each(|line| line.log(W::KIND));
    Ok(Report { verdicts, touched, announce: Box::new(announce) })
}

async fn lock(tx: &mut Transaction, locks: Locks, messages: &[Message]) -> Result<(), SqlError> {
    if locks == Locks::Nothing {
        return Ok(());
    }
    // What a kind means by `case_id`, the database finds out; what is no id, its work refuses.
    let named: BTreeSet<(Uuid, Uuid)> = messages
        .iter()
        .flat_map(|message| ["judgment_id", "case_id"].map(|field| (message, field)))
        .filter_map(|(message, field)| Some((organisation(message)?, id(payload(message), field)?)))
        .collect();
    let named: Vec<(Uuid, Uuid)> = named.into_iter().collect();
    casework::lock_judgments(tx, &named).await?;
    if locks == Locks::JudgmentsAndPlaintiffs {
        casework::lock_plaintiffs(tx, &named).await?;
    }
    Ok(())
}

fn organisation(message: &Message) -> Option<Uuid> {
    id(&message.body, "org_id")
}

fn payload(message: &Message) -> &Value {
    message.body.get("payload").unwrap_or(&message.body)
}

fn id(object: &Value, field: &str) -> Option<Uuid> {
    object.get(field)?.as_str()?.trim().parse().ok()
}

fn skipped(answer: &Value) -> Option<String> {
    answer.get("skipped").and_then(Value::as_str).map(str::to_owned)
}

struct Line {
    msg_id: i64,
    org_id: Uuid,
    skipped: Option<String>,
}

impl Line {
    fn log(&self, kind: &str) {
        let Self { msg_id, org_id, skipped } = self;
        match skipped {
            Some(reason) => tracing::info!(%kind, msg_id, %org_id, %reason, "{kind}_skipped"),
            None => tracing::info!(%kind, msg_id, %org_id, "{kind}_complete"),
        }
    }
}
