//! `/judgments/:id`: the facts of one judgment, its tier and why, and how both came about.

use crate::api;
use crate::components::empty::Empty;
use crate::components::icon::{Icon, IconView};
use crate::components::judgment_story::{Assignments, FactsHistory, WhyPanel, decided_by};
use crate::components::loaded::{CardsSkeleton, Loaded, RowsSkeleton};
use crate::components::page_header::PageHeader;
use crate::components::tier_badge::{TierBadge, tier_key};
use crate::components::time::Time;
use crate::format;
use crate::state::clock;
use crate::state::live::use_live;
use crate::state::remote::Remote;
use crate::state::rpc::Rpc;
use crate::state::session::use_session;
use crate::state::toasts::use_toasts;
use contract::{JudgmentDetail, OpenCase, Role, SignalValues, problem};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use policy::tier::Tier;
use serde_json::json;

#[component]
pub fn JudgmentPage(id: String) -> impl IntoView {
    let live = use_live();
    let detail = Remote::new(move || {
        live.judgments.track();
        let id = id.clone();
        async move { api::judgment(&id).await }
    });
    let is_missing = Memo::new(move |_| {
        detail.error.with(|error| error.as_ref().is_some_and(|error| error.code() == problem::NOT_FOUND))
    });
    view! {
        <Title text="Judgment"/>
        <div class="page judgment-page">
            {move || if is_missing.get() {
                view! {
                    <PageHeader title="No such judgment" lead="It may belong to another organisation, or the address may be mistyped." parent=("/judgments", "Judgments")/>
                    <div class="panel"><Empty title="Nothing to show" text="Search for the case number in the list of judgments."><a class="button" href="/judgments">"Go to Judgments"</a></Empty></div>
                }
                .into_any()
            } else {
                view! {
                    <Loaded remote=detail skeleton=|| view! { <RowsSkeleton rows=2/><CardsSkeleton cards=2/><RowsSkeleton rows=6/> } let:now>
                        <Judgment detail=now on_change=move || detail.refetch()/>
                    </Loaded>
                }
                .into_any()
            }}
        </div>
    }
}

