-- Who is told of events, and by what way: routes, and an outbox that is filled with the event itself. NOTIFY only wakes who empties it.

-- ---- types ----
create type public.alert_state as enum ('pending', 'sending', 'sent', 'failed', 'uncertain');

-- ---- tables ----
create table public.enforcement_alert_routes (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.organisations (id) on delete cascade,
  channel text not null check (channel in ('console', 'webhook', 'queue')),
  target text check (btrim(target) <> ''),
  event_kinds public.enforcement_event_kind[] check (cardinality(event_kinds) > 0),
  is_enabled boolean not null default true,
  created_by text not null,
  created_at timestamptz not null default public.app_now(),
  updated_at timestamptz not null default public.app_now(),
  check ((channel = 'console') = (target is null)),
  unique (org_id, id)
);
comment on table public.enforcement_alert_routes is 'By what way whom to tell of which events';
comment on column public.enforcement_alert_routes.target is 'The address of a webhook, which is a secret, or the kind of a queue';
comment on column public.enforcement_alert_routes.event_kinds is 'Null means all';

create table public.enforcement_alerts (
  id bigint primary key generated always as identity,
  org_id uuid not null,
  event_id uuid not null,
  route_id uuid not null,
  state public.alert_state not null default 'pending',
  attempts int not null default 0,
  next_try_at timestamptz not null default public.app_now(),
  claimed_at timestamptz,
  sent_at timestamptz,
  error text,
  created_at timestamptz not null default public.app_now(),
  unique (org_id, event_id, route_id),
  foreign key (org_id, event_id) references public.enforcement_events (org_id, id) on delete cascade,
  foreign key (org_id, route_id) references public.enforcement_alert_routes (org_id, id) on delete cascade
) with (fillfactor = 70);
comment on table public.enforcement_alerts is 'The outbox: one row an event and route, written with the event';
comment on column public.enforcement_alerts.state is 'sending is claimed by a worker; uncertain, that it ended before it could say whether it had sent: such an alert is not sent again by itself';
create index enforcement_alerts_due on public.enforcement_alerts (next_try_at, id) where state = 'pending';
create index enforcement_alerts_claimed on public.enforcement_alerts (claimed_at) where state = 'sending';
create index enforcement_alerts_newest on public.enforcement_alerts (org_id, id desc);
create index enforcement_alerts_route on public.enforcement_alerts (org_id, route_id);

-- ---- functions ----
-- A definer, because whoever writes an event need not be allowed to write the outbox.
create function public.tg_event_alerts() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.enforcement_alerts (org_id, event_id, route_id)
  select new.org_id, new.id, r.id
    from public.enforcement_alert_routes r
   where r.org_id = new.org_id and r.is_enabled and (r.event_kinds is null or new.event_kind = any (r.event_kinds));
  perform pg_notify('enforcement_events_channel', jsonb_build_object('org_id', new.org_id, 'event_id', new.id)::text);
  return null;
end;
$$;
alter function public.tg_event_alerts() owner to service_role;
create trigger send_alerts after insert on public.enforcement_events
  for each row execute function public.tg_event_alerts();
create trigger touch_updated_at before update on public.enforcement_alert_routes
  for each row execute function public.tg_touch_updated_at();

create function public.alert_attempts_max() returns int
language sql immutable parallel safe
return 8;

create function public.fan_out_alerts(p_limit int) returns bigint
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_alert record;
  v_sent bigint := 0;
  v_error text;
begin
  for v_alert in
    select a.id, a.org_id, a.event_id, r.channel, r.target, e.enforcement_case_id, e.judgment_id, e.event_kind
      from public.enforcement_alerts a
      join public.enforcement_alert_routes r on r.org_id = a.org_id and r.id = a.route_id and r.channel in ('console', 'queue')
      join public.enforcement_events e on e.org_id = a.org_id and e.id = a.event_id
     where a.state = 'pending' and a.next_try_at <= public.app_now()
     order by a.next_try_at, a.id
     limit p_limit
       for update of a skip locked
  loop
    v_error := null;
    if v_alert.channel = 'queue' and v_alert.enforcement_case_id is null and v_alert.target <> 'enrich' then
      v_error := 'the event has no case';
    elsif v_alert.channel = 'queue' then
      begin
        perform public.queue_job_message(v_alert.org_id, jsonb_build_object(
          'kind', v_alert.target, 'idempotency_key', 'alert:' || v_alert.id,
          'payload', jsonb_strip_nulls(jsonb_build_object('case_id', v_alert.enforcement_case_id, 'judgment_id', v_alert.judgment_id,
                                                          'event_id', v_alert.event_id, 'event_kind', v_alert.event_kind))));
      exception
        when sqlstate 'PT422' then
          v_error := sqlerrm;
      end;
    end if;
    update public.enforcement_alerts a
       set state = case when v_error is null then 'sent' else 'failed' end::public.alert_state, attempts = a.attempts + 1, error = v_error,
           sent_at = case when v_error is null then public.app_now() end
     where a.id = v_alert.id;
    v_sent := v_sent + 1;
  end loop;
  return v_sent;
