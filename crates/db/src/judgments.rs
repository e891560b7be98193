//! Judgments as people search, list, export and open them.

use chrono::{DateTime, NaiveDate, Utc};
use contract::{
    Assignment, FactsRow, JudgmentDetail, JudgmentFacets, JudgmentPage, JudgmentQuery, JudgmentRow, OpenCase,
    Outcome, SignalValues, Why,
};
use futures_util::TryStreamExt;
use policy::study;
use policy::tier::{AssetSignal, AssetSignals, Cents, JudgmentFacts, Score, TierPolicy};
use rust_decimal::Decimal;
use sqlx::{Postgres, QueryBuilder};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{SqlError, Transaction, listing, policies, wire};

const STATUSES: [&str; 5] = ["unsatisfied", "in_progress", "satisfied", "vacated", "expired"];
// Not `is_closed_status`, which PostgreSQL would call for every row.
const IS_ACTIVE: &str = "j.status not in ('satisfied', 'vacated', 'expired')";

// The plaintiff's name is looked up row by row: joined, a table without statistics (one just filled) has PostgreSQL
// read all judgments of all plaintiffs to show a hundred.
const ROW_COLUMNS: &str = "j.id, j.judgment_no, j.case_number,
    (select n.name from public.plaintiffs n where n.org_id = j.org_id and n.id = j.plaintiff_id) as plaintiff_name,
    j.defendant_name, j.court, j.county, j.state, j.judgment_date, j.judgment_amount, j.balance_due, j.collectability_score, j.asset_signals, j.status,
    j.tier, j.tier_reason, j.tier_as_of";
const TABLE: &str = "public.core_judgments j";
/// For an order that needs the plaintiff's name
const TABLE_WITH_PLAINTIFFS: &str =
    "public.core_judgments j join public.plaintiffs p on p.org_id = j.org_id and p.id = j.plaintiff_id";

pub const PAGE_ROWS_MAX: u32 = 500;
const PAGE_ROWS: u32 = 100;
pub(crate) const SEARCH_LENGTH_MAX: usize = 200;

/// A part of a query that cannot be read
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct QueryError {
    pub field: &'static str,
    pub message: String,
}

