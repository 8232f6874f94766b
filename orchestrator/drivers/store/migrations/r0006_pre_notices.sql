-- What people are told: how far each subscription has read the history, what it found there, and
-- the messages that tell it. A letter belongs to a message once it is to be sent.
create table notice_positions (
    subscription text primary key,
    position integer not null
);
create table messages (
    id text primary key,
    subscription text not null,
    recipient text not null,
    made_at text not null,
    due_at text not null,
    tries integer not null default 0,
    state text not null check (state in ('waiting', 'delivered', 'given-up')),
    said text not null default ''
);
create index messages_due on messages (subscription, due_at) where state = 'waiting';
create index messages_newest on messages (made_at);
create table letters (
    id integer primary key,
    subscription text not null,
    recipient text not null,
    attempt text not null references attempts (id),
    moment text not null,
    at text not null,
    value text not null,
    message text references messages (id),
    unique (subscription, recipient, attempt, moment)
);
create index letters_open on letters (subscription) where message is null;
create index letters_of_message on letters (message);
