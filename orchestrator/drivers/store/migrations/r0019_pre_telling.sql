-- Telling everybody in a long line why they wait takes longer than giving machines to who is next, and
-- is done more seldom: when the last pass that did so ended, and how long it took.
alter table passes add column told bigint not null default 0;
alter table passes add column telling bigint not null default 0;

-- The time that a waiting attempt was promised, which is part of its reason `wait`, and binds: each
-- pass looks at these few.
alter table attempts add column promised text;
create index attempts_promised on attempts (id) where state = 'waiting' and promised is not null;
