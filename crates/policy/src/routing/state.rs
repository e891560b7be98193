//! The state of a router as another process keeps it: who serves whom, and each pool's order of assignment.

use serde::{Deserialize, Serialize};

use super::{AgentId, PoolId, VisitorId};

/// What a router holds besides its configuration
///
/// [`Router::state`](super::Router::state) writes it, [`Router::restore`](super::Router::restore) reads it; a server builds it from its database.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutingState {
    /// Who serves whom, in the order in which they were assigned.
    #[serde(default)]
    pub assignments: Vec<Assignment>,
    /// When each pool last assigned someone to each agent; what is not here never was.
    #[serde(default)]
    pub orders: Vec<AssignmentOrder>,
}

/// A visitor of a pool and the agent who serves it
///
/// A visitor has at most one agent in a pool, and may have one in each of several pools: each takes a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// Who is served.
    pub visitor_id: VisitorId,
    /// In which pool.
    pub pool_id: PoolId,
    /// By whom.
    pub agent_id: AgentId,
    /// Whether the agent came from the organisation instead of the pool.
    #[serde(default)]
    pub fallback: bool,
    /// Whether the visitor is in a call with the agent, so that no reassignment moves it.
    #[serde(default)]
    pub is_in_call: bool,
}

/// The place of an agent in a pool's order of assignment
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignmentOrder {
    /// Whose order.
    pub pool_id: PoolId,
    /// Who was assigned.
    pub agent_id: AgentId,
    /// From 1; the higher, the later. Any increasing numbers do, such as a sequence of a database.
    pub assignment_order: u64,
}
