//! JBI 900: one row a party; the rows of one case together are one judgment.

use std::collections::BTreeMap;

use crate::cell;
use crate::file::{ImportRow, Layout, RowCells};
use crate::record::{JudgmentRecord, Record};
use crate::rows::{RawRow, Rows};

/// The rows of one case, in the order of the file
struct Case<'a> {
    rows: Vec<RawRow<'a>>,
}

/// Groups the rows by case number and court, and reads each case
pub(crate) fn read(layout: &Layout, rows: Rows<'_>) -> Vec<ImportRow> {
    let mut cases: Vec<Case<'_>> = Vec::new();
    let mut places: BTreeMap<(String, String), usize> = BTreeMap::new();
    for row in rows.filter(|row| !row.is_blank()) {
        // A row that cannot be told apart, or names no case, stands alone; one with a wrong number of cells
        // still spoils its own case.
        let key = row.cells.as_ref().ok().and_then(|cells| {
            let docket: String =
                layout.peek(cells, "case_number")?.chars().filter(char::is_ascii_alphanumeric).collect();
            let court = layout.peek(cells, "court_name")?.to_lowercase();
            (!docket.is_empty()).then(|| (docket.to_ascii_uppercase(), court))
        });
        let place = key.map(|key| *places.entry(key).or_insert(cases.len()));
        match place.and_then(|place| cases.get_mut(place)) {
            Some(case) => case.rows.push(row),
            None => cases.push(Case { rows: vec![row] }),
        }
    }
    cases.into_iter().map(|case| case.read(layout)).collect()
}

impl Case<'_> {
    /// A fault of any row refuses the case: half of its parties is not the case.
    fn read(self, layout: &Layout) -> ImportRow {
        let first_line = self.rows.first().map_or(0, |row| row.line);
        let (line, record) = match self.record(layout) {
            Ok(record) => (first_line, Ok(Record::Judgment(Box::new(record)))),
            Err((line, error)) => (line.unwrap_or(first_line), Err(error)),
        };
        ImportRow {
            line,
            is_well_formed: self.rows.iter().all(|row| row.cells.is_ok()),
            source: self.rows.into_iter().map(|row| row.span).collect(),
            record,
        }
    }

    fn record(&self, layout: &Layout) -> Result<JudgmentRecord, (Option<u64>, String)> {
        let mut case: Option<(u64, JudgmentRecord)> = None;
        let mut creditors: Vec<Party> = Vec::new();
        let mut debtors: Vec<Party> = Vec::new();
        for row in &self.rows {
            let at_line = |error: String| (Some(row.line), error);
            let cells = row.cells.as_ref().map_err(|fault| at_line((*fault).to_owned()))?;
            let cells = layout.cells(cells).map_err(at_line)?;
            let read = read_case(&cells).map_err(at_line)?;
            match &case {
                None => case = Some((row.line, read)),
                Some((line, first)) => {
                    if let Some(column) = difference(first, &read) {
                        return Err(at_line(format!(
                            "{column} differs from line {line}, which is of the same case"
                        )));
                    }
                }
            }
            let (role, party) = read_party(&cells).map_err(at_line)?;
            let parties = match role {
                Role::Creditor => &mut creditors,
                Role::Debtor => &mut debtors,
                Role::Other => continue,
            };
            if parties.iter().all(|known| known.name != party.name) {
                parties.push(party);
            }
        }
        let (_, case) = case.ok_or((None, "the case has no rows".to_owned()))?;
        let mut creditors = creditors.into_iter();
        let plaintiff = creditors.next().ok_or((None, "the case has no judgment creditor".to_owned()))?;
        if debtors.is_empty() {
            return Err((None, "the case has no judgment debtor".to_owned()));
        }
        let defendants: Vec<&str> = debtors.iter().map(|debtor| debtor.name.as_str()).collect();
        Ok(JudgmentRecord {
            plaintiff: plaintiff.name,
            plaintiff_phone: plaintiff.phone,
            plaintiff_email: plaintiff.email,
            co_plaintiffs: creditors.map(|creditor| creditor.name).collect(),
            defendant: Some(defendants.join("; ")),
            ..case
        })
    }
}

/// What a party is to the case; only creditors become plaintiffs, whatever other roles a file may name
enum Role {
    Creditor,
    Debtor,
    Other,
}

struct Party {
    name: String,
    phone: Option<String>,
    email: Option<String>,
}

fn read_party(row: &RowCells<'_>) -> Result<(Role, Party), String> {
    let role = row.required("party_role", |role| {
        Ok(match role.to_lowercase().as_str() {
            "judgment creditor" | "creditor" | "plaintiff" => Role::Creditor,
            "judgment debtor" | "debtor" | "defendant" => Role::Debtor,
            _ => Role::Other,
        })
    })?;
    let party = Party {
        name: row.required_text("party_name")?,
        phone: row.text("party_phone")?,
        email: row.text("party_email")?,
    };
    Ok((role, party))
}

/// What every row of a case repeats
fn read_case(row: &RowCells<'_>) -> Result<JudgmentRecord, String> {
    Ok(JudgmentRecord {
        case_number: row.case_number("case_number")?,
        court: row.text("court_name")?,
        county: row.text("county")?,
        state: row.text("state")?,
        case_type: None,
        filing_date: row.date("filing_date")?,
        judgment_date: row.date("judgment_date")?,
        judgment_amount: row.required("judgment_amount", cell::money)?,
        balance: row.read("judgment_balance", cell::money)?,
        status: row.read("case_status", cell::status)?,
        plaintiff: String::new(),
        plaintiff_address: None,
        plaintiff_phone: None,
        plaintiff_email: None,
        co_plaintiffs: Vec::new(),
        defendant: None,
        defendant_address: None,
        lead_source: None,
        lead_id: None,
    })
}

/// The first column in which two rows of one case disagree
fn difference(a: &JudgmentRecord, b: &JudgmentRecord) -> Option<&'static str> {
    [
        ("county", a.county != b.county),
        ("state", a.state != b.state),
        ("case_status", a.status != b.status),
        ("filing_date", a.filing_date != b.filing_date),
        ("judgment_date", a.judgment_date != b.judgment_date),
        ("judgment_amount", a.judgment_amount != b.judgment_amount),
        ("judgment_balance", a.balance != b.balance),
    ]
    .into_iter()
    .find(|(_, differs)| *differs)
    .map(|(column, _)| column)
}
