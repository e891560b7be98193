//! One data directory: how it is laid out, made, started and stopped. Everything here blocks.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Signal, geteuid};

use super::binaries::Binaries;
use super::process::{self, Postmaster};
use super::{DATABASE, Launcher, OWNER, PORT, PrivateError};

/// Looking again is cheap, and a start must not be longer than it is.
const LOOK_AGAIN: Duration = Duration::from_millis(4);
/// Another process may be making a new data directory meanwhile.
const LOCK_PATIENCE: Duration = Duration::from_secs(120);
/// Recovery after a crash replays what was written since the last checkpoint.
const START_PATIENCE: Duration = Duration::from_secs(300);
/// The checkpoint of an orderly stop has to reach the disk.
const STOP_PATIENCE: Duration = Duration::from_secs(60);
/// PostgreSQL gives its own backends as long to leave after a crash.
const ORPHAN_PATIENCE: Duration = Duration::from_secs(5);
/// `sun_path` has 108 bytes, the last of them a zero.
const SOCKET_PATH_MAX: usize = 107;
const LOG_BYTES_MAX: u64 = 16 << 20;

/// The operating system's user that the server runs as, where that is not ourselves
#[derive(Debug, Clone)]
struct ServerUser {
    name: String,
    uid: u32,
    gid: u32,
}

#[derive(Debug)]
pub(crate) struct Cluster {
    /// Absolute and free of symbolic links: processes are recognised by it.
    home: PathBuf,
    user: Option<ServerUser>,
    launcher: Launcher,
}

impl Cluster {
    /// Makes the home, and sees to it that the server's user can enter it
    pub(crate) fn prepare(launcher: Launcher) -> Result<Self, PrivateError> {
        let is_root = geteuid().is_root();
        let home = make_home(&launcher.data_dir, if is_root { 0o711 } else { 0o700 })?;
        let user = if is_root { Some(server_user(&home)?) } else { None };
        expect_ours(&home, user.as_ref())?;
        if let Some(user) = &user {
            expect_enterable(&home, user)?;
        }
        Ok(Self { home, user, launcher })
    }

    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    pub(crate) fn postmaster(&self) -> Option<Postmaster> {
        Postmaster::of(&self.data())
    }

