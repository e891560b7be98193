//! Brings a database to the schema that this program knows.

use sqlx::migrate::Migrator;
use sqlx::{Connection, PgConnection};

use crate::pool::Database;

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// The release of the crate `pgmq` whose SQL is installed; noted in the database as the comment of its schema
const PGMQ_RELEASE: &str = "pgmq 0.33.7";

/// Any number will do, as long as every process takes the same
const MIGRATION_LOCK: i64 = 0x6472_6167_6f6e;

#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error(
        "the database is at migration {found}, and this program knows only up to {known}; use a newer program"
    )]
    Newer { found: i64, known: i64 },
    #[error("migration {version} of the database differs from the one of this program")]
    Changed { version: i64 },
    #[error("cannot install pgmq: {0}")]
    Pgmq(#[from] pgmq::PgmqError),
    #[error("cannot migrate: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error("cannot migrate: {0}")]
    Database(#[from] sqlx::Error),
}

/// Migrates `database` to the newest schema; true if there was something to do
///
/// Costs one query where there is not. Processes that migrate at the same time do so one after the other.
pub async fn migrate(database: &Database) -> Result<bool, MigrateError> {
    if is_current(database).await? {
        return Ok(false);
    }
    // On a connection of its own, the lock ends with this call, however it ends.
    let mut connection = PgConnection::connect_with(&database.owner().connect_options()).await?;
    sqlx::query("select pg_advisory_lock($1)").bind(MIGRATION_LOCK).execute(&mut connection).await?;
    if !is_current(database).await? {
        pgmq::install::install_sql_from_embedded(database.owner()).await?;
        sqlx::query(&format!("comment on schema pgmq is '{PGMQ_RELEASE}'")).execute(&mut connection).await?;
        MIGRATOR.run_direct(&mut connection).await?;
    }
    connection.close().await?;
    Ok(true)
}

async fn is_current(database: &Database) -> Result<bool, MigrateError> {
    Ok(pending(database).await? == 0)
}

/// How many migrations are still to be applied; looks only
pub async fn pending(database: &Database) -> Result<usize, MigrateError> {
    let applied = sqlx::query_as::<_, (i64, Vec<u8>, Option<String>)>(
        "select version, checksum, obj_description(to_regnamespace('pgmq'), 'pg_namespace')
           from public._sqlx_migrations where success order by version",
    )
    .fetch_all(database.owner())
    .await;
    let applied = match applied {
        Ok(applied) => applied,
        Err(error) if is_undefined_table(&error) => return Ok(MIGRATOR.iter().count()),
        Err(error) => return Err(error.into()),
    };
    let mut known = MIGRATOR.iter();
    for (version, checksum, _) in &applied {
        match known.next() {
            Some(migration) if migration.version == *version => {
                if migration.checksum != checksum.as_slice() {
                    return Err(MigrateError::Changed { version: *version });
                }
            }
            _ => {
                return Err(MigrateError::Newer {
                    found: applied.last().map_or(0, |(version, ..)| *version),
                    known: MIGRATOR.iter().last().map_or(0, |migration| migration.version),
                });
            }
        }
    }
    let has_pgmq = applied.first().is_some_and(|(_, _, release)| release.as_deref() == Some(PGMQ_RELEASE));
    // The queue's SQL is installed with the migrations.
    Ok(known.count() + usize::from(!has_pgmq))
}

fn is_undefined_table(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.as_deref() == Some("42P01")
}

/// A name for this schema that no other has: it changes with every migration
#[cfg(feature = "testing")]
pub(crate) fn fingerprint() -> String {
    use sqlx::migrate::Migration;

    // A chain of FNV-1a over the checksums: names need no cryptography, the checksums have it.
    let checksums = MIGRATOR.iter().flat_map(|Migration { checksum, .. }| checksum.iter());
    let hash = checksums.chain(PGMQ_RELEASE.as_bytes()).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_noted_pgmq_is_the_one_that_is_built_in() {
        let workspace = include_str!("../../../Cargo.toml");
        let version = PGMQ_RELEASE.replace("pgmq ", "pgmq = { version = \"=");
        assert!(workspace.contains(&version), "PGMQ_RELEASE is not what Cargo.toml pins");
    }
}
