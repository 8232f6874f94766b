"""Requests: what is packed, and what is laid down beside it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from orchestrator.model.request import Commit, Patch, Request, Snapshot
from orchestrator.ports.clock import Deadline
from orchestrator.ports.kit import _others
from orchestrator.stages.request import pack


class Still:
    """A clock that stands still."""

    def now(self) -> datetime:
        return datetime(2026, 11, 28, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing waits {seconds} s here")


class Packs:
    """A source that says what it was asked to pack."""

    def pack(self, commit: Commit, patches: Sequence[Patch], deadline: Deadline) -> Snapshot:
        deadline.check()
        names = "+".join([commit.sha, *(patch.name for patch in patches)])
        return Snapshot(commit=commit, archive=f"/packs/{names}.tar.gz")


def test_other_repositories_are_packed_beside_without_the_patches() -> None:
    patch = Patch(name="mine.patch", text="")
    request = Request(repo="nova", ref="master", requester="me", patches=(patch,))
    commits = tuple(
        Commit(repo=name, ref="master", sha=name * 3) for name in ("nova", "neutron", "glance")
    )
    source: Any = Packs()
    snapshot = pack(request, commits, source, Deadline(Still(), 60))
    assert snapshot.archive == "/packs/novanovanova+mine.patch.tar.gz"
    assert [other.archive for other in snapshot.beside] == [
        "/packs/neutronneutronneutron.tar.gz",
        "/packs/glanceglanceglance.tar.gz",
    ]
    assert json.loads(_others(snapshot)) == [
        {"archive": "/packs/neutronneutronneutron.tar.gz", "commit": "neutronneu"},
        {"archive": "/packs/glanceglanceglance.tar.gz", "commit": "glanceglan"},
    ]
