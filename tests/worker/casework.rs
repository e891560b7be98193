//! The jobs on cases: what they do, once, and what becomes of messages that cannot be done.

use std::sync::Arc;

use db::casework::CaseFacts;
use db::{Actor, Transaction};
use serde_json::{Value, json};
use uuid::Uuid;
use worker::chat::ChatModel;
use worker::jobs::{Brief, BriefProvider, CaseCopilot, Enforce, Outreach, Writing};
use worker::{Job, Options, Verdict, Worker};

use crate::loopback::Loopback;
use crate::support::{Firm, options};

/// An open case in a stage, with its judgment
async fn case(firm: &Firm, stage: &str, tier: &str, flags: Value) -> (Uuid, Uuid) {
    let judgment_id = firm.add_one().await;
    let case_id = sqlx::query_scalar(
        "insert into public.enforcement_cases (org_id, judgment_id, created_by, current_stage, tier, asset_flags, current_balance)
         values ($1, $2, 'test', $3, $4, $5, 25000) returning id",
    )
    .bind(firm.org_id)
    .bind(judgment_id)
    .bind(stage)
    .bind(tier)
    .bind(flags)
    .fetch_one(firm.owner())
    .await
    .unwrap();
    (judgment_id, case_id)
}

async fn queue(firm: &Firm, kind: &str, key: &str, payload: Value) {
    let job = json!({ "kind": kind, "idempotency_key": key, "payload": payload });
    let mut tx = firm.begin().await;
    sqlx::query("select public.queue_job($1)").bind(job).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn enrichment_is_applied_and_queues_the_tier() {
    let firm = Firm::new().await;
    let (judgment_id, _) = case(&firm, "asset_discovery", "tier2", json!({})).await;
    let payload = json!({
        "case_id": judgment_id,
        "bundle": {
            "contacts": [{ "kind": "phone", "value": "555-0100", "source": "skip", "score": "80" },
                         { "kind": "phone", "value": "555-0100", "source": "skip", "score": "70" }],
            "assets": [{ "asset_type": "vehicle", "name": "Old car", "confidence": 20 },
                       { "asset_type": "vehicle", "name": "New car", "confidence": 90 },
                       { "asset_type": "boat", "name": "Dinghy" }]
        },
        "scores": { "identity_score": 90, "asset_score": "55.5", "collectability_score": "85.25", "collectability_tier": "A" }
    });
    queue(&firm, "enrich", "e1", payload.clone()).await;
    // What cannot be applied goes away alone, and says why.
    queue(&firm, "enrich", "e2", json!({ "bundle": {} })).await;
    queue(&firm, "enrich", "asked", json!({ "case_id": judgment_id })).await;
    queue(&firm, "enrich", "e3", json!({ "case_id": Uuid::new_v4(), "bundle": {} })).await;
    queue(&firm, "enrich", "e4", json!({ "case_id": judgment_id, "collectability_score": "100.5" })).await;
    queue(&firm, "enrich", "e5", json!({ "case_id": judgment_id, "collectability_tier": "Z", "assets": [{ "asset_type": "bank", "name": "First" }] })).await;
    firm.worker().drain().await.unwrap();
    firm.worker().drain().await.unwrap();

    let known = "select concat_ws(' ', c.identity_score, c.asset_score, c.collectability_score, c.collectability_tier, j.collectability_score,
                        j.tier, d.vehicle_lead, d.bank_name, (select count(*) from enrichment.contacts), (select count(*) from enrichment.assets),
                        (select score from enrichment.contacts))
                   from judgments.cases c join public.core_judgments j on j.id = c.case_id join public.debtor_intelligence d on d.judgment_id = j.id";
    assert_eq!(firm.texts(known).await, ["90.00 55.50 85.25 A 85.25 3 New car 1 3 80.00"]);
    let reasons = "select reason from public.queue_dead_letters where kind = 'enrich' order by msg_id";
    assert_eq!(
        firm.texts(reasons).await,
        [
            "the message names no case_id",
            "court case not found",
            "`collectability_score` is not a score from 0 to 100 with at most two decimals",
            "unknown collectability tier `Z`",
        ]
    );

    // Said again, nothing is there twice.
    queue(&firm, "enrich", "e6", payload).await;
    firm.worker().drain().await.unwrap();
    assert_eq!(firm.texts(known).await, ["90.00 55.50 85.25 A 85.25 3 New car 1 3 80.00"]);
}

