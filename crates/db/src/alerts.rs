//! The outbox of alerts: who is told of which event. The rows are the truth; NOTIFY only wakes.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{Actor, Database, SqlError};

const BATCH: i32 = 200;

/// An alert in a worker's hand, to be sent outside
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Alert {
    pub id: i64,
    pub org_id: Uuid,
    /// Counts the tries, this one included.
    pub attempt: i32,
    /// `webhook` or `email`.
    pub channel: String,
    /// The address to send it to, which is a secret: not for logs.
    pub target: String,
    pub event_id: Uuid,
    pub event_kind: String,
    pub occurred_at: DateTime<Utc>,
    /// None for a payment that nobody has linked yet.
    pub case_id: Option<Uuid>,
    pub case_number: String,
    pub actor: String,
    pub note: Option<String>,
    pub payload: Json<Value>,
}

/// What became of an alert
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Sent,
    /// It certainly did not arrive, and may another time.
    Retry,
    /// It never will.
    Failed,
    /// It may have arrived: it is not sent again unless somebody says so.
    Uncertain,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Retry => "retry",
            Self::Failed => "failed",
            Self::Uncertain => "uncertain",
        }
    }
}

/// Delivers what stays inside, to consoles and queues; answers how many, zero when there is none left
pub async fn fan_out(db: &Database) -> Result<i64, SqlError> {
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    let (count,) = sqlx::query_as("select public.fan_out_alerts($1)").bind(BATCH).fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok(count)
}

/// Takes alerts that are due outside by these ways, at most so many; commits before it answers, so that no other worker sends
/// them too
pub async fn claim(db: &Database, limit: i32, channels: &[&str]) -> Result<Vec<Alert>, SqlError> {
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    let alerts = sqlx::query_as("select * from public.claim_alerts($1, $2)")
        .bind(limit)
        .bind(channels)
        .fetch_all(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(alerts)
}

/// Says what became of an alert; nothing happens where it was given up meanwhile
pub async fn settle(
    db: &Database,
    alert: &Alert,
    outcome: Outcome,
    error: Option<&str>,
) -> Result<(), SqlError> {
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    sqlx::query("select public.settle_alert($1, $2, $3, $4)")
        .bind(alert.id)
        .bind(alert.attempt)
        .bind(outcome.name())
        .bind(error)
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}
