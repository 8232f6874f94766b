"""Report: tell the people whom the verdict concerns, once."""

from collections.abc import Iterator

from orchestrator.model.errors import SmoketestError
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.run import Task
from orchestrator.model.verdict import Ruling, Verdict
from orchestrator.ports.clock import Deadline
from orchestrator.ports.kit import Kit
from orchestrator.ports.notify import Report


def report(task: Task, kit: Kit, deadline: Deadline) -> Iterator[Event]:
    """Yield REPORTED; a message that cannot be delivered is a NOTE, never a lost verdict."""
    judged = task.happened(Kind.JUDGED)
    ruling = judged.ruling if judged and judged.ruling else Ruling(verdict=Verdict.BROKEN)
    told = Report(
        attempt=task.attempt,
        arch=task.arch.name,
        commit=task.snapshot.commit.name,
        ruling=ruling,
        lieutenants=task.arch.lieutenants,
        folder=task.folder,
    )
    for notify in kit.notify:
        try:
            notify.send(told, deadline)
        except SmoketestError as error:
            yield Event(kind=Kind.NOTE, stage=Stage.REPORT, text=f"not delivered: {error}")
    yield Event(kind=Kind.REPORTED, stage=Stage.REPORT)
