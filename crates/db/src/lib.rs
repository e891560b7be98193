//! Everything that touches the database: migrations, every query, the queue and the private PostgreSQL.
//!
//! A program gets its database in three steps: [`private::Launcher`] (or a server of the user's)
//! gives the options to connect with, [`Database::connect`] makes connections, and
//! [`migrate::migrate`] brings the schema up to date. From then on every query runs in a transaction
//! that [`Database::begin_as`] opened for an [`Actor`], so that row-level security decides.

pub mod actor;
pub mod migrate;
pub mod pool;
pub mod private;
#[cfg(feature = "testing")]
pub mod schema;
#[cfg(feature = "testing")]
pub mod testing;

pub use actor::{Actor, DbRole};
pub use pool::{Database, Refusal, Transaction};
pub use sqlx::Error as SqlError;
pub use sqlx::postgres::PgConnectOptions;
