-- Documents whose files are kept by us: what each file holds, so that one that is gone or was changed is found.

-- ---- tables ----
-- Columns first: constraints that are checked against every row come after them, in one pass.
alter table public.enforcement_documents
  add column file_name text,
  add column media_type text,
  add column size_bytes bigint,
  add column sha256 bytea;
alter table public.enforcement_documents
  add constraint enforcement_documents_kept check (
    num_nulls(file_name, media_type, size_bytes, sha256) = 4
    or num_nulls(file_name, media_type, size_bytes, sha256) = 0
       and btrim(file_name) <> '' and size_bytes > 0 and length(sha256) = 32);
comment on column public.enforcement_documents.file_name is 'What its uploader called it; null, as the three after it, where the file was only named by storage_path and is kept elsewhere';
comment on column public.enforcement_documents.storage_path is 'Where the file lies; for one that is kept by us, within the folder or bucket of documents';

-- ---- functions ----
create function public.document_json(p_document public.enforcement_documents) returns jsonb
language plpgsql immutable
as $$
begin
  return jsonb_build_object(
    'id', p_document.id, 'case_id', p_document.enforcement_case_id, 'event_id', p_document.event_id, 'action_id', p_document.action_id,
    'doc_kind', p_document.doc_kind, 'file_name', p_document.file_name, 'media_type', p_document.media_type,
    'size_bytes', p_document.size_bytes, 'sha256', encode(p_document.sha256, 'hex'), 'storage_path', p_document.storage_path,
    'uploaded_by', p_document.uploaded_by, 'uploaded_at', p_document.uploaded_at);
end;
$$;

-- Named `p_…`, so that nobody calls it over HTTP: whoever could, could claim a file that is not there, or another's.
create function public.store_enforcement_document(p_document jsonb) returns jsonb
language plpgsql volatile security definer set search_path = ''
as $$
declare
  -- The id is new with every try. The same call again is known by what the file holds and is called.
  v_call public.rpc_call := public.begin_rpc('store_enforcement_document', p_document - array['id', 'ending'],
    array['case_id', 'doc_kind', 'file_name', 'event_id', 'action_id', 'media_type', 'size_bytes', 'sha256']);
  v_doc_kind text;
  v_event_id uuid;
  v_action_id uuid;
  v_id uuid;
  v_case public.enforcement_cases;
  v_document public.enforcement_documents;
begin
  if v_call.result is not null then
    return v_call.result;
  end if;
  v_doc_kind := public.rpc_text(p_document, 'doc_kind', true, 60);
  v_event_id := public.rpc_uuid(p_document, 'event_id');
  v_action_id := public.rpc_uuid(p_document, 'action_id');
  v_id := public.rpc_uuid(p_document, 'id', true);
  -- A paper may turn up after the case was closed.
  v_case := public.find_case(v_call.org_id, public.rpc_uuid(p_document, 'case_id', true), p_may_be_closed => true);
  if v_event_id is not null and not exists (
       select from public.enforcement_events e where e.org_id = v_call.org_id and e.id = v_event_id and e.enforcement_case_id = v_case.id) then
    raise sqlstate 'PT404' using message = 'the case has no such event', detail = 'event_id';
  end if;
  if v_action_id is not null and not exists (
       select from public.enforcement_actions a where a.org_id = v_call.org_id and a.id = v_action_id and a.enforcement_case_id = v_case.id) then
    raise sqlstate 'PT404' using message = 'the case has no such action', detail = 'action_id';
  end if;
  insert into public.enforcement_documents
    (id, org_id, enforcement_case_id, event_id, action_id, doc_kind, storage_path, uploaded_by, file_name, media_type, size_bytes, sha256)
  values (v_id, v_call.org_id, v_case.id, v_event_id, v_action_id, v_doc_kind,
          format('%s/%s/%s.%s', v_call.org_id, v_case.id, v_id, p_document ->> 'ending'), v_call.actor, p_document ->> 'file_name',
          p_document ->> 'media_type', (p_document ->> 'size_bytes')::bigint, decode(p_document ->> 'sha256', 'hex'))
  returning * into v_document;
  perform public.write_history(v_call, v_case.id, 'document_added',
    jsonb_build_object('document', jsonb_build_array(null, v_doc_kind), 'file_name', jsonb_build_array(null, v_document.file_name)));
  return public.end_rpc(v_call, public.document_json(v_document));
end;
$$;
-- A definer, as every function that writes cases.
alter function public.store_enforcement_document(jsonb) owner to service_role;
comment on function public.store_enforcement_document(jsonb) is
  'Notes a document of a case whose file the caller gives its place before it commits; answers the document, and for a request id that was answered before the first one';

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant execute on function public.document_json(public.enforcement_documents) to service_role;
grant execute on function public.store_enforcement_document(jsonb) to enforcement_operator, service_role;
