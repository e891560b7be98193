-- What the console shows of cases, plaintiffs and their work. Tiers are effective ones: an override counts while it has not expired.

-- ---- tables ----
create table public.case_copilot_briefs (
  id bigint primary key generated always as identity,
  org_id uuid not null,
  enforcement_case_id uuid not null,
  brief text not null,
  facts jsonb not null default '{}' check (jsonb_typeof(facts) = 'object'),
  next_steps jsonb not null default '[]' check (jsonb_typeof(next_steps) = 'array'),
  provider text not null,
  requested_by text,
  generated_at timestamptz not null default public.app_now(),
  foreign key (org_id, enforcement_case_id) references public.enforcement_cases (org_id, id) on delete cascade
);
comment on table public.case_copilot_briefs is 'Briefs of cases, for the service alone';
create index case_copilot_briefs_case on public.case_copilot_briefs (org_id, enforcement_case_id, id desc);

-- ---- indexes ----
create index core_judgments_pipeline on public.core_judgments (org_id, public.priority_rank(priority_level), judgment_amount desc, id)
  include (plaintiff_id, judgment_date, priority_level, county, state) where status in ('unsatisfied', 'in_progress');

-- ---- functions ----
-- Inlined by the planner, as app_now() is.
create function public.days_since(p_at timestamptz) returns int
language sql stable parallel safe
return floor(extract(epoch from public.app_now() - p_at) / 86400)::int;

create function public.collectability_tier(p_amount numeric, p_age_days int) returns text
language sql immutable parallel safe
return case when p_amount >= 3000 and p_age_days <= 365 then 'A'
            when p_amount >= 1000 or p_age_days <= 1095 then 'B'
            else 'C' end;
comment on function public.collectability_tier(numeric, int) is
  'A from 3,000 and at most 365 days old, B from 1,000 or at most 1,095 days, else C; an age that is not known fulfils nothing';

-- ---- views ----
create view public.v_enforcement_cases with (security_invoker = true) as
  select c.id as case_id, c.judgment_id, j.judgment_no, j.case_number, j.defendant_name, p.id as plaintiff_id, p.name as plaintiff_name,
         public.effective_tier_text(c.tier, c.tier_override, c.override_expires_at) as tier, c.tier as computed_tier, c.tier_reason,
         case when c.override_expires_at > public.app_now() then c.tier_override end as tier_override, c.override_expires_at, c.override_note,
         c.current_stage, c.stage_entered_at, public.days_since(c.stage_entered_at) as days_in_stage,
         coalesce(s.sla_days, l.sla_days) as sla_days,
         c.closed_at is null
           and coalesce(c.stage_entered_at + make_interval(days => coalesce(s.sla_days, l.sla_days)) < public.app_now(), false) as is_sla_breached,
         c.next_action_at, c.closed_at is null and coalesce(c.next_action_at < public.app_now(), false) as is_past_due,
         c.blocked_since is not null as is_blocked, c.blocked_since, c.blocked_until,
         c.owner_id, u.display_name as owner_name, c.current_balance, c.collectability_score,
         c.levy_status, c.garnishment_status, c.marshal_status, c.opened_at, c.closed_at, c.closure_reason, c.org_id
    from public.enforcement_cases c
    join public.core_judgments j on j.org_id = c.org_id and j.id = c.judgment_id
    join public.enforcement_stage_lookup l on l.stage = c.current_stage
    left join public.enforcement_stage_settings s on s.org_id = c.org_id and s.stage = c.current_stage
    left join public.plaintiffs p on p.org_id = c.org_id and p.id = c.plaintiff_id
    left join public.users u on u.id = c.owner_id;
comment on view public.v_enforcement_cases is 'One row a case, with what its time in stage amounts to';

create view public.v_enforcement_overview with (security_invoker = true) as
  select public.effective_tier_text(c.tier, c.tier_override, c.override_expires_at) as tier, c.current_stage,
         count(*) as case_count, coalesce(sum(c.current_balance), 0)::numeric(18,2) as total_balance,
         count(*) filter (where c.stage_entered_at + make_interval(days => coalesce(s.sla_days, l.sla_days)) < public.app_now()) as sla_breach_count,
         count(*) filter (where c.next_action_at < public.app_now()) as past_due_count,
         min(c.next_action_at) as next_action_at, public.days_since(min(c.stage_entered_at)) as days_in_stage, c.org_id
    from public.enforcement_cases c
    join public.enforcement_stage_lookup l on l.stage = c.current_stage
    left join public.enforcement_stage_settings s on s.org_id = c.org_id and s.stage = c.current_stage
   where c.closed_at is null
   group by c.org_id, 1, c.current_stage;
comment on view public.v_enforcement_overview is
  'One row a tier and stage with open cases: how many, their balance, how many are past their SLA; next_action_at is the earliest, days_in_stage the longest';

