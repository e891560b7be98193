//! The console's files, embedded in the binary as `cargo xtask run` built them.

use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::ApiError;
use crate::secret;

#[derive(RustEmbed)]
#[folder = "../../dist"]
#[allow_missing = true]
struct Dist;

/// What Trunk writes where a nonce belongs
const NONCE_PLACEHOLDER: &str = "{{__TRUNK_NONCE__}}";

/// The console's Web Workers, and what they may do: load a module of the policy crate, from here
const WORKERS: [&str; 2] = ["studies.js", "pools.js"];
const WORKER_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

/// What pages of others embed
const WIDGET: &str = "widget.js";

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Dragonfly</title>\
    <h1>The console is not built</h1><p>This binary was built without it. <code>cargo xtask run</code> builds both. \
    The API is served all the same.</p></html>";

/// A file of the console by its path; for every other path the page that routes in the browser
pub(crate) async fn file(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        return ApiError::method_not_allowed().into_response();
    }
    let path = uri.path().trim_start_matches('/');
    match Dist::get(path) {
        Some(file) if path != "index.html" && !is_compressed(path) => asset(path, file, &headers),
        // A file that is gone is not answered with a page that would be taken for it.
        None if media_type(path).is_some() => ApiError::not_found("this file").into_response(),
        _ => page(),
    }
}

fn page() -> Response {
    let Some(index) = Dist::get("index.html") else {
        return html(StatusCode::SERVICE_UNAVAILABLE, NOT_BUILT.to_owned(), None);
    };
    let nonce = secret::nonce();
    let page = String::from_utf8_lossy(&index.data).replace(NONCE_PLACEHOLDER, &nonce);
    html(StatusCode::OK, page, Some(&nonce))
}

fn html(status: StatusCode, page: String, nonce: Option<&str>) -> Response {
    let nonce = nonce.map(|nonce| format!(" 'nonce-{nonce}'")).unwrap_or_default();
    let policy = format!(
        "default-src 'self'; script-src 'self'{nonce} 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    );
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        // Digits and fixed text: always a valid value.
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'")),
        ),
    ];
    (status, headers, page).into_response()
}

fn asset(path: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let etag = format!("\"{}\"", hex(&file.metadata.sha256_hash()));
    let mut response = if headers.get(IF_NONE_MATCH).is_some_and(|known| known == etag.as_str()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let compressed = [("br", "br"), ("gzip", "gz")]
            .into_iter()
            .filter(|(encoding, _)| accepts(headers, encoding))
            .find_map(|(encoding, suffix)| Some((encoding, Dist::get(&format!("{path}.{suffix}"))?)));
        let (encoding, data) = match compressed {
            Some((encoding, file)) => (Some(encoding), file.data),
            None => (None, file.data),
        };
        let mut response = Response::new(match data {
            std::borrow::Cow::Borrowed(data) => Body::from(data),
            std::borrow::Cow::Owned(data) => Body::from(data),
        });
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static(media_type(path).unwrap_or("application/octet-stream")),
        );
        if let Some(encoding) = encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    };
    let headers = response.headers_mut();
    let lifetime = if is_hashed(path) { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(lifetime));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if WORKERS.contains(&path) {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(WORKER_POLICY));
    }
    if path == WIDGET {
        headers.insert(
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        );
    }
    if let Ok(etag) = HeaderValue::try_from(etag) {
        headers.insert(ETAG, etag);
    }
    response
}

/// Whether the browser takes an encoding: named, and not with a quality of nothing
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let accepted = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|header| header.to_str().ok());
    accepted.flat_map(|header| header.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        is_named && !parts.any(|quality| matches!(quality, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// Precompressed siblings are served under the name of what they compress
fn is_compressed(path: &str) -> bool {
    path.ends_with(".br") || path.ends_with(".gz")
}

/// Whether the path names its content by a hash, as Trunk's do: sixteen hexadecimal digits without leading zeros
fn is_hashed(path: &str) -> bool {
    path.split(['/', '-', '_', '.'])
        .any(|part| part.len() >= 12 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn media_type(path: &str) -> Option<&'static str> {
    Some(match path.rsplit('/').next()?.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashed_files_are_told_from_others() {
        assert!(is_hashed("app-0123456789abcdef_bg.wasm"));
        assert!(is_hashed("snippets/app-0123456789abcdef/inline0.js"));
        assert!(is_hashed("frame-61c335fa132a137.css"));
        assert!(!is_hashed("theme.js"));
        assert!(!is_hashed("fonts/inter-latin-wght-normal.woff2"));
    }

    #[test]
    fn an_encoding_is_served_only_to_those_who_take_it() {
        let accepting =
            |value: &'static str| HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))]);
        assert!(accepts(&accepting("gzip, deflate, br"), "br"));
        assert!(accepts(&accepting("br;q=1.0"), "br"));
        assert!(!accepts(&accepting("gzip, br;q=0"), "br"));
        assert!(!accepts(&accepting("gzip"), "br"));
        assert!(!accepts(&HeaderMap::new(), "br"));
    }
}
