-- Every statement that the store runs. Before each: `-- name -- what it does, in one line`.
-- They are written for SQLite and PostgreSQL alike; values come in as `:name`. What several have in
-- common has a name that begins with `_`, and stands where they say `{_name}`.

-- sqlite_wal -- readers and the writer do not wait for each other; kept in the file
pragma journal_mode = wal;

-- sqlite_durable -- what was committed survives a power cut: machines were told things because of it
pragma synchronous = full;

-- sqlite_foreign_keys -- rows that others point at cannot go
pragma foreign_keys = on;

-- sqlite_begin_read -- begin a transaction that sees one state of the database
begin;

-- sqlite_begin_write -- begin the one writing transaction
begin immediate;

-- postgres_lock -- begin the one writing transaction; a plan that was made while a table was small, and
-- is kept, must not read all of it when it has grown: rows are changed by their keys
select pg_advisory_xact_lock(:key), set_config('enable_seqscan', 'off', true),
    set_config('jit', 'off', true);


-- run_by_key -- the run that a request's key started
select id from runs where request_key = :key;

-- run_next -- the next run's id
select coalesce(max(id), 0) + 1 as id from runs;

-- run_insert -- store a run
insert into runs (
    id, request_key, repo, ref, lane, requester, reason, asked_at, commit_id,
    request, snapshot, others
) values (
    :run, :key, :repo, :ref, :lane, :requester, :reason, :asked_at, :commit_id,
    :request, :snapshot, :others
);

-- arch_insert -- store an architecture's text, once
insert into archs (digest, value) values (:digest, :value) on conflict do nothing;

-- cell_insert -- store a cell at its place in the plan
insert into cells (id, run, position, arch) values (:cell, :run, :position, :arch);

-- run_by_id -- one run
select r.id, r.repo, r.ref, r.lane, r.requester, r.reason, r.asked_at, r.snapshot, r.others, s.state
from runs r join run_states s on s.run = r.id
where r.id = :run;

-- runs_newest -- the newest runs, of one repository or (if empty) of all
select r.id, r.repo, r.ref, r.lane, r.requester, r.reason, r.asked_at, r.snapshot, s.state
from runs r join run_states s on s.run = r.id
where cast(:repo as text) in ('', r.repo)
order by r.id desc
limit :limit;

-- runs_newest_with_cells -- the newest runs with their cells and attempts: the matrix
select
    newest.id, newest.repo, newest.ref, newest.lane, newest.requester, newest.reason,
    newest.asked_at, newest.snapshot, s.state,
    c.id as cell, c.run, h.value as arch,
    a.id as attempt, a.state as attempt_state, a.ruling, a.why, a.wait, a.way,
    (select max(e.at) from events e where e.attempt = a.id) as updated
from (
    select * from runs where cast(:repo as text) in ('', repo) order by id desc limit :limit
) newest
join run_states s on s.run = newest.id
left join cells c on c.run = newest.id
left join archs h on h.digest = c.arch
left join attempts a on a.cell = c.id
order by newest.id desc, c.position, a.number;

-- nodes_of_runs -- which machines the attempts of runs in a range were given, in role order
select g.attempt, g.node
from attempts a join grants g on g.attempt = a.id
where a.run between :first and :last
order by g.attempt, g.position;

-- run_archs -- the architectures of a run's plan, in its order
select h.value as arch
from cells c join archs h on h.digest = c.arch
where c.run = :run
order by c.position;

-- _cells -- cells, a row for each attempt
select
    c.id as cell, c.run, h.value as arch,
    a.id as attempt, a.state as attempt_state, a.ruling, a.why, a.wait, a.way,
    (select max(e.at) from events e where e.attempt = a.id) as updated
from cells c
join archs h on h.digest = c.arch
join attempts a on a.cell = c.id;

-- cells_of_run -- a run's cells in the order of its plan, a row for each attempt
{_cells}
where c.run = :run
order by c.position, a.number;

