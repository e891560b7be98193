//! Many judgments in columns, and what a change of policy does to them.

mod codec;
mod columns;
mod flow;
mod migration;

pub use columns::{MISSING_BALANCE, MISSING_SCORE, NO_TIER, Portfolio, PortfolioColumns, PortfolioError};
pub use flow::{Shelves, TierFlow};
pub use migration::{MigrationMatrix, StaleTiers, TierMigration, TierTotal};
