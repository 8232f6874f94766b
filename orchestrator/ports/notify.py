"""Telling people."""

from dataclasses import dataclass
from typing import Protocol

from orchestrator.model.ids import AttemptId
from orchestrator.model.notice import Message
from orchestrator.model.verdict import Ruling
from orchestrator.ports.clock import Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """An attempt's outcome as people are told it; the attempt is the key: told once."""

    attempt: AttemptId
    arch: str
    commit: str
    ruling: Ruling
    lieutenants: tuple[str, ...]
    #: folder that keeps the attempt's files
    folder: str


class Notify(Protocol):
    """Delivers a report."""

    def send(self, report: Report, deadline: Deadline) -> None:
        """Deliver once per attempt; a repeat delivers nothing new."""
        ...


class Courier(Protocol):
    """Delivers a message to somebody outside."""

    def deliver(self, message: Message, deadline: Deadline) -> None:
        """Hand the message over; a repeat carries the same id, by which its reader knows it.

        Raises `Refused` if trying again is in vain, `Undelivered` if it is not.
        """
        ...
