"""Request: turn every ref into a commit, once, and pack what is to be tested."""

from orchestrator.model.request import Commit, Request, Snapshot
from orchestrator.ports.clock import Deadline
from orchestrator.ports.source import Source


def resolve(request: Request, source: Source, deadline: Deadline) -> tuple[Commit, ...]:
    """Return the request's commit, then those of its other repositories, in their order.

    Raises `NotFound` for an unknown ref and `ConfigError` for a repository out of reach.
    """
    refs = ((request.repo, request.ref), *((other.repo, other.ref) for other in request.others))
    return tuple(source.resolve(repo, ref, deadline) for repo, ref in refs)


def pack(request: Request, commit: Commit, source: Source, deadline: Deadline) -> Snapshot:
    """Return the commit's files with the request's patches on top; raise `PatchFailed`."""
    return source.pack(commit, request.patches, deadline)
