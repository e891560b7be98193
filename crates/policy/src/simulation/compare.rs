//! Saved and draft ranks before the same visitors.

use std::collections::BTreeMap;

use serde::Serialize;

use super::engine::Batch;
use super::estimate::{Estimate, difference};
use super::exact::{LossTheorem, losses_ignore_ranks};
use super::outcome::{Outcome, batches, of_arrivals, outcome};
use super::scenario::Scenario;
use crate::routing::{AgentId, PriorityRank, RoutingError};

/// A scenario under two sets of ranks
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Under the ranks of the scenario.
    pub saved: Outcome,
    /// Under the others.
    pub draft: Outcome,
    /// Draft less saved, in the share of visitors lost.
    pub lost: Estimate,
    /// Draft less saved, in the share of visitors who wait; `None` without a waiting list.
    pub p_wait: Option<Estimate>,
    /// Draft less saved, in the mean wait; `None` without a waiting list.
    pub mean_wait: Option<Estimate>,
    /// Draft less saved, in the service level.
    pub service_level: Estimate,
    /// Draft less saved, for every rank of either.
    pub groups: Vec<GroupDifference>,
    /// Draft less saved, by agent id.
    pub agents: Vec<AgentDifference>,
    /// Whether losses could differ at all.
    pub theorem: LossTheorem,
}

/// What a rank serves more, or less when negative; a rank that one side lacks serves nobody there
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupDifference {
    /// Which.
    pub rank: PriorityRank,
    /// In its share of all visitors.
    pub share: Estimate,
    /// In the share of its slots in use; `None` where one side lacks the rank.
    pub occupancy: Option<Estimate>,
    /// In the share of visitors who find it and every group before it without a free slot.
    pub overflow: Estimate,
}

/// What an agent does more, or less when negative
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgentDifference {
    /// Who.
    pub agent_id: AgentId,
    /// The rank before.
    pub saved_rank: PriorityRank,
    /// The rank after.
    pub draft_rank: PriorityRank,
    /// In its share of all visitors.
    pub share: Estimate,
    /// In the share of its slots in use.
    pub occupancy: Estimate,
}

/// Simulates a scenario as it is and with the ranks of `draft`, before the same visitors
///
/// Errors: a rank for one who is no member.
pub fn compare(
    scenario: &Scenario,
    draft: &BTreeMap<AgentId, PriorityRank>,
) -> Result<Comparison, RoutingError> {
    let draft = scenario.with_ranks(draft)?;
    let before = batches(scenario);
    let after = batches(&draft);
    Ok(comparison(Side { scenario, batches: &before }, Side { scenario: &draft, batches: &after }))
}

/// A scenario that was run
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) batches: &'a [Batch],
}

pub(super) fn comparison(saved: Side<'_>, draft: Side<'_>) -> Comparison {
    let none = Estimate::certain(0.0);
    let same = |ratio: &dyn Fn(&Batch) -> (f64, f64)| {
        difference((saved.batches, ratio), (draft.batches, ratio)).unwrap_or(none)
    };
    let is_waiting = saved.scenario.waiting;
    Comparison {
        saved: outcome(saved.scenario, saved.batches),
        draft: outcome(draft.scenario, draft.batches),
        lost: same(&|batch| of_arrivals(batch.lost + batch.cut_off, batch)),
        p_wait: is_waiting.then(|| same(&|batch| of_arrivals(batch.waited, batch))),
        mean_wait: is_waiting.then(|| same(&|batch| (batch.wait, batch.arrivals as f64))),
        service_level: same(&|batch| of_arrivals(batch.within, batch)),
        groups: groups(saved, draft),
        agents: agents(saved, draft),
        theorem: losses_ignore_ranks(saved.scenario),
    }
}

/// The place of a rank among the groups of a scenario and its slots, where there is such a group
type Place = Option<(usize, u32)>;

