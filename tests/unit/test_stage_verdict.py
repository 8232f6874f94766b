"""Verdict, blame and retry, from events alone."""

import pytest

from orchestrator.flow import ATTEMPTS, retries
from orchestrator.model.arch import Arch, Deploy, Smoke
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.request import Commit, Snapshot
from orchestrator.model.run import Task
from orchestrator.model.verdict import Blame, ExitStatus, Ruling, Verdict, exit_status
from orchestrator.stages.verdict import judge

ARCH = Arch(
    name="kvm-flat", summary="", roles=(), deploy=Deploy(play="p.yml"), smoke=Smoke(suite="s")
)
SNAPSHOT = Snapshot(commit=Commit(repo="r", ref="main", sha="1" * 40), archive="")


def task(*past: Event, number: int = 1) -> Task:
    name = AttemptId(f"1/kvm-flat/{number}")
    return Task(attempt=name, arch=ARCH, snapshot=SNAPSHOT, hosts=(), folder="", past=past)


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
    assert retries(judge(attempt), attempt) is again


def test_three_tries_and_no_more() -> None:
    last = task(failed(Stage.DEPLOY, Blame.INFRA), number=ATTEMPTS)
    assert not retries(judge(last), last)


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
