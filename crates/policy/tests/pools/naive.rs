//! The text of the rule, word by word: lists, scans, no structure.

use std::collections::BTreeMap;

use serde_json::{Value, json};

#[derive(Clone)]
struct Agent {
    org: String,
    status: String,
    capacity: u64,
}

#[derive(Clone)]
struct Pool {
    org: String,
    falls_back: bool,
    ranks: BTreeMap<String, u64>,
    counter: u64,
    orders: BTreeMap<String, u64>,
}

#[derive(Clone)]
struct Held {
    visitor: String,
    pool: String,
    agent: String,
    fallback: bool,
}

#[derive(Clone)]
pub(crate) struct Naive {
    agents: BTreeMap<String, Agent>,
    pools: BTreeMap<String, Pool>,
    /// In the order of assignment.
    held: Vec<Held>,
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap().to_owned()
}

impl Naive {
    pub(crate) fn new(script: &Value) -> Naive {
        let agents = script["agents"].as_array().unwrap().iter().map(|agent| {
            let capacity = agent["capacity"].as_u64().unwrap();
            (text(agent, "id"), Agent { org: text(agent, "org_id"), status: text(agent, "status"), capacity })
        });
        let pools = script["pools"].as_array().unwrap().iter().map(|pool| {
            let members = pool["members"].as_array().unwrap().iter();
            let ranks = members
                .map(|member| (text(member, "agent_id"), member["priority_rank"].as_u64().unwrap_or(1)));
            let pool_of = Pool {
                org: text(pool, "org_id"),
                falls_back: text(pool, "fallback") == "organisation",
                ranks: ranks.collect(),
                counter: 0,
                orders: BTreeMap::new(),
            };
            (text(pool, "id"), pool_of)
        });
        Naive { agents: agents.collect(), pools: pools.collect(), held: Vec::new() }
    }

    pub(crate) fn load(&self, agent: &str) -> u64 {
        self.held.iter().filter(|held| held.agent == agent).count() as u64
    }

