//! `cargo xtask bench`
//!
//! One function a measurement; [`MEASUREMENTS`] lists them. A measurement answers one value a run, and the
//! median counts.

use crate::console::{self, brotli, files};
use crate::server::Server;
use crate::shell::{Workspace, read, run, say};
use crate::{setup, stage, wasm};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Measure, print a table and write it to bench.json in the target folder
///
/// Medians of several runs; a run of `drag_to_paint_*` is one drag and gives the 95th percentile of its steps. The
/// measurements of a million judgments in the console share a database that takes minutes to fill, and so do those of
/// casework (1,000,000 judgments, 200,000 cases, 3,000,000 events).
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Fewer runs and smaller portfolios: shows that every measurement works, not what it measures
    #[arg(long)]
    quick: bool,

    /// Only these measurements; bench.json then holds only them
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,

    /// Other rule engines too, on the same judgments and rules: decisions a second. Compiling them takes many minutes
    #[arg(long)]
    peers: bool,
}

/// What a measurement has at hand
struct Bench<'a> {
    workspace: &'a Workspace,
    quick: bool,
    /// What was measured in the console, by the number of judgments
    consoles: RefCell<BTreeMap<u32, Value>>,
    /// What was measured of casework
    casework: RefCell<Option<Value>>,
}

struct Measurement {
    name: &'static str,
    unit: &'static str,
    measure: fn(&Bench) -> Result<Vec<f64>>,
}

const MEASUREMENTS: [Measurement; 40] = [
    // Everybody's first page is Today.
    Measurement { name: "console_brotli", unit: "bytes", measure: |bench| console_size(bench, "today") },
    Measurement {
        name: "console_studio_brotli",
        unit: "bytes",
        measure: |bench| console_size(bench, "studio"),
    },
    Measurement { name: "policy_wasm_brotli", unit: "bytes", measure: policy_wasm_brotli },
    Measurement { name: "evaluate_native", unit: "1/s", measure: |bench| bench.native("evaluate_native") },
    Measurement {
        name: "evaluate_explained_native",
        unit: "1/s",
        measure: |bench| bench.native("evaluate_explained_native"),
    },
    Measurement { name: "evaluate_wasm", unit: "1/s", measure: |bench| bench.script("evaluate_wasm") },
    Measurement { name: "compare_1m_native", unit: "ms", measure: |bench| bench.native("compare_1m_native") },
    Measurement {
        name: "compare_1m_browser",
        unit: "ms",
        measure: |bench| bench.script("compare_1m_browser"),
    },
    Measurement {
        name: "compare_10m_browser",
        unit: "ms",
        measure: |bench| bench.script("compare_10m_browser"),
    },
    Measurement {
        name: "findings_30_rules_wasm",
        unit: "ms",
        measure: |bench| bench.script("findings_30_rules_wasm"),
    },
    Measurement {
        name: "semantic_diff_30_rules_wasm",
        unit: "ms",
        measure: |bench| bench.script("semantic_diff_30_rules_wasm"),
    },
    Measurement {
        name: "findings_largest_wasm",
        unit: "ms",
        measure: |bench| bench.script("findings_largest_wasm"),
    },
    Measurement {
        name: "refuse_10000_rules_wasm",
        unit: "ms",
        measure: |bench| bench.script("refuse_10000_rules_wasm"),
    },
    Measurement { name: "route_native_10", unit: "1/s", measure: |bench| bench.native("route_native_10") },
    Measurement { name: "route_native_100", unit: "1/s", measure: |bench| bench.native("route_native_100") },
    Measurement {
        name: "route_native_1000",
        unit: "1/s",
        measure: |bench| bench.native("route_native_1000"),
    },
    Measurement {
        name: "route_native_10000",
        unit: "1/s",
        measure: |bench| bench.native("route_native_10000"),
    },
    Measurement {
        name: "route_wasm_10000",
        unit: "1/s",
        measure: |bench| bench.agents("route_wasm", 10_000),
    },
    Measurement { name: "route_script_10", unit: "1/s", measure: |bench| bench.agents("route_script", 10) },
    Measurement { name: "route_script_100", unit: "1/s", measure: |bench| bench.agents("route_script", 100) },
    Measurement {
        name: "route_script_1000",
        unit: "1/s",
        measure: |bench| bench.agents("route_script", 1000),
    },
    Measurement {
        name: "route_script_10000",
        unit: "1/s",
        measure: |bench| bench.agents("route_script", 10_000),
    },
    Measurement {
        name: "simulate_100k_browser",
        unit: "ms",
        measure: |bench| bench.script("simulate_100k_browser"),
    },
    Measurement { name: "rank_to_preview", unit: "ms", measure: |bench| bench.rank_to_preview() },
    Measurement {
        name: "drag_to_paint_100k_p95",
        unit: "ms",
        measure: |bench| bench.console(100_000, "drag_to_paint"),
    },
    Measurement {
        name: "drag_to_paint_1m_p95",
        unit: "ms",
        measure: |bench| bench.console(1_000_000, "drag_to_paint"),
    },
    Measurement {
        name: "snapshot_1m_ready",
        unit: "s",
        measure: |bench| bench.console(1_000_000, "snapshot_ready"),
    },
    Measurement {
        name: "snapshot_1m_bytes",
        unit: "bytes",
        measure: |bench| bench.console(1_000_000, "snapshot_bytes"),
    },
    Measurement { name: "queue_100k", unit: "s", measure: |bench| bench.database("queue_100k") },
    Measurement { name: "refresh_100k", unit: "s", measure: |bench| bench.database("refresh_100k") },
    Measurement {
        name: "leads_per_second",
        unit: "1/s",
        measure: |bench| bench.database("leads_per_second"),
    },
    Measurement {
        name: "leads_per_second_two",
        unit: "1/s",
        measure: |bench| bench.database("leads_per_second_two"),
    },
    Measurement { name: "leads_p99", unit: "ms", measure: |bench| bench.database("leads_p99") },
    Measurement { name: "leads_p99_two", unit: "ms", measure: |bench| bench.database("leads_p99_two") },
    Measurement { name: "cases_list_p95", unit: "ms", measure: |bench| bench.casework("cases_list") },
    Measurement { name: "today_p95", unit: "ms", measure: |bench| bench.casework("today") },
    Measurement { name: "timeline_p95", unit: "ms", measure: |bench| bench.casework("timeline") },
    Measurement { name: "overview_p95", unit: "ms", measure: |bench| bench.casework("overview") },
    Measurement { name: "rpc_writes_per_second", unit: "1/s", measure: |bench| bench.casework("rpc_writes") },
    Measurement { name: "start_warm", unit: "s", measure: start_warm },
];

