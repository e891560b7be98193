-- Pools of agents with priority ranks, the page rules that lead to them, the keys of visitors, and the order in which all of it changes.

-- ---- roles ----
-- Belongs to the whole server, not to one database, so it may exist already.
do $$
begin
  begin
    create role lead_router nologin;
  exception
    when duplicate_object or unique_violation then null;
  end;
  grant lead_router to current_user;
end;
$$;
grant usage on schema public to lead_router;

-- ---- types ----
create type public.pool_fallback as enum ('none', 'organisation');
create type public.pool_member_change as enum ('added', 'ranked', 'removed');

-- ---- tables ----
create table public.agent_pools (
  id uuid not null default gen_random_uuid(),
  org_id uuid not null references public.organisations (id) on delete cascade,
  name text not null check (btrim(name) <> '' and length(name) <= 80),
  is_default boolean not null default false,
  fallback public.pool_fallback not null default 'none',
  is_waiting_on boolean not null default false,
  wait_seconds_max int not null default 120 check (wait_seconds_max between 5 and 3600),
  wait_leads_max int not null default 20 check (wait_leads_max between 1 and 1000),
  created_at timestamptz not null default public.app_now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  unique (id),
  check (deleted_at is null or not is_default)
);
comment on table public.agent_pools is 'Agents that serve one demand; a deleted pool stays for what was recorded of it';
comment on column public.agent_pools.is_default is 'Takes the pages that no rule names; one an organisation, which cannot be deleted';
comment on column public.agent_pools.fallback is 'Whom a lead goes to when nobody in the pool is free: nobody, or any agent of the organisation';
comment on column public.agent_pools.is_waiting_on is 'Leads that find nobody wait, first come first served, at most so many and at most so long';
create unique index agent_pools_default on public.agent_pools (org_id) where is_default;
create unique index agent_pools_name on public.agent_pools (org_id, lower(name)) where deleted_at is null;

create table public.agent_profiles (
  id uuid not null default gen_random_uuid(),
  org_id uuid not null references public.organisations (id) on delete cascade,
  user_id uuid,
  display_name text not null check (btrim(display_name) <> '' and length(display_name) <= 80),
  capacity int not null default 5 check (capacity between 1 and 1000),
  created_at timestamptz not null default public.app_now(),
  retired_at timestamptz,
  primary key (org_id, id),
  unique (id),
  foreign key (org_id, user_id) references public.memberships (org_id, user_id) on delete set null (user_id)
);
comment on table public.agent_profiles is 'Who takes leads; a retired agent stays for what was recorded of them';
comment on column public.agent_profiles.user_id is 'Who signs in as this agent; null for one that nobody has signed in as, and once the membership has ended';
comment on column public.agent_profiles.capacity is 'Leads at the same time, over all pools';
create unique index agent_profiles_user on public.agent_profiles (org_id, user_id) where retired_at is null;
create index agent_profiles_member on public.agent_profiles (org_id, user_id);

create table public.agent_pool_members (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null,
  pool_id uuid not null,
  agent_profile_id uuid not null,
  priority_rank int not null default 1 check (priority_rank between 1 and 99),
  created_at timestamptz not null default public.app_now(),
  unique (pool_id, agent_profile_id),
  foreign key (org_id, pool_id) references public.agent_pools (org_id, id) on delete cascade,
  foreign key (org_id, agent_profile_id) references public.agent_profiles (org_id, id) on delete cascade
);
comment on table public.agent_pool_members is 'Rank 1 is asked first; a rank is left only when every member of it is unavailable or at capacity';
create index idx_agent_pool_members_pool_priority on public.agent_pool_members (pool_id, priority_rank);
create index agent_pool_members_pool on public.agent_pool_members (org_id, pool_id);
create index agent_pool_members_agent on public.agent_pool_members (org_id, agent_profile_id);

create table public.agent_pool_member_events (
  id bigint primary key generated always as identity,
  org_id uuid not null references public.organisations (id) on delete cascade,
  pool_id uuid not null,
  agent_profile_id uuid not null,
  at timestamptz not null default public.app_now(),
  change public.pool_member_change not null,
  old_rank int,
  new_rank int,
  actor_id uuid,
  actor_name text
);
comment on table public.agent_pool_member_events is 'Append-only, by trigger: every rank that an agent had in a pool, from when, by whom';
create index agent_pool_member_events_pool on public.agent_pool_member_events (org_id, pool_id, id desc);

