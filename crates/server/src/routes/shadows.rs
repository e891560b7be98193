//! Shadows: what a policy would do, seen beside the published one for some days.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use contract::{ShadowDetail, ShadowSummary, StartShadow};
use db::{Transaction, shadows};
use uuid::Uuid;

use super::policies::not_found as policy_not_found;
use crate::AppState;
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId};
use crate::session::{Admin, Viewer};

/// The shadows of the organisation, newest first, at most 100
#[utoipa::path(get, path = "/api/tier-shadows", tag = "policies", responses((status = 200, body = Vec<ShadowSummary>)))]
pub(crate) async fn list(
    State(app): State<AppState>,
    viewer: Viewer,
) -> Result<Json<Vec<ShadowSummary>>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(shadows::list(&mut tx).await?))
}

/// Has a policy, as it is now, run beside the published one for 1 to 60 days, without any effect
///
/// Refused with 409 while another runs.
#[utoipa::path(post, path = "/api/tier-shadows", tag = "policies", request_body = StartShadow,
    responses((status = 201, body = ShadowSummary)))]
pub(crate) async fn start(
    State(app): State<AppState>,
    admin: Admin,
    JsonBody(request): JsonBody<StartShadow>,
) -> Result<(StatusCode, Json<ShadowSummary>), ApiError> {
    let policy_id = request.policy_id.parse().map_err(|_| policy_not_found())?;
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    let id = shadows::start(&mut tx, policy_id, request.days).await?;
    let started = find(&mut tx, id).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(started.shadow)))
}

/// A shadow with what it has decided: day by day, and the judgments that it would tier otherwise
#[utoipa::path(get, path = "/api/tier-shadows/{id}", tag = "policies", params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = ShadowDetail)))]
pub(crate) async fn show(
    State(app): State<AppState>,
    viewer: Viewer,
    PathId(id): PathId,
) -> Result<Json<ShadowDetail>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(find(&mut tx, id).await?))
}

async fn find(tx: &mut Transaction, id: Uuid) -> Result<ShadowDetail, ApiError> {
    shadows::find(tx, id).await?.ok_or_else(|| ApiError::not_found("this shadow"))
}

/// Ends a shadow before its time; what it has decided stays
#[utoipa::path(delete, path = "/api/tier-shadows/{id}", tag = "policies", params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = ShadowSummary)))]
pub(crate) async fn stop(
    State(app): State<AppState>,
    admin: Admin,
    PathId(id): PathId,
) -> Result<Json<ShadowSummary>, ApiError> {
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    shadows::stop(&mut tx, id).await?;
    let stopped = find(&mut tx, id).await?;
    tx.commit().await?;
    Ok(Json(stopped.shadow))
}
