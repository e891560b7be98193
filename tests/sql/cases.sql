-- The functions of cases: what they do, and every refusal that the documents name, after which nothing has changed.
begin;
create extension if not exists pgtap;
select no_plan();

-- ---- a firm, its neighbour, and a clock ----
insert into public.organisations (id, name, slug) values
  ('00000000-0000-0000-0000-00000000000a', 'Firm A', 'firm-a'), ('00000000-0000-0000-0000-00000000000b', 'Firm B', 'firm-b');
insert into public.users (id, email, display_name) values
  ('00000000-0000-0000-0000-0000000000a1', 'ada@example.com', 'Ada'), ('00000000-0000-0000-0000-0000000000a9', 'vic@example.com', 'Vic'),
  ('00000000-0000-0000-0000-0000000000b1', 'bob@example.com', 'Bob');
insert into public.memberships (org_id, user_id, role) values
  ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000a1', 'operator'),
  ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000a9', 'viewer'),
  ('00000000-0000-0000-0000-00000000000b', '00000000-0000-0000-0000-0000000000b1', 'operator');
insert into public.plaintiffs (id, org_id, name) values
  ('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-00000000000a', 'Harborview Funding LLC'),
  ('00000000-0000-0000-0000-0000000000a3', '00000000-0000-0000-0000-00000000000a', 'Second Street Bank'),
  ('00000000-0000-0000-0000-0000000000b2', '00000000-0000-0000-0000-00000000000b', 'Neighbour Bank');
insert into public.core_judgments (id, org_id, case_number, court, plaintiff_id, judgment_amount, balance_due, status, tier, tier_reason, tier_as_of, tier_policy_revision)
values ('00000000-0000-0000-0000-000000000101', '00000000-0000-0000-0000-00000000000a', 'CV-1', 'Kings', '00000000-0000-0000-0000-0000000000a2', 1000, 900, 'unsatisfied', 2, 'because', now(), 1),
       ('00000000-0000-0000-0000-000000000102', '00000000-0000-0000-0000-00000000000a', 'CV-1', 'Queens', '00000000-0000-0000-0000-0000000000a2', 5000, 5000, 'unsatisfied', null, null, null, null),
       ('00000000-0000-0000-0000-000000000103', '00000000-0000-0000-0000-00000000000a', 'CV-3', 'Kings', '00000000-0000-0000-0000-0000000000a2', 500, 0, 'satisfied', null, null, null, null),
       ('00000000-0000-0000-0000-0000000001b1', '00000000-0000-0000-0000-00000000000b', 'CV-1', 'Kings', '00000000-0000-0000-0000-0000000000b2', 800, 800, 'unsatisfied', null, null, null, null);
create or replace function public.app_now() returns timestamptz language sql stable parallel safe
return '2026-11-02 15:00:00+00'::timestamptz;

-- Calls a function as somebody of firm A; `$case` in the payload is the case that the tests work on.
create function pg_temp.call(p_rpc text, p_payload jsonb, p_role text default 'enforcement_operator',
                             p_user text default '00000000-0000-0000-0000-0000000000a1', p_org text default '00000000-0000-0000-0000-00000000000a')
returns jsonb language plpgsql as $$
declare
  v_result jsonb;
begin
  perform set_config('dragonfly.org_id', p_org, true), set_config('dragonfly.user_id', p_user, true);
  execute format('set local role %I', p_role);
  execute format('select to_jsonb(r) from public.%I($1) r', p_rpc)
     into v_result using replace(p_payload::text, '$case', coalesce(current_setting('test.case', true), ''))::jsonb;
  reset role;
  return v_result;
end;
$$;
create function pg_temp.state() returns text language sql as $$
  select md5(string_agg(x, '|' order by x)) from (
    select to_jsonb(t)::text as x from public.core_judgments t union all select to_jsonb(t)::text from public.enforcement_cases t
    union all select to_jsonb(t)::text from public.enforcement_events t union all select to_jsonb(t)::text from public.enforcement_history t
    union all select to_jsonb(t)::text from public.enforcement_actions t union all select to_jsonb(t)::text from public.enforcement_documents t
    union all select to_jsonb(t)::text from public.enforcement_payments t union all select to_jsonb(t)::text from public.plaintiff_tasks t
    union all select to_jsonb(t)::text from public.rpc_requests t union all select to_jsonb(t)::text from public.queue_jobs t) s
$$;
-- A refusal has a state, a message and, where it can be mended, a hint; afterwards everything is as it was.
create function pg_temp.refused(p_rpc text, p_payload jsonb, p_state text, p_message text, p_role text default 'enforcement_operator',
                                p_user text default '00000000-0000-0000-0000-0000000000a1', p_org text default '00000000-0000-0000-0000-00000000000a')
returns text language plpgsql as $$
declare
  v_before text := pg_temp.state();
  v_state text;
  v_message text;
begin
  begin
    perform pg_temp.call(p_rpc, p_payload, p_role, p_user, p_org);
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_message = message_text;
  end;
  return is(array[v_state, v_message, pg_temp.state()], array[p_state, p_message, v_before], format('%s %s: %s', p_rpc, p_payload, p_message));
end;
$$;

