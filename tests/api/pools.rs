//! Pools, members and page rules: admins change them, everybody sees them, and nothing wrong changes anything.

use contract::{
    AgentDetail, Created, LiveRouting, PageRules, PoolDetail, PoolsOverview, PoolsRevision, RankChange,
};
use policy::routing::{Router, VisitorId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Client, Firm, TestApp};

pub(crate) const POOLS: &str = "/api/pools";

pub(crate) async fn overview(client: &Client) -> PoolsOverview {
    client.get(POOLS).await.json()
}

pub(crate) async fn pool(admin: &Client, name: &str) -> String {
    let created: Created = admin.post(POOLS, json!({ "name": name })).await.json();
    created.id
}

pub(crate) async fn agent(admin: &Client, name: &str, capacity: u32) -> String {
    let body = json!({ "display_name": name, "capacity": capacity });
    admin.post("/api/agents", body).await.json::<Created>().id
}

/// An agent of this name, idle, in a pool at a rank
pub(crate) async fn member(firm: &Firm, pool: &str, name: &str, rank: u8, capacity: u32) -> String {
    let id = agent(&firm.admin, name, capacity).await;
    add(firm, pool, &id, rank).await;
    set_status(firm, &id, "idle").await;
    id
}

pub(crate) async fn add(firm: &Firm, pool: &str, agent: &str, rank: u8) {
    let body = json!({ "agent_id": agent, "priority_rank": rank });
    firm.admin.post(&format!("{POOLS}/{pool}/members"), body).await.ok();
}

pub(crate) async fn set_status(firm: &Firm, agent: &str, status: &str) {
    firm.admin.put(&format!("/api/agents/{agent}/status"), json!({ "status": status })).await.ok();
}

fn find<'a>(overview: &'a PoolsOverview, id: &str) -> &'a PoolDetail {
    overview.pools.iter().find(|pool| pool.id == id).unwrap()
}

/// Agents of a pool with their ranks, in the order shown
fn ranks(overview: &PoolsOverview, id: &str) -> Vec<(String, u8)> {
    let members = find(overview, id).members.iter();
    members.map(|member| (member.display_name.clone(), member.priority_rank.number())).collect()
}

#[tokio::test]
async fn every_organisation_has_a_default_pool_that_stays() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let seen = overview(&firm.viewer).await;
    let [default] = seen.pools.as_slice() else { panic!("{seen:?}") };
    assert!(default.is_default && default.members.is_empty() && default.waiting.is_none());
    let path = format!("{POOLS}/{}", default.id);
    firm.admin.delete(&path).await.refused(409, "conflict");
    firm.admin.put(&path, json!({ "name": "Reception", "fallback": "organisation" })).await.ok();
    assert_eq!(find(&overview(&firm.viewer).await, &default.id).name, "Reception");
}

#[tokio::test]
async fn pools_are_made_changed_and_deleted_by_admins() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let sales = pool(&firm.admin, " Sales ").await;
    let path = format!("{POOLS}/{sales}");
    for client in [&firm.viewer, &firm.operator] {
        client.post(POOLS, json!({ "name": "Mine" })).await.refused(403, "forbidden");
        client.put(&path, json!({ "name": "Mine" })).await.refused(403, "forbidden");
        client.delete(&path).await.refused(403, "forbidden");
    }
    let field = async |body: Value| firm.admin.post(POOLS, body).await.refused(422, "invalid").field;
    assert_eq!(field(json!({ "name": " " })).await.as_deref(), Some("name"));
    assert_eq!(field(json!({ "name": "sales" })).await.as_deref(), Some("name"), "another pool has it");
    let waiting = |seconds: u32, leads: u32| json!({ "name": "W", "waiting": { "seconds_max": seconds, "leads_max": leads } });
    assert_eq!(field(waiting(1, 5)).await.as_deref(), Some("waiting.seconds_max"));
    assert_eq!(field(waiting(60, 0)).await.as_deref(), Some("waiting.leads_max"));
    assert_eq!(field(json!({ "name": "W", "fallback": "everybody" })).await.as_deref(), Some("fallback"));

    let change = json!({ "name": "Sales Team", "fallback": "organisation", "waiting": { "seconds_max": 60, "leads_max": 3 } });
    let before = overview(&firm.viewer).await.revision;
    let after: PoolsRevision = firm.admin.put(&path, change).await.json();
    assert_eq!(after.revision, before + 1);
    let seen = overview(&firm.viewer).await;
    let changed = find(&seen, &sales);
    assert_eq!((changed.name.as_str(), changed.waiting.unwrap().leads_max), ("Sales Team", 3));
    firm.admin.delete(&path).await.ok();
    firm.admin.delete(&path).await.refused(404, "not_found");
    assert_eq!(overview(&firm.viewer).await.pools.len(), 1);
    pool(&firm.admin, "Sales Team").await;
}