pub(crate) fn bench(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    if let Some(unknown) =
        arguments.only.iter().find(|name| MEASUREMENTS.iter().all(|known| known.name != **name))
    {
        bail!("no measurement `{unknown}`: choose from {}", MEASUREMENTS.map(|known| known.name).join(", "));
    }
    let bench = Bench {
        workspace,
        quick: arguments.quick,
        consoles: RefCell::default(),
        casework: RefCell::default(),
    };
    let mut results = Results::default();
    for Measurement { name, unit, measure } in &MEASUREMENTS {
        if !arguments.only.is_empty() && !arguments.only.iter().any(|only| only == name) {
            continue;
        }
        say(&format!("measuring {name}"));
        results.add(name, unit, measure(&bench).with_context(|| format!("measurement `{name}`"))?)?;
    }
    if arguments.peers {
        say("measuring peers");
        for (name, values) in bench.peers()? {
            results.add(&format!("peers_{name}"), "1/s", values)?;
        }
    }
    print!("{}", results.table());
    let path = workspace.target.join("bench.json");
    fs::write(&path, format!("{:#}\n", Value::from(results.json)))?;
    say(&format!("written to {}", path.display()));
    Ok(())
}

/// What was measured, for people and for programs
#[derive(Default)]
struct Results {
    lines: String,
    json: Vec<Value>,
}