/// Which judgments are meant, and in which order: a checked [`JudgmentQuery`]
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JudgmentFilter {
    search: Option<String>,
    tiers: Option<Vec<i16>>,
    is_never_tiered: bool,
    statuses: Option<Vec<String>>,
    county: Option<String>,
    balance_min: Option<Decimal>,
    balance_max: Option<Decimal>,
    score_min: Option<Decimal>,
    score_max: Option<Decimal>,
    asset: Option<Asset>,
    coverage: Option<Coverage>,
    sort: Sort,
    offset: u32,
    limit: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Asset {
    Signal(AssetSignal),
    Any,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Coverage {
    Today,
    Stale,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Sort {
    column: &'static str,
    descends: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Self { column: "j.balance_due", descends: true }
    }
}

impl Sort {
    fn parse(text: &str) -> Result<Self, QueryError> {
        let (descends, key) = text.strip_prefix('-').map_or((false, text), |key| (true, key));
        let column = match key {
            "judgment_no" => "j.judgment_no",
            "case_number" => "j.case_number collate \"C\"",
            "plaintiff" => "p.normalized_name collate \"C\"",
            "county" => "j.county collate \"C\"",
            "balance" => "j.balance_due",
            "score" => "j.collectability_score",
            "tier" => "j.tier",
            "status" => "j.status collate \"C\"",
            "judgment_date" => "j.judgment_date",
            "tier_as_of" => "j.tier_as_of",
            _ => return Err(QueryError { field: "sort", message: format!("cannot sort by `{key}`") }),
        };
        Ok(Self { column, descends })
    }

    /// What has to be read for the order
    fn table(self) -> &'static str {
        if self.column.starts_with("p.") { TABLE_WITH_PLAINTIFFS } else { TABLE }
    }

    /// Judgments that lack the value come last either way; equal ones are in the order of their numbers
    fn order_by(self, column: &str, judgment_no: &str) -> String {
        let direction = if self.descends { "desc" } else { "asc" };
        format!(" order by {column} {direction} nulls last, {judgment_no}")
    }
}

impl TryFrom<&JudgmentQuery> for JudgmentFilter {
    type Error = QueryError;

    fn try_from(query: &JudgmentQuery) -> Result<Self, QueryError> {
        let mut filter = Self {
            search: given(&query.search).map(str::to_owned),
            county: given(&query.county).map(str::to_owned),
            balance_min: balance("balance_min", &query.balance_min)?,
            balance_max: balance("balance_max", &query.balance_max)?,
            score_min: score("score_min", &query.score_min)?,
            score_max: score("score_max", &query.score_max)?,
            sort: given(&query.sort).map(Sort::parse).transpose()?.unwrap_or_default(),
            offset: query.offset.unwrap_or(0),
            limit: query.limit.unwrap_or(PAGE_ROWS),
            ..Self::default()
        };
        if filter.search.as_ref().is_some_and(|search| search.len() > SEARCH_LENGTH_MAX) {
            let message = format!("longer than {SEARCH_LENGTH_MAX} bytes");
            return Err(QueryError { field: "search", message });
        }
        if [&filter.search, &filter.county].into_iter().flatten().any(|text| text.contains('\0')) {
            return Err(QueryError { field: "search", message: "contains a null character".to_owned() });
        }
        if !(1..=PAGE_ROWS_MAX).contains(&filter.limit) {
            let message = format!("`{}` is not between 1 and {PAGE_ROWS_MAX}", filter.limit);
            return Err(QueryError { field: "limit", message });
        }
        if let Some(tiers) = given(&query.tier) {
            let mut numbers = Vec::new();
            for tier in tiers.split(',').map(str::trim) {
                match tier {
                    "none" => filter.is_never_tiered = true,
                    "0" | "1" | "2" | "3" => numbers.extend(tier.parse::<i16>()),
                    _ => {
                        return Err(QueryError { field: "tier", message: format!("`{tier}` is not a tier") });
                    }
                }
            }
            filter.tiers = Some(numbers);
        }
        if let Some(statuses) = given(&query.status) {
            let mut wanted = Vec::new();
            for status in statuses.split(',').map(str::trim) {
                match status {
                    "active" => wanted.extend(["unsatisfied", "in_progress"].map(str::to_owned)),
                    _ if STATUSES.contains(&status) => wanted.push(status.to_owned()),
                    _ => {
                        let message = format!("`{status}` is not a status");
                        return Err(QueryError { field: "status", message });
                    }
                }
            }
            filter.statuses = Some(wanted);
        }
        filter.asset = given(&query.asset)
            .map(|asset| match asset {
                "any" => Ok(Asset::Any),
                "none" => Ok(Asset::None),
                _ => AssetSignal::ALL
                    .into_iter()
                    .find(|signal| signal.name() == asset)
                    .map(Asset::Signal)
                    .ok_or_else(|| QueryError {
                        field: "asset",
                        message: format!("`{asset}` is not an asset signal"),
                    }),
            })
            .transpose()?;
        filter.coverage = given(&query.coverage)
            .map(|coverage| match coverage {
                "today" => Ok(Coverage::Today),
                "stale" => Ok(Coverage::Stale),
                "never" => Ok(Coverage::Never),
                _ => Err(QueryError {
                    field: "coverage",
                    message: format!("`{coverage}` is none of today, stale, never"),
                }),
            })
            .transpose()?;
        Ok(filter)
    }
}

/// An empty field of a form means that nothing is asked for
pub(crate) fn given(text: &Option<String>) -> Option<&str> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

fn balance(field: &'static str, text: &Option<String>) -> Result<Option<Decimal>, QueryError> {
    given(text)
        .map(|text| text.parse::<Cents>().map(Cents::to_decimal))
        .transpose()
        .map_err(|error| QueryError { field, message: error.to_string() })
}

fn score(field: &'static str, text: &Option<String>) -> Result<Option<Decimal>, QueryError> {
    given(text)
        .map(|text| text.parse::<Score>().map(Score::to_decimal))
        .transpose()
        .map_err(|error| QueryError { field, message: error.to_string() })
}

impl JudgmentFilter {
    /// Whether every judgment passes
    fn is_open(&self) -> bool {
        let Self { sort, offset, limit, .. } = *self;
        *self == Self { sort, offset, limit, ..Self::default() }
    }

    /// Appends `where …` over the alias `j`
    fn push_conditions<'a>(&'a self, sql: &mut QueryBuilder<'a, Postgres>) {
        sql.push(" where j.org_id = (select public.current_org_id())");
        if let Some(search) = &self.search {
            sql.push(" and j.id in (select public.search_judgments(").push_bind(search).push("))");
        }
        if let Some(tiers) = &self.tiers {
            sql.push(" and (j.tier = any(").push_bind(tiers).push(")");
            if self.is_never_tiered {
                sql.push(" or j.tier is null");
            }
            sql.push(")");
        }
        if let Some(statuses) = &self.statuses {
            sql.push(" and j.status = any(").push_bind(statuses).push(")");
        }
        if let Some(county) = &self.county {
            sql.push(" and j.county = ").push_bind(county);
        }
        for (condition, bound) in [
            (" and j.balance_due >= ", self.balance_min),
            (" and j.balance_due <= ", self.balance_max),
            (" and j.collectability_score >= ", self.score_min),
            (" and j.collectability_score <= ", self.score_max),
        ] {
            if let Some(bound) = bound {
                sql.push(condition).push_bind(bound);
            }
        }
        match self.asset {
            Some(Asset::Signal(signal)) => {
                sql.push(" and j.asset_signals & ").push_bind(i16::from(signal.bit())).push(" <> 0");
            }
            Some(Asset::Any) => {
                sql.push(" and j.asset_signals <> 0");
            }
            Some(Asset::None) => {
                sql.push(" and j.asset_signals = 0");
            }
            None => {}
        }
        if let Some(coverage) = self.coverage {
            sql.push(" and ").push(IS_ACTIVE).push(match coverage {
                Coverage::Never => " and j.tier_as_of is null",
                Coverage::Today => {
                    " and j.tier_as_of >= (select public.org_today_start(public.current_org_id()))"
                }
                Coverage::Stale => {
                    " and j.tier_as_of < (select public.org_today_start(public.current_org_id()))"
                }
            });
        }
    }
}

