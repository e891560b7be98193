//! An agent at work: the WebSocket by which leads come, and what the page shows.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket};
use axum::http::HeaderMap;
use axum::response::Response;
use contract::{AgentDesk, AgentHears, AgentSays};
use db::sessions::TokenHash;
use db::{Actor, agents};
use tokio::time::{Instant, MissedTickBehavior};
use uuid::Uuid;

use crate::desk::What;
use crate::error::ApiError;
use crate::extract::Upgrade;
use crate::guard::is_same_origin;
use crate::session::Viewer;
use crate::{AppState, live, session};

/// What could not be loaded is tried again this often
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// A session that has ended is noticed within this time
const RECHECK: Duration = Duration::from_secs(30);
const PING_EVERY: Duration = Duration::from_secs(20);
const MESSAGE_BYTES_MAX: usize = 4096;

/// What the signed-in agent has now
///
/// 404 for somebody who is no agent.
#[utoipa::path(get, path = "/api/agent", tag = "agents", responses((status = 200, body = AgentDesk)))]
pub(crate) async fn show(State(app): State<AppState>, viewer: Viewer) -> Result<Json<AgentDesk>, ApiError> {
    let agent_id = find(&app, &viewer).await?;
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    let (mut desk, _) = agents::desk(&mut tx, agent_id).await?.ok_or_else(no_agent)?;
    desk.pools = Some(agents::pools(&mut tx, agent_id).await?);
    Ok(Json(desk))
}

async fn find(app: &AppState, viewer: &Viewer) -> Result<Uuid, ApiError> {
    let mut tx = app.db.begin_as(&viewer.actor()).await?;
    agents::find_by_user(&mut tx, viewer.signed_in.user_id).await?.ok_or_else(no_agent)
}

fn no_agent() -> ApiError {
    ApiError::not_found("an agent of yours").hint("ask an admin to make you one")
}

/// A WebSocket by which an agent works: `AgentSays` one way, `AgentHears` the other
///
/// The newest socket of an agent speaks for them. Ten seconds after it has closed, the agent is offline and their leads are
/// handed over; a new one within that time changes nothing.
#[utoipa::path(get, path = "/api/agent/socket", tag = "agents",
    responses((status = 101, description = "A WebSocket of `AgentHears`", body = AgentHears)))]
pub(crate) async fn socket(
    State(app): State<AppState>,
    viewer: Viewer,
    headers: HeaderMap,
    Upgrade(upgrade): Upgrade,
) -> Result<Response, ApiError> {
    // Other than requests, sockets are not kept by browsers from pages of other origins.
    if !is_same_origin(&headers) {
        return Err(ApiError::forbidden("sockets from another origin are refused"));
    }
    let token = *viewer.session()?;
    let agent = find(&app, &viewer).await?;
    let seat = Seat {
        agent,
        org_id: viewer.signed_in.org_id,
        socket_id: Uuid::new_v4(),
        actor: viewer.actor(),
        token,
        app,
    };
    Ok(upgrade.max_message_size(MESSAGE_BYTES_MAX).on_upgrade(move |socket| seat.work(socket)))
}

/// One open socket of an agent
struct Seat {
    app: AppState,
    agent: Uuid,
    org_id: Uuid,
    socket_id: Uuid,
    actor: Actor,
    token: TokenHash,
}

/// What the database says of the seat
enum Standing {
    Shown(Box<AgentDesk>),
    /// Another socket speaks for the agent, or none: this one was taken for gone.
    Lost {
        is_replaced: bool,
    },
}

impl Seat {
    async fn work(self, mut socket: WebSocket) {
        let watch = self.app.desks.watch(self.agent);
        let connect = What::Connect { agent: self.agent, socket: self.socket_id };
        if self.app.desks.ask(self.org_id, connect).await.is_err() {
            // The page tries again.
            let _ = socket.send(Message::Close(None)).await;
            return;
        }
        self.converse(&mut socket, watch).await;
        if let Err(error) = self.close().await {
            // Its server's end, or the agent's silence, will tell.
            tracing::warn!(%error, "agent_socket_close_failed");
        }
    }

    async fn close(&self) -> Result<(), db::SqlError> {
        let mut tx = self.app.db.begin_as(&Actor::lead_router(self.org_id)).await?;
        agents::closed(&mut tx, self.agent, self.socket_id).await?;
        tx.commit().await
    }

