-- One row a lead: what became of it and which rank groups were asked, for statistics and replays.

-- ---- views ----
create view public.v_lead_outcomes with (security_invoker = true) as
  select l.org_id, l.id as lead_id, l.pool_id, l.arrived_at, l.state,
         l.state = 'missed' as is_lost,
         m.reason as lost_for,
         f.agent_id, f.priority_rank, coalesce(f.is_fallback, false) as is_fallback,
         coalesce(m.waited_ms, f.waited_ms) as waited_ms,
         coalesce(m.trace, f.trace) as trace
    from public.leads l
    left join lateral (
      select a.agent_id, a.priority_rank, a.is_fallback, a.waited_ms, a.trace
        from public.lead_assignments a
       where a.org_id = l.org_id and a.lead_id = l.id
       order by a.decision_no limit 1) f on true
    left join lateral (
      select d.reason, d.waited_ms, d.trace
        from public.missed_leads d
       where l.state = 'missed' and d.org_id = l.org_id and d.lead_id = l.id
       order by d.decision_no desc limit 1) m on true;
comment on view public.v_lead_outcomes is
  'Who took each lead first, or why it was lost; the trace is that of the loss where it was lost, else that of the first assignment';

create view public.v_lead_tiers with (security_invoker = true) as
  select o.org_id, o.lead_id, o.pool_id, o.arrived_at, o.is_lost,
         (g.value ->> 'priority_rank')::int as priority_rank,
         not o.is_lost and (g.value ->> 'priority_rank')::int is not distinct from o.priority_rank as is_taken,
         -- What kept most of the group; the first by name where two kept as many.
         coalesce((select r.key from jsonb_each_text(g.value -> 'refused') r order by r.value::int desc, r.key limit 1), 'nobody') as refused_for
    from public.v_lead_outcomes o
   cross join lateral jsonb_array_elements(o.trace -> 'groups') g
   where (g.value ->> 'is_reached')::boolean and (o.is_lost or o.agent_id is not null);
comment on view public.v_lead_tiers is 'One row for each lead and each rank group that it reached: the group took it, or refused it and for what; rank null is the fallback';

-- ---- grants ----
grant select on public.v_lead_outcomes, public.v_lead_tiers to authenticated, service_role;
