//! Pools, members, page rules: what admins change, and what everybody sees of it.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use contract::{
    AddMember, ArrivalsQuery, ChangeRank, Created, DayArrivals, DecisionQuery, LeadDecision, LiveRouting,
    MatchPage, PageRules, Person, PoolStatistics, PoolsOverview, PoolsRevision, RankChange, SavePageRules,
    SavePool, SaveRanks, StatisticsQuery,
};
use db::lead_statistics::{self, Period, PeriodError};
use db::leads::{self, DecisionFilter};
use db::pools::{self, PoolSettings};
use db::routing::org_id_of;
use db::{SqlError, Transaction};
use policy::routing::{OrganisationPages, PageMatch, PageRule, PoolId, RoutingError};
use uuid::Uuid;

use crate::AppState;
use crate::error::ApiError;
use crate::extract::{JsonBody, Params, PathId};
use crate::session::{Admin, Viewer};

/// Rules that an organisation can have
const RULES_MAX: usize = 500;
const DECISIONS_DEFAULT: u32 = 50;
const DECISIONS_MAX: u32 = 200;

/// Every pool with its members, and every agent
#[utoipa::path(get, path = "/api/pools", tag = "pools", responses((status = 200, body = PoolsOverview)))]
pub(crate) async fn list(
    State(app): State<AppState>,
    viewer: Viewer,
) -> Result<Json<PoolsOverview>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(pools::overview(&mut tx).await?))
}

/// Adds a pool
#[utoipa::path(post, path = "/api/pools", tag = "pools", request_body = SavePool, responses((status = 201, body = Created)))]
pub(crate) async fn create(
    State(app): State<AppState>,
    admin: Admin,
    JsonBody(pool): JsonBody<SavePool>,
) -> Result<(StatusCode, Json<Created>), ApiError> {
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    let id = pools::save(&mut tx, None, settings(&pool)?).await?.to_string();
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(Created { id })))
}

/// Renames a pool, and changes its fallback and waiting list
#[utoipa::path(put, path = "/api/pools/{id}", tag = "pools", params(("id" = String, Path, format = Uuid)), request_body = SavePool,
    responses((status = 200, body = PoolsRevision)))]
pub(crate) async fn save(
    State(app): State<AppState>,
    admin: Admin,
    PathId(id): PathId,
    JsonBody(pool): JsonBody<SavePool>,
) -> Result<Json<PoolsRevision>, ApiError> {
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    pools::save(&mut tx, Some(id), settings(&pool)?).await?;
    revised(tx).await
}

fn settings(pool: &SavePool) -> Result<PoolSettings<'_>, ApiError> {
    no_null("name", &pool.name)?;
    Ok(PoolSettings { name: &pool.name, fallback: pool.fallback, waiting: pool.waiting })
}

/// Deletes a pool with its members and rules; leads that agents have of it stay. The default pool is refused with 409
#[utoipa::path(delete, path = "/api/pools/{id}", tag = "pools", params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = PoolsRevision)))]
pub(crate) async fn delete(
    State(app): State<AppState>,
    admin: Admin,
    PathId(id): PathId,
) -> Result<Json<PoolsRevision>, ApiError> {
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    pools::delete(&mut tx, id).await?;
    revised(tx).await
}

/// Adds an agent to a pool, as Primary unless the rank says otherwise
#[utoipa::path(post, path = "/api/pools/{id}/members", tag = "pools", params(("id" = String, Path, format = Uuid)), request_body = AddMember,
    responses((status = 200, body = PoolsRevision)))]
pub(crate) async fn add_member(
    State(app): State<AppState>,
    admin: Admin,
    PathId(id): PathId,
    JsonBody(member): JsonBody<AddMember>,
) -> Result<Json<PoolsRevision>, ApiError> {
    let agent_id = agent_of("agent_id", &member.agent_id)?;
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    pools::add_member(&mut tx, id, agent_id, member.priority_rank).await?;
    revised(tx).await
}

