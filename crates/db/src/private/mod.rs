//! A PostgreSQL of our own, for whoever has not set one up
//!
//! Started from the programs that the system has installed, in a data directory of its own, with
//! checksums and fsync, reachable by a Unix socket only. Every process starts it or *joins* it, and
//! the last one out stops it. Linux only: processes are recognised by `/proc`.
//!
//! ```text
//! <data_dir>/
//!   postgres/         the data directory proper (0700)
//!   socket/           the socket's folder (0700); a link into /tmp where its path would be too long
//!   postgresql.conf   written at each start, as pg_hba.conf and pg_ident.conf
//!   postgres.log
//!   transition.lock   locked by whoever starts, stops or joins: one at a time
//!   users.lock        locked shared by every process that uses the server, as long as it lives
//! ```
//!
//! Both locks are flocks, so the kernel lifts them however a process ends. A process that is killed
//! leaves the server running, and the next one joins it; a server that is killed is started again by
//! whoever notices first, after the backends it left behind are gone.
//!
//! Root may not run PostgreSQL. As root, the server runs as the user `postgres`, or `nobody` where
//! there is none, and that user must be able to enter `data_dir`.

mod binaries;
mod cluster;
mod process;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::time::MissedTickBehavior;

use cluster::Cluster;

/// The superuser that owns everything in the private server
const OWNER: &str = "dragonfly";
const DATABASE: &str = "dragonfly";
/// Only part of the socket's name: the folder tells servers apart.
const PORT: u16 = 5432;

#[derive(Debug, thiserror::Error)]
pub enum PrivateError {
    #[error("no PostgreSQL 15 or newer is installed; install it with `apt-get install postgresql`")]
    NotInstalled,
    #[error(
        "`{data}` was made by PostgreSQL {major}, which is not installed; install it with \
         `apt-get install postgresql-{major}`, or choose another data directory"
    )]
    OtherMajor { data: PathBuf, major: u32 },
    #[error(
        "PostgreSQL does not run as root, and neither the owner of the data directory nor \
         `postgres` or `nobody` is a user in /etc/passwd"
    )]
    NoUser,
    #[error(
        "PostgreSQL runs as the user `{user}`, who cannot enter `{folder}`; let it with \
         `chmod o+x {folder}`, or choose another data directory"
    )]
    CannotEnter { user: String, folder: PathBuf },
    #[error("`{home}` belongs to another user; choose another data directory")]
    NotOurs { home: PathBuf },
    #[error("another process has been starting or stopping PostgreSQL for two minutes; it holds `{path}`")]
    Busy { path: PathBuf },
    #[error("cannot {doing} `{path}`: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("`{program}` failed: {output}")]
    Program { program: &'static str, output: String },
    #[error("PostgreSQL did not start; `{log}` ends with:\n{tail}")]
    Start { log: PathBuf, tail: String },
    #[error("PostgreSQL did not stop within a minute; see `{log}`")]
    Stop { log: PathBuf },
    #[error("the program ended while PostgreSQL was starting")]
    Interrupted,
}

/// Where the private server lives and how it is to run
#[derive(Debug, Clone)]
pub struct Launcher {
    data_dir: PathBuf,
    search_path: OsString,
    is_durable: bool,
    stops_when_last: bool,
}

impl Launcher {
    /// A durable server in `data_dir`, which is made when missing
    ///
    /// `search_path` is a `PATH` in which PostgreSQL is sought where Debian's layout does not have it.
    pub fn new(data_dir: impl Into<PathBuf>, search_path: impl Into<OsString>) -> Self {
        Self {
            data_dir: data_dir.into(),
            search_path: search_path.into(),
            is_durable: true,
            stops_when_last: true,
        }
    }

    /// Gives up durability for speed: for tests whose data nobody will miss
    #[cfg(feature = "testing")]
    pub(crate) fn without_durability(mut self) -> Self {
        self.is_durable = false;
        self
    }

    /// Stops the server when the last process leaves, which is what happens unless told otherwise
    #[cfg(feature = "testing")]
    pub(crate) fn stop_when_last(mut self) -> Self {
        self.stops_when_last = true;
        self
    }

    /// Leaves the server running when the last process leaves: for tests, each a process of its own
    #[cfg(feature = "testing")]
    pub(crate) fn keep_running(mut self) -> Self {
        self.stops_when_last = false;
        self
    }

    /// Whether a server has been made there already
    pub fn has_data(&self) -> bool {
        self.data_dir.join("postgres/PG_VERSION").exists()
    }

