//! Installs what a command needs and the machine lacks, or names the command to type

use crate::shell::{Workspace, read, run, say, which};
use anyhow::{Context, Result, bail};
use std::cell::Cell;
use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Install everything that the other commands need, and build nothing of ours
///
/// The other commands do this by themselves, each as far as it needs it. What is there already is left alone.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn setup(workspace: &Workspace, _: &Arguments) -> Result<()> {
    console(workspace)?;
    wasm(workspace)?;
    postgres()?;
    pgtap()?;
    browser(workspace)?;
    say("everything is there");
    Ok(())
}

const TRUNK_VERSION: &str = "0.21.14";
const SPLITTER_VERSION: &str = "0.2.4";
const NODE_MAJOR_MIN: u32 = 18;
const POSTGRES_MAJOR_MIN: u32 = 15;
const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Folders of installed tools, for `PATH`; those not installed yet included
pub(crate) fn tool_folders(workspace: &Workspace) -> Vec<PathBuf> {
    let bindgen = workspace.locked_version("wasm-bindgen").unwrap_or_default();
    [("trunk", TRUNK_VERSION), ("wasm-bindgen-cli", &bindgen), ("wasm_split_cli_support", SPLITTER_VERSION)]
        .map(|(package, version)| tool_root(workspace, package, version).join("bin"))
        .into()
}

/// What builds the console: the wasm32 target, wasm-bindgen, Trunk and the splitter
///
/// Without wasm-opt, which takes a minute to make the console half a percent smaller after compression.
pub(crate) fn console(workspace: &Workspace) -> Result<()> {
    wasm_target()?;
    wasm_bindgen(workspace)?;
    splitter(workspace)?;
    let features = ["--no-default-features", "--features", "rustls"];
    cargo_tool(workspace, "trunk", TRUNK_VERSION, "trunk", &features)
}

/// What takes the console apart into what loads first and what loads when it is opened
pub(crate) fn splitter(workspace: &Workspace) -> Result<()> {
    let features = ["--features", "build-binary"];
    cargo_tool(workspace, "wasm_split_cli_support", SPLITTER_VERSION, "wasm-split-cli", &features)
}

/// What builds the policy module: the wasm32 target, wasm-bindgen and wasm-opt
pub(crate) fn wasm(workspace: &Workspace) -> Result<()> {
    wasm_target()?;
    wasm_bindgen(workspace)?;
    npm(workspace)
}

/// wasm-bindgen's program must be of exactly the version that the code is linked with
fn wasm_bindgen(workspace: &Workspace) -> Result<()> {
    let version = workspace.locked_version("wasm-bindgen")?;
    cargo_tool(workspace, "wasm-bindgen-cli", &version, "wasm-bindgen", &[])
}

/// Packages of tests/e2e by its lock file: wasm-opt for the build, playwright-core and axe-core for the walks
pub(crate) fn npm(workspace: &Workspace) -> Result<()> {
    npm_in(workspace, "tests/e2e")
}

