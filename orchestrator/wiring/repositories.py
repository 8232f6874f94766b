"""What works on repositories: the desk, the watcher of branches, the survey of local patches."""

from collections.abc import Mapping
from pathlib import Path

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.source.git import GitSource
from orchestrator.drivers.source.history import GitHistory
from orchestrator.drivers.source.survey import GitSurvey
from orchestrator.drivers.store.opened import Store
from orchestrator.ports.engine import Engine
from orchestrator.service.bisecting import Bisecting
from orchestrator.service.carried import CarriedPatches
from orchestrator.service.coverage import Coverage
from orchestrator.service.desk import Desk
from orchestrator.service.flipping import Flipping
from orchestrator.service.lab import Lab
from orchestrator.service.library import Library
from orchestrator.service.watcher import Watcher
from orchestrator.web.house import Studies
from orchestrator.wiring.home import Home
from orchestrator.wiring.lab import LabParts


def desk(home: Home, lab: LabParts, known: Lab, store: Store, engine: Engine) -> Desk:
    """Return what takes requests."""
    return Desk(
        lab=known,
        clock=SystemClock(),
        source=GitSource(home.repositories, lab.aliases),
        history=GitHistory(home.repositories, lab.aliases),
        runs=store.runs,
        queue=store.queue,
        engine=engine,
    )


def carried(home: Home, lab: LabParts) -> CarriedPatches:
    """Return what reports on operators' local patches."""
    return CarriedPatches(
        clock=SystemClock(),
        source=GitSource(home.repositories, lab.aliases),
        history=GitHistory(home.repositories, lab.aliases),
        survey=GitSurvey(home.repositories, lab.aliases),
    )


def watcher(home: Home, lab: LabParts, asked: Desk, store: Store) -> Watcher:
    """Return what asks for runs of new commits, at the desk `asked`."""
    return Watcher(
        clock=SystemClock(),
        source=GitSource(home.repositories, lab.aliases),
        history=GitHistory(home.repositories, lab.aliases),
        watches=store.watches,
        desk=asked,
        watched={watch.name: watch for watch in lab.watches},
    )


def studies(
    mirrors: Path, aliases: Mapping[str, str], asked: Desk, store: Store, library: Library
) -> Studies:
    """Return what draws conclusions from the history, over the repositories in `mirrors`.

    Bisection asks at the desk `asked`.
    """
    source, history = GitSource(mirrors, aliases), GitHistory(mirrors, aliases)
    return Studies(
        coverage=Coverage(
            lab=library.lab,
            clock=SystemClock(),
            source=source,
            history=history,
            runs=store.runs,
            provenance=library.provenance,
        ),
        flipping=Flipping(lab=library.lab, runs=store.runs, events=store.events),
        bisecting=Bisecting(
            clock=SystemClock(),
            source=source,
            history=history,
            runs=store.runs,
            events=store.events,
            desk=asked,
        ),
    )
