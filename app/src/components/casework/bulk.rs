//! Many cases at once: a change is chosen, the server answers with a plan, and exactly that plan is applied, with progress.

use crate::api::{self, ApiError};
use crate::components::icon::{Icon, IconView};
use crate::components::loaded::{LoadFailed, RowsSkeleton};
use crate::components::modal::Modal;
use crate::components::tier_badge::TierBadge;
use crate::format;
use crate::state::case_forms::{NOBODY, owners};
use crate::state::{clock, url};
use contract::{CaseChange, CaseFacets, CasePlan, CasePlanReason, CaseQuery, PlanCases};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;

/// The parameter that names a plan: a page that is loaded again shows it again.
const PARAMETER: &str = "plan";
/// Stands for a plan that is still to be made.
const NEW: &str = "new";

/// Opens the dialog for the cases of the list that is shown
#[component]
pub fn BulkButton(#[prop(into)] total: Signal<u64>) -> impl IntoView {
    let set = url::use_set_parameters();
    view! {
        <button class="button" data-test="bulk" disabled=move || total.get() == 0 on:click=move |_| set(&[(PARAMETER, NEW)])>
            <IconView icon=Icon::Sliders/>{move || match total.get() { 0 => "Change cases…".to_owned(), n => format!("Change {}…", format::counted(n, "case", "cases")) }}
        </button>
    }
}

/// `filter` says which cases are meant when a plan is made
#[component]
pub fn BulkDialog(
    #[prop(into)] filter: Signal<CaseQuery>,
    #[prop(into)] total: Signal<u64>,
    facets: Signal<Option<CaseFacets>>,
    me: String,
) -> impl IntoView {
    let named = url::parameter(PARAMETER);
    let is_open = RwSignal::new(!named.with_untracked(String::is_empty));
    let set = url::use_set_parameters();
    Effect::new(move |_| {
        let wanted = !named.with(String::is_empty);
        if is_open.get_untracked() != wanted {
            is_open.set(wanted);
        }
    });
    Effect::new(move |was_open: Option<bool>| {
        let is_open = is_open.get();
        if was_open == Some(true) && !is_open && !named.with_untracked(String::is_empty) {
            set(&[(PARAMETER, "")]);
        }
        is_open
    });
    let me = StoredValue::new(me);
    let is_new = Memo::new(move |_| named.with(|named| named == NEW));
    view! {
        <Modal is_open label="Change many cases" class="bulk-dialog" test="bulk-dialog">
            {move || if is_new.get() {
                match facets.get() {
                    Some(facets) => view! { <Choose filter total facets me=me.get_value() is_open/> }.into_any(),
                    None => view! { <div class="body"><RowsSkeleton rows=3/></div> }.into_any(),
                }
            } else {
                view! { <Plan id=named.get() is_open/> }.into_any()
            }}
        </Modal>
    }
}

// ---- what is to be done ----

