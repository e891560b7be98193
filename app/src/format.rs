//! Numbers as people read them: grouped, exact, with a true minus. Money is counted in cents, never in floats.

const MINUS: char = '\u{2212}';

/// `1204` as `1,204`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1,204 judgments`, and `1 judgment`.
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// A change with its sign and arrow; `·` for none.
pub fn count_change(n: i64) -> String {
    signed(n, count(n.unsigned_abs()))
}

/// Cents as `$12,345.67`.
pub fn cents(amount: i64) -> String {
    let sign = if amount < 0 { String::from(MINUS) } else { String::new() };
    let amount = amount.unsigned_abs();
    format!("{sign}${}.{:02}", count(amount / 100), amount % 100)
}

/// Cents in few letters: `$2.1 M`, `$941.0 k`, `$512`.
pub fn cents_short(amount: i64) -> String {
    let sign = if amount < 0 { String::from(MINUS) } else { String::new() };
    let dollars = amount.unsigned_abs() / 100;
    let (unit, letter) = match dollars {
        0..=9_999 => return format!("{sign}${}", count(dollars)),
        10_000..=999_949 => (1_000, "k"),
        999_950..=999_949_999 => (1_000_000, "M"),
        _ => (1_000_000_000, "B"),
    };
    let tenths = (dollars * 10 + unit / 2) / unit;
    format!("{sign}${}.{} {letter}", count(tenths / 10), tenths % 10)
}

/// A change of money in few letters, with its sign and arrow; `·` for none.
pub fn cents_change(amount: i64) -> String {
    signed(amount, cents_short(amount.saturating_abs()))
}

fn signed(n: i64, magnitude: String) -> String {
    match n {
        0 => "·".to_owned(),
        1.. => format!("+{magnitude} ↑"),
        _ => format!("{MINUS}{magnitude} ↓"),
    }
}

/// A decimal string of the API in cents; `None` where it is not one.
pub fn parse_cents(text: &str) -> Option<i64> {
    let (sign, digits) = match text.trim().strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.trim()),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let hundredths: i64 = match fraction.len() {
        0 => 0,
        1 => fraction.parse::<i64>().ok()? * 10,
        _ => fraction.get(..2)?.parse().ok()?,
    };
    Some(sign * (whole.parse::<i64>().ok()?.checked_mul(100)? + hundredths))
}

/// Money of the API: `"18340112.4"` as `$18,340,112.40`; what is no amount is shown as it came.
pub fn money(text: &str) -> String {
    parse_cents(text).map_or_else(|| text.to_owned(), cents)
}

/// Money that may be missing.
pub fn money_or_dash(text: Option<&str>) -> String {
    text.map_or_else(|| "–".to_owned(), money)
}

/// A score of the API with as many places as asked for, so that columns align; `–` where it is missing.
pub fn score(text: Option<&str>, places: usize) -> String {
    let Some(hundredths) = text.and_then(parse_cents) else { return "–".to_owned() };
    match places {
        0 => format!("{}", (hundredths + 50) / 100),
        1 => format!("{}.{}", (hundredths + 5) / 100, (hundredths + 5) / 10 % 10),
        _ => format!("{}.{:02}", hundredths / 100, hundredths % 100),
    }
}

/// A share with one decimal: `12.3 %`; of nothing it is `–`.
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let tenths = (u128::from(part) * 2000 + u128::from(whole)) / (u128::from(whole) * 2);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// A share between 0 and 1 in the same way: `80.1 %`.
pub fn share(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A share of the API (`0.8009`), which may be missing.
pub fn share_or_dash(text: Option<&str>) -> String {
    text.and_then(|text| text.parse().ok()).map_or_else(|| "–".to_owned(), share)
}

/// How long something has been going on: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`.
pub fn duration(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// `in_progress` as `In progress`.
pub fn words(name: &str) -> String {
    let spaced = name.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The short name of an asset signal.
pub fn signal(name: &str) -> &str {
    match name {
        "employer_name" => "Employer",
        "bank_name" => "Bank",
        "real_property_lead" => "Real property",
        "vehicle_lead" => "Vehicle",
        other => other,
    }
}

/// A cell of a CSV file, quoted where it must be; what a spreadsheet would run as a formula is defused.
pub fn csv_cell(text: &str) -> String {
    let defused = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) && parse_cents(text).is_none() {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if defused.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", defused.replace('"', "\"\""))
    } else {
        defused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_grouped_to_the_cent_with_a_true_minus() {
        assert_eq!(money("18340112.4"), "$18,340,112.40");
        assert_eq!(money("-0.05"), "−$0.05");
        assert_eq!(money("999"), "$999.00");
        assert_eq!(money("n/a"), "n/a");
    }

    #[test]
    fn short_money_never_rounds_into_a_thousand_of_its_unit() {
        assert_eq!(cents_short(2_100_000_00), "$2.1 M");
        assert_eq!(cents_short(999_949_00), "$999.9 k");
        assert_eq!(cents_short(999_950_00), "$1.0 M");
        assert_eq!(cents_short(512_00), "$512");
    }

    #[test]
    fn changes_carry_sign_and_arrow() {
        assert_eq!(count_change(1204), "+1,204 ↑");
        assert_eq!(count_change(-7), "−7 ↓");
        assert_eq!(count_change(0), "·");
    }

    #[test]
    fn shares_have_one_decimal_and_round_half_up() {
        assert_eq!(percent(1, 3), "33.3 %");
        assert_eq!(percent(2, 3), "66.7 %");
        assert_eq!(percent(0, 0), "–");
        assert_eq!(share(0.8009), "80.1 %");
        assert_eq!(
            (share_or_dash(Some("1.0000")), share_or_dash(None)),
            ("100.0 %".to_owned(), "–".to_owned())
        );
    }

    #[test]
    fn scores_align_on_their_places() {
        assert_eq!(score(Some("79.6"), 2), "79.60");
        assert_eq!(score(Some("62.3412"), 1), "62.3");
        assert_eq!(score(Some("62.35"), 1), "62.4");
        assert_eq!(score(None, 2), "–");
    }

    #[test]
    fn csv_cells_are_quoted_and_never_run_as_formulas() {
        assert_eq!(csv_cell("Doe, Jane"), "\"Doe, Jane\"");
        assert_eq!(csv_cell("=1+1"), "'=1+1");
        assert_eq!(csv_cell("-12.50"), "-12.50");
    }
}
