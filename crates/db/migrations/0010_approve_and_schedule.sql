-- Publishing by two people and at a later time, and the log of every step in the life of a policy.

-- ---- types ----
create type public.approval_state as enum ('requested', 'approved', 'declined');

-- ---- tables ----
alter table public.organisations add column publish_needs_approval boolean not null default false;
comment on column public.organisations.publish_needs_approval is 'A draft is published only after an admin other than its author, last saver and requester has approved it';

alter table public.tier_policies
  add column saved_by uuid references public.users (id) on delete set null,
  add column approval public.approval_state,
  add column approval_requested_at timestamptz,
  add column approval_requested_by uuid references public.users (id) on delete set null,
  add column approval_request_note text,
  add column approval_answered_at timestamptz,
  add column approval_answered_by uuid references public.users (id) on delete set null,
  add column approval_note text,
  add column effective_at timestamptz,
  add column scheduled_at timestamptz,
  add column scheduled_by uuid references public.users (id) on delete set null,
  add column scheduled_over int,
  add column schedule_error text,
  drop constraint tier_policies_check,
  drop constraint tier_policies_check1,
  drop constraint tier_policies_check2,
  add constraint tier_policies_revision check ((state in ('draft', 'scheduled')) = (revision is null)),
  add constraint tier_policies_published_at check ((state in ('draft', 'scheduled')) = (published_at is null)),
  add constraint tier_policies_compiled
    check (state in ('draft', 'scheduled') or (tier_sql is not null and decided_by_sql is not null and reason_sql is not null)),
  add constraint tier_policies_approval
    check ((approval is null) = (approval_requested_at is null)
       and (approval is null or (approval = 'requested') = (approval_answered_at is null))),
  add constraint tier_policies_schedule
    check ((state <> 'draft' or effective_at is null) and (state <> 'scheduled' or effective_at is not null)
       and (effective_at is null) = (scheduled_at is null) and (effective_at is null) = (scheduled_over is null)
       and (schedule_error is null or state = 'scheduled'));
comment on table public.tier_policies is 'draft → (scheduled →) published → superseded; the document never changes once published';
comment on column public.tier_policies.saved_by is 'Who saved the draft last; null until somebody has saved it over its first version';
comment on column public.tier_policies.approval is 'Where the approval of this version stands; a save clears it';
comment on column public.tier_policies.effective_at is 'When a scheduled policy is to be published; kept afterwards';
comment on column public.tier_policies.scheduled_over is 'The revision that was published when it was previewed: over no other is it published by itself';
comment on column public.tier_policies.schedule_error is 'Why it was not published when it was due; it waits for an admin';
create unique index tier_policies_scheduled on public.tier_policies (org_id) where state = 'scheduled';
create index tier_policies_saver on public.tier_policies (saved_by);
create index tier_policies_approval_requester on public.tier_policies (approval_requested_by);
create index tier_policies_approval_answerer on public.tier_policies (approval_answered_by);
create index tier_policies_scheduler on public.tier_policies (scheduled_by);

create table public.tier_policy_events (
  id bigint primary key generated always as identity,
  org_id uuid not null references public.organisations (id) on delete cascade,
  policy_id uuid,
  at timestamptz not null default public.app_now(),
  kind text not null check (kind in ('started', 'saved', 'discarded', 'approval_requested', 'approved', 'declined', 'scheduled',
                                     'schedule_cancelled', 'schedule_failed', 'published', 'superseded', 'settings_changed')),
  actor_id uuid,
  actor_name text,
  policy_name text,
  version int,
  revision int,
  digest text,
  note text,
  override_note text,
  receipt jsonb,
  effective_at timestamptz
);
comment on table public.tier_policy_events is 'Append-only: who did what to a policy, when, why, and which document it was; outlives discarded drafts';
comment on column public.tier_policy_events.policy_id is 'Null for what concerns every policy of the organisation; refers to nothing, because drafts are discarded';
comment on column public.tier_policy_events.actor_name is 'What the person was called then; null where the product acted';
create index tier_policy_events_policy on public.tier_policy_events (org_id, policy_id, id);

