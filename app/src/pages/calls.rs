//! `/calls`: the call queue, worked by keyboard: who is next, what came of it, when to call again.

use crate::api;
use crate::components::empty::Empty;
use crate::components::filters::{Choice, SearchField};
use crate::components::form::{Field, FormError};
use crate::components::icon::{Icon, IconView};
use crate::components::modal::ConfirmDialog;
use crate::components::more_rows::PagedList;
use crate::components::notice::{Notice, Tone};
use crate::components::page_header::PageHeader;
use crate::components::tier_badge::TierBadge;
use crate::components::time::Time;
use crate::format;
use crate::state::live::use_live;
use crate::state::paged::{Chunk, Paged};
use crate::state::rpc::Rpc;
use crate::state::toasts::use_toasts;
use crate::state::{clock, url};
use contract::{CallPage, CallRow};
use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use serde_json::{Value, json};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

const PARAMETERS: [&str; 4] = ["search", "due", "tier", "outcome"];
/// What came of a call: value, words, key.
const OUTCOMES: [(&str, &str, &str); 5] = [
    ("reached", "Reached", "1"),
    ("left_voicemail", "Voicemail", "2"),
    ("no_answer", "No answer", "3"),
    ("bad_number", "Bad number", "4"),
    ("do_not_call", "Do not call", "5"),
];
const INTERESTS: [(&str, &str, &str); 4] =
    [("hot", "Hot", "h"), ("warm", "Warm", "w"), ("cold", "Cold", "c"), ("none", "None", "n")];
const DUE: [(&str, &str); 4] =
    [("", "All"), ("past_due", "Past due"), ("today", "By tonight"), ("later", "Later")];
/// Remembers, in this browser, that single keys are switched off.
const KEYS_OFF: &str = "dragonfly-calls-keys-off";

/// The counts of the whole queue
#[derive(Clone, Copy, PartialEq)]
struct Counts {
    open: u64,
    past_due: u64,
}

type Calls = Paged<CallRow, Counts>;

#[component]
pub fn CallsPage() -> impl IntoView {
    let query = url::use_query(PARAMETERS);
    let list: Calls = Paged::new(query, 200, |query| async move {
        let CallPage { rows, next, open_count, past_due_count } = api::review::calls(&query).await?;
        Ok(Chunk { rows, next, rest: Counts { open: open_count, past_due: past_due_count } })
    })
    .following([use_live().cases]);
    // What is due becomes past due without anybody doing anything.
    let became_due = Memo::new(move |_| {
        let is_over = |row: &CallRow| {
            !row.is_past_due
                && row.due_at.as_deref().and_then(clock::seconds_until).is_some_and(|seconds| seconds < 0)
        };
        list.rows.with(|rows| rows.iter().flatten().filter(|row| is_over(row)).count())
    });
    Effect::new(move |_| {
        if became_due.get() > 0 {
            list.reload();
        }
    });
    let entry = Entry::new();
    let counts = move || {
        list.rest.with(|counts| {
            counts.map(|counts| view! {
                <strong>{format::counted(counts.open, "call", "calls")}</strong>" open"
                {(counts.past_due > 0).then(|| view! { " · "<strong class="loss">{format::count(counts.past_due)}</strong>" past due" })}
            })
        })
    };
    let is_filtered = move || query.with(|query| !query.is_empty());
    let empty = move || {
        if is_filtered() {
            view! { <Empty title="No call matches" text="No open call fits every filter at once."><a class="button" href="/calls" data-test="clear-empty">"Clear filters"</a></Empty> }.into_any()
        } else {
            view! { <Empty title="Nobody is to be called" text="Calls appear here when a case enters contact validation, when a follow-up is planned, or when somebody adds one on a plaintiff’s page."><a class="button" href="/plaintiffs">"Go to Plaintiffs"</a></Empty> }.into_any()
        }
    };
    view! {
        <div class="page calls-page">
            <PageHeader title="Calls" lead="Who is to be called, what was due first in front. Work it by keyboard: outcome, interest, Enter."/>
            <search class="list-filters" aria-label="Filter calls">
                <SearchField label="Search calls" placeholder="Plaintiff, firm, contact or number"/>
                <div class="segments" role="group" aria-label="Due">
                    {DUE.map(|(value, name)| view! { <Choice name="due" value words=name/> })}
                </div>
                <div class="segments tiers" role="group" aria-label="Tier of the case">
                    {[("", "Any tier"), ("3", "3"), ("2", "2"), ("1", "1"), ("0", "0"), ("none", "No case")].map(|(value, name)| view! { <Choice name="tier" value words=name/> })}
                </div>
                <p class="summary" role="status" data-test="calls-summary" data-open=move || list.rest.with(|counts| counts.map(|counts| counts.open.to_string()))>{counts}</p>
            </search>
            <PagedList list empty stays=Signal::derive(move || entry.is_begun())>
                <Work list entry/>
            </PagedList>
        </div>
    }
}

