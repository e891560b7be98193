//! A whole file: its header, then row after row into records.

use std::borrow::Cow;
use std::ops::Range;

use crate::cell;
use crate::format::{Format, normal};
use crate::jbi;
use crate::record::{IntelligenceRecord, JudgmentRecord, PlaintiffRecord, Record, StatusRecord};
use crate::rows::{RawRow, Rows};

/// What a file says, row by row
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorFile {
    pub format: Format,
    /// Where the header stands in the file.
    pub header: Range<usize>,
    /// Never empty; in the order of the file.
    pub rows: Vec<ImportRow>,
}

/// One row, or with JBI 900 the rows of one case
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRow {
    /// The physical line on which it begins, or, where it is refused, the line that is at fault.
    pub line: u64,
    /// Where it stands in the file; several places with JBI 900. Without line ends.
    pub source: Vec<Range<usize>>,
    /// False where not even its cells could be told apart.
    pub is_well_formed: bool,
    /// Or the reason why it is refused.
    pub record: Result<Record, String>,
}

/// Why nothing of a file can be read
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    #[error("the file is empty")]
    Empty,
    #[error("the file has a header ({0}) and no rows")]
    NoRows(Format),
    #[error("the file is {0}; save it as `CSV UTF-8` and import it again")]
    Encoding(&'static str),
    #[error("the header (line {line}) cannot be read: {fault}")]
    Header { line: u64, fault: &'static str },
    #[error("the header names the column `{0}` twice")]
    DuplicateColumn(String),
    #[error("{}", unknown_header(columns, *nearest))]
    UnknownHeader { columns: Vec<String>, nearest: Option<Format> },
    #[error("the header lacks columns of {format}: {}", missing.join(", "))]
    MissingColumns { format: Format, missing: Vec<&'static str> },
}

/// Columns that an export of refused rows has in front; so it can be corrected and imported again.
pub(crate) const REFUSAL_COLUMNS: [&str; 2] = ["refused_line", "refused_reason"];

/// Reads a file of a known format
///
/// Without `format`, the header decides: its columns must be exactly those of one format, in any order;
/// case, spaces and punctuation of names do not count. With `format`, columns that it does not know are ignored.
pub fn read(bytes: &[u8], format: Option<Format>) -> Result<VendorFile, FileError> {
    let begin = match bytes {
        [0xef, 0xbb, 0xbf, ..] => 3,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Err(FileError::Encoding("UTF-16")),
        [b'P', b'K', 3, 4, ..] => return Err(FileError::Encoding("a spreadsheet or ZIP archive, not CSV")),
        _ => 0,
    };
    let mut rows = Rows::new(bytes, begin);
    let header = rows.find(|row| !row.is_blank()).ok_or(FileError::Empty)?;
    let names = header.cells.map_err(|fault| FileError::Header { line: header.line, fault })?;
    let layout = Layout::of(&names, format)?;

    let rows: Vec<ImportRow> = match layout.format {
        Format::Jbi900 => jbi::read(&layout, rows),
        _ => rows.filter(|row| !row.is_blank()).map(|row| layout.read_row(row)).collect(),
    };
    if rows.is_empty() {
        return Err(FileError::NoRows(layout.format));
    }
    Ok(VendorFile { format: layout.format, header: header.span, rows })
}

/// Which cell belongs to which column
#[derive(Debug)]
pub(crate) struct Layout {
    format: Format,
    cell_count: usize,
    /// For each column of the format, in its order, the place of its cell.
    places: Vec<usize>,
}

impl Layout {
    fn of(names: &[Cow<'_, str>], format: Option<Format>) -> Result<Layout, FileError> {
        let refusal_columns = REFUSAL_COLUMNS.map(normal);
        let header: Vec<String> = names
            .iter()
            .map(|name| normal(name))
            .map(|name| if refusal_columns.contains(&name) { String::new() } else { name })
            .collect();
        for (place, name) in header.iter().enumerate() {
            if !name.is_empty() && header.iter().take(place).any(|earlier| earlier == name) {
                let name = names.get(place).map(|name| cell::shown(name.trim())).unwrap_or_default();
                return Err(FileError::DuplicateColumn(name));
            }
        }
        let format = match format {
            Some(format) => format,
            None => Format::recognise(&header).ok_or_else(|| FileError::UnknownHeader {
                columns: names
                    .iter()
                    .zip(&header)
                    .filter(|(_, normal)| !normal.is_empty())
                    .map(|(name, _)| cell::shown(name.trim()))
                    .collect(),
                nearest: Format::nearest(&header),
            })?,
        };
        let missing = format.missing(&header);
        if !missing.is_empty() {
            return Err(FileError::MissingColumns { format, missing });
        }
        let places = format
            .columns()
            .iter()
            .filter_map(|column| header.iter().position(|name| *name == normal(column)))
            .collect();
        Ok(Layout { format, cell_count: names.len(), places })
    }

    fn read_row(&self, row: RawRow<'_>) -> ImportRow {
        let is_well_formed = row.cells.is_ok();
        let record = row.cells.map_err(str::to_owned).and_then(|cells| self.record(&self.cells(&cells)?));
        ImportRow { line: row.line, source: vec![row.span], is_well_formed, record }
    }

    /// The cells of a row by their columns; too few or too many are refused, never shifted into place
    pub(crate) fn cells<'a>(&'a self, cells: &'a [Cow<'a, str>]) -> Result<RowCells<'a>, String> {
        if cells.len() != self.cell_count {
            return Err(format!(
                "the row has {} cells and the header has {}{}",
                cells.len(),
                self.cell_count,
                if cells.len() > self.cell_count { "; is there a comma outside quotes?" } else { "" }
            ));
        }
        Ok(RowCells { layout: self, cells })
    }

    /// The cell of `column` as it stands, even in a row with too many or too few cells
    pub(crate) fn peek<'a>(&self, cells: &'a [Cow<'a, str>], column: &str) -> Option<&'a str> {
        let at = self.format.columns().iter().position(|name| *name == column)?;
        cells.get(*self.places.get(at)?).map(|cell| cell.trim())
    }

    fn record(&self, row: &RowCells<'_>) -> Result<Record, String> {
        match self.format {
            Format::SimplicityIntake => intake(row).map(Box::new).map(Record::Judgment),
            Format::SimplicityExport => export(row).map(Box::new).map(Record::Judgment),
            Format::SimplicityCanonical => canonical(row).map(Box::new).map(Record::Judgment),
            Format::StatusExport => status(row).map(Record::Status),
            Format::DebtorIntelligence => intelligence(row).map(Record::Intelligence),
            Format::PlaintiffIntake => plaintiff(row).map(Record::Plaintiff),
            Format::Jbi900 => Err("a case has several rows".to_owned()),
        }
    }
}

/// The cells of one row, asked for by column
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowCells<'a> {
    layout: &'a Layout,
    cells: &'a [Cow<'a, str>],
}

