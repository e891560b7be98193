//! What is asked for before a pool or an agent is made or changed.

use crate::api;
use crate::components::modal::Modal;
use crate::state::pools::PoolBench;
use crate::state::toasts::use_toasts;
use contract::{PoolDetail, SaveAgent, SavePool, WaitingList};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use policy::routing::Fallback;

/// A new pool, or with `pool` the settings of one
#[component]
pub fn PoolDialog(
    bench: PoolBench,
    is_open: RwSignal<bool>,
    /// None for a new one.
    #[prop(into)]
    pool: Signal<Option<PoolDetail>>,
    on_saved: Callback<String>,
) -> impl IntoView {
    view! {
        <Modal is_open label="Pool" class="narrow" test="pool-dialog">
            {move || { let pool = pool.get_untracked(); view! { <PoolForm bench is_open pool on_saved/> } }}
        </Modal>
    }
}

#[component]
fn PoolForm(
    bench: PoolBench,
    is_open: RwSignal<bool>,
    pool: Option<PoolDetail>,
    on_saved: Callback<String>,
) -> impl IntoView {
    let toasts = use_toasts();
    let is_new = pool.is_none();
    let name = RwSignal::new(pool.as_ref().map(|pool| pool.name.clone()).unwrap_or_default());
    let falls_back = RwSignal::new(pool.as_ref().is_some_and(|pool| pool.fallback == Fallback::Organisation));
    let waiting = pool.as_ref().and_then(|pool| pool.waiting);
    let waits = RwSignal::new(waiting.is_some());
    let seconds = RwSignal::new(waiting.map_or(120, |waiting| waiting.seconds_max).to_string());
    let places = RwSignal::new(waiting.map_or(10, |waiting| waiting.leads_max).to_string());
    let error = RwSignal::new(None::<String>);
    let id = StoredValue::new(pool.map(|pool| pool.id));
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let waiting =
            match (waits.get_untracked(), seconds.get_untracked().parse(), places.get_untracked().parse()) {
                (false, ..) => None,
                (true, Ok(seconds_max), Ok(leads_max)) => Some(WaitingList { seconds_max, leads_max }),
                _ => return error.set(Some("Seconds and places are whole numbers.".to_owned())),
            };
        let saved = SavePool {
            name: name.get_untracked().trim().to_owned(),
            fallback: if falls_back.get_untracked() { Fallback::Organisation } else { Fallback::None },
            waiting,
        };
        spawn_local(async move {
            let words = format!("Pool “{}” saved.", saved.name);
            let outcome = match id.get_value() {
                Some(id) => api::save_pool(&id, saved).await.map(|_| id),
                None => api::create_pool(saved).await.map(|made| made.id),
            };
            match outcome {
                Ok(id) => {
                    is_open.set(false);
                    toasts.say(words);
                    bench.refetch();
                    on_saved.run(id);
                }
                Err(refused) => error.set(Some(refused.to_string())),
            }
        });
    };
    view! {
        <form class="body" on:submit=submit>
            <h2>{if is_new { "New pool" } else { "Pool settings" }}</h2>
            <div class="field">
                <label for="pool-name">"Name"</label>
                <input id="pool-name" class="input" maxlength="120" required autofocus data-test="pool-name" prop:value=name on:input:target=move |event| name.set(event.target().value())/>
            </div>
            <label class="check"><input type="checkbox" data-test="pool-fallback" prop:checked=falls_back on:change:target=move |event| falls_back.set(event.target().checked())/>"When nobody in the pool is free, ask every other agent of the organisation"</label>
            <label class="check"><input type="checkbox" data-test="pool-waits" prop:checked=waits on:change:target=move |event| waits.set(event.target().checked())/>"Leads that find nobody wait, first come first served"</label>
            {move || waits.get().then(|| view! {
                <div class="pair">
                    <div class="field"><label for="pool-seconds">"Seconds at most"</label><input id="pool-seconds" class="input" inputmode="numeric" prop:value=seconds on:input:target=move |event| seconds.set(event.target().value())/></div>
                    <div class="field"><label for="pool-places">"Leads at most"</label><input id="pool-places" class="input" inputmode="numeric" prop:value=places on:input:target=move |event| places.set(event.target().value())/></div>
                </div>
            })}
            {move || error.get().map(|words| view! { <p class="field-error" role="alert" data-test="pool-error">{words}</p> })}
            <div class="buttons">
                <button type="button" class="button" on:click=move |_| is_open.set(false)>"Cancel"</button>
                <button class="button primary" data-test="pool-save">{if is_new { "Create pool" } else { "Save settings" }}</button>
            </div>
        </form>
    }
}

/// A new agent; answers the id and the name
#[component]
pub fn NewAgentDialog(
    bench: PoolBench,
    is_open: RwSignal<bool>,
    on_made: Callback<(String, String)>,
) -> impl IntoView {
    view! {
        <Modal is_open label="New agent" class="narrow" test="agent-dialog">
            {move || view! { <NewAgentForm bench is_open on_made/> }}
        </Modal>
    }
}

#[component]
fn NewAgentForm(
    bench: PoolBench,
    is_open: RwSignal<bool>,
    on_made: Callback<(String, String)>,
) -> impl IntoView {
    let (name, capacity) = (RwSignal::new(String::new()), RwSignal::new("5".to_owned()));
    let error = RwSignal::new(None::<String>);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Ok(capacity) = capacity.get_untracked().trim().parse() else {
            return error.set(Some("How many leads at a time is a whole number from 1 to 1,000.".to_owned()));
        };
        let agent =
            SaveAgent { display_name: name.get_untracked().trim().to_owned(), user_id: None, capacity };
        spawn_local(async move {
            let display_name = agent.display_name.clone();
            match api::create_agent(agent).await {
                Ok(made) => {
                    is_open.set(false);
                    bench.refetch();
                    on_made.run((made.id, display_name));
                }
                Err(refused) => error.set(Some(refused.to_string())),
            }
        });
    };
    view! {
        <form class="body" on:submit=submit>
            <h2>"New agent"</h2>
            <div class="field"><label for="agent-name">"Name"</label><input id="agent-name" class="input" maxlength="120" required autofocus data-test="agent-name" prop:value=name on:input:target=move |event| name.set(event.target().value())/></div>
            <div class="field"><label for="agent-capacity">"Leads at a time"</label><input id="agent-capacity" class="input" inputmode="numeric" data-test="agent-capacity" prop:value=capacity on:input:target=move |event| capacity.set(event.target().value())/><span class="hint">"Over all pools."</span></div>
            {move || error.get().map(|words| view! { <p class="field-error" role="alert" data-test="agent-error">{words}</p> })}
            <div class="buttons">
                <button type="button" class="button" on:click=move |_| is_open.set(false)>"Cancel"</button>
                <button class="button primary" data-test="agent-save">"Add agent"</button>
            </div>
        </form>
    }
}
