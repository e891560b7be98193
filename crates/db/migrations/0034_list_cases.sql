-- Lists of cases are read in the order of an index, and open consoles hear of what is done to cases.

-- ---- indexes ----
-- Filters and sums over all open cases are answered from this one alone, without the rows.
create index enforcement_cases_open on public.enforcement_cases (org_id, next_action_at, id)
  include (current_stage, stage_entered_at, tier, tier_override, override_expires_at, owner_id, blocked_since, current_balance)
  where closed_at is null;
drop index public.enforcement_cases_next_action;
create index enforcement_cases_balance on public.enforcement_cases (org_id, current_balance, id) where closed_at is null;
create index enforcement_cases_stage_entered on public.enforcement_cases (org_id, stage_entered_at, id) where closed_at is null;
create index enforcement_cases_blocked on public.enforcement_cases (org_id, next_action_at, id)
  where closed_at is null and blocked_since is not null;
-- What the morning list counts; an effective tier 3 is one or the other.
create index enforcement_cases_strategic on public.enforcement_cases (org_id, stage_entered_at, id)
  include (tier, tier_override, override_expires_at)
  where closed_at is null and (tier = 'tier3' or tier_override = 'tier3');
create index enforcement_cases_intake on public.enforcement_cases (org_id, stage_entered_at, id)
  where closed_at is null and current_stage = 'pre_enforcement';
create index enforcement_cases_closed on public.enforcement_cases (org_id, closed_at, id) where closed_at is not null;

-- ---- functions ----
-- A definer, because people may not notify.
create function public.tg_cases_live() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- What is notified twice in a transaction is sent once.
  perform public.notify_live(t.org_id, '{"kind": "cases"}') from (select distinct w.org_id from written w) t;
  return null;
end;
$$;
alter function public.tg_cases_live() owner to service_role;
create trigger tell_consoles after insert on public.enforcement_events
  referencing new table as written for each statement execute function public.tg_cases_live();
create trigger tell_consoles after insert on public.enforcement_history
  referencing new table as written for each statement execute function public.tg_cases_live();
create trigger tell_consoles_of_new after insert on public.plaintiff_tasks
  referencing new table as written for each statement execute function public.tg_cases_live();
create trigger tell_consoles_of_changed after update on public.plaintiff_tasks
  referencing new table as written for each statement execute function public.tg_cases_live();

-- ---- grants ----
revoke execute on function public.tg_cases_live() from public;
