-- An audit that has begun keeps its events: what is written down later in the week is drawn by the next one.

-- ---- tables ----
create table public.review_samples (
  id uuid not null default gen_random_uuid(),
  org_id uuid not null references public.organisations (id) on delete cascade,
  week date not null check (extract(isodow from week) = 1),
  seed int not null check (seed between 1 and 999999999),
  size int not null check (size between 10 and 50),
  event_count bigint not null,
  begun_by text not null,
  begun_at timestamptz not null default public.app_now(),
  primary key (org_id, id),
  unique (org_id, week, seed, size)
);
comment on table public.review_samples is 'Append-only: the samples of weeks whose audit has begun';
comment on column public.review_samples.week is 'Its Monday';
comment on column public.review_samples.event_count is 'Events that were written down in the week by then, of which it was drawn';

create table public.review_sample_events (
  org_id uuid not null,
  sample_id uuid not null,
  place int not null,
  event_id uuid not null,
  primary key (org_id, sample_id, place),
  foreign key (org_id, sample_id) references public.review_samples (org_id, id) on delete cascade,
  foreign key (org_id, event_id) references public.enforcement_events (org_id, id) on delete cascade
);
comment on table public.review_sample_events is 'Append-only: the events of a sample, in the order in which they were drawn';
create index review_sample_events_event on public.review_sample_events (org_id, event_id);

-- ---- functions ----
create trigger refuse_change before update on public.review_samples
  for each row execute function public.tg_refuse_change();
create trigger refuse_change before update on public.review_sample_events
  for each row execute function public.tg_refuse_change();
create trigger tell_consoles after insert on public.review_samples
  for each row execute function public.tg_case_row_live();

create function public.draw_review_sample(p_org_id uuid, p_from timestamptz, p_below timestamptz, p_seed int, p_size int)
returns table (place bigint, event_id uuid)
language sql stable security invoker set search_path = ''
as $$
  -- The place of each event follows from its number and the seed alone: whatever is added to others moves none.
  select row_number() over (order by d.key, d.event_no), d.id
    from (select e.id, e.event_no, hashint8extended(e.event_no, p_seed) as key
            from public.enforcement_events e
           where e.org_id = p_org_id and e.created_at >= p_from and e.created_at < p_below
           order by 3, e.event_no
           limit p_size) d
$$;
comment on function public.draw_review_sample(uuid, timestamptz, timestamptz, int, int) is
  'Events that were written down in a span, drawn at random; one seed always draws the same of the same events';

create function public.keep_review_sample(payload jsonb) returns jsonb
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
  if public.rpc_text(payload, 'seed', true) !~ '^[1-9][0-9]{0,8}$' then
    raise sqlstate 'PT422' using message = '`seed` is not between 1 and 999999999', detail = 'seed';
  end if;
  if public.rpc_text(payload, 'size', true) !~ '^([1-4][0-9]|50)$' then
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
-- A definer, as all functions that people call: they write no table but by them.
alter function public.keep_review_sample(jsonb) owner to service_role;
comment on function public.keep_review_sample(jsonb) is
  'Begins the audit of a sample: it keeps its events from then on, whatever is written down later; begun before, it stays as it is';

-- ---- row-level security ----
alter table public.review_samples enable row level security, force row level security;
alter table public.review_sample_events enable row level security, force row level security;

create policy "members see what is audited" on public.review_samples
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "the service keeps samples" on public.review_samples for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "members see the events that are audited" on public.review_sample_events
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "the service keeps the events of samples" on public.review_sample_events for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);

-- ---- grants ----
revoke execute on function public.draw_review_sample(uuid, timestamptz, timestamptz, int, int), public.keep_review_sample(jsonb) from public;
grant select on public.review_samples, public.review_sample_events to authenticated, service_role;
grant insert on public.review_samples, public.review_sample_events to service_role;
grant execute on function public.draw_review_sample(uuid, timestamptz, timestamptz, int, int) to authenticated, service_role;
grant execute on function public.keep_review_sample(jsonb) to enforcement_operator, service_role;
