//! `/sign-in`: email and password.

use crate::api::{self, ApiError};
use crate::components::notice::{Notice, Tone};
use crate::state::session::{Phase, use_session};
use crate::state::url;
use contract::SignIn;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

#[component]
pub fn SignInPage() -> impl IntoView {
    let session = use_session();
    let email = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let error = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);

    let next = url::parameter("next");
    let phase = session.phase();
    let navigate = use_navigate();
    Effect::new(move |_| {
        if matches!(phase.get(), Phase::SignedIn | Phase::PasswordWanted) {
            // Only a path of this console: never an address of somebody else's.
            let next = next.get_untracked();
            let target = if next.starts_with('/') && !next.starts_with("//") && !next.contains('\\') {
                next
            } else {
                "/today".to_owned()
            };
            navigate(&target, NavigateOptions { replace: true, ..NavigateOptions::default() });
        }
    });

    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if is_busy.get_untracked() {
            return;
        }
        is_busy.set(true);
        error.set(None);
        spawn_local(async move {
            match api::sign_in(SignIn {
                email: email.get_untracked().trim().to_owned(),
                password: password.get_untracked(),
            })
            .await
            {
                Ok(()) => session.reload().await,
                Err(refused) => {
                    password.set(String::new());
                    error.set(Some(refused));
                }
            }
            is_busy.set(false);
        });
    };

    view! {
        <Title text="Sign in"/>
        <main class="sign-in">
            <div class="card">
                <div class="brand"><img src="/icon.svg" alt=""/>"Dragonfly"</div>
                <div><h1>"Sign in"</h1><p class="lead">"To the Ops Console."</p></div>
                {move || error.get().map(|error| view! { <Notice tone=Tone::Error><span data-test="sign-in-error">{error.to_string()}</span></Notice> })}
                <form on:submit=submit>
                    <div class="field">
                        <label for="email">"Email"</label>
                        <input id="email" class="input" type="email" autocomplete="username" required autofocus data-test="sign-in-email" bind:value=email/>
                    </div>
                    <div class="field">
                        <label for="password">"Password"</label>
                        <input id="password" class="input" type="password" autocomplete="current-password" required data-test="sign-in-password" bind:value=password/>
                    </div>
                    <button class="button primary" type="submit" data-test="sign-in-submit" disabled=move || is_busy.get()>
                        {move || if is_busy.get() { "Signing in…" } else { "Sign in" }}
                    </button>
                </form>
            </div>
        </main>
    }
}
