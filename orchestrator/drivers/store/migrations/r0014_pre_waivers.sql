-- What lieutenants say of reds (`ack`: seen, `waive`: does not count until then), and when each of
-- them last looked.
create table waivers (
    id integer primary key,
    sort text not null check (sort in ('ack', 'waive')),
    cell text not null references cells (id),
    arch text not null,
    repo text not null,
    ref text not null,
    symptom text not null,
    reason text not null,
    by_whom text not null,
    at text not null,
    until text,
    withdrawn_at text
);
create index waivers_of_branch on waivers (arch, repo, ref);
create table looks (
    lieutenant text primary key,
    at text not null
);
