-- Tier policies and their life, what each judgment was assigned, and the set-based refresh that runs a published policy.

-- ---- types ----
create type public.policy_state as enum ('draft', 'published', 'superseded');
create type public.refresh_state as enum ('running', 'done', 'failed');

-- ---- tables ----
create table public.tier_policies (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.organisations (id) on delete cascade,
  name text not null check (btrim(name) <> '' and length(name) <= 120),
  state public.policy_state not null default 'draft',
  revision int check (revision > 0),
  version int not null default 1,
  based_on int,
  document jsonb not null,
  assertions jsonb not null default '{}' check (jsonb_typeof(assertions) = 'object'),
  digest text not null check (digest ~ '^[0-9a-f]{64}$'),
  tier_sql text,
  decided_by_sql text,
  reason_sql text,
  author_id uuid references public.users (id) on delete set null,
  created_at timestamptz not null default public.app_now(),
  updated_at timestamptz not null default public.app_now(),
  published_at timestamptz,
  published_by uuid references public.users (id) on delete set null,
  note text,
  override_note text check (btrim(override_note) <> ''),
  check ((state = 'draft') = (revision is null)),
  check ((state = 'draft') = (published_at is null)),
  check (state = 'draft' or (tier_sql is not null and decided_by_sql is not null and reason_sql is not null)),
  unique (org_id, revision)
);
comment on table public.tier_policies is 'draft → published → superseded; the document never changes once published';
comment on column public.tier_policies.version is 'Counts the saves of a draft; a save names the one that it builds on';
comment on column public.tier_policies.tier_sql is 'The policy as a SQL expression, compiled by the policy crate at publish; the refresh runs it';
comment on column public.tier_policies.assertions is 'Examples, guardrails and laws that the policy must keep; checked by the server in the publishing transaction';
comment on column public.tier_policies.override_note is 'Why it was published though assertions failed; null where all held';
create unique index tier_policies_published on public.tier_policies (org_id) where state = 'published';
create index tier_policies_author on public.tier_policies (author_id);
create index tier_policies_publisher on public.tier_policies (published_by);

create table public.tier_assignments (
  id bigint generated always as identity,
  org_id uuid not null,
  judgment_id uuid not null,
  assigned_at timestamptz not null default public.app_now(),
  old_tier smallint check (old_tier between 0 and 3),
  new_tier smallint not null check (new_tier between 0 and 3),
  reason text not null,
  decided_by text,
  policy_revision int not null,
  policy_digest text not null,
  source text not null check (source in ('job', 'refresh')),
  -- In the order in which it is read and no other: a hundred thousand rows a night pay for each index.
  primary key (org_id, judgment_id, id),
  foreign key (org_id, judgment_id) references public.core_judgments (org_id, id) on delete cascade
);
comment on table public.tier_assignments is 'Append-only: one row whenever tier, deciding rule, reason or policy of a judgment changes';

create table public.tier_refreshes (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.organisations (id) on delete cascade,
  policy_id uuid not null references public.tier_policies (id) on delete cascade,
  before_policy_id uuid references public.tier_policies (id) on delete cascade,
  policy_revision int not null,
  state public.refresh_state not null default 'running',
  total bigint not null,
  done bigint not null default 0,
  previewed jsonb,
  snapshot pg_snapshot,
  facts_moved bigint not null default 0,
  counts bigint[] not null default array_fill(0::bigint, array[16]),
  balances numeric(18,2)[] not null default array_fill(0::numeric(18,2), array[16]),
  requested_by uuid references public.users (id) on delete set null,
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  error text,
  check ((state = 'running') = (finished_at is null)),
  check (state <> 'failed' or error is not null),
  unique (org_id, id)
);
comment on table public.tier_refreshes is 'Set-based re-tiering, resumable by its ranges, reconciled by counts and balances (index before*4+after+1)';
comment on column public.tier_refreshes.before_policy_id is 'The policy that a publish superseded; with it the refresh counts the matrix that the preview showed';
create unique index tier_refreshes_running on public.tier_refreshes (org_id) where state = 'running';
create index tier_refreshes_newest on public.tier_refreshes (org_id, started_at desc);
create index tier_refreshes_policy on public.tier_refreshes (policy_id);
create index tier_refreshes_before_policy on public.tier_refreshes (before_policy_id);
create index tier_refreshes_requester on public.tier_refreshes (requested_by);