/// Gives a member another rank, which counts for the next lead on every server
#[utoipa::path(put, path = "/api/pools/{id}/members/{agent_id}", tag = "pools",
    params(("id" = String, Path, format = Uuid), ("agent_id" = String, Path, format = Uuid)), request_body = ChangeRank,
    responses((status = 200, body = PoolsRevision)))]
pub(crate) async fn change_rank(
    State(app): State<AppState>,
    admin: Admin,
    Path((id, agent_id)): Path<(String, String)>,
    JsonBody(change): JsonBody<ChangeRank>,
) -> Result<Json<PoolsRevision>, ApiError> {
    let (id, agent_id) = member_of(&id, &agent_id)?;
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    let ranks = [(agent_id, change.priority_rank)];
    // Named by the path, not by a list.
    let revision =
        pools::rank_members(&mut tx, id, &ranks, None).await.map_err(|error| {
            match ApiError::from(error) {
                error if error.field_is("ranks[0].agent_id") => ApiError::not_found("this member"),
                error => error,
            }
        })?;
    tx.commit().await?;
    Ok(Json(PoolsRevision { revision }))
}

/// Takes an agent out of a pool; leads that the agent has stay
#[utoipa::path(delete, path = "/api/pools/{id}/members/{agent_id}", tag = "pools",
    params(("id" = String, Path, format = Uuid), ("agent_id" = String, Path, format = Uuid)),
    responses((status = 200, body = PoolsRevision)))]
pub(crate) async fn remove_member(
    State(app): State<AppState>,
    admin: Admin,
    Path((id, agent_id)): Path<(String, String)>,
) -> Result<Json<PoolsRevision>, ApiError> {
    let (id, agent_id) = member_of(&id, &agent_id)?;
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    pools::remove_member(&mut tx, id, agent_id).await?;
    revised(tx).await
}

/// Saves the ranks of several members at once, all or none
#[utoipa::path(put, path = "/api/pools/{id}/ranks", tag = "pools", params(("id" = String, Path, format = Uuid)), request_body = SaveRanks,
    responses((status = 200, body = PoolsRevision)))]
pub(crate) async fn save_ranks(
    State(app): State<AppState>,
    admin: Admin,
    PathId(id): PathId,
    JsonBody(save): JsonBody<SaveRanks>,
) -> Result<Json<PoolsRevision>, ApiError> {
    let mut ranks = Vec::with_capacity(save.ranks.len());
    for (place, rank) in save.ranks.iter().enumerate() {
        let field = format!("ranks[{place}].agent_id");
        let agent_id =
            rank.agent_id.parse().map_err(|_| ApiError::invalid(field, "no such agent in this pool"))?;
        ranks.push((agent_id, rank.priority_rank));
    }
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    let revision = pools::rank_members(&mut tx, id, &ranks, save.expected_revision).await?;
    tx.commit().await?;
    Ok(Json(PoolsRevision { revision }))
}

/// What became of the ranks in a pool, newest first, at most 500 changes
#[utoipa::path(get, path = "/api/pools/{id}/history", tag = "pools", params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = Vec<RankChange>)))]
pub(crate) async fn history(
    State(app): State<AppState>,
    viewer: Viewer,
    PathId(id): PathId,
) -> Result<Json<Vec<RankChange>>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    let history = pools::history(&mut tx, id).await?;
    Ok(Json(history.ok_or_else(|| ApiError::not_found("this pool"))?))
}

/// Members of the organisation, to make agents of
#[utoipa::path(get, path = "/api/pools/people", tag = "pools", responses((status = 200, body = Vec<Person>)))]
pub(crate) async fn people(
    State(app): State<AppState>,
    viewer: Viewer,
) -> Result<Json<Vec<Person>>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(pools::people(&mut tx).await?))
}

// ---- page rules ----

