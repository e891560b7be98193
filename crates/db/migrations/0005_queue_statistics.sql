-- How the queues stand, for each organisation its own, and the step of the nightly schedule.

-- ---- functions ----
-- A definer, because people may not read the queues; owned by service_role, so organisations still hold.
create function public.queue_statistics()
returns table (kind text, description text, depth bigint, in_flight bigint, oldest_seconds bigint,
               dead_letters bigint, done_today bigint, is_paused boolean, worker_seen_at timestamptz)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_org uuid := public.current_org_id();
  v_since timestamptz := coalesce(public.org_today_start(v_org), date_trunc('day', public.app_now(), 'UTC'));
begin
  for kind, description, is_paused in
    select k.kind, k.description, k.is_paused from public.queue_kinds k order by k.kind
  loop
    select count(*), floor(extract(epoch from public.app_now() - min(least(j.enqueued_at, public.app_now()))))::bigint
      into depth, oldest_seconds
      from public.queue_jobs j
     where j.kind = queue_statistics.kind and j.state = 'queued' and (v_org is null or j.org_id = v_org);
    -- What waits out a backoff is hidden too, but nobody works on it: its last reading ended as an attempt.
    execute format(
      'select count(*)
         from pgmq.%I q
         join public.queue_jobs j
           on j.id = (case when q.message ->> ''job_id'' ~ ''^[0-9]{1,18}$'' then (q.message ->> ''job_id'')::bigint end)
          and j.msg_id = q.msg_id and j.state = ''queued''
        where q.vt > clock_timestamp() and q.read_ct > 0 and ($2 is null or j.org_id = $2)
          and not exists (select from public.queue_attempts a
                           where a.kind = $1 and a.msg_id = q.msg_id and a.attempt = q.read_ct)', 'q_' || kind)
       into in_flight using kind, v_org;
    select count(*) into dead_letters
      from public.queue_dead_letters d
     where d.kind = queue_statistics.kind and d.state = 'dead' and (v_org is null or d.org_id = v_org);
    select count(*) into done_today
      from public.queue_jobs j
     where j.kind = queue_statistics.kind and j.state = 'done' and j.ended_at >= v_since
       and (v_org is null or j.org_id = v_org);
    select max(h.seen_at) into worker_seen_at
      from public.worker_heartbeats h where queue_statistics.kind = any (h.kinds);
    return next;
  end loop;
end;
$$;
alter function public.queue_statistics() owner to service_role;
comment on function public.queue_statistics() is
  'One row a kind, counting the jobs of the organisation of the transaction: depth is what is enqueued and not ended, in flight what a worker holds now';

create function public.queue_next_visible(p_kind text) returns interval
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_wait interval;
begin
  execute format('select min(vt) - clock_timestamp() from pgmq.%I', 'q_' || p_kind) into v_wait;
  return greatest(v_wait, interval '0');
end;
$$;
comment on function public.queue_next_visible(text) is 'How long until the next message of a kind can be read; null when there is none';

create function public.run_nightly(p_org_id uuid) returns bigint
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_run_on date;
  v_enqueued bigint;
begin
  select (public.app_now() at time zone o.time_zone)::date into v_run_on
    from public.organisations o
   where o.id = p_org_id and (public.app_now() at time zone o.time_zone)::time >= time '02:00';
  if not found then
    return null;
  end if;
  -- Whoever comes second waits here for the first to commit, and then has nothing to do.
  insert into public.nightly_runs (org_id, run_on, enqueued) values (p_org_id, v_run_on, 0)
  on conflict (org_id, run_on) do nothing;
  if not found then
    return null;
  end if;
  v_enqueued := public.queue_stale_judgments(p_org_id);
  update public.nightly_runs set enqueued = v_enqueued where org_id = p_org_id and run_on = v_run_on;
  return v_enqueued;
end;
$$;
comment on function public.run_nightly(uuid) is
  'Enqueues what was not tiered today, once a local day and not before 02:00; null when there is nothing to do yet or any more';

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant update (enqueued) on public.nightly_runs to service_role;
grant execute on function public.queue_statistics() to authenticated, service_role;
grant execute on function public.queue_next_visible(text), public.run_nightly(uuid) to service_role;
