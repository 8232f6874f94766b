-- Why an attempt waits, as JSON; `why` keeps the sentence of it.
alter table attempts add column wait text not null default '';

-- What everybody has been given, in milliseconds of weighted machine time. The owner '' is nobody:
-- its row says where whoever asks anew begins.
create table shares (
    owner text primary key,
    spent bigint not null,
    served_at text not null
);
