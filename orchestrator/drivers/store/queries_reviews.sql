-- Statements about changes under review; in the form of `queries.sql`.

-- watched_find -- what is known of a revision
select value from watched
where review = :review and project = :project and number = :number and sha = :sha;

-- watched_of -- what is known of every revision of a change
select value from watched
where review = :review and project = :project and number = :number
order by sha;

-- watched_running -- the revisions whose authors wait
select value from watched
where review = :review and progress = 'running'
order by project, number, sha;

-- watched_insert -- look after a revision
insert into watched (review, project, number, sha, progress, value)
values (:review, :project, :number, :sha, :progress, :value)
on conflict do nothing;

-- watched_update -- how far we are with a revision
update watched set progress = :progress, value = :value
where review = :review and project = :project and number = :number and sha = :sha;

-- remarks_read -- the remarks under a change that were read
select id from remarks where review = :review and project = :project and number = :number;

-- remark_insert -- a remark was read
insert into remarks (review, project, number, id) values (:review, :project, :number, :id)
on conflict do nothing;

-- hook_call_insert -- a hook was delivered something
insert into hook_calls (hook, delivery, at) values (:hook, :delivery, :at)
on conflict do nothing;
