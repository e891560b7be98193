//! `/review`: the weekly review, to be looked at together: tiers, stages, workflows, recoveries, overrides, an audit.

use crate::api::{self, ApiError};
use crate::components::casework::timeline::DocumentLink;
use crate::components::empty::Empty;
use crate::components::form::{Field, FormError};
use crate::components::icon::{Icon, IconView};
use crate::components::loaded::{CardsSkeleton, Loaded, RowsSkeleton};
use crate::components::modal::Modal;
use crate::components::page_header::PageHeader;
use crate::components::tier_badge::{TierBadge, tier_key};
use crate::components::time::Time;
use crate::format;
use crate::state::live::use_live;
use crate::state::remote::{Remote, part};
use crate::state::rpc::Rpc;
use crate::state::session::use_session;
use crate::state::toasts::use_toasts;
use crate::state::{clock, url};
use contract::{
    PersistentOverride, Recoveries, RecoveryMonth, ReviewAction, ReviewSample, ReviewStage, ReviewTier,
    ReviewWorkflow, Role, SampledEvent, WeeklyReview,
};
use leptos::prelude::*;
use policy::tier::Tier;
use serde_json::{Value, json};

const SIZES: [(&str, &str); 4] = [("10", "10"), ("", "20"), ("30", "30"), ("50", "50")];

#[component]
pub fn ReviewPage() -> impl IntoView {
    let week = url::parameter("week");
    let live = use_live();
    let review = Remote::live([live.cases, live.judgments], move || {
        let query = week.with(|week| url::query_string([("week", week.as_str())]));
        async move { api::review::review(&query).await }
    });
    let sample_query = url::use_query(["week", "seed", "size"]);
    let sample = Remote::live([live.cases], move || {
        let query = sample_query.get();
        async move { api::review::sample(&query).await }
    });
    let (seed, size) = (url::parameter("seed"), url::parameter("size"));
    // The week that is shown, also where the address leaves it to the clock: the file is named by it.
    let csv = move || {
        let shown = review.value.with(|review| review.as_ref().map(|review| review.week.clone()));
        let (week, seed, size) = (shown.unwrap_or_else(|| week.get()), seed.get(), size.get());
        let pairs = [("week", week.as_str()), ("seed", seed.as_str()), ("size", size.as_str())];
        format!("/api/review.csv?{}", url::query_string(pairs))
    };
    let print = move |_| {
        // Refused only where the browser cannot print.
        let _ = window().print();
    };
    view! {
        <div class="page review-page">
            <PageHeader title="Weekly review" lead="Where cases stand, where they are stuck, what came in against the plan, and whether the records hold up.">
                <a class="button" href="/stages" data-test="stages">"Stages"</a>
                <a class="button" href=csv download="" rel="external" data-test="export-csv"><IconView icon=Icon::Download/>"Export CSV"</a>
                <button class="button" data-test="print" on:click=print><IconView icon=Icon::Print/>"Print"</button>
            </PageHeader>
            <Loaded remote=review skeleton=|| view! { <RowsSkeleton rows=1/><CardsSkeleton cards=4/><RowsSkeleton rows=10/> } let:now>
                <WeekChoice now/>
                <Figures now/>
                <div class="review-columns">
                    <Tiers now/>
                    <RecoveriesPanel now review/>
                </div>
                <Stages now/>
                <Workflows now/>
                <Overrides now review/>
            </Loaded>
            <Audit sample/>
        </div>
    }
}

// ---- the week ----

#[component]
fn WeekChoice(now: Signal<WeeklyReview>) -> impl IntoView {
    let set = StoredValue::new_local(url::use_set_parameters());
    let go = move |days: i32| {
        let (from, _) = now.with_untracked(|now| (now.from.clone(), ()));
        let week = iso_week(&clock::days_after(&from, days));
        set.with_value(|set| set(&[("week", &week)]));
    };
    let is_running = move || now.with(|now| now.is_running);
    view! {
        <div class="week-choice" role="group" aria-label="Week">
            <div class="segments">
                <button type="button" data-test="week-before" aria-label="The week before" on:click=move |_| go(-7)>"‹"</button>
                <button type="button" data-test="week-now" aria-pressed=move || is_running().to_string() on:click=move |_| set.with_value(|set| set(&[("week", "")]))>"This week"</button>
                <button type="button" data-test="week-after" aria-label="The week after" disabled=is_running on:click=move |_| go(7)>"›"</button>
            </div>
            <h2 data-test="week" data-week=move || now.with(|now| now.week.clone())>{move || now.with(|now| format!("{} – {}", clock::day(&now.from), clock::day(&now.to)))}</h2>
            <span class="muted">{move || now.with(|now| format!("week {}", now.week))}</span>
        </div>
        {move || now.with(|now| (!now.is_running).then(|| {
            let as_of = clock::full_time(&now.as_of);
            view! {
                <p class="notice past-week" role="note" data-test="past-week"><IconView icon=Icon::Calendar/><span>
                    "This week is over. Of the week are what was recovered, what left each stage, and the audit. "<strong>"As of now"</strong>{format!(" ({as_of}) are tiers, SLA, dwell time, workflows, payments without a case and overrides: they are not kept by week.")}
                </span></p>
            }
        }))}
    }
}