/// Packages of a folder by its lock file
pub(crate) fn npm_in(workspace: &Workspace, folder: &str) -> Result<()> {
    node()?;
    let path = workspace.root.join(folder);
    let lock = fs::read(path.join("package-lock.json"))
        .with_context(|| format!("cannot read {folder}/package-lock.json"))?;
    let stamp = path.join("node_modules/.installed-lock.json");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    say(&format!("installing npm packages of {folder}"));
    run(workspace
        .command("npm")
        .args(["ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(&path))?;
    Ok(fs::write(stamp, lock)?)
}

/// What the requirements.txt of a folder names, in a Python environment of its own; answers the folder of its programs
pub(crate) fn python_in(workspace: &Workspace, folder: &str) -> Result<PathBuf> {
    let path = workspace.root.join(folder).join("requirements.txt");
    let wanted = fs::read(&path).with_context(|| format!("cannot read {folder}/requirements.txt"))?;
    let home = workspace.tools.join(format!("python-{}", folder.replace('/', "-")));
    let stamp = home.join("installed.txt");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(home.join("bin"));
    }
    let can_make = || {
        let asked =
            Command::new("python3").args(["-c", "import venv, ensurepip"]).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    if !can_make() {
        apt(&["python3-venv"])?;
    }
    say(&format!("installing Python packages of {folder}"));
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))?;
    run(Command::new(home.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--requirement"])
        .arg(&path))?;
    fs::write(stamp, wanted)?;
    Ok(home.join("bin"))
}

fn node() -> Result<()> {
    if which("node").is_none() || which("npm").is_none() {
        apt(&["nodejs", "npm"])?;
    }
    let version = read(Command::new("node").arg("--version"))?;
    match major(&version) {
        Some(major) if major >= NODE_MAJOR_MIN => Ok(()),
        _ => bail!("node {} is too old: install Node.js {NODE_MAJOR_MIN} or newer", version.trim()),
    }
}

/// A PostgreSQL server to run privately
pub(crate) fn postgres() -> Result<()> {
    if postgres_major().is_none() {
        apt(&["postgresql"])?;
    }
    postgres_major()
        .map(|_| ())
        .with_context(|| format!("no PostgreSQL server of version {POSTGRES_MAJOR_MIN} or newer"))
}

/// The pgTAP extension for the PostgreSQL that tests run on
pub(crate) fn pgtap() -> Result<()> {
    let major = postgres_major().context("PostgreSQL is not installed")?;
    let control =
        Command::new("pg_config").arg("--sharedir").output().ok().filter(|output| output.status.success());
    let mut folders = vec![PathBuf::from(format!("/usr/share/postgresql/{major}"))];
    folders.extend(control.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())));
    if folders.iter().any(|folder| folder.join("extension/pgtap.control").exists()) {
        return Ok(());
    }
    apt(&[&format!("postgresql-{major}-pgtap")])
}

/// Chromium and what drives it
pub(crate) fn browser(workspace: &Workspace) -> Result<()> {
    npm(workspace)?;
    if env::var_os("CHROMIUM").is_some() || which("chromium").is_some() {
        return Ok(());
    }
    apt(&["chromium"])
}

/// The newest usable server: Debian's versioned folders first, else whatever `PATH` has
fn postgres_major() -> Option<u32> {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().filter_map(|entry| {
        let major = entry.file_name().to_str()?.parse().ok()?;
        entry.path().join("bin/postgres").exists().then_some(major)
    });
    let newest = debian.max().or_else(|| {
        let output = Command::new(which("postgres")?).arg("--version").output().ok()?;
        major(String::from_utf8_lossy(&output.stdout).rsplit(' ').next()?)
    });
    newest.filter(|major| *major >= POSTGRES_MAJOR_MIN)
}

