//! Whether the screen is as narrow as a phone, where tables become lists.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

#[derive(Clone, Copy)]
struct Narrow(RwSignal<bool>);

pub fn provide() {
    let query = window().match_media("(max-width: 640px)").ok().flatten();
    let narrow = RwSignal::new(query.as_ref().is_some_and(web_sys::MediaQueryList::matches));
    if let Some(query) = query {
        let changed = Closure::<dyn Fn(web_sys::MediaQueryListEvent)>::new(
            move |event: web_sys::MediaQueryListEvent| narrow.set(event.matches()),
        );
        query.set_onchange(Some(changed.as_ref().unchecked_ref()));
        changed.forget();
    }
    provide_context(Narrow(narrow));
}

pub fn is_narrow() -> Signal<bool> {
    use_context::<Narrow>().map_or_else(|| Signal::stored(false), |narrow| narrow.0.into())
}