/// What is entered for the call in hand
#[derive(Clone, Copy)]
struct Entry {
    outcome: RwSignal<Option<&'static str>>,
    interest: RwSignal<Option<&'static str>>,
    notes: RwSignal<String>,
    /// Wall time of the organisation, as `datetime-local` has it; empty for no further call.
    follow_up: RwSignal<String>,
}

impl Entry {
    fn new() -> Self {
        Self {
            outcome: RwSignal::new(None),
            interest: RwSignal::new(None),
            notes: RwSignal::new(String::new()),
            follow_up: RwSignal::new(String::new()),
        }
    }

    fn clear(self) {
        self.outcome.set(None);
        self.interest.set(None);
        self.notes.set(String::new());
        self.follow_up.set(String::new());
    }

    /// Whether something would be lost.
    fn is_begun(self) -> bool {
        self.outcome.with(Option::is_some) || self.notes.with(|notes| !notes.trim().is_empty())
    }
}

/// The queue beside the call in hand
#[component]
fn Work(list: Calls, entry: Entry) -> impl IntoView {
    // The call that was chosen, as long as it is in the queue or something is entered for it; else the first.
    let chosen = RwSignal::new(String::new());
    let current = Memo::new(move |before: Option<&Option<CallRow>>| {
        let chosen = chosen.get();
        let is_begun = entry.is_begun();
        list.rows.with(|rows| {
            let rows = rows.as_deref().unwrap_or_default();
            let in_hand = before.and_then(Option::as_ref).filter(|_| is_begun);
            let is_chosen = |row: &&CallRow| row.task_id == chosen;
            rows.iter().find(is_chosen).or(in_hand.filter(is_chosen)).or(rows.first()).cloned()
        })
    });
    let is_gone = Memo::new(move |_| {
        let in_queue = |row: &CallRow| {
            list.rows.with(|rows| rows.iter().flatten().any(|listed| listed.task_id == row.task_id))
        };
        current.with(|row| row.as_ref().is_some_and(|row| !in_queue(row)))
    });
    let current_id = Memo::new(move |_| current.with(|row| row.as_ref().map(|row| row.task_id.clone())));
    // The call in hand stays in hand, whatever becomes due before it.
    Effect::new(move |_| {
        if let Some(id) = current_id.get()
            && chosen.with_untracked(|chosen| *chosen != id)
        {
            chosen.set(id);
        }
    });
    let step = move |by: isize| {
        let id = current_id.get_untracked();
        let next = list.rows.with_untracked(|rows| {
            let rows = rows.as_deref().unwrap_or_default();
            let at = rows.iter().position(|row| Some(&row.task_id) == id.as_ref())?;
            rows.get(at.checked_add_signed(by)?).map(|row| row.task_id.clone())
        });
        if let Some(next) = next {
            // Where the focus is on a call, it is on the one in hand.
            let focused = document().active_element();
            if focused.is_some_and(|focused| focused.class_name() == "call-row") {
                focus_row(&next);
            } else {
                reveal(&next);
            }
            chosen.set(next);
        }
    };
    // The next one down is next; after the last one, the one before it.
    let on_logged = Callback::new(move |task_id: String| {
        let next = list.rows.with_untracked(|rows| {
            let rows = rows.as_deref().unwrap_or_default();
            let at = rows.iter().position(|row| row.task_id == task_id)?;
            rows.get(at + 1).or_else(|| rows.get(at.checked_sub(1)?)).map(|row| row.task_id.clone())
        });
        // What is typed next belongs to the next call, not to the notes of this one.
        if let Some(next) = &next {
            focus_row(next);
        }
        entry.clear();
        chosen.set(next.unwrap_or_default());
        list.rows.update(|rows| {
            if let Some(rows) = rows {
                rows.retain(|row| row.task_id != task_id);
            }
        });
        list.reload();
    });
    let on_step = Callback::new(step);
    let rows = move || list.rows.get().unwrap_or_default();
    view! {
        <div class="calls-columns">
            <section class="panel call-queue" aria-label="Queue">
                <ol data-test="calls">
                    <For each=rows key=CallRow::clone let:row>
                        <QueueRow row current_id chosen entry/>
                    </For>
                </ol>
            </section>
            {move || current_id.get().and_then(|_| current.get_untracked()).map(|first| {
                let row = Memo::new(move |_| current.get().filter(|row| row.task_id == first.task_id).unwrap_or_else(|| first.clone()));
                view! { <CallCard row is_gone entry on_logged on_step/> }
            })}
        </div>
    }
}

