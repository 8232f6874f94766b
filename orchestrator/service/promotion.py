"""Promotion: what cannot wait goes before everybody, for a reason that they are told."""

from collections.abc import Sequence

from orchestrator.model.errors import ConfigError
from orchestrator.model.ids import AttemptId, CellId, RunId
from orchestrator.service.desk import Desk


def promote(desk: Desk, cells: Sequence[CellId], reason: str) -> tuple[AttemptId, ...]:
    """Put what waits of the cells before everybody and return its attempts.

    Raises `ConfigError` without a reason, `NotFound` for an unknown cell.
    """
    if not reason.strip():
        msg = "a promotion needs a reason: say --reason 'why it cannot wait'"
        raise ConfigError(msg)
    promoted = desk.queue.promote(cells, reason, desk.clock.now())
    desk.engine.wake()
    return promoted


def promote_run(desk: Desk, run: RunId, reason: str) -> tuple[AttemptId, ...]:
    """Put what waits of the run before everybody and return its attempts."""
    return promote(desk, [cell.id for cell in desk.runs.cells(run)], reason)
