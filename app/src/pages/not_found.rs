use leptos::prelude::*;
use leptos_meta::Title;

#[component]
pub fn NotFoundPage() -> impl IntoView {
    view! {
        <Title text="Not found"/>
        <main class="sign-in">
            <div class="card">
                <h1>"There is no such page"</h1>
                <p class="lead">"The address may be mistyped, or the page has moved."</p>
                <a class="button primary" href="/tiers">"Go to Tiers"</a>
            </div>
        </main>
    }
}
