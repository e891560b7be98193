//! The router: pools, agents, who serves whom, and the next decision.

mod change;
mod decide;
mod explain;
mod restore;

use std::collections::BTreeMap;

use super::tournament::{Seat, Standing, Tournament};
use super::visitors::{Held, Visitors};
use super::{
    AgentId, AgentStatus, Assignment, Fallback, Membership, OrgId, OrganisationPages, PoolId, PriorityRank,
    RoutingConfig, RoutingError, VisitorId,
};

/// Pools, agents and who serves whom; decides who takes the next lead
///
/// A decision costs O(log n) of the agents, and so does every change of a status or a load for each pool of the
/// agent; pools that fall back to their organisation count as pools of every agent in it. Changes of members cost
/// O(log n) too. Ids that a method does not know are errors at the argument's name, and an error changes nothing.
///
/// Agents and pools that were taken away are remembered by id, so that one who comes back keeps the place in the
/// order of assignment.
#[derive(Debug, Clone, Default)]
pub struct Router {
    revision: u64,
    agents: Vec<Agent>,
    agent_places: BTreeMap<AgentId, usize>,
    pools: Vec<Pool>,
    pool_places: BTreeMap<PoolId, usize>,
    visitors: Visitors,
    /// How many assignments there have been.
    assigned: u64,
    pages: BTreeMap<OrgId, OrganisationPages>,
}

#[derive(Debug, Clone)]
struct Agent {
    id: AgentId,
    org_id: OrgId,
    is_registered: bool,
    status: AgentStatus,
    capacity: u32,
    /// Where the agent sits: once in each pool it is a member of, once in each pool that it is a fallback for.
    chairs: Vec<Chair>,
    /// Who is served, in which pool, in the order of assignment.
    visitors: Vec<(VisitorId, usize)>,
}

/// A seat of an agent
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Chair {
    pool: usize,
    /// `None` in the group of the fallback.
    rank: Option<PriorityRank>,
    /// The place in that group's tournament.
    place: usize,
}

#[derive(Debug, Clone)]
struct Pool {
    id: PoolId,
    org_id: OrgId,
    is_known: bool,
    fallback: Fallback,
    /// The highest place in the order of assignment so far.
    assigned: u64,
    groups: BTreeMap<PriorityRank, Tournament>,
    /// Every agent of the organisation where the pool falls back to it, members included: when this group is
    /// asked, no member is available.
    others: Tournament,
    /// The order of agents who have no seat in the pool.
    orders: BTreeMap<usize, u64>,
}

impl Agent {
    fn load(&self) -> u32 {
        u32::try_from(self.visitors.len()).unwrap_or(u32::MAX)
    }

    fn standing(&self) -> Standing {
        let load = self.load();
        if !self.is_registered || !self.status.takes_leads() || load >= self.capacity {
            Standing::Unavailable
        } else if self.status == AgentStatus::Idle && load == 0 {
            Standing::Idle
        } else {
            Standing::Loaded(load)
        }
    }

    fn rank_in(&self, pool: usize) -> Option<PriorityRank> {
        self.chairs.iter().filter(|chair| chair.pool == pool).find_map(|chair| chair.rank)
    }

    /// The agent's place in one group of a pool.
    fn place_in(&self, pool: usize, rank: Option<PriorityRank>) -> Option<usize> {
        self.chairs.iter().find(|chair| chair.pool == pool && chair.rank == rank).map(|chair| chair.place)
    }
}

impl Pool {
    fn new(id: PoolId, org_id: OrgId) -> Pool {
        Pool {
            id,
            org_id,
            is_known: true,
            fallback: Fallback::None,
            assigned: 0,
            groups: BTreeMap::new(),
            others: Tournament::default(),
            orders: BTreeMap::new(),
        }
    }

    fn group(&self, rank: Option<PriorityRank>) -> Option<&Tournament> {
        match rank {
            Some(rank) => self.groups.get(&rank),
            None => Some(&self.others),
        }
    }

    fn group_mut(&mut self, rank: Option<PriorityRank>) -> &mut Tournament {
        match rank {
            Some(rank) => self.groups.entry(rank).or_default(),
            None => &mut self.others,
        }
    }

    fn seat(&self, chair: &Chair) -> Option<&Seat> {
        self.group(chair.rank)?.seat(chair.place)
    }
}

/// What can be asked of a router besides decisions
impl Router {
    /// Takes the pools, agents and page rules of `config`; nobody has a visitor, nobody was ever assigned.
    pub fn new(config: &RoutingConfig) -> Result<Router, RoutingError> {
        config.check()?;
        let mut router = Router::default();
        for agent in &config.agents {
            router.add_agent(agent);
        }
        for pool in &config.pools {
            router.put_pool(pool);
        }
        for pages in &config.pages {
            router.pages.insert(pages.org_id.clone(), pages.clone());
        }
        router.revision = config.revision;
        Ok(router)
    }

