-- What a case needs to be worked: an owner, the time in its stage, what blocks it; and what its stages ask for, in each organisation.

-- ---- tables ----
alter table public.enforcement_cases
  add column owner_id uuid,
  add column stage_entered_at timestamptz not null default public.app_now(),
  add column blocked_since timestamptz,
  add column blocked_until timestamptz,
  add column override_set_at timestamptz,
  add column override_root_cause text,
  add constraint enforcement_cases_org_id_id_key unique (org_id, id),
  add constraint enforcement_cases_owner foreign key (org_id, owner_id)
    references public.memberships (org_id, user_id) on delete set null (owner_id),
  add constraint enforcement_cases_blocked check (blocked_until is null or blocked_since is not null);
comment on column public.enforcement_cases.owner_id is 'Who works the case; a member of the organisation';
comment on column public.enforcement_cases.stage_entered_at is 'Days in stage are counted from here; for a case older than this column, from when it was opened';
comment on column public.enforcement_cases.blocked_since is 'Since the last event `blocked`; a move to another stage or an event `unblocked` ends it';
comment on column public.enforcement_cases.blocked_until is 'The ETA that the event gave, if any';
comment on column public.enforcement_cases.override_root_cause is 'Why the computed tier does not fit, asked for when an override persists';
update public.enforcement_cases c
   set plaintiff_id = coalesce(c.plaintiff_id, j.plaintiff_id), stage_entered_at = c.opened_at,
       current_balance = case when c.closed_at is null then j.balance_due else c.current_balance end
  from public.core_judgments j
 where j.org_id = c.org_id and j.id = c.judgment_id;

alter table public.core_judgments
  add column priority_level text not null default 'normal'
    constraint core_judgments_priority_level check (priority_level in ('urgent', 'high', 'normal', 'low', 'on_hold'));
comment on column public.core_judgments.priority_level is 'What people think of it, beside the computed tier: urgent, high, normal, low, on_hold';

alter table public.plaintiffs
  add column status text not null default 'new'
    constraint plaintiffs_status check (status in ('new', 'contacted', 'qualified', 'sent_agreement', 'signed', 'lost',
      'reached', 'reached_hot', 'reached_warm', 'reached_cold', 'left_voicemail', 'no_answer', 'bad_number', 'do_not_call')),
  add column status_changed_at timestamptz;
comment on column public.plaintiffs.status is 'The last of plaintiff_status_history; do_not_call ends every call';

create table public.enforcement_stage_settings (
  org_id uuid not null references public.organisations (id) on delete cascade,
  stage text not null references public.enforcement_stage_lookup (stage),
  sla_days int check (sla_days > 0),
  description text check (btrim(description) <> ''),
  updated_at timestamptz not null default public.app_now(),
  updated_by text not null,
  primary key (org_id, stage)
);
comment on table public.enforcement_stage_settings is 'Where an organisation differs from enforcement_stage_lookup; null means as there';

create table public.enforcement_stage_tasks (
  stage text not null references public.enforcement_stage_lookup (stage),
  kind text not null check (kind ~ '^[a-z][a-z0-9_]{0,39}$'),
  title text not null,
  due_days int not null check (due_days >= 0),
  primary key (stage, kind)
);
comment on table public.enforcement_stage_tasks is 'The tasks that entering a stage creates, unless one of the kind is open on the case';
insert into public.enforcement_stage_tasks (stage, kind, title, due_days) values
  ('pre_enforcement', 'review_intake', 'Review the intake and confirm judgment, debtor and balance', 1),
  ('contact_validation', 'validate_contacts', 'Confirm addresses and telephone numbers of the debtor', 3),
  ('contact_validation', 'call', 'Call the plaintiff about the debtor', 2),
  ('asset_discovery', 'search_assets', 'Search for employers, accounts, property and vehicles', 7),
  ('action_planning', 'plan_action', 'Choose the next action and prepare its papers', 3),
  ('bank_levy', 'follow_levy', 'Follow the levy with bank and marshal', 7),
  ('wage_garnishment', 'follow_garnishment', 'Confirm that the employer was served and withholds', 14),
  ('subpoena', 'follow_subpoena', 'Look for the answer to the subpoena', 21),
  ('marshal_execution', 'follow_marshal', 'Ask the marshal or sheriff for the result', 14),
  ('recovery_monitoring', 'reconcile_payments', 'Compare what came in with what was due', 14),
  ('closure', 'file_closure', 'File what closes the case, such as a satisfaction of judgment', 5);

