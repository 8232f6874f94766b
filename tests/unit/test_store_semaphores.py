"""What is given to one at a time."""

from collections import Counter
from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.drivers.store.semaphores import one_each, waits
from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import Grant, Reason, Schedule, Waiting, Why

# a busy machine is no reason to fail
_BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def waiting(run: int, cell: int, *, semaphores: tuple[str, ...] = ()) -> Waiting:
    attempt = AttemptId(f"{run}/c{cell}/1")
    return Waiting(attempt=attempt, needs=(), asked_at=NOON, semaphores=semaphores)


def test_who_waits_for_a_semaphore_is_told_for_whom() -> None:
    queue = [waiting(1, 0, semaphores=("licence", "san")), waiting(2, 0)]
    held = {"san": AttemptId("7/x/1")}
    why = Why(
        reason=Reason.SEMAPHORE,
        text="waits for san, which 7/x/1 has",
        behind="7/x/1",
        capability=("san",),
    )
    assert waits(queue, held) == (("1/c0/1", why),)
    assert waits(queue, {}) == ()


@_BUSY
@given(st.lists(st.frozensets(st.sampled_from("abcd"), max_size=3), max_size=8))
def test_no_semaphore_is_given_twice(wanted: list[frozenset[str]]) -> None:
    queue = [waiting(1, n, semaphores=tuple(sorted(names))) for n, names in enumerate(wanted)]
    grants = tuple(Grant(attempt=item.attempt, placements=()) for item in queue)
    kept = one_each(Schedule(grants=grants, waits=()), queue)
    given_to = {grant.attempt for grant in kept.grants}
    taken = Counter(name for item in queue if item.attempt in given_to for name in item.semaphores)
    assert all(times == 1 for times in taken.values())
    for attempt, _ in kept.waits:
        item = next(item for item in queue if item.attempt == attempt)
        assert any(name in taken for name in item.semaphores)
    assert len(kept.grants) + len(kept.waits) == len(queue)
