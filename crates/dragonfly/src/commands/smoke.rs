//! `dragonfly smoke`

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use contract::StoredDocument;
use db::documents::NewDocument;
use db::imports::{self, Source};
use db::scratch::{self, JudgmentState, Scratch};
use db::{Actor, DbRole, rpc};
use documents::{Documents, FileName, StoragePath};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;
use worker::{Options, Worker};

use crate::failure::{Outcome, note};
use crate::settings::Settings;
use crate::shutdown::Signals;
use crate::store::{self, Store};
use crate::{logging, output};

/// Take one case through everything: intake, tier, stages, levy, payment, closure
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Print {"ok": bool, "error": null or "…", "steps": [{"step", "detail", "milliseconds"}]}
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  dragonfly smoke
  dragonfly --env prod smoke --json

Works in an organisation of its own, which it removes afterwards whatever happens, on Ctrl-C too,
with its messages, its people and the file of its document. Goes the ways that people and scripts
go: files are imported, jobs are queued and worked (with other jobs, if they are first), functions
are called as an operator. Exit code 0 where all went well, 1 where something did not.";

/// How long the queue may take for a job, with what is queued before it
const QUEUE_PATIENCE: Duration = Duration::from_secs(60);
const CONNECTIONS_MAX: u32 = 8;

const INTAKE: &str = "CaseNo,Plaintiff,Defendant,JudgmentAmount,JudgmentDate,Court,County\n\
                      SMOKE-1,Smoke Funding LLC,Jo Doe,25000.00,2024-03-01,Smoke Court,Kings\n";
const INTELLIGENCE: &str = "case_number,collectability_score,employer_name,bank_name,real_property_lead,vehicle_lead,last_updated\n\
                            SMOKE-1,65.00,Smoke Works,Smoke Bank,,,2026-01-01T08:00:00Z\n";
const PAPER: &[u8] = b"%PDF-1.7\n% a levy that nobody filed\n%%EOF\n";

#[derive(Serialize)]
struct Step {
    step: &'static str,
    detail: String,
    milliseconds: u128,
}

#[derive(Serialize)]
struct Report {
    ok: bool,
    error: Option<String>,
    steps: Vec<Step>,
}