#[tokio::test]
async fn ranks_that_are_none_are_refused_at_the_field_and_change_nothing() {
    let app = TestApp::new().await;
    let (firm, theirs) = (app.firm("firm").await, app.firm("theirs").await);
    let sales = pool(&firm.admin, "Sales").await;
    let alice = agent(&firm.admin, "Alice", 5).await;
    let members = format!("{POOLS}/{sales}/members");
    let before = overview(&firm.admin).await;

    let refused =
        async |body: Value| firm.admin.post(&members, body).await.refused(422, "invalid").field.unwrap();
    for rank in [json!(0), json!(100), json!(1.5), json!(""), json!(-1), json!("1"), json!(true)] {
        assert_eq!(
            refused(json!({ "agent_id": alice, "priority_rank": rank })).await,
            "priority_rank",
            "{rank}"
        );
    }
    for unknown in [Uuid::new_v4().to_string(), "x".into(), agent(&theirs.admin, "Theirs", 5).await] {
        assert_eq!(refused(json!({ "agent_id": unknown })).await, "agent_id");
    }
    let foreign = pool(&theirs.admin, "Theirs").await;
    for pool in [Uuid::new_v4().to_string(), foreign] {
        let body = json!({ "agent_id": alice });
        firm.admin.post(&format!("{POOLS}/{pool}/members"), body).await.refused(404, "not_found");
    }
    firm.operator.post(&members, json!({ "agent_id": alice })).await.refused(403, "forbidden");
    assert_eq!(overview(&firm.admin).await, before);

    // A missing rank is 1; twice is once too often.
    firm.admin.post(&members, json!({ "agent_id": alice })).await.ok();
    assert_eq!(refused(json!({ "agent_id": alice, "priority_rank": 2 })).await, "agent_id");
    assert_eq!(ranks(&overview(&firm.viewer).await, &sales), [("Alice".to_owned(), 1)]);
    let path = format!("{members}/{alice}");
    for rank in [json!(0), json!(100), json!(1.5), json!("")] {
        let problem = firm.admin.put(&path, json!({ "priority_rank": rank })).await.refused(422, "invalid");
        assert_eq!(problem.field.as_deref(), Some("priority_rank"));
    }
    firm.operator.put(&path, json!({ "priority_rank": 2 })).await.refused(403, "forbidden");
    theirs.admin.put(&path, json!({ "priority_rank": 2 })).await.refused(404, "not_found");
    firm.admin
        .put(&format!("{members}/{}", Uuid::new_v4()), json!({ "priority_rank": 2 }))
        .await
        .refused(404, "not_found");
    assert_eq!(ranks(&overview(&firm.viewer).await, &sales), [("Alice".to_owned(), 1)]);

    firm.admin.put(&path, json!({ "priority_rank": 99 })).await.ok();
    firm.admin.delete(&path).await.ok();
    firm.admin.delete(&path).await.refused(404, "not_found");
    let history: Vec<RankChange> = firm.viewer.get(&format!("{POOLS}/{sales}/history")).await.json();
    let told: Vec<_> = history
        .iter()
        .rev()
        .map(|change| (change.change.as_str(), change.old_rank, change.new_rank))
        .collect();
    assert_eq!(told, [("added", None, Some(1)), ("ranked", Some(1), Some(99)), ("removed", Some(99), None)]);
    assert_eq!(history[0].actor.as_deref(), Some("admin@firm.example"));
}

