//! The agent's desk: leads come over a socket that stays open as long as the console does, whichever page is shown.
//!
//! An agent who looks a judgment up during a call must not lose the leads in hand, so the connection belongs to the
//! frame and not to its page. Only the page opens it, and with it comes the code that does.

use super::clock;
use super::toasts::{Toasts, use_toasts};
use crate::api::{self, ApiError, sentence};
use contract::{AgentDesk, AgentHears, AgentLead, AgentSays};
use leptos::leptos_dom::helpers::IntervalHandle;
use leptos::prelude::*;
use leptos::task::spawn_local;
use policy::routing::AgentStatus;
use std::time::Duration;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Event, MessageEvent, WebSocket};

/// The server takes an idle agent who is silent for two minutes for away.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(25);
/// The page counts as used for this long after a pointer or a key has moved.
const USED_MILLIS: f64 = 120_000.0;
/// What moves the person from doing nothing to using the page.
const SIGNS_OF_LIFE: [&str; 4] = ["pointermove", "pointerdown", "keydown", "wheel"];

/// How the desk is connected
#[derive(Clone, PartialEq, Eq)]
pub enum Line {
    /// Not opened, or not to be opened: [`Desk::trouble`] says why.
    Closed,
    Connecting,
    Open,
    /// Being tried again.
    Lost,
    /// The agent has gone offline here.
    OffDuty,
    /// Somebody else speaks for the agent, with who; not tried again by itself.
    Replaced(String),
}

#[derive(Clone, Copy)]
pub struct Desk {
    pub line: RwSignal<Line>,
    /// What the server said last.
    pub shown: RwSignal<Option<AgentDesk>>,
    /// Why there is nothing to show.
    pub trouble: RwSignal<Option<ApiError>>,
    /// What the server refused to do, until something else is asked.
    pub refused: RwSignal<Option<String>>,
    /// Said aloud when a lead has come.
    pub news: RwSignal<String>,
    /// The lead about which something has been asked that is not answered yet.
    pub asked: RwSignal<Option<String>>,
    /// Leads that wait for the agent's answer.
    pub unanswered: Memo<usize>,
    /// What the agent wants to be after a connection that was lost, where that is not idle.
    wanted: StoredValue<Option<AgentStatus>>,
    /// Counts connections: what belongs to an earlier one is not listened to.
    turn: StoredValue<u32>,
    failures: StoredValue<u32>,
    used_at: StoredValue<f64>,
    beaten_at: StoredValue<f64>,
    seat: StoredValue<Option<Seat>, LocalStorage>,
    toasts: Toasts,
}

type Heard<Event> = Closure<dyn Fn(Event)>;

/// An open socket; the closures live as long as what calls them
struct Seat {
    socket: WebSocket,
    heartbeat: Option<IntervalHandle>,
    moved: Heard<Event>,
    _listeners: (Heard<MessageEvent>, Heard<Event>),
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        let _ = self.socket.close();
        if let Some(timer) = self.heartbeat.take() {
            timer.clear();
        }
        for name in SIGNS_OF_LIFE {
            let listener = self.moved.as_ref().unchecked_ref();
            let _ = window().remove_event_listener_with_callback(name, listener);
        }
    }
}

/// Stands, unopened, for as long as the frame does.
pub fn provide() {
    let shown = RwSignal::new(None::<AgentDesk>);
    let desk = Desk {
        line: RwSignal::new(Line::Closed),
        shown,
        trouble: RwSignal::new(None),
        refused: RwSignal::new(None),
        news: RwSignal::new(String::new()),
        asked: RwSignal::new(None),
        unanswered: Memo::new(move |_| {
            shown
                .with(|desk| desk.iter().flat_map(|desk| &desk.leads).filter(|lead| !lead.is_in_call).count())
        }),
        wanted: StoredValue::new(None),
        turn: StoredValue::new(0),
        failures: StoredValue::new(0),
        used_at: StoredValue::new(0.0),
        beaten_at: StoredValue::new(0.0),
        seat: StoredValue::new_local(None),
        toasts: use_toasts(),
    };
    provide_context(desk);
    on_cleanup(move || drop(desk.seat.try_update_value(Option::take)));
}

pub fn use_desk() -> Desk {
    expect_context()
}

