//! The JSON form of a tier policy, as it is stored, sent and edited: parsed, not yet judged.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::decimal::{self, DecimalText};
use super::{AssetSignal, PolicyError, SmallNumber, Tier};

/// JSON text longer than this is not read at all: the largest policy that is allowed is smaller.
const BYTES_MAX: usize = 1 << 20;

/// Messages quote input, which may be long.
const MESSAGE_LENGTH_MAX: usize = 300;

/// Paths name keys, which may be long too.
const PATH_LENGTH_MAX: usize = 200;

/// The JSON form of a [`TierPolicy`](super::TierPolicy): one for database, API, command line and WASM
///
/// Reading it refuses unknown fields and wrong types; converting it to a `TierPolicy` refuses the rest. It
/// has public fields so that an editor can hold a policy that is not valid yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct TierPolicyDocument {
    /// Decimals that rules refer to by name, as strings (`"50000"`).
    #[serde(default, deserialize_with = "limits")]
    pub limits: BTreeMap<String, String>,
    /// The signals that count as assets.
    #[serde(default = "all_asset_signals")]
    pub asset_signals: Vec<AssetSignal>,
    /// Tried in this order; the first that holds decides.
    pub rules: Vec<TierRuleDocument>,
    /// The tier of what no rule matches.
    pub fallback: Tier,
}

/// One rule: it holds when any of its arms does
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct TierRuleDocument {
    /// 1 to 64 of `A-Z a-z 0-9 _ . -`, unique in the policy.
    pub id: String,
    /// The tier that it gives.
    pub tier: Tier,
    /// The alternatives, at least one.
    pub any: Vec<TierArmDocument>,
}

/// One alternative of a rule: it holds when all of its conditions do, of which there is at least one
///
/// A bound is the name of a limit or a decimal. `_from` is inclusive, `_below` exclusive.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub struct TierArmDocument {
    /// Score at or above.
    #[serde(deserialize_with = "decimal::optional_text", skip_serializing_if = "Option::is_none")]
    pub score_from: Option<String>,
    /// Score below.
    #[serde(deserialize_with = "decimal::optional_text", skip_serializing_if = "Option::is_none")]
    pub score_below: Option<String>,
    /// Balance at or above.
    #[serde(deserialize_with = "decimal::optional_text", skip_serializing_if = "Option::is_none")]
    pub balance_from: Option<String>,
    /// Balance below.
    #[serde(deserialize_with = "decimal::optional_text", skip_serializing_if = "Option::is_none")]
    pub balance_below: Option<String>,
    /// Asset signals at least, 1 to 4.
    #[serde(deserialize_with = "signals_min", skip_serializing_if = "Option::is_none")]
    pub signals_min: Option<u8>,
}

/// Implements the serde traits over what `#[serde(remote = "Self")]` derives, so that a JSON array is refused
/// where a plain derive would read it as the fields in order.
macro_rules! only_objects {
    ($type:ident, $expecting:literal) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                struct Object;
                impl<'de> serde::de::Visitor<'de> for Object {
                    type Value = $type;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<$type, A::Error> {
                        <$type>::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    }
                }
                deserializer.deserialize_map(Object)
            }
        }
    };
    ($type:ident, $expecting:literal, and Serialize) => {
        only_objects!($type, $expecting);

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$type>::serialize(self, serializer)
            }
        }
    };
}
pub(crate) use only_objects;

only_objects!(TierPolicyDocument, "a policy", and Serialize);
only_objects!(TierRuleDocument, "a rule", and Serialize);
only_objects!(TierArmDocument, "an arm", and Serialize);

impl TierPolicyDocument {
    /// Reads JSON text; errors name the field, numbers keep every digit.
    pub fn from_json(json: &str) -> Result<TierPolicyDocument, PolicyError> {
        read_json(json, "policy").map_err(|(field, message)| PolicyError { field, message })
    }

