//! Databases for tests: each test has its own, cloned from a migrated template.
//!
//! All tests of a user share one server, without fsync, in `$DRAGONFLY_TEST_DATA_DIR` or else in
//! `/tmp/dragonfly-test-<uid>`, which PostgreSQL's user can enter even where the clone lies in root's
//! home. Test processes join it, and nobody stops it when they leave: nextest runs every test in a
//! process of its own. `cargo run -p db --features testing --bin test-postgres -- stop` does at the
//! end of a run, unless another run still uses it; a server left behind is joined by the next run.
//!
//! A test that kills PostgreSQL takes a durable server of its own: [`TestDatabase::on_own_server`].

use std::error::Error;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, PgPool};
use tempfile::TempDir;

use crate::migrate::{fingerprint, migrate};
use crate::pool::Database;
use crate::private::{Launcher, Private};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// A database of a killed test is dropped by a later one after this long.
const STALE_SECONDS: u64 = 3600;
const CONNECTIONS_MAX: u32 = 10;
const TEMPLATE_LOCK: i64 = 0x7465_6d70;
static NEXT: AtomicU32 = AtomicU32::new(0);

/// An empty, migrated database of the test's own, dropped with this value
#[derive(Debug)]
pub struct TestDatabase {
    database: Database,
    private: Private,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// A database beside those of other tests; its name
    Shared(String),
    /// A server for this test alone; its home is removed when this is dropped
    Own { _home: TempDir },
}

impl TestDatabase {
    /// A database on the shared server, which forgets everything when the machine loses power
    ///
    /// # Panics
    /// If the server cannot be started or the migrations fail.
    pub async fn new() -> Self {
        Self::shared().await.unwrap_or_else(|error| panic!("no test database: {error}"))
    }

    /// A database on a durable server of the test's own, which the test may kill
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub async fn on_own_server() -> Self {
        Self::own().await.unwrap_or_else(|error| panic!("no test database: {error}"))
    }

    /// A handle as the product has it
    pub fn database(&self) -> Database {
        self.database.clone()
    }

    /// The owner's connections, whom no policy binds, to arrange and to look
    pub fn owner(&self) -> &PgPool {
        self.database.owner()
    }

    /// How to connect to this database, for a process under test
    pub fn connect_options(&self) -> PgConnectOptions {
        match &self.place {
            Place::Shared(name) => self.private.connect_options().database(name),
            Place::Own { .. } => self.private.connect_options(),
        }
    }

    /// The same as a `DATABASE_URL`
    pub fn url(&self) -> String {
        let options = self.connect_options();
        let socket_dir = self.private.socket_dir().to_string_lossy().replace('/', "%2F");
        let database = options.get_database().unwrap_or_default();
        format!(
            "postgres://{}@{socket_dir}:{}/{database}?sslmode=disable",
            options.get_username(),
            options.get_port()
        )
    }

    /// The server that the database is on
    pub fn private(&self) -> &Private {
        &self.private
    }

    /// Has `app_now()` answer `instant` from now on, in every session of this database
    ///
    /// # Panics
    /// If the database cannot be reached.
    pub async fn set_app_now(&self, instant: DateTime<Utc>) {
        self.replace_app_now(&format!("timestamptz '{}'", instant.to_rfc3339())).await;
    }

    /// Has `app_now()` answer the real time again
    ///
    /// # Panics
    /// If the database cannot be reached.
    pub async fn reset_app_now(&self) {
        self.replace_app_now("now()").await;
    }

    async fn replace_app_now(&self, expression: &str) {
        let replacement = format!(
            "create or replace function public.app_now() returns timestamptz \
             language sql stable parallel safe set search_path = '' return {expression}"
        );
        sqlx::query(&replacement).execute(self.owner()).await.expect("the clock can be set");
    }

    /// Kills the server as a crash would; only on a server of the test's own
    ///
    /// Returns when its processes are gone or dying; [`Private::ensure_running`] starts it again.
    ///
    /// # Panics
    /// On the shared server, and where no server runs.
    pub fn kill_postgres(&self) {
        assert!(matches!(self.place, Place::Own { .. }), "the shared server is not ours to kill");
        let pid = self.private.postmaster_pid().and_then(|pid| pid.try_into().ok());
        let pid = pid.and_then(Pid::from_raw).expect("the server runs");
        kill_process(pid, Signal::KILL).expect("the server is ours");
    }