create table public.pool_page_rules (
  org_id uuid not null,
  rule_id text not null check (length(rule_id) between 1 and 200),
  pool_id uuid not null,
  place int not null check (place > 0),
  rule jsonb not null check (jsonb_typeof(rule) = 'object'),
  primary key (org_id, rule_id),
  foreign key (org_id, pool_id) references public.agent_pools (org_id, id) on delete cascade
);
comment on table public.pool_page_rules is 'Which pool a page leads to: the first active rule by place that matches, else the default pool';
comment on column public.pool_page_rules.rule is 'As policy::routing::PageRule reads it';
create index pool_page_rules_pool on public.pool_page_rules (org_id, pool_id);

create table public.visitor_keys (
  key text primary key check (key ~ '^pk_[0-9a-f]{32}$'),
  org_id uuid not null references public.organisations (id) on delete cascade,
  name text not null check (btrim(name) <> '' and length(name) <= 80),
  allowed_origins text[] not null default '{}',
  created_at timestamptz not null default public.app_now(),
  revoked_at timestamptz
);
comment on table public.visitor_keys is 'Public keys: they stand in the pages of an organisation and say for whom a lead is, not who asks';
comment on column public.visitor_keys.allowed_origins is 'Pages that may use it, as browsers name them: scheme, host and port in lower case';
create index visitor_keys_org on public.visitor_keys (org_id);

create table public.visitor_secrets (
  org_id uuid primary key references public.organisations (id) on delete cascade,
  secret bytea not null default sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) check (octet_length(secret) = 32)
);
comment on table public.visitor_secrets is 'Signs the tokens of visitors, on every server process alike';

create table public.routing_state (
  org_id uuid primary key references public.organisations (id) on delete cascade,
  revision bigint not null default 1,
  sequence bigint not null default 0
) with (fillfactor = 10);
comment on table public.routing_state is 'Whoever changes what routing stands on locks this row first: one order of changes an organisation, whatever the number of servers';
comment on column public.routing_state.revision is 'Counts the changes of pools, ranks, agents and rules';
comment on column public.routing_state.sequence is 'Number of the last change in routing_log';

create table public.routing_log (
  org_id uuid not null references public.organisations (id) on delete cascade,
  last_no bigint not null,
  first_no bigint not null,
  revision bigint not null,
  at timestamptz not null default public.app_now(),
  changes jsonb not null check (jsonb_typeof(changes) = 'array'),
  primary key (org_id, last_no),
  check (last_no - first_no + 1 = jsonb_array_length(changes))
);
comment on table public.routing_log is 'Append-only: every change of the state that routing stands on, numbered without gaps; one row a transaction. A server applies what others did since it looked last';

-- ---- functions ----
create function public.append_routing_changes(p_org_id uuid, p_changes jsonb, p_is_configuration boolean) returns bigint
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_count int := jsonb_array_length(p_changes);
  v_state public.routing_state;
begin
  update public.routing_state
     set sequence = sequence + v_count, revision = revision + p_is_configuration::int
   where org_id = p_org_id returning * into v_state;
  insert into public.routing_log (org_id, first_no, last_no, revision, changes)
  values (p_org_id, v_state.sequence - v_count + 1, v_state.sequence, v_state.revision, p_changes);
  perform pg_notify('dragonfly_routing', p_org_id::text);
  return v_state.revision;
end;
$$;
comment on function public.append_routing_changes(uuid, jsonb, boolean) is
  'Numbers and keeps changes that the transaction has made, or is about to make: it holds the lock from here on';

create function public.tg_organisation_gets_pool() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.routing_state (org_id) values (new.id);
  insert into public.visitor_secrets (org_id) values (new.id);
  insert into public.agent_pools (org_id, name, is_default) values (new.id, 'Everybody', true);
  return null;
end;
$$;
-- A definer, because whoever founds an organisation need not be allowed to write these.
alter function public.tg_organisation_gets_pool() owner to service_role;

