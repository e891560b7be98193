//! Developer commands: `cargo xtask run`, `test`, `soak`, `wasm`, `bench`, `schema`, `tidy`
//!
//! One file a command. What a command needs and the machine lacks is installed by [`setup`] with a line
//! saying so, or named with the exact command to type.

mod bench;
mod console;
mod openapi;
mod run;
mod schema;
mod server;
mod setup;
mod shell;
mod soak;
mod stage;
mod test;
mod tidy;
mod wasm;

use clap::{Parser, Subcommand};
use shell::Workspace;
use std::process::ExitCode;

/// Everything a developer of Dragonfly does with the checkout
///
/// Each command first installs what it needs and the machine lacks. Trunk and wasm-bindgen are built once
/// into a folder outside the checkout, so that a second clone does not build them again.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = ENVIRONMENT)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const ENVIRONMENT: &str = "\
Environment:
  DRAGONFLY_TOOLS   folder for trunk and wasm-bindgen
                    [default: ${XDG_CACHE_HOME:-$HOME/.cache}/dragonfly/tools]
  CARGO_TARGET_DIR  honoured everywhere [default: target]
  CHROMIUM          the browser of the walks and measurements [default: chromium on PATH]";

#[derive(Subcommand)]
enum Command {
    Run(run::Arguments),
    Test(test::Arguments),
    Soak(soak::Arguments),
    Wasm(wasm::Arguments),
    #[command(hide = true)]
    Stage(stage::Arguments),
    Bench(bench::Arguments),
    Schema(schema::Arguments),
    Tidy(tidy::Arguments),
    Setup(setup::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = Workspace::open().and_then(|workspace| match arguments.command {
        Command::Run(arguments) => run::run(&workspace, &arguments),
        Command::Test(arguments) => test::test(&workspace, &arguments),
        Command::Soak(arguments) => soak::soak(&workspace, &arguments),
        Command::Wasm(arguments) => wasm::wasm(&workspace, &arguments),
        Command::Stage(arguments) => stage::stage(&workspace, &arguments),
        Command::Bench(arguments) => bench::bench(&workspace, &arguments),
        Command::Schema(arguments) => schema::schema(&workspace, &arguments),
        Command::Tidy(arguments) => tidy::tidy(&workspace, &arguments),
        Command::Setup(arguments) => setup::setup(&workspace, &arguments),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
