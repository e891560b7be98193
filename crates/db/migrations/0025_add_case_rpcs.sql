-- The functions that open, move, override, assign and close cases and write down what happens to them.
-- Locks are taken in the order judgment, case, action, task: whoever needs two of them takes the earlier one first.

-- ---- functions ----
create function public.case_json(p_case public.enforcement_cases) returns jsonb
language plpgsql stable
as $$
begin
  return to_jsonb(p_case) || jsonb_build_object('current_balance', p_case.current_balance::text,
                                                'collectability_score', p_case.collectability_score::text,
                                                'effective_tier', public.effective_tier_text(p_case.tier, p_case.tier_override, p_case.override_expires_at));
end;
$$;
comment on function public.case_json(public.enforcement_cases) is 'A case as functions answer it: money and scores are texts';

create function public.case_delta(p_before public.enforcement_cases, p_after public.enforcement_cases) returns jsonb
language plpgsql stable
as $$
begin
  if p_before = p_after then
    return '{}';
  end if;
  return public.json_delta(public.case_json(p_before), public.case_json(p_after)) - 'stage_entered_at';
end;
$$;

create function public.find_judgment(p_org_id uuid, p_judgment_id uuid) returns public.core_judgments
language plpgsql volatile security invoker
as $$
declare
  v_judgment public.core_judgments;
begin
  select * into v_judgment from public.core_judgments where org_id = p_org_id and id = p_judgment_id for no key update;
  if not found then
    raise sqlstate 'PT404' using message = 'judgment not found';
  end if;
  return v_judgment;
end;
$$;
comment on function public.find_judgment(uuid, uuid) is 'Locks a judgment';

create function public.find_case(p_org_id uuid, p_case_id uuid, p_may_be_closed boolean default false) returns public.enforcement_cases
language plpgsql volatile security invoker
as $$
declare
  v_case public.enforcement_cases;
begin
  select * into v_case from public.enforcement_cases where org_id = p_org_id and id = p_case_id for no key update;
  if not found then
    raise sqlstate 'PT404' using message = 'enforcement case not found';
  end if;
  if v_case.closed_at is not null and not p_may_be_closed then
    raise sqlstate 'PT409' using message = 'the case is closed', hint = 'open a new case on the judgment';
  end if;
  return v_case;
end;
$$;
comment on function public.find_case(uuid, uuid, boolean) is 'Locks a case that is open';

create function public.write_history(p_call public.rpc_call, p_case_id uuid, p_action text, p_delta jsonb, p_note text default null) returns void
language plpgsql volatile security invoker
as $$
begin
  insert into public.enforcement_history (org_id, enforcement_case_id, action, delta, note, actor, actor_id, actor_type, rpc)
  values (p_call.org_id, p_case_id, p_action, p_delta, p_note, p_call.actor, p_call.actor_id, p_call.actor_type, p_call.rpc);
end;
$$;

create function public.put_document(
  p_call public.rpc_call, p_case_id uuid, p_doc_kind text, p_storage_path text, p_event_id uuid default null,
  p_action_id uuid default null, p_metadata jsonb default '{}')
returns uuid
language plpgsql volatile security invoker
as $$
declare
  v_id uuid;
begin
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
comment on function public.put_document(public.rpc_call, uuid, text, text, uuid, uuid, jsonb) is
  'Notes a document of a case, once for each place where it is stored; what it vouches for first stays';

create function public.close_task(p_call public.rpc_call, p_case public.enforcement_cases, p_task_id uuid) returns void
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
  update public.plaintiff_tasks t set status = 'completed', closed_at = public.app_now(), closed_by = p_call.actor
   where t.org_id = p_call.org_id and t.id = p_task_id;
end;
$$;

create function public.write_event(
  p_call public.rpc_call, p_case public.enforcement_cases, p_kind public.enforcement_event_kind, p_payload jsonb,
  p_document_path text default null, p_note text default null, p_occurred_at timestamptz default null,
  p_task_id uuid default null, p_action_id uuid default null)
returns uuid
language plpgsql volatile security invoker
as $$
declare
  v_id uuid := gen_random_uuid();
