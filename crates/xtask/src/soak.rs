//! `cargo xtask soak`

use crate::shell::{Workspace, run, say};
use crate::{openapi, setup, test};
use anyhow::Result;

/// Run the checks of `test` that made-up cases or kills make better, many times over
///
/// Properties of the policy and import crates, the policy module against the native crate, compiled SQL against
/// the crate, kills of worker and PostgreSQL during a drain, and of servers while they route leads, made-up calls of the API.
/// Takes hours at the default.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// So many times as many cases, policies and kills as `test` has
    #[arg(long, value_name = "N", default_value_t = 40)]
    factor: u32,
}

/// Policies tried in DuckDB, which takes some seconds
const DUCKDB_POLICIES: u32 = 200;

/// Seconds of made-up calls
const CALL_SECONDS: u32 = 30;

/// What proptest runs where nothing is said
const CASES: u32 = 256;

pub(crate) fn soak(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let factor = arguments.factor.to_string();
    say("compiled SQL in DuckDB");
    let dialects = "tests/dialects";
    setup::npm_in(workspace, dialects)?;
    let mut duckdb = workspace.command("npm");
    duckdb.arg("test").current_dir(workspace.root.join(dialects));
    run(duckdb.env("POLICIES", DUCKDB_POLICIES.saturating_mul(arguments.factor).to_string()))?;

    say("properties of the policy and import crates");
    let mut properties = workspace.cargo(["test", "--quiet", "--locked", "--release"]);
    properties.args(["--package", "policy", "--package", "import"]);
    run(properties.env("PROPTEST_CASES", CASES.saturating_mul(arguments.factor).to_string()))?;

    say("the policy module against the native crate");
    run(test::wasm_module_tests(workspace, None)?.env("DRAGONFLY_SOAK", &factor))?;

    say("compiled SQL, kills of worker and PostgreSQL");
    setup::postgres()?;
    test::build_native(workspace)?;
    say("made-up calls of everything that the API describes");
    openapi::check(workspace, &openapi::Length::Seconds(CALL_SECONDS.saturating_mul(arguments.factor)))?;

    let mut worker =
        workspace.cargo(["test", "--quiet", "--locked", "--package", "acceptance", "--test", "worker"]);
    worker.env("DRAGONFLY_SOAK", &factor).env("DRAGONFLY_BINARY", workspace.dragonfly());
    test::with_database(workspace, worker)
}
