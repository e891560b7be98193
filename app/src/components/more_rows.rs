//! The looks of a list that is read page by page, around its rows.

use super::loaded::{LoadFailed, RowsSkeleton};
use crate::state::paged::Paged;
use leptos::prelude::*;

/// A skeleton, an error with a way out, what `empty` says, or the rows with a button for more
#[component]
pub fn PagedList<Row, Rest>(
    list: Paged<Row, Rest>,
    #[prop(into)] empty: ViewFn,
    /// Whether the rows' place stays although the list has become empty.
    #[prop(optional)]
    stays: Signal<bool>,
    children: ChildrenFn,
) -> impl IntoView
where
    Row: Clone + Send + Sync + 'static,
    Rest: Send + Sync + 'static,
{
    let look = Memo::new(move |_| match list.rows.with(|rows| rows.as_ref().map(Vec::is_empty)) {
        None if list.error.with(Option::is_some) => 0,
        None => 1,
        Some(true) if !stays.get() => 2,
        Some(_) => 3,
    });
    let body = move || {
        match look.get() {
        0 => ().into_any(),
        1 => view! { <div aria-busy="true"><span class="visually-hidden" role="status">"Loading"</span><RowsSkeleton rows=10/></div> }.into_any(),
        2 => view! { <div class="panel">{empty.run()}</div> }.into_any(),
        _ => view! {
            <div class="paged" aria-busy=move || list.is_stale().to_string()>{children()}</div>
            {move || list.has_more().then(|| view! {
                <button class="button more" data-test="more" disabled=move || list.is_growing() on:click=move |_| list.more()>{move || if list.is_growing() { "Loading…" } else { "Show more" }}</button>
            })}
        }
        .into_any(),
    }
    };
    view! {
        {move || list.error.get().map(|error| view! { <LoadFailed error on_retry=move |()| list.reload()/> })}
        {body}
    }
}
