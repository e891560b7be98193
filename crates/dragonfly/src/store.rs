//! The database of a command: started or joined, migrated, with its organisation

use std::process::ExitCode;
use std::str::FromStr;

use anyhow::Context;
use db::private::{Launcher, Private};
use db::{Actor, Database, PgConnectOptions, SqlError, Transaction, organisations};
use uuid::Uuid;

use crate::failure::{Failure, Outcome};
use crate::settings::{Place, Settings};
use crate::shutdown::Signals;

/// Connections of a command that asks one thing after another
const CONNECTIONS_MAX: u32 = 8;

/// A migrated database and the organisation to work for
pub(crate) struct Store {
    pub(crate) db: Database,
    pub(crate) org_id: Uuid,
    pub(crate) private: Option<Private>,
    /// Whether this opening has migrated.
    pub(crate) has_migrated: bool,
}

impl Store {
    /// Starts or joins the private server, or connects to the user's own, and migrates
    pub(crate) async fn open(settings: &Settings, connections_max: u32) -> Result<Store, Failure> {
        let (options, private) = locate(settings).await?;
        let db =
            Database::connect(options, connections_max).await.context("cannot connect to the database")?;
        let has_migrated = db::migrate::migrate(&db).await?;
        let org_id = match &settings.org {
            None => organisations::ensure_first(&db).await?,
            Some(slug) => organisations::find_by_slug(&db, slug)
                .await?
                .ok_or_else(|| Failure::usage(format!("there is no organisation `{slug}`")))?,
        };
        Ok(Store { db, org_id, private, has_migrated })
    }

    /// A transaction of the product itself, for the organisation
    pub(crate) async fn begin(&self) -> Result<Transaction, SqlError> {
        self.db.begin_as(&Actor::service(self.org_id)).await
    }

    /// Leaves the private server, which stops where nobody else uses it
    pub(crate) async fn close(self) {
        self.db.close().await;
        leave(self.private).await;
    }
}

/// How to connect, and where the server is ours this process's share in it
async fn locate(settings: &Settings) -> Result<(PgConnectOptions, Option<Private>), Failure> {
    match &settings.place {
        Place::Private { data_dir } => {
            let private = Launcher::new(data_dir, search_path()).start_or_join().await?;
            Ok((private.connect_options(), Some(private)))
        }
        Place::Url(url) => {
            let options = PgConnectOptions::from_str(url)
                .map_err(|error| Failure::usage(format!("the database URL cannot be read: {error}")))?;
            Ok((options, None))
        }
    }
}

pub(crate) fn search_path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// A database as it is: neither made nor migrated
pub(crate) struct Reach {
    pub(crate) db: Database,
    pub(crate) private: Option<Private>,
    options: PgConnectOptions,
    url: Option<String>,
}

impl Reach {
    /// Connects; a private server that was never made is not made now
    pub(crate) async fn connect(settings: &Settings, connections_max: u32) -> Result<Reach, Failure> {
        let mut url = None;
        match &settings.place {
            Place::Url(place) => url = Some(place.clone()),
            Place::Private { data_dir } if !Launcher::new(data_dir, search_path()).has_data() => {
                return Err(Failure::refused(format!("there is no database in `{}`", data_dir.display())));
            }
            Place::Private { .. } => {}
        }
        let (options, private) = locate(settings).await?;
        let db = Database::connect(options.clone(), connections_max)
            .await
            .context("cannot connect to the database")?;
        Ok(Reach { db, private, options, url })
    }

    /// What `pg_dump` says of the schema, or why it was not asked
    pub(crate) async fn schema(&self) -> Result<String, String> {
        let wanted = db::schema::writer_major(db::schema::CHECKED_IN).unwrap_or_default();
        let found = db::doctor::server_major(&self.options).await.map_err(|error| error.to_string())?;
        if found != wanted {
            return Err(format!(
                "PostgreSQL {found} words schemas otherwise than {wanted}, which wrote ours"
            ));
        }
        let program = db::private::client_program("pg_dump", wanted, &search_path())
            .ok_or_else(|| format!("there is no pg_dump {wanted} on this machine"))?;
        let (arguments, envs) = self.client_arguments();
        let dumped = tokio::task::spawn_blocking(move || db::schema::of(&program, &arguments, &envs)).await;
        dumped.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }

    /// How PostgreSQL's own programs connect; a password goes by the environment, which other users cannot read
    pub(crate) fn client_arguments(&self) -> (Vec<String>, Vec<(String, String)>) {
        let Some(url) = &self.url else {
            let socket_dir = self.private.as_ref().map(|private| private.socket_dir().display().to_string());
            let arguments = [
                format!("--host={}", socket_dir.unwrap_or_default()),
                format!("--port={}", self.options.get_port()),
                format!("--username={}", self.options.get_username()),
                format!("--dbname={}", self.options.get_database().unwrap_or_default()),
            ];
            return (arguments.to_vec(), Vec::new());
        };
        let mut without = url.clone();
        let mut envs = Vec::new();
        if let Ok(mut parsed) = url::Url::parse(url)
            && let Some(password) = parsed.password().map(decoded)
            && parsed.set_password(None).is_ok()
        {
            envs.push(("PGPASSWORD".to_owned(), password));
            without = parsed.into();
        }
        (vec![format!("--dbname={without}")], envs)
    }

    pub(crate) async fn close(self) {
        self.db.close().await;
        leave(self.private).await;
    }
}

/// What a part of an address says, without its `%xx`
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match (first, code.and_then(|code| u8::from_str_radix(code, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn leave(private: Option<Private>) {
    if let Some(private) = private
        && let Err(error) = private.close().await
    {
        tracing::warn!(%error, "private_postgres_left_running");
    }
}

/// Runs `work` on the database of a command; a signal ends it, and what it had not committed is undone
pub(crate) fn with_store(settings: &Settings, work: impl AsyncFnOnce(&Store) -> Outcome) -> Outcome {
    crate::logging::init("warn,sqlx::query=off");
    runtime()?.block_on(async {
        let mut signals = Signals::listen()?;
        let interrupted = Ok(ExitCode::from(130));
        let store = tokio::select! {
            store = Store::open(settings, CONNECTIONS_MAX) => store?,
            () = signals.received() => return interrupted,
        };
        let outcome = tokio::select! {
            outcome = work(&store) => outcome,
            () = signals.received() => interrupted,
        };
        store.close().await;
        outcome
    })
}

pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_read_as_it_was_meant() {
        assert_eq!(decoded("p%40ss%2Fw%C3%B6rd%"), "p@ss/wörd%");
    }
}
