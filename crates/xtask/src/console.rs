//! Builds the console into `dist/`, unless nothing it is made of has changed

use crate::shell::{Workspace, run, say};
use crate::{setup, stage};
use anyhow::{Context, Result, bail};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;

/// What the console is made of, relative to the root of the checkout
const INPUTS: [&str; 10] = [
    "app",
    "crates/policy",
    "crates/policy-wasm",
    "crates/contract",
    "crates/xtask/src/stage.rs",
    "public",
    "Trunk.toml",
    "Cargo.toml",
    "Cargo.lock",
    ".cargo",
];

/// Builds the console for release, with a `.br` and a `.gz` beside every file that compresses
///
/// Installs the tools first. Skipped, within milliseconds, while inputs and outputs are those of the last build.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    let stamp = stamp_path(workspace);
    if fs::read_to_string(&stamp).is_ok_and(|last| last == current_stamp(workspace).unwrap_or_default()) {
        return Ok(());
    }
    setup::console(workspace)?;
    say("building the console");
    let mut fetch = setup::wasm_command(workspace, "cargo");
    run(fetch.args(["fetch", "--quiet", "--locked", "--target", "wasm32-unknown-unknown"]))?;
    // Offline, since Trunk would otherwise download a wasm-bindgen that it does not find.
    let mut trunk = setup::wasm_command(workspace, "trunk");
    trunk.args(["build", "--release", "--offline", "--locked", "--cargo-profile", "wasm", "--dist"]);
    trunk.arg(workspace.root.join("dist"));
    // The hook in Trunk.toml need not build this program again, with whatever compiler builds the console.
    // This program, or what Cargo has put in its place since it started.
    let own = env::current_exe()?;
    trunk.env("DRAGONFLY_XTASK", if own.exists() { own } else { workspace.target.join("debug/xtask") });
    trunk.env(stage::PROFILE, "wasm");
    // Trunk takes `NO_COLOR=1` for a malformed flag.
    run(trunk.env_remove("NO_COLOR"))?;
    compress_all(&workspace.root.join("dist"))?;
    if let Some(folder) = stamp.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(&stamp, current_stamp(workspace)?)?)
}

/// A clone may share its target folder with another, so the stamp's name says whose `dist/` it is
fn stamp_path(workspace: &Workspace) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    workspace.root.hash(&mut hasher);
    workspace.target.join(format!("xtask/console-{:016x}.stamp", hasher.finish()))
}

/// Digest of what goes in (paths and contents) and of what came out (paths, lengths, times)
fn current_stamp(workspace: &Workspace) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    for input in INPUTS {
        for path in files(&workspace.root.join(input))? {
            path.hash(&mut hasher);
            fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?.hash(&mut hasher);
        }
    }
    let outputs = files(&workspace.root.join("dist"))?;
    if outputs.is_empty() {
        bail!("nothing built");
    }
    for path in outputs {
        let metadata = fs::metadata(&path)?;
        (path, metadata.len(), metadata.modified()?).hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// All files at or under `path`, in order; none where there is nothing
pub(crate) fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let Ok(entries) = fs::read_dir(path) else {
        return Ok(Vec::new());
    };
    let mut entries = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    entries.sort();
    Ok(entries.iter().map(|entry| files(entry)).collect::<Result<Vec<_>>>()?.concat())
}

fn compress_all(dist: &Path) -> Result<()> {
    let paths: Vec<PathBuf> = files(dist)?.into_iter().filter(|path| compresses(path)).collect();
    thread::scope(|scope| {
        let threads: Vec<_> = paths.iter().map(|path| scope.spawn(move || compress(path))).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|_| bail!("a compressing thread panicked")))
    })
}

fn compresses(path: &Path) -> bool {
    let kind = path.extension().and_then(|extension| extension.to_str());
    matches!(kind, Some("html" | "js" | "wasm" | "css" | "svg" | "json" | "txt" | "webmanifest"))
}

fn compress(path: &Path) -> Result<()> {
    let content = fs::read(path)?;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&content)?;
    fs::write(suffixed(path, "gz"), gzip.finish()?)?;
    Ok(fs::write(suffixed(path, "br"), brotli(&content)?)?)
}

/// Brotli at its best quality (11), which is what the measurements of size count too
pub(crate) fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 24,
        size_hint: content.len(),
        ..Default::default()
    };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &content[..], &mut compressed, &parameters)?;
    Ok(compressed)
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}
