//! The call queue, in the order in which it is worked.

use chrono::{DateTime, Utc};
use contract::{CallPage, CallQuery, CallRow};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::judgments::QueryError;
use crate::{SqlError, Transaction, listing, wire};

const PAGE_ROWS_MAX: u32 = 200;
const PAGE_ROWS: u32 = 50;
const OUTCOMES: [&str; 6] = ["reached", "left_voicemail", "no_answer", "bad_number", "do_not_call", "none"];

/// Which calls are meant: a checked [`CallQuery`]
#[derive(Debug, Clone, PartialEq)]
pub struct CallFilter {
    tiers: Option<Vec<String>>,
    due: Option<Due>,
    outcomes: Option<Vec<String>>,
    search: Option<String>,
    after: Option<(Option<DateTime<Utc>>, Uuid)>,
    limit: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Past,
    Today,
    Later,
}

impl TryFrom<&CallQuery> for CallFilter {
    type Error = QueryError;

    fn try_from(query: &CallQuery) -> Result<Self, QueryError> {
        let after = match listing::after(&query.after)? {
            Some([due, task]) => Some((listing::instant(&due)?, listing::id(&task)?)),
            None => None,
        };
        let tiers = listing::choices("tier", &query.tier, &["0", "1", "2", "3", "none"])?;
        Ok(Self {
            // As cases carry them.
            tiers: tiers.map(|tiers| {
                let text = |tier: String| if tier == "none" { tier } else { format!("tier{tier}") };
                tiers.into_iter().map(text).collect()
            }),
            due: match listing::text("due", &query.due)?.as_deref() {
                None => None,
                Some("past_due") => Some(Due::Past),
                Some("today") => Some(Due::Today),
                Some("later") => Some(Due::Later),
                Some(_) => {
                    let message = "is none of past_due, today, later".to_owned();
                    return Err(QueryError { field: "due", message });
                }
            },
            outcomes: listing::choices("outcome", &query.outcome, &OUTCOMES)?,
            search: listing::pattern("search", &query.search)?,
            after,
            limit: listing::limit(query.limit, PAGE_ROWS, PAGE_ROWS_MAX)?,
        })
    }
}

impl CallFilter {
    /// Appends conditions over the alias `q`
    fn push_conditions<'a>(&'a self, sql: &mut QueryBuilder<'a, Postgres>) {
        if let Some(tiers) = &self.tiers {
            sql.push(" and coalesce(q.tier, 'none') = any(").push_bind(tiers).push(")");
        }
        if let Some(outcomes) = &self.outcomes {
            sql.push(" and coalesce(q.last_outcome, 'none') = any(").push_bind(outcomes).push(")");
        }
        if let Some(pattern) = &self.search {
            // Plaintiffs first, who are fewer than calls with all that is joined to them.
            sql.push(
                " and q.plaintiff_id in (
                    select p.id from public.plaintiffs p
                     where p.org_id = (select public.current_org_id())
                       and concat_ws(' ', p.name, p.firm_name, p.contact_name, p.phone) ilike ",
            );
            sql.push_bind(pattern);
            sql.push(
                " union all
                    select k.plaintiff_id from public.plaintiff_contacts k
                     where k.org_id = (select public.current_org_id()) and k.is_primary and concat_ws(' ', k.name, k.phone) ilike ",
            );
            sql.push_bind(pattern).push(")");
        }
        let day_ends = "((select public.org_today_start(public.current_org_id())) + interval '1 day')";
        // In the words of the index, so that it is read from the first of them to the last.
        match self.due {
            None => {}
            Some(Due::Past) => {
                sql.push(" and coalesce(q.due_at, 'infinity'::timestamptz) < public.app_now()");
            }
            Some(Due::Today) => {
                sql.push(format!(" and coalesce(q.due_at, 'infinity'::timestamptz) < {day_ends}"));
            }
            Some(Due::Later) => {
                sql.push(format!(" and coalesce(q.due_at, 'infinity'::timestamptz) >= {day_ends}"));
            }
        }
        if let Some((due_at, task_id)) = &self.after {
            sql.push(" and (coalesce(q.due_at, 'infinity'::timestamptz), q.task_id) > (coalesce(");
            sql.push_bind(due_at).push(", 'infinity'::timestamptz), ").push_bind(task_id).push(")");
        }
    }
}

