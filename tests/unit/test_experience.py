"""Budgets that are learned: what is slow but good is not cut, what hangs is."""

from datetime import UTC, datetime
from random import Random

import pytest

from orchestrator.model.arch import Arch, Budget, Deploy, Least, Role, Smoke
from orchestrator.model.budgets import allowance
from orchestrator.model.errors import OutOfTime
from orchestrator.model.event import Stage
from orchestrator.model.experience import Experience, Limit, Subject
from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import Lease
from orchestrator.model.node import Bmc, Node, Provenance
from orchestrator.model.request import Commit, Snapshot
from orchestrator.model.run import Host, Task
from orchestrator.model.scheduling.spans import UNKNOWN
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline

INSTALL = Subject(stage=Stage.PROVISION, name="n1 with debian-12")
DEPLOY = Subject(stage=Stage.DEPLOY, name="kvm-flat")


class Hours:
    """A clock that moves when it is looked at."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def task(*nodes: str, budget: Budget | None = None) -> Task:
    role = Role(name="r", count=1, needs=frozenset(), install="debian-12", groups=())
    arch = Arch(
        name="kvm-flat",
        summary="",
        roles=(role,),
        deploy=Deploy(play="x"),
        smoke=Smoke(suite="x"),
        budget=budget or Budget(),
    )
    attempt = AttemptId("1/kvm-flat/1")
    hosts = tuple(
        Host(node=_node(name), lease=Lease(node=name, role="r", attempt=attempt, token=1))
        for name in nodes
    )
    commit = Commit(repo="r", ref="r", sha="1")
    snapshot = Snapshot(commit=commit, archive="")
    return Task(attempt=attempt, arch=arch, snapshot=snapshot, hosts=hosts, folder="")


def _node(name: str) -> Node:
    return Node(
        name=name,
        mac="",
        bmc=Bmc(address="", port=1, user="", password=Secret("x")),
        provenance=Provenance.PHYSICAL,
        capabilities=frozenset(),
        address="",
    )


def known(subject: Subject, *seconds: float) -> Experience:
    return Experience(stages={subject: seconds})


def test_too_few_teach_nothing() -> None:
    few = known(INSTALL, *([90.0] * 7))
    assert allowance(few, task("n1"), Stage.PROVISION, 1800) == Limit(seconds=1800)


def test_the_budget_is_that_of_the_slowest_one_in_two_hundred() -> None:
    lot = Random(4)  # noqa: S311
    hasty = task("n1", budget=Budget(least=Least(provision=1)))
    for _ in range(20):
        usual = lot.uniform(300, 600)
        seen = [usual * lot.lognormvariate(0, 0.2) for _ in range(40)]
        limit = allowance(known(INSTALL, *seen), hasty, Stage.PROVISION, 7200).seconds
        later = [usual * lot.lognormvariate(0, 0.2) for _ in range(400)]
        assert sum(seconds > limit for seconds in later) <= 400 * 0.04
        assert max(seen) < limit < 4 * usual


def test_floor_and_cap_are_the_archs() -> None:
    even = known(DEPLOY, *([10.0] * 30))
    assert allowance(even, task(), Stage.DEPLOY, 1200).seconds == 240
    written = task(budget=Budget(least=Least(deploy=60)))
    assert allowance(even, written, Stage.DEPLOY, 1200).seconds == 60
    slow = known(DEPLOY, *([1190.0] * 30))
    assert allowance(slow, task(), Stage.DEPLOY, 1200) == Limit(seconds=1200)
    assert allowance(even, task(), Stage.VERDICT, 300) == Limit(seconds=300)


def test_a_gang_has_the_time_of_its_slowest_machine() -> None:
    other = Subject(stage=Stage.PROVISION, name="n2 with debian-12")
    both = Experience(stages={INSTALL: [90.0] * 30, other: [600.0] * 30})
    limit = allowance(both, task("n1", "n2"), Stage.PROVISION, 1800)
    assert limit.seconds > 600
    assert "30 good ones of n2 with debian-12 took 600 s" in limit.because
    unknown = allowance(both, task("n1", "n3"), Stage.PROVISION, 1800)
    assert unknown == Limit(seconds=1800)


def test_who_is_cut_is_told_by_what() -> None:
    limit = allowance(known(DEPLOY, *([100.0] * 30)), task(), Stage.DEPLOY, 1200)
    deadline = Deadline(clock := Hours(), limit.seconds, what="deploy", because=limit.because)
    clock.at = limit.seconds - 1
    deadline.check()
    clock.at = limit.seconds + 1
    with pytest.raises(OutOfTime, match=r"took longer than its .*30 good ones of kvm-flat took"):
        deadline.check()


def test_spans_are_medians_and_an_unknown_arch_takes_what_others_do() -> None:
    spans = Experience(cells={"a": [100.0] * 20, "b": [300.0]}).spans()
    assert (spans.of("a").usual, spans.of("a").late) == (100, 100)
    assert (spans.of("b").usual, spans.of("b").late) == (300, 450)
    assert (spans.of("c").usual, spans.of("c").late) == (100, UNKNOWN.late)
    assert Experience().spans().of("a") == UNKNOWN
