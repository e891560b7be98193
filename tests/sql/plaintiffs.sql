-- The functions of plaintiffs, vendors' data and alerts, and the views that rank and queue.
begin;
create extension if not exists pgtap;
select no_plan();

insert into public.organisations (id, name, slug) values
  ('00000000-0000-0000-0000-00000000000a', 'Firm A', 'firm-a'), ('00000000-0000-0000-0000-00000000000b', 'Firm B', 'firm-b');
insert into public.users (id, email, display_name) values ('00000000-0000-0000-0000-0000000000a1', 'ada@example.com', 'Ada');
insert into public.memberships (org_id, user_id, role) values ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000a1', 'operator');
insert into public.plaintiffs (id, org_id, name, phone) values
  ('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-00000000000a', 'Harborview Funding LLC', '555-0101'),
  ('00000000-0000-0000-0000-0000000000a3', '00000000-0000-0000-0000-00000000000a', 'Second Street Bank', null),
  ('00000000-0000-0000-0000-0000000000b2', '00000000-0000-0000-0000-00000000000b', 'Neighbour Bank', null);
create or replace function public.app_now() returns timestamptz language sql stable parallel safe
return '2026-11-02 15:00:00+00'::timestamptz;
insert into public.core_judgments (id, org_id, case_number, court, plaintiff_id, judgment_amount, balance_due, judgment_date, priority_level, status, county, state)
select ('00000000-0000-0000-0000-0000000001' || lpad(n::text, 2, '0'))::uuid, '00000000-0000-0000-0000-00000000000a', 'CV-1', 'Court ' || n, '00000000-0000-0000-0000-0000000000a2', amount, amount, date '2026-11-02' - days, level, status, 'Kings', 'NY'
  from (values (1, 3000, 365, 'normal', 'unsatisfied'), (2, 3000, 366, 'normal', 'unsatisfied'), (3, 2999.99, 1, 'normal', 'unsatisfied'),
               (4, 999.99, 1095, 'normal', 'unsatisfied'), (5, 999.99, 1096, 'normal', 'unsatisfied'), (6, 9000, null, 'normal', 'in_progress'),
               (7, 500, null, 'normal', 'unsatisfied'), (8, 4000, 10, 'urgent', 'unsatisfied'), (9, 5000, 10, 'on_hold', 'unsatisfied'),
               (10, 6000, 10, 'high', 'unsatisfied'), (11, 7000, 10, 'low', 'unsatisfied'), (12, 8000, 10, 'urgent', 'satisfied')) as t (n, amount, days, level, status);
insert into public.plaintiff_tasks (id, org_id, plaintiff_id, kind, title, due_at, created_by)
values ('00000000-0000-0000-0000-000000000201', '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000a2', 'call', 'Call', '2026-11-01', 'test'),
       ('00000000-0000-0000-0000-000000000202', '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000a2', 'write', 'Write', null, 'test'),
       ('00000000-0000-0000-0000-000000000203', '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000a3', 'call', 'Call', '2026-11-05', 'test'),
       ('00000000-0000-0000-0000-0000000002b1', '00000000-0000-0000-0000-00000000000b', '00000000-0000-0000-0000-0000000000b2', 'call', 'Call', null, 'test');
select set_config('dragonfly.org_id', '00000000-0000-0000-0000-00000000000a', true), set_config('dragonfly.user_id', '00000000-0000-0000-0000-0000000000a1', true);

-- ---- collectability ----
select results_eq(
  $$ select right(judgment_id::text, 2)::int, collectability_tier, is_undated, age_days from public.v_collectability_snapshot where org_id = '00000000-0000-0000-0000-00000000000a' and right(judgment_id::text, 2)::int < 8 order by 1 $$,
  $$ values (1, 'A', false, 365), (2, 'B', false, 366), (3, 'B', false, 1), (4, 'B', false, 1095), (5, 'C', false, 1096), (6, 'B', true, null), (7, 'C', true, null) $$,
  'A from 3,000 and at most 365 days, B from 1,000 or at most 1,095 days, else C; what is undated is flagged');
select results_eq(
  $$ select right(judgment_id::text, 2)::int, collectability_tier, priority_level, tier_rank from public.v_priority_pipeline order by 2, 4 $$,
  $$ values (8, 'A', 'urgent', 1::bigint), (10, 'A', 'high', 2), (1, 'A', 'normal', 3), (11, 'A', 'low', 4), (9, 'A', 'on_hold', 5),
            (6, 'B', 'normal', 1), (2, 'B', 'normal', 2), (3, 'B', 'normal', 3), (4, 'B', 'normal', 4), (5, 'C', 'normal', 1), (7, 'C', 'normal', 2) $$,
  'the pipeline ranks active judgments within their tier by priority, then amount');
