//! Every request to the server: one function an endpoint of the HTTP contract.

pub mod alerts;
pub mod review;

use contract::*;
use gloo_net::http::{Request, RequestBuilder, Response};
use policy::portfolio::Portfolio;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::fmt;

mod cases;

pub use cases::*;

/// Why a request gave nothing
#[derive(Debug, Clone, PartialEq)]
pub enum ApiError {
    /// The server refused and said why.
    Refused(Box<Problem>),
    /// No answer arrived.
    Unreachable,
    /// An answer arrived that this console does not understand.
    Unreadable(String),
    /// The code of a page did not arrive: the network, or a server that has moved on to another build.
    PartMissing,
}

impl ApiError {
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            ApiError::Refused(problem) => Some(problem),
            _ => None,
        }
    }

    /// One of [`contract::problem`], or nothing where the server did not answer in words.
    pub fn code(&self) -> &str {
        self.problem().map_or("", |problem| problem.code.as_str())
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ApiError::Refused(problem) => {
                f.write_str(&sentence(problem.detail.as_deref().unwrap_or(&problem.title)))?;
                match &problem.hint {
                    Some(hint) => write!(f, " {}", sentence(hint)),
                    None => Ok(()),
                }
            }
            ApiError::Unreachable => {
                f.write_str("The server does not answer. Check the connection and try again.")
            }
            ApiError::PartMissing => f.write_str(
                "This page could not be loaded. Check the connection and try again; if that does not help, reload: the \
                 console may be older than the server.",
            ),
            ApiError::Unreadable(cause) => write!(
                f,
                "The server's answer could not be read ({cause}). Reload the page: the console may be older than the server."
            ),
        }
    }
}

