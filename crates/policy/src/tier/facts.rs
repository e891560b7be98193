//! What is known of one judgment: the input of every policy.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::de::{self, Deserializer, IgnoredAny};
use serde::{Deserialize, Serialize, Serializer};

use super::decimal::{self, DecimalError, DecimalText};
use super::document;

/// A collectability score from 0 to 100, exact to a hundredth of a point
///
/// Displays without trailing zeros (`79.6`) and is a decimal string in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Score(u16);

impl Score {
    /// 100 points.
    pub const MAX: Score = Score(10_000);

    /// Reads 0 to 10,000 hundredths of a point.
    pub fn from_hundredths(hundredths: u16) -> Option<Score> {
        (hundredths <= Score::MAX.0).then_some(Score(hundredths))
    }

    /// 0 to 10,000 hundredths of a point.
    pub const fn hundredths(self) -> u16 {
        self.0
    }

    /// The score in points, with two decimals.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(i64::from(self.0), 2)
    }
}

impl TryFrom<Decimal> for Score {
    type Error = DecimalError;

    fn try_from(value: Decimal) -> Result<Score, DecimalError> {
        u16::try_from(decimal::hundredths(value)?).ok().and_then(Score::from_hundredths).ok_or_else(|| {
            DecimalError::OutOfRange { value: value.normalize().to_string(), min: "0", max: "100" }
        })
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (points, 0) => write!(f, "{points}"),
            (points, part) if part % 10 == 0 => write!(f, "{points}.{}", part / 10),
            (points, part) => write!(f, "{points}.{part:02}"),
        }
    }
}

/// An amount of money of at most 999,999,999,999.99, exact to the cent
///
/// Displays grouped, with cents only where there are some (`49,999.99`, `25,000`); in JSON it is a decimal
/// string with two places (`"25000.00"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cents(i64);

impl Cents {
    /// 999,999,999,999.99: what `numeric(14,2)` holds.
    pub const MAX: Cents = Cents(99_999_999_999_999);

    /// Reads 0 to 99,999,999,999,999 cents.
    pub fn from_cents(cents: i64) -> Option<Cents> {
        (0..=Cents::MAX.0).contains(&cents).then_some(Cents(cents))
    }

    /// 0 to 99,999,999,999,999 cents.
    pub const fn cents(self) -> i64 {
        self.0
    }

    /// The amount with two decimals.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, 2)
    }
}

impl TryFrom<Decimal> for Cents {
    type Error = DecimalError;

    fn try_from(value: Decimal) -> Result<Cents, DecimalError> {
        let cents = decimal::hundredths(value)?;
        if cents < 0 {
            return Err(DecimalError::Negative(value.normalize().to_string()));
        }
        Cents::from_cents(cents).ok_or_else(|| DecimalError::OutOfRange {
            value: value.normalize().to_string(),
            min: "0",
            max: "999,999,999,999.99",
        })
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn grouped(f: &mut fmt::Formatter<'_>, whole: i64) -> fmt::Result {
            if whole < 1000 {
                return write!(f, "{whole}");
            }
            grouped(f, whole / 1000)?;
            write!(f, ",{:03}", whole % 1000)
        }
        grouped(f, self.0 / 100)?;
        match self.0 % 100 {
            0 => Ok(()),
            cents => write!(f, ".{cents:02}"),
        }
    }
}

macro_rules! decimal_in_json {
    ($type:ident, $text:expr) => {
        impl FromStr for $type {
            type Err = DecimalError;

            fn from_str(text: &str) -> Result<$type, DecimalError> {
                decimal::parse(text)?.try_into()
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&$text(*self))
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                DecimalText::deserialize(deserializer)?.0.parse().map_err(de::Error::custom)
            }
        }
    };
}

decimal_in_json!(Score, |score: Score| score);
decimal_in_json!(Cents, Cents::to_decimal);

/// A trace of something that can be levied, garnished or seized
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum AssetSignal {
    /// Where the debtor works.
    EmployerName = 1,
    /// Where the debtor banks.
    BankName = 2,
    /// A hint of land or a house.
    RealPropertyLead = 4,
    /// A hint of a vehicle.
    VehicleLead = 8,
}

impl AssetSignal {
    /// Every signal, in the order of their bits.
    pub const ALL: [AssetSignal; 4] = [
        AssetSignal::EmployerName,
        AssetSignal::BankName,
        AssetSignal::RealPropertyLead,
        AssetSignal::VehicleLead,
    ];

    /// 1, 2, 4 or 8.
    pub const fn bit(self) -> u8 {
        self as u8
    }

    /// The name in JSON, in SQL and in `debtor_intelligence`.
    pub const fn name(self) -> &'static str {
        match self {
            AssetSignal::EmployerName => "employer_name",
            AssetSignal::BankName => "bank_name",
            AssetSignal::RealPropertyLead => "real_property_lead",
            AssetSignal::VehicleLead => "vehicle_lead",
        }
    }
}