create table public.enforcement_tier_lookup (
  tier text primary key check (tier in ('tier0', 'tier1', 'tier2', 'tier3')),
  min_score numeric(5,2) not null,
  max_score numeric(5,2) not null,
  label text not null,
  check (min_score < max_score)
);
comment on table public.enforcement_tier_lookup is 'Score ranges of the default policy, for analytics: min_score up to, but not including, max_score; the published policy decides';
insert into public.enforcement_tier_lookup (tier, min_score, max_score, label) values
  ('tier0', 0, 35, 'Monitor'), ('tier1', 35, 60, 'Warm Prospects'),
  ('tier2', 60, 80, 'Active Enforcement'), ('tier3', 80, 100.01, 'Strategic/Priority');

-- ---- indexes ----
create index enforcement_cases_owner on public.enforcement_cases (org_id, owner_id);
create index enforcement_cases_next_action on public.enforcement_cases (org_id, next_action_at, id) where closed_at is null;

-- ---- functions ----
create function public.stage_sla_days(p_org_id uuid, p_stage text) returns int
language sql stable
return (select coalesce(s.sla_days, l.sla_days)
          from public.enforcement_stage_lookup l
          left join public.enforcement_stage_settings s on s.org_id = p_org_id and s.stage = l.stage
         where l.stage = p_stage);
comment on function public.stage_sla_days(uuid, text) is 'Within how many days a case should leave the stage, as the organisation has set it; null where there is no such limit';

create function public.priority_rank(p_priority_level text) returns smallint
language sql immutable parallel safe
return case p_priority_level when 'urgent' then 1 when 'high' then 2 when 'normal' then 3 when 'low' then 4 when 'on_hold' then 5 end::smallint;

-- Inlined by the planner, as app_now() is.
create function public.effective_tier_text(p_tier text, p_tier_override text, p_expires_at timestamptz) returns text
language sql stable parallel safe
return case when p_tier_override is not null and p_expires_at > public.app_now() then p_tier_override else p_tier end;
comment on function public.effective_tier_text(text, text, timestamptz) is 'effective_tier as the text that cases carry, of columns instead of a row';

drop trigger touch_updated_at on public.enforcement_cases;
create trigger touch_updated_at before update of plaintiff_id, current_stage, tier_override, override_expires_at, override_note,
    override_root_cause, current_balance, levy_status, garnishment_status, marshal_status, next_action_at, owner_id, blocked_since,
    blocked_until, closed_at, closure_reason on public.enforcement_cases
  for each row execute function public.tg_touch_updated_at();
create trigger touch_updated_at before update on public.enforcement_stage_settings
  for each row execute function public.tg_touch_updated_at();

-- A definer, because whoever opens a case need not be allowed to read the judgment.
create function public.tg_case_takes_plaintiff() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  select j.plaintiff_id into new.plaintiff_id from public.core_judgments j where j.org_id = new.org_id and j.id = new.judgment_id;
  return new;
end;
$$;
alter function public.tg_case_takes_plaintiff() owner to service_role;
create trigger take_plaintiff before insert on public.enforcement_cases
  for each row
  when (new.plaintiff_id is null)
  execute function public.tg_case_takes_plaintiff();

