//! Visitors and agents: leads come, are given, accepted, declined, handed over, waited for and lost, by any server.

use contract::{
    AgentDetail, Created, DayArrivals, LeadDecision, LeadStanding, LeadStatus, PoolStatistics, VisitorKey,
};
use hyper::Method;
use serde_json::{Value, json};
use server::ServerConfig;

use crate::pools::{add, member, overview, pool, set_status};
use crate::support::{Answer, Client, Firm, Socket, TestApp, within_patience};

const LEADS: &str = "/api/leads";

/// A firm with a pool and a key
struct Desk {
    app: TestApp,
    firm: Firm,
    pool: String,
    key: String,
}

impl Desk {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let firm = app.firm("firm").await;
        let (pool, key) = (pool(&firm.admin, "Sales").await, firm.key(&["https://shop.example"]).await);
        Self { app, firm, pool, key }
    }

    /// With a waiting list
    async fn waiting(seconds_max: u32, leads_max: u32) -> Self {
        let desk = Self::new().await;
        let waiting = json!({ "seconds_max": seconds_max, "leads_max": leads_max });
        let body = json!({ "name": "Sales", "waiting": waiting });
        desk.firm.admin.put(&format!("/api/pools/{}", desk.pool), body).await.ok();
        desk
    }

    async fn agent(&self, name: &str, rank: u8, capacity: u32) -> String {
        member(&self.firm, &self.pool, name, rank, capacity).await
    }

    /// The operator as an agent of the pool, who signs in
    async fn operator(&self, rank: u8, capacity: u32) -> String {
        let people: Vec<contract::Person> = self.firm.admin.get("/api/pools/people").await.json();
        let person = people.iter().find(|person| person.email.starts_with("operator")).unwrap();
        let body = json!({ "display_name": "Olga", "user_id": person.user_id, "capacity": capacity });
        let id = self.firm.admin.post("/api/agents", body).await.json::<Created>().id;
        add(&self.firm, &self.pool, &id, rank).await;
        id
    }

    async fn ask(&self, client: &Client) -> Answer {
        client.post(LEADS, json!({ "key": self.key, "pool_id": self.pool })).await
    }

    /// A new visitor
    async fn lead(&self) -> LeadStatus {
        self.ask(&self.app.nobody()).await.json()
    }

    fn visitor(&self, lead: &LeadStatus) -> Client {
        self.app.nobody().with("authorization", &format!("Bearer {}", lead.token.as_deref().unwrap()))
    }

    async fn status(&self, lead: &LeadStatus) -> LeadStatus {
        self.visitor(lead).get(&format!("{LEADS}/{}", lead.lead_id)).await.json()
    }

    async fn until(&self, lead: &LeadStatus, standing: LeadStanding) -> LeadStatus {
        within_patience(async {
            loop {
                let status = self.status(lead).await;
                if status.status == standing {
                    return status;
                }
            }
        })
        .await
    }

    async fn decisions(&self) -> Vec<LeadDecision> {
        self.firm.viewer.get("/api/pools/decisions").await.json()
    }

    async fn agent_detail(&self, id: &str) -> AgentDetail {
        let agents = overview(&self.firm.viewer).await.agents;
        agents.into_iter().find(|agent| agent.id == id).unwrap()
    }

    async fn later(&self, seconds: i64) {
        self.app.database.set_app_now(chrono::Utc::now() + chrono::TimeDelta::seconds(seconds)).await;
    }
}

fn name(lead: &LeadStatus) -> &str {
    lead.agent.as_ref().map_or("", |agent| agent.display_name.as_str())
}

async fn state(socket: &mut Socket, is_meant: impl Fn(&Value) -> bool) -> Value {
    socket.until(|message| message["kind"] == "state" && is_meant(message)).await
}

