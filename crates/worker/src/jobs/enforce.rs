//! `enforce`: picks the next action of a case.

use db::queue::Message;
use db::{Transaction, casework};
use serde_json::Value;

use super::casework::{CaseWork, Working, run};
use crate::{Job, Work};

/// Gives a case its next action and the task for it, by effective tier and stage
#[derive(Debug, Clone, Copy)]
pub struct Enforce;

impl Job for Enforce {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn run<'a>(&'a self, tx: &'a mut Transaction, messages: &'a [Message]) -> Work<'a> {
        Box::pin(run(self, tx, messages))
    }
}

impl CaseWork for Enforce {
    const KIND: &'static str = "enforce";

    fn work<'a>(&'a self, tx: &'a mut Transaction, payload: &'a Value) -> Working<'a> {
        Box::pin(async move { Ok(casework::pick_next_action(tx, payload).await?) })
    }
}
