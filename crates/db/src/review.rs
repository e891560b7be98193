//! The weekly review: how the cases stand, what the week brought, and a sample of its events to audit.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc, Weekday};
use contract::{
    BegunAudit, DocumentRef, EventAudit, PersistentOverride, Recoveries, RecoveryMonth, ReviewAction,
    ReviewSample, ReviewStage, ReviewTier, ReviewWorkflow, SampledEvent, WeeklyReview,
};
use policy::tier::Tier;
use rust_decimal::Decimal;
use serde::Deserialize;
use sqlx::types::Json;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::cases::document_name;
use crate::{SqlError, Transaction, listing, wire};

/// An override is looked into once it is older than this
const OVERRIDE_DAYS: i32 = 14;
const ACTION_ROWS: i64 = 100;
const OVERRIDE_ROWS: i64 = 200;
/// Draws of a sample
pub const SAMPLE_SIZE_MIN: u32 = 10;
pub const SAMPLE_SIZE_MAX: u32 = 50;
pub const SEED_MAX: u32 = 999_999_999;

/// An ISO week, from Monday to Sunday
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Week {
    monday: NaiveDate,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no ISO week from 2000 to 2099, such as 2026-W47")]
pub struct WeekError(String);

impl Week {
    fn of(day: NaiveDate) -> Self {
        let back = Days::new(u64::from(day.weekday().num_days_from_monday()));
        Self { monday: day.checked_sub_days(back).unwrap_or(day) }
    }

    fn sunday(self) -> NaiveDate {
        self.monday.checked_add_days(Days::new(6)).unwrap_or(self.monday)
    }
}

impl FromStr for Week {
    type Err = WeekError;

    fn from_str(text: &str) -> Result<Self, WeekError> {
        let week = || {
            let (year, week) = text.split_once("-W")?;
            let is_number =
                |part: &str, digits| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
            if !is_number(year, 4) || !is_number(week, 2) || !year.starts_with("20") {
                return None;
            }
            NaiveDate::from_isoywd_opt(year.parse().ok()?, week.parse().ok()?, Weekday::Mon)
        };
        week().map(|monday| Self { monday }).ok_or_else(|| WeekError(text.chars().take(20).collect()))
    }
}

impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let week = self.monday.iso_week();
        write!(f, "{}-W{:02}", week.year(), week.week())
    }
}

/// A week on the organisation's clock
struct Span {
    week: Week,
    today: NaiveDate,
    as_of: DateTime<Utc>,
    /// Half-open.
    from: DateTime<Utc>,
    below: DateTime<Utc>,
}

/// Has everything that follows see one state of the database, and finds the week on the organisation's clock
async fn open(tx: &mut Transaction, week: Option<Week>) -> Result<Span, SqlError> {
    sqlx::query("set transaction isolation level repeatable read").execute(&mut **tx).await?;
    span(tx, week).await
}

async fn span(tx: &mut Transaction, week: Option<Week>) -> Result<Span, SqlError> {
    let (today, as_of): (NaiveDate, DateTime<Utc>) =
        sqlx::query_as("select public.org_today(public.current_org_id()), public.app_now()")
            .fetch_one(&mut **tx)
            .await?;
    let week = week.unwrap_or_else(|| Week::of(today));
    let (from, below): (DateTime<Utc>, DateTime<Utc>) = sqlx::query_as(
        "select $1::date::timestamp at time zone o.time_zone, ($1::date + 7)::timestamp at time zone o.time_zone
           from public.organisations o where o.id = (select public.current_org_id())",
    )
    .bind(week.monday)
    .fetch_one(&mut **tx)
    .await?;
    Ok(Span { week, today, as_of, from, below })
}

/// The review of a week, by default of the current one
pub async fn week(tx: &mut Transaction, week: Option<Week>) -> Result<WeeklyReview, SqlError> {
    let span = open(tx, week).await?;
    Ok(WeeklyReview {
        week: span.week.to_string(),
        from: wire::date(span.week.monday),
        to: wire::date(span.week.sunday()),
        is_running: span.today <= span.week.sunday(),
        as_of: wire::instant(span.as_of),
        tiers: tiers(tx).await?,
        stages: stages(tx, &span).await?,
        workflows: workflows(tx).await?,
        actions: actions(tx).await?,
        recoveries: recoveries(tx, &span).await?,
        overrides: overrides(tx).await?,
    })
}

