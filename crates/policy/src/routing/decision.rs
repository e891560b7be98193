//! What the router answers: who takes a lead and why, and what becomes of visitors whose agent leaves.

use std::fmt;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{AgentId, AgentStatus, PoolId, PriorityRank, VisitorId};

/// Who takes a lead, in O(log n)
///
/// In JSON `{"agent_id": "a", "priority_rank": 1, "fallback": false, "reason": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// `None` is *unavailable*.
    pub agent_id: Option<AgentId>,
    /// The rank of the group that the agent was chosen from; `None` where nobody was, and for a fallback.
    pub priority_rank: Option<PriorityRank>,
    /// Whether the agent comes from the organisation instead of the pool.
    pub fallback: bool,
    /// Why this one.
    pub reason: Reason,
}

/// Why a decision is as it is; a sentence in JSON
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The visitor has this agent in this pool.
    AlreadyAssigned,
    /// Idle, no load, and longest unassigned in the pool.
    LongestUnassigned {
        /// `None` for the group of a fallback.
        priority_rank: Option<PriorityRank>,
        /// Whether the pool has never assigned anyone to the agent.
        is_never_assigned: bool,
    },
    /// Nobody of the group is idle without load; this one has the least.
    LeastLoaded {
        /// `None` for the group of a fallback.
        priority_rank: Option<PriorityRank>,
        /// Slots in use, before this lead.
        load: u32,
        /// Slots.
        capacity: u32,
    },
    /// Every agent who was asked is unavailable, or there is none.
    Unavailable {
        /// Whether the organisation was asked too.
        is_fallback_tried: bool,
    },
}

impl Reason {
    /// `already_assigned`, `longest_unassigned`, `least_loaded` or `unavailable`.
    pub const fn code(self) -> &'static str {
        match self {
            Reason::AlreadyAssigned => "already_assigned",
            Reason::LongestUnassigned { .. } => "longest_unassigned",
            Reason::LeastLoaded { .. } => "least_loaded",
            Reason::Unavailable { .. } => "unavailable",
        }
    }
}

/// The group of a decision in words
struct Group(Option<PriorityRank>);

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(rank) => write!(f, "rank {rank}"),
            None => f.write_str("the organisation"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Reason::AlreadyAssigned => f.write_str("the visitor has this agent in this pool"),
            Reason::LongestUnassigned { priority_rank, is_never_assigned: true } => {
                write!(f, "idle with no load, never assigned in the pool, of {}", Group(priority_rank))
            }
            Reason::LongestUnassigned { priority_rank, is_never_assigned: false } => {
                write!(f, "idle with no load, longest unassigned of {}", Group(priority_rank))
            }
            Reason::LeastLoaded { priority_rank, load, capacity } => {
                write!(f, "least loaded of {}, {load} of {capacity} slots in use", Group(priority_rank))
            }
            Reason::Unavailable { is_fallback_tried: false } => {
                f.write_str("nobody in the pool is available")
            }
            Reason::Unavailable { is_fallback_tried: true } => {
                f.write_str("nobody in the pool or the organisation is available")
            }
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A decision with everything that it rests on, in O(n log n)
///
/// In JSON the fields of [`Decision`], then these. The `decision` is the very one that
/// [`Router::decide`](super::Router::decide) gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DecisionTrace {
    /// What was decided.
    #[serde(flatten)]
    pub decision: Decision,
    /// Everyone who was asked and refused: of the groups down to the deciding one, by group and agent id.
    pub refused: Vec<Refusal>,
    /// Every rank group of the pool, then the group of the fallback if that was asked; empty where the visitor has an agent already.
    pub groups: Vec<GroupTrace>,
    /// What set the chosen agent apart from the next best of its group; `None` where nobody was chosen.
    pub tie_break: Option<TieBreak>,
    /// The revision of the configuration.
    pub revision: u64,
}

/// An agent who could not take a lead
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Who.
    pub agent_id: AgentId,
    /// The first of the reasons that holds, in the order of [`RefusalReason`].
    pub why: RefusalReason,
}

/// Why an agent cannot take a lead
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// Not connected.
    Offline,
    /// Away.
    Away,
    /// In a call.
    InCall,
    /// As many visitors as slots.
    AtCapacity,
    /// Left out of this decision by the caller.
    Excluded,
}

