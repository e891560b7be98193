-- The functions of vendors' data: scores, contacts, assets, entities; and the queue kinds that bring them and what follows.

-- ---- tables ----
insert into public.queue_kinds (kind, description, visibility_timeout_seconds) values
  ('enrich', 'Applies what vendors say of a debtor: scores, contacts, assets', 60),
  ('outreach', 'Creates the call that is due to a plaintiff, by tier', 60),
  ('enforce', 'Picks the next action of a case, by effective tier and stage', 60),
  ('case_copilot', 'Writes the brief of a case', 120);
select pgmq.create(k) from unnest(array['enrich', 'outreach', 'enforce', 'case_copilot']) k;

-- ---- functions ----
create function public.find_court_case(p_case_id uuid) returns judgments.cases
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_org uuid;
  v_case judgments.cases;
begin
  if p_case_id is null then
    raise sqlstate 'PT422' using message = '`case_id` is missing', detail = 'case_id';
  end if;
  -- The judgment is locked first, as everywhere.
  select j.org_id into v_org from public.core_judgments j where j.id = p_case_id for no key update;
  if not found then
    raise sqlstate 'PT404' using message = 'court case not found', hint = 'a court case has the id of its judgment';
  end if;
  insert into judgments.cases (case_id, org_id) values (p_case_id, v_org) on conflict (org_id, case_id) do nothing;
  select * into v_case from judgments.cases c where c.org_id = v_org and c.case_id = p_case_id for update;
  return v_case;
end;
$$;
comment on function public.find_court_case(uuid) is 'Locks a court case and its judgment; one that was never enriched comes to be';

create function public.expect_scores(p_collectability_tier text, variadic p_scores numeric[]) returns void
language plpgsql immutable set search_path = ''
as $$
begin
  if p_collectability_tier not in ('A', 'B', 'C') then
    raise sqlstate 'PT422' using message = format('unknown collectability tier `%s`', left(p_collectability_tier, 60)),
      detail = 'collectability_tier', hint = 'known are A, B, C';
  end if;
  if exists (select from unnest(p_scores) s where s < 0 or s > 100 or s = 'NaN' or s <> round(s, 2)) then
    raise sqlstate 'PT422' using message = 'a score is from 0 to 100 with at most two decimals', detail = 'score';
  end if;
end;
$$;

create function public.set_case_enrichment(
  p_case_id uuid, p_collectability_score numeric, p_collectability_tier text, p_summary text default null)
returns void
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_case judgments.cases;
begin
  perform public.expect_scores(p_collectability_tier, p_collectability_score);
  v_case := public.find_court_case(p_case_id);
  update judgments.cases c
     set collectability_score = coalesce(p_collectability_score, c.collectability_score),
         collectability_tier = coalesce(p_collectability_tier, c.collectability_tier),
         summary = coalesce(nullif(btrim(p_summary), ''), c.summary), last_enriched_at = public.app_now()
   where c.org_id = v_case.org_id and c.case_id = p_case_id;
  -- The score is a fact of the judgment; a change queues the assignment of its tier.
  update public.core_judgments j set collectability_score = p_collectability_score
   where j.org_id = v_case.org_id and j.id = p_case_id and j.collectability_score is distinct from p_collectability_score
     and p_collectability_score is not null;
end;
$$;
comment on function public.set_case_enrichment(uuid, numeric, text, text) is
  'Keeps the score and the collectability tier that enrichment came to; null leaves what is known';

create function public.set_case_scores(
  p_case_id uuid, p_identity_score numeric, p_contactability_score numeric, p_asset_score numeric, p_recency_amount_score numeric,
  p_adverse_penalty numeric, p_collectability_score numeric, p_collectability_tier text)