async fn tiers(tx: &mut Transaction) -> Result<Vec<ReviewTier>, SqlError> {
    let rows: Vec<(Option<i16>, i64, Decimal, i64, i64)> = sqlx::query_as(
        "select t.tier::smallint, coalesce(sum(v.case_count), 0)::bigint, coalesce(sum(v.total_balance), 0),
                coalesce(sum(v.sla_breach_count), 0)::bigint, coalesce(sum(v.past_due_count), 0)::bigint
           from (values (3, 'tier3'), (2, 'tier2'), (1, 'tier1'), (0, 'tier0'), (null, 'none')) as t (tier, name)
           left join public.v_enforcement_overview v
             on v.org_id = (select public.current_org_id()) and coalesce(v.tier, 'none') = t.name
          group by t.tier
         having t.tier is not null or count(v.case_count) > 0
          order by t.tier desc nulls last",
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(tier, cases, balance, breaches, past_due)| ReviewTier {
            tier: wire::tier(tier),
            case_count: wire::count(cases),
            balance: wire::money(balance),
            sla_breach_count: wire::count(breaches),
            past_due_count: wire::count(past_due),
        })
        .collect())
}

#[derive(sqlx::FromRow)]
struct StageRecord {
    stage: String,
    sla_days: Option<i32>,
    case_count: i64,
    balance: Decimal,
    sla_breach_count: i64,
    days_median: Option<i32>,
    days_max: Option<i32>,
    left_count: i64,
    left_days_median: Option<i32>,
}

async fn stages(tx: &mut Transaction, span: &Span) -> Result<Vec<ReviewStage>, SqlError> {
    let records: Vec<StageRecord> = sqlx::query_as(
        "with dwelling as (
           select c.current_stage as stage, count(*) as case_count, coalesce(sum(c.current_balance), 0) as balance,
                  count(*) filter (where c.stage_entered_at + make_interval(days => coalesce(s.sla_days, l.sla_days)) < public.app_now()) as breaches,
                  percentile_disc(0.5) within group (order by public.days_since(c.stage_entered_at)) as days_median,
                  max(public.days_since(c.stage_entered_at)) as days_max
             from public.enforcement_cases c
             join public.enforcement_stage_lookup l on l.stage = c.current_stage
             left join public.enforcement_stage_settings s on s.org_id = c.org_id and s.stage = c.current_stage
            where c.org_id = (select public.current_org_id()) and c.closed_at is null
            group by c.current_stage
         ), moves as (
           select e.payload ->> 'from' as stage,
                  floor(extract(epoch from e.occurred_at - coalesce(b.occurred_at, c.opened_at)) / 86400)::int as days
             from public.enforcement_events e
             join public.enforcement_cases c on c.org_id = e.org_id and c.id = e.enforcement_case_id
             left join lateral (
               select b.occurred_at from public.enforcement_events b
                where b.org_id = e.org_id and b.enforcement_case_id = e.enforcement_case_id and b.event_kind = 'case_stage_changed'
                  and (b.occurred_at, b.event_no) < (e.occurred_at, e.event_no)
                order by b.occurred_at desc, b.event_no desc limit 1) b on true
            where e.org_id = (select public.current_org_id()) and e.event_kind = 'case_stage_changed'
              and e.occurred_at >= $1 and e.occurred_at < $2 and e.payload ->> 'from' <> e.payload ->> 'to'
         ), left_behind as (
           select m.stage, count(*) as left_count, percentile_disc(0.5) within group (order by m.days) as left_days_median
             from moves m group by m.stage
         )
         select l.stage, l.sla_days, coalesce(d.case_count, 0) as case_count, coalesce(d.balance, 0) as balance,
                coalesce(d.breaches, 0) as sla_breach_count, d.days_median, d.days_max,
                coalesce(b.left_count, 0) as left_count, b.left_days_median
           from public.v_enforcement_stages l
           left join dwelling d on d.stage = l.stage
           left join left_behind b on b.stage = l.stage
          where l.org_id = (select public.current_org_id())
            and (l.stage <> 'closure' or d.case_count > 0)
          order by l.ordinal, l.stage",
    )
    .bind(span.from)
    .bind(span.below)
    .fetch_all(&mut **tx)
    .await?;
    let days = |days: Option<i32>| days.map(wire::revision);
    Ok(records
        .into_iter()
        .map(|record| ReviewStage {
            stage: record.stage,
            sla_days: days(record.sla_days),
            case_count: wire::count(record.case_count),
            balance: wire::money(record.balance),
            sla_breach_count: wire::count(record.sla_breach_count),
            days_median: days(record.days_median),
            days_max: days(record.days_max),
            is_bottleneck: record.sla_breach_count > 0 && record.sla_breach_count * 4 >= record.case_count,
            left_count: wire::count(record.left_count),
            left_days_median: days(record.left_days_median),
        })
        .collect())
}

