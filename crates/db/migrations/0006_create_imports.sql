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

-- Each of the four below finds the rows of one run in pg_temp.import_work and leaves their outcomes there. Rules they share:
--   a row equal to what the same vendor format said last of the same subject is unchanged, whatever people did since;
--   otherwise only what the vendor now says differently is followed, so that a re-import never undoes our own changes;
--   of rows of one file on the same subject the first counts, equal ones are unchanged and different ones refused.

create function public.import_judgments(p_run public.import_runs) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  create temp table import_work on commit drop as
  select r.id, r.line, r.record, d.*,
         public.import_docket(d.case_number) as docket, lower(coalesce(d.court, '')) as court_key,
         public.import_name_key(d.plaintiff) as plaintiff_key,
         null::uuid as judgment_id, null::uuid as plaintiff_id, null::bigint as first_id, null::jsonb as prior,
         null::public.import_outcome as outcome, null::text as error, null::jsonb as changes, null::text as note
    from public.import_rows r
    cross join lateral jsonb_to_record(r.record) as d (
         case_number text, court text, county text, state text, case_type text, filing_date date, judgment_date date,
         judgment_amount numeric(14,2), balance numeric(14,2), status text,
         plaintiff text, plaintiff_address text, plaintiff_phone text, plaintiff_email text, co_plaintiffs jsonb,
         defendant text, defendant_address text, lead_source text, lead_id text)
   where r.org_id = p_run.org_id and r.run_id = p_run.id and r.outcome is null;
  create index on pg_temp.import_work (docket, court_key);
  analyze pg_temp.import_work;

  -- Case number and court name a judgment. A court that one side does not know is no contradiction, as long as
  -- there is no doubt which judgment is meant.
  update pg_temp.import_work w
     set judgment_id = coalesce(
       (select j.id from public.core_judgments j
         where j.org_id = p_run.org_id and j.docket = w.docket and lower(coalesce(j.court, '')) = w.court_key),
       case when w.court_key <> ''
            then (select j.id from public.core_judgments j
                   where j.org_id = p_run.org_id and j.docket = w.docket and lower(coalesce(j.court, '')) = '')
            else (select min(j.id::text)::uuid from public.core_judgments j
                   where j.org_id = p_run.org_id and j.docket = w.docket having count(*) = 1) end);
  update pg_temp.import_work w
     set error = format('several courts have the case number `%s`, and the row names none', w.case_number)
   where w.judgment_id is null and w.court_key = ''
     and exists (select from public.core_judgments j where j.org_id = p_run.org_id and j.docket = w.docket);

  with subject as (
    select w.id, w.line, w.record,
           first_value(w.id) over of_one as first_id, first_value(w.line) over of_one as first_line,
           first_value(w.record) over of_one as first_record
      from pg_temp.import_work w
     where w.error is null
    window of_one as (partition by coalesce(w.judgment_id::text, w.docket || ' ' || w.court_key) order by w.line, w.id)
  )
  update pg_temp.import_work w
     set first_id = s.first_id,
         outcome = case when s.record = s.first_record then 'unchanged'::public.import_outcome end,
         error = case when s.record <> s.first_record
                      then format('differs from line %s, which names the same judgment', s.first_line) end
    from subject s
   where s.id = w.id and s.first_id <> s.id;

  update pg_temp.import_work w
     set prior = (select p.record from public.import_rows p
                   where p.org_id = p_run.org_id and p.judgment_id = w.judgment_id and p.format = p_run.format
                     and p.outcome <> 'refused' and p.run_id <> p_run.id
                   order by p.id desc limit 1)
   where w.judgment_id is not null and w.outcome is null and w.error is null;
  update pg_temp.import_work w set outcome = 'unchanged' where w.prior = w.record;

  -- Contact details of a plaintiff who is known already are left alone: they belong to the plaintiff intake.
  insert into public.plaintiffs (org_id, name, address, phone, email)
  select distinct on (w.plaintiff_key)
         p_run.org_id, w.plaintiff, w.plaintiff_address, w.plaintiff_phone, w.plaintiff_email
    from pg_temp.import_work w
   where w.outcome is null and w.error is null and w.prior -> 'plaintiff' is distinct from w.record -> 'plaintiff'
   order by w.plaintiff_key, w.line
  on conflict (org_id, normalized_name) do nothing;
  insert into public.plaintiffs (org_id, name)
  select distinct on (public.import_name_key(c.name)) p_run.org_id, c.name
    from pg_temp.import_work w cross join lateral jsonb_array_elements_text(w.co_plaintiffs) as c (name)
   where w.outcome is null and w.error is null
   order by public.import_name_key(c.name), w.line
  on conflict (org_id, normalized_name) do nothing;
  update pg_temp.import_work w set plaintiff_id = p.id
    from public.plaintiffs p
   where p.org_id = p_run.org_id and p.normalized_name = w.plaintiff_key and w.outcome is null and w.error is null;

  with inserted as (
    insert into public.core_judgments
      (org_id, case_number, court, county, state, case_type, plaintiff_id, defendant_name, defendant_address,
       filing_date, judgment_date, judgment_amount, balance_due, imported_balance, status, lead_source, lead_id)
    select p_run.org_id, w.case_number, w.court, w.county, w.state, w.case_type, w.plaintiff_id, w.defendant,
           w.defendant_address, w.filing_date, w.judgment_date, w.judgment_amount,
           coalesce(w.balance, w.judgment_amount), coalesce(w.balance, w.judgment_amount),
           coalesce(w.status, 'unsatisfied'), w.lead_source, w.lead_id
      from pg_temp.import_work w
     where w.judgment_id is null and w.outcome is null and w.error is null
     order by w.line, w.id
    returning id, docket, lower(coalesce(court, '')) as court_key
  )
  update pg_temp.import_work w set judgment_id = i.id, outcome = 'new'
    from inserted i
   where w.docket = i.docket and w.court_key = i.court_key and w.outcome is null and w.error is null;

  -- In the order in which refreshes and workers lock.
  perform from public.core_judgments j
    where j.id in (select w.judgment_id from pg_temp.import_work w where w.outcome is null and w.error is null)
    order by j.judgment_no for no key update;
  update pg_temp.import_work w
     set changes = f.changes,
         note = concat_ws('; ',
           case when k.balance <> j.balance_due and not b.is_untouched and b.is_moved
                then format('the balance stays %s: payments have changed it', j.balance_due) end,
           case when k.status <> j.status and s.is_final then format('the status stays %s', j.status) end)
    from pg_temp.import_work k
    join public.core_judgments j on j.id = k.judgment_id
    join public.plaintiffs p on p.id = j.plaintiff_id
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
         ('plaintiff', 'plaintiff', p.name, case when k.plaintiff_id <> j.plaintiff_id then k.plaintiff end),
         ('defendant_name', 'defendant', j.defendant_name, k.defendant),
         ('defendant_address', 'defendant_address', j.defendant_address, k.defendant_address),
         ('lead_source', 'lead_source', j.lead_source, k.lead_source),
         ('lead_id', 'lead_id', j.lead_id, k.lead_id)) as v (field, said_in, before, after)
      where v.after is not null and v.after is distinct from v.before
        and k.prior -> v.said_in is distinct from k.record -> v.said_in) f
   where k.id = w.id and k.outcome is null and k.error is null;
  update public.core_judgments j
     set court = case when w.changes ? 'court' then w.court else j.court end,
         county = case when w.changes ? 'county' then w.county else j.county end,
         state = case when w.changes ? 'state' then w.state else j.state end,
         case_type = case when w.changes ? 'case_type' then w.case_type else j.case_type end,
         filing_date = case when w.changes ? 'filing_date' then w.filing_date else j.filing_date end,
         judgment_date = case when w.changes ? 'judgment_date' then w.judgment_date else j.judgment_date end,
         judgment_amount = case when w.changes ? 'judgment_amount' then w.judgment_amount else j.judgment_amount end,
         balance_due = case when w.changes ? 'balance_due' then w.balance else j.balance_due end,
         imported_balance = case when w.changes ? 'balance_due' or w.balance = j.balance_due then w.balance
                                 -- An amount that a vendor corrects must not make an untouched balance look paid.
                                 else coalesce(j.imported_balance, j.judgment_amount) end,
         status = case when w.changes ? 'status' then w.status else j.status end,
         plaintiff_id = case when w.changes ? 'plaintiff' then w.plaintiff_id else j.plaintiff_id end,
         defendant_name = case when w.changes ? 'defendant_name' then w.defendant else j.defendant_name end,
         defendant_address = case when w.changes ? 'defendant_address' then w.defendant_address else j.defendant_address end,
         lead_source = case when w.changes ? 'lead_source' then w.lead_source else j.lead_source end,
         lead_id = case when w.changes ? 'lead_id' then w.lead_id else j.lead_id end
    from pg_temp.import_work w
   where j.id = w.judgment_id and w.outcome is null and w.error is null
     and (w.changes is not null or (w.balance = j.balance_due and j.imported_balance is distinct from w.balance));

  update pg_temp.import_work w set judgment_id = f.judgment_id
    from pg_temp.import_work f where f.id = w.first_id;
