//! After a navigation the page's heading takes the focus; on the first load the document keeps it.

use leptos::html;
use leptos::prelude::*;

#[derive(Clone, Copy)]
struct FirstPage(StoredValue<bool>);

pub fn provide() {
    provide_context(FirstPage(StoredValue::new(true)));
}

/// Focuses `heading` once it is there, unless it is that of the first page.
pub fn on_navigation(heading: NodeRef<html::H1>) {
    let first = use_context::<FirstPage>();
    Effect::new(move |_| {
        let (Some(heading), Some(FirstPage(first))) = (heading.get(), first) else { return };
        if first.get_value() {
            first.set_value(false);
        } else {
            let _ = heading.focus();
        }
    });
}
