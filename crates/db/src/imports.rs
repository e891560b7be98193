//! Imports of vendor files. Run as [`Actor::service`](crate::Actor::service) of one organisation.
//!
//! [`stage`] stores what a file says, [`process`] does it. A plan is the same in a transaction that is
//! dropped afterwards.

use import::VendorFile;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{SqlError, Transaction, wire};

/// Rows that are sent at once.
const BATCH: usize = 5_000;

/// Where a file came from
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source<'a> {
    /// Without its folder.
    pub file_name: &'a str,
    /// SHA-256 of the file, 64 lower-case hexadecimal digits.
    pub digest: &'a str,
    /// Such as `cli:kim`.
    pub imported_by: &'a str,
}

/// How many rows came to what; together they are the rows of the file
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub new: u64,
    pub changed: u64,
    pub unchanged: u64,
    pub refused: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "import_outcome", rename_all = "snake_case")]
pub enum RowOutcome {
    New,
    Changed,
    Unchanged,
    Refused,
}

/// A row with something to tell
#[derive(Debug, Clone, PartialEq)]
pub struct ToldRow {
    pub line: u64,
    pub outcome: RowOutcome,
    /// Why it is refused.
    pub error: Option<String>,
    /// Field to `[before, after]`, where it changes something.
    pub changes: Option<Value>,
    /// What it says and is not followed in.
    pub note: Option<String>,
}

/// Stores the rows of a file as a new import run of the organisation; answers the run's id
pub async fn stage(
    tx: &mut Transaction,
    org_id: Uuid,
    file: &VendorFile,
    source: Source<'_>,
) -> Result<Uuid, SqlError> {
    let (run_id,): (Uuid,) = sqlx::query_as(
        "insert into public.import_runs (org_id, format, file_name, digest, imported_by)
         values ($1, $2, $3, $4, $5) returning id",
    )
    .bind(org_id)
    .bind(file.format.name())
    .bind(source.file_name)
    .bind(source.digest)
    .bind(source.imported_by)
    .fetch_one(&mut **tx)
    .await?;
    for batch in file.rows.chunks(BATCH) {
        let mut lines = Vec::with_capacity(batch.len());
        let mut records = Vec::with_capacity(batch.len());
        let mut errors = Vec::with_capacity(batch.len());
        for row in batch {
            lines.push(i64::try_from(row.line).unwrap_or(i64::MAX));
            records.push(row.record.as_ref().ok().map(Json));
            errors.push(row.record.as_ref().err());
        }
        sqlx::query(
            "insert into public.import_rows (org_id, run_id, format, line, record, error, outcome)
             select $1, $2, $3, r.line, r.record, r.error, case when r.error is not null then 'refused'::public.import_outcome end
               from unnest($4::bigint[], $5::jsonb[], $6::text[]) with ordinality as r (line, record, error, n)
              order by r.n",
        )
        .bind(org_id)
        .bind(run_id)
        .bind(file.format.name())
        .bind(lines)
        .bind(records)
        .bind(errors)
        .execute(&mut **tx)
        .await?;
    }
    Ok(run_id)
}

/// Does what the rows of a run say; a run that is done already answers its counts
///
/// The judgments whose facts change are queued for tiering.
pub async fn process(tx: &mut Transaction, run_id: Uuid) -> Result<Counts, SqlError> {
    let (new, changed, unchanged, refused): (i64, i64, i64, i64) = sqlx::query_as(
        "select r.new_count, r.changed_count, r.unchanged_count, r.refused_count
           from public.process_simplicity_imports($1) r",
    )
    .bind(run_id)
    .fetch_one(&mut **tx)
    .await?;
    Ok(Counts {
        new: wire::count(new),
        changed: wire::count(changed),
        unchanged: wire::count(unchanged),
        refused: wire::count(refused),
    })
}

/// The rows of a run that are refused, change something or carry a note, by line
pub async fn told_rows(tx: &mut Transaction, run_id: Uuid) -> Result<Vec<ToldRow>, SqlError> {
    type Row = (i64, RowOutcome, Option<String>, Option<Value>, Option<String>);
    let rows: Vec<Row> = sqlx::query_as(
        "select line, outcome, error, changes, note
           from public.import_rows
          where org_id = (select public.current_org_id()) and run_id = $1
            and (outcome in ('refused', 'changed') or note is not null)
          order by line, id",
    )
    .bind(run_id)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(line, outcome, error, changes, note)| ToldRow {
            line: wire::count(line),
            outcome,
            error,
            changes,
            note,
        })
        .collect())
}
