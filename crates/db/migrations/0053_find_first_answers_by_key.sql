-- The first answer to a request id is found by its whole key: row-level security keeps from an index what `coalesce` compares.
create or replace function public.end_rpc(p_call public.rpc_call, p_result jsonb) returns jsonb
language plpgsql volatile security invoker
as $$
declare
  v_caller uuid := coalesce(p_call.actor_id, '00000000-0000-0000-0000-000000000000');
begin
  if p_call.request_id is not null then
    update public.rpc_requests r set result = coalesce(p_result, 'null')
     where r.org_id = p_call.org_id and r.caller_id = v_caller
       and r.rpc = p_call.rpc and r.request_id = p_call.request_id;
  end if;
  return p_result;
end;
$$;
