//! How values of the database read in the bodies of the HTTP contract.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use policy::tier::{AssetSignals, DecidedBy, Tier};
use rust_decimal::Decimal;

/// RFC 3339 in UTC, to the millisecond
pub(crate) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// ISO 8601
pub(crate) fn date(date: NaiveDate) -> String {
    date.to_string()
}

/// Two places, as `numeric(14,2)` has them
pub(crate) fn money(mut amount: Decimal) -> String {
    amount.rescale(2);
    amount.to_string()
}

/// Without trailing zeros
pub(crate) fn score(score: Decimal) -> String {
    score.normalize().to_string()
}

/// The names of the signals that are present
pub(crate) fn signals(bits: i16) -> Vec<String> {
    AssetSignals::from_bits(bits as u8).iter().map(|signal| signal.name().to_owned()).collect()
}

/// None where there is no tier yet; the table's check admits nothing but 0 to 3
pub(crate) fn tier(number: Option<i16>) -> Option<Tier> {
    number.and_then(|number| u8::try_from(number).ok()).and_then(|number| Tier::try_from(number).ok())
}

/// Reads `rule/arm`; None where the fallback decided
pub(crate) fn decided_by(text: Option<&str>) -> Option<DecidedBy> {
    let (rule, arm) = text?.rsplit_once('/')?;
    Some(DecidedBy { rule: rule.to_owned(), arm: arm.parse().ok()? })
}

/// Counts are never negative in the database
pub(crate) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Revisions and versions are never negative in the database
pub(crate) fn revision(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

/// Numbers beyond those of the database equal none there
pub(crate) fn saturated(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_has_two_places_and_scores_no_trailing_zeros() {
        assert_eq!(money(Decimal::new(25_000, 0)), "25000.00");
        assert_eq!(money(Decimal::new(4_999_999, 2)), "49999.99");
        assert_eq!(score(Decimal::new(7_960, 2)), "79.6");
        assert_eq!(score(Decimal::new(8_000, 2)), "80");
    }

    #[test]
    fn a_deciding_arm_is_read_from_behind_the_last_slash() {
        assert_eq!(decided_by(Some("t1/0")), Some(DecidedBy { rule: "t1".into(), arm: 0 }));
        assert_eq!(decided_by(None), None);
        assert_eq!(decided_by(Some("t1")), None);
    }
}
