-- Receipts of publishes, and drift: what a refresh wrote though the policy crate decides otherwise on the same facts.

-- ---- types ----
-- What a worker takes of a refresh at once, with the facts that it was tiered by: enough to decide it all again.
create type public.tier_refresh_chunk as (
  refresh_id uuid,
  org_id uuid,
  -- The range that it is a part of, and how far that is tiered now.
  range_no bigint,
  last_no bigint,
  is_range_done boolean,
  facts_moved bigint,
  counts bigint[],
  balances numeric(18,2)[],
  -- The policy as it is stored.
  document jsonb,
  digest text,
  receipt_policy text,
  -- One entry a judgment in each; -1 where score or balance is missing.
  judgment_nos bigint[],
  scores smallint[],
  balance_cents bigint[],
  asset_signals smallint[],
  tiers smallint[]
);

-- ---- tables ----
alter table public.tier_policies add column receipt jsonb check (jsonb_typeof(receipt) = 'object');
comment on column public.tier_policies.receipt is
  'Digests of policy, build, snapshot and matrix that the publishing browser sent and the server made again; null for what came with the organisation';

alter table public.tier_refreshes
  add column drifted bigint not null default 0,
  add column drifts jsonb not null default '[]' check (jsonb_typeof(drifts) = 'array');
comment on column public.tier_refreshes.drifted is
  'Judgments whose tier the stored expression wrote otherwise than the policy crate decides on the same facts';
comment on column public.tier_refreshes.drifts is 'The first of them, as the HTTP contract has them';

-- ---- functions ----
create function public.tg_published_policy_stays() returns trigger
language plpgsql set search_path = ''
as $$
begin
  raise sqlstate 'PT405' using message = 'what was published never changes';
end;
$$;
create trigger published_policy_stays before update on public.tier_policies
  for each row
  when (old.state in ('published', 'superseded')
    and (old.document, old.assertions, old.digest, old.revision, old.name, old.note, old.override_note, old.receipt, old.published_at)
        is distinct from
        (new.document, new.assertions, new.digest, new.revision, new.name, new.note, new.override_note, new.receipt, new.published_at))
  execute function public.tg_published_policy_stays();

-- Memory for a chunk: what does not fit is written to temporary files between the parts of the statement.
create function public.take_tier_refresh_chunk(p_refresh_id uuid, p_limit int)
returns setof public.tier_refresh_chunk
language plpgsql volatile security invoker set search_path = '' set work_mem = '64MB'
as $$
declare
  v_refresh public.tier_refreshes;
  v_range public.tier_refresh_ranges;
  v_policy public.tier_policies;
  v_before_sql text;
  v_chunk public.tier_refresh_chunk;
begin
  -- First the policy, as everybody locks: a publish waits for this chunk, and this chunk never outlives its revision.
  select p.* into v_policy
    from public.hold_published_policies((select array[r.org_id] from public.tier_refreshes r where r.id = p_refresh_id)) p;
  select * into v_refresh from public.tier_refreshes where id = p_refresh_id;
  if not found then
    raise sqlstate 'PT404' using message = 'tier refresh not found';
  end if;
  if v_refresh.state <> 'running' then
    return;
  end if;
  if v_policy.id is distinct from v_refresh.policy_id then
    update public.tier_refreshes
       set state = 'failed', finished_at = clock_timestamp(), error = 'overtaken by a newer revision'
     where id = p_refresh_id and state = 'running';
    return;
  end if;
  select coalesce(max(tier_sql), v_policy.tier_sql) into v_before_sql
    from public.tier_policies where id = v_refresh.before_policy_id;

  select * into v_range from public.tier_refresh_ranges
   where org_id = v_refresh.org_id and refresh_id = p_refresh_id and not is_done
   order by last_no limit 1
     for update skip locked;
  if not found then
    return;
  end if;
  v_chunk.refresh_id := v_refresh.id;
  v_chunk.org_id := v_refresh.org_id;
  v_chunk.range_no := v_range.last_no;
  v_chunk.document := v_policy.document;
  v_chunk.digest := v_policy.digest;
  v_chunk.receipt_policy := v_policy.receipt ->> 'policy';

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
      returning j.judgment_no, j.collectability_score, j.balance_due, j.asset_signals, j.tier, o.before_tier
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
      select before_tier * 4 + tier + 1 as cell, count(*) as judgments, coalesce(sum(balance_due), 0) as balance
        from written group by 1
    ), facts as (
      select coalesce(array_agg(judgment_no), '{}') as judgment_nos,
             coalesce(array_agg(coalesce((collectability_score * 100)::smallint, -1::smallint)), '{}') as scores,
             coalesce(array_agg(coalesce((balance_due * 100)::bigint, -1)), '{}') as balance_cents,
             coalesce(array_agg(asset_signals), '{}') as asset_signals,
             coalesce(array_agg(tier), '{}') as tiers,
             max(judgment_no) as last_no
        from written
    )
    select f.last_no, f.judgment_nos, f.scores, f.balance_cents, f.asset_signals, f.tiers,
           (select array_agg(coalesce(c.judgments, 0) order by i)
              from generate_series(1, 16) i left join cells c on c.cell = i),
           (select array_agg(coalesce(c.balance, 0) order by i)
              from generate_series(1, 16) i left join cells c on c.cell = i),
           (select count(distinct f.judgment_id)
              from public.judgment_facts f join chunk k on k.id = f.judgment_id
             where $7 is not null and f.org_id = $1
               and f.written_by >= pg_snapshot_xmin($7) and not pg_visible_in_snapshot(f.written_by, $7))
      from facts f
    $sql$, v_before_sql, v_policy.tier_sql, v_policy.reason_sql, v_policy.decided_by_sql)
  into v_chunk.last_no, v_chunk.judgment_nos, v_chunk.scores, v_chunk.balance_cents, v_chunk.asset_signals, v_chunk.tiers,
       v_chunk.counts, v_chunk.balances, v_chunk.facts_moved
  using v_refresh.org_id, v_range.after_no, p_limit, public.app_now(),
        v_policy.revision, v_policy.digest, v_refresh.snapshot, v_range.last_no;
  v_chunk.is_range_done := cardinality(v_chunk.tiers) < p_limit or v_chunk.last_no = v_range.last_no;
  return next v_chunk;
