//! Finds the PostgreSQL that the system has installed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::PrivateError;

/// The oldest major version whose features the migrations use
const MAJOR_MIN: u32 = 15;

/// Where Debian and its kin keep every installed major version apart
const DEBIAN_ROOT: &str = "/usr/lib/postgresql";

/// The programs of one installed PostgreSQL
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binaries {
    pub(crate) dir: PathBuf,
    pub(crate) major: u32,
}

impl Binaries {
    /// The newest PostgreSQL, to make a new data directory with
    pub(crate) fn newest(search_path: &OsStr) -> Result<Self, PrivateError> {
        let mut found = debian();
        found.extend(elsewhere(search_path));
        found
            .into_iter()
            .filter(|binaries| binaries.major >= MAJOR_MIN)
            .max_by_key(|binaries| binaries.major)
            .ok_or(PrivateError::NotInstalled)
    }

    /// The PostgreSQL of the `major` version that made `data`
    pub(crate) fn of_major(major: u32, data: &Path, search_path: &OsStr) -> Result<Self, PrivateError> {
        let of_major = |binaries: &Binaries| binaries.major == major;
        // Debian's layout tells the version by the folder's name; only elsewhere must programs be asked.
        debian()
            .into_iter()
            .find(of_major)
            .or_else(|| elsewhere(search_path).into_iter().find(of_major))
            .ok_or_else(|| PrivateError::OtherMajor { data: data.to_owned(), major })
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

fn debian() -> Vec<Binaries> {
    let Ok(entries) = std::fs::read_dir(DEBIAN_ROOT) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            Some(Binaries { major: entry.file_name().to_str()?.parse().ok()?, dir: entry.path().join("bin") })
        })
        .filter(|binaries| is_server(&binaries.dir))
        .collect()
}

/// What `pg_config` points to, and what lies on the search path itself
fn elsewhere(search_path: &OsStr) -> Vec<Binaries> {
    let folders = || std::env::split_paths(search_path);
    let configured = folders()
        .map(|folder| folder.join("pg_config"))
        .filter(|program| program.is_file())
        .filter_map(|program| output(&program, "--bindir"))
        .map(PathBuf::from);
    configured
        .chain(folders())
        .filter(|folder| is_server(folder))
        .filter_map(|dir| {
            let major = major_of(&output(&dir.join("postgres"), "--version")?)?;
            Some(Binaries { dir, major })
        })
        .collect()
}

/// Clients are packaged apart: a folder may hold `psql` and no server.
fn is_server(dir: &Path) -> bool {
    ["postgres", "initdb"].iter().all(|program| dir.join(program).is_file())
}

fn output(program: &Path, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// The major version in what `postgres --version` prints
fn major_of(version: &str) -> Option<u32> {
    let number = version.split_whitespace().nth(2)?;
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(version: &str, expect: Option<u32>) {
        assert_eq!(major_of(version), expect, "{version}");
    }

    #[test]
    fn the_major_version_is_read_from_every_vendors_text() {
        check("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", Some(15));
        check("postgres (PostgreSQL) 18beta1", Some(18));
        check("postgres (PostgreSQL) 17.2", Some(17));
        check("postgres", None);
    }

    #[test]
    fn a_missing_major_version_is_named() {
        let error = Binaries::of_major(9, Path::new("/home/it/postgres"), OsStr::new(""))
            .expect_err("nobody has version 9");
        assert_eq!(
            error.to_string(),
            "`/home/it/postgres` was made by PostgreSQL 9, which is not installed; \
             install it with `apt-get install postgresql-9`, or choose another data directory"
        );
    }
}