    async fn converse(&self, socket: &mut WebSocket, watch: crate::desk::Watch) {
        let mut ending = self.app.ending.clone();
        let mut recheck = interval(RECHECK);
        let mut ping = interval(PING_EVERY);
        let mut retry_at = Some(Instant::now());
        loop {
            let retry = async {
                match retry_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let is_news = tokio::select! {
                () = watch.changed() => true,
                () = retry => true,
                () = live::ended(&mut ending) => return,
                _ = ping.tick() => {
                    if socket.send(Message::Ping(Default::default())).await.is_err() {
                        return;
                    }
                    false
                }
                _ = recheck.tick() => {
                    match session::find(&self.app, &self.token).await {
                        Ok(Some(signed_in)) if signed_in.org_id == self.org_id => {}
                        // While the database is away, nobody can tell.
                        Err(_) => {}
                        Ok(_) => {
                            let detail = "the session has ended".to_owned();
                            send(socket, &AgentHears::Replaced { detail }).await;
                            return;
                        }
                    }
                    false
                }
                said = socket.recv() => match said {
                    Some(Ok(Message::Text(text))) => {
                        if let Err(detail) = self.obey(&text).await
                            && !send(socket, &AgentHears::Refused { detail }).await
                        {
                            return;
                        }
                        false
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => false,
                },
            };
            if !is_news {
                continue;
            }
            retry_at = None;
            match self.standing().await {
                Ok(Standing::Shown(desk)) => {
                    // Never taken for none: shown as unknown, and tried again.
                    if desk.pools.is_none() {
                        retry_at = Some(Instant::now() + RETRY_AFTER);
                    }
                    if !send(socket, &AgentHears::State(*desk)).await {
                        return;
                    }
                }
                Ok(Standing::Lost { is_replaced: true }) => {
                    let detail = "another page of this agent has taken over".to_owned();
                    send(socket, &AgentHears::Replaced { detail }).await;
                    return;
                }
                Ok(Standing::Lost { is_replaced: false }) => return,
                Err(error) => {
                    tracing::warn!(%error, "agent_state_failed");
                    retry_at = Some(Instant::now() + RETRY_AFTER);
                }
            }
        }
    }

    async fn standing(&self) -> Result<Standing, db::SqlError> {
        let mut tx = self.app.db.begin_as(&self.actor).await?;
        let Some((mut desk, speaks)) = agents::desk(&mut tx, self.agent).await? else {
            return Ok(Standing::Lost { is_replaced: true });
        };
        if speaks != Some(self.socket_id) {
            return Ok(Standing::Lost { is_replaced: speaks.is_some() });
        }
        desk.pools = agents::pools(&mut tx, self.agent)
            .await
            .inspect_err(|error| tracing::warn!(%error, agent_id = %self.agent, "memberships_not_loaded"))
            .ok();
        Ok(Standing::Shown(Box::new(desk)))
    }

    /// Does what the page says; an `Err` tells it why not
    async fn obey(&self, text: &str) -> Result<(), String> {
        let said: AgentSays =
            serde_json::from_str(text).map_err(|error| format!("not understood: {error}"))?;
        let (agent, socket) = (self.agent, self.socket_id);
        let lead_of = |id: &str| id.parse::<Uuid>().map_err(|_| "no such lead".to_owned());
        let what = match said {
            AgentSays::Heartbeat => {
                return self.heard_of().await.map_err(|error| ApiError::from(error).words());
            }
            AgentSays::Status { status } => What::Status { agent, status, socket: Some(socket) },
            AgentSays::Accept { lead_id } => What::Accept { agent, socket, lead: lead_of(&lead_id)? },
            AgentSays::Decline { lead_id } => What::Decline { agent, socket, lead: lead_of(&lead_id)? },
            AgentSays::End { lead_id } => What::End { agent, socket, lead: lead_of(&lead_id)? },
        };
        self.app.desks.ask(self.org_id, what).await.map(|_| ()).map_err(|error| error.words())
    }

    async fn heard_of(&self) -> Result<(), db::SqlError> {
        let mut tx = self.app.db.begin_as(&Actor::lead_router(self.org_id)).await?;
        agents::heard_of(&mut tx, self.agent, self.socket_id).await?;
        tx.commit().await
    }
}

fn interval(every: Duration) -> tokio::time::Interval {
    let mut interval = tokio::time::interval_at(Instant::now() + every, every);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// False where nobody hears it any more
async fn send(socket: &mut WebSocket, heard: &AgentHears) -> bool {
    // Plain data, which always has a JSON form.
    let text = serde_json::to_string(heard).unwrap_or_default();
    socket.send(Message::text(text)).await.is_ok()
}
