//! What a database holds, in figures by which a copy can be told from it. For a server of our own, whose owner sees all rows.

use serde::{Deserialize, Serialize};
use sqlx::{Connection, PgConnection};

use crate::{PgConnectOptions, SqlError};

/// What a table holds
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct TableDigest {
    pub table: String,
    pub rows: i64,
    /// The sum of a hash of each row: the same in whatever order they lie.
    pub digest: String,
}

/// One state of a database, to be copied and described while others go on changing it
#[derive(Debug)]
pub struct Snapshot {
    connection: PgConnection,
    id: String,
}

impl Snapshot {
    /// Takes hold of the present state
    pub async fn take(options: &PgConnectOptions) -> Result<Self, SqlError> {
        let mut connection = PgConnection::connect_with(options).await?;
        sqlx::raw_sql("begin isolation level repeatable read, read only").execute(&mut connection).await?;
        // Rows are hashed as text, which these decide.
        sqlx::raw_sql("set timezone = 'UTC'; set datestyle = 'ISO'; set extra_float_digits = 1; set bytea_output = 'hex'")
            .execute(&mut connection)
            .await?;
        let id = sqlx::query_scalar("select pg_export_snapshot()").fetch_one(&mut connection).await?;
        Ok(Self { connection, id })
    }

    /// Its name, for `pg_dump --snapshot`; good as long as this lives
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The newest migration
    pub async fn migration(&mut self) -> Result<i64, SqlError> {
        sqlx::query_scalar("select max(version) from public._sqlx_migrations")
            .fetch_one(&mut self.connection)
            .await
    }

    /// What each table holds, sequences last as one
    pub async fn tables(&mut self) -> Result<Vec<TableDigest>, SqlError> {
        let tables: Vec<String> = sqlx::query_scalar(
            "select format('%I.%I', c.relnamespace::regnamespace, c.relname) from pg_class c
              where c.relkind = 'r' and c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)' order by 1",
        )
        .fetch_all(&mut self.connection)
        .await?;
        let mut digests = Vec::with_capacity(tables.len() + 1);
        for table in tables {
            let sql = format!(
                "select $1 as table, count(*) as rows, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text as digest
                   from {table} t"
            );
            digests.push(sqlx::query_as(&sql).bind(&table).fetch_one(&mut self.connection).await?);
        }
        let sequences = "select 'sequences' as table, count(*) as rows,
                                coalesce(sum(hashtextextended(format('%s.%s %s', s.schemaname, s.sequencename, s.last_value), 0)::numeric), 0)::text as digest
                           from pg_sequences s";
        digests.push(sqlx::query_as(sequences).fetch_one(&mut self.connection).await?);
        Ok(digests)
    }

    /// The documents whose files are kept by us: place, size in bytes, SHA-256
    pub async fn documents(&mut self) -> Result<Vec<(String, i64, Vec<u8>)>, SqlError> {
        sqlx::query_as(
            "select storage_path, size_bytes, sha256 from public.enforcement_documents where sha256 is not null order by 1",
        )
        .fetch_all(&mut self.connection)
        .await
    }
}

/// The database that a copy is restored to before it is known to be whole
pub const RESTORING: &str = "restoring";

/// Makes an empty database beside the product's, on a server whose roles exist
pub async fn make_restoring(maintenance: &PgConnectOptions) -> Result<(), SqlError> {
    let mut connection = PgConnection::connect_with(maintenance).await?;
    sqlx::raw_sql("drop database if exists restoring").execute(&mut connection).await?;
    sqlx::raw_sql("create database restoring template template0").execute(&mut connection).await?;
    connection.close().await
}

/// Puts the restored database in the place of the product's, which nobody may be connected to
pub async fn put_in_place(maintenance: &PgConnectOptions, name: &str) -> Result<(), SqlError> {
    let mut restored = PgConnection::connect_with(&maintenance.clone().database(RESTORING)).await?;
    // Plans are made of statistics, which are not copied.
    sqlx::raw_sql("analyze").execute(&mut restored).await?;
    restored.close().await?;
    let mut connection = PgConnection::connect_with(maintenance).await?;
    sqlx::raw_sql(&format!("drop database if exists {name}")).execute(&mut connection).await?;
    sqlx::raw_sql(&format!("alter database restoring rename to {name}")).execute(&mut connection).await?;
    connection.close().await
}
