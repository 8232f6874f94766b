"""Work in a process of its own: for libraries that hang, it may be killed at any instant."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from orchestrator.model.errors import Bug
from orchestrator.ports.clock import Deadline

Argument = TypeVar("Argument")
Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)


class ChildDied(Bug):
    """The child ended without an answer; the message holds its last words."""


class Child(Protocol[Result_co]):
    """A process that works for us; leaving its context kills it."""

    def result(self, deadline: Deadline | None) -> Result_co:
        """Return what the function returned; wait as long as the child lives if without deadline.

        Raises `ChildDied`, `OutOfTime` or what the deadline's guard raises.
        """
        ...

    def interrupt(self) -> None:
        """Ask the child to end (SIGTERM); may be called from any thread, at any time."""
        ...

    def kill(self) -> None:
        """End the child at once; may be called from any thread, at any time."""
        ...


class Children(Protocol):
    """Starts children, and takes them along when our own process dies in whatever way."""

    def start(
        self, function: Callable[[Argument], Result], argument: Argument
    ) -> AbstractContextManager[Child[Result]]:
        """Run `function(argument)` in a child; both are pickled and shown nowhere.

        `function` is a public function of an importable module; raise errors of the domain as
        values, since whatever it raises comes out as `ChildDied`.
        """
        ...
