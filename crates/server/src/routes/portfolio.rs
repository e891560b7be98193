//! The portfolio for the simulator.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use contract::{SnapshotMeta, SnapshotQuery};
use db::portfolio::{self, PortfolioSnapshot, ReadError};
use db::replay::DayError;

use crate::AppState;
use crate::error::ApiError;
use crate::extract::Params;
use crate::session::Viewer;

/// Every active judgment as columns of facts, without names, all from one state of the database, or as a past day ended
///
/// A little-endian `u32` length, a `SnapshotMeta` as JSON in that many bytes, then the encoded portfolio.
#[utoipa::path(get, path = "/api/portfolio/snapshot", tag = "policies", params(SnapshotQuery),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream")))]
pub(crate) async fn snapshot(
    State(app): State<AppState>,
    viewer: Viewer,
    Params(SnapshotQuery { as_of }): Params<SnapshotQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let day = match as_of.as_deref().map(str::parse) {
        None => None,
        Some(day) => Some(day.map_err(|error: DayError| ApiError::invalid("as_of", error.to_string()))?),
    };
    let snapshot = portfolio::snapshot(&app.db, &viewer.actor(), day).await.map_err(|error| match error {
        ReadError::Day(error) => ApiError::invalid("as_of", error.to_string()),
        error => error.into(),
    })?;
    let body =
        tokio::task::spawn_blocking(move || encode(&snapshot, as_of)).await.map_err(ApiError::internal)?;
    Ok(([(CONTENT_TYPE, "application/octet-stream")], Bytes::from(body)))
}

fn encode(snapshot: &PortfolioSnapshot, as_of: Option<String>) -> Vec<u8> {
    let meta = SnapshotMeta {
        snapshot: snapshot.snapshot.as_str().to_owned(),
        digest: snapshot.portfolio.digest(),
        taken_at: snapshot.taken_at.clone(),
        rows: snapshot.portfolio.len(),
        as_of,
        override_ends: snapshot.override_ends.clone(),
    };
    // Plain data, which always has a JSON form: a few hundred bytes, and a few for each override.
    let meta = serde_json::to_vec(&meta).unwrap_or_default();
    let mut body = (meta.len() as u32).to_le_bytes().to_vec();
    body.extend(meta);
    body.extend(snapshot.portfolio.encode());
    body
}
