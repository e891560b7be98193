-- What a shadow decided goes with it by trigger: a foreign key was checked for a hundred thousand rows a night, each a lock on one row.

-- ---- tables ----
alter table public.tier_shadow_tiers drop constraint tier_shadow_tiers_org_id_shadow_id_fkey;

-- ---- functions ----
-- A definer, because whoever deletes an organisation need not be allowed to delete what its shadows decided.
create function public.tg_shadow_takes_its_tiers() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  delete from public.tier_shadow_tiers where org_id = old.org_id and shadow_id = old.id;
  return null;
end;
$$;
alter function public.tg_shadow_takes_its_tiers() owner to service_role;
create trigger take_tiers after delete on public.tier_shadows
  for each row execute function public.tg_shadow_takes_its_tiers();

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant delete on public.tier_shadow_tiers to service_role;
