"""Run a worker in the foreground until it is told to stop."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

from orchestrator.drivers.store.opened import open_store
from orchestrator.wiring.home import Home, seat
from orchestrator.wiring.house import Crew, build_crew
from orchestrator.wiring.lab import LabParts, join_lab
from orchestrator.wiring.settings import Settings

#: between looks at a lab in a box
KEEPING_SECONDS = 0.5


def work(settings: Settings, name: str, ready: Callable[[str], None]) -> None:
    """Walk attempts until SIGTERM or SIGINT; `ready` is told the worker's name once it does.

    Raises `ConfigError` before anything is begun if home, name, lab file or store are wrong.
    """
    home = Home(folder=settings.home.expanduser().resolve())
    over = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        over.set()

    with seat(home, name) as seated:
        lab = join_lab(settings, home)
        crew = build_crew(home, lab, open_store(lab.store_url), home.kept_url(), seated)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        crew.open()
        ready(seated)
        _keep(lab, crew, over)
        crew.close()
    # Threads of stages that were under way still wait; what they did is in the store.
    os._exit(0)


def _keep(lab: LabParts, crew: Crew, over: threading.Event) -> None:
    """Return when told to stop; whenever a lab in a box dies under us, try again what it took."""
    was = True
    while not over.wait(KEEPING_SECONDS):
        alive = lab.alive()
        if was and not alive:
            crew.flow.interrupt(f"{lab.title} died in the middle of it")
        was = alive
