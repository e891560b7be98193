//! Functions of the database, under the names of the requirements.

use axum::Json;
use axum::extract::State;
use db::rpc;
use serde_json::{Map, Value};

use crate::AppState;
use crate::error::ApiError;
use crate::extract::{JsonBody, PathName, clipped};
use crate::session::Viewer;

/// Calls a function of the database with named arguments, under the caller's role
///
/// The fields of the body are the arguments; where the function takes `payload jsonb` alone, they are the
/// payload. Answers the function's value, an array where it answers rows, null where it answers nothing.
/// A function that is not granted to the caller's role does not exist: 404.
#[utoipa::path(post, path = "/rpc/{name}", tag = "rpc", params(("name" = String, Path)), request_body = Object,
    responses((status = 200, body = Value)))]
pub(crate) async fn call(
    State(app): State<AppState>,
    viewer: Viewer,
    PathName(name): PathName,
    JsonBody(fields): JsonBody<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    let function = rpc::find(&mut tx, &name).await?;
    let function =
        function.ok_or_else(|| ApiError::not_found(&format!("the function `{}`", clipped(&name))))?;
    let arguments =
        function.arguments(fields).map_err(|error| ApiError::invalid(error.argument(), error.to_string()))?;
    let value = function.call(&mut tx, arguments).await?;
    tx.commit().await?;
    Ok(Json(value))
}
