//! A state that is kept elsewhere: taken over whole, or change by change as other processes make them.

use super::super::visitors::Held;
use super::super::{Assignment, AssignmentOrder, RoutingConfig, RoutingError, RoutingState, VisitorId};
use super::Router;

impl Router {
    /// Makes a router of a configuration and a state that is kept elsewhere
    ///
    /// Assignments are facts: neither status nor capacity nor membership refuses them. Errors: an unknown agent or pool, an
    /// agent of another organisation than the pool, a visitor twice in one pool.
    pub fn restore(config: &RoutingConfig, state: &RoutingState) -> Result<Router, RoutingError> {
        let mut router = Router::new(config)?;
        for (number, order) in state.orders.iter().enumerate() {
            router.record_order(order).map_err(|error| error.at(&format!("orders[{number}]")))?;
        }
        for (number, assignment) in state.assignments.iter().enumerate() {
            let at = |error: RoutingError| error.at(&format!("assignments[{number}]"));
            let Assignment { visitor_id, pool_id, .. } = assignment;
            let pool = router.pool_at(pool_id, "pool_id").map_err(at)?;
            if router.visitors.get(visitor_id, pool).is_some() {
                let message = format!("visitor `{visitor_id}` has an agent in pool `{pool_id}` already");
                return Err(at(RoutingError::new("visitor_id", message)));
            }
            router.record_assignment(assignment).map_err(at)?;
        }
        Ok(router)
    }

    /// What the router holds besides its configuration: who serves whom in the order of assignment, and the orders by
    /// pool and agent.
    pub fn state(&self) -> RoutingState {
        let mut held: Vec<(&VisitorId, &Held)> = self.visitors.iter().collect();
        held.sort_by_key(|(_, held)| held.sequence);
        let assignments =
            held.into_iter().filter_map(|(visitor, held)| self.assignment(visitor, held)).collect();
        let mut orders = Vec::new();
        for (pool_id, pool) in &self.pool_places {
            for (agent_id, agent) in &self.agent_places {
                let assignment_order = self.order_at(*agent, *pool);
                if assignment_order > 0 {
                    let (pool_id, agent_id) = (pool_id.clone(), agent_id.clone());
                    orders.push(AssignmentOrder { pool_id, agent_id, assignment_order });
                }
            }
        }
        RoutingState { assignments, orders }
    }

    /// Takes over an assignment that was made elsewhere, whatever the agent's status and capacity
    ///
    /// A visitor who has another agent in the pool moves. It does not touch the order of assignment: that is what
    /// [`record_order`](Self::record_order) is for. Errors: an unknown agent or pool, or two of different organisations.
    pub fn record_assignment(&mut self, assignment: &Assignment) -> Result<(), RoutingError> {
        let Assignment { visitor_id, pool_id, agent_id, fallback, is_in_call } = assignment;
        let pool = self.pool_at(pool_id, "pool_id")?;
        let agent = self.agent_at(agent_id, "agent_id")?;
        self.check_org(pool, agent)?;
        self.free(visitor_id, pool);
        self.occupy(visitor_id, pool, agent, *fallback, *is_in_call);
        self.refresh(agent, None);
        Ok(())
    }

    /// Takes over an agent's place in a pool's order of assignment; an earlier place than the known one is ignored
    ///
    /// What the router assigns itself afterwards comes behind the highest place so far. Errors: an unknown agent or pool, or two of
    /// different organisations.
    pub fn record_order(&mut self, order: &AssignmentOrder) -> Result<(), RoutingError> {
        let AssignmentOrder { pool_id, agent_id, assignment_order } = order;
        let pool = self.pool_at(pool_id, "pool_id")?;
        let agent = self.agent_at(agent_id, "agent_id")?;
        self.check_org(pool, agent)?;
        if *assignment_order > self.order_at(agent, pool) {
            self.refresh(agent, Some((pool, *assignment_order)));
        }
        Ok(())
    }

    fn check_org(&self, pool: usize, agent: usize) -> Result<(), RoutingError> {
        match self.pools.get(pool).zip(self.agents.get(agent)) {
            Some((pool, agent)) if !pool.is_of(agent) => Err(RoutingError::new(
                "agent_id",
                format!("agent `{}` belongs to another organisation than pool `{}`", agent.id, pool.id),
            )),
            _ => Ok(()),
        }
    }
}

impl RoutingError {
    fn at(self, path: &str) -> RoutingError {
        RoutingError { field: format!("{path}.{}", self.field), message: self.message }
    }
}