create table public.tier_refresh_ranges (
  org_id uuid not null,
  refresh_id uuid not null,
  last_no bigint not null,
  after_no bigint not null,
  is_done boolean not null default false,
  primary key (org_id, refresh_id, last_no),
  foreign key (org_id, refresh_id) references public.tier_refreshes (org_id, id) on delete cascade
);
comment on table public.tier_refresh_ranges is 'The parts of a refresh: whoever locks one tiers its judgments, several at a time; a killed worker leaves it as it was';
comment on column public.tier_refresh_ranges.last_no is 'The range ends with this judgment_no; the last one is open';
comment on column public.tier_refresh_ranges.after_no is 'Judgments after this number are still to be tiered';

-- ---- functions ----
-- Whom live changes concern; listeners fetch what they show, the notification carries no data.
create function public.notify_live(p_org_id uuid, p_event jsonb) returns void
language sql volatile set search_path = ''
as $$ select pg_notify('dragonfly_live', jsonb_build_object('org_id', p_org_id, 'event', p_event)::text) $$;

create function public.tier_policy_lock(p_org_id uuid) returns bigint
language sql immutable strict parallel safe
return hashtextextended('tier_policies:' || p_org_id, 0);
comment on function public.tier_policy_lock(uuid) is
  'Number of the advisory lock that assignments share and a publish takes alone. Its waiters take turns: assignments that keep coming do not starve a publish, as they could on the row';

create function public.hold_published_policies(p_org_ids uuid[]) returns setof public.tier_policies
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock_shared(public.tier_policy_lock(o.id))
     from (select distinct u.id from unnest(p_org_ids) as u (id) order by u.id) o;
  -- A statement of its own, so that it sees what a publish left that the lock has waited for.
  return query select p.* from public.tier_policies p
    where p.org_id = any (p_org_ids) and p.state = 'published' for share;
end;
$$;
comment on function public.hold_published_policies(uuid[]) is
  'The published policies, held until the transaction ends: what is assigned under them commits before the next publish. Take it before locking refreshes or judgments';

create function public.start_tier_refresh(
  p_org_id uuid, p_before_policy_id uuid default null, p_previewed jsonb default null,
  p_snapshot pg_snapshot default null, p_requested_by uuid default null)
returns public.tier_refreshes
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_policy public.tier_policies;
  v_refresh public.tier_refreshes;
begin
  select * into v_policy from public.hold_published_policies(array[p_org_id]);
  if not found then
    raise sqlstate 'PT404' using message = 'the organisation has no published policy';
  end if;

  select * into v_refresh from public.tier_refreshes where org_id = p_org_id and state = 'running' for update;
  if found then
    if v_refresh.policy_id = v_policy.id and p_before_policy_id is null then
      return v_refresh;
    end if;
    update public.tier_refreshes
       set state = 'failed', finished_at = clock_timestamp(),
           error = format('overtaken by revision %s', v_policy.revision)
     where id = v_refresh.id;
  end if;

  insert into public.tier_refreshes
    (org_id, policy_id, before_policy_id, policy_revision, total, previewed, snapshot, requested_by)
  values
    (p_org_id, v_policy.id, p_before_policy_id, v_policy.revision,
     (select count(*) from public.core_judgments j where j.org_id = p_org_id and not public.is_closed_status(j.status)),
     p_previewed, p_snapshot, p_requested_by)
  returning * into v_refresh;
  insert into public.tier_refresh_ranges (org_id, refresh_id, last_no, after_no)
  select p_org_id, v_refresh.id, b.last_no, lag(b.last_no, 1, 0::bigint) over (order by b.last_no)
    from (select n.judgment_no as last_no
            from (select j.judgment_no, row_number() over (order by j.judgment_no) as place
                    from public.core_judgments j
                   where j.org_id = p_org_id and not public.is_closed_status(j.status)) n
           where n.place % 10000 = 0
          union all select 9223372036854775807) b;
  perform pg_notify('dragonfly_refresh', v_refresh.id::text);
  return v_refresh;
end;
$$;
comment on function public.start_tier_refresh(uuid, uuid, jsonb, pg_snapshot, uuid) is
  'Begins re-tiering every active judgment of an organisation; the running refresh of the same policy is joined, one of an older policy is ended';

