//! A `dragonfly serve` to measure: a data folder of its own, a free port

use crate::shell::Workspace;
use anyhow::{Context, Result, bail, ensure};
use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A data folder that is removed when it goes out of scope
pub(crate) struct Home {
    pub(crate) path: PathBuf,
}

impl Home {
    pub(crate) fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("dragonfly-bench-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        // As root, PostgreSQL runs as another user, who must be able to reach its folder.
        fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        Ok(Self { path })
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Best effort: what is left lies in the folder for temporary files.
        fs::remove_dir_all(&self.path).ok();
    }
}

pub(crate) struct Server {
    process: Child,
    pub(crate) started_in: Duration,
    pub(crate) port: u16,
}

impl Server {
    /// Returns at the first healthy answer, or with an error after a minute
    pub(crate) fn start(workspace: &Workspace, home: &Home) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = home.path.join("server.log");
        let begun = Instant::now();
        let mut process = workspace
            .command(workspace.dragonfly())
            .args(["serve", "--port", &port.to_string()])
            .env("DRAGONFLY_DATA_DIR", home.path.join("data"))
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .context("cannot start the server")?;
        while !is_healthy(port) {
            if let Some(status) = process.try_wait()? {
                bail!("the server ended before it served ({status})\n{}", fs::read_to_string(&log)?);
            }
            ensure!(begun.elapsed() < Duration::from_secs(60), "the server did not serve within a minute");
            sleep(Duration::from_millis(2));
        }
        Ok(Self { process, started_in: begun.elapsed(), port })
    }

    /// Ends the server as Ctrl-C does
    pub(crate) fn stop(mut self) -> Result<()> {
        Command::new("kill").args(["-INT", &self.process.id().to_string()]).status()?;
        let status = self.process.wait()?;
        ensure!(status.success(), "the server did not end cleanly ({status})");
        Ok(())
    }
}

fn is_healthy(port: u16) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        write!(stream, "GET /api/health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        std::io::Result::Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}
