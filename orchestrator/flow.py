"""THE ORDER: how an attempt walks through the house, and when another one follows.

`tick` gives machines to whoever is next and starts their walk; `advance` does one stage of one
attempt. Both may be killed at any instant and called again: what an event says was done is not
done twice, and a repeated stage reads the world before it touches it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from orchestrator.model.arch import Arch, Means
from orchestrator.model.errors import Bug, Cancelled, InfraError, SmoketestError, cause_of
from orchestrator.model.event import WORK, Event, Kind, Stage
from orchestrator.model.ids import AttemptId, cell_of, run_of
from orchestrator.model.lease import Turn
from orchestrator.model.node import Node
from orchestrator.model.run import Host, Task
from orchestrator.model.verdict import Blame, Ruling, Verdict
from orchestrator.ports.clock import Deadline
from orchestrator.ports.engine import Engine
from orchestrator.ports.kit import Kit
from orchestrator.ports.store import Runs
from orchestrator.stages.attest import attest
from orchestrator.stages.collect import collect
from orchestrator.stages.deploy import deploy
from orchestrator.stages.lease import schedule
from orchestrator.stages.partner import partner
from orchestrator.stages.provision import provision
from orchestrator.stages.release import release
from orchestrator.stages.report import report
from orchestrator.stages.smoke import smoke
from orchestrator.stages.verdict import verdict

StageFunction = Callable[[Task, Kit, Deadline], Iterator[Event]]

#: request and plan come before (service.py); the lease is granted by `tick`
ORDER: tuple[tuple[Stage, StageFunction], ...] = (
    (Stage.PARTNER, partner),
    (Stage.PROVISION, provision),
    (Stage.ATTEST, attest),
    (Stage.DEPLOY, deploy),
    (Stage.SMOKE, smoke),
    (Stage.COLLECT, collect),
    (Stage.VERDICT, verdict),
    (Stage.REPORT, report),
    (Stage.RELEASE, release),
)

#: what a partner's cell goes through; every other goes through all but the first of them
PARTNERS = frozenset({Stage.PARTNER, Stage.VERDICT, Stage.REPORT, Stage.RELEASE})

#: what this host's own processors do most of
HEAVY = frozenset({Stage.DEPLOY, Stage.SMOKE, Stage.COLLECT})

#: a broken cell is tried this often by one alternative, each time on other machines
ATTEMPTS = 3
#: what is nobody's to change by trying again
FINAL = frozenset({Blame.CONFIG})
#: seconds for the stages that no arch has a budget for
CLOSING_SECONDS = 300.0
#: for a partner's answer: what was agreed with it counts, and is less
PARTNER_SECONDS = 30 * 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """The walk of every attempt over one lab's nodes, by name."""

    kit: Kit
    runs: Runs
    nodes: Mapping[str, Node]
    #: where each attempt keeps its files: `<root>/<attempt>`
    root: str
    #: attempts of this process whose machines are gone, with the cause
    gone: dict[AttemptId, str] = field(default_factory=dict)

    def tick(self, engine: Engine) -> None:
        """Grant machines to whoever is next, and start (or take up again) every granted walk."""
        self.kit.queue.grant(schedule, self.kit.clock.now())
        for attempt in self.kit.queue.granted():
            engine.start(attempt)

    def advance(self, attempt: AttemptId, stage: Stage) -> None:
        """Do one stage and store what happened; nothing if it is over, or pointless by now.

        Only a failing release escapes: the engine repeats it until the machines are back.
        """
        task = self.task(attempt)
        if task.ended(stage) or (stage in WORK and task.failure) or not _walks(task, stage):
            return
        self.kit.orphans.end(attempt)
        last = Event(kind=Kind.FINISHED, stage=stage)
        try:
            with self._place(task, stage):
                self._work(task, stage)
        except SmoketestError as error:
            last = _failed(stage, error)
        except Exception as error:  # the one catch: a bug must not lose a machine
            if stage is Stage.RELEASE:
                raise
            last = _failed(stage, Bug(f"{type(error).__name__}: {error}"))
        self._append(task, last)
        if stage is Stage.VERDICT and last.kind is Kind.FAILED:
            self._append(task, _undecided(last))

    def _work(self, task: Task, stage: Stage) -> None:
        self._guard(task, stage)()
        begun = any(e.stage is stage and e.kind is Kind.STARTED for e in task.past)
        self._append(task, Event(kind=Kind.RESUMED if begun else Kind.STARTED, stage=stage))
        for event in dict(ORDER)[stage](task, self.kit, self._deadline(task, stage)):
            self._append(task, event)

    def _place(self, task: Task, stage: Stage) -> AbstractContextManager[None]:
        """Return the place that a heavy stage waits for, outside its budget: the wait is ours."""
        return self.kit.slots.take(self._guard(task, stage)) if stage in HEAVY else nullcontext()

    def interrupt(self, cause: str) -> None:
        """End the work of every granted attempt: the lab under it was switched off.

        No machine in particular is suspected. What is under way in this process ends at its next
        look at its deadline; what is not yet, at its beginning.
        """
        here = (a for a in self.kit.queue.granted() if self.kit.queue.leases(a))
        self.gone.update((attempt, cause) for attempt in here)

    def task(self, attempt: AttemptId) -> Task:
        """Return all that the store knows about the attempt."""
        plan = self.runs.plan(run_of(attempt))
        cell = cell_of(attempt)
        turn = self.kit.queue.turn(attempt)
        arch = next(arch for arch in plan.archs if cell.endswith(f"/{arch.name}")).by(turn.way)
        hosts = tuple(
            Host(node=self.nodes[lease.node], lease=lease)
            for lease in self.kit.queue.leases(attempt)
        )
        return Task(
            attempt=attempt,
            arch=arch,
            snapshot=plan.snapshot,
            hosts=hosts,
            folder=f"{self.root}/{attempt}",
            past=self._past(attempt),
            turn=turn,
        )

    def _past(self, attempt: AttemptId) -> tuple[Event, ...]:
        """Return what happened; who noticed first that the lab is gone blames no machine."""
        past = self.kit.events.of(attempt)
        cause = self.gone.get(attempt)
        return tuple(_unblamed(event, cause) if cause else event for event in past)

    def _append(self, task: Task, event: Event) -> None:
        turn = follows(event.ruling, task) if event.ruling else None
        retry = None
        if event.ruling and turn:
            retry = _broken_on(task) | frozenset(event.ruling.suspects)
        now = self.kit.clock.now()
        self.kit.events.append(task.attempt, [event], now, retry=retry, turn=turn)

    def _deadline(self, task: Task, stage: Stage) -> Deadline:
        seconds = budget(task.arch, stage)
        guard = self._guard(task, stage)
        return Deadline(self.kit.clock, seconds, guard, f"{stage} on {task.arch.name}")

    def _guard(self, task: Task, stage: Stage) -> Callable[[], None]:
        """Return what stops a stage early; a cancelled attempt still ends in good order."""

        def guard() -> None:
            try:
                self.kit.queue.guard(task.attempt)
            except Cancelled:
                if stage in WORK:
                    raise
            if stage in WORK and task.attempt in self.gone:
                raise InfraError(self.gone[task.attempt])

        return guard


