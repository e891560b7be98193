//! `case_copilot`: writes the brief of a case.

use std::fmt::Write;
use std::pin::Pin;
use std::sync::Arc;

use db::casework::{ActionFacts, CaseFacts, NewBrief};
use db::queue::Message;
use db::{Transaction, casework};
use serde_json::Value;

use super::casework::{CaseWork, Locks, WorkError, Working, run};
use crate::{Job, Work};

/// What is to be known of a case, and what to do next
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brief {
    pub text: String,
    /// The most urgent first.
    pub next_steps: Vec<String>,
}

/// Writes briefs from the facts of cases
///
/// What it is given is all that it may say something about; what it writes is kept beside the facts that it was given.
pub trait BriefProvider: Send + Sync {
    /// What it is called where its briefs are kept
    fn name(&self) -> &str;

    /// Writes a brief, or says in a few words why it cannot right now; asked again later, and in the end done without
    fn brief<'a>(&'a self, facts: &'a CaseFacts) -> Writing<'a>;
}

/// The writing of a [`BriefProvider`]
pub type Writing<'a> = Pin<Box<dyn Future<Output = Result<Brief, String>> + Send + 'a>>;

/// Has a provider write the brief of a case and keeps it
#[derive(Clone)]
pub struct CaseCopilot {
    provider: Arc<dyn BriefProvider>,
}

impl CaseCopilot {
    /// Has `provider` write
    pub fn new(provider: Arc<dyn BriefProvider>) -> Self {
        Self { provider }
    }
}

impl Default for CaseCopilot {
    /// Has nobody write but this file: the same facts give the same brief
    fn default() -> Self {
        Self::new(Arc::new(Template))
    }
}

impl Job for CaseCopilot {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    /// The provider may take a minute, and a message must be answered for within its visibility timeout
    fn batch_max(&self) -> u32 {
        1
    }

    fn run<'a>(&'a self, tx: &'a mut Transaction, messages: &'a [Message]) -> Work<'a> {
        Box::pin(run(self, tx, messages))
    }
}

impl CaseWork for CaseCopilot {
    const KIND: &'static str = "case_copilot";
    /// The provider may take a minute: nobody waits for it.
    const LOCKS: Locks = Locks::Nothing;

    fn work<'a>(&'a self, tx: &'a mut Transaction, payload: &'a Value) -> Working<'a> {
        Box::pin(async move {
            let (facts, typed) = casework::case_facts(tx, payload).await?;
            let brief = self.provider.brief(&typed).await.map_err(WorkError::Outside)?;
            keep(tx, payload, &facts, &brief, self.provider.name()).await
        })
    }

    /// A brief of fixed sentences, which says why it is one
    fn work_without<'a>(
        &'a self,
        tx: &'a mut Transaction,
        payload: &'a Value,
        error: &'a str,
    ) -> Option<Working<'a>> {
        Some(Box::pin(async move {
            let (facts, typed) = casework::case_facts(tx, payload).await?;
            let mut text = text(&typed);
            text.push_str(&format!("Written without {}, which could not: {error}.\n", self.provider.name()));
            let brief = Brief { text, next_steps: next_steps(&typed) };
            keep(tx, payload, &facts, &brief, Template.name()).await
        }))
    }
}

async fn keep(
    tx: &mut Transaction,
    payload: &Value,
    facts: &Value,
    brief: &Brief,
    provider: &str,
) -> Result<Value, WorkError> {
    let new = NewBrief { text: &brief.text, facts, next_steps: &brief.next_steps, provider };
    casework::keep_brief(tx, payload, new).await?;
    Ok(Value::Null)
}

/// Writes briefs of fixed sentences
struct Template;

impl BriefProvider for Template {
    fn name(&self) -> &str {
        "template"
    }

    fn brief<'a>(&'a self, facts: &'a CaseFacts) -> Writing<'a> {
        Box::pin(async move { Ok(Brief { text: text(facts), next_steps: next_steps(facts) }) })
    }
}

fn text(facts: &CaseFacts) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_text(&mut text, facts);
    text
}

