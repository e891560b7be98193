//! The nightly schedule: what is due by the clock of each organisation.

use uuid::Uuid;

use crate::{Actor, Database, SqlError};

/// The organisations whose night has come, 02:00 in their zone, and is not recorded yet
pub async fn due(db: &Database) -> Result<Vec<Uuid>, SqlError> {
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    let ids: Vec<(Uuid,)> = sqlx::query_as(
        "select o.id from public.organisations o
          where (public.app_now() at time zone o.time_zone)::time >= time '02:00'
            and not exists (select from public.nightly_runs n
                             where n.org_id = o.id and n.run_on = (public.app_now() at time zone o.time_zone)::date)
          order by o.id",
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

/// Enqueues what was not tiered today and records the night, in one transaction; answers how many
///
/// None when it is too early or somebody else was first.
pub async fn run(db: &Database, org_id: Uuid) -> Result<Option<i64>, SqlError> {
    let mut tx = db.begin_as(&Actor::service(org_id)).await?;
    let (enqueued,) =
        sqlx::query_as("select public.run_nightly($1)").bind(org_id).fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok(enqueued)
}
