"""The desk: takes requests, and acts on runs and cells."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from orchestrator.model.arch import Arch
from orchestrator.model.errors import ConfigError, Denied, NotFound, PatchFailed
from orchestrator.model.ids import AttemptId, CellId, RunId
from orchestrator.model.lease import Candidate
from orchestrator.model.node import Provenance
from orchestrator.model.request import Commit, Request, Snapshot
from orchestrator.model.run import Cell, Plan, Run, State
from orchestrator.model.verdict import Blame, Ruling, Verdict
from orchestrator.ports.clock import Clock, Deadline
from orchestrator.ports.engine import Engine
from orchestrator.ports.history import History
from orchestrator.ports.source import Source
from orchestrator.ports.store import Queue, Runs
from orchestrator.service.lab import Lab
from orchestrator.stages import plan as planning
from orchestrator.stages import request as requesting

RESOLVE_SECONDS = 120.0
LONGEST_HOLD = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A plan, and the rulings on its cells that are settled before anything runs, by arch."""

    plan: Plan
    rulings: Mapping[str, Ruling]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Takes requests; every verb is safe to repeat."""

    lab: Lab
    clock: Clock
    source: Source
    history: History
    runs: Runs
    queue: Queue
    engine: Engine

    def plan(self, request: Request) -> Draft:
        """Return what the request would run, and what is settled beforehand; nothing is stored.

        Raises `NotFound`, `Impossible`, `Denied`, `PatchFailed` or another `ConfigError`.
        """
        commits, archs = self._check(request)
        return self._draft(request, commits, archs)

    def ask(self, request: Request) -> Run:
        """Store the request as a run and wake the engine.

        A patch that does not apply is a verdict (broken, blame config) on every cell, and an arch
        that does not exist for the commit one on its own (skipped): these are stored as judged.
        Anything else that is wrong raises, and nothing is stored.
        """
        commits, archs = self._check(request)
        try:
            draft = self._draft(request, commits, archs)
        except PatchFailed as error:
            draft = _refused(commits, archs, error)
        run = self.runs.add(request, draft.plan, draft.rulings, self.clock.now())
        self.engine.wake()
        return run

    def cancel_run(self, run: RunId) -> Run:
        """Stop every cell of the run that is not done; return the run."""
        for cell in self.runs.cells(run):
            self._stop(cell)
        self.engine.wake()
        return self.runs.run(run)

    def cancel_cell(self, cell: CellId) -> Cell:
        """Stop the cell's newest attempt; return the cell."""
        self._stop(self.runs.cell(cell))
        self.engine.wake()
        return self.runs.cell(cell)

    def recheck(self, cell: CellId, reason: str) -> AttemptId:
        """Queue a fresh attempt at a settled cell; a reason is owed to those who wait."""
        if not reason.strip():
            msg = "a recheck needs a reason: say --reason 'what you think happened'"
            raise ConfigError(msg)
        attempt = self.queue.recheck(cell, self.clock.now())
        self.engine.wake()
        return attempt

    def hold(self, cell: CellId, hours: float) -> AttemptId:
        """Keep the machines of the cell's newest attempt for a person; return that attempt."""
        length = timedelta(hours=hours)
        if not timedelta(0) < length <= LONGEST_HOLD:
            msg = f"a hold lasts more than 0 and at most {LONGEST_HOLD.days * 24} hours"
            raise ConfigError(msg)
        attempt = self._newest(cell)
        self.queue.hold(attempt, self.clock.now() + length)
        return attempt

    def release(self, cell: CellId) -> AttemptId:
        """End the hold on the cell's machines; return the attempt that had them.

        An attempt may be held that was tried again since.
        """
        newest = self._newest(cell)
        held = [each for each in self.runs.cell(cell).attempts if self.queue.held_until(each)]
        for attempt in held:
            self.queue.hold(attempt, self.clock.now())
        if held:
            self.engine.wake()
        return held[-1] if held else newest

    def branches(self, repo: str) -> tuple[str, ...]:
        """Return the repository's branches."""
        return self.source.branches(repo, self._deadline())

    def _check(self, request: Request) -> tuple[tuple[Commit, ...], tuple[Arch, ...]]:
        """Return the resolved commits and the archs, or raise what is wrong with the request."""
        known, nodes = list(self.lab.archs.values()), self._candidates()
        # What is laid on top reaches our own machines only: partners build from the repository.
        # A stranger's code reaches no partner: theirs trust us with what they run.
        partners = {} if request.patches or request.here or request.outside else self.lab.takers()
        meant = planning.meant(known, request.repo)
        here = known if request.archs else planning.possible(meant, nodes, partners)
        archs = planning.refuse_impossible(planning.choose(request, here), nodes, partners)
        self._trust(request)
        return requesting.resolve(request, self.source, self._deadline()), archs

    def _draft(
        self, request: Request, commits: tuple[Commit, ...], archs: tuple[Arch, ...]
    ) -> Draft:
        """Return the plan; archs with nothing to say about these commits are settled already."""
        snapshot = requesting.pack(request, commits, self.source, self._deadline())
        plan = Plan(snapshot=snapshot, archs=archs, others=commits[1:])
        reasons = planning.absent(plan, request.patches, self.history, self._deadline())
        return Draft(
            plan=plan,
            rulings={
                arch: Ruling(verdict=Verdict.SKIPPED, cause=why) for arch, why in reasons.items()
            },
        )

    def _trust(self, request: Request) -> None:
        simulated = any(n.provenance is Provenance.SIMULATED for n in self.lab.nodes.values())
        known = request.repo in self.lab.trusted and not request.outside
        trusted = known or request.trust_code or self.lab.trust_code
        if simulated and not trusted:
            msg = (
                f"this lab's machines are simulated: code of {request.repo} would run on this host,"
                " as you, with all your rights. If you trust it, say so with --trust-code"
            )
            raise Denied(msg)

    def _candidates(self) -> list[Candidate]:
        return [
            Candidate(name=node.name, capabilities=node.capabilities, free=True)
            for node in self.lab.nodes.values()
        ]

    def _stop(self, cell: Cell) -> None:
        if cell.state is not State.DONE and cell.attempts:
            self.queue.cancel(cell.attempts[-1], self.clock.now())

    def _newest(self, cell: CellId) -> AttemptId:
        attempts = self.runs.cell(cell).attempts
        if not attempts:
            msg = f"{cell} was never tried, so it has no machines"
            raise NotFound(msg)
        return attempts[-1]

    def _deadline(self) -> Deadline:
        return Deadline(self.clock, RESOLVE_SECONDS, what="reading the repository")


def _refused(commits: tuple[Commit, ...], archs: tuple[Arch, ...], error: PatchFailed) -> Draft:
    """Return the plan with every cell settled: a patch does not apply."""
    ruling = Ruling(verdict=Verdict.BROKEN, blame=Blame.CONFIG, cause=str(error))
    snapshot = Snapshot(commit=commits[0], archive="")
    plan = Plan(snapshot=snapshot, archs=archs, others=commits[1:])
    return Draft(plan=plan, rulings={arch.name: ruling for arch in archs})
