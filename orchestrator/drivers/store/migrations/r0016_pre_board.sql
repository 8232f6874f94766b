-- What pages and API read in one look, however much history there is.

-- What an attempt came to, in short (times of its stages, count of its tests), as JSON. It is kept
-- with the ruling, when it cannot change any more; empty for attempts of earlier releases, whose
-- events tell it.
alter table attempts add column summary text not null default '';

create index cells_of_arch on cells (arch, run);
create index attempts_unsettled on attempts (run) where state <> 'done';
create index attempts_with_machines on attempts (run) where holding = 1;
create index attempts_of_verdict on attempts (verdict, run) where verdict is not null;
create index runs_of_branch on runs (repo, ref, id);
create index runs_of_requester on runs (requester, id);
create index runs_of_lane on runs (lane, id);
create index events_judged_in_order on events (seq) where kind = 'judged';

-- What was answered to a write that came with a key, for whoever sends the same again. `owner` is
-- the process that works on it; `status` is empty until it is done.
create table answers (
    key text primary key,
    fingerprint text not null,
    owner text not null,
    at text not null,
    status integer,
    value text not null default ''
);
create index answers_by_age on answers (at);
