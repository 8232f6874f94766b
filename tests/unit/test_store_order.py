"""Who is served first, and what is given to one at a time."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.drivers.store.order import fair
from orchestrator.drivers.store.semaphores import one_each, waits
from orchestrator.model.ids import AttemptId, run_of
from orchestrator.model.lease import Grant, Schedule, Waiting

# a busy machine is no reason to fail
_BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def waiting(run: int, cell: int, *, priority: int = 0, semaphores: tuple[str, ...] = ()) -> Waiting:
    return Waiting(
        attempt=AttemptId(f"{run}/c{cell}/1"),
        needs=(),
        asked_at=NOON + timedelta(seconds=run),
        priority=priority,
        semaphores=semaphores,
    )


@st.composite
def queues(draw: st.DrawFn) -> list[Waiting]:
    """Draw runs of one to nine cells, each in a lane of its own choice."""
    sizes = draw(st.lists(st.integers(1, 9), max_size=7))
    lanes = draw(st.lists(st.sampled_from([0, 10, 20]), min_size=len(sizes), max_size=len(sizes)))
    return [
        waiting(run, cell, priority=lanes[run - 1])
        for run, size in enumerate(sizes, 1)
        for cell in range(size)
    ]


def test_a_small_request_passes_a_large_one() -> None:
    queue = [*(waiting(1, cell) for cell in range(100)), waiting(2, 0)]
    assert [item.attempt for item in fair(queue)[:3]] == ["1/c0/1", "2/c0/1", "1/c1/1"]


@_BUSY
@given(queues())
def test_everybody_is_served_by_lane(queue: list[Waiting]) -> None:
    served = fair(queue)
    assert Counter(served) == Counter(queue)
    assert [item.priority for item in served] == sorted(item.priority for item in queue)


@_BUSY
@given(queues())
def test_runs_of_a_lane_take_turns(queue: list[Waiting]) -> None:
    served = fair(queue)
    left = Counter((item.priority, run_of(item.attempt)) for item in queue)
    had: Counter[tuple[int, int]] = Counter()
    for item in served:
        this = (item.priority, run_of(item.attempt))
        behind = [had[o] for o in left if o[0] == this[0] and had[o] < left[o]]
        assert had[this] == min(behind)
        had[this] += 1


@_BUSY
@given(queues())
def test_a_run_keeps_the_order_of_its_plan(queue: list[Waiting]) -> None:
    for run in {run_of(item.attempt) for item in queue}:
        ours = [item for item in fair(queue) if run_of(item.attempt) == run]
        assert ours == [item for item in queue if run_of(item.attempt) == run]


def test_who_waits_for_a_semaphore_is_told_for_whom() -> None:
    queue = [waiting(1, 0, semaphores=("licence", "san")), waiting(2, 0)]
    held = {"san": AttemptId("7/x/1")}
    assert waits(queue, held) == (("1/c0/1", "waits for san, which 7/x/1 has"),)
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
