//! Alerts: who is told in the console, what each person has read, what became of the alerts by other ways.

use contract::{AlertPage, AlertRoute, DeliveryPage, UnreadAlerts};
use serde_json::{Value, json};

use crate::support::{Client, Firm, Judgment, TestApp};

/// A case whose events are told, and those that tell of it
async fn told(app: &TestApp, firm: &Firm, routes: &[Value]) -> String {
    let judgment_id = firm.add(app, Judgment::default()).await;
    let case_id: String =
        firm.operator.post("/rpc/open_enforcement_case", json!({ "judgment_id": judgment_id })).await.json();
    for route in routes {
        firm.admin.post("/rpc/put_alert_route", route).await.ok();
    }
    case_id
}

async fn log(firm: &Firm, case_id: &str, kind: &str, note: &str) {
    let event = json!({ "case_id": case_id, "event_kind": kind, "note": note });
    firm.operator.post("/rpc/log_enforcement_event", event).await.ok();
}

async fn alerts(client: &Client, query: &str) -> AlertPage {
    client.get(&format!("/api/alerts?{query}")).await.json()
}

async fn notes(client: &Client, query: &str) -> Vec<String> {
    alerts(client, query).await.rows.into_iter().filter_map(|row| row.note).collect()
}

async fn unread(client: &Client) -> u64 {
    client.get("/api/alerts/unread").await.json::<UnreadAlerts>().count
}

#[tokio::test]
async fn everybody_is_told_of_what_was_chosen_and_reads_it_alone() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let none: UnreadAlerts = firm.viewer.get("/api/alerts/unread").await.json();
    assert_eq!(none, UnreadAlerts { count: 0, has_route: false });
    // Two ways lead here: what goes by both is told once.
    let case_id = told(
        &app,
        &firm,
        &[
            json!({ "channel": "console", "event_kinds": ["note", "blocked"] }),
            json!({ "channel": "console", "event_kinds": ["blocked", "unblocked"] }),
        ],
    )
    .await;
    for (kind, note) in
        [("note", "one"), ("blocked", "two"), ("unblocked", "three"), ("asset_search_requested", "-")]
    {
        log(&firm, &case_id, kind, note).await;
    }
    assert_eq!(notes(&firm.viewer, "").await, ["three", "two", "one"]);
    assert_eq!(notes(&firm.viewer, "kind=note,unblocked").await, ["three", "one"]);
    assert_eq!((unread(&firm.viewer).await, unread(&firm.operator).await), (3, 3));
    let page = alerts(&firm.viewer, "limit=2").await;
    let row = &page.rows[0];
    assert_eq!((row.case_id.as_deref(), row.event_kind.as_str()), (Some(case_id.as_str()), "unblocked"));
    assert!(!row.is_read && row.amount.is_none());
    assert_eq!(notes(&firm.viewer, &format!("after={}", page.next.unwrap())).await, ["one"]);

    // One by one, and all up to what was seen; another person's are another's.
    let middle = page.rows[1].id;
    firm.viewer.post("/rpc/mark_alerts_read", json!({ "alert_id": middle })).await.ok();
    assert_eq!(notes(&firm.viewer, "state=unread").await, ["three", "one"]);
    assert_eq!(notes(&firm.viewer, "state=read").await, ["two"]);
    firm.viewer.post("/rpc/mark_alerts_read", json!({ "up_to": middle })).await.ok();
    assert_eq!(notes(&firm.viewer, "state=unread").await, ["three"]);
    assert_eq!((unread(&firm.viewer).await, unread(&firm.operator).await), (1, 3));
    // Once nothing older can appear any more, one mark stands for all of them.
    assert_eq!(app.number("select count(*) from public.enforcement_alert_marks").await, 0);
    app.execute("update public.enforcement_alerts set created_at = created_at - interval '2 minutes'").await;
    app.execute("update public.memberships set created_at = created_at - interval '1 hour'").await;
    firm.viewer.post("/rpc/mark_alerts_read", json!({ "up_to": row.id })).await.ok();
    assert_eq!(app.number("select count(*) from public.enforcement_alert_marks").await, 1);
    assert_eq!(app.number("select count(*) from public.enforcement_alert_reads").await, 0);
    assert_eq!((unread(&firm.viewer).await, unread(&firm.operator).await), (0, 3));
    log(&firm, &case_id, "note", "four").await;
    assert_eq!(notes(&firm.viewer, "state=unread").await, ["four"]);

    // Money without a case is told of too.
    firm.admin
        .post("/rpc/put_alert_route", json!({ "channel": "console", "event_kinds": ["payment_received"] }))
        .await
        .ok();
    let other_judgment = firm.add(&app, Judgment { case_number: "CV-9", ..Judgment::default() }).await;
    let payment = json!({ "judgment_id": other_judgment, "amount": "12.50" });
    firm.operator.post("/rpc/record_enforcement_payment", payment).await.ok();
    let row = alerts(&firm.viewer, "kind=payment_received").await.rows.remove(0);
    assert_eq!((row.amount.as_deref(), row.case_id, row.case_number.as_str()), (Some("12.50"), None, "CV-9"));

    for body in [
        json!({}),
        json!({ "alert_id": "x" }),
        json!({ "alert_id": middle, "up_to": middle }),
        json!({ "alerts": [1] }),
    ] {
        firm.viewer.post("/rpc/mark_alerts_read", body).await.refused(422, "invalid");
    }
    firm.viewer.post("/rpc/mark_alerts_read", json!({ "alert_id": 999_999 })).await.refused(404, "not_found");
    for query in ["state=new", "kind=No%20kind", "after=x", "limit=0"] {
        firm.viewer.get(&format!("/api/alerts?{query}")).await.refused(422, "invalid");
    }
    let other = app.firm("other").await;
    assert!(notes(&other.admin, "").await.is_empty());
    other.admin.post("/rpc/mark_alerts_read", json!({ "alert_id": middle })).await.refused(404, "not_found");
}

