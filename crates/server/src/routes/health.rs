//! Whether the server lives.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use contract::Health;
use db::Actor;

use crate::AppState;

/// A probe waits no longer for the database
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether the server and its database answer: 200, or 503 while the database is away
#[utoipa::path(get, path = "/api/health", tag = "server", security(()),
    responses((status = 200, body = Health), (status = 503, body = Health)))]
pub(crate) async fn health(State(app): State<AppState>) -> (StatusCode, Json<Health>) {
    let (status, database) = match tokio::time::timeout(PATIENCE, app.db.begin_as(&Actor::anon())).await {
        Ok(Ok(_)) => (StatusCode::OK, "ok"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    (status, Json(Health { server: "ok".to_owned(), database: database.to_owned() }))
}
