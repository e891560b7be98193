//! A worker that runs: what wakes it, what it tells, how it stops.

use contract::LiveEvent;
use db::live::LiveListener;
use policy::tier::TierPolicy;
use tokio::task::JoinHandle;
use uuid::Uuid;
use worker::{Stopper, stop_channel};

use crate::support::{Firm, some_facts, until};

struct Running {
    stopper: Stopper,
    task: JoinHandle<()>,
}

impl Running {
    /// Starts a worker that polls once an hour: whatever it does sooner, it was woken for
    async fn start(firm: &Firm) -> Self {
        // Before the night has come, which would call it too.
        firm.database.set_app_now("2025-01-15T06:00:00Z".parse().unwrap()).await;
        let (stopper, stop) = stop_channel();
        let worker = firm.worker();
        let task = tokio::spawn(async move { worker.run(stop).await });
        until(async || firm.number("select count(*) from public.worker_heartbeats").await == 1).await;
        Self { stopper, task }
    }

    async fn stop(self) {
        self.stopper.stop();
        self.task.await.unwrap();
    }
}

/// Waits until consoles of an organisation are told of `event`
async fn told(live: &mut LiveListener, org_id: Uuid, event: &LiveEvent) {
    loop {
        let notice = live.next().await.unwrap().expect("the connection holds");
        if notice.org_id == Some(org_id) && notice.event == *event {
            return;
        }
    }
}

#[tokio::test]
async fn a_worker_wakes_for_messages_and_tells_the_consoles() {
    let firm = Firm::new().await;
    let mut live = LiveListener::connect(&firm.db).await.unwrap();
    let running = Running::start(&firm).await;
    for key in ["a", "b"] {
        let id = firm.add_one().await;
        firm.queue(id, key).await;
        told(&mut live, firm.org_id, &LiveEvent::Judgments).await;
        told(&mut live, firm.org_id, &LiveEvent::Queues).await;
        firm.assert_tiered_by(&TierPolicy::revision_1(), &[id], &[some_facts()]).await;
    }
    running.stop().await;
}

#[tokio::test]
async fn a_worker_wakes_when_a_queue_is_resumed() {
    let firm = Firm::new().await;
    let mut live = LiveListener::connect(&firm.db).await.unwrap();
    let pause = async |is_paused| {
        let mut tx = firm.begin().await;
        db::queue::pause(&mut tx, crate::support::KIND, is_paused).await.unwrap();
        tx.commit().await.unwrap();
    };
    pause(true).await;
    firm.queue(firm.add_one().await, "k").await;
    let running = Running::start(&firm).await;
    pause(false).await;
    told(&mut live, firm.org_id, &LiveEvent::Judgments).await;
    assert_eq!(firm.depth().await, 0);
    running.stop().await;
}

#[tokio::test]
async fn a_worker_wakes_for_a_publish_and_refreshes() {
    let firm = Firm::new().await;
    let ids = firm.add(&[some_facts(); 3]).await;
    let running = Running::start(&firm).await;
    let after = TierPolicy::monotone_draft();
    firm.publish(&after).await;
    until(async || firm.number("select count(*) from public.tier_refreshes where state = 'done'").await == 1)
        .await;
    firm.assert_tiered_by(&after, &ids, &[some_facts(); 3]).await;
    running.stop().await;
}

#[tokio::test]
async fn a_worker_comes_back_for_a_message_when_its_backoff_ends() {
    let firm = Firm::new().await;
    firm.execute("update public.queue_kinds set backoff_seconds = 1").await;
    firm.execute("update public.tier_policies set state = 'superseded' where state = 'published'").await;
    let id = firm.add_one().await;
    firm.queue(id, "k").await;
    let running = Running::start(&firm).await;
    until(async || firm.number("select count(*) from public.queue_attempts").await == 1).await;
    firm.execute("update public.tier_policies set state = 'published' where state = 'superseded'").await;
    until(async || firm.depth().await == 0).await;
    firm.assert_tiered_by(&TierPolicy::revision_1(), &[id], &[some_facts()]).await;
    running.stop().await;
}

#[tokio::test]
async fn a_worker_finishes_what_is_in_hand_and_signs_off() {
    let firm = Firm::new().await;
    firm.add(&vec![some_facts(); 500]).await;
    firm.queue_stale().await;
    let running = Running::start(&firm).await;
    until(async || firm.number("select count(*) from public.tier_assignments").await > 0).await;
    running.stop().await;
    let in_hand = "select count(*) from pgmq.q_tier_assignment where read_ct > 0";
    assert_eq!(firm.number(in_hand).await, 0);
    assert_eq!(firm.number("select count(*) from public.worker_heartbeats").await, 0);
    let done = firm.number("select count(*) from public.queue_jobs where state = 'done'").await;
    assert_eq!(firm.number("select count(*) from public.tier_assignments").await, done);
    assert_eq!(firm.depth().await + done, 500);
}
