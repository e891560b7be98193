//! Decisions a second of other rule engines, one thread, on the judgments and the rules that Dragonfly is measured on
//!
//! `peers --runs N [--quick]` prints a JSON object: for each engine one number a run. Rules are compiled and inputs
//! are made beforehand, each in the form that its engine takes most readily, so that only deciding is measured. Every
//! engine has to decide all judgments as the policy crate does.

#[path = "../../../crates/bench/src/portfolio.rs"]
mod portfolio;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, ensure};
use cedar_policy::{Authorizer, Context, Entities, EntityUid, PolicySet, Request};
use datalogic_rs::{Engine, ParsedData};
use policy::portfolio::Portfolio;
use policy::tier::{Cents, JudgmentFacts, TierArmDocument, TierPolicy};
use serde_json::{Value, json};
use zen_engine::Decision;

/// Judgments that each engine decides in a run.
const JUDGMENTS: u32 = 100_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let place = arguments.iter().position(|argument| argument == "--runs").context("no `--runs`")?;
    let runs: usize = arguments.get(place + 1).context("how many runs?")?.parse()?;
    let is_quick = arguments.iter().any(|argument| argument == "--quick");

    let portfolio = portfolio::portfolio(if is_quick { JUDGMENTS / 100 } else { JUDGMENTS })?;
    let policy = TierPolicy::revision_1();
    let expected = policy.compile().evaluate(&portfolio);
    let judgments: Vec<JudgmentFacts> =
        (0..portfolio.len()).filter_map(|row| portfolio.facts(row)).collect();
    let table = Table::of(&policy)?;
    let inputs: Vec<Value> = judgments.iter().map(input).collect();

    let measured = BTreeMap::from([
        ("dragonfly_tiers", measure(runs, &expected, tiers(&policy, &portfolio))?),
        ("dragonfly_explained", measure(runs, &expected, explained(&policy, &judgments))?),
        ("zen_engine", measure(runs, &expected, zen(&table, &inputs)?)?),
        ("datalogic_rs", measure(runs, &expected, datalogic(&table, &inputs)?)?),
        ("cedar_policy", measure(runs, &expected, cedar(&table, &inputs)?)?),
    ]);
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}

/// Decisions a second, run by run; the first run is checked and not counted
fn measure(
    runs: usize,
    expected: &[u8],
    mut decide: impl FnMut() -> Result<Vec<u8>>,
) -> Result<Vec<f64>> {
    ensure!(decide()? == expected, "an engine does not decide as the policy crate does");
    let mut values = Vec::with_capacity(runs);
    for _ in 0..runs {
        let begun = Instant::now();
        black_box(decide()?);
        values.push(expected.len() as f64 / begun.elapsed().as_secs_f64());
    }
    Ok(values)
}

/// The rules with their limits in whole numbers: hundredths of a point and cents
struct Table {
    rules: Vec<(u8, Vec<Vec<Condition>>)>,
    fallback: u8,
}

struct Condition {
    fact: &'static str,
    operator: &'static str,
    limit: i64,
}

const FACTS: [&str; 3] = ["score", "balance", "signals"];

impl Table {
    fn of(policy: &TierPolicy) -> Result<Table> {
        let document = policy.document();
        let conditions = |arm: &TierArmDocument| {
            let bounds = [
                ("score", ">=", &arm.score_from),
                ("score", "<", &arm.score_below),
                ("balance", ">=", &arm.balance_from),
                ("balance", "<", &arm.balance_below),
            ];
            let mut conditions = Vec::new();
            for (fact, operator, bound) in bounds {
                if let Some(text) = bound {
                    let limit = Cents::from_str(document.limits.get(text).unwrap_or(text))?.cents();
                    conditions.push(Condition { fact, operator, limit });
                }
            }
            conditions.extend(arm.signals_min.map(|signals| Condition {
                fact: "signals",
                operator: ">=",
                limit: signals.into(),
            }));
            anyhow::Ok(conditions)
        };
        let rules = document.rules.iter().map(|rule| {
            Ok((rule.tier.number(), rule.any.iter().map(conditions).collect::<Result<_>>()?))
        });
        Ok(Table { rules: rules.collect::<Result<_>>()?, fallback: document.fallback.number() })
    }
}

/// What engines without a notion of money and missing facts are told
fn input(facts: &JudgmentFacts) -> Value {
    json!({
        "score": facts.score.map_or(0, |score| score.hundredths()),
        "balance": facts.balance.map_or(0, Cents::cents),
        "signals": facts.signals.iter().count(),
    })
}

fn tiers(policy: &TierPolicy, portfolio: &Portfolio) -> impl FnMut() -> Result<Vec<u8>> {
    let grid = policy.compile();
    move || Ok(grid.evaluate(portfolio))
}

/// With rule, arm and reason
fn explained(policy: &TierPolicy, judgments: &[JudgmentFacts]) -> impl FnMut() -> Result<Vec<u8>> {
    let grid = policy.compile_outcomes();
    move || {
        let outcomes = grid.evaluate(judgments.iter().copied());
        Ok(outcomes.iter().map(|outcome| outcome.tier.number()).collect())
    }
}