async fn workflows(tx: &mut Transaction) -> Result<Vec<ReviewWorkflow>, SqlError> {
    let rows: Vec<(String, i64, i64, i64)> = sqlx::query_as(
        "select t.action_type, count(a.id), count(a.id) filter (where a.next_milestone_at is null),
                count(a.id) filter (where a.next_milestone_at < public.app_now())
           from unnest(array['bank_levy', 'garnishment', 'subpoena', 'marshal']) with ordinality as t (action_type, place)
           left join public.enforcement_actions a
             on a.org_id = (select public.current_org_id()) and a.action_type = t.action_type
            and a.status in ('planned', 'filed', 'served', 'in_progress')
          group by t.action_type, t.place
          order by t.place",
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(action_type, active, without_milestone, past_due)| ReviewWorkflow {
            action_type,
            active_count: wire::count(active),
            without_milestone_count: wire::count(without_milestone),
            past_due_count: wire::count(past_due),
        })
        .collect())
}

#[derive(sqlx::FromRow)]
struct ActionRecord {
    action_id: Uuid,
    action_type: String,
    status: String,
    opened_at: DateTime<Utc>,
    next_milestone_at: Option<DateTime<Utc>>,
    is_past_due: bool,
    case_id: Uuid,
    case_number: String,
    owner_name: Option<String>,
}

async fn actions(tx: &mut Transaction) -> Result<Vec<ReviewAction>, SqlError> {
    let records: Vec<ActionRecord> = sqlx::query_as(
        "select a.id as action_id, a.action_type, a.status, a.opened_at, a.next_milestone_at,
                coalesce(a.next_milestone_at < public.app_now(), false) as is_past_due, c.id as case_id, j.case_number,
                u.display_name as owner_name
           from (select * from public.enforcement_actions a
                  where a.org_id = (select public.current_org_id()) and a.status in ('planned', 'filed', 'served', 'in_progress')
                  order by a.next_milestone_at nulls first, a.opened_at, a.id limit $1) a
           join public.enforcement_cases c on c.org_id = a.org_id and c.id = a.enforcement_case_id
           join public.core_judgments j on j.org_id = c.org_id and j.id = c.judgment_id
           left join public.users u on u.id = c.owner_id
          order by a.next_milestone_at nulls first, a.opened_at, a.id",
    )
    .bind(ACTION_ROWS)
    .fetch_all(&mut **tx)
    .await?;
    Ok(records
        .into_iter()
        .map(|record| ReviewAction {
            action_id: record.action_id.to_string(),
            action_type: record.action_type,
            status: record.status,
            opened_at: wire::instant(record.opened_at),
            next_milestone_at: record.next_milestone_at.map(wire::instant),
            is_past_due: record.is_past_due,
            case_id: record.case_id.to_string(),
            case_number: record.case_number,
            owner_name: record.owner_name,
        })
        .collect())
}

#[derive(sqlx::FromRow)]
struct MonthRecord {
    month: NaiveDate,
    plan: Option<Decimal>,
    actual: Decimal,
    payment_count: i64,
    plan_to_date: Option<Decimal>,
}

