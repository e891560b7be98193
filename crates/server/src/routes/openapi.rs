//! The description of the API for programs.

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use contract::Problem;
use db::rpc_catalogue::{self, ArgumentKind, DescribedRpc};
use serde_json::{Map, Value, json};
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
    let mut document = serde_json::to_value(document).unwrap_or_default();
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        // One path for each function says more than one for all.
        paths.remove("/rpc/{name}");
        paths.extend(
            rpc_catalogue::described().iter().map(|rpc| (format!("/rpc/{}", rpc.name), function(rpc))),
        );
    }
    document.to_string()
});

/// A function as a path of its own
fn function(rpc: &DescribedRpc) -> Value {
    let mut properties = Map::new();
    for argument in &rpc.arguments {
        properties.insert(argument.name.clone(), schema(&argument.kind, argument.is_required));
    }
    let mut parameters = Vec::new();
    if rpc.is_repeatable {
        let request_id = json!({ "type": "string", "minLength": 1, "maxLength": 200 });
        parameters.push(json!({ "name": "Idempotency-Key", "in": "header", "required": false, "schema": request_id,
                                "description": "The same call again, by the same caller, answers what the first one did" }));
        properties.entry("request_id").or_insert(request_id);
    }
    let required: Vec<&str> =
        rpc.arguments.iter().filter(|it| it.is_required).map(|it| it.name.as_str()).collect();
    json!({ "post": {
        "tags": ["rpc"],
        "operationId": rpc.name,
        "summary": rpc.comment,
        "description": format!("Takes at least the role `{}`; to others the function does not exist.", rpc.role),
        "parameters": parameters,
        "requestBody": { "required": true, "content": { "application/json": { "schema": {
            "type": "object", "properties": properties, "required": required, "additionalProperties": false } } } },
        "responses": {
            "200": { "description": "What the function answers", "content": { "application/json": { "schema": {} } } },
            "default": { "description": "Refused, and why",
                         "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } },
        },
    } })
}

fn schema(kind: &ArgumentKind, is_required: bool) -> Value {
    let text = |mut schema: Value| {
        schema["type"] = if is_required { json!("string") } else { json!(["string", "null"]) };
        schema
    };
    match kind {
        ArgumentKind::Uuid => text(json!({ "format": "uuid" })),
        ArgumentKind::Text { length_max } => text(json!({ "maxLength": length_max })),
        ArgumentKind::Choice(choices) if is_required => json!({ "type": "string", "enum": choices }),
        ArgumentKind::Choice(choices) => {
            json!({ "anyOf": [{ "type": "string", "enum": choices }, { "type": "null" }] })
        }
        ArgumentKind::Money => text(json!({ "pattern": r"^[0-9]{1,12}(\.[0-9]{1,2})?$" })),
        ArgumentKind::Score => text(json!({ "pattern": r"^[0-9]{1,3}(\.[0-9]{1,2})?$" })),
        // A date begins in the organisation's zone.
        ArgumentKind::Instant => {
            let forms = [json!({ "format": "date-time" }), json!({ "format": "date" })];
            json!({ "anyOf": forms.map(text) })
        }
        ArgumentKind::Object => json!({ "type": ["object", "null"] }),
        ArgumentKind::Flag => json!({ "type": "boolean" }),
        ArgumentKind::Any => json!({}),
    }
}

/// This document
#[utoipa::path(get, path = "/api/openapi.json", tag = "server", responses((status = 200, body = Object)))]
pub(crate) async fn document(_: Viewer) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], TEXT.as_str())
}
