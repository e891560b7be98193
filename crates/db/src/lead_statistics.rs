//! What the tiers of pools did: shares, overflow, losses and for what, occupancy, waits and fairness.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use contract::{AgentStatistics, PeriodStatistics, PoolStatistics, TierStatistics};
use rust_decimal::Decimal;
use sqlx::types::Json;
use uuid::Uuid;

use crate::routing::rank_of;
use crate::{SqlError, Transaction, wire};

/// Days that statistics span at most
const DAYS_MAX: i64 = 92;
const DAYS_DEFAULT: i64 = 7;

/// Why a period cannot be taken
#[derive(Debug, thiserror::Error)]
pub enum PeriodError {
    #[error("{field} {message}")]
    Field { field: &'static str, message: String },
    #[error(transparent)]
    Database(#[from] SqlError),
}

/// Days of the caller's organisation, both included
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    from: NaiveDate,
    to: NaiveDate,
}

/// Reads an ISO date
pub fn day(field: &'static str, text: &str) -> Result<NaiveDate, PeriodError> {
    text.parse().map_err(|_| PeriodError::Field { field, message: "is no ISO date".to_owned() })
}

impl Period {
    /// Reads two ISO dates; what is missing makes it the last seven days
    pub async fn parse(
        tx: &mut Transaction,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<Self, PeriodError> {
        let (today,): (NaiveDate,) =
            sqlx::query_as("select public.org_today((select public.current_org_id()))")
                .fetch_one(&mut **tx)
                .await
                .map_err(PeriodError::Database)?;
        let to = to.map_or(Ok(today), |to| day("to", to))?;
        let from = match from {
            Some(from) => day("from", from)?,
            None => to - chrono::Days::new(DAYS_DEFAULT.unsigned_abs() - 1),
        };
        let days = (to - from).num_days() + 1;
        if days < 1 {
            return Err(PeriodError::Field { field: "to", message: "is before `from`".to_owned() });
        }
        if days > DAYS_MAX {
            return Err(PeriodError::Field {
                field: "from",
                message: format!("is more than {DAYS_MAX} days before `to`"),
            });
        }
        Ok(Self { from, to })
    }
}

fn share(part: Option<Decimal>) -> Option<String> {
    part.map(|part| part.round_dp(4).normalize().to_string()).map(|text| four_places(&text))
}

/// As many places as promised
fn four_places(text: &str) -> String {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}.{places:0<4}")
}

/// What the pools of the caller's organisation did in a period, by when leads arrived
pub async fn statistics(
    tx: &mut Transaction,
    period: Period,
    pool_id: Option<Uuid>,
) -> Result<PoolStatistics, SqlError> {
    let (begin, end): (DateTime<Utc>, DateTime<Utc>) = sqlx::query_as(
        "select $1::timestamp at time zone o.time_zone, ($2 + 1)::timestamp at time zone o.time_zone
           from public.organisations o where o.id = (select public.current_org_id())",
    )
    .bind(period.from)
    .bind(period.to)
    .fetch_one(&mut **tx)
    .await?;
    let (arrived, lost): (i64, i64) = sqlx::query_as(
        "select count(*), count(*) filter (where l.state = 'missed') from public.leads l
          where l.org_id = (select public.current_org_id()) and l.arrived_at >= $1 and l.arrived_at < $2
            and ($3::uuid is null or l.pool_id = $3)",
    )
    .bind(begin)
    .bind(end)
    .bind(pool_id)
    .fetch_one(&mut **tx)
    .await?;
    let agents = agents(tx, begin, end, pool_id).await?;
    Ok(PoolStatistics {
        from: wire::date(period.from),
        to: wire::date(period.to),
        arrived: wire::count(arrived),
        lost: wire::count(lost),
        tiers: tiers(tx, begin, end, pool_id).await?,
        agents,
        hours: periods(tx, begin, end, pool_id, "hour").await?,
        days: periods(tx, begin, end, pool_id, "day").await?,
    })
}

async fn tiers(
    tx: &mut Transaction,
    begin: DateTime<Utc>,
    end: DateTime<Utc>,
    pool_id: Option<Uuid>,
) -> Result<Vec<TierStatistics>, SqlError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        pool_id: Uuid,
        priority_rank: Option<i32>,
        taken: i64,
        share: Option<Decimal>,
        reached: i64,
        overflow_rate: Option<Decimal>,
        lost: Json<BTreeMap<String, u64>>,
        wait_ms_mean: Option<i64>,
        wait_ms_p95: Option<i64>,
        fairness: Option<Decimal>,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "with reached as materialized (
           select t.* from public.v_lead_tiers t
            where t.org_id = (select public.current_org_id()) and t.arrived_at >= $1 and t.arrived_at < $2
              and ($3::uuid is null or t.pool_id = $3)
         ), taken as materialized (
           select o.pool_id, o.priority_rank, o.agent_id, o.waited_ms from public.v_lead_outcomes o
            where o.org_id = (select public.current_org_id()) and o.arrived_at >= $1 and o.arrived_at < $2
              and ($3::uuid is null or o.pool_id = $3) and o.agent_id is not null and not o.is_lost
         ), tiers as (
           select r.pool_id, r.priority_rank, count(*) as reached, count(*) filter (where r.is_taken) as taken
             from reached r group by 1, 2
         ), losses as (
           select l.pool_id, l.priority_rank, jsonb_object_agg(l.refused_for, l.n) as lost
             from (select r.pool_id, r.priority_rank, r.refused_for, count(*) as n
                     from reached r where r.is_lost group by 1, 2, 3) l
            group by 1, 2
         ), waits as (
           select k.pool_id, k.priority_rank, round(avg(k.waited_ms))::bigint as mean,
                  percentile_disc(0.95) within group (order by k.waited_ms) as p95
             from taken k group by 1, 2
         ), members as (
           -- Whoever took one of the group's leads, and whoever could have: a member who was there at some time of the period.
           select k.pool_id, k.priority_rank, k.agent_id, count(*) as leads from taken k group by 1, 2, 3
           union all
           select m.pool_id, m.priority_rank, m.agent_profile_id, 0
             from public.agent_pool_members m
            where m.org_id = (select public.current_org_id()) and ($3::uuid is null or m.pool_id = $3)
              and exists (select from public.agent_status_events e
                           where e.org_id = m.org_id and e.agent_id = m.agent_profile_id and e.at < $2 and e.status <> 'offline'
                             and not exists (select from public.agent_status_events n
                                              where n.org_id = e.org_id and n.agent_id = e.agent_id
                                                and n.change_no > e.change_no and n.at < $1))
         ), evenness as (
           select g.pool_id, g.priority_rank,
                  case when sum(g.leads) > 0 then power(sum(g.leads), 2) / (count(*) * sum(power(g.leads, 2))) end as fairness
             from (select e.pool_id, e.priority_rank, e.agent_id, sum(e.leads) as leads from members e group by 1, 2, 3) g
            group by 1, 2
         )
         select t.pool_id, t.priority_rank, t.taken, t.reached,
                t.taken::numeric / nullif(sum(t.taken) over (partition by t.pool_id), 0) as share,
                (t.reached - t.taken)::numeric / nullif(t.reached, 0) as overflow_rate,
                coalesce(l.lost, '{}') as lost, w.mean as wait_ms_mean, w.p95 as wait_ms_p95, e.fairness::numeric as fairness
           from tiers t
           left join losses l on l.pool_id = t.pool_id and l.priority_rank is not distinct from t.priority_rank
           left join waits w on w.pool_id = t.pool_id and w.priority_rank is not distinct from t.priority_rank
           left join evenness e on e.pool_id = t.pool_id and e.priority_rank is not distinct from t.priority_rank
          order by t.pool_id, t.priority_rank nulls last",
    )
    .bind(begin)
    .bind(end)
    .bind(pool_id)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| TierStatistics {
            pool_id: row.pool_id.to_string(),
            priority_rank: row.priority_rank.map(|rank| rank_of(rank).number()),
            taken: wire::count(row.taken),
            share: share(row.share),
            reached: wire::count(row.reached),
            overflow: wire::count(row.reached - row.taken),
            overflow_rate: share(row.overflow_rate),
            lost: row.lost.0,
            wait_ms_mean: row.wait_ms_mean.map(wire::count),
            wait_ms_p95: row.wait_ms_p95.map(wire::count),
            fairness: share(row.fairness),
        })
        .collect())
}

