"""Somebody else's lab: asked for a cell, watched, and heard."""

from typing import Protocol

from orchestrator.model.partner import Answer, Order, Sighting
from orchestrator.ports.clock import Deadline


class Partner(Protocol):
    """Reaches one partner; `known` is what the last look at the order found.

    Every verb raises `PartnerSilent` when the partner cannot be reached now (try again), and
    `PartnerError` when it refuses.
    """

    def start(self, order: Order, deadline: Deadline) -> Sighting:
        """Ask for the order, unless the partner has it by its key; return what it is there."""
        ...

    def poll(self, order: Order, known: Sighting, deadline: Deadline) -> Sighting:
        """Return what the order is there; `Standing.ASKED` if the partner knows nothing of it."""
        ...

    def fetch(self, order: Order, known: Sighting, folder: str, deadline: Deadline) -> Answer:
        """Return the result of an order that is `ANSWERED`; keep its files in `folder`."""
        ...

    def cancel(self, order: Order, known: Sighting, deadline: Deadline) -> None:
        """Stop the order there, if it is not over."""
        ...
