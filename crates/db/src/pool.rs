//! Connections, and the transactions that every query of the product runs in.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions, PgTransactionManager};
use sqlx::{Connection, PgConnection, PgPool, Postgres, TransactionManager};
use uuid::Uuid;

use crate::actor::Actor;

/// A transaction on an actor's behalf; dropped without `commit`, it leaves no trace
pub type Transaction = sqlx::Transaction<'static, sqlx::Postgres>;

/// A transaction whose commit shares one disk write with those of others; dropped without an end, it leaves no trace
///
/// From its notification to the end of its commit a transaction holds a lock of the whole database, so commits that wait
/// for the disk would do so one behind the other. This one's does not wait; a write behind it does, and those of many
/// callers share one. It keeps its connection until then: to give one back and take another costs as much as a query.
#[derive(Debug)]
pub struct GroupedTransaction {
    connection: PoolConnection<Postgres>,
}

impl GroupedTransaction {
    /// Goes on with the rights of `actor`; the functions that it calls answer what they answered to `request_id` first
    pub async fn act_as(&mut self, actor: &Actor, request_id: Option<&str>) -> Result<(), sqlx::Error> {
        let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        sqlx::query(
            "select set_config('role', $1, true), set_config('dragonfly.org_id', $2, true),
                    set_config('dragonfly.user_id', $3, true), set_config('dragonfly.request_id', $4, true)",
        )
        .bind(actor.role.name())
        .bind(id(actor.org_id))
        .bind(id(actor.user_id))
        .bind(request_id.unwrap_or_default())
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// Commits; once it answers, what was written is on disk
    ///
    /// Listeners may hear of it a moment before. If the database dies in that moment, nobody was told that it had worked.
    pub async fn commit(mut self) -> Result<(), sqlx::Error> {
        PgTransactionManager::commit(&mut self.connection).await?;
        // Waits for its own place in the log, which lies behind.
        sqlx::query("select pg_logical_emit_message(true, 'dragonfly', '')")
            .execute(&mut *self.connection)
            .await?;
        Ok(())
    }

    /// Commits without waiting for the disk: for what has only read, and at most noted that somebody was here
    pub async fn commit_read(mut self) -> Result<(), sqlx::Error> {
        PgTransactionManager::commit(&mut self.connection).await
    }
}

impl Drop for GroupedTransaction {
    fn drop(&mut self) {
        // Nothing, where it has been committed.
        PgTransactionManager::start_rollback(&mut self.connection);
    }
}

impl Deref for GroupedTransaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for GroupedTransaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

/// How long a connection is taken to live without being asked: less than a server takes to start again
const TRUSTED_FOR: Duration = Duration::from_millis(100);

/// A handle on the database; clones share its connections
#[derive(Debug, Clone)]
pub struct Database {
    pool: PgPool,
}

impl Database {
    /// Connects as the owner, with at most `connections_max` connections
    ///
    /// One connection is made at once, so that a wrong address shows here. A request that gets no
    /// connection within ten seconds fails with [`sqlx::Error::PoolTimedOut`].
    pub async fn connect(options: PgConnectOptions, connections_max: u32) -> Result<Self, sqlx::Error> {
        let pool = PgPoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(Duration::from_secs(10))
            // What was in use a moment ago is taken to live: to ask it first would cost each transaction a round trip.
            .test_before_acquire(false)
            .before_acquire(|connection, used| {
                Box::pin(async move {
                    if used.idle_for > TRUSTED_FOR {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options.application_name("dragonfly"))
            .await?;
        Ok(Self { pool })
    }

    /// Opens a transaction with the rights of `actor`, in one round trip
    pub async fn begin_as(&self, actor: &Actor) -> Result<Transaction, sqlx::Error> {
        self.pool.begin_with(actor.begin_statements()).await
    }

    /// Opens a transaction with the rights of `actor` that notifies, as many others do at the same time
    pub async fn begin_grouped_as(&self, actor: &Actor) -> Result<GroupedTransaction, sqlx::Error> {
        let statements = format!("{}; set local synchronous_commit = off", actor.begin_statements());
        let mut connection = self.pool.acquire().await?;
        PgTransactionManager::begin(&mut connection, Some(statements.into())).await?;
        Ok(GroupedTransaction { connection })
    }

    /// Hears what is notified on `channels`, on a connection of its own
    ///
    /// It connects again by itself; what is notified meanwhile is lost, so look at the rows then.
    pub async fn listen(&self, channels: &[&str]) -> Result<PgListener, sqlx::Error> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen_all(channels.iter().copied()).await?;
        Ok(listener)
    }

    /// Closes every connection, after waiting for those in use
    pub async fn close(&self) {
        // sqlx 0.8 counts a permit too many for each idle connection that it closes, and so does not wait for
        // those on their way back: it is asked again until none is left, which takes a round trip or two.
        for _ in 0..1000 {
            self.pool.close().await;
            if self.pool.size() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The owner's connections, whom no policy binds: for migrations and for arranging tests
    pub(crate) fn owner(&self) -> &PgPool {
        &self.pool
    }
}

/// A refusal that SQL of ours raised: SQLSTATE `PT4xx`, where 4xx is the HTTP status it means
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// 400 to 499
    pub status: u16,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
}

impl Refusal {
    /// The refusal that `error` carries, if it is one
    pub fn of(error: &sqlx::Error) -> Option<Self> {
        let error = error.as_database_error()?;
        let code = error.code()?;
        let status = code.strip_prefix("PT")?.parse().ok()?;
        let postgres = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>()?;
        (400..500).contains(&status).then(|| Self {
            status,
            message: postgres.message().to_owned(),
            detail: postgres.detail().map(str::to_owned),
            hint: postgres.hint().map(str::to_owned),
        })
    }
}
