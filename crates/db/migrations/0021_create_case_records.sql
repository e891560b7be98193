-- What happens to a case and what is to be done about it: tasks, events, history, actions, documents, payments.

-- ---- types ----
create type public.enforcement_event_kind as enum (
  'asset_search_requested', 'asset_search_completed',
  'bank_levy_filed', 'bank_levy_served', 'bank_levy_released',
  'garnishment_order_signed', 'garnishment_served', 'garnishment_remittance',
  'subpoena_issued', 'subpoena_complied',
  'marshal_assigned', 'marshal_attempted', 'marshal_result',
  'case_stage_changed', 'payment_received', 'blocked', 'unblocked',
  'action_updated', 'action_completed', 'action_cancelled', 'note');

-- ---- tables ----
create table public.enforcement_event_kind_lookup (
  event_kind public.enforcement_event_kind primary key,
  needs_document boolean not null,
  action_type text check (action_type in ('bank_levy', 'garnishment', 'subpoena', 'marshal')),
  action_status text check (action_status in ('planned', 'filed', 'served', 'in_progress', 'completed', 'cancelled')),
  description text not null,
  check ((action_type is null) = (action_status is null))
);
comment on table public.enforcement_event_kind_lookup is 'What each kind of event asks for, and how far it says that an action has come';
insert into public.enforcement_event_kind_lookup (event_kind, needs_document, action_type, action_status, description) values
  ('asset_search_requested', false, null, null, 'A search for assets was asked for'),
  ('asset_search_completed', false, null, null, 'A search for assets has ended'),
  ('bank_levy_filed', true, 'bank_levy', 'filed', 'A bank levy was filed'),
  ('bank_levy_served', true, 'bank_levy', 'served', 'A bank levy was served on the bank'),
  ('bank_levy_released', true, 'bank_levy', 'completed', 'A bank levy was released'),
  ('garnishment_order_signed', true, 'garnishment', 'filed', 'A garnishment order was signed'),
  ('garnishment_served', true, 'garnishment', 'served', 'A garnishment was served on the employer'),
  ('garnishment_remittance', true, 'garnishment', 'in_progress', 'The employer has sent money'),
  ('subpoena_issued', true, 'subpoena', 'filed', 'An information subpoena was issued'),
  ('subpoena_complied', true, 'subpoena', 'completed', 'A subpoena was answered'),
  ('marshal_assigned', false, 'marshal', 'planned', 'A marshal or sheriff has the case'),
  ('marshal_attempted', false, 'marshal', 'in_progress', 'A marshal or sheriff has tried'),
  ('marshal_result', true, 'marshal', 'completed', 'A marshal or sheriff has reported'),
  ('case_stage_changed', false, null, null, 'The case went to another stage'),
  ('payment_received', false, null, null, 'Money came in'),
  ('blocked', false, null, null, 'Somebody outside holds the case up'),
  ('unblocked', false, null, null, 'What held the case up is over'),
  ('action_updated', false, null, null, 'An action was planned or has moved on'),
  ('action_completed', false, null, null, 'An action is done'),
  ('action_cancelled', false, null, null, 'An action was given up'),
  ('note', false, null, null, 'Somebody wrote something down');

create table public.plaintiff_tasks (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null,
  plaintiff_id uuid not null,
  enforcement_case_id uuid,
  kind text not null check (kind ~ '^[a-z][a-z0-9_]{0,39}$'),
  title text not null check (btrim(title) <> ''),
  status text not null default 'open' check (status in ('open', 'completed', 'cancelled')),
  stage text references public.enforcement_stage_lookup (stage),
  priority smallint not null default 0 check (priority between 0 and 3),
  due_at timestamptz,
  note text,
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  created_by text not null,
  created_at timestamptz not null default public.app_now(),
  closed_at timestamptz,
  closed_by text,
  updated_at timestamptz not null default public.app_now(),
  check ((status = 'open') = (closed_at is null)),
  foreign key (org_id, plaintiff_id) references public.plaintiffs (org_id, id) on delete cascade,
  foreign key (org_id, enforcement_case_id) references public.enforcement_cases (org_id, id) on delete cascade,
  unique (org_id, id)
);
comment on table public.plaintiff_tasks is 'What people are to do, for a plaintiff or on a case: calls (kind `call`) and the tasks of stages';
comment on column public.plaintiff_tasks.stage is 'The stage that created it; null for others';
comment on column public.plaintiff_tasks.priority is 'The effective tier of the case when the task was made; higher first';
-- One open task of a kind for a case, and for a plaintiff apart from cases: who asks again finds it.
create unique index plaintiff_tasks_open_on_case on public.plaintiff_tasks (org_id, enforcement_case_id, kind)
  where status = 'open' and enforcement_case_id is not null;
