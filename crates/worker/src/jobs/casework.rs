//! What the jobs on cases share: one message after the other, each for its organisation and in a savepoint of its own.

use std::collections::BTreeSet;
use std::pin::Pin;

use db::queue::Message;
use db::{Refusal, SqlError, Transaction, casework};
use serde_json::Value;
use uuid::Uuid;

use crate::failure::is_passing;
use crate::{Report, Verdict};

/// The work of one message, on the payload that it carries
pub(super) trait CaseWork: Sync {
    const KIND: &'static str;

    /// Does the work; what it answers is logged as `skipped` where it says so
    fn work<'a>(&'a self, tx: &'a mut Transaction, payload: &'a Value) -> Working<'a>;
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
    for message in messages {
        let Some(org_id) = message.body.get("org_id").and_then(Value::as_str).and_then(|id| id.parse().ok())
        else {
            verdicts.push(Verdict::Discard { reason: "the message names no organisation".to_owned() });
            continue;
        };
        let payload = message.body.get("payload").unwrap_or(&message.body);
        casework::begin(tx, org_id).await?;
        verdicts.push(match work.work(tx, payload).await {
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
