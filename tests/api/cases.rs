//! Cases by functions: one effect for one request, whoever else is at it, and refusals that say what to do.

use hyper::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Client, Firm, Judgment, TestApp};

const CASES: &str = "select count(*) from public.enforcement_cases";
const PAYMENTS: &str = "select count(*) from public.enforcement_payments";

async fn open(app: &TestApp, firm: &Firm) -> (Uuid, String) {
    let judgment_id = firm.add(app, Judgment::default()).await;
    let case_id =
        firm.operator.post("/rpc/open_enforcement_case", json!({ "judgment_id": judgment_id })).await.json();
    (judgment_id, case_id)
}

/// Sends all at once; answers in the order of the requests
async fn together(requests: impl IntoIterator<Item = (Client, &'static str, Value)>) -> Vec<Answer> {
    let sent: Vec<_> = requests
        .into_iter()
        .map(|(client, path, body)| tokio::spawn(async move { client.post(path, body).await }))
        .collect();
    let mut answers = Vec::new();
    for request in sent {
        answers.push(request.await.unwrap());
    }
    answers
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    statuses
}

#[tokio::test]
async fn one_request_id_twenty_times_in_parallel_has_one_effect() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let (_, case_id) = open(&app, &firm).await;
    let payment = json!({ "case_id": case_id, "amount": "100.00", "request_id": "finger" });
    let answers = together(
        (0..20).map(|_| (firm.operator.clone(), "/rpc/record_enforcement_payment", payment.clone())),
    )
    .await;
    let answers: Vec<Value> = answers.into_iter().map(Answer::json).collect();
    assert_eq!(answers[0]["balance_due"], "24900.00");
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(app.number(PAYMENTS).await, 1);

    // By header, for a function with arguments of its own too, and a field does the same.
    let client = firm.operator.with("idempotency-key", "brief");
    let first: i64 = client.post("/rpc/request_case_copilot", json!({ "case_id": case_id })).await.json();
    app.execute("update public.queue_jobs set state = 'done', ended_at = now()").await;
    let by_field = json!({ "case_id": case_id, "request_id": "brief" });
    assert_eq!(client.post("/rpc/request_case_copilot", &by_field).await.json::<i64>(), first);
    assert_eq!(firm.operator.post("/rpc/request_case_copilot", &by_field).await.json::<i64>(), first);
    // Somebody else's id is somebody else's.
    assert_ne!(firm.admin.post("/rpc/request_case_copilot", &by_field).await.json::<i64>(), first);

    let other = json!({ "case_id": case_id, "request_id": "other" });
    let problem = client.post("/rpc/request_case_copilot", other).await.refused(422, "invalid");
    assert_eq!(problem.field.as_deref(), Some("request_id"));
    let reused = json!({ "case_id": case_id, "amount": "100.01", "request_id": "finger" });
    firm.operator.post("/rpc/record_enforcement_payment", reused).await.refused(422, "invalid");
    let long = firm.operator.with("idempotency-key", &"x".repeat(201));
    long.post("/rpc/request_case_copilot", json!({ "case_id": case_id })).await.refused(422, "invalid");
    assert_eq!(app.number(PAYMENTS).await, 1);
}

#[tokio::test]
async fn a_refused_request_leaves_its_id_free() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let (judgment_id, case_id) = open(&app, &firm).await;
    let payment = json!({ "case_id": case_id, "amount": "25000.01", "request_id": "again" });
    let problem =
        firm.operator.post("/rpc/record_enforcement_payment", &payment).await.refused(409, "conflict");
    assert_eq!(problem.detail.as_deref(), Some("the payment exceeds the balance of 25000.00"));
    assert!(problem.hint.is_some_and(|hint| hint.contains("credit=true")));
    app.execute(&format!("update public.core_judgments set balance_due = 30000 where id = '{judgment_id}'"))
        .await;
    let booked: Value = firm.operator.post("/rpc/record_enforcement_payment", &payment).await.json();
    assert_eq!(booked["balance_due"], "4999.99");
}

