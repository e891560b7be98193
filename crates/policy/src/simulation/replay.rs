//! Recorded visitors under other ranks: who would have gone to whom, who would have been lost.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use serde::{Deserialize, Serialize};

use crate::routing::{
    AgentId, AgentStatus, Decision, PoolId, PriorityRank, Reason, Router, RoutingConfig, RoutingError,
    VisitorId,
};
use crate::tier::only_objects;

/// A visitor as it came
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct RecordedArrival {
    /// When, in seconds from any beginning.
    pub at: f64,
    /// To which pool.
    pub pool_id: PoolId,
    /// Who.
    pub visitor_id: VisitorId,
    /// How many seconds its agent had to do with it, or would have had.
    pub handling_seconds: f64,
}

/// A status as it changed
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct RecordedStatus {
    /// When, in seconds from the same beginning.
    pub at: f64,
    /// Whose.
    pub agent_id: AgentId,
    /// To what.
    pub status: AgentStatus,
}

/// What is replayed: visitors and statuses, under two configurations
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct ReplayDocument {
    /// As it is, with the statuses at the beginning.
    pub saved: RoutingConfig,
    /// As it might be.
    pub draft: RoutingConfig,
    /// In any order; those of one moment in the order in which they stand.
    pub arrivals: Vec<RecordedArrival>,
    /// In any order; those of one moment in the order in which they stand.
    #[serde(default)]
    pub statuses: Vec<RecordedStatus>,
}

only_objects!(RecordedArrival, "an arrival");
only_objects!(RecordedStatus, "a change of status");
only_objects!(ReplayDocument, "a replay");

/// Both configurations before the same visitors
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replays {
    /// Under the configuration as it is.
    pub saved: Replay,
    /// Under the other.
    pub draft: Replay,
    /// Every visitor who would have gone to someone else, or to nobody, in the order of arrival.
    pub moved: Vec<MovedLead>,
}

/// A visitor whom the two configurations treat differently
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MovedLead {
    /// Who.
    pub visitor_id: VisitorId,
    /// To which pool it came.
    pub pool_id: PoolId,
    /// When.
    pub at: f64,
    /// With the configuration as it is; `None` is lost.
    pub saved_agent_id: Option<AgentId>,
    /// With the other; `None` is lost.
    pub draft_agent_id: Option<AgentId>,
}

/// Recorded visitors under one configuration
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replay {
    /// In the order of arrival.
    pub leads: Vec<ReplayedLead>,
    /// By pool and rank; the fallback of a pool comes last, without a rank.
    pub groups: Vec<ReplayedGroup>,
    /// How many were served.
    pub served: u64,
    /// How many were not.
    pub lost: u64,
}

/// What became of a visitor
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayedLead {
    /// Who.
    pub visitor_id: VisitorId,
    /// To which pool it came.
    pub pool_id: PoolId,
    /// When.
    pub at: f64,
    /// Who took it and why.
    #[serde(flatten)]
    pub decision: Decision,
}

/// What a rank group of a pool did
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayedGroup {
    /// Whose.
    pub pool_id: PoolId,
    /// Which; `None` for the fallback.
    pub priority_rank: Option<PriorityRank>,
    /// How many visitors it served.
    pub served: u64,
    /// How long it had to do with them, in seconds.
    pub busy_seconds: f64,
}

/// Replays recorded visitors under two configurations
///
/// The routers begin with nobody served, decide as live ones do, and release each visitor after its handling time. Nobody waits. At one moment
/// releases come first, then statuses, then arrivals. Errors: configurations that are not valid, unknown pools and agents, times that are
/// no numbers.
pub fn replay(document: &ReplayDocument) -> Result<Replays, RoutingError> {
    let of = |config: &RoutingConfig, side: &str| {
        let router = Router::new(config).map_err(|error| at(error, &format!("{side}.")))?;
        replay_one(router, &document.arrivals, &document.statuses)
    };
    let saved = of(&document.saved, "saved")?;
    let draft = of(&document.draft, "draft")?;
    let pairs = saved.leads.iter().zip(&draft.leads);
    let moved = pairs.filter(|(one, other)| one.decision.agent_id != other.decision.agent_id);
    let moved = moved
        .map(|(one, other)| MovedLead {
            visitor_id: one.visitor_id.clone(),
            pool_id: one.pool_id.clone(),
            at: one.at,
            saved_agent_id: one.decision.agent_id.clone(),
            draft_agent_id: other.decision.agent_id.clone(),
        })
        .collect();
    Ok(Replays { saved, draft, moved })
}

