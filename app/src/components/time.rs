//! A point in time: short to read, whole on hover.

use crate::state::clock;
use leptos::prelude::*;

#[component]
pub fn Time(#[prop(into)] at: String) -> impl IntoView {
    let shown = at.clone();
    view! { <time datetime=at.clone() title=clock::full_time(&at)>{move || clock::short_time(&shown)}</time> }
}
