//! `dragonfly token revoke`

use std::process::ExitCode;

use db::tokens;
use uuid::Uuid;

use crate::failure::Outcome;
use crate::settings::Settings;
use crate::store::with_store;

/// End a token at once
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// As `dragonfly token list` shows it
    id: Uuid,
}

pub(crate) fn run(settings: &Settings, arguments: &Arguments) -> Outcome {
    with_store(settings, async |store| {
        let mut tx = store.begin().await?;
        tokens::revoke(&mut tx, arguments.id).await?;
        tx.commit().await?;
        Ok(ExitCode::SUCCESS)
    })
}
