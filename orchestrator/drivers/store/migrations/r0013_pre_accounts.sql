-- Who may sign in; `password` is an Argon2 hash, empty for those whom a provider vouches for.
create table users (
    name text primary key,
    subject text not null default '',
    password text not null default '',
    value text not null
);
create unique index users_of_subject on users (subject) where subject <> '';

-- Browsers in which somebody signed in; `digest` is of what their cookie holds.
create table sessions (
    digest text primary key,
    id text not null,
    username text not null references users (name),
    began_at text not null,
    seen_at text not null,
    expires_at text not null,
    address text not null,
    agent text not null
);
create index sessions_of_user on sessions (username, began_at);

-- Sign-ins that go on at an identity provider; `digest` is of the state that must come back.
create table sign_ins (
    digest text primary key,
    expires_at text not null,
    value text not null
);

-- Sign-ins that were refused: too many, and the next must wait.
create table refusals (
    number integer primary key,
    who text not null,
    address text not null,
    at text not null
);
create index refusals_at on refusals (at);

-- What was changed, by whom and from where; `status` is 0 until it is answered.
create table changes (
    number integer primary key,
    at text not null,
    who text not null,
    role text not null,
    via text not null,
    address text not null,
    action text not null,
    target text not null,
    said text not null,
    status integer not null default 0
);
create index changes_of on changes (who, number);