    /// The revision of the configuration; each change of pools, members, agents or page rules adds one.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Names the revision, for a host that keeps the configuration elsewhere.
    pub fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }

    /// The agent's rank in a pool; `None` where it is not a member.
    pub fn priority_in_pool(&self, agent: &AgentId, pool: &PoolId) -> Option<PriorityRank> {
        let agent = self.agents.get(*self.agent_places.get(agent)?)?;
        agent.rank_in(*self.pool_places.get(pool)?)
    }

    /// The pools of an agent with its ranks, by pool id.
    pub fn memberships(&self, agent: &AgentId) -> Vec<Membership> {
        let agent = self.agent_places.get(agent).and_then(|place| self.agents.get(*place));
        let mut memberships: Vec<Membership> = agent
            .into_iter()
            .flat_map(|agent| &agent.chairs)
            .filter_map(|chair| {
                let pool_id = self.pools.get(chair.pool)?.id.clone();
                Some(Membership { pool_id, priority_rank: chair.rank? })
            })
            .collect();
        memberships.sort_by(|a, b| a.pool_id.cmp(&b.pool_id));
        memberships
    }

    /// What an agent is doing; `None` for one who is not registered.
    pub fn status(&self, agent: &AgentId) -> Option<AgentStatus> {
        Some(self.registered(agent)?.status)
    }

    /// How many slots of an agent are in use; `None` for one who is not registered.
    pub fn load(&self, agent: &AgentId) -> Option<u32> {
        Some(self.registered(agent)?.load())
    }

    /// How many slots an agent has; `None` for one who is not registered.
    pub fn capacity(&self, agent: &AgentId) -> Option<u32> {
        Some(self.registered(agent)?.capacity)
    }

    /// The agents of a visitor, one for each pool that has given it one, by pool id.
    pub fn assignments_of(&self, visitor: &VisitorId) -> Vec<Assignment> {
        let held = self.visitors.held(visitor).iter();
        let mut assignments: Vec<Assignment> =
            held.filter_map(|held| self.assignment(visitor, held)).collect();
        assignments.sort_by(|a, b| a.pool_id.cmp(&b.pool_id));
        assignments
    }

    /// The visitors of an agent, in the order in which they were assigned.
    pub fn visitors_of(&self, agent: &AgentId) -> Vec<Assignment> {
        let agent = self.agent_places.get(agent).and_then(|place| self.agents.get(*place));
        let visitors = agent.into_iter().flat_map(|agent| &agent.visitors);
        let held = |visitor: &VisitorId, pool| self.assignment(visitor, self.visitors.get(visitor, pool)?);
        visitors.filter_map(|(visitor, pool)| held(visitor, *pool)).collect()
    }

    /// The page rules of an organisation.
    pub fn pages(&self, org: &OrgId) -> Option<&OrganisationPages> {
        self.pages.get(org)
    }

    fn registered(&self, agent: &AgentId) -> Option<&Agent> {
        self.agents.get(*self.agent_places.get(agent)?).filter(|agent| agent.is_registered)
    }

    fn agent_at(&self, agent: &AgentId, field: &str) -> Result<usize, RoutingError> {
        let place = self.agent_places.get(agent).copied();
        place
            .filter(|place| self.agents.get(*place).is_some_and(|agent| agent.is_registered))
            .ok_or_else(|| RoutingError::unknown(field, "agent", agent.as_str()))
    }

    fn pool_at(&self, pool: &PoolId, field: &str) -> Result<usize, RoutingError> {
        let place = self.pool_places.get(pool).copied();
        place
            .filter(|place| self.pools.get(*place).is_some_and(|pool| pool.is_known))
            .ok_or_else(|| RoutingError::unknown(field, "pool", pool.as_str()))
    }

    fn assignment(&self, visitor: &VisitorId, held: &Held) -> Option<Assignment> {
        Some(Assignment {
            visitor_id: visitor.clone(),
            pool_id: self.pools.get(held.pool)?.id.clone(),
            agent_id: self.agents.get(held.agent)?.id.clone(),
            fallback: held.fallback,
            is_in_call: held.is_in_call,
        })
    }

    /// The agent's place in a pool's order of assignment; 0 is never assigned.
    fn order_at(&self, agent: usize, pool: usize) -> u64 {
        let Some((agent_of, pool_of)) = self.agents.get(agent).zip(self.pools.get(pool)) else { return 0 };
        let chair = agent_of.chairs.iter().find(|chair| chair.pool == pool);
        match chair.and_then(|chair| pool_of.seat(chair)) {
            Some(seat) => seat.key.order,
            None => pool_of.orders.get(&agent).copied().unwrap_or(0),
        }
    }
}