create function public.tg_default_pool_stays() returns trigger
language plpgsql set search_path = ''
as $$
begin
  -- It goes with its organisation.
  if tg_op = 'DELETE' and pg_trigger_depth() > 1 then
    return old;
  end if;
  raise sqlstate 'PT409' using message = 'the default pool cannot be deleted',
    hint = 'it takes the pages that no rule names; rename it, or give it other members';
end;
$$;
create trigger default_pool_stays before delete on public.agent_pools
  for each row when (old.is_default) execute function public.tg_default_pool_stays();
create trigger default_pool_stays_default before update on public.agent_pools
  for each row when (old.is_default and (new.deleted_at is not null or not new.is_default)) execute function public.tg_default_pool_stays();

create function public.tg_member_keeps_events() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_member public.agent_pool_members := coalesce(new, old);
begin
  -- What goes with its organisation leaves no history either.
  if tg_op = 'DELETE' and not exists (select from public.organisations o where o.id = old.org_id) then
    return null;
  end if;
  insert into public.agent_pool_member_events
    (org_id, pool_id, agent_profile_id, change, old_rank, new_rank, actor_id, actor_name)
  values (v_member.org_id, v_member.pool_id, v_member.agent_profile_id,
          (case tg_op when 'INSERT' then 'added' when 'UPDATE' then 'ranked' else 'removed' end)::public.pool_member_change,
          old.priority_rank, new.priority_rank, public.current_user_id(),
          (select u.display_name from public.users u where u.id = public.current_user_id()));
  return null;
end;
$$;
-- A definer, so that there is no way to a rank past its history.
alter function public.tg_member_keeps_events() owner to service_role;
create trigger keep_events after insert or delete on public.agent_pool_members
  for each row execute function public.tg_member_keeps_events();
create trigger keep_rank_events after update on public.agent_pool_members
  for each row when (old.priority_rank <> new.priority_rank) execute function public.tg_member_keeps_events();
create trigger refuse_change before update or delete on public.agent_pool_member_events
  for each row execute function public.tg_refuse_change();
create trigger refuse_change before update or delete on public.routing_log
  for each row execute function public.tg_refuse_change();

-- The lock comes first, in a statement of its own: those that follow see what the transaction that held it has left.
create function public.lock_routing() returns uuid
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_org uuid := public.current_org_id();
begin
  perform from public.routing_state s where s.org_id = v_org for no key update;
  if not found then
    raise sqlstate 'PT404' using message = 'organisation not found';
  end if;
  return v_org;
end;
$$;
comment on function public.lock_routing() is 'Locks the routing of the caller''s organisation until the transaction ends, and answers the organisation';

create function public.agent_memberships(p_org_id uuid, p_agent_id uuid) returns jsonb
language sql stable security invoker set search_path = ''
as $$
  select jsonb_build_object('do', 'memberships', 'agent', p_agent_id, 'memberships',
           coalesce(jsonb_agg(jsonb_build_object('pool_id', m.pool_id, 'priority_rank', m.priority_rank) order by m.pool_id), '[]'))
    from public.agent_pool_members m
   where m.org_id = p_org_id and m.agent_profile_id = p_agent_id
$$;
comment on function public.agent_memberships(uuid, uuid) is 'The change that tells every server the pools and ranks that an agent has now';

create function public.save_pool(
  p_pool_id uuid, p_name text, p_fallback public.pool_fallback, p_is_waiting_on boolean, p_wait_seconds_max int, p_wait_leads_max int)
returns uuid
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_org uuid := public.lock_routing();
  v_id uuid := p_pool_id;
