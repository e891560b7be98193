//! What a kind of job is to the runner.

use std::collections::BTreeSet;
use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use db::queue::Message;
use db::{SqlError, Transaction};
use uuid::Uuid;

/// A kind of job: does the work of messages
pub trait Job: Send + Sync {
    /// The kind of the messages that it takes, as in `queue_kinds`
    fn kind(&self) -> &'static str;

    /// So many messages at most are read at a time, whatever the worker's options say
    fn batch_max(&self) -> u32 {
        u32::MAX
    }

    /// Does the work of `messages` inside `tx`, which the runner commits together with their end
    ///
    /// Many messages share one transaction. An error rolls all of it back; each message is then tried
    /// in a transaction of its own, so that one that cannot be done holds up no other.
    fn run<'a>(&'a self, tx: &'a mut Transaction, messages: &'a [Message]) -> Work<'a>;
}

/// The work of a [`Job`]
pub type Work<'a> = Pin<Box<dyn Future<Output = Result<Report, SqlError>> + Send + 'a>>;

/// What became of messages
pub struct Report {
    /// One for each message, in their order.
    pub verdicts: Vec<Verdict>,
    /// Organisations that have changed: their consoles are told.
    pub touched: BTreeSet<Uuid>,
    /// What is to be logged once the transaction is committed.
    pub announce: Box<dyn FnOnce() + Send>,
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report")
            .field("verdicts", &self.verdicts)
            .field("touched", &self.touched)
            .finish_non_exhaustive()
    }
}

/// What became of one message
///
/// Errors and reasons are kept with the message and logged: they carry no names and nothing of its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Its work is done, or there was none to do.
    Done,
    /// Not now, says something outside; counts as an attempt.
    RetryAfter { delay: Duration, error: String },
    /// It can never be done: it goes to the dead letters at once.
    Discard { reason: String },
    /// Something unexpected: it is tried again after its backoff, and buried after its last attempt.
    Failed { error: String },
}
