//! `/pools/statistics`: what each rank group of the pools took, passed on and lost, who took it, and when.

use crate::api;
use crate::components::empty::Empty;
use crate::components::icon::{Icon, IconView};
use crate::components::loaded::{CardsSkeleton, Loaded, RowsSkeleton};
use crate::components::page_header::PageHeader;
use crate::components::rank::RankBadge;
use crate::format;
use crate::state::remote::Remote;
use crate::state::toasts::use_toasts;
use crate::state::{clock, download, url};
use contract::{AgentStatistics, PeriodStatistics, PoolStatistics, PoolsOverview, TierStatistics};
use futures_util::future::try_join;
use leptos::prelude::*;
use policy::routing::PriorityRank;
use std::collections::BTreeMap;
use std::time::Duration;

const DAY_MILLIS: f64 = 86_400_000.0;
/// Numbers of the running day move on without a notice.
const REFETCH_EVERY: Duration = Duration::from_secs(60);

type Fetched = (PoolStatistics, PoolsOverview);

#[component]
pub fn PoolStatisticsPage() -> impl IntoView {
    let (from, to, pool) = (url::parameter("from"), url::parameter("to"), url::parameter("pool"));
    let remote = Remote::new(move || {
        let (from, to, pool) = (from.get(), to.get(), pool.get());
        async move {
            let query =
                url::query_string([("from", from.as_str()), ("to", to.as_str()), ("pool_id", pool.as_str())]);
            try_join(api::pool_statistics(&query), api::pools()).await
        }
    });
    if let Ok(timer) = set_interval_with_handle(move || remote.refetch(), REFETCH_EVERY) {
        on_cleanup(move || timer.clear());
    }
    view! {
        <div class="page statistics-page">
            <PageHeader title="Pool statistics" lead="What each rank group took, passed on and lost; who took it, and when it came." parent=("/pools", "Pools")>
                <a class="button" href="/pools/pages">"Page rules"</a>
            </PageHeader>
            <Choice from to pool remote/>
            <Loaded remote skeleton=|| view! { <CardsSkeleton cards=4/><RowsSkeleton rows=8/> } let:fetched>
                <Statistics fetched/>
            </Loaded>
        </div>
    }
}

/// The day of the organisation's zone, so many days before today
fn day_before(days: f64) -> String {
    let then = js_sys::Date::new(&(js_sys::Date::now() - days * DAY_MILLIS).into());
    clock::iso_day(&String::from(then.to_iso_string())).unwrap_or_default()
}

/// Which days and which pool, kept in the address
#[component]
fn Choice(
    from: Memo<String>,
    to: Memo<String>,
    pool: Memo<String>,
    remote: Remote<Fetched>,
) -> impl IntoView {
    let set = StoredValue::new_local(url::use_set_parameters());
    let choose = move |changes: &[(&str, &str)]| set.with_value(|set| set(changes));
    let preset = move |name: &'static str, days: f64| {
        let days_of = move || match days as u32 {
            7 => (String::new(), String::new()),
            _ => (day_before(days - 1.0), day_before(0.0)),
        };
        view! {
            <button
                type="button"
                data-test=format!("days-{days}")
                aria-pressed=move || (from.get() == days_of().0 && to.get() == days_of().1).to_string()
                on:click=move |_| { let (from, to) = days_of(); choose(&[("from", &from), ("to", &to)]); }
            >{name}</button>
        }
    };
    // Where the address says nothing, the answer says which days it is of.
    let shown = move |chosen: Memo<String>, read: fn(&PoolStatistics) -> &String| {
        let chosen = chosen.get();
        if chosen.is_empty() {
            remote.value.with(|value| {
                value.as_ref().map(|(statistics, _)| read(statistics).clone()).unwrap_or_default()
            })
        } else {
            chosen
        }
    };
    let pools = Memo::new(move |_| {
        remote.value.with(|value| {
            value
                .iter()
                .flat_map(|(_, overview)| &overview.pools)
                .map(|pool| (pool.id.clone(), pool.name.clone()))
                .collect::<Vec<_>>()
        })
    });
    // Both ends are set together: what the other one shows may not be in the address yet.
    let set_from = move |day: String| {
        let to = shown(to, |statistics| &statistics.to);
        choose(&[("from", &day), ("to", &to)]);
    };
    let set_to = move |day: String| {
        let from = shown(from, |statistics| &statistics.from);
        choose(&[("from", &from), ("to", &day)]);
    };
    view! {
        <div class="choice" role="group" aria-label="What is counted">
            <div class="segments">{preset("Today", 1.0)}{preset("7 days", 7.0)}{preset("30 days", 30.0)}</div>
            <label><span class="muted">"From"</span><input class="input" type="date" data-test="from" prop:value=move || shown(from, |statistics| &statistics.from) on:change:target=move |event| set_from(event.target().value())/></label>
            <label><span class="muted">"to"</span><input class="input" type="date" data-test="to" prop:value=move || shown(to, |statistics| &statistics.to) on:change:target=move |event| set_to(event.target().value())/></label>
            <label><span class="muted">"Pool"</span>
                <select class="input" data-test="pool" on:change:target=move |event| choose(&[("pool", &event.target().value())])>
                    <option value="" selected=move || pool.with(String::is_empty)>"All pools"</option>
                    {move || pools.get().into_iter().map(|(id, name)| { let selected = pool.with(|pool| *pool == id); view! { <option value=id selected=selected>{name}</option> } }).collect_view()}
                </select>
            </label>
        </div>
    }
}

