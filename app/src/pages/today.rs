//! `/today`: what wants somebody's hand this morning, each row one click from the form that mends it.

use crate::api;
use crate::components::casework::recent::{RecentPanel, RecentToggle};
use crate::components::casework::row::{BlockedMark, Dwell, NextAction, OwnerName, in_days, parties};
use crate::components::icon::{Icon, IconView};
use crate::components::loaded::{Loaded, RowsSkeleton};
use crate::components::page_header::PageHeader;
use crate::components::tier_badge::TierBadge;
use crate::format;
use crate::state::clock;
use crate::state::live::use_live;
use crate::state::remote::Remote;
use crate::state::session::use_session;
use contract::{Role, Today, TodayGroup, TodayRow};
use leptos::prelude::*;
use std::time::Duration;

#[component]
pub fn TodayPage() -> impl IntoView {
    let live = use_live();
    let today = Remote::new(move || {
        live.cases.track();
        api::today()
    });
    // What is due becomes past due without anybody doing anything.
    if let Ok(timer) = set_interval_with_handle(move || today.refetch(), Duration::from_secs(60)) {
        on_cleanup(move || timer.clear());
    }
    view! {
        <div class="page today-page">
            <PageHeader title="Today" lead="What wants somebody’s hand: past due, blocked, and what has gone wrong quietly.">
                <RecentToggle/>
            </PageHeader>
            <div class="beside">
                <div class="groups">
                    <Loaded remote=today skeleton=|| view! { <RowsSkeleton rows=3/><RowsSkeleton rows=5/><RowsSkeleton rows=5/> } let:today>
                        <Groups today/>
                    </Loaded>
                </div>
                <RecentPanel/>
            </div>
        </div>
    }
}

/// Title, what it means, and what it says when there is none of it
fn words(kind: &str) -> (&'static str, &'static str, &'static str) {
    match kind {
        "past_due" => (
            "Past due, tier 2 and 3",
            "Their next action was due before now. Assign an owner, or move them on.",
            "No case of tier 2 or 3 is past due",
        ),
        "blocked" => (
            "Blocked",
            "Somebody outside holds them up. Ask, and unblock those that can go on.",
            "Nothing is blocked",
        ),
        "stale_strategic" => (
            "Tier 3, a week or more in one stage",
            "The cases that matter most should not stand still.",
            "No tier 3 case stands still",
        ),
        "without_document" => (
            "Actions without a document",
            "No action is real without its paper.",
            "Every action has its document",
        ),
        "unlinked_payments" => (
            "Payments without a case",
            "The money is booked on the judgment; say which case it belongs to.",
            "Every payment has its case",
        ),
        _ => (
            "Still in intake after a day",
            "New cases reach contact validation within 24 hours.",
            "No case waits in intake",
        ),
    }
}

#[component]
fn Groups(today: Signal<Today>) -> impl IntoView {
    let total = move || today.with(|today| today.groups.iter().map(|group| group.count).sum::<u64>());
    view! {
        <nav class="today-counts" aria-label="Groups">
            {move || today.with(|today| today.groups.clone()).into_iter().map(|group| {
                let (title, ..) = words(&group.kind);
                view! {
                    <a href=format!("#{}", group.kind) class="today-count" data-test=format!("today-count-{}", group.kind) data-count=group.count.to_string() on:click={
                        let kind = group.kind.clone();
                        move |event| {
                            event.prevent_default();
                            if let Some(section) = document().get_element_by_id(&kind) {
                                section.scroll_into_view();
                            }
                        }
                    }>
                        <strong class="figure">{format::count(group.count)}</strong><span>{title}</span>
                    </a>
                }
            }).collect_view()}
        </nav>
        {move || (total() == 0).then(|| view! { <p class="all-clear panel" data-test="all-clear"><IconView icon=Icon::Check/>"Nothing waits. What comes up during the day appears here by itself."</p> })}
        {move || today.with(|today| today.groups.clone()).into_iter().filter(|group| group.count > 0).map(|group| view! { <Group group/> }).collect_view()}
        {move || {
            let clear: Vec<&str> = today.with(|today| today.groups.iter().filter(|group| group.count == 0).map(|group| words(&group.kind).2).collect());
            (!clear.is_empty() && total() > 0).then(|| view! { <p class="muted clear-groups"><IconView icon=Icon::Check/>{format!("{}.", clear.join(" · "))}</p> })
        }}
    }
}

