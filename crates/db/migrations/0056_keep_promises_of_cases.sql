-- What was promised of calls, payments, papers and overrides, kept also where somebody comes from the side or at a bad moment.

-- ---- calls: who does not want to be called is not, whatever the way to a call ----
create function public.tg_call_is_wanted() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_status text;
begin
  -- Held until the call is committed: whoever says meanwhile that they want none waits, and then finds this one to cancel.
  select p.status into v_status from public.plaintiffs p where p.org_id = new.org_id and p.id = new.plaintiff_id for share;
  if v_status = 'do_not_call' then
    raise sqlstate 'PT409' using message = 'the plaintiff does not want to be called', hint = 'change the plaintiff''s status first';
  end if;
  return new;
end;
$$;
alter function public.tg_call_is_wanted() owner to service_role;
comment on function public.tg_call_is_wanted() is
  'Refuses a call to who does not want one; definer, since whoever plans it need not be allowed to lock the plaintiff';
create trigger call_is_wanted before insert on public.plaintiff_tasks
  for each row when (new.kind = 'call' and new.status = 'open') execute function public.tg_call_is_wanted();
create trigger call_stays_wanted before update of kind, status, plaintiff_id on public.plaintiff_tasks
  for each row when (new.kind = 'call' and new.status = 'open'
    and (old.kind, old.status, old.plaintiff_id) is distinct from (new.kind, new.status, new.plaintiff_id))
  execute function public.tg_call_is_wanted();

create function public.tg_calls_end() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  update public.plaintiff_tasks t set status = 'cancelled', closed_at = public.app_now(), closed_by = 'automation'
   where t.org_id = new.org_id and t.plaintiff_id = new.id and t.kind = 'call' and t.status = 'open';
  return null;
end;
$$;
alter function public.tg_calls_end() owner to service_role;
comment on function public.tg_calls_end() is
  'Cancels what calls a function has left to a plaintiff who wants none; definer, as the tasks are not of whoever changes the status';
create trigger calls_end after update of status on public.plaintiffs
  for each row when (new.status = 'do_not_call' and old.status is distinct from new.status) execute function public.tg_calls_end();

create or replace function public.create_stage_tasks(p_call public.rpc_call, p_case public.enforcement_cases) returns bigint
language plpgsql volatile security invoker
as $$
declare
  v_tasks bigint;
begin
  -- Held as the call's own guard holds it, so that the stage moves without its call rather than not at all.
  perform from public.plaintiffs p where p.org_id = p_call.org_id and p.id = p_case.plaintiff_id for share;
  insert into public.plaintiff_tasks
    (org_id, plaintiff_id, enforcement_case_id, kind, title, stage, priority, due_at, created_by)
  select p_call.org_id, p_case.plaintiff_id, p_case.id, t.kind, t.title, t.stage, coalesce(public.effective_tier(p_case), 0),
         public.app_now() + make_interval(days => t.due_days), p_call.actor
    from public.enforcement_stage_tasks t
   where t.stage = p_case.current_stage
     -- Who does not want to be called is not.
     and not (t.kind = 'call' and exists (select from public.plaintiffs p
                                           where p.org_id = p_call.org_id and p.id = p_case.plaintiff_id and p.status = 'do_not_call'))
  on conflict do nothing;
  get diagnostics v_tasks = row_count;
  return v_tasks;
end;
$$;

create or replace function public.tg_judgment_sets_case_plaintiff() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_case_id uuid;
begin
  update public.enforcement_cases c set plaintiff_id = new.plaintiff_id
   where c.org_id = new.org_id and c.judgment_id = new.id and c.closed_at is null
  returning c.id into v_case_id;
  perform from public.plaintiffs p where p.org_id = new.org_id and p.id = new.plaintiff_id for share;
  -- Who does not want to be called is not.
  update public.plaintiff_tasks t set status = 'cancelled', closed_at = public.app_now(), closed_by = 'automation'
   where t.org_id = new.org_id and t.enforcement_case_id = v_case_id and t.status = 'open' and t.kind = 'call'
     and exists (select from public.plaintiffs p
                  where p.org_id = new.org_id and p.id = new.plaintiff_id and p.status = 'do_not_call');
  update public.plaintiff_tasks t set plaintiff_id = new.plaintiff_id
   where t.org_id = new.org_id and t.enforcement_case_id = v_case_id and t.status = 'open';
  return null;
end;
$$;

create or replace function public.log_call_outcome(
  plaintiff_id uuid, task_id uuid, outcome text, interest text default null, notes text default null, follow_up_at timestamptz default null)
returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
#variable_conflict use_column
declare
  v_call public.rpc_call := public.begin_rpc('log_call_outcome', jsonb_strip_nulls(jsonb_build_object(
    'plaintiff_id', log_call_outcome.plaintiff_id, 'task_id', log_call_outcome.task_id, 'outcome', log_call_outcome.outcome,
    'interest', log_call_outcome.interest, 'notes', log_call_outcome.notes, 'follow_up_at', log_call_outcome.follow_up_at)));
  v_said text := replace(replace(lower(btrim(coalesce(log_call_outcome.outcome, ''))), ' ', '_'), '-', '_');
  v_interest text := nullif(lower(btrim(coalesce(log_call_outcome.interest, ''))), '');
  v_notes text := nullif(btrim(log_call_outcome.notes), '');
  v_outcome text;
  v_status text;
  v_is_terminal boolean;
  v_plaintiff public.plaintiffs;
  v_task public.plaintiff_tasks;
  v_follow_up_id uuid;
  v_cancelled bigint := 0;
  v_attempt_id uuid;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  if v_said ~ '^reached_(hot|warm|cold)$' then
    v_interest := coalesce(v_interest, substr(v_said, 9));
    v_said := 'reached';
  end if;
  v_outcome := case
    when v_said in ('reached', 'answered', 'spoke', 'contacted') then 'reached'
    when v_said in ('left_voicemail', 'voicemail') then 'left_voicemail'
    when v_said in ('no_answer', 'busy') then 'no_answer'
    when v_said in ('bad_number', 'wrong_number', 'disconnected') then 'bad_number'
    when v_said in ('do_not_call', 'dnc') then 'do_not_call' end;
  if v_outcome is null then
    raise sqlstate 'PT422' using message = format('unknown outcome `%s`', left(log_call_outcome.outcome, 60)), detail = 'outcome',
      hint = 'known are reached, left_voicemail, no_answer, bad_number, do_not_call';
  end if;
  if v_interest not in ('hot', 'warm', 'cold', 'none') then
    raise sqlstate 'PT422' using message = format('unknown interest `%s`', left(v_interest, 60)), detail = 'interest',
      hint = 'known are hot, warm, cold, none';
  end if;
  if length(v_notes) > 4000 then
    raise sqlstate 'PT422' using message = '`notes` is longer than 4000 characters', detail = 'notes';
  end if;
  perform public.expect_instant('follow_up_at', log_call_outcome.follow_up_at);
  v_status := public.call_status(v_outcome, v_interest);
  v_is_terminal := v_outcome in ('do_not_call', 'bad_number');
  if log_call_outcome.follow_up_at <= public.app_now() and not v_is_terminal then
    raise sqlstate 'PT422' using message = 'the follow-up lies in the past', detail = 'follow_up_at';
  end if;

  v_plaintiff := public.find_plaintiff(v_call.org_id, log_call_outcome.plaintiff_id);
  select * into v_task from public.plaintiff_tasks t where t.org_id = v_call.org_id and t.id = log_call_outcome.task_id for update;
  if not found then
    raise sqlstate 'PT404' using message = 'task not found';
  end if;
  if v_task.plaintiff_id <> v_plaintiff.id then
    raise sqlstate 'PT422' using message = 'the task is not the plaintiff''s', detail = 'task_id';
  end if;
  if v_task.kind <> 'call' then
    raise sqlstate 'PT422' using message = format('the task is no call but `%s`', v_task.kind), detail = 'task_id';
  end if;
  if v_task.status <> 'open' then
    raise sqlstate 'PT409' using message = format('the task is already %s', v_task.status);
  end if;
  if v_plaintiff.status = 'do_not_call' and v_outcome <> 'do_not_call' then
    raise sqlstate 'PT409' using message = 'the plaintiff does not want to be called',
      hint = 'a call does not take that back: change the plaintiff''s status first';
  end if;

  update public.plaintiff_tasks t
     set status = 'completed', closed_at = public.app_now(), closed_by = v_call.actor,
         metadata = t.metadata || jsonb_strip_nulls(jsonb_build_object('outcome', v_outcome, 'interest', v_interest, 'status', v_status))
   where t.id = v_task.id;
  if v_outcome = 'do_not_call' then
    update public.plaintiff_tasks t
       set status = 'cancelled', closed_at = public.app_now(), closed_by = v_call.actor
     where t.org_id = v_call.org_id and t.plaintiff_id = v_plaintiff.id and t.kind = 'call' and t.status = 'open';
    get diagnostics v_cancelled = row_count;
  end if;
  perform public.set_status_of_plaintiff(v_call, v_plaintiff, v_status, v_notes);
  if not v_is_terminal and log_call_outcome.follow_up_at is not null then
    insert into public.plaintiff_tasks
      (org_id, plaintiff_id, enforcement_case_id, kind, title, priority, due_at, metadata, created_by)
    values (v_call.org_id, v_plaintiff.id, v_task.enforcement_case_id, 'call', v_task.title, v_task.priority,
            log_call_outcome.follow_up_at, jsonb_build_object('follows', v_task.id), v_call.actor)
    returning id into v_follow_up_id;
  end if;
  insert into public.plaintiff_call_attempts
    (org_id, plaintiff_id, task_id, outcome, interest, status, notes, follow_up_at, follow_up_task_id, called_by, called_by_id)
  values (v_call.org_id, v_plaintiff.id, v_task.id, v_outcome, v_interest, v_status, v_notes,
          case when v_follow_up_id is not null then log_call_outcome.follow_up_at end, v_follow_up_id, v_call.actor, v_call.actor_id)
  returning id into v_attempt_id;
  if v_task.enforcement_case_id is not null then
    perform public.write_history(v_call, v_task.enforcement_case_id, 'call_logged',
      jsonb_build_object('plaintiff_status', jsonb_build_array(v_plaintiff.status, v_status)), v_notes);
  end if;
  return public.end_rpc(v_call, jsonb_build_object(
    'attempt_id', v_attempt_id, 'plaintiff_id', v_plaintiff.id, 'task_id', v_task.id, 'outcome', v_outcome, 'interest', v_interest,
    'status', v_status, 'is_terminal', v_is_terminal, 'follow_up_task_id', v_follow_up_id,
    'follow_up_at', case when v_follow_up_id is not null then log_call_outcome.follow_up_at end, 'cancelled_tasks', v_cancelled));