#[tokio::test]
async fn whoever_joins_later_begins_with_nothing_unread_and_nobody_sees_what_others_have_read() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let case_id = told(&app, &firm, &[json!({ "channel": "console" })]).await;
    log(&firm, &case_id, "note", "before").await;
    let told_before = notes(&firm.viewer, "").await.len();
    let late = app.person(firm.id, "late@example.com", contract::Role::Viewer).await;
    assert_eq!(unread(&late).await, 0);
    log(&firm, &case_id, "note", "after").await;
    assert_eq!(notes(&late, "state=unread").await, ["after"]);
    assert_eq!(notes(&late, "").await.len(), told_before + 1);
}

#[tokio::test]
async fn an_open_console_hears_of_alerts() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let case_id = told(&app, &firm, &[json!({ "channel": "console", "event_kinds": ["note"] })]).await;
    app.until_listening().await;
    let mut events = firm.viewer.events().await;
    log(&firm, &case_id, "note", "now").await;
    events.until(json!({ "kind": "alerts" })).await;
    let mut elsewhere = firm.viewer.events().await;
    let id = alerts(&firm.viewer, "").await.rows[0].id;
    firm.viewer.post("/rpc/mark_alerts_read", json!({ "alert_id": id })).await.ok();
    elsewhere.until(json!({ "kind": "alerts" })).await;
}

#[tokio::test]
async fn admins_see_what_became_of_alerts_by_other_ways_and_have_them_sent_again() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let target = "https://hooks.example.com/T0/secret";
    let case_id = told(
        &app,
        &firm,
        &[
            json!({ "channel": "console", "event_kinds": ["note"] }),
            json!({ "channel": "webhook", "target": target, "event_kinds": ["note"] }),
        ],
    )
    .await;
    for note in ["one", "two", "three"] {
        log(&firm, &case_id, "note", note).await;
    }
    app.execute(
        "update public.enforcement_alerts a
            set state = (array['failed', 'uncertain', 'sent'])[n]::public.alert_state, attempts = n, error = 'the other side answered 404'
           from (select a.id, row_number() over (order by a.id)::int as n from public.enforcement_alerts a
                   join public.enforcement_alert_routes r on r.id = a.route_id where r.channel = 'webhook') t
          where t.id = a.id",
    )
    .await;
    let all: DeliveryPage = firm.admin.get("/api/alerts/deliveries").await.json();
    let states: Vec<&str> = all.rows.iter().map(|row| row.state.as_str()).collect();
    assert_eq!((states, all.undelivered_count), (vec!["sent", "uncertain", "failed"], 2));
    assert!(all.rows.iter().all(|row| row.channel == "webhook" && row.target == target));
    let lost: DeliveryPage =
        firm.admin.get("/api/alerts/deliveries?state=failed,uncertain&limit=1").await.json();
    let rest: DeliveryPage = firm
        .admin
        .get(&format!("/api/alerts/deliveries?state=failed,uncertain&after={}", lost.next.unwrap()))
        .await
        .json();
    assert_eq!((rest.rows.len(), rest.rows[0].error.as_deref()), (1, Some("the other side answered 404")));
    let failed = rest.rows[0].id;
    firm.admin.post("/rpc/retry_alert", json!({ "alert_id": failed })).await.ok();
    let all: DeliveryPage = firm.admin.get("/api/alerts/deliveries?state=pending").await.json();
    assert_eq!((all.rows[0].id, all.rows[0].attempts, all.undelivered_count), (failed, 0, 1));
    assert!(all.rows[0].next_try_at.is_some());

    let routes: Vec<AlertRoute> = firm.admin.get("/api/alerts/routes").await.json();
    let shown: Vec<(&str, Option<&str>)> =
        routes.iter().map(|route| (route.channel.as_str(), route.target.as_deref())).collect();
    assert_eq!(shown, [("console", None), ("webhook", Some(target))]);
    let off = json!({ "route_id": routes[0].id, "channel": "console", "event_kinds": ["note"], "is_enabled": false });
    firm.admin.post("/rpc/put_alert_route", off).await.ok();
    let none: UnreadAlerts = firm.viewer.get("/api/alerts/unread").await.json();
    assert_eq!(none, UnreadAlerts { count: 3, has_route: false });
    log(&firm, &case_id, "note", "four").await;
    assert_eq!(unread(&firm.viewer).await, 3);

    // Addresses are for admins.
    for path in ["/api/alerts/deliveries", "/api/alerts/routes"] {
        firm.operator.get(path).await.refused(403, "forbidden");
    }
    for query in ["state=lost", "after=x", "limit=201"] {
        firm.admin.get(&format!("/api/alerts/deliveries?{query}")).await.refused(422, "invalid");
    }
    let other = app.firm("other").await;
    assert!(other.admin.get("/api/alerts/deliveries").await.json::<DeliveryPage>().rows.is_empty());
    assert!(other.admin.get("/api/alerts/routes").await.json::<Vec<AlertRoute>>().is_empty());
}