/// A set of asset signals
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AssetSignals(u8);

impl AssetSignals {
    /// Reads the four low bits, each an [`AssetSignal::bit`]; higher ones are ignored.
    pub const fn from_bits(bits: u8) -> AssetSignals {
        AssetSignals(bits & 15)
    }

    /// The signals whose text is more than blank.
    pub fn from_texts<'a>(text_of: impl Fn(AssetSignal) -> Option<&'a str>) -> AssetSignals {
        AssetSignal::ALL
            .into_iter()
            .filter(|signal| text_of(*signal).is_some_and(|text| !text.trim().is_empty()))
            .collect()
    }

    /// 0 to 15.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether `signal` is in the set.
    pub const fn contains(self, signal: AssetSignal) -> bool {
        self.0 & signal.bit() != 0
    }

    /// How many of `assets` are in the set, 0 to 4.
    pub const fn count_of(self, assets: AssetSignals) -> u8 {
        (self.0 & assets.0).count_ones() as u8
    }

    /// The signals in the set, in the order of their bits.
    pub fn iter(self) -> impl Iterator<Item = AssetSignal> {
        AssetSignal::ALL.into_iter().filter(move |signal| self.contains(*signal))
    }
}

impl FromIterator<AssetSignal> for AssetSignals {
    fn from_iter<I: IntoIterator<Item = AssetSignal>>(signals: I) -> AssetSignals {
        AssetSignals(signals.into_iter().fold(0, |bits, signal| bits | signal.bit()))
    }
}

/// What a policy looks at: a missing score or balance is compared as 0 and called missing in the reason
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JudgmentFacts {
    /// How likely the debtor can pay.
    pub score: Option<Score>,
    /// What is still owed.
    pub balance: Option<Cents>,
    /// What is known of the debtor's assets.
    pub signals: AssetSignals,
}

/// The JSON form of [`JudgmentFacts`]
///
/// Score and balance are decimal strings or numbers, signals are strings; null and a missing field mean the
/// same. `judgment_id`, `id` and `case_number` may stand beside them and are ignored; any other field is an
/// error, since a misspelt fact would otherwise pass for a missing one.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub struct JudgmentFactsDocument {
    /// 0 to 100, at most two decimals.
    #[serde(deserialize_with = "decimal::optional_text")]
    pub collectability_score: Option<String>,
    /// 0 to 999,999,999,999.99.
    #[serde(deserialize_with = "decimal::optional_text")]
    pub balance: Option<String>,
    /// Counts when not blank, like the other three.
    pub employer_name: Option<String>,
    #[allow(missing_docs)]
    pub bank_name: Option<String>,
    #[allow(missing_docs)]
    pub real_property_lead: Option<String>,
    #[allow(missing_docs)]
    pub vehicle_lead: Option<String>,
    judgment_id: IgnoredAny,
    id: IgnoredAny,
    case_number: IgnoredAny,
}

document::only_objects!(JudgmentFactsDocument, "an object with the facts of a judgment");

/// Facts that are refused: the field and what is wrong with it
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{field}: {message}")]
pub struct FactsError {
    /// Such as `collectability_score`; `facts` when it is the whole.
    pub field: String,
    /// Lower-case, without a full stop.
    pub message: String,
}

impl JudgmentFactsDocument {
    /// Reads JSON text; errors name the field, numbers keep every digit.
    pub fn from_json(json: &str) -> Result<JudgmentFactsDocument, FactsError> {
        document::read_json(json, "facts").map_err(|(field, message)| FactsError { field, message })
    }
}

impl TryFrom<JudgmentFactsDocument> for JudgmentFacts {
    type Error = FactsError;

    fn try_from(document: JudgmentFactsDocument) -> Result<JudgmentFacts, FactsError> {
        fn read<T: FromStr<Err = DecimalError>>(
            text: Option<&str>,
            field: &str,
        ) -> Result<Option<T>, FactsError> {
            text.map(T::from_str)
                .transpose()
                .map_err(|error| FactsError { field: field.to_owned(), message: error.to_string() })
        }
        Ok(JudgmentFacts {
            score: read(document.collectability_score.as_deref(), "collectability_score")?,
            balance: read(document.balance.as_deref(), "balance")?,
            signals: AssetSignals::from_texts(|signal| match signal {
                AssetSignal::EmployerName => document.employer_name.as_deref(),
                AssetSignal::BankName => document.bank_name.as_deref(),
                AssetSignal::RealPropertyLead => document.real_property_lead.as_deref(),
                AssetSignal::VehicleLead => document.vehicle_lead.as_deref(),
            }),
        })
    }
}