impl ReplayDocument {
    /// Reads JSON text; errors name the field.
    pub fn from_json(json: &str) -> Result<ReplayDocument, RoutingError> {
        crate::routing::error::read_json(json, "replay")
    }
}

fn at(error: RoutingError, path: &str) -> RoutingError {
    RoutingError { field: format!("{path}{}", error.field), message: error.message }
}

/// A time that can be put in order: all are finite and not negative, so that their bits are in the order of their values.
fn instant(seconds: f64, field: impl FnOnce() -> String) -> Result<u64, RoutingError> {
    if !(0.0..=1e12).contains(&seconds) {
        return Err(RoutingError::new(field(), "is not a number from 0 to 1000000000000"));
    }
    // The zero below zero has other bits.
    Ok((seconds + 0.0).to_bits())
}

fn replay_one(
    mut router: Router,
    arrivals: &[RecordedArrival],
    statuses: &[RecordedStatus],
) -> Result<Replay, RoutingError> {
    let mut coming = Vec::with_capacity(arrivals.len());
    for (number, arrival) in arrivals.iter().enumerate() {
        let from = instant(arrival.at, || format!("arrivals[{number}].at"))?;
        instant(arrival.handling_seconds, || format!("arrivals[{number}].handling_seconds"))?;
        coming.push((from, number, arrival));
    }
    coming.sort_by_key(|(from, number, _)| (*from, *number));
    let mut changing = Vec::with_capacity(statuses.len());
    for (number, status) in statuses.iter().enumerate() {
        changing.push((instant(status.at, || format!("statuses[{number}].at"))?, number, status));
    }
    changing.sort_by_key(|(from, number, _)| (*from, *number));
    let mut changing = changing.into_iter().peekable();

    let mut leaving: BinaryHeap<Reverse<(u64, VisitorId, PoolId)>> = BinaryHeap::new();
    // A visitor who comes again before it has left stays on.
    let mut until: BTreeMap<(VisitorId, PoolId), u64> = BTreeMap::new();
    let mut groups: BTreeMap<(PoolId, bool, Option<PriorityRank>), (u64, f64)> = BTreeMap::new();
    let mut leads = Vec::with_capacity(arrivals.len());
    for (now, number, arrival) in coming {
        loop {
            let leaves = leaving.peek().map(|Reverse((at, ..))| *at).filter(|at| *at <= now);
            let changes = changing.peek().map(|(at, ..)| *at).filter(|at| *at <= now);
            if leaves.is_some_and(|leaves| changes.is_none_or(|changes| leaves <= changes)) {
                let Some(Reverse((at, visitor, pool))) = leaving.pop() else { break };
                let key = (visitor, pool);
                if until.get(&key) == Some(&at) {
                    until.remove(&key);
                    router.release_from(&key.0, &key.1);
                }
            } else if changes.is_some() {
                let Some((_, number, RecordedStatus { agent_id, status, .. })) = changing.next() else {
                    break;
                };
                let changed = router.set_status(agent_id, *status);
                changed.map_err(|error| self::at(error, &format!("statuses[{number}].")))?;
            } else {
                break;
            }
        }
        let RecordedArrival { visitor_id, pool_id, handling_seconds, .. } = arrival;
        let decision = router.route(pool_id, visitor_id, None);
        let decision = decision.map_err(|error| self::at(error, &format!("arrivals[{number}].")))?;
        if decision.agent_id.is_some() {
            let end = (arrival.at + handling_seconds).to_bits();
            let key = (visitor_id.clone(), pool_id.clone());
            let end = until.get(&key).map_or(end, |known| end.max(*known));
            leaving.push(Reverse((end, visitor_id.clone(), pool_id.clone())));
            until.insert(key, end);
            if decision.reason != Reason::AlreadyAssigned {
                let key = (pool_id.clone(), decision.fallback, decision.priority_rank);
                let (served, busy) = groups.entry(key).or_default();
                *served += 1;
                *busy += handling_seconds;
            }
        }
        let (visitor_id, pool_id) = (visitor_id.clone(), pool_id.clone());
        leads.push(ReplayedLead { visitor_id, pool_id, at: arrival.at, decision });
    }
    let served = leads.iter().filter(|lead| lead.decision.agent_id.is_some()).count() as u64;
    let groups = groups.into_iter().map(|((pool_id, _, priority_rank), (served, busy_seconds))| {
        ReplayedGroup { pool_id, priority_rank, served, busy_seconds }
    });
    Ok(Replay { groups: groups.collect(), served, lost: leads.len() as u64 - served, leads })
}
