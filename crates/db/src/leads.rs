//! Leads: where each stands, what was decided of it and why, what a day brought, and the state that previews start from.

use chrono::{DateTime, NaiveDate, Utc};
use contract::{
    DayArrivals, LeadDecision, LeadStanding, LeadStatus, LeadTrace, LiveRouting, RecordedArrival,
    RecordedStatus, VisitorsAgent, WaitingLead,
};
use policy::routing::AgentStatus;
use sqlx::types::Json;
use uuid::Uuid;

use crate::routing::{self, StatusColumn, rank_of};
use crate::{Actor, Database, SqlError, Transaction, wire};

/// Arrivals of a day that are answered
const ARRIVALS_MAX: i64 = 50_000;

/// The organisation that a public key is for; None for a key that there is not, or no longer
///
/// Run as [`Actor::lead_router`](crate::Actor::lead_router) without an organisation.
pub async fn organisation_of_key(tx: &mut Transaction, key: &str) -> Result<Option<Uuid>, SqlError> {
    let (found,): (Option<Uuid>,) =
        sqlx::query_as("select (public.visitor_key($1)).org_id").bind(key).fetch_one(&mut **tx).await?;
    Ok(found)
}

/// The pages that may use a key; None where it is revoked
pub async fn origins_of_key(tx: &mut Transaction, key: &str) -> Result<Option<Vec<String>>, SqlError> {
    let (found,): (Option<Vec<String>>,) = sqlx::query_as("select (public.visitor_key($1)).allowed_origins")
        .bind(key)
        .fetch_one(&mut **tx)
        .await?;
    Ok(found)
}

/// Whether pages of an origin may ask for leads of the caller's organisation by any of its keys
pub async fn is_origin_allowed(tx: &mut Transaction, origin: &str) -> Result<bool, SqlError> {
    let (is_allowed,) = sqlx::query_as(
        "select exists (select from public.visitor_keys k
                         where k.org_id = (select public.current_org_id()) and k.revoked_at is null and $1 = any (k.allowed_origins))",
    )
    .bind(origin)
    .fetch_one(&mut **tx)
    .await?;
    Ok(is_allowed)
}

