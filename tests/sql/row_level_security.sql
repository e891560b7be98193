-- Nothing crosses an organisation, whatever the table, the view or the role; every later table is held to it as it appears.
begin;
create extension if not exists pgtap;
select no_plan();

-- ---- every table and view of ours, read from the catalogue ----
select is(c.relrowsecurity and c.relforcerowsecurity, true, format('row-level security is enabled and forced on %s', c.relname))
  from pg_class c
 where c.relnamespace::regnamespace::text in ('public', 'judgments', 'enrichment') and c.relkind in ('r', 'p') and c.relname <> '_sqlx_migrations'
 order by c.relname;

select ok('security_invoker=true' = any (c.reloptions), format('view %s runs with the rights of its caller', c.relname))
  from pg_class c
 where c.relnamespace = 'public'::regnamespace and c.relkind = 'v'
   and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
 order by c.relname;

select ok(p.proconfig @> array['search_path=""'], format('definer function %s has a fixed search path', p.proname))
  from pg_proc p
 where p.pronamespace = 'public'::regnamespace and p.prosecdef order by p.proname;

-- The search's role reads names and nothing else.
select is(pg_get_userbyid(p.proowner)::text, case p.proname when 'search_judgments' then 'judgment_search' else 'service_role' end,
          format('definer function %s is subject to row-level security', p.proname))
  from pg_proc p
 where p.pronamespace = 'public'::regnamespace and p.prosecdef order by p.proname;

select ok(not has_function_privilege('anon', p.oid, 'execute'), format('anon may not call %s', p.proname))
  from pg_proc p
 where p.pronamespace::regnamespace::text in ('public', 'judgments', 'enrichment')
   and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
 order by p.proname;

select ok(not (has_table_privilege('anon', c.oid, 'select') or has_table_privilege('anon', c.oid, 'insert')
            or has_table_privilege('anon', c.oid, 'update') or has_table_privilege('anon', c.oid, 'delete')),
          format('anon may not touch %s', c.relname))
  from pg_class c
 where c.relnamespace::regnamespace::text in ('public', 'judgments', 'enrichment') and c.relkind in ('r', 'v', 'p')
   and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
 order by c.relname;

-- Every foreign key has an index that begins with its columns.
select ok(exists (select from pg_index i
                   where i.indrelid = k.conrelid
                     and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
                     and k.conkey @> (i.indkey::int2[])[0:cardinality(k.conkey) - 1]),
          format('foreign key %s of %s is indexed', k.conname, k.conrelid::regclass))
  from pg_constraint k
 where k.contype = 'f' and k.connamespace::regnamespace::text in ('public', 'judgments', 'enrichment')
   -- Lookups of a few rows that never change: no delete has to find what refers to them.
   and k.confrelid not in ('public.enforcement_stage_lookup'::regclass, 'public.queue_kinds'::regclass)
 order by k.conrelid::regclass::text, k.conname;

-- ---- two firms ----
insert into public.organisations (id, name, slug) values
  ('00000000-0000-0000-0000-00000000000a', 'Firm A', 'firm-a'), ('00000000-0000-0000-0000-00000000000b', 'Firm B', 'firm-b');
insert into public.users (id, email, display_name) values
  ('00000000-0000-0000-0000-0000000000a1', 'ada@example.com', 'Ada'), ('00000000-0000-0000-0000-0000000000b1', 'bob@example.com', 'Bob');
insert into public.memberships (org_id, user_id, role) values
  ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000a1', 'admin'),
  ('00000000-0000-0000-0000-00000000000b', '00000000-0000-0000-0000-0000000000b1', 'admin');

set local role service_role;
select set_config('dragonfly.org_id', '00000000-0000-0000-0000-00000000000a', true);
insert into public.plaintiffs (id, org_id, name)
values ('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-00000000000a', 'Harborview Funding LLC');
insert into public.tier_policies (org_id, name, state, revision, document, digest, tier_sql, decided_by_sql, reason_sql, published_at)
values ('00000000-0000-0000-0000-00000000000a', 'Revision 1', 'published', 1, '{}', repeat('a', 64),
        'case when collectability_score >= 80 then 3 else 0 end', 'null::text', '''because''', now());
insert into public.core_judgments (id, org_id, case_number, plaintiff_id, judgment_amount, balance_due, collectability_score)
values ('00000000-0000-0000-0000-0000000000a3', '00000000-0000-0000-0000-00000000000a', 'QSC-2019-1043',
        '00000000-0000-0000-0000-0000000000a2', 100, 90, 85);
