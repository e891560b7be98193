//! Beside the cases: calls, the pipeline, plaintiffs, the weekly review, the stages.

use contract::{CallPage, PipelinePage, PlaintiffDetail, PlaintiffPage, ReviewSample, Stage, WeeklyReview};
use policy::tier::Tier;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Firm, Judgment, TestApp};

/// A plaintiff of the firm
async fn plaintiff(app: &TestApp, firm: &Firm, name: &str) -> Uuid {
    sqlx::query_scalar(
        "insert into public.plaintiffs (org_id, name, phone) values ($1, $2, '555-0100') returning id",
    )
    .bind(firm.id)
    .bind(name)
    .fetch_one(app.owner())
    .await
    .unwrap()
}

/// A case on a judgment of its own
async fn case(app: &TestApp, firm: &Firm) -> Uuid {
    let judgment_id = firm.add(app, Judgment::default()).await;
    firm.operator.post("/rpc/open_enforcement_case", json!({ "judgment_id": judgment_id })).await.json()
}

#[tokio::test]
async fn calls_come_in_the_order_in_which_they_are_due() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let case_id = case(&app, &firm).await;
    let of_case: Uuid = sqlx::query_scalar("select plaintiff_id from public.enforcement_cases")
        .fetch_one(app.owner())
        .await
        .unwrap();
    let add = |plaintiff_id: Uuid, more: Value| {
        let mut body = json!({ "plaintiff_id": plaintiff_id });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let operator = firm.operator.clone();
        async move { operator.post("/rpc/add_plaintiff_task", body).await }
    };
    let mut expected = Vec::new();
    for (name, due_at) in
        [("Late", json!("2099-01-01")), ("Undated", Value::Null), ("Past", json!("2020-01-01"))]
    {
        let id = plaintiff(&app, &firm, name).await;
        add(id, json!({ "due_at": due_at })).await.ok();
        expected.push((name, id));
    }
    let task: Uuid =
        add(of_case, json!({ "case_id": case_id, "due_at": "2021-01-01", "note": "ask for the lease" }))
            .await
            .json();

    let page: CallPage = firm.viewer.get("/api/calls").await.json();
    let names: Vec<&str> = page.rows.iter().map(|row| row.plaintiff_name.as_str()).collect();
    assert_eq!(names, ["Past", "Ace Funding", "Late", "Undated"]);
    assert_eq!((page.open_count, page.past_due_count, page.next), (4, 2, None));
    let row = &page.rows[1];
    assert_eq!(
        (row.task_id.as_str(), row.case_id.as_deref()),
        (task.to_string().as_str(), Some(case_id.to_string().as_str()))
    );
    assert_eq!(
        (row.is_past_due, row.note.as_deref(), row.last_outcome.as_deref()),
        (true, Some("ask for the lease"), None)
    );
    assert!(row.case_number.is_some());

    // Page by page the same, over the end of those that have a time.
    let mut walked = Vec::new();
    let mut after = String::new();
    loop {
        let page: CallPage = firm.viewer.get(&format!("/api/calls?limit=1&after={after}")).await.json();
        walked.extend(page.rows.into_iter().map(|row| row.plaintiff_name));
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(walked, names);

    for (query, found) in [
        ("due=past_due", vec!["Past", "Ace Funding"]),
        ("due=later", vec!["Late", "Undated"]),
        ("search=late", vec!["Late"]),
        ("search=555-0100", vec!["Past", "Late", "Undated"]),
        ("search=%25", vec![]),
        ("tier=none", names.clone()),
        ("tier=0,1", vec![]),
        ("outcome=none", names.clone()),
        ("outcome=reached", vec![]),
    ] {
        let page: CallPage = firm.viewer.get(&format!("/api/calls?{query}")).await.json();
        let names: Vec<&str> = page.rows.iter().map(|row| row.plaintiff_name.as_str()).collect();
        assert_eq!(names, found, "{query}");
    }
    for query in ["tier=4", "due=soon", "outcome=sang", "limit=0", "after=x", "after=1~x", "search=%00"] {
        firm.viewer.get(&format!("/api/calls?{query}")).await.refused(422, "invalid");
    }

    // What is called goes, with what came of it; who does not want to be called is not.
    let (_, late) = expected[0];
    let second = add(late, json!({})).await.refused(409, "conflict");
    assert_eq!(second.detail.as_deref(), Some("a task `call` is open already"));
    let call = json!({ "plaintiff_id": of_case, "task_id": task, "outcome": "no_answer", "follow_up_at": "2099-06-01T13:00:00Z" });
    firm.operator.post("/rpc/log_call_outcome", call).await.ok();
    let page: CallPage = firm.viewer.get("/api/calls?outcome=no_answer").await.json();
    assert_eq!((page.rows.len(), page.past_due_count), (1, 1));
    firm.operator
        .post("/rpc/set_plaintiff_status", json!({ "plaintiff_id": late, "status": "do_not_call" }))
        .await
        .ok();
    add(late, json!({})).await.refused(409, "conflict");
    add(late, json!({ "kind": "letter" })).await.refused(422, "invalid");
    add(late, json!({ "kind": "letter", "title": "Write to them", "case_id": case_id }))
        .await
        .refused(422, "invalid");
    firm.viewer
        .post("/rpc/add_plaintiff_task", json!({ "plaintiff_id": late }))
        .await
        .refused(403, "forbidden");

    let other = app.firm("other").await;
    let theirs: CallPage = other.admin.get("/api/calls").await.json();
    assert_eq!((theirs.rows.len(), theirs.open_count), (0, 0));
}

