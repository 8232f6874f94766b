-- Times are UTC in ISO 8601, always with microseconds, so that they sort as text.
-- Values are JSON in text columns; what is searched for or sorted by has a column of its own.

-- What was asked for, and what it was resolved to.
create table runs (
    id integer primary key,
    request_key text unique,
    repo text not null,
    ref text not null,
    lane text not null,
    requester text not null,
    reason text not null,
    asked_at text not null,
    commit_id text not null,
    request text not null,
    snapshot text not null,
    others text not null
);
create index runs_of_repo on runs (repo, id);
create index runs_of_commit on runs (commit_id);

-- Architectures as they were when a run froze them; the same text is kept once.
create table archs (
    digest text primary key,
    value text not null
);

create table cells (
    id text primary key,
    run integer not null references runs (id),
    position integer not null,
    arch text not null references archs (digest),
    unique (run, position)
);

-- Tries at cells. The newest one at a cell says what the cell shows.
create table attempts (
    id text primary key,
    cell text not null references cells (id),
    run integer not null references runs (id),
    number integer not null,
    state text not null check (state in ('waiting', 'running', 'done')),
    priority integer not null,
    asked_at text not null,
    avoid text not null,
    why text not null default '',
    stopping integer not null default 0,
    granted_at text,
    holding integer not null default 0,
    held_until text,
    verdict text,
    ruling text,
    unique (cell, number)
);
create index attempts_of_run on attempts (run, state);
create index attempts_waiting on attempts (priority) where state = 'waiting';
create index attempts_holding on attempts (granted_at) where holding = 1;
create unique index attempts_open on attempts (cell) where state <> 'done';

-- What happened, in the order in which it was stored.
create table events (
    seq integer primary key,
    attempt text not null references attempts (id),
    at text not null,
    kind text not null,
    stage text not null,
    value text not null
);
create index events_of_attempt on events (attempt, seq);
create unique index events_end_of_stage on events (attempt, stage)
    where kind in ('finished', 'failed');
create unique index events_judged on events (attempt) where kind = 'judged';

-- The lab's machines; `token` counts how often each was leased.
create table nodes (
    name text primary key,
    position integer not null,
    listed integer not null,
    capabilities text not null,
    state text not null,
    reason text not null,
    since text not null,
    token integer not null default 0
);

-- Who was given which machine under which token, and whether it was given back.
create table grants (
    node text not null references nodes (name),
    token integer not null,
    attempt text not null references attempts (id),
    role text not null,
    position integer not null,
    freed integer not null default 0,
    primary key (node, token)
);
create unique index grants_one_holder on grants (node) where freed = 0;
create index grants_of_attempt on grants (attempt);

-- Attempts that were broken by a machine.
create table marks (
    node text not null references nodes (name),
    attempt text not null references attempts (id),
    commit_name text not null,
    at text not null,
    forgiven integer not null default 0,
    primary key (node, attempt)
);

-- Boot offers, one to a machine; the token opens it.
create table offers (
    token text primary key,
    node text not null unique,
    attempt text not null,
    mac text not null,
    value text not null
);
create index offers_of_mac on offers (mac);

-- Where each run is, derived from the attempts at its cells.
create view run_states as
select
    r.id as run,
    case
        when exists (select 1 from attempts a where a.run = r.id and a.state = 'running')
        then 'running'
        when not exists (select 1 from attempts a where a.run = r.id and a.state = 'waiting')
        then 'done'
        when exists (select 1 from attempts a where a.run = r.id and a.state = 'done')
        then 'running'
        else 'waiting'
    end as state
from runs r;

-- Who has which machine now.
create view leases as
select node, token, attempt, role, position from grants where freed = 0;
