//! Connections, and the transactions that every query of the product runs in.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};

use crate::actor::Actor;

/// A transaction on an actor's behalf; dropped without `commit`, it leaves no trace
pub type Transaction = sqlx::Transaction<'static, sqlx::Postgres>;

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
            .connect_with(options.application_name("dragonfly"))
            .await?;
        Ok(Self { pool })
    }

    /// Opens a transaction with the rights of `actor`, in one round trip
    pub async fn begin_as(&self, actor: &Actor) -> Result<Transaction, sqlx::Error> {
        self.pool.begin_with(actor.begin_statements()).await
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