    /// Held while the server is started or stopped, or while somebody joins
    pub(crate) fn lock_transition(&self) -> Result<File, PrivateError> {
        let path = self.home.join("transition.lock");
        let file = self.open_lock(&path)?;
        let patience = Patience::of(LOCK_PATIENCE);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if patience.is_left() => wait(),
                Err(TryLockError::WouldBlock) => return Err(PrivateError::Busy { path }),
                Err(TryLockError::Error(source)) => return Err(failed("lock", &path)(source)),
            }
        }
    }

    /// Held shared by every process that uses the server, so that the last one knows that it is
    pub(crate) fn open_users(&self) -> Result<File, PrivateError> {
        self.open_lock(&self.home.join("users.lock"))
    }

    /// Starts the server unless it runs, and returns when it takes connections
    ///
    /// `child` is the server if this process started it: dead children stay in the way until
    /// their parent has looked. Call it with the transition lock held. True if it had to start.
    pub(crate) fn ensure_running(&self, child: &mut Option<Child>) -> Result<bool, PrivateError> {
        let patience = Patience::of(START_PATIENCE);
        let orphan_patience = Patience::of(ORPHAN_PATIENCE);
        let mut has_started = false;
        loop {
            let exited = reap(child);
            match self.postmaster() {
                Some(postmaster) if postmaster.is_ready => return Ok(has_started),
                Some(_) => {}
                None if child.is_some() => {}
                // The last process of a killed server unmaps its memory after it has lost its name.
                None if exited && has_started && orphan_patience.is_left() && self.finds_memory_in_use() => {
                    *child = Some(self.spawn()?);
                }
                None if exited && has_started => {
                    return Err(PrivateError::Start { log: self.log_path(), tail: self.log_tail() });
                }
                None => {
                    *child = Some(self.spawn()?);
                    has_started = true;
                }
            }
            if !patience.is_left() {
                return Err(PrivateError::Start { log: self.log_path(), tail: self.log_tail() });
            }
            wait();
        }
    }

    /// Stops the server, breaking off what its connections do; call it with the transition lock held
    pub(crate) fn stop(&self, child: &mut Option<Child>) -> Result<(), PrivateError> {
        let patience = Patience::of(STOP_PATIENCE);
        let data = self.data();
        let stopping = self.postmaster();
        if let Some(postmaster) = &stopping {
            postmaster.signal(Signal::INT);
        }
        // Its pid file goes before the process does.
        while stopping.as_ref().is_some_and(|it| it.is_alive(&data)) || child.is_some() {
            reap(child);
            if !patience.is_left() {
                return Err(PrivateError::Stop { log: self.log_path() });
            }
            wait();
        }
        if let Ok(elsewhere) = fs::read_link(self.socket_entry()) {
            let _ = fs::remove_dir(elsewhere);
            let _ = fs::remove_file(self.socket_entry());
        }
        Ok(())
    }

    /// The programs that belong to the data directory
    pub(crate) fn binaries(&self) -> Result<Binaries, PrivateError> {
        let data = self.data();
        let version = data.join("PG_VERSION");
        match fs::read_to_string(&version) {
            Ok(text) => {
                let major = text
                    .trim()
                    .parse()
                    .map_err(|_| failed("read", &version)(io::Error::other("it holds no version")))?;
                Binaries::of_major(major, &data, &self.launcher.search_path)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Binaries::newest(&self.launcher.search_path),
            Err(error) => Err(failed("read", &version)(error)),
        }
    }

    fn data(&self) -> PathBuf {
        self.home.join("postgres")
    }

    fn log_path(&self) -> PathBuf {
        self.home.join("postgres.log")
    }

    /// The folder of the socket or, where its path would be too long for one, a link to that folder
    fn socket_entry(&self) -> PathBuf {
        self.home.join("socket")
    }

    fn server_uid(&self) -> u32 {
        self.user.as_ref().map_or(geteuid().as_raw(), |user| user.uid)
    }

    fn spawn(&self) -> Result<Child, PrivateError> {
        let binaries = self.binaries()?;
        if !self.data().join("PG_VERSION").exists() {
            self.make_data(&binaries)?;
        }
        self.clear_remains()?;
        let socket_dir = self.make_socket_dir()?;
        // Nobody runs here, but a lock file whose number was reused would keep the server from starting.
        let _ = fs::remove_file(socket_dir.join(format!(".s.PGSQL.{PORT}.lock")));
        let mut setting = OsString::from("config_file=");
        setting.push(self.write_configuration(&socket_dir)?);
        let log = self.open_log()?;
        let log_path = self.log_path();
        let log_again = log.try_clone().map_err(failed("open", &log_path))?;
        let program = binaries.program("postgres");
        self.command(&program)
            .arg("-D")
            .arg(self.data())
            .arg("-c")
            .arg(setting)
            // In a group of its own, Ctrl-C in the terminal reaches us and not the server.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(log_again)
            .spawn()
            .map_err(failed("run", &program))
    }

    /// A program of PostgreSQL's, run as the server's user and deaf to our environment
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC").current_dir("/");
        if let Some(user) = &self.user {
            // Supplementary groups are dropped along with root's identity.
            command.uid(user.uid).gid(user.gid);
        }
        command
    }

    /// Makes the data directory beside its place and moves it there whole
    fn make_data(&self, binaries: &Binaries) -> Result<(), PrivateError> {
        const UNFINISHED: &str = "postgres.unfinished-";
        for entry in fs::read_dir(&self.home).into_iter().flatten().flatten() {
            if entry.file_name().as_bytes().starts_with(UNFINISHED.as_bytes()) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        // Named by process: an initdb whose parent was killed may still be writing.
        let unfinished = self.home.join(format!("{UNFINISHED}{}", std::process::id()));
        self.make_private_dir(&unfinished)?;

        let mut initdb = self.command(&binaries.program("initdb"));
        initdb
            .arg("--pgdata")
            .arg(&unfinished)
            .args(["--username", OWNER, "--encoding", "UTF8", "--data-checksums"])
            // Ours is the only configuration that lets anybody in; see write_configuration.
            .args(["--auth-local", "peer", "--auth-host", "reject"])
            .arg("--no-instructions");
        if binaries.major >= 17 {
            initdb.args(["--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"]);
        } else {
            initdb.args(["--locale", "C.UTF-8"]);
        }
        if !self.launcher.is_durable {
            initdb.arg("--no-sync");
        }
        run(initdb, "initdb", "")?;

        let mut single = self.command(&binaries.program("postgres"));
        single
            .arg("--single")
            .args(["-c", "exit_on_error=on", "-c", "log_checkpoints=off"])
            .arg("-D")
            .arg(&unfinished)
            .arg("postgres");
        run(single, "postgres", &format!("create database {DATABASE};\n"))?;

        let data = self.data();
        fs::rename(&unfinished, &data).map_err(failed("create", &data))?;
        File::open(&self.home).and_then(|home| home.sync_all()).map_err(failed("write", &self.home))
    }

    /// Clears away what a killed server has left: backends that still run and a reused number
    fn clear_remains(&self) -> Result<(), PrivateError> {
        let name = self.cluster_name()?;
        let data = self.data();
        let orphans = || process::orphans(&name, &data, self.server_uid());
        let patience = Patience::of(ORPHAN_PATIENCE);
        for pid in orphans() {
            process::send(pid, Signal::QUIT);
        }
        while !orphans().is_empty() {
            if !patience.is_left() {
                orphans().into_iter().for_each(|pid| process::send(pid, Signal::KILL));
            }
            wait();
        }
        process::forget_reused_pid(&self.data());
        Ok(())
    }

    /// A name for the titles of the server's processes that no other data directory has
    fn cluster_name(&self) -> Result<String, PrivateError> {
        let data = self.data();
        let metadata = fs::metadata(&data).map_err(failed("read", &data))?;
        Ok(format!("dragonfly-{:x}-{:x}", metadata.dev(), metadata.ino()))
    }

    fn make_socket_dir(&self) -> Result<PathBuf, PrivateError> {
        let entry = self.socket_entry();
        let longest = entry.join(format!(".s.PGSQL.{PORT}"));
        if longest.as_os_str().len() <= SOCKET_PATH_MAX {
            if !entry.exists() {
                self.make_private_dir(&entry)?;
            }
            return Ok(entry);
        }
        // The folder recorded before keeps its name: pools of running processes know it.
        if let Ok(elsewhere) = fs::read_link(&entry) {
            let is_ours = match fs::symlink_metadata(&elsewhere) {
                Ok(it) => it.is_dir() && it.uid() == self.server_uid() && it.mode() & 0o077 == 0,
                Err(_) => self.make_private_dir(&elsewhere).is_ok(),
            };
            if is_ours {
                return Ok(elsewhere);
            }
            fs::remove_file(&entry).map_err(failed("remove", &entry))?;
        }
        let elsewhere = PathBuf::from(format!("/tmp/{}", self.cluster_name()?));
        self.make_private_dir(&elsewhere)?;
        symlink(&elsewhere, &entry).map_err(failed("create", &entry))?;
        Ok(elsewhere)
    }

    /// Creates a folder that only the server's user (and root) can enter
    fn make_private_dir(&self, path: &Path) -> Result<(), PrivateError> {
        DirBuilder::new().mode(0o700).create(path).map_err(failed("create", path))?;
        if let Some(user) = &self.user {
            chown(path, Some(user.uid), Some(user.gid)).map_err(failed("create", path))?;
        }
        Ok(())
    }

    /// Writes our whole configuration, anew at each start
    ///
    /// It lies outside the data directory: root writes nothing where another user could have put a
    /// link. Whoever reaches the socket is let in as whom they say, and the mode of its folder lets
    /// only the server's user and root reach it.
    fn write_configuration(&self, socket_dir: &Path) -> Result<PathBuf, PrivateError> {
        let access = self.home.join("pg_hba.conf");
        write_readable(&access, "local all all trust\n")?;
        let identities = self.home.join("pg_ident.conf");
        write_readable(&identities, "")?;
        let durability = if self.launcher.is_durable {
            "fsync = on\nfull_page_writes = on\nsynchronous_commit = on\n"
        } else {
            "fsync = off\nfull_page_writes = off\nsynchronous_commit = off\n"
        };
        let configuration = self.home.join("postgresql.conf");
        let text = format!(
            "# Written by dragonfly at each start: changes here are lost, `alter system` lasts.\n\
             listen_addresses = ''\n\
             port = {PORT}\n\
             unix_socket_directories = {socket_dir}\n\
             unix_socket_permissions = 0700\n\
             hba_file = {access}\n\
             ident_file = {identities}\n\
             cluster_name = '{cluster_name}'\n\
             max_connections = 200\n\
             shared_buffers = {shared_buffers}MB\n\
             work_mem = 16MB\n\
             maintenance_work_mem = 128MB\n\
             random_page_cost = 1.1\n\
             jit = off\n\
             max_wal_size = 2GB\n\
             min_wal_size = 256MB\n\
             checkpoint_timeout = 15min\n\
             {durability}\
             timezone = 'UTC'\n\
             log_timezone = 'UTC'\n\
             log_line_prefix = '%m [%p] '\n\
             log_checkpoints = off\n\
             lc_messages = 'C'\n",
            shared_buffers = shared_buffers_mb(),
            socket_dir = quoted(socket_dir),
            access = quoted(&access),
            identities = quoted(&identities),
            cluster_name = self.cluster_name()?,
        );
        write_readable(&configuration, &text)?;
        Ok(configuration)
    }

    fn open_log(&self) -> Result<File, PrivateError> {
        let path = self.log_path();
        if fs::metadata(&path).is_ok_and(|it| it.len() > LOG_BYTES_MAX) {
            let older = self.home.join("postgres.log.1");
            fs::rename(&path, &older).map_err(failed("write", &older))?;
        }
        OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(failed("open", &path))
    }

    /// The last lines of the server's log, to say why it did not start
    fn log_tail(&self) -> String {
        let read = || -> io::Result<String> {
            let mut file = File::open(self.log_path())?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(2048)))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let text = read().unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(6)..].join("\n")
    }

    /// Whether the server has just ended because of what its predecessor has left
    fn finds_memory_in_use(&self) -> bool {
        self.log_tail().contains("pre-existing shared memory block")
    }

    fn open_lock(&self, path: &Path) -> Result<File, PrivateError> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed("open", path))
    }
}

