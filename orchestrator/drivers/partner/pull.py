"""A partner behind a firewall: it comes to us for its orders, and brings what it made of them."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from orchestrator.model.errors import NotFound, PartnerSilent
from orchestrator.model.partner import Answer, Delivery, Order, Sighting
from orchestrator.ports.clock import Deadline
from orchestrator.ports.orders import Deliveries

CONSOLE = "partner-console.log"


class PullPartner:
    """`ports.partner.Partner` over what such a partner was given and brought."""

    def __init__(self, deliveries: Deliveries) -> None:
        """Work on the store that the API serves the partner from."""
        self._deliveries = deliveries

    def start(self, order: Order, deadline: Deadline) -> Sighting:
        """Lay the order out, unless it is; return what the partner made of it so far."""
        deadline.check()
        return self._deliveries.offer(order).seen

    def poll(self, order: Order, known: Sighting, deadline: Deadline) -> Sighting:
        """Return what the partner told of the order last."""
        deadline.check()
        del known
        return self._deliveries.find(order.key).seen

    def fetch(self, order: Order, known: Sighting, folder: str, deadline: Deadline) -> Answer:
        """Return the result that the partner brought; keep its console in `folder`."""
        deadline.check()
        del known
        found = self._deliveries.find(order.key)
        if found.answer is None:
            raise PartnerSilent(f"{order.partner} brought no result yet")
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / CONSOLE).write_text(found.console)
        return found.answer

    def cancel(self, order: Order, known: Sighting, deadline: Deadline) -> None:
        """Take the order back; a partner that has it is told when it next asks."""
        deadline.check()
        del known

        def withdraw(delivery: Delivery) -> Delivery:
            return replace(delivery, withdrawn=True)

        with suppress(NotFound):
            self._deliveries.change(order.key, withdraw)
