//! The private PostgreSQL starts, is joined, stops with the last one out, and survives kills.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use db::private::{Launcher, Private, PrivateError};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

/// A folder that PostgreSQL's user can enter, with a server's home to be in it
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("private-").tempdir_in("/tmp").unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("home")
    }

    async fn start(&self) -> Private {
        self.try_start().await.unwrap()
    }

    async fn try_start(&self) -> Result<Private, PrivateError> {
        launcher(&self.path()).start_or_join().await
    }
}

fn launcher(home: &Path) -> Launcher {
    Launcher::new(home, std::env::var_os("PATH").unwrap_or_default())
}

async fn connect(private: &Private) -> PgConnection {
    PgConnection::connect_with(&private.connect_options()).await.unwrap()
}

async fn setting(connection: &mut PgConnection, name: &str) -> String {
    sqlx::query_scalar("select current_setting($1)").bind(name).fetch_one(connection).await.unwrap()
}

fn is_alive(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

/// Kills a process as a crash would, and returns when it is gone
fn kill(pid: u32) {
    let status = Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
    assert!(status.success());
    while is_alive(pid) {
        std::thread::yield_now();
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0)
}

#[tokio::test]
async fn a_new_server_is_durable_and_reached_by_its_socket_only() {
    let home = Home::new();
    let private = home.start().await;
    let mut connection = connect(&private).await;

    assert_eq!(setting(&mut connection, "fsync").await, "on");
    assert_eq!(setting(&mut connection, "data_checksums").await, "on");
    assert_eq!(setting(&mut connection, "server_encoding").await, "UTF8");
    assert_eq!(setting(&mut connection, "listen_addresses").await, "");
    assert_eq!(setting(&mut connection, "TimeZone").await, "UTC");
    let mode = fs::metadata(private.socket_dir()).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "only the server's user and root reach the socket");
    let sorted: Vec<String> =
        sqlx::query_scalar("select word from (values ('b'), ('Ä'), ('B')) as words (word) order by word")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    assert_eq!(sorted, ["B", "b", "Ä"], "text sorts by code point on every machine");
}

#[tokio::test]
async fn the_last_one_out_stops_the_server() {
    let home = Home::new();
    let first = home.start().await;
    let second = home.start().await;
    let pid = first.postmaster_pid().unwrap();
    assert_eq!(second.postmaster_pid(), Some(pid), "the second joins");

    first.close().await.unwrap();
    assert!(is_alive(pid), "the second still uses it");
    connect(&second).await;

    second.close().await.unwrap();
    assert!(!is_alive(pid));
    assert!(!home.path().join("postgres/postmaster.pid").exists(), "it has stopped in order");
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_restart() {
    let home = Home::new();
    let private = home.start().await;
    sqlx::query("create table kept ()").execute(&mut connect(&private).await).await.unwrap();
    private.close().await.unwrap();

    let private = home.start().await;
    sqlx::query("select from kept").execute(&mut connect(&private).await).await.unwrap();
}

#[tokio::test]
async fn several_that_start_at_once_share_one_server() {
    let home = Home::new();
    let starting = (0..4).map(|_| tokio::spawn(launcher(&home.path()).start_or_join()));
    let mut all = Vec::new();
    for started in starting.collect::<Vec<_>>() {
        all.push(started.await.unwrap().unwrap());
    }
    let pids: Vec<_> = all.iter().map(Private::postmaster_pid).collect();
    assert!(pids.iter().all(|pid| pid.is_some() && *pid == pids[0]), "{pids:?}");
}

#[tokio::test]
async fn a_killed_server_is_started_again_by_whoever_supervises() {
    let home = Home::new();
    let private = home.start().await;
    let mut connection = connect(&private).await;
    sqlx::query("create table kept ()").execute(&mut connection).await.unwrap();
    let killed = private.postmaster_pid().unwrap();
    kill(killed);

    let supervised = private.clone();
    let supervising = tokio::spawn(async move { supervised.supervise().await });
    while private.postmaster_pid().is_none_or(|pid| pid == killed) {
        tokio::task::yield_now().await;
    }
    assert!(!private.ensure_running().await.unwrap(), "the supervisor has started it");
    sqlx::query("select from kept").execute(&mut connect(&private).await).await.unwrap();

    private.close().await.unwrap();
    supervising.await.unwrap();
    assert_eq!(private.postmaster_pid(), None, "what was closed is not started again");
}

#[tokio::test]
async fn backends_that_outlive_a_killed_server_do_not_keep_it_down() {
    let home = Home::new();
    let private = home.start().await;
    let mut connection = connect(&private).await;
    let backend: i32 =
        sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut connection).await.unwrap();
    // A busy backend does not notice that its postmaster is gone.
    let busy = tokio::spawn(async move {
        sqlx::query("select count(*) from generate_series(1, 100000000000)").execute(&mut connection).await
    });
    kill(private.postmaster_pid().unwrap());

    assert!(private.ensure_running().await.unwrap());
    assert!(!is_alive(backend.try_into().unwrap()));
    assert!(busy.await.unwrap().is_err());
    connect(&private).await;
}

