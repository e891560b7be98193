//! What operators look at: lists of cases, a case, its timeline, the morning list, recent events, and plans for many cases.

use contract::{
    CaseDetail, CaseFacets, CasePage, CasePlan, CaseRow, JudgmentRef, RecentEvents, TimelinePage, Today,
    TodayPage,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Client, Firm, Judgment, TestApp, within_patience};

/// Opens cases `CV-1` and so on, by the operator
async fn open(app: &TestApp, firm: &Firm, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 1..=count {
        let judgment = Judgment { case_number: &format!("CV-{n}"), ..Judgment::default() };
        let judgment_id = firm.add(app, judgment).await;
        ids.push(rpc(&firm.operator, "open_enforcement_case", json!({ "judgment_id": judgment_id })).await);
    }
    ids
}

async fn rpc<T: serde::de::DeserializeOwned>(client: &Client, name: &str, body: Value) -> T {
    client.post(&format!("/rpc/{name}"), body).await.json()
}

fn numbers(rows: &[CaseRow]) -> String {
    rows.iter().filter_map(|row| row.case_number.rsplit('-').next()).collect()
}

async fn listed(client: &Client, query: &str) -> String {
    let page: CasePage = client.get(&format!("/api/cases?{query}")).await.json();
    assert_eq!(page.total, Some(page.rows.len() as u64), "{query}");
    assert_eq!(page.next_cursor, None, "{query}");
    numbers(&page.rows)
}

/// Five open cases that differ in all that filters ask for, and a closed one
async fn five(app: &TestApp, firm: &Firm) -> Vec<String> {
    let ids = open(app, firm, 6).await;
    let me: Uuid = sqlx::query_scalar("select id from public.users where email like 'operator@%'")
        .fetch_one(app.owner())
        .await
        .unwrap();
    rpc::<Value>(&firm.operator, "assign_enforcement_case", json!({ "case_id": ids[0], "owner_id": me }))
        .await;
    rpc::<Value>(
        &firm.operator,
        "log_enforcement_event",
        json!({ "case_id": ids[1], "event_kind": "blocked", "note": "marshal", "payload": { "eta": "2099-01-01" } }),
    )
    .await;
    rpc::<Value>(
        &firm.operator,
        "set_enforcement_stage",
        json!({ "case_id": ids[2], "stage": "asset_discovery" }),
    )
    .await;
    let closed = json!({ "case_id": ids[5], "status": "withdrawn" });
    rpc::<Value>(&firm.operator, "close_enforcement_case", closed).await;
    app.execute(
        "set session_replication_role = replica;
         update public.enforcement_cases c
            set tier = 'tier' || (n - 1) % 4, current_balance = nullif(n * 100, 400),
                next_action_at = case when n < 5 then now() + (n - 3.5) * interval '1 day' end,
                stage_entered_at = now() - n * interval '2 days'
           from (select c.id, substr(j.case_number, 4)::int as n
                   from public.enforcement_cases c join public.core_judgments j on j.id = c.judgment_id) t
          where t.id = c.id;
         update public.enforcement_cases set tier_override = 'tier3', override_note = 'x',
                override_expires_at = now() + case current_stage when 'asset_discovery' then interval '1 day' else interval '-1 day' end
          where id in (select id from public.enforcement_cases order by next_action_at nulls last limit 3);
         set session_replication_role = origin",
    )
    .await;
    ids
}

