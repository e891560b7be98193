-- Which alerts each person has read, and open consoles hear of alerts.

-- ---- tables ----
create table public.enforcement_alert_marks (
  org_id uuid not null,
  user_id uuid not null,
  read_to bigint not null,
  primary key (org_id, user_id),
  foreign key (org_id, user_id) references public.memberships (org_id, user_id) on delete cascade
);
comment on table public.enforcement_alert_marks is 'How far a person has read the alerts for consoles; those up to read_to are read, whichever they are';

create table public.enforcement_alert_reads (
  org_id uuid not null,
  user_id uuid not null,
  alert_id bigint not null references public.enforcement_alerts (id) on delete cascade,
  primary key (org_id, user_id, alert_id),
  foreign key (org_id, user_id) references public.memberships (org_id, user_id) on delete cascade
);
comment on table public.enforcement_alert_reads is 'Alerts beyond the mark that a person has read one by one';
create index enforcement_alert_reads_alert on public.enforcement_alert_reads (alert_id);

-- ---- indexes ----
-- The newest of a way, for consoles of one and for deliveries of the others.
create index enforcement_alerts_route_newest on public.enforcement_alerts (org_id, route_id, id desc);
drop index public.enforcement_alerts_route;
-- Those that wait for a person.
create index enforcement_alerts_undelivered on public.enforcement_alerts (org_id, id desc) where state in ('failed', 'uncertain');

-- ---- functions ----
create function public.mark_alerts_read(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('mark_alerts_read', payload, array['alert_id', 'up_to', 'actor'], payload ->> 'actor');
  v_field text := case when payload ->> 'up_to' is null then 'alert_id' else 'up_to' end;
  v_id bigint;
  -- Numbers are given before they are committed: what is this young may have an older neighbour that nobody has seen yet.
  v_settled timestamptz := public.app_now() - interval '1 minute';
  v_read_to bigint;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  if v_call.actor_id is null then
    raise sqlstate 'PT422' using message = 'alerts are read by people', hint = 'call with a session or a token';
  end if;
  if payload ->> 'up_to' is not null and payload ->> 'alert_id' is not null then
    raise sqlstate 'PT422' using message = 'send either `alert_id` or `up_to`', detail = 'up_to';
  end if;
  if coalesce(public.rpc_text(payload, v_field, true), '') !~ '^[0-9]{1,18}$' then
    raise sqlstate 'PT422' using message = format('`%s` is not the number of an alert', v_field), detail = v_field;
  end if;
  v_id := (payload ->> v_field)::bigint;
  perform from public.enforcement_alerts a
     join public.enforcement_alert_routes r on r.org_id = a.org_id and r.id = a.route_id and r.channel = 'console'
   where a.org_id = v_call.org_id and a.id = v_id;
  if not found then
    raise sqlstate 'PT404' using message = 'alert not found';
  end if;

  if v_field = 'up_to' then
    select max(n.id) into v_read_to
      from public.enforcement_alert_routes r
     cross join lateral (
       select a.id from public.enforcement_alerts a
        where a.org_id = r.org_id and a.route_id = r.id and a.id <= v_id and a.created_at <= v_settled
        order by a.id desc limit 1) n
     where r.org_id = v_call.org_id and r.channel = 'console';
    if v_read_to is not null then
      insert into public.enforcement_alert_marks as m (org_id, user_id, read_to)
      values (v_call.org_id, v_call.actor_id, v_read_to)
      on conflict (org_id, user_id) do update set read_to = greatest(m.read_to, excluded.read_to);
    end if;
  end if;
  insert into public.enforcement_alert_reads (org_id, user_id, alert_id)
  select a.org_id, v_call.actor_id, a.id
    from public.enforcement_alerts a
    join public.enforcement_alert_routes r on r.org_id = a.org_id and r.id = a.route_id and r.channel = 'console'
   where a.org_id = v_call.org_id and a.id <= v_id and (a.id = v_id or v_field = 'up_to')
     and a.id > coalesce((select m.read_to from public.enforcement_alert_marks m
                           where m.org_id = v_call.org_id and m.user_id = v_call.actor_id), 0)
  on conflict (org_id, user_id, alert_id) do nothing;
  delete from public.enforcement_alert_reads d
   using public.enforcement_alert_marks m
   where m.org_id = v_call.org_id and m.user_id = v_call.actor_id
     and d.org_id = m.org_id and d.user_id = m.user_id and d.alert_id <= m.read_to;
  return public.end_rpc(v_call, jsonb_build_object('read', v_id));
end;
$$;
-- A definer, as all functions that people call: they write no table but by them.
alter function public.mark_alerts_read(jsonb) owner to service_role;
comment on function public.mark_alerts_read(jsonb) is 'Keeps that whoever calls has read one alert for consoles, or all up to one';

create function public.tg_alert_live() returns trigger
language plpgsql
as $$
begin
  perform pg_notify('dragonfly_live', '{"event": {"kind": "alerts"}, "org_id": "' || coalesce(new.org_id, old.org_id) || '"}');
  return null;
end;
$$;
create trigger tell_consoles_of_new after insert on public.enforcement_alerts
  for each row execute function public.tg_alert_live();
create trigger tell_consoles_of_changed after update on public.enforcement_alerts
  for each row when (new.state is distinct from old.state) execute function public.tg_alert_live();
create trigger tell_consoles after insert or update on public.enforcement_alert_routes
  for each row execute function public.tg_alert_live();
-- One person has the console open in more than one place.
create trigger tell_consoles after insert on public.enforcement_alert_reads
  for each row execute function public.tg_alert_live();
create trigger tell_consoles after insert or update on public.enforcement_alert_marks
  for each row execute function public.tg_alert_live();

-- ---- row-level security ----
alter table public.enforcement_alert_marks enable row level security, force row level security;
alter table public.enforcement_alert_reads enable row level security, force row level security;

create policy "people see how far they have read" on public.enforcement_alert_marks
  for select to authenticated using (org_id = (select public.current_org_id()) and user_id = (select public.current_user_id()));
create policy "the service keeps how far people have read" on public.enforcement_alert_marks for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "people see what they have read" on public.enforcement_alert_reads
  for select to authenticated using (org_id = (select public.current_org_id()) and user_id = (select public.current_user_id()));
create policy "the service keeps what people have read" on public.enforcement_alert_reads for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
-- Which alerts are for consoles is for everybody; where the others go stays with admins, by the grants below.
drop policy "admins see by what ways alerts go" on public.enforcement_alert_routes;
create policy "members see by what ways alerts go" on public.enforcement_alert_routes
  for select to authenticated using (org_id = (select public.current_org_id()));

-- ---- grants ----
revoke execute on function public.mark_alerts_read(jsonb), public.tg_alert_live() from public;
grant select on public.enforcement_alert_marks, public.enforcement_alert_reads to authenticated, service_role;
grant insert, update on public.enforcement_alert_marks to service_role;
grant insert, delete on public.enforcement_alert_reads to service_role;
grant select (id, org_id, channel, event_kinds, is_enabled) on public.enforcement_alert_routes to authenticated;
grant execute on function public.mark_alerts_read(jsonb) to authenticated, service_role;