#[component]
fn Group(group: TodayGroup) -> impl IntoView {
    let (title, lead, _) = words(&group.kind);
    let shown = group.rows.len() as u64;
    let all = group.query.clone().map(|query| format!("/cases?{query}"));
    let kind = group.kind.clone();
    view! {
        <section class="panel today-group" id=group.kind.clone() aria-label=title data-test=format!("today-{}", group.kind)>
            <header>
                <h2>{title}</h2>
                <span class="count figure">{format::count(group.count)}</span>
                <span class="muted lead">{lead}</span>
                <span class="spacer"></span>
                {all.map(|address| view! { <a class="show-all" href=address data-test=format!("today-all-{kind}")>{if group.count > shown { format!("Show all {}", format::count(group.count)) } else { "Open as a list".to_owned() }}</a> })}
            </header>
            <ul>
                {group.rows.into_iter().map(|row| view! { <GroupRow kind=kind.clone() row/> }).collect_view()}
            </ul>
        </section>
    }
}

#[component]
fn GroupRow(kind: String, row: TodayRow) -> impl IntoView {
    let session = use_session();
    let (address, name) = match &row.case {
        Some(case) => (format!("/cases/{}", case.id), parties(case)),
        None => (format!("/judgments/{}", row.judgment.id), "No case yet".to_owned()),
    };
    let verb = match row.mend.as_str() {
        "assign" => "Assign owner",
        "unblock" => "Unblock",
        "document" => "Add document",
        "link_payment" => "Link payment",
        "open_case" => "Open a case",
        _ => "Move stage",
    };
    let about =
        row.action.as_ref().map(|action| &action.id).or(row.payment.as_ref().map(|payment| &payment.id));
    let mend = match (row.mend.as_str(), about) {
        ("open_case", _) => address.clone(),
        (form, Some(about)) => format!("{address}?form={form}&about={about}"),
        (form, None) => format!("{address}?form={form}"),
    };
    let why = why(&kind, &row);
    let case = row.case.clone();
    view! {
        <li data-test="today-row">
            <span class="tier">{case.as_ref().map(|case| view! { <TierBadge tier=case.tier short=true/> })}</span>
            <span class="case"><a href=address>{row.judgment.case_number.clone()}</a>{case.clone().map(|case| view! { <BlockedMark case/> })}</span>
            <span class="parties clip" title=name.clone()>{name.clone()}</span>
            <span class="because">{why}</span>
            <span class="number balance">{case.as_ref().map(|case| format::money_or_dash(case.current_balance.as_deref()))}</span>
            <span class="owner clip">{case.as_ref().map(|case| view! { <OwnerName name=case.owner_name.clone()/> })}</span>
            {move || session.may(Role::Operator).then(|| view! { <a class="button small mend" href=mend.clone() data-test=format!("mend-{}", row.mend)>{verb}</a> })}
        </li>
    }
}

/// Why the row is there
fn why(kind: &str, row: &TodayRow) -> AnyView {
    let Some(case) = &row.case else {
        return payment(row).into_any();
    };
    match kind {
        "past_due" => view! { "Due "<NextAction at=case.next_action_at.clone() is_past_due=true/><span class="muted">{format!(" · {}", format::words(&case.current_stage))}</span> }.into_any(),
        "blocked" => match &case.blocked_until {
            Some(until) => view! { {format!("Until {}", clock::date(until))}<span class="muted">{format!(" · {}", format::words(&case.current_stage))}</span> }.into_any(),
            None => view! { "No date given"<span class="muted">{format!(" · {}", format::words(&case.current_stage))}</span> }.into_any(),
        },
        "without_document" => row.action.as_ref().map(|action| {
            format!("{} {} {}", format::words(&action.action_type), format::words(&action.status).to_lowercase(), clock::date(&action.opened_at))
        }).into_any(),
        "unlinked_payments" => payment(row).into_any(),
        "intake_overdue" => format!("Open for {}", in_days(case.days_in_stage)).into_any(),
        _ => view! { {format!("{} for ", format::words(&case.current_stage))}<Dwell days=case.days_in_stage sla_days=case.sla_days is_breached=case.is_sla_breached/> }.into_any(),
    }
}

fn payment(row: &TodayRow) -> Option<String> {
    row.payment.as_ref().map(|payment| {
        let from = payment.source.as_ref().map_or_else(String::new, |source| format!(" from {source}"));
        format!("{}{from}, {}", format::money(&payment.amount), clock::date(&payment.received_at))
    })
}
