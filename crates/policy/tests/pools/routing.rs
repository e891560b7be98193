//! Routing against the rule as it is written.

use policy::routing::{
    AgentConfig, AgentId, AgentStatus, Answer, Assignment, Decision, Fallback, MemberConfig, Membership,
    OrganisationPages, PoolConfig, PoolId, PriorityRank, Reason, Refusal, RefusalReason, Router,
    RoutingConfig, RuleVerdict, Script, Step, TieBreak, VisitorId, WhyNot,
};
use policy::sample;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::naive::Naive;

fn agent(id: &str) -> AgentId {
    AgentId::new(id).unwrap()
}

fn pool(id: &str) -> PoolId {
    PoolId::new(id).unwrap()
}

fn visitor(id: &str) -> VisitorId {
    VisitorId::new(id).unwrap()
}

fn config(script: &Value) -> RoutingConfig {
    let mut config = script.clone();
    config.as_object_mut().unwrap().remove("steps");
    RoutingConfig::from_json(&config.to_string()).unwrap()
}

fn router(config: Value) -> Router {
    Router::new(&RoutingConfig::from_json(&config.to_string()).unwrap()).unwrap()
}

/// One pool `p` of organisation `o` with idle agents of capacity 2, each with its rank.
fn small(members: &[(&str, u8)]) -> Router {
    let agents: Vec<Value> = members
        .iter()
        .map(|(id, _)| json!({ "id": id, "org_id": "o", "status": "idle", "capacity": 2 }))
        .collect();
    let members: Vec<Value> =
        members.iter().map(|(id, rank)| json!({ "agent_id": id, "priority_rank": rank })).collect();
    router(json!({ "pools": [{ "id": "p", "org_id": "o", "members": members }], "agents": agents }))
}

/// Who takes the visitor.
#[track_caller]
fn route(router: &mut Router, name: &str) -> Option<String> {
    let decision = router.route(&pool("p"), &visitor(name), None).unwrap();
    decision.agent_id.map(|agent| agent.to_string())
}

/// What the answers share with those of the naive rule, which has no words for its reasons.
fn bare(answer: &Answer) -> Value {
    let mut value = serde_json::to_value(answer).unwrap();
    value.as_object_mut().unwrap().remove("reason");
    value
}