#[derive(sqlx::FromRow)]
struct Record {
    task_id: Uuid,
    title: String,
    plaintiff_id: Uuid,
    plaintiff_name: String,
    firm_name: Option<String>,
    contact_name: Option<String>,
    phone: Option<String>,
    plaintiff_status: String,
    case_id: Option<Uuid>,
    case_number: Option<String>,
    tier: Option<i16>,
    due_at: Option<DateTime<Utc>>,
    is_past_due: bool,
    last_outcome: Option<String>,
    last_called_at: Option<DateTime<Utc>>,
    note: Option<String>,
}

/// One page of the calls that a filter lets through, with the size of the whole queue
pub async fn page(tx: &mut Transaction, filter: &CallFilter) -> Result<CallPage, SqlError> {
    let mut sql = QueryBuilder::new(
        "select q.task_id, t.title, q.plaintiff_id, q.plaintiff_name, q.firm_name, q.contact_name, q.phone,
                q.plaintiff_status, q.case_id, j.case_number, public.tier_number(q.tier) as tier, q.due_at,
                q.is_past_due, q.last_outcome, q.last_called_at, q.note
           from (select * from public.v_plaintiff_call_queue q
                  where q.org_id = (select public.current_org_id())",
    );
    filter.push_conditions(&mut sql);
    // One more than asked for tells whether there is another page.
    sql.push(" order by coalesce(q.due_at, 'infinity'::timestamptz), q.task_id limit ");
    sql.push_bind(i64::from(filter.limit) + 1);
    sql.push(
        ") q
           join public.plaintiff_tasks t on t.org_id = q.org_id and t.id = q.task_id
           left join public.enforcement_cases c on c.org_id = q.org_id and c.id = q.case_id
           left join public.core_judgments j on j.org_id = c.org_id and j.id = c.judgment_id
          order by coalesce(q.due_at, 'infinity'::timestamptz), q.task_id",
    );
    let mut records: Vec<Record> = sql.build_query_as().fetch_all(&mut **tx).await?;
    let has_more = records.len() > filter.limit as usize;
    records.truncate(filter.limit as usize);
    let next = records
        .last()
        .filter(|_| has_more)
        .map(|row| listing::place([listing::instant_part(row.due_at), row.task_id.to_string()]));

    let (open_count, past_due_count): (i64, i64) = sqlx::query_as(
        "select count(*), count(*) filter (where coalesce(t.due_at, 'infinity'::timestamptz) < public.app_now())
           from public.plaintiff_tasks t
           join public.plaintiffs p on p.org_id = t.org_id and p.id = t.plaintiff_id
          where t.org_id = (select public.current_org_id()) and t.status = 'open' and t.kind = 'call'
            and p.status <> 'do_not_call'",
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(CallPage {
        rows: records.into_iter().map(CallRow::from).collect(),
        next,
        open_count: wire::count(open_count),
        past_due_count: wire::count(past_due_count),
    })
}

impl From<Record> for CallRow {
    fn from(record: Record) -> Self {
        Self {
            task_id: record.task_id.to_string(),
            title: record.title,
            plaintiff_id: record.plaintiff_id.to_string(),
            plaintiff_name: record.plaintiff_name,
            firm_name: record.firm_name,
            contact_name: record.contact_name,
            phone: record.phone,
            plaintiff_status: record.plaintiff_status,
            case_id: record.case_id.map(|id| id.to_string()),
            case_number: record.case_number,
            tier: wire::tier(record.tier),
            due_at: record.due_at.map(wire::instant),
            is_past_due: record.is_past_due,
            last_outcome: record.last_outcome,
            last_called_at: record.last_called_at.map(wire::instant),
            note: record.note,
        }
    }
}