/// Says of a figure that it is as of now, where the week is over
#[component]
fn AsOfNow(now: Signal<WeeklyReview>) -> impl IntoView {
    let is_past = part(now, |now| !now.is_running);
    move || {
        is_past.get().then(|| view! { <span class="tag as-of-now" data-test="as-of-now">"as of now"</span> })
    }
}

/// The ISO week that a day is in, as `2026-W47`
fn iso_week(day: &str) -> String {
    // The week is of the year that its Thursday is in.
    let thursday = clock::days_after(day, 3 - clock::weekday(day) as i32);
    let year = thursday.get(..4).unwrap_or_default().to_owned();
    let first = js_sys::Date::parse(&format!("{year}-01-01T12:00:00Z"));
    let days =
        ((js_sys::Date::parse(&format!("{thursday}T12:00:00Z")) - first) / 86_400_000.0).round() as u32;
    format!("{year}-W{:02}", days / 7 + 1)
}

// ---- what matters first ----

#[component]
fn Figures(now: Signal<WeeklyReview>) -> impl IntoView {
    move || {
        now.with(|now| {
            let cases: u64 = now.tiers.iter().map(|tier| tier.case_count).sum();
            let breaches: u64 = now.tiers.iter().map(|tier| tier.sla_breach_count).sum();
            let balance: i64 = now.tiers.iter().filter_map(|tier| format::parse_cents(&tier.balance)).sum();
            let bottlenecks: Vec<String> = now.stages.iter().filter(|stage| stage.is_bottleneck).map(|stage| format::words(&stage.stage)).collect();
            let without: u64 = now.workflows.iter().map(|workflow| workflow.without_milestone_count).sum();
            let recoveries = &now.recoveries;
            let open = if now.is_running { "Open cases" } else { "Open cases now" };
            let over = if now.is_running { "Past their SLA" } else { "Past their SLA now" };
            let stuck = if now.is_running { "Bottlenecks" } else { "Bottlenecks now" };
            let lacking = if now.is_running { "Without a milestone" } else { "Without a milestone now" };
            view! {
                <dl class="panel figure-row review-figures">
                    <div><dt>{open}</dt><dd class="figure"><a href="/cases" data-test="open-cases">{format::count(cases)}</a></dd><dd class="under">{format::cents(balance)}" balance"</dd></div>
                    <div class:loss=breaches != 0><dt>{over}</dt><dd class="figure"><a href="/cases?sla_breach=true" data-test="breaches">{format::count(breaches)}</a></dd><dd class="under">{format::percent(breaches, cases)}" of the open cases"</dd></div>
                    <div><dt>{stuck}</dt><dd class="figure" data-test="bottlenecks">{bottlenecks.len()}</dd><dd class="under clip" title=bottlenecks.join(", ")>{if bottlenecks.is_empty() { "no stage is stuck".to_owned() } else { bottlenecks.join(", ") }}</dd></div>
                    <div class:loss=without != 0><dt>{lacking}</dt><dd class="figure" data-test="without-milestone">{format::count(without)}</dd><dd class="under">"active levies, garnishments, subpoenas, marshals"</dd></div>
                    <div><dt>"Recovered in the week"</dt><dd class="figure" data-test="week-amount">{format::money(&recoveries.week_amount)}</dd><dd class="under">{format::counted(recoveries.week_payment_count, "payment", "payments")}{(recoveries.unlinked_count > 0).then(|| format!(" · {} without a case by now ({})", format::count(recoveries.unlinked_count), format::money(&recoveries.unlinked_amount)))}</dd></div>
                </dl>
            }
        })
    }
}

/// A figure that opens the cases behind it; 0 opens nothing
#[component]
fn CaseLink(count: u64, query: String, #[prop(optional)] is_loss: bool) -> impl IntoView {
    if count == 0 {
        return view! { <span class="muted">"0"</span> }.into_any();
    }
    view! { <a class:loss=is_loss href=format!("/cases?{query}")>{format::count(count)}</a> }.into_any()
}

#[component]
fn Tiers(now: Signal<WeeklyReview>) -> impl IntoView {
    let tiers = part(now, |now| now.tiers.clone());
    let row = |tier: ReviewTier| {
        let key = tier_key(tier.tier);
        view! {
            <tr role="row" data-test="review-tier" data-tier-of=key data-cases=tier.case_count.to_string() data-breaches=tier.sla_breach_count.to_string()>
                <th scope="row" role="rowheader"><TierBadge tier=tier.tier/></th>
                <td role="cell" class="number" data-label="Open cases"><CaseLink count=tier.case_count query=format!("tier={key}")/></td>
                <td role="cell" class="number balance" data-label="Balance"><strong>{format::money(&tier.balance)}</strong></td>
                <td role="cell" class="number" data-label="Past SLA"><CaseLink count=tier.sla_breach_count query=format!("tier={key}&sla_breach=true") is_loss=true/></td>
                <td role="cell" class="number" data-label="Past due"><CaseLink count=tier.past_due_count query=format!("tier={key}&past_due=true") is_loss=true/></td>
            </tr>
        }
    };
    let total = move || {
        tiers.with(|tiers| {
        let sum = |read: fn(&ReviewTier) -> u64| tiers.iter().map(read).sum::<u64>();
        let balance: i64 = tiers.iter().filter_map(|tier| format::parse_cents(&tier.balance)).sum();
        view! { <tr role="row" class="total"><th scope="row" role="rowheader">"All"</th><td role="cell" class="number" data-label="Open cases">{format::count(sum(|tier| tier.case_count))}</td><td role="cell" class="number balance" data-label="Balance">{format::cents(balance)}</td><td role="cell" class="number" data-label="Past SLA">{format::count(sum(|tier| tier.sla_breach_count))}</td><td role="cell" class="number" data-label="Past due">{format::count(sum(|tier| tier.past_due_count))}</td></tr> }
    })
    };
    view! {
        <section class="panel" aria-labelledby="tiers-title">
            <header><h2 id="tiers-title">"Tier roll-up"</h2><AsOfNow now/><span class="muted header-hint">"open cases, by effective tier"</span></header>
            <table class="table rows-table review-table tiers-review" role="table">
                <thead><tr><th scope="col">"Tier"</th><th scope="col" class="number">"Open cases"</th><th scope="col" class="number">"Balance"</th><th scope="col" class="number">"Past SLA"</th><th scope="col" class="number">"Past due"</th></tr></thead>
                <tbody>{move || tiers.get().into_iter().map(row).collect_view()}{total}</tbody>
            </table>
        </section>
    }
}