/// A decision table with hit policy *first*, one row an arm
fn zen(table: &Table, inputs: &[Value]) -> Result<impl FnMut() -> Result<Vec<u8>>> {
    let mut rows = Vec::new();
    for (tier, arms) in &table.rules {
        for arm in arms {
            let mut row = serde_json::Map::new();
            row.insert("_id".into(), format!("r{}", rows.len()).into());
            row.insert("tier".into(), tier.to_string().into());
            for fact in FACTS {
                let cell = arm.iter().filter(|condition| condition.fact == fact);
                let cell: Vec<String> =
                    cell.map(|condition| format!("$ {} {}", condition.operator, condition.limit)).collect();
                row.insert(fact.into(), cell.join(" and ").into());
            }
            rows.push(Value::Object(row));
        }
    }
    rows.push(json!({ "_id": "fallback", "tier": table.fallback.to_string() }));
    let content = serde_json::from_value(json!({
        "nodes": [
            { "id": "in", "name": "in", "type": "inputNode", "content": {} },
            { "id": "table", "name": "table", "type": "decisionTableNode", "content": {
                "hitPolicy": "first",
                "inputs": FACTS.map(|fact| json!({ "id": fact, "name": fact, "field": fact })),
                "outputs": [{ "id": "tier", "name": "tier", "field": "tier" }],
                "rules": rows,
            } },
            { "id": "out", "name": "out", "type": "outputNode", "content": {} },
        ],
        "edges": [
            { "id": "e1", "sourceId": "in", "targetId": "table" },
            { "id": "e2", "sourceId": "table", "targetId": "out" },
        ],
    }))?;
    let mut decision = Decision::from(Arc::new(content));
    decision.compile();
    let inputs: Vec<zen_engine::Variable> = inputs.iter().cloned().map(Into::into).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    Ok(move || {
        runtime.block_on(async {
            let mut tiers = Vec::with_capacity(inputs.len());
            for input in &inputs {
                let response =
                    decision.evaluate(input.clone()).await.map_err(|error| anyhow!("{error:?}"))?;
                let tier = response.result.dot("tier").context("no tier")?.to_value();
                tiers.push(tier.as_u64().context("no number")? as u8);
            }
            Ok(tiers)
        })
    })
}

/// One expression of JSON Logic; inputs are parsed beforehand
fn datalogic(table: &Table, inputs: &[Value]) -> Result<impl FnMut() -> Result<Vec<u8>>> {
    let mut expression = Vec::new();
    for (tier, arms) in &table.rules {
        let any: Vec<Value> = arms
            .iter()
            .map(|arm| {
                let all: Vec<Value> = arm
                    .iter()
                    .map(|condition| json!({ condition.operator: [{ "var": condition.fact }, condition.limit] }))
                    .collect();
                json!({ "and": all })
            })
            .collect();
        expression.extend([json!({ "or": any }), json!(tier)]);
    }
    expression.push(json!(table.fallback));
    let engine = Engine::new();
    let compiled =
        engine.compile(&*json!({ "if": expression }).to_string()).map_err(|error| anyhow!("{error:?}"))?;
    let inputs = inputs
        .iter()
        .map(|input| ParsedData::from_json(&input.to_string()).map_err(|error| anyhow!("{error:?}")))
        .collect::<Result<Vec<_>>>()?;
    Ok(move || {
        let mut session = engine.session();
        let mut tiers = Vec::with_capacity(inputs.len());
        for input in &inputs {
            let tier = session.eval_borrowed(&compiled, input).map_err(|error| anyhow!("{error:?}"))?;
            tiers.push(tier.as_i64().context("no number")? as u8);
            session.reset();
        }
        Ok(tiers)
    })
}

/// A policy a rule; the first of those that permit is the first hit
fn cedar(table: &Table, inputs: &[Value]) -> Result<impl FnMut() -> Result<Vec<u8>>> {
    let policies = table.rules.iter().map(|(_, arms)| {
        let any = arms.iter().map(|arm| {
            let all = arm.iter().map(|condition| {
                format!("context.{} {} {}", condition.fact, condition.operator, condition.limit)
            });
            format!("({})", all.collect::<Vec<_>>().join(" && "))
        });
        format!("permit (principal, action, resource) when {{ {} }};", any.collect::<Vec<_>>().join(" || "))
    });
    let policies = PolicySet::from_str(&policies.collect::<Vec<_>>().join("\n"))?;
    let uid = |text| EntityUid::from_str(text);
    let (principal, action, resource) =
        (uid("Org::\"firm\"")?, uid("Action::\"tier\"")?, uid("Judgment::\"one\"")?);
    let requests = inputs
        .iter()
        .map(|input| {
            let context = Context::from_json_value(input.clone(), None)?;
            Ok(Request::new(principal.clone(), action.clone(), resource.clone(), context, None)?)
        })
        .collect::<Result<Vec<_>>>()?;
    let (authorizer, entities) = (Authorizer::new(), Entities::empty());
    let tier_of: Vec<u8> = table.rules.iter().map(|(tier, _)| *tier).collect();
    let fallback = table.fallback;
    Ok(move || {
        let mut tiers = Vec::with_capacity(requests.len());
        for request in &requests {
            let response = authorizer.is_authorized(request, &policies, &entities);
            // Policies without an id are named `policy0`, `policy1` and so on.
            let places = response.diagnostics().reason().filter_map(|id| {
                let id: &str = id.as_ref();
                id.strip_prefix("policy")?.parse::<usize>().ok()
            });
            tiers.push(places.min().and_then(|place| tier_of.get(place).copied()).unwrap_or(fallback));
        }
        Ok(tiers)
    })
}