/// An error of the operating system, with what was being done to which path
fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PrivateError {
    let path = path.to_owned();
    move |source| PrivateError::Io { doing, path, source }
}

fn make_home(path: &Path, mode: u32) -> Result<PathBuf, PrivateError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed("create", parent))?;
    }
    match fs::create_dir(path) {
        // Set apart from creating: a umask must not lock the server's user out.
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(mode)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
    .map_err(failed("create", path))?;
    path.canonicalize().map_err(failed("open", path))
}

/// Whoever owns the data directory; for a new one `postgres`, or `nobody` where there is none
///
/// Both are local users wherever they exist, so /etc/passwd has them and no directory service is asked.
fn server_user(home: &Path) -> Result<ServerUser, PrivateError> {
    let owner = fs::metadata(home.join("postgres")).ok().map(|it| it.uid());
    let path = Path::new("/etc/passwd");
    let passwd = fs::read_to_string(path).map_err(failed("read", path))?;
    let users: Vec<_> = passwd.lines().filter_map(parse_user).collect();
    let find = |is: &dyn Fn(&ServerUser) -> bool| users.iter().find(|user| is(user)).cloned();
    match owner {
        Some(owner) => find(&|user| user.uid == owner),
        None => find(&|user| user.name == "postgres").or_else(|| find(&|user| user.name == "nobody")),
    }
    .ok_or(PrivateError::NoUser)
}