impl RefusalReason {
    /// `offline`, `away`, `in_call`, `at_capacity` or `excluded`.
    pub const fn as_str(self) -> &'static str {
        match self {
            RefusalReason::Offline => "offline",
            RefusalReason::Away => "away",
            RefusalReason::InCall => "in_call",
            RefusalReason::AtCapacity => "at_capacity",
            RefusalReason::Excluded => "excluded",
        }
    }

    /// The words that people see: `in a call` for `in_call`.
    pub const fn label(self) -> &'static str {
        match self {
            RefusalReason::InCall => "in a call",
            RefusalReason::AtCapacity => "at capacity",
            other => other.as_str(),
        }
    }
}

/// One rank group in a decision
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupTrace {
    /// `None` for the group of a fallback.
    pub priority_rank: Option<PriorityRank>,
    /// Whether the group was asked: every group before it had nobody available.
    pub is_reached: bool,
    /// Who was available, best first.
    pub candidates: Vec<CandidateTrace>,
    /// Who was not, by agent id.
    pub refused: Vec<Refusal>,
}

/// An available agent, with what the rule compares
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CandidateTrace {
    /// Who.
    pub agent_id: AgentId,
    /// What the agent is doing.
    pub status: AgentStatus,
    /// Slots in use, over all pools.
    pub load: u32,
    /// Slots.
    pub capacity: u32,
    /// The place in the pool's order of assignment: the lower, the longer unassigned; `None` is never assigned.
    pub assignment_order: Option<u64>,
}

/// What set the chosen agent apart from the next best of its group
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TieBreak {
    /// Nobody else of the group was available.
    OnlyCandidate,
    /// It is idle with no load, the next is not.
    Idle,
    /// It has less load.
    Load,
    /// The pool has assigned nobody to it for longer.
    Order,
    /// All else is equal; its id is lower.
    AgentId,
}

/// Why a decision did not fall on one agent
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum WhyNot {
    /// It did.
    Chosen,
    /// The visitor has another agent in this pool.
    VisitorHasAgent {
        /// Whom.
        agent_id: AgentId,
    },
    /// The agent was asked and refused.
    Refused {
        /// Why.
        refusal: RefusalReason,
    },
    /// A better rank had someone available.
    BetterRank {
        /// The group that decided.
        deciding_rank: PriorityRank,
        /// The agent's own.
        priority_rank: PriorityRank,
    },
    /// Another agent of the group goes first.
    Behind {
        /// Who was chosen.
        agent_id: AgentId,
        /// By what it goes before this agent.
        by: TieBreak,
    },
    /// Not a member, and no fallback was asked.
    NotAMember,
}

/// What became of the visitors of an agent who leaves
///
/// In JSON `{"reassigned": {"v1": "b"}, "unassigned": ["v2"]}`; where `v1` was served by the agent in several pools, the last of
/// [`moves`](Self::moves) counts. The visitors who stay are in neither.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reassignment {
    /// Every visitor who does not stay, in the order in which they were assigned.
    pub moves: Vec<Move>,
    /// The visitors who stay, because they are in a call, in the order in which they were assigned.
    pub stayed: Vec<VisitorId>,
}

/// What became of one visitor
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Move {
    /// Who.
    pub visitor_id: VisitorId,
    /// The pool that the visitor stays in.
    pub pool_id: PoolId,
    /// The new agent, or *unavailable*: then the visitor has no agent in the pool any more.
    #[serde(flatten)]
    pub decision: Decision,
}

impl Reassignment {
    /// The visitors who have a new agent, with that agent.
    pub fn reassigned(&self) -> impl Iterator<Item = (&VisitorId, &AgentId)> {
        self.moves.iter().filter_map(|moved| Some((&moved.visitor_id, moved.decision.agent_id.as_ref()?)))
    }

    /// The visitors for whom the pool had nobody.
    pub fn unassigned(&self) -> impl Iterator<Item = &VisitorId> {
        self.moves.iter().filter(|moved| moved.decision.agent_id.is_none()).map(|moved| &moved.visitor_id)
    }
}

impl Serialize for Reassignment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reassigned: std::collections::BTreeMap<_, _> = self.reassigned().collect();
        let unassigned: Vec<_> = self.unassigned().collect();
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("reassigned", &reassigned)?;
        map.serialize_entry("unassigned", &unassigned)?;
        map.end()
    }
}