#[component]
fn Judgment(
    detail: Signal<JudgmentDetail>,
    on_change: impl Fn() + Clone + Send + Sync + 'static,
) -> impl IntoView {
    let first = detail.get_untracked().judgment;
    let lead = match &first.defendant_name {
        Some(defendant) => format!("{} v. {defendant}", first.plaintiff_name),
        None => first.plaintiff_name.clone(),
    };
    let on_retier = on_change.clone();
    view! {
        <PageHeader title=first.case_number.clone() lead parent=("/judgments", "Judgments")>
            <RetierButton detail on_change=on_retier/>
        </PageHeader>
        {move || {
            let JudgmentDetail { judgment, signals, outcome, policy_revision, policy_digest, open_case, .. } = detail.get();
            let judgment_id = judgment.id.clone();
            let is_closed = matches!(judgment.status.as_str(), "satisfied" | "vacated" | "expired");
            view! {
                <div class="judgment-top">
                    <section class="panel judgment-tier" data-tier=tier_key(judgment.tier) data-test="judgment-tier">
                        <header><h2>"Tier"</h2></header>
                        <div class="content">
                            <p class="tier-figure"><TierBadge tier=judgment.tier/></p>
                            {judgment.tier_reason.clone().map(|reason| view! { <p class="reason" data-test="tier-reason">{reason}</p> })}
                            <dl class="facts">
                                <dt>"Decided by"</dt>
                                <dd data-test="decided-by">{match &outcome {
                                    Some(outcome) => decided_by(outcome.decided_by.as_ref()),
                                    None => "closed: not tiered any more".to_owned(),
                                }}</dd>
                                <dt>"As of"</dt>
                                <dd>{match judgment.tier_as_of.clone() { Some(at) => view! { <Time at/> }.into_any(), None => view! { "never tiered" }.into_any() }}</dd>
                                <dt>"Policy"</dt>
                                <dd>
                                    {policy_revision.map_or_else(|| "–".to_owned(), |revision| format!("revision {revision}"))}
                                    {policy_digest.map(|digest| view! { " "<span class="mono muted" title=digest.clone()>{digest.get(..8).unwrap_or(&digest).to_owned()}</span> })}
                                </dd>
                            </dl>
                            {outcome.filter(|outcome| Some(outcome.tier) != judgment.tier || Some(&outcome.reason) != judgment.tier_reason.as_ref()).map(|outcome| view! {
                                <p class="differs" data-test="outcome-differs">
                                    {format!("The published policy{} says today: ", outcome.policy_revision.map_or_else(String::new, |revision| format!(" (revision {revision})")))}
                                    <TierBadge tier=outcome.tier/>{format!(" · {}", outcome.reason)}
                                </p>
                            })}
                        </div>
                    </section>
                    <section class="panel" data-test="judgment-facts">
                        <header><h2>"Facts"</h2></header>
                        <dl class="lines">
                            <div><dt>"Balance due"</dt><dd>{format::money_or_dash(judgment.balance_due.as_deref())}</dd></div>
                            <div><dt>"Judgment amount"</dt><dd>{format::money(&judgment.judgment_amount)}</dd></div>
                            <div><dt>"Collectability score"</dt><dd>{format::score(judgment.collectability_score.as_deref(), 2)}</dd></div>
                            <div><dt>"Status"</dt><dd>{format::words(&judgment.status)}</dd></div>
                            <div><dt>"Judgment date"</dt><dd>{judgment.judgment_date.as_deref().map_or_else(|| "–".to_owned(), clock::day)}</dd></div>
                            <div><dt>"Court"</dt><dd class="clip">{judgment.court.unwrap_or_else(|| "–".to_owned())}</dd></div>
                            <div><dt>"County"</dt><dd class="clip">{[judgment.county, judgment.state].into_iter().flatten().collect::<Vec<_>>().join(", ")}</dd></div>
                        </dl>
                    </section>
                    <Signals signals/>
                    <Case open_case judgment_id=judgment_id.clone() is_closed on_change=on_change.clone()/>
                </div>
            }
        }}
        {move || detail.with(|detail| detail.why.clone()).map(|why| view! { <WhyPanel why of="the published policy"/> })}
        <Assignments assignments=Signal::derive(move || detail.with(|detail| detail.assignments.clone()))/>
        <FactsHistory facts=Signal::derive(move || detail.with(|detail| detail.facts.clone()))/>
    }
}

#[component]
fn RetierButton(
    detail: Signal<JudgmentDetail>,
    on_change: impl Fn() + Clone + Send + Sync + 'static,
) -> impl IntoView {
    let session = use_session();
    let toasts = use_toasts();
    let is_busy = RwSignal::new(false);
    let is_queued = move || detail.with(|detail| detail.retier_queued);
    let is_closed = move || {
        detail.with(|detail| matches!(detail.judgment.status.as_str(), "satisfied" | "vacated" | "expired"))
    };
    let start = move |_| {
        let on_change = on_change.clone();
        is_busy.set(true);
        spawn_local(async move {
            match api::retier(&detail.with_untracked(|detail| detail.judgment.id.clone())).await {
                Ok(queued) => toasts.say(format!("Queued for tiering as message {}.", queued.msg_id)),
                Err(error) => toasts.fail(&error),
            }
            is_busy.set(false);
            on_change();
        });
    };
    move || {
        session.may(Role::Operator).then(|| view! {
        <button
            class="button"
            data-test="retier"
            disabled=move || is_busy.get() || is_queued() || is_closed()
            title=move || is_closed().then_some("A closed judgment keeps its last tier")
            on:click=start.clone()
        >
            <IconView icon=Icon::Refresh/>{move || if is_queued() { "Tiering is queued…" } else { "Re-tier now" }}
        </button>
    })
    }
}

