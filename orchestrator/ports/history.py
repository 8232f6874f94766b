"""The history of a repository: what came in, and what a commit holds."""

from collections.abc import Sequence
from typing import Protocol

from orchestrator.model.request import Commit, Patch
from orchestrator.model.series import Carried, Series
from orchestrator.ports.clock import Deadline


class History(Protocol):
    """Reads the past of a repository; nothing of the product is ever run here."""

    def line(
        self, commit: Commit, limit: int, deadline: Deadline, *, known: str = ""
    ) -> tuple[Commit, ...]:
        """Return the commit and its first parents, newest first, at most `limit`.

        Those that `known` (a commit's full name) has are left out; of an unknown one, nothing is.
        """
        ...

    def present(
        self, commit: Commit, patches: Sequence[Patch], paths: Sequence[str], deadline: Deadline
    ) -> frozenset[str]:
        """Return which of the paths are in the commit's files, with the patches on top.

        Raises `PatchFailed`.
        """
        ...

    def files(self, commit: Commit, deadline: Deadline) -> tuple[str, ...]:
        """Return the path of every file of the commit, sorted."""
        ...

    def release(self, commit: Commit, deadline: Deadline) -> str:
        """Return the newest release that the commit has in its past, e.g. `34.0.0`, or nothing."""
        ...


class Survey(Protocol):
    """Looks at what operators carry."""

    def survey(
        self, commits: Sequence[Commit], series: Sequence[Series], deadline: Deadline
    ) -> tuple[Carried, ...]:
        """Return how each patch of each series stands on each of the commits of one repository.

        A series is laid on top in its order, without what conflicts or is upstream. Raises
        `ConfigError` naming a file that holds no patch, or several.
        """
        ...
