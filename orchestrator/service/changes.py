"""What changed between a cell and the last one that was green on its arch."""

from dataclasses import dataclass, fields

from orchestrator.model.arch import Arch
from orchestrator.model.errors import SmoketestError
from orchestrator.model.ids import CellId, cell_of
from orchestrator.model.request import Commit
from orchestrator.model.result import Outcome, TestResult
from orchestrator.ports.clock import Deadline
from orchestrator.service.desk import Desk
from orchestrator.service.library import Library
from orchestrator.service.recorder import Recorder

#: commits and tests that are named
NAMED = 20
_SECONDS = 20.0
#: what an arch's file says of itself rather than of what is deployed
_BESIDE = frozenset({"summary", "lieutenants", "source", "covers", "voting"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is different since the cell `good`, which was green."""

    good: CellId
    #: commits that the green one did not have, newest first, at most `NAMED`
    commits: tuple[Commit, ...]
    #: why they cannot be named, or empty
    untold: str
    #: both tested the very same commit, patches and all
    same_commit: bool
    #: parts of the arch's file that were changed
    arch: tuple[str, ...]
    #: the machines then and now
    machines: tuple[tuple[str, ...], tuple[str, ...]]
    #: tests that passed then and fail now, at most `NAMED`
    tests: tuple[TestResult, ...]


def since_good(desk: Desk, library: Library, recorder: Recorder, cell: CellId) -> Changes | None:
    """Return what changed since the arch was last green, None if it never was before the cell."""
    attempt = recorder.last_good(cell)
    if attempt is None:
        return None
    good = cell_of(attempt)
    arch, snapshot = desk.runs.aim(cell)
    before_arch, before = desk.runs.aim(good)
    commits, untold = _commits(desk, snapshot.commit, before.commit)
    now, then = library.cell(cell), library.cell(good)
    passed = {t.name for t in then.attempts[-1].tests if t.outcome is Outcome.PASSED}
    bad = {Outcome.FAILED, Outcome.ERROR}
    tests = now.attempts[-1].tests if now.attempts else ()
    return Changes(
        good=good,
        commits=commits,
        untold=untold,
        same_commit=snapshot.commit.name == before.commit.name,
        arch=_parts(before_arch, arch),
        machines=(then.cell.nodes, now.cell.nodes),
        tests=tuple(t for t in tests if t.outcome in bad and t.name in passed)[:NAMED],
    )


def _commits(desk: Desk, now: Commit, then: Commit) -> tuple[tuple[Commit, ...], str]:
    if now.sha == then.sha:
        return (), ""
    deadline = Deadline(desk.clock, _SECONDS, what="reading the commits")
    try:
        return desk.history.line(now, NAMED, deadline, known=then.sha), ""
    except SmoketestError as error:
        return (), str(error)


def _parts(then: Arch, now: Arch) -> tuple[str, ...]:
    names = (field.name for field in fields(Arch) if field.name not in _BESIDE)
    return tuple(name for name in names if getattr(then, name) != getattr(now, name))
