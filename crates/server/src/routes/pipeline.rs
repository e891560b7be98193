//! The pipeline of judgments by collectability tier, priority and amount.

use std::io;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::IntoResponse;
use contract::{PipelinePage, PipelineQuery, PipelineRow};
use db::pipeline::{self, PipelineFilter};
use futures_util::stream::{self, StreamExt};
use tokio::sync::mpsc;

use super::judgments::{EXPORTS, safe};
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
) -> Result<impl IntoResponse, ApiError> {
    let filter = PipelineFilter::try_from(&query)?;
    let place = EXPORTS.acquire().await.map_err(ApiError::internal)?;
    let tx = app.db.begin_as(&viewer.actor()).await?;
    let (sender, receiver) = mpsc::channel(4);
    let sending = tokio::spawn(async move {
        let _place = place;
        pipeline::send_rows(tx, filter, sender).await
    });
    let header = stream::once(async { csv_piece(&[COLUMNS.map(str::to_owned)]) });
    let rows = stream::unfold(Some((receiver, sending)), |state| async {
        let (mut receiver, sending) = state?;
        match receiver.recv().await {
            Some(Ok(rows)) => {
                let cells: Vec<_> = rows.iter().map(cells).collect();
                Some((csv_piece(&cells), Some((receiver, sending))))
            }
            Some(Err(error)) => Some((Err(error.to_string()), None)),
            None if sending.await.unwrap_or(false) => None,
            None => Some((Err("the receiver took too long".to_owned()), None)),
        }
    });
    // An error comes too late for another status: the connection breaks off, which browsers report.
    let body = header.chain(rows).map(|piece| {
        piece.inspect_err(|cause| tracing::error!(cause, "export_failed")).map_err(io::Error::other)
    });
    // Compression asks once more after the end, which the stream of rows does not stand by itself.
    let body = body.fuse();
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"pipeline.csv\""),
    ];
    Ok((headers, Body::from_stream(body)))
}

const COLUMNS: [&str; 13] = [
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
];

fn csv_piece(records: &[[String; COLUMNS.len()]]) -> Result<Bytes, String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in records {
        writer.write_record(record).map_err(|error| error.to_string())?;
    }
    Ok(writer.into_inner().map_err(|error| error.to_string())?.into())
}

fn cells(row: &PipelineRow) -> [String; COLUMNS.len()] {
    let optional = |text: &Option<String>| safe(text.as_deref().unwrap_or_default());
    [
        row.collectability_tier.clone(),
        row.tier_rank.to_string(),
        row.priority_level.clone(),
        row.judgment_amount.clone(),
        optional(&row.judgment_date),
        safe(&row.case_number),
        safe(&row.plaintiff_name),
        row.plaintiff_status.clone(),
        optional(&row.defendant_name),
        optional(&row.county),
        optional(&row.state),
        optional(&row.stage),
        row.judgment_id.clone(),
    ]
}
