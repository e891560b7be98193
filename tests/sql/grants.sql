-- Who may write what: the matrix of roles, verbs and tables, stated in full so that a new grant is a decision that somebody sees.
begin;
create extension if not exists pgtap;
select no_plan();

select results_eq(
  $$ select c.relname::text collate "default", r.role,
            concat_ws(' ', case when has_any_column_privilege(r.role, c.oid, 'insert') then 'insert' end,
                           case when has_any_column_privilege(r.role, c.oid, 'update') then 'update' end,
                           case when has_table_privilege(r.role, c.oid, 'delete') then 'delete' end)
       from pg_class c cross join (values ('authenticated'), ('enforcement_operator'), ('admin')) as r (role)
      where c.relnamespace::regnamespace::text in ('public', 'judgments', 'enrichment') and c.relkind in ('r', 'v')
        and (has_any_column_privilege(r.role, c.oid, 'insert') or has_any_column_privilege(r.role, c.oid, 'update')
          or has_table_privilege(r.role, c.oid, 'delete'))
      order by 1, 2 $$,
  $$ values ('tier_policies', 'admin', 'insert update delete') $$,
  'people write nothing directly but the drafts of policies');

select results_eq(
  $$ select p.proname::text collate "default" from pg_proc p
      where p.pronamespace = 'public'::regnamespace and p.prosecdef and has_function_privilege('authenticated', p.oid, 'execute')
      order by 1 $$,
  $$ values ('log_call_outcome'), ('mark_alerts_read'), ('queue_job'), ('queue_statistics'), ('request_case_copilot'), ('search_judgments') $$,
  'the definer functions that everybody signed in may call');

select results_eq(
  $$ select p.proname::text collate "default" from pg_proc p
      where p.pronamespace = 'public'::regnamespace and has_function_privilege('admin', p.oid, 'execute')
        and p.provolatile = 'v' and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e') order by 1 $$,
  $$ values ('add_enforcement_document'), ('add_plaintiff_task'), ('add_pool_member'), ('answer_tier_policy_approval'), ('apply_case_plan'), ('assign_enforcement_case'),
            ('cancel_case_plan'), ('cancel_tier_policy_schedule'),
            ('clear_tier_override'), ('close_enforcement_case'), ('close_plaintiff_task'), ('create_api_token'), ('delete_pool'), ('discard_dead_letter'),
            ('issue_subpoena'), ('keep_overruled_assertions'), ('keep_policy_witnesses'), ('keep_review_sample'), ('link_enforcement_payment'), ('log_call_outcome'), ('log_enforcement_event'), ('mark_alerts_read'),
            ('open_enforcement_case'), ('pause_queue'), ('plan_case_change'), ('publish_tier_policy'), ('put_alert_route'), ('put_plaintiff_contact'), ('queue_enforcement_action'),
            ('queue_job'), ('rank_pool_members'), ('record_enforcement_payment'), ('record_event_audit'), ('record_subpoena_response'), ('remove_pool_member'), ('request_case_copilot'),
            ('request_tier_policy_approval'), ('retire_agent'), ('retry_alert'), ('retry_dead_letter'), ('revoke_api_token'), ('revoke_visitor_key'),
            ('save_agent'), ('save_page_rules'), ('save_pool'), ('save_visitor_key'), ('schedule_tier_policy'), ('set_enforcement_stage'),
            ('set_enforcement_stage_settings'), ('set_judgment_priority'), ('set_next_action'), ('set_organisation_settings'), ('set_plaintiff_status'),
            ('set_recovery_plan'), ('set_tier_override'), ('start_tier_shadow'), ('stop_tier_shadow'), ('store_enforcement_document') $$,
  'the writing functions that an admin may call');

select results_eq(
  $$ select p.proname::text collate "default" from pg_proc p
      where p.pronamespace = 'public'::regnamespace and has_function_privilege('enforcement_operator', p.oid, 'execute')
        and p.provolatile = 'v' and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e') order by 1 $$,
  $$ values ('add_enforcement_document'), ('add_plaintiff_task'), ('apply_case_plan'), ('assign_enforcement_case'), ('cancel_case_plan'), ('clear_tier_override'),
            ('close_enforcement_case'), ('close_plaintiff_task'), ('discard_dead_letter'), ('issue_subpoena'), ('keep_review_sample'), ('link_enforcement_payment'), ('log_call_outcome'), ('log_enforcement_event'), ('mark_alerts_read'),
            ('open_enforcement_case'), ('plan_case_change'), ('put_plaintiff_contact'), ('queue_enforcement_action'), ('queue_job'),
            ('record_enforcement_payment'), ('record_event_audit'), ('record_subpoena_response'), ('request_case_copilot'), ('retry_dead_letter'), ('set_enforcement_stage'), ('set_judgment_priority'),
            ('set_next_action'), ('set_plaintiff_status'), ('set_tier_override'), ('store_enforcement_document') $$,
  'the writing functions that an operator may call');
