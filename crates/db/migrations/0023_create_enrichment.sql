-- What vendors say of debtors: scores of court cases, contacts and assets, and the people and firms behind the names.

create schema judgments;
create schema enrichment;
grant usage on schema judgments, enrichment to authenticated, service_role;

-- ---- tables ----
create table judgments.cases (
  case_id uuid not null,
  org_id uuid not null,
  identity_score numeric(5,2) check (identity_score between 0 and 100),
  contactability_score numeric(5,2) check (contactability_score between 0 and 100),
  asset_score numeric(5,2) check (asset_score between 0 and 100),
  recency_amount_score numeric(5,2) check (recency_amount_score between 0 and 100),
  adverse_penalty numeric(5,2) check (adverse_penalty between 0 and 100),
  collectability_score numeric(5,2) check (collectability_score between 0 and 100),
  collectability_tier text check (collectability_tier in ('A', 'B', 'C')),
  summary text,
  last_enriched_at timestamptz,
  last_scored_at timestamptz,
  created_at timestamptz not null default public.app_now(),
  updated_at timestamptz not null default public.app_now(),
  primary key (org_id, case_id),
  foreign key (org_id, case_id) references public.core_judgments (org_id, id) on delete cascade
);
comment on table judgments.cases is 'The court case of a judgment as enrichment sees it; there from the first enrichment on';
comment on column judgments.cases.case_id is 'The id of the judgment: a judgment is of one court case';
comment on column judgments.cases.collectability_tier is 'A, B or C as the scoring said; v_collectability_snapshot has the one that amount and age make';

create table enrichment.contacts (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null,
  case_id uuid not null,
  kind text not null check (kind ~ '^[a-z][a-z0-9_]{0,39}$'),
  value text not null check (btrim(value) <> ''),
  source text not null default 'unknown',
  score numeric(5,2) check (score between 0 and 100),
  is_valid boolean,
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  created_at timestamptz not null default public.app_now(),
  updated_at timestamptz not null default public.app_now(),
  unique (org_id, case_id, kind, value, source),
  foreign key (org_id, case_id) references judgments.cases (org_id, case_id) on delete cascade
);
comment on table enrichment.contacts is 'How the debtor of a case may be reached, once for each vendor that says so';

create table enrichment.assets (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null,
  case_id uuid not null,
  asset_type text not null check (asset_type ~ '^[a-z][a-z0-9_]{0,39}$'),
  name text not null check (btrim(name) <> ''),
  source text not null default 'unknown',
  confidence numeric(5,2) check (confidence between 0 and 100),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  created_at timestamptz not null default public.app_now(),
  updated_at timestamptz not null default public.app_now(),
  unique (org_id, case_id, asset_type, name, source),
  foreign key (org_id, case_id) references judgments.cases (org_id, case_id) on delete cascade
);
comment on table enrichment.assets is 'What the debtor of a case may own, once for each vendor that says so; employers, banks, property and vehicles set the signals that tiers are made of';

create table public.entities (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.organisations (id) on delete cascade,
  entity_type text not null check (entity_type in ('person', 'organisation')),
  name text not null check (btrim(name) <> ''),
  normalized_name text not null generated always as (lower(btrim(regexp_replace(name, '\s+', ' ', 'g')))) stored,
  address text,
  normalized_address text not null generated always as (lower(btrim(regexp_replace(coalesce(address, ''), '[^A-Za-z0-9]+', ' ', 'g')))) stored,
  email text,
  phone text,
  created_at timestamptz not null default public.app_now(),
  updated_at timestamptz not null default public.app_now(),
  unique (org_id, entity_type, normalized_name, normalized_address),
  unique (org_id, id)
);
comment on table public.entities is 'People and firms, each once: of one name and one address';

create table public.entity_links (
  id bigint primary key generated always as identity,
  org_id uuid not null,
  entity_id uuid not null,
  plaintiff_id uuid,
  judgment_id uuid,
  role text not null check (role in ('plaintiff', 'defendant')),
  created_at timestamptz not null default public.app_now(),
  check (num_nonnulls(plaintiff_id, judgment_id) = 1),
  foreign key (org_id, entity_id) references public.entities (org_id, id) on delete cascade,
  foreign key (org_id, plaintiff_id) references public.plaintiffs (org_id, id) on delete cascade,
  foreign key (org_id, judgment_id) references public.core_judgments (org_id, id) on delete cascade
);
comment on table public.entity_links is 'Which entity a plaintiff is, and which entities a judgment names';
create index entity_links_entity on public.entity_links (org_id, entity_id);
create unique index entity_links_plaintiff on public.entity_links (org_id, plaintiff_id, entity_id, role);
create unique index entity_links_judgment on public.entity_links (org_id, judgment_id, entity_id, role);

-- ---- functions ----
create function judgments._set_updated_at() returns trigger
language plpgsql set search_path = ''
as $$
begin
  new.updated_at := public.app_now();
  return new;
end;
$$;
create trigger set_updated_at before update on judgments.cases
  for each row execute function judgments._set_updated_at();
create trigger touch_updated_at before update on enrichment.contacts
  for each row execute function public.tg_touch_updated_at();
create trigger touch_updated_at before update on enrichment.assets
  for each row execute function public.tg_touch_updated_at();
create trigger touch_updated_at before update on public.entities
  for each row execute function public.tg_touch_updated_at();

-- ---- row-level security ----
alter table judgments.cases enable row level security, force row level security;
alter table enrichment.contacts enable row level security, force row level security;
alter table enrichment.assets enable row level security, force row level security;
alter table public.entities enable row level security, force row level security;
alter table public.entity_links enable row level security, force row level security;

create policy "members see the scores of their judgments" on judgments.cases
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see the contacts of their debtors" on enrichment.contacts
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see the assets of their debtors" on enrichment.assets
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see the entities of their organisation" on public.entities
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see what their entities are" on public.entity_links
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "the service keeps scores" on judgments.cases for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service keeps contacts of debtors" on enrichment.contacts for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service keeps assets of debtors" on enrichment.assets for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service manages entities" on public.entities for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service links entities" on public.entity_links for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);

-- ---- grants ----
revoke execute on all functions in schema judgments from public;
grant select on judgments.cases, enrichment.contacts, enrichment.assets, public.entities, public.entity_links to authenticated, service_role;
grant insert, update on judgments.cases, enrichment.contacts, enrichment.assets, public.entities to service_role;
grant insert on public.entity_links to service_role;