-- cell_by_id -- one cell, a row for each attempt
{_cells}
where c.id = :cell
order by a.number;


-- attempt_insert -- store an attempt that is not settled
insert into attempts (id, cell, run, number, state, priority, asked_at, avoid, way, turn)
values (
    :attempt, :cell, :run, :number, 'waiting', :priority, :asked_at, :avoid, :way, :turn
);

-- attempts_by_id -- some attempts
select id, cell, state, priority, avoid, way, turn, stopping, holding, granted_at, held_until,
    walk, walker
from attempts
where id in :ids;

-- attempts_newest -- the newest attempt at each of some cells
select
    c.id as cell,
    (select a.id from attempts a where a.cell = c.id order by a.number desc limit 1) as attempt
from cells c
where c.id in :cells;

-- attempt_close -- store an attempt's ruling, and what it came to in short; it is over
update attempts set
    state = 'done', verdict = told.column2, ruling = told.column3, summary = told.column4,
    why = '', wait = ''
from (values (:attempt, :verdict, :ruling, :summary)) as told
where id = told.column1 and state <> 'done';

-- attempt_explain -- store why an attempt waits
update attempts set why = told.column2, wait = told.column3, promised = told.column4
from (values (:attempt, :why, :wait, :promised)) as told
where id = told.column1 and state = 'waiting';

-- attempts_grant -- some attempts have their machines and run
update attempts set
    state = 'running', granted_at = :at, holding = 1, term = :term, why = '', wait = '',
    promised = null
where id in :ids and state = 'waiting';

-- attempt_stop -- somebody wants an attempt to stop
update attempts set stopping = 1 where id = :attempt;

-- attempt_hold -- a person keeps an attempt's machines for a while
update attempts set held_until = :until where id = :attempt;

-- attempts_free -- some attempts have no machines any more; not `= 1`, which PostgreSQL would look for
-- in the index of all that have machines, full of those that had
update attempts set holding = 0, held_until = null where id in :ids and holding <> 0;

-- attempts_holding -- the attempts that have machines, first granted first
select a.id as attempt, a.way, a.walker, h.value as arch
from attempts a
join cells c on c.id = a.cell
join archs h on h.digest = c.arch
where a.holding = 1
order by a.granted_at, a.id;

-- attempts_granted -- the names of those
select id as attempt from attempts where holding = 1 order by granted_at, id;

-- anyone_waits -- a row if an attempt waits
select priority from attempts where state = 'waiting' order by priority limit 1;


-- event_insert -- store an event at the end of history; one that can happen once is stored once
insert into events (seq, attempt, at, kind, stage, value)
values (:seq, :attempt, :at, :kind, :stage, :value)
on conflict do nothing;

-- event_last -- the position of the last event; whoever writes has the database for itself
select coalesce(max(seq), 0) as seq from events;

-- stages_ended -- the stages of some attempts that are over
select attempt, stage from events
where attempt in :ids and kind in ('finished', 'failed');

-- events_of_attempts -- what sums attempts up of all that happened to them, oldest first
select seq, attempt, at, value from events
where attempt in :ids and kind in ('started', 'finished', 'failed', 'tested', 'diagnosed')
order by attempt, seq;

-- events_of_attempt -- what happened to an attempt, oldest first
select seq, at, value from events where attempt = :attempt order by seq;

-- events_since -- what happened anywhere after a position, oldest first
select seq, attempt, at, value from events where seq > :seq order by seq limit :limit;


-- tokens_raise -- count up the tokens of nodes and return them
update nodes set token = token + 1 where name in :names returning name, token;

-- lease_insert -- give a node to an attempt
insert into grants (node, token, attempt, role, position)
values (:node, :token, :attempt, :role, :position);

-- leases_of_attempt -- what an attempt has, in the order of its roles
select node, role, token from leases where attempt = :attempt order by position;

-- leases_free -- take all nodes back from some attempts
update grants set freed = 1 where attempt in :ids and freed = 0;