#[tokio::test]
async fn filters_let_through_what_they_say_and_export_the_same() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let ids = five(&app, &firm).await;
    let neighbour = app.firm("neighbour").await;
    // Case 3 is tier 2 with an override to 3; those of 1 and 2 have expired.
    for (query, expected) in [
        ("", "12345"),
        ("tier=0", "15"),
        ("tier=3", "34"),
        ("tier=1,2", "2"),
        ("tier=none", ""),
        ("stage=pre_enforcement", "1245"),
        ("stage=asset_discovery,bank_levy", "3"),
        ("stage=nowhere", ""),
        ("owner=me", "1"),
        ("owner=nobody", "2345"),
        ("past_due=true", "123"),
        ("past_due=false", "12345"),
        ("blocked=true", "2"),
        // One day in pre_enforcement, ten in asset_discovery.
        ("sla_breach=true", "1245"),
        ("days_min=8", "45"),
        ("search=cv4", "4"),
        ("search=john%20doe", "12345"),
        ("search=100%25", ""),
        ("tier=3&days_min=7", "4"),
        ("state=closed", "6"),
        ("state=closed&sort=next_action", "6"),
        ("sort=-next_action", "43215"),
        ("sort=balance", "12354"),
        ("sort=-balance", "53214"),
        ("sort=-days", "54321"),
        ("sort=days", "12345"),
    ] {
        assert_eq!(listed(&firm.operator, query).await, expected, "{query}");
        let csv = firm.operator.get(&format!("/api/cases.csv?{query}")).await.text();
        let exported: String =
            csv.lines().skip(1).filter_map(|line| line.split(',').nth(2)?.rsplit('-').next()).collect();
        assert_eq!(exported, expected, "export {query}");
    }
    assert_eq!(listed(&firm.viewer, "owner=me").await, "");
    assert_eq!(listed(&neighbour.operator, "").await, "");
    neighbour.operator.get(&format!("/api/cases/{}", ids[0])).await.refused(404, "not_found");
    neighbour.operator.get(&format!("/api/cases/{}/timeline", ids[0])).await.refused(404, "not_found");
    for (query, field) in [
        ("tier=4", "tier"),
        ("stage=Bank+Levy", "stage"),
        ("owner=ada", "owner"),
        ("state=all", "state"),
        ("past_due=yes", "past_due"),
        ("days_min=-1", "days_min"),
        ("sort=tier", "sort"),
        ("sort=closed", "sort"),
        ("limit=501", "limit"),
        ("cursor=x", "cursor"),
        ("sort=balance&cursor=2026-11-22T10:00:00Z~00000000-0000-0000-0000-000000000000", "cursor"),
        ("search=%00", "search"),
    ] {
        let problem = firm.operator.get(&format!("/api/cases?{query}")).await.refused(422, "invalid");
        assert_eq!(problem.field.as_deref(), Some(field), "{query}");
    }
}

#[tokio::test]
async fn pages_make_the_whole_in_every_order_and_lose_nothing_meanwhile() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    five(&app, &firm).await;
    for (sort, whole) in [
        ("next_action", "12345"),
        ("-next_action", "43215"),
        ("balance", "12354"),
        ("-balance", "53214"),
        ("days", "12345"),
        ("-days", "54321"),
    ] {
        for limit in 1..=5 {
            let mut shown = String::new();
            let mut cursor = String::new();
            let mut pages = 0;
            loop {
                let path = format!("/api/cases?sort={sort}&limit={limit}&cursor={cursor}");
                let page: CasePage = firm.viewer.get(&path).await.json();
                assert_eq!(page.total.is_some(), pages == 0, "the first page alone counts");
                shown += &numbers(&page.rows);
                pages += 1;
                match page.next_cursor {
                    Some(next) => cursor = next,
                    None => break,
                }
            }
            assert_eq!((shown.as_str(), pages), (whole, 5usize.div_ceil(limit)), "{sort} by {limit}");
        }
    }
    // What goes from a page that was read shifts nothing on the next.
    let first: CasePage = firm.viewer.get("/api/cases?limit=2").await.json();
    let closed = json!({ "case_id": first.rows[0].id, "status": "withdrawn" });
    rpc::<Value>(&firm.operator, "close_enforcement_case", closed).await;
    let cursor = first.next_cursor.unwrap();
    let rest: CasePage = firm.viewer.get(&format!("/api/cases?cursor={cursor}")).await.json();
    assert_eq!(numbers(&rest.rows), "345");
}

