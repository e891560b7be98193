//! What hosts hand over to the third module.

use js_sys::Array;
use policy::routing::{AgentId, PoolId, VisitorId};
use serde::de::DeserializeOwned;
use serde_json::Value;
use wasm_bindgen::prelude::*;

use crate::{DragonflyError, Result, json_text_of};

/// The longest JSON text that is taken over; the policy crate reads none that is longer.
const JSON_LENGTH_MAX: u32 = 64 << 20;

/// The JSON text of a value, with the names of its fields as JSON has them.
pub(super) fn text_of(value: &JsValue, field: &str) -> Result<String> {
    let text = json_text_of(value, field, JSON_LENGTH_MAX)?;
    let mut value: Value =
        serde_json::from_str(&text).map_err(|error| DragonflyError::new(field, error.to_string()))?;
    name_as_json(&mut value);
    Ok(value.to_string())
}

/// Reads a document; errors name the field below `root`.
pub(super) fn document<T: DeserializeOwned>(value: &JsValue, root: &str) -> Result<T> {
    Ok(policy::routing::read_json(&text_of(value, root)?, root)?)
}

/// `poolId` becomes `pool_id`, at every depth; no field of ours has a capital letter, and ids are values.
fn name_as_json(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(name_as_json),
        Value::Object(fields) => {
            if fields.keys().any(|name| name.contains(|c: char| c.is_ascii_uppercase())) {
                *fields =
                    std::mem::take(fields).into_iter().map(|(name, value)| (snake(&name), value)).collect();
            }
            fields.values_mut().for_each(name_as_json);
        }
        _ => {}
    }
}

fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 2);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// Reads an id.
pub(super) fn id<T>(value: &JsValue, field: &str, new: fn(&str) -> Option<T>) -> Result<T> {
    let text = value.as_string().ok_or_else(|| DragonflyError::new(field, "is not a text".to_owned()))?;
    new(&text).ok_or_else(|| DragonflyError::new(field, "is empty or longer than 200 bytes".to_owned()))
}

/// Who asks for an agent of which pool
pub(super) struct Question {
    pub(super) pool_id: PoolId,
    pub(super) visitor_id: VisitorId,
    pub(super) exclude: Option<AgentId>,
}

#[wasm_bindgen]
extern "C" {
    /// A question as an object: its fields one by one, since by way of JSON text a decision would take longer to ask for than to
    /// make. Any of them may throw.
    #[wasm_bindgen(js_name = Object)]
    type Asked;

    #[wasm_bindgen(method, getter, structural, catch, js_name = poolId)]
    fn pool(this: &Asked) -> Thrown<JsValue>;
    #[wasm_bindgen(method, getter, structural, catch, js_name = pool_id)]
    fn pool_as_json(this: &Asked) -> Thrown<JsValue>;
    #[wasm_bindgen(method, getter, structural, catch, js_name = visitorId)]
    fn visitor(this: &Asked) -> Thrown<JsValue>;
    #[wasm_bindgen(method, getter, structural, catch, js_name = visitor_id)]
    fn visitor_as_json(this: &Asked) -> Thrown<JsValue>;
    #[wasm_bindgen(method, getter, structural, catch, js_name = excludeAgentId)]
    fn exclude(this: &Asked) -> Thrown<JsValue>;
    #[wasm_bindgen(method, getter, structural, catch, js_name = exclude_agent_id)]
    fn exclude_as_json(this: &Asked) -> Thrown<JsValue>;
    #[wasm_bindgen(method, getter, structural, catch, js_name = agentId)]
    fn agent(this: &Asked) -> Thrown<JsValue>;
    #[wasm_bindgen(method, getter, structural, catch, js_name = agent_id)]
    fn agent_as_json(this: &Asked) -> Thrown<JsValue>;

    #[wasm_bindgen(js_namespace = Object, js_name = keys, catch)]
    fn keys(object: &JsValue) -> Thrown<Array>;
}

type Thrown<T> = std::result::Result<T, JsValue>;
type Getter = fn(&Asked) -> Thrown<JsValue>;

const POOL: (&str, Getter, Getter) = ("pool_id", Asked::pool, Asked::pool_as_json);
const VISITOR: (&str, Getter, Getter) = ("visitor_id", Asked::visitor, Asked::visitor_as_json);
const EXCLUDE: (&str, Getter, Getter) = ("exclude_agent_id", Asked::exclude, Asked::exclude_as_json);
const AGENT: (&str, Getter, Getter) = ("agent_id", Asked::agent, Asked::agent_as_json);

impl Question {
    pub(super) fn read(value: &JsValue) -> Result<Question> {
        let [pool_id, visitor_id, exclude] = fields(value, [POOL, VISITOR, EXCLUDE])?;
        let is_given = !exclude.is_null() && !exclude.is_undefined();
        Ok(Question {
            pool_id: id(&pool_id, "pool_id", PoolId::new)?,
            visitor_id: id(&visitor_id, "visitor_id", VisitorId::new)?,
            exclude: is_given.then(|| id(&exclude, "exclude_agent_id", AgentId::new)).transpose()?,
        })
    }

    /// The same with the agent who is to take the visitor.
    pub(super) fn read_assignment(value: &JsValue) -> Result<(Question, AgentId)> {
        let [pool_id, visitor_id, agent_id] = fields(value, [POOL, VISITOR, AGENT])?;
        let question = Question {
            pool_id: id(&pool_id, "pool_id", PoolId::new)?,
            visitor_id: id(&visitor_id, "visitor_id", VisitorId::new)?,
            exclude: None,
        };
        Ok((question, id(&agent_id, "agent_id", AgentId::new)?))
    }
}

fn fields<const N: usize>(value: &JsValue, known: [(&str, Getter, Getter); N]) -> Result<[JsValue; N]> {
    let thrown = |error: JsValue| DragonflyError::thrown("question", &error);
    if !value.is_object() || value.is_instance_of::<Array>() {
        return Err(DragonflyError::new("question", "is not an object".to_owned()));
    }
    let asked: &Asked = value.unchecked_ref();
    let mut read = [const { JsValue::UNDEFINED }; N];
    let mut count = 0;
    for (field, (_, getter, as_json)) in read.iter_mut().zip(known) {
        *field = getter(asked).map_err(thrown)?;
        if field.is_undefined() {
            *field = as_json(asked).map_err(thrown)?;
        }
        count += u32::from(!field.is_undefined());
    }
    // Names cross the boundary only where there are others, or some twice or without a value.
    let keys = keys(value).map_err(thrown)?;
    if keys.length() != count {
        for key in keys.iter().filter_map(|key| key.as_string()) {
            if known.iter().all(|(name, ..)| *name != snake(&key)) {
                let key: String = key.chars().take(40).collect();
                return Err(DragonflyError::new("question", format!("unknown field `{key}`")));
            }
        }
    }
    Ok(read)
}
