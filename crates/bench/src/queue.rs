//! The queue path and the set-based refresh, on a private PostgreSQL of their own that is as durable as the product's.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chrono::NaiveDate;
use db::demo::{self, DemoCase, DemoJudgment};
use db::private::Launcher;
use db::{Actor, Database, organisations};
use policy::portfolio::Portfolio;
use policy::tier::{AssetSignal, Cents};
use uuid::Uuid;
use worker::{Options, Worker};

/// Judgments that are sent at once.
const BATCH: u32 = 5_000;

/// What is measured; each run has an organisation of its own whose judgments nobody has tiered
#[derive(Clone, Copy)]
pub(crate) enum Measured {
    /// Seconds to enqueue every judgment and have one worker tier them
    Queue,
    /// Seconds to tier every judgment by a set-based refresh
    Refresh,
}

/// Measures `runs` times over the judgments of `portfolio`, after one run on a few of them
pub(crate) fn measure(measured: Measured, portfolio: &Portfolio, runs: usize) -> Result<Vec<f64>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // PostgreSQL's user must be able to enter it.
        let home = tempfile::Builder::new().prefix("dragonfly-bench-").tempdir_in("/tmp")?;
        std::fs::set_permissions(home.path(), Permissions::from_mode(0o711))?;
        let search_path = std::env::var_os("PATH").unwrap_or_default();
        let private = Launcher::new(home.path().join("db"), search_path).start_or_join().await?;
        let db = Database::connect(private.connect_options(), 10).await?;
        db::migrate::migrate(&db).await?;

        run(measured, &db, portfolio, "warm-up", portfolio.len().min(1_000)).await?;
        let mut seconds = Vec::with_capacity(runs);
        for number in 0..runs {
            let run = run(measured, &db, portfolio, &format!("run-{number}"), portfolio.len()).await?;
            seconds.push(run.as_secs_f64());
        }
        db.close().await;
        private.close().await?;
        Ok(seconds)
    })
}

async fn run(
    measured: Measured,
    db: &Database,
    portfolio: &Portfolio,
    name: &str,
    judgments: u32,
) -> Result<Duration> {
    let org_id = organisations::create_organisation(db, name, name, "America/New_York").await?;
    load(db, org_id, portfolio, judgments).await?;
    let begun = Instant::now();
    match measured {
        Measured::Queue => {
            let mut tx = db.begin_as(&Actor::service(org_id)).await?;
            let enqueued = db::queue::enqueue_stale_judgments(&mut tx, org_id).await?;
            tx.commit().await?;
            let done = Worker::new(db.clone(), Options::new(name)).drain().await?;
            ensure!((enqueued, done) == (i64::from(judgments), u64::from(judgments)), "not every judgment");
        }
        Measured::Refresh => {
            let refresh = worker::refresh::refresh_now(db, org_id, |_| {}).await?;
            ensure!(refresh.run.done == u64::from(judgments), "not every judgment");
        }
    }
    Ok(begun.elapsed())
}

/// Adds judgments, every other with an open case
async fn load(db: &Database, org_id: Uuid, portfolio: &Portfolio, judgments: u32) -> Result<()> {
    let day = NaiveDate::from_ymd_opt(2025, 6, 2).unwrap_or_default();
    let mut tx = db.begin_as(&Actor::service(org_id)).await?;
    demo::skip_queue(&mut tx).await?;
    let plaintiff_id = demo::load_plaintiffs(&mut tx, org_id, &["Example Funding LLC".to_owned()]).await?[0];
    let rows: Vec<u32> = (0..judgments).collect();
    for rows in rows.chunks(BATCH as usize) {
        let batch: Vec<DemoJudgment> = rows
            .iter()
            .filter_map(|row| {
                let facts = portfolio.facts(*row)?;
                let signal =
                    |signal: AssetSignal| (facts.signals.bits() & signal.bit() != 0).then_some("known");
                let case = DemoCase { stage: "pre_enforcement", next_action_in_hours: 24, overriding: None };
                Some(DemoJudgment {
                    case_number: format!("B-{row}"),
                    court: "Queens Supreme Court",
                    county: "Queens",
                    state: "NY",
                    case_type: "Civil",
                    plaintiff_id,
                    defendant_name: "Nobody".to_owned(),
                    filing_date: day,
                    judgment_date: day,
                    judgment_amount: facts.balance.or(Cents::from_cents(0))?,
                    balance_due: facts.balance,
                    status: "unsatisfied",
                    score: facts.score,
                    signals: AssetSignal::ALL.map(signal),
                    open_case: (row % 2 == 0).then_some(case),
                })
            })
            .collect();
        demo::load_judgments(&mut tx, org_id, &batch).await?;
    }
    tx.commit().await?;
    Ok(())
}