#[component]
fn Stages(now: Signal<WeeklyReview>) -> impl IntoView {
    let stages = part(now, |now| now.stages.clone());
    let row = |stage: ReviewStage| {
        let days = |days: Option<u32>| days.map_or_else(|| "–".to_owned(), |days| format!("{days} d"));
        // The SLA in the middle of the bar; twice of it and more fills it.
        let filled = match (stage.days_median, stage.sla_days) {
            (Some(median), Some(sla)) => (median * 50 / sla.max(1)).min(100),
            _ => 0,
        };
        let is_over =
            matches!((stage.days_median, stage.sla_days), (Some(median), Some(sla)) if median > sla);
        view! {
            <tr role="row" class:bottleneck=stage.is_bottleneck data-test="review-stage" data-stage=stage.stage.clone() data-bottleneck=stage.is_bottleneck.to_string()>
                <th scope="row" role="rowheader">{format::words(&stage.stage)}{stage.is_bottleneck.then(|| view! { " "<span class="tag bottleneck-tag">"Bottleneck"</span> })}</th>
                <td role="cell" class="number" data-label="SLA">{days(stage.sla_days)}</td>
                <td role="cell" class="number" data-label="Cases"><CaseLink count=stage.case_count query=format!("stage={}", stage.stage)/></td>
                <td role="cell" class="number" data-label="Median now"><strong class:loss=is_over>{days(stage.days_median)}</strong></td>
                <td role="cell" class="dwell-cell"><svg class="dwell-bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="10" rx="2"/><rect class=if is_over { "value over" } else { "value" } width=filled.to_string() height="10" rx="2"/><line class="sla" x1="50" x2="50" y1="0" y2="10"/></svg></td>
                <td role="cell" class="number" data-label="Longest">{days(stage.days_max)}</td>
                <td role="cell" class="number" data-label="Past SLA"><CaseLink count=stage.sla_breach_count query=format!("stage={}&sla_breach=true", stage.stage) is_loss=true/>{(stage.sla_breach_count > 0).then(|| view! { <span class="muted">" "{format::percent(stage.sla_breach_count, stage.case_count)}</span> })}</td>
                <td role="cell" class="number" data-label="Left in the week">{format::count(stage.left_count)}</td>
                <td role="cell" class="number left-after" data-label="after (median)">{days(stage.left_days_median)}</td>
            </tr>
        }
    };
    view! {
        <section class="panel" aria-labelledby="stages-title">
            <header><h2 id="stages-title">"Stage dwell time"</h2><AsOfNow now/><span class="muted header-hint">"a bottleneck has a quarter of its cases or more past the SLA; the mark in the bar is the SLA"</span></header>
            <table class="table rows-table review-table stages-review" role="table">
                <thead><tr><th scope="col">"Stage"</th><th scope="col" class="number">"SLA"</th><th scope="col" class="number">"Cases"</th><th scope="col" class="number">"Median now"</th><th scope="col"><span class="visually-hidden">"Median against the SLA"</span></th><th scope="col" class="number">"Longest"</th><th scope="col" class="number">"Past SLA"</th><th scope="col" class="number">"Left in the week"</th><th scope="col" class="number">"after (median)"</th></tr></thead>
                <tbody>{move || stages.get().into_iter().map(row).collect_view()}</tbody>
            </table>
        </section>
    }
}

fn workflow_name(action_type: &str) -> &'static str {
    match action_type {
        "bank_levy" => "Bank levies",
        "garnishment" => "Garnishments",
        "subpoena" => "Subpoenas",
        _ => "Marshal actions",
    }
}

