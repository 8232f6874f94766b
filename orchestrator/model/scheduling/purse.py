"""Fair share: start-time fair queueing over owners, in machine-seconds weighted by lane.

An owner's tag is what it has been given so far, or the clock if that is more: who comes back after
an idle day begins where the others are, with neither debt nor credit. The least tag is served next
and then grows by what the cell usually costs. Equal tags: who was served longest ago.
(Goyal, Vin, Cheng 1996.)
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from orchestrator.model.lease import Account, Ledger
from orchestrator.model.request import Lane

#: while all lanes wait, an owner in `asked` gets 16 machine-hours for 4 of one in `merged`
WEIGHTS: Final[Mapping[str, float]] = {Lane.ASKED: 16, Lane.MERGED: 4, Lane.NIGHTLY: 1}


class Purse:
    """Everybody's account, as a pass changes it."""

    def __init__(self, ledger: Ledger) -> None:
        """Begin where the last pass ended."""
        self.clock = ledger.clock
        self._accounts = {account.owner: account for account in ledger.accounts}
        self._changed: set[str] = set()

    def tag(self, owner: str) -> float:
        """Return what decides whose turn it is; the least is next."""
        found = self._accounts.get(owner)
        return max(found.spent, self.clock) if found else self.clock

    def served(self, owner: str) -> float:
        """Return when the owner was given something last."""
        found = self._accounts.get(owner)
        return found.served_at.timestamp() if found else 0.0

    def price(self, owner: str, seconds: float) -> float:
        """Return what so many machine-seconds cost the owner."""
        return seconds / WEIGHTS.get(owner.partition(" ")[0], 1)

    def charge(self, owner: str, seconds: float, now: float, *, in_turn: bool) -> None:
        """Charge machine-seconds; out of turn, the clock stays where it is."""
        tag = self.tag(owner)
        if in_turn:
            self.clock = max(self.clock, tag)
        self._accounts[owner] = Account(
            owner=owner,
            spent=tag + self.price(owner, seconds),
            served_at=datetime.fromtimestamp(now, UTC),
        )
        self._changed.add(owner)

    def ledger(self) -> Ledger:
        """Return the clock and the accounts that changed."""
        changed = tuple(self._accounts[owner] for owner in sorted(self._changed))
        return Ledger(clock=self.clock, accounts=changed)

    def copy(self) -> "Purse":
        """Return accounts that are the same now and change apart from these."""
        return Purse(Ledger(clock=self.clock, accounts=tuple(self._accounts.values())))
