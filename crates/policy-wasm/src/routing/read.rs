//! What hosts hand over to the third module.

use js_sys::{Array, Reflect};
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

impl Question {
    pub(super) fn read(value: &JsValue) -> Result<Question> {
        let [pool_id, visitor_id, exclude] = fields(value, ["pool_id", "visitor_id", "exclude_agent_id"])?;
        let is_given = !exclude.is_null() && !exclude.is_undefined();
        Ok(Question {
            pool_id: id(&pool_id, "pool_id", PoolId::new)?,
            visitor_id: id(&visitor_id, "visitor_id", VisitorId::new)?,
            exclude: is_given.then(|| id(&exclude, "exclude_agent_id", AgentId::new)).transpose()?,
        })
    }

    /// The same with the agent who is to take the visitor.
    pub(super) fn read_assignment(value: &JsValue) -> Result<(Question, AgentId)> {
        let [pool_id, visitor_id, agent_id] = fields(value, ["pool_id", "visitor_id", "agent_id"])?;
        let question = Question {
            pool_id: id(&pool_id, "pool_id", PoolId::new)?,
            visitor_id: id(&visitor_id, "visitor_id", VisitorId::new)?,
            exclude: None,
        };
        Ok((question, id(&agent_id, "agent_id", AgentId::new)?))
    }
}

/// Reads the fields of an object one by one: by way of JSON text a decision would take longer to ask for than to make.
fn fields<const N: usize>(value: &JsValue, names: [&str; N]) -> Result<[JsValue; N]> {
    let thrown = |error: JsValue| DragonflyError::thrown("question", &error);
    if !value.is_object() || value.is_instance_of::<Array>() {
        return Err(DragonflyError::new("question", "is not an object".to_owned()));
    }
    let mut read = [const { JsValue::UNDEFINED }; N];
    for key in own_keys(value).map_err(thrown)?.iter() {
        let name = key.as_string().unwrap_or_default();
        let as_json = snake(&name);
        let place = names.iter().position(|known| *known == as_json);
        let place = place.and_then(|place| read.get_mut(place)).ok_or_else(|| {
            let name: String = name.chars().take(40).collect();
            DragonflyError::new("question", format!("unknown field `{name}`"))
        })?;
        *place = Reflect::get(value, &key).map_err(thrown)?;
    }
    Ok(read)
}

fn own_keys(value: &JsValue) -> std::result::Result<Array, JsValue> {
    #[wasm_bindgen]
    extern "C" {
        /// Which a proxy may refuse to tell
        #[wasm_bindgen(js_namespace = Object, js_name = keys, catch)]
        fn keys(object: &JsValue) -> std::result::Result<Array, JsValue>;
    }
    keys(value)
}
