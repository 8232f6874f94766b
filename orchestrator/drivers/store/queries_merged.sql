-- The lane `merged`: what a newer commit of a branch takes the place of.

-- attempts_outdated -- what waits in the lane `merged` in runs of the same branch before a run
select a.id as attempt, a.cell, old.ref
from runs new
join runs old on old.repo = new.repo and old.ref = new.ref and old.id < new.id
join attempts a on a.run = old.id
where new.id = :run and new.lane = 'merged' and old.lane = 'merged' and a.state = 'waiting';

-- run_succeeding -- the newest run in the lane `merged` of the same branch after a run, if any
select max(new.id) as id
from runs old
join runs new on new.repo = old.repo and new.ref = old.ref and new.id > old.id
join cells c on c.run = new.id and c.id = cast(new.id as text) || '/' || cast(:arch as text)
where old.id = :run and old.lane = 'merged' and new.lane = 'merged';
