//! Cases as people list, export and open them, what happened to them, and what wants somebody's hand today.
//!
//! Every list stops where its reader stops: it follows an index and begins where the page before has ended. The keys are
//! written down in the cursor, to the microsecond and the cent, as the database has them.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use contract::{
    CaseAction, CaseDetail, CaseDocument, CaseEventKind, CaseFacets, CaseJudgment, CaseOwner, CasePage,
    CasePayment, CasePayments, CasePool, CaseQuery, CaseRow, CaseStage, CaseTask, DocumentRef, JudgmentRef,
    RecentEvent, RecentEvents, RecentQuery, TimelineItem, TimelinePage, TimelineQuery, Today, TodayGroup,
    TodayPage, TodayQuery, TodayRow,
};
use futures_util::TryStreamExt;
use policy::tier::Tier;
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{Postgres, QueryBuilder};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::judgments::{QueryError, SEARCH_LENGTH_MAX, given};
use crate::{SqlError, Transaction, listing, wire};

pub const PAGE_ROWS_MAX: u32 = 500;
const PAGE_ROWS: u32 = 100;
const RECENT_ROWS_MAX: u32 = 200;
const RECENT_ROWS: u32 = 50;
/// Rows of a group that the morning list shows
const TODAY_ROWS: usize = 5;

const ROW_COLUMNS: &str =
    "v.case_id as id, v.judgment_id, j.judgment_no, v.case_number, v.plaintiff_id, v.plaintiff_name,
    v.defendant_name, v.tier, v.computed_tier, v.tier_override, v.override_expires_at, v.current_stage, v.stage_entered_at,
    v.days_in_stage, v.sla_days, v.is_sla_breached, v.next_action_at, v.is_past_due, v.is_blocked, v.blocked_until, v.owner_id,
    v.owner_name, v.current_balance, v.opened_at, v.closed_at, v.closure_reason, j.priority_level";
const ROW_TABLES: &str = "public.v_enforcement_cases v
    join public.core_judgments j on j.org_id = v.org_id and j.id = v.judgment_id";

/// Which cases are meant, and in which order: a checked [`CaseQuery`]
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CaseFilter {
    search: Option<String>,
    /// As cases carry them.
    tiers: Option<Vec<String>>,
    is_never_tiered: bool,
    stages: Option<Vec<String>>,
    owner: Option<Owner>,
    is_closed: bool,
    is_past_due: bool,
    is_sla_breached: bool,
    is_blocked: bool,
    days_min: Option<i32>,
    sort: Sort,
    cursor: Option<Cursor>,
    limit: u32,
}

/// What every case of an effective tier 3 fulfils; an index has just these
const STRATEGIC: &str = "(c.tier = 'tier3' or c.tier_override = 'tier3')";
/// The stage in which cases begin; an index has just those in it
const INTAKE: &str = "pre_enforcement";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Owner {
    Nobody,
    Me,
    Person(Uuid),
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Sort {
    key: SortKey,
    descends: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum SortKey {
    #[default]
    NextAction,
    Balance,
    StageEntered,
    Closed,
}

impl SortKey {
    fn column(self) -> &'static str {
        match self {
            Self::NextAction => "c.next_action_at",
            Self::Balance => "c.current_balance",
            Self::StageEntered => "c.stage_entered_at",
            Self::Closed => "c.closed_at",
        }
    }
}

impl Sort {
    fn parse(text: &str, is_closed: bool) -> Result<Self, QueryError> {
        let (descends, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        match (name, is_closed) {
            ("next_action", false) => Ok(Self { key: SortKey::NextAction, descends }),
            // Who has been there longest has entered it first.
            ("days", _) => Ok(Self { key: SortKey::StageEntered, descends: !descends }),
            // A closed case has no next action; what it had last was its closing.
            ("closed" | "next_action", true) => Ok(Self { key: SortKey::Closed, descends }),
            ("balance", _) => Ok(Self { key: SortKey::Balance, descends }),
            _ => Err(QueryError { field: "sort", message: format!("cannot sort by `{name}`") }),
        }
    }

    fn direction(self) -> &'static str {
        if self.descends { "desc" } else { "asc" }
    }
}

/// The last row of a page: what comes after it is the next
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cursor {
    /// None among those that lack the value; they come last.
    key: Option<Key>,
    id: Uuid,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Key {
    Instant(DateTime<Utc>),
    Amount(Decimal),
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key {
            Some(Key::Instant(at)) => write!(f, "{}", exact_instant(at))?,
            Some(Key::Amount(amount)) => write!(f, "{amount}")?,
            None => {}
        }
        write!(f, "~{}", self.id)
    }
}

impl Cursor {
    fn parse(text: &str, key: SortKey) -> Option<Self> {
        let (value, id) = text.split_once('~')?;
        let key = match (value, key) {
            ("", _) => None,
            (value, SortKey::Balance) => Some(Key::Amount(value.parse().ok()?)),
            (value, _) => Some(Key::Instant(value.parse().ok()?)),
        };
        Some(Self { key, id: id.parse().ok()? })
    }
}

/// To the microsecond, as the database has it
fn exact_instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn bad_cursor() -> QueryError {
    QueryError { field: "cursor", message: "not a cursor of this list".to_owned() }
}

fn limit(limit: Option<u32>, default: u32, max: u32) -> Result<u32, QueryError> {
    let limit = limit.unwrap_or(default);
    if (1..=max).contains(&limit) {
        Ok(limit)
    } else {
        Err(QueryError { field: "limit", message: format!("`{limit}` is not between 1 and {max}") })
    }
}

fn flag(field: &'static str, text: &Option<String>) -> Result<bool, QueryError> {
    match given(text) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => {
            Err(QueryError { field, message: format!("`{}` is neither true nor false", clipped(other)) })
        }
    }
}

