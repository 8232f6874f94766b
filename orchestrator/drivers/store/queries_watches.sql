-- Watches of repositories: how far each got.

-- watch_seen -- how far a watch got, branch by branch
select branch, sha, at, run from watches where watch = :watch order by branch;

-- watch_see -- store how far a watch got on a branch
insert into watches (watch, branch, sha, at, run) values (:watch, :branch, :sha, :at, :run)
on conflict (watch, branch) do update set sha = excluded.sha, at = excluded.at, run = excluded.run;
