//! What the jobs on cases do. Run as [`Actor::service`](crate::Actor::service); each message is worked on for its organisation,
//! in a savepoint of its own, so that one that cannot be done takes no other with it.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{SqlError, Transaction};

/// Begins the work of a message for its organisation; end it with [`keep`] or [`undo`]
pub async fn begin(tx: &mut Transaction, org_id: Uuid) -> Result<(), SqlError> {
    sqlx::query("savepoint message").execute(&mut **tx).await?;
    set_context(tx, &org_id.to_string(), "automation").await
}

/// Keeps what was done for the message
pub async fn keep(tx: &mut Transaction) -> Result<(), SqlError> {
    sqlx::query("release savepoint message").execute(&mut **tx).await?;
    set_context(tx, "", "").await
}

/// Takes back what was done for the message
pub async fn undo(tx: &mut Transaction) -> Result<(), SqlError> {
    // The settings go back with the rest.
    sqlx::query("rollback to savepoint message").execute(&mut **tx).await?;
    Ok(())
}

/// Locks the judgments that messages name, or whose cases they name, until the transaction ends
///
/// Comes before the first [`begin`], and names each with the organisation of its message. Then the work of the messages finds
/// locked what it would lock in their order, which is anybody's.
pub async fn lock_judgments(tx: &mut Transaction, named: &[(Uuid, Uuid)]) -> Result<(), SqlError> {
    // In the order in which refreshes lock, so that neither waits for the other in a circle.
    lock(
        tx,
        "select from public.core_judgments j
          where (j.org_id, j.id) in (
            select n.org_id, n.id from unnest($1::uuid[], $2::uuid[]) as n (org_id, id)
            union
            select c.org_id, c.judgment_id from unnest($1::uuid[], $2::uuid[]) as n (org_id, id)
              join public.enforcement_cases c on c.org_id = n.org_id and c.id = n.id)
          order by j.judgment_no
            for no key update",
        named,
    )
    .await
}

/// Locks the plaintiffs of the cases that messages name until the transaction ends; comes after [`lock_judgments`]
pub async fn lock_plaintiffs(tx: &mut Transaction, named: &[(Uuid, Uuid)]) -> Result<(), SqlError> {
    lock(
        tx,
        "select from public.plaintiffs p
          where (p.org_id, p.id) in (
            select c.org_id, c.plaintiff_id from unnest($1::uuid[], $2::uuid[]) as n (org_id, id)
              join public.enforcement_cases c on c.org_id = n.org_id and c.id = n.id)
          order by p.id
            for no key update",
        named,
    )
    .await
}

async fn lock(tx: &mut Transaction, sql: &str, named: &[(Uuid, Uuid)]) -> Result<(), SqlError> {
    if named.is_empty() {
        return Ok(());
    }
    let (org_ids, ids): (Vec<Uuid>, Vec<Uuid>) = named.iter().copied().unzip();
    sqlx::query(sql).bind(org_ids).bind(ids).execute(&mut **tx).await?;
    Ok(())
}

async fn set_context(tx: &mut Transaction, org_id: &str, actor_type: &str) -> Result<(), SqlError> {
    sqlx::query(
        "select set_config('dragonfly.org_id', $1, true), set_config('dragonfly.actor_type', $2, true)",
    )
    .bind(org_id)
    .bind(actor_type)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Applies what a vendor says of a debtor; a fact that changes queues the tier
pub async fn apply_enrichment(tx: &mut Transaction, payload: &Value) -> Result<Value, SqlError> {
    answer(tx, "select public.apply_enrichment($1)", payload).await
}

/// Creates the call that is due to the plaintiff of a case, or says why there is none
pub async fn plan_outreach(tx: &mut Transaction, payload: &Value) -> Result<Value, SqlError> {
    answer(tx, "select public.plan_outreach(public.rpc_uuid($1, 'case_id'))", payload).await
}

/// Gives a case its next action, or says why there is none
pub async fn pick_next_action(tx: &mut Transaction, payload: &Value) -> Result<Value, SqlError> {
    answer(tx, "select public.pick_next_action(public.rpc_uuid($1, 'case_id'))", payload).await
}

async fn answer(tx: &mut Transaction, sql: &str, payload: &Value) -> Result<Value, SqlError> {
    let (Json(answer),) = sqlx::query_as(sql).bind(Json(payload)).fetch_one(&mut **tx).await?;
    Ok(answer)
}

/// All that a brief of a case is made of; money and scores are decimals as text
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseFacts {
    pub case_number: String,
    pub court: Option<String>,
    pub plaintiff: String,
    pub defendant: Option<String>,
    pub judgment_amount: String,
    pub balance: Option<String>,
    pub recovered: String,
    pub judgment_date: Option<NaiveDate>,
    pub status: String,
    pub collectability_score: Option<String>,
    /// The one that counts now.
    pub tier: Option<u8>,
    pub computed_tier: Option<u8>,
    /// Of that one.
    pub tier_reason: Option<String>,
    pub computed_tier_reason: Option<String>,
    /// Both while an override counts.
    pub override_note: Option<String>,
    pub override_expires_at: Option<DateTime<Utc>>,
    pub stage: String,
    pub days_in_stage: i32,
    pub sla_days: Option<i32>,
    pub next_action_at: Option<DateTime<Utc>>,
    pub is_past_due: bool,
    pub is_closed: bool,
    pub is_blocked: bool,
    pub blocked_until: Option<DateTime<Utc>>,
    pub assets: Vec<String>,
    /// Newest first.
    pub actions: Vec<ActionFacts>,
    /// Open ones, those that are due first in front.
    pub tasks: Vec<TaskFacts>,
    /// The last twenty events, newest first.
    pub timeline: Vec<EventFacts>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionFacts {
    #[serde(rename = "type")]
    pub action_type: String,
    pub status: String,
    pub opened_at: DateTime<Utc>,
    pub has_document: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskFacts {
    pub title: String,
    pub due_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventFacts {
    pub at: DateTime<Utc>,
    pub kind: String,
    pub actor: String,
    pub note: Option<String>,
}

/// The facts of a case: as they are kept with its brief, and typed
pub async fn case_facts(tx: &mut Transaction, payload: &Value) -> Result<(Value, CaseFacts), SqlError> {
    let facts =
        answer(tx, "select public.case_copilot_facts(public.rpc_uuid($1, 'case_id'))", payload).await?;
    let typed = serde_json::from_value(facts.clone()).map_err(|error| SqlError::Decode(Box::new(error)))?;
    Ok((facts, typed))
}

/// A brief of a case, to be kept
#[derive(Debug, Clone, Copy)]
pub struct NewBrief<'a> {
    pub text: &'a str,
    pub facts: &'a Value,
    pub next_steps: &'a [String],
    /// Who wrote it.
    pub provider: &'a str,
}

/// Keeps a brief of the case that the payload names; `v_case_copilot_latest` shows it
pub async fn keep_brief(tx: &mut Transaction, payload: &Value, brief: NewBrief<'_>) -> Result<i64, SqlError> {
    let (id,) = sqlx::query_as(
        "select public.keep_case_brief(public.rpc_uuid($1, 'case_id'), $2, $3, $4, $5, public.rpc_text($1, 'requested_by'))",
    )
    .bind(Json(payload))
    .bind(brief.text)
    .bind(Json(brief.facts))
    .bind(Json(brief.next_steps))
    .bind(brief.provider)
    .fetch_one(&mut **tx)
    .await?;
    Ok(id)
}
