-- What partners were asked, and who may speak to us.

-- order_of_attempt -- what a partner was asked for an attempt
select value from orders where attempt = :attempt;

-- order_newest_of_cell -- the newest order for a cell of one partner
select o.value
from orders o join attempts a on a.id = o.attempt
where o.cell = :cell and o.partner = :partner
order by a.number desc limit 1;

-- order_by_hook -- the order that a call-back's secret opens
select value from orders where hook = :hook;

-- order_insert -- store an order
insert into orders (attempt, cell, partner, standing, hook, value)
values (:attempt, :cell, :partner, :standing, :hook, :value);

-- order_update -- store what became of an order
update orders set standing = :standing, value = :value where attempt = :attempt;

-- order_unhook -- an order goes on under another attempt, and so does its call-back
update orders set hook = 'taken:' || attempt where attempt = :attempt;

-- order_called -- whether the partner called back about an order
update orders set called = :called where attempt = :attempt;

-- order_if_called -- a row if the partner called back about an order
select attempt from orders where attempt = :attempt and called = 1;

-- orders_standing -- the newest orders that stand so, of one partner or (if empty) of all
select o.value
from orders o join attempts a on a.id = o.attempt
where o.standing = :standing and cast(:partner as text) in ('', o.partner)
order by a.asked_at desc limit :limit;


-- delivery_of_order -- what a partner that comes to us made of an order
select value from deliveries where key = :key;

-- delivery_insert -- lay an order out; one that is there stays
insert into deliveries (key, partner, laid_out_at, value)
values (:key, :partner, :at, :value)
on conflict do nothing;

-- delivery_next -- the oldest order that none of a partner's other workers is at
select key, value from deliveries
where partner = :partner and over = 0
    and (taken_at is null or taken_by = :worker or taken_at < :stale)
order by laid_out_at, key limit 1;

-- delivery_taken -- a partner's worker is at an order
update deliveries set taken_at = :at, taken_by = :worker where key = :key;

-- delivery_update -- store what a partner brought
update deliveries set value = :value, over = :over where key = :key;


-- token_insert -- store a token
insert into tokens (id, digest, created_at, expires_at, value)
values (:token, :digest, :created_at, :expires_at, :value);

-- tokens_all -- every token, the newest first
select digest, revoked_at, used_at, public_key, value from tokens order by created_at desc, id;

-- token_by_id -- one token
select digest, revoked_at, used_at, public_key, value from tokens where id = :token;

-- token_pin -- what signs under a token, once
update tokens set public_key = :public_key where id = :token and public_key = '';

-- token_revoke -- a token is worth nothing from now on
update tokens set revoked_at = :at where id = :token and revoked_at is null;

-- token_used -- a token was shown
update tokens set used_at = :at where id = :token;


-- item_insert -- store a build that was asked for; one that is there stays
insert into items (run, job, value) values (:run, :job, :value) on conflict do nothing;

-- item_of_run -- the build that a run is
select value from items where run = :run;

-- items_newest -- the newest builds, of one job or (if empty) of all
select value from items
where cast(:job as text) in ('', job)
order by run desc limit :limit;

-- jobs_described -- the jobs that were described
select name, xml from jobs order by name;

-- job_describe -- keep a job's description
insert into jobs (name, xml) values (:job, :xml)
on conflict (name) do update set xml = excluded.xml;

-- job_forget -- forget a job's description
delete from jobs where name = :job;


-- orders_compared -- what a partner and somebody else said of the same commit on the same arch
select o.attempt, a.verdict as theirs, b.id as other, b.verdict as ours
from orders o
join attempts a on a.id = o.attempt
join runs r on r.id = a.run
join runs s on s.commit_id = r.commit_id and s.repo = r.repo
join attempts b on b.run = s.id and b.id <> a.id
    and b.cell = cast(s.id as text) || '/' || substr(o.cell, length(cast(a.run as text)) + 2)
where o.partner = :partner
    and a.verdict in ('passed', 'failed') and b.verdict in ('passed', 'failed')
    and not exists (select 1 from orders p where p.attempt = b.id and p.partner = o.partner)
order by a.asked_at desc, b.id limit :limit;
