//! What a server remembers of an organisation's routing between two decisions: the router, the open leads, who waits.
//!
//! It is a copy. The truth is in the database, and before anything is decided the copy is brought up to it under the lock
//! ([`Memory::follow`]); where anything is doubtful it is thrown away and read again.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use db::SqlError;
use db::routing::{Change, Loaded, Pool, agent_id_of, org_id_of, pool_id_of, visitor_id_of};
use policy::routing::{
    AgentId, AgentStatus, Assignment, AssignmentOrder, OrgId, PoolId, Router, RoutingError, VisitorId,
};
use uuid::Uuid;

/// Why the copy cannot be trusted any longer
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Database(#[from] SqlError),
    #[error("the router refuses what is recorded: {0}")]
    Router(#[from] RoutingError),
    #[error("recorded is an id that is none: {0}")]
    Id(#[from] uuid::Error),
}

/// A lead that has not ended
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lead {
    pub(super) visitor: Uuid,
    pub(super) pool: Uuid,
    pub(super) arrived_at: DateTime<Utc>,
    /// The agent, and the number of the decision that it was.
    pub(super) held: Option<(Uuid, i64)>,
    pub(super) is_in_call: bool,
    pub(super) wait_until: Option<DateTime<Utc>>,
}

/// Whether an agent is there
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Agent {
    pub(super) display_name: String,
    pub(super) status: AgentStatus,
    pub(super) since: Option<DateTime<Utc>>,
    pub(super) socket: Option<Uuid>,
    pub(super) process: Option<Uuid>,
}

#[derive(Debug)]
pub(super) struct Memory {
    /// Number of the last change that is in it.
    pub(super) sequence: i64,
    pub(super) router: Router,
    pub(super) org: OrgId,
    pub(super) pools: HashMap<Uuid, Pool>,
    pub(super) agents: HashMap<Uuid, Agent>,
    pub(super) leads: HashMap<Uuid, Lead>,
    /// The open lead of a visitor in a pool.
    pub(super) by_visitor: HashMap<(Uuid, Uuid), Uuid>,
    /// By pool, first come first.
    pub(super) waiting: HashMap<Uuid, BTreeSet<(DateTime<Utc>, Uuid)>>,
    /// Public keys and the pages that may use them.
    pub(super) keys: HashMap<String, Vec<String>>,
}

impl Memory {
    pub(super) fn new(org_id: Uuid, sequence: i64, loaded: Loaded) -> Result<Self, Fault> {
        let mut memory = Self {
            sequence,
            router: Router::restore(&loaded.config, &loaded.state)?,
            org: org_id_of(org_id)?,
            pools: loaded.pools.into_iter().map(|pool| (pool.id, pool)).collect(),
            agents: HashMap::new(),
            leads: HashMap::new(),
            by_visitor: HashMap::new(),
            waiting: HashMap::new(),
            keys: loaded.keys.into_iter().collect(),
        };
        for agent in loaded.agents {
            let db::routing::Agent { id, display_name, status, since, socket_id, process_id } = agent;
            let agent = Agent { display_name, status, since, socket: socket_id, process: process_id };
            memory.agents.insert(id, agent);
        }
        for lead in loaded.leads {
            memory.by_visitor.insert((lead.visitor_id, lead.pool_id), lead.id);
            if lead.wait_until.is_some() {
                memory.waiting.entry(lead.pool_id).or_default().insert((lead.arrived_at, lead.id));
            }
            memory.leads.insert(
                lead.id,
                Lead {
                    visitor: lead.visitor_id,
                    pool: lead.pool_id,
                    arrived_at: lead.arrived_at,
                    held: lead.agent_id.zip(lead.assignment_no),
                    is_in_call: lead.is_in_call,
                    wait_until: lead.wait_until,
                },
            );
        }
        Ok(memory)
    }

    /// Takes over a change that another server made; false where everything has to be read again
    pub(super) fn follow(&mut self, no: i64, change: &Change) -> Result<bool, Fault> {
        match change {
            Change::Assign { lead, pool, agent, fallback, .. } => {
                let (pool_id, agent_id) = (pool_id_of(*pool)?, agent_id_of(*agent)?);
                self.router.record_assignment(&Assignment {
                    visitor_id: visitor_id_of(*lead)?,
                    pool_id: pool_id.clone(),
                    agent_id: agent_id.clone(),
                    fallback: *fallback,
                    is_in_call: false,
                })?;
                let assignment_order = u64::try_from(no).unwrap_or(0);
                self.router.record_order(&AssignmentOrder { pool_id, agent_id, assignment_order })?;
            }
            Change::Release { lead } => {
                self.router.release(&visitor_id_of(*lead)?);
            }
            Change::Call { lead } => {
                if let Some(known) = self.leads.get(lead) {
                    self.router.set_in_call(&visitor_id_of(*lead)?, &pool_id_of(known.pool)?, true);
                }
            }
            Change::Status { agent, status } => self.router.set_status(&agent_id_of(*agent)?, *status)?,
            Change::Memberships { agent, memberships } => {
                self.router.set_memberships(&agent_id_of(*agent)?, memberships)?;
            }
            Change::Configuration => return Ok(false),
            Change::Wait { .. } | Change::Unwait { .. } | Change::Miss { .. } | Change::Socket { .. } => {}
        }
        self.note(no, change);
        Ok(true)
    }

    /// Remembers what the router does not, of a change of any server
    pub(super) fn note(&mut self, no: i64, change: &Change) {
        self.sequence = no;
        match change {
            Change::Assign { lead, visitor, pool, agent, arrived_at, .. } => {
                self.by_visitor.insert((*visitor, *pool), *lead);
                self.leads.insert(
                    *lead,
                    Lead {
                        visitor: *visitor,
                        pool: *pool,
                        arrived_at: *arrived_at,
                        held: Some((*agent, no)),
                        is_in_call: false,
                        wait_until: None,
                    },
                );
            }
            Change::Wait { lead, visitor, pool, arrived_at, wait_until } => {
                self.by_visitor.insert((*visitor, *pool), *lead);
                self.waiting.entry(*pool).or_default().insert((*arrived_at, *lead));
                self.leads.insert(
                    *lead,
                    Lead {
                        visitor: *visitor,
                        pool: *pool,
                        arrived_at: *arrived_at,
                        held: None,
                        is_in_call: false,
                        wait_until: Some(*wait_until),
                    },
                );
            }
            // Whoever gives it to another, or lets it wait, says so next.
            Change::Release { lead } | Change::Unwait { lead } => {
                if let Some(known) = self.leads.remove(lead) {
                    self.by_visitor.remove(&(known.visitor, known.pool));
                    if let Some(waiting) = self.waiting.get_mut(&known.pool) {
                        waiting.remove(&(known.arrived_at, *lead));
                    }
                }
            }
            Change::Call { lead } => {
                if let Some(known) = self.leads.get_mut(lead) {
                    known.is_in_call = true;
                }
            }
            Change::Status { agent, status } => {
                if let Some(known) = self.agents.get_mut(agent) {
                    known.status = *status;
                }
            }
            Change::Socket { agent, socket, process } => {
                if let Some(known) = self.agents.get_mut(agent) {
                    (known.socket, known.process) = (*socket, *process);
                }
            }
            Change::Miss { .. } | Change::Memberships { .. } | Change::Configuration => {}
        }
    }

    /// Whose pages have to hear of a change: agents and leads; it is asked before the change is noted
    pub(super) fn concerned(&self, change: &Change) -> [Option<Uuid>; 2] {
        match change {
            Change::Assign { lead, agent, .. } => [Some(*lead), Some(*agent)],
            Change::Release { lead } | Change::Call { lead } => {
                let agent = self.leads.get(lead).and_then(|lead| lead.held).map(|(agent, _)| agent);
                [Some(*lead), agent]
            }
            Change::Wait { lead, .. } | Change::Unwait { lead } | Change::Miss { lead, .. } => {
                [Some(*lead), None]
            }
            Change::Status { agent, .. }
            | Change::Socket { agent, .. }
            | Change::Memberships { agent, .. } => [Some(*agent), None],
            Change::Configuration => [None, None],
        }
    }

    /// How many wait in a pool
    pub(super) fn waiting_in(&self, pool: Uuid) -> usize {
        self.waiting.get(&pool).map_or(0, BTreeSet::len)
    }

    /// The place of a waiting lead, 1 being next
    pub(super) fn place_of(&self, id: Uuid) -> Option<u32> {
        let lead = self.leads.get(&id).filter(|lead| lead.wait_until.is_some())?;
        let before = self.waiting.get(&lead.pool)?.range(..(lead.arrived_at, id)).count();
        u32::try_from(before + 1).ok()
    }

    /// Whether somebody who waits could be served now
    pub(super) fn could_serve(&self) -> bool {
        self.waiting.iter().any(|(pool, waiting)| {
            let Some((_, lead)) = waiting.first() else { return false };
            let ids: Result<(PoolId, VisitorId), SqlError> =
                pool_id_of(*pool).and_then(|pool| Ok((pool, visitor_id_of(*lead)?)));
            ids.is_ok_and(|(pool, visitor)| {
                self.router.decide(&pool, &visitor, None).is_ok_and(|decision| decision.agent_id.is_some())
            })
        })
    }
}

/// Our id of the router's
pub(super) fn uuid_of_agent(agent: &AgentId) -> Result<Uuid, Fault> {
    Ok(agent.as_str().parse()?)
}

/// Our id of the router's
pub(super) fn uuid_of_lead(visitor: &VisitorId) -> Result<Uuid, Fault> {
    Ok(visitor.as_str().parse()?)
}

/// Our id of the router's
pub(super) fn uuid_of_pool(pool: &PoolId) -> Result<Uuid, Fault> {
    Ok(pool.as_str().parse()?)
}