/// Server messages are lower-case without a full stop; people read sentences.
pub fn sentence(message: &str) -> String {
    let message = message.trim();
    let mut letters = message.chars();
    let mut sentence: String =
        letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

thread_local! {
    static SIGNED_OUT: RefCell<Option<Box<dyn Fn()>>> = const { RefCell::new(None) };
}

/// Names what happens when the server no longer knows the session
pub fn on_signed_out(handler: impl Fn() + 'static) {
    SIGNED_OUT.with_borrow_mut(|slot| *slot = Some(Box::new(handler)));
}

async fn answer(request: Result<Request, gloo_net::Error>) -> Result<Response, ApiError> {
    let request = request.map_err(|error| ApiError::Unreadable(error.to_string()))?;
    let response = request.send().await.map_err(|_| ApiError::Unreachable)?;
    if response.ok() {
        return Ok(response);
    }
    let status = response.status();
    let text = response.text().await.unwrap_or_default();
    let refused = serde_json::from_str::<Problem>(&text).unwrap_or_else(|_| Problem {
        status,
        code: String::new(),
        title: if matches!(status, 502..=504) {
            "the server is not running".into()
        } else {
            format!("the server answered with status {status}")
        },
        detail: None,
        hint: Some("try again in a moment".into()),
        field: None,
        judgments: Vec::new(),
        assertions: Vec::new(),
    });
    if refused.code == problem::UNAUTHENTICATED {
        SIGNED_OUT.with_borrow(|handler| handler.iter().for_each(|handler| handler()));
    }
    Err(ApiError::Refused(Box::new(refused)))
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, ApiError> {
    let text = response.text().await.map_err(|_| ApiError::Unreachable)?;
    serde_json::from_str(&text).map_err(|error| ApiError::Unreadable(error.to_string()))
}

async fn get<T: DeserializeOwned>(path: &str) -> Result<T, ApiError> {
    read(answer(Request::get(path).build()).await?).await
}

/// Sends a body and takes what comes back, if anything, as done.
async fn send(builder: RequestBuilder, body: &impl Serialize) -> Result<Response, ApiError> {
    answer(builder.json(body)).await
}

async fn send_empty(builder: RequestBuilder) -> Result<Response, ApiError> {
    answer(builder.build()).await
}

// ---- sessions ----

pub async fn session() -> Result<Session, ApiError> {
    get("/api/session").await
}

pub async fn sign_in(credentials: SignIn) -> Result<(), ApiError> {
    send(Request::post("/api/session"), &credentials).await.map(drop)
}

pub async fn sign_out() -> Result<(), ApiError> {
    send_empty(Request::delete("/api/session")).await.map(drop)
}

pub async fn redeem_link(token: String) -> Result<(), ApiError> {
    send(Request::post("/api/session/link"), &RedeemLink { token }).await.map(drop)
}

pub async fn set_password(password: SetPassword) -> Result<(), ApiError> {
    send(Request::post("/api/session/password"), &password).await.map(drop)
}

pub async fn choose_organisation(organisation_id: String) -> Result<(), ApiError> {
    send(Request::post("/api/session/organisation"), &ChooseOrganisation { organisation_id }).await.map(drop)
}

// ---- tiers ----

pub async fn tiers() -> Result<TierOverview, ApiError> {
    get("/api/tiers").await
}

pub async fn refresh_tiers() -> Result<RefreshRun, ApiError> {
    read(send_empty(Request::post("/api/tiers/refresh")).await?).await
}

pub async fn refresh_run(id: &str) -> Result<RefreshRun, ApiError> {
    get(&format!("/api/tiers/refresh/{id}")).await
}

// ---- judgments ----

/// `query` is an encoded query string without its question mark.
pub async fn judgments(query: &str) -> Result<JudgmentPage, ApiError> {
    get(&format!("/api/judgments?{query}")).await
}

pub async fn judgment_facets() -> Result<JudgmentFacets, ApiError> {
    get("/api/judgments/facets").await
}

pub async fn judgment(id: &str) -> Result<JudgmentDetail, ApiError> {
    get(&format!("/api/judgments/{id}")).await
}

pub async fn retier(id: &str) -> Result<Queued, ApiError> {
    read(send_empty(Request::post(&format!("/api/judgments/{id}/retier"))).await?).await
}

/// At most 500 numbers at once.
pub async fn judgments_by_no(judgment_nos: Vec<u64>) -> Result<Vec<JudgmentRow>, ApiError> {
    read(send(Request::post("/api/judgments/by-no"), &JudgmentNumbers { judgment_nos }).await?).await
}

/// The portfolio as columns, as it is now or as a past day ended, and the name of the database state that it shows.
pub async fn portfolio_snapshot(as_of: Option<String>) -> Result<(SnapshotMeta, Portfolio), ApiError> {
    let day = as_of.map(|day| format!("?as_of={day}")).unwrap_or_default();
    let response = answer(Request::get(&format!("/api/portfolio/snapshot{day}")).build()).await?;
    let bytes = response.binary().await.map_err(|_| ApiError::Unreachable)?;
    decode_snapshot(&bytes).map_err(ApiError::Unreadable)
}

fn decode_snapshot(bytes: &[u8]) -> Result<(SnapshotMeta, Portfolio), String> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or("the snapshot is empty")?;
    let (meta, columns) =
        rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or("the snapshot is cut short")?;
    let meta = std::str::from_utf8(meta)
        .map_err(|error| error.to_string())
        .and_then(|meta| serde_json::from_str(meta).map_err(|error| error.to_string()))?;
    let portfolio = Portfolio::decode(columns).map_err(|error| error.to_string())?;
    Ok((meta, portfolio))
}

// ---- policies ----

pub async fn policies() -> Result<Vec<PolicySummary>, ApiError> {
    get("/api/tier-policies").await
}

pub async fn published_policy() -> Result<PolicyDetail, ApiError> {
    get("/api/tier-policies/published").await
}

pub async fn policy(id: &str) -> Result<PolicyDetail, ApiError> {
    get(&format!("/api/tier-policies/{id}")).await
}

pub async fn create_draft(draft: NewDraft) -> Result<PolicySummary, ApiError> {
    read(send(Request::post("/api/tier-policies"), &draft).await?).await
}

pub async fn save_draft(id: &str, draft: SaveDraft) -> Result<PolicySummary, ApiError> {
    read(send(Request::put(&format!("/api/tier-policies/{id}")), &draft).await?).await
}

pub async fn discard_draft(id: &str) -> Result<(), ApiError> {
    send_empty(Request::delete(&format!("/api/tier-policies/{id}"))).await.map(drop)
}

pub async fn publish(id: &str, request: PublishRequest) -> Result<Published, ApiError> {
    read(send(Request::post(&format!("/api/tier-policies/{id}/publish")), &request).await?).await
}

pub async fn request_approval(id: &str, request: RequestApproval) -> Result<PolicySummary, ApiError> {
    read(send(Request::post(&format!("/api/tier-policies/{id}/approval")), &request).await?).await
}

pub async fn answer_approval(id: &str, answer: AnswerApproval) -> Result<PolicySummary, ApiError> {
    read(send(Request::post(&format!("/api/tier-policies/{id}/approval/answer")), &answer).await?).await
}

pub async fn cancel_schedule(id: &str) -> Result<PolicySummary, ApiError> {
    read(send_empty(Request::delete(&format!("/api/tier-policies/{id}/schedule"))).await?).await
}

pub async fn policy_events() -> Result<Vec<PolicyEvent>, ApiError> {
    get("/api/tier-policies/events").await
}

pub async fn organisation_settings() -> Result<OrganisationSettings, ApiError> {
    get("/api/organisation/settings").await
}

pub async fn set_organisation_settings(
    settings: OrganisationSettings,
) -> Result<OrganisationSettings, ApiError> {
    read(send(Request::put("/api/organisation/settings"), &settings).await?).await
}

pub async fn replay(request: ReplayRequest) -> Result<ReplayReport, ApiError> {
    read(send(Request::post("/api/tier-policies/replay"), &request).await?).await
}

pub async fn shadows() -> Result<Vec<ShadowSummary>, ApiError> {
    get("/api/tier-shadows").await
}

pub async fn shadow(id: &str) -> Result<ShadowDetail, ApiError> {
    get(&format!("/api/tier-shadows/{id}")).await
}

pub async fn start_shadow(request: StartShadow) -> Result<ShadowSummary, ApiError> {
    read(send(Request::post("/api/tier-shadows"), &request).await?).await
}

pub async fn stop_shadow(id: &str) -> Result<ShadowSummary, ApiError> {
    read(send_empty(Request::delete(&format!("/api/tier-shadows/{id}"))).await?).await
}

// ---- queues ----

pub async fn queues() -> Result<Vec<QueueStats>, ApiError> {
    get("/api/queues").await
}

pub async fn set_queue_paused(kind: &str, is_paused: bool) -> Result<(), ApiError> {
    let verb = if is_paused { "pause" } else { "resume" };
    send_empty(Request::post(&format!("/api/queues/{kind}/{verb}"))).await.map(drop)
}

/// Of one kind, or of all where `kind` is empty.
pub async fn dead_letters(kind: &str) -> Result<Vec<DeadLetter>, ApiError> {
    if kind.is_empty() {
        get("/api/queues/dead-letters").await
    } else {
        get(&format!("/api/queues/dead-letters?kind={kind}")).await
    }
}

pub async fn retry_dead_letter(id: &str) -> Result<Queued, ApiError> {
    read(send_empty(Request::post(&format!("/api/queues/dead-letters/{id}/retry"))).await?).await
}

pub async fn discard_dead_letter(id: &str) -> Result<(), ApiError> {
    send_empty(Request::delete(&format!("/api/queues/dead-letters/{id}"))).await.map(drop)
}

// ---- pools ----

pub async fn pools() -> Result<PoolsOverview, ApiError> {
    get("/api/pools").await
}

/// What the next decisions rest on.
pub async fn live_routing() -> Result<LiveRouting, ApiError> {
    get("/api/pools/routing-state").await
}

pub async fn create_pool(pool: SavePool) -> Result<Created, ApiError> {
    read(send(Request::post("/api/pools"), &pool).await?).await
}

pub async fn save_pool(id: &str, pool: SavePool) -> Result<PoolsRevision, ApiError> {
    read(send(Request::put(&format!("/api/pools/{id}")), &pool).await?).await
}

pub async fn delete_pool(id: &str) -> Result<PoolsRevision, ApiError> {
    read(send_empty(Request::delete(&format!("/api/pools/{id}"))).await?).await
}

pub async fn add_member(pool_id: &str, member: AddMember) -> Result<PoolsRevision, ApiError> {
    read(send(Request::post(&format!("/api/pools/{pool_id}/members")), &member).await?).await
}

pub async fn remove_member(pool_id: &str, agent_id: &str) -> Result<PoolsRevision, ApiError> {
    read(send_empty(Request::delete(&format!("/api/pools/{pool_id}/members/{agent_id}"))).await?).await
}

pub async fn save_ranks(pool_id: &str, ranks: SaveRanks) -> Result<PoolsRevision, ApiError> {
    read(send(Request::put(&format!("/api/pools/{pool_id}/ranks")), &ranks).await?).await
}

pub async fn create_agent(agent: SaveAgent) -> Result<Created, ApiError> {
    read(send(Request::post("/api/agents"), &agent).await?).await
}

/// The arrivals of a day, an ISO date.
pub async fn arrivals(day: &str) -> Result<DayArrivals, ApiError> {
    get(&format!("/api/pools/arrivals?day={day}")).await
}

pub async fn page_rules() -> Result<PageRules, ApiError> {
    get("/api/pools/page-rules").await
}

pub async fn save_page_rules(rules: SavePageRules) -> Result<PoolsRevision, ApiError> {
    read(send(Request::put("/api/pools/page-rules"), &rules).await?).await
}

/// `query` is an encoded query string without its question mark.
pub async fn pool_statistics(query: &str) -> Result<PoolStatistics, ApiError> {
    get(&format!("/api/pools/statistics?{query}")).await
}

pub async fn agent_desk() -> Result<AgentDesk, ApiError> {
    get("/api/agent").await
}
