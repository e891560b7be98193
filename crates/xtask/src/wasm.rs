//! `cargo xtask wasm`

use crate::console::files;
use crate::setup;
use crate::shell::{Workspace, run, say};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

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
pub(crate) const FEATURES: [&str; 6] = [
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

/// The modules of a package: the name, and the features of `policy-wasm` that it is built with
const MODULES: [(&str, &[&str]); 3] = [
    ("policy_wasm", &[]),
    ("policy_studies", &["--features", "studies"]),
    ("policy_routing", &["--no-default-features", "--features", "routing"]),
];

/// Builds both packages and answers their folders
pub(crate) fn build(workspace: &Workspace) -> Result<[PathBuf; 2]> {
    setup::wasm(workspace)?;
    // Side by side: most of a build is the linker's optimization, which has one thread.
    let built = thread::scope(|scope| {
        let builds = MODULES.map(|(name, features)| scope.spawn(move || compile(workspace, name, features)));
        builds.into_iter().map(joined).collect::<Result<Vec<PathBuf>>>()
    })?;
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let is_current = |folder: &PathBuf| {
        let packed = modified(&folder.join("package.json"));
        packed.is_some() && built.iter().all(|module| packed > modified(module))
    };

    let hosts = [("web", "web"), ("node", "nodejs")];
    let folders = hosts.map(|(host, _)| folder(workspace, host));
    if folders.iter().all(is_current) {
        return Ok(folders);
    }
    for folder in folders.iter().filter(|folder| folder.exists()) {
        fs::remove_dir_all(folder)?;
    }
    let bind = |name: &str, module: &Path| -> Result<()> {
        let mut optimized: Option<(Vec<u8>, Vec<u8>)> = None;
        for ((_, bindgen_target), folder) in hosts.iter().zip(&folders) {
            let mut bindgen = workspace.command("wasm-bindgen");
            bindgen.arg(module).args(["--target", bindgen_target, "--out-name", name, "--out-dir"]);
            run(bindgen.arg(folder))?;
            let path = folder.join(format!("{name}_bg.wasm"));
            let bound = fs::read(&path)?;
            // Both hosts usually get the same WebAssembly, which takes a while to optimize.
            match &optimized {
                Some((input, output)) if *input == bound => fs::write(&path, output)?,
                _ => {
                    run(workspace
                        .command("wasm-opt")
                        .arg("-O3")
                        .args(FEATURES)
                        .arg(&path)
                        .arg("-o")
                        .arg(&path))?;
                    optimized = Some((bound, fs::read(&path)?));
                }
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let bound = MODULES.iter().zip(&built).map(|((name, _), module)| scope.spawn(|| bind(name, module)));
        bound.collect::<Vec<_>>().into_iter().try_for_each(joined)
    })?;
    for ((_, bindgen_target), folder) in hosts.iter().zip(&folders) {
        let readme = workspace.root.join("crates/policy-wasm/README.md");
        if readme.exists() {
            fs::copy(readme, folder.join("README.md"))?;
        }
        fs::write(folder.join("package.json"), manifest(workspace, bindgen_target)?)?;
    }
    Ok(folders)
}

fn joined<T>(work: thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    work.join().unwrap_or_else(|_| bail!("a build panicked"))
}

/// Compiles one module and answers its path
///
/// Each has a target folder of its own: in one folder they would be built over each other each time.
fn compile(workspace: &Workspace, name: &str, features: &[&str]) -> Result<PathBuf> {
    say(&format!("building the module {name}"));
    let target = "wasm32-unknown-unknown";
    let target_dir = if features.is_empty() {
        workspace.target.clone()
    } else {
        workspace.target.join("wasm-modules").join(name)
    };
    let mut cargo = setup::wasm_command(workspace, "cargo");
    cargo.args([
        "build",
        "--quiet",
        "--locked",
        "--package",
        "policy-wasm",
        "--profile",
        "wasm",
        "--target",
        target,
    ]);
    run(cargo.args(features).arg("--target-dir").arg(&target_dir))?;
    Ok(target_dir.join(target).join("wasm/policy_wasm.wasm"))
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
        "exports": {
            ".": { "types": "./policy_wasm.d.ts", "default": "./policy_wasm.js" },
            "./studies": { "types": "./policy_studies.d.ts", "default": "./policy_studies.js" },
            "./routing": { "types": "./policy_routing.d.ts", "default": "./policy_routing.js" },
            "./*": "./*",
        },
        "files": ["policy_*"],
        "sideEffects": false,
    });
    Ok(format!("{manifest:#}\n"))
}
