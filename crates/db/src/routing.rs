//! What routing stands on: its lock, the log of its changes, the state that a server starts from, and what a decision writes.
//!
//! Whoever changes any of it locks the organisation's row of `routing_state` first ([`open`]), applies what others did
//! since, and numbers its own changes on from there ([`write`]): there is one order of changes an organisation, whatever the
//! number of servers. Run as [`Actor::lead_router`](crate::Actor::lead_router).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contract::{LeadRefusal, LeadTrace, LeadTraceGroup};
use policy::routing::{
    AgentConfig, AgentId, AgentStatus, Assignment, AssignmentOrder, DecisionTrace, Fallback, MemberConfig,
    Membership, OrgId, OrganisationPages, PageRule, PoolConfig, PoolId, PriorityRank, RoutingConfig,
    RoutingState, VisitorId,
};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgListener;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{Actor, Database, SqlError, Transaction};

/// Refusals of a group that a trace names
const NAMED_MAX: usize = 50;
const CHANNEL: &str = "dragonfly_routing";
/// Changes that are still applied one by one; beyond, everything is read again
const CHANGES_MAX: i32 = 50_000;

/// One change of what routing stands on, as `routing_log` keeps it
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Change {
    /// An agent was given a lead.
    Assign {
        lead: Uuid,
        visitor: Uuid,
        pool: Uuid,
        agent: Uuid,
        /// None for a fallback.
        rank: Option<PriorityRank>,
        fallback: bool,
        arrived_at: DateTime<Utc>,
    },
    /// The lead is no longer with its agent.
    Release { lead: Uuid },
    /// The lead is in a call with its agent.
    Call { lead: Uuid },
    /// The lead waits.
    Wait { lead: Uuid, visitor: Uuid, pool: Uuid, arrived_at: DateTime<Utc>, wait_until: DateTime<Utc> },
    /// The lead no longer waits.
    Unwait { lead: Uuid },
    /// Nobody took the lead.
    Miss { lead: Uuid, pool: Option<Uuid> },
    /// An agent's status has changed.
    Status { agent: Uuid, status: AgentStatus },
    /// Another socket, or none, speaks for the agent; and the server that holds it.
    Socket { agent: Uuid, socket: Option<Uuid>, process: Option<Uuid> },
    /// All pools of the agent.
    Memberships { agent: Uuid, memberships: Vec<Membership> },
    /// Anything else of pools, agents, rules or keys: to be read again.
    Configuration,
}

/// What [`open`] found under the lock
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    pub revision: i64,
    /// Number of the last change.
    pub sequence: i64,
    pub now: DateTime<Utc>,
    /// Changes after the one that the caller knows, in their order; None where they are too many to be worth it.
    pub changes: Option<Vec<Change>>,
}

/// Locks the routing of the caller's organisation until the transaction ends
///
/// `known` is the number of the last change that the caller has applied, or -1.
pub async fn open(tx: &mut Transaction, known: i64) -> Result<Opened, SqlError> {
    type Row = (i64, i64, DateTime<Utc>, Option<Json<Vec<Vec<Change>>>>);
    let (revision, sequence, now, changes): Row =
        sqlx::query_as("select revision, sequence, now, changes from public.open_routing($1, $2)")
            .bind(known)
            // Whoever knows nothing reads everything anyway.
            .bind(if known < 0 { 0 } else { CHANGES_MAX })
            .fetch_one(&mut **tx)
            .await?;
    let changes = match changes {
        Some(Json(changes)) => Some(changes.into_iter().flatten().collect()),
        None => (sequence == known).then(Vec::new),
    };
    Ok(Opened { revision, sequence, now, changes })
}

/// The same without the lock: what has been committed, to be shown and not to be decided by
pub async fn look(tx: &mut Transaction, known: i64) -> Result<Option<(i64, i64, Vec<Change>)>, SqlError> {
    let rows: Vec<(i64, i64, Json<Vec<Change>>)> = sqlx::query_as(
        "select last_no, revision, changes from public.routing_log
          where org_id = (select public.current_org_id()) and last_no > $1 order by last_no",
    )
    .bind(known)
    .fetch_all(&mut **tx)
    .await?;
    let Some((last_no, revision, _)) = rows.last() else { return Ok(None) };
    let (last_no, revision) = (*last_no, *revision);
    Ok(Some((last_no, revision, rows.into_iter().flat_map(|(_, _, changes)| changes.0).collect())))
}

