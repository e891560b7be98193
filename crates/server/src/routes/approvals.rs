//! Publishing by two people, schedules, and the log of what was done to policies.

use axum::Json;
use axum::extract::State;
use contract::{
    AnswerApproval, OrganisationSettings, PolicyEvent, PolicyState, PolicySummary, RequestApproval, problem,
};
use db::{Transaction, approvals, policy_events, schedules};
use uuid::Uuid;

use super::policies::{expect_draft, find};
use super::publishing::check_note;
use crate::AppState;
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId};
use crate::session::{Admin, Viewer};

/// The settings of the organisation
#[utoipa::path(get, path = "/api/organisation/settings", tag = "policies", responses((status = 200, body = OrganisationSettings)))]
pub(crate) async fn settings(
    State(app): State<AppState>,
    viewer: Viewer,
) -> Result<Json<OrganisationSettings>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(approvals::settings(&mut tx).await?))
}

/// Changes the settings of the organisation; who did is kept in the log
#[utoipa::path(put, path = "/api/organisation/settings", tag = "policies", request_body = OrganisationSettings,
    responses((status = 200, body = OrganisationSettings)))]
pub(crate) async fn set_settings(
    State(app): State<AppState>,
    admin: Admin,
    JsonBody(settings): JsonBody<OrganisationSettings>,
) -> Result<Json<OrganisationSettings>, ApiError> {
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    approvals::set_settings(&mut tx, &settings).await?;
    let settings = approvals::settings(&mut tx).await?;
    tx.commit().await?;
    Ok(Json(settings))
}

/// Puts a draft up for approval by another admin; a save clears it
///
/// Refused with 409: `draft_moved`, or where this version is put up or approved already.
#[utoipa::path(post, path = "/api/tier-policies/{id}/approval", tag = "policies", params(("id" = String, Path, format = Uuid)),
    request_body = RequestApproval, responses((status = 200, body = PolicySummary)))]
pub(crate) async fn request(
    State(app): State<AppState>,
    admin: Admin,
    PathId(id): PathId,
    JsonBody(request): JsonBody<RequestApproval>,
) -> Result<Json<PolicySummary>, ApiError> {
    let note = request.note.as_deref();
    check_note("note", note.unwrap_or_default())?;
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    expect_draft(&find(&mut tx, id).await?)?;
    approvals::request(&mut tx, id, request.expected_version, note).await?;
    answered(tx, id).await
}

/// Approves or declines a draft; not for its author, last saver or requester
///
/// Declining takes a note. Refused with 403 to those, and with 409: `draft_moved`, or where nobody has asked.
#[utoipa::path(post, path = "/api/tier-policies/{id}/approval/answer", tag = "policies", params(("id" = String, Path, format = Uuid)),
    request_body = AnswerApproval, responses((status = 200, body = PolicySummary)))]
pub(crate) async fn answer(
    State(app): State<AppState>,
    admin: Admin,
    PathId(id): PathId,
    JsonBody(answer): JsonBody<AnswerApproval>,
) -> Result<Json<PolicySummary>, ApiError> {
    let note = answer.note.as_deref();
    check_note("note", note.unwrap_or_default())?;
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    expect_draft(&find(&mut tx, id).await?)?;
    approvals::answer(&mut tx, id, answer.expected_version, answer.is_approved, note).await?;
    answered(tx, id).await
}

/// Makes a scheduled policy a draft again
#[utoipa::path(delete, path = "/api/tier-policies/{id}/schedule", tag = "policies", params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = PolicySummary)))]
pub(crate) async fn cancel_schedule(
    State(app): State<AppState>,
    admin: Admin,
    PathId(id): PathId,
) -> Result<Json<PolicySummary>, ApiError> {
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    if find(&mut tx, id).await?.summary.state != PolicyState::Scheduled {
        return Err(ApiError::conflict(problem::CONFLICT, "the policy is not scheduled"));
    }
    schedules::cancel(&mut tx, id).await?;
    answered(tx, id).await
}

/// The policy as it is after a change, which is kept
async fn answered(mut tx: Transaction, id: Uuid) -> Result<Json<PolicySummary>, ApiError> {
    let changed = find(&mut tx, id).await?;
    tx.commit().await?;
    Ok(Json(changed.summary))
}

/// What was done to any policy, newest first, at most 500 events; also to drafts that were discarded
#[utoipa::path(get, path = "/api/tier-policies/events", tag = "policies", responses((status = 200, body = Vec<PolicyEvent>)))]
pub(crate) async fn all_events(
    State(app): State<AppState>,
    viewer: Viewer,
) -> Result<Json<Vec<PolicyEvent>>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(policy_events::list(&mut tx, None).await?))
}

/// What was done to a policy, newest first, at most 500 events
#[utoipa::path(get, path = "/api/tier-policies/{id}/events", tag = "policies", params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = Vec<PolicyEvent>)))]
pub(crate) async fn events(
    State(app): State<AppState>,
    viewer: Viewer,
    PathId(id): PathId,
) -> Result<Json<Vec<PolicyEvent>>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    let events = policy_events::list(&mut tx, Some(id)).await?;
    // A discarded draft has nothing but its events; a policy always has one.
    if events.is_empty() {
        find(&mut tx, id).await?;
    }
    Ok(Json(events))
}
