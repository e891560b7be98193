-- Promises of casework that hold whoever comes from the side: calls, payments against imports, papers, overrides, fields, turns, kinds of jobs.
begin;
create extension if not exists pgtap;
select no_plan();

insert into public.organisations (id, name, slug) values ('00000000-0000-0000-0000-00000000000a', 'Firm A', 'firm-a');
insert into public.users (id, email, display_name) values
  ('00000000-0000-0000-0000-0000000000a1', 'ada@example.com', 'Ada'), ('00000000-0000-0000-0000-0000000000a4', 'bea@example.com', 'Bea'),
  ('00000000-0000-0000-0000-0000000000a5', 'cay@example.com', 'Cay'), ('00000000-0000-0000-0000-0000000000a9', 'vic@example.com', 'Vic');
insert into public.memberships (org_id, user_id, role)
select '00000000-0000-0000-0000-00000000000a', id, case right(id::text, 1) when '1' then 'admin' when '9' then 'viewer' else 'operator' end::public.membership_role from public.users;
insert into public.plaintiffs (id, org_id, name) values
  ('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-00000000000a', 'Harborview Funding LLC'),
  ('00000000-0000-0000-0000-0000000000a3', '00000000-0000-0000-0000-00000000000a', 'Second Street Bank');
insert into public.core_judgments (id, org_id, case_number, court, plaintiff_id, judgment_amount, balance_due, imported_balance, collectability_score)
select ('00000000-0000-0000-0000-00000000010' || n)::uuid, '00000000-0000-0000-0000-00000000000a', 'CV-' || n, 'Kings', '00000000-0000-0000-0000-0000000000a2', 1000, 1000, 1000, 50
  from generate_series(1, 9) n;
create or replace function public.app_now() returns timestamptz language sql stable parallel safe return '2026-11-02 15:00:00+00'::timestamptz;
select set_config('dragonfly.org_id', '00000000-0000-0000-0000-00000000000a', true), set_config('dragonfly.user_id', '00000000-0000-0000-0000-0000000000a1', true);

-- Calls a function as an admin of the firm.
create function pg_temp.call(p_rpc text, p_payload jsonb) returns jsonb language plpgsql as $$
declare
  v_result jsonb;
begin
  set local role admin;
  execute format('select to_jsonb(r) from public.%I($1) r', p_rpc) into v_result using p_payload;
  reset role;
  return v_result;
end;
$$;
-- What refused a call: state, the field that is to blame, message.
create function pg_temp.refusal(p_rpc text, p_payload jsonb) returns text language plpgsql as $$
declare
  v_state text;
  v_detail text;
  v_message text;
begin
  perform pg_temp.call(p_rpc, p_payload);
  return 'nothing refused it';
exception when others then
  get stacked diagnostics v_state = returned_sqlstate, v_detail = pg_exception_detail, v_message = message_text;
  return concat_ws(' ', v_state, nullif(v_detail, ''), v_message);
