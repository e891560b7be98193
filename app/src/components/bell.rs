//! The bell in the frame: how many alerts are unread, and a panel with the newest.

use super::icon::{Icon, IconView};
use super::modal::Modal;
use crate::api;
use crate::pages::parts::{self, Deferred};
use crate::state::live::use_live;
use crate::state::remote::Remote;
use leptos::prelude::*;

/// What the server counts at most.
const COUNTED_MAX: u64 = 100;

#[component]
pub fn Bell() -> impl IntoView {
    let is_open = RwSignal::new(false);
    let unread = Remote::live([use_live().alerts], api::alerts::unread);
    let count =
        Memo::new(move |_| unread.value.with(|unread| unread.as_ref().map_or(0, |unread| unread.count)));
    let shown = move || match count.get() {
        COUNTED_MAX.. => format!("{}+", COUNTED_MAX - 1),
        count => count.to_string(),
    };
    let label = move || match count.get() {
        0 => "Alerts: none unread".to_owned(),
        _ => format!("Alerts: {} unread", shown()),
    };
    view! {
        <button
            class="button quiet icon-only bell"
            data-test="bell"
            data-unread=move || count.get().to_string()
            aria-haspopup="dialog"
            aria-expanded=move || is_open.get().to_string()
            aria-label=label
            title=label
            on:click=move |_| is_open.set(true)
        >
            <IconView icon=Icon::Bell/>
            {move || (count.get() > 0).then(|| view! { <span class="unread" aria-hidden="true">{shown()}</span> })}
        </button>
        <Modal is_open label="Alerts" class="alerts-drawer" test="alerts-panel">
            <Deferred page=move || parts::alerts_panel(is_open)/>
        </Modal>
    }
}