end;
$$;

create or replace function public.set_plaintiff_status(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('set_plaintiff_status', payload, array['plaintiff_id', 'status', 'note', 'actor'], payload ->> 'actor');
  v_status text;
  v_plaintiff public.plaintiffs;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_status := public.rpc_choice(payload, 'status', array['new', 'contacted', 'qualified', 'sent_agreement', 'signed', 'lost', 'do_not_call'], true);
  v_plaintiff := public.find_plaintiff(v_call.org_id, public.rpc_uuid(payload, 'plaintiff_id', true));
  if v_plaintiff.status = v_status then
    raise sqlstate 'PT409' using message = format('the plaintiff''s status is %s already', v_status);
  end if;
  if v_status = 'do_not_call' then
    update public.plaintiff_tasks t set status = 'cancelled', closed_at = public.app_now(), closed_by = v_call.actor
     where t.org_id = v_call.org_id and t.plaintiff_id = v_plaintiff.id and t.kind = 'call' and t.status = 'open';
  end if;
  perform public.set_status_of_plaintiff(v_call, v_plaintiff, v_status, public.rpc_text(payload, 'note'));
  return public.end_rpc(v_call, jsonb_build_object('plaintiff_id', v_plaintiff.id, 'previous_status', v_plaintiff.status, 'status', v_status));
end;
$$;

-- ---- payments: no import undoes what was paid ----
create function public.is_settled(p_org_id uuid, p_judgment_id uuid, p_status text) returns boolean
language sql stable
return p_status in ('vacated', 'expired')
    or p_status = 'satisfied' and exists (
         select from public.enforcement_cases c
          where c.org_id = p_org_id and c.judgment_id = p_judgment_id and c.closure_reason = 'satisfied');
comment on function public.is_settled(uuid, uuid, text) is
  'Whether no vendor can take a status back: two are known to none of them, and what a case was closed as is known here first';

create or replace function public.import_judgments(p_run public.import_runs) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  create temp table import_work on commit drop as
  with said as materialized (
    select r.id, r.line, r.record, d.*,
           public.import_docket(d.case_number) as docket, lower(coalesce(d.court, '')) as court_key,
           public.import_name_key(d.plaintiff) as plaintiff_key, gen_random_uuid() as fresh_id
      from public.import_rows r
      cross join lateral jsonb_to_record(r.record) as d (
           case_number text, court text, county text, state text, case_type text, filing_date date, judgment_date date,
           judgment_amount numeric(14,2), balance numeric(14,2), status text,
           plaintiff text, plaintiff_address text, plaintiff_phone text, plaintiff_email text, co_plaintiffs jsonb,
           defendant text, defendant_address text, lead_source text, lead_id text)
     where r.org_id = p_run.org_id and r.run_id = p_run.id and r.outcome is null
  ), matched as materialized (
    -- Case number and court name a judgment. A court that one side does not know is no contradiction, as long as
    -- there is no doubt which judgment is meant.
    select s.*, coalesce(
             (select j.id from public.core_judgments j
               where j.org_id = p_run.org_id and j.docket = s.docket and lower(coalesce(j.court, '')) = s.court_key),
             case when s.court_key <> ''
                  then (select j.id from public.core_judgments j
                         where j.org_id = p_run.org_id and j.docket = s.docket and lower(coalesce(j.court, '')) = '')
                  else (select min(j.id::text)::uuid from public.core_judgments j
                         where j.org_id = p_run.org_id and j.docket = s.docket having count(*) = 1) end) as known_id
      from said s
  ), grouped as (
    select m.*, first_value(m.id) over of_one as first_id, first_value(m.line) over of_one as first_line,
           first_value(m.record) over of_one as first_record, first_value(m.fresh_id) over of_one as new_id,
           m.known_id is null and m.court_key = ''
             and exists (select from public.core_judgments j where j.org_id = p_run.org_id and j.docket = m.docket) as is_ambiguous
      from matched m
    window of_one as (partition by coalesce(m.known_id::text, m.docket || ' ' || m.court_key) order by m.line, m.id)
  )
  select g.*, p.record as prior, coalesce(g.known_id, g.new_id) as judgment_id,
         case when g.is_ambiguous then format('several courts have the case number `%s`, and the row names none', g.case_number)
              when g.record <> g.first_record then format('differs from line %s, which names the same judgment', g.first_line)
          end as error,
         case when g.is_ambiguous or g.record <> g.first_record then 'refused'
              when g.first_id <> g.id or p.record = g.record then 'unchanged'
              when g.known_id is null then 'new' end::public.import_outcome as outcome
    from grouped g
    left join lateral (
      select i.record from public.import_rows i
       where i.org_id = p_run.org_id and i.judgment_id = g.known_id and i.format = p_run.format
         and i.outcome <> 'refused' and i.run_id <> p_run.id
       order by i.id desc limit 1) p on true;
  create unique index on pg_temp.import_work (judgment_id) where outcome is null;
  analyze pg_temp.import_work;

  -- Contact details of a plaintiff who is known already are left alone: they belong to the plaintiff intake.
  insert into public.plaintiffs (org_id, name, address, phone, email)
  select distinct on (w.plaintiff_key)
         p_run.org_id, w.plaintiff, w.plaintiff_address, w.plaintiff_phone, w.plaintiff_email
    from pg_temp.import_work w
   where (w.outcome is null or w.outcome = 'new') and w.prior -> 'plaintiff' is distinct from w.record -> 'plaintiff'
   order by w.plaintiff_key, w.line
  on conflict (org_id, normalized_name) do nothing;
  insert into public.plaintiffs (org_id, name)
  select distinct on (public.import_name_key(c.name)) p_run.org_id, c.name
    from pg_temp.import_work w cross join lateral jsonb_array_elements_text(w.co_plaintiffs) as c (name)
   where w.outcome is null or w.outcome = 'new'
   order by public.import_name_key(c.name), w.line
  on conflict (org_id, normalized_name) do nothing;

  insert into public.core_judgments
    (id, org_id, case_number, court, county, state, case_type, plaintiff_id, defendant_name, defendant_address,
     filing_date, judgment_date, judgment_amount, balance_due, imported_balance, status, lead_source, lead_id)
  select w.judgment_id, p_run.org_id, w.case_number, w.court, w.county, w.state, w.case_type, p.id, w.defendant,
         w.defendant_address, w.filing_date, w.judgment_date, w.judgment_amount,
         coalesce(w.balance, w.judgment_amount), coalesce(w.balance, w.judgment_amount),
         coalesce(w.status, 'unsatisfied'), w.lead_source, w.lead_id
    from pg_temp.import_work w
    join public.plaintiffs p on p.org_id = p_run.org_id and p.normalized_name = w.plaintiff_key
   where w.outcome = 'new'
   order by w.line, w.id;

  -- In the order in which refreshes and workers lock.
  perform from public.core_judgments j
    where j.org_id = p_run.org_id and j.id in (select w.judgment_id from pg_temp.import_work w where w.outcome is null)
    order by j.judgment_no for no key update;
  create temp table import_changes on commit drop as
  select k.*, said.id as plaintiff_id, f.changes,
         concat_ws('; ',
           case when k.balance <> j.balance_due and not b.is_untouched and b.is_moved
                then format('the balance stays %s: payments have changed it', j.balance_due) end,
           case when k.status <> j.status and s.is_final then format('the status stays %s', j.status) end) as note
    from pg_temp.import_work k
    join public.core_judgments j on j.org_id = p_run.org_id and j.id = k.judgment_id
    join public.plaintiffs p on p.org_id = p_run.org_id and p.id = j.plaintiff_id
    left join public.plaintiffs said on said.org_id = p_run.org_id and said.normalized_name = k.plaintiff_key
   cross join lateral (
     -- A vendor who has heard of a payment may say the same balance as we do: it is the payments' all the same, and the
     -- vendor's older file must not undo them.
     select j.balance_due is null or (j.balance_due = coalesce(j.imported_balance, j.judgment_amount)
              and not exists (select from public.enforcement_payments y
                               where y.org_id = j.org_id and y.judgment_id = j.id and y.balance_after <> y.balance_before)) as is_untouched,
            k.prior -> 'balance' is distinct from k.record -> 'balance' as is_moved) b
   cross join lateral (select public.is_settled(j.org_id, j.id, j.status) as is_final) s
   cross join lateral (
     select jsonb_object_agg(v.field, jsonb_build_array(v.before, v.after)) as changes
       from (values
         ('court', 'court', nullif(j.court, ''), case when coalesce(j.court, '') = '' then k.court end),
         ('county', 'county', j.county, k.county),
         ('state', 'state', j.state, k.state),
         ('case_type', 'case_type', j.case_type, k.case_type),
         ('filing_date', 'filing_date', j.filing_date::text, k.filing_date::text),
         ('judgment_date', 'judgment_date', j.judgment_date::text, k.judgment_date::text),
         ('judgment_amount', 'judgment_amount', j.judgment_amount::text, k.judgment_amount::text),
         ('balance_due', 'balance', j.balance_due::text, case when b.is_untouched then k.balance::text end),
         ('status', 'status', j.status, case when not s.is_final then k.status end),
         ('plaintiff', 'plaintiff', p.name, case when said.id <> j.plaintiff_id then k.plaintiff end),
         ('defendant_name', 'defendant', j.defendant_name, k.defendant),
         ('defendant_address', 'defendant_address', j.defendant_address, k.defendant_address),
         ('lead_source', 'lead_source', j.lead_source, k.lead_source),
         ('lead_id', 'lead_id', j.lead_id, k.lead_id)) as v (field, said_in, before, after)
      where v.after is not null and v.after is distinct from v.before
        and k.prior -> v.said_in is distinct from k.record -> v.said_in) f
   where k.outcome is null;
  create unique index on pg_temp.import_changes (id);
  create unique index on pg_temp.import_changes (judgment_id);
  analyze pg_temp.import_changes;
  update public.core_judgments j
     set court = case when c.changes ? 'court' then c.court else j.court end,
         county = case when c.changes ? 'county' then c.county else j.county end,
         state = case when c.changes ? 'state' then c.state else j.state end,
         case_type = case when c.changes ? 'case_type' then c.case_type else j.case_type end,
         filing_date = case when c.changes ? 'filing_date' then c.filing_date else j.filing_date end,
         judgment_date = case when c.changes ? 'judgment_date' then c.judgment_date else j.judgment_date end,
         judgment_amount = case when c.changes ? 'judgment_amount' then c.judgment_amount else j.judgment_amount end,
         balance_due = case when c.changes ? 'balance_due' then c.balance else j.balance_due end,
         imported_balance = case when c.changes ? 'balance_due' or c.balance = j.balance_due then c.balance
                                 -- An amount that a vendor corrects must not make an untouched balance look paid.
                                 else coalesce(j.imported_balance, j.judgment_amount) end,
         status = case when c.changes ? 'status' then c.status else j.status end,
         plaintiff_id = case when c.changes ? 'plaintiff' then c.plaintiff_id else j.plaintiff_id end,
         defendant_name = case when c.changes ? 'defendant_name' then c.defendant else j.defendant_name end,
         defendant_address = case when c.changes ? 'defendant_address' then c.defendant_address else j.defendant_address end,
         lead_source = case when c.changes ? 'lead_source' then c.lead_source else j.lead_source end,
         lead_id = case when c.changes ? 'lead_id' then c.lead_id else j.lead_id end
    from pg_temp.import_changes c
   where j.org_id = p_run.org_id and j.id = c.judgment_id
     and (c.changes is not null or (c.balance = j.balance_due and j.imported_balance is distinct from c.balance));

  create temp table import_outcomes on commit drop as
  select w.id, w.error, c.changes, c.note, case when w.outcome <> 'refused' or w.outcome is null then w.judgment_id end as judgment_id,
         null::uuid as plaintiff_id,
         coalesce(w.outcome, case when c.changes is null then 'unchanged' else 'changed' end::public.import_outcome) as outcome
    from pg_temp.import_work w
    left join pg_temp.import_changes c on c.id = w.id;
end;
$$;

create or replace function public.import_statuses(p_run public.import_runs) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  create temp table import_work on commit drop as
  with said as materialized (
    select r.id, r.line, r.record, d.*
      from public.import_rows r
      cross join lateral jsonb_to_record(r.record) as d (
           docket text, lead_id text, county text, status text, updated_at timestamptz)
     where r.org_id = p_run.org_id and r.run_id = p_run.id and r.outcome is null
  ), matched as materialized (
    -- The docket names the judgment; lead id, then county, tell those of several courts apart.
    select s.*, m.candidates, m.judgment_id::uuid as judgment_id
      from said s
     cross join lateral (
       select count(*) as candidates,
              coalesce(case when count(*) = 1 then min(j.id::text) end,
                       case when count(*) filter (where j.lead_id = s.lead_id) = 1
                            then min(j.id::text) filter (where j.lead_id = s.lead_id) end,
                       case when count(*) filter (where lower(j.county) = lower(s.county)) = 1
                            then min(j.id::text) filter (where lower(j.county) = lower(s.county)) end) as judgment_id
         from public.core_judgments j
        where j.org_id = p_run.org_id and j.docket = public.import_docket(s.docket)) m
  ), grouped as (
    -- The newest statement of a file counts.
    select m.*, first_value(m.id) over of_one as first_id, first_value(m.line) over of_one as first_line,
           first_value(m.record) over of_one as first_record,
           coalesce(m.updated_at < first_value(m.updated_at) over of_one, false) as is_older
      from matched m
    window of_one as (partition by coalesce(m.judgment_id::text, 'row ' || m.id)
                      order by m.updated_at desc nulls last, m.line, m.id)
  )
  select g.*,
         case when g.candidates = 0 then format('no judgment has the docket `%s`', g.docket)
              when g.judgment_id is null
              then format('%s judgments have the docket `%s`, and neither lead id nor county tells which', g.candidates, g.docket)
              when g.record <> g.first_record and not g.is_older
              then format('differs from line %s, which names the same judgment', g.first_line) end as error,
         case when g.is_older then format('line %s is newer', g.first_line)
              when g.updated_at < p.updated_at
              then format('older than the status of %s, which is known already', p.record ->> 'updated_at') end as note,
         case when g.judgment_id is null or (g.record <> g.first_record and not g.is_older) then 'refused'
              when g.first_id <> g.id or p.record = g.record or g.updated_at < p.updated_at then 'unchanged'
          end::public.import_outcome as outcome
    from grouped g
    left join lateral (
      -- Older statements that came late lie behind newer ones.
      select i.record, (i.record ->> 'updated_at')::timestamptz as updated_at from public.import_rows i
       where i.org_id = p_run.org_id and i.judgment_id = g.judgment_id and i.format = p_run.format
         and i.outcome <> 'refused' and i.run_id <> p_run.id
       order by (i.record ->> 'updated_at')::timestamptz desc nulls last, i.id desc limit 1) p on true;
  create unique index on pg_temp.import_work (judgment_id) where outcome is null;
  analyze pg_temp.import_work;

  perform from public.core_judgments j
    where j.org_id = p_run.org_id and j.id in (select w.judgment_id from pg_temp.import_work w where w.outcome is null)
    order by j.judgment_no for no key update;
  create temp table import_changes on commit drop as
  select k.id, k.judgment_id, k.status,
         case when not s.is_final then jsonb_build_object('status', jsonb_build_array(j.status, k.status)) end as changes,
         case when s.is_final then format('the status stays %s', j.status) end as note
    from pg_temp.import_work k
    join public.core_judgments j on j.org_id = p_run.org_id and j.id = k.judgment_id
   cross join lateral (select public.is_settled(j.org_id, j.id, j.status) as is_final) s
   where k.outcome is null and j.status <> k.status;
  create unique index on pg_temp.import_changes (id);
  create unique index on pg_temp.import_changes (judgment_id);
  analyze pg_temp.import_changes;
  update public.core_judgments j set status = c.status
    from pg_temp.import_changes c
   where j.org_id = p_run.org_id and j.id = c.judgment_id and c.changes is not null;

  create temp table import_outcomes on commit drop as
  select w.id, w.error, c.changes, coalesce(c.note, w.note) as note,
         case when w.error is null then w.judgment_id end as judgment_id, null::uuid as plaintiff_id,
         coalesce(w.outcome, case when c.changes is null then 'unchanged' else 'changed' end::public.import_outcome) as outcome
    from pg_temp.import_work w
    left join pg_temp.import_changes c on c.id = w.id;
end;
$$;

-- ---- papers: a document vouches for one action, and is where its place says ----
-- A place is a key of our own store, which names the document's case, or of a store elsewhere: scripts put files where they like
-- and hand us the key, as the documents of this system say. Such a key has at least to look like one.
create function public.expect_document_place(p_call public.rpc_call, p_case_id uuid, p_path text) returns void
language plpgsql stable
as $$
declare
  v_field text := case p_call.rpc when 'add_enforcement_document' then 'storage_path' when 'set_enforcement_stage' then 'metadata.document_path'
                                  else 'document_path' end;
begin
  -- The index that keeps a place from being noted twice takes no longer ones.
  if octet_length(p_path) > 2000 then
    raise sqlstate 'PT422' using message = 'the path of the document is longer than 2000 bytes', detail = v_field;
  end if;
  if exists (select from public.enforcement_documents d
              where d.org_id = p_call.org_id and d.enforcement_case_id = p_case_id and d.storage_path = p_path) then
    return;
  end if;
  if p_path ~ '[[:cntrl:]\\]' or p_path ~ '(^|/)\.{0,2}(/|$)' or p_path ~* '^[a-z][a-z0-9+.-]*:' or p_path !~ '\.[A-Za-z0-9]{1,10}$' then
    raise sqlstate 'PT422' using message = format('`%s` is not the place of a document', v_field), detail = v_field,
      hint = 'send the storage_path of a document of the case, or the key of a file that is kept elsewhere, such as "levies/2026/writ.pdf"';
  end if;
  if p_path ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/' then
    raise sqlstate 'PT422' using message = 'the case has no document there', detail = v_field, hint = 'upload the document to the case first';
  end if;
end;
$$;
comment on function public.expect_document_place(public.rpc_call, uuid, text) is
  'Refuses a path that is no key of a file, and a key of our own store under which the case has no document';

create or replace function public.put_document(
  p_call public.rpc_call, p_case_id uuid, p_doc_kind text, p_storage_path text, p_event_id uuid default null,
  p_action_id uuid default null, p_metadata jsonb default '{}')
returns uuid
language plpgsql volatile security invoker
as $$
declare
  v_id uuid;
  v_action_id uuid;
begin
  -- What a payment named when it was recorded is noted as it is.
  if p_call.rpc <> 'link_enforcement_payment' then
    perform public.expect_document_place(p_call, p_case_id, p_storage_path);
  end if;
  insert into public.enforcement_documents as d
    (org_id, enforcement_case_id, event_id, action_id, doc_kind, storage_path, uploaded_by, metadata)
  values (p_call.org_id, p_case_id, p_event_id, p_action_id, p_doc_kind, p_storage_path, p_call.actor, p_metadata)
  on conflict (org_id, enforcement_case_id, storage_path) do update
    set event_id = coalesce(d.event_id, excluded.event_id), action_id = coalesce(d.action_id, excluded.action_id),
        metadata = d.metadata || excluded.metadata
  returning d.id, d.action_id into v_id, v_action_id;
  if v_action_id <> p_action_id then
    raise sqlstate 'PT422' using
      message = format('the document vouches for another %s',
                       (select replace(a.action_type, '_', ' ') from public.enforcement_actions a where a.org_id = p_call.org_id and a.id = v_action_id)),
      detail = case p_call.rpc when 'add_enforcement_document' then 'storage_path' else 'document_path' end,
      hint = 'every action has a paper of its own: upload that of this one';
  end if;
  return v_id;
end;
$$;

create or replace function public.set_enforcement_stage(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('set_enforcement_stage', payload,
    array['case_id', 'stage', 'actor', 'note', 'metadata', 'override', 'expected_stage'], payload ->> 'actor');
  v_metadata jsonb;
  v_note text;
  v_expected text;
  v_document_path text;
  v_next_action_at timestamptz;
  v_is_override boolean;
  v_from public.enforcement_stage_lookup;
  v_to public.enforcement_stage_lookup;
  v_before public.enforcement_cases;
  v_case public.enforcement_cases;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_metadata := public.rpc_object(payload, 'metadata');
  v_note := public.rpc_text(payload, 'note');
  v_expected := public.rpc_text(payload, 'expected_stage');
  v_document_path := public.rpc_text(v_metadata, 'document_path', false, 1000);
  v_next_action_at := public.rpc_instant(v_metadata, 'next_action_at');
  -- Both are read, whichever says it.
  v_is_override := public.rpc_flag(v_metadata, 'override');
  v_is_override := public.rpc_flag(payload, 'override') or v_is_override;
  select * into v_to from public.enforcement_stage_lookup where stage = public.rpc_text(payload, 'stage', true);
  if not found then
    raise sqlstate 'PT422' using message = format('unknown stage `%s`', left(payload ->> 'stage', 60)), detail = 'stage',
      hint = 'known are ' || (select string_agg(l.stage, ', ' order by l.ordinal, l.stage) from public.enforcement_stage_lookup l);
  end if;

  v_before := public.find_case(v_call.org_id, public.rpc_uuid(payload, 'case_id', true));
  select * into v_from from public.enforcement_stage_lookup where stage = v_before.current_stage;
  if v_expected <> v_from.stage then
    raise sqlstate 'PT409' using message = format('the case is in stage %s meanwhile', v_from.stage), hint = 'look at the case again';
  end if;
  if v_to.stage = v_from.stage then
    raise sqlstate 'PT409' using message = format('the case is in stage %s already', v_from.stage);
  end if;
  if v_to.ordinal < v_from.ordinal and not v_is_override then
    raise sqlstate 'PT409' using message = format('stage %s lies before stage %s', v_to.stage, v_from.stage),
      hint = 'to move a case back, send override=true';
  end if;
  if v_to.ordinal = 4 and v_document_path is null then
    raise sqlstate 'PT422' using message = format('entering stage %s needs a document', v_to.stage), detail = 'metadata.document_path',
      hint = 'upload the document and say where it is stored in metadata.document_path';
  end if;

  update public.enforcement_cases c
     set current_stage = v_to.stage, stage_entered_at = public.app_now(), blocked_since = null, blocked_until = null,
         next_action_at = coalesce(v_next_action_at,
           public.app_now() + make_interval(days => public.stage_sla_days(v_call.org_id, v_to.stage)))
   where c.org_id = v_call.org_id and c.id = v_before.id
  returning * into v_case;
  if v_document_path is not null then
    perform public.put_document(v_call, v_case.id, v_to.stage, v_document_path);
    -- The paper of one kind of action does not open the stage of another.
    if exists (select from public.enforcement_documents d
                 join public.enforcement_actions a on a.org_id = d.org_id and a.id = d.action_id
                where d.org_id = v_call.org_id and d.enforcement_case_id = v_case.id and d.storage_path = v_document_path
                  and a.action_type <> case v_to.stage when 'bank_levy' then 'bank_levy' when 'wage_garnishment' then 'garnishment'
                                                       when 'subpoena' then 'subpoena' when 'marshal_execution' then 'marshal' end) then
      raise sqlstate 'PT422' using message = 'the document vouches for another action', detail = 'metadata.document_path',
        hint = format('upload the paper of the %s', replace(v_to.stage, '_', ' '));
    end if;
  end if;
  perform public.write_event(v_call, v_case, 'case_stage_changed',
    v_metadata || jsonb_build_object('from', v_from.stage, 'to', v_to.stage, 'override', v_is_override), v_document_path, v_note);
  perform public.write_history(v_call, v_case.id, 'stage_changed', public.case_delta(v_before, v_case), v_note);
  perform public.create_stage_tasks(v_call, v_case);
  return public.end_rpc(v_call, public.case_json(v_case));
end;
$$;

create or replace function public.record_enforcement_payment(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('record_enforcement_payment', payload,
    array['case_id', 'judgment_id', 'amount', 'received_at', 'source', 'document_path', 'credit', 'note', 'actor'], payload ->> 'actor');
  v_case_id uuid;
  v_judgment_id uuid;
  v_amount numeric(14,2);
  v_received_at timestamptz;
  v_source text;
  v_note text;
  v_document_path text;
  v_credit numeric(14,2) := 0;
  v_takes_credit boolean;
  v_before numeric(14,2);
  v_after numeric(14,2);
  v_judgment public.core_judgments;
  v_case public.enforcement_cases;
  v_event_id uuid;
  v_payment_id uuid;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_case_id := public.rpc_uuid(payload, 'case_id');
  v_judgment_id := public.rpc_uuid(payload, 'judgment_id');
  v_amount := public.rpc_money(payload, 'amount', true);
  v_source := public.rpc_text(payload, 'source', false, 200);
  v_note := public.rpc_text(payload, 'note');
  v_document_path := public.rpc_text(payload, 'document_path', false, 1000);
  v_takes_credit := public.rpc_flag(payload, 'credit');
  v_received_at := coalesce(public.rpc_instant(payload, 'received_at'), public.app_now());
  if v_amount <= 0 then
    raise sqlstate 'PT422' using message = 'a payment is more than nothing', detail = 'amount';
  end if;
  if v_received_at > public.app_now() then
    raise sqlstate 'PT422' using message = 'a payment cannot be received in the future', detail = 'received_at';
  end if;
  if v_case_id is null and v_judgment_id is null then
    raise sqlstate 'PT422' using message = 'a payment names a case or a judgment', detail = 'case_id';
  end if;
  if v_case_id is not null then
    select * into v_case from public.enforcement_cases c where c.org_id = v_call.org_id and c.id = v_case_id;
    if not found then
      raise sqlstate 'PT404' using message = 'enforcement case not found';
    end if;
    if v_judgment_id <> v_case.judgment_id then
      raise sqlstate 'PT422' using message = 'the case is of another judgment', detail = 'judgment_id', hint = 'name the case alone';
    end if;
    v_judgment_id := v_case.judgment_id;
  end if;

  if v_case_id is null and v_document_path is not null then
    perform public.expect_document_place(v_call, null, v_document_path);
  end if;
  -- Payments of a judgment go one after the other.
  v_judgment := public.find_judgment(v_call.org_id, v_judgment_id);
  if v_case_id is not null then
    v_case := public.find_case(v_call.org_id, v_case_id, p_may_be_closed => true);
  end if;
  v_before := coalesce(v_judgment.balance_due, v_judgment.judgment_amount);
  if v_amount > v_before then
    if not v_takes_credit then
      raise sqlstate 'PT409' using message = format('the payment exceeds the balance of %s', v_before),
        hint = 'to book what is too much as a credit, send credit=true';
    end if;
    v_credit := v_amount - v_before;
  end if;
  v_after := v_before - v_amount + v_credit;

  update public.core_judgments j set balance_due = v_after where j.org_id = v_call.org_id and j.id = v_judgment_id;
  update public.enforcement_cases c set current_balance = v_after
   where c.org_id = v_call.org_id and c.id = v_case_id and c.current_balance is distinct from v_after;
  if v_case_id is not null then
    v_event_id := public.write_event(v_call, v_case, 'payment_received',
      jsonb_strip_nulls(jsonb_build_object('amount', v_amount::text, 'credit', nullif(v_credit, 0)::text, 'source', v_source,
                                           'balance_due', v_after::text)), v_document_path, v_note, v_received_at);
  else
    insert into public.enforcement_events
      (org_id, judgment_id, event_kind, occurred_at, document_path, payload, note, actor, actor_id, actor_type, rpc)
    values (v_call.org_id, v_judgment_id, 'payment_received', v_received_at, v_document_path,
            jsonb_strip_nulls(jsonb_build_object('amount', v_amount::text, 'credit', nullif(v_credit, 0)::text, 'source', v_source,
                                                 'balance_due', v_after::text)),
            v_note, v_call.actor, v_call.actor_id, v_call.actor_type, v_call.rpc)
    returning id into v_event_id;
  end if;
  insert into public.enforcement_payments
    (org_id, judgment_id, enforcement_case_id, event_id, amount, credit, balance_before, balance_after, received_at, source,
     document_path, recorded_by)
  values (v_call.org_id, v_judgment_id, v_case_id, v_event_id, v_amount, v_credit, v_before, v_after, v_received_at, v_source,
          v_document_path, v_call.actor)
  returning id into v_payment_id;
  if v_case_id is not null then
    perform public.write_history(v_call, v_case_id, 'payment_recorded',
      jsonb_build_object('current_balance', jsonb_build_array(v_before::text, v_after::text)), v_note);
  end if;
  return public.end_rpc(v_call, jsonb_build_object(
    'payment_id', v_payment_id, 'event_id', v_event_id, 'judgment_id', v_judgment_id, 'case_id', v_case_id, 'amount', v_amount::text,
    'credit', v_credit::text, 'balance_before', v_before::text, 'balance_due', v_after::text, 'is_linked', v_case_id is not null));
end;
$$;

-- Known without looking for it: the morning list counts the actions that have left the desk without a paper, those that are over included.
alter table public.enforcement_actions add column has_document boolean not null default false;
comment on column public.enforcement_actions.has_document is 'Whether a document vouches for it; kept by a trigger';
create function public.tg_action_has_document() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  update public.enforcement_actions a set has_document = true
   where a.org_id = new.org_id and a.id = new.action_id and not a.has_document;
  return null;
end;
$$;
alter function public.tg_action_has_document() owner to service_role;
comment on function public.tg_action_has_document() is 'Notes that an action has a paper; definer, since the note is not of whoever brings the paper';
create trigger action_has_document after insert or update of action_id on public.enforcement_documents
  for each row when (new.action_id is not null) execute function public.tg_action_has_document();
create index enforcement_actions_without_document on public.enforcement_actions (org_id, opened_at, id)
  where not has_document and status in ('filed', 'served', 'in_progress', 'completed');

-- ---- overrides: the reason of the tier that counts, and one that is set again is no new one ----
create function public.is_overridden(p_tier_override text, p_expires_at timestamptz) returns boolean
language sql stable parallel safe
return p_tier_override is not null and p_expires_at > public.app_now();
comment on function public.is_overridden(text, timestamptz) is 'Whether an override counts now';

create or replace function public.case_json(p_case public.enforcement_cases) returns jsonb
language plpgsql stable
as $$
begin
  return to_jsonb(p_case) || jsonb_build_object('current_balance', p_case.current_balance::text,
                                                'collectability_score', p_case.collectability_score::text,
                                                'effective_tier', public.effective_tier_text(p_case.tier, p_case.tier_override, p_case.override_expires_at),
                                                'effective_tier_reason', case when public.is_overridden(p_case.tier_override, p_case.override_expires_at)
                                                                              then 'override' else p_case.tier_reason end);
end;
$$;

create or replace function public.case_copilot_facts(p_case_id uuid) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_case public.enforcement_cases;
begin
  if p_case_id is null then
    raise sqlstate 'PT422' using message = 'the message names no case_id', detail = 'case_id';
  end if;
  select * into v_case from public.enforcement_cases c where c.org_id = public.current_org_id() and c.id = p_case_id;
  if not found then
    raise sqlstate 'PT404' using message = 'enforcement case not found';
  end if;
  return (
    select jsonb_build_object(
      'case_number', j.case_number, 'court', j.court, 'plaintiff', p.name, 'defendant', j.defendant_name,
      'judgment_amount', j.judgment_amount::text, 'balance', coalesce(j.balance_due, v_case.current_balance)::text,
      'judgment_date', j.judgment_date, 'status', j.status, 'collectability_score', j.collectability_score::text,
      'tier', public.effective_tier(v_case), 'computed_tier', public.tier_number(v_case.tier), 'computed_tier_reason', v_case.tier_reason,
      'tier_reason', case when public.is_overridden(v_case.tier_override, v_case.override_expires_at) then 'override' else v_case.tier_reason end,
      'override_note', case when public.is_overridden(v_case.tier_override, v_case.override_expires_at) then v_case.override_note end,
      'override_expires_at', case when public.is_overridden(v_case.tier_override, v_case.override_expires_at) then v_case.override_expires_at end,
      'stage', v_case.current_stage, 'days_in_stage', public.days_since(v_case.stage_entered_at),
      'sla_days', public.stage_sla_days(v_case.org_id, v_case.current_stage), 'next_action_at', v_case.next_action_at,
      'is_past_due', coalesce(v_case.next_action_at < public.app_now(), false), 'is_closed', v_case.closed_at is not null,
      'is_blocked', v_case.blocked_since is not null, 'blocked_until', v_case.blocked_until,
      'assets', to_jsonb(public.asset_signal_names(j.asset_signals)),
      'recovered', (select coalesce(sum(y.amount), 0)::text from public.enforcement_payments y
                     where y.org_id = v_case.org_id and y.judgment_id = v_case.judgment_id),
      'actions', (select coalesce(jsonb_agg(jsonb_build_object('type', a.action_type, 'status', a.status, 'opened_at', a.opened_at,
                                                               'has_document', exists (select from public.enforcement_documents d
                                                                                        where d.org_id = a.org_id and d.action_id = a.id))
                                            order by a.opened_at desc), '[]')
                    from public.enforcement_actions a where a.org_id = v_case.org_id and a.enforcement_case_id = v_case.id),
      'tasks', (select coalesce(jsonb_agg(jsonb_build_object('title', t.title, 'due_at', t.due_at) order by t.due_at, t.id), '[]')
                  from public.plaintiff_tasks t
                 where t.org_id = v_case.org_id and t.enforcement_case_id = v_case.id and t.status = 'open'),
      'timeline', (select coalesce(jsonb_agg(jsonb_build_object('at', e.occurred_at, 'kind', e.event_kind, 'actor', e.actor, 'note', e.note)
                                             order by e.occurred_at desc, e.event_no desc), '[]')
                     from (select * from public.enforcement_events e
                            where e.org_id = v_case.org_id and e.enforcement_case_id = v_case.id
                            order by e.occurred_at desc, e.event_no desc limit 20) e))
      from public.core_judgments j join public.plaintiffs p on p.org_id = j.org_id and p.id = j.plaintiff_id
     where j.org_id = v_case.org_id and j.id = v_case.judgment_id);
end;
$$;

create or replace function public.set_tier_override(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('set_tier_override', payload,
    array['case_id', 'tier', 'expires_at', 'note', 'root_cause', 'actor'], payload ->> 'actor');
  v_tier text;
  v_note text;
  v_root_cause text;
  v_expires_at timestamptz;
  v_is_new boolean;
  v_before public.enforcement_cases;
  v_case public.enforcement_cases;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_tier := public.rpc_choice(payload, 'tier', array['tier0', 'tier1', 'tier2', 'tier3'], true);
  v_note := public.rpc_text(payload, 'note', true);
  v_root_cause := public.rpc_text(payload, 'root_cause');
  v_expires_at := public.rpc_instant(payload, 'expires_at', true);
  if v_expires_at <= public.app_now() then
    raise sqlstate 'PT422' using message = 'the override would have expired already', detail = 'expires_at';
  end if;
  v_before := public.find_case(v_call.org_id, public.rpc_uuid(payload, 'case_id', true));
  -- One that ran out and is set again within a week goes on, also where a night has cleared it in between: it persists, and
  -- what was found as its root cause still holds.
  v_is_new := coalesce(v_before.override_expires_at,
                       (select max(coalesce((h.delta #>> '{override_expires_at,0}')::timestamptz, h.changed_at)) from public.enforcement_history h
                         where h.org_id = v_call.org_id and h.enforcement_case_id = v_before.id and h.action = 'override_expired'),
                       '-infinity') <= public.app_now() - interval '7 days';
  update public.enforcement_cases c
     set tier_override = v_tier, override_expires_at = v_expires_at, override_note = v_note,
         override_set_at = case when v_is_new then public.app_now() else coalesce(c.override_set_at, public.app_now()) end,
         override_root_cause = case when v_is_new then v_root_cause else coalesce(v_root_cause, c.override_root_cause) end
   where c.org_id = v_call.org_id and c.id = v_before.id
  returning * into v_case;
  perform public.write_history(v_call, v_case.id, 'override_set', public.case_delta(v_before, v_case), v_note);
  return public.end_rpc(v_call, public.case_json(v_case));
end;
$$;

create or replace function public.refresh_case_metrics(p_org_id uuid) returns bigint
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_changed bigint;
begin
  -- Judgments before cases, and in the order in which refreshes lock them: neither waits for the other in a circle.
  perform from public.core_judgments j
    where j.org_id = p_org_id and j.id in (
      select c.judgment_id from public.enforcement_cases c
       where c.org_id = p_org_id and c.closed_at is null and c.tier_override is not null and c.override_expires_at <= public.app_now()
      union
      select c.judgment_id from public.enforcement_cases c
       where c.org_id = p_org_id and c.closed_at is null and c.next_action_at is null)
    order by j.judgment_no for no key update;
  with expired as (
    select c.id, c.tier_override, c.override_expires_at, c.override_note
      from public.enforcement_cases c
     where c.org_id = p_org_id and c.closed_at is null and c.tier_override is not null and c.override_expires_at <= public.app_now()
     order by c.id
       for no key update
  ), cleared as (
    update public.enforcement_cases c
       -- Since when, and why, stay for whoever sets it again.
       set tier_override = null, override_expires_at = null, override_note = null
      from expired e
     where c.id = e.id
    returning c.id
  ), missing as (
    select c.id, c.stage_entered_at + make_interval(days => coalesce(s.sla_days, l.sla_days)) as next_action_at
      from public.enforcement_cases c
      join public.enforcement_stage_lookup l on l.stage = c.current_stage
      left join public.enforcement_stage_settings s on s.org_id = c.org_id and s.stage = c.current_stage
     where c.org_id = p_org_id and c.closed_at is null and c.next_action_at is null and coalesce(s.sla_days, l.sla_days) is not null
       -- A row is changed once in a statement; tomorrow comes too.
       and not exists (select from expired e where e.id = c.id)
     order by c.id
       for no key update of c
  ), dated as (
    update public.enforcement_cases c set next_action_at = m.next_action_at
      from missing m
     where c.id = m.id
    returning c.id, c.next_action_at
  ), history as (
    insert into public.enforcement_history (org_id, enforcement_case_id, action, delta, note, actor, actor_type)
    select p_org_id, e.id, 'override_expired', jsonb_build_object(
             'tier_override', jsonb_build_array(e.tier_override, null), 'override_expires_at', jsonb_build_array(e.override_expires_at, null)), e.override_note, 'nightly', 'automation'
      from expired e join cleared using (id)
    union all
    select p_org_id, d.id, 'next_action_set', jsonb_build_object('next_action_at', jsonb_build_array(null, d.next_action_at)), null, 'nightly', 'automation'
      from dated d
    returning 1
  )
  select count(*) into v_changed from history;
  return v_changed;
end;
$$;

comment on column public.enforcement_cases.tier_reason is 'Of the computed tier; while an override counts, views and answers give `override` as the reason of the tier that counts';
comment on column public.enforcement_cases.override_set_at is 'When the override was first set; stays when it expires, since one that is set again within a week goes on';

create or replace view public.v_enforcement_cases with (security_invoker = true) as
  select c.id as case_id, c.judgment_id, j.judgment_no, j.case_number, j.defendant_name, p.id as plaintiff_id, p.name as plaintiff_name,
         public.effective_tier_text(c.tier, c.tier_override, c.override_expires_at) as tier, c.tier as computed_tier,
         case when public.is_overridden(c.tier_override, c.override_expires_at) then 'override' else c.tier_reason end as tier_reason,
         case when public.is_overridden(c.tier_override, c.override_expires_at) then c.tier_override end as tier_override,
         case when public.is_overridden(c.tier_override, c.override_expires_at) then c.override_expires_at end as override_expires_at,
         case when public.is_overridden(c.tier_override, c.override_expires_at) then c.override_note end as override_note,
         c.current_stage, c.stage_entered_at, public.days_since(c.stage_entered_at) as days_in_stage,
         coalesce(s.sla_days, l.sla_days) as sla_days,
         c.closed_at is null
           and coalesce(c.stage_entered_at + make_interval(days => coalesce(s.sla_days, l.sla_days)) < public.app_now(), false) as is_sla_breached,
         c.next_action_at, c.closed_at is null and coalesce(c.next_action_at < public.app_now(), false) as is_past_due,
         c.blocked_since is not null as is_blocked, c.blocked_since, c.blocked_until,
         c.owner_id, u.display_name as owner_name, c.current_balance, c.collectability_score,
         c.levy_status, c.garnishment_status, c.marshal_status, c.opened_at, c.closed_at, c.closure_reason, c.org_id, c.tier_reason as computed_tier_reason
    from public.enforcement_cases c
    join public.core_judgments j on j.org_id = c.org_id and j.id = c.judgment_id
    join public.enforcement_stage_lookup l on l.stage = c.current_stage
    left join public.enforcement_stage_settings s on s.org_id = c.org_id and s.stage = c.current_stage
    left join public.plaintiffs p on p.org_id = c.org_id and p.id = c.plaintiff_id
    left join public.users u on u.id = c.owner_id;
comment on column public.v_enforcement_cases.tier_reason is 'Of the tier that counts: `override` while one does, else of the computed tier';

-- ---- fields: read as what they are, each of them, whatever else the call says ----
create function public.expect_fields(p_what text, p_object jsonb, p_fields text[]) returns void
language plpgsql immutable
as $$
declare
  v_unknown text;
begin
  select k into v_unknown from jsonb_object_keys(p_object) k where k <> all (p_fields) order by k limit 1;
  if found then
    raise sqlstate 'PT422' using message = format('%s has no field `%s`', p_what, left(v_unknown, 60)), detail = left(v_unknown, 60),
      hint = 'its fields are ' || array_to_string(p_fields, ', ');
  end if;
end;
$$;
comment on function public.expect_fields(text, jsonb, text[]) is 'Refuses a field that nobody would read';

create function public.expect_instant(p_field text, p_at timestamptz) returns void
language plpgsql immutable
as $$
begin
  if p_at < '1900-01-01 00:00:00+00' or p_at >= '2200-01-01 00:00:00+00' then
    raise sqlstate 'PT422' using message = format('`%s` is outside the years 1900 to 2199', p_field), detail = p_field,
      hint = 'is a digit of the year missing, or one too many?';
  end if;
end;
$$;
comment on function public.expect_instant(text, timestamptz) is 'Refuses a time that can only be a slip; null is none';

create function public.rpc_number(p_payload jsonb, p_field text, p_is_required boolean default false) returns text
language plpgsql immutable
as $$
begin
  if jsonb_typeof(p_payload -> p_field) = 'number' then
    return p_payload ->> p_field;
  end if;
  return public.rpc_text(p_payload, p_field, p_is_required);
end;
$$;
comment on function public.rpc_number(jsonb, text, boolean) is 'A number as it was written: in JSON, or as a text, which keeps every digit';

create or replace function public.rpc_text(p_payload jsonb, p_field text, p_is_required boolean default false, p_length_max int default 4000) returns text
language plpgsql immutable
as $$
declare
  v_text text := nullif(btrim(p_payload ->> p_field), '');
begin
  if jsonb_typeof(p_payload -> p_field) not in ('string', 'null') then
    raise sqlstate 'PT422' using message = format('`%s` is not a text', p_field), detail = p_field;
  end if;
  if v_text is null and p_is_required then
    raise sqlstate 'PT422' using message = format('`%s` is missing', p_field), detail = p_field;
  end if;
  if length(v_text) > p_length_max then
    raise sqlstate 'PT422' using message = format('`%s` is longer than %s characters', p_field, p_length_max), detail = p_field;
  end if;
  return v_text;
end;
$$;

create or replace function public.rpc_money(p_payload jsonb, p_field text, p_is_required boolean default false) returns numeric(14,2)
language plpgsql immutable
as $$
declare
  v_text text := public.rpc_number(p_payload, p_field, p_is_required);
begin
  if v_text !~ '^-?[0-9]{1,12}(\.[0-9]{1,2})?$' then
    raise sqlstate 'PT422' using message = format('`%s` is not an amount of money', p_field), detail = p_field,
      hint = 'send dollars and cents as a decimal, such as "1250.00"';
  end if;
  return v_text::numeric(14,2);
end;
$$;

create or replace function public.rpc_score(p_payload jsonb, p_field text) returns numeric(5,2)
language plpgsql immutable
as $$
declare
  v_text text := public.rpc_number(p_payload, p_field);
begin
  if v_text !~ '^[0-9]{1,3}(\.[0-9]{1,2})?$' or v_text::numeric > 100 then
    raise sqlstate 'PT422' using message = format('`%s` is not a score from 0 to 100 with at most two decimals', p_field), detail = p_field;
  end if;
  return v_text::numeric(5,2);
end;
$$;

create or replace function public.rpc_flag(p_payload jsonb, p_field text) returns boolean
language plpgsql immutable
as $$
begin
  if jsonb_typeof(p_payload -> p_field) not in ('boolean', 'null') then
    raise sqlstate 'PT422' using message = format('`%s` is neither true nor false', p_field), detail = p_field;
  end if;
  return coalesce((p_payload ->> p_field)::boolean, false);
end;
$$;

create or replace function public.rpc_object(p_payload jsonb, p_field text) returns jsonb
language plpgsql immutable
as $$
begin
  if jsonb_typeof(p_payload -> p_field) not in ('object', 'null') then
    raise sqlstate 'PT422' using message = format('`%s` is not a JSON object', p_field), detail = p_field;
  end if;
  if octet_length((p_payload -> p_field)::text) > 65536 then
    raise sqlstate 'PT422' using message = format('`%s` is larger than 65536 bytes', p_field), detail = p_field;
  end if;
  return coalesce(nullif(p_payload -> p_field, 'null'), '{}');
end;
$$;

create or replace function public.rpc_instant(p_payload jsonb, p_field text, p_is_required boolean default false) returns timestamptz
language plpgsql stable
as $$
declare
  v_text text := public.rpc_text(p_payload, p_field, p_is_required);
  v_at timestamptz;
begin
  if v_text is null then
    return null;
  end if;
  if v_text ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' then
    v_at := (select v_text::date::timestamp at time zone o.time_zone from public.organisations o where o.id = public.current_org_id());
  elsif v_text ~* '^[0-9]{4}-[0-9]{2}-[0-9]{2}[t ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)? *(z|[+-][0-9]{2}(:?[0-9]{2})?)$' then
    v_at := v_text::timestamptz;
  else
    raise sqlstate '22007';
  end if;
  perform public.expect_instant(p_field, v_at);
  return v_at;
exception
  -- No time, one that there is not, and a zone that there is not.
  when sqlstate '22007' or sqlstate '22008' or sqlstate '22009' then
    raise sqlstate 'PT422' using message = format('`%s` is not a time', p_field), detail = p_field,
      hint = 'send a date, such as "2026-11-22", or a time with its zone, such as "2026-11-22T15:00:00Z"';
end;
$$;

create or replace function public.begin_rpc(p_rpc text, p_arguments jsonb, p_fields text[] default null, p_actor text default null)
returns public.rpc_call
language plpgsql volatile security invoker
as $$
declare
  v_call public.rpc_call;
  v_setting text := nullif(btrim(current_setting('dragonfly.request_id', true)), '');
  v_caller uuid := coalesce(public.current_user_id(), '00000000-0000-0000-0000-000000000000');
  v_digest bytea;
  v_first public.rpc_requests;
begin
  if p_arguments is null or jsonb_typeof(p_arguments) <> 'object' then
    raise sqlstate 'PT422' using message = format('%s takes a JSON object', p_rpc),
      hint = 'its fields are ' || array_to_string(p_fields, ', ');
  end if;
  if p_fields is not null then
    perform public.expect_fields(p_rpc, p_arguments - 'request_id', p_fields);
  end if;

  v_call.rpc := p_rpc;
  v_call.org_id := public.current_org_id();
  if v_call.org_id is null then
    raise sqlstate 'PT422' using message = format('%s needs an organisation', p_rpc), hint = 'set dragonfly.org_id';
  end if;
  v_call.actor_id := public.current_user_id();
  if v_call.actor_id is not null then
    select u.display_name into v_call.actor from public.users u where u.id = v_call.actor_id;
  end if;
  -- Also where it does not count, because somebody is signed in.
  perform public.rpc_text(p_arguments, f, false, 200)
     from unnest(array['actor', 'created_by', 'closed_by', 'requested_by']) f where p_arguments ? f;
  v_call.actor := coalesce(v_call.actor, nullif(btrim(p_actor), ''), 'service');
  -- Workers say that they are at work; everybody else comes by a function, which is what `rpc` means.
  v_call.actor_type := case current_setting('dragonfly.actor_type', true) when 'automation' then 'automation' else 'rpc' end;

  v_call.request_id := public.rpc_text(p_arguments, 'request_id', false, 200);
  if v_call.request_id <> v_setting then
    raise sqlstate 'PT422' using message = 'the header Idempotency-Key and the field `request_id` differ', detail = 'request_id',
      hint = 'send one of them';
  end if;
  v_call.request_id := coalesce(v_call.request_id, v_setting);
  if v_call.request_id is null then
    return v_call;
  end if;
  if length(v_call.request_id) > 200 then
    raise sqlstate 'PT422' using message = 'the request id is longer than 200 characters', detail = 'request_id';
  end if;

  v_digest := sha256(convert_to((p_arguments - 'request_id')::text, 'UTF8'));
  loop
    -- A concurrent duplicate waits here until the other call has ended.
    insert into public.rpc_requests (org_id, caller_id, rpc, request_id, arguments_digest)
    values (v_call.org_id, v_caller, p_rpc, v_call.request_id, v_digest)
    on conflict (org_id, caller_id, rpc, request_id) do nothing;
    if found then
      return v_call;
    end if;
    select * into v_first from public.rpc_requests r
     where r.org_id = v_call.org_id and r.caller_id = v_caller and r.rpc = p_rpc and r.request_id = v_call.request_id;
    if found then
      if v_first.arguments_digest <> v_digest then
        raise sqlstate 'PT422' using message = format('the request id was used for another call of %s', p_rpc), detail = 'request_id',
          hint = 'use a new request id for a new call';
      end if;
      v_call.result := v_first.result;
      return v_call;
    end if;
    -- The row was removed between the two statements: the id is free again.
  end loop;
end;
$$;

create or replace function public.open_enforcement_case(payload jsonb) returns uuid
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('open_enforcement_case', payload,
    array['judgment_id', 'plaintiff_id', 'tier', 'collectability_score', 'created_by', 'notes'], payload ->> 'created_by');
  v_tier text;
  v_score numeric(5,2);
  v_judgment public.core_judgments;
  v_plaintiff_id uuid;
  v_case public.enforcement_cases;
begin
  if v_call.result is not null then
    return (v_call.result #>> '{}')::uuid;
  end if;
  v_tier := public.rpc_choice(payload, 'tier', array['tier0', 'tier1', 'tier2', 'tier3']);
  v_score := public.rpc_score(payload, 'collectability_score');
  v_plaintiff_id := public.rpc_uuid(payload, 'plaintiff_id');
  v_judgment := public.find_judgment(v_call.org_id, public.rpc_uuid(payload, 'judgment_id', true));
  if public.is_closed_status(v_judgment.status) then
    raise sqlstate 'PT409' using message = format('the judgment is %s', v_judgment.status), hint = 'only judgments that are still open are enforced';
  end if;
  if exists (select from public.enforcement_cases c
              where c.org_id = v_call.org_id and c.judgment_id = v_judgment.id and c.closed_at is null) then
    raise sqlstate 'PT409' using message = 'the judgment has an open case already', hint = 'work that case, or close it first';
  end if;
  if v_plaintiff_id <> v_judgment.plaintiff_id then
    if not exists (select from public.plaintiffs p where p.org_id = v_call.org_id and p.id = v_plaintiff_id) then
      raise sqlstate 'PT404' using message = 'plaintiff not found';
    end if;
    raise sqlstate 'PT422' using message = 'the plaintiff is not the judgment''s', detail = 'plaintiff_id', hint = 'leave plaintiff_id out';
  end if;

  -- What the policy has computed counts; what the caller says, only until it has.
  insert into public.enforcement_cases
    (org_id, judgment_id, plaintiff_id, tier, tier_reason, tier_as_of, collectability_score, asset_flags, current_balance,
     next_action_at, created_by)
  values (v_call.org_id, v_judgment.id, v_judgment.plaintiff_id, coalesce(public.tier_text(v_judgment.tier), v_tier),
          coalesce(v_judgment.tier_reason, case when v_tier is not null then 'given when the case was opened' end),
          coalesce(v_judgment.tier_as_of, case when v_tier is not null then public.app_now() end),
          coalesce(v_judgment.collectability_score, v_score),
          public.asset_flags(v_judgment.asset_signals), v_judgment.balance_due,
          public.app_now() + make_interval(days => public.stage_sla_days(v_call.org_id, 'pre_enforcement')), v_call.actor)
  returning * into v_case;
  perform public.write_history(v_call, v_case.id, 'opened',
    jsonb_build_object('current_stage', jsonb_build_array(null, v_case.current_stage), 'tier', jsonb_build_array(null, v_case.tier)),
    public.rpc_text(payload, 'notes'));
  perform public.create_stage_tasks(v_call, v_case);
  return (public.end_rpc(v_call, to_jsonb(v_case.id)) #>> '{}')::uuid;
end;
$$;

create or replace function public.set_judgment_priority(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('set_judgment_priority', payload, array['judgment_id', 'priority_level', 'note', 'actor'], payload ->> 'actor');
  v_level text;
  v_note text;
  v_judgment public.core_judgments;
  v_case_id uuid;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_level := public.rpc_choice(payload, 'priority_level', array['urgent', 'high', 'normal', 'low', 'on_hold'], true);
  v_note := public.rpc_text(payload, 'note');
  v_judgment := public.find_judgment(v_call.org_id, public.rpc_uuid(payload, 'judgment_id', true));
  update public.core_judgments j set priority_level = v_level where j.org_id = v_call.org_id and j.id = v_judgment.id;
  select c.id into v_case_id from public.enforcement_cases c
   where c.org_id = v_call.org_id and c.judgment_id = v_judgment.id and c.closed_at is null;
  if found then
    perform public.write_history(v_call, v_case_id, 'priority_set',
      jsonb_build_object('priority_level', jsonb_build_array(v_judgment.priority_level, v_level)), v_note);
  end if;
  return public.end_rpc(v_call, jsonb_build_object('judgment_id', v_judgment.id, 'previous', v_judgment.priority_level, 'priority_level', v_level));
end;
$$;

create or replace function public.set_enforcement_stage_settings(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('set_enforcement_stage_settings', payload, array['stage', 'sla_days', 'description', 'actor'], payload ->> 'actor');
  v_stage text;
  v_sla_days text;
  v_settings public.enforcement_stage_settings;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  select l.stage into v_stage from public.enforcement_stage_lookup l where l.stage = public.rpc_text(payload, 'stage', true);
  if not found then
    raise sqlstate 'PT422' using message = format('unknown stage `%s`', left(payload ->> 'stage', 60)), detail = 'stage';
  end if;
  v_sla_days := public.rpc_number(payload, 'sla_days');
  if v_sla_days !~ '^[0-9]{1,4}$' or v_sla_days::int = 0 then
    raise sqlstate 'PT422' using message = '`sla_days` is not a number of days from 1 to 9999', detail = 'sla_days';
  end if;
  insert into public.enforcement_stage_settings as s (org_id, stage, sla_days, description, updated_by)
  values (v_call.org_id, v_stage, v_sla_days::int, public.rpc_text(payload, 'description', false, 500), v_call.actor)
  on conflict (org_id, stage) do update
    set sla_days = case when payload ? 'sla_days' then excluded.sla_days else s.sla_days end,
        description = case when payload ? 'description' then excluded.description else s.description end,
        updated_by = excluded.updated_by
  returning * into v_settings;
  return public.end_rpc(v_call, to_jsonb(v_settings));
end;
$$;

create or replace function public.retry_alert(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('retry_alert', payload, array['alert_id', 'actor'], payload ->> 'actor');
  v_alert public.enforcement_alerts;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  if coalesce(public.rpc_number(payload, 'alert_id', true), '') !~ '^[0-9]{1,18}$' then
    raise sqlstate 'PT422' using message = '`alert_id` is not a number', detail = 'alert_id';
  end if;
  select * into v_alert from public.enforcement_alerts a where a.org_id = v_call.org_id and a.id = (payload ->> 'alert_id')::bigint for update;
  if not found then
    raise sqlstate 'PT404' using message = 'alert not found';
  end if;
  if v_alert.state not in ('failed', 'uncertain') then
    raise sqlstate 'PT409' using message = format('the alert is %s', v_alert.state);
  end if;
  update public.enforcement_alerts a set state = 'pending', attempts = 0, next_try_at = public.app_now(), error = null where a.id = v_alert.id;
  perform pg_notify('enforcement_events_channel', jsonb_build_object('org_id', v_call.org_id, 'event_id', v_alert.event_id)::text);
  return public.end_rpc(v_call, jsonb_build_object('alert_id', v_alert.id, 'state', 'pending'));
end;
$$;

drop function public.expect_scores(text, numeric[]);
create function public.expect_score(p_field text, p_score numeric) returns void
language plpgsql immutable
as $$
begin
  if p_score < 0 or p_score > 100 or p_score = 'NaN' or p_score <> round(p_score, 2) then
    raise sqlstate 'PT422' using message = format('`%s` is not a score from 0 to 100 with at most two decimals', p_field), detail = p_field;
  end if;
end;
$$;
comment on function public.expect_score(text, numeric) is 'As rpc_score, of a number that came as one; null is none';

create or replace function public.set_case_enrichment(
  p_case_id uuid, p_collectability_score numeric, p_collectability_tier text, p_summary text default null)
returns void
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_call public.rpc_call;
  v_case judgments.cases;
begin
  -- Who works for no organisation, and names a judgment of any, has no request ids.
  if public.current_org_id() is not null then
    v_call := public.begin_rpc('set_case_enrichment', jsonb_strip_nulls(jsonb_build_object(
      'case_id', p_case_id, 'collectability_score', p_collectability_score, 'collectability_tier', p_collectability_tier, 'summary', p_summary)));
  end if;
  if v_call.result is not null then
    return;
  end if;
  perform public.rpc_choice(jsonb_build_object('collectability_tier', p_collectability_tier), 'collectability_tier', array['A', 'B', 'C']),
          public.rpc_text(jsonb_build_object('summary', p_summary), 'summary'),
          public.expect_score('collectability_score', p_collectability_score);
  v_case := public.find_court_case(p_case_id);
  update judgments.cases c
     set collectability_score = coalesce(p_collectability_score, c.collectability_score),
         collectability_tier = coalesce(p_collectability_tier, c.collectability_tier),
         summary = coalesce(nullif(btrim(p_summary), ''), c.summary), last_enriched_at = public.app_now()
   where c.org_id = v_case.org_id and c.case_id = p_case_id;
  -- The score is a fact of the judgment; a change queues the assignment of its tier.
  update public.core_judgments j set collectability_score = p_collectability_score
   where j.org_id = v_case.org_id and j.id = p_case_id and j.collectability_score is distinct from p_collectability_score
     and p_collectability_score is not null;
  perform public.end_rpc(v_call, null);
end;
$$;

create or replace function public.set_case_scores(
  p_case_id uuid, p_identity_score numeric, p_contactability_score numeric, p_asset_score numeric, p_recency_amount_score numeric,
  p_adverse_penalty numeric, p_collectability_score numeric, p_collectability_tier text)
returns void
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_call public.rpc_call;
  v_case judgments.cases;
begin
  if public.current_org_id() is not null then
    v_call := public.begin_rpc('set_case_scores', jsonb_strip_nulls(jsonb_build_object(
      'case_id', p_case_id, 'identity_score', p_identity_score, 'contactability_score', p_contactability_score, 'asset_score', p_asset_score,
      'recency_amount_score', p_recency_amount_score, 'adverse_penalty', p_adverse_penalty, 'collectability_score', p_collectability_score,
      'collectability_tier', p_collectability_tier)));
  end if;
  if v_call.result is not null then
    return;
  end if;
  perform public.rpc_choice(jsonb_build_object('collectability_tier', p_collectability_tier), 'collectability_tier', array['A', 'B', 'C']);
  perform public.expect_score(s.field, s.score)
     from (values ('identity_score', p_identity_score), ('contactability_score', p_contactability_score), ('asset_score', p_asset_score),
                  ('recency_amount_score', p_recency_amount_score), ('adverse_penalty', p_adverse_penalty),
                  ('collectability_score', p_collectability_score)) as s (field, score);
  v_case := public.find_court_case(p_case_id);
  update judgments.cases c
     set identity_score = p_identity_score, contactability_score = p_contactability_score, asset_score = p_asset_score,
         recency_amount_score = p_recency_amount_score, adverse_penalty = p_adverse_penalty,
         collectability_score = p_collectability_score, collectability_tier = p_collectability_tier, last_scored_at = public.app_now()
   where c.org_id = v_case.org_id and c.case_id = p_case_id;
  update public.core_judgments j set collectability_score = p_collectability_score
   where j.org_id = v_case.org_id and j.id = p_case_id and j.collectability_score is distinct from p_collectability_score
     and p_collectability_score is not null;
  perform public.end_rpc(v_call, null);
end;
$$;

create or replace function public.upsert_enrichment_bundle(bundle jsonb) returns jsonb
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_call public.rpc_call;
  v_case judgments.cases;
  v_item jsonb;
  v_part text;
  v_contacts int[];
  v_assets int[];
  v_signals int;
begin
  if bundle is null or jsonb_typeof(bundle) <> 'object' then
    raise sqlstate 'PT422' using message = 'an enrichment bundle is a JSON object', hint = 'give case_id, contacts and assets';
  end if;
  if public.current_org_id() is not null then
    v_call := public.begin_rpc('upsert_enrichment_bundle', bundle);
  end if;
  if v_call.result is not null then
    return v_call.result;
  end if;
  perform public.expect_fields('an enrichment bundle', bundle - 'request_id', array['case_id', 'contacts', 'assets']);
  foreach v_part in array array['contacts', 'assets'] loop
    if jsonb_typeof(bundle -> v_part) not in ('array', 'null') then
      raise sqlstate 'PT422' using message = format('`%s` is not a list', v_part), detail = v_part;
    end if;
    for v_item in select i from jsonb_array_elements(coalesce(nullif(bundle -> v_part, 'null'), '[]')) i loop
      if jsonb_typeof(v_item) <> 'object' then
        raise sqlstate 'PT422' using message = format('an item of `%s` is not a JSON object', v_part), detail = v_part;
      end if;
      perform public.expect_fields(format('an item of `%s`', v_part), v_item, case v_part
                when 'contacts' then array['kind', 'value', 'source', 'score', 'is_valid', 'metadata']
                else array['asset_type', 'name', 'source', 'confidence', 'metadata'] end);
      perform public.rpc_text(v_item, case v_part when 'contacts' then 'value' else 'name' end, true, 500),
              public.rpc_text(v_item, 'source', false, 100), public.rpc_object(v_item, 'metadata'),
              public.rpc_score(v_item, 'score'), public.rpc_score(v_item, 'confidence'), public.rpc_flag(v_item, 'is_valid');
      if coalesce(v_item ->> case v_part when 'contacts' then 'kind' else 'asset_type' end, '') !~ '^[a-z][a-z0-9_]{0,39}$' then
        raise sqlstate 'PT422' using message = format('an item of `%s` does not say what it is', v_part),
          detail = case v_part when 'contacts' then 'kind' else 'asset_type' end, hint = 'in lower case, such as phone or bank_account';
      end if;
    end loop;
  end loop;
  v_case := public.find_court_case(public.rpc_uuid(bundle, 'case_id', true));

  with given as (
    select distinct on (i ->> 'kind', btrim(i ->> 'value'), coalesce(nullif(btrim(i ->> 'source'), ''), 'unknown'))
           i ->> 'kind' as kind, btrim(i ->> 'value') as value, coalesce(nullif(btrim(i ->> 'source'), ''), 'unknown') as source,
           public.rpc_score(i, 'score') as score, (i ->> 'is_valid')::boolean as is_valid, public.rpc_object(i, 'metadata') as metadata
      from jsonb_array_elements(coalesce(nullif(bundle -> 'contacts', 'null'), '[]')) i
     order by i ->> 'kind', btrim(i ->> 'value'), coalesce(nullif(btrim(i ->> 'source'), ''), 'unknown'), public.rpc_score(i, 'score') desc nulls last
  ), written as (
    insert into enrichment.contacts as c (org_id, case_id, kind, value, source, score, is_valid, metadata)
    select v_case.org_id, v_case.case_id, g.kind, g.value, g.source, g.score, g.is_valid, g.metadata from given g
    on conflict (org_id, case_id, kind, value, source) do update
      set score = coalesce(excluded.score, c.score), is_valid = coalesce(excluded.is_valid, c.is_valid), metadata = c.metadata || excluded.metadata
    returning (xmax = 0) as is_new
  )
  select array[count(*) filter (where is_new), count(*) filter (where not is_new)] into v_contacts from written;

  with given as (
    select distinct on (i ->> 'asset_type', btrim(i ->> 'name'), coalesce(nullif(btrim(i ->> 'source'), ''), 'unknown'))
           i ->> 'asset_type' as asset_type, btrim(i ->> 'name') as name, coalesce(nullif(btrim(i ->> 'source'), ''), 'unknown') as source,
           public.rpc_score(i, 'confidence') as confidence, public.rpc_object(i, 'metadata') as metadata
      from jsonb_array_elements(coalesce(nullif(bundle -> 'assets', 'null'), '[]')) i
     order by i ->> 'asset_type', btrim(i ->> 'name'), coalesce(nullif(btrim(i ->> 'source'), ''), 'unknown'), public.rpc_score(i, 'confidence') desc nulls last
  ), written as (
    insert into enrichment.assets as a (org_id, case_id, asset_type, name, source, confidence, metadata)
    select v_case.org_id, v_case.case_id, g.asset_type, g.name, g.source, g.confidence, g.metadata from given g
    on conflict (org_id, case_id, asset_type, name, source) do update
      set confidence = coalesce(excluded.confidence, a.confidence), metadata = a.metadata || excluded.metadata
    returning (xmax = 0) as is_new
  )
  select array[count(*) filter (where is_new), count(*) filter (where not is_new)] into v_assets from written;

  -- Of each signal the surest one counts; a signal that the bundle does not name stays.
  with best as (
    select max(name) filter (where signal = 'employer') as employer_name, max(name) filter (where signal = 'bank') as bank_name,
           max(name) filter (where signal = 'real_property') as real_property_lead, max(name) filter (where signal = 'vehicle') as vehicle_lead
      from (select distinct on (s.signal) s.signal, btrim(i ->> 'name') as name
              from jsonb_array_elements(coalesce(nullif(bundle -> 'assets', 'null'), '[]')) i
             cross join lateral (select case
               when i ->> 'asset_type' in ('employer', 'employment', 'wages') then 'employer'
               when i ->> 'asset_type' in ('bank', 'bank_account') then 'bank'
               when i ->> 'asset_type' in ('real_property', 'real_estate', 'property') then 'real_property'
               when i ->> 'asset_type' in ('vehicle', 'car') then 'vehicle' end as signal) s
             where s.signal is not null
             order by s.signal, public.rpc_score(i, 'confidence') desc nulls last, btrim(i ->> 'name')) n
  )
  insert into public.debtor_intelligence as d (judgment_id, org_id, employer_name, bank_name, real_property_lead, vehicle_lead)
  select v_case.case_id, v_case.org_id, b.employer_name, b.bank_name, b.real_property_lead, b.vehicle_lead
    from best b
   where num_nonnulls(b.employer_name, b.bank_name, b.real_property_lead, b.vehicle_lead) > 0
  on conflict (org_id, judgment_id) do update
    set employer_name = coalesce(excluded.employer_name, d.employer_name), bank_name = coalesce(excluded.bank_name, d.bank_name),
        real_property_lead = coalesce(excluded.real_property_lead, d.real_property_lead),
        vehicle_lead = coalesce(excluded.vehicle_lead, d.vehicle_lead), last_updated = public.app_now();
  get diagnostics v_signals = row_count;
  update judgments.cases c set last_enriched_at = public.app_now() where c.org_id = v_case.org_id and c.case_id = v_case.case_id;
  return public.end_rpc(v_call, jsonb_build_object(
    'case_id', v_case.case_id, 'contacts_inserted', v_contacts[1], 'contacts_updated', v_contacts[2],
    'assets_inserted', v_assets[1], 'assets_updated', v_assets[2], 'has_signals', v_signals > 0));
end;
$$;

create or replace function public.apply_enrichment(p_payload jsonb) returns jsonb
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  -- A court case has the id of its judgment. An alert names both, and its case_id is an enforcement case.
  v_case_id uuid := coalesce(public.rpc_uuid(p_payload, 'judgment_id'), public.rpc_uuid(p_payload, 'case_id'));
  v_bundle jsonb := coalesce(nullif(p_payload -> 'bundle', 'null'), '{}');
  v_scores jsonb := public.rpc_object(p_payload, 'scores');
  v_counts jsonb;
begin
  if v_case_id is null then
    raise sqlstate 'PT422' using message = 'the message names no case_id', detail = 'case_id';
  end if;
  perform public.expect_fields('a message of `enrich`', p_payload, array['case_id', 'judgment_id', 'event_id', 'event_kind', 'bundle', 'contacts', 'assets',
                                                                         'scores', 'collectability_score', 'collectability_tier', 'summary']);
  perform public.expect_fields('`scores`', v_scores, array['identity_score', 'contactability_score', 'asset_score', 'recency_amount_score',
                                                           'adverse_penalty', 'collectability_score', 'collectability_tier']);
  if jsonb_typeof(v_bundle) <> 'object' then
    raise sqlstate 'PT422' using message = '`bundle` is not a JSON object', detail = 'bundle';
  end if;
  if p_payload - array['case_id', 'judgment_id', 'event_id', 'event_kind'] = '{}' then
    perform public.find_judgment(public.current_org_id(), v_case_id);
    return '{"skipped": "no vendor has said anything"}';
  end if;
  if v_bundle = '{}' then
    v_bundle := jsonb_strip_nulls(jsonb_build_object('contacts', p_payload -> 'contacts', 'assets', p_payload -> 'assets'));
  end if;
  v_counts := public.upsert_enrichment_bundle(v_bundle || jsonb_build_object('case_id', v_case_id));
  if v_scores <> '{}' then
    perform public.set_case_scores(
      v_case_id, public.rpc_score(v_scores, 'identity_score'), public.rpc_score(v_scores, 'contactability_score'),
      public.rpc_score(v_scores, 'asset_score'), public.rpc_score(v_scores, 'recency_amount_score'),
      public.rpc_score(v_scores, 'adverse_penalty'), public.rpc_score(v_scores, 'collectability_score'),
      public.rpc_text(v_scores, 'collectability_tier'));
  end if;
  if p_payload ?| array['collectability_score', 'collectability_tier', 'summary'] then
    perform public.set_case_enrichment(v_case_id, public.rpc_score(p_payload, 'collectability_score'),
                                       public.rpc_text(p_payload, 'collectability_tier'), public.rpc_text(p_payload, 'summary'));
  end if;
  return v_counts;
end;
$$;

-- ---- rows ----
-- As the service, which sees those of every organisation.
set local role service_role;
update public.enforcement_actions a set has_document = true
 where exists (select from public.enforcement_documents d where d.org_id = a.org_id and d.action_id = a.id);
update public.plaintiff_tasks t set status = 'cancelled', closed_at = public.app_now(), closed_by = 'automation'
 where t.kind = 'call' and t.status = 'open'
   and exists (select from public.plaintiffs p where p.org_id = t.org_id and p.id = t.plaintiff_id and p.status = 'do_not_call');
reset role;

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant execute on function public.is_overridden(text, timestamptz) to authenticated, service_role;
-- Calls of functions by name read ids and times as everywhere.
grant execute on function public.rpc_uuid(jsonb, text, boolean), public.expect_instant(text, timestamptz) to authenticated, service_role;
grant execute on function public.is_settled(uuid, uuid, text), public.expect_document_place(public.rpc_call, uuid, text),
  public.expect_fields(text, jsonb, text[]), public.rpc_number(jsonb, text, boolean), public.expect_score(text, numeric) to service_role;
