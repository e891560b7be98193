//! `dragonfly pool route`

use std::io::Write;
use std::process::ExitCode;

use policy::routing::{Answer, Script};

use crate::failure::{Failure, Outcome};
use crate::output;

/// Route visitors to the agents of pools, step by step, without a database
///
/// Reads pools, agents and steps as one JSON object from standard input.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Write an array with one answer a step, instead of one line a step for people
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = r#"Examples:
  dragonfly pool route --json < script.json
  dragonfly pool route --json <<'END'
  {"pools": [{"id": "p1", "org_id": "o1", "fallback": "none",
              "members": [{"agent_id": "a", "priority_rank": 1},
                          {"agent_id": "b", "priority_rank": 2}]}],
   "agents": [{"id": "a", "org_id": "o1", "status": "idle", "capacity": 1},
              {"id": "b", "org_id": "o1", "status": "away", "capacity": 5}],
   "steps": [{"do": "route", "pool_id": "p1", "visitor_id": "v1", "exclude_agent_id": null},
             {"do": "status", "agent_id": "b", "status": "idle"},
             {"do": "reassign", "agent_id": "a"}]}
  END

Steps:
  {"do": "route", "pool_id", "visitor_id", "exclude_agent_id"}   decides and assigns
  {"do": "status", "agent_id", "status"}      idle, in_simulation, in_call, away or offline
  {"do": "release", "visitor_id"}             frees what the visitor uses
  {"do": "membership", "agent_id", "memberships": [{"pool_id", "priority_rank"}]}
                                              replaces all memberships of the agent
  {"do": "remove", "agent_id", "pool_id"}     takes the agent out of the pool
  {"do": "reassign", "agent_id"}              finds other agents for the visitors of one who leaves

Ranks are 1 (first) to 99, 1 when missing; fallback is none or organisation. Answers:
  {"agent_id": "a", "priority_rank": 1, "fallback": false, "reason": "…",
   "refused": [{"agent_id": "b", "why": "away"}]}              to route; agent_id null: unavailable
  {"reassigned": {"v1": "b"}, "unassigned": ["v2"]}            to reassign
  {}                                                           to the others
  {"error": "…"}                                               to a step that is refused
A step that is refused changes nothing and stops no other; the exit code stays 0. Pools and
agents that contradict each other are refused as a whole, with the field and exit code 1."#;

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let script = Script::from_json(&super::input()?).map_err(Failure::refused)?;
    let answers = script.run();
    let mut out = output::stdout();
    if arguments.json {
        output::json(&mut out, &answers)?;
    } else {
        for (number, answer) in (1_u64..).zip(&answers) {
            writeln!(out, "{number}  {}", words(answer))?;
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// An answer in one line
fn words(answer: &Answer) -> String {
    match answer {
        Answer::Routed(routed) => {
            let decision = &routed.decision;
            let refused =
                routed.refused.iter().map(|refusal| format!("{} {}", refusal.agent_id, refusal.why.label()));
            let refused: Vec<String> = refused.collect();
            let agent = decision.agent_id.as_ref().map_or("unavailable", |agent| agent.as_str());
            let refused =
                if refused.is_empty() { String::new() } else { format!("; refused: {}", refused.join(", ")) };
            format!("{agent}: {}{refused}", decision.reason)
        }
        Answer::Reassigned(reassignment) => {
            let moved = reassignment.reassigned().map(|(visitor, agent)| format!("{visitor} to {agent}"));
            let lost = reassignment.unassigned().map(|visitor| format!("{visitor} to nobody"));
            let all: Vec<String> = moved.chain(lost).collect();
            if all.is_empty() { "nobody moves".to_owned() } else { all.join(", ") }
        }
        Answer::Refused { error } => format!("refused: {error}"),
        Answer::Done {} => "done".to_owned(),
    }
}