end;
$$;

create function public.import_statuses(p_run public.import_runs) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  create temp table import_work on commit drop as
  select r.id, r.line, r.record, d.lead_id, d.county, d.status, d.updated_at, d.docket as said_docket,
         public.import_docket(d.docket) as docket, null::uuid as judgment_id, null::uuid as plaintiff_id,
         null::bigint as first_id, null::jsonb as prior,
         null::public.import_outcome as outcome, null::text as error, null::jsonb as changes, null::text as note
    from public.import_rows r
    cross join lateral jsonb_to_record(r.record) as d (
         docket text, lead_id text, county text, status text, updated_at timestamptz)
   where r.org_id = p_run.org_id and r.run_id = p_run.id and r.outcome is null;
  analyze pg_temp.import_work;

  -- The docket names the judgment; lead id, then county, tell those of several courts apart.
  update pg_temp.import_work w
     set judgment_id = m.judgment_id,
         error = case
           when m.candidates = 0 then format('no judgment has the docket `%s`', w.said_docket)
           when m.judgment_id is null
           then format('%s judgments have the docket `%s`, and neither lead id nor county tells which', m.candidates, w.said_docket) end
    from (
      select k.id, count(j.id) as candidates,
             coalesce(case when count(j.id) = 1 then min(j.id::text) end,
                      case when count(j.id) filter (where j.lead_id = k.lead_id) = 1
                           then min(j.id::text) filter (where j.lead_id = k.lead_id) end,
                      case when count(j.id) filter (where lower(j.county) = lower(k.county)) = 1
                           then min(j.id::text) filter (where lower(j.county) = lower(k.county)) end)::uuid as judgment_id
        from pg_temp.import_work k
        left join public.core_judgments j on j.org_id = p_run.org_id and j.docket = k.docket
       group by k.id) m
   where m.id = w.id;

  -- The newest statement of a file counts.
  with subject as (
    select w.id, w.record, w.updated_at,
           first_value(w.id) over of_one as first_id, first_value(w.line) over of_one as first_line,
           first_value(w.record) over of_one as first_record, first_value(w.updated_at) over of_one as first_updated_at
      from pg_temp.import_work w
     where w.error is null
    window of_one as (partition by w.judgment_id order by w.updated_at desc nulls last, w.line, w.id)
  )
  update pg_temp.import_work w
     set first_id = s.first_id,
         outcome = case when s.record = s.first_record or s.updated_at < s.first_updated_at
                        then 'unchanged'::public.import_outcome end,
         note = case when s.updated_at < s.first_updated_at then format('line %s is newer', s.first_line) end,
         error = case when s.record <> s.first_record and not coalesce(s.updated_at < s.first_updated_at, false)
                      then format('differs from line %s, which names the same judgment', s.first_line) end
    from subject s
   where s.id = w.id and s.first_id <> s.id;

  update pg_temp.import_work w
     set prior = (select p.record from public.import_rows p
                   where p.org_id = p_run.org_id and p.judgment_id = w.judgment_id and p.format = p_run.format
                     and p.outcome <> 'refused' and p.run_id <> p_run.id
                   -- Older statements are kept too, behind newer ones that came first.
                   order by (p.record ->> 'updated_at')::timestamptz desc nulls last, p.id desc limit 1)
   where w.outcome is null and w.error is null;
  update pg_temp.import_work w set outcome = 'unchanged' where w.outcome is null and w.prior = w.record;
  update pg_temp.import_work w
     set outcome = 'unchanged', note = format('older than the status of %s, which is known already', w.prior ->> 'updated_at')
   where w.outcome is null and w.error is null and w.updated_at < (w.prior ->> 'updated_at')::timestamptz;

  perform from public.core_judgments j
    where j.id in (select w.judgment_id from pg_temp.import_work w where w.outcome is null and w.error is null)
    order by j.judgment_no for no key update;
  update pg_temp.import_work w
     set changes = case when j.status not in ('vacated', 'expired')
                        then jsonb_build_object('status', jsonb_build_array(j.status, w.status)) end,
         note = case when j.status in ('vacated', 'expired') then format('the status stays %s', j.status) end
    from public.core_judgments j
   where j.id = w.judgment_id and w.outcome is null and w.error is null and j.status <> w.status;
  update public.core_judgments j set status = w.status
    from pg_temp.import_work w
   where j.id = w.judgment_id and w.changes is not null;