fn clipped(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Comma-separated names of ours; a name that nothing has matches nothing
pub(crate) fn names(field: &'static str, text: &Option<String>) -> Result<Option<Vec<String>>, QueryError> {
    given(text)
        .map(|text| {
            text.split(',')
                .map(str::trim)
                .map(|name| {
                    let is_name = !name.is_empty()
                        && name.len() <= 40
                        && name
                            .bytes()
                            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
                    if is_name {
                        Ok(name.to_owned())
                    } else {
                        Err(QueryError { field, message: format!("unknown {field} `{}`", clipped(name)) })
                    }
                })
                .collect()
        })
        .transpose()
}

impl TryFrom<&CaseQuery> for CaseFilter {
    type Error = QueryError;

    fn try_from(query: &CaseQuery) -> Result<Self, QueryError> {
        let is_closed = match given(&query.state) {
            None | Some("open") => false,
            Some("closed") => true,
            Some(other) => {
                let message = format!("`{}` is neither open nor closed", clipped(other));
                return Err(QueryError { field: "state", message });
            }
        };
        let sort = match given(&query.sort) {
            Some(text) => Sort::parse(text, is_closed)?,
            None if is_closed => Sort { key: SortKey::Closed, descends: true },
            None => Sort::default(),
        };
        let mut filter = Self {
            search: given(&query.search).map(str::to_owned),
            stages: names("stage", &query.stage)?,
            is_closed,
            is_past_due: flag("past_due", &query.past_due)?,
            is_sla_breached: flag("sla_breach", &query.sla_breach)?,
            is_blocked: flag("blocked", &query.blocked)?,
            sort,
            limit: limit(query.limit, PAGE_ROWS, PAGE_ROWS_MAX)?,
            ..Self::default()
        };
        if let Some(search) = &filter.search {
            if search.len() > SEARCH_LENGTH_MAX {
                let message = format!("longer than {SEARCH_LENGTH_MAX} bytes");
                return Err(QueryError { field: "search", message });
            }
            if search.contains('\0') {
                return Err(QueryError { field: "search", message: "contains a null character".to_owned() });
            }
        }
        if let Some(tiers) = given(&query.tier) {
            let mut wanted = Vec::new();
            for tier in tiers.split(',').map(str::trim) {
                match tier {
                    "none" => filter.is_never_tiered = true,
                    "0" | "1" | "2" | "3" => wanted.push(format!("tier{tier}")),
                    _ => {
                        let message = format!("`{}` is not a tier", clipped(tier));
                        return Err(QueryError { field: "tier", message });
                    }
                }
            }
            filter.tiers = Some(wanted);
        }
        filter.owner = given(&query.owner)
            .map(|owner| match owner {
                "nobody" => Ok(Owner::Nobody),
                "me" => Ok(Owner::Me),
                _ => owner.parse().map(Owner::Person).map_err(|_| QueryError {
                    field: "owner",
                    message: format!("`{}` is no user's id, and neither me nor nobody", clipped(owner)),
                }),
            })
            .transpose()?;
        filter.days_min = given(&query.days_min)
            .map(|days| {
                days.parse().ok().filter(|days| (0..=9999).contains(days)).ok_or_else(|| QueryError {
                    field: "days_min",
                    message: format!("`{}` is not a number of days from 0 to 9999", clipped(days)),
                })
            })
            .transpose()?;
        filter.cursor = given(&query.cursor)
            .map(|cursor| Cursor::parse(cursor, filter.sort.key).ok_or_else(bad_cursor))
            .transpose()?;
        Ok(filter)
    }
}

impl CaseFilter {
    /// Whether cases of tier 3 alone are meant
    fn is_strategic(&self) -> bool {
        !self.is_never_tiered
            && self.tiers.as_deref().is_some_and(|tiers| matches!(tiers, [tier] if tier == "tier3"))
    }

    /// Appends `where …` over the alias `c`
    fn push_conditions<'a>(&'a self, sql: &mut QueryBuilder<'a, Postgres>) {
        sql.push(" where c.org_id = (select public.current_org_id())");
        sql.push(if self.is_closed { " and c.closed_at is not null" } else { " and c.closed_at is null" });
        if let Some(tiers) = &self.tiers {
            let tier = "public.effective_tier_text(c.tier, c.tier_override, c.override_expires_at)";
            sql.push(" and (").push(tier).push(" = any(").push_bind(tiers).push(")");
            if self.is_never_tiered {
                sql.push(" or ").push(tier).push(" is null");
            }
            sql.push(")");
            if self.is_strategic() {
                sql.push(" and ").push(STRATEGIC);
            }
        }
        match self.stages.as_deref() {
            Some([stage]) if stage == INTAKE => {
                sql.push(" and c.current_stage = 'pre_enforcement'");
            }
            Some(stages) => {
                sql.push(" and c.current_stage = any(").push_bind(stages).push(")");
            }
            None => {}
        }
        match self.owner {
            Some(Owner::Nobody) => {
                sql.push(" and c.owner_id is null");
            }
            Some(Owner::Me) => {
                sql.push(" and c.owner_id = (select public.current_user_id())");
            }
            Some(Owner::Person(id)) => {
                sql.push(" and c.owner_id = ").push_bind(id);
            }
            None => {}
        }
        if self.is_past_due {
            sql.push(" and c.next_action_at < public.app_now()");
        }
        if self.is_blocked {
            sql.push(" and c.blocked_since is not null");
        }
        if let Some(days) = self.days_min {
            sql.push(" and c.stage_entered_at <= public.app_now() - make_interval(days => ");
            sql.push_bind(days).push(")");
        }
        if self.is_sla_breached {
            sql.push(
                " and c.closed_at is null and exists (
                   select from public.enforcement_stage_lookup l
                     left join public.enforcement_stage_settings s
                       on s.org_id = (select public.current_org_id()) and s.stage = l.stage
                    where l.stage = c.current_stage
                      and c.stage_entered_at + make_interval(days => coalesce(s.sla_days, l.sla_days)) < public.app_now())",
            );
        }
        if let Some(search) = &self.search {
            sql.push(" and c.judgment_id in (select public.search_judgments(").push_bind(search).push("))");
        }
    }

    /// Appends the condition that a row comes after the cursor, which has a value
    fn push_after<'a>(&self, sql: &mut QueryBuilder<'a, Postgres>, key: Key, id: Uuid) {
        sql.push(" and (").push(self.sort.key.column()).push(", c.id) ");
        sql.push(if self.sort.descends { "< (" } else { "> (" });
        match key {
            Key::Instant(at) => sql.push_bind(at),
            Key::Amount(amount) => sql.push_bind(amount),
        };
        sql.push(", ").push_bind(id).push(")");
    }
}

#[derive(sqlx::FromRow)]
struct Record {
    id: Uuid,
    judgment_id: Uuid,
    judgment_no: i64,
    case_number: String,
    plaintiff_id: Option<Uuid>,
    plaintiff_name: Option<String>,
    defendant_name: Option<String>,
    tier: Option<String>,
    computed_tier: Option<String>,
    tier_override: Option<String>,
    override_expires_at: Option<DateTime<Utc>>,
    current_stage: String,
    stage_entered_at: DateTime<Utc>,
    days_in_stage: i32,
    sla_days: Option<i32>,
    is_sla_breached: bool,
    next_action_at: Option<DateTime<Utc>>,
    is_past_due: bool,
    is_blocked: bool,
    blocked_until: Option<DateTime<Utc>>,
    owner_id: Option<Uuid>,
    owner_name: Option<String>,
    current_balance: Option<Decimal>,
    opened_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
    closure_reason: Option<String>,
    priority_level: String,
}

/// The table's check admits no other texts
fn tier(text: Option<String>) -> Option<Tier> {
    text.and_then(|text| Tier::from_case_text(&text).ok())
}

