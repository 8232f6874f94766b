"""Smoke: run the arch's suite against the deployed cloud."""

from collections.abc import Iterator

from orchestrator.model.errors import ProductFailed, Unreachable
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.result import Outcome, TestResult
from orchestrator.model.run import Task
from orchestrator.ports.clock import Deadline
from orchestrator.ports.kit import Kit
from orchestrator.ports.smoke import Suite

RED = (Outcome.FAILED, Outcome.ERROR)


def smoke(task: Task, kit: Kit, deadline: Deadline) -> Iterator[Event]:
    """Yield TESTED with every result; raise `ProductFailed` for a red one.

    Before the product is blamed, each machine must still be on and answer: a machine that died
    under a test is ours.
    """
    wanted = task.arch.smoke
    suite = Suite(
        attempt=task.attempt,
        suite=wanted.suite,
        tests=wanted.tests,
        settings=(("arch", task.arch.name), *task.arch.deploy.settings),
        folder=task.folder,
    )
    tests = kit.smoke.run(suite, kit.progress(task, Stage.SMOKE), deadline)
    red = [test for test in tests if test.outcome in RED]
    yield Event(kind=Kind.TESTED, stage=Stage.SMOKE, tests=tests, text=_tally(tests))
    if red:
        _alive(task, kit, deadline)
        raise ProductFailed(_sentence(red, tests))


def _tally(tests: tuple[TestResult, ...]) -> str:
    counts = {outcome: sum(t.outcome is outcome for t in tests) for outcome in Outcome}
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)


def _sentence(red: list[TestResult], tests: tuple[TestResult, ...]) -> str:
    first = red[0]
    others = f" (and {len(red) - 1} more of {len(tests)} tests)" if len(red) > 1 else ""
    return f"{first.name}: {first.message}{others}"


def _alive(task: Task, kit: Kit, deadline: Deadline) -> None:
    """Raise `Unreachable` naming the machine that does not answer any more."""
    for host, access in task.access:
        node = host.node
        if not kit.power[node.power].is_on(node, deadline.within(30, "reading the power state")):
            msg = f"{node.name} lost power during the smoke tests"
            raise Unreachable(msg, node=node.name)
        key = kit.boot[node.boot].key(task.attempt)
        try:
            kit.shell.run(access, key, "exit 0", deadline.within(60, "SSH"))
        except Unreachable as gone:
            msg = f"{node.name} went away during the smoke tests: {gone}"
            raise Unreachable(msg, node=node.name) from gone
