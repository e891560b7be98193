//! `cargo xtask test`

use crate::console::{self, files};
use crate::shell::{Workspace, run, say, which};
use crate::{openapi, setup, tidy, wasm};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// Run everything that must hold: format, structure, clippy, tests of every kind
///
/// Steps, in order: fmt, tidy, clippy (native and wasm32), wasm (the policy module under Node), console (the
/// release build), unit (native crates and doc tests), acceptance (PostgreSQL, HTTP, worker, command line), openapi
/// (made-up calls of everything that the API describes), e2e (Chromium against a real server). Needs no configuration.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Run only these: a step, or a test target of the package `acceptance` (api, worker, sql, …)
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    only: Vec<String>,

    /// Only tests whose name contains this, in the steps that run tests
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

struct Step {
    name: &'static str,
    run: fn(&Workspace, &Arguments) -> Result<()>,
}

const STEPS: [Step; 10] = [
    Step { name: "fmt", run: fmt },
    Step { name: "tidy", run: |workspace, _| tidy::check(workspace) },
    Step { name: "clippy", run: clippy },
    Step { name: "wasm", run: wasm_module },
    // Before whatever embeds the console, which would otherwise be built twice.
    Step { name: "console", run: |workspace, _| console::build(workspace) },
    Step { name: "app", run: app },
    Step { name: "unit", run: unit },
    Step { name: "acceptance", run: |workspace, arguments| acceptance(workspace, arguments, None) },
    Step { name: "openapi", run: made_up_calls },
    Step { name: "e2e", run: e2e },
];

pub(crate) fn test(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let targets = acceptance_targets(workspace)?;
    if let Some(unknown) = arguments
        .only
        .iter()
        .find(|name| !targets.contains(name) && STEPS.iter().all(|step| step.name != **name))
    {
        let known: Vec<&str> =
            STEPS.iter().map(|step| step.name).chain(targets.iter().map(String::as_str)).collect();
        bail!("no step `{unknown}`: choose from {}", known.join(", "));
    }
    let is_wanted =
        |step: &&Step| arguments.only.is_empty() || arguments.only.iter().any(|name| name == step.name);
    let steps = STEPS.iter().filter(is_wanted);
    let begun = Instant::now();
    let mut took = Vec::new();
    let run_all = || {
        for step in steps {
            took.push((step.name, timed(step.name, || (step.run)(workspace, arguments))?));
        }
        for target in arguments.only.iter().filter(|name| targets.contains(name)) {
            took.push((target, timed(target, || acceptance(workspace, arguments, Some(target)))?));
        }
        Ok(())
    };
    let outcome = run_all();
    for (name, duration) in took {
        say(&format!("{name:<12}{:>7.1} s", duration.as_secs_f32()));
    }
    say(&format!(
        "{} in {:.0} s",
        if outcome.is_ok() { "all passed" } else { "failed" },
        begun.elapsed().as_secs_f32()
    ));
    outcome
}

pub(crate) fn timed(name: &str, step: impl FnOnce() -> Result<()>) -> Result<Duration> {
    say(&format!("── {name} ──"));
    let begun = Instant::now();
    step().with_context(|| format!("step `{name}`"))?;
    Ok(begun.elapsed())
}

fn fmt(workspace: &Workspace, _: &Arguments) -> Result<()> {
    run(&mut workspace.cargo(["fmt", "--all", "--check"]))
}

fn clippy(workspace: &Workspace, _: &Arguments) -> Result<()> {
    let denied = ["--", "--deny", "warnings"];
    run(native(workspace.cargo(["clippy", "--quiet", "--locked"])).arg("--all-targets").args(denied))?;
    setup::wasm_target()?;
    if !setup::has_wasm_clippy() {
        say("no clippy for wasm32: Debian's compiler, which stands in for the missing target, has none");
        return Ok(());
    }
    let mut cargo = workspace.cargo(["clippy", "--quiet", "--locked", "--target", "wasm32-unknown-unknown"]);
    // All modules of the policy at once: features add up.
    cargo.args(["--package", "app", "--package", "policy-wasm"]);
    cargo.args(["--features", "policy-wasm/studies,policy-wasm/routing"]);
    run(cargo.args(denied))
}

fn wasm_module(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    run(&mut wasm_module_tests(workspace, arguments.name.as_deref())?)
}

pub(crate) fn wasm_module_tests(workspace: &Workspace, name: Option<&str>) -> Result<Command> {
    let [_, node] = wasm::build(workspace)?;
    setup::npm_in(workspace, "tests/types")?;
    setup::browser(workspace)?;
    let mut tests = node_tests(workspace, "crates/policy-wasm/tests", ".mjs", name)?;
    tests.env("DRAGONFLY_POLICY_WASM", node);
    Ok(tests)
}

/// What the console computes, natively; how it looks and behaves is walked in a browser
fn app(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let mut cargo = workspace.cargo(["test", "--quiet", "--locked", "--package", "app"]);
    run(cargo.args(&arguments.name))
}

