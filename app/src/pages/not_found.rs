//! Every address that names no page.

use crate::components::page_header::PageHeader;
use leptos::prelude::*;

#[component]
pub fn NotFoundPage() -> impl IntoView {
    view! {
        <div class="page">
            <PageHeader title="There is no such page" lead="The address may be mistyped, or the page has moved.">
                <a class="button primary" href="/today">"Go to Today"</a>
            </PageHeader>
        </div>
    }
}
