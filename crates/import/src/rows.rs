//! Splits a file into rows of cells, with the physical line on which each begins.
//!
//! Stricter than CSV readers usually are, because a row that is taken apart wrongly would be stored wrongly:
//! text behind a closing quote and a quote that never closes are faults. A faulty row ends with its first
//! physical line, so that one stray quote cannot swallow the rows that follow.

use std::borrow::Cow;
use std::ops::Range;

/// A row longer than this is refused.
const ROW_BYTES_MAX: usize = 1 << 20;
/// A quoted cell may span this many lines; a quote that stays open longer was never meant to be one.
const ROW_LINES_MAX: u64 = 100;

/// One row of the file, blank ones included
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawRow<'a> {
    /// The physical line on which the row begins; the first is 1.
    pub(crate) line: u64,
    /// Its bytes in the file, without the line end.
    pub(crate) span: Range<usize>,
    /// The cells as they are, or what is wrong with the row.
    pub(crate) cells: Result<Vec<Cow<'a, str>>, &'static str>,
}

impl RawRow<'_> {
    /// A row of which every cell is blank is no row.
    pub(crate) fn is_blank(&self) -> bool {
        self.cells.as_ref().is_ok_and(|cells| cells.iter().all(|cell| cell.trim().is_empty()))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Rows<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl<'a> Rows<'a> {
    /// The rows of `bytes` from the byte `at`, which begins line 1.
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Rows<'a> {
        Rows { bytes, at, line: 1 }
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = RawRow<'a>;

    fn next(&mut self) -> Option<RawRow<'a>> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let (taken, cells) = match split(rest) {
            Ok((taken, cells)) => (taken, decode(cells)),
            Err(fault) => (first_line(rest), Err(fault)),
        };
        let row = RawRow { line: self.line, span: self.at..self.at + taken.len, cells };
        self.at += taken.len + taken.line_end;
        self.line += taken.lines;
        Some(row)
    }
}

/// How far a row reaches: its bytes, those of the line end behind it, and the lines it spans
struct Taken {
    len: usize,
    line_end: usize,
    lines: u64,
}

fn first_line(rest: &[u8]) -> Taken {
    let len = rest.iter().position(|byte| is_line_end(*byte)).unwrap_or(rest.len());
    Taken { len, line_end: line_end(rest, len), lines: 1 }
}

const fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// The length of the line end at `at`: 2 for a carriage return with a line feed, 0 at the end of the file
fn line_end(bytes: &[u8], at: usize) -> usize {
    match (bytes.get(at), bytes.get(at + 1)) {
        (Some(b'\r'), Some(b'\n')) => 2,
        (Some(b'\r' | b'\n'), _) => 1,
        _ => 0,
    }
}

type Cells<'a> = Vec<Cow<'a, [u8]>>;

