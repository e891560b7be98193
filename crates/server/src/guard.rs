//! What holds for every request, whatever it asks for.

use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::AppState;
use crate::error::{ApiError, Cause};

/// Until the answer begins; streams may take longer
const TIME_MAX: Duration = Duration::from_secs(60);
/// The same where a file comes in first: 25 MB take this long at a third of a megabit a second
const UPLOAD_TIME_MAX: Duration = Duration::from_secs(600);

/// Refuses writes that another site has a browser send
///
/// Browsers say themselves whether a request crosses origins (`Sec-Fetch-Site`). From those that do not, the
/// `Origin` must be the host that is asked. What sends neither is no browser, and has no cookie to abuse.
pub(crate) async fn same_origin(request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    // Visitors come from pages of others; they bring no cookie, and their key says which pages may ask.
    let path = request.uri().path();
    let is_visitors = path == "/api/leads" || path.starts_with("/api/leads/");
    if is_read || is_visitors || is_same_origin(request.headers()) {
        return next.run(request).await;
    }
    ApiError::forbidden("writes from another origin are refused").into_response()
}

pub(crate) fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).map(HeaderValue::as_bytes);
    match (text(HeaderName::from_static("sec-fetch-site")), text(ORIGIN)) {
        (Some(b"same-origin" | b"none"), _) => true,
        (Some(_), _) => false,
        (None, None) => true,
        (None, Some(origin)) => {
            let host = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
            host.is_some() && host == text(HOST)
        }
    }
}

/// Answers 503 where no answer begins in time
pub(crate) async fn time_limit(request: Request, next: Next) -> Response {
    let is_upload = request.method() == Method::POST && request.uri().path().ends_with("/documents");
    let limit = if is_upload { UPLOAD_TIME_MAX } else { TIME_MAX };
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        ApiError::unavailable(format!("no answer within {} seconds", limit.as_secs())).into_response()
    })
}

/// Sets the headers that keep browsers from doing more than the console needs
pub(crate) async fn headers(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut default = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    default(X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(REFERRER_POLICY, "no-referrer");
    default(X_FRAME_OPTIONS, "DENY");
    default(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    default(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    default(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    );
    // Pages bring a policy of their own; nothing else is a page.
    default(CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    default(CACHE_CONTROL, "no-store");
    if app.behind_tls_proxy {
        default(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}

/// Writes one line for each request that failed for a reason of ours
pub(crate) async fn log(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    // The route, not the path: paths may name people's things.
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let response = next.run(request).await;
    let route = route.as_deref().unwrap_or("-");
    let status = response.status().as_u16();
    match response.extensions().get::<Cause>() {
        Some(Cause(cause)) => tracing::error!(%method, route, status, cause, "request_failed"),
        None => tracing::debug!(%method, route, status, "request_answered"),
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sent: &[(&'static str, &'static str)], is_allowed: bool) {
        let mut headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("127.0.0.1:8080"))]);
        headers.extend(
            sent.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))),
        );
        assert_eq!(is_same_origin(&headers), is_allowed, "{sent:?}");
    }

    #[test]
    fn only_our_own_pages_and_programs_may_write() {
        check(&[], true);
        check(&[("origin", "http://127.0.0.1:8080")], true);
        check(&[("origin", "http://127.0.0.1:8081")], false);
        check(&[("origin", "http://evil.example")], false);
        check(&[("origin", "null")], false);
        check(&[("origin", "127.0.0.1:8080")], false);
        check(&[("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:8080")], true);
        check(&[("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:8080")], false);
        check(&[("sec-fetch-site", "same-site")], false);
        // Trunk's proxy for people who change the console: the browser vouches, the host is ours.
        check(&[("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:8081")], true);
    }
}