#[component]
fn Choose(
    filter: Signal<CaseQuery>,
    total: Signal<u64>,
    facets: CaseFacets,
    me: String,
    is_open: RwSignal<bool>,
) -> impl IntoView {
    let kind = RwSignal::new("assign_owner");
    let owner = RwSignal::new(me.clone());
    let stage = RwSignal::new(String::new());
    let is_override = RwSignal::new(false);
    let day = RwSignal::new(String::new());
    let note = RwSignal::new(String::new());
    let error = RwSignal::new(None::<String>);
    let is_busy = RwSignal::new(false);
    let set = url::use_set_parameters();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if is_busy.get_untracked() {
            return;
        }
        let note = Some(note.get_untracked().trim().to_owned()).filter(|note| !note.is_empty());
        let change = match kind.get_untracked() {
            "assign_owner" => {
                let chosen = owner.get_untracked();
                let pool_id = chosen.strip_prefix("pool:").map(str::to_owned);
                let owner_id = Some(chosen).filter(|id| id != NOBODY && pool_id.is_none());
                CaseChange::AssignOwner { owner_id, pool_id, note }
            }
            "move_stage" if stage.with_untracked(String::is_empty) => {
                return error.set(Some("Choose a stage.".to_owned()));
            }
            "move_stage" => CaseChange::MoveStage {
                stage: stage.get_untracked(),
                is_override: is_override.get_untracked(),
                note,
            },
            _ if day.with_untracked(String::is_empty) => return error.set(Some("Choose a day.".to_owned())),
            _ => CaseChange::SetNextAction { next_action_at: day.get_untracked(), note },
        };
        is_busy.set(true);
        error.set(None);
        let set = set.clone();
        spawn_local(async move {
            let outcome = api::plan_cases(PlanCases { filter: filter.get_untracked(), change }).await;
            if is_busy.try_set(false).is_some() {
                return;
            }
            match outcome {
                Ok(plan) => set(&[(PARAMETER, &plan.id)]),
                Err(refused) => error.set(Some(refused.to_string())),
            }
        });
    };
    let people = owners(&facets, &me);
    let pools = facets.pools;
    let stages = facets.stages;
    const KINDS: [(&str, &str); 3] = [
        ("assign_owner", "Assign owner"),
        ("move_stage", "Move stage"),
        ("set_next_action", "Set next action"),
    ];
    view! {
        <form class="body" on:submit=submit>
            <h2>{move || format!("Change {}", format::counted(total.get(), "case", "cases"))}</h2>
            <p>"Nothing is changed yet: first comes a plan that says what would happen to which case."</p>
            <div class="segments" role="group" aria-label="What to change">
                {KINDS.map(|(name, words)| view! {
                    <button type="button" data-test=format!("bulk-{name}") aria-pressed=move || (kind.get() == name).to_string() on:click=move |_| { kind.set(name); error.set(None); }>{words}</button>
                }).collect_view()}
            </div>
            <div class="field" class:hidden=move || kind.get() != "assign_owner">
                <label for="bulk-owner">"Owner"</label>
                <select id="bulk-owner" class="input" data-test="bulk-owner" on:change:target=move |event| owner.set(event.target().value())>
                    {people.into_iter().map(|(value, name)| { let selected = owner.with_untracked(|owner| *owner == value); view! { <option value=value selected=selected>{name}</option> } }).collect_view()}
                    {(!pools.is_empty()).then(|| view! {
                        <optgroup label="The best rank of a pool, in turn">
                            {pools.into_iter().map(|pool| view! { <option value=format!("pool:{}", pool.id)>{format!("{}: {}", pool.name, pool.owners.join(", "))}</option> }).collect_view()}
                        </optgroup>
                    })}
                </select>
            </div>
            <div class="field" class:hidden=move || kind.get() != "move_stage">
                <label for="bulk-stage">"Stage"</label>
                <select id="bulk-stage" class="input" data-test="bulk-stage" on:change:target=move |event| stage.set(event.target().value())>
                    <option value="">"Choose…"</option>
                    // A stage that needs a document needs one of each case, and closing asks about each: neither is done at once.
                    {stages.into_iter().filter(|stage| !stage.needs_document && stage.stage != "closure").map(|stage| view! { <option value=stage.stage.clone()>{format::words(&stage.stage)}</option> }).collect_view()}
                </select>
                <label class="check"><input type="checkbox" prop:checked=is_override on:change:target=move |event| is_override.set(event.target().checked())/>"Move back those that are further on, too"</label>
            </div>
            <div class="field" class:hidden=move || kind.get() != "set_next_action">
                <label for="bulk-day">"Next action"</label>
                <input id="bulk-day" type="date" class="input" data-test="bulk-day" on:input:target=move |event| day.set(event.target().value())/>
            </div>
            <div class="field"><label for="bulk-note">"Note"<span class="optional">" – optional, on each case’s timeline"</span></label><input id="bulk-note" class="input" autocomplete="off" data-test="bulk-note" prop:value=note on:input:target=move |event| note.set(event.target().value())/></div>
            {move || error.get().map(|words| view! { <p class="field-error" role="alert" data-test="bulk-error">{words}</p> })}
            <div class="buttons">
                <button type="button" class="button" on:click=move |_| is_open.set(false)>"Cancel"</button>
                <button class="button primary" data-test="bulk-plan" disabled=move || is_busy.get()>{move || if is_busy.get() { "Making the plan…" } else { "Make plan" }}</button>
            </div>
        </form>
    }
}