#[tokio::test]
async fn calls_are_planned_by_tier_and_once() {
    let firm = Firm::new().await;
    firm.database.set_app_now("2026-11-02T15:00:00Z".parse().unwrap()).await;
    let (_, warm) = case(&firm, "contact_validation", "tier1", json!({})).await;
    for (n, key) in ["a", "b"].iter().enumerate() {
        queue(&firm, "outreach", key, json!({ "case_id": warm, "n": n })).await;
    }
    let (_, cold) = case(&firm, "contact_validation", "tier0", json!({})).await;
    queue(&firm, "outreach", "c", json!({ "case_id": cold })).await;
    firm.worker().drain().await.unwrap();
    let calls =
        "select concat_ws(' ', kind, status, due_at::date) from public.plaintiff_tasks order by created_at";
    assert_eq!(firm.texts(calls).await, ["call open 2026-11-09"]);
    assert_eq!(
        firm.texts("select actor_type || ' ' || rpc from public.enforcement_history").await,
        ["automation outreach"]
    );

    // A higher tier is called sooner, after its last call too; who does not want it is not.
    firm.execute("update public.plaintiff_tasks set status = 'completed', closed_at = now()").await;
    firm.execute("insert into public.plaintiff_call_attempts (org_id, plaintiff_id, outcome, status, called_by, called_at)
                  select org_id, id, 'reached', 'reached', 'test', '2026-11-02T12:00:00Z' from public.plaintiffs").await;
    let (_, hot) = case(&firm, "contact_validation", "tier3", json!({})).await;
    queue(&firm, "outreach", "d", json!({ "case_id": hot })).await;
    firm.worker().drain().await.unwrap();
    assert_eq!(firm.texts(calls).await, ["call completed 2026-11-09", "call open 2026-11-04"]);
    firm.execute("delete from public.plaintiff_tasks where status = 'open'; update public.plaintiffs set status = 'do_not_call'").await;
    queue(&firm, "outreach", "e", json!({ "case_id": hot })).await;
    firm.worker().drain().await.unwrap();
    assert_eq!(firm.number("select count(*) from public.plaintiff_tasks where status = 'open'").await, 0);
    assert_eq!(firm.number("select count(*) from public.queue_dead_letters").await, 0);
}

#[tokio::test]
async fn the_next_action_goes_by_tier_stage_and_assets() {
    let firm = Firm::new().await;
    firm.database.set_app_now("2026-11-02T15:00:00Z".parse().unwrap()).await;
    let check = async |stage: &str, tier: &str, flags: Value, expect: &str| {
        let (_, case_id) = case(&firm, stage, tier, flags).await;
        queue(&firm, "enforce", &case_id.to_string(), json!({ "case_id": case_id })).await;
        firm.worker().drain().await.unwrap();
        let found = format!(
            "select concat_ws(' ', c.next_action_at::date, t.kind, t.due_at::date)
               from public.enforcement_cases c left join public.plaintiff_tasks t on t.enforcement_case_id = c.id where c.id = '{case_id}'"
        );
        assert_eq!(firm.texts(&found).await, [expect], "{stage} {tier}");
    };
    check("asset_discovery", "tier3", json!({}), "2026-11-03 search_assets 2026-11-03").await;
    check("asset_discovery", "tier1", json!({}), "2026-11-09 search_assets 2026-11-09").await;
    check("asset_discovery", "tier0", json!({}), "2026-12-02").await;
    let both = json!({ "employer": true, "bank": true });
    check("action_planning", "tier2", both, "2026-11-05 prepare_garnishment 2026-11-05").await;
    check("action_planning", "tier2", json!({ "bank": true }), "2026-11-05 prepare_levy 2026-11-05").await;
    check("action_planning", "tier2", json!({}), "2026-11-05 prepare_subpoena 2026-11-05").await;

    let (_, blocked) = case(&firm, "asset_discovery", "tier3", json!({})).await;
    firm.execute("update public.enforcement_cases set blocked_since = '2026-11-01', blocked_until = '2026-12-24', next_action_at = '2026-12-24' where next_action_at is null").await;
    queue(&firm, "enforce", "blocked", json!({ "case_id": blocked })).await;
    queue(&firm, "enforce", "nobody", json!({ "case_id": Uuid::new_v4() })).await;
    queue(&firm, "enforce", "nonsense", json!({ "case_id": "x" })).await;
    firm.worker().drain().await.unwrap();
    assert_eq!(
        firm.number("select count(*) from public.enforcement_cases where next_action_at = '2026-12-24'")
            .await,
        1
    );
    assert_eq!(
        firm.texts("select reason from public.queue_dead_letters order by msg_id").await,
        ["enforcement case not found", "`case_id` is not a UUID"]
    );
}

#[tokio::test]
async fn a_message_for_one_firm_reaches_no_case_of_another() {
    let firm = Firm::new().await;
    let (_, case_id) = case(&firm, "asset_discovery", "tier3", json!({})).await;
    let (neighbour, _) = firm.neighbour().await;
    for kind in ["enforce", "outreach", "case_copilot"] {
        sqlx::query("select pgmq.send($1, $2)")
            .bind(kind)
            .bind(json!({ "org_id": neighbour, "payload": { "case_id": case_id } }))
            .execute(firm.owner())
            .await
            .unwrap();
    }
    firm.worker().drain().await.unwrap();
    assert_eq!(
        firm.texts("select distinct reason from public.queue_dead_letters").await,
        ["enforcement case not found"]
    );
    assert_eq!(firm.number("select count(*) from public.queue_dead_letters").await, 3);
}

async fn lock(tx: &mut Transaction, table: &str, id: Uuid) {
    let sql = format!("select from public.{table} where id = $1 for no key update");
    sqlx::query(&sql).bind(id).execute(&mut **tx).await.unwrap();
}

/// As a refresh does, once it has locked their judgments
async fn tier_all_cases(tx: &mut Transaction) {
    sqlx::query("update public.enforcement_cases set tier = 'tier3'").execute(&mut **tx).await.unwrap();
}

/// Does the work of all messages of a kind in one transaction
async fn work_all(firm: &Firm, job: impl Job + 'static) -> impl Future<Output = Vec<Verdict>> {
    let messages = db::queue::read(&firm.db, job.kind(), 1000).await.unwrap().messages;
    let db = firm.db.clone();
    let work = tokio::spawn(async move {
        let mut tx = db.begin_as(&Actor::service(None)).await.unwrap();
        let verdicts = job.run(&mut tx, &messages).await.unwrap().verdicts;
        tx.commit().await.unwrap();
        verdicts
    });
    async move { work.await.unwrap() }
}

#[tokio::test]
async fn a_batch_locks_in_the_order_of_everybody() {
    let firm = Firm::new().await;
    let (first, first_case) = case(&firm, "asset_discovery", "tier2", json!({})).await;
    let (second, second_case) = case(&firm, "asset_discovery", "tier2", json!({})).await;
    // Messages come in any order.
    for case_id in [second_case, first_case] {
        queue(&firm, "enforce", &case_id.to_string(), json!({ "case_id": case_id })).await;
    }
    let mut refresh = firm.begin().await;
    lock(&mut refresh, "core_judgments", first).await;
    let work = work_all(&firm, Enforce).await;
    firm.until_waiting(1).await;
    // It holds neither the other judgment nor a case meanwhile.
    lock(&mut refresh, "core_judgments", second).await;
    tier_all_cases(&mut refresh).await;
    refresh.commit().await.unwrap();
    assert_eq!(work.await, [Verdict::Done, Verdict::Done]);

    // Two lanes that plan calls meet at plaintiffs, before they hold a case.
    queue(&firm, "outreach", "a", json!({ "case_id": first_case })).await;
    let mut other = firm.begin().await;
    let plaintiff = "select plaintiff_id from public.enforcement_cases where id = $1";
    let plaintiff_id: Uuid =
        sqlx::query_scalar(plaintiff).bind(first_case).fetch_one(&mut *other).await.unwrap();
    lock(&mut other, "plaintiffs", plaintiff_id).await;
    let work = work_all(&firm, Outreach).await;
    firm.until_waiting(1).await;
    tier_all_cases(&mut other).await;
    other.commit().await.unwrap();
    assert_eq!(work.await, [Verdict::Done]);
}

#[tokio::test]
async fn plans_and_nights_take_turns_with_refreshes() {
    let firm = Firm::new().await;
    let (first, _) = case(&firm, "asset_discovery", "tier2", json!({})).await;
    let (second, _) = case(&firm, "asset_discovery", "tier2", json!({})).await;
    let check = async |sql: String| {
        let mut refresh = firm.begin().await;
        lock(&mut refresh, "core_judgments", first).await;
        let mut tx = firm.begin().await;
        let work = tokio::spawn(async move {
            let changed: i64 = sqlx::query_scalar(&sql).fetch_one(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
            changed
        });
        firm.until_waiting(1).await;
        lock(&mut refresh, "core_judgments", second).await;
        tier_all_cases(&mut refresh).await;
        refresh.commit().await.unwrap();
        work.await.unwrap()
    };
    assert_eq!(check(format!("select public.refresh_case_metrics('{}')", firm.org_id)).await, 2);

    let mut tx = firm.begin().await;
    let plan_id: Uuid = sqlx::query_scalar(
        "select public.plan_case_change('{\"kind\": \"set_next_action\", \"next_action_at\": \"2099-01-01\"}', '{}',
                                        array(select id from public.enforcement_cases))",
    )
    .fetch_one(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(check(format!("select public.apply_case_plan('{plan_id}', 10)")).await, 0);
    let applied = "select count(*) from public.enforcement_cases where next_action_at >= '2099-01-01'";
    assert_eq!(firm.number(applied).await, 2);
}

#[tokio::test]
async fn a_brief_says_how_a_case_stands() {
    let firm = Firm::new().await;
    let (_, case_id) = case(&firm, "action_planning", "tier2", json!({})).await;
    let mut tx = firm.begin().await;
    for _ in 0..2 {
        sqlx::query("select public.request_case_copilot($1, 'Ada')")
            .bind(case_id)
            .execute(&mut *tx)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    firm.worker().drain().await.unwrap();
    let briefs = "select provider || ' ' || requested_by || ': ' || (next_steps ->> -1) from public.v_case_copilot_latest";
    assert_eq!(firm.texts(briefs).await, ["template Ada: Prepare a garnishment of wages."]);
    assert_eq!(firm.number("select count(*) from public.case_copilot_briefs").await, 1);
    let stage = "select count(*) from public.v_case_copilot_latest where brief like '%Stage action planning for 0 days%'
                    and facts ->> 'balance' = '25000.00'";
    assert_eq!(firm.number(stage).await, 1);
}

struct Moody;

impl BriefProvider for Moody {
    fn name(&self) -> &'static str {
        "moody"
    }

    fn brief<'a>(&'a self, facts: &'a CaseFacts) -> Writing<'a> {
        Box::pin(async move {
            match facts.stage.as_str() {
                "closure" => Err("the model is busy".to_owned()),
                stage => Ok(Brief { text: stage.to_owned(), next_steps: Vec::new() }),
            }
        })
    }
}

#[tokio::test]
async fn a_provider_that_cannot_is_asked_again() {
    let firm = Firm::new().await;
    for stage in ["asset_discovery", "closure"] {
        let (_, case_id) = case(&firm, stage, "tier2", json!({})).await;
        queue(&firm, "case_copilot", stage, json!({ "case_id": case_id })).await;
    }
    let jobs: Vec<Arc<dyn Job>> = vec![Arc::new(CaseCopilot::new(Arc::new(Moody)))];
    Worker::with_jobs(firm.db.clone(), jobs, options()).drain().await.unwrap();
    assert_eq!(
        firm.texts("select provider || ' ' || brief from public.v_case_copilot_latest").await,
        ["moody asset_discovery"]
    );
    assert_eq!(firm.texts("select error from public.queue_attempts").await, ["the model is busy"]);
    assert_eq!(firm.number("select count(*) from pgmq.q_case_copilot where vt > clock_timestamp()").await, 1);
}

/// What a model answers over the chat protocol
fn said(content: &str) -> (u16, String) {
    let choice = json!({ "index": 0, "message": { "role": "assistant", "content": content }, "finish_reason": "stop" });
    (200, json!({ "object": "chat.completion", "choices": [choice] }).to_string())
}

async fn ask(firm: &Firm, model: &Loopback, times: u32) {
    let model = ChatModel::new(&model.url, "small", Some("a-secret")).unwrap();
    let worker = Worker::new(firm.db.clone(), Options { chat_model: Some(model), ..options() });
    for _ in 0..times {
        firm.execute("update pgmq.q_case_copilot set vt = clock_timestamp()").await;
        worker.drain().await.unwrap();
    }
}

#[tokio::test]
async fn a_language_model_writes_from_the_facts_that_are_kept_beside_it() {
    let firm = Firm::new().await;
    let (_, case_id) = case(&firm, "action_planning", "tier2", json!({})).await;
    queue(&firm, "case_copilot", "one", json!({ "case_id": case_id, "requested_by": "Ada" })).await;
    let brief = json!({ "brief": "It waits for a garnishment.", "next_steps": ["Ask the employer."] });
    let model =
        Loopback::answering("/v1", vec![(503, "secret words".to_owned()), said(&brief.to_string())]).await;
    ask(&firm, &model, 2).await;

    let briefs = "select concat_ws(' | ', provider, requested_by, brief, next_steps ->> 0) from public.v_case_copilot_latest";
    assert_eq!(firm.texts(briefs).await, ["small | Ada | It waits for a garnishment. | Ask the employer."]);
    assert_eq!(firm.texts("select error from public.queue_attempts").await, ["the model answered 503"]);
    let received = model.received.lock().await;
    let (head, body) = &received[1];
    assert!(
        head.starts_with("POST /v1/chat/completions") && head.contains("authorization: Bearer a-secret"),
        "{head}"
    );
    assert_eq!(body["model"], "small");
    let told: Value = serde_json::from_str(body["messages"][1]["content"].as_str().unwrap()).unwrap();
    let kept: Value = sqlx::query_scalar("select facts from public.v_case_copilot_latest")
        .fetch_one(firm.owner())
        .await
        .unwrap();
    assert_eq!((&told["case_number"], &told["balance"]), (&kept["case_number"], &kept["balance"]));
}

#[tokio::test]
async fn without_its_model_a_brief_is_written_all_the_same_and_says_so() {
    let firm = Firm::new().await;
    let (_, case_id) = case(&firm, "action_planning", "tier2", json!({})).await;
    queue(&firm, "case_copilot", "one", json!({ "case_id": case_id })).await;
    let long = "x".repeat(2 << 20);
    let model = Loopback::answering(
        "/v1",
        vec![(200, long), said("I cannot."), (302, String::new()), (401, "a-secret".to_owned())],
    )
    .await;
    ask(&firm, &model, 4).await;
    assert_eq!(firm.number("select count(*) from public.case_copilot_briefs").await, 0);
    ask(&firm, &model, 1).await;
    assert_eq!(
        firm.texts("select error from public.queue_attempts order by id").await,
        [
            "the model's answer is too long",
            "the model wrote no brief in the form asked for",
            "the model answered 302",
            "the model answered 401"
        ]
    );
    let brief = "select provider || ': ' || brief from public.v_case_copilot_latest";
    let brief = firm.texts(brief).await.remove(0);
    assert!(brief.starts_with("template: ") && brief.contains("Stage action planning"), "{brief}");
    assert!(brief.ends_with("Written without small, which could not: the model answered 401.\n"), "{brief}");
    assert_eq!(model.received().await, 5);
    assert_eq!(firm.number("select count(*) from public.queue_dead_letters").await, 0);
    assert_eq!(firm.number("select count(*) from pgmq.q_case_copilot").await, 0);
}

#[tokio::test]
async fn no_call_slips_in_while_somebody_says_that_they_want_none() {
    let firm = Firm::new().await;
    let status = |status: &'static str| {
        format!(
            "select public.set_plaintiff_status(jsonb_build_object('plaintiff_id', id, 'status', '{status}')) from public.plaintiffs"
        )
    };
    let open_calls = "select count(*) from public.plaintiff_tasks where kind = 'call' and status = 'open'";
    for is_said_first in [true, false] {
        let (_, case_id) = case(&firm, "pre_enforcement", "tier2", json!({})).await;
        let moved = format!(
            "select public.set_enforcement_stage('{{\"case_id\": \"{case_id}\", \"stage\": \"contact_validation\"}}')"
        );
        let (first, second) =
            if is_said_first { (status("do_not_call"), moved) } else { (moved, status("do_not_call")) };
        let mut tx = firm.begin().await;
        sqlx::query(&first).execute(&mut *tx).await.unwrap();
        let mut other = firm.begin().await;
        let waiting = tokio::spawn(async move {
            sqlx::query(&second).execute(&mut *other).await.unwrap();
            other.commit().await.unwrap();
        });
        firm.until_waiting(1).await;
        tx.commit().await.unwrap();
        waiting.await.unwrap();
        assert_eq!(firm.number(open_calls).await, 0, "said first: {is_said_first}");
        let is_moved = format!(
            "select count(*) from public.enforcement_cases where id = '{case_id}' and current_stage = 'contact_validation'"
        );
        assert_eq!(firm.number(&is_moved).await, 1);
        let mut tx = firm.begin().await;
        sqlx::query(&status("new")).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn the_night_clears_overrides_and_dates_cases() {
    let firm = Firm::new().await;
    firm.database.set_app_now("2026-11-03T12:00:00Z".parse().unwrap()).await;
    let (_, case_id) = case(&firm, "asset_discovery", "tier1", json!({})).await;
    firm.execute(
        "update public.enforcement_cases set tier_override = 'tier3', override_expires_at = '2026-11-03T11:59:00Z', override_note = 'vip'",
    )
    .await;
    let (_, undated) = case(&firm, "bank_levy", "tier1", json!({})).await;
    let mut tx = firm.begin().await;
    sqlx::query("select public.refresh_enforcement_metrics()").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let changed = format!(
        "select concat_ws(' ', h.action, h.actor_type, h.note, c.tier_override, c.next_action_at::date)
           from public.enforcement_history h join public.enforcement_cases c on c.id = h.enforcement_case_id
          where h.action <> 'tier_changed' order by (c.id = '{case_id}') desc"
    );
    assert_eq!(
        firm.texts(&changed).await,
        ["override_expired automation vip", "next_action_set automation 2026-11-17"],
        "{undated}"
    );
}