-- ---- functions ----
create trigger refuse_change before update or delete on public.tier_policy_events
  for each row execute function public.tg_refuse_change();

-- A definer, because nobody may write the log by hand.
create function public.tg_policy_keeps_events() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_policy public.tier_policies;
  v_kind text;
  v_note text;
begin
  if tg_op = 'DELETE' then
    -- The organisation goes, and its log with it.
    if pg_trigger_depth() > 1 then
      return null;
    end if;
    v_policy := old;
    v_kind := 'discarded';
  elsif tg_op = 'INSERT' then
    v_policy := new;
    v_kind := case new.state when 'draft' then 'started' else new.state::text end;
    v_note := new.note;
  else
    v_policy := new;
    if new.state <> old.state then
      v_kind := case new.state when 'draft' then 'schedule_cancelled' else new.state::text end;
      v_note := case when new.state in ('scheduled', 'published') then new.note end;
    elsif new.version <> old.version then
      v_kind := 'saved';
    elsif new.approval is distinct from old.approval and new.approval is not null then
      v_kind := case new.approval when 'requested' then 'approval_requested' else new.approval::text end;
      v_note := case new.approval when 'requested' then new.approval_request_note else new.approval_note end;
    elsif new.schedule_error is distinct from old.schedule_error and new.schedule_error is not null then
      v_kind := 'schedule_failed';
      v_note := new.schedule_error;
    else
      return null;
    end if;
  end if;
  insert into public.tier_policy_events
    (org_id, policy_id, kind, actor_id, actor_name, policy_name, version, revision, digest, note, override_note, receipt, effective_at)
  values
    (v_policy.org_id, v_policy.id, v_kind, public.current_user_id(),
     (select u.display_name from public.users u where u.id = public.current_user_id()),
     v_policy.name, v_policy.version, v_policy.revision, v_policy.digest, v_note,
     case when v_kind in ('scheduled', 'published') then v_policy.override_note end,
     case when v_kind in ('scheduled', 'published') then v_policy.receipt end,
     case when v_kind in ('scheduled', 'published', 'schedule_failed') then v_policy.effective_at end);
  return null;
end;
$$;
alter function public.tg_policy_keeps_events() owner to service_role;
create trigger keep_events after insert or update or delete on public.tier_policies
  for each row execute function public.tg_policy_keeps_events();

create function public.tg_draft_is_saved() returns trigger
language plpgsql set search_path = ''
as $$
begin
  new.saved_by := public.current_user_id();
  new.approval := null;
  new.approval_requested_at := null;
  new.approval_requested_by := null;
  new.approval_request_note := null;
  new.approval_answered_at := null;
  new.approval_answered_by := null;
  new.approval_note := null;
  return new;
end;
$$;
create trigger draft_is_saved before update on public.tier_policies
  for each row
  when (old.state = 'draft' and new.state = 'draft'
    and (old.version, old.name, old.document, old.digest, old.assertions)
        is distinct from (new.version, new.name, new.document, new.digest, new.assertions))
  execute function public.tg_draft_is_saved();

create trigger scheduled_policy_stays before update on public.tier_policies
  for each row
  when (old.state = 'scheduled'
    and (old.version, old.name, old.document, old.digest, old.assertions)
        is distinct from (new.version, new.name, new.document, new.digest, new.assertions))
  execute function public.tg_published_policy_stays();

create function public.set_organisation_settings(p_publish_needs_approval boolean) returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_org uuid := public.current_org_id();
begin
  update public.organisations set publish_needs_approval = p_publish_needs_approval
   where id = v_org and publish_needs_approval <> p_publish_needs_approval;
  if found then
    insert into public.tier_policy_events (org_id, kind, actor_id, actor_name, note)
    values (v_org, 'settings_changed', public.current_user_id(),
            (select u.display_name from public.users u where u.id = public.current_user_id()),
            case when p_publish_needs_approval then 'publishing needs a second person' else 'publishing needs no second person' end);
  end if;
