//! The decision, and the assignments that follow from it.

use super::super::tournament::{Seat, Standing};
use super::super::visitors::Held;
use super::super::{
    AgentId, Decision, Fallback, Move, PoolId, PriorityRank, Reason, Reassignment, RefusalReason,
    RoutingError, VisitorId,
};
use super::{Agent, AgentStatus, Assignment, Pool, Router};

/// A decision with the agent's place
pub(super) struct Chosen {
    pub(super) agent: Option<usize>,
    pub(super) decision: Decision,
}

impl Router {
    /// Decides who takes a visitor of a pool, and changes nothing
    ///
    /// `exclude` is left out, even where it serves the visitor already. Errors: an unknown pool, an unknown agent to
    /// exclude.
    pub fn decide(
        &self,
        pool: &PoolId,
        visitor: &VisitorId,
        exclude: Option<&AgentId>,
    ) -> Result<Decision, RoutingError> {
        let (pool, exclude) = self.places(pool, exclude)?;
        Ok(self.decide_at(pool, visitor, exclude).decision)
    }

    /// Decides, and assigns whom it has decided on
    ///
    /// A visitor whose agent is excluded moves to another one; where there is none, it keeps the agent.
    pub fn route(
        &mut self,
        pool: &PoolId,
        visitor: &VisitorId,
        exclude: Option<&AgentId>,
    ) -> Result<Decision, RoutingError> {
        let (pool, exclude) = self.places(pool, exclude)?;
        let Chosen { agent, decision } = self.decide_at(pool, visitor, exclude);
        self.follow(pool, visitor, agent, decision.fallback);
        Ok(decision)
    }

    /// Assigns a visitor of a pool to an agent whom the host has chosen, such as by [`decide`](Self::decide)
    ///
    /// A visitor who has another agent in the pool moves. Errors: an agent who cannot take a lead, or is neither a member of the
    /// pool nor of an organisation that the pool falls back to.
    pub fn assign(
        &mut self,
        pool: &PoolId,
        visitor: &VisitorId,
        agent: &AgentId,
    ) -> Result<(), RoutingError> {
        let pool_place = self.pool_at(pool, "pool_id")?;
        let place = self.agent_at(agent, "agent_id")?;
        if self.visitors.get(visitor, pool_place).is_some_and(|held| held.agent == place) {
            return Ok(());
        }
        let fallback = self.check_place(pool_place, place)?;
        if let Some(why) = self.agents.get(place).and_then(Agent::refusal) {
            return Err(RoutingError::new("agent_id", format!("agent `{agent}` is {}", why.label())));
        }
        self.follow(pool_place, visitor, Some(place), fallback);
        Ok(())
    }

    /// Frees every slot that a visitor uses, and answers what it had; nothing where it has none.
    pub fn release(&mut self, visitor: &VisitorId) -> Vec<Assignment> {
        let held = self.visitors.take(visitor);
        held.into_iter().filter_map(|held| self.freed(visitor, held)).collect()
    }

    /// Frees the slot that a visitor uses in one pool, and answers it.
    pub fn release_from(&mut self, visitor: &VisitorId, pool: &PoolId) -> Option<Assignment> {
        let pool = *self.pool_places.get(pool)?;
        self.free(visitor, pool)
    }

    /// Says whether a visitor is in a call with its agent in a pool: then no reassignment moves it
    ///
    /// Answers whether the visitor has an agent there.
    pub fn set_in_call(&mut self, visitor: &VisitorId, pool: &PoolId, is_in_call: bool) -> bool {
        let place = self.pool_places.get(pool).copied();
        let held = place.and_then(|pool| self.visitors.get_mut(visitor, pool));
        held.map(|held| held.is_in_call = is_in_call).is_some()
    }

    /// Finds another agent for every visitor of one who leaves, in the order in which they were assigned
    ///
    /// Each stays in its pool: members only, by rank, without the leaving agent and without the fallback. For whom there is
    /// nobody, the slot is freed. Visitors in a call stay: those of whom [`set_in_call`](Self::set_in_call) says so or, where it says so of
    /// none, all visitors of an agent whose status is `in_call`. The agent's own status stays as it is.
    pub fn reassign(&mut self, agent: &AgentId) -> Result<Reassignment, RoutingError> {
        self.reassign_noting(agent, |_, _, _, _| {})
    }