#[tokio::test]
async fn a_lead_goes_to_the_best_rank_and_keeps_its_agent() {
    let desk = Desk::new().await;
    let alice = desk.agent("Alice", 1, 1).await;
    let bob = desk.agent("Bob", 2, 1).await;
    let first = desk.lead().await;
    assert_eq!((first.status, name(&first)), (LeadStanding::Assigned, "Alice"));
    // The same visitor again: the same lead, no second slot.
    let again = json!({ "key": desk.key, "pool_id": desk.pool, "token": first.token });
    let again: LeadStatus = desk.app.nobody().post(LEADS, again).await.json();
    assert_eq!(again.lead_id, first.lead_id);
    let keyed = desk.app.nobody().with("idempotency-key", "0123456789abcdef");
    let second: LeadStatus = desk.ask(&keyed).await.json();
    let repeated: LeadStatus = desk.ask(&keyed).await.json();
    assert_eq!((name(&second), &repeated), ("Bob", &second));
    let third = desk.lead().await;
    assert_eq!((third.status, third.agent, third.place), (LeadStanding::Unavailable, None, None));

    let decisions = desk.decisions().await;
    let told: Vec<_> =
        decisions.iter().rev().map(|decision| (decision.cause.as_str(), decision.priority_rank)).collect();
    assert_eq!(told, [("arrival", Some(1)), ("arrival", Some(2)), ("unavailable", None)]);
    let refused: Vec<_> = decisions[0]
        .trace
        .groups
        .iter()
        .map(|group| (group.priority_rank, group.refused["at_capacity"], &group.named[0].agent_id))
        .collect();
    assert_eq!(refused, [(Some(1), 1, &alice), (Some(2), 1, &bob)]);
    assert_eq!(decisions[1].trace.groups[0].named[0].why, "at_capacity");

    let gone: LeadStatus = desk.visitor(&first).delete(&format!("{LEADS}/{}", first.lead_id)).await.json();
    assert_eq!(gone.status, LeadStanding::Ended);
    assert_eq!(desk.agent_detail(&alice).await.load, 0);
    assert_eq!(name(&desk.lead().await), "Alice");
}

#[tokio::test]
async fn a_page_decides_the_pool_and_bad_leads_are_refused_at_the_field() {
    let desk = Desk::new().await;
    desk.agent("Alice", 1, 5).await;
    let rule = json!({ "id": "shop", "pool_id": desk.pool, "domain_pattern": "*.example.com" });
    desk.firm.admin.put("/api/pools/page-rules", json!({ "rules": [rule] })).await.ok();
    let visitor = desk.app.nobody();
    let by_page = async |page: &str| -> LeadStatus {
        visitor
            .post(LEADS, json!({ "key": desk.key, "page_url": page, "name": " Vera ", "contact": "" }))
            .await
            .json()
    };
    assert_eq!(name(&by_page("https://www.example.com/pricing").await), "Alice");
    assert_eq!(
        by_page("https://notexample.com/").await.status,
        LeadStanding::Unavailable,
        "the default pool has nobody"
    );

    let field = async |body: Value| visitor.post(LEADS, body).await.refused(422, "invalid").field;
    let with = |field: &str, value: Value| {
        let mut body = json!({ "key": desk.key, "page_url": "/" });
        body[field] = value;
        body
    };
    assert_eq!(field(json!({ "key": desk.key })).await.as_deref(), Some("page_url"));
    assert_eq!(field(with("pool_id", json!("x"))).await.as_deref(), Some("pool_id"));
    assert_eq!(
        field(with("pool_id", json!(uuid::Uuid::new_v4().to_string()))).await.as_deref(),
        Some("pool_id")
    );
    assert_eq!(field(with("name", json!("x".repeat(81)))).await.as_deref(), Some("name"));
    assert_eq!(field(with("page_url", json!("x".repeat(2001)))).await.as_deref(), Some("page_url"));
    assert_eq!(field(with("token", json!("v1.forged"))).await.as_deref(), Some("token"));
    visitor.post(LEADS, json!({ "key": "pk_0", "page_url": "/" })).await.refused(403, "forbidden");
    let short = visitor.with("idempotency-key", "short");
    desk.ask(&short).await.refused(422, "invalid");
    assert_eq!(desk.app.number("select count(*) from public.leads").await, 2);
}

