//! Policies that wait for their time, and their publication when it has come.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use policy::assertions::PolicyAssertions;
use policy::portfolio::MigrationMatrix;
use policy::receipt::Receipt;
use policy::tier::{PostgresTierCase, TierPolicy};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{Actor, Database, SqlError, Transaction, wire};

/// A point in time that somebody names
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EffectiveAt(DateTime<Utc>);

/// Text that is no point in time
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a time such as `2030-01-31T06:00:00Z`")]
pub struct EffectiveAtError;

impl FromStr for EffectiveAt {
    type Err = EffectiveAtError;

    /// Reads RFC 3339
    fn from_str(text: &str) -> Result<Self, EffectiveAtError> {
        let instant = DateTime::parse_from_rfc3339(text).map_err(|_| EffectiveAtError)?;
        Ok(Self(instant.with_timezone(&Utc)))
    }
}

/// What scheduling needs to know beside the draft's id
#[derive(Debug)]
pub struct Schedule<'a> {
    pub expected_version: u32,
    pub expected_revision: u32,
    pub note: &'a str,
    /// Why it is to be published though assertions fail.
    pub override_note: Option<&'a str>,
    pub receipt: &'a Receipt,
    pub effective_at: EffectiveAt,
}

/// Has a draft published later
///
/// Refuses what a publish refuses, what is not in the future and within a year, and a second one.
pub async fn schedule(tx: &mut Transaction, id: Uuid, schedule: Schedule<'_>) -> Result<(), SqlError> {
    sqlx::query("select public.schedule_tier_policy($1, $2, $3, $4, $5, $6, $7)")
        .bind(id)
        .bind(wire::saturated(schedule.expected_version))
        .bind(wire::saturated(schedule.expected_revision))
        .bind(schedule.note)
        .bind(schedule.override_note)
        .bind(Json(schedule.receipt))
        .bind(schedule.effective_at.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Makes a scheduled policy a draft again; refuses with 404 where it is none
pub async fn cancel(tx: &mut Transaction, id: Uuid) -> Result<(), SqlError> {
    sqlx::query("select public.cancel_tier_policy_schedule($1)").bind(id).execute(&mut **tx).await?;
    Ok(())
}

/// Scheduled policies whose time has come, with their organisations; not those that failed already
pub async fn due(db: &Database) -> Result<Vec<(Uuid, Uuid)>, SqlError> {
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    sqlx::query_as(
        "select org_id, id from public.tier_policies
          where state = 'scheduled' and effective_at <= public.app_now() and schedule_error is null
          order by effective_at, id",
    )
    .fetch_all(&mut *tx)
    .await
}

/// A scheduled policy whose time has come, held until the transaction ends
#[derive(Debug)]
pub struct Due {
    pub policy: TierPolicy,
    pub assertions: PolicyAssertions,
    /// Whether the document is the one that was scheduled: by its digest.
    pub is_genuine: bool,
    /// The places of assertions that may fail: those that its note overrules.
    pub overruled: Vec<String>,
    /// Of the facts that are read from here on: later ones count as moved.
    pub snapshot: String,
}

#[derive(sqlx::FromRow)]
struct DueRecord {
    document: Json<TierPolicy>,
    assertions: Json<PolicyAssertions>,
    digest: String,
    receipt_policy: Option<String>,
    overruled: Option<Vec<String>>,
}

/// Locks a scheduled policy that is due, and the policies of its organisation; None where somebody else has it
pub async fn lock_due(tx: &mut Transaction, org_id: Uuid, id: Uuid) -> Result<Option<Due>, SqlError> {
    let found: Option<DueRecord> = sqlx::query_as(
        "select document, assertions, digest, receipt ->> 'policy' as receipt_policy, overruled
           from public.tier_policies
          where id = $1 and state = 'scheduled' and effective_at <= public.app_now() and schedule_error is null
            for update skip locked",
    )
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?;
    let Some(found) = found else { return Ok(None) };
    // Before the facts are read, so that no assignment under the old revision commits after they are.
    sqlx::query("select pg_advisory_xact_lock(public.tier_policy_lock($1))")
        .bind(org_id)
        .execute(&mut **tx)
        .await?;
    let (snapshot,) = sqlx::query_as("select pg_current_snapshot()::text").fetch_one(&mut **tx).await?;
    let digest = found.document.digest();
    Ok(Some(Due {
        is_genuine: found.digest == digest.as_str()
            && found.receipt_policy.is_none_or(|receipt| receipt == digest.as_str()),
        policy: found.document.0,
        assertions: found.assertions.0,
        overruled: found.overruled.unwrap_or_default(),
        snapshot,
    }))
}

/// Publishes a scheduled policy that is locked, and begins the refresh; answers the revision
///
/// Refuses, by a [`Refusal`](crate::Refusal), where another revision was published meanwhile or an approval is missing.
pub async fn publish(
    tx: &mut Transaction,
    id: Uuid,
    compiled: PostgresTierCase,
    counted: &MigrationMatrix,
    snapshot: &str,
) -> Result<u32, SqlError> {
    let (revision,): (i32,) = sqlx::query_as(
        "select r.policy_revision
           from public.publish_scheduled_tier_policy($1, $2, $3, $4, $5, $6::text::pg_snapshot) r",
    )
    .bind(id)
    .bind(compiled.tier)
    .bind(compiled.decided_by)
    .bind(compiled.reason)
    .bind(Json(counted))
    .bind(snapshot)
    .fetch_one(&mut **tx)
    .await?;
    Ok(wire::revision(revision))
}

/// Notes why a scheduled policy was not published; false where it is no longer due
pub async fn fail(tx: &mut Transaction, id: Uuid, reason: &str) -> Result<bool, SqlError> {
    let failed = sqlx::query(
        "update public.tier_policies set schedule_error = $2
          where id = $1 and state = 'scheduled' and effective_at <= public.app_now() and schedule_error is null",
    )
    .bind(id)
    .bind(reason)
    .execute(&mut **tx)
    .await?;
    Ok(failed.rows_affected() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_with_its_zone_or_not_at_all() {
        let read = |text: &str| text.parse::<EffectiveAt>();
        assert_eq!(read("2030-01-31T06:00:00Z"), read("2030-01-31T01:00:00-05:00"));
        assert!(read("2030-01-31T06:00:00Z").is_ok());
        for text in ["", "tomorrow", "2030-01-31", "2030-01-31T06:00:00", "2030-02-31T06:00:00Z"] {
            assert_eq!(read(text), Err(EffectiveAtError), "{text}");
        }
    }
}