#[derive(sqlx::FromRow)]
struct Record {
    id: Uuid,
    judgment_no: i64,
    case_number: String,
    plaintiff_name: String,
    defendant_name: Option<String>,
    court: Option<String>,
    county: Option<String>,
    state: Option<String>,
    judgment_date: Option<NaiveDate>,
    judgment_amount: Decimal,
    balance_due: Option<Decimal>,
    collectability_score: Option<Decimal>,
    asset_signals: i16,
    status: String,
    tier: Option<i16>,
    tier_reason: Option<String>,
    tier_as_of: Option<DateTime<Utc>>,
}

impl From<Record> for JudgmentRow {
    fn from(record: Record) -> Self {
        Self {
            id: record.id.to_string(),
            judgment_no: wire::count(record.judgment_no),
            case_number: record.case_number,
            plaintiff_name: record.plaintiff_name,
            defendant_name: record.defendant_name,
            court: record.court,
            county: record.county,
            state: record.state,
            judgment_date: record.judgment_date.map(wire::date),
            judgment_amount: wire::money(record.judgment_amount),
            balance_due: record.balance_due.map(wire::money),
            collectability_score: record.collectability_score.map(wire::score),
            asset_signals: wire::signals(record.asset_signals),
            status: record.status,
            tier: wire::tier(record.tier),
            tier_reason: record.tier_reason,
            tier_as_of: record.tier_as_of.map(wire::instant),
        }
    }
}