end;
$$;
-- A definer, because an admin may change these settings of the organisation and nothing else of it.
alter function public.set_organisation_settings(boolean) owner to service_role;
comment on function public.set_organisation_settings(boolean) is 'Changes the settings of the caller''s organisation and notes who did';

create function public.lock_tier_policy_draft(p_policy_id uuid, p_expected_version int) returns public.tier_policies
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_draft public.tier_policies;
begin
  select * into v_draft from public.tier_policies
   where id = p_policy_id and org_id = public.current_org_id() and state = 'draft' for update;
  if not found then
    raise sqlstate 'PT404' using message = 'tier policy draft not found';
  end if;
  if v_draft.version <> p_expected_version then
    raise sqlstate 'PT409' using message = 'the draft was saved by somebody else meanwhile', detail = 'draft_moved',
      hint = 'load the draft again and preview it';
  end if;
  return v_draft;
end;
$$;
comment on function public.lock_tier_policy_draft(uuid, int) is 'The draft in the version that the caller has seen, locked until the transaction ends';

create function public.request_tier_policy_approval(p_policy_id uuid, p_expected_version int, p_note text) returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_draft public.tier_policies := public.lock_tier_policy_draft(p_policy_id, p_expected_version);
begin
  if v_draft.approval in ('requested', 'approved') then
    raise sqlstate 'PT409' using message = format('approval of this version is already %s', v_draft.approval);
  end if;
  update public.tier_policies
     set approval = 'requested', approval_requested_at = public.app_now(), approval_requested_by = public.current_user_id(),
         approval_request_note = nullif(btrim(p_note), ''), approval_answered_at = null, approval_answered_by = null, approval_note = null
   where id = v_draft.id;
end;
$$;
-- A definer, because an admin may write the approval through these functions only.
alter function public.request_tier_policy_approval(uuid, int, text) owner to service_role;
comment on function public.request_tier_policy_approval(uuid, int, text) is 'Puts this version of a draft up for approval by another admin';

create function public.answer_tier_policy_approval(p_policy_id uuid, p_expected_version int, p_is_approved boolean, p_note text)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_draft public.tier_policies := public.lock_tier_policy_draft(p_policy_id, p_expected_version);
begin
  if v_draft.approval is distinct from 'requested' then
    raise sqlstate 'PT409' using message = 'nobody waits for an answer about this draft';
  end if;
  if public.current_user_id() in (v_draft.author_id, v_draft.saved_by, v_draft.approval_requested_by) then
    raise sqlstate 'PT403' using message = 'nobody approves what is their own: this takes an admin who has neither written, saved nor put up the draft';
  end if;
  if not p_is_approved and btrim(coalesce(p_note, '')) = '' then
    raise sqlstate 'PT422' using message = 'declining needs a note', detail = 'note', hint = 'say in a sentence what is wrong';
  end if;
  update public.tier_policies
     set approval = case when p_is_approved then 'approved' else 'declined' end::public.approval_state,
         approval_answered_at = public.app_now(), approval_answered_by = public.current_user_id(), approval_note = nullif(btrim(p_note), '')
   where id = v_draft.id;
end;
$$;
alter function public.answer_tier_policy_approval(uuid, int, boolean, text) owner to service_role;
comment on function public.answer_tier_policy_approval(uuid, int, boolean, text) is 'Approves or declines this version of a draft; not for its author, last saver or requester';

create function public.expect_tier_policy_approval(p_policy public.tier_policies) returns void
language plpgsql stable security invoker set search_path = ''
as $$
begin
  if p_policy.approval is distinct from 'approved'
     and (select o.publish_needs_approval from public.organisations o where o.id = p_policy.org_id) then
    raise sqlstate 'PT409' using message = 'publishing needs the approval of a second person', detail = 'approval_required',
      hint = 'put the draft up for approval by another admin';
  end if;
