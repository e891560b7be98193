//! Single cells: text, money, dates, scores, statuses; each refused with a message that names what is wrong.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use policy::tier::{Cents, Score};

use crate::record::JudgmentStatus;

/// In which order a format writes its dates; never guessed from the date itself
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DateOrder {
    /// `2024-01-05`.
    Iso,
    /// `01/05/2024`, month first.
    Us,
}

const TEXT_CHARS_MAX: usize = 500;

/// User input as it appears in a message: on one line and never longer than 40 characters
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(40).is_some() {
        shown.push('…');
    }
    shown
}

/// Trimmed text on one line, or `None` where it is blank
pub(crate) fn text(cell: &str) -> Result<Option<String>, String> {
    if cell.contains('\0') {
        return Err(format!("`{}` has a NUL character in it", shown(cell)));
    }
    let cell = cell.trim();
    if cell.chars().nth(TEXT_CHARS_MAX).is_some() {
        return Err(format!("`{}` is longer than {TEXT_CHARS_MAX} characters", shown(cell)));
    }
    if cell.contains(char::is_control) {
        let words: Vec<&str> =
            cell.split(|c: char| c.is_control()).map(str::trim).filter(|word| !word.is_empty()).collect();
        return Ok(Some(words.join(" ")).filter(|text| !text.is_empty()));
    }
    Ok((!cell.is_empty()).then(|| cell.to_owned()))
}

/// Reads `5432.1`, `$5,432.10` and `$ 5432`; thousands separators must stand where they belong
pub(crate) fn money(cell: &str) -> Result<Cents, String> {
    let unsigned = cell.strip_prefix('$').map_or(cell, str::trim_start);
    let is_negative = |text: &str| text.starts_with(['-', '−', '(']) || text.ends_with('-');
    if (is_negative(cell) || is_negative(unsigned)) && cell.contains(|c: char| c.is_ascii_digit()) {
        return Err(format!("`{}` is negative", shown(cell)));
    }
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let is_grouped = is_digits(first)
        && (!whole.contains(',') || first.len() <= 3)
        && groups.all(|group| group.len() == 3 && is_digits(group));
    if !is_grouped || !fraction.is_none_or(is_digits) {
        return Err(format!("`{}` is not an amount of money", shown(cell)));
    }
    unsigned.replace(',', "").parse().map_err(|error: policy::tier::DecimalError| error.to_string())
}

/// Reads 0 to 100 with at most two decimals
pub(crate) fn score(cell: &str) -> Result<Score, String> {
    cell.parse().map_err(|error: policy::tier::DecimalError| error.to_string())
}

/// Reads a date in the order of its format, and in no other
pub(crate) fn date(cell: &str, order: DateOrder) -> Result<NaiveDate, String> {
    let (separator, form) = match order {
        DateOrder::Iso => ('-', "YYYY-MM-DD"),
        DateOrder::Us => ('/', "MM/DD/YYYY"),
    };
    let not_a_date = || format!("`{}` is not a date of the form {form}", shown(cell));
    let number = |text: &str, lengths: &[usize]| {
        (lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse::<u32>().ok())
            .flatten()
            .ok_or_else(not_a_date)
    };
    let mut parts = cell.split(separator);
    let (Some(a), Some(b), Some(c), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(not_a_date());
    };
    let (year, month, day) = match order {
        DateOrder::Iso => (number(a, &[4])?, number(b, &[2])?, number(c, &[2])?),
        DateOrder::Us => (number(c, &[4])?, number(a, &[1, 2])?, number(b, &[1, 2])?),
    };
    if !(1900..2200).contains(&year) {
        return Err(format!("the year of `{}` is outside 1900 to 2199", shown(cell)));
    }
    i32::try_from(year)
        .ok()
        .and_then(|year| NaiveDate::from_ymd_opt(year, month, day))
        .ok_or_else(|| format!("there is no date `{}` ({form})", shown(cell)))
}