/// One page of the judgments that a filter lets through, with count and balance of all of them
pub async fn page(tx: &mut Transaction, filter: &JudgmentFilter) -> Result<JudgmentPage, SqlError> {
    let Sort { column, .. } = filter.sort;
    // A filter is applied once for totals and page. Without one, both are better off with an index.
    let materialized = if filter.is_open() { "not materialized" } else { "materialized" };
    let mut sql = QueryBuilder::new(format!(
        "with s as {materialized} (select j.id, j.judgment_no, j.balance_due, {column} as sort_key from "
    ));
    sql.push(filter.sort.table());
    filter.push_conditions(&mut sql);
    sql.push(
        ") select (select count(*) from s), (select coalesce(sum(s.balance_due), 0) from s), array(select s.id from s",
    );
    sql.push(filter.sort.order_by("s.sort_key", "s.judgment_no"));
    sql.push(" limit ").push_bind(i64::from(filter.limit));
    sql.push(" offset ").push_bind(i64::from(filter.offset)).push(")");
    let (total, total_balance, ids): (i64, Decimal, Vec<Uuid>) =
        sql.build_query_as().fetch_one(&mut **tx).await?;

    let records: Vec<Record> = sqlx::query_as(&format!(
        "select {ROW_COLUMNS} from {TABLE} join unnest($1::uuid[]) with ordinality o (id, n) on o.id = j.id
          where j.org_id = (select public.current_org_id()) order by o.n"
    ))
    .bind(ids)
    .fetch_all(&mut **tx)
    .await?;
    Ok(JudgmentPage {
        total: wire::count(total),
        total_balance: wire::money(total_balance),
        rows: records.into_iter().map(JudgmentRow::from).collect(),
    })
}

/// Sends every judgment that a filter lets through, in its order; offset and limit do not count here
///
/// True once all are sent; false where the receiver is gone or took too long. An error is sent and comes last.
pub async fn send_rows(
    mut tx: Transaction,
    filter: JudgmentFilter,
    receiver: mpsc::Sender<Result<Vec<JudgmentRow>, SqlError>>,
) -> bool {
    let mut sql = QueryBuilder::new(format!("select {ROW_COLUMNS} from {}", filter.sort.table()));
    filter.push_conditions(&mut sql);
    sql.push(filter.sort.order_by(filter.sort.column, "j.judgment_no"));
    let records = sql.build_query_as::<Record>().fetch(&mut *tx).map_ok(JudgmentRow::from);
    listing::send(records, receiver).await
}

/// The judgments of these numbers that the caller may see, in the order of their numbers
pub async fn by_no(tx: &mut Transaction, judgment_nos: &[u64]) -> Result<Vec<JudgmentRow>, SqlError> {
    let numbers: Vec<i64> = judgment_nos.iter().filter_map(|number| i64::try_from(*number).ok()).collect();
    let records: Vec<Record> = sqlx::query_as(&format!(
        "select {ROW_COLUMNS} from {TABLE}
          where j.org_id = (select public.current_org_id()) and j.judgment_no = any($1) order by j.judgment_no"
    ))
    .bind(numbers)
    .fetch_all(&mut **tx)
    .await?;
    Ok(records.into_iter().map(JudgmentRow::from).collect())
}

/// What the filters can offer
pub async fn facets(tx: &mut Transaction) -> Result<JudgmentFacets, SqlError> {
    // From one county to the next by the index, without the judgments between: a distinct would read them all.
    let counties: Vec<(String,)> = sqlx::query_as(
        "with recursive counties (county) as (
            (select j.county from public.core_judgments j
              where j.org_id = (select public.current_org_id()) and j.county is not null
              order by j.county limit 1)
            union all
            select (select j.county from public.core_judgments j
                     where j.org_id = (select public.current_org_id()) and j.county > c.county
                     order by j.county limit 1)
              from counties c where c.county is not null)
         select county from counties where county is not null",
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(JudgmentFacets {
        counties: counties.into_iter().map(|(county,)| county).collect(),
        statuses: STATUSES.map(str::to_owned).to_vec(),
    })
}

/// A judgment's status; None where the caller sees no such judgment
pub async fn status(tx: &mut Transaction, id: Uuid) -> Result<Option<String>, SqlError> {
    let status: Option<(String,)> = sqlx::query_as("select status from public.core_judgments where id = $1")
        .bind(id)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(status.map(|(status,)| status))
}

