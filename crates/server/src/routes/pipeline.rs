//! The pipeline of judgments by collectability tier, priority and amount.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use contract::{PipelinePage, PipelineQuery, PipelineRow};
use db::pipeline::{self, PipelineFilter};

use super::export::{Export, optional};
use crate::AppState;
use crate::error::ApiError;
use crate::extract::Params;
use crate::session::Viewer;

/// A page of the pipeline, in the order of `v_priority_pipeline`
#[utoipa::path(get, path = "/api/pipeline", tag = "pipeline", params(PipelineQuery),
    responses((status = 200, body = PipelinePage)))]
pub(crate) async fn list(
    State(app): State<AppState>,
    viewer: Viewer,
    Params(query): Params<PipelineQuery>,
) -> Result<Json<PipelinePage>, ApiError> {
    let filter = PipelineFilter::try_from(&query)?;
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(pipeline::page(&mut tx, &filter).await?))
}

/// Everything that the query asks for as CSV, in its order; `after` and `limit` do not count here
///
/// A cell that a spreadsheet would take for a formula begins with an apostrophe.
#[utoipa::path(get, path = "/api/pipeline.csv", tag = "pipeline", params(PipelineQuery),
    responses((status = 200, body = String, content_type = "text/csv")))]
pub(crate) async fn export(
    State(app): State<AppState>,
    viewer: Viewer,
    Params(query): Params<PipelineQuery>,
) -> Result<Response, ApiError> {
    let filter = PipelineFilter::try_from(&query)?;
    EXPORT.stream(&app, &viewer, |tx, sender| pipeline::send_rows(tx, filter, sender)).await
}

static EXPORT: Export<PipelineRow, 13> = Export {
    name: "pipeline",
    columns: [
        "collectability_tier",
        "tier_rank",
        "priority_level",
        "judgment_amount",
        "judgment_date",
        "case_number",
        "plaintiff_name",
        "plaintiff_status",
        "defendant_name",
        "county",
        "state",
        "stage",
        "judgment_id",
    ],
    cells,
};

fn cells(row: &PipelineRow) -> [String; 13] {
    [
        row.collectability_tier.clone(),
        row.tier_rank.to_string(),
        row.priority_level.clone(),
        row.judgment_amount.clone(),
        optional(&row.judgment_date),
        row.case_number.clone(),
        row.plaintiff_name.clone(),
        row.plaintiff_status.clone(),
        optional(&row.defendant_name),
        optional(&row.county),
        optional(&row.state),
        optional(&row.stage),
        row.judgment_id.clone(),
    ]
}