-- nodes_unlist -- no node belongs to the lab
update nodes set listed = 0 where listed = 1;

-- node_list -- a node belongs to the lab; one that is known keeps its standing
insert into nodes (name, position, listed, capabilities, state, reason, since)
values (:node, :position, 1, :capabilities, :state, '', :since)
on conflict (name) do update set
    position = excluded.position, listed = 1, capabilities = excluded.capabilities;

-- nodes_listed -- the lab's nodes, who has them and until when, and how often they broke something
select
    n.name, n.state, n.reason, n.cause, n.since, a.id as holder, a.held_until,
    (select count(*) from marks m where m.node = n.name and m.forgiven = 0) as marks
from nodes n
left join leases l on l.node = n.name
left join attempts a on a.id = l.attempt
where n.listed = 1
order by n.position;

-- nodes_tally -- how many of the lab's nodes are in which state, had by somebody or not
select n.state, case when l.node is null then 0 else 1 end as leased, count(*) as many
from nodes n
left join leases l on l.node = n.name
where n.listed = 1
group by n.state, case when l.node is null then 0 else 1 end;

-- node_by_name -- one node of the lab
select state, reason, cause from nodes where name = :node and listed = 1;

-- node_set_state -- take a node in or out of service
update nodes set state = :state, reason = :reason, cause = :cause, since = :since
where name = :node;

-- node_recover -- bring back a node that is out of service for its BMC since then
update nodes set state = 'in-service', reason = '', cause = 'work', since = :now
where name = :node and listed = 1
    and state = 'quarantined' and cause = 'bmc' and since = :since;

-- node_last_holder -- the attempt that had a node last
select attempt from grants where node = :node order by token desc limit 1;

-- node_reserve -- take a node out of service that is in service and that nobody has
update nodes set state = 'drained', reason = :reason, since = :since
where name = :node and listed = 1 and state = 'in-service'
    and not exists (select 1 from leases l where l.node = nodes.name);

-- nodes_give_back -- bring nodes back that were taken out for that reason; of all names if empty
update nodes set state = 'in-service', reason = '', since = :since
where state = 'drained' and reason = :reason and cast(:node as text) in ('', name);

-- mark_insert -- an attempt was broken by a node; counted once
insert into marks (node, attempt, commit_name, at, cause)
values (:node, :attempt, :commit, :at, :cause)
on conflict do nothing;

-- marks_causes -- what a node's marks since it was last trusted are about
select distinct cause from marks where node = :node and forgiven = 0;

-- marks_forgive -- a node is trusted again
update marks set forgiven = 1 where node = :node and forgiven = 0;

-- nodes_suspect -- nodes in service with the commits that they broke and that passed without them
select distinct n.position, m.node, m.commit_name
from marks m
join nodes n on n.name = m.node
join attempts broken on broken.id = m.attempt
join runs r on r.id = broken.run
where m.forgiven = 0 and n.listed = 1 and n.state = 'in-service'
    and exists (
        select 1
        from runs same
        join attempts passed on passed.run = same.id and passed.state = 'done'
        where same.commit_id = r.commit_id
            and passed.verdict = 'passed'
            and not exists (
                select 1 from grants g where g.attempt = passed.id and g.node = m.node
            )
    )
order by n.position, m.commit_name;


-- attestation_record -- store what a node was found to be; the first is its reference
insert into attestations (node, image, facts, recorded_at, newest, newest_at)
values (:node, :image, :facts, :at, :facts, :at)
on conflict (node, image) do update set newest = excluded.newest, newest_at = excluded.newest_at;

-- attestation_renew -- replace what later attestations of a node are compared with
update attestations set facts = :facts
where node = :node and image = :image;

-- attestation_of_node -- what is known of a node under an image
select node, image, facts, recorded_at, newest, newest_at
from attestations where node = :node and image = :image;

-- attestations_all -- what is known of all nodes, the newest last
select node, image, facts, recorded_at, newest, newest_at
from attestations order by newest_at, node, image;

