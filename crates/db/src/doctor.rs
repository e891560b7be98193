//! What is wrong with a database, found without touching it: every question is asked in a transaction that may only read.

use std::collections::BTreeMap;
use std::fmt::Display;

use sqlx::{Connection, PgConnection};

use crate::migrate::{self, MigrateError};
use crate::{Actor, Database, SqlError, Transaction, schema};

/// How bad a finding is
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Somebody should look at it.
    Warning,
    /// Something does not work, or is not safe.
    Failure,
}

/// Something that is not as it should be
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    pub message: String,
}

impl Finding {
    /// Somebody should look at it
    pub fn warning(message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, message: message.into() }
    }

    /// Something does not work, or is not safe
    pub fn failure(message: impl Into<String>) -> Self {
        Self { severity: Severity::Failure, message: message.into() }
    }
}

/// What was looked at, and what was found
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub name: &'static str,
    pub findings: Vec<Finding>,
    /// Why it was not looked at.
    pub skipped: Option<String>,
}

impl Check {
    /// What was found by looking
    pub fn done(name: &'static str, findings: Vec<Finding>) -> Self {
        Self { name, findings, skipped: None }
    }
}

/// Of many findings of a kind, so many are told one by one.
const TOLD_MAX: usize = 8;

/// Looks at everything but the files of documents; in this order, so that what explains the rest comes first
///
/// `dump` is what `pg_dump` says of the schema ([`schema::of`]), or why it cannot be asked.
pub async fn examine(db: &Database, dump: Result<String, String>) -> Vec<Check> {
    let migrations = migrations(db).await;
    let is_current = migrations.findings.is_empty();
    let mut checks = vec![migrations];
    // What is missing in an older schema is missing for that reason.
    if is_current {
        checks.push(match dump {
            Ok(dump) => Check::done("schema", drift(&dump)),
            Err(reason) => Check { name: "schema", findings: Vec::new(), skipped: Some(reason) },
        });
        checks.push(check(db, "contract", contract).await);
    }
    checks.push(check(db, "row_level_security", row_level_security).await);
    checks.push(check(db, "grants", grants).await);
    if is_current {
        checks.push(check(db, "queues", queues).await);
        checks.push(check(db, "dead_letters", dead_letters).await);
        checks.push(check(db, "workers", workers).await);
        checks.push(check(db, "refreshes", refreshes).await);
        checks.push(check(db, "alerts", alerts).await);
    }
    checks
}

async fn check(
    db: &Database,
    name: &'static str,
    look: impl AsyncFn(&mut Transaction) -> Result<Vec<Finding>, SqlError>,
) -> Check {
    let found = async {
        let mut tx = db.begin_as(&Actor::service(None)).await?;
        sqlx::query("set transaction read only").execute(&mut *tx).await?;
        look(&mut tx).await
    };
    Check::done(name, found.await.unwrap_or_else(not_checked))
}

fn not_checked(error: impl Display) -> Vec<Finding> {
    vec![Finding::failure(format!("cannot be checked: {error}"))]
}

async fn migrations(db: &Database) -> Check {
    let findings = match migrate::pending(db).await {
        Ok(0) => Vec::new(),
        Ok(pending) => vec![Finding::warning(format!(
            "{pending} migration(s) are still to be applied, which `dragonfly migrate` does"
        ))],
        Err(error @ (MigrateError::Newer { .. } | MigrateError::Changed { .. })) => {
            vec![Finding::failure(error.to_string())]
        }
        Err(error) => not_checked(error),
    };
    Check::done("migrations", findings)
}