/// A pool as routing needs it
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    pub id: Uuid,
    pub name: String,
    pub is_deleted: bool,
    /// Seconds and leads at most; None where nobody waits.
    pub waiting: Option<(i32, i32)>,
}

/// An agent as routing needs it, besides what the configuration has
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    pub id: Uuid,
    pub display_name: String,
    pub status: AgentStatus,
    pub since: Option<DateTime<Utc>>,
    /// Who speaks for the agent.
    pub socket_id: Option<Uuid>,
    pub process_id: Option<Uuid>,
}

/// A lead that has not ended
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct OpenLead {
    pub id: Uuid,
    pub visitor_id: Uuid,
    pub pool_id: Uuid,
    pub agent_id: Option<Uuid>,
    pub assignment_no: Option<i64>,
    pub is_in_call: bool,
    pub is_fallback: bool,
    pub arrived_at: DateTime<Utc>,
    pub wait_until: Option<DateTime<Utc>>,
}

/// Everything that routing of an organisation stands on
#[derive(Debug, Clone)]
pub struct Loaded {
    pub config: RoutingConfig,
    pub state: RoutingState,
    pub pages: OrganisationPages,
    pub pools: Vec<Pool>,
    pub agents: Vec<Agent>,
    /// First come first.
    pub leads: Vec<OpenLead>,
    pub keys: Vec<(String, Vec<String>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "pool_fallback", rename_all = "snake_case")]
pub(crate) enum FallbackColumn {
    None,
    Organisation,
}

impl From<FallbackColumn> for Fallback {
    fn from(fallback: FallbackColumn) -> Self {
        match fallback {
            FallbackColumn::None => Fallback::None,
            FallbackColumn::Organisation => Fallback::Organisation,
        }
    }
}

impl From<Fallback> for FallbackColumn {
    fn from(fallback: Fallback) -> Self {
        match fallback {
            Fallback::None => FallbackColumn::None,
            Fallback::Organisation => FallbackColumn::Organisation,
        }
    }
}

/// `public.agent_status`
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "agent_status", rename_all = "snake_case")]
pub(crate) enum StatusColumn {
    Idle,
    InSimulation,
    InCall,
    Away,
    Offline,
}

impl From<StatusColumn> for AgentStatus {
    fn from(status: StatusColumn) -> Self {
        match status {
            StatusColumn::Idle => AgentStatus::Idle,
            StatusColumn::InSimulation => AgentStatus::InSimulation,
            StatusColumn::InCall => AgentStatus::InCall,
            StatusColumn::Away => AgentStatus::Away,
            StatusColumn::Offline => AgentStatus::Offline,
        }
    }
}

