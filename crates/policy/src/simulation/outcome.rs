//! What a simulation answers.

use serde::Serialize;

use super::engine::{Batch, Run, run};
use super::estimate::{BATCHES, Estimate, estimate, fairness, pair, share};
use super::exact::{Exact, exact};
use super::scenario::{Arrivals, Scenario};
use crate::routing::{AgentId, PriorityRank};

/// The figures of a scenario, each with its interval of 99.9 % and, where one is known, its exact value
///
/// What does not apply is `None`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// By rank.
    pub groups: Vec<GroupOutcome>,
    /// The share of visitors who are lost, patience included.
    pub lost: f64,
    /// Its interval.
    #[serde(serialize_with = "pair")]
    pub lost_interval: [f64; 2],
    /// By formula.
    pub lost_exact: Option<f64>,
    /// The share of visitors who wait; `None` without a waiting list, as all that follows about waiting.
    pub p_wait: Option<f64>,
    /// Its interval.
    pub p_wait_interval: Option<[f64; 2]>,
    /// By formula.
    pub p_wait_exact: Option<f64>,
    /// The mean wait of all visitors, those who do not wait and those who lose patience included.
    pub mean_wait: Option<f64>,
    /// Its interval.
    pub mean_wait_interval: Option<[f64; 2]>,
    /// By formula.
    pub mean_wait_exact: Option<f64>,
    /// The share of visitors who are served within the time of the service level.
    pub service_level: f64,
    /// Its interval.
    #[serde(serialize_with = "pair")]
    pub service_level_interval: [f64; 2],
    /// By formula.
    pub service_level_exact: Option<f64>,
    /// By rank and id.
    pub agents: Vec<AgentOutcome>,
    /// In erlangs.
    pub offered_load: f64,
    /// How many visitors the figures rest on.
    pub arrivals: u64,
    /// What the intervals rest on.
    pub method: Method,
    /// Whether a waiting list has an end; where it has none, the figures depend on how long is simulated.
    pub is_stable: bool,
}

/// What intervals rest on
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// 30 batches of one run, after one that is discarded.
    BatchMeans,
    /// 30 days that begin empty.
    Replications,
}

/// One rank group
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupOutcome {
    /// Its rank.
    pub rank: PriorityRank,
    /// How many members.
    pub agents: u64,
    /// How many slots they have together.
    pub slots: u32,
    /// The share of all visitors whom it serves.
    pub share: f64,
    /// Its interval.
    #[serde(serialize_with = "pair")]
    pub share_interval: [f64; 2],
    /// By formula.
    pub share_exact: Option<f64>,
    /// The share of its slots in use.
    pub occupancy: f64,
    /// Its interval.
    #[serde(serialize_with = "pair")]
    pub occupancy_interval: [f64; 2],
    /// By formula.
    pub occupancy_exact: Option<f64>,
    /// The share of all visitors who find it and every group before it without a free slot.
    pub overflow: f64,
    /// Its interval.
    #[serde(serialize_with = "pair")]
    pub overflow_interval: [f64; 2],
    /// By formula.
    pub overflow_exact: Option<f64>,
    /// Jain's index of its members' occupancies.
    pub fairness: f64,
    /// Its interval.
    #[serde(serialize_with = "pair")]
    pub fairness_interval: [f64; 2],
}

/// One agent
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgentOutcome {
    /// Who.
    pub agent_id: AgentId,
    /// The rank.
    pub rank: PriorityRank,
    /// The share of all visitors whom it serves.
    pub share: f64,
    /// Its interval.
    #[serde(serialize_with = "pair")]
    pub share_interval: [f64; 2],
    /// The share of its slots in use.
    pub occupancy: f64,
    /// Its interval.
    #[serde(serialize_with = "pair")]
    pub occupancy_interval: [f64; 2],
}

/// Simulates a scenario.
pub fn simulate(scenario: &Scenario) -> Outcome {
    outcome(scenario, &batches(scenario))
}

pub(super) fn method(scenario: &Scenario) -> Method {
    match scenario.arrivals {
        Arrivals::Constant(_) if scenario.away.is_empty() => Method::BatchMeans,
        _ => Method::Replications,
    }
}

/// The batches that the figures of a scenario rest on.
pub(super) fn batches(scenario: &Scenario) -> Vec<Batch> {
    if method(scenario) == Method::BatchMeans {
        let each = scenario.arrivals_count / (BATCHES + 1);
        let mut batches = run(scenario, 0, &Run::Arrivals { batches: BATCHES + 1, each });
        batches.remove(0);
        return batches;
    }
    let day = day(scenario);
    (1..=BATCHES)
        .flat_map(|day_number| run(scenario, day_number, &Run::Times { from: 0.0, cuts: &[day] }))
        .collect()
}

/// How long a replication lasts.
fn day(scenario: &Scenario) -> f64 {
    match &scenario.arrivals {
        Arrivals::ByHour(rates) => rates.len() as f64,
        Arrivals::Constant(rate) => scenario.arrivals_count as f64 / BATCHES as f64 / rate,
    }
}

