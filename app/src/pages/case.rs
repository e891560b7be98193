//! `/cases/:id`: where a case stands, what happened to it, and the forms by which something is done.

use crate::api;
use crate::components::casework::form::CaseFormDialog;
use crate::components::casework::row::{NextAction, in_days, parties};
use crate::components::casework::timeline::{Timeline, TimelineView};
use crate::components::empty::Empty;
use crate::components::icon::{Icon, IconView};
use crate::components::loaded::{CardsSkeleton, Loaded, RowsSkeleton};
use crate::components::page_header::PageHeader;
use crate::components::tier_badge::{TierBadge, tier_key};
use crate::components::time::Time;
use crate::format;
use crate::pages::judgments::SignalMarks;
use crate::state::case_forms::CaseForm;
use crate::state::live::use_live;
use crate::state::remote::Remote;
use crate::state::rpc::Rpc;
use crate::state::session::use_session;
use crate::state::toasts::use_toasts;
use crate::state::{clock, url};
use contract::{CaseDetail, CaseFacets, CaseTask, Role, problem};
use leptos::prelude::*;
use leptos_meta::Title;
use serde_json::json;

#[component]
pub fn CasePage(id: String) -> impl IntoView {
    let live = use_live();
    let case_id = id.clone();
    let detail = Remote::new(move || {
        live.cases.track();
        live.judgments.track();
        let id = id.clone();
        async move { api::case(&id).await }
    });
    let facets = Remote::new(api::case_facets);
    let timeline = Timeline::new(case_id);
    let is_missing = Memo::new(move |_| {
        detail.error.with(|error| error.as_ref().is_some_and(|error| error.code() == problem::NOT_FOUND))
    });
    view! {
        <Title text="Case"/>
        <div class="page case-page">
            {move || if is_missing.get() {
                view! {
                    <PageHeader title="No such case" lead="It may belong to another organisation, or the address may be mistyped." parent=("/cases", "Cases")/>
                    <div class="panel"><Empty title="Nothing to show" text="Search for the case number in the list of cases."><a class="button" href="/cases">"Go to Cases"</a></Empty></div>
                }
                .into_any()
            } else {
                view! {
                    <Loaded remote=detail skeleton=|| view! { <RowsSkeleton rows=2/><CardsSkeleton cards=5/><RowsSkeleton rows=8/> } let:now>
                        <Case detail=now facets timeline on_done=move |()| { detail.refetch(); timeline.reload(); }/>
                    </Loaded>
                }
                .into_any()
            }}
        </div>
    }
}

#[component]
fn Case(
    detail: Signal<CaseDetail>,
    facets: Remote<CaseFacets>,
    timeline: Timeline,
    #[prop(into)] on_done: Callback<()>,
) -> impl IntoView {
    let session = use_session();
    let first = detail.get_untracked().case;
    let me = session.current().with_untracked(|session| {
        session.as_ref().map(|session| session.user_id.clone()).unwrap_or_default()
    });
    let is_open = Memo::new(move |_| detail.with(|detail| detail.case.closed_at.is_none()));
    let may_work = Memo::new(move |_| session.may(Role::Operator));
    view! {
        <PageHeader title=first.case_number.clone() lead=parties(&first) parent=("/cases", "Cases")>
            {move || may_work.get().then(|| view! { <Toolbar detail is_open/> })}
        </PageHeader>
        {move || (!is_open.get()).then(|| detail.with(|detail| {
            let reason = detail.case.closure_reason.as_deref().map(format::words).unwrap_or_default();
            let at = detail.case.closed_at.clone().unwrap_or_default();
            view! { <p class="closed-line panel" data-test="case-closed"><strong>{format!("Closed: {}", reason.to_lowercase())}</strong>" · "<Time at/></p> }
        }))}
        <div class="case-head" data-test="case-head">
            <TierCell detail is_open may_work/>
            <StageCell detail may_work/>
            <BalanceCell detail/>
            <NextCell detail is_open may_work/>
            <OwnerCell detail is_open may_work/>
        </div>
        <div class="case-body">
            <TimelineView timeline facets=facets.value/>
            <div class="case-side">
                <Tasks detail is_open may_work on_done/>
                <Actions detail is_open may_work/>
                <Documents detail may_work/>
                <Payments detail may_work/>
                <Judgment detail is_open may_work/>
            </div>
        </div>
        {move || may_work.get().then(|| facets.value.get()).flatten().map(|facets| view! { <CaseFormDialog detail facets me=me.clone() on_done/> })}
    }
}

