//! `dragonfly tier coverage`

use std::io::Write;
use std::process::ExitCode;

use contract::{Coverage, TierOverviewRow};
use db::tiers;
use serde::Serialize;

use crate::failure::Outcome;
use crate::output;
use crate::settings::Settings;
use crate::store::with_store;

/// How many active judgments each tier has, and how current the tiers are
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = r#"Examples:
  dragonfly tier coverage
  dragonfly tier coverage --json | jq .never

JSON: {"active", "tiered_today", "stale", "never", "tiers": [{"tier", "tier_label", "judgments", "pct"}]}
with a row for judgments without a tier ("tier": null); pct is a decimal string. Judgments that are
satisfied, vacated or expired do not count."#;

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    coverage: Coverage,
    tiers: Vec<TierShare>,
}

#[derive(Serialize)]
struct TierShare {
    tier: Option<u8>,
    tier_label: String,
    judgments: u64,
    /// Of the active judgments, with one decimal.
    pct: String,
}

pub(crate) fn run(settings: &Settings, arguments: &Arguments) -> Outcome {
    with_store(settings, async |store| {
        let mut tx = store.begin().await?;
        let coverage = tiers::coverage(&mut tx).await?;
        let shares =
            tiers::overview(&mut tx).await?.into_iter().map(|row| share(row, coverage.active)).collect();
        let report = Report { coverage, tiers: shares };
        let mut out = output::stdout();
        if arguments.json {
            output::json(&mut out, &report)?;
        } else {
            print(&mut out, &report)?;
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    })
}

fn share(row: TierOverviewRow, active: u64) -> TierShare {
    let permille = (row.active_count * 1000 + active / 2).checked_div(active).unwrap_or(0);
    TierShare {
        tier: row.tier.map(policy::tier::Tier::number),
        tier_label: row.tier_label,
        judgments: row.active_count,
        pct: format!("{}.{}", permille / 10, permille % 10),
    }
}

fn print(out: &mut impl Write, report: &Report) -> std::io::Result<()> {
    let mut rows = vec![["tier", "", "judgments", "%"].map(str::to_owned)];
    rows.extend(report.tiers.iter().map(|share| {
        let tier = share.tier.map_or("–".to_owned(), |tier| tier.to_string());
        [tier, share.tier_label.clone(), output::grouped(share.judgments), share.pct.clone()]
    }));
    output::table(out, &[2, 3], &rows)?;
    let Coverage { active, tiered_today, stale, never } = report.coverage;
    let [active, tiered_today, stale, never] = [active, tiered_today, stale, never].map(output::grouped);
    writeln!(out, "\n{active} active: {tiered_today} tiered today, {stale} earlier, {never} never")
}
