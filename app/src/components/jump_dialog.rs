//! Ctrl K: jump to a page or search a case number.

use super::frame::{PAGES, visit};
use super::icon::{Icon, IconView};
use super::modal::Modal;
use crate::state::url;
use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

#[derive(Clone, PartialEq)]
struct Target {
    icon: Icon,
    name: String,
    hint: &'static str,
    address: String,
}

fn targets(typed: &str) -> Vec<Target> {
    let typed = typed.trim();
    let wanted = typed.to_lowercase();
    let pages = PAGES.iter().filter(|page| page.name.to_lowercase().contains(&wanted)).map(|page| Target {
        icon: page.icon,
        name: page.name.to_owned(),
        hint: "Page",
        address: page.address.to_owned(),
    });
    let searches = [("judgments", "/judgments"), ("cases", "/cases")].map(|(what, address)| Target {
        icon: Icon::Search,
        name: format!("Search {what} for “{typed}”"),
        hint: "Case number, plaintiff, defendant",
        address: format!("{address}?search={}", url::encode(typed)),
    });
    pages.chain(searches.into_iter().filter(|_| !typed.is_empty())).collect()
}

#[component]
pub fn JumpDialog(is_open: RwSignal<bool>) -> impl IntoView {
    view! {
        <Modal is_open label="Search or jump to" class="jump-dialog" test="jump-dialog">
            <JumpList is_open/>
        </Modal>
    }
}

#[component]
fn JumpList(is_open: RwSignal<bool>) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let chosen = RwSignal::new(0usize);
    let found = Memo::new(move |_| typed.with(|typed| targets(typed)));
    let input = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        if let Some(input) = input.get() {
            let _ = input.focus();
        }
    });
    let navigate = use_navigate();
    let go = move |position: usize| {
        if let Some(target) = found.with_untracked(|found| found.get(position).cloned()) {
            is_open.set(false);
            visit(&navigate, &target.address);
        }
    };
    let go = StoredValue::new(go);
    let on_key = move |event: KeyboardEvent| {
        let last = found.with_untracked(Vec::len).saturating_sub(1);
        match event.key().as_str() {
            "ArrowDown" => chosen.update(|position| *position = (*position + 1).min(last)),
            "ArrowUp" => chosen.update(|position| *position = position.saturating_sub(1)),
            "Enter" => go.with_value(|go| go(chosen.get_untracked())),
            _ => return,
        }
        event.prevent_default();
    };
    view! {
        <div>
            <input
                node_ref=input
                type="text"
                role="combobox"
                aria-expanded="true"
                aria-controls="jump-targets"
                aria-activedescendant=move || format!("jump-target-{}", chosen.get())
                aria-label="Search or jump to"
                placeholder="Page, case number, plaintiff or defendant"
                autocomplete="off"
                spellcheck="false"
                data-test="jump-input"
                on:input:target=move |event| { typed.set(event.target().value()); chosen.set(0); }
                on:keydown=on_key
            />
            <ul id="jump-targets" role="listbox" aria-label="Targets">
                {move || found.get().into_iter().enumerate().map(|(position, target)| view! {
                    <li
                        id=format!("jump-target-{position}")
                        role="option"
                        aria-selected=move || (chosen.get() == position).to_string()
                        on:mousemove=move |_| chosen.set(position)
                        on:click=move |_| go.with_value(|go| go(position))
                    >
                        <IconView icon=target.icon/><span class="clip">{target.name}</span><span class="spacer"></span><span class="hint">{target.hint}</span>
                    </li>
                }).collect_view()}
            </ul>
        </div>
    }
}