proptest! {
    #[test]
    fn every_answer_is_the_one_of_the_rule_as_it_is_written(seed: u64, listing: u64) {
        let script = sample::routing_script(seed, 120, listing);
        let mut naive = Naive::new(&script);
        let mut router = Router::new(&config(&script)).unwrap();
        for step in script["steps"].as_array().unwrap() {
            let before = (router.config(), router.state());
            let answer = Step::from_value(step).and_then(|parsed| parsed.run(&mut router));
            match naive.step(step) {
                Some(expected) => prop_assert_eq!(bare(&answer.unwrap()), expected, "{}", step),
                None => {
                    prop_assert!(answer.is_err(), "{} answers {:?}", step, answer);
                    prop_assert_eq!((router.config(), router.state()), before);
                }
            }
            for agent in router.config().agents {
                prop_assert_eq!(u64::from(router.load(&agent.id).unwrap()), naive.load(agent.id.as_str()));
            }
        }
    }

    #[test]
    fn any_text_is_a_document_or_an_error_that_names_a_field(
        seed: u64, spoils in proptest::collection::vec((any::<prop::sample::Index>(), "[\\\\\"{}\\[\\],:0-9eE.+a-z \u{0}é-]{0,3}"), 1..6),
    ) {
        let script = sample::routing_script(seed, 10, 0);
        let scenario = json!({
            "groups": [{ "rank": 1, "agents": 3, "slots": 2 }], "members": [{ "agent_id": "a" }], "arrivals_per_unit": 2.5,
            "handling": { "kind": "lognormal", "mean": 1.5, "scv": 2 }, "waiting": true, "patience": { "kind": "constant", "mean": 2 },
            "away": [{ "ranks": [1], "from": 1, "until": 2 }], "arrivals": 400,
        });
        let spoilt = |document: &Value| {
            let mut text: Vec<char> = document.to_string().chars().collect();
            for (place, spoil) in &spoils {
                let place = place.index(text.len());
                text.splice(place..(place + 1).min(text.len()), spoil.chars());
            }
            text.into_iter().collect::<String>()
        };
        if let Err(error) = Script::from_json(&spoilt(&script)).map(|script| script.run()) {
            prop_assert!(!error.field.is_empty() && !error.message.is_empty());
        }
        match policy::simulation::Scenario::from_json(&spoilt(&scenario)) {
            Ok(scenario) => prop_assert!(policy::simulation::exact(&scenario).is_none_or(|exact| exact.lost.is_finite())),
            Err(error) => prop_assert!(!error.field.is_empty() && !error.message.is_empty()),
        }
    }

    #[test]
    fn the_order_in_which_agents_are_listed_changes_nothing(seed: u64, listing: u64) {
        let [one, other] = [0, listing].map(|listing| {
            let script = sample::routing_script(seed, 60, listing);
            Script::from_json(&script.to_string()).unwrap().run()
        });
        prop_assert_eq!(one, other);
    }

    #[test]
    fn a_decision_and_its_explanation_agree_and_change_nothing(seed: u64) {
        let script = sample::routing_script(seed, 60, 0);
        let mut router = Router::new(&config(&script)).unwrap();
        for step in script["steps"].as_array().unwrap() {
            let _ = Step::from_value(step).and_then(|step| step.run(&mut router));
            let before = router.state();
            let excluded = [None, Some(agent("a0")), Some(agent("a1"))];
            for (pool, exclude) in router.config().pools.into_iter().zip(excluded.into_iter().cycle()) {
                let asked = |visitor: &VisitorId| -> Result<(), TestCaseError> {
                    let Ok(decision) = router.decide(&pool.id, visitor, exclude.as_ref()) else { return Ok(()) };
                    let trace = router.explain(&pool.id, visitor, exclude.as_ref()).unwrap();
                    prop_assert_eq!(&trace.decision, &decision);
                    if decision.reason != Reason::AlreadyAssigned {
                        let deciding = trace.groups.iter().rfind(|group| group.is_reached);
                        let first = deciding.and_then(|group| group.candidates.first());
                        prop_assert_eq!(first.map(|first| &first.agent_id), decision.agent_id.as_ref());
                        prop_assert_eq!(trace.tie_break.is_some(), decision.agent_id.is_some());
                    }
                    for agent in router.config().agents {
                        let why_not = router.why_not(&pool.id, visitor, exclude.as_ref(), &agent.id).unwrap();
                        let is_chosen = decision.agent_id.as_ref() == Some(&agent.id);
                        prop_assert_eq!(why_not == WhyNot::Chosen, is_chosen);
                    }
                    Ok(())
                };
                asked(&visitor("v1"))?;
                asked(&visitor("nobody"))?;
            }
            prop_assert_eq!(router.state(), before);
        }
    }

    #[test]
    fn a_restored_router_decides_as_the_one_whose_state_it_has(seed: u64) {
        let script = sample::routing_script(seed, 80, 0);
        let mut router = Router::new(&config(&script)).unwrap();
        let steps = script["steps"].as_array().unwrap();
        let (first, rest) = steps.split_at(40);
        let run = |router: &mut Router, steps: &[Value]| -> Vec<_> {
            steps.iter().map(|step| Step::from_value(step).and_then(|step| step.run(router))).collect()
        };
        run(&mut router, first);
        let state = serde_json::to_string(&router.state()).unwrap();
        let mut restored = Router::restore(&router.config(), &serde_json::from_str(&state).unwrap()).unwrap();
        prop_assert_eq!(run(&mut restored, rest), run(&mut router, rest));
        prop_assert_eq!(restored.state(), router.state());
    }

    #[test]
    fn agents_and_pools_that_come_back_find_their_order_again(seed: u64) {
        let script = sample::routing_script(seed, 60, 0);
        let mut router = Router::new(&config(&script)).unwrap();
        for step in script["steps"].as_array().unwrap() {
            let _ = Step::from_value(step).and_then(|step| step.run(&mut router));
        }
        let (config, orders) = (router.config(), router.state().orders);
        for pool in &config.pools {
            router.remove_pool(&pool.id).unwrap();
        }
        for agent in &config.agents {
            let served = router.visitors_of(&agent.id);
            prop_assert_eq!(router.unregister_agent(&agent.id).unwrap(), served);
        }
        prop_assert_eq!(router.config().agents.len() + router.config().pools.len(), 0);
        prop_assert_eq!(router.state().assignments, vec![]);
        for agent in &config.agents {
            router.register_agent(agent).unwrap();
        }
        for pool in &config.pools {
            router.set_pool(pool).unwrap();
        }
        router.set_revision(config.revision);
        prop_assert_eq!(router.state().orders, orders);
        prop_assert_eq!(router.config(), config);
    }
}

