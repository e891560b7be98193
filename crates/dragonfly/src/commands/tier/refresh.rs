//! `dragonfly tier refresh`

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use contract::RefreshState;

use crate::failure::{Failure, Outcome};
use crate::output;
use crate::settings::Settings;
use crate::store::with_store;

/// Tier every active judgment anew by the published policy, set by set
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Print the finished run as one JSON object
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  dragonfly tier refresh
  dragonfly tier refresh --json | jq .done

A refresh that runs already is joined. One that is interrupted goes on where it was, with the next
refresh or a worker. Exit code 1 where it failed, or was overtaken by a newer policy.";

pub(crate) fn run(settings: &Settings, arguments: &Arguments) -> Outcome {
    with_store(settings, async |store| {
        let shows_progress = std::io::stderr().is_terminal();
        let refresh = worker::refresh::refresh_now(&store.db, store.org_id, |refresh| {
            if shows_progress {
                let (done, total) = (output::grouped(refresh.run.done), output::grouped(refresh.run.total));
                // Progress is a courtesy: nothing depends on it.
                let _ = write!(std::io::stderr(), "\r{done} of {total} judgments\x1b[K");
            }
        })
        .await?;
        if shows_progress {
            let _ = writeln!(std::io::stderr());
        }
        let run = refresh.run;
        let mut out = output::stdout();
        if arguments.json {
            output::json(&mut out, &run)?;
        } else if run.state == RefreshState::Done {
            writeln!(
                out,
                "{} judgments tiered by policy revision {}",
                output::grouped(run.done),
                run.policy_revision
            )?;
        }
        out.flush()?;
        match run.error {
            Some(error) => Err(Failure::refused(format!("the refresh did not end well: {error}"))),
            None => Ok(ExitCode::SUCCESS),
        }
    })
}
