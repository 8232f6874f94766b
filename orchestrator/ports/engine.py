"""Durable execution: what was started goes on after any crash, on whichever worker is alive."""

from typing import Protocol

from orchestrator.model.ids import AttemptId


class Engine(Protocol):
    """Walks each started attempt through the stages, once, across restarts."""

    def launch(self) -> None:
        """Start working, beginning with what an earlier process left unfinished."""
        ...

    def start(self, attempt: AttemptId) -> None:
        """Let a worker walk `attempt` through the flow; a repeat for the same one does nothing."""
        ...

    def wake(self) -> None:
        """Look at the queue now rather than at the next tick."""
        ...

    def close(self) -> None:
        """Stop taking up work; what runs is taken up by other workers, or by the next `launch`."""
        ...
