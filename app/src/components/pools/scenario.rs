//! What comes to the pool: the fields that simulation, moves, stress and goal share.

use crate::state::pool_lab::{Field, Kind, PoolLab};
use leptos::prelude::*;

#[component]
pub fn ScenarioForm(lab: PoolLab) -> impl IntoView {
    let problem = move |field: Field| {
        lab.scenario
            .with(|scenario| scenario.as_ref().err().filter(|it| it.field == field).map(|it| it.words))
    };
    let number = move |id: &'static str,
                       label: &'static str,
                       unit: &'static str,
                       value: RwSignal<String>,
                       field: Field| {
        view! {
            <div class="field">
                <label for=id>{label}</label>
                <div class="with-unit">
                    <input
                        id=id
                        class="input number"
                        inputmode="decimal"
                        autocomplete="off"
                        data-test=id
                        aria-invalid=move || problem(field).is_some().to_string()
                        prop:value=value
                        on:input:target=move |event| value.set(event.target().value())
                    />
                    <span class="muted">{unit}</span>
                </div>
                {move || problem(field).map(|words| view! { <p class="field-error" role="alert">{words}</p> })}
            </div>
        }
    };
    view! {
        <div class="scenario" role="group" aria-label="What comes to the pool">
            {move || match lab.day.get() {
                None => number("scenario-rate", "Leads", "an hour", lab.rate, Field::Rate).into_any(),
                Some((day, hours)) => view! {
                    <div class="field">
                        <span class="label">"Leads"</span>
                        <div class="with-unit">
                            <span class="as-day">{format!("{} as on {day}", hours.iter().sum::<f64>())}</span>
                            <button type="button" class="link" data-test="scenario-constant" on:click=move |_| lab.day.set(None)>"constant instead"</button>
                        </div>
                    </div>
                }
                .into_any(),
            }}
            {number("scenario-handling", "Time a lead takes", "min", lab.handling_minutes, Field::Handling)}
            <div class="field">
                <label for="scenario-kind">"These times are"</label>
                <select id="scenario-kind" class="input" data-test="scenario-kind" on:change:target=move |event| {
                    let value = event.target().value();
                    if let Some((kind, ..)) = Kind::ALL.into_iter().find(|(_, key, _)| *key == value) { lab.kind.set(kind) }
                }>
                    {Kind::ALL.map(|(kind, key, words)| view! { <option value=key selected=move || lab.kind.get() == kind>{words}</option> }).collect_view()}
                </select>
            </div>
            <div class="field">
                <span class="label">"When nobody is free"</span>
                <div class="segments" role="group" aria-label="When nobody is free">
                    <button type="button" data-test="scenario-lost" aria-pressed=move || (!lab.waits.get()).to_string() on:click=move |_| lab.waits.set(false)>"Lost"</button>
                    <button type="button" data-test="scenario-waits" aria-pressed=move || lab.waits.get().to_string() on:click=move |_| lab.waits.set(true)>"Waits"</button>
                </div>
            </div>
            {move || lab.waits.get().then(|| number("scenario-patience", "Gives up after", "min on average", lab.patience_minutes, Field::Patience))}
        </div>
        {move || problem(Field::Members).map(|words| view! { <p class="field-error" role="alert">{words}</p> })}
    }
}
