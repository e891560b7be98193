//! What happened to a case, newest first: who did it, through which function, and what it changed.

use crate::api;
use crate::components::empty::Empty;
use crate::components::icon::{Icon, IconView};
use crate::components::loaded::{LoadFailed, RowsSkeleton};
use crate::components::time::Time;
use crate::format;
use crate::state::live::use_live;
use crate::state::paged::{Chunk, Paged};
use crate::state::{clock, url};
use contract::{CaseFacets, DocumentRef, TimelineItem, TimelinePage};
use leptos::prelude::*;
use serde_json::Value;

const SOURCES: [(&str, &str); 6] = [
    ("", "All"),
    ("event", "Events"),
    ("history", "Changes"),
    ("task", "Tasks"),
    ("action", "Actions"),
    ("document", "Documents"),
];

/// What of the timeline has arrived
#[derive(Clone, Copy)]
pub struct Timeline {
    source: Memo<String>,
    list: Paged<TimelineItem, ()>,
}

impl Timeline {
    pub fn new(case_id: String) -> Self {
        let source = url::parameter("show");
        let query =
            Memo::new(move |_| source.with(|source| url::query_string([("source", source.as_str())])));
        let list = Paged::by("cursor", query, 500, move |query| {
            let case_id = case_id.clone();
            async move {
                let TimelinePage { rows, next_cursor } = api::case_timeline(&case_id, &query).await?;
                Ok(Chunk { rows, next: next_cursor, rest: () })
            }
        });
        Self { source, list: list.following([use_live().cases]) }
    }

    /// Fetches as many as are shown anew.
    pub fn reload(self) {
        self.list.reload();
    }
}

#[component]
pub fn TimelineView(timeline: Timeline, facets: RwSignal<Option<CaseFacets>>) -> impl IntoView {
    let set = StoredValue::new(url::use_set_parameters());
    let Timeline { source: shown_source, list } = timeline;
    let entries = Memo::new(move |_| list.rows.with(|rows| rows.as_deref().map(folded)));
    let is_first = Memo::new(move |_| entries.with(Option::is_none));
    let is_empty = Memo::new(move |_| entries.with(|entries| entries.as_ref().is_some_and(Vec::is_empty)));
    view! {
        <section class="panel timeline" aria-labelledby="timeline-title" data-test="timeline">
            <header>
                <h2 id="timeline-title">"Timeline"</h2>
                <span class="spacer"></span>
                <div class="segments" role="group" aria-label="What to show">
                    {SOURCES.map(|(source, name)| view! {
                        <button
                            type="button"
                            data-test=format!("timeline-{}", if source.is_empty() { "all" } else { source })
                            aria-pressed=move || shown_source.with(|now| now == source).to_string()
                            on:click=move |_| set.with_value(|set| set(&[("show", source)]))
                        >{name}</button>
                    }).collect_view()}
                </div>
            </header>
            {move || list.error.get().map(|error| view! { <LoadFailed error on_retry=move |()| list.reload()/> })}
            {move || match (is_first.get(), is_empty.get()) {
                (true, _) => list.error.with(Option::is_none).then(|| view! { <div class="content" aria-busy="true"><RowsSkeleton rows=6/></div> }).into_any(),
                (_, true) => view! { <Empty title="Nothing here yet" text="Events, changes, tasks, actions and documents of the case appear here as they happen."/> }.into_any(),
                _ => view! {
                    <ol class="paged" aria-busy=move || list.is_stale().to_string()>
                        <For each=move || entries.get().unwrap_or_default() key=|entry| (entry.item.id.clone(), entry.item.payload.to_string(), entry.deltas.len()) let:entry>
                            <Entry entry facets/>
                        </For>
                    </ol>
                }.into_any(),
            }}
            {move || list.has_more().then(|| view! { <div class="more"><button class="button small" data-test="timeline-more" disabled=move || list.is_growing() on:click=move |_| list.more()>"Show older"</button></div> })}
        </section>
    }
}

