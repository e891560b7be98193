//! Visitors: who they are without an account, which pages may ask for them, and how often.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION, ORIGIN, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use hmac::digest::Key;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::AppState;
use crate::error::ApiError;
use crate::guard::is_same_origin;

type Signature = Hmac<Sha256>;

const VERSION: &str = "v1";
const WINDOW: Duration = Duration::from_secs(60);
/// Windows that have ended are swept away once there are this many.
const WINDOWS_MAX: usize = 10_000;

/// A visitor whose token is good
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Visitor {
    pub(crate) org_id: Uuid,
    pub(crate) id: Uuid,
}

impl Visitor {
    /// The token that says so
    pub(crate) fn token(self, secret: &[u8]) -> String {
        let claim = self.claim();
        let signature = signed(secret, &claim).finalize().into_bytes();
        let signature: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{claim}.{signature}")
    }

    fn claim(self) -> String {
        format!("{VERSION}.{}.{}", self.org_id.simple(), self.id.simple())
    }

    /// Who a token says its holder is, before anybody knows whether that is true
    fn claimed(token: &str) -> Option<(Self, &str)> {
        let mut parts = token.split('.');
        let (VERSION, Some(org_id), Some(id), Some(signature), None) =
            (parts.next()?, parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let visitor = Self { org_id: org_id.parse().ok()?, id: id.parse().ok()? };
        Some((visitor, signature))
    }

    /// Who holds a token; None for one that this product did not sign
    pub(crate) async fn of_token(app: &AppState, token: &str) -> Result<Option<Self>, ApiError> {
        let Some((visitor, signature)) = Self::claimed(token) else { return Ok(None) };
        let Some(secret) = app.desks.secret_of(visitor.org_id).await? else { return Ok(None) };
        let is_good = bytes(signature).is_some_and(|given| {
            // Compares in constant time.
            signed(&secret, &visitor.claim()).verify_slice(&given).is_ok()
        });
        Ok(is_good.then_some(visitor))
    }

    /// The visitor who sends an idempotency key: the same one each time, and nobody can guess which
    pub(crate) fn of_idempotency_key(secret: &[u8], org_id: Uuid, key: &str) -> Self {
        let digest = signed(secret, &format!("idempotency {key}")).finalize().into_bytes();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Self { org_id, id: Uuid::from_bytes(id) }
    }
}

fn signed(secret: &[u8], text: &str) -> Signature {
    // The code pads its key with zeros: written so, there is no length that it could refuse.
    let mut key = Key::<Signature>::default();
    key.iter_mut().zip(secret).for_each(|(to, from)| *to = *from);
    let mut signature = <Signature as Mac>::new(&key);
    signature.update(text.as_bytes());
    signature
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    (0..32).map(|place| u8::from_str_radix(hex.get(2 * place..2 * place + 2)?, 16).ok()).collect()
}

impl FromRequestParts<AppState> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let header = parts.headers.get(AUTHORIZATION).and_then(|header| header.to_str().ok());
        let token = header.and_then(|header| header.strip_prefix("Bearer ")).ok_or_else(no_token)?;
        Self::of_token(app, token.trim()).await?.ok_or_else(no_token)
    }
}

/// The visitor whose token stands in the address, as that of a WebSocket has to
#[derive(Debug, Clone, Copy)]
pub(crate) struct SocketVisitor(pub(crate) Visitor);

impl FromRequestParts<AppState> for SocketVisitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let token = query.split('&').find_map(|pair| pair.strip_prefix("token=")).ok_or_else(no_token)?;
        Visitor::of_token(app, token).await?.map(Self).ok_or_else(no_token)
    }
}

fn no_token() -> ApiError {
    ApiError::unauthenticated()
        .detail("this takes the token that `POST /api/leads` answered")
        .hint("send it as `Authorization: Bearer …`")
}

/// The origin of the page that asks, where a browser names one that is not ours
pub(crate) fn foreign_origin(headers: &HeaderMap) -> Option<String> {
    if is_same_origin(headers) {
        return None;
    }
    // A browser that says that the request crosses origins and not from where gets the origin that no page has.
    Some(headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or("null").to_owned())
}

/// Lets the page of an origin that was found good read an answer
pub(crate) fn readable_by(mut response: Response, origin: Option<&str>) -> Response {
    if let Some(Ok(origin)) = origin.map(HeaderValue::from_str) {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.headers_mut().append(VARY, HeaderValue::from_static("origin"));
    }
    response
}

/// Counts the leads that come from an address, in memory
#[derive(Debug)]
pub(crate) struct LeadLimiter {
    per_minute: u32,
    windows: Mutex<HashMap<IpAddr, (Instant, u32)>>,
}

impl LeadLimiter {
    pub(crate) fn new(per_minute: u32) -> Self {
        Self { per_minute, windows: Mutex::default() }
    }

    /// Counts a lead before it is decided; Err says how long to wait
    pub(crate) fn count(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= WINDOWS_MAX {
            windows.retain(|_, (began, _)| now.duration_since(*began) < WINDOW);
        }
        let (began, leads) = windows.entry(crate::rate_limit::network(address)).or_insert((now, 0));
        if now.duration_since(*began) >= WINDOW {
            (*began, *leads) = (now, 0);
        }
        if *leads >= self.per_minute {
            return Err(WINDOW - now.duration_since(*began));
        }
        *leads += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_visitor_and_only_one_of_ours_does() {
        let visitor = Visitor { org_id: Uuid::from_u128(1), id: Uuid::from_u128(2) };
        let token = visitor.token(b"secret");
        let (claimed, signature) = Visitor::claimed(&token).expect("it is one");
        assert_eq!(claimed, visitor);
        assert_eq!(bytes(signature).map(|bytes| bytes.len()), Some(32));
        assert_ne!(visitor.token(b"another"), token);
        for broken in ["", "v1", "v2.1.2.3", "v1.x.y.z", &token[1..], &format!("{token}.")] {
            assert!(Visitor::claimed(broken).is_none(), "{broken}");
        }
    }

    #[test]
    fn an_idempotency_key_is_one_visitor() {
        let of = |secret: &[u8], key| Visitor::of_idempotency_key(secret, Uuid::nil(), key);
        assert_eq!(of(b"s", "k"), of(b"s", "k"));
        assert_ne!(of(b"s", "k"), of(b"s", "l"));
        assert_ne!(of(b"s", "k"), of(b"t", "k"));
    }

    #[test]
    fn an_address_sends_so_many_leads_a_minute() {
        let limiter = LeadLimiter::new(2);
        let (here, now) = (IpAddr::from([127, 0, 0, 1]), Instant::now());
        assert_eq!([(); 3].map(|()| limiter.count(here, now)), [Ok(()), Ok(()), Err(WINDOW)]);
        assert_eq!(limiter.count(IpAddr::from([127, 0, 0, 2]), now), Ok(()));
        assert_eq!(limiter.count(here, now + WINDOW), Ok(()));
    }
}