impl JudgmentFacts {
    /// Reads the JSON form of [`JudgmentFactsDocument`]; numbers keep every digit.
    pub fn from_json(json: &str) -> Result<JudgmentFacts, FactsError> {
        JudgmentFactsDocument::from_json(json)?.try_into()
    }

    /// The score in hundredths as policies compare it: 0 when missing.
    pub(crate) fn compared_score(&self) -> i64 {
        self.score.map_or(0, |score| i64::from(score.hundredths()))
    }

    /// The balance in cents as policies compare it: 0 when missing.
    pub(crate) fn compared_balance(&self) -> i64 {
        self.balance.map_or(0, Cents::cents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expect: Result<JudgmentFacts, &str>) {
        let facts = JudgmentFacts::from_json(json).map_err(|error| error.to_string());
        assert_eq!(facts.as_ref().map_err(String::as_str), expect.as_ref().map_err(|error| *error));
    }

    fn facts(score: Option<u16>, balance: Option<i64>, bits: u8) -> JudgmentFacts {
        JudgmentFacts {
            score: score.map(Score),
            balance: balance.map(Cents),
            signals: AssetSignals::from_bits(bits),
        }
    }

    #[test]
    fn numbers_and_decimal_strings_mean_the_same() {
        check(
            r#"{"collectability_score": 45.5, "balance": "3000.00"}"#,
            Ok(facts(Some(4550), Some(300_000), 0)),
        );
        check(
            r#"{"collectability_score": "45.50", "balance": 3e3}"#,
            Ok(facts(Some(4550), Some(300_000), 0)),
        );
        check(r#"{"collectability_score": 0, "balance": -0.0}"#, Ok(facts(Some(0), Some(0), 0)));
    }

    #[test]
    fn null_and_absent_mean_missing_and_blank_signals_do_not_count() {
        check("{}", Ok(facts(None, None, 0)));
        check(
            r#"{"collectability_score": null, "balance": null, "employer_name": " \t", "bank_name": "", "vehicle_lead": "truck", "id": [1], "judgment_id": "x", "case_number": null}"#,
            Ok(facts(None, None, 8)),
        );
    }

    #[test]
    fn what_cannot_be_a_fact_is_refused_by_field() {
        check(r#"{"collectability_score": 101}"#, Err("collectability_score: `101` is outside 0 to 100"));
        check(r#"{"collectability_score": -1}"#, Err("collectability_score: `-1` is outside 0 to 100"));
        check(
            r#"{"collectability_score": 79.995}"#,
            Err("collectability_score: `79.995` has more than two decimals"),
        );
        check(
            r#"{"collectability_score": "NaN"}"#,
            Err("collectability_score: `NaN` is not a decimal number"),
        );
        check(
            r#"{"collectability_score": 80.00000000000000001}"#,
            Err("collectability_score: `80.00000000000000001` has more than two decimals"),
        );
        check(r#"{"balance": "-0.01"}"#, Err("balance: `-0.01` is negative"));
        check(
            r#"{"balance": 1000000000000}"#,
            Err("balance: `1000000000000` is outside 0 to 999,999,999,999.99"),
        );
        check(
            r#"{"balance": true}"#,
            Err("balance: invalid type: boolean `true`, expected a decimal string or a number"),
        );
        check(r#"{"employer_name": 5}"#, Err("employer_name: invalid type: integer `5`, expected a string"));
        check(
            r#"{"balanse": 5}"#,
            Err(
                "balanse: unknown field `balanse`, expected one of `collectability_score`, `balance`, `employer_name`, `bank_name`, `real_property_lead`, `vehicle_lead`, `judgment_id`, `id`, `case_number`",
            ),
        );
        check("[]", Err("facts: invalid type: sequence, expected an object with the facts of a judgment"));
        check("{", Err("facts: EOF while parsing an object at line 1 column 1"));
        check("{} {}", Err("facts: trailing characters at line 1 column 4"));
    }

    #[test]
    fn amounts_and_scores_print_exactly() {
        for (cents, text) in [
            (0, "0"),
            (5, "0.05"),
            (100, "1"),
            (4_999_999, "49,999.99"),
            (2_500_000, "25,000"),
            (150_050, "1,500.50"),
            (99_999_999_999_999, "999,999,999,999.99"),
        ] {
            assert_eq!(Cents(cents).to_string(), text);
        }
        for (hundredths, text) in [(0, "0"), (5, "0.05"), (7960, "79.6"), (7999, "79.99"), (10_000, "100")] {
            assert_eq!(Score(hundredths).to_string(), text);
        }
        assert_eq!(
            serde_json::to_string(&(Score(7960), Cents(2_500_000))).unwrap(),
            r#"["79.6","25000.00"]"#
        );
        assert_eq!(
            serde_json::from_str::<(Score, Cents)>(r#"["79.6", 25000]"#).unwrap(),
            (Score(7960), Cents(2_500_000))
        );
    }
}
