//! Requests of the pages beside the cases.

use super::{ApiError, get};
use contract::{CallPage, PipelinePage, PlaintiffDetail, PlaintiffPage, ReviewSample, Stage, WeeklyReview};

/// `query` is an encoded query string without its question mark, here and below.
pub async fn calls(query: &str) -> Result<CallPage, ApiError> {
    get(&format!("/api/calls?{query}")).await
}

pub async fn pipeline(query: &str) -> Result<PipelinePage, ApiError> {
    get(&format!("/api/pipeline?{query}")).await
}

pub async fn plaintiffs(query: &str) -> Result<PlaintiffPage, ApiError> {
    get(&format!("/api/plaintiffs?{query}")).await
}

pub async fn plaintiff(id: &str) -> Result<PlaintiffDetail, ApiError> {
    get(&format!("/api/plaintiffs/{id}")).await
}

pub async fn review(query: &str) -> Result<WeeklyReview, ApiError> {
    get(&format!("/api/review?{query}")).await
}

pub async fn sample(query: &str) -> Result<ReviewSample, ApiError> {
    get(&format!("/api/review/sample?{query}")).await
}

pub async fn stages() -> Result<Vec<Stage>, ApiError> {
    get("/api/stages").await
}
