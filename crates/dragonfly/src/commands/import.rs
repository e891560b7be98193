//! `dragonfly import`

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use db::imports::{self, Counts, RowOutcome, Source, ToldRow};
use import::{Format, VendorFile};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::failure::Outcome;
use crate::output;
use crate::settings::Settings;
use crate::store::with_store;

/// Show what a vendor's file would change, and with --commit change it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The file, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Write what the plan shows, in one transaction
    #[arg(long)]
    commit: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// Take the file for this format, and ignore columns that it does not know
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,

    /// Write the refused rows to OUT as CSV, each with its line and the reason in front
    #[arg(long, value_name = "OUT")]
    refused: Option<PathBuf>,
}

const EXAMPLES: &str = r#"Examples:
  dragonfly import judgments.csv
  dragonfly import judgments.csv --commit
  dragonfly import judgments.csv --json | jq '.refused[]'
  dragonfly import judgments.csv --refused mend.csv && edit mend.csv && dragonfly import mend.csv --commit

Formats, recognised by their headers: simplicity-intake, simplicity-export, simplicity-canonical,
jbi-900, status-export, debtor-intelligence, plaintiff-intake. Files are CSV with commas, in UTF-8.

A row that is at fault is refused with its line and the reason, and the others go in: dates of
another form than the format's (MM/DD/YYYY in simplicity-export, jbi-900 and status-export,
YYYY-MM-DD elsewhere), negative or malformed amounts, too many or too few cells, missing parties,
rows that contradict each other, rows that are not UTF-8.

Judgments are matched by case number (whatever its punctuation) and court; statuses by docket, and
by lead id or county where several courts have it; intelligence by case number; plaintiffs by name.
A row that says what the same format said last time is unchanged, so the same file twice changes
nothing. A balance that payments have changed is never overwritten. In debtor intelligence a blank
signal is withdrawn; a missing score leaves the one that is known. With jbi-900, counts are of
judgments, and only creditors become plaintiffs.

JSON: {"format": "…", "rows": n, "new": n, "changed": n, "unchanged": n,
       "refused": [{"line": n, "error": "…"}]}

Exit code 0 where the file could be read, also with refused rows; 1 where nothing could be read.
After --commit the judgments whose facts have changed are queued for tiering."#;

/// Files are read whole.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// A person reads no more than this; scripts have --json, and refused rows --refused.
const SHOWN_MAX: usize = 40;

#[derive(Serialize)]
struct Report<'a> {
    format: &'a str,
    rows: u64,
    new: u64,
    changed: u64,
    unchanged: u64,
    refused: Vec<RefusedRow<'a>>,
}

#[derive(Serialize)]
struct RefusedRow<'a> {
    line: u64,
    error: &'a str,
}

pub(crate) fn run(settings: &Settings, arguments: &Arguments) -> Outcome {
    let name = arguments.file.display().to_string();
    let bytes = read(&arguments.file).with_context(|| format!("cannot read `{name}`"))?;
    let file = import::read(&bytes, arguments.format).with_context(|| format!("`{name}`"))?;
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let source = Source {
        file_name: &arguments.file.file_name().map_or("-".into(), |name| name.to_string_lossy()),
        digest: &digest,
        imported_by: &imported_by(),
    };
    with_store(settings, async |store| {
        let mut tx = store.begin().await?;
        let run_id = imports::stage(&mut tx, store.org_id, &file, source).await?;
        let counts = imports::process(&mut tx, run_id).await?;
        let told = imports::told_rows(&mut tx, run_id).await?;
        if arguments.commit {
            tx.commit().await?;
        } else {
            // Dropped, a transaction leaves no trace: that is the plan.
            drop(tx);
        }
        if let Some(path) = &arguments.refused {
            let export = refused_csv(&bytes, &file, &told);
            std::fs::write(path, export).with_context(|| format!("cannot write `{}`", path.display()))?;
        }
        let mut out = output::stdout();
        if arguments.json {
            output::json(&mut out, &report(file.format, counts, &told))?;
        } else {
            print(&mut out, &name, arguments.commit, file.format, counts, &told)?;
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    })
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?
    } else {
        File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?
    };
    if read as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other("it is larger than 1 GiB; split it"));
    }
    Ok(bytes)
}

/// Who imports, as far as the operating system knows
fn imported_by() -> String {
    let name = ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.trim().is_empty()))
        .unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    format!("cli:{name}")
}

fn refused(told: &[ToldRow]) -> impl Iterator<Item = RefusedRow<'_>> {
    told.iter().filter_map(|row| Some(RefusedRow { line: row.line, error: row.error.as_deref()? }))
}

fn report(format: Format, counts: Counts, told: &[ToldRow]) -> Report<'_> {
    let Counts { new, changed, unchanged, refused: refused_count } = counts;
    Report {
        format: format.name(),
        rows: new + changed + unchanged + refused_count,
        new,
        changed,
        unchanged,
        refused: refused(told).collect(),
    }
}

