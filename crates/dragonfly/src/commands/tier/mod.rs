//! `dragonfly tier …`

pub(crate) mod coverage;
pub(crate) mod eval;
pub(crate) mod force;
pub(crate) mod refresh;

use clap::Subcommand;

use crate::failure::Outcome;
use crate::settings::Settings;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Eval(eval::Arguments),
    Refresh(refresh::Arguments),
    Coverage(coverage::Arguments),
    Force(force::Arguments),
}

pub(crate) fn run(settings: &Settings, command: Command) -> Outcome {
    match command {
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Refresh(arguments) => refresh::run(settings, &arguments),
        Command::Coverage(arguments) => coverage::run(settings, &arguments),
        Command::Force(arguments) => force::run(settings, &arguments),
    }
}
