//! Asks before a page with unsaved edits is left: by a link, by the jump box, or by closing the window.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{HtmlAnchorElement, MouseEvent};

#[derive(Clone, Copy)]
pub struct LeaveGuard {
    /// Set by the page that has something to lose.
    pub has_unsaved: RwSignal<bool>,
    /// What the person wanted to do when asked.
    pub asked: RwSignal<Option<Leave>>,
}

/// A way off the page
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leave {
    To(String),
    SignOut,
}

pub fn provide() {
    let guard = LeaveGuard { has_unsaved: RwSignal::new(false), asked: RwSignal::new(None) };
    provide_context(guard);
    let closing = window_event_listener(ev::beforeunload, move |event| {
        if guard.has_unsaved.get_untracked() {
            event.prevent_default();
            event.set_return_value("unsaved");
        }
    });
    on_cleanup(move || closing.remove());
    // In the capture phase: the router must not see a click that is being asked about.
    let clicked = Closure::<dyn Fn(MouseEvent)>::new(move |event: MouseEvent| {
        if !guard.has_unsaved.get_untracked()
            || event.button() != 0
            || event.ctrl_key()
            || event.meta_key()
            || event.shift_key()
        {
            return;
        }
        let link = event
            .composed_path()
            .iter()
            .find_map(|target| target.dyn_into::<HtmlAnchorElement>().ok())
            .filter(|link| {
                link.target().is_empty() && !link.has_attribute("download") && !link.href().is_empty()
            });
        let here = location_pathname().unwrap_or_default();
        if let Some(link) = link.filter(|link| link.pathname() != here) {
            event.prevent_default();
            event.stop_propagation();
            guard.asked.set(Some(Leave::To(format!("{}{}", link.pathname(), link.search()))));
        }
    });
    // Listening fails only without a document, and then there is nothing to click.
    let _ =
        document().add_event_listener_with_callback_and_bool("click", clicked.as_ref().unchecked_ref(), true);
    clicked.forget();
}

/// Asks as well before the browser's back and forward leave the page; `here` is its address
///
/// The browser cannot be kept from going back, but it can be sent to `here` again before the router hears of it.
pub fn guard_history(here: impl Fn() -> String + 'static) {
    let guard = use_leave_guard();
    let moved = Closure::<dyn Fn(web_sys::Event)>::new(move |event: web_sys::Event| {
        let (target, here) = (location_pathname().unwrap_or_default(), here());
        if !guard.has_unsaved.get_untracked() || here.split('?').next() == Some(target.as_str()) {
            return;
        }
        event.stop_immediate_propagation();
        let search = location().search().unwrap_or_default();
        if let Ok(history) = window().history() {
            let _ = history.push_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&here));
        }
        guard.asked.set(Some(Leave::To(format!("{target}{search}"))));
    });
    let _ =
        window().add_event_listener_with_callback_and_bool("popstate", moved.as_ref().unchecked_ref(), true);
    let held = StoredValue::new_local(moved);
    on_cleanup(move || {
        held.with_value(|moved| {
            drop(window().remove_event_listener_with_callback_and_bool(
                "popstate",
                moved.as_ref().unchecked_ref(),
                true,
            ))
        })
    });
}

pub fn use_leave_guard() -> LeaveGuard {
    expect_context()
}
