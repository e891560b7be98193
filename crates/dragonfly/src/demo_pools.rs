//! Made-up pools with agents, page rules and some days of leads, so that the first visitor of the console sees something
//!
//! The days are decided by the router that decides in earnest, and written by what writes its decisions.

use std::collections::BTreeMap;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use contract::WaitingList;
use db::demo::{self as tables, DemoAgent, DemoPool, LoadedPools};
use db::routing::{
    AssignmentRow, Change, LeadRow, LeadStanding, LeadState, MissedRow, ReleaseRow, StatusRow, Writes,
    agent_id_of, kept, pool_id_of, visitor_id_of,
};
use db::{Transaction, pools, routing};
use policy::routing::{AgentStatus, Fallback, PageRule, PriorityRank, Router};
use uuid::Uuid;

use crate::demo::Dice;
use crate::failure::Failure;
use crate::store::Store;

const SALES: usize = 0;
const SUPPORT: usize = 1;
/// Days of leads before today.
const DAYS: i64 = 7;
/// Nine to five in New York, in hours of UTC.
const OPEN_AT: i64 = 14;
const OPEN_HOURS: i64 = 8;

/// Name, slots, ranks in sales and support, and what the agent is doing now.
type Person = (&'static str, u32, Option<u8>, Option<u8>, AgentStatus);
const PEOPLE: [Person; 7] = [
    ("Alice Brandt", 2, Some(1), None, AgentStatus::Idle),
    ("Bob Castro", 2, Some(1), Some(3), AgentStatus::Idle),
    ("Carol Dunn", 2, Some(2), Some(1), AgentStatus::Idle),
    ("Dave Eze", 1, Some(2), Some(1), AgentStatus::Away),
    ("Erin Fujita", 1, Some(3), Some(2), AgentStatus::Idle),
    ("Frank Grau", 1, None, Some(2), AgentStatus::Offline),
    ("Grace Holm", 1, Some(4), None, AgentStatus::Idle),
];
/// Page, pool by place, weight.
const PAGES: [(&str, usize, u64); 5] = [
    ("https://www.example.com/pricing", SALES, 5),
    ("https://www.example.com/pricing?plan=firm", SALES, 2),
    ("https://www.example.com/demo", SALES, 2),
    ("https://www.example.com/support", SUPPORT, 3),
    ("https://help.example.com/letters", SUPPORT, 2),
];

/// Adds pools where the organisation has no agents yet; its people become agents too, so that they can try an agent's page
pub(crate) async fn load(store: &Store, seed: u64) -> Result<bool, Failure> {
    let mut tx = store.begin().await?;
    let known = pools::overview(&mut tx).await?;
    if !known.agents.is_empty() {
        return Ok(false);
    }
    let waiting = Some(WaitingList { seconds_max: 120, leads_max: 10 });
    let demo_pools = [
        DemoPool { name: "Sales Team", fallback: Fallback::None, waiting },
        DemoPool { name: "Support", fallback: Fallback::Organisation, waiting: None },
    ];
    let rank = |rank: Option<u8>| rank.and_then(PriorityRank::new);
    let mut agents: Vec<DemoAgent> = PEOPLE
        .iter()
        .map(|(name, capacity, sales, support, _)| DemoAgent {
            name: (*name).to_owned(),
            user_id: None,
            capacity: *capacity,
            memberships: [(SALES, rank(*sales)), (SUPPORT, rank(*support))]
                .into_iter()
                .filter_map(|(pool, rank)| Some((pool, rank?)))
                .collect(),
        })
        .collect();
    for person in pools::people(&mut tx).await? {
        let user_id = Some(person.user_id.parse().context("a user's id is one")?);
        agents.push(DemoAgent {
            name: person.display_name,
            user_id,
            capacity: 2,
            memberships: vec![(SALES, PriorityRank::PRIMARY)],
        });
    }
    let loaded = tables::load_pools(&mut tx, &demo_pools, &agents).await?;
    pools::save_page_rules(&mut tx, &rules(&loaded.pools)?, None).await?;
    history(&mut tx, store.org_id, &loaded, seed).await?;
    let statuses: Vec<_> = loaded.agents.iter().copied().zip(PEOPLE.iter().map(|person| person.4)).collect();
    tables::load_statuses(&mut tx, store.org_id, &statuses).await?;
    tx.commit().await?;
    Ok(true)
}

fn rules(pools: &[Uuid]) -> Result<Vec<PageRule>, Failure> {
    let of = |place: usize| pools.get(place).map(Uuid::to_string).unwrap_or_default();
    let condition = |field: &str, operator: &str, value: &str| serde_json::json!({ "field": field, "operator": operator, "value": value });
    let rules = serde_json::json!([
        { "id": "pricing", "pool_id": of(SALES), "priority": 4, "conditions": [condition("path", "starts_with", "/pricing")] },
        { "id": "demo", "pool_id": of(SALES), "priority": 3, "conditions": [condition("path", "is_exactly", "/demo")] },
        { "id": "help", "pool_id": of(SUPPORT), "priority": 2, "domain_pattern": "help.example.com" },
        { "id": "support", "pool_id": of(SUPPORT), "priority": 1, "conditions": [condition("path", "contains", "support")] },
    ]);
    Ok(serde_json::from_value(rules).context("the made-up rules are rules")?)
}

/// What happens next in a made-up day
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Status(usize, AgentStatus),
    Release(Uuid, i64),
    Arrival,
}

