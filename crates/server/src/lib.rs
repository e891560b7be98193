//! The HTTP server: API, sessions, live events, the console's files.
//!
//! Every request of a person runs in transactions that [`db::Database::begin_as`] opened for them, so that the
//! database decides what they see; the handlers decide what their role may do. Without a session nothing
//! answers but health and the two ways to sign in.

#![warn(missing_docs)]

mod console;
mod desk;
mod error;
mod extract;
mod guard;
mod live;
mod password;
mod rate_limit;
mod routes;
mod secret;
mod session;
mod visitor;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::routing::any;
use axum::{Router, middleware};
use contract::{CreatedApiToken, Role};
use db::live::LiveNotice;
use db::rpc::Catalogue;
use db::{Actor, Database, SqlError, Transaction, organisations, tokens, users};
use documents::Documents;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use uuid::Uuid;

use crate::desk::Desks;
use crate::error::ApiError;
use crate::rate_limit::RateLimiter;
use crate::visitor::LeadLimiter;

/// The largest body that any endpoint takes
const BODY_BYTES_MAX: usize = 2 << 20;
/// Requests that are under way when the server is told to end may take this long
const ENDING_MAX: Duration = Duration::from_secs(10);
/// Live events that a slow reader may lag behind before it is told to fetch everything
const LIVE_EVENTS_MAX: usize = 1024;

/// Leads that one address may send a minute where nothing else is said
pub const LEADS_PER_MINUTE: u32 = 60;

/// What the server must know
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Where to listen; other than on the loopback only once an admin has a password
    pub listen: SocketAddr,
    /// A proxy in front speaks TLS with the browsers: cookies are then `Secure`, browsers are told to stay
    /// with TLS, and the last entry of `X-Forwarded-For` is taken for the caller's address
    pub behind_tls_proxy: bool,
    /// Leads that one address may send a minute
    pub leads_per_minute: u32,
    /// Where documents lie; none are taken without
    pub documents: Option<Documents>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            behind_tls_proxy: false,
            leads_per_minute: LEADS_PER_MINUTE,
            documents: None,
        }
    }
}

