-- Vendor files: what each row said, and the one function that turns rows into plaintiffs, judgments, statuses and intelligence.

-- ---- types ----
create type public.import_state as enum ('parsed', 'done');
create type public.import_outcome as enum ('new', 'changed', 'unchanged', 'refused');

-- ---- tables ----
alter table public.core_judgments add column imported_balance numeric(14,2) check (imported_balance >= 0);
comment on column public.core_judgments.imported_balance is
  'The balance that an import set last; where balance_due differs, payments have changed it and no import overwrites it';

create table public.import_runs (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.organisations (id) on delete cascade,
  format text not null check (format in ('simplicity-intake', 'simplicity-export', 'simplicity-canonical', 'jbi-900',
                                         'status-export', 'debtor-intelligence', 'plaintiff-intake')),
  file_name text not null,
  digest text not null check (digest ~ '^[0-9a-f]{64}$'),
  imported_by text not null,
  state public.import_state not null default 'parsed',
  new_count bigint not null default 0,
  changed_count bigint not null default 0,
  unchanged_count bigint not null default 0,
  refused_count bigint not null default 0,
  created_at timestamptz not null default public.app_now(),
  processed_at timestamptz,
  check ((state = 'done') = (processed_at is not null)),
  unique (org_id, id)
);
comment on table public.import_runs is 'One row a file that was imported';
comment on column public.import_runs.digest is 'SHA-256 of the file';
comment on column public.import_runs.imported_by is 'Who, as far as it is known: `cli:` and the name of the operating system''s user';
create index import_runs_newest on public.import_runs (org_id, created_at desc);

create table public.import_rows (
  id bigint primary key generated always as identity,
  org_id uuid not null,
  run_id uuid not null,
  format text not null,
  line bigint not null check (line > 0),
  record jsonb,
  outcome public.import_outcome,
  error text,
  changes jsonb,
  note text,
  judgment_id uuid,
  plaintiff_id uuid,
  check ((outcome = 'refused') = (error is not null)),
  check (record is not null or error is not null),
  foreign key (org_id, run_id) references public.import_runs (org_id, id) on delete cascade,
  foreign key (org_id, judgment_id) references public.core_judgments (org_id, id) on delete set null (judgment_id),
  foreign key (org_id, plaintiff_id) references public.plaintiffs (org_id, id) on delete set null (plaintiff_id)
);
comment on table public.import_rows is
  'What each row of a file said and what came of it; the newest of a judgment and format is what that vendor said last';
comment on column public.import_rows.record is 'Typed by the crate `import`; null where that refused the row';
comment on column public.import_rows.changes is 'Field to [before, after], where the outcome is `changed`';
comment on column public.import_rows.note is 'What the row said and why it was not followed';
create index import_rows_run on public.import_rows (org_id, run_id, line);
create index import_rows_judgment on public.import_rows (org_id, judgment_id, format, id desc);
create index import_rows_plaintiff on public.import_rows (org_id, plaintiff_id, format, id desc);

-- ---- functions ----
create function public.import_docket(p_case_number text) returns text
language sql immutable parallel safe set search_path = ''
return upper(regexp_replace(p_case_number, '[^A-Za-z0-9]', '', 'g'));
comment on function public.import_docket(text) is 'What core_judgments.docket makes of a case number';

create function public.import_name_key(p_name text) returns text
language sql immutable parallel safe set search_path = ''
return lower(btrim(regexp_replace(p_name, '\s+', ' ', 'g')));
comment on function public.import_name_key(text) is 'What plaintiffs.normalized_name makes of a name';

-- Each of the four below reads the rows of one run and leaves what came of them in pg_temp.import_outcomes. Rules they share:
--   a row equal to what the same vendor format said last of the same subject is unchanged, whatever people did since;
--   otherwise only what the vendor now says differently is followed, so that a re-import never undoes our own changes;
--   of rows of one file on the same subject one counts, equal ones are unchanged and different ones refused.
-- Temporary tables are made whole and analysed, not updated: a file may have a million rows. Their indexes keep every join
-- linear, also where the planner knows nothing of tables that were filled a moment ago.

