//! What the studies of a pool rest on: who comes how often and takes how long, asked of the routing module in a Web Worker.

use super::pools::PoolBench;
use super::studies::{Question, Script, Studies};
use leptos::prelude::*;
use policy::routing::PriorityRank;
use serde::{Deserialize, Serialize};

/// Simulated in the browser within a blink, and enough for intervals of half a per cent.
const ARRIVALS: u32 = 100_000;

/// The form of what comes to the pool; everything in it is text until it is asked with
#[derive(Clone, Copy)]
pub struct PoolLab {
    pub bench: PoolBench,
    pub studies: Studies,
    /// Leads an hour.
    pub rate: RwSignal<String>,
    /// A day whose leads by the hour count instead, and these.
    pub day: RwSignal<Option<(String, Vec<f64>)>>,
    pub handling_minutes: RwSignal<String>,
    pub kind: RwSignal<Kind>,
    pub waits: RwSignal<bool>,
    pub patience_minutes: RwSignal<String>,
    /// The pool as it is saved, or the field that keeps it from being simulated.
    pub scenario: Memo<Result<Scenario, FieldProblem>>,
}

/// A field and what is wrong with it, as a sentence
#[derive(Debug, Clone, PartialEq)]
pub struct FieldProblem {
    pub field: Field,
    pub words: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Rate,
    Handling,
    Patience,
    Members,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Exponential,
    Constant,
    Hyperexponential,
    Lognormal,
}

impl Kind {
    pub const ALL: [(Kind, &str, &str); 4] = [
        (Kind::Exponential, "exponential", "Very different (exponential)"),
        (Kind::Lognormal, "lognormal", "Different, few very long (lognormal)"),
        (Kind::Hyperexponential, "hyperexponential", "Most short, some very long (hyperexponential)"),
        (Kind::Constant, "constant", "All the same (constant)"),
    ];
}

