//! Who would take the next leads, under the saved ranks and under the draft, and why.

use crate::components::empty::Empty;
use crate::components::rank::{RankBadge, rank_words};
use crate::format;
use crate::state::pools::{NextLead, PoolBench};
use leptos::prelude::*;
use policy::routing::{Decision, DecisionTrace, Fallback, GroupTrace};

#[component]
pub fn NextLeads(bench: PoolBench) -> impl IntoView {
    let leads = Memo::new(move |_| match bench.pool() {
        Some(pool) if pool.members.is_empty() && pool.fallback == Fallback::None => Vec::new(),
        _ => bench.next_leads(),
    });
    let moved = Memo::new(move |_| {
        leads.with(|leads| {
            leads.iter().filter(|lead| lead.saved.decision.agent_id != lead.draft.decision.agent_id).count()
        })
    });
    let has_draft = Memo::new(move |_| bench.draft.with(|draft| !draft.is_empty()));
    let waiting = Memo::new(move |_| bench.pool().map_or(0, |pool| pool.waiting_leads));
    let row = move |(place, lead): (usize, NextLead)| {
        let differs = lead.saved.decision.agent_id != lead.draft.decision.agent_id;
        view! {
            <li data-test="next-lead" data-differs=differs.to_string()>
                <details>
                    <summary>
                        <span class="place">{(place + 1).to_string()}</span>
                        <Taker bench decision=lead.saved.decision.clone()/>
                        <span class="draft">{has_draft.get().then(|| view! { <Taker bench decision=lead.draft.decision.clone()/> })}</span>
                        <span class="why" title=lead.draft.decision.reason.to_string()>{lead.draft.decision.reason.to_string()}</span>
                    </summary>
                    <Trace bench trace=lead.draft/>
                </details>
            </li>
        }
    };
    view! {
        <section class="panel next-leads" aria-labelledby="next-leads-title" data-test="next-leads" data-moved=move || moved.get().to_string()>
            <header>
                <h2 id="next-leads-title">"Next leads"</h2>
                <span class="muted">"if nobody’s status changes and nobody is done meanwhile"</span>
            </header>
            {move || (waiting.get() > 0).then(|| view! { <p class="note">{format!("{} now, and come before these.", format::counted(waiting.get().into(), "lead waits", "leads wait"))}</p> })}
            {move || match leads.with(Vec::is_empty) {
                true => view! { <Empty title="Nobody takes these leads" text="Who gets the next leads of this pool appears here once it has a member."/> }.into_any(),
                false => view! {
                    <div class="head" aria-hidden="true"><span>"#"</span><span>"Saved"</span><span>{move || if has_draft.get() { "Draft" } else { "" }}</span><span>"Why"</span></div>
                    <ol>{leads.get().into_iter().enumerate().map(row).collect_view()}</ol>
                }.into_any(),
            }}
            <p class="summary" role="status">{move || match (has_draft.get(), moved.get()) {
                _ if leads.with(Vec::is_empty) => String::new(),
                (false, _) => "Change a rank to see what it does to these leads.".to_owned(),
                (true, 0) => format!("The draft changes none of the next {}.", leads.with(Vec::len)),
                (true, moved) => format!("The draft gives {moved} of the next {} to somebody else.", leads.with(Vec::len)),
            }}</p>
        </section>
    }
}

#[component]
fn Taker(bench: PoolBench, decision: Decision) -> impl IntoView {
    match decision.agent_id {
        Some(agent) => view! {
            <span class="taker">
                <span class="name">{bench.name_of(agent.as_str())}</span>
                {match decision.priority_rank {
                    Some(rank) => view! { <RankBadge rank/> }.into_any(),
                    None => view! { <span class="rank">"from the organisation"</span> }.into_any(),
                }}
            </span>
        }
        .into_any(),
        None => view! { <span class="taker unavailable">"unavailable"</span> }.into_any(),
    }
}

/// Every group of a decision: who was available, best first, and who refused and why
#[component]
fn Trace(bench: PoolBench, trace: DecisionTrace) -> impl IntoView {
    let group = move |group: GroupTrace| {
        let name = group.priority_rank.map_or_else(|| "The organisation".to_owned(), rank_words);
        let candidates = group.candidates.into_iter().map(|it| {
            let turn = match it.assignment_order {
                None => ", never assigned here",
                Some(_) => "",
            };
            format!("{} ({}/{}{turn})", bench.name_of(it.agent_id.as_str()), it.load, it.capacity)
        });
        let refused = group
            .refused
            .into_iter()
            .map(|it| format!("{}: {}", bench.name_of(it.agent_id.as_str()), it.why.label()));
        let (candidates, refused) =
            (candidates.collect::<Vec<_>>().join(", "), refused.collect::<Vec<_>>().join(", "));
        view! {
            <div class="trace-group" data-reached=group.is_reached.to_string()>
                <dt>{name}{(!group.is_reached).then_some(" · not asked")}</dt>
                <dd>
                    {(!candidates.is_empty()).then(|| format!("Free, best first: {candidates}. "))}
                    {(!refused.is_empty()).then(|| format!("Not free: {refused}."))}
                </dd>
            </div>
        }
    };
    view! { <dl class="trace">{trace.groups.into_iter().map(group).collect_view()}</dl> }
}
