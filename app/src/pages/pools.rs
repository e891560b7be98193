//! `/pools`: who gets leads first, and what other ranks would do before they are saved.

use crate::api;
use crate::components::icon::{Icon, IconView};
use crate::components::loaded::{CardsSkeleton, Loaded, RowsSkeleton};
use crate::components::modal::ConfirmDialog;
use crate::components::notice::{Notice, Tone};
use crate::components::page_header::PageHeader;
use crate::components::pools::dialogs::PoolDialog;
use crate::components::pools::goal::GoalStudy;
use crate::components::pools::members::Members;
use crate::components::pools::moves::MovesStudy;
use crate::components::pools::next_leads::NextLeads;
use crate::components::pools::replay::ReplayStudy;
use crate::components::pools::scenario::ScenarioForm;
use crate::components::pools::simulation::Simulation;
use crate::components::pools::stress::StressStudy;
use crate::format;
use crate::state::leave_guard::use_leave_guard;
use crate::state::live::use_live;
use crate::state::pool_lab::PoolLab;
use crate::state::pools::PoolBench;
use crate::state::remote::Remote;
use crate::state::session::use_session;
use crate::state::toasts::use_toasts;
use crate::state::url;
use contract::{PoolDetail, Role};
use leptos::prelude::*;
use leptos::task::spawn_local;
use policy::routing::Fallback;

#[component]
pub fn PoolsPage() -> impl IntoView {
    let live = use_live();
    let toasts = use_toasts();
    let chosen = url::parameter("pool");
    let overview = Remote::new(move || {
        live.pools.track();
        api::pools()
    });
    let routing = Remote::new(move || {
        live.pools.track();
        api::live_routing()
    });
    view! {
        <div class="page pools-page">
            <PageHeader title="Pools" lead="Who gets leads first, who takes the overflow, and what other ranks would do before they are saved.">
                <a class="button quiet" href="/pools/pages" data-test="page-rules">"Page rules"</a>
                <a class="button quiet" href="/pools/statistics" data-test="pool-statistics">"Statistics"</a>
            </PageHeader>
            <Loaded remote=overview skeleton=|| view! { <CardsSkeleton cards=2/><RowsSkeleton rows=6/> } let:newest>
                {
                    let bench = PoolBench::new(overview, routing, newest, chosen, toasts);
                    view! { <Pools bench/> }
                }
            </Loaded>
        </div>
    }
}

#[component]
fn Pools(bench: PoolBench) -> impl IntoView {
    let session = use_session();
    let guard = use_leave_guard();
    let set = StoredValue::new(url::use_set_parameters());
    let is_making = RwSignal::new(false);
    let pools = Memo::new(move |_| {
        bench.overview.with(|overview| {
            overview
                .pools
                .iter()
                .map(|pool| (pool.id.clone(), pool.name.clone(), pool.members.len()))
                .collect::<Vec<_>>()
        })
    });
    Effect::new(move |_| guard.has_unsaved.set(bench.draft.with(|draft| !draft.is_empty())));
    on_cleanup(move || guard.has_unsaved.set(false));
    let open = move |id: String| set.with_value(|set| set(&[("pool", &id)]));
    let lab = PoolLab::new(bench);
    view! {
        <div class="pool-chooser" role="group" aria-label="Pools">
            {move || pools.get().into_iter().map(|(id, name, members)| {
                let (own, test) = (id.clone(), format!("pool-{name}"));
                view! {
                    <button type="button" class="chip" data-test=test aria-pressed=move || (bench.open.get() == own).to_string() on:click=move |_| open(id.clone())>
                        {name}<span class="count">{format::count(members as u64)}</span>
                    </button>
                }
            }).collect_view()}
            {move || session.may(Role::Admin).then(|| view! { <button type="button" class="button small" data-test="new-pool" on:click=move |_| is_making.set(true)><IconView icon=Icon::Plus/>"New pool"</button> })}
        </div>
        <PoolDialog bench is_open=is_making pool=Signal::derive(|| None) on_saved=Callback::new(open)/>
        {move || (!session.may(Role::Admin)).then(|| view! { <Notice tone=Tone::Plain>"You can try out any ranks here. Only an admin can save them."</Notice> })}
        <div class="pools-columns">
            <div class="pools-column"><OpenPool bench/></div>
            <div class="pools-column"><NextLeads bench/><Lab lab/></div>
        </div>
    }
}

