//! Plaintiffs: the list, and everything about one of them.

use chrono::{DateTime, Utc};
use contract::{
    CallAttempt, PlaintiffContact, PlaintiffDetail, PlaintiffJudgment, PlaintiffPage, PlaintiffQuery,
    PlaintiffRow, PlaintiffStatusChange, PlaintiffTask,
};
use rust_decimal::Decimal;
use sqlx::QueryBuilder;
use uuid::Uuid;

use crate::judgments::QueryError;
use crate::{SqlError, Transaction, listing, wire};

const PAGE_ROWS_MAX: u32 = 100;
const PAGE_ROWS: u32 = 25;
const STATUSES: [&str; 14] = [
    "new",
    "contacted",
    "qualified",
    "sent_agreement",
    "signed",
    "lost",
    "reached",
    "reached_hot",
    "reached_warm",
    "reached_cold",
    "left_voicemail",
    "no_answer",
    "bad_number",
    "do_not_call",
];

/// Which plaintiffs are meant: a checked [`PlaintiffQuery`]
#[derive(Debug, Clone, PartialEq)]
pub struct PlaintiffFilter {
    search: Option<String>,
    statuses: Option<Vec<String>>,
    after: Option<Uuid>,
    limit: u32,
}

impl TryFrom<&PlaintiffQuery> for PlaintiffFilter {
    type Error = QueryError;

    fn try_from(query: &PlaintiffQuery) -> Result<Self, QueryError> {
        let after = match listing::after(&query.after)? {
            Some([id]) => Some(listing::id(&id)?),
            None => None,
        };
        Ok(Self {
            search: listing::pattern("search", &query.search)?,
            statuses: listing::choices("status", &query.status, &STATUSES)?,
            after,
            limit: listing::limit(query.limit, PAGE_ROWS, PAGE_ROWS_MAX)?,
        })
    }
}

const ROW_COLUMNS: &str = "v.plaintiff_id, v.plaintiff_name, v.firm_name, v.status, v.status_changed_at, v.judgment_count,
    v.total_judgment_amount, v.total_balance_due, v.case_count, v.open_case_count, v.recovered_amount, v.open_task_count,
    v.next_call_at, v.last_called_at, v.created_at";

