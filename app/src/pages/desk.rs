//! `/desk`: an agent at work: what they are doing, the leads in hand, and what to do with each.

use crate::api;
use crate::components::empty::Empty;
use crate::components::icon::{Icon, IconView};
use crate::components::loaded::{LoadFailed, RowsSkeleton};
use crate::components::modal::ConfirmDialog;
use crate::components::notice::{Notice, Tone};
use crate::components::page_header::PageHeader;
use crate::components::rank::RankBadge;
use crate::format;
use crate::state::clock;
use crate::state::desk::{Desk, Line, use_desk, visitor};
use crate::state::session::use_session;
use crate::state::toasts::use_toasts;
use contract::{AgentDesk, AgentLead, AgentPool, Role, SaveAgent, problem};
use leptos::ev;
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use policy::routing::AgentStatus;
use std::time::Duration;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// Slots that are drawn one by one; more are drawn as a bar.
const PIPS_MAX: u32 = 20;
/// Remembers, in this browser, that single keys are switched off.
const KEYS_OFF: &str = "dragonfly-desk-keys-off";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Waiting,
    NoAgent,
    Failed,
    Shown,
}

#[component]
pub fn DeskPage() -> impl IntoView {
    let desk = use_desk();
    desk.open();
    let look = Memo::new(move |_| {
        let has_no_agent = desk
            .trouble
            .with(|trouble| trouble.as_ref().is_some_and(|trouble| trouble.code() == problem::NOT_FOUND));
        match (desk.shown.with(Option::is_some), desk.trouble.with(Option::is_some)) {
            (true, _) => Look::Shown,
            (false, true) if has_no_agent => Look::NoAgent,
            (false, true) => Look::Failed,
            (false, false) => Look::Waiting,
        }
    });
    // Times count by the second, since people wait.
    let now = RwSignal::new(js_sys::Date::now());
    if let Ok(timer) = set_interval_with_handle(move || now.set(js_sys::Date::now()), Duration::from_secs(1))
    {
        on_cleanup(move || timer.clear());
    }
    view! {
        <div class="page desk-page">
            <PageHeader title="Desk" lead="Leads come to you here while you are idle: accept one, speak, end it.">
                {move || (look.get() == Look::Shown).then(|| view! { <StatusControl desk/> })}
            </PageHeader>
            <p class="visually-hidden" role="alert" data-test="news">{move || desk.news.get()}</p>
            {move || match look.get() {
                Look::Waiting => view! { <RowsSkeleton rows=8/> }.into_any(),
                Look::NoAgent => view! { <NoAgent desk/> }.into_any(),
                Look::Failed => view! { <Failed desk/> }.into_any(),
                Look::Shown => view! { <Instrument desk now/> }.into_any(),
            }}
        </div>
    }
}

#[component]
fn Failed(desk: Desk) -> impl IntoView {
    move || desk.trouble.get().map(|error| view! { <LoadFailed error on_retry=move |()| desk.connect()/> })
}

/// What somebody without an agent profile can do about it
#[component]
fn NoAgent(desk: Desk) -> impl IntoView {
    let session = use_session();
    let toasts = use_toasts();
    let is_busy = RwSignal::new(false);
    let become_agent = move |_| {
        let Some(me) = session.current().get_untracked() else { return };
        is_busy.set(true);
        spawn_local(async move {
            let agent = SaveAgent { display_name: me.display_name, user_id: Some(me.user_id), capacity: 5 };
            match api::create_agent(agent).await {
                Ok(_) => desk.connect(),
                Err(error) => toasts.fail(&error),
            }
            is_busy.set(false);
        });
    };
    view! {
        <div class="panel" data-test="no-agent">
            {move || if session.may(Role::Admin) {
                view! {
                    <Empty title="You are no agent yet" text="Leads go to agents. Make yourself one, then add yourself to a pool: leads that come to the pool appear here.">
                        <button class="button primary" data-test="become-agent" disabled=move || is_busy.get() on:click=become_agent>"Make me an agent"</button>
                    </Empty>
                }.into_any()
            } else {
                view! {
                    <Empty title="You are no agent yet" text="Leads go to agents. Ask an admin of your organisation to make you one and to add you to a pool; then leads appear here.">
                        <button class="button" data-test="look-again" on:click=move |_| desk.connect()>"Look again"</button>
                    </Empty>
                }.into_any()
            }}
        </div>
    }
}

