-- Roles, organisations, people and sessions: who may do what is settled here, before there is anything to protect.

-- ---- roles ----
-- Roles belong to the whole server, not to one database, so they may exist already.
do $$
declare
  v_role text;
begin
  foreach v_role in array array['anon', 'authenticated', 'enforcement_operator', 'admin', 'service_role'] loop
    begin
      execute format('create role %I nologin', v_role);
    exception
      when duplicate_object or unique_violation then null;
    end;
    execute format('grant %I to current_user', v_role);
  end loop;
end;
$$;
-- Each may do what the one before may: policies and grants name the least role that they are for.
grant authenticated to enforcement_operator;
grant enforcement_operator to admin;

grant usage on schema public to anon, authenticated, service_role;
-- Definer functions belong to service_role, never to the owner of the tables: row-level security holds inside them too.
grant create on schema public to service_role;

-- ---- types ----
create type public.membership_role as enum ('viewer', 'operator', 'admin');

-- ---- tables ----
create table public.organisations (
  id uuid primary key default gen_random_uuid(),
  name text not null check (btrim(name) <> ''),
  slug text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  time_zone text not null default 'America/New_York',
  created_at timestamptz not null default now()
);
comment on table public.organisations is 'A firm; every tenant table names one in org_id and nothing crosses it';
comment on column public.organisations.time_zone is 'IANA name; people''s days begin and end in it';

create table public.users (
  id uuid primary key default gen_random_uuid(),
  email text not null unique check (email = lower(btrim(email)) and position('@' in email) > 1),
  display_name text not null,
  password_hash text,
  created_at timestamptz not null default now(),
  disabled_at timestamptz
);
comment on column public.users.password_hash is 'argon2id in PHC form; null until the user has set a password';

create table public.memberships (
  org_id uuid not null references public.organisations (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  role public.membership_role not null,
  created_at timestamptz not null default now(),
  primary key (org_id, user_id)
);
create index memberships_user on public.memberships (user_id);

create table public.sessions (
  token_hash bytea primary key,
  user_id uuid not null references public.users (id) on delete cascade,
  org_id uuid not null references public.organisations (id) on delete cascade,
  created_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  expires_at timestamptz not null,
  foreign key (org_id, user_id) references public.memberships (org_id, user_id) on delete cascade
);
comment on table public.sessions is 'Signed-in browsers; only the SHA-256 of the cookie''s token is kept';
create index sessions_member on public.sessions (org_id, user_id);
create index sessions_user on public.sessions (user_id);

create table public.sign_in_links (
  token_hash bytea primary key,
  user_id uuid not null references public.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz
);
comment on table public.sign_in_links is 'One-time links; each start of the server makes one until the first admin has a password';
create index sign_in_links_user on public.sign_in_links (user_id);

-- ---- functions ----
-- Bodies in this form (`return …`) are bound to their objects when they are created: no search path can mislead them,
-- and without a setting of their own the planner inlines them. Called a hundred thousand times, that is seconds.
create function public.app_now() returns timestamptz
language sql stable parallel safe
return now();
comment on function public.app_now() is 'The only clock of our SQL. A test database replaces this function; production has nothing to set';

create function public.current_org_id() returns uuid
language sql stable parallel safe
return nullif(current_setting('dragonfly.org_id', true), '')::uuid;
comment on function public.current_org_id() is 'The organisation of the transaction, set by begin_as; null for work that spans organisations';

create function public.current_user_id() returns uuid
language sql stable parallel safe
return nullif(current_setting('dragonfly.user_id', true), '')::uuid;
comment on function public.current_user_id() is 'The person of the transaction, set by begin_as; null for the worker';

create function public.org_today(p_org_id uuid) returns date
language sql stable set search_path = ''
as $$
  select (public.app_now() at time zone o.time_zone)::date from public.organisations o where o.id = p_org_id
$$;
comment on function public.org_today(uuid) is 'The date that people of the organisation have on their wall';

create function public.org_today_start(p_org_id uuid) returns timestamptz
language sql stable set search_path = ''
as $$
  select date_trunc('day', public.app_now() at time zone o.time_zone) at time zone o.time_zone
    from public.organisations o where o.id = p_org_id
$$;
comment on function public.org_today_start(uuid) is 'The instant at which that date began';

create function public.tg_touch_updated_at() returns trigger
language plpgsql set search_path = ''
as $$
begin
  new.updated_at := public.app_now();
  return new;
end;
$$;

-- ---- row-level security ----
alter table public.organisations enable row level security, force row level security;
alter table public.users enable row level security, force row level security;
alter table public.memberships enable row level security, force row level security;
alter table public.sessions enable row level security, force row level security;
alter table public.sign_in_links enable row level security, force row level security;

create policy "members see their organisation" on public.organisations
  for select to authenticated using (id = (select public.current_org_id()));
create policy "members see the members of their organisation" on public.memberships
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see the people of their organisation" on public.users
  for select to authenticated
  using (exists (select from public.memberships m
                  where m.user_id = users.id and m.org_id = (select public.current_org_id())));
-- People, sessions and links are found by secrets that the caller presents, before any organisation is known.
create policy "the service manages organisations" on public.organisations for all to service_role using (true) with check (true);
create policy "the service manages people" on public.users for all to service_role using (true) with check (true);
create policy "the service manages members" on public.memberships for all to service_role using (true) with check (true);
create policy "the service manages sessions" on public.sessions for all to service_role using (true) with check (true);
create policy "the service manages sign-in links" on public.sign_in_links for all to service_role using (true) with check (true);

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant select on public.organisations, public.memberships to authenticated;
grant select (id, email, display_name, created_at, disabled_at) on public.users to authenticated;
grant select, insert, update, delete
   on public.organisations, public.users, public.memberships, public.sessions, public.sign_in_links to service_role;
grant execute on function public.app_now(), public.current_org_id(), public.current_user_id(),
                          public.org_today(uuid), public.org_today_start(uuid) to authenticated, service_role;
