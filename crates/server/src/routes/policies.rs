//! Tier policies and their drafts.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use contract::{NewDraft, PolicyDetail, PolicyState, PolicySummary, RestorePolicy, SaveDraft, problem};
use db::{Transaction, policies};
use policy::assertions::PolicyAssertions;
use policy::tier::TierPolicy;
use uuid::Uuid;

use crate::AppState;
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId};
use crate::session::{Admin, Viewer};

const NAME_LENGTH_MAX: usize = 120;

pub(super) fn not_found() -> ApiError {
    ApiError::not_found("this tier policy")
}

/// Every policy: the published one, drafts, superseded revisions
#[utoipa::path(get, path = "/api/tier-policies", tag = "policies", responses((status = 200, body = Vec<PolicySummary>)))]
pub(crate) async fn list(
    State(app): State<AppState>,
    viewer: Viewer,
) -> Result<Json<Vec<PolicySummary>>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(policies::list(&mut tx).await?))
}

/// The published policy
#[utoipa::path(get, path = "/api/tier-policies/published", tag = "policies", responses((status = 200, body = PolicyDetail)))]
pub(crate) async fn published(
    State(app): State<AppState>,
    viewer: Viewer,
) -> Result<Json<PolicyDetail>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(
        policies::find_published(&mut tx).await?.ok_or_else(|| ApiError::not_found("a published policy"))?,
    ))
}

/// One policy with its document
#[utoipa::path(get, path = "/api/tier-policies/{id}", tag = "policies", params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = PolicyDetail)))]
pub(crate) async fn show(
    State(app): State<AppState>,
    viewer: Viewer,
    PathId(id): PathId,
) -> Result<Json<PolicyDetail>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(find(&mut tx, id).await?))
}

pub(super) async fn find(tx: &mut Transaction, id: Uuid) -> Result<PolicyDetail, ApiError> {
    policies::find(tx, id).await?.ok_or_else(not_found)
}

/// Starts a draft, based on the published revision
#[utoipa::path(post, path = "/api/tier-policies", tag = "policies", request_body = NewDraft,
    responses((status = 201, body = PolicySummary)))]
pub(crate) async fn create_draft(
    State(app): State<AppState>,
    admin: Admin,
    JsonBody(draft): JsonBody<NewDraft>,
) -> Result<(StatusCode, Json<PolicySummary>), ApiError> {
    check_name(&draft.name)?;
    check_assertions(draft.assertions.as_ref())?;
    let policy = TierPolicy::try_from(draft.policy)?;
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    let id = policies::create_draft(&mut tx, &draft.name, &policy, draft.assertions.as_ref()).await?;
    let created = find(&mut tx, id).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(created.summary)))
}

/// Starts a draft that says what another policy says, with its assertions
///
/// It is based on that revision, or on what a draft is based on.
#[utoipa::path(post, path = "/api/tier-policies/{id}/restore", tag = "policies", params(("id" = String, Path, format = Uuid)),
    request_body = RestorePolicy, responses((status = 201, body = PolicySummary)))]
pub(crate) async fn restore(
    State(app): State<AppState>,
    admin: Admin,
    PathId(id): PathId,
    JsonBody(RestorePolicy { name }): JsonBody<RestorePolicy>,
) -> Result<(StatusCode, Json<PolicySummary>), ApiError> {
    check_name(&name)?;
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    let id = policies::restore(&mut tx, id, &name).await?.ok_or_else(not_found)?;
    let restored = find(&mut tx, id).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(restored.summary)))
}

/// Saves a draft over the version that the caller has seen
#[utoipa::path(put, path = "/api/tier-policies/{id}", tag = "policies", params(("id" = String, Path, format = Uuid)),
    request_body = SaveDraft, responses((status = 200, body = PolicySummary)))]
pub(crate) async fn save_draft(
    State(app): State<AppState>,
    admin: Admin,
    PathId(id): PathId,
    JsonBody(draft): JsonBody<SaveDraft>,
) -> Result<Json<PolicySummary>, ApiError> {
    check_name(&draft.name)?;
    check_assertions(draft.assertions.as_ref())?;
    let policy = TierPolicy::try_from(draft.policy)?;
    let assertions = draft.assertions.as_ref();
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    let is_saved =
        policies::save_draft(&mut tx, id, draft.expected_version, &draft.name, &policy, assertions).await?;
    let found = find(&mut tx, id).await?;
    if !is_saved {
        expect_draft(&found)?;
        return Err(ApiError::conflict(
            problem::DRAFT_MOVED,
            "the draft was saved by somebody else meanwhile",
        )
        .hint("load the draft again"));
    }
    tx.commit().await?;
    Ok(Json(found.summary))
}

/// Discards a draft
#[utoipa::path(delete, path = "/api/tier-policies/{id}", tag = "policies", params(("id" = String, Path, format = Uuid)),
    responses((status = 204)))]
pub(crate) async fn discard_draft(
    State(app): State<AppState>,
    admin: Admin,
    PathId(id): PathId,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    if !policies::discard_draft(&mut tx, id).await? {
        expect_draft(&find(&mut tx, id).await?)?;
        return Err(not_found());
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What was published never changes
pub(super) fn expect_draft(policy: &PolicyDetail) -> Result<(), ApiError> {
    match policy.summary.state {
        PolicyState::Draft => Ok(()),
        PolicyState::Scheduled => {
            Err(ApiError::conflict(problem::CONFLICT, "only drafts change; this policy waits for its time")
                .hint("cancel its schedule first"))
        }
        PolicyState::Published | PolicyState::Superseded => {
            Err(ApiError::conflict(problem::CONFLICT, "only drafts change; this policy was published")
                .hint("start a draft from it"))
        }
    }
}

fn check_name(name: &str) -> Result<(), ApiError> {
    match name.trim().chars().count() {
        0 => Err(ApiError::invalid("name", "a draft needs a name")),
        1..=NAME_LENGTH_MAX if !name.contains('\0') => Ok(()),
        _ => Err(ApiError::invalid("name", format!("not text of at most {NAME_LENGTH_MAX} characters"))),
    }
}

fn check_assertions(assertions: Option<&PolicyAssertions>) -> Result<(), ApiError> {
    let Err(error) = assertions.map_or(Ok(()), PolicyAssertions::validate) else { return Ok(()) };
    Err(ApiError::invalid(format!("assertions.{}", error.field), error.message))
}