#[component]
fn StatusControl(desk: Desk) -> impl IntoView {
    let status = Memo::new(move |_| desk.shown.with(|shown| shown.as_ref().map(|shown| shown.status)));
    let line = desk.line;
    let button = move |wanted: AgentStatus, name: &'static str, hint: &'static str| {
        let is_pressed = move || match line.get() {
            Line::OffDuty => wanted == AgentStatus::Offline,
            _ => status.get() == Some(wanted),
        };
        // The call ends by ending its lead.
        let is_held = move || wanted == AgentStatus::Idle && status.get() == Some(AgentStatus::InCall);
        view! {
            <button
                type="button"
                data-test=format!("status-{}", wanted.as_str())
                title=hint
                aria-pressed=move || is_pressed().to_string()
                disabled=is_held
                on:click=move |_| desk.set_status(wanted)
            >{name}</button>
        }
    };
    view! {
        <div class="segments status-control" role="group" aria-label="What you are doing">
            {button(AgentStatus::Idle, "Idle", "Leads come to you")}
            {button(AgentStatus::Away, "Away", "No leads; those not in a call go to others")}
            {button(AgentStatus::Offline, "Offline", "No leads and no connection; those not in a call go to others")}
        </div>
    }
}

/// The words, and the value of `data-status`
fn status_words(status: AgentStatus) -> &'static str {
    match status {
        AgentStatus::Idle => "Idle",
        AgentStatus::InSimulation => "With visitors",
        AgentStatus::InCall => "In a call",
        AgentStatus::Away => "Away",
        AgentStatus::Offline => "Offline",
    }
}

/// `0:42`, `12:07`, `1:02:33`.
fn stopwatch(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[component]
fn Instrument(desk: Desk, now: RwSignal<f64>) -> impl IntoView {
    let shown = Memo::new(move |_| desk.shown.get());
    let of = move |read: fn(&AgentDesk) -> u64| shown.with(|shown| shown.as_ref().map_or(0, read));
    let status = Memo::new(move |_| match desk.line.get() {
        Line::OffDuty => AgentStatus::Offline,
        _ => shown.with(|shown| shown.as_ref().map_or(AgentStatus::Offline, |shown| shown.status)),
    });
    let since =
        Memo::new(move |_| shown.with(|shown| shown.as_ref().and_then(|shown| shown.status_since.clone())));
    let load = Memo::new(move |_| of(|shown| shown.leads.len() as u64));
    let capacity = Memo::new(move |_| of(|shown| u64::from(shown.capacity)));
    let name = Memo::new(move |_| shown.with(|shown| shown.as_ref().map(|shown| shown.display_name.clone())));
    view! {
        <LineNotice desk status/>
        <Refused desk/>
        <dl class="panel instrument">
            <div data-status=move || status.get().as_str()>
                <dt>{move || name.get()}</dt>
                <dd class="figure" data-test="status" data-status=move || status.get().as_str()><span class="dot" aria-hidden="true"></span>{move || status_words(status.get())}</dd>
                <dd class="under">{move || since.get().map(|since| view! {
                    "since " <time datetime=since.clone() title=clock::full_time(&since)>{clock::minute(&since)}</time>" · "
                    <span class="number">{stopwatch(clock::seconds_since(&since, now.get()))}</span>
                })}</dd>
            </div>
            <div>
                <dt>"Load"</dt>
                <dd class="figure" data-test="load" data-load=move || load.get().to_string()>{move || format::count(load.get())}<span class="of">" of "{move || format::count(capacity.get())}</span></dd>
                <dd class="under"><Slots load capacity/></dd>
            </div>
            <div class:calling=move || { desk.unanswered.get() > 0 }>
                <dt>"To answer"</dt>
                <dd class="figure" data-test="unanswered">{move || format::count(desk.unanswered.get() as u64)}</dd>
                <dd class="under">{move || oldest(&shown.get(), now.get())}</dd>
            </div>
            <div>
                <dt>"Line"</dt>
                <dd class="figure words" data-test="line" data-line=move || line_key(&desk.line.get())><span class="dot" aria-hidden="true"></span>{move || line_words(&desk.line.get())}</dd>
                <dd class="under">"Stays open on the console's other pages."</dd>
            </div>
        </dl>
        <div class="desk-columns">
            <Leads desk shown now/>
            <Pools shown/>
        </div>
    }
}

/// How long the visitor who has waited longest has
fn oldest(shown: &Option<AgentDesk>, now: f64) -> String {
    let leads = shown.iter().flat_map(|shown| &shown.leads).filter(|lead| !lead.is_in_call);
    match leads.map(|lead| clock::seconds_since(&lead.arrived_at, now)).max() {
        Some(seconds) => format!("longest wait {}", stopwatch(seconds)),
        None => "nobody waits for you".to_owned(),
    }
}

fn line_key(line: &Line) -> &'static str {
    match line {
        Line::Closed | Line::OffDuty => "closed",
        Line::Connecting => "connecting",
        Line::Open => "open",
        Line::Lost => "lost",
        Line::Replaced(_) => "replaced",
    }
}

