//! Functions by name.

use serde_json::{Value, json};

use crate::support::{Judgment, TestApp};

#[tokio::test]
async fn queue_job_takes_its_fields_as_they_are() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let id = firm.add(&app, Judgment::default()).await;
    let job = json!({ "kind": "tier_assignment", "idempotency_key": format!("tier:manual:{id}"), "payload": { "judgment_id": id } });
    let first: i64 = firm.viewer.post("/rpc/queue_job", &job).await.json();
    assert_eq!(firm.viewer.post("/rpc/queue_job", &job).await.json::<i64>(), first);
    for field in ["kind", "idempotency_key"] {
        let mut incomplete = job.clone();
        incomplete[field] = Value::Null;
        let problem = firm.viewer.post("/rpc/queue_job", &incomplete).await.refused(422, "invalid");
        assert_eq!(problem.field.as_deref(), Some(field));
    }
    firm.viewer.post("/rpc/queue_job", json!([])).await.refused(422, "invalid");
}

#[tokio::test]
async fn functions_that_are_for_nobody_do_not_exist() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    let names = [
        // Of PostgreSQL, of the service, triggers, and those that the server calls with values of its own.
        "pg_sleep",
        "set_config",
        "dequeue_job",
        "refresh_enforcement_metrics",
        "queue_finish",
        "tg_refuse_change",
        "publish_tier_policy",
        "rpc_instant",
        "rpc_text",
        "pause_queue",
        "facts_moved_since",
        "nothing",
        "queue_job(jsonb)",
        "QUEUE_JOB",
        "'",
        "%00",
    ];
    for name in names {
        firm.admin.post(&format!("/rpc/{name}"), json!({})).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn arguments_are_taken_by_name() {
    let app = TestApp::new().await;
    let firm = app.firm("firm").await;
    app.execute(
        "create function public.sum_up(first int, words text[], \"Odd name\" boolean default true) returns text
         language sql stable as $$ select $1 || '/' || array_to_string($2, '+') || '/' || $3 $$;
         grant execute on function public.sum_up(int, text[], boolean) to enforcement_operator;
         create function public.some_rows(n int) returns table (a int, b text) language sql stable
         as $$ select i, 'x' from generate_series(1, $1) i $$;
         grant execute on function public.some_rows(int) to authenticated;
         create function public.do_nothing() returns void language sql as $$ $$;
         grant execute on function public.do_nothing() to authenticated;
         revoke execute on all functions in schema public from public",
    )
    .await;
    let call = |name: &str, body: Value| {
        let (client, path) = (firm.operator.clone(), format!("/rpc/{name}"));
        async move { client.post(&path, body).await }
    };
    let full = json!({ "first": 1, "words": ["a", "b"], "Odd name": false });
    assert_eq!(call("sum_up", full.clone()).await.json::<Value>(), json!("1/a+b/false"));
    assert_eq!(call("sum_up", json!({ "first": 1, "words": [] })).await.json::<Value>(), json!("1//true"));
    assert_eq!(
        call("some_rows", json!({ "n": 2 })).await.json::<Value>(),
        json!([{ "a": 1, "b": "x" }, { "a": 2, "b": "x" }])
    );
    assert_eq!(call("some_rows", json!({ "n": 0 })).await.json::<Value>(), json!([]));
    assert_eq!(call("do_nothing", json!({})).await.json::<Value>(), Value::Null);

    let missing = call("sum_up", json!({ "first": 1 })).await.refused(422, "invalid");
    assert_eq!(missing.field.as_deref(), Some("words"));
    let unknown =
        call("sum_up", json!({ "first": 1, "words": [], "odd name": true })).await.refused(422, "invalid");
    assert_eq!(unknown.field.as_deref(), Some("odd name"));
    call("sum_up", json!({ "first": "one", "words": [] })).await.refused(422, "invalid");
    firm.viewer.post("/rpc/sum_up", full).await.refused(403, "forbidden");
}