#[tokio::test]
async fn the_pipeline_is_the_view_page_by_page() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    firm.add_many(&app, 240).await;
    app.execute(
        "update public.core_judgments set judgment_amount = (judgment_no * 7919 % 6000), county = case judgment_no % 3 when 0 then 'Kings' when 1 then 'Queens' end,
                judgment_date = case when judgment_no % 11 = 0 then null else current_date - (judgment_no * 37 % 2000)::int end,
                status = case when judgment_no % 9 = 0 then 'satisfied' else status end,
                priority_level = (array['urgent', 'high', 'normal', 'low', 'on_hold'])[1 + judgment_no % 5]",
    )
    .await;
    app.execute("update public.core_judgments set judgment_amount = 4000 where judgment_no % 13 = 0").await;
    let ranked: Vec<(String, i64, Uuid)> = sqlx::query_as(
        "select collectability_tier, tier_rank, judgment_id from public.v_priority_pipeline order by 1, 2",
    )
    .fetch_all(app.owner())
    .await
    .unwrap();
    let mut walked = Vec::new();
    let mut after = String::new();
    loop {
        let page: PipelinePage =
            firm.viewer.get(&format!("/api/pipeline?limit=37&after={after}")).await.json();
        walked.extend(page.rows.into_iter().map(|row| {
            (row.collectability_tier, row.tier_rank as i64, row.judgment_id.parse::<Uuid>().unwrap())
        }));
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert!(ranked.iter().any(|row| row.0 == "C") && ranked.len() > 200);
    assert_eq!(walked, ranked);

    let csv = firm.viewer.get("/api/pipeline.csv").await.ok().text();
    let lines: Vec<&str> = csv.lines().skip(1).map(|line| line.rsplit(',').next().unwrap()).collect();
    let ids: Vec<String> = ranked.iter().map(|row| row.2.to_string()).collect();
    assert_eq!(lines, ids);

    let page: PipelinePage =
        firm.viewer.get("/api/pipeline?tier=B,A&county=Kings&priority=high,urgent&limit=500").await.json();
    assert!(page.rows.len() > 10);
    for (row, next) in page.rows.iter().zip(&page.rows[1..]) {
        assert!(row.collectability_tier != "C" && row.county.as_deref() == Some("Kings"));
        assert!(["urgent", "high"].contains(&row.priority_level.as_str()));
        if row.collectability_tier == next.collectability_tier {
            assert_eq!(row.tier_rank + 1, next.tier_rank);
        }
    }
    for query in ["tier=D", "priority=soon", "limit=501", "after=A~1~urgent~x~y", "after=A"] {
        firm.viewer.get(&format!("/api/pipeline?{query}")).await.refused(422, "invalid");
    }
    let other = app.firm("other").await;
    assert!(other.admin.get("/api/pipeline").await.json::<PipelinePage>().rows.is_empty());
    assert_eq!(other.admin.get("/api/pipeline.csv").await.ok().text().lines().count(), 1);
}

