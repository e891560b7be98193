-- Open consoles hear of what is done to plaintiffs and of what the weekly review shows, as they hear of cases and tasks.

-- ---- functions ----
-- A row that goes is told of too: what is not there is null.
create or replace function public.tg_case_row_live() returns trigger
language plpgsql
as $$
begin
  perform pg_notify('dragonfly_live', '{"event": {"kind": "cases"}, "org_id": "' || coalesce(new.org_id, old.org_id) || '"}');
  return null;
end;
$$;

-- ---- triggers ----
-- A call ends a task, which tells of it already.
create trigger tell_consoles after insert on public.plaintiff_status_history
  for each row execute function public.tg_case_row_live();
create trigger tell_consoles after insert or update on public.plaintiff_contacts
  for each row execute function public.tg_case_row_live();
create trigger tell_consoles after insert on public.enforcement_event_audits
  for each row execute function public.tg_case_row_live();
create trigger tell_consoles after insert or update or delete on public.recovery_plans
  for each row execute function public.tg_case_row_live();
create trigger tell_consoles after insert or update on public.enforcement_stage_settings
  for each row execute function public.tg_case_row_live();
