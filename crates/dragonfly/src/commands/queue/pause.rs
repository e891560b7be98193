//! `dragonfly queue pause` and `resume`

use std::io::Write;
use std::process::ExitCode;

use db::queue;
use serde::Serialize;

use crate::failure::Outcome;
use crate::output;
use crate::settings::Settings;
use crate::store::with_store;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The kind, by the name that `queue stats` shows
    #[arg(value_name = "KIND")]
    kind: String,

    /// Print {"kind": …, "is_paused": …}
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  dragonfly queue pause outreach
  dragonfly queue resume outreach

All organisations of the database share the queues, so that this holds for all of them. What is queued
meanwhile waits. Exit code 1 where there is no such kind.";

#[derive(Serialize)]
struct Paused<'a> {
    kind: &'a str,
    is_paused: bool,
}

pub(crate) fn run(settings: &Settings, arguments: &Arguments, is_paused: bool) -> Outcome {
    with_store(settings, async |store| {
        let kind = arguments.kind.as_str();
        let mut tx = store.begin().await?;
        queue::pause(&mut tx, kind, is_paused).await?;
        tx.commit().await?;
        let mut out = output::stdout();
        if arguments.json {
            output::json(&mut out, &Paused { kind, is_paused })?;
        } else {
            writeln!(out, "{kind} {}", if is_paused { "paused" } else { "resumed" })?;
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    })
}
