-- What PGMQ lacks: kinds as rows, an idempotency ledger, attempts with their errors, dead letters, pause, heartbeats, a nightly schedule.

-- ---- types ----
create type public.queue_job_state as enum ('queued', 'done', 'dead');
create type public.dead_letter_state as enum ('dead', 'retried', 'discarded');

-- ---- tables ----
create table public.queue_kinds (
  kind text primary key check (kind ~ '^[a-z][a-z0-9_]{0,39}$'),
  description text not null,
  attempts_max int not null default 5 check (attempts_max between 1 and 100),
  visibility_timeout_seconds int not null default 60 check (visibility_timeout_seconds between 1 and 86400),
  backoff_seconds int not null default 5 check (backoff_seconds between 1 and 3600),
  is_paused boolean not null default false
);
comment on table public.queue_kinds is 'One row a PGMQ queue, shared by all organisations; backoff doubles with each attempt, at most one hour';
insert into public.queue_kinds (kind, description) values ('tier_assignment', 'Computes a judgment''s enforcement tier');
select pgmq.create('tier_assignment');

create table public.queue_jobs (
  id bigint primary key generated always as identity,
  org_id uuid not null references public.organisations (id) on delete cascade,
  kind text not null references public.queue_kinds (kind),
  idempotency_key text not null check (btrim(idempotency_key) <> '' and length(idempotency_key) <= 200),
  msg_id bigint,
  state public.queue_job_state not null default 'queued',
  enqueued_at timestamptz not null default public.app_now(),
  ended_at timestamptz
) with (fillfactor = 70);
comment on table public.queue_jobs is 'The idempotency ledger: a key is held per organisation and kind until its job is done or dead';
comment on column public.queue_jobs.msg_id is 'Null only inside the transaction that enqueues; the message names the job in job_id';
create unique index queue_jobs_key on public.queue_jobs (org_id, kind, idempotency_key) where state = 'queued';
create index queue_jobs_ended on public.queue_jobs (org_id, kind, ended_at) where state <> 'queued';

create table public.queue_attempts (
  id bigint primary key generated always as identity,
  org_id uuid references public.organisations (id) on delete cascade,
  kind text not null references public.queue_kinds (kind),
  msg_id bigint not null,
  attempt int not null,
  at timestamptz not null default clock_timestamp(),
  worker text not null,
  error text not null
);
comment on table public.queue_attempts is 'Attempts that failed, oldest first for a message';
create index queue_attempts_message on public.queue_attempts (kind, msg_id, id);
create index queue_attempts_org on public.queue_attempts (org_id);

create table public.queue_dead_letters (
  id uuid primary key default gen_random_uuid(),
  org_id uuid references public.organisations (id) on delete cascade,
  kind text not null references public.queue_kinds (kind),
  msg_id bigint not null,
  idempotency_key text,
  reason text not null,
  message jsonb not null,
  enqueued_at timestamptz not null,
  dead_at timestamptz not null default clock_timestamp(),
  state public.dead_letter_state not null default 'dead',
  resolved_at timestamptz,
  resolved_by uuid references public.users (id) on delete set null,
  retried_as bigint,
  check ((state = 'dead') = (resolved_at is null)),
  check ((state = 'retried') = (retried_as is not null)),
  unique (kind, msg_id)
);
comment on table public.queue_dead_letters is 'Messages that nobody will try again by themselves; never deleted, at most retried or discarded';
create index queue_dead_letters_open on public.queue_dead_letters (org_id, kind, dead_at desc) where state = 'dead';
create index queue_dead_letters_resolver on public.queue_dead_letters (resolved_by);

create table public.worker_heartbeats (
  worker text primary key,
  kinds text[] not null,
  started_at timestamptz not null default clock_timestamp(),
  seen_at timestamptz not null default clock_timestamp(),
  jobs_done bigint not null default 0
);

create table public.nightly_runs (
  org_id uuid not null references public.organisations (id) on delete cascade,
  run_on date not null,
  enqueued bigint not null,
  started_at timestamptz not null default clock_timestamp(),
  primary key (org_id, run_on)
);
comment on table public.nightly_runs is 'One row a night: the schedule has enqueued what was not tiered that day';

