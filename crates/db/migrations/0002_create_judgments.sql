-- Judgments, what is known of their debtors, every past state of the facts that tiers are made of, and the cases on them.

-- ---- tables ----
create table public.plaintiffs (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.organisations (id) on delete cascade,
  name text not null check (btrim(name) <> ''),
  normalized_name text not null generated always as (lower(btrim(regexp_replace(name, '\s+', ' ', 'g')))) stored,
  firm_name text,
  contact_name text,
  email text,
  phone text,
  address text,
  city text,
  state text,
  postal_code text,
  source_reference text,
  created_at timestamptz not null default public.app_now(),
  updated_at timestamptz not null default public.app_now(),
  unique (org_id, normalized_name),
  unique (org_id, id)
);

create table public.core_judgments (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.organisations (id) on delete cascade,
  judgment_no bigint not null generated always as identity,
  case_number text not null check (btrim(case_number) <> ''),
  docket text not null generated always as (upper(regexp_replace(case_number, '[^A-Za-z0-9]', '', 'g'))) stored,
  court text,
  county text,
  state text,
  case_type text,
  plaintiff_id uuid not null,
  defendant_name text,
  defendant_address text,
  filing_date date,
  judgment_date date,
  judgment_amount numeric(14,2) not null check (judgment_amount >= 0),
  balance_due numeric(14,2) check (balance_due >= 0),
  status text not null default 'unsatisfied'
    check (status in ('unsatisfied', 'in_progress', 'satisfied', 'vacated', 'expired')),
  collectability_score numeric(5,2) check (collectability_score between 0 and 100),
  asset_signals smallint not null default 0 check (asset_signals between 0 and 15),
  tier smallint check (tier between 0 and 3),
  tier_reason text,
  tier_decided_by text,
  tier_as_of timestamptz,
  tier_policy_revision int,
  tier_policy_digest text,
  lead_source text,
  lead_id text,
  created_at timestamptz not null default public.app_now(),
  updated_at timestamptz not null default public.app_now(),
  -- A tier is never half-written.
  check ((tier is null) = (tier_as_of is null) and (tier is null) = (tier_policy_revision is null)),
  foreign key (org_id, plaintiff_id) references public.plaintiffs (org_id, id),
  unique (org_id, id)
) with (fillfactor = 45);
-- More than half of each page is free, because every night rewrites every row: within its page that touches no index.
comment on table public.core_judgments is 'A court judgment; `judgments` is a view of it';
comment on column public.core_judgments.docket is 'The case number without punctuation, as some vendors write it';
comment on column public.core_judgments.asset_signals is 'Bits of the signals present in debtor_intelligence: 1 employer_name, 2 bank_name, 4 real_property_lead, 8 vehicle_lead; kept by a trigger';
comment on column public.core_judgments.tier is 'Enforcement tier 0–3 that the policy computed; null until first tiered';
comment on column public.core_judgments.tier_decided_by is 'rule/arm; null where the fallback decided';
-- Case numbers repeat between courts, never within one.
create unique index core_judgments_case on public.core_judgments (org_id, docket, lower(coalesce(court, '')));
create unique index core_judgments_no on public.core_judgments (org_id, judgment_no);
create index core_judgments_plaintiff on public.core_judgments (org_id, plaintiff_id);
create index core_judgments_lead on public.core_judgments (org_id, lead_id) where lead_id is not null;

create table public.debtor_intelligence (
  judgment_id uuid not null,
  org_id uuid not null,
  employer_name text,
  bank_name text,
  real_property_lead text,
  vehicle_lead text,
  last_updated timestamptz not null default public.app_now(),
  primary key (org_id, judgment_id),
  foreign key (org_id, judgment_id) references public.core_judgments (org_id, id) on delete cascade
);