/// Whether a judgment of this status is tiered no more
pub fn is_closed(status: &str) -> bool {
    matches!(status, "satisfied" | "vacated" | "expired")
}

#[derive(sqlx::FromRow)]
struct DetailRecord {
    #[sqlx(flatten)]
    row: Record,
    employer_name: Option<String>,
    bank_name: Option<String>,
    real_property_lead: Option<String>,
    vehicle_lead: Option<String>,
    tier_policy_revision: Option<i32>,
    tier_policy_digest: Option<String>,
    retier_queued: bool,
}

#[derive(sqlx::FromRow)]
struct CaseRecord {
    id: Uuid,
    current_stage: String,
    tier: Option<String>,
    tier_override: Option<String>,
    override_expires_at: Option<DateTime<Utc>>,
    override_note: Option<String>,
    effective_tier: Option<i16>,
}

#[derive(sqlx::FromRow)]
struct AssignmentRecord {
    assigned_at: DateTime<Utc>,
    old_tier: Option<i16>,
    new_tier: i16,
    reason: String,
    decided_by: Option<String>,
    policy_revision: i32,
    policy_digest: String,
    source: String,
}

#[derive(sqlx::FromRow)]
struct FactsRecord {
    valid_from: DateTime<Utc>,
    collectability_score: Option<Decimal>,
    balance_due: Option<Decimal>,
    asset_signals: i16,
    status: String,
}

/// Rows of history that a judgment's page shows
const HISTORY_ROWS: i64 = 200;

/// Everything that a judgment's page shows; None where the caller sees no such judgment
pub async fn detail(tx: &mut Transaction, id: Uuid) -> Result<Option<JudgmentDetail>, SqlError> {
    let found: Option<DetailRecord> = sqlx::query_as(&format!(
        "select {ROW_COLUMNS}, j.tier_policy_revision, j.tier_policy_digest,
                d.employer_name, d.bank_name, d.real_property_lead, d.vehicle_lead,
                exists (select from public.queue_jobs q
                         where q.org_id = j.org_id and q.kind = 'tier_assignment' and q.state = 'queued'
                           and (q.idempotency_key = 'tier:manual:' || j.id
                                or starts_with(q.idempotency_key, 'tier:' || j.id || ':'))) as retier_queued
           from {TABLE}
           left join public.debtor_intelligence d on d.org_id = j.org_id and d.judgment_id = j.id
          where j.id = $1"
    ))
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?;
    let Some(found) = found else {
        return Ok(None);
    };
    let open_case: Option<CaseRecord> = sqlx::query_as(
        "select c.id, c.current_stage, c.tier, public.effective_tier(c) as effective_tier, o.*
           from public.enforcement_cases c
           left join lateral (select c.tier_override, c.override_expires_at, c.override_note
                               where public.is_overridden(c.tier_override, c.override_expires_at)) o on true
          where c.judgment_id = $1 and c.closed_at is null",
    )
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?;
    let assignments: Vec<AssignmentRecord> = sqlx::query_as(
        "select assigned_at, old_tier, new_tier, reason, decided_by, policy_revision, policy_digest, source
           from public.tier_assignments where judgment_id = $1 order by assigned_at desc, id desc limit $2",
    )
    .bind(id)
    .bind(HISTORY_ROWS)
    .fetch_all(&mut **tx)
    .await?;
    let facts: Vec<FactsRecord> = sqlx::query_as(
        "select valid_from, collectability_score, balance_due, asset_signals, status
           from public.judgment_facts where judgment_id = $1 order by valid_from desc, id desc limit $2",
    )
    .bind(id)
    .bind(HISTORY_ROWS)
    .fetch_all(&mut **tx)
    .await?;
    let published = if is_closed(&found.row.status) { None } else { policies::published(tx).await? };
    let (outcome, why) = published
        .map(|(revision, policy)| {
            let facts = facts_of(&found.row);
            (outcome(&policy, Some(revision), &facts), why(&policy, &facts))
        })
        .unzip();

    Ok(Some(JudgmentDetail {
        signals: SignalValues {
            employer_name: found.employer_name,
            bank_name: found.bank_name,
            real_property_lead: found.real_property_lead,
            vehicle_lead: found.vehicle_lead,
        },
        outcome,
        why,
        policy_revision: found.tier_policy_revision.map(wire::revision),
        policy_digest: found.tier_policy_digest,
        open_case: open_case.map(|case| OpenCase {
            id: case.id.to_string(),
            current_stage: case.current_stage,
            tier: case.tier,
            tier_override: case.tier_override,
            override_expires_at: case.override_expires_at.map(wire::instant),
            override_note: case.override_note,
            effective_tier: wire::tier(case.effective_tier),
        }),
        assignments: assignments
            .into_iter()
            .filter_map(|row| {
                Some(Assignment {
                    assigned_at: wire::instant(row.assigned_at),
                    old_tier: wire::tier(row.old_tier),
                    new_tier: wire::tier(Some(row.new_tier))?,
                    reason: row.reason,
                    decided_by: wire::decided_by(row.decided_by.as_deref()),
                    policy_revision: wire::revision(row.policy_revision),
                    policy_digest: row.policy_digest,
                    source: row.source,
                })
            })
            .collect(),
        facts: facts
            .into_iter()
            .map(|row| FactsRow {
                valid_from: wire::instant(row.valid_from),
                collectability_score: row.collectability_score.map(wire::score),
                balance_due: row.balance_due.map(wire::money),
                asset_signals: wire::signals(row.asset_signals),
                status: row.status,
            })
            .collect(),
        retier_queued: found.retier_queued,
        judgment: found.row.into(),
    }))
}