async fn agents(
    tx: &mut Transaction,
    begin: DateTime<Utc>,
    end: DateTime<Utc>,
    pool_id: Option<Uuid>,
) -> Result<Vec<AgentStatistics>, SqlError> {
    type Row = (Uuid, String, i64, i64, i64, i64, Option<Decimal>);
    // An assignment that began more than a day before the period is no longer looked for.
    let rows: Vec<Row> = sqlx::query_as(
        "with bounds as (
           select $1::timestamptz as begins_at, least($2::timestamptz, public.app_now()) as ends_at
         ), present as (
           select s.agent_id, sum(extract(epoch from least(s.until, b.ends_at) - greatest(s.at, b.begins_at))) as seconds
             from bounds b, (select e.agent_id, e.at, e.status,
                                    coalesce(lead(e.at) over (partition by e.agent_id order by e.change_no), 'infinity') as until
                               from public.agent_status_events e
                              where e.org_id = (select public.current_org_id()) and e.at < $2) s
            where s.status <> 'offline' and s.until > b.begins_at and s.at < b.ends_at
            group by 1
         ), held as (
           select a.agent_id, a.at, coalesce(r.at, 'infinity') as until, r.cause, a.at >= $1 as is_of_period,
                  a.cause in ('arrival', 'waiting') as is_first
             from public.lead_assignments a
             left join public.lead_releases r on r.org_id = a.org_id and r.assignment_no = a.decision_no
            where a.org_id = (select public.current_org_id()) and a.at < $2 and a.at >= $1 - interval '1 day'
              and ($3::uuid is null or a.pool_id = $3)
         ), busy as (
           select h.agent_id, count(*) filter (where h.is_of_period) as taken,
                  count(*) filter (where h.is_of_period and h.cause = 'declined') as declined,
                  sum(extract(epoch from least(h.until, b.ends_at) - greatest(h.at, b.begins_at)))
                    filter (where h.until > b.begins_at and h.at < b.ends_at) as seconds
             from held h, bounds b group by 1
         )
         select p.id, p.display_name, coalesce(b.taken, 0), coalesce(b.declined, 0),
                coalesce(t.seconds, 0)::bigint, coalesce(b.seconds, 0)::bigint,
                coalesce(b.seconds, 0) / nullif(t.seconds * p.capacity, 0)
           from public.agent_profiles p
           left join present t on t.agent_id = p.id
           left join busy b on b.agent_id = p.id
          where p.org_id = (select public.current_org_id()) and (p.retired_at is null or b.agent_id is not null)
          order by lower(p.display_name), p.id",
    )
    .bind(begin)
    .bind(end)
    .bind(pool_id)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(agent_id, display_name, taken, declined, present, busy, occupancy)| AgentStatistics {
            agent_id: agent_id.to_string(),
            display_name,
            taken: wire::count(taken),
            declined: wire::count(declined),
            present_seconds: wire::count(present),
            busy_seconds: wire::count(busy),
            occupancy: share(occupancy),
        })
        .collect())
}

