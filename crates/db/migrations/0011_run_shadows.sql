-- Shadows: a policy that is evaluated beside the published one for some days, to see what it would do, without any effect.

-- ---- tables ----
alter table public.tier_policy_events
  drop constraint tier_policy_events_kind_check,
  add constraint tier_policy_events_kind
    check (kind in ('started', 'saved', 'discarded', 'approval_requested', 'approved', 'declined', 'scheduled', 'schedule_cancelled',
                    'schedule_failed', 'published', 'superseded', 'settings_changed', 'shadow_started', 'shadow_stopped'));

create table public.tier_shadows (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.organisations (id) on delete cascade,
  policy_id uuid not null,
  name text not null,
  document jsonb not null,
  digest text not null check (digest ~ '^[0-9a-f]{64}$'),
  days int not null check (days between 1 and 60),
  started_at timestamptz not null default public.app_now(),
  started_by uuid references public.users (id) on delete set null,
  ends_at timestamptz not null,
  ended_at timestamptz,
  unique (org_id, id)
);
comment on table public.tier_shadows is 'Runs until ended_at or, where that is null, until ends_at: nobody has to end it';
comment on column public.tier_shadows.policy_id is 'Where the document was taken from; refers to nothing, because drafts are changed and discarded';
comment on column public.tier_shadows.document is 'The policy as it was at the start';
create unique index tier_shadows_running on public.tier_shadows (org_id) where ended_at is null;
create index tier_shadows_starter on public.tier_shadows (started_by);

create table public.tier_shadow_tiers (
  org_id uuid not null,
  shadow_id uuid not null,
  -- Refers to no judgment: a hundred thousand rows a night would pay for the check.
  judgment_no bigint not null,
  day date not null,
  published_tier smallint not null check (published_tier between 0 and 3),
  shadow_tier smallint not null check (shadow_tier between 0 and 3),
  balance numeric(14,2) not null,
  primary key (org_id, shadow_id, judgment_no),
  foreign key (org_id, shadow_id) references public.tier_shadows (org_id, id) on delete cascade
) with (fillfactor = 50);
comment on table public.tier_shadow_tiers is 'What the published policy and the shadow decided when the judgment was tiered last, and on which day of the organisation';

create table public.tier_shadow_days (
  org_id uuid not null,
  shadow_id uuid not null,
  day date not null,
  counts bigint[] not null default array_fill(0::bigint, array[16]),
  balances numeric(18,2)[] not null default array_fill(0::numeric(18,2), array[16]),
  primary key (org_id, shadow_id, day),
  foreign key (org_id, shadow_id) references public.tier_shadows (org_id, id) on delete cascade
);
comment on table public.tier_shadow_days is 'Judgments that were tiered on a day, each by its last time, published × shadow (index published*4+shadow+1)';

-- ---- functions ----
create function public.running_tier_shadows(p_org_ids uuid[]) returns setof public.tier_shadows
language sql volatile security invoker set search_path = ''
as $$
  select s.* from public.tier_shadows s
   where s.org_id = any (p_org_ids) and s.ended_at is null and s.ends_at > public.app_now()
     for share
$$;
comment on function public.running_tier_shadows(uuid[]) is 'The shadows that run, held until the transaction ends: whoever stops one waits for what is being recorded';

create function public.record_shadow_tiers(
  p_org_id uuid, p_shadow_id uuid, p_judgment_nos bigint[], p_published smallint[], p_shadow smallint[], p_balance_cents bigint[])
returns void
language plpgsql volatile security invoker set search_path = '' set work_mem = '64MB'
as $$
declare
  v_day date := public.org_today(p_org_id);
  v_counts bigint[];
  v_balances numeric(18,2)[];
begin
  with given as materialized (
    select g.judgment_no, g.published, g.shadow, (g.cents / 100.0)::numeric(14,2) as balance
      from unnest(p_judgment_nos, p_published, p_shadow, p_balance_cents) as g (judgment_no, published, shadow, cents)
  ), earlier as materialized (
    -- A judgment that was tiered earlier the same day counts by its last time.
    select t.published_tier, t.shadow_tier, t.balance
      from public.tier_shadow_tiers t join given g using (judgment_no)
     where t.org_id = p_org_id and t.shadow_id = p_shadow_id and t.day = v_day
  ), written as (
    insert into public.tier_shadow_tiers (org_id, shadow_id, judgment_no, day, published_tier, shadow_tier, balance)
    select p_org_id, p_shadow_id, g.judgment_no, v_day, g.published, g.shadow, g.balance from given g
    on conflict (org_id, shadow_id, judgment_no) do update
      set day = excluded.day, published_tier = excluded.published_tier, shadow_tier = excluded.shadow_tier, balance = excluded.balance
  ), cells as (
    select c.cell, sum(c.judgments)::bigint as judgments, sum(c.balance) as balance
      from (select g.published * 4 + g.shadow + 1 as cell, 1 as judgments, g.balance from given g
            union all
            select e.published_tier * 4 + e.shadow_tier + 1, -1, -e.balance from earlier e) c
     group by 1
  )
  select array_agg(coalesce(c.judgments, 0) order by i), array_agg(coalesce(c.balance, 0) order by i)
    into v_counts, v_balances
    from generate_series(1, 16) i left join cells c on c.cell = i;

  -- Last of all: those who tier other judgments wait for each other here, and only until the commit.
  insert into public.tier_shadow_days as d (org_id, shadow_id, day, counts, balances)
  values (p_org_id, p_shadow_id, v_day, v_counts, v_balances)
  on conflict (org_id, shadow_id, day) do update
    set counts = array(select a + b from unnest(d.counts, excluded.counts) with ordinality as u (a, b, n) order by n),
        balances = array(select a + b from unnest(d.balances, excluded.balances) with ordinality as u (a, b, n) order by n);
