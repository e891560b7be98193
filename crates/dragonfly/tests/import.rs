//! `dragonfly import`: vendor files end as judgments with tiers

#![allow(clippy::unwrap_used)]

mod cli;

use cli::Cli;
use db::testing::TestDatabase;
use policy::tier::{JudgmentFacts, TierPolicy};
use serde_json::{Value, json};

fn vendor(name: &str) -> String {
    format!("{}/../../tests/data/vendor-exports/{name}.csv", env!("CARGO_MANIFEST_DIR"))
}

fn other(name: &str) -> String {
    format!("{}/../../tests/data/other-exports/{name}.csv", env!("CARGO_MANIFEST_DIR"))
}

/// `[rows, new, changed, unchanged, refused]` of an import
#[track_caller]
fn import(cli: &Cli, file: &str, is_committed: bool) -> [u64; 5] {
    let mut arguments = vec!["import", file, "--json"];
    arguments.extend(is_committed.then_some("--commit"));
    let report = cli.json(&arguments);
    let count = |key: &str| report[key].as_u64().unwrap();
    [
        count("rows"),
        count("new"),
        count("changed"),
        count("unchanged"),
        report["refused"].as_array().unwrap().len() as u64,
    ]
}

async fn count(database: &TestDatabase, sql: &str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(database.owner()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_shows_what_a_commit_does_and_writes_nothing() {
    let database = TestDatabase::new().await;
    let cli = Cli::on(&database);
    assert_eq!(import(&cli, &vendor("simplicity-intake"), false), [100, 100, 0, 0, 0]);
    for table in ["core_judgments", "plaintiffs", "import_runs", "import_rows", "queue_jobs"] {
        assert_eq!(count(&database, &format!("select count(*) from public.{table}")).await, 0, "{table}");
    }
    assert_eq!(import(&cli, &vendor("simplicity-intake"), true), [100, 100, 0, 0, 0]);
    assert_eq!(count(&database, "select count(*) from public.core_judgments").await, 100);
    assert_eq!(count(&database, "select count(*) from public.plaintiffs").await, 8);
    assert_eq!(count(&database, "select count(*) from public.queue_jobs where state = 'queued'").await, 100);
    assert_eq!(
        count(&database, "select count(*) from public.import_runs where state = 'done' and new_count = 100 and file_name = 'simplicity-intake.csv' and length(digest) = 64").await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_vendor_export_goes_in_once_and_not_twice() {
    let database = TestDatabase::new().await;
    let cli = Cli::on(&database);
    for (file, first) in [
        ("simplicity-intake", [100, 100, 0, 0, 0]),
        ("simplicity-export", [200, 200, 0, 0, 0]),
        ("simplicity-canonical", [100, 100, 0, 0, 0]),
        ("jbi-900", [100, 0, 100, 0, 0]),
        ("status-export", [200, 0, 0, 200, 0]),
        ("debtor-intelligence", [400, 400, 0, 0, 0]),
        ("plaintiff-intake", [8, 0, 8, 0, 0]),
    ] {
        assert_eq!(import(&cli, &vendor(file), false), first, "{file}");
        assert_eq!(import(&cli, &vendor(file), true), first, "{file}");
        let facts = count(&database, "select count(*) from public.judgment_facts").await;
        assert_eq!(import(&cli, &vendor(file), true), [first[0], 0, 0, first[0], 0], "{file} again");
        assert_eq!(
            count(&database, "select count(*) from public.judgment_facts").await,
            facts,
            "{file} again"
        );
    }
    assert_eq!(count(&database, "select count(*) from public.plaintiffs").await, 8);
    // Banks that garnishments name are nobody's plaintiff.
    assert_eq!(count(&database, "select count(*) from public.plaintiffs where name like '%Bank%'").await, 0);

    // Balances are those of JBI where it states them, and the judgment amount elsewhere.
    let balance: String = sqlx::query_scalar(
        "select balance_due::text from public.core_judgments where case_number = 'LASC-2017-100003'",
    )
    .fetch_one(database.owner())
    .await
    .unwrap();
    assert_eq!(balance, "15714.30");
    assert_eq!(count(&database, "select count(*) from public.core_judgments where lead_id is not null and balance_due <> judgment_amount").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_judgments_get_the_tiers_that_the_policy_gives_their_facts() {
    let database = TestDatabase::new().await;
    let cli = Cli::on(&database);
    for file in
        ["simplicity-intake", "simplicity-export", "simplicity-canonical", "jbi-900", "debtor-intelligence"]
    {
        import(&cli, &vendor(file), true);
    }
    cli.ok(&["worker", "--drain"]);
    let judgments: Vec<Value> = sqlx::query_scalar(
        "select jsonb_build_object('facts', jsonb_build_object(
             'collectability_score', j.collectability_score::text, 'balance', j.balance_due::text,
             'employer_name', d.employer_name, 'bank_name', d.bank_name,
             'real_property_lead', d.real_property_lead, 'vehicle_lead', d.vehicle_lead),
           'tier', j.tier, 'reason', j.tier_reason)
           from public.core_judgments j left join public.debtor_intelligence d on d.judgment_id = j.id
          where not public.is_closed_status(j.status)",
    )
    .fetch_all(database.owner())
    .await
    .unwrap();
    assert!(judgments.len() > 300);
    let policy = TierPolicy::revision_1();
    let mut tiers = [0; 4];
    for judgment in judgments {
        let outcome = policy.evaluate(&JudgmentFacts::from_json(&judgment["facts"].to_string()).unwrap());
        assert_eq!(
            (&judgment["tier"], &judgment["reason"]),
            (&json!(outcome.tier), &json!(outcome.reason)),
            "{judgment}"
        );
        tiers[usize::from(outcome.tier.number())] += 1;
    }
    assert!(tiers.iter().all(|count| *count > 0), "{tiers:?}");
    let stats = cli.tier_queue();
    assert_eq!((&stats["depth"], &stats["dead_letters"]), (&json!(0), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_faulty_export_is_refused_line_by_line_and_can_be_mended() {
    let database = TestDatabase::new().await;
    let cli = Cli::on(&database);
    let folder = tempfile::tempdir().unwrap();
    let mend = folder.path().join("mend.csv");
    let mend = mend.to_str().unwrap();
    let report = cli.json(&["import", &vendor("faulty-export"), "--json", "--commit", "--refused", mend]);
    assert_eq!(
        report,
        json!({"format": "simplicity-intake", "rows": 8, "new": 1, "changed": 0, "unchanged": 1, "refused": [
            {"line": 2, "error": "Plaintiff is missing"},
            {"line": 3, "error": "JudgmentAmount: `-5.00` is negative"},
            {"line": 4, "error": "JudgmentAmount: `12k` is not an amount of money"},
            {"line": 5, "error": "JudgmentDate: `03/04/2024` is not a date of the form YYYY-MM-DD"},
            {"line": 6, "error": "JudgmentDate: `13/02/2024` is not a date of the form YYYY-MM-DD"},
            {"line": 7, "error": "the row has 8 cells and the header has 7; is there a comma outside quotes?"},
        ]})
    );
    assert_eq!(count(&database, "select count(*) from public.core_judgments").await, 1);

    let text =
        std::fs::read_to_string(mend).unwrap().replace("$5,432.10", "\"$5,432.10\"").replace("12k", "12000");
    std::fs::write(mend, text).unwrap();
    assert_eq!(import(&cli, mend, true), [6, 2, 0, 0, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn quirks_of_a_jbi_file_cost_their_own_cases_only() {
    let database = TestDatabase::new().await;
    let cli = Cli::on(&database);
    assert_eq!(import(&cli, &other("jbi-900-quirks"), true), [9, 3, 0, 0, 6]);
    assert_eq!(import(&cli, &other("jbi-900-quirks"), true), [9, 0, 0, 3, 6]);
    let names: Vec<String> = sqlx::query_scalar("select name from public.plaintiffs order by 1")
        .fetch_all(database.owner())
        .await
        .unwrap();
    assert_eq!(
        names,
        ["First Creditor LLC", "Harborview Funding LLC", "Second Creditor LLC", "Tidewater Credit LP"]
    );
    assert_eq!(import(&cli, &other("simplicity-intake-quirks"), true), [10, 2, 0, 0, 8]);
}

/// A file of the intake format with these rows, and a JBI file with these (case, amount, balance)
struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Files {
        Files { folder: tempfile::tempdir().unwrap() }
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn intake(&self, rows: &[&str]) -> String {
        let header = "CaseNo,Plaintiff,Defendant,JudgmentAmount,JudgmentDate,Court,County\n";
        self.write("intake.csv", &format!("{header}{}\n", rows.join("\n")))
    }

    fn jbi(&self, case: &str, amount: &str, balance: &str) -> String {
        let party = |role: &str, name: &str| {
            format!("{case},open,C,Q,NY,,02/03/2020,{amount},{balance},{role},business,{name},,,\n")
        };
        let header = "case_number,case_status,court_name,county,state,filing_date,judgment_date,judgment_amount,judgment_balance,party_role,party_type,party_name,party_phone,contact_type,party_email\n";
        self.write(
            "jbi.csv",
            &format!("{header}{}{}", party("judgment creditor", "P"), party("judgment debtor", "D")),
        )
    }
}

async fn balance(database: &TestDatabase) -> String {
    sqlx::query_scalar("select balance_due::text from public.core_judgments")
        .fetch_one(database.owner())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_that_payments_have_changed_is_never_overwritten() {
    let database = TestDatabase::new().await;
    let cli = Cli::on(&database);
    let files = Files::new();
    let intake = files.intake(&["A-1,P,D,1000,2020-02-03,C,Q"]);
    assert_eq!(import(&cli, &intake, true), [1, 1, 0, 0, 0]);
    assert_eq!(balance(&database).await, "1000.00");
    // Nobody has paid yet, so the vendor's balance counts, and again when it moves.
    assert_eq!(import(&cli, &files.jbi("A1", "1000", "900"), true), [1, 0, 1, 0, 0]);
    assert_eq!(import(&cli, &files.jbi("A1", "1000", "850"), true), [1, 0, 1, 0, 0]);
    assert_eq!(balance(&database).await, "850.00");

    sqlx::query("update public.core_judgments set balance_due = 400")
        .execute(database.owner())
        .await
        .unwrap();
    assert_eq!(import(&cli, &files.jbi("A1", "1000", "850"), true), [1, 0, 0, 1, 0]);
    let plan = cli.ok(&["import", &files.jbi("A1", "1000", "800")]);
    assert!(plan.contains("the balance stays 400.00: payments have changed it"), "{plan}");
    assert_eq!(import(&cli, &files.jbi("A1", "1000", "800"), true), [1, 0, 0, 1, 0]);
    assert_eq!(import(&cli, &intake, true), [1, 0, 0, 1, 0]);
    assert_eq!(import(&cli, &files.intake(&["A-1,P,D,1200,2020-02-03,C,Q"]), true), [1, 0, 1, 0, 0]);
    assert_eq!(balance(&database).await, "400.00");

    // Once the vendor has heard of the payments, its balance counts again.
    assert_eq!(import(&cli, &files.jbi("A1", "1200", "400"), true)[1..4], [0, 0, 1]);
    assert_eq!(import(&cli, &files.jbi("A1", "1200", "350"), true)[1..4], [0, 1, 0]);
    assert_eq!(balance(&database).await, "350.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_change_is_not_undone_by_an_old_file() {
    let database = TestDatabase::new().await;
    let cli = Cli::on(&database);
    let files = Files::new();
    let intake = files.intake(&["A-1,P,D,1000,2020-02-03,C,Q"]);
    import(&cli, &intake, true);
    sqlx::query("update public.core_judgments set defendant_name = 'Dee Price', status = 'vacated'")
        .execute(database.owner())
        .await
        .unwrap();
    assert_eq!(import(&cli, &intake, true), [1, 0, 0, 1, 0]);
    let report = cli.ok(&["import", &files.intake(&["A-1,P,D,1000,2020-02-03,C,Kings"]), "--commit"]);
    assert!(report.contains("line 2       county Q → Kings\n"), "{report}");
    let plan = cli.ok(&["import", &files.jbi("A1", "1000", "1000")]);
    assert!(plan.contains("the status stays vacated"), "{plan}");
    let name: String = sqlx::query_scalar("select defendant_name from public.core_judgments")
        .fetch_one(database.owner())
        .await
        .unwrap();
    assert_eq!(name, "Dee Price");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_number_means_one_judgment_a_court() {
    let database = TestDatabase::new().await;
    let cli = Cli::on(&database);
    let files = Files::new();
    let both = files.intake(&[
        "A-1,P,D,1000,2020-02-03,Queens,Q",
        "a1,P,D,500,2020-02-03,Kings,K",
        "A-1,P,D,1000,2020-02-03,QUEENS,Q",
    ]);
    // The third names the first's judgment, and differs from it in how it writes the court.
    assert_eq!(import(&cli, &both, true), [3, 2, 0, 0, 1]);
    let none = files.intake(&["A-1,P,D,1000,2020-02-03,,Q"]);
    let report = cli.json(&["import", &none, "--json"]);
    assert_eq!(
        report["refused"],
        json!([{"line": 2, "error": "several courts have the case number `A-1`, and the row names none"}])
    );
    assert_eq!(import(&cli, &files.intake(&["B-1,P,D,1,2020-02-03,,Q"]), true), [1, 1, 0, 0, 0]);
    assert_eq!(import(&cli, &files.intake(&["B-1,P,D,1,2020-02-03,Queens,Q"]), true), [1, 0, 1, 0, 0]);
    assert_eq!(import(&cli, &files.intake(&["B-1,P,D,1,2020-02-03,,Q"]), true)[1..4], [0, 0, 1]);

    let header = "LeadID,Status,UpdatedAt,Docket,County,State,JudgmentDate,Amount\n";
    let status = files.write(
        "status.csv",
        &format!("{header}1,Closed,2026-01-02T00:00:00Z,A1,k,NY,,\n2,Open,,A1,,NY,,\n3,Open,,ZZ,,NY,,\n"),
    );
    let report = cli.json(&["import", &status, "--json", "--commit"]);
    assert_eq!(report["changed"], json!(1));
    assert_eq!(
        report["refused"],
        json!([
            {"line": 3, "error": "2 judgments have the docket `A1`, and neither lead id nor county tells which"},
            {"line": 4, "error": "no judgment has the docket `ZZ`"},
        ])
    );
    assert_eq!(
        count(
            &database,
            "select count(*) from public.core_judgments where status = 'satisfied' and court = 'Kings'"
        )
        .await,
        1
    );
    // An older statement that comes late changes nothing.
    let late = files.write("late.csv", &format!("{header}1,Open,2026-01-01T00:00:00Z,A1,K,NY,,\n"));
    assert_eq!(import(&cli, &late, true), [1, 0, 0, 1, 0]);
    assert_eq!(import(&cli, &late, true), [1, 0, 0, 1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn intelligence_replaces_signals_and_keeps_a_score_that_is_missing() {
    let database = TestDatabase::new().await;
    let cli = Cli::on(&database);
    let files = Files::new();
    import(&cli, &files.intake(&["A-1,P,D,1000,2020-02-03,C,Q"]), true);
    let header = "case_number,collectability_score,employer_name,bank_name,real_property_lead,vehicle_lead,last_updated\n";
    let knows = |row: &str| files.write("known.csv", &format!("{header}{row}\n"));
    let facts = async || -> (Option<String>, i16) {
        sqlx::query_as("select collectability_score::text, asset_signals from public.core_judgments")
            .fetch_one(database.owner())
            .await
            .unwrap()
    };
    assert_eq!(
        import(&cli, &knows("A1,65.5,Example Works,  ,,2019 sedan,2026-10-01T00:00:00Z"), true),
        [1, 1, 0, 0, 0]
    );
    assert_eq!(facts().await, (Some("65.50".to_owned()), 9));
    assert_eq!(import(&cli, &knows("A1,,,A Bank,,,2026-10-02T00:00:00Z"), true), [1, 0, 1, 0, 0]);
    assert_eq!(facts().await, (Some("65.50".to_owned()), 2));
    assert_eq!(import(&cli, &knows("A1,10,Example Works,,,,2026-09-30T00:00:00Z"), true), [1, 0, 0, 1, 0]);
    assert_eq!(facts().await, (Some("65.50".to_owned()), 2));
    assert_eq!(import(&cli, &knows("A1,101,,,,,"), true), [1, 0, 0, 0, 1]);
    // One row of facts for each import that changed any.
    assert_eq!(count(&database, "select count(*) from public.judgment_facts").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_organisation_never_touches_anothers_judgments() {
    let database = TestDatabase::new().await;
    let cli = Cli::on(&database);
    import(&cli, &vendor("simplicity-intake"), true);
    db::organisations::create_organisation(&database.database(), "Castor", "castor", "America/New_York")
        .await
        .unwrap();
    let castor = cli.clone().with("--org", "castor");
    assert_eq!(import(&castor, &vendor("jbi-900"), true), [100, 100, 0, 0, 0]);
    assert_eq!(import(&cli, &vendor("jbi-900"), true), [100, 0, 100, 0, 0]);
    assert_eq!(cli.clone().with("--org", "nobody").run(&["tier", "coverage"]).status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_export_fails_with_a_reason() {
    let database = TestDatabase::new().await;
    let cli = Cli::on(&database);
    let files = Files::new();
    for (text, expect) in [
        ("", "the file is empty"),
        (
            "CaseNo,Plaintiff,Defendant,JudgmentAmount,JudgmentDate,Court,County\n",
            "has a header (simplicity-intake) and no rows",
        ),
        ("a,b,c\n1,2,3\n", "the header is of no known format"),
    ] {
        let output = cli.run(&["import", &files.write("file.csv", text), "--json"]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(expect), "{said}");
    }
    assert_eq!(cli.run(&["import", "/nonexistent.csv"]).status.code(), Some(1));
    assert_eq!(cli.run(&["import", "x.csv", "--format", "excel"]).status.code(), Some(2));
    assert_eq!(cli.run(&["import"]).status.code(), Some(2));
}