#[tokio::test]
async fn a_case_shows_everything_and_its_timeline_who_did_it() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let ids = open(&app, &firm, 1).await;
    let of_case = |mut body: Value| {
        body["case_id"] = json!(ids[0]);
        body
    };
    for (name, body) in [
        (
            "set_enforcement_stage",
            json!({ "stage": "bank_levy", "metadata": { "document_path": "a/levy.pdf" } }),
        ),
        (
            "queue_enforcement_action",
            json!({ "action_type": "bank_levy", "status": "filed", "document_path": "a/writ.pdf" }),
        ),
        ("record_enforcement_payment", json!({ "amount": "250.50", "source": "bank" })),
        (
            "set_tier_override",
            json!({ "tier": "tier3", "note": "VIP", "expires_at": "2099-01-01", "root_cause": "settlement" }),
        ),
        ("log_enforcement_event", json!({ "event_kind": "blocked", "note": "the marshal stalls" })),
    ] {
        firm.operator.post(&format!("/rpc/{name}"), of_case(body)).await.ok();
    }
    let judgment_id: Uuid =
        sqlx::query_scalar("select id from public.core_judgments").fetch_one(app.owner()).await.unwrap();
    let unlinked = json!({ "judgment_id": judgment_id, "amount": "9.50" });
    rpc::<Value>(&firm.operator, "record_enforcement_payment", unlinked).await;

    let path = format!("/api/cases/{}", ids[0]);
    let case: CaseDetail = firm.viewer.get(&path).await.json();
    let row = &case.case;
    assert_eq!((row.tier.map(|tier| tier.number()), row.computed_tier), (Some(3), None));
    assert_eq!((row.current_stage.as_str(), row.sla_days), ("bank_levy", Some(14)));
    assert_eq!(row.current_balance.as_deref(), Some("24740.00"));
    assert!(row.is_blocked && row.override_expires_at.is_some());
    assert_eq!((case.tier_reason.as_deref(), &case.computed_tier_reason), (Some("override"), &None));
    assert_eq!(case.override_note.as_deref(), Some("VIP"));
    assert_eq!(case.override_root_cause.as_deref(), Some("settlement"));
    assert_eq!(case.blocked_note.as_deref(), Some("the marshal stalls"));
    assert_eq!((case.payments.count, case.payments.total.as_str()), (1, "250.50"));
    let unlinked: Vec<&str> = case.unlinked_payments.iter().map(|payment| payment.amount.as_str()).collect();
    assert_eq!(unlinked, ["9.50"]);
    let actions: Vec<_> =
        case.actions.iter().map(|a| (a.action_type.as_str(), a.status.as_str(), a.documents)).collect();
    assert_eq!(actions, [("bank_levy", "filed", 1)]);
    assert_eq!(case.documents.len(), 2);
    assert!(case.tasks.iter().any(|task| task.kind == "follow_levy"));

    let timeline: TimelinePage = firm.viewer.get(&format!("{path}/timeline")).await.json();
    let moved = timeline.rows.iter().find(|item| item.kind == "stage_changed").unwrap();
    assert_eq!(
        (moved.actor.as_str(), moved.rpc.as_deref()),
        ("operator@firm.example", Some("set_enforcement_stage"))
    );
    assert_eq!(moved.delta["current_stage"], json!(["pre_enforcement", "bank_levy"]));
    assert!(timeline.rows.is_sorted_by(|a, b| a.occurred_at >= b.occurred_at));
    let whole: Vec<String> = timeline.rows.into_iter().map(|item| item.id).collect();
    let mut by_pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page: TimelinePage =
            firm.viewer.get(&format!("{path}/timeline?limit=3&cursor={cursor}")).await.json();
        by_pages.extend(page.rows.into_iter().map(|item| item.id));
        match page.next_cursor {
            Some(next) => cursor = next,
            None => break,
        }
    }
    assert_eq!(by_pages, whole);
    let events: TimelinePage =
        firm.viewer.get(&format!("{path}/timeline?source=event&kind=blocked,payment_received")).await.json();
    let kinds: Vec<&str> = events.rows.iter().map(|item| item.kind.as_str()).collect();
    assert_eq!(kinds, ["blocked", "payment_received"]);
    firm.viewer.get(&format!("{path}/timeline?source=rumour")).await.refused(422, "invalid");

    let facets: CaseFacets = firm.viewer.get("/api/cases/facets").await.json();
    let needing: Vec<&str> =
        facets.stages.iter().filter(|stage| stage.needs_document).map(|stage| stage.stage.as_str()).collect();
    assert_eq!(needing, ["bank_levy", "marshal_execution", "subpoena", "wage_garnishment"]);
    // The form offers what the function takes.
    for kind in facets.event_kinds.iter().filter(|kind| !kind.needs_document) {
        let body = of_case(json!({ "event_kind": kind.kind }));
        let answer = firm.operator.post("/rpc/log_enforcement_event", body).await;
        assert_eq!(answer.status.is_success(), kind.is_logged_by_hand, "{}: {}", kind.kind, answer.text());
    }
    let owners: Vec<&str> = facets.owners.iter().map(|owner| owner.display_name.as_str()).collect();
    assert_eq!(owners, ["admin@firm.example", "operator@firm.example"]);
}

