//! Filters that live in the address: a search, a choice of one, a list to choose from.

use super::icon::{Icon, IconView};
use crate::state::url;
use leptos::prelude::*;
use std::time::Duration;

/// What is searched for, in the parameter `search`, a moment after it was typed
#[component]
pub fn SearchField(label: &'static str, placeholder: &'static str) -> impl IntoView {
    let current = url::parameter("search");
    let set = StoredValue::new(url::use_set_parameters());
    let typed = RwSignal::new(current.get_untracked());
    Effect::new(move |_| {
        let current = current.get();
        // What is still being typed is not pulled from under the cursor.
        if typed.with_untracked(|typed| typed.trim() != current) {
            typed.set(current);
        }
    });
    let mut search = debounce(Duration::from_millis(150), move |()| {
        set.with_value(|set| typed.with_untracked(|typed| set(&[("search", typed.trim())])));
    });
    let mut on_input = move |value: String| {
        typed.set(value);
        search(());
    };
    view! {
        <div class="search-field">
            <IconView icon=Icon::Search/>
            <input class="input" type="search" aria-label=label placeholder=placeholder autocomplete="off" spellcheck="false" data-test="search"
                prop:value=move || typed.get() on:input:target=move |event| on_input(event.target().value())/>
        </div>
    }
}

/// A button that is pressed while the parameter has its value
#[component]
pub fn Choice(name: &'static str, value: &'static str, words: &'static str) -> impl IntoView {
    let current = url::parameter(name);
    let set = url::use_set_parameters();
    view! {
        <button type="button" data-test=format!("{name}-{}", if value.is_empty() { "all" } else { value })
            aria-pressed=move || current.with(|current| current == value).to_string() on:click=move |_| set(&[(name, value)])>{words}</button>
    }
}

/// A list to choose one value of a parameter from; the first option stands for any
#[component]
pub fn SelectFilter(
    name: &'static str,
    label: &'static str,
    /// Value and words.
    #[prop(into)]
    options: Signal<Vec<(String, String)>>,
) -> impl IntoView {
    let current = url::parameter(name);
    let set = url::use_set_parameters();
    let id = format!("filter-{name}");
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <select id=id.clone() class="input" data-test=id.clone() prop:value=move || { options.track(); current.get() } on:change:target=move |event| set(&[(name, &event.target().value())])>
                {move || options.get().into_iter().map(|(value, words)| view! { <option value=value.clone() selected=current.with_untracked(|current| *current == value)>{words}</option> }).collect_view()}
            </select>
        </div>
    }
}
