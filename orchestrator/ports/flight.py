"""An attempt's flight log: power commands, and what machines fetched, while it is under way."""

from typing import Protocol

from orchestrator.model.flight import Track
from orchestrator.model.ids import AttemptId


class FlightLog(Protocol):
    """Keeps, line by line with its time, what no other log of an attempt holds."""

    def tell(self, attempt: AttemptId, track: Track, node: str, text: str) -> None:
        """Add a line to the attempt's file `flight.log`; never raises for it."""
        ...
