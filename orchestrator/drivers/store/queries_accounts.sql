-- Users, sessions, and the record of changes.

-- user_insert -- store a user; one of that name stays
insert into users (name, subject, password, value)
values (:username, :subject, :password, :value) on conflict do nothing;

-- users_all -- every user by name
select password, value from users order by name;

-- users_any -- a row if there is any user
select 1 as found from users limit 1;

-- user_by_name -- one user
select password, value from users where name = :username;

-- user_by_subject -- the user whom a provider knows as that
select password, value from users where subject = :subject and subject <> '';

-- user_update -- what the user is now
update users set subject = :subject, value = :value where name = :username;

-- user_password -- another password
update users set password = :password where name = :username;

-- session_insert -- store a session
insert into sessions (digest, id, username, began_at, seen_at, expires_at, address, agent)
values (:digest, :id, :username, :began_at, :seen_at, :expires_at, :address, :agent);

-- session_by_digest -- one session
select id, username, began_at, seen_at, expires_at, address, agent
from sessions where digest = :digest;

-- session_seen -- a session was used
update sessions set seen_at = :at where digest = :digest;

-- session_delete -- forget a session
delete from sessions where digest = :digest;

-- sessions_of_user -- a user's sessions, the newest first
select id, username, began_at, seen_at, expires_at, address, agent
from sessions where username = :username order by began_at desc, id;

-- sessions_delete_of -- forget a user's sessions but one
delete from sessions where username = :username and id <> :but;

-- session_delete_only -- forget one of a user's sessions
delete from sessions where username = :username and id = :only;

-- sessions_delete_over -- forget the sessions that are over
delete from sessions where expires_at < :at;

-- sign_in_insert -- store a sign-in that goes on at a provider
insert into sign_ins (digest, expires_at, value) values (:digest, :expires_at, :value);

-- sign_in_by_digest -- such a sign-in
select value from sign_ins where digest = :digest;

-- sign_in_delete -- forget it
delete from sign_ins where digest = :digest;

-- sign_ins_delete_over -- forget those that never came back
delete from sign_ins where expires_at < :at;

-- refusal_insert -- a sign-in was refused
insert into refusals (number, who, address, at)
values ((select coalesce(max(number), 0) + 1 from refusals), :who, :address, :at);

-- refusals_since -- how many were refused, of that name and from that address
select
    coalesce(sum(case when who = :who then 1 else 0 end), 0) as named,
    coalesce(sum(case when address = :address then 1 else 0 end), 0) as placed
from refusals where at > :since;

-- refusals_delete_over -- forget old ones
delete from refusals where at < :at;

-- change_insert -- store a change that begins
insert into changes (number, at, who, role, via, address, action, target, said)
values (
    (select coalesce(max(number), 0) + 1 from changes),
    :at, :who, :role, :via, :address, :action, :target, :said
)
returning number;

-- change_end -- what came of it
update changes set status = :status where number = :number;

-- changes_before -- the newest first, from before a number; of one user if named
select number, at, who, role, via, address, action, target, said, status
from changes
where number < :before and (:who = '' or who = :who)
order by number desc limit :limit;