fn line_words(line: &Line) -> &'static str {
    match line {
        Line::Closed | Line::OffDuty => "Not connected",
        Line::Connecting => "Connecting",
        Line::Open => "Connected",
        Line::Lost => "Lost",
        Line::Replaced(_) => "Elsewhere",
    }
}

#[component]
fn Slots(load: Memo<u64>, capacity: Memo<u64>) -> impl IntoView {
    move || {
        let (load, capacity) = (load.get(), capacity.get().max(1));
        let (slots, used) = match u32::try_from(capacity) {
            Ok(slots @ ..=PIPS_MAX) => (slots, load.min(capacity)),
            _ => (PIPS_MAX, (load * u64::from(PIPS_MAX)).div_ceil(capacity).min(u64::from(PIPS_MAX))),
        };
        view! {
            <svg class="slots" viewBox=format!("0 0 {} 10", slots * 12 - 2) preserveAspectRatio="xMinYMid meet" aria-hidden="true">
                {(0..slots).map(|slot| view! { <rect class=if u64::from(slot) < used { "used" } else { "free" } x=(slot * 12).to_string() y="0.5" width="9" height="9" rx="2"/> }).collect_view()}
            </svg>
        }
    }
}

/// Says what stands between the agent and leads, where anything does
#[component]
fn LineNotice(desk: Desk, status: Memo<AgentStatus>) -> impl IntoView {
    let is_away = Memo::new(move |_| status.get() == AgentStatus::Away);
    move || {
        match desk.line.get() {
        Line::Lost => Some(view! {
            <Notice tone=Tone::Error>
                <div class="line-notice" data-test="line-lost">
                    <span>"The connection is lost and being tried again. After ten seconds without it you are offline, and leads that are not in a call go to others."</span>
                    <button class="button small" on:click=move |_| desk.connect()>"Try now"</button>
                </div>
            </Notice>
        }.into_any()),
        Line::Replaced(why) => Some(view! {
            <Notice tone=Tone::Error>
                <div class="line-notice" data-test="line-replaced">
                    <span>{why}" This one shows nothing new."</span>
                    <button class="button small" data-test="use-here" on:click=move |_| desk.connect()>"Work here instead"</button>
                </div>
            </Notice>
        }.into_any()),
        Line::OffDuty => Some(view! {
            <Notice tone=Tone::Plain>
                <div class="line-notice"><span>"You are offline: no lead comes to you. Choose Idle to be there again."</span></div>
            </Notice>
        }.into_any()),
        _ if is_away.get() => Some(view! {
            <Notice tone=Tone::Plain>
                <div class="line-notice" data-test="away-notice">
                    <span>"You are away: no lead comes to you. Two minutes without pointer or key do that too."</span>
                    <button class="button small" data-test="back-to-idle" on:click=move |_| desk.set_status(AgentStatus::Idle)>"Back to idle"</button>
                </div>
            </Notice>
        }.into_any()),
        _ => None,
    }
    }
}

#[component]
fn Refused(desk: Desk) -> impl IntoView {
    move || {
        desk.refused.get().map(|why| view! {
            <Notice tone=Tone::Error>
                <div class="line-notice" data-test="refused">
                    <span>{why}</span>
                    <button class="button small quiet icon-only" aria-label="Dismiss" on:click=move |_| desk.refused.set(None)><IconView icon=Icon::Close/></button>
                </div>
            </Notice>
        })
    }
}

