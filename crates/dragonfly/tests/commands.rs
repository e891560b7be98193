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
        &["queue", "pause"],
        &["queue", "resume"],
        &["demo"],
        &["doctor"],
        &["smoke"],
        &["backup"],
        &["restore"],
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

/// A digest of every row of every table, but for what counts on: sequences and heartbeats
async fn everything(database: &TestDatabase) -> String {
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.oid::regclass::text from pg_class c
          where c.relnamespace::regnamespace::text in ('public', 'pgmq', 'judgments', 'enrichment') and c.relkind = 'r'
            and c.relname <> 'worker_heartbeats' order by 1",
    )
    .fetch_all(database.owner())
    .await
    .unwrap();
    let mut digests = Vec::new();
    for table in tables {
        let sql =
            format!("select coalesce(md5(string_agg(t::text, '' order by t::text)), '') from {table} t");
        let digest: String = sqlx::query_scalar(&sql).fetch_one(database.owner()).await.unwrap();
        digests.push(format!("{table} {digest}"));
    }
    digests.join("\n")
}

#[tokio::test]
async fn the_doctor_finds_what_is_wrong_and_leaves_nothing_behind() {
    let database = TestDatabase::new().await;
    let papers = tempfile::tempdir().unwrap();
    let cli = Cli::on(&database).with("--documents", papers.path().to_str().unwrap());
    let healthy: Value = cli.json(&["doctor", "--json"]);
    assert_eq!(healthy["status"], "fine", "{healthy}");
    let names: Vec<&str> =
        healthy["checks"].as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "migrations",
            "schema",
            "contract",
            "row_level_security",
            "grants",
            "queues",
            "dead_letters",
            "workers",
            "refreshes",
            "alerts",
            "documents"
        ]
    );
    // The databases of tests are of the version that writes the schema, or nothing is compared.
    assert!(
        healthy["checks"][1]["skipped"].is_null()
            || !healthy["checks"][1]["skipped"].as_str().unwrap().is_empty()
    );

    execute(&database, "update public.queue_kinds set is_paused = true where kind = 'enrich'").await;
    execute(&database, "insert into public.worker_heartbeats (worker, kinds, seen_at) values ('w', '{}', now() - interval '1 hour')").await;
    let warned = cli.run(&["doctor"]);
    assert_eq!(warned.status.code(), Some(1));
    let text = String::from_utf8(warned.stdout).unwrap();
    assert!(
        text.contains("the queue `enrich` is paused") && text.contains("the worker `w` ended without a word"),
        "{text}"
    );
    assert!(text.ends_with("0 failure(s), 2 warning(s)\n"), "{text}");

    for sql in [
        "insert into public.organisations (id, name, slug, created_at) values ('00000000-0000-0000-0000-00000000000a', 'A', 'a', now() - interval '3 days')",
        "insert into public.plaintiffs (id, org_id, name) values ('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-00000000000a', 'P')",
        "insert into public.core_judgments (id, org_id, case_number, plaintiff_id, judgment_amount)
         values ('00000000-0000-0000-0000-0000000000a3', '00000000-0000-0000-0000-00000000000a', 'C-1', '00000000-0000-0000-0000-0000000000a2', 1)",
        "insert into public.enforcement_cases (id, org_id, judgment_id, created_by)
         values ('00000000-0000-0000-0000-0000000000a4', '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000a3', 'x')",
        "insert into public.enforcement_documents (org_id, enforcement_case_id, doc_kind, storage_path, uploaded_by, file_name, media_type, size_bytes, sha256)
         select '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000a4', 'x', 'a/' || n || '.pdf', 'x', 'x.pdf', 'application/pdf', 2, sha256('hi')
           from generate_series(1, 3) n",
        "insert into public.enforcement_documents (org_id, enforcement_case_id, doc_kind, storage_path, uploaded_by)
         values ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000a4', 'x', 'kept elsewhere', 'x')",
        "insert into public.queue_dead_letters (org_id, kind, msg_id, reason, message, enqueued_at)
         values ('00000000-0000-0000-0000-00000000000a', 'enrich', 1, 'x', '{}', now())",
        "insert into public.tier_policies (id, org_id, name, document, digest) values ('00000000-0000-0000-0000-0000000000a5', '00000000-0000-0000-0000-00000000000a', 'x', '{}', repeat('a', 64))",
        "insert into public.tier_refreshes (org_id, policy_id, policy_revision, total, started_at)
         values ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000a5', 1, 9, now() - interval '1 hour')",
        "update public.queue_jobs set enqueued_at = now() - interval '1 hour'",
        "alter table public.enforcement_cases no force row level security",
        "grant select on public.plaintiffs to anon",
        "drop view public.v_enforcement_recent cascade",
        "create table public.stray (id int)",
    ] {
        execute(&database, sql).await;
    }
    std::fs::create_dir(papers.path().join("a")).unwrap();
    std::fs::write(papers.path().join("a/1.pdf"), "hi").unwrap();
    std::fs::write(papers.path().join("a/2.pdf"), "ho").unwrap();
    let stray = std::fs::File::create(papers.path().join("a/stray.pdf")).unwrap();
    stray.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(7200)).unwrap();

    let before = everything(&database).await;
    let failed = cli.run(&["doctor", "--json"]);
    assert_eq!(failed.status.code(), Some(2), "{}", String::from_utf8_lossy(&failed.stderr));
    assert_eq!(everything(&database).await, before);
    let report: Value = serde_json::from_slice(&failed.stdout).unwrap();
    let mut told: Vec<String> = Vec::new();
    for check in report["checks"].as_array().unwrap() {
        for finding in check["findings"].as_array().unwrap() {
            told.push(format!(
                "{}: {}",
                check["name"].as_str().unwrap(),
                finding["message"].as_str().unwrap()
            ));
        }
    }
    let told = told.join("\n");
    for expect in [
        "contract: scripts rely on `column public.v_enforcement_recent.",
        "row_level_security: row-level security is not enabled and forced on enforcement_cases",
        "row_level_security: row-level security is not enabled and forced on stray",
        "grants: anybody may touch plaintiffs",
        "queues: 1 job(s) are queued for `tier_assignment`, the oldest for 60 minutes",
        "dead_letters: 1 dead letter(s) of `enrich`",
        "workers: 1 job(s) are queued and no worker runs",
        "refreshes: a refresh of `a` has run for 60 minutes and done 0 of 9 judgments",
        "documents: the file `a/2.pdf` of document",
        "documents: the file `a/3.pdf` of document",
        "documents: 1 file(s) belong to no document, such as `a/stray.pdf`",
        "documents: 1 document(s) were only named, such as `kept elsewhere`",
    ] {
        assert!(told.contains(expect), "{expect}\n{told}");
    }
    assert!(!told.contains("a/1.pdf"), "{told}");
    if report["checks"][1]["skipped"].is_null() {
        assert!(told.contains("schema: the schema lacks `ALTER TABLE ONLY public.enforcement_cases FORCE ROW LEVEL SECURITY;`"), "{told}");
    }
    // Without reading it, a file of the right size is fine.
    let quick = String::from_utf8(cli.run(&["doctor", "--quick"]).stdout).unwrap();
    assert!(quick.contains("a/3.pdf") && !quick.contains("a/2.pdf"), "{quick}");
}

