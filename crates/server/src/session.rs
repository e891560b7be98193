//! Who is asking: the session's cookie or a script's token, and what a handler may demand of its holder.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Deref;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::{AUTHORIZATION, COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use axum::response::AppendHeaders;
use contract::Role;
use db::Actor;
use db::sessions::{self, AGE_DAYS, SignedIn, TokenHash};
use db::{PgConnection, tokens};

use crate::error::ApiError;
use crate::{AppState, secret};

const COOKIE_NAME: &str = "dragonfly_session";

/// Somebody who is signed in or calls with a token of theirs, in whatever role
#[derive(Debug)]
pub(crate) struct Viewer {
    pub(crate) signed_in: SignedIn,
    /// None where a script calls.
    session: Option<TokenHash>,
}

/// Somebody who may work cases and jobs
#[derive(Debug)]
pub(crate) struct Operator(Viewer);

/// Somebody who may change policies
#[derive(Debug)]
pub(crate) struct Admin(Viewer);

impl Viewer {
    /// On whose behalf to open transactions
    pub(crate) fn actor(&self) -> Actor {
        self.signed_in.actor()
    }

    /// The session's secret as it is stored; a script has none, and may not do what only people do
    pub(crate) fn session(&self) -> Result<&TokenHash, ApiError> {
        self.session.as_ref().ok_or_else(|| {
            ApiError::forbidden("this takes a session, not a token").hint("sign in with a browser")
        })
    }

    fn demand(self, needed: Role) -> Result<Self, ApiError> {
        if self.signed_in.role.covers(needed) { Ok(self) } else { Err(ApiError::role(needed)) }
    }
}

/// What a caller presents to be known by
#[derive(Debug)]
pub(crate) enum Credential {
    Session(TokenHash),
    ApiToken(TokenHash),
}

impl Credential {
    /// Who presents it; `connection` runs as [`Actor::service`]
    pub(crate) async fn holder(&self, connection: &mut PgConnection) -> Result<SignedIn, ApiError> {
        match self {
            Self::Session(token) => {
                sessions::find(connection, token).await?.ok_or_else(ApiError::unauthenticated)
            }
            Self::ApiToken(token) => tokens::find(connection, token).await?.ok_or_else(bad_token),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Credential {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        // What is said on purpose goes before what a browser sends by itself.
        if parts.headers.contains_key(AUTHORIZATION) {
            return bearer(&parts.headers).map(Self::ApiToken).ok_or_else(bad_token);
        }
        presented(&parts.headers).map(Self::Session).ok_or_else(ApiError::unauthenticated)
    }
}

impl FromRequestParts<AppState> for Viewer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let credential = Credential::from_request_parts(parts, app).await?;
        let mut tx = app.db.begin_as(&Actor::service(None)).await?;
        let signed_in = credential.holder(&mut tx).await?;
        tx.commit().await?;
        let session = match credential {
            Credential::Session(token) => Some(token),
            Credential::ApiToken(_) => None,
        };
        Ok(Self { signed_in, session })
    }
}

/// Who holds the session of a token now
pub(crate) async fn find(app: &AppState, token: &TokenHash) -> Result<Option<SignedIn>, ApiError> {
    let mut tx = app.db.begin_as(&Actor::service(None)).await?;
    let found = sessions::find(&mut tx, token).await?;
    tx.commit().await?;
    Ok(found)
}

macro_rules! role {
    ($type:ident) => {
        impl FromRequestParts<AppState> for $type {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
                Viewer::from_request_parts(parts, app).await?.demand(Role::$type).map(Self)
            }
        }

        impl Deref for $type {
            type Target = Viewer;

            fn deref(&self) -> &Viewer {
                &self.0
            }
        }
    };
}
role!(Operator);
role!(Admin);

/// The hash of the token that a browser presents, if it could be one of ours
pub(crate) fn presented(headers: &HeaderMap) -> Option<TokenHash> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='))
        .find(|token| token.len() == 64)
        .map(secret::hash)
}

/// The hash of the token that a script presents
fn bearer(headers: &HeaderMap) -> Option<TokenHash> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret::hash(token.trim()))
}

fn bad_token() -> ApiError {
    ApiError::unauthenticated()
        .detail("the token is unknown, revoked or expired")
        .hint("send `Authorization: Bearer` and a token that is good")
}

pub(crate) type SetCookie = AppendHeaders<[(HeaderName, String); 1]>;

/// Has the browser keep a token as long as a session can last
pub(crate) fn keep_cookie(app: &AppState, token: &str) -> SetCookie {
    cookie(app, token, i64::from(AGE_DAYS) * 86_400)
}

/// Has the browser forget its token
pub(crate) fn forget_cookie(app: &AppState) -> SetCookie {
    cookie(app, "", 0)
}

fn cookie(app: &AppState, token: &str, max_age_seconds: i64) -> SetCookie {
    let secure = if app.behind_tls_proxy { "; Secure" } else { "" };
    let cookie = format!(
        "{COOKIE_NAME}={token}; Path=/; Max-Age={max_age_seconds}; HttpOnly; SameSite=Strict{secure}"
    );
    AppendHeaders([(SET_COOKIE, cookie)])
}

/// The caller's address, to count attempts by
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallerAddress(pub(crate) IpAddr);

impl FromRequestParts<AppState> for CallerAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        // The last entry is the one that the proxy in front wrote; the others are the caller's word.
        let forwarded = parts
            .headers
            .get_all("x-forwarded-for")
            .iter()
            .next_back()
            .filter(|_| app.behind_tls_proxy)
            .and_then(|header| header.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
        Ok(Self(forwarded.or(peer).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }
}