pub(crate) fn run(settings: &Settings, arguments: &Arguments) -> Outcome {
    logging::init("warn,worker=error,sqlx::query=off");
    store::runtime()?.block_on(async {
        let mut signals = Signals::listen()?;
        let store = tokio::select! {
            store = Store::open(settings, CONNECTIONS_MAX) => store?,
            () = signals.received() => return Ok(ExitCode::from(130)),
        };
        for left in scratch::left(&store.db).await? {
            remove(&store, settings.documents.as_ref(), left).await;
        }
        // From here on nothing returns before the organisation is removed.
        let scratch = scratch::create(&store.db).await?;
        let mut walk =
            Walk { store: &store, documents: settings.documents.clone(), scratch, steps: Vec::new() };
        let ended = tokio::select! {
            ended = walk.run() => Some(ended),
            () = signals.received() => None,
        };
        let steps = std::mem::take(&mut walk.steps);
        remove(&store, settings.documents.as_ref(), scratch.org_id).await;
        store.close().await;
        let Some(ended) = ended else {
            return Ok(ExitCode::from(130));
        };
        let error = ended.err().map(|error| format!("{error:#}"));
        let report = Report { ok: error.is_none(), error, steps };
        print(&report, arguments.json)?;
        Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

fn print(report: &Report, is_json: bool) -> std::io::Result<()> {
    let mut out = output::stdout();
    if is_json {
        output::json(&mut out, report)?;
    } else {
        let mut rows = vec![["step", "", "ms"].map(str::to_owned)];
        rows.extend(
            report
                .steps
                .iter()
                .map(|step| [step.step.to_owned(), step.detail.clone(), step.milliseconds.to_string()]),
        );
        output::table(&mut out, &[2], &rows)?;
        match &report.error {
            None => writeln!(out, "all went well; nothing is left of it")?,
            Some(error) => writeln!(out, "failed: {error}")?,
        }
    }
    out.flush()
}

async fn remove(store: &Store, documents: Option<&Documents>, org_id: Uuid) {
    // A worker may be at one of its jobs just now.
    let mut tries = 0;
    let paths = loop {
        match scratch::remove(&store.db, org_id).await {
            Ok(paths) => break paths,
            Err(error) if tries == 5 => {
                note(&format!("the scratch organisation {org_id} could not be removed: {error}"));
                return;
            }
            Err(_) => tries += 1,
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    for path in paths {
        let (Some(documents), Some(place)) = (documents, StoragePath::parse(&path)) else {
            continue;
        };
        if let Err(error) = documents.remove(&place).await {
            note(&format!("the file `{path}` could not be removed: {error}"));
        }
    }
}

struct Walk<'a> {
    store: &'a Store,
    documents: Option<Documents>,
    scratch: Scratch,
    steps: Vec<Step>,
}

impl Walk<'_> {
    async fn run(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        self.import("intake.csv", INTAKE).await?;
        self.import("intelligence.csv", INTELLIGENCE).await?;
        let judgment = self.judgment().await?;
        expect("balance", judgment.balance_due.as_deref(), Some("25000.00"))?;
        self.done("intake", "1 judgment and what is known of its debtor".to_owned(), begun);

        let begun = Instant::now();
        self.work().await?;
        let judgment = self.judgment().await?;
        expect("tier", judgment.tier, Some(2))?;
        self.done("tier", format!("2, since {}", judgment.tier_reason.unwrap_or_default()), begun);

        let begun = Instant::now();
        let case_id = self.call("open_enforcement_case", json!({ "judgment_id": judgment.id })).await?;
        let case_id: Uuid = case_id.as_str().context("no id of a case is answered")?.parse()?;
        for stage in ["contact_validation", "asset_discovery", "action_planning"] {
            self.call("set_enforcement_stage", json!({ "case_id": case_id, "stage": stage })).await?;
        }
        self.done("stages", "opened, contact_validation, asset_discovery, action_planning".to_owned(), begun);

        let begun = Instant::now();
        let levy = json!({ "case_id": case_id, "stage": "bank_levy" });
        if self.call("set_enforcement_stage", levy).await.is_ok() {
            bail!("a levy was let in without a document");
        }
        let document = self.upload(case_id).await?;
        let levy = json!({ "case_id": case_id, "stage": "bank_levy",
                           "metadata": { "document_path": document.storage_path } });
        self.call("set_enforcement_stage", levy).await?;
        let filed = json!({ "case_id": case_id, "event_kind": "bank_levy_filed",
                            "document_path": document.storage_path, "payload": { "bank": "Smoke Bank" } });
        self.call("log_enforcement_event", filed).await?;
        self.done("levy", format!("with a document of {} bytes", document.size_bytes), begun);

        let begun = Instant::now();
        for (amount, balance) in [("10000.00", "15000.00"), ("15000.00", "0.00")] {
            let payment = json!({ "case_id": case_id, "amount": amount, "source": "levy" });
            self.call("record_enforcement_payment", payment).await?;
            expect("balance", self.judgment().await?.balance_due.as_deref(), Some(balance))?;
        }
        self.done("payment", "10000.00 and 15000.00, so that nothing is due".to_owned(), begun);

        let begun = Instant::now();
        let closing = json!({ "case_id": case_id, "status": "satisfied", "note": "smoke" });
        self.call("close_enforcement_case", closing).await?;
        expect("status", self.judgment().await?.status.as_str(), "satisfied")?;
        self.work().await?;
        let mut tx = self.store.db.begin_as(&Actor::service(self.scratch.org_id)).await?;
        let history = scratch::history(&mut tx).await?;
        expect("history", history.first().map(String::as_str), Some("open_enforcement_case"))?;
        expect("history", history.last().map(String::as_str), Some("close_enforcement_case"))?;
        self.done("closure", format!("satisfied, with a history of {} entries", history.len()), begun);
        Ok(())
    }

    fn done(&mut self, step: &'static str, detail: String, begun: Instant) {
        self.steps.push(Step { step, detail, milliseconds: begun.elapsed().as_millis() });
    }

    async fn import(&self, file_name: &str, text: &str) -> anyhow::Result<()> {
        let file = import::read(text.as_bytes(), None)?;
        let mut tx = self.store.db.begin_as(&Actor::service(self.scratch.org_id)).await?;
        let source = Source { file_name, digest: &"0".repeat(64), imported_by: "cli:smoke" };
        let run_id = imports::stage(&mut tx, self.scratch.org_id, &file, source).await?;
        let counts = imports::process(&mut tx, run_id).await?;
        expect("refused rows", counts.refused, 0)?;
        Ok(tx.commit().await?)
    }

    async fn judgment(&self) -> anyhow::Result<JudgmentState> {
        let mut tx = self.store.db.begin_as(&Actor::service(self.scratch.org_id)).await?;
        Ok(scratch::judgment(&mut tx).await?)
    }

    /// Works the queue, beside whoever else does, until no job of ours is left
    async fn work(&self) -> anyhow::Result<()> {
        let worker =
            Worker::new(self.store.db.clone(), Options::new(format!("smoke:{}", std::process::id())));
        let begun = Instant::now();
        loop {
            let mut tx = self.store.db.begin_as(&Actor::service(self.scratch.org_id)).await?;
            let queued = scratch::queued(&mut tx).await?;
            drop(tx);
            if queued == 0 {
                return Ok(());
            }
            if begun.elapsed() > QUEUE_PATIENCE {
                bail!("{queued} job(s) are not done after {} seconds", QUEUE_PATIENCE.as_secs());
            }
            if !worker.once().await? {
                // Another worker has it in hand, or the queue is paused.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// Calls a function as `/rpc` does
    async fn call(&self, name: &str, fields: Value) -> anyhow::Result<Value> {
        let operator =
            Actor::person(DbRole::EnforcementOperator, self.scratch.org_id, self.scratch.operator_id);
        let mut tx = self.store.db.begin_as(&operator).await?;
        let function =
            rpc::find(&mut tx, name).await?.ok_or_else(|| anyhow!("there is no function {name}"))?;
        rpc::set_request_id(&mut tx, &Uuid::new_v4().to_string()).await?;
        let fields = fields.as_object().cloned().unwrap_or_default();
        let value =
            function.call(&mut tx, function.arguments(fields)?).await.with_context(|| name.to_owned())?;
        tx.commit().await?;
        Ok(value)
    }

    /// Keeps a paper as the server does
    async fn upload(&self, case_id: Uuid) -> anyhow::Result<StoredDocument> {
        let documents = self.documents.as_ref().context("no place for documents is set")?;
        let name = FileName::parse("smoke.pdf")?;
        let body = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(PAPER.into())]);
        let received = documents.receive(&name, body).await?;
        let operator =
            Actor::person(DbRole::EnforcementOperator, self.scratch.org_id, self.scratch.operator_id);
        let mut tx = self.store.db.begin_as(&operator).await?;
        let document = NewDocument {
            id: Uuid::new_v4(),
            case_id,
            event_id: None,
            action_id: None,
            doc_kind: "bank_levy",
            file_name: name.as_str(),
            media_type: received.kind.media_type(),
            ending: received.kind.ending(),
            size_bytes: received.size_bytes,
            sha256: received.sha256,
        };
        let sha256 = received.sha256;
        let stored = db::documents::store(&mut tx, &document).await?;
        let path = StoragePath::parse(&stored.storage_path).context("the document has no place")?;
        documents.keep(received, &path).await?;
        tx.commit().await?;
        let verdict = documents.check(&path, stored.size_bytes, &sha256).await?;
        expect("the document's file", verdict, documents::Verdict::Fine)?;
        Ok(stored)
    }
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> anyhow::Result<()> {
    if found == expected { Ok(()) } else { Err(anyhow!("{what} is {found:?}, not {expected:?}")) }
}