/// Reads all of it; under the lock, or in a transaction that sees one state throughout
pub async fn load(tx: &mut Transaction, org_id: Uuid, revision: i64) -> Result<Loaded, SqlError> {
    let org = org_id_of(org_id)?;
    let leads: Vec<OpenLead> = sqlx::query_as(
        "select l.id, l.visitor_id, l.pool_id, l.agent_id, l.assignment_no, l.state = 'in_call' as is_in_call,
                coalesce(a.is_fallback, false) as is_fallback, l.arrived_at, l.wait_until
           from public.leads l
           left join public.lead_assignments a on a.org_id = l.org_id and a.decision_no = l.assignment_no
          where l.org_id = $1 and l.state in ('waiting', 'assigned', 'in_call')
          order by l.arrived_at, l.id",
    )
    .bind(org_id)
    .fetch_all(&mut **tx)
    .await?;

    type PoolRow = (Uuid, String, bool, bool, FallbackColumn, bool, i32, i32);
    let rows: Vec<PoolRow> = sqlx::query_as(
        "select p.id, p.name, p.deleted_at is not null, p.is_default, p.fallback, p.is_waiting_on, p.wait_seconds_max, p.wait_leads_max
           from public.agent_pools p
          where p.org_id = $1 and (p.deleted_at is null or p.id = any ($2))
          order by p.id",
    )
    .bind(org_id)
    .bind(leads.iter().map(|lead| lead.pool_id).collect::<Vec<_>>())
    .fetch_all(&mut **tx)
    .await?;
    let members: Vec<(Uuid, Uuid, i32)> = sqlx::query_as(
        "select m.pool_id, m.agent_profile_id, m.priority_rank from public.agent_pool_members m
          where m.org_id = $1 order by m.pool_id, m.agent_profile_id",
    )
    .bind(org_id)
    .fetch_all(&mut **tx)
    .await?;
    type AgentRow =
        (Uuid, i32, String, Option<StatusColumn>, Option<DateTime<Utc>>, Option<Uuid>, Option<Uuid>);
    let agents: Vec<AgentRow> = sqlx::query_as(
        "select a.id, a.capacity, a.display_name, p.status, p.since, p.socket_id, p.process_id
           from public.agent_profiles a
           left join public.agent_presence p on p.org_id = a.org_id and p.agent_id = a.id
          where a.org_id = $1 and a.retired_at is null order by a.id",
    )
    .bind(org_id)
    .fetch_all(&mut **tx)
    .await?;
    // The index is skipped from pair to pair, so that it does not matter how many leads there ever were.
    let turns: Vec<(Uuid, Uuid, i64)> = sqlx::query_as(
        "with recursive turns as (
           (select a.pool_id, a.agent_id from public.lead_assignments a where a.org_id = $1 order by a.pool_id, a.agent_id limit 1)
           union all
           select n.pool_id, n.agent_id from turns t cross join lateral (
             select a.pool_id, a.agent_id from public.lead_assignments a
              where a.org_id = $1 and (a.pool_id, a.agent_id) > (t.pool_id, t.agent_id)
              order by a.pool_id, a.agent_id limit 1) n
         )
         select t.pool_id, t.agent_id, (select max(a.decision_no) from public.lead_assignments a
                                         where a.org_id = $1 and a.pool_id = t.pool_id and a.agent_id = t.agent_id)
           from turns t",
    )
    .bind(org_id)
    .fetch_all(&mut **tx)
    .await?;
    let rules: Vec<(Json<PageRule>,)> =
        sqlx::query_as("select r.rule from public.pool_page_rules r where r.org_id = $1 order by r.place")
            .bind(org_id)
            .fetch_all(&mut **tx)
            .await?;
    let keys = sqlx::query_as(
        "select k.key, k.allowed_origins from public.visitor_keys k where k.org_id = $1 and k.revoked_at is null",
    )
    .bind(org_id)
    .fetch_all(&mut **tx)
    .await?;

    let pages = OrganisationPages {
        org_id: org.clone(),
        default_pool_id: match rows.iter().find(|row| row.3) {
            Some(row) => Some(pool_id_of(row.0)?),
            None => None,
        },
        rules: rules.into_iter().map(|(rule,)| rule.0).collect(),
    };
    let mut config = RoutingConfig {
        revision: u64::try_from(revision).unwrap_or(0),
        pages: vec![pages.clone()],
        ..RoutingConfig::default()
    };
    for (id, capacity, _, status, ..) in &agents {
        config.agents.push(AgentConfig {
            id: agent_id_of(*id)?,
            org_id: org.clone(),
            status: status.map_or(AgentStatus::Offline, AgentStatus::from),
            capacity: u32::try_from(*capacity).unwrap_or(0),
        });
    }
    for (id, _, _, _, fallback, ..) in &rows {
        let members = members
            .iter()
            .filter(|(pool_id, ..)| pool_id == id)
            .map(|(_, agent_id, rank)| {
                Ok(MemberConfig { agent_id: agent_id_of(*agent_id)?, priority_rank: rank_of(*rank) })
            })
            .collect::<Result<_, SqlError>>()?;
        config.pools.push(PoolConfig {
            id: pool_id_of(*id)?,
            org_id: org.clone(),
            fallback: (*fallback).into(),
            members,
        });
    }

    let mut state = RoutingState::default();
    let mut assigned: Vec<&OpenLead> = leads.iter().filter(|lead| lead.agent_id.is_some()).collect();
    assigned.sort_by_key(|lead| lead.assignment_no);
    for lead in assigned {
        let Some(agent_id) = lead.agent_id else { continue };
        state.assignments.push(Assignment {
            visitor_id: visitor_id_of(lead.id)?,
            pool_id: pool_id_of(lead.pool_id)?,
            agent_id: agent_id_of(agent_id)?,
            fallback: lead.is_fallback,
            is_in_call: lead.is_in_call,
        });
    }
    for (pool_id, agent_id, decision_no) in turns {
        // Of pools that are deleted and agents who are retired, nothing depends on turns any more.
        let is_known =
            rows.iter().any(|row| row.0 == pool_id) && agents.iter().any(|agent| agent.0 == agent_id);
        if is_known {
            state.orders.push(AssignmentOrder {
                pool_id: pool_id_of(pool_id)?,
                agent_id: agent_id_of(agent_id)?,
                assignment_order: u64::try_from(decision_no).unwrap_or(0),
            });
        }
    }
    let pools = rows
        .into_iter()
        .map(|(id, name, is_deleted, _, _, is_waiting_on, seconds, leads)| Pool {
            id,
            name,
            is_deleted,
            waiting: (is_waiting_on && !is_deleted).then_some((seconds, leads)),
        })
        .collect();
    Ok(Loaded {
        config,
        state,
        pages,
        pools,
        agents: agents
            .into_iter()
            .map(|(id, _, display_name, status, since, socket_id, process_id)| Agent {
                id,
                display_name,
                status: status.map_or(AgentStatus::Offline, AgentStatus::from),
                since,
                socket_id,
                process_id,
            })
            .collect(),
        leads,
        keys,
    })
}

