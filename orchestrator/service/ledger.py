"""The ledger: who changed what, when and from where; what is in it is never changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from orchestrator.model.access import Asker, Via
from orchestrator.model.account import Change, told
from orchestrator.ports.accounts import Changes
from orchestrator.ports.clock import Clock

LONGEST: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What somebody is about to do: a route, its address, and what was said with it."""

    action: str
    target: str
    said: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Keeps the record of changes."""

    clock: Clock
    changes: Changes

    def begin(self, asker: Asker | None, address: str, deed: Deed) -> int:
        """Write down that it begins; return the number of the entry."""
        return self.changes.add(
            Change(
                at=self.clock.now(),
                who=asker.name if asker else "anonymous",
                role=asker.role if asker else "",
                via=f"{asker.via} {asker.token}".strip() if asker else Via.NOTHING,
                address=address,
                action=deed.action[:LONGEST],
                target=deed.target[:LONGEST],
                said=told(deed.said),
            )
        )

    def end(self, number: int, status: int) -> None:
        """Write down what came of it."""
        self.changes.end(number, status)

    def newest(self, *, before: int, limit: int, who: str = "") -> tuple[Change, ...]:
        """Return the newest entries from before a number (0: of all), of one user if named."""
        return self.changes.before(before, limit, who)
