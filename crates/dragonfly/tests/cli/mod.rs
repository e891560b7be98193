//! Runs the binary on a test's own database

use std::process::{Command, Output};

use db::testing::TestDatabase;
use serde_json::Value;

/// The binary with arguments that every command gets
#[derive(Debug, Clone)]
pub(crate) struct Cli {
    arguments: Vec<String>,
}

impl Cli {
    pub(crate) fn on(database: &TestDatabase) -> Cli {
        Cli { arguments: vec!["--database-url".to_owned(), database.url()] }
    }

    pub(crate) fn with(mut self, flag: &str, value: &str) -> Cli {
        self.arguments.extend([flag.to_owned(), value.to_owned()]);
        self
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_dragonfly"))
            .args(&self.arguments)
            .args(arguments)
            // No file that lies about in the working directory takes part.
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .env_remove("DATABASE_URL")
            .output()
            .unwrap()
    }

    /// What a command that succeeds prints
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ok(arguments)).unwrap()
    }
}
