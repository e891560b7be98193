//! The kinds of jobs, one file each.

mod tier_assignment;

use std::sync::Arc;

pub use tier_assignment::TierAssignment;

use crate::Job;

/// Every kind that a worker takes
pub fn all() -> Vec<Arc<dyn Job>> {
    vec![Arc::new(TierAssignment)]
}