fn groups(saved: Side<'_>, draft: Side<'_>) -> Vec<GroupDifference> {
    let mut ranks: BTreeMap<PriorityRank, [Place; 2]> = BTreeMap::new();
    for (side, place) in [saved, draft].into_iter().zip([0, 1]) {
        for (number, (rank, members)) in side.scenario.groups().into_iter().enumerate() {
            let slots = members.iter().map(|member| member.slots).sum();
            if let Some(group) = ranks.entry(rank).or_default().get_mut(place) {
                *group = Some((number, slots));
            }
        }
    }
    let none = Estimate::certain(0.0);
    let tally = |batch: &Batch, group: Place| {
        group.and_then(|(number, _)| batch.groups.get(number).copied()).unwrap_or_default()
    };
    let mut previous = [None, None];
    let mut differences = Vec::new();
    for (rank, [before, after]) in ranks {
        let of = |ratio: &dyn Fn(&Batch, Place) -> (f64, f64)| {
            let before = |batch: &Batch| ratio(batch, before);
            let after = |batch: &Batch| ratio(batch, after);
            difference((saved.batches, &before), (draft.batches, &after)).unwrap_or(none)
        };
        // What passes a rank that one side lacks is what passes the rank before it there.
        let passing = [before.or(previous[0]), after.or(previous[1])];
        previous = passing;
        let [passing_before, passing_after] = passing;
        let overflow = |batch: &Batch, group: Place| {
            of_arrivals(group.map_or(batch.arrivals, |_| tally(batch, group).overflow), batch)
        };
        let overflow_before = |batch: &Batch| overflow(batch, passing_before);
        let overflow_after = |batch: &Batch| overflow(batch, passing_after);
        differences.push(GroupDifference {
            rank,
            share: of(&|batch, group| of_arrivals(tally(batch, group).served, batch)),
            occupancy: (before.is_some() && after.is_some()).then(|| {
                of(&|batch, group| {
                    let slots = group.map_or(0, |(_, slots)| slots);
                    (tally(batch, group).busy, f64::from(slots) * batch.time)
                })
            }),
            overflow: difference((saved.batches, &overflow_before), (draft.batches, &overflow_after))
                .unwrap_or(none),
        });
    }
    differences
}

fn agents(saved: Side<'_>, draft: Side<'_>) -> Vec<AgentDifference> {
    let none = Estimate::certain(0.0);
    let places: BTreeMap<&AgentId, usize> =
        draft.scenario.members.iter().enumerate().map(|(place, member)| (&member.id, place)).collect();
    let mut differences: Vec<AgentDifference> = Vec::new();
    for (before, member) in saved.scenario.members.iter().enumerate() {
        let Some(after) = places.get(&member.id).copied() else { continue };
        let Some(drafted) = draft.scenario.members.get(after) else { continue };
        let tally = |batch: &Batch, agent: usize| batch.agents.get(agent).copied().unwrap_or_default();
        let of = |ratio: &dyn Fn(&Batch, usize) -> (f64, f64)| {
            let before = |batch: &Batch| ratio(batch, before);
            let after = |batch: &Batch| ratio(batch, after);
            difference((saved.batches, &before), (draft.batches, &after)).unwrap_or(none)
        };
        differences.push(AgentDifference {
            agent_id: member.id.clone(),
            saved_rank: member.rank,
            draft_rank: drafted.rank,
            share: of(&|batch, agent| of_arrivals(tally(batch, agent).served, batch)),
            occupancy: of(&|batch, agent| (tally(batch, agent).busy, f64::from(member.slots) * batch.time)),
        });
    }
    differences.sort_by(|a, b| a.agent_id.cmp(&b.agent_id));
    differences
}

/// Draft less saved, in the share of visitors who go past the best rank that each has.
pub(super) fn first_overflow(saved: Side<'_>, draft: Side<'_>) -> Estimate {
    let past = |batch: &Batch| {
        of_arrivals(batch.groups.first().map_or(batch.arrivals, |tally| tally.overflow), batch)
    };
    difference((saved.batches, &past), (draft.batches, &past)).unwrap_or(Estimate::certain(0.0))
}
