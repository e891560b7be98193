//! The third module: a router as a class, simulations of pools as functions.
//!
//! Field names may be written as in JSON (`pool_id`) or as JavaScript likes them (`poolId`); answers have the names of
//! JSON, as everywhere in this package.

mod read;
pub mod simulation;
mod types;

use policy::routing::{
    AgentConfig, AgentId, Answer, Decision, DecisionTrace, Membership, Move, OrgId, OrganisationPages,
    PoolConfig, PoolId, Reassignment, RoutingConfig, RoutingState, Script, VisitorId,
};
use policy::routing::{AgentStatus, Router};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::{DragonflyError, Result, to_js};
use read::{Question, document, id, text_of};

/// Pools, agents and who serves whom; decides who takes the next lead
///
/// The same code as the server's: the same calls give the same answers.
#[wasm_bindgen]
pub struct PoolRouter(Router);

#[wasm_bindgen]
impl PoolRouter {
    /// Takes pools, agents and page rules; nobody is served yet
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "RoutingConfig")] config: &JsValue,
    ) -> Result<PoolRouter> {
        Ok(PoolRouter(Router::new(&RoutingConfig::from_json(&text_of(config, "config")?)?)?))
    }

    /// Takes a configuration with a state that `state()` or a server has written
    pub fn restore(
        #[wasm_bindgen(unchecked_param_type = "RoutingConfig")] config: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "RoutingState")] state: &JsValue,
    ) -> Result<PoolRouter> {
        let config = RoutingConfig::from_json(&text_of(config, "config")?)?;
        let state: RoutingState = document(state, "state")?;
        Ok(PoolRouter(Router::restore(&config, &state)?))
    }

    /// Another router in the same state, such as one for a draft
    pub fn copy(&self) -> PoolRouter {
        PoolRouter(self.0.clone())
    }

    /// The configuration as it stands
    #[wasm_bindgen(unchecked_return_type = "RoutingConfig")]
    pub fn config(&self) -> Result<JsValue> {
        to_js(&self.0.config())
    }

    /// Who serves whom, and each pool's order of assignment
    #[wasm_bindgen(unchecked_return_type = "RoutingState")]
    pub fn state(&self) -> Result<JsValue> {
        to_js(&self.0.state())
    }

    /// The revision of the configuration; each change of it adds one
    #[wasm_bindgen(getter)]
    pub fn revision(&self) -> f64 {
        self.0.revision() as f64
    }

    /// Replaces all memberships of an agent; its visitors stay
    #[wasm_bindgen(js_name = setMemberships)]
    pub fn set_memberships(
        &mut self,
        #[wasm_bindgen(js_name = agentId, unchecked_param_type = "string")] agent_id: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Membership[]")] memberships: &JsValue,
    ) -> Result<()> {
        let agent = id(agent_id, "agent_id", AgentId::new)?;
        let memberships: Vec<Membership> = document(memberships, "memberships")?;
        Ok(self.0.set_memberships(&agent, &memberships)?)
    }

    /// Takes an agent out of a pool, and answers whether it was a member; its visitors stay
    #[wasm_bindgen(js_name = removeFromPool)]
    pub fn remove_from_pool(
        &mut self,
        #[wasm_bindgen(js_name = agentId, unchecked_param_type = "string")] agent_id: &JsValue,
        #[wasm_bindgen(js_name = poolId, unchecked_param_type = "string")] pool_id: &JsValue,
    ) -> Result<bool> {
        let (agent, pool) = (id(agent_id, "agent_id", AgentId::new)?, id(pool_id, "pool_id", PoolId::new)?);
        Ok(self.0.remove_from_pool(&agent, &pool)?)
    }

    /// The rank of an agent in a pool; null where it is not a member
    #[wasm_bindgen(js_name = priorityInPool, unchecked_return_type = "number | null")]
    pub fn priority_in_pool(
        &self,
        #[wasm_bindgen(js_name = agentId, unchecked_param_type = "string")] agent_id: &JsValue,
        #[wasm_bindgen(js_name = poolId, unchecked_param_type = "string")] pool_id: &JsValue,
    ) -> Result<JsValue> {
        let (agent, pool) = (id(agent_id, "agent_id", AgentId::new)?, id(pool_id, "pool_id", PoolId::new)?);
        to_js(&self.0.priority_in_pool(&agent, &pool))
    }

    /// The pools of an agent with its ranks
    #[wasm_bindgen(unchecked_return_type = "RankedMembership[]")]
    pub fn memberships(
        &self,
        #[wasm_bindgen(js_name = agentId, unchecked_param_type = "string")] agent_id: &JsValue,
    ) -> Result<JsValue> {
        to_js(&self.0.memberships(&id(agent_id, "agent_id", AgentId::new)?))
    }

    /// Adds an agent without memberships, or gives one who is registered another status and capacity
    #[wasm_bindgen(js_name = registerAgent)]
    pub fn register_agent(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "AgentConfig")] agent: &JsValue,
    ) -> Result<()> {
        let agent: AgentConfig = document(agent, "agent")?;
        Ok(self.0.register_agent(&agent)?)
    }

    /// Takes an agent away with its memberships, and answers the visitors that have lost it
    #[wasm_bindgen(js_name = unregisterAgent, unchecked_return_type = "Assignment[]")]
    pub fn unregister_agent(
        &mut self,
        #[wasm_bindgen(js_name = agentId, unchecked_param_type = "string")] agent_id: &JsValue,
    ) -> Result<JsValue> {
        to_js(&self.0.unregister_agent(&id(agent_id, "agent_id", AgentId::new)?)?)
    }

    /// Says what an agent is doing; its visitors stay with it
    #[wasm_bindgen(js_name = setStatus)]
    pub fn set_status(
        &mut self,
        #[wasm_bindgen(js_name = agentId, unchecked_param_type = "string")] agent_id: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "AgentStatus")] status: &JsValue,
    ) -> Result<()> {
        let agent = id(agent_id, "agent_id", AgentId::new)?;
        let status: AgentStatus = document(status, "status")?;
        Ok(self.0.set_status(&agent, status)?)
    }

    /// Gives an agent another number of slots; visitors above it stay
    #[wasm_bindgen(js_name = setCapacity)]
    pub fn set_capacity(
        &mut self,
        #[wasm_bindgen(js_name = agentId, unchecked_param_type = "string")] agent_id: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "number")] capacity: &JsValue,
    ) -> Result<()> {
        let agent = id(agent_id, "agent_id", AgentId::new)?;
        Ok(self.0.set_capacity(&agent, document(capacity, "capacity")?)?)
    }

    /// How many slots of an agent are in use; null for one who is not registered
    #[wasm_bindgen(unchecked_return_type = "number | null")]
    pub fn load(
        &self,
        #[wasm_bindgen(js_name = agentId, unchecked_param_type = "string")] agent_id: &JsValue,
    ) -> Result<JsValue> {
        to_js(&self.0.load(&id(agent_id, "agent_id", AgentId::new)?))
    }

    /// Adds a pool, or replaces what is known of it but for its visitors and its order of assignment
    #[wasm_bindgen(js_name = setPool)]
    pub fn set_pool(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "PoolConfig")] pool: &JsValue,
    ) -> Result<()> {
        let pool: PoolConfig = document(pool, "pool")?;
        Ok(self.0.set_pool(&pool)?)
    }

    /// Takes a pool away with its members; its visitors keep their agents until they are released
    #[wasm_bindgen(js_name = removePool)]
    pub fn remove_pool(
        &mut self,
        #[wasm_bindgen(js_name = poolId, unchecked_param_type = "string")] pool_id: &JsValue,
    ) -> Result<()> {
        Ok(self.0.remove_pool(&id(pool_id, "pool_id", PoolId::new)?)?)
    }

    /// Replaces the page rules of an organisation
    #[wasm_bindgen(js_name = setPages)]
    pub fn set_pages(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "OrganisationPages")] pages: &JsValue,
    ) -> Result<()> {
        let pages: OrganisationPages = document(pages, "pages")?;
        Ok(self.0.set_pages(&pages)?)
    }

    /// The pool of a page in an organisation, with what became of every rule
    #[wasm_bindgen(js_name = matchPool, unchecked_return_type = "PageMatch")]
    pub fn match_pool(
        &self,
        #[wasm_bindgen(js_name = orgId, unchecked_param_type = "string")] org_id: &JsValue,
        #[wasm_bindgen(js_name = pageUrl, unchecked_param_type = "string")] page_url: &JsValue,
    ) -> Result<JsValue> {
        let org = id(org_id, "org_id", OrgId::new)?;
        let page: String = document(page_url, "page_url")?;
        to_js(&self.0.match_page(&org, &page))
    }

    /// Decides who takes a visitor, and changes nothing
    #[wasm_bindgen(unchecked_return_type = "Decision")]
    pub fn decide(
        &self,
        #[wasm_bindgen(unchecked_param_type = "RouteQuestion")] question: &JsValue,
    ) -> Result<JsValue> {
        let Question { pool_id, visitor_id, exclude } = Question::read(question)?;
        Ok(told(&self.0.decide(&pool_id, &visitor_id, exclude.as_ref())?))
    }

    /// Decides who takes a visitor, and assigns
    #[wasm_bindgen(unchecked_return_type = "Decision")]
    pub fn route(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "RouteQuestion")] question: &JsValue,
    ) -> Result<JsValue> {
        let Question { pool_id, visitor_id, exclude } = Question::read(question)?;
        Ok(told(&self.0.route(&pool_id, &visitor_id, exclude.as_ref())?))
    }

    /// Decides as `decide` does, and answers everything that the decision rests on
    #[wasm_bindgen(unchecked_return_type = "DecisionTrace")]
    pub fn explain(
        &self,
        #[wasm_bindgen(unchecked_param_type = "RouteQuestion")] question: &JsValue,
    ) -> Result<JsValue> {
        let Question { pool_id, visitor_id, exclude } = Question::read(question)?;
        to_js(&self.0.explain(&pool_id, &visitor_id, exclude.as_ref())?)
    }

    /// Why a decision falls, or does not fall, on one agent
    #[wasm_bindgen(js_name = whyNot, unchecked_return_type = "WhyNot")]
    pub fn why_not(
        &self,
        #[wasm_bindgen(unchecked_param_type = "RouteQuestion")] question: &JsValue,
        #[wasm_bindgen(js_name = agentId, unchecked_param_type = "string")] agent_id: &JsValue,
    ) -> Result<JsValue> {
        let Question { pool_id, visitor_id, exclude } = Question::read(question)?;
        let agent = id(agent_id, "agent_id", AgentId::new)?;
        to_js(&self.0.why_not(&pool_id, &visitor_id, exclude.as_ref(), &agent)?)
    }

    /// The next `n` decisions as things stand, of one pool or of each: as many new visitors, nobody released
    #[wasm_bindgen(unchecked_return_type = "PreviewedDecision[]")]
    pub fn preview(
        &self,
        #[wasm_bindgen(unchecked_param_type = "number")] n: &JsValue,
        #[wasm_bindgen(js_name = poolId, unchecked_param_type = "string | null | undefined")]
        pool_id: &JsValue,
    ) -> Result<JsValue> {
        #[derive(Serialize)]
        struct Previewed<'a> {
            pool_id: &'a PoolId,
            #[serde(flatten)]
            trace: DecisionTrace,
        }
        let count: u32 = document(n, "n")?;
        if count > PREVIEW_MAX {
            return Err(DragonflyError::new("n", format!("is more than {PREVIEW_MAX}")));
        }
        let pools: Vec<PoolId> = if pool_id.is_null() || pool_id.is_undefined() {
            self.0.config().pools.into_iter().map(|pool| pool.id).collect()
        } else {
            vec![id(pool_id, "pool_id", PoolId::new)?]
        };
        let mut previewed = Vec::new();
        for pool_id in &pools {
            let traces = self.0.preview(pool_id, count as usize)?;
            previewed.extend(traces.into_iter().map(|trace| Previewed { pool_id, trace }));
        }
        to_js(&previewed)
    }

    /// Assigns a visitor to an agent whom the host has chosen; throws where the agent cannot take it
    pub fn assign(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "AssignQuestion")] question: &JsValue,
    ) -> Result<()> {
        let (Question { pool_id, visitor_id, .. }, agent) = Question::read_assignment(question)?;
        Ok(self.0.assign(&pool_id, &visitor_id, &agent)?)
    }

    /// Frees every slot that a visitor uses, and answers what it had
    #[wasm_bindgen(unchecked_return_type = "Assignment[]")]
    pub fn release(
        &mut self,
        #[wasm_bindgen(js_name = visitorId, unchecked_param_type = "string")] visitor_id: &JsValue,
    ) -> Result<JsValue> {
        to_js(&self.0.release(&id(visitor_id, "visitor_id", VisitorId::new)?))
    }

    /// Says whether a visitor is in a call with its agent in a pool; answers whether it has one
    #[wasm_bindgen(js_name = setInCall)]
    pub fn set_in_call(
        &mut self,
        #[wasm_bindgen(js_name = visitorId, unchecked_param_type = "string")] visitor_id: &JsValue,
        #[wasm_bindgen(js_name = poolId, unchecked_param_type = "string")] pool_id: &JsValue,
        #[wasm_bindgen(js_name = isInCall, unchecked_param_type = "boolean")] is_in_call: &JsValue,
    ) -> Result<bool> {
        let (visitor, pool) =
            (id(visitor_id, "visitor_id", VisitorId::new)?, id(pool_id, "pool_id", PoolId::new)?);
        Ok(self.0.set_in_call(&visitor, &pool, document(is_in_call, "is_in_call")?))
    }

    /// Finds another agent in the same pool for every visitor of one who leaves
    #[wasm_bindgen(unchecked_return_type = "Reassignment")]
    pub fn reassign(
        &mut self,
        #[wasm_bindgen(js_name = agentId, unchecked_param_type = "string")] agent_id: &JsValue,
    ) -> Result<JsValue> {
        #[derive(Serialize)]
        struct Answer<'a> {
            #[serde(flatten)]
            reassignment: &'a Reassignment,
            moves: &'a [Move],
            stayed: &'a [VisitorId],
        }
        let reassignment = &self.0.reassign(&id(agent_id, "agent_id", AgentId::new)?)?;
        let (moves, stayed) = (&reassignment.moves, &reassignment.stayed);
        to_js(&Answer { reassignment, moves, stayed })
    }
}

