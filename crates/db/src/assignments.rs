//! What a tier assignment reads, locks and writes. Run as [`Actor::service`](crate::Actor::service).

use policy::tier::{AssetSignals, Cents, JudgmentFacts, Score, TierPolicyDocument};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{SqlError, Transaction};

/// A judgment as an assignment reads it
#[derive(Debug, Clone, PartialEq)]
pub struct LockedJudgment {
    pub id: Uuid,
    pub org_id: Uuid,
    pub judgment_no: i64,
    pub status: String,
    /// Closed judgments are not tiered.
    pub is_closed: bool,
    pub facts: JudgmentFacts,
    /// None until first tiered.
    pub assigned: Option<Assigned>,
}

/// What a judgment was assigned last
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// 0 to 3
    pub tier: u8,
    pub reason: String,
    /// `rule/arm`; None where the fallback decided.
    pub decided_by: Option<String>,
    pub policy_digest: String,
}

/// A published policy, held until the transaction ends
#[derive(Debug, Clone, PartialEq)]
pub struct HeldPolicy {
    pub org_id: Uuid,
    pub revision: i32,
    pub digest: String,
    pub document: TierPolicyDocument,
}

/// An assignment to be written
#[derive(Debug, Clone, PartialEq)]
pub struct NewAssignment {
    pub judgment_id: Uuid,
    pub assigned: Assigned,
    pub policy_revision: i32,
    /// What the judgment had before, if anything.
    pub old_tier: Option<u8>,
    /// Whether the history gets a row: tier, reason, deciding arm or policy differ from before.
    pub is_change: bool,
}

/// Which organisation each of the judgments belongs to; judgments that do not exist are left out
///
/// Locks nothing: a judgment never changes hands.
pub async fn organisations_of(
    tx: &mut Transaction,
    judgment_ids: &[Uuid],
) -> Result<Vec<(Uuid, Uuid)>, SqlError> {
    sqlx::query_as("select id, org_id from public.core_judgments where id = any ($1)")
        .bind(judgment_ids)
        .fetch_all(&mut **tx)
        .await
}

/// The published policies of organisations; no other is published there until the transaction ends
///
/// Comes before [`lock_judgments`]: everybody locks in this order.
pub async fn hold_published_policies(
    tx: &mut Transaction,
    org_ids: &[Uuid],
) -> Result<Vec<HeldPolicy>, SqlError> {
    let rows: Vec<(Uuid, i32, String, Json<TierPolicyDocument>)> =
        sqlx::query_as("select org_id, revision, digest, document from public.hold_published_policies($1)")
            .bind(org_ids)
            .fetch_all(&mut **tx)
            .await?;
    Ok(rows
        .into_iter()
        .map(|(org_id, revision, digest, document)| HeldPolicy {
            org_id,
            revision,
            digest,
            document: document.0,
        })
        .collect())
}

/// Reads judgments and locks them until the transaction ends, so that their facts stay as they are read
pub async fn lock_judgments(
    tx: &mut Transaction,
    judgment_ids: &[Uuid],
) -> Result<Vec<LockedJudgment>, SqlError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        id: Uuid,
        org_id: Uuid,
        judgment_no: i64,
        status: String,
        is_closed: bool,
        score_hundredths: Option<i16>,
        balance_cents: Option<i64>,
        asset_signals: i16,
        tier: Option<i16>,
        tier_reason: Option<String>,
        tier_decided_by: Option<String>,
        tier_policy_digest: Option<String>,
    }
    // In the order in which refreshes lock, so that neither waits for the other in a circle.
    let rows: Vec<Row> = sqlx::query_as(
        "select id, org_id, judgment_no, status, public.is_closed_status(status) as is_closed,
                (collectability_score * 100)::smallint as score_hundredths, (balance_due * 100)::bigint as balance_cents,
                asset_signals, tier, tier_reason, tier_decided_by, tier_policy_digest
           from public.core_judgments
          where id = any ($1)
          order by judgment_no
            for no key update",
    )
    .bind(judgment_ids)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| LockedJudgment {
            id: row.id,
            org_id: row.org_id,
            judgment_no: row.judgment_no,
            status: row.status,
            is_closed: row.is_closed,
            // Checks of the table keep all of these in their ranges.
            facts: JudgmentFacts {
                score: row.score_hundredths.and_then(|score| Score::from_hundredths(score.try_into().ok()?)),
                balance: row.balance_cents.and_then(Cents::from_cents),
                signals: AssetSignals::from_bits(row.asset_signals as u8),
            },
            assigned: row.tier.map(|tier| Assigned {
                tier: tier as u8,
                reason: row.tier_reason.unwrap_or_default(),
                decided_by: row.tier_decided_by,
                policy_digest: row.tier_policy_digest.unwrap_or_default(),
            }),
        })
        .collect())
}

/// Writes assignments of locked judgments: to the judgment, to its open case, and to the history where it is a change
///
/// Names each judgment at most once. `tier_as_of` moves even where nothing else does.
pub async fn write(tx: &mut Transaction, assignments: &[NewAssignment]) -> Result<(), SqlError> {
    if assignments.is_empty() {
        return Ok(());
    }
    let column = |tier: u8| i16::from(tier);
    sqlx::query(
        "with outcome as materialized (
           select * from unnest($1::uuid[], $2::smallint[], $3::text[], $4::text[], $5::text[], $6::int[], $7::smallint[], $8::boolean[])
                      as o (id, tier, reason, decided_by, digest, revision, old_tier, is_change)
         ), written as (
           update public.core_judgments j
              set tier = o.tier, tier_reason = o.reason, tier_decided_by = o.decided_by, tier_as_of = public.app_now(),
                  tier_policy_revision = o.revision, tier_policy_digest = o.digest
             from outcome o
            where j.id = o.id
           returning j.org_id, j.collectability_score, j.asset_signals, o.*
         ), written_cases as (
           update public.enforcement_cases c
              set tier = public.tier_text(w.tier), tier_reason = w.reason, tier_as_of = public.app_now(),
                  collectability_score = w.collectability_score, asset_flags = public.asset_flags(w.asset_signals)
             from written w
            where c.judgment_id = w.id and c.closed_at is null
         )
         insert into public.tier_assignments
           (org_id, judgment_id, old_tier, new_tier, reason, decided_by, policy_revision, policy_digest, source)
         select org_id, id, old_tier, tier, reason, decided_by, revision, digest, 'job' from written where is_change",
    )
    .bind(assignments.iter().map(|row| row.judgment_id).collect::<Vec<_>>())
    .bind(assignments.iter().map(|row| column(row.assigned.tier)).collect::<Vec<_>>())
    .bind(assignments.iter().map(|row| row.assigned.reason.as_str()).collect::<Vec<_>>())
    .bind(assignments.iter().map(|row| row.assigned.decided_by.as_deref()).collect::<Vec<_>>())
    .bind(assignments.iter().map(|row| row.assigned.policy_digest.as_str()).collect::<Vec<_>>())
    .bind(assignments.iter().map(|row| row.policy_revision).collect::<Vec<_>>())
    .bind(assignments.iter().map(|row| row.old_tier.map(column)).collect::<Vec<_>>())
    .bind(assignments.iter().map(|row| row.is_change).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