/// `Jane Doe`, or what is known of a visitor who gave no name
pub fn visitor(lead: &AgentLead) -> String {
    lead.name
        .clone()
        .or_else(|| lead.contact.clone())
        .unwrap_or_else(|| "A visitor without a name".to_owned())
}

impl Desk {
    /// Connects, unless the desk is open already or the agent has left it.
    pub fn open(self) {
        if self.line.get_untracked() == Line::Closed {
            self.connect();
        }
    }

    /// Connects anew, whatever was before.
    pub fn connect(self) {
        let turn = self.begin_turn();
        if self.line.get_untracked() != Line::Lost {
            self.line.set(Line::Connecting);
        }
        spawn_local(async move {
            // Sockets do not say why they are refused; this does.
            let answer = api::agent_desk().await;
            if self.turn.try_get_value() != Some(turn) {
                return;
            }
            match answer {
                Ok(desk) => {
                    self.trouble.set(None);
                    self.take(desk);
                    self.listen(turn);
                }
                Err(error @ ApiError::Refused(_))
                    if error.problem().is_some_and(|problem| problem.status < 500) =>
                {
                    self.shown.set(None);
                    self.trouble.set(Some(error));
                    self.line.set(Line::Closed);
                }
                Err(error) => {
                    self.trouble.set(Some(error));
                    self.retry(turn);
                }
            }
        });
    }

    fn begin_turn(self) -> u32 {
        drop(self.seat.try_update_value(Option::take));
        let turn = self.turn.get_value().wrapping_add(1);
        self.turn.set_value(turn);
        turn
    }

