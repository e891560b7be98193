-- A case's timeline has its documents too, each at the time when it was uploaded.

-- ---- views ----
create or replace view public.v_enforcement_timeline with (security_invoker = true) as
  select e.enforcement_case_id as case_id, e.occurred_at, 'event' as source, e.id as item_id, e.event_kind::text as kind, e.actor, e.actor_type,
         e.rpc, e.note, '{}'::jsonb as delta, e.payload, e.document_path, e.created_at as recorded_at, e.org_id
    from public.enforcement_events e
   where e.enforcement_case_id is not null
  union all
  select h.enforcement_case_id, h.changed_at, 'history', h.id, h.action, h.actor, h.actor_type, h.rpc, h.note, h.delta, '{}', null, h.changed_at, h.org_id
    from public.enforcement_history h
  union all
  select t.enforcement_case_id, t.created_at, 'task', t.id, t.kind, t.created_by, null, null, t.note, '{}',
         jsonb_build_object('title', t.title, 'status', t.status, 'stage', t.stage, 'due_at', t.due_at, 'closed_at', t.closed_at,
                            'closed_by', t.closed_by) || t.metadata,
         null, t.created_at, t.org_id
    from public.plaintiff_tasks t
   where t.enforcement_case_id is not null
  union all
  select a.enforcement_case_id, a.opened_at, 'action', a.id, a.action_type, a.created_by, null, null, a.status_reason, '{}',
         jsonb_build_object('status', a.status, 'closed_at', a.closed_at, 'updated_at', a.updated_at, 'updated_by', a.updated_by,
                            'next_milestone_at', a.next_milestone_at) || a.metadata,
         null, a.opened_at, a.org_id
    from public.enforcement_actions a
  union all
  select d.enforcement_case_id, d.uploaded_at, 'document', d.id, d.doc_kind, d.uploaded_by, null, null, null, '{}',
         d.metadata || jsonb_build_object('event_id', d.event_id, 'action_id', d.action_id, 'size_bytes', d.size_bytes),
         d.storage_path, d.uploaded_at, d.org_id
    from public.enforcement_documents d;
comment on view public.v_enforcement_timeline is
  'Events, history, tasks, actions and documents of a case, each at the time when it happened; ask for one case and order by occurred_at';