-- Looked up one by one, so that the newest events are read in the order of their index and no others.
create view public.v_enforcement_recent with (security_invoker = true) as
  select e.id as event_id, e.enforcement_case_id as case_id, e.judgment_id, j.case_number, e.event_kind, e.occurred_at, e.created_at,
         e.document_path, e.related_task_id, e.payload, e.note, e.actor, e.actor_type, e.rpc,
         c.tier, c.computed_tier, c.current_stage, c.next_action_at, c.days_in_stage, e.event_no, e.org_id
    from public.enforcement_events e
    left join lateral (
      select j.case_number from public.core_judgments j where j.org_id = e.org_id and j.id = e.judgment_id limit 1) j on true
    left join lateral (
      select public.effective_tier_text(c.tier, c.tier_override, c.override_expires_at) as tier, c.tier as computed_tier, c.current_stage,
             c.next_action_at, public.days_since(c.stage_entered_at) as days_in_stage
        from public.enforcement_cases c where c.org_id = e.org_id and c.id = e.enforcement_case_id limit 1) c on true
   order by e.occurred_at desc, e.event_no desc;
comment on view public.v_enforcement_recent is 'One row an event, newest first by when it happened, with how its case stands now';

create view public.v_enforcement_timeline with (security_invoker = true) as
  select e.enforcement_case_id as case_id, e.occurred_at, 'event' as source, e.id as item_id, e.event_kind::text as kind, e.actor, e.actor_type,
         e.rpc, e.note, '{}'::jsonb as delta, e.payload, e.document_path, e.created_at as recorded_at, e.org_id
    from public.enforcement_events e
   where e.enforcement_case_id is not null
  union all
  select h.enforcement_case_id, h.changed_at, 'history', h.id, h.action, h.actor, h.actor_type, h.rpc, h.note, h.delta, '{}', null, h.changed_at, h.org_id
    from public.enforcement_history h
  union all
  select t.enforcement_case_id, t.created_at, 'task', t.id, t.kind, t.created_by, null, null, t.note, '{}',
         jsonb_build_object('title', t.title, 'status', t.status, 'stage', t.stage, 'due_at', t.due_at, 'closed_at', t.closed_at,
                            'closed_by', t.closed_by) || t.metadata,
         null, t.created_at, t.org_id
    from public.plaintiff_tasks t
   where t.enforcement_case_id is not null
  union all
  select a.enforcement_case_id, a.opened_at, 'action', a.id, a.action_type, a.created_by, null, null, a.status_reason, '{}',
         jsonb_build_object('status', a.status, 'closed_at', a.closed_at, 'updated_at', a.updated_at, 'updated_by', a.updated_by,
                            'next_milestone_at', a.next_milestone_at) || a.metadata,
         null, a.opened_at, a.org_id
    from public.enforcement_actions a;
comment on view public.v_enforcement_timeline is 'Events, history, tasks and actions of a case, each at the time when it happened; ask for one case and order by occurred_at';

create view public.v_plaintiffs_overview with (security_invoker = true) as
  select p.id as plaintiff_id, p.name as plaintiff_name, p.firm_name, p.status, p.status_changed_at,
         j.judgment_count, j.total_judgment_amount, j.total_balance_due, c.case_count, c.open_case_count, m.recovered_amount,
         t.open_task_count, t.next_call_at, a.last_called_at, p.created_at, p.org_id
    from public.plaintiffs p
   cross join lateral (
     select count(*) as judgment_count, coalesce(sum(j.judgment_amount), 0)::numeric(18,2) as total_judgment_amount,
            coalesce(sum(j.balance_due) filter (where not public.is_closed_status(j.status)), 0)::numeric(18,2) as total_balance_due
       from public.core_judgments j where j.org_id = p.org_id and j.plaintiff_id = p.id) j
   cross join lateral (
     select count(*) as case_count, count(*) filter (where c.closed_at is null) as open_case_count
       from public.enforcement_cases c where c.org_id = p.org_id and c.plaintiff_id = p.id) c
   cross join lateral (
     select coalesce(sum(y.amount), 0)::numeric(18,2) as recovered_amount
       from public.core_judgments j join public.enforcement_payments y on y.org_id = j.org_id and y.judgment_id = j.id
      where j.org_id = p.org_id and j.plaintiff_id = p.id) m
   cross join lateral (
     select count(*) as open_task_count, min(t.due_at) filter (where t.kind = 'call') as next_call_at
       from public.plaintiff_tasks t where t.org_id = p.org_id and t.plaintiff_id = p.id and t.status = 'open') t
   cross join lateral (
     select max(a.called_at) as last_called_at
       from public.plaintiff_call_attempts a where a.org_id = p.org_id and a.plaintiff_id = p.id) a;