#[test]
fn the_doctor_says_that_there_is_no_database() {
    let nowhere = tempfile::tempdir().unwrap();
    let cli = Cli::without_database();
    for place in [
        ["--data-dir", nowhere.path().to_str().unwrap()],
        ["--database-url", "postgres://nobody@127.0.0.1:1/none"],
    ] {
        let output = cli.run(&[&["doctor"], &place[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).starts_with("failure  connection"), "{output:?}");
    }
    assert_eq!(std::fs::read_dir(nowhere.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn smoke_takes_a_case_through_everything_and_leaves_nothing() {
    let database = TestDatabase::new().await;
    let papers = tempfile::tempdir().unwrap();
    let cli = Cli::on(&database).with("--documents", papers.path().to_str().unwrap());
    cli.ok(&["demo", "--judgments", "30"]);
    let before = everything(&database).await;
    let report: Value = cli.json(&["smoke", "--json"]);
    let steps: Vec<&str> =
        report["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["intake", "tier", "stages", "levy", "payment", "closure"]);
    assert_eq!(everything(&database).await, before);
    assert_eq!(cli.json(&["doctor", "--json"])["checks"][10]["status"], "fine");

    // Something that does not work is told, and cleaned up after too.
    execute(
        &database,
        "revoke execute on function public.record_enforcement_payment(jsonb) from enforcement_operator",
    )
    .await;
    let output = cli.run(&["smoke"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.ends_with("failed: there is no function record_enforcement_payment\n"), "{text}");
    assert_eq!(everything(&database).await, before);
}

#[tokio::test]
async fn smoke_cleans_up_when_it_is_interrupted() {
    let database = TestDatabase::new().await;
    let papers = tempfile::tempdir().unwrap();
    let cli = Cli::on(&database).with("--documents", papers.path().to_str().unwrap());
    cli.ok(&["tier", "coverage"]);
    execute(&database, "update public.queue_kinds set is_paused = true").await;
    let before = everything(&database).await;
    let mut smoke = cli.command(&["smoke"]).spawn().unwrap();
    let queued = "select count(*) from public.queue_jobs where state = 'queued'";
    while sqlx::query_scalar::<_, i64>(queued).fetch_one(database.owner()).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    let pid = rustix::process::Pid::from_raw(smoke.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(smoke.wait().unwrap().code(), Some(130));
    assert_eq!(everything(&database).await, before);
}

#[tokio::test]
async fn what_is_backed_up_is_restored_and_nothing_else() {
    let database = TestDatabase::on_own_server().await;
    let home = database.private().socket_dir().parent().unwrap().to_owned();
    let out = tempfile::Builder::new().prefix("dragonfly-").tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(out.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    let place = |name: &str| out.path().join(name).to_str().unwrap().to_owned();
    let cli = Cli::without_database()
        .with("--data-dir", home.to_str().unwrap())
        .with("--documents", &place("papers"));
    cli.ok(&["demo", "--judgments", "20"]);
    for sql in [
        "insert into public.enforcement_cases (org_id, judgment_id, created_by) select org_id, id, 'x' from public.core_judgments limit 1",
        "insert into public.enforcement_documents (org_id, enforcement_case_id, doc_kind, storage_path, uploaded_by, file_name, media_type, size_bytes, sha256)
         select org_id, id, 'x', 'o/c/1.pdf', 'x', 'x.pdf', 'application/pdf', 2, sha256('hi') from public.enforcement_cases",
    ] {
        execute(&database, sql).await;
    }
    let papers = out.path().join("papers/o/c");
    std::fs::create_dir_all(&papers).unwrap();
    std::fs::write(papers.join("1.pdf"), "hi").unwrap();
    let manifest: Value = cli.json(&["backup", &place("backup"), "--json"]);
    assert_eq!((&manifest["lost"], &manifest["documents"][0]["path"]), (&json!([]), &json!("o/c/1.pdf")));
    let there = cli.run(&["backup", &place("backup")]);
    assert_eq!(there.status.code(), Some(1));
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 2, "no folder is left half made");

    let other = Cli::without_database()
        .with("--data-dir", &place("restored"))
        .with("--documents", &place("restored/documents"));
    // What was changed since is told before anything is done.
    for (file, expect) in
        [("documents/o/c/1.pdf", "is not what was backed up"), ("database.dump", "is not what was backed up")]
    {
        let path = out.path().join("backup").join(file);
        let content = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&content[1..], &content[..1]].concat()).unwrap();
        let refused = other.run(&["restore", &place("backup")]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&refused.stderr).contains(expect), "{refused:?}");
        std::fs::write(&path, content).unwrap();
    }
    assert!(!out.path().join("restored").exists());
    let told = other.ok(&["restore", &place("backup")]);
    assert!(told.ends_with("and 1 documents are restored and compared\n"), "{told}");
    let again = other.run(&["restore", &place("backup")]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("there is a database in"), "{again:?}");

    // The copy works.
    assert_eq!(other.json(&["doctor", "--json"])["status"], "fine");
    // What cannot be copied is named, and the rest is.
    std::fs::write(papers.join("1.pdf"), "ho").unwrap();
    let partly = cli.run(&["backup", &place("third"), "--json"]);
    assert_eq!(partly.status.code(), Some(1));
    assert_eq!(serde_json::from_slice::<Value>(&partly.stdout).unwrap()["lost"], json!(["o/c/1.pdf"]));
}
