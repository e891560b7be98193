//! The same decisions with everything they rest on.

use super::super::tournament::{Key, Seat, Standing, Tournament};
use super::super::{
    AgentId, CandidateTrace, Decision, DecisionTrace, GroupTrace, PoolId, PriorityRank, Reason, Reassignment,
    Refusal, RefusalReason, RoutingError, TieBreak, VisitorId, WhyNot,
};
use super::decide::Chosen;
use super::{Fallback, Router};

impl Router {
    /// Decides as [`decide`](Self::decide) does, and answers everything that the decision rests on, in O(n log n).
    pub fn explain(
        &self,
        pool: &PoolId,
        visitor: &VisitorId,
        exclude: Option<&AgentId>,
    ) -> Result<DecisionTrace, RoutingError> {
        let (pool, exclude) = self.places(pool, exclude)?;
        Ok(self.explain_at(pool, exclude, self.decide_at(pool, visitor, exclude).decision))
    }

    /// Decides and assigns as [`route`](Self::route) does, and answers everything that the decision rested on.
    pub fn route_explained(
        &mut self,
        pool: &PoolId,
        visitor: &VisitorId,
        exclude: Option<&AgentId>,
    ) -> Result<DecisionTrace, RoutingError> {
        let trace = self.explain(pool, visitor, exclude)?;
        self.route(pool, visitor, exclude)?;
        Ok(trace)
    }

    /// Reassigns as [`reassign`](Self::reassign) does, and answers for each of the moves everything that it rested on.
    pub fn reassign_explained(
        &mut self,
        agent: &AgentId,
    ) -> Result<(Reassignment, Vec<DecisionTrace>), RoutingError> {
        let mut traces = Vec::new();
        let answer = self.reassign_noting(agent, |router, pool, leaving, decision| {
            traces.push(router.explain_at(pool, Some(leaving), decision.clone()));
        })?;
        Ok((answer, traces))
    }

    /// The next `count` decisions of a pool as things stand: as many new visitors, one after the other, nobody released.
    pub fn preview(&self, pool: &PoolId, count: usize) -> Result<Vec<DecisionTrace>, RoutingError> {
        let place = self.pool_at(pool, "pool_id")?;
        let mut ahead = self.clone();
        let mut traces = Vec::new();
        for number in 0..count {
            let Chosen { agent, decision } = ahead.choose(place, None, true);
            let fallback = decision.fallback;
            traces.push(ahead.explain_at(place, None, decision));
            // No visitor of the host's begins so: ids that do would have to be made for the purpose.
            let visitor = VisitorId::new(&format!("\u{0}preview {number}"));
            if let Some(visitor) = visitor {
                ahead.follow(place, &visitor, agent, fallback);
            }
        }
        Ok(traces)
    }

    /// Why a decision falls, or does not fall, on `agent`
    ///
    /// Errors: as [`decide`](Self::decide), and an unknown agent.
    pub fn why_not(
        &self,
        pool: &PoolId,
        visitor: &VisitorId,
        exclude: Option<&AgentId>,
        agent: &AgentId,
    ) -> Result<WhyNot, RoutingError> {
        let asked = self.agent_at(agent, "agent_id")?;
        let trace = self.explain(pool, visitor, exclude)?;
        let place = self.pool_at(pool, "pool_id")?;
        let Some(chosen) = trace.decision.agent_id else {
            let refusal = trace.refused.into_iter().find(|refusal| refusal.agent_id == *agent);
            return Ok(refusal.map_or(WhyNot::NotAMember, |refusal| WhyNot::Refused { refusal: refusal.why }));
        };
        if chosen == *agent {
            return Ok(WhyNot::Chosen);
        }
        if trace.decision.reason == Reason::AlreadyAssigned {
            return Ok(WhyNot::VisitorHasAgent { agent_id: chosen });
        }
        if let Some(refusal) = trace.refused.into_iter().find(|refusal| refusal.agent_id == *agent) {
            return Ok(WhyNot::Refused { refusal: refusal.why });
        }
        let own = self.agents.get(asked).and_then(|agent| agent.rank_in(place));
        if let (Some(priority_rank), Some(deciding_rank)) = (own, trace.decision.priority_rank)
            && deciding_rank < priority_rank
        {
            return Ok(WhyNot::BetterRank { deciding_rank, priority_rank });
        }
        let deciding = self.pools.get(place).and_then(|pool| pool.group(trace.decision.priority_rank));
        let seat_of = |id: &AgentId| deciding?.seats().iter().find(|seat| seat.id == *id);
        Ok(match (seat_of(&chosen), seat_of(agent)) {
            (Some(first), Some(second)) => {
                WhyNot::Behind { by: tie_break(first.key, second.key), agent_id: chosen }
            }
            _ => WhyNot::NotAMember,
        })
    }

