-- Each policy of row-level security matters: what it allows can be done, and cannot once it is taken away. Read from the catalogue.
begin;
create extension if not exists pgtap;
select no_plan();

create temporary table ours as
  select c.oid, c.oid::regclass::text as name, exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'org_id') as has_org
    from pg_class c
   where c.relnamespace::regnamespace::text in ('public', 'judgments', 'enrichment') and c.relkind = 'r' and c.relrowsecurity;

-- One row in every table, made of its column types alone: all ids are the same, so that the row belongs to the firm and its member.
set local session_replication_role = replica;
do $$
declare
  v_check record;
  v_table record;
begin
  for v_check in select conrelid::regclass as name, conname from pg_constraint where contype = 'c' and conrelid in (select oid from ours) loop
    execute format('alter table %s drop constraint %I', v_check.name, v_check.conname);
  end loop;
  for v_table in
    select o.name, string_agg(quote_ident(a.attname), ', ' order by a.attnum) as columns,
           string_agg(case when t.typname = 'uuid' then '''00000000-0000-0000-0000-00000000000a'''
                           when t.typtype = 'e' then quote_literal((select enumlabel from pg_enum e where e.enumtypid = t.oid order by enumsortorder limit 1))
                           when t.typcategory = 'A' then '''{}'''
                           when t.typcategory = 'N' then '1'
                           when t.typcategory = 'B' then 'false'
                           when t.typname in ('json', 'jsonb') then '''{}'''
                           when t.typname in ('timestamptz', 'date') then '''2026-01-01'''
                           when t.typname = 'bytea' then '''\x00'''
                           when t.typname = 'xid8' then 'pg_current_xact_id()'
                           when t.typname = 'pg_snapshot' then 'pg_current_snapshot()'
                           else '''x''' end, ', ' order by a.attnum) as row
      from ours o
      join pg_attribute a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
      join pg_type t on t.oid = a.atttypid
     where a.attidentity = '' and (a.attnotnull or t.typname = 'uuid')
     group by o.name
  loop
    execute format('delete from %s', v_table.name);
    execute format('insert into %s (%s) values (%s)', v_table.name, v_table.columns, v_table.row);
  end loop;
end;
$$;
set local session_replication_role = origin;

-- How many rows a role reaches: seen, or touched by the verb. A refusal reaches none.
create function pg_temp.reached(p_table text, p_role text, p_verb text, p_org text default '00000000-0000-0000-0000-00000000000a')
returns bigint language plpgsql as $$
declare
  v_rows bigint := 0;
begin
  perform set_config('dragonfly.org_id', p_org, true);
  -- Whose rows they are, where they are a person's.
  perform set_config('dragonfly.user_id', '00000000-0000-0000-0000-00000000000a', true);
  begin
    execute format('set local role %I', p_role);
    case p_verb
      when 'SELECT', 'ALL' then
        execute format('select count(*) from %s', p_table) into v_rows;
      when 'UPDATE' then
        execute format('update %s set updated_at = now()', p_table);
        get diagnostics v_rows = row_count;
      when 'DELETE' then
        execute format('delete from %s', p_table);
        get diagnostics v_rows = row_count;
      when 'INSERT' then
        execute format('insert into %s (org_id, name, document, digest) values (%L, ''x'', ''{}'', ''x'')', p_table, p_org);
        get diagnostics v_rows = row_count;
    end case;
    -- What was written is undone.
    raise exception 'undo';
  exception
    when raise_exception or insufficient_privilege then null;
  end;
  reset role;
  return v_rows;
end;
$$;

create function pg_temp.reached_without(p_policy text, p_table text, p_role text, p_verb text) returns bigint language plpgsql as $$
declare
  v_rows bigint;
begin
  begin
    execute format('drop policy %I on %s', p_policy, p_table);
    v_rows := pg_temp.reached(p_table, p_role, p_verb);
    raise exception 'undo';
  exception
    when raise_exception then null;
  end;
  return v_rows;
end;
$$;

create function pg_temp.seen_by_neighbour_without_security(p_table text, p_role text) returns bigint language plpgsql as $$
declare
  v_rows bigint;
begin
  begin
    execute format('alter table %s disable row level security', p_table);
    v_rows := pg_temp.reached(p_table, p_role, 'SELECT', '00000000-0000-0000-0000-00000000000b');
    raise exception 'undo';
  exception
    when raise_exception then null;
  end;
  return v_rows;
end;
$$;

create temporary table kept as
  select p.polname::text as policy, o.name as relation, r.rolname::text as role,
         case p.polcmd when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE' when 'd' then 'DELETE' else 'ALL' end as verb
    from pg_policy p join ours o on o.oid = p.polrelid cross join unnest(p.polroles) as g (role) join pg_roles r on r.oid = g.role;

select cmp_ok(count(*), '>', 60::bigint, 'the policies are found') from kept;
-- People may be given part of a table's columns; the count then takes none of them.
select cmp_ok(pg_temp.reached(k.relation, k.role, k.verb), '>', 0::bigint, format('%s on %s: %s may %s', k.policy, k.relation, k.role, k.verb))
  from kept k order by k.relation, k.policy, k.role;
select is(pg_temp.reached_without(k.policy, k.relation, k.role, k.verb), 0::bigint, format('without "%s", %s on %s may not', k.policy, k.role, k.relation))
  from kept k order by k.relation, k.policy, k.role;

-- And what keeps firms apart is row-level security, not that there happens to be nothing to see.
select is(array[pg_temp.reached(o.name, r.role, 'SELECT', '00000000-0000-0000-0000-00000000000b'), pg_temp.seen_by_neighbour_without_security(o.name, r.role)],
          array[0, 1]::bigint[], format('only row-level security hides %s from a %s of another firm', o.name, r.role))
  from ours o cross join (values ('authenticated'), ('admin'), ('service_role')) as r (role)
 where o.has_org and has_any_column_privilege(r.role, o.oid, 'select')
   and not exists (select from kept k join pg_policy p on p.polname = k.policy and p.polrelid = o.oid
                    where k.relation = o.name and k.role = r.role and pg_get_expr(p.polqual, p.polrelid) = 'true')
 order by o.name, r.role;

select * from finish();
rollback;
