-- Queues are shared by all organisations of a database: nobody of one of them stops the work of the others.

create or replace function public.pause_queue(p_kind text, p_is_paused boolean) returns void
language plpgsql volatile security definer set search_path = ''
as $$
begin
  if public.current_user_id() is not null and exists (select from public.organisations o where o.id <> public.current_org_id()) then
    raise sqlstate 'PT403' using message = 'the queues are shared with other organisations',
      hint = 'whoever runs the server pauses and resumes them, by `dragonfly queue pause` and `resume`';
  end if;
  update public.queue_kinds set is_paused = p_is_paused where kind = p_kind;
  if not found then
    raise sqlstate 'PT404' using message = format('unknown queue kind `%s`', p_kind);
  end if;
  perform pg_notify('dragonfly_queue', p_kind);
  perform public.notify_live(public.current_org_id(), '{"kind": "queues"}');
end;
$$;
comment on function public.pause_queue(text, boolean) is
  'Stops workers from reading a kind, or lets them again: for all organisations, so that people may only where theirs is the only one';