/// `unit` is `hour` or `day`, of the organisation's zone; those without leads are left out
async fn periods(
    tx: &mut Transaction,
    begin: DateTime<Utc>,
    end: DateTime<Utc>,
    pool_id: Option<Uuid>,
    unit: &'static str,
) -> Result<Vec<PeriodStatistics>, SqlError> {
    type Row = (DateTime<Utc>, i64, i64, i64, Json<BTreeMap<String, u64>>, Option<i64>);
    let rows: Vec<Row> = sqlx::query_as(
        "with outcomes as materialized (
           select date_trunc($4, o.arrived_at, z.time_zone) as at, o.is_lost, o.agent_id, o.priority_rank, o.is_fallback, o.waited_ms
             from public.v_lead_outcomes o, public.organisations z
            where z.id = (select public.current_org_id()) and o.org_id = z.id and o.arrived_at >= $1 and o.arrived_at < $2
              and ($3::uuid is null or o.pool_id = $3)
         ), ranks as (
           select r.at, jsonb_object_agg(r.name, r.leads) as by_rank
             from (select o.at, case when o.is_fallback then 'fallback' else o.priority_rank::text end as name, count(*) as leads
                     from outcomes o where o.agent_id is not null and not o.is_lost group by 1, 2) r
            where r.name is not null group by 1
         )
         select o.at, count(*), count(*) filter (where o.agent_id is not null and not o.is_lost),
                count(*) filter (where o.is_lost), coalesce((select r.by_rank from ranks r where r.at = o.at), '{}'),
                round(avg(o.waited_ms) filter (where not o.is_lost))::bigint
           from outcomes o group by o.at order by o.at",
    )
    .bind(begin)
    .bind(end)
    .bind(pool_id)
    .bind(unit)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(at, arrived, taken, lost, by_rank, mean)| PeriodStatistics {
            at: wire::instant(at),
            arrived: wire::count(arrived),
            taken: wire::count(taken),
            lost: wire::count(lost),
            by_rank: by_rank.0,
            wait_ms_mean: mean.map(wire::count),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_four_places() {
        for (share_of, text) in
            [((1, 3), "0.3333"), ((1, 1), "1.0000"), ((0, 1), "0.0000"), ((2, 3), "0.6667")]
        {
            let part = Decimal::from(share_of.0) / Decimal::from(share_of.1);
            assert_eq!(share(Some(part)).as_deref(), Some(text));
        }
    }
}