    /// One line of JSON with its fields in a fixed order; equal documents give equal text.
    pub fn to_json(&self) -> String {
        // Strings, small numbers and maps with text keys: nothing that JSON could refuse.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Reads a whole JSON text; an error is the path of the field, `root` for the whole, and a message
pub(super) fn read_json<T: DeserializeOwned>(json: &str, root: &str) -> Result<T, (String, String)> {
    read_json_of(json, root, BYTES_MAX)
}

/// The same for text of at most `bytes_max` bytes
pub(crate) fn read_json_of<T: DeserializeOwned>(
    json: &str,
    root: &str,
    bytes_max: usize,
) -> Result<T, (String, String)> {
    if json.len() > bytes_max {
        return Err((root.to_owned(), format!("is longer than {bytes_max} bytes")));
    }
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        // An empty key has an empty path.
        if path != "." && !path.is_empty() && error.is_data() {
            (decimal::clipped(&path, PATH_LENGTH_MAX), message_of(&error))
        } else {
            (root.to_owned(), message_of(&error))
        }
    })?;
    deserializer.end().map_err(|error| (root.to_owned(), message_of(&error)))?;
    Ok(value)
}

/// Names line and column only where the text is no JSON; elsewhere the path says it better
fn message_of(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rsplit_once(" at line ") {
        Some((message, _)) if error.is_data() => decimal::clipped(message, MESSAGE_LENGTH_MAX),
        _ => message,
    }
}

fn all_asset_signals() -> Vec<AssetSignal> {
    AssetSignal::ALL.to_vec()
}

fn signals_min<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    struct SignalsMin(u8);
    impl<'de> Deserialize<'de> for SignalsMin {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SignalsMin, D::Error> {
            let number = SmallNumber { min: 1, max: 4, name: "a number of asset signals" };
            deserializer.deserialize_any(number).map(SignalsMin)
        }
    }
    Ok(Option::<SignalsMin>::deserialize(deserializer)?.map(|signals| signals.0))
}

fn limits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    struct Limits;
    impl<'de> Visitor<'de> for Limits {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of named limits")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut limits = BTreeMap::new();
            while let Some((name, DecimalText(value))) = map.next_entry::<String, DecimalText>()? {
                if limits.contains_key(&name) {
                    return Err(A::Error::custom(format_args!(
                        "duplicate limit `{}`",
                        decimal::quoted(&name)
                    )));
                }
                limits.insert(name, value);
            }
            Ok(limits)
        }
    }
    deserializer.deserialize_map(Limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, field: &str, message: &str) {
        let error = TierPolicyDocument::from_json(json).unwrap_err();
        assert_eq!((error.field.as_str(), error.message.as_str()), (field, message));
    }

    #[test]
    fn errors_name_the_place() {
        check("", "policy", "EOF while parsing a value at line 1 column 0");
        check("[]", "policy", "invalid type: sequence, expected a policy");
        check(
            r#"{"rules": [], "fallback": 4}"#,
            "fallback",
            "invalid value: integer `4`, expected a tier from 0 to 3",
        );
        check(
            r#"{"rules": [{"id": "a", "tier": 1, "any": [{"score": 5}]}], "fallback": 0}"#,
            "rules[0].any[0].score",
            "unknown field `score`, expected one of `score_from`, `score_below`, `balance_from`, `balance_below`, `signals_min`",
        );
        check(
            r#"{"rules": [{"id": "a", "tier": 1, "any": [{"signals_min": 5}]}], "fallback": 0}"#,
            "rules[0].any[0].signals_min",
            "invalid value: integer `5`, expected a number of asset signals from 1 to 4",
        );
        check(
            r#"{"rules": [{"id": "a", "tier": 1, "any": [[]]}], "fallback": 0}"#,
            "rules[0].any[0]",
            "invalid type: sequence, expected an arm",
        );
        check(r#"{"rules": [{"tier": 1, "any": []}], "fallback": 0}"#, "rules[0]", "missing field `id`");
        check(
            r#"{"limits": {"a": "1", "a": "2"}, "rules": [], "fallback": 0}"#,
            "limits",
            "duplicate limit `a`",
        );
        check(
            r#"{"limits": {"a": null}, "rules": [], "fallback": 0}"#,
            "limits.a",
            "invalid type: null, expected a decimal string or a number",
        );
        check(
            r#"{"asset_signals": ["boat"], "rules": [], "fallback": 0}"#,
            "asset_signals[0]",
            "unknown variant `boat`, expected one of `employer_name`, `bank_name`, `real_property_lead`, `vehicle_lead`",
        );
        check(&" ".repeat(BYTES_MAX + 1), "policy", "is longer than 1048576 bytes");
    }
}
