//! `/welcome#token=…`: redeems the one-time link that the server printed at its start.

use crate::api::{self, ApiError};
use crate::components::notice::{Notice, Tone};
use crate::state::session::use_session;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use wasm_bindgen::JsValue;

#[component]
pub fn WelcomePage() -> impl IntoView {
    let session = use_session();
    let failure = RwSignal::new(None::<Option<ApiError>>);
    let token = location_hash().and_then(|hash| {
        hash.trim_start_matches('#')
            .split('&')
            .find_map(|part| part.strip_prefix("token=").map(str::to_owned))
    });
    // The token must not stay in the address bar or in the history.
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some("/welcome"));
    }
    let navigate = use_navigate();
    match token.filter(|token| !token.is_empty()) {
        Some(token) => spawn_local(async move {
            match api::redeem_link(token).await {
                Ok(()) => {
                    session.reload().await;
                    navigate("/today", NavigateOptions { replace: true, ..NavigateOptions::default() });
                }
                Err(error) => failure.set(Some(Some(error))),
            }
        }),
        None => failure.set(Some(None)),
    }
    view! {
        <Title text="Welcome"/>
        <main class="sign-in">
            <div class="card">
                <div class="brand"><img src="/icon.svg" alt=""/>"Dragonfly"</div>
                {move || match failure.get() {
                    None => view! { <h1>"Welcome"</h1><p class="lead" role="status">"Signing you in…"</p> }.into_any(),
                    Some(error) => view! {
                        <h1>"This link does not sign you in"</h1>
                        <Notice tone=Tone::Error>
                            {error.map_or_else(|| "The address carries no token. Copy the whole line that the server printed.".to_owned(), |error| error.to_string())}
                        </Notice>
                        <p class="lead">"A link works once. The server prints a new one at each start until a password is set."</p>
                        <a class="button" href="/sign-in">"Sign in with a password"</a>
                    }
                    .into_any(),
                }}
            </div>
        </main>
    }
}
