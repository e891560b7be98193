//! The grip of a rule or of a condition: drag it, press Alt with the arrows, or open its menu.

use super::icon::{Icon, IconView};
use super::policy_editor::Table;
use crate::state::decision_table::{Item, Step};
use leptos::ev::{KeyboardEvent, MouseEvent, PointerEvent};
use leptos::prelude::*;
use wasm_bindgen::JsCast;

const MENU_ID: &str = "item-menu";
/// Its height, so that it never opens below the screen's end.
const MENU_HEIGHT: f64 = 156.0;
/// A pointer that moves less than this, in pixels, clicks.
const SLIP: f64 = 4.0;

/// The id of the element that is moved.
pub fn item_id(item: Item) -> String {
    format!("item-{}", item.key())
}

/// Where the item would land: `before` or `after` the one that asks.
pub fn drop_mark(table: Table, item: Item) -> Option<&'static str> {
    match table.drag.get() {
        Some((dragged, _)) if dragged == item => Some("dragged"),
        Some((dragged, to)) if dragged.like(to) == item => {
            Some(if to < dragged.at() { "before" } else { "after" })
        }
        _ => None,
    }
}

#[component]
pub fn Grip(
    table: Table,
    item: Item,
    /// What it moves.
    words: Signal<String>,
) -> impl IntoView {
    // Where the pointer went down, and whether it has dragged since.
    let pressed = StoredValue::new(None::<(f64, bool)>);
    let document_of = table.workbench.draft.document;
    let on_down = move |event: PointerEvent| {
        if event.button() == 0 {
            pressed.set_value(Some((f64::from(event.client_y()), false)));
            if let Some(grip) = event.current_target().and_then(|it| it.dyn_into::<web_sys::Element>().ok()) {
                // Without it a drag ends where the pointer leaves the grip.
                let _ = grip.set_pointer_capture(event.pointer_id());
            }
        }
    };
    let on_move = move |event: PointerEvent| {
        let Some((from, is_drag)) = pressed.get_value() else { return };
        let y = f64::from(event.client_y());
        if event.buttons() == 0 || !is_drag && (y - from).abs() < SLIP {
            return;
        }
        pressed.set_value(Some((from, true)));
        let count = document_of.with_untracked(|document| item.count(document));
        let is_above = |at: &usize| {
            document().get_element_by_id(&item_id(item.like(*at))).is_some_and(|element| {
                let place = element.get_bounding_client_rect();
                place.top() + place.height() / 2.0 < y
            })
        };
        let to = (0..count).filter(|at| *at != item.at()).filter(is_above).count();
        if table.drag.get_untracked() != Some((item, to)) {
            table.drag.set(Some((item, to)));
        }
    };
    let end = move |is_drop: bool| {
        let drag = table.drag.get_untracked();
        table.drag.set(None);
        if let Some((item, to)) = drag.filter(|_| is_drop) {
            table.step(item, Step::To(to));
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let step = match event.key().as_str() {
            "ArrowUp" if event.alt_key() => Step::Up,
            "ArrowDown" if event.alt_key() => Step::Down,
            "Delete" => Step::Remove,
            "Escape" => return end(false),
            _ => return,
        };
        event.prevent_default();
        table.step(item, step);
    };
    let on_click = move |event: MouseEvent| {
        // The click that ends a drag opens nothing.
        if pressed.get_value().is_some_and(|(_, is_drag)| is_drag) {
            event.prevent_default();
        } else if let Some(grip) = document().get_element_by_id(&format!("grip-{}", item.key())) {
            let place = grip.get_bounding_client_rect();
            let height = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(f64::MAX);
            table.menu.set((item, place.left(), place.bottom().min(height - MENU_HEIGHT)));
        }
        pressed.set_value(None);
    };
    view! {
        <button
            type="button"
            class="grip"
            id=format!("grip-{}", item.key())
            data-test=format!("grip-{}", item.key())
            popovertarget=MENU_ID
            title="Drag to move, Alt with ↑ or ↓ to move, click for more"
            aria-label=move || words.with(|words| format!("Move, duplicate or remove {words}"))
            aria-keyshortcuts="Alt+ArrowUp Alt+ArrowDown Delete"
            on:pointerdown=on_down
            on:pointermove=on_move
            on:pointerup=move |_| end(true)
            on:pointercancel=move |_| end(false)
            on:keydown=on_key
            on:click=on_click
        >
            <IconView icon=Icon::Grip/>
        </button>
    }
}

/// The one menu of all grips
#[component]
pub fn ItemMenu(table: Table) -> impl IntoView {
    let document_of = table.workbench.draft.document;
    let menu = table.menu;
    let steps = [
        ("Move up", Step::Up),
        ("Move down", Step::Down),
        ("Duplicate", Step::Duplicate),
        ("Remove", Step::Remove),
    ];
    view! {
        <div
            id=MENU_ID
            class="item-menu"
            popover="auto"
            role="group"
            aria-label=move || document_of.with(|document| menu.get().0.words(document))
            style:left=move || format!("{}px", menu.get().1)
            style:top=move || format!("{}px", menu.get().2)
        >
            {steps.map(|(name, step)| view! {
                <button
                    type="button"
                    popovertarget=MENU_ID
                    popovertargetaction="hide"
                    data-test=format!("menu-{}", name.to_lowercase().replace(' ', "-"))
                    disabled=move || !document_of.with(|document| menu.get().0.can(step, document))
                    on:click=move |_| table.step(menu.get_untracked().0, step)
                >
                    {name}
                </button>
            }).collect_view()}
        </div>
    }
}
