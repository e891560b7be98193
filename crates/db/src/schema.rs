//! The schema as one text, to be read and to see what a migration changes.

use std::io;
use std::path::Path;
use std::process::Command;

/// What the migrations make, as [`of`] says it
pub const CHECKED_IN: &str = include_str!("../schema.sql");

/// What others call us by, as [`CONTRACT_SQL`] says it
pub const CONTRACT: &str = include_str!("../contract.txt");

/// The schema of a migrated database as `pg_dump` writes it, without what varies from run to run
///
/// `program` is a `pg_dump`; `arguments` and `envs` tell it where to connect. Our own objects only: neither PGMQ's nor the
/// table of applied migrations. Different major versions of `pg_dump` differ in wording; the first line names the one that
/// wrote this.
pub fn of(program: &Path, arguments: &[String], envs: &[(String, String)]) -> io::Result<String> {
    let output = Command::new(program)
        .args(["--schema-only", "--no-owner", "--no-password", "--exclude-schema=pgmq"])
        .arg("--exclude-table=public._sqlx_migrations")
        .args(arguments)
        .envs(envs.iter().cloned())
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(normalized(&String::from_utf8_lossy(&output.stdout)))
}

/// The major version of the `pg_dump` that wrote a schema
pub fn writer_major(schema: &str) -> Option<u32> {
    schema.lines().next()?.rsplit_once("pg_dump ")?.1.split(':').next()?.parse().ok()
}

/// The schema of a test's database
#[cfg(feature = "testing")]
pub fn dump(
    database: &crate::testing::TestDatabase,
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let program = database.private().bin_dir()?.join("pg_dump");
    Ok(of(&program, &[format!("--dbname={}", database.url())], &[])?)
}

/// What others call us by, a line each: functions with their arguments and the roles that may call them, the columns of
/// tables and views, the names of stages, event kinds, statuses and queue kinds
#[cfg(feature = "testing")]
pub async fn contract(database: &crate::testing::TestDatabase) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(CONTRACT_SQL).fetch_all(database.owner()).await
}

/// Lists what others call us by, as somebody who may see all rows of lookups
pub(crate) const CONTRACT_SQL: &str = r#"select line collate "C" from (
            select format('function %s.%s(%s) returns %s: %s', f.pronamespace::regnamespace, f.proname,
                          pg_get_function_arguments(f.oid), pg_get_function_result(f.oid),
                          (select string_agg(g.grantee::regrole::text, ', ' order by g.grantee::regrole::text)
                             from aclexplode(f.proacl) g where g.grantee <> f.proowner or g.grantee = 'service_role'::regrole)) as line
              from pg_proc f
             where f.pronamespace = 'public'::regnamespace and f.prorettype <> 'trigger'::regtype
               and not exists (select from pg_depend d where d.objid = f.oid and d.deptype = 'e')
               and (f.proname in ('set_case_enrichment', 'set_case_scores', 'upsert_enrichment_bundle', 'insert_or_get_entity',
                                  'process_simplicity_imports', 'refresh_enforcement_metrics', 'dequeue_job')
                 or exists (select from aclexplode(f.proacl) g
                             where g.grantee in ('authenticated'::regrole, 'enforcement_operator'::regrole, 'admin'::regrole))
                    and not exists (select from unnest(f.proargnames) n where n like 'p\_%'))
            union all
            select format('column %s.%s.%s %s', c.relnamespace::regnamespace, c.relname, a.attname, format_type(a.atttypid, a.atttypmod))
              from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
             where c.relkind in ('r', 'v')
               and (c.relnamespace::regnamespace::text in ('judgments', 'enrichment')
                 or c.relnamespace = 'public'::regnamespace
                    and (c.relname ~ '^(v_|enforcement_|plaintiff)' or c.relname in ('core_judgments', 'judgments', 'debtor_intelligence',
                           'judgment_facts', 'entities', 'queue_kinds', 'queue_jobs', 'queue_dead_letters')))
            union all
            select format('check %s: %s', k.conrelid::regclass, pg_get_constraintdef(k.oid))
              from pg_constraint k
             where k.contype = 'c' and k.conrelid in ('public.enforcement_actions'::regclass, 'public.core_judgments'::regclass,
                                                      'public.plaintiffs'::regclass, 'public.plaintiff_call_attempts'::regclass,
                                                      'public.enforcement_history'::regclass)
               and pg_get_constraintdef(k.oid) like '%ANY (ARRAY[%'
            union all
            select format('event kind %s%s', l.event_kind, case when l.needs_document then ', needs a document' else '' end)
              from public.enforcement_event_kind_lookup l
            union all
            select format('stage %s: ordinal %s, %s', l.stage, l.ordinal, coalesce(l.sla_days || ' days', 'no SLA')) from public.enforcement_stage_lookup l
            union all
            select format('queue kind %s', k.kind) from public.queue_kinds k) c
          order by 1"#;

fn normalized(text: &str) -> String {
    let major = text
        .lines()
        .find_map(|line| line.strip_prefix("-- Dumped by pg_dump version "))
        .and_then(|version| version.split('.').next())
        .unwrap_or("?");
    let mut lines = vec![format!("-- Generated by `cargo xtask schema` with pg_dump {major}: do not edit.")];
    for line in text.lines().map(str::trim_end) {
        let is_noise = ["--", "SET ", "\\restrict", "\\unrestrict", "SELECT pg_catalog.set_config"]
            .iter()
            .any(|noise| line.starts_with(noise));
        let follows_blank = lines.last().is_some_and(String::is_empty);
        let is_second_blank = line.is_empty() && follows_blank;
        if !is_noise && !is_second_blank {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n").trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_from_run_to_run_is_left_out() {
        let text = "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n-- Dumped by pg_dump version 15.18 (Debian)\n\n\
                    SET statement_timeout = 0;\n\n\ncreate table t ();\n\n--\n-- done\n--\n\n\\unrestrict abc\n";
        assert_eq!(
            normalized(text),
            "-- Generated by `cargo xtask schema` with pg_dump 15: do not edit.\n\ncreate table t ();\n"
        );
    }
}