fn days(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

fn text(id: Option<Uuid>) -> Option<String> {
    id.map(|id| id.to_string())
}

impl From<Record> for CaseRow {
    fn from(record: Record) -> Self {
        let tier_override = tier(record.tier_override);
        Self {
            id: record.id.to_string(),
            judgment_id: record.judgment_id.to_string(),
            judgment_no: wire::count(record.judgment_no),
            case_number: record.case_number,
            plaintiff_id: text(record.plaintiff_id),
            plaintiff_name: record.plaintiff_name,
            defendant_name: record.defendant_name,
            tier: tier(record.tier),
            computed_tier: tier(record.computed_tier),
            override_expires_at: record
                .override_expires_at
                .filter(|_| tier_override.is_some())
                .map(wire::instant),
            tier_override,
            current_stage: record.current_stage,
            stage_entered_at: wire::instant(record.stage_entered_at),
            days_in_stage: days(record.days_in_stage),
            sla_days: record.sla_days.map(days),
            is_sla_breached: record.is_sla_breached,
            next_action_at: record.next_action_at.map(wire::instant),
            is_past_due: record.is_past_due,
            is_blocked: record.is_blocked,
            blocked_until: record.blocked_until.map(wire::instant),
            owner_id: text(record.owner_id),
            owner_name: record.owner_name,
            current_balance: record.current_balance.map(wire::money),
            opened_at: wire::instant(record.opened_at),
            closed_at: record.closed_at.map(wire::instant),
            closure_reason: record.closure_reason,
            priority_level: record.priority_level,
        }
    }
}

/// How many cases a filter lets through, and their balance
pub async fn totals(tx: &mut Transaction, filter: &CaseFilter) -> Result<(u64, String), SqlError> {
    let mut sql = QueryBuilder::new(
        "select count(*), coalesce(sum(c.current_balance), 0) from public.enforcement_cases c",
    );
    filter.push_conditions(&mut sql);
    let (total, balance): (i64, Decimal) = sql.build_query_as().fetch_one(&mut **tx).await?;
    Ok((wire::count(total), wire::money(balance)))
}

/// One page of the cases that a filter lets through; the first comes with count and balance of all of them
pub async fn page(tx: &mut Transaction, filter: &CaseFilter) -> Result<CasePage, SqlError> {
    let totals = match filter.cursor {
        None => Some(totals(tx, filter).await?),
        Some(_) => None,
    };
    let (ids, next_cursor) = page_ids(tx, filter).await?;
    let (total, total_balance) = totals.unzip();
    Ok(CasePage { total, total_balance, rows: by_ids(tx, &ids).await?, next_cursor })
}

/// The cases of a page in their order, and the cursor of the next
async fn page_ids(
    tx: &mut Transaction,
    filter: &CaseFilter,
) -> Result<(Vec<Uuid>, Option<String>), SqlError> {
    let wanted = filter.limit as usize;
    let mut found = places(tx, filter, wanted + 1).await?;
    let has_more = found.len() > wanted;
    found.truncate(wanted);
    let next_cursor = found.last().filter(|_| has_more).map(Cursor::to_string);
    Ok((found.into_iter().map(|row| row.id).collect(), next_cursor))
}

/// The places of the first cases after the cursor, at most so many
async fn places(tx: &mut Transaction, filter: &CaseFilter, wanted: usize) -> Result<Vec<Cursor>, SqlError> {
    let mut found: Vec<Cursor> = Vec::new();
    // Those that have the value, in the order of its index; then those that lack it: one condition for both would follow no index.
    if filter.cursor.is_none_or(|cursor| cursor.key.is_some()) {
        found = run_ids(tx, filter, filter.cursor, true, wanted).await?;
    }
    if found.len() < wanted {
        let after = filter.cursor.filter(|cursor| cursor.key.is_none());
        let rest = wanted - found.len();
        found.extend(run_ids(tx, filter, after, false, rest).await?);
    }
    Ok(found)
}

async fn run_ids(
    tx: &mut Transaction,
    filter: &CaseFilter,
    after: Option<Cursor>,
    has_value: bool,
    limit: usize,
) -> Result<Vec<Cursor>, SqlError> {
    let column = filter.sort.key.column();
    let mut sql = QueryBuilder::new(format!("select c.id, {column} from public.enforcement_cases c"));
    filter.push_conditions(&mut sql);
    sql.push(format!(" and {column} is {}null", if has_value { "not " } else { "" }));
    match after {
        Some(Cursor { key: Some(key), id }) => filter.push_after(&mut sql, key, id),
        Some(Cursor { key: None, id }) => {
            sql.push(" and c.id > ").push_bind(id);
        }
        None => {}
    }
    if has_value {
        let direction = filter.sort.direction();
        sql.push(format!(" order by {column} {direction}, c.id {direction}"));
    } else {
        sql.push(" order by c.id");
    }
    sql.push(" limit ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    if filter.sort.key == SortKey::Balance {
        let rows: Vec<(Uuid, Option<Decimal>)> = sql.build_query_as().fetch_all(&mut **tx).await?;
        return Ok(rows.into_iter().map(|(id, key)| Cursor { key: key.map(Key::Amount), id }).collect());
    }
    let rows: Vec<(Uuid, Option<DateTime<Utc>>)> = sql.build_query_as().fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(|(id, key)| Cursor { key: key.map(Key::Instant), id }).collect())
}

/// These cases in this order; one that the caller does not see is left out
pub async fn by_ids(tx: &mut Transaction, ids: &[Uuid]) -> Result<Vec<CaseRow>, SqlError> {
    let records: Vec<Record> = sqlx::query_as(&format!(
        "select {ROW_COLUMNS} from unnest($1::uuid[]) with ordinality o (id, n)
           join ({ROW_TABLES}) on v.case_id = o.id and v.org_id = (select public.current_org_id())
          order by o.n"
    ))
    .bind(ids)
    .fetch_all(&mut **tx)
    .await?;
    Ok(records.into_iter().map(CaseRow::from).collect())
}

