"""Boot offers: what the boot server hands to one node, once."""

import re
from dataclasses import dataclass, replace

from orchestrator.drivers.store.codec import OFFER, encode
from orchestrator.drivers.store.database import Database, Transaction
from orchestrator.model.ids import AttemptId
from orchestrator.model.node import Access
from orchestrator.model.offer import Offer


@dataclass(frozen=True, slots=True)
class Offers:
    """`ports.store.Offers` over a database."""

    database: Database

    def put(self, offer: Offer) -> Offer:
        """Store the offer and return it, or the one that the node has for the same attempt."""
        with self.database.write() as tx:
            row = tx.one("offer_of_node", node=offer.node)
            if row and row.attempt == offer.attempt:
                return OFFER.validate_json(row.value)
            tx.run("offer_forget", node=offer.node)
            tx.run(
                "offer_insert",
                token=offer.token,
                node=offer.node,
                attempt=offer.attempt,
                mac=_digits(offer.mac),
                value=encode(offer),
            )
        return offer

    def find(self, node: str, attempt: AttemptId) -> Offer | None:
        """Return the node's offer for that attempt, or None."""
        return self._one("offer_of_attempt", node=node, attempt=attempt)

    def by_mac(self, mac: str) -> Offer | None:
        """Return the offer for a MAC address in any case or separator, or None."""
        return self._one("offer_by_mac", mac=_digits(mac))

    def by_token(self, token: str) -> Offer | None:
        """Return the offer, or None when the token was never given or was withdrawn."""
        return self._one("offer_by_token", token=token)

    def fetched(self, token: str, what: str) -> None:
        """Remember that the node fetched `what`; once, and nothing for an unknown token."""
        with self.database.write() as tx:
            offer = _by_token(tx, token)
            if offer and what not in offer.fetched:
                _keep(tx, replace(offer, fetched=(*offer.fetched, what)))

    def arrive(self, token: str, access: Access) -> bool:
        """Store the call-back; return False when the token is unknown or was used by another.

        The same call-back may come again: the machine whose answer got lost repeats it.
        """
        with self.database.write() as tx:
            offer = _by_token(tx, token)
            if offer is None or offer.access:
                return offer is not None and offer.access == access
            _keep(tx, replace(offer, access=access))
        return True

    def drop(self, node: str, attempt: AttemptId) -> None:
        """Forget the offer, if the node still has it."""
        with self.database.write() as tx:
            tx.run("offer_drop", node=node, attempt=attempt)

    def _one(self, query: str, **values: str) -> Offer | None:
        with self.database.read() as tx:
            row = tx.one(query, **values)
        return OFFER.validate_json(row.value) if row else None


def _by_token(tx: Transaction, token: str) -> Offer | None:
    row = tx.one("offer_by_token", token=token)
    return OFFER.validate_json(row.value) if row else None


def _keep(tx: Transaction, offer: Offer) -> None:
    tx.run("offer_update", token=offer.token, value=encode(offer))


def _digits(mac: str) -> str:
    """Return the MAC address as its bare lower-case digits."""
    return re.sub(r"[^0-9a-f]", "", mac.lower())
