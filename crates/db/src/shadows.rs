//! Shadows: a policy that is evaluated beside the published one, to see what it would do, without any effect.

use chrono::{DateTime, NaiveDate, Utc};
use contract::{JudgmentRef, ShadowDay, ShadowDetail, ShadowSummary, ShadowedJudgment};
use policy::tier::{Cents, JudgmentFacts, Tier, TierGrid, TierPolicy, TierPolicyDocument};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{SqlError, Transaction, refreshes, wire};

/// Judgments that a shadow's detail names
const NAMED_MAX: i64 = 50;
/// Shadows that a list answers
const LISTED_MAX: i64 = 100;

#[derive(sqlx::FromRow)]
struct Record {
    id: Uuid,
    policy_id: Uuid,
    name: String,
    digest: String,
    days: i32,
    started_at: DateTime<Utc>,
    started_by: Option<String>,
    ends_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    document: Json<TierPolicyDocument>,
}

const SUMMARY: &str = "select s.id, s.policy_id, s.name, s.digest, s.days, s.started_at, u.display_name as started_by, s.ends_at,
    coalesce(s.ended_at, case when s.ends_at <= public.app_now() then s.ends_at end) as ended_at, s.document
    from public.tier_shadows s
    left join public.users u on u.id = s.started_by";

impl From<Record> for ShadowSummary {
    fn from(record: Record) -> Self {
        Self {
            id: record.id.to_string(),
            policy_id: record.policy_id.to_string(),
            name: record.name,
            digest: record.digest,
            days: wire::revision(record.days),
            started_at: wire::instant(record.started_at),
            started_by: record.started_by,
            ends_at: wire::instant(record.ends_at),
            is_running: record.ended_at.is_none(),
            ended_at: record.ended_at.map(wire::instant),
        }
    }
}

/// The shadows of the caller's organisation, newest first, at most 100
pub async fn list(tx: &mut Transaction) -> Result<Vec<ShadowSummary>, SqlError> {
    let records: Vec<Record> = sqlx::query_as(&format!(
        "{SUMMARY} where s.org_id = (select public.current_org_id()) order by s.started_at desc, s.id limit $1"
    ))
    .bind(LISTED_MAX)
    .fetch_all(&mut **tx)
    .await?;
    Ok(records.into_iter().map(ShadowSummary::from).collect())
}

/// A shadow of the caller's organisation with what it has decided
pub async fn find(tx: &mut Transaction, id: Uuid) -> Result<Option<ShadowDetail>, SqlError> {
    let record: Option<Record> =
        sqlx::query_as(&format!("{SUMMARY} where s.id = $1")).bind(id).fetch_optional(&mut **tx).await?;
    let Some(record) = record else { return Ok(None) };
    let days: Vec<(NaiveDate, Vec<i64>, Vec<Decimal>)> = sqlx::query_as(
        "select day, counts, balances from public.tier_shadow_days where shadow_id = $1 order by day",
    )
    .bind(id)
    .fetch_all(&mut **tx)
    .await?;
    let (judgments, differing, differing_balance): (i64, i64, Decimal) = sqlx::query_as(
        "select count(*), count(*) filter (where published_tier <> shadow_tier),
                coalesce(sum(balance) filter (where published_tier <> shadow_tier), 0)
           from public.tier_shadow_tiers where shadow_id = $1",
    )
    .bind(id)
    .fetch_one(&mut **tx)
    .await?;
    let named: Vec<(Uuid, i64, String, NaiveDate, i16, i16, Decimal)> = sqlx::query_as(
        "select j.id, j.judgment_no, j.case_number, t.day, t.published_tier, t.shadow_tier, t.balance
           from public.tier_shadow_tiers t
           join public.core_judgments j on j.org_id = t.org_id and j.judgment_no = t.judgment_no
          where t.shadow_id = $1 and t.published_tier <> t.shadow_tier
          order by t.balance desc, t.judgment_no limit $2",
    )
    .bind(id)
    .bind(NAMED_MAX)
    .fetch_all(&mut **tx)
    .await?;
    let named =
        named.into_iter().filter_map(|(id, judgment_no, case_number, day, published, shadow, balance)| {
            Some(ShadowedJudgment {
                judgment: JudgmentRef {
                    id: id.to_string(),
                    judgment_no: wire::count(judgment_no),
                    case_number,
                },
                day: wire::date(day),
                published: wire::tier(Some(published))?,
                shadow: wire::tier(Some(shadow))?,
                balance: wire::money(balance),
            })
        });
    Ok(Some(ShadowDetail {
        policy: record.document.0.clone(),
        shadow: record.into(),
        days: days
            .into_iter()
            .map(|(day, counts, balances)| ShadowDay {
                date: wire::date(day),
                matrix: refreshes::matrix(&counts, &balances),
            })
            .collect(),
        judgments: wire::count(judgments),
        differing: wire::count(differing),
        differing_balance: wire::money(differing_balance),
        differing_most: named.collect(),
    }))
}

