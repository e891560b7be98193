//! The checked-in schema is the one that the migrations make.

use db::testing::TestDatabase;

#[tokio::test]
async fn schema_sql_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.sql");
    let database = TestDatabase::new().await;
    let schema = db::schema::dump(&database).expect("the schema can be dumped");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(path, &schema).expect("schema.sql can be written");
    }
    let checked_in = std::fs::read_to_string(path).unwrap_or_default();
    let writer = |text: &str| text.lines().next().map(str::to_owned);
    // Another major version words the same schema differently; only like can be compared.
    if !checked_in.is_empty() && writer(&checked_in) != writer(&schema) {
        return;
    }
    assert!(checked_in == schema, "crates/db/schema.sql has drifted: refresh it with `cargo xtask schema`");
}
