//! Ids of pools, agents, visitors, organisations and rules: text that the host has chosen.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Longer ids are refused.
const LENGTH_MAX: usize = 200;

macro_rules! id {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        ///
        /// 1 to 200 bytes of any text, compared byte by byte. Cloning it copies no text.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Takes 1 to 200 bytes of text; `None` for anything else.
            pub fn new(text: &str) -> Option<$type> {
                (1..=LENGTH_MAX).contains(&text.len()).then(|| $type(Arc::from(text)))
            }

            /// The id as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!("the id of ", $what, " as text"))
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        $type::new(text).ok_or_else(|| {
                            E::custom(if text.is_empty() { "is empty" } else { "is longer than 200 bytes" })
                        })
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    };
}

id!(
    /// An organisation: nothing is routed from one to another
    OrgId,
    "an organisation"
);
id!(
    /// A pool: agents that serve one demand
    PoolId,
    "a pool"
);
id!(
    /// An agent
    AgentId,
    "an agent"
);
id!(
    /// A visitor, that is a lead
    VisitorId,
    "a visitor"
);
id!(
    /// A page rule
    RuleId,
    "a rule"
);
