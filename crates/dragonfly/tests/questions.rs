//! The commands that answer questions without a database, as scripts use them: `tier eval`, `pool route`, `pool simulate`

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use policy::tier::TierPolicy;
use serde::Deserialize;
use serde_json::{Value, json};

#[track_caller]
fn eval(arguments: &[&str], input: &[u8]) -> Output {
    dragonfly(&["tier", "eval"], arguments, input)
}

#[track_caller]
fn dragonfly(command: &[&str], arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dragonfly"))
        .args(command)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A child that refuses its command line does not read.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn lines(output: &Output) -> Vec<Value> {
    str::from_utf8(&output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[derive(Deserialize)]
struct Vectors {
    policy: Option<String>,
    case: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    policy: Option<String>,
    facts: Option<String>,
    tier: Option<u8>,
    decided_by: Option<Value>,
    reason: Option<String>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    field: String,
    message: String,
}

impl Refusal {
    fn text(&self) -> String {
        format!("{}: {}", self.field, self.message)
    }
}

#[test]
fn the_vectors_hold_on_the_command_line() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors");
    let mut by_policy: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let vectors: Vectors =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for case in vectors.case {
            let policy = case.policy.clone().or_else(|| vectors.policy.clone()).expect("a case has a policy");
            by_policy.entry(policy).or_default().push(case);
        }
    }
    assert!(by_policy.values().map(Vec::len).sum::<usize>() > 50);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.json");
    for (policy, cases) in by_policy {
        let document = match policy.as_str() {
            "revision_1" => None,
            "monotone_draft" => Some(TierPolicy::monotone_draft().document().to_json()),
            document => Some(document.to_owned()),
        };
        let mut arguments = vec!["--json"];
        let mut revision = json!(1);
        if let Some(document) = &document {
            std::fs::write(&file, document).unwrap();
            arguments.extend(["--policy", file.to_str().unwrap()]);
            revision = Value::Null;
        }
        let input: String = cases
            .iter()
            .filter_map(|case| case.facts.as_ref())
            .map(|facts| facts.replace('\n', " ") + "\n")
            .collect();
        let output = eval(&arguments, input.as_bytes());
        if let [Case { name, facts: None, error, .. }] = cases.as_slice() {
            assert_eq!(output.status.code(), Some(2), "{name}");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.contains(&error.as_ref().unwrap().text()), "{name}: {said}");
            continue;
        }
        let answers = lines(&output);
        assert_eq!(answers.len(), cases.len());
        for (case, answer) in cases.iter().zip(answers) {
            let expect = match &case.error {
                Some(error) => json!({ "error": error.text() }),
                None => json!({
                    "tier": case.tier,
                    "tier_label": answer["tier_label"],
                    "reason": case.reason,
                    "decided_by": case.decided_by,
                    "policy_revision": revision,
                }),
            };
            assert_eq!(answer, expect, "{}", case.name);
        }
    }
}

#[test]
fn a_refused_line_fails_the_command_and_not_its_neighbours() {
    let output = eval(&["--json"], b"{\"collectability_score\": 45.5}\r\n\n   \n{\"balance\": -5}\n\xff\n{}");
    assert_eq!(output.status.code(), Some(1));
    let answers = lines(&output);
    assert_eq!(answers.len(), 4);
    assert_eq!(
        str::from_utf8(&output.stdout).unwrap().lines().next(),
        Some(
            r#"{"tier":1,"tier_label":"Warm Prospects","reason":"collectability_score=45.5 in [35,60)","decided_by":{"rule":"t1","arm":0},"policy_revision":1}"#
        )
    );
    assert_eq!(answers[1], json!({ "error": "balance: `-5` is negative" }));
    assert_eq!(answers[2], json!({ "error": "the line is not UTF-8" }));
    assert_eq!(answers[3]["decided_by"], Value::Null);
}

#[test]
fn nothing_in_gives_nothing_out() {
    let output = eval(&["--json"], b"");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
}

#[test]
fn flags_are_answered_for_people_and_for_scripts() {
    let output = eval(&["--score", "65", "--balance", "25000", "--bank-name", "A Bank"], b"");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "Tier 2  Active Enforcement\n  because  collectability_score=65 in [60,80)\n  decided by  rule t2, arm 0 of policy revision 1\n"
    );
    let output = eval(&["--json", "--balance", "49999.99", "--vehicle-lead", "x"], b"");
    assert_eq!(lines(&output)[0]["reason"], json!("balance=$49,999.99 in [15k,50k); has_asset_hints"));
    assert_eq!(eval(&["--json", "--score", "101"], b"").status.code(), Some(1));
    assert_eq!(eval(&["--score", "-1"], b"").status.code(), Some(1));
    assert_eq!(eval(&[], b"").status.code(), Some(2));
    assert_eq!(eval(&["--policy", "/nonexistent", "--score", "1"], b"").status.code(), Some(2));
}

