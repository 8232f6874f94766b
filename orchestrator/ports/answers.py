"""Answers to writes that came with a key, kept so that a repeat is answered the same."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered."""

    status: int
    kind: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A key that came before: with which request, and what was answered (None: not yet)."""

    fingerprint: str
    answer: Answer | None


class Answers(Protocol):
    """Keeps them for a while."""

    def begin(self, key: str, fingerprint: str, owner: str, now: datetime) -> Known | None:
        """Claim the key for `owner`; return what is known of it if it is claimed or answered.

        A claim of another owner that never answered is taken over: that process is gone. What is
        older than a day is forgotten.
        """
        ...

    def keep(self, key: str, owner: str, answer: Answer) -> None:
        """Keep what was answered."""
        ...

    def drop(self, key: str, owner: str) -> None:
        """Give the claim back: the next one may try again."""
        ...
