-- What pages and API show, a page at a time; in the form of `queries.sql`. Each begins at an index.

-- board_ids -- the newest runs before one
select id from runs
where id < :before and cast(:lane as text) in ('', lane)
order by id desc limit :limit;

-- board_ids_of_repo -- the newest runs of a repository before one
select id from runs
where repo = :repo and id < :before and cast(:lane as text) in ('', lane)
    and cast(:requester as text) in ('', requester)
order by id desc limit :limit;

-- board_ids_of_branch -- the newest runs of a branch before one
select id from runs
where repo = :repo and ref = :ref and id < :before and cast(:lane as text) in ('', lane)
    and cast(:requester as text) in ('', requester)
order by id desc limit :limit;

-- board_ids_of_ref -- the newest runs of whatever is called so in any repository before one
select id from runs
where ref = :ref and id < :before and cast(:lane as text) in ('', lane)
    and cast(:requester as text) in ('', requester)
order by id desc limit :limit;

-- board_ids_of_requester -- the newest runs that somebody asked for before one
select id from runs
where requester = :requester and id < :before and cast(:lane as text) in ('', lane)
order by id desc limit :limit;

-- board_ids_unsettled -- the newest runs that are not over before one
select r.id
from runs r
where r.id in (select run from attempts where state <> 'done') and r.id < :before
    and cast(:repo as text) in ('', r.repo) and cast(:ref as text) in ('', r.ref)
    and cast(:requester as text) in ('', r.requester) and cast(:lane as text) in ('', r.lane)
order by r.id desc limit :limit;

-- board_runs -- some runs, each with how many attempts there are and how many of them may change
select
    r.id, r.repo, r.ref, r.lane, r.requester, r.reason, r.asked_at, r.snapshot, s.state,
    (select count(*) from attempts a where a.run = r.id) as attempts,
    (select count(*) from attempts a where a.run = r.id and a.state <> 'done') as unsettled,
    (select count(*) from attempts a where a.run = r.id and a.holding = 1) as holding
from runs r join run_states s on s.run = r.id
where r.id in :runs
order by r.id desc;

-- _squares -- cells in short, a row for each attempt
select
    c.id as cell, c.run, c.arch, a.id as attempt, a.state as attempt_state, a.ruling, a.why,
    a.wait, a.way, a.summary,
    (select e.at from events e where e.attempt = a.id order by e.seq desc limit 1) as updated
from cells c join attempts a on a.cell = c.id;

-- board_cells -- the cells of some runs, a row for each attempt
{_squares}
where c.run in :runs
order by c.run desc, c.position, a.number;

-- board_some_cells -- some cells, a row for each attempt
{_squares}
where c.id in :cells
order by c.run desc, c.position, a.number;

-- board_nodes_of_runs -- which machines the attempts of some runs were given, in role order
select g.attempt, g.node
from attempts a join grants g on g.attempt = a.id
where a.run in :runs
order by g.attempt, g.position;

-- board_nodes_of_cells -- which machines the attempts at some cells were given, in role order
select g.attempt, g.node
from attempts a join grants g on g.attempt = a.id
where a.cell in :cells
order by g.attempt, g.position;

-- board_events -- what happened to some attempts, each oldest first
select seq, attempt, at, value from events where attempt in :attempts order by attempt, seq;

-- board_archs -- how many architectures were ever frozen
select count(*) as many from archs;

-- board_arch_texts -- every architecture that was ever frozen
select digest, value from archs;

-- board_arch_text -- one architecture
select value from archs where digest = :digest;

-- board_runs_of_arch -- the newest runs that some frozen architectures took part in before one
select distinct run as id from cells where arch in :archs and run < :before
order by run desc limit :limit;

-- board_runs_of_verdict -- the newest runs before one in which an attempt came to that
select distinct run as id from attempts where verdict = :verdict and run < :before
order by run desc limit :limit;

-- board_ids_of_cells -- the cells of some runs whose newest attempt came to that (empty: any)
select c.id
from cells c join attempts a on a.cell = c.id
where c.run in :runs and cast(:verdict as text) in ('', a.verdict)
    and not exists (select 1 from attempts n where n.cell = a.cell and n.number > a.number)
order by c.run desc, c.id;

-- board_ids_of_arch -- the same of cells of some frozen architectures
select c.id
from cells c join attempts a on a.cell = c.id
where c.run in :runs and c.arch in :archs and cast(:verdict as text) in ('', a.verdict)
    and not exists (select 1 from attempts n where n.cell = a.cell and n.number > a.number)
order by c.run desc, c.id;

-- board_under_way -- cells whose attempt has machines and is not judged
select cell as id from attempts where state <> 'done' and state = 'running' order by run, cell;

-- board_waiting -- how many cells wait for which reason
select why, count(*) as many from attempts
where state = 'waiting'
group by why order by count(*) desc, why;

-- board_leases -- who has which machine now
select g.node, g.token, g.attempt, a.cell, g.role, a.state, a.verdict, a.granted_at, g.freed,
    a.held_until
from grants g join attempts a on a.id = g.attempt
where g.freed = 0
order by g.node;

-- board_leases_of_node -- who has and had a machine, the newest first
select g.node, g.token, g.attempt, a.cell, g.role, a.state, a.verdict, a.granted_at, g.freed,
    a.held_until
from grants g join attempts a on a.id = g.attempt
where g.node = :node and g.token < :before
order by g.token desc limit :limit;

-- board_events_of_run -- what happened in a run after a position, oldest first
select e.seq, e.attempt, e.at, e.value
from attempts a join events e on e.attempt = a.id
where a.run = :run and e.seq > :seq
order by e.seq limit :limit;

-- board_verdicts -- how many attempts came to what
select verdict, count(*) as many from attempts
where verdict is not null
group by verdict order by verdict;