returns void
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_case judgments.cases;
begin
  perform public.expect_scores(p_collectability_tier, p_identity_score, p_contactability_score, p_asset_score, p_recency_amount_score,
                               p_adverse_penalty, p_collectability_score);
  v_case := public.find_court_case(p_case_id);
  update judgments.cases c
     set identity_score = p_identity_score, contactability_score = p_contactability_score, asset_score = p_asset_score,
         recency_amount_score = p_recency_amount_score, adverse_penalty = p_adverse_penalty,
         collectability_score = p_collectability_score, collectability_tier = p_collectability_tier, last_scored_at = public.app_now()
   where c.org_id = v_case.org_id and c.case_id = p_case_id;
  update public.core_judgments j set collectability_score = p_collectability_score
   where j.org_id = v_case.org_id and j.id = p_case_id and j.collectability_score is distinct from p_collectability_score
     and p_collectability_score is not null;
end;
$$;
comment on function public.set_case_scores(uuid, numeric, numeric, numeric, numeric, numeric, numeric, text) is
  'Keeps a whole scoring; the judgment gets its score, where there is one';

create function public.upsert_enrichment_bundle(bundle jsonb) returns jsonb
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_case judgments.cases;
  v_item jsonb;
  v_part text;
  v_contacts int[];
  v_assets int[];
  v_signals int;
