-- Numbers are read as numbers: those of alerts and of samples to audit too.

-- ---- functions ----
create or replace function public.mark_alerts_read(payload jsonb) returns jsonb
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
  if coalesce(public.rpc_number(payload, v_field, true), '') !~ '^[0-9]{1,18}$' then
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

create or replace function public.keep_review_sample(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('keep_review_sample', payload, array['week', 'seed', 'size', 'actor'], payload ->> 'actor');
  v_week text;
  v_seed int;
  v_size int;
  v_monday date;
  v_from timestamptz;
  v_below timestamptz;
  v_sample public.review_samples;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_week := public.rpc_text(payload, 'week', true);
  if v_week !~ '^20[0-9]{2}-W[0-9]{2}$' then
    raise sqlstate 'PT422' using message = '`week` is no ISO week', detail = 'week', hint = 'send a year and a week, such as "2026-W47"';
  end if;
  v_monday := to_date(replace(v_week, '-W', ''), 'IYYYIW');
  if to_char(v_monday, 'IYYY-"W"IW') <> v_week then
    raise sqlstate 'PT422' using message = format('the year has no week %s', right(v_week, 2)), detail = 'week';
  end if;
  if public.rpc_number(payload, 'seed', true) !~ '^[1-9][0-9]{0,8}$' then
    raise sqlstate 'PT422' using message = '`seed` is not between 1 and 999999999', detail = 'seed';
  end if;
  if public.rpc_number(payload, 'size', true) !~ '^([1-4][0-9]|50)$' then
    raise sqlstate 'PT422' using message = '`size` is not between 10 and 50', detail = 'size';
  end if;
  v_seed := (payload ->> 'seed')::int;
  v_size := (payload ->> 'size')::int;
  select v_monday::timestamp at time zone o.time_zone, (v_monday + 7)::timestamp at time zone o.time_zone into v_from, v_below
    from public.organisations o where o.id = v_call.org_id;

  insert into public.review_samples (org_id, week, seed, size, event_count, begun_by)
  select v_call.org_id, v_monday, v_seed, v_size, count(*), v_call.actor
    from public.enforcement_events e
   where e.org_id = v_call.org_id and e.created_at >= v_from and e.created_at < v_below
  having count(*) > 0
  on conflict (org_id, week, seed, size) do nothing
  returning * into v_sample;
  if found then
    insert into public.review_sample_events (org_id, sample_id, place, event_id)
    select v_call.org_id, v_sample.id, d.place, d.event_id
      from public.draw_review_sample(v_call.org_id, v_from, v_below, v_seed, v_size) d;
  else
    select * into v_sample from public.review_samples s
     where s.org_id = v_call.org_id and s.week = v_monday and s.seed = v_seed and s.size = v_size;
    if not found then
      raise sqlstate 'PT409' using message = 'nothing was written down in that week', hint = 'choose another week to audit';
    end if;
  end if;
  return public.end_rpc(v_call, jsonb_build_object('week', v_week, 'seed', v_seed, 'size', v_size, 'event_count', v_sample.event_count,
                                                   'begun_by', v_sample.begun_by, 'begun_at', v_sample.begun_at));
end;
$$;