/// The ids of the cases that a filter lets through, at most `limit`
pub(crate) async fn ids(
    tx: &mut Transaction,
    filter: &CaseFilter,
    limit: i64,
) -> Result<Vec<Uuid>, SqlError> {
    let mut sql = QueryBuilder::new("select c.id from public.enforcement_cases c");
    filter.push_conditions(&mut sql);
    sql.push(" limit ").push_bind(limit);
    let rows: Vec<(Uuid,)> = sql.build_query_as().fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Sends every case that a filter lets through, in its order; cursor and limit do not count here
///
/// True once all are sent; false where the receiver is gone or took too long. An error is sent and comes last.
pub async fn send_rows(
    mut tx: Transaction,
    filter: CaseFilter,
    receiver: mpsc::Sender<Result<Vec<CaseRow>, SqlError>>,
) -> bool {
    let mut sql = QueryBuilder::new(format!(
        "select {ROW_COLUMNS} from public.enforcement_cases c join ({ROW_TABLES}) on v.org_id = c.org_id and v.case_id = c.id"
    ));
    filter.push_conditions(&mut sql);
    let (column, direction) = (filter.sort.key.column(), filter.sort.direction());
    // Those that lack the value come last, by id, as in the pages.
    sql.push(format!(
        " order by {column} {direction} nulls last, case when {column} is null then c.id end, c.id {direction}"
    ));
    let records = sql.build_query_as::<Record>().fetch(&mut *tx).map_ok(CaseRow::from);
    listing::send(records, receiver).await
}

#[derive(sqlx::FromRow)]
struct StageRecord {
    stage: String,
    ordinal: i32,
    sla_days: Option<i32>,
    description: String,
    tasks: Json<Vec<Value>>,
}

#[derive(sqlx::FromRow)]
struct KindRecord {
    kind: String,
    description: String,
    needs_document: bool,
    action_type: Option<String>,
    action_status: Option<String>,
}

/// What filters and forms can offer
pub async fn facets(tx: &mut Transaction) -> Result<CaseFacets, SqlError> {
    let stages: Vec<StageRecord> = sqlx::query_as(
        "select stage, ordinal, sla_days, description, tasks from public.v_enforcement_stages order by ordinal, stage",
    )
    .fetch_all(&mut **tx)
    .await?;
    let owners: Vec<(Uuid, String, String)> = sqlx::query_as(
        "select u.id, u.display_name, m.role::text
           from public.memberships m join public.users u on u.id = m.user_id
          where m.org_id = (select public.current_org_id()) and m.role <> 'viewer' and u.disabled_at is null
          order by lower(u.display_name), u.id",
    )
    .fetch_all(&mut **tx)
    .await?;
    let kinds: Vec<KindRecord> = sqlx::query_as(
        "select event_kind::text as kind, description, needs_document, action_type, action_status
           from public.enforcement_event_kind_lookup order by event_kind",
    )
    .fetch_all(&mut **tx)
    .await?;
    let pools: Vec<(Uuid, String, Vec<String>)> = sqlx::query_as(
        "select p.id, p.name, array_agg(g.display_name order by g.display_name)
           from public.agent_pools p
           join lateral (
             select u.display_name, rank() over (order by m.priority_rank) as place
               from public.agent_pool_members m
               join public.agent_profiles a on a.org_id = m.org_id and a.id = m.agent_profile_id and a.retired_at is null
               join public.memberships s on s.org_id = a.org_id and s.user_id = a.user_id and s.role <> 'viewer'
               join public.users u on u.id = s.user_id
              where m.org_id = p.org_id and m.pool_id = p.id) g on g.place = 1
          where p.org_id = (select public.current_org_id()) and p.deleted_at is null
          group by p.id, p.name order by lower(p.name)",
    )
    .fetch_all(&mut **tx)
    .await?;
    let title = |task: Value| task.get("title").and_then(Value::as_str).map(str::to_owned);
    Ok(CaseFacets {
        stages: stages
            .into_iter()
            .map(|row| CaseStage {
                stage: row.stage,
                ordinal: days(row.ordinal),
                sla_days: row.sla_days.map(days),
                description: row.description,
                // As set_enforcement_stage has it.
                needs_document: row.ordinal == 4,
                tasks: row.tasks.0.into_iter().filter_map(title).collect(),
            })
            .collect(),
        owners: owners
            .into_iter()
            .map(|(user_id, display_name, role)| CaseOwner {
                user_id: user_id.to_string(),
                display_name,
                role: if role == "admin" { contract::Role::Admin } else { contract::Role::Operator },
            })
            .collect(),
        event_kinds: kinds
            .into_iter()
            .map(|row| CaseEventKind {
                is_logged_by_hand: !WRITTEN_BY_FUNCTIONS.contains(&row.kind.as_str()),
                kind: row.kind,
                description: row.description,
                needs_document: row.needs_document,
                action_type: row.action_type,
                action_status: row.action_status,
            })
            .collect(),
        pools: pools
            .into_iter()
            .map(|(id, name, owners)| CasePool { id: id.to_string(), name, owners })
            .collect(),
    })
}

/// Kinds of events that `log_enforcement_event` refuses
const WRITTEN_BY_FUNCTIONS: [&str; 5] =
    ["case_stage_changed", "payment_received", "action_updated", "action_completed", "action_cancelled"];

// ---- a case ----

#[derive(sqlx::FromRow)]
struct DetailRecord {
    #[sqlx(flatten)]
    row: Record,
    tier_reason: Option<String>,
    computed_tier_reason: Option<String>,
    override_note: Option<String>,
    override_root_cause: Option<String>,
    collectability_score: Option<Decimal>,
    blocked_since: Option<DateTime<Utc>>,
    blocked_note: Option<String>,
    status: String,
    court: Option<String>,
    county: Option<String>,
    state: Option<String>,
    judgment_date: Option<NaiveDate>,
    judgment_amount: Decimal,
    balance_due: Option<Decimal>,
    asset_signals: i16,
    plaintiff_status: Option<String>,
    payment_count: i64,
    payment_total: Decimal,
    last_received_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct ActionRecord {
    id: Uuid,
    action_type: String,
    status: String,
    status_reason: Option<String>,
    opened_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
    next_milestone_at: Option<DateTime<Utc>>,
    created_by: String,
    documents: i64,
}

const ACTION_COLUMNS: &str =
    "a.id, a.action_type, a.status, a.status_reason, a.opened_at, a.closed_at, a.next_milestone_at, a.created_by,
    (select count(*) from public.enforcement_documents d where d.org_id = a.org_id and d.action_id = a.id) as documents";

impl From<ActionRecord> for CaseAction {
    fn from(record: ActionRecord) -> Self {
        Self {
            id: record.id.to_string(),
            action_type: record.action_type,
            status: record.status,
            status_reason: record.status_reason,
            opened_at: wire::instant(record.opened_at),
            closed_at: record.closed_at.map(wire::instant),
            next_milestone_at: record.next_milestone_at.map(wire::instant),
            created_by: record.created_by,
            documents: wire::count(record.documents),
        }
    }
}

#[derive(sqlx::FromRow)]
struct DocumentRecord {
    id: Uuid,
    doc_kind: String,
    storage_path: String,
    file_name: Option<String>,
    has_file: bool,
    uploaded_by: String,
    uploaded_at: DateTime<Utc>,
    action_id: Option<Uuid>,
}

#[derive(sqlx::FromRow)]
struct TaskRecord {
    id: Uuid,
    kind: String,
    title: String,
    due_at: Option<DateTime<Utc>>,
    is_past_due: bool,
    note: Option<String>,
    created_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct PaymentRecord {
    id: Uuid,
    amount: Decimal,
    received_at: DateTime<Utc>,
    source: Option<String>,
    recorded_by: String,
}

impl From<PaymentRecord> for CasePayment {
    fn from(record: PaymentRecord) -> Self {
        Self {
            id: record.id.to_string(),
            amount: wire::money(record.amount),
            received_at: wire::instant(record.received_at),
            source: record.source,
            recorded_by: record.recorded_by,
        }
    }
}

const PAYMENT_COLUMNS: &str = "y.id, y.amount, y.received_at, y.source, y.recorded_by";

/// Actions, documents and payments that a case's page shows of each
const DETAIL_ROWS: i64 = 100;

/// Everything that a case's page shows beside its timeline; None where the caller sees no such case
pub async fn detail(tx: &mut Transaction, id: Uuid) -> Result<Option<CaseDetail>, SqlError> {
    let found: Option<DetailRecord> = sqlx::query_as(&format!(
        "select {ROW_COLUMNS}, v.tier_reason, v.computed_tier_reason, case when v.tier_override is not null then v.override_note end as override_note,
                case when v.tier_override is not null then c.override_root_cause end as override_root_cause,
                v.collectability_score, v.blocked_since,
                case when v.is_blocked then (
                  select e.note from public.enforcement_events e
                   where e.org_id = v.org_id and e.enforcement_case_id = v.case_id and e.event_kind = 'blocked'
                   order by e.event_no desc limit 1) end as blocked_note,
                j.status, j.court, j.county, j.state, j.judgment_date, j.judgment_amount, j.balance_due,
                j.asset_signals, p.status as plaintiff_status, y.payment_count, y.payment_total, y.last_received_at
           from {ROW_TABLES}
           join public.enforcement_cases c on c.org_id = v.org_id and c.id = v.case_id
           left join public.plaintiffs p on p.org_id = v.org_id and p.id = v.plaintiff_id
          cross join lateral (
            select count(*) as payment_count, coalesce(sum(y.amount), 0) as payment_total, max(y.received_at) as last_received_at
              from public.enforcement_payments y where y.org_id = v.org_id and y.enforcement_case_id = v.case_id) y
          where v.org_id = (select public.current_org_id()) and v.case_id = $1"
    ))
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?;
    let Some(found) = found else {
        return Ok(None);
    };
    let actions: Vec<ActionRecord> = sqlx::query_as(&format!(
        "select {ACTION_COLUMNS} from public.enforcement_actions a
          where a.org_id = (select public.current_org_id()) and a.enforcement_case_id = $1
          order by a.closed_at is not null, a.opened_at desc, a.id limit $2"
    ))
    .bind(id)
    .bind(DETAIL_ROWS)
    .fetch_all(&mut **tx)
    .await?;
    let documents: Vec<DocumentRecord> = sqlx::query_as(
        "select d.id, d.doc_kind, d.storage_path, d.file_name, d.sha256 is not null as has_file, d.uploaded_by, d.uploaded_at, d.action_id
           from public.enforcement_documents d
          where d.org_id = (select public.current_org_id()) and d.enforcement_case_id = $1
          order by d.uploaded_at desc, d.id limit $2",
    )
    .bind(id)
    .bind(DETAIL_ROWS)
    .fetch_all(&mut **tx)
    .await?;
    let tasks: Vec<TaskRecord> = sqlx::query_as(
        "select t.id, t.kind, t.title, t.due_at, coalesce(t.due_at < public.app_now(), false) as is_past_due, t.note, t.created_at
           from public.plaintiff_tasks t
          where t.org_id = (select public.current_org_id()) and t.enforcement_case_id = $1 and t.status = 'open'
          order by t.due_at nulls last, t.id limit $2",
    )
    .bind(id)
    .bind(DETAIL_ROWS)
    .fetch_all(&mut **tx)
    .await?;
    let unlinked: Vec<PaymentRecord> = sqlx::query_as(&format!(
        "select {PAYMENT_COLUMNS} from public.enforcement_payments y
          where y.org_id = (select public.current_org_id()) and y.judgment_id = $1 and y.enforcement_case_id is null
          order by y.received_at desc, y.id limit $2"
    ))
    .bind(found.row.judgment_id)
    .bind(DETAIL_ROWS)
    .fetch_all(&mut **tx)
    .await?;
    Ok(Some(CaseDetail {
        tier_reason: found.tier_reason,
        computed_tier_reason: found.computed_tier_reason,
        override_note: found.override_note,
        override_root_cause: found.override_root_cause,
        collectability_score: found.collectability_score.map(wire::score),
        blocked_since: found.blocked_since.map(wire::instant),
        blocked_note: found.blocked_note,
        judgment: CaseJudgment {
            status: found.status,
            priority_level: found.row.priority_level.clone(),
            court: found.court,
            county: found.county,
            state: found.state,
            judgment_date: found.judgment_date.map(wire::date),
            judgment_amount: wire::money(found.judgment_amount),
            balance_due: found.balance_due.map(wire::money),
            asset_signals: wire::signals(found.asset_signals),
        },
        plaintiff_status: found.plaintiff_status,
        actions: actions.into_iter().map(CaseAction::from).collect(),
        documents: documents
            .into_iter()
            .map(|row| CaseDocument {
                id: row.id.to_string(),
                doc_kind: row.doc_kind,
                storage_path: row.storage_path,
                file_name: row.file_name,
                has_file: row.has_file,
                uploaded_by: row.uploaded_by,
                uploaded_at: wire::instant(row.uploaded_at),
                action_id: text(row.action_id),
            })
            .collect(),
        tasks: tasks
            .into_iter()
            .map(|row| CaseTask {
                id: row.id.to_string(),
                kind: row.kind,
                title: row.title,
                due_at: row.due_at.map(wire::instant),
                is_past_due: row.is_past_due,
                note: row.note,
                created_at: wire::instant(row.created_at),
            })
            .collect(),
        payments: CasePayments {
            count: wire::count(found.payment_count),
            total: wire::money(found.payment_total),
            last_received_at: found.last_received_at.map(wire::instant),
        },
        unlinked_payments: unlinked.into_iter().map(CasePayment::from).collect(),
        case: found.row.into(),
    }))
}

/// The newest open case of a judgment, else its newest; None where it has none
pub async fn of_judgment(tx: &mut Transaction, judgment_id: Uuid) -> Result<Option<Uuid>, SqlError> {
    let found: Option<(Uuid,)> = sqlx::query_as(
        "select c.id from public.enforcement_cases c
          where c.org_id = (select public.current_org_id()) and c.judgment_id = $1
          order by c.closed_at is not null, c.opened_at desc, c.id limit 1",
    )
    .bind(judgment_id)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(found.map(|(id,)| id))
}

// ---- what happened ----

const SOURCES: [&str; 5] = ["event", "history", "task", "action", "document"];

/// Which part of a timeline is meant: a checked [`TimelineQuery`]
#[derive(Debug, Clone, PartialEq)]
pub struct TimelineFilter {
    sources: Option<Vec<String>>,
    kinds: Option<Vec<String>>,
    after: Option<(DateTime<Utc>, String, Uuid)>,
    limit: u32,
}

impl TryFrom<&TimelineQuery> for TimelineFilter {
    type Error = QueryError;

    fn try_from(query: &TimelineQuery) -> Result<Self, QueryError> {
        let sources = names("source", &query.source)?;
        if let Some(unknown) = sources.iter().flatten().find(|source| !SOURCES.contains(&source.as_str())) {
            return Err(QueryError { field: "source", message: format!("unknown source `{unknown}`") });
        }
        let after = given(&query.cursor)
            .map(|cursor| {
                let mut parts = cursor.splitn(3, '~');
                let at = parts.next()?.parse().ok()?;
                let source = parts.next().filter(|source| SOURCES.contains(source))?.to_owned();
                Some((at, source, parts.next()?.parse().ok()?))
            })
            .map(|after| after.ok_or_else(bad_cursor))
            .transpose()?;
        let limit = limit(query.limit, PAGE_ROWS, PAGE_ROWS_MAX)?;
        Ok(Self { sources, kinds: names("kind", &query.kind)?, after, limit })
    }
}

#[derive(sqlx::FromRow)]
struct TimelineRecord {
    item_id: Uuid,
    source: String,
    kind: String,
    occurred_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    actor: String,
    actor_type: Option<String>,
    rpc: Option<String>,
    note: Option<String>,
    delta: Json<Value>,
    payload: Json<Value>,
    document_path: Option<String>,
    document_id: Option<Uuid>,
    file_name: Option<String>,
    has_file: bool,
}

/// What happened to a case, newest first; None where the caller sees no such case
pub async fn timeline(
    tx: &mut Transaction,
    case_id: Uuid,
    filter: &TimelineFilter,
) -> Result<Option<TimelinePage>, SqlError> {
    let seen: Option<(bool,)> =
        sqlx::query_as("select true from public.enforcement_cases c where c.org_id = (select public.current_org_id()) and c.id = $1")
            .bind(case_id)
            .fetch_optional(&mut **tx)
            .await?;
    if seen.is_none() {
        return Ok(None);
    }
    let mut sql: QueryBuilder<'_, Postgres> = QueryBuilder::new(
        "select t.item_id, t.source, t.kind, t.occurred_at, t.recorded_at, t.actor, t.actor_type, t.rpc, t.note, t.delta, t.payload,
                t.document_path, d.id as document_id, d.file_name, coalesce(d.has_file, false) as has_file
           from public.v_enforcement_timeline t
           left join lateral (
             select d.id, d.file_name, d.sha256 is not null as has_file from public.enforcement_documents d
              where d.org_id = t.org_id and d.enforcement_case_id = t.case_id and d.storage_path = t.document_path) d on true
          where t.org_id = (select public.current_org_id()) and t.case_id = ",
    );
    sql.push_bind(case_id);
    if let Some(sources) = &filter.sources {
        sql.push(" and t.source = any(").push_bind(sources).push(")");
    }
    if let Some(kinds) = &filter.kinds {
        sql.push(" and t.kind = any(").push_bind(kinds).push(")");
    }
    if let Some((at, source, id)) = &filter.after {
        sql.push(" and (t.occurred_at, t.source collate \"C\", t.item_id) < (");
        sql.push_bind(at).push(", ").push_bind(source).push(", ").push_bind(id).push(")");
    }
    sql.push(" order by t.occurred_at desc, t.source collate \"C\" desc, t.item_id desc limit ");
    sql.push_bind(i64::from(filter.limit) + 1);
    let mut records: Vec<TimelineRecord> = sql.build_query_as().fetch_all(&mut **tx).await?;
    let has_more = records.len() > filter.limit as usize;
    records.truncate(filter.limit as usize);
    let next_cursor = records
        .last()
        .filter(|_| has_more)
        .map(|row| format!("{}~{}~{}", exact_instant(row.occurred_at), row.source, row.item_id));
    let rows = records.into_iter().map(|row| TimelineItem {
        id: row.item_id.to_string(),
        source: row.source,
        kind: row.kind,
        occurred_at: wire::instant(row.occurred_at),
        recorded_at: wire::instant(row.recorded_at),
        actor: row.actor,
        actor_type: row.actor_type,
        rpc: row.rpc,
        note: row.note,
        delta: row.delta.0,
        payload: row.payload.0,
        document: row.document_id.map(|id| DocumentRef {
            id: id.to_string(),
            name: document_name(row.file_name, row.document_path.as_deref().unwrap_or_default()),
            has_file: row.has_file,
        }),
        document_path: row.document_path,
    });
    Ok(Some(TimelinePage { rows: rows.collect(), next_cursor }))
}

/// What a document is called: as its uploader did, else by the end of where it is stored
pub(crate) fn document_name(file_name: Option<String>, storage_path: &str) -> String {
    file_name.unwrap_or_else(|| storage_path.rsplit('/').next().unwrap_or_default().to_owned())
}

/// Which events are meant: a checked [`RecentQuery`]
#[derive(Debug, Clone, PartialEq)]
pub struct RecentFilter {
    kinds: Option<Vec<String>>,
    after: Option<(DateTime<Utc>, i64)>,
    limit: u32,
}

impl TryFrom<&RecentQuery> for RecentFilter {
    type Error = QueryError;

    fn try_from(query: &RecentQuery) -> Result<Self, QueryError> {
        let after = given(&query.cursor)
            .map(|cursor| {
                let (at, number) = cursor.split_once('~').ok_or_else(bad_cursor)?;
                at.parse().ok().zip(i64::from_str(number).ok()).ok_or_else(bad_cursor)
            })
            .transpose()?;
        let limit = limit(query.limit, RECENT_ROWS, RECENT_ROWS_MAX)?;
        Ok(Self { kinds: names("kind", &query.kind)?, after, limit })
    }
}

#[derive(sqlx::FromRow)]
struct RecentRecord {
    event_no: i64,
    event_id: Uuid,
    case_id: Option<Uuid>,
    judgment_id: Uuid,
    case_number: Option<String>,
    event_kind: String,
    occurred_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    actor: String,
    rpc: Option<String>,
    note: Option<String>,
    payload: Json<Value>,
    document_path: Option<String>,
    tier: Option<String>,
    current_stage: Option<String>,
    next_action_at: Option<DateTime<Utc>>,
    days_in_stage: Option<i32>,
}

/// The newest events of the organisation
pub async fn recent(tx: &mut Transaction, filter: &RecentFilter) -> Result<RecentEvents, SqlError> {
    let mut sql: QueryBuilder<'_, Postgres> = QueryBuilder::new(
        "select r.event_no, r.event_id, r.case_id, r.judgment_id, r.case_number, r.event_kind::text as event_kind, r.occurred_at,
                r.created_at, r.actor, r.rpc, r.note, r.payload, r.document_path, r.tier, r.current_stage, r.next_action_at,
                r.days_in_stage
           from public.v_enforcement_recent r where r.org_id = (select public.current_org_id())",
    );
    if let Some(kinds) = &filter.kinds {
        sql.push(" and r.event_kind::text = any(").push_bind(kinds).push(")");
    }
    if let Some((at, number)) = filter.after {
        sql.push(" and (r.occurred_at, r.event_no) < (").push_bind(at).push(", ").push_bind(number).push(")");
    }
    sql.push(" order by r.occurred_at desc, r.event_no desc limit ").push_bind(i64::from(filter.limit) + 1);
    let mut records: Vec<RecentRecord> = sql.build_query_as().fetch_all(&mut **tx).await?;
    let has_more = records.len() > filter.limit as usize;
    records.truncate(filter.limit as usize);
    let next_cursor = records
        .last()
        .filter(|_| has_more)
        .map(|row| format!("{}~{}", exact_instant(row.occurred_at), row.event_no));
    let rows = records.into_iter().map(|row| RecentEvent {
        event_no: wire::count(row.event_no),
        event_id: row.event_id.to_string(),
        case_id: text(row.case_id),
        judgment_id: row.judgment_id.to_string(),
        case_number: row.case_number,
        event_kind: row.event_kind,
        occurred_at: wire::instant(row.occurred_at),
        recorded_at: wire::instant(row.created_at),
        actor: row.actor,
        rpc: row.rpc,
        note: row.note,
        payload: row.payload.0,
        document_path: row.document_path,
        tier: tier(row.tier),
        current_stage: row.current_stage,
        next_action_at: row.next_action_at.map(wire::instant),
        days_in_stage: row.days_in_stage.map(days),
    });
    Ok(RecentEvents { rows: rows.collect(), next_cursor })
}

// ---- today ----

/// The groups, in the order in which to work them
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TodayKind {
    PastDue,
    Blocked,
    StaleStrategic,
    WithoutDocument,
    UnlinkedPayments,
    IntakeOverdue,
}

impl TodayKind {
    const ALL: [Self; 6] = [
        Self::PastDue,
        Self::Blocked,
        Self::StaleStrategic,
        Self::WithoutDocument,
        Self::UnlinkedPayments,
        Self::IntakeOverdue,
    ];

    /// The group of a name, if it is one
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::PastDue => "past_due",
            Self::Blocked => "blocked",
            Self::StaleStrategic => "stale_strategic",
            Self::WithoutDocument => "without_document",
            Self::UnlinkedPayments => "unlinked_payments",
            Self::IntakeOverdue => "intake_overdue",
        }
    }

    /// The query of the list of cases that has all of them, where they are cases
    fn query(self) -> Option<&'static str> {
        match self {
            Self::PastDue => Some("tier=2,3&past_due=true"),
            Self::Blocked => Some("blocked=true"),
            Self::StaleStrategic => Some("tier=3&days_min=7&sort=-days"),
            Self::IntakeOverdue => Some("stage=pre_enforcement&days_min=1&sort=-days"),
            Self::WithoutDocument | Self::UnlinkedPayments => None,
        }
    }

    /// The tiers by which they are worked, one after the other
    fn turns(self) -> &'static [&'static str] {
        match self {
            Self::PastDue => &["3", "2"],
            Self::StaleStrategic => &["3"],
            _ => &["3", "2", "1", "0,none"],
        }
    }
}