/// Ids of ours are 36 characters, which every kind of id can be
fn id_of<T>(id: Option<T>) -> Result<T, SqlError> {
    id.ok_or_else(|| SqlError::Decode("an id that the router does not take".into()))
}

pub fn org_id_of(id: Uuid) -> Result<OrgId, SqlError> {
    id_of(OrgId::new(&id.to_string()))
}

pub fn pool_id_of(id: Uuid) -> Result<PoolId, SqlError> {
    id_of(PoolId::new(&id.to_string()))
}

pub fn agent_id_of(id: Uuid) -> Result<AgentId, SqlError> {
    id_of(AgentId::new(&id.to_string()))
}

/// A lead is a visitor to the router: somebody who comes twice has a lead for each
pub fn visitor_id_of(id: Uuid) -> Result<VisitorId, SqlError> {
    id_of(VisitorId::new(&id.to_string()))
}

/// The table's check admits nothing but 1 to 99
pub(crate) fn rank_of(rank: i32) -> PriorityRank {
    u8::try_from(rank).ok().and_then(PriorityRank::new).unwrap_or_default()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeadState {
    Waiting,
    Assigned,
    InCall,
    Ended,
    Missed,
}

/// A row of `public.leads`, which a batch adds
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeadRow {
    pub org_id: Uuid,
    pub id: Uuid,
    pub visitor_id: Uuid,
    pub pool_id: Option<Uuid>,
    pub page_url: Option<String>,
    pub name: Option<String>,
    pub contact: Option<String>,
    pub arrived_at: DateTime<Utc>,
    #[serde(flatten)]
    pub standing: LeadStanding,
}

/// Where a lead stands, which a batch changes
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LeadStanding {
    pub state: LeadState,
    pub agent_id: Option<Uuid>,
    pub assignment_no: Option<i64>,
    pub wait_until: Option<DateTime<Utc>>,
    pub accepted_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AssignmentRow {
    pub org_id: Uuid,
    pub decision_no: i64,
    pub lead_id: Uuid,
    pub pool_id: Uuid,
    pub agent_id: Uuid,
    /// `arrival`, `waiting`, `reassigned` or `declined`.
    pub cause: &'static str,
    pub priority_rank: Option<PriorityRank>,
    pub is_fallback: bool,
    pub revision: i64,
    pub at: DateTime<Utc>,
    pub waited_ms: i64,
    pub trace: LeadTrace,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReleaseRow {
    pub org_id: Uuid,
    pub assignment_no: i64,
    pub change_no: i64,
    /// `ended`, `left`, `declined`, `away` or `disconnected`.
    pub cause: &'static str,
    pub at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MissedRow {
    pub org_id: Uuid,
    pub decision_no: i64,
    pub lead_id: Uuid,
    pub pool_id: Option<Uuid>,
    /// As `public.missed_reason` has them.
    pub reason: &'static str,
    pub revision: i64,
    pub at: DateTime<Utc>,
    pub waited_ms: i64,
    pub trace: LeadTrace,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatusRow {
    pub org_id: Uuid,
    pub change_no: i64,
    pub agent_id: Uuid,
    pub at: DateTime<Utc>,
    pub status: AgentStatus,
    /// `connected`, `agent`, `admin`, `silent`, `disconnected`, `accepted` or `ended`.
    pub cause: &'static str,
}

/// A row of `public.agent_presence` as a batch leaves it
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PresenceRow {
    pub org_id: Uuid,
    pub agent_id: Uuid,
    pub status: AgentStatus,
    pub since: DateTime<Utc>,
    pub seen_at: DateTime<Utc>,
    pub socket_id: Option<Uuid>,
    pub process_id: Option<Uuid>,
    pub disconnected_at: Option<DateTime<Utc>>,
}

/// All that a batch of decisions writes
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Writes {
    /// Numbered on from the sequence that [`open`] answered, without gaps.
    pub changes: Vec<Change>,
    pub leads: Vec<LeadRow>,
    pub moved: Vec<(Uuid, LeadStanding)>,
    pub assignments: Vec<AssignmentRow>,
    pub releases: Vec<ReleaseRow>,
    pub missed: Vec<MissedRow>,
    pub statuses: Vec<StatusRow>,
    pub presences: Vec<PresenceRow>,
}

/// Writes a batch into the transaction that holds the lock; `opened` is what [`open`] answered
pub async fn write(
    tx: &mut Transaction,
    org_id: Uuid,
    opened: &Opened,
    writes: &Writes,
) -> Result<(), SqlError> {
    // First, and by themselves: a visitor whose lead has ended may have a new one in the same batch.
    if !writes.moved.is_empty() {
        #[derive(Serialize)]
        struct Moved<'a> {
            id: &'a Uuid,
            #[serde(flatten)]
            standing: &'a LeadStanding,
        }
        let moved: Vec<Moved> = writes.moved.iter().map(|(id, standing)| Moved { id, standing }).collect();
        sqlx::query(
            "update public.leads l
                set state = m.state, agent_id = m.agent_id, assignment_no = m.assignment_no, wait_until = m.wait_until,
                    accepted_at = coalesce(m.accepted_at, l.accepted_at), ended_at = m.ended_at
               from jsonb_populate_recordset(null::public.leads, $2) m
              where l.org_id = $1 and l.id = m.id",
        )
        .bind(org_id)
        .bind(Json(moved))
        .execute(&mut **tx)
        .await?;
    }
    if !writes.presences.is_empty() {
        sqlx::query(
            "insert into public.agent_presence
             select * from jsonb_populate_recordset(null::public.agent_presence, $1)
             on conflict (org_id, agent_id) do update
               set status = excluded.status, since = excluded.since, socket_id = excluded.socket_id, process_id = excluded.process_id,
                   -- Signs of life and of its end are written past the lock.
                   seen_at = greatest(agent_presence.seen_at, excluded.seen_at),
                   disconnected_at = case when agent_presence.socket_id is not distinct from excluded.socket_id
                                          then agent_presence.disconnected_at end",
        )
        .bind(Json(&writes.presences))
        .execute(&mut **tx)
        .await?;
    }
    if !writes.releases.is_empty() || !writes.missed.is_empty() || !writes.statuses.is_empty() {
        sqlx::query(
            "with missed as (
               insert into public.missed_leads select * from jsonb_populate_recordset(null::public.missed_leads, $1)
             ), leads as (
               insert into public.leads select * from jsonb_populate_recordset(null::public.leads, $2)
             ), assignments as (
               insert into public.lead_assignments select * from jsonb_populate_recordset(null::public.lead_assignments, $3)
             ), statuses as (
               insert into public.agent_status_events select * from jsonb_populate_recordset(null::public.agent_status_events, $4)
             )
             insert into public.lead_releases select * from jsonb_populate_recordset(null::public.lead_releases, $5)",
        )
        .bind(Json(&writes.missed))
        .bind(Json(&writes.leads))
        .bind(Json(&writes.assignments))
        .bind(Json(&writes.statuses))
        .bind(Json(&writes.releases))
        .execute(&mut **tx)
        .await?;
    } else if !writes.leads.is_empty() || !writes.assignments.is_empty() {
        // What nearly every batch is.
        sqlx::query(
            "with leads as (
               insert into public.leads select * from jsonb_populate_recordset(null::public.leads, $1)
             )
             insert into public.lead_assignments select * from jsonb_populate_recordset(null::public.lead_assignments, $2)",
        )
        .bind(Json(&writes.leads))
        .bind(Json(&writes.assignments))
        .execute(&mut **tx)
        .await?;
    }
    let last_no = opened.sequence + writes.changes.len() as i64;
    sqlx::query(
        "with numbered as (
           update public.routing_state set sequence = $2 where org_id = $1
         ), logged as (
           insert into public.routing_log (org_id, first_no, last_no, revision, changes) values ($1, $3, $2, $4, $5)
         )
         select pg_notify($6, $1 || ' ' || $2)",
    )
    .bind(org_id)
    .bind(last_no)
    .bind(opened.sequence + 1)
    .bind(opened.revision)
    .bind(Json(&writes.changes))
    .bind(CHANNEL)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A trace as it is kept: who was available is counted, who refused is named up to a number
pub fn kept(trace: &DecisionTrace) -> LeadTrace {
    let tie_break = trace.tie_break.and_then(|by| serde_json::to_value(by).ok());
    LeadTrace {
        reason: trace.decision.reason.to_string(),
        tie_break: tie_break.and_then(|by| by.as_str().map(str::to_owned)),
        groups: trace
            .groups
            .iter()
            .map(|group| {
                let mut refused: BTreeMap<String, u32> = BTreeMap::new();
                for refusal in &group.refused {
                    *refused.entry(refusal.why.as_str().to_owned()).or_default() += 1;
                }
                LeadTraceGroup {
                    priority_rank: group.priority_rank.map(|rank| rank.number()),
                    is_reached: group.is_reached,
                    available: u32::try_from(group.candidates.len()).unwrap_or(u32::MAX),
                    refused,
                    named: group
                        .refused
                        .iter()
                        .take(NAMED_MAX)
                        .map(|refusal| LeadRefusal {
                            agent_id: refusal.agent_id.as_str().to_owned(),
                            why: refusal.why.as_str().to_owned(),
                        })
                        .collect(),
                }
            })
            .collect(),
    }
}

/// What is due in the caller's organisation
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Due {
    /// Agents who were silent for two minutes.
    pub silent: Vec<Uuid>,
    /// Agents whose socket has been gone for ten seconds.
    pub gone: Vec<Uuid>,
    /// Leads that have waited as long as they may.
    pub waited: Vec<Uuid>,
    /// Leads whose visitor has not been heard of for a minute.
    pub left: Vec<Uuid>,
}

/// What is due now; under the lock
pub async fn due(tx: &mut Transaction) -> Result<Due, SqlError> {
    let rows: Vec<(String, Uuid)> =
        sqlx::query_as("select kind, id from public.routing_due_here()").fetch_all(&mut **tx).await?;
    let of = |kind: &str| rows.iter().filter(|row| row.0 == kind).map(|row| row.1).collect();
    Ok(Due { silent: of("silent"), gone: of("gone"), waited: of("waited"), left: of("left") })
}

/// Says that a server is there, and answers the organisations in which something is due; with `is_waiting_due` also those
/// in which leads wait, however long
pub async fn tick(db: &Database, process_id: Uuid, is_waiting_due: bool) -> Result<Vec<Uuid>, SqlError> {
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    sqlx::query(
        "insert into public.server_processes (id) values ($1)
         on conflict (id) do update set seen_at = public.app_now()",
    )
    .bind(process_id)
    .execute(&mut *tx)
    .await?;
    let due: Vec<(Uuid,)> =
        sqlx::query_as("select public.routing_due($1)").bind(is_waiting_due).fetch_all(&mut *tx).await?;
    tx.commit().await?;
    Ok(due.into_iter().map(|(org_id,)| org_id).collect())
}

/// Takes a server that ends, and those that nobody has seen for a day, from the list; sockets that it held are gone at once
pub async fn end_process(db: &Database, process_id: Uuid) -> Result<(), SqlError> {
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    sqlx::query(
        "with closed as (
           update public.agent_presence set disconnected_at = coalesce(disconnected_at, public.app_now()) where process_id = $1
         )
         delete from public.server_processes where id = $1 or seen_at < public.app_now() - interval '1 day'",
    )
    .bind(process_id)
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

/// Hears of every organisation's changes, on a connection of its own
#[derive(Debug)]
pub struct RoutingListener {
    listener: PgListener,
}

impl RoutingListener {
    /// Begins to listen
    pub async fn connect(db: &Database) -> Result<Self, SqlError> {
        Ok(Self { listener: db.listen(&[CHANNEL]).await? })
    }

    /// The organisation of the next change, and its number where it is known; None where some may have been missed
    pub async fn next(&mut self) -> Result<Option<(Uuid, Option<i64>)>, SqlError> {
        loop {
            let Some(notification) = self.listener.try_recv().await? else {
                return Ok(None);
            };
            let mut words = notification.payload().split(' ');
            match words.next().map(str::parse) {
                Some(Ok(org_id)) => return Ok(Some((org_id, words.next().and_then(|no| no.parse().ok())))),
                _ => tracing::warn!(payload = notification.payload(), "routing_notice_unreadable"),
            }
        }
    }
}
