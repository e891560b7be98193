//! Simulation and formulas as functions.

use std::collections::BTreeMap;

use policy::routing::{AgentId, PriorityRank};
use policy::simulation::{self, Goal, ReplayDocument, Scenario};
use serde::Deserialize;
use wasm_bindgen::prelude::*;

use super::read::{document, text_of};
use crate::{DragonflyError, Result, to_js};

fn scenario(value: &JsValue) -> Result<Scenario> {
    Ok(Scenario::from_json(&text_of(value, "scenario")?)?)
}

/// Simulates a pool: every figure with its interval of 99.9 % and, where a formula is known, its exact value
#[wasm_bindgen(unchecked_return_type = "SimulatedPool")]
pub fn simulate(#[wasm_bindgen(unchecked_param_type = "Scenario")] scenario: &JsValue) -> Result<JsValue> {
    to_js(&simulation::simulate(&self::scenario(scenario)?))
}

/// Simulates a pool as it is and with other ranks, before the same visitors
#[wasm_bindgen(js_name = compareRanks, unchecked_return_type = "RankComparison")]
pub fn compare_ranks(
    #[wasm_bindgen(unchecked_param_type = "Scenario")] scenario: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "MemberRank[]")] ranks: &JsValue,
) -> Result<JsValue> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct MemberRank {
        agent_id: AgentId,
        priority_rank: PriorityRank,
    }
    let ranks: Vec<MemberRank> = document(ranks, "ranks")?;
    let ranks: BTreeMap<AgentId, PriorityRank> =
        ranks.into_iter().map(|member| (member.agent_id, member.priority_rank)).collect();
    to_js(&simulation::compare(&self::scenario(scenario)?, &ranks)?)
}

/// What every single change of one member's rank is worth, the most welcome first
#[wasm_bindgen(unchecked_return_type = "RankMoves")]
pub fn moves(#[wasm_bindgen(unchecked_param_type = "Scenario")] scenario: &JsValue) -> Result<JsValue> {
    to_js(&simulation::moves(&self::scenario(scenario)?))
}

/// What the absences of a scenario do: the course of load and losses, peaks, time to recover
#[wasm_bindgen(unchecked_return_type = "StressCourse")]
pub fn stress(#[wasm_bindgen(unchecked_param_type = "Scenario")] scenario: &JsValue) -> Result<JsValue> {
    to_js(&simulation::stress(&self::scenario(scenario)?)?)
}

/// The fewest changes of ranks that meet a goal, or the ranks that come nearest
#[wasm_bindgen(js_name = goalSeek, unchecked_return_type = "SoughtRanks")]
pub fn goal_seek(
    #[wasm_bindgen(unchecked_param_type = "Scenario")] scenario: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "RankGoal")] goal: &JsValue,
) -> Result<JsValue> {
    let goal = Goal::from_json(&text_of(goal, "goal")?)?;
    to_js(&simulation::seek(&self::scenario(scenario)?, &goal)?)
}

/// Recorded visitors under two configurations: who goes to whom, who is lost, what differs
#[wasm_bindgen(unchecked_return_type = "Replays")]
pub fn replay(
    #[wasm_bindgen(unchecked_param_type = "ReplayDocument")] recorded: &JsValue,
) -> Result<JsValue> {
    to_js(&simulation::replay(&ReplayDocument::from_json(&text_of(recorded, "replay")?)?)?)
}

/// The steady state by formula; null where none is known
#[wasm_bindgen(unchecked_return_type = "ExactPool | null")]
pub fn exact(#[wasm_bindgen(unchecked_param_type = "Scenario")] scenario: &JsValue) -> Result<JsValue> {
    to_js(&simulation::exact(&self::scenario(scenario)?))
}

/// Whether losses are the same under all ranks, and why
#[wasm_bindgen(js_name = lossesIgnoreRanks, unchecked_return_type = "LossTheorem")]
pub fn losses_ignore_ranks(
    #[wasm_bindgen(unchecked_param_type = "Scenario")] scenario: &JsValue,
) -> Result<JsValue> {
    to_js(&simulation::losses_ignore_ranks(&self::scenario(scenario)?))
}

/// The share of visitors who find all slots in use and are lost (Erlang B)
#[wasm_bindgen(js_name = erlangB)]
pub fn erlang_b(
    #[wasm_bindgen(unchecked_param_type = "number")] slots: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "number")] erlangs: &JsValue,
) -> Result<f64> {
    let (slots, erlangs) = offered(slots, erlangs)?;
    Ok(simulation::erlang_b(slots, erlangs))
}

/// The share of visitors who wait (Erlang C); null where the load is not below the slots
#[wasm_bindgen(js_name = erlangC, unchecked_return_type = "number | null")]
pub fn erlang_c(
    #[wasm_bindgen(unchecked_param_type = "number")] slots: &JsValue,
    #[wasm_bindgen(unchecked_param_type = "number")] erlangs: &JsValue,
) -> Result<JsValue> {
    let (slots, erlangs) = offered(slots, erlangs)?;
    to_js(&simulation::erlang_c(slots, erlangs))
}

fn offered(slots: &JsValue, erlangs: &JsValue) -> Result<(u32, f64)> {
    let slots: u32 = document(slots, "slots")?;
    let erlangs: f64 = document(erlangs, "erlangs")?;
    if slots > 10_000_000 {
        return Err(DragonflyError::new("slots", "is more than 10000000".to_owned()));
    }
    if !(0.0..=1e7).contains(&erlangs) {
        return Err(DragonflyError::new("erlangs", "is not 0 to 10000000".to_owned()));
    }
    Ok((slots, erlangs))
}
