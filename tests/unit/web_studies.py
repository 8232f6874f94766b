"""A house's studies of its history."""

from pathlib import Path

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.source.git import GitSource
from orchestrator.drivers.source.history import GitHistory
from orchestrator.drivers.store.opened import Store
from orchestrator.service.bisecting import Bisecting
from orchestrator.service.coverage import Coverage
from orchestrator.service.desk import Desk
from orchestrator.service.flipping import Flipping
from orchestrator.service.library import Library
from orchestrator.web.house import Studies


def studies(folder: Path, store: Store, desk: Desk, library: Library) -> Studies:
    """Return what studies the house's store, over the repositories that `folder` mirrors."""
    source, history = GitSource(folder / "cache", {}), GitHistory(folder / "cache", {})
    return Studies(
        coverage=Coverage(
            lab=desk.lab,
            clock=SystemClock(),
            source=source,
            history=history,
            runs=store.runs,
            provenance=library.provenance,
        ),
        flipping=Flipping(lab=desk.lab, runs=store.runs, events=store.events),
        bisecting=Bisecting(
            clock=SystemClock(),
            source=source,
            history=history,
            runs=store.runs,
            events=store.events,
            desk=desk,
        ),
    )
