-- What a review of casework found, mended: locks in their order, fields that were read too loosely, dates in the organisation's zone.

-- ---- fields and request ids ----
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
  if public.current_user_id() is not null and btrim(payload ->> 'kind') = 'enrich' and jsonb_typeof(payload -> 'payload') = 'object'
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

create or replace function public.rpc_instant(p_payload jsonb, p_field text, p_is_required boolean default false) returns timestamptz
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
  -- No time, one that there is not, and a zone that there is not.
  when sqlstate '22007' or sqlstate '22008' or sqlstate '22009' then
    raise sqlstate 'PT422' using message = format('`%s` is not a time', p_field), detail = p_field,
      hint = 'send a date, such as "2026-11-22", or a time with its zone, such as "2026-11-22T15:00:00Z"';
end;
$$;

create or replace function public.retry_dead_letter(p_id uuid) returns bigint
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_letter public.queue_dead_letters;
  v_org_id uuid;
  v_msg_id bigint;
begin
  select * into v_letter from public.queue_dead_letters where id = p_id for update;
  if not found then
    raise sqlstate 'PT404' using message = 'dead letter not found';
  end if;
  if v_letter.state <> 'dead' then
    raise sqlstate 'PT409' using message = format('the dead letter is already %s', v_letter.state);
  end if;
  v_org_id := coalesce(v_letter.org_id, public.current_org_id());
  if v_org_id is null then
    raise sqlstate 'PT422' using message = 'retry_dead_letter needs an organisation', hint = 'set dragonfly.org_id';
  end if;
  -- Past the guard of queue_job: what a vendor said is said again, not by who retries it.
  v_msg_id := public.queue_job_message(v_org_id, jsonb_build_object(
    'kind', v_letter.kind, 'idempotency_key', coalesce(v_letter.idempotency_key, 'retry:' || v_letter.id),
    'payload', coalesce(v_letter.message -> 'payload', v_letter.message)));
  update public.queue_dead_letters
     set state = 'retried', resolved_at = public.app_now(), resolved_by = public.current_user_id(), retried_as = v_msg_id
   where id = p_id;
  perform public.notify_live(v_letter.org_id, '{"kind": "queues"}');
  return v_msg_id;
end;
$$;

