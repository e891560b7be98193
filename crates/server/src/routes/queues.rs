//! Queues and dead letters.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use contract::{DeadLetter, QueueStats, Queued};
use db::queue;
use serde::Deserialize;

use crate::AppState;
use crate::error::ApiError;
use crate::extract::{Params, PathId, PathName};
use crate::session::{Admin, Operator, Viewer};

/// How the queues stand for the organisation
#[utoipa::path(get, path = "/api/queues", tag = "queues", responses((status = 200, body = Vec<QueueStats>)))]
pub(crate) async fn list(
    State(app): State<AppState>,
    viewer: Viewer,
) -> Result<Json<Vec<QueueStats>>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(queue::stats(&mut tx).await?))
}

/// Stops workers from reading a kind; what is enqueued waits
#[utoipa::path(post, path = "/api/queues/{kind}/pause", tag = "queues", params(("kind" = String, Path)),
    responses((status = 204)))]
pub(crate) async fn pause(
    State(app): State<AppState>,
    admin: Admin,
    PathName(kind): PathName,
) -> Result<StatusCode, ApiError> {
    set_paused(&app, &admin, &kind, true).await
}

/// Lets workers read a kind again
#[utoipa::path(post, path = "/api/queues/{kind}/resume", tag = "queues", params(("kind" = String, Path)),
    responses((status = 204)))]
pub(crate) async fn resume(
    State(app): State<AppState>,
    admin: Admin,
    PathName(kind): PathName,
) -> Result<StatusCode, ApiError> {
    set_paused(&app, &admin, &kind, false).await
}

async fn set_paused(
    app: &AppState,
    admin: &Admin,
    kind: &str,
    is_paused: bool,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    queue::pause(&mut tx, kind, is_paused).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeadLetterQuery {
    /// One kind only.
    kind: Option<String>,
}

/// The dead letters that nobody has retried or discarded, newest first, at most 500
#[utoipa::path(get, path = "/api/queues/dead-letters", tag = "queues", params(DeadLetterQuery),
    responses((status = 200, body = Vec<DeadLetter>)))]
pub(crate) async fn dead_letters(
    State(app): State<AppState>,
    viewer: Viewer,
    Params(query): Params<DeadLetterQuery>,
) -> Result<Json<Vec<DeadLetter>>, ApiError> {
    let kind = query.kind.as_deref().filter(|kind| !kind.is_empty());
    if kind.is_some_and(|kind| kind.contains('\0')) {
        return Ok(Json(Vec::new()));
    }
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(queue::dead_letters(&mut tx, kind).await?))
}

/// Enqueues a dead letter again, under its old key
#[utoipa::path(post, path = "/api/queues/dead-letters/{id}/retry", tag = "queues", params(("id" = String, Path, format = Uuid)),
    responses((status = 202, body = Queued)))]
pub(crate) async fn retry(
    State(app): State<AppState>,
    operator: Operator,
    PathId(id): PathId,
) -> Result<(StatusCode, Json<Queued>), ApiError> {
    let mut tx = app.db.begin_as(&operator.actor()).await?;
    let msg_id = queue::retry_dead_letter(&mut tx, id).await?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(Queued { msg_id })))
}

/// Takes a dead letter off the list; it is kept all the same
#[utoipa::path(delete, path = "/api/queues/dead-letters/{id}", tag = "queues", params(("id" = String, Path, format = Uuid)),
    responses((status = 204)))]
pub(crate) async fn discard(
    State(app): State<AppState>,
    operator: Operator,
    PathId(id): PathId,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.db.begin_as(&operator.actor()).await?;
    queue::discard_dead_letter(&mut tx, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
