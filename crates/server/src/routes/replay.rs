//! Past days under any policy.

use axum::Json;
use axum::extract::State;
use contract::{ReplayReport, ReplayRequest};
use db::replay::{self, Day, DayError, Range, ReadError};
use policy::tier::{TierPolicy, TierPolicyDocument};

use super::policies::{find, not_found};
use crate::AppState;
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::session::Viewer;

/// What a revision, a draft or a document that is sent along would have made of past days, from the facts as they were
///
/// Counts and money by tier of every day's end, how many judgments changed tier, how often each would have, and which most.
/// Nothing is written.
#[utoipa::path(post, path = "/api/tier-policies/replay", tag = "policies", request_body = ReplayRequest,
    responses((status = 200, body = ReplayReport)))]
pub(crate) async fn replay(
    State(app): State<AppState>,
    viewer: Viewer,
    JsonBody(request): JsonBody<ReplayRequest>,
) -> Result<Json<ReplayReport>, ApiError> {
    let day = |field: &str, text: &str| -> Result<Day, ApiError> {
        text.parse().map_err(|error: DayError| ApiError::invalid(field, error.to_string()))
    };
    let range = Range::new(day("from", &request.from)?, day("to", &request.to)?)
        .map_err(|error| ApiError::invalid("to", error.to_string()))?;
    let document = match (request.policy_id, request.policy) {
        (Some(id), None) => stored(&app, &viewer, &id).await?,
        (None, Some(document)) => document,
        _ => return Err(ApiError::invalid("policy_id", "give either `policy_id` or `policy`")),
    };
    let policy = TierPolicy::try_from(document)?;
    match replay::run(&app.db, &viewer.actor(), range, &policy).await {
        Ok(report) => Ok(Json(report)),
        Err(ReadError::Database(error)) => Err(error.into()),
        Err(ReadError::Day(error)) => Err(ApiError::invalid("to", error.to_string())),
        Err(error) => Err(ApiError::internal(error)),
    }
}

async fn stored(app: &AppState, viewer: &Viewer, id: &str) -> Result<TierPolicyDocument, ApiError> {
    let id = id.parse().map_err(|_| not_found())?;
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(find(&mut tx, id).await?.policy)
}
