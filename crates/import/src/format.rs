//! The formats that the firm receives, told apart by their headers alone.

use std::fmt;
use std::str::FromStr;

use crate::cell::DateOrder;

/// A vendor's format
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    SimplicityIntake,
    SimplicityExport,
    SimplicityCanonical,
    Jbi900,
    StatusExport,
    DebtorIntelligence,
    PlaintiffIntake,
}

/// A name that no format has
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a format; known are {known}", known = Format::ALL.map(Format::name).join(", "))]
pub struct UnknownFormat(String);

impl Format {
    pub const ALL: [Format; 7] = [
        Format::SimplicityIntake,
        Format::SimplicityExport,
        Format::SimplicityCanonical,
        Format::Jbi900,
        Format::StatusExport,
        Format::DebtorIntelligence,
        Format::PlaintiffIntake,
    ];

    /// The name on the command line, in JSON and in `import_runs.format`.
    pub const fn name(self) -> &'static str {
        match self {
            Format::SimplicityIntake => "simplicity-intake",
            Format::SimplicityExport => "simplicity-export",
            Format::SimplicityCanonical => "simplicity-canonical",
            Format::Jbi900 => "jbi-900",
            Format::StatusExport => "status-export",
            Format::DebtorIntelligence => "debtor-intelligence",
            Format::PlaintiffIntake => "plaintiff-intake",
        }
    }

    /// The columns as vendors write them, in their usual order.
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Format::SimplicityIntake => {
                &["CaseNo", "Plaintiff", "Defendant", "JudgmentAmount", "JudgmentDate", "Court", "County"]
            }
            Format::SimplicityExport => &[
                "LeadID",
                "LeadSource",
                "Court",
                "IndexNumber",
                "CaseType",
                "JudgmentDate",
                "JudgmentAmount",
                "Status",
                "County",
                "State",
                "PlaintiffName",
                "PlaintiffAddress",
                "DefendantName",
                "DefendantAddress",
                "Phone",
                "Email",
                "BestContactMethod",
                "AssignedAgent",
            ],
            Format::SimplicityCanonical => &[
                "LeadID",
                "LeadSource",
                "Court",
                "IndexNumber",
                "JudgmentDate",
                "JudgmentAmount",
                "County",
                "State",
                "PlaintiffName",
                "PlaintiffAddress",
                "Phone",
                "Email",
                "BestContactMethod",
            ],
            Format::Jbi900 => &[
                "case_number",
                "case_status",
                "court_name",
                "county",
                "state",
                "filing_date",
                "judgment_date",
                "judgment_amount",
                "judgment_balance",
                "party_role",
                "party_type",
                "party_name",
                "party_phone",
                "contact_type",
                "party_email",
            ],
            Format::StatusExport => {
                &["LeadID", "Status", "UpdatedAt", "Docket", "County", "State", "JudgmentDate", "Amount"]
            }
            Format::DebtorIntelligence => &[
                "case_number",
                "collectability_score",
                "employer_name",
                "bank_name",
                "real_property_lead",
                "vehicle_lead",
                "last_updated",
            ],
            Format::PlaintiffIntake => &[
                "plaintiff_name",
                "email",
                "phone",
                "firm_name",
                "contact_name",
                "address",
                "city",
                "state",
                "postal_code",
                "source_reference",
            ],
        }
    }

    /// The order of dates belongs to the format.
    pub(crate) const fn date_order(self) -> DateOrder {
        match self {
            Format::SimplicityExport | Format::Jbi900 | Format::StatusExport => DateOrder::Us,
            _ => DateOrder::Iso,
        }
    }

    /// The format whose columns are exactly those of `header`, in any order
    pub(crate) fn recognise(header: &[String]) -> Option<Format> {
        Format::ALL.into_iter().find(|format| {
            format.columns().len() == header.iter().filter(|name| !name.is_empty()).count()
                && format.missing(header).is_empty()
        })
    }

    /// The format that shares most columns with `header`, if any
    pub(crate) fn nearest(header: &[String]) -> Option<Format> {
        let distance = |format: &Format| {
            let missing = format.missing(header).len();
            let shared = format.columns().len() - missing;
            (shared > 0).then_some(missing + header.len().saturating_sub(shared))
        };
        Format::ALL.into_iter().filter(|format| distance(format).is_some()).min_by_key(distance)
    }

    /// The columns that `header` lacks
    pub(crate) fn missing(self, header: &[String]) -> Vec<&'static str> {
        self.columns().iter().copied().filter(|column| !header.contains(&normal(column))).collect()
    }
}

/// A column's name as it is compared: lower-case letters and digits only
pub(crate) fn normal(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Format, UnknownFormat> {
        Format::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}