#[tokio::test]
async fn the_morning_list_counts_what_its_links_list() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let quiet: Today = firm.viewer.get("/api/today").await.json();
    assert!(quiet.groups.iter().all(|group| group.count == 0 && group.rows.is_empty()));
    let ids = five(&app, &firm).await;
    let file = |action: &str, document: Option<&str>| json!({ "case_id": ids[0], "action_type": action, "status": "filed", "document_path": document });
    rpc::<Value>(&firm.operator, "queue_enforcement_action", file("bank_levy", None)).await;
    rpc::<Value>(&firm.operator, "queue_enforcement_action", file("marshal", Some("a/writ.pdf"))).await;
    // One that is over is no less without its paper.
    let over = json!({ "case_id": ids[0], "action_type": "bank_levy", "status": "completed" });
    rpc::<Value>(&firm.operator, "queue_enforcement_action", over).await;
    let paid = firm.add(&app, Judgment { case_number: "P-1", ..Judgment::default() }).await;
    rpc::<Value>(&firm.operator, "record_enforcement_payment", json!({ "judgment_id": paid, "amount": "5" }))
        .await;
    let with_case: Uuid =
        sqlx::query_scalar("select id from public.core_judgments where case_number = 'CV-1'")
            .fetch_one(app.owner())
            .await
            .unwrap();
    rpc::<Value>(
        &firm.operator,
        "record_enforcement_payment",
        json!({ "judgment_id": with_case, "amount": "6" }),
    )
    .await;

    let today: Today = firm.viewer.get("/api/today").await.json();
    let found: Vec<(&str, u64, Vec<&str>)> = today
        .groups
        .iter()
        .map(|group| {
            (group.kind.as_str(), group.count, group.rows.iter().map(|row| row.mend.as_str()).collect())
        })
        .collect();
    assert_eq!(
        found,
        [
            ("past_due", 1, vec!["assign"]),
            ("blocked", 1, vec!["unblock"]),
            ("stale_strategic", 1, vec!["assign"]),
            ("without_document", 1, vec!["document"]),
            ("unlinked_payments", 2, vec!["link_payment", "open_case"]),
            ("intake_overdue", 4, vec!["assign", "assign", "assign", "stage"]),
        ]
    );
    for group in &today.groups {
        let Some(query) = &group.query else { continue };
        let page: CasePage = firm.viewer.get(&format!("/api/cases?{query}")).await.json();
        assert_eq!(page.total, Some(group.count), "{}", group.kind);
        let mut shown: Vec<&CaseRow> = group.rows.iter().filter_map(|row| row.case.as_ref()).collect();
        let tiers: Vec<_> = shown.iter().map(|case| case.tier).collect();
        assert!(tiers.is_sorted_by(|before, after| before >= after), "tier 3 first: {tiers:?}");
        let mut listed: Vec<&CaseRow> = page.rows.iter().collect();
        listed.sort_unstable_by_key(|case| &case.id);
        shown.sort_unstable_by_key(|case| &case.id);
        assert_eq!(listed, shown, "{}", group.kind);
    }
    // Each group is to be had whole, page by page, in the order in which it begins.
    for group in &today.groups {
        assert_eq!(group.next, None, "all of {} are shown", group.kind);
        let mut walked = Vec::new();
        let mut after = String::new();
        loop {
            let address = format!("/api/today/{}?limit=1&after={after}", group.kind);
            let page: TodayPage = firm.viewer.get(&address).await.json();
            assert!(page.rows.len() <= 1);
            walked.extend(page.rows);
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        assert_eq!(walked, group.rows, "{}", group.kind);
        for query in ["limit=0", "limit=201", "after=x", "after=9~x", "after=0~x"] {
            firm.viewer.get(&format!("/api/today/{}?{query}", group.kind)).await.refused(422, "invalid");
        }
    }
    firm.viewer.get("/api/today/nothing").await.refused(404, "not_found");
    let levels = json!({ "judgment_id": with_case, "priority_level": "urgent" });
    rpc::<Value>(&firm.operator, "set_judgment_priority", levels).await;
    let today: Today = firm.viewer.get("/api/today").await.json();
    let urgent = today.groups[5].rows.iter().filter_map(|row| row.case.as_ref());
    let urgent: Vec<&str> =
        urgent.filter(|case| case.priority_level == "urgent").map(|case| case.case_number.as_str()).collect();
    assert_eq!(urgent, ["CV-1"]);
    let action = today.groups[3].rows[0].action.as_ref().unwrap();
    assert_eq!((action.action_type.as_str(), action.status.as_str()), ("bank_levy", "completed"));
    let JudgmentRef { case_number, .. } = &today.groups[4].rows[1].judgment;
    assert_eq!(case_number, "P-1");
}