    fn refusal(&self, agent: &str, excluded: Option<&str>) -> Option<&'static str> {
        let of = &self.agents[agent];
        match of.status.as_str() {
            "offline" => Some("offline"),
            "away" => Some("away"),
            "in_call" => Some("in_call"),
            _ if self.load(agent) >= of.capacity => Some("at_capacity"),
            _ if excluded == Some(agent) => Some("excluded"),
            _ => None,
        }
    }

    /// The best of a group, and who was refused.
    fn best(
        &self,
        group: &[&String],
        pool: &Pool,
        excluded: Option<&str>,
        refused: &mut Vec<Value>,
    ) -> Option<String> {
        let mut available = Vec::new();
        for agent in group {
            match self.refusal(agent, excluded) {
                Some(why) => refused.push(json!({ "agent_id": agent, "why": why })),
                None => available.push((*agent).clone()),
            }
        }
        let order = |agent: &String| pool.orders.get(agent).copied().unwrap_or(0);
        let is_idle = |agent: &&String| self.agents[*agent].status == "idle" && self.load(agent) == 0;
        let idle = available.iter().filter(is_idle).min_by_key(|agent| (order(agent), (*agent).clone()));
        let loaded =
            || available.iter().min_by_key(|agent| (self.load(agent), order(agent), (*agent).clone()));
        idle.or_else(loaded).cloned()
    }

    /// The agent, its rank, whether it is a fallback, and who was refused.
    fn choose(
        &self,
        pool: &str,
        excluded: Option<&str>,
        may_fall_back: bool,
    ) -> (Option<String>, Option<u64>, bool, Vec<Value>) {
        let pool = &self.pools[pool];
        let mut refused = Vec::new();
        for rank in 1..=99 {
            let group: Vec<&String> =
                pool.ranks.iter().filter(|(_, other)| **other == rank).map(|(agent, _)| agent).collect();
            if let Some(agent) = self.best(&group, pool, excluded, &mut refused) {
                return (Some(agent), Some(rank), false, refused);
            }
        }
        if may_fall_back && pool.falls_back {
            let others = self
                .agents
                .iter()
                .filter(|(id, agent)| agent.org == pool.org && !pool.ranks.contains_key(*id));
            let group: Vec<&String> = others.map(|(id, _)| id).collect();
            if let Some(agent) = self.best(&group, pool, excluded, &mut refused) {
                return (Some(agent), None, true, refused);
            }
        }
        (None, None, false, refused)
    }

    fn give(&mut self, visitor: &str, pool: &str, agent: &str, fallback: bool) {
        self.held.retain(|held| held.visitor != visitor || held.pool != pool);
        let pool_of = self.pools.get_mut(pool).unwrap();
        pool_of.counter += 1;
        pool_of.orders.insert(agent.to_owned(), pool_of.counter);
        let (visitor, pool, agent) = (visitor.to_owned(), pool.to_owned(), agent.to_owned());
        self.held.push(Held { visitor, pool, agent, fallback });
    }

    /// What a step answers; `None` where it must be refused.
    pub(crate) fn step(&mut self, step: &Value) -> Option<Value> {
        let agent = step["agent_id"].as_str();
        if agent.is_some_and(|agent| !self.agents.contains_key(agent)) {
            return None;
        }
        let pool = step["pool_id"].as_str();
        if pool.is_some_and(|pool| !self.pools.contains_key(pool)) {
            return None;
        }
        match step["do"].as_str().unwrap() {
            "route" => {
                let (pool, visitor, excluded) =
                    (pool?, step["visitor_id"].as_str()?, step["exclude_agent_id"].as_str());
                if excluded.is_some_and(|excluded| !self.agents.contains_key(excluded)) {
                    return None;
                }
                let has = self.held.iter().find(|held| held.visitor == visitor && held.pool == pool);
                if let Some(held) = has.filter(|held| Some(held.agent.as_str()) != excluded) {
                    let rank = self.pools[pool].ranks.get(&held.agent).filter(|_| !held.fallback);
                    return Some(json!({
                        "agent_id": held.agent, "priority_rank": rank, "fallback": held.fallback, "refused": [],
                    }));
                }
                let (agent, rank, fallback, refused) = self.choose(pool, excluded, true);
                if let Some(agent) = &agent {
                    self.give(visitor, pool, agent, fallback);
                }
                Some(
                    json!({ "agent_id": agent, "priority_rank": rank, "fallback": fallback, "refused": refused }),
                )
            }
            "status" => {
                self.agents.get_mut(agent?)?.status = text(step, "status");
                Some(json!({}))
            }
            "release" => {
                let visitor = text(step, "visitor_id");
                self.held.retain(|held| held.visitor != visitor);
                Some(json!({}))
            }
            "membership" => {
                let org = self.agents[agent?].org.clone();
                let mut ranks = BTreeMap::new();
                for membership in step["memberships"].as_array()? {
                    let (pool, rank) = (text(membership, "pool_id"), membership["priority_rank"].as_u64()?);
                    let is_fine = (1..=99).contains(&rank) && self.pools.get(&pool)?.org == org;
                    if !is_fine || ranks.insert(pool, rank).is_some() {
                        return None;
                    }
                }
                for (id, pool) in &mut self.pools {
                    match ranks.get(id) {
                        Some(rank) => pool.ranks.insert(agent?.to_owned(), *rank),
                        None => pool.ranks.remove(agent?),
                    };
                }
                Some(json!({}))
            }
            "remove" => {
                self.pools.get_mut(pool?)?.ranks.remove(agent?);
                Some(json!({}))
            }
            "reassign" => {
                let leaving = agent?;
                let (mut reassigned, mut unassigned) = (BTreeMap::new(), Vec::new());
                if self.agents[leaving].status != "in_call" {
                    let visitors: Vec<Held> =
                        self.held.iter().filter(|held| held.agent == leaving).cloned().collect();
                    for Held { visitor, pool, .. } in visitors {
                        match self.choose(&pool, Some(leaving), false).0 {
                            Some(agent) => {
                                self.give(&visitor, &pool, &agent, false);
                                reassigned.insert(visitor, agent);
                            }
                            None => {
                                self.held.retain(|held| held.visitor != visitor || held.pool != pool);
                                unassigned.push(visitor);
                            }
                        }
                    }
                }
                Some(json!({ "reassigned": reassigned, "unassigned": unassigned }))
            }
            _ => None,
        }
    }
}
