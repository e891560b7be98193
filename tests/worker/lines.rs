//! What the worker logs, to the letter.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use policy::tier::TierPolicy;
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use worker::refresh;

use crate::support::{Firm, facts};

/// Keeps every event about a message as `event key=value …`, values that are no bare word in quotes
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = format!("{value:?}");
        match field.name() {
            "message" => self.0.insert_str(0, &value),
            name if value.contains([' ', '=']) => write!(self.0, " {name}={value:?}").unwrap(),
            name => write!(self.0, " {name}={value}").unwrap(),
        }
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        if ["tier_assignment_", "tier_refresh_drift"].iter().any(|name| line.0.starts_with(name)) {
            self.0.lock().unwrap().push(line.0);
        }
    }
}

#[tokio::test]
async fn every_step_of_an_assignment_is_one_documented_line() {
    let firm = Firm::new().await;
    let ids =
        firm.add(&[facts("65", "25000.00", 3), facts("30", "3000.00", 0), facts("65", "25000.00", 3)]).await;
    let (tiered, moved, closed) = (ids[0], ids[1], ids[2]);
    firm.queue(tiered, "1").await;
    firm.queue(moved, "2").await;
    firm.worker().drain().await.unwrap();
    firm.publish(&TierPolicy::monotone_draft()).await;
    firm.execute(&format!(
        "set dragonfly.refresh_follows = on;
         update public.core_judgments set balance_due = 7500 where id = '{moved}';
         update public.core_judgments set status = 'vacated' where id = '{closed}'"
    ))
    .await;

    let lines = Lines::default();
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(lines.clone()));
    let worker = firm.worker();
    for (id, key) in [(tiered, "3"), (moved, "4"), (closed, "5")] {
        firm.queue(id, key).await;
        worker.once().await.unwrap();
    }
    let new = firm.add_one().await;
    firm.queue(new, "6").await;
    worker.once().await.unwrap();
    firm.send(json!({ "name": "Jane Doe" })).await;
    worker.once().await.unwrap();
    firm.execute("update public.tier_policies set state = 'superseded' where state = 'published'").await;
    firm.queue(tiered, "8").await;
    worker.once().await.unwrap();
    drop(guard);

    let expected = [
        format!("tier_assignment_start kind=tier_assignment msg_id=3 judgment_id={tiered}"),
        format!("tier_assignment_complete kind=tier_assignment msg_id=3 judgment_id={tiered} tier=2"),
        format!("tier_assignment_start kind=tier_assignment msg_id=4 judgment_id={moved}"),
        format!(
            "tier_assignment_changed kind=tier_assignment msg_id=4 judgment_id={moved} old_tier=0 new_tier=1 \
             reason=\"balance=$7,500>=5k\""
        ),
        format!("tier_assignment_complete kind=tier_assignment msg_id=4 judgment_id={moved} tier=1"),
        format!("tier_assignment_start kind=tier_assignment msg_id=5 judgment_id={closed}"),
        format!("tier_assignment_skipped kind=tier_assignment msg_id=5 judgment_id={closed} status=vacated"),
        format!("tier_assignment_start kind=tier_assignment msg_id=6 judgment_id={new}"),
        format!(
            "tier_assignment_changed kind=tier_assignment msg_id=6 judgment_id={new} old_tier=none new_tier=2 \
             reason=\"collectability_score=65>=60\""
        ),
        format!("tier_assignment_complete kind=tier_assignment msg_id=6 judgment_id={new} tier=2"),
        "tier_assignment_dead_lettered kind=tier_assignment msg_id=7 reason=\"the message names no judgment_id\""
            .to_owned(),
        format!("tier_assignment_start kind=tier_assignment msg_id=8 judgment_id={tiered}"),
        "tier_assignment_failed kind=tier_assignment msg_id=8 attempt=1 \
         error=\"the organisation has no published policy\""
            .to_owned(),
    ];
    assert_eq!(*lines.0.lock().unwrap(), expected);
}

#[tokio::test]
async fn drift_is_one_line_a_step_that_names_the_first_judgments() {
    let firm = Firm::new().await;
    firm.add(&[facts("65", "25000.00", 3), facts("10", "1.00", 0), facts("90", "1.00", 0)]).await;
    firm.execute("update public.tier_policies set tier_sql = '0' where state = 'published'").await;
    let lines = Lines::default();
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(lines.clone()));
    let id = refresh::refresh_now(&firm.db, firm.org_id, |_| {}).await.unwrap().id;
    drop(guard);
    let expected = format!(
        "tier_refresh_drift refresh_id={id} org_id={} policy_revision=1 drifted=2 judgment_nos=1,3",
        firm.org_id
    );
    assert_eq!(*lines.0.lock().unwrap(), [expected]);
}