#[component]
fn Pools(shown: Memo<Option<AgentDesk>>) -> impl IntoView {
    let pools = Memo::new(move |_| shown.with(|shown| shown.as_ref().and_then(|shown| shown.pools.clone())));
    view! {
        <section class="panel your-pools" aria-labelledby="your-pools-title">
            <header><h2 id="your-pools-title">"Your pools"</h2></header>
            {move || match pools.get() {
                None => view! { <p class="content muted" role="status" data-test="pools-unknown">"Your pools could not be loaded; trying again."</p> }.into_any(),
                Some(pools) if pools.is_empty() => view! { <p class="content muted" data-test="pools-none">"You are in no pool yet, so no lead comes to you. An admin adds you to one."</p> }.into_any(),
                Some(pools) => view! { <ul>{pools.into_iter().map(|AgentPool { name, priority_rank, .. }| view! { <li data-test="desk-pool"><span class="clip">{name}</span><RankBadge rank=priority_rank/></li> }).collect_view()}</ul> }.into_any(),
            }}
        </section>
    }
}

/// The leads in hand, and the one that keys act upon
#[component]
fn Leads(desk: Desk, shown: Memo<Option<AgentDesk>>, now: RwSignal<f64>) -> impl IntoView {
    let leads = Memo::new(move |_| {
        shown.with(|shown| shown.as_ref().map(|shown| shown.leads.clone()).unwrap_or_default())
    });
    let chosen = RwSignal::new(String::new());
    // Whom a person has chosen while they are there; else who waits for an answer, else the first.
    let selected = Memo::new(move |_| {
        leads.with(|leads| {
            let kept = leads.iter().find(|lead| chosen.with(|chosen| lead.lead_id == *chosen));
            let waits = || leads.iter().find(|lead| !lead.is_in_call);
            kept.or_else(waits).or_else(|| leads.first()).map(|lead| lead.lead_id.clone())
        })
    });
    let declining = RwSignal::new(None::<AgentLead>);
    let is_asking = RwSignal::new(false);
    let ask_decline = Callback::new(move |lead: AgentLead| {
        declining.set(Some(lead));
        is_asking.set(true);
    });
    let are_keys_on = RwSignal::new(!are_keys_off());
    // What keys act upon: the selected lead where it fits, else the only or the first that does.
    let target = move |is_in_call: bool| {
        leads.with_untracked(|leads| {
            let mut fitting = leads.iter().filter(|lead| lead.is_in_call == is_in_call);
            let selected = selected.get_untracked();
            let hit = fitting.clone().find(|lead| Some(&lead.lead_id) == selected.as_ref());
            hit.or_else(|| if is_in_call && fitting.clone().count() > 1 { None } else { fitting.next() })
                .cloned()
        })
    };
    let keys = window_event_listener(ev::keydown, move |event| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() || is_typing(&event) {
            return;
        }
        let step = match event.key().as_str() {
            "ArrowDown" => 1,
            "ArrowUp" => -1,
            key if are_keys_on.get_untracked() && !event.repeat() => {
                match key.to_ascii_lowercase().as_str() {
                    "a" => target(false).into_iter().for_each(|lead| {
                        chosen.set(lead.lead_id.clone());
                        desk.accept(&lead.lead_id);
                    }),
                    "d" => target(false).into_iter().for_each(|lead| {
                        event.prevent_default();
                        chosen.set(lead.lead_id.clone());
                        ask_decline.run(lead);
                    }),
                    "e" => target(true).into_iter().for_each(|lead| desk.end(&lead.lead_id)),
                    _ => {}
                }
                return;
            }
            _ => return,
        };
        let next = leads.with_untracked(|leads| {
            let at =
                leads.iter().position(|lead| Some(&lead.lead_id) == selected.get_untracked().as_ref())?;
            leads.get(at.checked_add_signed(step)?).map(|lead| lead.lead_id.clone())
        });
        if let Some(next) = next {
            event.prevent_default();
            focus_row(&next);
            chosen.set(next);
        }
    });
    on_cleanup(move || keys.remove());
    // Who has ended a lead by key goes on with the next one.
    Effect::new(move |before: Option<Option<String>>| {
        let now = selected.get();
        if let (Some(before), Some(id)) = (before, &now)
            && before != now
            && document().active_element().is_none_or(|active| active.tag_name() == "BODY")
        {
            focus_row(id);
        }
        now
    });
    let is_empty = Memo::new(move |_| leads.with(Vec::is_empty));
    let ids = move || leads.with(|leads| leads.iter().map(|lead| lead.lead_id.clone()).collect::<Vec<_>>());
    let is_in_a_pool = Memo::new(move |_| {
        shown.with(|shown| {
            shown.as_ref().is_none_or(|shown| shown.pools.as_ref().is_none_or(|pools| !pools.is_empty()))
        })
    });
    view! {
        <section class="panel desk-leads" aria-labelledby="desk-leads-title">
            <header>
                <h2 id="desk-leads-title">"Leads in hand"</h2>
                <span class="spacer"></span>
                <KeysSwitch are_keys_on/>
            </header>
            {move || is_empty.get().then(|| if is_in_a_pool.get() {
                view! { <Empty title="No lead in hand" text="When one comes it appears here, in the title of this tab and beside Desk in the navigation, on whichever page you are."/> }.into_any()
            } else {
                view! { <Empty title="No lead in hand" text="You are in no pool yet. Once an admin has added you to one, its leads appear here."/> }.into_any()
            })}
            <ul>
                <For each=ids key=|id| id.clone() let:id>
                    <LeadRow desk id leads selected chosen ask_decline now/>
                </For>
            </ul>
        </section>
        <ConfirmDialog
            is_open=is_asking
            title=Signal::derive(move || declining.with(|lead| lead.as_ref().map_or_else(String::new, |lead| format!("Decline {}?", visitor(lead)))))
            text=Signal::derive(move || declining.with(|lead| lead.as_ref().map_or_else(String::new, |lead| format!("The lead goes to another agent of {}. Where nobody else is free, it is lost.", lead.pool_name))))
            confirm="Decline lead"
            on_confirm=move |()| if let Some(lead) = declining.get_untracked() { desk.decline(&lead.lead_id) }
        />
    }
}

