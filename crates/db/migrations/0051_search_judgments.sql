-- Judgments by a part of a name or a number, without reading all of them.

-- ---- roles ----
-- Row-level security lets no index answer `like` for whom a policy binds, since `like` is not leakproof. So one role that nobody can
-- be reads the names of all organisations, and the one function that it owns finds those of the caller's alone.
-- Belongs to the whole server, not to one database, so it may exist already.
do $$
begin
  begin
    create role judgment_search nologin;
  exception
    when duplicate_object or unique_violation then null;
  end;
  grant judgment_search to current_user;
end;
$$;
grant usage on schema public to judgment_search;

-- ---- tables ----
-- In a schema of its own: its functions are nobody's to call by name.
create schema trigrams;
create extension pg_trgm with schema trigrams;

-- Beside the judgments, because each change of a balance or a tier writes all indexes of theirs anew.
create table public.judgment_names (
  org_id uuid not null,
  judgment_id uuid not null,
  docket text not null,
  defendant_name text,
  primary key (org_id, judgment_id),
  foreign key (org_id, judgment_id) references public.core_judgments (org_id, id) on delete cascade
);
comment on table public.judgment_names is 'What judgments are searched by, kept by triggers of theirs';
insert into public.judgment_names (org_id, judgment_id, docket, defendant_name)
select j.org_id, j.id, j.docket, j.defendant_name from public.core_judgments j;
-- What waits to be sorted in is read by every search: half a megabyte is soon read.
create index judgment_names_docket on public.judgment_names using gin (docket trigrams.gin_trgm_ops)
  with (gin_pending_list_limit = 512);
create index judgment_names_defendant on public.judgment_names using gin (defendant_name trigrams.gin_trgm_ops)
  with (gin_pending_list_limit = 512);

-- ---- functions ----
create function public.tg_judgments_are_named() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.judgment_names (org_id, judgment_id, docket, defendant_name)
  select n.org_id, n.id, n.docket, n.defendant_name from new_judgments n;
  return null;
end;
$$;
alter function public.tg_judgments_are_named() owner to service_role;
create trigger name_new after insert on public.core_judgments referencing new table as new_judgments
  for each statement execute function public.tg_judgments_are_named();

create function public.tg_judgment_is_renamed() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  update public.judgment_names n set docket = new.docket, defendant_name = new.defendant_name
   where n.org_id = new.org_id and n.judgment_id = new.id;
  return null;
end;
$$;
alter function public.tg_judgment_is_renamed() owner to service_role;
create trigger name_again after update on public.core_judgments for each row
  when (old.docket is distinct from new.docket or old.defendant_name is distinct from new.defendant_name)
  execute function public.tg_judgment_is_renamed();

-- How many rows hold a text depends on the text: a plan for any text would read them all.
create function public.search_judgments(p_text text) returns setof uuid
language plpgsql stable rows 200 security definer set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_org_id uuid := public.current_org_id();
  -- Wildcards stand for themselves.
  v_pattern text := '%' || replace(replace(replace(p_text, '\', '\\'), '%', '\%'), '_', '\_') || '%';
  -- Vendors write the same number with and without punctuation, and so do people.
  v_docket text := upper(regexp_replace(p_text, '[^A-Za-z0-9]', '', 'g'));
  v_plaintiffs uuid[] := array(select p.id from public.plaintiffs p where p.org_id = v_org_id and p.name ilike v_pattern);
begin
  -- Each arm has an index; `or` would follow none where one of them is broad.
  return query
    select n.judgment_id from public.judgment_names n where n.org_id = v_org_id and n.defendant_name ilike v_pattern
    union
    select n.judgment_id from public.judgment_names n
     where n.org_id = v_org_id and v_docket <> '' and n.docket like '%' || v_docket || '%'
    union
    select j.id from public.core_judgments j where v_docket = '' and j.org_id = v_org_id and j.case_number ilike v_pattern
    union
    select j.id from public.core_judgments j where j.org_id = v_org_id and j.plaintiff_id = any (v_plaintiffs);
end;
$$;
comment on function public.search_judgments(text) is
  'The caller''s judgments whose defendant, plaintiff or number contains a text; the number with or without its punctuation';
grant create on schema public to judgment_search;
alter function public.search_judgments(text) owner to judgment_search;
revoke create on schema public from judgment_search;

-- ---- row-level security ----
alter table public.judgment_names enable row level security, force row level security;
create policy "the search reads all names" on public.judgment_names for select to judgment_search using (true);
create policy "the service keeps names" on public.judgment_names for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the search finds in the caller's organisation" on public.core_judgments for select to judgment_search
  using (org_id = (select public.current_org_id()));
create policy "the search finds in the caller's organisation" on public.plaintiffs for select to judgment_search
  using (org_id = (select public.current_org_id()));

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant select, insert, update, delete on public.judgment_names to service_role;
grant select on public.judgment_names to judgment_search;
grant select (id, org_id, case_number, plaintiff_id) on public.core_judgments to judgment_search;
grant select (id, org_id, name) on public.plaintiffs to judgment_search;
grant execute on function public.current_org_id() to judgment_search;
grant execute on function public.search_judgments(text) to authenticated, service_role;