#[component]
fn Statistics(fetched: Signal<Fetched>) -> impl IntoView {
    let is_empty = Memo::new(move |_| fetched.with(|(statistics, _)| statistics.arrived == 0));
    let is_nobody = Memo::new(move |_| {
        fetched.with(|(statistics, _)| {
            statistics.agents.iter().all(|agent| agent.present_seconds == 0 && agent.taken == 0)
        })
    });
    view! {
        {move || if is_empty.get() {
            view! { <div class="panel"><Empty title="No lead arrived on these days" text="Once leads arrive, this page shows how many each rank group took, passed on and lost, how busy each agent was, and when it happened. Choose other days, or see on the Page rules which pages lead here."/></div> }.into_any()
        } else {
            view! {
                <Figures fetched/>
                <Tiers fetched/>
            }.into_any()
        }}
        {move || (!is_nobody.get()).then(|| view! { <Agents fetched/> })}
        {move || (!is_empty.get()).then(|| view! {
            <div class="periods">
                <Periods title="By hour of the day" name="hours" fetched read=by_hour/>
                <Periods title="By day" name="days" fetched read=by_day/>
            </div>
        })}
    }
}

// ---- what matters first ----

#[component]
fn Figures(fetched: Signal<Fetched>) -> impl IntoView {
    move || {
        let (statistics, _) = fetched.get();
        let taken: u64 = statistics.tiers.iter().map(|tier| tier.taken).sum();
        let primary: u64 =
            statistics.tiers.iter().filter(|tier| tier.priority_rank == Some(1)).map(|tier| tier.taken).sum();
        let answered: u64 = statistics.hours.iter().map(|hour| hour.taken).sum();
        let waited: u64 = statistics
            .hours
            .iter()
            .map(|hour| hour.wait_ms_mean.unwrap_or(0).saturating_mul(hour.taken))
            .sum();
        view! {
            <dl class="panel statistics-figures">
                <div><dt>"Arrived"</dt><dd class="figure" data-test="arrived">{format::count(statistics.arrived)}</dd><dd class="under">"leads"</dd></div>
                <div class:loss=statistics.lost != 0><dt>"Lost"</dt><dd class="figure" data-test="lost">{format::count(statistics.lost)}</dd><dd class="under">{format::percent(statistics.lost, statistics.arrived)}" of those that arrived"</dd></div>
                <div><dt>"Taken by Primary"</dt><dd class="figure" data-test="primary-share">{format::percent(primary, taken)}</dd><dd class="under">{format::count(primary)}" of "{format::count(taken)}" taken"</dd></div>
                <div><dt>"Mean wait"</dt><dd class="figure" data-test="mean-wait">{wait(waited.checked_div(answered))}</dd><dd class="under">"until somebody took it"</dd></div>
            </dl>
        }
    }
}

