-- What lengths are learned from.

-- experience_head -- the position of the newest event
select coalesce(max(seq), 0) as seq from events;

-- experience_since -- what began, ended, was held or came up after a position, oldest first
select e.seq, e.attempt, e.at, e.kind, e.stage, e.value, a.way, h.value as arch
from events e
join attempts a on a.id = e.attempt
join cells c on c.id = a.cell
join archs h on h.digest = c.arch
where e.seq > :seq and e.seq <= :last
    and e.kind in ('started', 'resumed', 'finished', 'failed', 'ready', 'held')
order by e.seq;

-- experience_roles -- which machine played which role in an attempt
select node, role from grants where attempt = :attempt;
