//! `dragonfly queue …`

mod dead;
mod pause;
mod retry;
mod stats;

use clap::Subcommand;

use crate::failure::Outcome;
use crate::settings::Settings;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Stats(stats::Arguments),
    Dead(dead::Arguments),
    #[command(visible_alias = "requeue")]
    Retry(retry::Arguments),
    /// Stop the workers of all organisations from reading a kind
    Pause(pause::Arguments),
    /// Have workers read a kind again
    Resume(pause::Arguments),
}

pub(crate) fn run(settings: &Settings, command: Command) -> Outcome {
    match command {
        Command::Stats(arguments) => stats::run(settings, &arguments),
        Command::Dead(arguments) => dead::run(settings, &arguments),
        Command::Retry(arguments) => retry::run(settings, &arguments),
        Command::Pause(arguments) => pause::run(settings, &arguments, true),
        Command::Resume(arguments) => pause::run(settings, &arguments, false),
    }
}
