//! What is refused, at which field.

use serde::de::DeserializeOwned;

use crate::tier::read_json_of;

/// A configuration, a state or a call that is not valid
///
/// Nothing has changed where a method answers it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct RoutingError {
    /// The path of the field, such as `pools[0].members[2].priority_rank` or `exclude_agent_id`.
    pub field: String,
    /// What is wrong with it; lower-case, without a full stop.
    pub message: String,
}

impl RoutingError {
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> RoutingError {
        RoutingError { field: field.into(), message: message.into() }
    }

    pub(crate) fn unknown(field: impl Into<String>, what: &str, id: &str) -> RoutingError {
        RoutingError::new(field, format!("there is no {what} `{id}`"))
    }
}

/// JSON text longer than this is not read: a configuration of 100,000 agents takes a fifth of it.
const BYTES_MAX: usize = 64 << 20;

/// Reads JSON text; errors name the field, with `root` for the whole and before the places of a list
pub fn read_json<T: DeserializeOwned>(json: &str, root: &str) -> Result<T, RoutingError> {
    read_json_of(json, root, BYTES_MAX).map_err(|(field, message)| {
        let field = if field.starts_with('[') { format!("{root}{field}") } else { field };
        RoutingError { field, message }
    })
}
