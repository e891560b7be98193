//! The tiers as a whole, and refreshing them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use contract::{RefreshRun, TierOverview};
use db::{Actor, policies, refreshes, tiers};

use crate::AppState;
use crate::error::ApiError;
use crate::extract::PathId;
use crate::session::{Operator, Viewer};

/// Every tier with counts and money, how current they are, and the newest refresh
#[utoipa::path(get, path = "/api/tiers", tag = "tiers", responses((status = 200, body = TierOverview)))]
pub(crate) async fn overview(
    State(app): State<AppState>,
    viewer: Viewer,
) -> Result<Json<TierOverview>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(TierOverview {
        rows: tiers::overview(&mut tx).await?,
        coverage: tiers::coverage(&mut tx).await?,
        published: policies::find_published(&mut tx)
            .await?
            .ok_or_else(|| ApiError::not_found("a published policy"))?
            .summary,
        refresh: refreshes::newest(&mut tx).await?.map(|refresh| refresh.run),
    }))
}

/// Begins a refresh of every active judgment, or joins the one that runs
#[utoipa::path(post, path = "/api/tiers/refresh", tag = "tiers", responses((status = 202, body = RefreshRun)))]
pub(crate) async fn start_refresh(
    State(app): State<AppState>,
    operator: Operator,
) -> Result<(StatusCode, Json<RefreshRun>), ApiError> {
    let org_id = operator.signed_in.org_id;
    // Only the service may begin one; that the caller may ask for it is settled by now.
    let service = Actor { user_id: Some(operator.signed_in.user_id), ..Actor::service(org_id) };
    let mut tx = app.db.begin_as(&service).await?;
    let refresh = refreshes::start(&mut tx, org_id).await?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(refresh.run)))
}

/// A refresh: its progress, and its reconciliation once it is done
#[utoipa::path(get, path = "/api/tiers/refresh/{id}", tag = "tiers", params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = RefreshRun)))]
pub(crate) async fn show_refresh(
    State(app): State<AppState>,
    viewer: Viewer,
    PathId(id): PathId,
) -> Result<Json<RefreshRun>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    let refresh = refreshes::find(&mut tx, id).await?.ok_or_else(|| ApiError::not_found("this refresh"))?;
    Ok(Json(refresh.run))
}
