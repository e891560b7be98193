//! `dragonfly worker`

use std::io::Write;
use std::process::ExitCode;

use worker::{Options, Worker, stop_channel};

use crate::failure::{Failure, Outcome};
use crate::settings::{self, Settings};
use crate::shutdown::Signals;
use crate::store::{self, Store};
use crate::{logging, output};

/// Work the queue, until Ctrl-C
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Take one job, if there is one, and end
    #[arg(long)]
    once: bool,

    /// Take jobs until none can be read, and end
    #[arg(long, conflicts_with = "once")]
    drain: bool,

    /// Log more
    #[arg(long)]
    verbose: bool,

    /// Look at the queue this often even where nothing calls for it
    /// [default: 10] [env: DRAGONFLY_POLL_INTERVAL]
    #[arg(long, value_name = "SECONDS")]
    poll_interval: Option<f64>,
}

const EXAMPLES: &str = "\
Examples:
  dragonfly worker
  dragonfly worker --once --verbose
  dragonfly --env prod worker --poll-interval 60

Any number of workers may run against one database. Besides jobs, a worker runs refreshes and keeps
the nightly schedule. What it does is logged on standard error:
  … INFO tier_assignment_start kind=tier_assignment msg_id=1 judgment_id=…
A failed job is tried again after a while, and in the end goes to the dead letters with its history
(`dragonfly queue dead`). Exit code 0 after Ctrl-C or SIGTERM, when what was in hand is finished.";

const CONNECTIONS_MAX: u32 = 8;

/// A name that no other worker has
pub(crate) fn name() -> String {
    format!("{}:{}", rustix::system::uname().nodename().to_string_lossy(), std::process::id())
}

pub(crate) fn run(settings: Settings, arguments: Arguments) -> Outcome {
    logging::init(if arguments.verbose { "info,worker=debug,db=debug" } else { "info,sqlx::query=off" });
    let poll_interval = match arguments.poll_interval {
        Some(seconds) => settings::poll_interval(seconds).map_err(Failure::Usage)?,
        None => settings.poll_interval,
    };
    store::runtime()?.block_on(async {
        let mut signals = Signals::listen()?;
        let store = tokio::select! {
            store = Store::open(&settings, CONNECTIONS_MAX) => store?,
            () = signals.received() => return Ok(ExitCode::SUCCESS),
        };
        let supervision =
            store.private.clone().map(|private| tokio::spawn(async move { private.supervise().await }));
        let worker = Worker::new(
            store.db.clone(),
            Options {
                poll_interval,
                mailer: settings.mailer.clone(),
                chat_model: settings.chat_model.clone(),
                ..Options::new(name())
            },
        );
        let done = if arguments.once || arguments.drain {
            tokio::select! {
                done = take(&worker, arguments.once) => done,
                // Nothing is lost: what was not committed is read again.
                () = signals.received() => Ok(()),
            }
        } else {
            let (stopper, stop) = stop_channel();
            let running = tokio::spawn(async move { worker.run(stop).await });
            signals.received().await;
            stopper.stop();
            running.await.map_err(Failure::from)
        };
        if let Some(supervision) = supervision {
            supervision.abort();
        }
        store.close().await;
        done.map(|()| ExitCode::SUCCESS)
    })
}

async fn take(worker: &Worker, is_once: bool) -> Result<(), Failure> {
    let jobs = if is_once { u64::from(worker.once().await?) } else { worker.drain().await? };
    let mut out = output::stdout();
    match jobs {
        0 => writeln!(out, "nothing to do")?,
        1 => writeln!(out, "1 job done")?,
        jobs => writeln!(out, "{} jobs done", output::grouped(jobs))?,
    }
    Ok(out.flush()?)
}
