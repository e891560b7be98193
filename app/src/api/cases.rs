//! Cases: what is asked about them, and the functions that change them.

use super::{ApiError, answer, get, read, send, send_empty};
use contract::*;
use gloo_net::http::Request;
use serde::Deserialize;
use serde_json::Value;
use wasm_bindgen::JsValue;

/// `query` is an encoded query string without its question mark.
pub async fn cases(query: &str) -> Result<CasePage, ApiError> {
    get(&format!("/api/cases?{query}")).await
}

pub async fn case_facets() -> Result<CaseFacets, ApiError> {
    get("/api/cases/facets").await
}

pub async fn case(id: &str) -> Result<CaseDetail, ApiError> {
    get(&format!("/api/cases/{id}")).await
}

pub async fn case_timeline(id: &str, query: &str) -> Result<TimelinePage, ApiError> {
    get(&format!("/api/cases/{id}/timeline?{query}")).await
}

pub async fn today() -> Result<Today, ApiError> {
    get("/api/today").await
}

/// One group of the morning list, page by page.
pub async fn today_group(kind: &str, query: &str) -> Result<TodayPage, ApiError> {
    get(&format!("/api/today/{kind}?{query}")).await
}

pub async fn recent_events(query: &str) -> Result<RecentEvents, ApiError> {
    get(&format!("/api/events/recent?{query}")).await
}

pub async fn plan_cases(plan: PlanCases) -> Result<CasePlan, ApiError> {
    read(send(Request::post("/api/cases/plans"), &plan).await?).await
}

pub async fn case_plan(id: &str) -> Result<CasePlan, ApiError> {
    get(&format!("/api/cases/plans/{id}")).await
}

pub async fn apply_case_plan(id: &str) -> Result<CasePlan, ApiError> {
    read(send_empty(Request::post(&format!("/api/cases/plans/{id}/apply"))).await?).await
}

pub async fn cancel_case_plan(id: &str) -> Result<CasePlan, ApiError> {
    read(send_empty(Request::delete(&format!("/api/cases/plans/{id}"))).await?).await
}

/// Calls a function of the database; the same `key` again answers what the first call did and does nothing.
pub async fn rpc(name: &str, key: &str, fields: &Value) -> Result<Value, ApiError> {
    read(send(Request::post(&format!("/rpc/{name}")).header("Idempotency-Key", key), fields).await?).await
}

/// What the console needs of a stored file.
#[derive(Deserialize)]
pub struct StoredFile {
    pub storage_path: String,
}

/// Keeps a file as a document of a case; `query` says what it is.
pub async fn upload_document(
    case_id: &str,
    key: &str,
    query: &str,
    file: &web_sys::File,
) -> Result<StoredFile, ApiError> {
    let request = Request::post(&format!("/api/cases/{case_id}/documents?{query}"))
        .header("Idempotency-Key", key)
        .header("Content-Type", "application/octet-stream")
        .body(JsValue::from(file));
    read(answer(request).await?).await
}