-- ---- functions ----
-- A definer, because people may enqueue but not touch the queues; owned by service_role, so organisations still hold.
create function public.queue_job(payload jsonb) returns bigint
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_kind text := btrim(payload ->> 'kind');
  v_key text := btrim(payload ->> 'idempotency_key');
  v_org uuid := public.current_org_id();
  v_job_id bigint;
  v_msg_id bigint;
begin
  if payload is null or jsonb_typeof(payload) <> 'object' then
    raise sqlstate 'PT422' using message = 'queue_job takes a JSON object', hint = 'give kind, idempotency_key and payload';
  end if;
  if coalesce(v_kind, '') = '' then
    raise sqlstate 'PT422' using message = 'queue_job requires a kind', detail = 'kind';
  end if;
  if coalesce(v_key, '') = '' then
    raise sqlstate 'PT422' using message = 'queue_job requires an idempotency_key', detail = 'idempotency_key';
  end if;
  if length(v_key) > 200 then
    raise sqlstate 'PT422' using message = 'the idempotency_key is longer than 200 characters', detail = 'idempotency_key';
  end if;
  if not exists (select from public.queue_kinds where kind = v_kind) then
    raise sqlstate 'PT422' using message = format('unknown queue kind `%s`', v_kind), detail = 'kind',
      hint = 'known kinds: ' || (select string_agg(kind, ', ' order by kind) from public.queue_kinds);
  end if;
  if v_org is null then
    raise sqlstate 'PT422' using message = 'queue_job needs an organisation', hint = 'set dragonfly.org_id';
  end if;

  loop
    -- Taking the key first makes a concurrent duplicate wait here until the other transaction has ended.
    insert into public.queue_jobs (org_id, kind, idempotency_key) values (v_org, v_kind, v_key)
    on conflict (org_id, kind, idempotency_key) where state = 'queued' do nothing
    returning id into v_job_id;
    if v_job_id is not null then
      v_msg_id := pgmq.send(v_kind, jsonb_build_object(
        'kind', v_kind, 'idempotency_key', v_key, 'org_id', v_org, 'job_id', v_job_id,
        'payload', coalesce(payload -> 'payload', '{}'), 'enqueued_at', public.app_now()));
      update public.queue_jobs set msg_id = v_msg_id where id = v_job_id;
      perform pg_notify('dragonfly_queue', v_kind);
      return v_msg_id;
    end if;
    select j.msg_id into v_msg_id from public.queue_jobs j
     where j.org_id = v_org and j.kind = v_kind and j.idempotency_key = v_key and j.state = 'queued';
    if found then
      return v_msg_id;
    end if;
    -- The job that held the key ended between the two statements: the key is free again.
  end loop;
end;
$$;
alter function public.queue_job(jsonb) owner to service_role;
comment on function public.queue_job(jsonb) is
  'Enqueues {kind, idempotency_key, payload}; a key that is still queued answers the message that holds it';

create function public.queue_tier_assignments(p_org_id uuid, p_judgment_ids uuid[], p_keys text[]) returns bigint
language plpgsql volatile security invoker set search_path = '' set work_mem = '64MB'
as $$
declare
  v_job_ids bigint[];
  v_keys text[];
  v_messages jsonb[];
  v_msg_ids bigint[];
  v_taken bigint[];
  v_now timestamptz := public.app_now();
