//! Coming in and going out.

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use contract::{ChooseOrganisation, RedeemLink, Session, SetPassword, SignIn, problem};
use db::sessions::TokenHash;
use db::{Actor, Transaction, sessions, users};
use uuid::Uuid;

use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::session::{CallerAddress, SetCookie, Viewer, forget_cookie, keep_cookie, presented};
use crate::{AppState, password, secret};

/// A session that has just begun: its cookie and who is signed in
type Begun = (SetCookie, Json<Session>);

/// Who is signed in, where, and what they may do
#[utoipa::path(get, path = "/api/session", tag = "session", responses((status = 200, body = Session)))]
pub(crate) async fn show(State(app): State<AppState>, viewer: Viewer) -> Result<Json<Session>, ApiError> {
    let mut tx = app.db.begin_as(&Actor::service(None)).await?;
    Ok(Json(sessions::describe(&mut tx, &viewer.signed_in).await?))
}

/// Signs in with e-mail and password and sets the session's cookie
///
/// After ten wrong passwords for an e-mail, or sixty from an address, within a quarter of an hour, the answer
/// is 429 until it is over. A session ends twelve hours after its last request and thirty days after it began.
#[utoipa::path(post, path = "/api/session", tag = "session", security(()), request_body = SignIn,
    responses((status = 200, body = Session)))]
pub(crate) async fn sign_in(
    State(app): State<AppState>,
    CallerAddress(address): CallerAddress,
    headers: HeaderMap,
    JsonBody(given): JsonBody<SignIn>,
) -> Result<Begun, ApiError> {
    app.attempts.begin(Some(&given.email), address, Instant::now()).map_err(ApiError::rate_limited)?;
    if given.email.contains('\0') {
        return Err(ApiError::wrong_credentials());
    }
    let user = {
        let mut tx = app.db.begin_as(&Actor::service(None)).await?;
        users::find_by_email(&mut tx, &given.email).await?
    };
    let (user_id, stored) = user.map_or((None, None), |user| (Some(user.user_id), user.password_hash));
    let is_right = password::verify(given.password, stored).await?;
    let user_id = user_id.filter(|_| is_right).ok_or_else(ApiError::wrong_credentials)?;
    app.attempts.succeed(Some(&given.email), address);
    let tx = app.db.begin_as(&Actor::service(None)).await?;
    begin(&app, tx, user_id, presented(&headers)).await
}

/// Redeems a one-time link and sets the session's cookie
#[utoipa::path(post, path = "/api/session/link", tag = "session", security(()), request_body = RedeemLink,
    responses((status = 200, body = Session)))]
pub(crate) async fn redeem_link(
    State(app): State<AppState>,
    CallerAddress(address): CallerAddress,
    headers: HeaderMap,
    JsonBody(given): JsonBody<RedeemLink>,
) -> Result<Begun, ApiError> {
    app.attempts.begin(None, address, Instant::now()).map_err(ApiError::rate_limited)?;
    let mut tx = app.db.begin_as(&Actor::service(None)).await?;
    let user_id = users::redeem_link(&mut tx, &secret::hash(&given.token)).await?.ok_or_else(|| {
        ApiError::unauthenticated().detail("the link was used before, or has expired").hint(
            "each start of the server prints a new one until an admin has a password; later, ask an admin",
        )
    })?;
    app.attempts.succeed(None, address);
    begin(&app, tx, user_id, presented(&headers)).await
}

/// Begins a session in place of the one that the browser had
async fn begin(
    app: &AppState,
    mut tx: Transaction,
    user_id: Uuid,
    replaced: Option<TokenHash>,
) -> Result<Begun, ApiError> {
    let token = secret::token();
    let hash = secret::hash(&token);
    if !sessions::create(&mut tx, &hash, user_id).await? {
        return Err(ApiError::forbidden("you belong to no organisation").hint("ask an admin to add you"));
    }
    if let Some(replaced) = replaced {
        sessions::end(&mut tx, &replaced).await?;
    }
    let session = describe(&mut tx, &hash).await?;
    tx.commit().await?;
    Ok((keep_cookie(app, &token), Json(session)))
}

