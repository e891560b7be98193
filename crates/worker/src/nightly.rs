//! The nightly schedule: once a local day, after 02:00, an organisation's judgments are enqueued anew.
//!
//! Overrides that have expired are cleared on the way; the effective tier goes by the clock and does not wait for it.

use db::{Database, SqlError};
use uuid::Uuid;

/// Enqueues the judgments of every organisation whose night has come; answers how many of which
///
/// Whoever records the night first does it; other workers find it done.
pub async fn run_due(db: &Database) -> Result<Vec<(Uuid, i64)>, SqlError> {
    let mut nights = Vec::new();
    for org_id in db::nightly::due(db).await? {
        if let Some(enqueued) = db::nightly::run(db, org_id).await? {
            tracing::info!(%org_id, enqueued, "nightly_enqueued");
            nights.push((org_id, enqueued));
        }
    }
    Ok(nights)
}