    /// Starts the server, or joins it where it runs, and returns when it takes connections
    ///
    /// The first start makes the data directory and takes seconds; a warm one takes about a tenth
    /// of a second, and joining next to nothing.
    pub async fn start_or_join(self) -> Result<Private, PrivateError> {
        blocking(move || {
            let stops_when_last = self.stops_when_last;
            let cluster = Cluster::prepare(self)?;
            let _transition = cluster.lock_transition()?;
            let users = cluster.open_users()?;
            users.lock_shared().map_err(|source| PrivateError::Io {
                doing: "lock",
                path: cluster.home().to_owned(),
                source,
            })?;
            let mut child = None;
            cluster.ensure_running(&mut child)?;
            let socket_dir = cluster.postmaster().map(|postmaster| postmaster.socket_dir).unwrap_or_default();
            Ok(Private {
                inner: Arc::new(Inner {
                    cluster,
                    users,
                    stops_when_last,
                    socket_dir,
                    state: Mutex::new(State { child, has_left: false }),
                }),
            })
        })
        .await
    }
}

/// A program of the newest PostgreSQL of this major version that the system has, such as `pg_dump`
pub fn client_program(name: &str, major: u32, search_path: &std::ffi::OsStr) -> Option<PathBuf> {
    let binaries = binaries::Binaries::of_major(major, Path::new(""), search_path).ok()?;
    Some(binaries.program(name)).filter(|program| program.is_file())
}

/// This process's share in the private server
///
/// Clones are the same share. It ends with [`close`](Self::close) or with the last clone.
#[derive(Debug, Clone)]
pub struct Private {
    inner: Arc<Inner>,
}

impl Private {
    /// How to connect to the product's database as its owner
    pub fn connect_options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.inner.socket_dir)
            .port(PORT)
            .username(OWNER)
            .database(DATABASE)
            .ssl_mode(PgSslMode::Disable)
    }

    /// The folder of the socket, for `psql -h`
    pub fn socket_dir(&self) -> &Path {
        &self.inner.socket_dir
    }

    /// The folder of the server's own programs, `pg_dump` among them
    pub fn bin_dir(&self) -> Result<PathBuf, PrivateError> {
        Ok(self.inner.cluster.binaries()?.dir)
    }

    /// The process number of the server while it lives
    pub fn postmaster_pid(&self) -> Option<u32> {
        let postmaster = self.inner.cluster.postmaster()?;
        postmaster.pid.as_raw_nonzero().get().try_into().ok()
    }

    /// Starts the server again if it has died; true if it had to
    pub async fn ensure_running(&self) -> Result<bool, PrivateError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.ensure_running()).await
    }

    /// Keeps the server running until the share is closed; looks every second
    ///
    /// Failures are logged and tried again. Spawn it with a clone.
    pub async fn supervise(&self) {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.inner.state().has_left {
            match self.ensure_running().await {
                Ok(true) => tracing::warn!("private PostgreSQL had died and was started again"),
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "private PostgreSQL could not be started again"),
            }
            ticks.tick().await;
        }
    }

    /// Gives up this process's share, and stops the server if nobody else has one
    ///
    /// Close pools first: a stopping server breaks off their connections.
    pub async fn close(&self) -> Result<(), PrivateError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.leave()).await
    }
}

#[derive(Debug)]
struct Inner {
    cluster: Cluster,
    users: File,
    stops_when_last: bool,
    socket_dir: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The server, if it is this process's child
    child: Option<Child>,
    has_left: bool,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ensure_running(&self) -> Result<bool, PrivateError> {
        let mut state = self.state();
        let is_ready = self.cluster.postmaster().is_some_and(|it| it.is_ready);
        if state.has_left || is_ready {
            return Ok(false);
        }
        let _transition = self.cluster.lock_transition()?;
        self.cluster.ensure_running(&mut state.child)
    }

    fn leave(&self) -> Result<(), PrivateError> {
        let mut state = self.state();
        if std::mem::replace(&mut state.has_left, true) {
            return Ok(());
        }
        let _transition = self.cluster.lock_transition()?;
        // Unlocked by word, not by closing: a child being spawned just now may hold a copy of the file.
        let is_last = self.users.unlock().is_ok() && self.users.try_lock().is_ok();
        if is_last && self.stops_when_last {
            self.cluster.stop(&mut state.child)?;
        }
        let _ = self.users.unlock();
        Ok(())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Err(error) = self.leave() {
            tracing::warn!(%error, "private PostgreSQL was left running");
        }
    }
}

/// Runs what blocks where blocking is allowed
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PrivateError> + Send + 'static,
) -> Result<T, PrivateError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(PrivateError::Interrupted),
    }
}