pub(super) fn of_arrivals(counted: u64, batch: &Batch) -> (f64, f64) {
    (counted as f64, batch.arrivals as f64)
}

pub(super) fn outcome(scenario: &Scenario, batches: &[Batch]) -> Outcome {
    let known = exact(scenario);
    // A figure of nothing is nothing: there were no arrivals.
    let none = Estimate::certain(0.0);
    let shared = |ratio: &dyn Fn(&Batch) -> u64| {
        share(batches, &|batch| of_arrivals(ratio(batch), batch)).unwrap_or(none)
    };
    let lost = shared(&|batch| batch.lost + batch.cut_off);
    let p_wait = scenario.waiting.then(|| shared(&|batch| batch.waited));
    let mean_wait = scenario
        .waiting
        .then(|| estimate(batches, &|batch| (batch.wait, batch.arrivals as f64)).unwrap_or(none));
    let service_level = shared(&|batch| batch.within);
    let mut groups = Vec::new();
    let mut agents = Vec::new();
    for (number, (rank, members)) in scenario.groups().into_iter().enumerate() {
        let first = agents.len();
        for (agent, member) in (first..).zip(members) {
            agents.push(agent_outcome(batches, agent, member.id.clone(), rank, member.slots));
        }
        let slots = members.iter().map(|member| member.slots).sum();
        let tally = |batch: &Batch| batch.groups.get(number).copied().unwrap_or_default();
        let served = shared(&|batch| tally(batch).served);
        let overflow = shared(&|batch| tally(batch).overflow);
        let occupancy = share_of_time(batches, &|batch| (tally(batch).busy, f64::from(slots) * batch.time));
        let seats: Vec<(usize, u32)> =
            (first..).zip(members).map(|(agent, member)| (agent, member.slots)).collect();
        let fair = fairness(batches, &seats);
        let known = known.as_ref().and_then(|known| known.groups.get(number));
        groups.push(GroupOutcome {
            rank,
            agents: members.len() as u64,
            slots,
            share: served.value,
            share_interval: served.interval,
            share_exact: known.map(|known| known.share),
            occupancy: occupancy.value,
            occupancy_interval: occupancy.interval,
            occupancy_exact: known.map(|known| known.occupancy),
            overflow: overflow.value,
            overflow_interval: overflow.interval,
            overflow_exact: known.map(|known| known.overflow),
            fairness: fair.value,
            fairness_interval: fair.interval,
        });
    }
    let known_of = |figure: fn(&Exact) -> Option<f64>| known.as_ref().and_then(figure);
    Outcome {
        groups,
        lost: lost.value,
        lost_interval: lost.interval,
        lost_exact: known.as_ref().map(|known| known.lost),
        p_wait: p_wait.map(|p_wait| p_wait.value),
        p_wait_interval: p_wait.map(|p_wait| p_wait.interval),
        p_wait_exact: known_of(|known| known.p_wait),
        mean_wait: mean_wait.map(|mean_wait| mean_wait.value),
        mean_wait_interval: mean_wait.map(|mean_wait| mean_wait.interval),
        mean_wait_exact: known_of(|known| known.mean_wait),
        service_level: service_level.value,
        service_level_interval: service_level.interval,
        service_level_exact: known_of(|known| known.service_level),
        agents,
        offered_load: scenario.offered_load(),
        arrivals: batches.iter().map(|batch| batch.arrivals).sum(),
        method: method(scenario),
        is_stable: is_stable(scenario),
    }
}

fn agent_outcome(
    batches: &[Batch],
    agent: usize,
    id: AgentId,
    rank: PriorityRank,
    slots: u32,
) -> AgentOutcome {
    let none = Estimate::certain(0.0);
    let tally = |batch: &Batch| batch.agents.get(agent).copied().unwrap_or_default();
    let served = share(batches, &|batch| of_arrivals(tally(batch).served, batch)).unwrap_or(none);
    let occupancy = share_of_time(batches, &|batch| (tally(batch).busy, f64::from(slots) * batch.time));
    AgentOutcome {
        agent_id: id,
        rank,
        share: served.value,
        share_interval: served.interval,
        occupancy: occupancy.value,
        occupancy_interval: occupancy.interval,
    }
}

fn share_of_time(batches: &[Batch], ratio: &dyn Fn(&Batch) -> (f64, f64)) -> Estimate {
    let Some(Estimate { value, interval: [from, to] }) = estimate(batches, ratio) else {
        return Estimate::certain(0.0);
    };
    Estimate { value, interval: [from.max(0.0), to.min(1.0)] }
}

/// Whether visitors come more slowly than all agents together serve, or do not wait for ever.
fn is_stable(scenario: &Scenario) -> bool {
    let served: f64 = scenario.members.iter().map(|member| f64::from(member.slots) / member.pace).sum();
    !scenario.waiting || scenario.patience.is_some() || scenario.offered_load() < served
}
