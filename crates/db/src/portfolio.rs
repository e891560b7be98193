//! The portfolio as columns, and which facts have moved since it was read.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::JudgmentRef;
use policy::portfolio::{
    MISSING_BALANCE, MISSING_SCORE, NO_TIER, Portfolio, PortfolioColumns, PortfolioError,
};
use uuid::Uuid;

use crate::replay::{Day, DayError};
use crate::{Actor, Database, SqlError, Transaction, wire};

/// Read at once: large enough to hide the round trips, small enough for memory not to matter
const CHUNK_ROWS: i64 = 100_000;

/// Why a portfolio cannot be read
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Database(#[from] SqlError),
    #[error(transparent)]
    Day(#[from] DayError),
    #[error("the stored judgments are no portfolio: {0}")]
    Portfolio(#[from] PortfolioError),
}

/// A database state, as `pg_snapshot` names it: `xmin:xmax:` and the transactions in progress
///
/// Only well-formed ones can be made, since the text comes back from browsers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot(String);

impl Snapshot {
    /// Text that PostgreSQL takes for a `pg_snapshot`
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Text that names no database state
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a snapshot")]
pub struct SnapshotError;

impl FromStr for Snapshot {
    type Err = SnapshotError;

    fn from_str(text: &str) -> Result<Self, SnapshotError> {
        let number = |digits: &str| {
            let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse::<i64>().ok().filter(|number| is_plain && *number > 0).ok_or(SnapshotError)
        };
        let [min, max, in_progress] = text.split(':').collect::<Vec<_>>()[..] else {
            return Err(SnapshotError);
        };
        let (min, max) = (number(min)?, number(max)?);
        let in_progress = match in_progress {
            "" => Vec::new(),
            list => list.split(',').map(number).collect::<Result<Vec<_>, _>>()?,
        };
        let is_in_range = min <= max && in_progress.iter().all(|id| (min..max).contains(id));
        if is_in_range && in_progress.is_sorted() { Ok(Self(text.to_owned())) } else { Err(SnapshotError) }
    }
}

/// The portfolio of one database state
#[derive(Debug)]
pub struct PortfolioSnapshot {
    pub snapshot: Snapshot,
    /// RFC 3339 in UTC
    pub taken_at: String,
    pub portfolio: Portfolio,
    /// Until when each override is in force, in the order of the rows that have one
    pub override_ends: Vec<String>,
}

/// Reads the active judgments of the actor's organisation, all from one database state
///
/// With `as_of` those that were active when that day ended, with the facts and the stored tiers of then, without overrides.
pub async fn snapshot(
    db: &Database,
    actor: &Actor,
    as_of: Option<Day>,
) -> Result<PortfolioSnapshot, ReadError> {
    let mut tx = db.begin_as(actor).await?;
    sqlx::query("set transaction isolation level repeatable read, read only").execute(&mut *tx).await?;
    let (snapshot, now): (String, DateTime<Utc>) =
        sqlx::query_as("select pg_current_snapshot()::text, public.app_now()").fetch_one(&mut *tx).await?;
    let end = match as_of {
        None => None,
        Some(day) => Some(day.end(&mut tx).await??),
    };
    let taken_at = end.map_or(now, |end| end.min(now));
    let (middle,): (i64,) = sqlx::query_as(MIDDLE).fetch_one(&mut *tx).await?;
    let mut columns = match second_view(db, actor, &mut tx).await? {
        Some(mut second) => {
            let (mut lower, upper) = tokio::try_join!(
                read_columns(&mut tx, end, 0, middle),
                read_columns(&mut second, end, middle, i64::MAX)
            )?;
            second.commit().await?;
            append(&mut lower, upper);
            lower
        }
        None => read_columns(&mut tx, end, 0, i64::MAX).await?,
    };
    let override_ends = match end {
        None => read_overrides(&mut tx, &mut columns).await?,
        Some(_) => BTreeMap::new(),
    };
    tx.commit().await?;
    Ok(PortfolioSnapshot {
        snapshot: snapshot.parse().map_err(|error| SqlError::Decode(Box::<SnapshotError>::new(error)))?,
        taken_at: wire::instant(taken_at),
        portfolio: Portfolio::from_columns(columns)?,
        override_ends: override_ends.into_values().map(wire::instant).collect(),
    })
}

/// Reads the active judgments of the caller's organisation as they are now, without overrides
pub async fn read(tx: &mut Transaction) -> Result<Portfolio, ReadError> {
    Ok(Portfolio::from_columns(read_columns(tx, None, 0, i64::MAX).await?)?)
}

/// How long a second connection is waited for: alone, the first takes at most twice as long
const SECOND_WAIT: Duration = Duration::from_millis(50);

/// Half of the numbers that judgments have; in a portfolio of a hundred it makes no difference
const MIDDLE: &str = "select coalesce((min(j.judgment_no) + max(j.judgment_no)) / 2, 0)
       from public.core_judgments j where j.org_id = (select public.current_org_id())";

/// A second transaction that sees what `first` sees, for PostgreSQL to read on two cores; None where all connections are busy
async fn second_view(
    db: &Database,
    actor: &Actor,
    first: &mut Transaction,
) -> Result<Option<Transaction>, SqlError> {
    let Ok(second) = tokio::time::timeout(SECOND_WAIT, db.begin_as(actor)).await else {
        return Ok(None);
    };
    let mut second = second?;
    let (snapshot,): (String,) =
        sqlx::query_as("select pg_export_snapshot()").fetch_one(&mut **first).await?;
    sqlx::query("set transaction isolation level repeatable read, read only").execute(&mut *second).await?;
    // A name of PostgreSQL's own, digits and hyphens; the statement takes no parameter.
    sqlx::query(&format!("set transaction snapshot '{snapshot}'")).execute(&mut *second).await?;
    Ok(Some(second))
}

fn append(columns: &mut PortfolioColumns, mut more: PortfolioColumns) {
    columns.judgment_no.append(&mut more.judgment_no);
    columns.score.append(&mut more.score);
    columns.balance_cents.append(&mut more.balance_cents);
    columns.bits.append(&mut more.bits);
    columns.stored_tier.append(&mut more.stored_tier);
    columns.override_tier.append(&mut more.override_tier);
}

/// PostgreSQL answers whole columns as arrays: that spares a message and a decoding for every row.
type Chunk = (Option<Vec<i64>>, Option<Vec<i16>>, Option<Vec<i64>>, Option<Vec<i16>>, Option<Vec<i16>>);

const NOW: &str = "select j.judgment_no, j.collectability_score, j.balance_due, j.asset_signals, j.tier
       from public.core_judgments j
      where j.org_id = (select public.current_org_id()) and j.judgment_no > $1 and j.judgment_no <= $3
        and j.status not in ('satisfied', 'vacated', 'expired')
      order by j.judgment_no
      limit $2";

/// The same as it was before the instant `$4`
const PAST: &str =
    "select j.judgment_no, f.collectability_score, f.balance_due, f.asset_signals, a.new_tier as tier
       from public.core_judgments j
      cross join lateral (select f.collectability_score, f.balance_due, f.asset_signals, f.status
                            from public.judgment_facts f
                           where f.org_id = j.org_id and f.judgment_id = j.id and f.valid_from < $4
                           order by f.valid_from desc, f.id desc limit 1) f
       left join lateral (select a.new_tier from public.tier_assignments a
                           where a.org_id = j.org_id and a.judgment_id = j.id and a.assigned_at < $4
                           order by a.id desc limit 1) a on true
      where j.org_id = (select public.current_org_id()) and j.judgment_no > $1 and j.judgment_no <= $3
        and f.status not in ('satisfied', 'vacated', 'expired')
      order by j.judgment_no
      limit $2";

/// The judgments that are active now, or were before `end`, of those with a number above `after` and up to `last`
async fn read_columns(
    tx: &mut Transaction,
    end: Option<DateTime<Utc>>,
    after: i64,
    last: i64,
) -> Result<PortfolioColumns, SqlError> {
    let statement = format!(
        "select array_agg(c.judgment_no), array_agg(coalesce((c.collectability_score * 100)::smallint, -1::smallint)),
                array_agg(coalesce((c.balance_due * 100)::bigint, -1)), array_agg(c.asset_signals),
                array_agg(coalesce(c.tier, 255::smallint))
           from ({}) c",
        if end.is_some() { PAST } else { NOW }
    );
    let mut columns = PortfolioColumns::default();
    loop {
        let after = columns.judgment_no.last().map_or(after, |number| *number as i64);
        let query = sqlx::query_as(&statement).bind(after).bind(CHUNK_ROWS).bind(last);
        let query = if let Some(end) = end { query.bind(end) } else { query };
        let chunk: Chunk = query.fetch_one(&mut **tx).await?;
        let (Some(numbers), Some(scores), Some(balances), Some(signals), Some(tiers)) = chunk else {
            return Ok(columns);
        };
        let rows = numbers.len() as i64;
        let missing = |is_missing: bool, bit: u8| if is_missing { bit } else { 0 };
        columns.bits.extend(scores.iter().zip(&balances).zip(&signals).map(|((score, balance), signals)| {
            *signals as u8 | missing(*score < 0, MISSING_SCORE) | missing(*balance < 0, MISSING_BALANCE)
        }));
        columns.judgment_no.extend(numbers.into_iter().map(|number| number as u64));
        columns.score.extend(scores.into_iter().map(|score| score.max(0) as u16));
        columns.balance_cents.extend(balances.into_iter().map(|balance| balance.max(0)));
        columns.stored_tier.extend(tiers.into_iter().map(|tier| tier as u8));
        columns.override_tier.resize(columns.judgment_no.len(), NO_TIER);
        if rows < CHUNK_ROWS {
            return Ok(columns);
        }
    }
}

/// Few judgments have an override, so these are looked up one by one; answers until when, by row
async fn read_overrides(
    tx: &mut Transaction,
    columns: &mut PortfolioColumns,
) -> Result<BTreeMap<usize, DateTime<Utc>>, SqlError> {
    let overrides: Vec<(i64, i16, DateTime<Utc>)> = sqlx::query_as(
        "select j.judgment_no, public.tier_number(c.tier_override), c.override_expires_at
           from public.enforcement_cases c
           join public.core_judgments j on j.org_id = c.org_id and j.id = c.judgment_id
          where c.org_id = (select public.current_org_id()) and c.closed_at is null
            and c.tier_override is not null and c.override_expires_at > public.app_now()",
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut ends = BTreeMap::new();
    for (number, tier, end) in overrides {
        if let Ok(row) = columns.judgment_no.binary_search(&(number as u64)) {
            columns.override_tier[row] = tier as u8;
            ends.insert(row, end);
        }
    }
    Ok(ends)
}

/// The first `limit` judgments of the caller's organisation whose facts `snapshot` had not seen
pub async fn facts_moved_since(
    tx: &mut Transaction,
    snapshot: &Snapshot,
    limit: i32,
) -> Result<Vec<JudgmentRef>, SqlError> {
    let moved: Vec<(Uuid, i64, String)> = sqlx::query_as(
        "select id, judgment_no, case_number
           from public.facts_moved_since(public.current_org_id(), $1::text::pg_snapshot, $2)",
    )
    .bind(snapshot.as_str())
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    Ok(moved
        .into_iter()
        .map(|(id, number, case_number)| JudgmentRef {
            id: id.to_string(),
            judgment_no: wire::count(number),
            case_number,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, is_snapshot: bool) {
        assert_eq!(text.parse::<Snapshot>().is_ok(), is_snapshot, "{text}");
    }

    #[test]
    fn only_well_formed_snapshots_pass() {
        check("10:20:", true);
        check("10:20:10,14,15", true);
        check("10:10:", true);
        check("", false);
        check("10:20", false);
        check("20:10:", false);
        check("0:10:", false);
        check("+1:10:", false);
        check("10:20:15,14", false);
        check("10:20:20", false);
        check("10:20:x", false);
        check("10:20:'; drop table users; --", false);
        check("10:99999999999999999999:", false);
    }
}