-- The call stack tells who moves a case. A setting could be set by anybody who may update the table; a function of this
-- name in this schema cannot be made by anybody but a migration.
create function public.tg_stage_moves_by_rpc() returns trigger
language plpgsql set search_path = ''
as $$
declare
  v_callers text;
begin
  get diagnostics v_callers = pg_context;
  if v_callers !~ '\mpublic\.(set_enforcement_stage|close_enforcement_case)\(jsonb\)' then
    raise sqlstate 'PT405' using message = 'a stage moves only through set_enforcement_stage',
      hint = 'call set_enforcement_stage with case_id and stage, or close_enforcement_case';
  end if;
  return new;
end;
$$;
create trigger stage_moves_by_rpc before update on public.enforcement_cases
  for each row
  when (old.current_stage is distinct from new.current_stage or old.stage_entered_at is distinct from new.stage_entered_at)
  execute function public.tg_stage_moves_by_rpc();

-- A definer, because whoever changes a balance need not be allowed to write cases.
create function public.tg_judgment_sets_case_balance() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  update public.enforcement_cases c
     set current_balance = new.balance_due
   where c.org_id = new.org_id and c.judgment_id = new.id and c.closed_at is null
     and c.current_balance is distinct from new.balance_due;
  return null;
end;
$$;
alter function public.tg_judgment_sets_case_balance() owner to service_role;
create trigger set_case_balance after update on public.core_judgments
  for each row
  when (old.balance_due is distinct from new.balance_due)
  execute function public.tg_judgment_sets_case_balance();

-- ---- views ----
create or replace view public.judgments with (security_invoker = true) as
  select id, org_id, judgment_no, case_number, docket, plaintiff_id, defendant_name, defendant_address,
         court, county, state, case_type, filing_date, judgment_date, judgment_amount, balance_due, status,
         collectability_score, tier, tier_reason, tier_as_of, created_at, updated_at, priority_level
    from public.core_judgments;

create view public.v_enforcement_stages with (security_invoker = true) as
  select o.id as org_id, l.stage, l.ordinal, coalesce(s.sla_days, l.sla_days) as sla_days,
         coalesce(s.description, l.description) as description, l.sla_days as default_sla_days,
         l.description as default_description, s.updated_at, s.updated_by,
         (select coalesce(jsonb_agg(jsonb_build_object('kind', t.kind, 'title', t.title, 'due_days', t.due_days) order by t.kind), '[]')
            from public.enforcement_stage_tasks t where t.stage = l.stage) as tasks
    from public.organisations o
   cross join public.enforcement_stage_lookup l
    left join public.enforcement_stage_settings s on s.org_id = o.id and s.stage = l.stage
   -- The service may see all organisations; it works for one.
   where (select public.current_org_id()) is null or o.id = (select public.current_org_id());
comment on view public.v_enforcement_stages is 'The stages as the organisation has them, with the tasks that entering them creates';

-- ---- row-level security ----
alter table public.enforcement_stage_settings enable row level security, force row level security;
alter table public.enforcement_stage_tasks enable row level security, force row level security;
alter table public.enforcement_tier_lookup enable row level security, force row level security;

create policy "members see how their stages are set" on public.enforcement_stage_settings
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "the service keeps how stages are set" on public.enforcement_stage_settings for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "everybody signed in sees the tasks of stages" on public.enforcement_stage_tasks
  for select to authenticated, service_role using (true);
create policy "everybody signed in sees the tiers" on public.enforcement_tier_lookup
  for select to authenticated, service_role using (true);

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant select on public.enforcement_stage_settings, public.enforcement_stage_tasks, public.enforcement_tier_lookup,
                public.v_enforcement_stages to authenticated, service_role;
grant insert, update on public.enforcement_stage_settings to service_role;
grant execute on function public.stage_sla_days(uuid, text), public.priority_rank(text),
                          public.effective_tier_text(text, text, timestamptz) to authenticated, service_role;