fn row_id(task_id: &str) -> String {
    format!("call-{task_id}")
}

fn focus_row(task_id: &str) {
    let row = document().get_element_by_id(&row_id(task_id));
    if let Some(row) = row.and_then(|row| row.dyn_into::<HtmlElement>().ok()) {
        let _ = row.focus();
    }
}

fn reveal(task_id: &str) {
    if let Some(row) = document().get_element_by_id(&row_id(task_id)) {
        let options = web_sys::ScrollIntoViewOptions::new();
        options.set_block(web_sys::ScrollLogicalPosition::Nearest);
        row.scroll_into_view_with_scroll_into_view_options(&options);
    }
}

#[component]
fn QueueRow(
    row: CallRow,
    current_id: Memo<Option<String>>,
    chosen: RwSignal<String>,
    entry: Entry,
) -> impl IntoView {
    let id = StoredValue::new(row.task_id.clone());
    let is_current = move || current_id.with(|current| id.with_value(|id| current.as_ref() == Some(id)));
    let who = [row.contact_name.clone(), row.firm_name.clone()]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ");
    let due_at = row.due_at.clone();
    let due = move || due_at.as_deref().map_or_else(|| "no time".to_owned(), clock::due);
    let due_full = row.due_at.as_deref().map(clock::full_time);
    // What is typed at a call is of that call, unless something is entered for another.
    let take = move |_| {
        if !entry.is_begun() {
            chosen.set(id.get_value());
        }
    };
    view! {
        <li>
            <button type="button" class="call-row" id=row_id(&row.task_id) data-test="call" data-plaintiff=row.plaintiff_id.clone()
                aria-current=move || is_current().then_some("true") on:focus=take on:click=move |_| chosen.set(id.get_value())>
                <TierBadge tier=row.tier short=true/>
                <span class="names"><span class="name clip">{row.plaintiff_name}</span><span class="who clip muted">{who}</span></span>
                <span class="phone number">{row.phone.unwrap_or_else(|| "no number".to_owned())}</span>
                <span class="last muted clip">{row.last_outcome.map_or_else(|| "not called yet".to_owned(), |outcome| format::words(&outcome))}</span>
                <span class="due number" class:loss=row.is_past_due title=due_full>{due}</span>
            </button>
        </li>
    }
}

