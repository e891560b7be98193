//! Lists, Today, timelines and writes of cases over HTTP, on a database of a million judgments that is as durable as the product's.

use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use contract::Role;
use db::demo::{self, CaseworkSize};
use db::{Actor, Database, DbRole, organisations, users};
use serde_json::Value;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::leads::{answer, start, start_or_join};

const SIZE: CaseworkSize = CaseworkSize { judgments: 1_000_000, cases: 200_000, events: 3_000_000 };
/// Requests that a percentile is of.
const REQUESTS: usize = 200;
/// Connections that write at the same time.
const WRITERS: usize = 32;
const WRITES: usize = 10_000;
/// Cases that are asked for: every other one of those in which most happens.
const CASES: i64 = 400;

/// What was measured, a value a run
#[derive(Default, serde::Serialize)]
pub(crate) struct Measured {
    /// Milliseconds within which 95 of a hundred lists were answered, each with another filter or page.
    cases_list: Vec<f64>,
    /// The same, of Today.
    today: Vec<f64>,
    /// The same, of timelines.
    timeline: Vec<f64>,
    /// The same, of `v_enforcement_overview`, read as a member of the organisation.
    overview: Vec<f64>,
    /// Calls of functions a second: events, next actions, payments.
    rpc_writes: Vec<f64>,
}

/// Measures `runs` times after one run that pays for cold caches, all on one database
///
/// In a folder that is `kept` the database stays, filled, for the next time.
pub(crate) fn measure(is_quick: bool, runs: usize, kept: Option<&Path>) -> Result<Measured> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        // PostgreSQL's user must be able to enter it.
        let temporary = tempfile::Builder::new().prefix("dragonfly-bench-").tempdir_in("/tmp")?;
        let home = kept.unwrap_or(temporary.path());
        std::fs::set_permissions(home, Permissions::from_mode(0o711))?;
        let private = start_or_join(home).await?;
        let db = Database::connect(private.connect_options(), 4).await?;
        db::migrate::migrate(&db).await?;
        let (scale, size) = if is_quick { (100, SIZE) } else { (1, SIZE) };
        let size = CaseworkSize {
            judgments: size.judgments / scale,
            cases: size.cases / scale,
            events: size.events / scale,
        };
        let desk = Desk::new(&db, size).await?;
        let (mut server, address) = start(home).await?;

        let mut measured = Measured::default();
        desk.run(address, is_quick, &mut Measured::default()).await?;
        for _ in 0..runs {
            desk.run(address, is_quick, &mut measured).await?;
        }
        server.kill().await?;
        db.close().await;
        private.close().await?;
        Ok(measured)
    })
}

/// An organisation at work, and one of its operators
struct Desk {
    db: Database,
    operator: Actor,
    token: String,
    cases: Vec<Uuid>,
}

impl Desk {
    async fn new(db: &Database, size: CaseworkSize) -> Result<Self> {
        let kept = organisations::find_by_slug(db, "bench").await?;
        let org_id = match kept {
            Some(org_id) => org_id,
            None => organisations::create_organisation(db, "Bench", "bench", "America/New_York").await?,
        };
        let mut tx = db.begin_as(&Actor::service(org_id)).await?;
        let email = "operator@bench.invalid";
        let user_id = match users::find_by_email(&mut tx, email).await? {
            Some(user) => user.user_id,
            None => users::add(&mut tx, org_id, email, "Operator", Role::Operator).await?,
        };
        let token = server::create_api_token(&mut tx, user_id, "bench", Role::Operator, 1).await?.token;
        tx.commit().await?;
        if kept.is_none() {
            demo::load_casework(db, org_id, user_id, size).await?;
        }
        let cases = demo::open_cases(db, org_id, CASES).await?;
        ensure!(!cases.is_empty(), "no case is open");
        let operator = Actor::person(DbRole::EnforcementOperator, org_id, user_id);
        Ok(Self { db: db.clone(), operator, token, cases })
    }