async fn describe(tx: &mut Transaction, token: &TokenHash) -> Result<Session, ApiError> {
    let signed_in = sessions::find(tx, token).await?.ok_or_else(ApiError::unauthenticated)?;
    Ok(sessions::describe(tx, &signed_in).await?)
}

/// Ends the session
#[utoipa::path(delete, path = "/api/session", tag = "session", responses((status = 204)))]
pub(crate) async fn sign_out(
    State(app): State<AppState>,
    viewer: Viewer,
) -> Result<impl IntoResponse, ApiError> {
    let mut tx = app.db.begin_as(&Actor::service(None)).await?;
    sessions::end(&mut tx, viewer.session()?).await?;
    tx.commit().await?;
    Ok((StatusCode::NO_CONTENT, forget_cookie(&app)))
}

/// Sets one's own password, of twelve characters or more
///
/// Every session of the user ends, on other devices too; this browser is given a new one.
#[utoipa::path(post, path = "/api/session/password", tag = "session", request_body = SetPassword,
    responses((status = 200, body = Session)))]
pub(crate) async fn set_password(
    State(app): State<AppState>,
    viewer: Viewer,
    CallerAddress(address): CallerAddress,
    JsonBody(given): JsonBody<SetPassword>,
) -> Result<Begun, ApiError> {
    viewer.session()?;
    let (user_id, email) = (viewer.signed_in.user_id, &viewer.signed_in.email);
    password::check_new(&given.new)?;
    let stored = {
        let mut tx = app.db.begin_as(&Actor::service(None)).await?;
        users::password_hash(&mut tx, user_id).await?
    };
    if stored.is_some() {
        let current =
            given.current.ok_or_else(|| ApiError::invalid("current", "give the current password too"))?;
        app.attempts.begin(Some(email), address, Instant::now()).map_err(ApiError::rate_limited)?;
        if !password::verify(current, stored.clone()).await? {
            return Err(ApiError::invalid("current", "the current password is wrong"));
        }
        app.attempts.succeed(Some(email), address);
    }
    let hash = password::hash(given.new).await?;

    let mut tx = app.db.begin_as(&Actor::service(None)).await?;
    if users::password_hash(&mut tx, user_id).await? != stored {
        return Err(ApiError::conflict(problem::CONFLICT, "the password was changed meanwhile"));
    }
    users::set_password_hash(&mut tx, user_id, &hash).await?;
    let token = secret::token();
    let token_hash = secret::hash(&token);
    if !sessions::create(&mut tx, &token_hash, user_id).await? {
        return Err(ApiError::unauthenticated());
    }
    sessions::choose_organisation(&mut tx, &token_hash, viewer.signed_in.org_id).await?;
    sessions::end_others(&mut tx, user_id, Some(&token_hash)).await?;
    let session = describe(&mut tx, &token_hash).await?;
    tx.commit().await?;
    Ok((keep_cookie(&app, &token), Json(session)))
}

/// Moves the session to another organisation of the user
#[utoipa::path(post, path = "/api/session/organisation", tag = "session", request_body = ChooseOrganisation,
    responses((status = 200, body = Session)))]
pub(crate) async fn choose_organisation(
    State(app): State<AppState>,
    viewer: Viewer,
    JsonBody(given): JsonBody<ChooseOrganisation>,
) -> Result<Json<Session>, ApiError> {
    let not_theirs = || ApiError::not_found("this organisation");
    let org_id = given.organisation_id.parse().map_err(|_| not_theirs())?;
    let token = viewer.session()?;
    let mut tx = app.db.begin_as(&Actor::service(None)).await?;
    if !sessions::choose_organisation(&mut tx, token, org_id).await? {
        return Err(not_theirs());
    }
    let session = describe(&mut tx, token).await?;
    tx.commit().await?;
    Ok(Json(session))
}
