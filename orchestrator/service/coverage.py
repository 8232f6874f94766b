"""The report on how well each driver, hypervisor and network model is looked after."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.model.arch import Arch
from orchestrator.model.coverage import (
    Outcome,
    Standing,
    best,
    covers,
    drivers,
    idle,
    outcome,
    standing,
)
from orchestrator.model.node import Provenance
from orchestrator.model.quality import Grade
from orchestrator.model.run import Cell
from orchestrator.model.studies import CoverageView, Graded, Idle
from orchestrator.ports.clock import Clock, Deadline
from orchestrator.ports.history import History
from orchestrator.ports.source import Source
from orchestrator.ports.store import Runs
from orchestrator.service.lab import Lab
from orchestrator.stages.plan import meant

READ_SECONDS = 120.0
#: runs of the repository and commits of the branch that are looked at
RUNS, COMMITS = 500, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Grades what the arch files of this lab cover, by what the store remembers."""

    lab: Lab
    clock: Clock
    source: Source
    history: History
    runs: Runs
    provenance: Callable[[Cell], Provenance | None]

    def report(self, repo: str, ref: str) -> CoverageView:
        """Return the grades of what the commit holds; raise `NotFound` for an unknown ref."""
        deadline = Deadline(self.clock, READ_SECONDS, what="reading the repository")
        tip = self.source.resolve(repo, ref, deadline)
        files = self.history.files(tip, deadline)
        line = {commit.name for commit in self.history.line(tip, COMMITS, deadline)}
        archs = meant(list(self.lab.archs.values()), repo)
        stand = self._standings(repo, archs, line)
        found = [
            _graded(path, [one for one in stand if covers(one.arch, path)])
            for path in drivers(files, archs)
        ]
        return CoverageView(
            repo=repo,
            ref=ref,
            commit=tip.name,
            subject=tip.subject,
            declared=any(arch.drivers for arch in archs),
            drivers=tuple(found),
            hypervisors=_grouped(stand, lambda arch: arch.hypervisors),
            networks=_grouped(stand, lambda arch: arch.networks),
            uncovered=tuple(one.name for one in found if not one.voting and not one.advising),
            idle=tuple(Idle(arch=name, covers=glob) for name, glob in idle(files, archs)),
        )

    def _standings(
        self, repo: str, archs: Sequence[Arch], line: Collection[str]
    ) -> tuple[Standing, ...]:
        outcomes = self._outcomes(repo)
        now = self.clock.now()
        return tuple(standing(arch, outcomes.get(arch.name, ()), line, now) for arch in archs)

    def _outcomes(self, repo: str) -> Mapping[str, Sequence[Outcome]]:
        """Return what each arch's cells of that repository came to, the newest first."""
        found: dict[str, list[Outcome]] = {}
        for run, cells in self.runs.recent(repo, RUNS):
            for cell in cells:
                if one := outcome(run, cell, self.provenance(cell)):
                    found.setdefault(cell.arch.name, []).append(one)
        return found


def _grouped(
    standings: Sequence[Standing], words: Callable[[Arch], Sequence[str]]
) -> tuple[Graded, ...]:
    names = dict.fromkeys(word for one in standings for word in words(one.arch))
    return tuple(
        _graded(name, [one for one in standings if name in words(one.arch)]) for name in names
    )


def _graded(name: str, standings: Sequence[Standing]) -> Graded:
    top = best(standings)
    people = dict.fromkeys(person for one in standings for person in one.arch.lieutenants)
    green = top.green if top else None
    return Graded(
        name=name,
        grade=top.grade if top else Grade.C,
        because=top.because if top else "no arch covers it",
        voting=tuple(one.arch.name for one in standings if one.arch.voting),
        advising=tuple(one.arch.name for one in standings if not one.arch.voting),
        lieutenants=tuple(people),
        green_commit=green.commit if green else "",
        green_at=green.at if green else None,
        provenance=green.provenance if green else None,
    )