/// The call in hand: whom, what is known, and what came of it
#[component]
fn CallCard(
    row: Memo<CallRow>,
    is_gone: Memo<bool>,
    entry: Entry,
    on_logged: Callback<String>,
    on_step: Callback<isize>,
) -> impl IntoView {
    let toasts = use_toasts();
    let log = Rpc::new("log_call_outcome");
    entry.clear();
    let Entry { outcome, interest, notes, follow_up } = entry;
    let is_asking = RwSignal::new(false);
    let notes_field = NodeRef::<html::Textarea>::new();
    let missing = RwSignal::new(false);
    let are_keys_on = RwSignal::new(!are_keys_off());
    let is_terminal = Memo::new(move |_| matches!(outcome.get(), Some("bad_number" | "do_not_call")));
    let is_reached = Memo::new(move |_| outcome.get() == Some("reached"));

    let send = move || {
        let Some(outcome) = outcome.get_untracked() else { return };
        let follow_up_at = Some(follow_up.get_untracked())
            .filter(|wall| !wall.is_empty() && !is_terminal.get_untracked())
            .and_then(|wall| clock::instant_of(&wall));
        let interest = interest.get_untracked().filter(|_| is_reached.get_untracked());
        let notes = Some(notes.get_untracked().trim().to_owned()).filter(|notes| !notes.is_empty());
        let fields = row.with_untracked(|row| json!({
            "plaintiff_id": row.plaintiff_id, "task_id": row.task_id, "outcome": outcome, "interest": interest,
            "notes": notes, "follow_up_at": follow_up_at,
        }));
        let (name, task_id) = row.with_untracked(|row| (row.plaintiff_name.clone(), row.task_id.clone()));
        log.send(fields, move |answer: Value| {
            let words =
                OUTCOMES.iter().find(|(value, ..)| *value == outcome).map_or(outcome, |(_, words, _)| words);
            let then = match answer.get("follow_up_at").and_then(Value::as_str) {
                Some(at) => format!(" Next call {}.", clock::due(at)),
                None => " No further call.".to_owned(),
            };
            toasts.say(format!("{name}: {}.{then}", words.to_lowercase()));
            on_logged.run(task_id);
        });
    };
    let submit = move || match outcome.get_untracked() {
        None => missing.set(true),
        Some("do_not_call") => is_asking.set(true),
        Some(_) => send(),
    };
    let pick = move |days: &Pick| follow_up.set(days.wall());
    let choose = move |value: &'static str| {
        missing.set(false);
        // Whoever was not reached is called again, unless somebody says otherwise.
        let is_unreached = matches!(value, "no_answer" | "left_voicemail");
        if is_unreached
            && outcome.get_untracked() != Some(value)
            && follow_up.with_untracked(String::is_empty)
        {
            pick(&CALL_AGAIN);
        }
        outcome.set(Some(value));
    };

    let keys = window_event_listener(ev::keydown, move |event| {
        if event.alt_key() || document().query_selector("dialog[open]").ok().flatten().is_some() {
            return;
        }
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let tag = target.as_ref().map(Element::tag_name).unwrap_or_default();
        let is_field = matches!(tag.as_str(), "INPUT" | "SELECT" | "TEXTAREA");
        let key = event.key();
        if key == "Enter" {
            // A link or a button takes it for itself, but for the row and what is chosen of the form, where it says: log this one.
            let is_pressed = target.as_ref().is_some_and(|target| {
                target.class_list().contains("option")
                    && target.get_attribute("aria-pressed").as_deref() == Some("true")
            });
            let is_row = target.as_ref().is_some_and(|target| {
                target.class_name() == "call-row"
                    && target.get_attribute("aria-current").as_deref() == Some("true")
            });
            let is_submit = (tag == "TEXTAREA" && (event.ctrl_key() || event.meta_key()))
                || (tag != "TEXTAREA" && !matches!(tag.as_str(), "BUTTON" | "A" | "SELECT" | "SUMMARY"))
                || ((is_row || is_pressed) && outcome.get_untracked().is_some());
            if is_submit
                && !event.repeat()
                && target
                    .as_ref()
                    .is_none_or(|target| target.get_attribute("type").as_deref() != Some("search"))
            {
                event.prevent_default();
                submit();
            }
            return;
        }
        if key == "Escape" && is_field {
            if let Some(field) = target.and_then(|target| target.dyn_into::<HtmlElement>().ok()) {
                let _ = field.blur();
            }
            return;
        }
        if is_field || event.ctrl_key() || event.meta_key() || event.repeat() && !key.starts_with("Arrow") {
            return;
        }
        if !are_keys_on.get_untracked() && !key.starts_with("Arrow") {
            return;
        }
        let key = key.to_ascii_lowercase();
        if let Some((value, ..)) = OUTCOMES.iter().find(|(.., known)| *known == key) {
            choose(value);
        } else if let Some((value, ..)) = INTERESTS.iter().find(|(.., known)| *known == key) {
            if !is_reached.get_untracked() {
                return;
            }
            interest.set(Some(value));
        } else if let Some(days) = PICKS.iter().find(|pick| pick.key == key) {
            if outcome.get_untracked().is_none() || is_terminal.get_untracked() {
                return;
            }
            pick(days);
        } else {
            match key.as_str() {
                "m" => drop(notes_field.get_untracked().map(|field| field.focus())),
                "arrowdown" => on_step.run(1),
                "arrowup" => on_step.run(-1),
                _ => return,
            }
        }
        event.prevent_default();
    });
    on_cleanup(move || keys.remove());

    view! {
        <section class="panel call-card" aria-labelledby="call-title" data-test="call-card" data-task=row.with_untracked(|row| row.task_id.clone())>
            {move || row.with(whom)}
            <div class="content">
                {move || is_gone.get().then(|| view! {
                    <div data-test="call-gone"><Notice tone=Tone::Plain>
                        <p>"This call has left the list: somebody else has dealt with it, or it fits the filter no more. What you entered stays until you drop it or choose another call."</p>
                        <button type="button" class="button small" data-test="drop-entry" on:click=move |_| entry.clear()>"Drop it"</button>
                    </Notice></div>
                })}
                {move || row.with(known)}
                <div class="entry">
                    <fieldset>
                        <legend>"What came of it"</legend>
                        <div class="options">{OUTCOMES.map(|(value, words, key)| view! {
                            <button type="button" class="option" class:danger=value == "do_not_call" data-test=format!("outcome-{value}") aria-pressed=move || (outcome.get() == Some(value)).to_string() on:click=move |_| choose(value)><kbd aria-hidden="true">{key}</kbd>{words}</button>
                        })}</div>
                        {move || missing.get().then(|| view! { <span class="field-error" role="alert" data-test="field-error">"Choose what came of the call."</span> })}
                    </fieldset>
                    {move || is_reached.get().then(|| view! {
                        <fieldset data-test="interest">
                            <legend>"Interest"</legend>
                            <div class="options">{INTERESTS.map(|(value, words, key)| view! {
                                <button type="button" class="option" data-test=format!("interest-{value}") aria-pressed=move || (interest.get() == Some(value)).to_string() on:click=move |_| interest.set(Some(value))><kbd aria-hidden="true">{key.to_uppercase()}</kbd>{words}</button>
                            })}</div>
                        </fieldset>
                    })}
                    {move || (outcome.get().is_some() && !is_terminal.get()).then(|| view! {
                        <fieldset data-test="follow-up">
                            <legend>"Call again"</legend>
                            <div class="options">
                                {PICKS.iter().map(|choice| {
                                    let wall = choice.wall();
                                    let shown = if wall.is_empty() { choice.words.to_owned() } else { format!("{} {}", choice.words, short_wall(&wall)) };
                                    let is_chosen = { let wall = wall.clone(); move || follow_up.with(|chosen| *chosen == wall).to_string() };
                                    view! { <button type="button" class="option" data-test=format!("pick-{}", choice.key) aria-pressed=is_chosen on:click=move |_| pick(choice)><kbd aria-hidden="true">{choice.key.to_uppercase()}</kbd>{shown}</button> }
                                }).collect_view()}
                                <input class="input" type="datetime-local" aria-label="Call again at" data-test="follow-up-at" prop:value=move || follow_up.get() on:input:target=move |event| follow_up.set(event.target().value())/>
                            </div>
                            {move || log.error_at("follow_up_at").get().map(|error| view! { <span class="field-error" role="alert">{error}</span> })}
                        </fieldset>
                    })}
                    {move || is_terminal.get().then(|| view! { <p class="muted small" data-test="terminal">{if outcome.get() == Some("do_not_call") { "Ends every open call to this plaintiff; none is planned again." } else { "No call is planned until there is another number." }}</p> })}
                    <Field id="call-notes" label="Notes" error=log.error_at("notes")>
                        <textarea node_ref=notes_field id="call-notes" class="input" rows="3" maxlength="4000" data-test="notes" prop:value=move || notes.get() on:input:target=move |event| notes.set(event.target().value())></textarea>
                    </Field>
                    <FormError error=log.error_beside(["follow_up_at", "notes"])/>
                    <div class="buttons">
                        <button type="button" class="button primary" data-test="log-call" disabled=move || log.is_busy.get() on:click=move |_| submit()><IconView icon=Icon::Check/>"Log call"</button>
                        <span class="keys muted" aria-hidden="true"><kbd>"Enter"</kbd>" log · "<kbd>"↑"</kbd><kbd>"↓"</kbd>" select · "<kbd>"M"</kbd>" notes · "<kbd>"Ctrl Enter"</kbd>" log from the notes"</span>
                        <button type="button" class="button small quiet keys-switch" data-test="keys" aria-pressed=move || are_keys_on.get().to_string() on:click=move |_| turn_keys(are_keys_on)>{move || if are_keys_on.get() { "Keys on" } else { "Keys off" }}</button>
                    </div>
                </div>
            </div>
            <ConfirmDialog
                is_open=is_asking
                title=Signal::derive(move || row.with(|row| format!("Never call {} again?", row.plaintiff_name)))
                text="Every open call to this plaintiff is cancelled and none is planned. The status becomes “do not call”."
                confirm="Do not call again"
                on_confirm=move |()| send()
            />
        </section>
    }
}

