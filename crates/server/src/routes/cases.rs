//! Cases: lists, export, one by one, timelines, the morning list, recent events, changes of many at once.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use contract::{
    CaseDetail, CaseFacets, CasePage, CasePlan, CaseQuery, CaseRow, PlanCases, RecentEvents, RecentQuery,
    TimelinePage, TimelineQuery, Today, TodayPage, TodayQuery,
};
use db::case_plans::{self, PlanError};
use db::cases::{self, CaseFilter, RecentFilter, TimelineFilter, TodayFilter, TodayKind};
use uuid::Uuid;

use super::export::{Export, optional};
use crate::AppState;
use crate::error::ApiError;
use crate::extract::{JsonBody, Params, PathId};
use crate::session::{Operator, Viewer};

/// A page of the cases that the query asks for; the first with count and balance of all of them
#[utoipa::path(get, path = "/api/cases", tag = "cases", params(CaseQuery), responses((status = 200, body = CasePage)))]
pub(crate) async fn list(
    State(app): State<AppState>,
    viewer: Viewer,
    Params(query): Params<CaseQuery>,
) -> Result<Json<CasePage>, ApiError> {
    let filter = CaseFilter::try_from(&query)?;
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(cases::page(&mut tx, &filter).await?))
}

/// What filters and forms can offer: stages with what they ask for, owners, kinds of events, pools
#[utoipa::path(get, path = "/api/cases/facets", tag = "cases", responses((status = 200, body = CaseFacets)))]
pub(crate) async fn facets(
    State(app): State<AppState>,
    viewer: Viewer,
) -> Result<Json<CaseFacets>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(cases::facets(&mut tx).await?))
}

/// A case with its judgment, actions, documents, open tasks and payments
#[utoipa::path(get, path = "/api/cases/{id}", tag = "cases", params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = CaseDetail)))]
pub(crate) async fn show(
    State(app): State<AppState>,
    viewer: Viewer,
    PathId(id): PathId,
) -> Result<Json<CaseDetail>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    let detail = cases::detail(&mut tx, id).await?;
    Ok(Json(detail.ok_or_else(|| ApiError::not_found("this case"))?))
}

/// Events, history, tasks and actions of a case, each at the time when it happened, newest first
#[utoipa::path(get, path = "/api/cases/{id}/timeline", tag = "cases",
    params(("id" = String, Path, format = Uuid), TimelineQuery), responses((status = 200, body = TimelinePage)))]
pub(crate) async fn timeline(
    State(app): State<AppState>,
    viewer: Viewer,
    PathId(id): PathId,
    Params(query): Params<TimelineQuery>,
) -> Result<Json<TimelinePage>, ApiError> {
    let filter = TimelineFilter::try_from(&query)?;
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    let timeline = cases::timeline(&mut tx, id, &filter).await?;
    Ok(Json(timeline.ok_or_else(|| ApiError::not_found("this case"))?))
}

/// What wants somebody's hand: past due, blocked, red flags; each row names the form that mends it
#[utoipa::path(get, path = "/api/today", tag = "cases", responses((status = 200, body = Today)))]
pub(crate) async fn today(State(app): State<AppState>, viewer: Viewer) -> Result<Json<Today>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(cases::today(&mut tx).await?))
}

/// The rows of one group of the morning list, all of them page by page, in the order in which to work them
#[utoipa::path(get, path = "/api/today/{kind}", tag = "cases",
    params(("kind" = String, Path, description = "The kind of a group of `GET /api/today`"), TodayQuery),
    responses((status = 200, body = TodayPage)))]
pub(crate) async fn today_group(
    State(app): State<AppState>,
    viewer: Viewer,
    Path(kind): Path<String>,
    Params(query): Params<TodayQuery>,
) -> Result<Json<TodayPage>, ApiError> {
    let kind = TodayKind::of(&kind).ok_or_else(|| ApiError::not_found("this group"))?;
    let filter = TodayFilter::of(kind, &query)?;
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(cases::today_page(&mut tx, &filter).await?))
}

/// The newest events of all cases, each with how its case stands now
#[utoipa::path(get, path = "/api/events/recent", tag = "cases", params(RecentQuery),
    responses((status = 200, body = RecentEvents)))]
pub(crate) async fn recent(
    State(app): State<AppState>,
    viewer: Viewer,
    Params(query): Params<RecentQuery>,
) -> Result<Json<RecentEvents>, ApiError> {
    let filter = RecentFilter::try_from(&query)?;
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(cases::recent(&mut tx, &filter).await?))
}

// ---- many at once ----

/// Makes a plan for every case of a list: what it would change, and what keeps it from which; changes nothing
#[utoipa::path(post, path = "/api/cases/plans", tag = "cases", request_body = PlanCases,
    responses((status = 201, body = CasePlan)))]
pub(crate) async fn make_plan(
    State(app): State<AppState>,
    operator: Operator,
    JsonBody(request): JsonBody<PlanCases>,
) -> Result<(StatusCode, Json<CasePlan>), ApiError> {
    let mut tx = app.db.begin_as(&operator.actor()).await?;
    let id = case_plans::make(&mut tx, &request).await?;
    let plan = shown(&mut tx, id).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, plan))
}

