//! What happened to a case, newest first: who did it, through which function, and what it changed.

use crate::api::{self, ApiError};
use crate::components::empty::Empty;
use crate::components::loaded::{LoadFailed, RowsSkeleton};
use crate::components::time::Time;
use crate::format;
use crate::state::live::use_live;
use crate::state::{clock, url};
use contract::{CaseFacets, TimelineItem, TimelinePage};
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_json::Value;

const SOURCES: [(&str, &str); 5] =
    [("", "All"), ("event", "Events"), ("history", "Changes"), ("task", "Tasks"), ("action", "Actions")];
const PAGE_ROWS: usize = 50;

/// What of the timeline has arrived
#[derive(Clone, Copy)]
pub struct Timeline {
    case_id: StoredValue<String>,
    source: Memo<String>,
    rows: RwSignal<Option<Vec<TimelineItem>>>,
    next_cursor: RwSignal<Option<String>>,
    error: RwSignal<Option<ApiError>>,
    turn: StoredValue<u32>,
}

impl Timeline {
    pub fn new(case_id: String) -> Self {
        let live = use_live();
        let timeline = Self {
            case_id: StoredValue::new(case_id),
            source: url::parameter("show"),
            rows: RwSignal::new(None),
            next_cursor: RwSignal::new(None),
            error: RwSignal::new(None),
            turn: StoredValue::new(0),
        };
        Effect::new(move |previous: Option<(String, u32)>| {
            let now = (timeline.source.get(), live.cases.get());
            if previous.is_some_and(|previous| previous.0 != now.0) {
                timeline.rows.set(None);
            }
            timeline.reload();
            now
        });
        timeline
    }

    /// Fetches as many as are shown anew.
    pub fn reload(self) {
        let shown = self.rows.with_untracked(|rows| rows.as_ref().map_or(0, Vec::len));
        self.fetch(shown.clamp(PAGE_ROWS, 500), None);
    }

    fn more(self) {
        self.fetch(PAGE_ROWS, self.next_cursor.get_untracked());
    }

    fn fetch(self, limit: usize, cursor: Option<String>) {
        let turn = self.turn.get_value().wrapping_add(1);
        self.turn.set_value(turn);
        let source = self.source.get_untracked();
        let is_more = cursor.is_some();
        let limit = limit.to_string();
        let query = url::query_string([
            ("source", source.as_str()),
            ("limit", limit.as_str()),
            ("cursor", cursor.as_deref().unwrap_or_default()),
        ]);
        spawn_local(async move {
            let answer = api::case_timeline(&self.case_id.get_value(), &query).await;
            if self.turn.try_get_value() != Some(turn) {
                return;
            }
            match answer {
                Ok(TimelinePage { rows, next_cursor }) => {
                    self.error.set(None);
                    self.next_cursor.set(next_cursor);
                    self.rows.update(|shown| match shown {
                        Some(shown) if is_more => shown.extend(rows),
                        _ => *shown = Some(rows),
                    });
                }
                Err(error) => self.error.set(Some(error)),
            }
        });
    }
}

#[component]
pub fn TimelineView(timeline: Timeline, facets: RwSignal<Option<CaseFacets>>) -> impl IntoView {
    let set = StoredValue::new(url::use_set_parameters());
    let entries = Memo::new(move |_| timeline.rows.with(|rows| rows.as_deref().map(folded)));
    let is_first = Memo::new(move |_| entries.with(Option::is_none));
    let is_empty = Memo::new(move |_| entries.with(|entries| entries.as_ref().is_some_and(Vec::is_empty)));
    let has_more = Memo::new(move |_| timeline.next_cursor.with(Option::is_some));
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
                            aria-pressed=move || timeline.source.with(|now| now == source).to_string()
                            on:click=move |_| set.with_value(|set| set(&[("show", source)]))
                        >{name}</button>
                    }).collect_view()}
                </div>
            </header>
            {move || timeline.error.get().map(|error| view! { <LoadFailed error on_retry=move |()| timeline.reload()/> })}
            {move || match (is_first.get(), is_empty.get()) {
                (true, _) => timeline.error.with(Option::is_none).then(|| view! { <div class="content" aria-busy="true"><RowsSkeleton rows=6/></div> }).into_any(),
                (_, true) => view! { <Empty title="Nothing here yet" text="Events, changes, tasks and actions of the case appear here as they happen."/> }.into_any(),
                _ => view! {
                    <ol>
                        <For each=move || entries.get().unwrap_or_default() key=|entry| (entry.item.id.clone(), entry.item.payload.to_string(), entry.deltas.len()) let:entry>
                            <Entry entry facets/>
                        </For>
                    </ol>
                }.into_any(),
            }}
            {move || has_more.get().then(|| view! { <div class="more"><button class="button small" data-test="timeline-more" on:click=move |_| timeline.more()>"Show older"</button></div> })}
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
const SAID_OTHERWISE: [&str; 5] =
    ["event", "override_note", "override_set_at", "blocked_since", "effective_tier_reason"];

/// A change that an event made in the same call is shown with the event, not beside it.
fn folded(rows: &[TimelineItem]) -> Vec<Folded> {
    let is_one_call = |event: &TimelineItem, change: &TimelineItem| {
        event.source == "event"
            && change.source == "history"
            && event.recorded_at == change.recorded_at
            && event.rpc == change.rpc
            && event.actor == change.actor
    };
    rows.iter()
        .filter(|row| !rows.iter().any(|event| is_one_call(event, row)))
        .map(|item| {
            let change = rows.iter().find(|change| is_one_call(item, change));
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
                <p class="who">{by}{recorded}{item.document_path.is_some().then(|| view! { <span class="tag">"Document"</span> })}</p>
            </div>
        </li>
    }
}

fn title(item: &TimelineItem) -> String {
    let kind = format::words(&item.kind);
    match item.source.as_str() {
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
            Some(due.map_or(status.clone(), |due| format!("{status}, due {}", clock::date(&due))))
        }
        ("action", _) => text(payload, "status").map(|status| format::words(&status).to_lowercase()),
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