impl RowCells<'_> {
    /// Text, or `None` where the cell is blank.
    pub(crate) fn text(&self, column: &str) -> Result<Option<String>, String> {
        self.read(column, |cell| Ok(cell.to_owned()))
    }

    /// Text that must be there.
    pub(crate) fn required_text(&self, column: &str) -> Result<String, String> {
        self.required(column, |cell| Ok(cell.to_owned()))
    }

    pub(crate) fn case_number(&self, column: &str) -> Result<String, String> {
        self.required(column, |cell| cell::case_number(cell).map(|()| cell.to_owned()))
    }

    /// What `parse` makes of a cell; blank ones are `None`, errors name the column.
    pub(crate) fn read<T>(
        &self,
        column: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        let cell = self.layout.peek(self.cells, column).unwrap_or_default();
        cell::text(cell)
            .and_then(|text| text.as_deref().map(parse).transpose())
            .map_err(|message| format!("{column}: {message}"))
    }

    pub(crate) fn required<T>(
        &self,
        column: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, String> {
        self.read(column, parse)?.ok_or_else(|| format!("{column} is missing"))
    }

    pub(crate) fn date(&self, column: &str) -> Result<Option<chrono::NaiveDate>, String> {
        self.read(column, |text| cell::date(text, self.layout.format.date_order()))
    }

    fn time(&self, column: &str) -> Result<Option<chrono::DateTime<chrono::Utc>>, String> {
        self.read(column, |text| cell::time(text, self.layout.format.date_order()))
    }
}

