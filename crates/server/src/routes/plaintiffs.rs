//! Plaintiffs: the list, and one by one.

use axum::Json;
use axum::extract::State;
use contract::{PlaintiffDetail, PlaintiffPage, PlaintiffQuery};
use db::plaintiffs::{self, PlaintiffFilter};

use crate::AppState;
use crate::error::ApiError;
use crate::extract::{Params, PathId};
use crate::session::Viewer;

/// Plaintiffs by name, each with what its judgments come to
#[utoipa::path(get, path = "/api/plaintiffs", tag = "plaintiffs", params(PlaintiffQuery),
    responses((status = 200, body = PlaintiffPage)))]
pub(crate) async fn list(
    State(app): State<AppState>,
    viewer: Viewer,
    Params(query): Params<PlaintiffQuery>,
) -> Result<Json<PlaintiffPage>, ApiError> {
    let filter = PlaintiffFilter::try_from(&query)?;
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(plaintiffs::page(&mut tx, &filter).await?))
}

/// A plaintiff with contacts, past statuses, calls, tasks and judgments
#[utoipa::path(get, path = "/api/plaintiffs/{id}", tag = "plaintiffs", params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = PlaintiffDetail)))]
pub(crate) async fn show(
    State(app): State<AppState>,
    viewer: Viewer,
    PathId(id): PathId,
) -> Result<Json<PlaintiffDetail>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    let detail = plaintiffs::detail(&mut tx, id).await?;
    Ok(Json(detail.ok_or_else(|| ApiError::not_found("this plaintiff"))?))
}