begin
  if coalesce(btrim(p_name), '') = '' then
    raise sqlstate 'PT422' using message = 'a pool needs a name', detail = 'name';
  end if;
  if length(btrim(p_name)) > 80 then
    raise sqlstate 'PT422' using message = 'the name is longer than 80 characters', detail = 'name';
  end if;
  if p_wait_seconds_max not between 5 and 3600 then
    raise sqlstate 'PT422' using message = 'leads wait between 5 seconds and an hour', detail = 'waiting.seconds_max';
  end if;
  if p_wait_leads_max not between 1 and 1000 then
    raise sqlstate 'PT422' using message = 'between 1 and 1000 leads can wait', detail = 'waiting.leads_max';
  end if;
  if exists (select from public.agent_pools p where p.org_id = v_org and lower(p.name) = lower(btrim(p_name))
                and p.deleted_at is null and p.id is distinct from p_pool_id) then
    raise sqlstate 'PT422' using message = format('there is a pool `%s` already', btrim(p_name)), detail = 'name';
  end if;
  if p_pool_id is null then
    insert into public.agent_pools (org_id, name, fallback, is_waiting_on, wait_seconds_max, wait_leads_max)
    values (v_org, btrim(p_name), p_fallback, p_is_waiting_on, p_wait_seconds_max, p_wait_leads_max)
    returning id into v_id;
  else
    update public.agent_pools
       set name = btrim(p_name), fallback = p_fallback, is_waiting_on = p_is_waiting_on,
           wait_seconds_max = p_wait_seconds_max, wait_leads_max = p_wait_leads_max
     where org_id = v_org and id = p_pool_id and deleted_at is null;
    if not found then
      raise sqlstate 'PT404' using message = 'pool not found';
    end if;
  end if;
  perform public.append_routing_changes(v_org, '[{"do": "configuration"}]', true);
  return v_id;
end;
$$;
-- A definer, as are those that follow: an admin changes pools in the order of the log, and by no other way.
alter function public.save_pool(uuid, text, public.pool_fallback, boolean, int, int) owner to service_role;
comment on function public.save_pool(uuid, text, public.pool_fallback, boolean, int, int) is 'Adds a pool, or changes one where an id is given';

create function public.delete_pool(p_pool_id uuid) returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_org uuid := public.lock_routing();
begin
  update public.agent_pools set deleted_at = public.app_now()
   where org_id = v_org and id = p_pool_id and deleted_at is null;
  if not found then
    raise sqlstate 'PT404' using message = 'pool not found';
  end if;
  delete from public.agent_pool_members where org_id = v_org and pool_id = p_pool_id;
  delete from public.pool_page_rules where org_id = v_org and pool_id = p_pool_id;
  perform public.append_routing_changes(v_org, '[{"do": "configuration"}]', true);
end;
$$;
alter function public.delete_pool(uuid) owner to service_role;
comment on function public.delete_pool(uuid) is 'Takes a pool away with its members and rules; leads that it has stay with their agents';

create function public.add_pool_member(p_pool_id uuid, p_agent_id uuid, p_rank int) returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_org uuid := public.lock_routing();
begin
  if p_rank is null or p_rank not between 1 and 99 then
    raise sqlstate 'PT422' using message = 'a rank is a whole number from 1 to 99', detail = 'priority_rank';
  end if;
  if not exists (select from public.agent_pools p where p.org_id = v_org and p.id = p_pool_id and p.deleted_at is null) then
    raise sqlstate 'PT404' using message = 'pool not found';
  end if;
  if not exists (select from public.agent_profiles a where a.org_id = v_org and a.id = p_agent_id and a.retired_at is null) then
    raise sqlstate 'PT422' using message = 'no such agent in this organisation', detail = 'agent_id';
  end if;
  insert into public.agent_pool_members (org_id, pool_id, agent_profile_id, priority_rank)
  values (v_org, p_pool_id, p_agent_id, p_rank)
  on conflict (pool_id, agent_profile_id) do nothing;
  if not found then
    raise sqlstate 'PT422' using message = 'the agent is in this pool already', detail = 'agent_id';
  end if;
  perform public.append_routing_changes(v_org, jsonb_build_array(public.agent_memberships(v_org, p_agent_id)), true);
end;
$$;
alter function public.add_pool_member(uuid, uuid, int) owner to service_role;
comment on function public.add_pool_member(uuid, uuid, int) is 'Adds an agent to a pool; the next decision on any server counts with it';

create function public.rank_pool_members(p_pool_id uuid, p_agent_ids uuid[], p_ranks int[], p_expected_revision bigint default null)
returns bigint
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_org uuid := public.lock_routing();
  v_agents uuid[];
  v_bad int;