/// The open pool: its name and settings, its members, and the draft's fate
#[component]
fn OpenPool(bench: PoolBench) -> impl IntoView {
    let session = use_session();
    let toasts = use_toasts();
    let set = StoredValue::new(url::use_set_parameters());
    let (is_changing, is_deleting) = (RwSignal::new(false), RwSignal::new(false));
    let pool = Memo::new(move |_| bench.pool());
    let edits = Memo::new(move |_| bench.draft.with(|draft| draft.len() as u64));
    let may_save = move || edits.get() > 0 && session.may(Role::Admin);
    let settings = |pool: PoolDetail| {
        let mut words = vec![
            match pool.fallback {
                Fallback::None => "nobody free: unavailable",
                Fallback::Organisation => "nobody free: others of the organisation",
            }
            .to_owned(),
        ];
        words.extend(pool.waiting.map(|waiting| {
            format!(
                "{} may wait {}",
                format::counted(waiting.leads_max.into(), "lead", "leads"),
                format::duration(waiting.seconds_max.into())
            )
        }));
        if pool.is_default {
            words.insert(0, "default pool".to_owned());
        }
        words.join(" · ")
    };
    let delete = move |()| {
        let Some(pool) = pool.get_untracked() else { return };
        spawn_local(async move {
            match api::delete_pool(&pool.id).await {
                Ok(_) => {
                    toasts.say(format!("Pool “{}” deleted.", pool.name));
                    set.with_value(|set| set(&[("pool", "")]));
                    bench.refetch();
                }
                Err(error) => toasts.fail(&error),
            }
        });
    };
    view! {
        <section class="panel open-pool" aria-labelledby="open-pool-title" data-test="open-pool">
            <header>
                <h2 id="open-pool-title">{move || pool.get().map(|pool| pool.name)}</h2>
                <span class="spacer"></span>
                {move || session.may(Role::Admin).then(|| view! {
                    <button class="button quiet small" data-test="pool-settings" on:click=move |_| is_changing.set(true)>"Settings"</button>
                    <button class="button quiet small" data-test="delete-pool" disabled=move || pool.with(|pool| pool.as_ref().is_none_or(|pool| pool.is_default)) title=move || if pool.with(|pool| pool.as_ref().is_some_and(|pool| pool.is_default)) { "The default pool takes the pages that no rule names: it cannot be deleted" } else { "" } on:click=move |_| is_deleting.set(true)>"Delete"</button>
                })}
            </header>
            <p class="settings muted">{move || pool.get().map(settings)}</p>
            <Members bench/>
            <footer class="draft-bar">
                <span data-test="rank-edits">{move || match edits.get() { 0 => "No draft ranks".to_owned(), n => format!("{} not saved", format::counted(n, "rank", "ranks")) }}</span>
                <span class="spacer"></span>
                <button class="button" data-test="discard-ranks" disabled=move || edits.get() == 0 on:click=move |_| bench.draft.update(|draft| draft.clear())>"Discard"</button>
                <button class="button primary" data-test="save-ranks" disabled=move || !may_save() on:click=move |_| bench.save_ranks()>"Save ranks"</button>
            </footer>
        </section>
        <PoolDialog bench is_open=is_changing pool on_saved=Callback::new(|_| ())/>
        <ConfirmDialog
            is_open=is_deleting
            title=Signal::derive(move || format!("Delete pool “{}”?", pool.get().map(|pool| pool.name).unwrap_or_default()))
            text="Its members and page rules go with it; agents and leads in hand stay. Pages that led to it lead to the next rule, or to the default pool."
            confirm="Delete pool"
            on_confirm=delete
        />
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tab {
    Day,
    Replay,
    Moves,
    Stress,
    Goal,
}

/// Studies of the pool, in the routing module's worker
#[component]
fn Lab(lab: PoolLab) -> impl IntoView {
    const TABS: [(Tab, &str, &str); 5] = [
        (Tab::Day, "day", "A usual day"),
        (Tab::Replay, "replay", "A past day"),
        (Tab::Moves, "moves", "Single moves"),
        (Tab::Stress, "stress", "Somebody away"),
        (Tab::Goal, "goal", "Goal"),
    ];
    let tab = RwSignal::new(Tab::Day);
    let studies = lab.studies;
    view! {
        <section class="panel pool-lab" aria-labelledby="lab-title" data-test="pool-lab">
            <header>
                <h2 id="lab-title">"What it would do"</h2>
                <span class="spacer"></span>
                <div class="segments" role="group" aria-label="Study">
                    {TABS.map(|(its, key, name)| view! { <button type="button" data-test=format!("lab-{key}") aria-pressed=move || (tab.get() == its).to_string() on:click=move |_| tab.set(its)>{name}</button> }).collect_view()}
                </div>
            </header>
            <div class="content">
                {move || studies.failure.get().map(|words| view! {
                    <Notice tone=Tone::Error>
                        <div class="load-failed" data-test="lab-failed"><span>{format!("The studies cannot be worked out: {words}. The next leads are shown all the same.")}</span><button class="button small" on:click=move |_| studies.retry()>"Try again"</button></div>
                    </Notice>
                })}
                {move || (tab.get() != Tab::Replay).then(|| view! { <ScenarioForm lab/> })}
                {move || match tab.get() {
                    Tab::Day => view! { <Simulation lab/> }.into_any(),
                    Tab::Replay => view! { <ReplayStudy lab/> }.into_any(),
                    Tab::Moves => view! { <MovesStudy lab/> }.into_any(),
                    Tab::Stress => view! { <StressStudy lab/> }.into_any(),
                    Tab::Goal => view! { <GoalStudy lab/> }.into_any(),
                }}
            </div>
        </section>
    }
}
