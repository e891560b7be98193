-- Who may queue which kind of job: everybody signed in may call queue_job, and what a job does is not everybody's to ask for.

alter table public.queue_kinds add column is_for_everybody boolean not null default false;
comment on column public.queue_kinds.is_for_everybody is
  'Whether everybody signed in may queue it; others only operators, admins and the service. Such a job tells or computes, and changes nothing else';
-- A brief is read and a tier follows from its facts, whoever asks. The others plan calls, set next actions and touch enrichment.
set local role service_role;
update public.queue_kinds set is_for_everybody = true where kind in ('case_copilot', 'tier_assignment');
reset role;

create or replace function public.queue_job(payload jsonb) returns bigint
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call;
begin
  if payload is null or jsonb_typeof(payload) <> 'object' then
    raise sqlstate 'PT422' using message = 'queue_job takes a JSON object', hint = 'give kind, idempotency_key and payload';
  end if;
  perform public.rpc_text(payload, 'kind'), public.rpc_text(payload, 'idempotency_key');
  -- Whoever may ask for enrichment, what vendors say is not theirs to say.
  if public.current_user_id() is not null and btrim(payload ->> 'kind') = 'enrich' and jsonb_typeof(payload -> 'payload') = 'object'
    and (payload -> 'payload') - array['case_id', 'judgment_id', 'event_id', 'event_kind'] <> '{}' then
    raise sqlstate 'PT403' using message = 'vendors'' data come by the service alone', hint = 'ask for enrichment with case_id and nothing else';
  end if;
  if jsonb_typeof(payload -> 'payload') not in ('object', 'null') then
    raise sqlstate 'PT422' using message = '`payload` is not a JSON object', detail = 'payload';
  end if;
  -- The setting is the caller's: this function runs as another role.
  if current_setting('role') = 'authenticated'
    and exists (select from public.queue_kinds k where k.kind = btrim(payload ->> 'kind') and not k.is_for_everybody) then
    raise sqlstate 'PT403' using message = format('jobs of the kind `%s` are for operators', btrim(payload ->> 'kind')),
      hint = 'everybody may queue ' || (select string_agg(k.kind, ', ' order by k.kind) from public.queue_kinds k where k.is_for_everybody);
  end if;
  v_call := public.begin_rpc('queue_job', payload, array['kind', 'idempotency_key', 'payload']);
  if v_call.result is null then
    v_call.result := public.end_rpc(v_call, to_jsonb(public.queue_job_message(v_call.org_id, payload)));
  end if;
  return v_call.result::bigint;
end;
$$;