async fn recoveries(tx: &mut Transaction, span: &Span) -> Result<Recoveries, SqlError> {
    let (week_amount, week_payment_count): (Decimal, i64) = sqlx::query_as(
        "select coalesce(sum(y.amount), 0), count(*) from public.enforcement_payments y
          where y.org_id = (select public.current_org_id()) and y.received_at >= $1 and y.received_at < $2",
    )
    .bind(span.from)
    .bind(span.below)
    .fetch_one(&mut **tx)
    .await?;
    let (unlinked_count, unlinked_amount): (i64, Decimal) = sqlx::query_as(
        "select count(*), coalesce(sum(y.amount), 0) from public.enforcement_payments y
          where y.org_id = (select public.current_org_id()) and y.enforcement_case_id is null",
    )
    .fetch_one(&mut **tx)
    .await?;
    // An ISO week is of the year that its Thursday is in.
    let months: Vec<MonthRecord> = sqlx::query_as(
        "with received as (
           select date_trunc('month', y.received_at at time zone o.time_zone)::date as month, sum(y.amount) as amount, count(*) as payments
             from public.organisations o
             join public.enforcement_payments y on y.org_id = o.id
            where o.id = (select public.current_org_id())
              and y.received_at >= make_timestamp($1, 1, 1, 0, 0, 0) at time zone o.time_zone
              and y.received_at < make_timestamp($1 + 1, 1, 1, 0, 0, 0) at time zone o.time_zone
            group by 1
         )
         select m.month, p.amount as plan, coalesce(r.amount, 0) as actual, coalesce(r.payments, 0) as payment_count,
                round(p.amount * least(greatest($2::date - m.month + 1, 0), m.days) / m.days, 2) as plan_to_date
           from (select make_date($1, n, 1) as month,
                        (make_date($1, n, 1) + interval '1 month')::date - make_date($1, n, 1) as days
                   from generate_series(1, 12) n) m
           left join public.recovery_plans p on p.org_id = (select public.current_org_id()) and p.month = m.month
           left join received r on r.month = m.month
          order by m.month",
    )
    .bind(span.week.monday.iso_week().year())
    .bind(span.today)
    .fetch_all(&mut **tx)
    .await?;
    Ok(Recoveries {
        week_amount: wire::money(week_amount),
        week_payment_count: wire::count(week_payment_count),
        unlinked_count: wire::count(unlinked_count),
        unlinked_amount: wire::money(unlinked_amount),
        months: months
            .into_iter()
            .map(|record| RecoveryMonth {
                month: record.month.format("%Y-%m").to_string(),
                plan: record.plan.map(wire::money),
                actual: wire::money(record.actual),
                payment_count: wire::count(record.payment_count),
                plan_to_date: record.plan_to_date.map(wire::money),
            })
            .collect(),
    })
}

#[derive(sqlx::FromRow)]
struct OverrideRecord {
    case_id: Uuid,
    case_number: String,
    tier: Option<i16>,
    computed_tier: Option<i16>,
    set_at: Option<DateTime<Utc>>,
    renewed_count: i64,
    expires_at: DateTime<Utc>,
    note: String,
    root_cause: Option<String>,
    owner_name: Option<String>,
}

async fn overrides(tx: &mut Transaction) -> Result<Vec<PersistentOverride>, SqlError> {
    // The first expiry is no renewal, and another note or root cause is none either.
    let records: Vec<OverrideRecord> = sqlx::query_as(
        "select c.id as case_id, j.case_number, public.tier_number(c.tier_override) as tier,
                public.tier_number(c.tier) as computed_tier, c.override_set_at as set_at, r.renewed_count,
                c.override_expires_at as expires_at, c.override_note as note, c.override_root_cause as root_cause,
                u.display_name as owner_name
           from public.enforcement_cases c
           join public.core_judgments j on j.org_id = c.org_id and j.id = c.judgment_id
           left join public.users u on u.id = c.owner_id
          cross join lateral (
            select greatest(count(*) - 1, 0) as renewed_count from public.enforcement_history h
             where h.org_id = c.org_id and h.enforcement_case_id = c.id and h.action = 'override_set'
               and h.delta ? 'override_expires_at' and h.changed_at >= coalesce(c.override_set_at, c.opened_at)) r
          where c.org_id = (select public.current_org_id()) and c.closed_at is null and c.tier_override is not null
            and c.override_expires_at > public.app_now()
            and (coalesce(c.override_set_at, c.opened_at) < public.app_now() - make_interval(days => $1) or r.renewed_count > 0)
          order by coalesce(c.override_set_at, c.opened_at), c.id
          limit $2",
    )
    .bind(OVERRIDE_DAYS)
    .bind(OVERRIDE_ROWS)
    .fetch_all(&mut **tx)
    .await?;
    Ok(records
        .into_iter()
        .map(|record| PersistentOverride {
            case_id: record.case_id.to_string(),
            case_number: record.case_number,
            tier: wire::tier(record.tier),
            computed_tier: wire::tier(record.computed_tier),
            set_at: record.set_at.map(wire::instant),
            renewed_count: wire::count(record.renewed_count),
            expires_at: wire::instant(record.expires_at),
            note: record.note,
            root_cause: record.root_cause,
            owner_name: record.owner_name,
        })
        .collect())
}

