//! Runs the binary on a test's own database

// Each test file is a program of its own, and none uses all of this.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use db::testing::TestDatabase;
use serde_json::Value;

/// The binary with what every command gets: arguments, environment, working directory
#[derive(Debug, Clone)]
pub(crate) struct Cli {
    arguments: Vec<String>,
    envs: Vec<(String, String)>,
    folder: PathBuf,
}

impl Cli {
    pub(crate) fn without_database() -> Cli {
        // No configuration lies about there.
        Cli { arguments: Vec::new(), envs: Vec::new(), folder: PathBuf::from(env!("CARGO_TARGET_TMPDIR")) }
    }

    pub(crate) fn on(database: &TestDatabase) -> Cli {
        Cli::without_database().with("--database-url", &database.url())
    }

    pub(crate) fn with(mut self, flag: &str, value: &str) -> Cli {
        self.arguments.extend([flag.to_owned(), value.to_owned()]);
        self
    }

    pub(crate) fn within(mut self, folder: &Path) -> Cli {
        self.folder = folder.to_owned();
        self
    }

    pub(crate) fn envs(mut self, envs: &[(&str, &str)]) -> Cli {
        self.envs.extend(envs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dragonfly"));
        for name in [
            "DATABASE_URL",
            "DRAGONFLY_CONFIG",
            "DRAGONFLY_DATA_DIR",
            "DRAGONFLY_DOCUMENTS",
            "DRAGONFLY_ENV",
            "DRAGONFLY_LOG",
            "DRAGONFLY_ORG",
        ] {
            command.env_remove(name);
        }
        command
            .args(&self.arguments)
            .args(arguments)
            .current_dir(&self.folder)
            .envs(self.envs.iter().cloned());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command that succeeds prints
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// How the queue of tier assignments stands
    #[track_caller]
    pub(crate) fn tier_queue(&self) -> Value {
        let kinds = self.json(&["queue", "stats", "--json"]);
        kinds.as_array().unwrap().iter().find(|stats| stats["kind"] == "tier_assignment").unwrap().clone()
    }

    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ok(arguments)).unwrap()
    }
}
