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
