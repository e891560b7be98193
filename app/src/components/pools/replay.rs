//! A day's recorded leads under the draft ranks: which would have gone to whom, and what would have been lost.

use crate::api;
use crate::components::icon::{Icon, IconView};
use crate::components::rank::rank_words;
use crate::format;
use crate::state::clock;
use crate::state::pool_lab::{PoolLab, Replays};
use crate::state::remote::Remote;
use crate::state::studies::{Question, Study, from_json};
use contract::DayArrivals;
use leptos::prelude::*;
use policy::routing::{AgentId, AgentStatus, PriorityRank, RoutingConfig};
use serde::Serialize;
use std::collections::BTreeMap;

/// Moves that are listed.
const SHOWN: usize = 50;

#[derive(Serialize)]
struct Recorded {
    saved: RoutingConfig,
    draft: RoutingConfig,
    arrivals: Vec<Arrival>,
    statuses: Vec<Status>,
}

#[derive(Serialize)]
struct Arrival {
    at: f64,
    pool_id: String,
    visitor_id: String,
    handling_seconds: f64,
}

#[derive(Serialize)]
struct Status {
    at: f64,
    agent_id: String,
    status: AgentStatus,
}

/// The day as the routing module replays it; leads that nobody took would have taken as long as the average one
fn recorded(
    day: &DayArrivals,
    config: &RoutingConfig,
    pool_id: &str,
    ranks: &BTreeMap<String, PriorityRank>,
) -> Recorded {
    let mut saved = config.clone();
    // As the day began; what came later is in its statuses.
    saved.agents.iter_mut().for_each(|agent| agent.status = AgentStatus::Offline);
    let mut draft = saved.clone();
    for member in
        draft.pools.iter_mut().filter(|pool| pool.id.as_str() == pool_id).flat_map(|pool| &mut pool.members)
    {
        member.priority_rank = ranks.get(member.agent_id.as_str()).copied().unwrap_or(member.priority_rank);
    }
    let handled: Vec<u64> = day.arrivals.iter().filter_map(|arrival| arrival.handled_ms).collect();
    let mean_ms = handled.iter().sum::<u64>().checked_div(handled.len() as u64).unwrap_or(0);
    let is_known = |id: &str| config.pools.iter().any(|pool| pool.id.as_str() == id);
    let arrivals = day.arrivals.iter().filter_map(|arrival| {
        let pool_id = arrival.pool_id.clone().filter(|id| is_known(id))?;
        let seconds = |ms: u64| ms as f64 / 1000.0;
        Some(Arrival {
            at: seconds(arrival.at_ms),
            pool_id,
            visitor_id: arrival.lead_id.clone(),
            handling_seconds: seconds(arrival.handled_ms.unwrap_or(mean_ms)),
        })
    });
    let is_agent =
        |id: &str| AgentId::new(id).is_some_and(|id| config.agents.iter().any(|agent| agent.id == id));
    let statuses = day.statuses.iter().filter(|change| is_agent(&change.agent_id)).map(|change| Status {
        at: change.at_ms as f64 / 1000.0,
        agent_id: change.agent_id.clone(),
        status: change.status,
    });
    Recorded { arrivals: arrivals.collect(), statuses: statuses.collect(), saved, draft }
}

