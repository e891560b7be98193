//! The other commands: what they print, how they end, what configures them

#![allow(clippy::unwrap_used)]

mod cli;

use cli::Cli;
use db::testing::TestDatabase;
use serde_json::{Value, json};

async fn execute(database: &TestDatabase, sql: &str) {
    sqlx::query(sql).execute(database.owner()).await.unwrap();
}

#[test]
fn every_command_teaches_itself() {
    let cli = Cli::without_database();
    let commands: &[&[&str]] = &[
        &[],
        &["serve"],
        &["worker"],
        &["import"],
        &["tier"],
        &["tier", "eval"],
        &["tier", "refresh"],
        &["tier", "coverage"],
        &["tier", "force"],
        &["pool"],
        &["pool", "route"],
        &["pool", "simulate"],
        &["queue"],
        &["queue", "stats"],
        &["queue", "dead"],
        &["queue", "retry"],
        &["demo"],
        &["migrate"],
        &["user"],
        &["user", "add"],
        &["user", "reset"],
        &["token"],
        &["token", "create"],
        &["token", "list"],
        &["token", "revoke"],
    ];
    for command in commands {
        let help = cli.ok(&[command, &["--help"][..]].concat());
        assert!(help.contains("Usage: dragonfly"), "{command:?}: {help}");
        let is_group = command.is_empty()
            || matches!(command, [name] if ["tier", "pool", "queue", "user", "token"].contains(name));
        let teaches = help.contains("Examples:") || help.contains("Begin with:") || *command == ["migrate"];
        assert!(is_group || teaches, "{command:?}: {help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{command:?}: {help}");
    }
    assert!(cli.ok(&["--help"]).contains("Exit codes:"));
    assert!(cli.ok(&["--version"]).starts_with("dragonfly "));
}

