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

/// Every kind that a worker takes
pub fn all() -> Vec<Arc<dyn Job>> {
    vec![
        Arc::new(TierAssignment),
        Arc::new(Enrich),
        Arc::new(Outreach),
        Arc::new(Enforce),
        Arc::new(CaseCopilot::default()),
    ]
}
