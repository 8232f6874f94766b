"""Telling people."""

from dataclasses import dataclass
from typing import Protocol

from orchestrator.model.ids import AttemptId
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