    /// The same, showing each decision to `note` before it is followed: the pool's place, the leaving agent's, the decision.
    pub(super) fn reassign_noting(
        &mut self,
        agent: &AgentId,
        mut note: impl FnMut(&Router, usize, usize, &Decision),
    ) -> Result<Reassignment, RoutingError> {
        let place = self.agent_at(agent, "agent_id")?;
        let Some(leaving) = self.agents.get(place) else { return Ok(Reassignment::default()) };
        let is_in_call = |(visitor, pool): &(VisitorId, usize)| {
            self.visitors.get(visitor, *pool).is_some_and(|held| held.is_in_call)
        };
        let visitors = leaving.visitors.clone();
        let all_stay = leaving.status == AgentStatus::InCall && !visitors.iter().any(is_in_call);
        let (staying, moving): (Vec<_>, Vec<_>) =
            visitors.into_iter().partition(|visitor| all_stay || is_in_call(visitor));
        let mut answer = Reassignment::default();
        answer.stayed.extend(staying.into_iter().map(|(visitor, _)| visitor));
        for (visitor_id, pool) in moving {
            let Chosen { agent, decision } = self.choose(pool, Some(place), false);
            note(self, pool, place, &decision);
            match agent {
                Some(_) => self.follow(pool, &visitor_id, agent, false),
                None => {
                    self.free(&visitor_id, pool);
                }
            }
            let Some(pool) = self.pools.get(pool) else { continue };
            answer.moves.push(Move { visitor_id, pool_id: pool.id.clone(), decision });
        }
        Ok(answer)
    }

    pub(super) fn places(
        &self,
        pool: &PoolId,
        exclude: Option<&AgentId>,
    ) -> Result<(usize, Option<usize>), RoutingError> {
        let pool = self.pool_at(pool, "pool_id")?;
        let exclude = exclude.map(|agent| self.agent_at(agent, "exclude_agent_id")).transpose()?;
        Ok((pool, exclude))
    }

    pub(super) fn decide_at(&self, pool: usize, visitor: &VisitorId, exclude: Option<usize>) -> Chosen {
        let held = self.visitors.get(visitor, pool).filter(|held| Some(held.agent) != exclude);
        if let Some((held, agent)) = held.and_then(|held| Some((held, self.agents.get(held.agent)?))) {
            return Chosen {
                agent: Some(held.agent),
                decision: Decision {
                    agent_id: Some(agent.id.clone()),
                    priority_rank: agent.rank_in(pool).filter(|_| !held.fallback),
                    fallback: held.fallback,
                    reason: Reason::AlreadyAssigned,
                },
            };
        }
        self.choose(pool, exclude, true)
    }

    /// Asks the groups of a pool in their order.
    pub(super) fn choose(&self, place: usize, exclude: Option<usize>, may_fall_back: bool) -> Chosen {
        let none = |is_fallback_tried| Chosen {
            agent: None,
            decision: Decision {
                agent_id: None,
                priority_rank: None,
                fallback: false,
                reason: Reason::Unavailable { is_fallback_tried },
            },
        };
        let Some(pool) = self.pools.get(place).filter(|pool| pool.is_known) else { return none(false) };
        let leaving = exclude.and_then(|agent| self.agents.get(agent));
        let best = |rank: Option<PriorityRank>| {
            let except = leaving.and_then(|agent| agent.place_in(place, rank));
            pool.group(rank).and_then(|group| group.best(except))
        };
        let falls_back = may_fall_back && pool.fallback == Fallback::Organisation;
        for rank in pool.groups.keys() {
            if let Some(seat) = best(Some(*rank)) {
                return self.chosen(seat, Some(*rank));
            }
        }
        match falls_back.then(|| best(None)).flatten() {
            Some(seat) => self.chosen(seat, None),
            None => none(falls_back),
        }
    }

    fn chosen(&self, seat: &Seat, priority_rank: Option<PriorityRank>) -> Chosen {
        let reason = match seat.key.standing {
            Standing::Loaded(load) => {
                let capacity = self.agents.get(seat.agent).map_or(0, |agent| agent.capacity);
                Reason::LeastLoaded { priority_rank, load, capacity }
            }
            Standing::Idle | Standing::Unavailable => {
                Reason::LongestUnassigned { priority_rank, is_never_assigned: seat.key.order == 0 }
            }
        };
        let fallback = priority_rank.is_none();
        let decision = Decision { agent_id: Some(seat.id.clone()), priority_rank, fallback, reason };
        Chosen { agent: Some(seat.agent), decision }
    }

