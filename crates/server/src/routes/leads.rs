//! Visitors ask for an agent. No session: the organisation's public key says for whom, a signed token who asks again.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use contract::{LeadStatus, NewLead};
use db::{Actor, leads};
use serde::Deserialize;
use uuid::Uuid;

use crate::desk::{Answer, Arrival, What};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, Upgrade};
use crate::session::CallerAddress;
use crate::visitor::{SocketVisitor, Visitor, foreign_origin, readable_by};
use crate::{AppState, live};

const IDEMPOTENCY_KEY: &str = "idempotency-key";
const PAGE_URL_MAX: usize = 2000;
const NAME_MAX: usize = 80;
const CONTACT_MAX: usize = 200;
/// The place in a waiting list changes without a change of the lead itself
const PLACE_EVERY: Duration = Duration::from_secs(5);

/// A visitor asks for an agent, by the page that they are on or by a pool
///
/// Answers an agent, `unavailable`, or a place in the waiting list, once that is durable. The header `Idempotency-Key` makes it
/// safe to send again. Pages of other origins may ask where the key allows theirs. 429 where an address sends too many.
#[utoipa::path(post, path = "/api/leads", tag = "visitors", security(()), request_body = NewLead,
    responses((status = 201, body = LeadStatus)))]
pub(crate) async fn create(
    State(app): State<AppState>,
    CallerAddress(address): CallerAddress,
    headers: HeaderMap,
    JsonBody(lead): JsonBody<NewLead>,
) -> Result<Response, ApiError> {
    app.leads.count(address, Instant::now()).map_err(ApiError::rate_limited)?;
    let page_url = text("page_url", lead.page_url, PAGE_URL_MAX)?;
    let name = text("name", lead.name, NAME_MAX)?;
    let contact = text("contact", lead.contact, CONTACT_MAX)?;
    let pool = lead.pool_id.filter(|id| !id.is_empty()).map(|id| id.parse());
    let pool =
        pool.transpose().map_err(|_| ApiError::invalid("pool_id", "no such pool in this organisation"))?;
    let unknown = || ApiError::forbidden("the key is not known").hint("it may have been revoked");
    if lead.key.contains('\0') {
        return Err(unknown());
    }
    let org_id = app.desks.organisation_of(&lead.key).await?.ok_or_else(unknown)?;
    let secret = app.desks.secret_of(org_id).await?.ok_or_else(unknown)?;
    let visitor = visitor(&app, org_id, &secret, lead.token.as_deref(), &headers).await?;
    let origin = foreign_origin(&headers);
    let arrival =
        Arrival { key: lead.key, origin: origin.clone(), visitor: visitor.id, page_url, pool, name, contact };
    let mut status = standing(app.desks.ask(org_id, What::Arrive(arrival)).await?)?;
    status.token = Some(visitor.token(&secret));
    Ok(readable_by((StatusCode::CREATED, Json(status)).into_response(), origin.as_deref()))
}

async fn visitor(
    app: &AppState,
    org_id: Uuid,
    secret: &[u8],
    token: Option<&str>,
    headers: &HeaderMap,
) -> Result<Visitor, ApiError> {
    if let Some(token) = token.filter(|token| !token.is_empty()) {
        let visitor = Visitor::of_token(app, token).await?.filter(|visitor| visitor.org_id == org_id);
        return visitor.ok_or_else(|| ApiError::invalid("token", "is none of this organisation's"));
    }
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else { return Ok(Visitor { org_id, id: Uuid::new_v4() }) };
    match key.to_str() {
        Ok(key) if (16..=200).contains(&key.len()) => Ok(Visitor::of_idempotency_key(secret, org_id, key)),
        _ => Err(ApiError::invalid(IDEMPOTENCY_KEY, "takes 16 to 200 characters that nobody can guess")),
    }
}

/// What a visitor has typed; blank is nothing
fn text(field: &str, given: Option<String>, length_max: usize) -> Result<Option<String>, ApiError> {
    let given = given.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    match &given {
        Some(text) if text.chars().count() > length_max => {
            Err(ApiError::invalid(field, format!("is longer than {length_max} characters")))
        }
        // PostgreSQL's text holds no null character.
        Some(text) if text.contains('\0') => Err(ApiError::invalid(field, "holds a null character")),
        _ => Ok(given),
    }
}

fn standing(answer: Answer) -> Result<LeadStatus, ApiError> {
    match answer {
        Answer::Lead(status) => Ok(status),
        Answer::Done => Err(ApiError::internal("the desk answered nothing about a lead")),
    }
}

