//! What is made only once somebody comes near it.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

/// How far below or above the screen something is near.
const NEAR: &str = "800px 0px";

/// Whether an element is near the screen, or was once
pub fn seen(element: NodeRef<html::Li>) -> ReadSignal<bool> {
    let (is_seen, see) = signal(false);
    let watch =
        StoredValue::new_local(None::<(web_sys::IntersectionObserver, Closure<dyn FnMut(js_sys::Array)>)>);
    let stop = move || {
        if let Some((observer, _)) = watch.try_update_value(Option::take).flatten() {
            observer.disconnect();
        }
    };
    Effect::new(move |_| {
        let Some(element) = element.get() else { return };
        if is_seen.get_untracked() {
            return;
        }
        let on_cross = Closure::new(move |entries: js_sys::Array| {
            let is_near = |entry: wasm_bindgen::JsValue| {
                entry.unchecked_into::<web_sys::IntersectionObserverEntry>().is_intersecting()
            };
            if entries.iter().any(is_near) {
                let _ = see.try_set(true);
            }
        });
        let options = web_sys::IntersectionObserverInit::new();
        options.set_root_margin(NEAR);
        let callback = on_cross.as_ref().unchecked_ref();
        match web_sys::IntersectionObserver::new_with_options(callback, &options) {
            Ok(observer) => {
                observer.observe(&element);
                watch.set_value(Some((observer, on_cross)));
            }
            // Without one, everything is near.
            Err(_) => see.set(true),
        }
    });
    Effect::new(move |_| {
        if is_seen.get() {
            stop();
        }
    });
    on_cleanup(stop);
    is_seen
}
