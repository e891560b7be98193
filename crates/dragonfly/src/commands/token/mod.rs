//! `dragonfly token …`

mod create;
mod list;
mod revoke;

use clap::Subcommand;

use crate::failure::Outcome;
use crate::settings::Settings;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Create(create::Arguments),
    List(list::Arguments),
    Revoke(revoke::Arguments),
}

pub(crate) fn run(settings: &Settings, command: Command) -> Outcome {
    match command {
        Command::Create(arguments) => create::run(settings, &arguments),
        Command::List(arguments) => list::run(settings, &arguments),
        Command::Revoke(arguments) => revoke::run(settings, &arguments),
    }
}
