//! The weekly review, the sample of events to audit, and the stages that cases are measured by.

use axum::Json;
use axum::extract::State;
use contract::{ReviewQuery, ReviewSample, SampleQuery, Stage, WeeklyReview};
use db::review::{self, SAMPLE_SIZE_MAX, SAMPLE_SIZE_MIN, SEED_MAX, Week, WeekError};
use db::stages;

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
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(review::sample(&mut tx, week, seed, size).await?))
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