-- attestations_forget -- a node has no reference any more
delete from attestations where node = :node;


-- offer_of_node -- the offer that a node has
select attempt, value from offers where node = :node;

-- offer_of_attempt -- the offer that a node has for an attempt
select value from offers where node = :node and attempt = :attempt;

-- offer_by_mac -- the offer for a MAC address
select value from offers where mac = :mac;

-- offer_by_token -- the offer that a token opens
select value from offers where token = :token;

-- offer_insert -- store an offer
insert into offers (token, node, attempt, mac, value)
values (:token, :node, :attempt, :mac, :value);

-- offer_update -- store what became of an offer
update offers set value = :value where token = :token;

-- offer_forget -- forget a node's offer
delete from offers where node = :node;

-- offer_drop -- forget the offer that a node has for an attempt
delete from offers where node = :node and attempt = :attempt;


-- check_leased_twice -- nodes that several attempts have at once
select node, count(*) as holders from leases group by node having count(*) > 1;

-- check_lease_of_nobody -- nodes leased to an attempt that waits or gave its machines back
select l.node, l.attempt, a.state
from leases l join attempts a on a.id = l.attempt
where a.holding = 0 or a.state = 'waiting';

-- check_stale_lease -- nodes leased under a token that is not their newest
select l.node, l.attempt, l.token, n.token as newest
from leases l join nodes n on n.name = l.node
where l.token <> n.token;

-- check_tokens -- nodes whose token did not grow by one with each lease
select n.name as node, n.token, count(g.node) as leases, coalesce(max(g.token), 0) as newest
from nodes n left join grants g on g.node = n.name
group by n.name, n.token
having n.token <> count(g.node) or n.token <> coalesce(max(g.token), 0);

-- check_running_without_machines -- attempts that run on nothing
select id as attempt from attempts where state = 'running' and holding = 0;

-- check_waiting_with_machines -- attempts that wait for what they were given
select id as attempt from attempts
where state = 'waiting' and (holding = 1 or granted_at is not null);

-- check_released_with_machines -- attempts whose release is over and that have machines
select a.id as attempt
from attempts a join events e on e.attempt = a.id
where a.holding = 1 and e.stage = 'release' and e.kind = 'finished';

-- check_left_over -- attempts that have machines and are not held for a person
select id as attempt, state from attempts where holding = 1 and held_until is null;

-- check_rulings -- attempts that are over without a ruling, or have one and are not
select id as attempt, state from attempts
where (state = 'done') <> (ruling is not null) or (ruling is null) <> (verdict is null);

-- check_judged -- attempts whose ruling is not what the history says
select a.id as attempt, a.state, count(e.seq) as times
from attempts a left join events e on e.attempt = a.id and e.kind = 'judged'
group by a.id, a.state, a.ruling
having count(e.seq) <> case when a.state = 'done' then 1 else 0 end
    or replace(max(e.value), a.ruling, '') = max(e.value);

-- check_stages -- stages that ended more than once
select attempt, stage, count(*) as times
from events where kind in ('finished', 'failed')
group by attempt, stage having count(*) > 1;

-- check_open_attempts -- attempts that are not over although another one followed
select a.id as attempt, a.state
from attempts a
where a.state <> 'done'
    and exists (select 1 from attempts b where b.cell = a.cell and b.number > a.number);

-- check_numbers -- cells whose attempts do not count 1, 2, 3
select c.id as cell, count(a.id) as attempts, coalesce(max(a.number), 0) as newest
from cells c left join attempts a on a.cell = c.id
group by c.id
having count(a.id) = 0 or count(a.id) <> max(a.number);

-- check_runs -- a row if runs are missing
select count(*) as kept, max(id) as newest from runs having count(*) <> max(id);

-- check_events -- a row if events are missing
select count(*) as kept, max(seq) as newest from events having count(*) <> max(seq);

-- check_leases -- every node that is leased now
select attempt, role, node from leases;
