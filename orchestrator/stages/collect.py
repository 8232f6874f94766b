"""Collect: fetch the logs, always, within a budget of their own, and say what they tell of a red.

Never a reason to go red itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from orchestrator.model.diagnosis import Diagnosis, of_deploy, of_test
from orchestrator.model.errors import ConfigError, InfraError, OutOfTime, SmoketestError
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.hypervisor import named
from orchestrator.model.logs import LogFile
from orchestrator.model.result import Outcome, TestResult
from orchestrator.model.run import Task
from orchestrator.model.secret import mask
from orchestrator.ports.clock import Deadline
from orchestrator.ports.kit import Kit

PLAY = "collect.yml"
#: below it are the logs of each machine, as `logs/<machine>/<service>.log`
LOGS = "logs/"
#: bytes that are read of a log: its beginning is of least interest, and was cut before
LARGEST = 1 << 20
#: red tests that are looked into: more of them tell the same
LOOKED_INTO = 20
#: what asking a hypervisor may take, in seconds
ASK_SECONDS = 60.0
RED = (Outcome.FAILED, Outcome.ERROR)


def collect(task: Task, kit: Kit, deadline: Deadline) -> Iterator[Event]:
    """Yield COLLECTED, or a NOTE that says why logs are missing; DIAGNOSED if they tell why."""
    if not task.access:
        yield _event(Kind.NOTE, "no machine ever answered, so there are no logs of theirs")
        return
    try:
        result = kit.deploy.run(kit.play(task, PLAY), lambda _: None, deadline)
    except SmoketestError as error:
        yield _event(Kind.NOTE, f"logs were not collected: {error}")
    else:
        for host in result.hosts:
            if host.message:
                text = f"logs of {host.host} were not collected: {host.message}"
                yield _event(Kind.NOTE, text)
        yield _event(Kind.COLLECTED, f"logs of {len(result.hosts)} machines")
    yield from _left(task, kit, deadline)
    failure = task.failure
    if failure and failure.stage in {Stage.DEPLOY, Stage.SMOKE}:
        yield from _diagnosed(task, kit, failure)


def _left(task: Task, kit: Kit, deadline: Deadline) -> Iterator[Event]:
    """Yield a NOTE of what the product left on each hypervisor that can be asked."""
    for host, access, kind in kit.faces(task):
        try:
            limit = deadline.within(ASK_SECONDS, f"asking {kind}")
            left = kit.sessions[kind].strays(kit.login(task, host, access, limit), limit)
        except (InfraError, ConfigError, OutOfTime) as error:
            yield _event(Kind.NOTE, f"nobody knows what is left on {host.node.name}: {error}")
            continue
        if left:
            yield _event(Kind.NOTE, f"the product left on {host.node.name}: {named(left)}")


def _diagnosed(task: Task, kit: Kit, failure: Event) -> Iterator[Event]:
    """Yield DIAGNOSED if the services' logs tell why it failed."""
    logs = tuple(_logs(task, kit))
    if failure.stage is Stage.DEPLOY:
        found, tests = of_deploy(logs), []
    else:
        pairs = list(_tests(task, logs))
        tests = [replace(test, excerpt=_masked(task, kit, d.excerpt)) for test, d in pairs if d]
        found = next((diagnosis for _, diagnosis in pairs if diagnosis), None)
    if found:
        yield Event(
            kind=Kind.DIAGNOSED,
            stage=Stage.COLLECT,
            node=found.node,
            text=_masked(task, kit, found.sentence),
            blame=found.blame,
            tests=tuple(tests),
            excerpt="" if tests else _masked(task, kit, found.excerpt),
        )


def _tests(task: Task, logs: Sequence[LogFile]) -> Iterator[tuple[TestResult, Diagnosis | None]]:
    """Yield the red tests, each with what the logs tell of it."""
    tested = task.happened(Kind.TESTED)
    red = [test for test in tested.tests if test.outcome in RED] if tested else []
    for test in red[:LOOKED_INTO]:
        yield test, of_test(logs, test.requests)


def _logs(task: Task, kit: Kit) -> Iterator[LogFile]:
    for name in kit.files.names(task.attempt):
        machine, _, file = name.removeprefix(LOGS).partition("/")
        if name.startswith(LOGS) and file.endswith(".log"):
            data = kit.files.read(task.attempt, name, 0, LARGEST)
            yield LogFile(node=machine, name=file, text=data.decode(errors="replace"))


def _masked(task: Task, kit: Kit, text: str) -> str:
    return mask(text, [kit.vault.one_time(task.attempt, "admin_password")])


def _event(kind: Kind, text: str) -> Event:
    return Event(kind=kind, stage=Stage.COLLECT, text=text)
