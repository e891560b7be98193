-- The order in which people see judgments first: a page of it is read from the index, not sorted out of all of them.

-- ---- indexes ----
create index core_judgments_balance on public.core_judgments (org_id, balance_due desc nulls last, judgment_no);