begin
  if bundle is null or jsonb_typeof(bundle) <> 'object' then
    raise sqlstate 'PT422' using message = 'an enrichment bundle is a JSON object', hint = 'give case_id, contacts and assets';
  end if;
  foreach v_part in array array['contacts', 'assets'] loop
    if jsonb_typeof(bundle -> v_part) not in ('array', 'null') then
      raise sqlstate 'PT422' using message = format('`%s` is not a list', v_part), detail = v_part;
    end if;
    for v_item in select i from jsonb_array_elements(coalesce(nullif(bundle -> v_part, 'null'), '[]')) i loop
      if jsonb_typeof(v_item) <> 'object' then
        raise sqlstate 'PT422' using message = format('an item of `%s` is not a JSON object', v_part), detail = v_part;
      end if;
      perform public.rpc_text(v_item, case v_part when 'contacts' then 'value' else 'name' end, true, 500),
              public.rpc_text(v_item, 'source', false, 100), public.rpc_object(v_item, 'metadata'),
              public.rpc_score(v_item, 'score'), public.rpc_score(v_item, 'confidence'), public.rpc_flag(v_item, 'is_valid');
      if coalesce(v_item ->> case v_part when 'contacts' then 'kind' else 'asset_type' end, '') !~ '^[a-z][a-z0-9_]{0,39}$' then
        raise sqlstate 'PT422' using message = format('an item of `%s` does not say what it is', v_part),
          detail = case v_part when 'contacts' then 'kind' else 'asset_type' end, hint = 'in lower case, such as phone or bank_account';
      end if;
    end loop;
  end loop;
  v_case := public.find_court_case(public.rpc_uuid(bundle, 'case_id', true));

  with given as (
    select distinct on (i ->> 'kind', btrim(i ->> 'value'), coalesce(nullif(btrim(i ->> 'source'), ''), 'unknown'))
           i ->> 'kind' as kind, btrim(i ->> 'value') as value, coalesce(nullif(btrim(i ->> 'source'), ''), 'unknown') as source,
           (i ->> 'score')::numeric as score, (i ->> 'is_valid')::boolean as is_valid, public.rpc_object(i, 'metadata') as metadata
      from jsonb_array_elements(coalesce(nullif(bundle -> 'contacts', 'null'), '[]')) i
     order by i ->> 'kind', btrim(i ->> 'value'), coalesce(nullif(btrim(i ->> 'source'), ''), 'unknown'), (i ->> 'score')::numeric desc nulls last
  ), written as (
    insert into enrichment.contacts as c (org_id, case_id, kind, value, source, score, is_valid, metadata)
    select v_case.org_id, v_case.case_id, g.kind, g.value, g.source, g.score, g.is_valid, g.metadata from given g
    on conflict (org_id, case_id, kind, value, source) do update
      set score = coalesce(excluded.score, c.score), is_valid = coalesce(excluded.is_valid, c.is_valid), metadata = c.metadata || excluded.metadata
    returning (xmax = 0) as is_new
  )
  select array[count(*) filter (where is_new), count(*) filter (where not is_new)] into v_contacts from written;

  with given as (
    select distinct on (i ->> 'asset_type', btrim(i ->> 'name'), coalesce(nullif(btrim(i ->> 'source'), ''), 'unknown'))
           i ->> 'asset_type' as asset_type, btrim(i ->> 'name') as name, coalesce(nullif(btrim(i ->> 'source'), ''), 'unknown') as source,
           (i ->> 'confidence')::numeric as confidence, public.rpc_object(i, 'metadata') as metadata
      from jsonb_array_elements(coalesce(nullif(bundle -> 'assets', 'null'), '[]')) i
     order by i ->> 'asset_type', btrim(i ->> 'name'), coalesce(nullif(btrim(i ->> 'source'), ''), 'unknown'), (i ->> 'confidence')::numeric desc nulls last
  ), written as (
    insert into enrichment.assets as a (org_id, case_id, asset_type, name, source, confidence, metadata)
    select v_case.org_id, v_case.case_id, g.asset_type, g.name, g.source, g.confidence, g.metadata from given g
    on conflict (org_id, case_id, asset_type, name, source) do update
      set confidence = coalesce(excluded.confidence, a.confidence), metadata = a.metadata || excluded.metadata
    returning (xmax = 0) as is_new
  )
  select array[count(*) filter (where is_new), count(*) filter (where not is_new)] into v_assets from written;

  -- Of each signal the surest one counts; a signal that the bundle does not name stays.
  with best as (
    select max(name) filter (where signal = 'employer') as employer_name, max(name) filter (where signal = 'bank') as bank_name,
           max(name) filter (where signal = 'real_property') as real_property_lead, max(name) filter (where signal = 'vehicle') as vehicle_lead
      from (select distinct on (s.signal) s.signal, btrim(i ->> 'name') as name
              from jsonb_array_elements(coalesce(nullif(bundle -> 'assets', 'null'), '[]')) i
             cross join lateral (select case
               when i ->> 'asset_type' in ('employer', 'employment', 'wages') then 'employer'
               when i ->> 'asset_type' in ('bank', 'bank_account') then 'bank'
               when i ->> 'asset_type' in ('real_property', 'real_estate', 'property') then 'real_property'
               when i ->> 'asset_type' in ('vehicle', 'car') then 'vehicle' end as signal) s
             where s.signal is not null
             order by s.signal, (i ->> 'confidence')::numeric desc nulls last, btrim(i ->> 'name')) n
  )
  insert into public.debtor_intelligence as d (judgment_id, org_id, employer_name, bank_name, real_property_lead, vehicle_lead)
  select v_case.case_id, v_case.org_id, b.employer_name, b.bank_name, b.real_property_lead, b.vehicle_lead
    from best b
   where num_nonnulls(b.employer_name, b.bank_name, b.real_property_lead, b.vehicle_lead) > 0
  on conflict (org_id, judgment_id) do update
    set employer_name = coalesce(excluded.employer_name, d.employer_name), bank_name = coalesce(excluded.bank_name, d.bank_name),
        real_property_lead = coalesce(excluded.real_property_lead, d.real_property_lead),
        vehicle_lead = coalesce(excluded.vehicle_lead, d.vehicle_lead), last_updated = public.app_now();
  get diagnostics v_signals = row_count;
  update judgments.cases c set last_enriched_at = public.app_now() where c.org_id = v_case.org_id and c.case_id = v_case.case_id;
  return jsonb_build_object('case_id', v_case.case_id, 'contacts_inserted', v_contacts[1], 'contacts_updated', v_contacts[2],
                            'assets_inserted', v_assets[1], 'assets_updated', v_assets[2], 'has_signals', v_signals > 0);
end;
$$;
comment on function public.upsert_enrichment_bundle(jsonb) is
  'Merges {case_id, contacts: [{kind, value, source, score, is_valid, metadata}], assets: [{asset_type, name, source, confidence, metadata}]}; answers counts';

create function public.insert_or_get_entity(payload jsonb) returns uuid
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('insert_or_get_entity', payload,
    array['entity_type', 'name', 'address', 'email', 'phone', 'plaintiff_id', 'judgment_id']);
  v_plaintiff_id uuid;
  v_judgment_id uuid;
  v_id uuid;
