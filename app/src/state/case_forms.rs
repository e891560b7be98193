//! What is asked for before something is done to a case: one form for each function that a person calls, with the rules
//! by which the function refuses.

use contract::{CaseDetail, CaseDocument, CaseFacets};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A form; its name stands in the address, so that a link opens it
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseForm {
    Stage,
    Event,
    Note,
    Unblock,
    Action,
    Subpoena,
    SubpoenaAnswer,
    Payment,
    LinkPayment,
    Override,
    ClearOverride,
    Assign,
    NextAction,
    Document,
    Priority,
    Task,
    Close,
}

impl CaseForm {
    const ALL: [Self; 17] = [
        Self::Stage,
        Self::Event,
        Self::Note,
        Self::Unblock,
        Self::Action,
        Self::Subpoena,
        Self::SubpoenaAnswer,
        Self::Payment,
        Self::LinkPayment,
        Self::Override,
        Self::ClearOverride,
        Self::Assign,
        Self::NextAction,
        Self::Document,
        Self::Priority,
        Self::Task,
        Self::Close,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Event => "event",
            Self::Note => "note",
            Self::Unblock => "unblock",
            Self::Action => "action",
            Self::Subpoena => "subpoena",
            Self::SubpoenaAnswer => "subpoena_answer",
            Self::Payment => "payment",
            Self::LinkPayment => "link_payment",
            Self::Override => "override",
            Self::ClearOverride => "clear_override",
            Self::Assign => "assign",
            Self::NextAction => "next_action",
            Self::Document => "document",
            Self::Priority => "priority",
            Self::Task => "task",
            Self::Close => "close",
        }
    }

    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.name() == name)
    }

    /// The function that it calls; a document alone is sent as a file.
    pub fn rpc(self) -> &'static str {
        match self {
            Self::Stage => "set_enforcement_stage",
            Self::Event | Self::Note | Self::Unblock => "log_enforcement_event",
            Self::Action => "queue_enforcement_action",
            Self::Subpoena => "issue_subpoena",
            Self::SubpoenaAnswer => "record_subpoena_response",
            Self::Payment => "record_enforcement_payment",
            Self::LinkPayment => "link_enforcement_payment",
            Self::Override => "set_tier_override",
            Self::ClearOverride => "clear_tier_override",
            Self::Assign => "assign_enforcement_case",
            Self::NextAction => "set_next_action",
            Self::Document => "add_enforcement_document",
            Self::Priority => "set_judgment_priority",
            Self::Task => "add_plaintiff_task",
            Self::Close => "close_enforcement_case",
        }
    }

    /// Whether it may name a document that the case has: what vouches for one action vouches for no other
    pub fn takes(self, document: &CaseDocument) -> bool {
        match self {
            Self::Document => false,
            Self::Action | Self::Subpoena | Self::SubpoenaAnswer => document.action_id.is_none(),
            _ => true,
        }
    }
}

/// What is typed, by field
pub type Values = BTreeMap<&'static str, String>;

type Test = Box<dyn Fn(&Values) -> bool + Send + Sync>;
type Words = Box<dyn Fn(&Values) -> Option<String> + Send + Sync>;

pub enum Kind {
    /// Values with their names.
    Select(Vec<(String, String)>),
    Text,
    Note,
    Money,
    /// A day of the organisation's.
    Day(DayRule),
    Check,
    /// A document of the case, or a file that becomes one.
    File,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum DayRule {
    /// Today or before.
    Past,
    /// After today: a day begins at midnight.
    Future,
    Any,
}

/// A field of a form; its key is where the value stands in the call, as a path
pub struct Field {
    pub key: &'static str,
    pub label: &'static str,
    pub kind: Kind,
    pub is_shown: Test,
    pub is_required: Test,
    pub hint: Words,
}

impl Field {
    fn new(key: &'static str, label: &'static str, kind: Kind) -> Self {
        Self {
            key,
            label,
            kind,
            is_shown: Box::new(|_| true),
            is_required: Box::new(|_| false),
            hint: Box::new(|_| None),
        }
    }

    fn required(self) -> Self {
        self.required_if(|_| true)
    }

    fn required_if(self, test: impl Fn(&Values) -> bool + Send + Sync + 'static) -> Self {
        Self { is_required: Box::new(test), ..self }
    }

    fn shown_if(self, test: impl Fn(&Values) -> bool + Send + Sync + 'static) -> Self {
        Self { is_shown: Box::new(test), ..self }
    }