/// Which pages lead to which pool, in the order in which the rules are tried
#[utoipa::path(get, path = "/api/pools/page-rules", tag = "pools", responses((status = 200, body = PageRules)))]
pub(crate) async fn page_rules(
    State(app): State<AppState>,
    viewer: Viewer,
) -> Result<Json<PageRules>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(pools::page_rules(&mut tx).await?))
}

/// Replaces all page rules; their order counts, not the priority that they carry
#[utoipa::path(put, path = "/api/pools/page-rules", tag = "pools", request_body = SavePageRules,
    responses((status = 200, body = PoolsRevision)))]
pub(crate) async fn save_page_rules(
    State(app): State<AppState>,
    admin: Admin,
    JsonBody(save): JsonBody<SavePageRules>,
) -> Result<Json<PoolsRevision>, ApiError> {
    let pages = pages_of(admin.signed_in.org_id, None, save.rules)?;
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    let revision = pools::save_page_rules(&mut tx, &pages.rules, save.expected_revision).await?;
    tx.commit().await?;
    Ok(Json(PoolsRevision { revision }))
}

/// Which pool a page leads to, and what became of every rule on the way
#[utoipa::path(post, path = "/api/pools/page-match", tag = "pools", request_body = MatchPage, responses((status = 200, body = Object)))]
pub(crate) async fn match_page(
    State(app): State<AppState>,
    viewer: Viewer,
    JsonBody(page): JsonBody<MatchPage>,
) -> Result<Json<PageMatch>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    let saved = pools::page_rules(&mut tx).await?;
    let default_pool = PoolId::new(&saved.default_pool_id);
    let pages = pages_of(viewer.signed_in.org_id, default_pool, page.rules.unwrap_or(saved.rules))?;
    Ok(Json(pages.explain(&page.page_url)))
}

/// Rules in their order, checked but for whether their pools exist
fn pages_of(
    org_id: Uuid,
    default_pool_id: Option<PoolId>,
    mut rules: Vec<PageRule>,
) -> Result<OrganisationPages, ApiError> {
    if rules.len() > RULES_MAX {
        return Err(ApiError::invalid("rules", format!("more than {RULES_MAX}")));
    }
    let last = i32::try_from(rules.len()).unwrap_or(i32::MAX);
    for (place, rule) in (0..).zip(&mut rules) {
        rule.priority = last - place;
        let field = |name: &str| format!("rules[{place}].{name}");
        no_null(&field("id"), rule.id.as_str())?;
        for (number, condition) in rule.conditions.iter().enumerate() {
            no_null(&field(&format!("conditions[{number}].value")), &condition.value)?;
            no_null(
                &field(&format!("conditions[{number}].param")),
                condition.param.as_deref().unwrap_or_default(),
            )?;
        }
        if rule.pool_id.as_str().parse::<Uuid>().is_err() {
            return Err(ApiError::invalid(field("pool_id"), "no such pool in this organisation"));
        }
    }
    let pages = OrganisationPages { org_id: org_id_of(org_id)?, default_pool_id, rules };
    pages.check("")?;
    Ok(pages)
}

// ---- live state, decisions, days ----

/// All that the next decisions rest on, to preview them
#[utoipa::path(get, path = "/api/pools/routing-state", tag = "pools", responses((status = 200, body = LiveRouting)))]
pub(crate) async fn routing_state(
    State(app): State<AppState>,
    viewer: Viewer,
) -> Result<Json<LiveRouting>, ApiError> {
    Ok(Json(leads::live(&app.db, &viewer.actor(), viewer.signed_in.org_id).await?))
}

/// What was decided of leads, newest first, with everything that it rested on
#[utoipa::path(get, path = "/api/pools/decisions", tag = "pools", params(DecisionQuery),
    responses((status = 200, body = Vec<LeadDecision>)))]
