//! Pools, members and agents as a host hands them over.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::pages::OrganisationPages;
use super::{AgentId, AgentStatus, OrgId, PoolId, PriorityRank, RoutingError};
use crate::tier::only_objects;

/// More slots than this are refused for one agent.
const CAPACITY_MAX: u32 = 10_000;

/// Everything a [`Router`](super::Router) starts from
///
/// Read it with [`from_json`](Self::from_json), whose errors name the field; [`check`](Self::check) judges one that was made in Rust.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct RoutingConfig {
    /// Which state of the pools this is; every trace carries it. 0 when missing.
    #[serde(default)]
    pub revision: u64,
    /// The pools of all organisations, each id once.
    pub pools: Vec<PoolConfig>,
    /// The agents of all organisations, each id once.
    pub agents: Vec<AgentConfig>,
    /// The page rules of each organisation, each id once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<OrganisationPages>,
}

/// A pool with its members
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct PoolConfig {
    /// Unique among the pools of all organisations.
    pub id: PoolId,
    /// Whose pool it is.
    pub org_id: OrgId,
    /// What becomes of a visitor for whom the pool has nobody; `none` when missing.
    #[serde(default)]
    pub fallback: Fallback,
    /// The members, each agent once; none when missing.
    #[serde(default)]
    pub members: Vec<MemberConfig>,
}

/// What becomes of a visitor for whom a pool has nobody
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// Unavailable.
    #[default]
    None,
    /// Any other agent of the pool's organisation; together they form one group.
    Organisation,
}

/// An agent in a pool
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct MemberConfig {
    /// An agent of the pool's organisation.
    pub agent_id: AgentId,
    /// 1 when missing.
    #[serde(default)]
    pub priority_rank: PriorityRank,
}

/// A pool of an agent
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Membership {
    /// A pool of the agent's organisation.
    pub pool_id: PoolId,
    /// 1 when missing.
    #[serde(default)]
    pub priority_rank: PriorityRank,
}

/// An agent
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct AgentConfig {
    /// Unique among the agents of all organisations.
    pub id: AgentId,
    /// Whose agent it is.
    pub org_id: OrgId,
    /// What the agent is doing.
    pub status: AgentStatus,
    /// How many visitors the agent has at a time, over all pools; 0 to 10,000, where 0 takes none.
    pub capacity: u32,
}

only_objects!(RoutingConfig, "a routing configuration", and Serialize);
only_objects!(PoolConfig, "a pool", and Serialize);
only_objects!(MemberConfig, "a member", and Serialize);
only_objects!(Membership, "a membership", and Serialize);
only_objects!(AgentConfig, "an agent", and Serialize);

impl RoutingConfig {
    /// Reads JSON text and checks it; errors name the field.
    pub fn from_json(json: &str) -> Result<RoutingConfig, RoutingError> {
        let config: RoutingConfig = super::error::read_json(json, "config")?;
        config.check()?;
        Ok(config)
    }

    /// Refuses what contradicts itself: an id twice, an unknown agent or pool, a member of another organisation.
    pub fn check(&self) -> Result<(), RoutingError> {
        let mut agents: BTreeMap<&AgentId, &OrgId> = BTreeMap::new();
        for (place, agent) in self.agents.iter().enumerate() {
            agent.check(&format!("agents[{place}]"))?;
            if agents.insert(&agent.id, &agent.org_id).is_some() {
                return Err(twice(format!("agents[{place}].id"), agent.id.as_str()));
            }
        }
        let mut pools: BTreeMap<&PoolId, &OrgId> = BTreeMap::new();
        for (place, pool) in self.pools.iter().enumerate() {
            if pools.insert(&pool.id, &pool.org_id).is_some() {
                return Err(twice(format!("pools[{place}].id"), pool.id.as_str()));
            }
            pool.check(&format!("pools[{place}]."), |agent| agents.get(agent).copied())?;
        }
        let mut organisations = BTreeSet::new();
        for (place, pages) in self.pages.iter().enumerate() {
            let path = format!("pages[{place}]");
            if !organisations.insert(&pages.org_id) {
                return Err(twice(format!("{path}.org_id"), pages.org_id.as_str()));
            }
            pages.check(&format!("{path}."))?;
            pages.check_pools(&format!("{path}."), |pool| pools.get(pool).copied())?;
        }
        Ok(())
    }
}

impl AgentConfig {
    pub(super) fn check(&self, path: &str) -> Result<(), RoutingError> {
        let field = || if path.is_empty() { "capacity".to_owned() } else { format!("{path}.capacity") };
        check_capacity(self.capacity, field)
    }
}

pub(super) fn check_capacity(capacity: u32, field: impl FnOnce() -> String) -> Result<(), RoutingError> {
    if capacity > CAPACITY_MAX {
        return Err(RoutingError::new(field(), format!("`{capacity}` is more than {CAPACITY_MAX}")));
    }
    Ok(())
}

impl PoolConfig {
    /// Refuses a member twice, an unknown one, and one of another organisation than the pool's
    ///
    /// `path` is empty or ends in a dot; `org_of` answers the organisation of an agent that there is.
    pub(super) fn check<'a>(
        &self,
        path: &str,
        org_of: impl Fn(&AgentId) -> Option<&'a OrgId>,
    ) -> Result<(), RoutingError> {
        let mut members = BTreeSet::new();
        for (place, member) in self.members.iter().enumerate() {
            let field = || format!("{path}members[{place}].agent_id");
            let agent = &member.agent_id;
            let org = org_of(agent).ok_or_else(|| RoutingError::unknown(field(), "agent", agent.as_str()))?;
            if *org != self.org_id {
                return Err(RoutingError::new(
                    field(),
                    format!("agent `{agent}` belongs to another organisation than pool `{}`", self.id),
                ));
            }
            if !members.insert(agent) {
                return Err(RoutingError::new(field(), format!("agent `{agent}` is a member already")));
            }
        }
        Ok(())
    }
}

pub(super) fn twice(field: String, id: &str) -> RoutingError {
    RoutingError::new(field, format!("`{id}` is there twice"))
}
