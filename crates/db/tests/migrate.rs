//! Migrating is safe at any time and refuses what it does not know.

use db::migrate::{MigrateError, migrate};
use db::testing::TestDatabase;

#[tokio::test]
async fn processes_that_migrate_at_once_take_turns() {
    let test = TestDatabase::new().await;
    sqlx::raw_sql(
        "drop schema pgmq, judgments, enrichment, trigrams cascade; drop schema public cascade; create schema public; grant usage on schema public to public",
    )
    .execute(test.owner())
    .await
    .unwrap();
    let (one, other) = (test.database(), test.database());
    let (first, second) = tokio::join!(migrate(&one), migrate(&other));
    first.unwrap();
    second.unwrap();
    assert!(!migrate(&one).await.unwrap());
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let test = TestDatabase::new().await;
    sqlx::query(
        "insert into public._sqlx_migrations (version, description, success, checksum, execution_time)
         values (9999, 'from the future', true, '', 0)",
    )
    .execute(test.owner())
    .await
    .unwrap();
    let error = migrate(&test.database()).await.unwrap_err();
    assert!(matches!(error, MigrateError::Newer { found: 9999, .. }), "{error}");
}

#[tokio::test]
async fn a_migration_that_was_changed_afterwards_is_refused() {
    let test = TestDatabase::new().await;
    sqlx::query("update public._sqlx_migrations set checksum = '' where version = 1")
        .execute(test.owner())
        .await
        .unwrap();
    let error = migrate(&test.database()).await.unwrap_err();
    assert!(matches!(error, MigrateError::Changed { version: 1 }), "{error}");
}