#[derive(sqlx::FromRow)]
struct EventRecord {
    event_id: Uuid,
    event_kind: String,
    occurred_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    case_id: Option<Uuid>,
    case_number: String,
    judgment_id: Uuid,
    actor: String,
    note: Option<String>,
    rpc: Option<String>,
    needs_document: bool,
    has_document: bool,
    document_path: Option<String>,
    documents: Json<Vec<Paper>>,
    result: Option<String>,
    audit_note: Option<String>,
    auditor: Option<String>,
    audited_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Paper {
    id: Uuid,
    file_name: Option<String>,
    storage_path: String,
    has_file: bool,
}

/// A sample whose audit has begun
#[derive(sqlx::FromRow)]
struct KeptSample {
    id: Uuid,
    event_count: i64,
    begun_by: String,
    begun_at: DateTime<Utc>,
}

/// So many events that were written down in a week, drawn at random; one seed always draws the same
///
/// A sample whose audit has begun is the one that was drawn then.
pub async fn sample(
    tx: &mut Transaction,
    week: Option<Week>,
    seed: u32,
    size: u32,
) -> Result<ReviewSample, SqlError> {
    let span = open(tx, week).await?;
    sample_in(tx, span, seed, size).await
}

async fn sample_in(tx: &mut Transaction, span: Span, seed: u32, size: u32) -> Result<ReviewSample, SqlError> {
    let kept: Option<KeptSample> = sqlx::query_as(
        "select s.id, s.event_count, s.begun_by, s.begun_at from public.review_samples s
          where s.org_id = (select public.current_org_id()) and s.week = $1 and s.seed = $2 and s.size = $3",
    )
    .bind(span.week.monday)
    .bind(wire::saturated(seed))
    .bind(wire::saturated(size))
    .fetch_optional(&mut **tx)
    .await?;
    let records: Vec<EventRecord> = sqlx::query_as(
        "with drawn as (
           select s.place::bigint as place, s.event_id from public.review_sample_events s
            where s.org_id = (select public.current_org_id()) and s.sample_id = $1
           union all
           select d.place, d.event_id from public.draw_review_sample((select public.current_org_id()), $2, $3, $4, $5) d
            where $1 is null
         )
         select e.id as event_id, e.event_kind::text as event_kind, e.occurred_at, e.created_at as recorded_at,
                e.enforcement_case_id as case_id, j.case_number, e.judgment_id, e.actor, e.note, e.rpc, k.needs_document,
                public.event_has_document(e.org_id, e.id, e.document_path) as has_document, e.document_path, p.documents,
                a.result, a.note as audit_note, a.auditor, a.audited_at
           from drawn d
           join public.enforcement_events e on e.org_id = (select public.current_org_id()) and e.id = d.event_id
           join public.enforcement_event_kind_lookup k on k.event_kind = e.event_kind
           join public.core_judgments j on j.org_id = e.org_id and j.id = e.judgment_id
          cross join lateral (
             select coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'file_name', p.file_name, 'storage_path', p.storage_path,
                                                          'has_file', p.sha256 is not null) order by p.uploaded_at, p.id), '[]') as documents
               from public.enforcement_documents p
              where p.org_id = e.org_id and (p.event_id = e.id
                 or p.enforcement_case_id = e.enforcement_case_id and p.storage_path = e.document_path)) p
           left join lateral (
             select a.result, a.note, a.auditor, a.audited_at from public.enforcement_event_audits a
              where a.org_id = e.org_id and a.event_id = e.id order by a.id desc limit 1) a on true
          order by d.place",
    )
    .bind(kept.as_ref().map(|kept| kept.id))
    .bind(span.from)
    .bind(span.below)
    .bind(wire::saturated(seed))
    .bind(wire::saturated(size))
    .fetch_all(&mut **tx)
    .await?;
    let (written,): (i64,) = sqlx::query_as(
        "select count(*) from public.enforcement_events e
          where e.org_id = (select public.current_org_id()) and e.created_at >= $1 and e.created_at < $2",
    )
    .bind(span.from)
    .bind(span.below)
    .fetch_one(&mut **tx)
    .await?;
    let drawn_from = kept.as_ref().map_or(written, |kept| kept.event_count);
    Ok(ReviewSample {
        week: span.week.to_string(),
        seed,
        size,
        event_count: wire::count(drawn_from),
        later_count: wire::count(written - drawn_from),
        begun: kept
            .map(|kept| BegunAudit { begun_by: kept.begun_by, begun_at: wire::instant(kept.begun_at) }),
        rows: records.into_iter().map(event).collect(),
    })
}