-- ---- opening ----
select pg_temp.refused('open_enforcement_case', '{}', 'PT422', '`judgment_id` is missing');
select pg_temp.refused('open_enforcement_case', '{"judgment_id": "x"}', 'PT422', '`judgment_id` is not a UUID');
select pg_temp.refused('open_enforcement_case', '[]', 'PT422', 'open_enforcement_case takes a JSON object');
select pg_temp.refused('open_enforcement_case', '{"judgement_id": "x"}', 'PT422', 'open_enforcement_case has no field `judgement_id`');
select pg_temp.refused('open_enforcement_case', '{"judgment_id": "00000000-0000-0000-0000-0000000001b1"}', 'PT404', 'judgment not found');
select pg_temp.refused('open_enforcement_case', '{"judgment_id": "00000000-0000-0000-0000-000000000103"}', 'PT409', 'the judgment is satisfied');
select pg_temp.refused('open_enforcement_case', '{"judgment_id": "00000000-0000-0000-0000-000000000101", "tier": "tier4"}', 'PT422', 'unknown tier `tier4`');
select pg_temp.refused('open_enforcement_case', '{"judgment_id": "00000000-0000-0000-0000-000000000102", "collectability_score": 100.5}', 'PT422',
                       '`collectability_score` is not a score from 0 to 100 with at most two decimals');
select pg_temp.refused('open_enforcement_case', '{"judgment_id": "00000000-0000-0000-0000-000000000101", "plaintiff_id": "00000000-0000-0000-0000-0000000000a3"}',
                       'PT422', 'the plaintiff is not the judgment''s');
select pg_temp.refused('open_enforcement_case', '{"judgment_id": "00000000-0000-0000-0000-000000000101"}', '42501', 'permission denied for function open_enforcement_case', 'authenticated');
select pg_temp.refused('open_enforcement_case', '{"judgment_id": "00000000-0000-0000-0000-000000000101"}', '42501', 'permission denied for function open_enforcement_case', 'anon');
select pg_temp.refused('open_enforcement_case', '{"judgment_id": "00000000-0000-0000-0000-000000000101"}', 'PT422', 'open_enforcement_case needs an organisation', p_org => '');