fn write_text(text: &mut String, facts: &CaseFacts) -> std::fmt::Result {
    let debtor = facts.defendant.as_deref().unwrap_or("an unnamed debtor");
    write!(text, "{}: {} against {debtor}", facts.case_number, facts.plaintiff)?;
    if let Some(court) = &facts.court {
        write!(text, ", {court}")?;
    }
    writeln!(text, ".")?;
    let balance = facts.balance.as_deref().map_or("unknown".to_owned(), |balance| format!("${balance}"));
    writeln!(
        text,
        "Balance {balance} of ${}; recovered ${}. The judgment is {}.",
        facts.judgment_amount,
        facts.recovered,
        words(&facts.status)
    )?;
    match facts.tier {
        Some(tier) => write!(text, "Tier {tier}")?,
        None => write!(text, "No tier yet")?,
    }
    match (&facts.override_note, facts.override_expires_at, &facts.tier_reason) {
        (Some(note), Some(expires_at), _) => {
            let computed = facts.computed_tier.map_or("none".to_owned(), |tier| tier.to_string());
            let why =
                facts.computed_tier_reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
            writeln!(
                text,
                " by override until {} ({note}); computed: {computed}{why}.",
                expires_at.date_naive()
            )?;
        }
        (_, _, Some(reason)) => writeln!(text, " ({reason}).")?,
        _ => writeln!(text, ".")?,
    }
    write!(text, "Stage {} for {}", words(&facts.stage), days(facts.days_in_stage))?;
    match facts.sla_days {
        Some(sla_days) => writeln!(text, ", of {} that it should take.", days(sla_days))?,
        None => writeln!(text, ".")?,
    }
    let assets: Vec<String> = facts.assets.iter().map(|asset| words(asset)).collect();
    match assets.is_empty() {
        true => writeln!(text, "No asset is known.")?,
        false => writeln!(text, "Known: {}.", assets.join(", "))?,
    }
    for action in &facts.actions {
        let paper = if action.has_document { "" } else { ", without a document" };
        let opened_at = action.opened_at.date_naive();
        writeln!(
            text,
            "{} since {opened_at}: {}{paper}.",
            capital(&action.action_type),
            words(&action.status)
        )?;
    }
    if !facts.timeline.is_empty() {
        writeln!(text, "Lately:")?;
    }
    for event in &facts.timeline {
        write!(text, "- {} {} ({})", event.at.date_naive(), words(&event.kind), event.actor)?;
        match &event.note {
            Some(note) => writeln!(text, ": {note}")?,
            None => writeln!(text)?,
        }
    }
    Ok(())
}

fn next_steps(facts: &CaseFacts) -> Vec<String> {
    if facts.is_closed {
        return vec!["Nothing: the case is closed.".to_owned()];
    }
    let mut steps = Vec::new();
    if facts.is_blocked {
        steps.push(match facts.blocked_until {
            Some(until) => format!("Ask who blocks the case whether {} still holds.", until.date_naive()),
            None => "Ask who blocks the case for a date, and log it as its ETA.".to_owned(),
        });
    }
    for action in facts.actions.iter().filter(|action| has_left_the_desk(action) && !action.has_document) {
        steps.push(format!("Upload the document of the {}.", words(&action.action_type)));
    }
    if facts.is_past_due
        && let Some(at) = facts.next_action_at
    {
        steps.push(format!("Do what was due on {}, or set another date.", at.date_naive()));
    }
    if facts.sla_days.is_some_and(|sla_days| facts.days_in_stage > sla_days) {
        steps.push(format!("Ask the owner what keeps the case in {}.", words(&facts.stage)));
    } else if facts.tier == Some(3) && facts.days_in_stage > 7 {
        steps.push(format!("Tier 3 and more than a week in {}: say why.", words(&facts.stage)));
    }
    steps.extend(facts.tasks.iter().take(3).map(|task| match task.due_at {
        Some(due_at) => format!("{} (due {}).", task.title, due_at.date_naive()),
        None => format!("{}.", task.title),
    }));
    steps.push(by_stage(facts).to_owned());
    steps
}