#[tokio::test]
async fn a_plaintiff_shows_all_that_was_done() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    for n in 0..5 {
        plaintiff(&app, &firm, &format!("Bank {n}")).await;
    }
    let case_id = case(&app, &firm).await;
    let payment = json!({ "case_id": case_id, "amount": "1000.50" });
    firm.operator.post("/rpc/record_enforcement_payment", payment).await.ok();
    let page: PlaintiffPage = firm.viewer.get("/api/plaintiffs?limit=4").await.json();
    assert_eq!(page.rows.len(), 4);
    let rest: PlaintiffPage =
        firm.viewer.get(&format!("/api/plaintiffs?limit=4&after={}", page.next.unwrap())).await.json();
    let names: Vec<&str> = rest.rows.iter().map(|row| row.plaintiff_name.as_str()).collect();
    assert_eq!((names, rest.next), (vec!["Bank 3", "Bank 4"], None));
    let ace = &page.rows[0];
    assert_eq!((ace.plaintiff_name.as_str(), ace.judgment_count, ace.open_case_count), ("Ace Funding", 1, 1));
    assert_eq!((ace.total_balance_due.as_str(), ace.recovered_amount.as_str()), ("23999.50", "1000.50"));
    let found: PlaintiffPage =
        firm.viewer.get("/api/plaintiffs?search=bANK%203&status=new,signed").await.json();
    assert_eq!(found.rows.len(), 1);
    let none: PlaintiffPage = firm.viewer.get("/api/plaintiffs?status=signed").await.json();
    assert!(none.rows.is_empty());
    for query in ["status=happy", "limit=101", "after=x"] {
        firm.viewer.get(&format!("/api/plaintiffs?{query}")).await.refused(422, "invalid");
    }

    let id = &ace.plaintiff_id;
    let contact = json!({ "plaintiff_id": id, "name": "Grace", "phone": "555-0199", "is_primary": true });
    firm.operator.post("/rpc/put_plaintiff_contact", contact).await.ok();
    let status = json!({ "plaintiff_id": id, "status": "signed", "note": "by mail" });
    firm.operator.post("/rpc/set_plaintiff_status", status).await.ok();
    let task: Uuid = firm
        .operator
        .post("/rpc/add_plaintiff_task", json!({ "plaintiff_id": id, "due_at": "2020-01-01" }))
        .await
        .json();
    let call = json!({ "plaintiff_id": id, "task_id": task, "outcome": "reached", "interest": "warm", "notes": "will send papers" });
    firm.operator.post("/rpc/log_call_outcome", call).await.ok();

    let detail: PlaintiffDetail = firm.viewer.get(&format!("/api/plaintiffs/{id}")).await.json();
    assert_eq!(detail.plaintiff.status, "reached_warm");
    assert_eq!(detail.contacts[0].phone.as_deref(), Some("555-0199"));
    let statuses: Vec<&str> = detail.statuses.iter().map(|change| change.status.as_str()).collect();
    assert_eq!(statuses, ["reached_warm", "signed"]);
    assert_eq!(detail.calls[0].notes.as_deref(), Some("will send papers"));
    // What is to be done stands before what was.
    let tasks: Vec<(&str, &str)> =
        detail.tasks.iter().map(|task| (task.kind.as_str(), task.status.as_str())).collect();
    assert_eq!(tasks, [("review_intake", "open"), ("call", "completed")]);
    let judgment = &detail.judgments[0];
    assert_eq!(
        (judgment.balance_due.as_deref(), judgment.stage.as_deref()),
        (Some("23999.50"), Some("pre_enforcement"))
    );
    assert_eq!(judgment.case_id.as_deref(), Some(case_id.to_string().as_str()));
    let other = app.firm("other").await;
    other.admin.get(&format!("/api/plaintiffs/{id}")).await.refused(404, "not_found");
    firm.viewer.get("/api/plaintiffs/x").await.refused(404, "not_found");
}