fn split(rest: &[u8]) -> Result<(Taken, Cells<'_>), &'static str> {
    let mut cells = Vec::with_capacity(16);
    let mut at = 0;
    let mut lines = 1;
    loop {
        let (cell, end) = match rest.get(at) {
            Some(b'"') => quoted(rest, at + 1, &mut lines)?,
            _ => {
                let tail = rest.get(at..).unwrap_or_default();
                let len =
                    tail.iter().position(|byte| *byte == b',' || is_line_end(*byte)).unwrap_or(tail.len());
                (Cow::Borrowed(tail.get(..len).unwrap_or_default()), at + len)
            }
        };
        cells.push(cell);
        if end > ROW_BYTES_MAX {
            return Err("the row is longer than 1 MiB");
        }
        if rest.get(end) == Some(&b',') {
            at = end + 1;
        } else {
            return Ok((Taken { len: end, line_end: line_end(rest, end), lines }, cells));
        }
    }
}

/// Reads a cell whose opening quote stands before `begin`; gives it and the place behind it
fn quoted<'a>(rest: &'a [u8], begin: usize, lines: &mut u64) -> Result<(Cow<'a, [u8]>, usize), &'static str> {
    const UNCLOSED: &str = "a quote is opened and never closed";
    let mut at = begin;
    let mut is_escaped = false;
    let close = loop {
        match rest.get(at) {
            Some(b'"') if rest.get(at + 1) == Some(&b'"') => {
                is_escaped = true;
                at += 2;
            }
            Some(b'"') => break at,
            // Both bytes of a line end belong to one line.
            Some(b'\r') if rest.get(at + 1) == Some(&b'\n') => at += 1,
            Some(byte) => {
                *lines += u64::from(is_line_end(*byte));
                at += 1;
            }
            None => return Err(UNCLOSED),
        }
        if *lines > ROW_LINES_MAX || at > ROW_BYTES_MAX {
            return Err(UNCLOSED);
        }
    };
    let inner = rest.get(begin..close).unwrap_or_default();
    let blanks = rest.get(close + 1..).unwrap_or_default();
    let end = close + 1 + blanks.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    match rest.get(end) {
        None | Some(b',' | b'\r' | b'\n') => {}
        Some(_) => return Err("text stands behind a closing quote"),
    }
    let cell = if is_escaped {
        let mut unescaped = Vec::with_capacity(inner.len());
        let mut bytes = inner.iter();
        while let Some(byte) = bytes.next() {
            unescaped.push(*byte);
            if *byte == b'"' {
                bytes.next();
            }
        }
        Cow::Owned(unescaped)
    } else {
        Cow::Borrowed(inner)
    };
    Ok((cell, end))
}

fn decode(cells: Cells<'_>) -> Result<Vec<Cow<'_, str>>, &'static str> {
    const NOT_UTF_8: &str = "the row is not UTF-8; save the file as `CSV UTF-8` and import it again";
    cells
        .into_iter()
        .map(|cell| match cell {
            Cow::Borrowed(bytes) => str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| NOT_UTF_8),
            Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).map_err(|_| NOT_UTF_8),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expect: &[(u64, Result<&[&str], &str>)]) {
        let rows: Vec<_> = Rows::new(text.as_bytes(), 0)
            .map(|row| {
                (row.line, row.cells.map(|cells| cells.iter().map(ToString::to_string).collect::<Vec<_>>()))
            })
            .collect();
        let rows: Vec<(u64, Result<Vec<&str>, &str>)> = rows
            .iter()
            .map(|(line, cells)| {
                (
                    *line,
                    cells
                        .as_ref()
                        .map(|cells| cells.iter().map(String::as_str).collect())
                        .map_err(|fault| *fault),
                )
            })
            .collect();
        let expect: Vec<_> =
            expect.iter().map(|(line, cells)| (*line, cells.map(<[&str]>::to_vec))).collect();
        assert_eq!(rows, expect);
    }

    #[test]
    fn lines_are_physical_whatever_ends_them() {
        check("a,b\nc,d\n", &[(1, Ok(&["a", "b"])), (2, Ok(&["c", "d"]))]);
        check("a\r\nb\rc", &[(1, Ok(&["a"])), (2, Ok(&["b"])), (3, Ok(&["c"]))]);
        check("a\n\n\nb", &[(1, Ok(&["a"])), (2, Ok(&[""])), (3, Ok(&[""])), (4, Ok(&["b"]))]);
        check("\"a\nb\r\nc\",d\ne", &[(1, Ok(&["a\nb\r\nc", "d"])), (4, Ok(&["e"]))]);
    }

    #[test]
    fn quotes_hold_commas_and_quotes() {
        check("\"a, b\",\"say \"\"hi\"\"\",\"\" ,x\"y", &[(1, Ok(&["a, b", "say \"hi\"", "", "x\"y"]))]);
    }

    #[test]
    fn a_stray_quote_costs_its_own_line_only() {
        check(
            "a,\"b\nc,d\ne,\"f\"\n",
            &[(1, Err("text stands behind a closing quote")), (2, Ok(&["c", "d"])), (3, Ok(&["e", "f"]))],
        );
        check("a,\"b\nc,d\n", &[(1, Err("a quote is opened and never closed")), (2, Ok(&["c", "d"]))]);
        check("a,\"b\"c\nd", &[(1, Err("text stands behind a closing quote")), (2, Ok(&["d"]))]);
    }

    #[test]
    fn a_row_that_is_not_utf_8_costs_its_own_line_only() {
        let rows: Vec<_> = Rows::new(b"a\nL\xeda\nb", 0).map(|row| (row.line, row.cells.is_ok())).collect();
        assert_eq!(rows, [(1, true), (2, false), (3, true)]);
    }

    #[test]
    fn a_line_without_end_is_refused_in_one_pass() {
        let mut text = vec![b'x'; 20 << 20];
        text.extend(b"\ngood");
        text.extend(vec![b'"'; 3 << 20]);
        let rows: Vec<_> = Rows::new(&text, 0).map(|row| row.cells.is_ok()).collect();
        assert_eq!(rows, [false, false]);
        let quotes: Vec<u8> = b"\"\n".repeat(100_000);
        assert!(Rows::new(&quotes, 0).count() <= 100_000);
    }

    proptest! {
        #[test]
        fn any_bytes_are_split_without_loss_or_panic(bytes in prop::collection::vec(prop::sample::select(&b"a,\"\n\r \xff"[..]), 0..200)) {
            let mut end = 0;
            let mut line = 0;
            for row in Rows::new(&bytes, 0) {
                prop_assert!(row.span.start >= end && row.span.start <= end + 2);
                prop_assert!(row.line > line);
                end = row.span.end;
                line = row.line;
            }
            prop_assert!(bytes.len() <= end + 2);
        }

        #[test]
        fn what_a_csv_writer_writes_reads_back(rows in prop::collection::vec(prop::collection::vec("[a\",\n é]{0,6}", 2..5), 1..8)) {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let bytes = writer.into_inner().unwrap();
            let read: Vec<Vec<String>> = Rows::new(&bytes, 0)
                .map(|row| row.cells.unwrap().into_iter().map(Cow::into_owned).collect())
                .collect();
            prop_assert_eq!(read, rows);
        }
    }
}
