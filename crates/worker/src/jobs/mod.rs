//! The kinds of jobs, one file each.

mod case_copilot;
mod casework;
mod enforce;
mod enrich;
mod outreach;
mod tier_assignment;

use std::sync::Arc;

pub use case_copilot::{Brief, BriefProvider, CaseCopilot, Writing};
pub use enforce::Enforce;
pub use enrich::Enrich;
pub use outreach::Outreach;
pub use tier_assignment::TierAssignment;

use crate::Job;
use crate::chat::ChatModel;

/// Every kind that a worker takes; a language model, where there is one, writes the briefs
pub fn all(chat_model: Option<ChatModel>) -> Vec<Arc<dyn Job>> {
    vec![
        Arc::new(TierAssignment),
        Arc::new(Enrich),
        Arc::new(Outreach),
        Arc::new(Enforce),
        Arc::new(chat_model.map_or_else(CaseCopilot::default, |model| CaseCopilot::new(Arc::new(model)))),
    ]
}
