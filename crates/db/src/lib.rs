//! Everything that touches the database: migrations, every query, the queue and the private PostgreSQL.
//!
//! A program gets its database in three steps: [`private::Launcher`] (or a server of the user's)
//! gives the options to connect with, [`Database::connect`] makes connections, and
//! [`migrate::migrate`] brings the schema up to date. From then on every query runs in a transaction
//! that [`Database::begin_as`] opened for an [`Actor`], so that row-level security decides.

pub mod actor;
pub mod agents;
pub mod alert_lists;
pub mod alerts;
pub mod approvals;
pub mod assignments;
pub mod backup;
pub mod calls;
pub mod case_plans;
pub mod cases;
pub mod casework;
pub mod demo;
pub mod doctor;
pub mod documents;
pub mod imports;
pub mod judgments;
pub mod lead_statistics;
pub mod leads;
mod listing;
pub mod live;
pub mod lookup;
pub mod migrate;
pub mod nightly;
pub mod organisations;
pub mod pipeline;
pub mod plaintiffs;
pub mod policies;
pub mod policy_events;
pub mod pool;
pub mod pools;
pub mod portfolio;
pub mod private;
pub mod queue;
pub mod refreshes;
pub mod replay;
pub mod review;
pub mod routing;
pub mod rpc;
pub mod rpc_catalogue;
pub mod schedules;
pub mod schema;
pub mod scratch;
pub mod sessions;
pub mod shadows;
pub mod stages;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tiers;
pub mod tokens;
pub mod users;
mod wire;

pub use actor::{Actor, DbRole};
pub use pool::{Database, GroupedTransaction, Refusal, Transaction};
pub use sqlx::Error as SqlError;
pub use sqlx::postgres::{PgConnectOptions, PgConnection};
