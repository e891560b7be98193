//! Changes of agents, members, pools and page rules.

use std::collections::BTreeMap;

use super::super::config::{check_capacity, twice};
use super::super::tournament::{Key, Seat};
use super::super::{
    AgentConfig, AgentId, AgentStatus, Assignment, Fallback, MemberConfig, Membership, OrgId,
    OrganisationPages, PageMatch, PoolConfig, PoolId, PriorityRank, RoutingConfig, RoutingError,
};
use super::{Agent, Chair, Pool, Router};

impl Router {
    /// Adds an agent without memberships, or gives one who is registered another status and capacity
    ///
    /// Errors: a capacity above 10,000, an agent who is registered with another organisation.
    pub fn register_agent(&mut self, agent: &AgentConfig) -> Result<(), RoutingError> {
        agent.check("")?;
        if self.registered(&agent.id).is_some_and(|known| known.org_id != agent.org_id) {
            let message = format!("agent `{}` is registered with another organisation", agent.id);
            return Err(RoutingError::new("org_id", message));
        }
        self.add_agent(agent);
        self.revision += 1;
        Ok(())
    }

    /// Takes an agent away with its memberships, and answers the visitors that have lost it
    ///
    /// [`reassign`](Self::reassign) first, where they are to have another. Errors: an unknown agent.
    pub fn unregister_agent(&mut self, agent: &AgentId) -> Result<Vec<Assignment>, RoutingError> {
        let place = self.agent_at(agent, "agent_id")?;
        let visitors = self.agents.get(place).map(|agent| agent.visitors.clone()).unwrap_or_default();
        let lost = visitors.into_iter().filter_map(|(visitor, pool)| self.free(&visitor, pool)).collect();
        let chairs = self.agents.get(place).map(|agent| agent.chairs.clone()).unwrap_or_default();
        for chair in chairs {
            self.unseat(place, chair.pool, chair.rank);
        }
        if let Some(agent) = self.agents.get_mut(place) {
            agent.is_registered = false;
            agent.status = AgentStatus::Offline;
        }
        self.revision += 1;
        Ok(lost)
    }

    /// Says what an agent is doing; its visitors stay with it. Errors: an unknown agent.
    pub fn set_status(&mut self, agent: &AgentId, status: AgentStatus) -> Result<(), RoutingError> {
        let place = self.agent_at(agent, "agent_id")?;
        if let Some(agent) = self.agents.get_mut(place) {
            agent.status = status;
        }
        self.refresh(place, None);
        Ok(())
    }

    /// Gives an agent 0 to 10,000 slots; visitors above them stay. Errors: an unknown agent, more slots.
    pub fn set_capacity(&mut self, agent: &AgentId, capacity: u32) -> Result<(), RoutingError> {
        check_capacity(capacity, || "capacity".to_owned())?;
        let place = self.agent_at(agent, "agent_id")?;
        if let Some(agent) = self.agents.get_mut(place) {
            agent.capacity = capacity;
        }
        self.refresh(place, None);
        Ok(())
    }

    /// Replaces all memberships of an agent; its visitors stay
    ///
    /// Errors: an unknown agent, an unknown pool, one of another organisation, one twice.
    pub fn set_memberships(
        &mut self,
        agent: &AgentId,
        memberships: &[Membership],
    ) -> Result<(), RoutingError> {
        let place = self.agent_at(agent, "agent_id")?;
        let mut ranks: BTreeMap<usize, PriorityRank> = BTreeMap::new();
        for (number, Membership { pool_id, priority_rank }) in memberships.iter().enumerate() {
            let field = || format!("memberships[{number}].pool_id");
            let pool = self.pool_at(pool_id, &field())?;
            let is_of_org = self.pools.get(pool).zip(self.agents.get(place)).is_some_and(|(p, a)| p.is_of(a));
            if !is_of_org {
                let message =
                    format!("pool `{pool_id}` belongs to another organisation than agent `{agent}`");
                return Err(RoutingError::new(field(), message));
            }
            if ranks.insert(pool, *priority_rank).is_some() {
                return Err(twice(field(), pool_id.as_str()));
            }
        }
        let chairs = self.agents.get(place).map(|agent| agent.chairs.clone()).unwrap_or_default();
        for chair in chairs.into_iter().filter(|chair| chair.rank.is_some()) {
            if ranks.get(&chair.pool).copied() == chair.rank {
                ranks.remove(&chair.pool);
            } else {
                self.unseat(place, chair.pool, chair.rank);
            }
        }
        for (pool, rank) in ranks {
            self.seat(place, pool, Some(rank));
        }
        self.revision += 1;
        Ok(())
    }

    /// Adds an agent to a pool, or gives it another rank there. Errors: as [`set_memberships`](Self::set_memberships).
    pub fn set_membership(
        &mut self,
        agent: &AgentId,
        pool: &PoolId,
        priority_rank: PriorityRank,
    ) -> Result<(), RoutingError> {
        let mut memberships = self.memberships(agent);
        memberships.retain(|membership| membership.pool_id != *pool);
        memberships.insert(0, Membership { pool_id: pool.clone(), priority_rank });
        self.set_memberships(agent, &memberships)
    }

