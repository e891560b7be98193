//! `/tiers`: how the portfolio divides, how current that is, and what decides it.

use crate::api;
use crate::components::empty::Empty;
use crate::components::icon::{Icon, IconView};
use crate::components::loaded::{CardsSkeleton, Loaded};
use crate::components::notice::{Notice, Tone};
use crate::components::page_header::PageHeader;
use crate::components::refresh_progress::RefreshProgress;
use crate::components::tier_badge::{TierBadge, tier_key};
use crate::components::time::Time;
use crate::format;
use crate::state::live::use_live;
use crate::state::remote::Remote;
use crate::state::session::use_session;
use crate::state::toasts::use_toasts;
use contract::{Coverage, PolicySummary, RefreshRun, RefreshState, Role, TierOverview, TierOverviewRow};
use leptos::prelude::*;
use leptos::task::spawn_local;
use policy::tier::Tier;
use std::time::Duration;

#[component]
pub fn TiersPage() -> impl IntoView {
    let live = use_live();
    let overview = Remote::new(move || {
        live.judgments.track();
        live.published.track();
        api::tiers()
    });
    view! {
        <div class="page tiers-page">
            <PageHeader title="Tiers" lead="How the portfolio divides by tier, how current that is, and which policy decides it.">
                <RefreshButton overview/>
            </PageHeader>
            <Loaded remote=overview skeleton=|| view! { <CardsSkeleton cards=4/><CardsSkeleton cards=2/> } let:overview_now>
                <Overview overview=overview_now on_progress=move || overview.refetch()/>
            </Loaded>
        </div>
    }
}

#[component]
fn RefreshButton(overview: Remote<TierOverview>) -> impl IntoView {
    let toasts = use_toasts();
    let session = use_session();
    let is_busy = RwSignal::new(false);
    let is_running = Memo::new(move |_| {
        overview.value.with(|overview| {
            let run = overview.as_ref().and_then(|overview| overview.refresh.as_ref());
            run.is_some_and(|run| run.state == RefreshState::Running)
        })
    });
    let start = move |_| {
        is_busy.set(true);
        spawn_local(async move {
            match api::refresh_tiers().await {
                Ok(run) => toasts.say(format!(
                    "Refreshing the tiers of {}.",
                    format::counted(run.total, "active judgment", "active judgments")
                )),
                Err(error) => toasts.fail(&error),
            }
            is_busy.set(false);
            overview.refetch();
        });
    };
    move || {
        session.may(Role::Operator).then(|| view! {
        <button class="button" data-test="refresh-tiers" disabled=move || is_busy.get() || is_running.get() on:click=start>
            <IconView icon=Icon::Refresh/>{move || if is_running.get() { "Refreshing…" } else { "Refresh tiers" }}
        </button>
    })
    }
}

#[component]
fn Overview(overview: Signal<TierOverview>, on_progress: impl Fn() + Clone + 'static) -> impl IntoView {
    let rows = Memo::new(move |_| {
        overview.with(|overview| {
            let of = |tier: Tier| overview.rows.iter().find(move |row| row.tier == Some(tier)).cloned();
            Tier::ALL.into_iter().rev().filter_map(of).collect::<Vec<_>>()
        })
    });
    let untiered = Memo::new(move |_| {
        overview.with(|overview| {
            overview.rows.iter().find(|row| row.tier.is_none() && row.judgment_count > 0).cloned()
        })
    });
    let run = Memo::new(move |_| overview.with(|overview| overview.refresh.clone()));
    let is_empty =
        Memo::new(move |_| overview.with(|overview| overview.rows.iter().all(|row| row.judgment_count == 0)));
    view! {
        <section class="tier-cards" aria-label="Tiers">
            {move || rows.get().into_iter().map(|row| view! { <TierCard row/> }).collect_view()}
        </section>
        {move || untiered.get().map(|row| view! { <Untiered row/> })}
        <div class="tiers-detail">
            {move || if is_empty.get() {
                view! { <div class="panel"><Empty title="No judgments yet" text="How they divide by tier appears here once a vendor’s export is imported: dragonfly import FILE --commit."/></div> }.into_any()
            } else {
                view! { <Distribution rows/> }.into_any()
            }}
            <div class="tiers-side">
                <CoveragePanel coverage=Signal::derive(move || overview.with(|overview| overview.coverage.clone()))/>
                <PublishedPanel published=Signal::derive(move || overview.with(|overview| overview.published.clone()))/>
                <LastRefresh run on_progress/>
            </div>
        </div>
    }
}