#[test]
fn what_cannot_be_used_ends_with_2() {
    let cli = Cli::without_database();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dragonfly.toml");
    std::fs::write(&file, "orgg = \"x\"").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, expect) in [
        (&["frobnicate"][..], "unrecognized subcommand"),
        (&["tier", "coverage", "--config", "/nonexistent.toml"], "configuration `/nonexistent.toml`"),
        (&["tier", "coverage", "--config", file], "unknown field `orgg`"),
        (&["tier", "coverage", "--database-url", "nonsense"], "the database URL cannot be read"),
        (&["worker", "--poll-interval", "0"], "outside 0 to 86400"),
        (&["worker", "--once", "--drain"], "cannot be used with"),
        (&["queue", "retry"], "required"),
        (&["queue", "retry", "one"], "invalid value"),
        (&["demo", "--judgments", "0"], "invalid value"),
        (
            &["user", "add", "--email", "kim", "--name", "Kim", "--role", "admin"],
            "`kim` is not an e-mail address",
        ),
        (&["serve", "--listen", "8080"], "invalid value"),
    ] {
        let output = cli.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(expect), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_database_that_is_not_there_is_a_failure() {
    let output =
        Cli::without_database().run(&["migrate", "--database-url", "postgres:///x?host=/nonexistent"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: cannot connect to the database"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_the_environment_and_flags_choose_in_that_order() {
    let database = TestDatabase::new().await;
    let first = Cli::on(&database);
    first.ok(&["migrate"]);
    for slug in ["castor", "pollux", "helena"] {
        db::organisations::create_organisation(&database.database(), slug, slug, "UTC").await.unwrap();
    }
    Cli::on(&database).with("--org", "castor").ok(&["demo", "--judgments", "20", "--no-refresh"]);
    Cli::on(&database).with("--org", "pollux").ok(&["demo", "--judgments", "30", "--no-refresh"]);

    let folder = tempfile::tempdir().unwrap();
    let url = database.url();
    let text = format!("database_url = \"{url}\"\norg = \"helena\"\n[profile.dev]\norg = \"castor\"\n");
    std::fs::write(folder.path().join("dragonfly.toml"), text).unwrap();
    let judgments = |env: &[(&str, &str)], arguments: &[&str]| {
        let cli = Cli::without_database().within(folder.path()).envs(env);
        let report = cli.json(&[&["tier", "coverage", "--json"], arguments].concat());
        report["active"].as_u64().unwrap()
    };
    let (castor, pollux) = (judgments(&[], &["--org", "castor"]), judgments(&[], &["--org", "pollux"]));
    assert!(castor > 10 && pollux > castor);
    assert_eq!(judgments(&[], &[]), 0);
    assert_eq!(judgments(&[], &["--env", "dev"]), castor);
    assert_eq!(judgments(&[("DRAGONFLY_ENV", "dev")], &[]), castor);
    assert_eq!(judgments(&[("DRAGONFLY_ORG", "pollux"), ("DRAGONFLY_ENV", "dev")], &[]), pollux);
    assert_eq!(judgments(&[("DRAGONFLY_ORG", "pollux")], &["--org", "castor"]), castor);
    let output = Cli::without_database().within(folder.path()).run(&["tier", "coverage", "--env", "prod"]);
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn demonstration_judgments_come_with_tiers_cases_and_overrides() {
    let database = TestDatabase::new().await;
    let cli = Cli::on(&database);
    let said = cli.ok(&["demo", "--judgments", "3000", "--seed", "7"]);
    assert!(
        said.starts_with("3,000 judgments added in ") && said.contains(" judgments tiered in "),
        "{said}"
    );
    let report = cli.json(&["tier", "coverage", "--json"]);
    assert_eq!((&report["never"], &report["stale"]), (&json!(0), &json!(0)));
    for tier in 0..4 {
        assert!(report["tiers"][tier]["judgments"].as_u64().unwrap() > 100, "{report}");
    }
    let (open, overridden, queued): (i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from public.enforcement_cases where tier is not null),
                (select count(*) from public.enforcement_cases where tier_override is not null),
                (select count(*) from public.queue_jobs)",
    )
    .fetch_one(database.owner())
    .await
    .unwrap();
    assert!(open > 20 && overridden > 0, "{open} {overridden}");
    assert_eq!(queued, 0);
    // More of them do not collide with those.
    cli.ok(&["demo", "--judgments", "100", "--no-refresh"]);
    assert!(cli.json(&["tier", "coverage", "--json"])["never"].as_u64().unwrap() > 50);
    let refreshed = cli.json(&["tier", "refresh", "--json"]);
    assert_eq!((&refreshed["state"], &refreshed["done"]), (&json!("done"), &refreshed["total"]));
    assert_eq!(cli.json(&["tier", "coverage", "--json"])["never"], json!(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_judgment_is_worked_once_and_logged_as_documented() {
    let database = TestDatabase::new().await;
    let cli = Cli::on(&database);
    cli.ok(&["demo", "--judgments", "5", "--no-refresh"]);
    execute(&database, "update public.core_judgments set status = 'unsatisfied', court = 'C'").await;
    cli.ok(&["worker", "--drain"]);
    let (id, case_number): (sqlx::types::Uuid, String) =
        sqlx::query_as("select id, case_number from public.core_judgments order by judgment_no limit 1")
            .fetch_one(database.owner())
            .await
            .unwrap();
    let docket = case_number.replace('-', "").to_lowercase();
    let queued = cli.json(&["tier", "force", &docket, "--json"]);
    assert_eq!(cli.json(&["tier", "force", &id.to_string(), "--json"]), queued);
    let output = cli.run(&["worker", "--once", "--verbose"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "1 job done\n");
    let log = String::from_utf8(output.stderr).unwrap();
    let msg_id = queued["msg_id"].as_i64().unwrap();
    assert!(
        log.contains(&format!(
            " INFO tier_assignment_start kind=tier_assignment msg_id={msg_id} judgment_id={id}\n"
        )),
        "{log}"
    );
    assert!(
        log.contains(&format!(
            " INFO tier_assignment_complete kind=tier_assignment msg_id={msg_id} judgment_id={id} tier="
        )),
        "{log}"
    );
    assert_eq!(cli.ok(&["worker", "--once"]), "nothing to do\n");

    execute(&database, "update public.core_judgments set status = 'vacated'").await;
    for (judgment, expect) in [
        (docket.as_str(), "the judgment is vacated; closed judgments are not tiered"),
        ("NO-SUCH-1", "there is no judgment `NO-SUCH-1`"),
    ] {
        let output = cli.run(&["tier", "force", judgment]);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(String::from_utf8(output.stderr).unwrap(), format!("error: {expect}\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_shown_with_their_reason_and_queued_again() {
    let database = TestDatabase::new().await;
    let cli = Cli::on(&database);
    cli.ok(&["migrate"]);
    assert_eq!(cli.ok(&["queue", "dead"]), "no dead letters\n");
    execute(
        &database,
        "select set_config('dragonfly.org_id', (select id::text from public.organisations limit 1), false),
                public.queue_job('{\"kind\": \"tier_assignment\", \"idempotency_key\": \"k\", \"payload\": {\"judgment_id\": \"none\"}}')
           from pg_catalog.set_config('dragonfly.org_id', (select id::text from public.organisations limit 1), false)",
    )
    .await;
    cli.ok(&["worker", "--drain"]);
    let dead = cli.json(&["queue", "dead", "--json"]);
    assert_eq!(
        (&dead[0]["reason"], &dead[0]["idempotency_key"]),
        (&json!("judgment_id is not a UUID"), &json!("k"))
    );
    assert!(cli.ok(&["queue", "dead"]).contains("  judgment_id is not a UUID\n"));
    assert_eq!(cli.tier_queue()["dead_letters"], json!(1));

    let id = dead[0]["id"].as_str().unwrap();
    assert_eq!(cli.ok(&["queue", "retry", id]), "1 queued again\n");
    let again = cli.run(&["queue", "retry", id]);
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(String::from_utf8(again.stderr).unwrap(), "error: the dead letter is already retried\n");
    cli.ok(&["worker", "--drain"]);
    assert_eq!(cli.json(&["queue", "retry", "--all", "--json"]), json!({"retried": 1}));
    assert_eq!(cli.tier_queue()["depth"], json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_let_in_by_a_link() {
    let database = TestDatabase::new().await;
    let cli = Cli::on(&database);
    let add = ["user", "add", "--email", " Kim@Example.com", "--name", "Kim Oh", "--role", "operator"];
    let link = cli.ok(&add);
    assert!(link.starts_with("Sign in: http://127.0.0.1:8080/welcome#token="), "{link}");
    let link =
        cli.ok(&["user", "reset", "--email", "kim@example.com", "--url", "https://tiers.example.com/"]);
    assert!(link.starts_with("Sign in: https://tiers.example.com/welcome#token="), "{link}");
    let output = cli.run(&["user", "reset", "--email", "ana@example.com"]);
    assert_eq!(output.status.code(), Some(1));
    let roles: Vec<String> = sqlx::query_scalar(
        "select u.email || ' ' || m.role from public.memberships m join public.users u on u.id = m.user_id",
    )
    .fetch_all(database.owner())
    .await
    .unwrap();
    assert_eq!(roles, ["kim@example.com operator"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_are_let_in_by_a_token() {
    let database = TestDatabase::new().await;
    let cli = Cli::on(&database);
    cli.ok(&["user", "add", "--email", "kim@example.com", "--name", "Kim Oh", "--role", "operator"]);
    let create = |role: &str, email: &str| {
        cli.run(&["token", "create", "--email", email, "--name", "payments", "--role", role, "--days", "7"])
    };
    let created = create("operator", "kim@example.com");
    assert!(String::from_utf8(created.stdout).unwrap().starts_with("dragonfly_"));
    for (role, email) in [("admin", "kim@example.com"), ("viewer", "ana@example.com")] {
        assert_eq!(create(role, email).status.code(), Some(1), "{role} {email}");
    }
    let listed = cli.json(&["token", "list", "--json"]);
    assert_eq!((&listed[0]["role"], &listed[0]["is_good"]), (&json!("operator"), &json!(true)));
    let id = listed[0]["id"].as_str().unwrap();
    cli.ok(&["token", "revoke", id]);
    assert_eq!(cli.run(&["token", "revoke", id]).status.code(), Some(1));
    assert!(cli.ok(&["token", "list"]).lines().last().unwrap().ends_with("never  no"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_prints_its_address_and_a_link_and_ends_cleanly_on_a_signal() {
    use std::io::{BufRead, BufReader};
    let database = TestDatabase::new().await;
    let mut server = Cli::on(&database)
        .command(&["serve", "--port", "0", "--demo"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let serves = lines.next().unwrap().unwrap();
    let link = lines.next().unwrap().unwrap();
    let url = serves.strip_prefix("Dragonfly serves on ").unwrap_or_else(|| panic!("{serves}"));
    assert!(url.starts_with("http://127.0.0.1:") && !url.ends_with(":0"), "{serves}");
    assert!(link.starts_with(&format!("Sign in: {url}/welcome#token=")), "{link}");
    let report = Cli::on(&database).json(&["tier", "coverage", "--json"]);
    assert_eq!(report["never"], Value::from(0));
    assert!(report["active"].as_u64().unwrap() > 15_000);

    let id = rustix::process::Pid::from_child(&server);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    assert_eq!(server.wait().unwrap().code(), Some(0));
}

#[test]
fn a_private_database_is_started_used_and_stopped() {
    let home = tempfile::Builder::new().prefix("dragonfly-cli-").tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let data = home.path().join("data");
    let cli = Cli::without_database().with("--data-dir", data.to_str().unwrap());
    assert_eq!(cli.ok(&["migrate"]), "the database is migrated\n");
    assert_eq!(cli.ok(&["migrate"]), "the database is up to date already\n");
    let output = cli.run(&[
        "import",
        &format!("{}/../../tests/data/vendor-exports/plaintiff-intake.csv", env!("CARGO_MANIFEST_DIR")),
        "--commit",
    ]);
    // Nothing but results is said: no leftovers of connections that were closed too early.
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(0), String::new()));
    assert!(!data.join("postgres/postmaster.pid").exists());
}