#[test]
fn an_idle_agent_without_load_goes_before_any_loaded_one_the_longest_unassigned_first() {
    let mut router = small(&[("b", 1), ("a", 1), ("c", 1)]);
    let taken: Vec<_> = (0..7).map(|number| route(&mut router, &format!("v{number}"))).collect();
    assert_eq!(
        taken,
        ["a", "b", "c", "a", "b", "c"]
            .map(|id| Some(id.to_owned()))
            .into_iter()
            .chain([None])
            .collect::<Vec<_>>()
    );
    router.release(&visitor("v1"));
    router.release(&visitor("v4"));
    // `b` is free again: it has no load, though it was assigned after `a`.
    assert_eq!(route(&mut router, "w"), Some("b".to_owned()));
}

#[test]
fn a_group_is_left_only_when_every_member_of_it_is_unavailable() {
    let mut router = small(&[("a", 2), ("b", 10), ("c", 9)]);
    for expected in ["a", "a", "c", "c", "b", "b"] {
        let name = format!("{}", router.state().assignments.len());
        assert_eq!(route(&mut router, &name), Some(expected.to_owned()));
    }
    assert_eq!(route(&mut router, "late"), None);
}

#[test]
fn an_agent_in_simulation_without_load_stands_between_the_idle_and_the_loaded() {
    let mut router = small(&[("a", 1), ("b", 1), ("c", 1)]);
    router.set_status(&agent("a"), AgentStatus::InSimulation).unwrap();
    router.set_status(&agent("c"), AgentStatus::Away).unwrap();
    assert_eq!(route(&mut router, "v1"), Some("b".to_owned()));
    assert_eq!(route(&mut router, "v2"), Some("a".to_owned()));
    assert_eq!(route(&mut router, "v3"), Some("b".to_owned()));
}

#[test]
fn load_spans_pools_and_the_order_does_not() {
    let mut router = router(json!({
        "pools": [
            { "id": "p", "org_id": "o", "members": [{ "agent_id": "a" }, { "agent_id": "b" }] },
            { "id": "q", "org_id": "o", "members": [{ "agent_id": "a", "priority_rank": 1 }, { "agent_id": "b", "priority_rank": null }] },
        ],
        "agents": [
            { "id": "a", "org_id": "o", "status": "idle", "capacity": 1 },
            { "id": "b", "org_id": "o", "status": "idle", "capacity": 1 },
        ],
    }));
    let mut ask = |pool_id: &str, name: &str| {
        router.route(&pool(pool_id), &visitor(name), None).unwrap().agent_id.map(|id| id.to_string())
    };
    assert_eq!(ask("p", "v1").as_deref(), Some("a"));
    assert_eq!(ask("q", "v2").as_deref(), Some("b"));
    assert_eq!(ask("q", "v3"), None);
    router.release(&visitor("v1"));
    router.release(&visitor("v2"));
    // In `p` it is `b` who was never assigned, in `q` it is `a`.
    let next = |id| router.decide(&pool(id), &visitor("w"), None).unwrap().agent_id.unwrap().to_string();
    assert_eq!((next("p"), next("q")), ("b".to_owned(), "a".to_owned()));
}

