//! `dragonfly migrate`

use std::io::Write;
use std::process::ExitCode;

use crate::failure::Outcome;
use crate::output;
use crate::settings::Settings;
use crate::store::with_store;

/// Bring the database to this program's schema
///
/// Every other command does so too; this one does nothing else. Fails where the database is newer than
/// the program.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(settings: &Settings) -> Outcome {
    with_store(settings, async |store| {
        let mut out = output::stdout();
        let state = if store.has_migrated { "migrated" } else { "up to date already" };
        writeln!(out, "the database is {state}")?;
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    })
}
