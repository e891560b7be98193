//! Writes made-up routing scripts with their answers, and scenarios with their figures, one JSON object a line, for
//! hosts of the WASM module to repeat: `cargo run --package policy --example routing -- SCRIPTS STEPS [FIRST]`

use policy::routing::Script;
use policy::sample;
use policy::simulation::{Goal, Scenario, compare, exact, moves, seek, simulate, stress};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let scripts: u64 = arguments.next().ok_or("how many scripts?")?.parse()?;
    let steps: u32 = arguments.next().ok_or("of how many steps?")?.parse()?;
    let first: u64 = arguments.next().map_or(Ok(0), |first| first.parse())?;
    for seed in first..first + scripts {
        let script = sample::routing_script(seed, steps, seed);
        let answers = Script::from_json(&script.to_string())?.run();
        println!("{}", json!({ "script": script, "answers": answers }));
    }
    for document in scenarios(first) {
        let scenario = Scenario::from_json(&document.to_string())?;
        let draft =
            scenario.ranks().take(1).map(|(agent, _)| (agent.clone(), policy::routing::PriorityRank::LAST));
        let draft = draft.collect();
        let goal = Goal::from_json(r#"{"tier1_share_min": 0.7, "occupancy_max": 0.9}"#)?;
        println!(
            "{}",
            json!({
                "scenario": document,
                "simulated": simulate(&scenario),
                "compared": compare(&scenario, &draft)?,
                "exact": exact(&scenario),
                "moves": moves(&scenario),
                "sought": seek(&scenario, &goal)?,
                "stress": stress(&scenario).ok(),
            })
        );
    }
    Ok(())
}

/// Every kind of distribution, with and without waiting, patience, hours and absences
fn scenarios(seed: u64) -> Vec<Value> {
    let members = json!([
        { "agent_id": "a", "priority_rank": 1, "slots": 2 }, { "agent_id": "b", "priority_rank": 1, "mean": 1.3 },
        { "agent_id": "c", "priority_rank": 2 },
    ]);
    let handling = |kind: &str| json!({ "kind": kind, "mean": 0.7 });
    vec![
        json!({ "groups": [{ "rank": 1, "agents": 3 }, { "rank": 2, "agents": 2 }], "arrivals_per_unit": 4.0,
                "handling": handling("exponential"), "arrivals": 3100, "seed": seed }),
        json!({ "members": members, "arrivals_per_unit": 4.0, "handling": handling("lognormal"), "waiting": true,
                "patience": handling("hyperexponential"), "service_level_within": 0.2, "arrivals": 3100, "seed": seed }),
        json!({ "members": members, "arrivals_by_hour": [2.0, 0.0, 30.0], "handling": handling("hyperexponential"),
                "away": [{ "ranks": [1], "from": 1.0, "until": 2.5 }], "reassign": true, "seed": seed }),
        json!({ "groups": [{ "agents": 2, "slots": 2 }], "arrivals_per_unit": 4.0, "handling": handling("constant"),
                "waiting": true, "arrivals": 3100, "seed": seed, "away": [{ "ranks": [1], "from": 20.0, "until": 21.0 }] }),
    ]
}
