//! The snapshot that the simulator works on.

use contract::SnapshotMeta;
use policy::portfolio::Portfolio;
use policy::tier::Tier;

use crate::support::{Answer, Client, Judgment, TestApp};

pub(crate) async fn snapshot(client: &Client) -> (SnapshotMeta, Portfolio) {
    snapshot_of(client, "/api/portfolio/snapshot").await
}

pub(crate) async fn snapshot_of(client: &Client, path: &str) -> (SnapshotMeta, Portfolio) {
    decode(client.get(path).await.ok())
}

fn decode(answer: Answer) -> (SnapshotMeta, Portfolio) {
    let (length, rest) = answer.body.split_first_chunk::<4>().unwrap();
    let (meta, columns) = rest.split_at(u32::from_le_bytes(*length) as usize);
    (serde_json::from_slice(meta).unwrap(), Portfolio::decode(columns).unwrap())
}

#[tokio::test]
async fn a_snapshot_holds_the_facts_of_every_active_judgment() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let first = firm
        .add(
            &app,
            Judgment { score: Some("79.6"), balance: Some("49999.99"), signals: 5, ..Default::default() },
        )
        .await;
    firm.add(&app, Judgment { score: None, balance: None, signals: 0, ..Default::default() }).await;
    firm.add(&app, Judgment { status: "expired", ..Default::default() }).await;
    app.execute("update public.core_judgments set tier = 2, tier_reason = 'x', tier_as_of = now(), tier_policy_revision = 1 where balance_due = 49999.99").await;
    app.execute(&format!("insert into public.enforcement_cases (org_id, judgment_id, tier_override, override_expires_at, override_note, created_by)
                          values ('{}', '{first}', 'tier3', now() + interval '1 day', 'a hunch', 'a test')", firm.id)).await;

    let (meta, portfolio) = snapshot(&firm.viewer).await;
    assert_eq!((meta.rows, portfolio.len()), (2, 2));
    assert_eq!(meta.digest, portfolio.digest());
    let facts = portfolio.facts(0).unwrap();
    assert_eq!(facts.score.unwrap().to_string(), "79.6");
    assert_eq!(facts.balance.unwrap().cents(), 4_999_999);
    assert_eq!(facts.signals.bits(), 5);
    assert_eq!(
        (portfolio.stored_tier(0), portfolio.override_tier(0)),
        (Some(Tier::ActiveEnforcement), Some(Tier::StrategicPriority))
    );
    let missing = portfolio.facts(1).unwrap();
    assert_eq!((missing.score, missing.balance), (None, None));
    assert_eq!((portfolio.stored_tier(1), portfolio.override_tier(1)), (None, None));
    let until = "select to_char(override_expires_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS') from public.enforcement_cases";
    let until: String = sqlx::query_scalar(until).fetch_one(app.owner()).await.unwrap();
    let [told] = &meta.override_ends[..] else { panic!("{meta:?}") };
    assert!(told.starts_with(&until), "{told} is not {until}");

    app.execute("update public.enforcement_cases set override_expires_at = now()").await;
    let (expired, portfolio) = snapshot(&firm.viewer).await;
    assert_eq!((portfolio.override_tier(0), expired.override_ends.len()), (None, 0));
    assert_eq!(expired.digest, meta.digest);
}

#[tokio::test]
async fn an_empty_portfolio_is_a_snapshot_too() {
    let app = TestApp::new().await;
    let (meta, portfolio) = snapshot(&app.firm("firm").await.viewer).await;
    assert_eq!((meta.rows, portfolio.len()), (0, 0));
}

#[tokio::test]
async fn a_snapshot_is_compressed_for_those_who_take_it() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    firm.add_many(&app, 5000).await;
    let plain = firm.viewer.get("/api/portfolio/snapshot").await.ok();
    assert_eq!(plain.header("content-encoding"), "");
    for encoding in ["br", "gzip"] {
        let compressed =
            firm.viewer.with("accept-encoding", encoding).get("/api/portfolio/snapshot").await.ok();
        assert_eq!(compressed.header("content-encoding"), encoding);
        assert!(compressed.body.len() < plain.body.len());
    }
    assert_eq!(decode(plain).1.len(), 5000);
}