/// What signs the tokens of the organisation's visitors
pub async fn secret(tx: &mut Transaction) -> Result<Option<Vec<u8>>, SqlError> {
    let found: Option<(Vec<u8>,)> = sqlx::query_as(
        "select secret from public.visitor_secrets where org_id = (select public.current_org_id())",
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(found.map(|(secret,)| secret))
}

/// Where a lead stands; None unless it is the visitor's
pub async fn status(
    tx: &mut Transaction,
    id: Uuid,
    visitor_id: Uuid,
) -> Result<Option<LeadStatus>, SqlError> {
    type Row = (String, Option<Uuid>, Option<String>, Option<i64>, Option<i64>);
    let found: Option<Row> = sqlx::query_as(
        "select l.state::text, a.id, a.display_name,
                case when l.state = 'waiting' then
                  (select count(*) from public.leads o
                    where o.org_id = l.org_id and o.pool_id = l.pool_id and o.state = 'waiting'
                      and (o.arrived_at, o.id) <= (l.arrived_at, l.id)) end,
                greatest(0, ceil(extract(epoch from l.wait_until - public.app_now())))::bigint
           from public.leads l
           left join public.agent_profiles a on a.org_id = l.org_id and a.id = l.agent_id
          where l.org_id = (select public.current_org_id()) and l.id = $1 and l.visitor_id = $2",
    )
    .bind(id)
    .bind(visitor_id)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(found.map(|(state, agent_id, agent_name, place, seconds)| {
        let status = match state.as_str() {
            "waiting" => LeadStanding::Waiting,
            "assigned" => LeadStanding::Assigned,
            "in_call" => LeadStanding::InCall,
            "missed" => LeadStanding::Unavailable,
            _ => LeadStanding::Ended,
        };
        let is_with_agent = matches!(status, LeadStanding::Assigned | LeadStanding::InCall);
        let small = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
        LeadStatus {
            lead_id: id.to_string(),
            status,
            agent: agent_id
                .zip(agent_name)
                .filter(|_| is_with_agent)
                .map(|(id, display_name)| VisitorsAgent { id: id.to_string(), display_name }),
            place: place.map(small),
            wait_seconds_left: seconds.map(small),
            token: None,
        }
    }))
}

/// Notes that a visitor has asked after a lead, at most once in fifteen seconds
pub async fn heard_of(tx: &mut Transaction, id: Uuid) -> Result<(), SqlError> {
    sqlx::query(
        "update public.leads set seen_at = public.app_now()
          where org_id = (select public.current_org_id()) and id = $1 and state in ('waiting', 'assigned', 'in_call')
            and (seen_at is null or seen_at < public.app_now() - interval '15 seconds')",
    )
    .bind(id)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Which decisions to list
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecisionFilter {
    pub pool_id: Option<Uuid>,
    pub agent_id: Option<Uuid>,
    pub before: Option<i64>,
    pub limit: i64,
}

/// Decisions of the caller's organisation, newest first
pub async fn decisions(tx: &mut Transaction, filter: DecisionFilter) -> Result<Vec<LeadDecision>, SqlError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        decision_no: i64,
        at: DateTime<Utc>,
        lead_id: Uuid,
        page_url: Option<String>,
        pool_id: Option<Uuid>,
        agent_id: Option<Uuid>,
        priority_rank: Option<i32>,
        is_fallback: bool,
        cause: String,
        waited_ms: i64,
        revision: i64,
        trace: Json<LeadTrace>,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "select d.*, l.page_url
           from ((select org_id, decision_no, at, lead_id, pool_id, agent_id, priority_rank, is_fallback, cause::text, waited_ms, revision, trace
                    from public.lead_assignments
                   where org_id = (select public.current_org_id()) and ($1::uuid is null or pool_id = $1)
                     and ($2::uuid is null or agent_id = $2) and ($3::bigint is null or decision_no < $3)
                   order by decision_no desc limit $4)
                 union all
                 (select org_id, decision_no, at, lead_id, pool_id, null, null, false, reason::text, waited_ms, revision, trace
                    from public.missed_leads
                   where org_id = (select public.current_org_id()) and ($1::uuid is null or pool_id = $1)
                     and $2::uuid is null and ($3::bigint is null or decision_no < $3)
                   order by decision_no desc limit $4)) d
           join public.leads l on l.org_id = d.org_id and l.id = d.lead_id
          order by d.decision_no desc limit $4",
    )
    .bind(filter.pool_id)
    .bind(filter.agent_id)
    .bind(filter.before)
    .bind(filter.limit)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| LeadDecision {
            decision_no: wire::count(row.decision_no),
            at: wire::instant(row.at),
            lead_id: row.lead_id.to_string(),
            page_url: row.page_url,
            pool_id: row.pool_id.map(|id| id.to_string()),
            agent_id: row.agent_id.map(|id| id.to_string()),
            priority_rank: row.priority_rank.map(|rank| rank_of(rank).number()),
            is_fallback: row.is_fallback,
            cause: row.cause,
            waited_ms: wire::count(row.waited_ms),
            revision: wire::count(row.revision),
            trace: row.trace.0,
        })
        .collect())
}

/// All that the next decisions of an organisation rest on, from one state of the database
pub async fn live(db: &Database, actor: &Actor, org_id: Uuid) -> Result<LiveRouting, SqlError> {
    let mut tx = db.begin_as(actor).await?;
    sqlx::query("set transaction isolation level repeatable read").execute(&mut *tx).await?;
    let (revision, sequence, taken_at): (i64, i64, DateTime<Utc>) = sqlx::query_as(
        "select revision, sequence, public.app_now() from public.routing_state where org_id = $1",
    )
    .bind(org_id)
    .fetch_one(&mut *tx)
    .await?;
    let loaded = routing::load(&mut tx, org_id, revision).await?;
    let waiting: Vec<(Uuid, Uuid, Option<String>, DateTime<Utc>)> = sqlx::query_as(
        "select id, pool_id, page_url, arrived_at from public.leads
          where org_id = $1 and state = 'waiting' order by arrived_at, id",
    )
    .bind(org_id)
    .fetch_all(&mut *tx)
    .await?;
    Ok(LiveRouting {
        revision: wire::count(revision),
        sequence: wire::count(sequence),
        taken_at: wire::instant(taken_at),
        config: loaded.config,
        state: loaded.state,
        waiting: waiting
            .into_iter()
            .map(|(lead_id, pool_id, page_url, arrived_at)| WaitingLead {
                lead_id: lead_id.to_string(),
                pool_id: pool_id.to_string(),
                page_url,
                arrived_at: wire::instant(arrived_at),
            })
            .collect(),
    })
}