-- Memory for a step: what does not fit is written to temporary files between the parts of the statement.
create function public.step_tier_refresh(p_refresh_id uuid, p_limit int)
returns public.tier_refreshes
language plpgsql volatile security invoker set search_path = '' set work_mem = '64MB'
as $$
declare
  v_refresh public.tier_refreshes;
  v_range public.tier_refresh_ranges;
  v_policy public.tier_policies;
  v_before_sql text;
  v_last bigint;
  v_rows bigint;
  v_moved bigint;
  v_counts bigint[];
  v_balances numeric(18,2)[];
begin
  -- First the policy, as everybody locks: a publish waits for this step, and this step never outlives its revision.
  select p.* into v_policy
    from public.hold_published_policies((select array[r.org_id] from public.tier_refreshes r where r.id = p_refresh_id)) p;
  select * into v_refresh from public.tier_refreshes where id = p_refresh_id;
  if not found then
    raise sqlstate 'PT404' using message = 'tier refresh not found';
  end if;
  if v_refresh.state <> 'running' then
    return v_refresh;
  end if;
  if v_policy.id is distinct from v_refresh.policy_id then
    update public.tier_refreshes
       set state = 'failed', finished_at = clock_timestamp(), error = 'overtaken by a newer revision'
     where id = p_refresh_id and state = 'running' returning * into v_refresh;
    return v_refresh;
  end if;
  select coalesce(max(tier_sql), v_policy.tier_sql) into v_before_sql
    from public.tier_policies where id = v_refresh.before_policy_id;

  select * into v_range from public.tier_refresh_ranges
   where org_id = v_refresh.org_id and refresh_id = p_refresh_id and not is_done
   order by last_no limit 1
     for update skip locked;
  if not found then
    return null;
  end if;

  execute format($sql$
    with chunk as materialized (
      select id, judgment_no, collectability_score, balance_due, asset_signals,
             tier as old_tier, tier_reason as old_reason, tier_decided_by as old_decided_by,
             tier_policy_digest as old_digest
        from public.core_judgments
       where org_id = $1 and judgment_no > $2 and judgment_no <= $8 and not public.is_closed_status(status)
       order by judgment_no
       limit $3
         for no key update
    ), outcome as materialized (
      select *, (%1$s)::smallint as before_tier, (%2$s)::smallint as new_tier,
             (%3$s) as new_reason, (%4$s) as new_decided_by
        from chunk
    ), written as (
      update public.core_judgments j
         set tier = o.new_tier, tier_reason = o.new_reason, tier_decided_by = o.new_decided_by,
             tier_as_of = $4, tier_policy_revision = $5, tier_policy_digest = $6
        from outcome o
       where j.id = o.id
      returning j.id, j.judgment_no, j.tier, coalesce(j.balance_due, 0) as balance, o.before_tier
    ), written_cases as (
      update public.enforcement_cases c
         set tier = public.tier_text(o.new_tier), tier_reason = o.new_reason, tier_as_of = $4,
             collectability_score = o.collectability_score, asset_flags = public.asset_flags(o.asset_signals)
        from outcome o
       where c.judgment_id = o.id and c.closed_at is null
    ), history as (
      insert into public.tier_assignments
        (org_id, judgment_id, assigned_at, old_tier, new_tier, reason, decided_by, policy_revision, policy_digest, source)
      select $1, id, $4, old_tier, new_tier, new_reason, new_decided_by, $5, $6, 'refresh'
        from outcome
       where old_tier is distinct from new_tier or old_digest is distinct from $6
          or old_reason is distinct from new_reason or old_decided_by is distinct from new_decided_by
    ), cells as (
      select before_tier * 4 + tier + 1 as cell, count(*) as judgments, sum(balance) as balance,
             max(judgment_no) as last_no
        from written group by 1
    )
    select max(last_no), coalesce(sum(judgments), 0),
           (select array_agg(coalesce(c.judgments, 0) order by i)
              from generate_series(1, 16) i left join cells c on c.cell = i),
           (select array_agg(coalesce(c.balance, 0) order by i)
              from generate_series(1, 16) i left join cells c on c.cell = i),
           (select count(distinct f.judgment_id)
              from public.judgment_facts f join chunk k on k.id = f.judgment_id
             where $7 is not null and f.org_id = $1
               and f.written_by >= pg_snapshot_xmin($7) and not pg_visible_in_snapshot(f.written_by, $7))
      from cells
    $sql$, v_before_sql, v_policy.tier_sql, v_policy.reason_sql, v_policy.decided_by_sql)
  into v_last, v_rows, v_counts, v_balances, v_moved
  using v_refresh.org_id, v_range.after_no, p_limit, public.app_now(),
        v_policy.revision, v_policy.digest, v_refresh.snapshot, v_range.last_no;

  update public.tier_refresh_ranges
     set after_no = coalesce(v_last, after_no), is_done = v_rows < p_limit or v_last = last_no
   where org_id = v_range.org_id and refresh_id = p_refresh_id and last_no = v_range.last_no;
  -- Last of all: those who tier other ranges wait for each other here, and only until the commit.
  update public.tier_refreshes r
     set done = r.done + v_rows, total = greatest(r.total, r.done + v_rows), facts_moved = r.facts_moved + v_moved,
         counts = array(select a + b from unnest(r.counts, v_counts) with ordinality as u (a, b, n) order by n),
         balances = array(select a + b from unnest(r.balances, v_balances) with ordinality as u (a, b, n) order by n)
   where r.id = p_refresh_id
  returning * into v_refresh;
  if not exists (select from public.tier_refresh_ranges
                  where org_id = v_refresh.org_id and refresh_id = p_refresh_id and not is_done) then
    update public.tier_refreshes set state = 'done', finished_at = clock_timestamp(), total = done
     where id = p_refresh_id
    returning * into v_refresh;
  end if;
  perform public.notify_live(v_refresh.org_id, jsonb_build_object(
    'kind', 'refresh', 'id', v_refresh.id, 'done', v_refresh.done, 'total', v_refresh.total));
  return v_refresh;
