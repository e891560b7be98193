-- The queue's promises: keys, fences, dead letters, pause.
begin;
create extension if not exists pgtap;
select no_plan();

insert into public.organisations (id, name, slug) values ('00000000-0000-0000-0000-00000000000a', 'Firm A', 'firm-a');
set local role service_role;
select set_config('dragonfly.org_id', '00000000-0000-0000-0000-00000000000a', true);

-- ---- queue_job refuses what it cannot place ----
select throws_ok($$ select public.queue_job(null) $$, 'PT422', 'queue_job takes a JSON object');
select throws_ok($$ select public.queue_job('[]') $$, 'PT422', 'queue_job takes a JSON object');
select throws_ok($$ select public.queue_job('{"idempotency_key": "k"}') $$, 'PT422', 'queue_job requires a kind');
select throws_ok($$ select public.queue_job('{"kind": " ", "idempotency_key": "k"}') $$, 'PT422', 'queue_job requires a kind');
select throws_ok($$ select public.queue_job('{"kind": "tier_assignment"}') $$, 'PT422', 'queue_job requires an idempotency_key');
select throws_ok($$ select public.queue_job('{"kind": "tier_assignment", "idempotency_key": ""}') $$, 'PT422', 'queue_job requires an idempotency_key');
select throws_ok($$ select public.queue_job('{"kind": "teleport", "idempotency_key": "k"}') $$, 'PT422', 'unknown queue kind `teleport`');
select is((select count(*) from pgmq.q_tier_assignment), 0::bigint, 'a refused job leaves no message');

-- ---- keys ----
create temporary table sent (n int, msg_id bigint);
insert into sent select 1, public.queue_job('{"kind": "tier_assignment", "idempotency_key": "tier:1", "payload": {"judgment_id": "x"}}');
insert into sent select 2, public.queue_job('{"kind": "tier_assignment", "idempotency_key": "tier:1", "payload": {"judgment_id": "x"}}');
select is((select msg_id from sent where n = 2), (select msg_id from sent where n = 1), 'a key that is queued answers the message that holds it');
select is((select count(*) from pgmq.q_tier_assignment), 1::bigint, 'and sends nothing');

-- ---- reading hides, the read count fences ----
select is((public.dequeue_job('tier_assignment') ->> 'msg_id')::bigint, (select msg_id from sent where n = 1), 'dequeue_job answers the message');
select is(public.dequeue_job('tier_assignment'), null, 'dequeue_job hides it');
select is(public.dequeue_job('unknown'), null, 'an unknown kind has no messages');
select bag_eq($$ select public.queue_fence('tier_assignment', array[(select msg_id from sent where n = 1)], array[1]) $$,
              $$ select msg_id from sent where n = 1 $$, 'the reader holds the message');
select is_empty($$ select public.queue_fence('tier_assignment', array[(select msg_id from sent where n = 1)], array[0]) $$,
                'an earlier reader does not');

select lives_ok($$ select public.queue_finish('tier_assignment', array[(select msg_id from sent where n = 1)], array(select id from public.queue_jobs)) $$);
select is((select count(*) from pgmq.a_tier_assignment), 1::bigint, 'finishing archives');
select is((select state::text from public.queue_jobs), 'done', 'and frees the key');
insert into sent select 3, public.queue_job('{"kind": "tier_assignment", "idempotency_key": "tier:1", "payload": {"judgment_id": "x"}}');
select isnt((select msg_id from sent where n = 3), (select msg_id from sent where n = 1), 'a freed key sends a new message');

-- ---- attempts, burial, retry ----
select lives_ok($$ select public.queue_retry_later('tier_assignment', (select msg_id from sent where n = 3), 1, 'w1', 'boom') $$);
select is((select vt > now() from pgmq.q_tier_assignment), true, 'a retry waits for its backoff');
create temporary table buried as
  select public.queue_bury('tier_assignment', (select msg_id from sent where n = 3), 'w1', 'no such judgment') as id;
select is((select count(*) from pgmq.q_tier_assignment), 0::bigint, 'a buried message leaves the queue');
select is((select reason from public.queue_dead_letters), 'no such judgment', 'with its reason');
select results_eq($$ select error from public.queue_attempts order by id $$, $$ values ('boom'), ('no such judgment') $$, 'and its history');
select is((select state::text from public.queue_jobs where msg_id = (select msg_id from sent where n = 3)), 'dead', 'its key is free');
insert into sent select 4, public.retry_dead_letter((select id from buried));
select is((select idempotency_key from public.queue_jobs where state = 'queued'), 'tier:1', 'a retry re-uses the key');
select throws_ok($$ select public.retry_dead_letter((select id from buried)) $$, 'PT409', 'the dead letter is already retried');
select throws_ok($$ select public.discard_dead_letter((select id from buried)) $$, 'PT409', 'the dead letter is already retried');
select throws_ok($$ select public.retry_dead_letter(gen_random_uuid()) $$, 'PT404', 'dead letter not found');

-- ---- what a vendor said, retried by a person ----
reset role;
insert into public.users (id, email, display_name) values ('00000000-0000-0000-0000-0000000000a1', 'ada@example.com', 'Ada');
set local role service_role;
insert into sent select 5, public.queue_job('{"kind": "enrich", "idempotency_key": "e", "payload": {"case_id": "x", "bundle": {}}}');
select lives_ok($$ select public.queue_bury('enrich', (select msg_id from sent where n = 5), 'w1', 'no such judgment') $$);
select set_config('dragonfly.user_id', '00000000-0000-0000-0000-0000000000a1', true);
set local role enforcement_operator;
select throws_ok($$ select public.queue_job('{"kind": "enrich", "idempotency_key": "e", "payload": {"case_id": "x", "bundle": {}}}') $$, 'PT403', null, 'a person may not say it');
select lives_ok($$ select public.retry_dead_letter((select id from public.queue_dead_letters where kind = 'enrich')) $$, 'but may have it said again');
set local role service_role;
select is((select message -> 'payload' from pgmq.q_enrich), '{"case_id": "x", "bundle": {}}', 'as it was');
select set_config('dragonfly.user_id', '', true);

-- ---- messages that came past queue_job ----
select set_config('dragonfly.org_id', '', true);
select lives_ok($$ select pgmq.send('tier_assignment', '{"job_id": "nonsense", "org_id": 7}') $$);
select lives_ok($$ select public.queue_bury('tier_assignment', (select max(msg_id) from pgmq.q_tier_assignment), 'w1', 'bad payload') $$,
                'a message without ledger and organisation can be buried');

-- ---- pause ----
select set_config('dragonfly.org_id', '00000000-0000-0000-0000-00000000000a', true);
select lives_ok($$ select public.pause_queue('tier_assignment', true) $$);
select is(public.dequeue_job('tier_assignment'), null, 'a paused queue gives nothing out');
select lives_ok($$ select public.pause_queue('tier_assignment', false) $$);
select isnt(public.dequeue_job('tier_assignment'), null, 'a resumed queue does');
select throws_ok($$ select public.pause_queue('unknown', true) $$, 'PT404', 'unknown queue kind `unknown`');

-- ---- append-only ----
select throws_ok($$ update public.judgment_facts set status = 'x' $$, '42501', null, 'the service cannot rewrite facts');
reset role;

select * from finish();
rollback;