/// More decisions at once are not previewed.
const PREVIEW_MAX: u32 = 10_000;

#[wasm_bindgen]
extern "C" {
    /// A decision, set field by field: by way of serde it takes several times as long
    #[wasm_bindgen(js_name = Object)]
    type Told;

    #[wasm_bindgen(constructor, js_class = "Object")]
    fn new() -> Told;

    #[wasm_bindgen(method, setter, structural, js_name = agent_id)]
    fn set_agent_id(this: &Told, agent: &JsValue);
    #[wasm_bindgen(method, setter, structural, js_name = priority_rank)]
    fn set_priority_rank(this: &Told, rank: &JsValue);
    #[wasm_bindgen(method, setter, structural, js_name = fallback)]
    fn set_fallback(this: &Told, fallback: bool);
    #[wasm_bindgen(method, setter, structural, js_name = reason)]
    fn set_reason(this: &Told, reason: &str);
}

fn told(decision: &Decision) -> JsValue {
    let told = Told::new();
    told.set_agent_id(&decision.agent_id.as_ref().map_or(JsValue::NULL, |agent| agent.as_str().into()));
    told.set_priority_rank(&decision.priority_rank.map_or(JsValue::NULL, |rank| rank.number().into()));
    told.set_fallback(decision.fallback);
    told.set_reason(&decision.reason.to_string());
    told.into()
}

/// Runs steps as `dragonfly pool route` does, and answers each
#[wasm_bindgen(js_name = runScript, unchecked_return_type = "ScriptAnswer[]")]
pub fn run_script(
    #[wasm_bindgen(unchecked_param_type = "RoutingScript")] script: &JsValue,
) -> Result<JsValue> {
    let answers: Vec<Answer> = Script::from_json(&text_of(script, "script")?)?.run();
    to_js(&answers)
}

/// The pool of a page under rules that need not be in a router, with what became of every rule
#[wasm_bindgen(js_name = matchPage, unchecked_return_type = "PageMatch")]
pub fn match_page(
    #[wasm_bindgen(unchecked_param_type = "OrganisationPages")] pages: &JsValue,
    #[wasm_bindgen(js_name = pageUrl, unchecked_param_type = "string")] page_url: &JsValue,
) -> Result<JsValue> {
    let pages: OrganisationPages = document(pages, "pages")?;
    pages.check("")?;
    let page: String = document(page_url, "page_url")?;
    to_js(&pages.explain(&page))
}
