"""What only one attempt may use at a time and is no node: a SAN array, a licence."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import Grant, Reason, Schedule, Waiting, Why

#: each semaphore that is taken, and the attempt that has it
Holders = Mapping[str, AttemptId]


def waits(queue: Sequence[Waiting], held: Holders) -> tuple[tuple[AttemptId, Why], ...]:
    """Return who waits for a semaphore, and who has it."""
    return tuple((item.attempt, why) for item in queue if (why := _busy(item, held)))


def one_each(schedule: Schedule, queue: Sequence[Waiting]) -> Schedule:
    """Return the schedule with each semaphore given once; who comes second goes on waiting."""
    wanted = {item.attempt: item for item in queue}
    held: dict[str, AttemptId] = {}
    grants: list[Grant] = []
    blocked: list[tuple[AttemptId, Why]] = []
    for grant in schedule.grants:
        item = wanted[grant.attempt]
        if why := _busy(item, held):
            blocked.append((item.attempt, why))
        else:
            grants.append(grant)
            held |= dict.fromkeys(item.semaphores, item.attempt)
    return replace(schedule, grants=tuple(grants), waits=(*schedule.waits, *blocked))


def _busy(item: Waiting, held: Holders) -> Why | None:
    """Return for whom the attempt waits, or None."""
    taken = next((name for name in item.semaphores if name in held), "")
    if not taken:
        return None
    text = f"waits for {taken}, which {held[taken]} has"
    return Why(reason=Reason.SEMAPHORE, text=text, behind=held[taken], capability=(taken,))