fn whom(row: &CallRow) -> AnyView {
    view! { <header><h2 id="call-title"><a href=format!("/plaintiffs/{}", row.plaintiff_id)>{row.plaintiff_name.clone()}</a></h2><span class="spacer"></span><TierBadge tier=row.tier/></header> }
        .into_any()
}

fn known(row: &CallRow) -> AnyView {
    let who = [row.contact_name.clone(), row.firm_name.clone()].into_iter().flatten().collect::<Vec<_>>();
    view! {
        <div class="reach">
            {match row.phone.clone() {
                Some(phone) => view! { <a class="figure" href=format!("tel:{}", phone.replace(' ', "")) data-test="phone">{phone.clone()}</a> }.into_any(),
                None => view! { <a class="figure missing" href=format!("/plaintiffs/{}", row.plaintiff_id)>"No number"</a> }.into_any(),
            }}
            <span class="muted">{who.join(", ")}</span>
        </div>
        <dl class="facts">
            <dt>"To do"</dt><dd>{row.title.clone()}{row.note.clone().map(|note| format!(": {note}"))}</dd>
            <dt>"Case"</dt><dd>{match (row.case_id.clone(), row.case_number.clone()) {
                (Some(id), Some(number)) => view! { <a class="case" href=format!("/cases/{id}")>{number}</a> }.into_any(),
                _ => view! { <span class="muted">"none"</span> }.into_any(),
            }}</dd>
            <dt>"Status"</dt><dd>{format::words(&row.plaintiff_status)}</dd>
            <dt>"Last call"</dt><dd>{match (row.last_outcome.clone(), row.last_called_at.clone()) {
                (Some(outcome), Some(at)) => view! { {format::words(&outcome)}", "<Time at/> }.into_any(),
                _ => view! { <span class="muted">"never"</span> }.into_any(),
            }}</dd>
        </dl>
    }
    .into_any()
}