fn intake(row: &RowCells<'_>) -> Result<JudgmentRecord, String> {
    Ok(JudgmentRecord {
        case_number: row.case_number("CaseNo")?,
        court: row.text("Court")?,
        county: row.text("County")?,
        state: None,
        case_type: None,
        filing_date: None,
        judgment_date: row.date("JudgmentDate")?,
        judgment_amount: row.required("JudgmentAmount", cell::money)?,
        balance: None,
        status: None,
        plaintiff: row.required_text("Plaintiff")?,
        plaintiff_address: None,
        plaintiff_phone: None,
        plaintiff_email: None,
        co_plaintiffs: Vec::new(),
        defendant: Some(row.required_text("Defendant")?),
        defendant_address: None,
        lead_source: None,
        lead_id: None,
    })
}

fn canonical(row: &RowCells<'_>) -> Result<JudgmentRecord, String> {
    Ok(JudgmentRecord {
        case_number: row.case_number("IndexNumber")?,
        court: row.text("Court")?,
        county: row.text("County")?,
        state: row.text("State")?,
        case_type: None,
        filing_date: None,
        judgment_date: row.date("JudgmentDate")?,
        judgment_amount: row.required("JudgmentAmount", cell::money)?,
        balance: None,
        status: None,
        plaintiff: row.required_text("PlaintiffName")?,
        plaintiff_address: row.text("PlaintiffAddress")?,
        plaintiff_phone: row.text("Phone")?,
        plaintiff_email: row.text("Email")?,
        co_plaintiffs: Vec::new(),
        defendant: None,
        defendant_address: None,
        lead_source: row.text("LeadSource")?,
        lead_id: row.text("LeadID")?,
    })
}

fn export(row: &RowCells<'_>) -> Result<JudgmentRecord, String> {
    Ok(JudgmentRecord {
        case_type: row.text("CaseType")?,
        status: row.read("Status", cell::status)?,
        defendant: Some(row.required_text("DefendantName")?),
        defendant_address: row.text("DefendantAddress")?,
        ..canonical(row)?
    })
}

fn status(row: &RowCells<'_>) -> Result<StatusRecord, String> {
    // Not stored, but a row of which one cell is wrong is not trusted with the others.
    row.date("JudgmentDate")?;
    row.read("Amount", cell::money)?;
    Ok(StatusRecord {
        docket: row.case_number("Docket")?,
        lead_id: row.text("LeadID")?,
        county: row.text("County")?,
        status: row.required("Status", cell::status)?,
        updated_at: row.time("UpdatedAt")?,
    })
}

fn intelligence(row: &RowCells<'_>) -> Result<IntelligenceRecord, String> {
    Ok(IntelligenceRecord {
        case_number: row.case_number("case_number")?,
        collectability_score: row.read("collectability_score", cell::score)?,
        employer_name: row.text("employer_name")?,
        bank_name: row.text("bank_name")?,
        real_property_lead: row.text("real_property_lead")?,
        vehicle_lead: row.text("vehicle_lead")?,
        last_updated: row.time("last_updated")?,
    })
}

fn plaintiff(row: &RowCells<'_>) -> Result<PlaintiffRecord, String> {
    Ok(PlaintiffRecord {
        name: row.required_text("plaintiff_name")?,
        email: row.text("email")?,
        phone: row.text("phone")?,
        firm_name: row.text("firm_name")?,
        contact_name: row.text("contact_name")?,
        address: row.text("address")?,
        city: row.text("city")?,
        state: row.text("state")?,
        postal_code: row.text("postal_code")?,
        source_reference: row.text("source_reference")?,
    })
}

fn unknown_header(columns: &[String], nearest: Option<Format>) -> String {
    let mut message = String::from("the header is of no known format");
    if let Some(format) = nearest {
        let header: Vec<String> = columns.iter().map(|name| normal(name)).collect();
        let known: Vec<String> = format.columns().iter().map(|column| normal(column)).collect();
        let unknown: Vec<&str> = columns
            .iter()
            .zip(&header)
            .filter(|(_, name)| !known.contains(name))
            .map(|(name, _)| name.as_str())
            .collect();
        message.push_str(&format!("; nearest is {format}"));
        for (what, columns) in [("missing", &format.missing(&header)), ("unknown", &unknown)] {
            if !columns.is_empty() {
                message.push_str(&format!(", {what} {}", columns.join(", ")));
            }
        }
    } else if let [one] = columns
        && one.contains([';', '\t', '|'])
    {
        message.push_str("; cells must be separated by commas");
    }
    message.push_str("; known formats:");
    for format in Format::ALL {
        message.push_str(&format!("\n  {format}: {}", format.columns().join(", ")));
    }
    message
}