/// Names a form in the address, which opens it
#[component]
fn FormButton(
    form: CaseForm,
    #[prop(optional, into)] about: String,
    #[prop(optional)] class: &'static str,
    children: Children,
) -> impl IntoView {
    let set = url::use_set_parameters();
    let class = if class.is_empty() { "button small" } else { class };
    view! {
        <button type="button" class=class data-test=format!("do-{}", form.name()) on:click=move |_| set(&[("form", form.name()), ("about", &about)])>{children()}</button>
    }
}

#[component]
fn Toolbar(detail: Signal<CaseDetail>, is_open: Memo<bool>) -> impl IntoView {
    let toasts = use_toasts();
    let copilot = Rpc::of_button("request_case_copilot");
    let ask = move |_| {
        let fields = json!({ "case_id": detail.with_untracked(|detail| detail.case.id.clone()) });
        copilot.send(fields, move |message| {
            toasts.say(format!("The copilot is asked, as message {message}; its brief goes to the service."));
        });
    };
    move || {
        if !is_open.get() {
            return view! { <FormButton form=CaseForm::Payment class="button">"Record payment…"</FormButton> }.into_any();
        }
        view! {
            <button class="button quiet" data-test="copilot" disabled=move || copilot.is_busy.get() title="Have a brief of this case written" on:click=ask>"Ask copilot"</button>
            <FormButton form=CaseForm::Close class="button quiet">"Close case…"</FormButton>
            <FormButton form=CaseForm::Note class="button">"Note…"</FormButton>
            <FormButton form=CaseForm::Payment class="button">"Record payment…"</FormButton>
            <FormButton form=CaseForm::Event class="button">"Log event…"</FormButton>
            <FormButton form=CaseForm::Stage class="button primary">"Move stage…"</FormButton>
        }
        .into_any()
    }
}

// ---- where it stands ----

#[component]
fn TierCell(detail: Signal<CaseDetail>, is_open: Memo<bool>, may_work: Memo<bool>) -> impl IntoView {
    move || {
        let CaseDetail { case, computed_tier_reason, override_note, override_root_cause, .. } = detail.get();
        let may_change = is_open.get() && may_work.get();
        view! {
            <section class="panel cell tier-cell" data-tier=tier_key(case.tier) aria-label="Tier" data-test="case-tier">
                <h2>"Tier"</h2>
                <p class="main"><TierBadge tier=case.tier/></p>
                {match (case.tier_override, case.override_expires_at.clone()) {
                    (Some(_), Some(until)) => view! {
                        <p class="sub" data-test="override">"Override until "<span class="when">{clock::date(&until)}</span><Countdown until=until/></p>
                        <p class="sub muted">{override_note}{override_root_cause.map(|cause| format!(" · root cause: {cause}"))}</p>
                        <p class="sub muted">"Computed: "<TierBadge tier=case.computed_tier short=true/>{computed_tier_reason.map(|reason| format!(" · {reason}"))}</p>
                    }.into_any(),
                    _ => view! { <p class="sub muted">{computed_tier_reason.unwrap_or_else(|| "Not tiered yet".to_owned())}</p> }.into_any(),
                }}
                {may_change.then(|| view! {
                    <div class="cell-buttons">
                        <FormButton form=CaseForm::Override>{if case.tier_override.is_some() { "Change…" } else { "Override…" }}</FormButton>
                        {case.tier_override.is_some().then(|| view! { <FormButton form=CaseForm::ClearOverride>"Clear…"</FormButton> })}
                    </div>
                })}
            </section>
        }
    }
}

/// How long until then, as the clock goes on
#[component]
fn Countdown(until: String) -> impl IntoView {
    move || {
        let left = clock::seconds_until(&until).filter(|seconds| *seconds > 0).map(i64::unsigned_abs);
        view! { <span class="countdown" data-test="countdown">{left.map_or_else(|| " · expired".to_owned(), |left| format!(" · {} left", format::duration(left)))}</span> }
    }
}

