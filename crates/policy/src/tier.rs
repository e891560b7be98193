//! Enforcement tiers: facts of a judgment, the policy that tiers it, the outcome with its reason.

pub(crate) mod decimal;
mod document;
mod facts;
mod grid;
mod outcomes;
mod policy;
mod reason;
mod sql;

use std::fmt;

use serde::de::{self, Deserializer, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};

pub use decimal::DecimalError;
pub use document::{TierArmDocument, TierPolicyDocument, TierRuleDocument};
pub(crate) use document::{only_objects, read_json_of};
pub use facts::{AssetSignal, AssetSignals, Cents, FactsError, JudgmentFacts, JudgmentFactsDocument, Score};
pub(crate) use grid::{Differing, JointGrid, balance_shelf, balance_shelves};
pub use grid::{FactAxis, MapCell, TierGrid};
pub use outcomes::{OutcomeGrid, TierOutcomeRef, TierOutcomes};
pub(crate) use policy::{Arm, Span, hex};
pub use policy::{DecidedBy, PolicyDigest, PolicyError, TierOutcome, TierPolicy};
pub use sql::{PostgresTierCase, SqlDialect, TierSql};

/// How hard a judgment is worked, from 0 (Monitor) to 3 (Strategic/Priority)
///
/// In JSON it is its number; in `enforcement_cases.tier` it is the text `tier0` to `tier3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Tier {
    /// Watched, not worked.
    Monitor = 0,
    /// Worth a first contact.
    WarmProspects = 1,
    /// In enforcement.
    ActiveEnforcement = 2,
    /// First in line.
    StrategicPriority = 3,
}

/// A number or text that names no tier
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a tier")]
pub struct TierError(String);

impl Tier {
    /// Every tier, lowest first.
    pub const ALL: [Tier; 4] =
        [Tier::Monitor, Tier::WarmProspects, Tier::ActiveEnforcement, Tier::StrategicPriority];

    /// 0 to 3.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The name that people see.
    pub const fn label(self) -> &'static str {
        match self {
            Tier::Monitor => "Monitor",
            Tier::WarmProspects => "Warm Prospects",
            Tier::ActiveEnforcement => "Active Enforcement",
            Tier::StrategicPriority => "Strategic/Priority",
        }
    }

    /// The text that cases store: `tier0` to `tier3`.
    pub const fn case_text(self) -> &'static str {
        match self {
            Tier::Monitor => "tier0",
            Tier::WarmProspects => "tier1",
            Tier::ActiveEnforcement => "tier2",
            Tier::StrategicPriority => "tier3",
        }
    }

    /// Reads what [`case_text`](Self::case_text) writes.
    pub fn from_case_text(text: &str) -> Result<Tier, TierError> {
        Tier::ALL
            .into_iter()
            .find(|tier| tier.case_text() == text)
            .ok_or_else(|| TierError(decimal::quoted(text)))
    }

    /// Reads the two lowest bits: every number names a tier, and 0 to 3 their own.
    pub(crate) const fn from_low_bits(number: u8) -> Tier {
        match number & 3 {
            0 => Tier::Monitor,
            1 => Tier::WarmProspects,
            2 => Tier::ActiveEnforcement,
            _ => Tier::StrategicPriority,
        }
    }
}

impl TryFrom<u8> for Tier {
    type Error = TierError;

    fn try_from(number: u8) -> Result<Tier, TierError> {
        if number <= 3 { Ok(Tier::from_low_bits(number)) } else { Err(TierError(number.to_string())) }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl Serialize for Tier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.number())
    }
}

impl<'de> Deserialize<'de> for Tier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tier, D::Error> {
        deserializer.deserialize_any(SmallNumber { min: 0, max: 3, name: "a tier" }).map(Tier::from_low_bits)
    }
}

/// Reads a whole number between `min` and `max` from whichever number type the format has
pub(crate) struct SmallNumber {
    pub(crate) min: u8,
    pub(crate) max: u8,
    pub(crate) name: &'static str,
}

impl Visitor<'_> for SmallNumber {
    type Value = u8;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {} to {}", self.name, self.min, self.max)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<u8, E> {
        u8::try_from(number)
            .ok()
            .filter(|small| (self.min..=self.max).contains(small))
            .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<u8, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_is_its_number_in_json_and_its_text_in_cases() {
        for (number, tier) in Tier::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(tier.number()), number);
            assert_eq!(Tier::try_from(tier.number()), Ok(tier));
            assert_eq!(Tier::from_case_text(tier.case_text()), Ok(tier));
            assert_eq!(serde_json::to_string(&tier).unwrap(), number.to_string());
            assert_eq!(serde_json::from_str::<Tier>(&number.to_string()).unwrap(), tier);
        }
        assert!(Tier::StrategicPriority > Tier::Monitor);
    }

    #[test]
    fn what_names_no_tier_is_refused() {
        assert_eq!(Tier::try_from(4).unwrap_err().to_string(), "`4` is not a tier");
        assert_eq!(Tier::from_case_text("tier4").unwrap_err().to_string(), "`tier4` is not a tier");
        for json in ["4", "-1", "1.5", "\"1\"", "null", "300"] {
            assert!(serde_json::from_str::<Tier>(json).is_err(), "{json}");
        }
    }
}