#[component]
fn Workflows(now: Signal<WeeklyReview>) -> impl IntoView {
    let workflows = part(now, |now| now.workflows.clone());
    let actions = part(now, |now| now.actions.clone());
    let cell = |workflow: ReviewWorkflow| {
        view! {
            <div data-test="workflow" data-type=workflow.action_type.clone() data-active=workflow.active_count.to_string() data-without=workflow.without_milestone_count.to_string()>
                <dt>{workflow_name(&workflow.action_type)}</dt>
                <dd class="figure">{format::count(workflow.active_count)}</dd>
                <dd class="under">{match (workflow.without_milestone_count, workflow.past_due_count) {
                    _ if workflow.active_count == 0 => view! { "none active" }.into_any(),
                (0, 0) => view! { "all have a milestone ahead" }.into_any(),
                    (without, overdue) => view! { {(without > 0).then(|| view! { <span class="loss">{format::count(without)}" without milestone"</span>{(overdue > 0).then_some(" · ")} })}{(overdue > 0).then(|| view! { <span class="loss">{format::count(overdue)}" past it"</span> })} }.into_any(),
                }}</dd>
            </div>
        }
    };
    let row = |action: ReviewAction| {
        let milestone = action.next_milestone_at.clone();
        view! {
            <tr role="row" data-test="review-action" data-milestone=action.next_milestone_at.is_some().to_string()>
                <th scope="row" role="rowheader" class="case"><a href=format!("/cases/{}", action.case_id)>{action.case_number}</a></th>
                <td role="cell" data-label="Workflow">{format::words(&action.action_type)}</td>
                <td role="cell" data-label="Status">{format::words(&action.status)}</td>
                <td role="cell" data-label="Opened"><Time at=action.opened_at/></td>
                <td role="cell" data-label="Owner">{action.owner_name.unwrap_or_else(|| "nobody".to_owned())}</td>
                <td role="cell" data-label="Next milestone">{match milestone {
                    None => view! { <span class="tag bottleneck-tag" data-test="no-milestone">"None scheduled"</span> }.into_any(),
                    Some(at) => { let full = clock::full_time(&at); view! { <span class:loss=action.is_past_due title=full>{move || clock::due(&at)}</span> }.into_any() }
                }}</td>
            </tr>
        }
    };
    view! {
        <section class="panel" aria-labelledby="workflows-title">
            <header><h2 id="workflows-title">"Workflow pipeline"</h2><AsOfNow now/><span class="muted header-hint">"active actions; each is to have its next milestone scheduled"</span></header>
            <dl class="figure-row four">{move || workflows.get().into_iter().map(cell).collect_view()}</dl>
            {move || {
                let actions = actions.get();
                if actions.is_empty() { return view! { <p class="none muted">"No levy, garnishment, subpoena or marshal action is active."</p> }.into_any(); }
                let active: u64 = workflows.with(|workflows| workflows.iter().map(|workflow| workflow.active_count).sum());
                let shown = actions.len() as u64;
                view! {
                    <div class="scrolled tall" tabindex="0" role="group" aria-label="Active actions">
                        <table class="table rows-table review-table" role="table">
                            <thead><tr><th scope="col">"Case"</th><th scope="col">"Workflow"</th><th scope="col">"Status"</th><th scope="col">"Opened"</th><th scope="col">"Owner"</th><th scope="col">"Next milestone"</th></tr></thead>
                            <tbody>{actions.into_iter().map(row).collect_view()}</tbody>
                        </table>
                    </div>
                    {(active > shown).then(|| view! { <p class="none muted">{format!("The first {} of {}: those without a milestone, then the ones that are due first.", format::count(shown), format::count(active))}</p> })}
                }.into_any()
            }}
        </section>
    }
}

// ---- recoveries ----

#[component]
fn RecoveriesPanel(now: Signal<WeeklyReview>, review: Remote<WeeklyReview>) -> impl IntoView {
    let session = use_session();
    let edited = RwSignal::new(None::<RecoveryMonth>);
    let is_editing = RwSignal::new(false);
    let may_plan = Memo::new(move |_| session.may(Role::Admin));
    let to_date = part(now, |now| year_to_date(&now.recoveries));
    let months = part(now, |now| now.recoveries.months.clone());
    let row = move |month: RecoveryMonth| {
        let planning = month.clone();
        let (actual, plan) = (
            format::parse_cents(&month.actual).unwrap_or(0),
            month.plan.as_deref().and_then(format::parse_cents),
        );
        let expected = month.plan_to_date.as_deref().and_then(format::parse_cents);
        let gap = expected.filter(|expected| *expected > 0 || actual > 0).map(|expected| actual - expected);
        let is_short = gap.is_some_and(|gap| gap < 0);
        view! {
            <tr role="row" data-test="month" data-month=month.month.clone() data-plan=month.plan.clone() data-actual=month.actual.clone()>
                <th scope="row" role="rowheader">{month_name(&month.month)}</th>
                <td role="cell" class="number" data-label="Plan">{match plan { Some(plan) => view! { {format::cents(plan)} }.into_any(), None => view! { <span class="muted">"–"</span> }.into_any() }}</td>
                <td role="cell" class="number" data-label="Recovered">{if actual == 0 { view! { <span class="muted">{format::cents(actual)}</span> }.into_any() } else { view! { <strong>{format::cents(actual)}</strong> }.into_any() }}</td>
                <td role="cell" class="number" data-label="Against plan" class:loss=is_short>{gap.map_or_else(|| "–".to_owned(), format::cents_change)}</td>
                <td role="cell" class="row-actions">{move || may_plan.get().then(|| { let planning = planning.clone(); let label = format!("Set the plan of {}", month_name(&planning.month)); view! { <button class="button small quiet" data-test="plan-month" aria-label=label on:click=move |_| { edited.set(Some(planning.clone())); is_editing.set(true); }>"Plan…"</button> } })}</td>
            </tr>
        }
    };
    view! {
        <section class="panel" aria-labelledby="recoveries-title">
            <header><h2 id="recoveries-title">"Recoveries against plan"</h2><span class="spacer"></span>
                <span class="muted header-hint" data-test="year-to-date">{move || match to_date.get() {
                    (_, 0) => "no plan is set for this year yet".to_owned(),
                    (actual, plan) => format!("{} of {} planned by now", format::cents(actual), format::cents(plan)),
                }}</span>
            </header>
            <div class="scrolled tall" tabindex="0" role="group" aria-label="Recoveries by month">
                <table class="table rows-table review-table" role="table">
                    <thead><tr><th scope="col">"Month"</th><th scope="col" class="number">"Plan"</th><th scope="col" class="number">"Recovered"</th><th scope="col" class="number">"Against plan"</th><th scope="col"><span class="visually-hidden">"Actions"</span></th></tr></thead>
                    <tbody>{move || months.get().into_iter().map(row).collect_view()}</tbody>
                </table>
            </div>
            <Modal is_open=is_editing label="Plan a month" class="narrow" test="plan-form">
                {move || edited.get().map(|month| view! { <PlanForm month is_open=is_editing review/> })}
            </Modal>
        </section>
    }
}

