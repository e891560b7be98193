//! `dragonfly user add`

use std::io::Write;
use std::process::ExitCode;

use db::users;

use super::{RoleName, Url};
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::settings::Settings;
use crate::store::with_store;

/// Make somebody a member of the organisation and print a link that lets them in
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[arg(long, value_name = "ADDRESS")]
    email: String,

    /// What the console calls them
    #[arg(long, value_name = "NAME")]
    name: String,

    /// What they may do
    #[arg(long, value_enum)]
    role: RoleName,

    #[command(flatten)]
    url: Url,
}

const EXAMPLES: &str = "\
Examples:
  dragonfly user add --email kim@example.com --name 'Kim Oh' --role operator
  dragonfly --org castor user add --email ana@example.com --name Ana --role admin --url https://tiers.example.com

The link works once, for 24 hours. Somebody who is known already keeps name and password, and has
the role in this organisation from now on.";

pub(crate) fn run(settings: &Settings, arguments: &Arguments) -> Outcome {
    let email = arguments.email.trim();
    if !email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty()) {
        return Err(Failure::usage(format!("`{email}` is not an e-mail address")));
    }
    if arguments.name.trim().is_empty() {
        return Err(Failure::usage("the name is blank"));
    }
    let role = arguments.role.into();
    with_store(settings, async |store| {
        let mut tx = store.begin().await?;
        let user_id = users::add(&mut tx, store.org_id, email, arguments.name.trim(), role).await?;
        let link = server::sign_in_link(&mut tx, &arguments.url.base(settings), user_id).await?;
        tx.commit().await?;
        let mut out = output::stdout();
        writeln!(out, "Sign in: {link}")?;
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    })
}
