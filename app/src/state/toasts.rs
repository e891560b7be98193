//! Short messages about what has just happened; errors stay until they are dismissed.

use crate::api::ApiError;
use leptos::prelude::*;
use std::time::Duration;

#[derive(Clone, PartialEq, Eq)]
pub struct Toast {
    pub id: u32,
    pub text: String,
    pub is_error: bool,
}

#[derive(Clone, Copy)]
pub struct Toasts {
    list: RwSignal<Vec<Toast>>,
    last_id: StoredValue<u32>,
}

pub fn provide() {
    provide_context(Toasts { list: RwSignal::new(Vec::new()), last_id: StoredValue::new(0) });
}

pub fn use_toasts() -> Toasts {
    expect_context()
}

impl Toasts {
    pub fn list(self) -> Signal<Vec<Toast>> {
        self.list.into()
    }

    pub fn say(self, text: impl Into<String>) {
        let id = self.push(text.into(), false);
        set_timeout(move || self.dismiss(id), Duration::from_secs(6));
    }

    pub fn fail(self, error: &ApiError) {
        self.push(error.to_string(), true);
    }

    pub fn dismiss(self, id: u32) {
        self.list.update(|list| list.retain(|toast| toast.id != id));
    }

    fn push(self, text: String, is_error: bool) -> u32 {
        let id = self.last_id.get_value() + 1;
        self.last_id.set_value(id);
        self.list.update(|list| {
            list.retain(|toast| toast.text != text);
            list.push(Toast { id, text, is_error });
        });
        id
    }
}