create function public.import_judgments(p_run public.import_runs) returns void
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
     select j.balance_due is null or j.balance_due = coalesce(j.imported_balance, j.judgment_amount) as is_untouched,
            k.prior -> 'balance' is distinct from k.record -> 'balance' as is_moved) b
   -- No vendor knows these two statuses, so none can take them back.
   cross join lateral (select j.status in ('vacated', 'expired') as is_final) s
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

create function public.import_statuses(p_run public.import_runs) returns void
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
         case when j.status not in ('vacated', 'expired')
              then jsonb_build_object('status', jsonb_build_array(j.status, k.status)) end as changes,
         case when j.status in ('vacated', 'expired') then format('the status stays %s', j.status) end as note
    from pg_temp.import_work k
    join public.core_judgments j on j.org_id = p_run.org_id and j.id = k.judgment_id
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

create function public.import_intelligence(p_run public.import_runs) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  create temp table import_work on commit drop as
  with said as materialized (
    select r.id, r.line, r.record, d.*,
           (case when d.employer_name is null then 0 else 1 end + case when d.bank_name is null then 0 else 2 end
            + case when d.real_property_lead is null then 0 else 4 end
            + case when d.vehicle_lead is null then 0 else 8 end)::smallint as bits
      from public.import_rows r
      cross join lateral jsonb_to_record(r.record) as d (
           case_number text, collectability_score numeric(5,2), employer_name text, bank_name text,
           real_property_lead text, vehicle_lead text, last_updated timestamptz)
     where r.org_id = p_run.org_id and r.run_id = p_run.id and r.outcome is null
  ), matched as materialized (
    select s.*, m.candidates, m.judgment_id::uuid as judgment_id
      from said s
     cross join lateral (
       select count(*) as candidates, case when count(*) = 1 then min(j.id::text) end as judgment_id
         from public.core_judgments j
        where j.org_id = p_run.org_id and j.docket = public.import_docket(s.case_number)) m
  ), grouped as (
    select m.*, first_value(m.id) over of_one as first_id, first_value(m.line) over of_one as first_line,
           first_value(m.record) over of_one as first_record,
           coalesce(m.last_updated < first_value(m.last_updated) over of_one, false) as is_older
      from matched m
    window of_one as (partition by coalesce(m.judgment_id::text, 'row ' || m.id)
                      order by m.last_updated desc nulls last, m.line, m.id)
  )
  select g.*,
         case when g.candidates = 0 then format('no judgment has the case number `%s`', g.case_number)
              when g.judgment_id is null
              then format('%s judgments have the case number `%s`, and the row names no court', g.candidates, g.case_number)
              when g.record <> g.first_record and not g.is_older
              then format('differs from line %s, which names the same judgment', g.first_line) end as error,
         case when g.is_older then format('line %s is newer', g.first_line) end as note,
         case when g.judgment_id is null or (g.record <> g.first_record and not g.is_older) then 'refused'
              when g.first_id <> g.id or p.record = g.record then 'unchanged' end::public.import_outcome as outcome
    from grouped g
    left join lateral (
      select i.record from public.import_rows i
       where i.org_id = p_run.org_id and i.judgment_id = g.judgment_id and i.format = p_run.format
         and i.outcome <> 'refused' and i.run_id <> p_run.id
       order by (i.record ->> 'last_updated')::timestamptz desc nulls last, i.id desc limit 1) p on true;
  create unique index on pg_temp.import_work (judgment_id) where outcome is null;
  analyze pg_temp.import_work;

  perform from public.core_judgments j
    where j.org_id = p_run.org_id and j.id in (select w.judgment_id from pg_temp.import_work w where w.outcome is null)
    order by j.judgment_no for no key update;
  -- The row is all that the vendor knows: a blank signal is withdrawn. Only a missing score leaves the known one, since
  -- a vendor who could not score a debtor this time has not said that the debtor cannot pay.
  create temp table import_changes on commit drop as
  select k.id, k.judgment_id, k.employer_name, k.bank_name, k.real_property_lead, k.vehicle_lead, k.last_updated, k.bits,
         coalesce(k.collectability_score, j.collectability_score) as collectability_score,
         case when d.judgment_id is null then 'new'
              when k.last_updated < d.last_updated or f.changes is null then 'unchanged'
              else 'changed' end::public.import_outcome as outcome,
         coalesce(k.last_updated < d.last_updated, false) as is_stale,
         case when d.judgment_id is not null and not coalesce(k.last_updated < d.last_updated, false) then f.changes end as changes,
         case when k.last_updated < d.last_updated then format('older than what is known since %s', d.last_updated at time zone 'UTC') end as note
    from pg_temp.import_work k
    join public.core_judgments j on j.org_id = p_run.org_id and j.id = k.judgment_id
    left join public.debtor_intelligence d on d.org_id = p_run.org_id and d.judgment_id = k.judgment_id
   cross join lateral (
     select jsonb_object_agg(v.field, jsonb_build_array(v.before, v.after)) as changes
       from (values
         ('collectability_score', j.collectability_score::text, coalesce(k.collectability_score, j.collectability_score)::text),
         ('employer_name', d.employer_name, k.employer_name),
         ('bank_name', d.bank_name, k.bank_name),
         ('real_property_lead', d.real_property_lead, k.real_property_lead),
         ('vehicle_lead', d.vehicle_lead, k.vehicle_lead)) as v (field, before, after)
      where v.before is distinct from v.after) f
   where k.outcome is null;
  create unique index on pg_temp.import_changes (id);
  create unique index on pg_temp.import_changes (judgment_id);
  analyze pg_temp.import_changes;

  -- Both in one update, so that the judgment gets one row of facts; the trigger of the table below finds the bits set.
  update public.core_judgments j
     set collectability_score = c.collectability_score, asset_signals = c.bits
    from pg_temp.import_changes c
   where j.org_id = p_run.org_id and j.id = c.judgment_id and not c.is_stale
     and (j.collectability_score is distinct from c.collectability_score or j.asset_signals <> c.bits);
  insert into public.debtor_intelligence as d
    (judgment_id, org_id, employer_name, bank_name, real_property_lead, vehicle_lead, last_updated)
  select c.judgment_id, p_run.org_id, c.employer_name, c.bank_name, c.real_property_lead, c.vehicle_lead,
         coalesce(c.last_updated, public.app_now())
    from pg_temp.import_changes c
   where not c.is_stale
  on conflict (org_id, judgment_id) do update
    set employer_name = excluded.employer_name, bank_name = excluded.bank_name,
        real_property_lead = excluded.real_property_lead, vehicle_lead = excluded.vehicle_lead,
        last_updated = excluded.last_updated;

  create temp table import_outcomes on commit drop as
  select w.id, w.error, c.changes, coalesce(c.note, w.note) as note,
         case when w.error is null then w.judgment_id end as judgment_id, null::uuid as plaintiff_id,
         coalesce(w.outcome, c.outcome) as outcome
    from pg_temp.import_work w
    left join pg_temp.import_changes c on c.id = w.id;