end;
$$;

create function public.import_intelligence(p_run public.import_runs) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  create temp table import_work on commit drop as
  select r.id, r.line, r.record, d.*, public.import_docket(d.case_number) as docket,
         (case when d.employer_name is null then 0 else 1 end + case when d.bank_name is null then 0 else 2 end
          + case when d.real_property_lead is null then 0 else 4 end
          + case when d.vehicle_lead is null then 0 else 8 end)::smallint as bits,
         null::uuid as judgment_id, null::uuid as plaintiff_id, null::bigint as first_id, null::jsonb as prior,
         null::public.import_outcome as outcome, null::text as error, null::jsonb as changes, null::text as note
    from public.import_rows r
    cross join lateral jsonb_to_record(r.record) as d (
         case_number text, collectability_score numeric(5,2), employer_name text, bank_name text,
         real_property_lead text, vehicle_lead text, last_updated timestamptz)
   where r.org_id = p_run.org_id and r.run_id = p_run.id and r.outcome is null;
  analyze pg_temp.import_work;

  update pg_temp.import_work w
     set judgment_id = m.judgment_id,
         error = case when m.candidates = 0 then format('no judgment has the case number `%s`', w.case_number)
                      when m.candidates > 1
                      then format('%s judgments have the case number `%s`, and the row names no court', m.candidates, w.case_number) end
    from (
      select k.id, count(j.id) as candidates, case when count(j.id) = 1 then min(j.id::text)::uuid end as judgment_id
        from pg_temp.import_work k
        left join public.core_judgments j on j.org_id = p_run.org_id and j.docket = k.docket
       group by k.id) m
   where m.id = w.id;

  with subject as (
    select w.id, w.record, w.last_updated,
           first_value(w.id) over of_one as first_id, first_value(w.line) over of_one as first_line,
           first_value(w.record) over of_one as first_record, first_value(w.last_updated) over of_one as first_updated
      from pg_temp.import_work w
     where w.error is null
    window of_one as (partition by w.judgment_id order by w.last_updated desc nulls last, w.line, w.id)
  )
  update pg_temp.import_work w
     set first_id = s.first_id,
         outcome = case when s.record = s.first_record or s.last_updated < s.first_updated
                        then 'unchanged'::public.import_outcome end,
         note = case when s.last_updated < s.first_updated then format('line %s is newer', s.first_line) end,
         error = case when s.record <> s.first_record and not coalesce(s.last_updated < s.first_updated, false)
                      then format('differs from line %s, which names the same judgment', s.first_line) end
    from subject s
   where s.id = w.id and s.first_id <> s.id;

  update pg_temp.import_work w
     set prior = (select p.record from public.import_rows p
                   where p.org_id = p_run.org_id and p.judgment_id = w.judgment_id and p.format = p_run.format
                     and p.outcome <> 'refused' and p.run_id <> p_run.id
                   order by (p.record ->> 'last_updated')::timestamptz desc nulls last, p.id desc limit 1)
   where w.outcome is null and w.error is null;
  update pg_temp.import_work w set outcome = 'unchanged' where w.outcome is null and w.prior = w.record;

  perform from public.core_judgments j
    where j.id in (select w.judgment_id from pg_temp.import_work w where w.outcome is null and w.error is null)
    order by j.judgment_no for no key update;
  update pg_temp.import_work w
     set outcome = 'unchanged', note = format('older than what is known since %s', d.last_updated at time zone 'UTC')
    from public.debtor_intelligence d
   where d.org_id = p_run.org_id and d.judgment_id = w.judgment_id and w.last_updated < d.last_updated and w.outcome is null and w.error is null;

  -- The row is all that the vendor knows: a blank signal is withdrawn. Only a missing score leaves the known one, since
  -- a vendor who could not score a debtor this time has not said that the debtor cannot pay.
  update pg_temp.import_work w
     set changes = f.changes
    from pg_temp.import_work k
    join public.core_judgments j on j.id = k.judgment_id
    left join public.debtor_intelligence d on d.org_id = p_run.org_id and d.judgment_id = j.id
   cross join lateral (
     select jsonb_object_agg(v.field, jsonb_build_array(v.before, v.after)) as changes
       from (values
         ('collectability_score', j.collectability_score::text, coalesce(k.collectability_score, j.collectability_score)::text),
         ('employer_name', d.employer_name, k.employer_name),
         ('bank_name', d.bank_name, k.bank_name),
         ('real_property_lead', d.real_property_lead, k.real_property_lead),
         ('vehicle_lead', d.vehicle_lead, k.vehicle_lead)) as v (field, before, after)
      where v.before is distinct from v.after) f
   where k.id = w.id and k.outcome is null and k.error is null;
  update pg_temp.import_work w set outcome = 'new', changes = null
   where w.outcome is null and w.error is null
     and not exists (select from public.debtor_intelligence d where d.org_id = p_run.org_id and d.judgment_id = w.judgment_id);

  -- Both in one update, so that the judgment gets one row of facts; the trigger of the table below finds the bits set.
  update public.core_judgments j
     set collectability_score = coalesce(w.collectability_score, j.collectability_score), asset_signals = w.bits
    from pg_temp.import_work w
   where j.id = w.judgment_id and w.error is null and (w.outcome = 'new' or w.changes is not null)
     and (coalesce(w.collectability_score, j.collectability_score) is distinct from j.collectability_score
          or j.asset_signals <> w.bits);
  insert into public.debtor_intelligence as d
    (judgment_id, org_id, employer_name, bank_name, real_property_lead, vehicle_lead, last_updated)
  select w.judgment_id, p_run.org_id, w.employer_name, w.bank_name, w.real_property_lead, w.vehicle_lead,
         coalesce(w.last_updated, public.app_now())
    from pg_temp.import_work w
   where w.error is null and (w.outcome is null or w.outcome = 'new')
  on conflict (org_id, judgment_id) do update
    set employer_name = excluded.employer_name, bank_name = excluded.bank_name,
        real_property_lead = excluded.real_property_lead, vehicle_lead = excluded.vehicle_lead,
        last_updated = excluded.last_updated;