#[component]
fn StageCell(detail: Signal<CaseDetail>, may_work: Memo<bool>) -> impl IntoView {
    move || {
        let CaseDetail { case, blocked_note, .. } = detail.get();
        let sla = case.sla_days;
        view! {
            <section class="panel cell" aria-label="Stage" data-test="case-stage" data-stage=case.current_stage.clone()>
                <h2>"Stage"</h2>
                <p class="main">{format::words(&case.current_stage)}</p>
                {sla.map(|sla| view! { <meter class="dwell-meter" data-breached=case.is_sla_breached.to_string() min="0" max=sla.to_string() value=case.days_in_stage.min(sla).to_string() aria-label="Days in stage against its SLA"></meter> })}
                <p class="sub" class:danger=case.is_sla_breached>{match sla {
                    Some(sla) => format!("Here for {}, SLA {}", in_days(case.days_in_stage), in_days(sla)),
                    None => format!("Here for {}", in_days(case.days_in_stage)),
                }}</p>
                {case.is_blocked.then(|| view! {
                    <p class="sub blocked" data-test="case-blocked"><IconView icon=Icon::Pause/>{match &case.blocked_until { Some(until) => format!("Blocked until {}", clock::date(until)), None => "Blocked".to_owned() }}</p>
                    {blocked_note.map(|note| view! { <p class="sub muted">{note}</p> })}
                    {may_work.get().then(|| view! { <div class="cell-buttons"><FormButton form=CaseForm::Unblock>"Unblock…"</FormButton></div> })}
                })}
            </section>
        }
    }
}

#[component]
fn BalanceCell(detail: Signal<CaseDetail>) -> impl IntoView {
    move || {
        let CaseDetail { case, payments, .. } = detail.get();
        view! {
            <section class="panel cell" aria-label="Balance" data-test="case-balance">
                <h2>"Balance"</h2>
                <p class="main figure">{format::money_or_dash(case.current_balance.as_deref())}</p>
                <p class="sub muted">{if payments.count == 0 { "Nothing recovered yet".to_owned() } else { format!("{} recovered in {}", format::money(&payments.total), format::counted(payments.count, "payment", "payments")) }}</p>
                {payments.last_received_at.map(|at| view! { <p class="sub muted">"Last "<Time at/></p> })}
            </section>
        }
    }
}

#[component]
fn NextCell(detail: Signal<CaseDetail>, is_open: Memo<bool>, may_work: Memo<bool>) -> impl IntoView {
    move || {
        let case = detail.with(|detail| detail.case.clone());
        let due = case.next_action_at.as_deref().and_then(clock::seconds_until);
        view! {
            <section class="panel cell" aria-label="Next action" data-test="case-next">
                <h2>"Next action"</h2>
                <p class="main"><NextAction at=case.next_action_at.clone() is_past_due=case.is_past_due/></p>
                <p class="sub" class:danger=case.is_past_due class:muted=!case.is_past_due>{match due {
                    Some(due) if due < 0 => format!("{} past due", format::duration(due.unsigned_abs())),
                    Some(due) => format!("In {}", format::duration(due.unsigned_abs())),
                    None => "None is set".to_owned(),
                }}</p>
                {(is_open.get() && may_work.get()).then(|| view! { <div class="cell-buttons"><FormButton form=CaseForm::NextAction>"Set…"</FormButton></div> })}
            </section>
        }
    }
}

#[component]
fn OwnerCell(detail: Signal<CaseDetail>, is_open: Memo<bool>, may_work: Memo<bool>) -> impl IntoView {
    move || {
        let case = detail.with(|detail| detail.case.clone());
        view! {
            <section class="panel cell" aria-label="Owner" data-test="case-owner">
                <h2>"Owner"</h2>
                {match case.owner_name { Some(name) => view! { <p class="main clip" title=name.clone()>{name.clone()}</p> }.into_any(), None => view! { <p class="main muted">"Nobody"</p> }.into_any() }}
                <p class="sub muted">"Open since "<Time at=case.opened_at/></p>
                {(is_open.get() && may_work.get()).then(|| view! { <div class="cell-buttons"><FormButton form=CaseForm::Assign>"Assign…"</FormButton></div> })}
            </section>
        }
    }
}

// ---- what belongs to it ----

#[component]
fn Tasks(
    detail: Signal<CaseDetail>,
    is_open: Memo<bool>,
    may_work: Memo<bool>,
    on_done: Callback<()>,
) -> impl IntoView {
    let may_add =
        move || is_open.get() && may_work.get() && detail.with(|detail| detail.case.plaintiff_id.is_some());
    view! {
        <section class="panel" aria-label="Open tasks" data-test="case-tasks">
            <header><h2>"Open tasks"</h2><span class="spacer"></span>{move || may_add().then(|| view! { <FormButton form=CaseForm::Task>"Task…"</FormButton> })}</header>
            {move || {
                let tasks = detail.with(|detail| detail.tasks.clone());
                if tasks.is_empty() {
                    return view! { <p class="content muted">"Nothing is to be done. A stage creates its tasks when the case enters it."</p> }.into_any();
                }
                view! { <ul class="side-list">{tasks.into_iter().map(|task| view! { <Task task may_work on_done/> }).collect_view()}</ul> }.into_any()
            }}
        </section>
    }
}

