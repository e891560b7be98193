//! Columns as JavaScript has them: typed arrays, or plain arrays of numbers.

use js_sys::{Array, ArrayBuffer, DataView, Float64Array, Number, Reflect, Uint8Array};
use policy::portfolio::{NO_TIER, PortfolioColumns};
use wasm_bindgen::prelude::*;

use crate::{DragonflyError, Result};

/// More rows than this are refused: they would not fit the memory that a module has.
const ROWS_MAX: usize = 50_000_000;

/// More bytes than [`ROWS_MAX`] rows ever take.
const BYTES_MAX: u32 = 1 << 30;

#[wasm_bindgen]
extern "C" {
    /// `Float64Array` whose constructor may throw, as it does for big integers and detached buffers
    #[wasm_bindgen(js_name = Float64Array)]
    type Numbers;

    #[wasm_bindgen(constructor, js_class = "Float64Array", catch)]
    fn copied(view: &JsValue) -> std::result::Result<Numbers, JsValue>;

    /// `Uint8Array` whose constructor may throw, as it does for what is detached
    #[wasm_bindgen(js_name = Uint8Array)]
    type Bytes;

    #[wasm_bindgen(constructor, js_class = "Uint8Array", catch)]
    fn of(bytes: &JsValue) -> std::result::Result<Bytes, JsValue>;

    /// Elements one by one, of which a proxy may refuse any
    #[wasm_bindgen(js_namespace = Array, js_name = from, catch)]
    fn elements(array: &JsValue) -> std::result::Result<Array, JsValue>;
}

pub(crate) fn read(columns: &JsValue) -> Result<PortfolioColumns> {
    if !columns.is_object() {
        return Err(DragonflyError::new("portfolio", "is not an object of columns".to_owned()));
    }
    expect_columns(columns)?;
    let judgment_no = whole_numbers(columns, "judgmentNo", |number| Some(number as u64))?;
    let untiered = || vec![NO_TIER; judgment_no.len()];
    Ok(PortfolioColumns {
        score: whole_numbers(columns, "score", |number| u16::try_from(number).ok())?,
        balance_cents: whole_numbers(columns, "balanceCents", Some)?,
        bits: whole_numbers(columns, "bits", |number| u8::try_from(number).ok())?,
        stored_tier: optional(columns, "storedTier")?.unwrap_or_else(untiered),
        override_tier: optional(columns, "overrideTier")?.unwrap_or_else(untiered),
        judgment_no,
    })
}

/// The columns that there are; the last two may be absent.
const NAMES: [&str; 6] = ["judgmentNo", "score", "balanceCents", "bits", "storedTier", "overrideTier"];

/// Refuses a column of another name: misspelt, an optional one would pass for absent
fn expect_columns(columns: &JsValue) -> Result<()> {
    let keys = Reflect::own_keys(columns).map_err(|error| DragonflyError::thrown("portfolio", &error))?;
    let unknown = keys.iter().filter_map(|key| key.as_string()).find(|key| !NAMES.contains(&key.as_str()));
    match unknown {
        Some(name) => Err(DragonflyError::new(&name, "is not a column".to_owned())),
        None => Ok(()),
    }
}

pub(crate) fn read_bytes(bytes: &JsValue) -> Result<Vec<u8>> {
    let refused = |message: &str| DragonflyError::new("portfolio", message.to_owned());
    // What merely inherits from the prototype is no view.
    let is_view = bytes.is_instance_of::<Uint8Array>() && ArrayBuffer::is_view(bytes);
    if !is_view && !bytes.is_instance_of::<ArrayBuffer>() {
        return Err(refused("is not a Uint8Array"));
    }
    let bytes = Bytes::of(bytes).map_err(|error| DragonflyError::thrown("portfolio", &error))?;
    let bytes: Uint8Array = bytes.unchecked_into();
    if bytes.length() > BYTES_MAX {
        return Err(refused("is too large"));
    }
    Ok(bytes.to_vec())
}

fn optional(columns: &JsValue, column: &str) -> Result<Option<Vec<u8>>> {
    let value =
        Reflect::get(columns, &column.into()).map_err(|error| DragonflyError::thrown(column, &error))?;
    if value.is_null() || value.is_undefined() {
        return Ok(None);
    }
    whole_numbers(columns, column, |number| u8::try_from(number).ok()).map(Some)
}

/// Reads a column of whole numbers from 0 that `narrow` accepts
fn whole_numbers<T>(columns: &JsValue, column: &str, narrow: impl Fn(i64) -> Option<T>) -> Result<Vec<T>> {
    let value =
        Reflect::get(columns, &column.into()).map_err(|error| DragonflyError::thrown(column, &error))?;
    let read = |(row, number): (usize, f64)| {
        // Exact up to 2^53: the largest whole number that JavaScript counts to.
        let is_whole = number.fract() == 0.0 && (0.0..=9_007_199_254_740_991.0).contains(&number);
        is_whole.then_some(number as i64).and_then(&narrow).ok_or_else(|| {
            // In the host's own spelling: ours of a float would be much to download for an error.
            let number =
                Number::from(number).to_string_with_radix(10).map_or_else(|_| String::new(), String::from);
            DragonflyError::new(
                &format!("{column}[{row}]"),
                format!("`{number}` is not a whole number that fits the column"),
            )
        })
    };
    if value.is_instance_of::<Array>() {
        let length = Reflect::get(&value, &"length".into()).ok().and_then(|length| length.as_f64());
        check_length(column, length.unwrap_or(0.0) as usize)?;
        let array = elements(&value).map_err(|error| DragonflyError::thrown(column, &error))?;
        // Element by element, since a typed array would take `null`, `true` and `"5"` for numbers.
        array.iter().map(|element| element.as_f64().unwrap_or(f64::NAN)).enumerate().map(read).collect()
    } else if ArrayBuffer::is_view(&value) && !value.is_instance_of::<DataView>() {
        let length = Reflect::get(&value, &"length".into()).ok().and_then(|length| length.as_f64());
        check_length(column, length.unwrap_or(0.0) as usize)?;
        let numbers = Numbers::copied(&value).map_err(|error| DragonflyError::thrown(column, &error))?;
        numbers.unchecked_into::<Float64Array>().to_vec().into_iter().enumerate().map(read).collect()
    } else {
        Err(DragonflyError::new(column, "is not an array of numbers".to_owned()))
    }
}

fn check_length(column: &str, length: usize) -> Result<()> {
    if length > ROWS_MAX {
        return Err(DragonflyError::new(column, format!("has {length} rows, more than {ROWS_MAX}")));
    }
    Ok(())
}
