//! `dragonfly token list`

use std::io::Write;
use std::process::ExitCode;

use contract::Role;
use db::tokens;

use crate::failure::Outcome;
use crate::output;
use crate::settings::Settings;
use crate::store::with_store;

/// Show the tokens of the organisation, those that have ended too
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// One line of JSON instead of a table
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  dragonfly token list
  dragonfly token list --json | jq -r '.[] | select(.is_good) | .name'

The secrets themselves are not kept.";

pub(crate) fn run(settings: &Settings, arguments: &Arguments) -> Outcome {
    with_store(settings, async |store| {
        let mut tx = store.begin().await?;
        let tokens = tokens::list(&mut tx).await?;
        let mut out = output::stdout();
        if arguments.json {
            output::json(&mut out, &tokens)?;
        } else {
            let mut rows =
                vec![["ID", "NAME", "MEMBER", "ROLE", "EXPIRES", "USED", "GOOD"].map(str::to_owned)];
            rows.extend(tokens.into_iter().map(|token| {
                let role = match token.role {
                    Role::Viewer => "viewer",
                    Role::Operator => "operator",
                    Role::Admin => "admin",
                };
                let is_good = if token.is_good { "yes" } else { "no" };
                let used_at = token.used_at.unwrap_or_else(|| "never".to_owned());
                [
                    token.id,
                    token.name,
                    token.email,
                    role.to_owned(),
                    token.expires_at,
                    used_at,
                    is_good.to_owned(),
                ]
            }));
            output::table(&mut out, &[], &rows)?;
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    })
}
