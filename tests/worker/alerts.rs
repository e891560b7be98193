//! Alerts reach whom they are for, once.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use uuid::Uuid;
use worker::alerts;
use worker::mail::Mailer;

use crate::loopback::Loopback;
use crate::support::Firm;

async fn webhook(statuses: &[u16]) -> Loopback {
    Loopback::answering("/hook", statuses.iter().map(|status| (*status, String::new())).collect()).await
}

async fn open(firm: &Firm) -> Uuid {
    let judgment_id = firm.add_one().await;
    call(firm, "open_enforcement_case", json!({ "judgment_id": judgment_id }))
        .await
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

async fn call(firm: &Firm, name: &str, payload: Value) -> Value {
    let mut tx = firm.begin().await;
    let answer = sqlx::query_scalar(&format!("select to_jsonb(public.{name}($1))"))
        .bind(payload)
        .fetch_one(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    answer
}

async fn log(firm: &Firm, case_id: Uuid, note: &str) {
    let event = json!({ "case_id": case_id, "event_kind": "note", "note": note, "actor": "Ada" });
    call(firm, "log_enforcement_event", event).await;
}

async fn route(firm: &Firm, channel: &str, target: Option<&str>) {
    call(firm, "put_alert_route", json!({ "channel": channel, "target": target, "event_kinds": ["note"] }))
        .await;
}

async fn states(firm: &Firm) -> Vec<String> {
    firm.texts("select state || ' ' || attempts from public.enforcement_alerts order by id").await
}

#[tokio::test]
async fn an_event_is_told_once_by_each_way_that_wants_it() {
    let firm = Firm::new().await;
    let case_id = open(&firm).await;
    let webhook = webhook(&[200]).await;
    route(&firm, "webhook", Some(&webhook.url)).await;
    route(&firm, "queue", Some("case_copilot")).await;
    route(&firm, "console", None).await;
    log(&firm, case_id, "<b> & so on").await;
    // No way wants these.
    call(&firm, "set_next_action", json!({ "case_id": case_id, "next_action_at": "2030-01-01" })).await;
    call(&firm, "log_enforcement_event", json!({ "case_id": case_id, "event_kind": "blocked" })).await;
    // Two workers at once tell it no oftener.
    let (one, other) = tokio::join!(alerts::run_due(&firm.db, None), alerts::run_due(&firm.db, None));
    assert_eq!(one.unwrap() + other.unwrap(), 3);
    assert_eq!(states(&firm).await, ["sent 1", "sent 1", "sent 1"]);
    assert_eq!(alerts::run_due(&firm.db, None).await.unwrap(), 0);

    let received = webhook.received.lock().await;
    let [(head, body)] = &received[..] else { panic!("{received:?}") };
    assert!(head.starts_with("POST /hook") && head.contains("idempotency-key: dragonfly-alert-"), "{head}");
    assert!(body["text"].as_str().unwrap().ends_with(": note (Ada) – &lt;b&gt; &amp; so on"), "{body}");
    assert_eq!(body["case_id"], json!(case_id));
    assert_eq!(firm.number("select count(*) from pgmq.q_case_copilot").await, 1);
}

#[tokio::test]
async fn what_did_not_arrive_is_told_again_and_what_may_have_is_not() {
    let firm = Firm::new().await;
    let case_id = open(&firm).await;
    let webhook = webhook(&[503, 429, 200, 404, 500]).await;
    route(&firm, "webhook", Some(&webhook.url)).await;
    let due = "update public.enforcement_alerts set next_try_at = now()";
    log(&firm, case_id, "busy").await;
    for expect in ["pending 1", "pending 2", "sent 3"] {
        alerts::run_due(&firm.db, None).await.unwrap();
        assert_eq!(states(&firm).await, [expect]);
        assert_eq!(alerts::run_due(&firm.db, None).await.unwrap(), 0, "it waits");
        firm.execute(due).await;
    }
    log(&firm, case_id, "gone").await;
    alerts::run_due(&firm.db, None).await.unwrap();
    log(&firm, case_id, "broken").await;
    alerts::run_due(&firm.db, None).await.unwrap();
    assert_eq!(states(&firm).await, ["sent 3", "failed 1", "uncertain 1"]);
    firm.execute(due).await;
    assert_eq!(alerts::run_due(&firm.db, None).await.unwrap(), 0);
    assert_eq!(webhook.received().await, 5);

    // Somebody who is told that nobody listens gives up in the end.
    firm.execute("update public.enforcement_alert_routes set target = 'http://127.0.0.1:1/'").await;
    log(&firm, case_id, "nobody").await;
    for _ in 0..8 {
        alerts::run_due(&firm.db, None).await.unwrap();
        firm.execute(due).await;
    }
    assert_eq!(states(&firm).await[3], "failed 8");
}

#[tokio::test]
async fn an_alert_whose_worker_was_killed_is_left_to_people() {
    let firm = Firm::new().await;
    let case_id = open(&firm).await;
    let webhook = webhook(&[200]).await;
    route(&firm, "webhook", Some(&webhook.url)).await;
    log(&firm, case_id, "lost").await;
    // A worker claims it and is never heard of again.
    let claimed = db::alerts::claim(&firm.db, 10, &["webhook"]).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!(alerts::run_due(&firm.db, None).await.unwrap(), 0, "nobody else takes it");
    firm.execute("update public.enforcement_alerts set claimed_at = now() - interval '6 minutes'").await;
    alerts::run_due(&firm.db, None).await.unwrap();
    assert_eq!(states(&firm).await, ["uncertain 1"]);
    // The worker comes back after all: too late to say anything.
    db::alerts::settle(&firm.db, &claimed[0], db::alerts::Outcome::Retry, Some("late")).await.unwrap();
    assert_eq!(states(&firm).await, ["uncertain 1"]);
    call(&firm, "retry_alert", json!({ "alert_id": claimed[0].id })).await;
    alerts::run_due(&firm.db, None).await.unwrap();
    assert_eq!((states(&firm).await, webhook.received().await), (vec!["sent 1".to_owned()], 1));
}

/// A mail server that answers to recipients and to messages what it is told to, and keeps what it has accepted
struct MailServer {
    mailer: Mailer,
    accepted: Arc<Mutex<Vec<(String, String)>>>,
}

impl MailServer {
    /// One pair of answers a connection; instead of an empty one it hangs up
    async fn answering(answers: &'static [(&'static str, &'static str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("smtp://kim:p%40ss@{}?tls=none", listener.local_addr().unwrap());
        let accepted = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&accepted);
        tokio::spawn(async move {
            for (to_recipient, to_message) in answers {
                let (stream, _) = listener.accept().await.unwrap();
                let (reading, mut writing) = stream.into_split();
                let mut lines = BufReader::new(reading).lines();
                writing.write_all(b"220 ready\r\n").await.unwrap();
                let mut recipient = String::new();
                while let Ok(Some(line)) = lines.next_line().await {
                    let answer = match line.split([' ', ':']).next().unwrap() {
                        "EHLO" => "250-mail\r\n250 AUTH PLAIN LOGIN",
                        // NUL, kim, NUL, p@ss
                        "AUTH" if line == "AUTH PLAIN AGtpbQBwQHNz" => "235 welcome",
                        "MAIL" => "250 ok",
                        "RCPT" => {
                            recipient = line.clone();
                            to_recipient
                        }
                        "DATA" => {
                            writing.write_all(b"354 go on\r\n").await.unwrap();
                            let mut message = String::new();
                            loop {
                                match lines.next_line().await.unwrap().unwrap() {
                                    end if end == "." => break,
                                    line => message.extend([&line, "\n"]),
                                }
                            }
                            if to_message.starts_with("250") {
                                kept.lock().await.push((recipient.clone(), message));
                            }
                            to_message
                        }
                        "QUIT" => "221 bye",
                        _ => "500 what?",
                    };
                    if answer.is_empty() {
                        break;
                    }
                    let _ = writing.write_all(format!("{answer}\r\n").as_bytes()).await;
                }
            }
        });
        Self { mailer: Mailer::new(&address, "Dragonfly <alerts@example.com>").unwrap(), accepted }
    }
}

#[tokio::test]
async fn an_event_is_told_by_e_mail_once_and_again_only_if_it_did_not_arrive() {
    let firm = Firm::new().await;
    let case_id = open(&firm).await;
    let server = MailServer::answering(&[
        ("450 later", ""),
        ("", ""),
        ("250 ok", "451 later"),
        ("250 ok", "250 kept"),
        ("550 unknown", ""),
        ("250 ok", "554 no"),
        ("250 ok", ""),
    ])
    .await;
    route(&firm, "email", Some("ops@example.com")).await;
    let due = "update public.enforcement_alerts set next_try_at = now()";
    log(&firm, case_id, "Größe\r\n.\r\nBcc: all@example.com").await;
    // Nobody who knows no mail server takes it.
    assert_eq!(alerts::run_due(&firm.db, None).await.unwrap(), 0);
    for expect in ["pending 1", "pending 2", "pending 3", "sent 4"] {
        alerts::run_due(&firm.db, Some(&server.mailer)).await.unwrap();
        assert_eq!(states(&firm).await, [expect]);
        firm.execute(due).await;
    }
    for (n, expect) in ["failed 1", "failed 1", "uncertain 1"].into_iter().enumerate() {
        log(&firm, case_id, "another").await;
        alerts::run_due(&firm.db, Some(&server.mailer)).await.unwrap();
        assert_eq!(states(&firm).await[n + 1], expect);
    }
    firm.execute(due).await;
    assert_eq!(alerts::run_due(&firm.db, Some(&server.mailer)).await.unwrap(), 0);

    let accepted = server.accepted.lock().await;
    let [(recipient, message)] = &accepted[..] else { panic!("{accepted:?}") };
    assert_eq!(recipient, "RCPT TO:<ops@example.com>");
    let (head, body) = message.split_once("\n\n").unwrap();
    for expect in [
        "From: Dragonfly <alerts@example.com>",
        "To: ops@example.com",
        "Message-ID: <dragonfly-alert-",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(head.contains(expect), "{expect}\n{head}");
    }
    assert!(head.contains(": note") && !head.contains("Bcc"), "{head}");
    assert!(body.contains("By Ada, at 20"), "{body}");

    // A server that is away is tried again.
    let away = Mailer::new("smtp://127.0.0.1:1?tls=none", "alerts@example.com").unwrap();
    log(&firm, case_id, "away").await;
    alerts::run_due(&firm.db, Some(&away)).await.unwrap();
    assert_eq!(states(&firm).await[4], "pending 1");
}

#[tokio::test]
async fn only_an_address_is_a_way_for_e_mails() {
    let firm = Firm::new().await;
    for target in [
        "ops",
        "ops@example",
        "a@example.com, b@example.com",
        "Ops <ops@example.com>",
        "ops@example.com\nx",
        "Öps@example.com",
    ] {
        let mut tx = firm.begin().await;
        let refused = sqlx::query("select public.put_alert_route($1)")
            .bind(json!({ "channel": "email", "target": target }))
            .execute(&mut *tx)
            .await;
        let message = refused.unwrap_err().into_database_error().unwrap().message().to_owned();
        assert_eq!(message, "`target` is not an e-mail address", "{target}");
    }
}

#[tokio::test]
async fn what_waits_for_a_way_ends_when_it_is_switched_off() {
    let firm = Firm::new().await;
    let case_id = open(&firm).await;
    let webhook = webhook(&[503, 200]).await;
    route(&firm, "webhook", Some(&webhook.url)).await;
    let route_id = firm.texts("select id::text from public.enforcement_alert_routes").await.remove(0);
    let switch = async |is_enabled: bool| {
        let fields = json!({ "route_id": route_id, "channel": "webhook", "target": webhook.url, "is_enabled": is_enabled });
        call(&firm, "put_alert_route", fields).await;
    };
    log(&firm, case_id, "tried").await;
    alerts::run_due(&firm.db, None).await.unwrap();
    log(&firm, case_id, "under way").await;
    let claimed = db::alerts::claim(&firm.db, 10, &["webhook"]).await.unwrap();
    log(&firm, case_id, "waiting").await;
    assert_eq!(states(&firm).await, ["pending 1", "sending 1", "pending 0"]);

    switch(false).await;
    assert_eq!(states(&firm).await, ["failed 1", "sending 1", "failed 0"]);
    db::alerts::settle(&firm.db, &claimed[0], db::alerts::Outcome::Retry, Some("busy")).await.unwrap();
    assert_eq!(states(&firm).await, ["failed 1", "failed 1", "failed 0"]);
    let retry = format!("select public.retry_alert('{{\"alert_id\": {}}}')", claimed[0].id);
    let mut tx = firm.begin().await;
    let refusal = sqlx::query(&retry).execute(&mut *tx).await.unwrap_err().to_string();
    assert!(refusal.contains("the alert's way is switched off"), "{refusal}");
    drop(tx);

    switch(true).await;
    assert_eq!(alerts::run_due(&firm.db, None).await.unwrap(), 0, "what has ended is sent again by people");
    call(&firm, "retry_alert", json!({ "alert_id": claimed[0].id })).await;
    alerts::run_due(&firm.db, None).await.unwrap();
    assert_eq!((states(&firm).await[1].as_str(), webhook.received().await), ("sent 1", 2));
}
