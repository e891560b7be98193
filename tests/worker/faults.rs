//! Workers and PostgreSQL are killed in the middle of their work, and nothing is lost or done twice.

use std::process::Stdio;

use db::testing::TestDatabase;
use policy::sample;
use policy::tier::{JudgmentFacts, TierPolicy};
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::support::{Firm, program, soak, until};

const ARCHIVED: &str = "select count(*) from pgmq.a_tier_assignment";

/// A durable server of the test's own with a queue of judgments
async fn besieged(judgments: u64) -> (Firm, Vec<Uuid>, Vec<JudgmentFacts>) {
    let firm = Firm::on(TestDatabase::on_own_server().await).await;
    let facts: Vec<JudgmentFacts> = (0..judgments).map(sample::facts).collect();
    let ids = firm.add(&facts).await;
    // What a killed worker had in hand comes back soon, and being killed often is no reason to give up.
    firm.execute("update public.queue_kinds set visibility_timeout_seconds = 3, attempts_max = 50").await;
    firm.queue_stale().await;
    // The night is over already: its batch would come on top.
    firm.execute(
        "insert into public.nightly_runs (org_id, run_on, enqueued)
         select id, public.org_today(id) + day, 0 from public.organisations, generate_series(0, 1) day",
    )
    .await;
    (firm, ids, facts)
}

/// `dragonfly worker`, a process of its own on the test's database
fn start_worker(firm: &Firm) -> Child {
    let program = program();
    Command::new(&program)
        .args(["worker", "--database-url", &firm.database.url()])
        .env("DRAGONFLY_LOG", "warn")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| {
            panic!("cannot start `{}`: {error}; build it with `cargo build -p dragonfly`", program.display())
        })
}

/// Lets a worker finish and stop by itself
async fn finish(firm: &Firm, mut worker: Child) {
    until(async || firm.depth().await == 0).await;
    let pid = worker.id().expect("the worker has outlived everything").to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
    assert!(worker.wait().await.unwrap().success());
}

async fn assert_all_done_once(firm: &Firm, ids: &[Uuid], facts: &[JudgmentFacts]) {
    let jobs = facts.len() as i64;
    assert_eq!(firm.number("select count(*) from public.queue_jobs").await, jobs);
    assert_eq!(firm.number("select count(*) from public.queue_jobs where state = 'done'").await, jobs);
    assert_eq!(firm.number(ARCHIVED).await, jobs);
    assert_eq!(firm.number("select count(*) from public.tier_assignments").await, jobs);
    assert_eq!(firm.dead().await, []);
    firm.assert_tiered_by(&TierPolicy::revision_1(), ids, facts).await;
}

#[tokio::test]
async fn every_job_is_done_once_though_its_worker_is_killed_in_the_middle_of_a_batch() {
    let rounds = 5 * soak();
    let (firm, ids, facts) = besieged(400 * u64::from(rounds)).await;
    for round in 1..=rounds {
        // Judgments that somebody else holds stop the worker where it has read a batch and written half of it, and
        // keep its other lane from doing all of them meanwhile.
        let mut holder = firm.begin().await;
        sqlx::query("select from public.core_judgments where id = any($1) for update")
            .bind(&ids[round as usize * 300..])
            .execute(&mut *holder)
            .await
            .unwrap();
        let mut worker = start_worker(&firm);
        firm.until_waiting(1).await;
        worker.kill().await.unwrap();
        holder.rollback().await.unwrap();
        let in_hand = firm.number("select count(*) from pgmq.q_tier_assignment where read_ct > 0").await;
        assert!(in_hand > 0, "round {round}: the worker had nothing in hand");
    }
    finish(&firm, start_worker(&firm)).await;
    assert_all_done_once(&firm, &ids, &facts).await;
}

#[tokio::test]
async fn every_job_is_done_once_though_postgres_is_killed_during_the_drain() {
    let rounds = 5 * soak();
    let (firm, ids, facts) = besieged(3_000 * u64::from(rounds)).await;
    let mut worker = start_worker(&firm);
    for round in 1..=rounds {
        let before = firm.number(ARCHIVED).await;
        until(async || firm.number(ARCHIVED).await > before).await;
        firm.database.kill_postgres();
        until(async || firm.database.private().ensure_running().await.unwrap()).await;
        assert!(worker.try_wait().unwrap().is_none(), "round {round}: the worker has given up");
        if firm.depth().await == 0 {
            panic!("round {round}: the queue was empty too early to show anything");
        }
    }
    finish(&firm, worker).await;
    assert_all_done_once(&firm, &ids, &facts).await;
}