/// What came in and what was planned by now, in the months that have a plan
fn year_to_date(recoveries: &Recoveries) -> (i64, i64) {
    recoveries
        .months
        .iter()
        .filter_map(|month| {
            Some((format::parse_cents(&month.actual)?, format::parse_cents(month.plan_to_date.as_deref()?)?))
        })
        .fold((0, 0), |(actual, plan), (more, planned)| (actual + more, plan + planned))
}

/// `November 2026` of `2026-11`
fn month_name(month: &str) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let name = month.split_once('-').and_then(|(year, number)| {
        Some(format!("{} {year}", MONTHS.get(number.parse::<usize>().ok()?.checked_sub(1)?)?))
    });
    name.unwrap_or_else(|| month.to_owned())
}

#[component]
fn PlanForm(month: RecoveryMonth, is_open: RwSignal<bool>, review: Remote<WeeklyReview>) -> impl IntoView {
    let toasts = use_toasts();
    let rpc = Rpc::new("set_recovery_plan");
    let amount = RwSignal::new(month.plan.clone().unwrap_or_default());
    let is_wrong = RwSignal::new(false);
    let error = {
        let refused = rpc.error_at("amount");
        Signal::derive(move || {
            if is_wrong.get() {
                Some(
                    "An amount in dollars, such as 50000 or 50,000.00; nothing takes the plan away."
                        .to_owned(),
                )
            } else {
                refused.get()
            }
        })
    };
    let name = month_name(&month.month);
    let title = format!("Plan for {name}");
    let send = StoredValue::new_local(move || {
        let bare = amount.with_untracked(|amount| amount.replace([',', '$', ' '], ""));
        let cents = format::parse_cents(&bare).filter(|cents| *cents >= 0);
        is_wrong.set(!bare.is_empty() && cents.is_none());
        if is_wrong.get_untracked() {
            return;
        }
        let amount = cents.map(|cents| format!("{}.{:02}", cents / 100, cents % 100));
        let words = match cents {
            Some(cents) => format!("{} is planned for {name}.", format::cents(cents)),
            None => format!("{name} has no plan any more."),
        };
        rpc.send(json!({ "month": month.month, "amount": amount }), move |_| {
            is_open.set(false);
            toasts.say(words);
            review.refetch();
        });
    });
    view! {
        <form novalidate on:submit=move |event| { event.prevent_default(); send.with_value(|send| send()); }>
            <h2>{title}</h2>
            <Field id="plan-amount" label="To be recovered" error hint="In dollars. Leave it empty to take the plan away.">
                <input id="plan-amount" class="input" inputmode="decimal" autocomplete="off" data-test="plan-amount" aria-invalid=move || error.with(Option::is_some).to_string() prop:value=move || amount.get() on:input:target=move |event| amount.set(event.target().value())/>
            </Field>
            <FormError error=rpc.error_beside(["amount"])/>
            <div class="buttons">
                <button type="button" class="button" on:click=move |_| is_open.set(false)>"Cancel"</button>
                <button type="submit" class="button primary" data-test="save" disabled=move || rpc.is_busy.get()>"Set plan"</button>
            </div>
        </form>
    }
}

// ---- overrides ----

