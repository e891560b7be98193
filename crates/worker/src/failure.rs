//! What to do when the database does not answer.

use std::time::Duration;

use db::SqlError;

const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// Waits longer each time
#[derive(Debug, Default)]
pub(crate) struct Retry {
    times: u32,
}

impl Retry {
    /// How long to wait now
    pub(crate) fn after(&mut self, error: &SqlError) -> Duration {
        let wait = RETRY_MIN.saturating_mul(1 << self.times.min(10)).min(RETRY_MAX);
        self.times = self.times.saturating_add(1);
        tracing::warn!(%error, wait_ms = wait.as_millis(), "worker_database_unavailable");
        wait
    }

    /// After about two minutes a worker lets go of what it has in hand: others have it by then
    pub(crate) fn is_exhausted(&self) -> bool {
        self.times > 30
    }
}

/// Whether an error is about the database's state, not about the work: the same again may go well
pub(crate) fn is_passing(error: &SqlError) -> bool {
    match error {
        SqlError::Io(_)
        | SqlError::Tls(_)
        | SqlError::Protocol(_)
        | SqlError::PoolTimedOut
        | SqlError::WorkerCrashed => true,
        // Connection, rollback (deadlock, serialization), resources, operator intervention, system.
        SqlError::Database(error) => error.code().is_some_and(|code| {
            ["08", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class)) || code == "55P03"
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_up_to_five_seconds() {
        let mut retry = Retry::default();
        let waits: Vec<u128> = (0..8).map(|_| retry.after(&SqlError::PoolTimedOut).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    }
}
