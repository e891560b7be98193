//! An organisation to try everything on, and to be removed afterwards without a trace. Runs as [`Actor::service`].

use contract::Role;
use uuid::Uuid;

use crate::{Actor, Database, SqlError, Transaction, organisations, users};

/// What every scratch organisation's slug begins with
const SLUG_PREFIX: &str = "smoke-";
const NAME: &str = "Smoke test";

/// An organisation with one operator
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scratch {
    pub org_id: Uuid,
    pub operator_id: Uuid,
}

/// How the one judgment stands
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct JudgmentState {
    pub id: Uuid,
    pub status: String,
    /// Money as text.
    pub balance_due: Option<String>,
    pub tier: Option<i16>,
    pub tier_reason: Option<String>,
}

/// Makes a scratch organisation that no other is like
pub async fn create(db: &Database) -> Result<Scratch, SqlError> {
    let slug = format!("{SLUG_PREFIX}{}", Uuid::new_v4().simple());
    let org_id =
        organisations::create_organisation(db, NAME, &slug, organisations::DEFAULT_TIME_ZONE).await?;
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    let operator_id =
        users::add(&mut tx, org_id, &format!("{slug}@smoke.invalid"), NAME, Role::Operator).await?;
    tx.commit().await?;
    Ok(Scratch { org_id, operator_id })
}

/// Its one judgment
pub async fn judgment(tx: &mut Transaction) -> Result<JudgmentState, SqlError> {
    sqlx::query_as(
        "select id, status, balance_due::text as balance_due, tier, tier_reason
           from public.core_judgments where org_id = (select public.current_org_id())",
    )
    .fetch_one(&mut **tx)
    .await
}

/// Jobs of it that are not done
pub async fn queued(tx: &mut Transaction) -> Result<i64, SqlError> {
    sqlx::query_scalar(
        "select count(*) from public.queue_jobs where org_id = (select public.current_org_id()) and state = 'queued'",
    )
    .fetch_one(&mut **tx)
    .await
}

/// The functions that its history names, in the order in which they were called
pub async fn history(tx: &mut Transaction) -> Result<Vec<String>, SqlError> {
    sqlx::query_scalar(
        "select rpc from public.enforcement_history
          where org_id = (select public.current_org_id()) and rpc is not null order by history_no",
    )
    .fetch_all(&mut **tx)
    .await
}

/// Removes a scratch organisation with all that was ever said of it; answers where its documents' files lie
pub async fn remove(db: &Database, org_id: Uuid) -> Result<Vec<String>, SqlError> {
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    let paths: Vec<String> = sqlx::query_scalar(
        "select storage_path from public.enforcement_documents where org_id = $1 and sha256 is not null",
    )
    .bind(org_id)
    .fetch_all(&mut *tx)
    .await?;
    // Queues know no organisations: their messages do.
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('pgmq.%I', p.prefix || k.kind) from public.queue_kinds k cross join (values ('q_'), ('a_')) p (prefix)",
    )
    .fetch_all(&mut *tx)
    .await?;
    for table in tables {
        sqlx::query(&format!("delete from {table} where message ->> 'org_id' = $1"))
            .bind(org_id.to_string())
            .execute(&mut *tx)
            .await?;
    }
    let people: Vec<Uuid> = sqlx::query_scalar(
        "select m.user_id from public.memberships m join public.users u on u.id = m.user_id
          where m.org_id = $1 and u.email like '%@smoke.invalid'",
    )
    .bind(org_id)
    .fetch_all(&mut *tx)
    .await?;
    sqlx::query("delete from public.organisations where id = $1 and name = $2 and starts_with(slug, $3)")
        .bind(org_id)
        .bind(NAME)
        .bind(SLUG_PREFIX)
        .execute(&mut *tx)
        .await?;
    sqlx::query("delete from public.users where id = any ($1)").bind(people).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(paths)
}

/// Scratch organisations of processes that were killed: whatever is older than an hour
pub async fn left(db: &Database) -> Result<Vec<Uuid>, SqlError> {
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    sqlx::query_scalar(
        "select id from public.organisations
          where name = $1 and starts_with(slug, $2) and created_at < now() - interval '1 hour'",
    )
    .bind(NAME)
    .bind(SLUG_PREFIX)
    .fetch_all(&mut *tx)
    .await
}