#[tokio::test]
async fn pages_ask_where_their_key_allows_it() {
    let desk = Desk::new().await;
    desk.agent("Alice", 1, 5).await;
    let of = |origin: &str| desk.app.nobody().with("origin", origin).with("sec-fetch-site", "cross-site");
    let (shop, other) = (of("https://shop.example"), of("https://other.example"));
    let answer = desk.ask(&shop).await.ok();
    assert_eq!(answer.header("access-control-allow-origin"), "https://shop.example");
    assert!(answer.header("vary").to_lowercase().contains("origin"));
    let lead: LeadStatus = answer.json();
    let refused = desk.ask(&other).await;
    assert_eq!(refused.header("access-control-allow-origin"), "");
    refused.refused(403, "forbidden");
    let preflight = shop.send(Method::OPTIONS, LEADS, None).await.ok();
    assert_eq!(preflight.header("access-control-allow-methods"), "GET, POST, DELETE");
    // Nowhere else: other writes from there are refused as ever.
    let elsewhere = shop.send(Method::OPTIONS, "/api/pools", None).await;
    assert_eq!(elsewhere.header("access-control-allow-origin"), "");
    shop.post("/api/pools", json!({ "name": "x" })).await.refused(403, "forbidden");

    let path = format!("{LEADS}/{}", lead.lead_id);
    let token = format!("Bearer {}", lead.token.unwrap());
    let seen = shop.with("authorization", &token).get(&path).await.ok();
    assert_eq!(seen.header("access-control-allow-origin"), "https://shop.example");
    other.with("authorization", &token).get(&path).await.refused(403, "forbidden");
    // Another visitor's token, and none.
    let another = desk.lead().await;
    desk.visitor(&another).get(&path).await.refused(404, "not_found");
    desk.visitor(&another).delete(&path).await.refused(404, "not_found");
    desk.app.nobody().get(&path).await.refused(401, "unauthenticated");

    let keys: Vec<VisitorKey> = desk.firm.viewer.get("/api/visitor-keys").await.json();
    assert_eq!(keys[0].key, desk.key);
    let key_path = format!("/api/visitor-keys/{}", desk.key);
    desk.firm
        .admin
        .put(&key_path, json!({ "name": "Website", "allowed_origins": ["https://other.example"] }))
        .await
        .ok();
    desk.ask(&shop).await.refused(403, "forbidden");
    desk.ask(&other).await.ok();
    let field = desk
        .firm
        .admin
        .put(&key_path, json!({ "name": "W", "allowed_origins": ["*"] }))
        .await
        .refused(422, "invalid")
        .field;
    assert_eq!(field.as_deref(), Some("allowed_origins[0]"));
    desk.firm.admin.delete(&key_path).await.ok();
    desk.ask(&desk.app.nobody()).await.refused(403, "forbidden");
}

#[tokio::test]
async fn an_address_sends_so_many_leads_a_minute() {
    let config = ServerConfig { leads_per_minute: 2, ..ServerConfig::default() };
    let app = TestApp::with(db::testing::TestDatabase::new().await, config).await;
    let firm = app.firm("firm").await;
    let key = firm.key(&[]).await;
    for _ in 0..2 {
        app.nobody().post(LEADS, json!({ "key": key, "page_url": "/" })).await.ok();
    }
    let answer = app.nobody().post(LEADS, json!({ "key": key, "page_url": "/" })).await;
    assert_ne!(answer.header("retry-after"), "");
    answer.refused(429, "rate_limited");
}

#[tokio::test]
async fn those_who_wait_are_served_first_come_first_served() {
    let desk = Desk::waiting(60, 2).await;
    let alice = desk.agent("Alice", 1, 1).await;
    let first = desk.lead().await;
    let (second, third, fourth) = (desk.lead().await, desk.lead().await, desk.lead().await);
    assert_eq!((second.status, second.place), (LeadStanding::Waiting, Some(1)));
    assert!((58..=60).contains(&second.wait_seconds_left.unwrap()));
    assert_eq!((third.status, third.place), (LeadStanding::Waiting, Some(2)));
    assert_eq!(fourth.status, LeadStanding::Unavailable);
    assert_eq!(desk.decisions().await[0].cause, "waiting_full");

    let mut page = desk
        .app
        .nobody()
        .socket(&format!("{LEADS}/{}/socket?token={}", third.lead_id, third.token.as_deref().unwrap()))
        .await;
    assert_eq!(page.next().await.unwrap()["place"], 2);
    desk.visitor(&first).delete(&format!("{LEADS}/{}", first.lead_id)).await.ok();
    assert_eq!(name(&desk.status(&second).await), "Alice");
    page.until(|status| status["place"] == 1).await;
    desk.visitor(&second).delete(&format!("{LEADS}/{}", second.lead_id)).await.ok();
    assert_eq!(page.until(|status| status["status"] == "assigned").await["agent"]["id"], json!(alice));
    page.say(json!({ "do": "cancel" })).await;
    page.until(|status| status["status"] == "ended").await;
    let causes: Vec<_> = desk.decisions().await.into_iter().map(|decision| decision.cause).collect();
    assert_eq!(causes, ["waiting", "waiting", "waiting_full", "arrival"]);

    // A change of the pool serves those who wait at once.
    let (held, waiting) = (desk.lead().await, desk.lead().await);
    assert_eq!((name(&held), waiting.status), ("Alice", LeadStanding::Waiting));
    desk.agent("Bob", 9, 1).await;
    assert_eq!(name(&desk.until(&waiting, LeadStanding::Assigned).await), "Bob");
}

