-- The functions of those who talk to plaintiffs: calls and what came of them, statuses, contacts, tasks, priorities.

-- ---- functions ----
create function public.call_status(p_outcome text, p_interest text) returns text
language sql immutable parallel safe
return case when p_outcome = 'reached' and p_interest in ('hot', 'warm', 'cold') then 'reached_' || p_interest
            when p_outcome = 'reached' and p_interest = 'none' then 'reached_cold'
            else p_outcome end;
comment on function public.call_status(text, text) is 'The status of a plaintiff that a call amounts to';

create function public.set_status_of_plaintiff(p_call public.rpc_call, p_plaintiff public.plaintiffs, p_status text, p_note text) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  update public.plaintiffs p set status = p_status, status_changed_at = public.app_now()
   where p.org_id = p_call.org_id and p.id = p_plaintiff.id;
  insert into public.plaintiff_status_history (org_id, plaintiff_id, previous_status, status, note, actor, actor_id)
  values (p_call.org_id, p_plaintiff.id, p_plaintiff.status, p_status, p_note, p_call.actor, p_call.actor_id);
end;
$$;

create function public.find_plaintiff(p_org_id uuid, p_plaintiff_id uuid) returns public.plaintiffs
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_plaintiff public.plaintiffs;
begin
  select * into v_plaintiff from public.plaintiffs p where p.org_id = p_org_id and p.id = p_plaintiff_id for no key update;
  if not found then
    raise sqlstate 'PT404' using message = 'plaintiff not found';
  end if;
  return v_plaintiff;
end;
$$;
comment on function public.find_plaintiff(uuid, uuid) is 'Locks a plaintiff';

create function public.log_call_outcome(
  plaintiff_id uuid, task_id uuid, outcome text, interest text default null, notes text default null, follow_up_at timestamptz default null)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  v_call public.rpc_call := public.begin_rpc('log_call_outcome', jsonb_strip_nulls(jsonb_build_object(
    'plaintiff_id', log_call_outcome.plaintiff_id, 'task_id', log_call_outcome.task_id, 'outcome', log_call_outcome.outcome,
    'interest', log_call_outcome.interest, 'notes', log_call_outcome.notes, 'follow_up_at', log_call_outcome.follow_up_at)));
  v_said text := replace(replace(lower(btrim(coalesce(log_call_outcome.outcome, ''))), ' ', '_'), '-', '_');
  v_interest text := nullif(lower(btrim(coalesce(log_call_outcome.interest, ''))), '');
  v_notes text := nullif(btrim(left(log_call_outcome.notes, 4000)), '');
  v_outcome text;
  v_status text;
  v_is_terminal boolean;
  v_plaintiff public.plaintiffs;
  v_task public.plaintiff_tasks;
  v_follow_up_id uuid;
  v_cancelled bigint := 0;
  v_attempt_id uuid;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  if v_said ~ '^reached_(hot|warm|cold)$' then
    v_interest := coalesce(v_interest, substr(v_said, 9));
    v_said := 'reached';
  end if;
  v_outcome := case
    when v_said in ('reached', 'answered', 'spoke', 'contacted') then 'reached'
    when v_said in ('left_voicemail', 'voicemail') then 'left_voicemail'
    when v_said in ('no_answer', 'busy') then 'no_answer'
    when v_said in ('bad_number', 'wrong_number', 'disconnected') then 'bad_number'
    when v_said in ('do_not_call', 'dnc') then 'do_not_call' end;
  if v_outcome is null then
    raise sqlstate 'PT422' using message = format('unknown outcome `%s`', left(log_call_outcome.outcome, 60)), detail = 'outcome',
      hint = 'known are reached, left_voicemail, no_answer, bad_number, do_not_call';
  end if;
  if v_interest not in ('hot', 'warm', 'cold', 'none') then
    raise sqlstate 'PT422' using message = format('unknown interest `%s`', left(v_interest, 60)), detail = 'interest',
      hint = 'known are hot, warm, cold, none';
  end if;
  v_status := public.call_status(v_outcome, v_interest);
  v_is_terminal := v_outcome in ('do_not_call', 'bad_number');
  if log_call_outcome.follow_up_at <= public.app_now() and not v_is_terminal then
    raise sqlstate 'PT422' using message = 'the follow-up lies in the past', detail = 'follow_up_at';
  end if;

  v_plaintiff := public.find_plaintiff(v_call.org_id, log_call_outcome.plaintiff_id);
  select * into v_task from public.plaintiff_tasks t where t.org_id = v_call.org_id and t.id = log_call_outcome.task_id for update;
  if not found then
    raise sqlstate 'PT404' using message = 'task not found';
  end if;
  if v_task.plaintiff_id <> v_plaintiff.id then
    raise sqlstate 'PT422' using message = 'the task is not the plaintiff''s', detail = 'task_id';
  end if;
  if v_task.kind <> 'call' then
    raise sqlstate 'PT422' using message = format('the task is no call but `%s`', v_task.kind), detail = 'task_id';
  end if;
  if v_task.status <> 'open' then
    raise sqlstate 'PT409' using message = format('the task is already %s', v_task.status);
  end if;

  update public.plaintiff_tasks t
     set status = 'completed', closed_at = public.app_now(), closed_by = v_call.actor,
         metadata = t.metadata || jsonb_strip_nulls(jsonb_build_object('outcome', v_outcome, 'interest', v_interest, 'status', v_status))
   where t.id = v_task.id;
  perform public.set_status_of_plaintiff(v_call, v_plaintiff, v_status, v_notes);
  if v_outcome = 'do_not_call' then
    update public.plaintiff_tasks t
       set status = 'cancelled', closed_at = public.app_now(), closed_by = v_call.actor
     where t.org_id = v_call.org_id and t.plaintiff_id = v_plaintiff.id and t.kind = 'call' and t.status = 'open';
    get diagnostics v_cancelled = row_count;
  end if;
  if not v_is_terminal and log_call_outcome.follow_up_at is not null then
    insert into public.plaintiff_tasks
      (org_id, plaintiff_id, enforcement_case_id, kind, title, priority, due_at, metadata, created_by)
    values (v_call.org_id, v_plaintiff.id, v_task.enforcement_case_id, 'call', v_task.title, v_task.priority,
            log_call_outcome.follow_up_at, jsonb_build_object('follows', v_task.id), v_call.actor)
    returning id into v_follow_up_id;
  end if;
  insert into public.plaintiff_call_attempts
    (org_id, plaintiff_id, task_id, outcome, interest, status, notes, follow_up_at, follow_up_task_id, called_by, called_by_id)
  values (v_call.org_id, v_plaintiff.id, v_task.id, v_outcome, v_interest, v_status, v_notes,
          case when v_follow_up_id is not null then log_call_outcome.follow_up_at end, v_follow_up_id, v_call.actor, v_call.actor_id)
  returning id into v_attempt_id;
  if v_task.enforcement_case_id is not null then
    perform public.write_history(v_call, v_task.enforcement_case_id, 'call_logged',
      jsonb_build_object('plaintiff_status', jsonb_build_array(v_plaintiff.status, v_status)), v_notes);
  end if;
  return public.end_rpc(v_call, jsonb_build_object(
    'attempt_id', v_attempt_id, 'plaintiff_id', v_plaintiff.id, 'task_id', v_task.id, 'outcome', v_outcome, 'interest', v_interest,
    'status', v_status, 'is_terminal', v_is_terminal, 'follow_up_task_id', v_follow_up_id,
    'follow_up_at', case when v_follow_up_id is not null then log_call_outcome.follow_up_at end, 'cancelled_tasks', v_cancelled));
