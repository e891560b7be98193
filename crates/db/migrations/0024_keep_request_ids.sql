-- What every function that people call has in common: who calls, which call it is, how its fields are read.

-- ---- types ----
create type public.rpc_call as (
  rpc text,
  org_id uuid,
  -- Who, for people to read; the signed-in person's name where there is one, else what the caller says.
  actor text,
  actor_id uuid,
  actor_type text,
  request_id text,
  -- What the first call with this request id has answered; null for a first call.
  result jsonb
);

-- ---- tables ----
create table public.rpc_requests (
  -- Refers to nothing: every call would lock the one row of the organisation. It goes with it by trigger.
  org_id uuid not null,
  -- The person, or zeros for the service: nobody is answered what another was.
  caller_id uuid not null,
  rpc text not null,
  request_id text not null check (btrim(request_id) <> '' and length(request_id) <= 200),
  arguments_digest bytea not null,
  result jsonb,
  created_at timestamptz not null default public.app_now(),
  primary key (org_id, caller_id, rpc, request_id)
) with (fillfactor = 70);
comment on table public.rpc_requests is 'First answers, by request id: the same call again is answered from here and does nothing';
comment on column public.rpc_requests.result is 'Null only inside the transaction of the first call';
create index rpc_requests_age on public.rpc_requests (created_at);

-- ---- functions ----
-- Those without a search path of their own are called by functions that have one, and often: setting it each time is what they would cost.
create function public.begin_rpc(p_rpc text, p_arguments jsonb, p_fields text[] default null, p_actor text default null)
returns public.rpc_call
language plpgsql volatile security invoker
as $$
declare
  v_call public.rpc_call;
  v_unknown text;
  v_setting text := nullif(btrim(current_setting('dragonfly.request_id', true)), '');
  v_caller uuid := coalesce(public.current_user_id(), '00000000-0000-0000-0000-000000000000');
  v_digest bytea;
  v_first public.rpc_requests;
begin
  if p_arguments is null or jsonb_typeof(p_arguments) <> 'object' then
    raise sqlstate 'PT422' using message = format('%s takes a JSON object', p_rpc),
      hint = 'its fields are ' || array_to_string(p_fields, ', ');
  end if;
  if p_fields is not null then
    select k into v_unknown from jsonb_object_keys(p_arguments) k
     where k <> all (p_fields) and k <> 'request_id' order by k limit 1;
    if found then
      raise sqlstate 'PT422' using message = format('%s has no field `%s`', p_rpc, left(v_unknown, 60)), detail = left(v_unknown, 60),
        hint = 'its fields are ' || array_to_string(p_fields, ', ');
    end if;
  end if;

  v_call.rpc := p_rpc;
  v_call.org_id := public.current_org_id();
  if v_call.org_id is null then
    raise sqlstate 'PT422' using message = format('%s needs an organisation', p_rpc), hint = 'set dragonfly.org_id';
  end if;
  v_call.actor_id := public.current_user_id();
  if v_call.actor_id is not null then
    select u.display_name into v_call.actor from public.users u where u.id = v_call.actor_id;
  end if;
  v_call.actor := coalesce(v_call.actor, nullif(btrim(left(p_actor, 200)), ''), 'service');
  -- Workers say that they are at work; everybody else comes by a function, which is what `rpc` means.
  v_call.actor_type := case current_setting('dragonfly.actor_type', true) when 'automation' then 'automation' else 'rpc' end;

  v_call.request_id := public.rpc_text(p_arguments, 'request_id', false, 200);
  if v_call.request_id <> v_setting then
    raise sqlstate 'PT422' using message = 'the header Idempotency-Key and the field `request_id` differ', detail = 'request_id',
      hint = 'send one of them';
  end if;
  v_call.request_id := coalesce(v_call.request_id, v_setting);
  if v_call.request_id is null then
    return v_call;
  end if;
  if length(v_call.request_id) > 200 then
    raise sqlstate 'PT422' using message = 'the request id is longer than 200 characters', detail = 'request_id';
  end if;

  v_digest := sha256(convert_to((p_arguments - 'request_id')::text, 'UTF8'));
  loop
    -- A concurrent duplicate waits here until the other call has ended.
    insert into public.rpc_requests (org_id, caller_id, rpc, request_id, arguments_digest)
    values (v_call.org_id, v_caller, p_rpc, v_call.request_id, v_digest)
    on conflict (org_id, caller_id, rpc, request_id) do nothing;
    if found then
      return v_call;
    end if;
    select * into v_first from public.rpc_requests r
     where r.org_id = v_call.org_id and r.caller_id = v_caller and r.rpc = p_rpc and r.request_id = v_call.request_id;
    if found then
      if v_first.arguments_digest <> v_digest then
        raise sqlstate 'PT422' using message = format('the request id was used for another call of %s', p_rpc), detail = 'request_id',
          hint = 'use a new request id for a new call';
      end if;
      v_call.result := v_first.result;
      return v_call;
    end if;
    -- The row was removed between the two statements: the id is free again.
  end loop;
