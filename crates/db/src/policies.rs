//! Tier policies and their life: draft → (scheduled →) published → superseded.

use chrono::{DateTime, Utc};
use contract::{ApprovalState, PolicyApproval, PolicyDetail, PolicySchedule, PolicyState, PolicySummary};
use policy::assertions::PolicyAssertions;
use policy::portfolio::MigrationMatrix;
use policy::receipt::Receipt;
use policy::study::WitnessCase;
use policy::tier::{PostgresTierCase, TierPolicy, TierPolicyDocument};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{SqlError, Transaction, wire};

#[derive(Clone, Copy, sqlx::Type)]
#[sqlx(type_name = "policy_state", rename_all = "snake_case")]
enum StateColumn {
    Draft,
    Scheduled,
    Published,
    Superseded,
}

#[derive(Clone, Copy, sqlx::Type)]
#[sqlx(type_name = "approval_state", rename_all = "snake_case")]
enum ApprovalColumn {
    Requested,
    Approved,
    Declined,
}

#[derive(sqlx::FromRow)]
struct Record {
    id: Uuid,
    name: String,
    state: StateColumn,
    revision: Option<i32>,
    version: i32,
    based_on: Option<i32>,
    digest: String,
    author: Option<String>,
    updated_at: DateTime<Utc>,
    published_at: Option<DateTime<Utc>>,
    published_by: Option<String>,
    note: Option<String>,
    override_note: Option<String>,
    overruled: Option<Vec<String>>,
    receipt: Option<Json<Receipt>>,
    author_id: Option<Uuid>,
    saved_by_id: Option<Uuid>,
    saved_by: Option<String>,
    approval: Option<ApprovalColumn>,
    approval_requested_at: Option<DateTime<Utc>>,
    approval_requested_by: Option<String>,
    approval_request_note: Option<String>,
    approval_answered_at: Option<DateTime<Utc>>,
    approval_answered_by: Option<String>,
    approval_note: Option<String>,
    effective_at: Option<DateTime<Utc>>,
    scheduled_at: Option<DateTime<Utc>>,
    scheduled_by: Option<String>,
    scheduled_over: Option<i32>,
    schedule_error: Option<String>,
}

#[derive(sqlx::FromRow)]
struct DetailRecord {
    #[sqlx(flatten)]
    summary: Record,
    document: Json<TierPolicyDocument>,
    assertions: Json<PolicyAssertions>,
    witnesses: Option<Json<Vec<WitnessCase>>>,
}

const SUMMARY: &str = "select p.id, p.name, p.state, p.revision, p.version, p.based_on, p.digest,
    a.display_name as author, p.updated_at, p.published_at, b.display_name as published_by, p.note, p.override_note, p.overruled, p.receipt, p.document, p.assertions, p.witnesses,
    p.author_id, coalesce(p.saved_by, p.author_id) as saved_by_id, s.display_name as saved_by,
    p.approval, p.approval_requested_at, q.display_name as approval_requested_by, p.approval_request_note,
    p.approval_answered_at, w.display_name as approval_answered_by, p.approval_note,
    p.effective_at, p.scheduled_at, p.scheduled_over, c.display_name as scheduled_by, p.schedule_error
    from public.tier_policies p
    left join public.users a on a.id = p.author_id
    left join public.users b on b.id = p.published_by
    left join public.users s on s.id = coalesce(p.saved_by, p.author_id)
    left join public.users q on q.id = p.approval_requested_by
    left join public.users w on w.id = p.approval_answered_by
    left join public.users c on c.id = p.scheduled_by";

/// Stands for the author of what came with the organisation
const PRODUCT: &str = "Dragonfly";

impl From<Record> for PolicySummary {
    fn from(record: Record) -> Self {
        let is_published = record.published_at.is_some();
        let author = record.author.unwrap_or_else(|| PRODUCT.to_owned());
        let approval =
            record.approval.zip(record.approval_requested_at).map(|(state, requested_at)| PolicyApproval {
                state: match state {
                    ApprovalColumn::Requested => ApprovalState::Requested,
                    ApprovalColumn::Approved => ApprovalState::Approved,
                    ApprovalColumn::Declined => ApprovalState::Declined,
                },
                requested_at: wire::instant(requested_at),
                requested_by: record.approval_requested_by.unwrap_or_else(|| PRODUCT.to_owned()),
                request_note: record.approval_request_note,
                answered_at: record.approval_answered_at.map(wire::instant),
                answered_by: record.approval_answered_by,
                note: record.approval_note,
            });
        let schedule =
            record.effective_at.zip(record.scheduled_at).map(|(effective_at, scheduled_at)| PolicySchedule {
                effective_at: wire::instant(effective_at),
                over_revision: record.scheduled_over.map_or(0, wire::revision),
                scheduled_at: wire::instant(scheduled_at),
                scheduled_by: record.scheduled_by.unwrap_or_else(|| PRODUCT.to_owned()),
                error: record.schedule_error,
            });
        Self {
            id: record.id.to_string(),
            name: record.name,
            state: match record.state {
                StateColumn::Draft => PolicyState::Draft,
                StateColumn::Scheduled => PolicyState::Scheduled,
                StateColumn::Published => PolicyState::Published,
                StateColumn::Superseded => PolicyState::Superseded,
            },
            revision: record.revision.map(wire::revision),
            version: wire::revision(record.version),
            based_on: record.based_on.map(wire::revision),
            digest: record.digest,
            author_id: record.author_id.map(|id| id.to_string()),
            saved_by: record.saved_by.unwrap_or_else(|| author.clone()),
            saved_by_id: record.saved_by_id.map(|id| id.to_string()),
            author,
            updated_at: wire::instant(record.updated_at),
            published_at: record.published_at.map(wire::instant),
            published_by: record.published_by.or_else(|| is_published.then(|| PRODUCT.to_owned())),
            note: record.note,
            override_note: record.override_note,
            overruled: record.overruled.unwrap_or_default(),
            receipt: record.receipt.map(|receipt| receipt.0),
            approval,
            schedule,
        }
    }
}

