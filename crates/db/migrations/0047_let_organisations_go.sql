-- An organisation with a policy could not be removed: the log of policies wrote that they go, of an organisation that was gone.

-- ---- functions ----
create or replace function public.tg_policy_keeps_events() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_policy public.tier_policies;
  v_kind text;
  v_note text;
begin
  if tg_op = 'DELETE' then
    -- The organisation goes, and its log with it. A trigger that runs afterwards is at depth 1, also when the row went by a cascade.
    if not exists (select from public.organisations o where o.id = old.org_id) then
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

-- ---- grants ----
revoke execute on all functions in schema public from public;
