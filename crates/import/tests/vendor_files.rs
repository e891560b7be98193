//! Whole files, as vendors send them and as they should not

#![allow(clippy::unwrap_used)]

use import::{FileError, Format, JudgmentStatus, Record, VendorFile, read};
use proptest::prelude::*;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data");

fn file(path: &str) -> Vec<u8> {
    std::fs::read(format!("{DATA}/{path}")).unwrap()
}

fn refused(file: &VendorFile) -> Vec<(u64, &str)> {
    file.rows.iter().filter_map(|row| Some((row.line, row.record.as_ref().err()?.as_str()))).collect()
}

#[track_caller]
fn judgment<'a>(file: &'a VendorFile, case_number: &str) -> &'a import::JudgmentRecord {
    let found = file.rows.iter().find_map(|row| match row.record.as_ref() {
        Ok(Record::Judgment(record)) if record.case_number == case_number => Some(record),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no judgment {case_number}"))
}

#[test]
fn every_vendor_export_is_recognised_and_read_whole() {
    for (name, format, rows) in [
        ("simplicity-intake", Format::SimplicityIntake, 100),
        ("simplicity-export", Format::SimplicityExport, 200),
        ("simplicity-canonical", Format::SimplicityCanonical, 100),
        ("jbi-900", Format::Jbi900, 100),
        ("status-export", Format::StatusExport, 200),
        ("debtor-intelligence", Format::DebtorIntelligence, 400),
        ("plaintiff-intake", Format::PlaintiffIntake, 8),
    ] {
        let read = read(&file(&format!("vendor-exports/{name}.csv")), None).unwrap();
        assert_eq!(read.format, format);
        assert_eq!(refused(&read), []);
        assert_eq!(read.rows.len(), rows, "{name}");
    }
}

#[test]
fn cells_arrive_as_they_are_meant() {
    let export = read(&file("vendor-exports/simplicity-export.csv"), None).unwrap();
    let record = judgment(&export, "BXC-2014-100109");
    assert_eq!(record.judgment_amount.cents(), 5_842_113);
    assert_eq!(record.judgment_date.unwrap().to_string(), "2014-10-13");
    assert_eq!(record.plaintiff, "O'Leary Holdings, Inc.");
    assert_eq!(record.plaintiff_phone, None);
    assert_eq!(record.status, Some(JudgmentStatus::Unsatisfied));
    assert_eq!(record.balance, None);
    assert_eq!(record.lead_id.as_deref(), Some("110"));

    let jbi = read(&file("vendor-exports/jbi-900.csv"), None).unwrap();
    let record = judgment(&jbi, "LASC-2017-100003");
    assert_eq!(record.balance.unwrap().cents(), 1_571_430);
    assert!(
        jbi.rows
            .iter()
            .all(|row| !matches!(&row.record, Ok(Record::Judgment(r)) if r.plaintiff.contains("Bank")))
    );
}

#[test]
fn the_faulty_export_is_refused_line_by_line() {
    let read = read(&file("vendor-exports/faulty-export.csv"), None).unwrap();
    assert_eq!(read.rows.len(), 8);
    assert_eq!(
        refused(&read),
        [
            (2, "Plaintiff is missing"),
            (3, "JudgmentAmount: `-5.00` is negative"),
            (4, "JudgmentAmount: `12k` is not an amount of money"),
            (5, "JudgmentDate: `03/04/2024` is not a date of the form YYYY-MM-DD"),
            (6, "JudgmentDate: `13/02/2024` is not a date of the form YYYY-MM-DD"),
            (7, "the row has 8 cells and the header has 7; is there a comma outside quotes?"),
        ]
    );
    assert_eq!(read.rows[6].record, read.rows[7].record);
    assert_eq!((read.rows[6].line, read.rows[7].line), (9, 10));
}

#[test]
fn quirks_of_an_intake_do_not_move_its_lines() {
    let bytes = file("other-exports/simplicity-intake-quirks.csv");
    let read = read(&bytes, None).unwrap();
    let record = judgment(&read, "OX-1");
    assert_eq!(record.plaintiff, "Harborview Funding LLC");
    assert_eq!(record.defendant.as_deref(), Some("Zoë Nyström"));
    assert_eq!(record.judgment_amount.cents(), 123_456_780);
    assert_eq!(judgment(&read, "OX-2").court, None);
    assert_eq!(
        refused(&read),
        [
            (7, "a quote is opened and never closed"),
            (8, "JudgmentDate: there is no date `2021-02-29` (YYYY-MM-DD)"),
            (9, "Defendant is missing"),
            (10, "CaseNo: `--` has no letter or digit"),
            (11, "the row has 6 cells and the header has 7"),
            (12, "JudgmentAmount: `10.001` has more than two decimals"),
            (13, "the row is not UTF-8; save the file as `CSV UTF-8` and import it again"),
            (14, "JudgmentAmount: `($10)` is negative"),
        ]
    );
    let source = read.rows.iter().find(|row| row.line == 8).unwrap().source[0].clone();
    assert!(bytes[source].starts_with(b"OX-4,"));
}

#[test]
fn jbi_rows_become_one_judgment_a_case() {
    let read = read(&file("other-exports/jbi-900-quirks.csv"), None).unwrap();
    let record = judgment(&read, "JX-1");
    assert_eq!(record.plaintiff, "Harborview Funding LLC");
    assert_eq!(record.defendant.as_deref(), Some("Ivy Ng"));
    assert_eq!(record.balance.unwrap().cents(), 125_050);
    let record = judgment(&read, "JX-2");
    assert_eq!(
        (record.plaintiff.as_str(), record.co_plaintiffs.as_slice()),
        ("First Creditor LLC", &["Second Creditor LLC".to_owned()][..])
    );
    assert_eq!(record.defendant.as_deref(), Some("Ana Holm; Bo Holm"));
    assert_eq!(record.status, Some(JudgmentStatus::Satisfied));
    assert_eq!(
        refused(&read),
        [
            (9, "judgment_balance differs from line 8, which is of the same case"),
            (10, "the case has no judgment creditor"),
            (12, "the case has no judgment debtor"),
            (13, "the row has 17 cells and the header has 15; is there a comma outside quotes?"),
            (15, "filing_date: `2020-01-02` is not a date of the form MM/DD/YYYY"),
            (17, "case_status: `appealed` is not a status: Open, Enforcement Pending or Closed"),
        ]
    );
    assert_eq!(read.rows.len(), 9);
    // The same number in another court is another case.
    assert_eq!(read.rows.last().map(|row| (row.line, row.source.len())), Some((19, 3)));
}

#[track_caller]
fn check_refused(bytes: &[u8], format: Option<Format>, expect: &str) {
    let error = read(bytes, format).unwrap_err().to_string();
    assert!(error.starts_with(expect), "{error}");
}

const INTAKE: &str = "CaseNo,Plaintiff,Defendant,JudgmentAmount,JudgmentDate,Court,County";

#[test]
fn files_that_are_no_exports_say_why() {
    check_refused(b"", None, "the file is empty");
    check_refused(b"\xef\xbb\xbf\n\n , \n", None, "the file is empty");
    check_refused(INTAKE.as_bytes(), None, "the file has a header (simplicity-intake) and no rows");
    check_refused(b"\xff\xfeC\0a\0", None, "the file is UTF-16; save it as `CSV UTF-8` and import it again");
    check_refused(b"PK\x03\x04rest", None, "the file is a spreadsheet or ZIP archive, not CSV");
    check_refused(b"a\xff,b\n1,2", None, "the header (line 1) cannot be read: the row is not UTF-8");
    check_refused(
        b"\"CaseNo,x\n1,2",
        None,
        "the header (line 1) cannot be read: a quote is opened and never closed",
    );
    check_refused(b"CaseNo,Court,case no\n1,2,3", None, "the header names the column `case no` twice");
    check_refused(
        b"CaseNo;Plaintiff;Defendant\nA;B;C",
        None,
        "the header is of no known format; cells must be separated by commas; known formats:",
    );
    check_refused(
        b"CaseNo,Plaintiff,Defendant,Amount,JudgmentDate,Court,County\nA,B,C,D,E,F,G",
        None,
        "the header is of no known format; nearest is simplicity-intake, missing JudgmentAmount, unknown Amount; known formats:\n  simplicity-intake: CaseNo, ",
    );
    check_refused(
        b"case_number,bank_name\nA,B",
        Some(Format::DebtorIntelligence),
        "the header lacks columns of debtor-intelligence: collectability_score, employer_name, ",
    );
}

#[test]
fn a_canonical_file_is_not_taken_for_the_export_it_is_part_of() {
    let canonical = Format::SimplicityCanonical.columns().join(",");
    let row = "1,Import,Queens Supreme Court,CX-1,2024-01-05,10.00,Queens,NY,P,,,,\n";
    let read_ = read(format!("{canonical}\n{row}").as_bytes(), None).unwrap();
    assert_eq!(read_.format, Format::SimplicityCanonical);
    // One column more is no format; whoever knows better says so.
    let more = format!("{canonical},Notes\n{}", row.replace('\n', ",x\n"));
    assert!(matches!(
        read(more.as_bytes(), None),
        Err(FileError::UnknownHeader { nearest: Some(Format::SimplicityCanonical), .. })
    ));
    assert_eq!(refused(&read(more.as_bytes(), Some(Format::SimplicityCanonical)).unwrap()), []);
}

#[test]
fn refused_rows_can_be_mended_in_their_own_export() {
    let mended = format!(
        "refused_line,refused_reason,{INTAKE}\n7,\"too many cells\",BAD-6,P,D,\"$5,432.10\",2024-01-05,C,Q\n"
    );
    let read = read(mended.as_bytes(), None).unwrap();
    assert_eq!(judgment(&read, "BAD-6").judgment_amount.cents(), 543_210);
}

#[test]
fn blank_columns_at_the_end_do_not_hide_the_format() {
    let read = read(format!("{INTAKE},,\nA-1,P,D,1,2024-01-05,C,Q,,\n").as_bytes(), None).unwrap();
    assert_eq!(judgment(&read, "A-1").judgment_amount.cents(), 100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_bytes_panic_behind_any_header(
        format in prop::sample::select(&Format::ALL[..]),
        tail in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = format.columns().join(",").into_bytes();
        bytes.push(b'\n');
        bytes.extend(&tail);
        let _ = read(&bytes, None);
        let _ = read(&tail, Some(format));
    }

    #[test]
    fn every_row_is_answered_once_and_lines_ascend(
        format in prop::sample::select(&[Format::SimplicityIntake, Format::DebtorIntelligence, Format::StatusExport][..]),
        rows in prop::collection::vec(prop::collection::vec("[a-c0-9$.,/\"\n -]{0,8}", 1..9), 1..12),
    ) {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        writer.write_record(format.columns()).unwrap();
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let expect = rows.iter().filter(|row| row.iter().any(|cell| !cell.trim().is_empty())).count();
        match read(&bytes, None) {
            Ok(file) => {
                prop_assert_eq!(file.rows.len(), expect);
                prop_assert!(file.rows.windows(2).all(|pair| pair[0].line < pair[1].line));
                for row in &file.rows {
                    prop_assert!(serde_json::to_string(&row.record.as_ref().ok()).is_ok());
                }
            }
            Err(error) => prop_assert_eq!((error, expect), (FileError::NoRows(format), 0)),
        }
    }
}
