//! Who takes the next lead: pools of agents with priority ranks, and the decision with its trace.
//!
//! A [`Router`] holds pools, agents and who serves whom, and answers in O(log n). It reads no clock and keeps no
//! secret: the same calls give the same answers natively and in the browser, whatever the order in which agents
//! were listed.
//!
//! # The rule
//!
//! 1. A visitor who has an agent in the pool keeps that agent and uses no second slot, whatever has become of
//!    the agent's status: only [`reassign`](Router::reassign) and [`release`](Router::release) take an agent away.
//! 2. Rank groups are tried from rank 1 up. A group is left only when every member of it is unavailable.
//! 3. Within a group an idle agent with no load always wins: the longest unassigned first, never assigned being
//!    the oldest, ties to the lowest agent id. Only if there is none, the least loaded wins, ties likewise.
//! 4. When the pool has nobody, the answer is *unavailable*, unless the pool allows the fallback to the other agents of
//!    its organisation, who then form one group of their own without a rank.
//!
//! Load and capacity span pools; the order of assignment is kept for each pool. See [`AgentStatus`] for what each
//! status means to the rule.

mod agent;
mod config;
mod decision;
pub(crate) mod error;
mod ids;
mod pages;
mod router;
mod script;
mod state;
pub(crate) mod tournament;
mod visitors;

pub use agent::{AgentStatus, PriorityRank};
pub use config::{AgentConfig, Fallback, MemberConfig, Membership, PoolConfig, RoutingConfig};
pub use decision::{
    CandidateTrace, Decision, DecisionTrace, GroupTrace, Move, Reason, Reassignment, Refusal, RefusalReason,
    TieBreak, WhyNot,
};
pub use error::{RoutingError, read_json};
pub use ids::{AgentId, OrgId, PoolId, RuleId, VisitorId};
pub use pages::{
    ConditionCheck, OrganisationPages, PageCondition, PageField, PageMatch, PageOperator, PageRule, PageView,
    RuleCheck, RuleVerdict,
};
pub use router::Router;
pub use script::{
    Answer, MembershipStep, ReassignStep, ReleaseStep, RemoveStep, RouteStep, Routed, Script, StatusStep,
    Step,
};
pub use state::{Assignment, AssignmentOrder, RoutingState};
