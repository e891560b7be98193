//! The nightly schedule, by the clock on the wall of each organisation.

use chrono::{DateTime, Utc};
use worker::nightly;

use crate::support::{Firm, some_facts};

fn at(instant: &str) -> DateTime<Utc> {
    instant.parse().unwrap()
}

#[tokio::test]
async fn every_night_at_two_local_time_the_portfolio_is_enqueued_once() {
    let firm = Firm::new().await;
    firm.add(&[some_facts(); 5]).await;
    let night = async |instant: &str| {
        firm.database.set_app_now(at(instant)).await;
        let (one, two) = tokio::join!(nightly::run_due(&firm.db), nightly::run_due(&firm.db));
        one.unwrap().into_iter().chain(two.unwrap()).collect::<Vec<_>>()
    };
    // New York is five hours behind UTC in winter.
    assert_eq!(night("2025-01-15T06:59:59Z").await, []);
    assert_eq!(night("2025-01-15T07:00:00Z").await, [(firm.org_id, 5)]);
    assert_eq!(night("2025-01-15T12:00:00Z").await, []);
    assert_eq!(firm.worker().drain().await.unwrap(), 5);
    assert_eq!(
        firm.number("select count(*) from public.core_judgments where tier_as_of = '2025-01-15T12:00:00Z'")
            .await,
        5
    );

    assert_eq!(night("2025-01-16T04:59:00Z").await, [], "a minute before midnight");
    assert_eq!(night("2025-01-16T05:01:00Z").await, [], "a minute after midnight");
    firm.execute(
        "update public.core_judgments set tier_as_of = '2025-01-16T05:00:00Z' where judgment_no = 1",
    )
    .await;
    firm.execute(
        "update public.core_judgments set tier_as_of = '2025-01-16T04:59:59Z' where judgment_no = 2",
    )
    .await;
    firm.execute("update public.core_judgments set status = 'satisfied' where judgment_no = 3").await;
    let expected = [(firm.org_id, 3)];
    assert_eq!(
        night("2025-01-16T08:00:00Z").await,
        expected,
        "neither the one tiered today nor the closed one"
    );

    let runs = "select concat_ws(' ', run_on, enqueued) from public.nightly_runs order by run_on";
    assert_eq!(firm.texts(runs).await, ["2025-01-15 5", "2025-01-16 3"]);
}

#[tokio::test]
async fn the_night_comes_on_days_when_the_clocks_change() {
    let firm = Firm::new().await;
    let nights = async |instants: &[&str]| {
        let mut nights = 0;
        for instant in instants {
            firm.database.set_app_now(at(instant)).await;
            nights += nightly::run_due(&firm.db).await.unwrap().len();
        }
        nights
    };
    // 9 March 2025 has no 02:00 to 03:00, 2 November has 01:00 to 02:00 twice.
    assert_eq!(nights(&["2025-03-09T06:59:00Z"]).await, 0);
    assert_eq!(nights(&["2025-03-09T07:00:00Z", "2025-03-09T07:30:00Z"]).await, 1);
    assert_eq!(nights(&["2025-11-02T05:30:00Z", "2025-11-02T06:59:00Z"]).await, 0);
    assert_eq!(nights(&["2025-11-02T07:00:00Z", "2025-11-02T23:00:00Z"]).await, 1);
}

#[tokio::test]
async fn an_expired_override_needs_no_night() {
    let firm = Firm::new().await;
    let id = firm.add_one().await;
    firm.execute(&format!(
        "insert into public.enforcement_cases
           (org_id, judgment_id, created_by, tier, tier_override, override_expires_at, override_note)
         values ('{}', '{id}', 'test', 'tier1', 'tier3', '2025-01-15T12:00:00Z', 'a promise')",
        firm.org_id
    ))
    .await;
    let effective = async |instant: &str| {
        firm.database.set_app_now(at(instant)).await;
        firm.number("select public.effective_tier(c)::bigint from public.enforcement_cases c").await
    };
    assert_eq!(effective("2025-01-15T11:59:59Z").await, 3);
    assert_eq!(effective("2025-01-15T12:00:00Z").await, 1);
}