    /// The trace of a decision that was made as things stand.
    fn explain_at(&self, place: usize, exclude: Option<usize>, decision: Decision) -> DecisionTrace {
        let (refused, groups, tie_break, revision) = (Vec::new(), Vec::new(), None, self.revision);
        let mut trace = DecisionTrace { decision, refused, groups, tie_break, revision };
        if trace.decision.reason == Reason::AlreadyAssigned {
            return trace;
        }
        let Some(pool) = self.pools.get(place) else { return trace };
        for (rank, group) in &pool.groups {
            self.add_group(&mut trace, group, Some(*rank), exclude, |_| true);
        }
        let is_fallback_asked = match trace.decision.reason {
            Reason::Unavailable { is_fallback_tried } => is_fallback_tried,
            _ => trace.decision.fallback,
        };
        if is_fallback_asked && pool.fallback == Fallback::Organisation {
            let is_other =
                |seat: &Seat| self.agents.get(seat.agent).is_some_and(|agent| agent.rank_in(place).is_none());
            self.add_group(&mut trace, &pool.others, None, exclude, is_other);
        }
        trace
    }

    fn add_group(
        &self,
        trace: &mut DecisionTrace,
        group: &Tournament,
        priority_rank: Option<PriorityRank>,
        exclude: Option<usize>,
        is_meant: impl Fn(&Seat) -> bool,
    ) {
        let is_reached = trace.groups.iter().all(|group| group.candidates.is_empty());
        let mut candidates: Vec<&Seat> = Vec::new();
        let mut refused = Vec::new();
        for seat in group.seats().iter().filter(|seat| is_meant(seat)) {
            let status = self.agents.get(seat.agent).and_then(|agent| agent.refusal());
            let why = status.or((exclude == Some(seat.agent)).then_some(RefusalReason::Excluded));
            match why {
                Some(why) => refused.push(Refusal { agent_id: seat.id.clone(), why }),
                None => candidates.push(seat),
            }
        }
        candidates.sort_by(|a, b| a.key.cmp(&b.key).then_with(|| a.id.cmp(&b.id)));
        refused.sort_by(|a, b| a.agent_id.cmp(&b.agent_id));
        if is_reached {
            trace.refused.extend(refused.iter().cloned());
            trace.tie_break = match candidates.as_slice() {
                [] => None,
                [_] => Some(TieBreak::OnlyCandidate),
                [first, second, ..] => Some(tie_break(first.key, second.key)),
            };
        }
        let candidates = candidates.into_iter().filter_map(|seat| {
            let agent = self.agents.get(seat.agent)?;
            Some(CandidateTrace {
                agent_id: seat.id.clone(),
                status: agent.status,
                load: agent.load(),
                capacity: agent.capacity,
                assignment_order: Some(seat.key.order).filter(|order| *order > 0),
            })
        });
        trace.groups.push(GroupTrace {
            priority_rank,
            is_reached,
            candidates: candidates.collect(),
            refused,
        });
    }
}

/// By what the first goes before the second
fn tie_break(first: Key, second: Key) -> TieBreak {
    if first.standing != second.standing {
        if first.standing == Standing::Idle { TieBreak::Idle } else { TieBreak::Load }
    } else if first.order != second.order {
        TieBreak::Order
    } else {
        TieBreak::AgentId
    }
}