create table public.judgment_facts (
  id bigint primary key generated always as identity,
  org_id uuid not null,
  judgment_id uuid not null,
  valid_from timestamptz not null default public.app_now(),
  written_by xid8 not null default pg_current_xact_id(),
  collectability_score numeric(5,2),
  balance_due numeric(14,2),
  asset_signals smallint not null,
  status text not null,
  foreign key (org_id, judgment_id) references public.core_judgments (org_id, id) on delete cascade
);
comment on table public.judgment_facts is 'Append-only: the facts of a judgment from valid_from until its next row. Any past day can be replayed';
comment on column public.judgment_facts.written_by is 'Writing transaction: tells whether a snapshot taken earlier had seen the row';
create index judgment_facts_judgment on public.judgment_facts (org_id, judgment_id, valid_from desc, id desc);
create index judgment_facts_written on public.judgment_facts (org_id, written_by);

create table public.enforcement_stage_lookup (
  stage text primary key,
  ordinal int not null,
  sla_days int check (sla_days > 0),
  description text not null
);
insert into public.enforcement_stage_lookup (stage, ordinal, sla_days, description) values
  ('pre_enforcement', 0, 1, 'Intake: the case is open and nothing has been tried'),
  ('contact_validation', 1, 5, 'Addresses and telephone numbers of the debtor are confirmed'),
  ('asset_discovery', 2, 10, 'Employers, accounts, property and vehicles are looked for'),
  ('action_planning', 3, 5, 'The next action is chosen and prepared'),
  ('bank_levy', 4, 14, 'A levy on a bank account is under way'),
  ('wage_garnishment', 4, 30, 'Wages are being garnished'),
  ('subpoena', 4, 30, 'An information subpoena is out'),
  ('marshal_execution', 4, 21, 'A marshal or sheriff executes'),
  ('recovery_monitoring', 5, 30, 'Money comes in and is watched'),
  ('closure', 6, null, 'The case is done');

create table public.enforcement_cases (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.organisations (id) on delete cascade,
  judgment_id uuid not null,
  plaintiff_id uuid,
  current_stage text not null default 'pre_enforcement' references public.enforcement_stage_lookup (stage),
  tier text check (tier in ('tier0', 'tier1', 'tier2', 'tier3')),
  tier_reason text,
  tier_as_of timestamptz,
  tier_override text check (tier_override in ('tier0', 'tier1', 'tier2', 'tier3')),
  override_expires_at timestamptz,
  override_note text,
  collectability_score numeric(5,2) check (collectability_score between 0 and 100),
  asset_flags jsonb not null default '{}',
  current_balance numeric(14,2) check (current_balance >= 0),
  levy_status text,
  garnishment_status text,
  marshal_status text,
  next_action_at timestamptz,
  opened_at timestamptz not null default public.app_now(),
  closed_at timestamptz,
  closure_reason text,
  created_by text not null,
  created_at timestamptz not null default public.app_now(),
  updated_at timestamptz not null default public.app_now(),
  check (tier_override is null or (override_expires_at is not null and btrim(override_note) <> '')),
  foreign key (org_id, judgment_id) references public.core_judgments (org_id, id) on delete cascade,
  foreign key (org_id, plaintiff_id) references public.plaintiffs (org_id, id)
) with (fillfactor = 50);
comment on column public.enforcement_cases.tier_override is 'Counts until override_expires_at, to the instant; the computed tier stays beside it';
create unique index enforcement_cases_open_judgment on public.enforcement_cases (judgment_id) where closed_at is null;
create index enforcement_cases_judgment on public.enforcement_cases (org_id, judgment_id);
create index enforcement_cases_plaintiff on public.enforcement_cases (org_id, plaintiff_id);
create index enforcement_cases_stage_tier on public.enforcement_cases (current_stage, tier) where closed_at is null;
create index enforcement_cases_override on public.enforcement_cases (org_id) where tier_override is not null and closed_at is null;

-- ---- functions ----
-- Inlined by the planner, as app_now() is.
create function public.is_closed_status(p_status text) returns boolean
language sql immutable parallel safe
return p_status in ('satisfied', 'vacated', 'expired');
comment on function public.is_closed_status(text) is 'Closed judgments are not tiered; all others are active';

create function public.tier_number(p_tier text) returns smallint
language sql immutable parallel safe
return case p_tier when 'tier0' then 0 when 'tier1' then 1 when 'tier2' then 2 when 'tier3' then 3 end::smallint;

