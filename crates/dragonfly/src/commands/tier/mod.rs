//! `dragonfly tier …`

pub(crate) mod eval;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Eval(eval::Arguments),
}
