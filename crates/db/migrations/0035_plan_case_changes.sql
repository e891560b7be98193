-- Changes of many cases at once: a plan that says beforehand what it does to which case, is kept, and is applied exactly so, in pieces.

-- ---- types ----
create type public.case_plan_state as enum ('planned', 'applying', 'done', 'cancelled');
create type public.case_plan_item_state as enum ('ready', 'blocked', 'applied', 'changed', 'refused', 'dropped');

-- ---- tables ----
create table public.case_plans (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.organisations (id) on delete cascade,
  change jsonb not null check (jsonb_typeof(change) = 'object'),
  filter jsonb not null check (jsonb_typeof(filter) = 'object'),
  state public.case_plan_state not null default 'planned',
  created_by text not null,
  created_by_id uuid,
  created_at timestamptz not null default public.app_now(),
  ended_at timestamptz,
  check ((state in ('done', 'cancelled')) = (ended_at is not null)),
  unique (org_id, id)
);
comment on table public.case_plans is 'One change of many cases, as somebody was shown it';
comment on column public.case_plans.filter is 'The list that the cases were taken from; the items say which they were';
create index case_plans_newest on public.case_plans (org_id, created_at desc);

create table public.case_plan_items (
  org_id uuid not null,
  plan_id uuid not null,
  case_id uuid not null,
  state public.case_plan_item_state not null,
  reason text check (btrim(reason) <> ''),
  arguments jsonb not null default '{}' check (jsonb_typeof(arguments) = 'object'),
  seen_updated_at timestamptz not null,
  ended_at timestamptz,
  primary key (org_id, plan_id, case_id),
  check (state in ('ready', 'applied', 'dropped') or reason is not null),
  foreign key (org_id, plan_id) references public.case_plans (org_id, id) on delete cascade,
  foreign key (org_id, case_id) references public.enforcement_cases (org_id, id) on delete cascade
) with (fillfactor = 70);
comment on column public.case_plan_items.state is
  'blocked was found when the plan was made, changed and refused when it was applied; dropped was left out when the plan was cancelled';
comment on column public.case_plan_items.arguments is 'What differs from case to case in the change';
comment on column public.case_plan_items.seen_updated_at is 'The case as the plan has seen it: one that differs is not changed';
create index case_plan_items_case on public.case_plan_items (org_id, case_id);
create index case_plan_items_ready on public.case_plan_items (org_id, plan_id, case_id) where state = 'ready';

-- ---- functions ----
create function public.plan_case_change(p_change jsonb, p_filter jsonb, p_case_ids uuid[]) returns uuid
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('plan_case_change', jsonb_build_object('change', p_change, 'filter', p_filter, 'case_ids', to_jsonb(p_case_ids)));
  v_kind text := public.rpc_choice(p_change, 'kind', array['assign_owner', 'move_stage', 'set_next_action'], true);
  v_note text := public.rpc_text(p_change, 'note');
  v_owner_id uuid := public.rpc_uuid(p_change, 'owner_id');
  v_pool_id uuid := public.rpc_uuid(p_change, 'pool_id');
  v_next_action_at timestamptz := public.rpc_instant(p_change, 'next_action_at', v_kind = 'set_next_action');
  v_is_override boolean := public.rpc_flag(p_change, 'override');
  v_owners uuid[] := array[v_owner_id];
  v_to public.enforcement_stage_lookup;
  v_role public.membership_role;
  v_plan_id uuid;