#[derive(sqlx::FromRow)]
struct Record {
    plaintiff_id: Uuid,
    plaintiff_name: String,
    firm_name: Option<String>,
    status: String,
    status_changed_at: Option<DateTime<Utc>>,
    judgment_count: i64,
    total_judgment_amount: Decimal,
    total_balance_due: Decimal,
    case_count: i64,
    open_case_count: i64,
    recovered_amount: Decimal,
    open_task_count: i64,
    next_call_at: Option<DateTime<Utc>>,
    last_called_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl From<Record> for PlaintiffRow {
    fn from(record: Record) -> Self {
        Self {
            plaintiff_id: record.plaintiff_id.to_string(),
            plaintiff_name: record.plaintiff_name,
            firm_name: record.firm_name,
            status: record.status,
            status_changed_at: record.status_changed_at.map(wire::instant),
            judgment_count: wire::count(record.judgment_count),
            total_judgment_amount: wire::money(record.total_judgment_amount),
            total_balance_due: wire::money(record.total_balance_due),
            case_count: wire::count(record.case_count),
            open_case_count: wire::count(record.open_case_count),
            recovered_amount: wire::money(record.recovered_amount),
            open_task_count: wire::count(record.open_task_count),
            next_call_at: record.next_call_at.map(wire::instant),
            last_called_at: record.last_called_at.map(wire::instant),
            created_at: wire::instant(record.created_at),
        }
    }
}

/// One page of the plaintiffs that a filter lets through, by name
pub async fn page(tx: &mut Transaction, filter: &PlaintiffFilter) -> Result<PlaintiffPage, SqlError> {
    // The view sums for each row that is read: which those are is decided first.
    let mut sql = QueryBuilder::new(
        "select p.id from public.plaintiffs p where p.org_id = (select public.current_org_id())",
    );
    if let Some(pattern) = &filter.search {
        sql.push(" and (p.name ilike ").push_bind(pattern);
        sql.push(" or p.firm_name ilike ").push_bind(pattern).push(")");
    }
    if let Some(statuses) = &filter.statuses {
        sql.push(" and p.status = any(").push_bind(statuses).push(")");
    }
    if let Some(id) = filter.after {
        sql.push(" and (p.name, p.id) > ((select s.name from public.plaintiffs s where s.org_id = (select public.current_org_id()) and s.id = ");
        sql.push_bind(id).push("), ").push_bind(id).push(")");
    }
    // One more than asked for tells whether there is another page.
    sql.push(" order by p.name, p.id limit ").push_bind(i64::from(filter.limit) + 1);
    let ids: Vec<(Uuid,)> = sql.build_query_as().fetch_all(&mut **tx).await?;
    let has_more = ids.len() > filter.limit as usize;
    let ids: Vec<Uuid> = ids.into_iter().take(filter.limit as usize).map(|(id,)| id).collect();

    let records: Vec<Record> = sqlx::query_as(&format!(
        "select {ROW_COLUMNS} from public.v_plaintiffs_overview v
          where v.org_id = (select public.current_org_id()) and v.plaintiff_id = any($1)
          order by v.plaintiff_name, v.plaintiff_id"
    ))
    .bind(ids)
    .fetch_all(&mut **tx)
    .await?;
    let next = records.last().filter(|_| has_more).map(|row| listing::place([row.plaintiff_id.to_string()]));
    Ok(PlaintiffPage { rows: records.into_iter().map(PlaintiffRow::from).collect(), next })
}

#[derive(sqlx::FromRow)]
struct ReachRecord {
    contact_name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    address: Option<String>,
}

#[derive(sqlx::FromRow)]
struct ContactRecord {
    id: Uuid,
    name: String,
    role: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    is_primary: bool,
}

#[derive(sqlx::FromRow)]
struct StatusRecord {
    changed_at: DateTime<Utc>,
    previous_status: Option<String>,
    status: String,
    note: Option<String>,
    actor: String,
}

#[derive(sqlx::FromRow)]
struct CallRecord {
    called_at: DateTime<Utc>,
    outcome: String,
    interest: Option<String>,
    notes: Option<String>,
    follow_up_at: Option<DateTime<Utc>>,
    called_by: String,
}

#[derive(sqlx::FromRow)]
struct TaskRecord {
    id: Uuid,
    kind: String,
    title: String,
    status: String,
    due_at: Option<DateTime<Utc>>,
    is_past_due: bool,
    note: Option<String>,
    case_id: Option<Uuid>,
    case_number: Option<String>,
    created_by: String,
    closed_at: Option<DateTime<Utc>>,
    closed_by: Option<String>,
}

#[derive(sqlx::FromRow)]
struct JudgmentRecord {
    judgment_id: Uuid,
    case_number: String,
    defendant_name: Option<String>,
    status: String,
    tier: Option<i16>,
    judgment_amount: Decimal,
    balance_due: Option<Decimal>,
    case_id: Option<Uuid>,
    stage: Option<String>,
    case_closed_at: Option<DateTime<Utc>>,
}

/// Everything that a plaintiff's page shows; None where the caller sees no such plaintiff
pub async fn detail(tx: &mut Transaction, id: Uuid) -> Result<Option<PlaintiffDetail>, SqlError> {
    let found: Option<Record> = sqlx::query_as(&format!(
        "select {ROW_COLUMNS} from public.v_plaintiffs_overview v
          where v.org_id = (select public.current_org_id()) and v.plaintiff_id = $1"
    ))
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?;
    let Some(found) = found else {
        return Ok(None);
    };
    let reach: ReachRecord = sqlx::query_as(
        "select p.contact_name, p.email, p.phone,
                nullif(concat_ws(', ', p.address, p.city, concat_ws(' ', p.state, p.postal_code)), '') as address
           from public.plaintiffs p where p.org_id = (select public.current_org_id()) and p.id = $1",
    )
    .bind(id)
    .fetch_one(&mut **tx)
    .await?;
    let contacts: Vec<ContactRecord> = sqlx::query_as(
        "select id, name, role, email, phone, is_primary from public.plaintiff_contacts
          where org_id = (select public.current_org_id()) and plaintiff_id = $1
          order by is_primary desc, name, id",
    )
    .bind(id)
    .fetch_all(&mut **tx)
    .await?;
    let statuses: Vec<StatusRecord> = sqlx::query_as(
        "select changed_at, previous_status, status, note, actor from public.plaintiff_status_history
          where org_id = (select public.current_org_id()) and plaintiff_id = $1
          order by changed_at desc limit 100",
    )
    .bind(id)
    .fetch_all(&mut **tx)
    .await?;
    let calls: Vec<CallRecord> = sqlx::query_as(
        "select called_at, outcome, interest, notes, follow_up_at, called_by from public.plaintiff_call_attempts
          where org_id = (select public.current_org_id()) and plaintiff_id = $1
          order by called_at desc limit 100",
    )
    .bind(id)
    .fetch_all(&mut **tx)
    .await?;
    let tasks: Vec<TaskRecord> = sqlx::query_as(
        "with t as (
           (select * from public.plaintiff_tasks t
             where t.org_id = (select public.current_org_id()) and t.plaintiff_id = $1 and t.status = 'open'
             order by t.due_at nulls last, t.id limit 200)
           union all
           (select * from public.plaintiff_tasks t
             where t.org_id = (select public.current_org_id()) and t.plaintiff_id = $1 and t.status <> 'open'
             order by t.created_at desc limit 50)
         )
         select t.id, t.kind, t.title, t.status, t.due_at,
                t.status = 'open' and coalesce(t.due_at < public.app_now(), false) as is_past_due, t.note,
                t.enforcement_case_id as case_id, j.case_number, t.created_by, t.closed_at, t.closed_by
           from t
           left join public.enforcement_cases c on c.org_id = t.org_id and c.id = t.enforcement_case_id
           left join public.core_judgments j on j.org_id = c.org_id and j.id = c.judgment_id
          order by t.status <> 'open', case when t.status = 'open' then t.due_at end, t.closed_at desc, t.id",
    )
    .bind(id)
    .fetch_all(&mut **tx)
    .await?;
    let judgments: Vec<JudgmentRecord> = sqlx::query_as(
        "select j.id as judgment_id, j.case_number, j.defendant_name, j.status, j.tier, j.judgment_amount, j.balance_due,
                c.id as case_id, c.current_stage as stage, c.closed_at as case_closed_at
           from (select * from public.core_judgments j
                  where j.org_id = (select public.current_org_id()) and j.plaintiff_id = $1
                  order by j.status in ('satisfied', 'vacated', 'expired'), j.balance_due desc nulls last, j.judgment_no
                  limit 200) j
           left join lateral (
             select c.id, c.current_stage, c.closed_at from public.enforcement_cases c
              where c.org_id = j.org_id and c.judgment_id = j.id
              order by c.closed_at desc nulls first limit 1) c on true
          order by j.status in ('satisfied', 'vacated', 'expired'), j.balance_due desc nulls last, j.judgment_no",
    )
    .bind(id)
    .fetch_all(&mut **tx)
    .await?;
    Ok(Some(PlaintiffDetail {
        plaintiff: found.into(),
        contact_name: reach.contact_name,
        email: reach.email,
        phone: reach.phone,
        address: reach.address,
        contacts: contacts.into_iter().map(contact).collect(),
        statuses: statuses.into_iter().map(status_change).collect(),
        calls: calls.into_iter().map(call).collect(),
        tasks: tasks.into_iter().map(task).collect(),
        judgments: judgments.into_iter().map(judgment).collect(),
    }))
}

