//! The pipeline: active judgments within their collectability tier, by priority and amount.

use chrono::NaiveDate;
use contract::{PipelinePage, PipelineQuery, PipelineRow};
use rust_decimal::Decimal;
use sqlx::{Postgres, QueryBuilder};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::judgments::QueryError;
use crate::{SqlError, Transaction, listing, wire};

const PAGE_ROWS_MAX: u32 = 500;
const PAGE_ROWS: u32 = 100;
const TIERS: [&str; 3] = ["A", "B", "C"];
/// In the order of `priority_rank`
const PRIORITIES: [&str; 5] = ["urgent", "high", "normal", "low", "on_hold"];

/// Which judgments of the pipeline are meant: a checked [`PipelineQuery`]
#[derive(Debug, Clone, PartialEq)]
pub struct PipelineFilter {
    tiers: Vec<&'static str>,
    priorities: Vec<&'static str>,
    county: Option<String>,
    after: Option<Place>,
    limit: u32,
}

/// A row of the pipeline: its tier, its rank there, and what it is ordered by
#[derive(Debug, Clone, PartialEq)]
struct Place {
    tier: usize,
    rank: u64,
    priority: usize,
    amount: Decimal,
    judgment_id: Uuid,
}

impl Place {
    fn parse([tier, rank, priority, amount, judgment_id]: [String; 5]) -> Result<Self, QueryError> {
        let position = |known: &[&str], part: &str| {
            known.iter().position(|known| *known == part).ok_or_else(listing::not_a_place)
        };
        Ok(Self {
            tier: position(&TIERS, &tier)?,
            rank: rank.parse().map_err(|_| listing::not_a_place())?,
            priority: position(&PRIORITIES, &priority)?,
            amount: amount.parse().map_err(|_| listing::not_a_place())?,
            judgment_id: listing::id(&judgment_id)?,
        })
    }

    fn of(row: &PipelineRow) -> String {
        listing::place([
            row.collectability_tier.clone(),
            row.tier_rank.to_string(),
            row.priority_level.clone(),
            row.judgment_amount.clone(),
            row.judgment_id.clone(),
        ])
    }
}

impl TryFrom<&PipelineQuery> for PipelineFilter {
    type Error = QueryError;