begin
  if v_call.result is not null then
    return (v_call.result #>> '{}')::uuid;
  end if;
  if v_kind = 'move_stage' then
    select * into v_to from public.enforcement_stage_lookup l where l.stage = public.rpc_text(p_change, 'stage', true);
    if not found then
      raise sqlstate 'PT422' using message = format('unknown stage `%s`', left(p_change ->> 'stage', 60)), detail = 'stage';
    end if;
  elsif v_kind = 'assign_owner' and v_pool_id is not null then
    -- The pool's best rank takes them in turn: who works a case is not busy with it for minutes, as with a lead.
    select array_agg(g.user_id order by g.user_id) into v_owners
      from (select a.user_id, rank() over (order by m.priority_rank) as place
              from public.agent_pool_members m
              join public.agent_profiles a on a.org_id = m.org_id and a.id = m.agent_profile_id and a.retired_at is null
              join public.memberships s on s.org_id = a.org_id and s.user_id = a.user_id and s.role <> 'viewer'
             where m.org_id = v_call.org_id and m.pool_id = v_pool_id) g
     where g.place = 1;
    if v_owners is null then
      raise sqlstate 'PT422' using message = 'nobody in the pool may work cases', detail = 'pool_id',
        hint = 'choose a pool whose agents are operators or admins of the organisation';
    end if;
  elsif v_kind = 'assign_owner' and v_owner_id is not null then
    select m.role into v_role from public.memberships m where m.org_id = v_call.org_id and m.user_id = v_owner_id;
    if not found then
      raise sqlstate 'PT422' using message = 'the owner is not a member of the organisation', detail = 'owner_id';
    elsif v_role = 'viewer' then
      raise sqlstate 'PT422' using message = 'the owner may not work cases', detail = 'owner_id', hint = 'choose an operator or an admin';
    end if;
  end if;

  insert into public.case_plans (org_id, change, filter, created_by, created_by_id)
  values (v_call.org_id, p_change, p_filter, v_call.actor, v_call.actor_id)
  returning id into v_plan_id;
  insert into public.case_plan_items (org_id, plan_id, case_id, arguments, seen_updated_at, state, reason)
  select v_call.org_id, v_plan_id, p.id, p.arguments, p.updated_at,
         case when p.reason is null then 'ready' else 'blocked' end::public.case_plan_item_state, p.reason
    from (select c.id, c.updated_at, o.arguments,
                 case when c.closed_at is not null then 'the case is closed'
                      when v_kind = 'assign_owner' and c.owner_id = o.owner_id then 'this owner has it already'
                      when v_kind = 'assign_owner' and o.owner_id is null and c.owner_id is null then 'nobody owns it already'
                      when v_kind = 'set_next_action' and c.next_action_at = v_next_action_at then 'its next action is then already'
                      when v_kind <> 'move_stage' then null
                      when c.current_stage = v_to.stage then 'it is in this stage already'
                      when v_to.ordinal = 4 then format('entering stage %s needs a document of its own', v_to.stage)
                      when v_to.ordinal < l.ordinal and not v_is_override then format('it is further on: in stage %s', c.current_stage)
                      when c.blocked_since is not null then 'somebody outside holds it up'
                 end as reason
            from (select i.id, row_number() over (order by i.id) as n from (select distinct u.id from unnest(p_case_ids) as u (id)) i) i
            join public.enforcement_cases c on c.org_id = v_call.org_id and c.id = i.id
            join public.enforcement_stage_lookup l on l.stage = c.current_stage
           cross join lateral (
             select t.owner_id, case v_kind when 'assign_owner' then jsonb_build_object('owner_id', t.owner_id) else '{}' end as arguments
               from (select v_owners[(1 + i.n % cardinality(v_owners))::int] as owner_id) t) o) p;
  return (public.end_rpc(v_call, to_jsonb(v_plan_id)) #>> '{}')::uuid;
end;
$$;
-- A definer, as those below: people write no table of cases but by a function.
alter function public.plan_case_change(jsonb, jsonb, uuid[]) owner to service_role;
comment on function public.plan_case_change(jsonb, jsonb, uuid[]) is
  'Keeps what a change (assign_owner, move_stage or set_next_action) would do to each of these cases and what keeps it from others; changes none';

create function public.apply_case_plan(p_plan_id uuid, p_limit int) returns bigint
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
alter function public.apply_case_plan(uuid, int) owner to service_role;
comment on function public.apply_case_plan(uuid, int) is
  'Applies the next cases of a plan, each by its function; one that was changed since the plan was made is left as it is. Answers how many are left';

create function public.cancel_case_plan(p_plan_id uuid) returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('cancel_case_plan', jsonb_build_object('plan_id', p_plan_id));
  v_plan public.case_plans;
begin
  select * into v_plan from public.case_plans p where p.org_id = v_call.org_id and p.id = p_plan_id for no key update;
  if not found then
    raise sqlstate 'PT404' using message = 'plan not found';
  end if;
  if v_plan.ended_at is not null then
    return;
  end if;
  update public.case_plan_items i set state = 'dropped', ended_at = public.app_now()
   where i.org_id = v_call.org_id and i.plan_id = v_plan.id and i.state = 'ready';
  update public.case_plans p set state = 'cancelled', ended_at = public.app_now()
   where p.org_id = v_call.org_id and p.id = v_plan.id;
end;
$$;
alter function public.cancel_case_plan(uuid) owner to service_role;
comment on function public.cancel_case_plan(uuid) is 'Ends a plan; what it has changed stays changed';

-- ---- row-level security ----
alter table public.case_plans enable row level security, force row level security;
alter table public.case_plan_items enable row level security, force row level security;
create policy "members see plans for their cases" on public.case_plans
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see what plans do to their cases" on public.case_plan_items
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "the service keeps plans" on public.case_plans for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service keeps what plans do" on public.case_plan_items for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);

-- ---- grants ----
revoke execute on function public.plan_case_change(jsonb, jsonb, uuid[]), public.apply_case_plan(uuid, int), public.cancel_case_plan(uuid) from public;
grant select on public.case_plans, public.case_plan_items to authenticated, service_role;
grant insert, update on public.case_plans, public.case_plan_items to service_role;
grant execute on function public.plan_case_change(jsonb, jsonb, uuid[]), public.apply_case_plan(uuid, int),
                          public.cancel_case_plan(uuid) to enforcement_operator, service_role;
