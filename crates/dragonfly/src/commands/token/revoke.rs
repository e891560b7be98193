//! `dragonfly token revoke`

use std::process::ExitCode;

use db::tokens;
use uuid::Uuid;

use crate::failure::Outcome;
use crate::settings::Settings;
use crate::store::with_store;

/// End a token at once
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// As `dragonfly token list` shows it
    id: Uuid,
}

const EXAMPLES: &str = "\
Examples:
  dragonfly token revoke 0190f3a2-6f0e-7c5d-9d0a-3c1b5e7f9a10

Exit code 1 where there is no such token, or it is revoked already.";

pub(crate) fn run(settings: &Settings, arguments: &Arguments) -> Outcome {
    with_store(settings, async |store| {
        let mut tx = store.begin().await?;
        tokens::revoke(&mut tx, arguments.id).await?;
        tx.commit().await?;
        Ok(ExitCode::SUCCESS)
    })
}