/// Single keys can be in the way of those who speak to their computer
#[component]
fn KeysSwitch(are_keys_on: RwSignal<bool>) -> impl IntoView {
    let turn = move |_| {
        let are_on = !are_keys_on.get_untracked();
        are_keys_on.set(are_on);
        // Where nothing can be stored, it holds until the page is left.
        if let Ok(Some(storage)) = window().local_storage() {
            let _ = if are_on { storage.remove_item(KEYS_OFF) } else { storage.set_item(KEYS_OFF, "1") };
        }
    };
    view! {
        <span class="keys" class:off=move || !are_keys_on.get()>
            <span><kbd>"↑"</kbd><kbd>"↓"</kbd>" select"</span><span><kbd>"A"</kbd>" accept"</span><span><kbd>"D"</kbd>" decline"</span><span><kbd>"E"</kbd>" end"</span>
        </span>
        <button class="button small quiet" data-test="keys" aria-pressed=move || are_keys_on.get().to_string() on:click=turn>
            {move || if are_keys_on.get() { "Keys on" } else { "Keys off" }}
        </button>
    }
}

fn are_keys_off() -> bool {
    window()
        .local_storage()
        .ok()
        .flatten()
        .and_then(|storage| storage.get_item(KEYS_OFF).ok().flatten())
        .is_some()
}

/// Whether a key belongs to a field or a dialog
fn is_typing(event: &KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let is_field =
        target.is_some_and(|target| matches!(target.tag_name().as_str(), "INPUT" | "SELECT" | "TEXTAREA"));
    is_field || document().query_selector("dialog[open]").ok().flatten().is_some()
}

fn focus_row(id: &str) {
    let row = document().get_element_by_id(&row_id(id));
    if let Some(row) = row.and_then(|row| row.dyn_into::<HtmlElement>().ok()) {
        let _ = row.focus();
    }
}

fn row_id(lead_id: &str) -> String {
    format!("lead-{lead_id}")
}