fn unit(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    setup::postgres()?;
    build_native(workspace)?;
    let plain = ["--workspace", "--exclude", "acceptance", "--exclude", "app", "--exclude", "policy-wasm"];
    with_database(workspace, nextest(workspace, "not package(acceptance)", &plain, arguments))?;
    if arguments.name.is_none() {
        run(&mut workspace.cargo(["test", "--quiet", "--locked", "--doc", "--package", "policy"]))?;
    }
    Ok(())
}

fn acceptance(workspace: &Workspace, arguments: &Arguments, target: Option<&str>) -> Result<()> {
    setup::postgres()?;
    setup::pgtap()?;
    build_native(workspace)?;
    let (filter, plain) = match target {
        Some(target) => (
            format!("package(acceptance) & binary(={target})"),
            vec!["--package", "acceptance", "--test", target],
        ),
        None => ("package(acceptance)".into(), vec!["--package", "acceptance"]),
    };
    with_database(workspace, nextest(workspace, &filter, &plain, arguments))
}

/// Runs tests, which start the PostgreSQL that they share when they first need it, and stops that afterwards
pub(crate) fn with_database(workspace: &Workspace, mut tests: Command) -> Result<()> {
    let outcome = run(&mut tests);
    // Only tidiness: a server left behind is joined by the next run.
    let mut stop = workspace.command(workspace.target.join("debug/test-postgres"));
    run(stop.arg("stop")).unwrap_or_else(|error| say(&format!("{error:#}")));
    outcome
}

fn made_up_calls(workspace: &Workspace, _: &Arguments) -> Result<()> {
    setup::postgres()?;
    build_native(workspace)?;
    openapi::check(workspace, &openapi::Length::Short)
}

/// Browser walks against the real binary with the release build of the console in it
fn e2e(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    setup::postgres()?;
    setup::browser(workspace)?;
    console::build(workspace)?;
    build_native(workspace)?;
    let mut tests = node_tests(workspace, "tests/e2e", ".test.mjs", arguments.name.as_deref())?;
    run(tests.env("DRAGONFLY_BINARY", workspace.dragonfly()))
}

/// Builds every binary and test at once
///
/// One selection of packages means one set of features: were the binary built by itself, most dependencies would
/// be compiled a second time.
pub(crate) fn build_native(workspace: &Workspace) -> Result<()> {
    run(native(workspace.cargo(["build", "--quiet", "--locked"])).args(["--bins", "--tests"]))
}

/// All that runs natively; the other two packages are for wasm32
fn native(mut cargo: Command) -> Command {
    cargo.args(["--workspace", "--exclude", "app", "--exclude", "policy-wasm"]);
    cargo
}

/// Tests by nextest with a filter, so that every step shares one build; by cargo's own runner where it is missing
fn nextest(workspace: &Workspace, filter: &str, plain: &[&str], arguments: &Arguments) -> Command {
    let mut command;
    if which("cargo-nextest").is_some() {
        command = native(workspace.cargo(["nextest", "run", "--locked", "--cargo-quiet"]));
        match &arguments.name {
            Some(name) => command.args(["--filterset", &format!("{filter} & test(~{name})")]),
            None => command.args(["--filterset", filter]),
        };
    } else {
        say("no cargo-nextest (`cargo install --locked cargo-nextest`): using `cargo test`");
        command = workspace.cargo(["test", "--quiet", "--locked"]);
        command.args(plain).args(&arguments.name);
    }
    command.env("DRAGONFLY_BINARY", workspace.dragonfly());
    command
}

/// Node's own runner on the files of `folder` whose names end in `suffix`
fn node_tests(workspace: &Workspace, folder: &str, suffix: &str, name: Option<&str>) -> Result<Command> {
    let is_test = |path: &PathBuf| {
        path.to_str().is_some_and(|path| path.ends_with(suffix) && !path.contains("node_modules"))
    };
    let tests: Vec<PathBuf> = files(&workspace.root.join(folder))?.into_iter().filter(is_test).collect();
    if tests.is_empty() {
        bail!("no tests `*{suffix}` in {folder}");
    }
    let mut node = workspace.command("node");
    // Two files at a time: a walk waits more than it works.
    node.args(["--test", "--test-concurrency=2", "--test-reporter=spec"]);
    if let Some(name) = name {
        node.arg(format!("--test-name-pattern={name}"));
    }
    // CommonJS packages of the lock file are there for tests outside tests/e2e too, by `createRequire`.
    node.env("NODE_PATH", workspace.root.join("tests/e2e/node_modules"))
        .env("DRAGONFLY_TARGET", &workspace.target);
    node.args(tests);
    Ok(node)
}

/// Names of the test targets of the package `acceptance`
fn acceptance_targets(workspace: &Workspace) -> Result<Vec<String>> {
    let packages = workspace.metadata["packages"].as_array().context("no packages in cargo metadata")?;
    let package =
        packages.iter().find(|package| package["name"] == "acceptance").context("no package `acceptance`")?;
    let targets = package["targets"].as_array().context("no targets of `acceptance`")?;
    let is_test = |target: &&serde_json::Value| {
        target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "test"))
    };
    Ok(targets
        .iter()
        .filter(is_test)
        .filter_map(|target| target["name"].as_str().map(str::to_owned))
        .collect())
}
