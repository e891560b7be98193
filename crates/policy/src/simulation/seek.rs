//! Which ranks meet a goal, with the fewest changes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::erlang::erlang_b;
use super::exact::exact;
use super::moves::{MovesMethod, classes};
use super::outcome::{batches, outcome};
use super::scenario::Scenario;
use crate::routing::{AgentId, PriorityRank, RoutingError};
use crate::tier::only_objects;

/// More ways to share out the members among the ranks are not all tried.
const WAYS_MAX: u64 = 5_000_000;
/// Where each try is a simulation, no more than this.
const SIMULATIONS_MAX: u64 = 120;
/// How many of the best ranks found are changed further.
const BEAM: usize = 3;

/// What is wanted of a pool; shares of visitors and of slots, 0 to 1
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub struct Goal {
    /// Rank 1 serves at least this share of the visitors.
    pub tier1_share_min: Option<f64>,
    /// No agent has more than this share of its slots in use.
    pub occupancy_max: Option<f64>,
    /// Ranks from 3 on serve at most this share of the visitors.
    pub backup_share_max: Option<f64>,
    /// The ranks that may be given; those in use and 1, 2 and 3 when missing.
    pub ranks: Option<Vec<PriorityRank>>,
    /// Who keeps the rank.
    pub fixed: Vec<AgentId>,
}

only_objects!(Goal, "a goal");

/// The fewest changes of ranks that meet a goal, or the ranks that come nearest
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sought {
    /// Whether the goal is met.
    pub is_met: bool,
    /// Whether that is certain: every way was tried, by formula. If met, with no fewer changes; if not, by none.
    pub is_proof: bool,
    /// How each way was tried.
    pub method: MovesMethod,
    /// How many were.
    pub tried: u64,
    /// By agent id.
    pub changes: Vec<RankChange>,
    /// What was found for each target, in the order of [`Target`].
    pub targets: Vec<Miss>,
}

/// A member who gets another rank
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RankChange {
    /// Who.
    pub agent_id: AgentId,
    /// The rank before.
    pub from: PriorityRank,
    /// The rank after.
    pub to: PriorityRank,
}

/// A figure that a goal limits
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The share of visitors whom rank 1 serves.
    Tier1Share,
    /// The highest share of slots in use of any agent.
    Occupancy,
    /// The share of visitors whom ranks from 3 on serve.
    BackupShare,
}

/// How far a figure is from its target
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Miss {
    /// Which figure.
    pub target: Target,
    /// The least or the most that it may be.
    pub wanted: f64,
    /// What it is.
    pub found: f64,
    /// By how much it misses; 0 where it is met.
    pub by: f64,
}

/// The figures that goals limit
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    tier1_share: f64,
    occupancy: f64,
    backup_share: f64,
}

impl Goal {
    /// Reads JSON text; errors name the field.
    pub fn from_json(json: &str) -> Result<Goal, RoutingError> {
        crate::routing::error::read_json(json, "goal")
    }

    fn check(&self, scenario: &Scenario) -> Result<(), RoutingError> {
        let targets = [
            ("tier1_share_min", self.tier1_share_min),
            ("occupancy_max", self.occupancy_max),
            ("backup_share_max", self.backup_share_max),
        ];
        if targets.iter().all(|(_, target)| target.is_none()) {
            return Err(RoutingError::new("goal", "has no target"));
        }
        for (field, target) in targets {
            if target.is_some_and(|target| !(0.0..=1.0).contains(&target)) {
                return Err(RoutingError::new(field, "is not 0 to 1"));
            }
        }
        if self.ranks.as_ref().is_some_and(Vec::is_empty) {
            return Err(RoutingError::new("ranks", "is empty"));
        }
        match self.fixed.iter().find(|id| scenario.members.iter().all(|member| member.id != **id)) {
            Some(unknown) => Err(RoutingError::unknown("fixed", "member", unknown.as_str())),
            None => Ok(()),
        }
    }

