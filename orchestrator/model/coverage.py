"""The law of coverage: what of the product is exercised by an arch that votes, and how well.

`model/quality.py` is the law of grades. On a product's branch the newest result has to be green as
well, and what no arch exercises has grade C.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from orchestrator.model.arch import Arch
from orchestrator.model.node import Provenance
from orchestrator.model.quality import LATELY, NEWEST, Grade, quality
from orchestrator.model.run import Cell, Run
from orchestrator.model.verdict import Verdict

_COUNTED = frozenset({Verdict.PASSED, Verdict.FAILED, Verdict.BROKEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one cell came to."""

    commit: str
    verdict: Verdict
    at: datetime
    provenance: Provenance | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An arch's grade, one sentence why, and its newest green result."""

    arch: Arch
    grade: Grade
    because: str
    green: Outcome | None = None


def outcome(run: Run, cell: Cell, provenance: Provenance | None) -> Outcome | None:
    """Return what a cell came to; None while it is open, or if it says nothing of the arch."""
    if cell.ruling is None or cell.ruling.verdict not in _COUNTED:
        return None
    return Outcome(
        commit=run.commit.name,
        verdict=cell.ruling.verdict,
        at=cell.updated or run.asked_at,
        provenance=provenance,
    )


def standing(
    arch: Arch, outcomes: Sequence[Outcome], line: Collection[str], now: datetime
) -> Standing:
    """Return how an arch stands by its outcomes, the newest first, on the branch of `line`."""
    recent = [one for one in outcomes if now - one.at <= LATELY][:NEWEST]
    green = next((one for one in recent if one.verdict is Verdict.PASSED), None)
    found = quality(
        arch.name,
        [one.verdict for one in recent],
        voting=arch.voting,
        wrong=_wrong(arch, recent, line),
    )
    return Standing(arch=arch, grade=found.grade, because=found.because, green=green)


def best(standings: Iterable[Standing]) -> Standing | None:
    """Return the first of the best graded, one that votes if there is one, or None of none."""
    return min(standings, key=lambda one: (one.grade, not one.arch.voting), default=None)


def covers(arch: Arch, path: str) -> bool:
    """Return whether the arch says that it exercises that file of the product."""
    return any(within(path, glob) for glob in arch.covers)


def within(path: str, glob: str) -> bool:
    """Return whether a file is what a glob means: that file, or one in that folder."""
    return fnmatchcase(path, glob) or path.startswith(glob.rstrip("/") + "/")


def drivers(paths: Iterable[str], archs: Sequence[Arch]) -> tuple[str, ...]:
    """Return which files owe coverage: what `drivers` of any arch names, less its `!globs`.

    Where no arch names any, they are the files that some arch covers.
    """
    globs = {glob for arch in archs for glob in arch.drivers}
    wanted = {glob for glob in globs if not glob.startswith("!")}
    but = {glob.removeprefix("!") for glob in globs - wanted}
    if not wanted:
        return tuple(path for path in paths if any(covers(arch, path) for arch in archs))
    return tuple(
        path
        for path in paths
        if any(within(path, glob) for glob in wanted)
        and not any(within(path, glob) for glob in but)
    )


def idle(paths: Collection[str], archs: Sequence[Arch]) -> tuple[tuple[str, str], ...]:
    """Return (arch, glob) of what archs say they cover and the product does not have."""
    return tuple(
        (arch.name, glob)
        for arch in archs
        for glob in arch.covers
        if not any(within(path, glob) for path in paths)
    )


def _wrong(arch: Arch, recent: Sequence[Outcome], line: Collection[str]) -> str:
    """Return what the branch itself has against an arch; nothing: empty."""
    decided = (one for one in recent if one.verdict is not Verdict.BROKEN)
    newest = next((one for one in decided if one.commit in line), None)
    if newest is None:
        return f"{arch.name} was not tried on this branch lately"
    if newest.verdict is Verdict.FAILED:
        return f"{arch.name} is red on this branch, at {newest.commit}"
    return ""
