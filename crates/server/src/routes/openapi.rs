//! The description of the API for programs.

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use contract::Problem;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use crate::session::Viewer;

#[derive(OpenApi)]
#[openapi(
    info(title = "Dragonfly", description = "Enforcement tiers of court judgments. Money is a decimal string with \
        two places, a score a decimal string, an instant an RFC 3339 string in UTC. Everything but health and \
        sign-in takes the cookie of a session or a token; every error is an `application/problem+json`."),
    components(schemas(Problem)),
    security(("session" = []), ("token" = [])),
    modifiers(&Session)
)]
pub(crate) struct Document;

/// Adds what no derive can say: the cookie and the token
struct Session;

impl Modify for Session {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let cookie = ApiKeyValue::with_description("dragonfly_session", "Set by `POST /api/session`");
        let token = |answered_by: &str| {
            SecurityScheme::Http(
                HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(answered_by)).build(),
            )
        };
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        components.add_security_scheme("token", token("Answered by `POST /api/tokens`"));
        components.add_security_scheme("visitor", token("Answered by `POST /api/leads`"));
    }
}

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut document = super::api().into_openapi();
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    for item in document.paths.paths.values_mut() {
        for operation in
            [&mut item.get, &mut item.post, &mut item.put, &mut item.delete].into_iter().flatten()
        {
            operation.responses.responses.entry("default".to_owned()).or_insert_with(|| {
                RefOr::T(
                    ResponseBuilder::new()
                        .description("Refused, and why")
                        .content("application/problem+json", problem.clone())
                        .build(),
                )
            });
        }
    }
    // A document of plain data always has a JSON form.
    document.to_json().unwrap_or_default()
});

/// This document
#[utoipa::path(get, path = "/api/openapi.json", tag = "server", responses((status = 200, body = Object)))]
pub(crate) async fn document(_: Viewer) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], TEXT.as_str())
}
