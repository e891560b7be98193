//! `dragonfly doctor`

use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use db::Database;
use db::doctor::{self, Check, Finding, Severity};
use documents::{Documents, StoragePath, Verdict};
use serde::Serialize;

use crate::failure::{Failure, Outcome};
use crate::settings::Settings;
use crate::shutdown::Signals;
use crate::store::{self, Reach};
use crate::{logging, output};

/// Look for whatever is wrong with the database and the documents, and change nothing
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// Do not read the files of documents, only look whether they are there
    #[arg(long)]
    quick: bool,
}

const EXAMPLES: &str = r#"Examples:
  dragonfly doctor
  dragonfly --env prod doctor --json | jq '.checks[] | select(.status != "fine")'
  dragonfly doctor --quick || page-somebody

Looks at: migrations that are still to be applied; the schema, line by line (by pg_dump, where it is
of the major version that wrote schema.sql); the functions, views and columns that scripts rely on;
row-level security; grants; queues, dead letters, workers, refreshes, alerts; documents whose file is
missing or is not what was uploaded, and files that no document names.

JSON: {"status": "fine" | "warnings" | "failures",
       "checks": [{"name", "status", "skipped": null | "why", "findings": [{"severity": "warning" | "failure", "message"}]}]}

Exit code 0 where all is fine, 1 with warnings, 2 with failures, also where the database cannot be
reached."#;

const CONNECTIONS_MAX: u32 = 2;
const DOCUMENTS_PAGE: i64 = 500;
const TOLD_MAX: usize = 8;
/// A file that is younger may belong to a document that is just being written.
const ORPHAN_AGE_MIN: Duration = Duration::from_secs(3600);

#[derive(Serialize)]
struct Report<'a> {
    status: &'static str,
    checks: Vec<CheckReport<'a>>,
}

#[derive(Serialize)]
struct CheckReport<'a> {
    name: &'a str,
    status: &'static str,
    skipped: Option<&'a str>,
    findings: Vec<FindingReport<'a>>,
}

#[derive(Serialize)]
struct FindingReport<'a> {
    severity: &'static str,
    message: &'a str,
}

pub(crate) fn run(settings: &Settings, arguments: &Arguments) -> Outcome {
    logging::init("error,sqlx::query=off");
    store::runtime()?.block_on(async {
        let mut signals = Signals::listen()?;
        let checks = tokio::select! {
            checks = examine(settings, arguments) => checks?,
            () = signals.received() => return Ok(ExitCode::from(130)),
        };
        let worst = checks.iter().filter_map(worst_of).max();
        print(&checks, worst, arguments.json)?;
        Ok(match worst {
            None => ExitCode::SUCCESS,
            Some(Severity::Warning) => ExitCode::from(1),
            Some(Severity::Failure) => ExitCode::from(2),
        })
    })
}

async fn examine(settings: &Settings, arguments: &Arguments) -> Result<Vec<Check>, Failure> {
    let reach = match Reach::connect(settings, CONNECTIONS_MAX).await {
        Ok(reach) => reach,
        Err(Failure::Usage(message)) => return Err(Failure::Usage(message)),
        Err(Failure::Work(error)) => {
            return Ok(vec![Check::done("connection", vec![Finding::failure(format!("{error:#}"))])]);
        }
    };
    let mut checks = doctor::examine(&reach.db, reach.schema().await).await;
    checks.push(match &settings.documents {
        None => {
            let skipped = Some("no place for documents is set".to_owned());
            Check { name: "documents", findings: Vec::new(), skipped }
        }
        Some(documents) => {
            let findings = documents_of(&reach.db, documents, arguments.quick).await;
            Check::done("documents", findings.unwrap_or_else(|error| vec![not_checked(&error)]))
        }
    });
    reach.close().await;
    Ok(checks)
}

fn not_checked(error: &anyhow::Error) -> Finding {
    Finding::failure(format!("cannot be checked: {error:#}"))
}

