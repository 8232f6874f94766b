"""Scheduling: gangs whole, nothing used twice, nobody starved, reasons given."""

from collections.abc import Sequence
from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import Candidate, Need, Schedule, Situation, Waiting
from orchestrator.model.placement import missing, place
from orchestrator.stages import lease

# a busy machine is no reason to fail
_BUSY = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])

KINDS = ["kvm", "xenserver", "hyperv", "vmware"]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def node(name: str, *capabilities: str, free: bool = True, marks: int = 0) -> Candidate:
    return Candidate(name=name, capabilities=frozenset(capabilities), free=free, marks=marks)


def waiting(name: str, *needs: str, exclude: frozenset[str] = frozenset()) -> Waiting:
    wanted = tuple(
        Need(role=f"r{i}", capabilities=frozenset(need.split())) for i, need in enumerate(needs)
    )
    return Waiting(attempt=AttemptId(name), needs=wanted, asked_at=NOW, exclude=exclude)


def schedule(queue: Sequence[Waiting], nodes: Sequence[Candidate]) -> Schedule:
    return lease.schedule(Situation(now=NOW, queue=tuple(queue), nodes=tuple(nodes)))


def test_a_gang_is_granted_whole_or_not_at_all() -> None:
    nodes = [node("a", "kvm"), node("b", "xenserver", free=False)]
    result = schedule([waiting("1/x/1", "kvm", "xenserver")], nodes)
    assert result.grants == ()
    assert "xenserver: 0 of 1 free" in result.waits[0][1].text


def test_a_need_gives_way_when_its_node_is_the_only_one_for_another() -> None:
    nodes = [node("both", "kvm", "xenserver"), node("kvm", "kvm")]
    wanted = waiting("1/x/1", "kvm", "xenserver").needs
    placed = {p.role: p.node for p in place(wanted, nodes)}
    assert placed == {"r0": "kvm", "r1": "both"}


def test_a_blocked_gang_keeps_its_machines_from_smaller_ones_behind_it() -> None:
    nodes = [node("a", "kvm"), node("b", "kvm", free=False), node("c", "hyperv")]
    queue = [
        waiting("1/two/1", "kvm", "kvm"),
        waiting("2/one/1", "kvm"),
        waiting("3/h/1", "hyperv"),
    ]
    result = schedule(queue, nodes)
    assert [grant.attempt for grant in result.grants] == ["3/h/1"]


def test_a_retry_keeps_away_from_the_node_that_broke_it_unless_there_is_no_other() -> None:
    away = waiting("1/x/2", "kvm", exclude=frozenset({"a"}))
    both = schedule([away], [node("a", "kvm"), node("b", "kvm")])
    assert both.grants[0].placements[0].node == "b"
    alone = schedule([away], [node("a", "kvm")])
    assert alone.grants[0].placements[0].node == "a"


def test_trusted_machines_come_first_and_scarce_ones_stay_free() -> None:
    nodes = [node("marked", "kvm", marks=1), node("able", "kvm", "hyperv"), node("plain", "kvm")]
    order = [schedule([waiting(f"{i}/x/1", "kvm")], nodes).grants[0] for i in range(5)]
    assert {grant.placements[0].node for grant in order} == {"plain"}


def test_what_a_whole_lab_lacks_is_named() -> None:
    lab = [node("a", "x86_64", "kvm"), node("b", "x86_64", "kvm")]
    arm = [Need(role="r", capabilities=frozenset({"x86_64", "arm64"}))]
    assert missing(arm, lab) == "1 machine with arm64 (it has 0)"
    three = [Need(role="r", capabilities=frozenset({"kvm"}))] * 3
    assert missing(three, lab) == "3 machines with kvm (it has 2)"
    assert not missing(three[:2], lab)


candidates = st.lists(
    st.tuples(st.sets(st.sampled_from(KINDS), min_size=1), st.booleans()), max_size=8
).map(lambda rows: [node(f"n{i}", *caps, free=free) for i, (caps, free) in enumerate(rows)])
queues = st.lists(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3), max_size=6).map(
    lambda rows: [waiting(f"{i}/x/1", *needs) for i, needs in enumerate(rows)]
)


@_BUSY
@given(queues, candidates)
def test_any_schedule_is_sound(queue: list[Waiting], nodes: list[Candidate]) -> None:
    result = schedule(queue, nodes)
    by_name = {n.name: n for n in nodes}
    used = [p.node for grant in result.grants for p in grant.placements]
    assert len(used) == len(set(used))
    assert all(by_name[name].free for name in used)
    wanted = {w.attempt: w.needs for w in queue}
    for grant in result.grants:
        for need, placement in zip(wanted[grant.attempt], grant.placements, strict=True):
            assert need.capabilities <= by_name[placement.node].capabilities
    settled = [g.attempt for g in result.grants] + [attempt for attempt, _ in result.waits]
    assert sorted(settled) == sorted(w.attempt for w in queue)
    assert all(reason.text for _, reason in result.waits)
    assert all(reason.behind != attempt for attempt, reason in result.waits)
    assert not any("1 machine that are" in reason.text for _, reason in result.waits)


@_BUSY
@given(queues, candidates)
def test_if_the_free_machines_allow_the_head_of_the_queue_somebody_is_served_or_it_knows_when(
    queue: list[Waiting], nodes: list[Candidate]
) -> None:
    """A free machine may be kept for a gang that can use no other: the head then has its time.

    It also knows for whom: for one that is next as well, and not for itself.
    """
    free = [n for n in nodes if n.free]
    for first in queue[:1]:
        result = schedule(queue, nodes)
        whys = dict(result.waits)
        if not result.grants and place(first.needs, free):
            mine = whys[first.attempt]
            assert mine.promised
            assert mine.behind != first.attempt
            assert whys[AttemptId(mine.behind)].promised
