//! A server of the test's own, its firms and their people.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use contract::{Problem, Role};
use db::testing::TestDatabase;
use db::{Actor, Database, organisations, users};
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, COOKIE, HOST, HeaderMap, SET_COOKIE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use server::ServerConfig;
use sqlx::PgPool;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest};
use uuid::Uuid;

/// Long enough for a loaded machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server on a loopback port with a database of its own
pub(crate) struct TestApp {
    pub(crate) database: TestDatabase,
    pub(crate) db: Database,
    address: SocketAddr,
    end: oneshot::Sender<()>,
    served: JoinHandle<Result<(), server::ServeError>>,
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with(TestDatabase::new().await, ServerConfig::default()).await
    }

    pub(crate) async fn with(database: TestDatabase, config: ServerConfig) -> Self {
        let db = database.database();
        let config = ServerConfig { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..config };
        let listener = config.bind(&db).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = oneshot::channel();
        let served = tokio::spawn(server::serve(config, db.clone(), listener, async {
            // Dropping the application ends the server too.
            let _ = ended.await;
        }));
        Self { database, db, address, end, served }
    }

    /// Another server on the same database
    pub(crate) async fn twin(&self) -> Twin {
        let config =
            ServerConfig { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..ServerConfig::default() };
        let listener = config.bind(&self.db).await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(server::serve(config, self.db.clone(), listener, std::future::pending()));
        Twin { address, served }
    }

    /// Ends the server as Ctrl-C does, and waits for it
    pub(crate) async fn end(self) {
        self.end.send(()).unwrap();
        within_patience(self.served).await.unwrap().unwrap();
    }

    pub(crate) fn owner(&self) -> &PgPool {
        self.database.owner()
    }

    /// Somebody without a session
    pub(crate) fn nobody(&self) -> Client {
        Client { address: self.address, cookie: None, headers: Vec::new() }
    }

    /// An organisation under revision 1 with one member of each role
    pub(crate) async fn firm(&self, slug: &str) -> Firm {
        let id = organisations::create_organisation(&self.db, slug, slug, "America/New_York").await.unwrap();
        let plaintiff_id = sqlx::query_scalar(
            "insert into public.plaintiffs (org_id, name) values ($1, 'Ace Funding') returning id",
        )
        .bind(id)
        .fetch_one(self.owner())
        .await
        .unwrap();
        Firm {
            id,
            plaintiff_id,
            admin: self.person(id, &format!("admin@{slug}.example"), Role::Admin).await,
            operator: self.person(id, &format!("operator@{slug}.example"), Role::Operator).await,
            viewer: self.person(id, &format!("viewer@{slug}.example"), Role::Viewer).await,
        }
    }

    /// A member of an organisation, signed in by a link
    pub(crate) async fn person(&self, org_id: Uuid, email: &str, role: Role) -> Client {
        let mut tx = self.db.begin_as(&Actor::service(None)).await.unwrap();
        let user_id = users::add(&mut tx, org_id, email, email, role).await.unwrap();
        let link = server::sign_in_link(&mut tx, "http://localhost", user_id).await.unwrap();
        tx.commit().await.unwrap();
        let mut client = self.nobody();
        client.redeem(&link).await.ok();
        client
    }

    pub(crate) async fn execute(&self, sql: &str) -> u64 {
        sqlx::raw_sql(sql).execute(self.owner()).await.unwrap().rows_affected()
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(self.owner()).await.unwrap()
    }

    /// Waits until the server hears what the database notifies
    pub(crate) async fn until_listening(&self) {
        let listening = "select count(*) from pg_stat_activity where datname = current_database() and query like 'LISTEN%dragonfly_live%'";
        let held = async {
            while self.number(listening).await == 0 {
                tokio::task::yield_now().await;
            }
        };
        within_patience(held).await;
    }

    pub(crate) async fn notify(&self, org_id: Option<Uuid>, event: Value) {
        sqlx::query("select public.notify_live($1, $2)")
            .bind(org_id)
            .bind(event)
            .execute(self.owner())
            .await
            .unwrap();
    }
}

/// A second server; it ends as if killed when this is dropped
pub(crate) struct Twin {
    address: SocketAddr,
    served: JoinHandle<Result<(), server::ServeError>>,
}

impl Twin {
    /// The same client, speaking to this server
    pub(crate) fn of(&self, client: &Client) -> Client {
        Client { address: self.address, ..client.clone() }
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        self.served.abort();
    }
}