end;
$$;
comment on function public.begin_rpc(text, jsonb, text[], text) is
  'Checks the fields of a call, tells who calls and whether the same call was answered before; where result is not null, answer that and do nothing';

-- A definer, because whoever deletes an organisation need not be allowed to delete what its calls were answered.
create function public.tg_organisation_takes_its_requests() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  delete from public.rpc_requests where org_id = old.id;
  return null;
end;
$$;
alter function public.tg_organisation_takes_its_requests() owner to service_role;
create trigger take_requests after delete on public.organisations
  for each row execute function public.tg_organisation_takes_its_requests();

create function public.end_rpc(p_call public.rpc_call, p_result jsonb) returns jsonb
language plpgsql volatile security invoker
as $$
begin
  if p_call.request_id is not null then
    update public.rpc_requests r set result = coalesce(p_result, 'null')
     where r.org_id = p_call.org_id and r.caller_id = coalesce(p_call.actor_id, '00000000-0000-0000-0000-000000000000')
       and r.rpc = p_call.rpc and r.request_id = p_call.request_id;
  end if;
  return p_result;
end;
$$;
comment on function public.end_rpc(public.rpc_call, jsonb) is 'Keeps the answer of a first call, and answers it';

create function public.rpc_text(p_payload jsonb, p_field text, p_is_required boolean default false, p_length_max int default 4000) returns text
language plpgsql immutable
as $$
declare
  v_text text := nullif(btrim(p_payload ->> p_field), '');
begin
  if jsonb_typeof(p_payload -> p_field) not in ('string', 'number', 'null') then
    raise sqlstate 'PT422' using message = format('`%s` is not a text', p_field), detail = p_field;
  end if;
  if v_text is null and p_is_required then
    raise sqlstate 'PT422' using message = format('`%s` is missing', p_field), detail = p_field;
  end if;
  if length(v_text) > p_length_max then
    raise sqlstate 'PT422' using message = format('`%s` is longer than %s characters', p_field, p_length_max), detail = p_field;
  end if;
  return v_text;
end;
$$;

create function public.rpc_uuid(p_payload jsonb, p_field text, p_is_required boolean default false) returns uuid
language plpgsql immutable
as $$
declare
  v_text text := public.rpc_text(p_payload, p_field, p_is_required);
begin
  if v_text !~* '^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$' then
    raise sqlstate 'PT422' using message = format('`%s` is not a UUID', p_field), detail = p_field;
  end if;
  return v_text::uuid;
end;
$$;

create function public.rpc_choice(p_payload jsonb, p_field text, p_choices text[], p_is_required boolean default false) returns text
language plpgsql immutable
as $$
declare
  v_text text := public.rpc_text(p_payload, p_field, p_is_required);
begin
  if v_text <> all (p_choices) then
    raise sqlstate 'PT422' using message = format('unknown %s `%s`', replace(p_field, '_', ' '), left(v_text, 60)), detail = p_field,
      hint = 'known are ' || array_to_string(p_choices, ', ');
  end if;
  return v_text;
end;
$$;

create function public.rpc_money(p_payload jsonb, p_field text, p_is_required boolean default false) returns numeric(14,2)
language plpgsql immutable
as $$
declare
  v_text text := public.rpc_text(p_payload, p_field, p_is_required);
begin
  if v_text !~ '^-?[0-9]{1,12}(\.[0-9]{1,2})?$' then
    raise sqlstate 'PT422' using message = format('`%s` is not an amount of money', p_field), detail = p_field,
      hint = 'send dollars and cents as a decimal, such as "1250.00"';
  end if;
  return v_text::numeric(14,2);
end;
$$;

create function public.rpc_score(p_payload jsonb, p_field text) returns numeric(5,2)
language plpgsql immutable
as $$
declare
  v_text text := public.rpc_text(p_payload, p_field);
begin
  if v_text !~ '^[0-9]{1,3}(\.[0-9]{1,2})?$' or v_text::numeric > 100 then
    raise sqlstate 'PT422' using message = format('`%s` is not a score from 0 to 100 with at most two decimals', p_field), detail = p_field;
  end if;
  return v_text::numeric(5,2);
end;
$$;

create function public.rpc_instant(p_payload jsonb, p_field text, p_is_required boolean default false) returns timestamptz
language plpgsql stable
as $$
declare
  v_text text := public.rpc_text(p_payload, p_field, p_is_required);
begin
  if v_text is null then
    return null;
  end if;
  if v_text ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' then
    return (select v_text::date::timestamp at time zone o.time_zone from public.organisations o where o.id = public.current_org_id());
  elsif v_text ~* '^[0-9]{4}-[0-9]{2}-[0-9]{2}[t ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)? *(z|[+-][0-9]{2}(:?[0-9]{2})?)$' then
    return v_text::timestamptz;
  end if;
  raise sqlstate '22007';
exception
  when sqlstate '22007' or datetime_field_overflow or invalid_datetime_format then
    raise sqlstate 'PT422' using message = format('`%s` is not a time', p_field), detail = p_field,
      hint = 'send a date, such as "2026-11-22", or a time with its zone, such as "2026-11-22T15:00:00Z"';
