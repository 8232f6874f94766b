-- Revisions of changes under review that we look after, the remarks under them that were read, and
-- what our hooks were delivered.
create table watched (
    review text not null,
    project text not null,
    number text not null,
    sha text not null,
    progress text not null,
    value text not null,
    primary key (review, project, number, sha)
);
create index watched_running on watched (review) where progress = 'running';
create table remarks (
    review text not null,
    project text not null,
    number text not null,
    id text not null,
    primary key (review, project, number, id)
);
create table hook_calls (
    hook text not null,
    delivery text not null,
    at text not null,
    primary key (hook, delivery)
);