end;
$$;
-- A definer, as all functions below: people write no table of plaintiffs but by a function, which checks what it writes.
alter function public.log_call_outcome(uuid, uuid, text, text, text, timestamptz) owner to service_role;
comment on function public.log_call_outcome(uuid, uuid, text, text, text, timestamptz) is
  'Records a call: the attempt, the end of its task, the plaintiff''s status and, unless the outcome ends all calls, the next call';

create function public.set_plaintiff_status(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('set_plaintiff_status', payload, array['plaintiff_id', 'status', 'note', 'actor'], payload ->> 'actor');
  v_status text;
  v_plaintiff public.plaintiffs;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_status := public.rpc_choice(payload, 'status', array['new', 'contacted', 'qualified', 'sent_agreement', 'signed', 'lost', 'do_not_call'], true);
  v_plaintiff := public.find_plaintiff(v_call.org_id, public.rpc_uuid(payload, 'plaintiff_id', true));
  if v_plaintiff.status = v_status then
    raise sqlstate 'PT409' using message = format('the plaintiff''s status is %s already', v_status);
  end if;
  perform public.set_status_of_plaintiff(v_call, v_plaintiff, v_status, public.rpc_text(payload, 'note'));
  if v_status = 'do_not_call' then
    update public.plaintiff_tasks t set status = 'cancelled', closed_at = public.app_now(), closed_by = v_call.actor
     where t.org_id = v_call.org_id and t.plaintiff_id = v_plaintiff.id and t.kind = 'call' and t.status = 'open';
  end if;
  return public.end_rpc(v_call, jsonb_build_object('plaintiff_id', v_plaintiff.id, 'previous_status', v_plaintiff.status, 'status', v_status));
end;
$$;
alter function public.set_plaintiff_status(jsonb) owner to service_role;

create function public.put_plaintiff_contact(payload jsonb) returns uuid
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('put_plaintiff_contact', payload,
    array['contact_id', 'plaintiff_id', 'name', 'role', 'email', 'phone', 'is_primary', 'actor'], payload ->> 'actor');
  v_plaintiff public.plaintiffs;
  v_id uuid;
  v_is_primary boolean;
begin
  if v_call.result is not null then
    return (v_call.result #>> '{}')::uuid;
  end if;
  v_id := public.rpc_uuid(payload, 'contact_id');
  v_is_primary := public.rpc_flag(payload, 'is_primary');
  v_plaintiff := public.find_plaintiff(v_call.org_id, public.rpc_uuid(payload, 'plaintiff_id', true));
  if v_is_primary then
    update public.plaintiff_contacts c set is_primary = false
     where c.org_id = v_call.org_id and c.plaintiff_id = v_plaintiff.id and c.is_primary and c.id is distinct from v_id;
  end if;
  if v_id is null then
    insert into public.plaintiff_contacts (org_id, plaintiff_id, name, role, email, phone, is_primary)
    values (v_call.org_id, v_plaintiff.id, public.rpc_text(payload, 'name', true, 200), public.rpc_text(payload, 'role', false, 100),
            public.rpc_text(payload, 'email', false, 300), public.rpc_text(payload, 'phone', false, 60), v_is_primary)
    returning id into v_id;
  else
    update public.plaintiff_contacts c
       set name = public.rpc_text(payload, 'name', true, 200), role = public.rpc_text(payload, 'role', false, 100),
           email = public.rpc_text(payload, 'email', false, 300), phone = public.rpc_text(payload, 'phone', false, 60),
           is_primary = v_is_primary
     where c.org_id = v_call.org_id and c.plaintiff_id = v_plaintiff.id and c.id = v_id;
    if not found then
      raise sqlstate 'PT404' using message = 'the plaintiff has no such contact';
    end if;
  end if;
  return (public.end_rpc(v_call, to_jsonb(v_id)) #>> '{}')::uuid;
end;
$$;
alter function public.put_plaintiff_contact(jsonb) owner to service_role;
comment on function public.put_plaintiff_contact(jsonb) is 'Adds a contact of a plaintiff, or with contact_id rewrites one; answers its id';

create function public.close_plaintiff_task(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('close_plaintiff_task', payload, array['task_id', 'status', 'note', 'actor'], payload ->> 'actor');
  v_status text;
  v_task public.plaintiff_tasks;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_status := coalesce(public.rpc_choice(payload, 'status', array['completed', 'cancelled']), 'completed');
  select * into v_task from public.plaintiff_tasks t
   where t.org_id = v_call.org_id and t.id = public.rpc_uuid(payload, 'task_id', true) for update;
  if not found then
    raise sqlstate 'PT404' using message = 'task not found';
  end if;
  if v_task.status <> 'open' then
    raise sqlstate 'PT409' using message = format('the task is already %s', v_task.status);
  end if;
  if v_task.kind = 'call' and v_status = 'completed' then
    raise sqlstate 'PT422' using message = 'a call is completed with its outcome', detail = 'status', hint = 'call log_call_outcome';
  end if;
  update public.plaintiff_tasks t
     set status = v_status, closed_at = public.app_now(), closed_by = v_call.actor, note = coalesce(public.rpc_text(payload, 'note'), t.note)
   where t.id = v_task.id
  returning * into v_task;
  if v_task.enforcement_case_id is not null then
    perform public.write_history(v_call, v_task.enforcement_case_id, 'task_closed',
      jsonb_build_object(v_task.kind, jsonb_build_array('open', v_status)), public.rpc_text(payload, 'note'));
  end if;
  return public.end_rpc(v_call, to_jsonb(v_task));
end;
$$;
alter function public.close_plaintiff_task(jsonb) owner to service_role;
comment on function public.close_plaintiff_task(jsonb) is 'Ends a task that is no call';

create function public.set_judgment_priority(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('set_judgment_priority', payload, array['judgment_id', 'priority_level', 'note', 'actor'], payload ->> 'actor');
  v_level text;
  v_judgment public.core_judgments;
  v_case_id uuid;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_level := public.rpc_choice(payload, 'priority_level', array['urgent', 'high', 'normal', 'low', 'on_hold'], true);
  v_judgment := public.find_judgment(v_call.org_id, public.rpc_uuid(payload, 'judgment_id', true));
  update public.core_judgments j set priority_level = v_level where j.org_id = v_call.org_id and j.id = v_judgment.id;
  select c.id into v_case_id from public.enforcement_cases c
   where c.org_id = v_call.org_id and c.judgment_id = v_judgment.id and c.closed_at is null;
  if found then
    perform public.write_history(v_call, v_case_id, 'priority_set',
      jsonb_build_object('priority_level', jsonb_build_array(v_judgment.priority_level, v_level)), public.rpc_text(payload, 'note'));
  end if;
  return public.end_rpc(v_call, jsonb_build_object('judgment_id', v_judgment.id, 'previous', v_judgment.priority_level, 'priority_level', v_level));
end;
$$;
alter function public.set_judgment_priority(jsonb) owner to service_role;
comment on function public.set_judgment_priority(jsonb) is 'Says how much a judgment matters, beside its computed tier; v_priority_pipeline goes by it';

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant execute on function public.call_status(text, text), public.find_plaintiff(uuid, uuid),
                          public.set_status_of_plaintiff(public.rpc_call, public.plaintiffs, text, text) to service_role;
grant execute on function public.log_call_outcome(uuid, uuid, text, text, text, timestamptz) to authenticated, service_role;
grant execute on function public.set_plaintiff_status(jsonb), public.put_plaintiff_contact(jsonb), public.close_plaintiff_task(jsonb),
                          public.set_judgment_priority(jsonb) to enforcement_operator, service_role;
