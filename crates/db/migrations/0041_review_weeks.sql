-- What the weekly review compares with and writes down: recoveries planned by month, audits of events.

-- ---- tables ----
create table public.recovery_plans (
  org_id uuid not null references public.organisations (id) on delete cascade,
  month date not null check (extract(day from month) = 1),
  amount numeric(14,2) not null check (amount >= 0),
  updated_at timestamptz not null default public.app_now(),
  updated_by text not null,
  primary key (org_id, month)
);
comment on table public.recovery_plans is 'What is to be recovered in a month of the organisation''s calendar; a month without a row has no plan';
comment on column public.recovery_plans.month is 'Its first day';

create table public.enforcement_event_audits (
  id bigint primary key generated always as identity,
  org_id uuid not null,
  event_id uuid not null,
  result text not null check (result in ('passed', 'failed')),
  needs_document boolean not null,
  has_document boolean not null,
  has_note boolean not null,
  has_rpc boolean not null,
  note text check (btrim(note) <> ''),
  auditor text not null,
  auditor_id uuid,
  audited_at timestamptz not null default public.app_now(),
  check (result = 'passed' or note is not null),
  foreign key (org_id, event_id) references public.enforcement_events (org_id, id) on delete cascade
);
comment on table public.enforcement_event_audits is 'Append-only: what an audit of an event found; the newest of an event counts';
comment on column public.enforcement_event_audits.has_document is 'As it was at the audit, like the marks beside it: a document may come later';
create index enforcement_event_audits_event on public.enforcement_event_audits (org_id, event_id, id desc);

-- ---- indexes ----
-- Samples are drawn from what was written down in a week, which no late entry changes. Events are written in this order.
create index enforcement_events_recorded on public.enforcement_events using brin (created_at) with (autosummarize = on);
-- How long a case was in a stage: from its move before.
create index enforcement_events_moves on public.enforcement_events (org_id, enforcement_case_id, occurred_at desc, event_no desc)
  where event_kind = 'case_stage_changed';

-- ---- functions ----
create trigger touch_updated_at before update on public.recovery_plans
  for each row execute function public.tg_touch_updated_at();
create trigger refuse_change before update or delete on public.enforcement_event_audits
  for each row execute function public.tg_refuse_change();

create function public.set_recovery_plan(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('set_recovery_plan', payload, array['month', 'amount', 'actor'], payload ->> 'actor');
  v_month text;
  v_amount numeric(14,2);
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_month := public.rpc_text(payload, 'month', true);
  if v_month !~ '^20[0-9]{2}-(0[1-9]|1[0-2])$' then
    raise sqlstate 'PT422' using message = '`month` is not a month', detail = 'month', hint = 'send a year and a month, such as "2026-11"';
  end if;
  if not payload ? 'amount' then
    raise sqlstate 'PT422' using message = '`amount` is missing', detail = 'amount', hint = 'send null to take the plan away';
  end if;
  v_amount := public.rpc_money(payload, 'amount');
  if v_amount < 0 then
    raise sqlstate 'PT422' using message = 'a plan is not below zero', detail = 'amount';
  end if;
  if v_amount is null then
    delete from public.recovery_plans p where p.org_id = v_call.org_id and p.month = (v_month || '-01')::date;
  else
    insert into public.recovery_plans as p (org_id, month, amount, updated_by)
    values (v_call.org_id, (v_month || '-01')::date, v_amount, v_call.actor)
    on conflict (org_id, month) do update set amount = excluded.amount, updated_by = excluded.updated_by;
  end if;
  return public.end_rpc(v_call, jsonb_build_object('month', v_month, 'amount', v_amount::text));
end;
$$;
-- A definer, as all functions that people call: they write no table but by them.
alter function public.set_recovery_plan(jsonb) owner to service_role;
comment on function public.set_recovery_plan(jsonb) is 'Says what is to be recovered in a month; null takes the plan away';

create function public.record_event_audit(payload jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('record_event_audit', payload, array['event_id', 'result', 'note', 'actor'], payload ->> 'actor');
  v_result text;
  v_note text;
  v_event_id uuid;
  v_event public.enforcement_events;
  v_audit public.enforcement_event_audits;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_result := public.rpc_choice(payload, 'result', array['passed', 'failed'], true);
  v_note := public.rpc_text(payload, 'note', v_result = 'failed', 2000);
  v_event_id := public.rpc_uuid(payload, 'event_id', true);
  select * into v_event from public.enforcement_events e where e.org_id = v_call.org_id and e.id = v_event_id;
  if not found then
    raise sqlstate 'PT404' using message = 'event not found';
  end if;
  insert into public.enforcement_event_audits
    (org_id, event_id, result, needs_document, has_document, has_note, has_rpc, note, auditor, auditor_id)
  select v_call.org_id, v_event.id, v_result, k.needs_document, public.event_has_document(v_event.org_id, v_event.id, v_event.document_path),
         v_event.note is not null, v_event.rpc is not null, v_note, v_call.actor, v_call.actor_id
    from public.enforcement_event_kind_lookup k
   where k.event_kind = v_event.event_kind
  returning * into v_audit;
  return public.end_rpc(v_call, to_jsonb(v_audit));
end;
$$;
alter function public.record_event_audit(jsonb) owner to service_role;
comment on function public.record_event_audit(jsonb) is 'Keeps what an audit of an event found, with the marks that the event has now; a failed one says why';

create function public.event_has_document(p_org_id uuid, p_event_id uuid, p_document_path text) returns boolean
language sql stable
return p_document_path is not null
    or exists (select from public.enforcement_documents d where d.org_id = p_org_id and d.event_id = p_event_id);
comment on function public.event_has_document(uuid, uuid, text) is 'Whether an event names a document or one was uploaded for it';

-- ---- row-level security ----
alter table public.recovery_plans enable row level security, force row level security;
alter table public.enforcement_event_audits enable row level security, force row level security;

create policy "members see what is planned" on public.recovery_plans
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "the service keeps plans" on public.recovery_plans for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "members see audits of their events" on public.enforcement_event_audits
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "the service appends audits" on public.enforcement_event_audits for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant select on public.recovery_plans, public.enforcement_event_audits to authenticated, service_role;
grant insert, update, delete on public.recovery_plans to service_role;
grant insert on public.enforcement_event_audits to service_role;
grant execute on function public.event_has_document(uuid, uuid, text) to authenticated, service_role;
grant execute on function public.record_event_audit(jsonb) to enforcement_operator, service_role;
grant execute on function public.set_recovery_plan(jsonb) to admin, service_role;