fn print(
    out: &mut impl Write,
    name: &str,
    is_committed: bool,
    format: Format,
    counts: Counts,
    told: &[ToldRow],
) -> io::Result<()> {
    let rows = counts.new + counts.changed + counts.unchanged + counts.refused;
    writeln!(out, "{name}: {format}, {} rows", output::grouped(rows))?;
    for (what, count) in [
        ("new", counts.new),
        ("changed", counts.changed),
        ("unchanged", counts.unchanged),
        ("refused", counts.refused),
    ] {
        writeln!(out, "  {what:<9}  {:>9}", output::grouped(count))?;
    }
    let changed = told.iter().filter(|row| row.outcome == RowOutcome::Changed);
    print_lines(out, "Changed", changed.map(|row| (row.line, changes_text(row.changes.as_ref()))))?;
    let notes = told.iter().filter_map(|row| Some((row.line, row.note.clone()?)));
    print_lines(out, "Not followed", notes)?;
    print_lines(out, "Refused", refused(told).map(|row| (row.line, row.error.to_owned())))?;
    if is_committed {
        writeln!(out, "\nWritten. Judgments whose facts have changed are queued for tiering.")
    } else {
        writeln!(out, "\nNothing is written yet; --commit writes it.")
    }
}

fn print_lines(
    out: &mut impl Write,
    title: &str,
    rows: impl Iterator<Item = (u64, String)>,
) -> io::Result<()> {
    let mut left = 0;
    for (place, (line, text)) in rows.enumerate() {
        if place == 0 {
            writeln!(out, "\n{title}:")?;
        }
        if place < SHOWN_MAX {
            writeln!(out, "  line {line:<6}  {text}")?;
        } else {
            left += 1;
        }
    }
    if left > 0 {
        writeln!(out, "  … and {} more", output::grouped(left))?;
    }
    Ok(())
}

/// `balance_due 4169.04 → 3000.00, court – → Queens`
fn changes_text(changes: Option<&Value>) -> String {
    let value = |value: Option<&Value>| match value {
        None | Some(Value::Null) => "–".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let fields: Option<BTreeMap<&String, &Value>> =
        changes.and_then(Value::as_object).map(|fields| fields.iter().collect());
    let fields = fields.unwrap_or_default();
    let texts: Vec<String> = fields
        .iter()
        .map(|(field, pair)| format!("{field} {} → {}", value(pair.get(0)), value(pair.get(1))))
        .collect();
    texts.join(", ")
}

/// The refused rows as they stand in the file, behind their line and the reason
///
/// Two columns that every format ignores, so that the export can be mended and imported as it is. A row
/// whose cells cannot be told apart stands in one cell.
fn refused_csv(bytes: &[u8], file: &VendorFile, told: &[ToldRow]) -> Vec<u8> {
    let errors: BTreeMap<u64, &str> = refused(told).map(|row| (row.line, row.error)).collect();
    let mut csv = b"refused_line,refused_reason,".to_vec();
    csv.extend(bytes.get(file.header.clone()).unwrap_or_default());
    csv.extend(b"\r\n");
    for row in &file.rows {
        let Some(error) = errors.get(&row.line) else { continue };
        for source in &row.source {
            let text = bytes.get(source.clone()).unwrap_or_default();
            csv.extend(format!("{},{},", row.line, quoted(error)).bytes());
            if row.is_well_formed {
                csv.extend(text);
            } else {
                csv.extend(quoted(&String::from_utf8_lossy(text)).bytes());
            }
            csv.extend(b"\r\n");
        }
    }
    csv
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_rows_are_exported_as_they_stand() {
        let bytes = b"\xef\xbb\xbfCaseNo,Plaintiff,Defendant,JudgmentAmount,JudgmentDate,Court,County\n\
            A-1,P,D,12k,2024-01-05,C,Q\nA-2,P,D,10,2024-01-05,C,Q\nA-3,\"P,D,10,2024-01-05,C,Q\n";
        let file = import::read(bytes, None).unwrap();
        let told: Vec<ToldRow> = file
            .rows
            .iter()
            .filter_map(|row| {
                let error = row.record.clone().err();
                error.is_some().then_some(ToldRow {
                    line: row.line,
                    outcome: RowOutcome::Refused,
                    error,
                    changes: None,
                    note: None,
                })
            })
            .collect();
        assert_eq!(
            String::from_utf8(refused_csv(bytes, &file, &told)).unwrap(),
            "refused_line,refused_reason,CaseNo,Plaintiff,Defendant,JudgmentAmount,JudgmentDate,Court,County\r\n\
             2,\"JudgmentAmount: `12k` is not an amount of money\",A-1,P,D,12k,2024-01-05,C,Q\r\n\
             4,\"a quote is opened and never closed\",\"A-3,\"\"P,D,10,2024-01-05,C,Q\"\r\n"
        );
    }

    #[test]
    fn changes_read_from_before_to_after() {
        let changes = serde_json::json!({"balance_due": ["4169.04", "3000.00"], "court": [null, "Queens"]});
        assert_eq!(changes_text(Some(&changes)), "balance_due 4169.04 → 3000.00, court – → Queens");
    }
}
