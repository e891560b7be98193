-- How plaintiffs are reached and what came of it: contacts, every past status, every call.

-- ---- tables ----
create table public.plaintiff_contacts (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null,
  plaintiff_id uuid not null,
  name text not null check (btrim(name) <> ''),
  role text,
  email text,
  phone text,
  is_primary boolean not null default false,
  created_at timestamptz not null default public.app_now(),
  updated_at timestamptz not null default public.app_now(),
  foreign key (org_id, plaintiff_id) references public.plaintiffs (org_id, id) on delete cascade
);
comment on table public.plaintiff_contacts is 'People to reach at a plaintiff, beside the one of the intake';
create index plaintiff_contacts_plaintiff on public.plaintiff_contacts (org_id, plaintiff_id);
create unique index plaintiff_contacts_primary on public.plaintiff_contacts (org_id, plaintiff_id) where is_primary;

create table public.plaintiff_status_history (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null,
  plaintiff_id uuid not null,
  previous_status text,
  status text not null,
  note text,
  actor text not null,
  actor_id uuid,
  changed_at timestamptz not null default public.app_now(),
  foreign key (org_id, plaintiff_id) references public.plaintiffs (org_id, id) on delete cascade
);
comment on table public.plaintiff_status_history is 'Append-only: every status of a plaintiff';
create index plaintiff_status_history_plaintiff on public.plaintiff_status_history (org_id, plaintiff_id, changed_at desc);

create table public.plaintiff_call_attempts (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null,
  plaintiff_id uuid not null,
  task_id uuid,
  outcome text not null check (outcome in ('reached', 'left_voicemail', 'no_answer', 'bad_number', 'do_not_call')),
  interest text check (interest in ('hot', 'warm', 'cold', 'none')),
  status text not null,
  notes text,
  follow_up_at timestamptz,
  follow_up_task_id uuid,
  called_by text not null,
  called_by_id uuid,
  called_at timestamptz not null default public.app_now(),
  foreign key (org_id, plaintiff_id) references public.plaintiffs (org_id, id) on delete cascade,
  foreign key (org_id, task_id) references public.plaintiff_tasks (org_id, id),
  foreign key (org_id, follow_up_task_id) references public.plaintiff_tasks (org_id, id)
);
comment on table public.plaintiff_call_attempts is 'Append-only: every call, what came of it and what follows';
comment on column public.plaintiff_call_attempts.status is 'The status of the plaintiff that outcome and interest amount to';
create index plaintiff_call_attempts_plaintiff on public.plaintiff_call_attempts (org_id, plaintiff_id, called_at desc);
create index plaintiff_call_attempts_task on public.plaintiff_call_attempts (org_id, task_id);
create index plaintiff_call_attempts_follow_up on public.plaintiff_call_attempts (org_id, follow_up_task_id);

-- ---- indexes ----
create index plaintiffs_name on public.plaintiffs (org_id, name, id);

-- ---- functions ----
create trigger touch_updated_at before update on public.plaintiff_contacts
  for each row execute function public.tg_touch_updated_at();
create trigger refuse_change before update or delete on public.plaintiff_status_history
  for each row execute function public.tg_refuse_change();
create trigger refuse_change before update or delete on public.plaintiff_call_attempts
  for each row execute function public.tg_refuse_change();

-- ---- row-level security ----
alter table public.plaintiff_contacts enable row level security, force row level security;
alter table public.plaintiff_status_history enable row level security, force row level security;
alter table public.plaintiff_call_attempts enable row level security, force row level security;

create policy "members see the contacts of their plaintiffs" on public.plaintiff_contacts
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see past statuses of their plaintiffs" on public.plaintiff_status_history
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "members see the calls to their plaintiffs" on public.plaintiff_call_attempts
  for select to authenticated using (org_id = (select public.current_org_id()));
create policy "the service manages contacts" on public.plaintiff_contacts for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service appends statuses" on public.plaintiff_status_history for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);
create policy "the service appends calls" on public.plaintiff_call_attempts for all to service_role
  using (org_id = (select public.current_org_id()) or (select public.current_org_id()) is null);

-- ---- grants ----
grant select on public.plaintiff_contacts, public.plaintiff_status_history, public.plaintiff_call_attempts to authenticated, service_role;
grant insert, update, delete on public.plaintiff_contacts to service_role;
grant insert on public.plaintiff_status_history, public.plaintiff_call_attempts to service_role;