/// A plan and how far it is
#[utoipa::path(get, path = "/api/cases/plans/{id}", tag = "cases", params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = CasePlan)))]
pub(crate) async fn show_plan(
    State(app): State<AppState>,
    viewer: Viewer,
    PathId(id): PathId,
) -> Result<Json<CasePlan>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    shown(&mut tx, id).await
}

/// Changes the next hundred cases of a plan, in one transaction; ask again until none is `ready`
///
/// A case that was changed since the plan was made is named and left as it is. Asked for twice, nothing is done twice.
#[utoipa::path(post, path = "/api/cases/plans/{id}/apply", tag = "cases", params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = CasePlan)))]
pub(crate) async fn apply_plan(
    State(app): State<AppState>,
    operator: Operator,
    PathId(id): PathId,
) -> Result<Json<CasePlan>, ApiError> {
    let mut tx = app.db.begin_as(&operator.actor()).await?;
    case_plans::apply(&mut tx, id).await?;
    let plan = shown(&mut tx, id).await?;
    tx.commit().await?;
    Ok(plan)
}

/// Ends a plan; what it has changed stays changed
#[utoipa::path(delete, path = "/api/cases/plans/{id}", tag = "cases", params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = CasePlan)))]
pub(crate) async fn cancel_plan(
    State(app): State<AppState>,
    operator: Operator,
    PathId(id): PathId,
) -> Result<Json<CasePlan>, ApiError> {
    let mut tx = app.db.begin_as(&operator.actor()).await?;
    case_plans::cancel(&mut tx, id).await?;
    let plan = shown(&mut tx, id).await?;
    tx.commit().await?;
    Ok(plan)
}

async fn shown(tx: &mut db::Transaction, id: Uuid) -> Result<Json<CasePlan>, ApiError> {
    let plan = case_plans::show(tx, id).await?;
    Ok(Json(plan.ok_or_else(|| ApiError::not_found("this plan"))?))
}

impl From<PlanError> for ApiError {
    fn from(error: PlanError) -> Self {
        let detail = error.to_string();
        match error {
            PlanError::Query(error) => Self::invalid(format!("filter.{}", error.field), error.message),
            PlanError::Empty => Self::invalid("filter", detail).hint("loosen the filter"),
            PlanError::TooMany(_) => Self::invalid("filter", detail).hint("narrow the filter"),
            PlanError::Database(error) => error.into(),
        }
    }
}

// ---- export ----

/// Everything that the query asks for as CSV, in its order; cursor and limit do not count here
///
/// A cell that a spreadsheet would take for a formula begins with an apostrophe.
#[utoipa::path(get, path = "/api/cases.csv", tag = "cases", params(CaseQuery),
    responses((status = 200, body = String, content_type = "text/csv")))]
pub(crate) async fn export(
    State(app): State<AppState>,
    viewer: Viewer,
    Params(query): Params<CaseQuery>,
) -> Result<Response, ApiError> {
    // A cursor says where a page begins, and this is no page.
    let filter = CaseFilter::try_from(&CaseQuery { cursor: None, limit: None, ..query })?;
    EXPORT.stream(&app, &viewer, |tx, sender| cases::send_rows(tx, filter, sender)).await
}

static EXPORT: Export<CaseRow, 23> = Export {
    name: "cases",
    columns: [
        "case_id",
        "judgment_no",
        "case_number",
        "plaintiff_name",
        "defendant_name",
        "tier",
        "computed_tier",
        "tier_override",
        "override_expires_at",
        "current_stage",
        "days_in_stage",
        "sla_days",
        "is_sla_breached",
        "next_action_at",
        "is_past_due",
        "is_blocked",
        "blocked_until",
        "owner_name",
        "current_balance",
        "opened_at",
        "closed_at",
        "closure_reason",
        "priority_level",
    ],
    cells,
};

fn cells(row: &CaseRow) -> [String; 23] {
    let tier =
        |tier: Option<policy::tier::Tier>| tier.map(|tier| tier.number().to_string()).unwrap_or_default();
    [
        row.id.clone(),
        row.judgment_no.to_string(),
        row.case_number.clone(),
        optional(&row.plaintiff_name),
        optional(&row.defendant_name),
        tier(row.tier),
        tier(row.computed_tier),
        tier(row.tier_override),
        optional(&row.override_expires_at),
        row.current_stage.clone(),
        row.days_in_stage.to_string(),
        row.sla_days.map(|days| days.to_string()).unwrap_or_default(),
        row.is_sla_breached.to_string(),
        optional(&row.next_action_at),
        row.is_past_due.to_string(),
        row.is_blocked.to_string(),
        optional(&row.blocked_until),
        optional(&row.owner_name),
        optional(&row.current_balance),
        row.opened_at.clone(),
        optional(&row.closed_at),
        optional(&row.closure_reason),
        row.priority_level.clone(),
    ]
}