/// What comes after the stage, by tier and by what is known
fn by_stage(facts: &CaseFacts) -> &'static str {
    let knows = |asset: &str| facts.assets.iter().any(|known| known == asset);
    match facts.stage.as_str() {
        _ if facts.tier == Some(0) => "Watch: tier 0 costs more to pursue than it brings.",
        "pre_enforcement" => "Confirm judgment, debtor and balance, then validate contacts.",
        "contact_validation" => "Once debtor and plaintiff can be reached, look for assets.",
        "asset_discovery" if facts.assets.is_empty() => "Search for employer, bank, property and vehicles.",
        "asset_discovery" => "Plan an action on what was found.",
        "action_planning" if knows("employer_name") => "Prepare a garnishment of wages.",
        "action_planning" if knows("bank_name") => "Prepare a levy on the bank account.",
        "action_planning" if facts.assets.is_empty() => "Issue an information subpoena: no asset is known.",
        "action_planning" => "Prepare an execution by marshal or sheriff.",
        "bank_levy" | "wage_garnishment" | "subpoena" | "marshal_execution" => {
            "Follow the action; when money comes in, go on to recovery monitoring."
        }
        "recovery_monitoring" => "Compare what came in with what was due; close the case when it is paid.",
        _ => "Close the case.",
    }
}

/// One that is planned has no paper yet, and one that was given up needs none
fn has_left_the_desk(action: &ActionFacts) -> bool {
    !matches!(action.status.as_str(), "planned" | "cancelled")
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

fn capital(name: &str) -> String {
    let words = words(name);
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn days(days: i32) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(change: impl FnOnce(&mut Value)) -> CaseFacts {
        let mut facts = serde_json::json!({
            "case_number": "CV-1", "court": "Kings", "plaintiff": "Ace", "defendant": "John Doe", "judgment_amount": "1000.00",
            "balance": "799.50", "recovered": "200.50", "judgment_date": null, "status": "in_progress", "collectability_score": "65.00",
            "tier": 2, "computed_tier": 2, "tier_reason": "has_asset_hints", "computed_tier_reason": "has_asset_hints", "override_note": null, "override_expires_at": null,
            "stage": "action_planning", "days_in_stage": 1, "sla_days": 5, "next_action_at": null, "is_past_due": false,
            "is_closed": false, "is_blocked": false, "blocked_until": null, "assets": ["bank_name"], "actions": [], "tasks": [],
            "timeline": []
        });
        change(&mut facts);
        serde_json::from_value(facts).unwrap()
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Value), expect: &[&str]) {
        assert_eq!(next_steps(&facts(change)), expect);
    }

    #[test]
    fn the_text_says_how_the_case_stands() {
        let text = text(&facts(|facts| {
            facts["actions"] = serde_json::json!([{ "type": "bank_levy", "status": "in_progress",
                "opened_at": "2026-11-01T00:00:00Z", "has_document": false }]);
            facts["timeline"] = serde_json::json!([{ "at": "2026-11-02T00:00:00Z", "kind": "payment_received", "actor": "Ada", "note": "check 12" }]);
        }));
        assert_eq!(
            text,
            "CV-1: Ace against John Doe, Kings.\n\
             Balance $799.50 of $1000.00; recovered $200.50. The judgment is in progress.\n\
             Tier 2 (has_asset_hints).\n\
             Stage action planning for 1 day, of 5 days that it should take.\n\
             Known: bank name.\n\
             Bank levy since 2026-11-01: in progress, without a document.\n\
             Lately:\n\
             - 2026-11-02 payment received (Ada): check 12\n"
        );
    }

    #[test]
    fn the_most_urgent_step_comes_first() {
        check(|_| {}, &["Prepare a levy on the bank account."]);
        check(|facts| facts["tier"] = 0.into(), &["Watch: tier 0 costs more to pursue than it brings."]);
        check(|facts| facts["is_closed"] = true.into(), &["Nothing: the case is closed."]);
        check(
            |facts| {
                facts["is_blocked"] = true.into();
                facts["blocked_until"] = "2026-12-01T00:00:00Z".into();
                facts["is_past_due"] = true.into();
                facts["next_action_at"] = "2026-11-01T00:00:00Z".into();
                facts["days_in_stage"] = 6.into();
                facts["tasks"] = serde_json::json!([{ "title": "Call", "due_at": null }]);
            },
            &[
                "Ask who blocks the case whether 2026-12-01 still holds.",
                "Do what was due on 2026-11-01, or set another date.",
                "Ask the owner what keeps the case in action planning.",
                "Call.",
                "Prepare a levy on the bank account.",
            ],
        );
        check(
            |facts| {
                facts["tier"] = 3.into();
                facts["sla_days"] = 30.into();
                facts["days_in_stage"] = 8.into();
            },
            &[
                "Tier 3 and more than a week in action planning: say why.",
                "Prepare a levy on the bank account.",
            ],
        );
    }
}
