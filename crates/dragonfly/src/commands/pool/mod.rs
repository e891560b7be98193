//! `dragonfly pool …`

mod route;
mod simulate;

use std::io::Read;

use clap::Subcommand;

use crate::failure::{Failure, Outcome};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Route(route::Arguments),
    Simulate(simulate::Arguments),
}

pub(crate) fn run(command: &Command) -> Outcome {
    match command {
        Command::Route(arguments) => route::run(arguments),
        Command::Simulate(arguments) => simulate::run(arguments),
    }
}

/// No input is this long; one without end must not fill the memory.
const BYTES_MAX: u64 = 64 << 20;

/// Reads all of standard input as text.
fn input() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(Failure::refused("the input is longer than 64 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| Failure::refused("the input is not UTF-8"))
}
