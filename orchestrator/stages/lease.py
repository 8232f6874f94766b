"""Lease: who of the queue gets which machines now, and why the others wait.

Owners are served in turn by what they have been given so far (`scheduling.purse`); a gang is placed
whole or not at all; who is next has machines kept for it (`scheduling.board`), which others may use
who are over before it can start; contested machines go to those who need them
(`scheduling.pressure`). docs/scheduling.md says what that promises.
"""

from orchestrator.model.lease import Candidate, Grant, Placement, Schedule, Situation, Waiting
from orchestrator.model.scheduling.board import Board, Given
from orchestrator.model.scheduling.purse import Purse
from orchestrator.model.scheduling.reasons import promises, reasons
from orchestrator.model.scheduling.roster import Roster
from orchestrator.model.scheduling.spans import Outlook
from orchestrator.model.scheduling.yard import Yard


def schedule(
    situation: Situation, outlook: Outlook | None = None, roster: Roster | None = None
) -> Schedule:
    """Return the grants, the reasons for waiting, and the shares after them.

    `roster`, from pass to pass, spares the time to put everybody in line again.
    """
    here = [item for item in situation.queue if item.needs]
    elsewhere = [item for item in situation.queue if not item.needs]
    roster = roster or Roster()
    line = roster.take(here)
    board = Board(Yard(situation.nodes, outlook or Outlook()), Purse(situation.ledger), line)
    board.remember(here)
    now = situation.now.timestamp()
    given = board.run(now)
    waits = reasons(board, now) if situation.tell else promises(board, now)
    roster.put_back(line, here, [g.item.attempt for g in given])
    return Schedule(
        grants=(*map(_nothing, elsewhere), *(_grant(g, situation.nodes) for g in given)),
        waits=waits,
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
