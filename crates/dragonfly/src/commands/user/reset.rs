//! `dragonfly user reset`

use std::io::Write;
use std::process::ExitCode;

use db::users;

use super::Url;
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::settings::Settings;
use crate::store::with_store;

/// Forget somebody's password, end their sessions and print a link that lets them in again
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[arg(long, value_name = "ADDRESS")]
    email: String,

    #[command(flatten)]
    url: Url,
}

const EXAMPLES: &str = "\
Examples:
  dragonfly user reset --email kim@example.com

The link works once, for 24 hours. Exit code 1 where nobody has the address.";

pub(crate) fn run(settings: &Settings, arguments: &Arguments) -> Outcome {
    with_store(settings, async |store| {
        let mut tx = store.begin().await?;
        let user = users::find_by_email(&mut tx, &arguments.email).await?.ok_or_else(|| {
            Failure::refused(format!("nobody has the e-mail address `{}`", arguments.email))
        })?;
        users::forget_password(&mut tx, user.user_id).await?;
        let link = server::sign_in_link(&mut tx, &arguments.url.base(settings), user.user_id).await?;
        tx.commit().await?;
        let mut out = output::stdout();
        writeln!(out, "Sign in: {link}")?;
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    })
}