fn event(record: EventRecord) -> SampledEvent {
    let audit = match (record.result, record.auditor, record.audited_at) {
        (Some(result), Some(auditor), Some(at)) => {
            Some(EventAudit { result, note: record.audit_note, auditor, audited_at: wire::instant(at) })
        }
        _ => None,
    };
    let papers = record.documents.0;
    let is_known =
        record.document_path.as_ref().is_some_and(|path| papers.iter().any(|it| it.storage_path == *path));
    SampledEvent {
        event_id: record.event_id.to_string(),
        event_kind: record.event_kind,
        occurred_at: wire::instant(record.occurred_at),
        recorded_at: wire::instant(record.recorded_at),
        case_id: record.case_id.map(|id| id.to_string()),
        case_number: record.case_number,
        judgment_id: record.judgment_id.to_string(),
        actor: record.actor,
        note: record.note,
        rpc: record.rpc,
        needs_document: record.needs_document,
        has_document: record.has_document,
        documents: papers
            .into_iter()
            .map(|paper| DocumentRef {
                id: paper.id.to_string(),
                name: document_name(paper.file_name, &paper.storage_path),
                has_file: paper.has_file,
            })
            .collect(),
        document_path: record.document_path.filter(|_| !is_known),
        audit,
    }
}

// ---- as a file ----

/// A figure of the review
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewLine {
    pub section: &'static str,
    pub item: String,
    pub figure: &'static str,
    pub value: String,
    /// `now` where it is as of [`WeeklyReview::as_of`], whatever the week; else the week or the month that it is of.
    pub period: String,
}