end;
$$;
comment on function public.expect_tier_policy_approval(public.tier_policies) is 'Refuses what the organisation wants approved and nobody has approved';

create function public.lock_tier_policies_to_publish(
  p_policy_id uuid, p_expected_version int, p_expected_revision int, p_note text,
  out o_published public.tier_policies, out o_draft public.tier_policies)
returns record
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_org uuid := public.current_org_id();
begin
  -- Assignments share these locks: from here on none commits under the old revision.
  perform pg_advisory_xact_lock(public.tier_policy_lock(v_org));
  select * into o_published from public.tier_policies where org_id = v_org and state = 'published' for update;
  o_draft := public.lock_tier_policy_draft(p_policy_id, p_expected_version);
  if coalesce(o_published.revision, 0) <> p_expected_revision then
    raise sqlstate 'PT409' using message = format('revision %s was published meanwhile', o_published.revision),
      detail = 'revision_moved', hint = 'preview the draft against the published revision again';
  end if;
  if btrim(coalesce(p_note, '')) = '' then
    raise sqlstate 'PT422' using message = 'a publish needs a note', detail = 'note', hint = 'say in a sentence why the policy changes';
  end if;
  perform public.expect_tier_policy_approval(o_draft);
end;
$$;
comment on function public.lock_tier_policies_to_publish(uuid, int, int, text) is
  'The published policy and the draft that is to follow it, locked, or the reason why it may not';

create or replace function public.publish_tier_policy(
  p_policy_id uuid, p_expected_version int, p_expected_revision int, p_note text,
  p_tier_sql text, p_decided_by_sql text, p_reason_sql text, p_previewed jsonb, p_snapshot pg_snapshot,
  p_override_note text default null, p_receipt jsonb default null)
returns public.tier_refreshes
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_locked record;
  v_org uuid := public.current_org_id();
begin
  v_locked := public.lock_tier_policies_to_publish(p_policy_id, p_expected_version, p_expected_revision, p_note);
  update public.tier_policies set state = 'superseded' where id = (v_locked.o_published).id;
  update public.tier_policies
     set state = 'published', revision = p_expected_revision + 1, note = btrim(p_note), override_note = btrim(p_override_note),
         tier_sql = p_tier_sql, decided_by_sql = p_decided_by_sql, reason_sql = p_reason_sql, receipt = p_receipt,
         published_at = public.app_now(), published_by = public.current_user_id(), updated_at = public.app_now()
   where id = p_policy_id;
  perform public.notify_live(v_org, jsonb_build_object('kind', 'policy_published', 'revision', p_expected_revision + 1));
  return public.start_tier_refresh(v_org, (v_locked.o_published).id, p_previewed, p_snapshot, public.current_user_id());
end;
$$;

create function public.schedule_tier_policy(
  p_policy_id uuid, p_expected_version int, p_expected_revision int, p_note text,
  p_override_note text, p_receipt jsonb, p_effective_at timestamptz)
returns void
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_other text;
begin
  perform public.lock_tier_policies_to_publish(p_policy_id, p_expected_version, p_expected_revision, p_note);
  if p_effective_at <= public.app_now() or p_effective_at > public.app_now() + interval '1 year' then
    raise sqlstate 'PT422' using message = 'not a time in the future and within a year', detail = 'effective_at';
  end if;
  select p.name into v_other from public.tier_policies p where p.org_id = public.current_org_id() and p.state = 'scheduled';
  if found then
    raise sqlstate 'PT409' using message = format('`%s` is scheduled already, and one policy at a time can be', v_other),
      hint = 'cancel its schedule first';
  end if;
  update public.tier_policies
     set state = 'scheduled', effective_at = p_effective_at, scheduled_at = public.app_now(), scheduled_by = public.current_user_id(),
         scheduled_over = p_expected_revision, note = btrim(p_note), override_note = btrim(p_override_note), receipt = p_receipt,
         updated_at = public.app_now()
   where id = p_policy_id;