    /// Gives a visitor the agent that was decided on, unless it has that one.
    pub(super) fn follow(&mut self, pool: usize, visitor: &VisitorId, agent: Option<usize>, fallback: bool) {
        let Some(agent) = agent else { return };
        match self.visitors.get(visitor, pool) {
            Some(held) if held.agent == agent => return,
            Some(_) => {
                self.free(visitor, pool);
            }
            None => {}
        }
        let order = self.pools.get(pool).map_or(0, |pool| pool.assigned.saturating_add(1));
        self.occupy(visitor, pool, agent, fallback, false);
        self.refresh(agent, Some((pool, order)));
    }

    /// Takes a slot of an agent; the caller refreshes its seats.
    pub(super) fn occupy(
        &mut self,
        visitor: &VisitorId,
        pool: usize,
        agent: usize,
        fallback: bool,
        is_in_call: bool,
    ) {
        let Some(serving) = self.agents.get_mut(agent) else { return };
        serving.visitors.push((visitor.clone(), pool));
        self.assigned += 1;
        let held = Held { pool, agent, fallback, is_in_call, sequence: self.assigned };
        self.visitors.insert(visitor, held);
    }

    /// Frees a slot, and answers what it was used for.
    pub(super) fn free(&mut self, visitor: &VisitorId, pool: usize) -> Option<Assignment> {
        let held = self.visitors.remove(visitor, pool)?;
        self.freed(visitor, held)
    }

    /// Tells the agent of a slot that it is free.
    fn freed(&mut self, visitor: &VisitorId, held: Held) -> Option<Assignment> {
        let agent = self.agents.get_mut(held.agent)?;
        agent.visitors.retain(|(other, pool)| *pool != held.pool || other != visitor);
        self.refresh(held.agent, None);
        self.assignment(visitor, &held)
    }

    /// Tells every group of an agent how it stands now and, where it was just assigned, its new order in that pool.
    pub(super) fn refresh(&mut self, place: usize, assigned: Option<(usize, u64)>) {
        let Router { agents, pools, .. } = self;
        let Some(agent) = agents.get(place) else { return };
        let standing = agent.standing();
        let mut is_seated = false;
        for chair in &agent.chairs {
            let order = assigned.filter(|(pool, _)| *pool == chair.pool).map(|(_, order)| order);
            is_seated |= order.is_some();
            if let Some(pool) = pools.get_mut(chair.pool) {
                pool.group_mut(chair.rank).update(chair.place, |key| {
                    key.standing = standing;
                    key.order = order.unwrap_or(key.order);
                });
            }
        }
        if let Some((pool, order)) = assigned.and_then(|(pool, order)| Some((pools.get_mut(pool)?, order))) {
            pool.assigned = pool.assigned.max(order);
            if !is_seated {
                pool.orders.insert(place, order);
            }
        }
    }

    /// Whether an agent would serve a pool as a fallback; an error where it may not serve it at all.
    pub(super) fn check_place(&self, pool: usize, agent: usize) -> Result<bool, RoutingError> {
        let Some((agent, pool_of)) = self.agents.get(agent).zip(self.pools.get(pool)) else {
            return Ok(false);
        };
        let refused = |message: String| Err(RoutingError::new("agent_id", message));
        if agent.org_id != pool_of.org_id {
            return refused(format!(
                "agent `{}` belongs to another organisation than pool `{}`",
                agent.id, pool_of.id
            ));
        }
        match (agent.rank_in(pool), pool_of.fallback) {
            (Some(_), _) => Ok(false),
            (None, Fallback::Organisation) => Ok(true),
            (None, Fallback::None) => {
                refused(format!("agent `{}` is not a member of pool `{}`", agent.id, pool_of.id))
            }
        }
    }
}

impl Agent {
    /// Why the agent cannot take a lead; `None` where it can.
    pub(super) fn refusal(&self) -> Option<RefusalReason> {
        match self.status {
            _ if !self.is_registered => Some(RefusalReason::Offline),
            AgentStatus::Offline => Some(RefusalReason::Offline),
            AgentStatus::Away => Some(RefusalReason::Away),
            AgentStatus::InCall => Some(RefusalReason::InCall),
            AgentStatus::Idle | AgentStatus::InSimulation => {
                (self.load() >= self.capacity).then_some(RefusalReason::AtCapacity)
            }
        }
    }
}

impl Pool {
    /// Whether the pool is known and of this organisation.
    pub(super) fn is_of(&self, agent: &Agent) -> bool {
        self.is_known && self.org_id == agent.org_id
    }
}
