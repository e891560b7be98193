//! Decisions of a router in one thread

use anyhow::{Context, Result};
use policy::routing::{
    AgentConfig, AgentId, AgentStatus, Fallback, MemberConfig, OrgId, PoolConfig, PoolId, PriorityRank,
    Router, RoutingConfig, VisitorId,
};
use std::hint::black_box;
use std::time::Instant;

/// Slots of each agent
const CAPACITY: u32 = 5;

/// A pool of `agents` in three ranks, all idle, and visitors enough to take every second slot
pub(crate) struct Floor {
    router: Router,
    pool: PoolId,
    visitors: Vec<VisitorId>,
    decisions: usize,
}

impl Floor {
    pub(crate) fn new(agents: u32, decisions: usize) -> Result<Floor> {
        let org_id = OrgId::new("org").context("an id")?;
        let ids: Vec<AgentId> =
            (0..agents).filter_map(|number| AgentId::new(&format!("agent-{number}"))).collect();
        let agent = |id: &AgentId| AgentConfig {
            id: id.clone(),
            org_id: org_id.clone(),
            status: AgentStatus::Idle,
            capacity: CAPACITY,
        };
        let member = |(id, rank): (&AgentId, u8)| {
            Some(MemberConfig { agent_id: id.clone(), priority_rank: PriorityRank::new(rank)? })
        };
        let pool = PoolId::new("pool").context("an id")?;
        let members = ids.iter().zip([1, 2, 3].into_iter().cycle()).filter_map(member).collect();
        let config = RoutingConfig {
            revision: 1,
            pools: vec![PoolConfig {
                id: pool.clone(),
                org_id: org_id.clone(),
                fallback: Fallback::None,
                members,
            }],
            agents: ids.iter().map(agent).collect(),
            pages: Vec::new(),
        };
        let waiting = agents * CAPACITY / 2;
        let visitors =
            (0..waiting).filter_map(|number| VisitorId::new(&format!("visitor-{number}"))).collect();
        let mut floor = Floor { router: Router::new(&config)?, pool, visitors, decisions };
        for visitor in &floor.visitors {
            floor.router.route(&floor.pool, visitor, None)?;
        }
        Ok(floor)
    }

    /// Leads a second that are decided, assigned and, later, released: half of all slots are taken at any time
    pub(crate) fn measure(&mut self) -> Result<f64> {
        let Floor { router, pool, visitors, decisions } = self;
        let begun = Instant::now();
        for visitor in visitors.iter().cycle().take(*decisions) {
            // The one who was there longest leaves and comes back.
            black_box(router.release(visitor));
            black_box(router.route(pool, visitor, None)?);
        }
        Ok(*decisions as f64 / begun.elapsed().as_secs_f64())
    }
}
