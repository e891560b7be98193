-- Calls and the pipeline are read in the order in which they are worked; people add tasks of their own.

-- ---- indexes ----
-- The call queue: what is due first; calls without a time come last. What is included lets the queue be counted from here.
create index plaintiff_tasks_calls on public.plaintiff_tasks (org_id, coalesce(due_at, 'infinity'::timestamptz), id)
  include (plaintiff_id, due_at) where status = 'open' and kind = 'call';
-- The pipeline, a stretch of the index for each priority: row-level security lets the comparison of texts reach an index, but
-- neither that of amounts nor priority_rank(). What the conditions ask for is in the index, so that only rows that are shown are fetched.
create index core_judgments_priority on public.core_judgments (org_id, priority_level, judgment_amount desc, id)
  include (judgment_date, county) where status in ('unsatisfied', 'in_progress');
create index core_judgments_county_priority on public.core_judgments (org_id, county, priority_level, judgment_amount desc, id)
  include (judgment_date) where status in ('unsatisfied', 'in_progress') and county is not null;
-- Collectability tier C is all below 1,000, far down in the others.
create index core_judgments_small_priority on public.core_judgments (org_id, priority_level, judgment_amount desc, id)
  include (judgment_date, county) where status in ('unsatisfied', 'in_progress') and judgment_amount < 1000;
-- What the list of plaintiffs sums for each of its rows is read from these, not from the tables.
create index core_judgments_of_plaintiff on public.core_judgments (org_id, plaintiff_id) include (id, judgment_amount, balance_due, status);
drop index public.core_judgments_plaintiff;
create index enforcement_cases_of_plaintiff on public.enforcement_cases (org_id, plaintiff_id) include (closed_at);
drop index public.enforcement_cases_plaintiff;
create index plaintiff_tasks_open on public.plaintiff_tasks (org_id, plaintiff_id) include (kind, due_at) where status = 'open';
create index enforcement_payments_of_judgment on public.enforcement_payments (org_id, judgment_id) include (amount);
drop index public.enforcement_payments_judgment;

-- ---- functions ----
create function public.add_plaintiff_task(payload jsonb) returns uuid
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('add_plaintiff_task', payload,
    array['plaintiff_id', 'case_id', 'kind', 'title', 'due_at', 'note', 'actor'], payload ->> 'actor');
  v_kind text;
  v_due_at timestamptz;
  v_case_id uuid;
  v_case public.enforcement_cases;
  v_plaintiff public.plaintiffs;
  v_id uuid;
begin
  if v_call.result is not null then
    return (v_call.result #>> '{}')::uuid;
  end if;
  v_kind := coalesce(public.rpc_text(payload, 'kind'), 'call');
  if v_kind !~ '^[a-z][a-z0-9_]{0,39}$' then
    raise sqlstate 'PT422' using message = '`kind` is not a word of lower-case letters, digits and underscores', detail = 'kind';
  end if;
  v_due_at := public.rpc_instant(payload, 'due_at');
  v_case_id := public.rpc_uuid(payload, 'case_id');
  if v_case_id is not null then
    v_case := public.find_case(v_call.org_id, v_case_id);
  end if;
  v_plaintiff := public.find_plaintiff(v_call.org_id, public.rpc_uuid(payload, 'plaintiff_id', true));
  if v_case.plaintiff_id <> v_plaintiff.id then
    raise sqlstate 'PT422' using message = 'the case is not the plaintiff''s', detail = 'case_id';
  end if;
  if v_kind = 'call' and v_plaintiff.status = 'do_not_call' then
    raise sqlstate 'PT409' using message = 'the plaintiff does not want to be called', hint = 'change the plaintiff''s status first';
  end if;
  insert into public.plaintiff_tasks (org_id, plaintiff_id, enforcement_case_id, kind, title, priority, due_at, note, created_by)
  values (v_call.org_id, v_plaintiff.id, v_case_id, v_kind,
          coalesce(public.rpc_text(payload, 'title', v_kind <> 'call', 300), 'Call the plaintiff'),
          coalesce(public.effective_tier(v_case), 0), v_due_at, public.rpc_text(payload, 'note'), v_call.actor)
  on conflict do nothing
  returning id into v_id;
  if v_id is null then
    raise sqlstate 'PT409' using message = format('a task `%s` is open already', v_kind), hint = 'end that one first';
  end if;
  if v_case_id is not null then
    perform public.write_history(v_call, v_case_id, 'task_added', jsonb_build_object(v_kind, jsonb_build_array(null, 'open')),
                                 public.rpc_text(payload, 'note'));
  end if;
  return (public.end_rpc(v_call, to_jsonb(v_id)) #>> '{}')::uuid;
end;
$$;
-- A definer, as the other functions of plaintiffs: people write their tables by no other way.
alter function public.add_plaintiff_task(jsonb) owner to service_role;
comment on function public.add_plaintiff_task(jsonb) is
  'Adds a task for a plaintiff, a call unless kind says otherwise, on one of its cases if case_id says so; answers its id';

-- A new override has its own root cause: that of one that has expired is not the new one's.
create or replace function public.set_tier_override(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('set_tier_override', payload,
    array['case_id', 'tier', 'expires_at', 'note', 'root_cause', 'actor'], payload ->> 'actor');
  v_tier text;
  v_note text;
  v_root_cause text;
  v_expires_at timestamptz;
  v_is_new boolean;
  v_before public.enforcement_cases;
  v_case public.enforcement_cases;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_tier := public.rpc_choice(payload, 'tier', array['tier0', 'tier1', 'tier2', 'tier3'], true);
  v_note := public.rpc_text(payload, 'note', true);
  v_root_cause := public.rpc_text(payload, 'root_cause');
  v_expires_at := public.rpc_instant(payload, 'expires_at', true);
  if v_expires_at <= public.app_now() then
    raise sqlstate 'PT422' using message = 'the override would have expired already', detail = 'expires_at';
  end if;
  v_before := public.find_case(v_call.org_id, public.rpc_uuid(payload, 'case_id', true));
  v_is_new := v_before.tier_override is null or v_before.override_expires_at <= public.app_now();
  update public.enforcement_cases c
     set tier_override = v_tier, override_expires_at = v_expires_at, override_note = v_note,
         override_set_at = case when v_is_new then public.app_now() else coalesce(c.override_set_at, public.app_now()) end,
         override_root_cause = case when v_is_new then v_root_cause else coalesce(v_root_cause, c.override_root_cause) end
   where c.org_id = v_call.org_id and c.id = v_before.id
  returning * into v_case;
  perform public.write_history(v_call, v_case.id, 'override_set', public.case_delta(v_before, v_case), v_note);
  return public.end_rpc(v_call, public.case_json(v_case));
end;
$$;

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant execute on function public.add_plaintiff_task(jsonb) to enforcement_operator, service_role;
