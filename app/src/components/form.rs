//! What the forms of people's work have in common: a label, what is wrong, and what went wrong.

use super::notice::{Notice, Tone};
use leptos::prelude::*;

/// A field under its label, with what the server or the form has against it
#[component]
pub fn Field(
    #[prop(into)] id: String,
    #[prop(into)] label: String,
    #[prop(into)] error: Signal<Option<String>>,
    #[prop(optional, into)] hint: Option<String>,
    children: Children,
) -> impl IntoView {
    let error_id = format!("{id}-error");
    view! {
        <div class="field">
            <label for=id>{label}</label>
            {children()}
            {hint.map(|hint| view! { <span class="hint">{hint}</span> })}
            {move || error.get().map(|error| view! { <span class="field-error" id=error_id.clone() role="alert" data-test="field-error">{error}</span> })}
        </div>
    }
}

/// What a form has against all of it
#[component]
pub fn FormError(#[prop(into)] error: Signal<Option<String>>) -> impl IntoView {
    move || {
        error.get().map(
            |error| view! { <div data-test="form-error"><Notice tone=Tone::Error>{error}</Notice></div> },
        )
    }
}
