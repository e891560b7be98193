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
        let (options, private) = match &settings.place {
            Place::Private { data_dir } => {
                let search_path = std::env::var_os("PATH").unwrap_or_default();
                let private = Launcher::new(data_dir, search_path).start_or_join().await?;
                (private.connect_options(), Some(private))
            }
            Place::Url(url) => {
                let options = PgConnectOptions::from_str(url)
                    .map_err(|error| Failure::usage(format!("the database URL cannot be read: {error}")))?;
                (options, None)
            }
        };
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
        if let Some(private) = self.private
            && let Err(error) = private.close().await
        {
            tracing::warn!(%error, "private_postgres_left_running");
        }
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