pub(crate) async fn within_patience<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it comes to pass")
}

pub(crate) struct Firm {
    pub(crate) id: Uuid,
    pub(crate) plaintiff_id: Uuid,
    pub(crate) admin: Client,
    pub(crate) operator: Client,
    pub(crate) viewer: Client,
}

/// A judgment to insert; what a test does not care about has a value all the same
pub(crate) struct Judgment<'a> {
    pub(crate) case_number: &'a str,
    pub(crate) defendant: &'a str,
    pub(crate) county: &'a str,
    pub(crate) status: &'a str,
    pub(crate) score: Option<&'a str>,
    pub(crate) balance: Option<&'a str>,
    pub(crate) signals: i16,
}

impl Default for Judgment<'_> {
    fn default() -> Self {
        Self {
            case_number: "",
            defendant: "John Doe",
            county: "Kings",
            status: "unsatisfied",
            score: Some("65"),
            balance: Some("25000.00"),
            signals: 1,
        }
    }
}

impl Firm {
    /// A key by which pages of these origins send leads
    pub(crate) async fn key(&self, origins: &[&str]) -> String {
        let key = json!({ "name": "Website", "allowed_origins": origins });
        self.admin.post("/api/visitor-keys", key).await.json::<contract::Created>().id
    }

    /// Adds a judgment that nothing queues
    pub(crate) async fn add(&self, app: &TestApp, judgment: Judgment<'_>) -> Uuid {
        let mut tx = app.owner().begin().await.unwrap();
        sqlx::query("select set_config('dragonfly.refresh_follows', 'on', true)")
            .execute(&mut *tx)
            .await
            .unwrap();
        let id = sqlx::query_scalar(
            "insert into public.core_judgments
               (org_id, plaintiff_id, case_number, defendant_name, county, status, judgment_amount,
                collectability_score, balance_due, asset_signals)
             values ($1, $2, coalesce(nullif($3, ''), gen_random_uuid()::text), $4, $5, $6, 30000, $7::numeric, $8::numeric, $9)
             returning id",
        )
        .bind(self.id)
        .bind(self.plaintiff_id)
        .bind(judgment.case_number)
        .bind(judgment.defendant)
        .bind(judgment.county)
        .bind(judgment.status)
        .bind(judgment.score)
        .bind(judgment.balance)
        .bind(judgment.signals)
        .fetch_one(&mut *tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// Adds `n` judgments of many scores and balances
    pub(crate) async fn add_many(&self, app: &TestApp, n: i32) {
        let mut tx = app.owner().begin().await.unwrap();
        sqlx::query("select set_config('dragonfly.refresh_follows', 'on', true)")
            .execute(&mut *tx)
            .await
            .unwrap();
        sqlx::query(
            "insert into public.core_judgments
               (org_id, plaintiff_id, case_number, judgment_amount, collectability_score, balance_due, asset_signals)
             select $1, $2, 'CV-' || n, 100000, nullif(n * 7919 % 10001, 0) / 100.0, nullif(n * 104729 % 70000, 0), n % 16
               from generate_series(1, $3) n",
        )
        .bind(self.id)
        .bind(self.plaintiff_id)
        .bind(n)
        .execute(&mut *tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
    }
}

/// A browser, as far as cookies go
#[derive(Debug, Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    pub(crate) cookie: Option<String>,
    headers: Vec<(&'static str, String)>,
}

impl Client {
    /// Sends a header with every request from now on
    pub(crate) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name, value.to_owned()));
        client
    }

    /// Speaks over a WebSocket
    pub(crate) async fn socket(&self, path: &str) -> Socket {
        self.try_socket(path).await.unwrap()
    }