/// An item, with what its change changed
#[derive(Clone, PartialEq)]
struct Folded {
    item: TimelineItem,
    deltas: Vec<(String, Value, Value)>,
}

/// What the item's title, note or time say already.
const SAID_OTHERWISE: [&str; 7] = [
    "event",
    "override_note",
    "override_set_at",
    "blocked_since",
    "effective_tier_reason",
    "document",
    "file_name",
];

/// A change that an event or an upload made in the same call is shown with it, not beside it; a document that came with
/// an event likewise.
fn folded(rows: &[TimelineItem]) -> Vec<Folded> {
    let is_one_call = |event: &TimelineItem, change: &TimelineItem| {
        let is_same = event.recorded_at == change.recorded_at && event.actor == change.actor;
        match (event.source.as_str(), change.source.as_str()) {
            ("event", "history") => is_same && event.rpc == change.rpc,
            ("document", "history") => is_same && change.kind == "document_added",
            ("event", "document") => is_same && event.document_path == change.document_path,
            _ => false,
        }
    };
    rows.iter()
        .filter(|row| !rows.iter().any(|event| is_one_call(event, row)))
        .map(|item| {
            let change = rows.iter().find(|change| change.source == "history" && is_one_call(item, change));
            let delta = change.map_or(&item.delta, |change| &change.delta);
            let deltas = delta.as_object().map(|delta| {
                delta.iter().filter_map(|(field, pair)| match pair.as_array().map(Vec::as_slice) {
                    Some([before, after]) if !SAID_OTHERWISE.contains(&field.as_str()) => {
                        Some((field.clone(), before.clone(), after.clone()))
                    }
                    _ => None,
                })
            });
            Folded { item: item.clone(), deltas: deltas.into_iter().flatten().collect() }
        })
        .collect()
}

#[component]
fn Entry(entry: Folded, facets: RwSignal<Option<CaseFacets>>) -> impl IntoView {
    let Folded { item, deltas } = entry;
    let by = match &item.rpc {
        Some(rpc) => {
            view! { <span class="by">{item.actor.clone()}" · "<code>{rpc.clone()}</code></span> }.into_any()
        }
        None => view! { <span class="by">{item.actor.clone()}</span> }.into_any(),
    };
    // Written down a minute or more after it happened.
    let is_late =
        clock::millis_between(&item.occurred_at, &item.recorded_at).is_some_and(|late| late > 60_000);
    let recorded = is_late.then(|| {
        let at = item.recorded_at.clone();
        view! { <span class="muted">" · written down "<Time at/></span> }
    });
    view! {
        <li data-source=item.source.clone() data-kind=item.kind.clone() data-test="timeline-item">
            <span class="when"><Time at=item.occurred_at.clone()/></span>
            <div class="what">
                <p class="title">{title(&item)}{details(&item).map(|words| view! { <span class="muted">" · "{words}</span> })}</p>
                {item.note.clone().map(|note| view! { <p class="note">{note}</p> })}
                {(!deltas.is_empty()).then(|| view! {
                    <ul class="deltas">
                        {deltas.into_iter().map(|(field, before, after)| {
                            let name = format::words(field.trim_end_matches("_at").trim_end_matches("_id"));
                            // Who owns it is known by an id, until the names have arrived.
                            let words = move |value: &Value| facets.with(|facets| shown(&field, value, facets.as_ref()));
                            let later = words.clone();
                            view! {
                                <li><span class="muted">{name}</span>" "<span class="before">{move || words(&before)}</span><span aria-label="to">" → "</span><strong>{move || later(&after)}</strong></li>
                            }
                        }).collect_view()}
                    </ul>
                })}
                <p class="who">{by}{recorded}{paper(&item)}</p>
            </div>
        </li>
    }
}

/// The paper that an item names, to be had where it is kept here
fn paper(item: &TimelineItem) -> Option<AnyView> {
    let path = item.document_path.as_ref()?;
    Some(match &item.document {
        Some(document) => view! { <DocumentLink document=document.clone()/> }.into_any(),
        None => view! { <span class="tag" title=path.clone()>"Document kept elsewhere"</span> }.into_any(),
    })
}

