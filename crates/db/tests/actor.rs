//! Transactions run with the rights of their actor and leave nothing on their connection.

use db::testing::TestDatabase;
use db::{Actor, DbRole};
use uuid::Uuid;

#[tokio::test]
async fn a_transaction_carries_its_actor_and_the_next_one_nothing_of_it() {
    let test = TestDatabase::new().await;
    let database = test.database();
    let (org, user) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let whoami = "select current_user::text, current_setting('dragonfly.org_id'), current_setting('dragonfly.user_id')";

    let mut tx = database.begin_as(&Actor::person(DbRole::Admin, org, user)).await.unwrap();
    let seen: (String, String, String) = sqlx::query_as(whoami).fetch_one(&mut *tx).await.unwrap();
    assert_eq!(seen, ("admin".to_owned(), org.to_string(), user.to_string()));
    tx.commit().await.unwrap();

    let mut tx = database.begin_as(&Actor::service(None)).await.unwrap();
    let seen: (String, String, String) = sqlx::query_as(whoami).fetch_one(&mut *tx).await.unwrap();
    assert_eq!(seen, ("service_role".to_owned(), String::new(), String::new()));
}

#[tokio::test]
async fn every_role_exists() {
    let test = TestDatabase::new().await;
    for role in
        [DbRole::Anon, DbRole::Authenticated, DbRole::EnforcementOperator, DbRole::Admin, DbRole::ServiceRole]
    {
        let actor = Actor { role, org_id: None, user_id: None };
        test.database().begin_as(&actor).await.unwrap();
    }
}
