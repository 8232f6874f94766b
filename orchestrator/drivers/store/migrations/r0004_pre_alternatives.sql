-- Which of its arch's alternatives an attempt goes (from 0), and which try by it this is (from 1).
alter table attempts add column way integer not null default 0;
alter table attempts add column turn integer not null default 1;
update attempts set turn = (number - 1) % 3 + 1;

-- What partners were asked, one order to an attempt, and what became of it.
create table orders (
    attempt text primary key references attempts (id),
    cell text not null,
    partner text not null,
    standing text not null,
    hook text not null unique,
    -- a call-back came that nobody has looked into yet
    called integer not null default 0,
    value text not null
);
create index orders_of_cell on orders (cell, partner);
create index orders_of_partner on orders (partner, standing);