// ---- the plan ----

#[component]
fn Plan(id: String, is_open: RwSignal<bool>) -> impl IntoView {
    let plan = RwSignal::new(None::<CasePlan>);
    let error = RwSignal::new(None::<ApiError>);
    let is_applying = RwSignal::new(false);
    let id = StoredValue::new(id);
    let take = move |answer: Result<CasePlan, ApiError>| match answer {
        Ok(answer) => {
            error.set(None);
            plan.set(Some(answer));
            true
        }
        Err(refused) => {
            error.set(Some(refused));
            false
        }
    };
    let load = move || {
        spawn_local(async move {
            let answer = api::case_plan(&id.get_value()).await;
            if !plan.is_disposed() {
                take(answer);
            }
        });
    };
    load();
    // Piece by piece, until nothing is left or somebody says stop; what is left can be gone on with later.
    let apply = move || {
        if is_applying.get_untracked() {
            return;
        }
        is_applying.set(true);
        spawn_local(async move {
            while is_applying.try_get_untracked() == Some(true) {
                let answer = api::apply_case_plan(&id.get_value()).await;
                if plan.is_disposed() {
                    return;
                }
                if !take(answer)
                    || plan.with_untracked(|plan| plan.as_ref().is_none_or(|plan| plan.ready == 0))
                {
                    break;
                }
            }
            is_applying.try_set(false);
        });
    };
    let cancel = move || {
        is_applying.set(false);
        spawn_local(async move {
            let answer = api::cancel_case_plan(&id.get_value()).await;
            if !plan.is_disposed() {
                take(answer);
            }
        });
    };
    let is_missing = Memo::new(move |_| plan.with(Option::is_none));
    view! {
        <div class="body" data-test="bulk-plan-shown" data-state=move || plan.with(|plan| plan.as_ref().map(|plan| plan.state.clone()))>
            {move || error.get().map(|error| view! { <LoadFailed error on_retry=move |()| load()/> })}
            {move || if is_missing.get() {
                error.with(Option::is_none).then(|| view! { <RowsSkeleton rows=4/> }).into_any()
            } else {
                view! { <Shown plan=Signal::derive(move || plan.get()) is_applying apply cancel is_open/> }.into_any()
            }}
        </div>
    }
}

fn said(change: &CaseChange) -> String {
    match change {
        CaseChange::AssignOwner { owner_id: None, pool_id: None, .. } => "Take the owner away".to_owned(),
        CaseChange::AssignOwner { pool_id: Some(_), .. } => "Assign owners from a pool in turn".to_owned(),
        CaseChange::AssignOwner { .. } => "Assign owner".to_owned(),
        CaseChange::MoveStage { stage, .. } => format!("Move to {}", format::words(stage)),
        CaseChange::SetNextAction { next_action_at, .. } => {
            format!("Set next action to {}", clock::day(next_action_at))
        }
    }
}