    async fn run(&self, server: SocketAddr, is_quick: bool, measured: &mut Measured) -> Result<()> {
        let requests = if is_quick { REQUESTS / 10 } else { REQUESTS };
        let mut client = Client::connect(server, &self.token).await?;
        let mut lists = Vec::with_capacity(requests);
        let filters = [
            "",
            "&tier=3,2",
            "&past_due=true",
            "&stage=asset_discovery",
            "&owner=me",
            "&sort=-balance",
            "&blocked=true",
            "&sla_breach=true",
            "&search=B-7712",
            "&search=debtor%207712",
        ];
        let mut next: Option<String> = None;
        for number in 0..requests {
            // Every other request goes on where the one before has ended, as who scrolls does.
            let filter = filters[number / 2 % filters.len()];
            let cursor = next.take().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let (milliseconds, page) = client.get(&format!("/api/cases?limit=100{filter}{cursor}")).await?;
            ensure!(page["rows"].is_array(), "no list: {page}");
            if number % 2 == 0 {
                next = page["next_cursor"].as_str().map(escaped);
            }
            lists.push(milliseconds);
        }
        measured.cases_list.push(p95(lists));
        let mut todays = Vec::with_capacity(requests);
        for _ in 0..requests {
            todays.push(client.get("/api/today").await?.0);
        }
        measured.today.push(p95(todays));
        let mut timelines = Vec::with_capacity(requests);
        for case in self.cases.iter().cycle().take(requests) {
            timelines.push(client.get(&format!("/api/cases/{case}/timeline")).await?.0);
        }
        measured.timeline.push(p95(timelines));
        let mut overviews = Vec::with_capacity(requests / 10);
        for _ in 0..requests / 10 {
            let begun = Instant::now();
            let mut tx = self.db.begin_as(&self.operator).await?;
            ensure!(demo::read_overview(&mut tx).await? > 0, "the overview is empty");
            overviews.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        measured.overview.push(p95(overviews));
        measured.rpc_writes.push(self.write(server, if is_quick { WRITES / 20 } else { WRITES }).await?);
        Ok(())
    }

    /// Calls functions over connections of their own, at the same time; answers how many a second
    async fn write(&self, server: SocketAddr, writes: usize) -> Result<f64> {
        let before = demo::count_requests(&self.db).await?;
        let left = Arc::new(AtomicUsize::new(writes));
        let begun = Instant::now();
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                // Each has cases of its own, as people have.
                let cases: Vec<Uuid> = self.cases.iter().copied().skip(number).step_by(WRITERS).collect();
                tokio::spawn(writer(server, self.token.clone(), cases, left.clone()))
            })
            .collect();
        for writer in writers {
            writer.await??;
        }
        let seconds = begun.elapsed().as_secs_f64();
        // What was answered is there, once each.
        let written = demo::count_requests(&self.db).await? - before;
        ensure!(usize::try_from(written) == Ok(writes), "{written} of {writes} calls are kept");
        Ok(writes as f64 / seconds)
    }
}

async fn writer(server: SocketAddr, token: String, cases: Vec<Uuid>, left: Arc<AtomicUsize>) -> Result<()> {
    let mut client = Client::connect(server, &token).await?;
    let mut number = 0;
    let is_one_left =
        || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
    while !cases.is_empty() && is_one_left() {
        let case = cases[number % cases.len()];
        let (name, fields) = match number % 4 {
            0 | 1 => ("log_enforcement_event", r#""event_kind":"note","note":"called""#),
            2 => ("set_next_action", r#""next_action_at":"2099-01-01""#),
            _ => ("record_enforcement_payment", r#""amount":"0.01","source":"bench""#),
        };
        client.post(&format!("/rpc/{name}"), &format!(r#"{{"case_id":"{case}",{fields}}}"#)).await?;
        number += 1;
    }
    Ok(())
}

struct Client {
    server: SocketAddr,
    token: String,
    stream: BufReader<TcpStream>,
}

impl Client {
    async fn connect(server: SocketAddr, token: &str) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self { server, token: token.to_owned(), stream: BufReader::new(stream) })
    }

    /// The milliseconds that an answer takes, and the answer
    async fn get(&mut self, path: &str) -> Result<(f64, Value)> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
            self.server, self.token
        );
        let begun = Instant::now();
        let (status, body) = self.send(&request).await?;
        let milliseconds = begun.elapsed().as_secs_f64() * 1000.0;
        ensure!(status == 200, "{path}: {status} {body}");
        Ok((milliseconds, serde_json::from_str(&body).with_context(|| path.to_owned())?))
    }

    async fn post(&mut self, path: &str, body: &str) -> Result<()> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Idempotency-Key: {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.server,
            self.token,
            Uuid::new_v4(),
            body.len()
        );
        let (status, answer) = self.send(&request).await?;
        ensure!(status == 200, "{path}: {status} {answer}");
        Ok(())
    }

    async fn send(&mut self, request: &str) -> Result<(u16, String)> {
        self.stream.get_mut().write_all(request.as_bytes()).await?;
        answer(&mut self.stream).await
    }
}

fn p95(mut milliseconds: Vec<f64>) -> f64 {
    milliseconds.sort_by(f64::total_cmp);
    milliseconds.get(milliseconds.len() * 95 / 100).copied().unwrap_or(f64::NAN)
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
