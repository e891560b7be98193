//! Steps on a router in JSON: what `dragonfly pool route` reads and answers.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{AgentConfig, Decision};
use super::{
    AgentId, AgentStatus, DecisionTrace, Membership, OrganisationPages, PoolConfig, PoolId, Reassignment,
    Refusal, Router, RoutingConfig, RoutingError, VisitorId,
};
use crate::tier::only_objects;

/// A configuration and what is done with it, step by step
///
/// `{"pools": […], "agents": […], "steps": […]}`: the fields of a [`RoutingConfig`] and the steps. Steps are judged one by one as
/// they are run, so that a bad one stops no other.
#[derive(Debug, Clone)]
pub struct Script {
    config: RoutingConfig,
    steps: Vec<Value>,
}

/// One step: an object whose field `do` names it, such as `{"do": "release", "visitor_id": "v1"}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// `route`: decides who takes a visitor, and assigns.
    Route(RouteStep),
    /// `status`: says what an agent is doing.
    Status(StatusStep),
    /// `release`: frees every slot that a visitor uses; none is fine.
    Release(ReleaseStep),
    /// `membership`: replaces all memberships of an agent.
    Membership(MembershipStep),
    /// `remove`: takes an agent out of a pool; fine where it is not a member.
    Remove(RemoveStep),
    /// `reassign`: finds other agents for the visitors of one who leaves.
    Reassign(ReassignStep),
}

macro_rules! step {
    ($(#[$doc:meta])* $type:ident { $($(#[$field_doc:meta])* $field:ident: $field_type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
        #[serde(remote = "Self", deny_unknown_fields)]
        pub struct $type {
            $($(#[$field_doc])* pub $field: $field_type,)*
        }

        only_objects!($type, "a step");
    };
}

step!(
    /// The fields of a step `route`
    RouteStep {
        /// In which pool.
        pool_id: PoolId,
        /// Whom.
        visitor_id: VisitorId,
        /// Who is left out.
        #[serde(default)]
        exclude_agent_id: Option<AgentId>,
    }
);
step!(
    /// The fields of a step `status`
    StatusStep {
        /// Who.
        agent_id: AgentId,
        /// What.
        status: AgentStatus,
    }
);
step!(
    /// The fields of a step `release`
    ReleaseStep {
        /// Whose slots.
        visitor_id: VisitorId,
    }
);
step!(
    /// The fields of a step `membership`
    MembershipStep {
        /// Whose.
        agent_id: AgentId,
        /// The new ones.
        memberships: Vec<Membership>,
    }
);
step!(
    /// The fields of a step `remove`
    RemoveStep {
        /// Whom.
        agent_id: AgentId,
        /// Out of which pool.
        pool_id: PoolId,
    }
);
step!(
    /// The fields of a step `reassign`
    ReassignStep {
        /// Who leaves.
        agent_id: AgentId,
    }
);

/// What a step answers
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To `route`.
    Routed(Routed),
    /// To `reassign`.
    Reassigned(Reassignment),
    /// To a step that was refused, and has changed nothing.
    Refused {
        /// The field and what is wrong with it.
        error: String,
    },
    /// To any other.
    Done {},
}

/// A decision with who was refused
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Routed {
    /// Who takes the visitor and why.
    #[serde(flatten)]
    pub decision: Decision,
    /// Everyone who was asked and refused.
    pub refused: Vec<Refusal>,
}

#[derive(Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
struct ScriptDocument {
    #[serde(default)]
    revision: u64,
    pools: Vec<PoolConfig>,
    agents: Vec<AgentConfig>,
    #[serde(default)]
    pages: Vec<OrganisationPages>,
    steps: Vec<Value>,
}

only_objects!(ScriptDocument, "a configuration with steps");

impl Script {
    /// Reads JSON text; errors name the field.
    pub fn from_json(json: &str) -> Result<Script, RoutingError> {
        let document: ScriptDocument = super::error::read_json(json, "input")?;
        let ScriptDocument { revision, pools, agents, pages, steps } = document;
        let config = RoutingConfig { revision, pools, agents, pages };
        config.check()?;
        Ok(Script { config, steps })
    }

    /// Runs every step and answers each, in their order.
    pub fn run(&self) -> Vec<Answer> {
        let mut router = match Router::new(&self.config) {
            Ok(router) => router,
            // Checked when it was read.
            Err(error) => return vec![Answer::Refused { error: error.to_string() }],
        };
        let answer = |step: &Value| {
            let step = Step::from_value(step)?;
            step.run(&mut router)
        };
        let answers = self.steps.iter().map(answer);
        answers
            .map(|answer| answer.unwrap_or_else(|error| Answer::Refused { error: error.to_string() }))
            .collect()
    }
}

impl Step {
    /// Reads one step; errors name the field.
    pub fn from_value(value: &Value) -> Result<Step, RoutingError> {
        let refused = |field: &str, message: String| Err(RoutingError::new(field, message));
        let Value::Object(fields) = value else { return refused("step", "is not an object".to_owned()) };
        let mut fields = fields.clone();
        let named = fields.remove("do");
        let Some(name) = named.as_ref().and_then(Value::as_str) else {
            return refused("do", "is missing, or not the name of a step".to_owned());
        };
        match name {
            "route" => read(fields).map(Step::Route),
            "status" => read(fields).map(Step::Status),
            "release" => read(fields).map(Step::Release),
            "membership" => read(fields).map(Step::Membership),
            "remove" => read(fields).map(Step::Remove),
            "reassign" => read(fields).map(Step::Reassign),
            other => {
                let other: String = other.chars().take(40).collect();
                refused("do", format!("there is no step `{other}`"))
            }
        }
    }

    /// Does it; an error has changed nothing.
    pub fn run(&self, router: &mut Router) -> Result<Answer, RoutingError> {
        match self {
            Step::Route(RouteStep { pool_id, visitor_id, exclude_agent_id }) => {
                let DecisionTrace { decision, refused, .. } =
                    router.route_explained(pool_id, visitor_id, exclude_agent_id.as_ref())?;
                return Ok(Answer::Routed(Routed { decision, refused }));
            }
            Step::Reassign(ReassignStep { agent_id }) => {
                return Ok(Answer::Reassigned(router.reassign(agent_id)?));
            }
            Step::Status(StatusStep { agent_id, status }) => router.set_status(agent_id, *status)?,
            Step::Membership(MembershipStep { agent_id, memberships }) => {
                router.set_memberships(agent_id, memberships)?;
            }
            Step::Remove(RemoveStep { agent_id, pool_id }) => {
                router.remove_from_pool(agent_id, pool_id)?;
            }
            Step::Release(ReleaseStep { visitor_id }) => {
                router.release(visitor_id);
            }
        }
        Ok(Answer::Done {})
    }
}

fn read<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, RoutingError> {
    super::error::read_json(&Value::Object(fields).to_string(), "step")
}
