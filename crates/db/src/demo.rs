//! Loads made-up judgments, many at a time, and made-up pools. Run as [`Actor::service`](crate::Actor::service) of one organisation.

use chrono::NaiveDate;
use contract::WaitingList;
use policy::routing::{AgentStatus, Fallback, PriorityRank};
use policy::tier::{Cents, Score, Tier};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::pools::{self, PoolSettings};
use crate::{Actor, Database, SqlError, Transaction, routing};

/// A made-up judgment
#[derive(Debug, Clone, PartialEq)]
pub struct DemoJudgment {
    /// Unlike any other of the organisation.
    pub case_number: String,
    pub court: &'static str,
    pub county: &'static str,
    pub state: &'static str,
    pub case_type: &'static str,
    /// What [`load_plaintiffs`] answered.
    pub plaintiff_id: Uuid,
    pub defendant_name: String,
    pub filing_date: NaiveDate,
    pub judgment_date: NaiveDate,
    pub judgment_amount: Cents,
    pub balance_due: Option<Cents>,
    pub status: &'static str,
    pub score: Option<Score>,
    /// Employer, bank, real property, vehicle.
    pub signals: [Option<&'static str>; 4],
    pub open_case: Option<DemoCase>,
}

/// The open case of a made-up judgment
#[derive(Debug, Clone, PartialEq)]
pub struct DemoCase {
    pub stage: &'static str,
    /// Hours from now; negative when it is overdue.
    pub next_action_in_hours: i32,
    pub overriding: Option<DemoOverride>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DemoOverride {
    pub tier: Tier,
    pub note: &'static str,
    /// Days from now; negative when it has expired.
    pub expires_in_days: i32,
}

/// Lets the refresh that follows do the tiering: judgments loaded in this transaction are not queued
pub async fn skip_queue(tx: &mut Transaction) -> Result<(), SqlError> {
    sqlx::query("select set_config('dragonfly.refresh_follows', 'on', true)").execute(&mut **tx).await?;
    Ok(())
}

/// A number above that of every judgment, from which case numbers can be counted
pub async fn highest_no(tx: &mut Transaction) -> Result<i64, SqlError> {
    let (number,) = sqlx::query_as(
        "select coalesce(max(judgment_no), 0) from public.core_judgments where org_id = (select public.current_org_id())",
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(number)
}

/// The ids of plaintiffs of these names, in their order; who is missing is added
pub async fn load_plaintiffs(
    tx: &mut Transaction,
    org_id: Uuid,
    names: &[String],
) -> Result<Vec<Uuid>, SqlError> {
    sqlx::query(
        "insert into public.plaintiffs (org_id, name) select $1, n from unnest($2::text[]) n
         on conflict (org_id, normalized_name) do nothing",
    )
    .bind(org_id)
    .bind(names)
    .execute(&mut **tx)
    .await?;
    let ids: Vec<(Uuid,)> = sqlx::query_as(
        "select p.id from unnest($2::text[]) with ordinality as n (name, place)
           join public.plaintiffs p on p.org_id = $1 and p.normalized_name = lower(n.name)
          order by n.place",
    )
    .bind(org_id)
    .bind(names)
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

/// Adds judgments with what is known of their debtors and their open cases
pub async fn load_judgments(
    tx: &mut Transaction,
    org_id: Uuid,
    judgments: &[DemoJudgment],
) -> Result<(), SqlError> {
    let cases: Vec<Option<&DemoCase>> = judgments.iter().map(|row| row.open_case.as_ref()).collect();
    let overriding: Vec<Option<&DemoOverride>> =
        cases.iter().map(|case| case.and_then(|case| case.overriding.as_ref())).collect();
    let signal = |place: usize| -> Vec<Option<&str>> {
        judgments.iter().map(|row| row.signals.get(place).copied().flatten()).collect()
    };
    let bits: Vec<i16> = judgments
        .iter()
        .map(|row| (0..).zip(row.signals).map(|(place, signal)| i16::from(signal.is_some()) << place).sum())
        .collect();
    sqlx::query(
        "with rows as materialized (
           select * from unnest(
             $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::text[], $9::date[], $10::date[],
             $11::numeric[], $12::numeric[], $13::text[], $14::numeric[], $15::smallint[],
             $16::text[], $17::text[], $18::text[], $19::text[], $20::text[], $21::int[], $22::text[], $23::text[], $24::int[])
             with ordinality as r (
             case_number, court, county, state, case_type, plaintiff_id, defendant_name, filing_date, judgment_date,
             judgment_amount, balance_due, status, score, bits,
             employer_name, bank_name, real_property_lead, vehicle_lead, stage, next_action, override, note, expires, n)
         ), judgments as (
           insert into public.core_judgments
             (org_id, case_number, court, county, state, case_type, plaintiff_id, defendant_name, filing_date, judgment_date,
              judgment_amount, balance_due, status, collectability_score, asset_signals, lead_source)
           select $1, case_number, court, county, state, case_type, plaintiff_id, defendant_name, filing_date, judgment_date,
                  judgment_amount, balance_due, status, score, bits, 'demo'
             from rows order by n
           returning id, case_number
         ), intelligence as (
           insert into public.debtor_intelligence
             (judgment_id, org_id, employer_name, bank_name, real_property_lead, vehicle_lead)
           select j.id, $1, r.employer_name, r.bank_name, r.real_property_lead, r.vehicle_lead
             from rows r join judgments j using (case_number)
            where r.bits <> 0
         )
         insert into public.enforcement_cases
           (org_id, judgment_id, plaintiff_id, current_stage, tier_override, override_expires_at, override_note,
            collectability_score, asset_flags, current_balance, next_action_at, created_by)
         select $1, j.id, r.plaintiff_id, r.stage, r.override, public.app_now() + make_interval(days => r.expires), r.note,
                r.score, public.asset_flags(r.bits), r.balance_due, public.app_now() + make_interval(hours => r.next_action),
                'demo'
           from rows r join judgments j using (case_number)
          where r.stage is not null",
    )
    .bind(org_id)
    .bind(judgments.iter().map(|row| row.case_number.as_str()).collect::<Vec<_>>())
    .bind(judgments.iter().map(|row| row.court).collect::<Vec<_>>())
    .bind(judgments.iter().map(|row| row.county).collect::<Vec<_>>())
    .bind(judgments.iter().map(|row| row.state).collect::<Vec<_>>())
    .bind(judgments.iter().map(|row| row.case_type).collect::<Vec<_>>())
    .bind(judgments.iter().map(|row| row.plaintiff_id).collect::<Vec<_>>())
    .bind(judgments.iter().map(|row| row.defendant_name.as_str()).collect::<Vec<_>>())
    .bind(judgments.iter().map(|row| row.filing_date).collect::<Vec<_>>())
    .bind(judgments.iter().map(|row| row.judgment_date).collect::<Vec<_>>())
    .bind(judgments.iter().map(|row| row.judgment_amount.to_decimal()).collect::<Vec<_>>())
    .bind(judgments.iter().map(|row| row.balance_due.map(Cents::to_decimal)).collect::<Vec<Option<Decimal>>>())
    .bind(judgments.iter().map(|row| row.status).collect::<Vec<_>>())
    .bind(judgments.iter().map(|row| row.score.map(Score::to_decimal)).collect::<Vec<Option<Decimal>>>())
    .bind(bits)
    .bind(signal(0))
    .bind(signal(1))
    .bind(signal(2))
    .bind(signal(3))
    .bind(cases.iter().map(|case| case.map(|case| case.stage)).collect::<Vec<_>>())
    .bind(cases.iter().map(|case| case.map(|case| case.next_action_in_hours)).collect::<Vec<_>>())
    .bind(overriding.iter().map(|over| over.map(|over| over.tier.case_text())).collect::<Vec<_>>())
    .bind(overriding.iter().map(|over| over.map(|over| over.note)).collect::<Vec<_>>())
    .bind(overriding.iter().map(|over| over.map(|over| over.expires_in_days)).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A made-up pool
#[derive(Debug, Clone, PartialEq)]
pub struct DemoPool {
    pub name: &'static str,
    pub fallback: Fallback,
    pub waiting: Option<WaitingList>,
}

/// A made-up agent, for whom no socket speaks: the status stays until somebody changes it
#[derive(Debug, Clone, PartialEq)]
pub struct DemoAgent {
    pub name: String,
    pub user_id: Option<Uuid>,
    pub capacity: u32,
    /// Places in the list of pools, with ranks.
    pub memberships: Vec<(usize, PriorityRank)>,
}

/// What [`load_pools`] has made, in the order of what it was given
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedPools {
    pub pools: Vec<Uuid>,
    pub agents: Vec<Uuid>,
    /// A public key that no page of another origin may use yet.
    pub key: String,
}

/// Adds pools with their agents, and a key by which visitors come
pub async fn load_pools(
    tx: &mut Transaction,
    demo_pools: &[DemoPool],
    demo_agents: &[DemoAgent],
) -> Result<LoadedPools, SqlError> {
    let mut loaded = LoadedPools { pools: Vec::new(), agents: Vec::new(), key: String::new() };
    for DemoPool { name, fallback, waiting } in demo_pools {
        let settings = PoolSettings { name, fallback: *fallback, waiting: *waiting };
        loaded.pools.push(pools::save(tx, None, settings).await?);
    }
    for agent in demo_agents {
        let id = pools::save_agent(tx, None, agent.user_id, &agent.name, agent.capacity).await?;
        for (place, rank) in &agent.memberships {
            if let Some(pool) = loaded.pools.get(*place) {
                pools::add_member(tx, *pool, id, *rank).await?;
            }
        }
        loaded.agents.push(id);
    }
    loaded.key = pools::save_visitor_key(tx, None, "Demonstration", &[]).await?;
    Ok(loaded)
}

/// Says what made-up agents are doing from now on
pub async fn load_statuses(
    tx: &mut Transaction,
    org_id: Uuid,
    statuses: &[(Uuid, AgentStatus)],
) -> Result<(), SqlError> {
    let opened = routing::open(tx, i64::MAX).await?;
    let mut writes = routing::Writes::default();
    for (change_no, (agent_id, status)) in (opened.sequence + 1..).zip(statuses.iter().copied()) {
        let since = opened.now;
        writes.changes.push(routing::Change::Status { agent: agent_id, status });
        let cause = "admin";
        writes.statuses.push(routing::StatusRow { org_id, change_no, agent_id, at: since, status, cause });
        writes.presences.push(routing::PresenceRow {
            org_id,
            agent_id,
            status,
            since,
            seen_at: since,
            socket_id: None,
            process_id: None,
            disconnected_at: None,
        });
    }
    routing::write(tx, org_id, &opened, &writes).await
}

/// Has PostgreSQL clean up behind a load, and learn what is there now
///
/// It would by itself, within minutes; until then it plans as if the tables were as small as before, and the work
/// slows whoever looks meanwhile. Tables of somebody else's are left alone.
pub async fn vacuum(db: &Database) -> Result<(), SqlError> {
    sqlx::raw_sql("vacuum (analyze)").execute(db.owner()).await?;
    Ok(())
}

/// How many leads of an organisation were ever given to an agent, each as often as it was
pub async fn count_assignments(db: &Database, org_id: Uuid) -> Result<i64, SqlError> {
    let mut tx = db.begin_as(&Actor::service(org_id)).await?;
    let (count,) = sqlx::query_as("select count(*) from public.lead_assignments where org_id = $1")
        .bind(org_id)
        .fetch_one(&mut *tx)
        .await?;
    Ok(count)
}
