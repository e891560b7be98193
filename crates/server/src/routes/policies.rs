//! Tier policies: drafts and their publication.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use contract::{
    NewDraft, PolicyDetail, PolicyState, PolicySummary, PublishRequest, Published, SaveDraft, problem,
};
use db::portfolio::{self, Snapshot};
use db::{Transaction, policies};
use policy::assertions::{CheckedAssertion, PolicyAssertions};
use policy::portfolio::{MigrationMatrix, TierMigration};
use policy::tier::TierPolicy;
use uuid::Uuid;

use crate::AppState;
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId};
use crate::session::{Admin, Viewer};

const NAME_LENGTH_MAX: usize = 120;
const NOTE_LENGTH_MAX: usize = 2000;
/// Judgments that a refused publish names
const MOVED_MAX: i32 = 50;

fn not_found() -> ApiError {
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

async fn find(tx: &mut Transaction, id: Uuid) -> Result<PolicyDetail, ApiError> {
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
fn expect_draft(policy: &PolicyDetail) -> Result<(), ApiError> {
    match policy.summary.state {
        PolicyState::Draft => Ok(()),
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

/// Publishes a draft and begins the refresh
///
/// One transaction covers the promotion, the check of the preview and the refresh that is begun, so a published
/// revision always has its refresh and a refused one leaves no trace. Refused with 409: `draft_moved`,
/// `revision_moved`, `facts_moved` (with the judgments), `preview_differs`, `assertions_failed` (with what fails), which
/// an `override_note` overrules.
#[utoipa::path(post, path = "/api/tier-policies/{id}/publish", tag = "policies", params(("id" = String, Path, format = Uuid)),
    request_body = PublishRequest, responses((status = 200, body = Published)))]
pub(crate) async fn publish(
    State(app): State<AppState>,
    admin: Admin,
    PathId(id): PathId,
    JsonBody(request): JsonBody<PublishRequest>,
) -> Result<Json<Published>, ApiError> {
    let snapshot: Snapshot = request
        .snapshot
        .parse()
        .map_err(|error: portfolio::SnapshotError| ApiError::invalid("snapshot", error.to_string()))?;
    let override_note = request.override_note.as_deref();
    for (field, note) in [("note", request.note.as_str()), ("override_note", override_note.unwrap_or("-"))] {
        if note.contains('\0') || note.chars().count() > NOTE_LENGTH_MAX {
            let message = format!("not text of at most {NOTE_LENGTH_MAX} characters");
            return Err(ApiError::invalid(field, message));
        }
    }
    if override_note.is_some_and(|note| note.trim().is_empty()) {
        return Err(ApiError::invalid(
            "override_note",
            "say in a sentence why the failing assertions do not matter",
        ));
    }
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    let Some((draft, assertions)) = policies::lock_draft(&mut tx, id).await? else {
        expect_draft(&find(&mut tx, id).await?)?;
        return Err(not_found());
    };
    let begun = policies::publish(
        &mut tx,
        id,
        policies::Publish {
            expected_version: request.expected_version,
            expected_revision: request.expected_revision,
            note: &request.note,
            compiled: draft.to_postgres(),
            previewed: &request.previewed,
            snapshot: snapshot.as_str(),
            override_note,
        },
    )
    .await?;
    // From here on no assignment commits under the old revision: what is counted now is what will be.
    let before = match begun.before_policy_id {
        Some(before) => policies::load(&mut tx, before).await?,
        None => draft.clone(),
    };
    let digest = draft.digest();
    let checked = expect_preview(&mut tx, &request, &snapshot, before, draft, assertions).await?;
    match (checked.iter().all(|assertion| assertion.holds), override_note) {
        (true, None) | (false, Some(_)) => {}
        (true, Some(_)) => {
            return Err(ApiError::invalid("override_note", "every assertion holds: publish without it"));
        }
        (false, None) => {
            return Err(ApiError::conflict(
                problem::ASSERTIONS_FAILED,
                "the draft breaks assertions that it carries",
            )
            .hint("change the draft, or publish it with a note that says why")
            .assertions(checked));
        }
    }
    tx.commit().await?;
    Ok(Json(Published {
        revision: begun.policy_revision.unsigned_abs(),
        digest: digest.to_string(),
        refresh_id: begun.refresh_id.to_string(),
    }))
}

/// The browser ran the same comparison while editing; the server does not take its word for it
///
/// Answers what became of the assertions on the same judgments.
async fn expect_preview(
    tx: &mut Transaction,
    request: &PublishRequest,
    snapshot: &Snapshot,
    before: TierPolicy,
    after: TierPolicy,
    assertions: PolicyAssertions,
) -> Result<Vec<CheckedAssertion>, ApiError> {
    expect_unmoved(tx, snapshot).await?;
    let portfolio = portfolio::read(tx).await?;
    let counted = tokio::task::spawn_blocking(move || {
        let migration = TierMigration::between(&before.compile(), &after.compile(), &portfolio);
        (portfolio.digest(), migration.matrix(), assertions.check(&after, &portfolio, &migration))
    });
    let (digest, matrix, checked): (String, MigrationMatrix, _) =
        counted.await.map_err(ApiError::internal)?;
    if digest != request.snapshot_digest {
        // Facts may have moved between the question and the reading.
        expect_unmoved(tx, snapshot).await?;
        return Err(ApiError::conflict(
            problem::PREVIEW_DIFFERS,
            "the previewed judgments are not those that the server has",
        )
        .hint("preview the draft again"));
    }
    if matrix != request.previewed {
        return Err(ApiError::conflict(
            problem::PREVIEW_DIFFERS,
            "the server counts another matrix than the preview showed",
        )
        .hint("preview the draft again"));
    }
    Ok(checked)
}

async fn expect_unmoved(tx: &mut Transaction, snapshot: &Snapshot) -> Result<(), ApiError> {
    let moved = portfolio::facts_moved_since(tx, snapshot, MOVED_MAX).await?;
    if moved.is_empty() {
        return Ok(());
    }
    Err(ApiError::conflict(problem::FACTS_MOVED, "facts of judgments have changed since the preview")
        .hint("preview the draft again")
        .judgments(moved))
}