/// What the schema has other than the checked-in one, by lines: where they stand in a dump depends on when they were made
fn drift(dump: &str) -> Vec<Finding> {
    let count = |text: &str| {
        let mut lines: BTreeMap<String, i64> = BTreeMap::new();
        for line in text.lines().skip(1).filter(|line| !line.trim().is_empty()) {
            // A last column or a last constraint has no comma.
            let line = line.trim().trim_end_matches(',');
            // PostgreSQL words these otherwise once they were restored from a dump: `((a or b) or c)`.
            let line = if line.starts_with("CREATE TRIGGER") {
                line.replace(['(', ')'], "")
            } else {
                line.to_owned()
            };
            *lines.entry(line).or_default() += 1;
        }
        lines
    };
    let (known, found) = (count(schema::CHECKED_IN), count(dump));
    let beyond = |of: &BTreeMap<String, i64>, other: &BTreeMap<String, i64>| -> Vec<String> {
        of.iter()
            .filter(|(line, n)| other.get(*line).is_none_or(|m| m < *n))
            .map(|(line, _)| line.clone())
            .collect()
    };
    let mut findings =
        told(beyond(&known, &found), |line| Finding::failure(format!("the schema lacks `{line}`")));
    findings.extend(told(beyond(&found, &known), |line| {
        Finding::warning(format!("the schema has besides `{line}`"))
    }));
    findings
}

/// The first of many, and how many more there are
fn told<T>(all: Vec<T>, finding: impl Fn(T) -> Finding) -> Vec<Finding> {
    let more = all.len().saturating_sub(TOLD_MAX);
    let mut findings: Vec<Finding> = all.into_iter().take(TOLD_MAX).map(finding).collect();
    if let (true, Some(last)) = (more > 0, findings.last().cloned()) {
        findings.push(Finding { message: format!("and {more} more like these"), ..last });
    }
    findings
}

async fn contract(tx: &mut Transaction) -> Result<Vec<Finding>, SqlError> {
    let lines: Vec<String> = sqlx::query_scalar(schema::CONTRACT_SQL).fetch_all(&mut **tx).await?;
    let gone: Vec<&str> =
        schema::CONTRACT.lines().filter(|line| !lines.iter().any(|found| found == line)).collect();
    Ok(told(gone, |line| Finding::failure(format!("scripts rely on `{line}`, which is gone"))))
}

async fn row_level_security(tx: &mut Transaction) -> Result<Vec<Finding>, SqlError> {
    let lacking: Vec<String> = sqlx::query_scalar(
        "select l.message from (
           select format('row-level security is not enabled and forced on %s', c.oid::regclass) as message
             from pg_class c
            where c.relnamespace::regnamespace::text in ('public', 'judgments', 'enrichment') and c.relkind in ('r', 'p')
              and c.relname <> '_sqlx_migrations' and not (c.relrowsecurity and c.relforcerowsecurity)
           union all
           select format('no policy lets anybody see %s', c.oid::regclass)
             from pg_class c
            where c.relnamespace::regnamespace::text in ('public', 'judgments', 'enrichment') and c.relkind in ('r', 'p')
              and c.relname <> '_sqlx_migrations' and not exists (select from pg_policy p where p.polrelid = c.oid)
           union all
           select format('view %s does not run with the rights of its caller', c.oid::regclass)
             from pg_class c
            where c.relnamespace::regnamespace::text in ('public', 'judgments', 'enrichment') and c.relkind = 'v'
              and 'security_invoker=true' <> all (coalesce(c.reloptions, '{}'))
              and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
           union all
           select format('definer function %s has no fixed search path or belongs to somebody whom no policy binds', p.oid::regprocedure)
             from pg_proc p
            where p.pronamespace::regnamespace::text in ('public', 'judgments', 'enrichment') and p.prosecdef
              and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
              and (not coalesce(p.proconfig @> array['search_path=\"\"'], false) or pg_get_userbyid(p.proowner) not in ('service_role', 'judgment_search'))
         ) l order by 1",
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(told(lacking, Finding::failure))
}

