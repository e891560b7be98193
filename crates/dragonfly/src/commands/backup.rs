//! `dragonfly backup`

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use db::backup::{Snapshot, TableDigest};
use documents::{Documents, StoragePath};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::failure::{Failure, Outcome, note};
use crate::settings::{Place, Settings};
use crate::shutdown::Signals;
use crate::store::{self, Reach};
use crate::{logging, output};

/// Copy the private database and its documents into a folder
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The folder to make
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,

    /// Print the manifest
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  dragonfly backup /backup/2026-11-22
  dragonfly backup /backup/2026-11-22 && rsync -a /backup/2026-11-22 elsewhere:

Copies one state of the database while others go on working with it, and the files of its documents:
  database.dump    made by pg_dump, for pg_restore or `dragonfly restore`
  documents/       files under their places
  manifest.json    rows and digest of each table, size and SHA-256 of each file
The folder has its name only once it is whole. A database of your own server (--database-url) is
copied by that server's tools. Exit code 1 also where a document's file is missing or is not what was
uploaded: the manifest names it, and all else is copied.";

pub(crate) const DUMP: &str = "database.dump";
pub(crate) const DOCUMENTS: &str = "documents";
pub(crate) const MANIFEST: &str = "manifest.json";
const CONNECTIONS_MAX: u32 = 1;

/// What a backup holds
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Of this file.
    pub(crate) version: u32,
    pub(crate) made_at: chrono::DateTime<chrono::Utc>,
    /// Major version of PostgreSQL.
    pub(crate) postgresql: u32,
    /// The newest migration.
    pub(crate) migration: i64,
    pub(crate) dump: FileDigest,
    pub(crate) tables: Vec<TableDigest>,
    pub(crate) documents: Vec<FileDigest>,
    /// Documents that could not be copied: they were missing, or not what was uploaded.
    pub(crate) lost: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileDigest {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    /// 64 lower-case hexadecimal digits.
    pub(crate) sha256: String,
}

