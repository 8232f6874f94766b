-- Statements about what people are told; in the form of `queries.sql`.

-- notice_position -- how far a subscription has read the history
select position from notice_positions where subscription = :subscription;

-- notice_move -- a subscription has read the history up to here
insert into notice_positions (subscription, position) values (:subscription, :position)
on conflict (subscription) do update set position = excluded.position;

-- event_newest -- the end of history
select coalesce(max(seq), 0) as seq from events;

-- event_judged -- where in history an attempt was judged
select seq from events where attempt = :attempt and kind = 'judged';

-- _changes -- what happened, and to whose attempt
select
    e.seq, e.at, e.kind, e.stage, a.id as attempt, a.ruling,
    r.repo, r.ref, r.lane, r.requester, r.snapshot, h.value as arch,
    exists (
        select 1 from attempts n
        where n.cell = a.cell and n.number = a.number + 1 and n.asked_at = e.at
    ) as retried
from events e
join attempts a on a.id = e.attempt
join cells c on c.id = a.cell
join archs h on h.digest = c.arch
join runs r on r.id = a.run;

-- changes_since -- attempts that were queued, started or judged after a position, oldest first
{_changes}
where e.seq > :seq
    and (e.kind = 'judged'
        or e.kind = 'started' and e.stage in ('lease', 'provision', 'partner'))
order by e.seq
limit :limit;

-- changes_newest -- attempts that were judged, the newest first
{_changes}
where e.kind = 'judged' and a.verdict in ('passed', 'failed', 'broken')
order by e.seq desc
limit :limit;

-- change_before -- what an arch said last of a branch before a position
select t.verdict
from (
    -- of so many of its newest attempts there: one that was judged before an older one is among them
    select a.id, a.cell, a.number, a.verdict
    from runs r join attempts a on a.cell = cast(r.id as text) || '/' || cast(:arch as text)
    where r.repo = :repo and r.ref = :ref and r.id < :beyond
        -- what has a patch on top, named after the `+`, is no branch
        and r.commit_id like '%+'
        and a.verdict in ('passed', 'failed', 'broken')
    order by r.id desc
    limit 60
) t
join events e on e.attempt = t.id and e.kind = 'judged'
where e.seq < :seq
    and not exists (
        select 1 from attempts n
        where n.cell = t.cell and n.number = t.number + 1 and n.asked_at = e.at
    )
order by e.seq desc
limit 1;

-- partner_signs -- how an attempt's partner, asked for that arch of that branch, ended the last two
select e.attempt, e.kind
from orders o
join orders p on p.partner = o.partner
join attempts a on a.id = p.attempt
join runs r on r.id = a.run
join events e on e.attempt = a.id and e.kind in ('silent', 'late', 'answered')
where o.attempt = :attempt and e.seq < :seq
    and r.repo = :repo and r.ref = :ref
    and a.cell = cast(r.id as text) || '/' || cast(:arch as text)
order by e.seq desc
limit 2;

-- letter_insert -- tell somebody of a change, once
insert into letters (id, subscription, recipient, attempt, moment, at, value)
values (
    (select coalesce(max(id), 0) + 1 from letters),
    :subscription, :recipient, :attempt, :moment, :at, :value
)
on conflict do nothing;

-- letters_open -- what waits to be told, in the order in which it happened
select id, recipient, at from letters
where subscription = :subscription and message is null
order by id;

-- letter_enclose -- a message tells of a change
update letters set message = :message where id = :letter;

-- letters_of_message -- what a message tells of
select value from letters where message = :message order by id;

-- message_insert -- store a message that is due
insert into messages (id, subscription, recipient, made_at, due_at, state)
values (:message, :subscription, :recipient, :at, :at, 'waiting');

-- message_due -- the message that has waited longest past its time
select id, subscription, recipient, made_at, due_at, tries, state, said
from messages
where subscription = :subscription and state = 'waiting' and due_at <= :now
order by due_at, made_at, id
limit 1;

-- message_by_id -- one message
select id, subscription, recipient, made_at, due_at, tries, state, said
from messages where id = :message;

-- messages_newest -- the newest messages after one, of one subscription or (if empty) of all
select id, subscription, recipient, made_at, due_at, tries, state, said
from messages
where cast(:subscription as text) in ('', subscription)
    and (
        cast(:after as text) = ''
        or made_at < (select a.made_at from messages a where a.id = :after)
        or made_at = (select a.made_at from messages a where a.id = :after) and id > :after
    )
order by made_at desc, id
limit :limit;

-- message_postpone -- a message is not due before then
update messages set due_at = :due where id = :message;

-- message_deliver -- a message was taken
update messages set state = 'delivered', due_at = :now, said = '' where id = :message;

-- message_fail -- a message was sent in vain
update messages set tries = tries + 1, said = :said, due_at = :due, state = :state
where id = :message and state = 'waiting';

-- message_replay -- a message is due again
update messages set state = 'waiting', due_at = :now, tries = 0, said = '' where id = :message;