end;
$$;
comment on function public.take_tier_refresh_chunk(uuid, int) is
  'Re-tiers the next judgments of a refresh, at most so many, and answers by which facts; close_tier_refresh_chunk counts them in the same transaction. Nothing where the refresh is at its end, or others are at all that is left';

create function public.close_tier_refresh_chunk(
  p_refresh_id uuid, p_range_no bigint, p_last_no bigint, p_is_range_done boolean, p_facts_moved bigint,
  p_counts bigint[], p_balances numeric[], p_drifted bigint default 0, p_drifts jsonb default '[]')
returns public.tier_refreshes
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_drifts_max constant int := 10;
  v_judgments bigint := (select sum(c) from unnest(p_counts) c);
  v_refresh public.tier_refreshes;
begin
  update public.tier_refresh_ranges g
     set after_no = coalesce(p_last_no, g.after_no), is_done = p_is_range_done
    from public.tier_refreshes r
   where r.id = p_refresh_id and g.org_id = r.org_id and g.refresh_id = r.id and g.last_no = p_range_no;
  -- Last of all: those who tier other ranges wait for each other here, and only until the commit.
  update public.tier_refreshes r
     set done = r.done + v_judgments, total = greatest(r.total, r.done + v_judgments), facts_moved = r.facts_moved + p_facts_moved,
         counts = array(select a + b from unnest(r.counts, p_counts) with ordinality as u (a, b, n) order by n),
         balances = array(select a + b from unnest(r.balances, p_balances) with ordinality as u (a, b, n) order by n),
         drifted = r.drifted + p_drifted,
         drifts = jsonb_path_query_array(r.drifts || p_drifts, '$[0 to $n]', jsonb_build_object('n', v_drifts_max - 1))
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
comment on function public.close_tier_refresh_chunk(uuid, bigint, bigint, boolean, bigint, bigint[], numeric[], bigint, jsonb) is
  'Counts a chunk that this transaction took, with the drift that was found in it; at most ten judgments are named';

create or replace function public.step_tier_refresh(p_refresh_id uuid, p_limit int)
returns public.tier_refreshes
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_chunk public.tier_refresh_chunk;
  v_refresh public.tier_refreshes;
begin
  select * into v_chunk from public.take_tier_refresh_chunk(p_refresh_id, p_limit);
  if not found then
    select * into v_refresh from public.tier_refreshes where id = p_refresh_id and state <> 'running';
    return v_refresh;
  end if;
  return public.close_tier_refresh_chunk(
    p_refresh_id, v_chunk.range_no, v_chunk.last_no, v_chunk.is_range_done, v_chunk.facts_moved, v_chunk.counts, v_chunk.balances);
end;
$$;
alter function public.step_tier_refresh(uuid, int) reset all;
alter function public.step_tier_refresh(uuid, int) set search_path = '';
comment on function public.step_tier_refresh(uuid, int) is
  'Re-tiers the next judgments of a refresh in one transaction, without the check for drift that workers make; call it until state is no longer running. Null while others are at all that is left. Safe to call again after a crash';

drop function public.publish_tier_policy(uuid, int, int, text, text, text, text, jsonb, pg_snapshot, text);
create function public.publish_tier_policy(
  p_policy_id uuid, p_expected_version int, p_expected_revision int, p_note text,
  p_tier_sql text, p_decided_by_sql text, p_reason_sql text, p_previewed jsonb, p_snapshot pg_snapshot,
  p_override_note text default null, p_receipt jsonb default null)
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
         tier_sql = p_tier_sql, decided_by_sql = p_decided_by_sql, reason_sql = p_reason_sql, receipt = p_receipt,
         published_at = public.app_now(), published_by = public.current_user_id(), updated_at = public.app_now()
   where id = v_draft.id;
  perform public.notify_live(v_org, jsonb_build_object('kind', 'policy_published', 'revision', p_expected_revision + 1));
  return public.start_tier_refresh(v_org, v_published.id, p_previewed, p_snapshot, public.current_user_id());
end;
$$;
-- A definer, because only a publish may write the SQL expressions; the server compiles them from the draft it has locked.
alter function public.publish_tier_policy(uuid, int, int, text, text, text, text, jsonb, pg_snapshot, text, jsonb) owner to service_role;
comment on function public.publish_tier_policy(uuid, int, int, text, text, text, text, jsonb, pg_snapshot, text, jsonb) is
  'Promotes a draft with its receipt, supersedes the published revision and starts the refresh, in one transaction';

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant execute on function public.take_tier_refresh_chunk(uuid, int),
                          public.close_tier_refresh_chunk(uuid, bigint, bigint, boolean, bigint, bigint[], numeric[], bigint, jsonb)
   to service_role;
grant execute on function public.publish_tier_policy(uuid, int, int, text, text, text, text, jsonb, pg_snapshot, text, jsonb)
   to admin, service_role;
