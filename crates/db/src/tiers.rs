//! The tiers as a whole: counts, money, coverage.

use chrono::{DateTime, Utc};
use contract::{Coverage, TierOverviewRow};
use rust_decimal::Decimal;

use crate::{SqlError, Transaction, wire};

#[derive(sqlx::FromRow)]
struct Record {
    tier: Option<i16>,
    tier_label: String,
    judgment_count: i64,
    total_principal: Decimal,
    avg_principal: Option<Decimal>,
    avg_collectability: Option<Decimal>,
    active_count: i64,
    active_balance: Decimal,
    oldest_tier_assignment: Option<DateTime<Utc>>,
    newest_tier_assignment: Option<DateTime<Utc>>,
}

/// The rows of `v_enforcement_tier_overview` for the caller's organisation: tiers 0 to 3, then those without a tier
pub async fn overview(tx: &mut Transaction) -> Result<Vec<TierOverviewRow>, SqlError> {
    let records: Vec<Record> = sqlx::query_as(
        "select tier, tier_label, judgment_count, total_principal, avg_principal, avg_collectability,
                active_count, active_balance, oldest_tier_assignment, newest_tier_assignment
           from public.v_enforcement_tier_overview order by tier nulls last",
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(records
        .into_iter()
        .map(|row| TierOverviewRow {
            tier: wire::tier(row.tier),
            tier_label: row.tier_label,
            judgment_count: wire::count(row.judgment_count),
            total_principal: wire::money(row.total_principal),
            avg_principal: row.avg_principal.map(wire::money),
            avg_collectability: row.avg_collectability.map(wire::score),
            active_count: wire::count(row.active_count),
            active_balance: wire::money(row.active_balance),
            oldest_tier_assignment: row.oldest_tier_assignment.map(wire::instant),
            newest_tier_assignment: row.newest_tier_assignment.map(wire::instant),
        })
        .collect())
}

/// How many active judgments of the caller's organisation were tiered today, earlier or never
pub async fn coverage(tx: &mut Transaction) -> Result<Coverage, SqlError> {
    let (active, tiered_today, never): (i64, i64, i64) = sqlx::query_as(
        "with today as materialized (select public.org_today_start(public.current_org_id()) as began)
         select count(*), count(*) filter (where j.tier_as_of >= (select began from today)),
                count(*) filter (where j.tier_as_of is null)
           from public.core_judgments j
          where j.org_id = (select public.current_org_id()) and j.status not in ('satisfied', 'vacated', 'expired')",
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Coverage {
        active: wire::count(active),
        tiered_today: wire::count(tiered_today),
        stale: wire::count(active - tiered_today - never),
        never: wire::count(never),
    })
}
