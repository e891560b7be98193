//! Alerts as people read them: those for consoles with what each person has read, the deliveries by other ways, the routes.

use chrono::{DateTime, Utc};
use contract::{
    AlertPage, AlertQuery, AlertRoute, AlertRow, DeliveryPage, DeliveryQuery, DeliveryRow, UnreadAlerts,
};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::cases::names;
use crate::judgments::QueryError;
use crate::{SqlError, Transaction, listing, wire};

const PAGE_ROWS_MAX: u32 = 200;
const PAGE_ROWS: u32 = 50;
/// More unread ones are not counted
pub const UNREAD_MAX: i64 = 100;
const UNDELIVERED_MAX: i64 = 1_000;
const STATES: [&str; 5] = ["pending", "sending", "sent", "failed", "uncertain"];

/// Alerts `a` for consoles, one an event however many routes lead there, with what the caller `m` has read up to `k`
const FOR_CONSOLES: &str = "public.enforcement_alerts a
    join public.enforcement_alert_routes r on r.org_id = a.org_id and r.id = a.route_id and r.channel = 'console'
    join public.memberships m on m.org_id = a.org_id and m.user_id = (select public.current_user_id())
    left join public.enforcement_alert_marks k on k.org_id = m.org_id and k.user_id = m.user_id";
const FIRST_OF_EVENT: &str = "a.org_id = (select public.current_org_id()) and not exists (
    select from public.enforcement_alerts b
      join public.enforcement_alert_routes q on q.org_id = b.org_id and q.id = b.route_id and q.channel = 'console'
     where b.org_id = a.org_id and b.event_id = a.event_id and b.id < a.id)";
/// Whoever joins later need not read what was told before.
const UNREAD: &str = "(a.created_at >= m.created_at and a.id > coalesce(k.read_to, 0) and not exists (
    select from public.enforcement_alert_reads d
     where d.org_id = a.org_id and d.user_id = m.user_id and d.alert_id = a.id))";

/// Which alerts for consoles are meant: a checked [`AlertQuery`]
#[derive(Debug, Clone, PartialEq)]
pub struct AlertFilter {
    kinds: Option<Vec<String>>,
    is_read: Option<bool>,
    after: Option<i64>,
    limit: u32,
}

impl TryFrom<&AlertQuery> for AlertFilter {
    type Error = QueryError;

    fn try_from(query: &AlertQuery) -> Result<Self, QueryError> {
        Ok(Self {
            kinds: names("kind", &query.kind)?,
            is_read: match listing::text("state", &query.state)?.as_deref() {
                None => None,
                Some("unread") => Some(false),
                Some("read") => Some(true),
                Some(_) => {
                    let message = "is neither unread nor read".to_owned();
                    return Err(QueryError { field: "state", message });
                }
            },
            after: after(&query.after)?,
            limit: listing::limit(query.limit, PAGE_ROWS, PAGE_ROWS_MAX)?,
        })
    }
}

/// The alert with which the page before has ended
fn after(given: &Option<String>) -> Result<Option<i64>, QueryError> {
    let place = listing::after::<1>(given)?;
    place.map(|[id]| id.parse().map_err(|_| listing::not_a_place())).transpose()
}

#[derive(sqlx::FromRow)]
struct Record {
    id: i64,
    event_id: Uuid,
    event_kind: String,
    occurred_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    case_id: Option<Uuid>,
    judgment_id: Uuid,
    case_number: String,
    tier: Option<i16>,
    actor: String,
    note: Option<String>,
    amount: Option<String>,
    is_read: bool,
}

