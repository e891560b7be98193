//! Vendor files, read and checked row by row; no I/O, no clock.
//!
//! [`read`] recognises a file by its header and answers one [`ImportRow`] a judgment, status, enrichment or
//! plaintiff, each either a typed [`Record`] or the reason why it is refused. A fault refuses its own row and
//! no other. What the records do to the database is decided there, by `process_simplicity_imports`.
//!
//! Files are comma-separated UTF-8, with or without a byte-order mark. Nothing is guessed: a row that is not
//! UTF-8 is refused with its line rather than read as some other encoding, since a wrong guess would store
//! wrong names.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod cell;
mod file;
mod format;
mod jbi;
mod record;
mod rows;

pub use file::{FileError, ImportRow, VendorFile, read};
pub use format::{Format, UnknownFormat};
pub use record::{IntelligenceRecord, JudgmentRecord, JudgmentStatus, PlaintiffRecord, Record, StatusRecord};
