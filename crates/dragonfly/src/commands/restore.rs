//! `dragonfly restore`

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use db::Database;
use db::backup::{self, Snapshot};
use db::private::{Launcher, Private};
use documents::{Documents, StoragePath};

use super::backup::{DOCUMENTS, DUMP, MANIFEST, Manifest, digest, run_program};
use crate::failure::{Failure, Outcome};
use crate::settings::{Place, Settings};
use crate::shutdown::Signals;
use crate::store::{self, search_path};
use crate::{logging, output};

/// Make a private database, with its documents, of a folder that `dragonfly backup` has made
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The folder of the backup
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  dragonfly restore /backup/2026-11-22 --data-dir /srv/dragonfly-restored
  dragonfly restore /backup/2026-11-22 --data-dir /srv/new --documents /srv/new/documents

Restores into a data directory without a database, never over one. Files are compared with their
SHA-256 before anything is done; rows and digest of every table, and every document, afterwards. Only
what is whole gets the name under which the other commands find it. Exit code 1 where something
differs or a database is there already.";

const CONNECTIONS_MAX: u32 = 2;
/// Where nobody is connected to the product's database.
const MAINTENANCE: &str = "postgres";

pub(crate) fn run(settings: &Settings, arguments: &Arguments) -> Outcome {
    logging::init("warn,sqlx::query=off");
    let Place::Private { data_dir } = &settings.place else {
        return Err(Failure::usage(
            "only a private database is restored; for your own server use its pg_restore",
        ));
    };
    let launcher = Launcher::new(data_dir, search_path());
    if launcher.has_data() {
        return Err(Failure::refused(format!(
            "there is a database in `{}` already; restore into another --data-dir",
            data_dir.display()
        )));
    }
    let manifest = read(&arguments.folder)?;
    store::runtime()?.block_on(async {
        let mut signals = Signals::listen()?;
        let private = launcher.start_or_join().await?;
        let restored = tokio::select! {
            restored = restore(&private, settings.documents.as_ref(), &arguments.folder, &manifest) => Some(restored),
            () = signals.received() => None,
        };
        if let Err(error) = private.close().await {
            tracing::warn!(%error, "private_postgres_left_running");
        }
        let again = || format!("nothing is restored; remove `{}` before you try again", data_dir.display());
        let Some(restored) = restored else {
            crate::failure::note(&again());
            return Ok(ExitCode::from(130));
        };
        restored.with_context(again)?;
        let rows: i64 = manifest.tables.iter().map(|table| table.rows).sum();
        let mut out = output::stdout();
        writeln!(
            out,
            "{} rows of {} tables and {} documents are restored and compared",
            output::grouped(rows.unsigned_abs()),
            manifest.tables.len().saturating_sub(1),
            output::grouped(manifest.documents.len() as u64)
        )?;
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    })
}

/// The manifest of a backup whose files are what it says
fn read(folder: &Path) -> anyhow::Result<Manifest> {
    let path = folder.join(MANIFEST);
    let file = File::open(&path).with_context(|| format!("`{}` is no backup", folder.display()))?;
    let manifest: Manifest =
        serde_json::from_reader(file).with_context(|| format!("`{}` cannot be read", path.display()))?;
    if manifest.version != 1 {
        bail!("`{}` was written by a newer program", path.display());
    }
    let documents = folder.join(DOCUMENTS);
    for (file, expected) in std::iter::once((folder.join(DUMP), &manifest.dump))
        .chain(manifest.documents.iter().map(|document| (documents.join(&document.path), document)))
    {
        if StoragePath::parse(&expected.path).is_none() {
            bail!("`{}` names `{}`, which is no place for a file", path.display(), expected.path);
        }
        if digest(&file, &expected.path)? != *expected {
            bail!("`{}` is not what was backed up", file.display());
        }
    }
    Ok(manifest)
}

async fn restore(
    private: &Private,
    documents: Option<&Documents>,
    folder: &Path,
    manifest: &Manifest,
) -> anyhow::Result<()> {
    let options = private.connect_options();
    let major = db::doctor::server_major(&options).await?;
    if major < manifest.postgresql {
        bail!("the backup is of PostgreSQL {}, and here is {major}", manifest.postgresql);
    }
    // Roles belong to the server, not to a database: migrating makes them.
    let db = Database::connect(options.clone(), CONNECTIONS_MAX).await?;
    db::migrate::migrate(&db).await?;
    db.close().await;

    let maintenance = options.clone().database(MAINTENANCE);
    backup::make_restoring(&maintenance).await?;
    let mut command = Command::new(private.bin_dir()?.join("pg_restore"));
    command.args(["--exit-on-error", "--no-password", "--jobs=2"]);
    command.arg(format!("--host={}", private.socket_dir().display()));
    command.arg(format!("--port={}", options.get_port()));
    command.arg(format!("--username={}", options.get_username()));
    command.arg(format!("--dbname={}", backup::RESTORING)).arg(folder.join(DUMP));
    run_program(command, "pg_restore").await?;

    let mut snapshot = Snapshot::take(&options.clone().database(backup::RESTORING)).await?;
    let found = snapshot.tables().await?;
    drop(snapshot);
    for expected in &manifest.tables {
        let table = &expected.table;
        let Some(found) = found.iter().find(|found| found.table == *table) else {
            bail!("the table {table} was not restored");
        };
        if found != expected {
            bail!(
                "{table} has {} rows with digest {}, not {} with {}",
                found.rows,
                found.digest,
                expected.rows,
                expected.digest
            );
        }
    }
    if !manifest.documents.is_empty() {
        let documents = documents.context("no place for documents is set")?;
        for document in &manifest.documents {
            let path = StoragePath::parse(&document.path).context("no place for a file")?;
            documents.restore(folder.join(DOCUMENTS).join(&document.path), &path).await?;
            let sha256 =
                (0..32).filter_map(|n| u8::from_str_radix(document.sha256.get(2 * n..2 * n + 2)?, 16).ok());
            let sha256: Vec<u8> = sha256.collect();
            match documents.check(&path, document.bytes, &sha256).await? {
                documents::Verdict::Fine => {}
                _ => bail!("another file lies at `{path}` in {}", documents.place()),
            }
        }
    }
    let name = options.get_database().context("the database has no name")?;
    backup::put_in_place(&maintenance, name).await?;
    Ok(())
}
