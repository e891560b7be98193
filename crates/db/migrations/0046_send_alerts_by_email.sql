-- Alerts by e-mail, beside console, webhook and queue.

-- ---- tables ----
alter table public.enforcement_alert_routes
  drop constraint enforcement_alert_routes_channel_check,
  add constraint enforcement_alert_routes_channel_check check (channel in ('console', 'webhook', 'queue', 'email'));
comment on column public.enforcement_alert_routes.target is 'The address of a webhook, which is a secret, the kind of a queue, or an e-mail address';

-- ---- functions ----
-- With a default, so that workers of the release before go on with webhooks while this one is rolled out.
drop function public.claim_alerts(int);
create function public.claim_alerts(p_limit int, p_channels text[] default array['webhook'])
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
        join public.enforcement_alert_routes r on r.org_id = a.org_id and r.id = a.route_id and r.channel = any (p_channels)
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
comment on function public.claim_alerts(int, text[]) is
  'Takes alerts that go outside by these ways; commit before sending, so that nobody else sends them too. E-mails wait where no worker knows a mail server';

create or replace function public.put_alert_route(payload jsonb) returns jsonb
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
  v_channel := public.rpc_choice(payload, 'channel', array['console', 'webhook', 'queue', 'email'], true);
  v_target := public.rpc_text(payload, 'target', v_channel <> 'console', 1000);
  if v_channel = 'console' then
    v_target := null;
  elsif v_channel = 'webhook' and v_target !~ '^https?://[^\s/]' then
    raise sqlstate 'PT422' using message = '`target` is not the address of a webhook', detail = 'target', hint = 'it begins with https://';
  elsif v_channel = 'email' and (v_target !~ '^[!-~]+$' or v_target !~ '^[^@<>(),;:"\\]+@[^@<>(),;:"\\]+\.[^@<>(),;:"\\.]+$' or length(v_target) > 254) then
    raise sqlstate 'PT422' using message = '`target` is not an e-mail address', detail = 'target', hint = 'one address, such as ops@example.com';
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

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant execute on function public.claim_alerts(int, text[]) to service_role;