end;
$$;
comment on function public.record_shadow_tiers(uuid, uuid, bigint[], smallint[], smallint[], bigint[]) is
  'Keeps what a shadow decided about judgments that the transaction has locked and tiered; each is named once';

create function public.start_tier_shadow(p_policy_id uuid, p_days int) returns uuid
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_org uuid := public.current_org_id();
  v_policy public.tier_policies;
  v_id uuid;
begin
  select * into v_policy from public.tier_policies where id = p_policy_id and org_id = v_org;
  if not found then
    raise sqlstate 'PT404' using message = 'tier policy not found';
  end if;
  if p_days is null or p_days not between 1 and 60 then
    raise sqlstate 'PT422' using message = 'a shadow runs for 1 to 60 days', detail = 'days';
  end if;
  update public.tier_shadows set ended_at = ends_at
   where org_id = v_org and ended_at is null and ends_at <= public.app_now();
  insert into public.tier_shadows (org_id, policy_id, name, document, digest, days, started_by, ends_at)
  values (v_org, v_policy.id, v_policy.name, v_policy.document, v_policy.digest, p_days, public.current_user_id(),
          public.app_now() + make_interval(days => p_days))
  on conflict (org_id) where ended_at is null do nothing
  returning id into v_id;
  if v_id is null then
    raise sqlstate 'PT409' using message = 'a shadow runs already, and one at a time can', hint = 'stop it first';
  end if;
  insert into public.tier_policy_events (org_id, policy_id, kind, actor_id, actor_name, policy_name, version, revision, digest, note)
  values (v_org, v_policy.id, 'shadow_started', public.current_user_id(),
          (select u.display_name from public.users u where u.id = public.current_user_id()),
          v_policy.name, v_policy.version, v_policy.revision, v_policy.digest, format('for %s days', p_days));
  return v_id;
end;
$$;
-- A definer, because an admin may start and stop shadows and write nothing else of them.
alter function public.start_tier_shadow(uuid, int) owner to service_role;
comment on function public.start_tier_shadow(uuid, int) is 'Has a policy, as it is now, run beside the published one for so many days; one in an organisation';

create function public.stop_tier_shadow(p_shadow_id uuid) returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_shadow public.tier_shadows;
begin
  select * into v_shadow from public.tier_shadows where id = p_shadow_id and org_id = public.current_org_id() for update;
  if not found then
    raise sqlstate 'PT404' using message = 'shadow not found';
  end if;
  if v_shadow.ended_at is not null or v_shadow.ends_at <= public.app_now() then
    raise sqlstate 'PT409' using message = 'the shadow has ended';
  end if;
  update public.tier_shadows set ended_at = public.app_now() where id = v_shadow.id;
  insert into public.tier_policy_events (org_id, policy_id, kind, actor_id, actor_name, policy_name, digest)
  values (v_shadow.org_id, v_shadow.policy_id, 'shadow_stopped', public.current_user_id(),
          (select u.display_name from public.users u where u.id = public.current_user_id()), v_shadow.name, v_shadow.digest);
end;
$$;
alter function public.stop_tier_shadow(uuid) owner to service_role;
comment on function public.stop_tier_shadow(uuid) is 'Ends a shadow before its time; what it has recorded stays';

-- ---- row-level security ----
alter table public.tier_shadows enable row level security, force row level security;
alter table public.tier_shadow_tiers enable row level security, force row level security;
alter table public.tier_shadow_days enable row level security, force row level security;

create policy "members see their shadows" on public.tier_shadows
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see what their shadows decided" on public.tier_shadow_tiers
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see the days of their shadows" on public.tier_shadow_days
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "the service runs shadows" on public.tier_shadows for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service records what shadows decided" on public.tier_shadow_tiers for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service counts the days of shadows" on public.tier_shadow_days for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant select on public.tier_shadows, public.tier_shadow_tiers, public.tier_shadow_days to authenticated, service_role;
grant insert, update on public.tier_shadows, public.tier_shadow_tiers, public.tier_shadow_days to service_role;
grant execute on function public.running_tier_shadows(uuid[]),
                          public.record_shadow_tiers(uuid, uuid, bigint[], smallint[], smallint[], bigint[]) to service_role;
grant execute on function public.start_tier_shadow(uuid, int), public.stop_tier_shadow(uuid) to admin, service_role;
