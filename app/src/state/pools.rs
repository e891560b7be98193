//! The Pools page's state: pools as they are saved, one of them with draft ranks, and who would take the next leads.

use super::remote::Remote;
use super::toasts::Toasts;
use crate::api::{self, ApiError};
use contract::{
    AgentDetail, AgentRank, LiveRouting, PoolDetail, PoolMember, PoolsOverview, SaveRanks, problem,
};
use leptos::prelude::*;
use leptos::task::spawn_local;
use policy::routing::{AgentId, DecisionTrace, PoolId, PriorityRank, Router};
use std::collections::BTreeMap;
use std::future::Future;

/// How many leads the preview looks ahead.
pub const LEADS: usize = 10;

/// What the page's parts share
#[derive(Clone, Copy)]
pub struct PoolBench {
    /// What is shown: what the server has, and changes under way that it has not confirmed yet.
    pub overview: RwSignal<PoolsOverview>,
    pub live: Remote<LiveRouting>,
    /// The id of the open pool.
    pub open: Memo<String>,
    /// The ranks of the open pool that are not saved, by agent.
    pub draft: RwSignal<BTreeMap<String, PriorityRank>>,
    saved: Remote<PoolsOverview>,
    toasts: Toasts,
}

/// One of the next leads under both sets of ranks
#[derive(Clone, PartialEq)]
pub struct NextLead {
    pub saved: DecisionTrace,
    pub draft: DecisionTrace,
}

impl PoolBench {
    pub fn new(
        saved: Remote<PoolsOverview>,
        live: Remote<LiveRouting>,
        newest: Signal<PoolsOverview>,
        chosen: Memo<String>,
        toasts: Toasts,
    ) -> Self {
        let overview = RwSignal::new(newest.get_untracked());
        // Without a choice the first pool that has members; it stays open while it is there.
        let open = Memo::new(move |last: Option<&String>| {
            let chosen = chosen.get();
            overview.with(|overview| {
                let named = |id: &String| overview.pools.iter().find(|pool| pool.id == *id);
                let pool = named(&chosen).or_else(|| last.and_then(named));
                let pool = pool.or_else(|| overview.pools.iter().find(|pool| !pool.members.is_empty()));
                pool.or(overview.pools.first()).map(|pool| pool.id.clone()).unwrap_or_default()
            })
        });
        let bench = Self { overview, live, open, draft: RwSignal::new(BTreeMap::new()), saved, toasts };
        Effect::new(move |_| {
            overview.set(newest.get());
            bench.drop_what_is_saved();
        });
        // Ranks of one pool mean nothing in another.
        Effect::new(move |previous: Option<String>| {
            let open = open.get();
            if previous.is_some_and(|previous| previous != open) {
                bench.draft.update(BTreeMap::clear);
            }
            open
        });
        bench
    }

    pub fn pool(self) -> Option<PoolDetail> {
        let open = self.open.get();
        self.overview.with(|overview| overview.pools.iter().find(|pool| pool.id == open).cloned())
    }

    pub fn agent(self, id: &str) -> Option<AgentDetail> {
        self.overview.with(|overview| overview.agents.iter().find(|agent| agent.id == id).cloned())
    }

    pub fn name_of(self, id: &str) -> String {
        self.agent(id).map_or_else(|| "a former agent".to_owned(), |agent| agent.display_name)
    }

    /// The rank of a member in the draft.
    pub fn rank(self, member: &PoolMember) -> PriorityRank {
        self.draft.with(|draft| draft.get(&member.agent_id).copied()).unwrap_or(member.priority_rank)
    }

    /// Every member of the open pool with its draft rank.
    pub fn ranks(self) -> Vec<(PoolMember, PriorityRank)> {
        let members = self.pool().map(|pool| pool.members).unwrap_or_default();
        members.into_iter().map(|member| (member.clone(), self.rank(&member))).collect()
    }

    pub fn set_rank(self, agent_id: &str, rank: PriorityRank) {
        self.draft.update(|draft| {
            draft.insert(agent_id.to_owned(), rank);
        });
        self.drop_what_is_saved();
    }

    /// Draft ranks that are the saved ones are no drafts.
    fn drop_what_is_saved(self) {
        let Some(pool) = untrack(|| self.pool()) else { return };
        let is_draft = |id: &String, rank: PriorityRank| {
            pool.members.iter().any(|member| member.agent_id == *id && member.priority_rank != rank)
        };
        if self.draft.with_untracked(|draft| draft.iter().any(|(id, rank)| !is_draft(id, *rank))) {
            self.draft.update(|draft| draft.retain(|id, rank| is_draft(id, *rank)));
        }
    }

    /// Shows a change at once and sends it; where the server refuses, what was there before is back, with its reason
    pub fn change<T>(
        self,
        done: String,
        show: impl FnOnce(&mut PoolsOverview),
        request: impl Future<Output = Result<T, ApiError>> + 'static,
    ) {
        let (before, draft) = (self.overview.get_untracked(), self.draft.get_untracked());
        self.overview.update(show);
        self.drop_what_is_saved();
        spawn_local(async move {
            match request.await {
                Ok(_) => self.toasts.say(done),
                Err(error) => {
                    let is_moved = error.code() == problem::REVISION_MOVED;
                    self.overview.try_set(before);
                    self.draft.try_set(draft);
                    self.toasts.fail(&error);
                    if !is_moved {
                        return;
                    }
                }
            }
            self.saved.refetch();
            self.live.refetch();
        });
    }

    pub fn refetch(self) {
        self.saved.refetch();
        self.live.refetch();
    }

    /// Saves the draft ranks, all or none, unless somebody has changed pools since they were shown.
    pub fn save_ranks(self) {
        let Some(pool) = untrack(|| self.pool()) else { return };
        let draft = self.draft.get_untracked();
        let ranks = SaveRanks {
            expected_revision: Some(self.overview.with_untracked(|overview| overview.revision)),
            ranks: draft
                .iter()
                .map(|(agent_id, rank)| AgentRank { agent_id: agent_id.clone(), priority_rank: *rank })
                .collect(),
        };
        let id = pool.id.clone();
        self.change(
            format!("Ranks of {} saved: they count for the next lead.", pool.name),
            move |overview| {
                for member in
                    overview.pools.iter_mut().filter(|it| it.id == pool.id).flat_map(|it| &mut it.members)
                {
                    member.priority_rank =
                        draft.get(&member.agent_id).copied().unwrap_or(member.priority_rank);
                }
            },
            async move { api::save_ranks(&id, ranks).await },
        );
    }

    /// The next leads of the open pool, from the live state, under the saved ranks and under the draft.
    pub fn next_leads(self) -> Vec<NextLead> {
        let pool = PoolId::new(&self.open.get());
        let router = self
            .live
            .value
            .with(|live| live.as_ref().and_then(|live| Router::restore(&live.config, &live.state).ok()));
        let Some((pool, router)) = pool.zip(router) else { return Vec::new() };
        let mut drafted = router.clone();
        self.draft.with(|draft| {
            for (agent, rank) in draft {
                // One that the live state does not know yet takes no lead either.
                if let Some(agent) = AgentId::new(agent) {
                    let _ = drafted.set_membership(&agent, &pool, *rank);
                }
            }
        });
        let ahead = |router: &Router| router.preview(&pool, LEADS).unwrap_or_default();
        ahead(&router)
            .into_iter()
            .zip(ahead(&drafted))
            .map(|(saved, draft)| NextLead { saved, draft })
            .collect()
    }
}
