//! The members of a pool by rank: ranks are drafted, members are added and removed at once.

use crate::api;
use crate::components::empty::Empty;
use crate::components::icon::{Icon, IconView};
use crate::components::pools::dialogs::NewAgentDialog;
use crate::components::rank::{rank_key, rank_words};
use crate::format;
use crate::state::pools::PoolBench;
use crate::state::session::use_session;
use contract::{AddMember, PoolMember, Role};
use leptos::prelude::*;
use policy::routing::{AgentStatus, PriorityRank};
use std::collections::BTreeMap;
use std::time::Duration;
use wasm_bindgen::JsCast;

/// When a rank gets leads; `before` is the rank group before it
fn promise(rank: PriorityRank, before: Option<PriorityRank>) -> String {
    match (rank.number(), before) {
        (_, None) => "Gets leads first".to_owned(),
        (3, Some(_)) => "Only when others are at capacity".to_owned(),
        (_, Some(before)) => format!("Overflow when {} is busy", before.label()),
    }
}

pub fn status_words(status: AgentStatus) -> &'static str {
    match status {
        AgentStatus::Idle => "idle",
        AgentStatus::InSimulation => "with a visitor",
        AgentStatus::InCall => "in a call",
        AgentStatus::Away => "away",
        AgentStatus::Offline => "offline",
    }
}

#[component]
pub fn Members(bench: PoolBench) -> impl IntoView {
    let groups = Memo::new(move |_| {
        let mut groups: BTreeMap<PriorityRank, Vec<PoolMember>> = BTreeMap::new();
        for (member, rank) in bench.ranks() {
            groups.entry(rank).or_default().push(member);
        }
        groups.into_iter().collect::<Vec<_>>()
    });
    let group = move |place: usize, rank: PriorityRank, members: Vec<PoolMember>| {
        let before =
            groups.with_untracked(|groups| place.checked_sub(1).and_then(|at| groups.get(at)).map(|it| it.0));
        view! {
            <section class="rank-group" data-rank=rank_key(rank) data-test=format!("rank-group-{}", rank.number())>
                <h3><span class="mark" aria-hidden="true"></span><strong>{rank.label()}</strong><span class="promise">{promise(rank, before)}</span></h3>
                <ul>{members.into_iter().map(|member| view! { <Member bench member rank/> }).collect_view()}</ul>
            </section>
        }
    };
    view! {
        <div class="pool-members">
            {move || match groups.with(Vec::is_empty) {
                true => view! { <Empty title="Nobody is in this pool" text="Leads that come to it find nobody. Add an agent: as Primary, who gets leads first."/> }.into_any(),
                false => groups.get().into_iter().enumerate().map(|(place, (rank, members))| group(place, rank, members)).collect_view().into_any(),
            }}
            <AddAgent bench/>
        </div>
    }
}

