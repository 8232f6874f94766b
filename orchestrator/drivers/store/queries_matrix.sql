-- Windows of the matrix.

-- _wanted -- which runs one looks at
where r.id <= :at
    and cast(:repo as text) in ('', r.repo) and cast(:ref as text) in ('', r.ref)
    and cast(:lane as text) in ('', r.lane) and cast(:requester as text) in ('', r.requester)
    and (cast(:judged as text) = '' or exists (
        select 1 from attempts a
        where a.run = r.id and a.verdict is not null
            and cast(:verdict as text) in ('', a.verdict) and a.ruling like :blame
    ));

-- matrix_runs -- a window of the runs, newest first
select r.id, r.repo, r.ref, r.lane, r.requester, r.reason, r.asked_at, r.snapshot, r.commit_id
from runs r
{_wanted}
order by r.id desc
limit :count offset :first;

-- matrix_commits -- a window of the commits, the one that was asked for last first
select r.commit_id
from runs r
{_wanted}
group by r.commit_id
order by max(r.id) desc
limit :count offset :first;

-- matrix_newest -- the newest run
select coalesce(max(id), 0) as run from runs;

-- matrix_count_runs -- how many runs there are to look at
select count(*) as many
from runs r
{_wanted};

-- matrix_count_commits -- how many commits there are to look at
select count(distinct r.commit_id) as many
from runs r
{_wanted};

-- matrix_runs_of_commits -- every run of some commits, newest first
select r.id, r.repo, r.ref, r.lane, r.requester, r.reason, r.asked_at, r.snapshot, r.commit_id
from runs r
where r.commit_id in :commits and r.id <= :at
order by r.id desc;

-- matrix_outcomes -- what the cells of some runs came to
select a.cell, a.verdict, a.ruling
from attempts a
where a.run in :runs and a.verdict is not null
    and not exists (select 1 from attempts b where b.cell = a.cell and b.number > a.number);

-- matrix_repos -- the repositories, the one that was asked for last first
select repo as word from runs group by repo order by max(id) desc limit 200;

-- matrix_refs -- the branches, the one that was asked for last first
select ref as word from runs group by ref order by max(id) desc limit 200;

-- matrix_requesters -- who asks, the last one first
select requester as word from runs group by requester order by max(id) desc limit 200;

-- matrix_running -- the cells that run
select cell from attempts where holding = 1 and state = 'running' order by granted_at;

-- matrix_reasons -- why attempts wait, and how many for each reason
select why, count(*) as times from attempts where state = 'waiting'
group by why order by count(*) desc limit 1000;
