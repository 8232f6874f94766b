-- What a scheduling pass reads, and what it keeps of everybody's share.

-- _places -- places in the queue
select
    a.id as attempt, a.priority, a.asked_at, a.avoid, a.way, a.wait, c.arch, c.position,
    r.lane, r.requester, r.repo
from attempts a
join cells c on c.id = a.cell
join runs r on r.id = a.run;

-- attempts_waiting -- the queue, each run's cells in the order of its plan
{_places}
where a.state = 'waiting'
order by c.run, c.position;

-- attempts_waiting_of -- those of some attempts that wait
{_places}
where a.id in :ids and a.state = 'waiting';

-- attempts_promised -- who waits and was promised a time, and the reason that tells it
select id as attempt, wait from attempts where state = 'waiting' and promised is not null;

-- queue_news -- what may have changed the queue after a position
select attempt, kind from events
where seq > :seq and (stage = 'lease' or kind = 'judged') and kind <> 'leased';

-- archs_by_digest -- the texts of some architectures
select digest, value from archs where digest in :digests;

-- shares_all -- what everybody has been given, and (of nobody) where the clock of shares stands
select owner, spent, served_at from shares;

-- share_keep -- store what somebody has been given
insert into shares (owner, spent, served_at) values (:owner, :spent, :served_at)
on conflict (owner) do update set spent = excluded.spent, served_at = excluded.served_at;

-- nodes_in_service -- the nodes that may be leased, and whether they are
select
    n.name, n.capabilities, l.token as leased, a.id as holder, a.granted_at, a.held_until,
    a.way, h.value as arch,
    a.id is not null and not exists (
        select 1 from events e
        where e.attempt = a.id and e.stage = 'provision' and e.kind in ('finished', 'failed')
    ) as preparing,
    (
        select t.image from attestations t where t.node = n.name order by t.newest_at desc limit 1
    ) as warm,
    (select count(*) from marks m where m.node = n.name and m.forgiven = 0) as marks
from nodes n
left join leases l on l.node = n.name
left join attempts a on a.id = l.attempt
left join cells c on c.id = a.cell
left join archs h on h.digest = c.arch
where n.listed = 1 and n.state = 'in-service'
order by n.position;

-- attempt_promote -- a waiting attempt goes before everybody who was not promoted
update attempts set priority = -1 where id = :attempt and state = 'waiting';
