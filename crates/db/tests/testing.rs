//! Test databases are migrated, apart from each other, and have a clock that can be set.

use chrono::{DateTime, Utc};
use db::testing::TestDatabase;
use db::{Actor, migrate};

#[tokio::test]
async fn a_test_database_is_migrated() {
    let test = TestDatabase::new().await;
    assert!(!migrate::migrate(&test.database()).await.unwrap(), "nothing is left to do");
}

#[tokio::test]
async fn what_one_test_writes_another_does_not_see() {
    let (one, other) = (TestDatabase::new().await, TestDatabase::new().await);
    sqlx::query("create table public.mine ()").execute(one.owner()).await.unwrap();
    assert!(sqlx::query("select from public.mine").execute(other.owner()).await.is_err());
}

#[tokio::test]
async fn the_clock_is_set_for_every_session() {
    let test = TestDatabase::new().await;
    let instant: DateTime<Utc> = "2026-03-08T06:59:59.123456Z".parse().unwrap();
    test.set_app_now(instant).await;
    let mut tx = test.database().begin_as(&Actor::service(None)).await.unwrap();
    let now: DateTime<Utc> = sqlx::query_scalar("select public.app_now()").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(now, instant);
}

#[tokio::test]
async fn a_dropped_test_database_is_gone() {
    let (one, other) = (TestDatabase::new().await, TestDatabase::new().await);
    let name = one.connect_options().get_database().unwrap().to_owned();
    drop(one);
    let found: Option<String> =
        sqlx::query_scalar("select datname::text from pg_database where datname = $1")
            .bind(name)
            .fetch_optional(other.owner())
            .await
            .unwrap();
    assert_eq!(found, None);
}
