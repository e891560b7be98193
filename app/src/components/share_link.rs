//! A draft as a link: copied here, opened there; nothing of it goes through the server.

use super::icon::{Icon, IconView};
use super::modal::Modal;
use super::notice::{Notice, Tone};
use crate::state::link::{self, LinkError};
use crate::state::toasts::use_toasts;
use crate::state::workbench::Workbench;
use contract::NewDraft;
use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;

#[component]
pub fn CopyLink(workbench: Workbench) -> impl IntoView {
    let toasts = use_toasts();
    let draft = workbench.draft;
    let is_policy = Memo::new(move |_| workbench.policy.with(Result::is_ok));
    // A browser that keeps its clipboard to itself: the link is shown instead.
    let shown = RwSignal::new(String::new());
    let is_open = RwSignal::new(false);
    let copy = move |_| {
        let content = NewDraft {
            name: draft.name.get_untracked(),
            policy: draft.document.get_untracked(),
            assertions: Some(draft.assertions.get_untracked()),
        };
        spawn_local(async move {
            match link::pack(&content).await {
                Some(address) if copied(&address).await => {
                    toasts.say("Link copied. The whole draft is in it; nothing was sent to the server.");
                }
                Some(address) => {
                    shown.set(address);
                    is_open.set(true);
                }
                None => toasts.say("This draft is too large for a link: save it instead."),
            }
        });
    };
    view! {
        <button class="button copy-link" aria-label="Copy link" data-test="copy-link" disabled=move || !is_policy.get() title="A link that holds the whole draft: rules, guardrails and name" on:click=copy>
            <IconView icon=Icon::Link/><span class="label">"Copy link"</span>
        </button>
        <Modal is_open label="Link to this draft" class="narrow" test="link-dialog">
            <div class="body">
                <h2>"Link to this draft"</h2>
                <p>"This browser does not let the page copy. The whole draft is in this link:"</p>
                <textarea class="input" rows="5" readonly aria-label="Link" data-test="link-text" prop:value=move || shown.get()></textarea>
                <div class="buttons"><button class="button" on:click=move |_| is_open.set(false)>"Close"</button></div>
            </div>
        </Modal>
    }
}

async fn copied(text: &str) -> bool {
    // Absent where the page is not served securely, which its type does not say.
    let clipboard = js_sys::Reflect::get(&window().navigator(), &"clipboard".into()).ok();
    let Some(clipboard) = clipboard.filter(|it| it.is_object()) else { return false };
    JsFuture::from(clipboard.unchecked_into::<web_sys::Clipboard>().write_text(text)).await.is_ok()
}

/// Opens the link that brought somebody here, as an unsaved draft, or says why it cannot
#[component]
pub fn OpenedLink(workbench: Workbench) -> impl IntoView {
    let toasts = use_toasts();
    let failure = RwSignal::new(None::<LinkError>);
    let open = move || {
        let Some(text) = link::take() else { return };
        failure.set(None);
        spawn_local(async move {
            match link::unpack(&text).await {
                Ok(NewDraft { name, policy, assertions }) => {
                    workbench.draft.take_over(policy, assertions, name.clone());
                    toasts.say(format!(
                        "“{name}” opened from a link. It is yours now and not saved; undo takes it back."
                    ));
                }
                Err(error) => failure.set(Some(error)),
            }
        });
    };
    // After the page's own draft is open.
    Effect::new(move |_| open());
    let changed = window_event_listener(ev::hashchange, move |_| {
        if link::receive() {
            open();
        }
    });
    on_cleanup(move || changed.remove());
    move || {
        failure.get().map(|error| view! {
            <Notice tone=Tone::Error>
                <div class="load-failed" data-test="link-failed">
                    <span>{format!("This link could not be opened. {error} The draft below is as it was.")}</span>
                    <button class="button small" on:click=move |_| failure.set(None)>"Close"</button>
                </div>
            </Notice>
        })
    }
}
