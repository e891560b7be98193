//! The parts of a case's row: parties, time in stage, next action, balance.

use crate::components::icon::{Icon, IconView};
use crate::format;
use crate::state::clock;
use contract::CaseRow;
use leptos::prelude::*;

/// Plaintiff v. defendant, as far as they are known.
pub fn parties(case: &CaseRow) -> String {
    let plaintiff = case.plaintiff_name.clone().unwrap_or_else(|| "Unknown plaintiff".to_owned());
    match &case.defendant_name {
        Some(defendant) => format!("{plaintiff} v. {defendant}"),
        None => plaintiff,
    }
}

/// Days in stage, against the stage's SLA
#[component]
pub fn Dwell(days: u32, sla_days: Option<u32>, is_breached: bool) -> impl IntoView {
    let title = match (sla_days, is_breached) {
        (Some(sla), true) => format!("{days} days in this stage, whose SLA is {sla}"),
        (Some(sla), false) => format!("{days} of {sla} days"),
        (None, _) => format!("{days} days; this stage has no SLA"),
    };
    let over = sla_days.filter(|_| is_breached).map(|sla| match days.saturating_sub(sla) {
        0 => "over".to_owned(),
        more => format!("+{more}"),
    });
    view! {
        <span class="dwell" data-breached=is_breached.to_string() title=title>
            {format!("{days} d")}
            {over.map(|over| view! { <span class="over">{over}</span><span class="visually-hidden">" past its SLA"</span> })}
        </span>
    }
}

/// When a case comes up again; what is past due is said in words too
#[component]
pub fn NextAction(at: Option<String>, is_past_due: bool) -> impl IntoView {
    let Some(at) = at else { return view! { <span class="muted">"–"</span> }.into_any() };
    view! {
        <time class="next-action" datetime=at.clone() data-past-due=is_past_due.to_string() title=clock::full_time(&at)>
            {is_past_due.then(|| view! { <span class="visually-hidden">"Past due: "</span> })}{clock::date(&at)}
        </time>
    }
    .into_any()
}

/// A mark where somebody outside holds a case up
#[component]
pub fn BlockedMark(case: CaseRow) -> impl IntoView {
    case.is_blocked.then(|| {
        let words = match &case.blocked_until {
            Some(until) => format!("Blocked until {}", clock::date(until)),
            None => "Blocked".to_owned(),
        };
        view! { <span class="blocked-mark" title=words.clone()><IconView icon=Icon::Pause/><span class="visually-hidden">{words.clone()}</span></span> }
    })
}

/// Who works a case
#[component]
pub fn OwnerName(name: Option<String>) -> impl IntoView {
    match name {
        Some(name) => view! { <span class="clip" title=name.clone()>{name.clone()}</span> }.into_any(),
        None => view! { <span class="muted">"Nobody"</span> }.into_any(),
    }
}

/// A number of days as people say it: `today`, `1 day`, `12 days`.
pub fn in_days(days: u32) -> String {
    match days {
        0 => "less than a day".to_owned(),
        days => format::counted(u64::from(days), "day", "days"),
    }
}

/// How much a judgment matters, where that is out of the ordinary
#[component]
pub fn PriorityTag(level: String) -> impl IntoView {
    (level != "normal").then(|| {
        view! { <span class="tag priority-tag" data-priority=level.clone() title="Priority of the judgment">{format::words(&level)}</span> }
    })
}
