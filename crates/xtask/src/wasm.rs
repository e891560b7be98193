//! `cargo xtask wasm`

use crate::console::files;
use crate::setup;
use crate::shell::{Workspace, run, say};
use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;

/// Build the policy crate for JavaScript hosts into target/wasm/web and target/wasm/node
///
/// Each folder is a package: module, WebAssembly, TypeScript types, README.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn wasm(workspace: &Workspace, _: &Arguments) -> Result<()> {
    for folder in build(workspace)? {
        for path in files(&folder)? {
            println!("{:>9}  {}", fs::metadata(&path)?.len(), path.display());
        }
    }
    Ok(())
}

/// What rustc emits for wasm32 by default; wasm-opt asks to be told
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// The folder of the package for `host`, `web` or `node`
pub(crate) fn folder(workspace: &Workspace, host: &str) -> PathBuf {
    workspace.target.join("wasm").join(host)
}

/// Builds both packages and answers their folders
pub(crate) fn build(workspace: &Workspace) -> Result<[PathBuf; 2]> {
    setup::wasm(workspace)?;
    say("building the policy module");
    let target = "wasm32-unknown-unknown";
    let mut cargo = setup::wasm_command(workspace, "cargo");
    cargo.args(["build", "--quiet", "--locked", "--package", "policy-wasm"]);
    run(cargo.args(["--profile", "wasm", "--target", target]))?;
    let module = workspace.target.join(target).join("wasm/policy_wasm.wasm");
    let is_current = |ours: &PathBuf| {
        Some(fs::metadata(ours).ok()?.modified().ok()? > fs::metadata(&module).ok()?.modified().ok()?)
    };

    let hosts = [("web", "web"), ("node", "nodejs")];
    let folders = hosts.map(|(host, _)| folder(workspace, host));
    if folders.iter().all(|folder| is_current(&folder.join("package.json")) == Some(true)) {
        return Ok(folders);
    }
    let mut optimized: Option<(Vec<u8>, Vec<u8>)> = None;
    for ((_, bindgen_target), folder) in hosts.iter().zip(&folders) {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        let mut bindgen = workspace.command("wasm-bindgen");
        run(bindgen.arg(&module).args(["--target", bindgen_target, "--out-dir"]).arg(folder))?;
        let path = folder.join("policy_wasm_bg.wasm");
        let bound = fs::read(&path)?;
        // Both hosts usually get the same WebAssembly, which takes a while to optimize.
        match &optimized {
            Some((input, output)) if *input == bound => fs::write(&path, output)?,
            _ => {
                run(workspace.command("wasm-opt").arg("-O3").args(FEATURES).arg(&path).arg("-o").arg(&path))?;
                optimized = Some((bound, fs::read(&path)?));
            }
        }
        let readme = workspace.root.join("crates/policy-wasm/README.md");
        if readme.exists() {
            fs::copy(readme, folder.join("README.md"))?;
        }
        fs::write(folder.join("package.json"), manifest(workspace, bindgen_target)?)?;
    }
    Ok(folders)
}

fn manifest(workspace: &Workspace, bindgen_target: &str) -> Result<String> {
    let packages = workspace.metadata["packages"].as_array().context("no packages in cargo metadata")?;
    let package = packages
        .iter()
        .find(|package| package["name"] == "policy-wasm")
        .context("no package `policy-wasm`")?;
    let manifest = serde_json::json!({
        "name": "@dragonfly/policy",
        "version": package["version"],
        "description": package["description"],
        "license": package["license"],
        "type": if bindgen_target == "web" { "module" } else { "commonjs" },
        "main": "policy_wasm.js",
        "types": "policy_wasm.d.ts",
        "files": ["policy_wasm.js", "policy_wasm.d.ts", "policy_wasm_bg.wasm", "policy_wasm_bg.wasm.d.ts"],
        "sideEffects": false,
    });
    Ok(format!("{manifest:#}\n"))
}
