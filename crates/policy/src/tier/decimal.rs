//! Exact decimals at the edge: text in, hundredths out; nothing passes through a float on the way.

use std::fmt;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

/// Why a number cannot be a score or an amount of money
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecimalError {
    /// Not digits with at most one point between them.
    #[error("`{0}` is not a decimal number")]
    NotADecimal(String),
    /// Finer than the hundredths in which scores and money are counted.
    #[error("`{0}` has more than two decimals")]
    TooFine(String),
    /// Beyond the smallest or the largest value.
    #[error("`{value}` is outside {min} to {max}")]
    OutOfRange {
        /// The value as given, cut short when long.
        value: String,
        /// The smallest value.
        min: &'static str,
        /// The largest value.
        max: &'static str,
    },
    /// Below zero, where there is no upper bound worth naming.
    #[error("`{0}` is negative")]
    Negative(String),
    /// More digits than any score or amount has.
    #[error("`{0}` has too many digits")]
    TooLong(String),
}

/// User input as messages quote it: never longer than 40 characters
pub(crate) fn quoted(text: &str) -> String {
    clipped(text, 40)
}

/// Text of at most `length_max` characters, with an ellipsis where it was longer
pub(crate) fn clipped(text: &str, length_max: usize) -> String {
    match text.char_indices().nth(length_max) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Whether `text` is written as a decimal: an optional minus sign, digits, and perhaps a point and digits
pub(crate) fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    match unsigned.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(unsigned),
    }
}

pub(crate) fn parse(text: &str) -> Result<Decimal, DecimalError> {
    if !is_decimal(text) {
        return Err(DecimalError::NotADecimal(quoted(text)));
    }
    Decimal::from_str_exact(text).map_err(|_| DecimalError::TooLong(quoted(text)))
}

/// Counts `value` in hundredths; refuses what is finer or does not fit
pub(crate) fn hundredths(value: Decimal) -> Result<i64, DecimalError> {
    let value = value.normalize();
    let scale = 2_u32.checked_sub(value.scale()).ok_or_else(|| DecimalError::TooFine(value.to_string()))?;
    i64::try_from(value.mantissa())
        .ok()
        .and_then(|mantissa| mantissa.checked_mul(10_i64.pow(scale)))
        .ok_or_else(|| DecimalError::TooLong(quoted(&value.to_string())))
}

/// Text of a decimal as its author wrote it
///
/// Reads a string or a number. From JSON text a number arrives as its own digits, never through a float;
/// from a JavaScript or TOML number as the shortest digits that mean it.
pub(crate) struct DecimalText(pub(crate) String);

/// The name by which `serde_json`, with its feature `raw_value`, is asked for a value's own text. Formats that
/// do not know it hand over the value itself.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

impl<'de> Deserialize<'de> for DecimalText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<DecimalText, D::Error> {
        deserializer.deserialize_newtype_struct(RAW_VALUE, DecimalTextVisitor)
    }
}

struct DecimalTextVisitor;

impl<'de> Visitor<'de> for DecimalTextVisitor {
    type Value = DecimalText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal string or a number")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<DecimalText, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<DecimalText, E> {
        Ok(DecimalText(text.to_owned()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<DecimalText, E> {
        Ok(DecimalText(number.to_string()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<DecimalText, E> {
        Ok(DecimalText(number.to_string()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<DecimalText, E> {
        // As `serde_json` writes it: the standard library's way would be a second one for browsers to download.
        let text = serde_json::Number::from_f64(number).map(|number| number.to_string());
        Ok(DecimalText(text.map_or_else(|| "NaN".to_owned(), without_exponent)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<DecimalText, A::Error> {
        let raw = match map.next_entry::<String, String>()? {
            Some((key, raw)) if key == RAW_VALUE => raw,
            _ => return Err(de::Error::invalid_type(de::Unexpected::Map, &self)),
        };
        match raw.bytes().next() {
            Some(b'"') => serde_json::from_str(&raw).map(DecimalText).map_err(de::Error::custom),
            Some(b'-' | b'0'..=b'9') => Ok(DecimalText(without_exponent(raw))),
            Some(b'{') => Err(de::Error::invalid_type(de::Unexpected::Map, &self)),
            Some(b'[') => Err(de::Error::invalid_type(de::Unexpected::Seq, &self)),
            Some(b'n') => Err(de::Error::invalid_type(de::Unexpected::Unit, &self)),
            _ => Err(de::Error::invalid_type(de::Unexpected::Bool(raw == "true"), &self)),
        }
    }
}

/// Writes out a JSON number such as `5e4`; one too long to be exact stays as it is and is refused later
fn without_exponent(number: String) -> String {
    if number.len() <= 24 && number.contains(['e', 'E']) {
        Decimal::from_scientific(&number).map_or(number, |decimal| decimal.to_string())
    } else {
        number
    }
}

/// Reads an optional decimal as its text
pub(crate) fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<DecimalText>::deserialize(deserializer)?.map(|text| text.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expect: &str) {
        let read = serde_json::from_str::<DecimalText>(json).map(|text| text.0);
        assert_eq!(read.unwrap_or_else(|error| format!("error: {error}")), expect);
    }

    #[test]
    fn json_numbers_keep_their_own_digits() {
        check("80.00000000000000001", "80.00000000000000001");
        check("49999.99", "49999.99");
        check("\"49999.99\"", "49999.99");
        check("5e4", "50000");
        check("-0.0", "-0.0");
        check("\"score\\u005f3\"", "score_3");
        check("true", "error: invalid type: boolean `true`, expected a decimal string or a number");
        check("[1]", "error: invalid type: sequence, expected a decimal string or a number");
        check("{}", "error: invalid type: map, expected a decimal string or a number");
    }

    #[test]
    fn floats_are_read_by_the_shortest_digits_that_mean_them() {
        for (number, expect) in [
            (79.6, "79.6"),
            (80.0, "80.0"),
            (0.07, "0.07"),
            (1e-7, "0.0000001"),
            (5e20, "500000000000000000000"),
        ] {
            let read = DecimalTextVisitor.visit_f64::<de::value::Error>(number);
            assert_eq!(read.unwrap().0, expect);
        }
        let none = DecimalTextVisitor.visit_f64::<de::value::Error>(f64::INFINITY).unwrap();
        assert!(parse(&none.0).is_err());
    }

    #[test]
    fn only_plain_digits_are_decimals() {
        for text in ["0", "80", "-1", "79.995", "007.50"] {
            assert!(is_decimal(text), "{text}");
        }
        for text in [
            "", "-", ".5", "5.", "1e2", "1_000", "1,000", "+1", " 1", "NaN", "inf", "0x10", "٣", "1.2.3",
            "--1",
        ] {
            assert!(!is_decimal(text), "{text}");
        }
    }

    #[test]
    fn more_digits_than_a_decimal_holds_are_refused_not_rounded() {
        let long = "80.00000000000000000000000000000000000001";
        assert_eq!(parse(long), Err(DecimalError::TooLong(quoted(long))));
        assert!(parse(&"9".repeat(100_000)).is_err());
    }
}
