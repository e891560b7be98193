//! A table of any length: only the rows in sight are in the document.

use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

/// Rows kept above and below what is in sight, so that a quick scroll shows rows and not gaps.
const OVERSCAN: u32 = 8;

/// A column's head.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub title: &'static str,
    /// Numbers are right-aligned, head and cells alike.
    pub is_number: bool,
    /// The sort key; a column without one cannot be sorted by.
    pub sort: Option<&'static str>,
}

impl Column {
    pub const fn text(title: &'static str, sort: Option<&'static str>) -> Self {
        Self { title, is_number: false, sort }
    }

    pub const fn number(title: &'static str, sort: Option<&'static str>) -> Self {
        Self { title, is_number: true, sort }
    }
}

/// A grid of `row_count` rows of equal height, with sticky heads and the keyboard of an ARIA grid
///
/// The container keeps the focus and names the active row; arrows, Page Up and Down, Home and End move it
/// and Enter opens it. `render_row` gives the cells of one row (elements with `role="gridcell"`), and may
/// read signals. `on_window` hears which rows (from, below) are in the document.
#[component]
pub fn VirtualGrid(
    #[prop(into)] label: String,
    class: &'static str,
    columns: &'static [Column],
    #[prop(into)] row_count: Signal<u32>,
    /// In pixels.
    #[prop(into)]
    row_height: Signal<u32>,
    /// A sort key; a leading `-` descends.
    #[prop(into)]
    sort: Signal<String>,
    #[prop(into)] on_sort: Callback<String>,
    #[prop(into)] render_row: Callback<u32, AnyView>,
    #[prop(into)] on_open: Callback<u32>,
    #[prop(optional, into)] on_window: Option<Callback<(u32, u32)>>,
    /// Goes back to the top when it changes.
    #[prop(into)]
    top_on: Signal<u32>,
    #[prop(into)] row_test: &'static str,
) -> impl IntoView {
    let scroller = NodeRef::<html::Div>::new();
    let scroll_top = RwSignal::new(0.0_f64);
    let height = RwSignal::new(600.0_f64);
    let active = RwSignal::new(None::<u32>);
    let id_prefix = format!("{class}-row");

    observe_height(scroller, height);
    Effect::new(move |previous: Option<u32>| {
        let now = top_on.get();
        if previous.is_some_and(|previous| previous != now) {
            active.set(None);
            if let Some(scroller) = scroller.get_untracked() {
                scroller.set_scroll_top(0);
            }
        }
        now
    });

    let window = Memo::new(move |_| {
        let row_height = f64::from(row_height.get().max(1));
        let rows = row_count.get();
        let first = (scroll_top.get() / row_height) as u32;
        let in_sight = (height.get() / row_height) as u32 + 2;
        let from = first.saturating_sub(OVERSCAN).min(rows);
        (from, first.saturating_add(in_sight + OVERSCAN).min(rows))
    });
    if let Some(on_window) = on_window {
        Effect::new(move |_| on_window.run(window.get()));
    }

    let reveal = move |row: u32| {
        let Some(scroller) = scroller.get_untracked() else { return };
        let row_height = f64::from(row_height.get_untracked());
        let head = scroller
            .query_selector(".virtual-grid-head")
            .ok()
            .flatten()
            .map_or(0.0, |head| head.get_bounding_client_rect().height());
        let top = f64::from(row) * row_height;
        let sight = f64::from(scroller.client_height()) - head;
        let at = f64::from(scroller.scroll_top());
        if top < at {
            scroller.set_scroll_top(top as i32);
        } else if top + row_height > at + sight {
            scroller.set_scroll_top((top + row_height - sight).ceil() as i32);
        }
    };
    let move_to = move |row: u32| {
        active.set(Some(row));
        reveal(row);
    };
    let on_key = move |event: KeyboardEvent| {
        let rows = row_count.get_untracked();
        let Some(last) = rows.checked_sub(1) else { return };
        let now = active.get_untracked().unwrap_or(0).min(last);
        let page = (height.get_untracked() / f64::from(row_height.get_untracked().max(1))) as u32;
        // Keys that a head's button or a link understands are theirs.
        let is_own = event.target().as_ref() == scroller.get_untracked().as_ref().map(AsRef::as_ref);
        let target = match event.key().as_str() {
            "ArrowDown" => {
                if active.get_untracked().is_some() {
                    now.saturating_add(1)
                } else {
                    now
                }
            }
            "ArrowUp" => now.saturating_sub(1),
            "PageDown" => now.saturating_add(page),
            "PageUp" => now.saturating_sub(page),
            "Home" => 0,
            "End" => last,
            "Enter" if is_own => {
                // What opens may take the focus at once: the key must not press a button there.
                event.prevent_default();
                if active.get_untracked().is_some() {
                    on_open.run(now);
                }
                return;
            }
            _ => return,
        };
        event.prevent_default();
        move_to(target.min(last));
    };

    let row_id = StoredValue::new(id_prefix);
    view! {
        <div
            node_ref=scroller
            class=format!("virtual-grid {class}")
            role="grid"
            tabindex="0"
            aria-label=label
            aria-rowcount=move || row_count.get() + 1
            aria-colcount=columns.len()
            aria-activedescendant=move || active.get().filter(|row| { let (from, below) = window.get(); (from..below).contains(row) }).map(|row| format!("{}-{row}", row_id.get_value()))
            on:scroll=move |_| if let Some(scroller) = scroller.get_untracked() { scroll_top.set(f64::from(scroller.scroll_top())) }
            on:keydown=on_key
        >
            <div class="virtual-grid-head" role="row" aria-rowindex="1">
                {columns.iter().map(|column| view! { <HeadCell column=*column sort on_sort/> }).collect_view()}
            </div>
            <div class="virtual-grid-body" role="rowgroup" style:height=move || format!("{}px", u64::from(row_count.get()) * u64::from(row_height.get()))>
                <For each=move || { let (from, below) = window.get(); from..below } key=|row| *row let:row>
                    <div
                        class="virtual-grid-row"
                        role="row"
                        id=format!("{}-{row}", row_id.get_value())
                        aria-rowindex=row + 2
                        data-test=row_test
                        data-active=move || (active.get() == Some(row)).then_some("true")
                        style:transform=move || format!("translateY({}px)", u64::from(row) * u64::from(row_height.get()))
                        style:height=move || format!("{}px", row_height.get())
                        on:click=move |event| {
                            active.set(Some(row));
                            if !event.default_prevented() && !is_selecting() {
                                on_open.run(row);
                            }
                        }
                    >
                        {move || render_row.run(row)}
                    </div>
                </For>
            </div>
        </div>
    }
}