/// Reads a point in time after RFC 3339 (UTC where no offset is given), or a date in the order of its format
pub(crate) fn time(cell: &str, order: DateOrder) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(cell) {
        return Ok(time.to_utc());
    }
    for form in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(cell, form) {
            return Ok(time.and_utc());
        }
    }
    date(cell, order)
        .map(|date| date.and_time(chrono::NaiveTime::MIN).and_utc())
        .map_err(|_| format!("`{}` is not a point in time such as 2026-01-31T12:00:00Z", shown(cell)))
}

/// Reads a vendor's status
pub(crate) fn status(cell: &str) -> Result<JudgmentStatus, String> {
    match cell
        .split([' ', '_', '-'])
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
        .as_str()
    {
        "open" => Ok(JudgmentStatus::Unsatisfied),
        "enforcement pending" => Ok(JudgmentStatus::InProgress),
        "closed" => Ok(JudgmentStatus::Satisfied),
        _ => Err(format!("`{}` is not a status: Open, Enforcement Pending or Closed", shown(cell))),
    }
}

/// Reads a case number: at least one letter or digit, at most 100 characters
pub(crate) fn case_number(cell: &str) -> Result<(), String> {
    if cell.chars().nth(100).is_some() {
        return Err(format!("`{}` is longer than 100 characters", shown(cell)));
    }
    if !cell.contains(|c: char| c.is_ascii_alphanumeric()) {
        return Err(format!("`{}` has no letter or digit", shown(cell)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check_money(cell: &str, expect: Result<i64, &str>) {
        assert_eq!(money(cell).map(Cents::cents), expect.map_err(str::to_owned), "{cell}");
    }

    #[test]
    fn money_is_taken_exactly_or_not_at_all() {
        check_money("4169.04", Ok(416_904));
        check_money("$339.81", Ok(33_981));
        check_money("$58,421.13", Ok(5_842_113));
        check_money("$ 1,000", Ok(100_000));
        check_money("1,234,567.8", Ok(123_456_780));
        check_money("0", Ok(0));
        check_money("007", Ok(700));
        check_money("-5.00", Err("`-5.00` is negative"));
        check_money("$-5.00", Err("`$-5.00` is negative"));
        check_money("-$5.00", Err("`-$5.00` is negative"));
        check_money("(5.00)", Err("`(5.00)` is negative"));
        check_money("$(5.00)", Err("`$(5.00)` is negative"));
        check_money("5.00-", Err("`5.00-` is negative"));
        check_money("12k", Err("`12k` is not an amount of money"));
        check_money("1,00", Err("`1,00` is not an amount of money"));
        check_money("1234,567", Err("`1234,567` is not an amount of money"));
        check_money("1,,000", Err("`1,,000` is not an amount of money"));
        check_money(",100", Err("`,100` is not an amount of money"));
        check_money("1.234,56", Err("`1.234,56` is not an amount of money"));
        check_money("5.", Err("`5.` is not an amount of money"));
        check_money(".50", Err("`.50` is not an amount of money"));
        check_money("$", Err("`$` is not an amount of money"));
        check_money("1e3", Err("`1e3` is not an amount of money"));
        check_money("NaN", Err("`NaN` is not an amount of money"));
        check_money("٣", Err("`٣` is not an amount of money"));
        check_money("1.999", Err("`1.999` has more than two decimals"));
        check_money("1,000,000,000,000", Err("`1000000000000` is outside 0 to 999,999,999,999.99"));
    }

    #[track_caller]
    fn check_date(cell: &str, order: DateOrder, expect: Result<&str, &str>) {
        assert_eq!(
            date(cell, order).map(|date| date.to_string()),
            expect.map(str::to_owned).map_err(str::to_owned)
        );
    }

    #[test]
    fn dates_are_read_in_the_order_of_their_format_only() {
        check_date("2024-01-05", DateOrder::Iso, Ok("2024-01-05"));
        check_date("03/04/2024", DateOrder::Iso, Err("`03/04/2024` is not a date of the form YYYY-MM-DD"));
        check_date("13/02/2024", DateOrder::Iso, Err("`13/02/2024` is not a date of the form YYYY-MM-DD"));
        check_date("2024-1-5", DateOrder::Iso, Err("`2024-1-5` is not a date of the form YYYY-MM-DD"));
        check_date("2023-02-29", DateOrder::Iso, Err("there is no date `2023-02-29` (YYYY-MM-DD)"));
        check_date("02/04/2023", DateOrder::Us, Ok("2023-02-04"));
        check_date("2/4/2023", DateOrder::Us, Ok("2023-02-04"));
        check_date("13/02/2024", DateOrder::Us, Err("there is no date `13/02/2024` (MM/DD/YYYY)"));
        check_date("2024-01-05", DateOrder::Us, Err("`2024-01-05` is not a date of the form MM/DD/YYYY"));
        check_date("01/05/24", DateOrder::Us, Err("`01/05/24` is not a date of the form MM/DD/YYYY"));
        check_date("01/05/0024", DateOrder::Us, Err("the year of `01/05/0024` is outside 1900 to 2199"));
        check_date("+1/05/2024", DateOrder::Us, Err("`+1/05/2024` is not a date of the form MM/DD/YYYY"));
    }

    #[test]
    fn times_are_utc_unless_they_say_otherwise() {
        for cell in [
            "2026-10-31T12:00:00Z",
            "2026-10-31T08:00:00-04:00",
            "2026-10-31 12:00:00",
            "2026-10-31T12:00:00",
        ] {
            assert_eq!(
                time(cell, DateOrder::Us).unwrap().to_rfc3339(),
                "2026-10-31T12:00:00+00:00",
                "{cell}"
            );
        }
        assert_eq!(time("10/31/2026", DateOrder::Us).unwrap().to_rfc3339(), "2026-10-31T00:00:00+00:00");
        assert!(time("10/31/2026", DateOrder::Iso).is_err());
        assert!(time("soon", DateOrder::Iso).is_err());
    }

    #[test]
    fn statuses_of_vendors_become_ours() {
        for (cell, expect) in [
            ("Open", JudgmentStatus::Unsatisfied),
            ("ENFORCEMENT  PENDING", JudgmentStatus::InProgress),
            ("enforcement_pending", JudgmentStatus::InProgress),
            ("closed", JudgmentStatus::Satisfied),
        ] {
            assert_eq!(status(cell), Ok(expect));
        }
        assert_eq!(
            status("Paused"),
            Err("`Paused` is not a status: Open, Enforcement Pending or Closed".to_owned())
        );
    }

    #[test]
    fn text_is_trimmed_and_on_one_line() {
        assert_eq!(text("  "), Ok(None));
        assert_eq!(text(" \n\t "), Ok(None));
        assert_eq!(text(" 1 Example Plaza\r\nNew York "), Ok(Some("1 Example Plaza New York".to_owned())));
        assert!(text("a\0b").is_err());
        assert!(text(&"x".repeat(501)).is_err());
    }

    proptest! {
        #[test]
        fn grouped_money_reads_as_its_own_cents(cents in 0_i64..=99_999_999_999_999) {
            let amount = Cents::from_cents(cents).unwrap();
            prop_assert_eq!(money(&format!("${amount}")), Ok(amount));
            prop_assert_eq!(money(&amount.to_decimal().to_string()), Ok(amount));
        }

        #[test]
        fn no_cell_panics(cell in "\\PC{0,30}") {
            let _ = (text(&cell), money(&cell), score(&cell), status(&cell), case_number(&cell));
            for order in [DateOrder::Iso, DateOrder::Us] {
                let _ = (date(&cell, order), time(&cell, order));
            }
        }

        #[test]
        fn dates_read_back(days in 0_i64..100_000) {
            let date_ = NaiveDate::from_ymd_opt(1900, 1, 1).unwrap() + chrono::Duration::days(days);
            prop_assert_eq!(date(&date_.format("%Y-%m-%d").to_string(), DateOrder::Iso), Ok(date_));
            prop_assert_eq!(date(&date_.format("%m/%d/%Y").to_string(), DateOrder::Us), Ok(date_));
        }
    }
}
