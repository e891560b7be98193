//! Set-based refreshes: every active judgment of an organisation tiered by the expression of its published policy.

use chrono::{DateTime, Utc};
use contract::{JudgmentRef, RefreshRun, RefreshState, TierDrift};
use policy::portfolio::MigrationMatrix;
use policy::tier::{AssetSignals, Cents, JudgmentFacts, Score, Tier, TierGrid, TierPolicy};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::shadows::{self, TieredJudgment};
use crate::{Actor, Database, SqlError, Transaction, lookup, wire};

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
    drifted: i64,
    drifts: Json<Vec<TierDrift>>,
}

const COLUMNS: &str =
    "r.id, r.org_id, r.before_policy_id, r.policy_revision, r.state, r.total, r.done, r.previewed,
                       r.facts_moved, r.counts, r.balances, r.started_at, r.finished_at, r.error,
                       r.drifted, r.drifts";

/// Judgments that a step names of those that drifted
const NAMED_MAX: usize = 10;

/// A refresh and the organisation that it is for
#[derive(Debug, Clone, PartialEq)]
pub struct Refresh {
    pub id: Uuid,
    pub org_id: Uuid,
    pub run: RefreshRun,
    /// Judgments that drifted in the step which this is the answer of; 0 for every other answer.
    pub drifted_in_step: u64,
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
                drifted: wire::count(record.drifted),
                drifts: record.drifts.0,
            },
            drifted_in_step: 0,
        }
    }
}

/// Reads index before*4+after of both
pub(crate) fn matrix(counts: &[i64], balances: &[Decimal]) -> MigrationMatrix {
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
/// workers may call it at the same time. What the stored expression has written is decided again by the
/// policy crate, on the same facts: a judgment that it decides otherwise is counted and named as drift.
pub async fn step(db: &Database, id: Uuid, limit: u32) -> Result<Option<Refresh>, SqlError> {
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    let chunk: Option<Chunk> = sqlx::query_as("select * from public.take_tier_refresh_chunk($1, $2)")
        .bind(id)
        .bind(i32::try_from(limit).unwrap_or(i32::MAX))
        .fetch_optional(&mut *tx)
        .await?;
    let Some(chunk) = chunk else {
        let refresh = find(&mut tx, id).await?;
        tx.commit().await?;
        return Ok(refresh.filter(|refresh| refresh.run.state != RefreshState::Running));
    };
    let tiered: Vec<TieredJudgment> = chunk.tiered().collect();
    let drifted = chunk.drifted(&tiered);
    let drifts = name(&mut tx, chunk.org_id, &drifted).await?;
    for shadow in shadows::running(&mut tx, &[chunk.org_id]).await? {
        shadow.record(&mut tx, &tiered).await?;
    }
    let record: Record = sqlx::query_as(&format!(
        "select {COLUMNS} from public.close_tier_refresh_chunk($1, $2, $3, $4, $5, $6, $7, $8, $9) r"
    ))
    .bind(id)
    .bind(chunk.range_no)
    .bind(chunk.last_no)
    .bind(chunk.is_range_done)
    .bind(chunk.facts_moved)
    .bind(chunk.counts)
    .bind(chunk.balances)
    .bind(drifted.len() as i64)
    .bind(Json(drifts))
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Some(Refresh { drifted_in_step: drifted.len() as u64, ..record.into() }))
}

/// Judgments that were tiered at once, and by which facts
#[derive(sqlx::FromRow)]
struct Chunk {
    org_id: Uuid,
    range_no: i64,
    last_no: Option<i64>,
    is_range_done: bool,
    facts_moved: i64,
    counts: Vec<i64>,
    balances: Vec<Decimal>,
    document: Value,
    digest: String,
    receipt_policy: Option<String>,
    judgment_nos: Vec<i64>,
    scores: Vec<i16>,
    balance_cents: Vec<i64>,
    asset_signals: Vec<i16>,
    tiers: Vec<i16>,
}

/// A judgment whose written tier is not what is decided on the same facts
struct Drifted {
    judgment_no: i64,
    written: Tier,
    decided: Option<Tier>,
}

impl Chunk {
    fn tiered(&self) -> impl Iterator<Item = TieredJudgment> {
        let facts = self.scores.iter().zip(&self.balance_cents).zip(&self.asset_signals);
        let written = self.judgment_nos.iter().zip(&self.tiers);
        written.zip(facts).filter_map(|((judgment_no, tier), ((score, balance), signals))| {
            let facts = JudgmentFacts {
                score: u16::try_from(*score).ok().and_then(Score::from_hundredths),
                balance: Cents::from_cents(*balance),
                signals: AssetSignals::from_bits(*signals as u8),
            };
            Some(TieredJudgment { judgment_no: *judgment_no, facts, tier: wire::tier(Some(*tier))? })
        })
    }

    /// Decides every judgment of the chunk again, natively
    fn drifted(&self, tiered: &[TieredJudgment]) -> Vec<Drifted> {
        let grid = self.grid();
        let decided = tiered.iter().map(|judgment| {
            let decided = grid.as_ref().map(|grid| grid.tier_of(&judgment.facts));
            Drifted { judgment_no: judgment.judgment_no, written: judgment.tier, decided }
        });
        let mut drifted: Vec<Drifted> =
            decided.filter(|judgment| judgment.decided != Some(judgment.written)).collect();
        drifted.sort_by_key(|drifted| drifted.judgment_no);
        drifted
    }

    /// The published policy; None where its document is not the one that was published
    fn grid(&self) -> Option<TierGrid> {
        let policy: TierPolicy = serde_json::from_value(self.document.clone()).ok()?;
        let digest = policy.digest();
        let is_published = self.digest == digest.as_str()
            && self.receipt_policy.as_deref().is_none_or(|receipt| receipt == digest.as_str());
        is_published.then(|| policy.compile())
    }
}

/// Names the first judgments that drifted
async fn name(tx: &mut Transaction, org_id: Uuid, drifted: &[Drifted]) -> Result<Vec<TierDrift>, SqlError> {
    let first = drifted.get(..NAMED_MAX).unwrap_or(drifted);
    if first.is_empty() {
        return Ok(Vec::new());
    }
    let numbers: Vec<i64> = first.iter().map(|drifted| drifted.judgment_no).collect();
    let named: Vec<JudgmentRef> = lookup::numbered(tx, Some(org_id), &numbers).await?;
    Ok(named
        .into_iter()
        .zip(first)
        .map(|(judgment, drifted)| TierDrift { judgment, written: drifted.written, decided: drifted.decided })
        .collect())
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
