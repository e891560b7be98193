//! `enrich`: applies what vendors say of a debtor: scores, contacts, assets.

use db::queue::Message;
use db::{Transaction, casework};
use serde_json::Value;

use super::casework::{CaseWork, Working, run};
use crate::{Job, Work};

/// Merges a vendor's bundle and scores into what is known
///
/// A fact that changes queues the assignment of its tier, as everywhere.
#[derive(Debug, Clone, Copy)]
pub struct Enrich;

impl Job for Enrich {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn run<'a>(&'a self, tx: &'a mut Transaction, messages: &'a [Message]) -> Work<'a> {
        Box::pin(run(self, tx, messages))
    }
}

impl CaseWork for Enrich {
    const KIND: &'static str = "enrich";

    fn work<'a>(&'a self, tx: &'a mut Transaction, payload: &'a Value) -> Working<'a> {
        Box::pin(async move { Ok(casework::apply_enrichment(tx, payload).await?) })
    }
}