/// Which part of a group is meant: a checked [`TodayQuery`]
#[derive(Debug, Clone, PartialEq)]
pub struct TodayFilter {
    kind: TodayKind,
    after: Option<After>,
    limit: usize,
}

#[derive(Debug, Clone, PartialEq)]
enum After {
    /// A turn of [`TodayKind::turns`], and the place in it.
    Turn(usize, String),
    Row(DateTime<Utc>, Uuid),
}

impl TodayFilter {
    /// The first rows of a group
    fn first(kind: TodayKind) -> Self {
        Self { kind, after: None, limit: TODAY_ROWS }
    }

    /// Reads what is asked of a group
    pub fn of(kind: TodayKind, query: &TodayQuery) -> Result<Self, QueryError> {
        let limit = limit(query.limit, RECENT_ROWS, RECENT_ROWS_MAX)?;
        let after = match listing::after(&query.after)? {
            None => None,
            Some([first, rest]) if kind.query().is_some() => {
                let turn = first.parse().ok().filter(|turn| *turn < kind.turns().len());
                let after = After::Turn(turn.ok_or_else(listing::not_a_place)?, rest);
                Some(after)
            }
            Some([first, rest]) => {
                let at = listing::instant(&first)?.ok_or_else(listing::not_a_place)?;
                Some(After::Row(at, listing::id(&rest)?))
            }
        };
        let filter = Self { kind, after, limit: limit as usize };
        if let Some(After::Turn(turn, cursor)) = &filter.after {
            filter.turn(*turn, Some(cursor)).map_err(|_| listing::not_a_place())?;
        }
        Ok(filter)
    }