begin
  if p_document_path is null and (select k.needs_document from public.enforcement_event_kind_lookup k where k.event_kind = p_kind) then
    raise sqlstate 'PT422' using message = format('an event `%s` needs a document', p_kind), detail = 'document_path',
      hint = 'upload the document and say where it is stored in document_path';
  end if;
  if p_occurred_at > public.app_now() then
    raise sqlstate 'PT422' using message = 'an event cannot lie in the future', detail = 'occurred_at';
  end if;
  if p_task_id is not null then
    perform public.close_task(p_call, p_case, p_task_id);
  end if;
  insert into public.enforcement_events
    (id, org_id, enforcement_case_id, judgment_id, event_kind, occurred_at, document_path, related_task_id, payload, note,
     actor, actor_id, actor_type, rpc)
  values (v_id, p_call.org_id, p_case.id, p_case.judgment_id, p_kind, coalesce(p_occurred_at, public.app_now()), p_document_path,
          p_task_id, p_payload, p_note, p_call.actor, p_call.actor_id, p_call.actor_type, p_call.rpc);
  if p_document_path is not null then
    perform public.put_document(p_call, p_case.id, p_kind::text, p_document_path, v_id, p_action_id);
  end if;
  return v_id;
end;
$$;
comment on function public.write_event(public.rpc_call, public.enforcement_cases, public.enforcement_event_kind, jsonb, text, text, timestamptz, uuid, uuid) is
  'Writes an event of a locked case with the document that it needs, and closes the task that it ends';

create function public.create_stage_tasks(p_call public.rpc_call, p_case public.enforcement_cases) returns bigint
language plpgsql volatile security invoker
as $$
declare
  v_tasks bigint;
begin
  insert into public.plaintiff_tasks
    (org_id, plaintiff_id, enforcement_case_id, kind, title, stage, priority, due_at, created_by)
  select p_call.org_id, p_case.plaintiff_id, p_case.id, t.kind, t.title, t.stage, coalesce(public.effective_tier(p_case), 0),
         public.app_now() + make_interval(days => t.due_days), p_call.actor
    from public.enforcement_stage_tasks t
   where t.stage = p_case.current_stage
     -- Who does not want to be called is not.
     and not (t.kind = 'call' and exists (select from public.plaintiffs p
                                           where p.org_id = p_call.org_id and p.id = p_case.plaintiff_id and p.status = 'do_not_call'))
  on conflict do nothing;
  get diagnostics v_tasks = row_count;
  return v_tasks;
end;
$$;

create function public.open_enforcement_case(payload jsonb) returns uuid
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('open_enforcement_case', payload,
    array['judgment_id', 'plaintiff_id', 'tier', 'collectability_score', 'created_by', 'notes'], payload ->> 'created_by');
  v_tier text;
  v_judgment public.core_judgments;
  v_plaintiff_id uuid;
  v_case public.enforcement_cases;