async fn documents_of(db: &Database, documents: &Documents, is_quick: bool) -> anyhow::Result<Vec<Finding>> {
    // Before the rows: what comes in meanwhile is then no file without a row.
    let files = documents.files().await?;
    let mut named = BTreeSet::new();
    let mut findings = Vec::new();
    let mut elsewhere = Vec::new();
    let mut last = None;
    loop {
        let page = doctor::documents_after(db, last, DOCUMENTS_PAGE).await?;
        let Some(end) = page.last() else {
            break;
        };
        last = Some(end.id);
        for row in page {
            let (Some(size), Some(sha256)) = (row.size_bytes, row.sha256) else {
                elsewhere.push(row.storage_path);
                continue;
            };
            let size = u64::try_from(size).unwrap_or(0);
            let verdict = match StoragePath::parse(&row.storage_path) {
                None => Verdict::Missing,
                Some(path) if is_quick => match documents.open(&path).await? {
                    None => Verdict::Missing,
                    Some((found, _)) if found != size => Verdict::Differs,
                    Some(_) => Verdict::Fine,
                },
                Some(path) => documents.check(&path, size, &sha256).await?,
            };
            let path = &row.storage_path;
            match verdict {
                Verdict::Fine => {}
                Verdict::Missing => findings
                    .push(Finding::failure(format!("the file `{path}` of document {} is missing", row.id))),
                Verdict::Differs => findings.push(Finding::failure(format!(
                    "the file `{path}` of document {} is not what was uploaded",
                    row.id
                ))),
            }
            named.insert(row.storage_path);
        }
    }
    let is_old = |written: &SystemTime| written.elapsed().is_ok_and(|age| age > ORPHAN_AGE_MIN);
    let orphans: Vec<_> =
        files.iter().filter(|(path, written)| is_old(written) && !named.contains(path.as_str())).collect();
    if let Some((first, _)) = orphans.first() {
        findings.push(Finding::warning(format!(
            "{} file(s) belong to no document, such as `{first}`",
            orphans.len()
        )));
    }
    if let Some(first) = elsewhere.first() {
        findings.push(Finding::warning(format!(
            "{} document(s) were only named, such as `{first}`: whether their files are there, nobody can see",
            elsewhere.len()
        )));
    }
    if findings.len() > TOLD_MAX {
        let more = findings.len() - TOLD_MAX;
        findings.truncate(TOLD_MAX);
        findings.push(Finding::failure(format!("and {more} more like these")));
    }
    Ok(findings)
}

fn worst_of(check: &Check) -> Option<Severity> {
    check.findings.iter().map(|finding| finding.severity).max()
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Failure => "failure",
    }
}

fn status(worst: Option<Severity>) -> &'static str {
    match worst {
        None => "fine",
        Some(Severity::Warning) => "warnings",
        Some(Severity::Failure) => "failures",
    }
}

fn print(checks: &[Check], worst: Option<Severity>, is_json: bool) -> std::io::Result<()> {
    let mut out = output::stdout();
    if is_json {
        let report = Report {
            status: status(worst),
            checks: checks
                .iter()
                .map(|check| CheckReport {
                    name: check.name,
                    status: status(worst_of(check)),
                    skipped: check.skipped.as_deref(),
                    findings: check
                        .findings
                        .iter()
                        .map(|finding| FindingReport {
                            severity: word(finding.severity),
                            message: &finding.message,
                        })
                        .collect(),
                })
                .collect(),
        };
        output::json(&mut out, &report)?;
    } else {
        let mut rows = Vec::new();
        for check in checks {
            match &check.skipped {
                Some(reason) => rows.push(["skipped".to_owned(), check.name.to_owned(), reason.clone()]),
                None if check.findings.is_empty() => {
                    rows.push(["fine".to_owned(), check.name.to_owned(), String::new()]);
                }
                None => {}
            }
            for finding in &check.findings {
                rows.push([
                    word(finding.severity).to_owned(),
                    check.name.to_owned(),
                    finding.message.clone(),
                ]);
            }
        }
        output::table(&mut out, &[], &rows)?;
        let of = |severity| {
            checks.iter().flat_map(|check| &check.findings).filter(|it| it.severity == severity).count()
        };
        match worst {
            None => writeln!(out, "all is fine")?,
            Some(_) => {
                writeln!(out, "{} failure(s), {} warning(s)", of(Severity::Failure), of(Severity::Warning))?
            }
        }
    }
    out.flush()
}
