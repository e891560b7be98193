//! `dragonfly serve`

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use db::lookup;
use server::ServerConfig;
use worker::{Options, Worker, stop_channel};

use crate::failure::{Failure, Outcome};
use crate::settings::Settings;
use crate::shutdown::Signals;
use crate::store::{self, Store};
use crate::{demo, demo_pools, logging, output};

/// Serve the API and the console, and work the queue, until Ctrl-C
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Address to listen on; other than loopback only once an admin has a password
    /// [default: 127.0.0.1:8080] [env: DRAGONFLY_LISTEN]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,

    /// Port to listen on, on the loopback address
    #[arg(long, value_name = "PORT", conflicts_with = "listen")]
    port: Option<u16>,

    /// A proxy in front speaks TLS with the browsers [env: DRAGONFLY_BEHIND_TLS_PROXY]
    #[arg(long)]
    behind_tls_proxy: bool,

    /// Leads that one address may send a minute [default: 60] [env: DRAGONFLY_LEADS_PER_MINUTE]
    #[arg(long, value_name = "NUMBER")]
    leads_per_minute: Option<u32>,

    /// Load a demonstration portfolio where the organisation has no judgments yet
    #[arg(long)]
    demo: bool,

    /// Leave the queue to `dragonfly worker` processes
    #[arg(long)]
    no_worker: bool,
}

const EXAMPLES: &str = "\
Examples:
  dragonfly serve --demo
  dragonfly serve --listen 127.0.0.1:9000 --data-dir /srv/dragonfly
  DATABASE_URL=postgres://… dragonfly serve --no-worker

Prints the address, and until an admin has set a password a link that signs the first admin in:
  Dragonfly serves on http://127.0.0.1:8080
  Sign in: http://127.0.0.1:8080/welcome#token=…
The link works once, for 24 hours; every start makes a new one. Exit code 0 after Ctrl-C or SIGTERM.";

const DEMO_JUDGMENTS: u32 = 20_000;
const DEMO_SEED: u64 = 1;
const CONNECTIONS_MAX: u32 = 24;

pub(crate) fn run(settings: Settings, arguments: Arguments) -> Outcome {
    // What every single job logs is for `dragonfly worker`; a console's terminal would drown in it.
    logging::init("info,worker::jobs=warn,sqlx::query=off");
    store::runtime()?.block_on(async {
        let mut signals = Signals::listen()?;
        let store = tokio::select! {
            store = Store::open(&settings, CONNECTIONS_MAX) => store?,
            () = signals.received() => return Ok(ExitCode::SUCCESS),
        };
        let served = serve(&settings, &arguments, &store, signals).await;
        store.close().await;
        served.map(|()| ExitCode::SUCCESS)
    })
}

async fn serve(
    settings: &Settings,
    arguments: &Arguments,
    store: &Store,
    mut signals: Signals,
) -> Result<(), Failure> {
    let supervision =
        store.private.clone().map(|private| tokio::spawn(async move { private.supervise().await }));
    let port = arguments.port.map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let config = ServerConfig {
        listen: arguments.listen.or(port).unwrap_or(settings.listen),
        behind_tls_proxy: arguments.behind_tls_proxy || settings.behind_tls_proxy,
        leads_per_minute: arguments.leads_per_minute.unwrap_or(settings.leads_per_minute),
        documents: settings.documents.clone(),
    };
    // Before anything slow, so that a port that is taken shows at once.
    let listener = config.bind(&store.db).await?;
    let url = format!("http://{}", listener.local_addr()?);

    if arguments.demo {
        tokio::select! {
            loaded = load_demo(store) => loaded?,
            () = signals.received() => return Ok(()),
        }
    }
    let link = server::first_admin_link(&store.db, &url).await?;
    // Behind the first admin, who is made an agent too.
    if arguments.demo && demo_pools::load(store, DEMO_SEED).await? {
        tracing::info!("demonstration_pools_loaded");
    }
    announce(&url, link.as_deref())?;

    let (stopper, stop) = stop_channel();
    let worker = (!arguments.no_worker).then(|| {
        let options = Options {
            poll_interval: settings.poll_interval,
            mailer: settings.mailer.clone(),
            chat_model: settings.chat_model.clone(),
            ..Options::new(super::worker::name())
        };
        let worker = Worker::new(store.db.clone(), options);
        tokio::spawn(async move { worker.run(stop).await })
    });
    let served =
        server::serve(config, store.db.clone(), listener, async move { signals.received().await }).await;
    stopper.stop();
    if let Some(worker) = worker {
        worker.await?;
    }
    if let Some(supervision) = supervision {
        supervision.abort();
    }
    Ok(served?)
}

async fn load_demo(store: &Store) -> Result<(), Failure> {
    let mut tx = store.begin().await?;
    let has_judgments = lookup::has_judgments(&mut tx).await?;
    drop(tx);
    if !has_judgments {
        demo::load(store, DEMO_JUDGMENTS, DEMO_SEED).await?;
        worker::refresh::refresh_now(&store.db, store.org_id, |_| ()).await?;
        tracing::info!(judgments = DEMO_JUDGMENTS, "demonstration_portfolio_loaded");
    }
    Ok(())
}

fn announce(url: &str, link: Option<&str>) -> std::io::Result<()> {
    let mut out = output::stdout();
    writeln!(out, "Dragonfly serves on {url}")?;
    if let Some(link) = link {
        writeln!(out, "Sign in: {link}")?;
    }
    out.flush()
}
