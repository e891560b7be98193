//! What goes to standard output

use std::io::{self, BufWriter, StdoutLock, Write};

use serde::Serialize;

/// Standard output, buffered; flush it before leaving
pub(crate) fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(1 << 16, io::stdout().lock())
}

/// Writes one line of JSON
pub(crate) fn json(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// Writes rows in aligned columns, the first row as their heads; columns in `right` are aligned there
pub(crate) fn table<const N: usize>(
    out: &mut impl Write,
    right: &[usize],
    rows: &[[String; N]],
) -> io::Result<()> {
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    for row in rows {
        let mut line = String::new();
        for ((column, cell), width) in row.iter().enumerate().zip(&widths) {
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            let gap = if column == 0 { "" } else { "  " };
            if right.contains(&column) {
                line.extend([gap, &padding, cell]);
            } else {
                line.extend([gap, cell, &padding]);
            }
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// A number with thousands separators
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, expect) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), expect);
        }
    }

    #[test]
    fn columns_are_aligned_and_lines_end_without_blanks() {
        let mut out = Vec::new();
        let rows = [["tier", "n", "label"], ["0", "12,345", "x"]].map(|row| row.map(str::to_owned));
        table(&mut out, &[1], &rows).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "tier       n  label\n0     12,345  x\n");
    }
}