/// Every figure of a review and of its sample, one a line
pub fn lines(review: &WeeklyReview, sample: &ReviewSample) -> Vec<ReviewLine> {
    const NOW: &str = "now";
    let mut lines = Vec::new();
    let mut line = |section, item: &str, figure, value: String, period: &str| {
        lines.push(ReviewLine { section, item: item.to_owned(), figure, value, period: period.to_owned() });
    };
    let week = review.week.as_str();
    let tier = |tier: Option<Tier>| tier.map_or_else(|| "none".to_owned(), |tier| tier.number().to_string());
    let days = |days: Option<u32>| days.map(|days| days.to_string()).unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    for (figure, value) in [("from", &review.from), ("to", &review.to), ("as_of", &review.as_of)] {
        line("week", week, figure, value.clone(), week);
    }
    for row in &review.tiers {
        let item = tier(row.tier);
        line("tiers", &item, "case_count", row.case_count.to_string(), NOW);
        line("tiers", &item, "balance", row.balance.clone(), NOW);
        line("tiers", &item, "sla_breach_count", row.sla_breach_count.to_string(), NOW);
        line("tiers", &item, "past_due_count", row.past_due_count.to_string(), NOW);
    }
    for row in &review.stages {
        line("stages", &row.stage, "sla_days", days(row.sla_days), NOW);
        line("stages", &row.stage, "case_count", row.case_count.to_string(), NOW);
        line("stages", &row.stage, "balance", row.balance.clone(), NOW);
        line("stages", &row.stage, "sla_breach_count", row.sla_breach_count.to_string(), NOW);
        line("stages", &row.stage, "days_median", days(row.days_median), NOW);
        line("stages", &row.stage, "days_max", days(row.days_max), NOW);
        line("stages", &row.stage, "is_bottleneck", row.is_bottleneck.to_string(), NOW);
        line("stages", &row.stage, "left_count", row.left_count.to_string(), week);
        line("stages", &row.stage, "left_days_median", days(row.left_days_median), week);
    }
    for row in &review.workflows {
        let item = &row.action_type;
        line("workflows", item, "active_count", row.active_count.to_string(), NOW);
        line("workflows", item, "without_milestone_count", row.without_milestone_count.to_string(), NOW);
        line("workflows", item, "past_due_count", row.past_due_count.to_string(), NOW);
    }
    for row in &review.actions {
        let item = format!("{} {}", row.case_number, row.action_type);
        line("actions", &item, "status", row.status.clone(), NOW);
        line("actions", &item, "next_milestone_at", text(&row.next_milestone_at), NOW);
    }
    let recoveries = &review.recoveries;
    line("recoveries", week, "week_amount", recoveries.week_amount.clone(), week);
    line("recoveries", week, "week_payment_count", recoveries.week_payment_count.to_string(), week);
    line("recoveries", week, "unlinked_count", recoveries.unlinked_count.to_string(), NOW);
    line("recoveries", week, "unlinked_amount", recoveries.unlinked_amount.clone(), NOW);
    for row in &recoveries.months {
        line("recoveries", &row.month, "plan", text(&row.plan), &row.month);
        line("recoveries", &row.month, "actual", row.actual.clone(), &row.month);
        line("recoveries", &row.month, "payment_count", row.payment_count.to_string(), &row.month);
    }
    for row in &review.overrides {
        let item = &row.case_number;
        line("overrides", item, "tier", tier(row.tier), NOW);
        line("overrides", item, "computed_tier", tier(row.computed_tier), NOW);
        line("overrides", item, "set_at", text(&row.set_at), NOW);
        line("overrides", item, "renewed_count", row.renewed_count.to_string(), NOW);
        line("overrides", item, "expires_at", row.expires_at.clone(), NOW);
        line("overrides", item, "note", row.note.clone(), NOW);
        line("overrides", item, "root_cause", text(&row.root_cause), NOW);
    }
    line("audit", week, "seed", sample.seed.to_string(), week);
    line("audit", week, "event_count", sample.event_count.to_string(), week);
    line(
        "audit",
        week,
        "begun_at",
        sample.begun.as_ref().map(|begun| begun.begun_at.clone()).unwrap_or_default(),
        week,
    );
    for row in &sample.rows {
        let item = &row.event_id;
        let documents: Vec<&str> = row.documents.iter().map(|document| document.name.as_str()).collect();
        let audit = row.audit.as_ref();
        line("audit", item, "event_kind", row.event_kind.clone(), week);
        line("audit", item, "case_number", row.case_number.clone(), week);
        line("audit", item, "occurred_at", row.occurred_at.clone(), week);
        line("audit", item, "actor", row.actor.clone(), week);
        line("audit", item, "has_document", row.has_document.to_string(), week);
        line("audit", item, "documents", documents.join("; "), week);
        line("audit", item, "has_note", row.note.is_some().to_string(), week);
        line("audit", item, "rpc", text(&row.rpc), week);
        line("audit", item, "result", audit.map(|audit| audit.result.clone()).unwrap_or_default(), week);
        line("audit", item, "finding", audit.and_then(|audit| audit.note.clone()).unwrap_or_default(), week);
    }
    lines
}

async fn all_lines(
    tx: &mut Transaction,
    wanted: Option<Week>,
    seed: u32,
    size: u32,
) -> Result<Vec<ReviewLine>, SqlError> {
    // Of one state of the database, both.
    let review = week(tx, wanted).await?;
    let span = span(tx, wanted).await?;
    let sample = sample_in(tx, span, seed, size).await?;
    Ok(lines(&review, &sample))
}

/// Sends every figure of a week's review; true once all are sent
pub async fn send_lines(
    mut tx: Transaction,
    wanted: Option<Week>,
    seed: u32,
    size: u32,
    receiver: mpsc::Sender<Result<Vec<ReviewLine>, SqlError>>,
) -> bool {
    let found = all_lines(&mut tx, wanted, seed, size).await;
    let is_good = found.is_ok();
    receiver.send_timeout(found, listing::PATIENCE).await.is_ok() && is_good
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, monday: &str) {
        let week: Week = text.parse().expect("it is a week");
        assert_eq!((week.monday.to_string(), week.to_string()), (monday.to_owned(), text.to_owned()));
        assert_eq!(Week::of(week.sunday()), week);
    }

    #[test]
    fn weeks_are_those_of_iso_8601() {
        check("2026-W47", "2026-11-16");
        // January begins in the last week of the year before, or the year ends in the first of the next.
        check("2026-W53", "2026-12-28");
        check("2025-W01", "2024-12-30");
    }

    #[test]
    fn what_is_no_week_is_refused() {
        for text in
            ["", "2026-47", "2026-W54", "2026-W00", "2025-W53", "26-W47", "2026-W4", "1999-W01", "+026-W47"]
        {
            assert!(text.parse::<Week>().is_err(), "{text}");
        }
    }
}
