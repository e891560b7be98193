-- What the night does to cases beside their tiers: overrides that have expired, next actions that are missing.

-- ---- functions ----
create function public.refresh_case_metrics(p_org_id uuid) returns bigint
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_changed bigint;
begin
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
comment on function public.refresh_case_metrics(uuid) is
  'Clears overrides that have expired, which count for nothing anyway, and gives cases without a next action that of their stage; days in stage are counted by the views. Answers how many cases have changed';

create or replace function public.refresh_enforcement_metrics() returns bigint
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_refresh public.tier_refreshes;
  v_step public.tier_refreshes;
  v_done bigint := 0;
  v_org record;
begin
  for v_org in
    select o.id, exists (select from public.tier_policies p where p.org_id = o.id and p.state = 'published') as has_policy
      from public.organisations o
     where public.current_org_id() is null or o.id = public.current_org_id()
     order by o.id
  loop
    if v_org.has_policy then
      v_refresh := public.start_tier_refresh(v_org.id);
      while v_refresh.state = 'running' loop
        v_step := public.step_tier_refresh(v_refresh.id, 10000);
        -- Workers are at all that is left.
        exit when v_step.id is null;
        v_refresh := v_step;
      end loop;
      v_done := v_done + v_refresh.done;
    end if;
    perform public.refresh_case_metrics(v_org.id);
  end loop;
  return v_done;
end;
$$;
comment on function public.refresh_enforcement_metrics() is
  'Re-tiers every active judgment with the stored expression of the published policy, clears expired overrides and sets missing next actions; answers how many judgments';

create or replace function public.run_nightly(p_org_id uuid) returns bigint
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_run_on date;
  v_enqueued bigint;
begin
  select (public.app_now() at time zone o.time_zone)::date into v_run_on
    from public.organisations o
   where o.id = p_org_id and (public.app_now() at time zone o.time_zone)::time >= time '02:00';
  if not found then
    return null;
  end if;
  -- Whoever comes second waits here for the first to commit, and then has nothing to do.
  insert into public.nightly_runs (org_id, run_on, enqueued) values (p_org_id, v_run_on, 0)
  on conflict (org_id, run_on) do nothing;
  if not found then
    return null;
  end if;
  perform public.refresh_case_metrics(p_org_id);
  delete from public.rpc_requests r where r.org_id = p_org_id and r.created_at < public.app_now() - interval '30 days';
  v_enqueued := public.queue_stale_judgments(p_org_id);
  update public.nightly_runs set enqueued = v_enqueued where org_id = p_org_id and run_on = v_run_on;
  return v_enqueued;
end;
$$;
comment on function public.run_nightly(uuid) is
  'Enqueues what was not tiered today, refreshes cases and forgets request ids after 30 days, once a local day and not before 02:00; null when there is nothing to do yet or any more';

-- ---- indexes ----
create index enforcement_cases_undated on public.enforcement_cases (org_id) where next_action_at is null and closed_at is null;

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant execute on function public.refresh_case_metrics(uuid) to service_role;
