//! The policy crate for JavaScript hosts: types cross the boundary here, nothing is decided.
//!
//! Documents and facts come in as JSON text, so that a host's object is read exactly as the same object over
//! HTTP or from a file: unknown fields, lists in the place of objects and odd numbers meet the same errors.
//! Whatever comes in, the answer is a value or a thrown `DragonflyError`, never a trap.

#[cfg(feature = "tiers")]
mod columns;
mod error;
#[cfg(feature = "routing")]
pub mod routing;
#[cfg(feature = "studies")]
pub mod studies;
#[cfg(feature = "tiers")]
pub mod tiers;
mod types;

use serde::Serialize;
use wasm_bindgen::prelude::*;

use error::DragonflyError;
#[cfg(feature = "studies")]
use tiers::{Portfolio, read_policy};

type Result<T> = std::result::Result<T, DragonflyError>;

/// The longest JSON text of policies and facts that is taken over; the policy crate reads none that is longer.
#[cfg(feature = "tiers")]
const JSON_LENGTH_MAX: u32 = 1 << 20;

#[cfg(feature = "tiers")]
fn json_text(value: &JsValue, field: &str) -> Result<String> {
    json_text_of(value, field, JSON_LENGTH_MAX)
}

fn json_text_of(value: &JsValue, field: &str, length_max: u32) -> Result<String> {
    let host_numbers_as_text =
        Closure::<dyn Fn(JsValue, JsValue) -> JsValue>::new(|_, value| number_text(value));
    let text = js_sys::JSON::stringify_with_replacer(value, host_numbers_as_text.as_ref())
        .map_err(|error| DragonflyError::thrown(field, &error))?;
    // `undefined` and functions have no JSON text at all.
    let Some(text) = text.dyn_ref::<js_sys::JsString>() else { return Ok("null".to_owned()) };
    if text.length() > length_max {
        return Err(DragonflyError::new(field, format!("is longer than {length_max} bytes")));
    }
    Ok(text.into())
}

/// Numbers that JSON does not have, as their text
///
/// JSON would pass NaN and infinities on as null: a score that is missing instead of wrong.
fn number_text(value: JsValue) -> JsValue {
    match value.as_f64() {
        Some(number) if number.is_nan() => "NaN".into(),
        Some(f64::INFINITY) => "Infinity".into(),
        Some(f64::NEG_INFINITY) => "-Infinity".into(),
        None if value.is_bigint() => {
            value.unchecked_ref::<js_sys::BigInt>().to_string(10).map_or(JsValue::NULL, JsValue::from)
        }
        _ => value,
    }
}

fn to_js(value: &impl Serialize) -> Result<JsValue> {
    value
        .serialize(&serde_wasm_bindgen::Serializer::json_compatible())
        .map_err(|error| DragonflyError::new("", error.to_string()))
}