/// A document by its name, as a download where its file is kept here
#[component]
pub fn DocumentLink(document: DocumentRef) -> impl IntoView {
    let DocumentRef { id, name, has_file } = document;
    match has_file {
        true => {
            let saved_as = name.clone();
            view! { <a class="document-link clip" data-test="document-link" href=format!("/api/documents/{id}") download=saved_as rel="external"><IconView icon=Icon::Download/>{name}</a> }.into_any()
        }
        false => {
            view! { <span class="tag document-link clip" title="Its file is kept elsewhere">{name}</span> }
                .into_any()
        }
    }
}

fn title(item: &TimelineItem) -> String {
    let kind = format::words(&item.kind);
    match item.source.as_str() {
        "document" => format!("Document: {}", kind.to_lowercase()),
        "task" => format!("Task: {}", text(&item.payload, "title").unwrap_or(kind)),
        "action" => format!("Action: {}", kind.to_lowercase()),
        _ => kind,
    }
}

/// What of the payload says more than the title.
fn details(item: &TimelineItem) -> Option<String> {
    let payload = &item.payload;
    match (item.source.as_str(), item.kind.as_str()) {
        ("task", _) => {
            let status = text(payload, "status").map(|status| format::words(&status).to_lowercase())?;
            let due = text(payload, "due_at").filter(|_| status == "open");
            let ended = text(payload, "closed_by").zip(text(payload, "closed_at"));
            Some(match (due, ended) {
                (Some(due), _) => format!("{status}, due {}", clock::date(&due)),
                (_, Some((who, at))) => format!("{status} by {who}, {}", clock::date(&at)),
                _ => status,
            })
        }
        ("action", _) => {
            let status = text(payload, "status").map(|status| format::words(&status).to_lowercase())?;
            Some(match text(payload, "updated_by").filter(|who| *who != item.actor) {
                Some(who) => format!("{status} by {who}"),
                None => status,
            })
        }
        ("document", _) => {
            let size = payload.get("size_bytes").and_then(Value::as_u64)?;
            Some(format!("{} KB", format::count(size.div_ceil(1024))))
        }
        (_, "payment_received") => {
            let amount = text(payload, "amount").map(|amount| format::money(&amount))?;
            Some(match text(payload, "source") {
                Some(source) => format!("{amount} from {source}"),
                None => amount,
            })
        }
        (_, "case_stage_changed") => {
            let (from, to) = (text(payload, "from")?, text(payload, "to")?);
            Some(format!("{} → {}", format::words(&from), format::words(&to)))
        }
        (_, "blocked") => text(payload, "eta").map(|eta| format!("until {}", day(&eta))),
        _ => {
            let action = text(payload, "action_type")?;
            let status = text(payload, "status")?;
            Some(format!("{} {}", format::words(&action), format::words(&status).to_lowercase()))
        }
    }
}

fn text(value: &Value, field: &str) -> Option<String> {
    value.get(field)?.as_str().map(str::to_owned)
}

/// The day of a time, or a day by itself, which no zone moves.
fn day(at: &str) -> String {
    if at.len() == 10 { clock::day(at) } else { clock::date(at) }
}

/// A value of a case as people read it.
fn shown(field: &str, value: &Value, facets: Option<&CaseFacets>) -> String {
    match value {
        Value::Null if field == "owner_id" => "Nobody".to_owned(),
        Value::Null => "–".to_owned(),
        Value::String(id) if field == "owner_id" => facets
            .and_then(|facets| facets.owners.iter().find(|owner| owner.user_id == *id))
            .map_or_else(|| "Somebody".to_owned(), |owner| owner.display_name.clone()),
        Value::String(text) if field.ends_with("balance") || field == "payment" => format::money(text),
        Value::String(text)
            if field.ends_with("_at") || field.ends_with("_since") || field.ends_with("_until") =>
        {
            day(text)
        }
        Value::String(text) if field.contains("tier") => text.replace("tier", "Tier "),
        Value::String(text) => format::words(text),
        other => other.to_string(),
    }
}