#[tokio::test]
async fn the_review_tells_how_cases_stand_and_what_the_week_brought() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    // A Tuesday evening in New York is Wednesday in UTC.
    app.database.set_app_now("2026-11-04T02:00:00Z".parse().unwrap()).await;
    let slow = case(&app, &firm).await;
    let levied = case(&app, &firm).await;
    let planned = case(&app, &firm).await;
    firm.operator.post("/rpc/set_tier_override", json!({ "case_id": slow, "tier": "tier3", "expires_at": "2026-12-30", "note": "VIP", "root_cause": "no score" })).await.ok();
    firm.operator
        .post(
            "/rpc/set_tier_override",
            json!({ "case_id": planned, "tier": "tier1", "expires_at": "2026-11-20", "note": "wait" }),
        )
        .await
        .ok();
    let levy = |case_id: Uuid, more: Value| {
        let mut body = json!({ "case_id": case_id, "action_type": "bank_levy", "status": "planned" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let operator = firm.operator.clone();
        async move { operator.post("/rpc/queue_enforcement_action", body).await.ok() }
    };
    levy(levied, json!({})).await;
    levy(planned, json!({ "next_milestone_at": "2026-11-10" })).await;
    firm.operator
        .post(
            "/rpc/record_enforcement_payment",
            json!({ "case_id": levied, "amount": "100", "received_at": "2026-11-02T03:00:00Z" }),
        )
        .await
        .ok();
    let judgment: Uuid = sqlx::query_scalar("select judgment_id from public.enforcement_cases where id = $1")
        .bind(slow)
        .fetch_one(app.owner())
        .await
        .unwrap();
    firm.operator
        .post(
            "/rpc/record_enforcement_payment",
            json!({ "judgment_id": judgment, "amount": "50.25", "received_at": "2026-11-02T06:00:00Z" }),
        )
        .await
        .ok();

    // Wednesday of the week after: two of three are past the day that intake may take.
    app.database.set_app_now("2026-11-11T17:00:00Z".parse().unwrap()).await;
    firm.operator
        .post("/rpc/set_enforcement_stage", json!({ "case_id": levied, "stage": "asset_discovery" }))
        .await
        .ok();
    firm.operator
        .post(
            "/rpc/set_tier_override",
            json!({ "case_id": planned, "tier": "tier1", "expires_at": "2026-12-01", "note": "wait on" }),
        )
        .await
        .ok();
    let review: WeeklyReview = firm.viewer.get("/api/review").await.json();
    assert_eq!(
        (review.week.as_str(), review.from.as_str(), review.to.as_str()),
        ("2026-W46", "2026-11-09", "2026-11-15")
    );
    assert!(review.is_running);
    let three = &review.tiers[0];
    assert_eq!((three.tier, three.case_count, three.sla_breach_count), (Some(Tier::StrategicPriority), 1, 1));
    assert_eq!(three.balance, "24949.75");
    let stage = |name: &str| review.stages.iter().find(|stage| stage.stage == name).unwrap();
    let intake = stage("pre_enforcement");
    assert_eq!((intake.case_count, intake.sla_breach_count, intake.is_bottleneck), (2, 2, true));
    assert_eq!(
        (intake.days_median, intake.days_max, intake.left_count, intake.left_days_median),
        (Some(7), Some(7), 1, Some(7))
    );
    assert_eq!((stage("asset_discovery").case_count, stage("asset_discovery").is_bottleneck), (1, false));
    let levies = &review.workflows[0];
    assert_eq!((levies.active_count, levies.without_milestone_count, levies.past_due_count), (2, 1, 1));
    let actions: Vec<Option<&str>> =
        review.actions.iter().map(|action| action.next_milestone_at.as_deref()).collect();
    assert_eq!(actions, [None, Some("2026-11-10T05:00:00.000Z")]);
    // Renewed is persistent however young; what is young and was never renewed is not.
    let persistent: Vec<(&str, u64)> =
        review.overrides.iter().map(|row| (row.note.as_str(), row.renewed_count)).collect();
    assert_eq!(persistent, [("wait on", 1)]);

    // Both payments are of Sunday and Monday by the clock of New York: the one belongs to the week before.
    let before: WeeklyReview = firm.viewer.get("/api/review?week=2026-W45").await.json();
    assert_eq!((before.recoveries.week_amount.as_str(), before.recoveries.week_payment_count), ("50.25", 1));
    assert_eq!((before.recoveries.unlinked_count, before.recoveries.unlinked_amount.as_str()), (1, "50.25"));
    assert!(!before.is_running);

    firm.operator
        .post("/rpc/set_recovery_plan", json!({ "month": "2026-11", "amount": "300" }))
        .await
        .refused(403, "forbidden");
    firm.admin.post("/rpc/set_recovery_plan", json!({ "month": "2026-11", "amount": "300" })).await.ok();
    for body in [
        json!({ "month": "2026-13", "amount": "1" }),
        json!({ "month": "2026-11" }),
        json!({ "month": "2026-11", "amount": "-1" }),
    ] {
        firm.admin.post("/rpc/set_recovery_plan", body).await.refused(422, "invalid");
    }
    let review: WeeklyReview = firm.viewer.get("/api/review").await.json();
    let [october, november, december] = &review.recoveries.months[9..] else {
        panic!("a year has twelve months")
    };
    assert_eq!(
        (november.month.as_str(), november.plan.as_deref(), november.plan_to_date.as_deref()),
        ("2026-11", Some("300.00"), Some("110.00"))
    );
    assert_eq!((november.actual.as_str(), november.payment_count), ("150.25", 2));
    assert_eq!(
        (october.plan.as_deref(), october.actual.as_str(), december.plan.as_deref()),
        (None, "0.00", None)
    );
    firm.admin.post("/rpc/set_recovery_plan", json!({ "month": "2026-11", "amount": null })).await.ok();
    assert_eq!(app.number("select count(*) from public.recovery_plans").await, 0);

    // Old enough it persists, with the root cause that it was given.
    app.database.set_app_now("2026-11-19T17:00:00Z".parse().unwrap()).await;
    let review: WeeklyReview = firm.viewer.get("/api/review").await.json();
    // Both were set at the same moment: either may come first.
    let mut causes: Vec<Option<&str>> =
        review.overrides.iter().map(|row| row.root_cause.as_deref()).collect();
    causes.sort_unstable();
    assert_eq!(causes, [None, Some("no score")]);
    for query in ["week=2026-W54", "week=tomorrow", "week=2026-47"] {
        firm.viewer.get(&format!("/api/review?{query}")).await.refused(422, "invalid");
    }
    let other = app.firm("other").await;
    let theirs: WeeklyReview = other.admin.get("/api/review").await.json();
    assert!(
        theirs.overrides.is_empty() && theirs.actions.is_empty() && theirs.recoveries.unlinked_count == 0
    );
    assert!(theirs.tiers.iter().all(|tier| tier.case_count == 0));
}

#[tokio::test]
async fn a_sample_is_drawn_again_by_its_seed_and_what_is_found_is_kept() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    app.database.set_app_now("2026-11-04T12:00:00Z".parse().unwrap()).await;
    let case_id = case(&app, &firm).await;
    let log = |more: Value| {
        let mut body = json!({ "case_id": case_id, "event_kind": "note" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let operator = firm.operator.clone();
        async move { operator.post("/rpc/log_enforcement_event", body).await.json::<Uuid>() }
    };
    for n in 0..40 {
        log(json!({ "note": format!("{n}") })).await;
    }
    let draw = |query: &'static str| {
        let viewer = firm.viewer.clone();
        async move { viewer.get(&format!("/api/review/sample?{query}")).await.json::<ReviewSample>() }
    };
    let ids = |sample: &ReviewSample| sample.rows.iter().map(|row| row.event_id.clone()).collect::<Vec<_>>();
    let first = draw("week=2026-W45&seed=7&size=10").await;
    assert_eq!((first.event_count, first.rows.len()), (40, 10));
    assert_ne!(ids(&first), ids(&draw("week=2026-W45&seed=8&size=10").await));
    // A larger sample begins with the smaller one, and the next week changes nothing, not even by what it tells of this one.
    app.database.set_app_now("2026-11-11T12:00:00Z".parse().unwrap()).await;
    let late =
        log(json!({ "event_kind": "marshal_result", "occurred_at": "2026-11-04", "document_path": "m.pdf" }))
            .await;
    let larger = draw("week=2026-W45&seed=7&size=20").await;
    assert_eq!(ids(&first), ids(&larger)[..10]);
    assert_eq!(draw("week=2026-W46&size=10").await.event_count, 1);

    let sample = draw("week=2026-W46").await;
    let row = &sample.rows[0];
    assert_eq!(row.event_id, late.to_string());
    assert!(row.needs_document && row.has_document && row.note.is_none() && row.audit.is_none());
    assert_eq!(row.rpc.as_deref(), Some("log_enforcement_event"));
    let audit = |result: &str, note: Value| {
        let body = json!({ "event_id": late, "result": result, "note": note });
        let operator = firm.operator.clone();
        async move { operator.post("/rpc/record_event_audit", body).await }
    };
    let problem = audit("failed", Value::Null).await.refused(422, "invalid");
    assert_eq!(problem.field.as_deref(), Some("note"));
    audit("fine", Value::Null).await.refused(422, "invalid");
    audit("passed", Value::Null).await.ok();
    let kept: Value = audit("failed", json!("no note")).await.json();
    assert_eq!(
        (&kept["has_document"], &kept["has_note"], &kept["has_rpc"]),
        (&json!(true), &json!(false), &json!(true))
    );
    let found = draw("week=2026-W46").await.rows.remove(0).audit.unwrap();
    assert_eq!((found.result.as_str(), found.note.as_deref()), ("failed", Some("no note")));
    assert_eq!(app.number("select count(*) from public.enforcement_event_audits").await, 2);
    firm.viewer
        .post("/rpc/record_event_audit", json!({ "event_id": late, "result": "passed" }))
        .await
        .refused(403, "forbidden");
    let other = app.firm("other").await;
    other
        .operator
        .post("/rpc/record_event_audit", json!({ "event_id": late, "result": "passed" }))
        .await
        .refused(404, "not_found");
    assert_eq!(
        other.viewer.get("/api/review/sample?week=2026-W45").await.json::<ReviewSample>().event_count,
        0
    );
    for query in ["seed=0", "size=9", "size=51", "week=x", "seed=-1"] {
        firm.viewer.get(&format!("/api/review/sample?{query}")).await.refused(422, "invalid");
    }
}

#[tokio::test]
async fn an_audit_that_has_begun_keeps_its_events() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    app.database.set_app_now("2026-11-04T12:00:00Z".parse().unwrap()).await;
    let case_id = case(&app, &firm).await;
    let log = |kind: &str, note: String, path: Option<&str>| {
        let body = json!({ "case_id": case_id, "event_kind": kind, "note": note, "document_path": path });
        let operator = firm.operator.clone();
        async move { operator.post("/rpc/log_enforcement_event", body).await.json::<Uuid>() }
    };
    let draw = || async {
        let path = "/api/review/sample?week=2026-W45&seed=7&size=10";
        firm.viewer.get(path).await.json::<ReviewSample>()
    };
    let keep = json!({ "week": "2026-W45", "seed": "7", "size": "10" });
    firm.operator.post("/rpc/keep_review_sample", &keep).await.refused(409, "conflict");
    log("bank_levy_filed", "the writ".to_owned(), Some("papers/writ.pdf")).await;
    for n in 0..8 {
        log("note", format!("{n}"), None).await;
    }
    let before = draw().await;
    assert_eq!((before.rows.len(), before.event_count, before.begun.is_some()), (9, 9, false));
    let levy = before.rows.iter().find(|row| row.event_kind == "bank_levy_filed").unwrap();
    let papers: Vec<(&str, bool)> =
        levy.documents.iter().map(|paper| (paper.name.as_str(), paper.has_file)).collect();
    assert_eq!((papers, &levy.document_path), (vec![("writ.pdf", false)], &None));

    firm.viewer.post("/rpc/keep_review_sample", &keep).await.refused(403, "forbidden");
    for _ in 0..2 {
        firm.operator.post("/rpc/keep_review_sample", &keep).await.ok();
    }
    let audited = &before.rows[3].event_id;
    firm.operator
        .post("/rpc/record_event_audit", json!({ "event_id": audited, "result": "passed" }))
        .await
        .ok();
    for n in 0..30 {
        log("note", format!("late {n}"), None).await;
    }
    let after = draw().await;
    let ids = |sample: &ReviewSample| sample.rows.iter().map(|row| row.event_id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&after), ids(&before));
    assert_eq!((after.event_count, after.later_count), (9, 30));
    assert_eq!(after.begun.unwrap().begun_by, "operator@firm.example");
    assert!(after.rows[3].audit.is_some());
    // Another seed has not begun, and draws of them all.
    let path = "/api/review/sample?week=2026-W45&seed=8&size=10";
    let fresh: ReviewSample = firm.viewer.get(path).await.json();
    assert_eq!((fresh.event_count, fresh.begun), (39, None));
    for (field, value) in [("week", "2026-W54"), ("week", "2025-W53"), ("seed", "0"), ("size", "51")] {
        let mut body = keep.clone();
        body[field] = json!(value);
        let problem = firm.operator.post("/rpc/keep_review_sample", body).await.refused(422, "invalid");
        assert_eq!(problem.field.as_deref(), Some(field));
    }

    // The file says the same, and of when each figure is.
    let answer = firm.viewer.get("/api/review.csv?week=2026-W45&seed=7&size=10").await.ok();
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"review-2026-W45.csv\"");
    let csv = answer.text();
    assert!(csv.starts_with("section,item,figure,value,period\n"), "{csv}");
    for line in [
        "tiers,none,case_count,1,now".to_owned(),
        "recoveries,2026-W45,week_amount,0.00,2026-W45".to_owned(),
        "recoveries,2026-11,actual,0.00,2026-11".to_owned(),
        format!("audit,{audited},result,passed,2026-W45"),
        format!("audit,{},documents,writ.pdf,2026-W45", levy.event_id),
    ] {
        assert!(csv.lines().any(|found| found == line), "{line} in {csv}");
    }
    assert_eq!(csv.lines().filter(|line| line.contains(",event_kind,")).count(), 9);
    firm.viewer.get("/api/review.csv?week=2026-W99").await.refused(422, "invalid");
    let other = app.firm("other").await;
    let theirs = other.viewer.get("/api/review.csv?week=2026-W45&seed=7&size=10").await.ok().text();
    assert!(!theirs.contains(audited), "{theirs}");
}

