-- Tokens for scripts: on behalf of a member, with a role of their own that is never more than the member's, until they expire.

-- ---- tables ----
create table public.api_tokens (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null,
  user_id uuid not null,
  name text not null check (btrim(name) <> '' and length(name) <= 120),
  role public.membership_role not null,
  token_hash bytea not null unique check (length(token_hash) = 32),
  created_at timestamptz not null default public.app_now(),
  expires_at timestamptz not null,
  used_at timestamptz,
  revoked_at timestamptz,
  revoked_by text,
  check ((revoked_at is null) = (revoked_by is null)),
  foreign key (org_id, user_id) references public.memberships (org_id, user_id) on delete cascade
);
comment on table public.api_tokens is 'Bearer tokens; only their SHA-256 is kept. They end with the membership that they act for';
comment on column public.api_tokens.role is 'At most this; less where the member may do less by now';
create index api_tokens_member on public.api_tokens (org_id, user_id);

-- ---- functions ----
create function public.create_api_token(p_user_id uuid, p_name text, p_role public.membership_role, p_days int, p_token_hash bytea) returns uuid
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_org uuid := public.current_org_id();
  v_role public.membership_role;
  v_id uuid;
begin
  if btrim(coalesce(p_name, '')) = '' or length(p_name) > 120 then
    raise sqlstate 'PT422' using message = 'a token has a name of 1 to 120 characters', detail = 'name', hint = 'say what it is for';
  end if;
  if p_days is null or p_days not between 1 and 366 then
    raise sqlstate 'PT422' using message = 'a token is good for 1 to 366 days', detail = 'days';
  end if;
  if p_user_id <> public.current_user_id() then
    raise sqlstate 'PT403' using message = 'people make tokens that act for themselves only';
  end if;
  select m.role into v_role from public.memberships m where m.org_id = v_org and m.user_id = p_user_id;
  if not found then
    raise sqlstate 'PT404' using message = 'nobody of the organisation has this id';
  end if;
  if p_role > v_role then
    raise sqlstate 'PT422' using message = format('a token of a %s cannot be one of an %s', v_role, p_role), detail = 'role';
  end if;
  insert into public.api_tokens (org_id, user_id, name, role, token_hash, expires_at)
  values (v_org, p_user_id, btrim(p_name), p_role, p_token_hash, public.app_now() + make_interval(days => p_days))
  returning id into v_id;
  return v_id;
end;
$$;
-- A definer, because admins make and revoke tokens and write nothing else of them; they make their own only.
alter function public.create_api_token(uuid, text, public.membership_role, int, bytea) owner to service_role;
comment on function public.create_api_token(uuid, text, public.membership_role, int, bytea) is 'Keeps the hash of a new token of a member';

create function public.revoke_api_token(p_id uuid) returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  update public.api_tokens t
     set revoked_at = public.app_now(),
         revoked_by = coalesce((select u.display_name from public.users u where u.id = public.current_user_id()), 'service')
   where t.org_id = public.current_org_id() and t.id = p_id and t.revoked_at is null;
  if not found then
    raise sqlstate 'PT404' using message = 'there is no such token, or it is revoked already';
  end if;
end;
$$;
alter function public.revoke_api_token(uuid) owner to service_role;

-- ---- row-level security ----
alter table public.api_tokens enable row level security, force row level security;
create policy "admins see the tokens of their organisation" on public.api_tokens
  for select to admin using (org_id = (select public.current_org_id()));
-- As sessions, tokens are found by a secret, before any organisation is known.
create policy "the service manages tokens" on public.api_tokens for all to service_role using (true) with check (true);

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant select (id, org_id, user_id, name, role, created_at, expires_at, used_at, revoked_at, revoked_by) on public.api_tokens to admin;
grant select, insert, update on public.api_tokens to service_role;
grant execute on function public.create_api_token(uuid, text, public.membership_role, int, bytea), public.revoke_api_token(uuid) to admin, service_role;
