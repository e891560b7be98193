//! Publication of a draft: what the browser previewed is made again before it is done.

use axum::Json;
use axum::extract::State;
use contract::{PublishRequest, Published, problem};
use db::portfolio::{self, Snapshot};
use db::schedules::{self, EffectiveAt, Schedule};
use db::{Transaction, lookup};
use policy::assertions::{CheckedAssertion, PolicyAssertions, failing_besides, in_words};
use policy::portfolio::{MigrationMatrix, TierMigration};
use policy::receipt::{PackedTiersError, Receipt, unpack_tiers};
use policy::study::{WitnessCase, witness_cases};
use policy::tier::{Tier, TierPolicy};

use super::policies::{expect_draft, find, not_found};
use crate::AppState;
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId};
use crate::session::Admin;

const NOTE_LENGTH_MAX: usize = 2000;
/// Judgments that a refused publish names
const NAMED_MAX: i32 = 50;

/// Publishes a draft and begins the refresh; with `effective_at` it waits for that time, as `scheduled`
///
/// One transaction covers the promotion, the check of the preview and the refresh that is begun, so a published
/// revision always has its refresh and a refused one leaves no trace. Refused with 409: `build_differs`, `draft_moved`,
/// `revision_moved`, `approval_required`, `policy_differs`, `facts_moved` (with the judgments), `snapshot_differs`, `preview_differs` (with the
/// judgments whose tier differs), `assertions_failed` (with what fails), unless an `override_note` overrules all of it.
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
    let effective_at: Option<EffectiveAt> = match request.effective_at.as_deref().map(str::parse) {
        None => None,
        Some(Ok(instant)) => Some(instant),
        Some(Err(error)) => return Err(ApiError::invalid("effective_at", error.to_string())),
    };
    let override_note = request.override_note.as_deref();
    check_note("note", &request.note)?;
    check_note("override_note", override_note.unwrap_or_default())?;
    if override_note.is_some_and(|note| note.trim().is_empty()) {
        return Err(ApiError::invalid(
            "override_note",
            "say in a sentence why the failing assertions do not matter",
        ));
    }
    if request.receipt.build != policy::BUILD {
        return Err(ApiError::conflict(
            problem::BUILD_DIFFERS,
            "the page runs other code than the server: it may be older",
        )
        .hint("reload the page and preview the draft again")
        .field("receipt.build"));
    }
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    let Some((draft, assertions)) = db::policies::lock_draft(&mut tx, id).await? else {
        expect_draft(&find(&mut tx, id).await?)?;
        return Err(not_found());
    };
    let (before, refresh_id) = match effective_at {
        None => {
            let publish = db::policies::Publish {
                expected_version: request.expected_version,
                expected_revision: request.expected_revision,
                note: &request.note,
                compiled: draft.to_postgres(),
                previewed: &request.previewed,
                snapshot: snapshot.as_str(),
                override_note,
                receipt: &request.receipt,
            };
            let begun = db::policies::publish(&mut tx, id, publish).await?;
            // From here on no assignment commits under the old revision: what is counted now is what will be.
            let before = match begun.before_policy_id {
                Some(before) => Some(db::policies::load(&mut tx, before).await?),
                None => None,
            };
            (before, Some(begun.refresh_id.to_string()))
        }
        Some(effective_at) => {
            let schedule = Schedule {
                expected_version: request.expected_version,
                expected_revision: request.expected_revision,
                note: &request.note,
                override_note,
                receipt: &request.receipt,
                effective_at,
            };
            schedules::schedule(&mut tx, id, schedule).await?;
            (db::policies::published(&mut tx).await?.map(|(_, before)| before), None)
        }
    };
    let before = before.unwrap_or_else(|| draft.clone());
    let digest = draft.digest();
    let (checked, witnesses) =
        expect_preview(&mut tx, &request, &snapshot, before, draft, assertions).await?;
    let overruled = expect_assertions(&request, checked)?;
    if !overruled.is_empty() {
        let places: Vec<&str> = overruled.iter().map(|assertion| assertion.place.as_str()).collect();
        db::policies::keep_overruled(&mut tx, id, &places).await?;
    }
    // What is published later gets those of the judgments of then.
    if refresh_id.is_some() {
        db::policies::keep_witnesses(&mut tx, id, &witnesses).await?;
    }
    tx.commit().await?;
    Ok(Json(Published {
        revision: request.expected_revision.saturating_add(1),
        digest: digest.to_string(),
        refresh_id,
        effective_at: request.effective_at,
    }))
}

/// Refuses what breaks assertions, but for those that the note was written about; answers these
fn expect_assertions(
    request: &PublishRequest,
    mut checked: Vec<CheckedAssertion>,
) -> Result<Vec<CheckedAssertion>, ApiError> {
    let is_noted = request.override_note.is_some();
    let named = if is_noted { request.overruled.as_slice() } else { &[] };
    let broken = failing_besides(&checked, named);
    if !broken.is_empty() {
        let which = if is_noted { "that the note does not overrule" } else { "that it carries" };
        let detail = format!("the draft breaks assertions {which}: {}", in_words(&broken));
        return Err(ApiError::conflict(problem::ASSERTIONS_FAILED, detail)
            .hint("change the draft, or publish it with a note that says why, about each of them")
            .assertions(checked));
    }
    checked.retain(|assertion| !assertion.holds);
    if is_noted && checked.is_empty() {
        return Err(ApiError::invalid("override_note", "every assertion holds: publish without it"));
    }
    Ok(checked)
}