pub(crate) fn run(settings: &Settings, arguments: &Arguments) -> Outcome {
    logging::init("warn,sqlx::query=off");
    if matches!(settings.place, Place::Url(_)) {
        return Err(Failure::usage("only a private database is copied; for your own server use its pg_dump"));
    }
    if arguments.folder.exists() {
        return Err(Failure::refused(format!("`{}` exists already", arguments.folder.display())));
    }
    store::runtime()?.block_on(async {
        let mut signals = Signals::listen()?;
        let partial = Partial::new(&arguments.folder)?;
        let reach = Reach::connect(settings, CONNECTIONS_MAX).await?;
        let manifest = tokio::select! {
            manifest = copy(&reach, settings.documents.as_ref(), &partial.folder) => Some(manifest),
            () = signals.received() => None,
        };
        reach.close().await;
        let Some(manifest) = manifest else {
            return Ok(ExitCode::from(130));
        };
        let manifest = manifest?;
        partial.keep(&arguments.folder)?;
        let mut out = output::stdout();
        if arguments.json {
            output::json(&mut out, &manifest)?;
        } else {
            let rows: i64 = manifest.tables.iter().map(|table| table.rows).sum();
            writeln!(
                out,
                "{} rows of {} tables and {} documents are in `{}`",
                output::grouped(rows.unsigned_abs()),
                manifest.tables.len() - 1,
                output::grouped(manifest.documents.len() as u64),
                arguments.folder.display()
            )?;
        }
        out.flush()?;
        for path in &manifest.lost {
            note(&format!(
                "the file `{path}` is missing or is not what was uploaded: it is not in the backup"
            ));
        }
        Ok(if manifest.lost.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// A folder that goes unless it is kept
struct Partial {
    folder: PathBuf,
}

impl Partial {
    fn new(folder: &Path) -> anyhow::Result<Self> {
        let mut name = folder.file_name().context("the folder has no name")?.to_owned();
        name.push(format!(".partial-{}", std::process::id()));
        let folder = folder.with_file_name(name);
        fs::create_dir_all(folder.join(DOCUMENTS))
            .with_context(|| format!("cannot make `{}`", folder.display()))?;
        Ok(Self { folder })
    }

    fn keep(self, folder: &Path) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()?;
        fs::rename(&self.folder, folder)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // It has another name where it was kept.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

async fn copy(reach: &Reach, documents: Option<&Documents>, folder: &Path) -> anyhow::Result<Manifest> {
    let private = reach.private.as_ref().context("the database is not a private one")?;
    let options = private.connect_options();
    let mut snapshot = Snapshot::take(&options).await?;
    let mut command = Command::new(private.bin_dir()?.join("pg_dump"));
    let (arguments, envs) = reach.client_arguments();
    command.args(["--format=custom", "--no-password"]).arg(format!("--snapshot={}", snapshot.id()));
    command.args(arguments).envs(envs);
    let dump = folder.join(DUMP);
    let file = File::create(&dump)?;
    command.stdout(file);
    run_program(command, "pg_dump").await?;
    let dump = digest(&dump, DUMP)?;

    let mut copied = Vec::new();
    let mut lost = Vec::new();
    for (path, bytes, sha256) in snapshot.documents().await? {
        let expected = FileDigest { path: path.clone(), bytes: bytes.unsigned_abs(), sha256: hex(&sha256) };
        match fetch(documents, &path, &folder.join(DOCUMENTS)).await? {
            Some(found) if found == expected => copied.push(found),
            _ => lost.push(path),
        }
    }
    let manifest = Manifest {
        version: 1,
        made_at: chrono::Utc::now(),
        postgresql: db::doctor::server_major(&options).await?,
        migration: snapshot.migration().await?,
        dump,
        tables: snapshot.tables().await?,
        documents: copied,
        lost,
    };
    let mut file = File::create(folder.join(MANIFEST))?;
    serde_json::to_writer_pretty(&mut file, &manifest)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    Ok(manifest)
}

/// Copies the file of a document; None where there is none
async fn fetch(
    documents: Option<&Documents>,
    path: &str,
    folder: &Path,
) -> anyhow::Result<Option<FileDigest>> {
    let (Some(documents), Some(place)) = (documents, StoragePath::parse(path)) else {
        return Ok(None);
    };
    let Some((_, mut pieces)) = documents.open(&place).await? else {
        return Ok(None);
    };
    let target = folder.join(path);
    fs::create_dir_all(target.parent().unwrap_or(folder))?;
    let mut file = File::create(&target)?;
    let mut digest = Sha256::new();
    let mut bytes = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        file.write_all(&piece)?;
        digest.update(&piece);
        bytes += piece.len() as u64;
    }
    file.sync_all()?;
    Ok(Some(FileDigest { path: path.to_owned(), bytes, sha256: hex(&digest.finalize()) }))
}

/// Runs one of PostgreSQL's programs; it ends with us
pub(crate) async fn run_program(command: Command, name: &str) -> anyhow::Result<()> {
    let mut command = tokio::process::Command::from(command);
    let output =
        command.kill_on_drop(true).stderr(std::process::Stdio::piped()).spawn()?.wait_with_output().await?;
    if !output.status.success() {
        bail!("{name} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// What a file holds
pub(crate) fn digest(file: &Path, path: &str) -> anyhow::Result<FileDigest> {
    let mut reader = File::open(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let mut digest = Sha256::new();
    let mut bytes = 0;
    let mut piece = vec![0; 1 << 20];
    loop {
        let read = reader.read(&mut piece)?;
        if read == 0 {
            return Ok(FileDigest { path: path.to_owned(), bytes, sha256: hex(&digest.finalize()) });
        }
        digest.update(piece.get(..read).unwrap_or_default());
        bytes += read as u64;
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
