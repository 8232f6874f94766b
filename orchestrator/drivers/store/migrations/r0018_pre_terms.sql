-- Until when a lease stands without being renewed, in milliseconds of the database's own clock; 0 where
-- code before this one gave it.
alter table attempts add column term bigint not null default 0;

-- The attempts that a worker walks, each between commas: its heartbeat renews their leases. Null while
-- it does not say, and for code before this one: then it renews all that it walked last.
alter table workers add column walks text;
