-- What the jobs `enrich`, `outreach`, `enforce` and `case_copilot` do. Each is run by a worker in a transaction of its organisation.

-- ---- functions ----
create function public.apply_enrichment(p_payload jsonb) returns jsonb
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_case_id uuid := coalesce(public.rpc_uuid(p_payload, 'case_id'), public.rpc_uuid(p_payload, 'judgment_id'));
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
comment on function public.apply_enrichment(jsonb) is
  'Applies {case_id, bundle or contacts and assets, scores, collectability_score, collectability_tier, summary}; what changes a fact queues its tier';

create function public.job_case(p_case_id uuid) returns public.enforcement_cases
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  if p_case_id is null then
    raise sqlstate 'PT422' using message = 'the message names no case_id', detail = 'case_id';
  end if;
  return public.find_case(public.current_org_id(), p_case_id, p_may_be_closed => true);
end;
$$;

create function public.plan_outreach(p_case_id uuid) returns jsonb
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('outreach', '{}', null, 'outreach');
  v_case public.enforcement_cases := public.job_case(p_case_id);
  v_tier int := coalesce(public.effective_tier(v_case), 0);
  v_plaintiff public.plaintiffs;
  v_last timestamptz;
  v_due_at timestamptz;
  v_task_id uuid;
begin
  if v_case.closed_at is not null then
    return '{"skipped": "the case is closed"}';
  end if;
  if v_tier = 0 then
    return '{"skipped": "tier 0 is watched, not called"}';
  end if;
  v_plaintiff := public.find_plaintiff(v_call.org_id, v_case.plaintiff_id);
  if v_plaintiff.status in ('do_not_call', 'bad_number') then
    return jsonb_build_object('skipped', format('the plaintiff''s status is %s', v_plaintiff.status));
  end if;
  if exists (select from public.plaintiff_tasks t
              where t.org_id = v_call.org_id and t.plaintiff_id = v_plaintiff.id and t.kind = 'call' and t.status = 'open') then
    return '{"skipped": "a call is due already"}';
  end if;
  select max(a.called_at) into v_last from public.plaintiff_call_attempts a
   where a.org_id = v_call.org_id and a.plaintiff_id = v_plaintiff.id;
  -- The higher the tier, the sooner, and the sooner again.
  v_due_at := greatest(public.app_now() + make_interval(days => (array[7, 3, 1])[v_tier]),
                       v_last + make_interval(days => (array[30, 7, 2])[v_tier]));
  v_task_id := public.put_task(v_call, v_case, 'call', 'Call the plaintiff about the case', v_due_at);
  perform public.write_history(v_call, v_case.id, 'call_planned', jsonb_build_object('call', jsonb_build_array(null, v_due_at)));
  return jsonb_build_object('task_id', v_task_id, 'due_at', v_due_at);
end;
$$;
comment on function public.plan_outreach(uuid) is
  'Creates the next call to the plaintiff of a case: within 1, 3 or 7 days by tier 3, 2, 1, not sooner after the last call than 2, 7, 30; says why where there is none to make';

create function public.pick_next_action(p_case_id uuid) returns jsonb
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
  if v_case.blocked_until > public.app_now() then
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
  -- What lies ahead already is brought nearer by a higher tier, never put off.
  update public.enforcement_cases c
     set next_action_at = case when c.next_action_at > public.app_now() then least(c.next_action_at, v_due_at) else v_due_at end
   where c.org_id = v_call.org_id and c.id = v_case.id
  returning * into v_after;
  if v_after.next_action_at is distinct from v_case.next_action_at then
    perform public.write_history(v_call, v_case.id, 'next_action_picked',
      public.case_delta(v_case, v_after) || jsonb_strip_nulls(jsonb_build_object('task', v_kind)));
  end if;
  return jsonb_build_object('next_action_at', v_after.next_action_at, 'task', case when v_tier > 0 then v_kind end);
end;
$$;
comment on function public.pick_next_action(uuid) is
  'Gives a case its next action by effective tier and stage, due in 1, 3, 7 or 30 days by tier 3, 2, 1, 0; in action_planning by the assets that are known';

create function public.case_copilot_facts(p_case_id uuid) returns jsonb
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_case public.enforcement_cases := public.job_case(p_case_id);
begin
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
comment on function public.case_copilot_facts(uuid) is 'All that a brief of a case is made of, with its last twenty events';

create function public.keep_case_brief(p_case_id uuid, p_brief text, p_facts jsonb, p_next_steps jsonb, p_provider text, p_requested_by text)
returns bigint
language sql volatile security invoker set search_path = ''
as $$
  insert into public.case_copilot_briefs (org_id, enforcement_case_id, brief, facts, next_steps, provider, requested_by)
  values (public.current_org_id(), p_case_id, p_brief, p_facts, p_next_steps, p_provider, p_requested_by)
  returning id
$$;

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant execute on function public.apply_enrichment(jsonb), public.job_case(uuid), public.plan_outreach(uuid), public.pick_next_action(uuid),
                          public.case_copilot_facts(uuid), public.keep_case_brief(uuid, text, jsonb, jsonb, text, text) to service_role;