/// Why the server cannot serve
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Anybody on the network could be the first to use the one-time link's account.
    #[error(
        "refusing to listen on `{0}` while no admin has a password; start on the loopback address, open the \
         one-time link that is printed there and set a password first"
    )]
    NoAdminPassword(SocketAddr),
    /// The address is taken or not ours.
    #[error("cannot listen on `{address}`: {source}")]
    Listen {
        /// Where
        address: SocketAddr,
        /// Why
        source: io::Error,
    },
    /// The database does not answer.
    #[error(transparent)]
    Database(#[from] SqlError),
    /// The listener broke.
    #[error("the server ended: {0}")]
    Io(#[from] io::Error),
}

impl ServerConfig {
    /// Refuses to be reachable from elsewhere while no admin has a password
    pub async fn validate(&self, db: &Database) -> Result<(), ServeError> {
        if self.listen.ip().is_loopback() {
            return Ok(());
        }
        let mut tx = db.begin_as(&Actor::service(None)).await?;
        match users::an_admin_has_a_password(&mut tx).await? {
            true => Ok(()),
            false => Err(ServeError::NoAdminPassword(self.listen)),
        }
    }

    /// Validates, then begins to listen; with port 0 the system chooses one
    pub async fn bind(&self, db: &Database) -> Result<TcpListener, ServeError> {
        self.validate(db).await?;
        TcpListener::bind(self.listen)
            .await
            .map_err(|source| ServeError::Listen { address: self.listen, source })
    }
}

/// What every handler can reach
pub(crate) struct App {
    db: Database,
    functions: Catalogue,
    behind_tls_proxy: bool,
    documents: Option<Documents>,
    attempts: RateLimiter,
    leads: LeadLimiter,
    desks: Arc<Desks>,
    live: broadcast::Sender<LiveNotice>,
    ending: watch::Receiver<bool>,
}

pub(crate) type AppState = Arc<App>;

/// Serves until `shutdown` resolves, then lets requests under way end, at most ten seconds, and returns
///
/// Prints nothing. The database may go away and come back meanwhile: requests then answer 503.
pub async fn serve(
    config: ServerConfig,
    db: Database,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let (end, ending) = watch::channel(false);
    let (live, _) = broadcast::channel(LIVE_EVENTS_MAX);
    let relay = tokio::spawn(live::relay(db.clone(), live.clone()));
    let desks = Arc::new(Desks::new(db.clone()));
    let ticking = tokio::spawn(desks.clone().tick());
    let listening = tokio::spawn(desks.clone().listen(live.clone()));
    let app = Arc::new(App {
        db,
        functions: Catalogue::default(),
        behind_tls_proxy: config.behind_tls_proxy,
        documents: config.documents,
        attempts: RateLimiter::default(),
        leads: LeadLimiter::new(config.leads_per_minute),
        desks: desks.clone(),
        live,
        ending: ending.clone(),
    });
    let service = router(app).into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(async move {
        shutdown.await;
        end.send_replace(true);
    });
    let overdue = async {
        let mut ending = ending;
        // An error says that the sender is gone, and then the server has ended.
        if ending.wait_for(|is_ending| *is_ending).await.is_ok() {
            tokio::time::sleep(ENDING_MAX).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    let outcome = tokio::select! {
        outcome = server => outcome,
        () = overdue => Ok(()),
    };
    for task in [relay, ticking, listening] {
        task.abort();
    }
    desks.end().await;
    Ok(outcome?)
}

fn router(app: AppState) -> Router {
    let (api, _) = routes::api().split_for_parts();
    api.route("/api", any(nothing_here))
        .route("/api/", any(nothing_here))
        .route("/api/{*path}", any(nothing_here))
        .route("/rpc/{name}/{*path}", any(nothing_here))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .fallback(console::file)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(guard::same_origin))
        .layer(middleware::from_fn(guard::time_limit))
        // The console's files are compressed already, and as far as can be; of answers the fastest level leaves hardly more.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(middleware::from_fn_with_state(app.clone(), guard::headers))
        .layer(middleware::from_fn(guard::log))
        .with_state(app)
}

async fn nothing_here() -> ApiError {
    ApiError::not_found("this path")
}

/// A link that signs the first admin in, once, within 24 hours; None once any admin has a password
///
/// Creates the first organisation and its admin where they are missing. Earlier links of that admin stop
/// working. `base_url` is where people reach the server, such as `http://127.0.0.1:8080`.
pub async fn first_admin_link(db: &Database, base_url: &str) -> Result<Option<String>, SqlError> {
    let org_id = organisations::ensure_first(db).await?;
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    if users::an_admin_has_a_password(&mut tx).await? {
        return Ok(None);
    }
    let admin = match users::first_admin(&mut tx, org_id).await? {
        Some(admin) => admin,
        None => users::add(&mut tx, org_id, "admin@localhost", "Admin", Role::Admin).await?,
    };
    let link = sign_in_link(&mut tx, base_url, admin).await?;
    tx.commit().await?;
    Ok(Some(link))
}

/// A token by which scripts call on behalf of a member of the transaction's organisation, with `role` at most, for so many days
///
/// Good after the transaction's commit. The secret is not kept.
pub async fn create_api_token(
    tx: &mut Transaction,
    user_id: Uuid,
    name: &str,
    role: Role,
    days: i32,
) -> Result<CreatedApiToken, SqlError> {
    let token = secret::api_token();
    let id = tokens::create(tx, user_id, name, role, days, &secret::hash(&token)).await?;
    Ok(CreatedApiToken { id: id.to_string(), token })
}

/// A link that signs a user in, once, within 24 hours; earlier unused ones of the same user stop working
///
/// Works after the transaction's commit, which takes [`Actor::service`].
pub async fn sign_in_link(tx: &mut Transaction, base_url: &str, user_id: Uuid) -> Result<String, SqlError> {
    let token = secret::token();
    users::create_link(tx, user_id, &secret::hash(&token)).await?;
    // Behind the hash sign, the token is in no request line and no log of a proxy.
    Ok(format!("{}/welcome#token={token}", base_url.trim_end_matches('/')))
}