begin
  if v_call.result is not null then
    return (v_call.result #>> '{}')::uuid;
  end if;
  v_tier := public.rpc_choice(payload, 'tier', array['tier0', 'tier1', 'tier2', 'tier3']);
  v_plaintiff_id := public.rpc_uuid(payload, 'plaintiff_id');
  v_judgment := public.find_judgment(v_call.org_id, public.rpc_uuid(payload, 'judgment_id', true));
  if public.is_closed_status(v_judgment.status) then
    raise sqlstate 'PT409' using message = format('the judgment is %s', v_judgment.status), hint = 'only judgments that are still open are enforced';
  end if;
  if exists (select from public.enforcement_cases c
              where c.org_id = v_call.org_id and c.judgment_id = v_judgment.id and c.closed_at is null) then
    raise sqlstate 'PT409' using message = 'the judgment has an open case already', hint = 'work that case, or close it first';
  end if;
  if v_plaintiff_id <> v_judgment.plaintiff_id then
    if not exists (select from public.plaintiffs p where p.org_id = v_call.org_id and p.id = v_plaintiff_id) then
      raise sqlstate 'PT404' using message = 'plaintiff not found';
    end if;
    raise sqlstate 'PT422' using message = 'the plaintiff is not the judgment''s', detail = 'plaintiff_id', hint = 'leave plaintiff_id out';
  end if;

  -- What the policy has computed counts; what the caller says, only until it has.
  insert into public.enforcement_cases
    (org_id, judgment_id, plaintiff_id, tier, tier_reason, tier_as_of, collectability_score, asset_flags, current_balance,
     next_action_at, created_by)
  values (v_call.org_id, v_judgment.id, v_judgment.plaintiff_id, coalesce(public.tier_text(v_judgment.tier), v_tier),
          coalesce(v_judgment.tier_reason, case when v_tier is not null then 'given when the case was opened' end),
          coalesce(v_judgment.tier_as_of, case when v_tier is not null then public.app_now() end),
          coalesce(v_judgment.collectability_score, public.rpc_score(payload, 'collectability_score')),
          public.asset_flags(v_judgment.asset_signals), v_judgment.balance_due,
          public.app_now() + make_interval(days => public.stage_sla_days(v_call.org_id, 'pre_enforcement')), v_call.actor)
  returning * into v_case;
  perform public.write_history(v_call, v_case.id, 'opened',
    jsonb_build_object('current_stage', jsonb_build_array(null, v_case.current_stage), 'tier', jsonb_build_array(null, v_case.tier)),
    public.rpc_text(payload, 'notes'));
  perform public.create_stage_tasks(v_call, v_case);
  return (public.end_rpc(v_call, to_jsonb(v_case.id)) #>> '{}')::uuid;
end;
$$;
-- A definer, as all functions below: people write no table of cases but by a function, which checks what it writes.
alter function public.open_enforcement_case(jsonb) owner to service_role;
comment on function public.open_enforcement_case(jsonb) is 'Opens the one case that a judgment may have at a time, in stage pre_enforcement; answers its id';

create function public.set_enforcement_stage(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('set_enforcement_stage', payload,
    array['case_id', 'stage', 'actor', 'note', 'metadata', 'override', 'expected_stage'], payload ->> 'actor');
  v_metadata jsonb;
  v_note text;
  v_expected text;
  v_document_path text;
  v_next_action_at timestamptz;
  v_is_override boolean;
  v_from public.enforcement_stage_lookup;
  v_to public.enforcement_stage_lookup;
  v_before public.enforcement_cases;
  v_case public.enforcement_cases;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_metadata := public.rpc_object(payload, 'metadata');
  v_note := public.rpc_text(payload, 'note');
  v_expected := public.rpc_text(payload, 'expected_stage');
  v_document_path := public.rpc_text(v_metadata, 'document_path', false, 1000);
  v_next_action_at := public.rpc_instant(v_metadata, 'next_action_at');
  v_is_override := public.rpc_flag(payload, 'override') or public.rpc_flag(v_metadata, 'override');
  select * into v_to from public.enforcement_stage_lookup where stage = public.rpc_text(payload, 'stage', true);
  if not found then
    raise sqlstate 'PT422' using message = format('unknown stage `%s`', left(payload ->> 'stage', 60)), detail = 'stage',
      hint = 'known are ' || (select string_agg(l.stage, ', ' order by l.ordinal, l.stage) from public.enforcement_stage_lookup l);
  end if;

  v_before := public.find_case(v_call.org_id, public.rpc_uuid(payload, 'case_id', true));
  select * into v_from from public.enforcement_stage_lookup where stage = v_before.current_stage;
  if v_expected <> v_from.stage then
    raise sqlstate 'PT409' using message = format('the case is in stage %s meanwhile', v_from.stage), hint = 'look at the case again';
  end if;
  if v_to.stage = v_from.stage then
    raise sqlstate 'PT409' using message = format('the case is in stage %s already', v_from.stage);
  end if;
  if v_to.ordinal < v_from.ordinal and not v_is_override then
    raise sqlstate 'PT409' using message = format('stage %s lies before stage %s', v_to.stage, v_from.stage),
      hint = 'to move a case back, send override=true';
  end if;
  if v_to.ordinal = 4 and v_document_path is null then
    raise sqlstate 'PT422' using message = format('entering stage %s needs a document', v_to.stage), detail = 'metadata.document_path',
      hint = 'upload the document and say where it is stored in metadata.document_path';
  end if;

  update public.enforcement_cases c
     set current_stage = v_to.stage, stage_entered_at = public.app_now(), blocked_since = null, blocked_until = null,
         next_action_at = coalesce(v_next_action_at,
           public.app_now() + make_interval(days => public.stage_sla_days(v_call.org_id, v_to.stage)))
   where c.org_id = v_call.org_id and c.id = v_before.id
  returning * into v_case;
  if v_document_path is not null then
    perform public.put_document(v_call, v_case.id, v_to.stage, v_document_path);
  end if;
  perform public.write_event(v_call, v_case, 'case_stage_changed',
    v_metadata || jsonb_build_object('from', v_from.stage, 'to', v_to.stage, 'override', v_is_override), v_document_path, v_note);
  perform public.write_history(v_call, v_case.id, 'stage_changed', public.case_delta(v_before, v_case), v_note);
  perform public.create_stage_tasks(v_call, v_case);
  return public.end_rpc(v_call, public.case_json(v_case));
end;
$$;
alter function public.set_enforcement_stage(jsonb) owner to service_role;
comment on function public.set_enforcement_stage(jsonb) is
  'Moves a case to another stage, forward unless override=true, with its next action, tasks, event and history; expected_stage refuses where somebody else has moved it';

create function public.log_enforcement_event(payload jsonb) returns uuid
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('log_enforcement_event', payload,
    array['case_id', 'event_kind', 'payload', 'document_path', 'related_task_id', 'actor', 'note', 'occurred_at'], payload ->> 'actor');
  v_kind public.enforcement_event_kind_lookup;
  v_said jsonb;
  v_note text;
  v_document_path text;
  v_occurred_at timestamptz;
  v_eta timestamptz;
  v_before public.enforcement_cases;
  v_case public.enforcement_cases;
  v_action_id uuid;
  v_event_id uuid;
begin
  if v_call.result is not null then
    return (v_call.result #>> '{}')::uuid;
  end if;
  select * into v_kind from public.enforcement_event_kind_lookup where event_kind::text = public.rpc_text(payload, 'event_kind', true);
  if not found then
    raise sqlstate 'PT422' using message = format('unknown event kind `%s`', left(payload ->> 'event_kind', 60)), detail = 'event_kind',
      hint = 'known are ' || (select string_agg(l.event_kind::text, ', ' order by l.event_kind) from public.enforcement_event_kind_lookup l);
  end if;
  -- These would claim what has not happened.
  if v_kind.event_kind in ('case_stage_changed', 'payment_received', 'action_updated', 'action_completed', 'action_cancelled') then
    raise sqlstate 'PT422' using message = format('an event `%s` is written by its own function', v_kind.event_kind), detail = 'event_kind',
      hint = 'call ' || case v_kind.event_kind when 'case_stage_changed' then 'set_enforcement_stage'
                                               when 'payment_received' then 'record_enforcement_payment'
                                               else 'queue_enforcement_action' end;
  end if;
  v_said := public.rpc_object(payload, 'payload');
  v_note := public.rpc_text(payload, 'note');
  v_document_path := public.rpc_text(payload, 'document_path', false, 1000);
  v_occurred_at := public.rpc_instant(payload, 'occurred_at');
  if v_kind.event_kind = 'blocked' then
    v_eta := public.rpc_instant(v_said, 'eta');
    if v_eta <= public.app_now() then
      raise sqlstate 'PT422' using message = 'the ETA lies in the past', detail = 'payload.eta';
    end if;
  end if;

  v_before := public.find_case(v_call.org_id, public.rpc_uuid(payload, 'case_id', true));
  if v_kind.action_type is not null then
    v_action_id := public.advance_action(v_call, v_before, v_kind.action_type, v_kind.action_status, v_occurred_at);
  end if;
  v_event_id := public.write_event(v_call, v_before, v_kind.event_kind, v_said, v_document_path, v_note, v_occurred_at,
                                   public.rpc_uuid(payload, 'related_task_id'), v_action_id);
  update public.enforcement_cases c
     set blocked_since = case v_kind.event_kind when 'blocked' then public.app_now() end,
         blocked_until = v_eta, next_action_at = coalesce(v_eta, c.next_action_at)
   where c.org_id = v_call.org_id and c.id = v_before.id and v_kind.event_kind in ('blocked', 'unblocked');
  select * into v_case from public.enforcement_cases c where c.org_id = v_call.org_id and c.id = v_before.id;
  perform public.write_history(v_call, v_case.id, 'event_logged',
    public.case_delta(v_before, v_case) || jsonb_build_object('event', jsonb_build_array(null, v_kind.event_kind)), v_note);
  return (public.end_rpc(v_call, to_jsonb(v_event_id)) #>> '{}')::uuid;
end;
$$;
alter function public.log_enforcement_event(jsonb) owner to service_role;
comment on function public.log_enforcement_event(jsonb) is
  'Writes an event of a case, with what follows from it: the action that it tells of, the task that it ends, the next action after `blocked`; answers its id';

create function public.close_enforcement_case(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('close_enforcement_case', payload,
    array['case_id', 'status', 'note', 'closed_by'], payload ->> 'closed_by');
  v_status text;
  v_note text;
  v_case_id uuid;
  v_judgment_id uuid;
  v_before public.enforcement_cases;
  v_case public.enforcement_cases;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_status := public.rpc_choice(payload, 'status', array['satisfied', 'uncollectible', 'withdrawn'], true);
  v_note := public.rpc_text(payload, 'note');
  v_case_id := public.rpc_uuid(payload, 'case_id', true);
  select c.judgment_id into v_judgment_id from public.enforcement_cases c where c.org_id = v_call.org_id and c.id = v_case_id;
  if v_status = 'satisfied' and found then
    perform public.find_judgment(v_call.org_id, v_judgment_id);
  end if;
  v_before := public.find_case(v_call.org_id, v_case_id);

  update public.enforcement_actions a
     set status = 'cancelled', status_reason = format('the case was closed as %s', v_status), closed_at = public.app_now(),
         updated_by = v_call.actor
   where a.org_id = v_call.org_id and a.enforcement_case_id = v_case_id and a.closed_at is null;
  update public.plaintiff_tasks t
     set status = 'cancelled', closed_at = public.app_now(), closed_by = v_call.actor
   where t.org_id = v_call.org_id and t.enforcement_case_id = v_case_id and t.status = 'open';
  update public.enforcement_cases c
     set current_stage = 'closure', stage_entered_at = case c.current_stage when 'closure' then c.stage_entered_at else public.app_now() end,
         closed_at = public.app_now(), closure_reason = v_status, next_action_at = null, blocked_since = null, blocked_until = null
   where c.org_id = v_call.org_id and c.id = v_case_id
  returning * into v_case;
  if v_status = 'satisfied' then
    update public.core_judgments j set status = 'satisfied'
     where j.org_id = v_call.org_id and j.id = v_judgment_id and not public.is_closed_status(j.status);
  end if;
  perform public.write_event(v_call, v_case, 'case_stage_changed',
    jsonb_build_object('from', v_before.current_stage, 'to', 'closure', 'closure_reason', v_status), null, v_note);
  perform public.write_history(v_call, v_case_id, 'closed', public.case_delta(v_before, v_case), v_note);
  perform public.create_stage_tasks(v_call, v_case);
  return public.end_rpc(v_call, public.case_json(v_case));
end;
$$;
alter function public.close_enforcement_case(jsonb) owner to service_role;
comment on function public.close_enforcement_case(jsonb) is
  'Closes a case with its actions and tasks; `satisfied` satisfies the judgment, `uncollectible` and `withdrawn` leave it as it is';

create function public.set_tier_override(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('set_tier_override', payload,
    array['case_id', 'tier', 'expires_at', 'note', 'root_cause', 'actor'], payload ->> 'actor');
  v_tier text;
  v_note text;
  v_expires_at timestamptz;
  v_before public.enforcement_cases;
  v_case public.enforcement_cases;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_tier := public.rpc_choice(payload, 'tier', array['tier0', 'tier1', 'tier2', 'tier3'], true);
  v_note := public.rpc_text(payload, 'note', true);
  v_expires_at := public.rpc_instant(payload, 'expires_at', true);
  if v_expires_at <= public.app_now() then
    raise sqlstate 'PT422' using message = 'the override would have expired already', detail = 'expires_at';
  end if;
  v_before := public.find_case(v_call.org_id, public.rpc_uuid(payload, 'case_id', true));
  update public.enforcement_cases c
     set tier_override = v_tier, override_expires_at = v_expires_at, override_note = v_note,
         override_set_at = case when c.tier_override is null or c.override_expires_at <= public.app_now() then public.app_now()
                                else coalesce(c.override_set_at, public.app_now()) end,
         override_root_cause = coalesce(public.rpc_text(payload, 'root_cause'), c.override_root_cause)
   where c.org_id = v_call.org_id and c.id = v_before.id
  returning * into v_case;
  perform public.write_history(v_call, v_case.id, 'override_set', public.case_delta(v_before, v_case), v_note);
  return public.end_rpc(v_call, public.case_json(v_case));
end;
$$;
alter function public.set_tier_override(jsonb) owner to service_role;
comment on function public.set_tier_override(jsonb) is 'Has a case count as another tier until expires_at; the computed tier stays beside it';

create function public.clear_tier_override(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('clear_tier_override', payload, array['case_id', 'note', 'actor'], payload ->> 'actor');
  v_before public.enforcement_cases;
  v_case public.enforcement_cases;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_before := public.find_case(v_call.org_id, public.rpc_uuid(payload, 'case_id', true));
  if v_before.tier_override is null then
    raise sqlstate 'PT409' using message = 'the case has no override';
  end if;
  update public.enforcement_cases c
     set tier_override = null, override_expires_at = null, override_note = null, override_set_at = null, override_root_cause = null
   where c.org_id = v_call.org_id and c.id = v_before.id
  returning * into v_case;
  perform public.write_history(v_call, v_case.id, 'override_cleared', public.case_delta(v_before, v_case), public.rpc_text(payload, 'note'));
  return public.end_rpc(v_call, public.case_json(v_case));
end;
$$;
alter function public.clear_tier_override(jsonb) owner to service_role;

create function public.assign_enforcement_case(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('assign_enforcement_case', payload, array['case_id', 'owner_id', 'note', 'actor'], payload ->> 'actor');
  v_owner_id uuid;
  v_role public.membership_role;
  v_before public.enforcement_cases;
  v_case public.enforcement_cases;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  if not payload ? 'owner_id' then
    raise sqlstate 'PT422' using message = '`owner_id` is missing', detail = 'owner_id', hint = 'send null to take the owner away';
  end if;
  v_owner_id := public.rpc_uuid(payload, 'owner_id');
  if v_owner_id is not null then
    select m.role into v_role from public.memberships m where m.org_id = v_call.org_id and m.user_id = v_owner_id;
    if not found then
      raise sqlstate 'PT422' using message = 'the owner is not a member of the organisation', detail = 'owner_id';
    end if;
    if v_role = 'viewer' then
      raise sqlstate 'PT422' using message = 'the owner may not work cases', detail = 'owner_id', hint = 'choose an operator or an admin';
    end if;
  end if;
  v_before := public.find_case(v_call.org_id, public.rpc_uuid(payload, 'case_id', true));
  update public.enforcement_cases c set owner_id = v_owner_id
   where c.org_id = v_call.org_id and c.id = v_before.id
  returning * into v_case;
  perform public.write_history(v_call, v_case.id, 'assigned', public.case_delta(v_before, v_case), public.rpc_text(payload, 'note'));
  return public.end_rpc(v_call, public.case_json(v_case));
end;
$$;
alter function public.assign_enforcement_case(jsonb) owner to service_role;
comment on function public.assign_enforcement_case(jsonb) is 'Gives a case to an operator or admin of the organisation, or with owner_id null to nobody';

create function public.set_next_action(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('set_next_action', payload, array['case_id', 'next_action_at', 'note', 'actor'], payload ->> 'actor');
  v_at timestamptz;
  v_before public.enforcement_cases;
  v_case public.enforcement_cases;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_at := public.rpc_instant(payload, 'next_action_at', true);
  v_before := public.find_case(v_call.org_id, public.rpc_uuid(payload, 'case_id', true));
  update public.enforcement_cases c set next_action_at = v_at
   where c.org_id = v_call.org_id and c.id = v_before.id
  returning * into v_case;
  perform public.write_history(v_call, v_case.id, 'next_action_set', public.case_delta(v_before, v_case), public.rpc_text(payload, 'note'));
  return public.end_rpc(v_call, public.case_json(v_case));
end;
$$;
alter function public.set_next_action(jsonb) owner to service_role;
comment on function public.set_next_action(jsonb) is 'Says when the case is to come up again';

create function public.set_enforcement_stage_settings(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('set_enforcement_stage_settings', payload, array['stage', 'sla_days', 'description', 'actor'], payload ->> 'actor');
  v_stage text;
  v_sla_days text;
  v_settings public.enforcement_stage_settings;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  select l.stage into v_stage from public.enforcement_stage_lookup l where l.stage = public.rpc_text(payload, 'stage', true);
  if not found then
    raise sqlstate 'PT422' using message = format('unknown stage `%s`', left(payload ->> 'stage', 60)), detail = 'stage';
  end if;
  v_sla_days := public.rpc_text(payload, 'sla_days');
  if v_sla_days !~ '^[0-9]{1,4}$' or v_sla_days::int = 0 then
    raise sqlstate 'PT422' using message = '`sla_days` is not a number of days from 1 to 9999', detail = 'sla_days';
  end if;
  insert into public.enforcement_stage_settings as s (org_id, stage, sla_days, description, updated_by)
  values (v_call.org_id, v_stage, v_sla_days::int, public.rpc_text(payload, 'description', false, 500), v_call.actor)
  on conflict (org_id, stage) do update
    set sla_days = case when payload ? 'sla_days' then excluded.sla_days else s.sla_days end,
        description = case when payload ? 'description' then excluded.description else s.description end,
        updated_by = excluded.updated_by
  returning * into v_settings;
  return public.end_rpc(v_call, to_jsonb(v_settings));
end;
$$;
alter function public.set_enforcement_stage_settings(jsonb) owner to service_role;
comment on function public.set_enforcement_stage_settings(jsonb) is
  'Sets the SLA and the description of a stage for the organisation; null goes back to the default, a field that is left out stays';

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant execute on function public.case_json(public.enforcement_cases), public.case_delta(public.enforcement_cases, public.enforcement_cases),
                          public.find_judgment(uuid, uuid), public.find_case(uuid, uuid, boolean),
                          public.write_history(public.rpc_call, uuid, text, jsonb, text),
                          public.put_document(public.rpc_call, uuid, text, text, uuid, uuid, jsonb),
                          public.close_task(public.rpc_call, public.enforcement_cases, uuid),
                          public.write_event(public.rpc_call, public.enforcement_cases, public.enforcement_event_kind, jsonb, text, text, timestamptz, uuid, uuid),
                          public.create_stage_tasks(public.rpc_call, public.enforcement_cases) to service_role;
grant execute on function public.open_enforcement_case(jsonb), public.set_enforcement_stage(jsonb), public.log_enforcement_event(jsonb),
                          public.close_enforcement_case(jsonb), public.set_tier_override(jsonb), public.clear_tier_override(jsonb),
                          public.assign_enforcement_case(jsonb), public.set_next_action(jsonb) to enforcement_operator, service_role;
grant execute on function public.set_enforcement_stage_settings(jsonb) to admin, service_role;