begin
  if not exists (select from public.agent_pools p where p.org_id = v_org and p.id = p_pool_id and p.deleted_at is null) then
    raise sqlstate 'PT404' using message = 'pool not found';
  end if;
  if p_expected_revision <> (select s.revision from public.routing_state s where s.org_id = v_org) then
    raise sqlstate 'PT409' using message = 'pools were changed by somebody else meanwhile', detail = 'revision_moved',
      hint = 'load them again and look at the preview';
  end if;
  select min(u.n) - 1 into v_bad from unnest(p_ranks) with ordinality as u (rank, n) where u.rank is null or u.rank not between 1 and 99;
  if v_bad is not null then
    raise sqlstate 'PT422' using message = 'a rank is a whole number from 1 to 99', detail = format('ranks[%s].priority_rank', v_bad);
  end if;
  select min(u.n) - 1 into v_bad from unnest(p_agent_ids) with ordinality as u (id, n)
   where not exists (select from public.agent_pool_members m where m.org_id = v_org and m.pool_id = p_pool_id and m.agent_profile_id = u.id);
  if v_bad is not null then
    raise sqlstate 'PT422' using message = 'no such agent in this pool', detail = format('ranks[%s].agent_id', v_bad);
  end if;
  select min(u.n) - 1 into v_bad
    from (select n, row_number() over (partition by id order by n) as nth from unnest(p_agent_ids) with ordinality as u (id, n)) u
   where u.nth > 1;
  if v_bad is not null then
    raise sqlstate 'PT422' using message = 'the agent is named twice', detail = format('ranks[%s].agent_id', v_bad);
  end if;
  with changed as (
    update public.agent_pool_members m set priority_rank = u.rank
      from unnest(p_agent_ids, p_ranks) as u (id, rank)
     where m.org_id = v_org and m.pool_id = p_pool_id and m.agent_profile_id = u.id and m.priority_rank <> u.rank
    returning m.agent_profile_id
  )
  select array_agg(c.agent_profile_id) into v_agents from changed c;
  if v_agents is null then
    return (select s.revision from public.routing_state s where s.org_id = v_org);
  end if;
  return public.append_routing_changes(
    v_org, (select jsonb_agg(public.agent_memberships(v_org, a.id) order by a.id) from unnest(v_agents) as a (id)), true);
end;
$$;
alter function public.rank_pool_members(uuid, uuid[], int[], bigint) owner to service_role;
comment on function public.rank_pool_members(uuid, uuid[], int[], bigint) is
  'Gives members of a pool these ranks, all or none; answers the revision that counts from the next decision on';

create function public.remove_pool_member(p_pool_id uuid, p_agent_id uuid) returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_org uuid := public.lock_routing();
begin
  delete from public.agent_pool_members m
   where m.org_id = v_org and m.pool_id = p_pool_id and m.agent_profile_id = p_agent_id;
  if not found then
    raise sqlstate 'PT404' using message = 'member not found';
  end if;
  perform public.append_routing_changes(v_org, jsonb_build_array(public.agent_memberships(v_org, p_agent_id)), true);
end;
$$;
alter function public.remove_pool_member(uuid, uuid) owner to service_role;
comment on function public.remove_pool_member(uuid, uuid) is 'Takes an agent out of a pool; leads that the agent has stay';

create function public.save_page_rules(p_rules jsonb, p_expected_revision bigint) returns bigint
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_org uuid := public.lock_routing();
  v_bad int;
begin
  if p_expected_revision <> (select s.revision from public.routing_state s where s.org_id = v_org) then
    raise sqlstate 'PT409' using message = 'pools were changed by somebody else meanwhile', detail = 'revision_moved',
      hint = 'load them again';
  end if;
  select min(u.n) - 1 into v_bad from jsonb_array_elements(p_rules) with ordinality as u (rule, n)
   where not exists (select from public.agent_pools p
                      where p.org_id = v_org and p.id = (u.rule ->> 'pool_id')::uuid and p.deleted_at is null);
  if v_bad is not null then
    raise sqlstate 'PT422' using message = 'no such pool in this organisation', detail = format('rules[%s].pool_id', v_bad);
  end if;
  delete from public.pool_page_rules r where r.org_id = v_org;
  insert into public.pool_page_rules (org_id, rule_id, pool_id, place, rule)
  select v_org, u.rule ->> 'id', (u.rule ->> 'pool_id')::uuid, u.n, u.rule
    from jsonb_array_elements(p_rules) with ordinality as u (rule, n);
  return public.append_routing_changes(v_org, '[{"do": "configuration"}]', true);
