//! What changes, as it happens.

use axum::extract::State;
use axum::response::IntoResponse;
use contract::LiveEvent;

use crate::error::ApiError;
use crate::session::Viewer;
use crate::{AppState, live};

/// A stream of `LiveEvent`s of the organisation as server-sent events
///
/// It names what changed, and the reader fetches it. After a gap, `judgments`, `queues` and `cases` are sent.
#[utoipa::path(get, path = "/api/events", tag = "server",
    responses((status = 200, body = LiveEvent, content_type = "text/event-stream")))]
pub(crate) async fn events(
    State(app): State<AppState>,
    viewer: Viewer,
) -> Result<impl IntoResponse, ApiError> {
    let session = *viewer.session()?;
    Ok(live::events(app, session, viewer.signed_in.org_id))
}
