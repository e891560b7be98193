//! Asks before unsaved edits are left behind.

use super::modal::Modal;
use crate::state::leave_guard::{Leave, guard_history, use_leave_guard};
use crate::state::session::use_session;
use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_navigate};

#[component]
pub fn LeaveDialog() -> impl IntoView {
    let guard = use_leave_guard();
    let is_open = RwSignal::new(false);
    let navigate = StoredValue::new(use_navigate());
    let session = use_session();
    let location = use_location();
    guard_history(move || {
        let search = location.search.get_untracked();
        let path = location.pathname.get_untracked();
        if search.is_empty() { path } else { format!("{path}?{search}") }
    });
    Effect::new(move |_| {
        if guard.asked.with(Option::is_some) {
            is_open.set(true);
        }
    });
    let leave = move |_| {
        guard.has_unsaved.set(false);
        match guard.asked.get_untracked() {
            Some(Leave::To(target)) => navigate.with_value(|navigate| navigate(&target, Default::default())),
            Some(Leave::SignOut) => session.sign_out(),
            None => {}
        }
        guard.asked.set(None);
        is_open.set(false);
    };
    Effect::new(move |_| {
        if !is_open.get() {
            guard.asked.set(None);
        }
    });
    view! {
        <Modal is_open label="Unsaved edits" class="narrow" test="leave-dialog">
            <div class="body">
                <h2>"Leave without saving?"</h2>
                <p>"The draft has edits that are not saved. They are lost when you leave."</p>
                <div class="buttons">
                    <button class="button" data-test="stay" on:click=move |_| is_open.set(false)>"Stay"</button>
                    <button class="button danger solid" data-test="leave" on:click=leave>"Leave without saving"</button>
                </div>
            </div>
        </Modal>
    }
}
