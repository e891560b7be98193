-- A policy may wait for its time; in a file of its own, since a new value cannot be used in the transaction that adds it.
alter type public.policy_state add value 'scheduled' after 'draft';