#[tokio::test]
async fn two_operators_advance_a_case_and_one_does() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    for round in 0..5 {
        let (_, case_id) = open(&app, &firm).await;
        let advance = json!({ "case_id": case_id, "stage": "contact_validation" });
        let clients = [&firm.operator, &firm.admin].map(Client::clone);
        let answers =
            together(clients.map(|client| (client, "/rpc/set_enforcement_stage", advance.clone()))).await;
        assert_eq!(statuses(&answers), [200, 409], "round {round}");
        let events =
            format!("select count(*) from public.enforcement_events where enforcement_case_id = '{case_id}'");
        assert_eq!(app.number(&events).await, 1, "round {round}");

        // To different stages they would both go, one after the other: unless they say where they start from.
        let apart = ["asset_discovery", "action_planning"].map(|stage| {
            let body = json!({ "case_id": case_id, "stage": stage, "expected_stage": "contact_validation" });
            (firm.operator.clone(), "/rpc/set_enforcement_stage", body)
        });
        assert_eq!(statuses(&together(apart).await), [200, 409], "round {round}");
    }
}

#[tokio::test]
async fn payments_at_once_are_all_booked_and_never_too_much() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let (judgment_id, case_id) = open(&app, &firm).await;
    let by_case = json!({ "case_id": case_id, "amount": "6000" });
    let by_judgment = json!({ "judgment_id": judgment_id, "amount": "6000" });
    let payments = (0..6).map(|n| {
        let body = if n % 2 == 0 { &by_case } else { &by_judgment };
        (firm.operator.clone(), "/rpc/record_enforcement_payment", body.clone())
    });
    // Four times 6,000 are in 25,000.
    assert_eq!(statuses(&together(payments).await), [200, 200, 200, 200, 409, 409]);
    let left = "select (j.balance_due + c.current_balance)::bigint
                  from public.core_judgments j join public.enforcement_cases c on c.judgment_id = j.id";
    assert_eq!(app.number(left).await, 2000);
    let booked = "select sum(balance_before - balance_after)::bigint from public.enforcement_payments";
    assert_eq!(app.number(booked).await, 24000);
}

#[tokio::test]
async fn a_case_is_opened_once_however_many_try() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let judgment_id = firm.add(&app, Judgment::default()).await;
    let body = json!({ "judgment_id": judgment_id });
    let answers =
        together((0..6).map(|_| (firm.operator.clone(), "/rpc/open_enforcement_case", body.clone()))).await;
    assert_eq!(statuses(&answers), [200, 409, 409, 409, 409, 409]);
    assert_eq!(app.number(CASES).await, 1);
}

#[tokio::test]
async fn what_waits_for_each_other_does_not_deadlock() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let (judgment_id, case_id) = open(&app, &firm).await;
    let of_case = |body: Value| {
        let mut body = body;
        body["case_id"] = json!(case_id);
        body
    };
    let mut requests = Vec::new();
    for n in 0..4 {
        requests.extend([
            ("/rpc/record_enforcement_payment", of_case(json!({ "amount": "1" }))),
            ("/rpc/record_enforcement_payment", json!({ "judgment_id": judgment_id, "amount": "1" })),
            ("/rpc/log_enforcement_event", of_case(json!({ "event_kind": "marshal_attempted" }))),
            (
                "/rpc/queue_enforcement_action",
                of_case(json!({ "action_type": "marshal", "status": "planned" })),
            ),
            (
                "/rpc/set_tier_override",
                of_case(json!({ "tier": "tier1", "note": "n", "expires_at": "2099-01-01" })),
            ),
            ("/rpc/set_judgment_priority", json!({ "judgment_id": judgment_id, "priority_level": "high" })),
            ("/rpc/set_enforcement_stage", of_case(json!({ "stage": "asset_discovery" }))),
            ("/rpc/set_enforcement_stage", of_case(json!({ "stage": "pre_enforcement", "override": true }))),
        ]);
        if n == 3 {
            requests.push(("/rpc/close_enforcement_case", of_case(json!({ "status": "satisfied" }))));
        }
    }
    let answers =
        together(requests.into_iter().map(|(path, body)| (firm.operator.clone(), path, body))).await;
    for answer in answers {
        assert!([StatusCode::OK, StatusCode::CONFLICT].contains(&answer.status), "{}", answer.text());
    }
    assert_eq!(
        app.number("select count(*) from public.enforcement_cases where closed_at is not null").await,
        1
    );
}

