//! Several servers route the leads of one organisation, are killed with their database in the middle of it, and the
//! recorded history is checked change by change against the rule, read off the requirements.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use contract::{LeadStanding, LeadStatus, Role};
use db::testing::TestDatabase;
use db::{Actor, Database, organisations, pools, users};
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, SET_COOKIE};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use policy::routing::PriorityRank;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use uuid::Uuid;

use crate::support::{program, soak, until};

const SERVERS: usize = 3;
const CLIENTS: usize = 12;
/// Leads that are answered between two kills
const LEADS_BETWEEN: usize = 25;

/// `dragonfly serve`, a process of its own
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    async fn start(url: &str) -> Self {
        let mut child = Command::new(program())
            .args([
                "serve",
                "--no-worker",
                "--listen",
                "127.0.0.1:0",
                "--leads-per-minute",
                "100000000",
                "--database-url",
                url,
            ])
            .env("DRAGONFLY_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start `{}`: {error}", program().display()));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().expect("it says where it serves");
        let address = line.rsplit("http://").next().unwrap().trim().parse().unwrap();
        // What it prints later is thrown away, so that it never waits for a reader.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, address }
    }
}

/// Sends a request; None where no whole answer came back
async fn send(
    address: SocketAddr,
    method: Method,
    path: &str,
    head: (&str, &str),
    body: Option<Value>,
) -> Option<(u16, Option<String>, Value)> {
    let stream = TcpStream::connect(address).await.ok()?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    let request =
        Request::builder().method(method).uri(path).header(HOST, address.to_string()).header(head.0, head.1);
    let request = request.header(CONTENT_TYPE, "application/json");
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let (parts, body) =
        sender.send_request(request.body(Full::new(Bytes::from(body))).unwrap()).await.ok()?.into_parts();
    let body: Bytes = body.collect().await.ok()?.to_bytes();
    let cookie = parts
        .headers
        .get(SET_COOKIE)
        .and_then(|cookie| cookie.to_str().ok()?.split(';').next().map(str::to_owned));
    Some((parts.status.as_u16(), cookie, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

struct Firm {
    database: TestDatabase,
    db: Database,
    org_id: Uuid,
    admin: Actor,
    admin_user: Uuid,
    pools: Vec<Uuid>,
    agents: Vec<Uuid>,
    key: String,
}

impl Firm {
    /// Two pools that share agents of three ranks, one pool with a waiting list, one with the fallback
    async fn new() -> Self {
        let database = TestDatabase::on_own_server().await;
        let db = database.database();
        let org_id =
            organisations::create_organisation(&db, "Firm", "firm", "America/New_York").await.unwrap();
        let mut tx = db.begin_as(&Actor::service(None)).await.unwrap();
        let admin_user =
            users::add(&mut tx, org_id, "admin@firm.example", "Admin", Role::Admin).await.unwrap();
        tx.commit().await.unwrap();
        let admin = Actor::person(db::DbRole::Admin, org_id, admin_user);
        let mut tx = db.begin_as(&admin).await.unwrap();
        let key = pools::save_visitor_key(&mut tx, None, "Website", &[]).await.unwrap();
        let mut ids = Vec::new();
        for (name, fallback, waiting) in [
            (
                "Waiting",
                policy::routing::Fallback::None,
                Some(contract::WaitingList { seconds_max: 600, leads_max: 8 }),
            ),
            ("Falling back", policy::routing::Fallback::Organisation, None),
        ] {
            let settings = pools::PoolSettings { name, fallback, waiting };
            ids.push(pools::save(&mut tx, None, settings).await.unwrap());
        }
        let mut agents = Vec::new();
        for number in 0..9_u8 {
            let name = format!("Agent {number}");
            let id = pools::save_agent(&mut tx, None, None, &name, 1 + u32::from(number % 3)).await.unwrap();
            let rank = PriorityRank::new(1 + number / 3).unwrap();
            for pool in
                ids.iter().enumerate().filter(|(place, _)| number % 3 != *place as u8).map(|(_, id)| id)
            {
                pools::add_member(&mut tx, *pool, id, rank).await.unwrap();
            }
            agents.push(id);
        }
        tx.commit().await.unwrap();
        Self { database, db, org_id, admin, admin_user, pools: ids, agents, key }
    }

    /// A cookie that every server takes
    async fn sign_in(&self, server: &Server, user_id: Uuid) -> String {
        let mut tx = self.db.begin_as(&Actor::service(None)).await.unwrap();
        let link = server::sign_in_link(&mut tx, "http://localhost", user_id).await.unwrap();
        tx.commit().await.unwrap();
        let token = link.split_once("#token=").unwrap().1;
        let body = Some(json!({ "token": token }));
        send(server.address, Method::POST, "/api/session/link", ("accept", "*/*"), body)
            .await
            .unwrap()
            .1
            .unwrap()
    }

    fn owner(&self) -> &PgPool {
        self.database.owner()
    }
}

/// What clients do until they are told to stop
struct Load {
    firm: Arc<Firm>,
    servers: Mutex<Vec<SocketAddr>>,
    cookie: String,
    is_over: AtomicBool,
    answered: AtomicUsize,
    /// Leads that somebody was told an agent has.
    assigned: Mutex<Vec<(Uuid, Uuid)>>,
}

impl Load {
    async fn client(self: Arc<Self>) {
        let mut mine: Vec<LeadStatus> = Vec::new();
        while !self.is_over.load(Ordering::Relaxed) {
            let address = {
                let servers = self.servers.lock().await;
                servers[rand::random_range(0..servers.len())]
            };
            match rand::random_range(0..40) {
                // An agent comes or goes.
                0 => {
                    let agent = self.firm.agents[rand::random_range(0..self.firm.agents.len())];
                    let status = ["idle", "idle", "idle", "in_simulation", "away", "offline"]
                        [rand::random_range(0..6)];
                    let path = format!("/api/agents/{agent}/status");
                    send(
                        address,
                        Method::PUT,
                        &path,
                        (COOKIE.as_str(), &self.cookie),
                        Some(json!({ "status": status })),
                    )
                    .await;
                }
                // An admin changes a rank.
                1 => {
                    let pool = self.firm.pools[rand::random_range(0..2)];
                    let agent = self.firm.agents[rand::random_range(0..self.firm.agents.len())];
                    let path = format!("/api/pools/{pool}/members/{agent}");
                    let body = json!({ "priority_rank": rand::random_range(1..4) });
                    send(address, Method::PUT, &path, (COOKIE.as_str(), &self.cookie), Some(body)).await;
                }
                2..30 if !mine.is_empty() => {
                    let lead = mine.swap_remove(rand::random_range(0..mine.len()));
                    let bearer = format!("Bearer {}", lead.token.unwrap());
                    let path = format!("/api/leads/{}", lead.lead_id);
                    send(address, Method::DELETE, &path, (AUTHORIZATION.as_str(), &bearer), None).await;
                }
                _ => {
                    let body =
                        json!({ "key": self.firm.key, "pool_id": self.firm.pools[rand::random_range(0..2)] });
                    let answer =
                        send(address, Method::POST, "/api/leads", ("accept", "*/*"), Some(body)).await;
                    let Some((201, _, answer)) = answer else { continue };
                    let lead: LeadStatus = serde_json::from_value(answer).unwrap();
                    if let Some(agent) = &lead.agent {
                        let told = (lead.lead_id.parse().unwrap(), agent.id.parse().unwrap());
                        self.assigned.lock().await.push(told);
                    }
                    self.answered.fetch_add(1, Ordering::Relaxed);
                    if lead.status != LeadStanding::Unavailable {
                        mine.push(lead);
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_route_as_one_and_lose_nothing_that_was_answered_though_they_and_postgres_are_killed() {
    let firm = Arc::new(Firm::new().await);
    let url = firm.database.url();
    let starting = [(); SERVERS].map(|()| Server::start(&url));
    let mut servers = futures_util::future::join_all(starting).await;
    let cookie = firm.sign_in(&servers[0], firm.admin_user).await;
    let load = Arc::new(Load {
        firm: firm.clone(),
        servers: Mutex::new(servers.iter().map(|server| server.address).collect()),
        cookie,
        is_over: AtomicBool::new(false),
        answered: AtomicUsize::new(0),
        assigned: Mutex::default(),
    });
    for agent in &firm.agents {
        let path = format!("/api/agents/{agent}/status");
        let head = (COOKIE.as_str(), load.cookie.as_str());
        send(servers[0].address, Method::PUT, &path, head, Some(json!({ "status": "idle" }))).await.unwrap();
    }
    let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(load.clone().client())).collect();
    let answer_more = async || {
        let before = load.answered.load(Ordering::Relaxed);
        until(async || load.answered.load(Ordering::Relaxed) >= before + LEADS_BETWEEN).await;
    };
    for round in 0..2 * soak() as usize {
        answer_more().await;
        let victim = round % SERVERS;
        servers[victim].child.kill().await.unwrap();
        answer_more().await;
        servers[victim] = Server::start(&url).await;
        load.servers.lock().await[victim] = servers[victim].address;
        if round % 2 == 1 {
            answer_more().await;
            firm.database.kill_postgres();
            until(async || firm.database.private().ensure_running().await.unwrap()).await;
        }
    }
    answer_more().await;
    load.is_over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    let assigned = load.assigned.lock().await.clone();
    assert!(assigned.len() >= LEADS_BETWEEN, "{}", assigned.len());
    for (lead, agent) in &assigned {
        let kept: bool = sqlx::query_scalar(
            "select exists (select from public.lead_assignments where lead_id = $1 and agent_id = $2)",
        )
        .bind(lead)
        .bind(agent)
        .fetch_one(firm.owner())
        .await
        .unwrap();
        assert!(kept, "lead {lead} was answered with agent {agent}, and nobody knows of it");
    }
    let seen = check_history(firm.owner().clone(), firm.org_id).await;
    assert!(
        seen.assigned >= assigned.len() && seen.released > 0 && seen.missed > 0 && seen.waited > 0,
        "{seen:?}"
    );

    // The check can fail: an agent with one slot is given two leads.
    let (pool, agent) = (firm.pools[1], firm.agents[0]);
    let rank: i32 = sqlx::query_scalar(
        "select priority_rank from public.agent_pool_members where pool_id = $1 and agent_profile_id = $2",
    )
    .bind(pool)
    .bind(agent)
    .fetch_one(firm.owner())
    .await
    .unwrap();
    let forged = [Uuid::new_v4(), Uuid::new_v4()].map(|lead| {
        json!({ "do": "assign", "lead": lead, "pool": pool, "agent": agent, "rank": rank, "fallback": false,
                "arrived_at": "2000-01-01T00:00:00Z" })
    });
    sqlx::query(
        "insert into public.routing_log (org_id, first_no, last_no, revision, changes)
         select org_id, sequence + 1, sequence + 2, revision, $2 from public.routing_state where org_id = $1",
    )
    .bind(firm.org_id)
    .bind(json!(forged))
    .execute(firm.owner())
    .await
    .unwrap();
    assert!(tokio::spawn(check_history(firm.owner().clone(), firm.org_id)).await.is_err());
}

/// How many changes of each kind a history had
#[derive(Debug, Default)]
struct Seen {
    assigned: usize,
    released: usize,
    missed: usize,
    waited: usize,
}

#[derive(Debug, Default, Clone)]
struct AgentState {
    capacity: usize,
    is_open: bool,
    is_idle: bool,
    /// Leads in hand.
    leads: Vec<String>,
    /// By pool.
    ranks: BTreeMap<String, u64>,
}

impl AgentState {
    fn is_available(&self) -> bool {
        self.is_open && self.leads.len() < self.capacity
    }

    /// Better first, but for the order of turns: idle without load, then the least loaded
    fn standing(&self) -> (bool, usize) {
        (!(self.is_idle && self.leads.is_empty()), self.leads.len())
    }
}

/// Follows the log of an organisation change by change, by nothing but the requirements
async fn check_history(owner: PgPool, org_id: Uuid) -> Seen {
    let owner = &owner;
    let log: Vec<(i64, i64, Value)> = sqlx::query_as(
        "select first_no, last_no, changes from public.routing_log where org_id = $1 order by last_no",
    )
    .bind(org_id)
    .fetch_all(owner)
    .await
    .unwrap();
    let capacities: Vec<(Uuid, i32)> =
        sqlx::query_as("select id, capacity from public.agent_profiles where org_id = $1")
            .bind(org_id)
            .fetch_all(owner)
            .await
            .unwrap();
    let falling_back: Vec<Uuid> = sqlx::query_scalar(
        "select id from public.agent_pools where org_id = $1 and fallback = 'organisation'",
    )
    .bind(org_id)
    .fetch_all(owner)
    .await
    .unwrap();
    let falling_back: Vec<String> = falling_back.iter().map(Uuid::to_string).collect();
    let missed: HashMap<i64, String> = sqlx::query_as::<_, (i64, String)>(
        "select decision_no, reason::text from public.missed_leads where org_id = $1",
    )
    .bind(org_id)
    .fetch_all(owner)
    .await
    .unwrap()
    .into_iter()
    .collect();
    let mut agents: BTreeMap<String, AgentState> = capacities
        .into_iter()
        .map(|(id, capacity)| {
            (id.to_string(), AgentState { capacity: capacity as usize, ..AgentState::default() })
        })
        .collect();
    let mut turns: HashMap<(String, String), i64> = HashMap::new();
    let mut holder: HashMap<String, String> = HashMap::new();
    let mut ever: HashMap<String, usize> = HashMap::new();
    let mut waiting: BTreeMap<String, Vec<(DateTime<Utc>, String)>> = BTreeMap::new();
    let mut seen = Seen::default();
    let mut next = 1;
    for (first_no, last_no, changes) in log {
        assert_eq!(first_no, next, "the numbers have no gap");
        next = last_no + 1;
        for (no, change) in (first_no..).zip(changes.as_array().unwrap()) {
            let instant = |field: &str| -> DateTime<Utc> { change[field].as_str().unwrap().parse().unwrap() };
            let text =
                |field: &str| change[field].as_str().unwrap_or_else(|| panic!("{no}: {change}")).to_owned();
            match change["do"].as_str().unwrap() {
                "status" => {
                    let agent = agents.get_mut(&text("agent")).unwrap();
                    agent.is_open = matches!(change["status"].as_str(), Some("idle" | "in_simulation"));
                    agent.is_idle = change["status"] == "idle";
                }
                "memberships" => {
                    let ranks = change["memberships"].as_array().unwrap().iter();
                    agents.get_mut(&text("agent")).unwrap().ranks = ranks
                        .map(|pool| {
                            (
                                pool["pool_id"].as_str().unwrap().to_owned(),
                                pool["priority_rank"].as_u64().unwrap(),
                            )
                        })
                        .collect();
                }
                "assign" => {
                    seen.assigned += 1;
                    let (lead, pool, agent) = (text("lead"), text("pool"), text("agent"));
                    assert_eq!(holder.get(&lead), None, "{no}: the lead has an agent already");
                    let chosen = agents[&agent].clone();
                    assert!(chosen.is_available(), "{no}: {agent} cannot take a lead: {chosen:?}");
                    // Whoever else could have taken it, by group: the pool's ranks, else the organisation.
                    let is_fallback = change["fallback"] == true;
                    let rank = chosen.ranks.get(&pool).copied();
                    assert_eq!(
                        rank.filter(|_| !is_fallback),
                        change["rank"].as_u64(),
                        "{no}: of another rank"
                    );
                    let turn =
                        |agent: &str| turns.get(&(pool.clone(), agent.to_owned())).copied().unwrap_or(0);
                    for (other, state) in agents.iter().filter(|(_, state)| state.is_available()) {
                        let other_rank = state.ranks.get(&pool).copied();
                        match (is_fallback, other_rank, rank) {
                            (true, Some(_), _) => {
                                panic!("{no}: fell back though {other} of the pool was free")
                            }
                            (false, Some(better), Some(rank)) if better < rank => {
                                panic!("{no}: rank {rank} though {other} of rank {better} was free")
                            }
                            (false, other_rank, rank) if other_rank != rank => continue,
                            _ => {}
                        }
                        let (theirs, its) = (
                            (state.standing(), turn(other), other),
                            (chosen.standing(), turn(&agent), &agent),
                        );
                        assert!(its <= theirs, "{no}: {agent} {its:?} though {other} {theirs:?} goes first");
                    }
                    assert!(
                        !is_fallback || falling_back.contains(&pool),
                        "{no}: the pool does not fall back"
                    );
                    // Nobody who comes later goes first.
                    let list = waiting.get(&pool).cloned().unwrap_or_default();
                    let arrived = instant("arrived_at");
                    assert!(
                        list.iter().all(|(theirs, _)| *theirs >= arrived),
                        "{no}: somebody has waited longer"
                    );
                    turns.insert((pool, agent.clone()), no);
                    agents.get_mut(&agent).unwrap().leads.push(lead.clone());
                    *ever.entry(lead.clone()).or_default() += 1;
                    holder.insert(lead, agent);
                }
                "release" => {
                    seen.released += 1;
                    let lead = text("lead");
                    let agent = holder.remove(&lead).unwrap_or_else(|| panic!("{no}: nobody had it"));
                    agents.get_mut(&agent).unwrap().leads.retain(|other| *other != lead);
                }
                "wait" => {
                    seen.waited += 1;
                    let pool = text("pool");
                    let is_free =
                        agents.values().any(|agent| agent.is_available() && agent.ranks.contains_key(&pool));
                    assert!(!is_free, "{no}: waits though somebody is free");
                    waiting.entry(pool).or_default().push((instant("arrived_at"), text("lead")));
                }
                "unwait" => {
                    let lead = text("lead");
                    waiting.values_mut().for_each(|list| list.retain(|(_, other)| *other != lead));
                }
                "miss" => {
                    seen.missed += 1;
                    let pool = text("pool");
                    let is_refused = matches!(missed[&no].as_str(), "unavailable" | "waiting_full");
                    let free = agents.values().filter(|agent| agent.is_available());
                    let of_pool = free.clone().any(|agent| agent.ranks.contains_key(&pool));
                    assert!(!(is_refused && of_pool), "{no}: lost though somebody of the pool is free");
                    let falls_back = falling_back.contains(&pool) && free.count() > 0;
                    assert!(
                        !(is_refused && falls_back),
                        "{no}: lost though somebody of the organisation is free"
                    );
                }
                _ => {}
            }
        }
    }
    // What the tables say is what the log comes to.
    let held: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "select id, agent_id from public.leads where org_id = $1 and state in ('assigned', 'in_call')",
    )
    .bind(org_id)
    .fetch_all(owner)
    .await
    .unwrap();
    let held: HashMap<String, String> =
        held.into_iter().map(|(id, agent)| (id.to_string(), agent.to_string())).collect();
    assert_eq!(held, holder);
    let kept: Vec<(Uuid, i64)> =
        sqlx::query_as("select lead_id, count(*) from public.lead_assignments where org_id = $1 group by 1")
            .bind(org_id)
            .fetch_all(owner)
            .await
            .unwrap();
    let kept: HashMap<String, usize> =
        kept.into_iter().map(|(id, times)| (id.to_string(), times as usize)).collect();
    assert_eq!(kept, ever);
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_whose_server_was_killed_is_offline_after_a_grace() {
    let firm = Firm::new().await;
    let url = firm.database.url();
    let (mut first, second) = tokio::join!(Server::start(&url), Server::start(&url));
    let mut tx = firm.db.begin_as(&firm.admin).await.unwrap();
    let agent = pools::save_agent(&mut tx, None, Some(firm.admin_user), "Ada", 5).await.unwrap();
    pools::add_member(&mut tx, firm.pools[0], agent, PriorityRank::PRIMARY).await.unwrap();
    tx.commit().await.unwrap();
    let cookie = firm.sign_in(&second, firm.admin_user).await;
    let stream = TcpStream::connect(first.address).await.unwrap();
    let mut request = format!("ws://{}/api/agent/socket", first.address).into_client_request().unwrap();
    request.headers_mut().insert(COOKIE, cookie.parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    socket.next().await.unwrap().unwrap();
    socket.send(tokio_tungstenite::tungstenite::Message::text(r#"{"do":"heartbeat"}"#)).await.unwrap();
    let ask = async |address| -> LeadStatus {
        let body = json!({ "key": firm.key, "pool_id": firm.pools[0] });
        let answer =
            send(address, Method::POST, "/api/leads", ("accept", "*/*"), Some(body)).await.unwrap().2;
        serde_json::from_value(answer).unwrap()
    };
    let lead = ask(second.address).await;
    assert_eq!(lead.agent.unwrap().display_name, "Ada");

    first.child.kill().await.unwrap();
    let status = "select status::text from public.agent_presence where agent_id = $1";
    let status =
        async || -> String { sqlx::query_scalar(status).bind(agent).fetch_one(firm.owner()).await.unwrap() };
    assert_eq!(status().await, "idle");
    firm.database.set_app_now(Utc::now() + chrono::TimeDelta::seconds(30)).await;
    until(async || status().await == "offline").await;
    // Nobody else is there: the lead goes to the waiting list, and nobody is taken for free.
    let state = "select state::text from public.leads where id = $1";
    let id: Uuid = lead.lead_id.parse().unwrap();
    let state: String = sqlx::query_scalar(state).bind(id).fetch_one(firm.owner()).await.unwrap();
    assert_eq!(state, "waiting");
    assert_eq!(ask(second.address).await.place, Some(2));
}
