//! The weekly review, the sample of events to audit, and the stages that cases are measured by.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use contract::{ReviewQuery, ReviewSample, SampleQuery, Stage, WeeklyReview};
use db::review::{self, ReviewLine, SAMPLE_SIZE_MAX, SAMPLE_SIZE_MIN, SEED_MAX, Week, WeekError};
use db::stages;

use super::export::Export;
use crate::AppState;
use crate::error::ApiError;
use crate::extract::Params;
use crate::session::Viewer;

const SAMPLE_SIZE: u32 = 20;

/// How the cases stand now, and what a week brought; plans are set with `/rpc/set_recovery_plan`
#[utoipa::path(get, path = "/api/review", tag = "review", params(ReviewQuery), responses((status = 200, body = WeeklyReview)))]
pub(crate) async fn show(
    State(app): State<AppState>,
    viewer: Viewer,
    Params(query): Params<ReviewQuery>,
) -> Result<Json<WeeklyReview>, ApiError> {
    let week = week(query.week.as_deref())?;
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(review::week(&mut tx, week).await?))
}

/// Events of a week drawn at random, to audit; what is found is kept with `/rpc/record_event_audit`
#[utoipa::path(get, path = "/api/review/sample", tag = "review", params(SampleQuery), responses((status = 200, body = ReviewSample)))]
pub(crate) async fn sample(
    State(app): State<AppState>,
    viewer: Viewer,
    Params(query): Params<SampleQuery>,
) -> Result<Json<ReviewSample>, ApiError> {
    let (week, seed, size) = checked(&query)?;
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(review::sample(&mut tx, week, seed, size).await?))
}

/// Every figure of a week's review and of its sample as CSV: section, item, figure, value, and of when it is
///
/// A cell that a spreadsheet would take for a formula begins with an apostrophe.
#[utoipa::path(get, path = "/api/review.csv", tag = "review", params(SampleQuery),
    responses((status = 200, body = String, content_type = "text/csv")))]
pub(crate) async fn export(
    State(app): State<AppState>,
    viewer: Viewer,
    Params(query): Params<SampleQuery>,
) -> Result<Response, ApiError> {
    let (week, seed, size) = checked(&query)?;
    let name = week.map_or_else(|| EXPORT.name.to_owned(), |week| format!("{}-{week}", EXPORT.name));
    EXPORT.stream_as(name, &app, &viewer, |tx, sender| review::send_lines(tx, week, seed, size, sender)).await
}

static EXPORT: Export<ReviewLine, 5> = Export {
    name: "review",
    columns: ["section", "item", "figure", "value", "period"],
    cells: |line| {
        [
            line.section.to_owned(),
            line.item.clone(),
            line.figure.to_owned(),
            line.value.clone(),
            line.period.clone(),
        ]
    },
};

/// Week, seed and size of a sample
fn checked(query: &SampleQuery) -> Result<(Option<Week>, u32, u32), ApiError> {
    let week = week(query.week.as_deref())?;
    let seed = query.seed.unwrap_or(1);
    if !(1..=SEED_MAX).contains(&seed) {
        return Err(ApiError::invalid("seed", format!("`{seed}` is not between 1 and {SEED_MAX}")));
    }
    let size = query.size.unwrap_or(SAMPLE_SIZE);
    if !(SAMPLE_SIZE_MIN..=SAMPLE_SIZE_MAX).contains(&size) {
        let message = format!("`{size}` is not between {SAMPLE_SIZE_MIN} and {SAMPLE_SIZE_MAX}");
        return Err(ApiError::invalid("size", message));
    }
    Ok((week, seed, size))
}

fn week(text: Option<&str>) -> Result<Option<Week>, ApiError> {
    text.filter(|text| !text.is_empty())
        .map(str::parse)
        .transpose()
        .map_err(|error: WeekError| ApiError::invalid("week", error.to_string()))
}

/// The stages as the organisation has set them; set with `/rpc/set_enforcement_stage_settings`
#[utoipa::path(get, path = "/api/stages", tag = "review", responses((status = 200, body = Vec<Stage>)))]
pub(crate) async fn stages(
    State(app): State<AppState>,
    viewer: Viewer,
) -> Result<Json<Vec<Stage>>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(stages::list(&mut tx).await?))
}