impl From<DetailRecord> for PolicyDetail {
    fn from(record: DetailRecord) -> Self {
        Self {
            summary: record.summary.into(),
            policy: record.document.0,
            assertions: record.assertions.0,
            witnesses: record.witnesses.map(|witnesses| witnesses.0).unwrap_or_default(),
        }
    }
}

/// The published policy first, then a scheduled one, then drafts, the newest save first, then superseded revisions, the newest first
pub async fn list(tx: &mut Transaction) -> Result<Vec<PolicySummary>, SqlError> {
    let records: Vec<Record> = sqlx::query_as(&format!(
        "{SUMMARY} where p.org_id = (select public.current_org_id())
         order by p.state = 'superseded', p.state = 'draft', p.revision desc nulls last, p.updated_at desc, p.id"
    ))
    .fetch_all(&mut **tx)
    .await?;
    Ok(records.into_iter().map(PolicySummary::from).collect())
}

/// One policy of the caller's organisation
pub async fn find(tx: &mut Transaction, id: Uuid) -> Result<Option<PolicyDetail>, SqlError> {
    let record: Option<DetailRecord> =
        sqlx::query_as(&format!("{SUMMARY} where p.id = $1")).bind(id).fetch_optional(&mut **tx).await?;
    Ok(record.map(PolicyDetail::from))
}

/// The published policy of the caller's organisation, as people see it
pub async fn find_published(tx: &mut Transaction) -> Result<Option<PolicyDetail>, SqlError> {
    let record: Option<DetailRecord> = sqlx::query_as(&format!(
        "{SUMMARY} where p.org_id = (select public.current_org_id()) and p.state = 'published'"
    ))
    .fetch_optional(&mut **tx)
    .await?;
    Ok(record.map(PolicyDetail::from))
}