select is((select string_agg(a.attname, ' ' order by a.attnum) from pg_attribute a where a.attrelid = 'public.v_priority_pipeline'::regclass),
          'plaintiff_name judgment_id collectability_tier priority_level judgment_amount county state stage plaintiff_status tier_rank',
          'with the columns of the documents');

-- ---- calls ----
select set_config('dragonfly.request_id', '', true);
set local role authenticated;
select results_eq($$ select plaintiff_name, phone, is_past_due from public.v_plaintiff_call_queue order by due_at $$,
                  $$ values ('Harborview Funding LLC', '555-0101', true), ('Second Street Bank', null, false) $$, 'the call queue');
select throws_ok($$ select public.log_call_outcome('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-000000000201', 'sang a song', null, null, null) $$, 'PT422', 'unknown outcome `sang a song`');
select throws_ok($$ select public.log_call_outcome('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-000000000201', null, null, null, null) $$, 'PT422', null, 'an outcome is needed');
select throws_ok($$ select public.log_call_outcome('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-000000000201', 'reached', 'lukewarm', null, null) $$, 'PT422', 'unknown interest `lukewarm`');
select throws_ok($$ select public.log_call_outcome('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-000000000201', 'reached', null, null, '2026-11-02 14:00+00') $$, 'PT422', 'the follow-up lies in the past');
select throws_ok($$ select public.log_call_outcome('00000000-0000-0000-0000-0000000000a3', '00000000-0000-0000-0000-000000000201', 'reached', null, null, null) $$, 'PT422', 'the task is not the plaintiff''s');
select throws_ok($$ select public.log_call_outcome('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-000000000202', 'reached', null, null, null) $$, 'PT422', 'the task is no call but `write`');
select throws_ok($$ select public.log_call_outcome('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-0000000002b1', 'reached', null, null, null) $$, 'PT404', 'task not found');
select throws_ok($$ select public.log_call_outcome('00000000-0000-0000-0000-0000000000b2', '00000000-0000-0000-0000-0000000002b1', 'reached', null, null, null) $$, 'PT404', 'plaintiff not found');
select throws_ok($$ select public.log_call_outcome(null, null, 'reached') $$, 'PT404', 'plaintiff not found');
select is((select count(*) from public.plaintiff_call_attempts) + (select count(*) from public.plaintiff_status_history), 0::bigint, 'what is refused leaves nothing');

select is(public.log_call_outcome('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-000000000201', 'Reached', 'hot', 'wants to talk', '2026-11-09 15:00+00') - array['attempt_id', 'follow_up_task_id'],
  '{"task_id": "00000000-0000-0000-0000-000000000201", "plaintiff_id": "00000000-0000-0000-0000-0000000000a2", "outcome": "reached", "interest": "hot", "status": "reached_hot", "is_terminal": false, "follow_up_at": "2026-11-09T15:00:00+00:00", "cancelled_tasks": 0}',
  'a call answers what was done');
select results_eq($$ select status, previous_status, actor from public.plaintiff_status_history $$, $$ values ('reached_hot', 'new', 'Ada') $$, 'the status is kept');
select results_eq($$ select kind, due_at, metadata ->> 'follows' from public.plaintiff_tasks where plaintiff_id = '00000000-0000-0000-0000-0000000000a2' and status = 'open' and kind = 'call' $$,
                  $$ values ('call', '2026-11-09 15:00:00+00'::timestamptz, '00000000-0000-0000-0000-000000000201') $$, 'the next call is due');