comment on view public.v_plaintiffs_overview is 'One row a plaintiff; sums are made for the rows that are read, so page through it by name';

create view public.v_collectability_snapshot with (security_invoker = true) as
  select j.id as case_id, j.id as judgment_id, j.case_number, j.judgment_amount, j.judgment_date, d.age_days,
         public.collectability_tier(j.judgment_amount, d.age_days) as collectability_tier, j.judgment_date is null as is_undated,
         s.collectability_tier as scored_tier, j.collectability_score, s.last_enriched_at, s.last_scored_at, j.org_id
    from public.core_judgments j
    join public.organisations o on o.id = j.org_id
   cross join lateral (select (public.app_now() at time zone o.time_zone)::date - j.judgment_date as age_days) d
    left join judgments.cases s on s.org_id = j.org_id and s.case_id = j.id;
comment on view public.v_collectability_snapshot is
  'The collectability tier that amount and age make, one row a judgment; is_undated says that the age is not known, scored_tier what scoring said';

-- Each tier is read in the order of its index, without a sort, and no further than asked for; a partition would be read to its end.
create view public.v_priority_pipeline with (security_invoker = true) as
  select p.name as plaintiff_name, r.judgment_id, t.collectability_tier, r.priority_level, r.judgment_amount, r.county, r.state,
         c.stage, p.status as plaintiff_status, r.tier_rank
    from public.organisations o
   cross join (values ('A'), ('B'), ('C')) as t (collectability_tier)
   cross join lateral (
     select j.org_id, j.id as judgment_id, j.plaintiff_id, j.priority_level, j.judgment_amount, j.county, j.state,
            row_number() over (order by public.priority_rank(j.priority_level), j.judgment_amount desc, j.id) as tier_rank
       from public.core_judgments j
      where j.org_id = o.id and j.status in ('unsatisfied', 'in_progress')
        and public.collectability_tier(j.judgment_amount, (public.app_now() at time zone o.time_zone)::date - j.judgment_date) = t.collectability_tier) r
    left join lateral (select p.name, p.status from public.plaintiffs p where p.org_id = r.org_id and p.id = r.plaintiff_id limit 1) p on true
    left join lateral (select c.current_stage as stage from public.enforcement_cases c
                        where c.org_id = r.org_id and c.judgment_id = r.judgment_id and c.closed_at is null limit 1) c on true
   where (select public.current_org_id()) is null or o.id = (select public.current_org_id());
comment on view public.v_priority_pipeline is
  'Active judgments ranked within their collectability tier by priority and amount; for the first ones ask for tier_rank <= n, which reads no more than those';

create view public.v_case_copilot_latest with (security_invoker = true) as
  select distinct on (b.org_id, b.enforcement_case_id)
         b.enforcement_case_id as case_id, c.judgment_id, j.case_number, b.brief, b.facts, b.next_steps, b.provider, b.requested_by,
         b.generated_at, b.org_id
    from public.case_copilot_briefs b
    join public.enforcement_cases c on c.org_id = b.org_id and c.id = b.enforcement_case_id
    join public.core_judgments j on j.org_id = c.org_id and j.id = c.judgment_id
   order by b.org_id, b.enforcement_case_id, b.id desc;
comment on view public.v_case_copilot_latest is 'The newest brief of each case; for the service alone';

create view public.v_plaintiff_open_tasks with (security_invoker = true) as
  select t.id as task_id, t.plaintiff_id, p.name as plaintiff_name, t.enforcement_case_id as case_id, j.case_number, t.kind, t.title, t.stage,
         t.priority, t.due_at, coalesce(t.due_at < public.app_now(), false) as is_past_due, c.owner_id, t.note, t.metadata, t.created_by,
         t.created_at, t.org_id
    from public.plaintiff_tasks t
    join public.plaintiffs p on p.org_id = t.org_id and p.id = t.plaintiff_id
    left join public.enforcement_cases c on c.org_id = t.org_id and c.id = t.enforcement_case_id
    left join public.core_judgments j on j.org_id = c.org_id and j.id = c.judgment_id
   where t.status = 'open';
comment on view public.v_plaintiff_open_tasks is 'What people are to do';

create view public.v_plaintiff_call_queue with (security_invoker = true) as
  select t.id as task_id, t.plaintiff_id, p.name as plaintiff_name, p.firm_name, coalesce(k.name, p.contact_name) as contact_name,
         coalesce(k.phone, p.phone) as phone, p.status as plaintiff_status, t.enforcement_case_id as case_id,
         public.effective_tier_text(c.tier, c.tier_override, c.override_expires_at) as tier, t.priority, t.due_at,
         coalesce(t.due_at < public.app_now(), false) as is_past_due, a.outcome as last_outcome, a.called_at as last_called_at, t.note, t.org_id
    from public.plaintiff_tasks t
    join public.plaintiffs p on p.org_id = t.org_id and p.id = t.plaintiff_id
    left join public.plaintiff_contacts k on k.org_id = t.org_id and k.plaintiff_id = t.plaintiff_id and k.is_primary
    left join public.enforcement_cases c on c.org_id = t.org_id and c.id = t.enforcement_case_id
    left join lateral (
      select a.outcome, a.called_at from public.plaintiff_call_attempts a
       where a.org_id = t.org_id and a.plaintiff_id = t.plaintiff_id
       order by a.called_at desc limit 1) a on true
   where t.status = 'open' and t.kind = 'call' and p.status <> 'do_not_call';