#[tokio::test]
async fn several_ranks_are_saved_all_or_none_on_the_revision_that_was_previewed() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let sales = pool(&firm.admin, "Sales").await;
    let alice = member(&firm, &sales, "Alice", 1, 5).await;
    let bob = member(&firm, &sales, "Bob", 2, 5).await;
    let path = format!("{POOLS}/{sales}/ranks");
    let save = |expected: Option<u64>, ranks: Value| json!({ "expected_revision": expected, "ranks": ranks });
    let of = |agent: &str, rank: u8| json!({ "agent_id": agent, "priority_rank": rank });
    let revision = overview(&firm.admin).await.revision;

    let field =
        async |ranks: Value| firm.admin.put(&path, save(None, ranks)).await.refused(422, "invalid").field;
    assert_eq!(
        field(json!([of(&alice, 2), { "agent_id": bob, "priority_rank": 0 }])).await.as_deref(),
        Some("ranks[1].priority_rank")
    );
    assert_eq!(
        field(json!([of(&alice, 2), of(&Uuid::new_v4().to_string(), 1)])).await.as_deref(),
        Some("ranks[1].agent_id")
    );
    assert_eq!(field(json!([of(&alice, 2), of(&alice, 1)])).await.as_deref(), Some("ranks[1].agent_id"));
    firm.admin
        .put(&path, save(Some(revision - 1), json!([of(&alice, 2)])))
        .await
        .refused(409, "revision_moved");
    assert_eq!(
        ranks(&overview(&firm.viewer).await, &sales),
        [("Alice".to_owned(), 1), ("Bob".to_owned(), 2)]
    );

    let both = json!([of(&alice, 2), of(&bob, 1)]);
    let saved: PoolsRevision = firm.admin.put(&path, save(Some(revision), both.clone())).await.json();
    assert_eq!(saved.revision, revision + 1);
    let again: PoolsRevision = firm.admin.put(&path, save(None, both)).await.json();
    assert_eq!(again, saved, "nothing has changed");
    assert_eq!(
        ranks(&overview(&firm.viewer).await, &sales),
        [("Bob".to_owned(), 1), ("Alice".to_owned(), 2)]
    );
}

#[tokio::test]
async fn page_rules_are_tried_in_their_order() {
    let app = TestApp::new().await;
    let (firm, theirs) = (app.firm("firm").await, app.firm("theirs").await);
    let (sales, support) = (pool(&firm.admin, "Sales").await, pool(&firm.admin, "Support").await);
    let rules = format!("{POOLS}/page-rules");
    let rule = |id: &str, pool: &str, operator: &str, value: &str| json!({ "id": id, "pool_id": pool, "conditions": [{ "field": "path", "operator": operator, "value": value }] });
    let field = async |rules_given: Value| {
        firm.admin.put(&rules, json!({ "rules": rules_given })).await.refused(422, "invalid").field.unwrap()
    };
    assert_eq!(field(json!([rule("r1", &sales, "contains", "")])).await, "rules[0].conditions[0].value");
    assert_eq!(field(json!([rule("r1", &sales, "resembles", "a")])).await, "rules[0].conditions[0].operator");
    assert_eq!(
        field(json!([rule("r1", &sales, "contains", "a"), rule("r1", &sales, "contains", "b")])).await,
        "rules[1].id"
    );
    let foreign = pool(&theirs.admin, "Theirs").await;
    assert_eq!(
        field(json!([rule("r1", &sales, "contains", "a"), rule("r2", &foreign, "contains", "b")])).await,
        "rules[1].pool_id"
    );
    assert_eq!(field(json!([rule("r1", "x", "contains", "a")])).await, "rules[0].pool_id");

    let mine =
        json!([rule("pricing", &sales, "starts_with", "/pricing"), rule("rest", &support, "contains", "/")]);
    firm.operator.put(&rules, json!({ "rules": mine })).await.refused(403, "forbidden");
    let revision = overview(&firm.admin).await.revision;
    firm.admin
        .put(&rules, json!({ "rules": mine, "expected_revision": revision + 1 }))
        .await
        .refused(409, "revision_moved");
    firm.admin.put(&rules, json!({ "rules": mine, "expected_revision": revision })).await.ok();
    let saved: PageRules = firm.viewer.get(&rules).await.json();
    assert_eq!(saved.rules.iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(), ["pricing", "rest"]);

    let matched = async |page: &str, rules: Option<Value>| -> Value {
        let mut body = json!({ "page_url": page });
        if let Some(rules) = rules {
            body["rules"] = rules;
        }
        firm.viewer.post(&format!("{POOLS}/page-match"), body).await.json()
    };
    let sales_page = matched("https://example.com/PRICING?x=1", None).await;
    assert_eq!((&sales_page["pool_id"], &sales_page["rule_id"]), (&json!(sales), &json!("pricing")));
    assert_eq!(sales_page["rules"][1]["verdict"], "shadowed");
    assert_eq!(matched("/about", None).await["pool_id"], json!(support));
    let turned = json!([mine[1], mine[0]]);
    assert_eq!(matched("/pricing", Some(turned)).await["pool_id"], json!(support), "a draft of the rules");
    assert_eq!(matched("/about", Some(json!([]))).await["pool_id"], json!(saved.default_pool_id));

    // A deleted pool takes its rules along.
    firm.admin.delete(&format!("{POOLS}/{support}")).await.ok();
    assert_eq!(firm.viewer.get(&rules).await.json::<PageRules>().rules.len(), 1);
}

