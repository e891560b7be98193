//! Organisations, each born with a published policy.

use policy::tier::TierPolicy;
use uuid::Uuid;

use crate::{Actor, Database, SqlError, Transaction};

/// What the first organisation is called until somebody names it
const FIRST_NAME: &str = "My firm";
const FIRST_SLUG: &str = "main";
/// IANA name
pub const DEFAULT_TIME_ZONE: &str = "America/New_York";

/// Any number will do, as long as every process takes the same
const FIRST_LOCK: i64 = 0x6472_6167_6f6f;

/// The oldest organisation, created if there is none
pub async fn ensure_first(db: &Database) -> Result<Uuid, SqlError> {
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    if let Some(id) = first(&mut tx).await? {
        return Ok(id);
    }
    sqlx::query("select pg_advisory_xact_lock($1)").bind(FIRST_LOCK).execute(&mut *tx).await?;
    let id = match first(&mut tx).await? {
        Some(id) => id,
        None => insert(&mut tx, FIRST_NAME, FIRST_SLUG, DEFAULT_TIME_ZONE).await?,
    };
    tx.commit().await?;
    Ok(id)
}

/// Creates an organisation with policy revision 1 published and its repaired form as a draft
///
/// `slug` names it on the command line: lower-case letters, digits and hyphens, unique. `time_zone` is an IANA name.
pub async fn create_organisation(
    db: &Database,
    name: &str,
    slug: &str,
    time_zone: &str,
) -> Result<Uuid, SqlError> {
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    let id = insert(&mut tx, name, slug, time_zone).await?;
    tx.commit().await?;
    Ok(id)
}

/// Finds an organisation by its slug
pub async fn find_by_slug(db: &Database, slug: &str) -> Result<Option<Uuid>, SqlError> {
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    let found: Option<(Uuid,)> = sqlx::query_as("select id from public.organisations where slug = $1")
        .bind(slug)
        .fetch_optional(&mut *tx)
        .await?;
    Ok(found.map(|(id,)| id))
}

async fn first(tx: &mut Transaction) -> Result<Option<Uuid>, SqlError> {
    let found: Option<(Uuid,)> =
        sqlx::query_as("select id from public.organisations order by created_at, id limit 1")
            .fetch_optional(&mut **tx)
            .await?;
    Ok(found.map(|(id,)| id))
}

async fn insert(tx: &mut Transaction, name: &str, slug: &str, time_zone: &str) -> Result<Uuid, SqlError> {
    // An unknown zone is refused here, not by the first query that asks for today's date.
    sqlx::query("select now() at time zone $1").bind(time_zone).execute(&mut **tx).await?;
    let (id,): (Uuid,) = sqlx::query_as(
        "insert into public.organisations (name, slug, time_zone) values (btrim($1), $2, $3) returning id",
    )
    .bind(name)
    .bind(slug)
    .bind(time_zone)
    .fetch_one(&mut **tx)
    .await?;

    let revision_1 = TierPolicy::revision_1();
    let compiled = revision_1.to_postgres();
    sqlx::query(
        "insert into public.tier_policies
           (org_id, name, state, revision, document, digest, tier_sql, decided_by_sql, reason_sql, published_at, note)
         values ($1, 'Revision 1', 'published', 1, $2, $3, $4, $5, $6, public.app_now(), 'The default policy')",
    )
    .bind(id)
    .bind(sqlx::types::Json(revision_1.document()))
    .bind(revision_1.digest().as_str())
    .bind(compiled.tier)
    .bind(compiled.decided_by)
    .bind(compiled.reason)
    .execute(&mut **tx)
    .await?;
    let repaired = TierPolicy::monotone_draft();
    sqlx::query(
        "insert into public.tier_policies (org_id, name, based_on, document, digest)
         values ($1, 'Repaired revision 1', 1, $2, $3)",
    )
    .bind(id)
    .bind(sqlx::types::Json(repaired.document()))
    .bind(repaired.digest().as_str())
    .execute(&mut **tx)
    .await?;
    Ok(id)
}