def budget(arch: Arch, stage: Stage) -> float:
    """Return the seconds that a stage may take on that arch."""
    budgets = {
        Stage.PARTNER: PARTNER_SECONDS,
        Stage.PROVISION: arch.budget.provision,
        Stage.DEPLOY: arch.budget.deploy,
        Stage.SMOKE: arch.budget.smoke,
        Stage.COLLECT: arch.budget.collect,
    }
    return budgets.get(stage, CLOSING_SECONDS)


def follows(ruling: Ruling, task: Task) -> Turn | None:
    """Return the turn of the attempt that follows this one, or None.

    What is broken, and not for good, is tried again by the same alternative of the arch, a partner
    once and our machines some times, and then by the next. What did not fail and is broken all the
    same (a simulator's green) is not tried again that way.
    """
    if ruling.verdict is not Verdict.BROKEN or ruling.blame in FINAL:
        return None
    green = task.failure is None and ruling.blame is Blame.INFRA
    ours = task.way.means is not Means.PARTNER and not green
    if ours and task.turn.number < ATTEMPTS:
        return Turn(way=task.turn.way, number=task.turn.number + 1)
    after = task.turn.way + 1
    return Turn(way=after) if after < len(task.arch.ways) else None


def _walks(task: Task, stage: Stage) -> bool:
    """Return whether the attempt's walk leads through the stage."""
    if task.way.means is Means.PARTNER:
        return stage in PARTNERS
    return stage is not Stage.PARTNER


def _broken_on(task: Task) -> frozenset[str]:
    """Return the nodes of this attempt when nobody in particular is suspected."""
    failure = task.failure
    named = bool(failure and failure.node)
    return frozenset() if named else frozenset(host.node.name for host in task.hosts)


def _unblamed(event: Event, cause: str) -> Event:
    """Return a machine's failure as that of the lab under it; anything else as it is."""
    machine = event.kind is Kind.FAILED and event.blame is Blame.INFRA
    return replace(event, node="", text=cause) if machine else event


def _failed(stage: Stage, error: SmoketestError) -> Event:
    blame = None if isinstance(error, Cancelled) else error.blame
    return Event(
        kind=Kind.FAILED,
        stage=stage,
        text=str(error),
        node=error.node,
        blame=blame,
        cause=cause_of(error),
    )


def _undecided(failure: Event) -> Event:
    """Return the ruling of an attempt whose verdict could not be found: ours, and told so."""
    ruling = Ruling(verdict=Verdict.BROKEN, blame=Blame.ORCHESTRATOR, cause=failure.text)
    return Event(kind=Kind.JUDGED, stage=Stage.VERDICT, ruling=ruling, text=failure.text)
