//! Made-up calls of every endpoint and function that the OpenAPI document names, by schemathesis

use crate::server::{Home, Server};
use crate::setup;
use crate::shell::{Workspace, read, run};
use anyhow::{Context, Result};

const FOLDER: &str = "tests/openapi";
/// Whose rights the calls have: all of them.
const EMAIL: &str = "schemathesis@example.com";

/// How long is tried
pub(crate) enum Length {
    /// What belongs to the document's edges, and a few cases of each operation: the same ones in every run.
    Short,
    /// Random cases for so many seconds.
    Seconds(u32),
}

/// No call ends in a 5xx, and every answer is one that the document allows
pub(crate) fn check(workspace: &Workspace, length: &Length) -> Result<()> {
    setup::postgres()?;
    let programs = setup::python_in(workspace, FOLDER)?;
    let home = Home::new()?;
    let dragonfly = |arguments: &[&str]| {
        let mut command = workspace.command(workspace.dragonfly());
        command.args(arguments).env("DRAGONFLY_DATA_DIR", home.path.join("data"));
        command
    };
    let server = Server::start(workspace, &home)?;
    run(dragonfly(&["demo", "--judgments", "200"]).stdout(std::process::Stdio::null()))?;
    let person = ["user", "add", "--email", EMAIL, "--name", "Schemathesis", "--role", "admin"];
    run(dragonfly(&person).stdout(std::process::Stdio::null()))?;
    let token =
        ["token", "create", "--email", EMAIL, "--name", "schemathesis", "--role", "admin", "--days", "1"];
    let token = read(&mut dragonfly(&token))?;
    let address = format!("http://127.0.0.1:{}", server.port);
    let mut schemathesis = workspace.command(programs.join("schemathesis"));
    schemathesis
        .args(["--config-file", &workspace.root.join(FOLDER).join("schemathesis.toml").to_string_lossy()])
        .args(["run", &format!("{address}/api/openapi.json"), "--url", &address])
        .args(["--header", &format!("Authorization: Bearer {}", token.trim())])
        // For hooks.py.
        .env("PYTHONPATH", workspace.root.join(FOLDER))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("DRAGONFLY_URL", &address)
        .env("DRAGONFLY_TOKEN", token.trim())
        // What it keeps between runs and reports belongs to no clone.
        .current_dir(&home.path);
    match length {
        Length::Short => schemathesis.args(["--generation-deterministic", "--max-examples", "2"]),
        Length::Seconds(seconds) => {
            schemathesis.args(["--max-examples", "200", "--max-time", &seconds.to_string()])
        }
    };
    let outcome = run(&mut schemathesis).context("an answer is a 5xx or none that the document allows");
    server.stop()?;
    outcome
}
