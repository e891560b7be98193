//! What lists that are read page by page have in common: limits, choices, and the place where a page ends.

use std::pin::pin;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::stream::TryChunksError;
use futures_util::{Stream, StreamExt, TryStreamExt};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::SqlError;
use crate::judgments::QueryError;

const TEXT_LENGTH_MAX: usize = 200;

/// A receiver that takes nothing for this long no longer keeps a connection
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Sends rows as they are read, 500 at once
///
/// True once all are sent; false where the receiver is gone or took too long. An error is sent and comes last.
pub(crate) async fn send<Row>(
    rows: impl Stream<Item = Result<Row, SqlError>>,
    receiver: mpsc::Sender<Result<Vec<Row>, SqlError>>,
) -> bool {
    let mut pieces = pin!(rows.try_chunks(500));
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|TryChunksError(_, error)| error);
        let is_error = piece.is_err();
        if receiver.send_timeout(piece, PATIENCE).await.is_err() || is_error {
            return false;
        }
    }
    true
}

/// A text that was asked for; an empty field of a form asks for nothing
pub(crate) fn text(field: &'static str, text: &Option<String>) -> Result<Option<String>, QueryError> {
    let Some(text) = text.as_deref().map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if text.len() > TEXT_LENGTH_MAX {
        return Err(QueryError { field, message: format!("longer than {TEXT_LENGTH_MAX} bytes") });
    }
    if text.contains('\0') {
        return Err(QueryError { field, message: "contains a null character".to_owned() });
    }
    Ok(Some(text.to_owned()))
}

/// The same as a pattern that finds it anywhere
pub(crate) fn pattern(field: &'static str, search: &Option<String>) -> Result<Option<String>, QueryError> {
    let escape = |text: String| text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    Ok(text(field, search)?.map(|text| format!("%{}%", escape(text))))
}

/// The comma-separated values that were asked for, each one of `known`
pub(crate) fn choices(
    field: &'static str,
    given: &Option<String>,
    known: &[&str],
) -> Result<Option<Vec<String>>, QueryError> {
    let Some(given) = text(field, given)? else {
        return Ok(None);
    };
    let wanted = given.split(',').map(str::trim).filter(|value| !value.is_empty());
    let checked = wanted.map(|value| match known.contains(&value) {
        true => Ok(value.to_owned()),
        false => Err(QueryError {
            field,
            message: format!(
                "`{}` is none of {}",
                value.chars().take(60).collect::<String>(),
                known.join(", ")
            ),
        }),
    });
    checked.collect::<Result<Vec<_>, _>>().map(Some)
}

/// How many rows a page has
pub(crate) fn limit(given: Option<u32>, default: u32, max: u32) -> Result<u32, QueryError> {
    match given.unwrap_or(default) {
        limit if (1..=max).contains(&limit) => Ok(limit),
        limit => Err(QueryError { field: "limit", message: format!("`{limit}` is not between 1 and {max}") }),
    }
}

/// Where the page before this one ended: the parts that [`place`] has written
pub(crate) fn after<const N: usize>(given: &Option<String>) -> Result<Option<[String; N]>, QueryError> {
    let Some(given) = text("after", given)? else {
        return Ok(None);
    };
    let parts: Vec<String> = given.splitn(N, '~').map(str::to_owned).collect();
    parts.try_into().map(Some).map_err(|_| not_a_place())
}

/// A place in a list, for the next question; only the last part may contain `~`
pub(crate) fn place<const N: usize>(parts: [String; N]) -> String {
    parts.join("~")
}

pub(crate) fn not_a_place() -> QueryError {
    QueryError { field: "after", message: "is no `next` of this list".to_owned() }
}

/// A part of a place that was made of an id
pub(crate) fn id(part: &str) -> Result<Uuid, QueryError> {
    part.parse().map_err(|_| not_a_place())
}

/// A part of a place that was made of a time or the lack of one, to the microsecond as PostgreSQL has it
pub(crate) fn instant(part: &str) -> Result<Option<DateTime<Utc>>, QueryError> {
    match part {
        "" => Ok(None),
        micros => {
            let micros = micros.parse().ok().and_then(DateTime::from_timestamp_micros);
            micros.map(Some).ok_or_else(not_a_place)
        }
    }
}

/// A time as a part of a place
pub(crate) fn instant_part(at: Option<DateTime<Utc>>) -> String {
    at.map(|at| at.timestamp_micros().to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let at = DateTime::from_timestamp_micros(1_795_000_000_123_456);
        let id_of = Uuid::from_u128(7);
        let written = Some(place([instant_part(at), id_of.to_string()]));
        let [due, row] = after(&written).expect("it is a place").expect("it is given");
        assert_eq!((instant(&due), id(&row)), (Ok(at), Ok(id_of)));
        let [due, _] = after(&Some(place([instant_part(None), id_of.to_string()])))
            .unwrap_or_default()
            .unwrap_or_default();
        assert_eq!(instant(&due), Ok(None));
    }

    #[test]
    fn what_is_no_place_is_refused() {
        assert!(after::<2>(&Some("elsewhere".to_owned())).is_err());
        assert!(instant("soon").is_err());
        assert!(id("7").is_err());
        assert_eq!(after::<2>(&Some("  ".to_owned())), Ok(None));
    }

    #[test]
    fn choices_are_known_ones() {
        let given = |text: &str| choices("tier", &Some(text.to_owned()), &["A", "B"]);
        assert_eq!(given("A, B"), Ok(Some(vec!["A".to_owned(), "B".to_owned()])));
        assert_eq!(given(""), Ok(None));
        assert!(given("A,D").is_err());
        assert!(limit(Some(0), 50, 100).is_err() && limit(Some(101), 50, 100).is_err());
    }
}