end;
$$;
comment on function public.fan_out_alerts(int) is 'Delivers what stays inside: to consoles, which read the outbox, and to queues. In one transaction, so each exactly once';

create function public.claim_alerts(p_limit int)
returns table (id bigint, org_id uuid, attempt int, channel text, target text, event_id uuid, event_kind text, occurred_at timestamptz,
               case_id uuid, case_number text, actor text, note text, payload jsonb)
language plpgsql volatile security invoker set search_path = ''
as $$
#variable_conflict use_column
begin
  -- Whoever claimed these has ended, or hangs. Nobody knows whether the other side has got them.
  update public.enforcement_alerts a set state = 'uncertain', error = 'the worker ended while it was sending'
   where a.state = 'sending' and a.claimed_at < clock_timestamp() - interval '5 minutes';
  return query
    with due as (
      select a.id from public.enforcement_alerts a
        join public.enforcement_alert_routes r on r.org_id = a.org_id and r.id = a.route_id and r.channel = 'webhook'
       where a.state = 'pending' and a.next_try_at <= public.app_now()
       order by a.next_try_at, a.id
       limit p_limit
         for update of a skip locked
    ), claimed as (
      update public.enforcement_alerts a set state = 'sending', attempts = a.attempts + 1, claimed_at = clock_timestamp()
        from due where a.id = due.id
      returning a.id, a.org_id, a.attempts, a.event_id, a.route_id
    )
    select c.id, c.org_id, c.attempts, r.channel, r.target, e.id, e.event_kind::text, e.occurred_at, e.enforcement_case_id, j.case_number,
           e.actor, e.note, e.payload
      from claimed c
      join public.enforcement_alert_routes r on r.org_id = c.org_id and r.id = c.route_id
      join public.enforcement_events e on e.org_id = c.org_id and e.id = c.event_id
      join public.core_judgments j on j.org_id = e.org_id and j.id = e.judgment_id
     order by c.id;
end;
$$;
comment on function public.claim_alerts(int) is 'Takes alerts that go outside; commit before sending, so that nobody else sends them too';

create function public.settle_alert(p_id bigint, p_attempt int, p_outcome text, p_error text) returns public.alert_state
language sql volatile security invoker set search_path = ''
as $$
  update public.enforcement_alerts a
     set state = case when p_outcome = 'retry' and a.attempts >= public.alert_attempts_max() then 'failed'
                      when p_outcome = 'retry' then 'pending' else p_outcome end::public.alert_state,
         sent_at = case p_outcome when 'sent' then public.app_now() end, error = left(p_error, 500),
         next_try_at = public.app_now() + make_interval(secs => least(3600, 10 * 2 ^ least(a.attempts - 1, 12)))
   where a.id = p_id and a.state = 'sending' and a.attempts = p_attempt
  returning a.state
$$;
comment on function public.settle_alert(bigint, int, text, text) is
  'Says what became of a claimed alert: sent, failed, uncertain, or retry for one that certainly did not arrive, which is due after 10 seconds, 20, 40 and so on';