/// Starts a shadow of a policy as it is now
///
/// Refuses, by a [`Refusal`](crate::Refusal), with 404, where one runs, and other than 1 to 60 days.
pub async fn start(tx: &mut Transaction, policy_id: Uuid, days: u32) -> Result<Uuid, SqlError> {
    let (id,) = sqlx::query_as("select public.start_tier_shadow($1, $2)")
        .bind(policy_id)
        .bind(wire::saturated(days))
        .fetch_one(&mut **tx)
        .await?;
    Ok(id)
}

/// Ends a shadow before its time; refuses with 404, and where it has ended
pub async fn stop(tx: &mut Transaction, id: Uuid) -> Result<(), SqlError> {
    sqlx::query("select public.stop_tier_shadow($1)").bind(id).execute(&mut **tx).await?;
    Ok(())
}

/// A shadow that runs, held until the transaction ends
#[derive(Debug)]
pub struct RunningShadow {
    pub org_id: Uuid,
    id: Uuid,
    grid: TierGrid,
}

/// A judgment that the transaction has locked and tiered
#[derive(Debug, Clone, Copy)]
pub struct TieredJudgment {
    pub judgment_no: i64,
    pub facts: JudgmentFacts,
    /// What was written.
    pub tier: Tier,
}

/// The shadows that run in organisations
pub async fn running(tx: &mut Transaction, org_ids: &[Uuid]) -> Result<Vec<RunningShadow>, SqlError> {
    let found: Vec<(Uuid, Uuid, Value)> =
        sqlx::query_as("select org_id, id, document from public.running_tier_shadows($1)")
            .bind(org_ids)
            .fetch_all(&mut **tx)
            .await?;
    let shadows = found.into_iter().filter_map(|(org_id, id, document)| {
        // Tiers do not wait for a shadow that cannot be read.
        let policy = serde_json::from_value::<TierPolicy>(document)
            .inspect_err(|error| tracing::error!(shadow_id = %id, %error, "tier_shadow_unreadable"))
            .ok()?;
        Some(RunningShadow { org_id, id, grid: policy.compile() })
    });
    Ok(shadows.collect())
}

impl RunningShadow {
    /// Evaluates the shadow on judgments, each named once, and keeps what it decides
    ///
    /// Changes no tier. Comes last in a transaction: others wait here until it commits.
    pub async fn record(&self, tx: &mut Transaction, judgments: &[TieredJudgment]) -> Result<(), SqlError> {
        if judgments.is_empty() {
            return Ok(());
        }
        let tier = |tier: Tier| i16::from(tier.number());
        let cents = |judgment: &TieredJudgment| judgment.facts.balance.map_or(0, Cents::cents);
        sqlx::query("select public.record_shadow_tiers($1, $2, $3, $4, $5, $6)")
            .bind(self.org_id)
            .bind(self.id)
            .bind(judgments.iter().map(|judgment| judgment.judgment_no).collect::<Vec<_>>())
            .bind(judgments.iter().map(|judgment| tier(judgment.tier)).collect::<Vec<_>>())
            .bind(
                judgments.iter().map(|judgment| tier(self.grid.tier_of(&judgment.facts))).collect::<Vec<_>>(),
            )
            .bind(judgments.iter().map(cents).collect::<Vec<_>>())
            .execute(&mut **tx)
            .await?;
        Ok(())
    }
}
