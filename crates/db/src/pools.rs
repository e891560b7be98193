//! Pools, their members and the pages that lead to them: what admins read and change.
//!
//! Every change takes an admin, goes by a function that locks the organisation's routing, and counts from the next decision
//! on, on every server.

use chrono::{DateTime, Utc};
use contract::{
    AgentDetail, PageRules, Person, PoolDetail, PoolMember, PoolsOverview, RankChange, VisitorKey,
    WaitingList,
};
use policy::routing::{AgentStatus, Fallback, PageRule, PriorityRank};
use sqlx::types::Json;
use uuid::Uuid;

use crate::routing::{FallbackColumn, StatusColumn, rank_of};
use crate::{SqlError, Transaction, wire};

/// Changes of ranks that a list answers
const HISTORY_MAX: i64 = 500;

/// Every pool of the caller's organisation with its members, and every agent
pub async fn overview(tx: &mut Transaction) -> Result<PoolsOverview, SqlError> {
    type PoolRow = (Uuid, String, bool, FallbackColumn, bool, i32, i32, i64);
    let pools: Vec<PoolRow> = sqlx::query_as(
        "select p.id, p.name, p.is_default, p.fallback, p.is_waiting_on, p.wait_seconds_max, p.wait_leads_max,
                (select count(*) from public.leads l
                  where l.org_id = p.org_id and l.pool_id = p.id and l.state = 'waiting')
           from public.agent_pools p
          where p.org_id = (select public.current_org_id()) and p.deleted_at is null
          order by p.is_default desc, lower(p.name), p.id",
    )
    .fetch_all(&mut **tx)
    .await?;
    let members: Vec<(Uuid, Uuid, String, i32, DateTime<Utc>)> = sqlx::query_as(
        "select m.pool_id, a.id, a.display_name, m.priority_rank, m.created_at
           from public.agent_pool_members m
           join public.agent_profiles a on a.org_id = m.org_id and a.id = m.agent_profile_id
          where m.org_id = (select public.current_org_id())
          order by m.priority_rank, lower(a.display_name), a.id",
    )
    .fetch_all(&mut **tx)
    .await?;
    let pools = pools
        .into_iter()
        .map(|(id, name, is_default, fallback, is_waiting_on, seconds_max, leads_max, waiting)| PoolDetail {
            id: id.to_string(),
            name,
            is_default,
            fallback: fallback.into(),
            waiting: is_waiting_on.then(|| WaitingList {
                seconds_max: wire::revision(seconds_max),
                leads_max: wire::revision(leads_max),
            }),
            members: members
                .iter()
                .filter(|member| member.0 == id)
                .map(|(_, agent_id, display_name, rank, added_at)| PoolMember {
                    agent_id: agent_id.to_string(),
                    display_name: display_name.clone(),
                    priority_rank: rank_of(*rank),
                    added_at: wire::instant(*added_at),
                })
                .collect(),
            waiting_leads: u32::try_from(waiting).unwrap_or(0),
        })
        .collect();
    Ok(PoolsOverview { revision: revision(tx).await?, pools, agents: agents(tx).await? })
}

/// Counts the changes of pools, ranks, agents and rules of the caller's organisation
pub async fn revision(tx: &mut Transaction) -> Result<u64, SqlError> {
    let (revision,) = sqlx::query_as(
        "select revision from public.routing_state where org_id = (select public.current_org_id())",
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(wire::count(revision))
}

/// Every agent of the caller's organisation who has not retired, by name
pub async fn agents(tx: &mut Transaction) -> Result<Vec<AgentDetail>, SqlError> {
    type Row = (
        Uuid,
        String,
        Option<Uuid>,
        Option<String>,
        Option<StatusColumn>,
        Option<DateTime<Utc>>,
        bool,
        i64,
        i32,
    );
    let rows: Vec<Row> = sqlx::query_as(
        "select a.id, a.display_name, a.user_id, u.email, p.status, p.since,
                coalesce(p.socket_id is not null and p.disconnected_at is null, false),
                (select count(*) from public.leads l
                  where l.org_id = a.org_id and l.agent_id = a.id and l.state in ('assigned', 'in_call')),
                a.capacity
           from public.agent_profiles a
           left join public.agent_presence p on p.org_id = a.org_id and p.agent_id = a.id
           left join public.users u on u.id = a.user_id
          where a.org_id = (select public.current_org_id()) and a.retired_at is null
          order by lower(a.display_name), a.id",
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(id, display_name, user_id, email, status, since, is_connected, load, capacity)| AgentDetail {
            id: id.to_string(),
            display_name,
            user_id: user_id.map(|id| id.to_string()),
            email,
            status: status.map_or(AgentStatus::Offline, AgentStatus::from),
            status_since: since.map(wire::instant),
            is_connected,
            load: u32::try_from(load).unwrap_or(0),
            capacity: wire::revision(capacity),
        })
        .collect())
}

