//! The tiers as a whole.

use contract::{RefreshRun, RefreshState, TierOverview};
use db::refreshes;

use crate::support::{Judgment, TestApp};

#[tokio::test]
async fn every_tier_is_there_and_a_refresh_fills_them() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    firm.add(&app, Judgment::default()).await;
    firm.add(&app, Judgment { score: Some("85"), ..Default::default() }).await;
    firm.add(&app, Judgment { status: "satisfied", ..Default::default() }).await;

    let before: TierOverview = firm.viewer.get("/api/tiers").await.json();
    let counts =
        |overview: &TierOverview| overview.rows.iter().map(|row| row.judgment_count).collect::<Vec<_>>();
    assert_eq!(counts(&before), [0, 0, 0, 0, 3]);
    assert_eq!(before.rows[4].tier, None);
    assert_eq!((before.coverage.active, before.coverage.never, before.coverage.tiered_today), (2, 2, 0));
    assert_eq!((before.published.revision, before.refresh), (Some(1), None));

    let run: RefreshRun = firm.operator.order("/api/tiers/refresh").await.json();
    assert_eq!((run.state, run.total, run.policy_revision), (RefreshState::Running, 2, 1));
    let joined: RefreshRun = firm.operator.order("/api/tiers/refresh").await.json();
    assert_eq!(joined.id, run.id);
    let by_operator =
        "select count(*) from public.tier_refreshes r join public.users u on u.id = r.requested_by
                        where u.email = 'operator@firm.example'";
    assert_eq!(app.number(by_operator).await, 1);
    while refreshes::step(&app.db, run.id.parse().unwrap(), 100).await.unwrap().unwrap().run.state
        == RefreshState::Running
    {}

    let after: TierOverview = firm.viewer.get("/api/tiers").await.json();
    assert_eq!(counts(&after), [0, 0, 1, 1, 1]);
    assert_eq!((after.coverage.tiered_today, after.coverage.stale, after.coverage.never), (2, 0, 0));
    assert_eq!(after.rows[2].active_balance, "25000.00");
    assert_eq!(after.rows[2].avg_collectability.as_deref(), Some("65"));
    let shown: RefreshRun = firm.viewer.get(&format!("/api/tiers/refresh/{}", run.id)).await.json();
    assert_eq!((shown.state, shown.done), (RefreshState::Done, 2));
    assert_eq!(after.refresh, Some(shown));
}