end;
$$;
comment on function public.step_tier_refresh(uuid, int) is
  'Re-tiers the next judgments of a refresh in one transaction; call it until state is no longer running. Null while others are at all that is left. Safe to call again after a crash';

create function public.refresh_enforcement_metrics() returns bigint
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_refresh public.tier_refreshes;
  v_step public.tier_refreshes;
  v_done bigint := 0;
  v_org uuid;
begin
  for v_org in
    select o.id from public.organisations o
     where (public.current_org_id() is null or o.id = public.current_org_id())
       and exists (select from public.tier_policies p where p.org_id = o.id and p.state = 'published')
  loop
    v_refresh := public.start_tier_refresh(v_org);
    while v_refresh.state = 'running' loop
      v_step := public.step_tier_refresh(v_refresh.id, 10000);
      -- Workers are at all that is left.
      exit when v_step.id is null;
      v_refresh := v_step;
    end loop;
    v_done := v_done + v_refresh.done;
  end loop;
  return v_done;
end;
$$;
comment on function public.refresh_enforcement_metrics() is 'Re-tiers every active judgment with the stored expression of the published policy; answers how many';

create function public.publish_tier_policy(
  p_policy_id uuid, p_expected_version int, p_expected_revision int, p_note text,
  p_tier_sql text, p_decided_by_sql text, p_reason_sql text, p_previewed jsonb, p_snapshot pg_snapshot,
  p_override_note text default null)
returns public.tier_refreshes
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_org uuid := public.current_org_id();
  v_published public.tier_policies;
  v_draft public.tier_policies;
begin
  -- Assignments share these locks: from here on none commits under the old revision.
  perform pg_advisory_xact_lock(public.tier_policy_lock(v_org));
  select * into v_published from public.tier_policies where org_id = v_org and state = 'published' for update;
  select * into v_draft from public.tier_policies where id = p_policy_id and org_id = v_org and state = 'draft' for update;
  if v_draft.id is null then
    raise sqlstate 'PT404' using message = 'tier policy draft not found';
  end if;
  if v_draft.version <> p_expected_version then
    raise sqlstate 'PT409' using message = 'the draft was saved by somebody else meanwhile', detail = 'draft_moved',
      hint = 'load the draft again and preview it';
  end if;
  if coalesce(v_published.revision, 0) <> p_expected_revision then
    raise sqlstate 'PT409' using message = format('revision %s was published meanwhile', v_published.revision),
      detail = 'revision_moved', hint = 'preview the draft against the published revision again';
  end if;
  if btrim(coalesce(p_note, '')) = '' then
    raise sqlstate 'PT422' using message = 'a publish needs a note', detail = 'note', hint = 'say in a sentence why the policy changes';
  end if;

  update public.tier_policies set state = 'superseded' where id = v_published.id;
  update public.tier_policies
     set state = 'published', revision = p_expected_revision + 1, note = btrim(p_note), override_note = btrim(p_override_note),
         tier_sql = p_tier_sql, decided_by_sql = p_decided_by_sql, reason_sql = p_reason_sql,
         published_at = public.app_now(), published_by = public.current_user_id(), updated_at = public.app_now()
   where id = v_draft.id;
  perform public.notify_live(v_org, jsonb_build_object('kind', 'policy_published', 'revision', p_expected_revision + 1));
  return public.start_tier_refresh(v_org, v_published.id, p_previewed, p_snapshot, public.current_user_id());