/// The published policy of the caller's organisation, ready to decide, with its revision
pub async fn published(tx: &mut Transaction) -> Result<Option<(u32, TierPolicy)>, SqlError> {
    let found: Option<(i32, Json<TierPolicy>)> = sqlx::query_as(
        "select revision, document from public.tier_policies
          where org_id = (select public.current_org_id()) and state = 'published'",
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(found.map(|(revision, policy)| (wire::revision(revision), policy.0)))
}

/// Reads a policy by its id, ready to decide, whatever its state
pub async fn load(tx: &mut Transaction, id: Uuid) -> Result<TierPolicy, SqlError> {
    let (policy,): (Json<TierPolicy>,) =
        sqlx::query_as("select document from public.tier_policies where id = $1")
            .bind(id)
            .fetch_one(&mut **tx)
            .await?;
    Ok(policy.0)
}

/// Starts a draft, based on the revision that is published now
///
/// Without `assertions` it takes over those of that revision.
pub async fn create_draft(
    tx: &mut Transaction,
    name: &str,
    policy: &TierPolicy,
    assertions: Option<&PolicyAssertions>,
) -> Result<Uuid, SqlError> {
    let (id,): (Uuid,) = sqlx::query_as(
        "insert into public.tier_policies (org_id, name, document, digest, assertions, author_id, based_on)
         select public.current_org_id(), btrim($1), $2, $3, coalesce($4, p.assertions, '{}'), public.current_user_id(), p.revision
           from (select 1) one
           left join public.tier_policies p on p.org_id = public.current_org_id() and p.state = 'published'
         returning id",
    )
    .bind(name)
    .bind(Json(policy.document()))
    .bind(policy.digest().as_str())
    .bind(assertions.map(Json))
    .fetch_one(&mut **tx)
    .await?;
    Ok(id)
}

/// Starts a draft with document and assertions of another policy; None where there is none of this id
pub async fn restore(tx: &mut Transaction, id: Uuid, name: &str) -> Result<Option<Uuid>, SqlError> {
    let restored: Option<(Uuid,)> = sqlx::query_as(
        "insert into public.tier_policies (org_id, name, document, digest, assertions, author_id, based_on)
         select p.org_id, btrim($2), p.document, p.digest, p.assertions, public.current_user_id(), coalesce(p.revision, p.based_on)
           from public.tier_policies p where p.id = $1
         returning id",
    )
    .bind(id)
    .bind(name)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(restored.map(|(id,)| id))
}

/// Saves a draft; false where there is no draft of this id and version
///
/// Without `assertions` they stay as they are.
pub async fn save_draft(
    tx: &mut Transaction,
    id: Uuid,
    expected_version: u32,
    name: &str,
    policy: &TierPolicy,
    assertions: Option<&PolicyAssertions>,
) -> Result<bool, SqlError> {
    let saved = sqlx::query(
        "update public.tier_policies
            set name = btrim($3), document = $4, digest = $5, assertions = coalesce($6, assertions),
                version = version + 1, updated_at = public.app_now()
          where id = $1 and version::bigint = $2 and state = 'draft'",
    )
    .bind(id)
    .bind(i64::from(expected_version))
    .bind(name)
    .bind(Json(policy.document()))
    .bind(policy.digest().as_str())
    .bind(assertions.map(Json))
    .execute(&mut **tx)
    .await?;
    Ok(saved.rows_affected() == 1)
}

/// Discards a draft; false where there is none of this id
pub async fn discard_draft(tx: &mut Transaction, id: Uuid) -> Result<bool, SqlError> {
    let discarded = sqlx::query("delete from public.tier_policies where id = $1 and state = 'draft'")
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(discarded.rows_affected() == 1)
}

/// Locks a draft until the transaction ends, so that what is compiled from it is what is published
pub async fn lock_draft(
    tx: &mut Transaction,
    id: Uuid,
) -> Result<Option<(TierPolicy, PolicyAssertions)>, SqlError> {
    let found: Option<(Json<TierPolicy>, Json<PolicyAssertions>)> = sqlx::query_as(
        "select document, assertions from public.tier_policies where id = $1 and state = 'draft' for update",
    )
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(found.map(|(policy, assertions)| (policy.0, assertions.0)))
}

/// What a publish needs to know beside the draft's id
#[derive(Debug)]
pub struct Publish<'a> {
    pub expected_version: u32,
    pub expected_revision: u32,
    pub note: &'a str,
    /// Compiled from the draft that this transaction has locked.
    pub compiled: PostgresTierCase,
    pub previewed: &'a MigrationMatrix,
    /// Text form of a `pg_snapshot`.
    pub snapshot: &'a str,
    /// Why it is published though assertions fail.
    pub override_note: Option<&'a str>,
    /// Kept with the revision; whoever publishes has made it again.
    pub receipt: &'a Receipt,
}

/// What a publish has begun
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Begun {
    pub refresh_id: Uuid,
    /// The policy that was superseded.
    pub before_policy_id: Option<Uuid>,
    pub policy_revision: i32,
}

/// Promotes a draft and begins the refresh
///
/// Holds the lock on which assignments wait, from here to the end of the transaction. Refuses, by a
/// [`Refusal`](crate::Refusal) with `draft_moved` or `revision_moved`, what does not build on the present state.
pub async fn publish(tx: &mut Transaction, id: Uuid, publish: Publish<'_>) -> Result<Begun, SqlError> {
    sqlx::query_as(
        "select r.id as refresh_id, r.before_policy_id, r.policy_revision
           from public.publish_tier_policy($1, $2, $3, $4, $5, $6, $7, $8, $9::text::pg_snapshot, $10, $11) r",
    )
    .bind(id)
    .bind(wire::saturated(publish.expected_version))
    .bind(wire::saturated(publish.expected_revision))
    .bind(publish.note)
    .bind(publish.compiled.tier)
    .bind(publish.compiled.decided_by)
    .bind(publish.compiled.reason)
    .bind(Json(publish.previewed))
    .bind(publish.snapshot)
    .bind(publish.override_note)
    .bind(Json(publish.receipt))
    .fetch_one(&mut **tx)
    .await
}

/// Keeps which assertions the note overrules with the policy that this transaction publishes or schedules
pub async fn keep_overruled(tx: &mut Transaction, id: Uuid, places: &[&str]) -> Result<(), SqlError> {
    sqlx::query("select public.keep_overruled_assertions($1, $2)")
        .bind(id)
        .bind(places)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Keeps witnesses with the policy that this transaction publishes
pub async fn keep_witnesses(
    tx: &mut Transaction,
    id: Uuid,
    witnesses: &[WitnessCase],
) -> Result<(), SqlError> {
    sqlx::query("select public.keep_policy_witnesses($1, $2)")
        .bind(id)
        .bind(Json(witnesses))
        .execute(&mut **tx)
        .await?;
    Ok(())
}