fn parse_user(line: &str) -> Option<ServerUser> {
    let mut fields = line.split(':');
    Some(ServerUser {
        name: fields.next()?.to_owned(),
        uid: fields.nth(1)?.parse().ok()?,
        gid: fields.next()?.parse().ok()?,
    })
}

/// Refuses a home that somebody else has put where ours is expected
fn expect_ours(home: &Path, user: Option<&ServerUser>) -> Result<(), PrivateError> {
    let owner = fs::metadata(home).map_err(failed("open", home))?.uid();
    if owner == geteuid().as_raw() || user.is_some_and(|user| user.uid == owner) {
        return Ok(());
    }
    Err(PrivateError::NotOurs { home: home.to_owned() })
}

/// Asks the operating system itself, so that access lists count as well as modes
fn expect_enterable(home: &Path, user: &ServerUser) -> Result<(), PrivateError> {
    let can_enter = |folder: &Path| {
        let mut test = Command::new("test");
        test.arg("-x").arg(folder).uid(user.uid).gid(user.gid).current_dir("/");
        test.status().map_or(true, |status| status.success())
    };
    if can_enter(home) {
        return Ok(());
    }
    let ancestors: Vec<_> = home.ancestors().collect();
    let folder = ancestors.into_iter().rev().find(|folder| !can_enter(folder));
    Err(PrivateError::CannotEnter { user: user.name.clone(), folder: folder.unwrap_or(home).to_owned() })
}

