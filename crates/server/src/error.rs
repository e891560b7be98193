//! The one place where what went wrong becomes `application/problem+json`.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use contract::{JudgmentRef, Problem, Role, problem};
use db::{Refusal, SqlError};
use policy::assertions::CheckedAssertion;
use policy::tier::{FactsError, PolicyError};

/// A request that was not fulfilled, and why
///
/// What people are told of a 5xx is fixed; its cause goes to the log, once, with the request it belongs to.
#[derive(Debug)]
pub(crate) struct ApiError {
    problem: Box<Problem>,
    cause: Option<String>,
    retry_after: Option<Duration>,
}

/// Rides on a response to the log
#[derive(Debug, Clone)]
pub(crate) struct Cause(pub(crate) String);

impl ApiError {
    fn new(status: StatusCode, code: &str, title: &str) -> Self {
        Self {
            problem: Box::new(Problem {
                status: status.as_u16(),
                code: code.to_owned(),
                title: title.to_owned(),
                detail: None,
                hint: None,
                field: None,
                judgments: Vec::new(),
                assertions: Vec::new(),
            }),
            cause: None,
            retry_after: None,
        }
    }

    pub(crate) fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, problem::UNAUTHENTICATED, "nobody is signed in").hint("sign in")
    }

    pub(crate) fn wrong_credentials() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, problem::UNAUTHENTICATED, "not signed in")
            .detail("e-mail or password is wrong")
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, problem::FORBIDDEN, "not allowed").detail(detail)
    }

    pub(crate) fn role(needed: Role) -> Self {
        Self::forbidden(match needed {
            Role::Admin => "this takes an admin",
            _ => "this takes an operator",
        })
        .hint("ask an admin of your organisation")
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, problem::NOT_FOUND, "not found").detail(format!("{what} not found"))
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, problem::INVALID, "method not allowed")
    }

    /// A request that cannot be read at all
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, problem::INVALID, "malformed request").detail(detail)
    }

    /// A request that can be read and means nothing
    pub(crate) fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, problem::INVALID, "invalid request")
            .detail(detail)
            .field(field)
    }

    pub(crate) fn status(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("refused").to_lowercase();
        Self::new(status, problem::INVALID, &title).detail(detail)
    }

    pub(crate) fn conflict(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, "conflict").detail(detail)
    }

    pub(crate) fn rate_limited(retry_after: Duration) -> Self {
        let mut error = Self::new(StatusCode::TOO_MANY_REQUESTS, problem::RATE_LIMITED, "too many attempts")
            .detail(format!("wait {} seconds and try again", retry_after.as_secs().max(1)));
        error.retry_after = Some(retry_after);
        error
    }

    pub(crate) fn unavailable(cause: impl Display) -> Self {
        let mut error =
            Self::new(StatusCode::SERVICE_UNAVAILABLE, problem::UNAVAILABLE, "temporarily unavailable")
                .detail("the server cannot answer right now")
                .hint("try again in a moment");
        error.cause = Some(cause.to_string());
        error.retry_after = Some(Duration::from_secs(5));
        error
    }

    pub(crate) fn internal(cause: impl Display) -> Self {
        let mut error =
            Self::new(StatusCode::INTERNAL_SERVER_ERROR, problem::INTERNAL, "something went wrong")
                .detail("the server could not do this; the cause is in its log");
        error.cause = Some(cause.to_string());
        error
    }

    /// What went wrong, for somebody who is told over a socket
    pub(crate) fn words(&self) -> String {
        let words = self.problem.detail.iter().chain(&self.problem.hint).cloned().collect::<Vec<_>>();
        if words.is_empty() { self.problem.title.clone() } else { words.join("; ") }
    }

    pub(crate) fn field_is(&self, field: &str) -> bool {
        self.problem.field.as_deref() == Some(field)
    }

    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.problem.detail = Some(detail.into());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.problem.hint = Some(hint.into());
        self
    }

    pub(crate) fn field(mut self, field: impl Into<String>) -> Self {
        self.problem.field = Some(field.into()).filter(|field| !field.is_empty());
        self
    }

    pub(crate) fn assertions(mut self, assertions: Vec<CheckedAssertion>) -> Self {
        self.problem.assertions = assertions;
        self
    }

    pub(crate) fn judgments(mut self, judgments: Vec<JudgmentRef>) -> Self {
        self.problem.judgments = judgments;
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.problem).unwrap_or_default();
        let mut response = (status, [(CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(after) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
        }
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(Cause(cause));
        }
        response
    }
}

impl From<SqlError> for ApiError {
    fn from(error: SqlError) -> Self {
        if let Some(refusal) = Refusal::of(&error) {
            return refused(refusal);
        }
        match &error {
            SqlError::Database(raised) => {
                let state = raised.code().unwrap_or(Cow::Borrowed(""));
                match &*state {
                    "42501" => Self::forbidden("the database does not allow this to your role"),
                    "23505" => Self::conflict(problem::CONFLICT, "there is one like this already"),
                    "23502" | "23503" | "23514" => Self::invalid("", "the database refuses these values"),
                    // Deadlocks and failed serialization pass; so do cancellation, shutdown and a full server.
                    "40001" | "40P01" | "55P03" | "57014" | "57P01" | "57P02" | "57P03" => {
                        Self::unavailable(error)
                    }
                    _ if state.starts_with("08") || state.starts_with("53") => Self::unavailable(error),
                    _ if state.starts_with("22") => Self::invalid("", raised.message()),
                    _ => Self::internal(error),
                }
            }
            SqlError::Io(_)
            | SqlError::Tls(_)
            | SqlError::Protocol(_)
            | SqlError::PoolTimedOut
            | SqlError::PoolClosed
            | SqlError::WorkerCrashed => Self::unavailable(error),
            _ => Self::internal(error),
        }
    }
}

/// Codes that SQL of ours gives in the detail of a refusal with 409
const CONFLICT_CODES: [&str; 3] = [problem::DRAFT_MOVED, problem::REVISION_MOVED, problem::APPROVAL_REQUIRED];

fn refused(refusal: Refusal) -> ApiError {
    let Refusal { status, message, detail, hint } = refusal;
    let mut error = match (status, detail) {
        (404, _) => ApiError::not_found("it").detail(message),
        (403, _) => ApiError::forbidden(message),
        (409, Some(code)) if CONFLICT_CODES.contains(&code.as_str()) => ApiError::conflict(&code, message),
        (409, _) => ApiError::conflict(problem::CONFLICT, message),
        (422, field) => ApiError::invalid(field.unwrap_or_default(), message),
        (status, _) => {
            ApiError::status(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), message)
        }
    };
    error.problem.hint = hint;
    error
}

impl From<PolicyError> for ApiError {
    fn from(error: PolicyError) -> Self {
        Self::invalid(error.field, error.message)
    }
}

impl From<FactsError> for ApiError {
    fn from(error: FactsError) -> Self {
        Self::invalid(error.field, error.message)
    }
}

impl From<db::judgments::QueryError> for ApiError {
    fn from(error: db::judgments::QueryError) -> Self {
        Self::invalid(error.field, error.message)
    }
}

impl From<db::portfolio::ReadError> for ApiError {
    fn from(error: db::portfolio::ReadError) -> Self {
        match error {
            db::portfolio::ReadError::Database(error) => error.into(),
            error => Self::internal(error),
        }
    }
}