#[tokio::test]
async fn a_timeline_has_the_documents_and_each_event_leads_to_its_own() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let id = open(&app, &firm, 1).await.remove(0);
    let levy = json!({ "case_id": id, "event_kind": "bank_levy_filed", "document_path": "papers/writ.pdf" });
    rpc::<Value>(&firm.operator, "log_enforcement_event", levy).await;
    let named = json!({ "case_id": id, "doc_kind": "evidence", "storage_path": "papers/lease.pdf" });
    rpc::<Value>(&firm.operator, "add_enforcement_document", named).await;
    let page: TimelinePage =
        firm.viewer.get(&format!("/api/cases/{id}/timeline?source=document")).await.json();
    let found: Vec<(&str, &str, &str)> = page
        .rows
        .iter()
        .filter_map(|item| {
            Some((item.source.as_str(), item.kind.as_str(), item.document.as_ref()?.name.as_str()))
        })
        .collect();
    assert_eq!(found, [("document", "evidence", "lease.pdf"), ("document", "bank_levy_filed", "writ.pdf")]);
    assert!(page.rows.iter().all(|item| item.actor == "operator@firm.example"));
    let all: TimelinePage = firm.viewer.get(&format!("/api/cases/{id}/timeline")).await.json();
    let event =
        all.rows.iter().find(|item| item.kind == "bank_levy_filed" && item.source == "event").unwrap();
    let paper = event.document.as_ref().unwrap();
    assert_eq!((&paper.id, paper.has_file), (&page.rows[1].id, false));
}

#[tokio::test]
async fn recent_events_come_newest_first_by_when_they_happened() {
    let app = TestApp::new().await;
    let (firm, neighbour) = (app.firm("firm").await, app.firm("neighbour").await);
    let ids = open(&app, &firm, 2).await;
    for (note, at) in [("first", "2026-01-01"), ("third", "2026-01-03"), ("second", "2026-01-02")] {
        let event = json!({ "case_id": ids[0], "event_kind": "note", "note": note, "occurred_at": at });
        rpc::<Value>(&firm.operator, "log_enforcement_event", event).await;
    }
    let newest: RecentEvents = firm.viewer.get("/api/events/recent?limit=2").await.json();
    let notes = |events: &RecentEvents| -> Vec<String> {
        events.rows.iter().filter_map(|event| event.note.clone()).collect()
    };
    assert_eq!(notes(&newest), ["third", "second"]);
    let event = &newest.rows[0];
    assert_eq!(
        (event.case_id.as_ref(), event.current_stage.as_deref()),
        (Some(&ids[0]), Some("pre_enforcement"))
    );
    let cursor = newest.next_cursor.unwrap();
    let rest: RecentEvents = firm.viewer.get(&format!("/api/events/recent?cursor={cursor}")).await.json();
    assert_eq!((notes(&rest), rest.next_cursor), (vec!["first".to_owned()], None));
    let none: RecentEvents = firm.viewer.get("/api/events/recent?kind=payment_received").await.json();
    assert_eq!(none.rows, []);
    let theirs: RecentEvents = neighbour.viewer.get("/api/events/recent").await.json();
    assert_eq!(theirs.rows, []);
}

#[tokio::test]
async fn what_one_operator_does_another_hears_at_once() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let ids = open(&app, &firm, 1).await;
    app.until_listening().await;
    let mut events = firm.viewer.events().await;
    let at = json!({ "case_id": ids[0], "next_action_at": "2099-01-01" });
    rpc::<Value>(&firm.operator, "set_next_action", at).await;
    events.until(json!({ "kind": "cases" })).await;
}

async fn plan(client: &Client, filter: Value, change: Value) -> CasePlan {
    client.post("/api/cases/plans", json!({ "filter": filter, "change": change })).await.json()
}

/// Applies a plan to its end
async fn apply(client: &Client, plan: &CasePlan) -> CasePlan {
    within_patience(async {
        loop {
            let now: CasePlan = client.order(&format!("/api/cases/plans/{}/apply", plan.id)).await.json();
            if now.ready == 0 {
                return now;
            }
        }
    })
    .await
}

