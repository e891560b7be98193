//! An agent at work: who they are, their pools and leads, and the signs of life of their socket.

use chrono::{DateTime, Utc};
use contract::{AgentDesk, AgentLead, AgentPool};
use policy::routing::AgentStatus;
use uuid::Uuid;

use crate::routing::{StatusColumn, rank_of};
use crate::{SqlError, Transaction, wire};

/// The agent whom a person signs in as, in the caller's organisation
pub async fn find_by_user(tx: &mut Transaction, user_id: Uuid) -> Result<Option<Uuid>, SqlError> {
    let found: Option<(Uuid,)> = sqlx::query_as(
        "select id from public.agent_profiles
          where org_id = (select public.current_org_id()) and user_id = $1 and retired_at is null",
    )
    .bind(user_id)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(found.map(|(id,)| id))
}

/// What an agent's page shows, but for the pools, and the socket that speaks for the agent; None for an agent whom the
/// organisation does not have
pub async fn desk(
    tx: &mut Transaction,
    agent_id: Uuid,
) -> Result<Option<(AgentDesk, Option<Uuid>)>, SqlError> {
    type Row = (String, i32, Option<StatusColumn>, Option<DateTime<Utc>>, Option<Uuid>);
    let found: Option<Row> = sqlx::query_as(
        "select a.display_name, a.capacity, p.status, p.since, p.socket_id
           from public.agent_profiles a
           left join public.agent_presence p on p.org_id = a.org_id and p.agent_id = a.id
          where a.org_id = (select public.current_org_id()) and a.id = $1 and a.retired_at is null",
    )
    .bind(agent_id)
    .fetch_optional(&mut **tx)
    .await?;
    let Some((display_name, capacity, status, since, socket_id)) = found else { return Ok(None) };
    type LeadRow = (
        Uuid,
        Uuid,
        String,
        Option<String>,
        Option<String>,
        Option<String>,
        DateTime<Utc>,
        DateTime<Utc>,
        bool,
        Option<String>,
    );
    let leads: Vec<LeadRow> = sqlx::query_as(
        "select l.id, l.pool_id, p.name, l.page_url, l.name, l.contact, l.arrived_at, a.at, l.state = 'in_call', a.trace ->> 'reason'
           from public.leads l
           join public.lead_assignments a on a.org_id = l.org_id and a.decision_no = l.assignment_no
           join public.agent_pools p on p.org_id = l.org_id and p.id = l.pool_id
          where l.org_id = (select public.current_org_id()) and l.agent_id = $1 and l.state in ('assigned', 'in_call')
          order by a.decision_no",
    )
    .bind(agent_id)
    .fetch_all(&mut **tx)
    .await?;
    let desk = AgentDesk {
        agent_id: agent_id.to_string(),
        display_name,
        status: status.map_or(AgentStatus::Offline, AgentStatus::from),
        status_since: since.map(wire::instant),
        capacity: wire::revision(capacity),
        pools: None,
        leads: leads
            .into_iter()
            .map(
                |(
                    id,
                    pool_id,
                    pool_name,
                    page_url,
                    name,
                    contact,
                    arrived_at,
                    assigned_at,
                    is_in_call,
                    reason,
                )| {
                    AgentLead {
                        lead_id: id.to_string(),
                        pool_id: pool_id.to_string(),
                        pool_name,
                        page_url,
                        name,
                        contact,
                        arrived_at: wire::instant(arrived_at),
                        assigned_at: wire::instant(assigned_at),
                        is_in_call,
                        reason: reason.unwrap_or_default(),
                    }
                },
            )
            .collect(),
    };
    Ok(Some((desk, socket_id)))
}

/// The pools of an agent, by rank and name; an error is never to be taken for none
pub async fn pools(tx: &mut Transaction, agent_id: Uuid) -> Result<Vec<AgentPool>, SqlError> {
    let rows: Vec<(Uuid, String, i32)> = sqlx::query_as(
        "select p.id, p.name, m.priority_rank
           from public.agent_pool_members m
           join public.agent_pools p on p.org_id = m.org_id and p.id = m.pool_id
          where m.org_id = (select public.current_org_id()) and m.agent_profile_id = $1
          order by m.priority_rank, lower(p.name), p.id",
    )
    .bind(agent_id)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(pool_id, name, rank)| AgentPool {
            pool_id: pool_id.to_string(),
            name,
            priority_rank: rank_of(rank),
        })
        .collect())
}

/// Notes that the agent of a socket is at the desk; false where another socket has taken over
///
/// Takes no lock: only whoever finds the agent silent does. Run as [`Actor::lead_router`](crate::Actor::lead_router).
pub async fn heard_of(tx: &mut Transaction, agent_id: Uuid, socket_id: Uuid) -> Result<bool, SqlError> {
    let heard = sqlx::query(
        "update public.agent_presence set seen_at = public.app_now()
          where org_id = (select public.current_org_id()) and agent_id = $1 and socket_id = $2",
    )
    .bind(agent_id)
    .bind(socket_id)
    .execute(&mut **tx)
    .await?;
    Ok(heard.rows_affected() == 1)
}

/// Notes that a socket is closed: ten seconds later its agent is offline, unless there is another by then
pub async fn closed(tx: &mut Transaction, agent_id: Uuid, socket_id: Uuid) -> Result<(), SqlError> {
    sqlx::query(
        "update public.agent_presence set disconnected_at = public.app_now()
          where org_id = (select public.current_org_id()) and agent_id = $1 and socket_id = $2 and disconnected_at is null",
    )
    .bind(agent_id)
    .bind(socket_id)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
