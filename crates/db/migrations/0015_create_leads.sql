-- Leads: visitors who ask for an agent, who took them, who nobody took and why, and which agents are there.

-- ---- types ----
create type public.agent_status as enum ('idle', 'in_simulation', 'in_call', 'away', 'offline');
create type public.lead_state as enum ('waiting', 'assigned', 'in_call', 'ended', 'missed');
create type public.assignment_cause as enum ('arrival', 'waiting', 'reassigned', 'declined');
create type public.release_cause as enum ('ended', 'left', 'declined', 'away', 'disconnected');
create type public.missed_reason as enum ('no_pool', 'unavailable', 'waiting_full', 'waited_too_long', 'left_waiting', 'not_reassigned', 'declined');

-- ---- tables ----
create table public.server_processes (
  id uuid primary key,
  started_at timestamptz not null default public.app_now(),
  seen_at timestamptz not null default public.app_now()
);
comment on table public.server_processes is 'Servers that hold sockets of agents; one that has not been seen for some seconds has lost them';

create table public.agent_presence (
  org_id uuid not null,
  agent_id uuid not null,
  status public.agent_status not null default 'offline',
  since timestamptz not null default public.app_now(),
  seen_at timestamptz not null default public.app_now(),
  socket_id uuid,
  process_id uuid,
  disconnected_at timestamptz,
  primary key (org_id, agent_id),
  foreign key (org_id, agent_id) references public.agent_profiles (org_id, id) on delete cascade,
  check ((socket_id is null) = (process_id is null))
) with (fillfactor = 50);
comment on table public.agent_presence is 'Whether an agent is there; an agent without a row is offline';
comment on column public.agent_presence.seen_at is 'Last heartbeat; an idle agent of a socket who is silent for two minutes becomes away';
comment on column public.agent_presence.socket_id is 'Connection that speaks for the agent; null where the status was set by an admin and stays until somebody changes it';
comment on column public.agent_presence.process_id is 'Server that holds the socket; not a reference, as it outlives the server';
comment on column public.agent_presence.disconnected_at is 'When the socket was closed; ten seconds later the agent is offline';

create table public.agent_status_events (
  org_id uuid not null,
  change_no bigint not null,
  agent_id uuid not null,
  at timestamptz not null,
  status public.agent_status not null,
  cause text not null check (cause in ('connected', 'agent', 'admin', 'silent', 'disconnected', 'accepted', 'ended')),
  primary key (org_id, change_no),
  foreign key (org_id, agent_id) references public.agent_profiles (org_id, id) on delete cascade
);
comment on table public.agent_status_events is 'Append-only: every status that an agent had, from when and why';
create index agent_status_events_agent on public.agent_status_events (org_id, agent_id, change_no);
create index agent_status_events_at on public.agent_status_events (org_id, at);

create table public.leads (
  org_id uuid not null references public.organisations (id) on delete cascade,
  id uuid not null,
  visitor_id uuid not null,
  pool_id uuid,
  state public.lead_state not null,
  agent_id uuid,
  assignment_no bigint,
  page_url text check (length(page_url) <= 2000),
  name text check (length(name) <= 80),
  contact text check (length(contact) <= 200),
  arrived_at timestamptz not null,
  wait_until timestamptz,
  accepted_at timestamptz,
  ended_at timestamptz,
  seen_at timestamptz,
  primary key (org_id, id),
  foreign key (org_id, pool_id) references public.agent_pools (org_id, id),
  foreign key (org_id, agent_id) references public.agent_profiles (org_id, id),
  check ((state = 'waiting') = (wait_until is not null)),
  check (state not in ('assigned', 'in_call') or (agent_id is not null and assignment_no is not null)),
  check ((state in ('ended', 'missed')) = (ended_at is not null))
) with (fillfactor = 70);
comment on table public.leads is 'Where each lead stands now; what was decided of it stays in lead_assignments, lead_releases and missed_leads';
comment on column public.leads.pool_id is 'Null where the page leads to no pool';
comment on column public.leads.assignment_no is 'The last decision that gave it to an agent';
comment on column public.leads.seen_at is 'When the visitor was heard of last; null until they have asked once, as a caller that never asks is not taken for gone';
create index leads_arrived on public.leads (org_id, arrived_at);
create index leads_waiting on public.leads (org_id, pool_id, arrived_at, id) where state = 'waiting';
create index leads_seen on public.leads (seen_at) where state in ('waiting', 'assigned') and seen_at is not null;
create index leads_agent on public.leads (org_id, agent_id) where state in ('assigned', 'in_call');
-- Whoever asks again for the same pool is answered with the lead that is open there.
create unique index leads_visitor on public.leads (org_id, visitor_id, pool_id) where state in ('waiting', 'assigned', 'in_call');

