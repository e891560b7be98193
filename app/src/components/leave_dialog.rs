//! Asks before unsaved edits are left behind.

use super::modal::Modal;
use crate::state::leave_guard::use_leave_guard;
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

#[component]
pub fn LeaveDialog() -> impl IntoView {
    let guard = use_leave_guard();
    let is_open = RwSignal::new(false);
    let navigate = StoredValue::new(use_navigate());
    Effect::new(move |_| {
        if guard.asked.with(Option::is_some) {
            is_open.set(true);
        }
    });
    let leave = move |_| {
        is_open.set(false);
        guard.has_unsaved.set(false);
        if let Some(target) = guard.asked.get_untracked() {
            guard.asked.set(None);
            navigate.with_value(|navigate| navigate(&target, Default::default()));
        }
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
