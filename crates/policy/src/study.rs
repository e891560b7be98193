//! Exact studies of a tier policy: why a judgment has its tier, what would change it, and what a limit or a
//! draft does to a whole portfolio.
//!
//! All of them rest on one fact: the bounds of a policy cut score × balance × number of signals into cells
//! with one tier each, so that whatever is asked of the policy is asked of finitely many cells. Nothing is
//! sampled, rounded or approximated; where a whole must be shared out, the rule for the odd cent is stated.

mod attribution;
mod explain;
mod fragile;
mod missing;
mod nearest;
mod seek;
mod sweep;
mod witness;
mod words;

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use attribution::{Attribution, Edit, EditShare, Movement, TierChange, attribute};
pub use explain::{ArmTrace, Bound, ConditionTrace, Explanation, RuleTrace, Verdict, explain};
pub use fragile::{FragileList, FragileRow, Margins, Nudge, fragile_judgments};
pub use missing::{
    LookUp, LookUpGroup, LookUps, PossibleTiers, Unknown, UnknownFact, possible_tiers, rank_look_ups,
};
pub use nearest::{FactsChange, NumberChange, SignalsChange, TierChanges, nearest_changes};
pub use seek::{Extreme, Goal, Measured, Objective, SeekError, Sought, SoughtLimit, TierRange, Turn, seek};
pub use sweep::{Sweep, SweepCliff, SweepError, SweepStep, sweep};
pub use witness::{WitnessCase, Witnessed, witness_cases};

use crate::portfolio::TierTotal;
use crate::tier::decimal;

/// What the arms of a policy test
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// How likely the debtor can pay, in points.
    CollectabilityScore,
    /// What is still owed.
    Balance,
    /// How many asset signals there are.
    AssetSignals,
}

/// Points of a score, money or a number of signals, or a difference of two such, exact to a hundredth
///
/// In JSON a decimal string without trailing zeros, as limits are written: `"79.6"`, `"50000"`, `"-0.01"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i64);

/// A sum of balances or a difference of two such, exact to the cent
///
/// In JSON a decimal string with two places: `"25000.00"`, `"-0.01"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i64);

impl Amount {
    /// Reads hundredths.
    pub const fn from_hundredths(hundredths: i64) -> Amount {
        Amount(hundredths)
    }

    /// Counts in hundredths: of a point, of a dollar, of a signal.
    pub const fn hundredths(self) -> i64 {
        self.0
    }

    const fn of_signals(signals: i64) -> Amount {
        Amount(signals * 100)
    }
}

impl Money {
    /// Reads cents.
    pub const fn from_cents(cents: i64) -> Money {
        Money(cents)
    }

    /// Counts in cents.
    pub const fn cents(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Decimal::new(self.0, 2).normalize().fmt(f)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Decimal::new(self.0, 2).fmt(f)
    }
}

macro_rules! decimal_in_json {
    ($type:ident) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                let text = decimal::DecimalText::deserialize(deserializer)?.0;
                let hundredths = decimal::parse(&text).and_then(decimal::hundredths);
                hundredths.map($type).map_err(de::Error::custom)
            }
        }
    };
}

decimal_in_json!(Amount);
decimal_in_json!(Money);

/// Judgments of one tier, as JSON has them
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Total {
    /// How many.
    pub count: u32,
    /// Their balance.
    pub balance: Money,
}

impl From<TierTotal> for Total {
    fn from(total: TierTotal) -> Total {
        Total { count: total.count, balance: Money(total.balance_cents) }
    }
}

/// Puts pairs in order
///
/// Whatever the studies sort, they sort as pairs of a key and a place: one copy of a sorting algorithm instead of
/// many, which matters to what browsers download.
#[inline(never)]
fn sort(pairs: &mut [(i64, u64)]) {
    pairs.sort_unstable();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_money_survive_json_exactly() {
        for (hundredths, amount, money) in [
            (0, "0", "0.00"),
            (-1, "-0.01", "-0.01"),
            (7_960, "79.6", "79.60"),
            (i64::MAX, "92233720368547758.07", "92233720368547758.07"),
        ] {
            assert_eq!(serde_json::to_string(&Amount(hundredths)).unwrap(), format!("\"{amount}\""));
            assert_eq!(serde_json::to_string(&Money(hundredths)).unwrap(), format!("\"{money}\""));
            assert_eq!(serde_json::from_str::<Amount>(&format!("\"{amount}\"")).unwrap(), Amount(hundredths));
            assert_eq!(serde_json::from_str::<Money>(amount).unwrap(), Money(hundredths));
        }
        assert!(serde_json::from_str::<Money>("0.001").is_err());
    }
}