begin
  -- Ids first, then messages that name them, then the ledger: none of its rows is written twice.
  select array_agg(w.job_id), array_agg(w.key),
         array_agg(jsonb_build_object(
           'kind', 'tier_assignment', 'idempotency_key', w.key, 'org_id', p_org_id, 'job_id', w.job_id,
           'payload', jsonb_build_object('judgment_id', w.judgment_id), 'enqueued_at', v_now))
    into v_job_ids, v_keys, v_messages
    from (select nextval('public.queue_jobs_id_seq') as job_id, u.judgment_id, u.key
            from unnest(p_judgment_ids, p_keys) as u (judgment_id, key)) w;
  if v_job_ids is null then
    return 0;
  end if;
  -- PGMQ answers the ids in the order of the messages.
  v_msg_ids := array(select pgmq.send_batch('tier_assignment', v_messages));

  with taken as (
    insert into public.queue_jobs (id, org_id, kind, idempotency_key, msg_id) overriding system value
    select n.id, p_org_id, 'tier_assignment', n.key, n.msg_id
      from unnest(v_job_ids, v_keys, v_msg_ids) as n (id, key, msg_id)
    on conflict (org_id, kind, idempotency_key) where state = 'queued' do nothing
    returning msg_id
  )
  select coalesce(array_agg(t.msg_id), '{}') into v_taken from taken t;
  -- A key that is held already keeps its message; ours was never visible.
  if cardinality(v_taken) < cardinality(v_msg_ids) then
    perform pgmq.delete('tier_assignment', array(select unnest(v_msg_ids) except select unnest(v_taken)));
  end if;
  perform pg_notify('dragonfly_queue', 'tier_assignment');
  return cardinality(v_taken);
end;
$$;
comment on function public.queue_tier_assignments(uuid, uuid[], text[]) is 'queue_job for many judgments at once, in the order given; answers how many messages were new';

create function public.queue_stale_judgments(p_org_id uuid) returns bigint
language sql volatile security invoker set search_path = ''
as $$
  with today as materialized (
    select public.org_today(p_org_id) as date, public.org_today_start(p_org_id) as began
  )
  select public.queue_tier_assignments(p_org_id, array_agg(s.id), array_agg(s.key))
    from (select j.id, 'tier:' || j.id || ':' || today.date as key
            from today, public.core_judgments j
           where j.org_id = p_org_id and not public.is_closed_status(j.status)
             and (j.tier_as_of is null or j.tier_as_of < today.began)
           order by j.judgment_no) s
$$;
comment on function public.queue_stale_judgments(uuid) is 'The nightly batch: enqueues every active judgment that was not tiered today';

create function public.dequeue_job(kind text) returns jsonb
language sql volatile security invoker set search_path = ''
as $$
  select to_jsonb(m) from public.queue_kinds k, pgmq.read(k.kind, k.visibility_timeout_seconds, 1) m
   where k.kind = dequeue_job.kind and not k.is_paused
$$;
comment on function public.dequeue_job(text) is 'Hides exactly one message for the visibility timeout of its kind and answers it; null when there is none';

-- A tier is made of facts: whoever changes them, by whatever way, queues the assignment. Loaders that refresh afterwards say so.
create function public.tg_facts_queue_assignment() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_org uuid;
begin
  if current_setting('dragonfly.refresh_follows', true) = 'on' then
    return null;
  end if;
  for v_org in select distinct f.org_id from new_facts f loop
    perform public.queue_tier_assignments(v_org, array_agg(f.judgment_id order by f.id),
              array_agg('tier:' || f.judgment_id || ':facts:' || f.id order by f.id))
       from (select distinct on (n.judgment_id) n.judgment_id, n.id from new_facts n
              where n.org_id = v_org and not public.is_closed_status(n.status)
              order by n.judgment_id, n.id desc) f
     having count(*) > 0;
  end loop;
  return null;
end;
$$;
alter function public.tg_facts_queue_assignment() owner to service_role;
create trigger queue_assignment after insert on public.judgment_facts
  referencing new table as new_facts for each statement execute function public.tg_facts_queue_assignment();

