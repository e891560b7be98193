//! What one move is worth: every single change of one member's rank.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::compare::{Side, comparison};
use super::estimate::Estimate;
use super::exact::{Exact, LossTheorem, exact, losses_ignore_ranks};
use super::outcome::batches;
use super::scenario::{Member, Scenario};
use crate::routing::{AgentId, PriorityRank};

/// Every single change of one member's rank, what loses least first
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moves {
    /// How they were found.
    pub method: MovesMethod,
    /// Whether losses could differ at all.
    pub theorem: LossTheorem,
    /// By the change of losses, then of overflow, then of the busiest agent's occupancy, the most welcome first.
    pub moves: Vec<Move>,
}

/// How the worth of moves was found
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MovesMethod {
    /// By formula: every interval is a point.
    Exact,
    /// By simulation before the same visitors.
    Simulated,
}

/// A change of one member's rank, and what it changes
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Move {
    /// The members of whom any one may move: they are equal in all that counts.
    pub agents: Vec<AgentId>,
    /// The rank before.
    pub from: PriorityRank,
    /// The rank after.
    pub to: PriorityRank,
    /// The change of the share of visitors lost.
    pub lost: Estimate,
    /// The change of the share of visitors who go past the best rank of the pool.
    pub overflow: Estimate,
    /// The change of the moved agent's occupancy.
    pub occupancy: Estimate,
    /// The change of the highest occupancy of any agent, between the best guesses.
    pub occupancy_max: f64,
    /// The occupancy of every agent after the move, where it differs by more than noise, by rank and id.
    pub changed: Vec<(AgentId, f64)>,
}

/// Ranks every single change of one member's rank by what it does to losses, overflow and occupancies
///
/// To the ranks that the pool uses, and to 1, 2 and 3. Exact where a formula holds, else each move is simulated with the
/// scenario's number of arrivals.
pub fn moves(scenario: &Scenario) -> Moves {
    let mut ranks: BTreeSet<PriorityRank> = scenario.members.iter().map(|member| member.rank).collect();
    ranks.extend([1, 2, 3].into_iter().filter_map(PriorityRank::new));
    let known = exact_agents(scenario);
    let saved = if known.is_none() { batches(scenario) } else { Vec::new() };
    let mut moves = Vec::new();
    for agents in classes(scenario) {
        let Some((moved, from)) = agents.first().map(|member| (&member.id, member.rank)) else { continue };
        for to in ranks.iter().copied().filter(|rank| *rank != from) {
            let Ok(draft) = scenario.with_ranks(&BTreeMap::from([(moved.clone(), to)])) else { continue };
            let worth = match &known {
                Some(before) => exact_worth(before, &draft, moved),
                None => simulated_worth(Side { scenario, batches: &saved }, &draft, moved),
            };
            let Some(worth) = worth else { continue };
            moves.push(Move {
                agents: agents.iter().map(|member| member.id.clone()).collect(),
                from,
                to,
                ..worth
            });
        }
    }
    moves.sort_by(|a, b| {
        let by = |a: f64, b: f64| a.total_cmp(&b);
        // A difference that is noise is none.
        let firm = |estimate: &Estimate| if estimate.is_significant() { estimate.value } else { 0.0 };
        by(firm(&a.lost), firm(&b.lost))
            .then(by(firm(&a.overflow), firm(&b.overflow)))
            .then(by(a.occupancy_max, b.occupancy_max))
            .then_with(|| (&a.agents, a.to).cmp(&(&b.agents, b.to)))
    });
    let method = if known.is_some() { MovesMethod::Exact } else { MovesMethod::Simulated };
    Moves { method, theorem: losses_ignore_ranks(scenario), moves }
}

/// Members who are equal in all that counts, by rank and id of the first.
pub(super) fn classes(scenario: &Scenario) -> Vec<Vec<&Member>> {
    let mut classes: BTreeMap<(PriorityRank, u32, u64, Vec<bool>), Vec<&Member>> = BTreeMap::new();
    for member in &scenario.members {
        let away = scenario.away.iter().map(|away| away.agents.contains(&member.id)).collect();
        classes.entry((member.rank, member.slots, member.pace.to_bits(), away)).or_default().push(member);
    }
    classes.into_values().collect()
}

/// The exact figures with every agent's occupancy; only where all members have equally many slots
///
/// In a group of members with unequal slots the formula knows the group's occupancy and not theirs.
pub(super) struct ExactAgents {
    pub(super) figures: Exact,
    pub(super) occupancies: BTreeMap<AgentId, f64>,
}

pub(super) fn exact_agents(scenario: &Scenario) -> Option<ExactAgents> {
    let figures = exact(scenario)?;
    let slots = scenario.members.first()?.slots;
    if scenario.members.iter().any(|member| member.slots != slots) {
        return None;
    }
    let mut occupancies = BTreeMap::new();
    for ((_, members), group) in scenario.groups().into_iter().zip(&figures.groups) {
        occupancies.extend(members.iter().map(|member| (member.id.clone(), group.occupancy)));
    }
    Some(ExactAgents { figures, occupancies })
}

fn exact_worth(before: &ExactAgents, draft: &Scenario, moved: &AgentId) -> Option<Move> {
    let after = exact_agents(draft)?;
    let overflow = |exact: &Exact| exact.groups.first().map_or(0.0, |group| group.overflow);
    let highest = |agents: &ExactAgents| agents.occupancies.values().copied().fold(0.0, f64::max);
    let occupancy = |agents: &ExactAgents| agents.occupancies.get(moved).copied().unwrap_or(0.0);
    let is_changed =
        |(agent, occupancy): &(&AgentId, &f64)| before.occupancies.get(*agent) != Some(*occupancy);
    let rank = PriorityRank::PRIMARY;
    Some(Move {
        agents: Vec::new(),
        from: rank,
        to: rank,
        lost: Estimate::certain(after.figures.lost - before.figures.lost),
        overflow: Estimate::certain(overflow(&after.figures) - overflow(&before.figures)),
        occupancy: Estimate::certain(occupancy(&after) - occupancy(before)),
        occupancy_max: highest(&after) - highest(before),
        changed: after
            .occupancies
            .iter()
            .filter(is_changed)
            .map(|(agent, now)| (agent.clone(), *now))
            .collect(),
    })
}

fn simulated_worth(saved: Side<'_>, draft: &Scenario, moved: &AgentId) -> Option<Move> {
    let after = batches(draft);
    let compared = comparison(saved, Side { scenario: draft, batches: &after });
    let highest =
        |outcome: &super::Outcome| outcome.agents.iter().map(|agent| agent.occupancy).fold(0.0, f64::max);
    let own = compared.agents.iter().find(|agent| agent.agent_id == *moved)?;
    let is_changed = |agent: &AgentId| {
        compared.agents.iter().any(|other| other.agent_id == *agent && other.occupancy.is_significant())
    };
    let changed = compared.draft.agents.iter().filter(|agent| is_changed(&agent.agent_id));
    let overflow = super::compare::first_overflow(saved, Side { scenario: draft, batches: &after });
    Some(Move {
        agents: Vec::new(),
        from: own.saved_rank,
        to: own.draft_rank,
        lost: compared.lost,
        overflow,
        occupancy: own.occupancy,
        occupancy_max: highest(&compared.draft) - highest(&compared.saved),
        changed: changed.map(|agent| (agent.agent_id.clone(), agent.occupancy)).collect(),
    })
}
