//! Requests of alerts.

use super::{ApiError, get};
use contract::{AlertPage, AlertRoute, DeliveryPage, UnreadAlerts};

/// `query` is an encoded query string without its question mark, here and below.
pub async fn alerts(query: &str) -> Result<AlertPage, ApiError> {
    get(&format!("/api/alerts?{query}")).await
}

pub async fn unread() -> Result<UnreadAlerts, ApiError> {
    get("/api/alerts/unread").await
}

pub async fn deliveries(query: &str) -> Result<DeliveryPage, ApiError> {
    get(&format!("/api/alerts/deliveries?{query}")).await
}

pub async fn routes() -> Result<Vec<AlertRoute>, ApiError> {
    get("/api/alerts/routes").await
}
