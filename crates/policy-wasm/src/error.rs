//! Errors as JavaScript throws them.

#[cfg(feature = "tiers")]
use policy::portfolio::PortfolioError;
#[cfg(feature = "routing")]
use policy::routing::RoutingError;
#[cfg(feature = "studies")]
use policy::study::{SeekError, SweepError};
#[cfg(feature = "tiers")]
use policy::tier::{FactsError, PolicyError};
use wasm_bindgen::prelude::*;

/// An `Error` with the name `DragonflyError` and the path of the field that is wrong
pub struct DragonflyError {
    field: String,
    message: String,
}

impl DragonflyError {
    pub(crate) fn new(field: &str, message: String) -> DragonflyError {
        DragonflyError { field: field.to_owned(), message }
    }

    /// Wraps what the host threw while a value was read
    pub(crate) fn thrown(field: &str, thrown: &JsValue) -> DragonflyError {
        // What is thrown is the host's own affair: its message may be a number, or throw in turn.
        let message = thrown.dyn_ref::<js_sys::Error>().and_then(|error| {
            js_sys::Reflect::get(error, &"message".into()).ok().and_then(|message| message.as_string())
        });
        // The first line: engines draw the circle of a cyclic object below it.
        let message = message.as_deref().and_then(|message| message.lines().next()).unwrap_or_default();
        let message = if message.is_empty() { "cannot be read" } else { message };
        DragonflyError { field: field.to_owned(), message: message.to_owned() }
    }
}

#[cfg(feature = "tiers")]
impl From<PolicyError> for DragonflyError {
    fn from(PolicyError { field, message }: PolicyError) -> DragonflyError {
        DragonflyError { field, message }
    }
}

#[cfg(feature = "tiers")]
impl From<FactsError> for DragonflyError {
    fn from(FactsError { field, message }: FactsError) -> DragonflyError {
        DragonflyError { field, message }
    }
}

#[cfg(feature = "routing")]
impl From<RoutingError> for DragonflyError {
    fn from(RoutingError { field, message }: RoutingError) -> DragonflyError {
        DragonflyError { field, message }
    }
}

#[cfg(feature = "studies")]
impl From<SweepError> for DragonflyError {
    fn from(error: SweepError) -> DragonflyError {
        DragonflyError::new("limit", error.to_string())
    }
}

#[cfg(feature = "studies")]
impl From<SeekError> for DragonflyError {
    fn from(error: SeekError) -> DragonflyError {
        DragonflyError::new("turns", error.to_string())
    }
}

#[cfg(feature = "tiers")]
impl From<PortfolioError> for DragonflyError {
    fn from(error: PortfolioError) -> DragonflyError {
        match error {
            PortfolioError::Row { column, row, message } => {
                DragonflyError::new(&format!("{}[{row}]", host_name(column)), message.to_owned())
            }
            PortfolioError::UnequalLength { column, length, expected } => {
                DragonflyError::new(host_name(column), format!("has {length} rows instead of {expected}"))
            }
            error => DragonflyError::new("portfolio", error.to_string()),
        }
    }
}

/// The name that a column has in JavaScript
#[cfg(feature = "tiers")]
fn host_name(column: &str) -> &str {
    match column {
        "judgment_no" => "judgmentNo",
        "balance_cents" => "balanceCents",
        "stored_tier" => "storedTier",
        "override_tier" => "overrideTier",
        column => column,
    }
}

/// Messages and fields quote what a host hands over, which may be long.
const MESSAGE_LENGTH_MAX: usize = 400;

fn clipped(message: &str) -> String {
    match message.char_indices().nth(MESSAGE_LENGTH_MAX) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

impl From<DragonflyError> for JsValue {
    fn from(DragonflyError { field, message }: DragonflyError) -> JsValue {
        let error = js_sys::Error::new(&clipped(&message));
        error.set_name("DragonflyError");
        // An error object of our own making takes any property.
        let _ = js_sys::Reflect::set(&error, &"field".into(), &clipped(&field).into());
        error.into()
    }
}
