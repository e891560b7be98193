//! The command line: one binary that serves, works the queue, imports and answers questions.

mod commands;
mod failure;
mod output;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::tier;
use failure::Outcome;

/// Enforcement tiers of court judgments: console, worker, imports and tools in one binary
#[derive(Debug, Parser)]
#[command(name = "dragonfly", version, max_term_width = 100, after_long_help = HELP, subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const HELP: &str = "\
Exit codes:
  0  done
  1  refused or failed; the reason is on standard error, or in the output where that has a place for it
  2  the command line or the configuration cannot be used

Results go to standard output, everything else to standard error.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Decide tiers, refresh them, see how current they are
    #[command(subcommand)]
    Tier(tier::Command),
}

fn main() -> ExitCode {
    failure::exit_code(run(Cli::parse()))
}

fn run(cli: Cli) -> Outcome {
    match cli.command {
        Command::Tier(tier::Command::Eval(arguments)) => tier::eval::run(&arguments),
    }
}
