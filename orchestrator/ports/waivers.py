"""What lieutenants say of reds, and when they last looked."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from orchestrator.model.waiver import Waiver


class Waivers(Protocol):
    """Acknowledgements and waivers; none is ever removed, so that it stays known who gave it."""

    def add(self, waiver: Waiver) -> Waiver:
        """Store it (its id is chosen here) and return it; one for the same cell and sort ends."""
        ...

    def of_branch(self, arch: str, repo: str, ref: str) -> tuple[Waiver, ...]:
        """Return all of an arch on a branch, the newest first."""
        ...

    def of_archs(self, archs: Sequence[str]) -> tuple[Waiver, ...]:
        """Return all of some archs that were not taken back, the newest first."""
        ...

    def withdraw(self, waiver: int, now: datetime) -> Waiver:
        """Take it back; raise `NotFound`."""
        ...

    def looked(self, lieutenant: str) -> datetime | None:
        """Return until when the lieutenant has seen what changed, or None before the first look."""
        ...

    def look(self, lieutenant: str, at: datetime) -> None:
        """Remember that all until then was seen; it never goes back."""
        ...
