"""Collect: fetch the logs, always, within a budget of their own; never a reason to go red."""

from collections.abc import Iterator

from orchestrator.model.errors import SmoketestError
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.run import Task
from orchestrator.ports.clock import Deadline
from orchestrator.ports.kit import Kit

PLAY = "collect.yml"


def collect(task: Task, kit: Kit, deadline: Deadline) -> Iterator[Event]:
    """Yield COLLECTED, or a NOTE that says why logs are missing."""
    if not task.access:
        yield _event(Kind.NOTE, "no machine ever answered, so there are no logs of theirs")
        return
    try:
        result = kit.deploy.run(kit.play(task, PLAY), lambda _: None, deadline)
    except SmoketestError as error:
        yield _event(Kind.NOTE, f"logs were not collected: {error}")
        return
    for host in result.hosts:
        if host.message:
            yield _event(Kind.NOTE, f"logs of {host.host} were not collected: {host.message}")
    yield _event(Kind.COLLECTED, f"logs of {len(result.hosts)} machines")


def _event(kind: Kind, text: str) -> Event:
    return Event(kind=kind, stage=Stage.COLLECT, text=text)