pub(super) fn check_note(field: &str, note: &str) -> Result<(), ApiError> {
    if note.contains('\0') || note.chars().count() > NOTE_LENGTH_MAX {
        return Err(ApiError::invalid(field, format!("not text of at most {NOTE_LENGTH_MAX} characters")));
    }
    Ok(())
}

/// What the server makes of the judgments that the browser has previewed
struct Recomputed {
    receipt: Receipt,
    matrix: MigrationMatrix,
    checked: Vec<CheckedAssertion>,
    witnesses: Vec<WitnessCase>,
    /// Judgments whose tier is not the one that was shown, with both, or why the tiers shown cannot be read.
    differing: Result<Vec<Differing>, PackedTiersError>,
}

struct Differing {
    judgment_no: u64,
    shown: Option<Tier>,
    decided: Option<Tier>,
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
) -> Result<(Vec<CheckedAssertion>, Vec<WitnessCase>), ApiError> {
    if after.digest().as_str() != request.receipt.policy {
        return Err(
            differs(problem::POLICY_DIFFERS, "the previewed policy is not the draft").field("receipt.policy")
        );
    }
    expect_unmoved(tx, snapshot).await?;
    let portfolio = portfolio::read(tx).await?;
    let tiers = request.tiers.clone();
    let recomputed = tokio::task::spawn_blocking(move || {
        let grid = after.compile();
        let migration = TierMigration::between(&before.compile(), &grid, &portfolio);
        let matrix = migration.matrix();
        let tier = |number: u8| Tier::try_from(number).ok();
        let differing = unpack_tiers(&tiers, portfolio.len()).map(|shown| {
            let rows = portfolio.columns().judgment_no.iter().zip(shown).zip(grid.evaluate(&portfolio));
            rows.filter(|((_, shown), decided)| shown != decided)
                .map(|((judgment_no, shown), decided)| Differing {
                    judgment_no: *judgment_no,
                    shown: tier(shown),
                    decided: tier(decided),
                })
                .collect()
        });
        Recomputed {
            receipt: Receipt::of(&after, &portfolio, &matrix),
            checked: assertions.check(&after, &portfolio, &migration),
            witnesses: witness_cases(&after, Some(&portfolio)),
            matrix,
            differing,
        }
    });
    let recomputed = recomputed.await.map_err(ApiError::internal)?;
    if recomputed.receipt.snapshot != request.receipt.snapshot {
        // Facts may have moved between the question and the reading.
        expect_unmoved(tx, snapshot).await?;
        return Err(differs(
            problem::SNAPSHOT_DIFFERS,
            "the previewed judgments are not those that the server has",
        )
        .field("receipt.snapshot"));
    }
    let differing = recomputed.differing.map_err(|error| ApiError::invalid("tiers", error.to_string()))?;
    if !differing.is_empty() {
        return Err(name_differing(tx, &differing).await?);
    }
    if recomputed.matrix != request.previewed {
        return Err(differs(
            problem::PREVIEW_DIFFERS,
            "the server counts another matrix than the preview showed",
        )
        .field("previewed"));
    }
    if recomputed.receipt.matrix != request.receipt.matrix {
        return Err(differs(
            problem::PREVIEW_DIFFERS,
            "the receipt's matrix is not the one that the preview showed",
        )
        .field("receipt.matrix"));
    }
    Ok((recomputed.checked, recomputed.witnesses))
}

fn differs(code: &str, detail: &str) -> ApiError {
    ApiError::conflict(code, detail).hint("preview the draft again")
}

/// Says which judgments have another tier than the preview showed, the first of them with both tiers
async fn name_differing(tx: &mut Transaction, differing: &[Differing]) -> Result<ApiError, ApiError> {
    let numbers: Vec<i64> =
        differing.iter().take(NAMED_MAX as usize).map(|differing| differing.judgment_no as i64).collect();
    let named = lookup::numbered(tx, None, &numbers).await?;
    let tier =
        |tier: Option<Tier>| tier.map_or("no tier".to_owned(), |tier| format!("tier {}", tier.number()));
    let first = differing.iter().zip(&named).next().map_or(String::new(), |(differing, judgment)| {
        format!(
            "judgment {} ({}): the preview showed {}, the server decides {}",
            judgment.judgment_no,
            judgment.case_number,
            tier(differing.shown),
            tier(differing.decided)
        )
    });
    let detail = match differing.len() {
        1 => first,
        count => format!("{count} judgments differ; {first}"),
    };
    Ok(differs(problem::PREVIEW_DIFFERS, &detail).field("tiers").judgments(named))
}

async fn expect_unmoved(tx: &mut Transaction, snapshot: &Snapshot) -> Result<(), ApiError> {
    let moved = portfolio::facts_moved_since(tx, snapshot, NAMED_MAX).await?;
    if moved.is_empty() {
        return Ok(());
    }
    Err(ApiError::conflict(problem::FACTS_MOVED, "facts of judgments have changed since the preview")
        .hint("preview the draft again")
        .judgments(moved))
}