    fn hint(self, words: &'static str) -> Self {
        self.hint_of(move |_| Some(words.to_owned()))
    }

    fn hint_of(self, words: impl Fn(&Values) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { hint: Box::new(words), ..self }
    }

    /// What is wrong with it, before it is sent; `today` is an ISO date.
    pub fn problem(&self, values: &Values, today: &str) -> Option<String> {
        let value = values.get(self.key).map(|value| value.trim()).unwrap_or_default();
        if !(self.is_shown)(values) {
            return None;
        }
        if value.is_empty() || (value == "false" && matches!(self.kind, Kind::Check)) {
            return (self.is_required)(values).then(|| match self.kind {
                Kind::Select(_) => "Choose one.".to_owned(),
                Kind::Check => "Check this to go on.".to_owned(),
                Kind::File => "This needs a document: choose one of the case or a file.".to_owned(),
                Kind::Day(_) => "Choose a day.".to_owned(),
                _ => "This is needed.".to_owned(),
            });
        }
        match self.kind {
            Kind::Money => match cents(value) {
                None => Some("Write dollars and cents, such as 1250.00.".to_owned()),
                Some(0) => Some("A payment is more than nothing.".to_owned()),
                Some(_) => None,
            },
            Kind::Day(DayRule::Past) if value > today => Some("This lies in the future.".to_owned()),
            Kind::Day(DayRule::Future) if value <= today => Some("Choose a day after today.".to_owned()),
            Kind::Text | Kind::Note if value.chars().count() > 4000 => {
                Some("At most 4,000 characters.".to_owned())
            }
            _ => None,
        }
    }
}

/// Dollars and cents as the functions take them: no sign, at most two places and twelve digits before them.
fn cents(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || whole.len() > 12 || !is_number(fraction) || fraction.len() > 2 {
        return None;
    }
    let fraction = format!("{fraction:0<2}");
    Some(whole.parse::<i64>().ok()? * 100 + fraction.parse::<i64>().ok()?)
}

/// A form, ready to be filled in
pub struct Asked {
    pub form: CaseForm,
    pub title: &'static str,
    pub lead: Option<String>,
    /// The button's verb.
    pub verb: &'static str,
    pub done: &'static str,
    pub is_dangerous: bool,
    pub fields: Vec<Field>,
    pub first: Values,
    /// What is sent beside the fields.
    pub fixed: Vec<(&'static str, Value)>,
}

impl Asked {
    /// What is sent: the fields that are shown and given, at their paths
    pub fn body(&self, case_id: &str, values: &Values) -> Value {
        let mut body = Map::new();
        if !matches!(self.form, CaseForm::Document | CaseForm::Priority) {
            body.insert("case_id".to_owned(), Value::from(case_id));
        }
        for (path, value) in &self.fixed {
            put(&mut body, path, value.clone());
        }
        let sent = |field: &&Field| field.key != CONFIRMED && (field.is_shown)(values);
        for field in self.fields.iter().filter(sent) {
            let value = values.get(field.key).map(|value| value.trim()).unwrap_or_default();
            match (&field.kind, value) {
                (_, "") => {}
                (Kind::Check, value) => put(&mut body, field.key, Value::from(value == "true")),
                (Kind::Select(_), NOBODY) => put(&mut body, field.key, Value::Null),
                (Kind::Select(_), "true" | "false") => {
                    put(&mut body, field.key, Value::from(value == "true"))
                }
                (_, value) => put(&mut body, field.key, Value::from(value)),
            }
        }
        Value::Object(body)
    }
}

fn put(body: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            body.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = body.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// The choice that stands for nobody.
pub const NOBODY: &str = "nobody";
/// A box that is checked before the form is sent, and is not sent with it.
const CONFIRMED: &str = "confirmed";
const PRIORITIES: [(&str, &str); 5] =
    [("urgent", "Urgent"), ("high", "High"), ("normal", "Normal"), ("low", "Low"), ("on_hold", "On hold")];

const ACTIONS: [(&str, &str); 4] = [
    ("bank_levy", "Bank levy"),
    ("garnishment", "Garnishment"),
    ("subpoena", "Subpoena"),
    ("marshal", "Marshal execution"),
];
const STATUSES: [(&str, &str); 6] = [
    ("planned", "Planned"),
    ("filed", "Filed"),
    ("served", "Served"),
    ("in_progress", "In progress"),
    ("completed", "Completed"),
    ("cancelled", "Cancelled"),
];
const TIERS: [(&str, &str); 4] = [
    ("tier3", "3 Strategic/Priority"),
    ("tier2", "2 Active Enforcement"),
    ("tier1", "1 Warm Prospects"),
    ("tier0", "0 Monitor"),
];

fn choices(pairs: &[(&str, &str)]) -> Kind {
    Kind::Select(pairs.iter().map(|(value, name)| ((*value).to_owned(), (*name).to_owned())).collect())
}

fn words(name: &str) -> String {
    crate::format::words(name)
}

fn is(values: &Values, key: &str, wanted: &str) -> bool {
    values.get(key).is_some_and(|value| value == wanted)
}

fn note() -> Field {
    Field::new("note", "Note", Kind::Note)
}

/// The form as this case and this organisation have it; `chosen` is what the link that opened it says already
pub fn asked(form: CaseForm, detail: &CaseDetail, facets: &CaseFacets, chosen: &str, me: &str) -> Asked {
    let mut asked = Asked {
        form,
        title: "",
        lead: None,
        verb: "",
        done: "",
        is_dangerous: false,
        fields: Vec::new(),
        first: Values::new(),
        fixed: Vec::new(),
    };
    let case = &detail.case;
    match form {
        CaseForm::Stage => {
            let here = facets
                .stages
                .iter()
                .find(|stage| stage.stage == case.current_stage)
                .map_or(0, |stage| stage.ordinal);
            // Closing is another function, which says what becomes of the judgment.
            let others = facets
                .stages
                .iter()
                .filter(|stage| stage.stage != case.current_stage && stage.stage != "closure");
            let options = others
                .clone()
                .map(|stage| {
                    let back = if stage.ordinal < here { " (back)" } else { "" };
                    let document = if stage.needs_document { " – needs a document" } else { "" };
                    (stage.stage.clone(), format!("{}{back}{document}", words(&stage.stage)))
                })
                .collect();
            let back: Vec<String> = others
                .clone()
                .filter(|stage| stage.ordinal < here)
                .map(|stage| stage.stage.clone())
                .collect();
            let papers: Vec<String> =
                others.filter(|stage| stage.needs_document).map(|stage| stage.stage.clone()).collect();
            let one_of = |list: Vec<String>| {
                move |values: &Values| values.get("stage").is_some_and(|stage| list.contains(stage))
            };
            let described = facets.stages.clone();
            asked.title = "Move to another stage";
            asked.verb = "Move stage";
            asked.done = "The case has moved.";
            asked.fixed = vec![("expected_stage", Value::from(case.current_stage.as_str()))];
            asked.fields = vec![
                Field::new("stage", "Stage", Kind::Select(options)).required().hint_of(move |values| {
                    let stage = described.iter().find(|stage| values.get("stage") == Some(&stage.stage))?;
                    let tasks = match stage.tasks.as_slice() {
                        [] => String::new(),
                        tasks => format!(" Creates: {}.", tasks.join("; ")),
                    };
                    let sla = stage.sla_days.map_or_else(String::new, |days| format!(" SLA {days} days."));
                    Some(format!("{}.{sla}{tasks}", stage.description.trim_end_matches('.')))
                }),
                Field::new("override", "Move the case back, although it is further on", Kind::Check)
                    .shown_if(one_of(back.clone()))
                    .required_if(one_of(back)),
                Field::new("metadata.document_path", "Document", Kind::File)
                    .shown_if(one_of(papers.clone()))
                    .required_if(one_of(papers)),
                Field::new("metadata.next_action_at", "Next action", Kind::Day(DayRule::Any))
                    .hint("Left empty, it is when the stage’s SLA ends."),
                note(),
            ];
        }
        CaseForm::Event => {
            let kinds = facets
                .event_kinds
                .iter()
                .filter(|kind| kind.is_logged_by_hand)
                .map(|kind| {
                    let document = if kind.needs_document { " – needs a document" } else { "" };
                    (kind.kind.clone(), format!("{}{document}", words(&kind.kind)))
                })
                .collect();
            let papers: Vec<String> = facets
                .event_kinds
                .iter()
                .filter(|kind| kind.needs_document)
                .map(|kind| kind.kind.clone())
                .collect();
            let described = facets.event_kinds.clone();
            let mut tasks = vec![(String::new(), "None".to_owned())];
            // A call ends with its outcome, which is another form's.
            let ended_by_events = detail.tasks.iter().filter(|task| task.kind != "call");
            tasks.extend(ended_by_events.map(|task| (task.id.clone(), task.title.clone())));
            asked.title = "Log an event";
            asked.verb = "Log event";
            asked.done = "The event is logged.";
            asked.fields = vec![
                Field::new("event_kind", "What happened", Kind::Select(kinds)).required().hint_of(
                    move |values| {
                        let kind =
                            described.iter().find(|kind| values.get("event_kind") == Some(&kind.kind))?;
                        let action = kind.action_type.as_ref().zip(kind.action_status.as_ref());
                        let follows = action.map_or_else(String::new, |(action, status)| {
                            format!(
                                " The {} becomes {}.",
                                words(action).to_lowercase(),
                                words(status).to_lowercase()
                            )
                        });
                        Some(format!("{}.{follows}", kind.description))
                    },
                ),
                Field::new("payload.eta", "Until when, as far as is known", Kind::Day(DayRule::Future))
                    .shown_if(|values| is(values, "event_kind", "blocked"))
                    .hint("The case comes up again then."),
                Field::new("document_path", "Document", Kind::File).required_if(move |values| {
                    values.get("event_kind").is_some_and(|kind| papers.contains(kind))
                }),
                Field::new("occurred_at", "When", Kind::Day(DayRule::Past)).hint("Left empty, it is now."),
                note(),
            ];
            if tasks.len() > 1 {
                asked.fields.insert(4, Field::new("related_task_id", "Ends the task", Kind::Select(tasks)));
            }
            if !chosen.is_empty() {
                asked.first.insert("event_kind", chosen.to_owned());
            }
        }
        CaseForm::Note => {
            asked.title = "Write a note";
            asked.verb = "Add note";
            asked.done = "The note is on the timeline.";
            asked.fixed = vec![("event_kind", Value::from("note"))];
            asked.fields = vec![note().required()];
        }
        CaseForm::Unblock => {
            asked.title = "Nothing holds the case up any more";
            asked.lead = detail.blocked_note.as_ref().map(|note| format!("It was blocked by: {note}"));
            asked.verb = "Unblock";
            asked.done = "The case is no longer blocked.";
            asked.fixed = vec![("event_kind", Value::from("unblocked"))];
            asked.fields = vec![
                Field::new("occurred_at", "Since when", Kind::Day(DayRule::Past))
                    .hint("Left empty, it is now."),
                note(),
            ];
        }
        CaseForm::Action => {
            let running: Vec<(String, String)> = detail
                .actions
                .iter()
                .filter(|action| action.closed_at.is_none())
                .map(|action| (action.action_type.clone(), action.status.clone()))
                .collect();
            let begun: Vec<String> = running.iter().map(|(action, _)| action.clone()).collect();
            asked.title = "Begin or advance an action";
            asked.verb = "Save action";
            asked.done = "The action is saved.";
            asked.fields = vec![
                Field::new("action_type", "Action", choices(&ACTIONS)).required().hint_of(move |values| {
                    let action = values.get("action_type").filter(|action| !action.is_empty())?;
                    Some(match running.iter().find(|(running, _)| running == action) {
                        Some((_, status)) => format!("Runs already: {}.", words(status).to_lowercase()),
                        None => "None runs: this begins one.".to_owned(),
                    })
                }),
                Field::new("status", "Status", choices(&STATUSES)).required().hint_of(move |values| {
                    let ends = is(values, "status", "completed") || is(values, "status", "cancelled");
                    let action = values.get("action_type").filter(|action| !action.is_empty())?;
                    (ends && !begun.contains(action))
                        .then(|| "An action that was never begun cannot end.".to_owned())
                }),
                Field::new("document_path", "Document", Kind::File)
                    .hint("With its paper, a filing or service is logged as the event of that name."),
                Field::new("next_milestone_at", "Next milestone", Kind::Day(DayRule::Any)),
                Field::new("status_reason", "Why", Kind::Text),
            ];
            if let Some(action) = detail.actions.iter().find(|action| action.id == chosen) {
                asked.first.insert("action_type", action.action_type.clone());
            }
        }
        CaseForm::Subpoena => {
            asked.title = "Issue a subpoena";
            asked.verb = "Issue subpoena";
            asked.done = "The subpoena is out.";
            asked.fields = vec![
                Field::new("recipient", "To whom", Kind::Text),
                Field::new("document_path", "Document", Kind::File).required(),
                Field::new("issued_at", "Issued", Kind::Day(DayRule::Past)).hint("Left empty, it is now."),
                Field::new("response_due_at", "Answer due", Kind::Day(DayRule::Any))
                    .hint("Left empty, in 30 days."),
                note(),
            ];
        }
        CaseForm::SubpoenaAnswer => {
            asked.title = "Record the answer to the subpoena";
            asked.verb = "Record answer";
            asked.done = "The answer is recorded, and its review is a task.";
            asked.first.insert("complied", "true".to_owned());
            asked.fields = vec![
                Field::new(
                    "complied",
                    "Answer",
                    choices(&[
                        ("true", "Complete: it ends the subpoena"),
                        ("false", "Poor or partial: it stays out"),
                    ]),
                )
                .required(),
                Field::new("document_path", "Document", Kind::File)
                    .required_if(|values| is(values, "complied", "true")),
                Field::new("received_at", "Received", Kind::Day(DayRule::Past))
                    .hint("Left empty, it is now."),
                Field::new("review_at", "Review", Kind::Day(DayRule::Any)).hint("Left empty, in three days."),
                note(),
            ];
        }
        CaseForm::Payment => {
            let balance = case.current_balance.as_deref().and_then(crate::format::parse_cents);
            let exceeds = move |values: &Values| {
                values
                    .get("amount")
                    .and_then(|amount| cents(amount.trim()))
                    .zip(balance)
                    .is_some_and(|(amount, balance)| amount > balance)
            };
            asked.title = "Record a payment";
            asked.lead = case
                .current_balance
                .as_deref()
                .map(|balance| format!("The balance is {}.", crate::format::money(balance)));
            asked.verb = "Record payment";
            asked.done = "The payment is booked.";
            asked.fields = vec![
                Field::new("amount", "Amount in dollars", Kind::Money).required(),
                Field::new("credit", "Book what exceeds the balance as a credit", Kind::Check)
                    .shown_if(exceeds)
                    .required_if(exceeds),
                Field::new("received_at", "Received", Kind::Day(DayRule::Past))
                    .hint("Left empty, it is now."),
                Field::new("source", "From", Kind::Text)
                    .hint("Such as the bank, the employer or the debtor."),
                Field::new("document_path", "Document", Kind::File),
                note(),
            ];
        }
        CaseForm::LinkPayment => {
            let payments = detail
                .unlinked_payments
                .iter()
                .map(|payment| {
                    let from =
                        payment.source.as_ref().map_or_else(String::new, |source| format!(" from {source}"));
                    let day = crate::state::clock::full_time(&payment.received_at);
                    (payment.id.clone(), format!("{}{from}, {day}", crate::format::money(&payment.amount)))
                })
                .collect();
            asked.title = "Link a payment to this case";
            asked.lead = Some(
                "The balance has moved when the payment was recorded; this says which case it belongs to."
                    .to_owned(),
            );
            asked.verb = "Link payment";
            asked.done = "The payment belongs to this case.";
            asked.fields =
                vec![Field::new("payment_id", "Payment", Kind::Select(payments)).required(), note()];
            let only = detail.unlinked_payments.first().map(|payment| payment.id.clone());
            let first = if chosen.is_empty() { only } else { Some(chosen.to_owned()) };
            asked.first.extend(first.map(|id| ("payment_id", id)));
        }
        CaseForm::Override => {
            asked.title = "Override the tier";
            asked.lead = Some(format!(
                "The policy says {}. Until the override expires, the case counts as the tier that you choose.",
                case.computed_tier
                    .map_or_else(|| "nothing yet".to_owned(), |tier| format!("tier {}", tier.number()))
            ));
            asked.verb = "Override tier";
            asked.done = "The override counts from now on.";
            asked.fields = vec![
                Field::new("tier", "Counts as", choices(&TIERS)).required(),
                Field::new("expires_at", "Expires", Kind::Day(DayRule::Future)).required(),
                Field::new("note", "Why", Kind::Note).required(),
                Field::new("root_cause", "Root cause", Kind::Text)
                    .hint("Why the computed tier does not fit: asked for when an override persists."),
            ];
            if let Some(tier) = case.tier_override {
                asked.first.insert("tier", tier.case_text().to_owned());
                asked.first.extend(detail.override_note.clone().map(|note| ("note", note)));
                asked.first.extend(detail.override_root_cause.clone().map(|cause| ("root_cause", cause)));
            }
        }
        CaseForm::ClearOverride => {
            asked.title = "Take the override away";
            asked.lead = Some("The case counts as its computed tier again.".to_owned());
            asked.verb = "Clear override";
            asked.done = "The computed tier counts again.";
            asked.fields = vec![note()];
        }
        CaseForm::Assign => {
            asked.title = "Assign an owner";
            asked.verb = "Assign";
            asked.done = "The owner is assigned.";
            asked.fields =
                vec![Field::new("owner_id", "Owner", Kind::Select(owners(facets, me))).required(), note()];
            asked.first.insert("owner_id", case.owner_id.clone().unwrap_or_else(|| me.to_owned()));
        }
        CaseForm::NextAction => {
            asked.title = "Set the next action";
            asked.lead = Some("When the case is to come up again.".to_owned());
            asked.verb = "Set next action";
            asked.done = "The next action is set.";
            asked.fields =
                vec![Field::new("next_action_at", "Day", Kind::Day(DayRule::Any)).required(), note()];
        }
        CaseForm::Document => {
            let mut kinds: Vec<(String, String)> = facets
                .event_kinds
                .iter()
                .filter(|kind| kind.needs_document)
                .map(|kind| (kind.kind.clone(), words(&kind.kind)))
                .collect();
            kinds.extend(
                [("correspondence", "Correspondence"), ("evidence", "Evidence"), ("other", "Other")]
                    .map(|(value, name)| (value.to_owned(), name.to_owned())),
            );
            let mut actions = vec![(String::new(), "None".to_owned())];
            actions.extend(detail.actions.iter().map(|action| {
                let name =
                    format!("{}, {}", words(&action.action_type), words(&action.status).to_lowercase());
                (action.id.clone(), name)
            }));
            asked.title = "Upload a document";
            asked.verb = "Upload";
            asked.done = "The document is kept.";
            asked.fields = vec![
                Field::new("file", "File", Kind::File).required(),
                Field::new("doc_kind", "What it is", Kind::Select(kinds)).required(),
            ];
            if actions.len() > 1 {
                asked.fields.push(
                    Field::new("action_id", "Vouches for the action", Kind::Select(actions))
                        .hint("An action without a document is a red flag."),
                );
            }
            if let Some(action) = detail.actions.iter().find(|action| action.id == chosen) {
                asked.first.insert("action_id", action.id.clone());
                let kind = facets.event_kinds.iter().find(|kind| {
                    kind.needs_document
                        && kind.action_type.as_ref() == Some(&action.action_type)
                        && kind.action_status.as_ref() == Some(&action.status)
                });
                asked.first.extend(kind.map(|kind| ("doc_kind", kind.kind.clone())));
            }
        }
        CaseForm::Priority => {
            asked.title = "Set the judgment’s priority";
            asked.lead = Some(
                "How much the judgment matters, beside its computed tier: the pipeline goes by it, and Today shows it."
                    .to_owned(),
            );
            asked.verb = "Set priority";
            asked.done = "The priority is set.";
            asked.fixed = vec![("judgment_id", Value::from(case.judgment_id.as_str()))];
            asked.fields =
                vec![Field::new("priority_level", "Priority", choices(&PRIORITIES)).required(), note()];
            asked.first.insert("priority_level", case.priority_level.clone());
        }
        CaseForm::Task => {
            asked.title = "Add a task";
            asked.verb = "Add task";
            asked.done = "The task is added.";
            asked.fixed = vec![("plaintiff_id", Value::from(case.plaintiff_id.as_deref()))];
            asked.fields = vec![
                Field::new(
                    "kind",
                    "What it is",
                    choices(&[
                        ("call", "A call of the plaintiff"),
                        ("letter", "A letter"),
                        ("research", "Research"),
                        ("other", "Something else"),
                    ]),
                )
                .required()
                .hint_of(|values| is(values, "kind", "call").then(|| "It joins the call queue.".to_owned())),
                Field::new("title", "What is to be done", Kind::Text)
                    .required_if(|values| !is(values, "kind", "call")),
                Field::new("due_at", "Due", Kind::Day(DayRule::Any)),
                note(),
            ];
        }
        CaseForm::Close => {
            let owed = case
                .current_balance
                .clone()
                .filter(|balance| crate::format::parse_cents(balance).is_some_and(|cents| cents > 0));
            let judgment = words(&detail.judgment.status).to_lowercase();
            asked.title = "Close the case";
            asked.lead = Some(format!(
                "{} A closed case cannot be reopened: open a new one instead.",
                what_ends(detail, &owed)
            ));
            asked.verb = "Close case";
            asked.done = "The case is closed.";
            asked.is_dangerous = true;
            let says = owed.clone();
            asked.fields = vec![
                Field::new(
                    "status",
                    "Close as",
                    choices(&[
                        ("satisfied", "Satisfied: the judgment is paid"),
                        ("uncollectible", "Uncollectible: nothing can be had"),
                        ("withdrawn", "Withdrawn: the plaintiff wants no more"),
                    ]),
                )
                .required()
                .hint_of(move |values| {
                    let owed = says.as_ref().map(|owed| crate::format::money(owed));
                    Some(match (values.get("status")?.as_str(), owed) {
                        ("satisfied", Some(owed)) => format!(
                            "The judgment becomes satisfied too, and {owed} stays on it as never paid. Record a payment first if one came in."
                        ),
                        ("satisfied", None) => "The judgment becomes satisfied too.".to_owned(),
                        ("uncollectible" | "withdrawn", Some(owed)) => format!(
                            "The judgment stays {judgment}, with {owed} due: it keeps its tier and may get a new case."
                        ),
                        ("uncollectible" | "withdrawn", None) => {
                            format!("The judgment stays {judgment}, with nothing due.")
                        }
                        _ => return None,
                    })
                }),
                note(),
                Field::new(CONFIRMED, "Close this case for good", Kind::Check).required(),
            ];
        }
    }
    asked
}

/// What closing a case ends, before it does.
fn what_ends(detail: &CaseDetail, owed: &Option<String>) -> String {
    let running: Vec<String> = detail
        .actions
        .iter()
        .filter(|action| action.closed_at.is_none())
        .map(|action| words(&action.action_type).to_lowercase())
        .collect();
    let mut ends = Vec::new();
    if !running.is_empty() {
        let count = crate::format::counted(running.len() as u64, "running action", "running actions");
        ends.push(format!("{count} ({})", running.join(", ")));
    }
    if !detail.tasks.is_empty() {
        ends.push(crate::format::counted(detail.tasks.len() as u64, "open task", "open tasks"));
    }
    let ended = match (ends.is_empty(), running.len() + detail.tasks.len()) {
        (true, _) => "No action runs and no task is open.".to_owned(),
        (_, 1) => format!("{} is cancelled.", ends.join(" and ")),
        _ => format!("{} are cancelled.", ends.join(" and ")),
    };
    let balance = match owed {
        Some(owed) => format!("{} is still due.", crate::format::money(owed)),
        None => "Nothing is due any more.".to_owned(),
    };
    format!("{ended} {balance}")
}

/// Who may own a case: oneself first, nobody last.
pub fn owners(facets: &CaseFacets, me: &str) -> Vec<(String, String)> {
    let name = |owner: &contract::CaseOwner| {
        let you = if owner.user_id == me { " (you)" } else { "" };
        (owner.user_id.clone(), format!("{}{you}", owner.display_name))
    };
    let (mine, others): (Vec<_>, Vec<_>) = facets.owners.iter().partition(|owner| owner.user_id == me);
    let mut owners: Vec<_> = mine.into_iter().chain(others).map(name).collect();
    owners.push((NOBODY.to_owned(), "Nobody".to_owned()));
    owners
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_dollars_with_at_most_two_places() {
        assert_eq!(cents("1250"), Some(125_000));
        assert_eq!(cents("0.5"), Some(50));
        for wrong in ["", "-1", "1.234", "1,000", "1e3", ".5", "1.", "1234567890123"] {
            assert_eq!(cents(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_field_stands_at_its_path() {
        let mut body = Map::new();
        put(&mut body, "stage", Value::from("bank_levy"));
        put(&mut body, "metadata.document_path", Value::from("a/b"));
        put(&mut body, "metadata.next_action_at", Value::from("2026-01-01"));
        let expected = serde_json::json!({ "stage": "bank_levy", "metadata": { "document_path": "a/b", "next_action_at": "2026-01-01" } });
        assert_eq!(Value::Object(body), expected);
    }
}
