//! `dragonfly queue dead`

use std::io::Write;
use std::process::ExitCode;

use db::queue;

use crate::failure::Outcome;
use crate::output;
use crate::settings::Settings;
use crate::store::with_store;

/// Jobs that nobody will try again by themselves, newest first, with what went wrong
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Only of this kind
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,

    /// Print a JSON array, one object a dead letter
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = r#"Examples:
  dragonfly queue dead
  dragonfly queue dead --json | jq -r '.[].id' | head -1 | xargs dragonfly queue retry

JSON: [{"id", "kind", "msg_id", "idempotency_key", "reason", "message", "enqueued_at", "dead_at",
"attempts": [{"attempt", "at", "worker", "error"}]}]. At most 500 are shown."#;

pub(crate) fn run(settings: &Settings, arguments: &Arguments) -> Outcome {
    with_store(settings, async |store| {
        let mut tx = store.begin().await?;
        let letters = queue::dead_letters(&mut tx, arguments.kind.as_deref()).await?;
        let mut out = output::stdout();
        if arguments.json {
            output::json(&mut out, &letters)?;
        } else if letters.is_empty() {
            writeln!(out, "no dead letters")?;
        } else {
            for letter in letters {
                writeln!(
                    out,
                    "{}  {}  message {}  since {}",
                    letter.id, letter.kind, letter.msg_id, letter.dead_at
                )?;
                writeln!(out, "  {}", letter.reason)?;
                for attempt in letter.attempts {
                    writeln!(
                        out,
                        "  attempt {} at {} by {}: {}",
                        attempt.attempt, attempt.at, attempt.worker, attempt.error
                    )?;
                }
            }
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    })
}