pub(crate) async fn decisions(
    State(app): State<AppState>,
    viewer: Viewer,
    Params(query): Params<DecisionQuery>,
) -> Result<Json<Vec<LeadDecision>>, ApiError> {
    let limit = query.limit.unwrap_or(DECISIONS_DEFAULT);
    if !(1..=DECISIONS_MAX).contains(&limit) {
        return Err(ApiError::invalid("limit", format!("is not between 1 and {DECISIONS_MAX}")));
    }
    let filter = DecisionFilter {
        pool_id: query.pool_id.map(|id| id_of("pool_id", &id)).transpose()?,
        agent_id: query.agent_id.map(|id| id_of("agent_id", &id)).transpose()?,
        before: query.before.map(|no| i64::try_from(no).unwrap_or(i64::MAX)),
        limit: i64::from(limit),
    };
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(leads::decisions(&mut tx, filter).await?))
}

/// What a day brought, to replay it under other ranks
#[utoipa::path(get, path = "/api/pools/arrivals", tag = "pools", params(ArrivalsQuery), responses((status = 200, body = DayArrivals)))]
pub(crate) async fn arrivals(
    State(app): State<AppState>,
    viewer: Viewer,
    Params(query): Params<ArrivalsQuery>,
) -> Result<Json<DayArrivals>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    let day = match query.day {
        Some(day) => lead_statistics::day("day", &day)?,
        None => leads::yesterday(&mut tx).await?,
    };
    let arrivals = leads::arrivals(&mut tx, day).await?;
    Ok(Json(arrivals.ok_or_else(|| ApiError::invalid("day", "has not begun"))?))
}

/// What the tiers of the pools did: shares, overflow, losses and why, occupancy, waits, fairness; by hour and day
#[utoipa::path(get, path = "/api/pools/statistics", tag = "pools", params(StatisticsQuery),
    responses((status = 200, body = PoolStatistics)))]
pub(crate) async fn statistics(
    State(app): State<AppState>,
    viewer: Viewer,
    Params(query): Params<StatisticsQuery>,
) -> Result<Json<PoolStatistics>, ApiError> {
    let pool_id = query.pool_id.map(|id| id_of("pool_id", &id)).transpose()?;
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    let period = Period::parse(&mut tx, query.from.as_deref(), query.to.as_deref()).await?;
    Ok(Json(lead_statistics::statistics(&mut tx, period, pool_id).await?))
}

// ---- what the endpoints share ----

/// Commits, and answers the revision that counts from now on
async fn revised(mut tx: Transaction) -> Result<Json<PoolsRevision>, ApiError> {
    let revision = pools::revision(&mut tx).await?;
    tx.commit().await?;
    Ok(Json(PoolsRevision { revision }))
}

fn agent_of(field: &str, id: &str) -> Result<Uuid, ApiError> {
    id.parse().map_err(|_| ApiError::invalid(field, "no such agent in this organisation"))
}

fn id_of(field: &str, id: &str) -> Result<Uuid, ApiError> {
    id.parse().map_err(|_| ApiError::invalid(field, "is no id"))
}

fn member_of(pool_id: &str, agent_id: &str) -> Result<(Uuid, Uuid), ApiError> {
    let ids = pool_id.parse().and_then(|pool_id| Ok((pool_id, agent_id.parse()?)));
    ids.map_err(|_: uuid::Error| ApiError::not_found("this member"))
}

/// PostgreSQL's text holds no null character
pub(crate) fn no_null(field: &str, text: &str) -> Result<(), ApiError> {
    if text.contains('\0') { Err(ApiError::invalid(field, "holds a null character")) } else { Ok(()) }
}

impl From<RoutingError> for ApiError {
    fn from(error: RoutingError) -> Self {
        Self::invalid(error.field, error.message)
    }
}

impl From<PeriodError> for ApiError {
    fn from(error: PeriodError) -> Self {
        match error {
            PeriodError::Database(error) => SqlError::into(error),
            PeriodError::Field { field, message } => Self::invalid(field, message),
        }
    }
}