async fn grants(tx: &mut Transaction) -> Result<Vec<Finding>, SqlError> {
    let wrong: Vec<String> = sqlx::query_scalar(
        "select l.message from (
           select format('anybody may call %s', p.oid::regprocedure) as message
             from pg_proc p
            where p.pronamespace::regnamespace::text in ('public', 'judgments', 'enrichment')
              and has_function_privilege('anon', p.oid, 'execute')
              and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
           union all
           select format('anybody may touch %s', c.oid::regclass)
             from pg_class c
            where c.relnamespace::regnamespace::text in ('public', 'judgments', 'enrichment') and c.relkind in ('r', 'v', 'p')
              and (has_table_privilege('anon', c.oid, 'select') or has_table_privilege('anon', c.oid, 'insert')
                or has_table_privilege('anon', c.oid, 'update') or has_table_privilege('anon', c.oid, 'delete'))
              and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
           union all
           select format('the role %s may do anything', r.rolname)
             from pg_roles r
            where r.rolname in ('anon', 'authenticated', 'enforcement_operator', 'admin', 'service_role', 'lead_router', 'judgment_search')
              and (r.rolsuper or r.rolbypassrls or r.rolcanlogin)
           union all
           select format('the role %s is missing', n.name)
             from unnest(array['anon', 'authenticated', 'enforcement_operator', 'admin', 'service_role', 'lead_router', 'judgment_search']) n (name)
            where not exists (select from pg_roles r where r.rolname = n.name)
         ) l order by 1",
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(told(wrong, Finding::failure))
}

async fn queues(tx: &mut Transaction) -> Result<Vec<Finding>, SqlError> {
    let mut findings = Vec::new();
    for queue in crate::queue::stats(tx).await? {
        let kind = queue.kind;
        // A night's work is done within minutes; what is older than that, nobody takes.
        if let Some(seconds) = queue.oldest_seconds.filter(|seconds| *seconds > 900) {
            findings.push(Finding::warning(format!(
                "{} job(s) are queued for `{kind}`, the oldest for {} minutes",
                queue.depth,
                seconds / 60
            )));
        }
        if queue.is_paused {
            findings.push(Finding::warning(format!("the queue `{kind}` is paused")));
        }
    }
    let missing: Vec<String> = sqlx::query_scalar(
        "select k.kind from public.queue_kinds k where to_regclass(format('pgmq.%I', 'q_' || k.kind)) is null order by 1",
    )
    .fetch_all(&mut **tx)
    .await?;
    findings.extend(told(missing, |kind| Finding::failure(format!("the kind `{kind}` has no queue"))));
    Ok(findings)
}

async fn dead_letters(tx: &mut Transaction) -> Result<Vec<Finding>, SqlError> {
    let dead: Vec<(String, i64)> = sqlx::query_as(
        "select d.kind, count(*) from public.queue_dead_letters d where d.state = 'dead' group by 1 order by 1",
    )
    .fetch_all(&mut **tx)
    .await?;
    let tell = |(kind, count)| {
        format!(
            "{count} dead letter(s) of `{kind}`: see `dragonfly queue dead`, then `dragonfly queue retry`"
        )
    };
    Ok(dead.into_iter().map(tell).map(Finding::warning).collect())
}