begin
  if v_call.result is not null then
    return (v_call.result #>> '{}')::uuid;
  end if;
  v_plaintiff_id := public.rpc_uuid(payload, 'plaintiff_id');
  v_judgment_id := public.rpc_uuid(payload, 'judgment_id');
  if v_plaintiff_id is not null and not exists (select from public.plaintiffs p where p.org_id = v_call.org_id and p.id = v_plaintiff_id) then
    raise sqlstate 'PT404' using message = 'plaintiff not found';
  end if;
  if v_judgment_id is not null and not exists (select from public.core_judgments j where j.org_id = v_call.org_id and j.id = v_judgment_id) then
    raise sqlstate 'PT404' using message = 'judgment not found';
  end if;
  insert into public.entities as e (org_id, entity_type, name, address, email, phone)
  values (v_call.org_id, coalesce(public.rpc_choice(payload, 'entity_type', array['person', 'organisation']), 'person'),
          public.rpc_text(payload, 'name', true, 300), public.rpc_text(payload, 'address', false, 500),
          public.rpc_text(payload, 'email', false, 300), public.rpc_text(payload, 'phone', false, 60))
  on conflict (org_id, entity_type, normalized_name, normalized_address) do update
    set email = coalesce(e.email, excluded.email), phone = coalesce(e.phone, excluded.phone)
  returning e.id into v_id;
  insert into public.entity_links (org_id, entity_id, plaintiff_id, role)
  select v_call.org_id, v_id, v_plaintiff_id, 'plaintiff' where v_plaintiff_id is not null on conflict do nothing;
  insert into public.entity_links (org_id, entity_id, judgment_id, role)
  select v_call.org_id, v_id, v_judgment_id, 'defendant' where v_judgment_id is not null on conflict do nothing;
  return (public.end_rpc(v_call, to_jsonb(v_id)) #>> '{}')::uuid;
end;
$$;
comment on function public.insert_or_get_entity(jsonb) is
  'The id of a person or firm, who is added where nobody has the name and address; links the plaintiff that it is, or the judgment against it';

create function public.request_case_copilot(case_id uuid, requested_by text default null) returns bigint
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_call public.rpc_call := public.begin_rpc('request_case_copilot', jsonb_strip_nulls(jsonb_build_object(
    'case_id', request_case_copilot.case_id, 'requested_by', request_case_copilot.requested_by)), null, request_case_copilot.requested_by);
  v_case_number text;
begin
  if v_call.result is not null then
    return v_call.result::bigint;
  end if;
  select j.case_number into v_case_number
    from public.enforcement_cases c join public.core_judgments j on j.org_id = c.org_id and j.id = c.judgment_id
   where c.org_id = v_call.org_id and c.id = request_case_copilot.case_id;
  if not found then
    raise sqlstate 'PT404' using message = 'enforcement case not found';
  end if;
  -- A brief that is asked for twice before it is written is written once.
  return public.end_rpc(v_call, to_jsonb(public.queue_job_message(v_call.org_id, jsonb_build_object(
    'kind', 'case_copilot', 'idempotency_key', 'case_copilot:' || request_case_copilot.case_id,
    'payload', jsonb_build_object('case_id', request_case_copilot.case_id, 'case_number', v_case_number, 'requested_by', v_call.actor,
                                  'requested_at', public.app_now())))))::bigint;
end;
$$;
alter function public.request_case_copilot(uuid, text) owner to service_role;
comment on function public.request_case_copilot(uuid, text) is 'Asks for the brief of a case; answers the id of the queue message';

-- ---- grants ----
revoke execute on all functions in schema public from public;
grant select, insert, update, delete on all tables in schema pgmq to service_role;
grant execute on function public.find_court_case(uuid), public.expect_scores(text, numeric[]),
                          public.set_case_enrichment(uuid, numeric, text, text),
                          public.set_case_scores(uuid, numeric, numeric, numeric, numeric, numeric, numeric, text),
                          public.upsert_enrichment_bundle(jsonb), public.insert_or_get_entity(jsonb) to service_role;
grant execute on function public.request_case_copilot(uuid, text) to authenticated, service_role;