end;
$$;
-- A definer, because an admin may write drafts only.
alter function public.schedule_tier_policy(uuid, int, int, text, text, jsonb, timestamptz) owner to service_role;
comment on function public.schedule_tier_policy(uuid, int, int, text, text, jsonb, timestamptz) is
  'Has a draft published at a later time, under the conditions of a publish now; one in an organisation';

create function public.cancel_tier_policy_schedule(p_policy_id uuid) returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update public.tier_policies
     set state = 'draft', effective_at = null, scheduled_at = null, scheduled_by = null, scheduled_over = null, schedule_error = null,
         note = null, override_note = null, receipt = null, updated_at = public.app_now()
   where id = p_policy_id and org_id = public.current_org_id() and state = 'scheduled';
  if not found then
    raise sqlstate 'PT404' using message = 'scheduled tier policy not found';
  end if;
end;
$$;
alter function public.cancel_tier_policy_schedule(uuid) owner to service_role;
comment on function public.cancel_tier_policy_schedule(uuid) is 'Makes a scheduled policy a draft again, as it was';

create function public.publish_scheduled_tier_policy(
  p_policy_id uuid, p_tier_sql text, p_decided_by_sql text, p_reason_sql text, p_previewed jsonb, p_snapshot pg_snapshot)
returns public.tier_refreshes
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_policy public.tier_policies;
  v_published public.tier_policies;
begin
  select * into strict v_policy from public.tier_policies where id = p_policy_id and state = 'scheduled' for update;
  perform pg_advisory_xact_lock(public.tier_policy_lock(v_policy.org_id));
  select * into v_published from public.tier_policies where org_id = v_policy.org_id and state = 'published' for update;
  if coalesce(v_published.revision, 0) <> v_policy.scheduled_over then
    raise sqlstate 'PT409' using detail = 'revision_moved',
      message = format('revision %s was published after this was scheduled over revision %s', v_published.revision, v_policy.scheduled_over);
  end if;
  perform public.expect_tier_policy_approval(v_policy);
  update public.tier_policies set state = 'superseded' where id = v_published.id;
  update public.tier_policies
     set state = 'published', revision = v_policy.scheduled_over + 1,
         tier_sql = p_tier_sql, decided_by_sql = p_decided_by_sql, reason_sql = p_reason_sql,
         published_at = public.app_now(), published_by = v_policy.scheduled_by, updated_at = public.app_now()
   where id = v_policy.id;
  perform public.notify_live(v_policy.org_id, jsonb_build_object('kind', 'policy_published', 'revision', v_policy.scheduled_over + 1));
  return public.start_tier_refresh(v_policy.org_id, v_published.id, p_previewed, p_snapshot, v_policy.scheduled_by);
end;
$$;
comment on function public.publish_scheduled_tier_policy(uuid, text, text, text, jsonb, pg_snapshot) is
  'Publishes a scheduled policy that the caller has locked and checked, and starts the refresh, in one transaction';

-- ---- row-level security ----
alter table public.tier_policy_events enable row level security, force row level security;
create policy "members see what was done to their policies" on public.tier_policy_events
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "the service appends what was done to policies" on public.tier_policy_events for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant select on public.tier_policy_events to authenticated, service_role;
grant insert on public.tier_policy_events to service_role;
grant execute on function public.lock_tier_policy_draft(uuid, int), public.expect_tier_policy_approval(public.tier_policies),
                          public.lock_tier_policies_to_publish(uuid, int, int, text),
                          public.publish_scheduled_tier_policy(uuid, text, text, text, jsonb, pg_snapshot) to service_role;
grant execute on function public.set_organisation_settings(boolean),
                          public.request_tier_policy_approval(uuid, int, text),
                          public.answer_tier_policy_approval(uuid, int, boolean, text),
                          public.schedule_tier_policy(uuid, int, int, text, text, jsonb, timestamptz),
                          public.cancel_tier_policy_schedule(uuid) to admin, service_role;
