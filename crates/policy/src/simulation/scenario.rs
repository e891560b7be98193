//! One pool with its members, its visitors and its rules of waiting.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::distribution::{Distribution, DistributionDocument};
use super::estimate::BATCHES;
use crate::routing::{AgentId, PriorityRank, RoutingError};
use crate::tier::only_objects;

/// More agents, or more slots of one, are refused.
const AGENTS_MAX: usize = 20_000;
const SLOTS_MAX: u32 = 10_000;
/// More slots of all agents are refused.
const SLOTS_OF_ALL_MAX: u64 = 1_000_000;
/// Fewer arrivals make no batches, more take minutes.
const ARRIVALS_MIN: u64 = 310;
pub(super) const ARRIVALS_MAX: u64 = 10_000_000;
/// More arrivals a day, or slots in use on average, are refused.
const RATE_MAX: f64 = 1e7;

/// The JSON form of a [`Scenario`]
///
/// Members stand in `groups` of equals, in `members` one by one, or both.
#[derive(Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct ScenarioDocument {
    /// Equal members by rank; their ids are made up.
    #[serde(default)]
    pub groups: Vec<GroupDocument>,
    /// Members with their ids.
    #[serde(default)]
    pub members: Vec<MemberDocument>,
    /// The rate of arrivals a unit of time; this or `arrivals_by_hour`.
    #[serde(default)]
    pub arrivals_per_unit: Option<f64>,
    /// The rates of arrivals in the hours of a day, which begins empty; the unit of time is then the hour.
    #[serde(default)]
    pub arrivals_by_hour: Option<Vec<f64>>,
    #[serde(default)]
    handling: Option<DistributionDocument>,
    /// Whether visitors whom nobody can take wait, first come first served; they are lost otherwise.
    #[serde(default)]
    pub waiting: bool,
    #[serde(default)]
    patience: Option<DistributionDocument>,
    /// The service level counts who is served within this time; 0 when missing.
    #[serde(default)]
    pub service_level_within: f64,
    /// How many arrivals are simulated at a constant rate, 310 to 10,000,000; 100,000 when missing.
    #[serde(default)]
    pub arrivals: Option<u64>,
    /// Where the random numbers begin; 1 when missing.
    #[serde(default)]
    pub seed: Option<u64>,
    /// Who is away when.
    #[serde(default)]
    pub away: Vec<AwayDocument>,
    /// Whether the visitors of one who goes away are reassigned, and lost where nobody can take them; they stay otherwise.
    #[serde(default)]
    pub reassign: bool,
}

/// Equal members of one rank
#[derive(Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct GroupDocument {
    /// 1 when missing.
    #[serde(default)]
    pub rank: PriorityRank,
    /// How many.
    pub agents: usize,
    /// Of each; 1 when missing.
    #[serde(default)]
    pub slots: Option<u32>,
    /// Their mean handling time where it differs from the scenario's.
    #[serde(default)]
    pub mean: Option<f64>,
}

/// One member
#[derive(Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct MemberDocument {
    /// Once in the scenario.
    pub agent_id: AgentId,
    /// 1 when missing.
    #[serde(default)]
    pub priority_rank: PriorityRank,
    /// 1 when missing.
    #[serde(default)]
    pub slots: Option<u32>,
    /// The mean handling time where it differs from the scenario's.
    #[serde(default)]
    pub mean: Option<f64>,
}

/// Who is away from when until when
#[derive(Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct AwayDocument {
    /// All members of these ranks, and
    #[serde(default)]
    pub ranks: Vec<PriorityRank>,
    /// these members.
    #[serde(default)]
    pub agents: Vec<AgentId>,
    /// In units of time from the beginning.
    pub from: f64,
    /// In units of time from the beginning.
    pub until: f64,
}

only_objects!(ScenarioDocument, "a scenario");
only_objects!(GroupDocument, "a group");
only_objects!(MemberDocument, "a member");
only_objects!(AwayDocument, "an absence");

