//! What runs in a data directory, told from `postmaster.pid` and `/proc`
//!
//! `/proc/*/cmdline` is what everybody may read. `/proc/*/cwd` would be firmer, but root without
//! `CAP_SYS_PTRACE`, as in most containers, may not follow it for the server's user.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

/// A postmaster that runs in the data directory
#[derive(Debug, Clone)]
pub(crate) struct Postmaster {
    pub(crate) pid: Pid,
    pub(crate) socket_dir: PathBuf,
    /// It takes connections; otherwise it is on its way up or down.
    pub(crate) is_ready: bool,
}

impl Postmaster {
    /// The postmaster of `data`, if it lives
    ///
    /// A `postmaster.pid` alone proves nothing: its process may be dead, its number reused.
    pub(crate) fn of(data: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(pid_file(data)).ok()?;
        let mut lines = text.lines();
        let pid = parse_pid(lines.next()?)?;
        if !is_postmaster(pid, data) {
            return None;
        }
        // Lines of the file: pid, data directory, start time, port, socket directory, address,
        // shared memory, status. The later ones are written as the server gets so far.
        Some(Self {
            pid,
            socket_dir: lines.nth(3).unwrap_or_default().into(),
            is_ready: lines.nth(2).is_some_and(|status| status.trim() == "ready"),
        })
    }

    pub(crate) fn is_alive(&self, data: &Path) -> bool {
        is_postmaster(self.pid, data)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        send(self.pid, signal);
    }
}

/// Removes a `postmaster.pid` whose number now belongs to a stranger
///
/// PostgreSQL takes such a process for its predecessor and refuses to start. Where no process has
/// the number the file stays: PostgreSQL replaces it, and reads in it which shared memory must be free.
pub(crate) fn forget_reused_pid(data: &Path) {
    let file = pid_file(data);
    let pid = std::fs::read_to_string(&file).ok().and_then(|text| parse_pid(text.lines().next()?));
    if pid.is_some_and(|pid| Path::new(&format!("/proc/{}", pid.as_raw_nonzero())).exists()) {
        let _ = std::fs::remove_file(file);
    }
}

/// Backends of the cluster named `cluster_name` in `data`, run by `uid`, that outlived their postmaster
pub(crate) fn orphans(cluster_name: &str, data: &Path, uid: u32) -> Vec<Pid> {
    let title = format!("postgres: {cluster_name}: ");
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| entry.metadata().is_ok_and(|it| it.uid() == uid))
        .filter_map(|entry| parse_pid(entry.file_name().to_str()?))
        // One that was forked a moment ago still has the title of its postmaster.
        .filter(|pid| command_line(*pid).starts_with(title.as_bytes()) || is_postmaster(*pid, data))
        .collect()
}

pub(crate) fn send(pid: Pid, signal: Signal) {
    // Who is gone already needs no signal.
    let _ = kill_process(pid, signal);
}

/// A single-user PostgreSQL writes its number negative; it is no postmaster.
fn parse_pid(text: &str) -> Option<Pid> {
    text.trim().parse().ok().filter(|pid| *pid > 0).and_then(Pid::from_raw)
}

fn pid_file(data: &Path) -> PathBuf {
    data.join("postmaster.pid")
}

fn is_postmaster(pid: Pid, data: &Path) -> bool {
    let line = command_line(pid);
    let mut arguments = line.split(|byte| *byte == 0);
    let is_postgres = arguments.next().is_some_and(|program| program.ends_with(b"postgres"));
    is_postgres && arguments.any(|argument| argument == data.as_os_str().as_bytes())
}

/// Empty for what is dead, be it still a zombie
fn command_line(pid: Pid) -> Vec<u8> {
    std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default()
}
