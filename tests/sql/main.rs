//! Runs the pgTAP files of this folder, each in a database of its own.

use db::testing::TestDatabase;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs one file with psql and answers what it printed; panics unless every planned test passed.
async fn check(file: &Path) {
    let database = TestDatabase::new().await;
    let output = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--file"])
        .arg(file)
        .arg(database.url())
        .output()
        .expect("psql runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    let passed = printed.lines().filter(|line| line.starts_with("ok ")).count();
    let planned = printed.lines().find_map(|line| line.strip_prefix("1..")?.parse::<usize>().ok());
    let failed: Vec<_> =
        printed.lines().filter(|line| line.starts_with("not ok") || line.starts_with('#')).collect();
    assert!(
        output.status.success() && failed.is_empty() && planned == Some(passed) && passed > 0,
        "{}: {passed} of {planned:?} passed\n{}\n{complaints}",
        file.display(),
        failed.join("\n"),
    );
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is readable")
        .map(|entry| entry.expect("the entry is readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn every_pgtap_file_passes() {
    let files = files();
    assert!(files.len() >= 3, "the pgTAP files are found");
    for file in files {
        check(&file).await;
    }
}
