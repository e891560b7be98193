//! Scheduled policies, published when their time has come.

use db::schedules::{self, Due};
use db::{Actor, Database, Refusal, SqlError, Transaction, policies, portfolio};
use policy::assertions::{CheckedAssertion, failing_besides, in_words};
use policy::portfolio::{MigrationMatrix, TierMigration};
use policy::study::{WitnessCase, witness_cases};
use uuid::Uuid;

use crate::failure::is_passing;

/// Publishes every policy that is due, or notes why it cannot be; answers those that were published
///
/// Each in one transaction: a worker that is killed leaves it as it was, and of several workers one does it.
pub async fn run_due(db: &Database) -> Result<Vec<Uuid>, SqlError> {
    let mut published = Vec::new();
    for (org_id, id) in schedules::due(db).await? {
        match publish(db, org_id, id).await {
            Ok(Outcome::Published { revision }) => {
                tracing::info!(%org_id, policy_id = %id, policy_revision = revision, "policy_schedule_published");
                published.push(id);
            }
            Ok(Outcome::Stopped { reason }) => log_stop(org_id, id, &reason),
            Ok(Outcome::Elsewhere) => {}
            Err(error) if is_passing(&error) => return Err(error),
            // What cannot be done is not tried for ever: it waits for an admin, who is told why.
            Err(error) => {
                let reason = Refusal::of(&error).map_or_else(|| error.to_string(), |refusal| refusal.message);
                let mut tx = db.begin_as(&Actor::service(org_id)).await?;
                if schedules::fail(&mut tx, id, &reason).await? {
                    tx.commit().await?;
                    log_stop(org_id, id, &reason);
                }
            }
        }
    }
    Ok(published)
}

enum Outcome {
    Published {
        revision: u32,
    },
    Stopped {
        reason: String,
    },
    /// Another worker has it, or an admin has cancelled it.
    Elsewhere,
}

fn log_stop(org_id: Uuid, id: Uuid, reason: &str) {
    tracing::warn!(%org_id, policy_id = %id, %reason, "policy_schedule_failed");
}

async fn publish(db: &Database, org_id: Uuid, id: Uuid) -> Result<Outcome, SqlError> {
    let mut tx = db.begin_as(&Actor::service(org_id)).await?;
    let Some(due) = schedules::lock_due(&mut tx, org_id, id).await? else {
        return Ok(Outcome::Elsewhere);
    };
    if !due.is_genuine {
        return stop(tx, id, "its document is not the one that was scheduled".to_owned()).await;
    }
    let compiled = due.policy.to_postgres();
    let (snapshot, overruled) = (due.snapshot.clone(), due.overruled.clone());
    let Counted { matrix, checked, witnesses } = match count(&mut tx, due).await? {
        Ok(counted) => counted,
        Err(reason) => return stop(tx, id, reason).await,
    };
    let failing = failing_besides(&checked, &overruled);
    if !failing.is_empty() {
        let which = match overruled.is_empty() {
            true => "assertions that it carries",
            false => "assertions that its note does not overrule",
        };
        return stop(tx, id, format!("it breaks {which}: {}", in_words(&failing))).await;
    }
    let revision = schedules::publish(&mut tx, id, compiled, &matrix, &snapshot).await?;
    policies::keep_witnesses(&mut tx, id, &witnesses).await?;
    tx.commit().await?;
    Ok(Outcome::Published { revision })
}

async fn stop(mut tx: Transaction, id: Uuid, reason: String) -> Result<Outcome, SqlError> {
    schedules::fail(&mut tx, id, &reason).await?;
    tx.commit().await?;
    Ok(Outcome::Stopped { reason })
}

/// What a policy does to today's judgments
struct Counted {
    matrix: MigrationMatrix,
    checked: Vec<CheckedAssertion>,
    witnesses: Vec<WitnessCase>,
}

/// What the policy does to today's judgments, or why that cannot be told
async fn count(tx: &mut Transaction, due: Due) -> Result<Result<Counted, String>, SqlError> {
    let Some((_, before)) = policies::published(tx).await? else {
        return Ok(Err("the organisation has no published policy".to_owned()));
    };
    let portfolio = match portfolio::read(tx).await {
        Ok(portfolio) => portfolio,
        Err(portfolio::ReadError::Database(error)) => return Err(error),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let counted = tokio::task::spawn_blocking(move || {
        let migration = TierMigration::between(&before.compile(), &due.policy.compile(), &portfolio);
        let checked = due.assertions.check(&due.policy, &portfolio, &migration);
        let witnesses = witness_cases(&due.policy, Some(&portfolio));
        Counted { matrix: migration.matrix(), checked, witnesses }
    });
    Ok(counted.await.map_err(|error| error.to_string()))
}
