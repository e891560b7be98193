//! The checked-in schema is the one that the migrations make, and what scripts may rely on in it stays.

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

/// Names, arguments and columns that scripts, dashboards and vendors' tools call us by
#[tokio::test]
async fn the_contract_stays() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/contract.txt");
    let database = TestDatabase::new().await;
    let lines = db::schema::contract(&database).await.expect("the contract can be read");
    let contract = lines.join("\n") + "\n";
    if std::env::var_os("UPDATE_CONTRACT").is_some() {
        std::fs::write(path, &contract).expect("contract.txt can be written");
    }
    let checked_in = std::fs::read_to_string(path).unwrap_or_default();
    let gone: Vec<&str> = checked_in.lines().filter(|line| !lines.iter().any(|now| now == line)).collect();
    assert!(gone.is_empty(), "somebody may rely on what is gone:\n{}", gone.join("\n"));
    assert!(
        checked_in == contract,
        "the contract has grown: run this test with UPDATE_CONTRACT=1 and look at the difference"
    );
}
