//! Set-based refreshes, step by step, several steps at a time.

use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use contract::RefreshState;
use db::refreshes::{self, Refresh};
use db::{Actor, Database, SqlError};
use uuid::Uuid;

use crate::Stop;
use crate::failure::is_passing;

/// So many judgments share a transaction: few enough that a publish or an import does not wait long.
const STEP: u32 = 10_000;
/// How often a refresh in other workers' hands is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Goes on with every refresh that is not at its end, in whatever state its last worker left it
///
/// What other workers are at is left to them. Told to stop, it ends after a step.
pub async fn run_pending(db: &Database, stop: &Stop) -> Result<(), SqlError> {
    for id in refreshes::running(db).await? {
        tracing::info!(refresh_id = %id, "tier_refresh_start");
        run(db, id, |_| if stop.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            .await?;
    }
    Ok(())
}

/// Refreshes an organisation and waits until it is done; joins a refresh that runs already
///
/// `progress` sees the refresh after every step. Refuses with 404 where no policy is published.
pub async fn refresh_now(
    db: &Database,
    org_id: Uuid,
    mut progress: impl FnMut(&Refresh) + Send,
) -> Result<Refresh, SqlError> {
    let mut tx = db.begin_as(&Actor::service(org_id)).await?;
    let mut refresh = refreshes::start(&mut tx, org_id).await?;
    tx.commit().await?;
    progress(&refresh);
    loop {
        run(db, refresh.id, |refresh| {
            progress(refresh);
            ControlFlow::Continue(())
        })
        .await?;
        let mut tx = db.begin_as(&Actor::service(org_id)).await?;
        refresh = refreshes::find(&mut tx, refresh.id).await?.ok_or(SqlError::RowNotFound)?;
        if refresh.run.state != RefreshState::Running {
            return Ok(refresh);
        }
        drop(tx);
        progress(&refresh);
        tokio::time::sleep(LOOK).await;
    }
}

/// Takes steps, two at a time, until the refresh is at its end or others are at all that is left
async fn run(
    db: &Database,
    id: Uuid,
    after_step: impl FnMut(&Refresh) -> ControlFlow<()>,
) -> Result<(), SqlError> {
    let after_step = Mutex::new(after_step);
    let lane = async || -> Result<(), SqlError> {
        while let Some(refresh) = step(db, id).await? {
            log_drift(&refresh);
            let flow = after_step.lock().unwrap_or_else(PoisonError::into_inner)(&refresh);
            if refresh.run.state != RefreshState::Running {
                log_end(&refresh);
                break;
            }
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    };
    let (one, other) = tokio::join!(lane(), lane());
    one.and(other)
}

/// The next step; a refresh that cannot be done is ended with its error
async fn step(db: &Database, id: Uuid) -> Result<Option<Refresh>, SqlError> {
    match refreshes::step(db, id, STEP).await {
        Err(error) if !is_passing(&error) => refreshes::fail(db, id, &error.to_string()).await.map(Some),
        stepped => stepped,
    }
}

/// The stored expression and the policy crate are held to each other by tests: this line means that one was changed
fn log_drift(refresh: &Refresh) {
    if refresh.drifted_in_step == 0 {
        return;
    }
    let named: Vec<String> =
        refresh.run.drifts.iter().map(|drift| drift.judgment.judgment_no.to_string()).collect();
    tracing::error!(
        refresh_id = %refresh.id, org_id = %refresh.org_id, policy_revision = refresh.run.policy_revision,
        drifted = refresh.drifted_in_step, judgment_nos = %named.join(","), "tier_refresh_drift"
    );
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