fn are_keys_off() -> bool {
    window()
        .local_storage()
        .ok()
        .flatten()
        .and_then(|storage| storage.get_item(KEYS_OFF).ok().flatten())
        .is_some()
}

/// Single keys can be in the way of those who speak to their computer.
fn turn_keys(are_keys_on: RwSignal<bool>) {
    let are_on = !are_keys_on.get_untracked();
    are_keys_on.set(are_on);
    // Where nothing can be stored, it holds until the page is left.
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = if are_on { storage.remove_item(KEYS_OFF) } else { storage.set_item(KEYS_OFF, "1") };
    }
}

/// A sensible time for the next call
struct Pick {
    key: &'static str,
    words: &'static str,
    when: When,
}

#[derive(Clone, Copy)]
enum When {
    Never,
    InDays(i32),
    NextMonday,
}

const CALL_AGAIN: Pick = Pick { key: "d", words: "In 3 days", when: When::InDays(3) };

const PICKS: [Pick; 4] = [
    Pick { key: "t", words: "Tomorrow", when: When::InDays(1) },
    CALL_AGAIN,
    Pick { key: "k", words: "Next week", when: When::NextMonday },
    Pick { key: "0", words: "No further call", when: When::Never },
];

impl Pick {
    /// Nine in the morning by the organisation's clock; empty for never.
    fn wall(&self) -> String {
        let today = clock::today();
        let day = match self.when {
            When::Never => return String::new(),
            When::InDays(days) => clock::days_after(&today, days),
            // On a Sunday that is the Monday after tomorrow's.
            When::NextMonday => match 7 - clock::weekday(&today) as i32 {
                1 => clock::days_after(&today, 8),
                days => clock::days_after(&today, days),
            },
        };
        format!("{day}T09:00")
    }
}

/// `Mon 9:00` of a wall time
fn short_wall(wall: &str) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let (day, time) = wall.split_once('T').unwrap_or((wall, ""));
    let name = DAYS.get(clock::weekday(day) as usize).copied().unwrap_or_default();
    format!("{name} {}", time.trim_start_matches('0'))
}