create table public.lead_assignments (
  org_id uuid not null,
  decision_no bigint not null,
  lead_id uuid not null,
  pool_id uuid not null,
  agent_id uuid not null,
  cause public.assignment_cause not null,
  priority_rank int,
  is_fallback boolean not null,
  revision bigint not null,
  at timestamptz not null,
  waited_ms bigint not null check (waited_ms >= 0),
  trace jsonb not null,
  primary key (org_id, decision_no),
  foreign key (org_id, lead_id) references public.leads (org_id, id) on delete cascade,
  foreign key (org_id, pool_id) references public.agent_pools (org_id, id),
  foreign key (org_id, agent_id) references public.agent_profiles (org_id, id)
);
comment on table public.lead_assignments is 'Append-only: who was given which lead, and why';
comment on column public.lead_assignments.decision_no is 'Number of the change in routing_log';
comment on column public.lead_assignments.priority_rank is 'The rank group that took it; null where the pool fell back to others';
comment on column public.lead_assignments.revision is 'Of the pools when it was decided';
comment on column public.lead_assignments.waited_ms is 'Since the lead arrived';
create index lead_assignments_lead on public.lead_assignments (org_id, lead_id);
-- Also gives the last assignment of each agent in each pool, from which the order of turns is read.
create index lead_assignments_turn on public.lead_assignments (org_id, pool_id, agent_id, decision_no);
create index lead_assignments_agent on public.lead_assignments (org_id, agent_id, at);
create index lead_assignments_at on public.lead_assignments (org_id, at);

create table public.lead_releases (
  org_id uuid not null,
  assignment_no bigint not null,
  change_no bigint not null,
  cause public.release_cause not null,
  at timestamptz not null,
  primary key (org_id, assignment_no),
  foreign key (org_id, assignment_no) references public.lead_assignments (org_id, decision_no) on delete cascade
);
comment on table public.lead_releases is 'Append-only: when and why an assignment ended; without a row it lasts';

create table public.missed_leads (
  org_id uuid not null,
  decision_no bigint not null,
  lead_id uuid not null,
  pool_id uuid,
  reason public.missed_reason not null,
  revision bigint not null,
  at timestamptz not null,
  waited_ms bigint not null check (waited_ms >= 0),
  trace jsonb not null,
  primary key (org_id, decision_no),
  foreign key (org_id, lead_id) references public.leads (org_id, id) on delete cascade,
  foreign key (org_id, pool_id) references public.agent_pools (org_id, id)
);
comment on table public.missed_leads is 'Append-only: leads that nobody took, with what each rank group refused them for';
create index missed_leads_lead on public.missed_leads (org_id, lead_id);
create index missed_leads_pool on public.missed_leads (org_id, pool_id, at);
create index missed_leads_at on public.missed_leads (org_id, at);

-- ---- functions ----
create trigger refuse_change before update or delete on public.agent_status_events
  for each row execute function public.tg_refuse_change();
create trigger refuse_change before update or delete on public.lead_assignments
  for each row execute function public.tg_refuse_change();
create trigger refuse_change before update or delete on public.lead_releases
  for each row execute function public.tg_refuse_change();
create trigger refuse_change before update or delete on public.missed_leads
  for each row execute function public.tg_refuse_change();

create function public.open_routing(p_known_no bigint, p_changes_max int)
returns table (revision bigint, sequence bigint, now timestamptz, changes jsonb)
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_org uuid := public.current_org_id();
  v_state public.routing_state;
  v_changes jsonb;
begin
  -- A server that hangs does not hold up the others for long.
  perform set_config('lock_timeout', '10s', true), set_config('idle_in_transaction_session_timeout', '10s', true);
  select * into v_state from public.routing_state s where s.org_id = v_org for no key update;
  if v_state.sequence > p_known_no and v_state.sequence - p_known_no <= p_changes_max then
    -- Rows are never split: who knows the end of one knows all of it.
    select jsonb_agg(l.changes order by l.last_no) into v_changes
      from public.routing_log l where l.org_id = v_org and l.last_no > p_known_no;
  end if;
  return query select v_state.revision, v_state.sequence, public.app_now(), v_changes;
end;
$$;
comment on function public.open_routing(bigint, int) is
  'Takes the lock, and answers the changes after the one that the caller knows; null where there are none, or too many to be worth it';

create function public.retire_agent(p_agent_id uuid) returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_org uuid := public.lock_routing();
begin
  if exists (select from public.leads l where l.org_id = v_org and l.agent_id = p_agent_id and l.state in ('assigned', 'in_call')) then
    raise sqlstate 'PT409' using message = 'the agent has leads', hint = 'set the agent away first, which hands them over, and end the calls';
  end if;
  update public.agent_profiles set retired_at = public.app_now() where org_id = v_org and id = p_agent_id and retired_at is null;
  if not found then
    raise sqlstate 'PT404' using message = 'agent not found';
  end if;
  delete from public.agent_pool_members where org_id = v_org and agent_profile_id = p_agent_id;
  delete from public.agent_presence where org_id = v_org and agent_id = p_agent_id;
  perform public.append_routing_changes(v_org, '[{"do": "configuration"}]', true);