create function public.tier_text(p_tier smallint) returns text
language sql immutable parallel safe
return 'tier' || p_tier;

create function public.tier_label(p_tier smallint) returns text
language sql immutable parallel safe
return case p_tier
  when 0 then 'Monitor' when 1 then 'Warm Prospects' when 2 then 'Active Enforcement' when 3 then 'Strategic/Priority'
  else 'No tier yet' end;

create function public.effective_tier(p_case public.enforcement_cases) returns smallint
language sql stable
return case when p_case.tier_override is not null and p_case.override_expires_at > public.app_now()
            then public.tier_number(p_case.tier_override)
            else public.tier_number(p_case.tier) end;
comment on function public.effective_tier(public.enforcement_cases) is 'The override while it has not expired, else the computed tier';

create function public.asset_signal_names(p_bits smallint) returns text[]
language sql immutable parallel safe
return array_remove(array[
  case when p_bits & 1 <> 0 then 'employer_name' end, case when p_bits & 2 <> 0 then 'bank_name' end,
  case when p_bits & 4 <> 0 then 'real_property_lead' end, case when p_bits & 8 <> 0 then 'vehicle_lead' end], null);

create function public.asset_flags(p_bits smallint) returns jsonb
language sql immutable parallel safe
return jsonb_build_object('employer', p_bits & 1 <> 0, 'bank', p_bits & 2 <> 0,
                          'real_property', p_bits & 4 <> 0, 'vehicle', p_bits & 8 <> 0);

-- A definer, because whoever may write intelligence need not be allowed to write judgments.
create function public.tg_intelligence_sets_signals() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_judgment_id uuid := case tg_op when 'DELETE' then old.judgment_id else new.judgment_id end;
  v_bits smallint := 0;
begin
  if tg_op <> 'DELETE' then
    v_bits := (case when btrim(coalesce(new.employer_name, '')) <> '' then 1 else 0 end)
            + (case when btrim(coalesce(new.bank_name, '')) <> '' then 2 else 0 end)
            + (case when btrim(coalesce(new.real_property_lead, '')) <> '' then 4 else 0 end)
            + (case when btrim(coalesce(new.vehicle_lead, '')) <> '' then 8 else 0 end);
  end if;
  update public.core_judgments j
     set asset_signals = v_bits
   where j.id = v_judgment_id and j.asset_signals <> v_bits;
  return null;
end;
$$;
alter function public.tg_intelligence_sets_signals() owner to service_role;

-- A definer, because nobody may write history by hand.
create function public.tg_judgment_records_facts() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.judgment_facts (org_id, judgment_id, collectability_score, balance_due, asset_signals, status)
  values (new.org_id, new.id, new.collectability_score, new.balance_due, new.asset_signals, new.status);
  return null;
end;
$$;
alter function public.tg_judgment_records_facts() owner to service_role;

create function public.tg_refuse_change() returns trigger
language plpgsql set search_path = ''
as $$
begin
  -- Rows go when their organisation or judgment goes; nothing else removes history.
  if tg_op = 'DELETE' and pg_trigger_depth() > 1 then
    return old;
  end if;
  raise sqlstate 'PT405' using message = format('%I is append-only', tg_table_name);
end;
$$;

create trigger touch_updated_at before update on public.plaintiffs
  for each row execute function public.tg_touch_updated_at();
-- Tiering touches tier_as_of, not updated_at: that column tells when people or imports last changed the case or judgment.
create trigger touch_updated_at before update of plaintiff_id, current_stage, tier_override, override_expires_at, override_note,
    current_balance, levy_status, garnishment_status, marshal_status, next_action_at, closed_at, closure_reason on public.enforcement_cases
  for each row execute function public.tg_touch_updated_at();
create trigger touch_updated_at before update of case_number, court, county, state, plaintiff_id, defendant_name, defendant_address,
    judgment_date, judgment_amount, balance_due, status, collectability_score on public.core_judgments
  for each row execute function public.tg_touch_updated_at();
