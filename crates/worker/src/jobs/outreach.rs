//! `outreach`: creates the call that is due to a plaintiff, by tier.

use db::queue::Message;
use db::{Transaction, casework};
use serde_json::Value;

use super::casework::{CaseWork, Locks, Working, run};
use crate::{Job, Work};

/// Plans the next call to the plaintiff of a case: the higher the tier, the sooner
///
/// None in tier 0, on a closed case, where one is due already, or where the plaintiff does not want to be called.
#[derive(Debug, Clone, Copy)]
pub struct Outreach;

impl Job for Outreach {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn run<'a>(&'a self, tx: &'a mut Transaction, messages: &'a [Message]) -> Work<'a> {
        Box::pin(run(self, tx, messages))
    }
}

impl CaseWork for Outreach {
    const KIND: &'static str = "outreach";
    const LOCKS: Locks = Locks::JudgmentsAndPlaintiffs;

    fn work<'a>(&'a self, tx: &'a mut Transaction, payload: &'a Value) -> Working<'a> {
        Box::pin(async move { Ok(casework::plan_outreach(tx, payload).await?) })
    }
}
