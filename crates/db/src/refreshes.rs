//! Set-based refreshes: every active judgment of an organisation tiered by the expression of its published policy.

use chrono::{DateTime, Utc};
use contract::{RefreshRun, RefreshState};
use policy::portfolio::MigrationMatrix;
use policy::tier::Tier;
use rust_decimal::Decimal;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{Actor, Database, SqlError, Transaction, wire};

#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "refresh_state", rename_all = "snake_case")]
enum State {
    Running,
    Done,
    Failed,
}

#[derive(sqlx::FromRow)]
struct Record {
    id: Uuid,
    org_id: Uuid,
    before_policy_id: Option<Uuid>,
    policy_revision: i32,
    state: State,
    total: i64,
    done: i64,
    previewed: Option<Json<MigrationMatrix>>,
    facts_moved: i64,
    counts: Vec<i64>,
    balances: Vec<Decimal>,
    started_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    error: Option<String>,
}

const COLUMNS: &str =
    "r.id, r.org_id, r.before_policy_id, r.policy_revision, r.state, r.total, r.done, r.previewed,
                       r.facts_moved, r.counts, r.balances, r.started_at, r.finished_at, r.error";

/// A refresh and the organisation that it is for
#[derive(Debug, Clone, PartialEq)]
pub struct Refresh {
    pub id: Uuid,
    pub org_id: Uuid,
    pub run: RefreshRun,
}

impl From<Record> for Refresh {
    fn from(record: Record) -> Self {
        // Without a policy before there is nothing to reconcile; while it runs there is only a part.
        let is_counted = record.state == State::Done && record.before_policy_id.is_some();
        Self {
            id: record.id,
            org_id: record.org_id,
            run: RefreshRun {
                id: record.id.to_string(),
                state: match record.state {
                    State::Running => RefreshState::Running,
                    State::Done => RefreshState::Done,
                    State::Failed => RefreshState::Failed,
                },
                policy_revision: wire::revision(record.policy_revision),
                total: wire::count(record.total),
                done: wire::count(record.done),
                started_at: wire::instant(record.started_at),
                finished_at: record.finished_at.map(wire::instant),
                error: record.error,
                previewed: record.previewed.map(|previewed| previewed.0),
                actual: is_counted.then(|| matrix(&record.counts, &record.balances)),
                facts_moved: wire::count(record.facts_moved),
            },
        }
    }
}

/// Reads index before*4+after of both
fn matrix(counts: &[i64], balances: &[Decimal]) -> MigrationMatrix {
    let mut matrix = MigrationMatrix::empty();
    let cells =
        Tier::ALL.into_iter().flat_map(|before| Tier::ALL.into_iter().map(move |after| (before, after)));
    for ((before, after), (count, balance)) in cells.zip(counts.iter().zip(balances)) {
        matrix.add(before, after, u32::try_from(*count).unwrap_or(u32::MAX), *balance);
    }
    // Nothing comes from the database as `0`; money has two places.
    matrix.balance.iter_mut().flatten().for_each(|balance| balance.rescale(2));
    matrix
}

/// Begins a refresh of an organisation; one that runs under the same policy is joined
///
/// Refuses with 404 where no policy is published.
pub async fn start(tx: &mut Transaction, org_id: Uuid) -> Result<Refresh, SqlError> {
    let record: Record = sqlx::query_as(&format!(
        "select {COLUMNS} from public.start_tier_refresh($1, p_requested_by => public.current_user_id()) r"
    ))
    .bind(org_id)
    .fetch_one(&mut **tx)
    .await?;
    Ok(record.into())
}

/// The newest refresh of the caller's organisation, running or not
pub async fn newest(tx: &mut Transaction) -> Result<Option<Refresh>, SqlError> {
    let record: Option<Record> = sqlx::query_as(&format!(
        "select {COLUMNS} from public.tier_refreshes r
          where r.org_id = (select public.current_org_id()) order by r.started_at desc, r.id limit 1"
    ))
    .fetch_optional(&mut **tx)
    .await?;
    Ok(record.map(Refresh::from))
}

/// A refresh of the caller's organisation
pub async fn find(tx: &mut Transaction, id: Uuid) -> Result<Option<Refresh>, SqlError> {
    let record: Option<Record> =
        sqlx::query_as(&format!("select {COLUMNS} from public.tier_refreshes r where r.id = $1"))
            .bind(id)
            .fetch_optional(&mut **tx)
            .await?;
    Ok(record.map(Refresh::from))
}

/// Every refresh that is not at its end, oldest first
pub async fn running(db: &Database) -> Result<Vec<Uuid>, SqlError> {
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    let ids: Vec<(Uuid,)> =
        sqlx::query_as("select id from public.tier_refreshes where state = 'running' order by started_at")
            .fetch_all(&mut *tx)
            .await?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

/// Tiers the next judgments of a refresh, at most `limit`; None while other workers are at all that is left
///
/// A transaction of its own, so that what is done stays done however the caller ends. Any number of
/// workers may call it at the same time.
pub async fn step(db: &Database, id: Uuid, limit: u32) -> Result<Option<Refresh>, SqlError> {
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    let record: Option<Record> = sqlx::query_as(&format!(
        "select {COLUMNS} from public.step_tier_refresh($1, $2) r where r.id is not null"
    ))
    .bind(id)
    .bind(i32::try_from(limit).unwrap_or(i32::MAX))
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(record.map(Refresh::from))
}

/// Ends a refresh that cannot go on
pub async fn fail(db: &Database, id: Uuid, error: &str) -> Result<Refresh, SqlError> {
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    let record: Record = sqlx::query_as(&format!(
        "update public.tier_refreshes r set state = 'failed', finished_at = clock_timestamp(), error = $2
          where r.id = $1 returning {COLUMNS}"
    ))
    .bind(id)
    .bind(error)
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(record.into())
}
