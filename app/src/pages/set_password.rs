//! Asks for a first password before anything else.

use crate::api;
use crate::components::notice::{Notice, Tone};
use crate::state::session::use_session;
use contract::SetPassword;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;

const LENGTH_MIN: usize = 12;

#[component]
pub fn SetPasswordPage() -> impl IntoView {
    let session = use_session();
    let password = RwSignal::new(String::new());
    let again = RwSignal::new(String::new());
    let error = RwSignal::new(None::<String>);
    let is_busy = RwSignal::new(false);

    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let new = password.get_untracked();
        if new.chars().count() < LENGTH_MIN {
            error.set(Some(format!("The password is too short: it needs at least {LENGTH_MIN} characters.")));
        } else if new != again.get_untracked() {
            error.set(Some("The two passwords differ. Type the same one twice.".to_owned()));
        } else if !is_busy.get_untracked() {
            is_busy.set(true);
            error.set(None);
            spawn_local(async move {
                match api::set_password(SetPassword { current: None, new }).await {
                    Ok(()) => session.reload().await,
                    Err(refused) => error.set(Some(refused.to_string())),
                }
                is_busy.set(false);
            });
        }
    };
    let email = session.current();

    view! {
        <Title text="Set a password"/>
        <main class="sign-in">
            <div class="card">
                <div class="brand"><img src="/icon.svg" alt=""/>"Dragonfly"</div>
                <div>
                    <h1>"Set a password"</h1>
                    <p class="lead">"The link that brought you here works once. From now on you sign in with a password."</p>
                </div>
                {move || error.get().map(|error| view! { <Notice tone=Tone::Error><span data-test="set-password-error">{error}</span></Notice> })}
                <form on:submit=submit>
                    <input type="hidden" autocomplete="username" value=move || email.get().map(|session| session.email)/>
                    <div class="field">
                        <label for="new-password">"New password"</label>
                        <input id="new-password" class="input" type="password" autocomplete="new-password" required autofocus aria-describedby="password-hint" data-test="set-password-new" bind:value=password/>
                        <span class="hint" id="password-hint">"At least 12 characters. A few unrelated words make a good one."</span>
                    </div>
                    <div class="field">
                        <label for="password-again">"The same again"</label>
                        <input id="password-again" class="input" type="password" autocomplete="new-password" required data-test="set-password-again" bind:value=again/>
                    </div>
                    <button class="button primary" type="submit" data-test="set-password-submit" disabled=move || is_busy.get()>"Set password"</button>
                </form>
            </div>
        </main>
    }
}
