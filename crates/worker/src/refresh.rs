//! Set-based refreshes, chunk by chunk.

use std::time::Duration;

use contract::RefreshState;
use db::refreshes::{self, Refresh};
use db::{Actor, Database, SqlError};
use uuid::Uuid;

use crate::Stop;
use crate::failure::is_passing;

/// So many judgments share a transaction: few enough that a publish or an import does not wait long.
const CHUNK: u32 = 20_000;
/// How often a refresh in another worker's hand is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Runs every refresh that is not at its end; each in whatever state its last worker left it
///
/// Refreshes that another worker is at are left to it. Told to stop, it ends after a chunk.
pub async fn run_pending(db: &Database, stop: &Stop) -> Result<(), SqlError> {
    for id in refreshes::running(db).await? {
        tracing::info!(refresh_id = %id, "tier_refresh_start");
        while let Some(refresh) = step(db, id).await? {
            if refresh.run.state != RefreshState::Running {
                log_end(&refresh);
                break;
            }
            if stop.is_stopped() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Refreshes an organisation and waits until it is done; joins a refresh that runs already
///
/// `progress` sees the refresh after every chunk. Refuses with 404 where no policy is published.
pub async fn refresh_now(
    db: &Database,
    org_id: Uuid,
    mut progress: impl FnMut(&Refresh),
) -> Result<Refresh, SqlError> {
    let mut tx = db.begin_as(&Actor::service(org_id)).await?;
    let mut refresh = refreshes::start(&mut tx, org_id).await?;
    tx.commit().await?;
    progress(&refresh);
    while refresh.run.state == RefreshState::Running {
        refresh = match step(db, refresh.id).await? {
            Some(refresh) => {
                if refresh.run.state != RefreshState::Running {
                    log_end(&refresh);
                }
                refresh
            }
            None => {
                tokio::time::sleep(LOOK).await;
                let mut tx = db.begin_as(&Actor::service(org_id)).await?;
                refreshes::find(&mut tx, refresh.id).await?.ok_or(SqlError::RowNotFound)?
            }
        };
        progress(&refresh);
    }
    Ok(refresh)
}

/// The next chunk; a refresh that cannot be done is ended with its error
async fn step(db: &Database, id: Uuid) -> Result<Option<Refresh>, SqlError> {
    match refreshes::step(db, id, CHUNK).await {
        Err(error) if !is_passing(&error) => refreshes::fail(db, id, &error.to_string()).await.map(Some),
        stepped => stepped,
    }
}

fn log_end(refresh: &Refresh) {
    let run = &refresh.run;
    match &run.error {
        None => tracing::info!(
            refresh_id = %refresh.id, policy_revision = run.policy_revision, judgments = run.done, "tier_refresh_complete"
        ),
        Some(error) => tracing::warn!(
            refresh_id = %refresh.id, policy_revision = run.policy_revision, judgments = run.done, %error, "tier_refresh_failed"
        ),
    }
}
