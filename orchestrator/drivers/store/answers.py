"""Answers to writes that came with a key."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import TypeAdapter

from orchestrator.drivers.store.codec import encode, stamp
from orchestrator.drivers.store.database import Database
from orchestrator.ports.answers import Answer, Known

_ANSWER: Final = TypeAdapter(Answer)
_KEPT: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Answers:
    """`ports.answers.Answers` over a database."""

    database: Database

    def begin(self, key: str, fingerprint: str, owner: str, now: datetime) -> Known | None:
        """Claim the key; return what is known of it if it is claimed or answered already."""
        with self.database.write() as tx:
            tx.run("answers_forget", before=stamp(now - _KEPT))
            row = tx.one("answer_find", key=key)
            if row is None:
                tx.run("answer_begin", key=key, fingerprint=fingerprint, owner=owner, at=stamp(now))
                return None
            same = row.fingerprint == fingerprint
            if row.status is None and row.owner != owner and same:
                tx.run("answer_take_over", key=key, owner=owner, at=stamp(now))
                return None
        answer = None if row.status is None else _ANSWER.validate_json(row.value)
        return Known(fingerprint=row.fingerprint, answer=answer)

    def keep(self, key: str, owner: str, answer: Answer) -> None:
        """Keep what was answered."""
        with self.database.write() as tx:
            value = encode(answer)
            tx.run("answer_keep", key=key, owner=owner, status=answer.status, value=value)

    def drop(self, key: str, owner: str) -> None:
        """Give the claim back: the next one may try again."""
        with self.database.write() as tx:
            tx.run("answer_drop", key=key, owner=owner)
