//! Native modal dialogs: the browser keeps the focus inside and gives it back.

use leptos::html;
use leptos::prelude::*;

/// Shows its children in a modal dialog while `is_open`; Escape and the backdrop close it
#[component]
pub fn Modal(
    #[prop(into)] is_open: RwSignal<bool>,
    #[prop(into)] label: String,
    #[prop(optional, into)] class: &'static str,
    #[prop(optional, into)] test: &'static str,
    children: ChildrenFn,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        match (is_open.get(), dialog.open()) {
            // Refused only where the dialog has left the document: then there is nothing to show.
            (true, false) => drop(dialog.show_modal()),
            (false, true) => dialog.close(),
            _ => {}
        }
    });
    let class = format!("modal {class}");
    view! {
        <dialog
            node_ref=dialog
            class=class
            aria-label=label
            data-test=test
            on:close=move |_| is_open.set(false)
            on:mousedown=move |event| {
                // The backdrop belongs to the dialog itself; everything else is inside a child.
                if dialog.get_untracked().is_some_and(|dialog| event.target().as_ref() == Some(dialog.as_ref())) {
                    is_open.set(false);
                }
            }
        >
            {move || is_open.get().then(|| children())}
        </dialog>
    }
}

/// Asks before something that cannot be taken back
#[component]
pub fn ConfirmDialog(
    #[prop(into)] is_open: RwSignal<bool>,
    #[prop(into)] title: Signal<String>,
    #[prop(into)] text: Signal<String>,
    /// A verb.
    #[prop(into)]
    confirm: Signal<String>,
    #[prop(into)] on_confirm: Callback<()>,
) -> impl IntoView {
    view! {
        <Modal is_open label="Confirm" class="narrow" test="confirm-dialog">
            <div class="body">
                <h2>{move || title.get()}</h2>
                <p>{move || text.get()}</p>
                <div class="buttons">
                    <button class="button" data-test="cancel" on:click=move |_| is_open.set(false)>"Cancel"</button>
                    <button class="button danger solid" data-test="confirm" on:click=move |_| { is_open.set(false); on_confirm.run(()); }>{move || confirm.get()}</button>
                </div>
            </div>
        </Modal>
    }
}