end;
$$;
create function pg_temp.opened(p_judgment text) returns uuid language sql as $$
  select (pg_temp.call('open_enforcement_case', jsonb_build_object('judgment_id', p_judgment)) #>> '{}')::uuid
$$;
create temporary table c as select n, pg_temp.opened('00000000-0000-0000-0000-00000000010' || n) as id from generate_series(1, 2) n;
grant select on c to public;
create function pg_temp.of(p_n int, p_fields jsonb) returns jsonb language sql as $$ select jsonb_build_object('case_id', c.id) || p_fields from c where c.n = p_n $$;

-- ---- calls ----
select isnt(pg_temp.call('set_enforcement_stage', pg_temp.of(1, '{"stage": "contact_validation"}')), null);
select is((select count(*) from public.plaintiff_tasks where kind = 'call' and status = 'open'), 1::bigint, 'the stage plans a call');
update public.plaintiffs set status = 'do_not_call' where id = '00000000-0000-0000-0000-0000000000a2';
select results_eq($$ select status, closed_by from public.plaintiff_tasks where kind = 'call' $$, $$ values ('cancelled', 'automation') $$,
                  'do-not-call ends the calls that are planned, whatever said so');
select throws_ok($$ insert into public.plaintiff_tasks (org_id, plaintiff_id, kind, title, created_by) values ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000a2', 'call', 'x', 'x') $$,
                 'PT409', 'the plaintiff does not want to be called', 'and nobody plans another');
select throws_ok($$ update public.plaintiff_tasks set status = 'open', closed_at = null, closed_by = null where kind = 'call' $$, 'PT409', null, 'nor opens one again');
select throws_ok($$ update public.plaintiff_tasks set kind = 'call' where kind = 'validate_contacts' $$, 'PT409', null, 'nor makes one of another task');
select is(left(pg_temp.refusal('add_plaintiff_task', '{"plaintiff_id": "00000000-0000-0000-0000-0000000000a2"}'), 5), 'PT409');
select is(pg_temp.call('set_enforcement_stage', pg_temp.of(2, '{"stage": "contact_validation"}')) ->> 'current_stage', 'contact_validation', 'a stage moves without its call');
select bag_eq($$ select kind from public.plaintiff_tasks where status = 'open' and stage = 'contact_validation' $$, $$ values ('validate_contacts'), ('validate_contacts') $$);
-- A call that was under way when the plaintiff said so elsewhere: as it could only be without the guard.
set local session_replication_role = replica;
insert into public.plaintiff_tasks (id, org_id, plaintiff_id, kind, title, created_by)
values ('00000000-0000-0000-0000-000000000201', '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000a2', 'call', 'Call', 'x');
set local session_replication_role = origin;
set local role authenticated;
select throws_ok($$ select public.log_call_outcome('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-000000000201', 'reached', 'hot', null, '2026-11-09 15:00+00') $$,
                 'PT409', 'the plaintiff does not want to be called', 'no call takes do-not-call back, and none follows');
select is(public.log_call_outcome('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-000000000201', 'do_not_call', null, null, '2026-11-09 15:00+00') ->> 'follow_up_task_id', null);
select throws_ok($$ select public.log_call_outcome('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-000000000201', 'reached', null, repeat('x', 4001)) $$, 'PT422', '`notes` is longer than 4000 characters');
select throws_ok(format($$ select public.log_call_outcome('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-000000000201', 'reached', null, null, %L) $$, t), 'PT422', '`follow_up_at` is outside the years 1900 to 2199')
  from unnest(array['infinity', '20226-01-01', '0001-01-01']) t;
reset role;
select is((select status from public.plaintiffs where id = '00000000-0000-0000-0000-0000000000a2'), 'do_not_call');
select isnt(pg_temp.call('set_plaintiff_status', '{"plaintiff_id": "00000000-0000-0000-0000-0000000000a2", "status": "contacted"}'), null);
select isnt(pg_temp.call('add_plaintiff_task', '{"plaintiff_id": "00000000-0000-0000-0000-0000000000a2"}'), null, 'until somebody says that it may be');
select isnt(pg_temp.call('set_plaintiff_status', '{"plaintiff_id": "00000000-0000-0000-0000-0000000000a2", "status": "do_not_call"}'), null);
select is((select count(*) from public.plaintiff_tasks where kind = 'call' and status = 'cancelled' and closed_by = 'Ada'), 1::bigint, 'who says so ends the calls');
select isnt(pg_temp.call('set_plaintiff_status', '{"plaintiff_id": "00000000-0000-0000-0000-0000000000a2", "status": "contacted"}'), null);

-- ---- payments and imports ----
create function pg_temp.import(p_format text, p_record jsonb) returns text language plpgsql as $$
declare
  v_run uuid := gen_random_uuid();
begin
  insert into public.import_runs (id, org_id, format, file_name, digest, imported_by)
  values (v_run, '00000000-0000-0000-0000-00000000000a', p_format, 'x.csv', repeat('a', 64), 'test');
  insert into public.import_rows (org_id, run_id, format, line, record) values ('00000000-0000-0000-0000-00000000000a', v_run, p_format, 2, p_record);
  set local role service_role;
  perform public.process_simplicity_imports(v_run);
  reset role;
  return (select concat_ws(' ', j.balance_due, j.status, r.note) from public.import_rows r, public.core_judgments j where r.run_id = v_run and j.case_number = 'CV-3');
end;
$$;
create function pg_temp.said(p_balance text, p_status text default 'unsatisfied') returns jsonb language sql as $$
  select jsonb_build_object('case_number', 'CV-3', 'court', 'Kings', 'judgment_amount', '1000.00', 'balance', p_balance, 'status', p_status, 'plaintiff', 'Harborview Funding LLC')
$$;
select is(pg_temp.import('simplicity-canonical', pg_temp.said('900.00')), '900.00 unsatisfied', 'a vendor''s balance counts while nobody has paid here');
select is(pg_temp.call('record_enforcement_payment', '{"judgment_id": "00000000-0000-0000-0000-000000000103", "amount": "200"}') ->> 'balance_due', '700.00');
select is(pg_temp.import('simplicity-canonical', pg_temp.said('700.00')), '700.00 unsatisfied', 'the vendor hears of the payment');
select is(pg_temp.import('simplicity-canonical', pg_temp.said('900.00')), '700.00 unsatisfied the balance stays 700.00: payments have changed it', 'an older file does not undo it');
select is(pg_temp.import('simplicity-canonical', pg_temp.said('650.00')), '700.00 unsatisfied the balance stays 700.00: payments have changed it', 'nor does any');
insert into c select 3, pg_temp.opened('00000000-0000-0000-0000-000000000103');
select is(pg_temp.call('close_enforcement_case', pg_temp.of(3, '{"status": "satisfied"}')) ->> 'closure_reason', 'satisfied');
select is(pg_temp.import('jbi-900', pg_temp.said('700.00')), '700.00 satisfied the status stays satisfied', 'what a case was closed as, no file of another format takes back');
select is(pg_temp.import('status-export', '{"docket": "CV-3", "status": "in_progress", "updated_at": "2026-11-01T00:00:00Z"}'), '700.00 satisfied the status stays satisfied', 'nor a file of statuses');

-- ---- papers ----
select is(pg_temp.refusal('set_enforcement_stage', pg_temp.of(1, jsonb_build_object('stage', 'bank_levy', 'metadata', jsonb_build_object('document_path', p)))),
          'PT422 metadata.document_path `metadata.document_path` is not the place of a document', format('no document lies at %s', p))
  from unnest(array['yes', '/etc/passwd.pdf', '../x.pdf', 'a/../x.pdf', 'a//x.pdf', 'a/', './x.pdf', 'https://example.com/x.pdf', 'file:x.pdf', E'a\\b.pdf', E'a\tb.pdf', 'see the e-mail.']) p;
select is(pg_temp.refusal('log_enforcement_event', pg_temp.of(1, jsonb_build_object('event_kind', 'note', 'document_path',
            '00000000-0000-0000-0000-00000000000a/00000000-0000-0000-0000-000000000999/00000000-0000-0000-0000-000000000998.pdf'))),
          'PT422 document_path the case has no document there', 'a key of our own store is a document''s');
set local role enforcement_operator;
create temporary table d as
  select n, public.store_enforcement_document(jsonb_build_object('id', gen_random_uuid(), 'case_id', id, 'doc_kind', 'writ', 'file_name', 'w.pdf', 'ending', 'pdf',
           'media_type', 'application/pdf', 'size_bytes', 5, 'sha256', repeat('ab', 32))) ->> 'storage_path' as path
    from c where n < 3;
reset role;
select is(pg_temp.refusal('log_enforcement_event', pg_temp.of(1, jsonb_build_object('event_kind', 'bank_levy_filed', 'document_path', (select path from d where n = 2)))),
          'PT422 document_path the case has no document there', 'and of the very case');
select is(pg_temp.refusal('record_enforcement_payment', jsonb_build_object('judgment_id', '00000000-0000-0000-0000-000000000101', 'amount', '1', 'document_path', (select path from d where n = 1))),
          'PT422 document_path the case has no document there', 'who names a document of a case names the case');
select isnt(pg_temp.call('log_enforcement_event', pg_temp.of(1, jsonb_build_object('event_kind', 'bank_levy_filed', 'document_path', (select path from d where n = 1)))), null);
select isnt(pg_temp.call('log_enforcement_event', pg_temp.of(1, jsonb_build_object('event_kind', 'bank_levy_served', 'document_path', (select path from d where n = 1)))), null, 'one paper serves one action throughout');
select is(pg_temp.refusal('log_enforcement_event', pg_temp.of(1, jsonb_build_object('event_kind', 'garnishment_served', 'document_path', (select path from d where n = 1)))),
          'PT422 document_path the document vouches for another bank levy', 'and no other');
select is(pg_temp.refusal('issue_subpoena', pg_temp.of(1, jsonb_build_object('document_path', (select path from d where n = 1)))), 'PT422 document_path the document vouches for another bank levy');
select is(pg_temp.refusal('set_enforcement_stage', pg_temp.of(1, jsonb_build_object('stage', 'wage_garnishment', 'metadata', jsonb_build_object('document_path', (select path from d where n = 1))))),
          'PT422 metadata.document_path the document vouches for another action', 'nor does it open another stage');
select is(pg_temp.call('set_enforcement_stage', pg_temp.of(1, jsonb_build_object('stage', 'bank_levy', 'metadata', jsonb_build_object('document_path', (select path from d where n = 1))))) ->> 'current_stage', 'bank_levy', 'but its own');
select is(pg_temp.refusal('add_enforcement_document', pg_temp.of(1, jsonb_build_object('doc_kind', 'writ', 'storage_path', (select path from d where n = 1),
            'action_id', pg_temp.call('queue_enforcement_action', pg_temp.of(1, '{"action_type": "marshal", "status": "filed"}')) ->> 'id'))),
          'PT422 storage_path the document vouches for another bank levy');
select bag_eq($$ select action_type, has_document from public.enforcement_actions where enforcement_case_id = (select id from c where n = 1) $$,
              $$ values ('bank_levy', true), ('marshal', false) $$, 'an action knows whether it has a paper');
select isnt(pg_temp.call('queue_enforcement_action', pg_temp.of(1, '{"action_type": "bank_levy", "status": "cancelled"}')), null);
select is(pg_temp.refusal('queue_enforcement_action', pg_temp.of(1, jsonb_build_object('action_type', 'bank_levy', 'status', 'filed', 'document_path', (select path from d where n = 1)))),
          'PT422 document_path the document vouches for another bank levy', 'a second levy has a paper of its own');
select isnt(pg_temp.call('log_enforcement_event', pg_temp.of(1, '{"event_kind": "garnishment_served", "document_path": "garnishments/2026/order 7.pdf"}')), null, 'a key of a store elsewhere is noted');
select is((select count(*) from public.enforcement_documents where storage_path = 'garnishments/2026/order 7.pdf' and sha256 is null), 1::bigint, 'as a document whose file nobody has seen');

-- ---- overrides ----
update public.enforcement_cases set tier = 'tier1', tier_reason = 'collectability_score=50 in [35,60)';
create function pg_temp.shown() returns text language sql as $$
  select concat_ws(' | ', v.tier, v.tier_reason, v.computed_tier, v.computed_tier_reason, public.case_copilot_facts(v.case_id) ->> 'tier_reason', public.case_json(e) ->> 'effective_tier_reason')
    from public.v_enforcement_cases v join public.enforcement_cases e on e.id = v.case_id where v.case_id = (select id from c where n = 2)
$$;
create function pg_temp.at(p_at text) returns void language plpgsql as $$
begin
  execute format('create or replace function public.app_now() returns timestamptz language sql stable parallel safe return %L::timestamptz', p_at);
end;
$$;
create function pg_temp.overridden(p_until text, p_more jsonb default '{}') returns text language sql as $$
  select concat_ws(' ', r ->> 'override_set_at', r ->> 'override_root_cause')
    from pg_temp.call('set_tier_override', pg_temp.of(2, jsonb_build_object('tier', 'tier3', 'note', 'vip', 'expires_at', p_until)) || p_more) r
$$;
select is(pg_temp.overridden('2026-11-10', '{"root_cause": "score is stale"}'), '2026-11-02T15:00:00+00:00 score is stale');
select is(pg_temp.shown(), 'tier3 | override | tier1 | collectability_score=50 in [35,60) | override | override', 'an override is the reason of the tier that counts, and the computed one stands beside it');
select is((select tier || ' ' || tier_reason from public.enforcement_cases where id = (select id from c where n = 2)), 'tier1 collectability_score=50 in [35,60)', 'what was computed is kept');
select pg_temp.at('2026-11-10 05:00:00+00');
select is(pg_temp.shown(), 'tier1 | collectability_score=50 in [35,60) | tier1 | collectability_score=50 in [35,60) | collectability_score=50 in [35,60) | collectability_score=50 in [35,60)',
          'at its expiry, to the instant, it stops counting');
select pg_temp.at('2026-11-11 07:00:00+00');
select is(public.refresh_case_metrics('00000000-0000-0000-0000-00000000000a'), 1::bigint, 'a night clears it');
select is(public.refresh_case_metrics('00000000-0000-0000-0000-00000000000a'), 0::bigint, 'once');
select is((select delta from public.enforcement_history where action = 'override_expired'), '{"tier_override": ["tier3", null], "override_expires_at": ["2026-11-10T05:00:00+00:00", null]}');
select is(pg_temp.overridden('2026-11-20'), '2026-11-02T15:00:00+00:00 score is stale', 'set again after the night it is no new one: it persists');
select is((select count(*) from public.enforcement_history where action = 'override_set' and delta ? 'override_expires_at' and changed_at >= '2026-11-02 15:00:00+00'), 2::bigint, 'and counts as renewed');
select pg_temp.at('2026-11-28 05:00:00+00');
select public.refresh_case_metrics('00000000-0000-0000-0000-00000000000a');
select is(pg_temp.overridden('2026-12-20'), '2026-11-28T05:00:00+00:00', 'a week later it is a new one, whose cause is not known');
select isnt(pg_temp.call('clear_tier_override', pg_temp.of(2, '{}')), null);
select is(pg_temp.overridden('2026-12-21'), '2026-11-28T05:00:00+00:00', 'so it is after somebody has ended it');
select pg_temp.at('2026-11-02 15:00:00+00');

-- ---- fields ----
select isnt(pg_temp.call('issue_subpoena', pg_temp.of(2, '{"document_path": "subpoenas/1.pdf"}')), null);
insert into public.enforcement_alert_routes (id, org_id, channel, created_by) values ('00000000-0000-0000-0000-000000000301', '00000000-0000-0000-0000-00000000000a', 'console', 'x');
create temporary table valid (rpc text primary key, payload jsonb);
insert into valid select r, pg_temp.of(2, p) from (values
  ('add_enforcement_document', '{"doc_kind": "writ", "storage_path": "a/b.pdf"}'::jsonb), ('assign_enforcement_case', '{"owner_id": null}'), ('clear_tier_override', '{}'),
  ('close_enforcement_case', '{"status": "withdrawn"}'), ('log_enforcement_event', '{"event_kind": "note"}'),
  ('queue_enforcement_action', '{"action_type": "marshal", "status": "planned"}'), ('record_enforcement_payment', '{"amount": "1"}'),
  ('record_subpoena_response', '{"document_path": "a/b.pdf"}'), ('set_enforcement_stage', '{"stage": "asset_discovery"}'),
  ('set_next_action', '{"next_action_at": "2026-12-01"}'), ('set_tier_override', '{"tier": "tier3", "expires_at": "2026-12-01", "note": "x"}')) as v (r, p);
insert into valid
select 'link_enforcement_payment', pg_temp.of(3, jsonb_build_object('payment_id', p.id)) from public.enforcement_payments p
union all select 'issue_subpoena', pg_temp.of(1, '{"document_path": "a/b.pdf"}')
union all select 'close_plaintiff_task', jsonb_build_object('task_id', t.id) from (select id from public.plaintiff_tasks where kind = 'validate_contacts' and status = 'open' limit 1) t
union all select 'record_event_audit', jsonb_build_object('event_id', e.id, 'result', 'passed') from (select id from public.enforcement_events limit 1) e;
insert into valid values
  ('open_enforcement_case', '{"judgment_id": "00000000-0000-0000-0000-000000000104"}'), ('set_judgment_priority', '{"judgment_id": "00000000-0000-0000-0000-000000000104", "priority_level": "high"}'),
  ('add_plaintiff_task', '{"plaintiff_id": "00000000-0000-0000-0000-0000000000a3", "kind": "write", "title": "x"}'), ('put_plaintiff_contact', '{"plaintiff_id": "00000000-0000-0000-0000-0000000000a3", "name": "Kim"}'),
  ('set_plaintiff_status', '{"plaintiff_id": "00000000-0000-0000-0000-0000000000a3", "status": "signed"}'), ('put_alert_route', '{"channel": "console"}'), ('retry_alert', '{"alert_id": 1}'),
  ('mark_alerts_read', '{"alert_id": 1}'), ('keep_review_sample', '{"week": "2026-W45", "seed": 1, "size": 10}'),
  ('set_enforcement_stage_settings', '{"stage": "bank_levy", "sla_days": 3}'), ('set_recovery_plan', '{"month": "2026-11", "amount": "5"}'),
  ('queue_job', '{"kind": "enforce", "idempotency_key": "k", "payload": {}}');
select bag_eq($$ select rpc from valid $$,
              $$ select p.proname::text from pg_proc p where p.pronamespace = 'public'::regnamespace and p.proargnames = '{payload}' and has_function_privilege('admin', p.oid, 'execute') $$,
              'every function that people call with fields is tried');
-- The functions name their own fields: to whoever sends one that there is not.
create function pg_temp.fields(p_rpc text) returns text[] language plpgsql as $$
declare
  v_hint text;
begin
  perform pg_temp.call(p_rpc, '{"nonsense": 1}');
exception when others then
  get stacked diagnostics v_hint = pg_exception_hint;
  return string_to_array(replace(v_hint, 'its fields are ', ''), ', ') || '{request_id}';
end;
$$;
select is(split_part(pg_temp.refusal(v.rpc, v.payload || jsonb_build_object(f, '[[1]]'::jsonb)), ' ', 1) || ' ' || split_part(pg_temp.refusal(v.rpc, v.payload || jsonb_build_object(f, '[[1]]'::jsonb)), ' ', 2),
          'PT422 ' || f, format('%s reads its field %s, and says so', v.rpc, f))
  from valid v, unnest(pg_temp.fields(v.rpc)) f order by v.rpc, f;
select ok(pg_temp.refusal(v.rpc, v.payload || jsonb_build_object(f, x)) like 'PT422 ' || f || ' %', format('%s takes no %s for the text %s', v.rpc, x, f))
  from valid v, unnest(pg_temp.fields(v.rpc)) f, unnest(array['true', '7']::jsonb[]) x where f in ('note', 'actor', 'case_id', 'stage', 'status', 'title', 'doc_kind');
select ok(pg_temp.refusal(v.rpc, v.payload || jsonb_build_object(f, repeat('x', 4001))) like 'PT422 ' || f || ' %', format('%s has an end to its text %s', v.rpc, f))
  from valid v, unnest(pg_temp.fields(v.rpc)) f where f in ('note', 'actor', 'title', 'doc_kind', 'source', 'recipient', 'root_cause', 'name', 'description', 'document_path', 'created_by', 'closed_by');
select is(pg_temp.refusal(v.rpc, v.payload || jsonb_build_object(f, t)), format('PT422 %s `%s` is outside the years 1900 to 2199', f, f), format('%s: %s is no %s', v.rpc, t, f))
  from valid v, unnest(pg_temp.fields(v.rpc)) f, unnest(array['0001-01-01', '1899-12-31T00:00:00Z', '2200-01-02', '9999-12-31']) t where f ~ '_at$';
select is(pg_temp.refusal(v.rpc, v.payload || jsonb_build_object(f, t)), format('PT422 %s `%s` is not a time', f, f), format('%s: %s is no %s', v.rpc, t, f))
  from valid v, unnest(pg_temp.fields(v.rpc)) f, unnest(array['20226-01-01', 'infinity', '2026-13-01', 'now', '2026-11-02T25:00:00Z']) t where f ~ '_at$';
select is(pg_temp.refusal('record_enforcement_payment', pg_temp.of(2, jsonb_build_object('amount', a))), 'PT422 amount `amount` is not an amount of money', format('%s is no amount', a))
  from unnest(array['"1.005"', '"NaN"', '"1e3"', '"Infinity"', '1.005', '1e30', '1e-3', '0.001', '1000000000000', '"١"', '"+1"', '"0x10"']::jsonb[]) a;
select is(pg_temp.refusal('record_enforcement_payment', pg_temp.of(2, '{"amount": true}')), 'PT422 amount `amount` is not a text');
select is(pg_temp.refusal('record_enforcement_payment', pg_temp.of(2, '{"amount": "1", "credit": "true"}')), 'PT422 credit `credit` is neither true nor false', 'a flag is read where it would change nothing');
select ok(pg_temp.refusal('open_enforcement_case', jsonb_build_object('judgment_id', '00000000-0000-0000-0000-000000000104', 'collectability_score', s)) like 'PT422 collectability_score %',
          format('%s is no score, also of a judgment that has one', s)) from unnest(array['101', '-1', '50.001', '"NaN"', '"1e1"', '1e300', '[]']::jsonb[]) s;
select is(pg_temp.refusal('log_enforcement_event', pg_temp.of(2, jsonb_build_object('event_kind', 'note', 'payload', jsonb_build_object('x', repeat('x', 70000))))), 'PT422 payload `payload` is larger than 65536 bytes');
select is(pg_temp.refusal('set_enforcement_stage', pg_temp.of(2, '{"stage": "asset_discovery", "override": true, "metadata": {"override": "yes"}}')), 'PT422 override `override` is neither true nor false');
set local role service_role;
select throws_ok(format($$ select public.set_case_scores('00000000-0000-0000-0000-000000000101', 1, 2, %L, 4, 5, 70, 'A') $$, s), 'PT422', '`asset_score` is not a score from 0 to 100 with at most two decimals')
  from unnest(array['NaN', 'Infinity', '-0.01', '100.01', '1e-9', '1e200']) s;
select throws_ok(format($$ select public.upsert_enrichment_bundle('{"case_id": "00000000-0000-0000-0000-000000000101", %s}') $$, b), 'PT422', m) from (values
  ('"contcats": []', 'an enrichment bundle has no field `contcats`'), ('"assets": [{"asset_type": "bank", "name": "x", "confidnce": 5}]', 'an item of `assets` has no field `confidnce`'),
  ('"contacts": [{"kind": "phone", "value": "1", "phone": "2"}]', 'an item of `contacts` has no field `phone`')) as t (b, m);
select throws_ok($$ select public.apply_enrichment('{"case_id": "00000000-0000-0000-0000-000000000101", "scroes": {}}') $$, 'PT422', 'a message of `enrich` has no field `scroes`');
select throws_ok($$ select public.apply_enrichment('{"case_id": "00000000-0000-0000-0000-000000000101", "scores": {"asset": 5}}') $$, 'PT422', '`scores` has no field `asset`');
reset role;

-- ---- cases by turns ----
insert into c select n, pg_temp.opened('00000000-0000-0000-0000-00000000010' || n) from generate_series(4, 9) n;
insert into public.agent_pools (id, org_id, name) values ('00000000-0000-0000-0000-000000000401', '00000000-0000-0000-0000-00000000000a', 'Enforcers'), ('00000000-0000-0000-0000-000000000402', '00000000-0000-0000-0000-00000000000a', 'Others');
-- The order of agents is not that of their users.
insert into public.agent_profiles (id, org_id, user_id, display_name)
select ('00000000-0000-0000-0000-00000000050' || n)::uuid, '00000000-0000-0000-0000-00000000000a', ('00000000-0000-0000-0000-0000000000' || u)::uuid, u
  from (values (1, 'a5'), (2, 'a4'), (3, 'a1'), (4, 'a9')) as a (n, u);
insert into public.agent_pool_members (org_id, pool_id, agent_profile_id, priority_rank)
select '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-000000000401', ('00000000-0000-0000-0000-00000000050' || n)::uuid, r from (values (1, 2), (2, 2), (3, 3), (4, 1)) as m (n, r);
-- Who owns each of these cases once a plan has given them out: the last two digits of the user.
create function pg_temp.given(p_cases int[], p_apply boolean default true) returns text language plpgsql as $$
declare
  v_plan uuid;
begin
  set local role enforcement_operator;
  v_plan := public.plan_case_change('{"kind": "assign_owner", "pool_id": "00000000-0000-0000-0000-000000000401"}', '{}', array(select id from c where n = any (p_cases)));
  if p_apply then
    perform public.apply_case_plan(v_plan, 100);
  else
    perform public.cancel_case_plan(v_plan);
  end if;
  reset role;
  return (select string_agg(coalesce(right(e.owner_id::text, 2), '-'), ' ' order by e.id) from public.enforcement_cases e join c using (id) where c.n = any (p_cases));
end;
$$;
select is(pg_temp.given('{4}'), 'a5', 'the lowest agent of the best rank that may work cases begins');
update public.enforcement_cases set owner_id = null;
select is(pg_temp.given('{5}'), 'a4', 'the next plan goes on with who waits longest');
update public.enforcement_cases set owner_id = null;
select is(pg_temp.given('{6}', false), '-');
select is(pg_temp.given('{6}'), 'a5', 'a plan that was cancelled gave nothing out');
select is(pg_temp.given('{5}'), 'a4', 'who has no case is before who has one');
select is(pg_temp.given('{6}'), 'a5', 'a case stays where it would go anyway');
update public.enforcement_cases set owner_id = '00000000-0000-0000-0000-0000000000a5' where id in (select id from c where n in (4, 7));
select is((select string_agg(o, ' ' order by o) from regexp_split_to_table(pg_temp.given('{8,9}'), ' ') o), 'a4 a4', 'the least loaded gets what comes until nobody has less');
select throws_ok($$ select public.plan_case_change('{"kind": "assign_owner", "pool_id": "00000000-0000-0000-0000-000000000401", "owner_id": "00000000-0000-0000-0000-0000000000a1"}', '{}', '{}') $$, 'PT422', 'the cases go to an owner or to a pool');
select throws_ok($$ select public.plan_case_change('{"kind": "assign_owner", "pool_id": "00000000-0000-0000-0000-000000000402"}', '{}', '{}') $$, 'PT422', 'nobody in the pool may work cases');
select throws_ok($$ select public.plan_case_change('{"kind": "assign_owner", "onwer_id": null}', '{}', '{}') $$, 'PT422', 'a change of cases has no field `onwer_id`');

-- ---- who may queue what ----
create function pg_temp.queued(p_role text, p_kind text) returns text language plpgsql as $$
begin
  execute format('set local role %I', p_role);
  perform public.queue_job(jsonb_build_object('kind', p_kind, 'idempotency_key', p_role || p_kind));
  reset role;
  return 'queued';
exception when others then
  return sqlstate;
end;
$$;
select results_eq(
  $$ select k.kind, string_agg(pg_temp.queued(r, k.kind), ' ' order by n)
       from public.queue_kinds k, unnest(array['anon', 'authenticated', 'enforcement_operator', 'admin', 'service_role']) with ordinality as u (r, n) group by k.kind order by k.kind $$,
  $$ values ('case_copilot', '42501 queued queued queued queued'), ('enforce', '42501 PT403 queued queued queued'), ('enrich', '42501 PT403 queued queued queued'),
            ('outreach', '42501 PT403 queued queued queued'), ('tier_assignment', '42501 queued queued queued queued') $$,
  'viewers ask for what changes nothing, operators for all, nobody in particular for nothing');
select is(pg_temp.refusal('queue_job', '{"kind": "enforce", "idempotency_key": "k", "palyoad": {}}'), 'PT422 palyoad queue_job has no field `palyoad`');

select * from finish();
rollback;