/// One page of the alerts for consoles that a filter lets through, newest first
pub async fn page(tx: &mut Transaction, filter: &AlertFilter) -> Result<AlertPage, SqlError> {
    let mut sql: QueryBuilder<'_, Postgres> = QueryBuilder::new(format!(
        "select a.id, a.event_id, e.event_kind::text as event_kind, e.occurred_at, a.created_at, e.enforcement_case_id as case_id,
                e.judgment_id, j.case_number,
                public.tier_number(public.effective_tier_text(c.tier, c.tier_override, c.override_expires_at)) as tier, e.actor, e.note,
                case e.event_kind when 'payment_received' then e.payload ->> 'amount' end as amount, not {UNREAD} as is_read
           from {FOR_CONSOLES}
           join public.enforcement_events e on e.org_id = a.org_id and e.id = a.event_id
           join public.core_judgments j on j.org_id = e.org_id and j.id = e.judgment_id
           left join public.enforcement_cases c on c.org_id = e.org_id and c.id = e.enforcement_case_id
          where {FIRST_OF_EVENT}"
    ));
    if let Some(kinds) = &filter.kinds {
        sql.push(" and e.event_kind::text = any(").push_bind(kinds).push(")");
    }
    if let Some(is_read) = filter.is_read {
        sql.push(if is_read { " and not " } else { " and " }).push(UNREAD);
    }
    if let Some(after) = filter.after {
        sql.push(" and a.id < ").push_bind(after);
    }
    sql.push(" order by a.id desc limit ").push_bind(i64::from(filter.limit) + 1);
    let mut records: Vec<Record> = sql.build_query_as().fetch_all(&mut **tx).await?;
    let has_more = records.len() > filter.limit as usize;
    records.truncate(filter.limit as usize);
    let next = records.last().filter(|_| has_more).map(|row| row.id.to_string());
    let rows = records.into_iter().map(|row| AlertRow {
        id: wire::count(row.id),
        event_id: row.event_id.to_string(),
        event_kind: row.event_kind,
        occurred_at: wire::instant(row.occurred_at),
        created_at: wire::instant(row.created_at),
        case_id: row.case_id.map(|id| id.to_string()),
        judgment_id: row.judgment_id.to_string(),
        case_number: row.case_number,
        tier: wire::tier(row.tier),
        actor: row.actor,
        note: row.note,
        amount: row.amount,
        is_read: row.is_read,
    });
    Ok(AlertPage { rows: rows.collect(), next })
}

/// How many alerts for consoles the caller has not read
pub async fn unread(tx: &mut Transaction) -> Result<UnreadAlerts, SqlError> {
    let (count, has_route): (i64, bool) = sqlx::query_as(&format!(
        "select (select count(*) from (select from {FOR_CONSOLES} where {FIRST_OF_EVENT} and {UNREAD} limit $1) n),
                exists (select from public.enforcement_alert_routes r
                         where r.org_id = (select public.current_org_id()) and r.channel = 'console' and r.is_enabled)"
    ))
    .bind(UNREAD_MAX)
    .fetch_one(&mut **tx)
    .await?;
    Ok(UnreadAlerts { count: wire::count(count), has_route })
}

/// Which deliveries are meant: a checked [`DeliveryQuery`]
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryFilter {
    states: Option<Vec<String>>,
    kinds: Option<Vec<String>>,
    after: Option<i64>,
    limit: u32,
}

impl TryFrom<&DeliveryQuery> for DeliveryFilter {
    type Error = QueryError;

    fn try_from(query: &DeliveryQuery) -> Result<Self, QueryError> {
        Ok(Self {
            states: listing::choices("state", &query.state, &STATES)?,
            kinds: names("kind", &query.kind)?,
            after: after(&query.after)?,
            limit: listing::limit(query.limit, PAGE_ROWS, PAGE_ROWS_MAX)?,
        })
    }
}

#[derive(sqlx::FromRow)]
struct DeliveryRecord {
    id: i64,
    route_id: Uuid,
    channel: String,
    target: String,
    state: String,
    attempts: i32,
    error: Option<String>,
    created_at: DateTime<Utc>,
    sent_at: Option<DateTime<Utc>>,
    next_try_at: DateTime<Utc>,
    event_kind: String,
    case_id: Option<Uuid>,
    judgment_id: Uuid,
    case_number: String,
}

