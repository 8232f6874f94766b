"""The watcher: lanes that feed themselves from the branches of repositories.

What a watch asks for has a key of its own (watch, branch, commit or night), and how far it got is
stored after the asking. Whenever it is killed in between, it asks again and is given the same run.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from orchestrator.model.errors import ConfigError, SmoketestError
from orchestrator.model.request import Commit, Lane, Request
from orchestrator.model.run import Run
from orchestrator.model.view import WatchedView, WatchView
from orchestrator.model.watch import Seen, Watch, chosen, night
from orchestrator.ports.clock import Clock, Deadline
from orchestrator.ports.history import History
from orchestrator.ports.source import Source
from orchestrator.ports.store import Watches
from orchestrator.service.desk import Desk

#: after a downtime, at most so many of the newest commits of a branch are caught up with
CATCH_UP: Final = 100
LOOK_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """Looks at the watched branches and asks for what is new there."""

    clock: Clock
    source: Source
    history: History
    watches: Watches
    desk: Desk
    #: by name
    watched: Mapping[str, Watch]
    #: when each was looked at last in this process, and what was wrong then
    _looks: dict[str, tuple[datetime, str]] = field(default_factory=dict)

    def look(self, name: str) -> tuple[Run, ...]:
        """Return the runs that were asked for now; what goes wrong is told by `views`.

        What goes wrong with one branch does not keep the others waiting.
        """
        watch = self.watched[name]
        deadline = Deadline(self.clock, LOOK_SECONDS, what=f"the look at {watch.repo}")
        runs: list[Run] = []
        troubles: list[str] = []
        try:
            branches = self._branches(watch, deadline)
        except SmoketestError as error:
            branches = ()
            troubles.append(str(error))
        for branch in branches:
            try:
                runs += self._ask(watch, branch, deadline)
            except SmoketestError as error:
                troubles.append(f"{branch}: {error}")
        self._looks[name] = (self.clock.now(), "; ".join(troubles))
        return tuple(runs)

    def views(self) -> tuple[WatchView, ...]:
        """Return every watch with how far it got."""
        return tuple(self._view(watch) for watch in self.watched.values())

    def _branches(self, watch: Watch, deadline: Deadline) -> tuple[str, ...]:
        found = chosen(watch, self.source.branches(watch.repo, deadline))
        if not found:
            wanted = " or ".join(watch.branches)
            msg = f"{watch.repo} has no branch {wanted}; mend `branches` at {watch.source}"
            raise ConfigError(msg)
        return found

    def _ask(self, watch: Watch, branch: str, deadline: Deadline) -> Iterator[Run]:
        before = next((s for s in self.watches.seen(watch.name) if s.branch == branch), None)
        tip = self.source.resolve(watch.repo, branch, deadline)
        new = self._merged if watch.lane is Lane.MERGED else self._night
        for commit, at, what in new(watch, before, tip, deadline):
            run = self.desk.ask(_request(watch, commit, what))
            self.watches.see(watch.name, Seen(branch=branch, sha=commit.sha, at=at, run=run.id))
            yield run

    def _merged(
        self, _watch: Watch, before: Seen | None, tip: Commit, deadline: Deadline
    ) -> Iterator[tuple[Commit, datetime, str]]:
        """Yield each commit that is new on the branch, the oldest first; at first, the tip."""
        if before and before.sha == tip.sha:
            return
        known = before.sha if before else ""
        limit = CATCH_UP if before else 1
        # A branch that was set back to an older commit has nothing new: its tip is asked for.
        fresh = self.history.line(tip, limit, deadline, known=known) or (tip,)
        for commit in reversed(fresh):
            yield commit, self.clock.now(), commit.sha

    def _night(
        self, watch: Watch, before: Seen | None, tip: Commit, _deadline: Deadline
    ) -> Iterator[tuple[Commit, datetime, str]]:
        """Yield the tip if a night was due since the last one; of several missed, the last."""
        due = night(watch, self.clock.now())
        if before is None:  # the first night is the next one
            self.watches.see(watch.name, Seen(branch=tip.ref, sha=tip.sha, at=due))
        elif before.at < due:
            yield tip, due, due.isoformat()

    def _view(self, watch: Watch) -> WatchView:
        at, trouble = self._looks.get(watch.name, (None, ""))
        seen = self.watches.seen(watch.name)
        return WatchView(
            watch=watch.name,
            repo=watch.repo,
            lane=watch.lane,
            branches=watch.branches,
            archs=watch.archs,
            looked_at=at,
            trouble=trouble,
            seen=tuple(
                WatchedView(branch=one.branch, commit=one.sha[:10], at=one.at, run=one.run)
                for one in seen
            ),
        )


def _request(watch: Watch, commit: Commit, what: str) -> Request:
    new = f"merged into {commit.ref}" if watch.lane is Lane.MERGED else f"the night of {what[:10]}"
    return Request(
        repo=watch.repo,
        ref=commit.ref,
        commit=commit.sha,
        requester=f"watch {watch.name}",
        archs=watch.archs,
        lane=watch.lane,
        reason=new,
        key=f"watch/{watch.name}/{commit.ref}/{what}",
    )
