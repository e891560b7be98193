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

/// How much of a made-up organisation's casework
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaseworkSize {
    pub judgments: u64,
    pub cases: u64,
    pub events: u64,
}

/// Adds judgments, plaintiffs, cases and what has happened to them to an empty organisation, by no rule of the product but its
/// shape: neither triggers nor foreign keys are asked, so that millions take minutes. `owner_id` works two of three cases
///
/// For a private server, whose owner may do that.
pub async fn load_casework(
    db: &Database,
    org_id: Uuid,
    owner_id: Uuid,
    size: CaseworkSize,
) -> Result<(), SqlError> {
    let sql = CASEWORK_SQL
        .replace("{org}", &org_id.to_string())
        .replace("{owner}", &owner_id.to_string())
        .replace("{judgments}", &size.judgments.to_string())
        .replace("{cases}", &size.cases.max(1).to_string())
        .replace("{events}", &size.events.to_string());
    let mut tx = db.owner().begin().await?;
    sqlx::raw_sql(&sql).execute(&mut *tx).await?;
    tx.commit().await?;
    sqlx::raw_sql("vacuum analyze").execute(db.owner()).await?;
    Ok(())
}

const CASEWORK_SQL: &str = "
set local session_replication_role = replica;
insert into public.plaintiffs (org_id, name)
select '{org}', format('Example Funding %s LLC', n) from generate_series(1, 500) n;
insert into public.core_judgments
  (org_id, case_number, court, county, state, plaintiff_id, defendant_name, judgment_date, judgment_amount, balance_due, collectability_score,
   asset_signals, tier, tier_reason, tier_as_of, tier_policy_revision, lead_source)
select '{org}', format('B-%s', n), 'Queens Supreme Court', (array['Queens', 'Kings', 'Bronx', 'New York'])[1 + n % 4], 'NY',
       p.ids[1 + n % 500], format('Debtor %s', n * 7919::bigint % 99991), date '2015-01-01' + n % 3650, 1000 + n * 104729::bigint % 90000,
       1000 + n * 104729::bigint % 90000, n * 7919::bigint % 10001 / 100.0, n % 16, n % 4, 'made up', public.app_now(), 1, 'demo'
  from generate_series(1, {judgments}) n
 cross join (select array_agg(id order by name) as ids from public.plaintiffs where org_id = '{org}') p;
-- Nine of ten are open; stages and next actions are spread as they are where people keep up, more or less.
insert into public.enforcement_cases
  (org_id, judgment_id, plaintiff_id, current_stage, tier, tier_reason, tier_as_of, collectability_score, current_balance, next_action_at,
   opened_at, stage_entered_at, closed_at, closure_reason, owner_id, blocked_since, created_by)
select '{org}', j.id, j.plaintiff_id, case when c.n % 10 = 0 then 'closure' else s.stages[1 + (c.n / 7 % 9)::int] end, 'tier' || j.tier, 'made up',
       j.tier_as_of, j.collectability_score, j.balance_due,
       case when c.n % 10 > 0 then public.app_now() + make_interval(hours => (c.n * 31 % 960)::int - 96) end,
       public.app_now() - make_interval(days => 30 + (c.n % 700)::int), public.app_now() - make_interval(hours => (c.n * 13 % 480)::int),
       case when c.n % 10 = 0 then public.app_now() - make_interval(days => (c.n % 30)::int) end,
       case when c.n % 10 = 0 then 'satisfied' end, case when c.n % 3 > 0 then '{owner}'::uuid end,
       case when c.n % 50 = 1 then public.app_now() - interval '2 days' end, 'demo'
  from (select j.*, row_number() over (order by j.judgment_no) as place from public.core_judgments j
         where j.org_id = '{org}' order by j.judgment_no limit {cases}) j
 cross join lateral (select j.place as n) c
 cross join (select array_agg(stage order by ordinal, stage) as stages from public.enforcement_stage_lookup where stage <> 'closure') s;
create temporary table made on commit drop as
  select row_number() over (order by c.opened_at, c.id) as n, c.id, c.judgment_id, c.plaintiff_id, c.current_stage, c.closed_at
    from public.enforcement_cases c where c.org_id = '{org}';
