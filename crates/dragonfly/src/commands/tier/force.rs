//! `dragonfly tier force`

use std::io::Write;
use std::process::ExitCode;

use contract::Queued;
use db::{judgments, lookup, queue};

use crate::failure::{Failure, Outcome};
use crate::output;
use crate::settings::Settings;
use crate::store::with_store;

/// Queue one judgment for tiering now
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Its id, or its case number with or without punctuation
    #[arg(value_name = "JUDGMENT")]
    judgment: String,

    /// Print {"msg_id": …}
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  dragonfly tier force QSC-2017-100001
  dragonfly tier force 0198c1d2-7b1e-7c3a-9d4e-5f6a7b8c9d0e

A judgment that is queued so already answers the message that waits. Exit code 1 where there is no
such judgment, where several courts have the case number, and where the judgment is closed.";

pub(crate) fn run(settings: &Settings, arguments: &Arguments) -> Outcome {
    with_store(settings, async |store| {
        let mut tx = store.begin().await?;
        let found = lookup::judgments(&mut tx, &arguments.judgment).await?;
        let judgment = match found.as_slice() {
            [judgment] => judgment,
            [] => return Err(Failure::refused(format!("there is no judgment `{}`", arguments.judgment))),
            several => {
                let mut message = format!(
                    "several judgments have the case number `{}`; name one by its id:",
                    arguments.judgment
                );
                for judgment in several {
                    message.push_str(&format!(
                        "\n  {}  {}",
                        judgment.id,
                        judgment.court.as_deref().unwrap_or("–")
                    ));
                }
                return Err(Failure::refused(message));
            }
        };
        if judgments::is_closed(&judgment.status) {
            return Err(Failure::refused(format!(
                "the judgment is {}; closed judgments are not tiered",
                judgment.status
            )));
        }
        let msg_id =
            queue::enqueue_tier_assignment(&mut tx, judgment.id, &format!("tier:manual:{}", judgment.id))
                .await?;
        tx.commit().await?;
        let mut out = output::stdout();
        if arguments.json {
            output::json(&mut out, &Queued { msg_id })?;
        } else {
            writeln!(out, "{} is queued as message {msg_id}", judgment.judgment.case_number)?;
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    })
}