#[test]
fn a_visitor_keeps_its_agent_whatever_becomes_of_the_status_and_uses_one_slot() {
    let mut router = small(&[("a", 1), ("b", 2)]);
    assert_eq!(route(&mut router, "v"), Some("a".to_owned()));
    router.set_status(&agent("a"), AgentStatus::Offline).unwrap();
    assert_eq!(route(&mut router, "v"), Some("a".to_owned()));
    assert_eq!(router.load(&agent("a")), Some(1));
    // Unless the caller will not have that agent.
    let moved = router.route(&pool("p"), &visitor("v"), Some(&agent("a"))).unwrap();
    assert_eq!(moved.agent_id, Some(agent("b")));
    assert_eq!((router.load(&agent("a")), router.load(&agent("b"))), (Some(0), Some(1)));
    // Nobody else: it keeps what it has.
    let kept = router.route(&pool("p"), &visitor("v"), Some(&agent("b"))).unwrap();
    assert_eq!(kept.agent_id, None);
    assert_eq!(router.load(&agent("b")), Some(1));
}

#[test]
fn reassignment_stays_in_the_pool_and_leaves_visitors_in_a_call() {
    let mut router = router(json!({
        "pools": [{ "id": "p", "org_id": "o", "fallback": "organisation", "members": [
            { "agent_id": "a", "priority_rank": 1 }, { "agent_id": "b", "priority_rank": 2 },
        ] }],
        "agents": [
            { "id": "a", "org_id": "o", "status": "idle", "capacity": 4 },
            { "id": "b", "org_id": "o", "status": "idle", "capacity": 1 },
            { "id": "other", "org_id": "o", "status": "idle", "capacity": 9 },
        ],
    }));
    for name in ["v2", "v1", "v3", "v4"] {
        assert_eq!(route(&mut router, name), Some("a".to_owned()));
    }
    assert!(router.set_in_call(&visitor("v3"), &pool("p"), true));
    router.set_status(&agent("a"), AgentStatus::Offline).unwrap();
    let answer = router.reassign(&agent("a")).unwrap();
    assert_eq!(
        serde_json::to_value(&answer).unwrap(),
        json!({ "reassigned": { "v2": "b" }, "unassigned": ["v1", "v4"] })
    );
    assert_eq!(answer.stayed, vec![visitor("v3")]);
    assert_eq!(router.load(&agent("a")), Some(1));
    // A lead that comes now may go to the organisation.
    let decision = router.route(&pool("p"), &visitor("v5"), None).unwrap();
    assert_eq!(
        (decision.agent_id, decision.priority_rank, decision.fallback),
        (Some(agent("other")), None, true)
    );
}

#[test]
fn all_visitors_of_an_agent_in_a_call_stay_where_nobody_says_which_one_it_is() {
    let mut router = small(&[("a", 1), ("b", 2)]);
    route(&mut router, "v1");
    route(&mut router, "v2");
    router.set_status(&agent("a"), AgentStatus::InCall).unwrap();
    let answer = router.reassign(&agent("a")).unwrap();
    assert_eq!((answer.moves, answer.stayed), (vec![], vec![visitor("v1"), visitor("v2")]));
}

