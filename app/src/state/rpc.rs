//! A form's way to a function of the database: sent once, however often a nervous finger clicks.

use super::toasts::use_toasts;
use crate::api::{self, ApiError};
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_json::Value;
use std::future::Future;

/// A function that a form calls, and how its last call went
#[derive(Clone, Copy)]
pub struct Rpc {
    name: &'static str,
    /// Names the next call; the server answers a second one of the same name as it answered the first.
    key: StoredValue<String>,
    pub is_busy: RwSignal<bool>,
    pub error: RwSignal<Option<ApiError>>,
}

impl Rpc {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            key: StoredValue::new(new_key()),
            is_busy: RwSignal::new(false),
            error: RwSignal::new(None),
        }
    }

    /// For a button without a form: what the server has against it is a toast.
    pub fn of_button(name: &'static str) -> Self {
        let rpc = Self::new(name);
        let toasts = use_toasts();
        Effect::new(move |_| rpc.error.with(|error| error.as_ref().map(|error| toasts.fail(error))));
        rpc
    }

    /// Calls it, unless a call is under way; `on_done` hears what it answered.
    pub fn send(self, fields: Value, on_done: impl FnOnce(Value) + 'static) {
        self.run(move |key| async move { api::rpc(self.name, &key, &fields).await }, on_done);
    }

    /// Does what a form takes several questions for, under one key, unless it is under way.
    ///
    /// What did not get through keeps its key: sent again, it takes effect once though the first may have arrived.
    pub fn run<Sending, T: 'static>(
        self,
        send: impl FnOnce(String) -> Sending + 'static,
        on_done: impl FnOnce(T) + 'static,
    ) where
        Sending: Future<Output = Result<T, ApiError>>,
    {
        if self.is_busy.get_untracked() {
            return;
        }
        self.is_busy.set(true);
        self.error.set(None);
        let key = self.key.get_value();
        spawn_local(async move {
            let answer = send(key).await;
            // The page may have been left meanwhile.
            if self.is_busy.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(value) => {
                    self.key.set_value(new_key());
                    on_done(value);
                }
                Err(error) => {
                    if matches!(error, ApiError::Refused(_)) {
                        self.key.set_value(new_key());
                    }
                    self.error.set(Some(error));
                }
            }
        });
    }

    /// What the server said of a field.
    pub fn error_at(self, field: &'static str) -> Signal<Option<String>> {
        Signal::derive(move || {
            self.error
                .with(|error| error.as_ref().filter(|error| is_at(error, field)).map(ToString::to_string))
        })
    }

    /// Forgets what the server said of a field, which says something else now.
    pub fn forget(self, field: &str) {
        if self.error.with_untracked(|error| error.as_ref().is_some_and(|error| is_at(error, field))) {
            self.error.set(None);
        }
    }

    /// What it said of none of these fields.
    pub fn error_beside(
        self,
        fields: impl AsRef<[&'static str]> + Send + Sync + 'static,
    ) -> Signal<Option<String>> {
        Signal::derive(move || {
            self.error.with(|error| {
                error
                    .as_ref()
                    .filter(|error| !fields.as_ref().iter().any(|field| is_at(error, field)))
                    .map(ToString::to_string)
            })
        })
    }
}

/// Whether an error concerns a field; both may be paths, of which the last name counts.
fn is_at(error: &ApiError, field: &str) -> bool {
    fn name(path: &str) -> &str {
        path.rsplit('.').next().unwrap_or(path)
    }
    let at = error.problem().and_then(|problem| problem.field.as_deref());
    at.is_some_and(|at| name(at) == name(field))
}

/// A key that no other request of this person has: two random numbers of 52 bits.
fn new_key() -> String {
    let part = || (js_sys::Math::random() * 4_503_599_627_370_496.0) as u64;
    format!("{:013x}{:013x}", part(), part())
}
