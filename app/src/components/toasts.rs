//! The corner where short messages appear; a screen reader hears them.

use super::icon::{Icon, IconView};
use crate::state::toasts::use_toasts;
use leptos::prelude::*;

#[component]
pub fn ToastList() -> impl IntoView {
    let toasts = use_toasts();
    view! {
        <div class="toasts" role="region" aria-label="Messages" aria-live="polite">
            <For each=move || toasts.list().get() key=|toast| toast.id let:toast>
                <div class=if toast.is_error { "toast error" } else { "toast" } role=toast.is_error.then_some("alert") data-test="toast">
                    <p>{toast.text}</p>
                    <button class="button quiet small icon-only" aria-label="Dismiss" on:click=move |_| toasts.dismiss(toast.id)><IconView icon=Icon::Close/></button>
                </div>
            </For>
        </div>
    }
}