fn left_out(plan: &CasePlan) -> Vec<(&str, &str, u64)> {
    let mut reasons: Vec<_> = plan
        .left_out
        .iter()
        .map(|left| (left.state.as_str(), left.reason.as_deref().unwrap_or_default(), left.count))
        .collect();
    reasons.sort_unstable();
    reasons
}

#[tokio::test]
async fn a_plan_says_what_it_does_and_does_exactly_that() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let ids = five(&app, &firm).await;
    let change = json!({ "kind": "move_stage", "stage": "contact_validation", "note": "spring cleaning" });
    let planned = plan(&firm.operator, json!({}), change).await;
    assert_eq!((planned.total, planned.ready, planned.applied), (5, 3, 0));
    assert_eq!(
        left_out(&planned),
        [
            ("blocked", "it is further on: in stage asset_discovery", 1),
            ("blocked", "somebody outside holds it up", 1)
        ]
    );
    assert_eq!(numbers(&planned.first).len(), 3);
    let moved = "select count(*) from public.enforcement_cases where current_stage = 'contact_validation'";
    assert_eq!(app.number(moved).await, 0, "a plan changes nothing");

    // Meanwhile: one is changed by somebody, one is closed, and one more would fit.
    let at = json!({ "case_id": ids[0], "next_action_at": "2099-01-01" });
    rpc::<Value>(&firm.admin, "set_next_action", at).await;
    rpc::<Value>(&firm.admin, "close_enforcement_case", json!({ "case_id": ids[3], "status": "withdrawn" }))
        .await;
    open_another(&app, &firm).await;
    let done = apply(&firm.operator, &planned).await;
    assert_eq!((done.state.as_str(), done.total, done.applied), ("done", 5, 1));
    assert_eq!(
        left_out(&done),
        [
            ("blocked", "it is further on: in stage asset_discovery", 1),
            ("blocked", "somebody outside holds it up", 1),
            ("changed", "it was changed meanwhile", 1),
            ("changed", "it was closed meanwhile", 1),
        ]
    );
    assert_eq!(app.number(moved).await, 1);
    let timeline: TimelinePage =
        firm.viewer.get(&format!("/api/cases/{}/timeline?kind=stage_changed", ids[4])).await.json();
    assert_eq!(timeline.rows[0].rpc.as_deref(), Some("set_enforcement_stage"));
    assert_eq!(timeline.rows[0].actor, "operator@firm.example");
    assert_eq!(timeline.rows[0].note.as_deref(), Some("spring cleaning"));

    // Again, it has nothing to do.
    assert_eq!(apply(&firm.operator, &planned).await, done);
    assert_eq!(app.number(moved).await, 1);
}

async fn open_another(app: &TestApp, firm: &Firm) {
    let judgment_id = firm.add(app, Judgment { case_number: "CV-7", ..Judgment::default() }).await;
    rpc::<String>(&firm.operator, "open_enforcement_case", json!({ "judgment_id": judgment_id })).await;
}

#[tokio::test]
async fn owners_are_given_by_name_or_by_a_pools_best_rank_in_turn() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    five(&app, &firm).await;
    let people: Vec<(Uuid,)> = sqlx::query_as(
        "select u.id from public.users u join public.memberships m on m.user_id = u.id where m.org_id = $1 order by u.email",
    )
    .bind(firm.id)
    .fetch_all(app.owner())
    .await
    .unwrap();
    let [(admin,), (operator,), (viewer,)] = people.as_slice() else { panic!("three people") };

    let owners = json!({ "kind": "assign_owner", "owner_id": operator });
    let planned = plan(&firm.operator, json!({ "tier": "0,1,2,3" }), owners).await;
    assert_eq!(left_out(&planned), [("blocked", "this owner has it already", 1)]);
    assert_eq!(apply(&firm.operator, &planned).await.applied, 4);
    assert_eq!(listed(&firm.operator, "owner=me").await, "12345");

    let pool: contract::Created =
        firm.admin.post("/api/pools", json!({ "name": "Enforcers", "fallback": "none" })).await.json();
    let to_pool = json!({ "kind": "assign_owner", "pool_id": pool.id });
    let request = json!({ "filter": {}, "change": to_pool });
    let problem = firm.operator.post("/api/cases/plans", &request).await.refused(422, "invalid");
    assert_eq!(problem.field.as_deref(), Some("pool_id"));
    for (user, rank) in [(admin, 1), (operator, 1), (viewer, 1)] {
        let agent = json!({ "display_name": user.to_string(), "user_id": user, "capacity": 5 });
        let agent: contract::Created = firm.admin.post("/api/agents", agent).await.json();
        let member = json!({ "agent_id": agent.id, "priority_rank": rank });
        firm.admin.post(&format!("/api/pools/{}/members", pool.id), member).await.ok();
    }
    let planned = plan(&firm.operator, json!({}), to_pool).await;
    apply(&firm.operator, &planned).await;
    let shares: Vec<(Uuid, i64)> = sqlx::query_as(
        "select owner_id, count(*) from public.enforcement_cases where closed_at is null group by 1 order by 2",
    )
    .fetch_all(app.owner())
    .await
    .unwrap();
    assert_eq!(shares.iter().map(|(_, cases)| *cases).collect::<Vec<_>>(), [2, 3]);
    assert!(shares.iter().all(|(owner, _)| owner != viewer));

    let nobody = plan(&firm.operator, json!({}), json!({ "kind": "assign_owner" })).await;
    assert_eq!(apply(&firm.operator, &nobody).await.applied, 5);
    assert_eq!(listed(&firm.operator, "owner=nobody").await, "12345");
}