select throws_ok($$ select public.log_call_outcome('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-000000000201', 'reached', null, null, null) $$, 'PT409', 'the task is already completed');
select is(public.log_call_outcome('00000000-0000-0000-0000-0000000000a3', '00000000-0000-0000-0000-000000000203', 'do-not-call', null, null, '2026-11-09 15:00+00') ->> 'follow_up_task_id', null, 'nothing follows do-not-call');
select is((select count(*) from public.v_plaintiff_call_queue where plaintiff_name = 'Second Street Bank'), 0::bigint);
reset role;
set local role enforcement_operator;
select throws_ok($$ select public.set_plaintiff_status('{"plaintiff_id": "00000000-0000-0000-0000-0000000000a2", "status": "reached_hot"}') $$, 'PT422', 'unknown status `reached_hot`');
select is(public.set_plaintiff_status('{"plaintiff_id": "00000000-0000-0000-0000-0000000000a2", "status": "signed"}') ->> 'previous_status', 'reached_hot');
select throws_ok($$ select public.set_plaintiff_status('{"plaintiff_id": "00000000-0000-0000-0000-0000000000a2", "status": "signed"}') $$, 'PT409', 'the plaintiff''s status is signed already');
select isnt(public.put_plaintiff_contact('{"plaintiff_id": "00000000-0000-0000-0000-0000000000a2", "name": "Kim", "phone": "555-0102", "is_primary": true}'), null);
select isnt(public.put_plaintiff_contact('{"plaintiff_id": "00000000-0000-0000-0000-0000000000a2", "name": "Lee", "phone": "555-0103", "is_primary": true}'), null);
select is((select phone from public.v_plaintiff_call_queue), '555-0103', 'the contact that was made primary last is called');
select throws_ok($$ select public.put_plaintiff_contact('{"contact_id": "00000000-0000-0000-0000-000000000999", "plaintiff_id": "00000000-0000-0000-0000-0000000000a2", "name": "X"}') $$, 'PT404', 'the plaintiff has no such contact');
select throws_ok($$ select public.close_plaintiff_task(jsonb_build_object('task_id', (select task_id from public.v_plaintiff_call_queue))) $$, 'PT422', 'a call is completed with its outcome');
select is(public.close_plaintiff_task('{"task_id": "00000000-0000-0000-0000-000000000202"}') ->> 'closed_by', 'Ada');
select throws_ok($$ select public.close_plaintiff_task('{"task_id": "00000000-0000-0000-0000-000000000202"}') $$, 'PT409', 'the task is already completed');
select throws_ok($$ select public.close_plaintiff_task('{"task_id": "00000000-0000-0000-0000-0000000002b1"}') $$, 'PT404', 'task not found');
select is(public.set_judgment_priority('{"judgment_id": "00000000-0000-0000-0000-000000000109", "priority_level": "urgent"}') ->> 'previous', 'on_hold');
select is((select tier_rank from public.v_priority_pipeline where judgment_id = '00000000-0000-0000-0000-000000000109'), 1::bigint, 'a priority moves a judgment in the pipeline');
select throws_ok($$ select public.set_judgment_priority('{"judgment_id": "00000000-0000-0000-0000-000000000109", "priority_level": "asap"}') $$, 'PT422', 'unknown priority level `asap`');

-- ---- the copilot and the queue ----
select throws_ok($$ select public.queue_job('{"kind": "enrich", "idempotency_key": "e", "payload": {"case_id": "00000000-0000-0000-0000-000000000101", "scores": {"collectability_score": 99}}}') $$, 'PT403', 'vendors'' data come by the service alone');
select throws_ok($$ select public.queue_job('{"kind": " enrich ", "idempotency_key": "e", "payload": {"case_id": "00000000-0000-0000-0000-000000000101", "scores": {"collectability_score": 99}}}') $$, 'PT403', null, 'however the kind is written');
select isnt(public.queue_job('{"kind": "enrich", "idempotency_key": "e", "payload": {"case_id": "00000000-0000-0000-0000-000000000101"}}'), null, 'but enrichment may be asked for');
select throws_ok($$ select public.request_case_copilot('00000000-0000-0000-0000-000000000999') $$, 'PT404', 'enforcement case not found');
select throws_ok($$ select * from public.v_case_copilot_latest $$, '42501', null, 'briefs are for the service alone');
reset role;

-- ---- vendors' data ----
set local role service_role;
select throws_ok($$ select public.set_case_enrichment('00000000-0000-0000-0000-000000000999', 50, 'A') $$, 'PT404', 'court case not found');
select throws_ok($$ select public.set_case_enrichment('00000000-0000-0000-0000-000000000101', 50, 'D') $$, 'PT422', 'unknown collectability tier `D`');
select throws_ok(format($$ select public.set_case_enrichment('00000000-0000-0000-0000-000000000101', %L, 'A') $$, s), 'PT422', '`collectability_score` is not a score from 0 to 100 with at most two decimals', format('a score is not %s', s))
  from unnest(array[100.01, -1, 50.001, 'NaN']::numeric[]) s;
select lives_ok($$ select public.set_case_enrichment('00000000-0000-0000-0000-000000000101', 61.5, 'B', 'works nights') $$);
select results_eq($$ select c.collectability_score, c.collectability_tier, c.summary, c.last_enriched_at, j.collectability_score from judgments.cases c join public.core_judgments j on j.id = c.case_id $$,
                  $$ values (61.5::numeric, 'B', 'works nights', '2026-11-02 15:00:00+00'::timestamptz, 61.5::numeric) $$, 'enrichment keeps its score, and the judgment has it');