select ok(not has_function_privilege('admin', f, 'execute'), format('vendors'' data come by the service alone: %s', f))
  from unnest(array['public.set_case_enrichment(uuid, numeric, text, text)', 'public.upsert_enrichment_bundle(jsonb)', 'public.insert_or_get_entity(jsonb)',
                    'public.set_case_scores(uuid, numeric, numeric, numeric, numeric, numeric, numeric, text)', 'public.process_simplicity_imports(uuid)']) f;
select ok(not has_table_privilege(r, 'public.v_case_copilot_latest', 'select') and not has_table_privilege(r, 'public.case_copilot_briefs', 'select')
      and not has_table_privilege(r, 'public.rpc_requests', 'select'), format('briefs and first answers are not for %s', r))
  from unnest(array['anon', 'authenticated', 'enforcement_operator', 'admin']) r;
select ok(not has_any_column_privilege('service_role', 'public.enforcement_history', 'update') and not has_table_privilege('service_role', t, 'delete'),
          format('not even the service removes from %s', t))
  from unnest(array['public.enforcement_history', 'public.enforcement_events', 'public.enforcement_payments', 'public.plaintiff_call_attempts',
                    'public.enforcement_event_audits']) t;

select ok(not has_column_privilege('admin', 'public.tier_policies', 'tier_sql', 'update'),
          'an admin cannot write the SQL that a refresh runs');
select ok(not has_column_privilege('admin', 'public.tier_policies', 'approval', 'update'),
          'an admin cannot write an approval past its functions');
select ok(not has_any_column_privilege('service_role', 'public.tier_policy_events', 'update')
      and not has_table_privilege('service_role', 'public.tier_policy_events', 'delete'),
          'not even the service changes the log of policies');
select ok(not has_column_privilege('authenticated', 'public.users', 'password_hash', 'select'),
          'nobody signed in reads password hashes');
select results_eq(
  $$ select c.relname::text collate "default",
            concat_ws(' ', case when has_any_column_privilege('lead_router', c.oid, 'insert') then 'insert' end,
                           case when has_any_column_privilege('lead_router', c.oid, 'update') then 'update' end,
                           case when has_table_privilege('lead_router', c.oid, 'delete') then 'delete' end)
       from pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v')
        and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
        and (has_any_column_privilege('lead_router', c.oid, 'select') or has_any_column_privilege('lead_router', c.oid, 'insert'))
        and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
      order by 1 $$,
  $$ values ('agent_pool_members', ''), ('agent_pools', ''), ('agent_presence', 'insert update'), ('agent_profiles', ''),
            ('agent_status_events', 'insert'), ('lead_assignments', 'insert'), ('lead_releases', 'insert'), ('leads', 'insert update'),
            ('missed_leads', 'insert'), ('pool_page_rules', ''), ('routing_log', 'insert'), ('routing_state', 'update'),
            ('server_processes', ''), ('visitor_keys', ''), ('visitor_secrets', '') $$,
  'whoever acts for visitors reaches what routing takes and nothing else');
select results_eq(
  $$ select c.relname::text collate "default",
            has_any_column_privilege('judgment_search', c.oid, 'insert') or has_any_column_privilege('judgment_search', c.oid, 'update')
              or has_table_privilege('judgment_search', c.oid, 'delete')
       from pg_class c
      where c.relnamespace::regnamespace::text in ('public', 'judgments', 'enrichment') and c.relkind in ('r', 'v')
        and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
        and has_any_column_privilege('judgment_search', c.oid, 'select')
      order by 1 $$,
  $$ values ('core_judgments', false), ('judgment_names', false), ('plaintiffs', false) $$,
  'the search reads what it finds by, and writes nothing');
select ok(not has_any_column_privilege('authenticated', 'public.visitor_secrets', 'select'), 'nobody signed in reads what signs visitors'' tokens');
select ok(not has_column_privilege('admin', 'public.api_tokens', 'token_hash', 'select'), 'nobody reads hashes of tokens');
select ok(not has_table_privilege('enforcement_operator', 'public.enforcement_alert_routes', 'select')
      and not has_column_privilege('enforcement_operator', 'public.enforcement_alert_routes', 'target', 'select'), 'addresses of webhooks are for admins');
select ok(not has_schema_privilege('authenticated', 'pgmq', 'usage'), 'people do not reach the queues past their functions');

select * from finish();
rollback;