    /// The cases of one turn, from a place on
    fn turn(&self, turn: usize, cursor: Option<&String>) -> Result<CaseFilter, QueryError> {
        let mut wanted = CaseQuery { cursor: cursor.cloned(), ..CaseQuery::default() };
        let asked = self.kind.query().unwrap_or_default();
        for (name, value) in asked.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = Some(value.to_owned());
            match name {
                "stage" => wanted.stage = value,
                "past_due" => wanted.past_due = value,
                "blocked" => wanted.blocked = value,
                "days_min" => wanted.days_min = value,
                "sort" => wanted.sort = value,
                _ => {}
            }
        }
        wanted.tier = self.kind.turns().get(turn).map(|tiers| (*tiers).to_owned());
        CaseFilter::try_from(&wanted)
    }
}

/// What wants somebody's hand: counts, and the first of each
pub async fn today(tx: &mut Transaction) -> Result<Today, SqlError> {
    // Each from an index of its own: one pass over all open cases would take longer than the rest together.
    let (as_of, past_due, blocked, stale, unlinked, intake): (DateTime<Utc>, i64, i64, i64, i64, i64) =
        sqlx::query_as(&format!(
        "with c as not materialized (
           select c.*, public.effective_tier_text(c.tier, c.tier_override, c.override_expires_at) as effective_tier
             from public.enforcement_cases c
            where c.org_id = (select public.current_org_id()) and c.closed_at is null)
         select public.app_now(),
                (select count(*) from c where c.effective_tier in ('tier2', 'tier3') and c.next_action_at < public.app_now()),
                (select count(*) from c where c.blocked_since is not null),
                (select count(*) from c where {STRATEGIC} and c.effective_tier = 'tier3'
                                          and c.stage_entered_at <= public.app_now() - interval '7 days'),
                (select count(*) from {UNLINKED}),
                (select count(*) from c where c.current_stage = 'pre_enforcement'
                                          and c.stage_entered_at <= public.app_now() - interval '1 day')"
    ))
    .fetch_one(&mut **tx)
    .await?;
    // These are counted where they are found: to look for them twice would cost twice as much.
    let (lacking, without_document) = without_document(tx, None, TODAY_ROWS).await?;
    let mut without_document = Some(without_document);
    let mut groups = Vec::new();
    for (kind, count) in TodayKind::ALL.into_iter().zip([past_due, blocked, stale, lacking, unlinked, intake])
    {
        let page = match without_document.take_if(|_| kind == TodayKind::WithoutDocument) {
            Some(page) => page,
            None if count == 0 => TodayPage { rows: Vec::new(), next: None },
            None => today_page(tx, &TodayFilter::first(kind)).await?,
        };
        groups.push(TodayGroup {
            kind: kind.name().to_owned(),
            count: wire::count(count),
            query: kind.query().map(str::to_owned),
            rows: page.rows,
            next: page.next,
        });
    }
    Ok(Today { as_of: wire::instant(as_of), groups })
}