create trigger set_signals after insert or update or delete on public.debtor_intelligence
  for each row execute function public.tg_intelligence_sets_signals();
create trigger record_first_facts after insert on public.core_judgments
  for each row execute function public.tg_judgment_records_facts();
create trigger record_changed_facts after update on public.core_judgments
  for each row
  when (old.collectability_score is distinct from new.collectability_score
     or old.balance_due is distinct from new.balance_due
     or old.asset_signals <> new.asset_signals
     or old.status <> new.status)
  execute function public.tg_judgment_records_facts();
create trigger refuse_change before update or delete on public.judgment_facts
  for each row execute function public.tg_refuse_change();

-- ---- views ----
create view public.judgments with (security_invoker = true) as
  select id, org_id, judgment_no, case_number, docket, plaintiff_id, defendant_name, defendant_address,
         court, county, state, case_type, filing_date, judgment_date, judgment_amount, balance_due, status,
         collectability_score, tier, tier_reason, tier_as_of, created_at, updated_at
    from public.core_judgments;
comment on view public.judgments is 'Updatable view of core_judgments under the names of the RPC document';

create view public.v_enforcement_tier_overview with (security_invoker = true) as
  select t.tier,
         public.tier_label(t.tier) as tier_label,
         count(j.id) as judgment_count,
         coalesce(sum(j.judgment_amount), 0)::numeric(18,2) as total_principal,
         round(avg(j.judgment_amount), 2) as avg_principal,
         round(avg(j.collectability_score), 2) as avg_collectability,
         count(j.id) filter (where not public.is_closed_status(j.status)) as active_count,
         min(j.tier_as_of) as oldest_tier_assignment,
         max(j.tier_as_of) as newest_tier_assignment,
         coalesce(sum(j.balance_due) filter (where not public.is_closed_status(j.status)), 0)::numeric(18,2) as active_balance
    from (values (0::smallint), (1::smallint), (2::smallint), (3::smallint), (null::smallint)) as t (tier)
    left join public.core_judgments j on coalesce(j.tier, -1) = coalesce(t.tier, -1)
   group by t.tier
   order by t.tier nulls last;
comment on view public.v_enforcement_tier_overview is 'One row a tier, empty ones included, and one for judgments without a tier';

-- ---- row-level security ----
alter table public.plaintiffs enable row level security, force row level security;
alter table public.core_judgments enable row level security, force row level security;
alter table public.debtor_intelligence enable row level security, force row level security;
alter table public.judgment_facts enable row level security, force row level security;
alter table public.enforcement_stage_lookup enable row level security, force row level security;
alter table public.enforcement_cases enable row level security, force row level security;

create policy "members see their plaintiffs" on public.plaintiffs
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see their judgments" on public.core_judgments
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see what is known of their debtors" on public.debtor_intelligence
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see past facts of their judgments" on public.judgment_facts
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "everybody signed in sees the stages" on public.enforcement_stage_lookup
  for select to authenticated, service_role using (true);
create policy "members see their cases" on public.enforcement_cases
  for select to authenticated using (org_id = (select public.current_org_id()));
-- The service works for one organisation at a time, or for all where no organisation is set.
create policy "the service manages plaintiffs" on public.plaintiffs for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service manages judgments" on public.core_judgments for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service manages what is known of debtors" on public.debtor_intelligence for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service appends past facts" on public.judgment_facts for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service manages cases" on public.enforcement_cases for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant select on public.plaintiffs, public.core_judgments, public.debtor_intelligence, public.judgment_facts,
                public.enforcement_stage_lookup, public.enforcement_cases,
                public.judgments, public.v_enforcement_tier_overview to authenticated, service_role;
grant insert, update, delete on public.plaintiffs, public.core_judgments, public.debtor_intelligence,
                                public.enforcement_cases, public.judgments to service_role;
grant insert on public.judgment_facts to service_role;
grant execute on function public.is_closed_status(text), public.tier_number(text), public.tier_text(smallint),
                          public.tier_label(smallint), public.effective_tier(public.enforcement_cases),
                          public.asset_signal_names(smallint), public.asset_flags(smallint) to authenticated, service_role;
