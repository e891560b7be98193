//! Past days from stored facts: what a policy would have made of them.

use std::str::FromStr;

use chrono::{DateTime, Days, NaiveDate, Utc};
use contract::{ReplayDay, ReplayFlipped, ReplayFlips, ReplayReport};
use policy::replay::{DAYS_MAX, FactsChange, Replay, ReplayError, Replayer};
use policy::tier::{AssetSignals, Cents, JudgmentFacts, Score, TierPolicy};
use rust_decimal::Decimal;

use crate::{Actor, Database, SqlError, Transaction, lookup, wire};

/// Judgments whose facts are read at once
const CHUNK_JUDGMENTS: i64 = 50_000;
/// Judgments that a report names
const NAMED_MAX: usize = 50;

/// A date that people have on their wall
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(NaiveDate);

/// Text that is no date, or dates that cannot be replayed
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DayError(String);

impl FromStr for Day {
    type Err = DayError;

    /// Reads ISO 8601, such as `2026-01-31`
    fn from_str(text: &str) -> Result<Self, DayError> {
        let error = || DayError("not a date such as `2026-01-31`".to_owned());
        // The parser also takes a sign, and months and days of one digit.
        let day: NaiveDate = text.parse().map_err(|_| error())?;
        if day.to_string() == text { Ok(Self(day)) } else { Err(error()) }
    }
}

impl Day {
    /// The instant before which the day is, by the clock of the caller's organisation; refuses days that have not begun
    pub(crate) async fn end(self, tx: &mut Transaction) -> Result<Result<DateTime<Utc>, DayError>, SqlError> {
        let (today, end): (NaiveDate, DateTime<Utc>) = sqlx::query_as(
            "select public.org_today(o.id), ($1::date + 1)::timestamp at time zone o.time_zone
               from public.organisations o where o.id = (select public.current_org_id())",
        )
        .bind(self.0)
        .fetch_one(&mut **tx)
        .await?;
        Ok(if self.0 <= today { Ok(end) } else { Err(DayError(format!("{} is in the future", self.0))) })
    }
}

/// Days that are replayed together: 1 to 366
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    from: Day,
    to: Day,
    days: u32,
}

impl Range {
    /// From the one day to the other, both included
    pub fn new(from: Day, to: Day) -> Result<Self, DayError> {
        let days = (to.0 - from.0).num_days() + 1;
        match u32::try_from(days) {
            Ok(days @ 1..=DAYS_MAX) => Ok(Self { from, to, days }),
            Ok(days @ 1..) => Err(DayError(format!("{days} days are more than {DAYS_MAX}"))),
            _ => Err(DayError(format!("{} is before {}", to.0, from.0))),
        }
    }
}