/// Members of the organisation, to make agents of, by name
pub async fn people(tx: &mut Transaction) -> Result<Vec<Person>, SqlError> {
    let rows: Vec<(Uuid, String, String, Option<Uuid>)> = sqlx::query_as(
        "select u.id, u.display_name, u.email,
                (select a.id from public.agent_profiles a
                  where a.org_id = m.org_id and a.user_id = m.user_id and a.retired_at is null)
           from public.memberships m join public.users u on u.id = m.user_id
          where m.org_id = (select public.current_org_id()) and u.disabled_at is null
          order by lower(u.display_name), u.id",
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(user_id, display_name, email, agent_id)| Person {
            user_id: user_id.to_string(),
            display_name,
            email,
            agent_id: agent_id.map(|id| id.to_string()),
        })
        .collect())
}

/// The settings of a pool
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSettings<'a> {
    pub name: &'a str,
    pub fallback: Fallback,
    pub waiting: Option<WaitingList>,
}

/// Adds a pool, or changes the one of `id`
///
/// Refuses, by a [`Refusal`](crate::Refusal), with the field: a name that is empty, too long or another pool's, a waiting list
/// out of its bounds.
pub async fn save(tx: &mut Transaction, id: Option<Uuid>, pool: PoolSettings<'_>) -> Result<Uuid, SqlError> {
    // Switched off, the list has bounds all the same, which nobody sees.
    let WaitingList { seconds_max, leads_max } =
        pool.waiting.unwrap_or(WaitingList { seconds_max: 120, leads_max: 20 });
    let (id,) = sqlx::query_as("select public.save_pool($1, $2, $3, $4, $5, $6)")
        .bind(id)
        .bind(pool.name)
        .bind(FallbackColumn::from(pool.fallback))
        .bind(pool.waiting.is_some())
        .bind(wire::saturated(seconds_max))
        .bind(wire::saturated(leads_max))
        .fetch_one(&mut **tx)
        .await?;
    Ok(id)
}

/// Takes a pool away with its members and rules; refuses the default pool with 409
pub async fn delete(tx: &mut Transaction, id: Uuid) -> Result<(), SqlError> {
    sqlx::query("select public.delete_pool($1)").bind(id).execute(&mut **tx).await?;
    Ok(())
}