/// One page of a group, in the order in which to work it
pub async fn today_page(tx: &mut Transaction, filter: &TodayFilter) -> Result<TodayPage, SqlError> {
    match (filter.kind, &filter.after) {
        (TodayKind::WithoutDocument, after) => {
            without_document(tx, row_of(after), filter.limit).await.map(|(_, page)| page)
        }
        (TodayKind::UnlinkedPayments, after) => unlinked_payments(tx, row_of(after), filter.limit).await,
        _ => turns(tx, filter).await,
    }
}

fn row_of(after: &Option<After>) -> Option<(DateTime<Utc>, Uuid)> {
    match after {
        Some(After::Row(at, id)) => Some((*at, *id)),
        _ => None,
    }
}

/// Cases, turn by turn: of one tier those that come first in its list, then those of the next
async fn turns(tx: &mut Transaction, filter: &TodayFilter) -> Result<TodayPage, SqlError> {
    let (first, mut cursor) = match &filter.after {
        Some(After::Turn(turn, cursor)) => (*turn, Some(cursor)),
        _ => (0, None),
    };
    let mut found: Vec<(usize, Cursor)> = Vec::new();
    for turn in first..filter.kind.turns().len() {
        let rest = filter.limit + 1 - found.len();
        if rest == 0 {
            break;
        }
        let cases = filter.turn(turn, cursor.take()).map_err(|error| SqlError::Decode(Box::new(error)))?;
        found.extend(places(tx, &cases, rest).await?.into_iter().map(|place| (turn, place)));
    }
    let has_more = found.len() > filter.limit;
    found.truncate(filter.limit);
    let next = found.last().filter(|_| has_more).map(|(turn, place)| format!("{turn}~{place}"));
    let ids: Vec<Uuid> = found.into_iter().map(|(_, place)| place.id).collect();
    let cases = by_ids(tx, &ids).await?;
    Ok(TodayPage { rows: cases.into_iter().map(|case| today_row(filter.kind, case)).collect(), next })
}