#[component]
fn Overrides(now: Signal<WeeklyReview>, review: Remote<WeeklyReview>) -> impl IntoView {
    let session = use_session();
    let overrides = part(now, |now| now.overrides.clone());
    let explained = RwSignal::new(None::<PersistentOverride>);
    let is_explaining = RwSignal::new(false);
    let may_work = Memo::new(move |_| session.may(Role::Operator));
    let row = move |row: PersistentOverride| {
        let explaining = row.clone();
        view! {
            <tr role="row" data-test="override" data-renewed=row.renewed_count.to_string()>
                <th scope="row" role="rowheader" class="case"><a href=format!("/cases/{}", row.case_id)>{row.case_number}</a></th>
                <td role="cell" data-label="Tier"><span class="step"><TierBadge tier=row.computed_tier short=true/><span aria-label="overridden to">"→"</span><TierBadge tier=row.tier/></span></td>
                <td role="cell" data-label="Set">{match row.set_at { Some(at) => view! { <Time at/> }.into_any(), None => view! { <span class="muted">"–"</span> }.into_any() }}</td>
                <td role="cell" class="number" data-label="Renewed">{if row.renewed_count == 0 { view! { <span class="muted">"never"</span> }.into_any() } else { view! { {format!("{} ×", format::count(row.renewed_count))} }.into_any() }}</td>
                <td role="cell" data-label="Expires"><Time at=row.expires_at/></td>
                <td role="cell" class="words" data-label="Note">{row.note}</td>
                <td role="cell" class="words" data-label="Root cause">{match row.root_cause { Some(cause) => view! { <span data-test="root-cause">{cause}</span> }.into_any(), None => view! { <span class="tag bottleneck-tag" data-test="no-root-cause">"Not given"</span> }.into_any() }}</td>
                <td role="cell" class="row-actions">{move || may_work.get().then(|| { let explaining = explaining.clone(); view! { <button class="button small quiet" data-test="explain" on:click=move |_| { explained.set(Some(explaining.clone())); is_explaining.set(true); }>"Root cause…"</button> } })}</td>
            </tr>
        }
    };
    view! {
        <section class="panel" aria-labelledby="overrides-title">
            <header><h2 id="overrides-title">"Overrides that persist"</h2><AsOfNow now/><span class="muted header-hint">"older than 14 days, or renewed: each asks for a root cause"</span></header>
            {move || {
                let overrides = overrides.get();
                if overrides.is_empty() { return view! { <p class="none muted">"No override is older than 14 days or was renewed."</p> }.into_any(); }
                view! {
                    <div class="scrolled tall" tabindex="0" role="group" aria-label="Overrides that persist">
                        <table class="table rows-table review-table" role="table">
                            <thead><tr><th scope="col">"Case"</th><th scope="col">"Computed → override"</th><th scope="col">"Set"</th><th scope="col" class="number">"Renewed"</th><th scope="col">"Expires"</th><th scope="col">"Note"</th><th scope="col">"Root cause"</th><th scope="col"><span class="visually-hidden">"Actions"</span></th></tr></thead>
                            <tbody>{overrides.into_iter().map(row).collect_view()}</tbody>
                        </table>
                    </div>
                }.into_any()
            }}
            <Modal is_open=is_explaining label="Root cause of an override" class="narrow" test="root-cause-form">
                {move || explained.get().map(|row| view! { <RootCauseForm row is_open=is_explaining review/> })}
            </Modal>
        </section>
    }
}

#[component]
fn RootCauseForm(
    row: PersistentOverride,
    is_open: RwSignal<bool>,
    review: Remote<WeeklyReview>,
) -> impl IntoView {
    let toasts = use_toasts();
    let rpc = Rpc::new("set_tier_override");
    let cause = RwSignal::new(row.root_cause.clone().unwrap_or_default());
    let is_missing = RwSignal::new(false);
    let error = {
        let refused = rpc.error_at("root_cause");
        Signal::derive(move || {
            if is_missing.get() {
                Some("Say why the computed tier does not fit.".to_owned())
            } else {
                refused.get()
            }
        })
    };
    let title = format!("Why is {} overridden?", row.case_number);
    let send = StoredValue::new_local(move || {
        let said = cause.with_untracked(|cause| cause.trim().to_owned());
        is_missing.set(said.is_empty());
        if said.is_empty() {
            return;
        }
        // The override stays as it is: the same tier, expiry and note.
        let fields = json!({
            "case_id": row.case_id, "tier": row.tier.map(Tier::case_text), "expires_at": row.expires_at, "note": row.note,
            "root_cause": said,
        });
        rpc.send(fields, move |_| {
            is_open.set(false);
            toasts.say("The root cause is kept with the override.");
            review.refetch();
        });
    });
    view! {
        <form on:submit=move |event| { event.prevent_default(); send.with_value(|send| send()); }>
            <h2>{title}</h2>
            <p>"What is wrong with the score, the balance, the assets or the policy, so that it needs a person to say the tier?"</p>
            <Field id="root-cause" label="Root cause" error>
                <textarea id="root-cause" class="input" rows="3" maxlength="4000" data-test="root-cause-text" prop:value=move || cause.get() on:input:target=move |event| cause.set(event.target().value())></textarea>
            </Field>
            <FormError error=rpc.error_beside(["root_cause"])/>
            <div class="buttons">
                <button type="button" class="button" on:click=move |_| is_open.set(false)>"Cancel"</button>
                <button type="submit" class="button primary" data-test="save" disabled=move || rpc.is_busy.get()>"Keep root cause"</button>
            </div>
        </form>
    }
}

// ---- the audit ----

const RECORD: &str = "record_event_audit";

/// What names the sample that is shown, unless its audit has begun
fn drawn(sample: Signal<ReviewSample>) -> Option<Value> {
    sample.with_untracked(|sample| {
        sample.begun.is_none().then(|| {
            json!({ "week": sample.week, "seed": sample.seed.to_string(), "size": sample.size.to_string() })
        })
    })
}

/// Keeps what an audit found; the first finding begins the audit of the sample, which keeps its events from then on
async fn record(key: String, drawn: Option<Value>, finding: Value) -> Result<(), ApiError> {
    if let Some(drawn) = drawn {
        api::rpc("keep_review_sample", &key, &drawn).await?;
    }
    api::rpc(RECORD, &key, &finding).await.map(drop)
}

