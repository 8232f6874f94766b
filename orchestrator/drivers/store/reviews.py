"""The revisions of proposals that we look after."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from orchestrator.drivers.store.codec import WATCHED, encode, stamp
from orchestrator.drivers.store.database import Database, Transaction
from orchestrator.model.review import Proposal, Remark, Watched


@dataclass(frozen=True, slots=True)
class Reviews:
    """`ports.outbox.Reviews` over a database."""

    database: Database

    def find(self, review: str, proposal: Proposal) -> Watched | None:
        """Return what we know of this revision of the proposal, or None."""
        with self.database.read() as tx:
            row = tx.one("watched_find", **_key(review, proposal), sha=proposal.sha)
        return WATCHED.validate_json(row.value) if row else None

    def begin(self, watched: Watched) -> None:
        """Look after a revision; its remarks so far count as read. A known one is kept."""
        with self.database.write() as tx:
            _store(tx, "watched_insert", watched)
            _read(tx, watched.review, watched.proposal, watched.proposal.remarks)

    def read(self, review: str, proposal: Proposal) -> None:
        """Take the proposal's remarks so far as read."""
        if not self.unread(review, proposal):
            return
        with self.database.write() as tx:
            _read(tx, review, proposal, proposal.remarks)

    def unread(self, review: str, proposal: Proposal) -> tuple[Remark, ...]:
        """Return the proposal's remarks that were not read, in their order."""
        with self.database.read() as tx:
            known = {row.id for row in tx.all("remarks_read", **_key(review, proposal))}
        return tuple(remark for remark in proposal.remarks if remark.id not in known)

    def update(self, watched: Watched, read: Sequence[Remark] = ()) -> None:
        """Store how far we are, and that remarks are read."""
        with self.database.write() as tx:
            _store(tx, "watched_update", watched)
            _read(tx, watched.review, watched.proposal, read)

    def of(self, review: str, proposal: Proposal) -> tuple[Watched, ...]:
        """Return every revision of the proposal that we know."""
        with self.database.read() as tx:
            rows = tx.all("watched_of", **_key(review, proposal))
        return tuple(WATCHED.validate_json(row.value) for row in rows)

    def running(self, review: str) -> tuple[Watched, ...]:
        """Return the revisions whose authors wait for us."""
        with self.database.read() as tx:
            rows = tx.all("watched_running", review=review)
        return tuple(WATCHED.validate_json(row.value) for row in rows)

    def delivered(self, hook: str, delivery: str, now: datetime) -> bool:
        """Remember a delivery to one of our hooks; return False if it came before."""
        with self.database.write() as tx:
            return bool(tx.run("hook_call_insert", hook=hook, delivery=delivery, at=stamp(now)))


def _key(review: str, proposal: Proposal) -> dict[str, str]:
    return {"review": review, "project": proposal.project, "number": proposal.number}


def _store(tx: Transaction, statement: str, watched: Watched) -> None:
    """Store it without its remarks, which are the other side's."""
    plain = replace(watched, proposal=replace(watched.proposal, remarks=()))
    tx.run(
        statement,
        **_key(watched.review, watched.proposal),
        sha=watched.proposal.sha,
        progress=watched.progress,
        value=encode(plain),
    )


def _read(tx: Transaction, review: str, proposal: Proposal, remarks: Sequence[Remark]) -> None:
    key = _key(review, proposal)
    tx.many("remark_insert", ({**key, "id": remark.id} for remark in remarks))