    /// Takes an agent out of a pool, where it is a member, and answers whether it was; its visitors stay
    ///
    /// Errors: an unknown agent or pool.
    pub fn remove_from_pool(&mut self, agent: &AgentId, pool: &PoolId) -> Result<bool, RoutingError> {
        let agent = self.agent_at(agent, "agent_id")?;
        let pool = self.pool_at(pool, "pool_id")?;
        let Some(rank) = self.agents.get(agent).and_then(|agent| agent.rank_in(pool)) else {
            return Ok(false);
        };
        self.unseat(agent, pool, Some(rank));
        self.revision += 1;
        Ok(true)
    }

    /// Adds a pool, or replaces what is known of it but for its visitors and its order of assignment
    ///
    /// Errors: members as in a configuration, a pool that is known for another organisation.
    pub fn set_pool(&mut self, pool: &PoolConfig) -> Result<(), RoutingError> {
        let org_of = |agent: &AgentId| self.registered(agent).map(|agent| &agent.org_id);
        pool.check("", org_of)?;
        let known = self.pool_places.get(&pool.id).and_then(|place| self.pools.get(*place));
        if known.is_some_and(|known| known.is_known && known.org_id != pool.org_id) {
            let message = format!("pool `{}` belongs to another organisation", pool.id);
            return Err(RoutingError::new("org_id", message));
        }
        self.put_pool(pool);
        self.revision += 1;
        Ok(())
    }

    /// Takes a pool away with its members; its visitors keep their agents until they are released
    ///
    /// Errors: an unknown pool, one that page rules lead to.
    pub fn remove_pool(&mut self, pool: &PoolId) -> Result<(), RoutingError> {
        let place = self.pool_at(pool, "pool_id")?;
        let leads_there = |pages: &OrganisationPages| {
            pages.default_pool_id.as_ref() == Some(pool)
                || pages.rules.iter().any(|rule| rule.pool_id == *pool)
        };
        if self.pages.values().any(leads_there) {
            return Err(RoutingError::new("pool_id", format!("page rules lead to pool `{pool}`")));
        }
        self.empty_pool(place);
        if let Some(pool) = self.pools.get_mut(place) {
            pool.is_known = false;
            pool.fallback = Fallback::None;
        }
        self.revision += 1;
        Ok(())
    }

    /// Replaces the page rules of an organisation. Errors: as in a configuration.
    pub fn set_pages(&mut self, pages: &OrganisationPages) -> Result<(), RoutingError> {
        pages.check("")?;
        let org_of = |pool: &PoolId| {
            let place = self.pool_places.get(pool)?;
            self.pools.get(*place).filter(|pool| pool.is_known).map(|pool| &pool.org_id)
        };
        pages.check_pools("", org_of)?;
        self.pages.insert(pages.org_id.clone(), pages.clone());
        self.revision += 1;
        Ok(())
    }

    /// The pool of a page in an organisation, and why; none for an organisation without page rules.
    pub fn match_page(&self, org: &OrgId, page: &str) -> PageMatch {
        match self.pages.get(org) {
            Some(pages) => pages.explain(page),
            None => OrganisationPages { org_id: org.clone(), default_pool_id: None, rules: Vec::new() }
                .explain(page),
        }
    }

    /// The configuration as it stands: pools and agents by id, members by rank and id.
    pub fn config(&self) -> RoutingConfig {
        let agents = self.agent_places.values().filter_map(|place| self.agents.get(*place));
        let pools = self.pool_places.values().filter_map(|place| self.pools.get(*place));
        RoutingConfig {
            revision: self.revision,
            pools: pools.filter(|pool| pool.is_known).map(Pool::config).collect(),
            agents: agents.filter(|agent| agent.is_registered).map(Agent::config).collect(),
            pages: self.pages.values().cloned().collect(),
        }
    }

    /// Adds or changes an agent that was checked.
    pub(super) fn add_agent(&mut self, config: &AgentConfig) {
        let AgentConfig { id, org_id, status, capacity } = config.clone();
        let known = self.agent_places.get(&id).copied();
        let place = known.unwrap_or(self.agents.len());
        match self.agents.get_mut(place) {
            Some(agent) => {
                let is_moving = agent.org_id != org_id;
                agent.org_id = org_id;
                agent.status = status;
                agent.capacity = capacity;
                agent.is_registered = true;
                // Pools of the other organisation have no say here, and the id may have another owner there.
                for pool in self.pools.iter_mut().filter(|_| is_moving) {
                    pool.orders.remove(&place);
                }
            }
            None => {
                let (chairs, visitors) = (Vec::new(), Vec::new());
                self.agent_places.insert(id.clone(), place);
                self.agents.push(Agent {
                    id,
                    org_id,
                    is_registered: true,
                    status,
                    capacity,
                    chairs,
                    visitors,
                });
            }
        }
        self.seat_others(|_, other| other == place);
        self.refresh(place, None);
    }