fn contact(record: ContactRecord) -> PlaintiffContact {
    let ContactRecord { id, name, role, email, phone, is_primary } = record;
    PlaintiffContact { id: id.to_string(), name, role, email, phone, is_primary }
}

fn status_change(record: StatusRecord) -> PlaintiffStatusChange {
    let StatusRecord { changed_at, previous_status, status, note, actor } = record;
    PlaintiffStatusChange { changed_at: wire::instant(changed_at), previous_status, status, note, actor }
}

fn call(record: CallRecord) -> CallAttempt {
    CallAttempt {
        called_at: wire::instant(record.called_at),
        outcome: record.outcome,
        interest: record.interest,
        notes: record.notes,
        follow_up_at: record.follow_up_at.map(wire::instant),
        called_by: record.called_by,
    }
}

fn task(record: TaskRecord) -> PlaintiffTask {
    PlaintiffTask {
        id: record.id.to_string(),
        kind: record.kind,
        title: record.title,
        status: record.status,
        due_at: record.due_at.map(wire::instant),
        is_past_due: record.is_past_due,
        note: record.note,
        case_id: record.case_id.map(|id| id.to_string()),
        case_number: record.case_number,
        created_by: record.created_by,
        closed_at: record.closed_at.map(wire::instant),
        closed_by: record.closed_by,
    }
}

fn judgment(record: JudgmentRecord) -> PlaintiffJudgment {
    PlaintiffJudgment {
        judgment_id: record.judgment_id.to_string(),
        case_number: record.case_number,
        defendant_name: record.defendant_name,
        status: record.status,
        tier: wire::tier(record.tier),
        judgment_amount: wire::money(record.judgment_amount),
        balance_due: record.balance_due.map(wire::money),
        case_id: record.case_id.map(|id| id.to_string()),
        stage: record.stage,
        case_closed_at: record.case_closed_at.map(wire::instant),
    }
}