#[component]
fn Member(bench: PoolBench, member: PoolMember, rank: PriorityRank) -> impl IntoView {
    let session = use_session();
    let PoolMember { agent_id, display_name, priority_rank: saved, .. } = member;
    let agent = {
        let id = agent_id.clone();
        Memo::new(move |_| bench.agent(&id))
    };
    let standing = move || {
        agent.get().map(|agent| {
            let load = format!("{}/{}", agent.load, agent.capacity);
            view! {
                <span class="standing" data-status=agent.status.as_str()>
                    <span class="dot" aria-hidden="true"></span>
                    <span>{status_words(agent.status)}</span>
                    <span class="load" title="Leads in hand, of as many as the agent takes at a time, over all pools">{load}</span>
                </span>
            }
        })
    };
    let choose = {
        let id = agent_id.clone();
        move |text: String| {
            let Some(rank) = text.parse().ok().and_then(PriorityRank::new) else { return };
            bench.set_rank(&id, rank);
            // The member moves to another group, and the focus with it.
            let id = select_id(&id);
            set_timeout(
                move || {
                    let select = document().get_element_by_id(&id);
                    if let Some(select) = select.and_then(|it| it.dyn_into::<web_sys::HtmlElement>().ok()) {
                        // Refused only by an element that cannot have it.
                        let _ = select.focus();
                    }
                },
                Duration::ZERO,
            );
        }
    };
    let remove = {
        let (id, name) = (agent_id.clone(), display_name.clone());
        move |_| {
            let Some(pool) = untrack(|| bench.pool()) else { return };
            let (pool_id, gone, id) = (pool.id.clone(), id.clone(), id.clone());
            bench.change(
                format!("{name} is no longer in {}; leads in hand stay.", pool.name),
                move |overview| {
                    for pool in overview.pools.iter_mut().filter(|it| it.id == pool.id) {
                        pool.members.retain(|member| member.agent_id != gone);
                    }
                },
                async move { api::remove_member(&pool_id, &id).await },
            );
        }
    };
    let may = move || session.may(Role::Admin);
    view! {
        <li class="member" data-test=format!("member-{display_name}") data-rank-number=rank.number().to_string()>
            <span class="name">{display_name.clone()}</span>
            {standing}
            <span class="was">{(rank != saved).then(|| format!("was {}", saved.label()))}</span>
            <select
                id=select_id(&agent_id)
                class="input rank-select"
                data-rank=rank_key(rank)
                data-test=format!("rank-{display_name}")
                aria-label=format!("Rank of {display_name}")
                on:change:target=move |event| choose(event.target().value())
            >
                {(1..=99).filter_map(PriorityRank::new).map(|choice| view! {
                    <option value=choice.number().to_string() selected=choice == rank>{rank_words(choice)}</option>
                }).collect_view()}
            </select>
            <button class="button quiet small icon-only" aria-label=format!("Remove {display_name} from the pool") title="Remove from the pool" data-test=format!("remove-{display_name}") disabled=move || !may() on:click=remove><IconView icon=Icon::Close/></button>
        </li>
    }
}

fn select_id(agent_id: &str) -> String {
    format!("rank-of-{agent_id}")
}

/// Agents who are not in the pool, and the way to a new one
#[component]
fn AddAgent(bench: PoolBench) -> impl IntoView {
    let session = use_session();
    let is_making = RwSignal::new(false);
    let others = Memo::new(move |_| {
        let inside = bench.pool().map(|pool| pool.members).unwrap_or_default();
        bench.overview.with(|overview| {
            let is_outside = |id: &str| inside.iter().all(|member| member.agent_id != id);
            let outside = overview.agents.iter().filter(|agent| is_outside(&agent.id));
            outside.map(|agent| (agent.id.clone(), agent.display_name.clone())).collect::<Vec<_>>()
        })
    });
    let add = move |agent_id: String, display_name: String| {
        let Some(pool) = untrack(|| bench.pool()) else { return };
        let (pool_id, id) = (pool.id.clone(), agent_id.clone());
        let member = PoolMember {
            agent_id,
            display_name: display_name.clone(),
            priority_rank: PriorityRank::PRIMARY,
            added_at: String::new(),
        };
        bench.change(
            format!("{display_name} is in {} (added as Primary).", pool.name),
            move |overview| {
                for pool in overview.pools.iter_mut().filter(|it| it.id == pool.id) {
                    pool.members.push(member.clone());
                }
            },
            async move {
                api::add_member(&pool_id, AddMember { agent_id: id, priority_rank: PriorityRank::PRIMARY })
                    .await
            },
        );
    };
    let choose = move |id: String| {
        if id == "new" {
            return is_making.set(true);
        }
        let name = others.with_untracked(|others| others.iter().find(|it| it.0 == id).map(|it| it.1.clone()));
        if let Some(name) = name {
            add(id, name);
        }
    };
    view! {
        {move || session.may(Role::Admin).then(|| view! {
            <div class="add-agent">
                <label for="add-agent">"Add an agent"<span class="muted">" (as Primary)"</span></label>
                // Chosen anew each time: it always says what it does, never who was added last.
                <select id="add-agent" class="input" data-test="add-agent" prop:value=move || { others.track(); "" } on:change:target=move |event| { let id = event.target().value(); event.target().set_value(""); choose(id) }>
                    <option value="">{move || format!("Choose of {}", format::counted(others.with(Vec::len) as u64, "other agent", "other agents"))}</option>
                    {move || others.get().into_iter().map(|(id, name)| view! { <option value=id>{name}</option> }).collect_view()}
                    <option value="new">"New agent…"</option>
                </select>
            </div>
        })}
        <NewAgentDialog bench is_open=is_making on_made=Callback::new(move |(id, name)| add(id, name))/>
    }
}