    pub(crate) async fn try_socket(&self, path: &str) -> Result<Socket, tungstenite::Error> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let mut request = format!("ws://{}{path}", self.host()).into_client_request().unwrap();
        if let Some(cookie) = &self.cookie {
            request.headers_mut().insert(COOKIE, cookie.parse().unwrap());
        }
        for (name, value) in &self.headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (stream, _) = within_patience(tokio_tungstenite::client_async(request, stream)).await?;
        Ok(Socket(stream))
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// Without a body
    pub(crate) async fn order(&self, path: &str) -> Answer {
        self.send(Method::POST, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Serialize) -> Answer {
        self.send(Method::POST, path, Some(serde_json::to_string(&body).unwrap())).await
    }

    pub(crate) async fn put(&self, path: &str, body: impl Serialize) -> Answer {
        self.send(Method::PUT, path, Some(serde_json::to_string(&body).unwrap())).await
    }

    pub(crate) async fn post_text(&self, path: &str, body: &str) -> Answer {
        self.send(Method::POST, path, Some(body.to_owned())).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<String>) -> Answer {
        let (parts, body) = self.open(method, path, body).await.0.into_parts();
        let body = within_patience(body.collect()).await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// The answer before its body; the connection lives as long as the sender
    async fn open(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> (Response<Incoming>, SendRequest<Full<Bytes>>) {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header(HOST, self.host());
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        if body.is_some() && self.headers.iter().all(|(name, _)| *name != "content-type") {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::from(body.unwrap_or_default())).unwrap();
        (within_patience(sender.send_request(request)).await.unwrap(), sender)
    }

    /// Opens the live events
    pub(crate) async fn events(&self) -> Events {
        let (response, sender) = self.open(Method::GET, "/api/events", None).await;
        assert_eq!(response.status(), StatusCode::OK);
        Events { body: response.into_body(), received: String::new(), _sender: sender }
    }

    /// Takes the cookie that an answer sets
    pub(crate) fn keep(&mut self, answer: Answer) -> Answer {
        if let Some(cookie) = answer.headers.get(SET_COOKIE) {
            self.cookie = cookie.to_str().unwrap().split(';').next().map(str::to_owned);
        }
        answer
    }

    pub(crate) async fn redeem(&mut self, link: &str) -> Answer {
        let token = link.split_once("#token=").expect("a link has a token").1;
        let answer = self.post("/api/session/link", json!({ "token": token })).await;
        self.keep(answer)
    }

    pub(crate) async fn sign_in(&mut self, email: &str, password: &str) -> Answer {
        let answer = self.post("/api/session", json!({ "email": email, "password": password })).await;
        self.keep(answer)
    }

    pub(crate) async fn set_password(&mut self, current: Option<&str>, new: &str) -> Answer {
        let answer = self.post("/api/session/password", json!({ "current": current, "new": new })).await;
        self.keep(answer)
    }
}

/// An open WebSocket of JSON messages
pub(crate) struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    pub(crate) async fn say(&mut self, message: Value) {
        self.0.send(tungstenite::Message::text(message.to_string())).await.unwrap();
    }

    /// The next message; None once it is closed
    pub(crate) async fn next(&mut self) -> Option<Value> {
        within_patience(async {
            loop {
                match self.0.next().await? {
                    Ok(tungstenite::Message::Text(text)) => {
                        return Some(serde_json::from_str(&text).unwrap());
                    }
                    Ok(tungstenite::Message::Close(_)) | Err(_) => return None,
                    Ok(_) => {}
                }
            }
        })
        .await
    }

    /// The next message that is as it should be; those before it are passed over
    pub(crate) async fn until(&mut self, is_meant: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.next().await.expect("the socket is open");
            if is_meant(&message) {
                return message;
            }
        }
    }
}

/// What the server answered
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!(self.status.is_success(), "{} {}", self.status, self.text());
        self
    }

    #[track_caller]
    pub(crate) fn json<T: DeserializeOwned>(self) -> T {
        let answer = self.ok();
        serde_json::from_slice(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.text()))
    }

    /// A refusal with this status and code
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Problem {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!((problem.status, problem.code.as_str()), (status, code), "{problem:?}");
        problem
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Server-sent events, one by one
pub(crate) struct Events {
    body: Incoming,
    received: String,
    _sender: SendRequest<Full<Bytes>>,
}

impl Events {
    /// The next event's data; None at the end of the stream
    pub(crate) async fn next(&mut self) -> Option<Value> {
        within_patience(async {
            loop {
                if let Some((event, rest)) = self.received.split_once("\n\n") {
                    let data = event.strip_prefix("data: ").map(|data| serde_json::from_str(data).unwrap());
                    self.received = rest.to_owned();
                    match data {
                        Some(data) => return Some(data),
                        None => continue,
                    }
                }
                let frame = self.body.frame().await?.unwrap();
                self.received.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
            }
        })
        .await
    }

    /// Skips events until this one comes
    pub(crate) async fn until(&mut self, expected: Value) {
        while self.next().await.expect("the stream goes on") != expected {}
    }
}