/// Takes note of a child's death; true if it has died
fn reap(child: &mut Option<Child>) -> bool {
    let has_died = child.as_mut().is_some_and(|it| !matches!(it.try_wait(), Ok(None)));
    if has_died {
        *child = None;
    }
    has_died
}

fn run(mut command: Command, program: &'static str, input: &str) -> Result<(), PrivateError> {
    let path = PathBuf::from(command.get_program());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed("run", &path))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that died at once tells why in its output.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed("run", &path))?;
    if output.status.success() {
        return Ok(());
    }
    Err(PrivateError::Program { program, output: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
}

/// Writes a file that the server's user can read, whatever our umask
fn write_readable(path: &Path, text: &str) -> Result<(), PrivateError> {
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o644)))
        .map_err(failed("write", path))
}

/// An eighth of the machine's memory, from 128 MB to 1 GB; 256 MB where the machine does not tell
fn shared_buffers_mb() -> u64 {
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.map_or(256, |kilobytes| (kilobytes / 1024 / 8).clamp(128, 1024))
}

/// A path as a value of postgresql.conf
fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy().replace('\\', "\\\\").replace('\'', "''");
    format!("'{path}'")
}

fn wait() {
    std::thread::sleep(LOOK_AGAIN);
}

struct Patience(Instant);

impl Patience {
    fn of(duration: Duration) -> Self {
        Self(Instant::now() + duration)
    }

    fn is_left(&self) -> bool {
        Instant::now() < self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_as_postgresql_reads_it() {
        assert_eq!(quoted(Path::new(r"/it's\here")), r"'/it''s\\here'");
    }

    #[test]
    fn a_user_is_read_from_its_line() {
        let user = parse_user("postgres:x:101:104:administrator,,,:/var/lib/postgresql:/bin/bash")
            .expect("a whole line");
        assert_eq!((user.name.as_str(), user.uid, user.gid), ("postgres", 101, 104));
        assert!(parse_user("+@netgroup").is_none());
    }
}
