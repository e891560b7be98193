//! Durable assignments over HTTP on the loopback: one server or two, processes of their own, on a private PostgreSQL that is as
//! durable as the product's.

use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use db::demo::{self, DemoAgent, DemoPool};
use db::private::{Launcher, Private};
use db::{Actor, Database, organisations};
use policy::routing::{AgentStatus, Fallback, PriorityRank};
use server::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// The program's name for itself as a server: `bench leads-server DIR`
pub(crate) const SERVER: &str = "leads-server";
/// Connections that ask at the same time, each for one lead after the other.
const CLIENTS: usize = 32;
/// In three ranks.
const AGENTS: u8 = 48;
/// Slots of each agent: enough for all leads of a run.
const CAPACITY: u32 = 1_000;
const LEADS: usize = 20_000;
const CONNECTIONS_MAX: u32 = 24;

/// What is measured, with so many server processes
#[derive(Clone, Copy)]
pub(crate) enum Measured {
    /// Assignments a second.
    Rate { servers: usize },
    /// Milliseconds within which 99 of a hundred leads were answered.
    P99 { servers: usize },
}

/// Serves on the private PostgreSQL of `home` until it is killed, and prints its address
pub(crate) fn serve(home: &Path) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let private = start_or_join(home).await?;
        let db = Database::connect(private.connect_options(), CONNECTIONS_MAX).await?;
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = ServerConfig { listen, leads_per_minute: u32::MAX, ..ServerConfig::default() };
        let listener = config.bind(&db).await?;
        println!("{}", listener.local_addr()?);
        server::serve(config, db, listener, std::future::pending()).await?;
        Ok(())
    })
}

pub(crate) async fn start_or_join(home: &Path) -> Result<Private> {
    let search_path = std::env::var_os("PATH").unwrap_or_default();
    Ok(Launcher::new(home.join("db"), search_path).start_or_join().await?)
}

/// Measures `runs` times after one run that pays for cold caches; each run has an organisation of its own
pub(crate) fn measure(measured: Measured, is_quick: bool, runs: usize) -> Result<Vec<f64>> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        // PostgreSQL's user must be able to enter it.
        let home = tempfile::Builder::new().prefix("dragonfly-bench-").tempdir_in("/tmp")?;
        std::fs::set_permissions(home.path(), Permissions::from_mode(0o711))?;
        let private = start_or_join(home.path()).await?;
        let db = Database::connect(private.connect_options(), 4).await?;
        db::migrate::migrate(&db).await?;
        let (Measured::Rate { servers } | Measured::P99 { servers }) = measured;
        let mut started = Vec::new();
        for _ in 0..servers {
            started.push(start(home.path()).await?);
        }
        let addresses: Vec<SocketAddr> = started.iter().map(|(_, address)| *address).collect();
        let leads = if is_quick { LEADS / 10 } else { LEADS };
        run(&db, &addresses, "warm-up", leads / 10).await?;
        let mut values = Vec::with_capacity(runs);
        for number in 0..runs {
            let (seconds, mut waits) = run(&db, &addresses, &format!("run-{number}"), leads).await?;
            waits.sort_by(f64::total_cmp);
            values.push(match measured {
                Measured::Rate { .. } => leads as f64 / seconds,
                Measured::P99 { .. } => waits[waits.len() * 99 / 100],
            });
        }
        for (mut server, _) in started {
            server.kill().await?;
        }
        db.close().await;
        private.close().await?;
        Ok(values)
    })
}

/// A server as a process of its own, and where it listens
pub(crate) async fn start(home: &Path) -> Result<(Child, SocketAddr)> {
    let mut server = Command::new(std::env::current_exe()?)
        .args([SERVER.as_ref(), home.as_os_str()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let output = server.stdout.take().context("the server prints nothing")?;
    let line = BufReader::new(output).lines().next_line().await?;
    Ok((server, line.context("the server has ended")?.parse()?))
}

/// Sends `leads` to the servers by turns; answers the seconds that all took and the milliseconds that each did
async fn run(db: &Database, servers: &[SocketAddr], name: &str, leads: usize) -> Result<(f64, Vec<f64>)> {
    let org_id = organisations::create_organisation(db, name, name, "America/New_York").await?;
    let agents: Vec<DemoAgent> = (0..AGENTS)
        .map(|number| DemoAgent {
            name: format!("Agent {number}"),
            user_id: None,
            capacity: CAPACITY,
            memberships: vec![(0, PriorityRank::new(1 + number % 3).unwrap_or_default())],
        })
        .collect();
    let pools = [DemoPool { name: "Sales", fallback: Fallback::None, waiting: None }];
    let mut tx = db.begin_as(&Actor::service(org_id)).await?;
    let loaded = demo::load_pools(&mut tx, &pools, &agents).await?;
    let statuses: Vec<_> = loaded.agents.iter().map(|agent| (*agent, AgentStatus::Idle)).collect();
    demo::load_statuses(&mut tx, org_id, &statuses).await?;
    tx.commit().await?;

    let body = format!(
        r#"{{"key":"{}","pool_id":"{}","page_url":"https://www.example.com/pricing"}}"#,
        loaded.key, loaded.pools[0]
    );
    let left = Arc::new(AtomicUsize::new(leads));
    let begun = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| tokio::spawn(client(servers[number % servers.len()], body.clone(), left.clone())))
        .collect();
    let mut waits = Vec::with_capacity(leads);
    for client in clients {
        waits.extend(client.await??);
    }
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(waits.len() == leads, "{} of {leads} leads were answered", waits.len());
    // What was answered is there, once each.
    let assigned = demo::count_assignments(db, org_id).await?;
    ensure!(usize::try_from(assigned) == Ok(leads), "{assigned} of {leads} leads were assigned");
    Ok((seconds, waits))
}

/// Asks over one connection for one lead after the other, until enough have been asked for
async fn client(server: SocketAddr, body: String, left: Arc<AtomicUsize>) -> Result<Vec<f64>> {
    let request = format!(
        "POST /api/leads HTTP/1.1\r\nHost: {server}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = BufReader::new(TcpStream::connect(server).await?);
    stream.get_ref().set_nodelay(true)?;
    let mut waits = Vec::new();
    let is_one_left =
        || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
    while is_one_left() {
        let begun = Instant::now();
        stream.get_mut().write_all(request.as_bytes()).await?;
        let (_, answer) = answer(&mut stream).await?;
        waits.push(begun.elapsed().as_secs_f64() * 1000.0);
        ensure!(answer.contains(r#""status":"assigned""#), "not assigned: {answer}");
    }
    Ok(waits)
}

/// The status and the body of the next answer, which says its length
pub(crate) async fn answer(stream: &mut BufReader<TcpStream>) -> Result<(u16, String)> {
    let mut length = 0;
    let mut status = 0;
    loop {
        let mut line = String::new();
        ensure!(stream.read_line(&mut line).await? > 0, "the server has closed the connection");
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(code) = line.strip_prefix("http/1.1 ") {
            status = code.split(' ').next().unwrap_or_default().parse()?;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok((status, String::from_utf8(body)?))
}