fn today_row(kind: TodayKind, case: CaseRow) -> TodayRow {
    let mend = match kind {
        TodayKind::Blocked => "unblock",
        _ if case.owner_id.is_none() => "assign",
        _ => "stage",
    };
    TodayRow {
        judgment: judgment_ref(&case),
        case: Some(case),
        action: None,
        payment: None,
        mend: mend.to_owned(),
    }
}

fn judgment_ref(case: &CaseRow) -> JudgmentRef {
    JudgmentRef {
        id: case.judgment_id.clone(),
        judgment_no: case.judgment_no,
        case_number: case.case_number.clone(),
    }
}

/// Actions that have left the desk without a paper that vouches for them, whether or not they have ended
const WITHOUT_DOCUMENT: &str = "public.enforcement_actions a
    where a.org_id = (select public.current_org_id()) and not a.has_document
      and a.status in ('filed', 'served', 'in_progress', 'completed')";

/// The oldest first: it has stood without its paper the longest; beside them how many there are from that place on
async fn without_document(
    tx: &mut Transaction,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: usize,
) -> Result<(i64, TodayPage), SqlError> {
    #[derive(sqlx::FromRow)]
    struct Found {
        total: i64,
        enforcement_case_id: Uuid,
        #[sqlx(flatten)]
        action: ActionRecord,
    }
    let (at, id) = after.unzip();
    let mut found: Vec<Found> = sqlx::query_as(&format!(
        "select a.total, a.enforcement_case_id, {ACTION_COLUMNS}
           from (select a.*, count(*) over () as total from {WITHOUT_DOCUMENT} and ($1::timestamptz is null or (a.opened_at, a.id) > ($1, $2))
                  order by a.opened_at, a.id limit $3) a
          order by a.opened_at, a.id"
    ))
    .bind(at)
    .bind(id)
    .bind(i64::try_from(limit + 1).unwrap_or(i64::MAX))
    .fetch_all(&mut **tx)
    .await?;
    let total = found.first().map_or(0, |first| first.total);
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| has_more).map(|row| {
        listing::place([listing::instant_part(Some(row.action.opened_at)), row.action.id.to_string()])
    });
    let ids: Vec<Uuid> = found.iter().map(|row| row.enforcement_case_id).collect();
    let cases = by_ids(tx, &ids).await?;
    let rows = cases.into_iter().zip(found).map(|(case, row)| TodayRow {
        judgment: judgment_ref(&case),
        case: Some(case),
        action: Some(row.action.into()),
        payment: None,
        mend: "document".to_owned(),
    });
    Ok((total, TodayPage { rows: rows.collect(), next }))
}

const UNLINKED: &str = "public.enforcement_payments y
    where y.org_id = (select public.current_org_id()) and y.enforcement_case_id is null";

/// The newest first: whoever took it still knows what it was for
async fn unlinked_payments(
    tx: &mut Transaction,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: usize,
) -> Result<TodayPage, SqlError> {
    #[derive(sqlx::FromRow)]
    struct Found {
        judgment_id: Uuid,
        judgment_no: i64,
        case_number: String,
        #[sqlx(flatten)]
        payment: PaymentRecord,
    }
    let (at, id) = after.unzip();
    // Their judgments afterwards: joined before, all of them would be.
    let mut found: Vec<Found> = sqlx::query_as(&format!(
        "select y.judgment_id, j.judgment_no, j.case_number, {PAYMENT_COLUMNS}
           from (select y.* from {UNLINKED} and ($1::timestamptz is null or (y.received_at, y.id) < ($1, $2))
                  order by y.received_at desc, y.id desc limit $3) y
           join public.core_judgments j on j.org_id = y.org_id and j.id = y.judgment_id
          order by y.received_at desc, y.id desc"
    ))
    .bind(at)
    .bind(id)
    .bind(i64::try_from(limit + 1).unwrap_or(i64::MAX))
    .fetch_all(&mut **tx)
    .await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| has_more).map(|row| {
        listing::place([listing::instant_part(Some(row.payment.received_at)), row.payment.id.to_string()])
    });
    let mut case_ids = Vec::new();
    for row in &found {
        case_ids.push(of_judgment(tx, row.judgment_id).await?);
    }
    let known: Vec<Uuid> = case_ids.iter().flatten().copied().collect();
    let mut cases = by_ids(tx, &known).await?.into_iter();
    let rows = found.into_iter().zip(case_ids).map(|(row, case_id)| {
        let case = case_id.and_then(|_| cases.next());
        TodayRow {
            judgment: JudgmentRef {
                id: row.judgment_id.to_string(),
                judgment_no: wire::count(row.judgment_no),
                case_number: row.case_number,
            },
            mend: if case.is_some() { "link_payment" } else { "open_case" }.to_owned(),
            case,
            action: None,
            payment: Some(row.payment.into()),
        }
    });
    Ok(TodayPage { rows: rows.collect(), next })
}