#[tokio::test]
async fn stages_show_what_the_organisation_has_set_and_what_was_there_before() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let set = json!({ "stage": "asset_discovery", "sla_days": 12, "description": "We look for assets" });
    firm.admin.post("/rpc/set_enforcement_stage_settings", set).await.ok();
    let stages: Vec<Stage> = firm.viewer.get("/api/stages").await.json();
    let names: Vec<&str> = stages.iter().map(|stage| stage.stage.as_str()).collect();
    assert_eq!(names[..3], ["pre_enforcement", "contact_validation", "asset_discovery"]);
    let discovery = &stages[2];
    assert_eq!((discovery.sla_days, discovery.default_sla_days), (Some(12), Some(10)));
    assert_eq!(discovery.description, "We look for assets");
    assert_eq!(
        (discovery.tasks.len(), discovery.updated_by.is_some(), stages[0].updated_by.is_some()),
        (1, true, false)
    );
    let back = json!({ "stage": "asset_discovery", "sla_days": null, "description": null });
    firm.admin.post("/rpc/set_enforcement_stage_settings", back).await.ok();
    let stages: Vec<Stage> = firm.viewer.get("/api/stages").await.json();
    assert_eq!((stages[2].sla_days, &stages[2].description), (Some(10), &stages[2].default_description));
}