impl Results {
    fn add(&mut self, name: &str, unit: &str, mut values: Vec<f64>) -> Result<()> {
        values.sort_by(f64::total_cmp);
        let (Some(min), Some(max)) = (values.first(), values.last()) else {
            bail!("`{name}` measured nothing")
        };
        let median = values[values.len() / 2];
        let columns = [median, *min, *max].map(|value| format!("{:>16}", figure(value)));
        self.lines += &format!("{name:<30}{}  {unit:<6}{:>5}\n", columns.concat(), values.len());
        self.json.push(json!({ "name": name, "value": median, "unit": unit }));
        Ok(())
    }

    fn table(&self) -> String {
        let head =
            format!("{:<30}{:>16}{:>16}{:>16}  {:<6}{:>5}\n", "name", "median", "min", "max", "unit", "runs");
        head + &self.lines
    }
}

/// Four significant digits or all of them before the point, thousands grouped
fn figure(value: f64) -> String {
    if value < 1000.0 {
        let places = if value < 10.0 { 3 } else { 1 };
        return format!("{value:.places$}");
    }
    let digits = format!("{value:.0}");
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    groups.join(",")
}

impl Bench<'_> {
    fn runs(&self) -> usize {
        if self.quick { 3 } else { 9 }
    }

    /// Runs a measurement of crates/bench, built for release
    fn native(&self, name: &str) -> Result<Vec<f64>> {
        self.values(self.native_program().arg(name), self.runs())
    }

    /// The same, of one that has a PostgreSQL of its own and takes seconds a run
    fn database(&self, name: &str) -> Result<Vec<f64>> {
        setup::postgres()?;
        self.values(self.native_program().arg(name), 3)
    }

    fn native_program(&self) -> Command {
        self.workspace.cargo(["run", "--quiet", "--locked", "--release", "--package", "bench", "--"])
    }

    /// Runs the measurement tests/e2e/bench/{name}.mjs on the policy modules, under Node or in Chromium
    fn script(&self, name: &str) -> Result<Vec<f64>> {
        self.script_with(name, None)
    }

    /// The same, of a pool of so many agents
    fn agents(&self, name: &str, agents: u32) -> Result<Vec<f64>> {
        self.script_with(name, Some(agents))
    }

    fn script_with(&self, name: &str, agents: Option<u32>) -> Result<Vec<f64>> {
        let [web, node] = wasm::build(self.workspace)?;
        setup::browser(self.workspace)?;
        let mut script = self.workspace.command("node");
        script.arg(format!("tests/e2e/bench/{name}.mjs")).args(agents.map(|agents| agents.to_string()));
        self.values(script.env("POLICY_WASM_WEB", web).env("POLICY_WASM_NODE", node), self.runs())
    }

    /// Runs tests/e2e/bench/console.mjs, once for a number of judgments, and answers one of its lists
    fn console(&self, judgments: u32, list: &str) -> Result<Vec<f64>> {
        let judgments = if self.quick { judgments / 100 } else { judgments };
        let known = self.consoles.borrow().get(&judgments).cloned();
        let measured = match known {
            Some(measured) => measured,
            None => {
                let mut script = self.console_script("console")?;
                script.args(["--judgments", &judgments.to_string(), "--runs", &self.runs().to_string()]);
                let measured: Value = serde_json::from_str(&read(&mut script)?)?;
                self.consoles.borrow_mut().insert(judgments, measured.clone());
                measured
            }
        };
        numbers(&measured, list)
    }

    /// Runs the measurement `casework` of crates/bench, once, and answers one of its lists
    fn casework(&self, list: &str) -> Result<Vec<f64>> {
        let known = self.casework.borrow().clone();
        let measured = match known {
            Some(measured) => measured,
            None => {
                setup::postgres()?;
                let mut program = self.native_program();
                program.args(["casework", "--runs", "3"]);
                if self.quick {
                    program.arg("--quick");
                }
                let measured: Value = serde_json::from_str(&read(&mut program)?)?;
                *self.casework.borrow_mut() = Some(measured.clone());
                measured
            }
        };
        numbers(&measured, list)
    }

    fn rank_to_preview(&self) -> Result<Vec<f64>> {
        self.values(&mut self.console_script("rank_to_preview")?, self.runs())
    }

    /// tests/e2e/bench/{name}.mjs, which opens the console of a real server
    fn console_script(&self, name: &str) -> Result<Command> {
        setup::postgres()?;
        setup::browser(self.workspace)?;
        console::build(self.workspace)?;
        run(&mut self.workspace.cargo(["build", "--quiet", "--locked", "--package", "dragonfly"]))?;
        let mut script = self.workspace.command("node");
        script.arg(format!("tests/e2e/bench/{name}.mjs"));
        script.env("DRAGONFLY_BINARY", self.workspace.dragonfly());
        Ok(script)
    }

    /// Runs tests/peers, natively and under Node: by name, decisions a second
    fn peers(&self) -> Result<BTreeMap<String, Vec<f64>>> {
        let folder = "tests/peers";
        let [_, node] = wasm::build(self.workspace)?;
        setup::npm_in(self.workspace, folder)?;
        let mut native = self.workspace.cargo(["run", "--quiet", "--locked", "--release"]);
        native.args(["--manifest-path", &format!("{folder}/Cargo.toml"), "--target-dir"]);
        native.arg(self.workspace.target.join("peers")).arg("--");
        let mut script = self.workspace.command("node");
        script.arg(format!("{folder}/json_logic.mjs")).env("POLICY_WASM_NODE", node);
        let mut peers = BTreeMap::new();
        for program in [&mut native, &mut script] {
            program.args(["--runs", &self.runs().to_string()]);
            if self.quick {
                program.arg("--quick");
            }
            let measured: BTreeMap<String, Vec<f64>> = serde_json::from_str(&read(program)?)?;
            peers.extend(measured);
        }
        Ok(peers)
    }

    /// A measuring program is told how often to run and prints a JSON array with one number a run
    fn values(&self, program: &mut Command, runs: usize) -> Result<Vec<f64>> {
        program.args(["--runs", &runs.to_string()]);
        if self.quick {
            program.arg("--quick");
        }
        serde_json::from_str(&read(program)?).context("not a list of numbers")
    }
}