create function public.put_alert_route(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('put_alert_route', payload,
    array['route_id', 'channel', 'target', 'event_kinds', 'is_enabled', 'actor'], payload ->> 'actor');
  v_id uuid;
  v_channel text;
  v_target text;
  v_unknown text;
  v_route public.enforcement_alert_routes;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_id := public.rpc_uuid(payload, 'route_id');
  v_channel := public.rpc_choice(payload, 'channel', array['console', 'webhook', 'queue'], true);
  v_target := public.rpc_text(payload, 'target', v_channel <> 'console', 1000);
  if v_channel = 'console' then
    v_target := null;
  elsif v_channel = 'webhook' and v_target !~ '^https?://[^\s/]' then
    raise sqlstate 'PT422' using message = '`target` is not the address of a webhook', detail = 'target', hint = 'it begins with https://';
  elsif v_channel = 'queue' and not exists (select from public.queue_kinds k where k.kind = v_target and k.kind <> 'tier_assignment') then
    raise sqlstate 'PT422' using message = format('unknown queue kind `%s`', left(v_target, 60)), detail = 'target';
  end if;
  if jsonb_typeof(payload -> 'event_kinds') not in ('array', 'null') then
    raise sqlstate 'PT422' using message = '`event_kinds` is not a list', detail = 'event_kinds';
  end if;
  select k into v_unknown from jsonb_array_elements_text(coalesce(nullif(payload -> 'event_kinds', 'null'), '[]')) k
   where not exists (select from public.enforcement_event_kind_lookup l where l.event_kind::text = k) limit 1;
  if found then
    raise sqlstate 'PT422' using message = format('unknown event kind `%s`', left(v_unknown, 60)), detail = 'event_kinds';
  end if;
  if v_id is not null then
    perform from public.enforcement_alert_routes r where r.org_id = v_call.org_id and r.id = v_id for update;
    if not found then
      raise sqlstate 'PT404' using message = 'alert route not found';
    end if;
  end if;
  insert into public.enforcement_alert_routes as r (id, org_id, channel, target, event_kinds, is_enabled, created_by)
  values (coalesce(v_id, gen_random_uuid()), v_call.org_id, v_channel, v_target,
          (select nullif(array_agg(k::public.enforcement_event_kind), '{}')
             from jsonb_array_elements_text(coalesce(nullif(payload -> 'event_kinds', 'null'), '[]')) k),
          not payload ? 'is_enabled' or public.rpc_flag(payload, 'is_enabled'), v_call.actor)
  on conflict (id) do update
    set channel = excluded.channel, target = excluded.target, event_kinds = excluded.event_kinds, is_enabled = excluded.is_enabled
  returning * into v_route;
  return public.end_rpc(v_call, to_jsonb(v_route));
end;
$$;
-- A definer, because routes are written by admins only, and checked.
alter function public.put_alert_route(jsonb) owner to service_role;
comment on function public.put_alert_route(jsonb) is 'Adds a way by which to tell of events, or with route_id rewrites one; event_kinds left out means all';

create function public.retry_alert(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('retry_alert', payload, array['alert_id', 'actor'], payload ->> 'actor');
  v_alert public.enforcement_alerts;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  if coalesce(public.rpc_text(payload, 'alert_id', true), '') !~ '^[0-9]{1,18}$' then
    raise sqlstate 'PT422' using message = '`alert_id` is not a number', detail = 'alert_id';
  end if;
  select * into v_alert from public.enforcement_alerts a where a.org_id = v_call.org_id and a.id = (payload ->> 'alert_id')::bigint for update;
  if not found then
    raise sqlstate 'PT404' using message = 'alert not found';
  end if;
  if v_alert.state not in ('failed', 'uncertain') then
    raise sqlstate 'PT409' using message = format('the alert is %s', v_alert.state);
  end if;
  update public.enforcement_alerts a set state = 'pending', attempts = 0, next_try_at = public.app_now(), error = null where a.id = v_alert.id;
  perform pg_notify('enforcement_events_channel', jsonb_build_object('org_id', v_call.org_id, 'event_id', v_alert.event_id)::text);
  return public.end_rpc(v_call, jsonb_build_object('alert_id', v_alert.id, 'state', 'pending'));
end;
$$;
alter function public.retry_alert(jsonb) owner to service_role;
comment on function public.retry_alert(jsonb) is 'Has an alert sent again that failed, or of which nobody knows whether it arrived';

-- ---- row-level security ----
alter table public.enforcement_alert_routes enable row level security, force row level security;
alter table public.enforcement_alerts enable row level security, force row level security;

create policy "admins see by what ways alerts go" on public.enforcement_alert_routes
  for select to admin using (org_id = (select public.current_org_id()));
create policy "members see their alerts" on public.enforcement_alerts
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "the service keeps the ways of alerts" on public.enforcement_alert_routes for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service sends alerts" on public.enforcement_alerts for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant select on public.enforcement_alert_routes to admin, service_role;
grant select on public.enforcement_alerts to authenticated, service_role;
grant insert, update, delete on public.enforcement_alert_routes to service_role;
grant insert, update on public.enforcement_alerts to service_role;
grant execute on function public.alert_attempts_max(), public.fan_out_alerts(int), public.claim_alerts(int),
                          public.settle_alert(bigint, int, text, text) to service_role;
grant execute on function public.put_alert_route(jsonb), public.retry_alert(jsonb) to admin, service_role;
