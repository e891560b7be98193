//! Who is signed in, and what they may do.

use super::clock;
use crate::api::{self, ApiError};
use contract::{Role, Session, problem};
use leptos::prelude::*;
use leptos::task::spawn_local;

#[derive(Clone, Copy)]
pub struct SessionState(RwSignal<Known>);

#[derive(Clone, PartialEq)]
enum Known {
    NotYet,
    Unreachable,
    SignedOut,
    SignedIn(Box<Session>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Unknown,
    Unreachable,
    SignedOut,
    PasswordWanted,
    SignedIn,
}

pub fn provide() {
    let session = SessionState(RwSignal::new(Known::NotYet));
    provide_context(session);
    api::on_signed_out(move || session.0.set(Known::SignedOut));
    session.load();
}

pub fn use_session() -> SessionState {
    expect_context::<SessionState>()
}

impl SessionState {
    /// Asks the server who is signed in.
    pub fn load(self) {
        spawn_local(async move {
            self.reload().await;
        });
    }

    /// Asks the server who is signed in, and ends when the answer is in force.
    pub async fn reload(self) {
        let known = match api::session().await {
            Ok(session) => {
                clock::set_zone(&session.organisation.time_zone);
                Known::SignedIn(Box::new(session))
            }
            Err(ApiError::Refused(refused)) if refused.code == problem::UNAUTHENTICATED => Known::SignedOut,
            Err(_) => Known::Unreachable,
        };
        self.0.set(known);
    }

    pub fn sign_out(self) {
        spawn_local(async move {
            // Signed out or not reachable: either way this browser shows nothing more.
            let _ = api::sign_out().await;
            self.0.set(Known::SignedOut);
        });
    }

    pub fn phase(self) -> Memo<Phase> {
        Memo::new(move |_| {
            self.0.with(|known| match known {
                Known::NotYet => Phase::Unknown,
                Known::Unreachable => Phase::Unreachable,
                Known::SignedOut => Phase::SignedOut,
                Known::SignedIn(session) if session.must_set_password => Phase::PasswordWanted,
                Known::SignedIn(_) => Phase::SignedIn,
            })
        })
    }

    pub fn current(self) -> Signal<Option<Session>> {
        Signal::derive(move || {
            self.0.with(|known| match known {
                Known::SignedIn(session) => Some((**session).clone()),
                _ => None,
            })
        })
    }

    /// Whether the person's role covers `needed`; the server checks for itself.
    pub fn may(self, needed: Role) -> bool {
        self.0.with(|known| matches!(known, Known::SignedIn(session) if session.role.covers(needed)))
    }
}