/// The table's checks admit no score and no balance that these types refuse
fn facts_of(record: &Record) -> JudgmentFacts {
    JudgmentFacts {
        score: record.collectability_score.and_then(|score| Score::try_from(score).ok()),
        balance: record.balance_due.and_then(|balance| Cents::try_from(balance).ok()),
        signals: AssetSignals::from_bits(record.asset_signals as u8),
    }
}

fn why(policy: &TierPolicy, facts: &JudgmentFacts) -> Why {
    Why::of(study::explain(policy, facts), study::nearest_changes(policy, facts))
}

/// What a policy says of facts, in the form that API and command line answer
pub fn outcome(policy: &TierPolicy, revision: Option<u32>, facts: &JudgmentFacts) -> Outcome {
    let outcome = policy.evaluate(facts);
    Outcome {
        tier: outcome.tier,
        tier_label: outcome.tier.label().to_owned(),
        reason: outcome.reason,
        decided_by: outcome.decided_by,
        policy_revision: revision,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: JudgmentQuery, expect: Result<(), &str>) {
        let outcome = JudgmentFilter::try_from(&query).map(drop).map_err(|error| error.to_string());
        assert_eq!(
            outcome.as_ref().map_err(String::as_str),
            expect.as_ref().map_err(|error| *error).map(|()| &())
        );
    }

    #[test]
    fn what_a_query_cannot_mean_is_refused_with_its_field() {
        let text = |text: &str| Some(text.to_owned());
        check(JudgmentQuery::default(), Ok(()));
        check(
            JudgmentQuery { tier: text("0, 3,none"), status: text("active"), ..Default::default() },
            Ok(()),
        );
        check(JudgmentQuery { tier: text("4"), ..Default::default() }, Err("tier: `4` is not a tier"));
        check(
            JudgmentQuery { status: text("open"), ..Default::default() },
            Err("status: `open` is not a status"),
        );
        check(
            JudgmentQuery { sort: text("-balance; drop table"), ..Default::default() },
            Err("sort: cannot sort by `balance; drop table`"),
        );
        check(
            JudgmentQuery { limit: Some(501), ..Default::default() },
            Err("limit: `501` is not between 1 and 500"),
        );
        check(
            JudgmentQuery { asset: text("boat"), ..Default::default() },
            Err("asset: `boat` is not an asset signal"),
        );
        check(
            JudgmentQuery { search: text(&"x".repeat(201)), ..Default::default() },
            Err("search: longer than 200 bytes"),
        );
    }
}
