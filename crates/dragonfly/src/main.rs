//! The command line: one binary that serves, works the queue, imports and answers questions.

mod commands;
mod demo;
mod demo_pools;
mod failure;
mod logging;
mod output;
mod settings;
mod shutdown;
mod store;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{
    backup, demo as demo_command, doctor, import, migrate, pool, queue, restore, serve, smoke, tier, token,
    user, worker,
};
use failure::Outcome;
use settings::{Flags, Settings};

/// Enforcement tiers of court judgments: console, worker, imports and tools in one binary
#[derive(Debug, Parser)]
#[command(
    name = "dragonfly",
    version,
    max_term_width = 100,
    after_long_help = HELP,
    subcommand_required = true,
    arg_required_else_help = true
)]
struct Cli {
    #[command(flatten)]
    flags: Flags,

    #[command(subcommand)]
    command: Command,
}

const HELP: &str = "\
Begin with:
  dragonfly serve --demo                      the console on http://127.0.0.1:8080 with made-up judgments
  dragonfly import judgments.csv              what a vendor's file would change
  dragonfly import judgments.csv --commit     the same, written
  dragonfly tier coverage                     how current the tiers are

Configuration is taken from flags, then the environment, then a file (dragonfly.toml in the working
directory, or --config FILE). A file names any of these, on its top level or in a profile that --env
picks and that goes before the top level:
  data_dir = \"/srv/dragonfly\"                 --data-dir, DRAGONFLY_DATA_DIR
  database_url = \"postgres://…\"               --database-url, DATABASE_URL
  org = \"main\"                                --org, DRAGONFLY_ORG
  listen = \"127.0.0.1:8080\"                   serve --listen, DRAGONFLY_LISTEN
  behind_tls_proxy = false                    serve --behind-tls-proxy, DRAGONFLY_BEHIND_TLS_PROXY
  documents = \"/srv/papers\"                   --documents, DRAGONFLY_DOCUMENTS; or s3://BUCKET/PREFIX
  documents_endpoint = \"https://…\"            DRAGONFLY_DOCUMENTS_ENDPOINT; S3 of others than Amazon
  documents_region = \"us-east-1\"              DRAGONFLY_DOCUMENTS_REGION, AWS_REGION
  documents_megabytes_max = 25                DRAGONFLY_DOCUMENTS_MEGABYTES_MAX
  smtp_url = \"smtps://user:pw@mail.host\"      DRAGONFLY_SMTP_URL; alerts by e-mail; smtp:// is STARTTLS
  smtp_from = \"Alerts <a@example.com>\"        DRAGONFLY_SMTP_FROM
  copilot_url = \"https://host/v1\"             --copilot-url, DRAGONFLY_COPILOT_URL; a model that writes briefs
  copilot_model = \"name\"                     --copilot-model, DRAGONFLY_COPILOT_MODEL
  copilot_key = \"…\"                          DRAGONFLY_COPILOT_KEY
  leads_per_minute = 60                       serve --leads-per-minute, DRAGONFLY_LEADS_PER_MINUTE
  poll_interval_seconds = 10                  worker --poll-interval, DRAGONFLY_POLL_INTERVAL
  [profile.prod]
  org = \"castor\"
A bucket takes AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and where there is one AWS_SESSION_TOKEN.
DRAGONFLY_LOG chooses what is logged on standard error: error, warn, info, debug, or per module.

Without a database URL a private PostgreSQL is started in the data directory, or joined where it
runs already; the last process out stops it.

Exit codes:
  0    done
  1    refused or failed; the reason is on standard error, or in the output where that has a place
  2    the command line or the configuration cannot be used
  130  interrupted

Results go to standard output, everything else to standard error.";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Arguments),
    Worker(worker::Arguments),
    Import(import::Arguments),
    /// Decide tiers, refresh them, see how current they are
    #[command(subcommand)]
    Tier(tier::Command),
    /// Route visitors to agents by priority rank, and simulate what ranks do
    #[command(subcommand)]
    Pool(pool::Command),
    /// See how the queues stand, and retry what failed
    #[command(subcommand)]
    Queue(queue::Command),
    /// Let people in
    #[command(subcommand)]
    User(user::Command),
    /// Let scripts in
    #[command(subcommand)]
    Token(token::Command),
    Doctor(doctor::Arguments),
    Smoke(smoke::Arguments),
    Backup(backup::Arguments),
    Restore(restore::Arguments),
    Demo(demo_command::Arguments),
    Migrate(migrate::Arguments),
}

fn main() -> ExitCode {
    failure::exit_code(run(Cli::parse()))
}

fn run(cli: Cli) -> Outcome {
    // These need neither a database nor a configuration.
    match &cli.command {
        Command::Tier(tier::Command::Eval(arguments)) => return tier::eval::run(arguments),
        Command::Pool(command) => return pool::run(command),
        _ => {}
    }
    let settings = Settings::load(&cli.flags)?;
    match cli.command {
        Command::Serve(arguments) => serve::run(settings, arguments),
        Command::Worker(arguments) => worker::run(settings, arguments),
        Command::Import(arguments) => import::run(&settings, &arguments),
        Command::Tier(command) => tier::run(&settings, command),
        Command::Pool(command) => pool::run(&command),
        Command::Queue(command) => queue::run(&settings, command),
        Command::User(command) => user::run(&settings, command),
        Command::Token(command) => token::run(&settings, command),
        Command::Doctor(arguments) => doctor::run(&settings, &arguments),
        Command::Smoke(arguments) => smoke::run(&settings, &arguments),
        Command::Backup(arguments) => backup::run(&settings, &arguments),
        Command::Restore(arguments) => restore::run(&settings, &arguments),
        Command::Demo(arguments) => demo_command::run(&settings, &arguments),
        Command::Migrate(_) => migrate::run(&settings),
    }
}
