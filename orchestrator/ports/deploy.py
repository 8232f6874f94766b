"""Plays on installed nodes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from orchestrator.model.arch import Settings
from orchestrator.model.ids import AttemptId
from orchestrator.model.node import Access
from orchestrator.model.result import PlayResult
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayHost:
    """A host of the inventory: its name, groups, how to log in, and its variables."""

    name: str
    groups: tuple[str, ...]
    access: Access
    settings: Settings = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """A playbook to run for one attempt; `secrets` reach Ansible without touching a kept file."""

    attempt: AttemptId
    #: file below playbooks/
    play: str
    hosts: tuple[PlayHost, ...]
    settings: Settings
    secrets: tuple[tuple[str, Secret], ...]
    #: path of the SSH private key
    key: str
    #: folder that keeps the play's record
    folder: str


class Deploy(Protocol):
    """Runs a play."""

    def run(self, play: Play, progress: Callable[[str], None], deadline: Deadline) -> PlayResult:
        """Return what the play did to each host; `progress` is told each task as it starts.

        Raises `OutOfTime` or what the deadline's guard raises, after every process was ended, and
        `ConfigError` when the play itself cannot be read.
        """
        ...
