//! What has changed, as it happens: NOTIFY wakes, the rows are the truth.

use contract::LiveEvent;
use serde::Deserialize;
use sqlx::postgres::PgListener;
use uuid::Uuid;

use crate::{Database, SqlError};

const CHANNEL: &str = "dragonfly_live";

/// Hears of every organisation's changes, on a connection of its own
#[derive(Debug)]
pub struct LiveListener {
    listener: PgListener,
}

/// One change and whom it concerns
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LiveNotice {
    /// None concerns everybody
    pub org_id: Option<Uuid>,
    pub event: LiveEvent,
}

impl LiveListener {
    /// Begins to listen
    pub async fn connect(db: &Database) -> Result<Self, SqlError> {
        Ok(Self { listener: db.listen(&[CHANNEL]).await? })
    }

    /// Waits for the next change; None says that the connection was lost and some may have been missed
    ///
    /// The next call connects again. Cancel safe between changes.
    pub async fn next(&mut self) -> Result<Option<LiveNotice>, SqlError> {
        loop {
            let Some(notification) = self.listener.try_recv().await? else {
                return Ok(None);
            };
            match serde_json::from_str(notification.payload()) {
                Ok(notice) => return Ok(Some(notice)),
                Err(error) => tracing::warn!(%error, "live_event_unreadable"),
            }
        }
    }
}