insert into public.debtor_intelligence (judgment_id, org_id, employer_name)
values ('00000000-0000-0000-0000-0000000000a3', '00000000-0000-0000-0000-00000000000a', 'Example Works');
insert into public.enforcement_cases (org_id, judgment_id, created_by)
values ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000a3', 'test');
insert into public.tier_shadows (id, org_id, policy_id, name, document, digest, days, ends_at)
values ('00000000-0000-0000-0000-0000000000a5', '00000000-0000-0000-0000-00000000000a', gen_random_uuid(), 'Shadow', '{}', repeat('b', 64), 7,
        now() + interval '7 days');
select public.record_shadow_tiers('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000a5', '{1}', '{3}', '{2}', '{9000}');
select lives_ok('select public.refresh_enforcement_metrics()', 'the service refreshes');
insert into public.agent_profiles (id, org_id, display_name)
values ('00000000-0000-0000-0000-0000000000a6', '00000000-0000-0000-0000-00000000000a', 'Alice');
insert into public.agent_pool_members (org_id, pool_id, agent_profile_id)
select org_id, id, '00000000-0000-0000-0000-0000000000a6' from public.agent_pools;
insert into public.visitor_keys (key, org_id, name) values ('pk_' || repeat('a', 32), '00000000-0000-0000-0000-00000000000a', 'Website');
select public.append_routing_changes('00000000-0000-0000-0000-00000000000a', '[{"do": "configuration"}]', true);
insert into public.leads (org_id, id, visitor_id, pool_id, state, arrived_at, ended_at)
select org_id, '00000000-0000-0000-0000-0000000000a7', gen_random_uuid(), id, 'missed', now(), now() from public.agent_pools;
insert into public.lead_assignments (org_id, decision_no, lead_id, pool_id, agent_id, cause, is_fallback, revision, at, waited_ms, trace)
select org_id, 1, '00000000-0000-0000-0000-0000000000a7', id, '00000000-0000-0000-0000-0000000000a6', 'arrival', false, 1, now(), 0,
       '{"groups": [{"priority_rank": 1, "is_reached": true}]}' from public.agent_pools;
insert into public.missed_leads (org_id, decision_no, lead_id, pool_id, reason, revision, at, waited_ms, trace)
select org_id, 2, lead_id, pool_id, 'not_reassigned', 1, now(), 0, trace from public.lead_assignments;
insert into public.agent_status_events (org_id, change_no, agent_id, at, status, cause)
values ('00000000-0000-0000-0000-00000000000a', 3, '00000000-0000-0000-0000-0000000000a6', now(), 'idle', 'admin');
insert into public.queue_dead_letters (id, org_id, kind, msg_id, reason, message, enqueued_at)
values ('00000000-0000-0000-0000-0000000000a4', '00000000-0000-0000-0000-00000000000a', 'tier_assignment', 999999, 'test', '{}', now());

select is((select asset_signals from public.core_judgments where case_number = 'QSC-2019-1043'), 1::smallint,
          'intelligence sets the signal bits of its judgment');
select is((select count(*) from public.judgment_facts), 2::bigint, 'the first facts and the change of signals are kept');
select is((select tier from public.enforcement_cases), 'tier3', 'the open case carries the tier of its judgment');

select throws_ok(
  $$ insert into public.plaintiffs (org_id, name) values ('00000000-0000-0000-0000-00000000000b', 'Smuggled') $$, '42501',
  null, 'the service, working for one firm, cannot write another''s rows');

-- ---- reading: a member of firm A sees its rows, a member of firm B none of them ----
create function pg_temp.rows_seen(p_role text, p_org text, p_relation text) returns bigint
language plpgsql as $$
declare
  v_rows bigint;
begin
  execute format('set local role %I', p_role);
  perform set_config('dragonfly.org_id', p_org, true);
  execute format('select count(*) from %s x where to_jsonb(x) ->> ''org_id'' = ''00000000-0000-0000-0000-00000000000a''',
                 case when p_relation like '%.%' then p_relation else 'public.' || p_relation end)
     into v_rows;
  reset role;
  return v_rows;
end;
$$;
reset role;