comment on view public.v_plaintiff_call_queue is 'Calls that are to be made; higher priority and earlier due come first';

create view public.v_metrics_intake_daily with (security_invoker = true) as
  select (r.created_at at time zone o.time_zone)::date as day, r.format, count(*) as run_count, sum(r.new_count)::bigint as new_count,
         sum(r.changed_count)::bigint as changed_count, sum(r.unchanged_count)::bigint as unchanged_count,
         sum(r.refused_count)::bigint as refused_count, r.org_id
    from public.import_runs r
    join public.organisations o on o.id = r.org_id
   where r.state = 'done'
   group by r.org_id, 1, r.format;
comment on view public.v_metrics_intake_daily is 'What imports brought, by day of the organisation and format';

create view public.v_metrics_enforcement with (security_invoker = true) as
  select c.open_case_count, c.open_balance, c.past_due_count, c.sla_breach_count, c.blocked_count, c.unowned_count,
         a.active_levies, a.active_garnishments, a.active_subpoenas, a.active_marshal_actions, a.without_milestone_count,
         y.recovered_7_days, y.recovered_30_days, u.unlinked_payment_count, u.unlinked_amount, o.id as org_id
    from public.organisations o
   cross join lateral (
     select count(*) as open_case_count, coalesce(sum(c.current_balance), 0)::numeric(18,2) as open_balance,
            count(*) filter (where c.next_action_at < public.app_now()) as past_due_count,
            count(*) filter (where c.stage_entered_at + make_interval(days => coalesce(s.sla_days, l.sla_days)) < public.app_now()) as sla_breach_count,
            count(*) filter (where c.blocked_since is not null) as blocked_count, count(*) filter (where c.owner_id is null) as unowned_count
       from public.enforcement_cases c
       join public.enforcement_stage_lookup l on l.stage = c.current_stage
       left join public.enforcement_stage_settings s on s.org_id = c.org_id and s.stage = c.current_stage
      where c.org_id = o.id and c.closed_at is null) c
   cross join lateral (
     select count(*) filter (where a.action_type = 'bank_levy') as active_levies, count(*) filter (where a.action_type = 'garnishment') as active_garnishments,
            count(*) filter (where a.action_type = 'subpoena') as active_subpoenas, count(*) filter (where a.action_type = 'marshal') as active_marshal_actions,
            count(*) filter (where a.next_milestone_at is null) as without_milestone_count
       from public.enforcement_actions a
      where a.org_id = o.id and a.status in ('planned', 'filed', 'served', 'in_progress')) a
   cross join lateral (
     select coalesce(sum(y.amount) filter (where y.received_at > public.app_now() - interval '7 days'), 0)::numeric(18,2) as recovered_7_days,
            coalesce(sum(y.amount), 0)::numeric(18,2) as recovered_30_days
       from public.enforcement_payments y
      where y.org_id = o.id and y.received_at > public.app_now() - interval '30 days') y
   cross join lateral (
     select count(*) as unlinked_payment_count, coalesce(sum(y.amount), 0)::numeric(18,2) as unlinked_amount
       from public.enforcement_payments y where y.org_id = o.id and y.enforcement_case_id is null) u
   -- The service may see all organisations; it works for one.
   where (select public.current_org_id()) is null or o.id = (select public.current_org_id());
comment on view public.v_metrics_enforcement is 'One row an organisation: how its open cases, actions and recoveries stand now';

-- ---- row-level security ----
alter table public.case_copilot_briefs enable row level security, force row level security;
create policy "the service keeps briefs" on public.case_copilot_briefs for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant select, insert on public.case_copilot_briefs to service_role;
grant select on public.v_case_copilot_latest to service_role;
grant select on public.v_enforcement_cases, public.v_enforcement_overview, public.v_enforcement_recent, public.v_enforcement_timeline,
                public.v_plaintiffs_overview, public.v_collectability_snapshot, public.v_priority_pipeline, public.v_plaintiff_open_tasks,
                public.v_plaintiff_call_queue, public.v_metrics_intake_daily, public.v_metrics_enforcement to authenticated, service_role;
grant execute on function public.days_since(timestamptz), public.collectability_tier(numeric, int) to authenticated, service_role;
