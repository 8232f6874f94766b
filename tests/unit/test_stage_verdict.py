"""Verdict, blame and retry, from events alone."""

from dataclasses import replace

import pytest

from orchestrator.flow import ATTEMPTS, follows
from orchestrator.model.arch import Alternative, Arch, Deploy, Means, Smoke
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import Turn
from orchestrator.model.request import Commit, Snapshot
from orchestrator.model.run import Task
from orchestrator.model.verdict import Blame, ExitStatus, Ruling, Verdict, exit_status
from orchestrator.stages.verdict import judge

ARCH = Arch(
    name="kvm-flat", summary="", roles=(), deploy=Deploy(play="p.yml"), smoke=Smoke(suite="s")
)
SNAPSHOT = Snapshot(commit=Commit(repo="r", ref="main", sha="1" * 40), archive="")


def task(*past: Event, arch: Arch = ARCH, way: int = 0, number: int = 1) -> Task:
    name, turn = AttemptId(f"1/kvm-flat/{number}"), Turn(way=way, number=number)
    return Task(
        attempt=name, arch=arch, snapshot=SNAPSHOT, hosts=(), folder="", past=past, turn=turn
    )


def failed(stage: Stage, blame: Blame | None, node: str = "") -> Event:
    return Event(kind=Kind.FAILED, stage=stage, blame=blame, text=f"{stage} went wrong", node=node)


def test_nothing_wrong_is_passed() -> None:
    assert judge(task()) == Ruling(verdict=Verdict.PASSED)


def test_the_first_failure_is_the_cause() -> None:
    past = (failed(Stage.DEPLOY, Blame.INFRA, "n03"), failed(Stage.SMOKE, Blame.PRODUCT))
    ruling = judge(task(*past))
    assert (ruling.verdict, ruling.blame) == (Verdict.BROKEN, Blame.INFRA)
    assert ruling.cause == "deploy went wrong"
    assert ruling.suspects == ("n03",)


def test_what_fails_after_the_work_does_not_change_the_verdict() -> None:
    assert judge(task(failed(Stage.COLLECT, Blame.INFRA))).verdict is Verdict.PASSED


def test_a_cancelled_attempt_blames_nobody() -> None:
    ruling = judge(task(failed(Stage.SMOKE, None)))
    assert (ruling.verdict, ruling.blame) == (Verdict.CANCELLED, None)


@pytest.mark.parametrize(
    ("blame", "again"),
    [
        (Blame.INFRA, True),
        (Blame.ORCHESTRATOR, True),
        (Blame.PRODUCT, False),
        (Blame.CONFIG, False),
    ],
)
def test_only_what_another_machine_may_cure_is_tried_again(blame: Blame, again: bool) -> None:
    attempt = task(failed(Stage.DEPLOY, blame))
    assert follows(judge(attempt), attempt) == (Turn(number=2) if again else None)


def test_three_tries_and_no_more() -> None:
    last = task(failed(Stage.DEPLOY, Blame.INFRA), number=ATTEMPTS)
    assert follows(judge(last), last) is None


WAYS = replace(
    ARCH,
    alternatives=(
        Alternative(means=Means.HARDWARE),
        Alternative(means=Means.PARTNER, partner="hp"),
        Alternative(means=Means.SIMULATOR),
    ),
)


def test_our_machines_are_tried_three_times_a_partner_once_then_the_simulator() -> None:
    machine = task(failed(Stage.DEPLOY, Blame.INFRA), arch=WAYS, number=ATTEMPTS)
    assert follows(judge(machine), machine) == Turn(way=1)
    partner = task(failed(Stage.PARTNER, Blame.PARTNER), arch=WAYS, way=1)
    assert follows(judge(partner), partner) == Turn(way=2)
    red = task(failed(Stage.PARTNER, Blame.PRODUCT), arch=WAYS, way=1)
    assert follows(judge(red), red) is None


def test_a_simulator_never_turns_green_what_takes_hardware() -> None:
    assert judge(task(arch=WAYS, way=2)).verdict is Verdict.PASSED
    simulated = task(arch=replace(WAYS, hardware=True), way=2)
    ruling = judge(simulated)
    assert (ruling.verdict, ruling.blame) == (Verdict.BROKEN, Blame.INFRA)
    assert ruling.cause == "it passes, but simulated: this arch counts as green on hardware only"
    assert follows(ruling, simulated) is None, "another try would be no realer"
    assert judge(task(arch=replace(WAYS, hardware=True), way=1)).verdict is Verdict.PASSED


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        ([], ExitStatus.PASSED),
        ([(Verdict.PASSED, None), (Verdict.SKIPPED, None)], ExitStatus.PASSED),
        ([(Verdict.BROKEN, Blame.INFRA), (Verdict.FAILED, Blame.PRODUCT)], ExitStatus.FAILED),
        ([(Verdict.BROKEN, Blame.INFRA), (Verdict.CANCELLED, None)], ExitStatus.UNDECIDED),
        ([(Verdict.BROKEN, Blame.CONFIG)], ExitStatus.USAGE),
        ([(Verdict.PASSED, None), (Verdict.CANCELLED, None)], ExitStatus.CANCELLED),
    ],
)
def test_exit_statuses(verdicts: list[tuple[Verdict, Blame | None]], status: ExitStatus) -> None:
    rulings = tuple(Ruling(verdict=verdict, blame=blame) for verdict, blame in verdicts)
    assert exit_status(rulings) is status
