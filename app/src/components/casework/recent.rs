//! Recent events, beside a page: what happened to any case, newest first, as it happens.

use crate::api;
use crate::components::empty::Empty;
use crate::components::icon::{Icon, IconView};
use crate::components::loaded::{Loaded, RowsSkeleton};
use crate::components::tier_badge::TierBadge;
use crate::components::time::Time;
use crate::format;
use crate::state::live::use_live;
use crate::state::remote::Remote;
use crate::state::url;
use contract::{RecentEvent, RecentEvents};
use leptos::prelude::*;

/// The name of the parameter that opens the panel.
const PARAMETER: &str = "events";
const PAGE_ROWS: usize = 40;

/// Opens and closes the panel
#[component]
pub fn RecentToggle() -> impl IntoView {
    let is_open = url::parameter(PARAMETER);
    let set = url::use_set_parameters();
    view! {
        <button
            class="button"
            data-test="recent-toggle"
            aria-expanded=move || (!is_open.with(String::is_empty)).to_string()
            on:click=move |_| set(&[(PARAMETER, if is_open.with_untracked(String::is_empty) { "on" } else { "" })])
        >
            <IconView icon=Icon::Pulse/>"Recent events"
        </button>
    }
}

#[component]
pub fn RecentPanel() -> impl IntoView {
    let is_open = url::parameter(PARAMETER);
    let is_open = Memo::new(move |_| !is_open.with(String::is_empty));
    move || is_open.get().then(|| view! { <Panel/> })
}

#[component]
fn Panel() -> impl IntoView {
    let live = use_live();
    let limit = RwSignal::new(PAGE_ROWS);
    let events = Remote::new(move || {
        live.cases.track();
        let limit = limit.get();
        async move { api::recent_events(&format!("limit={limit}")).await }
    });
    let set = url::use_set_parameters();
    view! {
        <aside class="panel recent-panel" aria-label="Recent events" data-test="recent-panel">
            <header>
                <h2>"Recent events"</h2>
                <span class="spacer"></span>
                <button class="button quiet small icon-only" aria-label="Close recent events" data-test="recent-close" on:click=move |_| set(&[(PARAMETER, "")])><IconView icon=Icon::Close/></button>
            </header>
            <div class="scroll" tabindex="0" role="group" aria-label="Events">
                <Loaded remote=events skeleton=|| view! { <RowsSkeleton rows=8/> } let:events>
                    <Events events limit/>
                </Loaded>
            </div>
        </aside>
    }
}

#[component]
fn Events(events: Signal<RecentEvents>, limit: RwSignal<usize>) -> impl IntoView {
    let is_empty = Memo::new(move |_| events.with(|events| events.rows.is_empty()));
    // The server gives 200 at most; who wants more looks at a case.
    let has_more =
        Memo::new(move |_| events.with(|events| events.next_cursor.is_some()) && limit.get() < 200);
    move || {
        if is_empty.get() {
            return view! { <Empty title="No events yet" text="What is done to any case appears here as it happens."/> }.into_any();
        }
        view! {
            <ol>
                <For each=move || events.with(|events| events.rows.clone()) key=|event| (event.event_no, event.current_stage.clone()) let:event>
                    <EventItem event/>
                </For>
            </ol>
            {move || has_more.get().then(|| view! { <div class="more"><button class="button small" on:click=move |_| limit.update(|limit| *limit = (*limit + PAGE_ROWS).min(200))>"Show older"</button></div> })}
        }
        .into_any()
    }
}

#[component]
fn EventItem(event: RecentEvent) -> impl IntoView {
    let address = match &event.case_id {
        Some(id) => format!("/cases/{id}"),
        None => format!("/judgments/{}", event.judgment_id),
    };
    let amount = event
        .payload
        .get("amount")
        .and_then(|amount| amount.as_str())
        .filter(|_| event.event_kind == "payment_received")
        .map(format::money);
    view! {
        <li data-test="recent-event" data-kind=event.event_kind.clone()>
            <p class="title"><strong>{format::words(&event.event_kind)}</strong>{amount.map(|amount| view! { " "<span class="figure">{amount}</span> })}</p>
            <p class="case-line">
                {event.case_id.is_some().then(|| view! { <TierBadge tier=event.tier short=true/> })}
                <a href=address>{event.case_number.unwrap_or_else(|| "Judgment".to_owned())}</a>
                <span class="muted clip">{match event.current_stage { Some(stage) => format::words(&stage), None => "no case yet".to_owned() }}</span>
            </p>
            {event.note.map(|note| view! { <p class="note">{note}</p> })}
            <p class="who muted">{event.actor}" · "<Time at=event.occurred_at/></p>
        </li>
    }
}