    fn misses(&self, figures: &Figures) -> Vec<Miss> {
        let at_least = |target, wanted: Option<f64>, found: f64| {
            wanted.map(|wanted| Miss { target, wanted, found, by: (wanted - found).max(0.0) })
        };
        let at_most = |target, wanted: Option<f64>, found: f64| {
            wanted.map(|wanted| Miss { target, wanted, found, by: (found - wanted).max(0.0) })
        };
        [
            at_least(Target::Tier1Share, self.tier1_share_min, figures.tier1_share),
            at_most(Target::Occupancy, self.occupancy_max, figures.occupancy),
            at_most(Target::BackupShare, self.backup_share_max, figures.backup_share),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn miss(&self, figures: &Figures) -> f64 {
        self.misses(figures).iter().map(|miss| miss.by).sum()
    }
}

/// Looks for the fewest changes of ranks that meet a goal
///
/// Where a formula holds and all members have equally many slots, only how many members a rank has counts: every way to share them out is
/// tried (up to 5,000,000), so that the answer is a proof. Elsewhere ranks are changed one after the other, the best three found so far
/// further, with a simulation for each try (up to 120): then it is the best that was found. Among ways with as few changes the one that
/// comes nearest counts, then the one that fills the better ranks. Errors: targets outside of 0 to 1 or none, unknown members.
pub fn seek(scenario: &Scenario, goal: &Goal) -> Result<Sought, RoutingError> {
    goal.check(scenario)?;
    let mut ranks: BTreeSet<PriorityRank> = match &goal.ranks {
        Some(ranks) => ranks.iter().copied().collect(),
        None => [1, 2, 3].into_iter().filter_map(PriorityRank::new).collect(),
    };
    if goal.ranks.is_none() {
        ranks.extend(scenario.members.iter().map(|member| member.rank));
    }
    let ranks: Vec<PriorityRank> = ranks.into_iter().collect();
    Ok(match by_formula(scenario, goal, &ranks) {
        Some(sought) => sought,
        None => by_simulation(scenario, goal, &ranks),
    })
}

/// The members who may move, by rank, with who of them counts in which rank
struct Movable<'a> {
    /// Of each rank: members who stay whatever happens, those who may move.
    by_rank: BTreeMap<PriorityRank, (u32, Vec<&'a AgentId>)>,
}

fn by_formula(scenario: &Scenario, goal: &Goal, ranks: &[PriorityRank]) -> Option<Sought> {
    let known = exact(scenario)?;
    let slots = scenario.members.first()?.slots;
    if scenario.members.iter().any(|member| member.slots != slots) {
        return None;
    }
    let fixed: BTreeSet<&AgentId> = goal.fixed.iter().collect();
    let mut movable = Movable { by_rank: ranks.iter().map(|rank| (*rank, (0, Vec::new()))).collect() };
    for member in &scenario.members {
        let (staying, moving) = movable.by_rank.entry(member.rank).or_default();
        if fixed.contains(&member.id) { *staying += 1 } else { moving.push(&member.id) }
    }
    let count: u32 = movable.by_rank.values().map(|(_, moving)| moving.len() as u32).sum();
    if ways(count, ranks.len()) > WAYS_MAX {
        return None;
    }

    // What no rank changes: how often someone waits. What ranks do follows from the formula of every number of slots.
    let erlangs = scenario.offered_load();
    let overflows: Vec<f64> = (0..=scenario.slots()).map(|slots| erlang_b(slots, erlangs)).collect();
    let last = known.groups.last()?;
    let all_lost = overflows.last().copied()?;
    let p_queue = if all_lost < 1.0 { ((last.overflow - all_lost) / (1.0 - all_lost)).max(0.0) } else { 0.0 };
    let everyone: Vec<PriorityRank> = movable.by_rank.keys().copied().collect();
    let figures = |counts: &BTreeMap<PriorityRank, u32>| {
        let mut figures = Figures::default();
        let (mut before, mut overflow_before) = (0_u32, 1.0);
        for rank in &everyone {
            let staying = movable.by_rank.get(rank).map_or(0, |(staying, _)| *staying);
            let members = staying + counts.get(rank).copied().unwrap_or(0);
            if members == 0 {
                continue;
            }
            let slots_of = f64::from(members * slots);
            before += members * slots;
            let overflow = overflows.get(before as usize).copied().unwrap_or(0.0);
            let occupancy = (1.0 - p_queue) * erlangs * (overflow_before - overflow) / slots_of + p_queue;
            overflow_before = overflow;
            figures.occupancy = figures.occupancy.max(occupancy);
            let share = occupancy * slots_of / erlangs;
            match rank.number() {
                1 => figures.tier1_share = share,
                2 => {}
                _ => figures.backup_share += share,
            }
        }
        figures
    };

    let mut best: Option<(bool, u32, f64, BTreeMap<PriorityRank, u32>)> = None;
    let mut tried = 0;
    let mut counts = BTreeMap::new();
    each_way(ranks, count, &mut counts, &mut |counts| {
        tried += 1;
        let miss = goal.miss(&figures(counts));
        let changes = counts.iter().map(|(rank, count)| {
            count.saturating_sub(movable.by_rank.get(rank).map_or(0, |(_, moving)| moving.len() as u32))
        });
        let changes: u32 = changes.sum();
        let is_met = miss <= 0.0;
        let is_better = best.as_ref().is_none_or(|(met, fewest, least, _)| match (is_met, *met) {
            (true, false) => true,
            (false, true) => false,
            (true, true) => changes < *fewest,
            (false, false) => miss < *least || (miss <= *least && changes < *fewest),
        });
        if is_better {
            best = Some((is_met, changes, miss, counts.clone()));
        }
    });
    let (is_met, _, _, counts) = best?;
    Some(Sought {
        is_met,
        is_proof: true,
        method: MovesMethod::Exact,
        tried,
        changes: changes(&movable, &counts),
        targets: goal.misses(&figures(&counts)),
    })
}

/// How many ways there are to share out members among ranks, up to more than are tried.
fn ways(members: u32, ranks: usize) -> u64 {
    let mut ways: u64 = 1;
    for place in 1..ranks as u64 {
        ways = ways.saturating_mul(u64::from(members) + place) / place;
        if ways > WAYS_MAX {
            return ways;
        }
    }
    ways
}

/// Every way to share out `left` members among `ranks`, the better ranks full first.
fn each_way(
    ranks: &[PriorityRank],
    left: u32,
    counts: &mut BTreeMap<PriorityRank, u32>,
    visit: &mut impl FnMut(&BTreeMap<PriorityRank, u32>),
) {
    match ranks {
        [] => {}
        [last] => {
            counts.insert(*last, left);
            visit(counts);
        }
        [first, rest @ ..] => {
            for here in (0..=left).rev() {
                counts.insert(*first, here);
                each_way(rest, left - here, counts, visit);
            }
        }
    }
}

/// Who moves: of each rank that has too many, those of the highest ids, to the best ranks that lack some.
fn changes(movable: &Movable<'_>, counts: &BTreeMap<PriorityRank, u32>) -> Vec<RankChange> {
    let mut surplus: Vec<(PriorityRank, &AgentId)> = Vec::new();
    for (rank, (_, moving)) in &movable.by_rank {
        let stay = counts.get(rank).copied().unwrap_or(0) as usize;
        surplus.extend(moving.iter().skip(stay).map(|agent| (*rank, *agent)));
    }
    let mut surplus = surplus.into_iter();
    let mut changes = Vec::new();
    for (rank, count) in counts {
        let has = movable.by_rank.get(rank).map_or(0, |(_, moving)| moving.len());
        for (from, agent) in surplus.by_ref().take((*count as usize).saturating_sub(has)) {
            changes.push(RankChange { agent_id: agent.clone(), from, to: *rank });
        }
    }
    changes.sort();
    changes
}

fn by_simulation(scenario: &Scenario, goal: &Goal, ranks: &[PriorityRank]) -> Sought {
    let figures = |scenario: &Scenario| {
        let outcome = outcome(scenario, &batches(scenario));
        let share = |is_meant: &dyn Fn(u8) -> bool| {
            let groups = outcome.groups.iter().filter(|group| is_meant(group.rank.number()));
            groups.map(|group| group.share).sum()
        };
        Figures {
            tier1_share: share(&|rank| rank == 1),
            occupancy: outcome.agents.iter().map(|agent| agent.occupancy).fold(0.0, f64::max),
            backup_share: share(&|rank| rank >= 3),
        }
    };
    let own: BTreeMap<&AgentId, PriorityRank> = scenario.ranks().collect();
    let mut tried = 1;
    let first = figures(scenario);
    let mut best = (goal.miss(&first), first, scenario.clone());
    let mut beam = vec![scenario.clone()];
    let mut seen: BTreeSet<Vec<(PriorityRank, u64)>> = BTreeSet::new();
    while best.0 > 0.0 && !beam.is_empty() && tried < SIMULATIONS_MAX {
        let mut found: Vec<(f64, Figures, Scenario)> = Vec::new();
        for scenario in &beam {
            for class in classes(scenario) {
                // One who has moved already would only be moved on, which is one change too.
                let moving = class.iter().find(|member| {
                    !goal.fixed.contains(&member.id) && own.get(&member.id) == Some(&member.rank)
                });
                let Some(moving) = moving else { continue };
                for rank in ranks.iter().filter(|rank| **rank != moving.rank) {
                    let change = BTreeMap::from([(moving.id.clone(), *rank)]);
                    let Ok(draft) = scenario.with_ranks(&change) else { continue };
                    if tried >= SIMULATIONS_MAX || !seen.insert(shape(&draft)) {
                        continue;
                    }
                    tried += 1;
                    let figures = figures(&draft);
                    found.push((goal.miss(&figures), figures, draft));
                }
            }
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        found.truncate(BEAM);
        if let Some(first) = found.first().filter(|first| first.0 < best.0) {
            best = first.clone();
        }
        beam = found.into_iter().map(|(_, _, scenario)| scenario).collect();
    }
    let (miss, figures, draft) = best;
    let mut changes: Vec<RankChange> = draft
        .ranks()
        .filter_map(|(agent, to)| {
            let from = own.get(agent).copied().filter(|from| *from != to)?;
            Some(RankChange { agent_id: agent.clone(), from, to })
        })
        .collect();
    changes.sort();
    let method = MovesMethod::Simulated;
    let is_met = miss <= 0.0;
    Sought {
        is_met,
        is_proof: is_met && changes.is_empty(),
        method,
        tried,
        changes,
        targets: goal.misses(&figures),
    }
}

/// What counts of a scenario's ranks: how many of each class have which.
fn shape(scenario: &Scenario) -> Vec<(PriorityRank, u64)> {
    let mut shape: Vec<(PriorityRank, u64)> = Vec::new();
    for class in classes(scenario) {
        let Some(first) = class.first() else { continue };
        let away = scenario.away.iter().fold(1_u64, |bits, away| {
            bits.wrapping_mul(31).wrapping_add(u64::from(away.agents.contains(&first.id)))
        });
        let digest = [u64::from(first.slots), first.pace.to_bits(), away, class.len() as u64];
        let digest = digest
            .iter()
            .fold(0_u64, |digest, part| (digest ^ part).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23));
        shape.push((first.rank, digest));
    }
    shape
}
