//! `dragonfly token create`

use std::io::Write;
use std::process::ExitCode;

use db::users;

use crate::commands::user::RoleName;
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::settings::Settings;
use crate::store::with_store;

/// Make a token by which a script calls on a member's behalf, and print it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The member on whose behalf the script calls
    #[arg(long, value_name = "ADDRESS")]
    email: String,

    /// What it is for
    #[arg(long, value_name = "NAME")]
    name: String,

    /// What it may do, never more than the member
    #[arg(long, value_enum)]
    role: RoleName,

    /// How long it is good for, 1 to 366
    #[arg(long, value_name = "DAYS", default_value_t = 90)]
    days: i32,
}

const EXAMPLES: &str = "\
Examples:
  dragonfly token create --email kim@example.com --name 'nightly payments' --role operator
  curl -H \"Authorization: Bearer $TOKEN\" -H 'Idempotency-Key: 2026-11-22/17' \\
       --json '{\"case_id\": \"…\", \"amount\": \"125.00\"}' http://127.0.0.1:8080/rpc/record_enforcement_payment

The token is shown once and not kept. It ends with its days, with `dragonfly token revoke`, and with
the membership of its member.";

pub(crate) fn run(settings: &Settings, arguments: &Arguments) -> Outcome {
    with_store(settings, async |store| {
        let mut tx = store.begin().await?;
        let user = users::find_by_email(&mut tx, &arguments.email).await?.ok_or_else(|| {
            Failure::refused(format!("nobody has the e-mail address `{}`", arguments.email))
        })?;
        let role = arguments.role.into();
        let created =
            server::create_api_token(&mut tx, user.user_id, &arguments.name, role, arguments.days).await?;
        tx.commit().await?;
        let mut out = output::stdout();
        writeln!(out, "{}", created.token)?;
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    })
}