fn numbers(measured: &Value, list: &str) -> Result<Vec<f64>> {
    let values = measured[list].as_array().with_context(|| format!("no list `{list}`"))?;
    values.iter().map(|value| value.as_f64().context("not a number")).collect()
}

/// Everything that a first load fetches, as it is sent, of a page that needs these parts
fn console_size(bench: &Bench, part: &str) -> Result<Vec<f64>> {
    console::build(bench.workspace)?;
    let dist = bench.workspace.root.join("dist");
    let loaded = stage::files_of_part(&dist, part)?;
    let mut total = 0;
    let loads_later = |path: &Path| {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let begins = |beginning: &&str| name.starts_with(beginning);
        // The widget is for pages of others.
        name == "widget.js"
            || path.starts_with(dist.join("studies"))
            || stage::PARTS.iter().any(begins) && !loaded.iter().any(|part| name.starts_with(part.as_str()))
    };
    for path in files(&dist)?.into_iter().filter(|path| !loads_later(path)) {
        total += match path.extension().and_then(OsStr::to_str) {
            Some("html" | "js" | "wasm" | "css" | "svg") => brotli(&fs::read(&path)?)?.len(),
            Some("woff2") => fs::read(&path)?.len(),
            _ => 0,
        };
    }
    ensure!(total > 0, "nothing in {}", dist.display());
    Ok(vec![total as f64])
}

fn policy_wasm_brotli(bench: &Bench) -> Result<Vec<f64>> {
    let [web, _] = wasm::build(bench.workspace)?;
    let module: &Path = &web.join("policy_wasm_bg.wasm");
    Ok(vec![brotli(&fs::read(module)?)?.len() as f64])
}

/// From the start of the process to its first healthy answer, with a database that exists
fn start_warm(bench: &Bench) -> Result<Vec<f64>> {
    setup::postgres()?;
    run(&mut bench.workspace.cargo(["build", "--quiet", "--locked", "--package", "dragonfly"]))?;
    let home = crate::server::Home::new()?;
    Server::start(bench.workspace, &home)?.stop()?;
    let measure = |_| {
        let server = Server::start(bench.workspace, &home)?;
        let seconds = server.started_in.as_secs_f64();
        server.stop()?;
        Ok(seconds)
    };
    (0..bench.runs()).map(measure).collect()
}