/// Days of leads up to now
async fn history(tx: &mut Transaction, org_id: Uuid, loaded: &LoadedPools, seed: u64) -> Result<(), Failure> {
    let opened = routing::open(tx, i64::MAX).await?;
    let state = routing::load(tx, org_id, opened.revision).await?;
    let mut router = Router::restore(&state.config, &state.state).context("the made-up pools are pools")?;
    let mut dice = Dice::new(seed);
    let mut events: BTreeMap<(DateTime<Utc>, u64), Event> = BTreeMap::new();
    let mut serial: u64 = 0;
    let mut add = |events: &mut BTreeMap<_, _>, at: DateTime<Utc>, event: Event| {
        serial += 1;
        events.insert((at, serial), event);
    };
    let midnight = opened.now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    for day in (0..=DAYS).rev() {
        let opens_at = midnight - TimeDelta::days(day) + TimeDelta::hours(OPEN_AT);
        for place in 0..PEOPLE.len() {
            let minutes = |dice: &mut Dice| TimeDelta::minutes(dice.below(20) as i64 - 10);
            add(&mut events, opens_at + minutes(&mut dice), Event::Status(place, AgentStatus::Idle));
            let lunch = opens_at + TimeDelta::hours(3) + minutes(&mut dice) * 3;
            add(&mut events, lunch, Event::Status(place, AgentStatus::Away));
            add(&mut events, lunch + TimeDelta::minutes(35), Event::Status(place, AgentStatus::Idle));
            let closes_at = opens_at + TimeDelta::hours(OPEN_HOURS) + minutes(&mut dice);
            add(&mut events, closes_at, Event::Status(place, AgentStatus::Offline));
        }
        let mut at = opens_at;
        while at < opens_at + TimeDelta::hours(OPEN_HOURS) {
            // Busier before noon and in the late afternoon.
            let hour = (at - opens_at).num_hours();
            let mean = if matches!(hour, 1 | 2 | 5 | 6) { 130 } else { 260 };
            at += TimeDelta::seconds(dice.exponential(mean));
            add(&mut events, at, Event::Arrival);
        }
    }

    let mut writes = Writes::default();
    let mut number = opened.sequence;
    while let Some(((at, _), event)) = events.pop_first().filter(|((at, _), _)| *at < opened.now) {
        let mut change = |writes: &mut Writes, change: Change| {
            number += 1;
            writes.changes.push(change);
            number
        };
        match event {
            Event::Status(place, status) => {
                let Some(agent) = loaded.agents.get(place).copied() else { continue };
                router.set_status(&agent_id_of(agent)?, status).context("the agent is known")?;
                let change_no = change(&mut writes, Change::Status { agent, status });
                writes.statuses.push(StatusRow {
                    org_id,
                    change_no,
                    agent_id: agent,
                    at,
                    status,
                    cause: "agent",
                });
            }
            Event::Release(lead, assignment_no) => {
                router.release(&visitor_id_of(lead)?);
                let change_no = change(&mut writes, Change::Release { lead });
                writes.releases.push(ReleaseRow { org_id, assignment_no, change_no, cause: "ended", at });
            }
            Event::Arrival => {
                let Some((page, place, _)) = dice.weighted(&PAGES, |page| page.2).copied() else { continue };
                let Some(pool) = loaded.pools.get(place).copied() else { continue };
                let (lead, visitor) = (dice.uuid(), dice.uuid());
                let trace = router
                    .route_explained(&pool_id_of(pool)?, &visitor_id_of(lead)?, None)
                    .context("the pool is known")?;
                let decision = &trace.decision;
                let agent = decision.agent_id.as_ref().map(|agent| agent.as_str().parse()).transpose();
                let agent: Option<Uuid> = agent.context("the agent's id is one")?;
                let mut standing = LeadStanding {
                    state: LeadState::Missed,
                    agent_id: agent,
                    assignment_no: None,
                    wait_until: None,
                    accepted_at: None,
                    ended_at: Some(at),
                };
                match agent {
                    Some(agent) => {
                        let arrived_at = at;
                        let (rank, fallback) = (decision.priority_rank, decision.fallback);
                        let no = change(
                            &mut writes,
                            Change::Assign { lead, visitor, pool, agent, rank, fallback, arrived_at },
                        );
                        writes.assignments.push(AssignmentRow {
                            org_id,
                            decision_no: no,
                            lead_id: lead,
                            pool_id: pool,
                            agent_id: agent,
                            cause: "arrival",
                            priority_rank: rank,
                            is_fallback: fallback,
                            revision: opened.revision,
                            at,
                            waited_ms: 0,
                            trace: kept(&trace),
                        });
                        let ends_at = at + TimeDelta::seconds(60 + dice.exponential(540));
                        let is_over = ends_at < opened.now;
                        standing.state = if is_over { LeadState::Ended } else { LeadState::Assigned };
                        standing.ended_at = is_over.then_some(ends_at);
                        standing.assignment_no = Some(no);
                        events.insert((ends_at, u64::MAX - no.unsigned_abs()), Event::Release(lead, no));
                    }
                    None => {
                        let no = change(&mut writes, Change::Miss { lead, pool: Some(pool) });
                        writes.missed.push(MissedRow {
                            org_id,
                            decision_no: no,
                            lead_id: lead,
                            pool_id: Some(pool),
                            reason: "unavailable",
                            revision: opened.revision,
                            at,
                            waited_ms: 0,
                            trace: kept(&trace),
                        });
                    }
                }
                writes.leads.push(LeadRow {
                    org_id,
                    id: lead,
                    visitor_id: visitor,
                    pool_id: Some(pool),
                    page_url: Some(page.to_owned()),
                    name: None,
                    contact: None,
                    arrived_at: at,
                    standing,
                });
            }
        }
    }
    routing::write(tx, org_id, &opened, &writes).await?;
    Ok(())
}