create function public.queue_fence(p_kind text, p_msg_ids bigint[], p_read_cts int[]) returns setof bigint
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  return query execute format(
    'select q.msg_id from pgmq.%I q join unnest($1, $2) as o (msg_id, read_ct) using (msg_id)
      where q.read_ct = o.read_ct order by q.msg_id for update of q', 'q_' || p_kind)
    using p_msg_ids, p_read_cts;
end;
$$;
comment on function public.queue_fence(text, bigint[], int[]) is
  'Locks those of the messages that are still the caller''s: same message, same read count. What is missing was read by another worker since';

create function public.queue_finish(p_kind text, p_msg_ids bigint[], p_job_ids bigint[]) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  perform pgmq.archive(p_kind, p_msg_ids);
  update public.queue_jobs j set state = 'done', ended_at = public.app_now()
    from unnest(p_msg_ids, p_job_ids) as d (msg_id, job_id)
   -- By id alone: asked for what is queued, the planner reads all of that.
   where j.id = d.job_id and j.msg_id = d.msg_id;
end;
$$;
comment on function public.queue_finish(text, bigint[], bigint[]) is 'Archives fenced messages and frees their idempotency keys; a message''s job is null where it came past queue_job';

create function public.queue_message_job(p_kind text, p_msg_id bigint) returns public.queue_jobs
language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_job public.queue_jobs;
begin
  execute format('select j.* from pgmq.%I q join public.queue_jobs j on j.id = (case when q.message ->> ''job_id'' ~ ''^[0-9]{1,18}$'' then (q.message ->> ''job_id'')::bigint end) and j.msg_id = q.msg_id
                   where q.msg_id = $1', 'q_' || p_kind)
     into v_job using p_msg_id;
  return v_job;
end;
$$;
comment on function public.queue_message_job(text, bigint) is 'The ledger''s row of a message; null for a message that came past queue_job';

create function public.queue_retry_later(
  p_kind text, p_msg_id bigint, p_read_ct int, p_worker text, p_error text, p_delay_seconds int default null)
returns void
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_delay int;
  v_org uuid;
begin
  v_org := (public.queue_message_job(p_kind, p_msg_id)).org_id;
  select coalesce(p_delay_seconds, least(3600, k.backoff_seconds * (2 ^ least(p_read_ct - 1, 12)))::int) into v_delay
    from public.queue_kinds k where k.kind = p_kind;
  insert into public.queue_attempts (org_id, kind, msg_id, attempt, worker, error)
  values (v_org, p_kind, p_msg_id, p_read_ct, p_worker, p_error);
  perform pgmq.set_vt(p_kind, p_msg_id, v_delay);
end;
$$;
comment on function public.queue_retry_later(text, bigint, int, text, text, int) is 'Records a failed attempt of a fenced message and hides it for its backoff, or as long as the caller says';

create function public.queue_bury(p_kind text, p_msg_id bigint, p_worker text, p_reason text) returns uuid
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_read_ct int;
  v_message jsonb;
  v_enqueued_at timestamptz;
  v_job public.queue_jobs;
  v_org uuid;
  v_id uuid;
begin
  execute format('select read_ct, coalesce(message, ''null''), enqueued_at from pgmq.%I where msg_id = $1', 'q_' || p_kind)
     into v_read_ct, v_message, v_enqueued_at using p_msg_id;
  v_job := public.queue_message_job(p_kind, p_msg_id);
  -- Messages that came past queue_job may name an organisation that does not exist.
  select o.id into v_org from public.organisations o
   where o.id::text = coalesce(v_job.org_id::text, v_message ->> 'org_id');
  insert into public.queue_attempts (org_id, kind, msg_id, attempt, worker, error)
  values (v_org, p_kind, p_msg_id, v_read_ct, p_worker, p_reason);
  insert into public.queue_dead_letters (org_id, kind, msg_id, idempotency_key, reason, message, enqueued_at)
  values (v_org, p_kind, p_msg_id, v_job.idempotency_key, p_reason, v_message, v_enqueued_at)
  returning id into v_id;
  perform pgmq.archive(p_kind, p_msg_id);
  update public.queue_jobs set state = 'dead', ended_at = public.app_now() where id = v_job.id and state = 'queued';
  return v_id;
end;
$$;
comment on function public.queue_bury(text, bigint, text, text) is 'Moves a fenced message to the dead letters with its reason and history';

create function public.retry_dead_letter(p_id uuid) returns bigint
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_letter public.queue_dead_letters;
  v_msg_id bigint;
begin
  select * into v_letter from public.queue_dead_letters where id = p_id for update;
  if not found then
    raise sqlstate 'PT404' using message = 'dead letter not found';
  end if;
  if v_letter.state <> 'dead' then
    raise sqlstate 'PT409' using message = format('the dead letter is already %s', v_letter.state);
  end if;
  v_msg_id := public.queue_job(jsonb_build_object(
    'kind', v_letter.kind, 'idempotency_key', coalesce(v_letter.idempotency_key, 'retry:' || v_letter.id),
    'payload', coalesce(v_letter.message -> 'payload', v_letter.message)));
  update public.queue_dead_letters
     set state = 'retried', resolved_at = public.app_now(), resolved_by = public.current_user_id(), retried_as = v_msg_id
   where id = p_id;
  perform public.notify_live(v_letter.org_id, '{"kind": "queues"}');
  return v_msg_id;
end;
$$;
alter function public.retry_dead_letter(uuid) owner to service_role;

create function public.discard_dead_letter(p_id uuid) returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_letter public.queue_dead_letters;
begin
  select * into v_letter from public.queue_dead_letters where id = p_id for update;
  if not found then
    raise sqlstate 'PT404' using message = 'dead letter not found';
  end if;
  if v_letter.state <> 'dead' then
    raise sqlstate 'PT409' using message = format('the dead letter is already %s', v_letter.state);
  end if;
  update public.queue_dead_letters
     set state = 'discarded', resolved_at = public.app_now(), resolved_by = public.current_user_id()
   where id = p_id;
  perform public.notify_live(v_letter.org_id, '{"kind": "queues"}');
end;
$$;
alter function public.discard_dead_letter(uuid) owner to service_role;

create function public.pause_queue(p_kind text, p_is_paused boolean) returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update public.queue_kinds set is_paused = p_is_paused where kind = p_kind;
  if not found then
    raise sqlstate 'PT404' using message = format('unknown queue kind `%s`', p_kind);
  end if;
  perform pg_notify('dragonfly_queue', p_kind);
  perform public.notify_live(public.current_org_id(), '{"kind": "queues"}');
end;
$$;
alter function public.pause_queue(text, boolean) owner to service_role;

-- ---- row-level security ----
alter table public.queue_kinds enable row level security, force row level security;
alter table public.queue_jobs enable row level security, force row level security;
alter table public.queue_attempts enable row level security, force row level security;
alter table public.queue_dead_letters enable row level security, force row level security;
alter table public.worker_heartbeats enable row level security, force row level security;
alter table public.nightly_runs enable row level security, force row level security;

create policy "everybody signed in sees the kinds" on public.queue_kinds for select to authenticated using (true);
create policy "everybody signed in sees whether workers live" on public.worker_heartbeats for select to authenticated using (true);
create policy "members see their jobs" on public.queue_jobs
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see their failed attempts" on public.queue_attempts
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see their dead letters" on public.queue_dead_letters
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see their nightly runs" on public.nightly_runs
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "the service manages kinds" on public.queue_kinds for all to service_role using (true) with check (true);
create policy "the service reports its workers" on public.worker_heartbeats for all to service_role using (true) with check (true);
create policy "the service keeps the ledger" on public.queue_jobs for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service records attempts" on public.queue_attempts for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service buries messages" on public.queue_dead_letters for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service records nightly runs" on public.nightly_runs for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant select on public.queue_kinds, public.queue_jobs, public.queue_attempts, public.queue_dead_letters,
                public.worker_heartbeats, public.nightly_runs to authenticated, service_role;
grant update on public.queue_kinds to service_role;
grant insert, update on public.queue_jobs, public.queue_dead_letters to service_role;
grant insert on public.queue_attempts, public.nightly_runs to service_role;
grant usage on sequence public.queue_jobs_id_seq to service_role;
grant insert, update, delete on public.worker_heartbeats to service_role;
grant usage on schema pgmq to service_role;
grant select, insert, update, delete on all tables in schema pgmq to service_role;
grant execute on all functions in schema pgmq to service_role;
grant execute on function public.queue_job(jsonb) to authenticated, service_role;
grant execute on function public.queue_tier_assignments(uuid, uuid[], text[]), public.queue_stale_judgments(uuid),
                          public.dequeue_job(text), public.queue_fence(text, bigint[], int[]),
                          public.queue_message_job(text, bigint), public.queue_finish(text, bigint[], bigint[]), public.queue_retry_later(text, bigint, int, text, text, int),
                          public.queue_bury(text, bigint, text, text) to service_role;
grant execute on function public.retry_dead_letter(uuid), public.discard_dead_letter(uuid) to enforcement_operator, service_role;
grant execute on function public.pause_queue(text, boolean) to admin, service_role;
