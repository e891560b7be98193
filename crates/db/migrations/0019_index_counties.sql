-- The counties that the list of judgments can be narrowed to are read from one to the next, not out of all judgments.

-- ---- indexes ----
create index core_judgments_county on public.core_judgments (org_id, county) where county is not null;