create unique index plaintiff_tasks_open_on_plaintiff on public.plaintiff_tasks (org_id, plaintiff_id, kind)
  where status = 'open' and enforcement_case_id is null;
create index plaintiff_tasks_case on public.plaintiff_tasks (org_id, enforcement_case_id, created_at desc);
create index plaintiff_tasks_plaintiff on public.plaintiff_tasks (org_id, plaintiff_id, created_at desc);
create index plaintiff_tasks_queue on public.plaintiff_tasks (org_id, due_at, id) where status = 'open';

create table public.enforcement_events (
  id uuid not null default gen_random_uuid(),
  org_id uuid not null,
  event_no bigint not null generated always as identity,
  enforcement_case_id uuid,
  judgment_id uuid not null,
  event_kind public.enforcement_event_kind not null,
  occurred_at timestamptz not null default public.app_now(),
  document_path text check (btrim(document_path) <> ''),
  related_task_id uuid,
  payload jsonb not null default '{}' check (jsonb_typeof(payload) = 'object'),
  note text,
  actor text not null,
  actor_id uuid,
  actor_type text not null check (actor_type in ('user', 'automation', 'rpc')),
  rpc text,
  created_at timestamptz not null default public.app_now(),
  primary key (org_id, id),
  -- Money may come in before anybody knows for which case.
  check (enforcement_case_id is not null or event_kind = 'payment_received'),
  foreign key (org_id, enforcement_case_id) references public.enforcement_cases (org_id, id) on delete cascade,
  foreign key (org_id, judgment_id) references public.core_judgments (org_id, id) on delete cascade,
  foreign key (org_id, related_task_id) references public.plaintiff_tasks (org_id, id)
);
comment on table public.enforcement_events is 'The black box recorder: append-only, but that a payment without a case may be given one';
comment on column public.enforcement_events.event_no is 'Orders what happened at the same instant';
comment on column public.enforcement_events.occurred_at is 'When it happened, which may be before it was written down (created_at)';
comment on column public.enforcement_events.document_path is 'Where the document is stored; demanded by kinds with needs_document';
comment on column public.enforcement_events.actor_id is 'The signed-in person, if it was one; refers to nothing, because the log outlives people';
comment on column public.enforcement_events.rpc is 'The function that wrote it';
create index enforcement_events_case on public.enforcement_events (org_id, enforcement_case_id, occurred_at desc, event_no desc);
create index enforcement_events_newest on public.enforcement_events (org_id, occurred_at desc, event_no desc);
create index enforcement_events_judgment on public.enforcement_events (org_id, judgment_id);
create index enforcement_events_task on public.enforcement_events (org_id, related_task_id) where related_task_id is not null;

create table public.enforcement_history (
  id uuid not null default gen_random_uuid(),
  org_id uuid not null,
  history_no bigint not null generated always as identity,
  enforcement_case_id uuid not null,
  action text not null check (action ~ '^[a-z][a-z0-9_]{0,39}$'),
  delta jsonb not null default '{}' check (jsonb_typeof(delta) = 'object'),
  note text,
  actor text not null,
  actor_id uuid,
  actor_type text not null check (actor_type in ('user', 'automation', 'rpc')),
  rpc text,
  changed_at timestamptz not null default public.app_now(),
  primary key (org_id, id),
  foreign key (org_id, enforcement_case_id) references public.enforcement_cases (org_id, id) on delete cascade
);
comment on table public.enforcement_history is 'Append-only: every change of a case, by whom and through which function';
comment on column public.enforcement_history.delta is 'Field to [before, after]';
comment on column public.enforcement_history.rpc is 'The function that changed the case; null where automation did';
create index enforcement_history_case on public.enforcement_history (org_id, enforcement_case_id, changed_at desc, history_no desc);

