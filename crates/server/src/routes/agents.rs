//! Agents, as admins manage them, and the keys by which pages send leads.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use contract::{Created, SaveAgent, SaveVisitorKey, SetAgentStatus, VisitorKey};
use db::pools;
use uuid::Uuid;

use super::pools::no_null;
use crate::AppState;
use crate::desk::What;
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, PathName};
use crate::session::{Admin, Viewer};

/// Origins that a key can have
const ORIGINS_MAX: usize = 50;

/// Adds an agent, in no pool yet
#[utoipa::path(post, path = "/api/agents", tag = "agents", request_body = SaveAgent, responses((status = 201, body = Created)))]
pub(crate) async fn create(
    State(app): State<AppState>,
    admin: Admin,
    JsonBody(agent): JsonBody<SaveAgent>,
) -> Result<(StatusCode, Json<Created>), ApiError> {
    let id = store(&app, &admin, None, &agent).await?.to_string();
    Ok((StatusCode::CREATED, Json(Created { id })))
}

/// Changes name, person and capacity of an agent
#[utoipa::path(put, path = "/api/agents/{id}", tag = "agents", params(("id" = String, Path, format = Uuid)), request_body = SaveAgent,
    responses((status = 204)))]
pub(crate) async fn save(
    State(app): State<AppState>,
    admin: Admin,
    PathId(id): PathId,
    JsonBody(agent): JsonBody<SaveAgent>,
) -> Result<StatusCode, ApiError> {
    store(&app, &admin, Some(id), &agent).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn store(app: &AppState, admin: &Admin, id: Option<Uuid>, agent: &SaveAgent) -> Result<Uuid, ApiError> {
    no_null("display_name", &agent.display_name)?;
    let user_id = agent.user_id.as_deref().map(str::parse).transpose();
    let user_id = user_id.map_err(|_| ApiError::invalid("user_id", "nobody of this organisation"))?;
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    let id = pools::save_agent(&mut tx, id, user_id, &agent.display_name, agent.capacity).await?;
    tx.commit().await?;
    Ok(id)
}

/// Takes an agent out of every pool for good; what was recorded stays. 409 while the agent has leads
#[utoipa::path(delete, path = "/api/agents/{id}", tag = "agents", params(("id" = String, Path, format = Uuid)), responses((status = 204)))]
pub(crate) async fn retire(
    State(app): State<AppState>,
    admin: Admin,
    PathId(id): PathId,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    pools::retire_agent(&mut tx, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sets what an agent is doing; `away` and `offline` hand over leads that are not in a call
#[utoipa::path(put, path = "/api/agents/{id}/status", tag = "agents", params(("id" = String, Path, format = Uuid)), request_body = SetAgentStatus,
    responses((status = 204)))]
pub(crate) async fn set_status(
    State(app): State<AppState>,
    admin: Admin,
    PathId(id): PathId,
    JsonBody(set): JsonBody<SetAgentStatus>,
) -> Result<StatusCode, ApiError> {
    let what = What::Status { agent: id, status: set.status, socket: None };
    app.desks.ask(admin.signed_in.org_id, what).await?;
    Ok(StatusCode::NO_CONTENT)
}

// ---- keys ----

/// The keys by which pages send leads, oldest first
#[utoipa::path(get, path = "/api/visitor-keys", tag = "visitors", responses((status = 200, body = Vec<VisitorKey>)))]
pub(crate) async fn list_keys(
    State(app): State<AppState>,
    viewer: Viewer,
) -> Result<Json<Vec<VisitorKey>>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(pools::visitor_keys(&mut tx).await?))
}

/// Makes a key
#[utoipa::path(post, path = "/api/visitor-keys", tag = "visitors", request_body = SaveVisitorKey, responses((status = 201, body = Created)))]
pub(crate) async fn create_key(
    State(app): State<AppState>,
    admin: Admin,
    JsonBody(key): JsonBody<SaveVisitorKey>,
) -> Result<(StatusCode, Json<Created>), ApiError> {
    let id = store_key(&app, &admin, None, &key).await?;
    Ok((StatusCode::CREATED, Json(Created { id })))
}

/// Changes the name of a key and the pages that may use it
#[utoipa::path(put, path = "/api/visitor-keys/{key}", tag = "visitors", params(("key" = String, Path)), request_body = SaveVisitorKey,
    responses((status = 204)))]
pub(crate) async fn save_key(
    State(app): State<AppState>,
    admin: Admin,
    PathName(name): PathName,
    JsonBody(key): JsonBody<SaveVisitorKey>,
) -> Result<StatusCode, ApiError> {
    store_key(&app, &admin, Some(&name), &key).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn store_key(
    app: &AppState,
    admin: &Admin,
    key: Option<&str>,
    save: &SaveVisitorKey,
) -> Result<String, ApiError> {
    no_null("name", &save.name)?;
    if save.allowed_origins.len() > ORIGINS_MAX {
        return Err(ApiError::invalid("allowed_origins", format!("more than {ORIGINS_MAX}")));
    }
    for (place, origin) in save.allowed_origins.iter().enumerate() {
        if !is_origin(origin) {
            let field = format!("allowed_origins[{place}]");
            let error = ApiError::invalid(field, "is no origin");
            return Err(
                error.hint("give scheme, host and port in lower case, such as `https://www.example.com`")
            );
        }
    }
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    let key = pools::save_visitor_key(&mut tx, key, &save.name, &save.allowed_origins).await?;
    tx.commit().await?;
    Ok(key)
}

/// Whether a browser could send this as the origin of a page
fn is_origin(text: &str) -> bool {
    let Some(host) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return false;
    };
    let is_host_character =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte);
    !host.is_empty() && host.len() <= 300 && host.bytes().all(is_host_character)
}

/// Takes a key back: the next lead that comes with it is refused
#[utoipa::path(delete, path = "/api/visitor-keys/{key}", tag = "visitors", params(("key" = String, Path)), responses((status = 204)))]
pub(crate) async fn revoke_key(
    State(app): State<AppState>,
    admin: Admin,
    PathName(key): PathName,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    pools::revoke_visitor_key(&mut tx, &key).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_what_browsers_send() {
        for good in ["https://www.example.com", "http://localhost:8080", "http://[::1]:80"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in
            ["", "*", "https://", "https://Example.com", "https://example.com/", "ftp://example.com", "null"]
        {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
