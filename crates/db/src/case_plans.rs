//! Plans that change many cases at once: what they would do, kept; and then exactly that, in pieces.

use chrono::{DateTime, Utc};
use contract::{CaseChange, CasePlan, CasePlanReason, CaseQuery, CaseRef, PlanCases};
use rust_decimal::Decimal;
use sqlx::types::Json;
use uuid::Uuid;

use crate::cases::{self, CaseFilter};
use crate::judgments::QueryError;
use crate::{SqlError, Transaction, wire};

/// Cases that one plan may change
pub const CASES_MAX: u32 = 20_000;
/// Cases that are changed in one transaction
pub const PIECE_CASES: i32 = 100;
/// Cases that a plan shows of those that it will change
const FIRST_CASES: i64 = 20;
/// Cases that a plan names for each reason to leave some out
const REASON_CASES: i32 = 5;
/// Reasons that a plan names
const REASONS_MAX: i64 = 50;

/// Why there is no plan
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("no case fits the filter")]
    Empty,
    #[error("the filter lets through {0} cases, and a plan takes {CASES_MAX} at most")]
    TooMany(u64),
    #[error(transparent)]
    Database(#[from] SqlError),
}

/// Keeps what a change would do to every case that a filter lets through; answers the plan's id
pub async fn make(tx: &mut Transaction, request: &PlanCases) -> Result<Uuid, PlanError> {
    // Which cases, not in which order and on which page.
    let query = CaseQuery { sort: None, cursor: None, limit: None, ..request.filter.clone() };
    let filter = CaseFilter::try_from(&query)?;
    let ids = cases::ids(tx, &filter, i64::from(CASES_MAX) + 1).await?;
    if ids.is_empty() {
        return Err(PlanError::Empty);
    }
    if ids.len() > CASES_MAX as usize {
        let (total, _) = cases::totals(tx, &filter).await?;
        return Err(PlanError::TooMany(total));
    }
    let (id,) = sqlx::query_as("select public.plan_case_change($1, $2, $3)")
        .bind(Json(&request.change))
        .bind(Json(&query))
        .bind(ids)
        .fetch_one(&mut **tx)
        .await?;
    Ok(id)
}

/// Changes the next cases of a plan
pub async fn apply(tx: &mut Transaction, id: Uuid) -> Result<(), SqlError> {
    sqlx::query("select public.apply_case_plan($1, $2)")
        .bind(id)
        .bind(PIECE_CASES)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Ends a plan; what it has changed stays changed
pub async fn cancel(tx: &mut Transaction, id: Uuid) -> Result<(), SqlError> {
    sqlx::query("select public.cancel_case_plan($1)").bind(id).execute(&mut **tx).await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Record {
    state: String,
    change: Json<CaseChange>,
    filter: Json<CaseQuery>,
    created_by: String,
    created_at: DateTime<Utc>,
    total: i64,
    ready: i64,
    applied: i64,
    ready_balance: Decimal,
}

#[derive(sqlx::FromRow)]
struct ReasonRecord {
    state: String,
    reason: Option<String>,
    count: i64,
    ids: Vec<Uuid>,
    numbers: Vec<String>,
}

/// A plan with how far it is; None where the caller sees no such plan
pub async fn show(tx: &mut Transaction, id: Uuid) -> Result<Option<CasePlan>, SqlError> {
    let found: Option<Record> = sqlx::query_as(
        "select p.state::text as state, p.change, p.filter, p.created_by, p.created_at, i.total, i.ready, i.applied, i.ready_balance
           from public.case_plans p
          cross join lateral (
            select count(*) as total, count(*) filter (where i.state = 'ready') as ready,
                   count(*) filter (where i.state = 'applied') as applied,
                   coalesce(sum(c.current_balance) filter (where i.state = 'ready'), 0) as ready_balance
              from public.case_plan_items i
              join public.enforcement_cases c on c.org_id = i.org_id and c.id = i.case_id
             where i.org_id = p.org_id and i.plan_id = p.id) i
          where p.org_id = (select public.current_org_id()) and p.id = $1",
    )
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?;
    let Some(plan) = found else {
        return Ok(None);
    };
    let reasons: Vec<ReasonRecord> = sqlx::query_as(
        "select r.state::text as state, r.reason, count(*) as count, (array_agg(r.case_id order by r.case_number, r.case_id))[:$2] as ids,
                (array_agg(r.case_number order by r.case_number, r.case_id))[:$2] as numbers
           from (select i.state, i.reason, i.case_id, j.case_number
                   from public.case_plan_items i
                   join public.enforcement_cases c on c.org_id = i.org_id and c.id = i.case_id
                   join public.core_judgments j on j.org_id = c.org_id and j.id = c.judgment_id
                  where i.org_id = (select public.current_org_id()) and i.plan_id = $1 and i.state not in ('ready', 'applied')) r
          group by r.state, r.reason order by count(*) desc, r.state, r.reason limit $3",
    )
    .bind(id)
    .bind(REASON_CASES)
    .bind(REASONS_MAX)
    .fetch_all(&mut **tx)
    .await?;
    let first: Vec<(Uuid,)> = sqlx::query_as(
        "select i.case_id from public.case_plan_items i
          where i.org_id = (select public.current_org_id()) and i.plan_id = $1 and i.state = 'ready' order by i.case_id limit $2",
    )
    .bind(id)
    .bind(FIRST_CASES)
    .fetch_all(&mut **tx)
    .await?;
    let first: Vec<Uuid> = first.into_iter().map(|(id,)| id).collect();
    Ok(Some(CasePlan {
        id: id.to_string(),
        state: plan.state,
        change: plan.change.0,
        filter: plan.filter.0,
        created_by: plan.created_by,
        created_at: wire::instant(plan.created_at),
        total: wire::count(plan.total),
        ready: wire::count(plan.ready),
        ready_balance: wire::money(plan.ready_balance),
        applied: wire::count(plan.applied),
        left_out: reasons
            .into_iter()
            .map(|left| CasePlanReason {
                state: left.state,
                reason: left.reason,
                count: wire::count(left.count),
                cases: left
                    .ids
                    .into_iter()
                    .zip(left.numbers)
                    .map(|(id, case_number)| CaseRef { id: id.to_string(), case_number })
                    .collect(),
            })
            .collect(),
        first: cases::by_ids(tx, &first).await?,
    }))
}