#[tokio::test]
async fn waiting_and_visitors_who_have_gone_come_to_an_end() {
    let desk = Desk::waiting(60, 9).await;
    let alice = desk.agent("Alice", 1, 1).await;
    let (held, waiting) = (desk.lead().await, desk.lead().await);
    desk.status(&held).await;
    assert_eq!(desk.status(&waiting).await.status, LeadStanding::Waiting);
    desk.app.execute("update public.leads set seen_at = null where state = 'waiting'").await;
    desk.later(61).await;
    desk.until(&waiting, LeadStanding::Unavailable).await;
    within_patience(async { while desk.agent_detail(&alice).await.load > 0 {} }).await;
    let causes: Vec<_> = desk.decisions().await.into_iter().map(|decision| decision.cause).collect();
    assert_eq!(causes[0], "waited_too_long");
    assert_eq!(desk.app.number("select count(*) from public.lead_releases where cause = 'left'").await, 1);
}

#[tokio::test]
async fn an_agent_works_over_a_socket() {
    let desk = Desk::new().await;
    let olga = desk.operator(1, 2).await;
    let bob = desk.agent("Bob", 2, 5).await;
    desk.firm.viewer.get("/api/agent").await.refused(404, "not_found");
    desk.firm.viewer.try_socket("/api/agent/socket").await.err().expect("a viewer is no agent");
    let from_elsewhere = desk.firm.operator.with("origin", "https://evil.example");
    from_elsewhere.try_socket("/api/agent/socket").await.err().expect("no other page may");
    desk.firm.operator.get("/api/agent/socket").await.refused(426, "invalid");

    let mut page = desk.firm.operator.socket("/api/agent/socket").await;
    let shown = state(&mut page, |_| true).await;
    assert_eq!((&shown["status"], &shown["pools"][0]["priority_rank"]), (&json!("idle"), &json!(1)));
    let (first, second) = (desk.lead().await, desk.lead().await);
    assert_eq!((name(&first), name(&second)), ("Olga", "Olga"));
    let shown = state(&mut page, |shown| shown["leads"].as_array().unwrap().len() == 2).await;
    assert_eq!(shown["leads"][0]["lead_id"], json!(first.lead_id));

    // In a call nobody else comes, and she cannot say that she is free.
    page.say(json!({ "do": "accept", "lead_id": first.lead_id })).await;
    state(&mut page, |shown| shown["status"] == "in_call" && shown["leads"][0]["is_in_call"] == true).await;
    assert_eq!(desk.status(&first).await.status, LeadStanding::InCall);
    assert_eq!(name(&desk.lead().await), "Bob");
    assert_eq!(desk.decisions().await[0].trace.groups[0].refused, [("in_call".to_owned(), 1)].into());
    page.say(json!({ "do": "status", "status": "idle" })).await;
    page.until(|message| message["kind"] == "refused").await;
    page.say(json!({ "do": "decline", "lead_id": first.lead_id })).await;
    page.until(|message| message["kind"] == "refused").await;
    page.say(json!({ "do": "dance" })).await;
    page.until(|message| message["kind"] == "refused").await;

    // What is declined goes to another; what has ended is over.
    page.say(json!({ "do": "decline", "lead_id": second.lead_id })).await;
    state(&mut page, |shown| shown["leads"].as_array().unwrap().len() == 1).await;
    assert_eq!(name(&desk.status(&second).await), "Bob");
    page.say(json!({ "do": "end", "lead_id": first.lead_id })).await;
    state(&mut page, |shown| shown["status"] == "idle" && shown["leads"] == json!([])).await;
    assert_eq!(desk.status(&first).await.status, LeadStanding::Ended);

    // Away: leads move, those in a call stay.
    let (called, waiting) = (desk.lead().await, desk.lead().await);
    page.say(json!({ "do": "accept", "lead_id": called.lead_id })).await;
    state(&mut page, |shown| shown["status"] == "in_call").await;
    page.say(json!({ "do": "status", "status": "away" })).await;
    let shown = state(&mut page, |shown| shown["status"] == "away").await;
    assert_eq!(shown["leads"].as_array().unwrap().len(), 1);
    assert_eq!(name(&desk.status(&waiting).await), "Bob");
    assert_eq!(desk.status(&called).await.status, LeadStanding::InCall);
    let moved = &desk.decisions().await[0];
    assert_eq!((moved.cause.as_str(), moved.agent_id.as_deref()), ("reassigned", Some(bob.as_str())));

    // The newest page speaks.
    let mut newer = desk.firm.operator.socket("/api/agent/socket").await;
    state(&mut newer, |shown| shown["status"] == "away").await;
    page.until(|message| message["kind"] == "replaced").await;
    assert_eq!(page.next().await, None);
    assert!(desk.agent_detail(&olga).await.is_connected);
}