create or replace function public.put_alert_route(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('put_alert_route', payload,
    array['route_id', 'channel', 'target', 'event_kinds', 'is_enabled', 'actor'], payload ->> 'actor');
  v_id uuid;
  v_channel text;
  v_target text;
  v_unknown text;
  v_route public.enforcement_alert_routes;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_id := public.rpc_uuid(payload, 'route_id');
  v_channel := public.rpc_choice(payload, 'channel', array['console', 'webhook', 'queue', 'email'], true);
  v_target := public.rpc_text(payload, 'target', v_channel <> 'console', 1000);
  if v_channel = 'console' then
    v_target := null;
  elsif v_channel = 'webhook' and v_target !~ '^https?://[^\s/]' then
    raise sqlstate 'PT422' using message = '`target` is not the address of a webhook', detail = 'target', hint = 'it begins with https://';
  elsif v_channel = 'email' and (v_target !~ '^[!-~]+$' or v_target !~ '^[^@<>(),;:"\\]+@[^@<>(),;:"\\]+\.[^@<>(),;:"\\.]+$' or length(v_target) > 254) then
    raise sqlstate 'PT422' using message = '`target` is not an e-mail address', detail = 'target', hint = 'one address, such as ops@example.com';
  elsif v_channel = 'queue' and not exists (select from public.queue_kinds k where k.kind = v_target and k.kind <> 'tier_assignment') then
    raise sqlstate 'PT422' using message = format('unknown queue kind `%s`', left(v_target, 60)), detail = 'target';
  end if;
  if jsonb_typeof(payload -> 'event_kinds') not in ('array', 'null') then
    raise sqlstate 'PT422' using message = '`event_kinds` is not a list', detail = 'event_kinds';
  end if;
  if payload -> 'event_kinds' = '[]' then
    raise sqlstate 'PT422' using message = '`event_kinds` names no kind', detail = 'event_kinds', hint = 'leave it out for all kinds';
  end if;
  select k into v_unknown from jsonb_array_elements_text(coalesce(nullif(payload -> 'event_kinds', 'null'), '[]')) k
   where not exists (select from public.enforcement_event_kind_lookup l where l.event_kind::text = k) limit 1;
  if found then
    raise sqlstate 'PT422' using message = format('unknown event kind `%s`', left(v_unknown, 60)), detail = 'event_kinds';
  end if;
  if v_id is not null then
    perform from public.enforcement_alert_routes r where r.org_id = v_call.org_id and r.id = v_id for update;
    if not found then
      raise sqlstate 'PT404' using message = 'alert route not found';
    end if;
  end if;
  insert into public.enforcement_alert_routes as r (id, org_id, channel, target, event_kinds, is_enabled, created_by)
  values (coalesce(v_id, gen_random_uuid()), v_call.org_id, v_channel, v_target,
          (select nullif(array_agg(k::public.enforcement_event_kind), '{}')
             from jsonb_array_elements_text(coalesce(nullif(payload -> 'event_kinds', 'null'), '[]')) k),
          coalesce(payload -> 'is_enabled', 'null') = 'null' or public.rpc_flag(payload, 'is_enabled'), v_call.actor)
  on conflict (id) do update
    set channel = excluded.channel, target = excluded.target, event_kinds = excluded.event_kinds, is_enabled = excluded.is_enabled
  returning * into v_route;
  return public.end_rpc(v_call, to_jsonb(v_route));
end;
$$;

-- ---- cases and their judgments ----
-- A definer, because whoever changes a judgment need not be allowed to write cases.
create function public.tg_judgment_sets_case_plaintiff() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_case_id uuid;
begin
  update public.enforcement_cases c set plaintiff_id = new.plaintiff_id
   where c.org_id = new.org_id and c.judgment_id = new.id and c.closed_at is null
  returning c.id into v_case_id;
  -- Who does not want to be called is not.
  update public.plaintiff_tasks t set status = 'cancelled', closed_at = public.app_now(), closed_by = 'automation'
   where t.org_id = new.org_id and t.enforcement_case_id = v_case_id and t.status = 'open' and t.kind = 'call'
     and exists (select from public.plaintiffs p
                  where p.org_id = new.org_id and p.id = new.plaintiff_id and p.status = 'do_not_call');
  update public.plaintiff_tasks t set plaintiff_id = new.plaintiff_id
   where t.org_id = new.org_id and t.enforcement_case_id = v_case_id and t.status = 'open';
  return null;
end;
$$;
alter function public.tg_judgment_sets_case_plaintiff() owner to service_role;
create trigger set_case_plaintiff after update on public.core_judgments
  for each row
  when (old.plaintiff_id is distinct from new.plaintiff_id)
  execute function public.tg_judgment_sets_case_plaintiff();

-- The call stack tells who moves a case. It holds the texts of statements too, so only a line counts that begins as those of functions
-- do, in whatever language the server words them. A setting could be set by anybody who may update the table; a function of this name in
-- this schema cannot be made by anybody but a migration. Whoever may run any SQL can still word a statement so that it passes, but not
-- by accident: this guards against mistakes, the grants against people.
create or replace function public.tg_stage_moves_by_rpc() returns trigger
language plpgsql set search_path = ''
as $$
declare
  v_callers text;
begin
  get diagnostics v_callers = pg_context;
  if v_callers !~ '(?n)^(?=[^-/*\s])(?=.*PL/pgSQL)(.{0,40}[^A-Za-z0-9_$.])?public\.(set_enforcement_stage|close_enforcement_case)\(jsonb\)' then
    raise sqlstate 'PT405' using message = 'a stage moves only through set_enforcement_stage',
      hint = 'call set_enforcement_stage with case_id and stage, or close_enforcement_case';
  end if;
  return new;
end;
$$;

create or replace function public.put_document(
  p_call public.rpc_call, p_case_id uuid, p_doc_kind text, p_storage_path text, p_event_id uuid default null,
  p_action_id uuid default null, p_metadata jsonb default '{}')
returns uuid
language plpgsql volatile security invoker
as $$
declare
  v_id uuid;
begin
  -- The index that keeps a place from being noted twice takes no longer ones.
  if octet_length(p_storage_path) > 2000 then
    raise sqlstate 'PT422' using message = 'the path of the document is longer than 2000 bytes',
      detail = case p_call.rpc when 'add_enforcement_document' then 'storage_path' when 'set_enforcement_stage' then 'metadata.document_path'
                               else 'document_path' end;
  end if;
  insert into public.enforcement_documents as d
    (org_id, enforcement_case_id, event_id, action_id, doc_kind, storage_path, uploaded_by, metadata)
  values (p_call.org_id, p_case_id, p_event_id, p_action_id, p_doc_kind, p_storage_path, p_call.actor, p_metadata)
  on conflict (org_id, enforcement_case_id, storage_path) do update
    set event_id = coalesce(d.event_id, excluded.event_id), action_id = coalesce(d.action_id, excluded.action_id),
        metadata = d.metadata || excluded.metadata
  returning d.id into v_id;
  return v_id;
end;
$$;

create or replace function public.close_task(p_call public.rpc_call, p_case public.enforcement_cases, p_task_id uuid) returns void
language plpgsql volatile security invoker
as $$
declare
  v_task public.plaintiff_tasks;
begin
  select * into v_task from public.plaintiff_tasks t
   where t.org_id = p_call.org_id and t.id = p_task_id
     and (t.enforcement_case_id = p_case.id or (t.enforcement_case_id is null and t.plaintiff_id = p_case.plaintiff_id))
     for update;
  if not found then
    raise sqlstate 'PT404' using message = 'the case has no such task', detail = 'related_task_id';
  end if;
  if v_task.status <> 'open' then
    raise sqlstate 'PT409' using message = format('the task is already %s', v_task.status);
  end if;
  if v_task.kind = 'call' then
    raise sqlstate 'PT422' using message = 'a call is completed with its outcome', detail = 'related_task_id', hint = 'call log_call_outcome';
  end if;
  update public.plaintiff_tasks t set status = 'completed', closed_at = public.app_now(), closed_by = p_call.actor
   where t.org_id = p_call.org_id and t.id = p_task_id;
end;
$$;

-- ---- actions ----
-- What an event tells of an action moves it on, never back: an event may be written down late.
create or replace function public.advance_action(
  p_call public.rpc_call, p_case public.enforcement_cases, p_action_type text, p_status text, p_occurred_at timestamptz)
returns uuid
language plpgsql volatile security invoker
as $$
declare
  v_action public.enforcement_actions;
begin
  select * into v_action from public.enforcement_actions a
   where a.org_id = p_call.org_id and a.enforcement_case_id = p_case.id and a.action_type = p_action_type and a.closed_at is null
     for no key update;
  if not found then
    select * into v_action from public.enforcement_actions a
     where a.org_id = p_call.org_id and a.enforcement_case_id = p_case.id and a.action_type = p_action_type
     order by a.opened_at desc limit 1;
    -- The action that has ended is the one meant by an end, and by what happened before it ended. One that was given up is not meant by
    -- a beginning: that is often logged by its day alone, and so stands before a cancellation of the same day.
    if found and (p_status = 'completed' or (v_action.status = 'completed' or p_status not in ('planned', 'filed'))
                                        and coalesce(p_occurred_at, public.app_now()) <= v_action.closed_at) then
      return v_action.id;
    end if;
    -- It follows the one that has ended, so that the later of the two stays the later.
    insert into public.enforcement_actions (org_id, enforcement_case_id, action_type, status, opened_at, closed_at, created_by)
    values (p_call.org_id, p_case.id, p_action_type, p_status, greatest(coalesce(p_occurred_at, public.app_now()), v_action.closed_at),
            case p_status when 'completed' then public.app_now() end, p_call.actor)
    returning * into v_action;
    return v_action.id;
  end if;
  update public.enforcement_actions a
     set status = p_status, closed_at = case p_status when 'completed' then public.app_now() end, updated_by = p_call.actor
   where a.id = v_action.id and public.action_order(p_status) > public.action_order(a.status);
  return v_action.id;
end;
$$;

-- A definer, because whoever writes actions need not be allowed to write cases.
create or replace function public.tg_action_sets_case_status() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_status text;
begin
  if new.action_type = 'subpoena' then
    return null;
  end if;
  select a.status into v_status from public.enforcement_actions a
   where a.org_id = new.org_id and a.enforcement_case_id = new.enforcement_case_id and a.action_type = new.action_type
   -- The active one counts, whenever it is said to have begun.
   order by a.closed_at is null desc, a.opened_at desc, a.closed_at desc nulls first
   limit 1;
  update public.enforcement_cases c
     set levy_status = case new.action_type when 'bank_levy' then v_status else c.levy_status end,
         garnishment_status = case new.action_type when 'garnishment' then v_status else c.garnishment_status end,
         marshal_status = case new.action_type when 'marshal' then v_status else c.marshal_status end
   where c.org_id = new.org_id and c.id = new.enforcement_case_id;
  return null;
end;
$$;

create or replace function public.queue_enforcement_action(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('queue_enforcement_action', payload,
    array['case_id', 'action_type', 'status', 'status_reason', 'metadata', 'document_path', 'next_milestone_at', 'actor'], payload ->> 'actor');
  v_type text;
  v_status text;
  v_reason text;
  v_metadata jsonb;
  v_document_path text;
  v_milestone timestamptz;
  v_case public.enforcement_cases;
  v_before public.enforcement_actions;
  v_action public.enforcement_actions;
  v_kind public.enforcement_event_kind;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_type := public.rpc_choice(payload, 'action_type', array['bank_levy', 'garnishment', 'subpoena', 'marshal'], true);
  v_status := public.rpc_choice(payload, 'status', array['planned', 'filed', 'served', 'in_progress', 'completed', 'cancelled'], true);
  v_reason := public.rpc_text(payload, 'status_reason');
  v_metadata := public.rpc_object(payload, 'metadata');
  v_document_path := coalesce(public.rpc_text(payload, 'document_path', false, 1000), public.rpc_text(v_metadata, 'document_path', false, 1000));
  v_milestone := public.rpc_instant(payload, 'next_milestone_at');
  v_case := public.find_case(v_call.org_id, public.rpc_uuid(payload, 'case_id', true));
  select * into v_before from public.enforcement_actions a
   where a.org_id = v_call.org_id and a.enforcement_case_id = v_case.id and a.action_type = v_type and a.closed_at is null
     for no key update;
  v_action := public.put_action(v_call, v_case, v_type, v_status, v_reason, v_metadata, v_milestone);

  v_kind := case v_status when 'completed' then 'action_completed' when 'cancelled' then 'action_cancelled' else 'action_updated' end;
  -- With its paper in hand, a filing or service is the event that the documents name. What is in progress has no such event:
  -- that an employer has sent money is not said by a status.
  if v_document_path is not null and v_before.status is distinct from v_status and v_kind = 'action_updated' then
    select coalesce(min(k.event_kind), v_kind) into v_kind from public.enforcement_event_kind_lookup k
     where k.action_type = v_type and k.action_status = v_status and k.needs_document and v_status in ('filed', 'served');
  end if;
  perform public.write_event(v_call, v_case, v_kind,
    v_metadata || jsonb_build_object('action_id', v_action.id, 'action_type', v_type, 'status', v_status), v_document_path, v_reason,
    p_action_id => v_action.id);
  perform public.write_history(v_call, v_case.id, 'action_' || case when v_before.id is null then 'opened' else 'changed' end,
    jsonb_build_object(v_type, jsonb_build_array(v_before.status, v_status)), v_reason);
  return public.end_rpc(v_call, to_jsonb(v_action));
end;
$$;

create or replace function public.issue_subpoena(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('issue_subpoena', payload,
    array['case_id', 'recipient', 'issued_at', 'response_due_at', 'document_path', 'metadata', 'note', 'actor'], payload ->> 'actor');
  v_metadata jsonb;
  v_note text;
  v_issued_at timestamptz;
  v_due_at timestamptz;
  v_case public.enforcement_cases;
  v_action public.enforcement_actions;
  v_event_id uuid;
  v_task_id uuid;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_metadata := public.rpc_object(payload, 'metadata')
    || jsonb_strip_nulls(jsonb_build_object('recipient', public.rpc_text(payload, 'recipient', false, 300)));
  v_note := public.rpc_text(payload, 'note');
  v_issued_at := coalesce(public.rpc_instant(payload, 'issued_at'), public.app_now());
  -- Days are the organisation's: the same time of day, also where its clocks change in between.
  v_due_at := coalesce(public.rpc_instant(payload, 'response_due_at'),
    (select (v_issued_at at time zone o.time_zone + interval '30 days') at time zone o.time_zone
       from public.organisations o where o.id = v_call.org_id));
  if v_due_at <= v_issued_at then
    raise sqlstate 'PT422' using message = 'the answer is due before the subpoena is issued', detail = 'response_due_at';
  end if;
  v_case := public.find_case(v_call.org_id, public.rpc_uuid(payload, 'case_id', true));
  if exists (select from public.enforcement_actions a
              where a.org_id = v_call.org_id and a.enforcement_case_id = v_case.id and a.action_type = 'subpoena'
                and a.status in ('filed', 'served', 'in_progress')) then
    raise sqlstate 'PT409' using message = 'a subpoena is out already', hint = 'record its answer or cancel it first';
  end if;
  v_action := public.put_action(v_call, v_case, 'subpoena', 'filed', null, v_metadata, v_due_at);
  v_event_id := public.write_event(v_call, v_case, 'subpoena_issued',
    v_metadata || jsonb_build_object('action_id', v_action.id, 'response_due_at', v_due_at),
    public.rpc_text(payload, 'document_path', false, 1000), v_note, v_issued_at, p_action_id => v_action.id);
  v_task_id := public.put_task(v_call, v_case, 'follow_subpoena', 'Look for the answer to the subpoena', v_due_at);
  perform public.write_history(v_call, v_case.id, 'subpoena_issued', jsonb_build_object('subpoena', jsonb_build_array(null, v_action.status)), v_note);
  return public.end_rpc(v_call, jsonb_build_object('action_id', v_action.id, 'event_id', v_event_id, 'task_id', v_task_id,
                                                   'response_due_at', v_due_at));
end;
$$;

create or replace function public.record_subpoena_response(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('record_subpoena_response', payload,
    array['case_id', 'complied', 'received_at', 'review_at', 'document_path', 'metadata', 'note', 'actor'], payload ->> 'actor');
  v_metadata jsonb;
  v_note text;
  v_has_complied boolean;
  v_received_at timestamptz;
  v_review_at timestamptz;
  v_case public.enforcement_cases;
  v_before public.enforcement_actions;
  v_action public.enforcement_actions;
  v_event_id uuid;
  v_task_id uuid;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_metadata := public.rpc_object(payload, 'metadata');
  v_note := public.rpc_text(payload, 'note');
  v_has_complied := coalesce(payload -> 'complied', 'null') = 'null' or public.rpc_flag(payload, 'complied');
  v_received_at := public.rpc_instant(payload, 'received_at');
  v_review_at := coalesce(public.rpc_instant(payload, 'review_at'), public.app_now() + interval '3 days');
  v_case := public.find_case(v_call.org_id, public.rpc_uuid(payload, 'case_id', true));
  select * into v_before from public.enforcement_actions a
   where a.org_id = v_call.org_id and a.enforcement_case_id = v_case.id and a.action_type = 'subpoena'
     and a.status in ('filed', 'served', 'in_progress') for no key update;
  if not found then
    raise sqlstate 'PT409' using message = 'no subpoena is out', hint = 'issue_subpoena comes first';
  end if;
  v_action := public.put_action(v_call, v_case, 'subpoena', case when v_has_complied then 'completed' else 'in_progress' end, v_note,
                                v_metadata || jsonb_build_object('complied', v_has_complied), v_review_at);
  v_event_id := public.write_event(v_call, v_case, case when v_has_complied then 'subpoena_complied' else 'action_updated' end::public.enforcement_event_kind,
    v_metadata || jsonb_build_object('action_id', v_action.id, 'action_type', 'subpoena', 'complied', v_has_complied),
    public.rpc_text(payload, 'document_path', false, 1000), v_note, v_received_at, p_action_id => v_action.id);
  if v_has_complied then
    update public.plaintiff_tasks t set status = 'completed', closed_at = public.app_now(), closed_by = v_call.actor
     where t.org_id = v_call.org_id and t.enforcement_case_id = v_case.id and t.kind = 'follow_subpoena' and t.status = 'open';
  end if;
  v_task_id := public.put_task(v_call, v_case, 'review_subpoena', 'Review the answer to the subpoena', v_review_at, v_note);
  update public.enforcement_cases c set next_action_at = least(c.next_action_at, v_review_at)
   where c.org_id = v_call.org_id and c.id = v_case.id;
  perform public.write_history(v_call, v_case.id, 'subpoena_answered',
    jsonb_build_object('subpoena', jsonb_build_array(v_before.status, v_action.status)), v_note);
  return public.end_rpc(v_call, jsonb_build_object('action_id', v_action.id, 'event_id', v_event_id, 'review_task_id', v_task_id,
                                                   'status', v_action.status));
end;
$$;

-- ---- what vendors say ----
create or replace function public.set_case_enrichment(
  p_case_id uuid, p_collectability_score numeric, p_collectability_tier text, p_summary text default null)
returns void
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_call public.rpc_call;
  v_case judgments.cases;
begin
  -- Who works for no organisation, and names a judgment of any, has no request ids.
  if public.current_org_id() is not null then
    v_call := public.begin_rpc('set_case_enrichment', jsonb_strip_nulls(jsonb_build_object(
      'case_id', p_case_id, 'collectability_score', p_collectability_score, 'collectability_tier', p_collectability_tier, 'summary', p_summary)));
  end if;
  if v_call.result is not null then
    return;
  end if;
  perform public.expect_scores(p_collectability_tier, p_collectability_score);
  v_case := public.find_court_case(p_case_id);
  update judgments.cases c
     set collectability_score = coalesce(p_collectability_score, c.collectability_score),
         collectability_tier = coalesce(p_collectability_tier, c.collectability_tier),
         summary = coalesce(nullif(btrim(p_summary), ''), c.summary), last_enriched_at = public.app_now()
   where c.org_id = v_case.org_id and c.case_id = p_case_id;
  -- The score is a fact of the judgment; a change queues the assignment of its tier.
  update public.core_judgments j set collectability_score = p_collectability_score
   where j.org_id = v_case.org_id and j.id = p_case_id and j.collectability_score is distinct from p_collectability_score
     and p_collectability_score is not null;
  perform public.end_rpc(v_call, null);
end;
$$;

create or replace function public.set_case_scores(
  p_case_id uuid, p_identity_score numeric, p_contactability_score numeric, p_asset_score numeric, p_recency_amount_score numeric,
  p_adverse_penalty numeric, p_collectability_score numeric, p_collectability_tier text)
returns void
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_call public.rpc_call;
  v_case judgments.cases;
begin
  if public.current_org_id() is not null then
    v_call := public.begin_rpc('set_case_scores', jsonb_strip_nulls(jsonb_build_object(
      'case_id', p_case_id, 'identity_score', p_identity_score, 'contactability_score', p_contactability_score, 'asset_score', p_asset_score,
      'recency_amount_score', p_recency_amount_score, 'adverse_penalty', p_adverse_penalty, 'collectability_score', p_collectability_score,
      'collectability_tier', p_collectability_tier)));
  end if;
  if v_call.result is not null then
    return;
  end if;
  perform public.expect_scores(p_collectability_tier, p_identity_score, p_contactability_score, p_asset_score, p_recency_amount_score,
                               p_adverse_penalty, p_collectability_score);
  v_case := public.find_court_case(p_case_id);
  update judgments.cases c
     set identity_score = p_identity_score, contactability_score = p_contactability_score, asset_score = p_asset_score,
         recency_amount_score = p_recency_amount_score, adverse_penalty = p_adverse_penalty,
         collectability_score = p_collectability_score, collectability_tier = p_collectability_tier, last_scored_at = public.app_now()
   where c.org_id = v_case.org_id and c.case_id = p_case_id;
  update public.core_judgments j set collectability_score = p_collectability_score
   where j.org_id = v_case.org_id and j.id = p_case_id and j.collectability_score is distinct from p_collectability_score
     and p_collectability_score is not null;
  perform public.end_rpc(v_call, null);
end;
$$;

create or replace function public.upsert_enrichment_bundle(bundle jsonb) returns jsonb
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_call public.rpc_call;
  v_case judgments.cases;
  v_item jsonb;
  v_part text;
  v_contacts int[];
  v_assets int[];
  v_signals int;
begin
  if bundle is null or jsonb_typeof(bundle) <> 'object' then
    raise sqlstate 'PT422' using message = 'an enrichment bundle is a JSON object', hint = 'give case_id, contacts and assets';
  end if;
  if public.current_org_id() is not null then
    v_call := public.begin_rpc('upsert_enrichment_bundle', bundle);
  end if;
  if v_call.result is not null then
    return v_call.result;
  end if;
  foreach v_part in array array['contacts', 'assets'] loop
    if jsonb_typeof(bundle -> v_part) not in ('array', 'null') then
      raise sqlstate 'PT422' using message = format('`%s` is not a list', v_part), detail = v_part;
    end if;
    for v_item in select i from jsonb_array_elements(coalesce(nullif(bundle -> v_part, 'null'), '[]')) i loop
      if jsonb_typeof(v_item) <> 'object' then
        raise sqlstate 'PT422' using message = format('an item of `%s` is not a JSON object', v_part), detail = v_part;
      end if;
      perform public.rpc_text(v_item, case v_part when 'contacts' then 'value' else 'name' end, true, 500),
              public.rpc_text(v_item, 'source', false, 100), public.rpc_object(v_item, 'metadata'),
              public.rpc_score(v_item, 'score'), public.rpc_score(v_item, 'confidence'), public.rpc_flag(v_item, 'is_valid');
      if coalesce(v_item ->> case v_part when 'contacts' then 'kind' else 'asset_type' end, '') !~ '^[a-z][a-z0-9_]{0,39}$' then
        raise sqlstate 'PT422' using message = format('an item of `%s` does not say what it is', v_part),
          detail = case v_part when 'contacts' then 'kind' else 'asset_type' end, hint = 'in lower case, such as phone or bank_account';
      end if;
    end loop;
  end loop;
  v_case := public.find_court_case(public.rpc_uuid(bundle, 'case_id', true));

  with given as (
    select distinct on (i ->> 'kind', btrim(i ->> 'value'), coalesce(nullif(btrim(i ->> 'source'), ''), 'unknown'))
           i ->> 'kind' as kind, btrim(i ->> 'value') as value, coalesce(nullif(btrim(i ->> 'source'), ''), 'unknown') as source,
           public.rpc_score(i, 'score') as score, (i ->> 'is_valid')::boolean as is_valid, public.rpc_object(i, 'metadata') as metadata
      from jsonb_array_elements(coalesce(nullif(bundle -> 'contacts', 'null'), '[]')) i
     order by i ->> 'kind', btrim(i ->> 'value'), coalesce(nullif(btrim(i ->> 'source'), ''), 'unknown'), public.rpc_score(i, 'score') desc nulls last
  ), written as (
    insert into enrichment.contacts as c (org_id, case_id, kind, value, source, score, is_valid, metadata)
    select v_case.org_id, v_case.case_id, g.kind, g.value, g.source, g.score, g.is_valid, g.metadata from given g
    on conflict (org_id, case_id, kind, value, source) do update
      set score = coalesce(excluded.score, c.score), is_valid = coalesce(excluded.is_valid, c.is_valid), metadata = c.metadata || excluded.metadata
    returning (xmax = 0) as is_new
  )
  select array[count(*) filter (where is_new), count(*) filter (where not is_new)] into v_contacts from written;

  with given as (
    select distinct on (i ->> 'asset_type', btrim(i ->> 'name'), coalesce(nullif(btrim(i ->> 'source'), ''), 'unknown'))
           i ->> 'asset_type' as asset_type, btrim(i ->> 'name') as name, coalesce(nullif(btrim(i ->> 'source'), ''), 'unknown') as source,
           public.rpc_score(i, 'confidence') as confidence, public.rpc_object(i, 'metadata') as metadata
      from jsonb_array_elements(coalesce(nullif(bundle -> 'assets', 'null'), '[]')) i
     order by i ->> 'asset_type', btrim(i ->> 'name'), coalesce(nullif(btrim(i ->> 'source'), ''), 'unknown'), public.rpc_score(i, 'confidence') desc nulls last
  ), written as (
    insert into enrichment.assets as a (org_id, case_id, asset_type, name, source, confidence, metadata)
    select v_case.org_id, v_case.case_id, g.asset_type, g.name, g.source, g.confidence, g.metadata from given g
    on conflict (org_id, case_id, asset_type, name, source) do update
      set confidence = coalesce(excluded.confidence, a.confidence), metadata = a.metadata || excluded.metadata
    returning (xmax = 0) as is_new
  )
  select array[count(*) filter (where is_new), count(*) filter (where not is_new)] into v_assets from written;

  -- Of each signal the surest one counts; a signal that the bundle does not name stays.
  with best as (
    select max(name) filter (where signal = 'employer') as employer_name, max(name) filter (where signal = 'bank') as bank_name,
           max(name) filter (where signal = 'real_property') as real_property_lead, max(name) filter (where signal = 'vehicle') as vehicle_lead
      from (select distinct on (s.signal) s.signal, btrim(i ->> 'name') as name
              from jsonb_array_elements(coalesce(nullif(bundle -> 'assets', 'null'), '[]')) i
             cross join lateral (select case
               when i ->> 'asset_type' in ('employer', 'employment', 'wages') then 'employer'
               when i ->> 'asset_type' in ('bank', 'bank_account') then 'bank'
               when i ->> 'asset_type' in ('real_property', 'real_estate', 'property') then 'real_property'
               when i ->> 'asset_type' in ('vehicle', 'car') then 'vehicle' end as signal) s
             where s.signal is not null
             order by s.signal, public.rpc_score(i, 'confidence') desc nulls last, btrim(i ->> 'name')) n
  )
  insert into public.debtor_intelligence as d (judgment_id, org_id, employer_name, bank_name, real_property_lead, vehicle_lead)
  select v_case.case_id, v_case.org_id, b.employer_name, b.bank_name, b.real_property_lead, b.vehicle_lead
    from best b
   where num_nonnulls(b.employer_name, b.bank_name, b.real_property_lead, b.vehicle_lead) > 0
  on conflict (org_id, judgment_id) do update
    set employer_name = coalesce(excluded.employer_name, d.employer_name), bank_name = coalesce(excluded.bank_name, d.bank_name),
        real_property_lead = coalesce(excluded.real_property_lead, d.real_property_lead),
        vehicle_lead = coalesce(excluded.vehicle_lead, d.vehicle_lead), last_updated = public.app_now();
  get diagnostics v_signals = row_count;
  update judgments.cases c set last_enriched_at = public.app_now() where c.org_id = v_case.org_id and c.case_id = v_case.case_id;
  return public.end_rpc(v_call, jsonb_build_object(
    'case_id', v_case.case_id, 'contacts_inserted', v_contacts[1], 'contacts_updated', v_contacts[2],
    'assets_inserted', v_assets[1], 'assets_updated', v_assets[2], 'has_signals', v_signals > 0));
end;
$$;

-- ---- work by queue ----
create or replace function public.apply_enrichment(p_payload jsonb) returns jsonb
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  -- A court case has the id of its judgment. An alert names both, and its case_id is an enforcement case.
  v_case_id uuid := coalesce(public.rpc_uuid(p_payload, 'judgment_id'), public.rpc_uuid(p_payload, 'case_id'));
  v_bundle jsonb := public.rpc_object(p_payload, 'bundle');
  v_scores jsonb := public.rpc_object(p_payload, 'scores');
  v_counts jsonb;
begin
  if v_case_id is null then
    raise sqlstate 'PT422' using message = 'the message names no case_id', detail = 'case_id';
  end if;
  if p_payload - array['case_id', 'judgment_id', 'event_id', 'event_kind'] = '{}' then
    perform public.find_judgment(public.current_org_id(), v_case_id);
    return '{"skipped": "no vendor has said anything"}';
  end if;
  if v_bundle = '{}' then
    v_bundle := jsonb_strip_nulls(jsonb_build_object('contacts', p_payload -> 'contacts', 'assets', p_payload -> 'assets'));
  end if;
  v_counts := public.upsert_enrichment_bundle(v_bundle || jsonb_build_object('case_id', v_case_id));
  if v_scores <> '{}' then
    perform public.set_case_scores(
      v_case_id, public.rpc_score(v_scores, 'identity_score'), public.rpc_score(v_scores, 'contactability_score'),
      public.rpc_score(v_scores, 'asset_score'), public.rpc_score(v_scores, 'recency_amount_score'),
      public.rpc_score(v_scores, 'adverse_penalty'), public.rpc_score(v_scores, 'collectability_score'),
      public.rpc_text(v_scores, 'collectability_tier'));
  end if;
  if p_payload ?| array['collectability_score', 'collectability_tier', 'summary'] then
    perform public.set_case_enrichment(v_case_id, public.rpc_score(p_payload, 'collectability_score'),
                                       public.rpc_text(p_payload, 'collectability_tier'), public.rpc_text(p_payload, 'summary'));
  end if;
  return v_counts;
end;
$$;

create or replace function public.pick_next_action(p_case_id uuid) returns jsonb
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('enforce', '{}', null, 'enforce');
  v_case public.enforcement_cases := public.job_case(p_case_id);
  v_tier int := coalesce(public.effective_tier(v_case), 0);
  v_kind text;
  v_title text;
  v_due_at timestamptz;
  v_after public.enforcement_cases;
begin
  if v_case.closed_at is not null then
    return '{"skipped": "the case is closed"}';
  end if;
  -- Until its ETA, or where nobody gave one until somebody says that it is over.
  if v_case.blocked_since is not null and coalesce(v_case.blocked_until > public.app_now(), true) then
    return '{"skipped": "the case is blocked"}';
  end if;
  v_due_at := public.app_now() + make_interval(days => (array[30, 7, 3, 1])[v_tier + 1]);
  select t.kind, t.title into v_kind, v_title
    from public.enforcement_stage_tasks t
   where t.stage = v_case.current_stage and t.kind <> 'call'
   order by t.due_days, t.kind limit 1;
  if v_case.current_stage = 'action_planning' then
    -- The surest way to money first: wages go on, an account is soon empty, a vehicle costs more than it brings.
    select c.kind, c.title into v_kind, v_title
      from (values (1, 'employer', 'prepare_garnishment', 'Prepare the garnishment of wages'),
                   (2, 'bank', 'prepare_levy', 'Prepare the levy on the bank account'),
                   (3, 'real_property', 'prepare_lien', 'Prepare the lien on the property'),
                   (4, 'vehicle', 'prepare_execution', 'Prepare the execution by a marshal'),
                   (5, null, 'prepare_subpoena', 'Prepare an information subpoena: no asset is known')) as c (place, flag, kind, title)
     where c.flag is null or (v_case.asset_flags ->> c.flag)::boolean
     order by c.place limit 1;
  end if;
  if v_tier > 0 and v_kind is not null then
    insert into public.plaintiff_tasks
      (org_id, plaintiff_id, enforcement_case_id, kind, title, stage, priority, due_at, created_by)
    values (v_call.org_id, v_case.plaintiff_id, v_case.id, v_kind, v_title, v_case.current_stage, v_tier, v_due_at, v_call.actor)
    on conflict (org_id, enforcement_case_id, kind) where status = 'open' and enforcement_case_id is not null do update
      -- What is open already becomes more urgent, never less.
      set due_at = least(plaintiff_tasks.due_at, excluded.due_at), priority = excluded.priority;
  end if;
  -- What is due is brought nearer by a higher tier, never put off: neither what lies ahead nor what was due before now.
  update public.enforcement_cases c
     set next_action_at = least(c.next_action_at, v_due_at)
   where c.org_id = v_call.org_id and c.id = v_case.id
  returning * into v_after;
  if v_after.next_action_at is distinct from v_case.next_action_at then
    perform public.write_history(v_call, v_case.id, 'next_action_picked',
      public.case_delta(v_case, v_after) || jsonb_strip_nulls(jsonb_build_object('task', case when v_tier > 0 then v_kind end)));
  end if;
  return jsonb_build_object('next_action_at', v_after.next_action_at, 'task', case when v_tier > 0 then v_kind end);
end;
$$;

-- Locks nothing: whoever writes the brief may take minutes over it.
create or replace function public.case_copilot_facts(p_case_id uuid) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_case public.enforcement_cases;
begin
  if p_case_id is null then
    raise sqlstate 'PT422' using message = 'the message names no case_id', detail = 'case_id';
  end if;
  select * into v_case from public.enforcement_cases c where c.org_id = public.current_org_id() and c.id = p_case_id;
  if not found then
    raise sqlstate 'PT404' using message = 'enforcement case not found';
  end if;
  return (
    select jsonb_build_object(
      'case_number', j.case_number, 'court', j.court, 'plaintiff', p.name, 'defendant', j.defendant_name,
      'judgment_amount', j.judgment_amount::text, 'balance', coalesce(j.balance_due, v_case.current_balance)::text,
      'judgment_date', j.judgment_date, 'status', j.status, 'collectability_score', j.collectability_score::text,
      'tier', public.effective_tier(v_case), 'computed_tier', public.tier_number(v_case.tier), 'tier_reason', v_case.tier_reason,
      'override_note', case when v_case.override_expires_at > public.app_now() then v_case.override_note end,
      'override_expires_at', case when v_case.override_expires_at > public.app_now() then v_case.override_expires_at end,
      'stage', v_case.current_stage, 'days_in_stage', public.days_since(v_case.stage_entered_at),
      'sla_days', public.stage_sla_days(v_case.org_id, v_case.current_stage), 'next_action_at', v_case.next_action_at,
      'is_past_due', coalesce(v_case.next_action_at < public.app_now(), false), 'is_closed', v_case.closed_at is not null,
      'is_blocked', v_case.blocked_since is not null, 'blocked_until', v_case.blocked_until,
      'assets', to_jsonb(public.asset_signal_names(j.asset_signals)),
      'recovered', (select coalesce(sum(y.amount), 0)::text from public.enforcement_payments y
                     where y.org_id = v_case.org_id and y.judgment_id = v_case.judgment_id),
      'actions', (select coalesce(jsonb_agg(jsonb_build_object('type', a.action_type, 'status', a.status, 'opened_at', a.opened_at,
                                                               'has_document', exists (select from public.enforcement_documents d
                                                                                        where d.org_id = a.org_id and d.action_id = a.id))
                                            order by a.opened_at desc), '[]')
                    from public.enforcement_actions a where a.org_id = v_case.org_id and a.enforcement_case_id = v_case.id),
      'tasks', (select coalesce(jsonb_agg(jsonb_build_object('title', t.title, 'due_at', t.due_at) order by t.due_at, t.id), '[]')
                  from public.plaintiff_tasks t
                 where t.org_id = v_case.org_id and t.enforcement_case_id = v_case.id and t.status = 'open'),
      'timeline', (select coalesce(jsonb_agg(jsonb_build_object('at', e.occurred_at, 'kind', e.event_kind, 'actor', e.actor, 'note', e.note)
                                             order by e.occurred_at desc, e.event_no desc), '[]')
                     from (select * from public.enforcement_events e
                            where e.org_id = v_case.org_id and e.enforcement_case_id = v_case.id
                            order by e.occurred_at desc, e.event_no desc limit 20) e))
      from public.core_judgments j join public.plaintiffs p on p.org_id = j.org_id and p.id = j.plaintiff_id
     where j.org_id = v_case.org_id and j.id = v_case.judgment_id);
end;
$$;

-- ---- many cases at once ----
create or replace function public.refresh_case_metrics(p_org_id uuid) returns bigint
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_changed bigint;
begin
  -- Judgments before cases, and in the order in which refreshes lock them: neither waits for the other in a circle.
  perform from public.core_judgments j
    where j.org_id = p_org_id and j.id in (
      select c.judgment_id from public.enforcement_cases c
       where c.org_id = p_org_id and c.closed_at is null and c.tier_override is not null and c.override_expires_at <= public.app_now()
      union
      select c.judgment_id from public.enforcement_cases c
       where c.org_id = p_org_id and c.closed_at is null and c.next_action_at is null)
    order by j.judgment_no for no key update;
  with expired as (
    select c.id, c.tier_override, c.override_expires_at, c.override_note
      from public.enforcement_cases c
     where c.org_id = p_org_id and c.closed_at is null and c.tier_override is not null and c.override_expires_at <= public.app_now()
     order by c.id
       for no key update
  ), cleared as (
    update public.enforcement_cases c
       set tier_override = null, override_expires_at = null, override_note = null, override_set_at = null
      from expired e
     where c.id = e.id
    returning c.id
  ), missing as (
    select c.id, c.stage_entered_at + make_interval(days => coalesce(s.sla_days, l.sla_days)) as next_action_at
      from public.enforcement_cases c
      join public.enforcement_stage_lookup l on l.stage = c.current_stage
      left join public.enforcement_stage_settings s on s.org_id = c.org_id and s.stage = c.current_stage
     where c.org_id = p_org_id and c.closed_at is null and c.next_action_at is null and coalesce(s.sla_days, l.sla_days) is not null
       -- A row is changed once in a statement; tomorrow comes too.
       and not exists (select from expired e where e.id = c.id)
     order by c.id
       for no key update of c
  ), dated as (
    update public.enforcement_cases c set next_action_at = m.next_action_at
      from missing m
     where c.id = m.id
    returning c.id, c.next_action_at
  ), history as (
    insert into public.enforcement_history (org_id, enforcement_case_id, action, delta, note, actor, actor_type)
    select p_org_id, e.id, 'override_expired', jsonb_build_object('tier_override', jsonb_build_array(e.tier_override, null)), e.override_note, 'nightly', 'automation'
      from expired e join cleared using (id)
    union all
    select p_org_id, d.id, 'next_action_set', jsonb_build_object('next_action_at', jsonb_build_array(null, d.next_action_at)), null, 'nightly', 'automation'
      from dated d
    returning 1
  )
  select count(*) into v_changed from history;
  return v_changed;
end;
$$;

create or replace function public.apply_case_plan(p_plan_id uuid, p_limit int) returns bigint
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call;
  v_plan public.case_plans;
  v_item record;
  v_case public.enforcement_cases;
  v_payload jsonb;
  v_state public.case_plan_item_state;
  v_reason text;
  v_left bigint;
begin
  -- Each case is changed by a call of its own, for which the plan is the guard against doing it twice.
  perform set_config('dragonfly.request_id', '', true);
  v_call := public.begin_rpc('apply_case_plan', '{}');
  -- Whoever applies the same plan takes turns.
  select * into v_plan from public.case_plans p where p.org_id = v_call.org_id and p.id = p_plan_id for no key update;
  if not found then
    raise sqlstate 'PT404' using message = 'plan not found';
  end if;
  if v_plan.state = 'cancelled' then
    raise sqlstate 'PT409' using message = 'the plan was cancelled', hint = 'make a new plan';
  end if;
  -- Judgments before cases, and in the order in which refreshes lock them: neither waits for the other in a circle.
  perform from public.core_judgments j
    where j.org_id = v_call.org_id and j.id in (
      select c.judgment_id
        from (select i.case_id from public.case_plan_items i
               where i.org_id = v_call.org_id and i.plan_id = v_plan.id and i.state = 'ready'
               order by i.case_id
               limit p_limit) n
        join public.enforcement_cases c on c.org_id = v_call.org_id and c.id = n.case_id)
    order by j.judgment_no for no key update;
  for v_item in
    select i.case_id, i.arguments, i.seen_updated_at from public.case_plan_items i
     where i.org_id = v_call.org_id and i.plan_id = v_plan.id and i.state = 'ready'
     order by i.case_id
     limit p_limit
  loop
    select * into v_case from public.enforcement_cases c where c.org_id = v_call.org_id and c.id = v_item.case_id for no key update;
    v_state := 'applied';
    v_reason := null;
    if v_case.updated_at <> v_item.seen_updated_at then
      v_state := 'changed';
      v_reason := case when v_case.closed_at is not null then 'it was closed meanwhile' else 'it was changed meanwhile' end;
    else
      v_payload := jsonb_build_object('case_id', v_item.case_id) || v_item.arguments
        || case when v_plan.change ->> 'note' is null then '{}' else jsonb_build_object('note', v_plan.change ->> 'note') end;
      begin
        case v_plan.change ->> 'kind'
          when 'assign_owner' then perform public.assign_enforcement_case(v_payload);
          when 'move_stage' then
            perform public.set_enforcement_stage(v_payload || jsonb_build_object(
              'stage', v_plan.change ->> 'stage', 'expected_stage', v_case.current_stage, 'override', public.rpc_flag(v_plan.change, 'override')));
          when 'set_next_action' then
            perform public.set_next_action(v_payload || jsonb_build_object('next_action_at', v_plan.change ->> 'next_action_at'));
        end case;
      exception when sqlstate 'PT404' or sqlstate 'PT409' or sqlstate 'PT422' then
        v_state := 'refused';
        v_reason := sqlerrm;
      end;
    end if;
    update public.case_plan_items i set state = v_state, reason = v_reason, ended_at = public.app_now()
     where i.org_id = v_call.org_id and i.plan_id = v_plan.id and i.case_id = v_item.case_id;
  end loop;
  select count(*) into v_left from public.case_plan_items i
   where i.org_id = v_call.org_id and i.plan_id = v_plan.id and i.state = 'ready';
  update public.case_plans p
     set state = case v_left when 0 then 'done' else 'applying' end::public.case_plan_state,
         ended_at = case v_left when 0 then coalesce(p.ended_at, public.app_now()) end
   where p.org_id = v_call.org_id and p.id = v_plan.id;
  return v_left;
end;
$$;

-- ---- open consoles ----
-- For each row, with the text that notify_live makes: a transition table and a query of it cost more than the row that was written.
-- What is notified twice in a transaction is sent once. Who notifies past notify_live needs no rights, so this is no definer.
create function public.tg_case_row_live() returns trigger
language plpgsql
as $$
begin
  perform pg_notify('dragonfly_live', '{"event": {"kind": "cases"}, "org_id": "' || new.org_id || '"}');
  return null;
end;
$$;
drop trigger tell_consoles on public.enforcement_events;
create trigger tell_consoles after insert on public.enforcement_events
  for each row execute function public.tg_case_row_live();
drop trigger tell_consoles on public.enforcement_history;
create trigger tell_consoles after insert on public.enforcement_history
  for each row execute function public.tg_case_row_live();
drop trigger tell_consoles_of_new on public.plaintiff_tasks;
create trigger tell_consoles_of_new after insert on public.plaintiff_tasks
  for each row execute function public.tg_case_row_live();

-- ---- rows ----
-- Open cases whose judgment got another plaintiff before the trigger was there.
update public.enforcement_cases c set plaintiff_id = j.plaintiff_id
  from public.core_judgments j
 where j.org_id = c.org_id and j.id = c.judgment_id and c.closed_at is null and c.plaintiff_id is distinct from j.plaintiff_id;
update public.plaintiff_tasks t set status = 'cancelled', closed_at = public.app_now(), closed_by = 'automation'
  from public.enforcement_cases c
  join public.plaintiffs p on p.org_id = c.org_id and p.id = c.plaintiff_id and p.status = 'do_not_call'
 where c.org_id = t.org_id and c.id = t.enforcement_case_id and c.closed_at is null and t.status = 'open' and t.kind = 'call'
   and t.plaintiff_id <> c.plaintiff_id;
update public.plaintiff_tasks t set plaintiff_id = c.plaintiff_id
  from public.enforcement_cases c
 where c.org_id = t.org_id and c.id = t.enforcement_case_id and c.closed_at is null and t.status = 'open'
   and t.plaintiff_id <> c.plaintiff_id;

-- ---- grants ----
revoke execute on all functions in schema public from public;
-- The server reads times among the arguments of functions with these. Their own arguments begin with p_, so nobody calls them over HTTP.
grant execute on function public.rpc_text(jsonb, text, boolean, int), public.rpc_instant(jsonb, text, boolean) to authenticated;
