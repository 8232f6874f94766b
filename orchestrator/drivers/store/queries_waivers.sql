-- What lieutenants say of reds, and what archs and machines have behind them.

-- waiver_next -- the next waiver's id
select coalesce(max(id), 0) + 1 as id from waivers;

-- waiver_insert -- store a waiver
insert into waivers (
    id, sort, cell, arch, repo, ref, symptom, reason, by_whom, at, until, withdrawn_at
) values (
    :waiver, :sort, :cell, :arch, :repo, :ref, :symptom, :reason, :by, :at, :until, null
);

-- waivers_end -- take back what was said of a cell in that sort
update waivers set withdrawn_at = :at
where cell = :cell and sort = :sort and withdrawn_at is null;

-- waiver_end -- take a waiver back
update waivers set withdrawn_at = :at where id = :waiver and withdrawn_at is null;

-- waiver_by_id -- one waiver
select id, sort, cell, arch, repo, ref, symptom, reason, by_whom, at, until, withdrawn_at
from waivers where id = :waiver;

-- waivers_of_branch -- the waivers of an arch on a branch, the newest first
select id, sort, cell, arch, repo, ref, symptom, reason, by_whom, at, until, withdrawn_at
from waivers where arch = :arch and repo = :repo and ref = :ref order by id desc;

-- waivers_of_archs -- what is still said of some archs, the newest first
select id, sort, cell, arch, repo, ref, symptom, reason, by_whom, at, until, withdrawn_at
from waivers where arch in :archs and withdrawn_at is null order by id desc;

-- look_of -- until when a lieutenant has seen what changed
select at from looks where lieutenant = :lieutenant;

-- look_move -- a lieutenant has seen all until then
insert into looks (lieutenant, at) values (:lieutenant, :at)
on conflict (lieutenant) do update set at = excluded.at where excluded.at > looks.at;


-- past_last_good -- the newest green attempt of an arch before a run
select a.id as attempt
from runs r
join attempts a on a.cell = cast(r.id as text) || '/' || cast(:arch as text)
where r.repo = :repo and r.id < :run and a.verdict = 'passed'
order by r.id desc, a.number desc limit 1;

-- past_state -- the newest run and the newest judgement
select
    (select coalesce(max(id), 0) from runs) as run,
    (select coalesce(max(seq), 0) from events where kind = 'judged') as judged;

-- past_results -- what attempts of an arch came to in the newest runs, the newest first
select r.id as run, r.repo, r.ref, r.commit_id, a.id as attempt, a.cell, a.ruling, e.at
from (select id, repo, ref, commit_id from runs order by id desc limit :runs) r
join attempts a on a.cell = cast(r.id as text) || '/' || cast(:arch as text)
join events e on e.attempt = a.id and e.kind = 'judged'
order by r.id desc, a.number desc;

-- past_judged_since -- what attempts of any arch came to after a position, the oldest first
select e.seq, r.id as run, r.repo, r.ref, r.commit_id, a.id as attempt, a.cell, a.ruling, e.at
from events e join attempts a on a.id = e.attempt join runs r on r.id = a.run
where e.kind = 'judged' and e.seq > :seq
order by e.seq limit :limit;

-- past_tenures -- who had a machine, the newest first
select
    g.attempt, g.role, g.freed, a.granted_at, a.ruling,
    (select e.at from events e where e.attempt = g.attempt order by e.seq desc limit 1) as ended
from grants g join attempts a on a.id = g.attempt
where g.node = :node
order by g.token desc limit :limit;

-- past_tenures_since -- who was given which machines after that, the newest first
select
    g.node, g.attempt, g.role, g.freed, a.granted_at, a.ruling,
    (select e.at from events e where e.attempt = g.attempt order by e.seq desc limit 1) as ended
from attempts a join grants g on g.attempt = a.id
where a.granted_at > :since
order by a.granted_at desc limit :limit;

-- past_tenures_held -- who has machines now since before that, the newest first
select
    g.node, g.attempt, g.role, g.freed, a.granted_at, a.ruling, a.granted_at as ended
from attempts a join grants g on g.attempt = a.id
where a.holding = 1 and a.granted_at <= :since
order by a.granted_at desc;

-- past_holder -- who has a machine now
select attempt from leases where node = :node;