    /// Adds or replaces a pool that was checked.
    pub(super) fn put_pool(&mut self, config: &PoolConfig) {
        let known = self.pool_places.get(&config.id).copied();
        let place = known.unwrap_or(self.pools.len());
        if known.is_none() {
            self.pool_places.insert(config.id.clone(), place);
            self.pools.push(Pool::new(config.id.clone(), config.org_id.clone()));
        }
        self.empty_pool(place);
        if let Some(pool) = self.pools.get_mut(place) {
            pool.is_known = true;
            pool.org_id = config.org_id.clone();
            pool.fallback = config.fallback;
        }
        for MemberConfig { agent_id, priority_rank } in &config.members {
            if let Some(agent) = self.agent_places.get(agent_id).copied() {
                self.seat(agent, place, Some(*priority_rank));
            }
        }
        self.seat_others(|pool, _| pool == place);
    }

    /// Seats agents in the groups of the fallback that they belong to, where they have no seat yet
    ///
    /// Only of pools and agents whose places `is_meant` accepts.
    fn seat_others(&mut self, is_meant: impl Fn(usize, usize) -> bool) {
        let mut missing = Vec::new();
        for (place, pool) in self.pools.iter().enumerate() {
            if !pool.is_known || pool.fallback != Fallback::Organisation {
                continue;
            }
            let agents = self.agents.iter().enumerate().filter(|(number, agent)| {
                is_meant(place, *number) && agent.is_registered && pool.is_of(agent)
            });
            missing.extend(
                agents
                    .filter(|(_, agent)| agent.place_in(place, None).is_none())
                    .map(|(agent, _)| (agent, place)),
            );
        }
        for (agent, pool) in missing {
            self.seat(agent, pool, None);
        }
    }

    /// Takes away every seat of a pool.
    fn empty_pool(&mut self, place: usize) {
        let Some(pool) = self.pools.get(place) else { return };
        let ranks = pool.groups.iter().map(|(rank, group)| (Some(*rank), group));
        let groups = ranks.chain([(None, &pool.others)]);
        let seats: Vec<(usize, Option<PriorityRank>)> = groups
            .flat_map(|(rank, group)| group.seats().iter().map(move |seat| (seat.agent, rank)))
            .collect();
        for (agent, rank) in seats {
            self.unseat(agent, place, rank);
        }
    }

    /// Gives an agent a seat in a group of a pool.
    fn seat(&mut self, agent: usize, place: usize, rank: Option<PriorityRank>) {
        let order = self.order_at(agent, place);
        let Some((agent_of, pool)) = self.agents.get_mut(agent).zip(self.pools.get_mut(place)) else {
            return;
        };
        let key = Key { standing: agent_of.standing(), order };
        let seat = pool.group_mut(rank).push(Seat { agent, id: agent_of.id.clone(), key });
        agent_of.chairs.push(Chair { pool: place, rank, place: seat });
    }

    /// Takes a seat away; the pool remembers the order of one who has no other seat there.
    fn unseat(&mut self, agent: usize, place: usize, rank: Option<PriorityRank>) {
        let order = self.order_at(agent, place);
        let Some((agent_of, pool)) = self.agents.get_mut(agent).zip(self.pools.get_mut(place)) else {
            return;
        };
        let chair = agent_of.chairs.iter().position(|chair| chair.pool == place && chair.rank == rank);
        let Some(chair) = chair.map(|number| agent_of.chairs.swap_remove(number)) else { return };
        if order > 0 {
            pool.orders.insert(agent, order);
        }
        let group = pool.group_mut(rank);
        let moved = group.remove(chair.place);
        if let Some(rank) = rank.filter(|_| group.len() == 0) {
            pool.groups.remove(&rank);
        }
        let moved = moved.and_then(|moved| self.agents.get_mut(moved));
        let moved_chair = moved.and_then(|moved| {
            moved.chairs.iter_mut().find(|chair| chair.pool == place && chair.rank == rank)
        });
        if let Some(moved) = moved_chair {
            moved.place = chair.place;
        }
    }
}

impl Agent {
    fn config(&self) -> AgentConfig {
        let Agent { id, org_id, status, capacity, .. } = self;
        AgentConfig { id: id.clone(), org_id: org_id.clone(), status: *status, capacity: *capacity }
    }
}

impl Pool {
    fn config(&self) -> PoolConfig {
        let mut members: Vec<MemberConfig> = Vec::new();
        for (rank, group) in &self.groups {
            let member = |id: &AgentId| MemberConfig { agent_id: id.clone(), priority_rank: *rank };
            members.extend(group.seats().iter().map(|seat| member(&seat.id)));
        }
        members.sort_by(|a, b| (a.priority_rank, &a.agent_id).cmp(&(b.priority_rank, &b.agent_id)));
        let org_id: OrgId = self.org_id.clone();
        PoolConfig { id: self.id.clone(), org_id, fallback: self.fallback, members }
    }
}