#[tokio::test]
async fn refusals_are_problems_with_a_hint() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let (_, case_id) = open(&app, &firm).await;
    let neighbour = app.firm("neighbour").await;
    let levy = json!({ "case_id": case_id, "stage": "bank_levy" });
    let problem = firm.operator.post("/rpc/set_enforcement_stage", &levy).await.refused(422, "invalid");
    assert_eq!(problem.detail.as_deref(), Some("entering stage bank_levy needs a document"));
    assert_eq!(problem.field.as_deref(), Some("metadata.document_path"));
    assert!(problem.hint.is_some());
    let problem = firm.viewer.post("/rpc/set_enforcement_stage", &levy).await.refused(403, "forbidden");
    assert_eq!(problem.detail.as_deref(), Some("`set_enforcement_stage` takes an operator"));
    assert!(problem.hint.is_some());
    neighbour.operator.post("/rpc/set_enforcement_stage", &levy).await.refused(404, "not_found");
    let problem = firm
        .operator
        .post("/rpc/set_enforcement_stage_settings", json!({ "stage": "bank_levy", "sla_days": 3 }))
        .await
        .refused(403, "forbidden");
    assert_eq!(problem.detail.as_deref(), Some("`set_enforcement_stage_settings` takes an admin"));
    firm.admin
        .post("/rpc/set_enforcement_stage_settings", json!({ "stage": "bank_levy", "sla_days": 3 }))
        .await
        .ok();
    for body in
        [json!({ "case_id": 7 }), json!({ "case_id": [] }), json!({ "case_id": case_id, "stage": {} })]
    {
        firm.operator.post("/rpc/set_enforcement_stage", body).await.refused(422, "invalid");
    }
    // Vendors' data come by the service alone.
    for name in
        ["set_case_scores", "upsert_enrichment_bundle", "insert_or_get_entity", "begin_rpc", "write_event"]
    {
        firm.admin.post(&format!("/rpc/{name}"), json!({})).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn a_call_is_logged_by_named_arguments() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let (_, case_id) = open(&app, &firm).await;
    let stage = json!({ "case_id": case_id, "stage": "contact_validation" });
    firm.operator.post("/rpc/set_enforcement_stage", stage).await.ok();
    let (task_id, plaintiff_id): (Uuid, Uuid) =
        sqlx::query_as("select id, plaintiff_id from public.plaintiff_tasks where kind = 'call'")
            .fetch_one(app.owner())
            .await
            .unwrap();
    let call = json!({ "plaintiff_id": plaintiff_id, "task_id": task_id, "outcome": "Left voicemail",
                       "follow_up_at": "2099-01-01" });
    for vague in ["2099-01-01T12:00:00", "2099-01-01T12:00:00+99", "soon"] {
        let mut wrong = call.clone();
        wrong["follow_up_at"] = json!(vague);
        let problem = firm.viewer.post("/rpc/log_call_outcome", &wrong).await.refused(422, "invalid");
        assert_eq!(problem.field.as_deref(), Some("follow_up_at"), "{vague}");
    }
    for (field, nonsense) in [
        ("plaintiff_id", json!("somebody")),
        ("task_id", json!(7)),
        ("outcome", json!({})),
        ("interest", json!("lukewarm")),
        ("notes", json!(["a list"])),
        ("notes", json!("x".repeat(4001))),
        ("follow_up_at", json!("9999-01-01")),
    ] {
        let mut wrong = call.clone();
        wrong[field] = nonsense;
        let problem = firm.viewer.post("/rpc/log_call_outcome", &wrong).await.refused(422, "invalid");
        assert_eq!(problem.field.as_deref(), Some(field));
    }
    let client = firm.viewer.with("idempotency-key", "call-1");
    let logged: Value = client.post("/rpc/log_call_outcome", &call).await.json();
    assert_eq!((&logged["status"], &logged["is_terminal"]), (&json!("left_voicemail"), &json!(false)));
    assert_eq!(client.post("/rpc/log_call_outcome", &call).await.json::<Value>(), logged);
    firm.viewer.post("/rpc/log_call_outcome", &call).await.refused(409, "conflict");
    // A date is its morning in New York, as everywhere.
    let due = "select count(*) from public.plaintiff_tasks where status = 'open' and due_at = '2099-01-01T05:00:00Z'";
    assert_eq!(app.number(due).await, 1);

    let mut last = call.clone();
    last["task_id"] = logged["follow_up_task_id"].clone();
    last["outcome"] = json!("do_not_call");
    let logged: Value = firm.viewer.post("/rpc/log_call_outcome", &last).await.json();
    assert_eq!((&logged["is_terminal"], &logged["follow_up_task_id"]), (&json!(true), &Value::Null));
    let open = "select count(*) from public.plaintiff_tasks where kind = 'call' and status = 'open'";
    assert_eq!(app.number(open).await, 0);
    assert_eq!(app.number("select count(*) from public.plaintiff_call_attempts").await, 2);
}
