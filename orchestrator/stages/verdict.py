"""Verdict: what the events say, whose fault a red is, and which machine is not to be trusted."""

from collections.abc import Iterator

from orchestrator.model.arch import Means
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import cell_of
from orchestrator.model.node import Cause, NodeState, Provenance
from orchestrator.model.run import Task
from orchestrator.model.verdict import Blame, Ruling, Verdict
from orchestrator.ports.clock import Deadline
from orchestrator.ports.kit import Kit

#: known-good commits that a node must have broken before it is taken out of service
QUARANTINE_AFTER = 2


def verdict(task: Task, kit: Kit, deadline: Deadline) -> Iterator[Event]:
    """Yield JUDGED, then take out of service whom the verdicts so far show to be unfit."""
    ruling = judge(task)
    if not task.happened(Kind.JUDGED):
        yield Event(kind=Kind.JUDGED, stage=Stage.VERDICT, ruling=ruling, text=ruling.cause)
    deadline.check()
    for node in ruling.suspects:
        cause = task.failure.cause if task.failure else Cause.WORK
        kit.nodes.mark(node, task.attempt, task.snapshot.commit.name, kit.clock.now(), cause)
    for node, commits in kit.nodes.suspects():
        if len(commits) >= QUARANTINE_AFTER:
            reason = _reason(commits, task, node)
            state, now, cause = NodeState.QUARANTINED, kit.clock.now(), kit.nodes.cause(node)
            kit.nodes.set_state(node, state, reason, now, cause)
            yield Event(kind=Kind.NOTE, stage=Stage.VERDICT, node=node, text=reason)


def judge(task: Task) -> Ruling:
    """Return the ruling that the attempt's events amount to: the first failure is the cause."""
    failure = task.failure
    if failure is None:
        return _green(task)
    if failure.blame is None:
        return Ruling(verdict=Verdict.CANCELLED, cause=failure.text)
    told = task.happened(Kind.DIAGNOSED)
    cause = f"{failure.text}; {told.text}" if told and told.text else failure.text
    if failure.blame is Blame.PRODUCT:
        if told and told.blame is Blame.INFRA:  # what the product stood on was gone
            return Ruling(verdict=Verdict.BROKEN, blame=Blame.INFRA, cause=cause)
        return Ruling(verdict=Verdict.FAILED, blame=Blame.PRODUCT, cause=cause)
    suspects = (failure.node,) if failure.blame is Blame.INFRA and failure.node else ()
    return Ruling(verdict=Verdict.BROKEN, blame=failure.blame, cause=cause, suspects=suspects)


def _green(task: Task) -> Ruling:
    """Return the ruling when nothing failed: green, unless it takes hardware and there was none."""
    late = task.happened(Kind.LATE)
    unreal = {host.node.provenance for host in task.hosts} - {Provenance.PHYSICAL}
    if task.way.means is Means.SIMULATOR:
        unreal.add(Provenance.SIMULATED)
    if task.arch.hardware and unreal:
        kinds = " and ".join(sorted(unreal))
        cause = f"it passes, but {kinds}: this arch counts as green on hardware only"
        return Ruling(verdict=Verdict.BROKEN, blame=Blame.INFRA, cause=cause)
    return Ruling(verdict=Verdict.PASSED, cause=late.text if late else "")


def _reason(commits: tuple[str, ...], task: Task, node: str) -> str:
    named = " and ".join(commits[:3])
    last = f"; the last was {cell_of(task.attempt)}" if node in judge(task).suspects else ""
    return f"broke {len(commits)} commits that pass on other machines ({named}){last}"