/// Active judgments without a tier want attention; closed ones that were never tiered do not.
#[component]
fn Untiered(row: TierOverviewRow) -> impl IntoView {
    let closed = row.judgment_count.saturating_sub(row.active_count);
    view! {
        {(row.active_count > 0).then(|| view! {
            <Notice tone=Tone::Plain>
                <a href="/judgments?tier=none&status=active" data-test="untiered">{format::counted(row.active_count, "active judgment", "active judgments")}" without a tier"</a>
                {format!(" · {} balance due", format::money(&row.active_balance))}
            </Notice>
        })}
        {(closed > 0).then(|| view! {
            <p class="muted">
                "Beside these there are "<a href="/judgments?tier=none" data-test="untiered-closed">{format::counted(closed, "closed judgment", "closed judgments")}</a>
                " that never had a tier."
            </p>
        })}
    }
}

#[component]
fn TierCard(row: TierOverviewRow) -> impl IntoView {
    let key = tier_key(row.tier);
    let all = format!("/judgments?tier={key}");
    view! {
        <article class="tier-card" data-tier=key data-test=format!("tier-card-{key}")>
            <h2><TierBadge tier=row.tier/></h2>
            <a class="figure" href=all.clone() data-test=format!("tier-count-{key}")>{format::count(row.judgment_count)}</a>
            <p class="unit">{if row.judgment_count == 1 { "judgment" } else { "judgments" }}</p>
            <dl>
                <div><dt>"Principal"</dt><dd><a href=format!("{all}&sort=-balance")>{format::money(&row.total_principal)}</a></dd></div>
                <div><dt>"Average score"</dt><dd><a href=format!("{all}&sort=-score")>{format::score(row.avg_collectability.as_deref(), 1)}</a></dd></div>
                <div><dt>"Active"</dt><dd><a href=format!("{all}&status=active")>{format::count(row.active_count)}</a></dd></div>
            </dl>
        </article>
    }
}

/// Active judgments and their balance, tier by tier: few judgments may hold most of the money.
#[component]
fn Distribution(rows: Memo<Vec<TierOverviewRow>>) -> impl IntoView {
    let bars = move || {
        let rows = rows.get();
        let balance = |row: &TierOverviewRow| {
            format::parse_cents(&row.active_balance).unwrap_or(0).max(0).unsigned_abs()
        };
        let count_total: u64 = rows.iter().map(|row| row.active_count).sum();
        let balance_total: u64 = rows.iter().map(balance).sum();
        rows.iter().map(|row| {
            let key = tier_key(row.tier);
            let address = format!("/judgments?tier={key}&status=active");
            view! {
                <tr data-tier=key>
                    <th scope="row"><TierBadge tier=row.tier/></th>
                    <td class="bar"><a href=address.clone() tabindex="-1" aria-hidden="true"><Bar part=row.active_count whole=count_total/></a></td>
                    <td class="number"><a href=address.clone()>{format::count(row.active_count)}</a></td>
                    <td class="number share">{format::percent(row.active_count, count_total)}</td>
                    <td class="bar"><a href=format!("{address}&sort=-balance") tabindex="-1" aria-hidden="true"><Bar part=balance(row) whole=balance_total/></a></td>
                    <td class="number"><a href=format!("{address}&sort=-balance") title=format::money(&row.active_balance)>{format::parse_cents(&row.active_balance).map(format::cents_short)}</a></td>
                    <td class="number share">{format::percent(balance(row), balance_total)}</td>
                </tr>
            }
        }).collect_view()
    };
    view! {
        <section class="panel distribution" data-test="distribution">
            <header><h2>"Distribution of active judgments"</h2></header>
            <table>
                <thead>
                    <tr>
                        <th scope="col"><span class="visually-hidden">"Tier"</span></th>
                        <th scope="colgroup" colspan="3">"Judgments"</th>
                        <th scope="colgroup" colspan="3">"Balance due"</th>
                    </tr>
                </thead>
                <tbody>{bars}</tbody>
            </table>
        </section>
    }
}

#[component]
fn Bar(part: u64, whole: u64) -> impl IntoView {
    // In thousandths of the whole; what exists is never invisible.
    let width = if whole == 0 { 0 } else { u128::from(part) * 1000 / u128::from(whole) }
        .max(u128::from(part > 0) * 4);
    view! {
        <svg class="share-bar" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
            <rect class="track" width="1000" height="10"/>
            <rect class="value" width=width.to_string() height="10"/>
        </svg>
    }
}