select set_config('test.case', pg_temp.call('open_enforcement_case',
  '{"judgment_id": "00000000-0000-0000-0000-000000000101", "plaintiff_id": "00000000-0000-0000-0000-0000000000a2", "tier": "tier0", "created_by": "somebody", "notes": "take care"}') #>> '{}', true);
select results_eq(
  $$ select current_stage, tier, current_balance, next_action_at, created_by, plaintiff_id::text from public.enforcement_cases $$,
  $$ values ('pre_enforcement', 'tier2', 900::numeric, '2026-11-03 15:00:00+00'::timestamptz, 'Ada', '00000000-0000-0000-0000-0000000000a2') $$,
  'a case opens in pre_enforcement, with the tier that the policy computed and the name of who is signed in');
select results_eq(
  $$ select action, delta, note, actor, actor_type, rpc from public.enforcement_history $$,
  $$ values ('opened', '{"tier": [null, "tier2"], "current_stage": [null, "pre_enforcement"]}'::jsonb, 'take care', 'Ada', 'rpc', 'open_enforcement_case') $$,
  'its history begins');
select results_eq($$ select kind, due_at from public.plaintiff_tasks $$, $$ values ('review_intake', '2026-11-03 15:00:00+00'::timestamptz) $$,
  'with the task of its stage');
select pg_temp.refused('open_enforcement_case', '{"judgment_id": "00000000-0000-0000-0000-000000000101"}', 'PT409', 'the judgment has an open case already');

-- ---- another plaintiff ----
update public.core_judgments set plaintiff_id = '00000000-0000-0000-0000-0000000000a3' where id = '00000000-0000-0000-0000-000000000101';
select results_eq($$ select c.plaintiff_id::text, t.plaintiff_id::text from public.enforcement_cases c join public.plaintiff_tasks t on t.enforcement_case_id = c.id $$,
                  $$ values ('00000000-0000-0000-0000-0000000000a3', '00000000-0000-0000-0000-0000000000a3') $$,
                  'where a judgment turns out to be another plaintiff''s, its open case and tasks go with it');
update public.core_judgments set plaintiff_id = '00000000-0000-0000-0000-0000000000a2' where id = '00000000-0000-0000-0000-000000000101';

-- ---- stages ----
select pg_temp.refused('set_enforcement_stage', '{"case_id": "$case", "stage": "limbo"}', 'PT422', 'unknown stage `limbo`');
select pg_temp.refused('set_enforcement_stage', '{"case_id": "$case"}', 'PT422', '`stage` is missing');
select pg_temp.refused('set_enforcement_stage', '{"case_id": "00000000-0000-0000-0000-000000000999", "stage": "closure"}', 'PT404', 'enforcement case not found');
select pg_temp.refused('set_enforcement_stage', '{"case_id": "$case", "stage": "contact_validation"}', 'PT404', 'enforcement case not found',
                       p_user => '00000000-0000-0000-0000-0000000000b1', p_org => '00000000-0000-0000-0000-00000000000b');
select pg_temp.refused('set_enforcement_stage', '{"case_id": "$case", "stage": "pre_enforcement"}', 'PT409', 'the case is in stage pre_enforcement already');
select pg_temp.refused('set_enforcement_stage', '{"case_id": "$case", "stage": "bank_levy"}', 'PT422', 'entering stage bank_levy needs a document');
select pg_temp.refused('set_enforcement_stage', '{"case_id": "$case", "stage": "contact_validation", "expected_stage": "asset_discovery"}', 'PT409',
                       'the case is in stage pre_enforcement meanwhile');
select pg_temp.refused('set_enforcement_stage', '{"case_id": "$case", "stage": "contact_validation"}', '42501', 'permission denied for function set_enforcement_stage', 'authenticated');
select throws_ok($$ update public.enforcement_cases set current_stage = 'closure' $$, 'PT405', 'a stage moves only through set_enforcement_stage',
                 'not even the owner moves a stage by hand');
select throws_ok($$ update public.enforcement_cases set stage_entered_at = now() $$, 'PT405', null, 'nor the time since which it is there');
select throws_ok($$ update public.enforcement_cases set current_stage = 'closure' -- as public.close_enforcement_case(jsonb) does
                 $$, 'PT405', null, 'naming the function in a statement makes no difference');

select is(pg_temp.call('set_enforcement_stage', '{"case_id": "$case", "stage": "contact_validation", "note": "go", "actor": "somebody"}') ->> 'current_stage',
          'contact_validation', 'a stage moves on');
select results_eq(
  $$ select current_stage, next_action_at, stage_entered_at from public.enforcement_cases $$,
  $$ values ('contact_validation', '2026-11-07 15:00:00+00'::timestamptz, '2026-11-02 15:00:00+00'::timestamptz) $$, 'with the SLA of the stage as its next action');
select results_eq(
  $$ select event_kind::text, payload, note, actor, actor_id::text, rpc from public.enforcement_events $$,
  $$ values ('case_stage_changed', '{"from": "pre_enforcement", "to": "contact_validation", "override": false}'::jsonb, 'go', 'Ada',
             '00000000-0000-0000-0000-0000000000a1', 'set_enforcement_stage') $$, 'an event');
select results_eq(
  $$ select delta -> 'current_stage', actor_type, rpc from public.enforcement_history order by history_no desc limit 1 $$,
  $$ values ('["pre_enforcement", "contact_validation"]'::jsonb, 'rpc', 'set_enforcement_stage') $$, 'a row of history that says which function moved it');
select bag_eq($$ select kind from public.plaintiff_tasks where stage = 'contact_validation' $$, $$ values ('call'), ('validate_contacts') $$,
              'and the tasks of the stage');
update public.plaintiffs set status = 'do_not_call' where id = '00000000-0000-0000-0000-0000000000a3';
update public.core_judgments set plaintiff_id = '00000000-0000-0000-0000-0000000000a3' where id = '00000000-0000-0000-0000-000000000101';
select results_eq($$ select kind, status, right(plaintiff_id::text, 2) from public.plaintiff_tasks where stage = 'contact_validation' order by kind $$,
                  $$ values ('call', 'cancelled', 'a2'), ('validate_contacts', 'open', 'a3') $$, 'another plaintiff who does not want to be called is not');
update public.core_judgments set plaintiff_id = '00000000-0000-0000-0000-0000000000a2' where id = '00000000-0000-0000-0000-000000000101';
update public.plaintiff_tasks set status = 'open', closed_at = null, closed_by = null where kind = 'call';
select pg_temp.refused('set_enforcement_stage', '{"case_id": "$case", "stage": "pre_enforcement"}', 'PT409', 'stage pre_enforcement lies before stage contact_validation');
select is(pg_temp.call('set_enforcement_stage', '{"case_id": "$case", "stage": "pre_enforcement", "override": true}') ->> 'current_stage', 'pre_enforcement',
          'an override moves it back');
select is((select count(*) from public.plaintiff_tasks where kind = 'review_intake'), 1::bigint, 'a task that is open already is not made again');
select is(pg_temp.call('set_enforcement_stage', '{"case_id": "$case", "stage": "bank_levy", "metadata": {"document_path": "levy/1.pdf"}}') ->> 'next_action_at',
          '2026-11-16T15:00:00+00:00', 'a stage may be skipped, and an action stage is entered with its document');
select results_eq($$ select doc_kind, storage_path, event_id is not null from public.enforcement_documents $$, $$ values ('bank_levy', 'levy/1.pdf', true) $$,
                  'which is kept with the case');
select is(pg_temp.call('set_enforcement_stage', '{"case_id": "$case", "stage": "wage_garnishment", "metadata": {"document_path": "g/1.pdf", "next_action_at": "2026-11-05"}}') ->> 'next_action_at',
          '2026-11-05T05:00:00+00:00', 'from one action stage to another, with a next action of one''s own: a date is its morning in New York');

-- ---- stage settings ----
select pg_temp.refused('set_enforcement_stage_settings', '{"stage": "asset_discovery", "sla_days": 3}', '42501', 'permission denied for function set_enforcement_stage_settings');
select pg_temp.refused('set_enforcement_stage_settings', '{"stage": "asset_discovery", "sla_days": 0}', 'PT422', '`sla_days` is not a number of days from 1 to 9999', 'admin');
select is(pg_temp.call('set_enforcement_stage_settings', '{"stage": "recovery_monitoring", "sla_days": 3, "description": "Ours"}', 'admin') ->> 'sla_days', '3', 'an admin sets an SLA');
select is(pg_temp.call('set_enforcement_stage', '{"case_id": "$case", "stage": "recovery_monitoring"}') ->> 'next_action_at', '2026-11-05T15:00:00+00:00', 'which counts from then on');
select is(public.stage_sla_days('00000000-0000-0000-0000-00000000000b', 'recovery_monitoring'), 30, 'in this organisation and no other');
select is(pg_temp.call('set_enforcement_stage_settings', '{"stage": "recovery_monitoring", "sla_days": null}', 'admin') ->> 'description', 'Ours', 'null goes back to the default, what is left out stays');
select is(public.stage_sla_days('00000000-0000-0000-0000-00000000000a', 'recovery_monitoring'), 30);

-- ---- events ----
select pg_temp.refused('log_enforcement_event', '{"case_id": "$case", "event_kind": "teleported"}', 'PT422', 'unknown event kind `teleported`');
select pg_temp.refused('log_enforcement_event', '{"case_id": "$case", "event_kind": "payment_received"}', 'PT422', 'an event `payment_received` is written by its own function');
select pg_temp.refused('log_enforcement_event', '{"case_id": "$case", "event_kind": "case_stage_changed"}', 'PT422', 'an event `case_stage_changed` is written by its own function');
select pg_temp.refused('log_enforcement_event', jsonb_build_object('case_id', '$case', 'event_kind', k), 'PT422', format('an event `%s` needs a document', k))
  from unnest(array['bank_levy_filed', 'bank_levy_served', 'bank_levy_released', 'garnishment_order_signed', 'garnishment_served', 'garnishment_remittance',
                    'subpoena_issued', 'subpoena_complied', 'marshal_result']) k;
select isnt(pg_temp.call('log_enforcement_event', jsonb_build_object('case_id', '$case', 'event_kind', k)), null, format('an event `%s` needs none', k))
  from unnest(array['asset_search_requested', 'asset_search_completed', 'marshal_assigned', 'marshal_attempted', 'note']) k;
select is((select marshal_status from public.enforcement_cases), 'in_progress', 'events move the action that they tell of, and the case mirrors it');
select isnt(pg_temp.call('log_enforcement_event', '{"case_id": "$case", "event_kind": "marshal_assigned", "occurred_at": "2026-10-01"}'), null);
select results_eq($$ select action_type, status from public.enforcement_actions $$, $$ values ('marshal', 'in_progress') $$, 'one that was written down late moves nothing back');
select is((select occurred_at from public.enforcement_events order by event_no desc limit 1), '2026-10-01 04:00:00+00', 'and stands at its own time');
select isnt(pg_temp.call('log_enforcement_event', '{"case_id": "$case", "event_kind": "marshal_result", "document_path": "m.pdf"}'), null);
select is((select marshal_status from public.enforcement_cases), 'completed');
select is((select action_id is not null from public.enforcement_documents where storage_path = 'm.pdf'), true, 'the document vouches for the action');
insert into public.enforcement_actions (org_id, enforcement_case_id, action_type, status, opened_at, created_by)
values ('00000000-0000-0000-0000-00000000000a', current_setting('test.case')::uuid, 'marshal', 'planned', '2026-10-01', 'test');
select is((select marshal_status from public.enforcement_cases), 'planned', 'the case mirrors the active action, whenever that is said to have begun');
select pg_temp.refused('log_enforcement_event', '{"case_id": "$case", "event_kind": "note", "occurred_at": "2026-12-01"}', 'PT422', 'an event cannot lie in the future');
select pg_temp.refused('log_enforcement_event', '{"case_id": "$case", "event_kind": "note", "occurred_at": "yesterday"}', 'PT422', '`occurred_at` is not a time');
select pg_temp.refused('log_enforcement_event', '{"case_id": "$case", "event_kind": "note", "occurred_at": "2026-02-30"}', 'PT422', '`occurred_at` is not a time');
select pg_temp.refused('log_enforcement_event', '{"case_id": "$case", "event_kind": "note", "occurred_at": "2026-11-01T12:00:00+99"}', 'PT422', '`occurred_at` is not a time');
select pg_temp.refused('log_enforcement_event', '{"case_id": "$case", "event_kind": "note", "payload": [1]}', 'PT422', '`payload` is not a JSON object');
select pg_temp.refused('log_enforcement_event', '{"case_id": "$case", "event_kind": "note", "related_task_id": "00000000-0000-0000-0000-000000000999"}', 'PT404', 'the case has no such task');
select set_config('test.task', (select id::text from public.plaintiff_tasks where kind = 'validate_contacts'), true);
select isnt(pg_temp.call('log_enforcement_event', jsonb_build_object('case_id', '$case', 'event_kind', 'note', 'related_task_id', current_setting('test.task'))), null);
select is((select status || ' ' || closed_by from public.plaintiff_tasks where kind = 'validate_contacts'), 'completed Ada', 'an event ends the task that it names');
select pg_temp.refused('log_enforcement_event', jsonb_build_object('case_id', '$case', 'event_kind', 'note', 'related_task_id', current_setting('test.task')), 'PT409', 'the task is already completed');
select pg_temp.refused('log_enforcement_event', jsonb_build_object('case_id', '$case', 'event_kind', 'note', 'related_task_id', id), 'PT422', 'a call is completed with its outcome')
  from public.plaintiff_tasks where kind = 'call';

select isnt(pg_temp.call('log_enforcement_event', '{"case_id": "$case", "event_kind": "blocked", "payload": {"eta": "2026-12-01T12:00:00Z", "who": "marshal"}}'), null);
select results_eq($$ select blocked_since, blocked_until, next_action_at from public.enforcement_cases $$,
                  $$ values ('2026-11-02 15:00:00+00'::timestamptz, '2026-12-01 12:00:00+00'::timestamptz, '2026-12-01 12:00:00+00'::timestamptz) $$,
                  '`blocked` with an ETA sets the next action');
select pg_temp.refused('log_enforcement_event', '{"case_id": "$case", "event_kind": "blocked", "payload": {"eta": "2026-11-01"}}', 'PT422', 'the ETA lies in the past');
select isnt(pg_temp.call('log_enforcement_event', '{"case_id": "$case", "event_kind": "unblocked"}'), null);
select is((select blocked_since from public.enforcement_cases), null, 'and `unblocked` ends it');
select throws_ok($$ update public.enforcement_events set actor = 'x' $$, 'PT405', null, 'events are never rewritten');
select throws_ok($$ delete from public.enforcement_events $$, 'PT405', null, 'nor removed');
select throws_ok($$ update public.enforcement_history set actor = 'x' $$, 'PT405', null, 'nor is history');

-- ---- actions ----
select pg_temp.refused('queue_enforcement_action', '{"case_id": "$case", "action_type": "bribe", "status": "planned"}', 'PT422', 'unknown action type `bribe`');
select pg_temp.refused('queue_enforcement_action', '{"case_id": "$case", "action_type": "bank_levy", "status": "lost"}', 'PT422', 'unknown status `lost`');
select pg_temp.refused('queue_enforcement_action', '{"case_id": "$case", "action_type": "bank_levy", "status": "completed"}', 'PT409', 'the case has no active bank levy');
create temporary table levy as
  select pg_temp.call('queue_enforcement_action', '{"case_id": "$case", "action_type": "bank_levy", "status": "planned", "metadata": {"bank": "First"}}') as a;
select is(pg_temp.call('queue_enforcement_action', '{"case_id": "$case", "action_type": "bank_levy", "status": "filed", "document_path": "l2.pdf", "metadata": {"index": 7}}') ->> 'id',
          (select a ->> 'id' from levy), 'the active action of a type is updated');
select is((select metadata from public.enforcement_actions where action_type = 'bank_levy'), '{"bank": "First", "index": 7}', 'and keeps what was said of it');
select is((select levy_status from public.enforcement_cases), 'filed');
select is((select event_kind::text from public.enforcement_events order by event_no desc limit 1), 'bank_levy_filed', 'with its paper, a filing is the event of the documents');
select isnt(pg_temp.call('queue_enforcement_action', '{"case_id": "$case", "action_type": "bank_levy", "status": "cancelled", "status_reason": "account is empty"}') ->> 'closed_at', null);
select is((select event_kind::text from public.enforcement_events order by event_no desc limit 1), 'action_cancelled', 'an end is an event');
select isnt(pg_temp.call('queue_enforcement_action', '{"case_id": "$case", "action_type": "bank_levy", "status": "planned"}') ->> 'id', (select a ->> 'id' from levy),
            'after it another action begins');
select is(pg_temp.call('queue_enforcement_action', '{"case_id": "$case", "action_type": "bank_levy", "status": "cancelled"}') ->> 'status', 'cancelled');
create or replace function public.app_now() returns timestamptz language sql stable parallel safe return '2026-11-02 16:00:00+00'::timestamptz;
select isnt(pg_temp.call('log_enforcement_event', '{"case_id": "$case", "event_kind": "bank_levy_filed", "occurred_at": "2026-11-02", "document_path": "l3.pdf"}'), null);
select is((select count(*) || ' ' || max(c.levy_status) from public.enforcement_actions a join public.enforcement_cases c on c.id = a.enforcement_case_id where a.action_type = 'bank_levy'),
          '3 filed', 'a filing that is logged by its day begins another action than the one that was cancelled on that day');
select isnt(pg_temp.call('log_enforcement_event', '{"case_id": "$case", "event_kind": "bank_levy_released", "document_path": "l4.pdf"}'), null);
select is((select levy_status from public.enforcement_cases), 'completed', 'which the case mirrors also once it has ended');
create or replace function public.app_now() returns timestamptz language sql stable parallel safe return '2026-11-02 15:00:00+00'::timestamptz;
select is(pg_temp.call('queue_enforcement_action', '{"case_id": "$case", "action_type": "garnishment", "status": "in_progress", "document_path": "g2.pdf"}') ->> 'status', 'in_progress');
select is((select event_kind::text from public.enforcement_events order by event_no desc limit 1), 'action_updated', 'that money has come is not said by a status');

select pg_temp.refused('record_subpoena_response', '{"case_id": "$case", "document_path": "s.pdf"}', 'PT409', 'no subpoena is out');
select pg_temp.refused('issue_subpoena', '{"case_id": "$case"}', 'PT422', 'an event `subpoena_issued` needs a document');
select is(pg_temp.call('issue_subpoena', '{"case_id": "$case", "document_path": "s1.pdf", "recipient": "First Bank"}') ->> 'response_due_at', '2026-12-02T15:00:00+00:00', 'a subpoena is answered in 30 days');
select pg_temp.refused('issue_subpoena', '{"case_id": "$case", "document_path": "s1.pdf"}', 'PT409', 'a subpoena is out already');
select pg_temp.refused('record_subpoena_response', '{"case_id": "$case"}', 'PT422', 'an event `subpoena_complied` needs a document');
select is(pg_temp.call('record_subpoena_response', '{"case_id": "$case", "complied": false, "note": "half an answer"}') ->> 'status', 'in_progress', 'a poor answer leaves it open');
select is(pg_temp.call('record_subpoena_response', '{"case_id": "$case", "document_path": "s2.pdf", "review_at": "2026-11-04"}') ->> 'status', 'completed', 'an answer ends it');
select results_eq($$ select kind, status, due_at from public.plaintiff_tasks where kind like '%subpoena' order by kind $$,
                  $$ values ('follow_subpoena', 'completed', '2026-12-02 15:00:00+00'::timestamptz), ('review_subpoena', 'open', '2026-11-04 05:00:00+00'::timestamptz) $$,
                  'its task is done and a review is due');
select results_eq($$ select storage_path, action_id is not null from public.enforcement_documents where doc_kind like 'subpoena%' order by 1 $$,
                  $$ values ('s1.pdf', true), ('s2.pdf', true) $$, 'both papers are kept');
select is(pg_temp.call('issue_subpoena', '{"case_id": "$case", "document_path": "s3.pdf", "issued_at": "2026-10-20T16:00:00Z"}') ->> 'response_due_at', '2026-11-19T17:00:00+00:00',
          'the thirty days are those of New York, where the clocks have changed in between');
select is(pg_temp.call('record_subpoena_response', '{"case_id": "$case", "complied": null, "document_path": "s4.pdf"}') ->> 'status', 'completed', 'null says no more than nothing');
select pg_temp.refused('add_enforcement_document', jsonb_build_object('case_id', '$case', 'doc_kind', 'levy', 'storage_path', repeat('€', 667)), 'PT422',
                       'the path of the document is longer than 2000 bytes');

-- ---- payments ----
select pg_temp.refused('record_enforcement_payment', '{"amount": "1"}', 'PT422', 'a payment names a case or a judgment');
select pg_temp.refused('record_enforcement_payment', '{"case_id": "$case"}', 'PT422', '`amount` is missing');
select pg_temp.refused('record_enforcement_payment', jsonb_build_object('case_id', '$case', 'amount', a), 'PT422', '`amount` is not an amount of money')
  from unnest(array['1.005', 'NaN', '1e3', '1,000', 'Infinity', '1234567890123']) a;
select pg_temp.refused('record_enforcement_payment', jsonb_build_object('case_id', '$case', 'amount', a), 'PT422', 'a payment is more than nothing') from unnest(array['0', '-5.00', '0.00']) a;
select pg_temp.refused('record_enforcement_payment', '{"case_id": "$case", "amount": "1", "judgment_id": "00000000-0000-0000-0000-000000000102"}', 'PT422', 'the case is of another judgment');
select pg_temp.refused('record_enforcement_payment', '{"judgment_id": "00000000-0000-0000-0000-0000000001b1", "amount": "1"}', 'PT404', 'judgment not found');
select pg_temp.refused('record_enforcement_payment', '{"case_id": "$case", "amount": "1", "received_at": "2026-11-03"}', 'PT422', 'a payment cannot be received in the future');
select pg_temp.refused('record_enforcement_payment', '{"case_id": "$case", "amount": "900.01"}', 'PT409', 'the payment exceeds the balance of 900.00');
select pg_temp.refused('record_enforcement_payment', '{"case_id": "$case", "amount": "1"}', '42501', 'permission denied for function record_enforcement_payment', 'authenticated');
select is(pg_temp.call('record_enforcement_payment', '{"case_id": "$case", "amount": "100.50", "received_at": "2026-10-30", "source": "check 12"}') - array['payment_id', 'event_id', 'case_id'],
          '{"amount": "100.50", "credit": "0.00", "judgment_id": "00000000-0000-0000-0000-000000000101", "balance_before": "900.00", "balance_due": "799.50", "is_linked": true}',
          'a payment answers what it did');
select results_eq($$ select j.balance_due, c.current_balance from public.core_judgments j join public.enforcement_cases c on c.judgment_id = j.id $$,
                  $$ values (799.50::numeric, 799.50::numeric) $$, 'judgment and case agree');
select results_eq($$ select event_kind::text, occurred_at, payload from public.enforcement_events order by event_no desc limit 1 $$,
                  $$ values ('payment_received', '2026-10-30 04:00:00+00'::timestamptz, '{"amount": "100.50", "source": "check 12", "balance_due": "799.50"}'::jsonb) $$,
                  'its event lies at the time when the money came');
select is((select count(*) from public.queue_jobs where idempotency_key = 'tier:00000000-0000-0000-0000-000000000101:facts:'
            || (select max(id) from public.judgment_facts where judgment_id = '00000000-0000-0000-0000-000000000101')), 1::bigint, 'it queues the tier');

select is(pg_temp.call('record_enforcement_payment', '{"judgment_id": "00000000-0000-0000-0000-000000000101", "amount": 99.5, "request_id": "pay-1"}') ->> 'is_linked', 'false',
          'a payment that names only a judgment is unlinked');
select is(pg_temp.call('record_enforcement_payment', '{"judgment_id": "00000000-0000-0000-0000-000000000101", "amount": 99.5, "request_id": "pay-1"}') ->> 'balance_due', '700.00',
          'the same request id answers the first result');
select is((select count(*) from public.enforcement_payments), 2::bigint, 'and books nothing');
select pg_temp.refused('record_enforcement_payment', '{"judgment_id": "00000000-0000-0000-0000-000000000101", "amount": 99.51, "request_id": "pay-1"}', 'PT422',
                       'the request id was used for another call of record_enforcement_payment');
select is((select current_balance from public.enforcement_cases), 700.00, 'an unlinked payment counts against the open case all the same');
select results_eq($$ select unlinked_payment_count, unlinked_amount from public.v_metrics_enforcement where org_id = '00000000-0000-0000-0000-00000000000a' $$, $$ values (1::bigint, 99.50::numeric) $$, 'and is seen as unlinked');
select set_config('test.payment', (select id::text from public.enforcement_payments where enforcement_case_id is null), true);
select pg_temp.refused('link_enforcement_payment', '{"payment_id": "00000000-0000-0000-0000-000000000999", "case_id": "$case"}', 'PT404', 'payment not found');
select is(pg_temp.call('link_enforcement_payment', jsonb_build_object('payment_id', current_setting('test.payment'), 'case_id', '$case')) ->> 'case_id', current_setting('test.case'), 'until it is linked');
select pg_temp.refused('link_enforcement_payment', jsonb_build_object('payment_id', current_setting('test.payment'), 'case_id', '$case'), 'PT409', 'the payment has a case already');
select is((select count(*) from public.enforcement_events where event_kind = 'payment_received' and enforcement_case_id = current_setting('test.case')::uuid), 2::bigint, 'its event goes with it');
select is((select balance_due from public.core_judgments where id = '00000000-0000-0000-0000-000000000101'), 700.00, 'and the balance is not touched again');
select is(pg_temp.call('record_enforcement_payment', '{"case_id": "$case", "amount": "750", "credit": true}') - array['payment_id', 'event_id', 'case_id', 'judgment_id'],
          '{"amount": "750.00", "credit": "50.00", "balance_before": "700.00", "balance_due": "0.00", "is_linked": true}', 'what is too much is a credit, if the caller says so');

-- ---- overrides, owners, next actions ----
select pg_temp.refused('set_tier_override', '{"case_id": "$case", "tier": "tier3", "note": "vip"}', 'PT422', '`expires_at` is missing');
select pg_temp.refused('set_tier_override', '{"case_id": "$case", "tier": "tier3", "expires_at": "2027-01-01"}', 'PT422', '`note` is missing');
select pg_temp.refused('set_tier_override', '{"case_id": "$case", "tier": "tier3", "expires_at": "2026-11-01", "note": "vip"}', 'PT422', 'the override would have expired already');
select pg_temp.refused('set_tier_override', '{"case_id": "$case", "tier": "3", "expires_at": "2027-11-01", "note": "vip"}', 'PT422', 'unknown tier `3`');
select pg_temp.refused('clear_tier_override', '{"case_id": "$case"}', 'PT409', 'the case has no override');
select is(pg_temp.call('set_tier_override', '{"case_id": "$case", "tier": "tier3", "expires_at": "2026-12-01", "note": "vip", "root_cause": "score is stale"}') ->> 'effective_tier', 'tier3', 'an override counts');
select is((select tier from public.enforcement_cases), 'tier2', 'beside the computed tier');
select is((select tier || computed_tier from public.v_enforcement_cases where case_id = current_setting('test.case')::uuid), 'tier3tier2', 'and is shown');
select is(pg_temp.call('clear_tier_override', '{"case_id": "$case"}') ->> 'effective_tier', 'tier2', 'until it is cleared');
select pg_temp.refused('assign_enforcement_case', '{"case_id": "$case"}', 'PT422', '`owner_id` is missing');
select pg_temp.refused('assign_enforcement_case', '{"case_id": "$case", "owner_id": "00000000-0000-0000-0000-0000000000b1"}', 'PT422', 'the owner is not a member of the organisation');
select pg_temp.refused('assign_enforcement_case', '{"case_id": "$case", "owner_id": "00000000-0000-0000-0000-0000000000a9"}', 'PT422', 'the owner may not work cases');
select is(pg_temp.call('assign_enforcement_case', '{"case_id": "$case", "owner_id": "00000000-0000-0000-0000-0000000000a1"}') ->> 'owner_id', '00000000-0000-0000-0000-0000000000a1', 'a case gets an owner');
select is(pg_temp.call('set_next_action', '{"case_id": "$case", "next_action_at": "2026-11-20"}') ->> 'next_action_at', '2026-11-20T05:00:00+00:00');

-- ---- request ids ----
select pg_temp.refused('set_next_action', jsonb_build_object('case_id', '$case', 'next_action_at', '2026-11-20', 'request_id', repeat('x', 201)), 'PT422', '`request_id` is longer than 200 characters');
select set_config('dragonfly.request_id', 'from-the-header', true);
select pg_temp.refused('set_next_action', '{"case_id": "$case", "next_action_at": "2026-11-20", "request_id": "other"}', 'PT422', 'the header Idempotency-Key and the field `request_id` differ');
select is(pg_temp.call('set_next_action', '{"case_id": "$case", "next_action_at": "2026-11-21"}') ->> 'next_action_at', '2026-11-21T05:00:00+00:00');
select is((select count(*) from public.rpc_requests where request_id = 'from-the-header' and caller_id = '00000000-0000-0000-0000-0000000000a1'), 1::bigint, 'the header''s id is honoured as the field is');
select set_config('dragonfly.request_id', '', true);

-- ---- what the jobs do ----
select set_config('dragonfly.org_id', '00000000-0000-0000-0000-00000000000a', true);
update public.enforcement_cases set next_action_at = '2026-10-30 12:00:00+00' where id = current_setting('test.case')::uuid;
select is(public.pick_next_action(current_setting('test.case')::uuid) ->> 'next_action_at', '2026-10-30T12:00:00+00:00', 'what is past due is not put off');
update public.enforcement_cases set blocked_since = public.app_now() where id = current_setting('test.case')::uuid;
select is(public.pick_next_action(current_setting('test.case')::uuid), '{"skipped": "the case is blocked"}', 'a case may be blocked until nobody knows when');
update public.enforcement_cases set blocked_since = null, next_action_at = null, tier = 'tier0' where id = current_setting('test.case')::uuid;
select is(public.pick_next_action(current_setting('test.case')::uuid), '{"next_action_at": "2026-12-02T15:00:00+00:00", "task": null}', 'tier 0 is watched');
select is((select delta - 'next_action_at' from public.enforcement_history where action = 'next_action_picked' order by history_no desc limit 1), '{}', 'and its history names no task');
select is(public.case_copilot_facts(current_setting('test.case')::uuid) ->> 'stage', 'recovery_monitoring');
select is((select provolatile from pg_proc where oid = 'public.case_copilot_facts(uuid)'::regprocedure), 's', 'the facts of a brief are read without a lock');
select throws_ok($$ select public.case_copilot_facts('00000000-0000-0000-0000-000000000999') $$, 'PT404', 'enforcement case not found');

-- ---- closing ----
select pg_temp.refused('close_enforcement_case', '{"case_id": "$case", "status": "forgotten"}', 'PT422', 'unknown status `forgotten`');
select pg_temp.refused('close_enforcement_case', '{"case_id": "00000000-0000-0000-0000-000000000999", "status": "satisfied"}', 'PT404', 'enforcement case not found');
select is(pg_temp.call('close_enforcement_case', '{"case_id": "$case", "status": "satisfied", "note": "paid", "closed_by": "somebody"}') ->> 'closure_reason', 'satisfied', 'a case is closed');
select results_eq($$ select current_stage, closed_at, next_action_at from public.enforcement_cases $$, $$ values ('closure', '2026-11-02 15:00:00+00'::timestamptz, null::timestamptz) $$);
select is((select status from public.core_judgments where id = '00000000-0000-0000-0000-000000000101'), 'satisfied', 'its judgment is satisfied');
select is((select count(*) from public.enforcement_actions where closed_at is null), 0::bigint, 'its actions end');
select bag_eq($$ select kind from public.plaintiff_tasks where status = 'open' $$, $$ values ('file_closure') $$, 'its tasks too, but the one of closing');
select is((select payload ->> 'closure_reason' from public.enforcement_events order by event_no desc limit 1), 'satisfied', 'and its timeline says so');
select pg_temp.refused(r, jsonb_build_object('case_id', '$case') || p, 'PT409', 'the case is closed')
  from (values ('close_enforcement_case', '{"status": "satisfied"}'::jsonb), ('set_enforcement_stage', '{"stage": "closure"}'), ('log_enforcement_event', '{"event_kind": "note"}'),
               ('queue_enforcement_action', '{"action_type": "marshal", "status": "planned"}'), ('issue_subpoena', '{"document_path": "x"}'),
               ('set_tier_override', '{"tier": "tier1", "expires_at": "2027-01-01", "note": "x"}'), ('assign_enforcement_case', '{"owner_id": null}'),
               ('set_next_action', '{"next_action_at": "2027-01-01"}')) as t (r, p);
select set_config('test.case', pg_temp.call('open_enforcement_case', '{"judgment_id": "00000000-0000-0000-0000-000000000102", "tier": "tier1", "collectability_score": "44.5"}') #>> '{}', true);
select is(pg_temp.call('close_enforcement_case', '{"case_id": "$case", "status": "uncollectible"}') ->> 'closure_reason', 'uncollectible');
select is((select status from public.core_judgments where id = '00000000-0000-0000-0000-000000000102'), 'unsatisfied', 'an uncollectible case leaves its judgment as it is');
select isnt(pg_temp.call('open_enforcement_case', '{"judgment_id": "00000000-0000-0000-0000-000000000102"}'), null, 'and another case may be opened on it');

-- ---- views ----
select is((select count(*) from public.v_enforcement_recent where org_id = '00000000-0000-0000-0000-00000000000a'), (select count(*) from public.enforcement_events),
          'one row an event, though case numbers repeat');
select is((select array_agg(event_no) from public.v_enforcement_recent), (select array_agg(event_no order by occurred_at desc, event_no desc) from public.enforcement_events),
          'newest first, by when it happened');
select results_eq($$ select source, count(*) from public.v_enforcement_timeline group by source order by source $$,
                  $$ values ('action', (select count(*) from public.enforcement_actions)), ('document', (select count(*) from public.enforcement_documents)),
                            ('event', (select count(*) from public.enforcement_events)),
                            ('history', (select count(*) from public.enforcement_history)), ('task', (select count(*) from public.plaintiff_tasks)) $$,
                  'the timeline is made of actions, documents, events, history and tasks');
select results_eq($$ select tier, current_stage, case_count, total_balance, sla_breach_count from public.v_enforcement_overview $$,
                  $$ values (null::text, 'pre_enforcement', 1::bigint, 5000::numeric, 0::bigint) $$, 'the overview counts open cases');
select results_eq($$ select plaintiff_name, judgment_count, case_count, open_case_count, recovered_amount from public.v_plaintiffs_overview where org_id = '00000000-0000-0000-0000-00000000000a' order by 1 $$,
                  $$ values ('Harborview Funding LLC', 3::bigint, 3::bigint, 1::bigint, 950::numeric), ('Second Street Bank', 0, 0, 0, 0) $$, 'sums of a plaintiff do not multiply each other');

select * from finish();
rollback;