/// Why days cannot be replayed
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Database(#[from] SqlError),
    #[error(transparent)]
    Day(#[from] DayError),
    #[error("the stored facts cannot be replayed: {0}")]
    Replay(#[from] ReplayError),
}

/// Replays days under a policy over the judgments of the actor's organisation, all from one database state
pub async fn run(
    db: &Database,
    actor: &Actor,
    range: Range,
    policy: &TierPolicy,
) -> Result<ReplayReport, ReadError> {
    let mut tx = db.begin_as(actor).await?;
    sqlx::query("set transaction isolation level repeatable read, read only").execute(&mut *tx).await?;
    let end = range.to.end(&mut tx).await??;
    let grid = policy.compile();
    let mut replayer = Replayer::new(range.days, |facts| grid.tier_of(facts))?;
    let mut last = 0;
    loop {
        let chunk = read(&mut tx, range.from, end, last).await?;
        let Some(read_to) = chunk.last_no else { break };
        for change in chunk.changes() {
            replayer.push(change)?;
        }
        last = read_to;
    }
    let replay = replayer.finish();
    let report = report(&mut tx, range, policy, replay).await?;
    tx.commit().await?;
    Ok(report)
}

/// Changes of facts in columns, ordered by judgment, then day; -1 where score or balance is missing
#[derive(sqlx::FromRow)]
struct Chunk {
    /// The last judgment that was looked at; None behind the last of all.
    last_no: Option<i64>,
    judgment_nos: Vec<i64>,
    days: Vec<i32>,
    scores: Vec<i16>,
    balance_cents: Vec<i64>,
    asset_signals: Vec<i16>,
    are_closed: Vec<bool>,
}

impl Chunk {
    fn changes(&self) -> impl Iterator<Item = FactsChange> {
        let named = self.judgment_nos.iter().zip(&self.days).zip(&self.are_closed);
        let facts = self.scores.iter().zip(&self.balance_cents).zip(&self.asset_signals);
        named.zip(facts).map(|(((judgment_no, day), is_closed), ((score, balance), signals))| {
            let facts = JudgmentFacts {
                score: u16::try_from(*score).ok().and_then(Score::from_hundredths),
                balance: Cents::from_cents(*balance),
                signals: AssetSignals::from_bits(*signals as u8),
            };
            FactsChange {
                judgment_no: wire::count(*judgment_no),
                day: u32::try_from(*day).unwrap_or(0),
                facts: (!is_closed).then_some(facts),
            }
        })
    }
}

/// Of each judgment the facts with which its days ended: those of the first day and whatever changed later
async fn read(tx: &mut Transaction, from: Day, end: DateTime<Utc>, after_no: i64) -> Result<Chunk, SqlError> {
    sqlx::query_as(
        "with chunk as materialized (
           select j.id, j.judgment_no from public.core_judgments j
            where j.org_id = (select public.current_org_id()) and j.judgment_no > $3
            order by j.judgment_no limit $4
         ), facts as (
           select c.judgment_no, f.*,
                  greatest((f.valid_from at time zone o.time_zone)::date - $1::date, 0) as day
             from public.organisations o
             join public.judgment_facts f on f.org_id = o.id
             join chunk c on c.id = f.judgment_id
            where o.id = (select public.current_org_id()) and f.valid_from < $2
         ), ends as (
           select f.*, lead(f.day) over (partition by f.judgment_no order by f.valid_from, f.id) as next_day from facts f
         )
         select (select max(judgment_no) from chunk) as last_no,
                coalesce(array_agg(e.judgment_no order by e.judgment_no, e.day), '{}') as judgment_nos,
                coalesce(array_agg(e.day order by e.judgment_no, e.day), '{}') as days,
                coalesce(array_agg(coalesce((e.collectability_score * 100)::smallint, -1::smallint) order by e.judgment_no, e.day), '{}') as scores,
                coalesce(array_agg(coalesce((e.balance_due * 100)::bigint, -1) order by e.judgment_no, e.day), '{}') as balance_cents,
                coalesce(array_agg(e.asset_signals order by e.judgment_no, e.day), '{}') as asset_signals,
                coalesce(array_agg(public.is_closed_status(e.status) order by e.judgment_no, e.day), '{}') as are_closed
           from ends e where e.next_day is distinct from e.day",
    )
    .bind(from.0)
    .bind(end)
    .bind(after_no)
    .bind(CHUNK_JUDGMENTS)
    .fetch_one(&mut **tx)
    .await
}

async fn report(
    tx: &mut Transaction,
    range: Range,
    policy: &TierPolicy,
    replay: Replay,
) -> Result<ReplayReport, SqlError> {
    let first = replay.flipped.get(..NAMED_MAX).unwrap_or(&replay.flipped);
    let numbers: Vec<i64> = first.iter().map(|flipped| flipped.judgment_no as i64).collect();
    let named = lookup::numbered(tx, None, &numbers).await?;
    let most_flipped = first.iter().filter_map(|flipped| {
        let judgment = named.iter().find(|judgment| judgment.judgment_no == flipped.judgment_no)?;
        Some(ReplayFlipped {
            judgment: judgment.clone(),
            flips: flipped.flips,
            first_tier: flipped.first,
            last_tier: flipped.last,
        })
    });
    let dates = (0..).map_while(|day| range.from.0.checked_add_days(Days::new(day)));
    let days = dates.zip(&replay.days).map(|(date, day)| ReplayDay {
        date: wire::date(date),
        counts: day.counts,
        // The balances of a hundred million judgments are far below what a decimal holds.
        balance: day
            .balance_cents
            .map(|cents| wire::money(Decimal::try_from_i128_with_scale(cents, 2).unwrap_or(Decimal::MAX))),
        tier_changes: day.changes,
    });
    let flips = (0..).zip(&replay.flips).filter(|(_, judgments)| **judgments > 0);
    Ok(ReplayReport {
        from: wire::date(range.from.0),
        to: wire::date(range.to.0),
        policy_digest: policy.digest().to_string(),
        days: days.collect(),
        flips: flips.map(|(flips, judgments)| ReplayFlips { flips, judgments: *judgments }).collect(),
        most_flipped: most_flipped.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: &str, to: &str, expect: Result<u32, &str>) {
        let range = Range::new(from.parse().unwrap(), to.parse().unwrap());
        assert_eq!(range.map(|range| range.days).map_err(|error| error.0), expect.map_err(str::to_owned));
    }

    #[test]
    fn a_range_has_a_day_at_least_and_a_year_at_most() {
        check("2025-03-01", "2025-03-01", Ok(1));
        check("2024-01-01", "2024-12-31", Ok(366));
        check("2024-01-01", "2025-01-01", Err("367 days are more than 366"));
        check("2025-03-02", "2025-03-01", Err("2025-03-01 is before 2025-03-02"));
        check("0001-01-01", "9999-12-31", Err("3652059 days are more than 366"));
    }

    #[test]
    fn only_iso_dates_are_days() {
        for text in
            ["", "03/01/2025", "2025-02-30", "2025-3-1", "+2025-03-1", "2025-03-01T00:00:00Z", "today"]
        {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }
}