#[tokio::test]
async fn an_agent_who_is_silent_is_away_and_one_who_has_gone_is_offline_after_a_grace() {
    let desk = Desk::new().await;
    let olga = desk.operator(1, 2).await;
    let mut page = desk.firm.operator.socket("/api/agent/socket").await;
    state(&mut page, |shown| shown["status"] == "idle").await;
    let lead = desk.lead().await;
    assert_eq!(name(&lead), "Olga");
    // A closed page has ten seconds: a new one takes over, and nothing has changed.
    drop(page);
    within_patience(async { while desk.agent_detail(&olga).await.is_connected {} }).await;
    assert_eq!(name(&desk.status(&lead).await), "Olga");
    let mut page = desk.firm.operator.socket("/api/agent/socket").await;
    let shown = state(&mut page, |_| true).await;
    assert_eq!((&shown["status"], shown["leads"].as_array().unwrap().len()), (&json!("idle"), 1));

    desk.later(121).await;
    let shown = state(&mut page, |shown| shown["status"] == "away").await;
    assert_eq!(shown["leads"], json!([]));
    assert_eq!(desk.status(&lead).await.status, LeadStanding::Unavailable);
    let decision = &desk.decisions().await[0];
    assert_eq!(
        (decision.cause.as_str(), &decision.trace.groups[0].refused),
        ("not_reassigned", &[("away".to_owned(), 1)].into())
    );

    drop(page);
    within_patience(async { while desk.agent_detail(&olga).await.is_connected {} }).await;
    desk.later(140).await;
    within_patience(async { while desk.agent_detail(&olga).await.status.as_str() != "offline" {} }).await;
    let causes: Vec<(String,)> =
        sqlx::query_as("select cause from public.agent_status_events order by change_no")
            .fetch_all(desk.app.owner())
            .await
            .unwrap();
    assert_eq!(causes, ["connected", "silent", "disconnected"].map(|cause| (cause.to_owned(),)));
}

#[tokio::test]
async fn memberships_that_cannot_be_loaded_are_shown_and_tried_again() {
    let desk = Desk::new().await;
    desk.operator(3, 2).await;
    desk.app.execute("revoke select on public.agent_pool_members from authenticated").await;
    let mut page = desk.firm.operator.socket("/api/agent/socket").await;
    let shown = state(&mut page, |_| true).await;
    assert_eq!((&shown["status"], &shown["pools"]), (&json!("idle"), &Value::Null));
    desk.app.execute("grant select on public.agent_pool_members to authenticated").await;
    let shown = state(&mut page, |shown| !shown["pools"].is_null()).await;
    assert_eq!(shown["pools"][0]["priority_rank"], 3);
}

