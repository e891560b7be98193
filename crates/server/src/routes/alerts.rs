//! Alerts: those for consoles, the deliveries by other ways, and the routes by which they go.

use axum::Json;
use axum::extract::State;
use contract::{AlertPage, AlertQuery, AlertRoute, DeliveryPage, DeliveryQuery, UnreadAlerts};
use db::alert_lists::{self, AlertFilter, DeliveryFilter};

use crate::AppState;
use crate::error::ApiError;
use crate::extract::Params;
use crate::session::{Admin, Viewer};

/// A page of the alerts for consoles, newest first; what was read is kept with `/rpc/mark_alerts_read`
#[utoipa::path(get, path = "/api/alerts", tag = "alerts", params(AlertQuery), responses((status = 200, body = AlertPage)))]
pub(crate) async fn list(
    State(app): State<AppState>,
    viewer: Viewer,
    Params(query): Params<AlertQuery>,
) -> Result<Json<AlertPage>, ApiError> {
    let filter = AlertFilter::try_from(&query)?;
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(alert_lists::page(&mut tx, &filter).await?))
}

/// How many alerts for consoles whoever asks has not read
#[utoipa::path(get, path = "/api/alerts/unread", tag = "alerts", responses((status = 200, body = UnreadAlerts)))]
pub(crate) async fn unread(
    State(app): State<AppState>,
    viewer: Viewer,
) -> Result<Json<UnreadAlerts>, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    Ok(Json(alert_lists::unread(&mut tx).await?))
}

/// A page of the alerts by webhook, queue and e-mail, newest first; one is sent again with `/rpc/retry_alert`
#[utoipa::path(get, path = "/api/alerts/deliveries", tag = "alerts", params(DeliveryQuery),
    responses((status = 200, body = DeliveryPage)))]
pub(crate) async fn deliveries(
    State(app): State<AppState>,
    admin: Admin,
    Params(query): Params<DeliveryQuery>,
) -> Result<Json<DeliveryPage>, ApiError> {
    let filter = DeliveryFilter::try_from(&query)?;
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    Ok(Json(alert_lists::deliveries(&mut tx, &filter).await?))
}

/// By what ways whom is told of which events; added and changed with `/rpc/put_alert_route`
#[utoipa::path(get, path = "/api/alerts/routes", tag = "alerts", responses((status = 200, body = Vec<AlertRoute>)))]
pub(crate) async fn routes(
    State(app): State<AppState>,
    admin: Admin,
) -> Result<Json<Vec<AlertRoute>>, ApiError> {
    let mut tx = app.db.begin_as(&admin.actor()).await?;
    Ok(Json(alert_lists::routes(&mut tx).await?))
}