#[tokio::test]
async fn a_pid_file_whose_number_was_reused_is_forgotten() {
    let home = Home::new();
    let private = home.start().await;
    kill(private.postmaster_pid().unwrap());
    drop(private);

    // The number of a living process that is not PostgreSQL: this test's own.
    let pid_file = home.path().join("postgres/postmaster.pid");
    let text = fs::read_to_string(&pid_file).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    fs::write(&pid_file, format!("{}\n{rest}", std::process::id())).unwrap();
    fs::write(home.path().join("socket/.s.PGSQL.5432.lock"), format!("{}\n", std::process::id())).unwrap();

    let private = home.start().await;
    connect(&private).await;
}

#[tokio::test]
async fn a_start_that_was_interrupted_is_begun_anew() {
    let home = Home::new();
    fs::create_dir(home.path()).unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let half_made = home.path().join("postgres.unfinished-1");
    fs::create_dir(&half_made).unwrap();
    fs::write(half_made.join("PG_VERSION"), "15\n").unwrap();

    let private = home.start().await;
    connect(&private).await;
    assert!(!half_made.exists());
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_is_no_obstacle() {
    let home = Home::new();
    let long = home.0.path().join("long".repeat(30));
    let private = launcher(&long).start_or_join().await.unwrap();
    connect(&private).await;
    let elsewhere = private.socket_dir().to_owned();
    assert!(elsewhere.starts_with("/tmp") && elsewhere.as_os_str().len() < 90, "{elsewhere:?}");

    private.close().await.unwrap();
    assert!(!elsewhere.exists(), "nothing is left in /tmp");
}

#[tokio::test]
async fn data_of_a_version_that_is_not_installed_is_refused() {
    let home = Home::new();
    fs::create_dir_all(home.path().join("postgres")).unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o711)).unwrap();
    if is_root() {
        std::os::unix::fs::chown(home.path().join("postgres"), Some(65534), Some(65534)).unwrap();
    }
    fs::write(home.path().join("postgres/PG_VERSION"), "9\n").unwrap();

    let error = home.try_start().await.unwrap_err();
    assert!(matches!(error, PrivateError::OtherMajor { major: 9, .. }), "{error}");
}

#[tokio::test]
async fn a_folder_that_the_servers_user_cannot_enter_is_named_with_its_remedy() {
    let home = Home::new();
    let closed = home.0.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();

    let result = launcher(&closed.join("home")).start_or_join().await;
    // Whoever is not root runs the server under their own name, and may enter what is theirs.
    if is_root() {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(&format!("`chmod o+x {}`", closed.display())), "{error}");
    } else {
        result.unwrap();
    }
}