end;
$$;

create function public.import_plaintiffs(p_run public.import_runs) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  create temp table import_work on commit drop as
  with said as materialized (
    select r.id, r.line, r.record, d.*, public.import_name_key(d.name) as name_key, gen_random_uuid() as fresh_id
      from public.import_rows r
      cross join lateral jsonb_to_record(r.record) as d (
           name text, email text, phone text, firm_name text, contact_name text, address text, city text, state text,
           postal_code text, source_reference text)
     where r.org_id = p_run.org_id and r.run_id = p_run.id and r.outcome is null
  ), grouped as (
    select s.*, first_value(s.id) over of_one as first_id, first_value(s.line) over of_one as first_line,
           first_value(s.record) over of_one as first_record, first_value(s.fresh_id) over of_one as new_id
      from said s
    window of_one as (partition by s.name_key order by s.line, s.id)
  )
  select g.*, i.record as prior, coalesce(p.id, g.new_id) as plaintiff_id,
         case when g.record <> g.first_record
              then format('differs from line %s, which names the same plaintiff', g.first_line) end as error,
         case when g.record <> g.first_record then 'refused'
              when g.first_id <> g.id or i.record = g.record then 'unchanged'
              when p.id is null then 'new' end::public.import_outcome as outcome
    from grouped g
    left join public.plaintiffs p on p.org_id = p_run.org_id and p.normalized_name = g.name_key
    left join lateral (
      select r.record from public.import_rows r
       where r.org_id = p_run.org_id and r.plaintiff_id = p.id and r.format = p_run.format
         and r.outcome <> 'refused' and r.run_id <> p_run.id
       order by r.id desc limit 1) i on true;
  create unique index on pg_temp.import_work (plaintiff_id) where outcome is null;
  analyze pg_temp.import_work;

  insert into public.plaintiffs
    (id, org_id, name, email, phone, firm_name, contact_name, address, city, state, postal_code, source_reference)
  select w.plaintiff_id, p_run.org_id, w.name, w.email, w.phone, w.firm_name, w.contact_name, w.address, w.city, w.state,
         w.postal_code, w.source_reference
    from pg_temp.import_work w
   where w.outcome = 'new'
   order by w.line, w.id;

  create temp table import_changes on commit drop as
  select k.*, f.changes
    from pg_temp.import_work k
    join public.plaintiffs p on p.org_id = p_run.org_id and p.id = k.plaintiff_id
   cross join lateral (
     select jsonb_object_agg(v.field, jsonb_build_array(v.before, v.after)) as changes
       from (values
         ('email', p.email, k.email), ('phone', p.phone, k.phone), ('firm_name', p.firm_name, k.firm_name),
         ('contact_name', p.contact_name, k.contact_name), ('address', p.address, k.address), ('city', p.city, k.city),
         ('state', p.state, k.state), ('postal_code', p.postal_code, k.postal_code),
         ('source_reference', p.source_reference, k.source_reference)) as v (field, before, after)
      where v.after is not null and v.after is distinct from v.before
        and k.prior -> v.field is distinct from k.record -> v.field) f
   where k.outcome is null;
  create unique index on pg_temp.import_changes (id);
  create unique index on pg_temp.import_changes (plaintiff_id);
  analyze pg_temp.import_changes;
  update public.plaintiffs p
     set email = case when c.changes ? 'email' then c.email else p.email end,
         phone = case when c.changes ? 'phone' then c.phone else p.phone end,
         firm_name = case when c.changes ? 'firm_name' then c.firm_name else p.firm_name end,
         contact_name = case when c.changes ? 'contact_name' then c.contact_name else p.contact_name end,
         address = case when c.changes ? 'address' then c.address else p.address end,
         city = case when c.changes ? 'city' then c.city else p.city end,
         state = case when c.changes ? 'state' then c.state else p.state end,
         postal_code = case when c.changes ? 'postal_code' then c.postal_code else p.postal_code end,
         source_reference = case when c.changes ? 'source_reference' then c.source_reference else p.source_reference end
    from pg_temp.import_changes c
   where p.org_id = p_run.org_id and p.id = c.plaintiff_id and c.changes is not null;

  create temp table import_outcomes on commit drop as
  select w.id, w.error, c.changes, null::text as note, null::uuid as judgment_id,
         case when w.error is null then w.plaintiff_id end as plaintiff_id,
         coalesce(w.outcome, case when c.changes is null then 'unchanged' else 'changed' end::public.import_outcome) as outcome
    from pg_temp.import_work w
    left join pg_temp.import_changes c on c.id = w.id;