/// `v20.20.2` and `15.18 (Debian)` → 20 and 15
fn major(version: &str) -> Option<u32> {
    let digits = version.trim().trim_start_matches('v');
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn tool_root(workspace: &Workspace, package: &str, version: &str) -> PathBuf {
    workspace.tools.join(format!("{package}-{version}"))
}

/// Builds a tool from crates.io once a machine and version
fn cargo_tool(
    workspace: &Workspace,
    package: &str,
    version: &str,
    binary: &str,
    features: &[&str],
) -> Result<()> {
    let root = tool_root(workspace, package, version);
    if root.join("bin").join(binary).exists() {
        return Ok(());
    }
    say(&format!("installing {package} {version} into {} (once, some minutes)", root.display()));
    // Tools are built to be had soon: their own release profiles (fat LTO, one codegen unit) take twice as long.
    let scratch = workspace.tools.join(format!(".building-{package}-{version}"));
    run(workspace
        .cargo(["install", "--quiet", "--locked", package, "--version", version])
        .args(features)
        .args(
            ["lto=false", "codegen-units=16", "opt-level=1", "debug=false"]
                .map(|setting| format!("--config=profile.release.{setting}")),
        )
        .arg("--root")
        .arg(&root)
        .current_dir("/")
        .env("CARGO_TARGET_DIR", &scratch))?;
    Ok(fs::remove_dir_all(scratch)?)
}

/// Where the standard library of wasm32 comes from
enum WasmStd {
    /// The toolchain in use has it
    Target,
    /// Debian's compiler builds it from Debian's source
    Debian,
}

thread_local! {
    static WASM_STD: Cell<Option<bool>> = const { Cell::new(None) };
}

fn wasm_std() -> Option<WasmStd> {
    let with_target = WASM_STD.get().unwrap_or_else(|| {
        let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().ok();
        let found = sysroot.is_some_and(|output| {
            let sysroot = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            Path::new(&sysroot).join("lib/rustlib").join(WASM_TARGET).is_dir()
        });
        WASM_STD.set(Some(found));
        found
    });
    if with_target {
        Some(WasmStd::Target)
    } else if ["/usr/bin/cargo", "/usr/bin/rustc", "/usr/bin/wasm-ld-19"]
        .iter()
        .all(|path| Path::new(path).exists())
    {
        Some(WasmStd::Debian)
    } else {
        None
    }
}

pub(crate) fn wasm_target() -> Result<()> {
    if wasm_std().is_some() {
        return Ok(());
    }
    say("adding the wasm32 target");
    WASM_STD.set(None);
    let added = Command::new("rustup")
        .args(["target", "add", WASM_TARGET])
        .status()
        .is_ok_and(|status| status.success());
    if added && wasm_std().is_some() {
        return Ok(());
    }
    say("rustup cannot fetch it; building the target's standard library with Debian's compiler instead");
    apt(&["rustc-web", "cargo-web", "rust-web-src", "lld-19"]).with_context(|| {
        format!("no wasm32 target: type `rustup target add {WASM_TARGET}`, or as root the command below")
    })?;
    wasm_std().map(|_| ()).context("Debian's compiler cannot build for wasm32 here")
}

/// `cargo` or `trunk` to build for wasm32, with whichever compiler can
pub(crate) fn wasm_command(workspace: &Workspace, program: &str) -> Command {
    let is_debian = matches!(wasm_std(), Some(WasmStd::Debian));
    let mut command = match program {
        "cargo" if !is_debian => workspace.cargo([]),
        "cargo" => workspace.command("/usr/bin/cargo"),
        _ => workspace.command(program),
    };
    if is_debian {
        let folders = env::split_paths(&workspace.search_path()).collect::<Vec<_>>();
        let path = env::join_paths([PathBuf::from("/usr/bin")].into_iter().chain(folders));
        command
            .env("PATH", path.unwrap_or_default())
            .env("CARGO", "/usr/bin/cargo")
            .env("RUSTC", "/usr/bin/rustc")
            .env_remove("RUSTUP_TOOLCHAIN")
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort")
            .env(
                "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
                "-Clinker=wasm-ld-19 -Clinker-flavor=wasm-ld",
            );
    }
    command
}

/// Whether clippy can check code for wasm32: Debian's compiler comes without it
pub(crate) fn has_wasm_clippy() -> bool {
    matches!(wasm_std(), Some(WasmStd::Target))
}

/// Installs Debian packages as root; as anybody else, names the command
fn apt(packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if which("apt-get").is_none() {
        bail!("missing: {list}; install what corresponds to these Debian packages");
    }
    if !is_root {
        bail!("missing: {list}; type `sudo apt-get install {list}`");
    }
    say(&format!("installing {list} with apt-get"));
    run(apt_get().arg("update"))?;
    run(apt_get().args(["install", "-y", "--no-install-recommends"]).args(packages))
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.arg("--quiet=2").env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    command
}