    fn listen(self, turn: u32) {
        let is_current = move || self.turn.try_get_value() == Some(turn);
        let Ok(socket) = WebSocket::new(&address()) else { return self.retry(turn) };
        let heard = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            let Some(text) = event.data().as_string().filter(|_| is_current()) else { return };
            match serde_json::from_str(&text) {
                Ok(AgentHears::State(desk)) => self.hear(desk),
                Ok(AgentHears::Refused { detail }) => {
                    self.asked.set(None);
                    self.refused.set(Some(sentence(&detail)));
                }
                Ok(AgentHears::Replaced { detail }) => {
                    self.asked.set(None);
                    self.line.set(Line::Replaced(sentence(&detail)));
                    // Its end is no loss. Not from inside its own callback, which would be dropped while it runs.
                    self.turn.set_value(turn.wrapping_add(1));
                }
                Err(error) => self.refused.set(Some(ApiError::Unreadable(error.to_string()).to_string())),
            }
        });
        let closed = Closure::<dyn Fn(Event)>::new(move |_| {
            if is_current() {
                self.asked.set(None);
                self.retry(turn);
            }
        });
        let moved = Closure::<dyn Fn(Event)>::new(move |_| {
            let now = clock::stopwatch();
            self.used_at.set_value(now);
            // Somebody comes back: the server need not wait for the next beat.
            if now - self.beaten_at.get_value() > USED_MILLIS {
                self.beat();
            }
        });
        socket.set_onmessage(Some(heard.as_ref().unchecked_ref()));
        socket.set_onclose(Some(closed.as_ref().unchecked_ref()));
        for name in SIGNS_OF_LIFE {
            // Fails only without a window.
            let _ = window().add_event_listener_with_callback(name, moved.as_ref().unchecked_ref());
        }
        let now = clock::stopwatch();
        self.used_at.set_value(now);
        self.beaten_at.set_value(now);
        let heartbeat = set_interval_with_handle(
            move || {
                if clock::stopwatch() - self.used_at.get_value() < USED_MILLIS {
                    self.beat();
                }
            },
            HEARTBEAT_EVERY,
        )
        .ok();
        self.seat.set_value(Some(Seat { socket, heartbeat, moved, _listeners: (heard, closed) }));
    }

    fn beat(self) {
        self.beaten_at.set_value(clock::stopwatch());
        self.transmit(&AgentSays::Heartbeat);
    }

    /// Tries again, later after each failure: half a second at first, a quarter of a minute at last.
    fn retry(self, turn: u32) {
        self.line.set(Line::Lost);
        let failures = self.failures.get_value();
        self.failures.set_value(failures.saturating_add(1));
        // Many consoles lose one server at the same moment: they should not come back at the same moment.
        let spread = 0.75 + js_sys::Math::random() / 2.0;
        let millis = (500.0 * f64::from(1_u32 << failures.min(5))).min(15_000.0) * spread;
        set_timeout(
            move || {
                if self.turn.try_get_value() == Some(turn) {
                    self.connect();
                }
            },
            Duration::from_millis(millis as u64),
        );
    }

    fn hear(self, desk: AgentDesk) {
        self.failures.set_value(0);
        let is_first = self.line.get_untracked() != Line::Open;
        self.line.set(Line::Open);
        self.asked.set(None);
        let status = desk.status;
        self.take(desk);
        match self.wanted.get_value() {
            Some(AgentStatus::Offline) if status == AgentStatus::Offline => {
                self.wanted.set_value(None);
                self.line.set(Line::OffDuty);
                // After this message has been worked off: the socket must not go while it calls.
                set_timeout(
                    move || {
                        if self.line.try_get_untracked() == Some(Line::OffDuty) {
                            self.begin_turn();
                        }
                    },
                    Duration::ZERO,
                );
            }
            // Whoever connects is idle: an agent who had left the desk has not come back to it by that.
            Some(AgentStatus::Away) if is_first && status == AgentStatus::Idle => {
                self.transmit(&AgentSays::Status { status: AgentStatus::Away });
            }
            _ => {}
        }
    }

    /// Shows what the server says, and tells of leads that were not there before.
    fn take(self, desk: AgentDesk) {
        let known = self.shown.with_untracked(|shown| {
            shown
                .as_ref()
                .map(|shown| shown.leads.iter().map(|lead| lead.lead_id.clone()).collect::<Vec<_>>())
        });
        let come: Vec<String> = desk
            .leads
            .iter()
            .filter(|lead| {
                !lead.is_in_call && known.as_ref().is_some_and(|known| !known.contains(&lead.lead_id))
            })
            .map(|lead| format!("New lead: {}, {}.", visitor(lead), lead.pool_name))
            .collect();
        self.shown.set(Some(desk));
        if !come.is_empty() {
            self.news.set(come.join(" "));
            // The page itself shows leads; elsewhere a message does.
            let is_desk = location().pathname().is_ok_and(|path| path.starts_with("/desk"));
            if !is_desk {
                come.into_iter().for_each(|news| self.toasts.say(news));
            }
        }
    }

    /// Sets what the agent is doing: idle, away or offline. Idle and away connect where nothing does.
    pub fn set_status(self, status: AgentStatus) {
        self.refused.set(None);
        self.wanted.set_value((status != AgentStatus::Idle).then_some(status));
        if self.line.get_untracked() == Line::Open {
            self.transmit(&AgentSays::Status { status });
        } else if status == AgentStatus::Offline {
            self.wanted.set_value(None);
            self.begin_turn();
            self.line.set(Line::OffDuty);
        } else {
            self.connect();
        }
    }

    pub fn accept(self, lead_id: &str) {
        self.ask(lead_id, AgentSays::Accept { lead_id: lead_id.to_owned() });
    }

    pub fn decline(self, lead_id: &str) {
        self.ask(lead_id, AgentSays::Decline { lead_id: lead_id.to_owned() });
    }

    pub fn end(self, lead_id: &str) {
        self.ask(lead_id, AgentSays::End { lead_id: lead_id.to_owned() });
    }

    fn ask(self, lead_id: &str, what: AgentSays) {
        // Once is enough: the answer is on its way.
        if self.asked.with_untracked(|asked| asked.as_deref() == Some(lead_id)) {
            return;
        }
        self.refused.set(None);
        if self.transmit(&what) {
            self.asked.set(Some(lead_id.to_owned()));
        } else {
            self.refused.set(Some("Not connected: nothing was sent. It is being tried again.".to_owned()));
        }
    }

    /// False where there is no open socket.
    fn transmit(self, what: &AgentSays) -> bool {
        // Plain data, which always has a JSON form.
        let text = serde_json::to_string(what).unwrap_or_default();
        self.seat.with_value(|seat| {
            let open = seat.as_ref().filter(|seat| seat.socket.ready_state() == WebSocket::OPEN);
            open.is_some_and(|seat| seat.socket.send_with_str(&text).is_ok())
        })
    }
}

fn address() -> String {
    let location = location();
    let scheme = if location.protocol().is_ok_and(|protocol| protocol == "https:") { "wss" } else { "ws" };
    format!("{scheme}://{}/api/agent/socket", location.host().unwrap_or_default())
}
