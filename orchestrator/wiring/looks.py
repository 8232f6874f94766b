"""What looks back on the history for people: the flight recorder, and lieutenants."""

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.files.flight import FolderFlightLog
from orchestrator.drivers.files.folder import FolderFiles
from orchestrator.drivers.store.opened import Store
from orchestrator.service.lab import Lab
from orchestrator.service.lieutenancy import Lieutenancy
from orchestrator.service.recorder import Recorder
from orchestrator.wiring.home import Home


def recorder(home: Home, store: Store) -> Recorder:
    """Return what shows attempts on a time axis."""
    return Recorder(
        runs=store.runs,
        events=store.events,
        files=FolderFiles(home.attempts),
        pasts=store.pasts,
    )


def flight_log(home: Home) -> FolderFlightLog:
    """Return what keeps power commands and fetches beside an attempt's logs."""
    return FolderFlightLog(home.attempts, SystemClock())


def lieutenancy(known: Lab, store: Store) -> Lieutenancy:
    """Return what lieutenants look at."""
    return Lieutenancy(
        lab=known,
        clock=SystemClock(),
        runs=store.runs,
        events=store.events,
        nodes=store.nodes,
        orders=store.orders,
        pasts=store.pasts,
        waivers=store.waivers,
    )