end;
$$;
alter function public.save_page_rules(jsonb, bigint) owner to service_role;
comment on function public.save_page_rules(jsonb, bigint) is 'Replaces the page rules of the organisation by these, which the caller has checked, in their order';

create function public.save_agent(p_agent_id uuid, p_user_id uuid, p_display_name text, p_capacity int) returns uuid
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_org uuid := public.lock_routing();
  v_id uuid := p_agent_id;
begin
  if coalesce(btrim(p_display_name), '') = '' then
    raise sqlstate 'PT422' using message = 'an agent needs a name', detail = 'display_name';
  end if;
  if length(btrim(p_display_name)) > 80 then
    raise sqlstate 'PT422' using message = 'the name is longer than 80 characters', detail = 'display_name';
  end if;
  if p_capacity is null or p_capacity not between 1 and 1000 then
    raise sqlstate 'PT422' using message = 'a capacity is a whole number from 1 to 1000', detail = 'capacity';
  end if;
  if p_user_id is not null then
    if not exists (select from public.memberships m where m.org_id = v_org and m.user_id = p_user_id) then
      raise sqlstate 'PT422' using message = 'nobody of this organisation', detail = 'user_id';
    end if;
    if exists (select from public.agent_profiles a where a.org_id = v_org and a.user_id = p_user_id and a.retired_at is null
                  and a.id is distinct from p_agent_id) then
      raise sqlstate 'PT422' using message = 'this person is an agent already', detail = 'user_id';
    end if;
  end if;
  if p_agent_id is null then
    insert into public.agent_profiles (org_id, user_id, display_name, capacity)
    values (v_org, p_user_id, btrim(p_display_name), p_capacity) returning id into v_id;
  else
    update public.agent_profiles
       set user_id = p_user_id, display_name = btrim(p_display_name), capacity = p_capacity
     where org_id = v_org and id = p_agent_id and retired_at is null;
    if not found then
      raise sqlstate 'PT404' using message = 'agent not found';
    end if;
  end if;
  perform public.append_routing_changes(v_org, '[{"do": "configuration"}]', true);
  return v_id;
end;
$$;
alter function public.save_agent(uuid, uuid, text, int) owner to service_role;
comment on function public.save_agent(uuid, uuid, text, int) is 'Adds an agent, or changes one where an id is given';

create function public.save_visitor_key(p_key text, p_name text, p_allowed_origins text[]) returns text
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_org uuid := public.lock_routing();
  v_key text := p_key;
begin
  if coalesce(btrim(p_name), '') = '' or length(btrim(p_name)) > 80 then
    raise sqlstate 'PT422' using message = 'a key needs a name of at most 80 characters', detail = 'name';
  end if;
  if p_key is null then
    v_key := 'pk_' || replace(gen_random_uuid()::text, '-', '');
    insert into public.visitor_keys (key, org_id, name, allowed_origins) values (v_key, v_org, btrim(p_name), p_allowed_origins);
  else
    update public.visitor_keys set name = btrim(p_name), allowed_origins = p_allowed_origins
     where org_id = v_org and key = p_key and revoked_at is null;
    if not found then
      raise sqlstate 'PT404' using message = 'key not found';
    end if;
  end if;
  perform public.append_routing_changes(v_org, '[{"do": "configuration"}]', true);
  return v_key;
end;
$$;
alter function public.save_visitor_key(text, text, text[]) owner to service_role;
comment on function public.save_visitor_key(text, text, text[]) is 'Makes a key, or changes the pages that may use one';

create function public.revoke_visitor_key(p_key text) returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_org uuid := public.lock_routing();
begin
  update public.visitor_keys set revoked_at = public.app_now() where org_id = v_org and key = p_key and revoked_at is null;
  if not found then
    raise sqlstate 'PT404' using message = 'key not found';
  end if;
  perform public.append_routing_changes(v_org, '[{"do": "configuration"}]', true);
end;
$$;
alter function public.revoke_visitor_key(text) owner to service_role;
comment on function public.revoke_visitor_key(text) is 'The next lead that comes with this key is refused, on every server';