select is(pg_temp.rows_seen(r.role, '00000000-0000-0000-0000-00000000000b', c.oid::regclass::text), 0::bigint,
          format('a %s of another firm sees nothing in %s', r.role, c.relname))
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'
 cross join (values ('authenticated'), ('enforcement_operator'), ('admin'), ('service_role')) as r (role)
 where c.relnamespace::regnamespace::text in ('public', 'judgments', 'enrichment') and c.relkind in ('r', 'v')
   -- Secrets are not for reading; what is found by one is found before any organisation is known.
   and c.relname not in ('sessions', 'sign_in_links', 'visitor_secrets', 'api_tokens')
   and has_table_privilege(r.role, c.oid, 'select')
   -- Memberships are how the service learns at sign-in which organisations a person has.
   and not (r.role = 'service_role' and c.relname = 'memberships')
 order by c.relname, r.role;

select cmp_ok(pg_temp.rows_seen('authenticated', '00000000-0000-0000-0000-00000000000a', t.name), '>', 0::bigint,
              format('a member sees the rows of the own firm in %s', t.name))
  from unnest(array['plaintiffs', 'core_judgments', 'judgments', 'debtor_intelligence', 'judgment_facts', 'enforcement_cases',
                    'agent_pools', 'agent_profiles', 'agent_pool_members', 'agent_pool_member_events', 'visitor_keys', 'routing_state', 'routing_log',
                    'leads', 'lead_assignments', 'missed_leads', 'agent_status_events', 'v_lead_outcomes', 'v_lead_tiers',
                    'tier_policies', 'tier_policy_events', 'tier_shadows', 'tier_shadow_tiers', 'tier_shadow_days', 'tier_assignments', 'tier_refreshes', 'queue_jobs', 'queue_dead_letters', 'memberships']) as t (name);

select is(pg_temp.rows_seen('authenticated', '', 'core_judgments'), 0::bigint, 'a person without an organisation sees nothing');

-- ---- calling: ids of another firm do not exist ----
set local role admin;
select set_config('dragonfly.org_id', '00000000-0000-0000-0000-00000000000b', true);
select throws_ok($$ select public.retry_dead_letter('00000000-0000-0000-0000-0000000000a4') $$, 'PT404', null,
                 'an admin of another firm cannot retry a dead letter');
select throws_ok($$ select public.discard_dead_letter('00000000-0000-0000-0000-0000000000a4') $$, 'PT404', null,
                 'an admin of another firm cannot discard a dead letter');
select throws_ok(
  $$ select public.publish_tier_policy((select id from public.tier_policies limit 1), 1, 1, 'n', '0', 'null', '''x''', null, null) $$,
  'PT404', null, 'an admin of another firm cannot publish its drafts');
select throws_ok(
  $$ select public.cancel_tier_policy_schedule((select id from public.tier_policies limit 1)) $$,
  'PT404', null, 'an admin of another firm cannot call back its schedules');
select throws_ok(
  $$ select public.answer_tier_policy_approval((select id from public.tier_policies limit 1), 1, true, 'n') $$,
  'PT404', null, 'an admin of another firm cannot approve its drafts');
select throws_ok($$ select public.stop_tier_shadow('00000000-0000-0000-0000-0000000000a5') $$, 'PT404', null,
                 'an admin of another firm cannot stop its shadows');
select throws_ok($$ select public.start_tier_shadow((select id from public.tier_policies limit 1), 7) $$, 'PT404', null,
                 'an admin of another firm cannot shadow its policies');
select throws_ok($$ select public.delete_pool((select id from public.agent_pools limit 1)) $$, 'PT409', 'the default pool cannot be deleted',
                 'not even the own default pool can be deleted');
select throws_ok($$ select public.add_pool_member((select id from public.agent_pools limit 1), '00000000-0000-0000-0000-0000000000a6', 1) $$,
                 'PT422', 'no such agent in this organisation', 'an agent of another firm is no agent');
select throws_ok($$ select public.retire_agent('00000000-0000-0000-0000-0000000000a6') $$, 'PT404', null,
                 'an admin of another firm cannot retire its agents');
select throws_ok($$ select public.revoke_visitor_key('pk_' || repeat('a', 32)) $$, 'PT404', null,
                 'an admin of another firm cannot revoke its keys');
reset role;

-- ---- the search sees all names, and finds those of the caller's organisation ----
set local role authenticated;
select set_config('dragonfly.org_id', '00000000-0000-0000-0000-00000000000a', true);
select is((select array_agg(j.id) from public.search_judgments('qsc 20191') j (id)),
          array['00000000-0000-0000-0000-0000000000a3'::uuid], 'a number is found by a part of it, with any punctuation');