/// Adds an agent to a pool; refuses one who is in it, and one whom the organisation does not have, at `agent_id`
pub async fn add_member(
    tx: &mut Transaction,
    pool_id: Uuid,
    agent_id: Uuid,
    rank: PriorityRank,
) -> Result<(), SqlError> {
    sqlx::query("select public.add_pool_member($1, $2, $3)")
        .bind(pool_id)
        .bind(agent_id)
        .bind(i32::from(rank.number()))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Gives members of a pool these ranks, all or none, and answers the revision
///
/// Refuses agents who are no members or named twice at `ranks[n].agent_id`, and with `revision_moved`.
pub async fn rank_members(
    tx: &mut Transaction,
    pool_id: Uuid,
    ranks: &[(Uuid, PriorityRank)],
    expected_revision: Option<u64>,
) -> Result<u64, SqlError> {
    let (revision,): (i64,) = sqlx::query_as("select public.rank_pool_members($1, $2, $3, $4)")
        .bind(pool_id)
        .bind(ranks.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind(ranks.iter().map(|(_, rank)| i32::from(rank.number())).collect::<Vec<_>>())
        .bind(expected_revision.map(|revision| i64::try_from(revision).unwrap_or(i64::MAX)))
        .fetch_one(&mut **tx)
        .await?;
    Ok(wire::count(revision))
}

/// Takes an agent out of a pool; leads that the agent has stay
pub async fn remove_member(tx: &mut Transaction, pool_id: Uuid, agent_id: Uuid) -> Result<(), SqlError> {
    sqlx::query("select public.remove_pool_member($1, $2)")
        .bind(pool_id)
        .bind(agent_id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// What became of the ranks in a pool, newest first, of retired agents too; deleted pools keep theirs. None for a pool that
/// there never was
pub async fn history(tx: &mut Transaction, pool_id: Uuid) -> Result<Option<Vec<RankChange>>, SqlError> {
    let (exists,): (bool,) = sqlx::query_as(
        "select exists (select from public.agent_pools where org_id = (select public.current_org_id()) and id = $1)",
    )
    .bind(pool_id)
    .fetch_one(&mut **tx)
    .await?;
    if !exists {
        return Ok(None);
    }
    type Row = (DateTime<Utc>, Uuid, String, String, Option<i32>, Option<i32>, Option<String>);
    let rows: Vec<Row> = sqlx::query_as(
        "select e.at, e.agent_profile_id, a.display_name, e.change::text, e.old_rank, e.new_rank, e.actor_name
           from public.agent_pool_member_events e
           join public.agent_profiles a on a.org_id = e.org_id and a.id = e.agent_profile_id
          where e.org_id = (select public.current_org_id()) and e.pool_id = $1
          order by e.id desc limit $2",
    )
    .bind(pool_id)
    .bind(HISTORY_MAX)
    .fetch_all(&mut **tx)
    .await?;
    let rank = |rank: Option<i32>| rank.map(|rank| rank_of(rank).number());
    let changes = rows
        .into_iter()
        .map(|(at, agent_id, agent_name, change, old_rank, new_rank, actor)| RankChange {
            at: wire::instant(at),
            agent_id: agent_id.to_string(),
            agent_name,
            change,
            old_rank: rank(old_rank),
            new_rank: rank(new_rank),
            actor,
        })
        .collect();
    Ok(Some(changes))
}

/// The page rules of the caller's organisation, in their order
pub async fn page_rules(tx: &mut Transaction) -> Result<PageRules, SqlError> {
    let rules: Vec<(Json<PageRule>,)> = sqlx::query_as(
        "select rule from public.pool_page_rules where org_id = (select public.current_org_id()) order by place",
    )
    .fetch_all(&mut **tx)
    .await?;
    let (default_pool_id,): (Uuid,) = sqlx::query_as(
        "select id from public.agent_pools where org_id = (select public.current_org_id()) and is_default",
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(PageRules {
        revision: revision(tx).await?,
        default_pool_id: default_pool_id.to_string(),
        rules: rules.into_iter().map(|(rule,)| rule.0).collect(),
    })
}

/// Replaces the page rules, which the caller has checked; refuses pools that there are not, and with `revision_moved`
pub async fn save_page_rules(
    tx: &mut Transaction,
    rules: &[PageRule],
    expected_revision: Option<u64>,
) -> Result<u64, SqlError> {
    let (revision,): (i64,) = sqlx::query_as("select public.save_page_rules($1, $2)")
        .bind(Json(rules))
        .bind(expected_revision.map(|revision| i64::try_from(revision).unwrap_or(i64::MAX)))
        .fetch_one(&mut **tx)
        .await?;
    Ok(wire::count(revision))
}

/// Adds an agent, or changes the one of `id`; refuses at `display_name`, `capacity` and `user_id`
pub async fn save_agent(
    tx: &mut Transaction,
    id: Option<Uuid>,
    user_id: Option<Uuid>,
    display_name: &str,
    capacity: u32,
) -> Result<Uuid, SqlError> {
    let (id,) = sqlx::query_as("select public.save_agent($1, $2, $3, $4)")
        .bind(id)
        .bind(user_id)
        .bind(display_name)
        .bind(wire::saturated(capacity))
        .fetch_one(&mut **tx)
        .await?;
    Ok(id)
}

/// Takes an agent who has no leads out of every pool; refuses one who has with 409
pub async fn retire_agent(tx: &mut Transaction, id: Uuid) -> Result<(), SqlError> {
    sqlx::query("select public.retire_agent($1)").bind(id).execute(&mut **tx).await?;
    Ok(())
}

/// The keys of the caller's organisation that are not revoked, oldest first
pub async fn visitor_keys(tx: &mut Transaction) -> Result<Vec<VisitorKey>, SqlError> {
    let rows: Vec<(String, String, Vec<String>, DateTime<Utc>)> = sqlx::query_as(
        "select key, name, allowed_origins, created_at from public.visitor_keys
          where org_id = (select public.current_org_id()) and revoked_at is null order by created_at, key",
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(key, name, allowed_origins, created_at)| VisitorKey {
            key,
            name,
            allowed_origins,
            created_at: wire::instant(created_at),
        })
        .collect())
}

/// Makes a key, or changes the pages that may use one
pub async fn save_visitor_key(
    tx: &mut Transaction,
    key: Option<&str>,
    name: &str,
    allowed_origins: &[String],
) -> Result<String, SqlError> {
    let (key,) = sqlx::query_as("select public.save_visitor_key($1, $2, $3)")
        .bind(key)
        .bind(name)
        .bind(allowed_origins)
        .fetch_one(&mut **tx)
        .await?;
    Ok(key)
}

/// Refuses the next lead that comes with a key, on every server
pub async fn revoke_visitor_key(tx: &mut Transaction, key: &str) -> Result<(), SqlError> {
    sqlx::query("select public.revoke_visitor_key($1)").bind(key).execute(&mut **tx).await?;
    Ok(())
}