#[test]
fn a_trace_says_who_was_asked_and_what_set_the_chosen_one_apart() {
    let mut router = small(&[("a", 1), ("b", 1), ("c", 2), ("d", 2), ("e", 2), ("f", 3)]);
    router.set_status(&agent("a"), AgentStatus::Away).unwrap();
    router.set_status(&agent("c"), AgentStatus::InCall).unwrap();
    router.set_status(&agent("f"), AgentStatus::Offline).unwrap();
    let trace = router.explain(&pool("p"), &visitor("v"), Some(&agent("b"))).unwrap();
    assert_eq!(
        serde_json::to_value(&trace).unwrap(),
        json!({
            "agent_id": "d", "priority_rank": 2, "fallback": false,
            "reason": "idle with no load, never assigned in the pool, of rank 2",
            "refused": [
                { "agent_id": "a", "why": "away" }, { "agent_id": "b", "why": "excluded" }, { "agent_id": "c", "why": "in_call" },
            ],
            "groups": [
                { "priority_rank": 1, "is_reached": true, "candidates": [],
                  "refused": [{ "agent_id": "a", "why": "away" }, { "agent_id": "b", "why": "excluded" }] },
                { "priority_rank": 2, "is_reached": true, "refused": [{ "agent_id": "c", "why": "in_call" }], "candidates": [
                    { "agent_id": "d", "status": "idle", "load": 0, "capacity": 2, "assignment_order": null },
                    { "agent_id": "e", "status": "idle", "load": 0, "capacity": 2, "assignment_order": null },
                ] },
                { "priority_rank": 3, "is_reached": false, "candidates": [], "refused": [{ "agent_id": "f", "why": "offline" }] },
            ],
            "tie_break": "agent_id",
            "revision": 0,
        })
    );
    let why = |id: &str| router.why_not(&pool("p"), &visitor("v"), None, &agent(id)).unwrap();
    let rank = |number| PriorityRank::new(number).unwrap();
    assert_eq!(why("a"), WhyNot::Refused { refusal: RefusalReason::Away });
    assert_eq!(why("b"), WhyNot::Chosen);
    assert_eq!(why("d"), WhyNot::BetterRank { deciding_rank: rank(1), priority_rank: rank(2) });
    router.set_status(&agent("a"), AgentStatus::Idle).unwrap();
    assert_eq!(
        router.why_not(&pool("p"), &visitor("v"), None, &agent("b")).unwrap(),
        WhyNot::Behind { agent_id: agent("a"), by: TieBreak::AgentId }
    );
}

#[test]
fn a_preview_is_what_then_happens() {
    let mut router = small(&[("a", 1), ("b", 1), ("c", 2)]);
    route(&mut router, "v");
    let before = router.state();
    let preview = router.preview(&pool("p"), 8).unwrap();
    assert_eq!(router.state(), before);
    for (number, expected) in preview.into_iter().enumerate() {
        let name = format!("w{number}");
        assert_eq!(router.route_explained(&pool("p"), &visitor(&name), None).unwrap(), expected);
    }
}

#[test]
fn a_changed_rank_counts_for_the_next_decision() {
    let mut router = small(&[("a", 1), ("b", 2)]);
    let revision = router.revision();
    router.set_membership(&agent("b"), &pool("p"), PriorityRank::PRIMARY).unwrap();
    router.set_membership(&agent("a"), &pool("p"), PriorityRank::LAST).unwrap();
    assert_eq!(router.revision(), revision + 2);
    assert_eq!(router.priority_in_pool(&agent("a"), &pool("p")), Some(PriorityRank::LAST));
    assert_eq!(route(&mut router, "v"), Some("b".to_owned()));
    router.remove_from_pool(&agent("b"), &pool("p")).unwrap();
    assert_eq!(router.priority_in_pool(&agent("b"), &pool("p")), None);
    // The visitor keeps its agent, who has no rank in the pool any more.
    let decision = router.decide(&pool("p"), &visitor("v"), None).unwrap();
    assert_eq!(
        decision,
        Decision {
            agent_id: Some(agent("b")),
            priority_rank: None,
            fallback: false,
            reason: Reason::AlreadyAssigned
        }
    );
}

