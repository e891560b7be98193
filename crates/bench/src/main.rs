//! Native measurements of `cargo xtask bench`, one function each
//!
//! `bench NAME --runs N` prints a JSON array with one number a run.

mod queue;

use anyhow::{Context, Result};
use clap::Parser;
use policy::portfolio::{
    MISSING_BALANCE, MISSING_SCORE, NO_TIER, Portfolio, PortfolioColumns, TierMigration,
};
use policy::tier::TierPolicy;
use queue::Measured;
use std::hint::black_box;
use std::time::Instant;

/// Run one measurement and print its values as a JSON array
#[derive(Parser)]
struct Arguments {
    /// evaluate_native, compare_1m_native, queue_100k or refresh_100k
    name: String,

    #[arg(long, default_value_t = 9)]
    runs: usize,

    /// A hundredth of the judgments
    #[arg(long)]
    quick: bool,
}

fn main() -> Result<()> {
    let Arguments { name, runs, quick } = Arguments::parse();
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
    let portfolio = portfolio(if quick { 10_000 } else { 1_000_000 })?;
    let measure = match name.as_str() {
        "evaluate_native" => evaluate,
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

/// Made-up judgments: scores evenly spread, balances over five orders of magnitude, some facts missing
///
/// tests/e2e/bench/portfolio.mjs makes the same ones.
fn portfolio(count: u32) -> Result<Portfolio> {
    let mut columns = PortfolioColumns::default();
    let mut state: u32 = 1;
    let mut next = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((u64::from(state) * u64::from(below)) >> 32) as u32
    };
    for number in 1..=u64::from(count) {
        let has_score = next(20) > 0;
        let has_balance = next(50) > 0;
        let score = next(10_001);
        let magnitude = 10_i64.pow(next(5));
        let balance = i64::from(next(100_000)) * magnitude / 100;
        let missing =
            if has_score { 0 } else { MISSING_SCORE } | if has_balance { 0 } else { MISSING_BALANCE };
        columns.judgment_no.push(number);
        columns.score.push(if has_score { score as u16 } else { 0 });
        columns.balance_cents.push(if has_balance { balance } else { 0 });
        columns.bits.push(next(16) as u8 | missing);
        columns.stored_tier.push(NO_TIER);
        columns.override_tier.push(NO_TIER);
    }
    Ok(Portfolio::from_columns(columns)?)
}