create unique index on made (n);
analyze made;
-- A fifth of all happens in one case of a thousand.
insert into public.enforcement_events
  (org_id, enforcement_case_id, judgment_id, event_kind, occurred_at, payload, note, actor, actor_type, rpc)
select '{org}', m.id, m.judgment_id, (array['note', 'asset_search_requested', 'asset_search_completed', 'marshal_attempted'])[1 + (e.n % 4)::int]::public.enforcement_event_kind,
       public.app_now() - make_interval(secs => (e.n * 7 % 63072000)::int), '{}', 'something happened', 'Demo', 'rpc', 'log_enforcement_event'
  from generate_series(1::bigint, {events}) e (n)
  join made m on m.n = case when e.n % 5 = 0 then 1 + e.n / 5 % greatest({cases} / 1000, 1) else 1 + e.n * 7919 % {cases} end;
insert into public.enforcement_history (org_id, enforcement_case_id, action, delta, actor, actor_type, rpc, changed_at)
select '{org}', m.id, 'stage_changed', '{\"current_stage\": [\"pre_enforcement\", \"contact_validation\"]}', 'Demo', 'rpc', 'set_enforcement_stage',
       public.app_now() - make_interval(days => (h.n * 97 % 700)::int)
  from generate_series(1::bigint, {events} / 3) h (n) join made m on m.n = 1 + h.n * 7919 % {cases};
insert into public.plaintiff_tasks (org_id, plaintiff_id, enforcement_case_id, kind, title, status, stage, due_at, created_by, closed_at, closed_by)
select '{org}', m.plaintiff_id, m.id, k.kind, 'To be done', case when m.closed_at is null then 'open' else 'completed' end, m.current_stage,
       public.app_now() + make_interval(hours => (m.n * 17 % 480)::int - 48), 'Demo', m.closed_at, case when m.closed_at is not null then 'Demo' end
  from made m cross join (values ('call'), ('plan_action')) k (kind);
insert into public.enforcement_actions (org_id, enforcement_case_id, action_type, status, created_by)
select '{org}', m.id, (array['bank_levy', 'garnishment', 'subpoena', 'marshal'])[1 + (m.n % 4)::int], 'filed', 'Demo'
  from made m where m.n % 2 = 0 and m.closed_at is null;
insert into public.enforcement_documents (org_id, enforcement_case_id, action_id, doc_kind, storage_path, uploaded_by)
select '{org}', a.enforcement_case_id, a.id, a.action_type, 'demo/' || a.id || '.pdf', 'Demo'
  from public.enforcement_actions a where a.org_id = '{org}' and left(a.id::text, 2) > '08';
update public.enforcement_actions a set has_document = true where a.org_id = '{org}' and left(a.id::text, 2) > '08';
";

/// Open cases, by turns one in which much has happened and one of the others
pub async fn open_cases(db: &Database, org_id: Uuid, limit: i64) -> Result<Vec<Uuid>, SqlError> {
    let mut tx = db.begin_as(&Actor::service(org_id)).await?;
    sqlx::query_scalar(
        "with busy as (
           select e.enforcement_case_id as id, row_number() over (order by count(*) desc) as place
             from public.enforcement_events e
             join public.enforcement_cases c on c.org_id = e.org_id and c.id = e.enforcement_case_id and c.closed_at is null
            where e.org_id = $1 group by 1 limit ($2 + 1) / 2
         ), others as (
           select c.id, row_number() over (order by c.id) as place
             from public.enforcement_cases c
            where c.org_id = $1 and c.closed_at is null and c.id not in (select id from busy) limit $2
         )
         select id from (select id, place, 0 as of from busy union all select id, place, 1 from others) a
          order by place, of limit $2",
    )
    .bind(org_id)
    .bind(limit)
    .fetch_all(&mut *tx)
    .await
}

/// Reads every row of `v_enforcement_overview`; answers how many
pub async fn read_overview(tx: &mut Transaction) -> Result<usize, SqlError> {
    Ok(sqlx::query("select * from public.v_enforcement_overview").fetch_all(&mut **tx).await?.len())
}

/// How many calls with a request id are kept
pub async fn count_requests(db: &Database) -> Result<i64, SqlError> {
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    sqlx::query_scalar("select count(*) from public.rpc_requests").fetch_one(&mut *tx).await
}
