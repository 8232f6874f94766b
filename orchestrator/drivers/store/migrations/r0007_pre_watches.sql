-- How far each watch of a repository got on each branch.
create table watches (
    watch text not null,
    branch text not null,
    sha text not null,
    at text not null,
    run integer references runs (id),
    primary key (watch, branch)
);
