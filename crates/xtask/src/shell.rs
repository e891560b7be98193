//! The checkout and the commands that run in it

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The checkout: where it is, where it builds, and which tools its commands see
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Cargo's target folder, wherever the user has put it
    pub(crate) target: PathBuf,
    /// Holds one folder a tool and version, shared by all clones of this user
    pub(crate) tools: PathBuf,
    /// What `cargo metadata --no-deps` says
    pub(crate) metadata: Value,
}

impl Workspace {
    pub(crate) fn open() -> Result<Self> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stderr(Stdio::inherit())
            .output()
            .context("cannot start cargo")?;
        ensure!(output.status.success(), "`cargo metadata` failed");
        let metadata: Value = serde_json::from_slice(&output.stdout)?;
        let path = |key: &str| {
            let text = metadata[key].as_str().with_context(|| format!("no `{key}` in cargo metadata"))?;
            anyhow::Ok(PathBuf::from(text))
        };
        Ok(Self {
            root: path("workspace_root")?,
            target: path("target_directory")?,
            tools: tools_folder()?,
            metadata,
        })
    }

    /// The version of `package` that Cargo.lock holds
    pub(crate) fn locked_version(&self, package: &str) -> Result<String> {
        let lock = fs::read_to_string(self.root.join("Cargo.lock")).context("cannot read Cargo.lock")?;
        let mut lines = lock.lines();
        let name = format!("name = \"{package}\"");
        lines
            .find(|line| *line == name)
            .and_then(|_| lines.next())
            .and_then(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
            .map(str::to_owned)
            .with_context(|| format!("no `{package}` in Cargo.lock"))
    }

    /// The binary that `cargo build --package dragonfly` leaves
    pub(crate) fn dragonfly(&self) -> PathBuf {
        self.target.join("debug/dragonfly")
    }

    /// A command in the root of the checkout, with the installed tools first on its `PATH`
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).env("PATH", self.search_path());
        command
    }

    pub(crate) fn cargo<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments);
        command
    }

    /// `PATH` with the installed tools first
    pub(crate) fn search_path(&self) -> OsString {
        let mut folders = vec![self.root.join("tests/e2e/node_modules/.bin")];
        folders.extend(crate::setup::tool_folders(self));
        folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        env::join_paths(folders).unwrap_or_default()
    }
}

fn tools_folder() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("DRAGONFLY_TOOLS").filter(|folder| !folder.is_empty()) {
        return Ok(std::path::absolute(folder)?);
    }
    let cache = match env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()) {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(env::var_os("HOME").context("HOME is not set; set DRAGONFLY_TOOLS instead")?)
            .join(".cache"),
    };
    Ok(cache.join("dragonfly/tools"))
}

/// Runs `command` with its output shown; an exit other than 0 is an error that names it
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start `{}`", describe(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", describe(command));
    }
    Ok(())
}

/// Runs `command` and answers its standard output; its errors are shown
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{}`", describe(command)))?;
    ensure!(output.status.success(), "`{}` failed ({})", describe(command), output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// The command as a person would type it
fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    std::iter::once(program)
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Finds `program` in the folders of `PATH`
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Says what is being done, on its own line
pub(crate) fn say(line: &str) {
    eprintln!("[xtask] {line}");
}