#[component]
fn Task(task: CaseTask, may_work: Memo<bool>, on_done: Callback<()>) -> impl IntoView {
    let toasts = use_toasts();
    let close = Rpc::of_button("close_plaintiff_task");
    let id = StoredValue::new(task.id);
    let title = task.title.clone();
    // A call ends with its outcome, which is asked for where calls are made.
    let is_call = task.kind == "call";
    let done = move |_| {
        let said = format!("Done: {title}.");
        close.send(json!({ "task_id": id.get_value(), "status": "completed" }), move |_| {
            toasts.say(said);
            on_done.run(());
        });
    };
    view! {
        <li data-test="case-task">
            <div class="words">
                <p>{task.title}</p>
                <p class="muted">{task.due_at.map(|at| view! { "Due "<NextAction at=Some(at) is_past_due=task.is_past_due/> })}{task.note.map(|note| format!(" · {note}"))}</p>
            </div>
            {move || may_work.get().then(|| if is_call {
                view! { <a class="button small" href="/calls">"Call"</a> }.into_any()
            } else {
                view! { <button class="button small" data-test="task-done" disabled=move || close.is_busy.get() on:click=done.clone()>"Done"</button> }.into_any()
            })}
        </li>
    }
}

#[component]
fn Actions(detail: Signal<CaseDetail>, is_open: Memo<bool>, may_work: Memo<bool>) -> impl IntoView {
    let has_subpoena = move || {
        detail.with(|detail| {
            detail.actions.iter().any(|action| {
                action.action_type == "subpoena"
                    && matches!(action.status.as_str(), "filed" | "served" | "in_progress")
            })
        })
    };
    view! {
        <section class="panel" aria-label="Actions" data-test="case-actions">
            <header>
                <h2>"Actions"</h2><span class="spacer"></span>
                {move || (is_open.get() && may_work.get()).then(|| view! {
                    {if has_subpoena() { view! { <FormButton form=CaseForm::SubpoenaAnswer>"Answer…"</FormButton> }.into_any() } else { view! { <FormButton form=CaseForm::Subpoena>"Subpoena…"</FormButton> }.into_any() }}
                    <FormButton form=CaseForm::Action>"Action…"</FormButton>
                })}
            </header>
            {move || {
                let actions = detail.with(|detail| detail.actions.clone());
                if actions.is_empty() {
                    return view! { <p class="content muted">"No levy, garnishment, subpoena or marshal yet."</p> }.into_any();
                }
                view! {
                    <ul class="side-list">
                        {actions.into_iter().map(|action| {
                            let is_running = action.closed_at.is_none();
                            let lacks_paper = action.documents == 0 && matches!(action.status.as_str(), "filed" | "served" | "in_progress" | "completed");
                            let id = action.id.clone();
                            let advanced = action.id.clone();
                            view! {
                                <li data-test="case-action" data-type=action.action_type.clone() data-status=action.status.clone()>
                                    <div class="words">
                                        <p><strong>{format::words(&action.action_type)}</strong>" "<span class="tag" data-running=is_running.to_string()>{format::words(&action.status)}</span></p>
                                        <p class="muted">"Since "<Time at=action.opened_at/>{action.next_milestone_at.map(|at| view! { " · next "{clock::date(&at)} })}{action.status_reason.map(|reason| format!(" · {reason}"))}</p>
                                        {lacks_paper.then(|| view! { <p class="danger">"No document vouches for it."</p> })}
                                    </div>
                                    {(may_work.get() && (lacks_paper || is_open.get() && is_running)).then(|| view! {
                                        <div class="pair-buttons">
                                            {lacks_paper.then(|| view! { <FormButton form=CaseForm::Document about=id>"Document…"</FormButton> })}
                                            {(is_open.get() && is_running).then(|| view! { <FormButton form=CaseForm::Action about=advanced>"Advance…"</FormButton> })}
                                        </div>
                                    })}
                                </li>
                            }
                        }).collect_view()}
                    </ul>
                }
                .into_any()
            }}
        </section>
    }
}

