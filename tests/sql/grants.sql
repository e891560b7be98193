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
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v')
        and (has_any_column_privilege(r.role, c.oid, 'insert') or has_any_column_privilege(r.role, c.oid, 'update')
          or has_table_privilege(r.role, c.oid, 'delete'))
      order by 1, 2 $$,
  $$ values ('tier_policies', 'admin', 'insert update delete') $$,
  'people write nothing directly but the drafts of policies');

select results_eq(
  $$ select p.proname::text collate "default" from pg_proc p
      where p.pronamespace = 'public'::regnamespace and p.prosecdef and has_function_privilege('authenticated', p.oid, 'execute')
      order by 1 $$,
  $$ values ('queue_job'), ('queue_statistics') $$,
  'the definer functions that everybody signed in may call');

select results_eq(
  $$ select p.proname::text collate "default" from pg_proc p
      where p.pronamespace = 'public'::regnamespace and has_function_privilege('admin', p.oid, 'execute')
        and p.provolatile = 'v' and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e') order by 1 $$,
  $$ values ('add_pool_member'), ('answer_tier_policy_approval'), ('cancel_tier_policy_schedule'), ('delete_pool'), ('discard_dead_letter'),
            ('keep_policy_witnesses'), ('pause_queue'), ('publish_tier_policy'),
            ('queue_job'), ('rank_pool_members'), ('remove_pool_member'), ('request_tier_policy_approval'), ('retire_agent'),
            ('retry_dead_letter'), ('revoke_visitor_key'), ('save_agent'), ('save_page_rules'), ('save_pool'), ('save_visitor_key'),
            ('schedule_tier_policy'), ('set_organisation_settings'), ('start_tier_shadow'), ('stop_tier_shadow') $$,
  'the writing functions that an admin may call');

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
      order by 1 $$,
  $$ values ('agent_pool_members', ''), ('agent_pools', ''), ('agent_presence', 'insert update'), ('agent_profiles', ''),
            ('agent_status_events', 'insert'), ('lead_assignments', 'insert'), ('lead_releases', 'insert'), ('leads', 'insert update'),
            ('missed_leads', 'insert'), ('pool_page_rules', ''), ('routing_log', 'insert'), ('routing_state', 'update'),
            ('server_processes', ''), ('visitor_keys', ''), ('visitor_secrets', '') $$,
  'whoever acts for visitors reaches what routing takes and nothing else');
select ok(not has_any_column_privilege('authenticated', 'public.visitor_secrets', 'select'), 'nobody signed in reads what signs visitors'' tokens');
select ok(not has_schema_privilege('authenticated', 'pgmq', 'usage'), 'people do not reach the queues past their functions');

select * from finish();
rollback;
