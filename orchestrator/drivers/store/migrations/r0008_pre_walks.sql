-- How often an attempt's walk was begun, and by which worker last: an older walk is refused.
alter table attempts add column walk integer not null default 0;
alter table attempts add column walker text not null default '';

-- The processes that walk attempts. `beat` is milliseconds of the database's own clock.
create table workers (
    name text primary key,
    host text not null,
    pid integer not null,
    version text not null,
    since text not null,
    beat bigint not null
);