end;
$$;

create function public.import_plaintiffs(p_run public.import_runs) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  create temp table import_work on commit drop as
  select r.id, r.line, r.record, d.*, public.import_name_key(d.name) as name_key,
         null::uuid as judgment_id, null::uuid as plaintiff_id, null::bigint as first_id, null::jsonb as prior,
         null::public.import_outcome as outcome, null::text as error, null::jsonb as changes, null::text as note
    from public.import_rows r
    cross join lateral jsonb_to_record(r.record) as d (
         name text, email text, phone text, firm_name text, contact_name text, address text, city text, state text,
         postal_code text, source_reference text)
   where r.org_id = p_run.org_id and r.run_id = p_run.id and r.outcome is null;
  analyze pg_temp.import_work;

  with subject as (
    select w.id, w.record,
           first_value(w.id) over of_one as first_id, first_value(w.line) over of_one as first_line,
           first_value(w.record) over of_one as first_record
      from pg_temp.import_work w
    window of_one as (partition by w.name_key order by w.line, w.id)
  )
  update pg_temp.import_work w
     set first_id = s.first_id,
         outcome = case when s.record = s.first_record then 'unchanged'::public.import_outcome end,
         error = case when s.record <> s.first_record
                      then format('differs from line %s, which names the same plaintiff', s.first_line) end
    from subject s
   where s.id = w.id and s.first_id <> s.id;

  update pg_temp.import_work w
     set plaintiff_id = p.id,
         prior = (select i.record from public.import_rows i
                   where i.org_id = p_run.org_id and i.plaintiff_id = p.id and i.format = p_run.format
                     and i.outcome <> 'refused' and i.run_id <> p_run.id
                   order by i.id desc limit 1)
    from public.plaintiffs p
   where p.org_id = p_run.org_id and p.normalized_name = w.name_key;
  update pg_temp.import_work w set outcome = 'unchanged' where w.outcome is null and w.error is null and w.prior = w.record;

  with inserted as (
    insert into public.plaintiffs
      (org_id, name, email, phone, firm_name, contact_name, address, city, state, postal_code, source_reference)
    select p_run.org_id, w.name, w.email, w.phone, w.firm_name, w.contact_name, w.address, w.city, w.state,
           w.postal_code, w.source_reference
      from pg_temp.import_work w
     where w.plaintiff_id is null and w.outcome is null and w.error is null
     order by w.line, w.id
    returning id, normalized_name
  )
  update pg_temp.import_work w set plaintiff_id = i.id, outcome = 'new'
    from inserted i where w.name_key = i.normalized_name and w.outcome is null and w.error is null;

  update pg_temp.import_work w
     set changes = f.changes
    from pg_temp.import_work k
    join public.plaintiffs p on p.id = k.plaintiff_id
   cross join lateral (
     select jsonb_object_agg(v.field, jsonb_build_array(v.before, v.after)) as changes
       from (values
         ('email', p.email, k.email), ('phone', p.phone, k.phone), ('firm_name', p.firm_name, k.firm_name),
         ('contact_name', p.contact_name, k.contact_name), ('address', p.address, k.address), ('city', p.city, k.city),
         ('state', p.state, k.state), ('postal_code', p.postal_code, k.postal_code),
         ('source_reference', p.source_reference, k.source_reference)) as v (field, before, after)
      where v.after is not null and v.after is distinct from v.before
        and k.prior -> v.field is distinct from k.record -> v.field) f
   where k.id = w.id and k.outcome is null and k.error is null;
  update public.plaintiffs p
     set email = case when w.changes ? 'email' then w.email else p.email end,
         phone = case when w.changes ? 'phone' then w.phone else p.phone end,
         firm_name = case when w.changes ? 'firm_name' then w.firm_name else p.firm_name end,
         contact_name = case when w.changes ? 'contact_name' then w.contact_name else p.contact_name end,
         address = case when w.changes ? 'address' then w.address else p.address end,
         city = case when w.changes ? 'city' then w.city else p.city end,
         state = case when w.changes ? 'state' then w.state else p.state end,
         postal_code = case when w.changes ? 'postal_code' then w.postal_code else p.postal_code end,
         source_reference = case when w.changes ? 'source_reference' then w.source_reference else p.source_reference end
    from pg_temp.import_work w
   where p.id = w.plaintiff_id and w.changes is not null;

  update pg_temp.import_work w set plaintiff_id = f.plaintiff_id
    from pg_temp.import_work f where f.id = w.first_id;