end;
$$;
comment on function public.rpc_instant(jsonb, text, boolean) is 'A date is the beginning of that day in the organisation''s zone';

create function public.rpc_object(p_payload jsonb, p_field text) returns jsonb
language plpgsql immutable
as $$
begin
  if jsonb_typeof(p_payload -> p_field) not in ('object', 'null') then
    raise sqlstate 'PT422' using message = format('`%s` is not a JSON object', p_field), detail = p_field;
  end if;
  return coalesce(nullif(p_payload -> p_field, 'null'), '{}');
end;
$$;

create function public.rpc_flag(p_payload jsonb, p_field text) returns boolean
language plpgsql immutable
as $$
begin
  if coalesce(p_payload ->> p_field, 'false') not in ('true', 'false') then
    raise sqlstate 'PT422' using message = format('`%s` is neither true nor false', p_field), detail = p_field;
  end if;
  return coalesce((p_payload ->> p_field)::boolean, false);
end;
$$;

-- In PL/pgSQL, as what follows in other files: the plan of a function in SQL that is not inlined is made anew for each call.
create function public.json_delta(p_before jsonb, p_after jsonb) returns jsonb
language plpgsql immutable parallel safe
as $$
begin
  return (
    select coalesce(jsonb_object_agg(a.key, jsonb_build_array(p_before -> a.key, a.value)), '{}')
      from jsonb_each(p_after) a
     where a.value is distinct from coalesce(p_before -> a.key, 'null') and a.key <> 'updated_at');
end;
$$;
comment on function public.json_delta(jsonb, jsonb) is 'What differs between two states of a row: field to [before, after]';

create function public.queue_job_message(p_org_id uuid, payload jsonb) returns bigint
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_kind text := btrim(payload ->> 'kind');
  v_key text := btrim(payload ->> 'idempotency_key');
  v_job_id bigint;
  v_msg_id bigint;
begin
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

  loop
    -- Taking the key first makes a concurrent duplicate wait here until the other transaction has ended.
    insert into public.queue_jobs (org_id, kind, idempotency_key) values (p_org_id, v_kind, v_key)
    on conflict (org_id, kind, idempotency_key) where state = 'queued' do nothing
    returning id into v_job_id;
    if v_job_id is not null then
      v_msg_id := pgmq.send(v_kind, jsonb_build_object(
        'kind', v_kind, 'idempotency_key', v_key, 'org_id', p_org_id, 'job_id', v_job_id,
        'payload', coalesce(payload -> 'payload', '{}'), 'enqueued_at', public.app_now()));
      update public.queue_jobs set msg_id = v_msg_id where id = v_job_id;
      perform pg_notify('dragonfly_queue', v_kind);
      return v_msg_id;
    end if;
    select j.msg_id into v_msg_id from public.queue_jobs j
     where j.org_id = p_org_id and j.kind = v_kind and j.idempotency_key = v_key and j.state = 'queued';
    if found then
      return v_msg_id;
    end if;
    -- The job that held the key ended between the two statements: the key is free again.
  end loop;
end;
$$;
comment on function public.queue_job_message(uuid, jsonb) is 'What queue_job does once it is known for whom';

create or replace function public.queue_job(payload jsonb) returns bigint
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call;
begin
  if payload is null or jsonb_typeof(payload) <> 'object' then
    raise sqlstate 'PT422' using message = 'queue_job takes a JSON object', hint = 'give kind, idempotency_key and payload';
  end if;
  -- Everybody signed in may ask for a job; what vendors say is not theirs to say.
  if public.current_user_id() is not null and payload ->> 'kind' = 'enrich' and jsonb_typeof(payload -> 'payload') = 'object'
    and (payload -> 'payload') - array['case_id', 'judgment_id', 'event_id', 'event_kind'] <> '{}' then
    raise sqlstate 'PT403' using message = 'vendors'' data come by the service alone', hint = 'ask for enrichment with case_id and nothing else';
  end if;
  v_call := public.begin_rpc('queue_job', payload);
  if v_call.result is null then
    v_call.result := public.end_rpc(v_call, to_jsonb(public.queue_job_message(v_call.org_id, payload)));
  end if;
  return v_call.result::bigint;
end;
$$;

-- ---- row-level security ----
alter table public.rpc_requests enable row level security, force row level security;
create policy "the service keeps first answers" on public.rpc_requests for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant select, insert, update, delete on public.rpc_requests to service_role;
grant execute on function public.begin_rpc(text, jsonb, text[], text), public.end_rpc(public.rpc_call, jsonb),
                          public.rpc_text(jsonb, text, boolean, int), public.rpc_uuid(jsonb, text, boolean),
                          public.rpc_choice(jsonb, text, text[], boolean), public.rpc_money(jsonb, text, boolean),
                          public.rpc_score(jsonb, text), public.rpc_instant(jsonb, text, boolean), public.rpc_object(jsonb, text),
                          public.rpc_flag(jsonb, text), public.json_delta(jsonb, jsonb),
                          public.queue_job_message(uuid, jsonb) to service_role;
