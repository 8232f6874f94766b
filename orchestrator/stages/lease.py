"""Lease: who of the queue gets which machines now, and why the others wait.

Owners are served in turn by what they have been given so far (`scheduling.purse`); a gang is placed
whole or not at all; who is next has machines kept for it (`scheduling.board`), which others may use
who are over before it can start; contested machines go to those who need them
(`scheduling.pressure`). docs/scheduling.md says what that promises.
"""

from orchestrator.model.lease import Candidate, Grant, Placement, Schedule, Situation, Waiting
from orchestrator.model.scheduling.board import Board, Given
from orchestrator.model.scheduling.purse import Purse
from orchestrator.model.scheduling.reasons import reasons
from orchestrator.model.scheduling.spans import Outlook
from orchestrator.model.scheduling.yard import Yard


def schedule(situation: Situation, outlook: Outlook | None = None) -> Schedule:
    """Return the grants, the reasons for waiting, and the shares after them."""
    here = [item for item in situation.queue if item.needs]
    elsewhere = [item for item in situation.queue if not item.needs]
    board = Board(Yard(situation.nodes, outlook or Outlook()), Purse(situation.ledger))
    board.add(here)
    now = situation.now.timestamp()
    given = board.run(now)
    return Schedule(
        grants=(*map(_nothing, elsewhere), *(_grant(g, situation.nodes) for g in given)),
        waits=reasons(board, now),
        ledger=board.purse.ledger(),
    )


def _nothing(item: Waiting) -> Grant:
    """Return the grant of an attempt that takes no machine of ours: a partner's."""
    return Grant(attempt=item.attempt, placements=())


def _grant(given: Given, nodes: tuple[Candidate, ...]) -> Grant:
    pairs = zip(given.item.needs, given.nodes, strict=True)
    return Grant(
        attempt=given.item.attempt,
        placements=tuple(Placement(role=need.role, node=nodes[i].name) for need, i in pairs),
        fills_gap=given.fills_gap,
    )