async fn workers(tx: &mut Transaction) -> Result<Vec<Finding>, SqlError> {
    let silent: Vec<(String, f64)> = sqlx::query_as(
        "select h.worker, floor(extract(epoch from clock_timestamp() - h.seen_at))::float8 from public.worker_heartbeats h
          where h.seen_at < clock_timestamp() - interval '1 minute' and h.seen_at > clock_timestamp() - interval '1 day'
          order by h.seen_at desc",
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut findings = told(silent, |(worker, seconds)| {
        Finding::warning(format!(
            "the worker `{worker}` ended without a word or hangs: silent for {seconds} seconds"
        ))
    });
    let (waiting, live): (i64, i64) = sqlx::query_as(
        "select (select count(*) from public.queue_jobs j where j.state = 'queued'),
                (select count(*) from public.worker_heartbeats h where h.seen_at >= clock_timestamp() - interval '1 minute')",
    )
    .fetch_one(&mut **tx)
    .await?;
    if waiting > 0 && live == 0 {
        findings.push(Finding::warning(format!(
            "{waiting} job(s) are queued and no worker runs: start `dragonfly serve` or `dragonfly worker`"
        )));
    }
    Ok(findings)
}

async fn refreshes(tx: &mut Transaction) -> Result<Vec<Finding>, SqlError> {
    let told_of: Vec<String> = sqlx::query_scalar(
        "select format('a refresh of `%s` has run for %s minutes and done %s of %s judgments', o.slug,
                       floor(extract(epoch from clock_timestamp() - r.started_at) / 60), r.done, r.total)
           from public.tier_refreshes r join public.organisations o on o.id = r.org_id
          where r.state = 'running' and r.started_at < clock_timestamp() - interval '15 minutes'
         union all
         select format('the last refresh of `%s` failed: %s', o.slug, r.error)
           from public.organisations o
          cross join lateral (select * from public.tier_refreshes r where r.org_id = o.id order by r.started_at desc limit 1) r
          where r.state = 'failed'
         union all
         select format('the nightly refresh of `%s` is overdue: it was to run at 02:00', o.slug)
           from public.organisations o
          cross join lateral (select public.app_now() at time zone o.time_zone as now) l
          where l.now::time >= time '03:00'
            and o.created_at at time zone o.time_zone < l.now::date + time '02:00'
            and not exists (select from public.nightly_runs n where n.org_id = o.id and n.run_on = l.now::date)",
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(told(told_of, Finding::warning))
}

async fn alerts(tx: &mut Transaction) -> Result<Vec<Finding>, SqlError> {
    let undelivered: Vec<String> = sqlx::query_scalar(
        "select format('%s alert(s) of the last week are %s: see them in `enforcement_alerts`, then call retry_alert', count(*), a.state)
           from public.enforcement_alerts a
          where a.state in ('failed', 'uncertain') and a.created_at > public.app_now() - interval '7 days'
          group by a.state
         union all
         select format('%s alert(s) wait for more than an hour', count(*))
           from public.enforcement_alerts a
          where a.state = 'pending' and a.created_at < public.app_now() - interval '1 hour'
         having count(*) > 0",
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(undelivered.into_iter().map(Finding::warning).collect())
}

/// The next documents by id, of every organisation, asked in a transaction that may only read
pub async fn documents_after(
    db: &Database,
    id: Option<uuid::Uuid>,
    limit: i64,
) -> Result<Vec<crate::documents::KeptFile>, SqlError> {
    let mut tx = db.begin_as(&Actor::service(None)).await?;
    sqlx::query("set transaction read only").execute(&mut *tx).await?;
    crate::documents::after(&mut tx, id, limit).await
}

/// The major version of the server that `options` lead to
pub async fn server_major(options: &crate::PgConnectOptions) -> Result<u32, SqlError> {
    let mut connection = PgConnection::connect_with(options).await?;
    let number: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int")
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(u32::try_from(number / 10_000).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_compared_wherever_they_stand() {
        let reordered = |text: &str| {
            let mut lines: Vec<&str> = text.lines().collect();
            lines[1..].reverse();
            lines.join("\n")
        };
        assert_eq!(drift(schema::CHECKED_IN), []);
        assert_eq!(drift(&reordered(schema::CHECKED_IN)), []);
        let without = schema::CHECKED_IN
            .replace("ALTER TABLE ONLY public.enforcement_cases FORCE ROW LEVEL SECURITY;", "x");
        assert_eq!(
            drift(&without),
            [
                Finding::failure(
                    "the schema lacks `ALTER TABLE ONLY public.enforcement_cases FORCE ROW LEVEL SECURITY;`"
                ),
                Finding::warning("the schema has besides `x`"),
            ]
        );
        let nothing = drift("");
        assert_eq!(nothing.len(), TOLD_MAX + 1);
        assert!(nothing.iter().all(|finding| finding.severity == Severity::Failure));
    }
}
