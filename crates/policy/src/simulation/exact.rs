//! What formulas know of a pool.

use serde::Serialize;

use super::distribution::Distribution;
use super::erlang::{ErlangA, erlang_a, erlang_b, erlang_c};
use super::scenario::{Arrivals, Scenario};
use crate::routing::PriorityRank;

/// The steady state of a pool, by formula
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exact {
    /// By rank.
    pub groups: Vec<ExactGroup>,
    /// The share of visitors who are lost.
    pub lost: f64,
    /// The share of visitors who wait; `None` without a waiting list.
    pub p_wait: Option<f64>,
    /// The mean wait of all visitors; `None` without a waiting list.
    pub mean_wait: Option<f64>,
    /// The share of visitors who are served within the time of the service level; `None` where visitors lose patience.
    pub service_level: Option<f64>,
}

/// One rank group
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExactGroup {
    /// Its rank.
    pub rank: PriorityRank,
    /// The share of all visitors whom it serves.
    pub share: f64,
    /// The share of its slots in use.
    pub occupancy: f64,
    /// The share of all visitors who find it and every group before it without a free slot.
    pub overflow: f64,
}

/// Whether ranks can change what is lost
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LossTheorem {
    /// Whether losses are the same under all ranks.
    pub applies: bool,
    /// Why, in a sentence.
    pub reason: &'static str,
}

/// Whether losses, and waits, are the same whatever the ranks
///
/// A visitor is refused only when every slot of the pool is in use. Where handling times do not depend on who serves and nobody is away,
/// the number of slots in use is the same at any time under all ranks: the same visitors come and stay as long. Then ranks move work
/// between agents and can change neither losses nor waits, visitor by visitor.
pub fn losses_ignore_ranks(scenario: &Scenario) -> LossTheorem {
    let reason = if scenario.members.iter().any(|member| member.pace != 1.0) {
        "handling times depend on who serves, so that ranks decide how long slots stay in use"
    } else if !scenario.away.is_empty() {
        "agents are away at times, so that ranks decide whose slots are missing"
    } else {
        let reason = "handling times are equal and nobody is away: a visitor is refused only when every slot is in \
                      use, and ranks do not change how many are";
        return LossTheorem { applies: true, reason };
    };
    LossTheorem { applies: false, reason }
}

/// The exact figures, where they are known: at a constant rate with equal handling times and nobody away
///
/// Without waiting, for every distribution of handling times: the groups down to any one are a loss system of their slots, since a visitor
/// goes past them only when all are in use, and Erlang B is insensitive. With waiting, for exponential handling times, and exponential
/// patience if any: what happens while nobody waits is the loss system (a time in which someone waits begins and ends with every slot in
/// use, so that cutting it out leaves the loss system's own transitions), and while someone waits every slot is in use.
pub fn exact(scenario: &Scenario) -> Option<Exact> {
    let Arrivals::Constant(rate) = scenario.arrivals else { return None };
    if !losses_ignore_ranks(scenario).applies {
        return None;
    }
    let mean = scenario.handling.mean();
    let (erlangs, slots) = (rate * mean, scenario.slots());
    let is_exponential = matches!(scenario.handling, Distribution::Exponential { .. });
    let waits = match (scenario.waiting, scenario.patience) {
        (false, _) => ErlangA { p_wait: 0.0, p_queue: 0.0, waiting: 0.0, lost: erlang_b(slots, erlangs) },
        (true, _) if !is_exponential => return None,
        (true, None) => {
            let p_wait = erlang_c(slots, erlangs)?;
            let use_of_all = erlangs / f64::from(slots);
            let waiting = p_wait * use_of_all / (1.0 - use_of_all);
            ErlangA { p_wait, p_queue: p_wait * use_of_all, waiting, lost: 0.0 }
        }
        (true, Some(Distribution::Exponential { mean: patience })) => {
            erlang_a(slots, erlangs, patience / mean)?
        }
        (true, Some(_)) => return None,
    };
    let nobody_waits = 1.0 - waits.p_queue;
    let mut groups = Vec::new();
    let (mut slots_before, mut overflow_before) = (0, 1.0);
    for (rank, members) in scenario.groups() {
        let slots_of: u32 = members.iter().map(|member| member.slots).sum();
        slots_before += slots_of;
        let overflow = erlang_b(slots_before, erlangs);
        let occupancy = erlangs * (overflow_before - overflow) / f64::from(slots_of);
        overflow_before = overflow;
        let occupancy = nobody_waits * occupancy + waits.p_queue;
        groups.push(ExactGroup {
            rank,
            share: occupancy * f64::from(slots_of) / erlangs,
            occupancy,
            overflow: nobody_waits * overflow + waits.p_queue,
        });
    }
    let service_level = match (scenario.waiting, scenario.patience) {
        (false, _) => Some(1.0 - waits.lost),
        (true, None) => {
            let leaving = (f64::from(slots) - erlangs) / mean;
            Some(1.0 - waits.p_wait * libm::exp(-leaving * scenario.service_level_within))
        }
        (true, Some(_)) => None,
    };
    Some(Exact {
        groups,
        lost: waits.lost,
        p_wait: scenario.waiting.then_some(waits.p_wait),
        mean_wait: scenario.waiting.then_some(waits.waiting / rate),
        service_level,
    })
}
