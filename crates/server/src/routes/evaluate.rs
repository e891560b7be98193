//! One judgment's facts under a policy, without storing anything.

use axum::Json;
use axum::extract::State;
use contract::{EvaluateRequest, Outcome};
use db::{judgments, policies};
use policy::tier::{JudgmentFacts, TierPolicy};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::AppState;
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::session::Viewer;

/// [`EvaluateRequest`] as text, in which numbers keep every digit
#[derive(Deserialize)]
pub(crate) struct Evaluate {
    policy: Option<Box<RawValue>>,
    facts: Box<RawValue>,
}

/// Evaluates facts under a policy, the published one by default; nothing is stored
#[utoipa::path(post, path = "/api/tier/evaluate", tag = "tiers", request_body = EvaluateRequest,
    responses((status = 200, body = Outcome)))]
pub(crate) async fn evaluate(
    State(app): State<AppState>,
    viewer: Viewer,
    JsonBody(given): JsonBody<Evaluate>,
) -> Result<Json<Outcome>, ApiError> {
    let (revision, policy) = match given.policy {
        Some(policy) => (None, TierPolicy::from_json(policy.get())?),
        None => {
            let mut tx = app.db.begin_as(&viewer.actor()).await?;
            let published = policies::published(&mut tx).await?;
            let (revision, policy) = published.ok_or_else(|| ApiError::not_found("a published policy"))?;
            (Some(revision), policy)
        }
    };
    let facts = JudgmentFacts::from_json(given.facts.get())?;
    Ok(Json(judgments::outcome(&policy, revision, &facts)))
}