    fn try_from(query: &PipelineQuery) -> Result<Self, QueryError> {
        let tiers = listing::choices("tier", &query.tier, &TIERS)?;
        let priorities = listing::choices("priority", &query.priority, &PRIORITIES)?;
        let asked = |known: &[&'static str], wanted: Option<Vec<String>>| -> Vec<&'static str> {
            let is_wanted =
                |name: &&&str| wanted.as_ref().is_none_or(|all| all.iter().any(|one| one == **name));
            known.iter().filter(is_wanted).copied().collect()
        };
        Ok(Self {
            tiers: asked(&TIERS, tiers),
            priorities: asked(&PRIORITIES, priorities),
            county: listing::text("county", &query.county)?,
            after: listing::after(&query.after)?.map(Place::parse).transpose()?,
            limit: listing::limit(query.limit, PAGE_ROWS, PAGE_ROWS_MAX)?,
        })
    }
}

#[derive(sqlx::FromRow)]
struct Record {
    judgment_id: Uuid,
    case_number: String,
    case_id: Option<Uuid>,
    plaintiff_id: Uuid,
    plaintiff_name: String,
    plaintiff_status: String,
    defendant_name: Option<String>,
    judgment_amount: Decimal,
    judgment_date: Option<NaiveDate>,
    county: Option<String>,
    state: Option<String>,
    stage: Option<String>,
}

/// Appends the judgments of one tier and priority, in their order
///
/// They are a stretch of an index: PostgreSQL stops where the page ends, whatever lies behind.
fn push_stretch<'a>(
    sql: &mut QueryBuilder<'a, Postgres>,
    filter: &'a PipelineFilter,
    tier: &'static str,
    priority: &'static str,
    after: Option<&'a Place>,
    limit: u64,
) {
    sql.push(
        "select r.id as judgment_id, j.case_number, c.id as case_id, p.id as plaintiff_id, p.name as plaintiff_name,
                p.status as plaintiff_status, j.defendant_name, j.judgment_amount, j.judgment_date, j.county, j.state, c.stage
           from (select j.org_id, j.id, j.judgment_amount from public.core_judgments j
                  where j.org_id = (select public.current_org_id()) and j.status in ('unsatisfied', 'in_progress')
                    and j.priority_level = ",
    );
    sql.push_bind(priority).push(" and public.collectability_tier(j.judgment_amount,");
    sql.push(" (select public.org_today(public.current_org_id())) - j.judgment_date) = ").push_bind(tier);
    if tier == "C" {
        // Implied by the tier, and what lets the index of the small ones be read.
        sql.push(" and j.judgment_amount < 1000");
    }
    if let Some(county) = &filter.county {
        sql.push(" and j.county = ").push_bind(county);
    }
    if let Some(after) = after {
        sql.push(" and j.judgment_amount <= ").push_bind(after.amount);
        sql.push(" and (j.judgment_amount < ").push_bind(after.amount);
        sql.push(" or j.id > ").push_bind(after.judgment_id).push(")");
    }
    sql.push(" order by j.judgment_amount desc, j.id limit ")
        .push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    sql.push(
        ") r
           join public.core_judgments j on j.org_id = r.org_id and j.id = r.id
           join public.plaintiffs p on p.org_id = j.org_id and p.id = j.plaintiff_id
           left join lateral (
             select c.id, c.current_stage as stage from public.enforcement_cases c
              where c.org_id = r.org_id and c.judgment_id = r.id and c.closed_at is null limit 1) c on true
          order by r.judgment_amount desc, r.id",
    );
}

/// One page of the judgments that a filter lets through
pub async fn page(tx: &mut Transaction, filter: &PipelineFilter) -> Result<PipelinePage, SqlError> {
    // One more than asked for tells whether there is another page.
    let wanted = filter.limit as usize + 1;
    let mut rows: Vec<PipelineRow> = Vec::new();
    for (place, tier) in TIERS.iter().enumerate().filter(|(_, tier)| filter.tiers.contains(tier)) {
        let mut rank = match &filter.after {
            Some(after) if place < after.tier => continue,
            Some(after) if place == after.tier => after.rank,
            _ => 0,
        };
        for (level, priority) in
            PRIORITIES.iter().enumerate().filter(|(_, level)| filter.priorities.contains(level))
        {
            let after = match &filter.after {
                Some(after) if place == after.tier && level < after.priority => continue,
                Some(after) if place == after.tier && level == after.priority => Some(after),
                _ => None,
            };
            let missing = wanted.saturating_sub(rows.len());
            if missing == 0 {
                break;
            }
            let mut sql = QueryBuilder::new("");
            push_stretch(&mut sql, filter, tier, priority, after, missing as u64);
            let records: Vec<Record> = sql.build_query_as().fetch_all(&mut **tx).await?;
            rows.extend(records.into_iter().map(|record| {
                rank += 1;
                row(record, tier, rank, priority)
            }));
        }
    }
    let has_more = rows.len() > filter.limit as usize;
    rows.truncate(filter.limit as usize);
    let next = rows.last().filter(|_| has_more).map(Place::of);
    Ok(PipelinePage { rows, next })
}

fn row(record: Record, tier: &str, rank: u64, priority: &str) -> PipelineRow {
    PipelineRow {
        collectability_tier: tier.to_owned(),
        tier_rank: rank,
        judgment_id: record.judgment_id.to_string(),
        case_number: record.case_number,
        case_id: record.case_id.map(|id| id.to_string()),
        plaintiff_id: record.plaintiff_id.to_string(),
        plaintiff_name: record.plaintiff_name,
        plaintiff_status: record.plaintiff_status,
        defendant_name: record.defendant_name,
        priority_level: priority.to_owned(),
        judgment_amount: wire::money(record.judgment_amount),
        judgment_date: record.judgment_date.map(wire::date),
        county: record.county,
        state: record.state,
        stage: record.stage,
    }
}

/// Sends every judgment that a filter lets through, page by page in its order; place and limit do not count here
///
/// True once all are sent; false where the receiver is gone or took too long. An error is sent and comes last.
pub async fn send_rows(
    mut tx: Transaction,
    filter: PipelineFilter,
    receiver: mpsc::Sender<Result<Vec<PipelineRow>, SqlError>>,
) -> bool {
    let mut filter = PipelineFilter { after: None, limit: PAGE_ROWS_MAX, ..filter };
    // One snapshot for all pages, so that nothing is sent twice or missed.
    let snapshot = "set transaction isolation level repeatable read";
    let mut begun = sqlx::query(snapshot).execute(&mut *tx).await.map(drop);
    loop {
        let page = match begun {
            Ok(()) => page(&mut tx, &filter).await,
            Err(error) => Err(error),
        };
        begun = Ok(());
        let (rows, next, is_error) = match page {
            Ok(page) => (Ok(page.rows), page.next, false),
            Err(error) => (Err(error), None, true),
        };
        if receiver.send_timeout(rows, listing::PATIENCE).await.is_err() || is_error {
            return false;
        }
        let place = listing::after(&next).ok().flatten().and_then(|parts| Place::parse(parts).ok());
        if place.is_none() {
            return true;
        }
        filter.after = place;
    }
}
