-- Statements about the processes that walk attempts. `:now` is the database's clock.

-- clock_sqlite -- milliseconds of the database's clock
select cast((julianday('now') - 2440587.5) * 86400000 as integer) as now;

-- clock_postgresql -- milliseconds of the database's clock
select cast(extract(epoch from clock_timestamp()) * 1000 as bigint) as now;

-- worker_beat -- a worker is alive, which renews the leases of what it walks
update workers set beat = :now, walks = :walks where name = :worker;

-- worker_join -- a worker begins, or begins again
insert into workers (name, host, pid, version, since, beat, walks)
values (:worker, :host, :pid, :version, :since, :now, :walks)
on conflict (name) do update set
    host = excluded.host, pid = excluded.pid, version = excluded.version,
    since = excluded.since, beat = excluded.beat, walks = excluded.walks;

-- worker_leave -- a worker ends in good order
delete from workers where name = :worker;

-- workers_bury -- forget the workers that were not heard since then
delete from workers where beat < :since and not (name in :spared) returning name;

-- workers_all -- the workers that are alive, longest first
select name, host, pid, version, since, beat from workers order by since, name;

-- cell_aim -- what a cell tests, and on which arch
select h.value as arch, r.snapshot
from cells c
join archs h on h.digest = c.arch
join runs r on r.id = c.run
where c.id = :cell;

-- nodes_of_cell -- which machines the attempts at a cell were given, in role order
select g.attempt, g.node
from attempts a join grants g on g.attempt = a.id
where a.cell = :cell
order by g.attempt, g.position;

-- attempt_walk -- a walk begins; every earlier one of the attempt is refused from now on
update attempts set walk = walk + 1, walker = :walker, term = :term
where id = :attempt and holding = 1
returning walk;

-- pass_due -- whether anyone waits, how many nodes are in service and free, and the last pass
select
    (select count(*) from (select 1 from attempts where state = 'waiting' limit 1) one) as waiting,
    rack.many, rack.free, p.ended, p.took, p.told, p.telling
from (
    select count(*) as many, count(*) - count(l.node) as free
    from nodes n left join leases l on l.node = n.name
    where n.listed = 1 and n.state = 'in-service'
) rack
left join passes p on p.id = 1;

-- attempts_lapsed -- leases whose term is over and that no living worker renews, and whose they were
select a.id as attempt, case when w.name is null then a.walker else '' end as walker
from attempts a left join workers w on w.name = a.walker
where a.holding = 1 and a.term < :now
    and (w.name is null or replace(w.walks, ',' || a.id || ',', '') = w.walks)
order by a.granted_at, a.id;

-- pass_last -- when the last scheduling pass ended, and how long it took; the same of one that told
select ended, took, told, telling from passes;

-- pass_keep -- store when a scheduling pass ended, and how long it took
insert into passes (id, ended, took) values (1, :ended, :took)
on conflict (id) do update set ended = excluded.ended, took = excluded.took;

-- pass_told -- store when a pass that told everybody why they wait ended, and how long it took
insert into passes (id, ended, took, told, telling) values (1, :ended, 0, :ended, :took)
on conflict (id) do update set told = excluded.told, telling = excluded.telling;

-- check_term -- leases without a term, of workers that renew theirs
select a.id as attempt, a.walker
from attempts a join workers w on w.name = a.walker
where a.holding = 1 and a.term = 0 and w.walks is not null;

-- check_unrenewed -- leases that a living worker took up, and has not renewed for five minutes
select a.id as attempt, a.walker
from attempts a join workers w on w.name = a.walker
where a.holding = 1 and a.term + 300000 < w.beat
    and replace(w.walks, ',' || a.id || ',', '') = w.walks;
