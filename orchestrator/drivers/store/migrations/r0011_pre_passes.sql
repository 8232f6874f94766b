-- When the last scheduling pass ended and how long it took, in milliseconds of the database's clock:
-- the workers share the work of passing, and none of them has too much of the one writer's time.
create table passes (
    id integer primary key check (id = 1),
    ended bigint not null,
    took bigint not null
);
