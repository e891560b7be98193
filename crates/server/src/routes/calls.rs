//! The call queue.

use axum::Json;
use axum::extract::State;
use contract::{CallPage, CallQuery};
use db::calls::{self, CallFilter};

use crate::AppState;
use crate::error::ApiError;
use crate::extract::Params;
use crate::session::Viewer;

/// Calls that are to be made, what was due first in front; an outcome is logged with `/rpc/log_call_outcome`
#[utoipa::path(get, path = "/api/calls", tag = "calls", params(CallQuery), responses((status = 200, body = CallPage)))]
pub(crate) async fn list(
    State(app): State<AppState>,
    viewer: Viewer,
    Params(query): Params<CallQuery>,
) -> Result<Json<CallPage>, ApiError> {
    let filter = CallFilter::try_from(&query)?;
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(calls::page(&mut tx, &filter).await?))
}
