"""THE ORDER: how an attempt walks through the house, and when another one follows.

`tick` gives machines to whoever is next and starts their walk; `walk` leads one attempt through the
stages. Both may be killed at any instant and called again, by any worker: what an event says was
done is not done twice, and a repeated stage reads the world before it touches it. Each walk has a
number; once a newer one began, the store refuses the older one and so stops it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial

from orchestrator.model.arch import Arch, Means
from orchestrator.model.budgets import allowance
from orchestrator.model.errors import (
    Bug,
    Cancelled,
    InfraError,
    LeaseLost,
    SmoketestError,
    StoreAway,
    cause_of,
)
from orchestrator.model.event import WORK, Event, Kind, Stage
from orchestrator.model.experience import Experience
from orchestrator.model.ids import AttemptId, cell_of
from orchestrator.model.lease import Turn
from orchestrator.model.node import Node
from orchestrator.model.run import Host, Task
from orchestrator.model.scheduling.roster import Roster
from orchestrator.model.scheduling.spans import Outlook
from orchestrator.model.verdict import Blame, Ruling, Verdict
from orchestrator.ports.clock import Deadline
from orchestrator.ports.engine import Engine
from orchestrator.ports.fence import Fence
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
#: a stage that took less is sooner done again than written down in a transaction of its own
BRIEF_SECONDS = 1.0
#: what need not be known before something outside is touched
CAN_WAIT = frozenset({Kind.STARTED, Kind.REPORTED})
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
    #: who walks: the worker's name
    walker: str = ""
    order: tuple[tuple[Stage, StageFunction], ...] = ORDER
    #: attempts of this process whose machines are gone, with the cause
    gone: dict[AttemptId, str] = field(default_factory=dict)
    #: attempts that this process walks now
    under_way: set[AttemptId] = field(default_factory=set)
    #: what is known of how long things take
    experience: Callable[[], Experience] = Experience
    #: how many machines may be installed at once, by what they share (`Node.groups`)
    limits: Mapping[str, int] = field(default_factory=dict)
    #: who waited when machines were given out last
    roster: Roster = field(default_factory=Roster)

    def tick(self, engine: Engine, *, woken: bool = False) -> None:
        """Grant machines to whoever is next, and start their walks."""
        if not self.kit.queue.due(woken=woken):
            return
        outlook = Outlook(
            spans=self.experience().spans(),
            groups={node.name: node.groups for node in self.nodes.values()},
            limits=self.limits,
        )
        decide = partial(schedule, outlook=outlook, roster=self.roster)
        now = self.kit.clock.now()
        for grant in self.kit.queue.grant(decide, now).grants:
            engine.start(grant.attempt)

    def walk(self, attempt: AttemptId, pause: Callable[[], None]) -> None:
        """Lead the attempt from where it is to its end; `pause` is called before each stage.

        Raises `LeaseLost` when another worker took it over, `StoreAway` when the store does not
        answer, and whatever keeps the machines from being released: then it is to be called again.
        """
        try:
            number = self.kit.queue.walk(attempt, self.walker)
        except LeaseLost:
            self._over(attempt)
            return
        self.under_way.add(attempt)
        try:
            self.kit.orphans.end(attempt)
            story = Story(self, self.task(attempt, number))
            for stage, _ in self.order:
                pause()
                self.advance(story, stage)
            story.catch_up()
        finally:
            self.under_way.discard(attempt)

    def advance(self, story: "Story", stage: Stage) -> None:
        """Do one stage and tell what happened; nothing if it is over, or pointless by now."""
        seen = story.task = self._seen(story.task)
        if seen.ended(stage) or (stage in WORK and seen.failure) or not _walks(seen, stage):
            return
        last = Event(kind=Kind.FINISHED, stage=stage)
        try:
            with self._place(story, stage):
                self._work(story, stage)
        except (LeaseLost, StoreAway):
            raise
        except Exception as error:  # the one catch: a bug must not lose a machine
            if stage is Stage.RELEASE:
                raise
            last = _failed(stage, error)
        story.end(last)
        if stage is Stage.VERDICT and last.kind is Kind.FAILED:
            story.tell(_undecided(last))

    def _over(self, attempt: AttemptId) -> None:
        """Write down the end of an attempt that was killed between its last act and last word."""
        ends = (Kind.FINISHED, Kind.FAILED)
        past = self.kit.events.of(attempt)
        if not any(e.stage is Stage.RELEASE and e.kind in ends for e in past):
            end = Event(kind=Kind.FINISHED, stage=Stage.RELEASE)
            self.kit.events.append(attempt, [end], self.kit.clock.now())

    def _work(self, story: "Story", stage: Stage) -> None:
        task = story.task
        self._present(task, stage)
        begun = any(e.stage is stage and e.kind is Kind.STARTED for e in task.past)
        story.tell(Event(kind=Kind.RESUMED if begun else Kind.STARTED, stage=stage))
        guard = self._guard(story, stage)
        kit, deadline = self.kit.behind(Fence(guard)), self._deadline(task, stage, guard)
        for event in dict(self.order)[stage](task, kit, deadline):
            story.tell(event)

    def _place(self, story: "Story", stage: Stage) -> AbstractContextManager[None]:
        """Return the place that a heavy stage waits for, outside its budget: the wait is ours."""
        guard = self._guard(story, stage)
        return self.kit.slots.take(guard) if stage in HEAVY else nullcontext()

    def interrupt(self, cause: str) -> None:
        """End the work of every granted attempt: the lab under it was switched off.

        No machine in particular is suspected. What is under way in this process ends at its next
        look at its deadline; what is not yet, at its beginning.
        """
        here = (a for a in self.kit.queue.granted() if self.kit.queue.leases(a))
        self.gone.update((attempt, cause) for attempt in here)

    def task(self, attempt: AttemptId, walk: int = 0) -> Task:
        """Return all that the store knows about the attempt."""
        arch, snapshot = self.runs.aim(cell_of(attempt))
        turn = self.kit.queue.turn(attempt)
        hosts = tuple(
            Host(node=self.nodes[lease.node], lease=lease)
            for lease in self.kit.queue.leases(attempt)
        )
        return Task(
            attempt=attempt,
            arch=arch.by(turn.way),
            snapshot=snapshot,
            hosts=hosts,
            folder=f"{self.root}/{attempt}",
            past=self.kit.events.of(attempt),
            turn=turn,
            walk=walk,
        )

    def _seen(self, task: Task) -> Task:
        """Return the task; who noticed first that the lab is gone blames no machine."""
        cause = self.gone.get(task.attempt)
        past = tuple(_unblamed(event, cause) for event in task.past) if cause else task.past
        return replace(task, past=past)

    def _deadline(self, task: Task, stage: Stage, guard: Callable[[], None]) -> Deadline:
        limit = allowance(self.experience(), task, stage, budget(task.arch, stage))
        what = f"{stage} on {task.arch.name}"
        return Deadline(self.kit.clock, limit.seconds, guard, what, limit.because)

    def _guard(self, story: "Story", stage: Stage) -> Callable[[], None]:
        """Return what stops a stage early; a cancelled attempt still ends in good order.

        Whoever asks is about to touch the world: what happened so far is stored first, in the
        transaction that also says whether to go on.
        """
        task = story.task

        def guard() -> None:
            try:
                if not story.catch_up():
                    self.kit.queue.guard(task.attempt, task.walk)
            except Cancelled:
                if stage in WORK:
                    raise
            self._present(task, stage)

        return guard

    def _present(self, task: Task, stage: Stage) -> None:
        """Raise `InfraError` for work on machines that were switched off under us."""
        if stage in WORK and task.attempt in self.gone:
            raise InfraError(self.gone[task.attempt])


class Story:
    """What happens to an attempt: stored before anything outside is touched, added to its past.

    That a stage began is stored with the first thing that it does, and the end of a brief one with
    what comes next: a stage that touches nothing is sooner done again than written down by itself.
    """

    def __init__(self, flow: Flow, task: Task) -> None:
        """Go on from what `task` knows."""
        self._kit = flow.kit
        self._untold: tuple[Event, ...] = ()
        self.task = task

    def tell(self, event: Event) -> None:
        """Store the event, or keep it back if it can wait; a ruling may queue the next attempt.

        Raises `LeaseLost` if it has no machines for a stage to begin on, or another worker took it
        over.
        """
        turn = follows(event.ruling, self.task) if event.ruling else None
        retry = None
        if event.ruling and turn:
            retry = _broken_on(self.task) | frozenset(event.ruling.suspects)
        self._happened(event)
        if event.kind not in CAN_WAIT:
            self._store(retry, turn)

    def end(self, event: Event) -> None:
        """Tell the end of a stage: at once, if it took long enough to be worth it."""
        begun = (Kind.STARTED, Kind.RESUMED)
        since = next((e.at for e in self.task.past[::-1] if e.kind in begun), None)
        self._happened(event)
        ended = self.task.past[-1].at
        brief = since and ended and (ended - since).total_seconds() < BRIEF_SECONDS
        if not brief or event.stage is Stage.RELEASE:
            self._store()

    def catch_up(self) -> bool:
        """Store what was kept back; return whether there was anything, and so all may go on.

        Raises what the queue's `guard` would, since the transaction that stores looks at the same.
        """
        if not self._untold:
            return False
        if self._store():
            msg = f"somebody stopped {self.task.attempt}"
            raise Cancelled(msg)
        return True

    def _happened(self, event: Event) -> None:
        stamped = replace(event, at=self._kit.clock.now())
        self._untold = (*self._untold, stamped)
        self.task = replace(self.task, past=(*self.task.past, stamped))

    def _store(self, retry: frozenset[str] | None = None, turn: Turn | None = None) -> bool:
        """Store what was kept back; return whether somebody asked the attempt to stop."""
        told, self._untold = self._untold, ()
        task, now = self.task, self._kit.clock.now()
        return self._kit.events.append(
            task.attempt, told, now, retry=retry, turn=turn, walk=task.walk
        )


def budget(arch: Arch, stage: Stage) -> float:
    """Return the seconds that a stage may take at most on that arch."""
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


def _failed(stage: Stage, caught: Exception) -> Event:
    bug = Bug(f"{type(caught).__name__}: {caught}")
    error = caught if isinstance(caught, SmoketestError) else bug
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
