"""Request: turn every ref into a commit, once, and pack what is to be tested."""

from collections.abc import Sequence
from dataclasses import replace

from orchestrator.model.request import Commit, Request, Snapshot
from orchestrator.ports.clock import Deadline
from orchestrator.ports.source import Source


def resolve(request: Request, source: Source, deadline: Deadline) -> tuple[Commit, ...]:
    """Return the request's commit, then those of its other repositories, in their order.

    Raises `NotFound` for an unknown ref and `ConfigError` for a repository out of reach.
    """
    first = source.resolve(request.repo, request.commit or request.ref, deadline)
    others = (source.resolve(other.repo, other.ref, deadline) for other in request.others)
    return (replace(first, ref=request.ref), *others)


def pack(
    request: Request, commits: Sequence[Commit], source: Source, deadline: Deadline
) -> Snapshot:
    """Return the files of the first commit with the request's patches on top, the others beside it.

    Raises `PatchFailed`.
    """
    beside = tuple(source.pack(commit, (), deadline) for commit in commits[1:])
    return replace(source.pack(commits[0], request.patches, deadline), beside=beside)
