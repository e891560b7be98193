//! Functions of the database, under the names of the requirements.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use contract::Role;
use db::Actor;
use serde_json::{Map, Value};

use crate::AppState;
use crate::error::ApiError;
use crate::extract::{JsonBody, PathName, clipped};
use crate::session::Credential;

const REQUEST_ID: &str = "request_id";

/// Calls a function of the database with named arguments, under the caller's role
///
/// The fields of the body are the arguments; where the function takes `payload jsonb` alone, they are the
/// payload. Answers the function's value, an array where it answers rows, null where it answers nothing.
/// A function that is granted to another role answers 403, one that is granted to nobody does not exist: 404. With a request id, in the header
/// `Idempotency-Key` or the field `request_id`, a function that writes does so once: the same call again, by the same
/// caller, answers what the first one did, also while that is still under way.
#[utoipa::path(post, path = "/rpc/{name}", tag = "rpc", params(("name" = String, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = Object,
    responses((status = 200, body = Value)))]
pub(crate) async fn call(
    State(app): State<AppState>,
    credential: Credential,
    PathName(name): PathName,
    headers: HeaderMap,
    JsonBody(mut fields): JsonBody<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    let request_id = request_id(&headers, &fields)?;
    // One transaction finds out who calls and then acts for them: half the round trips of two.
    let mut tx = app.db.begin_grouped_as(&Actor::service(None)).await?;
    let actor = credential.holder(&mut tx).await?.actor();
    tx.act_as(&actor, request_id.as_deref()).await?;
    let function = app.functions.find(&mut tx, actor.role, &name).await?;
    let function =
        function.ok_or_else(|| ApiError::not_found(&format!("the function `{}`", clipped(&name))))?;
    if !function.is_granted() {
        let (needed, who) = match function.is_for_operators() {
            true => (Role::Operator, "an operator"),
            false => (Role::Admin, "an admin"),
        };
        return Err(ApiError::role(needed).detail(format!("`{name}` takes {who}")));
    }
    if !function.takes(REQUEST_ID) {
        fields.remove(REQUEST_ID);
    }
    let arguments =
        function.arguments(fields).map_err(|error| ApiError::invalid(error.argument(), error.to_string()))?;
    let value = function.call(&mut tx, arguments).await?;
    if function.writes() {
        tx.commit().await?;
    } else {
        tx.commit_read().await?;
    }
    Ok(Json(value))
}

/// The id of the request, from the header or the field
fn request_id(headers: &HeaderMap, fields: &Map<String, Value>) -> Result<Option<String>, ApiError> {
    let header = idempotency_key(headers)?;
    let field = match fields.get(REQUEST_ID) {
        None => return Ok(header),
        Some(field) => field.as_str().map(str::trim),
    };
    let field = field.ok_or_else(|| ApiError::invalid(REQUEST_ID, "`request_id` is not a text"))?;
    match header {
        Some(header) if header != field => {
            Err(ApiError::invalid(REQUEST_ID, "the header Idempotency-Key and the field `request_id` differ"))
        }
        _ => Ok(Some(field.to_owned())),
    }
}

/// The header `Idempotency-Key`, by which the same request is known again
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = key.to_str().map(str::trim).unwrap_or_default();
    if key.is_empty() || key.len() > 200 {
        return Err(ApiError::invalid(
            REQUEST_ID,
            "the header Idempotency-Key is not a text of 1 to 200 characters",
        ));
    }
    Ok(Some(key.to_owned()))
}
