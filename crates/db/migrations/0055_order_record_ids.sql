-- Rows that are only ever added get ids that ascend, so that their primary key grows at its end: a random id touches
-- another page each time, and the first touch after a checkpoint writes the whole page to the log.

-- ---- functions ----
create function public.record_id() returns uuid
language sql volatile
return encode(
  -- 48 bits of milliseconds before random ones; version 4 becomes 7.
  set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    placing substring(int8send(floor(extract(epoch from public.app_now()) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1),
  'hex')::uuid;
comment on function public.record_id() is 'A UUID of version 7 (RFC 9562): those of later transactions sort behind';

-- ---- columns ----
alter table public.enforcement_events alter column id set default public.record_id();
alter table public.enforcement_history alter column id set default public.record_id();
alter table public.enforcement_payments alter column id set default public.record_id();
alter table public.plaintiff_call_attempts alter column id set default public.record_id();
alter table public.plaintiff_status_history alter column id set default public.record_id();

-- ---- grants ----
revoke all on function public.record_id() from public;
grant execute on function public.record_id() to service_role;
