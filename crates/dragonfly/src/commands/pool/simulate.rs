//! `dragonfly pool simulate`

use std::io::Write;
use std::process::ExitCode;

use policy::simulation::{Outcome as Simulated, Scenario, simulate};

use crate::failure::{Failure, Outcome};
use crate::output;

/// Simulate a pool: shares, occupancies, losses and waits by priority rank, without a database
///
/// Reads a scenario as one JSON object from standard input.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Write the figures as one JSON object, instead of a table for people
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = r#"Examples:
  dragonfly pool simulate < scenario.json
  dragonfly pool simulate --json <<'END'
  {"groups": [{"rank": 1, "agents": 5, "slots": 1}, {"rank": 2, "agents": 3, "slots": 1}],
   "arrivals_per_unit": 4.0, "handling": {"kind": "exponential", "mean": 1.0},
   "waiting": false, "arrivals": 1000000, "seed": 1}
  END

Handling is exponential, constant, hyperexponential or lognormal; the last two take "scv", the
squared coefficient of variation (4 and 1 when missing). A group's own "mean" makes it slower or
faster. More that a scenario may have:
  "members": [{"agent_id", "priority_rank", "slots", "mean"}]   instead of groups
  "arrivals_by_hour": [rates]        instead of arrivals_per_unit; the unit is then the hour
  "patience": {"kind", "mean"}       how long visitors wait, with "waiting": true
  "service_level_within": 0.5        what the service level counts
  "away": [{"ranks", "agents", "from", "until"}], "reassign": true

Each figure has its interval of 99.9 % and, where a formula is known (Erlang B and C, groups in
overflow with equal handling times), its exact value; what does not apply is null. The same
scenario gives the same figures on every machine."#;

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let scenario = Scenario::from_json(&super::input()?).map_err(Failure::refused)?;
    let outcome = simulate(&scenario);
    let mut out = output::stdout();
    if arguments.json {
        output::json(&mut out, &outcome)?;
    } else {
        output::table(&mut out, &[1, 2, 3, 4], &rows(&outcome))?;
        let arrivals = output::grouped(outcome.arrivals);
        writeln!(out, "{arrivals} visitors at {:.3} erlangs; intervals of 99.9 %", outcome.offered_load)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn rows(outcome: &Simulated) -> Vec<[String; 5]> {
    let mut rows = vec![["figure", "simulated", "from", "to", "exact"].map(str::to_owned)];
    let mut add = |name: String, value: f64, [from, to]: [f64; 2], exact: Option<f64>| {
        let shown = |value: f64| format!("{value:.6}");
        rows.push([name, shown(value), shown(from), shown(to), exact.map_or("–".to_owned(), shown)]);
    };
    for group in &outcome.groups {
        let rank = group.rank;
        add(format!("rank {rank}: share"), group.share, group.share_interval, group.share_exact);
        add(
            format!("rank {rank}: occupancy"),
            group.occupancy,
            group.occupancy_interval,
            group.occupancy_exact,
        );
        add(format!("rank {rank}: overflow"), group.overflow, group.overflow_interval, group.overflow_exact);
        add(format!("rank {rank}: fairness"), group.fairness, group.fairness_interval, None);
    }
    add("lost".to_owned(), outcome.lost, outcome.lost_interval, outcome.lost_exact);
    if let Some((p_wait, interval)) = outcome.p_wait.zip(outcome.p_wait_interval) {
        add("has to wait".to_owned(), p_wait, interval, outcome.p_wait_exact);
    }
    if let Some((mean_wait, interval)) = outcome.mean_wait.zip(outcome.mean_wait_interval) {
        add("mean wait".to_owned(), mean_wait, interval, outcome.mean_wait_exact);
    }
    let level = outcome.service_level_interval;
    add("service level".to_owned(), outcome.service_level, level, outcome.service_level_exact);
    rows
}