select is((select count(*) from public.queue_jobs where idempotency_key = 'tier:00000000-0000-0000-0000-000000000101:facts:'
            || (select max(id) from public.judgment_facts where judgment_id = '00000000-0000-0000-0000-000000000101')), 1::bigint, 'which queues its tier');
select lives_ok($$ select public.set_case_scores('00000000-0000-0000-0000-000000000101', 1, 2, 3, 4, 5, 70, 'A') $$);
select results_eq($$ select identity_score, contactability_score, asset_score, recency_amount_score, adverse_penalty, collectability_score, collectability_tier, last_scored_at is not null from judgments.cases $$,
                  $$ values (1::numeric, 2::numeric, 3::numeric, 4::numeric, 5::numeric, 70::numeric, 'A', true) $$, 'a scoring is kept whole');
select results_eq($$ select collectability_tier, scored_tier from public.v_collectability_snapshot where judgment_id = '00000000-0000-0000-0000-000000000101' $$, $$ values ('A', 'A') $$);
select throws_ok(format($$ select public.upsert_enrichment_bundle(%L) $$, b), 'PT422', null, b)
  from unnest(array['[]', '{}', '{"case_id": "x"}', '{"case_id": "00000000-0000-0000-0000-000000000101", "contacts": {}}',
                    '{"case_id": "00000000-0000-0000-0000-000000000101", "contacts": [7]}', '{"case_id": "00000000-0000-0000-0000-000000000101", "contacts": [{"kind": "phone"}]}',
                    '{"case_id": "00000000-0000-0000-0000-000000000101", "assets": [{"name": "x"}]}', '{"case_id": "00000000-0000-0000-0000-000000000101", "assets": [{"name": "x", "asset_type": "bank", "confidence": 101}]}']) b;
select is((select count(*) from enrichment.contacts) + (select count(*) from enrichment.assets), 0::bigint, 'a bundle that is refused leaves nothing');
select is(public.upsert_enrichment_bundle('{"case_id": "00000000-0000-0000-0000-000000000101", "contacts": [{"kind": "phone", "value": "555"}], "assets": [{"asset_type": "bank_account", "name": "First"}]}') - 'case_id',
          '{"contacts_inserted": 1, "contacts_updated": 0, "assets_inserted": 1, "assets_updated": 0, "has_signals": true}', 'a bundle answers counts');
select is(public.upsert_enrichment_bundle('{"case_id": "00000000-0000-0000-0000-000000000101", "contacts": [{"kind": "phone", "value": "555", "is_valid": true}]}') ->> 'contacts_updated', '1', 'and is merged');
select is((select asset_signals from public.core_judgments where id = '00000000-0000-0000-0000-000000000101'), 2::smallint, 'a bank account is a signal');
select throws_ok(format($$ select public.upsert_enrichment_bundle('{"case_id": "00000000-0000-0000-0000-000000000101", "contacts": [{"kind": "phone", "value": "556", "score": "%s"}]}') $$, t), 'PT422',
                 '`score` is not a score from 0 to 100 with at most two decimals', format('%s is no score', t))
  from unnest(array['100.01', '101', '-1', '1.234', 'NaN', '1e1', '.5', '1000']) t;
select is(public.upsert_enrichment_bundle('{"case_id": "00000000-0000-0000-0000-000000000101", "contacts": [{"kind": "phone", "value": "556", "score": ""}], "assets": [{"asset_type": "vehicle", "name": "Car", "confidence": " "}]}') - 'case_id',
          '{"contacts_inserted": 1, "contacts_updated": 0, "assets_inserted": 1, "assets_updated": 0, "has_signals": true}', 'an empty score is none');
select is(public.apply_enrichment('{"case_id": "00000000-0000-0000-0000-000000000999", "judgment_id": "00000000-0000-0000-0000-000000000101", "event_kind": "note"}'),
          '{"skipped": "no vendor has said anything"}', 'an alert names an enforcement case beside the judgment, which is the one that is meant');

select is(public.upsert_enrichment_bundle(b) ->> 'contacts_inserted', '1', 'a bundle with a request id is merged once')
  from unnest(array_fill('{"case_id": "00000000-0000-0000-0000-000000000101", "contacts": [{"kind": "phone", "value": "557"}], "request_id": "b-1"}'::jsonb, array[2])) b;