create table public.enforcement_actions (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null,
  enforcement_case_id uuid not null,
  action_type text not null check (action_type in ('bank_levy', 'garnishment', 'subpoena', 'marshal')),
  status text not null check (status in ('planned', 'filed', 'served', 'in_progress', 'completed', 'cancelled')),
  status_reason text,
  opened_at timestamptz not null default public.app_now(),
  closed_at timestamptz,
  next_milestone_at timestamptz,
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  created_by text not null,
  updated_by text,
  updated_at timestamptz not null default public.app_now(),
  check ((status in ('completed', 'cancelled')) = (closed_at is not null)),
  foreign key (org_id, enforcement_case_id) references public.enforcement_cases (org_id, id) on delete cascade,
  unique (org_id, id)
);
comment on table public.enforcement_actions is 'Levies, garnishments, subpoenas and marshal executions, each with where it stands; one active of a type for a case';
comment on column public.enforcement_actions.next_milestone_at is 'When somebody is to look at it next';
create unique index enforcement_actions_active on public.enforcement_actions (org_id, enforcement_case_id, action_type)
  where status in ('planned', 'filed', 'served', 'in_progress');
create index enforcement_actions_case on public.enforcement_actions (org_id, enforcement_case_id, opened_at desc);
create index enforcement_actions_type on public.enforcement_actions (enforcement_case_id, action_type, status);
create index enforcement_actions_running on public.enforcement_actions (org_id, action_type, status)
  where status in ('planned', 'filed', 'served', 'in_progress');

create table public.enforcement_documents (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null,
  enforcement_case_id uuid not null,
  event_id uuid,
  action_id uuid,
  doc_kind text not null check (btrim(doc_kind) <> ''),
  storage_path text not null check (btrim(storage_path) <> ''),
  uploaded_by text not null,
  uploaded_at timestamptz not null default public.app_now(),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  foreign key (org_id, enforcement_case_id) references public.enforcement_cases (org_id, id) on delete cascade,
  foreign key (org_id, event_id) references public.enforcement_events (org_id, id),
  foreign key (org_id, action_id) references public.enforcement_actions (org_id, id),
  unique (org_id, enforcement_case_id, storage_path)
);
comment on table public.enforcement_documents is 'Filings and evidence; event and action are those that the document vouches for';
create index enforcement_documents_case on public.enforcement_documents (org_id, enforcement_case_id, uploaded_at desc);
create index enforcement_documents_event on public.enforcement_documents (org_id, event_id) where event_id is not null;
create index enforcement_documents_action on public.enforcement_documents (org_id, action_id) where action_id is not null;

create table public.enforcement_payments (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null,
  judgment_id uuid not null,
  enforcement_case_id uuid,
  event_id uuid not null,
  amount numeric(14,2) not null check (amount > 0),
  credit numeric(14,2) not null default 0 check (credit between 0 and amount),
  balance_before numeric(14,2) not null,
  balance_after numeric(14,2) not null check (balance_after >= 0),
  received_at timestamptz not null,
  source text check (btrim(source) <> ''),
  document_path text check (btrim(document_path) <> ''),
  recorded_by text not null,
  recorded_at timestamptz not null default public.app_now(),
  linked_by text,
  linked_at timestamptz,
  check (balance_after = balance_before - amount + credit),
  check ((linked_by is null) = (linked_at is null)),
  foreign key (org_id, judgment_id) references public.core_judgments (org_id, id) on delete cascade,
  foreign key (org_id, enforcement_case_id) references public.enforcement_cases (org_id, id) on delete cascade,
  foreign key (org_id, event_id) references public.enforcement_events (org_id, id)
);
comment on table public.enforcement_payments is 'Money that came in; one without a case is unlinked until somebody links it';
comment on column public.enforcement_payments.credit is 'What it exceeds the balance by; only where the caller says so';
create index enforcement_payments_judgment on public.enforcement_payments (org_id, judgment_id);
create index enforcement_payments_case on public.enforcement_payments (org_id, enforcement_case_id, received_at desc);
create index enforcement_payments_event on public.enforcement_payments (org_id, event_id);
create index enforcement_payments_received on public.enforcement_payments (org_id, received_at desc);
create index enforcement_payments_unlinked on public.enforcement_payments (org_id, received_at desc) where enforcement_case_id is null;

