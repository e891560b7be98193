//! `cargo xtask run`

use crate::shell::{Workspace, run as execute};
use crate::{console, setup};
use anyhow::{Context, Result};
use std::os::unix::process::CommandExt;

/// Set up, build the console and the binary, and serve on http://127.0.0.1:8080
///
/// Starts a private PostgreSQL, migrates, loads a demonstration portfolio on first use and prints a link that
/// signs the first admin in. What is up to date is not built again. Ctrl-C stops everything.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Port to serve on, on the loopback address
    #[arg(long, default_value_t = 8080)]
    port: u16,

    /// Further arguments of `dragonfly serve`; `cargo xtask run -- --help` shows them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "SERVE ARGUMENTS")]
    serve: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    setup::postgres()?;
    console::build(workspace)?;
    execute(&mut workspace.cargo(["build", "--quiet", "--locked", "--package", "dragonfly"]))?;
    // The server takes this process's place, so that Ctrl-C and signals reach it and nothing else.
    let error = workspace
        .command(workspace.dragonfly())
        .args(["serve", "--demo", "--port", &arguments.port.to_string()])
        .args(&arguments.serve)
        .exec();
    Err(error).context("cannot start the server")
}