#[component]
fn Signals(signals: SignalValues) -> impl IntoView {
    let lines = [
        (Icon::Employer, "Employer", signals.employer_name),
        (Icon::Bank, "Bank", signals.bank_name),
        (Icon::House, "Real property", signals.real_property_lead),
        (Icon::Car, "Vehicle", signals.vehicle_lead),
    ];
    view! {
        <section class="panel" data-test="judgment-signals">
            <header><h2>"Asset signals"</h2></header>
            <dl class="lines">
                {lines.map(|(icon, name, value)| view! {
                    <div>
                        <dt class="signal"><IconView icon/>{name}</dt>
                        <dd class="clip" title=value.clone()>{match value.clone() { Some(value) => view! { {value} }.into_any(), None => view! { <span class="muted">"–"</span> }.into_any() }}</dd>
                    </div>
                }).collect_view()}
            </dl>
        </section>
    }
}

#[component]
fn Case(
    open_case: Option<OpenCase>,
    judgment_id: String,
    is_closed: bool,
    on_change: impl Fn() + Clone + Send + Sync + 'static,
) -> impl IntoView {
    let address = open_case.as_ref().map(|case| format!("/cases/{}", case.id));
    view! {
        <section class="panel" data-test="open-case">
            <header>
                <h2>"Open case"</h2><span class="spacer"></span>
                {address.map(|address| view! { <a href=address data-test="go-to-case">"Work the case"</a> })}
            </header>
            {match open_case {
                None => view! {
                    <div class="content">
                        <p class="muted">{if is_closed { "No enforcement case is open, and the judgment is closed." } else { "No enforcement case is open." }}</p>
                        {(!is_closed).then(|| view! { <OpenCaseButton judgment_id on_change/> })}
                    </div>
                }.into_any(),
                Some(case) => {
                    let tier = |text: &Option<String>| text.as_deref().and_then(|text| Tier::from_case_text(text).ok());
                    let (computed, overriding) = (tier(&case.tier), tier(&case.tier_override));
                    view! {
                        <dl class="lines">
                            <div><dt>"Stage"</dt><dd>{format::words(&case.current_stage)}</dd></div>
                            <div><dt>"Computed tier"</dt><dd><TierBadge tier=computed/></dd></div>
                            <div><dt>"Override"</dt><dd>{match overriding { Some(tier) => view! { <TierBadge tier/> }.into_any(), None => view! { <span class="muted">"none"</span> }.into_any() }}</dd></div>
                            {overriding.is_some().then(|| view! {
                                <div><dt>"Expires"</dt><dd>{match case.override_expires_at { Some(at) => view! { <Time at/> }.into_any(), None => view! { "never" }.into_any() }}</dd></div>
                                <div><dt>"Note"</dt><dd>{case.override_note}</dd></div>
                            })}
                            <div><dt>"Effective tier"</dt><dd><TierBadge tier=case.effective_tier/></dd></div>
                        </dl>
                    }
                    .into_any()
                }
            }}
        </section>
    }
}

/// Opens a case on the judgment, once however often it is clicked, and goes there
#[component]
fn OpenCaseButton(
    judgment_id: String,
    on_change: impl Fn() + Clone + Send + Sync + 'static,
) -> impl IntoView {
    let session = use_session();
    let navigate = use_navigate();
    let rpc = Rpc::of_button("open_enforcement_case");
    // A case that is there already is what the page has not known.
    Effect::new(move |_| {
        if rpc.error.with(Option::is_some) {
            on_change();
        }
    });
    let open = move |_| {
        let navigate = navigate.clone();
        rpc.send(json!({ "judgment_id": judgment_id }), move |id| {
            navigate(&format!("/cases/{}", id.as_str().unwrap_or_default()), NavigateOptions::default());
        });
    };
    move || {
        session.may(Role::Operator).then(|| {
            view! { <button class="button open-case" data-test="open-a-case" disabled=move || rpc.is_busy.get() on:click=open.clone()><IconView icon=Icon::Plus/>"Open a case"</button> }
        })
    }
}
