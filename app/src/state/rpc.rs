//! A form's way to a function of the database: sent once, however often a nervous finger clicks.

use super::request_key;
use crate::api::{self, ApiError};
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_json::Value;

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
            key: StoredValue::new(request_key::new()),
            is_busy: RwSignal::new(false),
            error: RwSignal::new(None),
        }
    }

    /// Calls it, unless a call is under way; `on_done` hears what it answered.
    ///
    /// A call that did not get through keeps its key: sent again, it takes effect once though the first may have arrived.
    pub fn send(self, fields: Value, on_done: impl FnOnce(Value) + 'static) {
        if self.is_busy.get_untracked() {
            return;
        }
        self.is_busy.set(true);
        self.error.set(None);
        spawn_local(async move {
            let answer = api::rpc(self.name, &self.key.get_value(), &fields).await;
            // The page may have been left meanwhile.
            if self.is_busy.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(value) => {
                    self.key.set_value(request_key::new());
                    on_done(value);
                }
                Err(error) => {
                    if matches!(error, ApiError::Refused(_)) {
                        self.key.set_value(request_key::new());
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

    /// What it said of none of these fields.
    pub fn error_beside(self, fields: &'static [&'static str]) -> Signal<Option<String>> {
        Signal::derive(move || {
            self.error.with(|error| {
                error
                    .as_ref()
                    .filter(|error| !fields.iter().any(|field| is_at(error, field)))
                    .map(ToString::to_string)
            })
        })
    }
}

fn is_at(error: &ApiError, field: &str) -> bool {
    error.problem().is_some_and(|problem| problem.field.as_deref() == Some(field))
}
