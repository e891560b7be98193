//! Native measurements of `cargo xtask bench`, one function each
//!
//! `bench NAME --runs N` prints a JSON array with one number a run.

mod cases;
mod leads;
mod portfolio;
mod queue;
mod routing;

use anyhow::{Context, Result};
use clap::Parser;
use policy::portfolio::{Portfolio, TierMigration};
use policy::tier::{JudgmentFacts, TierPolicy};
use portfolio::portfolio;
use queue::Measured;
use routing::Floor;
use std::hint::black_box;
use std::time::Instant;

/// Run one measurement and print its values as a JSON array
#[derive(Parser)]
struct Arguments {
    /// evaluate_native, evaluate_explained_native, compare_1m_native, queue_100k, refresh_100k, route_native_AGENTS, leads_per_second
    /// or leads_p99, the last two also with `_two` for two servers; casework prints an object of such arrays
    name: String,

    /// Of a server that a measurement starts: where its database is; of casework: the folder in which its database is kept for the next time
    home: Option<std::path::PathBuf>,

    #[arg(long, default_value_t = 9)]
    runs: usize,

    /// A hundredth of the judgments
    #[arg(long)]
    quick: bool,
}

fn main() -> Result<()> {
    let Arguments { name, home, runs, quick } = Arguments::parse();
    let of_leads = match name.as_str() {
        leads::SERVER => return leads::serve(&home.context("a server takes the folder of its database")?),
        "leads_per_second" => Some(leads::Measured::Rate { servers: 1 }),
        "leads_per_second_two" => Some(leads::Measured::Rate { servers: 2 }),
        "leads_p99" => Some(leads::Measured::P99 { servers: 1 }),
        "leads_p99_two" => Some(leads::Measured::P99 { servers: 2 }),
        _ => None,
    };
    if let Some(measured) = of_leads {
        println!("{}", serde_json::to_string(&leads::measure(measured, quick, runs)?)?);
        return Ok(());
    }
    if name == "casework" {
        println!("{}", serde_json::to_string(&cases::measure(quick, runs, home.as_deref())?)?);
        return Ok(());
    }
    let of_database = match name.as_str() {
        "queue_100k" => Some(Measured::Queue),
        "refresh_100k" => Some(Measured::Refresh),
        _ => None,
    };
    if let Some(measured) = of_database {
        let values = queue::measure(measured, &portfolio(if quick { 1_000 } else { 100_000 })?, runs)?;
        println!("{}", serde_json::to_string(&values)?);
        return Ok(());
    }
    if let Some(agents) = name.strip_prefix("route_native_") {
        let mut floor = Floor::new(agents.parse()?, if quick { 100_000 } else { 1_000_000 })?;
        // The first run also pays for cold caches.
        floor.measure()?;
        let values = (0..runs).map(|_| floor.measure()).collect::<Result<Vec<_>>>()?;
        println!("{}", serde_json::to_string(&values)?);
        return Ok(());
    }
    let portfolio = portfolio(if quick { 10_000 } else { 1_000_000 })?;
    let measure = match name.as_str() {
        "evaluate_native" => evaluate,
        "evaluate_explained_native" => evaluate_explained,
        "compare_1m_native" => compare,
        _ => anyhow::bail!("no measurement `{name}`"),
    };
    // The first run also pays for cold caches.
    measure(&portfolio)?;
    let values = (0..runs).map(|_| measure(&portfolio)).collect::<Result<Vec<_>>>()?;
    println!("{}", serde_json::to_string(&values)?);
    Ok(())
}

/// Judgments a second whose tier one thread decides
fn evaluate(portfolio: &Portfolio) -> Result<f64> {
    let grid = TierPolicy::revision_1().compile();
    let begun = Instant::now();
    black_box(grid.evaluate(black_box(portfolio)));
    Ok(f64::from(portfolio.len()) / begun.elapsed().as_secs_f64())
}

/// Judgments a second that one thread decides with rule, arm and reason, in batches as the worker has them
fn evaluate_explained(portfolio: &Portfolio) -> Result<f64> {
    let judgments: Vec<JudgmentFacts> = (0..portfolio.len()).filter_map(|row| portfolio.facts(row)).collect();
    let policy = TierPolicy::revision_1();
    let begun = Instant::now();
    for batch in judgments.chunks(worker::Options::new("bench").batch_max as usize) {
        let grid = policy.compile_outcomes();
        black_box(grid.evaluate(batch.iter().copied()));
    }
    Ok(f64::from(portfolio.len()) / begun.elapsed().as_secs_f64())
}

/// Milliseconds from an edited policy to its migration matrix and the rows that move
fn compare(portfolio: &Portfolio) -> Result<f64> {
    let before = TierPolicy::revision_1();
    let mut document = serde_json::to_value(before.document())?;
    *document.pointer_mut("/limits/score_3").context("no limit `score_3`")? = "75".into();
    let after: TierPolicy = serde_json::from_value(document)?;
    let begun = Instant::now();
    let migration = TierMigration::between(&before.compile(), &after.compile(), black_box(portfolio));
    black_box(migration.matrix());
    Ok(begun.elapsed().as_secs_f64() * 1000.0)
}
