"""What of a house looks back on its history."""

from pathlib import Path
from typing import Any

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.files.flight import FolderFlightLog
from orchestrator.drivers.files.folder import FolderFiles
from orchestrator.drivers.store.opened import Store
from orchestrator.service.lab import Lab
from orchestrator.service.lieutenancy import Lieutenancy
from orchestrator.service.recorder import Recorder


def parts(attempts: Path, lab: Lab, store: Store) -> dict[str, Any]:
    """Return the fields of a house that show lieutenants and flights."""
    clock, files = SystemClock(), FolderFiles(attempts)
    return {
        "lieutenancy": Lieutenancy(
            lab=lab,
            clock=clock,
            runs=store.runs,
            events=store.events,
            nodes=store.nodes,
            orders=store.orders,
            pasts=store.pasts,
            waivers=store.waivers,
        ),
        "recorder": Recorder(runs=store.runs, events=store.events, files=files, pasts=store.pasts),
        "flights": FolderFlightLog(attempts, clock),
        "pasts": store.pasts,
    }
