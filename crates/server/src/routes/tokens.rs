//! Tokens by which scripts call.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use contract::{ApiToken, CreateApiToken, CreatedApiToken};
use db::tokens;

use crate::error::ApiError;
use crate::extract::{JsonBody, PathId};
use crate::session::Admin;
use crate::{AppState, create_api_token};

/// The tokens of the organisation, newest first; those that have ended too
#[utoipa::path(get, path = "/api/tokens", tag = "tokens", responses((status = 200, body = Vec<ApiToken>)))]
pub(crate) async fn list(State(app): State<AppState>, admin: Admin) -> Result<Json<Vec<ApiToken>>, ApiError> {
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    Ok(Json(tokens::list(&mut tx).await?))
}

/// Makes a token that acts for the caller; its secret is answered once and not kept
///
/// Takes a session: a token makes no tokens, so that revoking it ends what it can do.
#[utoipa::path(post, path = "/api/tokens", tag = "tokens", request_body = CreateApiToken,
    responses((status = 200, body = CreatedApiToken)))]
pub(crate) async fn create(
    State(app): State<AppState>,
    admin: Admin,
    JsonBody(given): JsonBody<CreateApiToken>,
) -> Result<Json<CreatedApiToken>, ApiError> {
    admin.session()?;
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    let created =
        create_api_token(&mut tx, admin.signed_in.user_id, &given.name, given.role, given.days).await?;
    tx.commit().await?;
    Ok(Json(created))
}

/// Ends a token of the organisation, whoever made it
#[utoipa::path(delete, path = "/api/tokens/{id}", tag = "tokens", params(("id" = String, Path)),
    responses((status = 204)))]
pub(crate) async fn revoke(
    State(app): State<AppState>,
    admin: Admin,
    PathId(id): PathId,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    tokens::revoke(&mut tx, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
