//! `dragonfly user …`

mod add;
mod reset;

use clap::{Subcommand, ValueEnum};
use contract::Role;

use crate::failure::Outcome;
use crate::settings::Settings;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Add(add::Arguments),
    Reset(reset::Arguments),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum RoleName {
    /// Reads
    Viewer,
    /// Works cases and jobs too
    Operator,
    /// Changes policies too
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Viewer => Role::Viewer,
            RoleName::Operator => Role::Operator,
            RoleName::Admin => Role::Admin,
        }
    }
}

/// Where people reach the server, for links
#[derive(Debug, clap::Args)]
struct Url {
    /// Where people reach the server [default: http:// and the address of `serve`]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

impl Url {
    fn base(&self, settings: &Settings) -> String {
        self.url.clone().unwrap_or_else(|| format!("http://{}", settings.listen))
    }
}

pub(crate) fn run(settings: &Settings, command: Command) -> Outcome {
    match command {
        Command::Add(arguments) => add::run(settings, &arguments),
        Command::Reset(arguments) => reset::run(settings, &arguments),
    }
}