#[test]
fn whoever_waits_for_an_answer_gets_it_before_the_input_ends() {
    use std::io::{BufRead, BufReader};
    let mut child = Command::new(env!("CARGO_BIN_EXE_dragonfly"))
        .args(["tier", "eval", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for score in [10, 90] {
        writeln!(stdin, "{{\"collectability_score\": {score}}}").unwrap();
        let answer: Value = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
        assert_eq!(answer["tier"], json!(if score == 90 { 3 } else { 0 }));
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_has_enough_ends_the_command_quietly() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dragonfly"))
        .args(["tier", "eval", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    // The child may be gone before all of it is written.
    let _ = stdin.write_all("{}\n".repeat(100_000).as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[track_caller]
fn pool(command: &str, input: &Value) -> Value {
    let output = dragonfly(&["pool", command], &["--json"], input.to_string().as_bytes());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn refuses(command: &str, input: &[u8], expect: &str) {
    let output = dragonfly(&["pool", command], &["--json"], input);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), format!("error: {expect}\n"));
    assert!(output.stdout.is_empty());
}

fn two_agents(steps: &Value) -> Value {
    json!({
        "pools": [{ "id": "p1", "org_id": "o1", "fallback": "none", "members": [
            { "agent_id": "a", "priority_rank": 1 }, { "agent_id": "b", "priority_rank": 2 },
        ] }],
        "agents": [
            { "id": "a", "org_id": "o1", "status": "idle", "capacity": 1 },
            { "id": "b", "org_id": "o1", "status": "away", "capacity": 5 },
        ],
        "steps": steps,
    })
}

#[test]
fn visitors_are_routed_step_by_step_and_a_bad_step_changes_nothing() {
    let answers = pool(
        "route",
        &two_agents(&json!([
            { "do": "route", "pool_id": "p1", "visitor_id": "v1", "exclude_agent_id": null },
            { "do": "route", "pool_id": "p1", "visitor_id": "v2", "exclude_agent_id": null },
            { "do": "membership", "agent_id": "b", "memberships": [{ "pool_id": "p1", "priority_rank": 1.5 }] },
            { "do": "status", "agent_id": "b", "status": "idle" },
            { "do": "reassign", "agent_id": "a" },
            { "do": "release", "visitor_id": "v1" },
        ])),
    );
    assert_eq!(
        answers,
        json!([
            { "agent_id": "a", "priority_rank": 1, "fallback": false, "refused": [],
              "reason": "idle with no load, never assigned in the pool, of rank 1" },
            { "agent_id": null, "priority_rank": null, "fallback": false, "reason": "nobody in the pool is available",
              "refused": [{ "agent_id": "a", "why": "at_capacity" }, { "agent_id": "b", "why": "away" }] },
            { "error": "memberships[0].priority_rank: `1.5` is not a whole number from 1 to 99" },
            {},
            { "reassigned": { "v1": "b" }, "unassigned": [] },
            {},
        ])
    );
    let told = dragonfly(
        &["pool", "route"],
        &[],
        two_agents(&json!([{ "do": "route", "pool_id": "p1", "visitor_id": "v" }])).to_string().as_bytes(),
    );
    assert_eq!(
        String::from_utf8(told.stdout).unwrap(),
        "1  a: idle with no load, never assigned in the pool, of rank 1\n"
    );
}

#[test]
fn a_pool_is_simulated_with_intervals_around_the_exact_figures() {
    let scenario = json!({
        "groups": [{ "rank": 1, "agents": 5, "slots": 1 }, { "rank": 2, "agents": 3, "slots": 1 }],
        "arrivals_per_unit": 4.0, "handling": { "kind": "exponential", "mean": 1.0 }, "waiting": false,
        "arrivals": 100_000, "seed": 1,
    });
    let answer = pool("simulate", &scenario);
    for (group, share) in [(0, 0.800_933), (1, 0.168_647)] {
        let group = &answer["groups"][group];
        let [from, to] = [0, 1].map(|end| group["share_interval"][end].as_f64().unwrap());
        assert!(from <= share && share <= to, "{group}");
        assert!((group["share_exact"].as_f64().unwrap() - share).abs() < 5e-7, "{group}");
    }
    assert!((answer["lost_exact"].as_f64().unwrap() - 0.030_420).abs() < 5e-7);
    assert_eq!((&answer["p_wait"], &answer["mean_wait"]), (&Value::Null, &Value::Null));
    assert_eq!(answer, pool("simulate", &scenario));
    let told = dragonfly(&["pool", "simulate"], &[], scenario.to_string().as_bytes());
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("0.800933") && told.contains("at 4.000 erlangs"), "{told}");
}

#[test]
fn bad_input_of_pools_is_refused_at_the_field() {
    refuses("route", b"{", "input: EOF while parsing an object at line 1 column 1");
    refuses("route", b"\xff", "the input is not UTF-8");
    let mut script = two_agents(&json!([]));
    script["pools"][0]["members"][1]["priority_rank"] = json!(0);
    let refusal = "pools[0].members[1].priority_rank: `0` is not a whole number from 1 to 99";
    refuses("route", script.to_string().as_bytes(), refusal);
    refuses("simulate", b"{\"groups\": [{\"agents\": 2}]}", "handling: is missing");
    refuses("simulate", b"[]", "scenario: invalid type: sequence, expected a scenario");
}