/// Whether the click ended a selection of text: then it is no wish to open the row.
fn is_selecting() -> bool {
    window().get_selection().ok().flatten().is_some_and(|selection| !selection.is_collapsed())
}

fn observe_height(scroller: NodeRef<html::Div>, height: RwSignal<f64>) {
    Effect::new(move |_| {
        let Some(element) = scroller.get() else { return };
        height.set(f64::from(element.client_height()));
        let observed = element.clone();
        let resized = Closure::<dyn Fn()>::new(move || {
            let _ = height.try_set(f64::from(observed.client_height()));
        });
        let Ok(observer) = web_sys::ResizeObserver::new(resized.as_ref().unchecked_ref()) else { return };
        observer.observe(&element);
        let held = StoredValue::new_local((observer, resized));
        on_cleanup(move || held.with_value(|(observer, _)| observer.disconnect()));
    });
}

#[component]
fn HeadCell(column: Column, sort: Signal<String>, on_sort: Callback<String>) -> impl IntoView {
    let class = if column.is_number { "number" } else { "" };
    let Some(key) = column.sort else {
        return view! { <div class=class role="columnheader">{column.title}</div> }.into_any();
    };
    let direction = Memo::new(move |_| {
        sort.with(|sort| match sort.strip_prefix('-') {
            Some(descending) if descending == key => "descending",
            None if sort == key => "ascending",
            _ => "none",
        })
    });
    // Numbers are first wanted from the largest down, names from A on.
    let next = move || match (direction.get_untracked(), column.is_number) {
        ("descending", true) | ("none", false) => key.to_owned(),
        ("ascending", true) | ("ascending", false) | ("none", true) => format!("-{key}"),
        _ => key.to_owned(),
    };
    view! {
        <div class=class role="columnheader" aria-sort=move || direction.get()>
            <button data-test=format!("sort-{key}") on:click=move |_| on_sort.run(next())>
                {column.title}
                <span class="arrow" aria-hidden="true">{move || match direction.get() { "ascending" => "↑", "descending" => "↓", _ => "" }}</span>
            </button>
        </div>
    }
    .into_any()
}
