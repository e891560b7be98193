//! `cargo xtask soak`

use crate::shell::{Workspace, run};
use crate::{openapi, setup, test};
use anyhow::Result;

/// Run the checks of `test` that made-up cases or kills make better, many times over
///
/// Steps, in order: dialects (compiled SQL against the crate in DuckDB), properties (of the policy and import crates),
/// module (the policy modules against the native crate), calls (made-up calls of the API), faults (kills of worker
/// and PostgreSQL during a drain, and of servers while they route leads). Takes hours at the default.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// So many times as many cases, policies and kills as `test` has
    #[arg(long, value_name = "N", default_value_t = 40)]
    factor: u32,

    /// Run only these steps
    #[arg(long, value_name = "STEP", value_delimiter = ',', value_parser = STEPS.map(|(name, _)| name))]
    only: Vec<String>,
}

type Step = fn(&Workspace, u32) -> Result<()>;

const STEPS: [(&str, Step); 5] = [
    ("dialects", dialects),
    ("properties", properties),
    ("module", module),
    ("calls", calls),
    ("faults", faults),
];

/// Policies tried in DuckDB, which takes some seconds
const DUCKDB_POLICIES: u32 = 200;

/// Seconds of made-up calls
const CALL_SECONDS: u32 = 30;

/// What proptest runs where nothing is said
const CASES: u32 = 256;

pub(crate) fn soak(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    for (name, step) in STEPS {
        if arguments.only.is_empty() || arguments.only.iter().any(|only| only == name) {
            test::timed(name, || step(workspace, arguments.factor))?;
        }
    }
    Ok(())
}

fn dialects(workspace: &Workspace, factor: u32) -> Result<()> {
    let folder = "tests/dialects";
    setup::npm_in(workspace, folder)?;
    let mut duckdb = workspace.command("npm");
    duckdb.arg("test").current_dir(workspace.root.join(folder));
    run(duckdb.env("POLICIES", DUCKDB_POLICIES.saturating_mul(factor).to_string()))
}

fn properties(workspace: &Workspace, factor: u32) -> Result<()> {
    let mut properties = workspace.cargo(["test", "--quiet", "--locked", "--release"]);
    properties.args(["--package", "policy", "--package", "import"]);
    run(properties.env("PROPTEST_CASES", CASES.saturating_mul(factor).to_string()))
}

fn module(workspace: &Workspace, factor: u32) -> Result<()> {
    run(test::wasm_module_tests(workspace, None)?.env("DRAGONFLY_SOAK", factor.to_string()))
}

fn calls(workspace: &Workspace, factor: u32) -> Result<()> {
    setup::postgres()?;
    test::build_native(workspace)?;
    openapi::check(workspace, &openapi::Length::Seconds(CALL_SECONDS.saturating_mul(factor)))
}

fn faults(workspace: &Workspace, factor: u32) -> Result<()> {
    setup::postgres()?;
    test::build_native(workspace)?;
    let mut worker =
        workspace.cargo(["test", "--quiet", "--locked", "--package", "acceptance", "--test", "worker"]);
    worker.env("DRAGONFLY_SOAK", factor.to_string()).env("DRAGONFLY_BINARY", workspace.dragonfly());
    test::with_database(workspace, worker)
}
