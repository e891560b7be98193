-- A note overrules the assertions that failed when it was written, and no others.

-- ---- tables ----
alter table public.tier_policies
  add column overruled text[] check (overruled is null or override_note is not null);
comment on column public.tier_policies.overruled is
  'The assertions that the override note overrules, by their place (`laws[0]`): those that failed when it was written';

-- ---- functions ----
create trigger overruled_assertions_stay before update on public.tier_policies
  for each row
  when (old.state in ('published', 'superseded') and old.overruled is not null and old.overruled is distinct from new.overruled)
  execute function public.tg_published_policy_stays();

create function public.keep_overruled_assertions(p_policy_id uuid, p_places text[]) returns void
language sql volatile security definer set search_path = ''
as $$
  update public.tier_policies set overruled = p_places
   where id = p_policy_id and org_id = public.current_org_id() and state in ('scheduled', 'published')
     and override_note is not null and overruled is null
$$;
-- A definer, because what is scheduled or published is nobody's to write but the publish's; once kept, it stays.
alter function public.keep_overruled_assertions(uuid, text[]) owner to service_role;
comment on function public.keep_overruled_assertions(uuid, text[]) is
  'Keeps which assertions the note of a publish overrules, in the transaction that publishes or schedules';

create or replace function public.cancel_tier_policy_schedule(p_policy_id uuid) returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update public.tier_policies
     set state = 'draft', effective_at = null, scheduled_at = null, scheduled_by = null, scheduled_over = null, schedule_error = null,
         note = null, override_note = null, overruled = null, receipt = null, updated_at = public.app_now()
   where id = p_policy_id and org_id = public.current_org_id() and state = 'scheduled';
  if not found then
    raise sqlstate 'PT404' using message = 'scheduled tier policy not found';
  end if;
end;
$$;

-- ---- grants ----
revoke execute on function public.keep_overruled_assertions(uuid, text[]) from public;
grant execute on function public.keep_overruled_assertions(uuid, text[]) to admin, service_role;
