//! What the server pushes: it names what has changed, and the pages that show it fetch again.

use contract::LiveEvent;
use leptos::prelude::*;
use std::time::Duration;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{EventSource, MessageEvent};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    Connecting,
    Live,
    Lost,
}

/// How far a running refresh is.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshTick {
    pub id: String,
    pub done: u64,
    pub total: u64,
}

#[derive(Clone, Copy)]
pub struct Live {
    pub connection: RwSignal<Connection>,
    pub refresh: RwSignal<Option<RefreshTick>>,
    pub published: RwSignal<Option<u32>>,
    /// Counts up when judgments have changed, at most once a second.
    pub judgments: RwSignal<u32>,
    /// Counts up when queues have changed, at most once a second.
    pub queues: RwSignal<u32>,
    /// Counts up when pools, agents or leads have changed, at most once a second.
    pub pools: RwSignal<u32>,
    /// Counts up when something was done to cases, tasks or plaintiffs, or to what the weekly review shows, at most once a second.
    pub cases: RwSignal<u32>,
    /// Counts up when alerts were told, sent or read, at most once a second.
    pub alerts: RwSignal<u32>,
}

pub fn use_live() -> Live {
    expect_context()
}

/// Runs `reload` whenever one of these has counted up, not at first.
pub fn follow<const N: usize>(counts: [RwSignal<u32>; N], reload: impl Fn() + 'static) {
    Effect::new(move |previous: Option<[u32; N]>| {
        let now = counts.map(|count| count.get());
        if previous.is_some_and(|previous| previous != now) {
            reload();
        }
        now
    });
}

/// Connects for as long as the frame stands.
pub fn provide() {
    let live = Live {
        connection: RwSignal::new(Connection::Connecting),
        refresh: RwSignal::new(None),
        published: RwSignal::new(None),
        judgments: RwSignal::new(0),
        queues: RwSignal::new(0),
        pools: RwSignal::new(0),
        cases: RwSignal::new(0),
        alerts: RwSignal::new(0),
    };
    provide_context(live);
    let handle = StoredValue::new_local(None::<Handle>);
    connect(live, handle);
    on_cleanup(move || {
        let _ = handle.try_update_value(|slot| slot.take().inspect(|open| open.source.close()));
    });
}

struct Handle {
    source: EventSource,
    // The closures live as long as the source that calls them.
    _listeners: [Closure<dyn Fn(MessageEvent)>; 3],
}

type Slot = StoredValue<Option<Handle>, LocalStorage>;

fn connect(live: Live, slot: Slot) {
    let Ok(source) = EventSource::new("/api/events") else {
        live.connection.set(Connection::Lost);
        return;
    };
    let judgments = throttled(live.judgments);
    let queues = throttled(live.queues);
    let pools = throttled(live.pools);
    let cases = throttled(live.cases);
    let alerts = throttled(live.alerts);
    let opened = Closure::<dyn Fn(MessageEvent)>::new(move |_| {
        // What was missed while the connection was down is fetched once it is up again.
        if live.connection.get_untracked() == Connection::Lost {
            for count in [live.judgments, live.queues, live.pools, live.cases, live.alerts] {
                count.update(|n| *n += 1);
            }
        }
        live.connection.set(Connection::Live);
    });
    let message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        let Some(event) = event.data().as_string().and_then(|data| serde_json::from_str(&data).ok()) else {
            return;
        };
        match event {
            LiveEvent::Refresh { id, done, total } => live.refresh.set(Some(RefreshTick { id, done, total })),
            LiveEvent::PolicyPublished { revision } => live.published.set(Some(revision)),
            LiveEvent::Judgments => judgments(),
            LiveEvent::Queues => queues(),
            LiveEvent::Pools => pools(),
            LiveEvent::Cases => cases(),
            LiveEvent::Alerts => alerts(),
        }
    });
    let failing = source.clone();
    let failed = Closure::<dyn Fn(MessageEvent)>::new(move |_| {
        if live.connection.try_set(Connection::Lost).is_some() {
            return;
        }
        // The browser reconnects by itself, except where the server refused.
        if failing.ready_state() == EventSource::CLOSED {
            set_timeout(
                move || {
                    if slot.try_with_value(|slot| slot.is_some()) == Some(true) {
                        connect(live, slot)
                    }
                },
                Duration::from_secs(5),
            );
        }
    });
    source.set_onopen(Some(opened.as_ref().unchecked_ref()));
    source.set_onmessage(Some(message.as_ref().unchecked_ref()));
    source.set_onerror(Some(failed.as_ref().unchecked_ref()));
    slot.set_value(Some(Handle { source, _listeners: [opened, message, failed] }));
}

/// Counts `signal` up at once, then at most once a second, and never misses the last call.
fn throttled(signal: RwSignal<u32>) -> impl Fn() + 'static {
    let waiting = StoredValue::new(false);
    let missed = StoredValue::new(false);
    move || {
        if waiting.try_get_value() == Some(false) {
            waiting.set_value(true);
            signal.update(|n| *n += 1);
            set_timeout(
                move || {
                    let _ = waiting.try_set_value(false);
                    if missed.try_get_value() == Some(true) {
                        missed.set_value(false);
                        signal.update(|n| *n += 1);
                    }
                },
                Duration::from_secs(1),
            );
        } else {
            let _ = missed.try_set_value(true);
        }
    }
}