#[component]
fn Audit(sample: Remote<ReviewSample>) -> impl IntoView {
    let set = StoredValue::new_local(url::use_set_parameters());
    let size = url::parameter("size");
    let draw = move |_| {
        let seed = 1 + (js_sys::Math::random() * 999_998.0) as u32;
        set.with_value(|set| set(&[("seed", &seed.to_string())]));
    };
    let set_seed = move |text: String| {
        let seed = text.trim().parse::<u32>().ok().filter(|seed| (1..=999_999_999).contains(seed));
        set.with_value(|set| set(&[("seed", &seed.map(|seed| seed.to_string()).unwrap_or_default())]));
    };
    let seed = url::parameter("seed");
    let shown_seed = move || seed.with(|seed| if seed.is_empty() { "1".to_owned() } else { seed.clone() });
    let progress = move || {
        sample.value.with(|sample| {
            sample.as_ref().map(|sample| {
                let audited = sample.rows.iter().filter(|row| row.audit.is_some()).count();
                let failed = sample
                    .rows
                    .iter()
                    .filter(|row| row.audit.as_ref().is_some_and(|audit| audit.result == "failed"))
                    .count();
                format!(
                    "{audited} of {} audited{} · drawn from {}",
                    sample.rows.len(),
                    if failed > 0 { format!(", {failed} failed") } else { String::new() },
                    format::counted(sample.event_count, "event", "events")
                )
            })
        })
    };
    view! {
        <section class="panel audit" aria-labelledby="audit-title">
            <header><h2 id="audit-title">"Quality audit"</h2><span class="muted header-hint" role="status" data-test="audit-progress" data-seed=move || sample.value.with(|sample| sample.as_ref().map(|sample| sample.seed.to_string()))>{progress}</span></header>
            <div class="audit-choice">
                <div class="segments" role="group" aria-label="Size of the sample">
                    {SIZES.map(|(value, words)| view! { <button type="button" data-test=format!("size-{words}") aria-pressed=move || size.with(|size| size == value || (value.is_empty() && size == "20")).to_string() on:click=move |_| set.with_value(|set| set(&[("size", value)]))>{words}</button> })}
                </div>
                <label><span class="muted">"Seed"</span><input class="input" inputmode="numeric" data-test="seed" prop:value=shown_seed on:change:target=move |event| set_seed(event.target().value())/></label>
                <button type="button" class="button" data-test="draw" on:click=draw><IconView icon=Icon::Refresh/>"Draw another"</button>
                <span class="muted small">"Drawn at random from what was written down in the week. The same week, seed and size draw the same events: share the address."</span>
            </div>
            {move || sample.value.with(|sample| sample.as_ref().map(|sample| match &sample.begun {
                Some(begun) => {
                    let since = match sample.later_count {
                        0 => "Nothing was written down in the week since.".to_owned(),
                        later => format!("{} since: another seed may draw them.", format::counted(later, "event was written down in the week", "events were written down in the week")),
                    };
                    view! { <p class="none muted" data-test="audit-begun">{format!("Begun by {}, ", begun.begun_by)}<Time at=begun.begun_at.clone()/>{format!(": the sample keeps its events. {since}")}</p> }.into_any()
                }
                None if !sample.rows.is_empty() => view! { <p class="none muted" data-test="audit-open">"Not begun: with the first finding the sample keeps its events, whatever is written down later."</p> }.into_any(),
                None => ().into_any(),
            }))}
            <Loaded remote=sample skeleton=|| view! { <RowsSkeleton rows=8/> } let:now>
                <Sample now sample/>
            </Loaded>
        </section>
    }
}

