//! The log of what was done to policies: append-only, kept by trigger.

use chrono::{DateTime, Utc};
use contract::PolicyEvent;
use policy::receipt::Receipt;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{SqlError, Transaction, wire};

/// Events that a list answers at most
const LISTED_MAX: i64 = 500;

#[derive(sqlx::FromRow)]
struct Record {
    policy_id: Option<Uuid>,
    policy_name: Option<String>,
    at: DateTime<Utc>,
    kind: String,
    actor_name: Option<String>,
    version: Option<i32>,
    revision: Option<i32>,
    digest: Option<String>,
    note: Option<String>,
    override_note: Option<String>,
    receipt: Option<Json<Receipt>>,
    effective_at: Option<DateTime<Utc>>,
}

/// The newest events of a policy, or of every policy of the caller's organisation, newest first; at most 500
///
/// A discarded draft still has its own.
pub async fn list(tx: &mut Transaction, policy_id: Option<Uuid>) -> Result<Vec<PolicyEvent>, SqlError> {
    let records: Vec<Record> = sqlx::query_as(
        "select policy_id, policy_name, at, kind, actor_name, version, revision, digest, note, override_note, receipt, effective_at
           from public.tier_policy_events
          where org_id = (select public.current_org_id()) and ($1 is null or policy_id = $1)
          order by id desc limit $2",
    )
    .bind(policy_id)
    .bind(LISTED_MAX)
    .fetch_all(&mut **tx)
    .await?;
    Ok(records
        .into_iter()
        .map(|record| PolicyEvent {
            policy_id: record.policy_id.map(|id| id.to_string()),
            policy_name: record.policy_name,
            at: wire::instant(record.at),
            kind: record.kind,
            actor: record.actor_name,
            version: record.version.map(wire::revision),
            revision: record.revision.map(wire::revision),
            digest: record.digest,
            note: record.note,
            override_note: record.override_note,
            receipt: record.receipt.map(|receipt| receipt.0),
            effective_at: record.effective_at.map(wire::instant),
        })
        .collect())
}