/// Says to browsers which requests pages of other origins may make; whether one is answered is decided by its key
pub(crate) async fn preflight(headers: HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let allow = response.headers_mut();
    allow.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE"));
    allow.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("authorization, content-type, idempotency-key"),
    );
    allow.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    readable_by(response, foreign_origin(&headers).as_deref())
}

/// Where the visitor's lead stands; a visitor who has asked once and then not for a minute is taken for gone
#[utoipa::path(get, path = "/api/leads/{id}", tag = "visitors", security(("visitor" = [])), params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = LeadStatus)))]
pub(crate) async fn show(
    State(app): State<AppState>,
    visitor: Visitor,
    headers: HeaderMap,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let origin = allowed_origin(&app, visitor, &headers).await?;
    let status = heard_of(&app, visitor, id).await?;
    Ok(readable_by(Json(status).into_response(), origin.as_deref()))
}

/// The visitor no longer wants an agent
#[utoipa::path(delete, path = "/api/leads/{id}", tag = "visitors", security(("visitor" = [])), params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = LeadStatus)))]
pub(crate) async fn cancel(
    State(app): State<AppState>,
    visitor: Visitor,
    headers: HeaderMap,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let origin = allowed_origin(&app, visitor, &headers).await?;
    let status = app.desks.ask(visitor.org_id, What::Cancel { lead: id, visitor: visitor.id }).await;
    let status = standing(status?)?;
    Ok(readable_by(Json(status).into_response(), origin.as_deref()))
}

/// The origin of the page that asks, once it is found to be one of the organisation's
async fn allowed_origin(
    app: &AppState,
    visitor: Visitor,
    headers: &HeaderMap,
) -> Result<Option<String>, ApiError> {
    let Some(origin) = foreign_origin(headers) else { return Ok(None) };
    let mut tx = app.db.begin_as(&Actor::lead_router(visitor.org_id)).await?;
    match leads::is_origin_allowed(&mut tx, &origin).await? {
        true => Ok(Some(origin)),
        false => Err(ApiError::forbidden(format!("pages of `{origin}` may not ask"))),
    }
}

async fn heard_of(app: &AppState, visitor: Visitor, id: Uuid) -> Result<LeadStatus, ApiError> {
    let mut tx = app.db.begin_as(&Actor::lead_router(visitor.org_id)).await?;
    let status = leads::status(&mut tx, id, visitor.id).await?;
    let status = status.ok_or_else(|| ApiError::not_found("a lead of this visitor"))?;
    leads::heard_of(&mut tx, id).await?;
    tx.commit().await?;
    Ok(status)
}

/// What a visitor's page sends
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum VisitorSays {
    /// The visitor no longer wants an agent.
    Cancel,
}

/// A WebSocket that carries a `LeadStatus` at once and after each change; `{"do": "cancel"}` ends the lead
#[utoipa::path(get, path = "/api/leads/{id}/socket", tag = "visitors", security(()), params(("id" = String, Path, format = Uuid), ("token" = String, Query)),
    responses((status = 101, description = "A WebSocket of `LeadStatus`")))]
pub(crate) async fn socket(
    State(app): State<AppState>,
    SocketVisitor(visitor): SocketVisitor,
    headers: HeaderMap,
    PathId(id): PathId,
    Upgrade(upgrade): Upgrade,
) -> Result<Response, ApiError> {
    allowed_origin(&app, visitor, &headers).await?;
    heard_of(&app, visitor, id).await?;
    Ok(upgrade.max_message_size(1024).on_upgrade(move |socket| follow(app, visitor, id, socket)))
}

async fn follow(app: AppState, visitor: Visitor, id: Uuid, mut socket: WebSocket) {
    let watch = app.desks.watch(id);
    let mut ending = app.ending.clone();
    let mut told = None;
    loop {
        // While the database is away, the visitor knows what they knew.
        if let Ok(status) = heard_of(&app, visitor, id).await
            && told.as_ref() != Some(&status)
        {
            // Plain data, which always has a JSON form.
            let text = serde_json::to_string(&status).unwrap_or_default();
            if socket.send(Message::text(text)).await.is_err() {
                return;
            }
            told = Some(status);
        }
        tokio::select! {
            () = watch.changed() => {}
            () = tokio::time::sleep(PLACE_EVERY) => {}
            () = live::ended(&mut ending) => return,
            said = socket.recv() => match said {
                Some(Ok(Message::Text(text))) => {
                    if let Ok(VisitorSays::Cancel) = serde_json::from_str(&text) {
                        let _ = app.desks.ask(visitor.org_id, What::Cancel { lead: id, visitor: visitor.id }).await;
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
        }
    }
}
