"""Code review systems: proposals read, opinions told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from orchestrator.model.review import Opinion, Proposal
from orchestrator.ports.clock import Deadline


class Review(Protocol):
    """One review system; raises `Undelivered` when it does not answer."""

    def proposals(self, deadline: Deadline) -> tuple[Proposal, ...]:
        """Return every open proposal of the projects that we look after."""
        ...

    def find(self, name: str, deadline: Deadline) -> Proposal | None:
        """Return the proposal that a hint, a `Depends-On` or a person names; None for none of ours.

        It may be closed, or of a project that we do not look after.
        """
        ...

    def tell(self, proposal: Proposal, opinion: Opinion, deadline: Deadline) -> None:
        """Say it under that revision; a repeat says nothing new."""
        ...

    def listen(
        self, heard: Callable[[str], None], missed: Callable[[], None], over: Callable[[], bool]
    ) -> None:
        """Call `heard` with the name of whatever something happened to, until `over()` is true.

        `missed` is called whenever something may have happened unheard: once listening has begun,
        and when the other side says that it lost something; `over` at least every few seconds, all
        of them in this thread. Raises `Undelivered` when cut off.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a hook was sent: its id, and the proposal that it is about (empty: none)."""

    id: str
    hint: str


@runtime_checkable
class Hooked(Protocol):
    """A review system that calls us."""

    def check(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        """Return what was sent; raise `Denied` unless it is signed, and fresh."""
        ...

    def hint(self, name: str) -> None:
        """Let whoever listens hear of it."""
        ...