end;
$$;

create function public.process_simplicity_imports(import_run_id uuid) returns public.import_runs
language plpgsql volatile security invoker set search_path = '' set client_min_messages = 'warning'
as $$
declare
  v_run public.import_runs;
  v_refresh_follows text := coalesce(current_setting('dragonfly.refresh_follows', true), '');
  v_judgment_ids uuid[];
  v_keys text[];
begin
  select * into v_run from public.import_runs r where r.id = process_simplicity_imports.import_run_id for update;
  if not found then
    raise sqlstate 'PT404' using message = 'import run not found';
  end if;
  if v_run.state = 'done' then
    return v_run;
  end if;
  -- What a row does depends on what is known, so two files of one organisation go one after the other.
  perform pg_advisory_xact_lock(hashtextextended('import:' || v_run.org_id, 0));
  drop table if exists pg_temp.import_work, pg_temp.import_changes, pg_temp.import_outcomes;

  -- The facts are queued below all at once, which is many times faster than row by row.
  perform set_config('dragonfly.refresh_follows', 'on', true);
  case v_run.format
    when 'status-export' then perform public.import_statuses(v_run);
    when 'debtor-intelligence' then perform public.import_intelligence(v_run);
    when 'plaintiff-intake' then perform public.import_plaintiffs(v_run);
    else perform public.import_judgments(v_run);
  end case;
  perform set_config('dragonfly.refresh_follows', v_refresh_follows, true);

  create unique index on pg_temp.import_outcomes (id);
  analyze pg_temp.import_outcomes;
  update public.import_rows r
     set outcome = o.outcome, error = o.error, changes = o.changes, note = nullif(o.note, ''),
         judgment_id = o.judgment_id, plaintiff_id = o.plaintiff_id
    from pg_temp.import_outcomes o
   where r.id = o.id;
  drop table pg_temp.import_work, pg_temp.import_changes, pg_temp.import_outcomes;

  if v_refresh_follows <> 'on' then
    for v_judgment_ids, v_keys in
      select array_agg(f.judgment_id), array_agg('tier:' || f.judgment_id || ':facts:' || f.id)
        from (select k.judgment_id, max(k.id) as id, row_number() over (order by max(k.id)) as n
                from public.judgment_facts k
                join public.core_judgments j
                  on j.org_id = k.org_id and j.id = k.judgment_id and not public.is_closed_status(j.status)
               where k.org_id = v_run.org_id and k.written_by = pg_current_xact_id()
               group by k.judgment_id) f
       group by f.n / 10000
    loop
      perform public.queue_tier_assignments(v_run.org_id, v_judgment_ids, v_keys);
    end loop;
  end if;
  perform public.notify_live(v_run.org_id, '{"kind": "judgments"}');

  update public.import_runs r
     set state = 'done', processed_at = public.app_now(), new_count = c.new, changed_count = c.changed,
         unchanged_count = c.unchanged, refused_count = c.refused
    from (select count(*) filter (where i.outcome = 'new') as new,
                 count(*) filter (where i.outcome = 'changed') as changed,
                 count(*) filter (where i.outcome = 'unchanged') as unchanged,
                 count(*) filter (where i.outcome = 'refused') as refused
            from public.import_rows i where i.org_id = v_run.org_id and i.run_id = v_run.id) c
   where r.id = v_run.id
  returning r.* into v_run;
  return v_run;
end;
$$;
comment on function public.process_simplicity_imports(uuid) is
  'Turns the rows of an import run into plaintiffs, judgments, statuses and intelligence, once; in a transaction that is rolled back it is the plan';

-- ---- row-level security ----
alter table public.import_runs enable row level security, force row level security;
alter table public.import_rows enable row level security, force row level security;

create policy "members see their imports" on public.import_runs
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see the rows of their imports" on public.import_rows
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "the service runs imports" on public.import_runs for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service keeps the rows of imports" on public.import_rows for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant select on public.import_runs, public.import_rows to authenticated, service_role;
grant insert, update on public.import_runs, public.import_rows to service_role;
grant execute on function public.import_docket(text), public.import_name_key(text),
                          public.import_judgments(public.import_runs), public.import_statuses(public.import_runs),
                          public.import_intelligence(public.import_runs), public.import_plaintiffs(public.import_runs),
                          public.process_simplicity_imports(uuid) to service_role;