end;
$$;
-- A definer, because only a publish may write the SQL expressions; the server compiles them from the draft it has locked.
alter function public.publish_tier_policy(uuid, int, int, text, text, text, text, jsonb, pg_snapshot, text) owner to service_role;
comment on function public.publish_tier_policy(uuid, int, int, text, text, text, text, jsonb, pg_snapshot, text) is
  'Promotes a draft, supersedes the published revision and starts the refresh, in one transaction';

create function public.facts_moved_since(p_org_id uuid, p_snapshot pg_snapshot, p_limit int)
returns table (id uuid, judgment_no bigint, case_number text)
language sql stable security invoker set search_path = ''
as $$
  select j.id, j.judgment_no, j.case_number
    from public.core_judgments j
   where j.org_id = p_org_id
     and exists (select from public.judgment_facts f
                  where f.judgment_id = j.id and f.org_id = p_org_id
                    and f.written_by >= pg_snapshot_xmin(p_snapshot)
                    and not pg_visible_in_snapshot(f.written_by, p_snapshot))
   order by j.judgment_no
   limit p_limit
$$;
comment on function public.facts_moved_since(uuid, pg_snapshot, int) is 'Judgments whose facts were written by transactions that the snapshot had not seen';

create trigger refuse_change before update or delete on public.tier_assignments
  for each row execute function public.tg_refuse_change();

-- ---- row-level security ----
alter table public.tier_policies enable row level security, force row level security;
alter table public.tier_assignments enable row level security, force row level security;
alter table public.tier_refreshes enable row level security, force row level security;
alter table public.tier_refresh_ranges enable row level security, force row level security;

create policy "members see their policies" on public.tier_policies
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "admins start drafts" on public.tier_policies
  for insert to admin with check (org_id = (select public.current_org_id()) and state = 'draft');
create policy "admins save drafts" on public.tier_policies
  for update to admin using (org_id = (select public.current_org_id()) and state = 'draft')
  with check (org_id = (select public.current_org_id()) and state = 'draft');
create policy "admins discard drafts" on public.tier_policies
  for delete to admin using (org_id = (select public.current_org_id()) and state = 'draft');
create policy "members see assignments of their judgments" on public.tier_assignments
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see refreshes of their judgments" on public.tier_refreshes
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "the service manages policies" on public.tier_policies for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service appends assignments" on public.tier_assignments for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service runs refreshes" on public.tier_refreshes for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "members see the parts of their refreshes" on public.tier_refresh_ranges
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "the service runs parts of refreshes" on public.tier_refresh_ranges for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant select on public.tier_policies, public.tier_assignments, public.tier_refreshes, public.tier_refresh_ranges
   to authenticated, service_role;
grant insert (org_id, name, document, digest, assertions, based_on, author_id),
      update (name, document, digest, assertions, version, updated_at),
      delete on public.tier_policies to admin;
grant insert, update, delete on public.tier_policies to service_role;
grant insert on public.tier_assignments to service_role;
grant insert, update on public.tier_refreshes, public.tier_refresh_ranges to service_role;
grant execute on function public.notify_live(uuid, jsonb) to service_role;
grant execute on function public.tier_policy_lock(uuid), public.hold_published_policies(uuid[]) to service_role;
grant execute on function public.start_tier_refresh(uuid, uuid, jsonb, pg_snapshot, uuid),
                          public.step_tier_refresh(uuid, int),
                          public.refresh_enforcement_metrics() to service_role;
grant execute on function public.publish_tier_policy(uuid, int, int, text, text, text, text, jsonb, pg_snapshot, text) to admin, service_role;
grant execute on function public.facts_moved_since(uuid, pg_snapshot, int) to authenticated, service_role;