/// The day before today on the wall of the caller's organisation
pub async fn yesterday(tx: &mut Transaction) -> Result<NaiveDate, SqlError> {
    let (day,) = sqlx::query_as("select public.org_today((select public.current_org_id())) - 1")
        .fetch_one(&mut **tx)
        .await?;
    Ok(day)
}

/// What a day of the caller's organisation brought; None for a day that has not begun
pub async fn arrivals(tx: &mut Transaction, day: NaiveDate) -> Result<Option<DayArrivals>, SqlError> {
    let bounds: Option<(DateTime<Utc>, DateTime<Utc>)> = sqlx::query_as(
        "select $1::timestamp at time zone o.time_zone, ($1 + 1)::timestamp at time zone o.time_zone
           from public.organisations o
          where o.id = (select public.current_org_id()) and $1 <= public.org_today(o.id)",
    )
    .bind(day)
    .fetch_optional(&mut **tx)
    .await?;
    let Some((begin, end)) = bounds else { return Ok(None) };
    let (total,): (i64,) = sqlx::query_as(
        "select count(*) from public.leads
          where org_id = (select public.current_org_id()) and arrived_at >= $1 and arrived_at < $2",
    )
    .bind(begin)
    .bind(end)
    .fetch_one(&mut **tx)
    .await?;
    type Row = (Uuid, DateTime<Utc>, Option<Uuid>, Option<Uuid>, Option<i32>, Option<i64>, Option<i64>, bool);
    let rows: Vec<Row> = sqlx::query_as(
        "select l.id, l.arrived_at, l.pool_id, f.agent_id, f.priority_rank,
                case when l.state = 'ended' then h.ms end,
                coalesce(f.waited_ms, (select min(m.waited_ms) from public.missed_leads m where m.org_id = l.org_id and m.lead_id = l.id)),
                l.state = 'missed'
           from public.leads l
           left join lateral (
             select a.agent_id, a.priority_rank, a.waited_ms from public.lead_assignments a
              where a.org_id = l.org_id and a.lead_id = l.id order by a.decision_no limit 1) f on true
           left join lateral (
             select sum(extract(epoch from r.at - a.at) * 1000)::bigint as ms
               from public.lead_assignments a
               join public.lead_releases r on r.org_id = a.org_id and r.assignment_no = a.decision_no
              where a.org_id = l.org_id and a.lead_id = l.id) h on true
          where l.org_id = (select public.current_org_id()) and l.arrived_at >= $1 and l.arrived_at < $2
          order by l.arrived_at, l.id limit $3",
    )
    .bind(begin)
    .bind(end)
    .bind(ARRIVALS_MAX)
    .fetch_all(&mut **tx)
    .await?;
    let statuses: Vec<(Uuid, DateTime<Utc>, StatusColumn)> = sqlx::query_as(
        "(select distinct on (e.agent_id) e.agent_id, $1 as at, e.status from public.agent_status_events e
           where e.org_id = (select public.current_org_id()) and e.at < $1
           order by e.agent_id, e.change_no desc)
         union all
         (select e.agent_id, e.at, e.status from public.agent_status_events e
           where e.org_id = (select public.current_org_id()) and e.at >= $1 and e.at < $2
           order by e.change_no)",
    )
    .bind(begin)
    .bind(end)
    .fetch_all(&mut **tx)
    .await?;
    let since = |at: DateTime<Utc>| wire::count((at - begin).num_milliseconds());
    Ok(Some(DayArrivals {
        day: wire::date(day),
        begins_at: wire::instant(begin),
        arrivals: rows
            .into_iter()
            .map(|(id, arrived_at, pool_id, agent_id, rank, handled_ms, waited_ms, is_lost)| {
                RecordedArrival {
                    lead_id: id.to_string(),
                    at_ms: since(arrived_at),
                    pool_id: pool_id.map(|id| id.to_string()),
                    agent_id: agent_id.map(|id| id.to_string()),
                    priority_rank: rank.map(|rank| rank_of(rank).number()),
                    handled_ms: handled_ms.map(wire::count),
                    waited_ms: wire::count(waited_ms.unwrap_or(0)),
                    is_lost,
                }
            })
            .collect(),
        statuses: statuses
            .into_iter()
            .map(|(agent_id, at, status)| RecordedStatus {
                at_ms: since(at),
                agent_id: agent_id.to_string(),
                status: AgentStatus::from(status),
            })
            .collect(),
        total: wire::count(total),
    }))
}
