//! Alerts: what the outbox holds is delivered, inside at once and outside over HTTP, and never twice.
//!
//! An alert that goes outside is claimed in a transaction of its own before it is sent. What certainly did not
//! arrive is tried again later; where nobody can know, as when a worker is killed while it sends, the alert is
//! left as uncertain for people to decide.

use std::time::Duration;

use db::alerts::{self, Alert, Outcome};
use db::{Database, SqlError};
use serde_json::json;
use ureq::{Agent, Error, Timeout};

use crate::mail::Mailer;

const CLAIM: i32 = 20;
const TIME_MAX: Duration = Duration::from_secs(10);

/// Delivers every alert that is due; answers how many. Without a mailer, e-mails are left to workers that have one
pub async fn run_due(db: &Database, mailer: Option<&Mailer>) -> Result<u64, SqlError> {
    let channels: &[&str] = if mailer.is_some() { &["webhook", "email"] } else { &["webhook"] };
    let mut delivered = 0;
    loop {
        let inside = alerts::fan_out(db).await?;
        let outside = alerts::claim(db, CLAIM, channels).await?;
        delivered += inside.unsigned_abs() + outside.len() as u64;
        if inside == 0 && outside.is_empty() {
            return Ok(delivered);
        }
        for alert in outside {
            let (target, id) = (alert.target.clone(), alert.id);
            let sent = match mailer.filter(|_| alert.channel == "email").cloned() {
                Some(mailer) => {
                    let (subject, text) = letter(&alert);
                    let id = format!("dragonfly-alert-{id}");
                    tokio::task::spawn_blocking(move || mailer.send(&target, &id, &subject, &text)).await
                }
                None => {
                    let body = message(&alert).to_string();
                    tokio::task::spawn_blocking(move || send(&target, id, &body)).await
                }
            };
            let (outcome, error) = sent.unwrap_or_else(|error| (Outcome::Uncertain, Some(error.to_string())));
            // The address is a secret, and the other side's words are not ours to log.
            tracing::info!(alert_id = alert.id, org_id = %alert.org_id, attempt = alert.attempt, ?outcome, "alert_settled");
            alerts::settle(db, &alert, outcome, error.as_deref()).await?;
        }
    }
}

/// Which case, and what happened
fn heading(alert: &Alert) -> String {
    let mut text = format!("{}: {}", alert.case_number, alert.event_kind.replace('_', " "));
    if let Some(amount) = alert.payload.get("amount").and_then(|amount| amount.as_str()) {
        text.push_str(&format!(" of ${amount}"));
    }
    text
}

/// An event as subject and text of a letter
fn letter(alert: &Alert) -> (String, String) {
    let mut text = format!(
        "{}\n\nBy {}, at {}.\n",
        heading(alert),
        alert.actor,
        alert.occurred_at.format("%Y-%m-%d %H:%M UTC")
    );
    if let Some(note) = &alert.note {
        text.push_str(&format!("\n{note}\n"));
    }
    (heading(alert), text)
}

/// An event in the form that Slack takes, and most others too
fn message(alert: &Alert) -> serde_json::Value {
    let mut text = format!("{} ({})", heading(alert), alert.actor);
    if let Some(note) = &alert.note {
        text.push_str(&format!(" – {note}"));
    }
    json!({
        // Slack reads these three as markup.
        "text": text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
        "event_id": alert.event_id, "event_kind": alert.event_kind, "case_id": alert.case_id,
        "case_number": alert.case_number, "occurred_at": alert.occurred_at,
    })
}

fn send(target: &str, id: i64, body: &str) -> (Outcome, Option<String>) {
    let config = Agent::config_builder()
        .timeout_global(Some(TIME_MAX))
        .timeout_connect(Some(TIME_MAX / 2))
        .max_redirects(0)
        .http_status_as_error(false);
    let request = config
        .build()
        .new_agent()
        .post(target)
        .header("content-type", "application/json")
        // Who is sent the same alert again, by hand, can tell.
        .header("idempotency-key", format!("dragonfly-alert-{id}"));
    match request.send(body) {
        Ok(response) => outcome_of(response.status().as_u16()),
        Err(error) => (outcome_of_error(&error), Some(error.to_string())),
    }
}

fn outcome_of(status: u16) -> (Outcome, Option<String>) {
    let outcome = match status {
        200..=299 => return (Outcome::Sent, None),
        // These say that nothing was done.
        408 | 425 | 429 | 502..=504 => Outcome::Retry,
        500..=599 => Outcome::Uncertain,
        _ => Outcome::Failed,
    };
    (outcome, Some(format!("the other side answered {status}")))
}

fn outcome_of_error(error: &Error) -> Outcome {
    match error {
        Error::HostNotFound
        | Error::ConnectionFailed
        | Error::Timeout(Timeout::Resolve | Timeout::Connect) => Outcome::Retry,
        Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Outcome::Retry,
        Error::BadUri(_) | Error::Http(_) | Error::Tls(_) => Outcome::Failed,
        _ => Outcome::Uncertain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_certainly_did_not_arrive_is_sent_again() {
        for (status, expect) in [
            (200, Outcome::Sent),
            (204, Outcome::Sent),
            (302, Outcome::Failed),
            (404, Outcome::Failed),
            (429, Outcome::Retry),
            (500, Outcome::Uncertain),
            (503, Outcome::Retry),
        ] {
            assert_eq!(outcome_of(status).0, expect, "{status}");
        }
        assert_eq!(outcome_of_error(&Error::HostNotFound), Outcome::Retry);
        assert_eq!(outcome_of_error(&Error::Timeout(Timeout::Global)), Outcome::Uncertain);
        assert_eq!(outcome_of_error(&Error::BadUri("x".to_owned())), Outcome::Failed);
    }
}
