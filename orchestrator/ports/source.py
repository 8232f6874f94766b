"""Repositories: refs resolved, patches applied, files packed."""

from collections.abc import Sequence
from typing import Protocol

from orchestrator.model.request import Commit, Patch, Snapshot
from orchestrator.ports.clock import Deadline


class Source(Protocol):
    """Reads a version control system; nothing of the product is ever run here."""

    def resolve(self, repo: str, ref: str, deadline: Deadline) -> Commit:
        """Return the commit that a branch, tag or (abbreviated) commit names.

        Raises `NotFound` for an unknown ref, `ConfigError` for a repository out of reach.
        """
        ...

    def pack(self, commit: Commit, patches: Sequence[Patch], deadline: Deadline) -> Snapshot:
        """Return the commit's files with the patches on top, packed.

        Raises `PatchFailed` naming the patch and the hunk that does not apply.
        """
        ...

    def branches(self, repo: str, deadline: Deadline) -> tuple[str, ...]:
        """Return the names of the repository's branches, sorted."""
        ...