#[component]
fn Documents(detail: Signal<CaseDetail>, may_work: Memo<bool>) -> impl IntoView {
    view! {
        <section class="panel" aria-label="Documents" data-test="case-documents">
            <header>
                <h2>"Documents"</h2><span class="spacer"></span>
                {move || may_work.get().then(|| view! { <FormButton form=CaseForm::Document>"Upload…"</FormButton> })}
            </header>
            {move || {
                let documents = detail.with(|detail| detail.documents.clone());
                if documents.is_empty() {
                    return view! { <p class="content muted">"None yet. Filings and evidence appear here."</p> }.into_any();
                }
                view! {
                    <ul class="side-list">
                        {documents.into_iter().map(|document| {
                            let name = document.file_name.clone().unwrap_or_else(|| document.storage_path.rsplit('/').next().unwrap_or_default().to_owned());
                            view! {
                                <li data-test="case-document">
                                    <div class="words">
                                        <p class="clip" title=name.clone()>{if document.has_file {
                                            view! { <a href=format!("/api/documents/{}", document.id) download=name.clone() rel="external">{name.clone()}</a> }.into_any()
                                        } else {
                                            name.clone().into_any()
                                        }}</p>
                                        <p class="muted">{format::words(&document.doc_kind)}" · "{document.uploaded_by}" · "<Time at=document.uploaded_at/></p>
                                    </div>
                                </li>
                            }
                        }).collect_view()}
                    </ul>
                }
                .into_any()
            }}
        </section>
    }
}

/// Money on the judgment that belongs to no case yet
#[component]
fn Payments(detail: Signal<CaseDetail>, may_work: Memo<bool>) -> impl IntoView {
    move || {
        let payments = detail.with(|detail| detail.unlinked_payments.clone());
        (!payments.is_empty()).then(|| view! {
            <section class="panel" aria-label="Payments without a case" data-test="case-unlinked">
                <header><h2>"Payments without a case"</h2></header>
                <ul class="side-list">
                    {payments.into_iter().map(|payment| {
                        let about = payment.id.clone();
                        view! {
                            <li>
                                <div class="words"><p class="figure">{format::money(&payment.amount)}</p><p class="muted">{payment.source.map(|source| format!("{source} · "))}<Time at=payment.received_at/></p></div>
                                {may_work.get().then(|| view! { <FormButton form=CaseForm::LinkPayment about>"Link…"</FormButton> })}
                            </li>
                        }
                    }).collect_view()}
                </ul>
            </section>
        })
    }
}

#[component]
fn Judgment(detail: Signal<CaseDetail>, is_open: Memo<bool>, may_work: Memo<bool>) -> impl IntoView {
    move || {
        let CaseDetail { case, judgment, plaintiff_status, collectability_score, .. } = detail.get();
        let place = [judgment.county, judgment.state].into_iter().flatten().collect::<Vec<_>>().join(", ");
        let dash = || "–".to_owned();
        view! {
            <section class="panel" aria-label="Judgment" data-test="case-judgment">
                <header><h2>"Judgment"</h2><span class="spacer"></span>{(is_open.get() && may_work.get()).then(|| view! { <FormButton form=CaseForm::Priority>"Priority…"</FormButton> })}<a href=format!("/judgments/{}", case.judgment_id)>"Open"</a></header>
                <dl class="lines">
                    <div><dt>"Amount"</dt><dd>{format::money(&judgment.judgment_amount)}</dd></div>
                    <div><dt>"Balance due"</dt><dd>{format::money_or_dash(judgment.balance_due.as_deref())}</dd></div>
                    <div><dt>"Score"</dt><dd>{format::score(collectability_score.as_deref(), 2)}</dd></div>
                    <div><dt>"Assets"</dt><dd><SignalMarks signals=judgment.asset_signals/></dd></div>
                    <div><dt>"Status"</dt><dd>{format::words(&judgment.status)}</dd></div>
                    <div><dt>"Priority"</dt><dd data-test="case-priority">{format::words(&judgment.priority_level)}</dd></div>
                    <div><dt>"Date"</dt><dd>{judgment.judgment_date.as_deref().map_or_else(dash, clock::day)}</dd></div>
                    <div><dt>"Court"</dt><dd class="clip">{judgment.court.unwrap_or_else(dash)}</dd></div>
                    <div><dt>"County"</dt><dd class="clip">{place}</dd></div>
                    <div><dt>"Plaintiff"</dt><dd class="clip">{match (case.plaintiff_id, case.plaintiff_name) {
                        (Some(id), Some(name)) => view! { <a href=format!("/plaintiffs/{id}")>{name}</a> }.into_any(),
                        (_, name) => name.into_any(),
                    }}</dd></div>
                    <div><dt>"Plaintiff’s status"</dt><dd>{plaintiff_status.as_deref().map_or_else(dash, format::words)}</dd></div>
                </dl>
            </section>
        }
    }
}
