//! `/stages`: how long a case should stay in each stage, and what the stage means here; admins set both.

use crate::api;
use crate::components::form::{Field, FormError};
use crate::components::loaded::{Loaded, RowsSkeleton};
use crate::components::modal::{ConfirmDialog, Modal};
use crate::components::page_header::PageHeader;
use crate::components::time::Time;
use crate::format;
use crate::state::live::use_live;
use crate::state::remote::Remote;
use crate::state::rpc::Rpc;
use crate::state::session::use_session;
use crate::state::toasts::use_toasts;
use contract::{Role, Stage};
use leptos::prelude::*;
use serde_json::json;

const RPC: &str = "set_enforcement_stage_settings";

#[component]
pub fn StagesPage() -> impl IntoView {
    let stages = Remote::live([use_live().cases], api::review::stages);
    view! {
        <div class="page stages-page">
            <PageHeader title="Stages" lead="How many days a case may stay in each stage, and what the stage means here. A change counts at once, also for the cases that are in the stage already." parent=("/review", "Review")/>
            <Loaded remote=stages skeleton=|| view! { <RowsSkeleton rows=10/> } let:now>
                <Stages now remote=stages/>
            </Loaded>
        </div>
    }
}

#[component]
fn Stages(now: Signal<Vec<Stage>>, remote: Remote<Vec<Stage>>) -> impl IntoView {
    let session = use_session();
    let toasts = use_toasts();
    let may_set = Memo::new(move |_| session.may(Role::Admin));
    let edited = RwSignal::new(None::<Stage>);
    let is_editing = RwSignal::new(false);
    let resetting = RwSignal::new(None::<Stage>);
    let is_asking = RwSignal::new(false);
    let reset = Rpc::of_button(RPC);
    let go_back = move |()| {
        let Some(stage) = resetting.get_untracked() else { return };
        let words = format::words(&stage.stage);
        reset.send(json!({ "stage": stage.stage, "sla_days": null, "description": null }), move |_| {
            toasts.say(format!("{words} is back at its defaults."));
            remote.refetch();
        });
    };
    let on_done = Callback::new(move |words: String| {
        is_editing.set(false);
        toasts.say(words);
        remote.refetch();
    });
    let row = move |stage: Stage| {
        let is_own =
            stage.sla_days != stage.default_sla_days || stage.description != stage.default_description;
        let (editing, back) = (stage.clone(), stage.clone());
        let days = |days: Option<u32>| {
            days.map_or_else(|| "none".to_owned(), |days| format::counted(u64::from(days), "day", "days"))
        };
        view! {
            <tr role="row" data-test="stage" data-stage=stage.stage.clone() data-sla=stage.sla_days.map(|days| days.to_string())>
                <td role="cell" class="number ordinal">{stage.ordinal}</td>
                <th scope="row" role="rowheader" class="name">{format::words(&stage.stage)}</th>
                <td role="cell" class="number sla"><strong>{days(stage.sla_days)}</strong>{(stage.sla_days != stage.default_sla_days).then(|| view! { <span class="muted small">"default "{days(stage.default_sla_days)}</span> })}</td>
                <td role="cell" class="description">{stage.description.clone()}
                    <span class="muted small">{if stage.tasks.is_empty() { "Entering it creates no task.".to_owned() } else { format!("Creates: {}.", stage.tasks.iter().map(|task| format!("{} (in {})", task.title, days(Some(task.due_days)))).collect::<Vec<_>>().join("; ")) }}</span>
                </td>
                <td role="cell" class="set-by muted">{match (stage.updated_at.clone(), stage.updated_by.clone()) { (Some(at), Some(by)) => view! { {by}", "<Time at/> }.into_any(), _ => view! { "as shipped" }.into_any() }}</td>
                <td role="cell" class="row-actions">{move || may_set.get().then(|| {
                    let (editing, back) = (editing.clone(), back.clone());
                    view! {
                        <button class="button small" data-test="edit-stage" on:click=move |_| { edited.set(Some(editing.clone())); is_editing.set(true); }>"Edit…"</button>
                        {is_own.then(|| view! { <button class="button small quiet" data-test="reset-stage" disabled=move || reset.is_busy.get() on:click=move |_| { resetting.set(Some(back.clone())); is_asking.set(true); }>"Defaults…"</button> })}
                    }
                })}</td>
            </tr>
        }
    };
    view! {
        <div class="panel">
            <table class="table rows-table stages-table" role="table">
                <thead><tr><th scope="col" class="number">"Step"</th><th scope="col">"Stage"</th><th scope="col" class="number">"SLA"</th><th scope="col">"What it means"</th><th scope="col">"Set"</th><th scope="col"><span class="visually-hidden">"Actions"</span></th></tr></thead>
                <tbody>{move || now.get().into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
        <p class="muted small">{move || if may_set.get() { "Which stages there are and their order belong to the product; the tasks that they create too." } else { "An admin of your organisation sets these." }}</p>
        <Modal is_open=is_editing label="Edit a stage" class="narrow" test="stage-form">
            {move || edited.get().map(|stage| view! { <StageForm stage on_done is_open=is_editing/> })}
        </Modal>
        <ConfirmDialog
            is_open=is_asking
            title=Signal::derive(move || resetting.with(|stage| stage.as_ref().map_or_else(String::new, |stage| format!("Go back to the defaults of {}?", format::words(&stage.stage).to_lowercase()))))
            text=Signal::derive(move || resetting.with(|stage| stage.as_ref().map_or_else(String::new, |stage| format!("SLA: {}. {}.", stage.default_sla_days.map_or_else(|| "none".to_owned(), |days| format::counted(u64::from(days), "day", "days")), stage.default_description))))
            confirm="Go back to the defaults"
            on_confirm=go_back
        />
    }
}

#[component]
fn StageForm(stage: Stage, on_done: Callback<String>, is_open: RwSignal<bool>) -> impl IntoView {
    let rpc = Rpc::new(RPC);
    let sla = RwSignal::new(stage.sla_days.map(|days| days.to_string()).unwrap_or_default());
    let description = RwSignal::new(stage.description.clone());
    let wrong_sla = RwSignal::new(false);
    let sla_error = {
        let refused = rpc.error_at("sla_days");
        Signal::derive(move || {
            if wrong_sla.get() {
                Some("A whole number of days from 1 to 9,999, or nothing for the default.".to_owned())
            } else {
                refused.get()
            }
        })
    };
    let name = format::words(&stage.stage);
    let title = name.clone();
    let shipped = stage.default_description.clone();
    let hint =
        stage.default_sla_days.map_or_else(|| "Default: none".to_owned(), |days| format!("Default: {days}"));
    let send = StoredValue::new_local(move || {
        let days = sla.with_untracked(|text| text.trim().to_owned());
        let parsed = days.parse::<u32>().ok().filter(|days| (1..=9_999).contains(days));
        wrong_sla.set(!days.is_empty() && parsed.is_none());
        if wrong_sla.get_untracked() {
            return;
        }
        // What is as shipped follows what is shipped.
        let words = description.with_untracked(|words| {
            Some(words.trim().to_owned()).filter(|words| !words.is_empty() && *words != shipped)
        });
        let days = parsed.filter(|days| Some(*days) != stage.default_sla_days);
        let fields = json!({ "stage": stage.stage, "sla_days": days, "description": words });
        let name = name.clone();
        rpc.send(fields, move |_| on_done.run(format!("{name} is saved.")));
    });
    view! {
        <form novalidate on:submit=move |event| { event.prevent_default(); send.with_value(|send| send()); }>
            <h2>{title}</h2>
            <Field id="stage-sla" label="Days a case may stay (SLA)" error=sla_error hint>
                <input id="stage-sla" class="input" inputmode="numeric" autocomplete="off" data-test="stage-sla" aria-invalid=move || sla_error.with(Option::is_some).to_string() prop:value=move || sla.get() on:input:target=move |event| sla.set(event.target().value())/>
            </Field>
            <Field id="stage-description" label="What it means" error=rpc.error_at("description")>
                <textarea id="stage-description" class="input" rows="3" maxlength="500" data-test="stage-description" prop:value=move || description.get() on:input:target=move |event| description.set(event.target().value())></textarea>
            </Field>
            <FormError error=rpc.error_beside(["sla_days", "description"])/>
            <div class="buttons">
                <button type="button" class="button" on:click=move |_| is_open.set(false)>"Cancel"</button>
                <button type="submit" class="button primary" data-test="save" disabled=move || rpc.is_busy.get()>"Save stage"</button>
            </div>
        </form>
    }
}
