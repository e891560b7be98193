//! `cargo xtask schema`

use crate::setup;
use crate::shell::{Workspace, run};
use anyhow::Result;

/// Write crates/db/schema.sql anew from the migrations
///
/// The file shows in one place what the migrations make of the database; a test holds it to them.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn schema(workspace: &Workspace, _: &Arguments) -> Result<()> {
    setup::postgres()?;
    let mut test = workspace.cargo(["test", "--quiet", "--locked", "--package", "db", "--test", "schema"]);
    run(test.env("UPDATE_SCHEMA", "1"))
}