#[component]
fn Shown(
    plan: Signal<Option<CasePlan>>,
    is_applying: RwSignal<bool>,
    apply: impl Fn() + Copy + Send + Sync + 'static,
    cancel: impl Fn() + Copy + Send + Sync + 'static,
    is_open: RwSignal<bool>,
) -> impl IntoView {
    let of = move |read: fn(&CasePlan) -> u64| plan.with(|plan| plan.as_ref().map_or(0, read));
    let ready = Memo::new(move |_| of(|plan| plan.ready));
    let applied = Memo::new(move |_| of(|plan| plan.applied));
    let total = Memo::new(move |_| of(|plan| plan.total));
    let state = Memo::new(move |_| {
        plan.with(|plan| plan.as_ref().map(|plan| plan.state.clone()).unwrap_or_default())
    });
    let is_ended = Memo::new(move |_| state.with(|state| matches!(state.as_str(), "done" | "cancelled")));
    let title = plan.with_untracked(|plan| plan.as_ref().map(|plan| said(&plan.change)).unwrap_or_default());
    // At once or for good: of what can be done, how much is.
    let doable = move || ready.get() + applied.get();
    view! {
        <h2>{title}</h2>
        <p class="plan-figure" role="status" data-test="plan-summary" data-ready=move || ready.get().to_string() data-applied=move || applied.get().to_string()>
            {move || if is_ended.get() {
                view! { <strong>{format::counted(applied.get(), "case", "cases")}</strong>" changed, "{format::count(total.get() - applied.get())}" left as they are." }.into_any()
            } else {
                let balance = plan.with(|plan| plan.as_ref().map(|plan| format::money(&plan.ready_balance)).unwrap_or_default());
                view! { <strong>{format!("{} of {}", format::count(ready.get()), format::counted(total.get(), "case", "cases"))}</strong>{format!(" will change, with a balance of {balance}.")} }.into_any()
            }}
        </p>
        {move || (is_applying.get() || (applied.get() > 0 && !is_ended.get())).then(|| view! {
            <div class="plan-progress">
                <progress aria-label="Cases changed" max=move || doable().to_string() prop:value=move || applied.get() as f64></progress>
                <span class="figure">{move || format!("{} of {}", format::count(applied.get()), format::count(doable()))}</span>
            </div>
        })}
        {move || plan.with(|plan| plan.as_ref().map(|plan| plan.left_out.clone())).filter(|left| !left.is_empty()).map(|left| view! { <LeftOut left/> })}
        {move || plan.with(|plan| plan.as_ref().map(|plan| plan.first.clone())).filter(|first| !first.is_empty() && !is_applying.get()).map(|first| view! {
            <details class="plan-first">
                <summary>{move || if ready.get() > 20 { format!("The first {} of those that change", first.len()) } else { "Those that change".to_owned() }}</summary>
                <ul>{move || plan.with(|plan| plan.as_ref().map(|plan| plan.first.clone())).unwrap_or_default().into_iter().map(|case| view! {
                    <li><TierBadge tier=case.tier short=true/><a href=format!("/cases/{}", case.id)>{case.case_number.clone()}</a><span class="muted clip">{format::words(&case.current_stage)}</span><span class="figure">{format::money_or_dash(case.current_balance.as_deref())}</span></li>
                }).collect_view()}</ul>
            </details>
        })}
        <div class="buttons">
            {move || if is_ended.get() {
                view! { <button class="button primary" data-test="plan-close" on:click=move |_| is_open.set(false)>"Close"</button> }.into_any()
            } else if is_applying.get() {
                view! { <button class="button" data-test="plan-stop" on:click=move |_| is_applying.set(false)>"Pause"</button> }.into_any()
            } else {
                view! {
                    <button class="button" data-test="plan-cancel" on:click=move |_| { cancel(); if applied.get_untracked() == 0 { is_open.set(false); } }>{move || if applied.get() == 0 { "Discard plan" } else { "Leave the rest" }}</button>
                    <button class="button primary" data-test="plan-apply" disabled=move || ready.get() == 0 on:click=move |_| apply()>{move || format!("Change {}", format::counted(ready.get(), "case", "cases"))}</button>
                }.into_any()
            }}
        </div>
    }
}

#[component]
fn LeftOut(left: Vec<CasePlanReason>) -> impl IntoView {
    view! {
        <section class="plan-left-out" data-test="plan-left-out">
            <h3>"Left as they are"</h3>
            <ul>
                {left.into_iter().map(|reason| {
                    let words = match (reason.state.as_str(), reason.reason) {
                        ("dropped", _) => "the plan was ended before their turn".to_owned(),
                        (_, Some(reason)) => reason.replace('_', " "),
                        (state, None) => state.to_owned(),
                    };
                    let more = reason.count.saturating_sub(reason.cases.len() as u64);
                    view! {
                        <li data-state=reason.state data-count=reason.count.to_string()>
                            <strong class="figure">{format::count(reason.count)}</strong>
                            <div>
                                <p>{api::sentence(&words)}</p>
                                <p class="muted">
                                    {reason.cases.into_iter().map(|case| view! { <a href=format!("/cases/{}", case.id)>{case.case_number}</a>" " }).collect_view()}
                                    {(more > 0).then(|| format!("and {} more", format::count(more)))}
                                </p>
                            </div>
                        </li>
                    }
                }).collect_view()}
            </ul>
        </section>
    }
}