create function public.visitor_key(p_key text) returns public.visitor_keys
language sql stable security definer set search_path = ''
as $$ select k from public.visitor_keys k where k.key = p_key and k.revoked_at is null $$;
-- A definer, because a visitor's organisation is known by the key alone: whoever has none sees none.
alter function public.visitor_key(text) owner to service_role;
comment on function public.visitor_key(text) is 'The organisation of a visitor and the pages that may ask for it';

create trigger get_pool after insert on public.organisations
  for each row execute function public.tg_organisation_gets_pool();

-- ---- row-level security ----
alter table public.agent_pools enable row level security, force row level security;
alter table public.agent_profiles enable row level security, force row level security;
alter table public.agent_pool_members enable row level security, force row level security;
alter table public.agent_pool_member_events enable row level security, force row level security;
alter table public.pool_page_rules enable row level security, force row level security;
alter table public.visitor_keys enable row level security, force row level security;
alter table public.visitor_secrets enable row level security, force row level security;
alter table public.routing_state enable row level security, force row level security;
alter table public.routing_log enable row level security, force row level security;

-- One sentence for each audience, in the same words for every table: members read, the router reads what it decides by,
-- the service manages.
do $$
declare
  v_table text;
begin
  foreach v_table in array array['agent_pools', 'agent_profiles', 'agent_pool_members', 'agent_pool_member_events', 'pool_page_rules',
                                 'visitor_keys', 'routing_state', 'routing_log'] loop
    execute format('create policy "members see what is of their organisation" on public.%I
      for select to authenticated using (org_id = (select public.current_org_id()))', v_table);
  end loop;
  foreach v_table in array array['agent_pools', 'agent_profiles', 'agent_pool_members', 'pool_page_rules', 'visitor_keys',
                                 'visitor_secrets', 'routing_state', 'routing_log'] loop
    execute format('create policy "the router works for one organisation" on public.%I for all to lead_router
      using (org_id = (select public.current_org_id()))', v_table);
  end loop;
  foreach v_table in array array['agent_pools', 'agent_profiles', 'agent_pool_members', 'agent_pool_member_events', 'pool_page_rules',
                                 'visitor_keys', 'visitor_secrets', 'routing_state', 'routing_log'] loop
    execute format('create policy "the service manages pools" on public.%I for all to service_role
      using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null)', v_table);
  end loop;
end;
$$;

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant select on public.agent_pools, public.agent_profiles, public.agent_pool_members, public.agent_pool_member_events,
                public.pool_page_rules, public.visitor_keys, public.routing_state, public.routing_log to authenticated, service_role;
grant insert, update, delete on public.agent_pools, public.agent_profiles, public.agent_pool_members, public.pool_page_rules,
                                public.visitor_keys, public.routing_state to service_role;
grant select, insert on public.visitor_secrets to service_role;
grant insert on public.agent_pool_member_events, public.routing_log to service_role;
grant select on public.agent_pools, public.agent_profiles, public.agent_pool_members, public.pool_page_rules, public.visitor_keys,
                public.visitor_secrets, public.routing_state, public.routing_log to lead_router;
grant update (sequence) on public.routing_state to lead_router;
grant insert on public.routing_log to lead_router;
grant execute on function public.app_now(), public.current_org_id(), public.current_user_id(), public.visitor_key(text) to lead_router;
grant execute on function public.append_routing_changes(uuid, jsonb, boolean), public.lock_routing(),
                          public.agent_memberships(uuid, uuid) to service_role;
grant execute on function public.save_pool(uuid, text, public.pool_fallback, boolean, int, int), public.delete_pool(uuid),
                          public.add_pool_member(uuid, uuid, int), public.rank_pool_members(uuid, uuid[], int[], bigint),
                          public.remove_pool_member(uuid, uuid), public.save_page_rules(jsonb, bigint),
                          public.save_agent(uuid, uuid, text, int), public.save_visitor_key(text, text, text[]),
                          public.revoke_visitor_key(text) to admin, service_role;

-- ---- existing organisations ----
-- As the service, since the owner of the tables is subject to row-level security too.
set local role service_role;
insert into public.routing_state (org_id) select o.id from public.organisations o;
insert into public.visitor_secrets (org_id) select o.id from public.organisations o;
insert into public.agent_pools (org_id, name, is_default) select o.id, 'Everybody', true from public.organisations o;
reset role;
