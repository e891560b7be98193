-- Cases go to a pool's members by the rule by which leads do, and a plan goes on where the last one ended.

-- The order in which cases were given out is that of the items.
alter table public.case_plan_items add column item_no bigint generated always as identity;
comment on column public.case_plan_items.item_no is 'Ascends in the order in which a plan gave its cases out';

-- Who works a case is not busy with it for minutes, as with a lead. So whoever may work cases is available, at the desk or not,
-- load is the open cases that somebody owns, and there is no capacity that could be reached.
create function public.share_out_cases(p_org_id uuid, p_pool_id uuid, p_case_ids uuid[]) returns table (case_id uuid, owner_id uuid)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
declare
  v_users uuid[];
  v_loads bigint[];
  v_turns bigint[];
  v_turn bigint;
  v_case record;
  v_best int;
begin
  with member as (
    -- The best rank that has anybody.
    select g.user_id, g.agent_id
      from (select a.user_id, a.id as agent_id, rank() over (order by m.priority_rank) as place
              from public.agent_pool_members m
              join public.agent_profiles a on a.org_id = m.org_id and a.id = m.agent_profile_id and a.retired_at is null
              join public.memberships s on s.org_id = a.org_id and s.user_id = a.user_id and s.role <> 'viewer'
             where m.org_id = p_org_id and m.pool_id = p_pool_id) g
     where g.place = 1
  ), turn as (
    -- Who was given a case of this pool's last, by plans that were not cancelled. Longer ago is as good as never.
    select i.arguments ->> 'owner_id' as owner_id, max(i.item_no) as item_no
      from public.case_plans p
      join public.case_plan_items i on i.org_id = p.org_id and i.plan_id = p.id and i.state in ('ready', 'applied')
     where p.org_id = p_org_id and p.created_at > public.app_now() - interval '90 days' and p.change ->> 'pool_id' = p_pool_id::text
     group by 1
  )
  select array_agg(m.user_id order by m.agent_id), array_agg(l.cases order by m.agent_id), array_agg(coalesce(t.item_no, 0) order by m.agent_id)
    into v_users, v_loads, v_turns
    from member m
   cross join lateral (select count(*) as cases from public.enforcement_cases c
                        where c.org_id = p_org_id and c.owner_id = m.user_id and c.closed_at is null) l
    left join turn t on t.owner_id = m.user_id::text;
  v_turn := (select coalesce(max(t), 0) from unnest(v_turns) t);
  for v_case in
    select c.id, c.owner_id
      from public.enforcement_cases c
     where v_users is not null and c.org_id = p_org_id and c.id = any (p_case_ids) and c.closed_at is null
     order by c.id
  loop
    -- It is given out anew: who has it now has one less.
    v_best := array_position(v_users, v_case.owner_id);
    if v_best is not null then
      v_loads[v_best] := v_loads[v_best] - 1;
    end if;
    -- Nobody has less than who has none, so one order says both: idle before loaded, and then who waits longest.
    select u.n into v_best
      from unnest(v_loads, v_turns) with ordinality as u (load, turn, n)
     order by u.load, u.turn, u.n limit 1;
    v_loads[v_best] := v_loads[v_best] + 1;
    if v_case.owner_id is distinct from v_users[v_best] then
      v_turn := v_turn + 1;
      v_turns[v_best] := v_turn;
    end if;
    case_id := v_case.id;
    owner_id := v_users[v_best];
    return next;
  end loop;
end;
$$;
comment on function public.share_out_cases(uuid, uuid, uuid[]) is
  'Who of a pool gets each of these open cases: of the best rank the least loaded, and of those who waits longest; nobody where nobody may work cases';

create or replace function public.plan_case_change(p_change jsonb, p_filter jsonb, p_case_ids uuid[]) returns uuid
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
  v_to public.enforcement_stage_lookup;
  v_role public.membership_role;
  v_plan_id uuid;
begin
  if v_call.result is not null then
    return (v_call.result #>> '{}')::uuid;
  end if;
  perform public.expect_fields('a change of cases', p_change, array['kind', 'note', 'owner_id', 'pool_id', 'stage', 'override', 'next_action_at']);
  if v_kind = 'move_stage' then
    select * into v_to from public.enforcement_stage_lookup l where l.stage = public.rpc_text(p_change, 'stage', true);
    if not found then
      raise sqlstate 'PT422' using message = format('unknown stage `%s`', left(p_change ->> 'stage', 60)), detail = 'stage';
    end if;
  elsif v_kind = 'assign_owner' and v_pool_id is not null then
    if v_owner_id is not null then
      raise sqlstate 'PT422' using message = 'the cases go to an owner or to a pool', detail = 'pool_id', hint = 'name one of the two';
    end if;
    -- Plans of a pool are made one after the other, so that each knows whose turn it is.
    perform from public.agent_pools p where p.org_id = v_call.org_id and p.id = v_pool_id for no key update;
    if not exists (
         select from public.agent_pool_members m
           join public.agent_profiles a on a.org_id = m.org_id and a.id = m.agent_profile_id and a.retired_at is null
           join public.memberships s on s.org_id = a.org_id and s.user_id = a.user_id and s.role <> 'viewer'
          where m.org_id = v_call.org_id and m.pool_id = v_pool_id) then
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
            from (select distinct u.id from unnest(p_case_ids) as u (id)) i
            join public.enforcement_cases c on c.org_id = v_call.org_id and c.id = i.id
            join public.enforcement_stage_lookup l on l.stage = c.current_stage
            left join public.share_out_cases(v_call.org_id, v_pool_id, p_case_ids) s on s.case_id = c.id
           cross join lateral (
             select t.owner_id, case v_kind when 'assign_owner' then jsonb_build_object('owner_id', t.owner_id) else '{}' end as arguments
               from (select case when v_pool_id is null then v_owner_id else s.owner_id end as owner_id) t) o) p
   order by p.id;
  return (public.end_rpc(v_call, to_jsonb(v_plan_id)) #>> '{}')::uuid;
end;
$$;

revoke execute on all functions in schema public from public;
grant execute on function public.share_out_cases(uuid, uuid, uuid[]) to service_role;
