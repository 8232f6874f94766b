"""What machines were found to be after their installs, for comparison."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from orchestrator.drivers.store.codec import FACTS, encode, instant, stamp
from orchestrator.drivers.store.database import Database, Transaction
from orchestrator.model.attestation import Attestation, Attested
from orchestrator.model.errors import Bug


@dataclass(frozen=True, slots=True)
class Attestations:
    """`ports.store.Attestations` over a database."""

    database: Database

    def record(self, node: str, image: str, found: Attestation, now: datetime) -> Attested:
        """Store `found` as the node's newest under `image`, and as its reference if it has none."""
        with self.database.write() as tx:
            tx.run(
                "attestation_record",
                node=node,
                image=image,
                facts=encode(found.facts),
                at=stamp(now),
            )
            return _one(tx, node, image)

    def renew(self, node: str, image: str, reference: Attestation) -> None:
        """Replace the reference, if the node has one under `image`."""
        with self.database.write() as tx:
            facts = encode(reference.facts)
            tx.run("attestation_renew", node=node, image=image, facts=facts)

    def forget(self, node: str) -> None:
        """Forget the node's attestations: the next one under each image is its reference."""
        with self.database.write() as tx:
            tx.run("attestations_forget", node=node)

    def all(self) -> tuple[Attested, ...]:
        """Return what is known of each node and image, the newest attestation last."""
        with self.database.read() as tx:
            return tuple(map(_attested, tx.all("attestations_all")))


def _one(tx: Transaction, node: str, image: str) -> Attested:
    return _attested(tx.single("attestation_of_node", node=node, image=image))


def _attested(row: Row[Any]) -> Attested:
    since, at = instant(row.recorded_at), instant(row.newest_at)
    if since is None or at is None:
        msg = f"the attestation of {row.node} has no time"
        raise Bug(msg)
    return Attested(
        node=row.node,
        image=row.image,
        reference=Attestation(facts=FACTS.validate_json(row.facts)),
        since=since,
        newest=Attestation(facts=FACTS.validate_json(row.newest)),
        at=at,
    )
