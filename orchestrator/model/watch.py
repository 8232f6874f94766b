"""Repositories that start runs by themselves: what is watched, and what was seen there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from fnmatch import fnmatchcase

from orchestrator.model.request import Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Branches of a repository whose new commits, or nights, start runs."""

    name: str
    repo: str
    #: names or globs, e.g. `master` and `stable/*`
    branches: tuple[str, ...]
    #: `merged`: a run for each new commit; `nightly`: one a night of the newest
    lane: Lane = Lane.MERGED
    #: empty: all that the lab can
    archs: tuple[str, ...] = ()
    #: seconds between two looks
    every: float = 60
    #: of `nightly`: when a night is due, UTC
    at: time = time(2, 0, tzinfo=UTC)
    #: where it was read, `file:line`
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How far a watch got on one branch."""

    branch: str
    #: the newest commit that was asked for, or that was there when the watch began
    sha: str
    #: `merged`: when it was seen; `nightly`: the night that it was asked for
    at: datetime
    #: the run that it started; None if it was there before
    run: int | None = None


def chosen(watch: Watch, branches: Sequence[str]) -> tuple[str, ...]:
    """Return the branches that are watched."""
    return tuple(name for name in branches if any(fnmatchcase(name, g) for g in watch.branches))


def night(watch: Watch, now: datetime) -> datetime:
    """Return when the newest night that is due by now was due."""
    today = datetime.combine(now.astimezone(UTC).date(), watch.at)
    return today if today <= now else today - timedelta(days=1)
