//! `cargo xtask tidy`

use crate::shell::{Workspace, read, say};
use anyhow::{Context, Result, bail};
use std::fs;

/// Check what no compiler checks: direction of dependencies, where SQL stands, what the product may name
///
/// Findings name the file and the line. Run by `test` too.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn tidy(workspace: &Workspace, _: &Arguments) -> Result<()> {
    check(workspace)?;
    say("tidy");
    Ok(())
}

/// What each package may depend on of ours; `None` stands for everything
const ALLOWED: [(&str, Option<&[&str]>); 13] = [
    ("policy", Some(&[])),
    ("contract", Some(&["policy"])),
    ("app", Some(&["policy", "contract"])),
    ("policy-wasm", Some(&["policy"])),
    ("import", Some(&["policy"])),
    ("documents", Some(&[])),
    ("db", Some(&["policy", "contract", "import"])),
    ("worker", Some(&["policy", "contract", "db"])),
    ("server", Some(&["policy", "contract", "db", "documents"])),
    ("dragonfly", Some(&["policy", "contract", "import", "db", "documents", "worker", "server"])),
    ("bench", Some(&["policy", "contract", "import", "db", "worker", "server"])),
    ("xtask", Some(&[])),
    ("acceptance", None),
];

/// Ways out of purity, by the folders that must be without them
const IMPURE: [&str; 6] = ["std::time", "std::env", "std::fs", "std::net", "std::process", "HashMap"];
const PURE: [&str; 4] =
    ["crates/policy/src/", "crates/policy-wasm/src/", "crates/contract/src/", "crates/import/src/"];

/// Beginnings of statements and what follows later in the same line; SQL is lower-case by house style
const SQL: [(&str, &str); 5] = [
    ("select ", " from "),
    ("insert into ", ""),
    ("update ", " set "),
    ("delete from ", ""),
    ("create table ", ""),
];
const SQL_FOLDERS: [&str; 4] = ["crates/db/", "crates/dragonfly/tests/", "crates/xtask/", "tests/"];

pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut findings = wrong_dependencies(workspace)?;
    // Neighbours of one developer's checkout, which no other checkout has.
    let neighbours = concat!("..", "/shared");
    for path in
        read(workspace.command("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]))?
            .lines()
    {
        // Binary files and those deleted but not committed yet have no text.
        let Ok(text) = fs::read_to_string(workspace.root.join(path)) else {
            continue;
        };
        let is_rust = path.ends_with(".rs");
        for (line, number) in text.lines().zip(1..) {
            let code = line.trim_start();
            if line.contains(neighbours) {
                findings.push(format!("{path}:{number}: names `{neighbours}`"));
            }
            if is_rust && !code.starts_with("//") {
                if PURE.iter().any(|folder| path.starts_with(folder)) {
                    findings.extend(
                        IMPURE
                            .iter()
                            .filter(|word| code.contains(*word))
                            .map(|word| format!("{path}:{number}: `{word}` in a pure crate")),
                    );
                }
                if !SQL_FOLDERS.iter().any(|folder| path.starts_with(folder)) && is_sql(code) {
                    findings.push(format!("{path}:{number}: SQL stands only in crates/db and tests"));
                }
            }
        }
    }
    match findings.len() {
        0 => Ok(()),
        count => bail!("{count} finding(s)\n{}", findings.join("\n")),
    }
}

fn is_sql(code: &str) -> bool {
    let starts = code.split('"').skip(1).chain([code]);
    starts.into_iter().any(|text| {
        SQL.iter().any(|(begin, then)| text.strip_prefix(begin).is_some_and(|rest| rest.contains(then)))
    })
}

fn wrong_dependencies(workspace: &Workspace) -> Result<Vec<String>> {
    let packages = workspace.metadata["packages"].as_array().context("no packages in cargo metadata")?;
    let mut findings = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = ALLOWED.iter().find(|(of, _)| *of == name) else {
            findings.push(format!(
                "package `{name}` has no place in the direction of dependencies (crates/xtask/src/tidy.rs)"
            ));
            continue;
        };
        let Some(allowed) = allowed else { continue };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let on = dependency["name"].as_str().unwrap_or_default();
            let is_ours = dependency["path"].is_string();
            let is_for_tests = dependency["kind"] == "dev";
            if is_ours && !is_for_tests && !allowed.contains(&on) {
                findings.push(format!("package `{name}` must not depend on `{on}`"));
            }
        }
    }
    Ok(findings)
}
