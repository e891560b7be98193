//! Pools of agents, who takes the next lead, and what visitors, agents and admins say to each other.
//!
//! Three audiences. **Admins** read and change pools under `/api/pools`, `/api/agents` and `/api/visitor-keys`. An **agent**
//! is a member with an agent profile and speaks over the WebSocket `GET /api/agent/socket`, in [`AgentSays`] and
//! [`AgentHears`]. A **visitor** has no account: `POST /api/leads` with the organisation's public key answers a token, which
//! the other endpoints under `/api/leads` take as `Authorization: Bearer`.
//!
//! A rank is a whole number from 1 to 99; shares and rates are decimal strings.

use std::collections::BTreeMap;

use policy::routing::{AgentStatus, Fallback, PageRule, PriorityRank, RoutingConfig, RoutingState};
use serde::{Deserialize, Serialize};

bodies! {
    // ---- pools ----

    /// `GET /api/pools`: every pool with its members, and every agent
    pub struct PoolsOverview {
        /// Counts the changes of pools, ranks, agents and page rules; a save of ranks or rules names the one that it builds on.
        pub revision: u64,
        /// The default pool first, the others by name.
        pub pools: Vec<PoolDetail>,
        /// By name; those of no pool too.
        pub agents: Vec<AgentDetail>,
    }

    pub struct PoolDetail {
        pub id: String,
        pub name: String,
        /// Takes the pages that no rule names; cannot be deleted.
        pub is_default: bool,
        /// Whom a lead goes to when nobody in the pool is free: `none` or `organisation`.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        pub fallback: Fallback,
        /// `null` where leads that find nobody are turned away at once.
        pub waiting: Option<WaitingList>,
        /// By rank, then by name. [`PoolsOverview::agents`] has the rest of each.
        pub members: Vec<PoolMember>,
        /// Leads that wait now.
        pub waiting_leads: u32,
    }

    /// Leads that find nobody wait, first come first served
    #[derive(Copy, Eq)]
    pub struct WaitingList {
        /// 5 to 3600.
        pub seconds_max: u32,
        /// 1 to 1000.
        pub leads_max: u32,
    }

    pub struct PoolMember {
        pub agent_id: String,
        pub display_name: String,
        #[cfg_attr(feature = "openapi", schema(value_type = u8))]
        pub priority_rank: PriorityRank,
        pub added_at: String,
    }

    pub struct AgentDetail {
        pub id: String,
        pub display_name: String,
        /// Who signs in as this agent; `null` for nobody.
        pub user_id: Option<String>,
        pub email: Option<String>,
        /// What the router sees: `idle`, `in_simulation`, `in_call`, `away` or `offline`.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        pub status: AgentStatus,
        /// Since when.
        pub status_since: Option<String>,
        /// Whether a socket speaks for the agent; else the status stays until an admin changes it.
        pub is_connected: bool,
        /// Leads in hand, over all pools.
        pub load: u32,
        /// Leads at the same time, over all pools: 1 to 1000.
        pub capacity: u32,
    }

    /// `POST /api/pools` and `PUT /api/pools/{id}`
    pub struct SavePool {
        pub name: String,
        #[serde(default)]
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        pub fallback: Fallback,
        #[serde(default)]
        pub waiting: Option<WaitingList>,
    }

    /// What was made; `POST /api/pools`, `POST /api/agents` and `POST /api/visitor-keys`
    pub struct Created { pub id: String }

    /// `POST /api/pools/{id}/members`
    pub struct AddMember {
        pub agent_id: String,
        /// 1 where it is missing.
        #[serde(default)]
        #[cfg_attr(feature = "openapi", schema(value_type = u8))]
        pub priority_rank: PriorityRank,
    }

    /// `PUT /api/pools/{id}/members/{agent_id}`
    pub struct ChangeRank {
        #[cfg_attr(feature = "openapi", schema(value_type = u8))]
        pub priority_rank: PriorityRank,
    }

    /// `PUT /api/pools/{id}/ranks`: all of them or none; members that are not named keep their rank
    pub struct SaveRanks {
        /// The revision that the preview stood on; without it the ranks are saved whatever has changed meanwhile. Refused with
        /// `revision_moved` where it is no longer the newest.
        #[serde(default)]
        pub expected_revision: Option<u64>,
        pub ranks: Vec<AgentRank>,
    }

    pub struct AgentRank {
        pub agent_id: String,
        #[cfg_attr(feature = "openapi", schema(value_type = u8))]
        pub priority_rank: PriorityRank,
    }

    /// What a change of pools answers: the revision that counts from the next decision on, on every server
    #[derive(Copy, Eq)]
    pub struct PoolsRevision { pub revision: u64 }

    /// `GET /api/pools/{id}/history`: one change of a rank, newest first, at most 500
    pub struct RankChange {
        pub at: String,
        pub agent_id: String,
        pub agent_name: String,
        /// `added`, `ranked` or `removed`.
        pub change: String,
        pub old_rank: Option<u8>,
        pub new_rank: Option<u8>,
        /// Who; `null` for what came with the organisation.
        pub actor: Option<String>,
    }

    // ---- page rules ----

    /// `GET /api/pools/page-rules`
    pub struct PageRules {
        pub revision: u64,
        /// The pool of pages that no rule matches.
        pub default_pool_id: String,
        /// In the order in which they are tried; their `priority` descends accordingly.
        #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
        pub rules: Vec<PageRule>,
    }

    /// `PUT /api/pools/page-rules`: replaces all of them; their order counts, not their `priority`
    pub struct SavePageRules {
        /// Refused with `revision_moved` where it is no longer the newest.
        #[serde(default)]
        pub expected_revision: Option<u64>,
        #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
        pub rules: Vec<PageRule>,
    }

    /// `POST /api/pools/page-match`: which pool a page leads to, and why
    pub struct MatchPage {
        /// A URL, or a bare path.
        pub page_url: String,
        /// Rules to try it on, in their order; the saved ones where they are missing.
        #[serde(default)]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<Object>>))]
        pub rules: Option<Vec<PageRule>>,
    }

    // ---- agents ----

    /// `POST /api/agents` and `PUT /api/agents/{id}`
    pub struct SaveAgent {
        pub display_name: String,
        /// A member of the organisation who signs in as this agent.
        #[serde(default)]
        pub user_id: Option<String>,
        /// 1 to 1000; 5 where it is missing.
        #[serde(default = "capacity_default")]
        pub capacity: u32,
    }

    /// `PUT /api/agents/{id}/status`: an admin sets it. `away` and `offline` hand the agent's leads over to others of their pools
    pub struct SetAgentStatus {
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        pub status: AgentStatus,
    }

    /// `GET /api/pools/people`: members of the organisation, to make agents of
    pub struct Person { pub user_id: String, pub display_name: String, pub email: String, pub agent_id: Option<String> }

    // ---- live state, decisions, arrivals ----

    /// `GET /api/pools/routing-state`: all that the next decisions rest on, for `Router::new(config)` and `Router::restore(state)`
    /// in the browser. A visitor of it is a lead, by its id
    pub struct LiveRouting {
        pub revision: u64,
        /// Number of the last change that is in it.
        pub sequence: u64,
        pub taken_at: String,
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub config: RoutingConfig,
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub state: RoutingState,
        /// Leads that wait, first come first.
        pub waiting: Vec<WaitingLead>,
    }

    pub struct WaitingLead { pub lead_id: String, pub pool_id: String, pub page_url: Option<String>, pub arrived_at: String }

    /// The query of `GET /api/pools/decisions`; everything is optional
    #[derive(Default, Eq)]
    #[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
    #[serde(default)]
    pub struct DecisionQuery {
        #[serde(skip_serializing_if = "Option::is_none")] pub pool_id: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] pub agent_id: Option<String>,
        /// Only decisions before this number, to page on.
        #[serde(skip_serializing_if = "Option::is_none")] pub before: Option<u64>,
        /// 1 to 200, default 50.
        #[serde(skip_serializing_if = "Option::is_none")] pub limit: Option<u32>,
    }

    /// One decision about a lead, newest first: somebody took it, or nobody
    pub struct LeadDecision {
        pub decision_no: u64,
        pub at: String,
        pub lead_id: String,
        pub page_url: Option<String>,
        pub pool_id: Option<String>,
        /// `null` where nobody took it.
        pub agent_id: Option<String>,
        pub priority_rank: Option<u8>,
        /// Whether the agent came from the organisation instead of the pool.
        pub is_fallback: bool,
        /// Of an assignment `arrival`, `waiting`, `reassigned` or `declined`; of a missed lead `no_pool`, `unavailable`,
        /// `waiting_full`, `waited_too_long`, `left_waiting`, `not_reassigned` or `declined`.
        pub cause: String,
        pub waited_ms: u64,
        /// Of the pools when it was decided.
        pub revision: u64,
        pub trace: LeadTrace,
    }

    /// What a decision rested on, as it is kept
    #[derive(Default, Eq)]
    pub struct LeadTrace {
        /// A sentence.
        #[serde(default)]
        pub reason: String,
        /// What set the chosen agent apart from the next best of its group: `only_candidate`, `idle`, `load`, `order` or `agent_id`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub tie_break: Option<String>,
        /// Every rank group, best first; then the fallback's, if it was asked.
        #[serde(default)]
        pub groups: Vec<LeadTraceGroup>,
    }

    #[derive(Eq)]
    pub struct LeadTraceGroup {
        /// `null` for the group of a fallback.
        pub priority_rank: Option<u8>,
        /// Whether it was asked: every group before it had nobody available.
        pub is_reached: bool,
        /// How many of it were available.
        pub available: u32,
        /// How many of it were not, by why: `offline`, `away`, `in_call`, `at_capacity` or `excluded`.
        #[serde(default)]
        pub refused: BTreeMap<String, u32>,
        /// The first 50 of these.
        #[serde(default)]
        pub named: Vec<LeadRefusal>,
    }

    #[derive(Eq)]
    pub struct LeadRefusal { pub agent_id: String, pub why: String }

    /// The query of `GET /api/pools/arrivals`
    #[derive(Default, Eq)]
    #[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
    #[serde(default)]
    pub struct ArrivalsQuery {
        /// An ISO date of the organisation's zone, today at the latest; yesterday where it is missing.
        #[serde(skip_serializing_if = "Option::is_none")] pub day: Option<String>,
    }

    /// What a day brought, to replay it under other ranks. Times are milliseconds since the day began
    pub struct DayArrivals {
        pub day: String,
        pub begins_at: String,
        /// Oldest first.
        pub arrivals: Vec<RecordedArrival>,
        /// What each agent was doing when the day began (`at_ms` 0), then every change, in the order in which they happened.
        pub statuses: Vec<RecordedStatus>,
        /// How many leads arrived; at most the first 50,000 are in `arrivals`.
        pub total: u64,
    }

    pub struct RecordedArrival {
        pub lead_id: String,
        pub at_ms: u64,
        /// `null` where the page led to no pool.
        pub pool_id: Option<String>,
        /// Who took it first; `null` where nobody did.
        pub agent_id: Option<String>,
        pub priority_rank: Option<u8>,
        /// How long its agents had it, all together; `null` while they still have it and where nobody took it.
        pub handled_ms: Option<u64>,
        /// Until somebody took it, or it was lost.
        pub waited_ms: u64,
        pub is_lost: bool,
    }

    pub struct RecordedStatus {
        pub at_ms: u64,
        pub agent_id: String,
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        pub status: AgentStatus,
    }

    // ---- statistics ----

    /// The query of `GET /api/pools/statistics`
    #[derive(Default, Eq)]
    #[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
    #[serde(default)]
    pub struct StatisticsQuery {
        /// ISO dates of the organisation's zone, both included, at most 92 days; the last seven where they are missing.
        #[serde(skip_serializing_if = "Option::is_none")] pub from: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] pub to: Option<String>,
        /// One pool; all of them where it is missing.
        #[serde(skip_serializing_if = "Option::is_none")] pub pool_id: Option<String>,
    }

    /// What the tiers of the pools did. Shares and rates are decimal strings with four places, of leads that arrived unless they
    /// say otherwise; `null` where there is nothing to divide by
    pub struct PoolStatistics {
        pub from: String,
        pub to: String,
        pub arrived: u64,
        pub lost: u64,
        /// Each rank group of each pool that took or refused a lead; by pool, then by rank, fallback last.
        pub tiers: Vec<TierStatistics>,
        pub agents: Vec<AgentStatistics>,
        pub hours: Vec<PeriodStatistics>,
        pub days: Vec<PeriodStatistics>,
    }

    pub struct TierStatistics {
        pub pool_id: String,
        /// `null` for the fallback.
        pub priority_rank: Option<u8>,
        /// Leads that a member of the group took first.
        pub taken: u64,
        /// Of the pool's leads that somebody took.
        pub share: Option<String>,
        /// Leads that reached the group: every group before it had refused.
        pub reached: u64,
        /// Of these, those that it passed on: taken further down or lost.
        pub overflow: u64,
        /// Of those that reached it.
        pub overflow_rate: Option<String>,
        /// Leads that were lost after this group had refused them, by what kept most of its members: a lead counts for every group
        /// that refused it.
        pub lost: BTreeMap<String, u64>,
        /// Mean, of the leads that it took.
        pub wait_ms_mean: Option<u64>,
        /// 95 of a hundred waited no longer.
        pub wait_ms_p95: Option<u64>,
        /// Jain's index of the leads that each present member took: 1 is even, 1/n is all to one.
        pub fairness: Option<String>,
    }

    pub struct AgentStatistics {
        pub agent_id: String,
        pub display_name: String,
        pub taken: u64,
        pub declined: u64,
        /// Seconds in which the agent was not offline.
        pub present_seconds: u64,
        /// Seconds of leads in hand, each lead by itself.
        pub busy_seconds: u64,
        /// `busy_seconds` of what the agent's slots could have had while present.
        pub occupancy: Option<String>,
    }

    pub struct PeriodStatistics {
        /// When it begins.
        pub at: String,
        pub arrived: u64,
        pub taken: u64,
        pub lost: u64,
        /// Leads taken by rank, `fallback` too.
        pub by_rank: BTreeMap<String, u64>,
        pub wait_ms_mean: Option<u64>,
    }

    // ---- visitor keys ----

    /// `GET /api/visitor-keys`: what pages of the organisation show to send leads
    pub struct VisitorKey {
        /// `pk_` and 32 hexadecimal digits; no secret.
        pub key: String,
        pub name: String,
        /// Such as `https://www.example.com`. Pages of this server may always use it; programs, which name no origin, too.
        pub allowed_origins: Vec<String>,
        pub created_at: String,
    }

    /// `POST /api/visitor-keys` and `PUT /api/visitor-keys/{key}`
    pub struct SaveVisitorKey { pub name: String, #[serde(default)] pub allowed_origins: Vec<String> }

    // ---- visitors ----

    /// `POST /api/leads`: a visitor asks for an agent
    ///
    /// The header `Idempotency-Key` (16 to 200 characters that nobody can guess) makes it safe to send again: the same key is the
    /// same visitor, and a visitor who has an open lead in a pool is answered with that one.
    #[derive(Default)]
    #[serde(default)]
    pub struct NewLead {
        /// The organisation's public key.
        pub key: String,
        /// The page that the visitor is on, which leads to a pool.
        pub page_url: Option<String>,
        /// The pool, where the page does not decide.
        pub pool_id: Option<String>,
        /// What the visitor wants to be called.
        pub name: Option<String>,
        /// Where the visitor can be reached.
        pub contact: Option<String>,
        /// Of an earlier lead of the same visitor.
        pub token: Option<String>,
    }

    /// Where a lead stands: `POST /api/leads`, `GET /api/leads/{id}`, and each message of `GET /api/leads/{id}/socket?token=`
    pub struct LeadStatus {
        pub lead_id: String,
        pub status: LeadStanding,
        pub agent: Option<VisitorsAgent>,
        /// 1 is next; with `waiting`.
        pub place: Option<u32>,
        /// Seconds until it gives up, with `waiting`.
        pub wait_seconds_left: Option<u32>,
        /// Says who asks; only with `POST /api/leads`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub token: Option<String>,
    }

    #[derive(Copy, Eq)]
    #[serde(rename_all = "snake_case")]
    pub enum LeadStanding {
        /// Nobody is free, and the lead has a place in the waiting list.
        Waiting,
        /// An agent has it and has not answered yet.
        Assigned,
        /// The agent has accepted.
        InCall,
        /// It is over.
        Ended,
        /// Nobody took it.
        Unavailable,
    }

    #[derive(Eq)]
    pub struct VisitorsAgent { pub id: String, pub display_name: String }

    // ---- agents' sockets ----

    /// What an agent's page sends over `GET /api/agent/socket`
    #[derive(Eq)]
    #[serde(tag = "do", rename_all = "snake_case")]
    pub enum AgentSays {
        /// The agent is at the desk; at least once in two minutes while idle, else the agent becomes away.
        Heartbeat,
        /// `idle`, `away` or `offline`; `away` and `offline` hand over leads that are not in a call.
        Status {
            #[cfg_attr(feature = "openapi", schema(value_type = String))]
            status: AgentStatus
        },
        /// Takes the lead: the agent is in a call.
        Accept { lead_id: String },
        /// Gives the lead back: it goes to another of its pool.
        Decline { lead_id: String },
        /// The lead is done.
        End { lead_id: String },
    }

    /// What an agent's page is sent
    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum AgentHears {
        /// Everything that the agent has, after each change of it.
        State(AgentDesk),
        /// What was asked could not be done.
        Refused { detail: String },
        /// Another page of the same agent has taken over, or the session has ended; this one is not to connect again by itself.
        Replaced { detail: String },
    }

    /// `GET /api/agent` and [`AgentHears::State`]
    pub struct AgentDesk {
        pub agent_id: String,
        pub display_name: String,
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        pub status: AgentStatus,
        pub status_since: Option<String>,
        pub capacity: u32,
        /// `null` while they could not be loaded, which is being tried again: never to be taken for none.
        pub pools: Option<Vec<AgentPool>>,
        /// In the order in which they were assigned.
        pub leads: Vec<AgentLead>,
    }

    pub struct AgentPool {
        pub pool_id: String,
        pub name: String,
        #[cfg_attr(feature = "openapi", schema(value_type = u8))]
        pub priority_rank: PriorityRank,
    }

    pub struct AgentLead {
        pub lead_id: String,
        pub pool_id: String,
        pub pool_name: String,
        pub page_url: Option<String>,
        pub name: Option<String>,
        pub contact: Option<String>,
        pub arrived_at: String,
        pub assigned_at: String,
        pub is_in_call: bool,
        /// Why this agent.
        pub reason: String,
    }
}

fn capacity_default() -> u32 {
    5
}