#[component]
fn CoveragePanel(coverage: Signal<Coverage>) -> impl IntoView {
    let line = move |name: &'static str, key: &'static str, part: fn(&Coverage) -> u64| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd>
                    <a href=format!("/judgments?coverage={key}&status=active") data-test=format!("coverage-{key}")>{move || coverage.with(|coverage| format::count(part(coverage)))}</a>
                    <span class="muted number share">{move || coverage.with(|coverage| format::percent(part(coverage), coverage.active))}</span>
                </dd>
            </div>
        }
    };
    view! {
        <section class="panel" data-test="coverage">
            <header><h2>"Coverage"</h2><span class="spacer"></span><span class="muted">{move || coverage.with(|coverage| format!("of {} active", format::count(coverage.active)))}</span></header>
            <dl class="lines">
                {line("Tiered today", "today", |coverage| coverage.tiered_today)}
                {line("Stale: tiered before today", "stale", |coverage| coverage.stale)}
                {line("Never tiered", "never", |coverage| coverage.never)}
            </dl>
        </section>
    }
}

#[component]
fn PublishedPanel(published: Signal<PolicySummary>) -> impl IntoView {
    view! {
        <section class="panel" data-test="published-policy">
            <header><h2>"Published policy"</h2><span class="spacer"></span><a href="/policy">"Open the simulator"</a></header>
            <dl class="lines">
                <div><dt>"Revision"</dt><dd>{move || published.with(|policy| policy.revision.map(|revision| format!("{revision} · {}", policy.name)))}</dd></div>
                <div><dt>"Published"</dt><dd>{move || published.with(|policy| policy.published_at.clone()).map(|at| view! { <Time at/> })}</dd></div>
                <div><dt>"By"</dt><dd class="clip">{move || published.with(|policy| policy.published_by.clone().unwrap_or_else(|| policy.author.clone()))}</dd></div>
            </dl>
        </section>
    }
}

#[component]
fn LastRefresh(run: Memo<Option<RefreshRun>>, on_progress: impl Fn() + Clone + 'static) -> impl IntoView {
    let live = use_live();
    // Between two fetches the pushed progress is the newer one.
    let shown = Memo::new(move |_| {
        let mut run = run.get()?;
        if let Some(tick) =
            live.refresh.get().filter(|tick| tick.id == run.id && run.state == RefreshState::Running)
        {
            run.done = tick.done.max(run.done);
            run.total = tick.total;
        }
        Some(run)
    });
    let is_running = Memo::new(move |_| {
        run.with(|run| run.as_ref().is_some_and(|run| run.state == RefreshState::Running))
    });
    // A tick of a run that is not shown yet, or of one that has reached its end, changes the overview.
    let fetch = on_progress.clone();
    Effect::new(move |_| {
        let Some(tick) = live.refresh.get() else { return };
        let is_shown_running = run.with_untracked(|run| {
            run.as_ref().is_some_and(|run| run.id == tick.id && run.state == RefreshState::Running)
        });
        if !is_shown_running || tick.done >= tick.total {
            fetch();
        }
    });
    // The pushed events may be missing: a running refresh is asked about as well.
    Effect::new(move |_| {
        if is_running.get() {
            let ask = on_progress.clone();
            if let Ok(timer) = set_interval_with_handle(ask, Duration::from_millis(1500)) {
                on_cleanup(move || timer.clear());
            }
        }
    });
    let has_run = Memo::new(move |_| shown.with(Option::is_some));
    view! {
        <section class="panel" data-test="last-refresh">
            <header>
                <h2>"Last refresh"</h2><span class="spacer"></span>
                {move || shown.with(|run| run.as_ref().filter(|run| run.state == RefreshState::Done && run.previewed.is_some()).map(|run| run.id.clone())).map(|id| view! {
                    <a href=format!("/policy?refresh={id}")>"Reconciliation"</a>
                })}
            </header>
            <div class="content">
                {move || if has_run.get() {
                    let first = shown.get_untracked();
                    let run = Signal::derive(move || shown.get().or_else(|| first.clone()));
                    view! {
                        {move || run.get().map(|run| view! { <RefreshProgress run=Signal::stored(run)/> })}
                        <p class="muted">
                            "Started "{move || run.get().map(|run| view! { <Time at=run.started_at/> })}
                            {move || run.get().and_then(|run| run.finished_at).map(|at| view! { ", finished "<Time at/> })}
                        </p>
                    }
                    .into_any()
                } else {
                    view! { <p class="muted">"No refresh yet: judgments are tiered one by one as they come in. “Refresh tiers” runs all of them at once."</p> }.into_any()
                }}
            </div>
        </section>
    }
}