    async fn shared() -> Result<Self> {
        let private = launcher().start_or_join().await?;
        let maintenance = private.connect_options().database("postgres");
        let mut connection = PgConnection::connect_with(&maintenance).await?;
        let template = format!("template_{}", fingerprint());
        let started_at = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let name =
            format!("test_{started_at}_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let clone = format!("create database {name} template {template}");
        // The template may be missing, or be dropped by a run of other migrations in between.
        while let Err(error) = sqlx::query(&clone).execute(&mut connection).await {
            if !is_missing(&error) {
                return Err(error.into());
            }
            build_template(&mut connection, &private, &template).await?;
        }
        connection.close().await?;
        let options = private.connect_options().database(&name);
        Ok(Self {
            database: Database::connect(options, CONNECTIONS_MAX).await?,
            private,
            place: Place::Shared(name),
        })
    }

    async fn own() -> Result<Self> {
        let home = tempfile::Builder::new().prefix("dragonfly-").tempdir_in("/tmp")?;
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o711))?;
        let private = Launcher::new(home.path().join("db"), search_path()).start_or_join().await?;
        let database = Database::connect(private.connect_options(), CONNECTIONS_MAX).await?;
        migrate(&database).await?;
        Ok(Self { database, private, place: Place::Own { _home: home } })
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Place::Shared(name) = &self.place else {
            return;
        };
        let maintenance = self.private.connect_options().database("postgres");
        let drop_it = format!("drop database if exists {name} with (force)");
        // A thread of its own, as the test's runtime is busy dropping this. What is left is stale later.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = PgConnection::connect_with(&maintenance).await?;
                sqlx::query(&drop_it).execute(&mut connection).await?;
                connection.close().await?;
                Result::Ok(())
            })
        });
        let _ = dropping.join();
    }
}

/// Stops the shared server, unless a process still uses it
pub async fn stop_server() -> Result<()> {
    launcher().stop_when_last().start_or_join().await?.close().await?;
    Ok(())
}

/// Starts the shared server and builds the template, so that no test of a run has to
pub async fn prepare_server() -> Result<()> {
    drop(TestDatabase::shared().await?);
    Ok(())
}

fn launcher() -> Launcher {
    let home = std::env::var_os("DRAGONFLY_TEST_DATA_DIR")
        .map_or_else(|| PathBuf::from(format!("/tmp/dragonfly-test-{}", geteuid().as_raw())), PathBuf::from);
    Launcher::new(home, search_path()).without_durability().keep_running()
}

fn search_path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// Builds the template under another name and renames it, so that a killed build leaves no half of one
async fn build_template(connection: &mut PgConnection, private: &Private, template: &str) -> Result<()> {
    sqlx::query("select pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut *connection).await?;
    let result = build_template_alone(connection, private, template).await;
    sqlx::query("select pg_advisory_unlock($1)").bind(TEMPLATE_LOCK).execute(&mut *connection).await?;
    result
}

async fn build_template_alone(
    connection: &mut PgConnection,
    private: &Private,
    template: &str,
) -> Result<()> {
    let names: Vec<String> =
        sqlx::query_scalar("select datname from pg_database").fetch_all(&mut *connection).await?;
    if names.iter().any(|name| name == template) {
        return Ok(());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    for name in names.iter().filter(|name| is_stale(name, now)) {
        // Another process may be dropping it too, or be cloning it this moment.
        let _ = sqlx::query(&format!("drop database if exists {name} with (force)"))
            .execute(&mut *connection)
            .await;
    }
    sqlx::query("create database unfinished_template").execute(&mut *connection).await?;
    let options = private.connect_options().database("unfinished_template");
    let database = Database::connect(options, 2).await?;
    migrate(&database).await?;
    database.close().await;
    sqlx::query(&format!("alter database unfinished_template rename to {template}"))
        .execute(&mut *connection)
        .await?;
    Ok(())
}

/// Whether `name` is a template of other migrations, or a database that a killed test has left
fn is_stale(name: &str, now: u64) -> bool {
    if name.starts_with("template_") || name == "unfinished_template" {
        return true;
    }
    let started_at = name.strip_prefix("test_").and_then(|rest| rest.split('_').next());
    started_at
        .and_then(|seconds| seconds.parse::<u64>().ok())
        .is_some_and(|seconds| seconds + STALE_SECONDS < now)
}

fn is_missing(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.as_deref() == Some("3D000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expect: bool) {
        assert_eq!(is_stale(name, 10_000), expect, "{name}");
    }

    #[test]
    fn only_what_tests_left_behind_is_stale() {
        check("test_9000_77_0", false);
        check("test_6399_77_0", true);
        check("template_00", true);
        check("unfinished_template", true);
        check("template1", false);
        check("template0", false);
        check("dragonfly", false);
        check("postgres", false);
    }
}