#[test]
fn an_assignment_by_hand_is_refused_where_the_agent_cannot_take_it() {
    let mut router = small(&[("a", 1), ("b", 1)]);
    router.assign(&pool("p"), &visitor("v"), &agent("b")).unwrap();
    router.assign(&pool("p"), &visitor("v"), &agent("b")).unwrap();
    assert_eq!(router.load(&agent("b")), Some(1));
    router.assign(&pool("p"), &visitor("w"), &agent("b")).unwrap();
    let refused = router.assign(&pool("p"), &visitor("x"), &agent("b")).unwrap_err();
    assert_eq!(refused.to_string(), "agent_id: agent `b` is at capacity");
    router.set_status(&agent("a"), AgentStatus::InCall).unwrap();
    let refused = router.assign(&pool("p"), &visitor("x"), &agent("a")).unwrap_err();
    assert_eq!(refused.to_string(), "agent_id: agent `a` is in a call");
    router
        .register_agent(&AgentConfig {
            id: agent("c"),
            org_id: policy::routing::OrgId::new("o").unwrap(),
            status: AgentStatus::Idle,
            capacity: 1,
        })
        .unwrap();
    let refused = router.assign(&pool("p"), &visitor("x"), &agent("c")).unwrap_err();
    assert_eq!(refused.to_string(), "agent_id: agent `c` is not a member of pool `p`");
    assert_eq!(router.state().assignments.len(), 2);
}

#[test]
fn what_other_processes_did_is_taken_over_whatever_the_rule_says() {
    let mut router = small(&[("a", 1), ("b", 1)]);
    router.set_status(&agent("b"), AgentStatus::Away).unwrap();
    let made = |id: &str, of: &str| Assignment {
        visitor_id: visitor(id),
        pool_id: pool("p"),
        agent_id: agent(of),
        fallback: false,
        is_in_call: false,
    };
    for name in ["v1", "v2", "v3"] {
        router.record_assignment(&made(name, "b")).unwrap();
    }
    assert_eq!(router.load(&agent("b")), Some(3));
    router.record_assignment(&made("v3", "a")).unwrap();
    assert_eq!(router.load(&agent("b")), Some(2));
    let order = |of: &str, assignment_order| policy::routing::AssignmentOrder {
        pool_id: pool("p"),
        agent_id: agent(of),
        assignment_order,
    };
    router.record_order(&order("a", 70)).unwrap();
    router.record_order(&order("a", 60)).unwrap();
    router.release(&visitor("v3"));
    assert_eq!(route(&mut router, "w"), Some("a".to_owned()));
    assert_eq!(router.state().orders, vec![order("a", 71)]);
}

#[track_caller]
fn refused(config: Value, expect: &str) {
    assert_eq!(RoutingConfig::from_json(&config.to_string()).unwrap_err().to_string(), expect);
}

