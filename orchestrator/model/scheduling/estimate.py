"""When cells that are not asked for yet would start and be done, with who waits now before them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import Situation, Waiting
from orchestrator.model.scheduling.board import Board
from orchestrator.model.scheduling.forecast import places
from orchestrator.model.scheduling.purse import Purse
from orchestrator.model.scheduling.rehearsal import rehearse
from orchestrator.model.scheduling.spans import Outlook, Span, Spans
from orchestrator.model.scheduling.yard import Yard

#: with more who wait, starts are poured
_REHEARSED: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Seconds from now."""

    #: until the first cell starts
    start: float
    #: until the last one is done
    finish: float


def estimate(
    situation: Situation, outlook: Outlook, cells: Sequence[Waiting]
) -> tuple[Estimate, Estimate] | None:
    """Return the usual case, and the one in which all that runs and waits takes its late length.

    None if no machine in service can do one of the cells.
    """
    usual = _estimate(situation, outlook, cells)
    late = _estimate(situation, replace(outlook, spans=_late(outlook.spans)), cells)
    return (usual, late) if usual and late else None


def _estimate(situation: Situation, outlook: Outlook, cells: Sequence[Waiting]) -> Estimate | None:
    board = Board(Yard(situation.nodes, outlook), Purse(situation.ledger))
    now = situation.now.timestamp()
    board.add([item for item in situation.queue if item.needs])
    board.add([item for item in cells if item.needs])
    wanted = {item.attempt: outlook.spans.of(item.arch).usual for item in cells if item.needs}
    starts = _starts(board, now, wanted)
    known = [(starts[a] - now, took) for a, took in wanted.items() if a in starts]
    if len(known) < len(wanted):
        return None
    return Estimate(
        start=min((start for start, _ in known), default=0.0),
        finish=max((start + took for start, took in known), default=0.0),
    )


def _starts(
    board: Board, now: float, wanted: Mapping[AttemptId, float]
) -> Mapping[AttemptId, float]:
    """Return when they start: played through, or poured if too many wait for that."""
    if len(board.line) <= _REHEARSED:
        return rehearse(board, now, wanted=wanted.keys())
    started = {given.item.attempt: now for given in board.run(now)}
    poured = ((place.item.attempt, place.start) for place in places(board, now))
    return started | {attempt: start for attempt, start in poured if start is not None}


def _late(spans: Spans) -> Spans:
    by_arch = {arch: Span(usual=s.late, late=s.late) for arch, s in spans.by_arch.items()}
    return Spans(by_arch=by_arch, other=Span(usual=spans.other.late, late=spans.other.late))
