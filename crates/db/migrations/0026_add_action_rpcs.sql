-- The functions that run actions, take in documents and book payments.

-- ---- functions ----
create function public.action_order(p_status text) returns int
language sql immutable parallel safe
return array_position(array['planned', 'filed', 'served', 'in_progress', 'completed', 'cancelled'], p_status);

-- What an event tells of an action moves it on, never back: an event may be written down late.
create function public.advance_action(
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
    -- The action that has ended is the one meant by an end, and by what happened before it ended.
    if found and (p_status = 'completed' or coalesce(p_occurred_at, public.app_now()) <= v_action.closed_at) then
      return v_action.id;
    end if;
    insert into public.enforcement_actions (org_id, enforcement_case_id, action_type, status, opened_at, closed_at, created_by)
    values (p_call.org_id, p_case.id, p_action_type, p_status, coalesce(p_occurred_at, public.app_now()), case p_status when 'completed' then public.app_now() end, p_call.actor)
    returning * into v_action;
    return v_action.id;
  end if;
  update public.enforcement_actions a
     set status = p_status, closed_at = case p_status when 'completed' then public.app_now() end, updated_by = p_call.actor
   where a.id = v_action.id and public.action_order(p_status) > public.action_order(a.status);
  return v_action.id;
end;
$$;

create function public.put_action(
  p_call public.rpc_call, p_case public.enforcement_cases, p_action_type text, p_status text, p_status_reason text,
  p_metadata jsonb, p_next_milestone_at timestamptz)
returns public.enforcement_actions
language plpgsql volatile security invoker
as $$
declare
  v_closed_at timestamptz := case when p_status in ('completed', 'cancelled') then public.app_now() end;
  v_action public.enforcement_actions;
begin
  update public.enforcement_actions a
     set status = p_status, status_reason = coalesce(p_status_reason, a.status_reason), closed_at = v_closed_at,
         metadata = a.metadata || p_metadata, updated_by = p_call.actor,
         next_milestone_at = case when v_closed_at is null then coalesce(p_next_milestone_at, a.next_milestone_at) end
   where a.org_id = p_call.org_id and a.enforcement_case_id = p_case.id and a.action_type = p_action_type and a.closed_at is null
  returning * into v_action;
  if found then
    return v_action;
  end if;
  if v_closed_at is not null then
    raise sqlstate 'PT409' using message = format('the case has no active %s', replace(p_action_type, '_', ' ')),
      hint = 'an action that was never begun cannot end';
  end if;
  insert into public.enforcement_actions
    (org_id, enforcement_case_id, action_type, status, status_reason, metadata, next_milestone_at, created_by)
  values (p_call.org_id, p_case.id, p_action_type, p_status, p_status_reason, p_metadata, p_next_milestone_at, p_call.actor)
  returning * into v_action;
  return v_action;
end;
$$;
comment on function public.put_action(public.rpc_call, public.enforcement_cases, text, text, text, jsonb, timestamptz) is
  'Updates the active action of a type on a locked case, or opens one';

create function public.queue_enforcement_action(payload jsonb) returns jsonb
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
  -- With its paper in hand, a filing or service is the event that the documents name.
  if v_document_path is not null and v_before.status is distinct from v_status and v_kind = 'action_updated' then
    select coalesce(min(k.event_kind), v_kind) into v_kind from public.enforcement_event_kind_lookup k
     where k.action_type = v_type and k.action_status = v_status and k.needs_document;
  end if;
  perform public.write_event(v_call, v_case, v_kind,
    v_metadata || jsonb_build_object('action_id', v_action.id, 'action_type', v_type, 'status', v_status), v_document_path, v_reason,
    p_action_id => v_action.id);
  perform public.write_history(v_call, v_case.id, 'action_' || case when v_before.id is null then 'opened' else 'changed' end,
    jsonb_build_object(v_type, jsonb_build_array(v_before.status, v_status)), v_reason);
  return public.end_rpc(v_call, to_jsonb(v_action));
end;
$$;
alter function public.queue_enforcement_action(jsonb) owner to service_role;
comment on function public.queue_enforcement_action(jsonb) is 'Opens, moves or ends the one active action of a type on a case; answers the action';

create function public.put_task(
  p_call public.rpc_call, p_case public.enforcement_cases, p_kind text, p_title text, p_due_at timestamptz, p_note text default null)
returns uuid
language plpgsql volatile security invoker
as $$
declare
  v_id uuid;
begin
  insert into public.plaintiff_tasks as t
    (org_id, plaintiff_id, enforcement_case_id, kind, title, priority, due_at, note, created_by)
  values (p_call.org_id, p_case.plaintiff_id, p_case.id, p_kind, p_title, coalesce(public.effective_tier(p_case), 0), p_due_at, p_note, p_call.actor)
  on conflict (org_id, enforcement_case_id, kind) where status = 'open' and enforcement_case_id is not null do update
    set due_at = excluded.due_at, note = coalesce(excluded.note, t.note)
  returning t.id into v_id;
  return v_id;
end;
$$;
comment on function public.put_task(public.rpc_call, public.enforcement_cases, text, text, timestamptz, text) is
  'Creates the open task of a kind on a case, or puts it off';

create function public.issue_subpoena(payload jsonb) returns jsonb
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
  v_due_at := coalesce(public.rpc_instant(payload, 'response_due_at'), v_issued_at + interval '30 days');
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
alter function public.issue_subpoena(jsonb) owner to service_role;
comment on function public.issue_subpoena(jsonb) is 'Opens a subpoena with its document, its event and the task to follow it; its answer is due in 30 days unless response_due_at says otherwise';

create function public.record_subpoena_response(payload jsonb) returns jsonb
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
  v_has_complied := not payload ? 'complied' or public.rpc_flag(payload, 'complied');
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
alter function public.record_subpoena_response(jsonb) owner to service_role;
comment on function public.record_subpoena_response(jsonb) is
  'Ends the subpoena that is out, or with complied=false notes a poor answer, and schedules a review';

create function public.add_enforcement_document(payload jsonb) returns uuid
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('add_enforcement_document', payload,
    array['case_id', 'doc_kind', 'storage_path', 'event_id', 'action_id', 'metadata', 'actor'], payload ->> 'actor');
  v_doc_kind text;
  v_path text;
  v_event_id uuid;
  v_action_id uuid;
  v_case public.enforcement_cases;
  v_id uuid;
begin
  if v_call.result is not null then
    return (v_call.result #>> '{}')::uuid;
  end if;
  v_doc_kind := public.rpc_text(payload, 'doc_kind', true, 60);
  v_path := public.rpc_text(payload, 'storage_path', true, 1000);
  v_event_id := public.rpc_uuid(payload, 'event_id');
  v_action_id := public.rpc_uuid(payload, 'action_id');
  -- A paper may turn up after the case was closed.
  v_case := public.find_case(v_call.org_id, public.rpc_uuid(payload, 'case_id', true), p_may_be_closed => true);
  if v_event_id is not null and not exists (
       select from public.enforcement_events e where e.org_id = v_call.org_id and e.id = v_event_id and e.enforcement_case_id = v_case.id) then
    raise sqlstate 'PT404' using message = 'the case has no such event';
  end if;
  if v_action_id is not null and not exists (
       select from public.enforcement_actions a where a.org_id = v_call.org_id and a.id = v_action_id and a.enforcement_case_id = v_case.id) then
    raise sqlstate 'PT404' using message = 'the case has no such action';
  end if;
  v_id := public.put_document(v_call, v_case.id, v_doc_kind, v_path, v_event_id, v_action_id, public.rpc_object(payload, 'metadata'));
  perform public.write_history(v_call, v_case.id, 'document_added', jsonb_build_object('document', jsonb_build_array(null, v_doc_kind)));
  return (public.end_rpc(v_call, to_jsonb(v_id)) #>> '{}')::uuid;
end;
$$;
alter function public.add_enforcement_document(jsonb) owner to service_role;
comment on function public.add_enforcement_document(jsonb) is 'Notes a document of a case, with the event or action that it vouches for; answers its id';

create function public.record_enforcement_payment(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('record_enforcement_payment', payload,
    array['case_id', 'judgment_id', 'amount', 'received_at', 'source', 'document_path', 'credit', 'note', 'actor'], payload ->> 'actor');
  v_case_id uuid;
  v_judgment_id uuid;
  v_amount numeric(14,2);
  v_received_at timestamptz;
  v_source text;
  v_note text;
  v_document_path text;
  v_credit numeric(14,2) := 0;
  v_before numeric(14,2);
  v_after numeric(14,2);
  v_judgment public.core_judgments;
  v_case public.enforcement_cases;
  v_event_id uuid;
  v_payment_id uuid;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_case_id := public.rpc_uuid(payload, 'case_id');
  v_judgment_id := public.rpc_uuid(payload, 'judgment_id');
  v_amount := public.rpc_money(payload, 'amount', true);
  v_source := public.rpc_text(payload, 'source', false, 200);
  v_note := public.rpc_text(payload, 'note');
  v_document_path := public.rpc_text(payload, 'document_path', false, 1000);
  v_received_at := coalesce(public.rpc_instant(payload, 'received_at'), public.app_now());
  if v_amount <= 0 then
    raise sqlstate 'PT422' using message = 'a payment is more than nothing', detail = 'amount';
  end if;
  if v_received_at > public.app_now() then
    raise sqlstate 'PT422' using message = 'a payment cannot be received in the future', detail = 'received_at';
  end if;
  if v_case_id is null and v_judgment_id is null then
    raise sqlstate 'PT422' using message = 'a payment names a case or a judgment', detail = 'case_id';
  end if;
  if v_case_id is not null then
    select * into v_case from public.enforcement_cases c where c.org_id = v_call.org_id and c.id = v_case_id;
    if not found then
      raise sqlstate 'PT404' using message = 'enforcement case not found';
    end if;
    if v_judgment_id <> v_case.judgment_id then
      raise sqlstate 'PT422' using message = 'the case is of another judgment', detail = 'judgment_id', hint = 'name the case alone';
    end if;
    v_judgment_id := v_case.judgment_id;
  end if;

  -- Payments of a judgment go one after the other.
  v_judgment := public.find_judgment(v_call.org_id, v_judgment_id);
  if v_case_id is not null then
    v_case := public.find_case(v_call.org_id, v_case_id, p_may_be_closed => true);
  end if;
  v_before := coalesce(v_judgment.balance_due, v_judgment.judgment_amount);
  if v_amount > v_before then
    if not public.rpc_flag(payload, 'credit') then
      raise sqlstate 'PT409' using message = format('the payment exceeds the balance of %s', v_before),
        hint = 'to book what is too much as a credit, send credit=true';
    end if;
    v_credit := v_amount - v_before;
  end if;
  v_after := v_before - v_amount + v_credit;

  update public.core_judgments j set balance_due = v_after where j.org_id = v_call.org_id and j.id = v_judgment_id;
  update public.enforcement_cases c set current_balance = v_after
   where c.org_id = v_call.org_id and c.id = v_case_id and c.current_balance is distinct from v_after;
  if v_case_id is not null then
    v_event_id := public.write_event(v_call, v_case, 'payment_received',
      jsonb_strip_nulls(jsonb_build_object('amount', v_amount::text, 'credit', nullif(v_credit, 0)::text, 'source', v_source,
                                           'balance_due', v_after::text)), v_document_path, v_note, v_received_at);
  else
    insert into public.enforcement_events
      (org_id, judgment_id, event_kind, occurred_at, document_path, payload, note, actor, actor_id, actor_type, rpc)
    values (v_call.org_id, v_judgment_id, 'payment_received', v_received_at, v_document_path,
            jsonb_strip_nulls(jsonb_build_object('amount', v_amount::text, 'credit', nullif(v_credit, 0)::text, 'source', v_source,
                                                 'balance_due', v_after::text)),
            v_note, v_call.actor, v_call.actor_id, v_call.actor_type, v_call.rpc)
    returning id into v_event_id;
  end if;
  insert into public.enforcement_payments
    (org_id, judgment_id, enforcement_case_id, event_id, amount, credit, balance_before, balance_after, received_at, source,
     document_path, recorded_by)
  values (v_call.org_id, v_judgment_id, v_case_id, v_event_id, v_amount, v_credit, v_before, v_after, v_received_at, v_source,
          v_document_path, v_call.actor)
  returning id into v_payment_id;
  if v_case_id is not null then
    perform public.write_history(v_call, v_case_id, 'payment_recorded',
      jsonb_build_object('current_balance', jsonb_build_array(v_before::text, v_after::text)), v_note);
  end if;
  return public.end_rpc(v_call, jsonb_build_object(
    'payment_id', v_payment_id, 'event_id', v_event_id, 'judgment_id', v_judgment_id, 'case_id', v_case_id, 'amount', v_amount::text,
    'credit', v_credit::text, 'balance_before', v_before::text, 'balance_due', v_after::text, 'is_linked', v_case_id is not null));
end;
$$;
alter function public.record_enforcement_payment(jsonb) owner to service_role;
comment on function public.record_enforcement_payment(jsonb) is
  'Books money on a judgment and its case, never below zero but as a credit; without a case it is unlinked until link_enforcement_payment';

create function public.link_enforcement_payment(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('link_enforcement_payment', payload, array['payment_id', 'case_id', 'note', 'actor'], payload ->> 'actor');
  v_case public.enforcement_cases;
  v_payment public.enforcement_payments;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_case := public.find_case(v_call.org_id, public.rpc_uuid(payload, 'case_id', true), p_may_be_closed => true);
  select * into v_payment from public.enforcement_payments p
   where p.org_id = v_call.org_id and p.id = public.rpc_uuid(payload, 'payment_id', true) for update;
  if not found then
    raise sqlstate 'PT404' using message = 'payment not found';
  end if;
  if v_payment.enforcement_case_id is not null then
    raise sqlstate 'PT409' using message = 'the payment has a case already';
  end if;
  if v_payment.judgment_id <> v_case.judgment_id then
    raise sqlstate 'PT422' using message = 'the case is of another judgment', detail = 'case_id', hint = 'choose a case of the judgment that was paid';
  end if;
  update public.enforcement_payments p set enforcement_case_id = v_case.id, linked_by = v_call.actor, linked_at = public.app_now()
   where p.id = v_payment.id;
  update public.enforcement_events e set enforcement_case_id = v_case.id
   where e.org_id = v_call.org_id and e.id = v_payment.event_id;
  if v_payment.document_path is not null then
    perform public.put_document(v_call, v_case.id, 'payment_received', v_payment.document_path, v_payment.event_id);
  end if;
  perform public.write_history(v_call, v_case.id, 'payment_linked',
    jsonb_build_object('payment', jsonb_build_array(null, v_payment.amount::text)), public.rpc_text(payload, 'note'));
  return public.end_rpc(v_call, jsonb_build_object('payment_id', v_payment.id, 'case_id', v_case.id, 'event_id', v_payment.event_id));
end;
$$;
alter function public.link_enforcement_payment(jsonb) owner to service_role;
comment on function public.link_enforcement_payment(jsonb) is 'Gives a payment the case that it belongs to; the balance has moved when it was recorded';

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant execute on function public.action_order(text),
                          public.advance_action(public.rpc_call, public.enforcement_cases, text, text, timestamptz),
                          public.put_action(public.rpc_call, public.enforcement_cases, text, text, text, jsonb, timestamptz),
                          public.put_task(public.rpc_call, public.enforcement_cases, text, text, timestamptz, text) to service_role;
grant execute on function public.queue_enforcement_action(jsonb), public.issue_subpoena(jsonb), public.record_subpoena_response(jsonb),
                          public.add_enforcement_document(jsonb), public.record_enforcement_payment(jsonb),
                          public.link_enforcement_payment(jsonb) to enforcement_operator, service_role;