#[tokio::test]
async fn what_is_saved_on_one_server_counts_for_the_next_decision_on_all() {
    let desk = Desk::new().await;
    let alice = desk.agent("Alice", 1, 50).await;
    let twin = desk.app.twin().await;
    let here = desk.app.nobody();
    let there = twin.of(&here);
    for round in 0..6_u8 {
        let bob = desk.agent(&format!("Bob {round}"), 50, 1).await;
        assert_eq!(name(&desk.ask(&there).await.json()), "Alice", "round {round}");
        let (saved_by, asked) =
            if round % 2 == 0 { (&desk.firm.admin, &there) } else { (&twin.of(&desk.firm.admin), &here) };
        let path = format!("/api/pools/{}/members/{bob}", desk.pool);
        // Ranks compare as numbers, and the one below is asked first.
        saved_by
            .put(&format!("/api/pools/{}/members/{alice}", desk.pool), json!({ "priority_rank": 10 }))
            .await
            .ok();
        saved_by.put(&path, json!({ "priority_rank": 9 })).await.ok();
        assert_eq!(name(&desk.ask(asked).await.json()), format!("Bob {round}"));
        saved_by.delete(&path).await.ok();
        saved_by
            .put(&format!("/api/pools/{}/members/{alice}", desk.pool), json!({ "priority_rank": 1 }))
            .await
            .ok();
        // So do statuses.
        twin.of(&desk.firm.admin)
            .put(&format!("/api/agents/{alice}/status"), json!({ "status": "in_simulation" }))
            .await
            .ok();
        set_status(&desk.firm, &alice, "idle").await;
    }
    // A page at one server hears of leads that came to the other.
    let olga = desk.operator(1, 9).await;
    let mut page = twin.of(&desk.firm.operator).socket("/api/agent/socket").await;
    state(&mut page, |shown| shown["status"] == "idle").await;
    assert_eq!(desk.lead().await.agent.unwrap().id, olga);
    state(&mut page, |shown| shown["leads"].as_array().unwrap().len() == 1).await;
}

#[tokio::test]
async fn consoles_hear_that_something_has_changed() {
    let desk = Desk::new().await;
    let listening = "select count(*) from pg_stat_activity where datname = current_database() and query like 'LISTEN%dragonfly_routing%'";
    within_patience(async { while desk.app.number(listening).await == 0 {} }).await;
    let mut events = desk.firm.viewer.events().await;
    desk.lead().await;
    while events.next().await.expect("the stream goes on") != json!({ "kind": "pools" }) {}
}

#[tokio::test]
async fn statistics_tell_what_each_tier_took_passed_on_and_lost() {
    let desk = Desk::new().await;
    let alice = desk.agent("Alice", 1, 2).await;
    let bob = desk.agent("Bob", 2, 1).await;
    let leads = [desk.lead().await, desk.lead().await, desk.lead().await];
    set_status(&desk.firm, &bob, "away").await;
    desk.lead().await;
    desk.visitor(&leads[0]).delete(&format!("{LEADS}/{}", leads[0].lead_id)).await.ok();

    let seen: PoolStatistics =
        desk.firm.viewer.get(&format!("/api/pools/statistics?pool_id={}", desk.pool)).await.json();
    // The lead that Bob had was lost when he went away, and the fourth found nobody.
    assert_eq!((seen.arrived, seen.lost), (4, 2));
    let tiers: Vec<_> = seen
        .tiers
        .iter()
        .map(|tier| (tier.priority_rank, tier.taken, tier.reached, tier.overflow_rate.as_deref()))
        .collect();
    assert_eq!(tiers, [(Some(1), 2, 4, Some("0.5000")), (Some(2), 0, 2, Some("1.0000"))]);
    assert_eq!(seen.tiers[0].share.as_deref(), Some("1.0000"));
    assert_eq!(seen.tiers[0].lost, [("at_capacity".to_owned(), 2)].into());
    assert_eq!(seen.tiers[1].lost, [("away".to_owned(), 2)].into());
    assert_eq!(
        (seen.tiers[0].fairness.as_deref(), seen.tiers[1].fairness.as_deref()),
        (Some("1.0000"), None)
    );
    let of = |id: &str| seen.agents.iter().find(|agent| agent.agent_id == id).unwrap();
    assert_eq!((of(&alice).taken, of(&bob).taken), (2, 1));
    assert_eq!(seen.days.len(), 1);
    assert_eq!((seen.hours[0].arrived, seen.hours[0].by_rank["1"]), (4, 2));

    let problem = desk.firm.viewer.get("/api/pools/statistics?from=2026-02-30").await.refused(422, "invalid");
    assert_eq!(problem.field.as_deref(), Some("from"));
    let today = seen.to;
    let day: DayArrivals = desk.firm.viewer.get(&format!("/api/pools/arrivals?day={today}")).await.json();
    assert_eq!((day.total, day.arrivals.len(), day.statuses.len()), (4, 4, 3));
    let told: Vec<_> = day
        .arrivals
        .iter()
        .map(|lead| (lead.priority_rank, lead.is_lost, lead.handled_ms.is_some()))
        .collect();
    assert_eq!(
        told,
        [(Some(1), false, true), (Some(1), false, false), (Some(2), true, false), (None, true, false)]
    );
    desk.firm.viewer.get("/api/pools/arrivals?day=2999-01-01").await.refused(422, "invalid");
}