end;
$$;
-- A definer, as are all by which an admin changes pools.
alter function public.retire_agent(uuid) owner to service_role;
comment on function public.retire_agent(uuid) is 'Takes an agent who has no leads out of every pool; what was recorded stays';

create function public.routing_due(p_is_waiting_due boolean) returns setof uuid
language sql stable security invoker set search_path = ''
as $$
  select p.org_id from public.agent_presence p
    left join public.server_processes s on s.id = p.process_id
   where p.socket_id is not null and p.status <> 'offline'
     and (p.status in ('idle', 'in_simulation') and p.seen_at <= public.app_now() - interval '2 minutes'
       or coalesce(p.disconnected_at + interval '10 seconds', s.seen_at + interval '15 seconds', p.since) <= public.app_now())
  union
  select l.org_id from public.leads l where l.state = 'waiting' and (p_is_waiting_due or l.wait_until <= public.app_now())
  union
  select l.org_id from public.leads l
   where l.state in ('waiting', 'assigned') and l.seen_at <= public.app_now() - interval '1 minute'
$$;
comment on function public.routing_due(boolean) is
  'Organisations in which an agent has gone silent or lost the socket, a lead has waited long enough or a visitor has left; on demand all in which leads wait. Asked every second by every server';

create function public.routing_due_here()
returns table (kind text, id uuid)
language sql stable security invoker set search_path = ''
as $$
  select case when coalesce(p.disconnected_at + interval '10 seconds', s.seen_at + interval '15 seconds', p.since) <= public.app_now()
              then 'gone' else 'silent' end,
         p.agent_id
    from public.agent_presence p
    left join public.server_processes s on s.id = p.process_id
   where p.org_id = public.current_org_id() and p.socket_id is not null and p.status <> 'offline'
     and (p.status in ('idle', 'in_simulation') and p.seen_at <= public.app_now() - interval '2 minutes'
       or coalesce(p.disconnected_at + interval '10 seconds', s.seen_at + interval '15 seconds', p.since) <= public.app_now())
  union all
  select 'waited', l.id from public.leads l
   where l.org_id = public.current_org_id() and l.state = 'waiting' and l.wait_until <= public.app_now()
  union all
  select 'left', l.id from public.leads l
   where l.org_id = public.current_org_id() and l.state in ('waiting', 'assigned') and l.seen_at <= public.app_now() - interval '1 minute'
$$;
comment on function public.routing_due_here() is
  'What is due in the caller''s organisation: agents gone or silent, leads that have waited long enough or whose visitor has left';

-- ---- row-level security ----
alter table public.server_processes enable row level security, force row level security;
alter table public.agent_presence enable row level security, force row level security;
alter table public.agent_status_events enable row level security, force row level security;
alter table public.leads enable row level security, force row level security;
alter table public.lead_assignments enable row level security, force row level security;
alter table public.lead_releases enable row level security, force row level security;
alter table public.missed_leads enable row level security, force row level security;

create policy "servers and the router know the servers" on public.server_processes
  for all to service_role, lead_router using (true) with check (true);
do $$
declare
  v_table text;
begin
  foreach v_table in array array['agent_presence', 'agent_status_events', 'leads', 'lead_assignments', 'lead_releases', 'missed_leads'] loop
    execute format('create policy "members see what is of their organisation" on public.%I
      for select to authenticated using (org_id = (select public.current_org_id()))', v_table);
    execute format('create policy "the router works for one organisation" on public.%I for all to lead_router
      using (org_id = (select public.current_org_id()))', v_table);
    execute format('create policy "the service manages leads" on public.%I for all to service_role
      using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null)', v_table);
  end loop;
end;
$$;

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant select on public.agent_presence, public.agent_status_events, public.leads, public.lead_assignments, public.lead_releases, public.missed_leads
   to authenticated, service_role, lead_router;
grant select on public.server_processes to service_role, lead_router;
grant insert, update, delete on public.server_processes, public.agent_presence to service_role;
grant insert, update on public.agent_presence to lead_router;
grant insert on public.agent_status_events, public.leads, public.lead_assignments, public.lead_releases, public.missed_leads to service_role, lead_router;
grant update (state, agent_id, assignment_no, wait_until, accepted_at, ended_at, seen_at) on public.leads to service_role, lead_router;
grant execute on function public.open_routing(bigint, int), public.routing_due_here() to lead_router, service_role;
grant execute on function public.routing_due(boolean) to service_role;
grant execute on function public.retire_agent(uuid) to admin, service_role;