#[test]
fn bad_configurations_are_refused_at_the_field() {
    let with_rank = |rank: Value| {
        json!({
            "pools": [{ "id": "p", "org_id": "o", "members": [{ "agent_id": "a", "priority_rank": rank }] }],
            "agents": [{ "id": "a", "org_id": "o", "status": "idle", "capacity": 1 }],
        })
    };
    let rank = "pools[0].members[0].priority_rank";
    for (value, shown) in [
        (json!(0), "0"),
        (json!(100), "100"),
        (json!(1.5), "1.5"),
        (json!(""), ""),
        (json!(-1), "-1"),
        (json!("2"), "2"),
    ] {
        refused(with_rank(value), &format!("{rank}: `{shown}` is not a whole number from 1 to 99"));
    }
    for rank in [json!(2), json!(2.0), json!(null)] {
        RoutingConfig::from_json(&with_rank(rank).to_string()).unwrap();
    }
    let with = |change: &dyn Fn(&mut Value)| {
        let mut config = with_rank(json!(1));
        change(&mut config);
        config
    };
    refused(
        with(&|config| config["pools"][0]["org_id"] = json!("o2")),
        "pools[0].members[0].agent_id: agent `a` belongs to another organisation than pool `p`",
    );
    refused(
        with(&|config| config["pools"][0]["members"][0]["agent_id"] = json!("b")),
        "pools[0].members[0].agent_id: there is no agent `b`",
    );
    refused(
        with(&|config| {
            config["pools"][0]["members"] =
                json!([{ "agent_id": "a" }, { "agent_id": "a", "priority_rank": 2 }])
        }),
        "pools[0].members[1].agent_id: agent `a` is a member already",
    );
    refused(
        with(&|config| {
            let agent = config["agents"][0].clone();
            config["agents"].as_array_mut().unwrap().push(agent);
        }),
        "agents[1].id: `a` is there twice",
    );
    refused(
        with(&|config| {
            let pool = config["pools"][0].clone();
            config["pools"].as_array_mut().unwrap().push(pool);
        }),
        "pools[1].id: `p` is there twice",
    );
    refused(with(&|config| config["agents"][0]["id"] = json!("")), "agents[0].id: is empty");
    refused(
        with(&|config| config["agents"][0]["capacity"] = json!(10_001)),
        "agents[0].capacity: `10001` is more than 10000",
    );
    refused(
        with(&|config| config["agents"][0]["status"] = json!("asleep")),
        "agents[0].status: unknown variant `asleep`, expected one of `idle`, `in_simulation`, `in_call`, `away`, `offline`",
    );
    refused(
        with(&|config| config["pages"] = json!([{ "org_id": "o", "default_pool_id": "q" }])),
        "pages[0].default_pool_id: there is no pool `q`",
    );
    refused(
        with(&|config| {
            config["pages"] =
                json!([{ "org_id": "o2", "rules": [{ "id": "r", "pool_id": "p", "path_pattern": "/a" }] }])
        }),
        "pages[0].rules[0].pool_id: pool `p` belongs to another organisation",
    );
}

#[test]
fn a_script_answers_as_the_command_line_does() {
    let script = json!({
        "pools": [{ "id": "p1", "org_id": "o1", "fallback": "none", "members": [{ "agent_id": "a", "priority_rank": 1 }, { "agent_id": "b", "priority_rank": 2 }] }],
        "agents": [
            { "id": "a", "org_id": "o1", "status": "idle", "capacity": 1 }, { "id": "b", "org_id": "o1", "status": "away", "capacity": 5 },
        ],
        "steps": [
            { "do": "route", "pool_id": "p1", "visitor_id": "v1", "exclude_agent_id": null },
            { "do": "route", "pool_id": "p1", "visitor_id": "v2" },
            { "do": "membership", "agent_id": "b", "memberships": [{ "pool_id": "p1", "priority_rank": 100 }] },
            { "do": "membership", "agent_id": "b", "memberships": [{ "pool_id": "p2", "priority_rank": 1 }] },
            { "do": "sing" },
            { "do": "status", "agent_id": "c", "status": "away" },
            { "do": "status", "agent_id": "b", "status": "idle" },
            { "do": "reassign", "agent_id": "a" },
            7,
        ],
    });
    let answers = Script::from_json(&script.to_string()).unwrap().run();
    assert_eq!(
        serde_json::to_value(answers).unwrap(),
        json!([
            { "agent_id": "a", "priority_rank": 1, "fallback": false, "reason": "idle with no load, never assigned in the pool, of rank 1", "refused": [] },
            { "agent_id": null, "priority_rank": null, "fallback": false, "reason": "nobody in the pool is available",
              "refused": [{ "agent_id": "a", "why": "at_capacity" }, { "agent_id": "b", "why": "away" }] },
            { "error": "memberships[0].priority_rank: `100` is not a whole number from 1 to 99" },
            { "error": "memberships[0].pool_id: there is no pool `p2`" },
            { "error": "do: there is no step `sing`" },
            { "error": "agent_id: there is no agent `c`" },
            {},
            { "reassigned": { "v1": "b" }, "unassigned": [] },
            { "error": "step: is not an object" },
        ])
    );
}

