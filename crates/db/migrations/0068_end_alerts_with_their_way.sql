-- A way that is switched off ends what waits to go by it.

-- ---- functions ----
-- An event that is being written at that moment may still be told: to wait for it would have every event lock its ways.
create function public.tg_route_ends_alerts() returns trigger
language plpgsql
as $$
begin
  update public.enforcement_alerts a set state = 'failed', error = 'its way was switched off before it was sent'
   where a.org_id = new.org_id and a.route_id = new.id and a.state = 'pending';
  return null;
end;
$$;
create trigger end_alerts after update on public.enforcement_alert_routes
  for each row when (old.is_enabled and not new.is_enabled) execute function public.tg_route_ends_alerts();

create or replace function public.settle_alert(p_id bigint, p_attempt int, p_outcome text, p_error text) returns public.alert_state
language sql volatile security invoker set search_path = ''
as $$
  update public.enforcement_alerts a
     set state = case when p_outcome <> 'retry' then p_outcome
                      when a.attempts >= public.alert_attempts_max() or not r.is_enabled then 'failed'
                      else 'pending' end::public.alert_state,
         sent_at = case p_outcome when 'sent' then public.app_now() end, error = left(p_error, 500),
         next_try_at = public.app_now() + make_interval(secs => least(3600, 10 * 2 ^ least(a.attempts - 1, 12)))
    from public.enforcement_alert_routes r
   where a.id = p_id and a.state = 'sending' and a.attempts = p_attempt and r.org_id = a.org_id and r.id = a.route_id
  returning a.state
$$;

create or replace function public.retry_alert(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('retry_alert', payload, array['alert_id', 'actor'], payload ->> 'actor');
  v_is_enabled boolean;
  v_alert public.enforcement_alerts;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  if coalesce(public.rpc_number(payload, 'alert_id', true), '') !~ '^[0-9]{1,18}$' then
    raise sqlstate 'PT422' using message = '`alert_id` is not a number', detail = 'alert_id';
  end if;
  -- The way first, as where it is switched off.
  select r.is_enabled into v_is_enabled
    from public.enforcement_alerts a
    join public.enforcement_alert_routes r on r.org_id = a.org_id and r.id = a.route_id
   where a.org_id = v_call.org_id and a.id = (payload ->> 'alert_id')::bigint
     for share of r;
  select * into v_alert from public.enforcement_alerts a where a.org_id = v_call.org_id and a.id = (payload ->> 'alert_id')::bigint for update;
  if not found then
    raise sqlstate 'PT404' using message = 'alert not found';
  end if;
  if v_alert.state not in ('failed', 'uncertain') then
    raise sqlstate 'PT409' using message = format('the alert is %s', v_alert.state);
  end if;
  if not v_is_enabled then
    raise sqlstate 'PT409' using message = 'the alert''s way is switched off', hint = 'switch the way on, then send the alert again';
  end if;
  update public.enforcement_alerts a set state = 'pending', attempts = 0, next_try_at = public.app_now(), error = null where a.id = v_alert.id;
  perform pg_notify('enforcement_events_channel', jsonb_build_object('org_id', v_call.org_id, 'event_id', v_alert.event_id)::text);
  return public.end_rpc(v_call, jsonb_build_object('alert_id', v_alert.id, 'state', 'pending'));
end;
$$;

-- ---- grants ----
revoke execute on function public.tg_route_ends_alerts() from public;