#[tokio::test]
async fn agents_are_managed_by_admins() {
    let app = TestApp::new().await;
    let (firm, theirs) = (app.firm("firm").await, app.firm("theirs").await);
    let people: Vec<contract::Person> = firm.viewer.get("/api/pools/people").await.json();
    assert_eq!(people.len(), 3);
    let operator = people.iter().find(|person| person.email.starts_with("operator")).unwrap();
    let body = json!({ "display_name": "Olga", "user_id": operator.user_id, "capacity": 2 });
    firm.operator.post("/api/agents", &body).await.refused(403, "forbidden");
    let id = firm.admin.post("/api/agents", &body).await.json::<Created>().id;
    let field =
        async |body: Value| firm.admin.post("/api/agents", body).await.refused(422, "invalid").field.unwrap();
    assert_eq!(field(body.clone()).await, "user_id", "an agent already");
    assert_eq!(field(json!({ "display_name": "" })).await, "display_name");
    assert_eq!(field(json!({ "display_name": "X", "capacity": 0 })).await, "capacity");
    assert_eq!(field(json!({ "display_name": "X", "user_id": Uuid::new_v4().to_string() })).await, "user_id");
    let path = format!("/api/agents/{id}");
    theirs.admin.put(&path, json!({ "display_name": "Mine" })).await.refused(404, "not_found");
    theirs.admin.delete(&path).await.refused(404, "not_found");
    firm.admin
        .put(&path, json!({ "display_name": "Olga", "user_id": operator.user_id, "capacity": 3 }))
        .await
        .ok();
    let agents = overview(&firm.viewer).await.agents;
    let [AgentDetail { display_name, email, capacity, load, is_connected, .. }] = agents.as_slice() else {
        panic!("{agents:?}")
    };
    assert_eq!((display_name.as_str(), *capacity, *load, *is_connected), ("Olga", 3, 0, false));
    assert_eq!(email.as_deref(), Some("operator@firm.example"));
    firm.admin.delete(&path).await.ok();
    assert_eq!(overview(&firm.viewer).await.agents, []);
}

#[tokio::test]
async fn the_live_state_gives_the_browser_the_very_next_decision() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let sales = pool(&firm.admin, "Sales").await;
    for (name, rank, capacity) in [("Alice", 1, 1), ("Bob", 1, 2), ("Carol", 2, 1)] {
        member(&firm, &sales, name, rank, capacity).await;
    }
    let key = firm.key(&[]).await;
    for _ in 0..4 {
        let live: LiveRouting = firm.viewer.get("/api/pools/routing-state").await.json();
        let mut router = Router::restore(&live.config, &live.state).unwrap();
        let pool = policy::routing::PoolId::new(&sales).unwrap();
        let decision = router.route(&pool, &VisitorId::new("next").unwrap(), None).unwrap();
        let lead = app.nobody().post("/api/leads", json!({ "key": key, "pool_id": sales })).await;
        let lead: contract::LeadStatus = lead.json();
        assert_eq!(
            lead.agent.map(|agent| agent.id).as_deref(),
            decision.agent_id.as_ref().map(|agent| agent.as_str())
        );
    }
}
