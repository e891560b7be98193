//! Recent events, beside a page: what happened to any case, newest first, as it happens.

use crate::api;
use crate::components::empty::Empty;
use crate::components::icon::{Icon, IconView};
use crate::components::more_rows::PagedList;
use crate::components::tier_badge::TierBadge;
use crate::components::time::Time;
use crate::format;
use crate::state::live::use_live;
use crate::state::paged::{Chunk, Paged};
use crate::state::remote::Remote;
use crate::state::url;
use contract::{RecentEvent, RecentEvents};
use leptos::prelude::*;

/// The name of the parameter that opens the panel.
const PARAMETER: &str = "events";
/// The name of the one that says which events are shown.
const KIND: &str = "event_kind";

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
            on:click=move |_| set(&[(PARAMETER, if is_open.with_untracked(String::is_empty) { "on" } else { "" }), (KIND, "")])
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
    let kind = url::parameter(KIND);
    let query = Memo::new(move |_| kind.with(|kind| url::query_string([("kind", kind.as_str())])));
    let list: Paged<RecentEvent, ()> = Paged::by("cursor", query, 200, |query| async move {
        let RecentEvents { rows, next_cursor } = api::recent_events(&query).await?;
        Ok(Chunk { rows, next: next_cursor, rest: () })
    })
    .following([use_live().cases]);
    let facets = Remote::new(api::case_facets);
    let set = StoredValue::new(url::use_set_parameters());
    let kinds = move || {
        let known = facets.value.with(|facets| facets.as_ref().map(|facets| facets.event_kinds.clone()));
        let chosen = kind.get_untracked();
        known
            .into_iter()
            .flatten()
            .map(|known| {
                let words = format::words(&known.kind);
                view! { <option value=known.kind.clone() selected=known.kind == chosen>{words}</option> }
            })
            .collect_view()
    };
    view! {
        <aside class="panel recent-panel" aria-label="Recent events" data-test="recent-panel">
            <header>
                <h2>"Recent events"</h2>
                <span class="spacer"></span>
                <button class="button quiet small icon-only" aria-label="Close recent events" data-test="recent-close" on:click=move |_| set.with_value(|set| set(&[(PARAMETER, ""), (KIND, "")]))><IconView icon=Icon::Close/></button>
            </header>
            <div class="kinds">
                <select class="input" aria-label="Kind of event" data-test="recent-kind" prop:value=move || { facets.value.track(); kind.get() } on:change:target=move |event| set.with_value(|set| set(&[(KIND, &event.target().value())]))>
                    <option value="">"All kinds"</option>
                    {kinds}
                </select>
            </div>
            <div class="scroll" tabindex="0" role="group" aria-label="Events">
                <PagedList list empty=move || if kind.with(String::is_empty) {
                    view! { <Empty title="No events yet" text="What is done to any case appears here as it happens."/> }.into_any()
                } else {
                    view! { <Empty title="No such event" text="Nothing of this kind has happened yet."/> }.into_any()
                }>
                    <ol>
                        <For each=move || list.rows.get().unwrap_or_default() key=|event| (event.event_no, event.current_stage.clone()) let:event>
                            <EventItem event/>
                        </For>
                    </ol>
                </PagedList>
            </div>
        </aside>
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