/// One pool, checked: members, visitors and how long is simulated
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// By rank, then by id.
    pub(super) members: Vec<Member>,
    pub(super) arrivals: Arrivals,
    pub(super) handling: Distribution,
    pub(super) waiting: bool,
    pub(super) patience: Option<Distribution>,
    pub(super) service_level_within: f64,
    pub(super) arrivals_count: u64,
    pub(super) seed: u64,
    pub(super) away: Vec<Away>,
    pub(super) reassign: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) id: AgentId,
    pub(super) rank: PriorityRank,
    pub(super) slots: u32,
    /// How many times as long as the scenario's handling time this one takes.
    pub(super) pace: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Arrivals {
    Constant(f64),
    ByHour(Vec<f64>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Away {
    pub(super) agents: BTreeSet<AgentId>,
    pub(super) from: f64,
    pub(super) until: f64,
}

impl Scenario {
    /// Reads JSON text and checks it; errors name the field.
    pub fn from_json(json: &str) -> Result<Scenario, RoutingError> {
        let document: ScenarioDocument = crate::routing::error::read_json(json, "scenario")?;
        Scenario::try_from(document)
    }

    /// The same with other ranks: those of `ranks` change, all others stay. Errors: one who is no member.
    pub fn with_ranks(&self, ranks: &BTreeMap<AgentId, PriorityRank>) -> Result<Scenario, RoutingError> {
        let mut scenario = self.clone();
        for agent in ranks.keys() {
            if !self.members.iter().any(|member| member.id == *agent) {
                return Err(RoutingError::unknown("ranks", "member", agent.as_str()));
            }
        }
        for member in &mut scenario.members {
            member.rank = ranks.get(&member.id).copied().unwrap_or(member.rank);
        }
        scenario.sort();
        Ok(scenario)
    }

    /// Every member with its rank, by rank and id.
    pub fn ranks(&self) -> impl Iterator<Item = (&AgentId, PriorityRank)> {
        self.members.iter().map(|member| (&member.id, member.rank))
    }

    /// The offered load in erlangs, at the average rate.
    pub fn offered_load(&self) -> f64 {
        self.rate_mean() * self.handling.mean()
    }

    pub(super) fn rate_mean(&self) -> f64 {
        match &self.arrivals {
            Arrivals::Constant(rate) => *rate,
            Arrivals::ByHour(rates) => rates.iter().sum::<f64>() / rates.len().max(1) as f64,
        }
    }

    pub(super) fn slots(&self) -> u32 {
        self.members.iter().map(|member| member.slots).sum()
    }

    /// The rank groups: rank and members, by rank.
    pub(super) fn groups(&self) -> Vec<(PriorityRank, &[Member])> {
        let groups = self.members.chunk_by(|a, b| a.rank == b.rank);
        groups.filter_map(|group| Some((group.first()?.rank, group))).collect()
    }

    pub(super) fn sort(&mut self) {
        self.members.sort_by(|a, b| (a.rank, &a.id).cmp(&(b.rank, &b.id)));
    }
}

impl TryFrom<ScenarioDocument> for Scenario {
    type Error = RoutingError;

    fn try_from(document: ScenarioDocument) -> Result<Scenario, RoutingError> {
        let refused = |field: &str, message: &str| Err(RoutingError::new(field, message));
        let handling = match &document.handling {
            Some(handling) => handling.check("handling")?,
            None => return refused("handling", "is missing"),
        };
        let members = members(&document, handling.mean())?;
        let is_rate = |rate: f64| (0.0..=RATE_MAX).contains(&rate);
        let arrivals = match (document.arrivals_per_unit, document.arrivals_by_hour) {
            (Some(_), Some(_)) => {
                return refused("arrivals_by_hour", "stands beside `arrivals_per_unit`: give one of them");
            }
            (None, None) => return refused("arrivals_per_unit", "is missing"),
            (Some(rate), None) if !is_rate(rate) || rate == 0.0 => {
                return refused("arrivals_per_unit", "is not a number above 0 and at most 10000000");
            }
            (Some(rate), None) => Arrivals::Constant(rate),
            (None, Some(rates)) => {
                if rates.is_empty() || rates.len() > 24 * 7 {
                    return refused("arrivals_by_hour", "does not have 1 to 168 hours");
                }
                if let Some(hour) = rates.iter().position(|rate| !is_rate(*rate)) {
                    return refused(&format!("arrivals_by_hour[{hour}]"), "is not 0 to 10000000");
                }
                let day = rates.iter().sum::<f64>();
                if day <= 0.0 {
                    return refused("arrivals_by_hour", "has no arrivals");
                }
                if day * BATCHES as f64 > ARRIVALS_MAX as f64 {
                    return refused("arrivals_by_hour", "has more than 333333 arrivals");
                }
                Arrivals::ByHour(rates)
            }
        };
        let patience = document.patience.as_ref().map(|patience| patience.check("patience")).transpose()?;
        if patience.is_some() && !document.waiting {
            return refused("patience", "is for scenarios with waiting only");
        }
        if !(0.0..=1e9).contains(&document.service_level_within) {
            return refused("service_level_within", "is not 0 to 1000000000");
        }
        let arrivals_count = document.arrivals.unwrap_or(100_000);
        if !(ARRIVALS_MIN..=ARRIVALS_MAX).contains(&arrivals_count) {
            return refused("arrivals", "is not 310 to 10000000");
        }
        let away = document.away.iter().enumerate();
        let away = away.map(|(place, away)| away.check(&format!("away[{place}]"), &members));
        let away = away.collect::<Result<Vec<Away>, RoutingError>>()?;
        let mut scenario = Scenario {
            members,
            arrivals,
            handling,
            waiting: document.waiting,
            patience,
            service_level_within: document.service_level_within,
            arrivals_count,
            seed: document.seed.unwrap_or(1),
            away,
            reassign: document.reassign,
        };
        scenario.sort();
        if scenario.offered_load() > RATE_MAX {
            return refused("handling.mean", "makes for more than 10000000 erlangs");
        }
        Ok(scenario)
    }
}

fn members(document: &ScenarioDocument, mean: f64) -> Result<Vec<Member>, RoutingError> {
    let checked = |id: AgentId, rank: PriorityRank, slots: Option<u32>, own: Option<f64>, path: &str| {
        let slots = slots.unwrap_or(1);
        if !(1..=SLOTS_MAX).contains(&slots) {
            return Err(RoutingError::new(format!("{path}.slots"), "is not 1 to 10000"));
        }
        if own.is_some_and(|own| !(own > 0.0 && own <= 1e9)) {
            return Err(RoutingError::new(
                format!("{path}.mean"),
                "is not a number above 0 and at most 1000000000",
            ));
        }
        Ok(Member { id, rank, slots, pace: own.map_or(1.0, |own| own / mean) })
    };
    let mut members = Vec::new();
    for (place, group) in document.groups.iter().enumerate() {
        let path = format!("groups[{place}]");
        if group.agents == 0 || members.len() + group.agents > AGENTS_MAX {
            return Err(RoutingError::new(
                format!("{path}.agents"),
                "is not 1 to 20000, all groups together",
            ));
        }
        for number in 1..=group.agents {
            let id = AgentId::new(&format!("group-{}-agent-{number:05}", place + 1));
            let id = id.ok_or_else(|| RoutingError::new(path.clone(), "has no ids"))?;
            members.push(checked(id, group.rank, group.slots, group.mean, &path)?);
        }
    }
    for (place, member) in document.members.iter().enumerate() {
        let MemberDocument { agent_id, priority_rank, slots, mean } = member;
        members.push(checked(agent_id.clone(), *priority_rank, *slots, *mean, &format!("members[{place}]"))?);
    }
    if members.is_empty() || members.len() > AGENTS_MAX {
        return Err(RoutingError::new(
            "groups",
            "has nobody, or more than 20000 agents together with `members`",
        ));
    }
    if members.iter().map(|member| u64::from(member.slots)).sum::<u64>() > SLOTS_OF_ALL_MAX {
        return Err(RoutingError::new("groups", "has more than 1000000 slots together with `members`"));
    }
    let mut ids = BTreeSet::new();
    if let Some(twice) = members.iter().find(|member| !ids.insert(&member.id)) {
        return Err(RoutingError::new("members", format!("`{}` is there twice", twice.id)));
    }
    Ok(members)
}

impl AwayDocument {
    fn check(&self, path: &str, members: &[Member]) -> Result<Away, RoutingError> {
        let is_time = |time: f64| (0.0..=1e9).contains(&time);
        if !is_time(self.from) {
            return Err(RoutingError::new(format!("{path}.from"), "is not 0 to 1000000000"));
        }
        if !is_time(self.until) || self.until <= self.from {
            return Err(RoutingError::new(format!("{path}.until"), "is not after `from`"));
        }
        if let Some(unknown) = self.agents.iter().find(|id| members.iter().all(|member| member.id != **id)) {
            return Err(RoutingError::unknown(format!("{path}.agents"), "member", unknown.as_str()));
        }
        let is_meant =
            |member: &&Member| self.ranks.contains(&member.rank) || self.agents.contains(&member.id);
        let agents: BTreeSet<AgentId> =
            members.iter().filter(is_meant).map(|member| member.id.clone()).collect();
        if agents.is_empty() {
            return Err(RoutingError::new(format!("{path}.ranks"), "means nobody"));
        }
        Ok(Away { agents, from: self.from, until: self.until })
    }
}