#[test]
fn the_rule_of_a_page_is_named_with_what_failed_in_the_others() {
    let pages: OrganisationPages = serde_json::from_value(json!({
        "org_id": "o", "default_pool_id": "rest",
        "rules": [
            { "id": "ads", "pool_id": "sales", "priority": 5, "conditions": [
                { "field": "domain", "operator": "ends_with", "value": "Example.com" },
                { "field": "query_param", "param": "UTM_source", "operator": "is_exactly", "value": "ads" },
            ] },
            { "id": "old", "pool_id": "legacy", "priority": 1, "domain_pattern": "*.example.com", "path_pattern": "/old/**" },
            { "id": "off", "pool_id": "sales", "priority": 9, "is_active": false, "path_pattern": "*" },
            { "id": "quiet", "pool_id": "quiet", "priority": 5, "conditions": [
                { "field": "query_param", "param": "q", "operator": "does_not_contain", "value": "loud" },
                { "field": "path", "operator": "starts_with", "value": "/Quiet%20Room" },
            ] },
        ],
    })).unwrap();
    pages.check("").unwrap();
    let pool_of = |page: &str| {
        let found = pages.explain(page);
        assert_eq!(found.pool_id.as_ref(), pages.pool_of(page));
        found.pool_id.unwrap().to_string()
    };
    assert_eq!(pool_of("https://www.EXAMPLE.com/x?utm_Source=b&utm_source=ADS"), "sales");
    assert_eq!(pool_of("https://www.example.com/x?utm_source=adsx"), "rest");
    assert_eq!(pool_of("https://www.example.com/old"), "legacy");
    assert_eq!(pool_of("https://example.com/old"), "rest");
    assert_eq!(pool_of("/quiet room/1"), "quiet");
    assert_eq!(pool_of("/quiet%20room?q=a&q=very%20loud"), "rest");
    assert_eq!(pool_of("%%% not a url"), "rest");

    let found = pages.explain("/old/a?utm_source=x");
    let verdicts: Vec<_> = found.rules.iter().map(|rule| (rule.rule_id.as_str(), rule.verdict)).collect();
    assert_eq!(
        verdicts,
        [
            ("off", RuleVerdict::Inactive),
            ("ads", RuleVerdict::Failed),
            ("quiet", RuleVerdict::Failed),
            ("old", RuleVerdict::Failed)
        ]
    );
    let failed = &found.rules[1].conditions;
    assert_eq!(failed[1].condition, "parameter `UTM_source` is exactly `ads`");
    assert_eq!((failed[1].actual.as_slice(), failed[1].holds), (["x".to_owned()].as_slice(), false));
    assert_eq!(found.reason, "no rule matches: the default pool");
}

#[test]
fn a_pool_that_was_made_in_rust_is_checked_like_one_that_was_read() {
    let mut router = small(&[("a", 1)]);
    let org_id = policy::routing::OrgId::new("o").unwrap();
    let member = MemberConfig { agent_id: agent("a"), priority_rank: PriorityRank::PRIMARY };
    let twice =
        PoolConfig { id: pool("q"), org_id, fallback: Fallback::None, members: vec![member.clone(), member] };
    assert_eq!(
        router.set_pool(&twice).unwrap_err().to_string(),
        "members[1].agent_id: agent `a` is a member already"
    );
    let both =
        [pool("p"), pool("p")].map(|pool_id| Membership { pool_id, priority_rank: PriorityRank::PRIMARY });
    assert_eq!(
        router.set_memberships(&agent("a"), &both).unwrap_err().to_string(),
        "memberships[1].pool_id: `p` is there twice"
    );
    let refused: Vec<Refusal> = router.explain(&pool("p"), &visitor("v"), Some(&agent("a"))).unwrap().refused;
    assert_eq!(refused, vec![Refusal { agent_id: agent("a"), why: RefusalReason::Excluded }]);
}
