//! Judgments: search, export, one by one.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use contract::{
    JudgmentDetail, JudgmentFacets, JudgmentNumbers, JudgmentPage, JudgmentQuery, JudgmentRow, Queued,
    problem,
};
use db::judgments::{self, JudgmentFilter};
use db::queue;

use super::export::{Export, optional};
use crate::AppState;
use crate::error::ApiError;
use crate::extract::{JsonBody, Params, PathId};
use crate::session::{Operator, Viewer};

/// A page of the judgments that the query asks for, with count and balance of all of them
#[utoipa::path(get, path = "/api/judgments", tag = "judgments", params(JudgmentQuery),
    responses((status = 200, body = JudgmentPage)))]
pub(crate) async fn list(
    State(app): State<AppState>,
    viewer: Viewer,
    Params(query): Params<JudgmentQuery>,
) -> Result<Json<JudgmentPage>, ApiError> {
    let filter = JudgmentFilter::try_from(&query)?;
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(judgments::page(&mut tx, &filter).await?))
}

/// What the filters can offer
#[utoipa::path(get, path = "/api/judgments/facets", tag = "judgments", responses((status = 200, body = JudgmentFacets)))]
pub(crate) async fn facets(
    State(app): State<AppState>,
    viewer: Viewer,
) -> Result<Json<JudgmentFacets>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(judgments::facets(&mut tx).await?))
}

/// A judgment with its tier, facts and history
#[utoipa::path(get, path = "/api/judgments/{id}", tag = "judgments", params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = JudgmentDetail)))]
pub(crate) async fn show(
    State(app): State<AppState>,
    viewer: Viewer,
    PathId(id): PathId,
) -> Result<Json<JudgmentDetail>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    let detail = judgments::detail(&mut tx, id).await?;
    Ok(Json(detail.ok_or_else(|| ApiError::not_found("this judgment"))?))
}

/// Queues a tier assignment of a judgment; where one by hand is queued already, answers that one
#[utoipa::path(post, path = "/api/judgments/{id}/retier", tag = "judgments", params(("id" = String, Path, format = Uuid)),
    responses((status = 202, body = Queued)))]
pub(crate) async fn retier(
    State(app): State<AppState>,
    operator: Operator,
    PathId(id): PathId,
) -> Result<(StatusCode, Json<Queued>), ApiError> {
    let mut tx = app.db.begin_as(&operator.actor()).await?;
    let status = judgments::status(&mut tx, id).await?;
    let status = status.ok_or_else(|| ApiError::not_found("this judgment"))?;
    if judgments::is_closed(&status) {
        return Err(ApiError::conflict(problem::CONFLICT, format!("the judgment is {status}"))
            .hint("closed judgments are not tiered"));
    }
    let msg_id = queue::enqueue_tier_assignment(&mut tx, id, &format!("tier:manual:{id}")).await?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(Queued { msg_id })))
}

/// The judgments of these numbers, at most 500 at once, in the order of their numbers
#[utoipa::path(post, path = "/api/judgments/by-no", tag = "judgments", request_body = JudgmentNumbers,
    responses((status = 200, body = Vec<JudgmentRow>)))]
pub(crate) async fn by_no(
    State(app): State<AppState>,
    viewer: Viewer,
    JsonBody(numbers): JsonBody<JudgmentNumbers>,
) -> Result<Json<Vec<JudgmentRow>>, ApiError> {
    if numbers.judgment_nos.len() > judgments::PAGE_ROWS_MAX as usize {
        return Err(ApiError::invalid("judgment_nos", format!("more than {}", judgments::PAGE_ROWS_MAX)));
    }
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(judgments::by_no(&mut tx, &numbers.judgment_nos).await?))
}

/// Everything that the query asks for as CSV, in its order; offset and limit do not count here
///
/// A cell that a spreadsheet would take for a formula begins with an apostrophe.
#[utoipa::path(get, path = "/api/judgments.csv", tag = "judgments", params(JudgmentQuery),
    responses((status = 200, body = String, content_type = "text/csv")))]
pub(crate) async fn export(
    State(app): State<AppState>,
    viewer: Viewer,
    Params(query): Params<JudgmentQuery>,
) -> Result<Response, ApiError> {
    let filter = JudgmentFilter::try_from(&query)?;
    EXPORT.stream(&app, &viewer, |tx, sender| judgments::send_rows(tx, filter, sender)).await
}

static EXPORT: Export<JudgmentRow, 17> = Export {
    name: "judgments",
    columns: [
        "judgment_no",
        "case_number",
        "plaintiff_name",
        "defendant_name",
        "court",
        "county",
        "state",
        "judgment_date",
        "judgment_amount",
        "balance_due",
        "collectability_score",
        "asset_signals",
        "status",
        "tier",
        "tier_label",
        "tier_reason",
        "tier_as_of",
    ],
    cells,
};

fn cells(row: &JudgmentRow) -> [String; 17] {
    [
        row.judgment_no.to_string(),
        row.case_number.clone(),
        row.plaintiff_name.clone(),
        optional(&row.defendant_name),
        optional(&row.court),
        optional(&row.county),
        optional(&row.state),
        optional(&row.judgment_date),
        row.judgment_amount.clone(),
        optional(&row.balance_due),
        optional(&row.collectability_score),
        row.asset_signals.join(" "),
        row.status.clone(),
        row.tier.map(|tier| tier.number().to_string()).unwrap_or_default(),
        row.tier.map(|tier| tier.label().to_owned()).unwrap_or_default(),
        optional(&row.tier_reason),
        optional(&row.tier_as_of),
    ]
}