-- ---- functions ----
create function public.tg_event_stays() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if tg_op = 'DELETE' then
    if pg_trigger_depth() > 1 then
      return old;
    end if;
  elsif old.enforcement_case_id is null and new.enforcement_case_id is not null and old.event_kind = 'payment_received'
    and to_jsonb(old) - 'enforcement_case_id' = to_jsonb(new) - 'enforcement_case_id' then
    return new;
  end if;
  raise sqlstate 'PT405' using message = 'enforcement_events is append-only';
end;
$$;
create trigger refuse_change before update or delete on public.enforcement_events
  for each row execute function public.tg_event_stays();
create trigger refuse_change before update or delete on public.enforcement_history
  for each row execute function public.tg_refuse_change();
create trigger touch_updated_at before update on public.plaintiff_tasks
  for each row execute function public.tg_touch_updated_at();
create trigger touch_updated_at before update on public.enforcement_actions
  for each row execute function public.tg_touch_updated_at();

-- A definer, because whoever writes actions need not be allowed to write cases.
create function public.tg_action_sets_case_status() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_status text;
begin
  if new.action_type = 'subpoena' then
    return null;
  end if;
  select a.status into v_status from public.enforcement_actions a
   where a.org_id = new.org_id and a.enforcement_case_id = new.enforcement_case_id and a.action_type = new.action_type
   order by a.opened_at desc, a.closed_at desc nulls first
   limit 1;
  update public.enforcement_cases c
     set levy_status = case new.action_type when 'bank_levy' then v_status else c.levy_status end,
         garnishment_status = case new.action_type when 'garnishment' then v_status else c.garnishment_status end,
         marshal_status = case new.action_type when 'marshal' then v_status else c.marshal_status end
   where c.org_id = new.org_id and c.id = new.enforcement_case_id;
  return null;
end;
$$;
alter function public.tg_action_sets_case_status() owner to service_role;
create trigger set_case_status after insert or update of status on public.enforcement_actions
  for each row execute function public.tg_action_sets_case_status();

-- A definer, because nobody may write history by hand.
create function public.tg_case_records_tier() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.enforcement_history (org_id, enforcement_case_id, action, delta, note, actor, actor_type)
  values (new.org_id, new.id, 'tier_changed', jsonb_build_object('tier', jsonb_build_array(old.tier, new.tier)), new.tier_reason,
          'tiering', 'automation');
  return null;
end;
$$;
alter function public.tg_case_records_tier() owner to service_role;
create trigger record_tier after update on public.enforcement_cases
  for each row
  when (old.tier is not null and old.tier is distinct from new.tier)
  execute function public.tg_case_records_tier();

-- ---- row-level security ----
alter table public.enforcement_event_kind_lookup enable row level security, force row level security;
alter table public.plaintiff_tasks enable row level security, force row level security;
alter table public.enforcement_events enable row level security, force row level security;
alter table public.enforcement_history enable row level security, force row level security;
alter table public.enforcement_actions enable row level security, force row level security;
alter table public.enforcement_documents enable row level security, force row level security;
alter table public.enforcement_payments enable row level security, force row level security;

create policy "everybody signed in sees the kinds of events" on public.enforcement_event_kind_lookup
  for select to authenticated, service_role using (true);
create policy "members see their tasks" on public.plaintiff_tasks
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see the events of their cases" on public.enforcement_events
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see the history of their cases" on public.enforcement_history
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see the actions on their cases" on public.enforcement_actions
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see the documents of their cases" on public.enforcement_documents
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see their payments" on public.enforcement_payments
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "the service manages tasks" on public.plaintiff_tasks for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service appends events" on public.enforcement_events for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service appends history" on public.enforcement_history for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service manages actions" on public.enforcement_actions for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service manages documents" on public.enforcement_documents for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service books payments" on public.enforcement_payments for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant select on public.enforcement_event_kind_lookup, public.plaintiff_tasks, public.enforcement_events, public.enforcement_history,
                public.enforcement_actions, public.enforcement_documents, public.enforcement_payments to authenticated, service_role;
grant insert, update on public.plaintiff_tasks, public.enforcement_actions, public.enforcement_documents to service_role;
grant insert on public.enforcement_events, public.enforcement_history, public.enforcement_payments to service_role;
grant update (enforcement_case_id) on public.enforcement_events to service_role;
grant update (enforcement_case_id, linked_by, linked_at) on public.enforcement_payments to service_role;
