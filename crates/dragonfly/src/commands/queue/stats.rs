//! `dragonfly queue stats`

use std::io::Write;
use std::process::ExitCode;

use db::queue;

use crate::failure::Outcome;
use crate::output;
use crate::settings::Settings;
use crate::store::with_store;

/// Depth, age and failures of each queue
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Print a JSON array, one object a kind
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = r#"Examples:
  dragonfly queue stats
  dragonfly queue stats --json | jq '.[] | select(.dead_letters > 0)'

JSON: [{"kind", "description", "depth", "in_flight", "oldest_seconds", "dead_letters", "done_today",
"is_paused", "worker_seen_at"}], the counts those of the organisation. Depth is what is queued and not
done, in flight what a worker holds now."#;

pub(crate) fn run(settings: &Settings, arguments: &Arguments) -> Outcome {
    with_store(settings, async |store| {
        let mut tx = store.begin().await?;
        let stats = queue::stats(&mut tx).await?;
        let mut out = output::stdout();
        if arguments.json {
            output::json(&mut out, &stats)?;
        } else {
            let mut rows =
                vec![["kind", "depth", "in flight", "oldest", "dead", "done today", ""].map(str::to_owned)];
            rows.extend(stats.into_iter().map(|queue| {
                [
                    queue.kind,
                    output::grouped(queue.depth),
                    output::grouped(queue.in_flight),
                    queue
                        .oldest_seconds
                        .map_or("–".to_owned(), |seconds| format!("{} s", output::grouped(seconds))),
                    output::grouped(queue.dead_letters),
                    output::grouped(queue.done_today),
                    if queue.is_paused { "paused".to_owned() } else { String::new() },
                ]
            }));
            output::table(&mut out, &[1, 2, 3, 4, 5], &rows)?;
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    })
}
