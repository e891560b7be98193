//! `dragonfly tier eval` as scripts use it

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use policy::tier::TierPolicy;
use serde::Deserialize;
use serde_json::{Value, json};

#[track_caller]
fn eval(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dragonfly"))
        .args(["tier", "eval"])
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
