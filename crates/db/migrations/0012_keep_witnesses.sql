-- Judgments that show what a published policy does, as they were when it was published.

-- ---- tables ----
alter table public.tier_policies add column witnesses jsonb check (jsonb_typeof(witnesses) = 'array');
comment on column public.tier_policies.witnesses is
  'For each arm and each side of each limit a judgment that shows it, made up and real, with its tier; null for drafts and for what came with the organisation';

-- ---- functions ----
create trigger kept_witnesses_stay before update on public.tier_policies
  for each row
  when (old.witnesses is not null and old.witnesses is distinct from new.witnesses)
  execute function public.tg_published_policy_stays();

create function public.keep_policy_witnesses(p_policy_id uuid, p_witnesses jsonb) returns void
language sql volatile security definer set search_path = ''
as $$
  update public.tier_policies set witnesses = p_witnesses
   where id = p_policy_id and org_id = public.current_org_id() and state = 'published' and witnesses is null
$$;
-- A definer, because a published policy is nobody's to write but the publish's; once kept, they stay.
alter function public.keep_policy_witnesses(uuid, jsonb) owner to service_role;
comment on function public.keep_policy_witnesses(uuid, jsonb) is 'Keeps the witnesses of a policy with it, in the transaction that publishes it';

-- ---- grants ----
revoke execute on function public.keep_policy_witnesses(uuid, jsonb) from public;
grant execute on function public.keep_policy_witnesses(uuid, jsonb) to admin, service_role;