end;
$$;

create function public.process_simplicity_imports(import_run_id uuid) returns public.import_runs
language plpgsql volatile security invoker set search_path = ''
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
  if to_regclass('pg_temp.import_work') is not null then
    drop table pg_temp.import_work;
  end if;

  -- The facts are queued below all at once, which is many times faster than row by row.
  perform set_config('dragonfly.refresh_follows', 'on', true);
  case v_run.format
    when 'status-export' then perform public.import_statuses(v_run);
    when 'debtor-intelligence' then perform public.import_intelligence(v_run);
    when 'plaintiff-intake' then perform public.import_plaintiffs(v_run);
    else perform public.import_judgments(v_run);
  end case;
  perform set_config('dragonfly.refresh_follows', v_refresh_follows, true);

  update public.import_rows r
     set outcome = case when w.error is not null then 'refused'
                        when w.outcome is not null then w.outcome
                        when w.changes is not null then 'changed'
                        else 'unchanged' end::public.import_outcome,
         error = w.error, changes = w.changes, note = nullif(w.note, ''),
         judgment_id = w.judgment_id, plaintiff_id = w.plaintiff_id
    from pg_temp.import_work w
   where r.id = w.id;
  drop table pg_temp.import_work;

  if v_refresh_follows <> 'on' then
    for v_judgment_ids, v_keys in
      select array_agg(f.judgment_id), array_agg('tier:' || f.judgment_id || ':facts:' || f.id)
        from (select k.judgment_id, max(k.id) as id, row_number() over (order by max(k.id)) as n
                from public.judgment_facts k
                join public.core_judgments j on j.id = k.judgment_id and not public.is_closed_status(j.status)
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
