//! What a row says, in types; serialized as the database reads it.

use chrono::{DateTime, NaiveDate, Utc};
use policy::tier::{Cents, Score};
use serde::Serialize;

/// One row of a vendor's file
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Record {
    Judgment(Box<JudgmentRecord>),
    Status(StatusRecord),
    Intelligence(IntelligenceRecord),
    Plaintiff(PlaintiffRecord),
}

/// A judgment with its parties; what is `None` the file does not say
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JudgmentRecord {
    pub case_number: String,
    pub court: Option<String>,
    pub county: Option<String>,
    pub state: Option<String>,
    pub case_type: Option<String>,
    pub filing_date: Option<NaiveDate>,
    pub judgment_date: Option<NaiveDate>,
    pub judgment_amount: Cents,
    /// The balance due, where the file states one.
    pub balance: Option<Cents>,
    pub status: Option<JudgmentStatus>,
    pub plaintiff: String,
    pub plaintiff_address: Option<String>,
    pub plaintiff_phone: Option<String>,
    pub plaintiff_email: Option<String>,
    /// Further creditors of the judgment, in the order of the file.
    pub co_plaintiffs: Vec<String>,
    pub defendant: Option<String>,
    pub defendant_address: Option<String>,
    pub lead_source: Option<String>,
    pub lead_id: Option<String>,
}

/// A status of a judgment that is known already, by docket or, where that is not enough, by lead id
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusRecord {
    /// The case number, with or without punctuation.
    pub docket: String,
    pub lead_id: Option<String>,
    pub county: Option<String>,
    pub status: JudgmentStatus,
    pub updated_at: Option<DateTime<Utc>>,
}

/// All that the vendor knows of a debtor: a blank signal is withdrawn, a missing score leaves the known one
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IntelligenceRecord {
    pub case_number: String,
    pub collectability_score: Option<Score>,
    pub employer_name: Option<String>,
    pub bank_name: Option<String>,
    pub real_property_lead: Option<String>,
    pub vehicle_lead: Option<String>,
    pub last_updated: Option<DateTime<Utc>>,
}

/// A plaintiff and how to reach them; what is `None` the file does not say
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaintiffRecord {
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub firm_name: Option<String>,
    pub contact_name: Option<String>,
    pub address: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub postal_code: Option<String>,
    pub source_reference: Option<String>,
}

/// The statuses that vendors know
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JudgmentStatus {
    Unsatisfied,
    InProgress,
    Satisfied,
}

impl Record {
    /// The case number, docket or plaintiff's name: what people look a row up by.
    pub fn subject(&self) -> &str {
        match self {
            Record::Judgment(record) => &record.case_number,
            Record::Status(record) => &record.docket,
            Record::Intelligence(record) => &record.case_number,
            Record::Plaintiff(record) => &record.name,
        }
    }
}