#[tokio::test]
async fn two_who_apply_one_plan_do_everything_once_and_a_cancelled_one_nothing() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    five(&app, &firm).await;
    let later = json!({ "kind": "set_next_action", "next_action_at": "2099-01-01" });
    let planned = plan(
        &firm.operator,
        json!({ "past_due": "true", "sort": "-days", "cursor": "x", "limit": 1 }),
        later.clone(),
    )
    .await;
    assert_eq!((planned.ready, planned.ready_balance.as_str()), (3, "600.00"));
    let (one, other) = tokio::join!(apply(&firm.operator, &planned), apply(&firm.admin, &planned));
    assert_eq!((one.applied, other.applied), (3, 3));
    let history = "select count(*) from public.enforcement_history where action = 'next_action_set'";
    assert_eq!(app.number(history).await, 3);

    let planned = plan(&firm.operator, json!({}), later).await;
    let path = format!("/api/cases/plans/{}", planned.id);
    let cancelled: CasePlan = firm.operator.delete(&path).await.json();
    assert_eq!((cancelled.state.as_str(), cancelled.ready), ("cancelled", 0));
    firm.operator.order(&format!("{path}/apply")).await.refused(409, "conflict");
    assert_eq!(app.number(history).await, 3);
}

#[tokio::test]
async fn plans_are_refused_to_those_who_may_not_and_where_they_mean_nothing() {
    let app = TestApp::new().await;
    let (firm, neighbour) = (app.firm("firm").await, app.firm("neighbour").await);
    five(&app, &firm).await;
    let request = |filter: Value, change: Value| json!({ "filter": filter, "change": change });
    let nobody = json!({ "kind": "assign_owner" });
    firm.viewer.post("/api/cases/plans", request(json!({}), nobody.clone())).await.refused(403, "forbidden");
    for (filter, change, field) in [
        (json!({ "tier": "9" }), nobody.clone(), "filter.tier"),
        (json!({ "search": "nobody has this" }), nobody.clone(), "filter"),
        (json!({}), json!({ "kind": "move_stage", "stage": "nowhere" }), "stage"),
        (json!({}), json!({ "kind": "set_next_action", "next_action_at": "soon" }), "next_action_at"),
        (json!({}), json!({ "kind": "assign_owner", "owner_id": Uuid::nil() }), "owner_id"),
    ] {
        let refused =
            firm.operator.post("/api/cases/plans", request(filter, change)).await.refused(422, "invalid");
        assert_eq!(refused.field.as_deref(), Some(field));
    }
    assert_eq!(app.number("select count(*) from public.case_plans").await, 0);
    let levy = plan(&firm.operator, json!({}), json!({ "kind": "move_stage", "stage": "bank_levy" })).await;
    assert_eq!(left_out(&levy), [("blocked", "entering stage bank_levy needs a document of its own", 5)]);
    let path = format!("/api/cases/plans/{}", levy.id);
    neighbour.operator.get(&path).await.refused(404, "not_found");
    neighbour.operator.order(&format!("{path}/apply")).await.refused(404, "not_found");
    neighbour.operator.delete(&path).await.refused(404, "not_found");
}