/// Milliseconds as `0.4 s`, `12.0 s`, `3 min`; `–` where there is nothing to wait for
fn wait(millis: Option<u64>) -> String {
    match millis {
        None => "–".to_owned(),
        Some(millis @ ..60_000) => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        Some(millis) => format::duration(millis / 1000),
    }
}

fn refusal_words(why: &str) -> String {
    why.replace('_', " ")
}

// ---- rank groups ----

#[component]
fn Tiers(fetched: Signal<Fetched>) -> impl IntoView {
    let csv = move || fetched.with_untracked(|(statistics, overview)| tiers_csv(&statistics.tiers, overview));
    let rows = move || {
        let (statistics, overview) = fetched.get();
        let mut shown = String::new();
        let rows = by_pool(statistics.tiers, &overview).into_iter().map(|(pool, tier)| {
            let is_first = pool != shown;
            shown.clone_from(&pool);
            tier_row(pool, is_first, tier)
        });
        rows.collect_view()
    };
    view! {
        <section class="panel" aria-labelledby="tiers-title">
            <header><h2 id="tiers-title">"Rank groups"</h2><span class="muted header-hint">"a lead reaches a group when every group before it had nobody free"</span><span class="spacer"></span><Export name="rank-groups" csv/></header>
            <div class="scrolled">
                <table class="table tiers-table" data-test="tiers" role="table">
                    <thead><tr>
                        <th scope="col">"Pool"</th><th scope="col">"Group"</th><th scope="col" class="number">"Taken"</th><th scope="col" class="number">"Share"</th>
                        <th scope="col" class="number">"Reached"</th><th scope="col" class="number">"Passed on"</th><th scope="col" class="number">"Overflow rate"</th>
                        <th scope="col">"Lost after it refused"</th><th scope="col" class="number">"Mean wait"</th><th scope="col" class="number">"95 % within"</th>
                        <th scope="col" class="number"><abbr title="Jain's index of the leads that each present member took: 1 is even, 1/n is all to one">"Fairness"</abbr></th>
                    </tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
}

/// Groups with their pool's name: the default pool first, the others by name, each by rank
fn by_pool(tiers: Vec<TierStatistics>, overview: &PoolsOverview) -> Vec<(String, TierStatistics)> {
    let places: BTreeMap<&str, usize> =
        overview.pools.iter().enumerate().map(|(place, pool)| (pool.id.as_str(), place)).collect();
    let place = |tier: &TierStatistics| places.get(tier.pool_id.as_str()).copied();
    let mut tiers = tiers;
    tiers.sort_by_key(|tier| {
        (place(tier).unwrap_or(usize::MAX), tier.pool_id.clone(), tier.priority_rank.unwrap_or(u8::MAX))
    });
    let name = |tier: &TierStatistics| {
        place(tier)
            .and_then(|place| overview.pools.get(place))
            .map_or_else(|| "A deleted pool".to_owned(), |pool| pool.name.clone())
    };
    tiers.into_iter().map(|tier| (name(&tier), tier)).collect()
}

#[component]
fn Group(rank: Option<u8>) -> impl IntoView {
    match rank.and_then(PriorityRank::new) {
        Some(rank) => view! { <RankBadge rank/> }.into_any(),
        None => {
            view! { <span class="rank-badge" data-rank="other"><span class="name">"Fallback"</span></span> }
                .into_any()
        }
    }
}

/// `7`, and what kept the group from taking them: ` at capacity`, ` (5 at capacity, 2 away)`
fn losses_in_words(lost: &BTreeMap<String, u64>) -> String {
    match lost.first_key_value() {
        Some((why, _)) if lost.len() == 1 => format!(" {}", refusal_words(why)),
        _ => format!(" ({})", losses(lost)),
    }
}

fn losses(lost: &BTreeMap<String, u64>) -> String {
    let parts: Vec<String> =
        lost.iter().map(|(why, n)| format!("{} {}", format::count(*n), refusal_words(why))).collect();
    parts.join(", ")
}

fn tier_row(pool: String, is_first: bool, tier: TierStatistics) -> AnyView {
    let lost: u64 = tier.lost.values().sum();
    let rank = tier.priority_rank.map_or("fallback".to_owned(), |rank| rank.to_string());
    view! {
        <tr role="row" class:first=is_first data-test="tier" data-pool=tier.pool_id.clone() data-rank-of=rank data-taken=tier.taken.to_string() data-lost=lost.to_string()>
            <th scope="row" role="rowheader" class="pool">{if is_first { view! { {pool} }.into_any() } else { view! { <span class="repeated">{pool}</span> }.into_any() }}</th>
            <td role="cell" class="group"><Group rank=tier.priority_rank/></td>
            <td role="cell" class="number" data-label="Taken"><strong>{format::count(tier.taken)}</strong></td>
            <td role="cell" class="number" data-label="Share">{format::share_or_dash(tier.share.as_deref())}</td>
            <td role="cell" class="number" data-label="Reached">{format::count(tier.reached)}</td>
            <td role="cell" class="number" data-label="Passed on">{format::count(tier.overflow)}</td>
            <td role="cell" class="number" data-label="Overflow rate">{format::share_or_dash(tier.overflow_rate.as_deref())}</td>
            <td role="cell" class="lost" data-label="Lost after it refused">{if lost == 0 { view! { <span class="muted">"none"</span> }.into_any() } else { view! { <strong class="loss">{format::count(lost)}</strong><span class="muted">{losses_in_words(&tier.lost)}</span> }.into_any() }}</td>
            <td role="cell" class="number" data-label="Mean wait">{wait(tier.wait_ms_mean)}</td>
            <td role="cell" class="number" data-label="95 % within">{wait(tier.wait_ms_p95)}</td>
            <td role="cell" class="number" data-label="Fairness">{tier.fairness.map_or_else(|| "–".to_owned(), |fairness| fairness.get(..4).map(str::to_owned).unwrap_or(fairness))}</td>
        </tr>
    }
    .into_any()
}

// ---- agents ----

#[component]
fn Agents(fetched: Signal<Fetched>) -> impl IntoView {
    let csv = move || fetched.with_untracked(|(statistics, _)| agents_csv(&statistics.agents));
    let rows = move || fetched.get().0.agents.into_iter().map(agent_row).collect_view();
    view! {
        <section class="panel" aria-labelledby="agents-title">
            <header><h2 id="agents-title">"Agents"</h2><span class="spacer"></span><Export name="agents" csv/></header>
            <div class="scrolled">
                <table class="table agents-table" data-test="agents" role="table">
                    <thead><tr>
                        <th scope="col">"Agent"</th><th scope="col" class="number">"Taken"</th><th scope="col" class="number">"Declined"</th>
                        <th scope="col" class="number">"Present"</th><th scope="col" class="number">"With leads"</th><th scope="col" colspan="2">"Occupancy"</th>
                    </tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
}

fn agent_row(agent: AgentStatistics) -> AnyView {
    let occupancy = format::share_or_dash(agent.occupancy.as_deref());
    // Hundredths of a percent, for the bar alone.
    let width = agent.occupancy.as_deref().and_then(format::parse_cents).unwrap_or(0).clamp(0, 100);
    let span = |seconds: u64| if seconds == 0 { "–".to_owned() } else { format::duration(seconds) };
    view! {
        <tr role="row" data-test="agent" data-agent=agent.agent_id data-taken=agent.taken.to_string() data-declined=agent.declined.to_string()>
            <th scope="row" role="rowheader">{agent.display_name}</th>
            <td role="cell" class="number" data-label="Taken"><strong>{format::count(agent.taken)}</strong></td>
            <td role="cell" class="number" data-label="Declined">{format::count(agent.declined)}</td>
            <td role="cell" class="number" data-label="Present">{span(agent.present_seconds)}</td>
            <td role="cell" class="number" data-label="With leads">{span(agent.busy_seconds)}</td>
            <td role="cell" class="number occupancy" data-label="Occupancy">{occupancy}</td>
            <td role="cell" class="bar" aria-hidden="true"><svg class="occupancy-bar" viewBox="0 0 100 10" preserveAspectRatio="none"><rect class="track" width="100" height="10"/><rect class="value" width=width.to_string() height="10"/></svg></td>
        </tr>
    }
    .into_any()
}

// ---- hours and days ----

/// One bar, and one row of the table behind it
#[derive(Clone, Default, PartialEq)]
struct Period {
    /// Below the bar; empty where there is no room for each.
    tick: String,
    name: String,
    arrived: u64,
    taken: u64,
    lost: u64,
    /// Taken by Primary, Standard, Backup, and all others.
    by_rank: [u64; 4],
    /// Of all that were taken, together.
    waited_ms: u64,
}

const PARTS: [(&str, &str); 5] =
    [("1", "Primary"), ("2", "Standard"), ("3", "Backup"), ("other", "Others"), ("lost", "Lost")];

impl Period {
    fn add(&mut self, period: &PeriodStatistics) {
        self.arrived += period.arrived;
        self.taken += period.taken;
        self.lost += period.lost;
        self.waited_ms += period.wait_ms_mean.unwrap_or(0).saturating_mul(period.taken);
        for (rank, taken) in &period.by_rank {
            let [primary, standard, backup, others] = &mut self.by_rank;
            *match rank.as_str() {
                "1" => primary,
                "2" => standard,
                "3" => backup,
                _ => others,
            } += taken;
        }
    }

    /// In the order of [`PARTS`].
    fn parts(&self) -> [u64; 5] {
        let [primary, standard, backup, others] = self.by_rank;
        [primary, standard, backup, others, self.lost]
    }
}

/// All days together, hour by hour: when leads come and are lost
fn by_hour(statistics: &PoolStatistics) -> Vec<Period> {
    let mut hours: Vec<Period> = (0..24)
        .map(|hour| Period {
            tick: if hour % 6 == 0 { format!("{hour}:00") } else { String::new() },
            name: format!("{hour}:00 to {}:00", hour + 1),
            ..Period::default()
        })
        .collect();
    for period in &statistics.hours {
        if let Some(hour) = clock::hour_of_day(&period.at).and_then(|hour| hours.get_mut(hour)) {
            hour.add(period);
        }
    }
    hours
}

/// Each day, those without leads too
fn by_day(statistics: &PoolStatistics) -> Vec<Period> {
    let of_day: BTreeMap<String, &PeriodStatistics> =
        statistics.days.iter().filter_map(|day| Some((clock::iso_day(&day.at)?, day))).collect();
    let days = days_between(&statistics.from, &statistics.to);
    let every = days.len().div_ceil(8);
    let places = days.into_iter().enumerate();
    places
        .map(|(place, iso)| {
            let shown = clock::day(&iso);
            let tick = shown.split(',').next().unwrap_or_default().to_owned();
            let mut day = Period {
                tick: if place % every == 0 { tick } else { String::new() },
                name: shown,
                ..Period::default()
            };
            if let Some(period) = of_day.get(&iso) {
                day.add(period);
            }
            day
        })
        .collect()
}

/// ISO days from the one to the other, both included, at most 92
fn days_between(from: &str, to: &str) -> Vec<String> {
    let first = js_sys::Date::parse(&format!("{from}T12:00:00Z"));
    let days = (0..92).map(|day| js_sys::Date::new(&(first + f64::from(day) * DAY_MILLIS).into()));
    let isos = days.map_while(|day| String::from(day.to_iso_string()).get(..10).map(str::to_owned));
    let mut found = Vec::new();
    for iso in isos {
        let is_last = iso == to;
        found.push(iso);
        if is_last {
            break;
        }
    }
    found
}

#[component]
fn Periods(
    title: &'static str,
    name: &'static str,
    fetched: Signal<Fetched>,
    read: fn(&PoolStatistics) -> Vec<Period>,
) -> impl IntoView {
    let periods = Memo::new(move |_| {
        fetched.with(|(statistics, _)| if statistics.arrived == 0 { Vec::new() } else { read(statistics) })
    });
    let csv = move || periods.with_untracked(|periods| periods_csv(name, periods));
    let (id, label) = (format!("{name}-title"), format!("{name}-title"));
    view! {
        <section class="panel period" aria-labelledby=label data-test=name>
            <header><h2 id=id>{title}</h2><span class="spacer"></span><Export name csv/></header>
            {move || view! { <Bars periods=periods.get()/> }}
            <details>
                <summary>"Table"</summary>
                <div class="scrolled">
                    <table class="table">
                        <thead><tr><th scope="col">{if name == "hours" { "Hour" } else { "Day" }}</th><th scope="col" class="number">"Arrived"</th>{PARTS.map(|part| view! { <th scope="col" class="number">{part.1}</th> }).collect_view()}<th scope="col" class="number">"Mean wait"</th></tr></thead>
                        <tbody>{move || periods.get().into_iter().map(|period| view! {
                            <tr data-test="period"><th scope="row">{period.name.clone()}</th><td class="number">{format::count(period.arrived)}</td>{period.parts().map(|n| view! { <td class="number">{format::count(n)}</td> }).collect_view()}<td class="number">{wait(period.waited_ms.checked_div(period.taken))}</td></tr>
                        }).collect_view()}</tbody>
                    </table>
                </div>
            </details>
        </section>
    }
}

#[component]
fn Bars(periods: Vec<Period>) -> impl IntoView {
    let most = periods.iter().map(|period| period.parts().iter().sum::<u64>()).max().unwrap_or(0).max(1);
    let has_part: Vec<bool> = (0..PARTS.len())
        .map(|part| periods.iter().any(|period| period.parts().get(part).is_some_and(|n| *n > 0)))
        .collect();
    let columns = periods.len();
    let bars = periods.iter().enumerate().map(|(place, period)| {
        let mut below = 0;
        let title = format!("{}: {} arrived, {} taken, {} lost", period.name, format::count(period.arrived), format::count(period.taken), format::count(period.lost));
        let parts = PARTS.iter().zip(period.parts()).filter(|(_, n)| *n > 0).map(|((part, _), n)| {
            let (top, height) = (below + n, n);
            below = top;
            view! { <rect data-rank=*part class="part" x=(place * 10 + 1).to_string() y=scaled(most - top, most) width="8" height=scaled(height, most)/> }
        });
        let parts = parts.collect_view();
        view! { <g><title>{title}</title><rect class="hit" x=(place * 10).to_string() y="0" width="10" height="1000"/>{parts}</g> }
    });
    let bars = bars.collect_view();
    let ticks =
        periods.iter().enumerate().filter(|(_, period)| !period.tick.is_empty()).map(|(place, period)| {
            view! { <text x=format!("{}%", place * 100 / columns.max(1)) y="12">{period.tick.clone()}</text> }
        });
    let ticks = ticks.collect_view();
    let legend = PARTS.into_iter().zip(has_part).filter(|(_, has)| *has).map(|((part, name), _)| {
        view! { <li><svg class="swatch" viewBox="0 0 10 10" aria-hidden="true"><rect data-rank=part class="part" width="10" height="10" rx="2"/></svg>{name}</li> }
    });
    let legend = legend.collect_view();
    view! {
        <figure class="bars">
            <div class="key"><span class="number muted">"highest "{format::count(most)}</span><ul class="legend">{legend}</ul></div>
            <svg class="chart" viewBox=format!("0 0 {} 1000", columns * 10) preserveAspectRatio="none" role="img" aria-label="Leads taken by rank group, and lost; the table below has every number">{bars}</svg>
            <svg class="ticks" aria-hidden="true">{ticks}</svg>
        </figure>
    }
}

/// In thousandths of the chart's height
fn scaled(n: u64, most: u64) -> String {
    (u128::from(n) * 1000 / u128::from(most.max(1))).to_string()
}

// ---- files ----

#[component]
fn Export(name: &'static str, csv: impl Fn() -> String + 'static) -> impl IntoView {
    let toasts = use_toasts();
    let export = move |_| {
        if download::csv(&format!("pool-{name}-{}.csv", clock::today()), &csv()).is_none() {
            toasts.say("This browser refused the download.");
        }
    };
    view! { <button class="button small" data-test=format!("export-{name}") on:click=export><IconView icon=Icon::Download/>"Export CSV"</button> }
}

fn line<const N: usize>(cells: [String; N]) -> String {
    format!("{}\r\n", cells.map(|cell| format::csv_cell(&cell)).join(","))
}

fn number(n: Option<u64>) -> String {
    n.map(|n| n.to_string()).unwrap_or_default()
}

fn tiers_csv(tiers: &[TierStatistics], overview: &PoolsOverview) -> String {
    let mut csv = String::from(
        "pool,priority_rank,taken,share,reached,overflow,overflow_rate,lost,lost_by_why,wait_ms_mean,wait_ms_p95,fairness\r\n",
    );
    for (pool, tier) in by_pool(tiers.to_vec(), overview) {
        csv += &line([
            pool,
            tier.priority_rank.map_or("fallback".to_owned(), |rank| rank.to_string()),
            tier.taken.to_string(),
            tier.share.unwrap_or_default(),
            tier.reached.to_string(),
            tier.overflow.to_string(),
            tier.overflow_rate.unwrap_or_default(),
            tier.lost.values().sum::<u64>().to_string(),
            losses(&tier.lost),
            number(tier.wait_ms_mean),
            number(tier.wait_ms_p95),
            tier.fairness.unwrap_or_default(),
        ]);
    }
    csv
}

fn agents_csv(agents: &[AgentStatistics]) -> String {
    let mut csv = String::from("agent,taken,declined,present_seconds,busy_seconds,occupancy\r\n");
    for agent in agents {
        csv += &line([
            agent.display_name.clone(),
            agent.taken.to_string(),
            agent.declined.to_string(),
            agent.present_seconds.to_string(),
            agent.busy_seconds.to_string(),
            agent.occupancy.clone().unwrap_or_default(),
        ]);
    }
    csv
}

fn periods_csv(name: &str, periods: &[Period]) -> String {
    let mut csv = format!("{name},arrived,taken,lost,primary,standard,backup,others,wait_ms_mean\r\n");
    for period in periods {
        let [primary, standard, backup, others] = period.by_rank.map(|n| n.to_string());
        csv += &line([
            period.name.clone(),
            period.arrived.to_string(),
            period.taken.to_string(),
            period.lost.to_string(),
            primary,
            standard,
            backup,
            others,
            number(period.waited_ms.checked_div(period.taken)),
        ]);
    }
    csv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_short() {
        assert_eq!(wait(Some(420)), "0.4 s");
        assert_eq!(wait(Some(180_000)), "3 min");
        let lost = |whys: &[(&str, u64)]| whys.iter().map(|(why, n)| ((*why).to_owned(), *n)).collect();
        assert_eq!(losses_in_words(&lost(&[("at_capacity", 7)])), " at capacity");
        assert_eq!(losses_in_words(&lost(&[("at_capacity", 5), ("away", 2)])), " (5 at capacity, 2 away)");
    }

    #[test]
    fn ranks_beyond_backup_and_the_fallback_are_others() {
        let by_rank = [("1", 4), ("3", 2), ("7", 1), ("fallback", 1)];
        let mut period = Period::default();
        period.add(&PeriodStatistics {
            at: String::new(),
            arrived: 10,
            taken: 8,
            lost: 2,
            by_rank: by_rank.map(|(rank, n)| (rank.to_owned(), n)).into(),
            wait_ms_mean: Some(500),
        });
        assert_eq!(period.parts(), [4, 0, 2, 2, 2]);
        assert_eq!(period.waited_ms.checked_div(period.taken), Some(500));
    }
}
