//! `dragonfly queue retry`

use std::io::Write;
use std::process::ExitCode;

use db::queue;
use serde::Serialize;
use uuid::Uuid;

use crate::failure::{Failure, Outcome};
use crate::output;
use crate::settings::Settings;
use crate::store::with_store;

/// Queue dead letters again, under their old keys
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The dead letter, by the id that `queue dead` shows
    #[arg(value_name = "ID", required_unless_present = "all")]
    id: Option<Uuid>,

    /// Every dead letter of the organisation
    #[arg(long, conflicts_with = "id")]
    all: bool,

    /// Print {"retried": n}
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  dragonfly queue retry 3b1f0b0e-5b0c-4f5e-8a49-3a5c1f6f7f10
  dragonfly queue retry --all

Exit code 1 where there is no such dead letter, or it was retried or discarded already.";

#[derive(Serialize)]
struct Retried {
    retried: u64,
}

pub(crate) fn run(settings: &Settings, arguments: &Arguments) -> Outcome {
    with_store(settings, async |store| {
        let mut retried = 0;
        let mut tx = store.begin().await?;
        match arguments.id {
            Some(id) => {
                queue::retry_dead_letter(&mut tx, id).await?;
                retried = 1;
            }
            // They are shown by the hundred.
            None => loop {
                let letters = queue::dead_letters(&mut tx, None).await?;
                if letters.is_empty() {
                    break;
                }
                for letter in letters {
                    let id = Uuid::try_parse(&letter.id).map_err(Failure::from)?;
                    queue::retry_dead_letter(&mut tx, id).await?;
                    retried += 1;
                }
            },
        }
        tx.commit().await?;
        let mut out = output::stdout();
        if arguments.json {
            output::json(&mut out, &Retried { retried })?;
        } else {
            writeln!(out, "{} queued again", output::grouped(retried))?;
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    })
}
