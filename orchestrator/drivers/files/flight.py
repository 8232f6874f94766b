"""Flight logs: a file in each attempt's folder, written by whichever process did something."""

import logging
import os
import re
from pathlib import Path

from orchestrator.model.flight import FLIGHT_LOG, Line, Track
from orchestrator.model.ids import AttemptId
from orchestrator.ports.clock import Clock

_LOG = logging.getLogger(__name__)
#: characters of one line: a write of so few bytes is never mixed with another process's
_LONGEST = 800
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class FolderFlightLog:
    """`ports.flight.FlightLog` over `<root>/<attempt>/flight.log`."""

    def __init__(self, root: Path, clock: Clock) -> None:
        """Write below `root`."""
        self._root = root
        self._clock = clock

    def tell(self, attempt: AttemptId, track: Track, node: str, text: str) -> None:
        """Add a line; what cannot be written is told to our own log alone."""
        said = _CONTROL.sub(" ", text)[:_LONGEST]
        line = Line(at=self._clock.now(), track=track, node=node, text=said)
        path = self._root / attempt / FLIGHT_LOG
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(descriptor, f"{line}\n".encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            _LOG.warning("%s: %s is not in its flight log: %s", attempt, said, error)