/// One page of the deliveries that a filter lets through, newest first; for admins, who may know the targets
pub async fn deliveries(tx: &mut Transaction, filter: &DeliveryFilter) -> Result<DeliveryPage, SqlError> {
    const OTHER_ROUTES: &str = "public.enforcement_alerts a
        join public.enforcement_alert_routes r on r.org_id = a.org_id and r.id = a.route_id and r.channel <> 'console'";
    let (undelivered,): (i64,) = sqlx::query_as(&format!(
        "select count(*) from (select from {OTHER_ROUTES}
                                where a.org_id = (select public.current_org_id()) and a.state in ('failed', 'uncertain') limit $1) n"
    ))
    .bind(UNDELIVERED_MAX)
    .fetch_one(&mut **tx)
    .await?;
    let mut sql: QueryBuilder<'_, Postgres> = QueryBuilder::new(format!(
        "select a.id, a.route_id, r.channel, r.target, a.state::text as state, a.attempts, a.error, a.created_at, a.sent_at, a.next_try_at,
                e.event_kind::text as event_kind, e.enforcement_case_id as case_id, e.judgment_id, j.case_number
           from {OTHER_ROUTES}
           join public.enforcement_events e on e.org_id = a.org_id and e.id = a.event_id
           join public.core_judgments j on j.org_id = e.org_id and j.id = e.judgment_id
          where a.org_id = (select public.current_org_id())"
    ));
    match filter.states.as_deref() {
        // In the words of the index.
        Some([one, other]) if one == "failed" && other == "uncertain" => {
            sql.push(" and a.state in ('failed', 'uncertain')");
        }
        Some(states) => {
            sql.push(" and a.state::text = any(").push_bind(states).push(")");
        }
        None => {}
    }
    if let Some(kinds) = &filter.kinds {
        sql.push(" and e.event_kind::text = any(").push_bind(kinds).push(")");
    }
    if let Some(after) = filter.after {
        sql.push(" and a.id < ").push_bind(after);
    }
    sql.push(" order by a.id desc limit ").push_bind(i64::from(filter.limit) + 1);
    let mut records: Vec<DeliveryRecord> = sql.build_query_as().fetch_all(&mut **tx).await?;
    let has_more = records.len() > filter.limit as usize;
    records.truncate(filter.limit as usize);
    let next = records.last().filter(|_| has_more).map(|row| row.id.to_string());
    let rows = records.into_iter().map(|row| DeliveryRow {
        id: wire::count(row.id),
        route_id: row.route_id.to_string(),
        channel: row.channel,
        target: row.target,
        next_try_at: (row.state == "pending").then(|| wire::instant(row.next_try_at)),
        state: row.state,
        attempts: wire::revision(row.attempts),
        error: row.error,
        created_at: wire::instant(row.created_at),
        sent_at: row.sent_at.map(wire::instant),
        event_kind: row.event_kind,
        case_id: row.case_id.map(|id| id.to_string()),
        judgment_id: row.judgment_id.to_string(),
        case_number: row.case_number,
    });
    Ok(DeliveryPage { rows: rows.collect(), next, undelivered_count: wire::count(undelivered) })
}

#[derive(sqlx::FromRow)]
struct RouteRecord {
    id: Uuid,
    channel: String,
    target: Option<String>,
    event_kinds: Option<Vec<String>>,
    is_enabled: bool,
    created_by: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// By what ways whom is told of which events; for admins, who may know the targets
pub async fn routes(tx: &mut Transaction) -> Result<Vec<AlertRoute>, SqlError> {
    let records: Vec<RouteRecord> = sqlx::query_as(
        "select r.id, r.channel, r.target, r.event_kinds::text[] as event_kinds, r.is_enabled, r.created_by, r.created_at, r.updated_at
           from public.enforcement_alert_routes r
          where r.org_id = (select public.current_org_id())
          order by not r.is_enabled, r.channel <> 'console', r.channel, r.target, r.id",
    )
    .fetch_all(&mut **tx)
    .await?;
    let routes = records.into_iter().map(|row| AlertRoute {
        id: row.id.to_string(),
        channel: row.channel,
        target: row.target,
        event_kinds: row.event_kinds,
        is_enabled: row.is_enabled,
        created_by: row.created_by,
        created_at: wire::instant(row.created_at),
        updated_at: wire::instant(row.updated_at),
    });
    Ok(routes.collect())
}