#[component]
pub fn ReplayStudy(lab: PoolLab) -> impl IntoView {
    let bench = lab.bench;
    let day = RwSignal::new(clock::days_after(&clock::today(), -1));
    let arrivals = Remote::new(move || {
        let day = day.get();
        async move { api::arrivals(&day).await }
    });
    let replays = Study::<Replays>::new(lab.studies, from_json, move || {
        let (open, draft) = (bench.open.get(), bench.draft.get());
        arrivals.value.with(|day| {
            let day = day.as_ref().filter(|day| !day.arrivals.is_empty())?;
            bench.live.value.with(|live| {
                Some(Question::new("replay", &(recorded(day, &live.as_ref()?.config, &open, &draft),)))
            })
        })
    });
    let simulate_it = move |_| {
        arrivals.value.with_untracked(|day| {
            let Some(day) = day else { return };
            let open = bench.open.get_untracked();
            let mut hours = vec![0.0; 24];
            let mut handled = Vec::new();
            for arrival in
                day.arrivals.iter().filter(|arrival| arrival.pool_id.as_deref() == Some(open.as_str()))
            {
                if let Some(hour) = hours.get_mut((arrival.at_ms / 3_600_000) as usize) {
                    *hour += 1.0;
                }
                handled.extend(arrival.handled_ms);
            }
            lab.day.set(Some((clock::day(&day.day), hours)));
            if let Some(mean) =
                handled.iter().sum::<u64>().checked_div(handled.len() as u64).filter(|mean| *mean > 0)
            {
                lab.handling_minutes.set(format!("{:.1}", mean as f64 / 60_000.0));
            }
        });
    };
    let has_leads = Memo::new(move |_| {
        arrivals.value.with(|day| day.as_ref().is_some_and(|day| !day.arrivals.is_empty()))
    });
    view! {
        <div data-test="pool-replay" aria-busy=move || replays.is_busy.get().to_string()>
            <div class="scenario">
                <div class="field"><label for="replay-day">"Day"</label><input id="replay-day" type="date" class="input" data-test="replay-day" max=clock::today() prop:value=day on:change:target=move |event| day.set(event.target().value())/></div>
                <div class="field"><span class="label">" "</span><button type="button" class="button" data-test="replay-simulate" disabled=move || !has_leads.get() on:click=simulate_it><IconView icon=Icon::Play/>"Simulate a day like it"</button></div>
            </div>
            {move || arrivals.error.get().map(|error| view! { <p class="field-error" role="alert">{error.to_string()}</p> })}
            {move || replays.error.get().map(|words| view! { <p class="field-error" role="alert">{words}</p> })}
            {move || arrivals.value.get().map(|day| match day.total {
                0 => view! { <p class="note muted" data-test="replay-empty">"No lead arrived that day. Its leads appear here, each with whom it would have gone to under the draft."</p> }.into_any(),
                total => view! {
                    <p class="note">{format!("{} arrived.", format::counted(total, "lead", "leads"))}{(total > day.arrivals.len() as u64).then_some(" The first 50,000 are replayed.")}</p>
                    {move || replays.answer.get().map(|found| view! { <Told lab found=(*found).clone()/> })}
                }.into_any(),
            })}
        </div>
    }
}

#[component]
fn Told(lab: PoolLab, found: Replays) -> impl IntoView {
    let open = lab.bench.open.get_untracked();
    let mut ranks: Vec<Option<PriorityRank>> = found
        .saved
        .groups
        .iter()
        .chain(&found.draft.groups)
        .filter(|group| group.pool_id == open)
        .map(|group| group.priority_rank)
        .collect();
    ranks.sort_by_key(|rank| (rank.is_none(), *rank));
    ranks.dedup();
    let served = |replay: &crate::state::pool_lab::Replay, rank: Option<PriorityRank>| {
        replay
            .groups
            .iter()
            .filter(|group| group.pool_id == open && group.priority_rank == rank)
            .map(|group| group.served)
            .sum::<u64>()
    };
    let row = |name: String, before: u64, after: u64| {
        view! {
            <tr><th scope="row">{name}</th><td class="number">{format::count(before)}</td><td class="number">{format::count(after)}</td><td class="number change">{format::count_change(after as i64 - before as i64)}</td></tr>
        }
    };
    let rows = ranks
        .into_iter()
        .map(|rank| {
            row(
                rank.map_or_else(|| "From the organisation".to_owned(), rank_words),
                served(&found.saved, rank),
                served(&found.draft, rank),
            )
        })
        .collect_view();
    let name =
        |id: &Option<String>| id.as_ref().map_or_else(|| "nobody".to_owned(), |id| lab.bench.name_of(id));
    let moved = found.moved.len();
    view! {
        <table class="figures">
            <caption class="visually-hidden">"Leads of the day by rank, under the saved and the draft ranks"</caption>
            <thead><tr><th scope="col">"Leads of the day"</th><th scope="col" class="number">"Saved"</th><th scope="col" class="number">"Draft"</th><th scope="col" class="number">"Difference"</th></tr></thead>
            <tbody>{rows}{row("Lost, all pools".to_owned(), found.saved.lost, found.draft.lost)}</tbody>
        </table>
        <details class="moved" data-test="replay-moved" data-count=moved.to_string()>
            <summary>{match moved { 0 => "No lead would have gone to somebody else.".to_owned(), n => format!("{} would have gone to somebody else", format::counted(n as u64, "lead", "leads")) }}</summary>
            <ul>{found.moved.iter().take(SHOWN).map(|lead| view! { <li><code>{lead.visitor_id.get(..8).unwrap_or(&lead.visitor_id).to_owned()}</code>" "{format!("{} → {}", name(&lead.saved_agent_id), name(&lead.draft_agent_id))}</li> }).collect_view()}</ul>
            {(moved > SHOWN).then(|| view! { <p class="muted">{format!("and {} more", format::count((moved - SHOWN) as u64))}</p> })}
        </details>
        <p class="note muted">"The day begins with nobody served, and nobody waits; statuses change as they did. Leads that nobody took would have taken as long as the average one."</p>
    }
}
