//! `dragonfly demo`

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use crate::failure::Outcome;
use crate::settings::Settings;
use crate::store::with_store;
use crate::{demo, output};

/// Add made-up judgments, with debtors, asset signals, open cases and overrides
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// How many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000_000))]
    judgments: u32,

    /// The same seed makes the same judgments
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// Leave the judgments without tiers
    #[arg(long)]
    no_refresh: bool,
}

const EXAMPLES: &str = "\
Examples:
  dragonfly demo --judgments 20000
  dragonfly demo --judgments 1000000 --seed 7 --no-refresh

Every name, number and address is invented. All are added in one transaction, without being queued
for tiering; a set-based refresh gives them their tiers, unless --no-refresh leaves that to you.";

pub(crate) fn run(settings: &Settings, arguments: &Arguments) -> Outcome {
    with_store(settings, async |store| {
        let mut out = output::stdout();
        let begun = Instant::now();
        demo::load(store, arguments.judgments, arguments.seed).await?;
        let count = output::grouped(arguments.judgments.into());
        writeln!(out, "{count} judgments added in {:.1} s", begun.elapsed().as_secs_f32())?;
        out.flush()?;
        if !arguments.no_refresh {
            let begun = Instant::now();
            let refresh = worker::refresh::refresh_now(&store.db, store.org_id, |_| ()).await?;
            let count = output::grouped(refresh.run.done);
            writeln!(out, "{count} judgments tiered in {:.1} s", begun.elapsed().as_secs_f32())?;
            out.flush()?;
        }
        db::demo::vacuum(&store.db).await?;
        Ok(ExitCode::SUCCESS)
    })
}