#[component]
fn Sample(now: Signal<ReviewSample>, sample: Remote<ReviewSample>) -> impl IntoView {
    let session = use_session();
    let may_audit = Memo::new(move |_| session.may(Role::Operator));
    let failing = RwSignal::new(None::<SampledEvent>);
    let is_failing = RwSignal::new(false);
    let pass = Rpc::of_button(RECORD);
    let row = move |event: SampledEvent| {
        let id = event.event_id.clone();
        let failed = event.clone();
        let audit = event.audit.clone();
        let result = audit.as_ref().map(|audit| audit.result.clone());
        view! {
            <tr role="row" data-test="sampled" data-event=event.event_id.clone() data-result=result>
                <th scope="row" role="rowheader" class="event">{format::words(&event.event_kind)}<span class="muted"><Time at=event.occurred_at/></span></th>
                <td role="cell" class="case" data-label="Case">{match event.case_id { Some(id) => view! { <a href=format!("/cases/{id}")>{event.case_number}</a> }.into_any(), None => view! { <a href=format!("/judgments/{}", event.judgment_id)>{event.case_number}</a> }.into_any() }}</td>
                <td role="cell" data-label="By">{event.actor}</td>
                <td role="cell" class="papers" data-label="Document"><Mark name="Document" state=match (event.has_document, event.needs_document) { (true, _) => Some(true), (false, true) => Some(false), (false, false) => None } words=if event.has_document { "" } else if event.needs_document { "missing" } else { "not needed" }/>{event.documents.into_iter().map(|document| view! { <DocumentLink document/> }).collect_view()}{event.document_path.map(|path| view! { <span class="tag document-link clip" title=path.clone()>{path.clone()}</span> })}</td>
                <td role="cell" class="words" data-label="Note"><Mark name="Note" state=Some(event.note.is_some()) words=""/>{event.note}</td>
                <td role="cell" data-label="RPC"><Mark name="RPC" state=Some(event.rpc.is_some()) words=""/><span class="mono small">{event.rpc}</span></td>
                <td role="cell" class="words result" data-label="Result">{match audit {
                    None => view! { <span class="muted">"not audited"</span> }.into_any(),
                    Some(audit) => view! { <span class=format!("tag audit-tag {}", audit.result)>{format::words(&audit.result)}</span><span class="muted small">{audit.auditor}", "<Time at=audit.audited_at/></span>{audit.note.map(|note| view! { <span class="small">{note}</span> })} }.into_any(),
                }}</td>
                <td role="cell" class="row-actions">{move || may_audit.get().then(|| {
                    let (id, failed) = (id.clone(), failed.clone());
                    let passed = move |_| {
                        let (drawn, finding) = (drawn(now), json!({ "event_id": id, "result": "passed" }));
                        pass.run(move |key| record(key, drawn, finding), move |()| sample.refetch());
                    };
                    view! {
                        <button class="button small" data-test="pass" disabled=move || pass.is_busy.get() on:click=passed>"Pass"</button>
                        <button class="button small" data-test="fail" on:click=move |_| { failing.set(Some(failed.clone())); is_failing.set(true); }>"Fail…"</button>
                    }
                })}</td>
            </tr>
        }
    };
    let is_empty = Memo::new(move |_| now.with(|now| now.rows.is_empty()));
    view! {
        {move || if is_empty.get() {
            view! { <Empty title="Nothing was written down in this week" text="Events appear here as soon as cases are worked: stages, filings, payments, notes. Choose another week to audit that."/> }.into_any()
        } else {
            view! {
                <table class="table rows-table review-table sample-table" role="table">
                    <thead><tr><th scope="col">"Event"</th><th scope="col">"Case"</th><th scope="col">"By"</th><th scope="col">"Document"</th><th scope="col">"Note"</th><th scope="col">"RPC"</th><th scope="col">"Result"</th><th scope="col"><span class="visually-hidden">"Actions"</span></th></tr></thead>
                    <tbody><For each=move || now.with(|now| now.rows.clone()) key=SampledEvent::clone children=row/></tbody>
                </table>
            }.into_any()
        }}
        <Modal is_open=is_failing label="What is wrong with the event" class="narrow" test="audit-form">
            {move || failing.get().map(|event| view! { <FailForm event is_open=is_failing now sample/> })}
        </Modal>
    }
}

/// A check mark, a cross, or a dash where nothing was asked for
#[component]
fn Mark(name: &'static str, state: Option<bool>, words: &'static str) -> impl IntoView {
    let (key, said) = match state {
        Some(true) => ("yes", "present"),
        Some(false) => ("no", "missing"),
        None => ("none", "not needed"),
    };
    view! {
        <span class="check-mark" data-mark=key title=format!("{name}: {said}")>
            {match state { Some(true) => view! { <IconView icon=Icon::Check/> }.into_any(), Some(false) => view! { <IconView icon=Icon::Close/> }.into_any(), None => view! { <span aria-hidden="true">"–"</span> }.into_any() }}
            <span class="visually-hidden">{format!("{name} {said}")}</span>
            <span class="muted small" aria-hidden="true">{words}</span>
        </span>
    }
}

#[component]
fn FailForm(
    event: SampledEvent,
    is_open: RwSignal<bool>,
    now: Signal<ReviewSample>,
    sample: Remote<ReviewSample>,
) -> impl IntoView {
    let toasts = use_toasts();
    let rpc = Rpc::new(RECORD);
    let note = RwSignal::new(String::new());
    let is_missing = RwSignal::new(false);
    let error = {
        let refused = rpc.error_at("note");
        Signal::derive(move || {
            if is_missing.get() {
                Some("Say what is wrong, so that somebody can mend it.".to_owned())
            } else {
                refused.get()
            }
        })
    };
    let title = format!("{} of {}", format::words(&event.event_kind), event.case_number);
    let send = StoredValue::new_local(move || {
        let said = note.with_untracked(|note| note.trim().to_owned());
        is_missing.set(said.is_empty());
        if said.is_empty() {
            return;
        }
        let (drawn, finding) =
            (drawn(now), json!({ "event_id": event.event_id, "result": "failed", "note": said }));
        rpc.run(
            move |key| record(key, drawn, finding),
            move |()| {
                is_open.set(false);
                toasts.say("The finding is kept with the event.");
                sample.refetch();
            },
        );
    });
    view! {
        <form on:submit=move |event| { event.prevent_default(); send.with_value(|send| send()); }>
            <h2>{title}</h2>
            <Field id="audit-note" label="What is wrong" error>
                <textarea id="audit-note" class="input" rows="3" maxlength="2000" data-test="audit-note" prop:value=move || note.get() on:input:target=move |event| note.set(event.target().value())></textarea>
            </Field>
            <FormError error=rpc.error_beside(["note"])/>
            <div class="buttons">
                <button type="button" class="button" on:click=move |_| is_open.set(false)>"Cancel"</button>
                <button type="submit" class="button danger" data-test="save" disabled=move || rpc.is_busy.get()>"Keep finding"</button>
            </div>
        </form>
    }
}