#[component]
fn LeadRow(
    desk: Desk,
    id: String,
    leads: Memo<Vec<AgentLead>>,
    selected: Memo<Option<String>>,
    chosen: RwSignal<String>,
    ask_decline: Callback<AgentLead>,
    now: RwSignal<f64>,
) -> impl IntoView {
    let find = {
        let id = id.clone();
        move || leads.with_untracked(|leads| leads.iter().find(|lead| lead.lead_id == id).cloned())
    };
    // What a lead says does not change but for the call and, handed back and forth, the reason.
    let lead = Memo::new({
        let (id, first) = (id.clone(), find());
        move |_| {
            leads
                .with(|leads| leads.iter().find(|lead| lead.lead_id == id).cloned())
                .or_else(|| first.clone())
        }
    });
    let is_in_call = Memo::new(move |_| lead.with(|lead| lead.as_ref().is_some_and(|lead| lead.is_in_call)));
    let is_selected = Memo::new({
        let id = id.clone();
        move |_| selected.with(|selected| selected.as_ref() == Some(&id))
    });
    let is_held = Memo::new({
        let id = id.clone();
        move |_| desk.line.get() != Line::Open || desk.asked.with(|asked| asked.as_ref() == Some(&id))
    });
    let since = move |read: fn(&AgentLead) -> &str| {
        lead.with(|lead| lead.as_ref().map(|lead| stopwatch(clock::seconds_since(read(lead), now.get()))))
    };
    let (accepted, ended, touched) = (id.clone(), id.clone(), id.clone());
    view! {
        <li
            id=row_id(&id)
            class="lead-row"
            class:in-call=is_in_call
            data-test="desk-lead"
            data-lead=id.clone()
            data-in-call=move || is_in_call.get().to_string()
            aria-current=move || is_selected.get().then_some("true")
            tabindex=move || if is_selected.get() { "0" } else { "-1" }
            on:focusin=move |_| chosen.set(touched.clone())
        >
            <div class="times">
                <span class="state">{move || if is_in_call.get() { "In a call" } else { "New lead" }}</span>
                <span class="timer" data-test="waiting">{move || since(|lead| &lead.arrived_at)}</span>
                <span class="muted number">{move || if is_in_call.get() { "since arrival" } else { "waiting" }}</span>
            </div>
            <div class="who">{move || lead.get().map(|lead| view! { <Who lead now/> })}</div>
            <div class="buttons">
                {move || if is_in_call.get() {
                    let ended = ended.clone();
                    view! { <button class="button" data-test="end" aria-keyshortcuts="E" disabled=is_held on:click=move |_| desk.end(&ended)>"End"<kbd aria-hidden="true">"E"</kbd></button> }.into_any()
                } else {
                    let accepted = accepted.clone();
                    view! {
                        <button class="button primary" data-test="accept" aria-keyshortcuts="A" disabled=is_held on:click=move |_| desk.accept(&accepted)>"Accept"<kbd aria-hidden="true">"A"</kbd></button>
                        <button class="button" data-test="decline" aria-keyshortcuts="D" disabled=is_held on:click=move |_| lead.get_untracked().into_iter().for_each(|lead| ask_decline.run(lead))>"Decline…"<kbd aria-hidden="true">"D"</kbd></button>
                    }.into_any()
                }}
            </div>
        </li>
    }
}

#[component]
fn Who(lead: AgentLead, now: RwSignal<f64>) -> impl IntoView {
    let is_contact_shown = lead.name.is_some();
    let (arrived_at, assigned_at) = (lead.arrived_at.clone(), lead.assigned_at.clone());
    let yours = move || stopwatch(clock::seconds_since(&assigned_at, now.get()));
    view! {
        <h3 data-test="visitor">{visitor(&lead)}</h3>
        <p class="facts-line">
            {lead.contact.filter(|_| is_contact_shown).map(contact)}
            <span class="tag">{lead.pool_name}</span>
            {lead.page_url.map(page)}
        </p>
        <p class="muted small">
            "Arrived "<time datetime=arrived_at.clone() title=clock::full_time(&arrived_at)>{clock::minute(&arrived_at)}</time>
            ", yours for "<span class="number">{yours}</span>". Why you: "<span data-test="reason">{lead.reason}</span>"."
        </p>
    }
}

/// A way to reach the visitor, one click away where its form is known
fn contact(text: String) -> AnyView {
    let is_mail = text.contains('@') && !text.contains(char::is_whitespace);
    let is_number = text.chars().filter(char::is_ascii_digit).count() >= 6
        && text.chars().all(|c| c.is_ascii_digit() || "+-() ./".contains(c));
    let address = match (is_mail, is_number) {
        (true, _) => format!("mailto:{text}"),
        (_, true) => {
            format!("tel:{}", text.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect::<String>())
        }
        _ => return view! { <span class="contact">{text}</span> }.into_any(),
    };
    view! { <a class="contact" href=address>{text}</a> }.into_any()
}

fn page(url: String) -> AnyView {
    // Visitors name it: nothing but a web page is made a link.
    if url.starts_with("https://") || url.starts_with("http://") {
        let shown = url.split_once("//").map_or(url.clone(), |(_, rest)| rest.to_owned());
        view! { <a class="page-url clip" href=url.clone() title=url target="_blank" rel="noopener noreferrer">{shown}</a> }.into_any()
    } else {
        view! { <span class="page-url clip" title=url.clone()>{url.clone()}</span> }.into_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_count_like_a_stopwatch() {
        assert_eq!(stopwatch(0), "0:00");
        assert_eq!(stopwatch(727), "12:07");
        assert_eq!(stopwatch(3_753), "1:02:33");
    }
}