select throws_ok($$ select public.upsert_enrichment_bundle('{"case_id": "00000000-0000-0000-0000-000000000101", "request_id": "b-1"}') $$, 'PT422', 'the request id was used for another call of upsert_enrichment_bundle');
select set_config('dragonfly.request_id', 'v-1', true);
select lives_ok($$ select public.set_case_enrichment('00000000-0000-0000-0000-000000000101', 71, 'A') $$);
select lives_ok($$ select public.set_case_scores('00000000-0000-0000-0000-000000000101', 1, 2, 3, 4, 5, 72, 'A') $$);
select set_config('dragonfly.request_id', 'v-2', true);
select lives_ok($$ select public.set_case_scores('00000000-0000-0000-0000-000000000101', 1, 2, 3, 4, 5, 73, 'A') $$);
select set_config('dragonfly.request_id', 'v-1', true);
select lives_ok($$ select public.set_case_enrichment('00000000-0000-0000-0000-000000000101', 71, 'A') $$);
select lives_ok($$ select public.set_case_scores('00000000-0000-0000-0000-000000000101', 1, 2, 3, 4, 5, 72, 'A') $$);
select is((select collectability_score from judgments.cases), 73::numeric, 'what a vendor said with a request id counts once');
select throws_ok($$ select public.set_case_scores('00000000-0000-0000-0000-000000000101', 1, 2, 3, 4, 5, 74, 'A') $$, 'PT422', 'the request id was used for another call of set_case_scores');
select set_config('dragonfly.request_id', '', true), set_config('dragonfly.org_id', '', true);
select lives_ok($$ select public.set_case_scores('00000000-0000-0000-0000-000000000101', 1, 2, 3, 4, 5, 70, 'A') $$, 'the service may name a judgment of any organisation');
select lives_ok($$ select public.set_case_enrichment('00000000-0000-0000-0000-000000000101', 70, 'A') $$);
select lives_ok($$ select public.upsert_enrichment_bundle('{"case_id": "00000000-0000-0000-0000-000000000101"}') $$);
select set_config('dragonfly.org_id', '00000000-0000-0000-0000-00000000000a', true);

select is(public.insert_or_get_entity('{"name": "John  Doe", "address": "1 Main St.", "judgment_id": "00000000-0000-0000-0000-000000000101"}'),
          public.insert_or_get_entity('{"name": "john doe", "address": "1 MAIN ST", "judgment_id": "00000000-0000-0000-0000-000000000102", "email": "j@example.com"}'), 'one of a name and an address is one');
select isnt(public.insert_or_get_entity('{"name": "John Doe"}'), public.insert_or_get_entity('{"name": "John Doe", "address": "1 Main St"}'), 'another address is somebody else');
select is((select count(*) from public.entity_links), 2::bigint, 'and judgments are linked');
select throws_ok($$ select public.insert_or_get_entity('{"name": "X", "judgment_id": "00000000-0000-0000-0000-000000000999"}') $$, 'PT404', 'judgment not found');
select throws_ok($$ select public.insert_or_get_entity('{"name": "X", "entity_type": "ghost"}') $$, 'PT422', 'unknown entity type `ghost`');
reset role;

-- ---- alerts ----
set local role admin;
select throws_ok(format($$ select public.put_alert_route(%L) $$, r), 'PT422', null, r)
  from unnest(array['{}', '{"channel": "pigeon"}', '{"channel": "webhook"}', '{"channel": "webhook", "target": "ftp://x"}', '{"channel": "queue", "target": "nothing"}',
                    '{"channel": "queue", "target": "tier_assignment"}', '{"channel": "console", "event_kinds": ["teleported"]}', '{"channel": "console", "event_kinds": "note"}', '{"channel": "console", "event_kinds": []}']) r;
select is(public.put_alert_route('{"channel": "webhook", "target": "https://hooks.example.com/x", "event_kinds": ["blocked"]}') ->> 'is_enabled', 'true');
select is(public.put_alert_route(jsonb_build_object('route_id', (select id from public.enforcement_alert_routes), 'channel', 'console', 'is_enabled', false)) ->> 'channel', 'console', 'a route is rewritten');
select throws_ok($$ select public.put_alert_route('{"route_id": "00000000-0000-0000-0000-000000000999", "channel": "console"}') $$, 'PT404', 'alert route not found');
select is(public.put_alert_route('{"channel": "console", "event_kinds": null, "is_enabled": null}') ->> 'is_enabled', 'true', 'null says no more than nothing');
select throws_ok($$ select public.retry_alert('{"alert_id": 7}') $$, 'PT404', 'alert not found');
reset role;

select * from finish();
rollback;