select is((select count(*) from public.search_judgments('VIEW fund')), 1::bigint, 'a plaintiff is found by a part of the name');
select is((select count(*) from public.search_judgments('_')), 0::bigint, 'a wildcard stands for itself');
select is((select count(*) from public.search_judgments('Renamed')), 0::bigint, 'what is nowhere is not found');
set local role service_role;
update public.core_judgments set defendant_name = 'Renamed Debtor', case_number = 'QSC-77' where id = '00000000-0000-0000-0000-0000000000a3';
set local role authenticated;
select is((select count(*) from public.search_judgments('renamed d')), 1::bigint, 'a new name is found');
select is((select count(*) from public.search_judgments('QSC-2019')), 0::bigint, 'an old number is not');
select set_config('dragonfly.org_id', '00000000-0000-0000-0000-00000000000b', true);
select is((select count(*) from public.search_judgments('renamed d')), 0::bigint, 'another firm finds none of them');
select set_config('dragonfly.org_id', '', true);
select is((select count(*) from public.search_judgments('renamed d')), 0::bigint, 'nor does nobody');
select throws_ok($$ select count(*) from public.judgment_names $$, '42501', null, 'nobody reads the names of all');
reset role;

-- ---- alerts: what a person has read is that person's ----
insert into public.memberships (org_id, user_id, role) values
  ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000b1', 'viewer');
set local role service_role;
select set_config('dragonfly.org_id', '00000000-0000-0000-0000-00000000000a', true);
insert into public.enforcement_alert_routes (org_id, channel, created_by) values ('00000000-0000-0000-0000-00000000000a', 'console', 'test');
insert into public.enforcement_events (org_id, enforcement_case_id, judgment_id, event_kind, actor, actor_type)
select c.org_id, c.id, c.judgment_id, 'note', 'test', 'rpc' from public.enforcement_cases c;
set local role authenticated;
select set_config('dragonfly.user_id', '00000000-0000-0000-0000-0000000000a1', true);
select lives_ok($$ select public.mark_alerts_read(jsonb_build_object('alert_id', (select id from public.enforcement_alerts))) $$, 'a member reads an alert');
select is((select count(*) from public.enforcement_alert_reads), 1::bigint, 'and sees that it is read');
select is((select channel from public.enforcement_alert_routes), 'console', 'everybody sees which alerts are for consoles');
select throws_ok($$ select target from public.enforcement_alert_routes $$, '42501', null, 'where the others go stays with admins');
select throws_ok($$ insert into public.enforcement_alert_reads (org_id, user_id, alert_id)
                    select org_id, '00000000-0000-0000-0000-0000000000b1', id from public.enforcement_alerts $$, '42501', null, 'nobody reads for another');
select set_config('dragonfly.user_id', '00000000-0000-0000-0000-0000000000b1', true);
select is((select count(*) from public.enforcement_alert_reads), 0::bigint, 'another member does not see it');
select set_config('dragonfly.user_id', '', true);
select throws_ok($$ select public.mark_alerts_read(jsonb_build_object('alert_id', (select id from public.enforcement_alerts))) $$, 'PT422', null,
                 'nobody in particular reads nothing');
reset role;

-- ---- visitors: a key finds its organisation and nothing more ----
set local role lead_router;
select set_config('dragonfly.org_id', '', true);
select is((select (public.visitor_key('pk_' || repeat('a', 32))).org_id), '00000000-0000-0000-0000-00000000000a'::uuid,
          'a key says whose it is to whoever has it');
select is((select count(*) from public.visitor_keys), 0::bigint, 'and nobody else finds it');
select is((select count(*) from public.leads), 0::bigint, 'without an organisation there are no leads');
select throws_ok($$ select count(*) from public.core_judgments $$, '42501', null, 'whoever acts for visitors reads no judgments');
select set_config('dragonfly.org_id', '00000000-0000-0000-0000-00000000000b', true);
select is((select count(*) from public.leads), 0::bigint, 'another firm''s leads do not exist');
select set_config('dragonfly.org_id', '00000000-0000-0000-0000-00000000000a', true);
select is((select count(*) from public.leads), 1::bigint, 'the firm''s own do');
select throws_ok($$ update public.lead_assignments set is_fallback = true $$, '42501', null, 'decisions are not rewritten');
reset role;

select * from finish();
rollback;