/// As the routing module takes it; the unit of time is the hour
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scenario {
    members: Vec<Member>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arrivals_per_unit: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arrivals_by_hour: Option<Vec<f64>>,
    handling: Duration,
    waiting: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    patience: Option<Duration>,
    arrivals: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub away: Vec<Away>,
    reassign: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Member {
    agent_id: String,
    priority_rank: PriorityRank,
    slots: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Duration {
    kind: Kind,
    mean: f64,
}

/// Members of some ranks who are away, in hours from the beginning
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Away {
    pub ranks: Vec<PriorityRank>,
    pub from: f64,
    pub until: f64,
}

/// A rank for an agent, as the module takes and gives it
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemberRank {
    agent_id: String,
    priority_rank: PriorityRank,
}

impl PoolLab {
    pub fn new(bench: PoolBench) -> Self {
        let (rate, handling_minutes) = (RwSignal::new("12".to_owned()), RwSignal::new("15".to_owned()));
        let (kind, day) = (RwSignal::new(Kind::Exponential), RwSignal::new(None::<(String, Vec<f64>)>));
        let waits = RwSignal::new(untrack(|| bench.pool()).is_some_and(|pool| pool.waiting.is_some()));
        let patience_minutes = RwSignal::new("2".to_owned());
        let members = Memo::new(move |_| {
            let pool = bench.pool().map(|pool| pool.members).unwrap_or_default();
            let slots = |id: &str| bench.agent(id).map_or(1, |agent| agent.capacity);
            pool.into_iter()
                .map(|member| Member {
                    slots: slots(&member.agent_id),
                    agent_id: member.agent_id,
                    priority_rank: member.priority_rank,
                })
                .collect::<Vec<_>>()
        });
        let scenario = Memo::new(move |_| {
            let members = members.get();
            if members.is_empty() {
                return Err(FieldProblem { field: Field::Members, words: "Nobody is in this pool." });
            }
            let by_hour = day.get().map(|day| day.1);
            let positive = |text: String, field: Field, words: &'static str| match text.trim().parse::<f64>()
            {
                Ok(number) if number > 0.0 && number <= 100_000.0 => Ok(number),
                _ => Err(FieldProblem { field, words }),
            };
            let rate = match by_hour {
                Some(_) => None,
                None => Some(positive(
                    rate.get(),
                    Field::Rate,
                    "How many leads come in an hour is a number above 0.",
                )?),
            };
            let minutes = positive(
                handling_minutes.get(),
                Field::Handling,
                "How many minutes a lead takes is a number above 0.",
            )?;
            let patience = match (waits.get(), patience_minutes.get()) {
                (false, _) => None,
                (true, text) if text.trim().is_empty() => None,
                (true, text) => Some(positive(
                    text,
                    Field::Patience,
                    "How many minutes a lead waits is a number above 0, or nothing for no end.",
                )?),
            };
            let duration = |kind, minutes: f64| Duration { kind, mean: minutes / 60.0 };
            Ok(Scenario {
                members,
                arrivals_per_unit: rate,
                arrivals_by_hour: by_hour,
                handling: duration(kind.get(), minutes),
                waiting: waits.get(),
                patience: patience.map(|minutes| duration(Kind::Exponential, minutes)),
                arrivals: ARRIVALS,
                away: Vec::new(),
                reassign: true,
            })
        });
        Self {
            bench,
            studies: Studies::new(Script::Pools),
            rate,
            day,
            handling_minutes,
            kind,
            waits,
            patience_minutes,
            scenario,
        }
    }

    /// The ranks of all members in the draft.
    pub fn draft_ranks(self) -> Vec<MemberRank> {
        let ranks = self.bench.ranks().into_iter();
        ranks.map(|(member, priority_rank)| MemberRank { agent_id: member.agent_id, priority_rank }).collect()
    }

    /// Saved and draft ranks before the same leads.
    pub fn compare(self) -> Option<Question> {
        let scenario = self.scenario.get().ok()?;
        Some(Question::new("compareRanks", &(scenario, self.draft_ranks())))
    }
}

// ---- answers ----

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Estimate {
    pub value: f64,
    pub interval: [f64; 2],
}

impl Estimate {
    /// Half the interval's length.
    pub fn half(self) -> f64 {
        (self.interval[1] - self.interval[0]) / 2.0
    }

    /// Whether it can be told from nothing.
    pub fn is_significant(self) -> bool {
        self.interval[0] > 0.0 || self.interval[1] < 0.0
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Theorem {
    pub applies: bool,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Comparison {
    pub saved: Outcome,
    pub draft: Outcome,
    pub lost: Estimate,
    pub p_wait: Option<Estimate>,
    pub mean_wait: Option<Estimate>,
    pub groups: Vec<GroupDifference>,
    pub agents: Vec<AgentDifference>,
    pub theorem: Theorem,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Outcome {
    pub groups: Vec<GroupOutcome>,
    pub agents: Vec<AgentOutcome>,
    pub lost: f64,
    pub lost_exact: Option<f64>,
    pub p_wait: Option<f64>,
    pub p_wait_exact: Option<f64>,
    pub mean_wait: Option<f64>,
    pub mean_wait_exact: Option<f64>,
    pub offered_load: f64,
    pub is_stable: bool,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct GroupOutcome {
    pub rank: PriorityRank,
    pub share: f64,
    pub share_exact: Option<f64>,
    pub overflow: f64,
    pub overflow_exact: Option<f64>,
    pub fairness: f64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct AgentOutcome {
    pub agent_id: String,
    pub occupancy: f64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct GroupDifference {
    pub rank: PriorityRank,
    pub share: Estimate,
    pub overflow: Estimate,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct AgentDifference {
    pub agent_id: String,
    pub occupancy: Estimate,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Moves {
    /// `exact` or `simulated`.
    pub method: String,
    pub theorem: Theorem,
    pub moves: Vec<Move>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Move {
    pub agents: Vec<String>,
    pub from: PriorityRank,
    pub to: PriorityRank,
    pub lost: Estimate,
    pub overflow: Estimate,
    pub occupancy: Estimate,
    pub occupancy_max: f64,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Goal {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier1_share_min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occupancy_max: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup_share_max: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Sought {
    pub is_met: bool,
    pub is_proof: bool,
    pub tried: u64,
    pub changes: Vec<RankChange>,
    pub targets: Vec<Miss>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RankChange {
    pub agent_id: String,
    pub from: PriorityRank,
    pub to: PriorityRank,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Miss {
    /// `tier1_share`, `occupancy` or `backup_share`.
    pub target: String,
    pub wanted: f64,
    pub found: f64,
    pub by: f64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Stress {
    pub bins: Vec<StressBin>,
    pub peaks: Vec<StressPeak>,
    pub recovered_after: Option<f64>,
    pub lost_more: Estimate,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct StressBin {
    pub from: f64,
    pub until: f64,
    pub lost: Option<Estimate>,
    pub groups: Vec<StressGroup>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct StressGroup {
    pub rank: PriorityRank,
    pub load: Estimate,
    pub usual: f64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct StressPeak {
    pub rank: PriorityRank,
    pub slots: u32,
    pub load: f64,
    pub at: f64,
    pub most: u32,
    pub usual: f64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Replays {
    pub saved: Replay,
    pub draft: Replay,
    pub moved: Vec<MovedLead>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Replay {
    pub groups: Vec<ReplayedGroup>,
    pub served: u64,
    pub lost: u64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ReplayedGroup {
    pub pool_id: String,
    pub priority_rank: Option<PriorityRank>,
    pub served: u64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct MovedLead {
    pub visitor_id: String,
    pub saved_agent_id: Option<String>,
    pub draft_agent_id: Option<String>,
}
