//! `/today`: what wants somebody's hand this morning, each row one click from the form that mends it.

use crate::api;
use crate::components::casework::recent::{RecentPanel, RecentToggle};
use crate::components::casework::row::{
    BlockedMark, Dwell, NextAction, OwnerName, PriorityTag, in_days, parties,
};
use crate::components::icon::{Icon, IconView};
use crate::components::loaded::{Loaded, RowsSkeleton};
use crate::components::more_rows::PagedList;
use crate::components::page_header::PageHeader;
use crate::components::tier_badge::TierBadge;
use crate::format;
use crate::state::clock;
use crate::state::live::use_live;
use crate::state::paged::{Chunk, Paged};
use crate::state::remote::Remote;
use crate::state::session::use_session;
use contract::{CaseRow, Role, Today, TodayGroup, TodayPage as TodayRows, TodayRow};
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
            <PageHeader title="Today" lead="What wants somebody’s hand, in the order in which to work it: what is late, what is held up, what has gone wrong quietly.">
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
    let total =
        Memo::new(move |_| today.with(|today| today.groups.iter().map(|group| group.count).sum::<u64>()));
    let counts = Memo::new(move |_| {
        today.with(|today| {
            today.groups.iter().map(|group| (group.kind.clone(), group.count)).collect::<Vec<_>>()
        })
    });
    // A group stays as it is, with all of it that is shown, while others change.
    let waiting = Memo::new(move |_| {
        let places = counts.get().into_iter().enumerate();
        places
            .filter(|(_, (_, count))| *count > 0)
            .map(|(place, (kind, _))| (place, kind))
            .collect::<Vec<_>>()
    });
    view! {
        <nav class="today-counts" aria-label="Groups">
            {move || counts.get().into_iter().enumerate().map(|(place, (kind, count))| {
                let (title, ..) = words(&kind);
                view! {
                    <a href=format!("#{kind}") class="today-count" data-test=format!("today-count-{kind}") data-count=count.to_string() on:click={
                        let kind = kind.clone();
                        move |event| {
                            event.prevent_default();
                            if let Some(section) = document().get_element_by_id(&kind) {
                                section.scroll_into_view();
                            }
                        }
                    }>
                        <strong class="figure">{format::count(count)}</strong><span>{format!("{}. {title}", place + 1)}</span>
                    </a>
                }
            }).collect_view()}
        </nav>
        {move || (total.get() == 0).then(|| view! { <p class="all-clear panel" data-test="all-clear"><IconView icon=Icon::Check/>"Nothing waits. What comes up during the day appears here by itself."</p> })}
        <For each=move || waiting.get() key=Clone::clone let:group>
            {
                let (place, kind) = group;
                let named = kind.clone();
                let group = Memo::new(move |_| today.with(|today| today.groups.iter().find(|group| group.kind == named).cloned()));
                view! { <Group place kind group/> }
            }
        </For>
        {move || {
            let clear: Vec<&str> = counts.get().into_iter().filter(|(_, count)| *count == 0).map(|(kind, _)| words(&kind).2).collect();
            (!clear.is_empty() && total.get() > 0).then(|| view! { <p class="muted clear-groups"><IconView icon=Icon::Check/>{format!("{}.", clear.join(" · "))}</p> })
        }}
    }
}

#[component]
fn Group(place: usize, kind: String, group: Memo<Option<TodayGroup>>) -> impl IntoView {
    let (title, lead, _) = words(&kind);
    let count = Memo::new(move |_| group.with(|group| group.as_ref().map_or(0, |group| group.count)));
    let shown =
        Memo::new(move |_| group.with(|group| group.as_ref().map_or(0, |group| group.rows.len() as u64)));
    let is_whole = RwSignal::new(false);
    let rest = move || count.get().saturating_sub(shown.get());
    let all = group.with_untracked(|group| group.as_ref().and_then(|group| group.query.clone()));
    let name = kind.clone();
    let kind = StoredValue::new(kind);
    view! {
        <section class="panel today-group" id=name.clone() aria-label=title data-test=format!("today-{name}")>
            <header>
                <h2><span class="place">{place + 1}</span>{title}</h2>
                <span class="count figure">{move || format::count(count.get())}</span>
                <span class="muted lead">{lead}</span>
                <span class="spacer"></span>
                {all.map(|query| view! { <a class="show-all" href=format!("/cases?{query}") data-test=format!("today-all-{name}")>"Open as a list"</a> })}
            </header>
            {move || if is_whole.get() {
                view! { <Whole kind=kind.get_value()/> }.into_any()
            } else {
                view! {
                    <ul><For each=move || group.get().map(|group| group.rows).unwrap_or_default() key=key_of let:row><GroupRow kind=kind.get_value() row/></For></ul>
                    {move || (rest() > 0).then(|| view! {
                        <div class="rest"><button type="button" class="button small" data-test=format!("today-rest-{}", kind.get_value()) on:click=move |_| is_whole.set(true)>{format!("Show the other {}", format::count(rest()))}</button></div>
                    })}
                }.into_any()
            }}
        </section>
    }
}

/// All of a group, page by page
#[component]
fn Whole(kind: String) -> impl IntoView {
    let named = kind.clone();
    let list: Paged<TodayRow, ()> = Paged::new(Memo::new(|_| String::new()), 200, move |query| {
        let kind = named.clone();
        async move {
            let TodayRows { rows, next } = api::today_group(&kind, &query).await?;
            Ok(Chunk { rows, next, rest: () })
        }
    })
    .following([use_live().cases]);
    let kind = StoredValue::new(kind);
    view! {
        <PagedList list empty=|| ()>
            <ul><For each=move || list.rows.get().unwrap_or_default() key=key_of let:row><GroupRow kind=kind.get_value() row/></For></ul>
        </PagedList>
    }
}

/// What a row shows: one that is the same stays, and with it the focus.
fn key_of(row: &TodayRow) -> impl Eq + std::hash::Hash + use<> {
    let about = row.action.as_ref().map(|action| (action.id.clone(), action.status.clone()));
    let case = row.case.as_ref().map(|case| {
        let CaseRow { id, current_stage, days_in_stage, next_action_at, owner_name, current_balance, .. } =
            case.clone();
        let tier = case.tier.map(|tier| tier.number());
        (
            id,
            current_stage,
            days_in_stage,
            next_action_at,
            owner_name,
            current_balance,
            tier,
            case.priority_level.clone(),
        )
    });
    (
        row.judgment.id.clone(),
        about,
        row.payment.as_ref().map(|payment| payment.id.clone()),
        row.mend.clone(),
        case,
    )
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
            <span class="case"><a href=address>{row.judgment.case_number.clone()}</a>{case.clone().map(|case| view! { <BlockedMark case/> })}{case.as_ref().map(|case| view! { <PriorityTag level=case.priority_level.clone()/> })}</span>
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
